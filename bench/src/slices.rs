//! A table that workers read in slices, into a destination that takes its time for each batch, as one does that is far
//! away: how much faster several are. Each does one slice at a time. Deliberately absent: destinations that are busy, for
//! those are no faster by being asked more at once.

use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use serde_json::{Value, json};

use crate::Bench;
use crate::client::{Client, milliseconds};
use crate::report::{number, percentile, progress, table, thousands};
use crate::servers::{Postgres, Redis};
use crate::trestle::{Directory, Stores};

/// How often a run is looked at.
const POLL: Duration = Duration::from_millis(20);
/// Slices of the table: of as many batches as those of a large one, beside which the first statements of each are little.
const SLICES: usize = 4;

/// How much is read.
#[derive(Args)]
pub struct Options {
    /// Rows of the table
    #[arg(long, default_value_t = 400_000, value_parser = clap::value_parser!(u32).range(10_000..))]
    rows: u32,
    /// What the destination takes for each batch, in milliseconds
    #[arg(long, default_value_t = 500)]
    batch_ms: u32,
    /// How many workers share it, one measurement each
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4])]
    workers: Vec<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self { rows: 400_000, batch_ms: 500, workers: vec![1, 2, 4] }
    }
}

/// Measures the same table with each number of workers, read whole first.
///
/// # Errors
/// When something can't be started, or a run fails.
pub async fn measure(bench: &Bench, options: &Options) -> anyhow::Result<()> {
    let (postgres, redis) = (Postgres::start().await?, Redis::start()?);
    prepare(&postgres, options).await?;
    let header = ["workers", "slices", "s", "rows/s", "× one worker, whole"].map(str::to_owned).to_vec();
    let mut lines = vec![header];
    let mut whole = None;
    let cases = [(1, 1)].into_iter().chain(options.workers.iter().map(|workers| (*workers, SLICES)));
    for (workers, slices) in cases {
        progress(&format!("{workers} workers, {slices} slices"));
        let mut times = Vec::new();
        for _round in 0..bench.rounds {
            times.push(once(bench, &postgres, &redis, options, workers, slices).await?);
        }
        let seconds = percentile(&times, 50.0);
        let whole = *whole.get_or_insert(seconds);
        lines.push(vec![
            workers.to_string(),
            slices.to_string(),
            number(Some(seconds), 2),
            thousands(f64::from(options.rows) / seconds),
            number(Some(whole / seconds), 2),
        ]);
    }
    let heading = format!(
        "{} rows, PostgreSQL to PostgreSQL, {} ms for each batch",
        thousands(f64::from(options.rows)),
        options.batch_ms
    );
    table(&heading, &lines);
    Ok(())
}

async fn prepare(postgres: &Postgres, options: &Options) -> anyhow::Result<()> {
    for database in ["source", "destination"] {
        postgres.create_database(database).await?;
        let sql = "CREATE TABLE records (id bigint PRIMARY KEY, name text, at bigint)";
        postgres.execute(database, sql).await?;
    }
    let fill = format!(
        "INSERT INTO records SELECT n, 'name ' || n, n FROM generate_series(1, {}) AS n",
        options.rows
    );
    postgres.execute("source", &fill).await?;
    postgres.execute("source", "ANALYZE records").await?;
    let sleep = format!(
        "CREATE FUNCTION takes_time() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_sleep({}); RETURN NULL; END $$",
        f64::from(options.batch_ms) / 1_000.0
    );
    postgres.execute("destination", &sleep).await?;
    let slow = "CREATE TRIGGER slow AFTER INSERT ON records FOR EACH STATEMENT EXECUTE FUNCTION takes_time()";
    postgres.execute("destination", slow).await
}

/// The seconds of one run into the empty table, of a program without rows of its own.
async fn once(
    bench: &Bench,
    postgres: &Postgres,
    redis: &Redis,
    options: &Options,
    workers: usize,
    slices: usize,
) -> anyhow::Result<f64> {
    postgres.create_database("trestle").await?;
    postgres.execute("destination", "TRUNCATE records").await?;
    let (database, redis) = (postgres.url("trestle"), redis.url());
    let stores = Stores::Apart { database: &database, redis: &redis };
    let (mut program, _) = Directory::create(bench)?.start_server(stores)?;
    for _worker in 0..workers {
        program.add_worker(stores, &[("TRESTLE_WORKERS", "1")])?;
    }
    let admin = program.admin().await?;
    let integration = integration(&admin, postgres, slices).await?;
    let run = admin.start_run(&integration).await?;
    let ended = admin.succeeded(&run, POLL).await?;
    ensure!(ended["counts"]["created"] == options.rows, "not all arrived: {ended:#}");
    let took = milliseconds(&ended["finishedAt"])? - milliseconds(&ended["startedAt"])?;
    Ok(took as f64 / 1_000.0)
}

async fn integration(admin: &Client, postgres: &Postgres, slices: usize) -> anyhow::Result<String> {
    let tenant = admin.tenant("bench").await?;
    let config = |database: &str| -> Value {
        json!({"host": "127.0.0.1", "port": postgres.port(), "database": database, "sslMode": "disable"})
    };
    let user = json!({"user": postgres.user()});
    let source = admin.system(&tenant, "postgres", config("source"), Some(user.clone())).await?;
    let destination = admin.system(&tenant, "postgres", config("destination"), Some(user)).await?;
    let stream = json!({
        "name": "records", "mode": "FULL", "keyFields": ["id"],
        "source": {"table": "records", "slices": slices}, "destination": {"table": "records"},
    });
    admin.integration(&tenant, &source, &destination, stream).await
}
