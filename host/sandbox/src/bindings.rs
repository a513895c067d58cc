//! The export sides of `wit/connector` and of `wit/tenant`, generated. The same types as `passerelle_contract`'s, with wasmtime's way of copying them
//! in and out of a guest; `convert` goes between the two.

// Generated code answers to its generator.
#![allow(clippy::all, clippy::pedantic, unsafe_code, rust_2018_idioms)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

wasmtime::component::bindgen!({
    path: "../../wit/connector",
    world: "connector",
    exports: { default: async },
});

pub use exports::passerelle::connector::{installation, payload, scenario, types, webhook};

/// Each interface by itself, since a plugin need not have them all.
pub mod tenant {
    wasmtime::component::bindgen!({
        path: "../../wit/tenant",
        world: "tenant",
        exports: { default: async },
    });

    pub use exports::passerelle::tenant::{
        choose_template, on_order_changed, on_pass_installed, on_pass_uninstalled, shape_payload, types,
    };
}
