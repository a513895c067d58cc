//! The run within which hooks are called: what is the same for all of its questions.
//!
//! Owns when a run is tried again for the sake of its plugin, and when the default is taken at once. Does not own the questions (`choose`, `shape`).

use super::patience::Patience;
use super::round::Ended;
use crate::identity::Millis;

/// A hook asks to be tried again: so often the run is repeated, and then it stays undecided. The buyer waits meanwhile, a quarter of a minute with the waits
/// of a task.
const RETRIES: i64 = 3;
/// A hook cannot be called now, because it is being compiled or no sandbox is free: two minutes with the waits of a task, in which a plugin of any language is
/// compiled.
const ABSENCES: i64 = 6;

/// What a hook within a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<T> {
    Made(T),
    /// The plugin leaves it to the default, or has no such hook.
    Default,
    /// It could not be asked, failed, or rejected it: what was decided before stays, and where there is nothing the default is taken.
    Undecided,
    /// The run is to be tried again later.
    Again,
}

pub struct Occasion {
    /// Of the run: the same for each of its attempts.
    pub id: String,
    pub at: Millis,
    /// Attempts of the run that failed, and how many more may: a run is not given up for the sake of its plugin.
    attempts: i64,
    last: i64,
    /// Somebody waits for this run, or a pass ends by it: neither waits for a plugin.
    hurried: bool,
    pub(super) patience: Patience,
}

impl Occasion {
    /// `dead_after`: attempts after which the run is given up.
    pub fn new(id: String, at: Millis, (attempts, dead_after): (i64, i64), hurried: bool, now: Millis) -> Self {
        Self { id, at, attempts, last: dead_after - 1, hurried, patience: Patience::of_run(now, hurried) }
    }

    /// What a hook that cannot be called now comes to.
    pub(super) fn later<T>(&self) -> Decision<T> {
        self.again(ABSENCES)
    }

    fn again<T>(&self, most: i64) -> Decision<T> {
        if self.hurried || self.attempts >= most.min(self.last) { Decision::Undecided } else { Decision::Again }
    }

    /// What a hook that has not decided comes to.
    pub(super) fn undecided<T>(&self, ended: &Ended) -> Decision<T> {
        match ended {
            Ended::Retry(_) => self.again(RETRIES),
            Ended::Busy => self.later(),
            Ended::Decided(_) | Ended::Rejected(_) | Ended::Failed(_) | Ended::Broken { .. } | Ended::OutOfTime => {
                Decision::Undecided
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::schedule::Asked;

    #[test]
    fn a_run_waits_for_its_plugin_three_times_and_never_when_somebody_waits_for_it() {
        let of = |attempts, hurried| {
            let occasion = Occasion::new(String::new(), 0, (attempts, 30), hurried, 0);
            [occasion.undecided::<()>(&Ended::Retry(Asked::default())), occasion.later()]
        };
        assert_eq!(of(2, false), [Decision::Again, Decision::Again]);
        assert_eq!(of(3, false), [Decision::Undecided, Decision::Again]);
        assert_eq!(of(6, false), [Decision::Undecided, Decision::Undecided]);
        assert_eq!(of(0, true), [Decision::Undecided, Decision::Undecided]);
        let occasion = Occasion::new(String::new(), 0, (0, 1), false, 0);
        assert_eq!(occasion.undecided::<()>(&Ended::Busy), Decision::Undecided, "a run is not given up for its plugin");
        assert_eq!(occasion.undecided::<()>(&Ended::Broken { until: 1 }), Decision::Undecided);
        assert_eq!(occasion.undecided::<()>(&Ended::OutOfTime), Decision::Undecided);
    }
}
