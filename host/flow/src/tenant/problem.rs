//! What is wrong with a configuration: where, what, and what to do about it.
//!
//! Owns the sentences. They name keys, files and rules, never a value: a value may be a secret that somebody wrote in the wrong place.
//! Does not own how they are found (`strict`, `load`).

use std::fmt;

use super::secret::{ReferenceError, SecretProblem};

/// One thing to correct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub place: Place,
    pub fault: Fault,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.fault)
    }
}

/// `tenants/demo/tenant.toml:12:1`, as editors and terminals make it a link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: String,
    /// None: the file as a whole.
    pub position: Option<Position>,
}

impl Place {
    pub fn file(file: impl Into<String>) -> Self {
        Self { file: file.into(), position: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match self.position {
            Some(at) => write!(f, ":{}:{}", at.line, at.column),
            None => Ok(()),
        }
    }
}

/// Both from 1, the column in characters: what an editor shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl Position {
    /// Where the byte `offset` of `text` is.
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(start..).unwrap_or("").chars().count();
        Self { line: count(line), column: count(column) }
    }
}

/// One more than `zero_based`. A file is capped far below 2^32 bytes, so the fallback is never seen.
fn count(zero_based: usize) -> u32 {
    u32::try_from(zero_based).unwrap_or(u32::MAX).saturating_add(1)
}

/// Where to look for a key that is known, but not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A key of the same table that is nearly spelt like it.
    Nearest(String),
    /// The key exists in this table; "" is the top of the file.
    Elsewhere {
        key: String,
        table: String,
    },
    /// The few keys that the table has.
    Known(Vec<String>),
    None,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nearest(key) => write!(f, "; did you mean \"{key}\"?"),
            Self::Elsewhere { key, table } if table.is_empty() => {
                write!(f, "; \"{key}\" belongs at the top of the file, above the first [table]")
            }
            Self::Elsewhere { key, table } => write!(f, "; \"{key}\" belongs to [{table}]"),
            Self::Known(keys) => write!(f, "; known here: {}", keys.join(", ")),
            Self::None => Ok(()),
        }
    }
}

/// Which part of the configuration a problem belongs to: a report has a line for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    Configuration,
    Secrets,
    Certificates,
    Templates,
    Images,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the file is missing")]
    NoFile,
    #[error("the file cannot be read; does the account that runs this have the permission?")]
    Unreadable,
    /// Something about the folder itself; the place names it.
    #[error("{0}")]
    Folder(&'static str),
    #[error("the file is not UTF-8 text")]
    NotText,
    #[error("the file is larger than {limit} bytes")]
    TooLarge { limit: usize },
    /// The parser's own words. They name what the grammar expected and never quote the line.
    #[error("not TOML: {0}")]
    Syntax(String),
    #[error("unknown key \"{key}\"{hint}")]
    UnknownKey { key: String, hint: Hint },
    #[error("missing key \"{key}\"{}", meaning.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    MissingKey {
        key: String,
        /// The first sentence of the key's documentation.
        meaning: Option<String>,
    },
    #[error("\"{key}\" must be {expected}, not {found}")]
    WrongType { key: String, expected: String, found: &'static str },
    #[error("\"{key}\" must be {bounds}")]
    OutOfRange { key: String, bounds: String },
    #[error("\"{key}\" must not be empty")]
    Empty { key: String },
    #[error("\"{key}\" must be one of {}", choices.join(", "))]
    NoSuchChoice { key: String, choices: Vec<String> },
    /// The types refuse what the schema allows: a disagreement of ours, said without a value.
    #[error("the value does not fit")]
    Shape,
    #[error("\"{key}\" {rule}")]
    Rule { key: String, rule: &'static str },
    #[error("\"{key}\" is not an address: {why}")]
    Address { key: String, why: AddressFault },
    #[error("\"{key}\" {source}")]
    Reference { key: String, source: ReferenceError },
    #[error("\"{key}\" names {reference}: {source}")]
    Secret { key: String, reference: String, source: SecretProblem },
    #[error("\"{key}\" {why}")]
    Destination { key: String, why: crate::plugin::allow::DestinationError },
    #[error("{0}")]
    Plugin(String),
    #[error("\"{key}\": {source}")]
    Credential { key: String, source: super::credential::CredentialFault },
    #[error("\"{key}\": {source}")]
    Certificate { key: String, source: crate::apple::IdentityProblem },
    #[error("\"{key}\" names the template {name:?}, but there is no folder templates/{name}{}", nearest.as_ref().map(|near| format!("; did you mean {near:?}?")).unwrap_or_default())]
    NoTemplate { key: String, name: String, nearest: Option<String> },
    #[error("\"{key}\" needs a template of the kind {needed}; {name:?} is of the kind {found}")]
    OtherKind { key: String, name: String, needed: &'static str, found: &'static str },
    /// The template compiler's own words.
    #[error("{key}{}{problem}", if key.is_empty() { "" } else { ": " })]
    Template { key: String, problem: String },
    #[error("{0}")]
    Image(&'static str),
    #[error(
        "the image is {} x {} pixels and is drawn at {} x {}: the phone enlarges it, which looks blurred",
        .0.pixels.0, .0.pixels.1, .0.drawn.0, .0.drawn.1
    )]
    SmallImage(super::image::TooSmall),
    /// The template compiler's own words about which images there are.
    #[error("{0}")]
    ImageNames(String),
    #[error(
        "the file is not used: a template has template.toml, a file for each of the tenant's languages such as fr.toml, and images/"
    )]
    UnusedFile,
}

impl Fault {
    pub fn area(&self) -> Area {
        match self {
            Self::Secret { .. } | Self::Reference { .. } => Area::Secrets,
            Self::Credential { source, .. } => source.area(),
            Self::Certificate { .. } => Area::Certificates,
            Self::NoTemplate { .. } | Self::OtherKind { .. } | Self::Template { .. } | Self::UnusedFile => {
                Area::Templates
            }
            Self::Image(_) | Self::SmallImage(_) | Self::ImageNames(_) => Area::Images,
            Self::NoFile
            | Self::Unreadable
            | Self::Folder(_)
            | Self::NotText
            | Self::TooLarge { .. }
            | Self::Syntax(_)
            | Self::UnknownKey { .. }
            | Self::MissingKey { .. }
            | Self::WrongType { .. }
            | Self::OutOfRange { .. }
            | Self::Empty { .. }
            | Self::NoSuchChoice { .. }
            | Self::Shape
            | Self::Rule { .. }
            | Self::Destination { .. }
            | Self::Plugin(_)
            | Self::Address { .. } => Area::Configuration,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    #[error("write it in full, like https://example.org")]
    Incomplete,
    #[error(
        "it must begin with https://; http:// is for trials on one machine, with plain_http = true under [egress] of passerelle.toml"
    )]
    NotEncrypted,
    #[error("it must not carry a user name or a password")]
    Credentials,
    #[error("it must end before any ? or #")]
    Query,
}

/// Checks an absolute address and drops its final slash, so that a path can be appended.
pub fn address(text: &str, plain_http: bool) -> Result<String, AddressFault> {
    let uri: http::Uri = text.parse().map_err(|_| AddressFault::Incomplete)?;
    let authority = uri.authority().ok_or(AddressFault::Incomplete)?;
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if plain_http => {}
        Some("http") => return Err(AddressFault::NotEncrypted),
        _ => return Err(AddressFault::Incomplete),
    }
    if authority.as_str().contains('@') {
        return Err(AddressFault::Credentials);
    }
    // The URI parser drops a fragment silently, so it is looked for in the text.
    if uri.query().is_some() || text.contains('#') {
        return Err(AddressFault::Query);
    }
    if authority.host().is_empty() {
        return Err(AddressFault::Incomplete);
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_characters_not_bytes() {
        let text = "a = 1\né = \"ü\" # x\nlast";
        assert_eq!(Position::of(text, 0), Position { line: 1, column: 1 });
        assert_eq!(Position::of(text, text.find('#').unwrap()), Position { line: 2, column: 9 });
        assert_eq!(Position::of(text, text.len()), Position { line: 3, column: 5 });
    }

    #[test]
    fn an_address_is_https_without_query_credentials_or_final_slash() {
        assert_eq!(address("https://example.org/a/", false), Ok("https://example.org/a".to_owned()));
        assert_eq!(address("http://127.0.0.1:8080", true), Ok("http://127.0.0.1:8080".to_owned()));
        assert_eq!(address("http://127.0.0.1:8080", false), Err(AddressFault::NotEncrypted));
        assert_eq!(address("example.org", false), Err(AddressFault::Incomplete));
        assert_eq!(address("/path", false), Err(AddressFault::Incomplete));
        assert_eq!(address("ftp://example.org", true), Err(AddressFault::Incomplete));
        assert_eq!(address("https://a:b@example.org", false), Err(AddressFault::Credentials));
        assert_eq!(address("https://example.org/?a=b", false), Err(AddressFault::Query));
        assert_eq!(address("https://example.org/#a", false), Err(AddressFault::Query));
    }
}
