//! SQLite databases in a directory of a tenant.

use std::time::Duration;

use async_trait::async_trait;
use connector::{OpenDestination, OpenSource, SystemAccess};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};

use crate::adapter::{
    Adapter, Applies, End, Failing, Fault, Hanging, OncePolled, Open, access, open_destination, open_files,
    open_source,
};

pub struct Database {
    dir: tempfile::TempDir,
}

impl Database {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    async fn connect(&self) -> SqliteConnection {
        let options =
            SqliteConnectOptions::new().filename(self.dir.path().join("shop.db")).create_if_missing(true);
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    async fn execute(&self, sql: &str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

#[async_trait]
impl Adapter for Database {
    async fn access(&self) -> SystemAccess {
        self.execute("CREATE TABLE IF NOT EXISTS taken (id INTEGER PRIMARY KEY, name TEXT) STRICT").await;
        access(json!({"path": "shop.db"}), json!({}), self.dir.path())
    }

    async fn source(&self, count: usize) -> Applies<OpenSource> {
        self.execute(&format!(
            "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, name TEXT); DELETE FROM orders;
             WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})
             INSERT INTO orders SELECT n, 'order ' || n FROM n WHERE n <= {count}"
        ))
        .await;
        Ok(open_source(self.access().await, json!({"table": "orders"})))
    }

    async fn malformed_among(&self) -> Applies<(OpenSource, Vec<u64>)> {
        let open = self.source(3).await?;
        self.execute("UPDATE orders SET name = CAST(x'ff' AS TEXT) WHERE id = 2").await;
        Ok((open, vec![1, 3]))
    }

    async fn malformed(&self) -> Applies<OpenSource> {
        std::fs::write(self.dir.path().join("text.db"), "this is no database, however long it may be")
            .unwrap();
        let mut open = open_source(self.access().await, json!({"table": "orders"}));
        open.access.config = json!({"path": "text.db"});
        Ok(open)
    }

    async fn destination(&self) -> Applies<OpenDestination> {
        Ok(open_destination(self.access().await, json!({"table": "taken"})))
    }

    async fn stored(&self, _open: &OpenDestination) -> Applies<Vec<u64>> {
        let mut connection = self.connect().await;
        let ids: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM taken ORDER BY id").fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        Ok(ids.into_iter().map(|id| id.try_into().unwrap()).collect())
    }

    fn bad_record(&self) -> Applies<Value> {
        Ok(json!({"id": "not a number"}))
    }

    async fn failing(&self, fault: Fault, end: End) -> Applies<Failing> {
        match fault {
            Fault::Credentials => Err("files of the tenant's own directory need no credentials"),
            Fault::TooMany => Err("a file asks nobody to slow down"),
            Fault::Refused | Fault::Silent => Err("it uses no network"),
            Fault::Broken => {
                let open = match end {
                    End::Source => Open::Source(self.source(3).await?),
                    End::Destination => Open::Destination(self.destination().await?),
                };
                let mut other = self.connect().await;
                sqlx::raw_sql("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE mine (id)")
                    .execute(&mut other)
                    .await
                    .unwrap();
                Ok(Failing { open, guard: Some(Box::new(other)) })
            }
        }
    }

    fn retry_after(&self) -> Applies<Duration> {
        Err("a file asks nobody to slow down")
    }

    async fn hanging(&self, end: End) -> Applies<Hanging> {
        let open = match end {
            End::Source => Open::Source(self.source(23).await?),
            End::Destination => Open::Destination(self.destination().await?),
        };
        Ok(Hanging { open, hold: Box::new(OncePolled), hangs_while_opening: false })
    }

    async fn open_count(&self) -> Applies<usize> {
        Ok(open_files(self.dir.path()))
    }
}
