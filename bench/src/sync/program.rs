//! The rows through the program, with its accounting.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use super::{Round, orders};
use crate::Bench;
use crate::client::{Client, milliseconds};
use crate::report::mebibytes;
use crate::servers::{Postgres, Redis};
use crate::trestle::{Directory, Settings, Stores};

/// The tenant of the measurement.
const SLUG: &str = "bench";
/// How often the end of a run is looked for: seldom, the API is in the process that is measured.
const RUN_POLL: Duration = Duration::from_millis(200);

/// However many records fail for one cause: that it began and how the run ended, to the tenant and to the operator.
const NOTICES_MAX: u64 = 4;

/// What is done with them.
#[derive(Clone, Copy, Default)]
pub struct Kind {
    /// The program keeps its own rows in SQLite.
    pub embedded: bool,
    /// With mapping and rules.
    pub mapped: bool,
    /// A second run, which finds every row in place.
    pub again: bool,
    /// So many in a hundred are refused by the table.
    pub bad_percent: u32,
    /// Whether the quality gate judges them; `None` is as it is by itself, which is that it does.
    pub gate: Option<bool>,
    /// From another table, by its cursor, in so many slices; 0 is by its size.
    pub from_table: Option<u32>,
    /// By a worker with Redis, apart from the API: its memory and processor time are the worker's.
    pub apart: bool,
}

/// Measures it once, with these settings of the program. It has ended when this gives its answer.
pub async fn measure(
    bench: &Bench,
    postgres: &Postgres,
    file: &Path,
    rows: u32,
    kind: Kind,
    settings: Settings,
) -> anyhow::Result<Round> {
    orders::empty_table(postgres, if kind.mapped { ", reference text NOT NULL" } else { "" }).await?;
    if kind.from_table.is_some() {
        orders::full_table(postgres, file, rows).await?;
    }
    postgres.create_database("trestle").await?;
    let own = postgres.url("trestle");
    let redis = kind.apart.then(Redis::start).transpose()?.map(|redis| (redis.url(), redis));
    let stores = match &redis {
        Some((redis, _)) => Stores::Apart { database: &own, redis },
        None if kind.embedded => Stores::Embedded,
        None => Stores::Postgres(&own),
    };
    let (program, _) = Directory::create(bench)?.with_settings(settings).start(stores)?;
    let mover = program.worker().unwrap_or_else(|| program.server());
    let admin = program.admin().await?;
    let integration = integration(&admin, postgres, kind).await?;
    place_file(file, &program.files(SLUG), rows, kind.bad_percent)?;
    if kind.again {
        admin.succeeded(&admin.start_run(&integration).await?, RUN_POLL).await?;
        postgres.execute("postgres", "CHECKPOINT").await?;
    }
    let (cpu, postgres_cpu) = (mover.cpu(), postgres.cpu());
    let started = admin.start_run(&integration).await?;
    if kind.gate == Some(true) {
        let begun = Instant::now();
        admin.held(&integration, RUN_POLL).await?;
        let kept = admin.run(&started).await?;
        let read = kept["counts"]["read"].as_u64().context("a number of records")?;
        ensure!(kept["counts"]["failed"] == json!(read), "not every bad record failed: {kept:#}");
        return Ok(Round {
            seconds: begun.elapsed().as_secs_f64(),
            rows: u32::try_from(read)?,
            memory_peak: mover.memory_peak_bytes().map(mebibytes),
            cpu_seconds: since(cpu, mover.cpu()),
            postgres_cpu_seconds: since(postgres_cpu, postgres.cpu()),
        });
    }
    let run = if kind.bad_percent > 0 {
        admin.finished(&started, RUN_POLL).await?
    } else {
        admin.succeeded(&started, RUN_POLL).await?
    };
    let cpu_seconds = since(cpu, mover.cpu());
    let postgres_cpu_seconds = since(postgres_cpu, postgres.cpu());
    let bad = (0..rows).filter(|row| row % 100 < kind.bad_percent).count() as u64;
    let arrived = u64::from(rows) - bad;
    let outcome = if kind.again { "unchanged" } else { "created" };
    let counts = &run["counts"];
    ensure!(counts[outcome] == json!(arrived), "not every record is {outcome}: {counts:#}");
    ensure!(counts["failed"] == json!(bad), "not every bad record failed: {counts:#}");
    ensure!(postgres.count("target", "orders").await? == arrived, "rows are missing");
    if bad > 0 && !kind.embedded {
        let (groups, notices) =
            (postgres.count("trestle", "failure_group").await?, postgres.count("trestle", "notice").await?);
        ensure!(groups == 1, "{groups} groups, all of one cause");
        ensure!(notices <= NOTICES_MAX, "{notices} notices of one cause");
    }
    let took = milliseconds(&run["finishedAt"])? - milliseconds(&run["startedAt"])?;
    Ok(Round {
        seconds: took as f64 / 1_000.0,
        rows,
        memory_peak: mover.memory_peak_bytes().map(mebibytes),
        cpu_seconds,
        postgres_cpu_seconds,
    })
}

/// Seconds of the processor between two looks.
pub fn since(before: Option<Duration>, after: Option<Duration>) -> Option<f64> {
    Some(after?.saturating_sub(before?).as_secs_f64())
}

async fn integration(admin: &Client, postgres: &Postgres, kind: Kind) -> anyhow::Result<String> {
    let tenant = admin.tenant(SLUG).await?;
    let database = |database: &str| json!({"host": "127.0.0.1", "port": postgres.port(), "database": database, "sslMode": "disable"});
    let credentials = json!({"user": postgres.user()});
    let source = if kind.from_table.is_some() {
        admin.system(&tenant, "postgres", database("origin"), Some(credentials.clone())).await?
    } else {
        admin.system(&tenant, "file", json!({}), None).await?
    };
    let destination = admin.system(&tenant, "postgres", database("target"), Some(credentials)).await?;
    let mut stream = json!({
        "name": "orders", "mode": "FULL", "keyFields": ["id"], "source": {"path": "orders.csv"},
        "destination": {"table": "orders"},
    });
    if let Some(slices) = kind.from_table {
        stream["mode"] = json!("INCREMENTAL");
        stream["cursorField"] = json!("updated_at");
        stream["source"] = json!({"table": "orders", "slices": slices});
    }
    if kind.gate == Some(false) {
        stream["quality"] = json!({"maxFailedPercent": null});
    }
    if kind.mapped {
        stream["mapping"] = json!(orders::MAPPING);
        stream["recordSchema"] = orders::record_schema();
    }
    admin.integration(&tenant, &source, &destination, stream).await
}

fn place_file(file: &Path, directory: &PathBuf, rows: u32, bad_percent: u32) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory).context("making the tenant's directory")?;
    let place = directory.join("orders.csv");
    if bad_percent > 0 {
        orders::write_file(&place, rows, bad_percent)?;
    } else {
        std::fs::copy(file, place).context("copying the file")?;
    }
    Ok(())
}
