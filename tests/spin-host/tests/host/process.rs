//! The process: what it prints and keeps, how it ends.

use std::process::Command;

use crate::app::{Folder, LIMIT};
use crate::peer::Peer;

#[tokio::test]
async fn guests_lines_carry_their_component_and_go_to_files_when_asked() {
    let folder = Folder::probe("");
    let host = folder.start(&["--log-dir", "logs"]);
    host.get("/say?hello").await.ok();
    host.says("[probe] to stdout: hello\n").await;
    host.says("[probe] to stderr: hello\n").await;
    drop(host);
    let host = folder.start(&["--log-dir", "logs", "--quiet"]);
    host.get("/say?again").await.ok();
    assert_eq!(host.said(), "");
    let log = |name: &str| std::fs::read_to_string(folder.path().join("logs").join(name)).unwrap();
    assert_eq!(log("probe_stdout.txt"), "to stdout: hello\nto stdout: again\n");
    assert_eq!(log("probe_stderr.txt"), "to stderr: hello\nto stderr: again\n");
}

#[tokio::test]
async fn a_second_start_compiles_nothing() {
    let folder = Folder::probe("");
    let compiled =
        |arguments: &[&str]| folder.start(arguments).measured.as_ref().unwrap()["compile_ms"].as_f64().unwrap();
    assert!(compiled(&["--measure", "--cache", "cache"]) > 0.0);
    assert_eq!(compiled(&["--measure", "--cache", "cache"]).to_bits(), 0.0f64.to_bits());
    // Without a word about it the cache is beside the state.
    assert!(folder.path().join("cache").is_dir());
}

#[tokio::test]
async fn a_signal_ends_it_at_once_whatever_a_guest_is_waiting_for() {
    for signal in ["-TERM", "-INT"] {
        let peer = Peer::plain().await;
        let mut host = Folder::probe("allowed_outbound_hosts = [\"http://127.0.0.1:*\"]").start(&[]);
        let url = format!("{}/fetch?http://{}/gate", host.base, peer.address);
        let request = tokio::spawn(async move {
            let stream =
                tokio::net::TcpStream::connect(url.strip_prefix("http://").unwrap().split('/').next().unwrap());
            let io = hyper_util::rt::TokioIo::new(stream.await.unwrap());
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
            tokio::spawn(connection);
            let request = http::Request::get(url).body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
            sender.send_request(request).await.map(drop)
        });
        peer.keeps(1).await;
        assert!(Command::new("kill").args([signal, &host.child.id().to_string()]).status().unwrap().success());
        let ended = tokio::task::spawn_blocking(move || host.child.wait().map(|status| (status, drop(host)).0));
        assert_eq!(tokio::time::timeout(LIMIT, ended).await.unwrap().unwrap().unwrap().code(), Some(0));
        assert!(request.await.unwrap().is_err(), "nobody can have answered");
    }
}
