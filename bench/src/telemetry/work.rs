//! The work that is done with telemetry off and on, each by the measurement that it is from.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use super::{Bed, Round, Sent};
use crate::client::Client;
use crate::dispatch;
use crate::reads::data::Size;
use crate::reads::load::{Compare, Target};
use crate::reads::program::Program;
use crate::reads::question::{PORTAL, newest, shows};
use crate::report::percentile;
use crate::servers::Redis;
use crate::sync::{orders, program};
use crate::trestle::{Directory, Settings, Stores, Trestle};

/// Tenants whose portals ask.
const TENANTS: u32 = 100;
/// Integrations of all of them together.
const INTEGRATIONS: u32 = 1_000;
/// Each twentieth run has failures, some six.
const FAILURES_OF_A_HUNDRED_RUNS: u32 = 30;
/// The program is warm after this share of the time for which it is measured.
const WARM_UP: f64 = 0.3;
/// Portal queries of which all spans arrive: asked with pauses, and fewer than fit the program's queue.
const ALONE: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// Which work.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Portals read.
    Portal,
    /// Runs move nothing.
    Runs,
    /// Rows are moved.
    Rows,
}

/// All of it.
pub const KINDS: [Kind; 3] = [Kind::Portal, Kind::Runs, Kind::Rows];

impl Kind {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portal => "portal query",
            Self::Runs => "runs",
            Self::Rows => "rows",
        }
    }

    /// Whether there are so many traces that of a tenth some are there.
    pub fn has_many_traces(self) -> bool {
        !matches!(self, Self::Rows)
    }
}

/// What one time came to; times of the processor are in µs for each answer, run or row.
#[derive(Clone, Copy)]
pub struct Done {
    /// Answers, runs or rows a second.
    pub rate: f64,
    /// Milliseconds, where there are many that take their time.
    pub p99: Option<f64>,
    /// Of the program, all its processes.
    pub program_cpu: Option<f64>,
    /// Of PostgreSQL.
    pub postgres_cpu: Option<f64>,
    /// Of the collector.
    pub collector_cpu: Option<f64>,
    /// Answers, runs or rows of which telemetry arrived, those before it was warm included.
    pub all: f64,
}

/// Work that was made ready.
pub enum Work {
    /// The portal query, of tenants at random.
    Portal { program: Box<Program>, compare: Compare },
    /// Runs of integrations that move nothing.
    Runs { redis: Redis, trestle: Box<Trestle>, tenants: Vec<Vec<String>>, options: dispatch::Options },
    /// A file of rows.
    Rows { file: PathBuf, _directory: TempDir },
}

impl Work {
    /// Makes what it needs; the program is stopped afterwards.
    ///
    /// # Errors
    /// When something can't be started or made.
    pub async fn prepare(bed: &Bed<'_>, kind: Kind) -> anyhow::Result<Self> {
        match kind {
            Kind::Portal => portal(bed).await,
            Kind::Runs => runs(bed).await,
            Kind::Rows => {
                let directory = tempfile::Builder::new().prefix("trestle-bench-").tempdir()?;
                let file = directory.path().join("orders.csv");
                orders::write_file(&file, bed.options.rows, 0)?;
                Ok(Self::Rows { file, _directory: directory })
            }
        }
    }

    /// Does it once, by a program with these settings, which has ended when this gives its answer.
    ///
    /// # Errors
    /// When it goes wrong.
    pub async fn once(&mut self, bed: &Bed<'_>, settings: Settings) -> anyhow::Result<Done> {
        match self {
            Self::Portal { program, compare } => ask(bed, program, compare, settings).await,
            Self::Runs { redis, trestle, tenants, options } => {
                let database = bed.postgres.url("trestle");
                let redis = redis.url();
                let stores = Stores::Apart { database: &database, redis: &redis };
                trestle.resume(stores, settings)?;
                let admin = trestle.admin().await?;
                let watch = Watch::begin(bed, trestle.server().cpu());
                let round = dispatch::once(trestle, stores, bed.postgres, &admin, tenants, options).await?;
                let program_cpu =
                    trestle.server().cpu().zip(round.worker_cpu).map(|(api, worker)| api + worker);
                let done = watch.end(bed, program_cpu, round.runs);
                trestle.pause();
                Ok(Done { rate: round.done, ..done })
            }
            Self::Rows { file, .. } => {
                let (rows, kind) = (bed.options.rows, program::Kind::default());
                let watch = Watch::begin(bed, None);
                let round = program::measure(bed.bench, bed.postgres, file, rows, kind, settings).await?;
                let each = |seconds: f64| seconds * 1e6 / f64::from(rows);
                Ok(Done {
                    rate: f64::from(rows) / round.seconds,
                    // Without the start of the program.
                    program_cpu: round.cpu_seconds.map(each),
                    postgres_cpu: round.postgres_cpu_seconds.map(each),
                    ..watch.end(bed, None, f64::from(rows))
                })
            }
        }
    }

    /// Of portal queries that are asked with pauses, what arrives when every trace is sent; `None` of other work.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn alone(&mut self, bed: &Bed<'_>) -> anyhow::Result<Option<Round>> {
        let Self::Portal { program, .. } = self else { return Ok(None) };
        let settings = Sent::EveryTrace.settings(bed.collector, bed.options);
        program.resume(bed.postgres, settings)?;
        let tenant = program.tenants.first().context("there is a tenant")?;
        let portal = Client::with_token(&program.api(), &tenant.token)?;
        let before = bed.collector.counts().await?;
        let watch = Watch::begin(bed, program.cpu());
        for _ in 0..ALONE {
            portal.query(PORTAL, json!({})).await?;
            tokio::time::sleep(PAUSE).await;
        }
        let done = watch.end(bed, program.cpu(), f64::from(ALONE));
        program.pause();
        let arrived = bed.collector.counts().await?.since(before);
        Ok(Some(Round { done, arrived }))
    }
}

async fn portal(bed: &Bed<'_>) -> anyhow::Result<Work> {
    let runs = bed.options.portal_runs;
    let size = Size {
        tenants: TENANTS,
        integrations: INTEGRATIONS,
        runs,
        failures: runs / 100 * FAILURES_OF_A_HUNDRED_RUNS,
        has_health: false,
    };
    let mut program = Program::start(bed.bench, bed.postgres, "portal", size).await?;
    program.pause();
    let mut connection = PgConnection::connect(&bed.postgres.url(&program.database)).await?;
    let compare = shows(Arc::new(newest(&mut connection, &program.tenants, 0).await?));
    connection.close().await?;
    Ok(Work::Portal { program: Box::new(program), compare })
}

async fn runs(bed: &Bed<'_>) -> anyhow::Result<Work> {
    let redis = Redis::start()?;
    bed.postgres.create_database("trestle").await?;
    let (database, url) = (bed.postgres.url("trestle"), redis.url());
    let stores = Stores::Apart { database: &database, redis: &url };
    let defaults = dispatch::Options::default();
    let options = dispatch::Options {
        runs: bed.options.runs,
        integrations: defaults.integrations.min(bed.options.runs),
        concurrency: bed.options.concurrency,
        ..defaults
    };
    let (mut trestle, _) = Directory::create(bed.bench)?.start_server(stores)?;
    let admin = trestle.admin().await?;
    let tenants = dispatch::make_integrations(&admin, "bench", options.tenants, options.integrations).await?;
    trestle.pause();
    Ok(Work::Runs { redis, trestle: Box::new(trestle), tenants, options })
}

async fn ask(
    bed: &Bed<'_>,
    program: &mut Program,
    compare: &Compare,
    settings: Settings,
) -> anyhow::Result<Done> {
    program.resume(bed.postgres, settings)?;
    let requests = program.tenants.iter().map(|tenant| (tenant.token.clone(), json!({"query": PORTAL})));
    let target = Target::new(&program.api(), requests, compare.clone())?;
    let duration = Duration::from_secs(bed.options.seconds);
    let connections = bed.options.connections as usize;
    let warm = target.load(connections, duration.mul_f64(WARM_UP)).await?;
    let watch = Watch::begin(bed, program.cpu());
    let load = target.load(connections, duration).await?;
    let done = watch.end(bed, program.cpu(), load.answers as f64);
    program.pause();
    Ok(Done {
        rate: load.answers as f64 / load.seconds,
        p99: Some(percentile(&load.milliseconds, 99.0)),
        all: (warm.all() + load.all()) as f64,
        ..done
    })
}

/// Times of the processor at the beginning.
struct Watch {
    program: Option<Duration>,
    postgres: Option<Duration>,
    collector: Option<Duration>,
}

impl Watch {
    fn begin(bed: &Bed<'_>, program: Option<Duration>) -> Self {
        Self { program, postgres: bed.postgres.cpu(), collector: bed.collector.cpu() }
    }

    /// What they came to for each of so many; the rate is not known here.
    fn end(self, bed: &Bed<'_>, program: Option<Duration>, all: f64) -> Done {
        let each = |before: Option<Duration>, after: Option<Duration>| {
            Some(after?.saturating_sub(before?).as_secs_f64() * 1e6 / all)
        };
        Done {
            rate: f64::NAN,
            p99: None,
            program_cpu: each(self.program, program),
            postgres_cpu: each(self.postgres, bed.postgres.cpu()),
            collector_cpu: each(self.collector, bed.collector.cpu()),
            all,
        }
    }
}
