//! What only Google Wallet has: places of the class, validity, images by the name of a file, formats that Apple does not draw.

use serde_json::{Value, json};

use super::jobs::{built, card_body, carmen, class, compiled, job, object, performance, shown, small, ticket_body};
use crate::contract::types::EventPart;
use crate::template::{Place, TemplateSource, Venue, compile};

const HEAD: &str = "kind = \"event-ticket\"\ndescription = \"x\"\n[google]\n";

fn class_of(source: &TemplateSource, events: Vec<EventPart>) -> Value {
    class(&built(&job(&compiled(source), &ticket_body(), events)))
}

fn object_of(lines: &str, body: &Value) -> Value {
    object(&built(&job(&compiled(&small(&format!("{HEAD}{lines}"))), body, vec![carmen()])))
}

fn refused(source: &TemplateSource) -> String {
    shown(&compile(source).unwrap_err())
}

#[test]
fn a_class_has_the_places_of_its_venue_and_elsewhere_that_of_secutix() {
    let place = |latitude| Place { latitude, longitude: 6.5, text: Some("Entrée".to_owned()) };
    let venue = |name: &str, count: u8| Venue {
        name: name.to_owned(),
        max_distance: 80,
        places: (0..count).map(|at| place(46.0 + f64::from(at))).collect(),
    };
    let mut source = small(HEAD);
    source.venues = vec![venue("Stade", 1), venue("Grand Théâtre", 2)];
    let here = class_of(&source, vec![carmen()]);
    assert_eq!(
        here["merchantLocations"],
        json!([{"latitude": 46, "longitude": 6.5}, {"latitude": 47, "longitude": 6.5}]),
        "points alone: texts and distances are Google's"
    );
    source.venues.truncate(1);
    let elsewhere = class_of(&source, vec![carmen()]);
    assert_eq!(elsewhere["merchantLocations"], json!([{"latitude": 46.2017, "longitude": 6.1421}]));
    source.venues = vec![venue("Grand Théâtre", 12)];
    let many = class_of(&source, vec![carmen()]);
    assert_eq!(many["merchantLocations"].as_array().unwrap().len(), 10, "Google refuses an eleventh");
    source.template =
        format!("{HEAD}[[relevance.places]]\nlatitude = 1\nlongitude = -2.5\naltitude = 375\nrelevantText = \"Ici\"\n");
    let own = class_of(&source, vec![carmen()]);
    assert_eq!(own["merchantLocations"], json!([{"latitude": 1, "longitude": -2.5}]));
    source.template = format!("{HEAD}[relevance]\nlocations = false\n");
    assert_eq!(class_of(&source, vec![carmen()]).get("merchantLocations"), None);
}

#[test]
fn a_venue_without_coordinates_and_unknown_to_the_tenant_has_no_place() {
    let mut event =
        performance("performance:2", "Tosca", "Tosca", "2027-01-01T20:00:00+01:00", "2027-01-01T23:00:00+01:00");
    let mut body: Value = serde_json::from_slice(&event.body).unwrap();
    body["venue"].as_object_mut().unwrap().remove("latitude");
    event.body = serde_json::to_vec(&body).unwrap();
    assert_eq!(class_of(&small(HEAD), vec![event]).get("merchantLocations"), None);
}

#[test]
fn a_ticket_ends_when_secutix_says_so_and_its_event_is_left_to_the_class() {
    let mut body = ticket_body();
    assert_eq!(object_of("", &body).get("validTimeInterval"), None);
    body["validTo"] = json!("2027-06-30T23:59:00+02:00");
    body["validFrom"] = json!("2026-09-01T00:00:00+02:00");
    let until = json!({"end": {"date": "2027-06-30T23:59:00+02:00"}});
    assert_eq!(object_of("", &body)["validTimeInterval"], until);
    let both = object_of("[google.validTimeInterval]\nstart = \"{ticket.validFrom}\"\n", &body);
    assert_eq!(both["validTimeInterval"]["start"]["date"], "2026-09-01T00:00:00+02:00");
    assert_eq!(both["validTimeInterval"]["end"], until["end"]);
    assert_eq!(object_of("[google.validTimeInterval]\nend = \"\"\n", &body).get("validTimeInterval"), None);
    let card = "kind = \"member-card\"\ndescription = \"x\"\n[google]\nprogramName = \"x\"\n\
                [google.validTimeInterval]\nend = \"2027-08-31T23:59:59+02:00\"\n";
    let card = object(&built(&job(&compiled(&small(card)), &card_body(), vec![])));
    assert_eq!(card["validTimeInterval"], json!({"end": {"date": "2027-08-31T23:59:59+02:00"}}));
    for (end, told) in [
        ("{events.end}", "Google's object holds nothing of the event"),
        ("2027-08-31", "this is no date of a pass"),
        ("Juin", "this is no date of a pass"),
    ] {
        let wrong = small(&format!("{HEAD}[google.validTimeInterval]\nend = \"{end}\"\n"));
        assert!(refused(&wrong).contains(told), "{end}: {}", refused(&wrong));
    }
}

#[test]
fn an_image_is_an_address_or_a_file_of_the_template() {
    let uri = |line: &str| {
        let mut source = small(&format!("{HEAD}logo = \"{line}\"\n"));
        source.images.push("logo@3x.png".to_owned());
        source.settings.push(("logo".to_owned(), "https://example.org/logo.png".to_owned()));
        source
    };
    let built = |line| class_of(&uri(line), vec![carmen()])["logo"]["sourceUri"]["uri"].clone();
    assert_eq!(built("https://example.org/{event.code}.png"), "https://example.org/CARMEN.png");
    assert_eq!(built("logo@3x.png"), "logo@3x.png", "a host makes it an address");
    assert_eq!(built("{settings.logo|logo@3x.png}"), "logo@3x.png");
    let told = refused(&uri("lgoo@3x.png"));
    assert!(
        told.contains("google.logo: `lgoo@3x.png` is neither an address") && told.contains("`logo@3x.png`?"),
        "{told}"
    );
    assert!(refused(&uri("http://example.org/logo.png")).contains("is neither an address, which begins with https://"));
}

#[test]
fn google_may_draw_another_barcode_than_apple() {
    let source = small(
        "kind = \"event-ticket\"\ndescription = \"x\"\n[barcode]\nformat = \"pdf417\"\ngoogle = \"datamatrix\"\n[apple]\n[google]\n",
    );
    let pass = built(&job(&compiled(&source), &ticket_body(), vec![carmen()]));
    assert_eq!(object(&pass)["barcode"]["type"], "DATA_MATRIX");
    assert_eq!(super::jobs::apple(&pass)["barcode"]["format"], "PKBarcodeFormatPDF417");
    let only_apples =
        small("kind = \"event-ticket\"\ndescription = \"x\"\n[barcode]\nformat = \"datamatrix\"\n[apple]\n");
    assert!(refused(&only_apples).contains("`datamatrix` is not one of qr, pdf417"));
}

#[test]
fn a_label_is_googles_own_word_or_the_templates() {
    let mut event = carmen();
    let mut body: Value = serde_json::from_slice(&event.body).unwrap();
    body["doorsAt"] = json!("2026-12-01T19:00:00+01:00");
    event.body = serde_json::to_vec(&body).unwrap();
    let source = small(&format!(
        "{HEAD}[google.labels]\nsection = \"THEATER\"\ngate = \"Porte\"\ndoorsOpen = \"GATES_OPEN\"\nconfirmationCode = \"ORDER_NUMBER\"\n"
    ));
    let with_doors = class_of(&source, vec![event]);
    assert_eq!(
        (&with_doors["sectionLabel"], &with_doors["confirmationCodeLabel"]),
        (&json!("THEATER"), &json!("ORDER_NUMBER"))
    );
    assert_eq!(with_doors["customGateLabel"]["defaultValue"]["value"], "Porte");
    assert_eq!(with_doors["dateTime"]["doorsOpenLabel"], "GATES_OPEN");
    assert_eq!(with_doors.get("gateLabel"), None, "Google refuses both");
    assert_eq!(class_of(&source, vec![carmen()])["dateTime"].get("doorsOpenLabel"), None);
}

#[test]
fn googles_rules_are_told_with_their_keys() {
    for (lines, told) in [
        ("enableSmartTap = true\n", "google: enableSmartTap and redemptionIssuers need each other"),
        ("redemptionIssuers = [\"33\"]\n", "google: enableSmartTap and redemptionIssuers need each other"),
        (
            "enableSmartTap = true\nredemptionIssuers = [\"me\"]\n",
            "google.redemptionIssuers[0]: a redemption issuer is",
        ),
        ("countryCode = \"Suisse\"\n", "google.countryCode: a country is two capital letters"),
        ("viewUnlockRequirement = \"LOCKED\"\n", "`LOCKED` is not one of UNLOCK_NOT_REQUIRED, UNLOCK_REQUIRED_TO_VIEW"),
        (
            "faceValue = { amount = \"45,00\", currencyCode = \"CHF\" }\n",
            "google.faceValue.amount: an amount is digits",
        ),
        ("faceValue = { amount = \"45\" }\n", "google.faceValue: the key `currencyCode` is missing"),
        ("loyaltyPoints = { balance = \"1\" }\n", "unknown key `loyaltyPoints`"),
        (
            "[[google.class.imageModulesData]]\nid = \"a\"\n",
            "google.class.imageModulesData[0]: the key `mainImage` is missing",
        ),
    ] {
        let refused = refused(&small(&format!("{HEAD}{lines}")));
        assert!(refused.contains(told), "{lines}: {refused}");
    }
}
