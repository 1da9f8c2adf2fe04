//! Writing: exact outcomes, rows that fail alone, tables that are made, keys, locks, and what is gone.

use serde_json::{Value, json};
use tempfile::tempdir;

use super::super::SqliteConnector;
use super::{connect, database, destination, scalar, source, writes};
use crate::testing::{actions, items_of, write_of};
use crate::{
    Action, FieldError, Gone, RecordErrorKind, RecordKey, Removal, SystemErrorKind, Write, WriteOutcome,
};

fn failures(outcomes: &[WriteOutcome]) -> Vec<Option<(&str, &str)>> {
    let failures = outcomes.iter().map(|outcome| match outcome {
        WriteOutcome::Written { .. } => None,
        WriteOutcome::Failed(error) => {
            assert_eq!(error.kind, RecordErrorKind::Rejected);
            Some((error.field_errors[0].path.as_str(), error.field_errors[0].rule.as_str()))
        }
    });
    failures.collect()
}

#[tokio::test]
async fn created_updated_and_unchanged_are_exact() {
    let directory = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, amount REAL, code TEXT, extra DEFAULT 'x');
         INSERT INTO t VALUES (1, 'a', 5, '7', 'kept'), (2, 'b', NULL, NULL, 'kept'), (3, 'c', 1, '1', 'kept');",
    )
    .await;
    let mut destination = destination(&directory, json!({"table": "T"})).await.unwrap();
    assert!(destination.detects_unchanged());
    let batch = writes(json!([
        {"id": 1, "name": "a", "amount": 5, "code": 7},
        {"id": "2", "name": "B", "amount": null, "code": null},
        {"Id": 3, "id": 3, "name": "c"},
        {"id": 4, "name": "d", "amount": 1.5, "code": {"nested": [true]}},
        {"id": 5, "name": true},
    ]));
    let outcomes = destination.write(&batch).await.unwrap();
    assert_eq!(failures(&outcomes), [None, None, Some(("/id", "unique")), None, None]);
    let written: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            WriteOutcome::Written { action, .. } => Some(*action),
            WriteOutcome::Failed(_) => None,
        })
        .collect();
    assert_eq!(written, [Action::Unchanged, Action::Updated, Action::Created, Action::Created]);
    let again: Vec<Write> = batch.iter().filter(|write| !write.record.contains_key("Id")).cloned().collect();
    assert_eq!(actions(&destination.write(&again).await.unwrap()), [Action::Unchanged; 4]);
    destination.finish().await.unwrap();
    assert_eq!(
        scalar(&directory, "SELECT group_concat(quote(id) || quote(name) || quote(amount) || quote(code) || extra, '|') FROM t")
            .await,
        "1'a'5.0'7'kept|2'B'NULLNULLkept|3'c'1.0'1'kept|4'd'1.5'{\"nested\":[true]}'x|5'1'NULLNULLx"
    );
}

#[tokio::test]
async fn a_bad_row_fails_alone() {
    let directory = database(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         INSERT INTO parent VALUES (1);
         CREATE TABLE t (id INTEGER PRIMARY KEY, email TEXT NOT NULL, vat TEXT UNIQUE,
             amount INTEGER CHECK (amount >= 0), parent INTEGER REFERENCES parent) STRICT;
         INSERT INTO t VALUES (100, 'there', 'DE1', 0, 1);",
    )
    .await;
    let mut destination = destination(&directory, json!({"table": "t"})).await.unwrap();
    let batch = writes(json!([
        {"id": 1, "email": "a"},
        {"id": 2, "email": null},
        {"id": 3},
        {"id": 4, "email": "d", "vat": "DE1"},
        {"id": 5, "email": "e", "amount": -1},
        {"id": 6, "email": "f", "amount": "many"},
        {"id": 7, "email": "g", "parent": 9},
        {"id": 8, "email": "h", "phone": "1"},
        {"id": 9, "email": "i", "amount": u64::MAX},
        {"id": 100, "amount": 5},
        {"id": 11, "email": "k", "parent": 1},
    ]));
    let outcomes = destination.write(&batch).await.unwrap();
    assert_eq!(
        failures(&outcomes),
        [
            None,
            Some(("/email", "not_null")),
            Some(("/email", "not_null")),
            Some(("/vat", "unique")),
            Some(("", "check")),
            Some(("/amount", "type")),
            Some(("", "foreign_key")),
            Some(("/phone", "unknown_column")),
            Some(("/amount", "maximum")),
            None,
            None,
        ]
    );
    let WriteOutcome::Failed(error) = &outcomes[7] else { unreachable!("it failed") };
    assert_eq!(
        error.field_errors,
        [FieldError {
            path: "/phone".to_owned(),
            rule: "unknown_column".to_owned(),
            message: "the destination has no such field".to_owned()
        }]
    );
    assert!(
        matches!(outcomes[9], WriteOutcome::Written { action: Action::Updated, .. }),
        "the row has an email"
    );
    assert_eq!(
        scalar(&directory, "SELECT group_concat(id || email || coalesce(amount, ''), ' ') FROM t").await,
        "1a 11k 100there5"
    );
}

#[tokio::test]
async fn a_rule_that_is_checked_at_the_commit_costs_one_record_too() {
    let directory = database(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE t (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);",
    )
    .await;
    let mut destination = destination(&directory, json!({"table": "t"})).await.unwrap();
    let batch = writes(json!([{"id": 1, "parent": null}, {"id": 2, "parent": 7}, {"id": 3, "parent": null}]));
    let outcomes = destination.write(&batch).await.unwrap();
    assert_eq!(failures(&outcomes), [None, Some(("", "foreign_key")), None]);
    assert_eq!(scalar(&directory, "SELECT group_concat(id) FROM t").await, "1,3");
}

#[tokio::test]
async fn a_table_is_made_and_extended() {
    let directory = tempdir().unwrap();
    let error = destination(&directory, json!({"table": "t"})).await.err().unwrap();
    assert_eq!(error.kind, SystemErrorKind::NotFound);
    assert!(!directory.path().join("shop.db").exists());
    let mut destination =
        destination(&directory, json!({"table": "odd \"name\"", "createTable": true})).await.unwrap();
    let batch = writes(json!([
        {"id": "a", "count": 1, "mixed": 1, "late": null, "nested": [1]},
        {"id": "b", "count": 2, "mixed": 1.5, "late": null, "nested": null},
    ]));
    assert_eq!(actions(&destination.write(&batch).await.unwrap()), [Action::Created; 2]);
    let more = writes(json!([{"id": "b", "late": 7, "new \"field\"": true}, {"id": "c", "count": "text"}]));
    assert_eq!(actions(&destination.write(&more).await.unwrap()), [Action::Updated, Action::Created]);
    let sql = "SELECT group_concat(name || ' ' || type || \"notnull\" || pk, '; ') FROM pragma_table_info('odd \"name\"')";
    assert_eq!(
        scalar(&directory, sql).await,
        "id TEXT11; count INTEGER00; mixed REAL00; late 00; nested TEXT00; new \"field\" INTEGER00"
    );
    let sql = "SELECT group_concat(quote(id) || quote(count) || quote(late) || quote(nested), '; ') FROM \"odd \"\"name\"\"\"";
    assert_eq!(scalar(&directory, sql).await, "'a'1NULL'[1]'; 'b'27NULL; 'c''text'NULLNULL");
}

#[tokio::test]
async fn a_key_needs_a_unique_index() {
    let directory = database(
        "CREATE TABLE t (id INTEGER, code TEXT, tenant TEXT, part TEXT, UNIQUE (tenant, code));
         CREATE UNIQUE INDEX some ON t (part) WHERE part <> '';",
    )
    .await;
    let error = destination(&directory, json!({"table": "t"})).await.err().unwrap();
    assert_eq!(error.kind, SystemErrorKind::Misconfigured);
    assert_eq!(
        error.hint.as_deref(),
        Some(
            "the table `t` has no unique index on `id`; without one a record can't replace the one before it"
        )
    );
    assert!(destination(&directory, json!({"table": "t", "keyFields": ["part"]})).await.is_err());
    let error = destination(&directory, json!({"table": "t", "keyFields": ["nope"]})).await.err().unwrap();
    assert_eq!(
        error.hint.as_deref(),
        Some("there is no column `nope`; the columns are `id`, `code`, `tenant`, `part`")
    );
    let mut destination =
        destination(&directory, json!({"table": "t", "keyFields": ["code", "tenant"]})).await.unwrap();
    let batch = writes(
        json!([{"id": 1, "code": "a", "tenant": "x"}, {"id": 2, "code": "a", "tenant": "y"}, {"id": 3, "code": "b"}]),
    );
    assert_eq!(
        failures(&destination.write(&batch).await.unwrap()),
        [None, None, Some(("/tenant", "required"))]
    );
}

#[tokio::test]
async fn two_records_that_became_one_key_are_written_in_their_order() {
    let directory = database("CREATE TABLE t (code TEXT PRIMARY KEY, v)").await;
    let mut destination =
        destination(&directory, json!({"table": "t", "keyFields": ["code"]})).await.unwrap();
    let mut batch = Vec::new();
    for (id, record) in [
        (1, json!({"code": "a", "v": 1})),
        (2, json!({"code": "b", "v": 2})),
        (3, json!({"code": "a", "v": 3})),
    ] {
        let mut write = write_of(json!({"id": id}), &["id"]);
        write.record = record.as_object().cloned().unwrap().into();
        batch.push(write);
    }
    let outcomes = destination.write(&batch).await.unwrap();
    assert_eq!(actions(&outcomes), [Action::Created, Action::Created, Action::Updated]);
    assert_eq!(scalar(&directory, "SELECT group_concat(code || v) FROM t").await, "a3,b2");
}

#[tokio::test]
async fn many_rows_pass_through_several_statements() {
    let directory = database("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)").await;
    let mut destination = destination(&directory, json!({"table": "t"})).await.unwrap();
    let records: Vec<Value> =
        (0..1_111).map(|id| json!({"id": id, "a": format!("n{id}"), "b": null})).collect();
    let batch = writes(Value::Array(records));
    assert_eq!(actions(&destination.write(&batch).await.unwrap()), [Action::Created; 1_111]);
    assert_eq!(actions(&destination.write(&batch).await.unwrap()), [Action::Unchanged; 1_111]);
    let items = items_of(&SqliteConnector::new(), source(&directory, json!({"table": "t"}))).await;
    assert_eq!(items.len(), 1_111);
}

#[tokio::test]
async fn a_locked_database_is_unavailable_for_now() {
    let directory = database("CREATE TABLE t (id INTEGER PRIMARY KEY)").await;
    let mut destination = destination(&directory, json!({"table": "t"})).await.unwrap();
    let mut other = connect(&directory).await;
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let batch = writes(json!([{"id": 1}]));
    let error = destination.write(&batch).await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Unavailable);
    assert!(error.kind.is_transient());
    assert_eq!(error.hint.as_deref(), Some("the database is locked by another program"));
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    assert_eq!(
        actions(&destination.write(&batch).await.unwrap()),
        [Action::Created],
        "the same destination goes on"
    );
}

#[tokio::test]
async fn what_is_gone_goes_whether_its_column_keeps_numbers_or_texts() {
    let directory = database(
        "CREATE TABLE t (id PRIMARY KEY, name TEXT, gone); INSERT INTO t (id, name) VALUES (5, 'a'), ('x', 'b'), (6.5, 'c'), (7, 'd');
         CREATE TABLE line (id REFERENCES t); INSERT INTO line VALUES (7)",
    )
    .await;
    let mut destination = destination(&directory, json!({"table": "t"})).await.unwrap();
    let gone = ["5", "x", "7", "8"]
        .map(|key| Gone { key: RecordKey::stored(key, 1).unwrap(), destination_key: None });
    let outcomes = destination.remove(&gone, &Removal::Delete).await.unwrap();
    let refused: Vec<bool> = outcomes.iter().map(Result::is_err).collect();
    assert_eq!(refused, [false, false, true, false], "{outcomes:?}");
    let message = &outcomes[2].as_ref().unwrap_err().field_errors[0].message;
    assert_eq!(message, "other records at the destination refer to it");
    let mark = Removal::Mark { field: "gone".to_owned(), at: "now".to_owned() };
    let gone =
        [Gone { key: RecordKey::stored("elsewhere", 1).unwrap(), destination_key: Some("6.5".to_owned()) }];
    assert!(destination.remove(&gone, &mark).await.unwrap()[0].is_ok());
    let rows = "SELECT group_concat(name || ' ' || ifnull(gone, '-')) FROM t";
    assert_eq!(scalar(&directory, rows).await, "c now,d -");
}

#[tokio::test]
async fn a_table_may_have_any_name() {
    for name in ["a", "b", "t", "i", "c0", "main", "order by"] {
        let directory = database("CREATE TABLE other (id)").await;
        let options = json!({"table": name, "createTable": true});
        for expected in [Action::Created, Action::Unchanged] {
            let mut destination = destination(&directory, options.clone()).await.unwrap();
            let batch = writes(json!([{"id": 1, "amount": "2"}]));
            let outcomes = destination.write(&batch).await.unwrap();
            assert_eq!(actions(&outcomes), [expected], "{name}");
        }
    }
}
