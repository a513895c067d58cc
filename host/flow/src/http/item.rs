//! A pass as the API shows it, in a list and alone.
//!
//! For those with `Pass.Read`: identifiers that name a person are opened here, and nowhere else.

use std::collections::BTreeMap;

use passerelle_contract::types::Wallet;
use serde::Serialize;

use crate::attribute::Sorted;
use crate::identity::PassId;
use crate::rebuild;
use crate::store::ListedPass;
use crate::tenant::Tenant;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PassItem {
    id: String,
    pass_type: String,
    state: &'static str,
    version: i64,
    identifiers: BTreeMap<String, String>,
    metadata: BTreeMap<String, String>,
    creation_date: String,
    last_update_date: String,
    installation_status: &'static str,
    /// By wallet, when it was put there; a wallet without the pass is absent.
    providers: BTreeMap<&'static str, String>,
    links: Links,
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
}

/// Addresses for the holder. They carry their own proof.
#[derive(Serialize)]
pub struct Links {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apple: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub google: Option<String>,
}

pub fn links(tenant: &Tenant, pass: &PassId) -> Links {
    let link = rebuild::link(tenant, pass);
    Links {
        apple: tenant.apple.is_some().then(|| format!("{link}&device=apple")),
        google: tenant.google.is_some().then(|| format!("{link}&device=google")),
    }
}

pub fn item(tenant: &Tenant, pass: &ListedPass) -> PassItem {
    let Sorted { mut identifiers, metadata, personal } =
        Sorted::of(&tenant.keys, &tenant.id, &pass.id, &pass.attributes);
    identifiers.extend(personal);
    let (name, value) = pass.subject.identifier();
    identifiers.insert(name.to_owned(), value.to_owned());
    let since = [(Wallet::Apple, "apple", pass.apple_since), (Wallet::Google, "google", pass.google_since)];
    let providers = since
        .into_iter()
        .filter(|(wallet, ..)| pass.wallets.contains(*wallet))
        .filter_map(|(_, name, since)| Some((name, timestamp(since?))));
    PassItem {
        id: pass.id.as_str().to_owned(),
        pass_type: pass.template.clone(),
        state: pass.state.as_str(),
        version: pass.version,
        identifiers,
        metadata,
        creation_date: timestamp(pass.created_at),
        last_update_date: timestamp(pass.updated_at),
        installation_status: pass.wallets.as_str(),
        providers: providers.collect(),
        links: links(tenant, &pass.id),
        successor: pass.successor.as_ref().map(|pass| pass.as_str().to_owned()),
    }
}

pub fn timestamp(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).map(|time| time.to_string()).unwrap_or_default()
}
