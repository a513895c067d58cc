//! The fingerprint of a notification: the five fields after normalisation, each with its length before it, so that no two different
//! notifications have the same bytes. The host keeps a MAC of it; an index for people, never a reason to drop a notification.

use crate::contract::webhook::OrderChange;

/// A length that no field can have: the field is absent.
const ABSENT: [u8; 4] = u32::MAX.to_be_bytes();

pub(super) fn of(change: &OrderChange) -> Vec<u8> {
    let fields = [
        Some(&change.token),
        change.sale_movement.as_ref(),
        change.ticket.as_ref(),
        Some(&change.state),
        Some(&change.last_update),
    ];
    let mut out = Vec::with_capacity(96);
    for field in fields {
        match field {
            // The body limit is far below 4 GiB.
            #[allow(clippy::cast_possible_truncation)]
            Some(text) => {
                out.extend_from_slice(&(text.len() as u32).to_be_bytes());
                out.extend_from_slice(text.as_bytes());
            }
            None => out.extend_from_slice(&ABSENT),
        }
    }
    out
}
