//! An application of nothing but plugins, each behind the component that the edge has in front of one (`host/spin-plugin`), on the program that
//! `SPIN_BIN` names.
//!
//! Owns starting it and one call: the request and the answer that the edge exchanges with a plugin, told apart as the edge does. Here the routes are public,
//! since no edge stands in front; that a private one is reached, the comparison of hosts shows.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use passerelle_flow::plugin::hook::{HookCall, Returned};
use passerelle_flow::ports::SandboxFailure;
use passerelle_server::plugins::complete::complete;
use tempfile::TempDir;

use crate::edge::Family;
use crate::spin;

/// Three components, two of them with an interpreter inside, compiled one after the other on a loaded machine.
const START: Duration = Duration::from_secs(240);
/// How often it is looked whether it listens.
const LOOK: Duration = Duration::from_millis(20);

pub struct PluginHost {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    _program: Family,
    _folder: TempDir,
}

impl PluginHost {
    /// Plugins by name, completed as `passerelle plugin build --for spin` does.
    pub async fn start(plugins: &[(&str, Vec<u8>)]) -> Self {
        let program = spin::with_cache(&spin::program());
        let folder = tempfile::tempdir().unwrap();
        let home = program.manifest.parent().unwrap();
        std::fs::copy(home.join("target/spin/plugin-host.wasm"), folder.path().join("plugin-host.wasm")).unwrap();
        let mut manifest = "spin_manifest_version = 2\n[application]\nname = \"plugins\"\n".to_owned();
        for (name, plugin) in plugins {
            std::fs::write(folder.path().join(name).with_extension("wasm"), complete(plugin).unwrap()).unwrap();
            manifest.push_str(&format!(
                "[[trigger.http]]\nroute = \"/{name}\"\ncomponent = \"{name}\"\n\
                 [component.{name}]\nsource = \"plugin-host.wasm\"\n\
                 [component.{name}.dependencies]\n\"passerelle:tenant@0.1.0\" = {{ path = \"{name}.wasm\" }}\n"
            ));
        }
        let file = folder.path().join("spin.toml");
        std::fs::write(&file, manifest).unwrap();
        // As elsewhere here: nothing takes the port meanwhile.
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let log_file = folder.path().join("log");
        let log = std::fs::File::create(&log_file).unwrap();
        let mut command = Command::new(&program.program);
        command.args(&program.words).arg("-f").arg(&file).arg("--listen").arg(address.to_string());
        command.arg("--state-dir").arg(folder.path().join("state"));
        command.stdout(Stdio::from(log.try_clone().unwrap())).stderr(log);
        let one = spin::starting().await;
        let _program = Family::start(&mut command);
        let client = Client::builder(TokioExecutor::new()).build_http();
        let host = Self { address, client, _program, _folder: folder };
        let began = Instant::now();
        while !host.answers().await {
            let log = std::fs::read_to_string(&log_file).unwrap_or_default();
            assert!(began.elapsed() < START, "it does not answer:\n{log}");
            tokio::time::sleep(LOOK).await;
        }
        drop(one);
        host
    }

    async fn answers(&self) -> bool {
        let request = Request::get(format!("http://{}/.well-known/spin/health", self.address));
        let answer = self.client.request(request.body(Full::default()).unwrap()).await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
    }

    /// As the edge calls it, and reads its answer (`host/spin/src/adapter/plugins.rs`).
    pub async fn call(&self, name: &str, call: HookCall) -> Result<Returned, SandboxFailure> {
        let body = Bytes::from(serde_json::to_vec(&call).unwrap());
        let request = Request::post(format!("http://{}/{name}", self.address));
        let request = request.header("content-type", "application/json").body(Full::new(body)).unwrap();
        let answer = self.client.request(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        match status {
            StatusCode::OK => Ok(serde_json::from_slice(&body).unwrap()),
            _ => Err(SandboxFailure::Panicked),
        }
    }
}
