//! Last-minute messages: what one says, sealed and by language, and how a pass shows it.
//!
//! Owns the texts that are shipped, the rules for those of one's own, and the last message of a pass as both wallets need it. Does not own who
//! gets it (`http::notifications`) nor the sending (`run`). A message is an overlay: it stands beside what the template makes of the ticket and
//! changes none of it, so that a run compares the ticket alone. A pass shows its last message; of several that were not sent yet, the last is sent.
//! Sealed with the tenant's key, because an organiser may well name somebody in it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::flow::Flow;
use crate::identity::PassId;
use crate::ports::Host;
use crate::sealing::SealError;
use crate::store::{ByHand as _, GoogleNotice, StoreError};
use crate::tenant::Tenant;

/// Letters of a message. A lock screen shows three lines or so; what is longer is read on the pass.
pub const LONGEST: usize = 300;

/// The two texts that the source suggests for urgent changes on the day of an event, in the languages that example tenants speak. A tenant's
/// other languages get the English one.
const SHIPPED: [(&str, &[(&str, &str)]); 2] = [
    (
        "details-changed",
        &[
            ("en", "Update: your ticket details changed. Please open your Wallet ticket."),
            (
                "fr",
                "Mise à jour : les informations de votre billet ont changé. Veuillez ouvrir votre billet dans Wallet.",
            ),
            (
                "de",
                "Aktualisierung: Die Angaben zu Ihrem Ticket haben sich geändert. Bitte öffnen Sie Ihr Ticket in Wallet.",
            ),
            ("it", "Aggiornamento: i dati del suo biglietto sono cambiati. Apra il biglietto in Wallet."),
            ("es", "Actualización: los datos de su entrada han cambiado. Abra su entrada en Wallet."),
        ],
    ),
    (
        "entry-changed",
        &[
            ("en", "Update: your entry information has changed. Your Wallet ticket is up to date."),
            ("fr", "Mise à jour : les informations d'accès ont changé. Votre billet dans Wallet est à jour."),
            ("de", "Aktualisierung: Die Angaben zum Einlass haben sich geändert. Ihr Ticket in Wallet ist aktuell."),
            (
                "it",
                "Aggiornamento: le informazioni per l'ingresso sono cambiate. Il suo biglietto in Wallet è aggiornato.",
            ),
            ("es", "Actualización: la información de acceso ha cambiado. Su entrada en Wallet está actualizada."),
        ],
    ),
];

/// Names of the texts that are shipped.
pub fn shipped_names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

/// A message by locale, the tenant's default first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Vec<(String, String)>);

/// Why a text is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("a text in the tenant's first language is needed")]
    NoDefault,
    #[error("a text is given in a language that the tenant does not have")]
    OtherLocale,
    #[error("a text is empty, longer than {LONGEST} letters, or has control characters")]
    Form,
}

impl Text {
    /// One of the shipped texts, in the tenant's languages.
    pub fn shipped(tenant: &Tenant, name: &str) -> Option<Self> {
        let (_, texts) = SHIPPED.iter().find(|(known, _)| *known == name)?;
        let (_, english) = texts.first()?;
        let of = |locale: &String| {
            let language = locale.split('-').next().unwrap_or_default();
            let found = texts.iter().find(|(known, _)| known.eq_ignore_ascii_case(language));
            (locale.clone(), found.map_or(*english, |(_, text)| *text).to_owned())
        };
        Some(Self(tenant.locales.iter().map(of).collect()))
    }

    /// The organiser's own.
    pub fn own(tenant: &Tenant, texts: &BTreeMap<String, String>) -> Result<Self, TextError> {
        if texts.keys().any(|locale| !tenant.locales.contains(locale)) {
            return Err(TextError::OtherLocale);
        }
        let fits = |text: &str| {
            let letters = text.chars().count();
            !text.trim().is_empty() && letters <= LONGEST && !text.chars().any(|c| c.is_control() && c != '\n')
        };
        if !texts.values().all(|text| fits(text)) {
            return Err(TextError::Form);
        }
        let default = tenant.locales.first().and_then(|locale| texts.get(locale));
        let default = default.ok_or(TextError::NoDefault)?;
        let of = |locale: &String| (locale.clone(), texts.get(locale).unwrap_or(default).clone());
        Ok(Self(tenant.locales.iter().map(of).collect()))
    }

    pub fn by_locale(&self) -> BTreeMap<&str, &str> {
        self.0.iter().map(|(locale, text)| (locale.as_str(), text.as_str())).collect()
    }

    /// The connector's variables: `host.message` in each language.
    pub fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.0.iter().map(|(locale, text)| (format!("host.message.{locale}"), text.clone()))
    }

    fn to_json(&self) -> Value {
        json!(self.0)
    }

    fn of_json(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|texts: &Vec<_>| !texts.is_empty()).map(Self)
    }

    /// As Google shows it. `notify`: the holder is told, which Google allows three times a day.
    pub fn google(&self, tenant: &Tenant, id: &str, notify: bool) -> Value {
        let mut texts = self.0.iter().map(|(locale, text)| json!({ "language": locale, "value": text }));
        let default = texts.next().unwrap_or_default();
        json!({
            "id": id,
            "header": tenant.organization,
            "body": default.get("value"),
            "localizedBody": { "defaultValue": default, "translatedValues": texts.collect::<Vec<_>>() },
            "messageType": if notify { "TEXT_AND_NOTIFY" } else { "TEXT" },
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("a sealed message is not of a known form")]
    Form,
}

/// Seals a text for the store.
pub fn seal<H: Host>(flow: &Flow<H>, tenant: &Tenant, id: &str, text: &Text) -> Result<Vec<u8>, SealError> {
    let plain = text.to_json().to_string();
    tenant.keys.seal_small(flow.host.random(), &["notice", tenant.id.as_str(), id], plain.as_bytes())
}

/// The last message of a pass.
pub struct Shown {
    pub id: String,
    pub text: Text,
    pub seq: i64,
    pub google: GoogleNotice,
}

impl Shown {
    /// What Google's object holds of it. Not before it was sent: a message that is there already notifies nobody.
    pub fn in_object(&self, tenant: &Tenant) -> Option<Value> {
        (self.google != GoogleNotice::Waiting).then(|| json!([self.text.google(tenant, &self.id, false)]))
    }
}

pub async fn of_pass<H: Host>(flow: &Flow<H>, tenant: &Tenant, pass: &PassId) -> Result<Option<Shown>, NoticeError> {
    let Some(notice) = flow.host.store().newest_notice(&tenant.id, pass).await? else { return Ok(None) };
    let plain = tenant.keys.open_small(&notice.body_sealed, &["notice", tenant.id.as_str(), &notice.id])?;
    let text = Text::of_json(&plain).ok_or(NoticeError::Form)?;
    Ok(Some(Shown { id: notice.id, text, seq: notice.seq, google: notice.google }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::tenant;

    fn own(texts: &[(&str, &str)]) -> Result<Text, TextError> {
        let texts = texts.iter().map(|(locale, text)| ((*locale).to_owned(), (*text).to_owned())).collect();
        Text::own(&tenant(), &texts)
    }

    #[test]
    fn the_sources_texts_are_there_in_the_tenants_languages() {
        assert_eq!(shipped_names().collect::<Vec<_>>(), ["details-changed", "entry-changed"]);
        let mut tenant = tenant();
        tenant.locales = vec!["fr-CH".into(), "en".into(), "rm".into()];
        let text = Text::shipped(&tenant, "details-changed").unwrap();
        let by_locale = text.by_locale();
        assert!(by_locale["fr-CH"].starts_with("Mise à jour"));
        let english = "Update: your ticket details changed. Please open your Wallet ticket.";
        assert_eq!((by_locale["en"], by_locale["rm"]), (english, english));
        assert_eq!(Text::shipped(&tenant, "details"), None);
        for (name, texts) in SHIPPED {
            assert!(texts.iter().all(|(_, text)| text.chars().count() <= LONGEST), "{name}");
        }
    }

    #[test]
    fn a_text_of_ones_own_is_in_the_tenants_languages_and_of_a_message_s_size() {
        let text = own(&[("fr", "Portes à 19h")]).unwrap();
        assert_eq!(text.by_locale(), BTreeMap::from([("en", "Portes à 19h"), ("fr", "Portes à 19h")]));
        assert_eq!(own(&[("en", "Doors at 7")]), Err(TextError::NoDefault));
        assert_eq!(own(&[("fr", "a"), ("it", "a")]), Err(TextError::OtherLocale));
        for wrong in ["", " ", "a\u{7}", &"a".repeat(LONGEST + 1)] {
            assert_eq!(own(&[("fr", wrong)]), Err(TextError::Form), "{wrong:?}");
        }
        let json = text.to_json().to_string();
        assert_eq!(Text::of_json(json.as_bytes()), Some(text));
        assert_eq!(Text::of_json(b"[]"), None);
    }

    #[test]
    fn google_is_told_it_in_every_language() {
        let text = own(&[("fr", "Portes à 19h"), ("en", "Doors at 7")]).unwrap();
        let expected = json!({
            "id": "n1", "header": "Opéra de Démo", "body": "Portes à 19h", "messageType": "TEXT_AND_NOTIFY",
            "localizedBody": {
                "defaultValue": {"language": "fr", "value": "Portes à 19h"},
                "translatedValues": [{"language": "en", "value": "Doors at 7"}],
            },
        });
        assert_eq!(text.google(&tenant(), "n1", true), expected);
    }
}
