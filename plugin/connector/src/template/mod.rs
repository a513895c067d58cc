//! Templates: what a tenant writes, and the flat data that `payload::rebuild` fills.
//!
//! Owns the vocabulary of variables, the flat format and its reader and, behind the feature `compile`, the compiler from a tenant's folder to
//! that format. Does not own what is filled in (`payload`) nor where templates lie (a host). The sandbox has the reader only: a template parser
//! inside it costs ten times the filling.

#[cfg(feature = "compile")]
mod compile;
pub(crate) mod format;
pub(crate) mod program;
pub(crate) mod vocabulary;

#[cfg(feature = "compile")]
pub use compile::{
    Compiled, DISTANCE, Language, MAX_LOCATIONS, Nfc, Place, Problem, TemplateError, TemplateSource, Venue, compile,
    nearest, plain,
};
