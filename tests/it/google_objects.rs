//! What Google was sent, against Google's own description of it, over the whole demo.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::house::House;

/// The resource of a collection in Google's description.
const RESOURCES: [(&str, &str); 6] = [
    ("eventTicketClass", "EventTicketClass"),
    ("eventTicketObject", "EventTicketObject"),
    ("loyaltyClass", "LoyaltyClass"),
    ("loyaltyObject", "LoyaltyObject"),
    ("genericClass", "GenericClass"),
    ("genericObject", "GenericObject"),
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

#[tokio::test(flavor = "multi_thread")]
async fn every_class_and_object_is_as_google_describes_it_and_no_object_tells_of_an_event() {
    let house = House::new().await;
    let events = of_events(&house);
    passerelle_server::demo::play(&house.stage).await.unwrap();
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
        let collection = path.split('/').next().unwrap();
        let (_, validator) = validators.iter().find(|(name, _)| *name == collection).expect("another collection");
        let body: Value = serde_json::from_str(&call.body).unwrap();
        let wrong: Vec<String> =
            validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(wrong, Vec::<String>::new(), "{} {}: {body:#}", call.method, call.path);
        seen.insert((call.method.clone(), collection.to_owned()));
        if collection.ends_with("Object") {
            for text in &events {
                assert!(!body.to_string().contains(text), "an object tells {text:?}: {body:#}");
            }
        } else {
            told.extend(events.iter().filter(|text| call.body.contains(*text)).cloned());
        }
    }
    // The play has gone through all of it: tickets and a card, made and changed.
    for expected in [
        ("POST", "eventTicketClass"),
        ("PUT", "eventTicketClass"),
        ("POST", "eventTicketObject"),
        ("PUT", "eventTicketObject"),
        ("POST", "loyaltyClass"),
        ("POST", "loyaltyObject"),
    ] {
        assert!(seen.contains(&(expected.0.to_owned(), expected.1.to_owned())), "{expected:?} is not in {seen:?}");
    }
    // The classes do tell of the events; the search above looks for the right words.
    assert!(told.len() > 5, "{told:?}");
    assert_eq!(google.warnings(), Vec::<String>::new());
    house.end().await;
}
