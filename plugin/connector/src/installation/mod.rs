//! What phones did, reduced to what SecuTix and a CRM are told.
//!
//! Owns the fold of signals into a status, and what follows from a status. Does not own the signals' signatures nor their delivery. The fold
//! is commutative, associative and idempotent: callbacks come late, twice and in any order (domain.md 1.13, 4.4), and must end in the same state.

mod presence;
mod report;

use crate::contract::installation::{Context, Emission, Presence, Reduction, Signal, Status};
use crate::contract::types::Wallet;

/// `reduce(s, a ++ b)` and `reduce(reduce(s, a), b)` end in the same status. The emissions are of the batch as a whole: who takes a pass out and
/// puts it back within one has done nothing that a CRM should act on.
pub fn reduce(context: &Context, status: &Status, signals: &[Signal]) -> Reduction {
    let mut next = status.clone();
    for signal in signals {
        presence::join(
            match signal.wallet {
                Wallet::Apple => &mut next.apple,
                Wallet::Google => &mut next.google,
            },
            signal,
        );
    }
    let wallets = [(Wallet::Apple, &status.apple, &next.apple), (Wallet::Google, &status.google, &next.google)];
    let mut events: Vec<_> =
        wallets.into_iter().filter_map(|(wallet, before, after)| emission(wallet, before, after)).collect();
    // Told in the order in which it happened.
    if events.first().map(|event| event.at) > events.last().map(|event| event.at) {
        events.reverse();
    }
    let references = report::references(context, &next);
    let print = report::print(context, &next);
    let changed = next != *status || !references.is_empty() || print.is_some();
    Reduction { crm: report::crm(&next), status: next, changed, references, print, events }
}

/// What is told of a wallet. A further device is an installation too (domain.md 1.13: it may be told several times for one pass); that one of
/// several has gone is not told, since the wallet still has the pass.
fn emission(wallet: Wallet, before: &Presence, after: &Presence) -> Option<Emission> {
    let name = match (before.installed, after.installed) {
        (false, true) => "Pass:Installed",
        (true, true) if after.count > before.count => "Pass:Installed",
        (true, false) => "Pass:Uninstalled",
        _ => return None,
    };
    // A wallet whose presence differs has heard a signal.
    Some(Emission { name: name.to_owned(), wallet, at: after.changed_at.unwrap_or(0), count: after.count })
}

#[cfg(test)]
mod tests;
