//! `--report FILE`: what a command found out, for programs. JSON with a top-level `ok`.
//!
//! Owns that the file is there whenever it was asked for and could be written: a command that could not do its work says so in it. Does not own what
//! stands in it.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

pub fn write(path: &Path, report: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(report)? + "\n";
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The result as it is. When the command could not do its work, the file says `{"ok":false,"error":"…"}`: the whole chain, as the terminal has it.
pub fn or_failure<T>(path: Option<&Path>, result: anyhow::Result<T>) -> anyhow::Result<T> {
    if let (Some(path), Err(error)) = (path, &result) {
        let told = write(path, &serde_json::json!({ "ok": false, "error": format!("{error:#}") }));
        if let Err(unwritten) = told {
            tracing::error!("{unwritten:#}");
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_could_not_do_its_work_says_so_in_its_report() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let failed: anyhow::Result<bool> = Err(anyhow::anyhow!("no such file").context("cannot read the answer"));
        assert!(or_failure(Some(&path), failed).is_err());
        let told: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(told, serde_json::json!({"ok": false, "error": "cannot read the answer: no such file"}));

        write(&path, &serde_json::json!({"ok": true})).unwrap();
        assert!(or_failure(Some(&path), Ok(true)).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\n  \"ok\": true\n}\n");
    }
}
