//! `[plugin]`, as it is written.
//!
//! Owns its keys, their defaults and their documentation. Does not own what they lead to (`load::plugin`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// What the tenant's plugin may do. The plugin itself is the file `plugin.wasm` beside this one, which `passerelle plugin install` puts there; on Spin
/// it is a component of its own.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginConfig {
    /// On Spin: the name of the component that the plugin is in, as `spin.toml` has it. A server has the file instead. Default: none.
    #[schemars(inner(length(min = 1, max = 64)))]
    pub component: Option<String>,

    /// On Spin: which build of the plugin it is, in words of your own, such as its sha256. Change it with every deployment of another one: by it the
    /// edge knows that one which was switched off because it had failed for days has made room for another. A server knows by the file. Default: none.
    #[schemars(length(min = 1, max = 64))]
    pub version: Option<String>,

    /// Whom it may call: scheme, host and port, such as "https://api.crm.example" or "https://*.crm.example:8443". Default: nobody.
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(min = 1, max = 256)))]
    pub allow: Vec<String>,

    /// Constants that it is given with every call. Not for secrets: it may send them anywhere it may call.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,

    /// Credentials that its requests may name. It never sees them.
    #[serde(default)]
    pub credentials: BTreeMap<String, CredentialConfig>,

    /// How much of the machine it may have.
    #[serde(default)]
    pub limits: PluginLimitsConfig,
}

/// One credential: what is added to a request that names it, for the addresses that it is bound to.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialConfig {
    /// `header`: an API key in a header. `bearer`: `authorization: Bearer …`. `basic`: user and password. `oauth2`: an access token by client
    /// credentials, bought and kept by the host. `hmac`: a signature over time, method, path and body.
    pub kind: CredentialKind,

    /// The addresses that it is for, written as those of `allow`, each of which must be allowed there too by what it says.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 256)))]
    pub hosts: Vec<String>,

    /// Reference to the secret: the key, the token, the password, the client's secret or the signing key. One line break at its end is dropped.
    #[schemars(regex(pattern = r"^(env|file|variable):.+$"))]
    pub secret: String,

    /// `header` and `hmac`: the header that it stands in. Default: x-api-key, and x-signature.
    pub header: Option<String>,

    /// `basic`: the user.
    pub user: Option<String>,

    /// `oauth2`: where tokens are bought.
    pub token_url: Option<String>,

    /// `oauth2`: the client's id.
    pub client_id: Option<String>,

    /// `oauth2`: the scope that is asked for. Default: none.
    pub scope: Option<String>,

    /// `oauth2`: the audience that is asked for, where the server has that parameter. Default: none.
    pub audience: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum CredentialKind {
    Header,
    Bearer,
    Basic,
    Oauth2,
    Hmac,
}

/// Limits of a plugin's calls and requests. The defaults are several times what the examples take in the slowest of the three languages.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginLimitsConfig {
    /// Milliseconds of processor time of one call. Default: 500; at most 4000, so that a call that computes is over before a worker's lease is.
    #[schemars(inner(range(min = 5, max = 4000)))]
    pub cpu_ms: Option<u32>,

    /// Milliseconds of one call by the clock. Default: 4000, which is also the most, for the same reason.
    #[schemars(inner(range(min = 10, max = 4000)))]
    pub wall_ms: Option<u32>,

    /// MB of memory of one call, over all of its memories and tables. Default: 128; at most 256, which is what a sandbox has.
    #[schemars(inner(range(min = 1, max = 256)))]
    pub memory_mb: Option<u32>,

    /// Core instances that its component may have. Default: 50, which is what a sandbox has; Python's take some forty.
    #[schemars(inner(range(min = 1, max = 50)))]
    pub instances: Option<u32>,

    /// Memories that its component may have. Default: 8, which is what a sandbox has.
    #[schemars(inner(range(min = 1, max = 8)))]
    pub memories: Option<u32>,

    /// Tables that its component may have. Default: 32, which is what a sandbox has.
    #[schemars(inner(range(min = 1, max = 32)))]
    pub tables: Option<u32>,

    /// Elements that a table of it may have. Default: 100000, which is what a sandbox has.
    #[schemars(inner(range(min = 1, max = 100_000)))]
    pub table_elements: Option<u32>,

    /// Handles of its own resources that may be alive at a time. Default: 256.
    #[schemars(inner(range(min = 1, max = 10000)))]
    pub handles: Option<u32>,

    /// KB that one call may return. Default: 1024.
    #[schemars(inner(range(min = 1, max = 16384)))]
    pub output_kb: Option<u32>,

    /// Requests that one answer may hold. Default: 16.
    #[schemars(inner(range(min = 1, max = 256)))]
    pub requests: Option<u32>,

    /// KB of the body of a request. Default: 256.
    #[schemars(inner(range(min = 1, max = 8192)))]
    pub request_kb: Option<u32>,

    /// KB of the body of an answer; a longer one is none. Default: 256.
    #[schemars(inner(range(min = 1, max = 8192)))]
    pub response_kb: Option<u32>,

    /// Milliseconds that a request may take. Default: 10000; at most 30000, which a worker's lease is made to outlive.
    #[schemars(inner(range(min = 100, max = 30000)))]
    pub timeout_ms: Option<u32>,

    /// Requests a minute to one destination (scheme, host and port). Default: 600.
    #[schemars(inner(range(min = 1, max = 60000)))]
    pub requests_per_minute: Option<u32>,

    /// Characters that a log or a list shows of a plugin's own words, such as why it rejects an event. Default: 256, which is the most.
    #[schemars(inner(range(max = 256)))]
    pub text: Option<u32>,
}
