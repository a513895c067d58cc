//! From a folder's files to a [`Tenant`]: parsed, resolved, compiled, with everything that is wrong said at once.
//!
//! Owns what the texts of `tenant.toml` mean and how they hang together. Does no I/O: a host gives the files and a way to read secrets, so
//! that the server and Spin read the same folder alike. Does not ask the time: a certificate that has expired is a matter of `apple`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use passerelle_connector::template::MAX_LOCATIONS;
use zeroize::Zeroizing;

use super::config::{
    ApiKeyConfig, BackfillConfig, CrmConfig, IdentifiersConfig, PlaceConfig, SafetyConfig, SecutixConfig, TenantConfig,
    VenueConfig,
};
use super::credential::{OpenPkcs12, without_line_break};
use super::form::{is_locale, is_version};
use super::problem::{self, Fault, Place, Problem};
use super::secret::{SecretProblem, SecretReference};
use super::strict::{self, Positions};
use super::templates::{self, Surroundings, TemplateFolder};
use super::{
    BackfillTarget, Crm, Daily, Place as VenuePlace, Printing, Safety, Secutix, Selection, Tenant, Venue, api_keys,
    credential,
};
use crate::attribute;
use crate::identity::{Millis, TenantId};
use crate::ports::KeyRef;
use crate::proof::Prover;
use crate::sealing::TenantKeys;
use crate::store::ApiKeyRow;

mod plugin;
mod vibes;
mod wallets;

/// The file that makes a folder a tenant.
pub const TENANT_FILE: &str = "tenant.toml";

/// The readable part of a tenant's folder: `tenant.toml` and `templates/**`, by path with `/`. Keys and certificates are not in it: they are
/// read through their references only.
#[derive(Clone, Debug, Default)]
pub struct TenantFiles {
    /// How messages name the folder: `tenants/demo`.
    pub shown: String,
    pub files: BTreeMap<String, Bytes>,
}

impl TenantFiles {
    pub(super) fn place(&self, path: &str) -> Place {
        Place::file(self.shown_path(path))
    }

    fn shown_path(&self, path: &str) -> String {
        if self.shown.is_empty() { path.to_owned() } else { format!("{}/{path}", self.shown) }
    }
}

/// What a tenant takes from the host when it does not say otherwise.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    pub public_url: Option<String>,
    /// Trials only: addresses may be http.
    pub plain_http: bool,
    /// Opens a `.p12` file. None: this host reads PEM only.
    pub pkcs12: Option<OpenPkcs12>,
}

/// Reads what a reference names, its `#field` already picked.
pub type Secrets<'a> = &'a dyn Fn(&SecretReference) -> Result<Zeroizing<Vec<u8>>, SecretProblem>;

/// What a name of an attribute must be.
const NAME: &str = "must be 1 to 64 letters, digits, '.', '-' and '_', beginning with a letter";
const SECOND: Millis = 1_000;
const DAY: Millis = 24 * 3_600 * SECOND;

/// A tenant, and what is worth a look although it works.
pub struct Loaded {
    pub tenant: Tenant,
    pub warnings: Vec<Problem>,
}

/// Reads a tenant, or says all that keeps it from being one.
pub fn load(
    id: TenantId,
    files: &TenantFiles,
    secrets: Secrets<'_>,
    defaults: &Defaults,
) -> Result<Loaded, Vec<Problem>> {
    draft(files)?.load(id, secrets, defaults)
}

/// A tenant whose file is read and whose secrets are still to come. A host that cannot read them one by one, at once, asks what they are.
pub struct Draft<'a> {
    files: &'a TenantFiles,
    config: TenantConfig,
    positions: Positions,
}

/// Reads `tenant.toml`, strictly. What cannot be read has no templates to look for: their names and settings are in it.
pub fn draft(files: &TenantFiles) -> Result<Draft<'_>, Vec<Problem>> {
    let content = files
        .files
        .get(TENANT_FILE)
        .ok_or_else(|| vec![Problem { place: files.place(TENANT_FILE), fault: Fault::NoFile }])?;
    let (config, positions) = strict::read::<TenantConfig>(&files.shown_path(TENANT_FILE), content)?;
    Ok(Draft { files, config, positions })
}

impl Draft<'_> {
    /// Every reference that [`Draft::load`] asks for and that is one.
    pub fn references(&self) -> BTreeSet<SecretReference> {
        let TenantConfig { secutix, seal, apple, google, vibes, identifiers, plugin, .. } = &self.config;
        let apple = apple.iter().flat_map(|apple| {
            let optional = [&apple.intermediate, &apple.key, &apple.passphrase];
            let push = apple.push_key.iter().map(|push| &push.key);
            optional.into_iter().flatten().chain([&apple.certificate]).chain(push)
        });
        let vibes = vibes.iter().flat_map(|vibes| {
            [&vibes.password, &vibes.path_secret].into_iter().chain(vibes.previous_path_secret.iter())
        });
        let texts = [&secutix.secret, &seal.key].into_iter().chain(apple).chain(google.iter().map(|it| &it.account));
        let texts = texts.chain(vibes).chain(identifiers.iter().map(|it| &it.proof_secret));
        let texts = texts.chain(plugin.credentials.values().map(|credential| &credential.secret));
        texts.filter_map(|text| SecretReference::parse(text).ok()).collect()
    }

    /// Resolves and compiles, or says all that is wrong.
    pub fn load(self, id: TenantId, secrets: Secrets<'_>, defaults: &Defaults) -> Result<Loaded, Vec<Problem>> {
        let Self { files, config, positions } = self;
        let mut loader = Loader { id, positions, secrets, defaults, problems: Vec::new() };

        let locales = loader.locales(&config.locales);
        let public_url = loader.public_url(config.public_url.as_deref());
        let secutix = loader.secutix(&config.secutix);
        let seal_key = loader.secret("seal.key", &config.seal.key).and_then(|content| {
            let key = credential::seal_key(&content);
            loader.credential("seal.key", key)
        });
        let apple = config.apple.as_ref().map(|apple| loader.apple(apple));
        let google = config.google.as_ref().map(|google| loader.google(google, public_url.as_deref()));
        let vibes = config.vibes.as_ref().map(|vibes| loader.vibes(vibes, public_url.as_deref()));
        let plugin = loader.plugin(&config.plugin);
        let settings = loader.settings(config.settings);
        let api_keys = loader.api_keys(&config.api_keys);
        let venues = loader.venues(config.venues);
        let nfc = config.apple.as_ref().and_then(|apple| loader.nfc(apple.nfc.as_ref()?));
        let surroundings = Surroundings { locales: &config.locales, settings: &settings, venues: &venues, nfc };
        // Compiled for languages that are none, every template would be wrong.
        let folder = if locales.is_some() { templates::load(files, &surroundings) } else { TemplateFolder::default() };
        let selection =
            if locales.is_some() { loader.selection(&config.templates, &folder) } else { Selection::default() };
        let safety = safety(&config.safety);
        let crm = loader.crm(&config.crm);
        let prover = config.identifiers.as_ref().map(|identifiers| loader.prover(identifiers));
        let backfill = loader.backfill(
            &config.backfill,
            config.secutix.persist_installation_status || config.secutix.printing.is_some(),
        );

        let Loader { id, mut problems, .. } = loader;
        problems.extend(folder.problems);
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        let others = transpose(apple).zip(transpose(google)).zip(transpose(vibes)).zip(transpose(prover)).zip(plugin);
        match (locales, public_url, secutix, seal_key, others) {
            (
                Some(locales),
                Some(public_url),
                Some(secutix),
                Some(seal_key),
                Some(((((apple, google), vibes), prover), plugin)),
            ) if problems.is_empty() => {
                let organization = config.organization.trim().to_owned();
                let templates = folder.templates;
                let tenant = Tenant {
                    id,
                    organization,
                    locales,
                    public_url,
                    secutix,
                    keys: Arc::new(TenantKeys::derive(&seal_key)),
                    apple,
                    google,
                    vibes,
                    templates,
                    selection,
                    venues,
                    settings,
                    safety,
                    crm,
                    prover,
                    plugin,
                    backfill,
                    api_keys,
                };
                Ok(Loaded { tenant, warnings: folder.warnings })
            }
            _ => Err(problems),
        }
    }
}

/// Absent is fine, present and broken is not.
fn transpose<T>(part: Option<Option<T>>) -> Option<Option<T>> {
    match part {
        None => Some(None),
        Some(Some(part)) => Some(Some(part)),
        Some(None) => None,
    }
}

struct Loader<'a> {
    id: TenantId,
    positions: Positions,
    secrets: Secrets<'a>,
    defaults: &'a Defaults,
    problems: Vec<Problem>,
}

impl Loader<'_> {
    fn report(&mut self, key: &str, fault: Fault) {
        self.problems.push(self.positions.problem(key, fault));
    }

    fn rule(&mut self, key: &str, kept: bool, rule: &'static str) -> Option<()> {
        if kept {
            return Some(());
        }
        self.report(key, Fault::Rule { key: key.to_owned(), rule });
        None
    }

    fn address(&mut self, key: &str, text: &str) -> Option<String> {
        problem::address(text, self.defaults.plain_http)
            .map_err(|why| self.report(key, Fault::Address { key: key.to_owned(), why }))
            .ok()
    }

    fn reference(&mut self, key: &str, text: &str) -> Option<SecretReference> {
        SecretReference::parse(text)
            .map_err(|source| self.report(key, Fault::Reference { key: key.to_owned(), source }))
            .ok()
    }

    fn resolve(&mut self, key: &str, reference: &SecretReference) -> Option<Zeroizing<Vec<u8>>> {
        (self.secrets)(reference)
            .map_err(|source| {
                self.report(key, Fault::Secret { key: key.to_owned(), reference: reference.to_string(), source });
            })
            .ok()
    }

    fn secret(&mut self, key: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
        let reference = self.reference(key, text)?;
        self.resolve(key, &reference)
    }

    fn credential<T>(&mut self, key: &str, result: Result<T, credential::CredentialFault>) -> Option<T> {
        result.map_err(|source| self.report(key, Fault::Credential { key: key.to_owned(), source })).ok()
    }

    /// The key's name in the signer, after a look at its armour; the content is dropped here and wiped.
    fn private_key(&mut self, key: &str, reference: SecretReference) -> Option<KeyRef> {
        let content = self.resolve(key, &reference)?;
        self.credential(key, credential::private_key_armour(&content))?;
        let content = credential::key_content(&content);
        Some(KeyRef { tenant: self.id.clone(), reference: reference.to_string(), passphrase: None, content })
    }

    fn locales(&mut self, locales: &[String]) -> Option<Vec<String>> {
        const FORM: &str = "must be a language as in BCP 47: \"fr\", \"de-CH\", \"zh-Hant\"";
        let mut seen = BTreeSet::new();
        let mut whole = true;
        for (index, locale) in locales.iter().enumerate() {
            let key = format!("locales[{index}]");
            whole &= self.rule(&key, is_locale(locale), FORM).is_some();
            whole &= self.rule(&key, seen.insert(locale.to_ascii_lowercase()), "is there twice").is_some();
        }
        whole.then(|| locales.to_vec())
    }

    fn public_url(&mut self, own: Option<&str>) -> Option<String> {
        match (own, &self.defaults.public_url) {
            (Some(own), _) => self.address("public_url", own),
            // Checked when passerelle.toml was read.
            (None, Some(default)) => Some(default.clone()),
            (None, None) => {
                self.report("public_url", Fault::Rule {
                    key: "public_url".to_owned(),
                    rule: "must be set, here or for all venues (under [server] in passerelle.toml; on Spin the variable public_url): phones and buyers need an address",
                });
                None
            }
        }
    }

    fn secutix(&mut self, config: &SecutixConfig) -> Option<Secutix> {
        const VERSION: &str = "must be a version as in SecuTix's addresses, such as v1_33";
        let url = self.address("secutix.url", &config.url);
        let secret = self.secret("secutix.secret", &config.secret).map(without_line_break);
        if secret.as_ref().is_some_and(|secret| secret.is_empty()) {
            let fault = Fault::Secret {
                key: "secutix.secret".to_owned(),
                reference: config.secret.clone(),
                source: SecretProblem::Empty,
            };
            self.report("secutix.secret", fault);
        }
        let order = self.rule("secutix.order_version", is_version(&config.order_version), VERSION);
        let contact = self.rule("secutix.contact_version", is_version(&config.contact_version), VERSION);
        let printing = match &config.printing {
            None => Some(None),
            Some(printing) => {
                let url = self.address("secutix.printing.url", &printing.url);
                url.map(|url| Some(Printing { way: printing.way, url }))
            }
        };
        order.and(contact)?;
        Some(Secutix {
            url: url?,
            institution: config.institution.clone(),
            operator: config.operator.clone(),
            partner: config.partner.clone(),
            secret: secret?,
            order_version: config.order_version.clone(),
            contact_version: config.contact_version.clone(),
            timeout: Duration::from_secs(config.timeout_s.into()),
            requests_per_minute: config.requests_per_minute.into(),
            persist_installation_status: config.persist_installation_status,
            printing: printing?,
        })
    }

    fn crm(&mut self, config: &CrmConfig) -> Crm {
        const SOURCE: &str = "takes an identifier from somewhere, so crm.identifier must name it";
        if let Some(name) = &config.identifier {
            self.rule("crm.identifier", attribute::name(name).is_ok(), NAME);
        }
        self.rule("crm.from", config.from.is_none() || config.identifier.is_some(), SOURCE);
        Crm { identifier: config.identifier.clone(), from: config.from }
    }

    fn prover(&mut self, config: &IdentifiersConfig) -> Option<Prover> {
        /// 128 bits, if they are random: who guesses the secret opens every pass of these identifiers.
        const SHORTEST: usize = 16;
        let secret = self.secret("identifiers.proof_secret", &config.proof_secret).map(without_line_break);
        let long = secret.as_ref().is_none_or(|secret| secret.len() >= SHORTEST);
        let long = self.rule("identifiers.proof_secret", long, "must lead to a secret of 16 characters at least");
        self.rule("identifiers.proven", !config.proven.is_empty(), "must name an identifier at least");
        for (at, name) in config.proven.iter().enumerate() {
            self.rule(&format!("identifiers.proven[{at}]"), attribute::name(name).is_ok(), NAME);
        }
        long?;
        Some(Prover { secret: secret?, names: config.proven.iter().cloned().collect() })
    }

    fn backfill(&mut self, config: &BackfillConfig, told: bool) -> Daily {
        const TOLD: &str = "compares with SecuTix, which is told nothing: set secutix.persist_installation_status or [secutix.printing]";
        const AT: &str = "must be an hour and a minute of the day in UTC, such as 03:30";
        let number =
            |text: &str, below: Millis| text.parse().ok().filter(|n| text.len() == 2 && (0..below).contains(n));
        let at = config.at.split_once(':').and_then(|(h, m)| Some(number(h, 24)? * 60 + number(m, 60)?));
        self.rule("backfill.at", at.is_some(), AT);
        self.rule("backfill.daily", told || !config.daily.contains(&BackfillTarget::Secutix), TOLD);
        Daily {
            targets: config.daily.clone(),
            at: at.unwrap_or_default() * 60_000,
            span: Millis::from(config.days) * DAY,
        }
    }

    fn api_keys(&mut self, keys: &[ApiKeyConfig]) -> Vec<ApiKeyRow> {
        let tenant = self.id.clone();
        api_keys::rows(&tenant, keys, &mut |key, rule| self.rule(key, false, rule))
    }

    fn venues(&mut self, venues: Vec<VenueConfig>) -> Vec<Venue> {
        let mut names = BTreeSet::new();
        for (at, venue) in venues.iter().enumerate() {
            let key = |part: &str| format!("venues[{at}].{part}");
            self.rule(&key("name"), names.insert(venue.name.clone()), "is there twice; give one venue all its places");
            let count = venue.places.len();
            self.rule(&key("places"), count <= MAX_LOCATIONS, "must be ten places at most: neither wallet reads more");
            for (number, place) in venue.places.iter().enumerate() {
                let on_earth = (-90.0..=90.0).contains(&place.latitude) && (-180.0..=180.0).contains(&place.longitude);
                self.rule(
                    &key(&format!("places[{number}]")),
                    on_earth,
                    "must be degrees: latitude -90 to 90, longitude -180 to 180",
                );
            }
        }
        let place = |PlaceConfig { latitude, longitude, text }| VenuePlace { latitude, longitude, text };
        let venue = |VenueConfig { name, max_distance, places }| Venue {
            name,
            max_distance,
            places: places.into_iter().map(place).collect(),
        };
        venues.into_iter().map(venue).collect()
    }

    fn settings(&mut self, settings: BTreeMap<String, String>) -> Vec<(String, String)> {
        for name in settings.keys() {
            let rule =
                "must be named by letters, digits and _, beginning with a letter, as templates write settings.<name>";
            let fits = name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
            self.rule(&strict::join("settings", name), fits, rule);
        }
        settings.into_iter().collect()
    }
}

fn safety(config: &SafetyConfig) -> Safety {
    Safety {
        voids_per_hour: config.voids_per_hour.into(),
        confirm_absence_after: Millis::from(config.confirm_absence_after_s) * SECOND,
        erase_after: Millis::from(config.erase_after_days) * DAY,
        erase_without_end: Millis::from(config.erase_without_end_days) * DAY,
    }
}

mod selection;
#[cfg(test)]
mod tests;
