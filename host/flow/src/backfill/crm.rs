//! A pass as a CRM should have it, and the identifier that it is joined by.
//!
//! Owns the record. Does not own its fields (the connector's `reduce`, domain.md 1.17) nor the rules for identifiers (`attribute`).

use std::collections::BTreeMap;

use super::{BackfillError, Repair};
use crate::attribute::{self, AttributeValue, Sorted};
use crate::flow::Flow;
use crate::identity::PassId;
use crate::installation;
use crate::parts::{self, Opened};
use crate::ports::Host;
use crate::run::identifiers;
use crate::store::{Attribute, AttributeKind, Attributes as _, Store as _, StoredPass};
use crate::tenant::Tenant;

/// Names of the fields, in the order of the source.
pub const CRM_FIELDS: [&str; 5] =
    ["walletStatus", "appleWalletInstalledAt", "googleWalletInstalledAt", "walletLastChangedAt", "walletLastEvent"];

/// One pass. Its identifiers may name a person.
pub struct CrmRecord {
    pub pass: PassId,
    pub template: String,
    pub state: &'static str,
    pub identifiers: BTreeMap<String, String>,
    pub fields: BTreeMap<String, String>,
}

/// What a CRM should know of the pass now.
pub async fn crm_record<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &StoredPass,
) -> Result<CrmRecord, BackfillError> {
    let attributes = flow.host.store().attributes(&tenant.id, &pass.id).await?;
    let Sorted { mut identifiers, personal, .. } = Sorted::of(&tenant.keys, &tenant.id, &pass.id, &attributes);
    let (name, value) = pass.subject.identifier();
    identifiers.insert(name.to_owned(), value.to_owned());
    identifiers.extend(personal);
    let reduction = installation::reduction(flow, tenant, pass).await?;
    Ok(CrmRecord {
        pass: pass.id.clone(),
        template: pass.template.clone(),
        state: pass.state.as_str(),
        identifiers,
        fields: reduction.crm.into_iter().collect(),
    })
}

/// What came of giving a pass an identifier.
pub struct Given {
    /// None: it had it.
    pub changed: Option<Repair>,
}

/// Gives a pass that lacks it the identifier that [crm] takes from its ticket. None: what is sealed of it is erased, or has none.
pub async fn identifier_of_ticket<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &PassId,
) -> Result<Option<Given>, BackfillError> {
    let store = flow.host.store();
    let Some(view) = store.pass(&tenant.id, pass).await? else { return Ok(None) };
    let Some(Opened { part, .. }) = parts::open(tenant, &view.pass)? else { return Ok(None) };
    let found = identifiers(flow, tenant, pass, &view.pass.subject, &part)?;
    let Some(attribute) = found.into_iter().next() else { return Ok(None) };
    let what = attribute.name.clone();
    store.set_attributes(&tenant.id, pass, vec![attribute], vec![], flow.now()).await?;
    let now = "given".to_owned();
    Ok(Some(Given { changed: Some(Repair { pass: pass.clone(), what, was: None, now }) }))
}

/// Gives the pass an identifier. Twice the same is once.
pub async fn give_identifier<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &PassId,
    name: &str,
    value: &AttributeValue,
) -> Result<Given, BackfillError> {
    let store = flow.host.store();
    let attributes = store.attributes(&tenant.id, pass).await?;
    let known = Sorted::of(&tenant.keys, &tenant.id, pass, &attributes);
    let had = match value {
        AttributeValue::Clear(text) => known.identifiers.get(name) == Some(text),
        AttributeValue::Personal(email) => known.personal.get(name) == Some(email),
    };
    if had {
        return Ok(Given { changed: None });
    }
    let kept = attribute::keep(&tenant.keys, flow.host.random(), &tenant.id, pass, name, value)?;
    let attribute = Attribute { kind: AttributeKind::Identifier, name: name.to_owned(), value: kept };
    store.set_attributes(&tenant.id, pass, vec![attribute], vec![], flow.now()).await?;
    // What it is stays out of reports: it may name a person.
    let was = known.has_identifier(name).then(|| "another".to_owned());
    let now = "given".to_owned();
    Ok(Given { changed: Some(Repair { pass: pass.clone(), what: name.to_owned(), was, now }) })
}
