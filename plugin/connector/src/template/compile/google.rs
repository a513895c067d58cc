//! The Google part of a template: a class and an object as trees.
//!
//! Owns which member belongs to which, and the defaults; free texts and links are in `module`, images in `picture`, places in `merchant`, and what
//! Google does with a pass beside showing it in `handling`. The class is shared by all tickets of an event and so may name no fact of a ticket;
//! the object may name no fact of the event: then an event's change is one call, and a ticket's change touches no other. Keys are Google's
//! own. Identifiers, review status and callback are the host's.

use super::TemplateSource;
use super::apple::{colour, known};
use super::condition::Condition;
use super::context::{Allowed, Context};
use super::document::{Section, Written};
use super::error::Problem;
use super::handling::{DOORS, LABELS};
use super::merchant;
use super::pass::Common;
use super::tree::{Node, Part, quoted};
use super::wording::{Segment, Words};
use crate::payload::rule::Rule;
use crate::template::program::{GOOGLE_KINDS, Kind};
use crate::template::vocabulary::Variable;

const HOLDERS: [&str; 3] = ["MULTIPLE_HOLDERS", "ONE_USER_ALL_DEVICES", "ONE_USER_ONE_DEVICE"];

const GENERIC_TYPES: [&str; 15] = [
    "GENERIC_TYPE_UNSPECIFIED",
    "GENERIC_SEASON_PASS",
    "GENERIC_UTILITY_BILLS",
    "GENERIC_PARKING_PASS",
    "GENERIC_VOUCHER",
    "GENERIC_GYM_MEMBERSHIP",
    "GENERIC_LIBRARY_MEMBERSHIP",
    "GENERIC_RESERVATIONS",
    "GENERIC_AUTO_INSURANCE",
    "GENERIC_HOME_INSURANCE",
    "GENERIC_ENTRY_TICKET",
    "GENERIC_RECEIPT",
    "GENERIC_LOYALTY_CARD",
    "GENERIC_MEMBERSHIP_CARD",
    "GENERIC_OTHER",
];

pub(super) struct Google {
    /// From 1: place in [`GOOGLE_KINDS`].
    pub kind: usize,
    pub class: Node,
    pub object: Node,
}

/// A wallet's resource while it is put together.
pub(super) struct Resource<'c, 's> {
    pub context: &'c Context<'s>,
    pub google: &'c Section<'s>,
    pub allowed: Allowed,
    /// Files of the template's folder `images`.
    pub images: &'c [String],
    pub nodes: Vec<Node>,
}

pub(super) fn compile<'s>(
    context: &Context<'s>,
    google: Section<'s>,
    relevance: Option<&Section<'s>>,
    common: &Common,
    source: &TemplateSource,
) -> Google {
    let default = if context.kind == Kind::EventTicket { 0 } else { 1 };
    let kind = google.one_of("type", &GOOGLE_KINDS).unwrap_or(default);
    if (kind == 0) != (context.kind == Kind::EventTicket) {
        let reason = "an event ticket is Google's eventTicket, a member card is loyalty or generic";
        let name = GOOGLE_KINDS.get(kind).copied().unwrap_or_default().to_owned();
        google.problem(&google.place, Problem::OutOfScope { name, reason });
    }
    let resource = |allowed| Resource { context, google: &google, allowed, images: &source.images, nodes: Vec::new() };
    let (mut class, mut object) = (resource(Allowed::NotHolder), resource(Allowed::NotEvent));

    let (class_part, object_part) = (google.section("class"), google.section("object"));
    object.state();
    match kind {
        0 => {
            class.issuer(common);
            class.event();
            class.nodes.extend(merchant::locations(context, relevance, &source.venues));
            class.image(&google, "logo", "logo");
            class.image(&google, "wideLogo", "wideLogo");
            class.colour(&google);
            class.country();
            object.ticket();
            object.face_value();
            if let Some(part) = &object_part {
                object.colour(part);
            }
        }
        1 => {
            class.issuer(common);
            class.program();
            class.image(&google, "wideLogo", "wideProgramLogo");
            class.colour(&google);
            class.country();
            object.member();
            object.points();
        }
        _ => {
            object.generic(common);
            object.image(&google, "logo", "logo");
            object.image(&google, "wideLogo", "wideLogo");
            object.image(&google, "heroImage", "heroImage");
            object.colour(&google);
            object.reminders();
        }
    }
    if kind != 2 {
        class.image(&google, "heroImage", "heroImage");
        class.link_member("homepageUri");
        // Of one ticket, instead of the class's.
        if let Some(part) = &object_part {
            object.image(part, "heroImage", "heroImage");
        }
    }
    class.class_handling();
    object.object_handling();
    if let Some(name) = google.one_of("multipleDevicesAndHoldersAllowedStatus", &HOLDERS).and_then(|at| HOLDERS.get(at))
    {
        class.nodes.push(Node::raw(format!("\"multipleDevicesAndHoldersAllowedStatus\":\"{name}\"")));
    }
    if let Some(barcode) = &common.barcode {
        object.nodes.push(barcode.google().only(&Condition::not(Variable::StateVoid)));
    }
    for (resource, part) in [(&mut class, class_part), (&mut object, object_part)] {
        if let Some(part) = part {
            resource.modules(&part);
            resource.image_modules(&part);
            part.finish();
        }
    }
    let (class, object) = (class.nodes, object.nodes);
    google.finish();
    Google { kind: kind + 1, class: Node::object("", class).kept(), object: Node::object("", object).kept() }
}

impl<'s> Context<'s> {
    /// A text that is the same in every language, as identifiers and addresses are.
    pub(super) fn uniform(&self, written: &Written<'s>, allowed: Allowed) -> Option<Words> {
        let words = self.words(written, allowed, false)?;
        if words.is_uniform() {
            return Some(words);
        }
        self.report.at(written.place(), Problem::NotUniform);
        None
    }

    /// A web address: https, unless a variable brings it, which is judged as far as it is known.
    pub(super) fn address(&self, section: &Section<'s>, key: &'static str, allowed: Allowed) -> Option<Words> {
        let written = section.written(key)?;
        let words = self.uniform(&written, allowed)?;
        if words.is_empty() {
            return None;
        }
        match words.lists.first().and_then(|list| list.first()) {
            Some(Segment::Literal(text)) if !text.starts_with("https://") => {
                self.report.at(written.place(), Problem::NotHttps);
            }
            _ => self.judge(Rule::Address, &words, written.place(), Problem::NotHttps),
        }
        Some(words)
    }
}

impl<'s> Resource<'_, 's> {
    /// The template's text for a key, else ours; an empty one is none.
    pub(super) fn words(
        &self,
        section: Option<&Section<'s>>,
        key: &'static str,
        default: &'static str,
    ) -> Option<Words> {
        let written = section.and_then(|section| section.written(key));
        match written {
            Some(text) => self.context.words(&text, self.allowed, false).filter(|words| !words.is_empty()),
            None if default.is_empty() => None,
            None => self.context.default_words(default, &self.google.place),
        }
    }

    pub(super) fn is_ticket(&self) -> bool {
        self.context.kind == Kind::EventTicket
    }

    pub(super) fn plain(&mut self, key: &'static str, default: &'static str) {
        let words = self.words(Some(self.google), key, default);
        self.nodes.extend(words.map(|words| Node::member(key, Part::Plain(words))));
    }

    fn localized(&mut self, key: &'static str, default: &'static str) {
        let words = self.words(Some(self.google), key, default);
        self.nodes.extend(words.map(|words| Node::member(key, Part::Localized(words))));
    }

    fn issuer(&mut self, common: &Common) {
        if let Some(words) = &common.organization {
            self.nodes.push(Node::member("issuerName", Part::Plain(words.clone())).demanded());
            if !words.is_uniform() {
                self.nodes.push(Node::member("localizedIssuerName", Part::Localized(words.clone())));
            }
        }
    }

    fn colour(&mut self, section: &Section<'s>) {
        if let Some(colour) = colour(section, "hexBackgroundColor") {
            self.nodes.push(Node::raw(format!("\"hexBackgroundColor\":\"{}\"", colour.google())));
        }
    }

    fn link_member(&mut self, key: &'static str) {
        if let Some(words) = self.context.address(self.google, key, self.allowed) {
            self.nodes.push(Node::object(&format!("\"{key}\":"), vec![Node::member("uri", Part::Plain(words))]));
        }
    }

    fn state(&mut self) {
        let state = |name: &str| Node::raw(format!("\"state\":\"{name}\""));
        let live = Condition::not(Variable::StateVoid);
        self.nodes.push(state("INACTIVE").only(&Condition::is(Variable::StateVoid)));
        if !self.is_ticket() {
            self.nodes.push(state("ACTIVE").only(&live));
            return;
        }
        self.nodes.push(state("COMPLETED").only(&live.and(&Condition::is(Variable::StateUsed))));
        self.nodes.push(state("ACTIVE").only(&live.and(&Condition::not(Variable::StateUsed))));
    }

    /// What an event ticket's class holds of the event.
    fn event(&mut self) {
        let name = self.words(Some(self.google), "eventName", "{event.title!}");
        self.nodes.extend(name.map(|words| Node::member("eventName", Part::Localized(words)).demanded()));
        self.nodes.push(Node::member("eventId", Part::EventKey));
        self.venue();
        let labels = self.google.section("labels");
        let date = |name: &str, variable| Node::member(name, Part::date(known(variable)));
        let doors = self.label(labels.as_ref(), DOORS);
        let mut dates = vec![
            date("doorsOpen", Variable::EventDoors),
            date("start", Variable::EventsStart),
            date("end", Variable::EventsEnd),
        ];
        dates.extend(doors.map(|label| label.only(&Condition::is(Variable::EventDoors))));
        self.nodes.push(Node::object("\"dateTime\":", dates));
        for label in LABELS {
            let label = self.label(labels.as_ref(), label);
            self.nodes.extend(label);
        }
        if let Some(labels) = labels {
            labels.finish();
        }
        self.localized("finePrint", "");
    }

    /// Google takes name and address together or not at all. Where the address lacks its city, the street stands alone; where it lacks
    /// everything, the name stands in, which the maps understand.
    fn venue(&mut self) {
        let city = Condition::is(Variable::City);
        let (no_city, street) = (Condition::not(Variable::City), Condition::is(Variable::Address));
        let full = "[{address.address}, ][{address.postalCode} ]{address.city}[, {address.country}]";
        for (address, when) in [
            (full, city),
            ("{address.address}[, {address.country}]", no_city.and(&street)),
            ("{venue.name}", no_city.and(&Condition::not(Variable::Address))),
        ] {
            let words = |text| self.context.default_words(text, &self.google.place);
            let (Some(name), Some(address)) = (words("{venue.name}[, {venue.room}]"), words(address)) else { continue };
            let parts = vec![
                Part::Raw("\"venue\":{\"name\":".to_owned()),
                Part::Localized(name),
                Part::Raw(",\"address\":".to_owned()),
                Part::Localized(address),
                Part::Raw("}".to_owned()),
            ];
            self.nodes.push(Node::leaf(parts).only(&when));
        }
    }

    /// What an event ticket's object holds of the ticket.
    fn ticket(&mut self) {
        self.plain("ticketHolderName", "{fullName}");
        self.plain("ticketNumber", "{ticket.number}");
        self.localized("ticketType", "{ticket.seatCategory}");
        let code = self.words(Some(self.google), "confirmationCode", "{ticket.order}");
        self.nodes.extend(code.map(|words| {
            Node::object("\"reservationInfo\":", vec![Node::member("confirmationCode", Part::Plain(words))])
        }));
        let seat = self.google.section("seatInfo");
        let mut members = Vec::new();
        for (key, default) in [
            ("section", "{ticket.area}"),
            ("row", "{ticket.row}"),
            ("seat", "{ticket.seat}"),
            ("gate", "{ticket.gate}"),
        ] {
            let words = self.words(seat.as_ref(), key, default);
            members.extend(words.map(|words| Node::member(key, Part::Localized(words))));
        }
        if let Some(seat) = seat {
            seat.finish();
        }
        self.nodes.push(Node::object("\"seatInfo\":", members));
        let group = self.words(Some(self.google), "groupingId", "{ticket.order}");
        self.nodes.extend(
            group.map(|words| Node::object("\"groupingInfo\":", vec![Node::member("groupingId", Part::Plain(words))])),
        );
    }

    /// A loyalty card's class: Google demands a name and a logo.
    fn program(&mut self) {
        match self.words(Some(self.google), "programName", "") {
            Some(words) => {
                self.nodes.push(Node::member("programName", Part::Plain(words.clone())).demanded());
                if !words.is_uniform() {
                    self.nodes.push(Node::member("localizedProgramName", Part::Localized(words)));
                }
            }
            None => self.google.missing("programName"),
        }
        self.program_logo();
        for (key, localized) in [
            ("accountNameLabel", "localizedAccountNameLabel"),
            ("accountIdLabel", "localizedAccountIdLabel"),
            ("rewardsTier", "localizedRewardsTier"),
            ("rewardsTierLabel", "localizedRewardsTierLabel"),
        ] {
            if let Some(words) = self.words(Some(self.google), key, "") {
                self.nodes.push(Node::member(key, Part::Plain(words.clone())));
                if !words.is_uniform() {
                    self.nodes.push(Node::member(localized, Part::Localized(words)));
                }
            }
        }
    }

    fn member(&mut self) {
        self.plain("accountName", "{fullName}");
        self.plain("accountId", "{contact.number}");
    }

    fn generic(&mut self, common: &Common) {
        let name = GENERIC_TYPES.get(self.google.one_of("genericType", &GENERIC_TYPES).unwrap_or(13));
        self.nodes.extend(name.map(|name| Node::raw(format!("\"genericType\":{}", quoted(name)))));
        let title = match self.google.written("cardTitle") {
            Some(text) => self.context.words(&text, self.allowed, false),
            None => common.organization.clone(),
        };
        self.nodes.extend(title.map(|words| Node::member("cardTitle", Part::Localized(words)).demanded()));
        let header = self.words(Some(self.google), "header", "{fullName}");
        self.nodes.extend(header.map(|words| Node::member("header", Part::Localized(words)).demanded()));
        self.localized("subheader", "");
    }
}
