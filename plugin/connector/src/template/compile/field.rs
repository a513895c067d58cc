//! The fields of an Apple pass, and how many of them a style has room for.
//!
//! Owns a field's keys and the limits. A field whose value is exactly one date becomes a date that the phone formats by itself, in the style that the
//! variable's format says.

use super::condition::{Condition, STATES, Test};
use super::context::{Allowed, Context};
use super::document::{Section, Written};
use super::error::{Language, Place, Problem};
use super::semantics::{self, is_currency};
use super::spelling::likeliest;
use super::tree::{Node, Part, quoted};
use super::wording::{Mode, Words};
use crate::payload::FORMATS;
use crate::payload::date::Format;
use crate::payload::rule::Rule;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    EventTicket,
    StoreCard,
    Generic,
}

impl Style {
    pub(super) const ALL: [Style; 3] = [Style::EventTicket, Style::StoreCard, Style::Generic];
    pub(super) const NAMES: [&str; 3] = ["eventTicket", "storeCard", "generic"];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::EventTicket => "eventTicket",
            Self::StoreCard => "storeCard",
            Self::Generic => "generic",
        }
    }
}

/// The groups of fields: key in a template, key in pass.json.
const GROUPS: [(&str, &str); 6] = [
    ("header", "headerFields"),
    ("primary", "primaryFields"),
    ("secondary", "secondaryFields"),
    ("auxiliary", "auxiliaryFields"),
    ("back", "backFields"),
    (ADDITIONAL, "additionalInfoFields"),
];
/// Under the poster of an event ticket, iOS 18; others do not show them.
const ADDITIONAL: &str = "additional";

/// Apple's "Pass Design and Creation": three header fields, one primary, four secondary, four auxiliary (in each row of an event ticket);
/// the back scrolls.
const HEADER: usize = 3;
const PRIMARY: usize = 1;
const SECONDARY: usize = 4;
const AUXILIARY: usize = 4;

/// On a store card, and beside a square barcode on a generic pass, secondary and auxiliary fields share one line.
const SHARED_LINE: usize = 4;

const ALIGNMENTS: [&str; 4] = ["left", "center", "right", "natural"];
const APPLE_ALIGNMENTS: [&str; 4] =
    ["PKTextAlignmentLeft", "PKTextAlignmentCenter", "PKTextAlignmentRight", "PKTextAlignmentNatural"];
const DATE_STYLES: [&str; 5] = ["none", "short", "medium", "long", "full"];
const APPLE_DATE_STYLES: [&str; 5] =
    ["PKDateStyleNone", "PKDateStyleShort", "PKDateStyleMedium", "PKDateStyleLong", "PKDateStyleFull"];

/// Places in them.
const NONE: usize = 0;
const SHORT: usize = 1;
const MEDIUM: usize = 2;
const FULL: usize = 4;
/// The format of a variable that names none.
const DATE_AND_TIME: usize = Format::DateTime as usize;

const DETECTORS: [&str; 4] = ["phone", "link", "address", "calendar"];
const APPLE_DETECTORS: [&str; 4] = [
    "PKDataDetectorTypePhoneNumber",
    "PKDataDetectorTypeLink",
    "PKDataDetectorTypeAddress",
    "PKDataDetectorTypeCalendarEvent",
];
const NUMBER_STYLES: [&str; 4] = ["decimal", "percent", "scientific", "spellOut"];
const APPLE_NUMBER_STYLES: [&str; 4] =
    ["PKNumberStyleDecimal", "PKNumberStylePercent", "PKNumberStyleScientific", "PKNumberStyleSpellOut"];

/// A field as far as counting needs it.
struct Counted<'s> {
    key: &'s str,
    group: &'static str,
    row: u32,
    when: Condition,
}

/// The style's dictionary.
pub(super) fn compile<'s>(context: &Context<'s>, apple: &Section<'s>, style: Style, square_barcode: bool) -> Node {
    let mut counted: Vec<Counted<'s>> = Vec::new();
    let mut groups = Vec::new();
    for (group, name) in GROUPS {
        let mut fields = Vec::new();
        let sections = apple.sections(group);
        if group == ADDITIONAL && style != Style::EventTicket && !sections.is_empty() {
            apple.problem(&apple.place, Problem::Rule("additional fields are shown by event tickets only"));
        }
        for section in sections {
            if let Some((place, key)) = section.string("key") {
                let when = context.when(&section, Allowed::All);
                // The phone follows a field by its key: the same key for "valid" and "void" is one field that changes.
                if counted.iter().any(|field| {
                    field.key == key
                        && STATES.into_iter().any(|state| when.possible(state) && field.when.possible(state))
                }) {
                    section.problem(&place, Problem::DuplicateKey(key.to_owned()));
                }
                let row = if group == "auxiliary" && style == Style::EventTicket {
                    section.integer("row", 0, 1)
                } else {
                    None
                };
                counted.push(Counted { key, group, row: row.unwrap_or(0), when: when.clone() });
                let nodes = field(context, &section, key, row, group == "back").unwrap_or_default();
                fields.extend(nodes.into_iter().map(|node| node.only(&when)));
            } else {
                section.missing("key");
            }
            section.finish();
        }
        groups.push(Node::array(&format!("\"{name}\":"), fields));
    }
    limits(apple, &counted, style, square_barcode);
    Node::object(&format!("\"{}\":", style.name()), groups).kept()
}

/// The value of a field, and whether the phone formats it as a date.
struct Shown {
    part: Part,
    date: Option<Styles>,
    when: Condition,
}

impl Shown {
    fn always(part: Part, date: Option<Styles>) -> Self {
        Self { part, date, when: Condition::default() }
    }
}

/// Places in [`APPLE_DATE_STYLES`], of the day and of the time.
type Styles = (usize, usize);

/// What of its value the template says beside it.
struct Manner {
    date_style: Option<usize>,
    time_style: Option<usize>,
    own_zone: Option<bool>,
    relative: Option<bool>,
    /// It has a numberStyle or a currencyCode.
    number: bool,
}

/// None when something is wrong with it, which is then in the report. Two nodes where a date has a text in its place.
fn field<'s>(
    context: &Context<'s>,
    section: &Section<'s>,
    key: &str,
    row: Option<u32>,
    on_back: bool,
) -> Option<Vec<Node>> {
    let each = if on_back { each(section) } else { false };
    let words = |key, each| section.written(key).map(|text| context.words(&text, Allowed::All, each));
    let label = words("label", false);
    let change = section.written("changeMessage").map(|text| (context.words(&text, Allowed::All, false), text));
    let number = section.is_number("value").then(|| section.number("value", f64::MIN, f64::MAX)).flatten();
    let value = if number.is_some() { None } else { section.written("value") };
    let value = value.map(|text| (context.words(&text, Allowed::All, each), text));
    let alignment = section.one_of("textAlignment", &ALIGNMENTS);
    let links = section.written("attributedValue");
    let links = links.map(|text| (context.words(&text, Allowed::All, false), text));
    let detectors = detectors(section, on_back);
    let (number_style, currency) = (section.one_of("numberStyle", &NUMBER_STYLES), section.string("currencyCode"));
    let manner = Manner {
        date_style: section.one_of("dateStyle", &DATE_STYLES),
        time_style: section.one_of("timeStyle", &DATE_STYLES),
        own_zone: section.boolean("ignoresTimeZone"),
        relative: section.boolean("isRelative"),
        number: number_style.is_some() || currency.is_some(),
    };
    let semantics = semantics::of_field(context, section);
    match &currency {
        Some((place, _)) if number_style.is_some() => {
            section.problem(place, Problem::Rule("a number has a numberStyle or a currencyCode, not both"));
        }
        Some((place, code)) if !is_currency(code) => {
            section.problem(place, Problem::Rule("a currency is three capital letters (ISO 4217): \"CHF\""));
        }
        _ => {}
    }

    let shown = match (value, number) {
        (Some((words, written)), _) => shown(context, section, words?, &written, &manner)?,
        (None, Some(number)) => {
            manner.refuse_dates(section);
            vec![Shown::always(Part::Raw(number.to_string()), None)]
        }
        (None, None) => {
            section.missing("value");
            return None;
        }
    };
    let mut before = vec![Part::Raw(format!("\"key\":{}", quoted(key)))];
    if let Some(label) = label {
        before.extend([Part::Raw(",\"label\":".to_owned()), Part::Lookup(label?)]);
    }
    before.push(Part::Raw(",\"value\":".to_owned()));
    let mut after = Vec::new();
    if let Some((words, written)) = links {
        let words = words?;
        context.judge_links(&words, written.place());
        // Without it, the value is shown all the same.
        let links = Part::CheckedLookup(Rule::Links, words);
        after.push(Part::Maybe(vec![Part::Raw(",\"attributedValue\":".to_owned()), links]));
    }
    if let Some((change, written)) = change {
        let change = change?;
        check_placeholder(context, written.place(), &change);
        after.extend([Part::Raw(",\"changeMessage\":".to_owned()), Part::Lookup(change)]);
    }
    let (mut first, mut rest) = (String::new(), String::new());
    if let Some(name) = alignment.and_then(|at| APPLE_ALIGNMENTS.get(at)) {
        add(&mut first, "textAlignment", &quoted(name));
    }
    if let Some(row) = row {
        add(&mut rest, "row", &row.to_string());
    }
    if let Some(detectors) = detectors {
        add(&mut rest, "dataDetectorTypes", &format!("[{}]", detectors.join(",")));
    }
    if let Some(name) = number_style.and_then(|at| APPLE_NUMBER_STYLES.get(at)) {
        add(&mut rest, "numberStyle", &quoted(name));
    }
    if let Some((_, code)) = currency {
        add(&mut rest, "currencyCode", &quoted(code));
    }
    let node = |Shown { part, date, when }: Shown| {
        let mut parts = before.clone();
        parts.push(part);
        parts.extend(after.iter().cloned());
        let dated = date.map(|styles| manner.dated(styles)).unwrap_or_default();
        parts.push(Part::Raw(format!("{first}{dated}{rest}")));
        braced(parts, semantics.as_ref()).only(&when)
    };
    Some(shown.into_iter().map(node).collect())
}

fn add(json: &mut String, name: &str, value: &str) {
    json.push_str(&format!(",\"{name}\":{value}"));
}

/// A field is one leaf, so that it vanishes whole; beside it, semantics may lack some of theirs.
fn braced(parts: Vec<Part>, semantics: Option<&Node>) -> Node {
    let braces = |parts: Vec<Part>| {
        let (open, close) = (Part::Raw("{".to_owned()), Part::Raw("}".to_owned()));
        Node::leaf(std::iter::once(open).chain(parts).chain([close]).collect())
    };
    match semantics {
        None => braces(parts),
        Some(semantics) => {
            let whole = Node::object("", vec![Node::leaf(parts.clone()), semantics.clone()]);
            Node::Guarded { negated: false, needs: vec![braces(parts)], nodes: vec![whole] }
        }
    }
}

/// A date that stands alone, or a text that is called one, is the phone's to format; so is a number. Everything else is a text.
fn shown<'s>(
    context: &Context<'s>,
    section: &Section<'s>,
    words: Words,
    written: &Written<'s>,
    manner: &Manner,
) -> Option<Vec<Shown>> {
    const NUMBER: &str = "numberStyle and currencyCode are for a value that is a number, without quotes, or for variables that bring one";
    if manner.number {
        manner.refuse_dates(section);
        let (literal, uniform) = (words.constant().is_some(), words.is_uniform());
        if literal || !uniform || words.each {
            section.problem(written.place(), Problem::Rule(NUMBER));
            return None;
        }
        context.judge(Rule::Number, &words, written.place(), Problem::Rule(NUMBER));
        return Some(vec![Shown::always(Part::Checked(Rule::Number, words), None)]);
    }
    let only = if words.each { None } else { words.only_date() };
    if let Some(only) = only {
        let (reference, date) = (only.reference.clone(), Some(manner.styles(only.format)));
        let demanded = matches!(only.mode, Mode::Demanded);
        let part = Part::Date { reference: reference.clone(), minutes: 0, demanded };
        if !matches!(only.mode, Mode::Fallback(_)) {
            return Some(vec![Shown::always(part, date)]);
        }
        // Where there is no date, the text in its place, which no phone could format.
        let when = |negated| Condition(vec![vec![Test { negated, reference: reference.clone(), equals: None }]]);
        let text = Part::Lookup(words.clone());
        return Some(vec![Shown { part, date, when: when(false) }, Shown { part: text, date: None, when: when(true) }]);
    }
    if !manner.is_dated() {
        return Some(vec![Shown::always(Part::Lookup(words), None)]);
    }
    if words.each || !words.is_uniform() || words.has_dates() {
        manner.refuse_dates(section);
        return None;
    }
    let name = format!("{}.value", section.place.key);
    context.judge(Rule::Moment, &words, written.place(), Problem::NotADate { name });
    let date = Some(manner.styles(DATE_AND_TIME));
    Some(vec![Shown::always(Part::Checked(Rule::Moment, words), date)])
}

impl Manner {
    fn is_dated(&self) -> bool {
        let styled = self.date_style.is_some() || self.time_style.is_some();
        styled || self.own_zone.is_some() || self.relative.is_some()
    }

    fn refuse_dates(&self, section: &Section<'_>) {
        if self.is_dated() {
            let name = format!("{}.value", section.place.key);
            section.problem(&section.place, Problem::NotADate { name });
        }
    }

    /// What the template says, else what the format of the variable says; a style beside none leaves the other out.
    fn styles(&self, format: usize) -> Styles {
        let (date, time) = match FORMATS.get(format).map(|(_, format)| *format) {
            Some(Format::Date) => (MEDIUM, NONE),
            Some(Format::Time) => (NONE, SHORT),
            Some(Format::Full) => (FULL, SHORT),
            _ if self.date_style.is_some() || self.time_style.is_some() => (NONE, NONE),
            _ => (MEDIUM, SHORT),
        };
        (self.date_style.unwrap_or(date), self.time_style.unwrap_or(time))
    }

    fn dated(&self, (date, time): Styles) -> String {
        let mut json = String::new();
        let style = |at: usize| quoted(APPLE_DATE_STYLES.get(at).copied().unwrap_or_default());
        add(&mut json, "dateStyle", &style(date));
        add(&mut json, "timeStyle", &style(time));
        // The venue's time, also on the phone of a traveller.
        if self.own_zone.unwrap_or(true) {
            add(&mut json, "ignoresTimeZone", "true");
        }
        if self.relative == Some(true) {
            add(&mut json, "isRelative", "true");
        }
        json
    }
}

/// `dataDetectorTypes = ["phone", "link"]`; an empty list is that nothing is detected.
fn detectors(section: &Section<'_>, on_back: bool) -> Option<Vec<String>> {
    let written = section.texts_of("dataDetectorTypes")?;
    if !on_back {
        section.problem(&section.place, Problem::Rule("data is detected in fields on the back only"));
    }
    let mut names = Vec::new();
    for text in &written {
        let Written::One(place, word) = text else { continue };
        match DETECTORS.iter().position(|known| known == word).and_then(|at| APPLE_DETECTORS.get(at)) {
            Some(name) => names.push(quoted(name)),
            None => {
                let allowed = DETECTORS.map(str::to_owned).to_vec();
                let nearest = likeliest(word, DETECTORS);
                section.problem(place, Problem::UnknownValue { value: (*word).to_owned(), allowed, nearest });
            }
        }
    }
    Some(names)
}

/// `each = "events"`: the value once per event, a line each.
pub(super) fn each(section: &Section<'_>) -> bool {
    section.one_of("each", &["events"]).is_some()
}

fn check_placeholder(context: &Context<'_>, place: &Place<'_>, change: &Words) {
    let literals = change.literals();
    let one_text = literals.iter().all(|text| Some(text) == literals.first());
    for (text, tag) in literals.iter().zip(context.tags()) {
        if !text.contains("%@") {
            context.report.at(place, Problem::NoPlaceholder(Language((!one_text).then(|| tag.to_owned()))));
        }
    }
}

/// Fields that exclude each other by the pass's state do not add up.
fn limits(apple: &Section<'_>, counted: &[Counted<'_>], style: Style, square_barcode: bool) {
    let most = |wanted: &dyn Fn(&Counted<'_>) -> bool| {
        let shown = |state| counted.iter().filter(|field| wanted(field) && field.when.possible(state)).count();
        STATES.into_iter().map(shown).max().unwrap_or_default()
    };
    let check = |what, count, limit| {
        if count > limit {
            apple.problem(&apple.place, Problem::TooMany { what, style: style.name(), count, limit });
        }
    };
    let group = |group: &'static str| move |field: &Counted<'_>| field.group == group;
    check("header fields", most(&group("header")), HEADER);
    check("primary fields", most(&group("primary")), PRIMARY);
    check("secondary fields", most(&group("secondary")), SECONDARY);
    match style {
        Style::EventTicket => {
            for row in [0, 1] {
                let in_row = |field: &Counted<'_>| field.group == "auxiliary" && field.row == row;
                check("auxiliary fields in a row", most(&in_row), AUXILIARY);
            }
        }
        Style::Generic if !square_barcode => check("auxiliary fields", most(&group("auxiliary")), AUXILIARY),
        Style::StoreCard | Style::Generic => {
            let on_line = |field: &Counted<'_>| field.group == "secondary" || field.group == "auxiliary";
            check("secondary and auxiliary fields", most(&on_line), SHARED_LINE);
        }
    }
}
