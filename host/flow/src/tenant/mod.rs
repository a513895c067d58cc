//! A tenant as the flow sees it: everything of its folder, read, checked and resolved.
//!
//! Owns the resolved shape. Does not own the text that it comes from (`tenant::config`) nor the folder (a host).
//! A tenant is immutable: a reload makes another one, and a run keeps the one that it started with.

mod api_keys;
pub mod config;
pub mod credential;
mod form;
mod image;
mod key_pair;
pub mod load;
mod path_secret;
pub mod problem;
pub mod secret;
pub mod strict;
mod templates;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use ipnet::IpNet;
pub use passerelle_connector::template::{Place, Venue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use self::path_secret::PathSecret;
use crate::identity::{Millis, TenantId};
use crate::plugin::setup::PluginSetup;
use crate::ports::{ClientIdentity, KeyRef};
use crate::proof::Prover;
use crate::sealing::TenantKeys;
use crate::store::ApiKeyRow;

#[derive(Clone)]
pub struct Tenant {
    pub id: TenantId,
    /// Shown on the passes as their issuer.
    pub organization: String,
    /// BCP 47, first is the default.
    pub locales: Vec<String>,
    /// `https://passes.example.org`, without a final slash: where phones and buyers reach this server.
    pub public_url: String,
    pub secutix: Secutix,
    /// Derived from the seal key, which is not kept: nothing needs it again.
    pub keys: Arc<TenantKeys>,
    pub apple: Option<Apple>,
    pub google: Option<Google>,
    pub vibes: Option<Vibes>,
    pub templates: BTreeMap<String, Arc<Template>>,
    pub selection: Selection,
    /// Places of the venues, compiled into both parts of the templates: Apple's lock screen and Google's `merchantLocations`.
    pub venues: Vec<Venue>,
    /// Non-secret constants that templates may name as `settings.<key>`.
    pub settings: Vec<(String, String)>,
    pub safety: Safety,
    pub crm: Crm,
    /// Whose proofs of identifiers are believed; none: nobody's.
    pub prover: Option<Prover>,
    /// What its plugin may do, whether or not it has one.
    pub plugin: PluginSetup,
    pub backfill: Daily,
    /// Those of the configuration. The store's are asked for when a caller shows another one.
    pub api_keys: Vec<ApiKeyRow>,
}

/// How to speak with the tenant's SecuTix institution (domain.md 3.1, 3.2).
#[derive(Clone)]
pub struct Secutix {
    /// `https://myinstit.ws.secutix.com`, without a final slash.
    pub url: String,
    /// JWT `sub`.
    pub institution: String,
    /// JWT `aud`: the virtual operator.
    pub operator: String,
    /// JWT `iss`.
    pub partner: String,
    /// HS256 key.
    pub secret: Zeroizing<Vec<u8>>,
    /// Version segment of ExternalOrderService, `v1_33`.
    pub order_version: String,
    /// Version segment of ContactInformationPublicService, `v2_21`.
    pub contact_version: String,
    pub timeout: std::time::Duration,
    /// Per institution and endpoint; SecuTix documents 60.
    pub requests_per_minute: i64,
    /// Installation status goes into external references.
    pub persist_installation_status: bool,
    /// How a ticket is reported PRINTED; none: it is not.
    pub printing: Option<Printing>,
}

impl Secutix {
    /// Whether it is told anything of what phones do.
    pub fn is_told(&self) -> bool {
        self.persist_installation_status || self.printing.is_some()
    }
}

/// How SecuTix hears that a ticket was retrieved. No web service for it is known: these are the two known ways (domain.md 3.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printing {
    pub way: PrintingWay,
    /// Where it is reported, without a query.
    pub url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum PrintingWay {
    /// The interface of external printing systems, as TIXNGO has it.
    ExternalPrinting,
    /// The file interface "Import Printing Status".
    ImportPrintingStatus,
}

/// Whom the passes are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum BackfillTarget {
    /// Its external references are read back.
    Secutix,
    /// What the endpoints have acknowledged.
    Webhook,
}

impl BackfillTarget {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secutix => "secutix",
            Self::Webhook => "webhook",
        }
    }
}

/// What is compared with the other side once a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Daily {
    pub targets: Vec<BackfillTarget>,
    /// Milliseconds after midnight, UTC.
    pub at: Millis,
    /// How far back: passes whose status changed since.
    pub span: Millis,
}

/// How records of the organiser's CRM are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crm {
    /// The identifier that every pass should have.
    pub identifier: Option<String>,
    /// Where it is taken from; none: somebody sets it.
    pub from: Option<IdentifierSource>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum IdentifierSource {
    /// The number of the ticket's cultural contact: who attends.
    CulturalContact,
}

#[derive(Clone)]
pub struct Apple {
    pub pass_type: String,
    pub team: String,
    /// Pass Type ID certificate, its intermediate, and the key's reference. Also the client certificate of the push service.
    pub identity: ClientIdentity,
    /// The same chain as a signature needs it, read once: made by the first pass (`Default::default()` when it is loaded).
    pub signing: crate::apple::package::SigningIdentity,
    /// Signs provider tokens for the push service; none: the certificate is shown to it.
    pub push_key: Option<crate::apple::PushKey>,
    /// `https://api.push.apple.com`, without a final slash.
    pub push_url: String,
}

#[derive(Clone)]
pub struct Google {
    pub issuer: String,
    /// `client_email` of the service account.
    pub account: String,
    pub key: KeyRef,
    /// `https://walletobjects.googleapis.com/walletobjects/v1`, without a final slash.
    pub api_url: String,
    /// `https://oauth2.googleapis.com/token`
    pub token_url: String,
    /// `https://pay.google.com/gp/v/save`, without a final slash.
    pub save_url: String,
    /// `https://pay.google.com/gp/m/issuer/keys`: the root keys that callbacks are signed under.
    pub keys_url: String,
    /// Domains that may show the web button.
    pub origins: Vec<String>,
    /// Of the Cloud project, over all who write for it; Google documents 20.
    pub requests_per_second: i64,
}

/// A company at Vibes Platform (domain.md 4).
#[derive(Clone)]
pub struct Vibes {
    /// `https://public-api.vibescm.com`, without a final slash.
    pub url: String,
    pub company: String,
    pub username: String,
    pub password: Zeroizing<Vec<u8>>,
    /// Tokens of wallet campaigns.
    pub campaigns: Vec<String>,
    /// The end of the address that Vibes calls.
    pub path_secret: PathSecret,
    pub previous_path_secret: Option<PathSecret>,
    /// The token of an item that holds our identifier.
    pub join: String,
    pub subject: VibesSubject,
    /// Empty: from anywhere.
    pub sources: Vec<IpNet>,
    pub register_at_start: bool,
}

/// What the joining token of an item of Vibes' identifies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum VibesSubject {
    #[default]
    Movement,
    Contact,
}

/// Kinds of templates, in the words of `template.toml`.
pub const TICKET: &str = "event-ticket";
pub const CARD: &str = "member-card";

/// A template, compiled: what `rebuild` fills, and the images that go with it.
pub struct Template {
    pub name: String,
    /// [`TICKET`] or [`CARD`]: which passes it is for.
    pub kind: &'static str,
    /// Flat data made by `passerelle_connector::template::compile`.
    pub compiled: String,
    /// Hex SHA-256 over `compiled` and the images: a pass built with another digest is stale.
    pub digest: String,
    /// By name in the template's folder, `fr.lproj/logo@2x.png` included.
    pub images: BTreeMap<String, Bytes>,
    /// The same images as a .pkpass needs them, hashed once: made by the first pass of the template (`Default::default()` when it is loaded).
    pub apple_images: std::sync::OnceLock<crate::apple::TemplateImages>,
    pub locales: Vec<String>,
}

impl Template {
    /// Names of images whose pixels cannot be read: a phone would show none of them.
    pub fn unreadable_images(&self) -> Vec<String> {
        crate::apple::unreadable(&self.images)
    }

    /// Makes what every pass of the template shares, now instead of with the first of them.
    pub fn draw(&self) {
        // Too large for an archive: the first pass says so.
        let _ = crate::apple::package::template_images(self);
    }
}

/// Which template a ticket gets: first match wins (domain.md 1.5).
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Value of the comfort variable `WALLET` is the template's name.
    pub comfort_variable: String,
    /// Product family subtype to template.
    pub family_subtypes: BTreeMap<String, String>,
    pub default_ticket: String,
    /// Template of member cards; none: no member cards.
    pub default_card: Option<String>,
}

/// What keeps a mistake small.
#[derive(Clone, Copy, Debug)]
pub struct Safety {
    /// More voids in an hour wait for a person.
    pub voids_per_hour: i64,
    /// A movement that is merely absent is looked for again after this long.
    pub confirm_absence_after: Millis,
    /// Sealed parts are erased this long after the event's end.
    pub erase_after: Millis,
    /// Retention of a sealed part whose event has no known end.
    pub erase_without_end: Millis,
}
