//! The order of cursor values: three JSON values, one a line.

#![no_main]

use std::cmp::Ordering;

use connector::compare_cursor_values as compare;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let values: Vec<Value> = text
        .split('\n')
        .take(3)
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_text| Value::String(line.to_owned())))
        .collect();
    for a in &values {
        assert_eq!(compare(a, a), Ordering::Equal, "{a}");
        for b in &values {
            assert_eq!(compare(a, b), compare(b, a).reverse(), "{a} {b}");
            for c in &values {
                if compare(a, b).is_le() && compare(b, c).is_le() {
                    assert!(compare(a, c).is_le(), "{a} {b} {c}");
                }
            }
        }
    }
});
