//! Guests that mean harm: plugins in WebAssembly's text format, so that every instruction is known and no toolchain is needed.
//!
//! Owns the guests (`*.wat` beside `src`, each with a comment that says what it tries), how one becomes a component of the world `tenant`, and how each has to
//! end. Does not own the sandbox that ends it: the sandbox's tests run them all, and `cargo xtask sandbox-report` does so beside a neighbour.
//! Nothing that is shipped depends on this package.

// A guest that cannot be made is a mistake of this package, and whoever wants it ends there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod answer;
mod events;
pub mod requests;
mod table;
pub mod upstream;

use wasm_encoder::{
    CodeSection, ComponentBuilder, ComponentExportKind, Function, FunctionSection, Module, ModuleArg, TypeSection,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

pub use answer::{image, returning};
pub use events::{call, request};
pub use table::{Ends, GUESTS, Guest};

const TENANT: &str = include_str!("../../../wit/tenant/tenant.wit");
/// Chooses the first template.
pub const GOOD: &str = include_str!("../good.wat");
/// Answers `shape` with the bytes of its ticket. Whoever lays them out needs to know where they come to lie: [`MIRROR_AT`].
pub const MIRROR: &str = include_str!("../mirror.wat");
pub const MIRROR_AT: u32 = 1 << 20;

/// How the file of a guest becomes a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A core module, which is encoded.
    Module,
    /// Encoded with texts in UTF-16.
    Utf16,
    /// A component already.
    Component,
    /// A component without a hook, which is put beside the good plugin in one component.
    Beside,
}

/// The component that a file stands for.
pub fn component(text: &str, form: Form) -> Vec<u8> {
    match form {
        Form::Module => encode(&module(text), &world(text, true), StringEncoding::UTF8),
        Form::Utf16 => encode(&module(text), &world(text, true), StringEncoding::UTF16),
        Form::Component => module(text),
        Form::Beside => beside(&module(text)),
    }
}

/// A plugin that does its work.
pub fn good() -> Vec<u8> {
    component(GOOD, Form::Module)
}

/// The same, and the contract's types are imported: some toolchains leave them there, and there is nothing to call in them.
pub fn good_with_imported_types() -> Vec<u8> {
    encode(&module(GOOD), &world(GOOD, false), StringEncoding::UTF8)
}

/// The bytes of a text, be it a module's or a component's.
pub fn module(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A world with the hooks that a module's exports name.
fn world(text: &str, export_types: bool) -> String {
    let mut world = "package passerelle:guest;\nworld guest {\n".to_owned();
    if export_types {
        world.push_str("export passerelle:tenant/types@0.1.0;\n");
    }
    for hook in passerelle_flow::plugin::hook::Hook::ALL {
        let interface = format!("passerelle:tenant/{}@0.1.0", hook.name());
        if text.contains(&format!("{interface}#")) {
            world.push_str(&format!("export {interface};\n"));
        }
    }
    world + "}\n"
}

fn encode(module: &[u8], world: &str, texts: StringEncoding) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_source("tenant.wit", TENANT).unwrap();
    let package = resolve.push_source("guest.wit", world).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    let mut module = module.to_vec();
    embed_component_metadata(&mut module, &resolve, world, texts).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// Another component and the good plugin in one: what the first does when it is instantiated, the plugin is charged for.
fn beside(other: &[u8]) -> Vec<u8> {
    let nothing: [(&str, ComponentExportKind, u32); 0] = [];
    let mut builder = ComponentBuilder::default();
    let other = builder.component_raw(Some("other"), other);
    builder.instantiate(Some("other"), other, nothing);
    let plugin = builder.component_raw(Some("plugin"), &good());
    let plugin = builder.instantiate(Some("plugin"), plugin, nothing);
    for name in ["passerelle:tenant/types@0.1.0", "passerelle:tenant/choose-template@0.1.0"] {
        let instance = builder.alias_export(plugin, name, ComponentExportKind::Instance);
        builder.export(name, ComponentExportKind::Instance, instance, None);
    }
    builder.finish()
}

/// A plugin that takes more time and memory to compile than anybody should give it: functions of nothing but empty loops, three bytes each, in each of
/// which the compiler puts a look at the clock.
pub fn long_to_compile() -> Vec<u8> {
    /// Each as long as a function may be for wasmtime, 7,654,321 bytes, and together less than a plugin may have.
    const FUNCTIONS: u32 = 3;
    const LOOPS: usize = 2_500_000;
    let (mut types, mut functions, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    for _ in 0..FUNCTIONS {
        functions.function(0);
        let mut body = Function::new([]);
        body.raw([0x03, 0x40, 0x0b].repeat(LOOPS));
        body.instructions().end();
        code.function(&body);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    let mut component = ComponentBuilder::default();
    let module = component.core_module(None, &module);
    component.core_instantiate(None, module, Vec::<(&str, ModuleArg)>::new());
    beside(&component.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_guest_of_the_table_and_says_what_it_tries() {
        let mut files: Vec<_> =
            std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "wat"));
        let mut files: Vec<_> =
            files.iter().map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        files.retain(|name| name != "mirror");
        files.sort();
        let mut names: Vec<_> = GUESTS.iter().map(|guest| guest.name.to_owned()).collect();
        names.sort();
        assert_eq!(files, names);
        assert!(GUESTS.iter().all(|guest| guest.tried().ends_with('.')));
    }

    #[test]
    fn every_guest_can_be_made() {
        for guest in GUESTS {
            assert!(guest.component().starts_with(b"\0asm"), "{}", guest.name);
        }
    }
}
