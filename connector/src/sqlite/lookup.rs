//! What tables hold, beside how records stand in one: rows, and values of columns. Deliberately absent: writing.

use serde_json::Value;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row as _};

use super::failure::system_error;
use super::table::{self, Table, quoted};
use super::value::{Stored, bind};
use crate::{Place, SystemError};

/// Values of a statement; each is one of up to ten columns, and SQLite takes 32,766 parameters
/// (<https://sqlite.org/limits.html>).
const VALUES_MAX: usize = 500;

/// The rows of a table.
pub(super) async fn row_count(connection: &mut SqliteConnection, table: &Table) -> Result<u64, SystemError> {
    let sql = format!("SELECT count(*) FROM main.{}", quoted(&table.name));
    let counted: Result<i64, sqlx::Error> =
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await;
    let count = counted.map_err(|error| system_error("counting rows", &error))?;
    Ok(count.unsigned_abs())
}

/// Which of these values are there, by the affinity and collation of the columns; a number that SQLite can't hold is not.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    place: &Place,
    values: &[Vec<Value>],
) -> Result<Vec<bool>, SystemError> {
    let Some(table) = Table::find(connection, &place.table).await? else {
        return Err(table::not_found(connection, &place.table).await?);
    };
    let is_missing = |column: &&String| table.column(column).is_none();
    let missing: Vec<String> = place.columns.iter().filter(is_missing).cloned().collect();
    if let Some(error) = table::missing_columns(&table.columns, &missing) {
        return Err(error);
    }
    let columns: Vec<&str> = place.columns.iter().filter_map(|column| table.column(column)).collect();
    let mut found = vec![false; values.len()];
    let rows: Vec<(usize, Vec<Stored>)> = values
        .iter()
        .enumerate()
        .filter_map(|(at, values)| {
            Some((at, values.iter().map(Stored::of_json).collect::<Result<_, _>>().ok()?))
        })
        .collect();
    for chunk in rows.chunks(VALUES_MAX) {
        let names: Vec<String> = (0..columns.len()).map(|column| format!("c{column}")).collect();
        let row = |(at, values): &(usize, Vec<Stored>)| {
            let parameters: Vec<&str> = values.iter().map(Stored::parameter).collect();
            format!("({at}, {})", parameters.join(", "))
        };
        let equal = columns.iter().zip(&names);
        let equal: Vec<String> =
            equal.map(|(column, name)| format!("t.{} = b.{name}", quoted(column))).collect();
        let sql = format!(
            "WITH b(i, {}) AS (VALUES {}) SELECT b.i FROM b \
             WHERE EXISTS (SELECT 1 FROM main.{} AS t WHERE {})",
            names.join(", "),
            chunk.iter().map(row).collect::<Vec<_>>().join(", "),
            quoted(&table.name),
            equal.join(" AND ")
        );
        let query = chunk.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, (_at, row)| bind(query, row));
        let failed = |error: sqlx::Error| system_error("looking values up", &error);
        for row in query.fetch_all(&mut *connection).await.map_err(failed)? {
            let at: i64 = row.try_get(0).map_err(failed)?;
            if let Some(found) = usize::try_from(at).ok().and_then(|at| found.get_mut(at)) {
                *found = true;
            }
        }
    }
    Ok(found)
}
