//! Google's own description of its resources, as a judge of what we send.

use serde_json::{Value, json};

use super::jobs::{Built, built, card_body, carmen, class, compiled, job, object, season, small, source, ticket_body};
use crate::contract::types::PassState;

fn problems(resource: &str, instance: &Value) -> Vec<String> {
    let schema = include_str!("../../../../../tests/golden/google/walletobjects-v1.schema.json");
    let mut schema: Value = serde_json::from_str(schema).unwrap();
    schema["$ref"] = json!(format!("#/$defs/{resource}"));
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// With what a host adds.
fn check(payload: &Built) {
    let (mut class, mut object) = (class(payload), object(payload));
    let kind = payload.google.as_ref().unwrap().kind.as_str();
    let (class_type, object_type) = match kind {
        "eventTicket" => ("EventTicketClass", "EventTicketObject"),
        "loyalty" => ("LoyaltyClass", "LoyaltyObject"),
        "generic" => ("GenericClass", "GenericObject"),
        other => panic!("{other}"),
    };
    class["id"] = json!("3388000000000000000.x");
    class["callbackOptions"] = json!({ "url": "https://passes.example.org/callback" });
    if kind != "generic" {
        class["reviewStatus"] = json!("UNDER_REVIEW");
    }
    object["id"] = json!("3388000000000000000.y");
    object["classId"] = json!("3388000000000000000.x");
    assert_eq!(problems(class_type, &class), Vec::<String>::new(), "{class:#}");
    assert_eq!(problems(object_type, &object), Vec::<String>::new(), "{object:#}");
}

#[test]
fn the_examples_are_what_google_describes() {
    let [ticket, vip, subscription, card] =
        ["event-ticket", "vip", "season-ticket", "member-card"].map(|name| compiled(&source(name)));
    for (template, body, events) in [
        (&ticket, ticket_body(), vec![carmen()]),
        (&vip, ticket_body(), vec![carmen()]),
        (&subscription, ticket_body(), season()),
        (&card, card_body(), vec![]),
    ] {
        let mut job = job(template, &body, events);
        job.items[0].variables.push(("tenant.tier".to_owned(), "gold".to_owned()));
        check(&built(&job));
        job.items[0].state = PassState::Void;
        job.items[0].variables.push(("host.successor".to_owned(), "https://passes.example.org/p".to_owned()));
        check(&built(&job));
    }
}

#[test]
fn every_key_of_the_google_part_is_one_of_google() {
    let ticket = small(
        r##"
        kind = "event-ticket"
        description = "x"
        [barcode]
        format = "pdf417"
        text = "{barCode}"
        [google]
        type = "eventTicket"
        eventName = { fr = "{event.title!} ce soir", en = "{event.title!} tonight" }
        hexBackgroundColor = "#fff"
        logo = "https://example.org/logo.png"
        heroImage = "https://example.org/hero.png"
        homepageUri = "https://example.org/"
        finePrint = { fr = "a", en = "b" }
        multipleDevicesAndHoldersAllowedStatus = "ONE_USER_ONE_DEVICE"
        wideLogo = "https://example.org/wide.png"
        countryCode = "CH"
        viewUnlockRequirement = "UNLOCK_REQUIRED_TO_VIEW"
        securityAnimation = "FOIL_SHIMMER"
        enableSmartTap = true
        redemptionIssuers = ["3388000000000000000"]
        smartTapRedemptionValue = "{barCode}"
        linkedObjectIds = ["3388000000000000000.{contact.number}"]
        faceValue = { amount = "45.5", currencyCode = "CHF" }
        passConstraints = { screenshotEligibility = "INELIGIBLE", nfcConstraint = "BLOCK_PAYMENT" }
        validTimeInterval = { start = "2026-09-01T00:00+02:00", end = "2027-06-30T23:59:59+02:00" }
        ticketHolderName = "{lastName}"
        ticketNumber = "{ticket.movement}"
        ticketType = { fr = "Place {ticket.tariff}", en = "Seat {ticket.tariff}" }
        confirmationCode = "{ticket.order}"
        groupingId = "{ticket.order}"
        [google.labels]
        seat = "a"
        row = { fr = "b", en = "c" }
        section = "d"
        gate = "DOOR"
        doorsOpen = "DOORS_OPEN"
        confirmationCode = "f"
        [google.seatInfo]
        section = "{ticket.area}"
        row = "{ticket.row}"
        seat = "{ticket.seat}"
        gate = "{ticket.gate}"
        [[google.class.textModulesData]]
        id = "a"
        header = { fr = "b", en = "c" }
        body = "{event.start:full}"
        [[google.class.linksModuleData]]
        id = "a"
        uri = "https://example.org/{event.code}"
        description = { fr = "b", en = "c" }
        [[google.class.imageModulesData]]
        id = "plan"
        mainImage = "https://example.org/plan.png"
        [google.object]
        heroImage = "https://example.org/{ticket.area}.png"
        hexBackgroundColor = "#123456"
        [[google.object.imageModulesData]]
        id = "seat"
        mainImage = "https://example.org/{ticket.seat}.png"
        [[google.object.textModulesData]]
        id = "a"
        header = "b"
        body = "{ticket.tariff}"
        [[google.object.linksModuleData]]
        id = "a"
        uri = "https://example.org/{ticket.order}"
        description = "b"
        "##,
    );
    let pass = built(&job(&compiled(&ticket), &ticket_body(), vec![carmen()]));
    check(&pass);
    assert_eq!(object(&pass)["faceValue"], json!({"micros": "45500000", "currencyCode": "CHF"}));

    let loyalty = small(
        r##"
        kind = "member-card"
        description = "x"
        organization = { fr = "Opéra", en = "Opera" }
        [google]
        programName = { fr = "Amis", en = "Friends" }
        logo = "https://example.org/logo.png"
        accountNameLabel = { fr = "Nom", en = "Name" }
        accountIdLabel = "Nr."
        accountName = "{lastName}"
        accountId = "{contact.number}"
        wideLogo = "https://example.org/wide.png"
        rewardsTier = { fr = "Or", en = "Gold" }
        rewardsTierLabel = { fr = "Niveau", en = "Tier" }
        loyaltyPoints = { label = { fr = "Statut", en = "Status" }, balance = "{contact.quality}" }
        "##,
    );
    check(&built(&job(&compiled(&loyalty), &card_body(), vec![])));

    let generic = small(
        r##"
        kind = "member-card"
        description = "x"
        [barcode]
        [google]
        type = "generic"
        genericType = "GENERIC_LIBRARY_MEMBERSHIP"
        cardTitle = { fr = "Amis", en = "Friends" }
        header = "{fullName}"
        subheader = "{contact.quality}"
        logo = "https://example.org/logo.png"
        heroImage = "https://example.org/hero.png"
        hexBackgroundColor = "#123456"
        wideLogo = "https://example.org/wide.png"
        notifications = { expiryNotification = true, upcomingNotification = false }
        validTimeInterval = { end = "2027-08-31T23:59:59+02:00" }
        [[google.object.textModulesData]]
        id = "a"
        body = "{contact.number}"
        "##,
    );
    let payload = built(&job(&compiled(&generic), &card_body(), vec![]));
    assert_eq!(payload.google.as_ref().unwrap().class_key, "small");
    check(&payload);
}

#[test]
fn every_barcode_is_one_of_google() {
    for format in [
        "qr",
        "pdf417",
        "aztec",
        "code128",
        "code39",
        "codabar",
        "ean13",
        "i2of5",
        "datamatrix",
        "ean8",
        "upca",
        "text",
    ] {
        let template =
            format!("kind = \"event-ticket\"\ndescription = \"x\"\n[barcode]\ngoogle = \"{format}\"\n[google]\n");
        check(&built(&job(&compiled(&small(&template)), &ticket_body(), vec![carmen()])));
    }
}

#[test]
fn the_judge_is_awake() {
    assert!(!problems("EventTicketObject", &json!({ "id": "a", "classId": "b", "state": "VOID" })).is_empty());
    assert!(
        !problems("EventTicketObject", &json!({ "id": "a", "classId": "b", "state": "ACTIVE", "seatinfo": {} }))
            .is_empty()
    );
}
