//! Divides a table into ranges of its first key, where that is a whole number. Deliberately absent: other keys, whose
//! places in their index SQLite can't tell without counting.

use serde_json::json;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row};

use super::failure::system_error;
use super::table::{Table, quoted};
use super::value::Stored;
use crate::division::{DIVIDED_ROWS_MIN, WholeRange, part_count};
use crate::{Cursor, Division, OpenSource, SyncMode, SystemError};

/// The parts of a table; `None` where it is not worth it, or can't be.
pub(super) async fn divide(
    mut connection: SqliteConnection,
    table: &str,
    slices: Option<usize>,
    open: &OpenSource,
) -> Result<Option<Division>, SystemError> {
    let failed = |error: sqlx::Error| system_error("looking how large a table is", &error);
    let Some(table) = Table::find(&mut connection, table).await? else { return Ok(None) };
    let Some(key) = open.stream.key_fields.first() else { return Ok(None) };
    // Otherwise its ends are not found without reading all of it.
    let is_indexed = |columns: &Vec<String>| columns.first() == Some(key);
    if !table.unique.iter().any(is_indexed) {
        return Ok(None);
    }
    let (name, column) = (quoted(&table.name), quoted(key));
    let rows = if table.has_rowid { "_rowid_" } else { &column };
    let sql = format!(
        "SELECT l.k, h.k, typeof(l.k) = 'integer' AND typeof(h.k) = 'integer', \
           (SELECT max({rows}) FROM {name}) - (SELECT min({rows}) FROM {name}) \
         FROM (SELECT min({column}) AS k FROM {name}) AS l, (SELECT max({column}) AS k FROM {name}) AS h"
    );
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection).await.map_err(failed)?;
    if !row.try_get::<bool, _>(2).map_err(failed)? {
        return Ok(None);
    }
    let (lowest, highest): (i64, i64) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
    // At most so many: numbers may be missing between them. Where they go beyond whole numbers it is not told.
    let rows: f64 = row.try_get_unchecked::<f64, _>(3).map_err(failed)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate, which saturates"
    )]
    let mut rows = rows as u64;
    if part_count(None, rows) > 1 {
        // There may be gaps: whether it is large at all is told by counting as far as that.
        let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT {DIVIDED_ROWS_MIN})");
        let counted = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await;
        let counted: i64 = counted.map_err(failed)?;
        if counted.unsigned_abs() < DIVIDED_ROWS_MIN {
            rows = counted.unsigned_abs();
        }
    }
    let count = part_count(slices, rows);
    if count < 2 {
        return Ok(None);
    }
    let watermark = match (open.stream.mode, &open.stream.cursor_field) {
        (SyncMode::Full, _) => None,
        (SyncMode::Incremental, None) => return Ok(None),
        (SyncMode::Incremental, Some(cursor)) => match newest(&mut connection, &name, cursor, open).await? {
            Some(watermark) => Some(watermark),
            None => return Ok(None),
        },
    };
    Division::of(&WholeRange::of(key, lowest.into(), highest.into(), count), watermark)
}

/// A watermark at the newest row: what has the same cursor value comes again.
async fn newest(
    connection: &mut SqliteConnection,
    table: &str,
    cursor: &str,
    open: &OpenSource,
) -> Result<Option<Cursor>, SystemError> {
    let failed = |error: sqlx::Error| system_error("reading the newest row", &error);
    let column = quoted(cursor);
    let sql = format!(
        "SELECT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY {column} COLLATE BINARY DESC LIMIT 1"
    );
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_optional(connection).await.map_err(failed)?;
    let Some(row) = row else { return Ok(None) };
    let newest = Stored::of_column(&row, 0).map_err(failed)?.to_cursor();
    let keys = open.stream.key_fields.iter().filter(|key| *key != cursor);
    let keys: Vec<Cursor> = keys.map(|_key| Stored::Null.to_cursor()).collect();
    Ok(Some(json!({ "cursor": newest, "key": keys })))
}
