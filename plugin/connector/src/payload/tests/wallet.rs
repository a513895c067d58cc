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
    assert_eq!(compiled(&whole).warnings, []);
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
}
