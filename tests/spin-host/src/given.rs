//! What `--variable` says: `NAME=VALUE`, `NAME=@FILE` for a file's content, or `@FILE.toml` and `@FILE.json` for many at once.
//!
//! Files are read at start, as they stand: no byte is trimmed, which matters for keys.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context as _;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    Value(String, String),
    Content(String, PathBuf),
    Toml(PathBuf),
    Json(PathBuf),
}

impl FromStr for Given {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix('@').map(PathBuf::from) {
            return match path.extension().and_then(|extension| extension.to_str()) {
                Some("toml") => Ok(Self::Toml(path)),
                Some("json") => Ok(Self::Json(path)),
                _ => Err("a file of variables ends in .toml or .json"),
            };
        }
        let (name, value) = text.split_once('=').ok_or("NAME=VALUE, NAME=@FILE or @FILE")?;
        Ok(match value.strip_prefix('@') {
            Some(path) => Self::Content(name.to_owned(), PathBuf::from(path)),
            None => Self::Value(name.to_owned(), value.to_owned()),
        })
    }
}

impl Given {
    pub fn read(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let text = |path: &PathBuf| {
            std::fs::read_to_string(path).with_context(|| format!("--variable: {} cannot be read", path.display()))
        };
        Ok(match self {
            Self::Value(name, value) => [(name.clone(), value.clone())].into(),
            Self::Content(name, path) => [(name.clone(), text(path)?)].into(),
            Self::Toml(path) => toml::from_str(&text(path)?).with_context(|| path.display().to_string())?,
            Self::Json(path) => serde_json::from_str(&text(path)?).with_context(|| path.display().to_string())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_gives_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let read = |text: &str| text.parse::<Given>().unwrap().read().unwrap();
        let pair = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert_eq!(read("a=b=c"), pair("a", "b=c"));
        assert_eq!(read(&format!("a=@{}", write("key", "line\n"))), pair("a", "line\n"));
        assert_eq!(read(&format!("@{}", write("v.toml", "a = \"t\""))), pair("a", "t"));
        assert_eq!(read(&format!("@{}", write("v.json", "{\"a\": \"j\"}"))), pair("a", "j"));
    }

    #[test]
    fn what_is_none_of_them_is_refused() {
        assert!("a".parse::<Given>().is_err());
        assert!("@file.txt".parse::<Given>().is_err());
        assert!("a=@/nowhere".parse::<Given>().unwrap().read().is_err());
    }
}
