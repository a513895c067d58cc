//! A whole house on real sockets: the server with the example tenant, and a simulated world that it talks to.
//!
//! Owns set-up and the requests that tests make themselves. The stage is the demo's own, so that a test starts from what a user sees.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::ports::Clock as _;
use passerelle_flow::store::{Depth, Store as _};
use passerelle_server::demo::stage::{Held, Stage, StageOptions};
use passerelle_simulator::{Holder, Origin, PushRecord};
use serde_json::Value;
use tempfile::TempDir;

use crate::process;

/// Long enough for a loaded machine; nothing waits for it to pass.
pub const LIMIT: Duration = Duration::from_secs(30);
/// How often it is looked whether something has come by itself.
const LOOK: Duration = Duration::from_millis(5);
/// Longer than a failed attempt waits for its next one while a test looks on, shorter than a lease.
pub const BACKOFF: Millis = 30_000;

/// Waits until `seen` is true. `what` is what the failure says was not seen.
pub async fn until(what: &str, seen: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !seen().await {
        assert!(began.elapsed() < LIMIT, "not seen within {LIMIT:?}: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

pub struct House {
    pub stage: Stage,
    pub folder: TempDir,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer, whole.
#[derive(Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Tickets of one file, on both phones.
pub struct Sold {
    pub file: i64,
    pub held: Vec<Held>,
}

/// The name of the second tenant.
const ANNEX: &str = "annex";

/// A second tenant on the same server.
pub struct Annex {
    key: String,
}

impl Annex {
    pub async fn get(&self, house: &House, path: &str) -> Reply {
        house.send("GET", &format!("/api/{ANNEX}/{path}"), &[("x-api-key", &self.key)], Bytes::new()).await
    }

    pub async fn notify(&self, house: &House, body: &Value) -> Reply {
        let path = format!("/api/{ANNEX}/webhooks/listeners/secutix/orders");
        house.send("POST", &path, &[("content-type", "application/json")], body.to_string()).await
    }
}

/// A folder with its permissions.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Sold {
    pub fn movement(&self, index: usize) -> i64 {
        self.held[index].movement.parse().unwrap()
    }
}

/// A `.pkpass`, taken apart.
pub struct Package {
    pub members: BTreeMap<String, Vec<u8>>,
    pub pass: Value,
    /// `Last-Modified`, as it was written.
    pub last_modified: String,
}

impl Package {
    pub fn of(reply: &Reply) -> Self {
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        assert_eq!(reply.header("content-type"), "application/vnd.apple.pkpass");
        let last_modified = reply.header("last-modified").to_owned();
        Self { last_modified, ..Self::read(&reply.body) }
    }

    /// As it lies in a bundle.
    pub fn read(archive: &[u8]) -> Self {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
        let mut members = BTreeMap::new();
        for index in 0..archive.len() {
            let mut member = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            member.read_to_end(&mut content).unwrap();
            members.insert(member.name().unwrap().into_owned(), content);
        }
        let pass = serde_json::from_slice(&members["pass.json"]).unwrap();
        Self { members, pass, last_modified: String::new() }
    }

    pub fn barcode(&self) -> Option<&str> {
        self.pass.pointer("/barcodes/0/message").and_then(Value::as_str)
    }

    pub fn modified(&self) -> jiff::Timestamp {
        jiff::fmt::rfc2822::parse(&self.last_modified).unwrap().timestamp()
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    /// It tells this problem, whole. Its body.
    pub fn problem(&self, status: u16, slug: &str) -> Value {
        self.problem_as("application/problem+json", status, slug)
    }

    /// The same, for who has asked for another media type.
    pub fn problem_as(&self, media_type: &str, status: u16, slug: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), media_type);
        let body = self.json();
        assert_eq!(body["type"], format!("urn:passerelle:problem:{slug}"));
        assert_eq!(body["status"], status);
        assert_eq!(body["correlation_id"], self.header("x-correlation-id"));
        body
    }
}

impl House {
    pub async fn new() -> Self {
        Self::with(StageOptions::default()).await
    }

    pub async fn with(options: StageOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::set(folder.path(), options).await.unwrap();
        Self { stage, folder, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    pub fn base(&self) -> String {
        format!("http://{}", self.stage.server().unwrap().address)
    }

    pub fn listener(&self) -> String {
        format!("{}/api/demo/webhooks/listeners/secutix/orders", self.base())
    }

    /// A request as it is written, without any key.
    pub async fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
        let url = if url.starts_with('/') { format!("{}{url}", self.base()) } else { url.to_owned() };
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        Reply { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    /// With the stage's key (Pass.Read, Pass.Write).
    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[("x-api-key", self.stage.caller.key())], Bytes::new()).await
    }

    pub async fn with_key(&self, method: &str, path: &str, key: &str, body: &Value) -> Reply {
        let headers = [("x-api-key", key), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &headers, body).await
    }

    /// With the stage's key, for JSON.
    pub async fn keyed(&self, method: &str, path: &str, body: &Value) -> Reply {
        let headers = [
            ("x-api-key", self.stage.caller.key()),
            ("content-type", "application/json"),
            ("accept", "application/json"),
        ];
        self.send(method, path, &headers, body.to_string()).await
    }

    /// A key of the stage's tenant with these scopes.
    pub async fn key_for(&self, scopes: &[&str]) -> String {
        Stage::key(&self.stage.on, &self.stage.settings, &self.stage.tenant, scopes).await.unwrap()
    }

    pub fn config(&self) -> String {
        self.folder.path().join("passerelle.toml").display().to_string()
    }

    /// `passerelle` for the stage's tenant, beside the running server. What it printed.
    pub fn command(&self, words: &[&str], more: &[&str]) -> String {
        let config = self.config();
        let all = [words, &["--config", &config, "--tenant", "demo"], more].concat();
        tokio::task::block_in_place(|| process::run(&all))
    }

    /// A notification as SecuTix sends it.
    pub async fn notify(&self, body: &Value) -> Reply {
        self.send("POST", &self.listener(), &[("content-type", "application/json")], body.to_string()).await
    }

    /// One order, and every ticket of it on both phones.
    pub async fn sold(&self, product: &str, first_names: &[&str]) -> Sold {
        let holders = first_names.iter().map(|name| Holder::new(name, "Lovelace")).collect();
        let sale = self.stage.world.secutix().sell_family(product, holders, Origin::TicketShop).await.unwrap();
        let file = sale.file().unwrap();
        self.stage.rest().await.unwrap();
        let held = self.stage.put_on_phones(file).await.unwrap();
        assert_eq!(held.len(), first_names.len());
        // What putting them there has set in motion is over before the test begins.
        self.stage.rest().await.unwrap();
        Sold { file, held }
    }

    /// The first performance of a product.
    pub fn performance(&self, product: &str) -> i64 {
        self.stage.world.secutix().catalogue().product(product).unwrap().performances[0]
    }

    /// The newest barcode that SecuTix has for a movement.
    pub fn barcode(&self, movement: i64) -> String {
        self.stage.world.secutix().ticket_ids(movement).unwrap().barcode
    }

    /// The pass as the API describes it.
    pub async fn described(&self, pass: &str) -> Value {
        let reply = self.get(&format!("/api/demo/passes/{pass}")).await;
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        reply.json()
    }

    /// The holder's own link, for an iPhone.
    pub async fn link(&self, pass: &str) -> String {
        self.described(pass).await["links"]["apple"].as_str().unwrap().to_owned()
    }

    /// Downloads through the holder's link.
    pub async fn package(&self, pass: &str) -> Package {
        let link = self.link(pass).await;
        Package::of(&self.send("GET", &link, &[], "").await)
    }

    /// Both phones show the newest barcode of every ticket, and none of them is void.
    pub async fn up_to_date(&self, sold: &Sold) {
        for (index, held) in sold.held.iter().enumerate() {
            let barcode = Some(self.barcode(sold.movement(index)));
            let iphone = &self.stage.iphone;
            let apple = iphone.wait_until(|view| view.serial == held.serial && view.barcode == barcode, LIMIT).await;
            assert!(!apple.unwrap_or_else(|_| panic!("the iPhone does not show it: {:#?}", iphone.log())).voided);
            let android = &self.stage.android;
            let google = android.wait_until(|view| view.object_id == held.object && view.barcode == barcode, LIMIT);
            assert!(google.await.expect("the Android phone does not show it").is_active());
        }
    }

    /// Both phones show it as void, without a barcode.
    pub async fn void(&self, held: &Held) {
        let apple = self.stage.iphone.wait_until(|view| view.serial == held.serial && view.voided, LIMIT).await;
        assert_eq!(apple.expect("the iPhone does not show that it is void").barcode, None);
        let void = |view: &passerelle_simulator::GoogleView| view.object_id == held.object && view.state == "INACTIVE";
        let google = self.stage.android.wait_until(void, LIMIT).await;
        assert_eq!(google.expect("the Android phone does not show that it is void").barcode, None);
    }

    /// Neither phone has ever been told that it is void.
    pub fn never_void(&self, held: &Held) {
        use passerelle_simulator::PhoneEvent;
        for entry in self.stage.iphone.log() {
            if let PhoneEvent::Replaced { serial, changes, .. } = entry.event {
                let voided = changes.iter().any(|change| change.key == "voided");
                assert!(serial != held.serial || !voided, "{changes:?}");
            }
        }
        for call in self.stage.world.google().calls() {
            let inactive = serde_json::from_str::<Value>(&call.body).is_ok_and(|body| body["state"] == "INACTIVE");
            assert!(!(call.path.ends_with(&held.object) && inactive), "{}", call.path);
        }
        assert!(!self.stage.apple(held).unwrap().voided);
        assert!(self.stage.google(held).unwrap().state != "INACTIVE");
    }

    /// What both phones show of it, whole.
    pub fn shown(&self, held: &Held) -> (Value, Value) {
        (self.stage.apple(held).unwrap().raw, self.stage.google(held).unwrap().object)
    }

    /// Outcomes of the file's runs, newest first.
    pub async fn outcomes(&self, file: i64) -> Vec<String> {
        self.stage.runs(file).await.unwrap().into_iter().map(|(outcome, _)| outcome).collect()
    }

    /// Waits until the newest run of the file ended so.
    pub async fn outcome(&self, file: i64, expected: &str) {
        until(expected, async || self.outcomes(file).await.first().is_some_and(|newest| newest == expected)).await;
    }

    /// How often SecuTix was asked for a file.
    pub fn fetches(&self) -> usize {
        self.stage.world.secutix().calls().iter().filter(|call| call.endpoint.starts_with("getFileDetails")).count()
    }

    /// Pushes to the stage's iPhone.
    pub fn pushes(&self) -> Vec<PushRecord> {
        let mut records = self.stage.world.push().records();
        records.retain(|record| record.token == self.stage.iphone.push_token());
        records
    }

    pub async fn depth(&self) -> Depth {
        self.stage.server().unwrap().flow.host.store.depth().await.unwrap()
    }

    /// Waits until nothing runs and no task is due.
    pub async fn nothing_due(&self) {
        until("nothing is due", async || {
            let depth = self.depth().await;
            depth.tasks_leased == 0 && depth.oldest_due.is_none_or(|due| due > self.stage.server().unwrap().clock.now())
        })
        .await;
    }

    /// Puts every clock forward but the push service's. What is under way to SecuTix is waited for: its token would be too old
    /// on arrival, and its lease over.
    pub async fn advance(&self, millis: Millis) {
        self.nothing_due().await;
        self.stage.world.advance(millis);
        self.stage.server().unwrap().clock.advance(millis);
        self.stage.server().unwrap().wake.notify_waiters();
    }

    /// Rewrites a file of the tenant's folder, and waits until the server has looked at it.
    pub async fn rewrite(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.folder.path().join("tenants/demo").join(file);
        let text = change(std::fs::read_to_string(&path).unwrap());
        std::fs::write(&path, text).unwrap();
        self.stage.server().unwrap().reload_now().await;
    }

    /// Another tenant of the same institution, with an example's folder of its own.
    pub async fn second_tenant(&self, change: impl FnOnce(String) -> String) -> Annex {
        let tenants = self.folder.path().join("tenants");
        copy(&tenants.join("demo"), &tenants.join(ANNEX));
        let path = tenants.join(ANNEX).join("tenant.toml");
        std::fs::write(&path, change(std::fs::read_to_string(&path).unwrap())).unwrap();
        let server = self.stage.server().unwrap();
        server.reload_now().await;
        let tenant = TenantId::parse(ANNEX).unwrap();
        assert!(server.flow.host.tenants.get(&tenant).is_some(), "the second tenant is not in force");
        let scopes = ["Pass.Read", "Pass.Write"];
        let key = Stage::key(&self.stage.on, &self.stage.settings, &tenant, &scopes).await.unwrap();
        Annex { key }
    }

    pub async fn end(self) {
        assert_eq!(self.stage.world.complaints(), Vec::<String>::new(), "a phone was not served as Apple says");
        self.stage.strike().await.unwrap();
    }
}
