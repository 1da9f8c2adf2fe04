//! How long a run waits for its start when nothing else is going on: from the answer of `startRun`, which says that the
//! run is stored, to the moment when the run is under way.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use crate::Bench;
use crate::client::Client;
use crate::report::{self, percentile, progress, table};
use crate::servers::{Postgres, Redis};
use crate::trestle::{Directory, Stores};

/// How often the run is looked at.
const POLL: Duration = Duration::from_millis(1);
/// A run that has not started by now does not count as late but as broken.
const START_LIMIT: Duration = Duration::from_secs(60);
/// The first runs warm connections and statements up, and are not counted.
const WARM_UP: u32 = 10;
/// The pauses between runs differ by this, so that they do not march in step with any timer of the program.
const PAUSE_STEP: Duration = Duration::from_millis(7);
const PAUSES: u32 = 13;

/// How it is sampled.
#[derive(Args)]
pub struct Options {
    /// Runs for each way of running the program
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    samples: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { samples: 300 }
    }
}

/// What a part of the latency is called, and how it is read off a sample, in milliseconds.
type Part = (&'static str, fn(&Sample) -> f64);

/// One run, in milliseconds.
struct Sample {
    /// From asking to the answer of `startRun`.
    answer: f64,
    /// From the answer to the first answer that says that the run is under way; that question's own time is in it.
    started: f64,
    /// From asking for the run to the first answer that says that its one record arrived.
    finished: f64,
}

/// Measures the program all in one process, and apart on PostgreSQL and Redis.
///
/// # Errors
/// When something can't be started, or a run fails.
pub async fn measure(bench: &Bench, options: &Options) -> anyhow::Result<()> {
    let postgres = Postgres::start().await?;
    let redis = Redis::start()?;
    postgres.create_database("trestle").await?;
    let (database, redis) = (postgres.url("trestle"), redis.url());
    let header = ["what", "p50 ms", "p90 ms", "p99 ms", "most ms"].map(str::to_owned).to_vec();
    let mut lines = vec![header];
    let cases = [
        ("one process, SQLite", Stores::Embedded),
        ("API and worker, PostgreSQL, Redis", Stores::Apart { database: &database, redis: &redis }),
    ];
    for (name, stores) in cases {
        progress(&format!("{} runs, {name}", options.samples));
        let samples = sample(bench, stores, options.samples).await.with_context(|| name)?;
        let parts: [Part; 3] = [
            ("startRun asked → answered", |sample| sample.answer),
            ("answered → seen started", |sample| sample.started),
            ("asked → seen finished", |sample| sample.finished),
        ];
        for (part, value) in parts {
            let values: Vec<f64> = samples.iter().map(value).collect();
            let mut line = vec![format!("{name}: {part}")];
            line.extend(
                [50.0, 90.0, 99.0, 100.0].map(|percent| format!("{:.1}", percentile(&values, percent))),
            );
            lines.push(line);
        }
    }
    let heading =
        format!("Start of a run when idle, {} runs of one record, polled every millisecond", options.samples);
    table(&heading, &lines);
    Ok(())
}

async fn sample(bench: &Bench, stores: Stores<'_>, count: u32) -> anyhow::Result<Vec<Sample>> {
    let (program, _) = Directory::create(bench)?.start(stores)?;
    let admin = program.admin().await?;
    let tenant = admin.tenant("bench").await?;
    let system = admin.system(&tenant, "sandbox", json!({}), None).await?;
    let stream = json!({
        "name": "records", "mode": "FULL", "keyFields": ["id"], "source": {"records": 1}, "destination": {},
    });
    let integration = admin.integration(&tenant, &system, &system, stream).await?;
    let mut samples = Vec::with_capacity(count as usize);
    for number in 0..WARM_UP + count {
        let sample = tokio::time::timeout(START_LIMIT, one(&admin, &integration));
        let sample = sample.await.context("the run does not end")??;
        if number >= WARM_UP {
            samples.push(sample);
        }
        tokio::time::sleep(PAUSE_STEP * (1 + number % PAUSES)).await;
    }
    Ok(samples)
}

async fn one(admin: &Client, integration: &str) -> anyhow::Result<Sample> {
    let asked = Instant::now();
    let run = admin.start_run(integration).await?;
    let answered = Instant::now();
    let mut started = None;
    loop {
        let now = admin.run(&run).await?;
        let status = now["status"].as_str().unwrap_or_default();
        if status != "QUEUED" {
            started.get_or_insert_with(Instant::now);
        }
        match (status, started) {
            ("QUEUED" | "RUNNING", _) => tokio::time::sleep(POLL).await,
            ("SUCCEEDED", Some(started)) => {
                return Ok(Sample {
                    answer: report::milliseconds(answered - asked),
                    started: report::milliseconds(started - answered),
                    finished: report::milliseconds(asked.elapsed()),
                });
            }
            _ => bail!("the run did not succeed: {now:#}"),
        }
    }
}
