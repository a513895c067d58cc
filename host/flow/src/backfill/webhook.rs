//! Comparing with the endpoints: what each has acknowledged of a pass, beside how the pass stands.
//!
//! Owns what counts as told. Does not own the sending (`webhook`): an event that was not acknowledged goes out again under its own id, and a new one is
//! written where the newest no longer says how things stand, because an identifier was given since, or the pass was here before its first
//! webhook.

use passerelle_contract::installation::Emission;
use passerelle_contract::types::Wallet;
use serde_json::{Map, Value};

use super::crm::CRM_FIELDS;
use super::{BackfillError, Compared, Repair};
use crate::attribute::Sorted;
use crate::flow::Flow;
use crate::happening::{self, About};
use crate::installation;
use crate::ports::Host;
use crate::store::{
    Backfills as _, DeliveryState, Happening, HappeningKind, Outbox as _, Replayed, StoredHappening, StoredPass,
};
use crate::tenant::Tenant;

/// What is told of an installation.
const KINDS: [HappeningKind; 2] = [HappeningKind::PassInstalled, HappeningKind::PassUninstalled];

/// `again`: also what was acknowledged, for a CRM that has lost its records.
pub(super) async fn compare<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &StoredPass,
    again: bool,
) -> Result<Compared, BackfillError> {
    let store = flow.host.store();
    let Some(stands) = stands(flow, tenant, pass).await? else { return Ok(Compared::Seen(vec![])) };
    let last = store.last_happening(&tenant.id, &pass.id, &KINDS).await?;
    let told = last.as_ref().map(|last| properties(&last.happening)).unwrap_or_default();
    let now = properties(&stands);
    let old = flow.now() - flow.options.retention.notifications;
    let Some(last) = last.filter(|last| same(&told, &now) && same_persons(tenant, last, &stands, old)) else {
        let status = |of: &Map<String, Value>| of.get("walletStatus").and_then(Value::as_str).map(str::to_owned);
        let repair = Repair {
            pass: pass.id.clone(),
            what: stands.kind.name().to_owned(),
            was: status(&told),
            now: status(&now).unwrap_or_default(),
        };
        installation::tell_again(flow, tenant, &pass.id, stands).await?;
        return Ok(Compared::Seen(vec![repair]));
    };
    let mut repairs = Vec::new();
    for endpoint in store.webhooks(&tenant.id).await? {
        if !endpoint.settled.enabled || !endpoint.settled.asks_for(last.happening.kind) {
            continue;
        }
        let id = &endpoint.settled.id;
        let delivery = store.delivery(&tenant.id, id, &last.happening.id).await?;
        let state = delivery.map(|(delivery, _)| delivery.state);
        let wanted = match state {
            None | Some(DeliveryState::Dead) => true,
            Some(DeliveryState::Delivered) => again,
            // It is on its way.
            Some(DeliveryState::Ready | DeliveryState::Queued | DeliveryState::Leased) => false,
        };
        if wanted && store.replay_delivery(&tenant.id, id, &last.happening.id, flow.now()).await? == Replayed::Wanted {
            let was = state.map(|state| if state == DeliveryState::Dead { "given up" } else { "acknowledged" });
            repairs.push(Repair {
                pass: pass.id.clone(),
                what: format!("endpoint {id}"),
                was: was.map(str::to_owned),
                now: last.happening.kind.name().to_owned(),
            });
        }
    }
    Ok(Compared::Seen(repairs))
}

/// How the pass stands, as an event. None: it never was in a wallet, which nobody was told.
async fn stands<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &StoredPass,
) -> Result<Option<Happening>, BackfillError> {
    let reduction = installation::reduction(flow, tenant, pass).await?;
    if !reduction.crm.iter().any(|(name, _)| name == "walletLastEvent") {
        return Ok(None);
    }
    let status = &reduction.status;
    let (wallet, presence) = match status.apple.changed_at > status.google.changed_at {
        true => (Wallet::Apple, &status.apple),
        false => (Wallet::Google, &status.google),
    };
    let kind = if presence.installed { HappeningKind::PassInstalled } else { HappeningKind::PassUninstalled };
    let emission =
        Emission { name: kind.name().to_owned(), wallet, at: presence.changed_at.unwrap_or(0), count: presence.count };
    let attributes = Sorted::of_pass(&flow.host, tenant, &pass.id).await?;
    Ok(happening::of_emission(flow, tenant, &About::of(pass, &attributes), &emission, &reduction.crm)?)
}

fn properties(happening: &Happening) -> Map<String, Value> {
    serde_json::from_str(&happening.properties).unwrap_or_default()
}

/// What a CRM keeps, and finds its record by.
fn same(told: &Map<String, Value>, now: &Map<String, Value>) -> bool {
    // A word that changed nothing (one of two phones let it go) moves the time alone, and nobody was told of it.
    let fields = CRM_FIELDS.into_iter().filter(|name| *name != "walletLastChangedAt" && *name != "walletLastEvent");
    fields.chain(["identifiers", "missingIdentifier"]).all(|name| told.get(name) == now.get(name))
}

/// What is sealed: identifiers that may name a person, and metadata. After the retention nobody knows any more what was told, and it counts as the same.
fn same_persons(tenant: &Tenant, last: &StoredHappening, now: &Happening, old: crate::identity::Millis) -> bool {
    let open = |happening: &Happening| -> Option<Value> {
        let opened = happening::opened(tenant, happening).ok()??;
        serde_json::from_slice(&opened).ok()
    };
    last.recorded_at < old || open(&last.happening).unwrap_or_default() == open(now).unwrap_or_default()
}
