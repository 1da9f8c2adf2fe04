//! How fast records arrive: a CSV file into an empty PostgreSQL table by key, the whole way through the program with
//! its accounting; beside it what PostgreSQL itself needs for the same file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::Bench;
use crate::client::{Client, milliseconds};
use crate::report::{mebibytes, median, number, progress, table, thousands};
use crate::servers::Postgres;
use crate::trestle::{Directory, Stores};

/// The tenant of the measurement.
const SLUG: &str = "bench";
/// How often the end of a run is looked for: seldom, the API is in the process that is measured.
const RUN_POLL: Duration = Duration::from_millis(200);
const COLUMNS: &str = "id text PRIMARY KEY, customer_email text NOT NULL, amount numeric(12,2) NOT NULL, \
    currency text NOT NULL, status text NOT NULL, updated_at timestamptz NOT NULL";
/// Five statements of the kind that customers write.
const MAPPING: &str = ".customer_email = downcase(string!(.customer_email))\n\
    .amount = to_float!(.amount)\n\
    .currency = upcase(string!(.currency))\n\
    .status = if .status == \"new\" { \"open\" } else { .status }\n\
    .reference = string!(.currency) + \"-\" + string!(.id)";

/// What is synced.
#[derive(Args)]
pub struct Options {
    /// Rows of the file, about 100 bytes each
    #[arg(long, default_value_t = 1_000_000)]
    rows: u32,
    /// Only cases whose name contains this
    #[arg(long, default_value = "")]
    only: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { rows: 1_000_000, only: String::new() }
    }
}

/// One way for the file into the table.
struct Case {
    name: &'static str,
    way: Way,
    rounds: Vec<Round>,
}

#[derive(Clone, Copy)]
enum Way {
    /// `COPY` into the table with its primary key.
    Copy,
    /// `COPY` into a staging table and `INSERT … ON CONFLICT`.
    Merge,
    /// Through the program.
    Trestle {
        embedded: bool,
        mapped: bool,
        /// A second run, which finds every row in place.
        again: bool,
    },
}

#[derive(Clone, Copy)]
struct Round {
    seconds: f64,
    memory_peak: Option<f64>,
    cpu_seconds: Option<f64>,
    postgres_cpu_seconds: Option<f64>,
}

/// Measures every case in alternating rounds.
///
/// # Errors
/// When something can't be started, or not every record arrives.
pub async fn measure(bench: &Bench, options: &Options) -> anyhow::Result<()> {
    let through = |embedded, mapped, again| Way::Trestle { embedded, mapped, again };
    let mut cases = [
        ("psql COPY, table with key", Way::Copy),
        ("psql COPY to staging, merge", Way::Merge),
        ("trestle on SQLite", through(true, false, false)),
        ("trestle on SQLite, nothing changed", through(true, false, true)),
        ("trestle on SQLite, mapping and rules", through(true, true, false)),
        ("trestle on PostgreSQL", through(false, false, false)),
        ("trestle on PostgreSQL, nothing changed", through(false, false, true)),
        ("trestle on PostgreSQL, mapping and rules", through(false, true, false)),
    ]
    .map(|(name, way)| Case { name, way, rounds: Vec::new() });

    let postgres = Postgres::start().await?;
    let directory = tempfile::Builder::new().prefix("trestle-bench-").tempdir()?;
    let file = directory.path().join("orders.csv");
    progress(&format!("writing {} rows", thousands(f64::from(options.rows))));
    let bytes = write_file(&file, options.rows)?;
    for number in 1..=bench.rounds {
        for case in cases.iter_mut().filter(|case| case.name.contains(&options.only)) {
            let round = match case.way {
                Way::Copy | Way::Merge => psql(&postgres, &file, case.way, options.rows).await,
                Way::Trestle { embedded, mapped, again } => {
                    trestle(bench, &postgres, &file, options.rows, embedded, mapped, again).await
                }
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
    let rows = f64::from(rows);
    let seconds = |case: &Case| median(case.rounds.iter().map(|round| Some(round.seconds)));
    let of = |way: fn(&Way) -> bool| cases.iter().find(|case| way(&case.way)).and_then(seconds);
    let copy = of(|way| matches!(way, Way::Copy));
    let merge = of(|way| matches!(way, Way::Merge));
    let header =
        ["what", "s", "records/s", "× COPY", "× COPY + merge", "peak MiB", "CPU s", "PostgreSQL CPU s"]
            .map(str::to_owned)
            .to_vec();
    let mut lines = vec![header];
    for case in cases {
        let Some(median_seconds) = seconds(case) else { continue };
        let ratio = |of: Option<f64>| number(of.map(|of| median_seconds / of), 2);
        lines.push(vec![
            case.name.to_owned(),
            number(Some(median_seconds), 2),
            thousands(rows / median_seconds),
            ratio(copy),
            ratio(merge),
            number(median(case.rounds.iter().map(|round| round.memory_peak)), 0),
            number(median(case.rounds.iter().map(|round| round.cpu_seconds)), 1),
            number(median(case.rounds.iter().map(|round| round.postgres_cpu_seconds)), 1),
        ]);
    }
    let heading = format!(
        "{} rows of {:.0} bytes, CSV to an empty PostgreSQL table by key (medians of {})",
        thousands(rows),
        bytes as f64 / rows,
        cases.iter().map(|case| case.rounds.len()).max().unwrap_or(0)
    );
    table(&heading, &lines);
}

/// Writes the file; its size in bytes.
fn write_file(path: &Path, rows: u32) -> anyhow::Result<u64> {
    let mut file = BufWriter::new(File::create(path).context("making the file")?);
    writeln!(file, "id,customer_email,amount,currency,status,updated_at")?;
    for row in 0..rows {
        let currency = ["EUR", "USD", "GBP"][row as usize % 3];
        let status = ["new", "paid", "shipped", "returned"][row as usize % 4];
        writeln!(
            file,
            "ORD-{row:010},Customer.{:07}@shop-{:03}.example.com,{}.{:02},{currency},{status},\
             2026-{:02}-{:02}T{:02}:{:02}:{:02}.000Z",
            row % 333_333,
            row % 1_000,
            row % 5_000,
            row % 100,
            row % 12 + 1,
            row % 28 + 1,
            row % 24,
            row % 60,
            row / 60 % 60,
        )?;
    }
    file.flush()?;
    // What is measured begins with a file that is on the disk, not one that is being written back.
    file.get_ref().sync_all()?;
    Ok(std::fs::metadata(path)?.len())
}

async fn empty_table(postgres: &Postgres, more: &str) -> anyhow::Result<()> {
    postgres.create_database("target").await?;
    postgres.execute("target", &format!("CREATE TABLE orders ({COLUMNS}{more})")).await?;
    // Nobody pays for what the one before left behind.
    postgres.execute("postgres", "CHECKPOINT").await
}

async fn psql(postgres: &Postgres, file: &Path, way: Way, rows: u32) -> anyhow::Result<Round> {
    empty_table(postgres, "").await?;
    let file = file.display();
    let copy = |table: &str| format!("\\copy {table} FROM '{file}' CSV HEADER");
    let statements = match way {
        Way::Merge => vec![
            "CREATE TEMP TABLE staging (LIKE orders)".to_owned(),
            copy("staging"),
            "INSERT INTO orders SELECT * FROM staging ON CONFLICT (id) DO UPDATE SET customer_email = \
             excluded.customer_email, amount = excluded.amount, currency = excluded.currency, status = \
             excluded.status, updated_at = excluded.updated_at"
                .to_owned(),
        ],
        _ => vec![copy("orders")],
    };
    let mut command = postgres.psql("target", &statements)?;
    let postgres_cpu = postgres.cpu();
    let started = Instant::now();
    let output = command.output().context("starting psql")?;
    let seconds = started.elapsed().as_secs_f64();
    let postgres_cpu_seconds = since(postgres_cpu, postgres.cpu());
    ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    ensure!(postgres.count("target", "orders").await? == u64::from(rows), "rows are missing");
    Ok(Round { seconds, memory_peak: None, cpu_seconds: None, postgres_cpu_seconds })
}

async fn trestle(
    bench: &Bench,
    postgres: &Postgres,
    file: &Path,
    rows: u32,
    embedded: bool,
    mapped: bool,
    again: bool,
) -> anyhow::Result<Round> {
    empty_table(postgres, if mapped { ", reference text NOT NULL" } else { "" }).await?;
    postgres.create_database("trestle").await?;
    let own = postgres.url("trestle");
    let stores = if embedded { Stores::Embedded } else { Stores::Postgres(&own) };
    let (program, _) = Directory::create(bench)?.start(stores)?;
    let admin = program.admin().await?;
    let integration = integration(&admin, postgres, mapped).await?;
    place_file(file, &program.files(SLUG))?;
    if again {
        admin.succeeded(&admin.start_run(&integration).await?, RUN_POLL).await?;
        postgres.execute("postgres", "CHECKPOINT").await?;
    }
    let (cpu, postgres_cpu) = (program.server().cpu(), postgres.cpu());
    let run = admin.succeeded(&admin.start_run(&integration).await?, RUN_POLL).await?;
    let cpu_seconds = since(cpu, program.server().cpu());
    let postgres_cpu_seconds = since(postgres_cpu, postgres.cpu());
    let outcome = if again { "unchanged" } else { "created" };
    ensure!(run["counts"][outcome] == json!(rows), "not every record is {outcome}: {:#}", run["counts"]);
    ensure!(postgres.count("target", "orders").await? == u64::from(rows), "rows are missing");
    let took = milliseconds(&run["finishedAt"])? - milliseconds(&run["startedAt"])?;
    Ok(Round {
        seconds: took as f64 / 1_000.0,
        memory_peak: program.server().memory_peak_bytes().map(mebibytes),
        cpu_seconds,
        postgres_cpu_seconds,
    })
}

/// Seconds of the processor between two looks.
fn since(before: Option<Duration>, after: Option<Duration>) -> Option<f64> {
    Some(after?.saturating_sub(before?).as_secs_f64())
}

async fn integration(admin: &Client, postgres: &Postgres, mapped: bool) -> anyhow::Result<String> {
    let tenant = admin.tenant(SLUG).await?;
    let source = admin.system(&tenant, "file", json!({}), None).await?;
    let config =
        json!({"host": "127.0.0.1", "port": postgres.port(), "database": "target", "sslMode": "disable"});
    let credentials = json!({"user": postgres.user()});
    let destination = admin.system(&tenant, "postgres", config, Some(credentials)).await?;
    let mut stream = json!({
        "name": "orders", "mode": "FULL", "keyFields": ["id"], "source": {"path": "orders.csv"},
        "destination": {"table": "orders"},
    });
    if mapped {
        stream["mapping"] = json!(MAPPING);
        stream["recordSchema"] = record_schema();
    }
    admin.integration(&tenant, &source, &destination, stream).await
}

/// Six rules.
fn record_schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "customer_email", "amount"],
        "properties": {
            "id": {"type": "string", "maxLength": 20},
            "customer_email": {"type": "string", "format": "email"},
            "amount": {"type": "number", "minimum": 0},
            "currency": {"enum": ["EUR", "USD", "GBP"]},
            "updated_at": {"type": "string", "format": "date-time"},
        },
    })
}

fn place_file(file: &Path, directory: &PathBuf) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory).context("making the tenant's directory")?;
    std::fs::copy(file, directory.join("orders.csv")).context("copying the file")?;
    Ok(())
}
