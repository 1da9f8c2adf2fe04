//! How many runs a second are queued and done that have nothing to move: what a run costs besides its records. Each is as
//! durable as any: row, job, claim, streams, events and end in PostgreSQL, with fsync.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use futures::future::try_join_all;
use serde_json::json;
use tokio::task::JoinSet;

use crate::Bench;
use crate::bullmq::{BullMq, Rates};
use crate::client::Client;
use crate::process::Process;
use crate::report::{median, number, progress, table, thousands};
use crate::servers::{Postgres, Redis};
use crate::trestle::{Directory, Stores, Trestle};

/// Longer than any round may take.
const ROUND_LIMIT: Duration = Duration::from_secs(600);
/// How often it is asked whether all is done, which costs what is measured some time.
const POLL: Duration = Duration::from_millis(250);
/// Integrations made by one request.
const MADE_AT_ONCE: usize = 50;

/// How much is dispatched.
#[derive(Args)]
pub struct Options {
    /// Runs of a round
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// Integrations, of which each has one run at a time
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub integrations: u32,
    /// Tenants that they belong to
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub tenants: u32,
    /// Runs at once, and jobs at once of BullMQ
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub concurrency: u32,
    /// Requests at once that queue runs one by one
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub requests: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { runs: 20_000, integrations: 10_000, tenants: 10, concurrency: 50, requests: 50 }
    }
}

/// Measures queueing and doing, beside BullMQ.
///
/// # Errors
/// When something can't be started, or a run fails.
pub async fn measure(bench: &Bench, options: &Options) -> anyhow::Result<()> {
    let postgres = Postgres::start().await?;
    let redis = Redis::start()?;
    postgres.create_database("trestle").await?;
    let (database, url) = (postgres.url("trestle"), redis.url());
    let stores = Stores::Apart { database: &database, redis: &url };
    let bullmq = BullMq::install()?;
    if bullmq.is_none() {
        progress("BullMQ is left out: there is no Node.js");
    }
    let (mut program, _) = Directory::create(bench)?.start_server(stores)?;
    let admin = program.admin().await?;
    progress(&format!("making {} integrations of {} tenants", options.integrations, options.tenants));
    let tenants = make_integrations(&admin, "bench", options.tenants, options.integrations).await?;
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        progress(&format!("round {round}: {} runs", options.runs));
        ours.push(once(&mut program, stores, &postgres, &admin, &tenants, options).await?);
        if let Some(bullmq) = &bullmq {
            peer.push(bullmq.measure(&redis, options.runs, options.concurrency)?);
        }
    }
    let ours = |rate: fn(&Round) -> f64| median(ours.iter().map(|round| Some(rate(round))));
    let peer = |rate: fn(&Rates) -> f64| median(peer.iter().map(|rates| Some(rate(rates))));
    let (queued, peers_queued) = (ours(|round| round.together), peer(|rates| rates.enqueue));
    let (done, peers_done) = (ours(|round| round.done), peer(|rates| rates.drain));
    let ratio = |ours: Option<f64>, peers: Option<f64>| number(ours.zip(peers).map(|(a, b)| a / b), 2);
    let rate = |rate: Option<f64>| rate.map_or_else(|| "–".to_owned(), thousands);
    let lines = [
        ["what", "queued one by one/s", "together/s", "done/s"].map(str::to_owned).to_vec(),
        vec![
            "trestle, PostgreSQL and Redis".to_owned(),
            rate(ours(|round| round.one_by_one)),
            rate(queued),
            rate(done),
        ],
        vec!["BullMQ, Redis".to_owned(), "–".to_owned(), rate(peers_queued), rate(peers_done)],
        vec!["ratio".to_owned(), "–".to_owned(), ratio(queued, peers_queued), ratio(done, peers_done)],
    ];
    let heading = format!(
        "{} runs that move nothing, of {} integrations and {} tenants, {} at once",
        options.runs, options.integrations, options.tenants, options.concurrency
    );
    table(&heading, &lines);
    Ok(())
}

/// How runs are queued.
#[derive(Clone, Copy)]
pub enum Enqueue {
    /// A request for each.
    OneByOne,
    /// A request for all of a tenant.
    Together,
}

/// What one round of Trestle came to, in runs a second.
pub struct Round {
    /// Queued by a request for each.
    pub one_by_one: f64,
    /// Queued by a request for all of a tenant.
    pub together: f64,
    /// Done, from the first claim to the last end.
    pub done: f64,
    /// All that were queued and done.
    pub runs: f64,
    /// Time of the processor that the worker took.
    pub worker_cpu: Option<Duration>,
}

/// Queues the runs and then starts a worker, which is stopped when all are done.
///
/// # Errors
/// When a run fails, or they do not end.
pub async fn once(
    program: &mut Trestle,
    stores: Stores<'_>,
    postgres: &Postgres,
    admin: &Client,
    tenants: &[Vec<String>],
    options: &Options,
) -> anyhow::Result<Round> {
    let done = "SELECT count(*)::float8 FROM job WHERE status = 'DONE'";
    let before = postgres.number("trestle", done).await?;
    // A tenth of them, which is enough for a rate.
    let alone = (options.runs / 10).max(1);
    let one_by_one = enqueue(admin, tenants, alone, Enqueue::OneByOne, options.requests).await?;
    let together = enqueue(admin, tenants, options.runs, Enqueue::Together, 2).await?;
    let runs = f64::from(alone) + f64::from(options.runs);
    let concurrency = options.concurrency.to_string();
    program.start_worker(
        stores,
        &[("TRESTLE_WORKERS", &concurrency), ("TRESTLE_TENANT_CONCURRENCY", &concurrency)],
    )?;
    let waiting = async {
        while postgres.number("trestle", done).await? < before + runs {
            tokio::time::sleep(POLL).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(ROUND_LIMIT, waiting).await.context("the runs do not end")??;
    let worker_cpu = program.worker().and_then(Process::cpu);
    program.stop_worker();
    // From the first claim, so that the start of the worker is not in it, to the last end.
    let seconds = format!(
        "SELECT extract(epoch FROM max(finished_at) - min(started_at))::float8 \
         FROM (SELECT * FROM run ORDER BY id DESC LIMIT {runs}) AS round"
    );
    let seconds = postgres.number("trestle", &seconds).await?;
    let failed = "SELECT count(*)::float8 FROM run WHERE status <> 'SUCCEEDED'";
    ensure!(postgres.number("trestle", failed).await? == 0.0, "a run did not succeed");
    Ok(Round { one_by_one, together, done: runs / seconds, runs, worker_cpu })
}

/// Queues the runs, the integrations of each tenant in turn, and gives how many a second.
pub async fn enqueue(
    admin: &Client,
    tenants: &[Vec<String>],
    runs: u32,
    how: Enqueue,
    requests: u32,
) -> anyhow::Result<f64> {
    let mut calls: Vec<Vec<String>> = Vec::new();
    let mut left = runs as usize;
    while left > 0 {
        for integrations in tenants {
            let mine = &integrations[..integrations.len().min(left)];
            left -= mine.len();
            match how {
                Enqueue::OneByOne => calls.extend(mine.iter().map(|id| vec![id.clone()])),
                Enqueue::Together => calls.push(mine.to_vec()),
            }
        }
    }
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for first in 0..requests as usize {
        let admin = admin.clone();
        let mine: Vec<_> = calls.iter().skip(first).step_by(requests as usize).cloned().collect();
        tasks.spawn(async move {
            for integrations in mine.into_iter().filter(|integrations| !integrations.is_empty()) {
                match integrations.as_slice() {
                    [one] => admin.start_run(one).await.map(drop)?,
                    several => admin.start_runs(several).await?,
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(f64::from(runs) / started.elapsed().as_secs_f64())
}

/// Makes integrations that move nothing, and gives those of each tenant; the tenants are called after `slug`.
pub async fn make_integrations(
    admin: &Client,
    slug: &str,
    tenants: u32,
    integrations: u32,
) -> anyhow::Result<Vec<Vec<String>>> {
    let mut made_of = Vec::new();
    for number in 0..tenants {
        let tenant = admin.tenant(&format!("{slug}-{number}")).await?;
        let system = admin.system(&tenant, "sandbox", json!({}), None).await?;
        let inputs: Vec<_> = (number..integrations)
            .step_by(tenants as usize)
            .map(|integration| {
                json!({
                    "tenantId": tenant, "name": format!("Nothing {integration}"), "sourceId": system,
                    "destinationId": system,
                    "streams": [{
                        "name": "nothing", "mode": "FULL", "keyFields": ["id"], "source": {"records": 0},
                        "destination": {},
                    }],
                })
            })
            .collect();
        let mut ids = Vec::with_capacity(inputs.len());
        for some in inputs.chunks(MADE_AT_ONCE) {
            let made = some
                .iter()
                .map(|input| admin.mutate("createIntegration", input.clone(), "integration { id }"));
            for payload in try_join_all(made).await? {
                ids.push(payload["integration"]["id"].as_str().unwrap_or_default().to_owned());
            }
        }
        made_of.push(ids);
    }
    Ok(made_of)
}
