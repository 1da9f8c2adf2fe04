//! The faults, made for real one after the other while the load runs, and how long what they interrupted took to end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, PgConnection};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::lasting::{Means, STOP_MS};
use crate::harness::postgres::PostgresServer;
use crate::harness::random::Random;
use crate::harness::redis::{Redis, RedisServer};
use crate::harness::trestle::Trestle;

/// A fault is made after so long at the latest, though the load did not get on.
const GAP_MAX: Duration = Duration::from_secs(20);
/// Two faults are at least so far apart.
const GAP_MIN: Duration = Duration::from_millis(300);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long Redis is away when it restarts, in milliseconds at most.
const AWAY_MS_MAX: usize = 1_500;

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    KillWorker,
    KillApi,
    FlushRedis,
    RestartRedis,
    RestartPostgres,
    FreezeWorker,
    StopPlatform,
    StopTenant,
    Outage,
}

/// How often each is made in a storm over 2,000 runs; less in a shorter one, and at least once.
const FAULTS: [(Fault, usize); 9] = [
    (Fault::KillWorker, 50),
    (Fault::KillApi, 10),
    (Fault::FlushRedis, 5),
    (Fault::RestartRedis, 5),
    (Fault::RestartPostgres, 5),
    (Fault::FreezeWorker, 5),
    (Fault::StopPlatform, 5),
    (Fault::StopTenant, 10),
    (Fault::Outage, 4),
];
const FAULTS_FOR_RUNS: usize = 2_000;

impl Fault {
    /// The faults for so many runs in an order by chance, only those in `only` if there are any.
    pub(super) fn plan(runs: usize, only: &str, random: &mut Random) -> Vec<Self> {
        let mut plan = Vec::new();
        for (fault, times) in FAULTS {
            if only.is_empty() || only.split(',').any(|name| name == fault.to_string()) {
                plan.extend(std::iter::repeat_n(fault, (times * runs / FAULTS_FOR_RUNS).max(1)));
            }
        }
        for at in (1..plan.len()).rev() {
            plan.swap(at, random.below(at + 1));
        }
        // A circuit opens by runs, of which there are few at the end.
        let half = plan.len().div_ceil(2);
        for at in half..plan.len() {
            if plan[at] == Self::Outage {
                plan.swap(at, random.below(half));
            }
        }
        plan
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::KillWorker => "kill-worker",
            Self::KillApi => "kill-api",
            Self::FlushRedis => "flush-redis",
            Self::RestartRedis => "restart-redis",
            Self::RestartPostgres => "restart-postgres",
            Self::FreezeWorker => "freeze-worker",
            Self::StopPlatform => "stop-platform",
            Self::StopTenant => "stop-tenant",
            Self::Outage => "outage",
        })
    }
}

/// What is hit.
pub(super) struct Target {
    pub(super) trestle: Trestle,
    pub(super) postgres: PostgresServer,
    pub(super) workers: usize,
    /// Longer than a lease.
    pub(super) freeze: Duration,
    /// The environment of each worker, beside its settings.
    pub(super) environments: Vec<Vec<(String, String)>>,
    /// What faults take that last while others are made.
    pub(super) means: Means,
    /// Those that last; what went wrong with them.
    pub(super) lasting: JoinSet<Vec<String>>,
}

impl Target {
    async fn hit(&mut self, fault: Fault, random: &mut Random) {
        match fault {
            Fault::KillWorker => self.restart_worker(random.below(self.workers)).await,
            Fault::KillApi => self.trestle.restart_server().await,
            Fault::FlushRedis => self.trestle.stores().redis.flush().await,
            Fault::RestartRedis => {
                self.redis().stop_immediate();
                let away = u64::try_from(random.below(AWAY_MS_MAX)).expect("small");
                tokio::time::sleep(Duration::from_millis(away)).await;
                self.redis().start_again().await;
            }
            Fault::RestartPostgres => self.postgres.start_again().await,
            Fault::FreezeWorker => {
                let worker = random.below(self.workers);
                self.trestle.worker(worker).signal("STOP");
                tokio::time::sleep(self.freeze).await;
                self.trestle.worker(worker).signal("CONT");
            }
            Fault::StopPlatform => self.stop(None, random),
            Fault::StopTenant => self.stop(Some(random.below(self.means.tenants.len())), random),
            Fault::Outage => drop(self.lasting.spawn(self.means.clone().outage())),
        }
    }

    /// Engages a kill switch for a while.
    fn stop(&mut self, tenant: Option<usize>, random: &mut Random) {
        let (least, more) = STOP_MS;
        let lasts = Duration::from_millis(u64::try_from(least + random.below(more)).expect("small"));
        self.lasting.spawn(self.means.clone().stop(tenant, lasts));
    }

    /// Waits for the end of what lasts; what went wrong with it.
    async fn calmed(&mut self) -> Vec<String> {
        let mut wrongs = Vec::new();
        while let Some(ended) = self.lasting.join_next().await {
            wrongs.extend(ended.expect("it does not panic"));
        }
        wrongs
    }

    pub(super) async fn restart_worker(&mut self, index: usize) {
        let environment: Vec<(&str, &str)> =
            self.environments[index].iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.trestle.restart_worker(index, &environment).await;
    }

    /// The processes that ended by themselves, which none may.
    fn ended(&mut self) -> Vec<String> {
        let mut ended = Vec::new();
        for index in 0..self.workers {
            let worker = self.trestle.worker(index);
            if let Some(status) = worker.exit_status() {
                ended.push(format!("{}: {status}; its log:\n{}", worker.name(), worker.log_tail()));
            }
        }
        if let Some(status) = self.trestle.server().exit_status() {
            ended.push(format!("the API: {status}; its log:\n{}", self.trestle.server().log_tail()));
        }
        ended
    }

    fn redis(&mut self) -> &mut RedisServer {
        let Redis::Own(redis) = &mut self.trestle.stores_mut().redis else { unreachable!("made for this") };
        redis
    }
}

/// What is known of the runs, looked at again and again.
#[derive(Default)]
pub(super) struct Watch {
    /// Runs that ended.
    pub(super) finished: AtomicUsize,
    over: AtomicBool,
    running: Mutex<Vec<Uuid>>,
    hits: Mutex<Vec<Hit>>,
}

/// A fault that was made, and the runs that were under way.
struct Hit {
    fault: Fault,
    at: Instant,
    runs: Vec<Uuid>,
    recovered: Option<Duration>,
}

impl Watch {
    /// Looks until [`Watch::end`].
    pub(super) async fn look(&self, url: &str) {
        let mut connection = None;
        loop {
            // Once more after the end, which is what the last faults wait for.
            let over = self.over.load(Ordering::Relaxed);
            // A server that is away is asked again.
            if connection.is_none() {
                connection = connect(url).await.ok();
            }
            if let Some(open) = &mut connection
                && self.look_once(open).await.is_err()
            {
                connection = None;
            }
            if over {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn look_once(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let finished: i64 =
            sqlx::query_scalar("SELECT count(*) FROM run WHERE status NOT IN ('QUEUED', 'RUNNING')")
                .fetch_one(&mut *connection)
                .await?;
        self.finished.store(usize::try_from(finished).expect("a count"), Ordering::Relaxed);
        let running: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM run WHERE status = 'RUNNING'")
            .fetch_all(&mut *connection)
            .await?;
        for hit in lock(&self.hits).iter_mut().filter(|hit| hit.recovered.is_none()) {
            if !hit.runs.iter().any(|run| running.contains(run)) {
                hit.recovered = Some(hit.at.elapsed());
            }
        }
        *lock(&self.running) = running;
        Ok(())
    }

    /// Ends looking.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// How often each fault was made, and how long after it the runs that were under way had ended, at most.
    pub(super) fn recoveries(&self) -> BTreeMap<String, (usize, Option<Duration>)> {
        let mut slowest: BTreeMap<String, (usize, Option<Duration>)> = BTreeMap::new();
        for hit in lock(&self.hits).iter() {
            let (times, longest) = slowest.entry(hit.fault.to_string()).or_default();
            *times += 1;
            *longest = (*longest).max(hit.recovered);
        }
        slowest
    }

    fn hit(&self, fault: Fault) {
        let runs = lock(&self.running).clone();
        lock(&self.hits).push(Hit { fault, at: Instant::now(), runs, recovered: None });
    }
}

/// Makes the faults of `plan`, spread over the `runs`. What went wrong with the processes themselves.
#[expect(clippy::print_stdout, reason = "a storm takes minutes, and who waits wants to see where it is")]
pub(super) async fn rage(
    target: &mut Target,
    plan: &[Fault],
    runs: usize,
    watch: &Watch,
    random: &mut Random,
) -> Vec<String> {
    let mut wrongs = Vec::new();
    let begin = Instant::now();
    for (number, fault) in plan.iter().enumerate() {
        let due = runs * (number + 1) / (plan.len() + 1);
        let waiting = Instant::now();
        tokio::time::sleep(GAP_MIN).await;
        while watch.finished.load(Ordering::Relaxed) < due && waiting.elapsed() < GAP_MAX {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        wrongs.extend(target.ended());
        if !wrongs.is_empty() {
            break;
        }
        watch.hit(*fault);
        let finished = watch.finished.load(Ordering::Relaxed);
        println!("{:6.1} s, {finished} of {runs} runs ended: {fault}", begin.elapsed().as_secs_f64());
        target.hit(*fault, random).await;
    }
    wrongs.extend(target.calmed().await);
    wrongs
}

async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    connection.execute("SET trestle.tenants = '*'").await?;
    Ok(connection)
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
