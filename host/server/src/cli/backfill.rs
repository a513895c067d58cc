//! The words of `passerelle backfill`, and a moment in the past as people write it.

use std::path::PathBuf;

use clap::Args;
use passerelle_flow::identity::{DAY, HOUR, Millis};

use super::{Configured, TenantName};

#[derive(Args)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["since", "identifiers"])))]
pub struct Backfill {
    #[command(flatten)]
    pub configured: Configured,
    #[arg(long)]
    pub tenant: TenantName,
    /// Passes whose status has changed since: a day (2026-11-01), a moment (2026-11-01T20:00:00Z), or days or hours back (7d, 24h).
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// With whom they are compared. `secutix`: its external references are read back, one call a pass, within the budget. `webhook`: what your
    /// endpoints have acknowledged. `file`: nothing is compared, all is written to --out as CSV. Default: secutix and webhook.
    #[arg(long, value_name = "TARGET")]
    pub to: Vec<BackfillTo>,
    /// The file of `--to file`. It may hold e-mail addresses, and is readable by its owner alone.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// First give existing passes the identifier that your CRM joins by. FILE: CSV with a line of names, `secutix.movementId` (or
    /// `secutix.contactNumber`, or `passId`) and the identifier. Without FILE: from the ticket, as [crm] says.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub identifiers: Option<Option<PathBuf>>,
    /// Also send what your endpoints have acknowledged: for a CRM that has lost its records.
    #[arg(long)]
    pub again: bool,
    /// Begin anew, where an earlier one was stopped.
    #[arg(long)]
    pub restart: bool,
    /// Write what was compared and repaired as JSON: {"ok":bool,"targets":{...}}.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum BackfillTo {
    Secutix,
    Webhook,
    File,
}

/// A moment in the past, as people write it.
#[derive(Clone, Debug)]
pub enum Since {
    At(Millis),
    /// Before now.
    Ago(Millis),
}

impl Since {
    pub fn millis(&self, now: Millis) -> Millis {
        match self {
            Self::At(at) => *at,
            Self::Ago(span) => now - span,
        }
    }
}

/// None of the three.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a day (2026-11-01), a moment (2026-11-01T20:00:00Z) days (7d) or hours (24h) back is expected")]
pub struct NoMoment;

impl std::str::FromStr for Since {
    type Err = NoMoment;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(hours) = text.strip_suffix('h').and_then(|hours| hours.parse::<u16>().ok()) {
            return Ok(Self::Ago(Millis::from(hours) * HOUR));
        }
        if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse::<u16>().ok()) {
            return Ok(Self::Ago(Millis::from(days) * DAY));
        }
        // A date is also read from a longer text, whose time would be lost without a word.
        if !text.contains(['T', 't', ' ', ':'])
            && let Ok(day) = text.parse::<jiff::civil::Date>()
            && let Ok(day) = day.to_zoned(jiff::tz::TimeZone::UTC)
        {
            return Ok(Self::At(day.timestamp().as_millisecond()));
        }
        text.parse::<jiff::Timestamp>().map(|at| Self::At(at.as_millisecond())).map_err(|_| NoMoment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_day_an_instant_or_days_back() {
        let read = |text: &str| text.parse::<Since>().map(|since| since.millis(10 * DAY));
        assert_eq!(read("2d").unwrap(), 8 * DAY);
        assert_eq!(read("48h").unwrap(), 8 * DAY);
        assert_eq!(read("1970-01-03").unwrap(), 2 * DAY);
        assert_eq!(read("1970-01-03T01:00:00+01:00").unwrap(), 2 * DAY);
        assert_eq!(read("1970-01-03 02:00:00+01:00").unwrap(), 2 * DAY + HOUR);
        for text in ["", "d", "-1d", "yesterday", "1970-01-03T00:00:00", "1970-01-03 20:00:00", "1970-01-03t20:00:00"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
