//! `tenant.toml`, as it is written.
//!
//! Owns the keys, their defaults and their documentation, from which the published JSON Schema is made. Does not own what the values
//! lead to (`load`) nor how mistakes are told (`strict`). Texts stay texts here: they are parsed into what they mean by `load`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{BackfillTarget, IdentifierSource, PrintingWay};
use crate::access::Scope;

mod plugin;
mod vibes;

pub use self::plugin::{CredentialConfig, CredentialKind, PluginConfig, PluginLimitsConfig};
pub use self::vibes::VibesConfig;

/// One venue: how to speak with its SecuTix institution, with Apple and with Google, and which passes it gives out. The folder's name is
/// the tenant's identifier and a segment of its addresses.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Passerelle: tenant.toml")]
pub struct TenantConfig {
    /// Who issues the passes. Shown on them, and in the notifications that a phone shows.
    #[schemars(length(min = 1))]
    pub organization: String,

    /// Languages of the passes (BCP 47, such as "fr" or "de-CH"). The first is what a phone with another language gets.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub locales: Vec<String>,

    /// Where phones and buyers reach this server for this tenant. Default: `public_url` of passerelle.toml; to be set here when a venue has
    /// its own domain. Installed passes keep the address that they were made with, so the old one must stay reachable.
    pub public_url: Option<String>,

    /// The SecuTix institution.
    pub secutix: SecutixConfig,

    /// The key that seals what is kept of a ticket.
    pub seal: SealConfig,

    /// Apple Wallet. Without it, no Apple passes.
    pub apple: Option<AppleConfig>,

    /// Google Wallet. Without it, no Google passes.
    pub google: Option<GoogleConfig>,

    /// Vibes Platform, also resold by Syniverse: its wallet callbacks tell who has a pass. Without it, none are taken.
    pub vibes: Option<VibesConfig>,

    /// Which template a pass is made from.
    pub templates: TemplatesConfig,

    /// Where the holders are when they need the pass: up to ten places per venue, for the lock screen of either wallet. Default: none, and the
    /// place that SecuTix says.
    #[serde(default)]
    pub venues: Vec<VenueConfig>,

    /// Constants of your own that templates may use as `settings.<key>`: a telephone number, an address, a slogan. They are shown to the
    /// public, so no secrets. A key is letters, digits and _.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,

    /// Limits that keep a mistake small.
    #[serde(default)]
    pub safety: SafetyConfig,

    /// How records of your CRM are found. Default: by SecuTix's own identifiers alone.
    #[serde(default)]
    pub crm: CrmConfig,

    /// Passes asked for by a browser, without a key. Default: none are.
    pub identifiers: Option<IdentifiersConfig>,

    /// Comparing with SecuTix and the CRM once a day, and putting right what differs. Default: never by itself; `passerelle backfill` does it when it is
    /// asked to.
    #[serde(default)]
    pub backfill: BackfillConfig,

    /// What the plugin in this folder (`plugin.wasm`) may do. Default: it may decide and send nothing anywhere.
    #[serde(default)]
    pub plugin: PluginConfig,

    /// API keys that are looked for here before the store is asked, so that they work on every host that has this folder.
    /// `passerelle key create --print` writes such a table. Default: none; `passerelle key create` keeps its keys in the store.
    #[serde(default)]
    pub api_keys: Vec<ApiKeyConfig>,
}

/// How to reach SecuTix. All five are agreed with SecuTix when the external interface is set up.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecutixConfig {
    /// Address of the institution's web services: `https://<institution>.ws.secutix.com`, `.pp-ws.` for pre-production.
    pub url: String,

    /// Institution code (JWT `sub`).
    #[schemars(length(min = 1))]
    pub institution: String,

    /// Virtual operator that SecuTix made for this interface (JWT `aud`), often `<INSTITUTION>_WALLET`.
    #[schemars(length(min = 1))]
    pub operator: String,

    /// Partner name (JWT `iss`).
    #[schemars(length(min = 1))]
    pub partner: String,

    /// Reference to the secret shared with SecuTix, which signs every call: `env:NAME` or `file:PATH`. One line break at its end is dropped.
    #[schemars(regex(pattern = r"^(env|file|variable):.+$"))]
    pub secret: String,

    /// Version of ExternalOrderService. Default: v1_33, the latest that SecuTix has frozen, so its answers keep their shape.
    #[serde(default = "order_version")]
    pub order_version: String,

    /// Version of ContactInformationPublicService. Default: v2_21, the latest that SecuTix has frozen.
    #[serde(default = "contact_version")]
    pub contact_version: String,

    /// Seconds to wait for an answer. Default: 20, since the file of a large order takes SecuTix several; at most 30, which a worker's lease
    /// is made to outlive.
    #[serde(default = "timeout_s")]
    #[schemars(range(min = 1, max = 30))]
    pub timeout_s: u32,

    /// Calls a minute to each of SecuTix's endpoints. Default: 60, SecuTix's documented limit for an institution; less when another system
    /// calls the same institution, more only when SecuTix has agreed to it.
    #[serde(default = "requests_per_minute")]
    #[schemars(range(min = 1, max = 6000))]
    pub requests_per_minute: u32,

    /// Write what phones do into SecuTix: `twc.passId`, `twc.passType`, `twc.status` and `twc.device` as external references of the movement, or
    /// of the contact for a member card. Default: false.
    #[serde(default)]
    pub persist_installation_status: bool,

    /// Report a ticket PRINTED when it is first added to a wallet: the buyer has retrieved it. Never taken back. Default: none, nothing is reported.
    pub printing: Option<PrintingConfig>,
}

/// How SecuTix hears that a ticket was retrieved.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrintingConfig {
    /// `external-printing`: the interface of external printing systems. `import-printing-status`: the file interface of that name. Which of them,
    /// SecuTix says when it is set up.
    pub way: PrintingWay,

    /// Address of the interface, as SecuTix gives it, without a query.
    pub url: String,
}

fn order_version() -> String {
    "v1_33".to_owned()
}

fn contact_version() -> String {
    "v2_21".to_owned()
}

fn timeout_s() -> u32 {
    20
}

fn requests_per_minute() -> u32 {
    60
}

/// What is kept of a ticket is encrypted under this key.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SealConfig {
    /// Reference to 32 random bytes, in base64, in hex or raw. `passerelle key seal tenants/<id>/seal.key` makes them. Keep a copy apart
    /// from the backup of the database: without the key, the sealed parts are lost and passes are rebuilt from SecuTix.
    #[schemars(regex(pattern = r"^(env|file|variable):.+$"))]
    pub key: String,
}

/// Apple Wallet: a Pass Type ID, its certificate and the key that the certificate was requested with.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AppleConfig {
    /// Pass Type ID, `pass.org.example.tickets`. Must be the one that the certificate names.
    #[schemars(regex(pattern = r"^pass\.[A-Za-z0-9.-]+$"))]
    pub pass_type: String,

    /// Team ID: ten letters and digits. Must be the one that the certificate names.
    #[schemars(regex(pattern = r"^[A-Z0-9]{10}$"))]
    pub team: String,

    /// Reference to the Pass Type ID certificate: PEM, the `.cer` file as Apple delivers it, or a `.p12` file with certificate and key as
    /// Keychain Access exports it. May hold the intermediate as well.
    #[schemars(regex(pattern = r"^(env|file|variable):.+$"))]
    pub certificate: String,

    /// Reference to Apple's intermediates (apple.com/certificateauthority): the one that issued the certificate, or several generations in one
    /// PEM file, out of which the issuer is picked. Not needed when `certificate` holds it.
    #[schemars(inner(regex(pattern = r"^(env|file|variable):.+$")))]
    pub intermediate: Option<String>,

    /// Reference to the private key of the certificate: PEM without a passphrase, or a `.p12` file. It is used by the signer only. Default:
    /// `certificate`, when that is a `.p12` file.
    #[schemars(inner(regex(pattern = r"^(env|file|variable):.+$")))]
    pub key: Option<String>,

    /// Reference to the passphrase of the `.p12` file. One line break at its end is dropped. Default: none, for a file without.
    #[schemars(inner(regex(pattern = r"^(env|file|variable):.+$")))]
    pub passphrase: Option<String>,

    /// NFC at the entrance, and with it the poster layout of event tickets (iOS 18). Needs a certificate with Apple's NFC entitlement. Default: none,
    /// and the classic layout.
    pub nfc: Option<NfcConfig>,

    /// A key for the push service, in place of the certificate. Default: none; the Pass Type ID certificate is shown, as Apple documents it.
    pub push_key: Option<PushKeyConfig>,

    /// Apple's push service. Default: https://api.push.apple.com; passes have no sandbox environment, so nothing else is right but a simulator.
    #[serde(default = "push_url")]
    pub push_url: String,
}

/// A key that signs provider tokens (developer.apple.com, Keys, "Apple Push Notifications service").
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PushKeyConfig {
    /// Key ID: ten letters and digits, a part of the file's name.
    #[schemars(regex(pattern = r"^[A-Z0-9]{10}$"))]
    pub id: String,

    /// Reference to the file `AuthKey_<id>.p8`.
    #[schemars(regex(pattern = r"^(env|file|variable):.+$"))]
    pub key: String,
}

/// What the readers at the entrance expect of a pass.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NfcConfig {
    /// Public key of the readers: the P-256 SubjectPublicKeyInfo in base64, without line breaks. Not a secret.
    #[schemars(length(min = 1))]
    pub encryption_public_key: String,

    /// The holder must unlock the phone first. Default: false.
    #[serde(default)]
    pub requires_authentication: bool,
}

fn push_url() -> String {
    "https://api.push.apple.com".to_owned()
}

/// Google Wallet: an issuer account and the service account that may write to it.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoogleConfig {
    /// Issuer ID of the Google Wallet console: digits, in quotes.
    #[schemars(regex(pattern = r"^[0-9]{1,20}$"))]
    pub issuer: String,

    /// Reference to the service account's key file (JSON), as downloaded from the Google Cloud console. The account must be a user of the
    /// issuer, with the role Developer.
    #[schemars(regex(pattern = r"^(env|file|variable):.+$"))]
    pub account: String,

    /// Google's Wallet API. Default: the public one; to be changed for a simulator only.
    #[serde(default = "api_url")]
    pub api_url: String,

    /// Google's token endpoint. Default: the public one; to be changed for a simulator only.
    #[serde(default = "token_url")]
    pub token_url: String,

    /// Beginning of the links that save a pass. Default: the public one; to be changed for a simulator only.
    #[serde(default = "save_url")]
    pub save_url: String,

    /// Where Google publishes the root keys that its callbacks are signed under. Default: the public one; to be changed for a simulator only.
    #[serde(default = "keys_url")]
    pub keys_url: String,

    /// Requests a second to the Wallet API, counted over all tenants and workers whose service accounts are of one Cloud project. Default: 20,
    /// Google's limit for a project; less when other programs write with the same project.
    #[serde(default = "requests_per_second")]
    #[schemars(range(min = 1, max = 1000))]
    pub requests_per_second: u32,

    /// Domains whose pages show the "Add to Google Wallet" button. Default: the domain of `public_url`, since the buyer's page is there.
    #[schemars(inner(length(min = 1)))]
    pub origins: Option<Vec<String>>,
}

fn api_url() -> String {
    "https://walletobjects.googleapis.com/walletobjects/v1".to_owned()
}

fn token_url() -> String {
    "https://oauth2.googleapis.com/token".to_owned()
}

fn save_url() -> String {
    "https://pay.google.com/gp/v/save".to_owned()
}

fn keys_url() -> String {
    "https://pay.google.com/gp/m/issuer/keys".to_owned()
}

fn requests_per_second() -> u32 {
    20
}

/// Template selection. First match wins: the comfort variable of the event, the product's family subtype, the default. A name is that of a
/// folder under `templates/`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplatesConfig {
    /// Template of a ticket for which nothing else is said.
    #[schemars(length(min = 1))]
    pub default: String,

    /// Template of member cards. Without it, SecuTix contacts get no cards.
    #[schemars(inner(length(min = 1)))]
    pub default_card: Option<String>,

    /// SecuTix comfort variable whose value on an event names the template. Default: WALLET, the name that The Wallet Crew's connector uses,
    /// so that events set up for it keep working. A value that names no template counts as none.
    #[serde(default = "comfort_variable")]
    #[schemars(length(min = 1))]
    pub comfort_variable: String,

    /// SecuTix product family subtype to template: `OPERA = "event-ticket"`.
    #[serde(default)]
    pub family_subtypes: BTreeMap<String, String>,
}

fn comfort_variable() -> String {
    "WALLET".to_owned()
}

/// A venue (SecuTix: a site) and the places around it. Apple shows them as `locations`, Google as `merchantLocations`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VenueConfig {
    /// As SecuTix names the site, in the first of the tenant's languages.
    #[schemars(length(min = 1))]
    pub name: String,

    /// Metres within which a phone shows the pass. A wish: Apple takes the smaller of this and its own, Google its own alone. Default: 50, the
    /// doorstep; more for a stadium.
    #[serde(default = "max_distance")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_distance: u32,

    /// Up to ten, which is what both wallets read.
    #[schemars(length(min = 1, max = 10))]
    pub places: Vec<PlaceConfig>,
}

fn max_distance() -> u32 {
    passerelle_connector::template::DISTANCE
}

/// A place of a venue: an entrance, a car park, a station.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceConfig {
    /// Degrees (WGS 84), north positive.
    #[schemars(range(min = -90, max = 90))]
    pub latitude: f64,

    /// Degrees (WGS 84), east positive.
    #[schemars(range(min = -180, max = 180))]
    pub longitude: f64,

    /// What Apple's lock screen shows here, in all languages. Default: the template's `[relevance]` text. Google shows a text of its own.
    pub text: Option<String>,
}

/// Limits that keep a mistake small.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SafetyConfig {
    /// Passes of the institution that may be made void in an hour without a person's word. More wait until `passerelle stuck release` lets them
    /// go. Default: 200, more than the refunds and exchanges of a busy day at a large house, less than a performance that a wrong answer
    /// seems to empty.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub voids_per_hour: u32,

    /// Seconds after which a ticket that is missing from its file is looked for again, before its pass is made void. Default: 120, since
    /// SecuTix may announce the two halves of an exchange in either order, and both are there after a minute.
    #[schemars(range(min = 1, max = 86_400))]
    pub confirm_absence_after_s: u32,

    /// Days after the event's end when the sealed parts of its tickets are erased. Default: 30, time enough for a complaint.
    #[schemars(range(min = 0, max = 3650))]
    pub erase_after_days: u32,

    /// Days to keep sealed parts of events whose end SecuTix does not say, and of member cards, counted from the last change. Default: 400, a
    /// season and its renewal.
    #[schemars(range(min = 1, max = 3650))]
    pub erase_without_end_days: u32,
}

impl Default for SafetyConfig {
    fn default() -> Self {
        Self { voids_per_hour: 200, confirm_absence_after_s: 120, erase_after_days: 30, erase_without_end_days: 400 }
    }
}

/// How records of the organiser's CRM are found.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CrmConfig {
    /// Name of the identifier that every pass should have: `customerId`, `email`. What is told of a pass without it says so
    /// (`missingIdentifier`). Default: none.
    #[schemars(inner(length(min = 1, max = 64)))]
    pub identifier: Option<String>,

    /// `cultural-contact`: take it from the ticket, the SecuTix number of the contact who attends. Default: none; you set it with the Pass API, or with
    /// `passerelle backfill --identifiers`.
    pub from: Option<IdentifierSource>,
}

/// Identifiers that your back end signs, so that a browser may ask for the pass of one: HMAC-SHA256 of the value in hexadecimal digits, as
/// `<name>.hmac` beside `<name>`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentifiersConfig {
    /// Reference to the secret that your back end signs with, at least 16 characters. One line break at its end is dropped.
    #[schemars(regex(pattern = r"^(env|file|variable):.+$"))]
    pub proof_secret: String,

    /// Which identifiers it signs: "secutix.contactNumber", "customerId". A signature of a value is believed for these names only, so name those
    /// whose values cannot be mistaken for one another's.
    #[schemars(length(min = 1), inner(length(min = 1, max = 64)))]
    pub proven: Vec<String>,
}

/// Comparing with the other side once a day.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BackfillConfig {
    /// With whom: `secutix` (its external references are read back), `webhook` (what your endpoints have acknowledged). Default: nobody.
    pub daily: Vec<BackfillTarget>,

    /// When, in UTC and in quotes. Default: "03:30", when few people buy tickets.
    #[schemars(regex(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    pub at: String,

    /// Days back: passes whose status has changed since. Default: 2, a day and the one before it, so that a day that was missed is made good.
    #[schemars(range(min = 1, max = 3650))]
    pub days: u32,
}

impl Default for BackfillConfig {
    fn default() -> Self {
        Self { daily: vec![], at: "03:30".to_owned(), days: 2 }
    }
}

/// An API key, without its secret. Whoever reads this can check a key and cannot use one.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyConfig {
    /// The public part of the key: eight letters and digits between its second and its third `_`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9]{8}$"))]
    pub id: String,

    /// SHA-256 of the secret part, in hexadecimal digits. A fast hash is right: there are 256 random bits to guess.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: String,

    /// What the key may do.
    #[schemars(length(min = 1))]
    pub scopes: Vec<Scope>,

    /// What it is for, at most 100 characters. Default: nothing.
    #[serde(default)]
    pub label: String,

    /// When it ends, in quotes: "2027-03-31T22:00:00Z". Default: never. To end it now, delete the table.
    pub expires: Option<String>,
}
