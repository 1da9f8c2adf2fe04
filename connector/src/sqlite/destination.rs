//! A table that is upserted by key, a batch in a transaction; a row that the database refuses fails alone.
//! Deliberately absent: the statements themselves (`upsert`).

use std::collections::HashSet;

use async_trait::async_trait;
use serde_json::Value;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection};

use super::failure::{concerns_record, is_foreign_key, pointer, record_error, rejected, system_error};
use super::lookup;
use super::table::{self, Table, quoted};
use super::upsert::Upsert;
use super::value::Stored;
use crate::destination::{are_there, name_by, still_referred_to};
use crate::{
    Action, Destination, FieldError, Gone, Place, Record, RecordError, Removal, Standing, SystemError,
    SystemErrorKind, Write, WriteOutcome,
};

/// Columns of a table that we make or extend; SQLite's own limit is 2,000.
const COLUMNS_MAX: usize = 1000;

/// A table that is written.
pub(super) struct SqliteDestination {
    connection: SqliteConnection,
    table_name: String,
    /// `None` until the first batch tells which columns the table is made with.
    table: Option<Table>,
    /// The key's columns, as the table spells them.
    key: Vec<String>,
    create_table: bool,
}

/// A record as a row.
struct Row {
    columns: Vec<String>,
    values: Vec<Stored>,
}

impl SqliteDestination {
    /// Finds the table, and that its key is unique.
    pub(super) async fn open(
        mut connection: SqliteConnection,
        table_name: String,
        create_table: bool,
        key: Vec<String>,
    ) -> Result<Self, SystemError> {
        let table = Table::find(&mut connection, &table_name).await?;
        if table.is_none() && !create_table {
            return Err(table::not_found(&mut connection, &table_name).await?);
        }
        let mut destination = Self { connection, table_name, table: None, key, create_table };
        if let Some(table) = table {
            destination.adopt(table)?;
        }
        Ok(destination)
    }

    /// Takes a table that is there.
    fn adopt(&mut self, table: Table) -> Result<(), SystemError> {
        if let Some(error) = table::missing_columns(
            &table.columns,
            &self.key.iter().filter(|name| table.column(name).is_none()).cloned().collect::<Vec<_>>(),
        ) {
            return Err(error);
        }
        let key: Vec<String> =
            self.key.iter().filter_map(|name| table.column(name)).map(str::to_owned).collect();
        if !table.is_unique(&key) {
            let hint = format!(
                "the table `{}` has no unique index on {}; without one a record can't replace the one before it",
                table.name,
                key.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            );
            return Err(SystemError::new(SystemErrorKind::Misconfigured, hint.clone()).with_hint(hint));
        }
        self.key = key;
        self.table = Some(table);
        Ok(())
    }

    /// The same with its key as a number, where it looks like one: a column without a type keeps `5` and `'5'` apart, and
    /// of a single key it is not known which it was.
    fn as_number(&self, record: &Record) -> Option<Record> {
        let [field] = &self.key[..] else { return None };
        let number: serde_json::Number = record.get(field)?.as_str()?.parse().ok()?;
        let mut record = record.clone();
        record.insert(field.clone(), number.into());
        Some(record)
    }

    /// Makes the table or its missing columns, as far as the batch needs and the options allow.
    async fn extend(&mut self, batch: &[Write]) -> Result<(), SystemError> {
        if !self.create_table || batch.is_empty() {
            return Ok(());
        }
        let mut columns: Vec<(String, Option<&'static str>)> = Vec::new();
        let known = self.table.as_ref().map_or(0, |table| table.columns.len());
        let mut seen = HashSet::new();
        if self.table.is_none() {
            for name in &self.key {
                if seen.insert(name.to_ascii_lowercase()) {
                    columns.push((name.clone(), None));
                }
            }
        }
        for name in batch.iter().flat_map(|write| write.record.keys()) {
            let there = self.table.as_ref().is_some_and(|table| table.column(name).is_some());
            if !there
                && !name.contains('\0')
                && known + columns.len() < COLUMNS_MAX
                && seen.insert(name.to_ascii_lowercase())
            {
                columns.push((name.clone(), None));
            }
        }
        if columns.is_empty() {
            return Ok(());
        }
        for (name, kind) in &mut columns {
            *kind = column_type(batch, name);
        }
        self.change_schema(&columns).await?;
        match Table::find(&mut self.connection, &self.table_name).await? {
            Some(table) => self.adopt(table),
            None => Err(SystemError::new(SystemErrorKind::Internal, "the table that was made is not there")),
        }
    }

    async fn change_schema(&mut self, columns: &[(String, Option<&'static str>)]) -> Result<(), SystemError> {
        let failure = |error: sqlx::Error| system_error("making the table", &error);
        let definition = |(name, kind): &(String, Option<&'static str>)| {
            let not_null = if self.table.is_none() && self.key.contains(name) { " NOT NULL" } else { "" };
            match kind {
                Some(kind) => format!("{} {kind}{not_null}", quoted(name)),
                // Without a type SQLite keeps whatever comes later as it is.
                None => format!("{}{not_null}", quoted(name)),
            }
        };
        let statements: Vec<String> = match &self.table {
            None => {
                let columns: Vec<String> = columns.iter().map(definition).collect();
                let key: Vec<String> = self.key.iter().map(|name| quoted(name)).collect();
                vec![format!(
                    "CREATE TABLE IF NOT EXISTS {} ({}, PRIMARY KEY ({}))",
                    quoted(&self.table_name),
                    columns.join(", "),
                    key.join(", ")
                )]
            }
            Some(table) => columns
                .iter()
                .map(|column| {
                    format!("ALTER TABLE {} ADD COLUMN {}", quoted(&table.name), definition(column))
                })
                .collect(),
        };
        let mut tx = self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failure)?;
        for statement in statements {
            sqlx::query(AssertSqlSafe(statement))
                .persistent(false)
                .execute(&mut *tx)
                .await
                .map_err(failure)?;
        }
        tx.commit().await.map_err(failure)
    }

    /// The record as a row of the table.
    fn row(&self, table: &Table, record: &Record) -> Result<Row, RecordError> {
        let mut row =
            Row { columns: Vec::with_capacity(record.len()), values: Vec::with_capacity(record.len()) };
        let mut errors = Vec::new();
        for (name, value) in record {
            let mut refuse = |rule: &str, message: &str| {
                errors.push(FieldError {
                    path: pointer(name),
                    rule: rule.to_owned(),
                    message: message.to_owned(),
                });
            };
            let Some(column) = table.column(name) else {
                refuse("unknown_column", "the destination has no such field");
                continue;
            };
            if row.columns.iter().any(|other| other == column) {
                refuse("unique", "another field of the record differs in upper and lower case only");
                continue;
            }
            match Stored::of_json(value) {
                Ok(stored) => {
                    row.columns.push(column.to_owned());
                    row.values.push(stored);
                }
                Err(_) => refuse("maximum", "is larger than the destination can hold (2^63)"),
            }
        }
        for key in &self.key {
            let value = row.columns.iter().position(|column| column == key).map(|index| &row.values[index]);
            if matches!(value, None | Some(Stored::Null))
                && !errors.iter().any(|error| error.path == pointer(key))
            {
                errors.push(FieldError {
                    path: pointer(key),
                    rule: "required".to_owned(),
                    message: "identifies the record, and is empty".to_owned(),
                });
            }
        }
        if errors.is_empty() {
            return Ok(row);
        }
        let rules: Vec<String> =
            errors.iter().map(|error| format!("{} at {}", error.rule, error.path)).collect();
        Err(rejected(errors, format!("the table can't hold the record: {}", rules.join(", "))))
    }
}

/// How a batch is tried, from fast to patient.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    /// Many rows a statement, one transaction.
    Together,
    /// Each row by itself, with a savepoint, one transaction.
    RowByRow,
    /// A transaction a row, for what the database checks no earlier than at the commit.
    RowByCommit,
}

#[async_trait]
impl Destination for SqliteDestination {
    async fn write(&mut self, batch: &[Write]) -> Result<Vec<WriteOutcome>, SystemError> {
        self.extend(batch).await?;
        let Some(table) = self.table.clone() else { return Ok(Vec::new()) };
        let rows: Vec<Result<Row, RecordError>> =
            batch.iter().map(|write| self.row(&table, &write.record)).collect();
        let good: Vec<&Row> = rows.iter().flatten().collect();
        let mut results: Option<Vec<Result<Action, RecordError>>> = None;
        for attempt in [Attempt::Together, Attempt::RowByRow, Attempt::RowByCommit] {
            let tried = match attempt {
                Attempt::Together => together(&mut self.connection, &table.name, &self.key, &good).await,
                Attempt::RowByRow => row_by_row(&mut self.connection, &table.name, &self.key, &good).await,
                Attempt::RowByCommit => {
                    row_by_commit(&mut self.connection, &table.name, &self.key, &good).await
                }
            };
            match tried {
                Ok(done) => {
                    results = Some(done);
                    break;
                }
                Err(error) if attempt == Attempt::Together && concerns_record(&error) => {}
                Err(error) if attempt == Attempt::RowByRow && is_foreign_key(&error) => {}
                Err(error) => return Err(system_error("writing a batch", &error)),
            }
        }
        let mut results = results.unwrap_or_default().into_iter();
        let outcomes = rows.into_iter().map(|row| {
            let result = match row {
                Err(error) => Err(error),
                Ok(_) => results.next().unwrap_or_else(|| Err(rejected(Vec::new(), "no answer".to_owned()))),
            };
            match result {
                Ok(action) => WriteOutcome::Written { action, destination_key: None },
                Err(error) => WriteOutcome::Failed(error),
            }
        });
        let mut outcomes: Vec<WriteOutcome> = outcomes.collect();
        name_by(&self.key, batch, &mut outcomes);
        Ok(outcomes)
    }

    async fn remove(
        &mut self,
        gone: &[Gone],
        removal: &Removal,
    ) -> Result<Vec<Result<(), RecordError>>, SystemError> {
        let mut outcomes: Vec<Result<(), RecordError>> = gone.iter().map(|_| Ok(())).collect();
        let Some(table) = self.table.clone() else { return Ok(outcomes) };
        let mut rows = Vec::with_capacity(gone.len());
        for (place, write) in removal.writes(gone, &self.key)?.iter().enumerate() {
            let number = self.as_number(&write.record);
            for record in std::iter::once(&write.record).chain(&number) {
                match self.row(&table, record) {
                    Ok(row) => rows.push((place, row)),
                    Err(error) => outcomes[place] = Err(error),
                }
            }
        }
        let together: Vec<&Row> = rows.iter().map(|(_place, row)| row).collect();
        match remove(&mut self.connection, &table.name, &self.key, &together, removal).await {
            Ok(()) => return Ok(outcomes),
            Err(error) if concerns_record(&error) || is_foreign_key(&error) => {}
            Err(error) => return Err(system_error("removing a batch", &error)),
        }
        // Each by itself: others refer to one of them.
        for (place, row) in &rows {
            match remove(&mut self.connection, &table.name, &self.key, &[row], removal).await {
                Ok(()) => {}
                Err(error) if is_foreign_key(&error) => {
                    outcomes[*place] = Err(still_referred_to(record_error(&error)));
                }
                Err(error) if concerns_record(&error) => outcomes[*place] = Err(record_error(&error)),
                Err(error) => return Err(system_error("removing a record", &error)),
            }
        }
        Ok(outcomes)
    }

    async fn finish(&mut self) -> Result<(), SystemError> {
        // Every batch was committed already.
        Ok(())
    }

    fn detects_unchanged(&self) -> bool {
        true
    }

    async fn compare(&mut self, batch: &[Write]) -> Result<Option<Vec<Standing>>, SystemError> {
        let mut standings = vec![Standing::Missing; batch.len()];
        let Some(table) = self.table.clone() else { return Ok(Some(standings)) };
        // What the table can't hold is not there.
        let rows: Vec<(usize, Row)> = batch
            .iter()
            .enumerate()
            .filter_map(|(place, write)| Some((place, self.row(&table, &write.record).ok()?)))
            .collect();
        let good: Vec<&Row> = rows.iter().map(|(_, row)| row).collect();
        for group in groups(&self.key, &good) {
            let Some(first) = group.first().map(|&index| good[index]) else { continue };
            let upsert = Upsert { table: &table.name, columns: &first.columns, key: &self.key };
            let values: Vec<&[Stored]> = group.iter().map(|&index| good[index].values.as_slice()).collect();
            let actions = upsert.rehearse(&mut self.connection, &values).await;
            let actions = actions.map_err(|error| system_error("comparing a batch", &error))?;
            for (index, action) in group.into_iter().zip(actions) {
                standings[rows[index].0] = match action {
                    Action::Unchanged => Standing::Same,
                    Action::Updated => Standing::Different,
                    Action::Created => Standing::Missing,
                };
            }
        }
        Ok(Some(standings))
    }

    async fn holds(&mut self, gone: &[Gone]) -> Result<Option<Vec<bool>>, SystemError> {
        let mut batch = Removal::Delete.writes(gone, &self.key)?;
        let Some(mut held) = are_there(self.compare(&batch).await?) else { return Ok(None) };
        // As in a removal.
        let mut places = Vec::new();
        for (place, write) in batch.iter_mut().enumerate().filter(|(place, _)| !held[*place]) {
            if let Some(number) = self.as_number(&write.record) {
                write.record = number;
                places.push(place);
            }
        }
        let numbers: Vec<Write> = places.iter().map(|place| batch[*place].clone()).collect();
        let Some(numbers_held) = are_there(self.compare(&numbers).await?) else { return Ok(None) };
        for (place, is_there) in places.into_iter().zip(numbers_held) {
            held[place] = is_there;
        }
        Ok(Some(held))
    }

    async fn row_count(&mut self) -> Result<Option<u64>, SystemError> {
        match &self.table {
            Some(table) => lookup::row_count(&mut self.connection, table).await.map(Some),
            None => Ok(Some(0)),
        }
    }

    async fn find(&mut self, place: &Place, values: &[Vec<Value>]) -> Result<Vec<bool>, SystemError> {
        lookup::find(&mut self.connection, place, values).await
    }
}

async fn remove(
    connection: &mut SqliteConnection,
    table: &str,
    key: &[String],
    rows: &[&Row],
    removal: &Removal,
) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    for row in rows {
        let upsert = Upsert { table, columns: &row.columns, key };
        match removal {
            Removal::Delete => upsert.delete(&mut tx, &row.values).await?,
            Removal::Mark { .. } => upsert.update(&mut tx, &row.values).await?,
        }
    }
    tx.commit().await
}

type Tried = Result<Vec<Result<Action, RecordError>>, sqlx::Error>;

async fn together(connection: &mut SqliteConnection, table: &str, key: &[String], rows: &[&Row]) -> Tried {
    let mut actions: Vec<Option<Action>> = vec![None; rows.len()];
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    for group in groups(key, rows) {
        let Some(first) = group.first().map(|&index| rows[index]) else { continue };
        let upsert = Upsert { table, columns: &first.columns, key };
        let values: Vec<&[Stored]> = group.iter().map(|&index| rows[index].values.as_slice()).collect();
        for (index, action) in group.iter().zip(upsert.write(&mut tx, &values).await?) {
            actions[*index] = Some(action);
        }
    }
    tx.commit().await?;
    Ok(actions.into_iter().map(|action| Ok(action.unwrap_or(Action::Unchanged))).collect())
}

async fn row_by_row(connection: &mut SqliteConnection, table: &str, key: &[String], rows: &[&Row]) -> Tried {
    let mut results = Vec::with_capacity(rows.len());
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    for row in rows {
        let mut savepoint = tx.begin().await?;
        match (Upsert { table, columns: &row.columns, key }).write_one(&mut savepoint, &row.values).await {
            Ok(action) => {
                savepoint.commit().await?;
                results.push(Ok(action));
            }
            Err(error) if concerns_record(&error) => {
                savepoint.rollback().await?;
                results.push(Err(record_error(&error)));
            }
            Err(error) => return Err(error),
        }
    }
    tx.commit().await?;
    Ok(results)
}

async fn row_by_commit(
    connection: &mut SqliteConnection,
    table: &str,
    key: &[String],
    rows: &[&Row],
) -> Tried {
    let mut results = Vec::with_capacity(rows.len());
    for row in rows {
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        let written =
            match (Upsert { table, columns: &row.columns, key }).write_one(&mut tx, &row.values).await {
                Ok(action) => tx.commit().await.map(|()| action),
                Err(error) => Err(error),
            };
        match written {
            Ok(action) => results.push(Ok(action)),
            Err(error) if concerns_record(&error) => results.push(Err(record_error(&error))),
            Err(error) => return Err(error),
        }
    }
    Ok(results)
}

/// Indexes of rows that one statement can take: the same columns, and no key twice, since a mapping can
/// give two records one key. The order of rows of one key is kept.
fn groups(key: &[String], rows: &[&Row]) -> Vec<Vec<usize>> {
    let mut groups: Vec<(Vec<usize>, HashSet<String>)> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let values: Vec<&Stored> = key
            .iter()
            .filter_map(|key| row.columns.iter().position(|column| column == key))
            .map(|position| &row.values[position])
            .collect();
        let identity = format!("{values:?}");
        // Behind the last group that holds this key, or its rows would change places.
        let first = groups.iter().rposition(|(_, keys)| keys.contains(&identity)).map_or(0, |at| at + 1);
        let fitting = groups[first..].iter().position(|(group, _)| rows[group[0]].columns == row.columns);
        match fitting {
            Some(at) => {
                let (group, keys) = &mut groups[first + at];
                group.push(index);
                keys.insert(identity);
            }
            None => groups.push((vec![index], HashSet::from([identity]))),
        }
    }
    groups.into_iter().map(|(group, _)| group).collect()
}

/// A type that fits what the batch has for a field; `None` when it has nothing but null.
fn column_type(batch: &[Write], name: &str) -> Option<&'static str> {
    let mut found = None;
    for value in batch.iter().filter_map(|write| write.record.get(name)) {
        // A number that is too large is refused later, as the value of its record.
        let kind = Stored::of_json(value).ok().and_then(|stored| stored.column_type());
        found = match (found, kind) {
            (None, kind) => kind,
            (found, None) => found,
            (Some("INTEGER"), Some("REAL")) | (Some("REAL"), Some("INTEGER")) => Some("REAL"),
            (Some(same), Some(kind)) if same == kind => Some(same),
            _ => Some("TEXT"),
        };
    }
    found
}
