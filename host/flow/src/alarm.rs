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
}
