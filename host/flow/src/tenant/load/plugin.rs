//! `[plugin]`: what a tenant's plugin may do.
//!
//! Owns what the table means. Does not own the plugin's bytes, which a host reads, nor what a request may be (`plugin::request`).

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderName;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use zeroize::Zeroizing;

use super::Loader;
use crate::plugin::allow::Destination;
use crate::plugin::credential::{Credential, Kind, OAuth2};
use crate::plugin::request::{is_name, is_reserved};
use crate::plugin::setup::{LONGEST_CALL, Parts, PluginLimits, PluginSetup, TEXT};
use crate::tenant::config::{CredentialConfig, CredentialKind, PluginConfig, PluginLimitsConfig};
use crate::tenant::credential::without_line_break;
use crate::tenant::problem::Fault;
use crate::tenant::secret::SecretProblem;

/// Entries of a list of addresses, and of a credential's: a venue has a CRM, a mailing and some more.
const MOST_ALLOWED: usize = 64;
/// Letters of a component's name in `spin.toml`.
const LONGEST_COMPONENT: usize = 64;
/// Characters of a version: a sha256 in hexadecimal has as many.
const LONGEST_VERSION: usize = 64;
/// Bytes of the settings, which every call carries.
const SETTINGS: usize = 16 << 10;

impl Loader<'_> {
    pub(super) fn plugin(&mut self, config: &PluginConfig) -> Option<PluginSetup> {
        const COMPONENT: &str = "must be the name of a component in spin.toml: small letters, digits and -";
        let component = config.component.as_ref().is_none_or(|name| is_component(name));
        let component = self.rule("plugin.component", component, COMPONENT);
        let version = config.version.as_ref().is_none_or(|version| is_version(version));
        let version = self.rule("plugin.version", version, "must have 1 to 64 characters, on one line");
        let allow = self.destinations("plugin.allow", &config.allow);
        let size: usize = config.settings.iter().map(|(name, value)| name.len() + value.len()).sum();
        let settings =
            self.rule("plugin.settings", size <= SETTINGS, "must have 16 KB at most: every call carries them");
        let mut credentials = BTreeMap::new();
        let mut whole = true;
        for (name, credential) in &config.credentials {
            let key = format!("plugin.credentials.{name}");
            const NAME: &str = "must have a name of 1 to 64 letters, digits, '.', '-' and '_'";
            let named = self.rule(&key, is_name(name), NAME);
            let credential = self.plugin_credential(&key, credential);
            whole &= named.is_some() && credential.is_some();
            credentials.extend(credential.map(|credential| (name.clone(), credential)));
        }
        let limits = self.plugin_limits(&config.limits);
        component.and(version).and(settings)?;
        whole.then_some(())?;
        Some(PluginSetup {
            component: config.component.clone(),
            version: config.version.clone(),
            allow: allow?,
            settings: config.settings.clone().into_iter().collect(),
            credentials,
            limits: limits?,
        })
    }

    fn destinations(&mut self, key: &str, texts: &[String]) -> Option<Vec<Destination>> {
        let few = self.rule(key, texts.len() <= MOST_ALLOWED, "must be 64 at most");
        let mut destinations = Vec::with_capacity(texts.len());
        for (at, text) in texts.iter().enumerate() {
            match Destination::parse(text, self.defaults.plain_http) {
                Ok(destination) => destinations.push(destination),
                Err(why) => {
                    let key = format!("{key}[{at}]");
                    self.report(&key, Fault::Destination { key: key.clone(), why });
                }
            }
        }
        few?;
        (destinations.len() == texts.len()).then_some(destinations)
    }

    fn plugin_credential(&mut self, key: &str, config: &CredentialConfig) -> Option<Credential> {
        let at = |name: &str| format!("{key}.{name}");
        let hosts = self.destinations(&at("hosts"), &config.hosts);
        let some =
            self.rule(&at("hosts"), !config.hosts.is_empty(), "must name an address at least: it is for no other");
        let secret = self.secret(&at("secret"), &config.secret).map(without_line_break);
        let secret = secret.and_then(|secret| {
            let text = std::str::from_utf8(&secret).ok().filter(|text| is_plain(text));
            match text {
                Some(text) => Some(Zeroizing::new(text.to_owned())),
                None if secret.is_empty() => {
                    let (key, reference) = (at("secret"), config.secret.clone());
                    self.report(&at("secret"), Fault::Secret { key, reference, source: SecretProblem::Empty });
                    None
                }
                None => {
                    self.rule(
                        &at("secret"),
                        false,
                        "must lead to one line of visible ASCII characters: it stands in a header",
                    );
                    None
                }
            }
        });
        self.needless(key, config);
        let kind = match config.kind {
            CredentialKind::Header => {
                let header = self.header(&at("header"), config.header.as_deref().unwrap_or("x-api-key"));
                header.zip(secret).map(|(header, value)| Kind::Header { header, value })
            }
            CredentialKind::Bearer => secret.map(|token| Kind::Bearer { token }),
            CredentialKind::Basic => {
                let user = self.needed(&at("user"), config.user.as_ref());
                let plain = user.as_ref().is_none_or(|user| is_plain(user) && !user.contains(':'));
                let plain = self.rule(&at("user"), plain, "must be a user's name in visible ASCII, without a colon");
                plain?;
                user.zip(secret).map(|(user, password)| Kind::Basic { user, password })
            }
            CredentialKind::Oauth2 => {
                let token_url = self.needed(&at("token_url"), config.token_url.as_ref());
                let token_url = token_url.and_then(|url| self.address(&at("token_url"), &url));
                let client_id = self.needed(&at("client_id"), config.client_id.as_ref());
                let (scope, audience) = (config.scope.clone(), config.audience.clone());
                let parts = token_url.zip(client_id).zip(secret);
                parts.map(|((token_url, client_id), client_secret)| {
                    Kind::OAuth2(OAuth2 { token_url, client_id, client_secret, scope, audience })
                })
            }
            CredentialKind::Hmac => {
                let header = self.header(&at("header"), config.header.as_deref().unwrap_or("x-signature"));
                header.zip(secret).map(|(header, secret)| Kind::Hmac {
                    header,
                    timestamp: HeaderName::from_static("x-timestamp"),
                    secret: Zeroizing::new(secret.as_bytes().to_vec()),
                })
            }
        };
        some?;
        Some(Credential { hosts: hosts?, kind: kind? })
    }

    fn needed(&mut self, key: &str, value: Option<&String>) -> Option<String> {
        let value = value.filter(|value| !value.is_empty()).cloned();
        self.rule(key, value.is_some(), "must be set for a credential of this kind")?;
        value
    }

    /// What another kind needs was meant for another kind.
    fn needless(&mut self, key: &str, config: &CredentialConfig) {
        use CredentialKind::{Basic, Header, Hmac, Oauth2};
        let given: [(&str, bool, &[CredentialKind]); 6] = [
            ("header", config.header.is_some(), &[Header, Hmac]),
            ("user", config.user.is_some(), &[Basic]),
            ("token_url", config.token_url.is_some(), &[Oauth2]),
            ("client_id", config.client_id.is_some(), &[Oauth2]),
            ("scope", config.scope.is_some(), &[Oauth2]),
            ("audience", config.audience.is_some(), &[Oauth2]),
        ];
        for (name, given, kinds) in given {
            let fits = !given || kinds.contains(&config.kind);
            self.rule(&format!("{key}.{name}"), fits, "is nothing that a credential of this kind has");
        }
    }

    fn header(&mut self, key: &str, name: &str) -> Option<HeaderName> {
        // A credential may stand where no plugin writes, and nowhere else that a request has anyway.
        let fits = |name: &HeaderName| *name == AUTHORIZATION || (!is_reserved(name) && *name != CONTENT_TYPE);
        let header: Option<HeaderName> = name.parse().ok().filter(fits);
        self.rule(key, header.is_some(), "must be a header's name, and none that a request has anyway")?;
        header
    }

    fn plugin_limits(&mut self, config: &PluginLimitsConfig) -> Option<PluginLimits> {
        let default = PluginLimits::default();
        let longest = u32::try_from(LONGEST_CALL.as_millis()).unwrap_or(u32::MAX);
        let limits: [(&str, Option<u32>, u32, u32); 15] = [
            ("cpu_ms", config.cpu_ms, 5, longest),
            ("wall_ms", config.wall_ms, 10, longest),
            ("memory_mb", config.memory_mb, 1, 256),
            ("instances", config.instances, 1, Parts::MOST.instances),
            ("memories", config.memories, 1, Parts::MOST.memories),
            ("tables", config.tables, 1, Parts::MOST.tables),
            ("table_elements", config.table_elements, 1, Parts::MOST.table_elements),
            ("handles", config.handles, 1, Parts::MOST.handles),
            ("output_kb", config.output_kb, 1, 16_384),
            ("requests", config.requests, 1, 256),
            ("request_kb", config.request_kb, 1, 8_192),
            ("response_kb", config.response_kb, 1, 8_192),
            ("timeout_ms", config.timeout_ms, 100, 30_000),
            ("requests_per_minute", config.requests_per_minute, 1, 60_000),
            ("text", config.text, 0, TEXT as u32),
        ];
        let mut whole = true;
        for (name, value, least, most) in limits {
            let fits = value.is_none_or(|value| (least..=most).contains(&value));
            whole &= self
                .rule(&format!("plugin.limits.{name}"), fits, "is outside of what the documentation allows")
                .is_some();
        }
        whole.then_some(())?;
        let millis =
            |value: Option<u32>, default: Duration| value.map_or(default, |ms| Duration::from_millis(ms.into()));
        let bytes = |value: Option<u32>, shift: u32, default: usize| value.map_or(default, |n| (n as usize) << shift);
        Some(PluginLimits {
            cpu: millis(config.cpu_ms, default.cpu),
            wall: millis(config.wall_ms, default.wall),
            memory: bytes(config.memory_mb, 20, default.memory),
            parts: Parts {
                instances: config.instances.unwrap_or(default.parts.instances),
                memories: config.memories.unwrap_or(default.parts.memories),
                tables: config.tables.unwrap_or(default.parts.tables),
                table_elements: config.table_elements.unwrap_or(default.parts.table_elements),
                handles: config.handles.unwrap_or(default.parts.handles),
            },
            output: bytes(config.output_kb, 10, default.output),
            requests: bytes(config.requests, 0, default.requests),
            request_body: bytes(config.request_kb, 10, default.request_body),
            response_body: bytes(config.response_kb, 10, default.response_body),
            timeout: millis(config.timeout_ms, default.timeout),
            text: bytes(config.text, 0, default.text),
            requests_per_minute: config.requests_per_minute.unwrap_or(default.requests_per_minute),
        })
    }
}

/// Stands in a header as it is.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_graphic() || c == b' ') && text.trim() == text
}

fn is_version(text: &str) -> bool {
    (1..=LONGEST_VERSION).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn is_component(name: &str) -> bool {
    (1..=LONGEST_COMPONENT).contains(&name.len())
        && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}
