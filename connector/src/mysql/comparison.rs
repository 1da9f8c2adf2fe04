//! How rows stand in a table, asked without writing to it: what comes is put into a temporary table of the same columns, so
//! that the server makes of it what it would store, and both are compared byte by byte: by collation `a` is `A`.
//! Deliberately absent: locks; a row that somebody changes meanwhile is looked at again by whoever asks.

use sqlx::{AssertSqlSafe, MySqlConnection, Row as _};

use super::batch::Row;
use super::connection::{database_error, execute, quoted, system_error};
use super::refusal;
use super::table::Table;
use crate::{Standing, SystemError};

/// A name that no table has; temporary tables are of a connection alone.
const COMPARED: &str = "trestle_compared";
/// The place of a row in its batch.
const ORDINAL: &str = "trestle_ordinal";
/// Access denied to the database, or to a command on a table
/// (<https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html>).
const DENIED: [u16; 2] = [1044, 1142];

/// What is asked of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// How they stand: of a key, one row is there at most.
    Standing,
    /// Only whether any row has their key, however many do.
    Presence,
}

/// Rows of the same columns, and one table.
pub(super) struct Comparison<'a> {
    pub(super) table: &'a Table,
    /// Indexes into the table's columns, keys first.
    pub(super) columns: &'a [usize],
    /// How many of the columns are the key.
    pub(super) keys: usize,
    pub(super) asks: Question,
}

/// Whether the user may make temporary tables.
pub(super) async fn is_possible(connection: &mut MySqlConnection) -> Result<bool, SystemError> {
    let made = execute(connection, format!("CREATE TEMPORARY TABLE {COMPARED} ({ORDINAL} int)")).await;
    match made {
        Ok(_) => drop_table(connection).await.map(|()| true),
        Err(error) if database_error(&error).is_some_and(|error| DENIED.contains(&error.number())) => {
            Ok(false)
        }
        Err(error) => Err(system_error("comparing a batch", error)),
    }
}

async fn drop_table(connection: &mut MySqlConnection) -> Result<(), SystemError> {
    let dropped = execute(connection, format!("DROP TEMPORARY TABLE {COMPARED}")).await;
    dropped.map(|_| ()).map_err(|error| system_error("comparing a batch", error))
}

impl Comparison<'_> {
    /// Makes the temporary table.
    pub(super) async fn begin(&self, connection: &mut MySqlConnection) -> Result<(), SystemError> {
        let columns = self.columns.iter().map(|index| self.name(*index)).collect::<Vec<_>>().join(", ");
        // The columns as they are, without indexes, references and triggers.
        let sql = format!(
            "CREATE TEMPORARY TABLE {COMPARED} AS SELECT 0 AS {ORDINAL}, {columns} FROM {} LIMIT 0",
            self.table.name
        );
        let made = execute(connection, sql).await;
        made.map(|_| ()).map_err(|error| system_error("comparing a batch", error))
    }

    /// Takes it away.
    pub(super) async fn end(&self, connection: &mut MySqlConnection) -> Result<(), SystemError> {
        drop_table(connection).await
    }

    /// How the rows stand, by their places in the batch. Halved until the values that a column does not take stand alone:
    /// they can't be there.
    pub(super) async fn compare(
        &self,
        connection: &mut MySqlConnection,
        rows: &[Row<'_>],
        standings: &mut [Standing],
    ) -> Result<(), SystemError> {
        let mut parts = vec![rows];
        while let Some(rows) = parts.pop() {
            match self.compare_all(connection, rows, standings).await {
                Ok(()) => {}
                Err(error) if refusal::is_about_rows(&error) => {
                    if rows.len() > 1 {
                        let (left, right) = rows.split_at(rows.len() / 2);
                        parts.extend([left, right]);
                    }
                }
                Err(error) => return Err(system_error("comparing a batch", error)),
            }
        }
        Ok(())
    }

    async fn compare_all(
        &self,
        connection: &mut MySqlConnection,
        rows: &[Row<'_>],
        standings: &mut [Standing],
    ) -> Result<(), sqlx::Error> {
        execute(connection, format!("DELETE FROM {COMPARED}")).await?;
        let columns = self.columns.iter().map(|index| self.name(*index)).collect::<Vec<_>>().join(", ");
        let values: Vec<String> =
            rows.iter().map(|row| format!("({}{})", row.place, ", ?".repeat(self.columns.len()))).collect();
        let sql = format!("INSERT INTO {COMPARED} ({ORDINAL}, {columns}) VALUES {}", values.join(", "));
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        for cell in rows.iter().flat_map(|row| &row.cells) {
            query = cell.bind(query);
        }
        query.execute(&mut *connection).await?;
        let query = sqlx::query(AssertSqlSafe(self.comparison_sql()));
        for found in query.fetch_all(connection).await? {
            let (place, is_same): (i64, i64) = (found.try_get(0)?, found.try_get(1)?);
            if let Some(standing) = usize::try_from(place).ok().and_then(|place| standings.get_mut(place)) {
                *standing = if is_same == 1 { Standing::Same } else { Standing::Different };
            }
        }
        Ok(())
    }

    fn comparison_sql(&self) -> String {
        let (keys, others) = self.columns.split_at(self.keys);
        let equals = keys.iter().map(|index| format!("t.{0} = c.{0}", self.name(*index)));
        let same = others.iter().map(|index| {
            let bytes = |side: &str| match self.table.columns[*index].data_type.as_str() {
                "json" => format!("CAST({side}.{} AS CHAR)", self.name(*index)),
                _ => format!("CAST({side}.{} AS BINARY)", self.name(*index)),
            };
            format!("{} <=> {}", bytes("t"), bytes("c"))
        });
        let same = same.collect::<Vec<_>>().join(" AND ");
        if self.asks == Question::Presence {
            return format!(
                "SELECT CAST(c.{ORDINAL} AS SIGNED), 1 FROM {COMPARED} AS c \
                 WHERE EXISTS (SELECT 1 FROM {} AS t WHERE {})",
                self.table.name,
                equals.collect::<Vec<_>>().join(" AND "),
            );
        }
        format!(
            "SELECT CAST(c.{ORDINAL} AS SIGNED), CAST(({}) AS SIGNED) FROM {COMPARED} AS c STRAIGHT_JOIN {} AS t ON {}",
            if same.is_empty() { "1" } else { &same },
            self.table.name,
            equals.collect::<Vec<_>>().join(" AND "),
        )
    }

    fn name(&self, index: usize) -> String {
        quoted(&self.table.columns[index].name)
    }
}
