//! Lists of passes as data: which ones, in which order, from where on.
//!
//! Owns what may be asked of a list, and what an order promises. Does not own how a caller writes it (`http::pass_list`) nor the statements.
//!
//! A pass stands on two lines, at a position of its own on each: `born` never changes, `touched` is a new and the highest one after every change
//! that a list shows. Positions rise in commit order. So, whatever is created, changed or installed meanwhile:
//! - by creation, first to last: an offset means the same pass for ever, and a walk sees each pass once (passes are never deleted);
//! - by creation in either direction, by id, by a SecuTix identifier: a walk from position to position sees every pass that was there when it began
//!   exactly once;
//! - by last change, oldest first: such a walk sees every pass, and one that changes meanwhile again, as it is then;
//! - by anything else: exactly once, if what it is sorted by does not change meanwhile.
//!
//! A condition that a pass meets for a while only shows it if it is met when its place is read.

use std::future::Future;

use passerelle_contract::types::Wallet;
use serde::{Deserialize, Serialize};

use super::StoreResult;
use super::attribute::{Attribute, AttributeKind};
use super::pass::{PassState, PassSubject};
use crate::identity::{Millis, PassId, TenantId};
use crate::maybe_send::{MaybeSend, MaybeSync};

/// In which wallets a pass is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wallets {
    None,
    Apple,
    Google,
    Both,
}

impl Wallets {
    pub const ALL: [Self; 4] = [Self::None, Self::Apple, Self::Google, Self::Both];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Apple => "apple",
            Self::Google => "google",
            Self::Both => "apple+google",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wallets| wallets.as_str() == text)
    }

    pub const fn of(apple: bool, google: bool) -> Self {
        match (apple, google) {
            (false, false) => Self::None,
            (true, false) => Self::Apple,
            (false, true) => Self::Google,
            (true, true) => Self::Both,
        }
    }

    pub fn contains(self, wallet: Wallet) -> bool {
        match wallet {
            Wallet::Apple => matches!(self, Self::Apple | Self::Both),
            Wallet::Google => matches!(self, Self::Google | Self::Both),
        }
    }
}

/// Which of SecuTix's two subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubjectKind {
    Movement,
    Contact,
}

/// Texts are compared byte by byte. None of them is empty, and no list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextTest {
    In(Vec<String>),
    /// Also what is not there at all.
    NotIn(Vec<String>),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    Empty,
    NotEmpty,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeTest {
    AtLeast(Millis),
    Below(Millis),
    Empty,
    NotEmpty,
}

/// What a pass must meet. Several are met together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Id(TextTest),
    Template(TextTest),
    State(Vec<PassState>),
    Wallets(Vec<Wallets>),
    Created(TimeTest),
    Updated(TimeTest),
    /// When it was put into the wallet that it is in now.
    Since(Wallet, TimeTest),
    Subject(SubjectKind, TextTest),
    /// `macs`: those of the values that name a person, sought beside the clear ones of `In` and `NotIn`. No other test sees such a value.
    Attribute {
        kind: AttributeKind,
        name: String,
        test: TextTest,
        macs: Vec<String>,
    },
}

/// What a list is sorted by. What has nothing to be sorted by comes last, whatever the direction, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    Created,
    Updated,
    Id,
    /// Those of one template by creation.
    Template,
    Since(Wallet),
    Subject(SubjectKind),
    /// By values in the clear; equal ones by id.
    Attribute(AttributeKind, String),
}

/// The place of a pass in an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Position {
    /// On a line.
    Line(i64),
    Id(PassId),
    Template(String, i64),
    Since(Millis, PassId),
    Value(String, PassId),
    /// Among those that have nothing to be sorted by.
    Without(PassId),
}

impl Order {
    /// The position is one of this order.
    pub const fn has(&self, position: &Position) -> bool {
        matches!(
            (self, position),
            (Self::Created | Self::Updated, Position::Line(_))
                | (Self::Id, Position::Id(_))
                | (Self::Template, Position::Template(..))
                | (Self::Since(_), Position::Since(..) | Position::Without(_))
                | (Self::Subject(_) | Self::Attribute(..), Position::Value(..) | Position::Without(_))
        )
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Passes that are skipped.
    Offset(u64),
    /// Behind this place.
    After(Position),
}

/// Whether the whole list is counted as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    Never,
    /// Only where counters know it.
    IfKept,
    Always,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassQuery {
    pub tenant: TenantId,
    pub conditions: Vec<Condition>,
    pub order: Order,
    pub descending: bool,
    pub start: Start,
    pub limit: u32,
    pub count: Count,
}

/// A pass as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPass {
    pub id: PassId,
    pub subject: PassSubject,
    pub version: i64,
    pub state: PassState,
    pub template: String,
    pub successor: Option<PassId>,
    pub wallets: Wallets,
    pub apple_since: Option<Millis>,
    pub google_since: Option<Millis>,
    /// Those of its positions, so that they are in the order of the lines.
    pub created_at: Millis,
    pub updated_at: Millis,
    pub attributes: Vec<Attribute>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassPage {
    /// Each with its place.
    pub passes: Vec<(Position, ListedPass)>,
    /// There are more behind them.
    pub more: bool,
    pub total: Option<u64>,
}

pub trait PassLists: MaybeSync {
    /// A page, its total and its passes of one moment. A total is exact.
    fn list_passes(&self, query: PassQuery) -> impl Future<Output = StoreResult<PassPage>> + MaybeSend;
}
