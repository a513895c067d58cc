//! `--to file`: one line per pass, as a CRM should have it.
//!
//! Owns the CSV and that a file is whole or not there. It may hold e-mail addresses, so it is for its owner alone.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use passerelle_flow::backfill::{CRM_FIELDS, CrmRecord, crm_record};
use passerelle_flow::flow::Flow;
use passerelle_flow::identity::Millis;
use passerelle_flow::store::{Backfills as _, Store as _};
use passerelle_flow::tenant::Tenant;

use super::{TargetReport, bar, say};
use crate::csv::quoted;
use crate::host::ServerHost;

/// Passes that are read at once.
const BATCH: u32 = 500;

/// First columns; then one for each identifier, then the fields.
const FIRST: [&str; 3] = ["passId", "passType", "passState"];

pub(super) async fn write(
    flow: &Flow<ServerHost>,
    tenant: &Tenant,
    since: Millis,
    out: &Path,
) -> anyhow::Result<TargetReport> {
    let store = &flow.host.store;
    let bar = bar(store.count_changed_installations(&tenant.id, since, None).await?, "file");
    let mut records: Vec<CrmRecord> = Vec::new();
    let mut after = None;
    loop {
        let passes = store.changed_installations(&tenant.id, since, after.as_ref(), BATCH).await?;
        let Some(last) = passes.last().cloned() else { break };
        for id in &passes {
            if let Some(view) = store.pass(&tenant.id, id).await? {
                records.push(crm_record(flow, tenant, &view.pass).await?);
            }
        }
        bar.inc(passes.len() as u64);
        after = Some(last);
    }
    bar.finish_and_clear();
    let passes = records.len() as u64;
    save(&records, out).with_context(|| format!("cannot write {}", out.display()))?;
    say(&format!("file: {passes} passes written to {}", out.display()));
    Ok(TargetReport { passes, repairs: vec![] })
}

fn save(records: &[CrmRecord], out: &Path) -> anyhow::Result<()> {
    let names: BTreeSet<&str> =
        records.iter().flat_map(|record| record.identifiers.keys().map(String::as_str)).collect();
    let part = PathBuf::from(format!("{}.part", out.display()));
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    let mut file = BufWriter::new(file);
    let header = FIRST.into_iter().chain(names.iter().copied()).chain(CRM_FIELDS);
    writeln!(file, "{}", header.collect::<Vec<_>>().join(","))?;
    for record in records {
        let first = [record.pass.as_str(), &record.template, record.state];
        let identifiers = names.iter().map(|name| record.identifiers.get(*name).map_or("", String::as_str));
        let fields = CRM_FIELDS.iter().map(|name| record.fields.get(*name).map_or("", String::as_str));
        let cells = first.into_iter().chain(identifiers).chain(fields);
        writeln!(file, "{}", cells.map(cell).collect::<Vec<_>>().join(","))?;
    }
    file.into_inner()?.sync_all()?;
    std::fs::rename(&part, out)?;
    Ok(())
}

/// RFC 4180. What a spreadsheet would take for a formula is quoted with an apostrophe, as they themselves do it.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    quoted(text)
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_one_cell_and_no_formula() {
        for (text, expected) in [("a", "a"), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("=1+1", "'=1+1"), ("", "")] {
            assert_eq!(cell(text), expected);
        }
    }
}
