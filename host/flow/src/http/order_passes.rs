//! `GET /api/{tenantId}/orders/{fileId}/passes?device=google&token=…`: every pass of a file at once.
//!
//! Owns the link's proof and which passes it opens: those of the file that live now. `getTicketsUrl` hands the link out. It opens what the single
//! links of the same answer open, and needs no key.

use subtle::ConstantTimeEq as _;

use super::save::save_all;
use super::{Answer, Call, Problem, caller, method};
use crate::access::Scope;
use crate::flow::Flow;
use crate::identity::secutix_id;
use crate::ports::Host;
use crate::store::{PassState, PassView, Store};
use crate::tenant::Tenant;

/// The address of a file's passes for their buyer. It carries its own proof.
pub fn link(tenant: &Tenant, file: &str) -> String {
    format!("{}/api/{}/orders/{file}/passes?token={}", tenant.public_url, tenant.id, proof(tenant, file))
}

fn proof(tenant: &Tenant, file: &str) -> String {
    tenant.keys.mac("order-link", &[tenant.id.as_str().as_bytes(), file.as_bytes()])
}

pub async fn get<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, file: &str) -> Answer {
    method(call, "GET")?;
    let file = secutix_id(file).ok_or_else(|| Problem::field("fileId", "a SecuTix file id (int64) is expected"))?;
    match call.query("token") {
        Some(given) if bool::from(proof(tenant, &file).as_bytes().ct_eq(given.as_bytes())) => {}
        Some(_) => return Err(Problem::unauthorised()),
        None => caller::authorise(flow, tenant, call, Scope::PassRead).await?,
    }
    if call.query("device") != Some("google") {
        return Err(Problem::field("device", "google is expected"));
    }
    let store = flow.host.store();
    let known = store.file_view(&tenant.id, &file).await.map_err(caller::unavailable)?;
    let mut passes: Vec<PassView> = Vec::new();
    for pass in known.passes.iter().filter(|pass| pass.state == PassState::Live) {
        // A template without a part for Google makes no pass to save.
        if pass.google_class.is_some() {
            passes.extend(store.pass(&tenant.id, &pass.id).await.map_err(caller::unavailable)?);
        }
    }
    if passes.is_empty() {
        return Err(Problem::not_found("pass of this file for Google Wallet"));
    }
    save_all(flow, tenant, call, &passes).await
}
