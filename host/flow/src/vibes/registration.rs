//! Which callbacks are registered at Vibes: two for each campaign, to our own address.
//!
//! Owns what is wanted and the difference to what is there. Never touches a registration whose address is not this installation's: whoever else
//! listens to the company's callbacks is none of our business. Bounded: two registrations for each of 25 campaigns, and so many removals at a time.

use std::collections::BTreeSet;

use super::client::{Client, Registration, Type, Wanted};
use super::error::VibesError;
use super::{address, listener};
use crate::flow::Flow;
use crate::identity::HOUR;
use crate::ports::Host;
use crate::store::{Spend, Spent, Store, StoreResult};
use crate::tenant::{Tenant, Vibes};

/// Vibes takes 50 addresses of a company (domain.md 4.2), so no more of ours can be there; what a wrong list seems to hold beyond is left for the
/// next time.
const MOST_REMOVED: usize = 50;

/// The scope under which an hour is counted.
const HOURLY: &str = "vibes-registration";

/// What is to be done so that what is there is what is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub create: Vec<Wanted>,
    /// By identifier.
    pub change: Vec<(String, Wanted)>,
    pub remove: Vec<String>,
    pub unchanged: usize,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ensured {
    pub created: usize,
    pub changed: usize,
    pub removed: usize,
    pub unchanged: usize,
}

/// Two for each campaign.
pub fn wanted(tenant: &Tenant, vibes: &Vibes) -> Vec<Wanted> {
    let url = address(&tenant.public_url, &tenant.id, &vibes.path_secret);
    let of = |campaign: &String| {
        Type::ALL.map(|kind| Wanted { kind, campaign: campaign.clone(), url: url.clone(), method: "POST" })
    };
    vibes.campaigns.iter().flat_map(of).collect()
}

/// It is about installations, and leads here, whatever secret it has.
pub fn is_ours(tenant: &Tenant, registration: &Registration) -> bool {
    let secret = registration.url.strip_prefix(&listener(&tenant.public_url, &tenant.id));
    registration.kind.is_some() && secret.is_some_and(|secret| !secret.contains('/'))
}

/// The difference between what is ours and what is wanted.
pub fn plan(ours: &[&Registration], wanted: Vec<Wanted>) -> Plan {
    let mut plan = Plan::default();
    let mut used = BTreeSet::new();
    for wanted in wanted {
        let mut candidates: Vec<&&Registration> = ours
            .iter()
            .filter(|it| it.kind == Some(wanted.kind) && it.campaign.as_deref() == Some(wanted.campaign.as_str()))
            .collect();
        // What does it already is better than what could be made to.
        candidates.sort_by_key(|it| (!it.does(&wanted), it.url != wanted.url, it.id.clone()));
        match candidates.first() {
            None => plan.create.push(wanted),
            Some(found) => {
                used.insert(found.id.as_str());
                if found.does(&wanted) {
                    plan.unchanged += 1;
                } else {
                    plan.change.push((found.id.clone(), wanted));
                }
            }
        }
    }
    let left = ours.iter().filter(|it| !used.contains(it.id.as_str())).map(|it| it.id.clone());
    plan.remove = left.take(MOST_REMOVED).collect();
    plan
}

/// Sees to it that what is configured is registered, and nothing else of ours. Doing it again does nothing.
pub async fn ensure<H: Host>(flow: &Flow<H>, tenant: &Tenant, vibes: &Vibes) -> Result<Ensured, VibesError> {
    let client = Client::new(&flow.host, vibes);
    let there = client.list().await?;
    let ours: Vec<&Registration> = there.iter().filter(|it| is_ours(tenant, it)).collect();
    let plan = plan(&ours, wanted(tenant, vibes));
    let mut done = Ensured { unchanged: plan.unchanged, ..Ensured::default() };
    // What is new comes first, so that at no time nobody listens.
    for wanted in &plan.create {
        client.create(wanted).await?;
        done.created += 1;
    }
    for (id, wanted) in &plan.change {
        client.change(id, wanted).await?;
        done.changed += 1;
    }
    for id in &plan.remove {
        done.removed += usize::from(client.remove(id).await?);
    }
    if done != (Ensured { unchanged: done.unchanged, ..Ensured::default() }) {
        let Ensured { created, changed, removed, unchanged } = done;
        tracing::info!(tenant = %tenant.id, created, changed, removed, unchanged, "callbacks are registered at Vibes");
    }
    Ok(done)
}

/// Whether an hour has passed since this was last true, for a host that has neither a start nor a memory. It is true for one caller alone.
pub async fn is_due<H: Host>(flow: &Flow<H>) -> StoreResult<bool> {
    let spend = Spend { scope: HOURLY.to_owned(), now: flow.now(), limit: 1, window: HOUR, reserve: 0 };
    Ok(flow.host.store().spend(spend).await? == Spent::Granted)
}

/// Changes when what is to be registered does.
pub fn fingerprint(tenant: &Tenant, vibes: &Vibes) -> String {
    let wanted = wanted(tenant, vibes);
    let mut parts: Vec<&[u8]> = vec![vibes.url.as_bytes(), vibes.company.as_bytes(), vibes.username.as_bytes()];
    parts.push(&vibes.password);
    parts.extend(wanted.iter().flat_map(|it| [it.campaign.as_bytes(), it.url.as_bytes()]));
    tenant.keys.mac("vibes-registration", &parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "https://passes.example.org/api/opera/webhooks/listeners/vibes/";

    fn wanted(kind: Type, campaign: &str) -> Wanted {
        Wanted { kind, campaign: campaign.to_owned(), url: format!("{HERE}new"), method: "POST" }
    }

    fn there(id: &str, kind: Type, campaign: &str, url: &str) -> Registration {
        Registration {
            id: id.to_owned(),
            kind: Some(kind),
            name: kind.name().to_owned(),
            campaign: Some(campaign.to_owned()),
            url: url.to_owned(),
            method: "POST".to_owned(),
            content_type: "application/json".to_owned(),
            limited: false,
        }
    }

    #[test]
    fn what_is_missing_is_created_what_differs_changed_and_what_is_left_over_removed() {
        let new = format!("{HERE}new");
        let old = format!("{HERE}old");
        let list = [
            there("1", Type::Install, "a", &new),
            there("2", Type::Install, "a", &new),
            there("3", Type::Remove, "a", &old),
            there("4", Type::Remove, "gone", &new),
            Registration { limited: true, ..there("5", Type::Install, "b", &new) },
        ];
        let ours: Vec<&Registration> = list.iter().collect();
        let all = ["a", "b"].iter().flat_map(|campaign| Type::ALL.map(|kind| wanted(kind, campaign))).collect();
        let planned = plan(&ours, all);
        assert_eq!(planned.unchanged, 1);
        assert_eq!(planned.create, [wanted(Type::Remove, "b")]);
        let change = [("3".to_owned(), wanted(Type::Remove, "a")), ("5".to_owned(), wanted(Type::Install, "b"))];
        assert_eq!(planned.change, change);
        assert_eq!(planned.remove, ["2", "4"]);
        assert_eq!(plan(&[], vec![]), Plan::default());
    }

    #[test]
    fn ours_is_what_leads_here_and_nothing_else() {
        let tenant = crate::scripted::tenant();
        let at = |url: &str| there("1", Type::Install, "a", url);
        assert!(is_ours(&tenant, &at(&format!("{HERE}any-secret"))));
        for foreign in [
            "https://crm.example.org/vibes".to_owned(),
            "https://passes.example.org/api/other/webhooks/listeners/vibes/x".to_owned(),
            "https://passes.example.org.evil.example/api/opera/webhooks/listeners/vibes/x".to_owned(),
            format!("{HERE}x/y"),
        ] {
            assert!(!is_ours(&tenant, &at(&foreign)), "{foreign}");
        }
        let other = Registration { kind: None, ..at(&format!("{HERE}x")) };
        assert!(!is_ours(&tenant, &other), "a callback about something else");
    }
}
