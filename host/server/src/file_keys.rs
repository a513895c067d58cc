//! API keys that stand in a `tenant.toml`: read for the list, taken out when they end.
//!
//! Owns the editing of that file: one table goes, everything else stays as it was written. Does not own the keys of the store (`keys`) nor when a host
//! hears of a change: a server reloads the folder, an edge is deployed anew.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use passerelle_flow::tenant::config::{ApiKeyConfig, TenantConfig};
use passerelle_flow::tenant::strict;
use toml_edit::{DocumentMut, Item, Value};

/// Those of the file. What else is wrong with it is told, since no host would take it.
pub fn read(file: &Path) -> anyhow::Result<Vec<ApiKeyConfig>> {
    let content = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let (config, _) = strict::read::<TenantConfig>(&file.display().to_string(), &content).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", lines.join("\n"))
    })?;
    Ok(config.api_keys)
}

/// Takes a key out; false: it is not there, or there is no such file.
pub fn revoke(file: &Path, id: &str) -> anyhow::Result<bool> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let mut document: DocumentMut = text.parse().with_context(|| file.display().to_string())?;
    if !take(&mut document, id) {
        return Ok(false);
    }
    replace(file, &document.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(true)
}

fn take(document: &mut DocumentMut, id: &str) -> bool {
    let named = |key: Option<&str>| key == Some(id);
    let (found, empty) = match document.get_mut("api_keys") {
        Some(Item::ArrayOfTables(tables)) => {
            let before = tables.len();
            tables.retain(|table| !named(table.get("id").and_then(Item::as_str)));
            (tables.len() < before, tables.is_empty())
        }
        Some(Item::Value(Value::Array(tables))) => {
            let before = tables.len();
            tables.retain(|table| {
                !named(table.as_inline_table().and_then(|table| table.get("id")).and_then(Value::as_str))
            });
            (tables.len() < before, tables.is_empty())
        }
        _ => (false, false),
    };
    if empty {
        document.remove("api_keys");
    }
    found
}

/// In one step, and with the permissions that the file has: a server may read it at any time.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let target: PathBuf = std::fs::canonicalize(file)?;
    let mut new = tempfile::NamedTempFile::new_in(target.parent().unwrap_or(Path::new(".")))?;
    new.write_all(text.as_bytes())?;
    new.as_file().set_permissions(std::fs::metadata(&target)?.permissions())?;
    new.as_file().sync_all()?;
    new.persist(target)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "# the venue\norganization = \"Opéra\" # its name\n\n[seal]\nkey = \"file:seal.key\"\n";

    fn table(id: &str, label: &str) -> String {
        format!("\n[[api_keys]]\nid = \"{id}\"\nsha256 = \"00\"\nscopes = [\"Pass.Read\"]\nlabel = \"{label}\"\n")
    }

    #[test]
    fn one_key_goes_and_everything_else_stays_as_it_was_written() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tenant.toml");
        let (first, second) = (table("AAAAAAAA", "shop"), table("BBBBBBBB", "page"));
        std::fs::write(&file, format!("{BEFORE}{first}{second}")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(!revoke(&file, "CCCCCCCC").unwrap());
        assert!(revoke(&file, "AAAAAAAA").unwrap());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("{BEFORE}{second}"));
        assert!(!revoke(&file, "AAAAAAAA").unwrap(), "it has gone already");
        assert!(revoke(&file, "BBBBBBBB").unwrap());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), BEFORE);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(!revoke(&folder.path().join("nothing"), "AAAAAAAA").unwrap());
    }

    #[test]
    fn a_list_in_one_line_is_a_list_as_well() {
        let mut document: DocumentMut = "api_keys = [{ id = \"AAAAAAAA\" }, { id = \"BBBBBBBB\" }]\n".parse().unwrap();
        assert!(take(&mut document, "AAAAAAAA"));
        assert!(!document.to_string().contains("AAAAAAAA") && document.to_string().contains("BBBBBBBB"));
    }

    #[test]
    fn a_file_that_no_host_takes_is_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tenant.toml");
        std::fs::write(&file, format!("{BEFORE}organisation = 1\n")).unwrap();
        let refused = read(&file).err().map(|error| error.to_string());
        assert!(refused.is_some_and(|text| text.contains("organisation")));
    }
}
