//! What Google was sent, against Google's own description of it, over the whole demo.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::house::House;

/// The resource of a collection in Google's description.
const RESOURCES: [(&str, &str); 8] = [
    ("eventTicketClass", "EventTicketClass"),
    ("eventTicketObject", "EventTicketObject"),
    ("loyaltyClass", "LoyaltyClass"),
    ("loyaltyObject", "LoyaltyObject"),
    ("genericClass", "GenericClass"),
    ("genericObject", "GenericObject"),
    ("addMessage", "AddMessageRequest"),
    ("jwt", "JwtResource"),
];

fn validator(resource: &str) -> jsonschema::Validator {
    let schema = include_str!("../golden/google/walletobjects-v1.schema.json");
    let mut schema: Value = serde_json::from_str(schema).unwrap();
    schema["$ref"] = json!(format!("#/$defs/{resource}"));
    jsonschema::validator_for(&schema).unwrap()
}

/// Everything in the catalogue that tells an event: titles, places, days.
fn of_events(house: &House) -> BTreeSet<String> {
    let catalogue = house.stage.world.secutix().catalogue();
    let mut told = BTreeSet::new();
    for performance in catalogue.performances.values() {
        told.extend(performance.name.values().cloned());
        told.extend([&performance.start, &performance.end].map(|moment| moment.date().to_string()));
    }
    for product in catalogue.products.values() {
        told.extend(product.title.values().cloned());
    }
    for venue in &catalogue.venues {
        told.extend(venue.site.values().chain(venue.space.values()).cloned());
        told.extend([venue.address.clone(), venue.locality.clone()]);
        told.extend([venue.latitude.to_string(), venue.longitude.to_string()]);
    }
    told
}

/// Judges every body that Google was sent; the methods and collections that were seen.
fn judge(house: &House, events: &BTreeSet<String>) -> BTreeSet<(String, String)> {
    let google = house.stage.world.google();
    let mut seen = BTreeSet::new();
    let mut told = BTreeSet::new();
    let validators = RESOURCES.map(|(collection, resource)| (collection, validator(resource)));
    for call in google.calls() {
        let Some(path) = call.path.strip_prefix("/walletobjects/v1/") else { continue };
        // A look at what is installed sends nothing.
        if call.method == "GET" {
            continue;
        }
        let parts: Vec<&str> = path.split('/').collect();
        let (collection, name) = match parts.as_slice() {
            [collection, _, "addMessage"] => ("addMessage", format!("{collection}/addMessage")),
            [collection, ..] => (*collection, (*collection).to_owned()),
            [] => unreachable!(),
        };
        let (_, validator) = validators.iter().find(|(name, _)| *name == collection).expect("another collection");
        let body: Value = serde_json::from_str(&call.body).unwrap();
        let wrong: Vec<String> =
            validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(wrong, Vec::<String>::new(), "{} {}: {body:#}", call.method, call.path);
        seen.insert((call.method.clone(), name));
        if collection.ends_with("Class") {
            told.extend(events.iter().filter(|text| call.body.contains(*text)).cloned());
        } else {
            for text in events {
                assert!(!body.to_string().contains(text), "an object tells {text:?}: {body:#}");
            }
        }
    }
    // The classes of tickets do tell of the events; the search above looks for the right words.
    let tickets = seen.iter().any(|(_, collection)| collection == "eventTicketClass");
    assert!(!tickets || told.len() > 5, "{told:?}");
    assert_eq!(google.warnings(), Vec::<String>::new());
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn every_class_and_object_is_as_google_describes_it_and_no_object_tells_of_an_event() {
    let house = House::new().await;
    let events = of_events(&house);
    passerelle_server::demo::play(&house.stage).await.unwrap();
    // What the play does not come to: a message and what is written after it, and a link that is too long.
    let sold = house.sold("CARMEN", &["Ada"]).await;
    house.told(&json!({"passes": [sold.held[0].serial.clone()]}), "entry-changed").await;
    let secutix = house.stage.world.secutix();
    secutix.reprint(sold.movement(0), passerelle_simulator::Origin::TicketShop).await.unwrap();
    house.up_to_date(&sold).await;
    house.save_all(12).await;
    let seen = judge(&house, &events);
    // The play has gone through all of it: tickets and a card, made and changed.
    for expected in [
        ("POST", "eventTicketClass"),
        ("PUT", "eventTicketClass"),
        ("POST", "eventTicketObject"),
        ("PUT", "eventTicketObject"),
        ("POST", "loyaltyClass"),
        ("POST", "loyaltyObject"),
        ("POST", "eventTicketObject/addMessage"),
        ("POST", "jwt"),
    ] {
        assert!(seen.contains(&(expected.0.to_owned(), expected.1.to_owned())), "{expected:?} is not in {seen:?}");
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_may_be_a_generic_pass_of_googles() {
    let house = House::new().await;
    house
        .rewrite("templates/member-card/template.toml", |text| {
            let (rest, _) = text.split_once("[google]").unwrap();
            format!(
                "{rest}[google]\ntype = \"generic\"\nsubheader = \"{{contact.quality}}\"\nlogo = \"logo@3x.png\"\n\
                 validTimeInterval = {{ end = \"2031-08-31T23:59:59+02:00\" }}\nnotifications = {{ expiryNotification = true }}\n"
            )
        })
        .await;
    let holder = passerelle_simulator::Holder::new("Sofia", "Kovalevskaya");
    let contact = house.stage.world.secutix().create_contact(&holder, true);
    let card = house.stage.put_card(&contact).await.unwrap();
    let events = of_events(&house);
    let seen = judge(&house, &events);
    for (method, collection) in [("POST", "genericClass"), ("POST", "genericObject")] {
        assert!(seen.contains(&(method.to_owned(), collection.to_owned())), "{seen:?}");
    }
    // Its logo is a file of the template, which Google fetches where it is told to.
    let object = house.stage.google(&card).unwrap().object;
    let address = object["logo"]["sourceUri"]["uri"].as_str().unwrap();
    let (_, path) = address.split_once("/api/").unwrap();
    let image = house.send("GET", &format!("/api/{path}"), &[], "").await;
    assert_eq!((image.status.as_u16(), image.header("content-type")), (200, "image/png"), "{address}");
    house.end().await;
}
