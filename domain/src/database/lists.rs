//! Connections to PostgreSQL for what portals ask for again and again: lists in the order of an index, and rows by their ids, by
//! single statements. What comes back to a pool of sqlx is asked whether it still answers, by a task of its own: a round trip
//! more, and most of these statements take no longer than one. So a connection that has answered is kept out, for the next
//! statement, and goes back to the pool when it has not, when nobody waited for its answer, or after a minute.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::{ConnAcquireErr, DatabaseConnection, DbErr, QueryResult, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Connection, Postgres};
use tokio::sync::Semaphore;

use super::pool::{LISTS, PoolUse};
use super::{ACQUIRE_TIMEOUT, LISTS_CONNECTIONS_MAX, TEST_AFTER, statement};

/// So long one is kept out: then the pool looks at it, which ends those that are too old.
const KEPT_MAX: Duration = Duration::from_secs(60);

/// The connections.
#[derive(Clone)]
pub(crate) struct Lists {
    pool: DatabaseConnection,
    kept: Arc<Kept>,
}

struct Kept {
    /// As many as the pool has connections, so that whoever has one is given a connection at once.
    turns: Semaphore,
    /// The one that was used last at the end.
    idle: Mutex<Vec<Lent>>,
}

/// A connection that is out of the pool.
struct Lent {
    connection: PoolConnection<Postgres>,
    since: Instant,
    used: Instant,
}

impl Lists {
    /// Of a pool of [`LISTS_CONNECTIONS_MAX`] connections that nobody else uses.
    pub(super) fn new(pool: DatabaseConnection) -> Self {
        let turns = Semaphore::new(LISTS_CONNECTIONS_MAX as usize);
        Self { pool, kept: Arc::new(Kept { turns, idle: Mutex::default() }) }
    }

    /// The rows of one statement.
    ///
    /// # Errors
    /// As those of a pool.
    pub(super) async fn all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let Statement { sql, values, db_backend } = statement;
        let asked = Instant::now();
        let turn = self.turn().await;
        let lent = match &turn {
            Ok(_turn) => self.lend().await,
            Err(error) => Err(error.clone()),
        };
        telemetry::instruments().connection_wait.record(&[LISTS], asked.elapsed());
        let mut lent = lent?;
        let began = Instant::now();
        let values = SqlxValues(values.unwrap_or(Values(Vec::new())));
        let rows =
            sqlx::query_with(AssertSqlSafe(sql.as_str()), values).fetch_all(&mut *lent.connection).await;
        statement::told_if_on(db_backend, &sql, began.elapsed(), rows.is_err());
        let rows = rows.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))))?;
        self.kept.keep(lent);
        drop(turn);
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }

    async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>, DbErr> {
        match tokio::time::timeout(ACQUIRE_TIMEOUT, self.kept.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_closed)) => Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)),
            Err(_elapsed) => Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)),
        }
    }

    /// One that is kept, or else one of the pool, for who has a turn.
    async fn lend(&self) -> Result<Lent, DbErr> {
        while let Some(mut lent) = self.kept.pop() {
            if lent.used.elapsed() < TEST_AFTER || lent.connection.ping().await.is_ok() {
                return Ok(lent);
            }
        }
        let connection = self.pool.get_postgres_connection_pool().acquire().await.map_err(not_lent)?;
        let now = Instant::now();
        Ok(Lent { connection, since: now, used: now })
    }

    /// How they are used.
    pub(super) fn usage(&self) -> PoolUse {
        PoolUse::of_postgres(LISTS, self.pool.get_postgres_connection_pool())
            .with_idle(self.kept.idle().len())
    }

    /// Closes them.
    ///
    /// # Errors
    /// What closing the pool fails with.
    pub(super) async fn close(&self) -> Result<(), DbErr> {
        self.kept.turns.close();
        // The pool waits for them.
        self.kept.idle().clear();
        self.pool.close_by_ref().await
    }
}

impl Kept {
    fn idle(&self) -> MutexGuard<'_, Vec<Lent>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pop(&self) -> Option<Lent> {
        loop {
            let lent = self.idle().pop()?;
            if lent.since.elapsed() < KEPT_MAX {
                return Some(lent);
            }
        }
    }

    fn keep(&self, mut lent: Lent) {
        lent.used = Instant::now();
        let mut idle = self.idle();
        idle.push(lent);
        // The one that nobody has needed for longest, of which there may be more than are needed now.
        let has_old = idle.first().is_some_and(|lent| lent.since.elapsed() > KEPT_MAX);
        let old = has_old.then(|| idle.remove(0));
        drop(idle);
        drop(old);
    }
}

impl Drop for Kept {
    /// Without the pool, which would need a runtime for it.
    fn drop(&mut self) {
        for lent in self.idle().drain(..) {
            drop(lent.connection.leak());
        }
    }
}

/// As sea-orm has it.
fn not_lent(error: sqlx::Error) -> DbErr {
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        error => DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))),
    }
}
