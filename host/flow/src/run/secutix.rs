//! Back to SecuTix: what it is told of an installation, and that a ticket was retrieved.
//!
//! Owns what is sent for these two levels and what an answer means for the row. Does not own what SecuTix should know (the connector's
//! `reduce`), the protocol and its budget (`secutix`) nor what is wanted when (the store, with the status). Only keys that differ from what SecuTix has
//! confirmed are written, one call each, so a status that changed five times since is written once. Last in line: a report may be an hour late,
//! and a void may not.

use passerelle_contract::installation::Status;

use super::effect::{Sent, failed, installation_failed, pass_of};
use crate::flow::Flow;
use crate::identity::Millis;
use crate::installation::{self, InstallationError};
use crate::options::below;
use crate::ports::Host;
use crate::secutix::{SecutixClient, SecutixError};
use crate::store::{EffectLease, EffectNext, PassSubject, Priority, Store, StoreResult, StoredPass};
use crate::tenant::Tenant;

#[derive(Debug, thiserror::Error)]
enum ReportError {
    #[error(transparent)]
    Secutix(#[from] SecutixError),
    #[error(transparent)]
    Installation(#[from] InstallationError),
}

/// Brings the external references up to the status.
pub(super) async fn references<H: Host>(flow: &Flow<H>, tenant: &Tenant, lease: &EffectLease) -> StoreResult<Sent> {
    let Some(view) = pass_of(flow, lease).await? else { return Ok(Sent::Next(EffectNext::Gone)) };
    next(flow, tenant, lease, write_references(flow, tenant, &view.pass).await).await
}

async fn write_references<H: Host>(flow: &Flow<H>, tenant: &Tenant, pass: &StoredPass) -> Result<(), ReportError> {
    let reduction = installation::reduction(flow, tenant, pass).await?;
    let client = SecutixClient::new(&flow.host, tenant);
    let mut written: Vec<(String, String)> = Vec::new();
    let mut outcome = Ok(());
    for (key, value) in reduction.references {
        let sent = match &pass.subject {
            PassSubject::Movement(id) => client.update_movement_reference(id, &key, &value, Priority::Low).await,
            PassSubject::Contact(number) => client.update_contact_reference(number, &key, &value, Priority::Low).await,
        };
        match sent {
            Ok(()) => written.push((key, value)),
            Err(error) => {
                outcome = Err(error.into());
                break;
            }
        }
    }
    // Also of those before a failure: each call is dear.
    if !written.is_empty() {
        let confirmed = |status: &mut Status| {
            status.written.retain(|(known, _)| !written.iter().any(|(key, _)| key == known));
            status.written.extend(written.iter().cloned());
        };
        installation::confirm(flow, tenant, &pass.id, confirmed).await?;
    }
    outcome
}

/// Reports the ticket PRINTED.
pub(super) async fn printed<H: Host>(flow: &Flow<H>, tenant: &Tenant, lease: &EffectLease) -> StoreResult<Sent> {
    let Some(view) = pass_of(flow, lease).await? else { return Ok(Sent::Next(EffectNext::Gone)) };
    next(flow, tenant, lease, print(flow, tenant, &view.pass).await).await
}

async fn print<H: Host>(flow: &Flow<H>, tenant: &Tenant, pass: &StoredPass) -> Result<(), ReportError> {
    // The switch may have been turned off since.
    let (Some(ticket), Some(printing)) =
        (installation::reduction(flow, tenant, pass).await?.print, &tenant.secutix.printing)
    else {
        return Ok(());
    };
    SecutixClient::new(&flow.host, tenant).report_printed(printing, &ticket, Priority::Low).await?;
    installation::confirm(flow, tenant, &pass.id, |status| status.printed = Some(ticket.clone())).await?;
    Ok(())
}

async fn next<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    lease: &EffectLease,
    sent: Result<(), ReportError>,
) -> StoreResult<Sent> {
    Ok(match sent {
        Ok(()) => Sent::Next(EffectNext::Have(lease.want)),
        Err(ReportError::Secutix(SecutixError::Store(error))) => return Err(error),
        // Its turn has not come, or SecuTix asks for patience: that says nothing about this pass.
        Err(ReportError::Secutix(
            SecutixError::BudgetSpent { until }
            | SecutixError::Throttled { until }
            | SecutixError::CredentialsRefused { until, .. },
        )) => {
            let at = until.max(flow.now()) + flow.options.retry.wait(0, flow.host.random());
            Sent::Next(EffectNext::Wait { at: at + turn(flow, tenant).await? })
        }
        Err(ReportError::Installation(error)) => Sent::Next(installation_failed(flow, lease, error)?),
        Err(error) => Sent::Next(failed(flow, lease, None, error.to_string())),
    })
}

/// How much longer to wait, so that those who wait do not all come back for the one call that is free: at random over the time in which SecuTix takes
/// a call of each.
async fn turn<H: Host>(flow: &Flow<H>, tenant: &Tenant) -> StoreResult<Millis> {
    let waiting = flow.host.store().effects_waiting().await?;
    let line = waiting.saturating_mul(60_000) / tenant.secutix.requests_per_minute.max(1);
    Ok(below(line.saturating_add(1), flow.host.random()))
}
