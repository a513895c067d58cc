//! The types of interface `payload`, field by field.

use super::{Cross, contract, guest, record, variant};

record!(payload::Item { pass, subject, state, ticket, variables });
record!(payload::Job { template, locales, settings, events, items });
record!(payload::ApplePass { pass_json, strings, images });
record!(payload::GooglePass { kind, class_key, class_body, object_body });
record!(payload::PassPayload { pass, apple, google, apple_digest, google_class_digest, google_object_digest });
variant!(payload::Fault { Template(value), Missing(value), TooLarge });
