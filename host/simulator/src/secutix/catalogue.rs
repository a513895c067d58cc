//! What the institution sells: products, their performances, and where those take place.
//!
//! Owns the catalogue and the default season of an opera house. Does not own sales. Dates are relative to the day of the start, so
//! that no run meets a performance of the past.

use std::collections::BTreeMap;

use jiff::civil::Time;
use jiff::{ToSpan, Zoned};
use serde::{Deserialize, Serialize};

/// A text by locale: SecuTix's `translations`.
pub type Texts = BTreeMap<String, String>;

/// `texts(&[("fr", "Carmen"), ("en", "Carmen")])`
pub fn texts(pairs: &[(&str, &str)]) -> Texts {
    pairs.iter().map(|(locale, text)| ((*locale).to_owned(), (*text).to_owned())).collect()
}

/// SecuTix's product families, as `operationData.kind` has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProductKind {
    SingleEntry,
    #[serde(rename = "SEASONTICKET")]
    SeasonTicket,
    Package,
    Pass,
    Membership,
    Service,
    Goods,
}

impl ProductKind {
    pub fn code(self) -> &'static str {
        match self {
            Self::SingleEntry => "SINGLE_ENTRY",
            Self::SeasonTicket => "SEASONTICKET",
            Self::Package => "PACKAGE",
            Self::Pass => "PASS",
            Self::Membership => "MEMBERSHIP",
            Self::Service => "SERVICE",
            Self::Goods => "GOODS",
        }
    }

    /// Whether one movement of it opens several performances.
    pub fn opens_several(self) -> bool {
        matches!(self, Self::SeasonTicket | Self::Package | Self::Pass)
    }

    /// Goods and services make orders without movements (domain.md §7.10).
    pub fn has_movements(self) -> bool {
        !matches!(self, Self::Service | Self::Goods)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Product {
    pub id: i64,
    pub code: String,
    pub kind: ProductKind,
    /// `RUNNING`, `SUSPENDED`, `CANCELED`, ...
    pub state: String,
    /// Selects the template (domain.md 1.5).
    pub family_subtype: String,
    pub title: Texts,
    /// SecuTix comfort variables, `WALLET` among them.
    pub comfort: Vec<(String, String)>,
    /// Its own performances; for a season ticket, those of other products that it opens.
    pub performances: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Performance {
    pub id: i64,
    pub name: Texts,
    #[serde(serialize_with = "as_text")]
    pub start: Zoned,
    #[serde(serialize_with = "as_text")]
    pub end: Zoned,
    #[serde(skip)]
    pub doors: Option<Zoned>,
    pub venue: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Venue {
    pub site: Texts,
    pub space: Texts,
    pub address: String,
    pub zip_code: String,
    pub locality: String,
    pub country: String,
    pub latitude: f64,
    pub longitude: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Catalogue {
    pub products: BTreeMap<i64, Product>,
    pub performances: BTreeMap<i64, Performance>,
    pub venues: Vec<Venue>,
}

/// First performance of the default season; the others follow.
pub const FIRST_PERFORMANCE: i64 = 10_228_231_109_243;

impl Catalogue {
    /// Three operas in two halls, a season ticket that opens them, a package, a programme booklet.
    pub fn opera() -> Self {
        let house = Venue {
            site: texts(&[("fr", "Opéra de démonstration"), ("en", "Demonstration Opera House"), ("de", "Schauoper")]),
            space: texts(&[("fr", "Grande salle"), ("en", "Main hall"), ("de", "Grosser Saal")]),
            address: "Boulevard du Théâtre 11".to_owned(),
            zip_code: "1204".to_owned(),
            locality: "Genève".to_owned(),
            country: "CH".to_owned(),
            latitude: 46.2019,
            longitude: 6.1429,
        };
        let studio = Venue {
            space: texts(&[("fr", "Petite salle"), ("en", "Studio"), ("de", "Kleiner Saal")]),
            address: "Rue de la Passerelle 3".to_owned(),
            latitude: 46.2043,
            longitude: 6.1432,
            ..house.clone()
        };
        let performance = |index: i64, days: i64, name: &[(&str, &str)], venue: usize| Performance {
            id: FIRST_PERFORMANCE + index,
            name: texts(name),
            start: evening(days, 20, 0),
            end: evening(days, 23, 0),
            doors: (venue == 0).then(|| evening(days, 19, 15)),
            venue,
        };
        let carmen = [("fr", "Carmen"), ("en", "Carmen"), ("de", "Carmen")];
        let flute = [("fr", "La Flûte enchantée"), ("en", "The Magic Flute"), ("de", "Die Zauberflöte")];
        let orphee = [("fr", "Orphée et Eurydice"), ("en", "Orpheus and Eurydice"), ("de", "Orpheus und Eurydike")];
        let performances = [
            performance(0, 30, &carmen, 0),
            performance(1, 32, &carmen, 0),
            performance(2, 60, &flute, 0),
            performance(3, 90, &orphee, 1),
        ];
        let id = |index: i64| FIRST_PERFORMANCE + index;
        let product = |id: i64, code: &str, kind: ProductKind, subtype: &str, title: &[(&str, &str)]| Product {
            id,
            code: code.to_owned(),
            kind,
            state: "RUNNING".to_owned(),
            family_subtype: subtype.to_owned(),
            title: texts(title),
            comfort: Vec::new(),
            performances: Vec::new(),
        };
        let season = [("fr", "Abonnement Lyrique"), ("en", "Opera season ticket"), ("de", "Opernabonnement")];
        let package = [("fr", "Week-end Carmen"), ("en", "Carmen weekend"), ("de", "Carmen-Wochenende")];
        let booklet = [("fr", "Programme"), ("en", "Programme booklet"), ("de", "Programmheft")];
        let products = [
            Product {
                performances: vec![id(0), id(1)],
                comfort: vec![("WALLET".to_owned(), "event-ticket".to_owned())],
                ..product(101, "CARMEN", ProductKind::SingleEntry, "OPERA", &carmen)
            },
            Product { performances: vec![id(2)], ..product(102, "FLUTE", ProductKind::SingleEntry, "OPERA", &flute) },
            Product { performances: vec![id(3)], ..product(103, "ORPHEE", ProductKind::SingleEntry, "OPERA", &orphee) },
            Product {
                performances: vec![id(0), id(2), id(3)],
                ..product(201, "SEASON", ProductKind::SeasonTicket, "SUBSCRIPTION", &season)
            },
            Product {
                performances: vec![id(0), id(1)],
                ..product(202, "WEEKEND", ProductKind::Package, "PACKAGE", &package)
            },
            product(301, "BOOKLET", ProductKind::Goods, "GOODS", &booklet),
        ];
        Self {
            products: products.into_iter().map(|product| (product.id, product)).collect(),
            performances: performances.into_iter().map(|performance| (performance.id, performance)).collect(),
            venues: vec![house, studio],
        }
    }

    pub fn product(&self, code: &str) -> Option<&Product> {
        self.products.values().find(|product| product.code == code)
    }
}

/// With the offset of the venue, as SecuTix writes it: `2026-12-01T20:00:00.000+01:00`.
pub(crate) fn written(moment: &Zoned) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

pub(crate) fn as_text<S: serde::Serializer>(moment: &Zoned, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&written(moment))
}

/// So many days from today, at that hour of the venue's clock.
fn evening(days: i64, hour: i8, minute: i8) -> Zoned {
    let today = Zoned::now();
    let venue = today.in_tz("Europe/Zurich").unwrap_or(today);
    let time = Time::new(hour, minute, 0, 0).unwrap_or(Time::midnight());
    venue.checked_add(days.days()).and_then(|day| day.with().time(time).build()).unwrap_or(venue)
}
