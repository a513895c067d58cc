//! A compiled template, opened: the header read, the trees left as bytes.
//!
//! Owns the order of the header. The trees are interpreted in place, each time, because decoding them first costs as much as filling them once.

use super::format::{Corrupt, FINGERPRINT, MAGIC, Reader, VERSION};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    EventTicket,
    MemberCard,
}

/// Why a template's bytes cannot be used; the code that leaves the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// Not a compiled template, or damaged.
    Corrupt,
    /// Compiled by another version.
    Version,
}

impl Unusable {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Corrupt => "corrupt",
            Self::Version => "version",
        }
    }
}

impl From<Corrupt> for Unusable {
    fn from(_: Corrupt) -> Self {
        Self::Corrupt
    }
}

pub(crate) struct Program<'a> {
    pub fingerprint: &'a [u8],
    pub kind: Kind,
    /// Google's pair of resources; none where the template has no Google part.
    pub google: Option<&'static str>,
    /// The template's name, which is a part of class keys.
    pub name: &'a str,
    /// First is the default: the texts of pass.json are in it.
    pub locales: Vec<&'a str>,
    /// `settings.*`, `tenant.*`, `host.*` that the template uses.
    pub names: Vec<&'a str>,
    /// The constant texts of the Apple part, per text one chunk per locale.
    pub statics: Vec<&'a [u8]>,
    /// Which lengths the texts in the default language have, as bits, from 64 on from the start again: most texts of a pass have another.
    pub lengths: u64,
    /// The lines of `pass.strings` for the constant texts, per locale; empty where there is only one locale.
    pub strings: Vec<&'a [u8]>,
    /// Empty where the template has no such part.
    pub apple: &'a [u8],
    pub class: &'a [u8],
    pub object: &'a [u8],
}

/// Names of Google's resource pairs, by the number in the header; 0 is none.
pub(crate) const GOOGLE_KINDS: [&str; 3] = ["eventTicket", "loyalty", "generic"];

/// Room for the constant texts of most templates, in all languages; more is asked for where that is too little.
const STATICS: usize = 128;

/// The bit of a text's length.
pub(crate) fn length_bit(text: &[u8]) -> u64 {
    1 << (text.len() % 64)
}

impl<'a> Program<'a> {
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, Unusable> {
        let mut reader = Reader::new(bytes);
        if reader.bytes(MAGIC.len())? != MAGIC {
            return Err(Unusable::Corrupt);
        }
        if reader.byte()? != VERSION {
            return Err(Unusable::Version);
        }
        let fingerprint = reader.bytes(FINGERPRINT)?;
        let kind = match reader.byte()? {
            0 => Kind::EventTicket,
            1 => Kind::MemberCard,
            _ => return Err(Unusable::Corrupt),
        };
        let google = match reader.byte()? {
            0 => None,
            number => Some(*GOOGLE_KINDS.get(usize::from(number) - 1).ok_or(Unusable::Corrupt)?),
        };
        let name = reader.text()?;
        let locales = reader.list()?;
        if locales.is_empty() {
            return Err(Unusable::Corrupt);
        }
        let names = reader.list()?;
        let mut constants = Reader::new(reader.chunk()?);
        let count = constants.number()?;
        let mut statics = Vec::with_capacity(STATICS);
        let mut lengths = 0;
        for _ in 0..count {
            let first = statics.len();
            for _ in &locales {
                statics.push(constants.chunk()?);
            }
            lengths |= statics.get(first).map_or(0, |text| length_bit(text));
        }
        let count = reader.number()?;
        let strings = (0..count).map(|_| reader.chunk()).collect::<Result<_, _>>()?;
        let (apple, class, object) = (reader.chunk()?, reader.chunk()?, reader.chunk()?);
        if !reader.is_empty() {
            return Err(Unusable::Corrupt);
        }
        Ok(Self { fingerprint, kind, google, name, locales, names, statics, lengths, strings, apple, class, object })
    }
}
