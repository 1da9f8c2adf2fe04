//! A database of a MariaDB or MySQL server that the tests start.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use connector::{OpenDestination, OpenSource, SystemAccess};
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, MySqlConnection};
use uuid::Uuid;

use crate::adapter::{
    Adapter, Applies, End, Failing, Fault, Hanging, Hold, Open, access, closed_port, open_destination,
    open_source, useless_port,
};
use crate::mysql_server::{PASSWORD, Server, USER};
use crate::recording::SECRET;

/// How long a session may take to wait for a lock.
const STUCK_LIMIT: Duration = Duration::from_secs(20);

pub struct Database {
    server: Arc<Server>,
    /// Of the database, and of the user that the connector signs in as; 32 characters at most.
    name: String,
}

impl Database {
    pub fn new() -> Self {
        let number = Uuid::now_v7().simple().to_string();
        Self { server: Server::shared(), name: format!("c_{}", &number[8..]) }
    }

    async fn connect(&self) -> MySqlConnection {
        MySqlConnectOptions::new()
            .host("127.0.0.1")
            .port(self.server.port)
            .username(USER)
            .password(PASSWORD)
            .ssl_mode(MySqlSslMode::Disabled)
            // It makes users, whose passwords are in no log then.
            .disable_statement_logging()
            .connect()
            .await
            .unwrap()
    }

    async fn execute(&self, sql: &str) {
        let sql = format!("USE {}; {sql}", self.name);
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.connect().await).await.unwrap();
    }

    /// Makes users, database and tables once.
    async fn prepare(&self) {
        let name = &self.name;
        let user = |suffix: &str, limit: &str| {
            format!(
                "CREATE USER IF NOT EXISTS {name}{suffix}@'127.0.0.1' IDENTIFIED BY '{SECRET}' {limit}; \
                 GRANT ALL ON {name}.* TO {name}{suffix}@'127.0.0.1';"
            )
        };
        let sql = format!(
            "CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4; {} {} USE {name}; \
             CREATE TABLE IF NOT EXISTS orders (id INT PRIMARY KEY, name VARCHAR(50), day DATE); \
             CREATE TABLE IF NOT EXISTS taken (id INT PRIMARY KEY, name VARCHAR(50))",
            user("", ""),
            user("_few", "WITH MAX_QUERIES_PER_HOUR 1"),
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.connect().await).await.unwrap();
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
        let config = json!({
            "host": "127.0.0.1", "port": self.server.port, "database": self.name,
            "sslMode": "verify-ca", "sslRootCert": self.server.ca,
        });
        access(config, json!({"user": self.name, "password": SECRET}), std::path::Path::new("/nonexistent"))
    }

    async fn source(&self, count: usize) -> Applies<OpenSource> {
        let access = self.access().await;
        let rows: Vec<String> = (1..=count).map(|id| format!("({id}, 'order {id}', NULL)")).collect();
        self.execute("DELETE FROM orders").await;
        if count > 0 {
            self.execute(&format!("INSERT INTO orders VALUES {}", rows.join(", "))).await;
        }
        Ok(open_source(access, json!({"table": "orders"})))
    }

    async fn malformed_among(&self) -> Applies<(OpenSource, Vec<u64>)> {
        let open = self.source(3).await?;
        self.execute("SET sql_mode = ''; UPDATE orders SET day = '0000-00-00' WHERE id = 2").await;
        Ok((open, vec![1, 3]))
    }

    async fn malformed(&self) -> Applies<OpenSource> {
        let query = "SELECT (SELECT 1 UNION SELECT 2) AS id";
        Ok(open_source(self.access().await, json!({"query": query})))
    }

    async fn destination(&self) -> Applies<OpenDestination> {
        Ok(open_destination(self.access().await, json!({"table": "taken"})))
    }

    async fn stored(&self, _open: &OpenDestination) -> Applies<Vec<u64>> {
        let sql = format!("SELECT id FROM {}.taken ORDER BY id", self.name);
        let ids: Vec<i32> =
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut self.connect().await).await.unwrap();
        Ok(ids.into_iter().map(|id| id.try_into().unwrap()).collect())
    }

    fn bad_record(&self) -> Applies<Value> {
        Ok(json!({"id": "not a number"}))
    }

    async fn failing(&self, fault: Fault, end: End) -> Applies<Failing> {
        let mut access = self.access().await;
        match fault {
            Fault::Credentials => {
                let credentials = json!({"user": self.name, "password": format!("{SECRET} wrong")});
                access.credentials = credentials.to_string().into();
            }
            Fault::TooMany => {
                let credentials = json!({"user": format!("{}_few", self.name), "password": SECRET});
                access.credentials = credentials.to_string().into();
            }
            Fault::Broken => access.config["port"] = json!(useless_port(false).await),
            Fault::Refused => access.config["port"] = json!(closed_port()),
            Fault::Silent => access.config["port"] = json!(useless_port(true).await),
        }
        Ok(Failing::of(self.open(end, access)))
    }

    fn retry_after(&self) -> Applies<Duration> {
        Err("the server says which limit was reached, and not for how long")
    }

    async fn hanging(&self, end: End) -> Applies<Hanging> {
        let open = match end {
            End::Source => Open::Source(self.source(23).await?),
            End::Destination => Open::Destination(self.destination().await?),
        };
        let table = format!("{}.{}", self.name, if end == End::Source { "orders" } else { "taken" });
        let (session, watcher) = (self.connect().await, self.connect().await);
        let hold = Box::new(Lock { session, watcher, table, user: self.name.clone() });
        Ok(Hanging { open, hold, hangs_while_opening: false })
    }

    async fn open_count(&self) -> Applies<usize> {
        let sql = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = ?";
        let count: i64 =
            sqlx::query_scalar(sql).bind(&self.name).fetch_one(&mut self.connect().await).await.unwrap();
        Ok(count.try_into().unwrap())
    }
}

/// A lock on the table that the connector needs.
struct Lock {
    session: MySqlConnection,
    watcher: MySqlConnection,
    table: String,
    user: String,
}

#[async_trait]
impl Hold for Lock {
    async fn engage(&mut self) {
        let sql = format!("LOCK TABLES {} WRITE", self.table);
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.session).await.unwrap();
    }

    async fn stuck(&mut self) {
        let start = Instant::now();
        let sql = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = ? AND STATE LIKE 'Waiting for%lock%'";
        loop {
            let waiting: i64 =
                sqlx::query_scalar(sql).bind(&self.user).fetch_one(&mut self.watcher).await.unwrap();
            if waiting > 0 {
                return;
            }
            assert!(start.elapsed() < STUCK_LIMIT, "nobody waits for the lock");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn release(&mut self) {
        sqlx::raw_sql("UNLOCK TABLES").execute(&mut self.session).await.unwrap();
    }
}
