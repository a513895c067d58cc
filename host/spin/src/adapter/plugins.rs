//! The tenants' plugins: components of their own behind private routes, so that a panic takes no request of the edge along.
//!
//! Owns the call. Does not own the other end (`host/spin-plugin`), nor how much processor time a plugin takes: Spin has no limit to give. A partial plugin
//! was completed when it was built, so each has every hook.

use bytes::Bytes;
use http::StatusCode;
use passerelle_flow::plugin::hook::{Hook, HookCall, Returned};
use passerelle_flow::plugin::{Digest, Installed, Presence};
use passerelle_flow::ports::{HttpFailure, Plugins, SandboxFailure};
use passerelle_flow::tenant::Tenant;

use super::outbound::chained;

/// JSON writes a byte as a number of up to four characters, so an answer is that much longer than what the plugin returned.
const JSON: usize = 4;

pub struct Routed;

impl Plugins for Routed {
    fn presence(&self, tenant: &Tenant) -> Presence {
        // Which build it is only a deployment knows, and says or does not; every instance begins with a closed breaker.
        match tenant.plugin.component {
            None => Presence::None,
            Some(_) => Presence::Installed(Installed { digest: tenant.plugin.build(), hooks: Hook::ALL.into() }),
        }
    }

    async fn call(&self, tenant: &Tenant, _: &Digest, call: HookCall) -> Result<Returned, SandboxFailure> {
        let Some(component) = &tenant.plugin.component else { return Err(SandboxFailure::Busy) };
        let limits = &tenant.plugin.limits;
        let body = serde_json::to_vec(&call).map(Bytes::from).map_err(|_| SandboxFailure::Aborted)?;
        let answer = chained(component, body, limits.wall, limits.output.saturating_mul(JSON)).await;
        match answer {
            Ok(answer) if answer.status == StatusCode::OK => {
                serde_json::from_slice(&answer.body).map_err(|_| SandboxFailure::Aborted)
            }
            // Spin's word for a guest that trapped; its memory limit ends in the same.
            Ok(_) => Err(SandboxFailure::Panicked),
            Err(HttpFailure::TimedOut) => Err(SandboxFailure::TimedOut),
            Err(HttpFailure::TooLarge) => Err(SandboxFailure::Aborted),
            Err(HttpFailure::Denied | HttpFailure::Unreachable | HttpFailure::Invalid) => {
                tracing::error!(tenant = %tenant.id, component, "the tenant's plugin is not reached: spin.toml needs the component, its private route, and its address in allowed_outbound_hosts");
                Err(SandboxFailure::Busy)
            }
        }
    }
}
