//! The `file` connector against real files: every kind of bad input, resuming, and upserts that survive.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead as _, Write as _};
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

mod compression;
mod parquet;
mod pattern;

use super::FileConnector;
use crate::testing::{
    self, actions, items_of, malformed_of, open_destination, open_source, read_all, records_of, write_of,
};
use crate::{
    Action, Connector, Cursor, CursorRange, Destination, Egress, Item, OpenDestination, OpenSource,
    RecordErrorKind, SyncMode, SystemError, SystemErrorKind, WriteOutcome,
};

fn connector() -> FileConnector {
    FileConnector::new(Egress::default())
}

fn directory(name: &str, content: impl AsRef<[u8]>) -> TempDir {
    let directory = tempdir().unwrap();
    fs::write(directory.path().join(name), content).unwrap();
    directory
}

fn source(directory: &TempDir, options: Value) -> OpenSource {
    let mut open = open_source(options, &["id"], 100);
    open.access.files_dir = directory.path().to_owned();
    open
}

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

fn values(items: &[Item]) -> Vec<Value> {
    records_of(items).into_iter().map(Value::from).collect()
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

#[tokio::test]
async fn json_lines_keep_types_and_refuse_what_is_no_object() {
    let content = "\u{FEFF}{\"id\": 1, \"b\": [true, null], \"a\": {\"x\": 1.5}}\r\n\n[1]\n{\"id\": 2\n{\"id\": 18446744073709551616}\n{\"id\": 3}";
    let directory = directory("a.ndjson", content);
    let items = items_of(&connector(), source(&directory, json!({"path": "a.ndjson"}))).await;
    assert_eq!(values(&items), [json!({"id": 1, "b": [true, null], "a": {"x": 1.5}}), json!({"id": 3})]);
    let names: Vec<String> = records_of(&items)[0].keys().cloned().collect();
    assert_eq!(names, ["id", "b", "a"], "fields keep their order");
    assert_eq!(
        malformed_of(&items),
        [
            ("line 3", "not a JSON object"),
            ("line 4", "not a JSON object: the line ends too early"),
            ("line 5", "a whole number is larger than 2^63"),
        ]
    );
    let empty = self::directory("a.jsonl", "");
    assert_eq!(items_of(&connector(), source(&empty, json!({"path": "a.jsonl"}))).await.len(), 0);
}

#[tokio::test]
async fn reading_resumes_after_every_page() {
    let mut csv = String::from("id,name\n");
    let mut jsonl = String::new();
    for id in 1..=50 {
        match id % 10 {
            3 => csv.push_str(&format!("{id},\"a\nb, {id}\"\n")),
            5 => csv.push_str(&format!("{id}\n\n")),
            7 => csv.push_str(&format!("{id},\"open\n")),
            _ => csv.push_str(&format!("{id},name {id}\r\n")),
        }
        jsonl.push_str(&if id % 9 == 0 { "nonsense\n".to_owned() } else { format!("{{\"id\": {id}}}\n\n") });
    }
    let directory = directory("a.csv", csv);
    fs::write(directory.path().join("a.jsonl"), jsonl).unwrap();
    fs::write(directory.path().join("b.csv"), "1,a\n2,b\n3\n4,d\n5,e\n").unwrap();
    for (options, key) in [
        (json!({"path": "a.csv"}), "id"),
        (json!({"path": "a.jsonl"}), "id"),
        (json!({"path": "b.csv", "header": false}), "column1"),
    ] {
        for size in [1, 4, 7] {
            let mut open = source(&directory, options.clone());
            open.page_records_max = size;
            open.stream.key_fields = vec![key.to_owned()];
            testing::resumes_everywhere(&connector(), open.clone()).await;
            open.stream.mode = SyncMode::Incremental;
            open.stream.cursor_field = Some(key.to_owned());
            open.since = Some(json!({"value": "3"}));
            testing::resumes_everywhere(&connector(), open).await;
        }
    }
}

#[tokio::test]
async fn pages_are_bounded_by_bytes_too() {
    let row = format!("1,{}\n", "x".repeat(500_000));
    let directory = directory("a.csv", format!("id,text\n{}", row.repeat(20)));
    let open = source(&directory, json!({"path": "a.csv"}));
    let mut source = connector().open_source(open).await.unwrap();
    let page = source.next_page().await.unwrap().unwrap();
    assert_eq!(page.items.len(), 9, "the ninth row passes 4 MiB");
    assert_eq!(page.size_bytes, 9 * row.len() as u64);
}

#[tokio::test]
async fn a_file_that_is_not_the_same_any_more_is_noticed() {
    let directory = directory("a.csv", "id,name\n1,a\n2,b\n3,c\n");
    let path = directory.path().join("a.csv");
    let mut open = source(&directory, json!({"path": "a.csv"}));
    open.page_records_max = 1;
    let connector = connector();
    let mut source = connector.open_source(open.clone()).await.unwrap();
    open.resume = Some(source.next_page().await.unwrap().unwrap().checkpoint);
    let replaced = |error: SystemError| {
        assert_eq!(error.kind, SystemErrorKind::Malformed);
        assert_eq!(error.hint.as_deref(), Some("the file was replaced while it was read"));
    };
    // It grew: fine.
    fs::write(&path, "id,name\n1,a\n2,b\n3,c\n4,d\n").unwrap();
    assert_eq!(items_of(&connector, open.clone()).await.len(), 3);
    // Other content of the same size.
    fs::write(&path, "id,name\n9,a\n2,b\n3,c\n").unwrap();
    replaced(read_all(&connector, open.clone()).await.unwrap_err());
    // It shrank while it was open.
    fs::write(&path, "id,name\n1,a\n").unwrap();
    replaced(source.next_page().await.unwrap_err());
    replaced(read_all(&connector, open).await.unwrap_err());
}

#[tokio::test]
async fn incremental_keeps_what_is_newer_in_a_file_without_order() {
    let directory = directory(
        "a.csv",
        "id,at\n1,2026-01-03T00:00:00Z\n2,2026-01-01T00:00:00Z\n3,\n4,2026-01-02T05:00:00+05:00\n",
    );
    let connector = connector();
    let mut open = source(&directory, json!({"path": "a.csv"}));
    open.stream.mode = SyncMode::Incremental;
    open.stream.cursor_field = Some("at".to_owned());
    let (items, watermark) = read_all(&connector, open.clone()).await.unwrap();
    assert_eq!(items.len(), 4);
    assert_eq!(watermark, Some(json!({"value": "2026-01-03T00:00:00Z"})));
    open.since = Some(json!({"value": "2026-01-02T00:00:00Z"}));
    let (items, again) = read_all(&connector, open.clone()).await.unwrap();
    let ids: Vec<Value> = records_of(&items).iter().map(|record| record["id"].clone()).collect();
    assert_eq!(ids, ["1", "3"], "equal to the watermark is not newer; without a value it can't be known");
    assert_eq!(again, watermark);
    open.since = Some(json!({"value": "2027-01-01T00:00:00Z"}));
    let (items, kept) = read_all(&connector, open).await.unwrap();
    assert_eq!((items.len(), kept), (1, Some(json!({"value": "2027-01-01T00:00:00Z"}))));
}

#[tokio::test]
async fn paths_that_leave_the_directory_are_refused_at_both_ends() {
    let outer = directory("secret.csv", "id\n1\n");
    let root = outer.path().join("tenant");
    fs::create_dir(&root).unwrap();
    symlink(outer.path().join("secret.csv"), root.join("link.csv")).unwrap();
    let connector = connector();
    for path in ["../secret.csv", "link.csv", outer.path().join("secret.csv").to_str().unwrap()] {
        let mut open = open_source(json!({"path": path}), &["id"], 10);
        open.access.files_dir = root.clone();
        assert_eq!(read_all(&connector, open).await.unwrap_err().kind, SystemErrorKind::Forbidden, "{path}");
        let mut open = open_destination(json!({"path": path}), &["id"]);
        open.access.files_dir = root.clone();
        assert_eq!(
            connector.open_destination(open).await.err().unwrap().kind,
            SystemErrorKind::Forbidden,
            "{path}"
        );
    }
    assert_eq!(fs::read_to_string(outer.path().join("secret.csv")).unwrap(), "id\n1\n");
    let mut open = open_source(json!({"path": "none.csv"}), &["id"], 10);
    open.access.files_dir = root;
    assert_eq!(read_all(&connector, open).await.unwrap_err().kind, SystemErrorKind::NotFound);
}

#[tokio::test]
async fn the_directory_is_tested_for_real() {
    let root = tempdir().unwrap();
    let connector = connector();
    let mut open = open_source(json!({}), &["id"], 1);
    open.access.files_dir = root.path().join("new");
    assert_eq!(connector.test(&open.access).await.unwrap(), "Your directory is there, and empty.");
    fs::write(root.path().join("new/a.csv"), "id\n").unwrap();
    assert_eq!(connector.test(&open.access).await.unwrap(), "Your directory is there, with 1 file.");
}

fn destination(root: &Path, options: Value) -> OpenDestination {
    let mut open = open_destination(options, &["id"]);
    open.access.files_dir = root.to_owned();
    open
}

async fn open_at(root: &Path, options: Value) -> Box<dyn Destination> {
    connector().open_destination(destination(root, options)).await.unwrap()
}

fn writes(records: Value) -> Vec<crate::Write> {
    let Value::Array(records) = records else { unreachable!("an array") };
    records.into_iter().map(|record| write_of(record, &["id"])).collect()
}

fn hidden(root: &Path) -> Vec<String> {
    let names = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with('.') && name != ".trestle").collect()
}

#[tokio::test]
async fn csv_is_upserted_by_key_with_the_union_of_columns() {
    let root = directory("a.csv", "id,name\n1,a\n2,b\n");
    let mut destination = open_at(root.path(), json!({"path": "a.csv"})).await;
    let batch = writes(json!([
        {"id": 2, "name": "b"},
        {"id": 1, "name": "a, \"1\""},
        {"id": 3, "name": null, "tags": ["x"], "paid": true},
    ]));
    let outcomes = destination.write(&batch).await.unwrap();
    assert_eq!(actions(&outcomes), [Action::Unchanged, Action::Updated, Action::Created]);
    assert_eq!(fs::read_to_string(root.path().join("a.csv")).unwrap(), "id,name\n1,a\n2,b\n", "not yet");
    destination.finish().await.unwrap();
    assert_eq!(
        fs::read_to_string(root.path().join("a.csv")).unwrap(),
        "id,name,tags,paid\n1,\"a, \"\"1\"\"\",,\n2,b,,\n3,,\"[\"\"x\"\"]\",true\n"
    );
    assert_eq!(hidden(root.path()), Vec::<String>::new());
    // A second run with the same records changes nothing.
    let mut again = open_at(root.path(), json!({"path": "a.csv"})).await;
    let outcomes = again.write(&batch).await.unwrap();
    assert_eq!(actions(&outcomes), [Action::Unchanged; 3]);
    let before = fs::metadata(root.path().join("a.csv")).unwrap().modified().unwrap();
    again.finish().await.unwrap();
    assert_eq!(fs::metadata(root.path().join("a.csv")).unwrap().modified().unwrap(), before);
}

#[tokio::test]
async fn json_lines_keep_types_and_replace_whole_records() {
    let root = tempdir().unwrap();
    let mut destination = open_at(root.path(), json!({"path": "out/a.jsonl"})).await;
    let batch = writes(json!([{"id": 1, "x": 1.5, "tags": ["x"], "none": null}, {"id": "2", "x": 2}]));
    assert_eq!(actions(&destination.write(&batch).await.unwrap()), [Action::Created; 2]);
    destination.finish().await.unwrap();
    let path = root.path().join("out/a.jsonl");
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "{\"id\":1,\"x\":1.5,\"tags\":[\"x\"],\"none\":null}\n{\"id\":\"2\",\"x\":2}\n"
    );
    let mut destination = open_at(root.path(), json!({"path": "out/a.jsonl"})).await;
    let batch = writes(json!([{"x": 2, "id": "2"}, {"id": 1, "x": 1.5}]));
    let outcomes = destination.write(&batch).await.unwrap();
    assert_eq!(actions(&outcomes), [Action::Unchanged, Action::Updated]);
    destination.finish().await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"id\":1,\"x\":1.5}\n{\"id\":\"2\",\"x\":2}\n");
}

#[tokio::test]
async fn staging_survives_a_crash_and_a_batch_that_comes_again_is_answered_the_same() {
    let root = directory("a.csv", "id,name\n1,a\n2,b\n");
    let open = destination(root.path(), json!({"path": "a.csv"}));
    let connector = connector();
    let first = writes(json!([{"id": 1, "name": "A"}, {"id": 3, "name": "c"}, {"id": 2, "name": "b"}]));
    let mut destination = connector.open_destination(open.clone()).await.unwrap();
    let expected = [Action::Updated, Action::Created, Action::Unchanged];
    assert_eq!(actions(&destination.write(&first).await.unwrap()), expected);
    // The process dies: nothing is finished, nothing is closed in order.
    drop(destination);
    assert!(!hidden(root.path()).is_empty());
    let mut destination = connector.open_destination(open.clone()).await.unwrap();
    assert_eq!(actions(&destination.write(&first).await.unwrap()), expected, "the same batch again");
    let second = writes(json!([{"id": 4, "name": "d"}]));
    assert_eq!(actions(&destination.write(&second).await.unwrap()), [Action::Created]);
    drop(destination);
    // It dies once more, before the end; the resumed run has nothing left to write.
    let mut destination = connector.open_destination(open.clone()).await.unwrap();
    destination.finish().await.unwrap();
    let expected = "id,name\n1,A\n2,b\n3,c\n4,d\n";
    assert_eq!(fs::read_to_string(root.path().join("a.csv")).unwrap(), expected);
    assert_eq!(hidden(root.path()), Vec::<String>::new());
    // The end comes again as well, when the crash came before it was accounted.
    let mut open = open;
    open.resumed = true;
    let mut destination = connector.open_destination(open).await.unwrap();
    destination.finish().await.unwrap();
    assert_eq!(fs::read_to_string(root.path().join("a.csv")).unwrap(), expected);
}

#[tokio::test]
async fn what_was_collected_elsewhere_is_missed() {
    let root = directory("a.csv", "id,name\n1,a\n");
    let elsewhere = directory("a.csv", "id,name\n1,a\n");
    let mut open = destination(root.path(), json!({"path": "a.csv"}));
    let mut destination = connector().open_destination(open.clone()).await.unwrap();
    destination.write(&writes(json!([{"id": 2, "name": "b"}]))).await.unwrap();
    drop(destination);
    // The run goes on, on a machine with a directory of its own.
    open.resumed = true;
    open.access.files_dir = elsewhere.path().to_owned();
    let error = connector().open_destination(open.clone()).await.err().unwrap();
    assert_eq!(error.kind, SystemErrorKind::Internal);
    assert!(error.detail.contains("TRESTLE_FILES_DIR"), "{error}");
    open.access.files_dir = root.path().to_owned();
    let mut destination = connector().open_destination(open.clone()).await.unwrap();
    destination.finish().await.unwrap();
    assert_eq!(fs::read_to_string(root.path().join("a.csv")).unwrap(), "id,name\n1,a\n2,b\n");
    // What it leaves behind goes with the next run.
    let done = || fs::read_dir(root.path().join(".trestle")).unwrap().count();
    assert_eq!(done(), 1);
    drop(open_at(root.path(), json!({"path": "a.csv"})).await);
    assert_eq!(done(), 0);
}

/// The run that both processes of the next test belong to.
const KILLED_RUN: uuid::Uuid = uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
/// In the working directory of the process that is to be killed, and nowhere else.
const KILL_ME: &str = "kill-me";

/// The other process of the next test; in an ordinary run there is nothing to do.
#[tokio::test]
async fn process_that_is_killed() {
    if !Path::new(KILL_ME).exists() {
        return;
    }
    let mut open = destination(Path::new("."), json!({"path": "a.csv"}));
    open.run = KILLED_RUN;
    let mut destination = connector().open_destination(open).await.unwrap();
    destination.write(&writes(json!([{"id": 1, "name": "A"}, {"id": 2, "name": "b"}]))).await.unwrap();
    std::io::stdout().write_all(b"\nwritten\n").unwrap();
    std::io::stdout().flush().unwrap();
    // Until it is killed.
    std::future::pending().await
}

#[tokio::test]
async fn staging_survives_kill_9() {
    let root = directory("a.csv", "id,name\n1,a\n");
    fs::write(root.path().join(KILL_ME), "").unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "file::tests::process_that_is_killed", "--nocapture"])
        .current_dir(root.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let output = std::io::BufReader::new(child.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap() == "written"));
    child.kill().unwrap();
    child.wait().unwrap();
    let wal = root.path().join(format!(".a.csv.{KILLED_RUN}.staging-wal"));
    assert!(wal.exists(), "nothing was closed in order");
    let mut open = destination(root.path(), json!({"path": "a.csv"}));
    open.run = KILLED_RUN;
    let mut destination = connector().open_destination(open).await.unwrap();
    let batch = writes(json!([{"id": 2, "name": "b"}, {"id": 3, "name": "c"}]));
    assert_eq!(actions(&destination.write(&batch).await.unwrap()), [Action::Created; 2]);
    destination.finish().await.unwrap();
    let content = fs::read_to_string(root.path().join("a.csv")).unwrap();
    assert_eq!(content, "id,name\n1,A\n2,b\n3,c\n");
    assert_eq!(hidden(root.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_crash_between_rename_and_cleaning_up_is_repaired() {
    let root = directory("a.csv", "id,name\n1,a\n");
    let open = destination(root.path(), json!({"path": "a.csv"}));
    let staging = root.path().join(format!(".a.csv.{}.staging", open.run));
    let connector = connector();
    let mut destination = connector.open_destination(open.clone()).await.unwrap();
    destination.write(&writes(json!([{"id": 2, "name": "b"}]))).await.unwrap();
    drop(destination);
    let options = super::FileOptions {
        root: root.path().to_owned(),
        path: "a.csv".to_owned(),
        format: super::FileFormat::Csv,
        compression: super::Compression::None,
        csv: super::CsvFormat { delimiter: b',', header: true, null_values: vec![String::new()] },
        key_fields: vec!["id".to_owned()],
        types: std::collections::HashMap::new(),
    };
    let target = super::Target::Local(root.path().join("a.csv"));
    let mut destination = super::FileDestination::open(target, options, open.run, false).await.unwrap();
    destination.publish().await.unwrap();
    drop(destination);
    assert!(staging.exists(), "published, and not cleaned up");
    let mut destination = connector.open_destination(open).await.unwrap();
    destination.finish().await.unwrap();
    assert_eq!(fs::read_to_string(root.path().join("a.csv")).unwrap(), "id,name\n1,a\n2,b\n");
    assert_eq!(hidden(root.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_file_that_others_changed_meanwhile_is_not_overwritten() {
    let root = directory("a.csv", "id,name\n1,a\n");
    let mut destination = open_at(root.path(), json!({"path": "a.csv"})).await;
    destination.write(&writes(json!([{"id": 2, "name": "b"}]))).await.unwrap();
    fs::write(root.path().join("a.csv"), "id,name\n1,a\n7,other\n").unwrap();
    let error = destination.finish().await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Malformed);
    assert_eq!(fs::read_to_string(root.path().join("a.csv")).unwrap(), "id,name\n1,a\n7,other\n");
}

#[tokio::test]
async fn records_of_the_file_are_kept_also_with_a_key_twice_or_none() {
    let root = directory("a.csv", "id,name\n1,first\n,nobody\n1,second\n");
    let mut destination = open_at(root.path(), json!({"path": "a.csv"})).await;
    let outcomes = destination.write(&writes(json!([{"id": "1", "name": "new"}]))).await.unwrap();
    assert_eq!(actions(&outcomes), [Action::Updated]);
    destination.finish().await.unwrap();
    assert_eq!(fs::read_to_string(root.path().join("a.csv")).unwrap(), "id,name\n1,first\n,nobody\n1,new\n");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_not_overwritten() {
    for (content, expected) in [
        ("id,name\n1\n", "the file that is there can't be read: line 2 has 1 field, not 2"),
        ("name\nx\n", "the file has no column `id`; it has `name`"),
        ("%PDF-1.7", "the file is a PDF document, not CSV"),
    ] {
        let root = directory("a.csv", content);
        let open = destination(root.path(), json!({"path": "a.csv"}));
        let error = connector().open_destination(open).await.err().unwrap();
        assert_eq!((error.kind, error.hint.as_deref()), (SystemErrorKind::Malformed, Some(expected)));
        assert_eq!(fs::read_to_string(root.path().join("a.csv")).unwrap(), content);
        assert_eq!(hidden(root.path()), Vec::<String>::new());
    }
}

#[tokio::test]
async fn records_that_a_file_cannot_hold_fail_alone() {
    let root = tempdir().unwrap();
    let mut destination = open_at(root.path(), json!({"path": "a.csv", "keyFields": ["code"]})).await;
    let batch = writes(json!([
        {"id": 1, "code": "a", "note": "x\u{0}y"},
        {"id": 2, "code": "b", "note": "x".repeat(1024 * 1024)},
        {"id": 3, "note": "no code"},
        {"id": 4, "code": "d", "note": "\n".repeat(2000)},
        {"id": 5, "code": "e", "note": "good"},
    ]));
    let outcomes = destination.write(&batch).await.unwrap();
    let found: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            WriteOutcome::Failed(error) => {
                assert_eq!(error.kind, RecordErrorKind::Rejected);
                let error = &error.field_errors[0];
                (error.path.as_str(), error.rule.as_str())
            }
            WriteOutcome::Written { .. } => ("", "written"),
        })
        .collect();
    assert_eq!(
        found,
        [("/note", "nul"), ("", "maxLength"), ("/code", "required"), ("", "maxLines"), ("", "written")]
    );
    destination.finish().await.unwrap();
    assert_eq!(fs::read_to_string(root.path().join("a.csv")).unwrap(), "id,code,note\n5,e,good\n");
}

#[tokio::test]
async fn what_was_written_reads_back() {
    let root = tempdir().unwrap();
    let connector = connector();
    for path in ["a.csv", "a.jsonl"] {
        let mut destination = open_at(root.path(), json!({"path": path})).await;
        let records = json!([
            {"id": "1", "text": "a,\"b\"\r\nc"}, {"id": "2", "text": "\u{fc}"}, {"id": "3", "text": " \t"},
            {"id": "4", "text": "="}, {"id": "5", "text": null},
        ]);
        destination.write(&writes(records.clone())).await.unwrap();
        destination.finish().await.unwrap();
        let items: Vec<Item> = items_of(&connector, source(&root, json!({"path": path}))).await;
        assert_eq!(Value::Array(values(&items)), records, "{path}");
    }
}

#[tokio::test]
async fn the_watermark_is_none_in_full_mode() {
    let directory = directory("a.csv", "id\n1\n");
    let watermark: Option<Cursor> =
        read_all(&connector(), source(&directory, json!({"path": "a.csv"}))).await.unwrap().1;
    assert_eq!(watermark, None);
}

#[tokio::test]
async fn a_run_begins_before_the_watermark_at_a_value_or_reads_a_range() {
    let directory = directory("a.csv", "id,n\n1,30\n2,10\n3,\n4,20\n5,40\n6,n/a\n");
    let connector = connector();
    let mut open = source(&directory, json!({"path": "a.csv"}));
    open.page_records_max = 2;
    open.stream.mode = SyncMode::Incremental;
    open.stream.cursor_field = Some("n".to_owned());
    let taken = async |open: OpenSource| {
        let (items, watermark) = read_all(&connector, open).await.unwrap();
        let ids: Vec<Value> = records_of(&items).iter().map(|record| record["id"].clone()).collect();
        (ids, watermark)
    };
    open.since = Some(json!({"value": "45"}));
    open.overlap = Some(15);
    let expected = (["1", "3", "5", "6"].map(Value::from).to_vec(), open.since.clone());
    assert_eq!(
        taken(open.clone()).await,
        expected,
        "what can't be compared comes each time; nothing goes back"
    );
    testing::resumes_everywhere(&connector, open.clone()).await;
    open.since = Some(json!({"value": "n/a"}));
    assert_eq!(connector.open_source(open.clone()).await.err().unwrap().kind, SystemErrorKind::Misconfigured);

    (open.since, open.overlap) = (None, None);
    open.from = Some(json!(30));
    let expected = (["1", "3", "5", "6"].map(Value::from).to_vec(), Some(json!({"value": "40"})));
    assert_eq!(taken(open.clone()).await, expected);
    open.only = Some(CursorRange { from: json!("10"), until: Some(json!("30")) });
    assert_eq!(taken(open.clone()).await.0, ["2", "4"]);
    testing::resumes_everywhere(&connector, open).await;
}
