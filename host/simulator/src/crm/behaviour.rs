//! How a desk answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a receiver can do to a sender.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Behaviour {
    /// 200 with a word.
    #[default]
    Honest,
    /// 200 with what it was told.
    Echoes,
    /// A status, and perhaps `Retry-After` in seconds.
    Status { status: u16, retry_after: Option<u32> },
    /// A status so many times, then honest.
    Recovers { after: u32, status: u16 },
    /// So many requests are taken, then a status.
    Breaks { after: u32, status: u16 },
    /// Honest, but late.
    Slow { millis: u64 },
    /// The connection stays open and nothing comes.
    Hangs,
    /// The connection is closed without an answer.
    HangsUp,
    /// Something that is no HTTP.
    Babbles,
    /// 200 with bytes that are no text.
    Garbage,
    /// 200 whose `Content-Length` promises more than comes.
    ShortBody,
    /// 200 with a body that never ends.
    EndlessBody,
    /// 200 with a body that drips, a byte at a time, for ever.
    Drips,
    /// A header that drips for ever.
    DripsHeaders,
    /// To another address. `self`: its own.
    Redirects { status: u16, to: String },
    /// 200 with more headers than anybody reads.
    HugeHeaders,
    /// 200 with a small body that says that it is gzip, and would be gigabytes.
    GzipBomb,
}

impl Behaviour {
    /// What it is for the request of this number, from 0.
    pub(super) fn at(&self, number: u32) -> Self {
        match self {
            Self::Recovers { after, status } if number < *after => Self::Status { status: *status, retry_after: None },
            Self::Breaks { after, status } if number >= *after => Self::Status { status: *status, retry_after: None },
            Self::Recovers { .. } | Self::Breaks { .. } => Self::Honest,
            other => other.clone(),
        }
    }

    /// The sender may believe that it was taken.
    pub(super) fn takes(&self) -> bool {
        match self {
            Self::Status { status, .. } => (200..300).contains(status),
            Self::Honest
            | Self::Echoes
            | Self::Slow { .. }
            | Self::Garbage
            | Self::ShortBody
            | Self::EndlessBody
            | Self::Drips
            | Self::GzipBomb => true,
            Self::Recovers { .. }
            | Self::Breaks { .. }
            | Self::Hangs
            | Self::HangsUp
            | Self::Babbles
            | Self::DripsHeaders
            | Self::Redirects { .. }
            | Self::HugeHeaders => false,
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Status { status, .. } | Self::Redirects { status, .. } => status.to_string(),
            other => serde_json::to_value(other).map_or_else(
                |_| String::new(),
                |value| match value {
                    serde_json::Value::String(name) => name,
                    serde_json::Value::Object(map) => map.keys().next().cloned().unwrap_or_default(),
                    _ => String::new(),
                },
            ),
        }
    }

    /// How long it waits before it answers.
    pub(super) fn delay(&self) -> Option<Duration> {
        if let Self::Slow { millis } = self { Some(Duration::from_millis(*millis)) } else { None }
    }
}
