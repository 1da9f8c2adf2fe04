//! What a table holds, beside how records stand in it: rows, and values of other tables' columns. Deliberately absent:
//! writing.

use std::time::Duration;

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::comparison::compare;
use super::connection::system_error;
use super::table::{self, Table, Use};
use crate::{Place, Standing, SystemError, SystemErrorKind};

/// Counting that takes longer is not worth it.
const COUNT_TIMEOUT: Duration = Duration::from_secs(60);

/// The rows of a table; `None` when counting them takes too long, and the connection is to be given up.
pub(super) async fn row_count(
    connection: &mut PgConnection,
    table: &Table,
) -> Result<Option<u64>, SystemError> {
    let query = sqlx::query(AssertSqlSafe(format!("SELECT count(*) FROM {}", table.name)));
    let Ok(counted) = tokio::time::timeout(COUNT_TIMEOUT, query.fetch_one(connection)).await else {
        return Ok(None);
    };
    let failed = |error| system_error("counting rows", error);
    let row = match counted.map_err(failed) {
        Ok(row) => row,
        // The server's own limit.
        Err(error) if error.kind == SystemErrorKind::Timeout => return Ok(None),
        Err(error) => return Err(error),
    };
    let count: i64 = row.try_get(0).map_err(failed)?;
    Ok(Some(count.unsigned_abs()))
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
