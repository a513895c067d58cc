//! A server whose plugin is not to be had yet, or not for a moment.

use std::path::{Path, PathBuf};
use std::process::Command;

use passerelle_flow::hooks::endpoint;
use passerelle_flow::plugin::{Presence, Until};
use passerelle_flow::ports::Plugins as _;
use passerelle_flow::store::Outbox as _;
use passerelle_server::server::{Server, StartOptions};

use super::{Plugged, component};
use crate::process;

/// The server's program, which waits for a word before it compiles. Where the word is written.
fn patient(folder: &Path) -> (PathBuf, PathBuf) {
    use std::os::unix::fs::PermissionsExt as _;
    let (script, word) = (folder.join("passerelle-patient"), folder.join("word"));
    assert!(Command::new("mkfifo").arg(&word).status().unwrap().success());
    let text = format!("#!/bin/sh\nread word < '{}'\nexec '{}' \"$@\"\n", word.display(), process::binary().display());
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    (script, word)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_serves_before_its_plugins_are_compiled_and_takes_none_for_absent_meanwhile() {
    let plugged = Plugged::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (compiler, word) = patient(folder.path());
    // Another server over the same tenants, with a store of its own: it has compiled nothing.
    let mut settings = plugged.house.stage.settings.clone();
    settings.store = folder.path().join("passerelle.sqlite");
    settings.listen = "127.0.0.1:0".parse().unwrap();
    let options = StartOptions { compiler: Some(compiler), ..StartOptions::default() };
    let server = Server::start(&settings, options).await.unwrap();
    let host = &server.flow.host;
    let tenant = host.tenants.get(&plugged.house.stage.tenant).unwrap();
    let live = tokio::net::TcpStream::connect(server.address).await;
    assert!(live.is_ok());
    assert_eq!(host.plugins.presence(&tenant), Presence::Unavailable(Until::Soon));
    assert!(host.store.webhook(&tenant.id, endpoint::ID).await.unwrap().is_none(), "nothing is settled yet");
    tokio::task::spawn_blocking(move || std::fs::write(word, "go\n")).await.unwrap().unwrap();
    server.reload_now().await;
    assert!(matches!(host.plugins.presence(&tenant), Presence::Installed(_)));
    assert!(host.store.webhook(&tenant.id, endpoint::ID).await.unwrap().is_some());
    drop(tenant);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_deleted_and_written_again_loses_no_event_and_one_that_stays_away_ends_it() {
    let plugged = Plugged::new().await;
    let server = plugged.house.stage.server().unwrap();
    let file = plugged.folder().plugin();
    std::fs::remove_file(&file).unwrap();
    server.reload_now().await;
    plugged.sell("FLUTE").await;
    assert_eq!(plugged.told("created").await.len(), 1);
    std::fs::write(&file, component("crm-rust")).unwrap();
    server.reload_now().await;
    plugged.settled().await;
    std::fs::remove_file(&file).unwrap();
    server.reload_now().await;
    plugged.house.advance(61_000).await;
    server.reload_now().await;
    let tenant = server.flow.host.tenants.get(&plugged.house.stage.tenant).unwrap();
    assert_eq!(server.flow.host.plugins.presence(&tenant), Presence::None);
    let row = server.flow.host.store.webhook(&tenant.id, endpoint::ID).await.unwrap().unwrap();
    assert!(!row.settled.enabled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_fails_again_and_again_is_in_the_metrics_with_the_end_of_its_pause() {
    let plugged = Plugged::without().await;
    let recursion = passerelle_guests::GUESTS.iter().find(|guest| guest.name == "recursion").unwrap();
    plugged.install(&recursion.component()).await;
    let metrics = async || {
        let reply = plugged.house.send("GET", "/metrics", &[], "").await;
        String::from_utf8(reply.body.to_vec()).unwrap()
    };
    let pause = "passerelle_plugin_left_alone_until_timestamp_seconds{tenant=\"demo\"}";
    let before = metrics().await;
    assert!(
        before.contains("passerelle_plugins{tenant=\"demo\",state=\"in-force\"} 1") && !before.contains(pause),
        "{before}"
    );
    for _ in 0..3 {
        plugged.sell("FLUTE").await;
    }
    let after = metrics().await;
    let line = after.lines().find(|line| line.starts_with(pause)).unwrap_or_else(|| panic!("{after}"));
    let until: i64 = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(until > jiff::Timestamp::now().as_second());
    // Mended by a build that may not run: said as such.
    plugged.folder().remove().unwrap();
    plugged.house.stage.server().unwrap().reload_now().await;
    plugged.install(b"PK\x03\x04").await;
    assert!(metrics().await.contains("passerelle_plugins{tenant=\"demo\",state=\"to-be-mended\"} 1"));
}
