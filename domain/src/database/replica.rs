//! A hot standby of PostgreSQL's that answers queries of the API: its connections, and what becomes of a statement that it
//! does not answer. What it has replayed, and who may read it, is `crate::replica`'s.
//!
//! Deliberately absent: a connection for anything that is not single and reading, also none that migrates or locks.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, QueryResult, RuntimeErr, Statement};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor, PgConnection, Row};

use super::pool::{PoolUse, REPLICA};
use super::{CONNECTIONS_MAX, Plans, Role, TenantReader, begin_as, common, open, statement};
use crate::error::{Doing, Result};

/// How long a statement waits for a connection to the replica, before the primary answers it.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);
/// When the server of a connection was started, in µs since 1970: by that servers behind one address are told apart.
pub(crate) const STARTED: &str = "(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint";
/// PostgreSQL's `query_canceled`: the statement took longer than its operator allows, and would again.
const CANCELED: &str = "57014";

/// Connections to a replica.
#[derive(Clone)]
pub(crate) struct ReplicaPool {
    url: Arc<str>,
    connection: DatabaseConnection,
    server: Arc<KnownServer>,
    /// Whether it answers: what waits for it is told when it does no more.
    is_there: tokio::sync::watch::Sender<bool>,
}

/// The server whose position is known.
#[derive(Default)]
struct KnownServer {
    /// When it was started; 0 while none is known.
    started: AtomicI64,
    last: Mutex<LastServer>,
}

/// The server that was known last.
#[derive(Default)]
struct LastServer {
    started: i64,
    /// When it took the place of another one.
    since: Option<Instant>,
}

impl LastServer {
    fn is(&mut self, started: i64, now: Instant) {
        if self.started != 0 && self.started != started {
            self.since = Some(now);
        }
        self.started = started;
    }

    /// Whether a connection that was opened so long ago, to the server that was known then, leads to it.
    fn has(&self, age: Duration, now: Instant) -> bool {
        // One may have been under way, to the former, when it changed.
        self.since.is_none_or(|since| age + ACQUIRE_TIMEOUT < now.saturating_duration_since(since))
    }
}

impl KnownServer {
    fn last(&self) -> MutexGuard<'_, LastServer> {
        // It is whole after every step.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReplicaPool {
    /// Opens no connection yet.
    pub(super) async fn new(url: &str) -> Result<Self> {
        let server = Arc::new(KnownServer::default());
        let mut options = common(url, CONNECTIONS_MAX);
        options.connect_lazy(true).acquire_timeout(ACQUIRE_TIMEOUT).connect_timeout(ACQUIRE_TIMEOUT);
        options.map_sqlx_postgres_opts(|postgres| postgres.application_name("trestle"));
        let known = server.clone();
        options.map_sqlx_postgres_pool_opts(move |pool: PgPoolOptions| {
            let known = known.clone();
            pool.after_connect(move |connection, _metadata| {
                let known = known.clone();
                Box::pin(async move { begin_reading(connection, &known.started).await })
            })
        });
        let known = server.clone();
        options.map_sqlx_postgres_before_acquire(move |_connection, metadata| {
            let leads_there = known.last().has(metadata.age, Instant::now());
            Box::pin(async move { Ok(leads_there) })
        });
        let connection = open(options).await?;
        Ok(Self { url: url.into(), connection, server, is_there: tokio::sync::watch::Sender::new(false) })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The server that was started then answers. Connections to another one behind the same address are used no more.
    pub(crate) fn is_back(&self, started: i64) {
        self.server.last().is(started, Instant::now());
        self.server.started.store(started, Ordering::SeqCst);
        self.is_there.send_replace(true);
    }

    /// It does not answer: nobody waits for it any more.
    pub(crate) fn is_away(&self) {
        self.server.started.store(0, Ordering::SeqCst);
        self.is_there.send_replace(false);
    }

    pub(super) fn usage(&self) -> PoolUse {
        PoolUse::of_postgres(REPLICA, self.connection.get_postgres_connection_pool())
    }

    pub(super) async fn close(&self) -> Result<()> {
        self.connection.close_by_ref().await.doing("closing the connections to the replica")
    }
}

/// Makes a new connection one that reads as the program does, of the server whose position is known and of no other.
async fn begin_reading(
    connection: &mut PgConnection,
    known: &AtomicI64,
) -> std::result::Result<(), sqlx::Error> {
    let asked = format!("SELECT pg_is_in_recovery() AS is_standby, {STARTED} AS started");
    let row = connection.fetch_one(sqlx::AssertSqlSafe(asked)).await?;
    let (is_standby, started): (bool, i64) = (row.try_get("is_standby")?, row.try_get("started")?);
    if !is_standby || started != known.load(Ordering::SeqCst) {
        return Err(sqlx::Error::Configuration("this is not the standby whose position is known".into()));
    }
    begin_as(connection, Role::Program { setting: "", plans: Plans::Auto }).await?;
    // A lock that is replayed, of a migration for example, is waited for without end otherwise, also while the replica says how
    // far it is. Who has waited for so long asks the primary.
    connection.execute("SET default_transaction_read_only = on; SET lock_timeout = '1s'").await?;
    Ok(())
}

/// That one request reads the replica: until it fails it once.
pub(crate) struct ReplicaReading {
    pool: ReplicaPool,
    has_failed: AtomicBool,
}

impl ReplicaReading {
    /// Whoever makes one has asked whether the replica has what the request must see.
    pub(crate) fn new(pool: ReplicaPool) -> Self {
        Self { pool, has_failed: AtomicBool::new(false) }
    }

    /// What the replica answers; `None` when the primary has to.
    async fn answer<T>(
        &self,
        asked: impl Future<Output = std::result::Result<T, DbErr>>,
    ) -> Option<std::result::Result<T, DbErr>> {
        let mut is_there = self.pool.is_there.subscribe();
        let gone = async { is_there.wait_for(|is_there| !is_there).await.map(drop) };
        let outcome = tokio::select! {
            answer = asked => Some(answer),
            _gone = gone => None,
        };
        match outcome {
            Some(Ok(answer)) => return Some(Ok(answer)),
            Some(Err(error)) if is_canceled(&error) => return Some(Err(error)),
            Some(Err(error)) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "the primary answers what the replica did not"
                );
            }
            None => tracing::debug!("the primary answers: the replica is away"),
        }
        // The rest of the request stays with the primary: what it read there may not be at the replica yet.
        if !self.has_failed.swap(true, Ordering::SeqCst) {
            telemetry::instruments().replica_queries.add(&["failed"], 1);
        }
        None
    }
}

/// Whatever else it is, the primary says it as well: a lost connection, a conflict with what is replayed, a server that
/// starts or stops.
fn is_canceled(error: &DbErr) -> bool {
    match error {
        DbErr::Query(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error)) => {
            error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == CANCELED)
        }
        _ => false,
    }
}

/// Single statements that read the rows of some tenants, or of all, from the replica while it answers.
#[derive(Clone)]
pub(crate) struct ReplicaReader {
    reading: Arc<ReplicaReading>,
    /// What the setting becomes.
    tenants: Arc<str>,
    primary: Box<TenantReader>,
}

impl ReplicaReader {
    pub(super) fn new(reading: Arc<ReplicaReading>, tenants: Arc<str>, primary: TenantReader) -> Self {
        Self { reading, tenants, primary: Box::new(primary) }
    }

    pub(super) fn pool(&self) -> &DatabaseConnection {
        &self.reading.pool.connection
    }

    fn fenced(&self, statement: &Statement) -> Option<Statement> {
        let has_failed = self.reading.has_failed.load(Ordering::SeqCst);
        (!has_failed).then(|| TenantReader::fenced(statement.clone(), &self.tenants))
    }

    pub(super) async fn one(&self, statement: Statement) -> std::result::Result<Option<QueryResult>, DbErr> {
        if let Some(fenced) = self.fenced(&statement) {
            let asked = statement::asked(REPLICA, self.pool().query_one_raw(fenced));
            if let Some(answer) = self.reading.answer(asked).await {
                return answer;
            }
        }
        self.primary.query_one_raw(statement).await
    }

    pub(super) async fn all(&self, statement: Statement) -> std::result::Result<Vec<QueryResult>, DbErr> {
        if let Some(fenced) = self.fenced(&statement) {
            let asked = statement::asked(REPLICA, self.pool().query_all_raw(fenced));
            if let Some(answer) = self.reading.answer(asked).await {
                return answer;
            }
        }
        self.primary.query_all_raw(statement).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{ACQUIRE_TIMEOUT, LastServer};

    #[test]
    fn connections_from_before_another_server_was_known_do_not_lead_to_it() {
        let (mut last, start) = (LastServer::default(), Instant::now());
        let (tick, hour) = (Duration::from_millis(1), Duration::from_secs(3_600));
        last.is(1, start);
        assert!(last.has(hour, start), "there was no other");
        last.is(1, start + tick);
        assert!(last.has(hour, start + tick), "it went away, and is the same");
        let changed = start + hour;
        last.is(2, changed);
        let now = changed + hour;
        assert!(!last.has(hour + tick, now));
        assert!(!last.has(hour - ACQUIRE_TIMEOUT, now), "it may have been opened to the former");
        assert!(last.has(hour - ACQUIRE_TIMEOUT - tick, now));
        last.is(1, now);
        assert!(!last.has(tick, now + tick * 2), "the former once more is another one");
    }
}
