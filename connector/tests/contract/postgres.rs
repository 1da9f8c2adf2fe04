//! A database of a PostgreSQL server that the tests start.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use connector::{OpenDestination, OpenSource, SystemAccess};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};
use uuid::Uuid;

use crate::adapter::{
    Adapter, Applies, End, Failing, Fault, Hanging, Hold, Open, access, closed_port, open_destination,
    open_source, useless_port,
};
use crate::postgres_server::{PASSWORD, Server};
use crate::recording::SECRET;

/// How long a session may take to wait for a lock.
const STUCK_LIMIT: Duration = Duration::from_secs(20);

pub struct Database {
    server: Arc<Server>,
    /// Of the database, and of the user that the connector signs in as.
    name: String,
}

impl Database {
    pub fn new() -> Self {
        Self { server: Server::shared(), name: format!("contract_{}", Uuid::now_v7().simple()) }
    }

    async fn connect(&self, database: &str) -> PgConnection {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.server.port)
            .username("postgres")
            .password(PASSWORD)
            .database(database)
            // It makes users, whose passwords are in no log then.
            .disable_statement_logging()
            .connect()
            .await
            .unwrap()
    }

    async fn execute(&self, sql: &str) {
        let mut connection = self.connect(&self.name).await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    }

    /// Makes user, database and tables once.
    async fn prepare(&self) {
        let mut admin = self.connect("postgres").await;
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
            .bind(&self.name)
            .fetch_one(&mut admin)
            .await
            .unwrap();
        if exists {
            return;
        }
        let name = &self.name;
        for sql in [
            format!("CREATE ROLE {name} LOGIN PASSWORD '{SECRET}'"),
            format!("CREATE ROLE {name}_full LOGIN PASSWORD '{SECRET}' CONNECTION LIMIT 0"),
            format!("CREATE DATABASE {name} OWNER {name}"),
        ] {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
        }
        self.execute(&format!(
            "SET ROLE {name}; CREATE TABLE orders (id int PRIMARY KEY, name text, doc json); \
             CREATE TABLE taken (id int PRIMARY KEY, name text)"
        ))
        .await;
    }

    fn open(&self, end: End, access: SystemAccess) -> Open {
        match end {
            End::Source => Open::Source(open_source(access, json!({"table": "orders"}))),
            End::Destination => Open::Destination(open_destination(access, json!({"table": "taken"}))),
        }
    }
}

#[async_trait]
impl Adapter for Database {
    async fn access(&self) -> SystemAccess {
        self.prepare().await;
        let config = json!({"host": "127.0.0.1", "port": self.server.port, "database": self.name});
        access(config, json!({"user": self.name, "password": SECRET}), std::path::Path::new("/nonexistent"))
    }

    async fn source(&self, count: usize) -> Applies<OpenSource> {
        let access = self.access().await;
        self.execute(&format!(
            "DELETE FROM orders; INSERT INTO orders SELECT n, 'order ' || n FROM generate_series(1, {count}) AS n"
        ))
        .await;
        Ok(open_source(access, json!({"table": "orders"})))
    }

    async fn malformed_among(&self) -> Applies<(OpenSource, Vec<u64>)> {
        let open = self.source(3).await?;
        self.execute("UPDATE orders SET doc = '{\"n\": 123456789012345678901234567890}' WHERE id = 2").await;
        Ok((open, vec![1, 3]))
    }

    async fn malformed(&self) -> Applies<OpenSource> {
        Ok(open_source(
            self.access().await,
            json!({"query": "SELECT 1 / (id - 1) AS id FROM generate_series(1, 1) AS id"}),
        ))
    }

    async fn destination(&self) -> Applies<OpenDestination> {
        Ok(open_destination(self.access().await, json!({"table": "taken"})))
    }

    async fn stored(&self, _open: &OpenDestination) -> Applies<Vec<u64>> {
        let mut connection = self.connect(&self.name).await;
        let ids: Vec<i32> =
            sqlx::query_scalar("SELECT id FROM taken ORDER BY id").fetch_all(&mut connection).await.unwrap();
        Ok(ids.into_iter().map(|id| id.try_into().unwrap()).collect())
    }

    fn bad_record(&self) -> Applies<Value> {
        Ok(json!({"id": "not a number"}))
    }

    async fn failing(&self, fault: Fault, end: End) -> Applies<Failing> {
        let mut access = self.access().await;
        match fault {
            Fault::TooMany => return Err("the protocol has no way to ask for patience"),
            Fault::Credentials => {
                let credentials = json!({"user": self.name, "password": format!("{SECRET} wrong")});
                access.credentials = credentials.to_string().into();
            }
            Fault::Broken => {
                let credentials = json!({"user": format!("{}_full", self.name), "password": SECRET});
                access.credentials = credentials.to_string().into();
            }
            Fault::Refused => access.config["port"] = json!(closed_port()),
            Fault::Silent => access.config["port"] = json!(useless_port(true).await),
        }
        Ok(Failing::of(self.open(end, access)))
    }

    fn retry_after(&self) -> Applies<Duration> {
        Err("the protocol has no way to ask for patience")
    }

    async fn hanging(&self, end: End) -> Applies<Hanging> {
        let open = match end {
            End::Source => Open::Source(self.source(23).await?),
            End::Destination => Open::Destination(self.destination().await?),
        };
        let session = self.connect(&self.name).await;
        let table = if end == End::Source { "orders" } else { "taken" };
        let hold = Box::new(Lock { session, table, user: self.name.clone() });
        Ok(Hanging { open, hold, hangs_while_opening: end == End::Source })
    }

    async fn open_count(&self) -> Applies<usize> {
        let mut connection = self.connect("postgres").await;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE usename = $1")
            .bind(&self.name)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        Ok(count.try_into().unwrap())
    }
}

/// A lock on the table that the connector needs.
struct Lock {
    session: PgConnection,
    table: &'static str,
    user: String,
}

#[async_trait]
impl Hold for Lock {
    async fn engage(&mut self) {
        let sql = format!("BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", self.table);
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.session).await.unwrap();
    }

    async fn stuck(&mut self) {
        let start = Instant::now();
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND wait_event_type = 'Lock'";
        loop {
            let waiting: i64 =
                sqlx::query_scalar(sql).bind(&self.user).fetch_one(&mut self.session).await.unwrap();
            if waiting > 0 {
                return;
            }
            assert!(start.elapsed() < STUCK_LIMIT, "nobody waits for the lock");
            // What is seen within a transaction does not change.
            sqlx::raw_sql("SELECT pg_stat_clear_snapshot()").execute(&mut self.session).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn release(&mut self) {
        sqlx::raw_sql("ROLLBACK").execute(&mut self.session).await.unwrap();
    }
}
