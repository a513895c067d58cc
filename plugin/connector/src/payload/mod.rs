//! Rebuilding: from a compiled template, events and tickets to what the two wallets show.
//!
//! Owns the packing of results and the class keys. Does not own what a template says (`template`) nor what only a host may know: tokens,
//! addresses, issuer and pass type identifiers. A job's template and events are read once, and each class is built once, however many
//! passes share it.
//!
//! Whether a holder sees a difference is told by the log of everything variable that is written, behind the template's fingerprint: a fifth
//! of the bodies' size. The host hashes it, with the processor's help and the tenant's key.

pub(crate) mod date;
mod facts;
mod fill;
pub(crate) mod json;
mod lookup;
pub(crate) mod rule;
mod text;

#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};

use crate::contract::payload::{ApplePass, Fault, GoogleClass, GooglePass, Item, Job, PassPayload, Rebuilt};
use crate::payload::facts::{Event, Events, Facts, Holder, Translations};
use crate::payload::fill::{Sheet, fill, identifier};
use crate::payload::text::{Filler, Stop};
use crate::template::program::{Kind, Program, Unusable};
use crate::template::vocabulary::{MESSAGE, ORGANIZATION};

#[cfg(feature = "compile")]
pub(crate) use date::FORMATS;
/// The number of the date format that is the same in every language.
#[cfg(feature = "compile")]
pub(crate) const ISO: usize = date::Format::Iso as usize;
#[cfg(feature = "compile")]
pub(crate) use fill::localized_string;
#[cfg(feature = "compile")]
pub(crate) use lookup::MARK;

/// Bytes of a body that most passes stay below; grows by itself where one does not.
const BODY: usize = 8 * 1024;

/// What is variable in a pass, roughly.
const LOG: usize = 2 * 1024;

impl From<Unusable> for Fault {
    fn from(unusable: Unusable) -> Self {
        Self::Template((0, 0, unusable.code().to_owned()))
    }
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Corrupt => Unusable::Corrupt.into(),
            Stop::Missing(name) => Self::Missing(name),
            Stop::TooLarge => Self::TooLarge,
        }
    }
}

/// Builds the passes of a job, in the order of its items. The error is the template's and nobody can be served; a fault in the list is that
/// of a single pass.
pub fn rebuild(job: &Job) -> Result<Rebuilt, Fault> {
    let program = Program::open(job.template.as_bytes())?;
    let events = Events::parse(&job.events);
    let mut desk = Desk {
        job,
        program: &program,
        events: &events,
        sheet: Sheet { out: Vec::with_capacity(BODY), log: Vec::with_capacity(LOG), ..Sheet::default() },
        classes: Vec::new(),
    };
    let passes = job.items.iter().map(|item| desk.build(item).map_err(Fault::from)).collect();
    Ok(Rebuilt { passes, classes: desk.classes.into_iter().map(|class| class.built).collect() })
}

/// Where one job is worked on.
struct Desk<'j> {
    job: &'j Job,
    program: &'j Program<'j>,
    events: &'j Events<'j>,
    sheet: Sheet,
    classes: Vec<Class<'j>>,
}

/// A class, and what it was made of.
struct Class<'j> {
    events: &'j [String],
    organization: Option<&'j str>,
    built: GoogleClass,
}

impl<'j> Desk<'j> {
    fn build(&mut self, item: &'j Item) -> Result<PassPayload, Stop> {
        let holder: Holder<'_> =
            serde_json::from_slice(&item.ticket.body).map_err(|_| Stop::Missing("ticket".to_owned()))?;
        let events: Vec<&Event<'_>> = match self.program.kind {
            Kind::EventTicket => self
                .events
                .select(&item.ticket.events)
                .filter(|events| !events.is_empty())
                .ok_or_else(|| Stop::Missing("event".to_owned()))?,
            Kind::MemberCard => Vec::new(),
        };
        let message = Translations::of_variables(&item.variables, MESSAGE);
        let filler = Filler {
            program: self.program,
            facts: Facts { item, holder: &holder, events: &events, settings: &self.job.settings, message: &message },
            locales: &self.job.locales,
        };
        Ok(PassPayload { apple: self.apple(&filler)?, google: self.google(&filler, item)?, pass: item.pass.clone() })
    }

    fn apple(&mut self, filler: &Filler<'j, '_>) -> Result<Option<ApplePass>, Stop> {
        let program = self.program;
        if program.apple.is_empty() {
            return Ok(None);
        }
        fill(filler, program.apple, &mut self.sheet)?;
        let strings = program.locales.iter().zip(&program.strings).enumerate().map(|(at, (locale, constant))| {
            let mut lines = Vec::with_capacity(constant.len() + 512);
            lines.extend_from_slice(constant);
            self.sheet.lookups.write(&self.sheet.log, at, &mut lines);
            ((*locale).to_owned(), lines)
        });
        let strings = strings.collect();
        Ok(Some(ApplePass { strings, pass_json: self.sheet.out.clone(), seen: self.seen() }))
    }

    fn google(&mut self, filler: &Filler<'j, '_>, item: &'j Item) -> Result<Option<GooglePass>, Stop> {
        let program = self.program;
        let Some(kind) = program.google else { return Ok(None) };
        let organization = item.variables.iter().find(|(name, _)| name == ORGANIZATION).map(|(_, text)| text.as_str());
        let shared = |class: &Class<'_>| class.events == item.ticket.events && class.organization == organization;
        // The last one first: neighbours share it more often than not.
        let class = match self.classes.iter().rposition(shared) {
            Some(place) => place,
            None => {
                fill(filler, program.class, &mut self.sheet)?;
                let key = class_key(program, &filler.facts);
                let built = GoogleClass { kind: kind.to_owned(), key, body: self.sheet.out.clone() };
                self.classes.push(Class { events: &item.ticket.events, organization, built });
                self.classes.len() - 1
            }
        };
        fill(filler, program.object, &mut self.sheet)?;
        let class = u32::try_from(class).map_err(|_| Stop::TooLarge)?;
        Ok(Some(GooglePass { class, object_body: self.sheet.out.clone(), seen: self.seen() }))
    }

    /// What the holder sees of the body that was filled last.
    fn seen(&self) -> Vec<u8> {
        [self.program.fingerprint, &self.sheet.log].concat()
    }
}

/// One class per template and event. A subscription of the buyer's own choice shares its product with others but not its list of
/// events, so the list stands in the key, hashed: 64 bits, because a collision would show a holder another's list.
fn class_key(program: &Program<'_>, facts: &Facts<'_>) -> String {
    let mut key = program.name.as_bytes().to_vec();
    if let Some((first, others)) = facts.events.split_first() {
        key.push(b'.');
        identifier(first.key, &mut key);
        if !others.is_empty() {
            let mut hash = Sha256::new();
            for event in others {
                hash.update(event.key);
                hash.update([text::END]);
            }
            key.push(b'.');
            let hash = hash.finalize();
            let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).map(|digit| digit as u8);
            key.extend(hash.iter().take(8).flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).flatten());
        }
    }
    String::from_utf8(key).unwrap_or_default()
}
