//! How a run ended, as one word: for the record, the log, and the caller who waits for it.
//!
//! Owns the words. Does not own what becomes of the task (`Next`) nor what a caller is told (`http::demand`), which match them one by one,
//! so that a new one is forgotten nowhere.

/// Documented for people in `docs/operations.md`, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Passes changed.
    Done,
    /// They show what SecuTix says.
    Unchanged,
    /// A movement was absent for the first time.
    AbsenceUnconfirmed,
    /// A ticket is dead, and its successor not there yet.
    BetweenTickets,
    /// A template could not be filled.
    PassNotBuilt,
    /// The file had a task already, which took over.
    Merged,
    LeaseLost,
    /// Passes changed under the run, again and again.
    Conflict,
    /// More would be void than may be without a person's word.
    VoidLimit,
    /// SecuTix knows no such thing.
    NotFound,
    /// SecuTix says no.
    Refused,
    NotReady,
    Unreadable,
    /// An answer that does not say of which file it is.
    NoFile,
    Unreachable,
    BudgetSpent,
    Throttled,
    CredentialsRefused,
    NoSuchTenant,
    /// The tenant's seal key is another one than before.
    TokenUnreadable,
    SealedPartUnreadable,
    /// The passes could not be built at all: the sandbox.
    NotPlanned,
    Sandbox,
    SandboxBusy,
    /// Stopped, because it took as long as its lease allows.
    Overran,
}

impl Outcome {
    /// As it is kept, logged and documented.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::AbsenceUnconfirmed => "absence-unconfirmed",
            Self::BetweenTickets => "between-tickets",
            Self::PassNotBuilt => "pass-not-built",
            Self::Merged => "merged",
            Self::LeaseLost => "lease-lost",
            Self::Conflict => "conflict",
            Self::VoidLimit => "void-limit",
            Self::NotFound => "not-found",
            Self::Refused => "refused",
            Self::NotReady => "not-ready",
            Self::Unreadable => "unreadable",
            Self::NoFile => "no-file",
            Self::Unreachable => "unreachable",
            Self::BudgetSpent => "budget-spent",
            Self::Throttled => "throttled",
            Self::CredentialsRefused => "credentials-refused",
            Self::NoSuchTenant => "no-such-tenant",
            Self::TokenUnreadable => "token-unreadable",
            Self::SealedPartUnreadable => "sealed-part-unreadable",
            Self::NotPlanned => "not-planned",
            Self::Sandbox => "sandbox",
            Self::SandboxBusy => "sandbox-busy",
            Self::Overran => "overran",
        }
    }
}
