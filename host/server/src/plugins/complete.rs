//! A partial plugin, completed: what it does not export comes from the plugin that does nothing.
//!
//! Owns the composition, for Spin, which composes no component with an absent export. The two stay what they are, side by side in one component, each with
//! a memory of its own; the exports of the one that has them stand for both.

use anyhow::Context as _;
use passerelle_flow::plugin::hook::Hook;
use wasm_encoder::{ComponentBuilder, ComponentExportKind};
use wasmparser::{Encoding, Parser, Payload};

/// The component of the distribution that exports every hook with its default. `build.rs` says where it was found.
pub const NOOP: &[u8] = include_bytes!(env!("PASSERELLE_NOOP"));
const PACKAGE: &str = "passerelle:tenant";
/// Of the contract that the distribution's component exports.
const VERSION: &str = "0.1.0";

fn interface(name: &str) -> String {
    format!("{PACKAGE}/{name}@{VERSION}")
}

/// The plugin with every export of the world `tenant`.
pub fn complete(plugin: &[u8]) -> anyhow::Result<Vec<u8>> {
    let Outline { imports, exports } = outline(plugin)?;
    let mut builder = ComponentBuilder::default();
    let noop = builder.component_raw(Some("noop"), NOOP);
    let noop = builder.instantiate(Some("noop"), noop, Vec::<(&str, ComponentExportKind, u32)>::new());
    // Types only: what else it might import was refused when it was loaded.
    let types = interface("types");
    let given = builder.alias_export(noop, &types, ComponentExportKind::Instance);
    let wanted = imports.iter().map(|name| (name.as_str(), ComponentExportKind::Instance, given));
    let wanted: Vec<_> = wanted.collect();
    let plugin = builder.component_raw(Some("plugin"), plugin);
    let plugin = builder.instantiate(Some("plugin"), plugin, wanted);
    let names = std::iter::once(types).chain(Hook::ALL.into_iter().map(|hook| interface(hook.name())));
    for name in names {
        let from = if exports.contains(&name) { plugin } else { noop };
        let instance = builder.alias_export(from, &name, ComponentExportKind::Instance);
        builder.export(&name, ComponentExportKind::Instance, instance, None);
    }
    Ok(builder.finish())
}

/// What a component says of itself on its outermost level.
struct Outline {
    imports: Vec<String>,
    exports: Vec<String>,
}

fn outline(component: &[u8]) -> anyhow::Result<Outline> {
    let (mut depth, mut outline) = (0_u32, Outline { imports: vec![], exports: vec![] });
    for payload in Parser::new(0).parse_all(component) {
        match payload.context("the component cannot be read")? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => anyhow::bail!("it is a core module"),
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    outline.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    outline.exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(outline)
}
