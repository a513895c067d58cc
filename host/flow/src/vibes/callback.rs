//! A callback of Vibes': somebody has put a pass into a wallet, or taken it out.
//!
//! Owns the way from bytes to an event that is written, and what is ignored on it. Does not own who may post it (`http::vibes`), the count of devices
//! (the store) nor the fold (`installation`). Read leniently: the type stands in `callback_type`, in the deprecated `event_type` or, as in a capture
//! of 2020, in neither; fields come and go. Of the `tokens`, which the organiser fills with anything, names included, the joining one is
//! looked at and no other; the tree ends with the call. Bounds: 64 KB, and serde_json's 128 levels.

use passerelle_contract::types::Wallet;
use serde_json::Value;

use super::client::Type;
use super::{example, moment};
use crate::flow::Flow;
use crate::identity::{Millis, contact_number, secutix_id};
use crate::installation;
use crate::ports::Host;
use crate::store::{InstanceEvent, PassSubject, SignalKey, SignalKind, Store, StoreError, VibesLedger as _};
use crate::tenant::{Tenant, Vibes, VibesSubject};

/// The name of the source in a signal, and so of the events that are remembered.
const SOURCE: &str = "vibes";
/// Bytes of a callback. Theirs are about one; tokens are short texts.
const LARGEST: usize = 64 * 1024;
/// Vibes' identifiers are UUIDs.
const LONGEST_EVENT: usize = 64;

/// What came of a callback that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Received {
    /// An event was counted.
    Counted,
    /// It was counted before.
    Repeated,
    /// About something else than installations.
    OtherType,
    /// A wallet that is neither Apple's nor Google's.
    OtherProvider,
    /// A campaign that is not among those that are configured.
    OtherCampaign,
    /// No pass of ours has that identifier, or the item has none. Vibes' test callbacks are such.
    Unmatched,
}

impl Received {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Repeated => "repeated",
            Self::OtherType => "other-type",
            Self::OtherProvider => "other-provider",
            Self::OtherCampaign => "other-campaign",
            Self::Unmatched => "unmatched",
        }
    }
}

/// Only a store that does not answer may be tried again; the rest can never be read.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    #[error("the body is larger than any callback")]
    TooLarge,
    /// Sentences for whoever posted it.
    #[error("the body is no callback")]
    Unreadable(Vec<String>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CallbackError {
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::Unreadable(_) => "malformed",
            Self::Store(_) => "not-counted",
        }
    }
}

/// A callback about an installation, as far as it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Callback {
    /// As Vibes numbers it; none: it does not.
    event: Option<String>,
    kind: Type,
    /// None: it has no time that can be read.
    at: Option<Millis>,
    instance: String,
    wallet: Wallet,
    campaign: Option<String>,
    /// None: the item has no such token, or none that identifies anything.
    subject: Option<PassSubject>,
}

enum Reading {
    Installation(Callback),
    Other(Received),
}

/// Counts a callback when it is a new word about one of our passes.
pub async fn receive<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    vibes: &Vibes,
    body: &[u8],
) -> Result<Received, CallbackError> {
    let callback = match read(body, vibes)? {
        Reading::Installation(callback) => callback,
        Reading::Other(received) => return Ok(received),
    };
    if callback.campaign.as_ref().is_some_and(|campaign| !vibes.campaigns.contains(campaign)) {
        return Ok(Received::OtherCampaign);
    }
    let store = flow.host.store();
    let Some(subject) = callback.subject else { return Ok(Received::Unmatched) };
    let Some(view) = store.pass_by_subject(&tenant.id, &subject).await? else { return Ok(Received::Unmatched) };
    let event = match callback.event {
        Some(event) if is_plain(&event) => event,
        Some(event) => format!("mac/{}", tenant.keys.mac("vibes-event", &[event.as_bytes()])),
        // What is sent again is the same, byte for byte.
        None => format!("body/{}", tenant.keys.mac("vibes-body", &[body])),
    };
    // From the future it would be the newest word for as long as that is one.
    let now = flow.now();
    let at = callback.at.map_or(now, |at| at.min(now));
    let kind = match callback.kind {
        Type::Install => SignalKind::Installed,
        Type::Remove => SignalKind::Removed,
    };
    let event = InstanceEvent {
        pass: view.pass.id,
        wallet: callback.wallet,
        instance: tenant.keys.mac("vibes-instance", &[callback.instance.as_bytes()]),
        key: SignalKey { source: SOURCE.to_owned(), event, at },
        installed: kind == SignalKind::Installed,
    };
    let counted = store.vibes_event(&tenant.id, event, installation::fold_at(flow, kind)).await?;
    Ok(if counted { Received::Counted } else { Received::Repeated })
}

/// Only an identifier that can name nobody stands in the clear.
fn is_plain(event: &str) -> bool {
    event.len() <= LONGEST_EVENT && event.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-')
}

fn read(body: &[u8], vibes: &Vibes) -> Result<Reading, CallbackError> {
    if body.len() > LARGEST {
        return Err(CallbackError::TooLarge);
    }
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        let text = String::from_utf8_lossy(body);
        CallbackError::Unreadable(example::why_not_json(&text, error.line(), error.column()))
    })?;
    let unreadable = |why: &str| Err(CallbackError::Unreadable(vec![why.to_owned()]));
    if !value.is_object() {
        return unreadable("a callback of Vibes is a JSON object");
    }
    let text =
        |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::trim).filter(|it| !it.is_empty());
    let kind = match text("/callback_type").or_else(|| text("/event_type")) {
        Some(name) => match Type::parse(name) {
            Some(kind) => kind,
            None => return Ok(Reading::Other(Received::OtherType)),
        },
        // Without a type it is what its installation says: it has ended, or it has not.
        None if value.pointer("/wallet_instance").is_some_and(Value::is_object) => {
            let ended = value.pointer("/wallet_instance/unregistered_at").is_some_and(|at| !at.is_null());
            if ended { Type::Remove } else { Type::Install }
        }
        None => {
            return unreadable(
                "neither \"callback_type\" nor \"event_type\" nor \"wallet_instance\" says what it is about",
            );
        }
    };
    let Some(provider) = text("/wallet_instance/provider") else {
        return unreadable("\"wallet_instance.provider\" is missing, so it does not say which wallet it is about");
    };
    let Some(wallet) = super::wallet(provider) else { return Ok(Reading::Other(Received::OtherProvider)) };
    let of_kind = match kind {
        Type::Install => "/wallet_instance/registered_at",
        Type::Remove => "/wallet_instance/unregistered_at",
    };
    let join = value.pointer("/wallet_item/tokens").and_then(|tokens| tokens.get(&vibes.join));
    Ok(Reading::Installation(Callback {
        event: text("/event_id").map(str::to_owned),
        kind,
        at: ["/event_date", of_kind].into_iter().find_map(|pointer| text(pointer).and_then(moment::millis)),
        // Without one, all of them are one device: as good as a source that cannot count.
        instance: text("/wallet_instance/wallet_instance_uid").unwrap_or_default().to_owned(),
        wallet,
        campaign: text("/wallet_campaign/token").map(str::to_owned),
        subject: join.and_then(|value| subject(value, vibes.subject)),
    }))
}

/// The pass that the joining token of an item is about. Numbers are texts at Vibes, and a number is taken as well.
pub(super) fn subject(value: &Value, kind: VibesSubject) -> Option<PassSubject> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    match kind {
        VibesSubject::Movement => secutix_id(&text).map(PassSubject::Movement),
        VibesSubject::Contact => contact_number(&text).map(|number| PassSubject::Contact(number.to_owned())),
    }
}

#[cfg(test)]
mod tests;
