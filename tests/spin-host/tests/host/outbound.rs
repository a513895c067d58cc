//! The way out: what is allowed, whom it trusts, how it connects.

use crate::app::{Folder, Host, Reply};
use crate::peer::{Authority, Peer};

async fn fetch(host: &Host, url: &str) -> Reply {
    host.get(&format!("/fetch?{url}")).await
}

#[tokio::test]
async fn what_is_not_listed_is_denied_and_never_called() {
    let peer = Peer::plain().await;
    let host = Folder::probe("allowed_outbound_hosts = [\"http://localhost:*\", \"https://127.0.0.1:*\"]").start(&[]);
    let denied = fetch(&host, &format!("http://{}/x", peer.address)).await;
    assert_eq!((denied.status.as_u16(), denied.text()), (502, "ErrorCode::HttpRequestDenied"));
    let allowed = fetch(&host, &format!("http://localhost:{}/y", peer.address.port())).await;
    assert_eq!(allowed.ok(), "peer /y");
    let seen = peer.seen();
    assert_eq!(seen.iter().map(|seen| seen.path.as_str()).collect::<Vec<_>>(), ["/y"]);
    assert_eq!(seen[0].headers["host"], format!("localhost:{}", peer.address.port()));
}

#[tokio::test]
async fn the_older_interface_obeys_the_same_list() {
    let peer = Peer::plain().await;
    let host = Folder::probe("allowed_outbound_hosts = [\"http://localhost:*\"]").start(&[]);
    let denied = host.get(&format!("/fetch-p2?http://{}/x", peer.address)).await;
    assert_eq!(denied.text(), "ErrorCode::HttpRequestDenied");
    let allowed = host.get(&format!("/fetch-p2?http://localhost:{}/y", peer.address.port())).await;
    assert_eq!(allowed.ok(), "peer /y");
    assert_eq!(peer.seen().len(), 1);
}

#[tokio::test]
async fn a_variable_can_name_the_host() {
    let peer = Peer::plain().await;
    let folder = Folder::probe("allowed_outbound_hosts = [\"{{ api }}\"]\n[variables]\napi = { required = true }");
    let host = folder.start(&["--variable", &format!("api=http://{}", peer.address)]);
    assert_eq!(fetch(&host, &format!("http://{}/x", peer.address)).await.ok(), "peer /x");
}

#[tokio::test]
async fn nobody_at_the_other_end_is_a_refused_connection_and_no_such_name_an_error_of_dns() {
    let host = Folder::probe("allowed_outbound_hosts = [\"http://*:*\"]").start(&[]);
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(fetch(&host, &format!("http://127.0.0.1:{port}/")).await.text(), "ErrorCode::ConnectionRefused");
    let name = fetch(&host, "http://no-such-name.invalid/").await;
    assert!(name.text().starts_with("ErrorCode::DnsError"), "{}", name.text());
}

#[tokio::test]
async fn a_component_calls_itself_by_name_only_where_that_is_allowed() {
    let host = Folder::probe("allowed_outbound_hosts = [\"http://self\"]").start(&[]);
    assert_eq!(fetch(&host, "http://self.alt/add?1+2").await.ok(), "3");
    let host = Folder::probe("").start(&[]);
    assert_eq!(fetch(&host, "http://self.alt/hello").await.text(), "ErrorCode::HttpRequestDenied");
}

#[tokio::test]
async fn a_private_neighbour_is_reached_from_inside_where_that_is_allowed() {
    let folder = Folder::new(
        r#"
        spin_manifest_version = 2
        [application]
        name = "two"
        [[trigger.http]]
        route = "/..."
        component = "front"
        [[trigger.http]]
        route = { private = true }
        component = "worker"
        [component.front]
        source = "probe.wasm"
        allowed_outbound_hosts = ["http://worker.spin.internal"]
        dependencies = { "probe:arithmetic" = { path = "adder.wasm" } }
        [component.worker]
        source = "probe.wasm"
        environment = { ROLE = "worker" }
        dependencies = { "probe:arithmetic" = { path = "adder.wasm" } }
        "#,
    );
    let host = folder.start(&[]);
    assert_eq!(fetch(&host, "http://worker.spin.internal/environment").await.ok(), "ROLE=worker\n");
    let echoed = fetch(&host, "http://worker.spin.internal/echo/x?y").await;
    let lines: Vec<&str> = echoed.ok().lines().collect();
    assert_eq!(lines[0], "GET http://worker.spin.internal/echo/x?y");
    assert!(lines.contains(&"spin-client-addr: 0.0.0.0:0") && lines.contains(&"spin-path-info: /echo/x"), "{lines:?}");
    assert_eq!(fetch(&host, "http://front.spin.internal/hello").await.text(), "ErrorCode::HttpRequestDenied");
    // A trap over there is an answer here, and takes nobody along.
    assert_eq!(fetch(&host, "http://worker.spin.internal/trap").await.status, 500);
    assert_eq!(host.get("/hello").await.ok(), "hello");
}

/// A folder whose component may call `https://localhost`, with a runtime configuration.
fn secure(authority: &Authority, tls: &str) -> Folder {
    let folder = Folder::probe("allowed_outbound_hosts = [\"https://localhost:*\"]");
    authority.write(folder.path());
    folder
        .write("runtime.toml", &format!("[[client_tls]]\ncomponent_ids = [\"probe\"]\nhosts = [\"localhost\"]\n{tls}"));
    folder
}

const RUNTIME: [&str; 2] = ["--runtime-config-file", "runtime.toml"];

#[tokio::test]
async fn an_unknown_authority_is_an_error_of_tls_and_a_configured_one_is_trusted() {
    let authority = Authority::new();
    let peer = Peer::secure(&authority, None).await;
    let folder = secure(&authority, "ca_roots_file = \"roots.pem\"");
    let url = format!("https://localhost:{}/x", peer.address.port());
    assert_eq!(fetch(&folder.start(&[]), &url).await.text(), "ErrorCode::TlsProtocolError");
    assert_eq!(peer.seen().len(), 0);
    assert_eq!(fetch(&folder.start(&RUNTIME), &url).await.ok(), "peer /x");
    // For another component's hosts nothing changes.
    folder.write(
        "other.toml",
        "[[client_tls]]\ncomponent_ids = [\"other\"]\nhosts = [\"localhost\"]\nca_roots_file = \"roots.pem\"",
    );
    let other = folder.start(&["--runtime-config-file", "other.toml"]);
    assert_eq!(fetch(&other, &url).await.text(), "ErrorCode::TlsProtocolError");
}

#[tokio::test]
async fn http_2_is_spoken_where_it_is_offered_and_one_connection_carries_many_requests() {
    let authority = Authority::new();
    let peer = Peer::secure(&authority, None).await;
    let host = secure(&authority, "ca_roots_file = \"roots.pem\"").start(&RUNTIME);
    let url = |path: &str| format!("https://localhost:{}{path}", peer.address.port());
    fetch(&host, &url("/first")).await.ok();
    let gates: Vec<_> = (0..8).map(|_| url("/gate")).collect();
    let fetches = async {
        let mut all: Vec<_> = gates.iter().map(|gate| Box::pin(fetch(&host, gate))).collect();
        let mut waiting = Box::pin(async {
            peer.keeps(8).await;
            peer.open();
        });
        let mut opened = false;
        std::future::poll_fn(|context| {
            if !opened {
                opened = waiting.as_mut().poll(context).is_ready();
            }
            all.retain_mut(|fetch| match fetch.as_mut().poll(context) {
                std::task::Poll::Ready(reply) => {
                    assert_eq!(reply.ok(), "peer /gate");
                    false
                }
                std::task::Poll::Pending => true,
            });
            if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    };
    fetches.await;
    let seen = peer.seen();
    assert_eq!(seen.len(), 9);
    assert!(seen.iter().all(|seen| seen.version == http::Version::HTTP_2 && seen.connection == 0), "{seen:?}");
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_it_is_configured() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let peer = Peer::secure(&authority, Some(&clients)).await;
    let url = format!("https://localhost:{}/x", peer.address.port());
    let folder = secure(
        &clients,
        "ca_roots_file = \"server.pem\"\nclient_cert_file = \"client.pem\"\nclient_private_key_file = \"client.key\"",
    );
    std::fs::rename(folder.path().join("roots.pem"), folder.path().join("clients.pem")).unwrap();
    let servers = tempfile::tempdir().unwrap();
    authority.write(servers.path());
    std::fs::copy(servers.path().join("roots.pem"), folder.path().join("server.pem")).unwrap();
    assert_eq!(fetch(&folder.start(&RUNTIME), &url).await.ok(), "peer /x");
    assert!(peer.seen()[0].certificate);
    folder.write(
        "anonymous.toml",
        "[[client_tls]]\ncomponent_ids = [\"probe\"]\nhosts = [\"localhost\"]\nca_roots_file = \"server.pem\"",
    );
    let anonymous = fetch(&folder.start(&["--runtime-config-file", "anonymous.toml"]), &url).await;
    assert_eq!(anonymous.status, 502, "{}", anonymous.text());
    assert_eq!(peer.seen().len(), 1);
}
