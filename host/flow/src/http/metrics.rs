//! `GET /metrics`: the same figures as readiness, for Prometheus (text format 0.0.4), the end of each tenant's certificate, what came of Google's
//! and of Vibes' callbacks, what was told of passes that nobody can match, and the tenants' plugins.
//!
//! Owns the names. A label is a tenant or a state and never anything of a ticket.

use std::fmt::Write as _;

use http::StatusCode;

use super::{Answer, Call, Problem, caller, method, respond};
use crate::flow::Flow;
use crate::plugin::{Presence, Until};
use crate::ports::{Host, Plugins as _};
use crate::store::Store;
use crate::tally::Tally;

const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub async fn tell<H: Host>(flow: &Flow<H>, call: &Call) -> Answer {
    method(call, "GET")?;
    let depth = flow.host.store().depth().await.map_err(caller::unavailable)?;
    let mut text = String::new();
    let mut family = |name: &str, help: &str, samples: &[(String, i64)]| -> std::fmt::Result {
        // By the naming of Prometheus, which has no other mark in this format.
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
        samples.iter().try_for_each(|(labels, value)| writeln!(text, "{name}{labels} {value}"))
    };
    let state = |state: &str, value| (format!("{{state=\"{state}\"}}"), value);
    let tasks = [
        state("ready", depth.tasks_ready),
        state("running", depth.tasks_leased),
        state("dead", depth.tasks_dead),
        state("held", depth.tasks_held),
    ];
    let effects = [state("waiting", depth.effects_waiting), state("dead", depth.effects_dead)];
    let oldest = depth.oldest_due.map_or(0, |due| ((flow.now() - due) / 1000).max(0));
    let ends: Vec<(String, i64)> = flow
        .certificates()
        .into_iter()
        .map(|(tenant, at)| (format!("{{tenant=\"{tenant}\"}}"), at.div_euclid(1000)))
        .collect();
    let written = family("passerelle_tasks", "Tasks by state.", &tasks)
        .and_then(|()| family("passerelle_effects", "Pushes and patches by state.", &effects))
        .and_then(|()| {
            family("passerelle_oldest_due_seconds", "Age of the oldest due task.", &[(String::new(), oldest)])
        })
        .and_then(|()| {
            family(
                "passerelle_apple_certificate_expires_timestamp_seconds",
                "When the tenant's Apple certificate ends.",
                &ends,
            )
        })
        .and_then(|()| {
            let help = "Google callbacks by what came of them, since the start.";
            family("passerelle_google_callbacks_total", help, &counted(flow, &flow.callbacks, "outcome"))
        })
        .and_then(|()| {
            let help = "Vibes callbacks by what came of them, since the start.";
            family("passerelle_vibes_callbacks_total", help, &counted(flow, &flow.vibes_callbacks, "outcome"))
        });
    let deliveries = [state("waiting", depth.deliveries_waiting), state("dead", depth.deliveries_dead)];
    let oldest = depth.oldest_delivery.map_or(0, |since| ((flow.now() - since) / 1000).max(0));
    let written = written
        .and_then(|()| family("passerelle_deliveries", "Deliveries of webhooks by state.", &deliveries))
        .and_then(|()| {
            let help = "How long the oldest waiting delivery has waited.";
            family("passerelle_oldest_delivery_seconds", help, &[(String::new(), oldest)])
        })
        .and_then(|()| {
            let help = "Webhook endpoints that were switched off because they failed or were gone.";
            family("passerelle_webhooks_off", help, &[(String::new(), depth.webhooks_off)])
        })
        .and_then(|()| {
            let help = "Events of passes without the identifier that they are joined by, since the start.";
            family("passerelle_missing_identifiers_total", help, &counted(flow, &flow.missing_identifiers, "kind"))
        });
    let left_alone: Vec<_> = flow
        .plugins
        .breakers
        .open(flow.now())
        .into_iter()
        .map(|(tenant, until)| (format!("{{tenant=\"{tenant}\"}}"), until.div_euclid(1000)))
        .collect();
    let written = written
        .and_then(|()| {
            let help = "Tenants' plugins: in force, to be had soon, or to be mended by a person.";
            family("passerelle_plugins", help, &plugins(flow))
        })
        .and_then(|()| {
            let help = "Until when a tenant's plugin is left alone, because it has failed again and again.";
            family("passerelle_plugin_left_alone_until_timestamp_seconds", help, &left_alone)
        });
    written.map_err(|_| Problem::internal())?;
    Ok(respond(StatusCode::OK, MEDIA_TYPE, text))
}

/// One sample for each tenant that has a plugin.
fn plugins<H: Host>(flow: &Flow<H>) -> Vec<(String, i64)> {
    let of = |tenant: std::sync::Arc<crate::tenant::Tenant>| {
        let state = match flow.host.plugins().presence(&tenant) {
            Presence::None => return None,
            Presence::Installed(_) => "in-force",
            Presence::Unavailable(Until::Soon) => "soon",
            Presence::Unavailable(Until::Mended) => "to-be-mended",
        };
        Some((format!("{{tenant=\"{}\",state=\"{state}\"}}", tenant.id), 1))
    };
    flow.host.tenants().into_iter().filter_map(of).collect()
}

fn counted<H: Host>(flow: &Flow<H>, tally: &Tally, label: &str) -> Vec<(String, i64)> {
    let of = |tenant: std::sync::Arc<crate::tenant::Tenant>| {
        let counts = tally.of(&tenant.id);
        counts.into_iter().map(move |(code, count)| {
            let labels = format!("{{tenant=\"{}\",{label}=\"{code}\"}}", tenant.id);
            (labels, i64::try_from(count).unwrap_or(i64::MAX))
        })
    };
    flow.host.tenants().into_iter().flat_map(of).collect()
}
