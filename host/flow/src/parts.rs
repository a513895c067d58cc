//! A pass's inputs, sealed: what the connector needs to build the pass again, and nobody else can read.
//!
//! Owns the form of the sealed text and the choice of the data key. Does not own the cipher (`sealing`) nor the rows (`store`).
//! One data key per performance, so that deleting it after the event erases every ticket of it, backups included.

use passerelle_contract::types::TicketPart;
use serde::{Deserialize, Serialize};

use crate::flow::Flow;
use crate::identity::{Millis, PassId};
use crate::ports::{Host, Random};
use crate::sealing::{SealError, TenantKeys};
use crate::store::{DataKey, PassSubject, Sealed, Store, StoreError, StoredPass};
use crate::tenant::Tenant;

#[derive(Debug, thiserror::Error)]
pub enum PartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Another version wrote it, or the row was tampered with and yet authenticates, which cannot be.
    #[error("a sealed part is not of a known form")]
    Form,
}

/// What is sealed of a pass.
#[derive(Serialize, Deserialize)]
struct SealedPart {
    /// The ticket part's canonical JSON, as text.
    body: String,
    events: Vec<String>,
    selectors: Vec<(String, String)>,
    /// Of the tenant's plugin, as it named them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    variables: Vec<(String, String)>,
}

/// What was sealed of a pass, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub part: TicketPart,
    pub variables: Vec<(String, String)>,
}

/// Seals a part under the data key of its retention group. `ends_at` is the latest end of the events that it shows.
pub async fn seal<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &PassId,
    subject: &PassSubject,
    opened: &Opened,
    ends_at: Option<Millis>,
) -> Result<Sealed, PartError> {
    let erase_at = match ends_at {
        Some(end) => end.saturating_add(tenant.safety.erase_after),
        None => flow.now().saturating_add(tenant.safety.erase_without_end),
    };
    let (keys, part) = (&tenant.keys, &opened.part);
    let group = group(keys, subject, &part.events);
    let key = keys.new_data_key(flow.host.random(), &tenant.id, &group, erase_at)?;
    let key = flow.host.store().data_key(&tenant.id, key).await?;
    let text = serde_json::to_vec(&SealedPart {
        body: String::from_utf8(part.body.clone()).map_err(|_| PartError::Form)?,
        events: part.events.clone(),
        selectors: part.selectors.clone(),
        variables: opened.variables.clone(),
    })
    .map_err(|_| PartError::Form)?;
    let nonce: [u8; 24] = flow.host.random().bytes();
    Ok(keys.seal(&tenant.id, &key, nonce, &["sealed_part", tenant.id.as_str(), pass.as_str()], &text)?)
}

/// The inputs of a stored pass; none after erasure.
pub fn open(tenant: &Tenant, pass: &StoredPass) -> Result<Option<Opened>, PartError> {
    let Some((sealed, key)) = &pass.sealed else { return Ok(None) };
    open_sealed(tenant, &pass.id, sealed, key).map(Some)
}

fn open_sealed(tenant: &Tenant, pass: &PassId, sealed: &Sealed, key: &DataKey) -> Result<Opened, PartError> {
    let text = tenant.keys.open(&tenant.id, key, sealed, &["sealed_part", tenant.id.as_str(), pass.as_str()])?;
    let part: SealedPart = serde_json::from_slice(&text).map_err(|_| PartError::Form)?;
    let ticket = TicketPart { body: part.body.into_bytes(), events: part.events, selectors: part.selectors };
    Ok(Opened { part: ticket, variables: part.variables })
}

/// What is erased together: the tickets of a performance, or one card. A season ticket goes with its last event, and so has a group
/// of its own list of events. MACed, so that the key's id says nothing of a contact.
fn group(keys: &TenantKeys, subject: &PassSubject, events: &[String]) -> String {
    let parts: Vec<&[u8]> = match subject {
        PassSubject::Contact(number) => vec![b"contact", number.as_bytes()],
        PassSubject::Movement(_) => events.iter().map(String::as_bytes).collect(),
    };
    keys.mac("retention-group", &parts)
}
