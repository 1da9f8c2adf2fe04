//! JSON Schemas of tenants, and records that they judge: `schema\nrecord`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pipeline::Rules;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let (schema, record) = text.split_once('\n').unwrap_or((text, "{}"));
    let (Ok(schema), Ok(record)) =
        (serde_json::from_str::<Value>(schema), serde_json::from_str::<Value>(record))
    else {
        return;
    };
    if let Ok(rules) = Rules::compile(&schema) {
        for error in rules.check(&record) {
            assert!(error.path.is_empty() || error.path.starts_with('/'), "{error:?}");
        }
    }
});
