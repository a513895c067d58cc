//! The end of the tenants' certificates, told before it comes: nothing else of Apple Wallet stops on a day that is known a year ahead.
//!
//! Owns how early it is told, and to whom: the log, readiness, metrics. Does not own the certificates (`identity`) nor when a host looks.

use crate::flow::Flow;
use crate::identity::{Millis, TenantId};
use crate::ports::Host;

const DAY: Millis = 86_400_000;
/// A person has to ask Apple for a new certificate and to hand it over: two weeks are usual in a large house.
pub const MONTH: Millis = 30 * DAY;
/// By now it is somebody's task for today.
pub const WEEK: Millis = 7 * DAY;

/// How near the end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    Far,
    WithinMonth,
    WithinWeek,
    Over,
}

impl Nearness {
    pub fn of(expires_at: Millis, now: Millis) -> Self {
        match expires_at - now {
            ..=0 => Self::Over,
            left if left <= WEEK => Self::WithinWeek,
            left if left <= MONTH => Self::WithinMonth,
            _ => Self::Far,
        }
    }
}

impl<H: Host> Flow<H> {
    /// When each tenant's chain ends, for those that have Apple Wallet.
    pub fn certificates(&self) -> Vec<(TenantId, Millis)> {
        let tenants = self.host.tenants();
        let ends = tenants.iter().filter_map(|tenant| {
            let apple = tenant.apple.as_ref()?;
            Some((tenant.id.clone(), apple.pass_identity().expires_at()?))
        });
        ends.collect()
    }

    /// Says which certificates end soon: a warning within thirty days, an error within seven and from the end on. For a host to call when it starts,
    /// and once a day.
    pub fn tell_of_certificates(&self) {
        let now = self.now();
        for (tenant, at) in self.certificates() {
            let days = (at - now).div_euclid(DAY);
            match Nearness::of(at, now) {
                Nearness::Far => {}
                Nearness::WithinMonth => tracing::warn!(%tenant, days, "the Apple certificate ends soon"),
                Nearness::WithinWeek => tracing::error!(%tenant, days, "the Apple certificate ends within a week"),
                Nearness::Over => {
                    tracing::error!(%tenant, "the Apple certificate has ended: no pass can be signed, no phone told");
                }
            }
        }
    }

    /// Whole days until the first of them ends, negative afterwards. None: nobody has Apple Wallet.
    pub(crate) fn certificate_days_left(&self) -> Option<i64> {
        self.certificates().into_iter().map(|(_, at)| (at - self.now()).div_euclid(DAY)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_told_thirty_and_seven_days_ahead() {
        let at = |left: Millis| Nearness::of(1_000 * DAY, 1_000 * DAY - left);
        assert_eq!([at(MONTH + 1), at(MONTH)], [Nearness::Far, Nearness::WithinMonth]);
        assert_eq!([at(WEEK + 1), at(WEEK)], [Nearness::WithinMonth, Nearness::WithinWeek]);
        assert_eq!([at(1), at(0), at(-MONTH)], [Nearness::WithinWeek, Nearness::Over, Nearness::Over]);
    }
}
