//! Last-minute messages: `POST /api/{tenantId}/passes/notifications`, and what came of one.
//!
//! Owns who gets a message and that nobody sends one without having seen to how many: a dry run counts, and the send names the count or the
//! dry run's token. Does not own the text (`notice`) nor the sending (`run`). A token stands for exactly these passes and this text, for an hour;
//! sent again with it, a message goes to nobody twice.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use subtle::ConstantTimeEq as _;

use super::{Answer, Call, Problem, accepted, body, caller, json as respond_json, method};
use crate::access::Scope;
use crate::flow::Flow;
use crate::identity::{HOUR, Millis, PassId, secutix_id};
use crate::notice::{self, Text, shipped_names};
use crate::ports::Host;
use crate::store::{Audience, ByHand as _, Change, NoticeWrite};
use crate::tenant::Tenant;

/// How long a dry run's token may be used: a message is for now.
const PREVIEW: Millis = HOUR;
/// Passes that a caller may list; a performance or a template has as many as it has.
const MOST_LISTED: usize = 1_000;
/// Passes of one transaction. The store has one writer, which others wait for.
const AT_ONCE: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Body {
    to: To,
    /// Name of a text that is shipped.
    text: Option<String>,
    /// A text of one's own, by locale.
    message: Option<BTreeMap<String, String>>,
    #[serde(default)]
    dry_run: bool,
    count: Option<usize>,
    token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum To {
    Performance(String),
    Template(String),
    Passes(Vec<String>),
}

pub async fn send<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call) -> Answer {
    method(call, "POST")?;
    caller::authorise(flow, tenant, call, Scope::PassWrite).await?;
    let body: Body = body(call, "{\"to\": {\"performance\": \"…\"}, \"text\": \"…\", \"dryRun\": true}")?;
    let audience = audience(tenant, &body.to)?;
    let text = text(tenant, &body)?;
    let store = flow.host.store();
    let passes = store.audience(&tenant.id, &audience).await.map_err(caller::unavailable)?;
    let now = flow.now();
    if body.dry_run {
        let token = token(tenant, now, &text, &passes);
        let left_out = left_out(&audience, &passes);
        return respond_json(
            &json!({ "count": passes.len(), "leftOut": left_out, "token": token, "message": text.by_locale() }),
        );
    }
    let id = match (&body.token, body.count) {
        (Some(token), _) => previewed(tenant, token, now, &text, &passes)?,
        (None, Some(count)) if count == passes.len() => flow.uuid(),
        (None, Some(_)) => return Err(Problem::audience_changed(passes.len())),
        (None, None) => {
            return Err(Problem::field("count", "how many passes the message is for, or the token of a dry run"));
        }
    };
    let body_sealed = notice::seal(flow, tenant, &id, &text).map_err(caller::internal)?;
    let change = Change {
        action: "message".to_owned(),
        use_case: "last-minute-message".to_owned(),
        reason: "organiser".to_owned(),
        fields: vec![],
        correlations: vec![call.correlation.clone()],
    };
    let mut told = 0;
    for some in passes.chunks(AT_ONCE) {
        let notice = NoticeWrite {
            tenant: tenant.id.clone(),
            id: id.clone(),
            now,
            body_sealed: body_sealed.clone(),
            passes: some.to_vec(),
            change: change.clone(),
        };
        told += store.post_notice(notice).await.map_err(caller::unavailable)?;
    }
    tracing::info!(notice = %id, passes = passes.len(), told, "a message to holders");
    let left_out = left_out(&audience, &passes);
    accepted(&json!({ "id": id, "count": passes.len(), "leftOut": left_out, "told": told }))
}

/// Listed passes that get no message: they have ended, or there are none of that id.
fn left_out<'a>(audience: &'a Audience, passes: &[PassId]) -> Vec<&'a str> {
    let Audience::Passes(listed) = audience else { return vec![] };
    listed.iter().filter(|id| !passes.contains(id)).map(PassId::as_str).collect()
}

fn audience(tenant: &Tenant, to: &To) -> Result<Audience, Problem> {
    match to {
        To::Performance(id) => secutix_id(id)
            .map(|id| Audience::Performance(format!("performance:{id}")))
            .ok_or_else(|| Problem::field("to.performance", "a SecuTix performance id (int64) is expected")),
        To::Template(name) if tenant.templates.contains_key(name) => Ok(Audience::Template(name.clone())),
        To::Template(_) => Err(Problem::field("to.template", "there is no template of that name")),
        To::Passes(ids) if ids.len() > MOST_LISTED => {
            Err(Problem::field("to.passes", &format!("at most {MOST_LISTED} passes are listed")))
        }
        To::Passes(ids) => {
            let ids: Result<Vec<PassId>, _> = ids.iter().map(|id| PassId::parse(id)).collect();
            ids.map(Audience::Passes).map_err(|_| Problem::field("to.passes", "a list of pass ids is expected"))
        }
    }
}

fn text(tenant: &Tenant, body: &Body) -> Result<Text, Problem> {
    match (&body.text, &body.message) {
        (Some(name), None) => Text::shipped(tenant, name).ok_or_else(|| {
            let names: Vec<&str> = shipped_names().collect();
            Problem::field("text", &format!("one of {} is expected", names.join(", ")))
        }),
        (None, Some(message)) => {
            Text::own(tenant, message).map_err(|error| Problem::field("message", &error.to_string()))
        }
        _ => Err(Problem::field("text", "either text or message is expected")),
    }
}

/// A dry run's word for these passes and this text: its time, and a MAC over all of it.
fn token(tenant: &Tenant, at: Millis, text: &Text, passes: &[PassId]) -> String {
    let mut parts: Vec<Vec<u8>> = vec![at.to_string().into_bytes()];
    for (locale, text) in text.by_locale() {
        parts.push(locale.as_bytes().to_vec());
        parts.push(text.as_bytes().to_vec());
    }
    parts.extend(passes.iter().map(|pass| pass.as_str().as_bytes().to_vec()));
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    format!("{at}.{}", tenant.keys.mac("notice-preview", &parts))
}

/// The message's id, which is the token's: who sends again continues the same message.
fn previewed(tenant: &Tenant, given: &str, now: Millis, text: &Text, passes: &[PassId]) -> Result<String, Problem> {
    let at: Option<Millis> = given.split('.').next().and_then(|at| at.parse().ok());
    let at = at.filter(|at| (now - PREVIEW..=now).contains(at));
    let at = at.ok_or_else(|| Problem::field("token", "a dry run's token of the last hour is expected"))?;
    if !bool::from(token(tenant, at, text, passes).as_bytes().ct_eq(given.as_bytes())) {
        return Err(Problem::audience_changed(passes.len()));
    }
    Ok(given.to_owned())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    id: String,
    sent_at: String,
    count: usize,
    results: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    pass: String,
    apple: crate::store::AppleNotice,
    google: crate::store::GoogleNotice,
    /// Sending was given up.
    failed: bool,
    /// A later message stands on the pass.
    superseded: bool,
}

/// `GET /api/{tenantId}/passes/notifications/{notificationId}`: what came of it, pass by pass.
pub async fn tell<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, id: &str) -> Answer {
    method(call, "GET")?;
    caller::authorise(flow, tenant, call, Scope::PassRead).await?;
    let report = flow.host.store().notice(&tenant.id, id).await.map_err(caller::unavailable)?;
    let report = report.ok_or_else(|| Problem::not_found("message"))?;
    let item = |result: crate::store::NoticeResult| Item {
        pass: result.pass.as_str().to_owned(),
        apple: result.apple,
        google: result.google,
        failed: result.failed,
        superseded: result.superseded,
    };
    respond_json(&Report {
        id: id.to_owned(),
        sent_at: super::item::timestamp(report.at),
        count: report.results.len(),
        results: report.results.into_iter().map(item).collect(),
    })
}
