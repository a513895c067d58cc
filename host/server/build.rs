//! Finds the component that the binary embeds. It is built by `cargo xtask` and not here: a build script that runs cargo fights with it
//! over locks, targets and flags.

use std::path::Path;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let component = root.join("target/component/connector.wasm");
    println!("cargo::rerun-if-changed={}", component.display());
    match component.canonicalize() {
        Ok(component) => println!("cargo::rustc-env=PASSERELLE_CONNECTOR={}", component.display()),
        Err(_) => println!(
            "cargo::error=The connector, which this binary embeds, is not built yet: run `cargo xtask build`, which builds both."
        ),
    }
}
