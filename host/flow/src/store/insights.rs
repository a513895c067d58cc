//! Questions over what the store records, and the hourly figures, as data and operations of their own.
//!
//! Part of the store's port ([`super::Store`] asks for it). A plan has no tenant: the store reads the tenant's own rows and no others, whatever the
//! plan is. Neither operation keeps others from writing.

use std::future::Future;

use super::StoreResult;
use crate::identity::{Millis, TenantId};
use crate::insights::plan::Plan;
use crate::maybe_send::{MaybeSend, MaybeSync};

#[derive(Clone, Debug)]
pub struct Question {
    pub tenant: TenantId,
    /// Of this moment: `Logs` ends [`crate::insights::schema::LOGS`] before it.
    pub now: Millis,
    pub plan: Plan,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Rows(Rows),
    /// The question is more than the store works at.
    Beyond(Bound),
}

/// Which limit a question met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Its time.
    Time,
    /// [`crate::insights::limit::JOINED`].
    Joined,
    /// [`crate::insights::limit::LISTED`].
    Listed,
    /// What a statement may be long.
    Length,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub rows: Vec<Vec<Cell>>,
    /// There were more, or they were larger than an answer may be.
    pub truncated: bool,
}

/// A value; the plan's columns say of which kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

/// A figure of an hour, a row of `Metrics`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    pub tenant: TenantId,
    /// `Passes:Count`, `Tasks:Dead`, …
    pub kind: String,
    /// What it is of, as JSON.
    pub properties: String,
    pub value: i64,
}

pub trait Insights: MaybeSync {
    /// The first [`crate::insights::limit::ROWS`] rows of the answer.
    fn ask(&self, question: Question) -> impl Future<Output = StoreResult<Outcome>> + MaybeSend;

    /// Figures of now, of the tenants that have none of this hour yet.
    fn figures(&self, hour: Millis) -> impl Future<Output = StoreResult<Vec<Figure>>> + MaybeSend;
    /// Keeps them as the figures of this hour; those of a tenant whose hour another node has kept meanwhile are dropped. How many were kept.
    fn keep_figures(&self, hour: Millis, figures: Vec<Figure>) -> impl Future<Output = StoreResult<u64>> + MaybeSend;
}
