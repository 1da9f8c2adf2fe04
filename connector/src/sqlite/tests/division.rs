//! A table in parts: all of it once, and what is not divided.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::super::SqliteConnector;
use super::{connect, database, source, values};
use crate::testing::{self, items_of, read_all};
use crate::{Connector as _, OpenSource, SyncMode};

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
