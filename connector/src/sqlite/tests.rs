//! The `sqlite` connector against real databases.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};
use tempfile::{TempDir, tempdir};

use super::SqliteConnector;
use crate::testing::{
    self, actions, items_of, malformed_of, open_destination, open_source, read_all, records_of, write_of,
};
use crate::{
    Action, Connector, CursorRange, Destination, FieldError, Gone, Item, OpenSource, Place, RecordErrorKind,
    RecordKey, Removal, SyncMode, SystemError, SystemErrorKind, Write, WriteOutcome,
};

async fn connect(directory: &TempDir) -> SqliteConnection {
    let options =
        SqliteConnectOptions::new().filename(directory.path().join("shop.db")).create_if_missing(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}

async fn database(sql: &str) -> TempDir {
    let directory = tempdir().unwrap();
    let mut connection = connect(&directory).await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    directory
}

async fn scalar(directory: &TempDir, sql: &str) -> String {
    let mut connection = connect(directory).await;
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap()
}

fn source(directory: &TempDir, options: Value) -> OpenSource {
    let mut open = open_source(options, &["id"], 100);
    open.access.files_dir = directory.path().to_owned();
    open.access.config = json!({"path": "shop.db"});
    open
}

async fn destination(directory: &TempDir, options: Value) -> Result<Box<dyn Destination>, SystemError> {
    let mut open = open_destination(options, &["id"]);
    open.access.files_dir = directory.path().to_owned();
    open.access.config = json!({"path": "shop.db"});
    SqliteConnector::new().open_destination(open).await
}

fn writes(records: Value) -> Vec<Write> {
    let Value::Array(records) = records else { unreachable!("an array") };
    records.into_iter().map(|record| write_of(record, &["id"])).collect()
}

fn values(items: &[Item]) -> Vec<Value> {
    records_of(items).into_iter().map(Value::from).collect()
}

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
async fn every_storage_class_is_read() {
    let directory = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v);
         INSERT INTO t VALUES (1, 9223372036854775807), (2, 1.5), (3, 'text'), (4, x'0001ff'), (5, NULL),
             (6, 9e999), (7, CAST(x'ff' AS TEXT)), (8, '');",
    )
    .await;
    let items = items_of(&SqliteConnector::new(), source(&directory, json!({"table": "t"}))).await;
    assert_eq!(
        values(&items),
        [
            json!({"id": 1, "v": i64::MAX}),
            json!({"id": 2, "v": 1.5}),
            json!({"id": 3, "v": "text"}),
            json!({"id": 4, "v": "AAH/"}),
            json!({"id": 5, "v": null}),
            json!({"id": 6, "v": null}),
            json!({"id": 8, "v": ""}),
        ]
    );
    assert_eq!(malformed_of(&items), [("row 7", "the text in column `v` is not valid UTF-8")]);
}

/// Nulls, ties, numbers that are equal, letters that differ in case, broken text.
const AWKWARD: &str = "
    CREATE TABLE t (id, at, n INTEGER, name TEXT COLLATE NOCASE);
    INSERT INTO t VALUES (NULL, 1, 1, 'a'), (NULL, 1, 2, 'A'), (NULL, NULL, 3, 'b'), (1, 3, 4, 'B'),
        (1, 3, 5, 'b'), (1.0, 3, 6, 'c'), (2, NULL, 7, 'C'), ('x', 2, 8, 'c'), ('X', 2, 9, 'd'),
        (x'00', 2.5, 10, 'e'), (CAST(x'ff' AS TEXT), 2, 11, 'f'), (9e999, 5, 12, 'g'), (2, 'z', 13, 'h');
    CREATE TABLE w (name TEXT COLLATE NOCASE, part TEXT, at, PRIMARY KEY (name, part)) WITHOUT ROWID;
    INSERT INTO w VALUES ('a', '1', 1), ('B', '1', 1), ('b', '2', 2), ('c', '1', NULL);
    CREATE VIEW v AS SELECT * FROM t;";

#[tokio::test]
async fn reading_resumes_after_every_page_whatever_the_keys() {
    let directory = database(AWKWARD).await;
    let connector = SqliteConnector::new();
    for (options, keys, count) in [
        (json!({"table": "t"}), vec!["id"], 13),
        (json!({"table": "T"}), vec!["name"], 13),
        (json!({"table": "t"}), vec!["id", "name"], 13),
        (json!({"table": "v"}), vec!["id"], 13),
        (json!({"table": "w"}), vec!["name", "part"], 4),
        (json!({"table": "w"}), vec!["part"], 4),
        (json!({"query": "SELECT id, at, max(n) AS n FROM t GROUP BY id, at -- grouped"}), vec!["id"], 10),
        (json!({"query": "SELECT * FROM t;"}), vec!["id"], 13),
    ] {
        for size in [1, 2, 3, 5] {
            let mut open = source(&directory, options.clone());
            open.page_records_max = size;
            open.stream.key_fields = keys.iter().map(|&key| key.to_owned()).collect();
            assert_eq!(items_of(&connector, open.clone()).await.len(), count, "{options} {keys:?} {size}");
            testing::resumes_everywhere(&connector, open.clone()).await;
            open.stream.mode = SyncMode::Incremental;
            open.stream.cursor_field = Some("at".to_owned());
            assert_eq!(
                items_of(&connector, open.clone()).await.len(),
                count,
                "by at: {options} {keys:?} {size}"
            );
            testing::resumes_everywhere(&connector, open.clone()).await;
            open.since = Some(json!({"cursor": 2, "key": vec![json!("x"); keys.len()]}));
            testing::resumes_everywhere(&connector, open).await;
        }
    }
}

#[tokio::test]
async fn rows_that_go_or_come_between_pages_cost_no_other_row() {
    let directory = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3), (4), (5), (6);
         CREATE VIEW v AS SELECT id / 2 AS id, id AS n FROM t;",
    )
    .await;
    let mut open = source(&directory, json!({"table": "v"}));
    open.page_records_max = 3;
    let mut source = SqliteConnector::new().open_source(open).await.unwrap();
    let page = source.next_page().await.unwrap().unwrap();
    assert_eq!(values(&page.items).iter().map(|record| record["n"].clone()).collect::<Vec<_>>(), [1, 2, 3]);
    let mut writer = connect(&directory).await;
    sqlx::raw_sql("DELETE FROM t WHERE id IN (2, 3); INSERT INTO t VALUES (7)")
        .execute(&mut writer)
        .await
        .unwrap();
    let page = source.next_page().await.unwrap().unwrap();
    assert_eq!(values(&page.items).iter().map(|record| record["n"].clone()).collect::<Vec<_>>(), [4, 5, 6]);
    let page = source.next_page().await.unwrap().unwrap();
    assert_eq!(values(&page.items).iter().map(|record| record["n"].clone()).collect::<Vec<_>>(), [7]);
    assert!(source.next_page().await.unwrap().is_none());
}

#[tokio::test]
async fn incremental_goes_on_strictly_after_the_watermark() {
    let directory = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT);
         INSERT INTO t VALUES (1, '2026-01-02'), (2, '2026-01-01'), (3, '2026-01-02'), (4, NULL);",
    )
    .await;
    let connector = SqliteConnector::new();
    let mut open = source(&directory, json!({"table": "t"}));
    open.stream.mode = SyncMode::Incremental;
    open.stream.cursor_field = Some("at".to_owned());
    let (items, watermark) = read_all(&connector, open.clone()).await.unwrap();
    let ids =
        |items: &[Item]| records_of(items).iter().map(|record| record["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&items), [4, 2, 1, 3]);
    assert_eq!(watermark, Some(json!({"cursor": "2026-01-02", "key": [3]})));
    open.since = watermark.clone();
    let (items, again) = read_all(&connector, open.clone()).await.unwrap();
    assert_eq!(ids(&items), [4], "a row without cursor value comes each time");
    assert_eq!(again, watermark);
    let mut writer = connect(&directory).await;
    sqlx::raw_sql("INSERT INTO t VALUES (5, '2026-01-02'), (6, '2026-01-03'), (0, '2026-01-01')")
        .execute(&mut writer)
        .await
        .unwrap();
    let (items, watermark) = read_all(&connector, open).await.unwrap();
    assert_eq!(ids(&items), [4, 5, 6]);
    assert_eq!(watermark, Some(json!({"cursor": "2026-01-03", "key": [6]})));
}

#[tokio::test]
async fn what_cannot_be_read_is_explained() {
    let directory =
        database("CREATE TABLE orders (id INTEGER PRIMARY KEY, email TEXT); CREATE VIEW v AS SELECT 1;")
            .await;
    let connector = SqliteConnector::new();
    let cases = [
        (
            json!({"table": "order"}),
            SystemErrorKind::NotFound,
            "there is no table `order`; the database has `orders`, `v`",
        ),
        (
            json!({"table": "v"}),
            SystemErrorKind::Misconfigured,
            "there is no column `id`; the columns are `1`",
        ),
        (
            json!({"query": "SELECT x FROM orders"}),
            SystemErrorKind::Misconfigured,
            "the database has no column `x`",
        ),
        (
            json!({"query": "SELECT id FROM nowhere"}),
            SystemErrorKind::Misconfigured,
            "the database has no table `nowhere`",
        ),
        (
            json!({"query": "DELETE FROM orders"}),
            SystemErrorKind::Misconfigured,
            "the query must be a SELECT",
        ),
        (
            json!({"query": "SELECT 1 AS id) ; VACUUM INTO 'copy.db' --"}),
            SystemErrorKind::Misconfigured,
            "the query closes a parenthesis that it does not open",
        ),
        (json!({}), SystemErrorKind::Misconfigured, "one of `table`, `query` is needed"),
    ];
    for (options, kind, hint) in cases {
        let error = read_all(&connector, source(&directory, options)).await.unwrap_err();
        assert_eq!((error.kind, error.hint.as_deref()), (kind, Some(hint)));
    }
    let mut open = source(&directory, json!({"table": "orders"}));
    open.access.config = json!({"path": "none.db"});
    assert_eq!(connector.test(&open.access).await.unwrap_err().kind, SystemErrorKind::NotFound);
    assert!(!directory.path().join("none.db").exists());
    open.access.config = json!({"path": "../shop.db"});
    assert_eq!(connector.test(&open.access).await.unwrap_err().kind, SystemErrorKind::Forbidden);
    fs::write(directory.path().join("none.db"), "id,name\n1,a\n".repeat(100)).unwrap();
    open.access.config = json!({"path": "none.db"});
    let error = connector.test(&open.access).await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Malformed);
    assert_eq!(error.hint.as_deref(), Some("the file is not a SQLite database"));
    open.access.config = json!({"path": "shop.db"});
    assert_eq!(connector.test(&open.access).await.unwrap(), "A SQLite database with 2 tables and views.");
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
async fn a_run_begins_before_the_watermark_at_a_value_or_reads_a_range() {
    let directory = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT, n REAL);
         INSERT INTO t VALUES (1, '2026-01-01 10:00:00', 1.5), (2, '2026-01-01 11:00:00', 2),
         (3, '2026-01-01 12:00:00', 3.5), (4, NULL, NULL), (5, '2026-01-01 12:00:00', 4);",
    )
    .await;
    let connector = SqliteConnector::new();
    let mut open = source(&directory, json!({"table": "t"}));
    open.page_records_max = 1;
    open.stream.mode = SyncMode::Incremental;
    open.stream.cursor_field = Some("at".to_owned());
    let taken = async |open: &OpenSource| {
        let (items, watermark) = read_all(&connector, open.clone()).await.unwrap();
        let ids: Vec<Value> = records_of(&items).iter().map(|record| record["id"].clone()).collect();
        (ids, watermark)
    };
    open.since = Some(json!({"cursor": "2026-01-01 12:00:00", "key": [9]}));
    open.overlap = Some(3_600);
    let expected = ([4, 2, 3, 5].map(Value::from).to_vec(), open.since.clone());
    assert_eq!(taken(&open).await, expected, "the row of the watermark is gone, and it does not go back");
    testing::resumes_everywhere(&connector, open.clone()).await;
    open.since = Some(json!({"cursor": "2026-01-01 12:00:00", "key": [3]}));
    let newest = Some(json!({"cursor": "2026-01-01 12:00:00", "key": [5]}));
    assert_eq!(taken(&open).await, ([4, 2, 3, 5].map(Value::from).to_vec(), newest.clone()));

    (open.since, open.overlap) = (None, None);
    open.from = Some(json!("2026-01-01 11:30:00"));
    assert_eq!(taken(&open).await, ([4, 3, 5].map(Value::from).to_vec(), newest));
    open.only = Some(CursorRange { from: json!("2026-01-01"), until: Some(json!("2026-01-01 12:00:00")) });
    assert_eq!(taken(&open).await.0, [1, 2].map(Value::from));
    testing::resumes_everywhere(&connector, open.clone()).await;

    open.stream.cursor_field = Some("n".to_owned());
    open.only = Some(CursorRange { from: json!("2"), until: Some(json!(4)) });
    assert_eq!(taken(&open).await.0, [2, 3].map(Value::from));
    open.only = None;
    open.from = None;
    open.since = taken(&open).await.1;
    assert_eq!(connector.cursor_value(open.since.as_ref().unwrap()), Some(json!(4.0)));
    open.overlap = Some(2);
    assert_eq!(taken(&open).await.0, [4, 2, 3, 5].map(Value::from));
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

#[tokio::test]
async fn the_parts_of_a_table_are_all_of_it_once_and_each_resumes_everywhere() {
    let directory = database(
        "CREATE TABLE t (id INT UNIQUE, at INT, v TEXT);
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 700)
         INSERT INTO t SELECT n * 7 - 900, n % 50, 'v' || n FROM n;
         INSERT INTO t VALUES (NULL, 1, 'none'), (NULL, NULL, 'none of both');",
    )
    .await;
    let connector = SqliteConnector::new();
    let mut open = source(&directory, json!({"table": "t", "slices": 4}));
    for mode in [SyncMode::Full, SyncMode::Incremental] {
        open.stream.mode = mode;
        open.stream.cursor_field = Some("at".to_owned());
        let division = connector.divide(&open).await.unwrap().expect("it is asked for");
        assert_eq!(division.parts.len(), 4);
        let newest = division.watermark.as_ref().and_then(|watermark| connector.cursor_value(watermark));
        assert_eq!(newest, (mode == SyncMode::Incremental).then(|| json!(49)));
        // What comes later belongs to one of them too.
        let mut connection = connect(&directory).await;
        for id in ["-99999", "99999", "NULL", "'text'"] {
            let sql = format!("INSERT INTO t VALUES ({id}, 3, 'late') ON CONFLICT DO NOTHING");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        }
        let mut seen = Vec::new();
        for part in division.parts {
            let of_part = OpenSource { part: Some(part), ..open.clone() };
            testing::resumes_everywhere(&connector, of_part.clone()).await;
            let (items, watermark) = read_all(&connector, of_part).await.unwrap();
            assert_eq!(watermark, None);
            assert!(items.len() > 100, "{}", items.len());
            seen.extend(values(&items).iter().map(Value::to_string));
        }
        let whole = OpenSource { stream: open.stream.clone(), ..open.clone() };
        let mut all: Vec<String> =
            values(&items_of(&connector, whole).await).iter().map(Value::to_string).collect();
        all.sort();
        seen.sort();
        assert_eq!(seen, all);
        // The next run begins with what has the newest value.
        if mode == SyncMode::Incremental {
            let next = OpenSource { since: division.watermark, ..open.clone() };
            let newer = values(&items_of(&connector, next).await);
            assert!(newer.iter().all(|row| row["at"].is_null() || row["at"] == 49), "{newer:?}");
            assert!(newer.iter().any(|row| row["at"] == 49), "{newer:?}");
        }
        sqlx::raw_sql("DELETE FROM t WHERE v = 'late'").execute(&mut connection).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_small_or_has_other_keys_is_not_divided() {
    let directory = database(
        "CREATE TABLE small (id INTEGER PRIMARY KEY); INSERT INTO small VALUES (1), (2), (900000);
         CREATE TABLE texts (id TEXT PRIMARY KEY); INSERT INTO texts VALUES ('1'), ('2');
         CREATE TABLE plain (id INTEGER); INSERT INTO plain VALUES (1), (2);
         CREATE TABLE empty (id INTEGER PRIMARY KEY);
         CREATE VIEW seen AS SELECT id FROM small;",
    )
    .await;
    let connector = SqliteConnector::new();
    let divide = async |options: Value| connector.divide(&source(&directory, options)).await.unwrap();
    for table in ["texts", "plain", "empty", "seen", "missing"] {
        assert_eq!(divide(json!({"table": table, "slices": 2})).await, None, "{table}");
    }
    assert_eq!(divide(json!({"table": "small", "slices": 1})).await, None);
    assert_eq!(divide(json!({"query": "SELECT id FROM small", "slices": 2})).await, None);
    // By its numbers it might have so many rows.
    assert_eq!(divide(json!({"table": "small"})).await, None);
    let fill = "CREATE TABLE large (id INTEGER PRIMARY KEY); WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL \
        SELECT n + 1 FROM n WHERE n < 200000) INSERT INTO large SELECT n * 3 FROM n";
    sqlx::raw_sql(fill).execute(&mut connect(&directory).await).await.unwrap();
    assert!(divide(json!({"table": "large"})).await.is_some_and(|division| division.parts.len() > 1));
}

#[tokio::test]
async fn values_are_looked_up_by_the_affinity_of_other_tables_and_records_by_their_key() {
    let directory = database(
        "CREATE TABLE t (id PRIMARY KEY); INSERT INTO t VALUES (1), ('2'), ('x'); \
         CREATE TABLE c (id INTEGER PRIMARY KEY, code TEXT, free); \
         INSERT INTO c VALUES (1, 'de', 5), (2, 'at', '5'), (3, 'at', NULL); CREATE VIEW codes AS SELECT code FROM c",
    )
    .await;
    let mut destination = destination(&directory, json!({"table": "t"})).await.unwrap();
    let place = |table: &str, columns: &[&str]| Place {
        table: table.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
    };
    for (place, values, expected) in [
        (
            place("C", &["id"]),
            vec![json!(1), json!("2"), json!("x"), json!(u64::MAX), json!(9), json!(1)],
            vec![true, true, false, false, false, true],
        ),
        (place("codes", &["code"]), vec![json!("at"), json!("AT")], vec![true, false]),
        // A column without a type keeps both apart.
        (place("c", &["free"]), vec![json!(5), json!("5"), json!(6)], vec![true, true, false]),
    ] {
        let values: Vec<Vec<Value>> = values.into_iter().map(|value| vec![value]).collect();
        assert_eq!(destination.find(&place, &values).await.unwrap(), expected, "{place:?}");
    }
    let many: Vec<Vec<Value>> = (0..1_200).map(|id| vec![json!(id), json!("at")]).collect();
    let found = destination.find(&place("c", &["id", "code"]), &many).await.unwrap();
    let there: Vec<usize> = (0..1_200).filter(|at| found[*at]).collect();
    assert_eq!(there, [2, 3]);

    let gone = |id: &str| Gone { key: RecordKey::stored(id, 1).unwrap(), destination_key: None };
    let renamed = Gone { destination_key: Some("x".to_owned()), ..gone("a") };
    let held = destination.holds(&[gone("1"), gone("2"), gone("3"), renamed]).await.unwrap();
    assert_eq!(
        held,
        Some(vec![true, true, false, true]),
        "of a single key it is not known whether it was a number"
    );
    assert_eq!(destination.row_count().await.unwrap(), Some(3));
    let error = destination.find(&place("none", &["id"]), &[]).await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::NotFound);
    let error = destination.find(&place("c", &["none"]), &[]).await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Misconfigured);
}
