//! The types of interface `installation`, field by field.

use super::{Cross, contract, guest, record, variant};

record!(installation::Presence { installed, count, first_at, changed_at, event });
record!(installation::Status { apple, google, printed, written });
variant!(installation::Kind { Installed, Removed, InferredRemoval, Present, Absent });
record!(installation::Signal { source, event, wallet, kind, at, count });
record!(installation::Context { pass, template, ticket, persist_status, persist_printed });
record!(installation::Emission { name, wallet, at, count });
record!(installation::Reduction { status, changed, references, print, crm, events });
