//! How soon the program is ready on data that it has, and what it takes while nothing happens.

use std::time::Duration;

use clap::Args;

use crate::Bench;
use crate::report::{mebibytes, median, milliseconds, number, progress, table};
use crate::trestle::{Directory, Stores};

/// Starts of a round: one is over in an instant.
const STARTS: u32 = 5;

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
    let before = program.server().cpu();
    tokio::time::sleep(Duration::from_secs(options.idle_seconds.into())).await;
    let idle = program
        .server()
        .cpu()
        .zip(before)
        .map(|(after, before)| (after - before).as_secs_f64() / f64::from(options.idle_seconds) * 100.0);
    let resident = program.server().memory_bytes().map(mebibytes);
    let line = |what: &str, value: Option<f64>, places, unit: &str| {
        vec![what.to_owned(), format!("{} {unit}", number(value, places))]
    };
    let lines = [
        vec!["what".to_owned(), "value".to_owned()],
        line("first start, empty directory, to `listening on`", Some(milliseconds(first)), 0, "ms"),
        line("start on an existing database (median)", median(starts), 0, "ms"),
        line("idle: memory resident", resident, 0, "MiB"),
        line("idle: processor", idle, 2, "% of a core"),
    ];
    table("Start and idle, one process on SQLite", &lines);
    Ok(())
}
