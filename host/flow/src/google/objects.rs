//! Classes and objects: brought to what the connector built, whether or not they are there already.
//!
//! Owns the two writes (insert, update), which of them comes first, and what the host adds to a body. Does not own the bodies nor when they are
//! sent. An update replaces the whole resource. Google's other write, a patch, merges: what a body no longer has (the barcode of a cancelled ticket,
//! a text that is over, a seat) would stay on the phone. What Google keeps itself, such as `hasUsers`, survives both; messages that were added to
//! a resource would not.

use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value, json};

use super::account::{Account, Worth};
use super::error::{GoogleError, GoogleReason, refusal};
use super::resource::{PassKind, callback_url, class_id, image_url, object_id, program_logo};
use super::token::TokenCache;
use crate::identity::PassId;
use crate::ports::{Clock, Host};
use crate::rebuild::BuiltGoogle;
use crate::tenant::{Template, Tenant};

/// A class or an object as it is to be written.
#[derive(Clone)]
pub struct Resource {
    name: &'static str,
    id: String,
    fields: Map<String, Value>,
    /// An object needs its class; a class needs nothing.
    needs_class: bool,
}

/// What Google notifies the holders of an event ticket of, when an update that changes it asks for that: "event details or seat information".
const TOLD_OF_CLASS: [&str; 3] = ["eventName", "venue", "dateTime"];
const TOLD_OF_OBJECT: [&str; 1] = ["seatInfo"];

/// The class of a pass, as the connector built it.
pub fn class_of(tenant: &Tenant, template: &str, built: &BuiltGoogle) -> Result<Resource, GoogleError> {
    let google = tenant.google.as_ref().ok_or(GoogleError::NoGoogle)?;
    let kind = PassKind::parse(&built.kind).ok_or(GoogleError::Kind)?;
    let template = tenant.templates.get(template).ok_or_else(|| GoogleError::NoTemplate(template.to_owned()))?;
    let id = class_id(google, &built.class_key);
    let mut fields = object(&built.class_body)?;
    fields.insert("id".to_owned(), Value::from(id.as_str()));
    complete_class(tenant, kind, &mut fields, template)?;
    address_images(tenant, template, &mut fields);
    Ok(Resource { name: kind.class_resource(), id, fields, needs_class: false })
}

/// The object of a pass, as the connector built it. Its class must be there ([`GoogleError::NotReady`] says that it is not).
pub fn object_of(tenant: &Tenant, template: &str, pass: &PassId, built: &BuiltGoogle) -> Result<Resource, GoogleError> {
    let google = tenant.google.as_ref().ok_or(GoogleError::NoGoogle)?;
    let kind = PassKind::parse(&built.kind).ok_or(GoogleError::Kind)?;
    let id = object_id(google, pass);
    let mut fields = object(&built.object_body)?;
    fields.insert("id".to_owned(), Value::from(id.as_str()));
    fields.insert("classId".to_owned(), Value::from(class_id(google, &built.class_key)));
    if let Some(template) = tenant.templates.get(template) {
        address_images(tenant, template, &mut fields);
    }
    Ok(Resource { name: kind.object_resource(), id, fields, needs_class: true })
}

impl Resource {
    /// Collection and identifier: the same thing at the same issuer.
    pub fn key(&self) -> String {
        format!("{}/{}", self.name, self.id)
    }

    pub fn body(&self) -> Vec<u8> {
        serde_json::to_vec(&self.fields).unwrap_or_default()
    }

    /// What the holders are told of when it changes; empty: of nothing.
    pub fn told(&self) -> Vec<u8> {
        let names: &[&str] = match self.name {
            "eventTicketClass" => &TOLD_OF_CLASS,
            "eventTicketObject" => &TOLD_OF_OBJECT,
            _ => return Vec::new(),
        };
        let told: Vec<Option<&Value>> = names.iter().map(|name| self.fields.get(*name)).collect();
        serde_json::to_vec(&told).unwrap_or_default()
    }
}

/// How a resource is written.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    /// What we believe, which saves a request when it is right.
    pub exists: bool,
    /// Google is asked to tell the holders. It forgets that it was asked: each update says so anew.
    pub notify: bool,
    pub worth: Worth,
}

/// Brings a class or an object to Google.
pub async fn upsert<H: Host>(
    host: &H,
    tenant: &Tenant,
    tokens: &TokenCache,
    resource: &Resource,
    write: Write,
) -> Result<(), GoogleError> {
    let google = tenant.google.as_ref().ok_or(GoogleError::NoGoogle)?;
    let mut fields = resource.fields.clone();
    if write.notify {
        fields.insert("notifyPreference".to_owned(), Value::from("NOTIFY_ON_UPDATE"));
    }
    let Resource { name, ref id, needs_class, .. } = *resource;
    let request = Request { name, id, body: bytes(fields), needs_class };
    Account { host, google, tokens, worth: write.worth }.upsert(&request, write.exists).await
}

/// Files of the template's folder become addresses, at which this server has them. What they hold is a part of the address: Google keeps what it
/// has fetched from one.
fn address_images(tenant: &Tenant, template: &Template, fields: &mut Map<String, Value>) {
    for (name, value) in fields {
        match value {
            Value::Object(nested) if name == "sourceUri" => {
                if let Some(uri) = nested.get_mut("uri")
                    && let Some(address) = uri.as_str().and_then(|file| image_url(tenant, template, file))
                {
                    *uri = Value::from(address);
                }
            }
            Value::Object(nested) => address_images(tenant, template, nested),
            Value::Array(items) => {
                for nested in items.iter_mut().filter_map(Value::as_object_mut) {
                    address_images(tenant, template, nested);
                }
            }
            _ => {}
        }
    }
}

/// What a class must have and the connector cannot know. A generic class is not reviewed and has no issuer.
fn complete_class(
    tenant: &Tenant,
    kind: PassKind,
    fields: &mut Map<String, Value>,
    template: &Template,
) -> Result<(), GoogleError> {
    // Who puts the pass into a wallet, or takes it out: Google says it there.
    fields.insert("callbackOptions".to_owned(), json!({ "url": callback_url(tenant) }));
    if kind == PassKind::Generic {
        return Ok(());
    }
    // Google refuses any other value here, on updates too: it is Google that approves.
    fields.insert("reviewStatus".to_owned(), Value::from("UNDER_REVIEW"));
    fields.entry("issuerName").or_insert_with(|| Value::from(tenant.organization.as_str()));
    if kind == PassKind::Loyalty && !fields.contains_key("programLogo") {
        let image = program_logo(template).ok_or_else(|| GoogleError::NoLogo(template.name.clone()))?;
        let language = tenant.locales.first().map_or("en", String::as_str);
        let logo = json!({
            "sourceUri": { "uri": image },
            "contentDescription": { "defaultValue": { "language": language, "value": tenant.organization } },
        });
        fields.insert("programLogo".to_owned(), logo);
    }
    Ok(())
}

/// What is sent, whichever write it is.
struct Request<'a> {
    name: &'static str,
    id: &'a str,
    body: Bytes,
    needs_class: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Insert,
    Update,
}

enum Written {
    Done,
    /// An insert of what is there, or an update of what is not: the other write is the right one.
    Otherwise,
}

impl<H: Host> Account<'_, H> {
    async fn upsert(&self, request: &Request<'_>, exists: bool) -> Result<(), GoogleError> {
        let (first, second) = if exists { (Way::Update, Way::Insert) } else { (Way::Insert, Way::Update) };
        for write in [first, second] {
            if let Written::Done = self.write(request, write).await? {
                return Ok(());
            }
        }
        // There for the one and not for the other: somebody else is writing it now.
        Err(GoogleError::NotReady)
    }

    async fn write(&self, request: &Request<'_>, write: Way) -> Result<Written, GoogleError> {
        let (method, path) = match write {
            Way::Insert => (Method::POST, request.name.to_owned()),
            Way::Update => (Method::PUT, format!("{}/{}", request.name, request.id)),
        };
        let response = self.call(method, &path, request.body.clone()).await?;
        match (response.status.as_u16(), write) {
            (200..=299, _) => Ok(Written::Done),
            (409, Way::Insert) | (404, Way::Update) => Ok(Written::Otherwise),
            (404, Way::Insert) if request.needs_class => Err(GoogleError::NotReady),
            _ => Err(match refusal(&response, self.host.clock().now()) {
                GoogleError::Refused { reason: GoogleReason::ClassNotFound, .. } => GoogleError::NotReady,
                error => error,
            }),
        }
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, GoogleError> {
    serde_json::from_slice(body).map_err(|_| GoogleError::Body)
}

fn bytes(fields: Map<String, Value>) -> Bytes {
    Bytes::from(Value::Object(fields).to_string())
}

#[cfg(test)]
mod tests;
