//! What a wallet, a buyer and an organiser ask of a host beside SecuTix's notifications: the same play on a server and on Spin, line by line.
//!
//! Owns the play and its transcript: whole orders, Google's and Vibes' callbacks, messages, looks at Google Wallet, the end of a pass by hand. Does not own what
//! is right about any of them (`google_*`, `notifications`, `apple_service` ask that of a server); here both hosts have to say the same.

use std::collections::BTreeMap;

use passerelle_connector::contract::scenario::Answer;
use passerelle_simulator::Simulator;
use serde_json::{Value, json};

use super::BETWEEN;
use super::side::Side;
use crate::house::{Package, Reply};
use crate::spin::{self, OwnFlag};

const TENANT: &str = "opera";
const DAY: i64 = 86_400_000;
/// Movements of the file, a family's.
const MOVEMENTS: [&str; 2] = ["10228310724999", "10228310725001"];
const FILE: &str = "10000702600";

#[tokio::test(flavor = "multi_thread")]
async fn whole_orders_callbacks_messages_and_looks_go_alike_on_the_server_and_on_spin() {
    let program = spin::program();
    let clock = spin::takes(&program, OwnFlag::ClockFile);
    let (world, server, edge) = Side::both(&[TENANT], &program, clock).await;
    let on_server = Play::new(&world, &server).run(clock).await;
    let on_edge = Play::new(&world, &edge).run(clock).await;
    assert!(on_server.len() >= 30, "{on_server:#?}");
    for (server, edge) in on_server.iter().zip(&on_edge) {
        assert_eq!(server, edge);
    }
    assert_eq!(on_server.len(), on_edge.len());
    server.end().await;
    edge.end().await;
    world.stop().await;
}

struct Play<'a> {
    world: &'a Simulator,
    side: &'a Side,
    /// By movement.
    passes: BTreeMap<&'static str, String>,
    said: Vec<String>,
}

impl<'a> Play<'a> {
    fn new(world: &'a Simulator, side: &'a Side) -> Self {
        Self { world, side, passes: BTreeMap::new(), said: vec![] }
    }

    async fn run(mut self, clock: bool) -> Vec<String> {
        self.sale().await;
        self.whole_order().await;
        self.callbacks().await;
        self.vibes().await;
        self.messages().await;
        if clock {
            self.look().await;
        }
        self.lists().await;
        self.end_by_hand().await;
        self.said
    }

    /// Whatever names this host's own passes, proofs or address is written as a name.
    fn say(&mut self, what: &str, told: impl std::fmt::Display) {
        let mut told = told.to_string().replace(&self.side.base, "<host>");
        for (movement, pass) in &self.passes {
            told = told.replace(pass.as_str(), &format!("<pass of {movement}>"));
        }
        self.said.push(format!("{what}: {told}"));
    }

    fn say_reply(&mut self, what: &str, reply: &Reply) {
        let body = match serde_json::from_slice::<Value>(&reply.body) {
            Ok(mut body) => {
                strip(&mut body);
                body.to_string()
            }
            Err(_) => format!("{} bytes", reply.body.len()),
        };
        let (status, kind) = (reply.status, reply.headers.get("content-type").cloned());
        self.say(what, format!("{status} {kind:?} {body}"));
    }

    async fn described(&self, movement: &str) -> Value {
        let pass = &self.passes[movement];
        self.side.get(TENANT, &format!("/api/{TENANT}/passes/{pass}")).await.json()
    }

    async fn rest(&self) {
        // What is being sent holds a lease, and a clock that jumps ends it.
        self.side.drive().await;
        self.side.advance(BETWEEN);
        self.side.drive().await;
    }

    async fn sale(&mut self) {
        let case = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/purchase-of-a-family-order/after.json");
        self.side.other.answer(TENANT, Some(Answer::File(std::fs::read(case).unwrap())));
        let body = json!({"orderSecretToken": "9f3c0c7e5b", "state": "PAID", "lastUpdate": null});
        let path = format!("/api/{TENANT}/webhooks/listeners/secutix/orders");
        let accepted = self.side.ask("POST", &path, &[("content-type", "application/json")], body.to_string()).await;
        self.say_reply("sold", &accepted);
        self.rest().await;
        for movement in MOVEMENTS {
            let path = format!("/api/{TENANT}/passes/findPass?secutix.movementId={movement}");
            let found = self.side.get(TENANT, &path).await;
            assert_eq!(found.status, 200, "{movement}");
            self.passes.insert(movement, found.json()["id"].as_str().unwrap().to_owned());
        }
    }

    async fn whole_order(&mut self) {
        let path = format!("/api/{TENANT}/external/secutix/orders/getTicketsUrl/{FILE}");
        let links = self.side.get(TENANT, &path).await.json()["links"].clone();
        let apple = links["apple"].as_str().unwrap().to_owned();
        let bundle = self.side.ask("GET", &apple, &[], "").await;
        self.say_reply("all for Apple", &Reply { body: bytes::Bytes::new(), ..bundle.clone() });
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bundle.body.to_vec())).unwrap();
        let mut shown = Vec::new();
        for at in 0..archive.len() {
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut archive.by_index(at).unwrap(), &mut content).unwrap();
            shown.push(Package::read(&content).pass["barcodes"][0]["message"].to_string());
        }
        shown.sort();
        self.say("passes of it", shown.join(" "));
        let google = links["google"].as_str().unwrap().to_owned();
        let saved = self.side.ask("GET", &google, &[("accept", "text/html")], "").await;
        let claims = saved.header("location").split('.').nth(1).unwrap();
        let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims).unwrap();
        let mut claims: Value = serde_json::from_slice(&claims).unwrap();
        claims.as_object_mut().unwrap().remove("iat");
        let objects = claims["payload"]["eventTicketObjects"].as_array_mut().unwrap();
        objects.sort_by_key(|object| object["id"].to_string().len());
        self.say("objects of it", objects.len());
        for wrong in [apple.replace("token=", "token=0"), google.replace("device=google", "device=other")] {
            let refused = self.side.ask("GET", &wrong, &[], "").await;
            self.say("refused", refused.status);
        }
        self.side.drive().await;
        self.google("written for it");
    }

    /// What Google got since the last time, by what was done to how many.
    fn google(&mut self, what: &str) {
        let mut counts = BTreeMap::new();
        for written in self.side.other.written(TENANT) {
            let mut told = format!("{} {} {}", written.method, written.collection, written.status);
            if written.collection.ends_with("addMessage") {
                let mut body: Value = serde_json::from_slice(&written.body).unwrap();
                body["message"].as_object_mut().unwrap().remove("id");
                told.push_str(&body.to_string());
            }
            *counts.entry(told).or_insert(0) += 1;
        }
        self.say(what, format!("{counts:?}"));
    }

    async fn callback(&mut self, what: &str, body: &Value) {
        let headers = [("content-type", "application/json"), ("user-agent", "Googlebot")];
        let path = format!("/api/{TENANT}/webhooks/listeners/google");
        let reply = self.side.ask("POST", &path, &headers, body.to_string()).await;
        self.say_reply(what, &reply);
        self.rest().await;
        for movement in MOVEMENTS {
            let providers = self.described(movement).await["providers"].clone();
            let names: Vec<String> = providers.as_object().into_iter().flat_map(|it| it.keys().cloned()).collect();
            self.say(&format!("after {what}, {movement} is in"), names.join(" "));
        }
    }

    async fn callbacks(&mut self) {
        let google = self.world.google();
        let issuer = self.world.google_issuer().to_owned();
        let object = format!("{issuer}.{}", self.passes[MOVEMENTS[0]]);
        let signed = |message: &Value| google.signed_callback(&issuer, message);
        let save = google.callback_message("save", &object, "class");
        let mut forged = signed(&save);
        forged["signedMessage"] =
            json!(forged["signedMessage"].as_str().unwrap().replace("\"count\":1", "\"count\":2"));
        let mut stale = save.clone();
        stale["expTimeMillis"] = json!(1);
        for (what, body) in [
            ("a forged one", forged),
            ("a stale one", signed(&stale)),
            ("one for another issuer", google.signed_callback("3388000000099999999", &save)),
            ("nonsense", json!({"signature": "x"})),
            ("one of another kind", signed(&google.callback_message("activate", &object, "class"))),
            (
                "one of an unknown object",
                signed(&google.callback_message("save", &format!("{issuer}.AAAAAAAAAAAAAAAA"), "c")),
            ),
            ("a save", signed(&save)),
            ("the same again", signed(&save)),
            ("a removal", signed(&google.callback_message("del", &object, "class"))),
        ] {
            self.callback(what, &body).await;
        }
        let robots = self.side.ask("GET", "/robots.txt", &[], "").await;
        self.say("robots", String::from_utf8_lossy(&robots.body).into_owned());
    }

    async fn vibes(&mut self) {
        let secret = self.side.vibes_secret(TENANT);
        let callback = |kind: &str, event: &str, device: &str, movement: &str| {
            json!({
                "event_id": event, "event_type": kind, "event_date": format!("2026-03-14T19:38:0{event}.258+01:00"),
                "wallet_instance": {"unregistered_at": null, "wallet_instance_uid": device, "provider": "passbook"},
                "wallet_item": {"tokens": {"movement": movement, "first_name": "Calrissian"}},
                "wallet_campaign": {"token": "r3zhm8"},
            })
            .to_string()
        };
        let (install, remove) = ("wallet_item_install", "wallet_item_remove");
        for (what, method, secret, body) in [
            ("with another secret", "POST", "0".repeat(64), callback(install, "1", "phone", MOVEMENTS[0])),
            ("an installation", "POST", secret.clone(), callback(install, "1", "phone", MOVEMENTS[0])),
            ("the same again", "PUT", secret.clone(), callback(install, "1", "phone", MOVEMENTS[0])),
            ("on another device", "POST", secret.clone(), callback(install, "2", "watch", MOVEMENTS[0])),
            ("a removal from one", "POST", secret.clone(), callback(remove, "3", "phone", MOVEMENTS[0])),
            ("from the other", "POST", secret.clone(), callback(remove, "4", "watch", MOVEMENTS[0])),
            ("of nobody's", "POST", secret.clone(), callback(install, "5", "phone", "1")),
            ("of another kind", "POST", secret.clone(), callback("message_mo", "6", "phone", MOVEMENTS[0])),
            ("a pasted example", "POST", secret.clone(), "{\n  {\n  \"a\": NULL // deprecated\n}".to_owned()),
            ("as a question", "GET", secret, String::new()),
        ] {
            let path = format!("/api/{TENANT}/webhooks/listeners/vibes/{secret}");
            let headers = [("content-type", "application/json"), ("spin-client-addr", "6.6.6.6:1")];
            let reply = self.side.ask(method, &path, &headers, body).await;
            self.say_reply(&format!("Vibes, {what}"), &reply);
            self.rest().await;
            let held = self.described(MOVEMENTS[0]).await["providers"]["apple"].is_string();
            self.say("it is in Apple Wallet", held);
        }
    }

    async fn messages(&mut self) {
        let path = format!("/api/{TENANT}/passes/notifications");
        let to = json!({"passes": self.passes.values().collect::<Vec<_>>()});
        let unseen = self.side.post(TENANT, &path, &json!({"to": to, "text": "entry-changed"})).await;
        self.say_reply("sent without a look", &unseen);
        let preview = self.side.post(TENANT, &path, &json!({"to": to, "text": "entry-changed", "dryRun": true})).await;
        self.say_reply("previewed", &preview);
        let token = preview.json()["token"].clone();
        let sent = self.side.post(TENANT, &path, &json!({"to": to, "text": "entry-changed", "token": token})).await;
        self.say_reply("sent", &sent);
        self.rest().await;
        let id = sent.json()["id"].as_str().unwrap().to_owned();
        let mut told = self.side.get(TENANT, &format!("{path}/{id}")).await;
        let mut body = told.json();
        // In an order that both have.
        body["results"].as_array_mut().unwrap().sort_by_key(|result| {
            self.passes.iter().find(|(_, pass)| result["pass"] == pass.as_str()).map(|(movement, _)| *movement)
        });
        told.body = body.to_string().into();
        self.say_reply("what came of it", &told);
        self.google("asked of Google");
        let link = self.described(MOVEMENTS[0]).await["links"]["apple"].as_str().unwrap().to_owned();
        let package = Package::of(&self.side.ask("GET", &link, &[], "").await);
        let fields = package.pass["eventTicket"]["backFields"].as_array().unwrap();
        let shown: Vec<&Value> = fields.iter().filter(|field| field["key"] == "message").collect();
        self.say("the pass shows", format!("{shown:?}"));
    }

    /// Callbacks are lost at times; Google is asked once a day.
    async fn look(&mut self) {
        let object = format!("{}.{}", self.world.google_issuer(), self.passes[MOVEMENTS[1]]);
        self.side.look_at_google().await;
        self.side.other.holds(TENANT, &object, true);
        for held in [true, false] {
            self.side.other.holds(TENANT, &object, held);
            self.side.advance(DAY + 1);
            self.side.look_at_google().await;
            self.side.drive().await;
            let found = self.described(MOVEMENTS[1]).await["providers"]["google"].is_string();
            self.say("a look finds it in Google Wallet", found);
        }
    }

    /// Attributes given, found and listed, and what is said about wrong questions.
    async fn lists(&mut self) {
        let passes = format!("/api/{TENANT}/passes");
        let given =
            json!({"identifiers": {"crm.id": "4711", "email": "Ada@Example.org"}, "metadata": {"tier": "gold"}});
        let one = format!("{passes}/{}", self.passes[MOVEMENTS[0]]);
        for body in [
            given,
            json!({"metadata": {"a b": "x", "email": "ada@example.org"}}),
            json!({"identifiers": {"crm.id": null}}),
        ] {
            let patched = self.side.patch(TENANT, &one, &body).await;
            self.say_reply("given", &patched);
        }
        let movement = |n: usize, operator: &str| {
            format!(
                "?filter[0].field=identifiers.secutix.movementId&filter[0].operator={operator}&filter[0].value={}",
                MOVEMENTS[n]
            )
        };
        for query in [
            "?sortBy[0].field=identifiers.secutix.movementId&sortBy[0].direction=DESC&pageSize=1".to_owned(),
            movement(0, "equals"),
            movement(1, "notEquals"),
            "?filter[0].field=identifiers.email&filter[0].operator=equals&filter[0].value=ada@EXAMPLE.org".to_owned(),
            "?filter[0].field=metadata.tier&filter[0].operator=startsWith&filter[0].value=go&sortBy[0].field=apple"
                .to_owned(),
            "?filter[0].field=installationStatus&filter[0].operator=contains&filter[0].value=google".to_owned(),
            "?pageIndex=5".to_owned(),
            "?pageSize=0&filter[0].field=state&filter[0].operator=contains&after=x".to_owned(),
            "/findPass?email=ada@example.org".to_owned(),
            "/findPass?email=ada@example.org&crm.id=4711".to_owned(),
            "/findPass?crm.id=4711&crm.id.hmac=00".to_owned(),
        ] {
            let reply = self.side.get(TENANT, &format!("{passes}{query}")).await;
            self.say_reply(&format!("asked for {query}"), &reply);
            self.say(
                "of",
                reply.headers.get("x-pagination-total").map_or("-", |total| total.to_str().unwrap()).to_owned(),
            );
        }
        let mut address = format!("{passes}?pageSize=1&sortBy[0].field=lastUpdateDate");
        let mut walked = 0;
        while walked < 5 {
            walked += 1;
            let page = self.side.get(TENANT, &address).await;
            self.say("walked over", page.json().as_array().map_or(0, Vec::len));
            let Some(next) = page.header("link").strip_prefix('<').and_then(|link| link.split_once('>')) else { break };
            address = next.0.to_owned();
        }
        self.say("in pages", walked);
        let unproven = json!({"identifiers": {"secutix.movementId": MOVEMENTS[0], "secutix.movementId.hmac": "00"}});
        let refused =
            self.side.ask("POST", &passes, &[("content-type", "application/json")], unproven.to_string()).await;
        self.say_reply("without a key", &refused);
    }

    async fn end_by_hand(&mut self) {
        let path = format!("/api/{TENANT}/passes/{}/deactivate", self.passes[MOVEMENTS[1]]);
        for what in ["ended by hand", "ended again"] {
            let ended = self.side.post(TENANT, &path, &json!({})).await;
            self.say_reply(what, &ended);
        }
        self.rest().await;
        let state = self.described(MOVEMENTS[1]).await["state"].clone();
        self.say("it is", state);
        self.google("written for its end");
    }
}

/// Times, and identifiers of one host's own.
fn strip(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| {
                let own =
                    ["id", "token", "at", "sentAt", "expires", "correlation_id", "instance", "links", "providers"];
                !own.contains(&name.as_str()) && !name.ends_with("Date")
            });
            members.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}
