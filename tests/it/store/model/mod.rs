//! Random histories against a small model: the same operations on a store and on plain maps, compared after every step.
//!
//! The model is the port's documentation in code: it knows no transaction, no index and no SQL. Histories contain stale leases, stale
//! versions, lost workers and crashes.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::*;

mod effects;
mod history;
mod passes;
mod tasks;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Ready,
    Leased,
    Idle,
    Dead,
    Held,
}

struct Task {
    subject: TaskSubject,
    sealed: Option<Vec<u8>>,
    wanted: i64,
    claimed: i64,
    done: i64,
    state: State,
    priority: Priority,
    /// Of those that came during the run.
    next_priority: Option<Priority>,
    run_at: Millis,
    due_by: Option<Millis>,
    not_before: Option<Millis>,
    lease_until: Millis,
    lease_token: i64,
    attempts: i64,
    expiries: i64,
    held: bool,
    released: bool,
    /// Notifications with the generation that answers them.
    hints: Vec<(i64, Hint)>,
}

struct Pass {
    write: PassWrite,
    version: i64,
    tag: i64,
    modified_s: i64,
    voided_at: Option<Millis>,
    voided_of: String,
    created_at: Millis,
    updated_at: Millis,
}

struct Effect {
    want: i64,
    have: i64,
    state: State,
    run_at: Millis,
    lease_until: Millis,
    lease_token: i64,
    attempts: i64,
    expiries: i64,
}

#[derive(Default)]
struct Model {
    tasks: BTreeMap<(TenantId, String), Task>,
    aliases: BTreeMap<(TenantId, String), String>,
    passes: BTreeMap<(TenantId, PassId), Pass>,
    events: BTreeMap<(TenantId, String), StoredEvent>,
    effects: BTreeMap<(TenantId, EffectKind, String), Effect>,
    /// With the tag that each took, 0 for none.
    registrations: BTreeMap<(TenantId, String, PassId), i64>,
    tags: BTreeMap<TenantId, i64>,
    calls: BTreeMap<String, Vec<Millis>>,
    pauses: BTreeMap<String, Millis>,
}

fn sooner<T: Ord>(a: Option<T>, b: T) -> T {
    match a {
        Some(a) => a.min(b),
        None => b,
    }
}

/// Kinds by name, as the store orders them among equals.
fn kind_name(kind: EffectKind) -> &'static str {
    match kind {
        EffectKind::ApplePush => "apple-push",
        EffectKind::GoogleClass => "google-class",
        EffectKind::GoogleObject => "google-object",
        EffectKind::Installation => "installation",
        EffectKind::GoogleMessage => "google-message",
        EffectKind::SecutixReferences => "secutix-references",
        EffectKind::SecutixPrinted => "secutix-printed",
    }
}
