//! How long the hooks of one run, or of one delivery, may take together, by the clock.
//!
//! Owns the time. Without it a file with many tickets, each of which asks a slow CRM, would outlive its lease and begin anew for ever. Does not own what
//! is done when it is over: a run takes the default, a delivery is tried again.

use std::time::Duration;

use crate::identity::Millis;
use crate::options::LEASE_MARGIN;

/// Of a run. A lease is two minutes by default, of which a fetch from SecuTix may take half a minute and building the passes as long.
const RUN: Millis = 30_000;
/// Of a run that a person waits for, or that ends a pass: as long as people look at a blank page. What takes longer is the CRM, and the pass is put right by
/// the next change of its ticket.
const HURRIED: Millis = 5_000;

/// Until when.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    until: Millis,
}

impl Patience {
    pub fn of_run(now: Millis, hurried: bool) -> Self {
        Self { until: now.saturating_add(if hurried { HURRIED } else { RUN }) }
    }

    /// Of a delivery that is leased until then: what is begun now may still end in the longest time that a request may take.
    pub fn of_delivery(lease_until: Millis, request: Duration) -> Self {
        let request = Millis::try_from(request.as_millis()).unwrap_or(Millis::MAX);
        Self { until: lease_until.saturating_sub(LEASE_MARGIN).saturating_sub(request) }
    }

    /// None: it is over.
    pub fn left(&self, now: Millis) -> Option<Duration> {
        let left = u64::try_from(self.until.saturating_sub(now)).unwrap_or(0);
        (left > 0).then(|| Duration::from_millis(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_so_early_that_what_is_under_way_ends_within_the_lease() {
        let patience = Patience::of_delivery(120_000, Duration::from_secs(10));
        assert_eq!(patience.left(0), Some(Duration::from_secs(105)));
        assert_eq!(patience.left(105_000), None);
        assert_eq!(Patience::of_delivery(1_000, Duration::from_secs(10)).left(0), None);
        assert_eq!(Patience::of_run(7, true).left(7), Some(Duration::from_secs(5)));
    }
}
