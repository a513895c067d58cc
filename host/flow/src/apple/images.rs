//! The images of a template, ready for a package: stored, hashed and summed once instead of for every pass.
//!
//! Owns the beginning of every archive of the template (each image as a package holds it) and of its manifest. Does not own the files (`tenant`)
//! nor which names they may have (the template's compiler).
//!
//! Images are nine tenths of a package: with them hashed, what is left to hash for a pass is a few KB.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;
use sha1::{Digest, Sha1};

use super::archive::{Archive, TooLarge};
use super::scale::with_smaller;

/// Images below this folder are for Google, which fetches them by address.
const GOOGLE: &str = "google/";

/// Made once for a template.
pub struct TemplateImages {
    pub(super) archive: Archive,
    /// `"icon.png":"da39…",` of each.
    pub(super) manifest: String,
    /// By name in the template's folder, with the sizes that were made of others.
    images: BTreeMap<String, Bytes>,
}

impl TemplateImages {
    pub fn new(images: &BTreeMap<String, Bytes>) -> Result<Self, TooLarge> {
        let mut archive = Archive::default();
        let mut manifest = String::new();
        let images = images.iter().filter(|(name, _)| !name.starts_with(GOOGLE));
        let images = with_smaller(&images.map(|(name, image)| (name.clone(), image.clone())).collect());
        for (name, image) in &images {
            archive.add(name, image)?;
            manifest.push_str(&format!("{}:\"{}\",", Value::from(name.as_str()), sha1_hex(image)));
        }
        Ok(Self { archive, manifest, images })
    }

    pub(super) fn holds(&self, path: &str) -> bool {
        self.images.contains_key(path)
    }
}

/// The manifest's digest. SHA-1 is what Apple's format has to this day; the signature over the manifest is SHA-256.
pub(super) fn sha1_hex(bytes: &[u8]) -> String {
    hex::encode(Sha1::digest(bytes))
}
