//! What is told of a pass that changes: its happening, and the identifier that it is joined by.
//!
//! Owns when an identifier is taken from the ticket. Does not own what a happening says (`happening`) nor how a value is kept (`attribute`).

use passerelle_contract::types::TicketPart;
use serde::Deserialize;

use super::PlanError;
use crate::attribute::{self, Sorted};
use crate::flow::Flow;
use crate::happening::{self, About};
use crate::identity::{PassId, contact_number};
use crate::parts::PartError;
use crate::ports::Host;
use crate::store::{Attribute, AttributeKind, Attributes as _, Happening, PassSubject, PassWrite};
use crate::tenant::{IdentifierSource, Tenant};

/// What happened to the pass. None: nothing that a person would ask about.
pub(super) async fn told<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    write: &PassWrite,
) -> Result<Option<Happening>, PlanError> {
    let Some(change) = &write.change else { return Ok(None) };
    let mut attributes = match write.expected {
        None => vec![],
        Some(_) => flow.host.store().attributes(&tenant.id, &write.id).await?,
    };
    attributes.retain(|known| !write.attributes.iter().any(|new| (new.kind, &new.name) == (known.kind, &known.name)));
    attributes.extend(write.attributes.iter().cloned());
    let about = About {
        pass: &write.id,
        subject: &write.subject,
        template: &write.template,
        state: write.state,
        file: write.file.as_deref(),
        order: write.order.as_deref(),
        attributes: &Sorted::of(&tenant.keys, &tenant.id, &write.id, &attributes),
    };
    let told = happening::of_change(flow, tenant, &about, change, flow.now());
    told.map_err(|error| PlanError::Part(PartError::Seal(error)))
}

/// The identifier that the tenant's configuration takes from a ticket; a card's is its contact's own number.
pub fn identifiers<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &PassId,
    subject: &PassSubject,
    ticket: &TicketPart,
) -> Result<Vec<Attribute>, PartError> {
    #[derive(Deserialize)]
    struct Ticket {
        contact: Option<String>,
    }
    let (Some(name), Some(IdentifierSource::CulturalContact)) = (&tenant.crm.identifier, tenant.crm.from) else {
        return Ok(vec![]);
    };
    let contact = match subject {
        PassSubject::Contact(number) => Some(number.clone()),
        PassSubject::Movement(_) => {
            serde_json::from_slice::<Ticket>(&ticket.body).map_err(|_| PartError::Form)?.contact
        }
    };
    // What is no contact number of SecuTix's might be a name.
    let Some(number) = contact.as_deref().and_then(contact_number) else { return Ok(vec![]) };
    let value = attribute::AttributeValue::Clear(number.to_owned());
    let value = attribute::keep(&tenant.keys, flow.host.random(), &tenant.id, pass, name, &value)?;
    Ok(vec![Attribute { kind: AttributeKind::Identifier, name: name.clone(), value }])
}
