//! The connections to PostgreSQL or SQLite. Private to this crate: rows of tenants are reached through a
//! [`Scope`](crate::Scope) only, and what stands before or across tenants through [`AcrossTenants`].
//!
//! Behind the filters of the program PostgreSQL has its own: row-level security shows a connection the rows of the
//! tenants that it names, and none when it names none (docs/adr/0020). This file names them for transactions, and `database/reader.rs` for what only reads.

mod lists;
mod partition;
mod pool;
mod reader;
mod replica;
mod statement;

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use migration::program_role::{self, ProgramRole};
use migration::{Migrator, MigratorTrait};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectOptions, ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use uuid::Uuid;

use self::lists::Lists;
pub use self::pool::PoolUse;
use self::pool::{PLATFORM, SCOPED};
pub(crate) use self::reader::TenantReader;
use self::replica::ReplicaReader;
pub(crate) use self::replica::{ReplicaPool, ReplicaReading, STARTED};
use crate::actor::Tenants;
use crate::clock;
use crate::error::{Doing, Error, Result};

/// Connections of the pool for tenants' rows, and readers of a SQLite database.
const CONNECTIONS_MAX: u32 = 20;
/// Connections of PostgreSQL that see every tenant: a request needs one for a moment, to find out who asks.
const ACROSS_CONNECTIONS_MAX: u32 = 10;
/// Connections of PostgreSQL for lists, and for rows by their ids.
const LISTS_CONNECTIONS_MAX: u32 = 12;
/// One to change the schema, and one to hold the lock meanwhile.
const LOGIN_CONNECTIONS_MAX: u32 = 2;
/// How long a call waits for a free connection before it fails.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer about the time may take: half of it is how wrong the clock may become.
const CLOCK_WAIT_MAX: Duration = Duration::from_millis(250);
/// A connection that has waited longer to be lent is asked whether it still answers.
const TEST_AFTER: Duration = Duration::from_secs(5);
/// The first one, without which nothing is known.
const CLOCK_FIRST_WAIT_MAX: Duration = Duration::from_secs(4);
/// How long a transaction may be open while its process asks for nothing, before PostgreSQL ends it: one that is frozen,
/// or cut off, would hold its locks for ever, and whoever takes its run over would wait for them. Ours wait for nothing
/// but the database.
pub(crate) const IDLE_IN_TRANSACTION_MAX: Duration = Duration::from_secs(10);
/// How long SQLite waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The advisory lock of whoever changes the schema.
const SCHEMA_LOCK: i64 = 8_724_190_314;

/// Connections by what they see.
#[derive(Clone)]
pub(crate) struct Database {
    /// On PostgreSQL its connections see no row until a transaction names tenants.
    tenants: Ends,
    /// For single statements that read tenants' rows in the order of an index. They are planned once for a connection and
    /// not for each call, which takes longer than finding a page. `None` on SQLite.
    lists: Option<Lists>,
    across_tenants: AcrossTenants,
    /// Where to migrate; `None` on SQLite, where everything is one role.
    login_url: Option<String>,
    /// A standby that answers queries.
    replica: Option<ReplicaPool>,
}

/// Readers and a writer. On PostgreSQL both are one pool; SQLite has one writer at a time anyhow, and one connection for
/// it makes writers wait in turn and not fail.
#[derive(Clone)]
struct Ends {
    /// Of the pool that writes, as the instruments have it.
    name: &'static str,
    read: DatabaseConnection,
    write: DatabaseConnection,
}

/// The connections that see the rows of every tenant: for what finds out who asks (`identity`), for work without an
/// actor (`background`), and for what belongs to nobody. All else goes through a [`Scope`](crate::Scope).
#[derive(Clone)]
pub(crate) struct AcrossTenants(Ends);

impl Database {
    /// Connects by URL: `postgres://…`, or `sqlite://path?mode=rwc`; where there is a `replica` of PostgreSQL it need not
    /// answer.
    pub(crate) async fn connect(url: &str, replica: Option<&str>) -> Result<Self> {
        let (tenants, lists, across, login_url) = if url.starts_with("sqlite:") {
            let (write, read) = (sqlite(url, 1).await?, sqlite(url, CONNECTIONS_MAX).await?);
            let ends = Ends { name: PLATFORM, write, read };
            (ends.clone(), None, ends, None)
        } else {
            // The schema, and the role to work under, may be made later; that the server answers is known now.
            let login = postgres(url, 1, Role::Login).await?;
            login.ping().await.doing("connecting to the database")?;
            follow_clock(&login, CLOCK_FIRST_WAIT_MAX).await?;
            login.close().await.doing("connecting to the database")?;
            let program = |setting| Role::Program { setting, plans: Plans::Auto };
            let tenants = postgres(url, CONNECTIONS_MAX, program("")).await?;
            let lists = Role::Program { setting: "", plans: Plans::Once };
            let lists = Some(Lists::new(postgres(url, LISTS_CONNECTIONS_MAX, lists).await?));
            let across = postgres(url, ACROSS_CONNECTIONS_MAX, program(EVERY_TENANT)).await?;
            let both = |name, pool: DatabaseConnection| Ends { name, read: pool.clone(), write: pool };
            (both(SCOPED, tenants), lists, both(PLATFORM, across), Some(url.to_owned()))
        };
        let replica = match (replica, &login_url) {
            (Some(url), Some(_postgres)) => Some(ReplicaPool::new(url).await?),
            (Some(_url), None) => {
                return Err(Error::internal("connecting to the replica", "SQLite has no replicas"));
            }
            (None, _) => None,
        };
        Ok(Self { tenants, lists, across_tenants: AcrossTenants(across), login_url, replica })
    }

    /// The same as [`reader_of`](Self::reader_of), from the replica for as long as it answers this request.
    pub(crate) fn replica_reader_of(&self, tenants: &Tenants, reading: Arc<ReplicaReading>) -> TenantReader {
        let named = match tenants {
            Tenants::Some(tenants) => listed(tenants).into(),
            Tenants::All => EVERY_TENANT.into(),
        };
        TenantReader::Replica(ReplicaReader::new(reading, named, self.reader_of(tenants)))
    }

    /// The connections to a replica, where there is one.
    pub(crate) fn replica(&self) -> Option<&ReplicaPool> {
        self.replica.as_ref()
    }

    /// For reading the rows of these tenants from the primary, outside a transaction.
    pub(crate) fn reader_of(&self, tenants: &Tenants) -> TenantReader {
        match (tenants, &self.lists) {
            (Tenants::Some(tenants), Some(lists)) => TenantReader::Fenced {
                pool: (SCOPED, self.tenants.read.clone()),
                lists: lists.clone(),
                tenants: listed(tenants).into(),
            },
            (Tenants::Some(_), None) => TenantReader::Plain(self.tenants.read.clone()),
            (Tenants::All, Some(lists)) => {
                TenantReader::Everybody { pool: self.across_tenants.reader().clone(), lists: lists.clone() }
            }
            (Tenants::All, None) => TenantReader::Plain(self.across_tenants.reader().clone()),
        }
    }

    /// Begins a transaction that reads and writes the rows of one tenant.
    pub(crate) async fn begin_for(&self, tenant_id: Uuid) -> Result<DatabaseTransaction> {
        let tx = self.tenants.begin().await?;
        if self.login_url.is_some() {
            tx.execute_unprepared(&naming(&[tenant_id])).await.doing("naming the tenant of a transaction")?;
        }
        Ok(tx)
    }

    /// The same for rows of whoever owns a person or key: a tenant, or the operator, who is across tenants.
    pub(crate) async fn begin_of(&self, owner: Option<Uuid>) -> Result<DatabaseTransaction> {
        match owner {
            Some(tenant_id) => self.begin_for(tenant_id).await,
            None => self.across_tenants.begin().await,
        }
    }

    /// Sets the clock of this process by PostgreSQL's; see [`clock`].
    pub(crate) async fn follow_clock(&self) -> Result<()> {
        match &self.login_url {
            Some(_postgres) => follow_clock(self.across_tenants.reader(), CLOCK_WAIT_MAX).await,
            None => Ok(()),
        }
    }

    /// Where PostgreSQL is; `None` on SQLite.
    pub(crate) fn url_of_postgres(&self) -> Option<&str> {
        self.login_url.as_deref()
    }

    /// What sees every tenant.
    pub(crate) fn across_tenants(&self) -> &AcrossTenants {
        &self.across_tenants
    }

    /// Which database it is.
    pub(crate) fn backend(&self) -> DatabaseBackend {
        self.tenants.write.get_database_backend()
    }

    /// Brings the schema up to date, one process after the other. On PostgreSQL as who signs in, who owns the tables; then
    /// it makes the partitions of the months to come, and the role under which the program works.
    pub(crate) async fn migrate(&self) -> Result<()> {
        let Some(url) = &self.login_url else {
            return Migrator::up(&self.tenants.write, None).await.doing("migrating the database");
        };
        let login = postgres(url, LOGIN_CONNECTIONS_MAX, Role::Login).await?;
        let lock = lock_schema(&login).await?;
        Migrator::up(&login, None).await.doing("migrating the database")?;
        partition::make_at_start(&login).await?;
        let role = program_role::prepare(&login).await.doing("preparing the role of the program")?;
        lock.commit().await.doing("unlocking the schema")?;
        login.close().await.doing("closing the database")?;
        match role {
            ProgramRole::Ready => Ok(()),
            ProgramRole::Missing { is_bound: true, sql } => {
                tracing::warn!(
                    "the program works as the owner of its tables: row-level security holds, and what it may do with \
                     them is not limited otherwise. Let an administrator of PostgreSQL run: {sql}"
                );
                Ok(())
            }
            ProgramRole::Missing { is_bound: false, sql } => Err(Error::internal(
                "preparing the role of the program",
                format!(
                    "row-level security does not bind who signs in, and they may not make a role that it binds. Let an \
                     administrator of PostgreSQL run: {sql}"
                ),
            )),
        }
    }

    /// Migrations that are not applied yet, by name.
    pub(crate) async fn pending_migrations(&self) -> Result<Vec<String>> {
        let pending = match &self.login_url {
            None => {
                Migrator::get_pending_migrations(&self.tenants.write).await.doing("reading the schema")?
            }
            Some(url) => {
                let login = postgres(url, LOGIN_CONNECTIONS_MAX, Role::Login).await?;
                // Looking makes the table of migrations where there is none.
                let lock = lock_schema(&login).await?;
                let pending = Migrator::get_pending_migrations(&login).await.doing("reading the schema")?;
                lock.commit().await.doing("unlocking the schema")?;
                login.close().await.doing("closing the database")?;
                pending
            }
        };
        Ok(pending.iter().map(|migration| migration.name().to_owned()).collect())
    }

    /// How the pools are used.
    pub(crate) fn pools(&self) -> Vec<PoolUse> {
        match &self.lists {
            Some(lists) => [&self.tenants, &self.across_tenants.0]
                .into_iter()
                .map(|ends| PoolUse::of_postgres(ends.name, ends.write.get_postgres_connection_pool()))
                .chain([lists.usage()])
                .chain(self.replica.as_ref().map(ReplicaPool::usage))
                .collect(),
            None => vec![
                PoolUse::of_sqlite(SCOPED, self.tenants.read.get_sqlite_connection_pool()),
                PoolUse::of_sqlite(PLATFORM, self.tenants.write.get_sqlite_connection_pool()),
            ],
        }
    }

    /// Closes every connection, so that SQLite folds its log into the file.
    pub(crate) async fn close(&self) -> Result<()> {
        if let Some(replica) = &self.replica {
            replica.close().await?;
        }
        if let Some(lists) = &self.lists {
            lists.close().await.doing("closing the database")?;
        }
        for ends in [&self.tenants, &self.across_tenants.0] {
            ends.read.close_by_ref().await.doing("closing the database")?;
            ends.write.close_by_ref().await.doing("closing the database")?;
        }
        Ok(())
    }
}

/// An answer that took longer than `wait_max` says too little of when it was given, and changes nothing.
async fn follow_clock(connection: &DatabaseConnection, wait_max: Duration) -> Result<()> {
    let doing = "asking for the time";
    let asked = Instant::now();
    let sql = Statement::from_string(DatabaseBackend::Postgres, "SELECT clock_timestamp()");
    let row = connection.query_one_raw(sql).await.doing(doing)?;
    let took = asked.elapsed();
    let time: DateTime<Utc> =
        row.ok_or_else(|| Error::internal(doing, "no answer"))?.try_get_by_index(0).doing(doing)?;
    if took <= wait_max {
        clock::follow(time + took / 2);
    }
    Ok(())
}

/// An advisory lock of one transaction, in which no other process looks at migrations or changes partitions: released with
/// it, whatever happens.
async fn lock_schema(login: &DatabaseConnection) -> Result<DatabaseTransaction> {
    let lock = login.begin().await.doing("locking the schema")?;
    let sql = format!("SELECT pg_advisory_xact_lock({SCHEMA_LOCK})");
    lock.execute_unprepared(&sql).await.doing("locking the schema")?;
    Ok(lock)
}

impl AcrossTenants {
    /// For reading outside a transaction.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.0.read
    }

    /// For single statements that write, and for what must see the last write on SQLite.
    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.0.write
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction> {
        self.0.begin().await
    }
}

impl Ends {
    async fn begin(&self) -> Result<DatabaseTransaction> {
        // SQLite: a transaction that reads first and writes later would fail where another process wrote in between.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let (has_idle, asked) = (self.has_idle(), Instant::now());
        let tx = self.write.begin_with_options(options).await;
        // Its beginning is a round trip, which is no wait for a connection.
        let waited = if has_idle { Duration::ZERO } else { asked.elapsed() };
        telemetry::instruments().connection_wait.record(&[self.name], waited);
        tx.doing("beginning a transaction")
    }

    fn has_idle(&self) -> bool {
        match self.write.get_database_backend() {
            DatabaseBackend::Postgres => self.write.get_postgres_connection_pool().num_idle() > 0,
            _ => self.write.get_sqlite_connection_pool().num_idle() > 0,
        }
    }
}

/// That a column is one of these. On PostgreSQL it is one text of SQL however many they are, so that a statement is prepared
/// once for batches of every size.
pub(crate) fn one_of<C: ColumnTrait>(
    backend: DatabaseBackend,
    column: C,
    ids: impl IntoIterator<Item = Uuid>,
) -> Expr {
    match backend {
        DatabaseBackend::Postgres => column.eq_any(ids),
        _ => column.is_in(ids),
    }
}

/// Names every tenant.
const EVERY_TENANT: &str = "*";

/// The statement that shows tenants' rows to the rest of a transaction. UUIDs need no quoting.
fn naming(tenants: &[Uuid]) -> String {
    format!("SET LOCAL trestle.tenants = '{}'", listed(tenants))
}

/// Tenants as the setting has them.
fn listed(tenants: &[Uuid]) -> String {
    let mut list = String::with_capacity(tenants.len() * 37);
    for (index, tenant) in tenants.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(list, "{comma}{tenant}").expect("a text grows");
    }
    list
}

/// Has a connection read lists through the indexes that have them in their order, unless the operator has said what a page
/// costs. By what PostgreSQL assumes, which is a rotating disk, it would rather put rows in a bitmap, which has no order, and
/// sort them; and as it takes each tenant and each integration for as large as any other, those would be all of the largest.
/// 1.1 is what its documentation has for where a random page costs about what the next one does. It is said once for a
/// connection, not with a statement: that would be a round trip or a transaction more.
/// <https://www.postgresql.org/docs/current/runtime-config-query.html>
const IN_ORDER: &str = "SELECT set_config('random_page_cost', '1.1', false) FROM pg_settings \
     WHERE name = 'random_page_cost' AND source = 'default'";

/// As whom a connection of PostgreSQL works.
#[derive(Clone, Copy)]
enum Role {
    /// As who signs in, who owns the tables; sees every tenant, for migrations that change rows.
    Login,
    /// As the program.
    Program {
        /// Whose rows it sees where no transaction says so.
        setting: &'static str,
        /// How its statements are planned.
        plans: Plans,
    },
}

/// How PostgreSQL plans prepared statements. <https://www.postgresql.org/docs/current/sql-prepare.html>
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plans {
    /// As it sees fit: for the values of each call, unless that did not pay five times.
    Auto,
    /// Once for a connection, for any values.
    Once,
}

async fn postgres(url: &str, connections_max: u32, role: Role) -> Result<DatabaseConnection> {
    let mut options = common(url, connections_max);
    options.connect_lazy(true).map_sqlx_postgres_opts(|postgres| postgres.application_name("trestle"));
    options.map_sqlx_postgres_pool_opts(move |pool: PgPoolOptions| {
        pool.after_connect(move |connection, _metadata| Box::pin(begin_as(connection, role)))
    });
    open(options).await
}

/// Makes a new connection what it stays until it is closed.
async fn begin_as(connection: &mut PgConnection, role: Role) -> std::result::Result<(), sqlx::Error> {
    let setting = match role {
        Role::Login => EVERY_TENANT,
        Role::Program { setting, .. } => setting,
    };
    let mut sql = format!("SET trestle.tenants = '{setting}'");
    if matches!(role, Role::Program { .. }) {
        let about = connection.fetch_one(program_role::ABOUT).await?;
        let name: String = about.try_get("name")?;
        if about.try_get("may_use")? {
            write!(sql, "; SET ROLE {name}").expect("a text grows");
        } else if !about.try_get::<bool, _>("is_bound")? {
            let message = format!(
                "row-level security does not bind who signs in, and the role `{name}`, which it binds, is missing: run \
                 `trestle migrate`"
            );
            return Err(sqlx::Error::Configuration(message.into()));
        }
        let idle_ms = IDLE_IN_TRANSACTION_MAX.as_millis();
        write!(sql, "; SET idle_in_transaction_session_timeout = {idle_ms}; {IN_ORDER}")
            .expect("a text grows");
    }
    if matches!(role, Role::Program { plans: Plans::Once, .. }) {
        sql.push_str("; SET plan_cache_mode = force_generic_plan");
    }
    connection.execute(AssertSqlSafe(sql)).await?;
    Ok(())
}

async fn sqlite(url: &str, connections_max: u32) -> Result<DatabaseConnection> {
    let mut options = common(url, connections_max);
    // On a full disk SQLite rolls back by itself, and sqlx does not notice: what came after on such a connection would be
    // answered, and never committed. It is closed, and another one opened.
    options.map_sqlx_sqlite_pool_opts(|pool| {
        pool.after_release(|connection, _metadata| {
            Box::pin(async move {
                if connection.is_in_transaction() {
                    // A rollback may be on its way to the connection's thread; a ping comes after it.
                    connection.ping().await?;
                }
                Ok(!connection.is_in_transaction())
            })
        })
    });
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
    open(options).await
}

fn common(url: &str, connections_max: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire_if_idle_for(TEST_AFTER)
        .sqlx_logging(false);
    options
}

async fn open(options: ConnectOptions) -> Result<DatabaseConnection> {
    let mut connection = sea_orm::Database::connect(options)
        .await
        .map_err(|source| Error::internal("connecting to the database", source))?;
    statement::watch(&mut connection);
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, DatabaseBackend, Statement};

    use super::Database;
    use crate::error::Doing;
    use crate::outage::Outage;

    #[tokio::test]
    async fn what_is_answered_after_the_disk_was_full_is_there() {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}?mode=rwc", directory.path().join("full.db").display());
        let database = Database::connect(&url, None).await.expect("a new file");
        let writer = &database.tenants.write;
        let unprepared = async |sql: &str| writer.execute_unprepared(sql).await.map(drop);
        unprepared("CREATE TABLE note (id integer)").await.expect("a table");
        unprepared("PRAGMA max_page_count = 20").await.expect("a limit");

        let tx = database.across_tenants.begin().await.expect("a transaction");
        let fill = "INSERT INTO note WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) \
             SELECT i FROM n";
        let full = tx.execute_unprepared(fill).await.map(drop).doing("filling").expect_err("it is full");
        assert_eq!(full.outage(), Some(Outage::NoSpace));
        drop(tx);
        // Given up: this is what left a transaction open before.
        for _ in 0..2 {
            let tx = database.across_tenants.begin().await.expect("a transaction");
            tx.execute_unprepared("INSERT INTO note VALUES (1)").await.expect("there is room for one");
            drop(tx);
        }
        let tx = database.across_tenants.begin().await.expect("a transaction");
        tx.execute_unprepared("INSERT INTO note VALUES (2)").await.expect("there is room for one");
        tx.commit().await.expect("it is committed");
        let sql = Statement::from_string(DatabaseBackend::Sqlite, "SELECT count(*), max(id) FROM note");
        let row = database.tenants.read.query_one_raw(sql).await.expect("a query").expect("a row");
        let seen: (i64, i64) =
            (row.try_get_by_index(0).expect("a number"), row.try_get_by_index(1).expect("a number"));
        assert_eq!(seen, (1, 2));
    }
}
