//! Speed and memory of the real program, as an operator runs it, beside what PostgreSQL alone does on the same
//! machine in the same minutes. Deliberately absent: thresholds. A machine is slow or busy; nothing here fails a test.

mod backlog;
mod bullmq;
mod client;
mod dispatch;
mod latency;
mod live;
mod process;
mod reads;
mod report;
mod servers;
mod slices;
mod startup;
mod sync;
mod telemetry;
mod trestle;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand};

/// Rounds of most measurements.
const ROUNDS: u32 = 3;

/// Measures an optimised Trestle. PostgreSQL and Redis are started for it in a temporary directory, on free ports.
#[derive(Parser)]
#[command(name = "bench", about, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Rounds of each measurement; the median counts [default: 3, of `telemetry` 5]
    #[arg(long, global = true, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: Option<u32>,
    /// The program to measure [default: `trestle` beside this one]
    #[arg(long, value_name = "FILE", global = true)]
    trestle: Option<PathBuf>,
}

#[derive(Subcommand)]
enum What {
    /// A CSV file into a PostgreSQL table, beside psql's COPY
    Sync(sync::Options),
    /// From the answer of `startRun` to the start of the run
    Latency(latency::Options),
    /// Runs that do nothing, from their start by the API to their end, beside BullMQ on the same Redis
    Dispatch(dispatch::Options),
    /// What a run that does nothing costs, by how many are queued
    Backlog(backlog::Options),
    /// From the start of the process to its readiness, and what it takes when idle
    Startup(startup::Options),
    /// A table that several workers read in slices
    Slices(slices::Options),
    /// Thousands of open subscriptions: memory, and how long a change takes to all who listen
    Live(live::Options),
    /// What portals ask, beside a handler written by hand, PostGraphile, and GraphQL Yoga with Prisma
    Reads(reads::Options),
    /// What OpenTelemetry costs: the portal query, runs and a sync with it off and on
    Telemetry(telemetry::Options),
    /// All of them with their defaults
    All,
    /// Serves the portal query, for `reads`
    #[command(hide = true)]
    Handler(reads::HandlerOptions),
    /// Takes traces, metrics and logs, for `telemetry`
    #[command(hide = true)]
    Collector,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match &arguments.what {
        What::Handler(options) => return runtime.block_on(reads::serve_handler(options)),
        What::Collector => return runtime.block_on(telemetry::serve_collector()),
        _ => {}
    }
    let program = match arguments.trestle {
        // It is started in a directory of its own.
        Some(path) => std::path::absolute(path)?,
        None => std::env::current_exe().context("finding this program")?.with_file_name("trestle"),
    };
    anyhow::ensure!(
        program.is_file(),
        "there is no {}: build it by `cargo build --release --bin trestle`, or name one by --trestle",
        program.display()
    );
    let bench = Bench { program, rounds: arguments.rounds.unwrap_or(ROUNDS), rounds_asked: arguments.rounds };
    runtime.block_on(async {
        report::machine();
        match arguments.what {
            What::Sync(options) => sync::measure(&bench, &options).await,
            What::Latency(options) => latency::measure(&bench, &options).await,
            What::Dispatch(options) => dispatch::measure(&bench, &options).await,
            What::Backlog(options) => backlog::measure(&bench, &options).await,
            What::Startup(options) => startup::measure(&bench, &options).await,
            What::Slices(options) => slices::measure(&bench, &options).await,
            What::Live(options) => live::measure(&bench, &options).await,
            What::Reads(options) => reads::measure(&bench, &options).await,
            What::Telemetry(options) => telemetry::measure(&bench, &options).await,
            What::Handler(_) | What::Collector => Ok(()),
            What::All => {
                sync::measure(&bench, &sync::Options::default()).await?;
                latency::measure(&bench, &latency::Options::default()).await?;
                dispatch::measure(&bench, &dispatch::Options::default()).await?;
                backlog::measure(&bench, &backlog::Options::default()).await?;
                startup::measure(&bench, &startup::Options::default()).await?;
                slices::measure(&bench, &slices::Options::default()).await?;
                live::measure(&bench, &live::Options::default()).await?;
                reads::measure(&bench, &reads::Options::default()).await?;
                telemetry::measure(&bench, &telemetry::Options::default()).await
            }
        }
    })
}

/// What every measurement needs.
struct Bench {
    program: PathBuf,
    rounds: u32,
    /// What was said about the rounds, for those who want more of them by default.
    rounds_asked: Option<u32>,
}
