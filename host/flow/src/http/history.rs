//! `GET /api/{tenantId}/passes/{id}/history`: why did my ticket change?

use serde::Serialize;

use super::item::timestamp;
use super::{Answer, Call, Problem, caller, json, method};
use crate::access::Scope;
use crate::flow::Flow;
use crate::identity::PassId;
use crate::ports::Host;
use crate::store::Store;
use crate::tenant::Tenant;
use crate::words;

/// One line of `history`.
#[derive(Serialize)]
struct HistoryItem {
    seq: i64,
    at: String,
    action: String,
    #[serde(rename = "useCase")]
    use_case: String,
    /// Plain words, for support and for the holder.
    explanation: String,
    reason: String,
    fields: Vec<String>,
    #[serde(rename = "correlationIds")]
    correlation_ids: Vec<String>,
    run: Option<String>,
}

pub async fn tell<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, id: &str) -> Answer {
    method(call, "GET")?;
    caller::authorise(flow, tenant, call, Scope::PassRead).await?;
    let id = PassId::parse(id).map_err(|_| Problem::not_found("pass"))?;
    let store = flow.host.store();
    store.pass(&tenant.id, &id).await.map_err(caller::unavailable)?.ok_or_else(|| Problem::not_found("pass"))?;
    let changes = store.history(&tenant.id, &id).await.map_err(caller::unavailable)?;
    let items: Vec<HistoryItem> = changes
        .into_iter()
        .map(|stored| HistoryItem {
            seq: stored.seq,
            at: timestamp(stored.at),
            explanation: words::change(&stored.change),
            action: stored.change.action,
            use_case: stored.change.use_case,
            reason: stored.change.reason,
            fields: stored.change.fields,
            correlation_ids: stored.change.correlations,
            run: stored.run,
        })
        .collect();
    json(&items)
}
