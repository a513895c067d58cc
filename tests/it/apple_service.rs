//! Apple's five calls, to the letter, as a phone makes them; and the package, as something that has nothing in common with what made it sees it.

use std::process::Command;

use passerelle_server::demo::stage::Held;
use passerelle_server::reissue::{self, Pace};
use passerelle_simulator::{Origin, PushProof};
use serde_json::{Value, json};

use crate::house::{House, LIMIT, Package, Reply, Sold};

/// A phone that is played by hand.
const DEVICE: &str = "0123456789abcdef0123456789abcdef";

/// One pass as a phone knows it.
struct Known<'a> {
    house: &'a House,
    serial: String,
    proof: String,
}

impl<'a> Known<'a> {
    fn new(house: &'a House, held: &Held) -> Self {
        let pass = house.stage.apple(held).unwrap().raw;
        let token = pass["authenticationToken"].as_str().unwrap();
        assert!(token.len() >= 16);
        assert_eq!(pass["webServiceURL"], format!("{}/apple/demo", house.base()));
        Self { house, serial: held.serial.clone(), proof: format!("ApplePass {token}") }
    }

    fn registration(&self, device: &str) -> String {
        format!("{}/{}", list(self.house, device), self.serial)
    }

    fn path(&self) -> String {
        format!("/apple/demo/v1/passes/{}/{}", self.house.stage.world.pass_type(), self.serial)
    }

    async fn register(&self, device: &str, push_token: &str) -> Reply {
        let headers = [("authorization", self.proof.as_str()), ("content-type", "application/json")];
        let body = json!({"pushToken": push_token}).to_string();
        self.house.send("POST", &self.registration(device), &headers, body).await
    }

    async fn unregister(&self, device: &str) -> Reply {
        self.house.send("DELETE", &self.registration(device), &[("authorization", &self.proof)], "").await
    }

    async fn fetch(&self, since: Option<&str>) -> Reply {
        let mut headers = vec![("authorization", self.proof.as_str())];
        headers.extend(since.map(|since| ("if-modified-since", since)));
        self.house.send("GET", &self.path(), &headers, "").await
    }
}

fn list(house: &House, device: &str) -> String {
    format!("/apple/demo/v1/devices/{device}/registrations/{}", house.stage.world.pass_type())
}

/// Serials, in the order of the answer, and the tag; none for 204.
async fn listed(house: &House, device: &str, since: Option<&str>) -> Option<(Vec<String>, String)> {
    let query = since.map(|tag| format!("?passesUpdatedSince={tag}")).unwrap_or_default();
    // No proof is asked for, and none is sent.
    let reply = house.send("GET", &format!("{}{query}", list(house, device)), &[], "").await;
    if reply.status == 204 {
        assert!(reply.body.is_empty());
        return None;
    }
    assert_eq!(reply.status, 200);
    let body = reply.json();
    let tag = body["lastUpdated"].as_str().expect("an integer makes iOS ignore the list").to_owned();
    let serials = body["serialNumbers"].as_array().unwrap().iter().map(|serial| serial.as_str().unwrap().to_owned());
    Some((serials.collect(), tag))
}

async fn reprint(house: &House, sold: &Sold, index: usize) {
    house.stage.world.secutix().reprint(sold.movement(index), Origin::TicketShop).await.unwrap();
    house.up_to_date(sold).await;
    house.stage.rest().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_is_201_then_200_then_gone() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let pass = Known::new(&house, &sold.held[0]);
    assert_eq!(pass.unregister(DEVICE).await.status, 200, "a DELETE without an earlier POST");
    assert_eq!(listed(&house, DEVICE, None).await, None, "an unknown device");
    assert_eq!(pass.register(DEVICE, "aa11").await.status, 201);
    assert_eq!(pass.register(DEVICE, "aa11").await.status, 200);
    assert_eq!(listed(&house, DEVICE, None).await.unwrap().0, [sold.held[0].serial.as_str()]);
    assert_eq!(pass.unregister(DEVICE).await.status, 200);
    assert_eq!(listed(&house, DEVICE, None).await, None);
    assert_eq!(pass.unregister(DEVICE).await.status, 200);
    assert_eq!(pass.register(DEVICE, "aa11").await.status, 201, "after a DELETE it is new again");
    for wrong in ["{}", "", "[]", r#"{"pushToken":7}"#, r#"{"pushToken":""}"#, r#"{"pushToken":"../../3/device"}"#] {
        let headers = [("authorization", pass.proof.as_str()), ("content-type", "application/json")];
        assert_eq!(house.send("POST", &pass.registration(DEVICE), &headers, wrong).await.status, 400, "{wrong}");
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_serial_and_a_wrong_token_look_the_same() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada", "Grace"]).await;
    let (own, other) = (Known::new(&house, &sold.held[0]), Known::new(&house, &sold.held[1]));
    let with = |serial: &str, proof: &str| Known { house: &house, serial: serial.to_owned(), proof: proof.to_owned() };
    let bearer = own.proof.replace("ApplePass", "Bearer");
    let callers = [
        (with("AAAAAAAAAAAAAAAA", &own.proof), "an unknown serial"),
        (with("no-serial", &own.proof), "no serial"),
        (with(&own.serial, &other.proof), "the token of another pass"),
        (with(&own.serial, "ApplePass x"), "a wrong token"),
        (with(&own.serial, "ApplePass "), "an empty token"),
        (with(&own.serial, &bearer), "another scheme"),
        (with(&own.serial, ""), "an empty header"),
    ];
    let mut bodies = Vec::new();
    for (caller, what) in &callers {
        for reply in [caller.register(DEVICE, "aa11").await, caller.unregister(DEVICE).await, caller.fetch(None).await]
        {
            assert_eq!(reply.status, 401, "{what}");
            let mut body = reply.json();
            for own in ["instance", "correlation_id"] {
                body.as_object_mut().unwrap().remove(own);
            }
            bodies.push(body);
        }
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:#?}");
    assert_eq!(listed(&house, DEVICE, None).await, None, "somebody was registered all the same");
    // Without the header, and for another pass type.
    assert_eq!(house.send("GET", &own.path(), &[], "").await.status, 401);
    let foreign = own.path().replace(house.stage.world.pass_type(), "pass.com.example.other");
    assert_eq!(house.send("GET", &foreign, &[("authorization", &own.proof)], "").await.status, 401);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_has_every_serial_that_changed_since_the_tag() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada", "Grace", "Emmy"]).await;
    // A token that the push service knows: one that it does not know ends the device's registrations.
    let phone = house.stage.world.iphone("Ada's iPhone");
    for held in &sold.held {
        assert_eq!(Known::new(&house, held).register(DEVICE, phone.push_token()).await.status, 201);
    }
    let (serials, first) = listed(&house, DEVICE, None).await.unwrap();
    assert_eq!(serials.len(), 3);
    assert_eq!(listed(&house, DEVICE, Some(&first)).await, None);

    reprint(&house, &sold, 0).await;
    let (serials, second) = listed(&house, DEVICE, Some(&first)).await.unwrap();
    assert_eq!(serials, [sold.held[0].serial.as_str()]);
    reprint(&house, &sold, 1).await;
    let (mut both, third) = listed(&house, DEVICE, Some(&first)).await.unwrap();
    both.sort();
    let mut expected = [sold.held[0].serial.clone(), sold.held[1].serial.clone()];
    expected.sort();
    assert_eq!(both, expected, "not only the newest");
    assert_eq!(listed(&house, DEVICE, Some(&second)).await.unwrap().0, [sold.held[1].serial.as_str()]);
    assert_eq!(listed(&house, DEVICE, Some(&third)).await, None);
    // A tag that we never gave out is no tag.
    assert_eq!(listed(&house, DEVICE, Some("2026-03-01T00:00:00Z")).await.unwrap().0.len(), 3);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_within_the_same_second_is_no_304() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let pass = Known::new(&house, &sold.held[0]);
    let mut last = Package::of(&pass.fetch(None).await);
    let first = last.modified();
    let began = std::time::Instant::now();
    let mut changes = 0;
    // As many changes as it takes until there were more of them than seconds: two of them then were in one.
    while i64::try_from(began.elapsed().as_secs()).unwrap() + 1 >= changes {
        assert!(changes < 60, "this machine is too slow for this test");
        assert_eq!(pass.fetch(Some(&last.last_modified)).await.status, 304);
        assert!(pass.fetch(Some(&last.last_modified)).await.body.is_empty());
        reprint(&house, &sold, 0).await;
        let next = Package::of(&pass.fetch(Some(&last.last_modified)).await);
        assert!(next.modified() > last.modified());
        assert_eq!(next.barcode(), Some(house.barcode(sold.movement(0)).as_str()));
        last = next;
        changes += 1;
    }
    assert!(last.modified().as_second() - first.as_second() >= changes);
    assert_eq!(pass.fetch(Some("not a date")).await.status, 200);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_is_known_still_renews_the_push_token() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let pass = Known::new(&house, &sold.held[0]);
    assert_eq!(pass.register(DEVICE, "0a11").await.status, 201);
    assert_eq!(pass.register(DEVICE, "0b22").await.status, 200);
    reprint(&house, &sold, 0).await;
    let records = house.stage.world.push().records();
    let tokens: Vec<&str> = records.iter().map(|record| record.token.as_str()).collect();
    assert!(tokens.contains(&"0b22") && !tokens.contains(&"0a11"), "{tokens:?}");
    for record in &records {
        assert_eq!(record.topic.as_deref(), Some(house.stage.world.pass_type()));
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phones_complaints_are_taken_and_other_methods_are_not() {
    let house = House::new().await;
    let headers = [("content-type", "application/json")];
    for body in [json!({"logs": ["one", "two"]}).to_string(), "{}".to_owned(), "no JSON".to_owned(), String::new()] {
        assert_eq!(house.send("POST", "/apple/demo/v1/log", &headers, body).await.status, 200);
    }
    assert_eq!(house.send("GET", "/apple/demo/v1/log", &[], "").await.status, 405);
    assert_eq!(house.send("PUT", &list(&house, DEVICE), &[], "").await.status, 405);
    assert_eq!(house.send("GET", "/apple/nobody/v1/log", &[], "").await.status, 404);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_verifies_the_package_up_to_the_authority() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let package = house.package(&sold.held[0].serial).await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, content: &[u8]| std::fs::write(path(name), content).unwrap();
    write("signature", &package.members["signature"]);
    write("manifest.json", &package.members["manifest.json"]);
    write("root.pem", house.stage.world.authority().root_pem().as_bytes());
    let verify = |content: &str| {
        Command::new("openssl")
            .args(["cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", "-out"])
            .arg(path("out"))
            .arg("-in")
            .arg(path("signature"))
            .arg("-content")
            .arg(path(content))
            .arg("-CAfile")
            .arg(path("root.pem"))
            .output()
            .expect("openssl is needed; cargo xtask test installs it")
    };
    let verified = verify("manifest.json");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    // And it does refuse: one byte of the manifest, and another authority.
    let mut forged = package.members["manifest.json"].clone();
    forged[10] ^= 1;
    write("forged.json", &forged);
    assert!(!verify("forged.json").status.success());
    write("root.pem", passerelle_simulator::Authority::new().unwrap().root_pem().as_bytes());
    assert!(!verify("manifest.json").status.success());

    let manifest: Value = serde_json::from_slice(&package.members["manifest.json"]).unwrap();
    let mut listed: Vec<&str> = manifest.as_object().unwrap().keys().map(String::as_str).collect();
    let mut present: Vec<&str> = package.members.keys().map(String::as_str).collect();
    present.retain(|name| !["manifest.json", "signature"].contains(name));
    listed.sort_unstable();
    present.sort_unstable();
    assert_eq!(listed, present);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_between_the_download_and_the_registration_reaches_the_phone() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada", "Grace"]).await;
    let link = house.link(&sold.held[0].serial).await;
    let downloaded = house.send("GET", &link, &[], "").await;
    reprint(&house, &sold, 0).await;
    // The other phone's list is beyond that change already, by another pass.
    let phone = house.stage.world.iphone("Grace's iPhone");
    let other = house.link(&sold.held[1].serial).await;
    reprint(&house, &sold, 1).await;
    phone.add(&other).await.unwrap();
    house.stage.rest().await.unwrap();
    phone.refresh().await;

    let view = phone.add_bytes(&downloaded.body, Some(downloaded.header("last-modified").to_owned())).await.unwrap();
    let newest = Some(house.barcode(sold.movement(0)));
    assert_ne!(view.barcode, newest, "what was downloaded is old");
    let shown = phone.wait_until(|view| view.serial == sold.held[0].serial && view.barcode == newest, LIMIT).await;
    assert!(shown.is_ok(), "{:#?}", phone.log());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_passes_of_an_order_come_in_one_archive() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada", "Grace", "Emmy"]).await;
    let tickets = format!("/api/demo/external/secutix/orders/getTicketsUrl/{}", sold.file);
    let link = house.get(&tickets).await.json()["links"]["apple"].as_str().unwrap().to_owned();
    let packages = async |link: &str| {
        let reply = house.send("GET", link, &[], "").await;
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        assert_eq!(reply.header("content-type"), "application/vnd.apple.pkpasses");
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(reply.body)).unwrap();
        let mut names = Vec::new();
        for index in 0..archive.len() {
            let mut member = archive.by_index(index).unwrap();
            names.push(member.name().unwrap().into_owned());
            let mut package = Vec::new();
            std::io::Read::read_to_end(&mut member, &mut package).unwrap();
            // Each is a whole package.
            let mut inner = zip::ZipArchive::new(std::io::Cursor::new(package)).unwrap();
            assert!(inner.by_name("signature").is_ok());
        }
        names
    };
    let name = |held: &Held| format!("{}.pkpass", held.serial);
    let mut expected: Vec<String> = sold.held.iter().map(name).collect();
    expected.sort();
    let mut given = packages(&link).await;
    given.sort();
    assert_eq!(given, expected);

    house.stage.world.secutix().cancel(sold.movement(0)).await.unwrap();
    house.void(&sold.held[0]).await;
    assert_eq!(packages(&link).await.len(), 2, "a void pass is not handed out");
    // Another file's link, a forged one, none.
    let other = house.sold("CARMEN", &["Marie"]).await;
    for wrong in [link.replace(&sold.file.to_string(), &other.file.to_string()), link.replace("token=", "token=0")] {
        assert_eq!(house.send("GET", &wrong, &[], "").await.status, 401);
    }
    let bare = link.split('?').next().unwrap();
    let asked = format!("{bare}?device=apple");
    assert_eq!(house.send("GET", &asked, &[], "").await.status, 401);
    assert_eq!(house.send("GET", &asked, &[("x-api-key", house.stage.caller.key())], "").await.status, 200);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_renewal_every_phone_fetches_its_passes_again() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada", "Grace"]).await;
    let mut before = Vec::new();
    for held in &sold.held {
        before.push(house.package(&held.serial).await.modified());
    }
    let fetched = || {
        let log = house.stage.iphone.log();
        log.iter().filter(|entry| matches!(entry.event, passerelle_simulator::PhoneEvent::Replaced { .. })).count()
    };
    let (pushes, replaced) = (house.pushes().len(), fetched());
    let server = house.stage.server().unwrap();
    let pace = Pace { limit: 1, pause: std::time::Duration::ZERO };
    let lines = std::sync::Mutex::new(Vec::new());
    let now = || passerelle_flow::ports::Clock::now(&*server.clock);
    let tell = |line: String| lines.lock().unwrap().push(line);
    let raise = async |until| {
        reissue::raise(&server.flow.host.store, &house.stage.tenant, until, pace, now, tell).await.unwrap()
    };
    let done = raise(None).await;
    assert_eq!(done.passes, 2);
    assert_eq!(raise(Some(done.until)).await.passes, 0, "it goes on where it stopped, and it had come to its end");
    let told = lines.lock().unwrap().join("\n");
    assert!(told.contains(&format!("--until {}", done.until)) && told.contains("2 passes, 0 left"), "{told}");

    crate::house::until("the phone was pushed", async || house.pushes().len() > pushes).await;
    house.stage.rest().await.unwrap();
    for (held, before) in sold.held.iter().zip(before) {
        assert!(house.package(&held.serial).await.modified() > before, "a phone would be told 304");
        house.never_void(held);
    }
    crate::house::until("both were fetched again", async || fetched() >= replaced + 2).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_certificate_is_told_to_machines() {
    let house = House::new().await;
    let ready = house.send("GET", "/health/ready", &[], "").await.json();
    let days = ready["apple_certificate_days_left"].as_i64().unwrap();
    assert!((390..=396).contains(&days), "{days}");
    let metrics = house.send("GET", "/metrics", &[], "").await;
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("passerelle_apple_certificate_expires_timestamp_seconds{tenant=\"demo\"}"));
    let at: i64 = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    let now = jiff::Timestamp::now().as_second();
    // The certificate is good for whole days from its making on, so a moment more or less is a day.
    let same = |told: i64, left: i64| told.abs_diff(left) <= 1;
    assert!(same(days, (at - now) / 86_400), "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
    }
    house.advance(10 * 86_400_000).await;
    let later = house.send("GET", "/health/ready", &[], "").await.json();
    assert!(same(days - 10, later["apple_certificate_days_left"].as_i64().unwrap()), "{later}");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_order_is_added_in_one_go() {
    let house = House::new().await;
    let sold = house.sold("FLUTE", &["Ada", "Grace", "Emmy"]).await;
    let tickets = format!("/api/demo/external/secutix/orders/getTicketsUrl/{}", sold.file);
    let link = house.get(&tickets).await.json()["links"]["apple"].as_str().unwrap().to_owned();
    let phone = house.stage.world.iphone("of the family");
    let mut added: Vec<String> = phone.add_all(&link).await.unwrap().into_iter().map(|view| view.serial).collect();
    added.sort();
    let mut held: Vec<String> = sold.held.iter().map(|held| held.serial.clone()).collect();
    held.sort();
    assert_eq!(added, held);
    // Each is a pass like any other: it follows.
    house.stage.world.secutix().reprint(sold.movement(2), Origin::TicketShop).await.unwrap();
    house.up_to_date(&sold).await;
    let serial = sold.held[2].serial.clone();
    let barcode = house.package(&serial).await.barcode().unwrap().to_owned();
    let shows =
        |view: &passerelle_simulator::PassView| view.serial == serial && view.raw.to_string().contains(&barcode);
    phone.wait_until(shows, LIMIT).await.expect("the phone of the family was not told");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_key_speaks_for_its_team_without_a_certificate() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let world = &house.stage.world;
    let key = world.authority().push_key(world.team()).unwrap();
    let file = house.folder.path().join("tenants/demo/apple/push.p8");
    std::fs::write(&file, &key.private_key_pem).unwrap();
    let push_key = format!("\n[apple.push_key]\nid = \"{}\"\nkey = \"file:apple/push.p8\"\n", key.id);
    house.rewrite("tenant.toml", |text| text + &push_key).await;
    let reprinted = async || world.secutix().reprint(sold.movement(0), Origin::TicketShop).await.unwrap();
    let pushed = || world.push().records().into_iter().skip_while(|push| push.proof == PushProof::Certificate);

    world.push().know(&key, world.pass_type());
    for _ in 0..3 {
        reprinted().await;
        house.up_to_date(&sold).await;
    }
    let delivered: Vec<_> = pushed().filter(|push| push.status == 200).collect();
    assert!(delivered.len() >= 3 && delivered.iter().all(|push| push.proof == PushProof::ProviderToken));
    assert_eq!(world.push().provider_tokens(), 1, "one token for all of them");

    // One that Apple does not know: no phone is told, and a person has to act.
    let other = world.authority().push_key(world.team()).unwrap();
    std::fs::write(&file, &other.private_key_pem).unwrap();
    house.rewrite("tenant.toml", |text| text.replace(&key.id, &other.id)).await;
    reprinted().await;
    crate::house::until("Apple refuses", async || pushed().any(|push| push.status == 403)).await;
    let refused = pushed().find(|push| push.status == 403).unwrap();
    assert_eq!(refused.reason.as_deref(), Some("InvalidProviderToken"));
    house.end().await;
}
