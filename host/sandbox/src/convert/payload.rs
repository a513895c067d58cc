//! The types of interface `payload`, field by field.

use super::{Cross, contract, guest, record, variant};

record!(payload::Item { pass, subject, state, ticket, variables });
record!(payload::Job { template, locales, settings, events, items });
record!(payload::ApplePass { pass_json, strings, seen });
record!(payload::GoogleClass { kind, key, body });
record!(payload::GooglePass { class, object_body, seen });
record!(payload::PassPayload { pass, apple, google });
record!(payload::Rebuilt { classes, passes });
variant!(payload::Fault { Template(value), Missing(value), TooLarge });
