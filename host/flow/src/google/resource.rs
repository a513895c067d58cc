//! Names in Google Wallet: the kinds of passes, and the identifiers of classes and objects.
//!
//! Owns the form of an identifier, `issuer.suffix` with a suffix of `[A-Za-z0-9._-]`. Does not own what makes a class (the connector's class key).

use std::fmt::Write;

use sha2::{Digest as _, Sha256};

use crate::identity::PassId;
use crate::tenant::{Google, Template, Tenant};

/// Which pair of resources a pass is. A closed set here: the connector makes no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PassKind {
    EventTicket,
    Loyalty,
    Generic,
}

impl PassKind {
    /// Of `google-pass.kind`.
    pub fn parse(kind: &str) -> Option<Self> {
        match kind {
            "eventTicket" => Some(Self::EventTicket),
            "loyalty" => Some(Self::Loyalty),
            "generic" => Some(Self::Generic),
            _ => None,
        }
    }

    pub(super) fn class_resource(self) -> &'static str {
        match self {
            Self::EventTicket => "eventTicketClass",
            Self::Loyalty => "loyaltyClass",
            Self::Generic => "genericClass",
        }
    }

    pub(super) fn object_resource(self) -> &'static str {
        match self {
            Self::EventTicket => "eventTicketObject",
            Self::Loyalty => "loyaltyObject",
            Self::Generic => "genericObject",
        }
    }

    /// The list of a save link that holds such objects.
    pub(super) fn object_list(self) -> &'static str {
        match self {
            Self::EventTicket => "eventTicketObjects",
            Self::Loyalty => "loyaltyObjects",
            Self::Generic => "genericObjects",
        }
    }
}

/// The class of a class key. The connector's keys have only what Google allows and stay as they are; any other byte becomes `_` and two hex
/// digits, so that no key can leave the identifier.
pub fn class_id(google: &Google, class_key: &str) -> String {
    let mut id = format!("{}.", google.issuer);
    for byte in class_key.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            id.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(id, "_{byte:02X}");
        }
    }
    id
}

/// The object of a pass.
pub fn object_id(google: &Google, pass: &PassId) -> String {
    format!("{}.{pass}", google.issuer)
}

/// Where Google fetches an image of a template: a public route of this server. None: the template has no such file.
pub fn image_url(tenant: &Tenant, template: &Template, image: &str) -> Option<String> {
    let content = hex::encode(Sha256::digest(template.images.get(image)?));
    let version = content.get(..IMAGE_VERSION)?;
    let Tenant { public_url, id, .. } = tenant;
    Some(format!("{public_url}/api/{id}/templates/{}/images/{image}?v={version}", template.name))
}

/// Digits of an image's SHA-256 in its address: enough to tell one from the next.
const IMAGE_VERSION: usize = 8;

/// Where Google posts that a pass was saved or removed: a public route of this server.
pub fn callback_url(tenant: &Tenant) -> String {
    format!("{}/api/{}/webhooks/listeners/google", tenant.public_url, tenant.id)
}

/// Images that can be a loyalty class's logo, best first: Google wants 660 pixels square and scales down.
const LOGOS: [&str; 7] =
    ["programLogo.png", "logo@3x.png", "logo@2x.png", "logo.png", "icon@3x.png", "icon@2x.png", "icon.png"];

/// The template's image for `programLogo`, which a loyalty class must have.
pub fn program_logo(template: &Template) -> Option<&'static str> {
    LOGOS.into_iter().find(|logo| template.images.contains_key(*logo))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::tenant;

    #[test]
    fn identifiers_have_only_what_google_allows() {
        let google = tenant().google.unwrap();
        assert_eq!(
            class_id(&google, "event_ticket.performance.10228231109243"),
            "3388000000012345678.event_ticket.performance.10228231109243"
        );
        assert_eq!(
            class_id(&google, "event-ticket.performance:10228231109243"),
            "3388000000012345678.event-ticket.performance_3A10228231109243"
        );
        assert_eq!(
            object_id(&google, &PassId::parse("KlnqcxVLA9pS4ol5").unwrap()),
            "3388000000012345678.KlnqcxVLA9pS4ol5"
        );
        let odd = class_id(&google, "é/../?a=b c\"");
        assert!(odd.bytes().all(|c| c.is_ascii_alphanumeric() || b"._-".contains(&c)), "{odd}");
    }

    #[test]
    fn the_kinds_are_the_connectors() {
        assert_eq!(PassKind::parse("eventTicket"), Some(PassKind::EventTicket));
        assert_eq!(PassKind::parse("loyalty"), Some(PassKind::Loyalty));
        assert_eq!(PassKind::parse("generic"), Some(PassKind::Generic));
        assert_eq!(PassKind::parse("flight"), None);
    }
}
