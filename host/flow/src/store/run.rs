//! The end of a run as data: what becomes of the task, what is recorded, and everything that is written with it.

use serde::{Deserialize, Serialize};

use super::event::EventWrite;
use super::happening::Happening;
use super::pass::PassWrite;
use super::task::Hint;
use crate::identity::{Millis, PassId, TenantId};

/// What becomes of a task after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Answered. Idle, or ready again at once when a newer notification came during the run. Ends a release from the void limit.
    Done,
    /// Answered, and looked at again at this time (a second fetch that must agree); at once when a newer notification came during the run.
    Again { at: Millis },
    /// Failed; tried again, and not sooner whatever joins. Counts as an attempt.
    Retry { at: Millis },
    /// Could not be tried (budget, pause). Does not count. Only something more urgent than what has waited may run sooner. A run that
    /// waits as the one before it did (same outcome, no calls) replaces its record.
    Wait { at: Millis },
    /// Given up; `replay` brings it back, and so does a newer notification, also one that came during the run. Nothing that was accepted
    /// is lost.
    Dead,
    /// A person decides; `replay` lets it go on, released from the void limit. A newer notification has it run again, not released: until
    /// it is, no run of it may void, however few and however much later. A run that was answered (`Done`, `Again`) and voids nothing ends it.
    Held,
}

/// The outcome of a run, for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// UUIDv7
    pub id: String,
    pub fetch_started_at: Option<Millis>,
    /// A code: `done`, `unchanged`, `not-ready`, `refused`, `unreachable`, ...
    pub outcome: String,
    /// Codes and field names only.
    pub error: Option<String>,
    /// JSON: findings as codes, identifiers and facts. Never a value of a ticket.
    pub findings: String,
    /// Calls made to SecuTix.
    pub secutix_calls: i64,
}

/// Everything that a run changes, in one transaction under its lease.
#[derive(Clone, Debug)]
pub struct Finish {
    pub tenant: TenantId,
    pub task: String,
    pub lease_token: i64,
    pub generation: i64,
    pub now: Millis,
    pub next: Next,
    pub run: RunRecord,
    /// Every order of the file: (MAC of its token, order id, file). The newest word wins.
    pub aliases: Vec<OrderAlias>,
    pub events: Vec<EventWrite>,
    pub passes: Vec<PassWrite>,
    /// What is told of the passes that change.
    pub happenings: Vec<Happening>,
    /// The SecuTix institution that the passes are of: voids are counted by it, whichever of its tenants they are of.
    pub institution: String,
    /// At most this many passes of the institution may go from live to void since `since` (this run included), and none of a task that is
    /// held. A run that voids nothing is never stopped by it.
    pub void_limit: Option<VoidLimit>,
}

/// A run as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRun {
    pub record: RunRecord,
    pub finished_at: Millis,
    /// It answers the notifications up to this one of the task's generations.
    pub generation: i64,
}

/// A notification as it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedNotification {
    pub hint: Hint,
    /// The generation that it asked for.
    pub generation: i64,
}

/// What is kept of a subject's past, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectLog {
    pub runs: Vec<LoggedRun>,
    pub notifications: Vec<LoggedNotification>,
}

impl SubjectLog {
    /// Every run with the notifications that it was the first to take up, in the order of their arrival, and those that wait for a run.
    /// A run without any looked again: after a failure, for an absence, or because somebody asked.
    pub fn by_run(&self) -> (Vec<(&LoggedRun, Vec<&LoggedNotification>)>, Vec<&LoggedNotification>) {
        let mut runs: Vec<_> = self.runs.iter().map(|run| (run, Vec::new())).collect();
        let mut waiting = Vec::new();
        for notification in self.notifications.iter().rev() {
            // The runs are newest first, so the first to take it up is the last in the list.
            let taken = |run: &LoggedRun| {
                run.generation >= notification.generation && run.finished_at >= notification.hint.received_at
            };
            match runs.iter_mut().rev().find(|(run, _)| taken(run)) {
                Some((_, mine)) => mine.push(notification),
                None => waiting.push(notification),
            }
        }
        (runs, waiting)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoidLimit {
    pub most: i64,
    pub since: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderAlias {
    pub token_mac: String,
    pub order: String,
    pub file: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Committed. The passes whose tag rose, with their new version.
    Committed { changed: Vec<(PassId, i64)> },
    /// Nothing was written: another worker has the task.
    LeaseLost,
    /// Nothing was written: a pass has another version or another subject than expected, is written twice, or its sealed part is under a
    /// data key that has been erased meanwhile. Read again and plan again.
    Conflict,
    /// Nothing was written: so many voids there would be in the hour, or the task is held.
    VoidLimit { voids: i64 },
}
