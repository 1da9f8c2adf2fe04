//! Partitions of PostgreSQL's tables, made ahead and dropped. That is done as who signs in, who owns the tables, over
//! connections that are open for as long as it takes: the program's own may neither, and need not be able to.
//!
//! What a partition is stands in `migration::partition`. On SQLite tables are whole, and there is nothing to do.

use chrono::{DateTime, Utc};
use migration::partition::{self, Contents, Drops, PartitionedTable};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr, Statement,
    TransactionTrait,
};

use super::{Database, LOGIN_CONNECTIONS_MAX, Role, SCHEMA_LOCK, postgres};
use crate::clock;
use crate::error::{Doing, Error, Result};

/// What is being done, in errors.
const MAKING: &str = "making partitions for the months to come";

impl Database {
    /// Makes the partitions of this month and the next ones that are missing. Does nothing while another process is at it.
    pub(crate) async fn make_partitions(&self) -> Result<()> {
        let Some(url) = &self.login_url else { return Ok(()) };
        // Seldom is one missing, and the program can see it.
        if are_made(self.across_tenants().reader()).await.doing(MAKING)? {
            return Ok(());
        }
        let Some(owner) = Owner::sign_in(url, MAKING).await? else { return Ok(()) };
        make(&owner.login).await.doing(MAKING)?;
        owner.sign_out().await
    }

    /// Drops the partitions of a table all of whose rows were made before `before`, by their ids, whosever they are, with those
    /// rows or when there are none; answers with their names, the oldest first. Later is no other time than now.
    ///
    /// One that others read or write is left for the next call, as is everything while another process changes partitions. So
    /// what must be gone is deleted by its rows, too. Rows that refer to others go with it; nothing may refer to them.
    pub(crate) async fn drop_expired(
        &self,
        table: PartitionedTable,
        before: DateTime<Utc>,
        contents: Contents,
    ) -> Result<Vec<String>> {
        let Some(url) = &self.login_url else { return Ok(Vec::new()) };
        let doing = "dropping old partitions";
        let before = before.min(clock::common_time());
        let partitions = partition::list(self.across_tenants().reader(), table).await.doing(doing)?;
        if partition::expired(partitions, table, before).is_empty() {
            return Ok(Vec::new());
        }
        let Some(owner) = Owner::sign_in(url, doing).await? else { return Ok(Vec::new()) };
        let Drops { dropped, in_use } =
            partition::drop_expired(&owner.login, table, before, contents).await.doing(doing)?;
        owner.sign_out().await?;
        for partition in &dropped {
            tracing::info!(
                partition = partition.name,
                bytes = partition.bytes,
                "an old partition was dropped"
            );
        }
        if let Some(partition) = in_use {
            tracing::info!(partition, "an old partition is in use; it is dropped another time");
        }
        Ok(dropped.into_iter().map(|partition| partition.name).collect())
    }

    /// Until when there are partitions for what is written; `None` on SQLite.
    pub(crate) async fn partitioned_until(&self) -> Result<Option<DateTime<Utc>>> {
        match &self.login_url {
            Some(_postgres) => covered_until(self.across_tenants().reader()).await.map(Some),
            None => Ok(None),
        }
    }
}

/// The same at a start, after migrating and behind the lock of the schema. When nothing could be written at all it fails;
/// while there are partitions it goes on, and the sweeper tries again.
pub(super) async fn make_at_start(login: &DatabaseConnection) -> Result<()> {
    let Err(error) = make(login).await.doing(MAKING) else { return Ok(()) };
    if covered_until(login).await? <= clock::common_time() {
        return Err(error);
    }
    tracing::error!(
        error = &error as &dyn std::error::Error,
        "partitions for the months to come could not be made; it is tried again while a worker runs"
    );
    Ok(())
}

async fn make(login: &DatabaseConnection) -> std::result::Result<(), DbErr> {
    for table in PartitionedTable::ALL {
        for partition in partition::make_ahead(login, table, clock::common_time()).await? {
            tracing::info!(partition, "a partition was made");
        }
    }
    Ok(())
}

async fn are_made(connection: &DatabaseConnection) -> std::result::Result<bool, DbErr> {
    for table in PartitionedTable::ALL {
        let partitions = partition::list(connection, table).await?;
        if !partition::is_made_ahead(&partitions, clock::common_time()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Of the table for which it is sooner.
async fn covered_until(connection: &DatabaseConnection) -> Result<DateTime<Utc>> {
    let now = clock::common_time();
    let mut until = DateTime::<Utc>::MAX_UTC;
    for table in PartitionedTable::ALL {
        let partitions = partition::list(connection, table).await.doing("reading partitions")?;
        until = until.min(partition::covered_until(&partitions, now));
    }
    Ok(until)
}

/// Who owns the tables, while no other process changes the schema.
struct Owner {
    login: DatabaseConnection,
    lock: DatabaseTransaction,
    doing: &'static str,
}

impl Owner {
    /// Signs in; `None` where another process is at it.
    async fn sign_in(url: &str, doing: &'static str) -> Result<Option<Self>> {
        let login = postgres(url, LOGIN_CONNECTIONS_MAX, Role::Login).await?;
        let lock = login.begin().await.doing(doing)?;
        let sql = format!("SELECT pg_try_advisory_xact_lock({SCHEMA_LOCK})");
        let row = lock.query_one_raw(Statement::from_string(DatabaseBackend::Postgres, sql)).await;
        let row = row.doing(doing)?.ok_or_else(|| Error::internal(doing, "no answer"))?;
        if row.try_get_by_index(0).doing(doing)? {
            return Ok(Some(Self { login, lock, doing }));
        }
        lock.rollback().await.doing(doing)?;
        login.close().await.doing(doing)?;
        Ok(None)
    }

    async fn sign_out(self) -> Result<()> {
        self.lock.commit().await.doing(self.doing)?;
        self.login.close().await.doing(self.doing)
    }
}
