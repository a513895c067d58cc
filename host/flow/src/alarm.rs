//! Alarms: error lines for a person, few enough to be read.
//!
//! Owns how often the same cause is told. One wrong certificate stops the pushes to every phone of a venue; one line a minute says it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::identity::{Millis, TenantId};

/// How long the same cause is silent after it was told.
const SILENCE: Millis = 60_000;

/// When each cause was told last, by tenant. Bounded by the causes, which are constants.
#[derive(Default)]
pub struct Alarms {
    told: Mutex<HashMap<(TenantId, &'static str), Millis>>,
}

impl Alarms {
    /// Whether this cause is to be told now.
    pub fn is_due(&self, tenant: &TenantId, cause: &'static str, now: Millis) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let last = told.entry((tenant.clone(), cause)).or_insert(Millis::MIN);
        let due = now.saturating_sub(*last) >= SILENCE;
        if due {
            *last = now;
        }
        due
    }
}

/// Lines of strangers that are written down in a minute, of each tenant: enough to see what phones complain of, too few to fill a disk.
const LINES: u32 = 60;

/// How many lines of each tenant were written down in the running minute.
#[derive(Default)]
pub struct Allowance {
    spent: Mutex<HashMap<TenantId, (Millis, u32)>>,
}

impl Allowance {
    pub fn admits(&self, tenant: &TenantId, now: Millis) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, lines) = spent.entry(tenant.clone()).or_insert((now, 0));
        if now.saturating_sub(*began) >= SILENCE {
            (*began, *lines) = (now, 0);
        }
        *lines = lines.saturating_add(1);
        *lines <= LINES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once_a_minute_and_apart_from_others() {
        let alarms = Alarms::default();
        let (opera, stadium) = (TenantId::parse("opera").unwrap(), TenantId::parse("stadium").unwrap());
        let due = |tenant, cause, now| alarms.is_due(tenant, cause, now);
        assert!(due(&opera, "push", 0) && due(&opera, "patch", 0) && due(&stadium, "push", 1));
        assert!(!due(&opera, "push", 1) && !due(&opera, "push", SILENCE - 1));
        assert!(due(&opera, "push", SILENCE) && !due(&opera, "push", SILENCE + 1));
    }

    #[test]
    fn strangers_write_sixty_lines_a_minute_per_tenant() {
        let allowance = Allowance::default();
        let (opera, stadium) = (TenantId::parse("opera").unwrap(), TenantId::parse("stadium").unwrap());
        let admitted = (0..1_000).filter(|_| allowance.admits(&opera, 0)).count();
        assert_eq!(admitted, 60);
        assert!(allowance.admits(&stadium, 0), "a flood at one is not the other's");
        assert!(!allowance.admits(&opera, SILENCE - 1) && allowance.admits(&opera, SILENCE));
    }
}
