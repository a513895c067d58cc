//! The envelope of a SecuTix answer: HTTP 200 does not mean success (domain.md 3.3).
//!
//! Owns the reading of `statusCode`, and the pointers of what is missing or not understood.

use crate::contract::scenario::Fault;
use crate::lenient::Scalar;

/// What a `statusCode` says. The one rule for every reader of an envelope, the host's too: case says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Success,
    /// Nothing is wrong, and nothing may be concluded.
    Later,
    Refused,
}

impl Status {
    pub fn of(code: &str) -> Self {
        if code.eq_ignore_ascii_case("success") {
            Self::Success
        } else if RETRYABLE.iter().any(|retryable| code.eq_ignore_ascii_case(retryable)) {
            Self::Later
        } else {
            Self::Refused
        }
    }
}

/// Codes that say "later".
const RETRYABLE: [&str; 1] = ["in_progress"];

/// Codes are shown to people; longer ones are none. SecuTix's longest known one has 22 characters.
const CODE_LIMIT: usize = 64;

/// Most pointers that a verdict carries: enough to see the pattern, and no second copy of a hostile answer.
const MOST_UNREAD: usize = 64;

/// Stands for a `statusCode` that is none.
const NO_CODE: &str = "no-code";

pub(super) fn judge(status_code: &Scalar<'_>) -> Result<(), Fault> {
    let Some(code) = status_code.text() else { return Err(unreadable("/statusCode")) };
    match Status::of(&code) {
        Status::Success => return Ok(()),
        Status::Later => return Err(Fault::NotReady),
        Status::Refused => {}
    }
    Err(Fault::Refused(if is_code(&code) { code.into_owned() } else { NO_CODE.to_owned() }))
}

/// Does it look like a code: one word of letters, digits, `_`, `-` and `.`? What is sent as a code leaves the connector as it is, into a history in
/// the clear; a sentence in its place could name a person.
pub(super) fn is_code(text: &str) -> bool {
    let of_code = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.');
    text.len() <= CODE_LIMIT && text.bytes().all(of_code)
}

/// The answer lacks what a decision needs.
pub(super) fn unreadable(pointer: impl Into<String>) -> Fault {
    Fault::Unreadable(pointer.into())
}

/// Parts of the answer that were not understood and that no decision needs.
#[derive(Debug, Default)]
pub(super) struct Unread(Vec<String>);

impl Unread {
    pub(super) fn note(&mut self, pointer: impl FnOnce() -> String) {
        if self.0.len() < MOST_UNREAD {
            let pointer = pointer();
            if !self.0.contains(&pointer) {
                self.0.push(pointer);
            }
        }
    }

    /// Notes the pointer of a value that is there and of the wrong kind.
    pub(super) fn check(&mut self, scalar: &Scalar<'_>, pointer: impl FnOnce() -> String) {
        if scalar.is_misfit() {
            self.note(pointer);
        }
    }

    pub(super) fn into_pointers(self) -> Vec<String> {
        self.0
    }
}
