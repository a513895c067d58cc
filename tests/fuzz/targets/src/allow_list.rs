//! Arbitrary addresses and entries of a list.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Err(broken) = passerelle_fuzz::allow_list::check(data) {
        panic!("{broken}");
    }
});
