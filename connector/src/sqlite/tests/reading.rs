//! Reading: every value, resuming whatever the keys, what is newer, and what is said when it can't be.

use std::fs;

use serde_json::{Value, json};

use super::super::SqliteConnector;
use super::{connect, database, source, values};
use crate::testing::{self, items_of, malformed_of, read_all, records_of};
use crate::{Connector as _, CursorRange, Item, OpenSource, SyncMode, SystemErrorKind};

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
