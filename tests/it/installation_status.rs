//! What phones do, and what SecuTix is told of it: external references and PRINTED, seen from SecuTix's side.

use std::collections::BTreeMap;
use std::path::Path;

use passerelle_flow::ports::Clock as _;
use passerelle_server::demo::stage::StageOptions;
use passerelle_simulator::{Holder, Iphone, Origin, TicketState};
use serde_json::Value;

use crate::house::{House, LIMIT, until};

/// A ticket that was sold, and where its holder finds its passes.
pub struct Sale {
    pub movement: i64,
    pub ticket: i64,
    pub serial: String,
    pub apple: String,
    pub google: String,
}

pub fn reporting() -> StageOptions {
    StageOptions { reports: true, ..StageOptions::default() }
}

impl House {
    pub async fn sale(&self, first_name: &str) -> Sale {
        let secutix = self.stage.world.secutix();
        let holder = Holder::new(first_name, "Lovelace");
        let file = secutix.sell_single("CARMEN", holder, Origin::TicketShop).await.unwrap().file().unwrap();
        self.stage.rest().await.unwrap();
        let tickets = self.get(&format!("/api/demo/external/secutix/orders/getTicketsUrl/{file}")).await.json();
        let text = |pointer: &str| tickets["tickets"][0].pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        let movement = text("/movementId").parse().unwrap();
        Sale {
            movement,
            ticket: secutix.ticket_ids(movement).unwrap().ticket,
            serial: text("/pass/id"),
            apple: text("/pass/links/apple"),
            google: text("/pass/links/google"),
        }
    }

    pub async fn save(&self, sale: &Sale) -> String {
        let link = self.send("GET", &sale.google, &[], "").await.header("location").to_owned();
        self.stage.android.save(&link).await.unwrap().remove(0).object_id
    }

    /// What SecuTix holds of the movement, once nothing is left to be told.
    pub async fn references(&self, sale: &Sale) -> BTreeMap<String, String> {
        self.stage.rest().await.unwrap();
        self.stage.world.secutix().movement_references(sale.movement)
    }

    /// Status and device, as SecuTix has them.
    async fn standing(&self, sale: &Sale) -> (String, String) {
        let references = self.references(sale).await;
        let text = |key: &str| references.get(key).cloned().unwrap_or_default();
        (text("twc.status"), text("twc.device"))
    }

    /// Every key that was written, in order, since `from` writes.
    fn written(&self, from: usize) -> Vec<String> {
        let calls = self.stage.world.secutix().calls();
        let writes = calls.iter().filter(|call| call.endpoint == "updateExternalReferences" && call.status == 200);
        let key = |body: &str| -> String {
            let body: Value = serde_json::from_str(body).unwrap();
            let part = &body["externalReference"];
            format!("{}={}", part["key"].as_str().unwrap(), part["value"].as_str().unwrap())
        };
        writes.skip(from).map(|call| key(&call.body)).collect()
    }

    /// Kinds of what happened to the pass, in their order.
    pub fn happened(&self, sale: &Sale) -> Vec<(i64, String, Value)> {
        let path: &Path = &self.stage.settings.store;
        let store = rusqlite::Connection::open(path).unwrap();
        let mut found =
            store.prepare("SELECT seq, type, properties FROM happening WHERE pass = ?1 ORDER BY seq").unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            let properties: String = row.get(2)?;
            Ok((row.get(0)?, row.get(1)?, serde_json::from_str(&properties).unwrap()))
        };
        found.query_map([&sale.serial], row).unwrap().map(Result::unwrap).collect()
    }
}

fn is(status: &str, device: &str) -> (String, String) {
    (status.to_owned(), device.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_phones_do_is_written_into_secutix_and_only_what_differs() {
    let house = House::with(reporting()).await;
    let sale = house.sale("Ada").await;
    assert_eq!(house.references(&sale).await, BTreeMap::new(), "most passes are never installed");

    let iphone = &house.stage.iphone;
    iphone.add(&sale.apple).await.unwrap();
    let expected = [
        ("twc.device", "apple"),
        ("twc.passId", sale.serial.as_str()),
        ("twc.passType", "event-ticket"),
        ("twc.status", "installed"),
    ];
    let expected: BTreeMap<_, _> = expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    assert_eq!(house.references(&sale).await, expected);
    assert_eq!(house.written(0).len(), 4);

    let object = house.save(&sale).await;
    assert_eq!(house.standing(&sale).await, is("installed", "apple+google"));
    assert_eq!(house.written(4), ["twc.device=apple+google"]);

    // A second phone, and one of the two taken off again: nothing that SecuTix has a word for.
    let second = house.stage.world.iphone("Ada's watch");
    second.add(&sale.apple).await.unwrap();
    assert_eq!(house.standing(&sale).await, is("installed", "apple+google"));
    assert!(second.remove(&sale.serial).await);
    assert_eq!(house.standing(&sale).await, is("installed", "apple+google"));
    assert_eq!(house.written(5), Vec::<String>::new());

    assert!(iphone.remove(&sale.serial).await);
    assert_eq!(house.standing(&sale).await, is("installed", "google"));
    assert!(house.stage.android.remove(&object).await);
    assert_eq!(house.standing(&sale).await, is("uninstalled", "-"));
    assert_eq!(house.written(5), ["twc.device=google", "twc.status=uninstalled", "twc.device=-"]);

    iphone.add(&sale.apple).await.unwrap();
    assert_eq!(house.standing(&sale).await, is("installed", "apple"));

    let kinds: Vec<_> = house.happened(&sale).into_iter().map(|(seq, kind, _)| format!("{seq} {kind}")).collect();
    assert_eq!(
        kinds,
        [
            "1 Pass:Created",
            "2 Pass:Installed",
            "3 Pass:Installed",
            "4 Pass:Installed",
            "5 Pass:Uninstalled",
            "6 Pass:Uninstalled",
            "7 Pass:Installed"
        ]
    );
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crm_is_told_of_an_installation_has_all_its_fields() {
    let house = House::with(reporting()).await;
    let sale = house.sale("Ada").await;
    house.stage.iphone.add(&sale.apple).await.unwrap();
    house.save(&sale).await;
    house.stage.rest().await.unwrap();
    let happened = house.happened(&sale);
    let told = &happened[2].2;
    let is = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (is("walletStatus"), is("walletLastEvent"), is("device")),
        ("both".into(), "installed".into(), "google".into())
    );
    for name in ["appleWalletInstalledAt", "googleWalletInstalledAt", "walletLastChangedAt"] {
        is(name).parse::<jiff::Timestamp>().unwrap();
    }
    assert_eq!(is("walletLastChangedAt"), is("googleWalletInstalledAt"));
    assert_eq!(told["identifiers"]["secutix.movementId"], sale.movement.to_string());
    assert_eq!(
        (is("passId"), is("passType"), is("passKind")),
        (sale.serial.clone(), "event-ticket".into(), "eventTicket".into())
    );
    assert_eq!(told.get("missingIdentifier"), None, "the tenant joins by nothing else");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_without_the_identifier_that_the_crm_joins_by_says_so() {
    let joined = |text: String| format!("{text}\n[crm]\nidentifier = \"customerId\"\n");
    let from_secutix =
        |text: String| format!("{text}\n[crm]\nidentifier = \"customerId\"\nfrom = \"cultural-contact\"\n");
    for (change, missing) in [(joined as fn(String) -> String, true), (from_secutix, false)] {
        let house = House::with(StageOptions { tenant: Some(change), ..reporting() }).await;
        let sale = house.sale("Ada").await;
        house.stage.iphone.add(&sale.apple).await.unwrap();
        house.stage.rest().await.unwrap();
        for (_, kind, told) in house.happened(&sale) {
            let contact = told["identifiers"].get("customerId").and_then(Value::as_str);
            assert_eq!(told.get("missingIdentifier").is_some(), missing, "{kind}");
            assert_eq!(contact.is_some(), !missing, "{kind}");
            if let Some(contact) = contact {
                assert!(house.stage.world.secutix().contact(contact).is_some());
            }
        }
        house.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_printed_once_on_the_first_add_and_never_taken_back() {
    let house = House::with(reporting()).await;
    let secutix = house.stage.world.secutix();
    secutix.oddities(|odd| odd.tickets_unprinted = true);
    let sale = house.sale("Ada").await;
    assert_eq!(secutix.ticket_state(sale.ticket), Some(TicketState::NotPrinted));
    let iphone = &house.stage.iphone;
    iphone.add(&sale.apple).await.unwrap();
    house.stage.rest().await.unwrap();
    assert_eq!(secutix.ticket_state(sale.ticket), Some(TicketState::Printed));
    // The other wallet, a removal and a repetition are none.
    house.save(&sale).await;
    assert!(iphone.remove(&sale.serial).await);
    house.stage.rest().await.unwrap();
    iphone.add(&sale.apple).await.unwrap();
    house.stage.rest().await.unwrap();
    assert_eq!(secutix.prints().len(), 1);
    assert_eq!(secutix.ticket_state(sale.ticket), Some(TicketState::Printed));

    // A reprint is another ticket, which the pass on the phone carries.
    secutix.reprint(sale.movement, Origin::TicketShop).await.unwrap();
    let reprinted = secutix.ticket_ids(sale.movement).unwrap();
    let barcode = Some(reprinted.barcode.clone());
    iphone.wait_until(|view| view.serial == sale.serial && view.barcode == barcode, LIMIT).await.unwrap();
    house.stage.rest().await.unwrap();
    let tickets: Vec<_> = secutix.prints().into_iter().map(|print| print.ticket).collect();
    assert_eq!(tickets, [sale.ticket, reprinted.ticket]);
    assert_eq!(secutix.ticket_state(reprinted.ticket), Some(TicketState::Printed));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_interface_takes_the_same_report() {
    let import = |text: String| {
        text.replace("external-printing\"\nurl", "import-printing-status\"\nurl")
            .replace("/tnseb/external-printing/updatePrintingStatus", "/tnai/file-interface/importPrintingStatus")
    };
    let house = House::with(StageOptions { tenant: Some(import), ..reporting() }).await;
    let sale = house.sale("Ada").await;
    house.save(&sale).await;
    house.stage.rest().await.unwrap();
    let prints = house.stage.world.secutix().prints();
    let prints: Vec<_> = prints.iter().map(|print| (print.way.as_str(), print.ticket)).collect();
    assert_eq!(prints, [("importPrintingStatus", sale.ticket)]);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_switch_is_the_tenants_own() {
    // Neither, which is the example's.
    let house = House::new().await;
    let sale = house.sale("Ada").await;
    house.stage.iphone.add(&sale.apple).await.unwrap();
    assert_eq!(house.references(&sale).await, BTreeMap::new());
    assert_eq!(house.stage.world.secutix().prints(), []);
    house.end().await;
    // Printing alone.
    let quiet = |text: String| text.replace("persist_installation_status = true", "");
    let house = House::with(StageOptions { tenant: Some(quiet), ..reporting() }).await;
    let sale = house.sale("Ada").await;
    house.stage.iphone.add(&sale.apple).await.unwrap();
    assert_eq!(house.references(&sale).await, BTreeMap::new());
    assert_eq!(house.stage.world.secutix().prints().len(), 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_card_is_written_to_its_contact() {
    let house = House::with(reporting()).await;
    let secutix = house.stage.world.secutix();
    let number = secutix.create_contact(&Holder::new("Sofia", "Kovalevskaya"), true);
    let held = house.stage.put_card(&number).await.unwrap();
    house.stage.rest().await.unwrap();
    let references = secutix.contact_references(&number);
    assert_eq!(references["twc.passId"], held.serial);
    assert_eq!(references["twc.device"], "apple+google");
    assert_eq!(references["twc.passType"], "member-card");
    assert_eq!(secutix.prints(), [], "a card is no ticket");
    house.end().await;
}

/// The removal of a pass that comes back within the quiet time.
#[tokio::test(flavor = "multi_thread")]
async fn a_quick_reinstallation_is_told_to_nobody() {
    let patient = |settings: &mut passerelle_server::config::Settings| settings.options.removal_quiet = 60_000;
    let house = House::with(StageOptions { settings: Some(patient), ..reporting() }).await;
    let sale = house.sale("Ada").await;
    let iphone = &house.stage.iphone;
    iphone.add(&sale.apple).await.unwrap();
    house.stage.rest().await.unwrap();
    let before = (house.written(0).len(), house.happened(&sale).len());
    for _ in 0..3 {
        assert!(iphone.remove(&sale.serial).await);
        iphone.add(&sale.apple).await.unwrap();
    }
    house.advance(60_001).await;
    assert_eq!(house.standing(&sale).await, is("installed", "apple"));
    assert_eq!((house.written(0).len(), house.happened(&sale).len()), before);
    // One that stays away is told when the time is over.
    assert!(iphone.remove(&sale.serial).await);
    house.advance(60_001).await;
    until("the removal is told", async || {
        house.stage.world.secutix().movement_references(sale.movement)["twc.status"] == "uninstalled"
    })
    .await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_secutix_is_away_is_written_once_as_it_stands_then() {
    let house = House::with(reporting()).await;
    let sale = house.sale("Ada").await;
    let secutix = house.stage.world.secutix();
    let (iphone, second) = (&house.stage.iphone, house.stage.world.iphone("Ada's watch"));
    secutix.oddities(|odd| odd.down = true);
    let attempts = || secutix.calls().iter().filter(|call| call.endpoint == "updateExternalReferences").count();
    for phone in [iphone, &second] {
        phone.add(&sale.apple).await.unwrap();
    }
    until("it was tried", async || attempts() > 0).await;
    let object = house.save(&sale).await;
    gone(&[iphone, &second], &sale).await;
    assert!(house.stage.android.remove(&object).await);
    house.save(&sale).await;
    until("all of it has counted", async || {
        let store = rusqlite::Connection::open(&house.stage.settings.store).unwrap();
        let sql = "SELECT count(*) FROM signal WHERE folded = 0";
        let waiting: i64 = store.query_row(sql, [], |row| row.get(0)).unwrap();
        let wallets = house.described(&sale.serial).await["providers"].clone();
        waiting == 0 && wallets.as_object().is_some_and(|wallets| wallets.keys().eq(["google"]))
    })
    .await;
    secutix.behave();
    house.advance(crate::house::BACKOFF).await;
    assert_eq!(house.standing(&sale).await, is("installed", "google"));
    let mut written = house.written(0);
    written.sort();
    let id = format!("twc.passId={}", sale.serial);
    assert_eq!(written, ["twc.device=google", id.as_str(), "twc.passType=event-ticket", "twc.status=installed"]);
    house.end().await;
}

async fn gone(phones: &[&Iphone], sale: &Sale) {
    for phone in phones {
        assert!(phone.remove(&sale.serial).await);
    }
}

/// Twenty passes are eighty writes: more than SecuTix takes in a minute, and more than reports may take of it.
#[tokio::test(flavor = "multi_thread")]
async fn reports_keep_within_the_budget_and_none_is_lost() {
    let house = House::with(reporting()).await;
    let sold = house.sold_quietly(20).await;
    let secutix = house.stage.world.secutix();
    let writes = || secutix.calls().iter().filter(|call| call.endpoint == "updateExternalReferences").count();
    until("the budget of reports is spent", async || writes() >= 48).await;
    // A void is not behind them: it is told while they wait.
    let first = &sold.held[0];
    secutix.cancel(sold.movement(0)).await.unwrap();
    house.stage.iphone.wait_until(|view| view.serial == first.serial && view.voided, LIMIT).await.unwrap();
    assert_eq!(writes(), 48);
    // A lease that a jump ends is a worker that was lost: only what waits may be overtaken.
    let waiting = async || {
        let store = rusqlite::Connection::open(&house.stage.settings.store).unwrap();
        let now = house.stage.server().unwrap().clock.now();
        let sql = "SELECT count(*) FROM effect WHERE state = 'leased' OR (state = 'ready' AND run_at <= ?1)";
        store.query_row(sql, [now], |row| row.get::<_, i64>(0)).unwrap() == 0
    };
    for _ in 0..4 {
        until("every report waits for its turn", &waiting).await;
        house.advance(61_000).await;
    }
    house.stage.rest().await.unwrap();
    for held in &sold.held {
        let told = secutix.movement_references(held.movement.parse().unwrap());
        assert_eq!(told["twc.device"], "apple+google");
    }
    // One who saved it in the other wallet after the first was told is told of once more.
    assert!((80..=100).contains(&writes()), "{}", writes());
    assert!(secutix.calls().iter().all(|call| call.status != 509), "SecuTix had to say stop");
    house.end().await;
}

impl House {
    /// Tickets of one file on the iPhone, without waiting for what SecuTix is to be told of them.
    pub async fn sold_quietly(&self, count: usize) -> crate::house::Sold {
        let holders = (0..count).map(|n| Holder::new(&format!("Ada{n}"), "Lovelace")).collect();
        let sale = self.stage.world.secutix().sell_family("CARMEN", holders, Origin::TicketShop).await.unwrap();
        let file = sale.file().unwrap();
        self.stage.rest().await.unwrap();
        let held = self.stage.put_on_phones(file).await.unwrap();
        crate::house::Sold { file, held }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echo_of_our_own_writing_changes_nothing_and_ends() {
    let house = House::with(reporting()).await;
    let sale = house.sale("Ada").await;
    let secutix = house.stage.world.secutix();
    secutix.oddities(|odd| odd.announce_references = true);
    house.stage.iphone.add(&sale.apple).await.unwrap();
    assert_eq!(house.standing(&sale).await, is("installed", "apple"));
    let file = secutix.ticket_ids(sale.movement).unwrap().file;
    house.outcome(file, "unchanged").await;
    house.stage.rest().await.unwrap();
    assert_eq!(house.written(0).len(), 4);
    assert_eq!(house.pushes().len(), 0, "the phone was told nothing");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_has_ended_is_still_told_of_when_it_is_removed() {
    let house = House::with(reporting()).await;
    let sale = house.sale("Ada").await;
    house.stage.iphone.add(&sale.apple).await.unwrap();
    house.stage.rest().await.unwrap();
    house.stage.world.secutix().cancel(sale.movement).await.unwrap();
    house.stage.iphone.wait_until(|view| view.serial == sale.serial && view.voided, LIMIT).await.unwrap();
    house.stage.rest().await.unwrap();
    assert_eq!(house.happened(&sale).last().unwrap().1, "Pass:Deactivated");
    assert!(house.stage.iphone.remove(&sale.serial).await);
    assert_eq!(house.standing(&sale).await, is("uninstalled", "-"));
    house.end().await;
}
