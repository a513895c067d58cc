//! Google Wallet: classes and objects over REST, the service account's token, and the link that saves a pass.
//!
//! Owns the protocol and the form of identifiers. Does not own what a pass says (the connector's class and object bodies) nor when to send it
//! (`run`).

mod error;
mod jwt;
pub mod link;
pub mod objects;
mod resource;
mod token;

pub use error::{GoogleError, GoogleReason};
pub use resource::{PassKind, class_id, image_url, object_id, program_logo};
pub use token::TokenCache;
