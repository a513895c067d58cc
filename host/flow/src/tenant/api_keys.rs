//! API keys of a `tenant.toml`, as the rows that the judgement reads.
//!
//! Owns the rules of the written form. Does not own whether a key may do something (`access`), nor the keys of the store.

use std::collections::BTreeSet;

use super::config::ApiKeyConfig;
use crate::access::{ApiKey, is_label};
use crate::identity::{Millis, TenantId};
use crate::store::ApiKeyRow;

/// The rows; `broken` is told the key and the rule of everything that is wrong.
pub(super) fn rows(
    tenant: &TenantId,
    keys: &[ApiKeyConfig],
    broken: &mut dyn FnMut(&str, &'static str) -> Option<()>,
) -> Vec<ApiKeyRow> {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let mut kept = |field: &str, kept: bool, rule| {
            if !kept {
                broken(&format!("api_keys[{index}].{field}"), rule);
            }
        };
        kept("id", ApiKey::is_id(&key.id), "must be the public part of a key: eight letters and digits");
        kept("id", seen.insert(key.id.as_str()), "is there twice");
        let digest = key.sha256.len() == 64 && key.sha256.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        kept(
            "sha256",
            digest,
            "must be 64 hexadecimal digits in small letters, as `passerelle key create --print` writes them",
        );
        kept("label", is_label(&key.label), "must be one line of at most 100 characters");
        let expires = key.expires.as_deref().map(end);
        kept("expires", expires != Some(None), "must be a time such as \"2027-03-31T22:00:00Z\"");
        rows.push(ApiKeyRow {
            id: key.id.clone(),
            tenant: tenant.clone(),
            secret_sha256: key.sha256.clone(),
            scopes: key.scopes.iter().map(ToString::to_string).collect(),
            label: key.label.clone(),
            created_at: 0,
            expires_at: expires.flatten(),
            revoked_at: None,
        });
    }
    rows
}

fn end(text: &str) -> Option<Millis> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}
