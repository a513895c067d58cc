//! Nothing that names a person and nothing that opens a door is found in the database or in what the server writes, in any usual form.
//!
//! Owns the search. What it looks for, the simulator knows: it invented it. Bound: a value of less than five bytes is looked for as a word of the
//! texts only; in ciphertext so few bytes meet by chance.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use passerelle_flow::attribute;
use passerelle_flow::identity::PassId;
use passerelle_flow::ports::Clock as _;
use passerelle_flow::store::{Attribute, AttributeKind, Attributes as _};
use passerelle_server::host::SystemRandom;
use passerelle_simulator::{Behaviour, Holder, Iphone, Origin, Simulator};
use rusqlite::types::ValueRef;
use tracing_subscriber::fmt::MakeWriter;

use crate::house::{House, until};
use crate::process::Process;

/// Bytes that a form must have to be looked for among random bytes: five of them meet once in 10^12.
const SHORTEST: usize = 5;

/// Set in the process that does the work of the test that looks at everything its process writes.
const ALONE: &str = "PASSERELLE_TEST_PRIVACY_ALONE";

/// What must not be found: what it is, and the value.
type Secrets = BTreeSet<(&'static str, String)>;

/// The value in every form in which something might have written it.
fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_vec(), hex::encode(value).into_bytes(), hex::encode_upper(value).into_bytes()];
    // Base64 of a text that has it somewhere: three alignments, without the characters that its neighbours have a part in.
    for (before, shared) in [(0, 0), (1, 2), (2, 3)] {
        let padded = [&vec![0; before], value].concat();
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded).into_bytes();
            let end = text.len() - usize::from(padded.len() % 3 != 0);
            forms.push(text[shared.min(end)..end].to_vec());
        }
    }
    forms
}

/// Looks for many values in one pass.
struct Search {
    by_beginning: HashMap<[u8; SHORTEST], Vec<(&'static str, Vec<u8>)>>,
    words: HashMap<String, &'static str>,
}

impl Search {
    fn new(secrets: &Secrets) -> Self {
        let mut search = Self { by_beginning: HashMap::new(), words: HashMap::new() };
        for (what, value) in secrets {
            let what = *what;
            for spelling in BTreeSet::from([value.clone(), value.to_lowercase(), value.to_uppercase()]) {
                search.words.insert(spelling.clone(), what);
                for form in forms(spelling.as_bytes()) {
                    if let Some(beginning) = form.first_chunk() {
                        search.by_beginning.entry(*beginning).or_default().push((what, form.clone()));
                    }
                }
            }
        }
        search
    }

    /// Kinds of values that are somewhere in the bytes.
    fn in_bytes(&self, bytes: &[u8]) -> BTreeSet<&'static str> {
        let mut found = BTreeSet::new();
        for (at, window) in bytes.windows(SHORTEST).enumerate() {
            let Some(candidates) = window.first_chunk().and_then(|beginning| self.by_beginning.get(beginning)) else {
                continue;
            };
            found.extend(candidates.iter().filter(|(_, form)| bytes[at..].starts_with(form)).map(|(what, _)| *what));
        }
        found
    }

    /// The same in a text, where short values are looked for as whole words.
    fn in_text(&self, text: &[u8]) -> BTreeSet<&'static str> {
        let mut found = self.in_bytes(text);
        let text = String::from_utf8_lossy(text);
        found.extend(text.split(|c: char| !c.is_alphanumeric()).filter_map(|word| self.words.get(word).copied()));
        found
    }
}

/// Everything that the world knows and a server must not tell.
fn secrets(world: &Simulator, phone: &Iphone, tenant: &Path) -> Secrets {
    let mut secrets = Secrets::new();
    for contact in world.secutix().contacts() {
        secrets.insert(("first name", contact.first_name));
        secrets.insert(("last name", contact.last_name));
        secrets.insert(("email", contact.email));
    }
    for order in world.secutix().files().iter().flat_map(|file| &file.orders) {
        secrets.insert(("order token", order.secret.clone()));
        for movement in &order.movements {
            secrets.insert(("first name", movement.holder.first_name.clone()));
            secrets.insert(("last name", movement.holder.last_name.clone()));
            secrets.extend(movement.tickets.iter().map(|ticket| ("barcode", ticket.barcode.clone())));
        }
    }
    secrets.extend(world.push().records().into_iter().map(|record| ("push token", record.token)));
    secrets.insert(("push token", phone.push_token().to_owned()));
    secrets.insert(("device", phone.device().to_owned()));
    for view in phone.passes() {
        let token = view.raw["authenticationToken"].as_str().unwrap().to_owned();
        secrets.insert(("authentication token", token));
    }
    secrets.insert(("SecuTix secret", world.credentials().secret.clone()));
    secrets.insert(("sealing key", std::fs::read_to_string(tenant.join("seal.key")).unwrap().trim().to_owned()));
    for pem in [&world.pass_certificate().key_pem, &world.service_account().private_key_pem] {
        secrets.extend(pem.lines().filter(|line| line.len() == 64).map(|line| ("private key", line.to_owned())));
    }
    // "Late" and the like would be found in any English sentence.
    assert!(secrets.iter().all(|(_, value)| value.len() >= 3), "too short to be looked for");
    secrets
}

/// The database's files, byte for byte.
fn files(store: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for suffix in ["", "-wal", "-shm"] {
        let path = format!("{}{suffix}", store.display());
        bytes.extend(std::fs::read(path).unwrap_or_default());
    }
    bytes
}

/// Every text of every table.
fn texts(store: &Path) -> Vec<u8> {
    let database = rusqlite::Connection::open(store).unwrap();
    let mut tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut texts = Vec::new();
    for table in tables {
        let mut statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                if let ValueRef::Text(text) = row.get_ref(column).unwrap() {
                    texts.extend_from_slice(text);
                    texts.push(b'\n');
                }
            }
        }
    }
    texts
}

/// What is written to it is kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[test]
fn the_search_finds_a_value_in_every_form_and_nothing_else() {
    let secrets = Secrets::from([("last name", "Kovalevskaya".to_owned()), ("first name", "Ève".to_owned())]);
    let search = Search::new(&secrets);
    let name = b"Kovalevskaya";
    for before in 0..4 {
        let text = [&b"abcd"[..before], name, b", Sofia"].concat();
        for written in [
            text.clone(),
            hex::encode(&text).into_bytes(),
            hex::encode_upper(&text).into_bytes(),
            STANDARD_NO_PAD.encode(&text).into_bytes(),
            URL_SAFE_NO_PAD.encode(&text).into_bytes(),
            String::from_utf8(text).unwrap().to_uppercase().into_bytes(),
        ] {
            let shown = String::from_utf8_lossy(&written).into_owned();
            assert_eq!(search.in_bytes(&written), BTreeSet::from(["last name"]), "{shown}");
        }
    }
    assert_eq!(search.in_text("name=\"Ève\"".as_bytes()), BTreeSet::from(["first name"]));
    assert_eq!(search.in_text("Èverything, Kovalevsky".as_bytes()), BTreeSet::new());
}

#[test]
fn after_the_demo_nothing_of_it_is_in_the_database_or_in_the_log() {
    // In a process of its own: what the tests beside it write is not meant, and a subscriber of the whole process sees every thread.
    if std::env::var_os(ALONE).is_none() {
        let name = "privacy::after_the_demo_nothing_of_it_is_in_the_database_or_in_the_log";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let output = child.args(["--exact", name, "--nocapture"]).env(ALONE, "1").output().unwrap();
        let (told, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && told.contains("1 passed"), "{told}\n{error}");
        return;
    }
    let log = Kept::default();
    // Without times: `.414441Z` is a first name in hexadecimal, and came.
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).without_time();
    tracing::subscriber::set_global_default(subscriber.with_writer(log.clone()).finish()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let house = House::new().await;
        passerelle_server::demo::play(&house.stage).await.unwrap();
        // What goes wrong is written about as well.
        let secutix = house.stage.world.secutix();
        let sale =
            secutix.sell_single("CARMEN", Holder::new("Hypatia", "Alexandrina"), Origin::TicketShop).await.unwrap();
        house.stage.rest().await.unwrap();
        house.stage.put_on_phones(sale.file().unwrap()).await.unwrap();
        secutix.oddities(|odd| odd.truncated = 1);
        house.stage.world.google().script([400, 503]);
        secutix.reprint(sale.movement().unwrap(), Origin::TicketShop).await.unwrap();
        until("the unreadable answer", async || {
            house.outcomes(sale.file().unwrap()).await.iter().any(|outcome| outcome == "unreadable")
        })
        .await;
        house.stage.rest().await.unwrap();
        let link = house.stage.iphone.passes()[0].serial.clone();
        house.send("GET", &format!("/api/demo/passes/{link}?token=tampered"), &[("x-api-key", "psk_x")], "").await;
        house.notify(&serde_json::json!({"orderSecretToken": 7, "who": "Kovalevskaya"})).await;
        // It is accepted, and a text that is no code is kept of it nowhere.
        let unknown =
            serde_json::json!({"orderSecretToken": "nobodys", "state": "Sofia Kovalevskaya", "lastUpdate": null});
        assert_eq!(house.notify(&unknown).await.status, 200);
        let complaint = serde_json::json!({"logs": ["Kovalevskaya"]}).to_string();
        house.send("POST", "/apple/demo/v1/log", &[("content-type", "application/json")], complaint).await;

        let tenant = house.folder.path().join("tenants/demo");
        let mut secrets = secrets(&house.stage.world, &house.stage.iphone, &tenant);
        tell_a_crm(&house, sale.movement().unwrap(), &mut secrets).await;
        let key = house.stage.caller.key();
        secrets.insert(("API key", key[key.len() - 43..].to_owned()));
        assert!(secrets.len() > 50, "{}", secrets.len());
        let search = Search::new(&secrets);
        let movement = sale.movement().unwrap().to_string();
        let known = Search::new(&Secrets::from([("movement", movement)]));

        let store = house.stage.settings.store.clone();
        let written = log.0.lock().unwrap().clone();
        for (place, found, control) in [
            ("the database's files", search.in_bytes(&files(&store)), known.in_bytes(&files(&store))),
            ("the database's texts", search.in_text(&texts(&store)), known.in_text(&texts(&store))),
        ] {
            assert_eq!(found, BTreeSet::new(), "in {place}");
            assert_eq!(control, BTreeSet::from(["movement"]), "the search does not see {place}");
        }
        assert_no_secret_in_log(&search, &written);
        // The reasons are told, in words.
        let log = String::from_utf8_lossy(&written);
        for why in
            ["the ticket was printed again", "it was exchanged for another ticket", "another person took the place"]
        {
            assert!(log.contains(&format!("because {why}")), "{why}");
        }
        house.end().await;
        // The log is merged into the file when the store is closed.
        assert_eq!(search.in_bytes(&files(&store)), BTreeSet::new());
    });
}

/// A CRM joins by an e-mail address, has a secret in its address, and answers with what it was told; all of which is nobody else's business.
async fn tell_a_crm(house: &House, movement: i64, secrets: &mut Secrets) {
    const EMAIL: &str = "theano@crotona.example";
    let stage = &house.stage;
    let key = house.key_for(&["Webhook.Read", "Webhook.Write"]).await;
    let desk = stage.world.crm().desk("crm");
    desk.behave(Behaviour::Echoes);
    let draft = serde_json::json!({
        "endpoint": format!("{}?door=Pythagoras-own-door", desk.url()), "events": ["*"], "description": "for Damo of Samos",
    });
    let headers = [("x-api-key", key.as_str())];
    let made = house.send("POST", "/api/demo/webhooks", &headers, draft.to_string()).await.json();
    secrets.insert(("webhook secret", made["signatureSecret"].as_str().unwrap().to_owned()));
    secrets.insert(("webhook address", "Pythagoras-own-door".to_owned()));
    secrets.insert(("description", "Damo of Samos".to_owned()));
    secrets.insert(("identifier", EMAIL.to_owned()));
    secrets.insert(("API key", key[key.len() - 43..].to_owned()));
    let flow = &stage.server().unwrap().flow;
    let tenant = flow.host.tenants.get(&stage.tenant).unwrap();
    let found = house.get(&format!("/api/demo/passes/findPass?secutix.movementId={movement}")).await;
    let pass = PassId::parse(std::str::from_utf8(&found.body).unwrap()).unwrap();
    let value = attribute::value(AttributeKind::Identifier, EMAIL).unwrap();
    let value = attribute::keep(&tenant.keys, &SystemRandom, &tenant.id, &pass, "crm.email", &value).unwrap();
    let email = Attribute { kind: AttributeKind::Identifier, name: "crm.email".to_owned(), value };
    let now = stage.server().unwrap().clock.now();
    assert!(flow.host.store.set_attributes(&tenant.id, &pass, vec![email], vec![], now).await.unwrap());
    stage.world.secutix().reprint(movement, Origin::TicketShop).await.unwrap();
    // The search would find it: the CRM has it in the clear.
    until("the CRM to be told", async || {
        desk.taken().iter().any(|one| one.json["data"]["properties"]["identifiers"]["crm.email"] == EMAIL)
    })
    .await;
    let id = made["id"].as_str().unwrap();
    let event = desk.taken().last().unwrap().id().to_owned();
    until("the answer to be kept", async || {
        let path = format!("/api/demo/webhooks/{id}/deliveries/{event}");
        let told = house.send("GET", &path, &headers, "").await.json();
        told["attempts"][0]["response"].as_str().is_some_and(|response| response.contains(EMAIL))
    })
    .await;
}

/// Line by line, so that a failure shows the line.
fn assert_no_secret_in_log(search: &Search, log: &[u8]) {
    let text = String::from_utf8_lossy(log);
    assert!(text.contains("notification accepted"), "the log was not captured");
    let mut lines =
        text.lines().map(|line| (line, search.in_text(line.as_bytes()))).filter(|(_, found)| !found.is_empty());
    if let Some((line, found)) = lines.next() {
        panic!("{found:?} in {} lines of the log, such as: {line}", 1 + lines.count());
    }
}

/// Callbacks of items whose tokens name a person; what of them must not be found.
async fn told_by_vibes(process: &Process, tenant: &Path, movement: i64) -> Secrets {
    let vibes = process.world.vibes();
    let secret = std::fs::read_to_string(tenant.join("vibes.path")).unwrap();
    let url = format!("{}/api/demo/webhooks/listeners/vibes/{secret}", process.base());
    for kind in ["wallet_item_install", "wallet_item_remove"] {
        vibes.registered(kind, "r3zhm8", &url);
    }
    let person = [("first name", "Calrissianova"), ("last name", "Bespinskaya"), ("email", "lando@bespin.example")];
    let mut secrets = Secrets::from([("path secret", secret), ("Vibes password", vibes.password().to_owned())]);
    secrets.extend(person.map(|(what, value)| (what, value.to_owned())));
    // One of ours, and one that is nobody's.
    for movement in [movement, 1] {
        let mut tokens = serde_json::Map::from_iter(person.map(|(what, value)| (what.to_owned(), value.into())));
        tokens.insert("movement".to_owned(), movement.to_string().into());
        let instance = vibes.install(&vibes.item("r3zhm8", tokens), "apple").await;
        assert!(vibes.remove(&instance).await);
        secrets.insert(("device", instance));
    }
    let answers: Vec<_> = vibes.deliveries().into_iter().map(|it| it.statuses).collect();
    assert_eq!(answers, vec![vec![200]; 4], "they came, and were read");
    secrets
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_server_tells_nothing_however_much_it_is_told_to_write() {
    let mut process = Process::new().await;
    let secutix = process.world.secutix().clone();
    let holders = vec![Holder::new("Hypatia", "Alexandrina"), Holder::new("Hildegard", "Bingensis")];
    let sale = secutix.sell_family("FLUTE", holders, Origin::TicketShop).await.unwrap();
    process.rest().await;
    let held = process.put_on_phones(sale.file().unwrap()).await;
    let movements = sale.movements();
    secutix.change_holder(movements[0], Holder::new("Trotula", "Salernitana"), Origin::TicketShop).await.unwrap();
    process.rest().await;
    secutix.cancel(movements[1]).await.unwrap();
    process.rest().await;
    assert!(process.iphone.remove(&held[1].serial).await);
    process.iphone.wipe();
    secutix.reprint(movements[0], Origin::TicketShop).await.unwrap();
    process.rest().await;
    let tenant = process.folder.path().join("tenants/demo");
    let mut secrets = secrets(&process.world, &process.iphone, &tenant);
    secrets.extend(told_by_vibes(&process, &tenant, movements[0]).await);
    process.rest().await;
    let key = process.caller().key();
    secrets.insert(("API key", key[key.len() - 43..].to_owned()));
    let search = Search::new(&secrets);
    process.kill();
    assert_no_secret_in_log(&search, &std::fs::read(process.log()).unwrap());
    // A killed server leaves its write-ahead log behind.
    assert_eq!(search.in_bytes(&files(&process.store())), BTreeSet::new());
    assert_eq!(search.in_text(&texts(&process.store())), BTreeSet::new());
    let movement = Search::new(&Secrets::from([("movement", movements[0].to_string())]));
    assert_eq!(movement.in_bytes(&files(&process.store())), BTreeSet::from(["movement"]));
}
