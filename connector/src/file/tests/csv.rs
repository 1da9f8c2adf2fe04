//! CSV: how it is written, what is wrong with a line, and headers.

use std::fs;
use std::io::Write as _;

use serde_json::{Value, json};
use tempfile::tempdir;

use super::{connector, directory, source, values};
use crate::testing::{items_of, malformed_of, read_all, records_of};
use crate::{Item, SyncMode, SystemError, SystemErrorKind};

async fn read_csv(content: impl AsRef<[u8]>) -> Vec<Item> {
    let directory = directory("a.csv", content);
    items_of(&connector(), source(&directory, json!({"path": "a.csv"}))).await
}

async fn refusal(content: impl AsRef<[u8]>, options: Value) -> SystemError {
    let directory = directory(options["path"].as_str().unwrap(), content);
    read_all(&connector(), source(&directory, options)).await.unwrap_err()
}

async fn hint(content: impl AsRef<[u8]>) -> String {
    let error = refusal(content, json!({"path": "a.csv"})).await;
    assert_eq!(error.kind, SystemErrorKind::Malformed);
    error.hint.unwrap()
}

#[tokio::test]
async fn csv_with_quotes_bom_and_crlf() {
    let items = read_csv(
        "\u{FEFF}id,name,note\r\n1,M\u{fc}ller,\r\n2,\"a, \"\"b\"\"\r\nc\",5\" pipe\r\n\r\n3,\"\",\"x\"",
    )
    .await;
    assert_eq!(
        values(&items),
        [
            json!({"id": "1", "name": "M\u{fc}ller", "note": null}),
            json!({"id": "2", "name": "a, \"b\"\r\nc", "note": "5\" pipe"}),
            json!({"id": "3", "name": null, "note": "x"}),
        ]
    );
    assert_eq!(malformed_of(&items), []);
}

#[tokio::test]
async fn delimiter_header_and_null_values_are_options() {
    let directory = directory("a.csv", "1;NULL;\n2;x;y\n");
    let mut open = source(
        &directory,
        json!({"path": "a.csv", "delimiter": ";", "header": false, "nullValues": ["NULL"]}),
    );
    open.stream.key_fields = vec!["column1".to_owned()];
    let items = items_of(&connector(), open).await;
    assert_eq!(
        values(&items),
        [
            json!({"column1": "1", "column2": null, "column3": ""}),
            json!({"column1": "2", "column2": "x", "column3": "y"}),
        ]
    );
}

#[tokio::test]
async fn bad_records_fail_alone() {
    let items =
        read_csv(b"id,name\n1,a\n2\n3,a,b\n4,\xFF\n5,a\0b\n6,\"x\"y\n7,\xC3\xA9\n8,\"\xC3\xA9\xFF\"\n9,ok\n")
            .await;
    assert_eq!(
        malformed_of(&items),
        [
            ("line 3", "has 1 field, not 2"),
            ("line 4", "has 3 fields, not 2"),
            ("line 5", "is not valid UTF-8"),
            ("line 6", "contains a NUL byte"),
            ("line 7", "there is text after a closing quote"),
            ("line 9", "is not valid UTF-8"),
        ]
    );
    let ids: Vec<Value> = records_of(&items).iter().map(|record| record["id"].clone()).collect();
    assert_eq!(ids, ["1", "7", "9"]);
    assert_eq!(items.len(), 9);
}

#[tokio::test]
async fn halves_of_a_character_do_not_join_across_a_delimiter() {
    let items = read_csv(b"id,a,b\n1,\"\xC3\",\"\xA9\"\n2,\xC3,\xA9\n3,x,y\n").await;
    assert_eq!(malformed_of(&items), [("line 2", "is not valid UTF-8"), ("line 3", "is not valid UTF-8")]);
    assert_eq!(records_of(&items).len(), 1);
}

#[tokio::test]
async fn a_quote_that_is_not_closed_costs_one_record() {
    let mut content = String::from("id,name,city\n");
    for id in 1..=10_000 {
        match id {
            4_711 => content.push_str("4711,\"Smith,London\n"),
            _ => content.push_str(&format!("{id},Name {id},\"City, {id}\"\n")),
        }
    }
    let items = read_csv(&content).await;
    assert_eq!(
        malformed_of(&items),
        [("line 4712", "a quoted field is not closed, or there is text after its closing quote")]
    );
    let Item::Malformed(bad) = &items[4_710] else { unreachable!("the record before the quote is whole") };
    assert_eq!(bad.raw.as_deref(), Some("4711,\"Smith,London"));
    assert_eq!(records_of(&items).len(), 9_999);
    // Without any later quote the bound ends the search, and at the end of the file the end does.
    let mut content = String::from("id,name\n1,\"open\n");
    (2..=3_000).for_each(|id| content.push_str(&format!("{id},x\n")));
    content.push_str("3001,\"open");
    let items = read_csv(&content).await;
    assert_eq!(
        malformed_of(&items),
        [("line 2", "a quoted field is not closed"), ("line 3002", "a quoted field is not closed")]
    );
    assert_eq!(records_of(&items).len(), 2_999);
}

#[tokio::test]
async fn a_line_without_end_is_skipped_in_a_stream() {
    let directory = tempdir().unwrap();
    let mut file = fs::File::create(directory.path().join("a.csv")).unwrap();
    file.write_all(b"id,name\n1,a\n2,").unwrap();
    let block = vec![b'x'; 1024 * 1024];
    (0..20).for_each(|_| file.write_all(&block).unwrap());
    file.write_all(b"\n3,c\n").unwrap();
    let open = source(&directory, json!({"path": "a.csv"}));
    let items = items_of(&connector(), open).await;
    assert_eq!(malformed_of(&items), [("line 3", "the line is longer than 1048576 bytes")]);
    let Item::Malformed(bad) = &items[1] else { unreachable!("the second is the long one") };
    assert_eq!(bad.raw.as_ref().map(String::len), Some(2048));
    let ids: Vec<Value> = records_of(&items).iter().map(|record| record["id"].clone()).collect();
    assert_eq!(ids, ["1", "3"]);
}

#[tokio::test]
async fn a_file_that_is_something_else_is_refused_whole() {
    assert_eq!(
        hint(b"PK\x03\x04\x14\x00\x06\x00word/document.xml").await,
        "the file is a Word document, not CSV"
    );
    assert_eq!(hint(b"%PDF-1.7\n").await, "the file is a PDF document, not CSV");
    assert_eq!(hint(b"<!DOCTYPE html><html>").await, "the file is a web page (HTML), not CSV");
    let options = json!({"path": "a.jsonl"});
    let error = refusal(b"\x1F\x8B\x08\x00", options.clone()).await;
    assert_eq!(error.hint.as_deref(), Some("the file is a gzip archive, not JSON Lines"));
    let error = refusal("[\n{\"id\": 1}\n]", options).await;
    assert_eq!(error.kind, SystemErrorKind::Malformed);
    assert_eq!(error.hint.as_deref(), Some("the file is a JSON array, not JSON Lines (one object a line)"));
}

#[tokio::test]
async fn header_problems_are_explained() {
    assert_eq!(hint("").await, "the file is empty: a header row is expected");
    assert_eq!(hint("id,name,id\n").await, "the header names `id` twice, as columns 1 and 3");
    assert_eq!(hint("ID,name\n1,a\n").await, "the file has no column `id`; it has `ID`, `name`");
    assert_eq!(
        hint("id;name\n1;a\n").await,
        "the file has no column `id`; it has `id;name` (its columns seem to be separated by `;`: set the delimiter)"
    );
    assert_eq!(
        hint("id,\"name\n1,a\n").await,
        "the header row (line 1) can't be read: a quoted field is not closed"
    );
    let directory = directory("a.csv", "id,name\n1,a\n");
    let mut open = source(&directory, json!({"path": "a.csv"}));
    open.stream.mode = SyncMode::Incremental;
    open.stream.cursor_field = Some("updatedAt".to_owned());
    let error = read_all(&connector(), open).await.unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("the file has no column `updatedAt`; it has `id`, `name`"));
}
