//! A tenant's plugin as a Spin component: one private route in front of the hooks that Spin composes with it.
//!
//! Owns the way from a request to a call. Does not own the plugin, which is a component dependency and imports nothing; nor who may call, since a private
//! route is reached from within the application alone. A panic of the plugin ends this component's instance, and the edge reads 500.

#[cfg(target_family = "wasm")]
mod component;
