//! What phones did, reduced to what SecuTix and a CRM are told.
//!
//! Owns the fold of signals into a status, and what follows from a status. Does not own the signals' signatures nor their delivery. The fold
//! is commutative, associative and idempotent: callbacks come late, twice and in any order (domain.md 1.13, 4.4), and must end in the same state.

mod presence;
mod report;

use crate::contract::installation::{Context, Emission, Reduction, Signal, Status};
use crate::contract::types::Wallet;

/// `reduce(s, a ++ b)` and `reduce(reduce(s, a), b)` end in the same status; the emissions of the first are those of the other two, one after
/// the other.
pub fn reduce(context: &Context, status: &Status, signals: &[Signal]) -> Reduction {
    let mut next = status.clone();
    let mut events = Vec::new();
    for signal in signals {
        let wallet = match signal.wallet {
            Wallet::Apple => &mut next.apple,
            Wallet::Google => &mut next.google,
        };
        let before = wallet.installed;
        presence::join(wallet, signal);
        if wallet.installed != before {
            let name = if wallet.installed { "Pass:Installed" } else { "Pass:Uninstalled" };
            events.push(Emission { name: name.to_owned(), wallet: signal.wallet, at: signal.at });
        }
    }
    let references = report::references(context, &next);
    let print = report::print(context, &next);
    let changed = next != *status || !references.is_empty() || print.is_some();
    Reduction { crm: report::crm(&next), status: next, changed, references, print, events }
}

#[cfg(test)]
mod tests;
