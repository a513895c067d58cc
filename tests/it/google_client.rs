//! Google's own Python client against the simulator: what stands in for Google is what Google's client takes for Google.

use std::path::Path;
use std::process::Command;

use passerelle_simulator::{Simulator, SimulatorConfig};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn googles_own_client_finds_in_the_simulator_what_google_documents() {
    let python = std::env::var_os("GOOGLE_CLIENT_PYTHON").expect(
        "GOOGLE_CLIENT_PYTHON names a Python that has tests/oracle/google/requirements.txt; `cargo xtask test` sets it",
    );
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (root, key) = (folder.path().join("root.pem"), folder.path().join("account.json"));
    std::fs::write(&root, world.authority().root_pem()).unwrap();
    std::fs::write(&key, world.service_account().json()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle/google/client.py");
    let mut command = Command::new(python);
    command.arg(script).arg(world.google().api_url()).args([&root, &key]).arg(world.google_issuer());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (link, inserted) = (seen["link"].take(), seen["inserted"].take());
    assert_eq!(
        seen,
        json!({
            "no class yet": 404, "class twice": 409, "read": "1", "unknown": 404, "void": 400, "patched": "INACTIVE",
            "updated": "ACTIVE", "approved": 400, "messages": 3, "fourth": 400, "pages": [3, 1],
            "link": null, "inserted": null,
        })
    );
    // Its save links are links, the short and the long way.
    let phone = world.android("ada");
    let short = format!("{}/{}", world.google().save_url(), link.as_str().unwrap());
    assert_eq!(phone.save(&short).await.unwrap().len(), 1);
    assert_eq!(world.android("grace").save(inserted.as_str().unwrap()).await.unwrap().len(), 1);
    assert_eq!(world.google().warnings(), Vec::<String>::new());
    world.stop().await;
}
