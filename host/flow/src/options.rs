//! The numbers that the flow runs by. A host fills them from its configuration; the defaults are what the documentation promises.

use std::time::Duration;

use crate::identity::{DAY, Millis};
use crate::ports::Random;
use crate::webhook::schedule::Schedule;

/// Milliseconds before the end of a lease at which its work is stopped: what the store may take to be told of it.
pub const LEASE_MARGIN: Millis = 5_000;

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A task runs this long after its newest notification: SecuTix sends several for one change.
    pub debounce: Millis,
    /// And no later than this after its first, or an order that changes all the time would starve.
    pub max_wait: Millis,
    /// How long a run or an effect is nobody else's. Work is stopped [`LEASE_MARGIN`] before; a run that goes well ends long before: it
    /// needs one fetch (30 s at most) and a few sandbox calls (15 s at most each, and milliseconds in practice).
    pub lease: Millis,
    pub retry: Backoff,
    /// A task that failed so often is a person's business. With the default backoff that is 19 hours after its first attempt.
    pub dead_after: i64,
    /// An effect (push, patch) that failed so often is given up until something newer is wanted. With the default backoff
    /// that is 5 hours after its first attempt.
    pub effect_dead_after: i64,
    /// Tasks in flight of one tenant: three of four that the workers can run, so that one is free when another tenant's buyer comes. A tenant
    /// gains nothing from more: SecuTix answers its institution once a second.
    pub tasks_per_tenant: u32,
    /// Effects in flight of one tenant, for the same reason.
    pub effects_per_tenant: u32,
    /// Of these, of one kind: half of what the workers can send, so that Apple's outage does not keep Google waiting.
    pub effects_per_kind: u32,
    /// Deliveries of webhooks that the workers send at once: what the quotas below are shares of. A delivery mostly waits for the other side.
    pub deliveries: u32,
    /// When a webhook is sent, and when its endpoint is given up.
    pub webhooks: Schedule,
    pub retention: Retention,
    /// A removal is folded this long after it was told: a pass that is put back by then was never away. Five seconds: what it takes to switch
    /// automatic updates off and on, or to undo a slip.
    pub removal_quiet: Millis,
    /// How far apart the rounds begin in which Google is asked, pass by pass, whether anybody still has it. A day: a round of a stadium's 60,000
    /// passes takes two hours of half the budget.
    pub presence_every: Millis,
    /// Bytes of a request body that a host has to read; the connector judges a notification's size itself.
    pub body_limit: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            debounce: 500,
            max_wait: 5_000,
            lease: 120_000,
            retry: Backoff::default(),
            dead_after: 30,
            effect_dead_after: 16,
            tasks_per_tenant: 6,
            effects_per_tenant: 12,
            effects_per_kind: 8,
            deliveries: 64,
            webhooks: Schedule::default(),
            retention: Retention::default(),
            removal_quiet: 5_000,
            presence_every: 86_400_000,
            body_limit: 256 * 1024,
        }
    }
}

/// How long the record of the past is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Notifications that are answered, what phones told, what was delivered to whom, and identifiers that name a person in what was told.
    pub notifications: Millis,
    /// Runs. Never less than [`Retention::LEAST_RUNS`].
    pub runs: Millis,
    /// Changes of passes; the last of each stays.
    pub history: Millis,
}

impl Retention {
    /// A ticket that does not come is looked for over five days, and each look reads the runs before it.
    pub const LEAST_RUNS: Millis = 7 * DAY;
}

impl Default for Retention {
    /// Three months for what led to a change: longer than people ask why one came. Four hundred days for the changes themselves: a season, and
    /// the time after it in which it is disputed.
    fn default() -> Self {
        Self { notifications: 90 * DAY, runs: 90 * DAY, history: 400 * DAY }
    }
}

/// Waiting times between attempts: exponential, with a ceiling and jitter, so that a thousand tasks that failed together do not come
/// back together.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    pub first: Duration,
    pub factor: u32,
    pub most: Duration,
    /// Share of the waiting time that is random, in percent: 20 means 80 % to 120 %, the spread that Svix uses.
    pub jitter_percent: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(2), factor: 2, most: Duration::from_secs(3_600), jitter_percent: 20 }
    }
}

impl Backoff {
    /// The wait before attempt `attempts + 1`, where `attempts` have failed.
    pub fn wait<R: Random>(&self, attempts: i64, random: &R) -> Millis {
        let exponent = u32::try_from(attempts.clamp(0, 32)).unwrap_or(32);
        let most = Millis::try_from(self.most.as_millis()).unwrap_or(Millis::MAX / 4);
        let first = Millis::try_from(self.first.as_millis()).unwrap_or(most);
        let plain = first.saturating_mul(i64::from(self.factor).saturating_pow(exponent)).min(most);
        jittered(plain, self.jitter_percent, random)
    }
}

/// A time that is spread by so many percent to either side.
pub fn jittered<R: Random>(plain: Millis, percent: u32, random: &R) -> Millis {
    let spread = plain.saturating_mul(i64::from(percent)) / 100;
    if spread <= 0 {
        return plain;
    }
    plain - spread + below(2 * spread + 1, random)
}

/// A number from 0 up to and without this one.
pub fn below<R: Random>(end: Millis, random: &R) -> Millis {
    i64::from(u32::from_le_bytes(random.bytes::<4>())) % end.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);
    impl Random for Fixed {
        fn fill(&self, target: &mut [u8]) {
            target.fill(self.0);
        }
    }

    #[test]
    fn the_wait_grows_to_its_ceiling_and_stays_within_the_jitter() {
        let backoff = Backoff::default();
        for byte in [0_u8, 1, 127, 255] {
            for attempts in 0..80 {
                let wait = backoff.wait(attempts, &Fixed(byte));
                assert!((1_600..=4_320_000).contains(&wait), "{attempts}: {wait}");
            }
        }
        assert!(backoff.wait(0, &Fixed(0)) < backoff.wait(4, &Fixed(0)));
    }

    #[test]
    fn giving_up_takes_as_long_as_is_promised() {
        let options = Options { retry: Backoff { jitter_percent: 0, ..Backoff::default() }, ..Options::default() };
        let hours = |attempts: i64| {
            let waits: Millis = (0..attempts - 1).map(|failed| options.retry.wait(failed, &Fixed(0))).sum();
            waits / 3_600_000
        };
        assert_eq!((hours(options.dead_after), hours(options.effect_dead_after)), (19, 5));
    }
}
