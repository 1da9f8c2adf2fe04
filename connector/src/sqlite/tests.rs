//! The `sqlite` connector against real databases.
#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};
use tempfile::{TempDir, tempdir};

mod division;
mod lookup;
mod reading;
mod writing;

use super::SqliteConnector;
use crate::testing::{open_destination, open_source, records_of, write_of};
use crate::{Connector as _, Destination, Item, OpenSource, SystemError, Write};

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

#[test]
fn the_database_and_what_is_beside_it_are_its_own() {
    let own = SqliteConnector::new().own_files().unwrap();
    let expected = ["db/shop.db", "db/shop.db-journal", "db/shop.db-wal", "db/shop.db-shm"];
    assert_eq!(own(&json!({"path": "./db//shop.db"})), expected);
    assert!(own(&json!({"path": "../shop.db"})).is_empty());
}

fn writes(records: Value) -> Vec<Write> {
    let Value::Array(records) = records else { unreachable!("an array") };
    records.into_iter().map(|record| write_of(record, &["id"])).collect()
}

fn values(items: &[Item]) -> Vec<Value> {
    records_of(items).into_iter().map(Value::from).collect()
}
