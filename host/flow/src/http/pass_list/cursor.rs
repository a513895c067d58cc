//! Cursors: a place in a list, as a caller carries it.
//!
//! Owns the notation: base64url of JSON. Opaque, so that it can change; not authenticated, because there is nothing to gain from another one: it
//! holds what the page itself has shown (a date, an identifier, a pass), and leads to a place in a list that its reader may read anyway. An e-mail
//! address is no place in any order, so none gets in here. That it came with other filters is noticed by a digest of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::store::Position;

/// Characters: the longest value of an attribute, with its pass and the notation around it, twice over.
const LONGEST: usize = 512;

pub(super) fn write(position: &Position, list: &str) -> String {
    // A tuple of a text and an enum of texts and numbers: it has no key that could be wrong.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(list, position)).unwrap_or_default())
}

/// None: it is none, or one of another list.
pub(super) fn read(text: &str, list: &str) -> Option<Position> {
    if text.len() > LONGEST {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (of, position): (String, Position) = serde_json::from_slice(&bytes).ok()?;
    (of == list).then_some(position)
}
