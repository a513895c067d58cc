//! The types of interface `types`, field by field.

use super::{Cross, contract, guest, record, variant};

variant!(types::Wallet { Apple, Google });
variant!(types::Tri { No, Yes, Unknown });
variant!(types::Subject { Movement(value), Contact(value) });
variant!(types::PassState { Live, Void });
record!(types::EventPart { key, body, ends_at });
record!(types::TicketPart { body, events, selectors });
