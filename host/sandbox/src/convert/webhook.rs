//! The types of interface `webhook`, field by field.

use super::{Cross, contract, guest, record, variant};

record!(webhook::Notification { content_type, body });
record!(webhook::OrderChange { token, sale_movement, ticket, state, last_update, fingerprint, unknown_fields });
record!(webhook::Violation { field, code, expected });
variant!(webhook::Rejection { UnsupportedMediaType, TooLarge, Invalid(value) });
