//! What is written to Google, how often, and whom it notifies.

use passerelle_simulator::{Announcement, Holder, Origin};
use serde_json::{Value, json};

use crate::house::{BACKOFF, House, Sold, until};

const DAY: i64 = 86_400_000;
/// More than Google allows in a second.
const MANY: usize = 30;

impl House {
    /// Writes of classes and objects since `from` calls, as `POST eventTicketClass`, without those that were refused for their rate.
    fn writes(&self, from: usize) -> Vec<String> {
        let calls = self.stage.world.google().calls();
        let writes = calls.iter().skip(from).filter(|call| call.status != 429 && call.method != "GET");
        let resource = |path: &str| path.strip_prefix("/walletobjects/v1/")?.split('/').next().map(str::to_owned);
        writes.filter_map(|call| Some(format!("{} {}", call.method, resource(&call.path)?))).collect()
    }

    /// One save link for every ticket of an order; what it took.
    pub async fn save_all(&self, count: usize) -> Vec<String> {
        let holders = (0..count).map(|at| Holder::new(&format!("Ada {at}"), "Lovelace")).collect();
        let sale = self.stage.world.secutix().sell_family("FLUTE", holders, Origin::TicketShop).await.unwrap();
        let file = sale.file().unwrap();
        self.stage.rest().await.unwrap();
        let path = format!("/api/demo/external/secutix/orders/getTicketsUrl/{file}");
        let link = self.get(&path).await.json()["links"]["google"].as_str().unwrap().to_owned();
        let from = self.stage.world.google().calls().len();
        let sent = self.send("GET", &link, &[("accept", "text/html")], "").await;
        assert_eq!(sent.status, 302, "{}", String::from_utf8_lossy(&sent.body));
        self.writes(from)
    }

    async fn start_later(&self, product: &str, minutes: i64) {
        let secutix = self.stage.world.secutix();
        let performance = self.performance(product);
        let start = secutix.catalogue().performances[&performance].start.clone();
        let later = start.checked_add(jiff::Span::new().minutes(minutes)).unwrap();
        secutix.reschedule(performance, later).await.unwrap();
        self.stage.rest().await.unwrap();
    }

    fn announced(&self) -> Vec<Announcement> {
        self.stage.world.google().announced()
    }

    /// The start that Google has of the pass's event.
    fn start_at_google(&self, sold: &Sold) -> String {
        let google = self.stage.world.google();
        let object = google.resource("eventTicketObject", &sold.held[0].object).unwrap();
        let class = google.resource("eventTicketClass", object["classId"].as_str().unwrap()).unwrap();
        class["dateTime"]["start"].as_str().unwrap().to_owned()
    }
}

fn count(writes: &[String], what: &str) -> usize {
    writes.iter().filter(|write| *write == what).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_is_written_once_for_all_who_save_a_ticket_of_its_event() {
    let house = House::new().await;
    let first = house.save_all(6).await;
    assert_eq!((first.len(), count(&first, "POST eventTicketClass")), (7, 1), "{first:?}");
    assert_eq!(count(&first, "POST eventTicketObject"), 6);
    let others = house.save_all(4).await;
    assert_eq!(others, ["POST eventTicketObject"; 4]);
    // A class that looks otherwise by now is written again, once.
    house.rewrite("templates/event-ticket/template.toml", |text| text.replace("\"#3a1030\"", "\"#3a1031\"")).await;
    let later = house.save_all(3).await;
    assert_eq!((later.len(), count(&later, "PUT eventTicketClass")), (4, 1), "{later:?}");
    assert_eq!(house.announced(), [], "another colour is no news");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn holders_are_notified_of_another_time_or_title_and_of_nothing_else() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada", "Grace"]).await;
    house.start_later("CARMEN", 30).await;
    let [told] = house.announced().try_into().unwrap();
    assert_eq!((told.collection, told.fields.as_slice()), ("eventTicketClass", ["dateTime"].as_slice()));
    // A reprint, a scan, another holder, another look of the template: nobody's phone rings.
    let secutix = house.stage.world.secutix();
    secutix.reprint(sold.movement(0), Origin::TicketShop).await.unwrap();
    secutix.scan(sold.movement(1)).await.unwrap();
    house.rewrite("templates/event-ticket/fr.toml", |text| text.replace("Rang", "Rangée")).await;
    house.stage.rest().await.unwrap();
    assert_eq!(house.announced().len(), 1);
    // What the template itself says of the event is another wording, not another event.
    let wording = |text: String| {
        text.replace("type = \"eventTicket\"\n", "type = \"eventTicket\"\neventName = \"{event.title} !\"\n")
    };
    house.rewrite("templates/event-ticket/template.toml", wording).await;
    secutix.reprint(sold.movement(0), Origin::TicketShop).await.unwrap();
    house.stage.rest().await.unwrap();
    house.save_all(1).await;
    assert_eq!(house.announced().len(), 1);

    let title = [("fr", "Carmen, enfin"), ("en", "Carmen at last"), ("de", "Carmen, endlich")];
    let title = title.into_iter().map(|(locale, text)| (locale.to_owned(), text.to_owned())).collect();
    house
        .rewrite("templates/event-ticket/template.toml", |text| text.replace("eventName = \"{event.title} !\"\n", ""))
        .await;
    house.start_later("CARMEN", 1).await;
    secutix.retitle("CARMEN", title).await.unwrap();
    house.stage.rest().await.unwrap();
    let announced = house.announced();
    assert_eq!(announced.last().unwrap().fields, ["eventName"], "{announced:?}");
    // The wish is of one update, and is kept nowhere.
    assert!(house.stage.google(&sold.held[0]).unwrap().object.get("notifyPreference").is_none());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fourth_change_of_a_day_arrives_without_a_notification() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    for minutes in [10, 20, 30, 40] {
        house.advance(1_000).await;
        let before = house.start_at_google(&sold);
        house.start_later("CARMEN", minutes).await;
        assert_ne!(house.start_at_google(&sold), before, "the change itself arrives");
    }
    assert_eq!(house.announced().len(), 3);
    // Google was not even asked: no update was refused.
    assert!(house.stage.world.google().calls().iter().all(|call| call.status != 400));
    // To the holder a message is a notification like others.
    let to = json!({"passes": [sold.held[0].serial.clone()]});
    let id = house.told(&to, "entry-changed").await;
    assert_eq!(house.results(&id).await[0]["google"], "silent");
    house.advance(DAY).await;
    house.start_later("CARMEN", 5).await;
    assert_eq!(house.announced().len(), 4);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_google_has_counted_more_than_we_the_change_and_the_message_arrive_silently() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let google = house.stage.world.google();
    google.exhaust_notifications(1);
    let before = house.start_at_google(&sold);
    house.start_later("CARMEN", 30).await;
    assert_ne!(house.start_at_google(&sold), before);
    assert_eq!(house.announced(), []);

    google.exhaust_notifications(1);
    let to = json!({"passes": [sold.held[0].serial.clone()]});
    let id = house.told(&to, "entry-changed").await;
    let calls = google.calls();
    let added = calls.iter().filter(|call| call.path.ends_with("/addMessage"));
    let kind = |body: &str| serde_json::from_str::<Value>(body).unwrap()["message"]["messageType"].clone();
    let added: Vec<_> = added.map(|call| (kind(&call.body), call.status)).collect();
    assert_eq!(added, [(json!("TEXT_AND_NOTIFY"), 400), (json!("TEXT"), 200)]);
    assert_eq!(house.results(&id).await[0]["google"], "silent");
    assert_eq!(house.stage.google(&sold.held[0]).unwrap().object["messages"].as_array().unwrap().len(), 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wave_that_google_slows_down_arrives_whole() {
    let house = House::new().await;
    // Another program writes with the same project: our own share is no longer the whole of it.
    house.rewrite("tenant.toml", |text| text.replace("[google]\n", "[google]\nrequests_per_second = 1000\n")).await;
    let names: Vec<String> = (0..MANY).map(|at| format!("Ada {at}")).collect();
    let sold = house.sold("FLUTE", &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let google = house.stage.world.google();
    google.limit_rate(true);
    let secutix = house.stage.world.secutix();
    for at in 0..MANY {
        secutix.reprint(sold.movement(at), Origin::TicketShop).await.unwrap();
    }
    let slowed = async || google.calls().iter().any(|call| call.status == 429);
    until("Google asks us to slow down", slowed).await;
    let arrived = async || {
        let barcode = |at: usize| house.stage.google(&sold.held[at]).unwrap().barcode;
        (0..MANY).all(|at| barcode(at) == Some(house.barcode(sold.movement(at))))
    };
    until("every barcode is the newest", arrived).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_that_google_refuses_is_stopped_at_the_first_pass() {
    let house = House::new().await;
    let google = house.stage.world.google();
    house.sold("FLUTE", &["Ada", "Grace", "Emmy"]).await;
    house.stage.server().unwrap().flow.claim_look().await.unwrap();
    let looks = || google.calls().iter().filter(|call| call.method == "GET" && call.path.contains("Object/")).count();
    let before = looks();
    // The token is refused, and so is a fresh one: the account has lost its rights.
    google.script([401, 401]);
    house.advance(DAY + BACKOFF).await;
    until("the round has begun", async || looks() == before + 2).await;
    let flow = &house.stage.server().unwrap().flow;
    assert_eq!(flow.claim_look().await.unwrap(), None, "the rest is left to the next round");
    assert_eq!(looks(), before + 2);
    house.advance(DAY + BACKOFF).await;
    until("the next round has looked at all", async || looks() == before + 5).await;
    house.end().await;
}
