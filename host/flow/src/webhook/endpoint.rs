//! An endpoint: where it is, what it asks for, and what it is signed for with.
//!
//! Owns the rules of what a person may settle, all told at once, and the sealed form. Does not own the rows (`store`) nor whether an address may be
//! dialled: the host says so here as far as it can, and again at every attempt.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::pattern::Patterns;
use super::signature::{KeyPair, Neostore, Secret};
use crate::address::Address;
use crate::identity::{Millis, TenantId};
use crate::ports::{HttpFailure, Random};
use crate::sealing::{SealError, TenantKeys};
use crate::store::{HappeningKind, Webhook, WebhookWrite};

/// Endpoints of a tenant: a CRM, a staging CRM, an analytics tool and a dozen more.
pub const MOST: u32 = 16;
/// Characters of a description: a line of a list.
const LONGEST_DESCRIPTION: usize = 200;
/// Letters and digits of an id, as The Wallet Crew's have (domain.md 1.13).
const ID: usize = 5;
/// How long an earlier secret signs along at most: nobody needs more to bring a secret to a server.
pub const LONGEST_OVERLAP: Millis = 7 * crate::identity::DAY;
/// Earlier secrets that sign along: more rotations than that within the overlap are somebody's loop, and headers have a length.
const MOST_EARLIER: usize = 2;

/// Which body is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Ours: `{type, timestamp, data}`.
    #[default]
    Passerelle,
    /// Vibes' callbacks `wallet_item_install` and `wallet_item_remove`, for receivers that know those.
    Vibes,
    /// The tenant's plugin, which is called and makes the requests itself. No person makes such an endpoint: `hooks::endpoint` does.
    Plugin,
}

impl Format {
    /// Is there a body for it?
    pub const fn carries(self, kind: HappeningKind) -> bool {
        match self {
            Self::Passerelle => true,
            Self::Vibes => matches!(kind, HappeningKind::PassInstalled | HappeningKind::PassUninstalled),
            Self::Plugin => !matches!(kind, HappeningKind::WebhookTest | HappeningKind::WebhookDisabled),
        }
    }
}

/// What is no secret of an endpoint, beside its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub format: Format,
    /// `X-NEOSTORE-SIGNATURE` is sent as well, written so.
    pub neostore: Option<Neostore>,
}

impl Settings {
    /// As a column has them.
    pub fn column(self) -> String {
        serde_json::to_string(&self).unwrap_or_default()
    }

    pub fn of_column(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// What a person writes, before it was judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Draft {
    pub description: Option<String>,
    pub endpoint: Option<String>,
    pub events: Option<Vec<String>>,
    pub enabled: Option<bool>,
    /// `passerelle` or `vibes`.
    pub format: Option<String>,
    /// `off`, `hex` or `base64`.
    pub neostore_signature: Option<String>,
}

/// What was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    pub description: String,
    pub address: String,
    pub events: Patterns,
    pub settings: Settings,
    pub enabled: bool,
}

/// What is wrong, by field: all of it.
pub type Violations = BTreeMap<String, Vec<String>>;

impl Draft {
    /// This, and where it says nothing, the other.
    pub fn over(self, other: Self) -> Self {
        Self {
            description: self.description.or(other.description),
            endpoint: self.endpoint.or(other.endpoint),
            events: self.events.or(other.events),
            enabled: self.enabled.or(other.enabled),
            format: self.format.or(other.format),
            neostore_signature: self.neostore_signature.or(other.neostore_signature),
        }
    }

    /// Judges it. `vet` is the host's word on an address that is well formed.
    pub fn judge(&self, vet: impl Fn(&str) -> Result<(), HttpFailure>) -> Result<Settled, Violations> {
        let mut wrong = Violations::new();
        let mut say = |field: &str, what: String| wrong.entry(field.to_owned()).or_default().push(what);
        let description = self.description.clone().unwrap_or_default().trim().to_owned();
        if description.chars().count() > LONGEST_DESCRIPTION || description.chars().any(char::is_control) {
            say("description", format!("at most {LONGEST_DESCRIPTION} characters on one line are expected"));
        }
        let address = self.endpoint.clone().unwrap_or_default();
        match Address::parse(&address) {
            Err(error) => say("endpoint", error.to_string()),
            Ok(_) => {
                if vet(&address).is_err() {
                    say(
                        "endpoint",
                        "this host does not call that address: https and a public address are expected".to_owned(),
                    );
                }
            }
        }
        let events = Patterns::parse(self.events.as_deref().unwrap_or_default());
        let events = events.map_err(|errors| {
            for (at, error) in errors {
                say(&format!("events[{at}]"), error.to_string());
            }
        });
        let format = match self.format.as_deref().unwrap_or("passerelle") {
            "passerelle" => Some(Format::Passerelle),
            "vibes" => Some(Format::Vibes),
            _ => None,
        };
        if format.is_none() {
            say("format", "passerelle or vibes is expected".to_owned());
        }
        let neostore = match self.neostore_signature.as_deref().unwrap_or("off") {
            "off" => Some(None),
            "hex" => Some(Some(Neostore::Hex)),
            "base64" => Some(Some(Neostore::Base64)),
            _ => None,
        };
        if neostore.is_none() {
            say("neostoreSignature", "off, hex or base64 is expected".to_owned());
        }
        let (true, Ok(events), Some(format), Some(neostore)) = (wrong.is_empty(), events, format, neostore) else {
            return Err(wrong);
        };
        let settings = Settings { format, neostore };
        Ok(Settled { description, address, events, settings, enabled: self.enabled.unwrap_or(true) })
    }
}

impl Settled {
    pub fn draft(&self) -> Draft {
        let format = match self.settings.format {
            Format::Passerelle => "passerelle",
            Format::Vibes => "vibes",
            Format::Plugin => "plugin",
        };
        let neostore = match self.settings.neostore {
            None => "off",
            Some(Neostore::Hex) => "hex",
            Some(Neostore::Base64) => "base64",
        };
        Draft {
            description: Some(self.description.clone()),
            endpoint: Some(self.address.clone()),
            events: Some(self.events.texts().into_iter().map(str::to_owned).collect()),
            enabled: Some(self.enabled),
            format: Some(format.to_owned()),
            neostore_signature: Some(neostore.to_owned()),
        }
    }

    /// What its owner should hear of before wondering why nothing comes.
    pub fn warnings(&self) -> Vec<String> {
        let unknown = self.events.unknown().map(|pattern| format!("nothing here has a name like {}", pattern.as_str()));
        let mut warnings: Vec<String> = unknown.collect();
        let carried = HappeningKind::ALL.into_iter().any(|kind| {
            kind != HappeningKind::WebhookTest && self.settings.format.carries(kind) && self.events.permits(kind)
        });
        if !carried && warnings.len() < self.events.texts().len() {
            warnings
                .push("Vibes' format has Pass:Installed and Pass:Uninstalled only, so nothing will be sent".to_owned());
        }
        warnings
    }
}

/// A new id.
pub fn id<R: Random>(random: &R) -> String {
    let mut id = crate::identity::PassId::from_random(random.bytes()).as_str().to_owned();
    id.truncate(ID);
    id
}

/// What an endpoint signs with, now or still.
#[derive(Serialize, Deserialize)]
struct SealedKeys {
    secret: Zeroizing<String>,
    /// Base64 of the 32 bytes that the Ed25519 key is made of.
    seed: Zeroizing<String>,
    /// None: these are the ones of now.
    until: Option<Millis>,
}

#[derive(Serialize, Deserialize)]
struct SealedForm {
    address: Zeroizing<String>,
    description: String,
    /// The one of now first.
    keys: Vec<SealedKeys>,
}

pub struct Keys {
    pub secret: Secret,
    seed: Zeroizing<[u8; 32]>,
    until: Option<Millis>,
}

impl Keys {
    fn new<R: Random>(random: &R) -> Self {
        Self { secret: Secret::new(random), seed: Zeroizing::new(random.bytes()), until: None }
    }

    pub fn pair(&self) -> KeyPair {
        KeyPair::from_seed(&self.seed)
    }

    /// Until when it signs along, if it is not the one of now.
    pub fn until(&self) -> Option<Millis> {
        self.until
    }

    fn holds(&self, now: Millis) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// An endpoint with its secrets, opened.
pub struct Endpoint {
    pub id: String,
    pub settled: Settled,
    keys: Keys,
    earlier: Vec<Keys>,
}

impl Endpoint {
    pub fn new<R: Random>(random: &R, settled: Settled) -> Self {
        Self { id: id(random), settled, keys: Keys::new(random), earlier: vec![] }
    }

    /// The keys of now.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Those that sign at a time: the one of now first, then the newest of the earlier.
    pub fn signing(&self, now: Millis) -> impl Iterator<Item = &Keys> {
        std::iter::once(&self.keys).chain(self.earlier.iter().filter(move |keys| keys.holds(now)))
    }

    /// New keys; the ones of before sign along for a while. `Err`: as many sign along already as may, and none of them is taken back that was
    /// promised; the next is free then.
    pub fn rotate<R: Random>(&mut self, random: &R, overlap: Millis, now: Millis) -> Result<(), Millis> {
        // Who leaves no time has lost a secret, and perhaps those before it as well.
        self.earlier.retain(|keys| overlap > 0 && keys.holds(now));
        if self.earlier.len() >= MOST_EARLIER {
            return Err(self.earlier.iter().filter_map(|keys| keys.until).min().unwrap_or(now));
        }
        let mut before = std::mem::replace(&mut self.keys, Keys::new(random));
        if overlap > 0 {
            before.until = Some(now.saturating_add(overlap));
            self.earlier.insert(0, before);
        }
        Ok(())
    }

    pub fn seal(
        &self,
        keys: &TenantKeys,
        random: &impl Random,
        tenant: &TenantId,
        now: Millis,
    ) -> Result<WebhookWrite, SealError> {
        let form = SealedForm {
            address: Zeroizing::new(self.settled.address.clone()),
            description: self.settled.description.clone(),
            keys: self.signing(now).map(SealedKeys::of).collect(),
        };
        let text = Zeroizing::new(serde_json::to_vec(&form).map_err(|_| SealError::Form)?);
        Ok(WebhookWrite {
            id: self.id.clone(),
            events: self.settled.events.clone(),
            settings: self.settled.settings,
            sealed: keys.seal_small(random, &place(tenant, &self.id), &text)?,
            enabled: self.settled.enabled,
        })
    }

    pub fn open(keys: &TenantKeys, webhook: &Webhook) -> Result<Self, SealError> {
        let kept = &webhook.settled;
        let text = keys.open_small(&kept.sealed, &place(&webhook.tenant, &kept.id))?;
        let form: SealedForm = serde_json::from_slice(&text).map_err(|_| SealError::Form)?;
        let mut keys = form.keys.iter().map(SealedKeys::opened);
        let current = keys.next().ok_or(SealError::Form)??;
        Ok(Self {
            id: kept.id.clone(),
            settled: Settled {
                description: form.description.clone(),
                address: form.address.to_string(),
                events: kept.events.clone(),
                settings: kept.settings,
                enabled: kept.enabled,
            },
            keys: current,
            earlier: keys.collect::<Result<_, _>>()?,
        })
    }
}

impl SealedKeys {
    fn of(keys: &Keys) -> Self {
        Self {
            secret: keys.secret.plain(),
            seed: Zeroizing::new(STANDARD.encode(keys.seed.as_slice())),
            until: keys.until,
        }
    }

    fn opened(&self) -> Result<Keys, SealError> {
        let seed = Zeroizing::new(STANDARD.decode(self.seed.as_str()).map_err(|_| SealError::Form)?);
        let seed = <[u8; 32]>::try_from(seed.as_slice()).map(Zeroizing::new).map_err(|_| SealError::Form)?;
        let secret = Secret::parse(&self.secret).map_err(|_| SealError::Form)?;
        Ok(Keys { secret, seed, until: self.until })
    }
}

fn place<'a>(tenant: &'a TenantId, id: &'a str) -> [&'a str; 3] {
    ["webhook", tenant.as_str(), id]
}

#[cfg(test)]
mod tests;
