//! What must hold for any input: four checks, each from bytes that a fuzzer makes up to the first rule that they break.
//!
//! Owns the reading of the bytes, the rules and their second readings. A rule is written from the contract and the documents, with another parser
//! than the code that it judges. Does not own the fuzzer (`targets`, a workspace of its own, because libFuzzer is C++ and wants other flags of the
//! compiler), nor when it runs (`cargo xtask fuzz`). Here the checks are tested like everything else: that the committed corpus and all cases keep
//! the rules, and that what breaks one is told.

pub mod allow_list;
pub mod file;
pub mod origin;
pub mod plugin_answers;
pub mod script;
pub mod validate;

// By path: the little host that carries passes from one look to the next is that of the cases.
#[path = "../../it/case_folder.rs"]
#[allow(dead_code)]
mod case_folder;

/// Or the rule that is broken, in words for whoever repeats the input.
pub type Held = Result<(), String>;

/// Ends a check with a sentence unless a rule holds.
macro_rules! holds {
    ($rule:expr, $($sentence:tt)+) => {
        if !$rule {
            return Err(format!($($sentence)+));
        }
    };
}
use holds;

#[cfg(test)]
mod tests;
