//! Outbound HTTP: the only place of the server that dials.
//!
//! Owns the policy of addresses, name resolution, TLS, the pooled connections and the limits of an answer. Does not own retries, budgets or
//! what is said: a request comes in as data and an answer or one of five failures goes out.
//!
//! Two layers keep a request from reaching the inside of the network. The flow builds URLs from the operator's and the tenants'
//! configuration only. And whatever a name resolves to is judged here, once, and the judged address is dialled, never the name again: a name
//! that answers differently the second time has no second time. A [`policy::VettedAddress`] is the only thing that can be dialled.
//!
//! There are no redirects and no proxies. What a tenant's plugin has sent goes over connections of that tenant's, a bounded number at a time. Connections are pooled per client certificate and host; the policy is one for the process, so a
//! pooled connection could have been opened for any request that finds it. Policies per tenant would need pools per tenant.

mod client;
mod dial;
mod names;
mod policy;
#[cfg(test)]
mod tests;
mod tls;
mod turns;

pub use client::{Egress, vet};
pub use names::{Found, Names};
pub use policy::{Policy, permits};
pub use tls::TlsError;
