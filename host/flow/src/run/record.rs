//! What a run leaves for people: findings, facts and actions as codes and identifiers.
//!
//! Owns the JSON that `run.findings` holds. Never a value of a ticket: no name, no barcode, no seat, no token.

use passerelle_contract::scenario::{Fact, Facts, Finding, Operation, UseCase, Verdict};
use passerelle_contract::types::{Subject, Tri};
use serde::{Deserialize, Serialize};

use super::plan::{PassAction, Plan};
use crate::store::PassWrite;

/// A run whose worker was lost has none of it: whatever is absent is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunFindings {
    pub findings: Vec<FindingRecord>,
    pub actions: Vec<ActionRecord>,
    /// JSON pointers of what was not understood.
    pub unread: Vec<String>,
    /// Codes of what a person should mend: `comfort-variable-names-no-template`, …
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRecord {
    pub use_case: String,
    pub confidence: String,
    /// The ten columns in the matrix's order: name, observed, what the matrix says, how sure the matrix is.
    pub facts: Vec<FactRecord>,
    pub originator: Option<String>,
    pub movements: Vec<String>,
    pub successor: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactRecord {
    pub name: String,
    pub observed: String,
    pub matrix: String,
    pub confidence: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionRecord {
    pub pass: String,
    pub movement: String,
    pub action: String,
    pub reason: String,
    pub fields: Vec<String>,
    pub state: String,
    pub visible: bool,
}

impl ActionRecord {
    pub fn of(write: &PassWrite) -> Self {
        let change = write.change.as_ref();
        Self {
            pass: write.id.as_str().to_owned(),
            movement: write.subject.identifier().1.to_owned(),
            action: change.map_or_else(
                || if write.absent_since.is_some() { PassAction::Absent } else { PassAction::Kept }.name().to_owned(),
                |change| change.action.clone(),
            ),
            reason: change.map(|change| change.reason.clone()).unwrap_or_default(),
            fields: change.map(|change| change.fields.clone()).unwrap_or_default(),
            state: write.state.as_str().to_owned(),
            visible: write.visible,
        }
    }
}

impl RunFindings {
    pub fn of(verdict: &Verdict, plan: &Plan) -> Self {
        Self {
            findings: verdict.findings.iter().map(FindingRecord::of).collect(),
            actions: plan.actions.clone(),
            unread: verdict.unread.clone(),
            warnings: plan.warnings.iter().map(|code| (*code).to_owned()).collect(),
        }
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }

    /// The use cases, for a log line.
    pub fn codes(&self) -> String {
        self.findings.iter().map(|finding| finding.use_case.as_str()).collect::<Vec<_>>().join("+")
    }
}

impl FindingRecord {
    pub fn of(finding: &Finding) -> Self {
        Self {
            use_case: use_case_code(finding.use_case).to_owned(),
            confidence: confidence_code(finding.confidence).to_owned(),
            facts: facts(&finding.facts),
            originator: finding.originator.clone(),
            movements: finding.movements.clone(),
            successor: finding.successor.clone(),
        }
    }
}

impl FactRecord {
    /// Of the places where a change may be made: there the matrix says what is possible, and what was observed is where it happened, so the two
    /// need not be equal.
    pub fn is_place(&self) -> bool {
        [SHOP, OFFICE].contains(&self.name.as_str())
    }
}

const SHOP: &str = "ticket-shop";
const OFFICE: &str = "back-office";

fn facts(facts: &Facts) -> Vec<FactRecord> {
    let one = |name: &str, fact: &Fact| FactRecord {
        name: name.to_owned(),
        observed: tri_code(fact.observed).to_owned(),
        matrix: tri_code(fact.matrix).to_owned(),
        confidence: confidence_code(fact.confidence).to_owned(),
    };
    vec![
        one(SHOP, &facts.ticket_shop),
        one(OFFICE, &facts.back_office),
        one("new-transaction", &facts.new_transaction),
        one("new-ticket", &facts.new_ticket),
        one("new-movement", &facts.new_movement),
        one("new-order", &facts.new_order),
        one("new-file", &facts.new_file),
        one("email-sent", &facts.email_sent),
        one("update-pass", &facts.update_pass),
        one("deactivate-pass", &facts.deactivate_pass),
    ]
}

/// The use case that concerns this operation's movement.
pub fn use_case_of(verdict: &Verdict, operation: &Operation) -> String {
    let id = match &operation.subject {
        Subject::Movement(id) | Subject::Contact(id) => id,
    };
    let mine = |finding: &&Finding| finding.movements.iter().any(|movement| movement == id);
    let ended = |finding: &&Finding| finding.movements.first() == Some(id);
    let found = verdict.findings.iter().filter(mine).find(ended).or_else(|| verdict.findings.iter().find(mine));
    use_case_code(found.map_or(UseCase::UnknownChange, |finding| finding.use_case)).to_owned()
}

pub fn use_case_code(use_case: UseCase) -> &'static str {
    match use_case {
        UseCase::EventChange => "event-change",
        UseCase::Reprint => "reprint",
        UseCase::HolderChange => "holder-change",
        UseCase::CulturalContactChange => "cultural-contact-change",
        UseCase::Replacement => "replacement",
        UseCase::Exchange => "exchange",
        UseCase::Cancellation => "cancellation",
        UseCase::Purchase => "purchase",
        UseCase::EntryScan => "entry-scan",
        UseCase::Nothing => "nothing",
        UseCase::UnknownChange => "unknown-change",
    }
}

fn tri_code(tri: Tri) -> &'static str {
    match tri {
        Tri::No => "no",
        Tri::Yes => "yes",
        Tri::Unknown => "unknown",
    }
}

fn confidence_code(confidence: passerelle_contract::scenario::Confidence) -> &'static str {
    use passerelle_contract::scenario::Confidence;
    match confidence {
        Confidence::Firm => "firm",
        Confidence::Likely => "likely",
        Confidence::Guess => "guess",
    }
}
