//! What a callback looks like: the documented shape, and the ways in which real ones differ from it (domain.md 4.3).
//!
//! Owns texts and times. Does not own who gets it.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Instance, Item, VibesQuirks};
use crate::Millis;
use crate::secutix::random_hex;

/// Where a callback says its type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TypeField {
    /// `callback_type`, and the deprecated `event_type` beside it.
    #[default]
    Both,
    CallbackType,
    EventType,
    /// As in a capture of 2020.
    Neither,
}

/// How times are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeForm {
    /// `2018-05-07T15:27:33.664Z`
    #[default]
    Millis,
    /// `2017-01-14T14:30Z`
    Minutes,
    /// `2014-10-27T11:47:05.258-05:00`
    Offset,
}

pub(super) fn time(at: Millis, form: TimeForm) -> String {
    let moment = Timestamp::from_millisecond(at).unwrap_or_default();
    match form {
        TimeForm::Millis => moment.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        TimeForm::Minutes => moment.strftime("%Y-%m-%dT%H:%MZ").to_string(),
        TimeForm::Offset => {
            let chicago = TimeZone::fixed(Offset::constant(-5));
            moment.to_zoned(chicago).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
        }
    }
}

pub(super) fn uuid() -> String {
    let hex = random_hex::<16>();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

pub(super) fn item_url(company: &str, item: &Item) -> String {
    format!("/companies/{company}/campaigns/wallet/{}/items/{}", item.campaign, item.uuid)
}

/// The body of one callback.
pub(super) fn body(
    company: &str,
    quirks: &VibesQuirks,
    (kind, event, at): (&str, &str, Millis),
    item: &Item,
    uid: &str,
    instance: &Instance,
) -> String {
    let time = |at| time(at, quirks.times);
    let mut body = json!({
        "event_id": event,
        "event_date": time(at),
        "wallet_instance": {
            "registered_at": time(instance.registered_at),
            "unregistered_at": instance.unregistered_at.map(time),
            "wallet_instance_uid": uid,
            "provider": instance.provider,
        },
        "wallet_item": {
            "uuid": item.uuid,
            "wallet_object_uid": format!("o-{}", item.uuid),
            "expiration_date": "2030-01-14T14:30Z",
            "tokens": item.tokens,
            "url": item_url(company, item),
        },
        "wallet_campaign": {
            "wallet_campaign_uid": "cc2ba6ca-557f-4335-9df0-ee5d3c541d0a",
            "token": item.campaign,
            "url": format!("/companies/{company}/campaigns/wallet/{}/", item.campaign),
        },
    });
    let fields: &[&str] = match quirks.type_field {
        TypeField::Both => &["callback_type", "event_type"],
        TypeField::CallbackType => &["callback_type"],
        TypeField::EventType => &["event_type"],
        TypeField::Neither => &[],
    };
    if let Some(members) = body.as_object_mut() {
        members.extend(fields.iter().map(|field| ((*field).to_owned(), Value::from(kind))));
    }
    body.to_string()
}
