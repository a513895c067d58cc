//! Counts of what came of callbacks, and of other things that are counted by tenant, since this process began.
//!
//! Owns the numbers. In memory: a count on disk would let whoever posts nonsense make us write. Bounded by the tenants and the codes, which are
//! constants.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::identity::TenantId;

#[derive(Default)]
pub struct Tally(Mutex<BTreeMap<(TenantId, &'static str), u64>>);

impl Tally {
    /// One more; how many there are now.
    pub(crate) fn count(&self, tenant: &TenantId, code: &'static str) -> u64 {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((tenant.clone(), code)).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// By code. Of callbacks, how many of a tenant ended so, by the codes of those who receive them (`google::callback`, `vibes::callback`).
    pub fn of(&self, tenant: &TenantId) -> BTreeMap<&'static str, u64> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().filter(|((of, _), _)| of == tenant).map(|((_, code), count)| (*code, *count)).collect()
    }
}
