//! The connection to PostgreSQL or SQLite. Private to this crate: rows are reached through a
//! [`Scope`](crate::Scope) only.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, DatabaseBackend, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use crate::error::{Doing, Error, Result};

/// Connections of a PostgreSQL pool, and readers of a SQLite database.
const CONNECTIONS_MAX: u32 = 20;
/// How long a call waits for a free connection before it fails.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long SQLite waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Readers and a writer. On PostgreSQL both are one pool; SQLite has one writer at a time anyhow, and
/// one connection for it makes writers wait in turn and not fail.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    read: DatabaseConnection,
    write: DatabaseConnection,
}

impl Database {
    /// Connects by URL: `postgres://…`, or `sqlite://path?mode=rwc`.
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        if url.starts_with("sqlite:") {
            let write = connect(url, 1).await?;
            let read = connect(url, CONNECTIONS_MAX).await?;
            Ok(Self { read, write })
        } else {
            let pool = connect(url, CONNECTIONS_MAX).await?;
            Ok(Self { read: pool.clone(), write: pool })
        }
    }

    /// For reading outside a transaction.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.read
    }

    /// For single statements that write, and for what must see the last write on SQLite.
    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.write
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction> {
        // SQLite: a transaction that reads first and writes later would fail where another process wrote in between.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.write.begin_with_options(options).await.doing("beginning a transaction")
    }

    /// Which database it is.
    pub(crate) fn backend(&self) -> DatabaseBackend {
        self.write.get_database_backend()
    }

    /// Closes every connection, so that SQLite folds its log into the file.
    pub(crate) async fn close(&self) -> Result<()> {
        self.read.close_by_ref().await.doing("closing the database")?;
        self.write.close_by_ref().await.doing("closing the database")
    }
}

async fn connect(url: &str, connections_max: u32) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire_if_idle_for(Duration::from_secs(5))
        .sqlx_logging(false);
    options.map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
            // With WAL a crash of the process loses nothing, a loss of power at most the last commits;
            // answered means durable, so every commit is synced.
            .synchronous(sqlx::sqlite::SqliteSynchronous::Full)
    });
    options.map_sqlx_postgres_opts(|postgres| postgres.application_name("trestle"));
    sea_orm::Database::connect(options)
        .await
        .map_err(|source| Error::internal("connecting to the database", source))
}
