//! What only Apple Wallet has: places, the poster layout, semantics of the template's own, two ends that are kept apart.

use serde_json::{Value, json};

use super::jobs::{apple, carmen, compiled, job, only, performance, small, ticket_body};
use crate::contract::types::{EventPart, PassState};
use crate::template::{Nfc, Place, TemplateSource, Venue};

const HEAD: &str = "kind = \"event-ticket\"\ndescription = \"x\"\n[barcode]\n[apple]\n";

fn with(source: &TemplateSource, events: Vec<EventPart>) -> Value {
    apple(&only(&job(&compiled(source), &ticket_body(), events)).unwrap())
}

fn pass(lines: &str) -> Value {
    with(&small(&format!("{HEAD}{lines}")), vec![carmen()])
}

fn nfc() -> Nfc {
    Nfc { encryption_public_key: "MFkw".to_owned(), requires_authentication: true }
}

#[test]
fn a_pass_has_the_places_of_its_venue_and_elsewhere_that_of_secutix() {
    let places = vec![
        Place { latitude: 46.2, longitude: 6.14, text: None },
        Place { latitude: -46.25, longitude: 6.0, text: Some("Entrée \"Est\"".to_owned()) },
    ];
    let mut source = small(&format!("{HEAD}[relevance]\ntext = \"Bienvenue\"\n"));
    let venue = |name: &str, max_distance| Venue { name: name.to_owned(), max_distance, places: places.clone() };
    source.venues = vec![venue("Stade", 500), venue("Grand Théâtre", 80)];
    let here = with(&source, vec![carmen()]);
    assert_eq!(
        here["locations"],
        json!([
            {"latitude": 46.2, "longitude": 6.14, "relevantText": "Bienvenue"},
            {"latitude": -46.25, "longitude": 6, "relevantText": "Entrée \"Est\""},
        ])
    );
    assert_eq!(here["maxDistance"], 80);
    source.venues.truncate(1);
    let elsewhere = with(&source, vec![carmen()]);
    assert_eq!(
        elsewhere["locations"],
        json!([{"latitude": 46.2017, "longitude": 6.1421, "relevantText": "Bienvenue"}])
    );
    assert_eq!(elsewhere["maxDistance"], 50, "the doorstep, unless somebody says otherwise");
    let own = "[relevance]\nmaxDistance = 300\n[[relevance.places]]\nlatitude = 1\nlongitude = -2.5\naltitude = 375\n";
    source.template = format!("{HEAD}{own}");
    let own = with(&source, vec![carmen()]);
    assert_eq!(own["locations"], json!([{"latitude": 1, "longitude": -2.5, "altitude": 375}]));
    assert_eq!(own["maxDistance"], 300);
    assert_eq!(pass("[relevance]\nlocations = false\n").get("maxDistance"), None);
}

#[test]
fn a_used_ticket_expires_where_that_is_wanted_and_is_never_void() {
    let until = |template: &str, used: bool, state: PassState| {
        let mut body = ticket_body();
        body["used"] = json!(used);
        let mut job = job(&compiled(&small(&format!("{HEAD}{template}"))), &body, vec![carmen()]);
        job.items[0].state = state;
        let pass = apple(&only(&job).unwrap());
        let expires = pass["expirationDate"].as_str().map(|date| date < "2001");
        (pass.get("voided").cloned(), expires, pass.get("barcodes").is_some())
    };
    let wanted = "[relevance]\nexpireWhenUsed = true\n";
    assert_eq!(until(wanted, true, PassState::Live), (None, Some(true), true));
    assert_eq!(until(wanted, false, PassState::Live), (None, Some(false), true));
    assert_eq!(until("", true, PassState::Live), (None, Some(false), true), "its holder may leave and come back");
    for used in [true, false] {
        assert_eq!(until(wanted, used, PassState::Void), (Some(json!(true)), Some(true), false));
    }
}

#[test]
fn a_poster_is_asked_for_when_apples_rules_are_kept_and_else_the_rule_is_told() {
    let live = "eventType = \"PKEventTypeLivePerformance\"\n";
    let singers = "[apple.semantics]\nperformerNames = [\"Ada\", \"{event.title}\"]\n";
    let poster = "[apple.poster]\ntransitInformationURL = \"https://a\"\naccessibilityURL = \"https://b\"\nuseAutomaticColors = true\n";
    let source = |lines: &str, images: &[&str], nfc: Option<Nfc>| {
        let mut source = small(&format!("{HEAD}{lines}"));
        source.images.extend(images.iter().map(|name| (*name).to_owned()));
        TemplateSource { nfc, ..source }
    };
    let whole = source(&format!("{live}{singers}{poster}"), &["background@3x.png"], Some(nfc()));
    let built = with(&whole, vec![carmen()]);
    assert_eq!(built["preferredStyleSchemes"], json!(["posterEventTicket", "eventTicket"]));
    assert_eq!(
        built["nfc"],
        json!({"message": built["barcodes"][0]["message"], "encryptionPublicKey": "MFkw", "requiresAuthentication": true})
    );
    assert_eq!(built["semantics"]["performerNames"], json!(["Ada", "Carmen"]));
    assert_eq!((&built["transitInformationURL"], &built["useAutomaticColors"]), (&json!("https://a"), &json!(true)));
    // What Apple's validator warns of is told.
    assert!(super::jobs::shown(&compiled(&whole).warnings).contains("without artistIDs"));
    let quiet = source(&format!("{live}{singers}artistIDs = [\"1\"]\n{poster}"), &["background@3x.png"], Some(nfc()));
    assert_eq!(compiled(&quiet).warnings, []);
    let bare = "[apple.semantics]\neventStartDate = \"\"\n[apple.semantics.seat]\nseatSection = \"\"\nseatRow = \"\"\nseatNumber = \"\"\nseatType = \"\"\n";
    let bare = super::jobs::shown(&compiled(&source(bare, &["artwork.png"], Some(nfc()))).warnings);
    assert!(bare.contains("shows no date") && bare.contains("shows no seat"), "{bare}");
    for (lines, images, nfc, rule) in [
        (format!("{live}{singers}{poster}"), &["background@3x.png"][..], None, "it needs NFC"),
        (format!("{live}{singers}"), &[][..], Some(nfc()), "`background` or `artwork`"),
        (live.to_owned(), &["artwork.png"][..], Some(nfc()), "performerNames"),
        ("eventType = \"PKEventTypeSports\"\n".to_owned(), &["artwork.png"][..], Some(nfc()), "homeTeamAbbreviation"),
        (
            "[apple.semantics]\nvenueName = \"\"\n".to_owned(),
            &["artwork.png"][..],
            Some(nfc()),
            "eventName and venueName",
        ),
    ] {
        let source = source(&lines, images, nfc);
        let warnings = super::jobs::shown(&compiled(&source).warnings);
        assert!(warnings.contains("the poster layout is not shown") && warnings.contains(rule), "{rule}: {warnings}");
        let built = with(&source, vec![carmen()]);
        assert_eq!(built.get("preferredStyleSchemes"), None, "{rule}");
        assert!(built.get("eventTicket").is_some() && built.get("transitInformationURL").is_none());
    }
    // Whoever has no NFC and asks for no poster is told nothing.
    assert_eq!(compiled(&source(live, &[], None)).warnings, []);
}

/// A performance whose venue SecuTix does not name.
fn nowhere() -> EventPart {
    super::jobs::event(
        "performance:9",
        &json!({ "title": { "fr": "Carmen" }, "startsAt": "2026-12-01T20:00:00+01:00" }),
    )
}

#[test]
fn a_pass_that_lacks_what_a_poster_needs_is_a_classic_one() {
    let action =
        "[[apple.featuredActions]]\nidentifier = \"a\"\ntype = \"shop\"\nurl = \"{settings.website}/{ticket.order}\"\n";
    let mut source = small(&format!(
        "{HEAD}[apple.poster]\naccessibilityURL = \"https://a\"\naddOnURL = \"{{tenant.addOn}}\"\n{action}"
    ));
    source.images.push("artwork.png".to_owned());
    source.nfc = Some(nfc());
    assert!(super::jobs::shown(&compiled(&source).warnings).contains("featuredActions are left out of a poster"));
    let poster = with(&source, vec![carmen()]);
    assert!(poster.get("preferredStyleSchemes").is_some() && poster.get("featuredActions").is_none());
    let classic = with(&source, vec![nowhere()]);
    assert!(classic.get("preferredStyleSchemes").is_none() && classic.get("accessibilityURL").is_none());
    assert_eq!(
        classic["featuredActions"],
        json!([{"identifier": "a", "type": "shop", "url": "https://opera.example.org/10000702652"}])
    );
    assert!(classic.get("nfc").is_some());
    // A barcode that is too long for a reader costs the pass its NFC, and with it the poster, and nothing else.
    let mut body = ticket_body();
    body["barcode"] = json!("0".repeat(65));
    let long = apple(&only(&job(&compiled(&source), &body, vec![carmen()])).unwrap());
    assert!(long.get("nfc").is_none() && long.get("preferredStyleSchemes").is_none());
    assert_eq!(long["barcodes"][0]["message"], "0".repeat(65));
    // What a variable brings is no address before it looks like one.
    let add_on = |value: &str| {
        let mut job = job(&compiled(&source), &ticket_body(), vec![carmen()]);
        job.items[0].variables.push(("tenant.addOn".to_owned(), value.to_owned()));
        apple(&only(&job).unwrap()).get("addOnURL").cloned()
    };
    assert_eq!(add_on("https://shop.example.org"), Some(json!("https://shop.example.org")));
    assert_eq!((add_on("+41 22 555 01 00"), add_on("javascript:x")), (None, None));
}

#[test]
fn a_card_has_nfc_places_and_semantics_where_its_template_says_so() {
    let card = |lines: &str, state: PassState| {
        let mut source = small(&format!("kind = \"member-card\"\ndescription = \"x\"\n[barcode]\n[apple]\n{lines}"));
        let place = |latitude| Place { latitude, longitude: 6.0, text: None };
        let venue = |name: &str, max_distance, places| Venue { name: name.to_owned(), max_distance, places };
        source.venues = vec![venue("Stade", 500, vec![place(46.0)]), venue("Grand Théâtre", 80, vec![place(47.0)])];
        source.nfc = Some(nfc());
        let mut job = job(&compiled(&source), &super::jobs::card_body(), Vec::new());
        job.items[0].state = state;
        job.items[0].variables.push(("tenant.balance".to_owned(), "120.50".to_owned()));
        apple(&only(&job).unwrap())
    };
    let plain = card("", PassState::Live);
    for key in ["nfc", "locations", "maxDistance", "expirationDate", "relevantDates"] {
        assert_eq!(plain.get(key), None, "{key}: nobody asked for it");
    }
    assert_eq!(plain["semantics"], json!({"membershipProgramNumber": "4711"}));
    let lines = "expirationDate = \"2027-08-31T23:59:59+02:00\"\n[apple.nfc]\n\
                 [apple.semantics]\nmembershipProgramName = \"Amis\"\nbalance = { amount = \"{tenant.balance}\", currencyCode = \"CHF\" }\n\
                 [relevance]\nlocations = true\ntext = \"Bienvenue\"\nstartDate = \"2026-09-01T00:00Z\"\nendDate = \"2027-06-30T00:00Z\"\n\
                 [[relevance.beacons]]\nproximityUUID = \"f8f589e9-ba34-4d2f-9a7b-0d2c9c2a4b11\"\n";
    let whole = card(lines, PassState::Live);
    assert_eq!(whole["nfc"]["message"], "4711");
    assert_eq!(whole["expirationDate"], "2027-08-31T23:59:59+02:00");
    assert_eq!(
        whole["semantics"],
        json!({"membershipProgramNumber": "4711", "membershipProgramName": "Amis", "balance": {"amount": "120.50", "currencyCode": "CHF"}})
    );
    assert_eq!(
        whole["locations"],
        json!([{"latitude": 46, "longitude": 6, "relevantText": "Bienvenue"}, {"latitude": 47, "longitude": 6, "relevantText": "Bienvenue"}])
    );
    assert_eq!((&whole["maxDistance"], whole["beacons"].as_array().map(Vec::len)), (&json!(500), Some(1)));
    assert_eq!(whole["relevantDates"], json!([{"startDate": "2026-09-01T00:00Z", "endDate": "2027-06-30T00:00Z"}]));
    let void = card(lines, PassState::Void);
    for key in ["nfc", "locations", "beacons", "relevantDates", "semantics"] {
        assert_eq!(void.get(key), None, "{key} of a void card");
    }
    assert!(void["expirationDate"].as_str().is_some_and(|date| date < "2001"));
}

#[test]
fn a_date_that_stands_alone_is_formatted_as_its_format_says() {
    let style = |lines: &str| {
        let pass = pass(&format!("[[apple.back]]\nkey = \"f\"\n{lines}\n"));
        let field = pass["eventTicket"]["backFields"][0].clone();
        let style = |key: &str| field.get(key).and_then(Value::as_str).map(|style| style.replace("PKDateStyle", ""));
        (field["value"].as_str().map(str::to_owned).unwrap_or_default(), style("dateStyle"), style("timeStyle"))
    };
    let dated =
        |date: &str, time: &str| ("2026-12-01T20:00:00+01:00".to_owned(), Some(date.to_owned()), Some(time.to_owned()));
    assert_eq!(style("value = \"{event.start}\""), dated("Medium", "Short"));
    assert_eq!(style("value = \"{event.start:date}\""), dated("Medium", "None"));
    assert_eq!(style("value = \"{event.start:time}\""), dated("None", "Short"));
    assert_eq!(style("value = \"{event.start:full}\""), dated("Full", "Short"));
    assert_eq!(style("value = \"{event.start:date}\"\ndateStyle = \"long\""), dated("Long", "None"));
    assert_eq!(style("value = \"{event.start}\"\ntimeStyle = \"full\""), dated("None", "Full"));
    assert_eq!(style("value = \"{event.start:iso}\""), ("2026-12-01T20:00:00+01:00".to_owned(), None, None));
    // A text in the place of a date that is not there, and one that is.
    assert_eq!(style("value = \"{event.doors:time|bientôt}\""), ("bientôt".to_owned(), None, None));
    assert_eq!(style("value = \"{event.start:time|bientôt}\""), dated("None", "Short"));
    // A date that is written out, and the one of a variable, when they are called dates.
    let written = ("2027-01-01T00:00Z".to_owned(), Some("Short".to_owned()), Some("None".to_owned()));
    assert_eq!(style("value = \"2027-01-01T00:00Z\"\ndateStyle = \"short\""), written);
    assert_eq!(style("value = \"2027-01-01T00:00Z\""), (written.0.clone(), None, None));
    let demanded = compiled(&small(&format!("{HEAD}[[apple.back]]\nkey = \"f\"\nvalue = \"{{event.doors!}}\"\n")));
    let refused = only(&job(&demanded, &ticket_body(), vec![carmen()])).unwrap_err();
    assert_eq!(refused, crate::contract::payload::Fault::Missing("event.doors".to_owned()));
}

#[test]
fn a_number_may_come_from_a_variable_and_links_are_judged_in_each_pass() {
    let lines = "[[apple.back]]\nkey = \"points\"\nvalue = \"{tenant.points}\"\nnumberStyle = \"decimal\"\n\
                 [[apple.back]]\nkey = \"web\"\nvalue = \"Site\"\nattributedValue = '<a href=\"{tenant.link}\">Site</a>'\n";
    let fields = |points: &str, link: &str| {
        let mut job = job(&compiled(&small(&format!("{HEAD}{lines}"))), &ticket_body(), vec![carmen()]);
        for (name, value) in [("tenant.points", points), ("tenant.link", link)] {
            job.items[0].variables.push((name.to_owned(), value.to_owned()));
        }
        apple(&only(&job).unwrap())["eventTicket"]["backFields"].clone()
    };
    assert_eq!(
        fields("1200", "https://a"),
        json!([
            {"key": "points", "value": 1200, "numberStyle": "PKNumberStyleDecimal"},
            {"key": "web", "value": "Site", "attributedValue": "<a href=\"https://a\">Site</a>"},
        ])
    );
    for (points, link) in [("many", "javascript:x"), ("007", "https://a\" onclick=\"x"), ("", "")] {
        assert_eq!(fields(points, link), json!([{"key": "web", "value": "Site"}]), "{points}, {link}");
    }
}

#[test]
fn a_ticket_may_be_relevant_for_a_span_and_a_field_may_have_semantics() {
    let lines = "[relevance]\nstartDate = \"{event.doors|2026-12-01T19:00:00+01:00}\"\n\
                 [[apple.back]]\nkey = \"f\"\nvalue = \"{ticket.seat}\"\n[apple.back.semantics]\nadmissionLevel = \"VIP\"\nvenueRoom = \"{ticket.gate}\"\n";
    let pass = pass(lines);
    assert_eq!(
        pass["relevantDates"],
        json!([{"startDate": "2026-12-01T19:00:00+01:00", "endDate": "2026-12-01T23:00:00+01:00"}])
    );
    assert_eq!(
        pass["eventTicket"]["backFields"],
        json!([{"key": "f", "value": "7", "semantics": {"venueRoom": "2", "admissionLevel": "VIP"}}])
    );
    // Without its end the span is a moment, in both spellings; without its value the field is gone, whatever its semantics say.
    let mut body = ticket_body();
    body["seat"] = json!(null);
    let open = super::jobs::event(
        "performance:9",
        &json!({ "title": { "fr": "Carmen" }, "startsAt": "2026-12-01T20:00:00+01:00" }),
    );
    let open = apple(&only(&job(&compiled(&small(&format!("{HEAD}{lines}"))), &body, vec![open])).unwrap());
    let start = "2026-12-01T20:00:00+01:00";
    assert_eq!(open["relevantDates"], json!([{"date": start, "relevantDate": start}]));
    assert_eq!(open["eventTicket"], json!({}));
}

#[test]
fn a_date_of_the_semantics_may_be_taken_out_told_in_part_or_come_as_text() {
    let pass = pass(
        "[apple.semantics]\neventEndDate = \"\"\neventStartDateInfo = { date = \"{event.start}\", ignoreTimeComponents = true, timeZone = \"Europe/Zurich\" }\n\
         venueOpenDate = \"{tenant.opens}\"\n",
    );
    let semantics = &pass["semantics"];
    assert_eq!((semantics.get("eventEndDate"), semantics.get("venueOpenDate")), (None, None));
    assert_eq!(
        semantics["eventStartDateInfo"],
        json!({"date": "2026-12-01T20:00:00+01:00", "ignoreTimeComponents": true, "timeZone": "Europe/Zurich"})
    );
    let swapped = "[apple.semantics]\neventStartDate = \"2026-12-01T20:00Z\"\neventEndDate = \"2026-12-01T19:00Z\"\n";
    let told = super::jobs::shown(&compiled(&small(&format!("{HEAD}{swapped}"))).warnings);
    assert!(told.contains("eventStartDate is after eventEndDate"), "{told}");
}

#[test]
fn semantics_are_filled_added_to_and_replaced() {
    let lines = "[apple.semantics]\nvenueRoom = \"\"\nattendeeName = \"{lastName}\"\ngenre = \"Opéra\"\nduration = 10800\nsilenceRequested = true\n\
                 venueGatesOpenDate = \"2026-12-01T18:00+01:00\"\nvenueCloseDate = \"{event.end}\"\ntotalPrice = { amount = \"45.00\", currencyCode = \"CHF\" }\n\
                 wifiAccess = [{ ssid = \"Foyer\", password = \"p\" }]\n[apple.semantics.seat]\nseatLevel = \"Balcon\"\n";
    let pass = pass(lines);
    let semantics = &pass["semantics"];
    for (name, expected) in [
        ("eventName", json!("Carmen")),
        ("venueName", json!("Grand Théâtre")),
        ("venueRegionName", json!("Genève")),
        ("attendeeName", json!("Lovelace")),
        ("genre", json!("Opéra")),
        ("duration", json!(10_800)),
        ("silenceRequested", json!(true)),
        ("venueGatesOpenDate", json!("2026-12-01T18:00+01:00")),
        ("venueCloseDate", semantics["eventEndDate"].clone()),
        ("totalPrice", json!({"amount": "45.00", "currencyCode": "CHF"})),
        ("wifiAccess", json!([{"ssid": "Foyer", "password": "p"}])),
        ("venueLocation", json!({"latitude": 46.2017, "longitude": 6.1421})),
    ] {
        assert_eq!(semantics[name], expected, "{name}");
    }
    assert_eq!(semantics.get("venueRoom"), None);
    assert_eq!(semantics["seats"][0]["seatLevel"], "Balcon");
    assert_eq!(semantics["seats"][0]["seatRow"], "12");
}

#[test]
fn an_older_phone_finds_a_barcode_that_it_knows() {
    let template = "kind = \"event-ticket\"\ndescription = \"x\"\n[barcode]\nformat = \"ean13\"\n[apple]\n";
    let pass = with(&small(template), vec![carmen()]);
    let formats: Vec<&Value> = pass["barcodes"].as_array().unwrap().iter().map(|barcode| &barcode["format"]).collect();
    assert_eq!(formats, ["PKBarcodeFormatEAN13", "PKBarcodeFormatCode128"]);
    assert_eq!(pass["barcode"]["format"], "PKBarcodeFormatCode128");
    assert_eq!(pass["barcodes"][0]["message"], pass["barcodes"][1]["message"]);
}

#[test]
fn fields_have_numbers_links_and_detectors() {
    let pass = pass(
        "[[apple.primary]]\nkey = \"price\"\nvalue = 45.5\ncurrencyCode = \"CHF\"\n\
         [[apple.back]]\nkey = \"web\"\nvalue = \"Site\"\nattributedValue = \"<a href=\\\"https://a\\\">Site</a>\"\ndataDetectorTypes = [\"phone\"]\n\
         [[apple.additional]]\nkey = \"more\"\nvalue = 3\nnumberStyle = \"spellOut\"\n",
    );
    let ticket = &pass["eventTicket"];
    assert_eq!(ticket["primaryFields"], json!([{"key": "price", "value": 45.5, "currencyCode": "CHF"}]));
    assert_eq!(ticket["backFields"][0]["attributedValue"], "<a href=\"https://a\">Site</a>");
    assert_eq!(ticket["backFields"][0]["dataDetectorTypes"], json!(["PKDataDetectorTypePhoneNumber"]));
    assert_eq!(
        ticket["additionalInfoFields"],
        json!([{"key": "more", "value": 3, "numberStyle": "PKNumberStyleSpellOut"}])
    );
}

#[test]
fn a_season_ticket_tells_its_performances_on_a_poster() {
    let mut source = small(&format!("{HEAD}[apple.poster]\nupcomingEvents = true\n"));
    source.images.push("artwork.png".to_owned());
    source.nfc = Some(nfc());
    let other =
        performance("performance:2", "Tosca", "Tosca", "2027-01-01T20:00:00+01:00", "2027-01-01T23:00:00+01:00");
    let pass = with(&source, vec![carmen(), other]);
    let told = pass["upcomingPassInformation"].as_array().unwrap();
    assert_eq!(told.len(), 2);
    assert_eq!((&told[1]["type"], &told[1]["name"]), (&json!("event"), &json!("Tosca")));
    assert_eq!(told[1]["dateInformation"]["date"], "2027-01-01T20:00:00+01:00");
    assert_ne!(told[0]["identifier"], told[1]["identifier"]);
    assert_eq!(told[1]["semantics"]["eventStartDate"], "2027-01-01T20:00:00+01:00");
    assert_eq!((&told[1]["semantics"]["venueName"], told[1].get("isActive")), (&json!("Grand Théâtre"), None));
}
