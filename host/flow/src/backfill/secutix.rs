//! Comparing with SecuTix: its external references are read back, one call a pass.
//!
//! Owns what a refusal means for the comparison. Does not own what should stand there (the connector's `reduce`) nor the writing (`run::secutix`).

use super::{BackfillError, Compared, Repair};
use crate::flow::Flow;
use crate::installation;
use crate::ports::Host;
use crate::secutix::{SecutixClient, SecutixError};
use crate::store::{Priority, StoredPass};
use crate::tenant::Tenant;

pub(super) async fn compare<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &StoredPass,
) -> Result<Compared, BackfillError> {
    if !tenant.secutix.persist_installation_status {
        return Err(BackfillError::NothingWritten);
    }
    let read = SecutixClient::new(&flow.host, tenant).external_references(&pass.subject, Priority::Low).await;
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
    let repair = |(what, was, now)| Repair { pass: pass.id.clone(), what, was, now };
    let differs = installation::correct(flow, tenant, pass, &actual).await?;
    Ok(Compared::Seen(differs.into_iter().map(repair).collect()))
}
