//! The run within which hooks are called: what is the same for all of its questions.
//!
//! Owns when a run is tried again for the sake of its plugin, and when the default is taken at once. Does not own the questions (`choose`, `shape`).

use super::patience::Patience;
use super::round::Ended;
use crate::identity::Millis;

/// A hook within a run asks to be tried again, or cannot be called: so often the run is repeated, and then the default is taken. The buyer waits meanwhile.
const RETRIES: i64 = 3;

/// What a hook within a run came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision<T> {
    Made(T),
    Default,
    /// The run is to be tried again later.
    Again,
}

pub struct Occasion {
    /// Of the run: the same for each of its attempts.
    pub id: String,
    pub at: Millis,
    /// Attempts of the run that failed.
    attempts: i64,
    /// Somebody waits for this run, or a pass ends by it: neither waits for a plugin.
    hurried: bool,
    pub(super) patience: Patience,
}

impl Occasion {
    pub fn new(id: String, at: Millis, attempts: i64, hurried: bool, now: Millis) -> Self {
        Self { id, at, attempts, hurried, patience: Patience::of_run(now, hurried) }
    }

    /// What a hook that cannot be called now comes to.
    pub(super) fn later<T>(&self) -> Decision<T> {
        if self.hurried || self.attempts >= RETRIES { Decision::Default } else { Decision::Again }
    }

    /// What a hook that has not decided comes to.
    pub(super) fn undecided<T>(&self, ended: &Ended) -> Decision<T> {
        match ended {
            Ended::Retry(_) | Ended::Busy => self.later(),
            Ended::Decided(_) | Ended::Rejected(_) | Ended::Failed(_) | Ended::Broken { .. } | Ended::OutOfTime => {
                Decision::Default
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
            let occasion = Occasion::new(String::new(), 0, attempts, hurried, 0);
            occasion.undecided::<()>(&Ended::Retry(Asked::default()))
        };
        assert_eq!([of(0, false), of(2, false)], [Decision::Again, Decision::Again]);
        assert_eq!([of(3, false), of(0, true)], [Decision::Default, Decision::Default]);
        let occasion = Occasion::new(String::new(), 0, 0, false, 0);
        assert_eq!(occasion.undecided::<()>(&Ended::Busy), Decision::Again, "no fault of the plugin's");
        assert_eq!(occasion.undecided::<()>(&Ended::Broken { until: 1 }), Decision::Default);
        assert_eq!(occasion.undecided::<()>(&Ended::OutOfTime), Decision::Default);
    }
}
