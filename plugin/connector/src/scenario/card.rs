//! A contact, seen from its member card.
//!
//! Owns the card part and its comparison. A contact's answer never ends a card: contacts are not cancelled, and a refusal is a fault. A card that
//! is void was made so by a person, and stays so.

use std::borrow::Cow;

use super::answer::{Contact, ContactAnswer};
use super::envelope::{self, Unread, unreadable};
use super::findings::Findings;
use super::known::{keep, not_concerned};
use super::matrix::Observed;
use super::reason::Reason;
use super::texts::{self, Texts};
use crate::canonical::{Object, name};
use crate::contract::scenario::{Action, Confidence, Fault, Observation, Operation, UseCase, Verdict};
use crate::contract::types::{PassState, Subject, TicketPart, Tri};
use crate::lenient::{Node, fields};

type Field<'a> = Option<Cow<'a, str>>;

/// What a card part says.
#[derive(Debug, Default, PartialEq)]
struct CardFacts<'a> {
    contact: Field<'a>,
    first_name: Field<'a>,
    last_name: Field<'a>,
    title: Field<'a>,
    barcode: Field<'a>,
    quality: Field<'a>,
    quality_name: Texts<'a>,
}

fields! {
    /// A card part's body, as it was written.
    struct CardBody<'a> {
        [contact = "contact", first_name = "firstName", last_name = "lastName", title = "title",
            barcode = "barcode", quality = "quality"]
        quality_name: Node<Texts<'a>> = "qualityName",
    }
}

impl<'a> CardFacts<'a> {
    fn of(contact: &'a Contact<'a>, number: &Cow<'a, str>, unread: &mut Unread) -> Self {
        let person = contact.individual_contact.get();
        let quality = contact.contact_qualities.objects().find(|(_, quality)| quality.code.text().is_some());
        if contact.contact_qualities.is_misfit() {
            unread.note(|| "/contactData/contactQualities".to_owned());
        }
        let name = quality.map(|(at, quality)| {
            texts::of(&quality.name, unread, || format!("/contactData/contactQualities/{at}/name"))
        });
        Self {
            contact: Some(number.clone()),
            first_name: person.and_then(|person| person.firstname.text()),
            last_name: person.and_then(|person| person.lastname.text()),
            title: person.and_then(|person| person.title.text()),
            // The member is identified by the contact number (domain.md 1.7).
            barcode: Some(number.clone()),
            quality: quality.and_then(|(_, quality)| quality.code.text()),
            quality_name: name.unwrap_or_default(),
        }
    }

    fn of_part(part: &'a TicketPart) -> Option<Self> {
        let body: CardBody<'a> = super::read(&part.body)?;
        Some(Self {
            contact: body.contact.into_text(),
            first_name: body.first_name.into_text(),
            last_name: body.last_name.into_text(),
            title: body.title.into_text(),
            barcode: body.barcode.into_text(),
            quality: body.quality.into_text(),
            quality_name: body.quality_name.into_option().unwrap_or_default(),
        })
    }

    fn part(&self) -> TicketPart {
        let mut body = Vec::with_capacity(256);
        let mut object = Object::open(&mut body);
        object.optional(name!("barcode"), self.barcode.as_deref());
        object.optional(name!("contact"), self.contact.as_deref());
        object.optional(name!("firstName"), self.first_name.as_deref());
        object.text(name!("kind"), "card");
        object.optional(name!("lastName"), self.last_name.as_deref());
        object.optional(name!("quality"), self.quality.as_deref());
        self.quality_name.write(&mut object, name!("qualityName"));
        object.optional(name!("title"), self.title.as_deref());
        object.close();
        let selectors = self.quality.as_deref().map(|quality| ("quality".into(), quality.into()));
        TicketPart { body, events: Vec::new(), selectors: Texts::of_pairs(selectors).object() }
    }

    fn difference(&self, new: &Self) -> Vec<&'static str> {
        let pairs = [
            (self.first_name == new.first_name, "firstName"),
            (self.last_name == new.last_name, "lastName"),
            (self.title == new.title, "contact.title"),
            (self.barcode == new.barcode, "barCode"),
            (self.contact == new.contact, "contact.number"),
            (self.quality == new.quality && self.quality_name == new.quality_name, "contact.quality"),
        ];
        pairs.into_iter().filter(|(same, _)| !same).map(|(_, name)| name).collect()
    }
}

pub(super) fn classify(observation: &Observation, answer: ContactAnswer<'_>) -> Result<Verdict, Fault> {
    envelope::judge(&answer.status_code)?;
    let contact = answer.contact_data.get().ok_or_else(|| unreadable("/contactData"))?;
    let number = contact.contact_number.text().ok_or_else(|| unreadable("/contactData/contactNumber"))?;
    let mut unread = Unread::default();
    let facts = CardFacts::of(contact, &number, &mut unread);
    let mut findings = Findings::default();
    let mut sure = Confidence::Firm;
    let mut known = false;
    let mut operations = Vec::new();
    for pass in &observation.passes {
        if !matches!(&pass.subject, Subject::Contact(contact) if *contact == *number) {
            operations.push(not_concerned(pass));
            continue;
        }
        known = true;
        if matches!(pass.state, PassState::Void) {
            operations.push(keep(pass, Reason::StillEnded));
            continue;
        }
        let old = pass.snapshot.as_ref().and_then(CardFacts::of_part);
        // After erasure nothing can be compared: the card is built anew, which shows nothing if nothing differs.
        let fields = old.as_ref().map(|old| old.difference(&facts));
        if old.is_none() {
            sure = Confidence::Likely;
        }
        operations.push(match fields {
            Some(fields) if fields.is_empty() => keep(pass, Reason::Unchanged),
            fields => {
                let confidence = if fields.is_some() { Confidence::Firm } else { Confidence::Guess };
                findings.add(UseCase::UnknownChange, confidence, observed(true), None, number.to_string());
                let reason = Reason::CardChanged.with(&fields.unwrap_or_default());
                Operation { action: Action::Update(facts.part()), reason, ..keep(pass, Reason::CardChanged) }
            }
        });
    }
    if !known {
        findings.add(UseCase::Purchase, Confidence::Firm, observed(false), None, number.to_string());
        operations.push(Operation {
            subject: Subject::Contact(number.to_string()),
            pass: None,
            order: None,
            ticket: None,
            successor: None,
            action: Action::Offer(facts.part()),
            reason: Reason::Member.alone(),
        });
    }
    Ok(Verdict {
        file: None,
        orders: Vec::new(),
        findings: findings.into_list(sure),
        operations,
        events: Vec::new(),
        unsettled: false,
        unread: unread.into_pointers(),
    })
}

/// A contact has no order, no ticket and no movement.
fn observed(updates: bool) -> Observed {
    use Tri::{No, Unknown, Yes};
    [Unknown, Unknown, No, No, No, No, No, Unknown, if updates { Yes } else { No }, No]
}
