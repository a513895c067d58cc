//! The last act, where it is asked for: the example plugin in each of its three languages, from its file to what a CRM hears.
//!
//! Owns the steps and what each plugin must lead to. Does not own the table (`plugin_report`) nor the plugins, which are files that were built before.
//! What is judged is what the other sides hold: the pass that the iPhone shows, and what the simulated CRM's API was asked and told with a token that it
//! had sold to this plugin.
//!
//! Nothing goes back to SecuTix in this act: the one before has shown that, and has spent the minute's budget for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use passerelle_flow::ports::{Plugins as _, Random as _};
use passerelle_sandbox::{SIZE, artefact};
use passerelle_simulator::{ApiCall, ApiRoute, Change, CrmApi, Customer, Delivery, Holder, Origin, PhoneEvent};

use super::plugin_report::{PluginEvent, PluginRow};
use super::say;
use super::stage::{LIMIT, Link, Stage};
use crate::example;
use crate::host::SystemRandom;
use crate::plugins::folder::{self, PluginFolder};

/// The product whose tickets are to have the special template, although SecuTix's comfort variable says another one; and one that is left alone.
const SPECIAL: &str = "CARMEN";
const ORDINARY: &str = "FLUTE";

/// One of the three: its file's name and its client's, its language, and the tier of the customer who buys, another for each.
struct Example {
    name: &'static str,
    language: &'static str,
    tier: &'static str,
}

const EXAMPLES: [Example; 3] = [
    Example { name: "crm-rust", language: "Rust", tier: "gold" },
    Example { name: "crm-js", language: "JavaScript", tier: "silver" },
    Example { name: "crm-python", language: "Python", tier: "platinum" },
];

/// What a pass leads to, in its order.
const EVENTS: [&str; 4] = ["created", "installed", "updated", "removed"];

/// Plays all three with the files of `plugins`, on a stage whose configuration is in `folder`.
pub(super) async fn play(stage: &Stage, folder: &Path, plugins: &Path) -> anyhow::Result<Vec<PluginRow>> {
    example::report_nothing(folder)?;
    let mut rows = Vec::new();
    for example in &EXAMPLES {
        let file = plugins.join(example.name).with_extension("wasm");
        rows.push(match folder::read(&file, SIZE)? {
            Some(wasm) => Act::begin(stage, folder, example, &wasm).await?.play().await?,
            None => PluginRow {
                missing: vec![format!("{}: `cargo xtask plugins` builds it", file.display())],
                ..PluginRow::of(example.name, example.language)
            },
        });
    }
    Ok(rows)
}

/// One plugin, in force.
struct Act<'a> {
    stage: &'a Stage,
    api: CrmApi,
    example: &'a Example,
    row: PluginRow,
}

impl<'a> Act<'a> {
    /// As an operator does it: the table in `tenant.toml`, the secret beside it, and the file.
    async fn begin(stage: &'a Stage, folder: &Path, example: &'a Example, wasm: &[u8]) -> anyhow::Result<Self> {
        let server = stage.server().context("a plugin's file is installed on a server; on Spin it is a component")?;
        let mut row = PluginRow::of(example.name, example.language);
        row.bytes = wasm.len();
        say(&format!(
            "Installing {} ({} KB), and following a ticket with it ...",
            example.name,
            wasm.len().div_ceil(1024)
        ));
        let api = stage.world.crm().api();
        let secret = STANDARD.encode(SystemRandom.bytes::<32>());
        api.register(example.name, &secret);
        let began = Instant::now();
        example::let_plugin_call(
            &folder.join("tenants").join(example::TENANT),
            &stage.world,
            &example::PluginClient { id: example.name, secret: &secret, product: SPECIAL },
        )?;
        PluginFolder::of(&stage.settings.tenants, &stage.tenant).install(wasm)?;
        server.reload_now().await;
        row.in_force_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let host = &server.flow.host;
        let tenant = host.tenants.get(&stage.tenant).context("the tenant is gone")?;
        let installed = host.plugins.presence(&tenant).installed();
        if installed.is_none_or(|installed| installed.digest != artefact::digest(wasm)) {
            row.missing.push("in force: `passerelle plugin check` says what is wrong with the file".to_owned());
        }
        Ok(Self { stage, api, example, row })
    }

    async fn play(mut self) -> anyhow::Result<PluginRow> {
        if !self.row.missing.is_empty() {
            return Ok(self.row);
        }
        let (special, ordinary) = self.sell().await?;
        self.expect(&special, "created").await;
        self.expect(&ordinary, "created").await;
        self.phone(&special).await?;
        self.templates(&special, &ordinary).await?;
        self.judge(&special, &ordinary);
        self.row.ok = self.row.missing.is_empty();
        Ok(self.row)
    }

    /// Two tickets. The CRM knows who bought the first before anybody hears of the sale.
    async fn sell(&self) -> anyhow::Result<(Link, Link)> {
        let secutix = self.stage.world.secutix();
        secutix.set_delivery(Delivery::batched());
        let sales = async {
            let special = secutix.sell_single(SPECIAL, Holder::new("Grace", "Hopper"), Origin::TicketShop).await?;
            let ordinary = secutix.sell_single(ORDINARY, Holder::new("Alan", "Turing"), Origin::TicketShop).await?;
            anyhow::Ok((special, ordinary))
        };
        let sales = sales.await;
        secutix.set_delivery(Delivery::default());
        let (special, ordinary) = sales?;
        let movement = special.movement().context("a sale without a movement")?;
        let tier = Some(self.example.tier.to_owned());
        self.api.know(&movement.to_string(), Customer { customer_id: customer(self.example), tier });
        secutix.flush_batch().await;
        self.stage.rest().await?;
        Ok((self.link(&special).await?, self.link(&ordinary).await?))
    }

    async fn link(&self, sale: &Change) -> anyhow::Result<Link> {
        let links = self.stage.links(sale.file().context("a sale without a file")?).await?;
        links.into_iter().next().context("a ticket without a pass")
    }

    /// Onto the iPhone, reprinted, and away again.
    async fn phone(&mut self, link: &Link) -> anyhow::Result<()> {
        let (stage, phone) = (self.stage, &self.stage.iphone);
        let added = phone.add(&link.apple).await?;
        self.row.tier = added.field("tier").map(str::to_owned);
        self.expect(link, "installed").await;
        let wake = phone.log().iter().rev().find_map(|entry| match &entry.event {
            PhoneEvent::Registered { serial, .. } if *serial == link.serial => Some(entry.at),
            _ => None,
        });
        let heard = self.told(link).into_iter().find(|call| call.event() == "installed").map(|call| call.received.at);
        self.row.phone_to_crm_ms = wake.zip(heard).map(|(wake, heard)| (heard - wake).max(0));

        stage.world.secutix().reprint(link.movement.parse()?, Origin::TicketShop).await?;
        let reprinted = |view: &passerelle_simulator::PassView| {
            view.serial == link.serial && view.barcode.is_some() && view.barcode != added.barcode
        };
        match phone.wait_until(reprinted, LIMIT).await {
            Ok(view) if view.field("tier") == Some(self.example.tier) => {}
            Ok(_) => self.row.missing.push("the tier on the reprinted pass".to_owned()),
            Err(_) => self.row.missing.push("the iPhone shows the reprinted ticket".to_owned()),
        }
        stage.rest().await?;
        self.expect(link, "updated").await;
        anyhow::ensure!(phone.remove(&link.serial).await, "{} had no pass to remove", phone.name());
        self.expect(link, "removed").await;
        Ok(())
    }

    /// Which template each pass has, as the Pass API tells it.
    async fn templates(&mut self, special: &Link, ordinary: &Link) -> anyhow::Result<()> {
        for (product, link) in [(SPECIAL, special), (ORDINARY, ordinary)] {
            let path = format!("/api/{}/passes/{}", self.stage.tenant, link.serial);
            let pass = self.stage.caller.json(Method::GET, &path, None).await?;
            let template = pass.get("passType").and_then(serde_json::Value::as_str).unwrap_or_default();
            self.row.templates.insert(product.to_owned(), template.to_owned());
        }
        Ok(())
    }

    /// Waits until the CRM has been told.
    async fn expect(&mut self, link: &Link, event: &str) {
        let client = self.example.name;
        let told = |call: &ApiCall| is_of(call, client, link) && call.received.taken && call.event() == event;
        if self.api.wait_until(|all| all.iter().any(told), LIMIT).await.is_err() {
            self.row.missing.push(format!("{event} at the CRM"));
        }
    }

    /// What the CRM was told of this pass by this plugin, each once.
    fn told(&self, link: &Link) -> Vec<ApiCall> {
        let mut events = self.api.events();
        events.retain(|call| is_of(call, self.example.name, link));
        events
    }

    fn judge(&mut self, special: &Link, ordinary: &Link) {
        let (name, tier) = (self.example.name, self.example.tier);
        let told = self.told(special);
        let rest = self.told(ordinary);
        self.row.events = told.iter().map(PluginEvent::of).collect();
        self.row.tokens = self.api.issued().iter().filter(|issued| issued.client == name).count();
        let mut wrong = |fine: bool, what: &str| {
            if !fine {
                self.row.missing.push(what.to_owned());
            }
        };
        let templates: BTreeMap<String, String> = [(SPECIAL, example::PLUGIN_TEMPLATE), (ORDINARY, "event-ticket")]
            .into_iter()
            .map(|(product, template)| (product.to_owned(), template.to_owned()))
            .collect();
        wrong(self.row.templates == templates, "the template by the product");
        wrong(self.row.tier.as_deref() == Some(tier), "the tier on the pass");
        wrong(told.iter().map(ApiCall::event).eq(EVENTS), "each event once, in its order");
        wrong(rest.iter().map(ApiCall::event).eq(["created"]), "the other ticket's event");
        wrong(
            told.iter().all(|call| call.text("passType") == Some(example::PLUGIN_TEMPLATE)),
            "the template in each event",
        );
        let customers = told.iter().filter(|call| matches!(call.event(), "installed" | "removed"));
        let known = |call: &ApiCall| {
            call.text("customerId") == Some(&customer(self.example))
                && call.text("tier") == Some(tier)
                && call.text("wallet") == Some("apple")
        };
        wrong(customers.clone().all(known), "customer, tier and wallet in the phone's events");
        wrong(self.row.tokens == 1, "one token for all requests");
        let calls = self.api.calls();
        let refused = |call: &ApiCall| {
            let unknown = call.route == ApiRoute::Customers && call.received.answered == "404";
            call.client.as_deref() == Some(name) && !call.received.taken && !unknown
        };
        wrong(!calls.iter().any(refused), "no request refused");
        wrong(calls.iter().all(|call| call.client.is_some()), "no request without a valid token");
    }
}

fn is_of(call: &ApiCall, client: &str, link: &Link) -> bool {
    call.route == ApiRoute::WalletEvents && call.client.as_deref() == Some(client) && call.pass() == Some(&link.serial)
}

/// A number as CRMs have them, of nobody.
fn customer(example: &Example) -> String {
    format!("C-{}", example.name)
}
