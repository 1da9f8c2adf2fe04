//! Reading: JSON Lines, resuming, files that change, what is newer, and where files may be.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use tempfile::tempdir;

use super::{connector, directory, source, values};
use crate::testing::{self, items_of, malformed_of, open_destination, open_source, read_all, records_of};
use crate::{Connector as _, Cursor, CursorRange, OpenSource, SyncMode, SystemError, SystemErrorKind};

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
