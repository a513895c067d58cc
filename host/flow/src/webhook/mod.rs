//! Outbound webhooks: others are told what happens to passes, signed, in order per pass, until they have taken it.
//!
//! Owns what an endpoint is and may ask for, the signatures, the two bodies, when it is tried again, and one attempt. Does not own what a
//! happening says (`happening`), the rows and who may be claimed (`store`), nor how an address is vetted and dialled (the host's HTTP).
//! Promise: at least once; those of a pass one after the other; between passes nothing. Bounds: [`endpoint::MOST`] endpoints of a tenant, one
//! attempt within [`schedule::Schedule::timeout`], [`send::KEPT`] bytes of an answer.

pub mod body;
pub mod endpoint;
pub mod manage;
pub mod pattern;
pub mod plugin;
pub mod schedule;
pub mod send;
pub mod signature;
