//! The types of `wit/connector` and of `wit/tenant` as plain Rust: the vocabulary of the flow and of every host.
//!
//! Generated once, here, from the WIT text: records and variants with public fields, no lifetime, no handle.
//! The functions beside them are the import side of the connector and exist for hosts that *are* components
//! (Spin); natively they have no body, and the server calls its own sandbox instead.
//!
//! Owns no behaviour. Bounded by the two WIT packages: whatever is not in them is not here.

// The bindings lower and lift values through raw pointers; none of that code runs natively.
#![allow(unsafe_code)]
#![allow(clippy::all, clippy::pedantic)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

wit_bindgen::generate!({
    inline: r#"
        package passerelle:host@0.1.0;
        world host {
            import passerelle:connector/types@0.1.0;
            import passerelle:connector/webhook@0.1.0;
            import passerelle:connector/scenario@0.1.0;
            import passerelle:connector/payload@0.1.0;
            import passerelle:connector/installation@0.1.0;
        }
    "#,
    path: "../../wit/connector",
    world: "passerelle:host/host",
    generate_all,
    additional_derives: [serde::Serialize, serde::Deserialize, PartialEq, Eq, Hash],
});

pub use passerelle::connector::{installation, payload, scenario, types, webhook};

/// What a tenant's plugin may decide: the package that strangers compile against. It shares no type with the connector's.
pub mod tenant {
    wit_bindgen::generate!({
        inline: r#"
            package passerelle:plugin-host@0.1.0;
            world plugin-host {
                import passerelle:tenant/types@0.1.0;
                import passerelle:tenant/choose-template@0.1.0;
                import passerelle:tenant/shape-payload@0.1.0;
                import passerelle:tenant/on-pass-installed@0.1.0;
                import passerelle:tenant/on-pass-uninstalled@0.1.0;
                import passerelle:tenant/on-order-changed@0.1.0;
            }
        "#,
        path: "../../wit/tenant",
        world: "passerelle:plugin-host/plugin-host",
        generate_all,
        additional_derives: [serde::Serialize, serde::Deserialize, PartialEq, Eq, Hash],
    });

    pub use passerelle::tenant::{
        choose_template, on_order_changed, on_pass_installed, on_pass_uninstalled, shape_payload, types,
    };
}
