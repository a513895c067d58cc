//! A partial plugin, completed: what it does not export comes from the plugin that does nothing.
//!
//! Owns the composition, for Spin, which composes no component with an absent export. The two stay what they are, side by side in one component, each with
//! a memory of its own. An export has to name its types among its neighbours', and those of the plugin's hooks are its own: so every hook goes through a third
//! component without code, which takes what the contract says and gives it back under one set of types. What comes out is validated, so that nothing
//! else is ever written.

use anyhow::{Context as _, bail, ensure};
use passerelle_flow::plugin::hook::Hook;
use wasm_encoder::reencode::{ReencodeComponent as _, RoundtripReencoder};
use wasm_encoder::{ComponentBuilder, ComponentExportKind};
use wasmparser::{ComponentType, ComponentTypeDeclaration, Encoding, Parser, Payload, Validator};

/// The component of the distribution that exports every hook with its default. `build.rs` says where it was found.
pub const NOOP: &[u8] = include_bytes!(env!("PASSERELLE_NOOP"));
const PACKAGE: &str = "passerelle:tenant/";
/// Of the contract that the distribution's component exports.
const VERSION: &str = "0.1.0";
/// The interface of the words that the hooks share.
const TYPES: &str = "types";

const INSTANCE: ComponentExportKind = ComponentExportKind::Instance;

fn interface(name: &str) -> String {
    format!("{PACKAGE}{name}@{VERSION}")
}

/// The plugin, which was loaded and so has hooks of the contract and asks for nothing, with every export of the world `tenant`.
pub fn complete(plugin: &[u8]) -> anyhow::Result<Vec<u8>> {
    let Outline { imports, exports } = outline(plugin)?;
    let mut builder = ComponentBuilder::default();
    let noop = builder.component_raw(Some("noop"), NOOP);
    let nothing: [(&str, ComponentExportKind, u32); 0] = [];
    let noop = builder.instantiate(Some("noop"), noop, nothing);
    let types = builder.alias_export(noop, &interface(TYPES), INSTANCE);
    // Types only: what else it might import was refused when it was loaded.
    let wanted: Vec<_> = imports.iter().map(|name| (name.as_str(), INSTANCE, types)).collect();
    let plugin = builder.component_raw(Some("plugin"), plugin);
    let plugin = builder.instantiate(Some("plugin"), plugin, wanted);

    let mut given = vec![(interface(TYPES), INSTANCE, types)];
    for hook in Hook::ALL {
        let name = interface(hook.name());
        let instance = match exports.iter().find(|export| is(export, hook)) {
            Some(own) => builder.alias_export(plugin, own, INSTANCE),
            None => builder.alias_export(noop, &name, INSTANCE),
        };
        given.push((name, INSTANCE, instance));
    }
    let names: Vec<String> = given.iter().map(|(name, ..)| name.clone()).collect();
    let contract = builder.component_raw(Some("contract"), &contract()?);
    let contract = builder.instantiate(Some("contract"), contract, given);
    for name in &names {
        let instance = builder.alias_export(contract, name, INSTANCE);
        builder.export(name, INSTANCE, instance, None);
    }
    let completed = builder.finish();
    Validator::new()
        .validate_all(&completed)
        .context("it cannot be completed: its hooks are not those of the contract")?;
    let Outline { imports, exports } = outline(&completed)?;
    ensure!(imports.is_empty() && exports == names, "what was completed is not the world `tenant`");
    Ok(completed)
}

/// Is the export this hook? Within 0.1 all versions are alike.
fn is(export: &str, hook: Hook) -> bool {
    let version = export.strip_prefix(PACKAGE).and_then(|rest| rest.strip_prefix(hook.name()));
    version.is_some_and(|version| version.starts_with("@0.1."))
}

/// A component without code: it imports what the world `tenant` exports, exports the same again, and so says what the types are called.
fn contract() -> anyhow::Result<Vec<u8>> {
    let world = wit_component::decode(NOOP).context("the distribution's plugin")?;
    let encoded =
        wit_component::encode(world.resolve(), world.package()).context("the world of the distribution's plugin")?;
    let (mut builder, mut same) = (ComponentBuilder::default(), RoundtripReencoder);
    let mut taken = Vec::new();
    for declaration in declarations(&encoded)? {
        match declaration {
            ComponentTypeDeclaration::Type(kind) => {
                let (_, encoder) = builder.ty(None);
                same.parse_component_type(encoder, kind)?;
            }
            ComponentTypeDeclaration::Alias(alias) => {
                let alias = same.component_alias(alias)?;
                builder.alias(None, alias);
            }
            // Both count one more instance, so that all that follows means the same.
            ComponentTypeDeclaration::Export { name, ty } => {
                let kind = same.component_type_ref(ty)?;
                taken.push((name.name.to_owned(), builder.import(name.name, kind)));
            }
            ComponentTypeDeclaration::CoreType(_) | ComponentTypeDeclaration::Import(_) => {
                bail!("the distribution's plugin is another than the world `tenant`")
            }
        }
    }
    for (name, instance) in taken {
        builder.export(&name, INSTANCE, instance, None);
    }
    Ok(builder.finish())
}

/// What the one world of an encoded package declares, in its order.
fn declarations(package: &[u8]) -> anyhow::Result<Vec<ComponentTypeDeclaration<'_>>> {
    for payload in Parser::new(0).parse_all(package) {
        let Payload::ComponentTypeSection(section) = payload? else { continue };
        for kind in section {
            let ComponentType::Component(outer) = kind? else { continue };
            // A world is a component type within the one that says what it is called.
            for declaration in outer {
                if let ComponentTypeDeclaration::Type(ComponentType::Component(world)) = declaration {
                    return Ok(world.into_vec());
                }
            }
        }
    }
    bail!("the distribution's plugin has no world")
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
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => bail!("it is a core module"),
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
