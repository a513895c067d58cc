//! The tables that a query may name.
//!
//! Owns their columns. The names are The Wallet Crew's (domain.md 1.16); `level` and `message` of `Logs` are ours [X].

use super::plan::{Column, Kind};
use crate::identity::{DAY, Millis};

/// How far back `Logs` goes.
pub const LOGS: Millis = 45 * DAY;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// What happened to passes, for ever.
    Events,
    /// What came in, what was run and what was delivered, for [`LOGS`].
    Logs,
    /// Hourly figures, for ever.
    Metrics,
}

impl Table {
    pub const ALL: [Self; 3] = [Self::Events, Self::Logs, Self::Metrics];

    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "Events",
            Self::Logs => "Logs",
            Self::Metrics => "Metrics",
        }
    }

    /// In the order in which a store brings them.
    pub fn columns(self) -> Vec<Column> {
        let columns = match self {
            Self::Events => EVENTS.to_vec(),
            Self::Logs => [&EVENTS[..], &LOGS_ALSO[..]].concat(),
            Self::Metrics => METRICS.to_vec(),
        };
        columns.into_iter().map(|(name, kind)| Column { name: name.to_owned(), kind, nullable: false }).collect()
    }
}

const EVENTS: [(&str, Kind); 6] = [
    ("eventId", Kind::Text),
    ("timestamp", Kind::Datetime),
    ("tenantId", Kind::Text),
    ("eventType", Kind::Text),
    ("operationId", Kind::Text),
    ("properties", Kind::Dynamic),
];

const LOGS_ALSO: [(&str, Kind); 2] = [("level", Kind::Text), ("message", Kind::Text)];

const METRICS: [(&str, Kind); 6] = [
    ("metricId", Kind::Text),
    ("tenantId", Kind::Text),
    ("metricType", Kind::Text),
    ("value", Kind::Long),
    ("properties", Kind::Dynamic),
    ("timestamp", Kind::Datetime),
];
