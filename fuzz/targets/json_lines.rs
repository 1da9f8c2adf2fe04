//! JSON Lines files. The first byte chooses the mode, the second the size of a page.

#![no_main]

use fuzz::files;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let [choices, page, text @ ..] = bytes else { return };
    let options = json!({ "path": "in.jsonl", "format": "jsonl" });
    let incremental = choices & 1 != 0;
    let read =
        files::read_in_every_way("in.jsonl", text, &options, "id", incremental, usize::from(page % 8) + 1);
    // A line is a record or what stands where one should be; none is lost.
    if let Some(items) = read
        && !incremental
    {
        assert_eq!(items, files::lines(text, |line| line.trim_ascii().is_empty()));
    }
});
