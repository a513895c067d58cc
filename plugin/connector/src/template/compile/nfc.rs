//! NFC: what a pass tells a reader that it is held to.
//!
//! Owns the member `nfc` and when it stands. Does not own the poster layout, which needs it (`poster`). A message that is longer than Apple allows is
//! left out, and the barcode remains: a pass that opens the door by other means is better than none.

use super::FILE;
use super::context::{Allowed, Context};
use super::document::Section;
use super::error::Problem;
use super::tree::{Node, Part, quoted};
use crate::payload::rule::Rule;
use crate::template::program::Kind;

const TOO_LONG: Problem = Problem::Rule("an NFC message has at most 64 bytes");
const NO_TENANT: Problem = Problem::Rule(
    "[apple.nfc] is left out of the pass: tenant.toml has no [apple.nfc] with the key that the readers have",
);

/// The tenant's part of NFC; a template names the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nfc {
    /// SubjectPublicKeyInfo of a P-256 key, in base64.
    pub encryption_public_key: String,
    pub requires_authentication: bool,
}

/// Tickets have it by themselves. A card has it only where its template says so: at the entrance it would stand beside the ticket, and the reader gets
/// whichever of the two the phone chooses.
pub(super) fn compile<'s>(context: &Context<'s>, apple: &Section<'s>, tenant: Option<&Nfc>) -> Option<Node> {
    let own = apple.section("nfc");
    let wanted = own.is_some() || context.kind == Kind::EventTicket;
    let message = own.as_ref().and_then(|own| own.written("message"));
    let words = match &message {
        Some(text) => context.uniform(text, Allowed::All),
        None => context.default_words("{barCode}", &apple.place),
    };
    if let (Some(text), Some(words)) = (&message, &words) {
        if words.literals().iter().any(|literal| !Rule::Nfc.holds(literal)) {
            apple.problem(text.place(), TOO_LONG);
        } else {
            context.judge(Rule::Nfc, words, text.place(), TOO_LONG);
        }
    }
    if own.is_some() && tenant.is_none() {
        context.report.warn(FILE, NO_TENANT);
    }
    if let Some(own) = own {
        own.finish();
    }
    let tenant = tenant.filter(|_| wanted)?;
    let key = quoted(&tenant.encryption_public_key);
    let authentication = tenant.requires_authentication;
    let raw = format!("\"encryptionPublicKey\":{key},\"requiresAuthentication\":{authentication}");
    Some(Node::leaf(vec![
        Part::Raw("\"nfc\":{\"message\":".to_owned()),
        Part::Checked(Rule::Nfc, words?),
        Part::Raw(format!(",{raw}}}")),
    ]))
}
