//! The items of a campaign, for what no callback has told: a server that was away too long, a registration that was missing.
//!
//! Owns the reading of the list and the comparison with what callbacks told. Bounded by Vibes: the list has about the latest fifty items, knows no
//! second page and no devices, so this makes good what was lost lately and is no census.

use std::collections::BTreeMap;

use passerelle_contract::types::Wallet;
use serde_json::Value;

use super::callback::subject;
use super::client::Client;
use super::error::VibesError;
use crate::flow::Flow;
use crate::identity::{Millis, PassId};
use crate::installation;
use crate::ports::Host;
use crate::store::{InstanceLook, SignalKey, SignalKind, Store, VibesLedger as _};
use crate::tenant::{Tenant, Vibes};

const SOURCE: &str = "vibes-items";
/// A pass that came so lately is not called gone: the older documentation of their callbacks has five repetitions, five minutes apart, and the list
/// may lag as they do.
const GRACE: Millis = 1_800_000;

/// What a look at one campaign has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backfilled {
    pub items: usize,
    /// Items that are none of our passes.
    pub unmatched: usize,
    /// Wallets that hold or do not hold a pass otherwise than callbacks had told.
    pub corrected: usize,
}

pub async fn backfill<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    vibes: &Vibes,
    campaign: &str,
) -> Result<Backfilled, VibesError> {
    // Of the moment before it is asked: whatever a callback says meanwhile is newer.
    let at = flow.now();
    let list = Client::new(&flow.host, vibes).items(campaign).await?;
    let store = flow.host.store();
    let mut done = Backfilled { items: list.len(), ..Backfilled::default() };
    // One movement may have had several items: it is in the wallet when one of them is.
    let mut found: BTreeMap<(PassId, &'static str), (Wallet, bool)> = BTreeMap::new();
    for item in &list {
        let join = item.get("tokens").and_then(|tokens| tokens.get(&vibes.join));
        let wallet = item.get("provider").and_then(Value::as_str).and_then(super::wallet);
        let subject = join.and_then(|value| subject(value, vibes.subject));
        let (Some(wallet), Some(subject)) = (wallet, subject) else {
            done.unmatched += 1;
            continue;
        };
        let Some(view) = store.pass_by_subject(&tenant.id, &subject).await? else {
            done.unmatched += 1;
            continue;
        };
        let active = matches!(item.get("active"), Some(Value::Bool(true)));
        let known = found.entry((view.pass.id, installation::wallet_name(wallet))).or_insert((wallet, false));
        known.1 |= active;
    }
    for ((pass, name), (wallet, installed)) in found {
        let key = SignalKey { source: SOURCE.to_owned(), event: format!("{pass}/{name}/{at}"), at };
        let look = InstanceLook { pass, wallet, key, installed, settled: at - GRACE };
        let kind = if installed { SignalKind::Present } else { SignalKind::Absent };
        done.corrected += usize::from(store.vibes_look(&tenant.id, look, installation::fold_at(flow, kind)).await?);
    }
    let Backfilled { items, unmatched, corrected } = done;
    tracing::info!(tenant = %tenant.id, items, unmatched, corrected, "items at Vibes were looked at");
    Ok(done)
}
