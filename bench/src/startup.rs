//! How soon the program is ready on data that it has, and what it takes while nothing happens.

use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::Bench;
use crate::process::Process;
use crate::report::{mebibytes, median, milliseconds, number, progress, table};
use crate::servers::{Postgres, Redis};
use crate::trestle::{Directory, Stores};

/// Starts of a round: one is over in an instant.
const STARTS: u32 = 5;

/// What happens right after a start is no idling.
const SETTLING: Duration = Duration::from_secs(3);

/// How long it is looked at.
#[derive(Args)]
pub struct Options {
    /// Seconds of doing nothing, for memory and processor time
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    idle_seconds: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { idle_seconds: 10 }
    }
}

/// Measures starts on an existing embedded database, and then an idle process.
///
/// # Errors
/// When the program can't be started.
pub async fn measure(bench: &Bench, options: &Options) -> anyhow::Result<()> {
    progress("starting on an existing embedded database");
    let (program, first) = Directory::create(bench)?.start(Stores::Embedded)?;
    let mut directory = program.stop();
    let mut starts = Vec::new();
    for _ in 0..STARTS * bench.rounds {
        let (program, took) = directory.start(Stores::Embedded)?;
        starts.push(Some(milliseconds(took)));
        directory = program.stop();
    }
    let (program, _) = directory.start(Stores::Embedded)?;
    progress(&format!("idle for {} s", options.idle_seconds));
    let [idle] = idle([program.server()], options.idle_seconds).await;
    let resident = program.server().memory_bytes().map(mebibytes);
    drop(program);
    progress(&format!("idle for {} s, API and worker apart", options.idle_seconds));
    let [api, worker] = idle_apart(bench, options).await?;
    let line = |what: &str, value: Option<f64>, places, unit: &str| {
        vec![what.to_owned(), format!("{} {unit}", number(value, places))]
    };
    let lines = [
        vec!["what".to_owned(), "value".to_owned()],
        line("first start, empty directory, to `listening on`", Some(milliseconds(first)), 0, "ms"),
        line("start on an existing database (median)", median(starts), 0, "ms"),
        line("idle: memory resident", resident, 0, "MiB"),
        line("idle: processor", idle, 2, "% of a core"),
        line("idle, on PostgreSQL and Redis: processor of the API", api, 2, "% of a core"),
        line("idle, on PostgreSQL and Redis: processor of the worker", worker, 2, "% of a core"),
    ];
    table("Start and idle, one process on SQLite where nothing else is said", &lines);
    Ok(())
}

async fn idle_apart(bench: &Bench, options: &Options) -> anyhow::Result<[Option<f64>; 2]> {
    let postgres = Postgres::start().await?;
    let redis = Redis::start()?;
    postgres.create_database("trestle").await?;
    let (database, url) = (postgres.url("trestle"), redis.url());
    let (program, _) = Directory::create(bench)?.start(Stores::Apart { database: &database, redis: &url })?;
    let worker = program.worker().context("the worker was started")?;
    tokio::time::sleep(SETTLING).await;
    Ok(idle([program.server(), worker], options.idle_seconds).await)
}

/// What each takes of a core, in percent, while nothing happens.
async fn idle<const N: usize>(processes: [&Process; N], seconds: u32) -> [Option<f64>; N] {
    let before = processes.map(Process::cpu);
    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
    let after = processes.map(Process::cpu);
    std::array::from_fn(|place| {
        let used = after[place].zip(before[place]).map(|(after, before)| after - before);
        used.map(|used| used.as_secs_f64() / f64::from(seconds) * 100.0)
    })
}
