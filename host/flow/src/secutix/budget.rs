//! The budget of SecuTix requests: 60 a minute per institution and endpoint, spent by value.
//!
//! Owns how the limit is divided among priorities. Does not own the counting, which is the store's, because all nodes share it.
//!
//! The limit is two pots. The *open* pot, a fifth, is first come, first served: whatever the rush, a low priority gets its turn in it. The
//! *valued* pot, the rest, is kept for worth: Low leaves a quarter of it for everybody else, Normal leaves an eighth of it for a person or
//! phone that waits, Demand may take the last. Low asks the open pot first, so that it does not eat what is kept for others; the others ask
//! it last. No window can see more than the sum of the two, which is the limit.

use crate::identity::Millis;
use crate::store::{Priority, Spend, Spent, Store, StoreResult};

/// Milliseconds that the limit is counted over: SecuTix says requests per minute.
const WINDOW: Millis = 60_000;
/// One part in so many is the open pot.
const OPEN: i64 = 5;
/// One part of the valued pot in so many is left by Low.
const LOW_LEAVES: i64 = 4;
/// One part of the valued pot in so many is left by Normal.
const NORMAL_LEAVES: i64 = 8;

/// The budget of one endpoint of one institution.
pub(super) struct Budget {
    /// Requests in any window; SecuTix documents 60.
    limit: i64,
    valued: String,
    open: String,
}

impl Budget {
    pub(super) fn new(institution: &str, endpoint: &str, per_minute: i64) -> Self {
        let valued = format!("secutix/{institution}/{endpoint}");
        Self { limit: per_minute.max(1), open: format!("{valued}/open"), valued }
    }

    /// Takes one request. `WaitUntil` is the earlier of the two pots' times.
    pub(super) async fn spend<S: Store>(&self, store: &S, priority: Priority, now: Millis) -> StoreResult<Spent> {
        let (first, second) = match priority {
            Priority::Low => (self.of_open(now), Some(self.of_valued(priority, now))),
            Priority::Demand | Priority::Normal => (Some(self.of_valued(priority, now)), self.of_open(now)),
        };
        let mut wait = None;
        for spend in [first, second].into_iter().flatten() {
            match store.spend(spend).await? {
                Spent::Granted => return Ok(Spent::Granted),
                Spent::WaitUntil(at) => wait = Some(wait.map_or(at, |earlier: Millis| earlier.min(at))),
            }
        }
        // One of the pots is never empty, so `wait` is set.
        Ok(Spent::WaitUntil(wait.unwrap_or(now)))
    }

    /// SecuTix said stop.
    pub(super) async fn pause<S: Store>(&self, store: &S, until: Millis) -> StoreResult<()> {
        store.pause(&self.valued, until).await?;
        store.pause(&self.open, until).await
    }

    /// None where a fifth of the limit is less than one request.
    fn of_open(&self, now: Millis) -> Option<Spend> {
        let limit = self.limit / OPEN;
        (limit > 0).then(|| Spend { scope: self.open.clone(), now, limit, window: WINDOW, reserve: 0 })
    }

    fn of_valued(&self, priority: Priority, now: Millis) -> Spend {
        let limit = self.limit - self.limit / OPEN;
        let reserve = match priority {
            Priority::Demand => 0,
            Priority::Normal => limit / NORMAL_LEAVES,
            Priority::Low => limit / LOW_LEAVES,
        };
        Spend { scope: self.valued.clone(), now, limit, window: WINDOW, reserve }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Budgets, run};

    fn take(store: &Budgets, budget: &Budget, priority: Priority, now: Millis) -> i64 {
        let mut taken = 0;
        while run(budget.spend(store, priority, now)).unwrap() == Spent::Granted {
            taken += 1;
        }
        taken
    }

    fn budget(limit: i64) -> Budget {
        Budget::new("MYINSTIT", "getFileDetails", limit)
    }

    #[test]
    fn each_priority_leaves_what_is_kept_for_the_higher_ones() {
        let store = Budgets::default();
        let budget = budget(60);
        assert_eq!(take(&store, &budget, Priority::Low, 0), 12 + 36);
        assert_eq!(take(&store, &budget, Priority::Normal, 0), 6);
        assert_eq!(take(&store, &budget, Priority::Demand, 0), 6);
        assert_eq!(take(&store, &budget, Priority::Demand, 59_999), 0);
        assert_eq!(take(&store, &budget, Priority::Demand, 60_000), 60);
    }

    #[test]
    fn alone_the_highest_may_take_all_of_it_and_no_more() {
        for limit in [1, 2, 4, 5, 7, 60, 100] {
            assert_eq!(take(&Budgets::default(), &budget(limit), Priority::Demand, 0), limit, "{limit}");
        }
    }

    #[test]
    fn a_rush_of_high_value_does_not_starve_the_low() {
        let store = Budgets::default();
        let budget = budget(60);
        for _ in 0..48 {
            assert_eq!(run(budget.spend(&store, Priority::Demand, 0)).unwrap(), Spent::Granted);
        }
        assert_eq!(run(budget.spend(&store, Priority::Low, 0)).unwrap(), Spent::Granted);
    }

    #[test]
    fn every_priority_gets_through_even_with_the_smallest_limit() {
        for priority in [Priority::Demand, Priority::Normal, Priority::Low] {
            for limit in [0, 1, 2, 3] {
                assert!(take(&Budgets::default(), &budget(limit), priority, 0) > 0, "{priority:?} {limit}");
            }
        }
    }

    #[test]
    fn the_wait_is_the_earlier_of_the_two_pots() {
        let store = Budgets::default();
        let budget = budget(60);
        assert_eq!(run(budget.spend(&store, Priority::Low, 0)).unwrap(), Spent::Granted);
        assert_eq!(take(&store, &budget, Priority::Demand, 10_000), 59);
        assert_eq!(run(budget.spend(&store, Priority::Demand, 20_000)).unwrap(), Spent::WaitUntil(60_000));
    }

    #[test]
    fn a_pause_stops_both_pots() {
        let store = Budgets::default();
        let budget = budget(60);
        run(budget.pause(&store, 5000)).unwrap();
        for priority in [Priority::Demand, Priority::Low] {
            assert_eq!(run(budget.spend(&store, priority, 0)).unwrap(), Spent::WaitUntil(5000));
        }
        assert_eq!(take(&store, &budget, Priority::Demand, 5000), 60);
    }
}
