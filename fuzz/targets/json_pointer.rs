//! JSON of outside systems, and pointers into it: `pointer\nJSON`. serde_json judges.

#![no_main]

use connector::fuzzing::{exact_json, json_pointer};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let (pointer, json) = text.split_once('\n').unwrap_or(("", text));
    let value: Option<Value> = serde_json::from_str(json).ok();
    if let Ok(exact) = exact_json(json) {
        assert_eq!(Some(&exact), value.as_ref());
        let literal = json.trim();
        if !literal.is_empty() && literal.bytes().all(|byte| byte.is_ascii_digit()) {
            assert_eq!(exact.to_string(), literal, "whole numbers are exact");
        }
    }
    // Options of the connector have a pointer that begins with a slash, or none.
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return;
    }
    let (Some(value), Ok(found)) = (value, json_pointer(json, pointer)) else { return };
    let found = found.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    assert_eq!(found.as_ref(), value.pointer(pointer));
});
