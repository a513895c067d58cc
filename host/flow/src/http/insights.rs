//! `POST /api/{tenantId}/insights/query`: questions in KQL.
//!
//! Owns the body, who may ask and how often. Does not own the dialect (`insights`) nor the rows (`store::insights`). The tenant is the path's, and the
//! store reads that tenant's rows alone. A query goes to no log: it holds what somebody looks for.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::demand::seconds_until;
use super::{Answer, Call, Problem, body, caller, json, method};
use crate::access::Scope;
use crate::flow::Flow;
use crate::identity::Millis;
use crate::insights::answer::answer;
use crate::insights::parameter::Parameters;
use crate::insights::prepare;
use crate::ports::Host;
use crate::store::{Insights as _, Outcome, Question, Spend, Spent, Store as _};
use crate::tenant::Tenant;

/// As The Wallet Crew documents it (domain.md 1.16).
const PER_MINUTE: i64 = 60;
const MINUTE: Millis = 60_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    query: String,
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
    /// Taken and without effect: The Wallet Crew names none.
    #[serde(default, rename = "options")]
    _options: Option<Map<String, Value>>,
}

pub async fn query<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call) -> Answer {
    method(call, "POST")?;
    caller::authorise(flow, tenant, call, Scope::InsightsRead).await?;
    let store = flow.host.store();
    let now = flow.now();
    // Before the body is read: a wrong query is a call as well.
    let scope = format!("insights/{}", tenant.id);
    match store.spend(Spend { scope, now, limit: PER_MINUTE, window: MINUTE, reserve: 0 }).await {
        Ok(Spent::Granted) => {}
        Ok(Spent::WaitUntil(until)) => {
            return Err(Problem::too_many_calls(PER_MINUTE, seconds_until(now, until)));
        }
        Err(error) => return Err(caller::unavailable(error)),
    }
    let body: Body = body(call, "{\"query\": \"Events | count\", \"parameters\": {\"name\": \"value\"}}")?;
    let parameters = Parameters::parse(&body.parameters.unwrap_or_default())
        .map_err(|error| Problem::field("parameters", &error.to_string()))?;
    let plan = prepare(&body.query, &parameters, now).map_err(Problem::query)?;
    let columns = plan.columns.clone();
    let question = Question { tenant: tenant.id.clone(), now, plan };
    match store.ask(question).await.map_err(caller::unavailable)? {
        Outcome::Rows(rows) => json(&answer(&columns, rows)),
        Outcome::Beyond(bound) => Err(Problem::query_beyond(bound)),
    }
}
