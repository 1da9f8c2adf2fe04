//! What PostgreSQL itself needs for the rows: bytes are moved, and nobody answers for one of them.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};

use super::{Round, Way, orders, program};
use crate::servers::Postgres;

const MERGE: &str = "INSERT INTO orders SELECT * FROM staging ON CONFLICT (id) DO UPDATE SET customer_email = \
    excluded.customer_email, amount = excluded.amount, currency = excluded.currency, status = excluded.status, \
    updated_at = excluded.updated_at";

/// Measures it once.
pub async fn measure(postgres: &Postgres, file: &Path, way: Way, rows: u32) -> anyhow::Result<Round> {
    orders::empty_table(postgres, "").await?;
    let file = file.display();
    let copy = |table: &str| format!("\\copy {table} FROM '{file}' CSV HEADER");
    let merge =
        || vec!["CREATE TEMP TABLE staging (LIKE orders)".to_owned(), copy("staging"), MERGE.to_owned()];
    let statements = match way {
        Way::Merge { again } => {
            if again {
                run(postgres, &[copy("orders")])?;
                postgres.execute("postgres", "CHECKPOINT").await?;
            }
            merge()
        }
        Way::CopyTable => {
            orders::full_table(postgres, Path::new(&file.to_string()), rows).await?;
            let out = postgres.psql_line("origin", "COPY orders TO STDOUT")?;
            vec![format!("\\copy orders FROM PROGRAM '{out}'")]
        }
        _ => vec![copy("orders")],
    };
    let cpu = postgres.cpu();
    let started = Instant::now();
    run(postgres, &statements)?;
    let seconds = started.elapsed().as_secs_f64();
    let postgres_cpu_seconds = program::since(cpu, postgres.cpu());
    ensure!(postgres.count("target", "orders").await? == u64::from(rows), "rows are missing");
    Ok(Round { seconds, rows, memory_peak: None, cpu_seconds: None, postgres_cpu_seconds })
}

fn run(postgres: &Postgres, statements: &[String]) -> anyhow::Result<()> {
    let output = postgres.psql("target", statements)?.output().context("starting psql")?;
    ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
