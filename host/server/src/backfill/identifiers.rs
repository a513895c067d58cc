//! `--identifiers`: existing passes get the identifier that the CRM joins by, from a file of the organiser's or from what is sealed of the ticket.
//!
//! Owns the file's form and what is told of lines that cannot be used. Does not own the rules for values (`passerelle_flow::attribute`).

use std::path::Path;

use anyhow::{Context as _, bail};
use passerelle_flow::attribute::{self, AttributeError};
use passerelle_flow::backfill::{Given, give_identifier, identifier_of_ticket, lacking};
use passerelle_flow::flow::Flow;
use passerelle_flow::identity::{PassId, contact_number, secutix_id};
use passerelle_flow::store::{AttributeKind, PassSubject, Store as _};
use passerelle_flow::tenant::Tenant;

use super::{TargetReport, bar, say};
use crate::host::ServerHost;

/// Lines that are told of one by one; more are a wrong file.
const TOLD: usize = 20;
/// Passes that are read at once.
const BATCH: u32 = 200;

pub(super) async fn give(
    flow: &Flow<ServerHost>,
    tenant: &Tenant,
    file: Option<&Path>,
) -> anyhow::Result<TargetReport> {
    match file {
        Some(file) => from_file(flow, tenant, file).await,
        None => from_tickets(flow, tenant).await,
    }
}

/// Every pass that lacks it, from what is sealed of its ticket: SecuTix is not asked.
async fn from_tickets(flow: &Flow<ServerHost>, tenant: &Tenant) -> anyhow::Result<TargetReport> {
    let (Some(name), Some(_)) = (&tenant.crm.identifier, tenant.crm.from) else {
        bail!(
            "[crm] identifier and from say what is taken from the ticket; or give --identifiers a FILE with two columns: \
             secutix.movementId (or secutix.contactNumber, or passId), and the identifier"
        );
    };
    let mut done = TargetReport::default();
    let (mut without, mut after) = (0_u64, None);
    let bar = bar(0, "identifiers");
    loop {
        let batch = lacking(flow, &tenant.id, name, after, BATCH).await?;
        for (pass, _) in &batch.passes {
            bar.inc(1);
            done.passes += 1;
            match identifier_of_ticket(flow, tenant, pass).await? {
                Some(given) => done.repairs.extend(given.changed),
                None => without += 1,
            }
        }
        if batch.next.is_none() {
            break;
        }
        after = batch.next;
    }
    bar.finish_and_clear();
    say(&format!(
        "identifiers: {} passes had no {name}, {} got it, {without} have none to be had",
        done.passes,
        done.repairs.len()
    ));
    Ok(done)
}

/// What the first column names.
#[derive(Clone, Copy)]
enum By {
    Movement,
    Contact,
    Pass,
}

async fn from_file(flow: &Flow<ServerHost>, tenant: &Tenant, path: &Path) -> anyhow::Result<TargetReport> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    // Excel begins its UTF-8 with a mark.
    let (by, name) = header(lines.next().map_or("", |(_, line)| line.trim_start_matches('\u{feff}')))?;
    if let Some(join) = tenant.crm.identifier.as_deref().filter(|join| *join != name) {
        say(&format!("Note: [crm] joins by {join}, and this file gives {name}."));
    }
    let bar = bar(text.lines().count() as u64, "identifiers");
    let mut done = TargetReport::default();
    let (mut unknown, mut wrong) = (0_usize, Vec::new());
    for (at, line) in lines {
        bar.inc(1);
        match one(flow, tenant, by, name, line).await? {
            Ok(Some(given)) => {
                done.passes += 1;
                done.repairs.extend(given.changed);
            }
            Ok(None) => unknown += 1,
            Err(why) => wrong.push(format!("  line {}: {why}", at + 1)),
        }
    }
    bar.finish_and_clear();
    for line in wrong.iter().take(TOLD) {
        say(line);
    }
    let (new, lines) = (done.repairs.len(), wrong.len());
    say(&format!(
        "identifiers: {} passes found, {new} got {name}, {unknown} lines are of no pass, {lines} cannot be used",
        done.passes
    ));
    if !wrong.is_empty() {
        bail!("{lines} lines of {} cannot be used; the others are done", path.display());
    }
    Ok(done)
}

fn header(line: &str) -> anyhow::Result<(By, &str)> {
    let (first, name) = line.split_once([',', ';']).unwrap_or_default();
    let by = match unquoted(first) {
        "secutix.movementId" => By::Movement,
        "secutix.contactNumber" => By::Contact,
        "passId" => By::Pass,
        _ => bail!(
            "the first line names the columns: secutix.movementId, secutix.contactNumber or passId; then the identifier"
        ),
    };
    Ok((by, attribute::name(unquoted(name)).context("the second column's name")?))
}

async fn one(
    flow: &Flow<ServerHost>,
    tenant: &Tenant,
    by: By,
    name: &str,
    line: &str,
) -> anyhow::Result<Result<Option<Given>, String>> {
    let Some((key, value)) = line.split_once([',', ';']) else { return Ok(Err("two columns are expected".to_owned())) };
    let (key, value) = (unquoted(key), unquoted(value));
    let value = match attribute::value(AttributeKind::Identifier, value) {
        Ok(value) => value,
        Err(
            why @ (AttributeError::Value
            | AttributeError::Name
            | AttributeError::Subject
            | AttributeError::EmailAsMetadata),
        ) => {
            return Ok(Err(why.to_string()));
        }
    };
    let store = &flow.host.store;
    let view = match by {
        By::Pass => match PassId::parse(key) {
            Ok(id) => store.pass(&tenant.id, &id).await?,
            Err(why) => return Ok(Err(why.to_string())),
        },
        By::Movement => match secutix_id(key) {
            Some(id) => store.pass_by_subject(&tenant.id, &PassSubject::Movement(id)).await?,
            None => return Ok(Err("a movement is a whole number".to_owned())),
        },
        By::Contact => match contact_number(key) {
            Some(number) => store.pass_by_subject(&tenant.id, &PassSubject::Contact(number.to_owned())).await?,
            None => return Ok(Err("a contact's number is 1 to 20 letters, digits, - and _".to_owned())),
        },
    };
    let Some(view) = view else { return Ok(Ok(None)) };
    Ok(Ok(Some(give_identifier(flow, tenant, &view.pass.id, name, &value).await?)))
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_what_passes_are_found_by() {
        assert!(matches!(header("secutix.movementId,customerId").unwrap(), (By::Movement, "customerId")));
        assert!(matches!(header("\"passId\";\"email\"").unwrap(), (By::Pass, "email")));
        for line in ["", "movement,customerId", "passId", "passId,a b"] {
            assert!(header(line).is_err(), "{line}");
        }
    }
}
