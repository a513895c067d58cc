//! Arbitrary answers of SecuTix, one after the other.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Err(broken) = passerelle_fuzz::file::check(data) {
        panic!("{broken}");
    }
});
