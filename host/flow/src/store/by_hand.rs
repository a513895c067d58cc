//! What a person does with passes, as data and operations of their own: a message to holders, a card that ends.
//!
//! Part of the store's port ([`super::Store`] asks for it). Each operation is one transaction. None of them needs a lease: they raise a pass's
//! version as a run does, so a run that has read it before meets a conflict and reads again.

use std::future::Future;

use serde::{Deserialize, Serialize};

use super::happening::Happening;
use super::{Change, StoreResult};
use crate::identity::{Millis, PassId, TenantId};
use crate::maybe_send::{MaybeSend, MaybeSync};

/// Whom a message is for. Live passes only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Audience {
    /// Everybody who has a ticket for this performance: an event's key.
    Performance(String),
    /// Every pass of this template.
    Template(String),
    Passes(Vec<PassId>),
}

/// A message for these passes: the whole audience, or as much of it as one transaction should hold.
#[derive(Clone, Debug)]
pub struct NoticeWrite {
    pub tenant: TenantId,
    pub id: String,
    pub now: Millis,
    /// What it says, sealed: JSON of text by locale.
    pub body_sealed: Vec<u8>,
    pub passes: Vec<PassId>,
    /// For the history of each pass.
    pub change: Change,
}

/// A message as a pass shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassNotice {
    pub id: String,
    pub body_sealed: Vec<u8>,
    /// Counts the messages of a pass, from 1.
    pub seq: i64,
    pub google: GoogleNotice,
}

/// What Google has done with a message to one pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GoogleNotice {
    /// Google has no object of this pass: nobody has saved it.
    None,
    Waiting,
    /// The holder was notified.
    Notified,
    /// It is on the pass; there had been three notifications in 24 hours, so nobody was notified.
    Silent,
}

/// What Apple has done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppleNotice {
    /// No iPhone has this pass.
    None,
    /// Not every iPhone that has it was pushed to yet.
    Waiting,
    Pushed,
}

/// What came of a message to one pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeResult {
    pub pass: PassId,
    pub apple: AppleNotice,
    pub google: GoogleNotice,
    /// Sending was given up: the effect is dead.
    pub failed: bool,
    /// A later message stands in its place.
    pub superseded: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeReport {
    pub at: Millis,
    pub results: Vec<NoticeResult>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deactivated {
    Done,
    /// It was void already.
    Already,
    Unknown,
}

pub trait ByHand: MaybeSync {
    /// The passes of an audience that live, in order; of listed ones those that are there.
    fn audience(
        &self,
        tenant: &TenantId,
        audience: &Audience,
    ) -> impl Future<Output = StoreResult<Vec<PassId>>> + MaybeSend;
    /// Puts a message onto passes: version and tag rise, pushes and Google's message are wanted. A pass that has this message already, or lives no
    /// longer, is passed over, so that it can be repeated. How many got it.
    fn post_notice(&self, notice: NoticeWrite) -> impl Future<Output = StoreResult<u64>> + MaybeSend;
    fn notice(
        &self,
        tenant: &TenantId,
        id: &str,
    ) -> impl Future<Output = StoreResult<Option<NoticeReport>>> + MaybeSend;
    /// The last message to a pass.
    fn newest_notice(
        &self,
        tenant: &TenantId,
        pass: &PassId,
    ) -> impl Future<Output = StoreResult<Option<PassNotice>>> + MaybeSend;
    /// What Google has done with it.
    fn settle_notice(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        seq: i64,
        google: GoogleNotice,
    ) -> impl Future<Output = StoreResult<()>> + MaybeSend;

    /// A live pass ends, by a person's word: version and tag rise, pushes and Google's object are wanted. The void limit does not count it. It
    /// happens only when the pass lived.
    fn deactivate(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        change: Change,
        happening: Option<Happening>,
        now: Millis,
    ) -> impl Future<Output = StoreResult<Deactivated>> + MaybeSend;
}
