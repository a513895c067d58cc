//! What others make of what we make: passkit-generator of our passes, a push service on Node.js of our pushes. Neither shares a line with us.
//!
//! `cargo xtask test` installs both into `target/peer`.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use passerelle_flow::apple::push::{PushOutcome, push};
use passerelle_flow::tenant::{Apple, Tenant};
use passerelle_server::demo::stage::{Held, StageOptions};
use passerelle_simulator::{Holder, PassView};
use serde_json::{Value, json};

use crate::house::{House, LIMIT, Package};

fn peer() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/peer");
    assert!(folder.join("node_modules/passkit-generator").is_dir(), "`cargo xtask test` installs what is asked here");
    folder
}

/// What passkit-generator says of a package that our keys signed.
fn opinion(house: &House, package: &Package) -> Value {
    let model = tempfile::tempdir().unwrap();
    for (path, content) in &package.members {
        let path = model.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let keys = house.folder.path().join("tenants/demo/apple");
    let output = Command::new("node").arg("check.mjs").args([model.path(), &keys]).current_dir(peer()).output();
    let output = output.expect("node is installed by `cargo xtask test`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn content() -> Value {
    json!({"warnings": [], "dropped": [], "missing": []})
}

/// The pass as its phone has it, void or not.
async fn installed(house: &House, held: &Held) -> Package {
    let pass = house.stage.apple(held).unwrap().raw;
    let path = format!("/apple/demo/v1/passes/{}/{}", house.stage.world.pass_type(), held.serial);
    let proof = format!("ApplePass {}", pass["authenticationToken"].as_str().unwrap());
    Package::of(&house.send("GET", &path, &[("authorization", &proof)], "").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn passkit_generator_takes_every_pass_without_a_warning_and_drops_nothing() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada", "Grace"]).await;
    for held in &sold.held {
        assert_eq!(opinion(&house, &installed(&house, held).await), content());
    }
    // One that was used at the entrance is complete, and stays.
    house.stage.world.secutix().scan(sold.movement(1)).await.unwrap();
    let used = |view: &PassView| view.serial == sold.held[1].serial && view.field("used").is_some();
    house.stage.iphone.wait_until(used, LIMIT).await.unwrap();
    assert_eq!(opinion(&house, &installed(&house, &sold.held[1]).await), content());
    let season = house.sold("SEASON", &["Emmy"]).await;
    assert_eq!(opinion(&house, &installed(&house, &season.held[0]).await), content());
    house.stage.world.secutix().cancel(sold.movement(0)).await.unwrap();
    house.void(&sold.held[0]).await;
    let mut void = installed(&house, &sold.held[0]).await;
    assert_eq!(void.pass["voided"], true);
    assert_eq!(opinion(&house, &void), content());
    // A judge that takes everything would prove nothing: a text where Wallet wants a number is dropped with the rest of the pass.
    let mut pass = void.pass.clone();
    pass["maxDistance"] = json!("far");
    void.members.insert("pass.json".to_owned(), pass.to_string().into_bytes());
    assert_ne!(opinion(&house, &void)["warnings"], json!([]));
    house.end().await;
}

const NFC: &str = r#"
[apple.nfc]
encryption_public_key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEs/J7ghdwu4/b6NvqzQebS+Z80FEP8ZlGdAdWDUjfPeBKaV+YOWW0l6U/4IGXnfY9NrsND1fwxAqRq0unR/LCIg=="

[[venues]]
name = "Grand Théâtre"
max_distance = 80
places = [{ latitude = 46.2, longitude = 6.14 }, { latitude = 46.21, longitude = 6.15, text = "Entrée des artistes" }]
"#;

/// In the `[barcode]` and `[apple]` of the example's card.
const CARD: [(&str, &str); 2] = [
    ("format = \"qr\"", "format = \"ean13\""),
    ("style = \"storeCard\"", "style = \"storeCard\"\nexpirationDate = \"2099-08-31T23:59:59+02:00\""),
];

const CARD_END: &str = r#"
[apple.nfc]
message = "{contact.number}"

[apple.semantics]
membershipProgramName = "{t:card}"
balance = { amount = "20.50", currencyCode = "CHF" }
wifiAccess = [{ ssid = "Foyer", password = "secret" }]

[[apple.featuredActions]]
identifier = "benefits"
type = "membershipBenefits"
url = "{settings.website}"

[[apple.featuredActions]]
identifier = "call"
type = "call"
url = "tel:+41225550100"

[[apple.back]]
key = "balance"
label = "{t:number}"
value = "{contact.number}"
numberStyle = "decimal"
attributedValue = '<a href="{settings.website}">{contact.number}</a>'

[apple.back.semantics]
membershipProgramName = "{t:card}"

[[apple.back]]
key = "until"
value = "2099-08-31T23:59:59+02:00"
dateStyle = "long"

[relevance]
locations = true
text = "{t:card}"
startDate = "2099-01-01T00:00:00+01:00"
endDate = "2099-06-30T23:59:59+02:00"

[[relevance.beacons]]
proximityUUID = "f8f589e9-ba34-4d2f-9a7b-0d2c9c2a4b11"
major = 1
minor = 65535
relevantText = "{t:card}"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_member_card_with_all_that_one_may_have_is_taken_by_others() {
    let house =
        House::with(StageOptions { tenant: Some(|text| format!("{text}\n{NFC}")), ..StageOptions::default() }).await;
    let whole = |text: String| {
        let text = CARD.iter().fold(text, |text, (from, to)| text.replacen(from, to, 1));
        format!("{text}\n{CARD_END}")
    };
    house.rewrite("templates/member-card/template.toml", whole).await;
    let contact = house.stage.world.secutix().create_contact(&Holder::new("Ada", "Lovelace"), true);
    let held = house.stage.put_card(&contact).await.unwrap();
    house.stage.rest().await.unwrap();
    let package = installed(&house, &held).await;
    let pass = &package.pass;
    assert_eq!((&pass["nfc"]["message"], &pass["semantics"]["balance"]["amount"]), (&json!(contact), &json!("20.50")));
    assert_eq!(pass["locations"].as_array().map(Vec::len), Some(2), "{pass:#}");
    assert_eq!(
        [&pass["barcodes"][0]["format"], &pass["barcodes"][1]["format"]],
        ["PKBarcodeFormatEAN13", "PKBarcodeFormatCode128"]
    );
    for key in ["beacons", "maxDistance", "relevantDates", "expirationDate", "featuredActions"] {
        assert!(pass.get(key).is_some(), "{key}: {pass:#}");
    }
    assert_eq!(opinion(&house, &package), content());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_of_a_barcode_is_known_to_others() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let mut before = "qr";
    for format in ["pdf417", "aztec", "code128", "code39", "codabar", "ean13", "i2of5"] {
        let change =
            |text: String| text.replacen(&format!("format = \"{before}\""), &format!("format = \"{format}\""), 1);
        house.rewrite("templates/event-ticket/template.toml", change).await;
        let package = installed(&house, &sold.held[0]).await;
        let told = package.pass["barcodes"][0]["format"].as_str().unwrap().to_lowercase();
        assert_eq!(told, format!("pkbarcodeformat{format}"));
        assert_eq!(opinion(&house, &package), content(), "{format}");
        before = format;
    }
    house.end().await;
}

const FULL: &str = r#"
[apple.semantics]
performerNames = ["Elīna Garanča", "{event.title}"]
artistIDs = ["1234"]
genre = "Opéra"
venueGatesOpenDate = "2026-12-01T18:00:00+01:00"
eventStartDateInfo = { date = "{event.start}", timeZone = "Europe/Zurich", unannounced = false }
silenceRequested = true
totalPrice = { amount = "45.00", currencyCode = "CHF" }

[apple.poster]
transitInformationURL = "https://www.tpg.ch"
accessibilityURL = "https://www.example.org/access"
contactVenueWebsite = "{settings.website}"
contactVenueEmail = "billets@example.org"
contactVenuePhoneNumber = "{settings.phone}"
bagPolicyURL = "{settings.website}/bags"
addOnURL = "{tenant.addOn}"
eventLogoText = "{t:ticket}"
footerBackgroundColor = "rgb(17, 34, 51)"
useAutomaticColors = false
suppressHeaderDarkening = true
auxiliaryStoreIdentifiers = [1234567890]
upcomingEvents = true

[[relevance.beacons]]
proximityUUID = "f8f589e9-ba34-4d2f-9a7b-0d2c9c2a4b11"

[[apple.additional]]
key = "info"
label = "Info"
value = "{event.title}"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_poster_ticket_has_what_the_layout_asks_for_and_others_know_all_of_it() {
    let house =
        House::with(StageOptions { tenant: Some(|text| format!("{text}\n{NFC}")), ..StageOptions::default() }).await;
    house.rewrite("templates/event-ticket/template.toml", |text| format!("{text}\n{FULL}")).await;
    let images = house.folder.path().join("tenants/demo/templates/event-ticket/images");
    // The event ticket's strip goes: a poster has a background.
    for scale in ["", "@2x", "@3x"] {
        let strip = images.join(format!("strip{scale}.png"));
        if scale == "@3x" {
            std::fs::rename(strip, images.join("background@3x.png")).unwrap();
        } else {
            std::fs::remove_file(strip).unwrap();
        }
    }
    house.rewrite("tenant.toml", |text| text).await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let package = installed(&house, &sold.held[0]).await;
    let pass = &package.pass;
    assert_eq!(pass["preferredStyleSchemes"], json!(["posterEventTicket", "eventTicket"]), "{pass:#}");
    assert_eq!(pass["nfc"]["message"], pass["barcodes"][0]["message"]);
    assert_eq!((pass["upcomingPassInformation"].as_array().map(Vec::len), pass.get("addOnURL")), (Some(1), None));
    assert_eq!(pass["semantics"]["performerNames"][0], "Elīna Garanča");
    assert_eq!(pass["semantics"]["totalPrice"], json!({"amount": "45.00", "currencyCode": "CHF"}));
    // Smaller sizes are made of the largest.
    assert!(package.members.contains_key("background.png") && package.members.contains_key("background@2x.png"));
    assert_eq!(opinion(&house, &package), content());
    house.end().await;
}

/// Ends with the test.
struct Service {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
    port: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    fn start(house: &House) -> Self {
        let authority = house.stage.world.authority();
        let identity = authority.server_identity(&["localhost"]).unwrap();
        let file = |name: &str, content: &str| {
            let path = house.folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let mut child = Command::new("node")
            .arg("push.mjs")
            .arg(file("push.pem", &identity.chain_pem))
            .arg(file("push.key", &identity.key_pem))
            .arg(file("push-authority.pem", &authority.root_pem()))
            .current_dir(peer())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is installed by `cargo xtask test`");
        let output = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let port = lines.recv_timeout(crate::house::LIMIT).expect("the push service did not start");
        Self { child, lines, port }
    }

    fn next(&self) -> Value {
        serde_json::from_str(&self.lines.recv_timeout(crate::house::LIMIT).expect("nothing arrived")).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_service_of_others_is_understood_in_all_that_it_answers() {
    let house = House::new().await;
    let service = Service::start(&house);
    let server = house.stage.server().unwrap();
    let tenant = server.flow.host.tenants.get(&house.stage.tenant).unwrap();
    let apple = Apple { push_url: format!("https://localhost:{}", service.port), ..tenant.apple.clone().unwrap() };
    let tenant = Tenant { apple: Some(apple), ..(*tenant).clone() };
    let host = &server.flow.host;
    let to = async |token: &str| push(host, &tenant, token).await.unwrap();

    assert_eq!(to("aa200").await, PushOutcome::Delivered);
    let seen = service.next();
    let topic = house.stage.world.pass_type();
    assert_eq!(
        (&seen["method"], &seen["path"], &seen["body"]),
        (&json!("POST"), &json!("/3/device/aa200"), &json!("{}"))
    );
    assert_eq!((&seen["topic"], &seen["type"], &seen["priority"]), (&json!(topic), &json!("background"), &json!("5")));
    assert_eq!(
        (&seen["certificate"], &seen["authorization"]),
        (&json!(topic), &Value::Null),
        "the certificate is the proof"
    );

    // A wave is streams of one connection.
    let mut wave = tokio::task::JoinSet::new();
    for number in 0..20 {
        let (flow, tenant) = (server.flow.clone(), tenant.clone());
        wave.spawn(async move { push(&flow.host, &tenant, &format!("{number}a200")).await.unwrap() });
    }
    assert!(wave.join_all().await.into_iter().all(|outcome| outcome == PushOutcome::Delivered));
    let connections: Vec<Value> = (0..20).map(|_| service.next()["connection"].clone()).collect();
    assert!(connections.iter().all(|connection| *connection == seen["connection"]), "{connections:?}");

    assert_eq!(to("aa410").await, PushOutcome::Gone { at: Some(1_700_000_000_000) });
    assert_eq!(to("bad").await, PushOutcome::Gone { at: None });
    let PushOutcome::Retry { after, .. } = to("aa429").await else { panic!("429 is for later") };
    assert_eq!(after, Some(Duration::from_secs(7)));
    let PushOutcome::Retry { after: None, .. } = to("aa503").await else { panic!("503 is for later") };
    for _ in 0..4 {
        service.next();
    }
    // It said GOAWAY: the next one is on another connection, and nobody has to try twice.
    assert_eq!(to("bb200").await, PushOutcome::Delivered);
    assert_ne!(service.next()["connection"], seen["connection"]);
    house.end().await;
}
