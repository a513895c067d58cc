//! SecuTix 360 over REST-RPC: the calls that the flow makes, their authentication and their budget.
//!
//! Owns the protocol. Does not own what a file or a contact means: the body of a successful call goes to the connector
//! as it came.

mod budget;
mod client;
pub mod jwt;
mod lenient;
mod listing;

pub use client::{SecutixClient, SecutixError};
pub use listing::{Listing, Ticket};
