//! From bytes to a component that may run: what is refused, and in which words.
//!
//! Owns the checks that need no call. Compiling is the expensive part and happens here, at start or at upload: never for a request. What a component calls
//! its imports and exports is its author's, and goes to a log and a terminal: it is cut, and on one line.

use std::path::PathBuf;

use passerelle_flow::plugin::request::shown;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre, Linker};

use super::account::AccountError;
use super::meter::Meter;
use super::runtime::Engine;

/// The largest component that is looked at. Python's interpreter, compiled, has 18 MB.
pub const SIZE: usize = 32 * 1024 * 1024;

/// Why bytes are not a component that may run. Each is one sentence for the person who brought them.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the component has {0} bytes, more than the {SIZE} that are allowed")]
    TooLarge(usize),
    #[error("this is no WebAssembly: it does not begin with the four bytes of one")]
    NotWasm,
    #[error("this is machine code that a wasmtime wrote (.cwasm); bring the component that it was compiled from")]
    Precompiled,
    #[error(
        "this is a core module, not a component: encode it with `wasm-tools component new`, or build it for a component target"
    )]
    CoreModule,
    #[error("the component imports `{}`; components run here must import nothing", shown(.0))]
    Imports(String),
    #[error("the component is broken, or needs more than a sandbox has: {}", chain(.0))]
    Refused(wasmtime::Error),
    #[error("the component does not export what the contract asks for: {}", chain(.0))]
    World(wasmtime::Error),
    #[error("the component exports `{}`, a version of the contract that this host does not know; it knows 0.1", shown(.0))]
    Version(String),
    #[error("the component exports `{}`, which is no hook of the contract", shown(.0))]
    UnknownHook(String),
    #[error("the component exports none of the hooks, so there is nothing to call")]
    NoHook,
    #[error("the component's `{hook}` is not the one of the contract: {}", chain(.why))]
    Hook { hook: &'static str, why: wasmtime::Error },
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{} is not what was compiled: it is damaged; delete it, and it is made again", .0.display())]
    Damaged(PathBuf),
    #[error(transparent)]
    Account(#[from] AccountError),
}

/// All that wasmtime says, from the outside in: its first words are seldom the ones that help.
fn chain(error: &wasmtime::Error) -> String {
    shown(&format!("{error:#}"))
}

/// Which imports do no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imports {
    None,
    /// An instance that has types and nothing else: how some toolchains name the types of an interface. There is nothing to call in it.
    TypesOnly,
}

/// What can be said of bytes before they are parsed.
pub fn look(wasm: &[u8]) -> Result<(), LoadError> {
    if wasm.len() > SIZE {
        return Err(LoadError::TooLarge(wasm.len()));
    }
    // Machine code of wasmtime is an ELF file. Loading it would run it, so it is refused before anything else looks at it.
    if wasmtime::Engine::detect_precompiled(wasm).is_some() {
        return Err(LoadError::Precompiled);
    }
    // Magic, then version and layer: 1 and 0 for a module, 13 and 1 for a component.
    match wasm.get(..8) {
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => Err(LoadError::CoreModule),
        Some([0, b'a', b's', b'm', ..]) => Ok(()),
        _ => Err(LoadError::NotWasm),
    }
}

/// Checks, compiles and links.
pub fn load(engine: &Engine, wasm: &[u8], imports: Imports) -> Result<InstancePre<Meter>, LoadError> {
    look(wasm)?;
    link(engine, &Component::from_binary(engine.wasmtime(), wasm).map_err(LoadError::Refused)?, imports)
}

/// Checks what is imported, and links nothing: there is nothing to link.
pub fn link(engine: &Engine, component: &Component, imports: Imports) -> Result<InstancePre<Meter>, LoadError> {
    refuse_imports(engine.wasmtime(), component, imports)?;
    // Else the first call would pay for it.
    component.initialize_copy_on_write_image().map_err(LoadError::Refused)?;
    Linker::new(engine.wasmtime()).instantiate_pre(component).map_err(LoadError::Refused)
}

pub fn refuse_imports(engine: &wasmtime::Engine, component: &Component, imports: Imports) -> Result<(), LoadError> {
    for (name, import) in component.component_type().imports(engine) {
        let harmless = imports == Imports::TypesOnly
            && match &import.ty {
                ComponentItem::ComponentInstance(instance) => {
                    instance.exports(engine).all(|(_, export)| matches!(export.ty, ComponentItem::Type(_)))
                }
                ComponentItem::Type(_) => true,
                _ => false,
            };
        if !harmless {
            return Err(LoadError::Imports(name.to_owned()));
        }
    }
    Ok(())
}
