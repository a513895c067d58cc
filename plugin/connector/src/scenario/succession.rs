//! Which new movement took the place of which that is gone.
//!
//! Owns the pairing: a movement in a later order of the file, in the same seat, else of the same product, else of the exchange that took the
//! old one back, else of any exchange; under an exchange, or for another person. Deterministic, each place is taken once, and linear but for sorting.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

type Text<'a> = Cow<'a, str>;

/// What pairing looks at.
#[derive(Clone, Debug, Default)]
pub(super) struct Place<'a> {
    pub performance: Option<i64>,
    /// Area, row, seat; none for free seating.
    pub seat: Option<(Text<'a>, Text<'a>, Text<'a>)>,
    pub product: Option<Text<'a>>,
    /// First and last name; none: no beneficiary is known.
    pub holder: Option<(Text<'a>, Text<'a>)>,
}

/// A movement with a pass, which is not alive.
pub(super) struct Departed<'a> {
    pub place: Place<'a>,
    /// Of the order that sold it, in time; none: that order is unknown.
    pub rank: Option<usize>,
    /// Of the order that took it back.
    pub left_by: Option<usize>,
    /// Its pass is void already: an earlier run has seen it go.
    pub void: bool,
    /// It is in no order any more, so nothing says which order took it.
    pub absent: bool,
}

/// A living movement.
pub(super) struct Arrival<'a> {
    pub place: Place<'a>,
    pub rank: usize,
    pub exchange: bool,
    /// It has a pass: an earlier run has seen it come.
    pub known: bool,
}

/// How a pair was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bond {
    SameSeat,
    SameOrderProductHolder,
    SameOrderProduct,
    ProductHolder,
    Product,
    SameOrderHolder,
    SameOrder,
    ExchangeHolder,
    Exchange,
}

const BONDS: [Bond; 9] = [
    Bond::SameSeat,
    Bond::SameOrderProductHolder,
    Bond::SameOrderProduct,
    Bond::ProductHolder,
    Bond::Product,
    Bond::SameOrderHolder,
    Bond::SameOrder,
    Bond::ExchangeHolder,
    Bond::Exchange,
];

/// Arrivals tried per bond before it is given up. Those passed over have the wrong holder or come too early; thousands of them are one buyer's
/// block of tickets, where the pairing is a guess anyway and the wallets' outcome is the same without it.
const MOST_TRIED: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// Place in the list of arrivals.
    pub arrival: usize,
    pub bond: Bond,
    /// An earlier run has seen both: nothing new.
    pub settled: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a>(Bond, i64, Text<'a>, Text<'a>, Text<'a>);

/// One entry per departed, in order.
pub(super) fn pair(departed: &[Departed<'_>], arrivals: &[Arrival<'_>]) -> Vec<Option<Match>> {
    let mut shelf = Shelf::of(arrivals);
    let mut matches = vec![None; departed.len()];
    // Who went earlier keeps what it was given then; who goes now chooses next; who went earlier without a successor may find one that came late.
    let rounds: [fn(&Departed<'_>, &Arrival<'_>) -> bool; 3] =
        [|gone, new| gone.void && new.known, |gone, _| !gone.void, |gone, new| gone.void && !new.known];
    for (round, concerns) in rounds.into_iter().enumerate() {
        for bond in BONDS {
            for (gone, found) in departed.iter().zip(&mut matches) {
                if found.is_none() {
                    let fits = |new: &Arrival<'_>| concerns(gone, new) && admits(bond, gone, new);
                    *found = shelf.take(gone, bond, fits).map(|arrival| Match { arrival, bond, settled: round == 0 });
                }
            }
        }
    }
    matches
}

/// The other person's, or exchanged: anything else is a cancellation and a purchase.
fn admits(bond: Bond, gone: &Departed<'_>, new: &Arrival<'_>) -> bool {
    if gone.rank.is_some_and(|rank| new.rank <= rank) {
        return false;
    }
    if !new.exchange && !is_another_person(&gone.place, &new.place) {
        return false;
    }
    let firm = bond == Bond::SameSeat || new.exchange || gone.left_by == Some(new.rank);
    match (gone.void, new.known) {
        // Two things that are both new to us, or an absence whose first sighting has already made the new pass.
        (false, false) => true,
        (false, true) | (true, true) => firm || gone.absent,
        (true, false) => firm,
    }
}

/// Both have a beneficiary, and not the same.
pub(super) fn is_another_person(old: &Place<'_>, new: &Place<'_>) -> bool {
    matches!((&old.holder, &new.holder), (Some(old), Some(new)) if old != new)
}

fn key<'a>(bond: Bond, place: &Place<'a>, order: Option<usize>) -> Option<Key<'a>> {
    let none = || Cow::Borrowed("");
    let order = || order.and_then(|rank| i64::try_from(rank).ok());
    let product = || place.product.clone();
    let holder = || place.holder.clone();
    Some(match bond {
        Bond::SameSeat => {
            let (area, row, seat) = place.seat.clone()?;
            Key(bond, place.performance?, area, row, seat)
        }
        Bond::SameOrderProductHolder => {
            let (first, last) = holder()?;
            Key(bond, order()?, product()?, first, last)
        }
        Bond::SameOrderProduct => Key(bond, order()?, product()?, none(), none()),
        Bond::ProductHolder => {
            let (first, last) = holder()?;
            Key(bond, 0, product()?, first, last)
        }
        Bond::Product => Key(bond, 0, product()?, none(), none()),
        Bond::SameOrderHolder => {
            let (first, last) = holder()?;
            Key(bond, order()?, none(), first, last)
        }
        Bond::SameOrder => Key(bond, order()?, none(), none(), none()),
        Bond::ExchangeHolder => {
            let (first, last) = holder()?;
            Key(bond, 0, none(), first, last)
        }
        Bond::Exchange => Key(bond, 0, none(), none(), none()),
    })
}

/// Arrivals that are still free, by everything that they can be found by.
struct Shelf<'s, 'a> {
    arrivals: &'s [Arrival<'a>],
    places: BTreeMap<Key<'a>, BTreeSet<(usize, usize)>>,
}

impl<'s, 'a> Shelf<'s, 'a> {
    fn of(arrivals: &'s [Arrival<'a>]) -> Self {
        let mut places: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (at, arrival) in arrivals.iter().enumerate() {
            for key in Self::keys(arrival) {
                places.entry(key).or_default().insert((arrival.rank, at));
            }
        }
        Self { arrivals, places }
    }

    fn keys(arrival: &Arrival<'a>) -> impl Iterator<Item = Key<'a>> {
        // Without a common product only the order's type says that one was given up for the other.
        let by_exchange_alone = |bond: &Bond| *bond >= Bond::SameOrderHolder;
        BONDS
            .into_iter()
            .filter(move |bond| arrival.exchange || !by_exchange_alone(bond))
            .filter_map(|bond| key(bond, &arrival.place, Some(arrival.rank)))
    }

    fn take(&mut self, gone: &Departed<'a>, bond: Bond, fits: impl Fn(&Arrival<'_>) -> bool) -> Option<usize> {
        let key = key(bond, &gone.place, gone.left_by)?;
        let from = gone.rank.map_or(0, |rank| rank + 1);
        let free = self.places.get(&key)?;
        let mut candidates = free.range((from, 0)..).take(MOST_TRIED);
        let (_, at) = *candidates.find(|(_, at)| self.arrivals.get(*at).is_some_and(&fits))?;
        let arrival = self.arrivals.get(at)?;
        for key in Self::keys(arrival) {
            if let Some(free) = self.places.get_mut(&key) {
                free.remove(&(arrival.rank, at));
            }
        }
        Some(at)
    }
}
