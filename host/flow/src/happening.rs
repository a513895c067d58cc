//! Happenings: what others are told of a pass, made from what is known of it.
//!
//! Owns their properties (domain.md 1.13, 1.16 and 1.17). Does not own who is told (`webhook`), nor the row (`store`). Identifiers that may name
//! somebody and the organiser's metadata are sealed apart, for a while; no name, no seat and no barcode gets in here.

use passerelle_contract::installation::Emission;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::attribute::{Sorted, object};
use crate::flow::Flow;
use crate::identity::{Millis, PassId};
use crate::installation::wallet_name;
use crate::ports::Host;
use crate::sealing::SealError;
use crate::store::{Change, Happening, HappeningKind, PassState, PassSubject, StoredPass};
use crate::tenant::Tenant;

/// What is told of every pass.
pub struct About<'a> {
    pub pass: &'a PassId,
    pub subject: &'a PassSubject,
    pub template: &'a str,
    pub state: PassState,
    /// SecuTix's file and order, where they are known.
    pub file: Option<&'a str>,
    pub order: Option<&'a str>,
    pub attributes: &'a Sorted,
}

impl<'a> About<'a> {
    /// As the pass stands.
    pub fn of(pass: &'a StoredPass, attributes: &'a Sorted) -> Self {
        Self {
            pass: &pass.id,
            subject: &pass.subject,
            template: &pass.template,
            state: pass.state,
            file: pass.file.as_deref(),
            order: pass.order.as_deref(),
            attributes,
        }
    }
}

/// A change of a pass. None: the change is nothing that is told (a message to holders).
pub fn of_change<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    about: &About<'_>,
    change: &Change,
    at: Millis,
) -> Result<Option<Happening>, SealError> {
    let kind = match change.action.as_str() {
        "created" => HappeningKind::PassCreated,
        "updated" | "revived" => HappeningKind::PassUpdated,
        "voided" => HappeningKind::PassDeactivated,
        _ => return Ok(None),
    };
    let mut properties = properties(tenant, about);
    properties.insert("action".to_owned(), change.action.as_str().into());
    let places = [("fileId", about.file), ("orderId", about.order)];
    properties.extend(places.into_iter().filter_map(|(name, id)| Some((name.to_owned(), id?.into()))));
    properties.insert("useCase".to_owned(), change.use_case.as_str().into());
    properties.insert("reason".to_owned(), change.reason.as_str().into());
    properties.insert("fields".to_owned(), change.fields.clone().into());
    let operation = change.correlations.first().cloned();
    make(flow, tenant, about, kind, at, operation, properties).map(Some)
}

/// An installation, or a removal, with the fields that a CRM keeps.
pub fn of_emission<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    about: &About<'_>,
    emission: &Emission,
    crm: &[(String, String)],
) -> Result<Option<Happening>, SealError> {
    let Some(kind) = HappeningKind::parse(&emission.name) else { return Ok(None) };
    let mut properties = properties(tenant, about);
    properties.insert("device".to_owned(), wallet_name(emission.wallet).into());
    properties.insert("activeRegistrationCount".to_owned(), emission.count.into());
    properties.extend(crm.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
    let at = Millis::try_from(emission.at).unwrap_or(0);
    make(flow, tenant, about, kind, at, None, properties).map(Some)
}

fn properties(tenant: &Tenant, about: &About<'_>) -> Map<String, Value> {
    let (name, value) = about.subject.identifier();
    let mut identifiers = about.attributes.identifiers.clone();
    identifiers.insert(name.to_owned(), value.to_owned());
    let mut properties = Map::new();
    properties.insert("passId".to_owned(), about.pass.as_str().into());
    properties.insert("passType".to_owned(), about.template.into());
    properties.insert("passKind".to_owned(), kind(about.subject).into());
    properties.insert("passState".to_owned(), about.state.as_str().into());
    // Whoever cannot match it is told why, instead of finding out.
    if let Some(join) = tenant.crm.identifier.as_deref()
        && !identifiers.contains_key(join)
        && !about.attributes.has_identifier(join)
    {
        properties.insert("missingIdentifier".to_owned(), join.into());
    }
    properties.insert("identifiers".to_owned(), object(&identifiers));
    properties
}

/// The Wallet Crew's word for the kind of a pass (domain.md 1.5).
pub const fn kind(subject: &PassSubject) -> &'static str {
    match subject {
        PassSubject::Movement(_) => "eventTicket",
        PassSubject::Contact(_) => "customerCard",
    }
}

#[derive(Debug, thiserror::Error)]
pub enum PropertiesError {
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("the happening's properties are no JSON object")]
    Form,
}

/// All that is known of it, what is sealed among it: for whoever it is told to, and for nobody to keep.
pub fn properties_of(tenant: &Tenant, happening: &Happening) -> Result<Map<String, Value>, PropertiesError> {
    let properties = serde_json::from_str(&happening.properties).map_err(|_| PropertiesError::Form)?;
    let Value::Object(mut properties) = properties else { return Err(PropertiesError::Form) };
    if let Some(opened) = opened(tenant, happening)? {
        let opened: Map<String, Value> = serde_json::from_slice(&opened).map_err(|_| PropertiesError::Form)?;
        for (name, part) in opened {
            match (properties.get_mut(&name), part) {
                (Some(Value::Object(known)), Value::Object(part)) => known.extend(part),
                (_, part) => drop(properties.insert(name, part)),
            }
        }
    }
    Ok(properties)
}

/// What is sealed of it, opened; none: nothing is.
pub fn opened(tenant: &Tenant, happening: &Happening) -> Result<Option<Zeroizing<Vec<u8>>>, SealError> {
    let sealed = happening.sealed.as_ref();
    sealed.map(|sealed| tenant.keys.open_small(sealed, &place(tenant, &happening.id))).transpose()
}

fn place<'a>(tenant: &'a Tenant, id: &'a str) -> [&'a str; 3] {
    ["happening", tenant.id.as_str(), id]
}

fn make<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    about: &About<'_>,
    kind: HappeningKind,
    at: Millis,
    operation: Option<String>,
    properties: Map<String, Value>,
) -> Result<Happening, SealError> {
    let id = flow.uuid();
    let Sorted { personal, metadata, .. } = about.attributes;
    let sealed = match personal.is_empty() && metadata.is_empty() {
        true => None,
        false => {
            let text = json!({ "identifiers": object(personal), "metadata": object(metadata) }).to_string();
            Some(tenant.keys.seal_small(flow.host.random(), &place(tenant, &id), text.as_bytes())?)
        }
    };
    // serde_json keeps a map sorted, so equal properties are equal text.
    let properties = Value::Object(properties).to_string();
    Ok(Happening { id, kind, at, operation, pass: Some(about.pass.clone()), properties, sealed })
}
