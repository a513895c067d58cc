//! What can go wrong in an operation, and what the port of the flow says of it.
//!
//! Does not own what an engine's error means: a host says that, and it alone knows its codes.

use passerelle_flow::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// What the host made of its engine's error.
    #[error(transparent)]
    Engine(#[from] StoreError),
    /// A column holds something that this program never writes. The text names the column.
    #[error("{0}")]
    Corrupt(&'static str),
    /// The request contradicts what is there; a caller that keeps the port's rules never sees it.
    #[error("{0}")]
    Refused(&'static str),
}

impl Fault {
    /// For a host's `Row` too: one text for one thing.
    pub const OTHER_TYPE: Self = Self::Corrupt("a column has another type than this program writes");
    pub(crate) const PASS_VANISHED: Self = Self::Corrupt("a pass vanished inside a transaction");
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Engine(error) => error,
            Fault::Corrupt(what) => Self::Corrupt(what.to_owned()),
            Fault::Refused(what) => Self::Unavailable(what.to_owned()),
        }
    }
}
