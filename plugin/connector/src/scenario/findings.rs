//! Findings, gathered: what happened alike to several movements of a file is one finding.
//!
//! Owns grouping and order. Bounded by the few different sets of facts that a file can show; a finding with a successor stands alone.

use super::matrix::{self, Observed};
use crate::contract::scenario::{Confidence, Finding, UseCase};
use crate::contract::types::Id;

#[derive(Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    /// Places of findings without a successor: those that others may join.
    open: Vec<usize>,
}

impl Findings {
    pub(super) fn add(
        &mut self,
        use_case: UseCase,
        confidence: Confidence,
        observed: Observed,
        originator: Option<&str>,
        movement: Id,
    ) {
        let facts = matrix::facts(use_case, observed);
        for place in &self.open {
            if let Some(finding) = self.list.get_mut(*place)
                && finding.use_case == use_case
                && finding.confidence == confidence
                && finding.originator.as_deref() == originator
                && finding.facts == facts
            {
                finding.movements.push(movement);
                return;
            }
        }
        self.open.push(self.list.len());
        let originator = originator.map(str::to_owned);
        self.list.push(Finding { use_case, confidence, facts, originator, movements: vec![movement], successor: None });
    }

    /// An old movement and the one that took its place.
    pub(super) fn add_pair(
        &mut self,
        use_case: UseCase,
        confidence: Confidence,
        observed: Observed,
        originator: Option<&str>,
        (old, new): (Id, Id),
    ) {
        self.list.push(Finding {
            use_case,
            confidence,
            facts: matrix::facts(use_case, observed),
            originator: originator.map(str::to_owned),
            movements: vec![old, new.clone()],
            successor: Some(new),
        });
    }

    /// In the matrix's order; `nothing` alone when there is nothing, and then as sure as this.
    pub(super) fn into_list(mut self, sure: Confidence) -> Vec<Finding> {
        if self.list.is_empty() {
            let observed = matrix::NOTHING;
            return vec![Finding {
                use_case: UseCase::Nothing,
                confidence: sure,
                facts: matrix::facts(UseCase::Nothing, observed),
                originator: None,
                movements: Vec::new(),
                successor: None,
            }];
        }
        let mut sorted = Vec::with_capacity(self.list.len());
        for use_case in ORDER {
            sorted.extend(self.list.extract_if(.., |finding| finding.use_case == use_case));
        }
        sorted
    }
}

/// The matrix's rows, and then what is none.
const ORDER: [UseCase; 11] = [
    UseCase::EventChange,
    UseCase::Reprint,
    UseCase::HolderChange,
    UseCase::CulturalContactChange,
    UseCase::Replacement,
    UseCase::Exchange,
    UseCase::Cancellation,
    UseCase::Purchase,
    UseCase::EntryScan,
    UseCase::UnknownChange,
    UseCase::Nothing,
];
