//! Upserts batches into a table: each batch in one transaction, usually in one statement; when that
//! fails, in smaller steps, until only the bad rows are left out.
//! Deliberately absent: staging tables, which need rights and leave rubbish behind.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::batch::{Group, Plan};
use super::connection::{self, Use, execute, misconfigured, system_error};
use super::refusal;
use super::table::{self, Table, is_column_name};
use crate::{
    Destination, Egress, FieldError, OpenDestination, Record, RecordKey, SystemError, SystemErrorKind, Write,
    WriteOutcome, options,
};

/// How long a batch may take, waiting for locks included.
const WRITE_TIMEOUT: Duration = Duration::from_secs(300);
/// After a step without errors the next one is so many times larger, after one with errors smaller.
const STEP_FACTOR: usize = 4;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    table: String,
    #[serde(default)]
    create_table: bool,
    key_fields: Option<Vec<String>>,
}

/// A table that takes records.
pub(super) struct PostgresDestination {
    /// `None` after an error that leaves it in an unknown state.
    connection: Option<PgConnection>,
    schema: String,
    table_name: String,
    key_fields: Vec<String>,
    create_table: bool,
    /// `None` until it is created from the first records.
    table: Option<Table>,
}

impl PostgresDestination {
    pub(super) async fn open(egress: &Egress, open: OpenDestination) -> Result<Self, SystemError> {
        let options: Options = options::decode("destination options", &open.options)?;
        let (mut connection, config) = connection::connect(egress, &open.access, Use::Write).await?;
        let (schema, table_name) = connection::table_name(&config, &options.table)?;
        let key_fields = options.key_fields.unwrap_or(open.stream.key_fields);
        if key_fields.is_empty() || !key_fields.iter().all(|field| is_column_name(field)) {
            return Err(
                misconfigured("a key field can't be a column").with_hint("the key fields can't be columns")
            );
        }
        let table = Table::load(&mut connection, &schema, &table_name, &key_fields).await?;
        if table.is_none() && !options.create_table {
            return Err(table::not_found(&schema, &table_name));
        }
        Ok(Self {
            connection: Some(connection),
            schema,
            table_name,
            key_fields,
            create_table: options.create_table,
            table,
        })
    }

    /// Creates the table or columns for what the batch brings, where the stream says so.
    async fn prepare_table(
        &mut self,
        connection: &mut PgConnection,
        batch: &[Write],
    ) -> Result<(), SystemError> {
        if !self.create_table {
            return Ok(());
        }
        let is_new = |field: &str| match &self.table {
            None => true,
            Some(table) => table.index_of(field).is_none() && is_column_name(field),
        };
        // Records without keys are refused, and say nothing about columns.
        let records: Vec<&Record> = batch
            .iter()
            .map(|write| &write.record)
            .filter(|r| RecordKey::of(r, &self.key_fields).is_some())
            .collect();
        if !records.iter().any(|record| record.keys().any(|field| is_new(field))) {
            return Ok(());
        }
        let (schema, table) = (&self.schema, &self.table_name);
        table::create(connection, schema, table, &self.key_fields, &records, self.table.as_ref()).await?;
        self.table = Table::load(connection, schema, table, &self.key_fields).await?;
        Ok(())
    }

    async fn write_batch(
        &mut self,
        connection: &mut PgConnection,
        batch: &[Write],
    ) -> Result<Vec<WriteOutcome>, SystemError> {
        self.prepare_table(connection, batch).await?;
        let Some(table) = &self.table else {
            // Nothing to create it from: no record has its keys.
            let errors: Vec<FieldError> = self
                .key_fields
                .iter()
                .map(|field| refusal::field(field, "required", "the key must have a value"))
                .collect();
            return Ok(batch.iter().map(|_| WriteOutcome::Failed(refusal::fields(errors.clone()))).collect());
        };
        let plan = Plan::of(table, batch);
        let mut outcomes: Vec<Option<WriteOutcome>> =
            plan.refused.into_iter().map(|refused| refused.map(WriteOutcome::Failed)).collect();
        let mut failed_before = false;
        if let [group] = &plan.groups[..]
            && !group.suspect
        {
            // One statement is a transaction of its own.
            match group.write(connection, table, 0..group.rows.len()).await {
                Ok(written) => {
                    place(group, 0, written, &mut outcomes);
                    return complete(outcomes);
                }
                Err(error) if refusal::is_about_rows(&error) => failed_before = true,
                Err(error) => return Err(system_error("writing a batch", error)),
            }
        }
        if !plan.groups.is_empty() {
            let doing = |error| system_error("writing a batch in steps", error);
            let begin = "BEGIN; SET CONSTRAINTS ALL IMMEDIATE; SAVEPOINT step";
            execute(connection, begin.to_owned()).await.map_err(doing)?;
            for group in &plan.groups {
                write_in_steps(connection, table, group, failed_before, &mut outcomes).await?;
            }
            execute(connection, "COMMIT".to_owned()).await.map_err(doing)?;
        }
        complete(outcomes)
    }
}

#[async_trait]
impl Destination for PostgresDestination {
    async fn write(&mut self, batch: &[Write]) -> Result<Vec<WriteOutcome>, SystemError> {
        let mut connection = self.connection.take().ok_or_else(|| {
            SystemError::new(SystemErrorKind::Unavailable, "the connection was lost in an earlier batch")
        })?;
        let written = tokio::time::timeout(WRITE_TIMEOUT, self.write_batch(&mut connection, batch)).await;
        match written {
            Ok(Ok(outcomes)) => {
                self.connection = Some(connection);
                Ok(outcomes)
            }
            // Dropping the connection rolls back what is open.
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let detail = format!("writing a batch took longer than {WRITE_TIMEOUT:?}");
                Err(SystemError::new(SystemErrorKind::Timeout, detail))
            }
        }
    }

    async fn finish(&mut self) -> Result<(), SystemError> {
        Ok(())
    }

    fn detects_unchanged(&self) -> bool {
        true
    }
}

/// Writes a group within an open transaction, stepping around the rows that fail: steps shrink to the
/// bad row, and grow again behind it.
async fn write_in_steps(
    connection: &mut PgConnection,
    table: &Table,
    group: &Group<'_>,
    failed_before: bool,
    outcomes: &mut [Option<WriteOutcome>],
) -> Result<(), SystemError> {
    let doing = |error| system_error("writing a batch in steps", error);
    let total = group.rows.len();
    let mut at = 0;
    let mut step = match (group.suspect, failed_before) {
        (true, _) => 1,
        (false, true) => total.div_ceil(STEP_FACTOR),
        (false, false) => total,
    };
    while at < total {
        let end = (at + step).min(total);
        match group.write(connection, table, at..end).await {
            Ok(written) => {
                place(group, at, written, outcomes);
                execute(connection, "RELEASE SAVEPOINT step; SAVEPOINT step".to_owned())
                    .await
                    .map_err(doing)?;
                at = end;
                step = step.saturating_mul(STEP_FACTOR);
            }
            Err(error) if refusal::is_about_rows(&error) => {
                execute(connection, "ROLLBACK TO SAVEPOINT step".to_owned()).await.map_err(doing)?;
                if end - at == 1 {
                    let errors = offending_fields(connection, table, group, at).await?;
                    let refused = WriteOutcome::Failed(refusal::row(&error, table, errors));
                    place(group, at, vec![refused], outcomes);
                    at = end;
                    step = 1;
                } else {
                    step = ((end - at) / STEP_FACTOR).max(1);
                }
            }
            Err(error) => return Err(doing(error)),
        }
    }
    Ok(())
}

/// Which values of a refused row their columns' types do not take. Empty when it is none of them.
async fn offending_fields(
    connection: &mut PgConnection,
    table: &Table,
    group: &Group<'_>,
    row: usize,
) -> Result<Vec<FieldError>, SystemError> {
    let doing = |error| system_error("looking for the offending field", error);
    let mut errors = Vec::new();
    for (index, cell) in group.columns.iter().zip(group.row(row)) {
        let column = &table.columns[*index];
        if let Some(too_long) = refusal::length(&column.name, column.kind, cell) {
            errors.push(too_long);
            continue;
        }
        let Some(text) = cell.text() else { continue };
        let sql = format!("SELECT ($1::text)::{} IS NULL", column.type_full);
        match sqlx::query(AssertSqlSafe(sql)).persistent(false).bind(text).fetch_one(&mut *connection).await {
            Ok(row) => {
                tracing::trace!(columns = row.len(), "the value has its column's type");
            }
            Err(error) if refusal::is_about_rows(&error) => {
                execute(connection, "ROLLBACK TO SAVEPOINT step".to_owned()).await.map_err(doing)?;
                let code = connection::database_error(&error).map_or("", |error| error.code());
                errors.push(refusal::cast(&column.name, column.kind, code));
            }
            Err(error) => return Err(doing(error)),
        }
    }
    Ok(errors)
}

fn place(group: &Group<'_>, at: usize, written: Vec<WriteOutcome>, outcomes: &mut [Option<WriteOutcome>]) {
    for (place, outcome) in group.rows[at..].iter().zip(written) {
        outcomes[*place] = Some(outcome);
    }
}

fn complete(outcomes: Vec<Option<WriteOutcome>>) -> Result<Vec<WriteOutcome>, SystemError> {
    outcomes
        .into_iter()
        .map(|outcome| {
            outcome.ok_or_else(|| {
                SystemError::new(SystemErrorKind::Internal, "a record of the batch has no outcome")
            })
        })
        .collect()
}
