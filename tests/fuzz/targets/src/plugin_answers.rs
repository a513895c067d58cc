//! Arbitrary requests and variables of a plugin.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Err(broken) = passerelle_fuzz::plugin_answers::check(data) {
        panic!("{broken}");
    }
});
