//! Ids of callers: one spelling each.

#![no_main]

use domain::id::GlobalId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(id) = text.parse::<GlobalId>() {
        assert_eq!(id.to_string(), text);
    }
});
