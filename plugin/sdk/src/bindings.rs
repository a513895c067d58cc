//! The contract `wit/tenant` as Rust, generated from its text: the types, a trait for each export, and the exporting macro.
//!
//! Owns nothing by hand. Public because `export!` reaches it from the plugin's crate; a plugin names the types from the crate's root.

// Generated code lowers and lifts values through raw pointers, and none of it is ours to tidy.
#![allow(unsafe_code, missing_docs, dead_code, unused_imports)]
#![allow(clippy::all, clippy::pedantic)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

wit_bindgen::generate!({
    // `passerelle plugin new` copies the contract beside this crate's `src`, and puts that folder's name in place of this path.
    path: "../../wit/tenant",
    world: "tenant",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_tenant",
    default_bindings_module: "passerelle_plugin::bindings",
    additional_derives: [PartialEq, Eq, Hash],
});
