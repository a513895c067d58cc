//! The flat form of a compiled template: tags, the reader, and what bounds it.
//!
//! Owns the encoding. Does not own the meaning of the parts (`payload::fill`) nor how they come about (`compile`). The whole is UTF-8: bytes
//! are below 128, a number is the character with that number (so most take one byte), chunks are a number and that many bytes. A compiled template never leaves the machine and is made by the same build that reads
//! it, or refused by its version, so there is one version and no migration.
//!
//! ```text
//! template  = MAGIC VERSION fingerprint:64 body
//! body      = kind:byte google:byte name:chunk locales:list names:list statics:chunk strings:list
//!             apple:chunk class:chunk object:chunk                      (a tree each, empty where there is none)
//! statics   = number { text:chunk * locales }
//! tree      = node
//! node      = (OBJECT | ARRAY) condition keep-empty:byte prefix:chunk nodes:chunk
//!           | EVENTS limit:number places:byte node:chunk | LEAF condition demanded:byte number parts:chunk
//!           | GUARDED negated:byte needs:chunk nodes:chunk                (nodes each)
//! part      = RAW chunk | LOOKUP text | PLAIN text | LOCALIZED text | DATE reference minutes:number demanded:byte | COORDINATES | BARCODE text
//!           | SERIAL | EVENT_KEY | CHECKED rule:byte (LOOKUP | PLAIN) text | MAYBE parts:chunk       (no MAYBE within a MAYBE)
//! text      = flags:byte { segments:chunk * (1 where uniform, else locales) }
//! segment   = LITERAL chunk | VARIABLE reference format:byte mode:byte [fallback:chunk] | GROUP chunk
//! reference = number-in-vocabulary:byte | NAMED index-in-names:number
//! condition = number { number { flags:byte reference [value:chunk] } }        (any of the alternatives, all of its tests; none: always)
//! ```

pub(crate) const MAGIC: [u8; 4] = *b"PSTP";
/// Raised whenever a tag, an order or a meaning changes.
pub(crate) const VERSION: u8 = 4;
/// SHA-256 over the body, in hex: stands for all that is constant in a pass.
pub(crate) const FINGERPRINT: usize = 64;

/// From here on a number is the character that lies this many further: in between are the surrogates, which are no characters.
pub(crate) const SURROGATES: u32 = 0xd800;
pub(crate) const SURROGATES_SPAN: u32 = 0x800;

pub(crate) mod node {
    pub(crate) const OBJECT: u8 = 1;
    pub(crate) const ARRAY: u8 = 2;
    pub(crate) const EVENTS: u8 = 3;
    pub(crate) const LEAF: u8 = 4;
    /// Nodes that stand only where each of others would write something; or, negated, only where one of them would not.
    pub(crate) const GUARDED: u8 = 5;
}

pub(crate) mod part {
    /// Bytes that are written as they are: JSON, escaped when the template was compiled.
    pub(crate) const RAW: u8 = 1;
    /// A JSON string that Apple looks up in `pass.strings`.
    pub(crate) const LOOKUP: u8 = 2;
    /// A JSON string in the default language.
    pub(crate) const PLAIN: u8 = 3;
    /// Google's `LocalizedString`.
    pub(crate) const LOCALIZED: u8 = 4;
    pub(crate) const DATE: u8 = 5;
    /// `"latitude":…,"longitude":…` of the event's venue.
    pub(crate) const COORDINATES: u8 = 6;
    /// `"message":…,"messageEncoding":…`
    pub(crate) const BARCODE: u8 = 7;
    /// The pass's identifier. Not seen by the holder, so not in the log.
    pub(crate) const SERIAL: u8 = 8;
    /// The event's key, in the letters that Google allows in an identifier.
    pub(crate) const EVENT_KEY: u8 = 9;
    /// A text that is absent where it breaks a rule (`payload::rule`).
    pub(crate) const CHECKED: u8 = 10;
    /// Parts that vanish alone, without their leaf.
    pub(crate) const MAYBE: u8 = 11;
}

pub(crate) mod text {
    /// One list of segments serves all languages.
    pub(crate) const UNIFORM: u8 = 1;
    /// Once per event, a line each.
    pub(crate) const EACH: u8 = 2;
}

pub(crate) mod segment {
    pub(crate) const LITERAL: u8 = 1;
    pub(crate) const VARIABLE: u8 = 2;
    /// Vanishes when a variable in it has no value.
    pub(crate) const GROUP: u8 = 3;
}

pub(crate) mod mode {
    /// No value: the text vanishes.
    pub(crate) const OPTIONAL: u8 = 0;
    /// No value: the pass cannot be built.
    pub(crate) const DEMANDED: u8 = 1;
    /// No value: this text instead.
    pub(crate) const FALLBACK: u8 = 2;
}

pub(crate) mod test {
    pub(crate) const NOT: u8 = 1;
    pub(crate) const EQUALS: u8 = 2;
}

/// How deep nodes may nest. Compiled templates nest 8 deep (a seat in the semantics of a field); the bound keeps damaged data from using up the sandbox's 64 KiB of stack.
pub(crate) const MAX_DEPTH: u8 = 8;

/// The data end too soon or mean nothing: not made by this version's compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt;

/// Reads from the front of a slice; never past it.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, Corrupt> {
        let (first, rest) = self.rest.split_first().ok_or(Corrupt)?;
        self.rest = rest;
        Ok(*first)
    }

    #[inline]
    pub(crate) fn number(&mut self) -> Result<u32, Corrupt> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(u32::from(first));
        }
        let (mut value, following) = match first {
            0xc0..0xe0 => (u32::from(first & 0x1f), 1),
            0xe0..0xf0 => (u32::from(first & 0x0f), 2),
            0xf0..0xf8 => (u32::from(first & 0x07), 3),
            _ => return Err(Corrupt),
        };
        for _ in 0..following {
            value = value << 6 | u32::from(self.byte()? & 0x3f);
        }
        Ok(if value < SURROGATES { value } else { value.wrapping_sub(SURROGATES_SPAN) })
    }

    #[inline]
    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Corrupt)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn chunk(&mut self) -> Result<&'a [u8], Corrupt> {
        let length = usize::try_from(self.number()?).map_err(|_| Corrupt)?;
        self.bytes(length)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Corrupt> {
        std::str::from_utf8(self.chunk()?).map_err(|_| Corrupt)
    }

    pub(crate) fn list(&mut self) -> Result<Vec<&'a str>, Corrupt> {
        let count = self.number()?;
        (0..count).map(|_| self.text()).collect()
    }
}
