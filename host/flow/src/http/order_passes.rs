//! `GET /api/{tenantId}/orders/{fileId}/passes?device=apple|google&token=…`: every pass of a file at once, in one download or by one save link.
//!
//! Owns the link's proof and which passes it opens: those of the file that live now. `getTicketsUrl` hands the link out. It opens what the single
//! links of the same answer open, and needs no key.

use super::save::save_all;
use super::{Answer, Call, Problem, bundle, caller, method};
use crate::access::Scope;
use crate::flow::Flow;
use crate::identity::secutix_id;
use crate::ports::Host;
use crate::store::{PassState, PassView, Store};
use crate::tenant::Tenant;

/// The address of a file's passes for their buyer. It carries its own proof; `&device=` follows.
pub fn link(tenant: &Tenant, file: &str) -> String {
    let token = tenant.keys.order_token(&tenant.id, file);
    format!("{}/api/{}/orders/{file}/passes?token={token}", tenant.public_url, tenant.id)
}

pub async fn get<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, file: &str) -> Answer {
    method(call, "GET")?;
    let file = secutix_id(file).ok_or_else(|| Problem::field("fileId", "a SecuTix file id (int64) is expected"))?;
    match call.query("token") {
        Some(given) if tenant.keys.verify_order(&tenant.id, &file, given) => {}
        Some(_) => return Err(Problem::unauthorised()),
        None => caller::authorise(flow, tenant, call, Scope::PassRead).await?,
    }
    match call.query("device") {
        Some("apple") => bundle::download(flow, tenant, call, &file).await,
        Some("google") => save(flow, tenant, call, &file).await,
        _ => Err(Problem::field("device", "apple or google is expected")),
    }
}

async fn save<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, file: &str) -> Answer {
    let store = flow.host.store();
    let known = store.file_view(&tenant.id, file).await.map_err(caller::unavailable)?;
    let mut passes: Vec<PassView> = Vec::new();
    for pass in known.passes.iter().filter(|pass| pass.state == PassState::Live) {
        passes.extend(store.pass(&tenant.id, &pass.id).await.map_err(caller::unavailable)?);
    }
    save_all(flow, tenant, call, &passes).await
}
