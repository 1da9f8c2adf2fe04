//! Upserts batches into a table: each batch in one transaction, usually in one statement. When that
//! fails, the rows that break the constraint in question are looked up and left out; where they can't
//! be, smaller and smaller steps find them.
//! Deliberately absent: staging tables that others could see, which need rights and leave rubbish behind; temporary ones
//! are gone with the connection.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};

use super::batch::{Group, Plan};
use super::comparison;
use super::connection::{self, Config, Use, execute, misconfigured, system_error};
use super::lookup;
use super::refusal;
use super::table::{self, Table, is_column_name};
use crate::destination::{are_there, name_by};
use crate::{
    Action, Destination, Egress, FieldError, Gone, OpenDestination, Place, Record, RecordError, RecordKey,
    Removal, Standing, SystemError, SystemErrorKind, Write, WriteOutcome, options,
};

/// How long a batch may take, waiting for locks included.
const WRITE_TIMEOUT: Duration = Duration::from_secs(300);
/// After a step without errors the next one is so many times larger, after one with errors smaller.
const STEP_FACTOR: usize = 4;
/// Constraints whose offenders are looked up for one group before it goes on in steps.
const SCREENS_MAX: usize = 8;

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
    config: Config,
    schema: String,
    table_name: String,
    key_fields: Vec<String>,
    create_table: bool,
    /// `None` until it is created from the first records.
    table: Option<Table>,
    /// Where values are looked up.
    places: HashMap<Place, Table>,
    news: News,
    staging: Staging,
}

/// Temporary tables of this connection: one for each set of columns.
struct Staging {
    /// Of their names, unlike any other's: a pooler may hand the server's end of the connection to somebody else.
    prefix: String,
    /// Columns, by their places in the table.
    layouts: Vec<Vec<usize>>,
    /// How many there were before the table's columns changed.
    outdated: usize,
}

impl Staging {
    fn new() -> Self {
        let prefix = format!("trestle_staging_{}", uuid::Uuid::now_v7().simple());
        Self { prefix, layouts: Vec::new(), outdated: 0 }
    }

    /// The table for rows with these columns.
    fn name(&mut self, columns: &[usize]) -> String {
        let place = self.layouts.iter().position(|layout| layout == columns).unwrap_or_else(|| {
            self.layouts.push(columns.to_vec());
            self.layouts.len() - 1
        });
        format!("pg_temp.{}_{}", self.prefix, self.outdated + place)
    }

    /// The table has other columns now.
    fn outdate(&mut self) {
        self.outdated += self.layouts.len();
        self.layouts.clear();
    }
}

/// Whether the next batch is likely to be all new, as in a first load: then COPY is tried first, which
/// is about twice as fast, and costs a failed attempt when one key is there.
#[derive(Default)]
struct News {
    /// The last batch was the same as what was there, for the most part.
    is_known: bool,
    /// Batches in a row that only created rows.
    streak: u32,
    /// COPYs that met an existing key; each asks for a longer streak before the next.
    surprises: u32,
}

impl News {
    /// After so many surprises COPY is not tried any more.
    const SURPRISES_MAX: u32 = 5;

    fn expected(&self) -> bool {
        self.surprises < Self::SURPRISES_MAX && self.streak >= 1 << (2 * self.surprises)
    }

    fn note(&mut self, outcomes: &[WriteOutcome]) {
        let is_new = |outcome: &WriteOutcome| match outcome {
            WriteOutcome::Written { action, .. } => *action == Action::Created,
            WriteOutcome::Failed(_) => true,
        };
        self.streak = if outcomes.iter().all(is_new) { self.streak.saturating_add(1) } else { 0 };
        let is_same = |outcome: &&WriteOutcome| {
            matches!(outcome, WriteOutcome::Written { action: Action::Unchanged, .. })
        };
        self.is_known = outcomes.iter().filter(is_same).count() * 2 > outcomes.len();
    }

    fn surprised(&mut self) {
        self.streak = 0;
        self.surprises += 1;
    }
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
        let table =
            Table::load(&mut connection, &schema, &table_name, &key_fields, table::Use::Write).await?;
        if table.is_none() && !options.create_table {
            return Err(table::not_found(&schema, &table_name));
        }
        Ok(Self {
            connection: Some(connection),
            config,
            schema,
            table_name,
            key_fields,
            create_table: options.create_table,
            table,
            places: HashMap::new(),
            news: News::default(),
            staging: Staging::new(),
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
        self.table = Table::load(connection, schema, table, &self.key_fields, table::Use::Write).await?;
        self.staging.outdate();
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
        let mut plan = Plan::of(table, batch);
        let mut outcomes: Vec<Option<WriteOutcome>> =
            plan.refused.into_iter().map(|refused| refused.map(WriteOutcome::Failed)).collect();
        let mut failed = None;
        if let [group] = &plan.groups[..]
            && !group.suspect
        {
            let whole = write_whole(connection, table, group, &mut self.news, &mut self.staging, false);
            match whole.await? {
                Ok(written) => place(group, 0, written, &mut outcomes),
                Err(error) => failed = Some(error),
            }
        }
        if failed.is_some() || plan.groups.len() > 1 || plan.groups.iter().any(|group| group.suspect) {
            let doing = |error| system_error("writing a batch in steps", error);
            let begin = "BEGIN; SET CONSTRAINTS ALL IMMEDIATE; SAVEPOINT step";
            execute(connection, begin.to_owned()).await.map_err(doing)?;
            for group in &mut plan.groups {
                if group.suspect {
                    write_in_steps(connection, table, group, 1, &mut outcomes).await?;
                } else {
                    let failed = failed.take();
                    let (news, staging) = (&mut self.news, &mut self.staging);
                    write_screened(connection, table, group, news, staging, failed, &mut outcomes).await?;
                }
            }
            execute(connection, "COMMIT".to_owned()).await.map_err(doing)?;
        }
        let outcomes = complete(outcomes)?;
        self.news.note(&outcomes);
        Ok(outcomes)
    }
}

impl PostgresDestination {
    async fn remove_batch(
        &self,
        connection: &mut PgConnection,
        gone: &[Gone],
        removal: &Removal,
    ) -> Result<Vec<Result<(), RecordError>>, SystemError> {
        let Some(table) = &self.table else { return Ok(gone.iter().map(|_| Ok(())).collect()) };
        let batch = removal.writes(gone, &self.key_fields)?;
        let plan = Plan::of(table, &batch);
        let mut outcomes: Vec<Result<(), RecordError>> =
            plan.refused.into_iter().map(|refused| refused.map_or(Ok(()), Err)).collect();
        for group in &plan.groups {
            let total = group.rows.len();
            match group.remove_rows(connection, table, 0..total, removal).await {
                Ok(()) => continue,
                Err(error) if refusal::is_about_rows(&error) => {}
                Err(error) => return Err(system_error("removing a batch", error)),
            }
            // Each by itself: others refer to one of them.
            for row in 0..total {
                match group.remove_rows(connection, table, row..row + 1, removal).await {
                    Ok(()) => {}
                    Err(error) if refusal::is_about_rows(&error) => {
                        outcomes[group.rows[row]] = Err(refusal::removal(&error, table));
                    }
                    Err(error) => return Err(system_error("removing a record", error)),
                }
            }
        }
        Ok(outcomes)
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
            Ok(Ok(mut outcomes)) => {
                self.connection = Some(connection);
                name_by(&self.key_fields, batch, &mut outcomes);
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

    async fn remove(
        &mut self,
        gone: &[Gone],
        removal: &Removal,
    ) -> Result<Vec<Result<(), RecordError>>, SystemError> {
        let mut connection = self.connection.take().ok_or_else(|| {
            SystemError::new(SystemErrorKind::Unavailable, "the connection was lost in an earlier batch")
        })?;
        let removed = self.remove_batch(&mut connection, gone, removal);
        match tokio::time::timeout(WRITE_TIMEOUT, removed).await {
            Ok(Ok(outcomes)) => {
                self.connection = Some(connection);
                Ok(outcomes)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let detail = format!("removing a batch took longer than {WRITE_TIMEOUT:?}");
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

    async fn compare(&mut self, batch: &[Write]) -> Result<Option<Vec<Standing>>, SystemError> {
        let mut connection = self.connection.take().ok_or_else(|| {
            SystemError::new(SystemErrorKind::Unavailable, "the connection was lost in an earlier batch")
        })?;
        let compared = comparison::compare(&mut connection, self.table.as_ref(), batch);
        match tokio::time::timeout(WRITE_TIMEOUT, compared).await {
            Ok(Ok(standings)) => {
                self.connection = Some(connection);
                Ok(Some(standings))
            }
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let detail = format!("comparing a batch took longer than {WRITE_TIMEOUT:?}");
                Err(SystemError::new(SystemErrorKind::Timeout, detail))
            }
        }
    }

    async fn holds(&mut self, gone: &[Gone]) -> Result<Option<Vec<bool>>, SystemError> {
        let batch = Removal::Delete.writes(gone, &self.key_fields)?;
        Ok(are_there(self.compare(&batch).await?))
    }

    async fn row_count(&mut self) -> Result<Option<u64>, SystemError> {
        let Some(table) = &self.table else { return Ok(Some(0)) };
        // A count that takes too long goes on at the server until the connection is closed.
        let Some(mut connection) = self.connection.take() else { return Ok(None) };
        let counted = lookup::row_count(&mut connection, table).await?;
        self.connection = counted.is_some().then_some(connection);
        Ok(counted)
    }

    async fn find(&mut self, place: &Place, values: &[Vec<Value>]) -> Result<Vec<bool>, SystemError> {
        let mut connection = self.connection.take().ok_or_else(|| {
            SystemError::new(SystemErrorKind::Unavailable, "the connection was lost in an earlier batch")
        })?;
        let found = async {
            if !self.places.contains_key(place) {
                let (schema, name) = connection::table_name(&self.config, &place.table)?;
                let table = lookup::table_of(&mut connection, &schema, &name, place).await?;
                self.places.insert(place.clone(), table);
            }
            match self.places.get(place) {
                Some(table) => lookup::find(&mut connection, table, place, values).await,
                None => Ok(Vec::new()),
            }
        };
        match tokio::time::timeout(WRITE_TIMEOUT, found).await {
            Ok(Ok(found)) => {
                self.connection = Some(connection);
                Ok(found)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let detail = format!("looking values up took longer than {WRITE_TIMEOUT:?}");
                Err(SystemError::new(SystemErrorKind::Timeout, detail))
            }
        }
    }
}

/// Writes a group as a whole: by COPY where its rows are likely to be new, else by the upsert.
/// The inner error is about its rows, and nothing of the group is written.
async fn write_whole(
    connection: &mut PgConnection,
    table: &Table,
    group: &Group<'_>,
    news: &mut News,
    staging: &mut Staging,
    in_transaction: bool,
) -> Result<Result<Vec<WriteOutcome>, sqlx::Error>, SystemError> {
    let doing = |error| system_error("writing a batch", error);
    if news.expected() && group.can_copy(table) {
        match group.copy(connection, table).await {
            Ok(()) => {
                let created = || WriteOutcome::Written { action: Action::Created, destination_key: None };
                return Ok(Ok(group.rows.iter().map(|_| created()).collect()));
            }
            Err(error) if connection::database_error(&error).is_some_and(|error| error.code() == "23505") => {
                news.surprised();
                if in_transaction {
                    back_to_step(connection).await?;
                }
            }
            Err(error) if refusal::is_about_rows(&error) => return Ok(Err(error)),
            Err(error) => return Err(doing(error)),
        }
    }
    let written = if !group.can_stage(table) {
        // One statement is a transaction of its own.
        group.write(connection, table, 0..group.rows.len()).await
    } else if in_transaction {
        group.merge(connection, table, &staging.name(&group.columns), news.is_known).await
    } else {
        execute(connection, "BEGIN".to_owned()).await.map_err(doing)?;
        let merged = group.merge(connection, table, &staging.name(&group.columns), news.is_known).await;
        let end = if merged.is_ok() { "COMMIT" } else { "ROLLBACK" };
        // What is deferred is checked by COMMIT.
        execute(connection, end.to_owned()).await.and(merged)
    };
    match written {
        Err(error) if !refusal::is_about_rows(&error) => Err(doing(error)),
        written => Ok(written),
    }
}

/// Writes a group within an open transaction. When it fails for a constraint, all rows that break it are
/// looked up at once and left out; what is left after that goes on in steps. `failed` is the error of an
/// attempt before the transaction.
async fn write_screened(
    connection: &mut PgConnection,
    table: &Table,
    group: &mut Group<'_>,
    news: &mut News,
    staging: &mut Staging,
    failed: Option<sqlx::Error>,
    outcomes: &mut [Option<WriteOutcome>],
) -> Result<(), SystemError> {
    let mut failed = failed;
    for _ in 0..SCREENS_MAX {
        let error = match failed.take() {
            Some(error) => error,
            None => match write_whole(connection, table, group, news, staging, true).await? {
                Ok(written) => {
                    place(group, 0, written, outcomes);
                    return next_step(connection).await;
                }
                Err(error) => {
                    back_to_step(connection).await?;
                    error
                }
            },
        };
        let broken = match group.screen(connection, table, &error).await {
            Ok(broken) => broken,
            // A right to read may be missing, or the condition may fail on a value.
            Err(refused) if connection::database_error(&refused).is_some() => {
                back_to_step(connection).await?;
                Vec::new()
            }
            Err(error) => return Err(system_error("looking for the offending rows", error)),
        };
        if broken.is_empty() {
            break;
        }
        for row in &broken {
            let refused = refusal::row(&error, table, Vec::new());
            outcomes[group.rows[*row]] = Some(WriteOutcome::Failed(refused));
        }
        group.remove(&broken);
        if group.rows.is_empty() {
            return Ok(());
        }
    }
    write_in_steps(connection, table, group, group.rows.len().div_ceil(STEP_FACTOR), outcomes).await
}

/// Writes a group within an open transaction, stepping around the rows that fail: steps shrink to the
/// bad row, and grow again behind it.
async fn write_in_steps(
    connection: &mut PgConnection,
    table: &Table,
    group: &Group<'_>,
    first_step: usize,
    outcomes: &mut [Option<WriteOutcome>],
) -> Result<(), SystemError> {
    let total = group.rows.len();
    let mut at = 0;
    let mut step = first_step;
    while at < total {
        let end = (at + step).min(total);
        // A suspect value is asked for by itself: that is cheaper than to write its row in vain.
        if group.suspect && end - at == 1 {
            let errors = offending_fields(connection, table, group, at).await?;
            if !errors.is_empty() {
                place(group, at, vec![WriteOutcome::Failed(refusal::fields(errors))], outcomes);
                at = end;
                continue;
            }
        }
        match group.write(connection, table, at..end).await {
            Ok(written) => {
                place(group, at, written, outcomes);
                next_step(connection).await?;
                at = end;
                step = step.saturating_mul(STEP_FACTOR);
            }
            Err(error) if refusal::is_about_rows(&error) => {
                back_to_step(connection).await?;
                if end - at == 1 {
                    let errors = if group.suspect {
                        Vec::new()
                    } else {
                        offending_fields(connection, table, group, at).await?
                    };
                    let refused = WriteOutcome::Failed(refusal::row(&error, table, errors));
                    place(group, at, vec![refused], outcomes);
                    at = end;
                    step = 1;
                } else {
                    step = ((end - at) / STEP_FACTOR).max(1);
                }
            }
            Err(error) => return Err(system_error("writing a batch in steps", error)),
        }
    }
    Ok(())
}

async fn next_step(connection: &mut PgConnection) -> Result<(), SystemError> {
    let sql = "RELEASE SAVEPOINT step; SAVEPOINT step".to_owned();
    execute(connection, sql).await.map_err(|error| system_error("writing a batch in steps", error))
}

async fn back_to_step(connection: &mut PgConnection) -> Result<(), SystemError> {
    let sql = "ROLLBACK TO SAVEPOINT step".to_owned();
    execute(connection, sql).await.map_err(|error| system_error("writing a batch in steps", error))
}

/// Which values of a row their columns' types do not take: of the suspect ones, where there are such.
/// Empty when it is none of them.
async fn offending_fields(
    connection: &mut PgConnection,
    table: &Table,
    group: &Group<'_>,
    row: usize,
) -> Result<Vec<FieldError>, SystemError> {
    let mut errors = Vec::new();
    for (index, cell) in group.columns.iter().zip(group.row(row)) {
        if group.suspect && !cell.is_suspect() {
            continue;
        }
        let column = &table.columns[*index];
        let Some(text) = cell.text() else { continue };
        // One prepared statement a type.
        let sql = format!("SELECT ($1::text)::{} IS NULL", column.type_full);
        match sqlx::query(AssertSqlSafe(sql)).bind(text).execute(&mut *connection).await {
            Ok(_) => {}
            Err(error) if refusal::is_about_rows(&error) => {
                back_to_step(connection).await?;
                let code = connection::database_error(&error).map_or("", |error| error.code());
                errors.push(refusal::cast(&column.name, column.kind, code));
            }
            Err(error) => return Err(system_error("looking for the offending field", error)),
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
