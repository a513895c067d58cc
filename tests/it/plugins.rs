//! A tenant's plugin on a running server: what it decides is on the pass, what it wants sent arrives, and what goes wrong stays with it.
//!
//! The plugin is the example in Rust, unless a test brings a worse one. What is asserted is what the CRM's API saw and what the pass shows.

mod commands;
mod completed;
mod exchange;
mod place;
mod trouble;
mod unruly;
mod upkeep;

use http::StatusCode;
use passerelle_server::demo::stage::StageOptions;
use passerelle_server::example::{self, PluginClient};
use passerelle_server::plugins::folder::PluginFolder;
use passerelle_simulator::{ApiCall, ApiRoute, Behaviour, CrmApi, Customer, Holder, Origin};
use serde_json::Value;

use crate::house::{House, LIMIT, until};
use crate::plugin_examples::example as component;
use crate::process;

/// The product whose passes get the template of the plugin's.
const SPECIAL: &str = "CARMEN";
const CLIENT: PluginClient<'static> = PluginClient { id: "plugin", secret: "a secret of the CRM", product: SPECIAL };

/// A house with the example plugin in force, and a CRM that knows it.
pub struct Plugged {
    pub house: House,
    pub api: CrmApi,
}

impl Plugged {
    pub async fn new() -> Self {
        let plugged = Self::without().await;
        plugged.install(&component("crm-rust")).await;
        plugged
    }

    /// With the configuration of one, and no plugin yet.
    pub async fn without() -> Self {
        let options = StageOptions { compiler: Some(process::binary()), ..StageOptions::default() };
        let house = House::with(options).await;
        let api = house.stage.world.crm().api();
        api.register(CLIENT.id, CLIENT.secret);
        let tenant = house.folder.path().join("tenants").join(example::TENANT);
        example::let_plugin_call(&tenant, &house.stage.world, &CLIENT).unwrap();
        house.stage.server().unwrap().reload_now().await;
        Self { house, api }
    }

    pub fn folder(&self) -> PluginFolder {
        PluginFolder::of(&self.house.folder.path().join("tenants"), &self.house.stage.tenant)
    }

    pub async fn install(&self, wasm: &[u8]) {
        self.folder().install(wasm).unwrap();
        self.house.stage.server().unwrap().reload_now().await;
    }

    /// Changes the tenant's configuration.
    pub async fn configure(&self, from: &str, to: &str) {
        let file = self.house.folder.path().join("tenants/demo/tenant.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&file, text.replace(from, to)).unwrap();
        self.house.stage.server().unwrap().reload_now().await;
    }

    /// A sale, until the server is at rest. Its file, and its movement.
    pub async fn sell(&self, product: &str) -> (i64, String) {
        let holder = Holder::new("Grace", "Hopper");
        let sale = self.house.stage.world.secutix().sell_single(product, holder, Origin::TicketShop).await.unwrap();
        self.house.stage.rest().await.unwrap();
        (sale.file().unwrap(), sale.movement().unwrap().to_string())
    }

    /// The first pass of a file, as the Pass API has it.
    pub async fn pass(&self, file: i64) -> Value {
        let link = self.house.stage.links(file).await.unwrap().remove(0);
        self.house.get(&format!("/api/demo/passes/{}", link.serial)).await.json()
    }

    /// Waits until the CRM has taken an event. All calls with it, in their order.
    pub async fn told(&self, event: &str) -> Vec<ApiCall> {
        let taken = |call: &ApiCall| call.received.taken && call.event() == event;
        self.api.wait_until(|calls| calls.iter().any(taken), LIMIT).await.unwrap();
        self.api.calls_to(ApiRoute::WalletEvents).into_iter().filter(|call| call.event() == event).collect()
    }

    /// Waits until no delivery to the plugin is under way: a clock that is put forward would take its lease away.
    pub async fn settled(&self) {
        until("no delivery is under way", async || {
            let reply = self.deliveries("sending").await;
            reply.is_empty()
        })
        .await;
    }

    pub async fn deliveries(&self, state: &str) -> Vec<Value> {
        let key = self.house.key_for(&["Webhook.Read"]).await;
        let path = format!("/api/demo/webhooks/plugin/deliveries?state={state}");
        let reply = self.house.with_key("GET", &path, &key, &Value::Null).await;
        assert_eq!(reply.status, StatusCode::OK);
        reply.json()["deliveries"].as_array().unwrap().clone()
    }

    /// Deliveries to the plugin that were given up.
    pub async fn dead(&self) -> Vec<Value> {
        until("something was given up", async || !self.deliveries("dead").await.is_empty()).await;
        self.deliveries("dead").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_chooses_the_template_and_adds_to_the_pass_and_an_unlisted_product_is_left_alone() {
    let plugged = Plugged::new().await;
    let (ordinary, _) = plugged.sell("FLUTE").await;
    let default = plugged.pass(ordinary).await["passType"].clone();
    // The customer is known before the sale is: SecuTix gives out movements in a row.
    let (_, before) = plugged.sell("FLUTE").await;
    let next = |after: i64| (before.parse::<i64>().unwrap() + after).to_string();
    for after in 1..2_000 {
        let customer = Customer { customer_id: "C-7".into(), tier: Some("gold".into()) };
        plugged.api.know(&next(after), customer);
    }
    let (special, _) = plugged.sell(SPECIAL).await;
    let pass = plugged.pass(special).await;
    assert_eq!(pass["passType"], example::PLUGIN_TEMPLATE);
    assert_ne!(pass["passType"], default);
    let link = plugged.house.stage.links(special).await.unwrap().remove(0);
    let view = plugged.house.stage.iphone.add(&link.apple).await.unwrap();
    assert_eq!(view.field("tier"), Some("gold"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hook_wants_sent_arrives_with_what_it_asked_for_and_a_token_that_it_never_saw() {
    let plugged = Plugged::new().await;
    let (file, movement) = plugged.sell("FLUTE").await;
    plugged.api.know(&movement, Customer { customer_id: "C-7".into(), tier: Some("gold".into()) });
    let link = plugged.house.stage.links(file).await.unwrap().remove(0);
    plugged.house.stage.iphone.add(&link.apple).await.unwrap();
    let told = plugged.told("installed").await;
    let [call] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(call.client.as_deref(), Some(CLIENT.id));
    assert_eq!(call.pass(), Some(link.serial.as_str()));
    assert_eq!((call.text("customerId"), call.text("tier")), (Some("C-7"), Some("gold")));
    assert_eq!((call.text("wallet"), call.text("walletStatus")), (Some("apple"), Some("apple")));
    assert!(call.key().ends_with(":wallet-event"), "{}", call.key());
    assert!(call.received.header("user-agent").unwrap().starts_with("Passerelle/"));
    // One token for all of it.
    assert_eq!(plugged.api.issued().len(), 1);

    assert!(plugged.house.stage.iphone.remove(&link.serial).await);
    let told = plugged.told("removed").await;
    assert_eq!(told[0].text("walletStatus"), Some("none"));
    let created = plugged.told("created").await;
    assert!(created.iter().any(|call| call.pass() == Some(&link.serial)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_failed_is_sent_again_under_its_key_and_the_hook_has_decided_once() {
    let plugged = Plugged::new().await;
    let (file, _) = plugged.sell("FLUTE").await;
    let link = plugged.house.stage.links(file).await.unwrap().remove(0);
    plugged.told("created").await;
    plugged.api.behave(ApiRoute::WalletEvents, Behaviour::Recovers { after: 1, status: 500 });
    plugged.house.stage.iphone.add(&link.apple).await.unwrap();
    let failed = |call: &ApiCall| call.event() == "installed" && !call.received.taken;
    plugged.api.wait_until(|calls| calls.iter().any(failed), LIMIT).await.unwrap();
    let asked = plugged.api.calls_to(ApiRoute::Customers).len();
    plugged.settled().await;
    plugged.house.advance(crate::house::BACKOFF).await;
    let told = plugged.told("installed").await;
    let keys: std::collections::BTreeSet<_> = told.iter().map(ApiCall::key).collect();
    assert!(told.len() >= 2 && keys.len() == 1, "{keys:?}");
    let bodies: std::collections::BTreeSet<_> = told.iter().map(|call| call.received.body.clone()).collect();
    assert_eq!(bodies.len(), 1, "a repetition says the same");
    assert_eq!(plugged.api.calls_to(ApiRoute::Customers).len(), asked, "the decision was kept, not made again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_withdrawn_is_bought_anew_and_a_client_that_is_refused_is_told() {
    let plugged = Plugged::new().await;
    let (file, _) = plugged.sell("FLUTE").await;
    plugged.told("created").await;
    plugged.api.withdraw_tokens();
    let link = plugged.house.stage.links(file).await.unwrap().remove(0);
    plugged.house.stage.iphone.add(&link.apple).await.unwrap();
    plugged.told("installed").await;
    assert_eq!(plugged.api.issued().len(), 2);
}
