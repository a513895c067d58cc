//! Arbitrary notifications.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Err(broken) = passerelle_fuzz::validate::check(data) {
        panic!("{broken}");
    }
});
