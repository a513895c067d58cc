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

/// Brings the class of a pass to what the connector built. `exists`: what we believe, which saves a request when it is right.
pub async fn upsert_class<H: Host>(
    host: &H,
    tenant: &Tenant,
    tokens: &TokenCache,
    template: &str,
    built: &BuiltGoogle,
    exists: bool,
    worth: Worth,
) -> Result<(), GoogleError> {
    let google = tenant.google.as_ref().ok_or(GoogleError::NoGoogle)?;
    let kind = PassKind::parse(&built.kind).ok_or(GoogleError::Kind)?;
    let template = tenant.templates.get(template).ok_or_else(|| GoogleError::NoTemplate(template.to_owned()))?;
    let id = class_id(google, &built.class_key);
    let mut fields = object(&built.class_body)?;
    fields.insert("id".to_owned(), Value::from(id.as_str()));
    complete_class(tenant, kind, &mut fields, template)?;
    let resource = Resource { name: kind.class_resource(), id, body: bytes(fields), needs_class: false };
    Account { host, google, tokens, worth }.upsert(&resource, exists).await
}

/// Brings the object of a pass to what the connector built. Its class must be there ([`GoogleError::NotReady`] says that it is not).
pub async fn upsert_object<H: Host>(
    host: &H,
    tenant: &Tenant,
    tokens: &TokenCache,
    pass: &PassId,
    built: &BuiltGoogle,
    exists: bool,
    worth: Worth,
) -> Result<(), GoogleError> {
    let google = tenant.google.as_ref().ok_or(GoogleError::NoGoogle)?;
    let kind = PassKind::parse(&built.kind).ok_or(GoogleError::Kind)?;
    let id = object_id(google, pass);
    let mut fields = object(&built.object_body)?;
    fields.insert("id".to_owned(), Value::from(id.as_str()));
    fields.insert("classId".to_owned(), Value::from(class_id(google, &built.class_key)));
    let resource = Resource { name: kind.object_resource(), id, body: bytes(fields), needs_class: true };
    Account { host, google, tokens, worth }.upsert(&resource, exists).await
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
        let uri = image_url(tenant, template, image);
        let language = tenant.locales.first().map_or("en", String::as_str);
        let logo = json!({
            "sourceUri": { "uri": uri },
            "contentDescription": { "defaultValue": { "language": language, "value": tenant.organization } },
        });
        fields.insert("programLogo".to_owned(), logo);
    }
    Ok(())
}

/// What is to be written.
struct Resource {
    name: &'static str,
    id: String,
    body: Bytes,
    /// An object needs its class; a class needs nothing.
    needs_class: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Write {
    Insert,
    Update,
}

enum Written {
    Done,
    /// An insert of what is there, or an update of what is not: the other write is the right one.
    Otherwise,
}

impl<H: Host> Account<'_, H> {
    async fn upsert(&self, resource: &Resource, exists: bool) -> Result<(), GoogleError> {
        let (first, second) = if exists { (Write::Update, Write::Insert) } else { (Write::Insert, Write::Update) };
        for write in [first, second] {
            if let Written::Done = self.write(resource, write).await? {
                return Ok(());
            }
        }
        // There for the one and not for the other: somebody else is writing it now.
        Err(GoogleError::NotReady)
    }

    async fn write(&self, resource: &Resource, write: Write) -> Result<Written, GoogleError> {
        let (method, path) = match write {
            Write::Insert => (Method::POST, resource.name.to_owned()),
            Write::Update => (Method::PUT, format!("{}/{}", resource.name, resource.id)),
        };
        let response = self.call(method, &path, resource.body.clone()).await?;
        match (response.status.as_u16(), write) {
            (200..=299, _) => Ok(Written::Done),
            (409, Write::Insert) | (404, Write::Update) => Ok(Written::Otherwise),
            (404, Write::Insert) if resource.needs_class => Err(GoogleError::NotReady),
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
