//! One plugin in the place of another, while events happen.

use passerelle_flow::ports::Plugins as _;
use passerelle_sandbox::artefact::digest;

use super::{Plugged, component};

impl Plugged {
    /// The build in force.
    fn in_force(&self) -> Option<[u8; 32]> {
        let server = self.house.stage.server().unwrap();
        let tenant = server.flow.host.tenants.get(&self.house.stage.tenant).unwrap();
        server.flow.host.plugins.presence(&tenant).installed().map(|installed| installed.digest)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_a_plugin_is_exchanged_is_told_to_the_one_or_the_other_and_never_lost() {
    let plugged = Plugged::new().await;
    let rust = component("crm-rust");
    // The same plugin in another build: what a custom section holds is nobody's business.
    let other = [rust.as_slice(), &[0, 2, 1, b'x']].concat();
    let mut sold = 0;
    for wasm in [&other, &rust, &other] {
        plugged.folder().install(wasm).unwrap();
        // Neither waits for the other.
        let (_, ()) = tokio::join!(plugged.sell("FLUTE"), plugged.house.stage.server().unwrap().reload_now());
        sold += 1;
        assert_eq!(plugged.in_force(), Some(digest(wasm)));
    }
    plugged
        .api
        .wait_until(|calls| calls.iter().filter(|call| call.event() == "created").count() >= sold, crate::house::LIMIT)
        .await
        .unwrap();
    assert_eq!(plugged.api.events().len(), sold);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_not_run_leaves_the_one_before_it_in_force() {
    let plugged = Plugged::new().await;
    let rust = component("crm-rust");
    for broken in [&b"PK\x03\x04"[..], &rust[..rust.len() / 2], b"\0asm\x01\0\0\0"] {
        plugged.install(broken).await;
        assert_eq!(plugged.in_force(), Some(digest(&rust)));
    }
    plugged.sell("FLUTE").await;
    plugged.told("created").await;
    // Going back takes a file that runs.
    plugged.folder().install(&rust).unwrap();
    plugged.house.stage.server().unwrap().reload_now().await;
    assert_eq!(plugged.in_force(), Some(digest(&rust)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_is_removed_is_told_nothing_more_and_one_that_comes_back_begins_from_then_on() {
    let plugged = Plugged::new().await;
    assert!(plugged.folder().remove().unwrap());
    plugged.house.stage.server().unwrap().reload_now().await;
    assert_eq!(plugged.in_force(), None);
    plugged.sell("FLUTE").await;
    assert!(plugged.api.calls().is_empty());
    plugged.folder().roll_back().unwrap();
    plugged.house.stage.server().unwrap().reload_now().await;
    plugged.sell("FLUTE").await;
    assert_eq!(plugged.told("created").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_again_has_its_plugin_without_compiling_it() {
    let plugged = Plugged::new().await;
    let compiled = plugged.house.folder.path().join("passerelle.plugins");
    let files = || {
        let mut files: Vec<_> = std::fs::read_dir(&compiled).unwrap().map(|entry| entry.unwrap()).collect();
        files.sort_by_key(std::fs::DirEntry::file_name);
        files
            .into_iter()
            .map(|file| (file.file_name(), file.metadata().unwrap().modified().unwrap()))
            .collect::<Vec<_>>()
    };
    let before = files();
    assert_eq!(before.len(), 1, "{before:?}");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&compiled).unwrap().permissions().mode() & 0o777, 0o700);
    plugged.install(&component("noop")).await;
    plugged.install(&component("crm-rust")).await;
    let after = files();
    assert_eq!(after.len(), 2, "one more, and none twice");
    assert!(after.contains(&before[0]), "it was not made again");
}
