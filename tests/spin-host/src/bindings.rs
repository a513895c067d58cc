//! The interfaces of Spin that this host implements, as Rust. Generated from `wit/`; nothing is written by hand here.

#![allow(clippy::all, reason = "generated")]

wasmtime::component::bindgen!({
    path: "wit",
    world: "passerelle:spin-host/guest",
    imports: { default: async | trappable },
    with: { "spin:sqlite/sqlite.connection": crate::sqlite::OpenConnection },
});
