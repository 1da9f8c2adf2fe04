//! How fast records arrive: a million orders from a CSV file, or from another PostgreSQL table, into a PostgreSQL table by
//! key; the whole way through the program with its accounting. Beside it, in the same rounds, what PostgreSQL itself needs
//! for the same rows, and what a team would otherwise use.

pub mod orders;
mod peers;
pub mod program;
mod psql;

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use self::peers::Peers;
use crate::Bench;
use crate::report::{median, number, progress, table, thousands};
use crate::servers::Postgres;
use crate::trestle::Settings;

/// What is synced.
#[derive(Args)]
pub struct Options {
    /// Rows, about 100 bytes each
    #[arg(long, default_value_t = 1_000_000)]
    rows: u32,
    /// Only the case of this name, or where there is none, those whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Where the peers are or are to be installed, a Python environment
    #[arg(long, value_name = "DIRECTORY", default_value = "target/tools/bench-peers")]
    peers: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self { rows: 1_000_000, only: String::new(), peers: PathBuf::from("target/tools/bench-peers") }
    }
}

/// One way for the rows into the table.
struct Case {
    name: &'static str,
    way: Way,
    rounds: Vec<Round>,
}

/// What moves the rows.
#[derive(Clone, Copy)]
enum Way {
    /// `COPY` into the table with its primary key.
    Copy,
    /// `COPY` into a staging table and `INSERT … ON CONFLICT`; again: of rows that are all there.
    Merge { again: bool },
    /// `COPY` out of one table into the other.
    CopyTable,
    /// sling: the fastest of the peers that load what they are given.
    Sling { from_table: bool },
    /// dlt as its introduction says: rows in Python.
    DltRows,
    /// dlt with Arrow tables, merged by key.
    DltMerge,
    /// Singer: a pipe of rows into the Meltano target.
    Singer,
    /// Through the program.
    Program(program::Kind),
}

/// What one time took.
#[derive(Clone, Copy)]
pub struct Round {
    /// Of the run; of peers the whole process, which is how they run.
    pub seconds: f64,
    /// So many were moved.
    pub rows: u32,
    /// Most memory of what moved them, in MiB.
    pub memory_peak: Option<f64>,
    /// Time of the processor that it took.
    pub cpu_seconds: Option<f64>,
    /// The same of PostgreSQL.
    pub postgres_cpu_seconds: Option<f64>,
}

/// Measures every case in alternating rounds.
///
/// # Errors
/// When something can't be started, or not every record arrives.
pub async fn measure(bench: &Bench, options: &Options) -> anyhow::Result<()> {
    use program::Kind;
    let embedded = |kind: Kind| Way::Program(Kind { embedded: true, ..kind });
    let of = Kind::default();
    let again = Kind { again: true, ..of };
    let mapped = Kind { mapped: true, ..of };
    let refused = Kind { bad_percent: 100, ..mapped };
    let from_table = |slices| Way::Program(Kind { from_table: Some(slices), ..of });
    let mut cases = [
        ("psql COPY, table with key", Way::Copy),
        ("psql COPY to staging, merge", Way::Merge { again: false }),
        ("psql COPY to staging, merge, nothing changed", Way::Merge { again: true }),
        ("sling", Way::Sling { from_table: false }),
        ("dlt, Python rows (a tenth)", Way::DltRows),
        ("Singer, target-postgres (a tenth)", Way::Singer),
        ("trestle on SQLite", embedded(of)),
        ("trestle on SQLite, nothing changed", embedded(again)),
        ("trestle on SQLite, mapping and rules", embedded(mapped)),
        ("trestle on PostgreSQL", Way::Program(of)),
        ("trestle on PostgreSQL, nothing changed", Way::Program(again)),
        ("trestle on PostgreSQL, mapping and rules", Way::Program(mapped)),
        ("trestle on PostgreSQL, 1 % bad", Way::Program(Kind { bad_percent: 1, ..of })),
        ("trestle on PostgreSQL, all bad", Way::Program(Kind { bad_percent: 100, ..of })),
        (
            "trestle on PostgreSQL, rules, all bad, gate off",
            Way::Program(Kind { gate: Some(false), ..refused }),
        ),
        (
            "trestle on PostgreSQL, rules, all bad, gate on",
            Way::Program(Kind { gate: Some(true), ..refused }),
        ),
        ("table: psql COPY", Way::CopyTable),
        ("table: sling, incremental", Way::Sling { from_table: true }),
        ("table: dlt, Arrow, merge", Way::DltMerge),
        ("table: trestle on PostgreSQL, incremental", from_table(0)),
        ("table: trestle on PostgreSQL, incremental, undivided", from_table(1)),
        (
            "table: a worker of trestle, PostgreSQL and Redis, incremental",
            Way::Program(Kind { from_table: Some(0), apart: true, ..of }),
        ),
    ]
    .map(|(name, way)| Case { name, way, rounds: Vec::new() });

    let is_one = cases.iter().any(|case| case.name == options.only);
    let is_wanted =
        |case: &Case| if is_one { case.name == options.only } else { case.name.contains(&options.only) };
    let wants_peers = cases
        .iter()
        .filter(|case| is_wanted(case))
        .any(|case| matches!(case.way, Way::Sling { .. } | Way::DltRows | Way::DltMerge | Way::Singer));
    let peers = if wants_peers { Peers::install(&options.peers)? } else { None };
    let postgres = Postgres::start().await?;
    let directory = tempfile::Builder::new().prefix("trestle-bench-").tempdir()?;
    let file = directory.path().join("orders.csv");
    progress(&format!("writing {} rows", thousands(f64::from(options.rows))));
    let bytes = orders::write_file(&file, options.rows, 0)?;
    for number in 1..=bench.rounds {
        for case in cases.iter_mut().filter(|case| is_wanted(case)) {
            let rows = options.rows;
            let round = match (case.way, &peers) {
                (Way::Copy | Way::Merge { .. } | Way::CopyTable, _) => {
                    psql::measure(&postgres, &file, case.way, rows).await
                }
                (Way::Program(kind), _) => {
                    let settings = Settings::new();
                    program::measure(bench, &postgres, &file, rows, kind, settings).await
                }
                (way, Some(peers)) => peers.measure(&postgres, &file, way, rows).await,
                (_, None) => continue,
            };
            let round = round.with_context(|| case.name)?;
            progress(&format!("round {number}, {}: {:.2} s", case.name, round.seconds));
            case.rounds.push(round);
        }
    }
    print(&cases, options.rows, bytes);
    Ok(())
}

fn print(cases: &[Case], rows: u32, bytes: u64) {
    let per_row =
        |case: &Case| median(case.rounds.iter().map(|round| Some(round.seconds / f64::from(round.rows))));
    let of = |way: fn(&Way) -> bool| cases.iter().find(|case| way(&case.way)).and_then(per_row);
    let copy = of(|way| matches!(way, Way::Copy));
    let merge = of(|way| matches!(way, Way::Merge { again: false }));
    let header =
        ["what", "s", "records/s", "× COPY", "× COPY + merge", "peak MiB", "CPU s", "PostgreSQL CPU s"]
            .map(str::to_owned)
            .to_vec();
    let mut lines = vec![header];
    for case in cases {
        let Some(seconds_per_row) = per_row(case) else { continue };
        let ratio = |of: Option<f64>| number(of.map(|of| seconds_per_row / of), 2);
        lines.push(vec![
            case.name.to_owned(),
            number(median(case.rounds.iter().map(|round| Some(round.seconds))), 2),
            thousands(1.0 / seconds_per_row),
            ratio(copy),
            ratio(merge),
            number(median(case.rounds.iter().map(|round| round.memory_peak)), 0),
            number(median(case.rounds.iter().map(|round| round.cpu_seconds)), 1),
            number(median(case.rounds.iter().map(|round| round.postgres_cpu_seconds)), 1),
        ]);
    }
    let heading = format!(
        "{} rows of {:.0} bytes into an empty PostgreSQL table by key (medians of {})",
        thousands(f64::from(rows)),
        bytes as f64 / f64::from(rows),
        cases.iter().map(|case| case.rounds.len()).max().unwrap_or(0)
    );
    table(&heading, &lines);
}
