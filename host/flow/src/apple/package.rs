//! The `.pkpass`: a zip of `pass.json`, strings and images, with a manifest of their digests and a signature over that.
//!
//! Owns the host's own keys in `pass.json`, the manifest and the archive. Does not own what the holder sees (the connector's `pass.json`), which images
//! a template may have (its compiler), nor the signature's form (`signature`). What the connector returned is data of the sandbox: a locale
//! is checked before it becomes a path.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use bytes::Bytes;
use passerelle_contract::payload::ApplePass;
use serde_json::{Map, Value};
use zip::ZipWriter;
use zip::result::ZipError;

use super::identity::{IdentityProblem, check_identity};
use super::images::{TemplateImages, options, sha1_hex};
use super::signature::{SignatureError, sign};
use crate::identity::PassId;
use crate::ports::{Clock, Host};
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
    #[error("the package cannot be written")]
    Archive(#[from] ZipError),
}

/// The signed package of a pass as it is now.
pub async fn pkpass<H: Host>(
    host: &H,
    tenant: &Tenant,
    template: &Template,
    pass: &PassId,
    apple: &ApplePass,
) -> Result<Bytes, PackageError> {
    let settings = tenant.apple.as_ref().ok_or(PackageError::NoApple)?;
    let now = host.clock().now();
    let problems = check_identity(&settings.identity.chain, &settings.pass_type, &settings.team, now);
    if let Some(problem) = problems.into_iter().find(IdentityProblem::is_fatal) {
        return Err(PackageError::Identity(problem));
    }
    let images = template_images(template)?;
    let mut files = vec![("pass.json".to_owned(), complete(&apple.pass_json, tenant, settings, pass)?)];
    for (locale, strings) in &apple.strings {
        files.push((strings_path(locale)?, strings.clone()));
    }
    let manifest = manifest(images, &files)?;
    let signature = sign(host.signer(), &settings.identity, &manifest, now).await?;
    files.push(("manifest.json".to_owned(), manifest));
    files.push(("signature".to_owned(), signature));
    Ok(archive(images, &files)?)
}

/// The images, hashed by whichever pass of the template comes first.
fn template_images(template: &Template) -> Result<&TemplateImages, ZipError> {
    if let Some(images) = template.apple_images.get() {
        return Ok(images);
    }
    let images = TemplateImages::new(&template.images)?;
    Ok(template.apple_images.get_or_init(|| images))
}

/// The connector's `pass.json` with what only the host knows. The host's word on identity stands, whatever a template says.
fn complete(pass_json: &[u8], tenant: &Tenant, apple: &Apple, pass: &PassId) -> Result<Vec<u8>, PackageError> {
    let mut fields: Map<String, Value> = serde_json::from_slice(pass_json).map_err(|_| PackageError::PassJson)?;
    let serial = fields.entry("serialNumber").or_insert_with(|| Value::from(pass.as_str()));
    if serial.as_str() != Some(pass.as_str()) {
        return Err(PackageError::OtherSerial);
    }
    fields.entry("organizationName").or_insert_with(|| Value::from(tenant.organization.as_str()));
    let token = tenant.keys.apple_token(&tenant.id, pass);
    for (key, value) in [
        ("passTypeIdentifier", apple.pass_type.clone()),
        ("teamIdentifier", apple.team.clone()),
        ("authenticationToken", token),
        // The phone appends `/v1/...`.
        ("webServiceURL", format!("{}/apple/{}", tenant.public_url, tenant.id)),
    ] {
        fields.insert(key.to_owned(), Value::from(value));
    }
    Ok(Value::Object(fields).to_string().into_bytes())
}

fn strings_path(locale: &str) -> Result<String, PackageError> {
    let path = format!("{locale}.lproj/pass.strings");
    let fits = !locale.is_empty() && locale.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    if fits { Ok(path) } else { Err(PackageError::Path(path)) }
}

/// `path -> SHA-1` of everything but itself and the signature, sorted by path.
fn manifest(images: &TemplateImages, files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, PackageError> {
    let mut digests: BTreeMap<&str, String> = images.digests().collect();
    for (path, bytes) in files {
        if digests.insert(path, sha1_hex(bytes)).is_some() {
            return Err(PackageError::Path(path.clone()));
        }
    }
    let fields: Map<String, Value> =
        digests.into_iter().map(|(path, sha1)| (path.to_owned(), Value::from(sha1))).collect();
    Ok(Value::Object(fields).to_string().into_bytes())
}

fn archive(images: &TemplateImages, files: &[(String, Vec<u8>)]) -> Result<Bytes, ZipError> {
    let mut package = ZipWriter::new(Cursor::new(vec![]));
    for (path, bytes) in files {
        package.start_file(path, options())?;
        package.write_all(bytes)?;
    }
    images.copy_into(&mut package)?;
    Ok(Bytes::from(package.finish()?.into_inner()))
}

#[cfg(test)]
mod tests;
