//! The fields of an Apple pass, and how many of them a style has room for.
//!
//! Owns a field's keys and the limits. A field whose value is exactly one date becomes a date that the phone formats by itself.

use super::condition::{Condition, STATES};
use super::context::{Allowed, Context};
use super::document::{Section, Written};
use super::error::{Language, Place, Problem};
use super::semantics::is_currency;
use super::spelling::likeliest;
use super::tree::{Node, Part, quoted};
use super::wording::Words;
use crate::template::vocabulary::Nature;

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
                fields.extend(field(context, &section, key, row, group == "back").map(|node| node.only(&when)));
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

fn field<'s>(context: &Context<'s>, section: &Section<'s>, key: &str, row: Option<u32>, on_back: bool) -> Option<Node> {
    let each = if on_back { each(section) } else { false };
    let words = |key, each| section.written(key).map(|text| context.words(&text, Allowed::All, each));
    let label = words("label", false);
    let change = section.written("changeMessage").map(|text| (context.words(&text, Allowed::All, false), text));
    let number = section.is_number("value").then(|| section.number("value", f64::MIN, f64::MAX)).flatten();
    let value = if number.is_some() { None } else { words("value", each) };
    let alignment = section.one_of("textAlignment", &ALIGNMENTS);
    let date_style = section.one_of("dateStyle", &DATE_STYLES);
    let time_style = section.one_of("timeStyle", &DATE_STYLES);
    let own_zone = section.boolean("ignoresTimeZone");
    let relative = section.boolean("isRelative");
    let links = section.written("attributedValue");
    let links = links.map(|text| (context.words(&text, Allowed::All, false), text));
    let detectors = detectors(section, on_back);
    let (number_style, currency) = (section.one_of("numberStyle", &NUMBER_STYLES), section.string("currencyCode"));

    let value = match (value, number) {
        (Some(value), _) => Ok(value?),
        (None, Some(number)) => Err(number),
        (None, None) => {
            section.missing("value");
            return None;
        }
    };
    const NUMBER: &str = "numberStyle and currencyCode are for a value that is a number, without quotes";
    match &currency {
        Some((place, _)) if number_style.is_some() => {
            section.problem(place, Problem::Rule("a number has a numberStyle or a currencyCode, not both"));
        }
        Some((place, _)) if value.is_ok() => section.problem(place, Problem::Rule(NUMBER)),
        Some((place, code)) if !is_currency(code) => {
            section.problem(place, Problem::Rule("a currency is three capital letters (ISO 4217): \"CHF\""));
        }
        None if number_style.is_some() && value.is_ok() => section.problem(&section.place, Problem::Rule(NUMBER)),
        _ => {}
    }
    let mut parts = vec![Part::Raw(format!("{{\"key\":{}", quoted(key)))];
    if let Some(label) = label {
        parts.extend([Part::Raw(",\"label\":".to_owned()), Part::Lookup(label?)]);
    }
    parts.push(Part::Raw(",\"value\":".to_owned()));
    let only = value.as_ref().ok().and_then(Words::only_variable);
    let date = only.filter(|variable| variable.nature() == Nature::Date && !each).cloned();
    let is_date = date.is_some();
    parts.push(match (date, value) {
        (Some(date), _) => Part::Date(date, 0),
        (None, Ok(words)) => Part::Lookup(words),
        (None, Err(number)) => Part::Raw(number.to_string()),
    });
    if let Some((words, written)) = links {
        let words = words?;
        check_links(context, written.place(), &words);
        parts.extend([Part::Raw(",\"attributedValue\":".to_owned()), Part::Lookup(words)]);
    }
    if let Some((change, written)) = change {
        let change = change?;
        check_placeholder(context, written.place(), &change);
        parts.extend([Part::Raw(",\"changeMessage\":".to_owned()), Part::Lookup(change)]);
    }
    let mut rest = String::new();
    let mut add = |name: &str, json: &str| rest.push_str(&format!(",\"{name}\":{json}"));
    if let Some(name) = alignment.and_then(|at| APPLE_ALIGNMENTS.get(at)) {
        add("textAlignment", &quoted(name));
    }
    if is_date {
        // Date and short time, unless the template says otherwise.
        let style =
            |at: Option<usize>, default| APPLE_DATE_STYLES.get(at.unwrap_or(default)).copied().unwrap_or_default();
        let (date_default, time_default) = match (date_style, time_style) {
            (None, None) => (2, 1),
            _ => (0, 0),
        };
        add("dateStyle", &quoted(style(date_style, date_default)));
        add("timeStyle", &quoted(style(time_style, time_default)));
        // The venue's time, also on the phone of a traveller.
        if own_zone.unwrap_or(true) {
            add("ignoresTimeZone", "true");
        }
        if relative == Some(true) {
            add("isRelative", "true");
        }
    } else if date_style.is_some() || time_style.is_some() || own_zone.is_some() || relative.is_some() {
        let name = format!("{}.value", section.place.key);
        section.problem(&section.place, Problem::NotADate { name });
    }
    if let Some(row) = row {
        add("row", &row.to_string());
    }
    if let Some(detectors) = detectors {
        add("dataDetectorTypes", &format!("[{}]", detectors.join(",")));
    }
    if let Some(name) = number_style.and_then(|at| APPLE_NUMBER_STYLES.get(at)) {
        add("numberStyle", &quoted(name));
    }
    if let Some((_, code)) = currency {
        add("currencyCode", &quoted(code));
    }
    rest.push('}');
    parts.push(Part::Raw(rest));
    Some(Node::leaf(parts))
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

/// Wallet shows links and nothing else of HTML.
fn check_links(context: &Context<'_>, place: &Place<'_>, words: &Words) {
    let tags =
        words.literals().into_iter().flat_map(|text| text.split('<').skip(1).map(str::to_owned).collect::<Vec<_>>());
    let others = tags.filter(|tag| !(tag.starts_with("a href=") || tag.starts_with("/a>")));
    if others.count() > 0 {
        context
            .report
            .at(place, Problem::Rule("an attributedValue may hold links, <a href=\"…\">…</a>, and no other tag"));
    }
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
