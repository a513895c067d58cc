//! What happened to a file, seen from the passes that are kept for it.
//!
//! Owns the decision: findings, an operation per pass, and the parts that passes are built from. Decides from ids and states; a notification is
//! a hint, an answer that lacks a required part is unreadable and never empty, and a movement that lives keeps its pass. Does not own whether
//! an absence is believed (the host looks twice) nor how a pass looks (`payload`).

mod answer;
mod arrival;
mod card;
mod claim;
mod departure;
mod envelope;
mod event;
mod findings;
mod hint;
mod known;
mod living;
mod matrix;
mod moment;
mod programme;
mod reason;
mod standing;
mod succession;
mod texts;
mod ticket;

use crate::contract::scenario::{Answer, Confidence, Fault, Observation, Verdict};
use crate::lenient::{self, Fields};

pub use reason::{FIELDS, REASONS};
#[cfg(test)]
pub(crate) use ticket::tests::full_part as full_ticket_part;

/// Says what happened, and what becomes of every pass.
pub fn classify(observation: &Observation) -> Result<Verdict, Fault> {
    match &observation.answer {
        Answer::File(bytes) => file(observation, bytes),
        Answer::Contact(bytes) => card::classify(observation, parse(bytes)?),
    }
}

/// An answer: JSON in UTF-8, and an object.
fn parse<'a, T: Fields<'a>>(bytes: &'a [u8]) -> Result<T, Fault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    read(bytes).ok_or_else(|| envelope::unreadable(""))
}

fn read<'a, T: Fields<'a>>(bytes: &'a [u8]) -> Option<T> {
    let text = std::str::from_utf8(bytes).ok()?;
    lenient::read(text).ok()?.into_option()
}

fn file(observation: &Observation, bytes: &[u8]) -> Result<Verdict, Fault> {
    let answer: answer::FileAnswer<'_> = parse(bytes)?;
    envelope::judge(&answer.status_code)?;
    let mut unread = envelope::Unread::default();
    let file = standing::File::of(&answer, &observation.passes, &mut unread)?;
    let orders = standing::tokens(&file, &mut unread);
    let mut run = living::Run {
        scans: hint::Scans::of(&observation.hints),
        programme: programme::Programme::of(&file, &observation.events, &mut unread),
        known: known::Known::of(&observation.passes),
        observation,
        file: &file,
        findings: findings::Findings::default(),
        unread,
        sure: Confidence::Firm,
        unsettled: false,
    };
    let succession = departure::succession(&run);
    let mut operations = Vec::with_capacity(observation.passes.len());
    for (place, pass) in observation.passes.iter().enumerate() {
        operations.push(match run.known.movement(place).map(|id| (id, file.standing(id))) {
            None => known::not_concerned(pass),
            Some((id, Some(standing))) if !standing.life.is_gone() => run.living(pass, id, standing)?,
            Some((id, standing)) => departure::departed(&mut run, pass, id, standing, succession.of_pass(place)),
        });
    }
    arrival::offers(&mut run, &succession, &mut operations)?;
    Ok(Verdict {
        orders,
        findings: run.findings.into_list(run.sure),
        operations,
        events: run.programme.into_parts(),
        unsettled: run.unsettled,
        unread: run.unread.into_pointers(),
        file: Some(file.id),
    })
}
