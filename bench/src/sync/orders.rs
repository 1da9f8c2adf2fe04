//! The rows that are moved, and the tables they are in.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use crate::servers::Postgres;

/// Of the table that is written to.
const COLUMNS: &str = "id text PRIMARY KEY, customer_email text NOT NULL, amount numeric(12,2) NOT NULL, \
    currency text NOT NULL, status text NOT NULL, updated_at timestamptz NOT NULL";
/// Five statements of the kind that customers write.
pub const MAPPING: &str = ".customer_email = downcase(string!(.customer_email))\n\
    .amount = to_float!(.amount)\n\
    .currency = upcase(string!(.currency))\n\
    .status = if .status == \"new\" { \"open\" } else { .status }\n\
    .reference = string!(.currency) + \"-\" + string!(.id)";

/// Six rules.
pub fn record_schema() -> Value {
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

/// Writes the file, of whose rows so many in a hundred have an amount that is no number; its size in bytes.
pub fn write_file(path: &Path, rows: u32, bad_percent: u32) -> anyhow::Result<u64> {
    let mut file = BufWriter::new(File::create(path).context("making the file")?);
    writeln!(file, "id,customer_email,amount,currency,status,updated_at")?;
    for row in 0..rows {
        let currency = ["EUR", "USD", "GBP"][row as usize % 3];
        let status = ["new", "paid", "shipped", "returned"][row as usize % 4];
        let bad = if row % 100 < bad_percent { "?" } else { "" };
        writeln!(
            file,
            "ORD-{row:010},Customer.{:07}@shop-{:03}.example.com,{bad}{}.{:02},{currency},{status},\
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

/// Makes the database `target` anew, with an empty table of these columns and `more`.
pub async fn empty_table(postgres: &Postgres, more: &str) -> anyhow::Result<()> {
    postgres.create_database("target").await?;
    postgres.execute("target", &format!("CREATE TABLE orders ({COLUMNS}{more})")).await?;
    // Nobody pays for what the one before left behind.
    postgres.execute("postgres", "CHECKPOINT").await
}

/// Makes the database `origin`, with the rows of the file in a table, unless it is there with as many.
pub async fn full_table(postgres: &Postgres, file: &Path, rows: u32) -> anyhow::Result<()> {
    if postgres.count("origin", "orders").await.is_ok_and(|count| count == u64::from(rows)) {
        return Ok(());
    }
    postgres.create_database("origin").await?;
    let statements = [
        format!("CREATE TABLE orders ({COLUMNS})"),
        format!("\\copy orders FROM '{}' CSV HEADER", file.display()),
        "CREATE INDEX ON orders (updated_at, id)".to_owned(),
        "VACUUM ANALYZE orders".to_owned(),
    ];
    let output = postgres.psql("origin", &statements)?.output().context("starting psql")?;
    anyhow::ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
