//! The hooks of a tenant's plugin: when each is called, and what becomes of its answer.
//!
//! Owns the rounds of asking and answering, and the two places where hooks act: within a run (`choose`, `shape`), and as one more endpoint of the
//! outbox (`endpoint`, `deliver`). Does not own what a plugin may answer and want (`plugin`), the sandbox, nor who dials.
//!
//! Bounds: [`crate::plugin::setup::PluginLimits`] per call and per request, [`crate::plugin::setup::ROUNDS`] rounds, the destination's budget, and the
//! time that a run or a delivery has for all of its hooks (`patience`).

pub mod choose;
mod courier;
pub mod deliver;
pub mod endpoint;
pub mod event;
pub mod occasion;
mod patience;
pub mod recall;
pub mod round;
pub mod shape;
