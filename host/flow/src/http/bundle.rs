//! Every live pass of a file in one download, a `.pkpasses`.
//!
//! Owns the archive of archives. Does not own who may have it (`order_passes`) nor the packages (`apple::package`). A pass that is void, or whose template has no Apple
//! part, is left out: the others are still somebody's tickets.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use super::{Answer, Call, Problem, caller, passes, respond};
use crate::apple::Archive;
use crate::flow::Flow;
use crate::ports::Host;
use crate::store::{PassState, Store};
use crate::tenant::Tenant;

/// Of a `.pkpasses`.
const MEDIA_TYPE: &str = "application/vnd.apple.pkpasses";
/// Passes of one download. Apple names no number; a phone adds them one after the other, and a group larger than this is handed out ticket by ticket.
pub const LIMIT: usize = 40;

pub async fn download<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, file: &str) -> Answer {
    if tenant.apple.is_none() {
        return Err(Problem::not_configured("Apple Wallet certificate"));
    }
    let store = flow.host.store();
    let view = store.file_view(&tenant.id, file).await.map_err(caller::unavailable)?;
    let live: Vec<_> = view.passes.into_iter().filter(|pass| pass.state == PassState::Live).collect();
    if live.len() > LIMIT {
        let message = format!("this file has {} passes; up to {LIMIT} are handed out together", live.len());
        return Err(Problem::field("fileId", &message));
    }
    let mut archive = Archive::default();
    let mut any = false;
    for pass in live {
        let Some(view) = store.pass(&tenant.id, &pass.id).await.map_err(caller::unavailable)? else { continue };
        let package = match passes::apple_package(flow, tenant, call, &view).await {
            Ok(package) => package,
            Err(problem) if problem.is_not_configured() => None,
            Err(problem) => return Err(problem),
        };
        let Some(package) = package else { continue };
        any = true;
        archive.add(&format!("{}.pkpass", pass.id), &package).map_err(caller::internal)?;
    }
    if !any {
        return Err(Problem::not_found("live Apple pass of this file"));
    }
    let bytes: Bytes = archive.finish().map_err(caller::internal)?;
    let mut response = respond(StatusCode::OK, MEDIA_TYPE, bytes);
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{file}.pkpasses\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
