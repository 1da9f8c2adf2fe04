//! Bodies of `POST /graphql`. The first byte says whether the rest is the whole body or the document alone, and who asks.

#![no_main]

use fuzz::town::{Caller, TOWN};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let [kind, rest @ ..] = bytes else { return };
    let body = if kind & 1 == 0 {
        rest.to_vec()
    } else {
        let Ok(document) = std::str::from_utf8(rest) else { return };
        json!({ "query": document }).to_string().into_bytes()
    };
    let caller = if kind & 2 == 0 { Caller::Reader } else { Caller::Anonymous };
    TOWN.ask(caller, body).check();
});
