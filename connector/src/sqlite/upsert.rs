//! The statements of an upsert: what is there and differs, then one statement for all that is new or
//! changed. Deliberately absent: transactions, and what to do when a row is refused.

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row as _};

use super::table::quoted;
use super::value::{Stored, bind};
use crate::Action;

/// Parameters of a statement. SQLite's own limit is 32,766 (<https://sqlite.org/limits.html>).
const PARAMETERS_MAX: usize = 30_000;
/// Rows of a statement. More gain nothing, and the text of the statement grows.
const ROWS_MAX: usize = 250;

/// Rows of the same columns, for one table.
pub(super) struct Upsert<'a> {
    /// The table, as the database spells it.
    pub(super) table: &'a str,
    /// Columns of the rows, the key's among them.
    pub(super) columns: &'a [String],
    /// Columns of the key.
    pub(super) key: &'a [String],
}

impl Upsert<'_> {
    /// Upserts rows, each with its values in the order of the columns; no key stands twice among them.
    pub(super) async fn write(
        &self,
        connection: &mut SqliteConnection,
        rows: &[&[Stored]],
    ) -> Result<Vec<Action>, sqlx::Error> {
        let mut actions = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(self.chunk_rows()) {
            let found = self.compare(connection, chunk).await?;
            let to_write: Vec<&[Stored]> = chunk
                .iter()
                .zip(&found)
                .filter(|(_, action)| **action != Action::Unchanged)
                .map(|(row, _)| *row)
                .collect();
            if !to_write.is_empty() {
                self.insert(connection, &to_write).await?;
            }
            actions.extend(found);
        }
        Ok(actions)
    }

    /// What [`write`](Self::write) would do with each row.
    pub(super) async fn rehearse(
        &self,
        connection: &mut SqliteConnection,
        rows: &[&[Stored]],
    ) -> Result<Vec<Action>, sqlx::Error> {
        let mut actions = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(self.chunk_rows()) {
            actions.extend(self.compare(connection, chunk).await?);
        }
        Ok(actions)
    }

    /// As [`write`](Self::write) for a single row, by a plain INSERT or UPDATE: an upsert checks NOT NULL
    /// also of columns that the row does not have, though the row is there already.
    pub(super) async fn write_one(
        &self,
        connection: &mut SqliteConnection,
        row: &[Stored],
    ) -> Result<Action, sqlx::Error> {
        let found = self.compare(connection, &[row]).await?;
        let action = found.first().copied().unwrap_or(Action::Created);
        match action {
            Action::Unchanged => {}
            Action::Created => self.insert(connection, &[row]).await?,
            Action::Updated => self.update(connection, row).await?,
        }
        Ok(action)
    }

    fn chunk_rows(&self) -> usize {
        (PARAMETERS_MAX / self.columns.len().max(1)).clamp(1, ROWS_MAX)
    }

    fn others(&self) -> impl Iterator<Item = (usize, &String)> {
        self.columns.iter().enumerate().filter(|(_, column)| !self.key.contains(column))
    }

    fn key_columns(&self) -> impl Iterator<Item = (usize, &String)> {
        self.columns.iter().enumerate().filter(|(_, column)| self.key.contains(column))
    }

    /// What a write of each row will do.
    async fn compare(
        &self,
        connection: &mut SqliteConnection,
        rows: &[&[Stored]],
    ) -> Result<Vec<Action>, sqlx::Error> {
        // Numbered parameters and no affinity: the stored column's affinity rules the comparison, as it
        // would rule the storing. BINARY, or `a` would be unchanged when it becomes `A` by NOCASE.
        let names: Vec<String> = (0..self.columns.len()).map(|index| format!("c{index}")).collect();
        let values: Vec<String> = rows
            .iter()
            .enumerate()
            .map(|(index, row)| {
                let parameters: Vec<&str> = row.iter().map(Stored::parameter).collect();
                format!("({index}, {})", parameters.join(", "))
            })
            .collect();
        let same: Vec<String> = self
            .others()
            .map(|(index, column)| format!("t.{} IS b.c{index} COLLATE BINARY", quoted(column)))
            .collect();
        let on: Vec<String> =
            self.key_columns().map(|(index, column)| format!("t.{} = b.c{index}", quoted(column))).collect();
        let sql = format!(
            "WITH b(i, {}) AS (VALUES {}) SELECT b.i, {} FROM b CROSS JOIN main.{} AS t ON {}",
            names.join(", "),
            values.join(", "),
            if same.is_empty() { "1".to_owned() } else { same.join(" AND ") },
            quoted(self.table),
            on.join(" AND ")
        );
        let mut statement = sqlx::query(AssertSqlSafe(sql));
        for row in rows {
            statement = bind(statement, row);
        }
        let mut actions = vec![Action::Created; rows.len()];
        for found in statement.fetch_all(connection).await? {
            let index: i64 = found.try_get(0)?;
            let same: i64 = found.try_get(1)?;
            if let Some(action) = usize::try_from(index).ok().and_then(|index| actions.get_mut(index)) {
                *action = if same == 1 { Action::Unchanged } else { Action::Updated };
            }
        }
        Ok(actions)
    }

    async fn insert(&self, connection: &mut SqliteConnection, rows: &[&[Stored]]) -> Result<(), sqlx::Error> {
        let columns: Vec<String> = self.columns.iter().map(|column| quoted(column)).collect();
        let key: Vec<String> = self.key.iter().map(|column| quoted(column)).collect();
        let values: Vec<String> = rows
            .iter()
            .map(|row| format!("({})", row.iter().map(Stored::parameter).collect::<Vec<_>>().join(", ")))
            .collect();
        let sets: Vec<String> = self
            .others()
            .map(|(_, column)| quoted(column))
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        let conflict =
            if sets.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", sets.join(", ")) };
        let sql = format!(
            "INSERT INTO {} ({}) VALUES {} ON CONFLICT ({}) DO {conflict}",
            quoted(self.table),
            columns.join(", "),
            values.join(", "),
            key.join(", ")
        );
        let mut statement = sqlx::query(AssertSqlSafe(sql));
        for row in rows {
            statement = bind(statement, row);
        }
        statement.execute(connection).await?;
        Ok(())
    }

    /// Deletes a row, if it is there.
    pub(super) async fn delete(
        &self,
        connection: &mut SqliteConnection,
        row: &[Stored],
    ) -> Result<(), sqlx::Error> {
        let on = self
            .key_columns()
            .map(|(index, column)| format!("{} = {}", quoted(column), row[index].parameter()));
        let sql =
            format!("DELETE FROM {} WHERE {}", quoted(self.table), on.collect::<Vec<_>>().join(" AND "));
        let values: Vec<Stored> = self.key_columns().map(|(index, _)| row[index].clone()).collect();
        bind(sqlx::query(AssertSqlSafe(sql)), &values).execute(connection).await?;
        Ok(())
    }

    /// Updates a row, if it is there.
    pub(super) async fn update(
        &self,
        connection: &mut SqliteConnection,
        row: &[Stored],
    ) -> Result<(), sqlx::Error> {
        let sets =
            self.others().map(|(index, column)| format!("{} = {}", quoted(column), row[index].parameter()));
        let on = self
            .key_columns()
            .map(|(index, column)| format!("{} = {}", quoted(column), row[index].parameter()));
        let sql = format!(
            "UPDATE {} SET {} WHERE {}",
            quoted(self.table),
            sets.collect::<Vec<_>>().join(", "),
            on.collect::<Vec<_>>().join(" AND ")
        );
        let values: Vec<Stored> =
            self.others().chain(self.key_columns()).map(|(index, _)| row[index].clone()).collect();
        bind(sqlx::query(AssertSqlSafe(sql)), &values).execute(connection).await?;
        Ok(())
    }
}
