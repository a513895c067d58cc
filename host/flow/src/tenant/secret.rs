//! References to secrets: `file:seal.key`, `env:SECUTIX_SECRET`, `variable:secutix_secret`.
//!
//! Owns the notation. Does not own the reading: a host has the files, the environment or the variables, and decides what it opens. A
//! secret itself is never part of a configuration, so that a configuration can be shown, copied and kept under version control.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

/// A parsed reference. `#name` at its end picks one text field of a JSON file: the private key of a Google service account is
/// `file:google.json#private_key`, and whoever signs gets the key alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretReference {
    pub source: SecretSource,
    pub field: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretSource {
    /// An environment variable of the process.
    Env(String),
    /// A file: relative to the folder of the configuration that names it, or absolute below a folder that the host permits.
    File(String),
    /// A secret variable of a Spin application.
    Variable(String),
}

/// The text is not a reference. Says what one looks like, never what was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error(
        "must say where the secret is, not what it is: put the secret into a file or an environment variable and write \
         \"file:name-of-the-file\" or \"env:NAME_OF_THE_VARIABLE\" here; if it was a real secret, replace it, since it has been written \
         into a configuration"
    )]
    Literal,
    #[error("names nothing after the colon")]
    Nothing,
    #[error("names a variable that cannot be: letters, digits and _ are allowed, and no digit first")]
    VariableName,
    #[error("names a file outside of the folder; a relative path must stay below it, without \"..\"")]
    Escapes,
}

/// The reference is well-formed and leads nowhere useful.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretProblem {
    #[error("there is no such file")]
    NoFile,
    #[error("there is no such environment variable")]
    NoVariable,
    #[error("the Spin application has no such variable, or the manifest does not give it to this component")]
    NoSpinVariable,
    #[error("the file cannot be read; does the account that runs this have the permission?")]
    Denied,
    #[error("the file lies outside of the folder that its reference is allowed to name (a link may lead out of it)")]
    Outside,
    #[error("it is larger than any key or certificate")]
    TooLarge,
    #[error("it is empty")]
    Empty,
    #[error("the JSON file has no such text field")]
    NoField,
    #[error("this host has no secrets of that kind")]
    Unsupported,
}

impl SecretReference {
    /// ```
    /// # use passerelle_flow::tenant::secret::{ReferenceError, SecretReference};
    /// assert!(SecretReference::parse("file:apple/pass.key").is_ok());
    /// assert_eq!(SecretReference::parse("hunter2"), Err(ReferenceError::Literal));
    /// ```
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let (scheme, rest) = text.split_once(':').ok_or(ReferenceError::Literal)?;
        if !matches!(scheme, "env" | "file" | "variable") {
            return Err(ReferenceError::Literal);
        }
        let (name, field) = match rest.split_once('#') {
            Some((name, field)) => (name, Some(field.to_owned())),
            None => (rest, None),
        };
        if name.is_empty() || field.as_deref() == Some("") {
            return Err(ReferenceError::Nothing);
        }
        let source = match scheme {
            "file" if escapes(name) => return Err(ReferenceError::Escapes),
            "file" => SecretSource::File(name.to_owned()),
            _ if !is_variable(name) => return Err(ReferenceError::VariableName),
            "env" => SecretSource::Env(name.to_owned()),
            _ => SecretSource::Variable(name.to_owned()),
        };
        Ok(Self { source, field })
    }

    /// The same source, one text field of it.
    pub fn with_field(&self, field: &str) -> Self {
        Self { source: self.source.clone(), field: Some(field.to_owned()) }
    }

    /// What the reference names within what its source holds.
    pub fn pick(&self, content: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, SecretProblem> {
        let Some(field) = &self.field else {
            return if content.is_empty() { Err(SecretProblem::Empty) } else { Ok(content) };
        };
        let mut document: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&content).map_err(|_| SecretProblem::NoField)?;
        let picked = document.remove(field);
        // The other fields go too: asking for the account's name must not leave its private key in freed memory.
        for value in document.values_mut() {
            if let serde_json::Value::String(text) = value {
                text.zeroize();
            }
        }
        match picked {
            Some(serde_json::Value::String(text)) if text.is_empty() => Err(SecretProblem::Empty),
            Some(serde_json::Value::String(text)) => Ok(Zeroizing::new(text.into_bytes())),
            _ => Err(SecretProblem::NoField),
        }
    }
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            SecretSource::Env(name) => write!(f, "env:{name}")?,
            SecretSource::File(path) => write!(f, "file:{path}")?,
            SecretSource::Variable(name) => write!(f, "variable:{name}")?,
        }
        match &self.field {
            Some(field) => write!(f, "#{field}"),
            None => Ok(()),
        }
    }
}

/// A relative path that leaves its folder, by `..` or by a separator that another system would read as one.
fn escapes(path: &str) -> bool {
    path.contains('\0') || path.contains('\\') || path.split('/').any(|segment| segment == "..")
}

fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit()) && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(text.as_bytes().to_vec())
    }

    #[test]
    fn a_reference_says_where_and_survives_the_round_trip() {
        for text in [
            "env:SECUTIX_SECRET",
            "file:apple/pass.pem",
            "file:/run/secrets/seal",
            "variable:seal",
            "file:google.json#private_key",
        ] {
            assert_eq!(SecretReference::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_reference_is_refused_for_its_own_reason() {
        let cases = [
            ("hunter2", ReferenceError::Literal),
            ("https://example.org/secret", ReferenceError::Literal),
            ("-----BEGIN PRIVATE KEY-----", ReferenceError::Literal),
            ("", ReferenceError::Literal),
            ("env:", ReferenceError::Nothing),
            ("file:#private_key", ReferenceError::Nothing),
            ("file:google.json#", ReferenceError::Nothing),
            ("env:1ST", ReferenceError::VariableName),
            ("env:WITH SPACE", ReferenceError::VariableName),
            ("file:../other/seal.key", ReferenceError::Escapes),
            ("file:a/../../b", ReferenceError::Escapes),
            ("file:a\\..\\b", ReferenceError::Escapes),
        ];
        for (text, expected) in cases {
            assert_eq!(SecretReference::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_refusal_never_repeats_what_was_written() {
        let text = SecretReference::parse("hunter2").unwrap_err().to_string();
        assert!(!text.contains("hunter2"));
    }

    #[test]
    fn a_field_is_picked_out_of_json() {
        let whole = SecretReference::parse("file:google.json").unwrap();
        let json = r#"{"client_email":"a@b","private_key":"PEM","empty":"","number":1}"#;
        assert_eq!(*whole.pick(secret(json)).unwrap(), json.as_bytes());
        assert_eq!(*whole.with_field("private_key").pick(secret(json)).unwrap(), b"PEM");
        assert_eq!(whole.with_field("empty").pick(secret(json)), Err(SecretProblem::Empty));
        assert_eq!(whole.with_field("number").pick(secret(json)), Err(SecretProblem::NoField));
        assert_eq!(whole.with_field("absent").pick(secret(json)), Err(SecretProblem::NoField));
        assert_eq!(whole.with_field("absent").pick(secret("no json")), Err(SecretProblem::NoField));
        assert_eq!(whole.pick(secret("")), Err(SecretProblem::Empty));
    }
}
