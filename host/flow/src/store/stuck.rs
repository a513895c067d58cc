//! What a person looks at, as data: what waits for somebody, and how much there is to do.

use super::task::TaskSubject;
use crate::identity::{Millis, TenantId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckTask {
    pub tenant: TenantId,
    pub task: String,
    pub subject: TaskSubject,
    /// `dead` or `held`; a held one that a notification has woken is listed until its run is over, too.
    pub state: String,
    pub attempts: i64,
    pub error: Option<String>,
    pub since: Millis,
}

/// Counts, for health and for those who wait for rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    pub tasks_ready: i64,
    pub tasks_leased: i64,
    pub tasks_dead: i64,
    pub tasks_held: i64,
    pub effects_waiting: i64,
    pub effects_dead: i64,
    /// When the oldest ready task became, or becomes, due.
    pub oldest_due: Option<Millis>,
    /// When the next effect became, or becomes, due; of one that is being sent: when its lease ends.
    pub next_effect: Option<Millis>,
    /// Deliveries of webhooks that are to go out, whenever.
    pub deliveries_waiting: i64,
    /// Those that were given up, as long as they are kept.
    pub deliveries_dead: i64,
    /// Since when the oldest that is to go out has waited.
    pub oldest_delivery: Option<Millis>,
    /// Endpoints that were switched off because they failed or were gone.
    pub webhooks_off: i64,
    /// As of effects.
    pub next_delivery: Option<Millis>,
}
