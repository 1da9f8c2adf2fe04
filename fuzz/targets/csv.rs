//! CSV files. The first byte chooses the options, the second the size of a page.

#![no_main]

use fuzz::files;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let [choices, page, text @ ..] = bytes else { return };
    let delimiter = [",", ";", "\t", "|"][usize::from(choices & 3)];
    let header = choices & 4 == 0;
    let options = json!({
        "path": "in.csv", "format": "csv", "delimiter": delimiter, "header": header,
        "nullValues": if choices & 8 == 0 { json!([""]) } else { json!(["NULL", "n/a"]) },
    });
    let key = if header { "id" } else { "column1" };
    let incremental = choices & 16 != 0;
    let read =
        files::read_in_every_way("in.csv", text, &options, key, incremental, usize::from(page % 8) + 1);
    // Without quotes a line is a row, and none is lost.
    if let Some(items) = read
        && !text.contains(&b'"')
        && !incremental
    {
        let rows = files::lines(text, |line| matches!(line, b"" | b"\r"));
        assert_eq!(items, rows.saturating_sub(usize::from(header)));
    }
});
