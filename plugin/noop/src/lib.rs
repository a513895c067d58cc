//! The plugin of who has none: every hook with its default.
//!
//! A Spin application names all interfaces of the world `tenant` as dependencies; those that a tenant's plugin does not export are this one's.
//!
//! Owns nothing: the defaults are the SDK's.

struct Noop;

impl passerelle_plugin::Plugin for Noop {}

passerelle_plugin::export!(Noop);
