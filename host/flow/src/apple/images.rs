//! The images of a template, ready for a package: stored, hashed and summed once instead of for every pass.
//!
//! Owns a zip archive with each image as a package holds it, and the SHA-1 that the manifest names. Does not own the files (`tenant`) nor
//! which names they may have (the template's compiler).
//!
//! Images are nine tenths of a package: with them hashed, what is left to hash for a pass is a few KB.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use bytes::Bytes;
use sha1::{Digest, Sha1};
use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// Made once for a template.
pub struct TemplateImages {
    /// A clone shares the bytes and the directory.
    archive: ZipArchive<Cursor<Bytes>>,
    /// By name in the template's folder.
    sha1: BTreeMap<String, String>,
}

impl TemplateImages {
    pub fn new(images: &BTreeMap<String, Bytes>) -> ZipResult<Self> {
        let mut writer = ZipWriter::new(Cursor::new(vec![]));
        for (name, image) in images {
            writer.start_file(name, options())?;
            writer.write_all(image)?;
        }
        let bytes = writer.finish()?.into_inner();
        Ok(Self {
            archive: ZipArchive::new(Cursor::new(Bytes::from(bytes)))?,
            sha1: images.iter().map(|(name, image)| (name.clone(), sha1_hex(image))).collect(),
        })
    }

    /// Names, and SHA-1 in hex.
    pub(super) fn digests(&self) -> impl Iterator<Item = (&str, String)> {
        self.sha1.iter().map(|(name, sha1)| (name.as_str(), sha1.clone()))
    }

    /// Copies the images into a package, with the checksums that are known.
    pub(super) fn copy_into(&self, package: &mut ZipWriter<Cursor<Vec<u8>>>) -> ZipResult<()> {
        let mut archive = self.archive.clone();
        for place in 0..archive.len() {
            package.raw_copy_file(archive.by_index_raw(place)?)?;
        }
        Ok(())
    }
}

/// Stored, because PNGs do not shrink; one date for all, so that equal contents are equal bytes.
pub(super) fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o644)
}

/// The manifest's digest. SHA-1 is what Apple's format has to this day; the signature over the manifest is SHA-256.
pub(super) fn sha1_hex(bytes: &[u8]) -> String {
    hex::encode(Sha1::digest(bytes))
}
