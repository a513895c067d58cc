//! Apple Wallet: the signed package, the certificate behind it, and the push that makes a phone fetch it.
//!
//! Owns the formats (`.pkpass`, CMS, push service). Does not own what a pass says (the connector's `pass.json`) nor the web service that phones
//! call (`http`).

#[cfg(test)]
mod certificates;
mod identity;
mod images;
pub mod package;
pub mod push;
mod signature;

pub use identity::{IdentityProblem, check_identity};
pub use images::TemplateImages;
pub use signature::{SignatureError, sign};
