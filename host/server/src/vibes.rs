//! `passerelle vibes`, and the registrations at Vibes that a server keeps by itself.
//!
//! Owns what the commands print and when a running server looks after its registrations. Does not own what is registered
//! (`passerelle_flow::vibes`). An address is shown without the secret that it ends with, ours or anybody's: a terminal is copied into tickets.

#![allow(clippy::print_stdout)] // what a command is asked for goes to standard output

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use passerelle_flow::flow::Flow;
use passerelle_flow::identity::{DAY, Millis, TenantId};
use passerelle_flow::ports::{Clock as _, Host as _};
use passerelle_flow::tenant::{Tenant, Vibes as Account};
use passerelle_flow::vibes::registration::{Ensured, ensure, fingerprint, is_ours};
use passerelle_flow::vibes::{Client, Registration, Type, Wanted, address, items};
use tokio::sync::watch;

use crate::cli::{Venue, Vibes, Which};
use crate::commands::{runtime, settings, variables};
use crate::config::Settings;
use crate::host::{ServerHost, SystemRandom};
use crate::listen::stopped;
use crate::{logging, report_file, server};

/// How often it is looked whether a tenant is new, has changed, or is to be tried again. Nothing is asked of anybody for it.
const LOOK: Duration = Duration::from_secs(1);
/// How often registrations that were right are looked at again: somebody may have removed one by hand.
const AGAIN: Millis = DAY;

pub fn command(arguments: &Vibes) -> anyhow::Result<bool> {
    let (Vibes::List { venue }
    | Vibes::Register { venue, .. }
    | Vibes::Change { venue, .. }
    | Vibes::Remove { venue, .. }
    | Vibes::Test { venue, .. }
    | Vibes::Backfill { venue, .. }) = arguments;
    let settings = Settings { variables: variables(venue.variables.as_deref())?, ..settings(&venue.configured)? };
    logging::for_people(false);
    runtime(None)?.block_on(async {
        let (host, _) = server::host(&settings, None, None, None)?;
        let flow = Flow::new(host, settings.options);
        let done = perform(arguments, venue, &flow).await;
        flow.host.store.close().await;
        done
    })
}

async fn perform(arguments: &Vibes, venue: &Venue, flow: &Flow<ServerHost>) -> anyhow::Result<bool> {
    let id = &venue.tenant.0;
    let tenant = flow.host.tenant(id);
    let tenant = tenant.with_context(|| format!("the tenant {id} is not in force; `passerelle check` says why"))?;
    let account = tenant.vibes.as_ref().with_context(|| format!("tenant.toml of {id} has no [vibes]"))?;
    let client = Client::new(&flow.host, account);
    match arguments {
        Vibes::List { .. } => {
            let list = client.list().await?;
            if list.is_empty() {
                println!(
                    "Nothing is registered. `passerelle vibes register --tenant {id}` registers what is configured."
                );
            } else {
                println!("{}", table(&tenant, &list));
            }
        }
        Vibes::Register { report, .. } => {
            let Ensured { created, changed, removed, unchanged } = ensure(flow, &tenant, account).await?;
            println!("{created} created, {changed} changed, {removed} removed, {unchanged} as they should be.");
            if let Some(path) = report {
                let done = serde_json::json!({"ok": true, "created": created, "changed": changed, "removed": removed, "unchanged": unchanged});
                report_file::write(path, &done)?;
            }
        }
        Vibes::Change { which, method, .. } => {
            let found = one(&client, &tenant, which).await?;
            let (Some(kind), Some(campaign)) = (found.kind, found.campaign) else {
                bail!("{} is not about the installations of a campaign", found.id);
            };
            let url = address(&tenant.public_url, &tenant.id, &account.path_secret);
            let method = if method == "PUT" { "PUT" } else { "POST" };
            client.change(&found.id, &Wanted { kind, campaign, url, method }).await?;
            println!("Changed: {} leads here.", found.id);
        }
        Vibes::Remove { which, .. } => {
            let found = one(&client, &tenant, which).await?;
            client.remove(&found.id).await?;
            println!("Removed: {}", found.id);
        }
        Vibes::Test { kind, .. } => {
            let kind = if kind == "remove" { Type::Remove } else { Type::Install };
            if !client.test(kind).await? {
                bail!("nothing is registered for {}; `passerelle vibes register --tenant {id}` does it", kind.name());
            }
            println!(
                "Asked for: Vibes sends an invented {} to all that is registered for it. The server counts it as unmatched, since its item is no \
                 pass of ours: passerelle_vibes_callbacks_total at /metrics.",
                kind.name()
            );
        }
        Vibes::Backfill { campaign, report, .. } => {
            let campaigns = match campaign {
                Some(campaign) => std::slice::from_ref(campaign),
                None => account.campaigns.as_slice(),
            };
            let mut told = serde_json::Map::new();
            for campaign in campaigns {
                let done = items::backfill(flow, &tenant, account, campaign).await?;
                let items::Backfilled { items, unmatched, corrected } = done;
                println!("{campaign}: {items} items, {corrected} corrected, {unmatched} that are none of our passes.");
                let done = serde_json::json!({"items": items, "corrected": corrected, "unmatched": unmatched});
                told.insert(campaign.clone(), done);
            }
            println!("Vibes lists the latest fifty items or so of a campaign, and no more.");
            if let Some(path) = report {
                report_file::write(path, &serde_json::json!({"ok": true, "campaigns": told}))?;
            }
        }
    }
    Ok(true)
}

async fn one(client: &Client<'_, ServerHost>, tenant: &Tenant, which: &Which) -> anyhow::Result<Registration> {
    let found = client.get(&which.id).await.with_context(|| format!("registration {}", which.id))?;
    if !is_ours(tenant, &found) && !which.foreign {
        bail!("{} does not lead to this server, so it is left alone; --foreign overrides that", found.id);
    }
    Ok(found)
}

fn table(tenant: &Tenant, list: &[Registration]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_header([
        "ID",
        "OURS",
        "CALLBACK",
        "CAMPAIGN",
        "METHOD",
        "DESTINATION",
    ]);
    for it in list {
        let ours = if is_ours(tenant, it) { "yes" } else { "no" };
        let campaign = it.campaign.as_deref().unwrap_or("-");
        let shown = shown(&it.url);
        table.add_row([it.id.as_str(), ours, it.name.as_str(), campaign, it.method.as_str(), shown.as_str()]);
    }
    table
}

/// Without the last segment and the query, which is where a secret stands; with a user's name it is not shown at all.
fn shown(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let (Some((scheme, rest)), false) = (path.split_once("://"), path.contains('@')) else { return "…".to_owned() };
    match rest.trim_end_matches('/').rsplit_once('/') {
        Some((before, _)) => format!("{scheme}://{before}/…"),
        None => path.to_owned(),
    }
}

/// What was done for a tenant, and when it is looked at again.
struct Kept {
    /// Of what was to be registered; another one is due at once.
    fingerprint: String,
    due: Millis,
    failures: i64,
}

/// Sees to it that tenants which ask for it are registered: at the start, when their configuration changes, and once a day. Nobody waits for it;
/// what fails is tried again, later each time.
pub(crate) async fn keep_registered(flow: &Arc<Flow<ServerHost>>, mut stop: watch::Receiver<bool>) {
    let mut kept: BTreeMap<TenantId, Kept> = BTreeMap::new();
    while !*stop.borrow() {
        let tenants = flow.host.tenants();
        kept.retain(|id, _| tenants.iter().any(|tenant| tenant.id == *id));
        for tenant in tenants {
            let Some(account) = tenant.vibes.as_ref().filter(|account| account.register_at_start) else { continue };
            let now = flow.host.clock.now();
            let fingerprint = fingerprint(&tenant, account);
            let known = kept.get(&tenant.id).filter(|kept| kept.fingerprint == fingerprint);
            if known.is_some_and(|kept| kept.due > now) {
                continue;
            }
            let failures = known.map_or(0, |kept| kept.failures);
            let next = tokio::select! {
                next = register(flow, &tenant, account, fingerprint, failures) => next,
                () = stopped(&mut stop) => return,
            };
            kept.insert(tenant.id.clone(), next);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stopped(&mut stop) => {}
        }
    }
}

async fn register(
    flow: &Flow<ServerHost>,
    tenant: &Tenant,
    account: &Account,
    fingerprint: String,
    failures: i64,
) -> Kept {
    match ensure(flow, tenant, account).await {
        Ok(_) => Kept { fingerprint, due: flow.host.clock.now() + AGAIN, failures: 0 },
        Err(error) => {
            let wait = flow.options.retry.wait(failures, &SystemRandom);
            tracing::error!(tenant = %tenant.id, %error, wait_ms = wait, "callbacks are not registered at Vibes");
            Kept { fingerprint, due: flow.host.clock.now() + wait, failures: failures.saturating_add(1) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_may_be_a_secret() {
        for (url, expected) in [
            (
                "https://passes.example.org/api/opera/webhooks/listeners/vibes/s3cret",
                "https://passes.example.org/api/opera/webhooks/listeners/vibes/…",
            ),
            ("https://crm.example.org/hook/?key=s3cret", "https://crm.example.org/…"),
            ("https://crm.example.org/", "https://crm.example.org/"),
            ("https://user:s3cret@crm.example.org/hook", "…"),
            ("s3cret", "…"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
