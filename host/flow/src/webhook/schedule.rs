//! When a delivery is tried again: data, and what an answer makes of it.
//!
//! Owns the waits. Does not own what counts as a failure (`send`). The schedule is Svix's, which Standard Webhooks repeats as its example.

use std::time::Duration;

use http::StatusCode;

use crate::identity::{DAY, HOUR, Millis};
use crate::options::jittered;
use crate::ports::{HttpResponse, Random};
use crate::retry_after::retry_in;
use crate::webhook::send::millis;

const SECOND: Millis = 1_000;
const MINUTE: Millis = 60_000;

#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Before each attempt: the first at once. Ten attempts, over three days and a bit.
    pub waits: [Millis; 10],
    /// Share of a wait that is random, in percent: 20 means 80 % to 120 %.
    pub jitter_percent: u32,
    /// After a 429 or no answer in time: who is too busy to answer is not asked again at once (reliability.md 1.6).
    pub busy: Millis,
    /// An endpoint that failed so long without one success is switched off.
    pub disable_after: Millis,
    /// Failures further apart than this do not belong together: two in a week with nothing between them prove nothing. Longer than the longest
    /// wait with its jitter.
    pub apart: Millis,
    /// While an endpoint fails, it is asked again after this part of the time that it has been failing for, and `longest_pause` at most: its
    /// thousand waiting deliveries do not knock one after the other at a closed door.
    pub pause_part: Millis,
    pub longest_pause: Millis,
    /// For one attempt, from the first byte of the connection to the last of the answer: The Wallet Crew gives its receivers 30 seconds.
    pub timeout: Duration,
    /// Sent at once to one endpoint that takes what it is sent; to one that fails, one.
    pub per_endpoint: u32,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            waits: [
                0,
                5 * SECOND,
                5 * MINUTE,
                30 * MINUTE,
                2 * HOUR,
                5 * HOUR,
                10 * HOUR,
                14 * HOUR,
                20 * HOUR,
                24 * HOUR,
            ],
            jitter_percent: 20,
            busy: MINUTE,
            disable_after: 5 * DAY,
            apart: 36 * HOUR,
            pause_part: 10,
            longest_pause: 5 * MINUTE,
            timeout: Duration::from_secs(30),
            per_endpoint: 8,
        }
    }
}

/// What the other side said about when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `Retry-After`, from now; an hour at most (`retry_after`).
    pub after: Option<Millis>,
    /// 429, or no answer in time.
    pub busy: bool,
}

impl Asked {
    /// What an answer says about when.
    pub fn of(answer: &HttpResponse, now: Millis) -> Self {
        Self { after: retry_in(&answer.headers, now).map(millis), busy: answer.status == StatusCode::TOO_MANY_REQUESTS }
    }
}

impl Schedule {
    /// The wait before the next attempt, where `failed` have failed. None: that was the last one. The endpoint's own wish may lengthen it and
    /// never shorten it.
    pub fn wait<R: Random>(&self, failed: i64, asked: Asked, random: &R) -> Option<Millis> {
        let plain = *self.waits.get(usize::try_from(failed).unwrap_or(usize::MAX))?;
        let least = if asked.busy { self.busy } else { 0 };
        Some(jittered(plain, self.jitter_percent, random).max(least).max(asked.after.unwrap_or(0)))
    }

    /// Until when the whole endpoint is left alone after a failure; it has been failing since then.
    pub fn pause(&self, failing_since: Option<Millis>, asked: Asked, now: Millis) -> Millis {
        let failing = failing_since.map_or(0, |since| now.saturating_sub(since).max(0));
        let own = failing.checked_div(self.pause_part).unwrap_or(0).min(self.longest_pause);
        let least = if asked.busy { self.busy } else { 0 };
        now.saturating_add(own.max(least).max(asked.after.unwrap_or(0)))
    }
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
    fn it_is_tried_ten_times_over_three_days_and_within_the_jitter() {
        let schedule = Schedule::default();
        assert_eq!(schedule.waits.iter().sum::<Millis>() / MINUTE, 75 * 60 + 35);
        for byte in [0, 1, 127, 255] {
            for failed in 0..10 {
                let plain = schedule.waits[usize::try_from(failed).unwrap()];
                let wait = schedule.wait(failed, Asked::default(), &Fixed(byte)).unwrap();
                assert!((plain * 8 / 10..=plain * 12 / 10).contains(&wait), "{failed}: {wait}");
            }
        }
        assert_eq!(schedule.wait(10, Asked::default(), &Fixed(0)), None);
        let longest = schedule.waits.iter().max().unwrap() * 12 / 10;
        assert!(longest < schedule.apart, "failures of one delivery belong together");
    }

    #[test]
    fn a_wish_lengthens_a_wait_and_never_shortens_it() {
        let schedule = Schedule { jitter_percent: 0, ..Schedule::default() };
        let wait = |failed, after, busy| schedule.wait(failed, Asked { after, busy }, &Fixed(0)).unwrap();
        assert_eq!(wait(1, None, false), 5 * SECOND);
        assert_eq!(wait(1, None, true), MINUTE);
        assert_eq!(wait(1, Some(90 * SECOND), true), 90 * SECOND);
        assert_eq!(wait(2, Some(1), true), 5 * MINUTE);
    }

    #[test]
    fn who_fails_is_asked_ever_less_often_but_at_least_every_five_minutes() {
        let schedule = Schedule::default();
        let pause = |failing, asked| schedule.pause(Some(0), asked, failing) - failing;
        assert_eq!((pause(0, Asked::default()), pause(MINUTE, Asked::default())), (0, 6 * SECOND));
        assert_eq!(pause(DAY, Asked::default()), 5 * MINUTE);
        assert_eq!(pause(0, Asked { after: Some(HOUR), busy: true }), HOUR);
        assert_eq!(schedule.pause(None, Asked { after: None, busy: true }, 5), 5 + MINUTE);
    }
}
