//! What the compiler says of a template that is wrong: where, what, and what was probably meant.

use super::{TemplateError, TemplateSource, compile};

const WHOLE: &str = r##"kind = "event-ticket"
description = "x"
[apple]
"##;

fn source(template: &str, fr: &str, en: &str) -> TemplateSource {
    TemplateSource {
        name: "gala".to_owned(),
        template: template.to_owned(),
        locales: vec![("fr".to_owned(), fr.to_owned()), ("en".to_owned(), en.to_owned())],
        images: ["icon.png", "icon@2x.png", "icon@3x.png"].map(str::to_owned).to_vec(),
        settings: vec![("phone".to_owned(), "+41 22 555 01 00".to_owned())],
        ..TemplateSource::default()
    }
}

fn told(errors: Vec<TemplateError>) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

fn errors(template: &str) -> Vec<String> {
    compile(&source(template, "row = \"Rang\"", "row = \"Row\"")).err().map(told).unwrap_or_default()
}

/// The one problem of a template that is right up to these lines, which begin at line 4.
fn problem(lines: &str) -> String {
    let errors = errors(&format!("{WHOLE}{lines}"));
    assert_eq!(errors.len(), 1, "{errors:#?}");
    errors.into_iter().next().unwrap()
}

fn field(lines: &str) -> String {
    problem(&format!("[[apple.back]]\nkey = \"f\"\n{lines}"))
}

#[test]
fn a_template_that_is_right_has_no_problem() {
    assert_eq!(errors(WHOLE), Vec::<String>::new());
    let compiled = compile(&source(WHOLE, "", "")).unwrap();
    assert_eq!((compiled.kind, compiled.locales.len(), compiled.warnings.len()), ("event-ticket", 2, 0));
    assert_eq!(compile(&source(WHOLE, "", "")).unwrap().text, compiled.text);
    let noted = compile(&source(&format!("# a note\n{WHOLE}"), "", "")).unwrap();
    assert_eq!(noted.text, compiled.text, "a comment changes no pass");
}

#[test]
fn names_are_checked_and_the_nearest_is_named() {
    for (lines, expected) in [
        (
            "value = \"Titre : {event.titel}\"",
            "template.toml:6:19: apple.back[0].value: unknown variable `event.titel`, did you mean `event.title`?",
        ),
        (
            "value = \"{settings.phon}\"",
            "template.toml:6:11: apple.back[0].value: unknown variable `settings.phon`, did you mean `settings.phone`?",
        ),
        (
            "value = \"{host.sucessor}\"",
            "template.toml:6:11: apple.back[0].value: unknown variable `host.sucessor`, did you mean `host.successor`?",
        ),
        ("value = \"{zzzzzzzz}\"", "template.toml:6:11: apple.back[0].value: unknown variable `zzzzzzzz`"),
        (
            "value = \"{contact.quality}\"",
            "template.toml:6:11: apple.back[0].value: `contact.quality` cannot be used here: a ticket has no such fact",
        ),
        (
            "value = \"{t:roww}\"",
            "template.toml:6:11: apple.back[0].value: no text has the key `roww`, did you mean `row`?",
        ),
        (
            "value = \"{event.start:dat}\"",
            "template.toml:6:11: apple.back[0].value: unknown date format `dat`, did you mean `date`?",
        ),
        (
            "value = \"{event.title:date}\"",
            "template.toml:6:11: apple.back[0].value: `event.title` is no date, so it has no format",
        ),
        (
            "value = \"x\"\nwhen = \"ticket.rwo == 'A'\"",
            "template.toml:7:9: apple.back[0].when: unknown variable `ticket.rwo`, did you mean `ticket.row`?",
        ),
        (
            "value = \"x\"\nlable = \"y\"",
            "template.toml:7:1: apple.back[0].lable: unknown key `lable`, did you mean `label`?",
        ),
        (
            "value = \"x\"\neach = \"event\"",
            "template.toml:7:8: apple.back[0].each: `event` is not one of events, did you mean `events`?",
        ),
        ("label = \"x\"", "template.toml:4:1: apple.back[0]: the key `value` is missing"),
        (
            "value = true",
            "template.toml:6:9: apple.back[0].value: expected a text in quotes, or one per language: { fr = \"…\", en = \"…\" }",
        ),
        ("value = { fr = \"x\" }", "template.toml:6:9: apple.back[0].value: the key `en` is missing"),
        (
            "value = { fr = \"x\", en = \"y\", de = \"z\" }",
            "template.toml:6:36: apple.back[0].value.de: unknown key `de`",
        ),
    ] {
        assert_eq!(field(lines), expected, "{lines}");
    }
    assert_eq!(
        problem("stlye = \"generic\""),
        "template.toml:4:1: apple.stlye: unknown key `stlye`, did you mean `style`?"
    );
    assert_eq!(
        problem("style = \"evenTicket\""),
        "template.toml:4:9: apple.style: `evenTicket` is not one of eventTicket, storeCard, generic, did you mean `eventTicket`?"
    );
}

#[test]
fn texts_and_conditions_are_parsed_strictly() {
    for (lines, column, expected) in [
        ("value = \"a {firstName\"", 12, "a { has no }"),
        ("value = \"a [{firstName}\"", 12, "a [ has no ]"),
        ("value = \"a] \"", 11, "a closing } or ] without its beginning"),
        ("value = \"[a [b]]\"", 13, "optional parts in [ ] cannot stand within each other"),
        ("value = \"{}\"", 11, "a variable without a name"),
        ("value = \"x\"\nwhen = \"ticket.row = 'A'\"", 8, "a condition is a variable"),
        ("value = \"x\"\nwhen = \"ticket.row and\"", 8, "a condition is a variable"),
        ("value = \"x\"\nwhen = \"ticket.row == 'A\"", 8, "a condition is a variable"),
        ("value = \"x\"\nwhen = \"\"", 8, "a condition is a variable"),
    ] {
        let told = field(lines);
        assert!(told.contains(&format!(":{column}: ")) && told.contains(expected), "{lines}: {told}");
    }
    let nested =
        compile(&source(&format!("{WHOLE}logoText = \"{{t:a}}\""), "a = \"{t:b}\"\nb = \"\"", "a = \"\"\nb = \"\""));
    assert_eq!(told(nested.unwrap_err()), ["fr.toml:1:7: a: a text of a language file cannot name another one"]);
}

#[test]
fn what_a_phone_would_refuse_is_refused_here() {
    assert_eq!(
        field("value = \"x\"\nchangeMessage = \"Changed\""),
        "template.toml:7:17: apple.back[0].changeMessage: a change message needs `%@` where the new value goes"
    );
    assert!(
        field("value = \"x\"\nchangeMessage = { fr = \"%@\", en = \"Changed\" }")
            .ends_with("where the new value goes (in en)")
    );
    assert!(field("value = \"x\"\ndateStyle = \"short\"").contains("is no date"));
    assert_eq!(
        problem("labelColor = \"redish\""),
        "template.toml:4:14: apple.labelColor: `redish` is no colour: write #RRGGBB or rgb(r, g, b)"
    );
    let twice = "[[apple.back]]\nkey = \"a\"\nvalue = \"x\"\n[[apple.primary]]\nkey = \"a\"\nvalue = \"x\"\n";
    assert_eq!(
        problem(twice),
        "template.toml:5:7: apple.back[0].key: the key `a` is used twice; keys are unique within a pass, unless `state.…` shows one field or the other"
    );
    let either = twice.replace("value", "when = \"state.void\"\nvalue").replacen("state.void", "state.live", 1);
    assert_eq!(errors(&format!("{WHOLE}{either}")), Vec::<String>::new());
    assert!(problem("style = \"generic\"\ngroupingIdentifier = \"x\"").contains("Apple groups event tickets"));
    let card = errors("kind = \"member-card\"\ndescription = \"{event.title}\"\n[apple]\n");
    assert_eq!(
        card,
        ["template.toml:2:17: description: `event.title` cannot be used here: a member card has no such fact"]
    );
}

#[test]
fn apples_rules_are_told_with_the_key_that_breaks_them() {
    for (lines, expected) in [
        ("[relevance]\nmaxDistance = \"50\"", "template.toml:5:15: relevance.maxDistance: expected a whole number"),
        (
            "[apple.semantics]\nvenueGatesOpenDate = \"2026-12-01T18:00\"",
            "template.toml:5:22: apple.semantics.venueGatesOpenDate: this is no date of a pass",
        ),
        (
            "[apple.semantics]\nvenueCloseDate = \"2026-12-01T18:00:00Z today\"",
            "apple.semantics.venueCloseDate: this is no date of a pass",
        ),
        (
            "[apple.semantics]\ntotalPrice = { amount = \"45,00\", currencyCode = \"CHF\" }",
            "totalPrice.amount: an amount is digits",
        ),
        (
            "[apple.semantics]\ntotalPrice = { amount = \"45.00\", currencyCode = \"Fr.\" }",
            "totalPrice.currencyCode: a currency is three",
        ),
        ("[apple.semantics]\nperformerName = [\"x\"]", "unknown key `performerName`, did you mean `performerNames`?"),
        (
            "[apple.poster]\nbagPolicyURL = \"http://x\"",
            "apple.poster.bagPolicyURL: an address must begin with https://",
        ),
        ("appLaunchURL = \"app://x\"", "apple.appLaunchURL: appLaunchURL needs associatedStoreIdentifiers"),
        (
            "associatedStoreIdentifiers = [\"1\"]",
            "apple.associatedStoreIdentifiers[0]: expected a whole number, without quotes",
        ),
        (
            "[[relevance.beacons]]\nproximityUUID = \"f8f589e9\"",
            "proximityUUID: a beacon's proximityUUID is written as",
        ),
        (
            "[[relevance.places]]\nlatitude = 91\nlongitude = 0",
            "relevance.places[0].latitude: expected a smaller or larger number",
        ),
        (
            "[[apple.featuredActions]]\nidentifier = \"a\"\ntype = \"call\"\nurl = \"https://x\"",
            "or tel: for the type call",
        ),
        ("[[apple.back]]\nkey = \"f\"\nvalue = \"x\"\nattributedValue = \"<b>x</b>\"", "may hold links"),
        (
            "[[apple.back]]\nkey = \"f\"\nvalue = \"x\"\nattributedValue = '<a href=\"https://a\" onclick=\"x\">x</a>'",
            "no other tag or attribute",
        ),
        (
            "[[apple.back]]\nkey = \"f\"\nvalue = \"x\"\nattributedValue = '<a href=\"{settings.phone}\">x</a>'",
            "may hold links",
        ),
        ("[apple.poster]\nbagPolicyURL = \"{settings.phone}\"", "bagPolicyURL: an address must begin with https://"),
        (
            "associatedStoreIdentifiers = [1]\nappLaunchURL = \"{settings.phone}\"",
            "apple.appLaunchURL: appLaunchURL is an address",
        ),
        (
            "[apple.nfc]\nmessage = \"{settings.phone}-{settings.phone}-{settings.phone}-{settings.phone}\"",
            "at most 64 bytes",
        ),
        ("expirationDate = \"on {event.end}\"", "apple.expirationDate: this is no date of a pass"),
        ("expirationDate = \"tomorrow\"", "apple.expirationDate: this is no date of a pass"),
        (
            "expirationDate = \"2027-01-01T00:00Z\"\n[relevance]\nexpireAfterHours = 3",
            "relevance: a pass has an expirationDate in [apple] or expireAfterHours",
        ),
        (
            "[apple.semantics]\nbalance = { amount = \"x\", currencyCode = \"CHF\" }",
            "balance.amount: an amount is digits",
        ),
        (
            "[apple.semantics]\neventStartDateInfo = { date = \"x\" }",
            "eventStartDateInfo.date: this is no date of a pass",
        ),
        ("[[apple.back]]\nkey = \"f\"\nvalue = \"{event.start:iso}\"\ndateStyle = \"short\"", "is no date"),
        (
            "[[apple.back]]\nkey = \"f\"\nvalue = \"{settings.phone}\"\ncurrencyCode = \"CHF\"",
            "variables that bring one",
        ),
        (
            "[[apple.back]]\nkey = \"f\"\nvalue = \"x\"\n[apple.back.semantics]\nseatRow = \"1\"",
            "unknown key `seatRow`",
        ),
        ("[[apple.primary]]\nkey = \"f\"\nvalue = \"x\"\ndataDetectorTypes = [\"phone\"]", "on the back only"),
        ("[[apple.back]]\nkey = \"f\"\nvalue = \"x\"\ncurrencyCode = \"CHF\"", "for a value that is a number"),
        ("[[apple.back]]\nkey = \"f\"\nvalue = 1\ncurrencyCode = \"CHF\"\nnumberStyle = \"decimal\"", "not both"),
        ("style = \"generic\"\n[[apple.additional]]\nkey = \"f\"\nvalue = \"x\"", "shown by event tickets only"),
    ] {
        let told = problem(lines);
        assert!(told.contains(expected), "{lines}: {told}");
    }
    let place = "[[relevance.places]]\nlatitude = 1.5\nlongitude = -2\n";
    assert_eq!(errors(&format!("{WHOLE}{}", place.repeat(10))), Vec::<String>::new());
    assert!(
        problem(&place.repeat(11))
            .contains("relevance: 11 places can be shown at once, a pass of style Apple's has room for 10")
    );
}

/// What is told of a card that is right up to these lines.
fn card(lines: &str) -> Vec<String> {
    errors(&format!("kind = \"member-card\"\ndescription = \"x\"\n[apple]\n{lines}"))
}

#[test]
fn a_card_has_rules_of_its_own() {
    let place = "[[relevance.places]]\nlatitude = 1.5\nlongitude = -2\n";
    let whole = format!(
        "expirationDate = \"2027-08-31T23:59:59+02:00\"\n[apple.nfc]\n[apple.semantics]\nmembershipProgramName = \"Amis\"\n\
         [relevance]\nstartDate = \"2026-09-01T00:00Z\"\nendDate = \"2027-06-30T00:00Z\"\nmaxDistance = 100\n{place}"
    );
    assert_eq!(card(&whole), Vec::<String>::new());
    for (lines, expected) in [
        ("[relevance]\nstartDate = \"2026-09-01T00:00Z\"", "relevance: a card has no event"),
        ("[relevance]\nlocations = true", "relevance: a card has no event and no place of its own"),
        ("[relevance]\nexpireAfterHours = 3", "unknown key `expireAfterHours`"),
        ("[relevance]\ndates = true", "unknown key `dates`"),
        ("[apple.semantics]\nseat = { seatRow = \"1\" }", "unknown key `seat`"),
        ("[apple.poster]\nuseAutomaticColors = true", "apple.poster: unknown key `poster`"),
    ] {
        let told = card(lines);
        assert!(told.len() == 1 && told.concat().contains(expected), "{lines}: {told:?}");
    }
}

#[test]
fn fields_are_counted_as_they_are_seen_at_once() {
    let fields = |group: &str, whens: &[&str]| -> String {
        let one = |(at, when): (usize, &&str)| {
            let when = if when.is_empty() { String::new() } else { format!("when = \"{when}\"\n") };
            format!("[[apple.{group}]]\nkey = \"{group}{at}\"\nvalue = \"x\"\n{when}")
        };
        whens.iter().enumerate().map(one).collect()
    };
    assert_eq!(errors(&format!("{WHOLE}{}", fields("header", &["", "", ""]))), Vec::<String>::new());
    assert!(
        problem(&fields("header", &["", "", "", ""]))
            .contains("4 header fields can be shown at once, a pass of style eventTicket has room for 3")
    );
    // A field of a void pass takes the room of one that a void pass does not have.
    assert_eq!(
        errors(&format!("{WHOLE}{}", fields("header", &["", "", "state.live", "state.void"]))),
        Vec::<String>::new()
    );
    assert!(
        problem(&fields("header", &["", "", "state.live", "ticket.row and !state.void"])).contains("4 header fields")
    );
    assert!(problem(&fields("primary", &["", ""])).contains("2 primary fields"));
    assert!(problem(&fields("auxiliary", &["", "", "", "", ""])).contains("5 auxiliary fields in a row"));
    let shared =
        format!("style = \"storeCard\"\n{}{}", fields("secondary", &["", ""]), fields("auxiliary", &["", "", ""]));
    assert!(problem(&shared).contains("5 secondary and auxiliary fields"));
}

#[test]
fn googles_two_halves_keep_apart() {
    let google = |lines: &str| {
        let errors = errors(&format!("kind = \"event-ticket\"\ndescription = \"x\"\n[google]\n{lines}"));
        assert_eq!(errors.len(), 1, "{errors:#?}");
        errors.into_iter().next().unwrap()
    };
    assert!(google("ticketHolderName = \"{event.title}\"").contains("Google's object holds nothing of the event"));
    assert!(google("eventName = \"{firstName}\"").contains("Google's class is shared by all tickets of the event"));
    let module = "[[google.class.textModulesData]]\nid = \"a\"\nbody = \"x\"\nwhen = \"state.void\"";
    assert!(google(module).contains("Google's class is shared by all tickets of the event"));
    let link = "[[google.object.linksModuleData]]\nid = \"a\"\nuri = \"http://example.org\"";
    assert!(google(link).contains("must begin with https://"));
    assert!(
        google("type = \"loyalty\"\nprogramName = \"x\"\nlogo = \"https://x\"")
            .contains("a member card is loyalty or generic")
    );
    let card = "kind = \"member-card\"\ndescription = \"x\"\n[google]\n";
    // The icon can be the logo that a loyalty class must have.
    assert_eq!(errors(card), ["template.toml:3:1: google: the key `programName` is missing"]);
    let without = TemplateSource { images: Vec::new(), ..source(card, "", "") };
    assert_eq!(
        told(compile(&without).unwrap_err()),
        [
            "template.toml:3:1: google: the key `programName` is missing",
            "template.toml:3:1: google: the key `logo` is missing"
        ]
    );
}

#[test]
fn files_and_images_are_checked() {
    let refused = |source: &TemplateSource| told(compile(source).unwrap_err());
    assert_eq!(
        refused(&source(&format!("{WHOLE}logoText = \"{{t:row}}\""), "row = \"Rang\"", "")),
        ["en.toml: the key `row` is missing"]
    );
    assert_eq!(
        refused(&source(WHOLE, "row = \"Rang\"", "rows = \"Row\"")),
        ["en.toml:1:1: rows: unknown key `rows`, did you mean `row`?"].map(|text| text.replace(":1:1:", ":1:8:"))
    );
    let broken = refused(&source("kind = \"event-ticket\ndescription", "", ""));
    assert_eq!(
        broken,
        [
            "template.toml:2:12: this is not TOML: key with no value, expected `=`",
            "template.toml:1:21: this is not TOML: invalid basic string, expected `\"`"
        ]
    );
    assert_eq!(
        errors("kind = \"event-ticket\"\ndescription = \"x\""),
        ["template.toml:1:1: a template needs an [apple] part, a [google] part or both"]
    );
    assert_eq!(errors("description = \"x\"\n[apple]\n"), ["template.toml:1:1: the key `kind` is missing"]);

    let with = |images: &[&str]| TemplateSource {
        images: images.iter().map(|name| (*name).to_owned()).collect(),
        ..source(WHOLE, "", "")
    };
    assert_eq!(
        refused(&with(&["logo.png"])),
        ["images: there is no `icon.png`; a pass without an icon is refused by the phone"]
    );
    assert_eq!(
        refused(&with(&["icon.png", "lgoo@2x.png"])),
        ["images: `lgoo@2x.png` is no image of a pass, did you mean `logo@2x.png`?"]
    );
    assert_eq!(refused(&with(&["icon.png", "de.lproj/icon.png"])).len(), 1, "a language that the tenant does not have");
    assert!(refused(&with(&["icon.png", "strip.png", "background.png"])).concat().contains("either a strip"));
    let warnings = compile(&with(&["icon.png", "fr.lproj/logo@3x.png"])).unwrap().warnings;
    assert_eq!(warnings.len(), 2);
    assert_eq!(refused(&TemplateSource { name: "Gala 1".to_owned(), ..source(WHOLE, "", "") }).len(), 1);
    assert_eq!(refused(&TemplateSource { locales: Vec::new(), ..source(WHOLE, "", "") }).len(), 1);
}

#[test]
fn everything_wrong_is_told_at_once() {
    let errors = errors(&format!(
        "{WHOLE}style = \"x\"\nlabelColor = \"y\"\nlogo = 1\n[[apple.back]]\nkey = \"a\"\nvalue = \"{{a}} {{b}}\"\n[gogle]\n"
    ));
    assert_eq!(errors.len(), 6, "{errors:#?}");
}

#[test]
fn the_first_example_of_the_guide_works() {
    let guide = include_str!("../../../../../docs/templates.md");
    let example = guide.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(example.starts_with("kind"), "{example}");
    assert_eq!(errors(example), Vec::<String>::new());
}

#[test]
fn the_guide_names_every_variable() {
    let guide = include_str!("../../../../../docs/templates.md");
    for entry in crate::template::vocabulary::VOCABULARY {
        assert!(guide.contains(&format!("`{}`", entry.name)), "{}", entry.name);
    }
}
