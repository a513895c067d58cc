//! Values of `variable:` references, for commands that look at the folder of a Spin application.
//!
//! Owns the reading of the file that `spin up --variable @FILE` takes. A running server has none: its secrets are files and its environment's.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

/// By name.
#[derive(Clone, Default)]
pub struct Variables(Arc<BTreeMap<String, Zeroizing<String>>>);

#[derive(Debug, thiserror::Error)]
pub enum VariablesError {
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// Not what is wrong: the text around it may be a key.
    #[error("is not TOML at byte {0}")]
    Form(usize),
    #[error("gives {0:?} something else than a text")]
    NoText(String),
}

impl Variables {
    /// TOML: `name = "value"`, a line each.
    pub fn read(file: &Path) -> Result<Self, VariablesError> {
        let text = Zeroizing::new(std::fs::read_to_string(file)?);
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| VariablesError::Form(error.span().map_or(0, |at| at.start)))?;
        let value = |(name, value)| match value {
            toml::Value::String(text) => Ok((name, Zeroizing::new(text))),
            _ => Err(VariablesError::NoText(name)),
        };
        Ok(Self(Arc::new(table.into_iter().map(value).collect::<Result<_, _>>()?)))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str())
    }
}

/// The names alone.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_texts_and_no_error_shows_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("variables.toml");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Variables::read(&file)
        };
        let variables = read("seal = \"s3cret\"\n# a word\npem = \"\"\"\nline\n\"\"\"\n").unwrap();
        assert_eq!(
            (variables.get("seal"), variables.get("pem"), variables.get("x")),
            (Some("s3cret"), Some("line\n"), None)
        );
        assert_eq!(format!("{variables:?}"), r#"{"pem", "seal"}"#);
        for (text, told) in
            [("seal = s3cret", "is not TOML at byte 7"), ("seal = 7", "gives \"seal\" something else than a text")]
        {
            assert_eq!(read(text).unwrap_err().to_string(), told);
        }
    }
}
