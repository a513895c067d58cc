//! Comparing with SecuTix: its external references are read back, one call a pass.
//!
//! Owns what a refusal means for the comparison. Does not own what should stand there (the connector's `reduce`) nor the writing (`run::secutix`).

use std::collections::BTreeMap;

use super::{BackfillError, Compared, Repair};
use crate::flow::Flow;
use crate::installation;
use crate::ports::Host;
use crate::secutix::{SecutixClient, SecutixError};
use crate::store::{Backfills as _, Priority, StoredPass};
use crate::tenant::Tenant;

/// Values that may be told as they are.
const ANSWERS: [&str; 6] = ["installed", "uninstalled", "apple", "google", "apple+google", "-"];

pub(super) async fn compare<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &StoredPass,
) -> Result<Compared, BackfillError> {
    if flow.host.store().report_waits(&tenant.id, &pass.id).await? {
        return Ok(Compared::Seen(vec![]));
    }
    if !tenant.secutix.is_told() {
        return Err(BackfillError::NothingWritten);
    }
    let read = match tenant.secutix.persist_installation_status {
        true => SecutixClient::new(&flow.host, tenant).external_references(&pass.subject, Priority::Low).await,
        // Only the printing is reported, which cannot be read back.
        false => Ok(BTreeMap::new()),
    };
    let actual = match read {
        Ok(actual) => actual,
        Err(SecutixError::BudgetSpent { until } | SecutixError::Throttled { until }) => {
            return Ok(Compared::Wait(until));
        }
        Err(SecutixError::Store(error)) => return Err(error.into()),
        // Of this pass alone: its movement is not known there any more.
        Err(SecutixError::NotFound | SecutixError::Rejected(_)) => {
            tracing::warn!(tenant = %tenant.id, pass = %pass.id, "SecuTix does not know what the pass is of");
            return Ok(Compared::Seen(vec![]));
        }
        Err(error) => return Err(BackfillError::Secutix(error)),
    };
    // What somebody else wrote there is told by nobody here: it may be anything.
    let known = |was: String| if ANSWERS.contains(&was.as_str()) { was } else { "something else".to_owned() };
    let repair = |(what, was, now): (String, Option<String>, String)| Repair {
        pass: pass.id.clone(),
        what,
        was: was.map(known),
        now,
    };
    let differs = installation::correct(flow, tenant, pass, &actual).await?;
    Ok(Compared::Seen(differs.into_iter().map(repair).collect()))
}
