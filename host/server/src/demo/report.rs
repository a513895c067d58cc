//! The outcome of the demo: a table for people, the same as JSON for programs.
//!
//! Owns the shape that the documentation promises: `{"ok":bool,"scenarios":[{"case","recognised","explanation","facts","passes",
//! "notification_to_phone_ms","secutix_calls","ok"}]}`, `plugins` where they were played (`plugin_report`), `missing` where something expected was not seen, and `error` where the play could not go
//! on. Does not own what is asked of a scenario (`scene`).

use std::collections::BTreeMap;

use comfy_table::{Cell, ContentArrangement, Table, presets};
use passerelle_flow::run::FindingRecord;
use passerelle_flow::words;
use serde::Serialize;

use super::plugin_report::{self, PluginRow};

#[derive(Serialize)]
pub struct Report {
    pub ok: bool,
    pub scenarios: Vec<Scenario>,
    /// What holders did with a pass, and who knows of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub installations: Vec<InstallationStep>,
    /// The example plugin in three languages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PluginRow>,
    /// What was expected of the whole and not seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Why the play ended before its end; the scenarios are those before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[derive(Serialize)]
pub struct Scenario {
    pub case: String,
    /// Codes of the findings, joined by `+`.
    pub recognised: String,
    /// Why the pass is as it is now, in words: the last line of its history.
    pub explanation: String,
    /// Column to what was observed and what the matrix says.
    pub facts: BTreeMap<String, FactPair>,
    pub passes: Vec<PassPair>,
    /// From the notification's first byte to the slower phone; null where nothing visible changes.
    pub notification_to_phone_ms: Option<i64>,
    pub secutix_calls: u64,
    pub ok: bool,
    /// What was expected and not seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

#[derive(Serialize)]
pub struct InstallationStep {
    pub case: String,
    /// External references of the movement, as SecuTix has them afterwards.
    pub references: BTreeMap<String, String>,
    /// The ticket's state in SecuTix.
    pub printing: String,
    /// What the CRM was told; null where nothing is to be told.
    pub webhook: Option<Told>,
    /// The CRM's fields afterwards.
    pub crm: BTreeMap<String, String>,
    pub ok: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// A webhook, as the CRM received it.
#[derive(Serialize)]
pub struct Told {
    pub event: String,
    /// Of those of the pass.
    pub sequence: i64,
    /// Its signature was the CRM's own secret's.
    pub verified: bool,
}

#[derive(Serialize, Clone, PartialEq, Eq)]
pub struct FactPair {
    pub observed: String,
    pub matrix: String,
}

#[derive(Serialize)]
pub struct PassPair {
    pub phone: String,
    pub movement: String,
    pub before: String,
    pub after: String,
}

/// The columns in the matrix's order, as the table's legend numbers them.
const COLUMNS: [&str; 10] = [
    "ticket-shop",
    "back-office",
    "new-transaction",
    "new-ticket",
    "new-movement",
    "new-order",
    "new-file",
    "email-sent",
    "update-pass",
    "deactivate-pass",
];

/// Columns that a file can tell, and that must therefore agree with the matrix: 3 to 7, 9 and 10. 1 and 2 are the origin of this one change,
/// 8 is never seen in a file.
const TOLD: [&str; 7] =
    ["new-transaction", "new-ticket", "new-movement", "new-order", "new-file", "update-pass", "deactivate-pass"];

pub fn facts(finding: &FindingRecord) -> BTreeMap<String, FactPair> {
    finding
        .facts
        .iter()
        .map(|fact| (fact.name.clone(), FactPair { observed: fact.observed.clone(), matrix: fact.matrix.clone() }))
        .collect()
}

/// Names of the columns that a file tells and that are not as the matrix says. Where the matrix is silent there is nothing to disagree with.
pub fn disagreeing(facts: &BTreeMap<String, FactPair>) -> Vec<&'static str> {
    TOLD.into_iter()
        .filter(|name| facts.get(*name).is_some_and(|fact| fact.matrix != "unknown" && fact.observed != fact.matrix))
        .collect()
}

impl Report {
    pub fn of(
        scenarios: Vec<Scenario>,
        installations: Vec<InstallationStep>,
        missing: Vec<String>,
        error: Option<String>,
    ) -> Self {
        let good = scenarios.iter().all(|scenario| scenario.ok) && installations.iter().all(|step| step.ok);
        let ok = good && missing.is_empty() && error.is_none();
        Self { ok, scenarios, installations, plugins: Vec::new(), missing, error }
    }

    /// What the plugins did, and all that phones have complained of since the beginning.
    pub(super) fn add(&mut self, played: anyhow::Result<Vec<PluginRow>>, complaints: Vec<String>) {
        match played {
            Ok(plugins) => self.plugins = plugins,
            Err(error) => self.error = Some(format!("{error:#}")),
        }
        let known = self.missing.clone();
        self.missing.extend(complaints.into_iter().filter(|complaint| !known.contains(complaint)));
        let played = !self.plugins.is_empty() && self.plugins.iter().all(|row| row.ok);
        self.ok = self.ok && played && self.missing.is_empty() && self.error.is_none();
    }

    #[allow(clippy::print_stdout)] // as below
    fn print_installations(&self) {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_FULL).set_content_arrangement(ContentArrangement::Dynamic).set_width(width());
        table.set_header([
            "a holder's",
            "external references in SecuTix",
            "ticket",
            "webhook to the CRM",
            "the CRM's fields",
            "",
        ]);
        for step in &self.installations {
            let webhook = match &step.webhook {
                None => "nothing to tell".to_owned(),
                Some(told) => {
                    let signature = if told.verified { "signature verified" } else { "NOT VERIFIED" };
                    format!("{}\nnumber {} of the pass, {signature}", told.event, told.sequence)
                }
            };
            let ok = if step.ok { "ok".to_owned() } else { format!("NOT OK: {}", step.missing.join(", ")) };
            table.add_row([
                step.case.clone(),
                lines(&step.references),
                step.printing.clone(),
                webhook,
                lines(&step.crm),
                ok,
            ]);
        }
        println!("\nWhat a holder does with one pass, and what SecuTix and the CRM know of it afterwards:\n{table}");
    }

    #[allow(clippy::print_stdout)] // the table is what the command is for
    pub fn print(&self) {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_FULL).set_content_arrangement(ContentArrangement::Dynamic).set_width(width());
        table.set_header([
            "use case",
            "recognised as, and why",
            "facts seen | matrix",
            "passes: before → after",
            "ms to phone",
            "SecuTix calls",
            "",
        ]);
        for scenario in &self.scenarios {
            let passes: Vec<String> = scenario
                .passes
                .iter()
                .map(|pass| match (&pass.before, &pass.after) {
                    (before, after) if before.is_empty() => format!("{}: {after}", pass.phone),
                    (before, after) if before == after => format!("{}: {after} (unchanged)", pass.phone),
                    (before, after) => format!("{}: {before}\n  → {after}", pass.phone),
                })
                .collect();
            let ok = match scenario.ok {
                true => "ok".to_owned(),
                false => format!("NOT OK: {}", scenario.missing.join(", ")),
            };
            table.add_row(vec![
                Cell::new(&scenario.case),
                Cell::new(recognised(scenario)),
                Cell::new(format!(
                    "{} | {}",
                    columns(scenario, |fact| &fact.observed),
                    columns(scenario, |fact| &fact.matrix)
                )),
                Cell::new(passes.join("\n")),
                Cell::new(scenario.notification_to_phone_ms.map_or("-".to_owned(), |ms| ms.to_string())),
                Cell::new(scenario.secutix_calls),
                Cell::new(ok),
            ]);
        }
        println!("{table}");
        println!(
            "facts: 1 ticket shop, 2 back office, 3 new transaction, 4 new ticket, 5 new movement, 6 new order, 7 new file, 8 mail sent,"
        );
        println!(
            "       9 pass to be updated, 10 pass to be deactivated. Printed: the columns that are Yes; ? cannot be told from a file."
        );
        println!("       Of 1 and 2 the matrix says where it is possible, the left side where this change came from.");
        if !self.installations.is_empty() {
            self.print_installations();
        }
        if !self.plugins.is_empty() {
            plugin_report::print(&self.plugins, width());
        }
        let good = self.scenarios.iter().filter(|scenario| scenario.ok).count()
            + self.installations.iter().filter(|step| step.ok).count()
            + self.plugins.iter().filter(|row| row.ok).count();
        println!("{good} of {} scenarios ok", self.scenarios.len() + self.installations.len() + self.plugins.len());
        for missing in &self.missing {
            println!("NOT OK: {missing}");
        }
        if let Some(error) = &self.error {
            println!("NOT OK: the play ended here: {error}");
        }
    }
}

/// A name and a value a line, without what the names have in common.
fn lines(map: &BTreeMap<String, String>) -> String {
    let line = |(name, value): (&String, &String)| format!("{} {value}", name.trim_start_matches("twc."));
    map.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What it was taken for, and the sentence of the history where it says more than that.
fn recognised(scenario: &Scenario) -> String {
    let named = scenario.recognised.split('+').map(words::use_case).collect::<Vec<_>>().join(" + ");
    let why = scenario
        .explanation
        .strip_prefix(&named)
        .map_or(scenario.explanation.as_str(), |why| why.trim_start_matches(": "));
    if why.is_empty() { named } else { format!("{named}\n{why}") }
}

/// As wide as the terminal says it is, within what the table can be read in; files and pipes get a width that fits a page.
fn width() -> u16 {
    const PAGE: u16 = 160;
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(PAGE).clamp(110, 220)
}

fn columns(scenario: &Scenario, side: impl Fn(&FactPair) -> &String) -> String {
    let shown: Vec<String> = COLUMNS
        .iter()
        .enumerate()
        .filter_map(|(index, name)| match scenario.facts.get(*name).map(|fact| side(fact).as_str()) {
            Some("yes") => Some((index + 1).to_string()),
            Some("unknown") => Some(format!("{}?", index + 1)),
            _ => None,
        })
        .collect();
    let all_unknown =
        !shown.is_empty() && shown.iter().all(|column| column.ends_with('?')) && shown.len() == COLUMNS.len();
    if all_unknown || shown.is_empty() { "-".to_owned() } else { shown.join(" ") }
}
