//! Which server answers what a caller reads: the primary, unless a query asks for the replica and that has what the caller
//! must see. Both are asked again and again how far they are (`standing`); who wrote is remembered (`writes`), and nobody
//! waits for a replica.
//!
//! Deliberately absent: how a statement is sent to it (`database::replica`), and what other processes know (`api`).

mod standing;
mod writes;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseBackend, QueryResult, Statement};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use self::standing::{Position, Standing, Unfit, position_of, timeline_of};
use self::writes::{Need, Writes};
use crate::actor::{Actor, Principal};
use crate::app::App;
use crate::database::{ReplicaPool, ReplicaReading, STARTED};
use crate::error::{Doing, Error, Result};

/// How often both servers are asked where they are: two statements that read nothing.
const LOOK_INTERVAL: Duration = Duration::from_millis(150);
/// How long an answer to that may take. What waits for a replica that does not give it goes to the primary.
const ANSWER_MAX: Duration = Duration::from_secs(1);
/// How wrong the clock of a process may be, generously.
const CLOCK_ERROR_MAX: Duration = Duration::from_secs(1);
/// How long what others see already may stay beyond `pg_current_wal_lsn` with `synchronous_commit = off`: three times
/// PostgreSQL's `wal_writer_delay`, which is 200 ms unless somebody changes it, generously.
const UNWRITTEN_MAX: Duration = Duration::from_secs(1);
/// Where the primary's log ends. Not where it is written to the file: with `synchronous_commit = off` a commit may be answered
/// before.
const END_OF_LOG: &str = "pg_current_wal_insert_lsn";
/// A place that no server comes to: the write of somebody ended nobody knows where.
const NOWHERE: Position = Position::MAX;

/// Which server answers what is read.
#[derive(Clone)]
pub(crate) enum ReadFrom {
    /// The one that has everything.
    Primary,
    /// The replica, for as long as it answers this request.
    Replica(Arc<ReplicaReading>),
}

/// What is known elsewhere of a caller's last write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastWrite {
    /// That there was none lately, or nothing.
    #[default]
    None,
    /// It ends before this place of the write-ahead log, as [`App::note_write`] gives it.
    Before(u128),
    /// There may be one: who knows can't be asked.
    Unknown,
}

/// How a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaState {
    /// It answers queries.
    Used,
    /// It lacks too much.
    Behind,
    /// It does not answer, or must not be asked.
    Away,
}

/// A replica that must not be named as one.
#[derive(Debug, thiserror::Error)]
#[error(
    "it holds another database than TRESTLE_DATABASE_URL: it must be a standby of that server, with its database's name"
)]
pub struct ForeignReplica;

/// The replica of a process.
pub(crate) struct Replica {
    pool: ReplicaPool,
    standing: Mutex<Standing>,
    writes: Mutex<Writes>,
}

/// Which database of which cluster: copies of one have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    system: i64,
    database: i64,
}

/// What the primary says.
#[derive(Clone, Copy, Debug)]
struct Primary {
    identity: Identity,
    position: Position,
}

/// What the named server says.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// It is a standby that was started then, and has replayed so much.
    Standby { position: Position, started: i64 },
    /// It is none, or replays no write-ahead log.
    NoStandby,
    /// It is not known to have come to the primary's timeline, or is on a later one.
    OtherTimeline,
    /// It holds something else.
    Foreign,
}

/// Why the replica is not used, as it was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Used,
    Behind,
    Unreachable,
    NoStandby,
    OtherTimeline,
    Foreign,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Both are whole after every step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Replica {
    pub(crate) fn new(pool: ReplicaPool) -> Self {
        Self { pool, standing: Mutex::default(), writes: Mutex::default() }
    }

    /// Where a request reads that needs this, and counts it.
    fn choose(&self, fitness: std::result::Result<(), Unfit>) -> ReadFrom {
        let (outcome, from) = match fitness {
            Ok(()) => ("replica", ReadFrom::Replica(Arc::new(ReplicaReading::new(self.pool.clone())))),
            Err(Unfit::OwnWrite) => ("own_write", ReadFrom::Primary),
            Err(Unfit::Behind) => ("behind", ReadFrom::Primary),
            Err(Unfit::Away) => ("away", ReadFrom::Primary),
        };
        telemetry::instruments().replica_queries.add(&[outcome], 1);
        from
    }

    /// Takes an answer in.
    fn take(&self, answer: Option<Answer>) -> Told {
        let mut standing = locked(&self.standing);
        let told = match answer {
            Some(Answer::Standby { position, started }) => {
                self.pool.is_back(started);
                standing.replica_at(position);
                return match standing.is_fit(Instant::now()) {
                    Ok(()) => Told::Used,
                    Err(_lacks_something) => Told::Behind,
                };
            }
            Some(Answer::NoStandby) => Told::NoStandby,
            Some(Answer::OtherTimeline) => Told::OtherTimeline,
            Some(Answer::Foreign) => Told::Foreign,
            None => Told::Unreachable,
        };
        standing.replica_away();
        self.pool.is_away();
        told
    }
}

impl App {
    /// Whether a replica was named.
    pub fn has_replica(&self) -> bool {
        self.replica().is_some()
    }

    /// How the replica is; `None` where none was named.
    pub fn replica_state(&self) -> Option<ReplicaState> {
        let standing = locked(&self.replica()?.standing);
        Some(match standing.is_fit(Instant::now()) {
            Ok(()) => ReplicaState::Used,
            Err(Unfit::Away) => ReplicaState::Away,
            Err(Unfit::Behind | Unfit::OwnWrite) => ReplicaState::Behind,
        })
    }

    /// How long ago what the replica may lack was committed, at the most; `None` without a replica, and while it can't be
    /// said.
    pub fn replica_lag(&self) -> Option<Duration> {
        locked(&self.replica()?.standing).lag(Instant::now())
    }

    /// Looks whether what was named is a replica of this database. One that does not answer may come later.
    ///
    /// # Errors
    /// It is not.
    pub async fn check_replica(&self) -> std::result::Result<(), ForeignReplica> {
        let Some(replica) = self.replica() else { return Ok(()) };
        let look = async {
            let ours = self.look_at_primary().await.ok()?;
            let mut connection = PgConnection::connect(replica.pool.url()).await.ok()?;
            ask(&mut connection, ours).await.ok()
        };
        match timeout(ANSWER_MAX, look).await {
            Ok(Some(Answer::Foreign)) => Err(ForeignReplica),
            _ => Ok(()),
        }
    }

    /// Asks both servers again and again where they are, and so uses the replica while it is fit for that. To be begun when
    /// the schema is up to date; never ends, but returns at once where no replica was named.
    pub async fn watch_replica(&self) {
        let Some(replica) = self.replica() else { return };
        let (mut ours, mut connection, mut told) = (None::<Primary>, None, None);
        let mut tick = interval(LOOK_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let asked = Instant::now();
            match self.look_at_primary().await {
                Ok(primary) => {
                    let mut standing = locked(&replica.standing);
                    if ours.is_some_and(|known| known.identity != primary.identity) {
                        // Places in the log of another cluster are no places in this one's.
                        *standing = Standing::default();
                    }
                    standing.primary_at(primary.position, asked);
                    ours = Some(primary);
                }
                Err(error) => tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "the primary does not say how far it is"
                ),
            }
            let answer = match ours {
                Some(ours) => look_at_replica(replica.pool.url(), &mut connection, ours).await,
                None => Err(Error::internal("asking the replica", "the primary does not answer")),
            };
            let now = replica.take(answer.as_ref().ok().copied());
            if told != Some(now) {
                tell(now, told, answer.as_ref().err());
                told = Some(now);
            }
        }
    }

    /// Who it is, too, each time: another server may have become the primary, and be behind the one that was.
    async fn look_at_primary(&self) -> Result<Primary> {
        let doing = "asking the primary how far it is";
        let sql = format!("SELECT {}, {TIMELINE}, {IDENTITY}", place("pg_current_wal_lsn"));
        let row = timeout(ANSWER_MAX, self.ask_primary(sql)).await.doing(doing)??;
        let identity = Identity {
            system: row.try_get("", "system").doing(doing)?,
            database: row.try_get("", "database").doing(doing)?,
        };
        Ok(Primary { identity, position: position_in(&row)? })
    }

    /// Where its log ends now, on its timeline.
    async fn end_of_log(&self) -> Result<Position> {
        let sql = format!("SELECT {}, {TIMELINE}", place(END_OF_LOG));
        let doing = "asking the primary where its log ends";
        let row = timeout(ANSWER_MAX, self.ask_primary(sql)).await.doing(doing)??;
        position_in(&row)
    }

    async fn ask_primary(&self, sql: String) -> Result<QueryResult> {
        let doing = "asking the primary how far it is";
        let sql = Statement::from_string(DatabaseBackend::Postgres, sql);
        let row = self.across_tenants().reader().query_one_raw(sql).await.doing(doing)?;
        row.ok_or_else(|| Error::internal(doing, "no answer"))
    }

    /// To be called when a change of `writers` has ended, whatever came of it: until the replica has it the primary answers
    /// them. The place for [`LastWrite::Before`]; `None` where there is no replica.
    pub async fn note_write(&self, writers: &[String]) -> Option<u128> {
        let replica = self.replica()?;
        let position = self.end_of_log().await.unwrap_or(NOWHERE);
        self.note_write_before(replica, writers, position);
        Some(position)
    }

    /// The same of a change that was given up in the middle, of which nobody knows whether it was committed.
    pub fn note_unknown_write(&self, writers: &[String]) -> Option<u128> {
        self.note_write_before(self.replica()?, writers, NOWHERE);
        Some(NOWHERE)
    }

    /// Waits until the replica has what was committed before now, or is not used; not for long, and not at all where there is
    /// none. For a change of somebody who is nobody here, and is sent to where they ask as somebody else.
    pub async fn until_replicated(&self) {
        let Some(replica) = self.replica() else { return };
        let wait = async {
            let need = Need { position: Some(self.end_of_log().await?), until: None };
            let lacks_it =
                || locked(&replica.standing).is_fit_for(need, Instant::now()) == Err(Unfit::OwnWrite);
            while lacks_it() {
                sleep(LOOK_INTERVAL).await;
            }
            Ok::<_, Error>(())
        };
        match timeout(ANSWER_MAX, wait).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(
                error = &error as &dyn std::error::Error,
                "nobody waits for the replica: the primary does not say how far it is"
            ),
            Err(_elapsed) => tracing::debug!("the replica was not waited for any longer"),
        }
    }

    fn note_write_before(&self, replica: &Replica, writers: &[String], position: Position) {
        let (mut writes, now) = (locked(&replica.writes), Instant::now());
        for writer in writers {
            writes.wrote(writer, position, now);
        }
    }
}

impl Actor {
    /// To be called when they were told, by a subscription, what was committed before now: what they ask in this process,
    /// because they were told, is not answered by a replica that lacks it.
    pub fn note_told(&self) {
        if let Some(replica) = self.app().replica() {
            let now = Instant::now();
            locked(&replica.writes).was_told(&self.principal().to_string(), now + UNWRITTEN_MAX, now);
        }
    }

    /// The same caller, for one query that reads the replica if there is one that has what they wrote; `last_write` is what
    /// other processes know of it. Every query is counted by what came of it.
    pub fn reading_replica(self, last_write: LastWrite) -> Self {
        if *self.principal() == Principal::Anonymous {
            return self;
        }
        let Some(replica) = self.app().replica() else { return self };
        let elsewhere = match last_write {
            LastWrite::None => Need::default(),
            LastWrite::Before(position) => Need { position: Some(position), until: None },
            LastWrite::Unknown => {
                telemetry::instruments().replica_queries.add(&["unknown"], 1);
                return self;
            }
        };
        let now = Instant::now();
        let here = locked(&replica.writes).need_of(&self.principal().to_string(), now);
        let fitness = locked(&replica.standing).is_fit_for(here.and(elsewhere), now);
        let from = replica.choose(fitness);
        self.reading_from(from)
    }

    /// The same caller, for one query that reads the replica if that has all that was committed until `since`: for work that
    /// was asked for then.
    pub fn reading_replica_since(self, since: DateTime<Utc>) -> Self {
        let Some(replica) = self.app().replica() else { return self };
        let (age, now) = ((self.app().clock().now() - since).to_std().unwrap_or_default(), Instant::now());
        // Of what is so old that this process can't say when it was, the replica has everything or is not used.
        let until = now.checked_sub(age).map(|then| then + CLOCK_ERROR_MAX);
        let fitness = locked(&replica.standing).is_fit_for(Need { position: None, until }, now);
        let from = replica.choose(fitness);
        self.reading_from(from)
    }
}

/// Columns that say which database this is.
const IDENTITY: &str = "(SELECT system_identifier FROM pg_control_system()) AS system, \
    (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS database";

/// A column that says on which timeline a server is: what a primary writes, and of a standby the last that it surely replays,
/// by its control file. That learns of a new one with the first page that is written after it, and at the latest by a
/// restartpoint; what has received it already (`pg_stat_wal_receiver`) only few roles may see.
const TIMELINE: &str = "(CASE WHEN pg_is_in_recovery() \
    THEN (SELECT greatest(c.timeline_id, r.min_recovery_end_timeline) \
        FROM pg_control_checkpoint() c, pg_control_recovery() r) \
    ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END)::bigint AS timeline";

/// A column that says where a server is by `function`, one of PostgreSQL's that tell that.
fn place(function: &str) -> String {
    format!("({function}() - '0/0'::pg_lsn)::bigint AS position")
}

/// The place that is in both columns.
fn position_in(row: &QueryResult) -> Result<Position> {
    let doing = "reading where the primary is";
    let timeline: i64 = row.try_get("", "timeline").doing(doing)?;
    let bytes: i64 = row.try_get("", "position").doing(doing)?;
    position_of(timeline, bytes).ok_or_else(|| Error::internal(doing, "it is nowhere"))
}

async fn look_at_replica(url: &str, open: &mut Option<PgConnection>, ours: Primary) -> Result<Answer> {
    let look = async {
        // Taken out: one that did not answer is closed.
        let mut connection = match open.take() {
            Some(connection) => connection,
            None => PgConnection::connect(url).await?,
        };
        let answer = ask(&mut connection, ours).await?;
        *open = Some(connection);
        Ok::<_, sqlx::Error>(answer)
    };
    timeout(ANSWER_MAX, look).await.doing("asking the replica")?.doing("asking the replica")
}

async fn ask(connection: &mut PgConnection, ours: Primary) -> std::result::Result<Answer, sqlx::Error> {
    let sql = format!(
        "SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint END AS position, \
         {STARTED} AS started, {TIMELINE}, {IDENTITY}"
    );
    let row = connection.fetch_one(AssertSqlSafe(sql)).await?;
    let theirs = Identity { system: row.try_get("system")?, database: row.try_get("database")? };
    if theirs != ours.identity {
        return Ok(Answer::Foreign);
    }
    let (timeline, bytes): (i64, Option<i64>) = (row.try_get("timeline")?, row.try_get("position")?);
    Ok(match bytes.and_then(|bytes| position_of(timeline, bytes)) {
        None => Answer::NoStandby,
        Some(position) if timeline_of(position) != timeline_of(ours.position) => Answer::OtherTimeline,
        Some(position) => Answer::Standby { position, started: row.try_get("started")? },
    })
}

/// Says once that it has changed.
fn tell(now: Told, before: Option<Told>, problem: Option<&Error>) {
    match now {
        Told::Used => tracing::info!("the replica answers queries"),
        // At first it is nothing but not yet known.
        Told::Behind if before.is_none() => tracing::debug!("the replica is looked at"),
        Told::Behind => tracing::info!("the replica is behind: the primary answers all queries"),
        Told::Unreachable => tracing::warn!(
            error = problem.map(|error| error as &dyn std::error::Error),
            "the replica does not answer: until it does the primary answers all queries"
        ),
        Told::NoStandby => tracing::warn!(
            "TRESTLE_DATABASE_READ_URL names no standby that replays the primary's log: the primary answers all queries"
        ),
        Told::OtherTimeline => tracing::warn!(
            "TRESTLE_DATABASE_READ_URL names a standby that is not known to have followed the primary to its timeline: until \
             it is the primary answers all queries"
        ),
        Told::Foreign => tracing::error!(
            "TRESTLE_DATABASE_READ_URL names another database than TRESTLE_DATABASE_URL: the primary answers all queries"
        ),
    }
}
