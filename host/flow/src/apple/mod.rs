//! Apple Wallet: the signed package, the certificate behind it, and the push that makes a phone fetch it.
//!
//! Owns the formats (`.pkpass`, CMS, push service). Does not own what a pass says (the connector's `pass.json`) nor the web service that phones
//! call (`http`).

mod identity;
mod images;
mod package;
mod push;
mod signature;

pub use identity::{IdentityProblem, check_identity};
pub use images::TemplateImages;
pub use package::{MEDIA_TYPE, PackageError, pkpass};
pub use push::{PushError, PushOutcome, PushReason, PushToken, push};
pub use signature::{SignatureError, sign};
