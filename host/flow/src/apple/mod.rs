//! Apple Wallet: the signed package, the certificate behind it, and the push that makes a phone fetch it.
//!
//! Owns the formats (`.pkpass`, CMS, push service). Does not own what a pass says (the connector's `pass.json`) nor the web service that phones
//! call (`http`).

mod archive;
#[cfg(test)]
pub(crate) mod certificates;
pub mod expiry;
mod identity;
mod images;
pub mod package;
mod provider_token;
pub mod push;
mod scale;
mod signature;

pub(crate) use archive::Archive;
pub use archive::TooLarge;
pub use identity::{IdentityProblem, PassIdentity, arrange, check_identity};
pub use images::TemplateImages;
pub use provider_token::PushKey;
pub(crate) use scale::unreadable;
pub use signature::{Signatory, SignatureError};
