//! Upserts batches into a table: each batch in one transaction, in few statements. What they can't do goes in smaller and
//! smaller steps, until the row that the server refuses is alone.
//! Deliberately absent: the statements themselves (`upsert`), and staging tables, which need rights and leave rubbish.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use sqlx::MySqlConnection;

use super::batch::{Group, Plan, Row};
use super::comparison::{self, Comparison, Question};
use super::connection::{self, Opened, Use, execute, misconfigured, system_error};
use super::lookup;
use super::refusal;
use super::table::{self, Table, Unique, is_column_name};
use super::upsert::Upsert;
use crate::destination::{are_there, name_by};
use crate::{
    Action, Destination, Egress, FieldError, Gone, OpenDestination, Place, Record, RecordError, RecordKey,
    Removal, Standing, SystemError, SystemErrorKind, Write, WriteOutcome, options,
};

/// How long a batch may take, waiting for locks included.
const WRITE_TIMEOUT: Duration = Duration::from_secs(300);
/// After a step without errors the next one is so many times larger, after one with errors smaller.
const STEP_FACTOR: usize = 4;
/// Rows of a statement. More gain nothing, and the text of the statement grows.
const ROWS_MAX: usize = 500;
/// Parameters of a statement; the protocol's own limit is 65,535.
const PARAMETERS_MAX: usize = 60_000;
/// A statement's values, in bytes, at most: far below what servers take by default (16 MiB and more).
const STATEMENT_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    table: String,
    #[serde(default)]
    create_table: bool,
    key_fields: Option<Vec<String>>,
}

/// A table that takes records.
pub(super) struct MysqlDestination {
    /// `None` after an error that leaves it in an unknown state.
    opened: Option<Opened>,
    database: String,
    table_name: String,
    key_fields: Vec<String>,
    create_table: bool,
    /// `None` until it is created from the first records.
    target: Option<Target>,
    /// Where values are looked up.
    places: HashMap<Place, Table>,
}

/// The table, and where its key is.
struct Target {
    table: Table,
    /// Indexes into its columns.
    keys: Vec<usize>,
    /// The unique index on them.
    key_index: String,
}

impl MysqlDestination {
    pub(super) async fn open(egress: &Egress, open: OpenDestination) -> Result<Self, SystemError> {
        let options: Options = options::decode("destination options", &open.options)?;
        let mut opened = connection::connect(egress, &open.access, Use::Write).await?;
        let (database, table_name) = connection::table_name(&opened.config, &options.table)?;
        let key_fields = options.key_fields.unwrap_or(open.stream.key_fields);
        if key_fields.is_empty() || !key_fields.iter().all(|field| is_column_name(field)) {
            return Err(
                misconfigured("a key field can't be a column").with_hint("the key fields can't be columns")
            );
        }
        let target = Target::load(&mut opened, &database, &table_name, &key_fields).await?;
        if target.is_none() && !options.create_table {
            return Err(table::not_found(&database, &table_name));
        }
        let create_table = options.create_table;
        Ok(Self {
            opened: Some(opened),
            database,
            table_name,
            key_fields,
            create_table,
            target,
            places: HashMap::new(),
        })
    }

    /// Creates the table or columns for what the batch brings, where the stream says so.
    async fn prepare_table(&mut self, opened: &mut Opened, batch: &[Write]) -> Result<(), SystemError> {
        if !self.create_table {
            return Ok(());
        }
        let existing = self.target.as_ref().map(|target| &target.table);
        let is_new = |field: &str| match existing {
            None => true,
            Some(table) => table.index_of(field).is_none() && is_column_name(field),
        };
        // Records without keys are refused, and say nothing about columns.
        let records: Vec<&Record> = batch
            .iter()
            .map(|write| &write.record)
            .filter(|record| RecordKey::of(record, &self.key_fields).is_some())
            .collect();
        if !records.iter().any(|record| record.keys().any(|field| is_new(field))) {
            return Ok(());
        }
        table::create(opened, (&self.database, &self.table_name), &self.key_fields, &records, existing)
            .await?;
        self.target = Target::load(opened, &self.database, &self.table_name, &self.key_fields).await?;
        Ok(())
    }

    async fn write_batch(
        &mut self,
        opened: &mut Opened,
        batch: &[Write],
    ) -> Result<Vec<WriteOutcome>, SystemError> {
        self.prepare_table(opened, batch).await?;
        let Some(target) = &self.target else {
            // Nothing to create it from: no record has its keys.
            let required = |field: &String| refusal::field(field, "required", "the key must have a value");
            let errors: Vec<FieldError> = self.key_fields.iter().map(required).collect();
            return Ok(batch.iter().map(|_| WriteOutcome::Failed(refusal::fields(errors.clone()))).collect());
        };
        // The rest is room for what stands around the values.
        let row_bytes_max = opened.packet_bytes_max / 2;
        let plan = Plan::of(&target.table, &target.keys, row_bytes_max, batch);
        let mut outcomes: Vec<Option<WriteOutcome>> =
            plan.refused.into_iter().map(|refused| refused.map(WriteOutcome::Failed)).collect();
        let connection = &mut opened.connection;
        let doing = |error| system_error("writing a batch", error);
        execute(connection, "START TRANSACTION".to_owned()).await.map_err(doing)?;
        execute(connection, "SAVEPOINT step".to_owned()).await.map_err(doing)?;
        for group in &plan.groups {
            let upsert = target.upsert(group);
            let mut at = 0;
            while at < group.rows.len() {
                let end = at + statement_rows(&group.rows[at..], row_bytes_max.min(STATEMENT_BYTES_MAX));
                for (place, result) in write_in_steps(connection, &upsert, &group.rows[at..end]).await? {
                    outcomes[place] = Some(match result {
                        Ok(action) => WriteOutcome::Written { action, destination_key: None },
                        Err(error) => WriteOutcome::Failed(error),
                    });
                }
                at = end;
            }
        }
        execute(connection, "COMMIT".to_owned()).await.map_err(doing)?;
        let missing = || SystemError::new(SystemErrorKind::Internal, "a record of the batch has no outcome");
        outcomes.into_iter().map(|outcome| outcome.ok_or_else(missing)).collect()
    }
}

impl MysqlDestination {
    async fn remove_batch(
        &self,
        opened: &mut Opened,
        gone: &[Gone],
        removal: &Removal,
    ) -> Result<Vec<Result<(), RecordError>>, SystemError> {
        let Some(target) = &self.target else { return Ok(gone.iter().map(|_| Ok(())).collect()) };
        let batch = removal.writes(gone, &self.key_fields)?;
        let plan = Plan::of(&target.table, &target.keys, opened.packet_bytes_max / 2, &batch);
        let mut outcomes: Vec<Result<(), RecordError>> =
            plan.refused.into_iter().map(|refused| refused.map_or(Ok(()), Err)).collect();
        let connection = &mut opened.connection;
        let doing = |error| system_error("removing a batch", error);
        for group in &plan.groups {
            let upsert = target.upsert(group);
            let mut at = 0;
            let mut step = ROWS_MAX;
            while at < group.rows.len() {
                let end = (at + step).min(group.rows.len());
                let rows = &group.rows[at..end];
                execute(connection, "START TRANSACTION".to_owned()).await.map_err(doing)?;
                let removed = match removal {
                    Removal::Delete => upsert.delete(connection, rows).await,
                    Removal::Mark { .. } => upsert.mark(connection, rows).await,
                };
                let ended = if removed.is_ok() { "COMMIT" } else { "ROLLBACK" };
                execute(connection, ended.to_owned()).await.map_err(doing)?;
                match removed {
                    Ok(()) => at = end,
                    Err(error) if refusal::is_about_rows(&error) && rows.len() == 1 => {
                        outcomes[rows[0].place] = Err(refusal::removal(&error, &target.table));
                        at = end;
                    }
                    // Each by itself: others refer to one of them.
                    Err(error) if refusal::is_about_rows(&error) => step = 1,
                    Err(error) => return Err(doing(error)),
                }
            }
        }
        Ok(outcomes)
    }

    /// `None` where the user may not make the temporary tables that it takes.
    async fn compare_batch(
        &mut self,
        opened: &mut Opened,
        batch: &[Write],
    ) -> Result<Option<Vec<Standing>>, SystemError> {
        let mut standings = vec![Standing::Missing; batch.len()];
        let Some(target) = &self.target else { return Ok(Some(standings)) };
        if batch.is_empty() {
            return Ok(comparison::is_possible(&mut opened.connection).await?.then_some(standings));
        }
        let row_bytes_max = opened.packet_bytes_max / 2;
        // What the table can't hold is not there.
        let plan = Plan::of(&target.table, &target.keys, row_bytes_max, batch);
        for group in &plan.groups {
            let (table, keys) = (&target.table, target.keys.len());
            let comparison = Comparison { table, columns: &group.columns, keys, asks: Question::Standing };
            compare_group(opened, &comparison, group, &mut standings).await?;
        }
        Ok(Some(standings))
    }

    async fn find_batch(
        &mut self,
        opened: &mut Opened,
        place: &Place,
        values: &[Vec<Value>],
    ) -> Result<Vec<bool>, SystemError> {
        if !self.places.contains_key(place) {
            let table = lookup::table_of(opened, place).await?;
            self.places.insert(place.clone(), table);
        }
        let mut standings = vec![Standing::Missing; values.len()];
        let batch = place.writes(values);
        if let Some(table) = self.places.get(place) {
            let keys: Vec<usize> = place.columns.iter().filter_map(|column| table.index_of(column)).collect();
            // What the columns can't hold is not there.
            let plan = Plan::of(table, &keys, opened.packet_bytes_max / 2, &batch);
            for group in &plan.groups {
                let asks = Question::Presence;
                let comparison = Comparison { table, columns: &group.columns, keys: keys.len(), asks };
                compare_group(opened, &comparison, group, &mut standings).await?;
            }
        }
        Ok(standings.into_iter().map(|standing| standing != Standing::Missing).collect())
    }
}

async fn compare_group(
    opened: &mut Opened,
    comparison: &Comparison<'_>,
    group: &Group<'_>,
    standings: &mut [Standing],
) -> Result<(), SystemError> {
    let bytes_max = (opened.packet_bytes_max / 2).min(STATEMENT_BYTES_MAX);
    comparison.begin(&mut opened.connection).await?;
    let mut at = 0;
    while at < group.rows.len() {
        let end = at + statement_rows(&group.rows[at..], bytes_max);
        comparison.compare(&mut opened.connection, &group.rows[at..end], standings).await?;
        at = end;
    }
    comparison.end(&mut opened.connection).await
}

#[async_trait]
impl Destination for MysqlDestination {
    async fn write(&mut self, batch: &[Write]) -> Result<Vec<WriteOutcome>, SystemError> {
        let mut opened = self.opened.take().ok_or_else(|| {
            SystemError::new(SystemErrorKind::Unavailable, "the connection was lost in an earlier batch")
        })?;
        // Dropping the connection, here and when this is given up, rolls back what is open.
        match tokio::time::timeout(WRITE_TIMEOUT, self.write_batch(&mut opened, batch)).await {
            Ok(Ok(mut outcomes)) => {
                self.opened = Some(opened);
                name_by(&self.key_fields, batch, &mut outcomes);
                Ok(outcomes)
            }
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
        let mut opened = self.opened.take().ok_or_else(|| {
            SystemError::new(SystemErrorKind::Unavailable, "the connection was lost in an earlier batch")
        })?;
        match tokio::time::timeout(WRITE_TIMEOUT, self.remove_batch(&mut opened, gone, removal)).await {
            Ok(Ok(outcomes)) => {
                self.opened = Some(opened);
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
        // Every batch was committed already.
        Ok(())
    }

    fn detects_unchanged(&self) -> bool {
        true
    }

    async fn compare(&mut self, batch: &[Write]) -> Result<Option<Vec<Standing>>, SystemError> {
        let mut opened = self.opened.take().ok_or_else(|| {
            SystemError::new(SystemErrorKind::Unavailable, "the connection was lost in an earlier batch")
        })?;
        match tokio::time::timeout(WRITE_TIMEOUT, self.compare_batch(&mut opened, batch)).await {
            Ok(Ok(standings)) => {
                self.opened = Some(opened);
                Ok(standings)
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
        let Some(target) = &self.target else { return Ok(Some(0)) };
        let Some(mut opened) = self.opened.take() else { return Ok(None) };
        let counted = lookup::row_count(&mut opened, &target.table).await?;
        self.opened = counted.is_some().then_some(opened);
        Ok(counted)
    }

    async fn find(&mut self, place: &Place, values: &[Vec<Value>]) -> Result<Vec<bool>, SystemError> {
        let mut opened = self.opened.take().ok_or_else(|| {
            SystemError::new(SystemErrorKind::Unavailable, "the connection was lost in an earlier batch")
        })?;
        match tokio::time::timeout(WRITE_TIMEOUT, self.find_batch(&mut opened, place, values)).await {
            Ok(Ok(found)) => {
                self.opened = Some(opened);
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

impl Target {
    /// # Errors
    /// `Misconfigured` when the table has no usable unique index on exactly the key fields.
    async fn load(
        opened: &mut Opened,
        database: &str,
        table: &str,
        key_fields: &[String],
    ) -> Result<Option<Self>, SystemError> {
        let Some(table) = Table::load(&mut opened.connection, opened.is_mariadb, database, table).await?
        else {
            return Ok(None);
        };
        if table.is_view {
            return Err(table::not_a_table(&table));
        }
        let mut keys = Vec::with_capacity(key_fields.len());
        for field in key_fields {
            keys.push(table.index_of(field).ok_or_else(|| {
                misconfigured(format!("{} has no column {field:?}", table.name))
                    .with_hint(format!("the table has no column `{field}`, which is a key field"))
            })?);
        }
        let is_key = |columns: &[String]| {
            columns.len() == keys.len() && keys.iter().all(|key| columns.contains(&table.columns[*key].name))
        };
        let usable = table.unique.iter().find(|unique| unique.is_whole && is_key(&unique.columns));
        match usable.map(|unique| unique.name.clone()) {
            Some(key_index) => Ok(Some(Self { table, keys, key_index })),
            None => {
                let fields = key_fields.join("`, `");
                let hint = format!(
                    "the table has no primary key or unique index on exactly `{fields}`, which updates need"
                );
                Err(misconfigured(format!("{} has no unique index on {key_fields:?}", table.name))
                    .with_hint(hint))
            }
        }
    }

    fn upsert<'a>(&'a self, group: &'a Group<'_>) -> Upsert<'a> {
        let brings = |column: &String| {
            group.columns.iter().any(|index| self.table.columns[*index].name == *column)
                || !self.table.columns.iter().any(|other| other.name == *column && other.counts_itself)
        };
        // A number that the server gives itself meets no other.
        // What an expression is made of is not known.
        let is_rival = |unique: &Unique| !unique.is_whole || unique.columns.iter().any(brings);
        let others = self.table.unique.iter().filter(|unique| unique.name != self.key_index);
        let has_rivals = others.into_iter().any(is_rival);
        Upsert { table: &self.table, columns: &group.columns, keys: self.keys.len(), has_rivals }
    }
}

/// How many rows from the front fit into one statement; at least one.
fn statement_rows(rows: &[Row<'_>], bytes_max: usize) -> usize {
    let columns = rows.first().map_or(1, |row| row.cells.len().max(1));
    let most = (PARAMETERS_MAX / columns).clamp(1, ROWS_MAX);
    let mut bytes = 0;
    let fits = rows.iter().take(most).take_while(|row| {
        bytes += row.size_bytes();
        bytes <= bytes_max
    });
    fits.count().max(1)
}

type Written = Vec<(usize, Result<Action, RecordError>)>;

/// Writes rows within an open transaction, stepping around those that fail: steps shrink to the bad row, and grow again
/// behind it.
async fn write_in_steps(
    connection: &mut MySqlConnection,
    upsert: &Upsert<'_>,
    rows: &[Row<'_>],
) -> Result<Written, SystemError> {
    let doing = |error| system_error("writing a batch", error);
    let mut written = Vec::with_capacity(rows.len());
    let (mut at, mut step) = (0, rows.len());
    while at < rows.len() {
        let end = (at + step).min(rows.len());
        let tried = if end - at == 1 {
            upsert.write_one(connection, &rows[at]).await.map(|action| Some(vec![action]))
        } else {
            upsert.write(connection, &rows[at..end]).await
        };
        match tried {
            Ok(Some(actions)) => {
                written
                    .extend(rows[at..end].iter().zip(actions).map(|(row, action)| (row.place, Ok(action))));
                execute(connection, "SAVEPOINT step".to_owned()).await.map_err(doing)?;
                at = end;
                step = step.saturating_mul(STEP_FACTOR);
                continue;
            }
            Ok(None) => {}
            Err(error) if refusal::is_about_rows(&error) => {
                if end - at == 1 {
                    written.push((rows[at].place, Err(refusal::row(&error, upsert.table))));
                    at = end;
                }
            }
            Err(error) => return Err(doing(error)),
        }
        execute(connection, "ROLLBACK TO SAVEPOINT step".to_owned()).await.map_err(doing)?;
        step = ((end - at) / STEP_FACTOR).max(1);
    }
    Ok(written)
}
