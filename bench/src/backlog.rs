//! What a run costs by how many are queued: time, the worker's memory, and Redis' memory, which is empty again when all is
//! done. And how soon the run of a tenant starts who has no part in the backlog.

use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;

use crate::Bench;
use crate::client::Client;
use crate::dispatch::{Enqueue, enqueue, make_integrations};
use crate::report::{mebibytes, number, progress, table, thousands};
use crate::servers::{Postgres, Redis};
use crate::trestle::{Directory, Stores, Trestle};

/// Longer than any backlog takes.
const LIMIT: Duration = Duration::from_secs(1_800);
/// How often a run of another tenant is started.
const OTHER_INTERVAL: Duration = Duration::from_millis(200);
/// Of so many of them one asks what is done, which reads the whole table.
const OTHERS_EACH_POLL: u32 = 5;
/// Requests at once that queue runs.
const REQUESTS: u32 = 2;
/// The runs that are timed: the first ones of a backlog.
const TIMED: [u64; 2] = [1_000, 10_000];
/// A larger backlog is not waited for, but for as many as are timed.
const DRAINED_MAX: u32 = 100_000;

/// How much is queued.
#[derive(Args)]
pub struct Options {
    /// Runs queued before the worker starts, one backlog after the other
    #[arg(long, value_delimiter = ',', default_values_t = BACKLOGS, value_parser = clap::value_parser!(u32).range(1_000..))]
    backlogs: Vec<u32>,
    /// Integrations, of which each has one run at a time
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1_000..=100_000))]
    integrations: u32,
    /// Tenants that they belong to
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    tenants: u32,
    /// Runs at once
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    concurrency: u32,
}

const BACKLOGS: [u32; 3] = [1_000, 100_000, 1_000_000];

impl Default for Options {
    fn default() -> Self {
        Self { backlogs: BACKLOGS.to_vec(), integrations: 10_000, tenants: 10, concurrency: 200 }
    }
}

/// Measures each backlog with a worker of its own.
///
/// # Errors
/// When something can't be started, or a run fails.
pub async fn measure(bench: &Bench, options: &Options) -> anyhow::Result<()> {
    let postgres = Postgres::start().await?;
    let redis = Redis::start()?;
    postgres.create_database("trestle").await?;
    let (database, url) = (postgres.url("trestle"), redis.url());
    let stores = Stores::Apart { database: &database, redis: &url };
    let (mut program, _) = Directory::create(bench)?.start_server(stores)?;
    let admin = program.admin().await?;
    progress(&format!("making {} integrations of {} tenants", options.integrations, options.tenants));
    let tenants = make_integrations(&admin, "crowd", options.tenants, options.integrations).await?;
    let other = make_integrations(&admin, "other", 1, 1).await?.concat().concat();
    let mut lines = vec![
        [
            "queued",
            "first 1,000: ms each",
            "first 10,000: ms each",
            "worker, most MiB",
            "Redis, bytes each",
            "Redis after, KiB and keys",
            "another tenant's start, p50 ms",
            "p99 ms",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for &runs in &options.backlogs {
        progress(&format!("{} runs", thousands(f64::from(runs))));
        let backlog =
            once(&mut program, stores, &postgres, &redis, &admin, (&tenants, &other), options, runs).await?;
        let [first, more] = backlog.milliseconds;
        lines.push(vec![
            thousands(f64::from(runs)),
            number(first, 3),
            number(more, 3),
            number(backlog.worker_bytes.map(mebibytes), 0),
            number(Some(backlog.redis_bytes_each), 0),
            backlog
                .left
                .map_or_else(|| "–".to_owned(), |(bytes, keys)| format!("{} and {keys}", bytes / 1024)),
            number(backlog.other_start[0], 1),
            number(backlog.other_start[1], 1),
        ]);
    }
    let heading = format!(
        "Runs that move nothing, of {} integrations and {} tenants, {} at once, by how many are queued",
        options.integrations, options.tenants, options.concurrency
    );
    table(&heading, &lines);
    Ok(())
}

struct Backlog {
    /// Of each of the first runs, by [`TIMED`]; `None` where fewer were queued.
    milliseconds: [Option<f64>; 2],
    worker_bytes: Option<u64>,
    redis_bytes_each: f64,
    /// Redis' memory, more than it had before, and its keys, when all was done.
    left: Option<(i64, i64)>,
    /// From queued to started, of runs of a tenant who has no backlog: median and 99th percentile.
    other_start: [Option<f64>; 2],
}

#[expect(clippy::too_many_arguments, reason = "what a measurement is made of")]
async fn once(
    program: &mut Trestle,
    stores: Stores<'_>,
    postgres: &Postgres,
    redis: &Redis,
    admin: &Client,
    (tenants, other): (&[Vec<String>], &str),
    options: &Options,
    runs: u32,
) -> anyhow::Result<Backlog> {
    let (empty, _) = redis.memory_and_keys()?;
    let count = "SELECT count(*)::float8 FROM run";
    let earlier = postgres.number("trestle", count).await?;
    let count =
        "SELECT count(*)::float8 FROM run JOIN tenant ON tenant.id = run.tenant_id WHERE slug LIKE '%other%'";
    let other_earlier = postgres.number("trestle", count).await?;
    enqueue(admin, tenants, runs, Enqueue::Together, REQUESTS).await?;
    let (full, _) = redis.memory_and_keys()?;
    let concurrency = options.concurrency.to_string();
    program.start_worker(
        stores,
        &[("TRESTLE_WORKERS", &concurrency), ("TRESTLE_TENANT_CONCURRENCY", &concurrency)],
    )?;
    let is_drained = runs <= DRAINED_MAX;
    let wanted = if is_drained { u64::from(runs) } else { TIMED[1] };
    let done = "SELECT count(*)::float8 FROM run WHERE finished_at IS NOT NULL";
    let done_before = postgres.number("trestle", done).await?;
    let waiting = async {
        while postgres.number("trestle", done).await? < done_before + wanted as f64 {
            for _ in 0..OTHERS_EACH_POLL {
                admin.start_run(other).await?;
                tokio::time::sleep(OTHER_INTERVAL).await;
            }
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(LIMIT, waiting).await.context("the runs do not end")??;
    let worker_bytes = program.worker().and_then(crate::process::Process::memory_peak_bytes);
    program.stop_worker();
    let failed = "SELECT count(*)::float8 FROM run WHERE status NOT IN ('SUCCEEDED', 'QUEUED', 'RUNNING')";
    ensure!(postgres.number("trestle", failed).await? == 0.0, "a run did not succeed");
    let mut milliseconds = [None; 2];
    for (each, timed) in milliseconds.iter_mut().zip(TIMED).filter(|(_, timed)| *timed <= u64::from(runs)) {
        let seconds = format!(
            "SELECT extract(epoch FROM max(finished_at) - min(started_at))::float8 FROM \
             (SELECT started_at, finished_at FROM (SELECT * FROM run ORDER BY id OFFSET {earlier}) AS backlog \
             WHERE finished_at IS NOT NULL ORDER BY finished_at LIMIT {timed}) AS first"
        );
        *each = Some(postgres.number("trestle", &seconds).await? * 1_000.0 / timed as f64);
    }
    let mut other_start = [None; 2];
    for (start, fraction) in other_start.iter_mut().zip([0.5, 0.99]) {
        let milliseconds = format!(
            "SELECT coalesce(percentile_disc({fraction}) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - queued_at) \
             * 1000), -1)::float8 FROM (SELECT run.* FROM run JOIN tenant ON tenant.id = run.tenant_id \
             WHERE tenant.slug LIKE '%other%' ORDER BY run.id OFFSET {other_earlier}) AS other \
             WHERE started_at IS NOT NULL"
        );
        *start = Some(postgres.number("trestle", &milliseconds).await?).filter(|start| *start >= 0.0);
    }
    let left = if is_drained {
        let (bytes, keys) = redis.memory_and_keys()?;
        Some((bytes - empty, keys))
    } else {
        None
    };
    let redis_bytes_each = (full - empty) as f64 / f64::from(runs);
    Ok(Backlog { milliseconds, worker_bytes, redis_bytes_each, left, other_start })
}
