//! `[vibes]`, as it is written.
//!
//! Owns its keys, their defaults and their documentation. Does not own what they lead to (`load::vibes`).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::tenant::VibesSubject;

/// Vibes Platform: a company's account, the wallet campaigns whose callbacks are taken, and how an item of theirs is known to be one of our passes.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VibesConfig {
    /// Vibes' API. Default: https://public-api.vibescm.com, the United States; https://public-api.eu.vibes.com is Europe's. Credentials are good for
    /// one of them.
    #[serde(default = "vibes_url")]
    pub url: String,

    /// Company key, as it stands in the addresses of Vibes' API.
    #[schemars(length(min = 1, max = 64))]
    pub company: String,

    /// User of the API (HTTP Basic).
    #[schemars(length(min = 1, max = 256))]
    pub username: String,

    /// Reference to its password. One line break at its end is dropped.
    #[schemars(regex(pattern = r"^(env|file|variable):.+$"))]
    pub password: String,

    /// Tokens of the wallet campaigns, at most 25: each is registered for two callbacks, and Vibes takes 50 addresses.
    #[schemars(length(min = 1, max = 25), inner(length(min = 1, max = 64)))]
    pub campaigns: Vec<String>,

    /// Reference to the secret at the end of the address that Vibes calls, since its callbacks are not signed: at least 128 random bits, in letters,
    /// digits, - and _ (`openssl rand -hex 32`). One line break at its end is dropped.
    #[schemars(regex(pattern = r"^(env|file|variable):.+$"))]
    pub path_secret: String,

    /// Reference to the secret before that one, which is taken as well until the registrations have the new one. Default: none.
    #[schemars(inner(regex(pattern = r"^(env|file|variable):.+$")))]
    pub previous_path_secret: Option<String>,

    /// Name of the token of a wallet item whose value is our identifier. No other token is kept. Default: movement.
    #[serde(default = "vibes_join")]
    #[schemars(length(min = 1, max = 64))]
    pub join: String,

    /// What that value is: `movement`, the `secutix.movementId` of a ticket, or `contact`, the `secutix.contactNumber` of a member card. Default:
    /// movement.
    #[serde(default)]
    pub subject: VibesSubject,

    /// Addresses and networks that callbacks are taken from; from elsewhere even the secret opens nothing. Vibes publishes its addresses. Behind a
    /// proxy, `trusted_proxies` of passerelle.toml must name it. Default: none, and the secret alone decides.
    #[serde(default)]
    #[schemars(inner(length(min = 1)))]
    pub sources: Vec<String>,

    /// Register the callbacks when the server starts, and see to it every day that they are still as configured. Default: false; `passerelle vibes
    /// register` does it once.
    #[serde(default)]
    pub register_at_start: bool,
}

fn vibes_url() -> String {
    "https://public-api.vibescm.com".to_owned()
}

fn vibes_join() -> String {
    "movement".to_owned()
}
