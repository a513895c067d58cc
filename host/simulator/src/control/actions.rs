//! What a control call does, by its path and JSON body.
//!
//! Owns the translation of JSON to the institution's and the phones' methods. Does not own access or pages.

use jiff::Zoned;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Control, ControlError};
use crate::apple::phone::Iphone;
use crate::crm::ApiCall;
use crate::google::phone::GooglePhone;
use crate::secutix::InstitutionError;
use crate::secutix::catalogue::Texts;
use crate::secutix::desk::Purchase;
use crate::secutix::model::{Holder, Origin};
use crate::secutix::notifier::{Delivery, Mode, Notice};
use crate::secutix::oddities::Oddities;
use crate::secutix::shop::TicketLinks;
use crate::vibes::VibesQuirks;

/// Shown on the index page.
pub(super) const CALLS: &[(&str, &str)] = &[
    ("GET /control/state", "addresses and counts"),
    ("GET /control/catalogue", "products and performances, with their ids"),
    ("GET /control/contacts", "contacts, with their numbers"),
    ("GET /control/files", "every file; /control/files/{id}: as the web service shows it"),
    ("GET /control/phones", "every phone, with what it shows"),
    (
        "GET /control/log/{secutix|prints|google|callbacks|push|vibes|vibes-callbacks}",
        "calls as they came in; /control/log/iphone/{name}: a phone's timeline",
    ),
    (
        "POST /control/listener {\"url\"}",
        "where changes are announced: .../api/{tenant}/webhooks/listeners/secutix/orders",
    ),
    (
        "POST /control/delivery {\"mode\":\"immediate|batched|silent\",\"copies\":1,\"reversed\":false}",
        "how changes are announced; POST /control/flush sends a batch",
    ),
    (
        "POST /control/sell {\"product\":\"CARMEN\",\"holders\":[{\"first_name\",\"last_name\"}],\"origin\":\"ticket-shop\"}",
        "a new file; with \"file\", another order in it. The origin is \"ticket-shop\" or \"back-office\", here and below",
    ),
    ("POST /control/member {\"first_name\",\"last_name\"}", "a contact with a membership"),
    ("POST /control/contact {\"contact\",\"first_name\",\"last_name\"}", "another name of a contact, and its card"),
    ("POST /control/reprint {\"movement\"}", "a new ticket with a new barcode"),
    ("POST /control/holder {\"movement\",\"first_name\",\"last_name\"}", "another name on the ticket"),
    ("POST /control/cultural-contact {\"movement\",\"contact\"}", "another attendee in the books"),
    ("POST /control/replace {\"movement\",\"first_name\",\"last_name\"}", "another person, another movement"),
    ("POST /control/exchange {\"movement\",\"performance\"}", "another performance"),
    ("POST /control/cancel {\"movement\"}", "a refund of one ticket"),
    ("POST /control/print {\"movement\"}", "the ticket is printed"),
    ("POST /control/scan {\"movement\"}", "a scan at the entry"),
    ("POST /control/retitle {\"product\",\"title\":{\"fr\":\"…\"}}", "another title"),
    (
        "POST /control/reschedule {\"performance\",\"start\":\"2027-01-01T20:00:00+01:00[Europe/Zurich]\"}",
        "another date",
    ),
    ("POST /control/notify {\"order_secret\",\"state\",\"ticket\",\"movement\"}", "a notification by hand"),
    (
        "POST /control/oddities {\"numbers_as_strings\":true, …}",
        "SecuTix's oddities; {} turns all off; GET lists them as they are",
    ),
    (
        "POST /control/iphone/{name}/buy {\"product\":\"CARMEN\"}",
        "sells a ticket to Ada Lovelace, or to \"first_name\", \"last_name\", and puts its pass on that iPhone; /control/android/{name}/buy: on that Android phone",
    ),
    ("POST /control/iphone/{name}/add {\"url\"}", "opens a link to a .pkpass; /remove {\"serial\"}; /wipe"),
    ("GET /control/crm/{desk}", "a desk of the CRM: its address for webhooks, its records, all that came"),
    (
        "POST /control/crm/{desk} {\"behave\":\"hangs\"} or {\"behave\":{\"status\":{\"status\":500}}} or {\"trust\":\"whsec_…\"}",
        "how it answers, and what it verifies with; {\"joinBy\":\"crm.customerId\"} is for all desks",
    ),
    ("GET /control/crm-api/events", "what plugins have told the CRM, each event once"),
    ("GET /control/crm-api", "the CRM's API, for plugins: its address, tokens that were bought, all that came"),
    (
        "POST /control/crm-api/client {\"id\",\"secret\"}",
        "a client that may buy tokens; /refuse {\"id\",\"refused\":true}; /withdraw makes all tokens void",
    ),
    (
        "POST /control/crm-api/customer {\"movement\",\"customerId\",\"tier\"}",
        "whom a ticket belongs to; /behave {\"route\":\"token|customers|wallet-events\",\"behave\":\"hangs\"}",
    ),
    ("POST /control/android/{name}/save {\"url\"}", "opens a save link; /remove {\"object\"}"),
    ("GET /control/vibes", "the company at Vibes, its registrations, and how it differs from the documentation"),
    (
        "POST /control/vibes/item {\"campaign\":\"r3zhm8\",\"tokens\":{\"movement\":\"…\"}}",
        "a wallet item; /install {\"item\",\"provider\":\"apple|google\"}; /remove {\"instance\"}",
    ),
    (
        "POST /control/vibes/quirks {\"type_field\":\"neither\",\"times\":\"minutes|millis|offset\",\"copies\":2,\"held\":true, …}",
        "how its callbacks differ; /release {\"reversed\":true} lets held ones go; /retry sends what is due again",
    ),
];

#[derive(Deserialize)]
struct Sell {
    product: String,
    holders: Vec<Holder>,
    #[serde(default = "shop")]
    origin: Origin,
    performance: Option<i64>,
    file: Option<i64>,
}

#[derive(Deserialize)]
struct Buy {
    product: String,
    #[serde(default = "ada")]
    first_name: String,
    #[serde(default = "lovelace")]
    last_name: String,
}

fn ada() -> String {
    "Ada".to_owned()
}

fn lovelace() -> String {
    "Lovelace".to_owned()
}

#[derive(Deserialize)]
struct DeliveryJson {
    #[serde(default)]
    mode: Mode,
    #[serde(default = "once")]
    copies: u32,
    #[serde(default)]
    reversed: bool,
}

fn shop() -> Origin {
    Origin::TicketShop
}

fn once() -> u32 {
    1
}

impl Control {
    pub(super) async fn perform(&self, path: &[&str], body: &Value) -> Result<Value, ControlError> {
        let secutix = &self.world.institution;
        let text = |key: &'static str| body.get(key).and_then(Value::as_str).ok_or(ControlError::Missing(key));
        let number = |key: &'static str| body.get(key).and_then(Value::as_i64).ok_or(ControlError::Missing(key));
        let movement = || number("movement");
        let holder = || read::<Holder>(body, "first_name, last_name");
        let origin =
            || body.get("origin").map_or(Ok(shop()), |origin| read(origin, "origin: ticket-shop or back-office"));
        let change = match path {
            ["sell"] => {
                let asked: Sell = read(
                    body,
                    "product, holders[{first_name, last_name}], origin (ticket-shop or back-office), performance, file",
                )?;
                let Sell { product, holders, origin, performance, file } = asked;
                secutix.sell(Purchase { product, performance, holders, origin, file }).await?
            }
            ["reprint"] => secutix.reprint(movement()?, origin()?).await?,
            ["holder"] => secutix.change_holder(movement()?, holder()?, origin()?).await?,
            ["cultural-contact"] => secutix.change_cultural_contact(movement()?, text("contact")?).await?,
            ["replace"] => secutix.replace_spectator(movement()?, holder()?, origin()?).await?,
            ["exchange"] => secutix.exchange(movement()?, number("performance")?, origin()?).await?,
            ["cancel"] => secutix.cancel(movement()?).await?,
            ["print"] => secutix.print(movement()?).await?,
            ["scan"] => secutix.scan(movement()?).await?,
            ["retitle"] => {
                let title = body.get("title").ok_or(ControlError::Missing("title"))?;
                secutix.retitle(text("product")?, read::<Texts>(title, "title: locale to text")?).await?
            }
            ["reschedule"] => {
                let wrong = ControlError::Missing("start: such as 2027-01-01T20:00:00+01:00[Europe/Zurich]");
                let start: Zoned = text("start")?.parse().map_err(|_| wrong)?;
                secutix.reschedule(number("performance")?, start).await?
            }
            _ => return self.arrange(path, body).await,
        };
        Ok(json!(change))
    }

    async fn arrange(&self, path: &[&str], body: &Value) -> Result<Value, ControlError> {
        let world = &self.world;
        let secutix = &world.institution;
        let text = |key: &'static str| body.get(key).and_then(Value::as_str).ok_or(ControlError::Missing(key));
        match path {
            ["listener"] => secutix.listen_at(text("url")?),
            ["delivery"] => {
                let DeliveryJson { mode, copies, reversed } = read(body, "mode, copies, reversed")?;
                secutix.set_delivery(Delivery { mode, copies, reversed, ..Delivery::default() });
            }
            ["flush"] => return Ok(json!(secutix.flush_batch().await)),
            ["member"] => {
                let number = secutix.create_contact(&read(body, "first_name, last_name")?, true);
                return Ok(json!({"contact": number}));
            }
            ["contact"] => {
                let number = text("contact")?;
                secutix.change_contact(number, &read(body, "contact, first_name, last_name")?)?;
                return Ok(json!({"announced": secutix.announce_contact(number).await}));
            }
            ["notify"] => {
                let mut notice = Notice::of_order(text("state")?, text("order_secret")?);
                notice.ticket = body.get("ticket").and_then(Value::as_i64);
                notice.movement = body.get("movement").and_then(Value::as_i64);
                return Ok(json!(secutix.notify(notice).await));
            }
            ["oddities"] => {
                let wanted: Oddities = read(body, "names of oddities, as GET /control/oddities lists them")?;
                secutix.oddities(|oddities| *oddities = wanted);
            }
            ["crm", name] => {
                let desk = world.crm.desk(name);
                if let Some(behaviour) = body.get("behave") {
                    desk.behave(read(behaviour, "behave: honest, hangs, {\"status\":{\"status\":500}} and the like")?);
                }
                if let Some(key) = body.get("trust").and_then(Value::as_str) {
                    desk.trust(key).map_err(|_| ControlError::Missing("trust: whsec_… or whpk_…"))?;
                }
                if let Some(identifier) = body.get("joinBy").and_then(Value::as_str) {
                    world.crm.join_by(identifier);
                }
                return Ok(json!({"url": desk.url()}));
            }
            ["crm-api", "client"] => world.crm.api().register(text("id")?, text("secret")?),
            ["crm-api", "refuse"] => {
                let refused = body.get("refused").and_then(Value::as_bool);
                world.crm.api().refuse(text("id")?, refused.ok_or(ControlError::Missing("refused"))?);
            }
            ["crm-api", "withdraw"] => world.crm.api().withdraw_tokens(),
            ["crm-api", "customer"] => {
                let movement = text("movement")?;
                world.crm.api().know(movement, read(body, "movement, customerId, tier")?);
            }
            ["crm-api", "behave"] => {
                let value = |key: &str| body.get(key).unwrap_or(&Value::Null);
                let route = read(value("route"), "route: token, customers or wallet-events")?;
                world.crm.api().behave(route, read(value("behave"), "behave: as for a desk")?);
            }
            ["iphone", name, "buy"] => {
                let (file, movement, links) = self.buy(body).await?;
                let pass = world.iphone(name).add(links.apple()?).await?;
                return Ok(json!({"file": file, "movement": movement, "pass": pass}));
            }
            ["android", name, "buy"] => {
                let (file, movement, links) = self.buy(body).await?;
                let link = secutix.follow(links.google()?).await?;
                let passes = world.android(name).save(&link).await?;
                return Ok(json!({"file": file, "movement": movement, "passes": passes}));
            }
            ["iphone", name, "add"] => return Ok(json!(world.iphone(name).add(text("url")?).await?)),
            ["iphone", name, "remove"] => {
                return Ok(json!({"removed": world.iphone(name).remove(text("serial")?).await}));
            }
            ["iphone", name, "wipe"] => world.iphone(name).wipe(),
            ["android", name, "save"] => return Ok(json!(world.android(name).save(text("url")?).await?)),
            ["vibes", "item"] => {
                let tokens = read(body.get("tokens").unwrap_or(&Value::Null), "tokens, an object")?;
                return Ok(json!({"item": world.vibes.item(text("campaign")?, tokens)}));
            }
            ["vibes", "install"] => {
                let instance = world.vibes.install(text("item")?, text("provider")?).await;
                return Ok(json!({"instance": instance}));
            }
            ["vibes", "remove"] => return Ok(json!({"removed": world.vibes.remove(text("instance")?).await})),
            ["vibes", "quirks"] => {
                let wanted: VibesQuirks = read(body, "names of quirks, as GET /control/vibes lists them")?;
                world.vibes.quirks(|quirks| *quirks = wanted);
            }
            ["vibes", "release"] => {
                let reversed = body.get("reversed").and_then(Value::as_bool).unwrap_or(false);
                world.vibes.release(reversed).await;
            }
            ["vibes", "retry"] => world.vibes.deliver_due().await,
            ["android", name, "remove"] => {
                return Ok(json!({"removed": world.android(name).remove(text("object")?).await}));
            }
            _ => return Err(ControlError::NoPath),
        }
        Ok(json!({"ok": true}))
    }

    /// A sale to one person, its file and its movement, and the links that the shop shows them.
    async fn buy(&self, body: &Value) -> Result<(i64, i64, TicketLinks), ControlError> {
        let Buy { product, first_name, last_name } = read(body, "product, and first_name and last_name if you like")?;
        let secutix = &self.world.institution;
        let sale = secutix.sell_single(&product, Holder { first_name, last_name }, shop()).await?;
        let file = sale.file().ok_or(InstitutionError::UnknownFile)?;
        let movement = sale.movement().ok_or(InstitutionError::UnknownMovement)?;
        Ok((file, movement, secutix.ticket_links(file).await?))
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value, expected: &'static str) -> Result<T, ControlError> {
    serde_json::from_value(value.clone()).map_err(|_| ControlError::Missing(expected))
}

/// What the CRM was told, as a person reads it.
pub(super) fn event_json(call: &ApiCall) -> Value {
    let at = jiff::Timestamp::from_millisecond(call.received.at).map(|at| at.to_string()).ok();
    json!({"heard": at, "from": call.client, "event": call.received.json})
}

pub(super) fn iphone_json(phone: &Iphone) -> Value {
    json!({"name": phone.name(), "device": phone.device(), "passes": phone.passes()})
}

pub(super) fn android_json(phone: &GooglePhone) -> Value {
    json!({"name": phone.name(), "passes": phone.passes()})
}
