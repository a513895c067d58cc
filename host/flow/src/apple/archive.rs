//! A zip archive of stored files, written front to back (PKWARE's APPNOTE 6.3.10, 4.3): what a `.pkpass` is.
//!
//! Owns the three records of the format. Does not own what is in an archive. Nothing is compressed, because PNGs do not shrink and the rest of a
//! pass is a few KB; every file has one and the same date, so that equal contents are equal bytes. Bounded by the format's 65,535 files and 4 GiB.
//!
//! Files that come first lie at places that never change, and so do their records in the directory: a beginning that many archives share is
//! made once and copied.

use bytes::Bytes;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// 1.0, all that a stored file asks of its reader.
const NEEDED: u16 = 10;
/// Unix and 3.0: says that the attributes below are a mode.
const MADE_BY: u16 = 3 << 8 | 30;
/// A regular file, `rw-r--r--`.
const MODE: u32 = 0o100_644 << 16;
/// 1980-01-01, the first date that there is.
const DATE: u16 = 1 << 5 | 1;
/// Lengths of the records without the file's name.
const LOCAL_LENGTH: usize = 30;
const CENTRAL_LENGTH: usize = 46;
const END_LENGTH: usize = 22;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the package is larger than a zip archive can be")]
pub struct TooLarge;

/// An archive without its end.
#[derive(Clone, Default)]
pub(crate) struct Archive {
    files: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

impl Archive {
    /// A copy with room for further files of this length in all.
    pub(super) fn with_room(&self, files: usize, count: usize) -> Self {
        let copy = |bytes: &[u8], room: usize| {
            let mut copy = Vec::with_capacity(bytes.len() + room);
            copy.extend_from_slice(bytes);
            copy
        };
        // Names of a pass are shorter than this; a longer one costs a reallocation.
        let names = count * 32;
        let directory = copy(&self.directory, count * CENTRAL_LENGTH + names);
        let end = directory.capacity() + END_LENGTH;
        Self { files: copy(&self.files, files + count * LOCAL_LENGTH + names + end), directory, count: self.count }
    }

    pub(crate) fn add(&mut self, path: &str, content: &[u8]) -> Result<(), TooLarge> {
        let offset = u32::try_from(self.files.len()).map_err(|_| TooLarge)?;
        let name = u16::try_from(path.len()).map_err(|_| TooLarge)?;
        let size = u32::try_from(content.len()).map_err(|_| TooLarge)?;
        self.count = self.count.checked_add(1).ok_or(TooLarge)?;

        // What both records say: version, flags, method, time, date, checksum, both sizes, length of the name and of nothing else.
        let mut common = [0; 26];
        let fields: [&[u8]; 9] = [
            &NEEDED.to_le_bytes(),
            &[0; 6],
            &DATE.to_le_bytes(),
            &crc32fast::hash(content).to_le_bytes(),
            &size.to_le_bytes(),
            &size.to_le_bytes(),
            &name.to_le_bytes(),
            &[0; 2],
            &[],
        ];
        for (target, byte) in common.iter_mut().zip(fields.into_iter().flatten()) {
            *target = *byte;
        }
        for part in [LOCAL.to_le_bytes().as_slice(), common.as_slice(), path.as_bytes(), content] {
            self.files.extend_from_slice(part);
        }
        let central: [&[u8]; 7] = [
            &CENTRAL.to_le_bytes(),
            &MADE_BY.to_le_bytes(),
            &common,
            // Comment, disk, internal attributes.
            &[0; 6],
            &MODE.to_le_bytes(),
            &offset.to_le_bytes(),
            path.as_bytes(),
        ];
        for part in central {
            self.directory.extend_from_slice(part);
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Bytes, TooLarge> {
        let offset = u32::try_from(self.files.len()).map_err(|_| TooLarge)?;
        let length = u32::try_from(self.directory.len()).map_err(|_| TooLarge)?;
        self.files.extend_from_slice(&self.directory);
        let count = self.count.to_le_bytes();
        let end: [&[u8]; 7] =
            [&END.to_le_bytes(), &[0; 4], &count, &count, &length.to_le_bytes(), &offset.to_le_bytes(), &[0; 2]];
        for part in end {
            self.files.extend_from_slice(part);
        }
        Ok(Bytes::from(self.files))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use super::*;

    #[test]
    fn a_shared_beginning_reads_like_any_other_archive() {
        let mut shared = Archive::default();
        shared.add("icon.png", b"one").unwrap();
        shared.add("fr.lproj/logo.png", &[7; 300]).unwrap();
        for content in ["", "another"] {
            let mut archive = shared.with_room(content.len(), 1);
            archive.add("pass.json", content.as_bytes()).unwrap();
            let mut read = zip::ZipArchive::new(Cursor::new(archive.finish().unwrap())).unwrap();
            assert_eq!(read.len(), 3);
            for (name, expected) in
                [("icon.png", b"one".as_slice()), ("fr.lproj/logo.png", &[7; 300]), ("pass.json", content.as_bytes())]
            {
                let mut bytes = Vec::new();
                let mut file = read.by_name(name).unwrap();
                // Reading to the end checks the checksum.
                file.read_to_end(&mut bytes).unwrap();
                assert_eq!(bytes, expected, "{name}");
                assert_eq!(file.unix_mode(), Some(0o100_644));
            }
        }
    }

    #[test]
    fn room_that_was_asked_for_is_not_asked_for_again() {
        let mut archive = Archive::default().with_room(5_000, 2);
        let room = archive.files.capacity();
        archive.add("pass.json", &[1; 4_000]).unwrap();
        archive.add("fr.lproj/pass.strings", &[2; 1_000]).unwrap();
        assert_eq!(archive.finish().unwrap().len(), 5_000 + 2 * (LOCAL_LENGTH + CENTRAL_LENGTH) + 2 * 30 + END_LENGTH);
        assert!(room >= 5_232);
    }
}
