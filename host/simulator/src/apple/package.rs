//! A `.pkpass` as Wallet opens it: zip, manifest, signature, `pass.json`, strings.
//!
//! Owns every check that decides whether a phone takes the file. Does not own what a phone does with it. Bounded by [`MEMBER_LIMIT`]
//! per member; only stored members can be read,
//! which is how passes are written: images do not shrink.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use aws_lc_rs::digest;
use serde_json::Value;

use crate::apple::signature::{self, SignatureError};
use crate::apple::{rules, view};
use crate::authority::PassTrust;

/// Far above any image of a pass.
const MEMBER_LIMIT: u64 = 10 << 20;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    #[error("not a zip archive that can be read")]
    Archive,
    #[error("member {0} is missing")]
    Missing(&'static str),
    #[error("member {0} is too large or its name is not allowed")]
    Member(String),
    #[error("{0} is not a JSON object")]
    Json(&'static str),
    #[error("manifest: {0} is not listed, or listed and not there")]
    Listed(String),
    #[error("manifest: SHA-1 of {0} differs, or is not lower-case hex")]
    Digest(String),
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// All of them, each with the key that breaks it.
    #[error("pass.json: {}", .0.join("; "))]
    Rules(Vec<String>),
    #[error("strings: {0} cannot be read")]
    Strings(String),
}

/// A package that passed every check.
#[derive(Debug, Clone)]
pub struct Package {
    pub pass: Value,
    /// By locale: key to text.
    pub strings: BTreeMap<String, BTreeMap<String, String>>,
    /// Names of all members.
    pub members: Vec<String>,
}

/// The packages of a `.pkpasses`: a zip of files that end in `.pkpass`, and nothing else.
pub(crate) fn bundle(bytes: &[u8]) -> Result<Vec<Vec<u8>>, PackageError> {
    let members = unpack(bytes)?;
    if let Some(other) = members.keys().find(|name| !name.ends_with(".pkpass")) {
        return Err(PackageError::Member(other.clone()));
    }
    if members.is_empty() { Err(PackageError::Archive) } else { Ok(members.into_values().collect()) }
}

impl Package {
    pub(crate) fn open(bytes: &[u8], trust: &PassTrust, allow_http: bool, second: i64) -> Result<Self, PackageError> {
        let members = unpack(bytes)?;
        let member = |name: &'static str| members.get(name).ok_or(PackageError::Missing(name));
        let (manifest, signature) = (member("manifest.json")?, member("signature")?);
        check_manifest(manifest, &members)?;
        let pass: Value = serde_json::from_slice(member("pass.json")?).map_err(|_| PackageError::Json("pass.json"))?;
        let broken = rules::broken(&pass, &members, allow_http);
        if !broken.is_empty() {
            return Err(PackageError::Rules(broken));
        }
        let text = |name: &str| pass.get(name).and_then(Value::as_str).unwrap_or_default();
        let (pass_type, team) = (text("passTypeIdentifier"), text("teamIdentifier"));
        signature::verify(signature, manifest, pass_type, team, trust, second)?;
        let mut strings = BTreeMap::new();
        for (name, bytes) in &members {
            if let Some(locale) = name.strip_suffix(".lproj/pass.strings") {
                let table = view::parse_strings(bytes).ok_or_else(|| PackageError::Strings(name.clone()))?;
                strings.insert(locale.to_owned(), table);
            }
        }
        Ok(Self { pass, strings, members: members.into_keys().collect() })
    }
}

fn unpack(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, PackageError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| PackageError::Archive)?;
    let mut members = BTreeMap::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(|_| PackageError::Archive)?;
        let name = member.name().map_err(|_| PackageError::Archive)?.into_owned();
        if member.is_dir() {
            continue;
        }
        let allowed = name.is_ascii() && !name.starts_with('/') && !name.contains("..") && !name.contains('\\');
        if !allowed || member.size() > MEMBER_LIMIT {
            return Err(PackageError::Member(name));
        }
        let mut content = Vec::new();
        member.read_to_end(&mut content).map_err(|_| PackageError::Archive)?;
        if members.insert(name.clone(), content).is_some() {
            return Err(PackageError::Member(name));
        }
    }
    Ok(members)
}

/// Every member but the two that cannot list themselves, and nothing else, each with its SHA-1.
fn check_manifest(manifest: &[u8], members: &BTreeMap<String, Vec<u8>>) -> Result<(), PackageError> {
    let manifest: BTreeMap<String, String> =
        serde_json::from_slice(manifest).map_err(|_| PackageError::Json("manifest.json"))?;
    let listed = members.keys().filter(|name| !matches!(name.as_str(), "manifest.json" | "signature"));
    let stray = listed.clone().find(|name| !manifest.contains_key(*name));
    let absent = manifest.keys().find(|name| !members.contains_key(*name) || name.as_str() == "manifest.json");
    if let Some(name) = stray.or(absent) {
        return Err(PackageError::Listed(name.clone()));
    }
    for name in listed {
        let content = members.get(name).map(Vec::as_slice).unwrap_or_default();
        let found = hex::encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, content));
        if manifest.get(name) != Some(&found) {
            return Err(PackageError::Digest(name.clone()));
        }
    }
    Ok(())
}
