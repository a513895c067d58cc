//! A plugin that fails again and again is left alone for a while.
//!
//! Owns the counting, per tenant and per build of its plugin: another build begins anew. In memory: a new process tries again, which costs it three
//! calls. What the default is meanwhile, the callers know.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Digest;
use crate::identity::{Millis, TenantId};

/// Failures in a row after which it is left alone: one may be an odd event, three are the plugin.
const IN_A_ROW: u32 = 3;
/// The first pause; each further one is twice as long, up to the longest. A broken plugin is mended by a person, who installs another build and
/// need not wait; it is the machine that the pauses are for.
const FIRST: Millis = 60_000;
const LONGEST: Millis = 3_600_000;

#[derive(Default)]
pub struct Breakers {
    of: Mutex<HashMap<TenantId, Breaker>>,
}

#[derive(Default)]
struct Breaker {
    digest: Digest,
    failures: u32,
    /// Closed: none. Over: one call is let through, and decides.
    open_until: Option<Millis>,
    /// The one call that is let through after a pause is under way.
    probed: bool,
    pauses: u32,
}

impl Breakers {
    /// May it be called now? `Err`: not before then.
    pub fn admits(&self, tenant: &TenantId, digest: &Digest, now: Millis) -> Result<(), Millis> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(breaker) = of.get_mut(tenant) else { return Ok(()) };
        if breaker.digest != *digest {
            of.remove(tenant);
            return Ok(());
        }
        match breaker.open_until {
            Some(until) if now < until => Err(until),
            Some(_) => {
                // Others wait for what becomes of this one.
                breaker.open_until = Some(now.saturating_add(FIRST));
                breaker.probed = true;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What a call of another build came to says nothing of this one.
    pub fn succeeded(&self, tenant: &TenantId, digest: &Digest) {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if of.get(tenant).is_some_and(|breaker| breaker.digest == *digest) {
            of.remove(tenant);
        }
    }

    /// True: it was the one that opened the breaker.
    pub fn failed(&self, tenant: &TenantId, digest: &Digest, now: Millis) -> bool {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let breaker = of.entry(tenant.clone()).or_default();
        if breaker.digest != *digest {
            *breaker = Breaker { digest: *digest, ..Breaker::default() };
        }
        breaker.failures = breaker.failures.saturating_add(1);
        let open = breaker.open_until.is_some_and(|until| now < until);
        // A call that was under way when it opened says nothing new.
        if breaker.failures < IN_A_ROW || (open && !breaker.probed) {
            return false;
        }
        breaker.probed = false;
        let pause = FIRST.saturating_mul(1 << breaker.pauses.min(6)).min(LONGEST);
        breaker.pauses += 1;
        breaker.open_until = Some(now.saturating_add(pause));
        true
    }

    /// Tenants whose plugin is left alone now, and until when.
    pub fn open(&self, now: Millis) -> Vec<(TenantId, Millis)> {
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let open = of.iter().filter_map(|(tenant, breaker)| Some((tenant.clone(), breaker.open_until?)));
        open.filter(|(_, until)| *until > now).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_open_it_one_call_closes_it_and_another_build_begins_anew() {
        let (breakers, tenant) = (Breakers::default(), TenantId::parse("demo").unwrap());
        let (one, other) = ([1; 32], [2; 32]);
        assert!(!breakers.failed(&tenant, &one, 0) && !breakers.failed(&tenant, &one, 0));
        breakers.succeeded(&tenant, &other);
        breakers.succeeded(&tenant, &one);
        assert!(!breakers.failed(&tenant, &one, 0) && !breakers.failed(&tenant, &one, 0));
        assert_eq!(breakers.admits(&tenant, &one, 0), Ok(()));
        assert!(breakers.failed(&tenant, &one, 0));
        assert_eq!(breakers.admits(&tenant, &one, FIRST - 1), Err(FIRST));
        assert_eq!(breakers.open(1), [(tenant.clone(), FIRST)]);
        assert_eq!(breakers.admits(&tenant, &one, FIRST), Ok(()));
        assert_eq!(breakers.admits(&tenant, &one, FIRST + 1), Err(2 * FIRST), "one call is enough to see");
        assert!(breakers.failed(&tenant, &one, FIRST), "and one failure to wait longer");
        assert_eq!(breakers.admits(&tenant, &one, 3 * FIRST - 1), Err(3 * FIRST));
        assert_eq!(breakers.admits(&tenant, &other, 0), Ok(()));
        assert_eq!(breakers.admits(&tenant, &one, 0), Ok(()));
        for _ in 0..3 {
            breakers.failed(&tenant, &one, 0);
        }
        assert!(!breakers.failed(&tenant, &one, 1), "it was under way when the breaker opened");
        assert_eq!(breakers.admits(&tenant, &one, 1), Err(FIRST), "and makes no longer pause");
        let mut now = 0;
        for _ in 0..20 {
            now += LONGEST;
            assert_eq!(breakers.admits(&tenant, &one, now), Ok(()));
            assert!(breakers.failed(&tenant, &one, now));
        }
        assert_eq!(breakers.admits(&tenant, &one, now), Err(now + LONGEST));
    }
}
