//! What Vibes tells of the devices that hold an item, as data and operations of their own.
//!
//! Part of the store's port ([`super::Store`] asks for it). Each operation is one transaction: what is known of a device and the signal that follows
//! from it change together, so that the count in a signal is right whatever came before, after or at the same time.

use std::future::Future;

use passerelle_contract::types::Wallet;

use super::{SignalKey, StoreResult};
use crate::identity::{Millis, PassId, TenantId};
use crate::maybe_send::{MaybeSend, MaybeSync};

/// A pass came to a device, or left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceEvent {
    pub pass: PassId,
    pub wallet: Wallet,
    /// MAC of the installation's identifier (hex): it stands for a device, which is personal data.
    pub instance: String,
    /// The event counts once, whatever it says when it comes again.
    pub key: SignalKey,
    pub installed: bool,
}

/// What a list says of all devices of a pass together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceLook {
    pub pass: PassId,
    pub wallet: Wallet,
    pub key: SignalKey,
    pub installed: bool,
    /// A device that came later than this is not called gone: a list may lag behind.
    pub settled: Millis,
}

pub trait VibesLedger: MaybeSync {
    /// Of each device the newest event counts, at the same time the removal, and a wallet has the pass as long as one device has it. Writes
    /// the event as a signal, to be folded at `fold_at` or later; one that comes late leads to a second signal, with the count as it is now at the
    /// time of the newest event. So any order of arrival ends alike. False: the event was known.
    fn vibes_event(
        &self,
        tenant: &TenantId,
        event: InstanceEvent,
        fold_at: Millis,
    ) -> impl Future<Output = StoreResult<bool>> + MaybeSend;
    /// Signals what differs from what events have told: that somebody has the pass, or that nobody has it any more. False: nothing differs.
    fn vibes_look(
        &self,
        tenant: &TenantId,
        look: InstanceLook,
        fold_at: Millis,
    ) -> impl Future<Output = StoreResult<bool>> + MaybeSend;
}
