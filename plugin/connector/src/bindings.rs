//! The types of `wit/connector` as plain Rust, generated from the WIT text; with feature `component` also its exports.
//!
//! Owns nothing by hand. On a host the exporting half is dead code: nothing calls `export!` there.

// Generated code lowers and lifts values through raw pointers, and none of it is ours to tidy.
#![allow(unsafe_code, dead_code, unused_imports)]
#![allow(clippy::all, clippy::pedantic)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

wit_bindgen::generate!({
    path: "../../wit/connector",
    world: "connector",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_connector",
    default_bindings_module: "crate::bindings",
    additional_derives: [serde::Serialize, serde::Deserialize, PartialEq, Eq, Hash],
});
