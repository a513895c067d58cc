//! The export side of `wit/connector`, generated. The same types as `passerelle_contract`'s, with wasmtime's way of copying them in and
//! out of a guest; `convert` goes between the two.

// Generated code answers to its generator.
#![allow(clippy::all, clippy::pedantic, unsafe_code, rust_2018_idioms)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

wasmtime::component::bindgen!({
    path: "../../wit/connector",
    world: "connector",
    exports: { default: async },
});

pub use exports::passerelle::connector::{installation, payload, scenario, types, webhook};
