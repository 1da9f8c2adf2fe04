//! Writing: upserts by key, types that are kept, and what a file cannot hold, or must not lose.

use std::fs;

use serde_json::{Value, json};
use tempfile::tempdir;

use super::{connector, destination, directory, hidden, open_at, source, values, writes};
use crate::testing::{actions, items_of};
use crate::{Action, Connector as _, Item, RecordErrorKind, SystemErrorKind, WriteOutcome};

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
