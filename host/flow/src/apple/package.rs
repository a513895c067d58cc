//! The `.pkpass`: a zip of `pass.json`, strings and images, with a manifest of their digests and a signature over that.
//!
//! Owns the host's own keys in `pass.json`, the manifest and the archive. Does not own what the holder sees (the connector's `pass.json`), which images
//! a template may have (its compiler), nor the signature's form (`signature`). What the connector returned is data of the sandbox: a locale
//! is checked before it becomes a path.
//!
//! Per pass: a few KB are hashed, one signature is made, and the images are copied once. Everything else is the template's or the tenant's.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use passerelle_contract::payload::ApplePass;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::archive::TooLarge;
use super::identity::{IdentityProblem, PassIdentity};
use super::images::{TemplateImages, sha1_hex};
use super::signature::SignatureError;
use crate::identity::{Millis, PassId};
use crate::ports::Signer;
use crate::tenant::{Apple, Template, Tenant};

/// Of a `.pkpass`.
pub const MEDIA_TYPE: &str = "application/vnd.apple.pkpass";

#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    #[error("the tenant has no Apple Wallet")]
    NoApple,
    #[error("the pass.json of the connector is no JSON object")]
    PassJson,
    /// A pass under another serial would replace somebody else's on the phone.
    #[error("the pass.json of the connector has another serial number")]
    OtherSerial,
    /// Climbing, used twice, or not plain ASCII.
    #[error("{0:?} cannot be a file of a package")]
    Path(String),
    #[error("the certificate cannot sign this tenant's passes: {0}")]
    Identity(IdentityProblem),
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Archive(#[from] TooLarge),
}

/// A tenant's chain, read by whichever of its passes comes first. Belongs to the tenant as it is configured: a reload makes another one.
#[derive(Clone, Default)]
pub struct SigningIdentity(OnceLock<Arc<PassIdentity>>);

impl From<PassIdentity> for SigningIdentity {
    fn from(identity: PassIdentity) -> Self {
        Self(Arc::new(identity).into())
    }
}

impl Apple {
    pub fn pass_identity(&self) -> &PassIdentity {
        let read = || Arc::new(PassIdentity::read(&self.identity.chain, &self.pass_type, &self.team));
        self.signing.0.get_or_init(read)
    }
}

/// The signed package of a pass as it is at this time.
pub async fn pkpass<S: Signer>(
    signer: &S,
    now: Millis,
    tenant: &Tenant,
    template: &Template,
    pass: &PassId,
    apple: &ApplePass,
) -> Result<Bytes, PackageError> {
    let settings = tenant.apple.as_ref().ok_or(PackageError::NoApple)?;
    let signatory = settings.pass_identity().signatory(now).map_err(PackageError::Identity)?;
    let images = template_images(template)?;
    let pass_json = complete(&apple.pass_json, tenant, settings, pass)?;
    let paths = strings_paths(images, &apple.strings)?;
    let strings = || paths.iter().map(String::as_str).zip(apple.strings.iter().map(|(_, strings)| strings.as_slice()));

    // What is signed ends in what this pass has of its own; nothing asks for an order.
    let mut manifest = String::with_capacity(images.manifest.len() + 64 * (apple.strings.len() + 2));
    manifest.push('{');
    manifest.push_str(&images.manifest);
    for (path, strings) in strings() {
        manifest.push_str(&format!("\"{path}\":\"{}\",", sha1_hex(strings)));
    }
    manifest.push_str(&format!("\"pass.json\":\"{}\"}}", sha1_hex(&pass_json)));
    let signature = signatory.sign(signer, &settings.identity, manifest.as_bytes(), now).await?;

    let length: usize = strings().map(|(_, strings)| strings.len()).sum();
    let length = length + pass_json.len() + manifest.len() + signature.len();
    let mut archive = images.archive.with_room(length, apple.strings.len() + 3);
    for (path, strings) in strings() {
        archive.add(path, strings)?;
    }
    archive.add("pass.json", &pass_json)?;
    archive.add("manifest.json", manifest.as_bytes())?;
    archive.add("signature", &signature)?;
    Ok(archive.finish()?)
}

/// The images, hashed by whichever pass of the template comes first.
pub(crate) fn template_images(template: &Template) -> Result<&TemplateImages, TooLarge> {
    if let Some(images) = template.apple_images.get() {
        return Ok(images);
    }
    let images = TemplateImages::new(&template.images)?;
    Ok(template.apple_images.get_or_init(|| images))
}

/// What the connector's `pass.json` says of the host's own keys.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Said {
    #[serde(deserialize_with = "value")]
    serial_number: Option<Value>,
    #[serde(deserialize_with = "is_there")]
    organization_name: bool,
    #[serde(deserialize_with = "is_there")]
    pass_type_identifier: bool,
    #[serde(deserialize_with = "is_there")]
    team_identifier: bool,
    #[serde(deserialize_with = "is_there")]
    authentication_token: bool,
    #[serde(rename = "webServiceURL", deserialize_with = "is_there")]
    web_service_url: bool,
}

fn value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// The connector's `pass.json` with what only the host knows. The host's word on identity stands, whatever a template says.
///
/// It is read to the end, so it is JSON, but not taken apart: what is missing is put at its end. A key that is there twice is refused; which
/// of the two a phone believes is nobody's guess.
fn complete(pass_json: &[u8], tenant: &Tenant, apple: &Apple, pass: &PassId) -> Result<Vec<u8>, PackageError> {
    let said: Said = serde_json::from_slice(pass_json).map_err(|_| PackageError::PassJson)?;
    if said.serial_number.as_ref().is_some_and(|serial| serial.as_str() != Some(pass.as_str())) {
        return Err(PackageError::OtherSerial);
    }
    let token = tenant.keys.apple_token(&tenant.id, pass);
    // The phone appends `/v1/...`.
    let service = format!("{}/apple/{}", tenant.public_url, tenant.id);
    let own = [
        ("passTypeIdentifier", apple.pass_type.as_str(), said.pass_type_identifier),
        ("teamIdentifier", apple.team.as_str(), said.team_identifier),
        ("authenticationToken", token.as_str(), said.authentication_token),
        ("webServiceURL", service.as_str(), said.web_service_url),
    ];
    let mut lacking = Vec::with_capacity(own.len() + 2);
    if said.serial_number.is_none() {
        lacking.push(("serialNumber", pass.as_str()));
    }
    if !said.organization_name {
        lacking.push(("organizationName", tenant.organization.as_str()));
    }
    if own.iter().any(|(_, _, said)| *said) {
        let mut fields: Map<String, Value> = serde_json::from_slice(pass_json).map_err(|_| PackageError::PassJson)?;
        let all = lacking.into_iter().chain(own.iter().map(|(key, value, _)| (*key, *value)));
        fields.extend(all.map(|(key, value)| (key.to_owned(), Value::from(value))));
        return Ok(Value::Object(fields).to_string().into_bytes());
    }
    lacking.extend(own.iter().map(|(key, value, _)| (*key, *value)));
    let (begun, filled) = begin(pass_json).ok_or(PackageError::PassJson)?;
    let mut whole = Vec::with_capacity(begun.len() + 512);
    whole.extend_from_slice(begun);
    for (place, (key, text)) in lacking.into_iter().enumerate() {
        if filled || place > 0 {
            whole.push(b',');
        }
        whole.extend_from_slice(format!("\"{key}\":{}", Value::from(text)).as_bytes());
    }
    whole.push(b'}');
    Ok(whole)
}

/// An object without its last brace, and whether there is anything in it. None: no object. (A struct is also read from a list.)
fn begin(object: &[u8]) -> Option<(&[u8], bool)> {
    let begun = object.trim_ascii().strip_suffix(b"}")?.trim_ascii_end();
    let inside = begun.strip_prefix(b"{")?;
    Some((begun, !inside.is_empty()))
}

/// Where each language's texts go. What the connector returned is data of the sandbox: a locale is checked before it becomes a path.
fn strings_paths(images: &TemplateImages, strings: &[(String, Vec<u8>)]) -> Result<Vec<String>, PackageError> {
    let mut paths: Vec<String> = Vec::with_capacity(strings.len());
    for (locale, _) in strings {
        let path = format!("{locale}.lproj/pass.strings");
        let fits = !locale.is_empty() && locale.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        if !fits || images.holds(&path) || paths.contains(&path) {
            return Err(PackageError::Path(path));
        }
        paths.push(path);
    }
    Ok(paths)
}

#[cfg(test)]
mod tests;
