//! Vibes Platform (also resold by Syniverse): who has a pass in a wallet, told by callbacks (domain.md 4).
//!
//! Owns the protocol in both directions: what they post (`callback`), the calls of their API (`client`), which callbacks are registered
//! (`registration`), and what their list of items says that no callback told (`items`). Does not own the answers (`http::vibes`), the count of
//! devices (the store, in one transaction with the signal) nor the fold (`installation`). Callbacks carry no signature: the secret in the address
//! is all that they prove.

pub mod callback;
pub mod client;
pub mod error;
mod example;
pub mod items;
mod moment;
pub mod registration;

use passerelle_contract::types::Wallet;

pub use self::client::{Client, Registration, Type, Wanted};
pub use self::error::VibesError;
use crate::identity::TenantId;
use crate::tenant::PathSecret;

/// Characters of an address that Vibes takes (domain.md 4.2).
pub const MOST_URL: usize = 1024;

/// Beginning of the address that Vibes calls, without the secret: whatever is registered with it is ours.
pub fn listener(public_url: &str, tenant: &TenantId) -> String {
    format!("{public_url}/api/{tenant}/webhooks/listeners/vibes/")
}

/// The address that Vibes calls.
pub fn address(public_url: &str, tenant: &TenantId, secret: &PathSecret) -> String {
    format!("{}{}", listener(public_url, tenant), secret.reveal())
}

/// `apple` and `google` in callbacks, `passbook` and `google_wallet` in the list of items.
fn wallet(provider: &str) -> Option<Wallet> {
    match provider.trim().to_ascii_lowercase().as_str() {
        "apple" | "passbook" => Some(Wallet::Apple),
        "google" | "google_wallet" => Some(Wallet::Google),
        _ => None,
    }
}
