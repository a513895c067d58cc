//! The real binary as a child process, against a simulator in the test: started, asked over its socket, killed without a word, started again.
//!
//! Owns the child and what is needed to reach it. Bounds: the port is chosen before the child binds it, so another process could take it in
//! between; nothing on a test machine does.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use http::Method;
use passerelle_server::demo::client::Caller;
use passerelle_server::demo::stage::Held;
use passerelle_server::example;
use passerelle_simulator::{GooglePhone, InstitutionConfig, Iphone, Simulator, SimulatorConfig};
use serde_json::Value;
use tempfile::TempDir;

use crate::house::until;

/// More than any test asks for: what is tested here is not the budget.
const PLENTY: u32 = 6_000;

/// `target/<profile>/passerelle`, beside the folder of this test binary.
pub fn binary() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().and_then(Path::parent).unwrap().join("passerelle");
    assert!(
        path.is_file(),
        "{} is missing. `cargo xtask test` builds it before the tests; by hand: cargo xtask build",
        path.display()
    );
    path
}

/// `passerelle` with these arguments, to its end. What it printed.
pub fn run(arguments: &[&str]) -> String {
    let output = Command::new(binary()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub struct Process {
    pub world: Simulator,
    pub iphone: Iphone,
    pub android: GooglePhone,
    pub folder: TempDir,
    caller: Option<Caller>,
    base: String,
    child: Option<Child>,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Process {
    /// A world and a running server.
    pub async fn new() -> Self {
        let institution = InstitutionConfig { requests_per_minute: PLENTY, ..InstitutionConfig::default() };
        let world = Simulator::start(SimulatorConfig { institution, ..SimulatorConfig::default() }).await.unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        example::write(folder.path(), &world, address).unwrap();
        let tenant = folder.path().join("tenants/demo/tenant.toml");
        let text = std::fs::read_to_string(&tenant).unwrap();
        let text = text.replace("# requests_per_minute = 60", &format!("requests_per_minute = {PLENTY}"));
        std::fs::write(&tenant, text).unwrap();
        let base = format!("http://{address}");
        world.secutix().listen_at(&format!("{base}/api/demo/webhooks/listeners/secutix/orders"));
        let (iphone, android) = (world.iphone("Ada's iPhone"), world.android("Ada's Android"));
        let mut process = Self { world, iphone, android, folder, caller: None, base, child: None };
        let scopes = ["--scope", "Pass.Read", "--scope", "Pass.Write"];
        let config = process.config();
        let key = run(&[&["key", "create", "--config", &config, "--tenant", "demo"][..], &scopes].concat());
        process.caller = Some(Caller::new(process.base.clone(), key.trim().to_owned()));
        process.start().await;
        process
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn config(&self) -> String {
        self.folder.path().join("passerelle.toml").display().to_string()
    }

    pub fn store(&self) -> PathBuf {
        self.folder.path().join("passerelle.sqlite")
    }

    /// Where everything goes that the child writes.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log.txt")
    }

    pub fn caller(&self) -> &Caller {
        self.caller.as_ref().unwrap()
    }

    pub async fn start(&mut self) {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        let child = Command::new(binary())
            .args(["serve", "--config", &self.config()])
            // Everything that anybody could switch on.
            .env("RUST_LOG", "trace")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        until("the server is ready", async || self.health().await.is_some()).await;
    }

    /// SIGKILL, and gone when this returns.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub fn child(&self) -> &Child {
        self.child.as_ref().unwrap()
    }

    /// Waits for its end by itself.
    pub fn ended(&mut self) -> ExitStatus {
        self.child.take().unwrap().wait().unwrap()
    }

    /// `/health/ready`; none while nobody answers.
    pub async fn health(&self) -> Option<Value> {
        self.caller().json(Method::GET, "/health/ready", None).await.ok()
    }

    /// Waits until nothing is left to do.
    pub async fn rest(&self) -> Value {
        let at_rest = |health: &Value| {
            ["tasks_ready", "tasks_running", "effects_waiting"].iter().all(|count| health[*count] == 0)
        };
        until("the server is at rest", async || self.health().await.is_some_and(|health| at_rest(&health))).await;
        self.health().await.unwrap()
    }

    /// Every ticket of the file on both phones.
    pub async fn put_on_phones(&self, file: i64) -> Vec<Held> {
        let path = format!("/api/demo/external/secutix/orders/getTicketsUrl/{file}");
        let listed = self.caller().json(Method::GET, &path, None).await.unwrap();
        let mut held = Vec::new();
        for ticket in listed["tickets"].as_array().unwrap() {
            let text = |pointer: &str| ticket.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
            let view = self.iphone.add(&text("/pass/links/apple")).await.unwrap();
            let opened = self.caller().open(&text("/pass/links/google")).await.unwrap();
            let saved = self.android.save(&opened.location.unwrap()).await.unwrap();
            let object = saved.into_iter().map(|view| view.object_id).find(|id| id.ends_with(&view.serial)).unwrap();
            held.push(Held { movement: text("/movementId"), serial: view.serial, object });
        }
        held
    }
}
