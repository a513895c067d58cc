//! An application in a folder of its own, and the host that runs it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

const HOST: &str = env!("CARGO_BIN_EXE_spin-host");
/// Long enough for a loaded machine; nothing waits for it to pass.
pub const LIMIT: Duration = Duration::from_secs(60);

/// The probe, built once by the cargo that runs the tests.
fn probe() -> &'static Path {
    static PROBE: OnceLock<PathBuf> = OnceLock::new();
    PROBE.get_or_init(|| {
        let target = Path::new(HOST).ancestors().nth(2).unwrap();
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "probe", "--profile", "guest", "--target", "wasm32-wasip2"])
            .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
            .arg("--target-dir")
            .arg(target)
            .status()
            .unwrap();
        assert!(built.success(), "the probe does not build");
        target.join("wasm32-wasip2/guest/probe.wasm")
    })
}

/// A folder with `spin.toml`, `probe.wasm` and `adder.wasm`.
pub struct Folder(TempDir);

impl Folder {
    pub fn new(manifest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(probe(), folder.path().join("probe.wasm")).unwrap();
        let adder = wat::parse_file(concat!(env!("CARGO_MANIFEST_DIR"), "/guests/adder/adder.wat")).unwrap();
        std::fs::write(folder.path().join("adder.wasm"), adder).unwrap();
        std::fs::write(folder.path().join("spin.toml"), manifest).unwrap();
        Self(folder)
    }

    /// The probe behind `/...`, with these further lines for its component.
    pub fn probe(lines: &str) -> Self {
        Self::new(&manifest(lines))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(HOST);
        // Nothing of the machine's own environment may decide a test.
        command.env_clear().current_dir(self.path());
        command
    }

    pub fn start(&self, arguments: &[&str]) -> Host {
        self.start_with(arguments, &[])
    }

    pub fn start_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Host {
        // One after the other: the first compiles the probe, all others find it in the cache.
        static STARTING: Mutex<()> = Mutex::new(());
        let one = STARTING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut command = self.command();
        command.args(["up", "-f", "spin.toml", "--listen", "127.0.0.1:0", "--format", "json"]);
        if !arguments.contains(&"--cache") {
            command.args(["--cache", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache")]);
        }
        command.args(arguments).envs(environment.iter().copied());
        let host = Host::start(command);
        drop(one);
        host
    }

    /// For starts that end by themselves.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }
}

pub fn manifest(lines: &str) -> String {
    format!(
        r#"
        spin_manifest_version = 2
        [application]
        name = "probe"
        version = "1.2.3"
        [[trigger.http]]
        route = "/..."
        component = "probe"
        [component.probe]
        source = "probe.wasm"
        {lines}
        [component.probe.dependencies]
        "probe:arithmetic" = {{ path = "adder.wasm" }}
        "#
    )
}

pub struct Host {
    pub child: Child,
    /// The first JSON value on standard output, and the second where one was asked for.
    pub announcement: Value,
    pub measured: Option<Value>,
    pub base: String,
    said: watch::Receiver<String>,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer, whole.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Host {
    fn start(mut command: Command) -> Self {
        let measure = command.get_args().any(|argument| argument == "--measure");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (heard, said) = watch::channel(String::new());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                heard.send_modify(|text| {
                    text.push_str(&line);
                    text.push('\n');
                });
            }
        });
        let stdout = child.stdout.take().unwrap();
        let mut values = serde_json::Deserializer::from_reader(stdout).into_iter::<Value>();
        let Some(Ok(announcement)) = values.next() else {
            child.wait().unwrap();
            panic!("the host did not start: {}", said.borrow().as_str())
        };
        let measured = measure.then(|| values.next().unwrap().unwrap());
        let base = announcement["base_url"].as_str().unwrap().to_owned();
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { child, announcement, measured, base, said, client }
    }

    pub async fn get(&self, path: &str) -> Reply {
        let uri = format!("{}{path}", self.base);
        self.send(Request::get(uri).body(Full::default()).unwrap()).await
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        let response = tokio::time::timeout(LIMIT, self.client.request(request)).await.unwrap().unwrap();
        let (parts, body) = response.into_parts();
        Reply { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    /// Waits until standard error holds this.
    pub async fn says(&self, what: &str) {
        let mut said = self.said.clone();
        let heard = tokio::time::timeout(LIMIT, said.wait_for(|text| text.contains(what))).await;
        assert!(heard.is_ok_and(|heard| heard.is_ok()), "the host never said `{what}`: {}", self.said());
    }

    pub fn said(&self) -> String {
        self.said.borrow().clone()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the host said:\n{}", self.said());
        }
    }
}

impl Reply {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body of a success.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!(self.status, 200, "{}", self.text());
        self.text()
    }

    pub fn instance(&self) -> &str {
        self.headers["x-instance"].to_str().unwrap()
    }

    pub fn seen(&self) -> u32 {
        self.headers["x-seen"].to_str().unwrap().parse().unwrap()
    }
}
