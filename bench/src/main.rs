//! Speed and memory of the real program, as an operator runs it, beside what PostgreSQL alone does on the same
//! machine in the same minutes. Deliberately absent: thresholds. A machine is slow or busy; nothing here fails a test.

mod backlog;
mod bullmq;
mod client;
mod dispatch;
mod latency;
mod process;
mod reads;
mod report;
mod servers;
mod slices;
mod startup;
mod sync;
mod trestle;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand};

/// Measures an optimised Trestle. PostgreSQL and Redis are started for it in a temporary directory, on free ports.
#[derive(Parser)]
#[command(name = "bench", about, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Rounds of each measurement; the median counts
    #[arg(long, default_value_t = 3, global = true, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
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
    /// What portals ask, beside a handler written by hand, PostGraphile, and GraphQL Yoga with Prisma
    Reads(reads::Options),
    /// All of them with their defaults
    All,
    /// Serves the portal query, for `reads`
    #[command(hide = true)]
    Handler(reads::HandlerOptions),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let What::Handler(options) = &arguments.what {
        return runtime.block_on(reads::serve_handler(options));
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
    let bench = Bench { program, rounds: arguments.rounds };
    runtime.block_on(async {
        report::machine();
        match arguments.what {
            What::Sync(options) => sync::measure(&bench, &options).await,
            What::Latency(options) => latency::measure(&bench, &options).await,
            What::Dispatch(options) => dispatch::measure(&bench, &options).await,
            What::Backlog(options) => backlog::measure(&bench, &options).await,
            What::Startup(options) => startup::measure(&bench, &options).await,
            What::Slices(options) => slices::measure(&bench, &options).await,
            What::Reads(options) => reads::measure(&bench, &options).await,
            What::Handler(_served) => Ok(()),
            What::All => {
                sync::measure(&bench, &sync::Options::default()).await?;
                latency::measure(&bench, &latency::Options::default()).await?;
                dispatch::measure(&bench, &dispatch::Options::default()).await?;
                backlog::measure(&bench, &backlog::Options::default()).await?;
                startup::measure(&bench, &startup::Options::default()).await?;
                slices::measure(&bench, &slices::Options::default()).await?;
                reads::measure(&bench, &reads::Options::default()).await
            }
        }
    })
}

/// What every measurement needs.
struct Bench {
    program: PathBuf,
    rounds: u32,
}
