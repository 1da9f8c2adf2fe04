//! What a table holds, beside how records stand in it: rows, and values of other tables' columns. Deliberately absent:
//! writing.

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::comparison::compare;
use super::connection::system_error;
use super::table::{self, Table, Use};
use crate::{Place, Standing, SystemError, counting};

/// The rows of a table; `None` when counting them takes too long, and the connection is to be given up.
pub(super) async fn row_count(
    connection: &mut PgConnection,
    table: &Table,
) -> Result<Option<u64>, SystemError> {
    let query = sqlx::query(AssertSqlSafe(format!("SELECT count(*) FROM {}", table.name)));
    let failed = |error| system_error("counting rows", error);
    let row = counting::in_time(async { query.fetch_one(connection).await.map_err(failed) }).await?;
    let count = row.map(|row| row.try_get::<i64, _>(0).map_err(failed)).transpose()?;
    Ok(count.map(i64::unsigned_abs))
}

/// The table of a place, with its columns as the key.
pub(super) async fn table_of(
    connection: &mut PgConnection,
    schema: &str,
    name: &str,
    place: &Place,
) -> Result<Table, SystemError> {
    let loaded = Table::load(connection, schema, name, &place.columns, Use::LookUp).await?;
    loaded.ok_or_else(|| table::not_found(schema, name))
}

/// Which of these values are there, by the equality of the columns' types; what a column can't hold is not.
pub(super) async fn find(
    connection: &mut PgConnection,
    table: &Table,
    place: &Place,
    values: &[Vec<Value>],
) -> Result<Vec<bool>, SystemError> {
    let standings = compare(connection, Some(table), &place.writes(values)).await?;
    Ok(standings.into_iter().map(|standing| standing != Standing::Missing).collect())
}
