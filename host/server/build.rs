//! Finds the components that the binary embeds: the connector, and the plugin that does nothing. They are built by `cargo xtask` and not here: a build script that runs cargo fights with it
//! over locks, targets and flags.

use std::path::Path;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (variable, file) in [("CONNECTOR", "target/component/connector.wasm"), ("NOOP", "target/plugin/noop.wasm")] {
        let component = root.join(file);
        println!("cargo::rerun-if-changed={}", component.display());
        match component.canonicalize() {
            Ok(component) => println!("cargo::rustc-env=PASSERELLE_{variable}={}", component.display()),
            Err(_) => println!(
                "cargo::error={file}, which this binary embeds, is not built yet: run `cargo xtask build`, which builds both."
            ),
        }
    }
}
