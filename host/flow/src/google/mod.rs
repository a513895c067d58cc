//! Google Wallet: classes and objects over REST, the service account's token, the link that saves a pass, and the callbacks that say it was.
//!
//! Owns the protocol and the form of identifiers. Does not own what a pass says (the connector's class and object bodies) nor when to send it
//! (`run`).

mod account;
pub mod callback;
mod ecv2;
mod error;
mod jwt;
pub mod link;
pub mod messages;
pub mod objects;
pub mod presence;
mod resource;
mod roots;
mod token;

pub use account::Worth;
pub use ecv2::Ecv2Error;
pub use error::{GoogleError, GoogleReason};
pub use resource::{PassKind, class_id, image_url, object_id, program_logo};
pub use token::TokenCache;
