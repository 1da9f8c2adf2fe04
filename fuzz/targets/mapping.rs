//! Mapping programs of tenants: compiled, and run on a record.

#![no_main]

use std::sync::LazyLock;

use connector::Record;
use libfuzzer_sys::fuzz_target;
use pipeline::Mapping;
use serde_json::json;

static RECORD: LazyLock<Record> = LazyLock::new(|| {
    let record = json!({
        "id": 7, "name": "Ada", "amount": "12.50", "lines": [{ "sku": "A", "count": 2 }, { "sku": "B" }],
        "at": "2026-11-25T10:00:00Z", "flag": true, "nothing": null, "rate": 0.19,
    });
    record.as_object().expect("an object").clone().into()
});

fuzz_target!(init: {
    // A panic of VRL fails its record and nothing else, so it is no finding; what ends the process is.
    std::panic::set_hook(Box::new(|_info| {}));
}, |program: &str| {
    match Mapping::compile(program) {
        Ok(mapping) => drop(mapping.apply(&RECORD)),
        Err(problems) => assert!(!problems.0.is_empty(), "a refusal says why"),
    }
});
