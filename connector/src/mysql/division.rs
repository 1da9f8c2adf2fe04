//! Divides a table into ranges of its first key, where that is a whole number. Deliberately absent: other keys, whose
//! places in their index the server can't tell without reading all of it.

use sqlx::{AssertSqlSafe, MySqlConnection, Row};

use super::connection::{self, Use, quoted, system_error};
use super::source::{Field, Options, Watermark, describe, ordered};
use super::table::Table;
use super::value::{Kind, bytes_of};
use crate::division::{WholeRange, part_count};
use crate::{Division, Egress, OpenSource, SyncMode, SystemError, options};

/// The parts of a table; `None` where it is not worth it, or can't be.
pub(super) async fn divide(egress: &Egress, open: &OpenSource) -> Result<Option<Division>, SystemError> {
    let options: Options = options::decode("source options", &open.options)?;
    let (Some(named), false) = (&options.table, options.slices == Some(1) || open.from.is_some()) else {
        return Ok(None);
    };
    let mut opened = connection::connect(egress, &open.access, Use::Read).await?;
    let (database, name) = connection::table_name(&opened.config, named)?;
    let (connection, is_mariadb) = (&mut opened.connection, opened.is_mariadb);
    let Some(table) = Table::load(connection, is_mariadb, &database, &name).await? else { return Ok(None) };
    let Some(key) = open.stream.key_fields.first() else { return Ok(None) };
    // Otherwise its ends are not found without reading all of it.
    if !table.unique.iter().any(|unique| unique.is_whole && unique.columns.first() == Some(key)) {
        return Ok(None);
    }
    let described = describe(connection, &format!("SELECT * FROM {}", table.name)).await?;
    let fields: Vec<Field> =
        described.iter().map(|(name, info)| Field::of(name, info, Some(&table))).collect();
    let is_whole = |field: &Field| matches!(field.kind, Kind::Int | Kind::Unsigned);
    if !fields.iter().any(|field| field.name == *key && is_whole(field)) {
        return Ok(None);
    }
    let count = part_count(options.slices, estimated_rows(connection, &database, &name).await?);
    if count < 2 {
        return Ok(None);
    }
    let watermark = match (open.stream.mode, &open.stream.cursor_field) {
        (SyncMode::Full, _) => None,
        (SyncMode::Incremental, None) => return Ok(None),
        (SyncMode::Incremental, Some(cursor)) => match newest(connection, &table, &fields, cursor).await? {
            Some(watermark) => Some(watermark),
            None => return Ok(None),
        },
    };
    let failed = |error| system_error("looking how large a table is", error);
    let (column, name) = (quoted(key), &table.name);
    let sql = format!("SELECT CAST(MIN({column}) AS CHAR), CAST(MAX({column}) AS CHAR) FROM {name}");
    let row =
        sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch_one(connection).await.map_err(failed)?;
    let end = |index| -> Result<Option<i128>, SystemError> {
        let text: Option<String> = row.try_get(index).map_err(failed)?;
        Ok(text.and_then(|text| text.parse().ok()))
    };
    let (Some(lowest), Some(highest)) = (end(0)?, end(1)?) else { return Ok(None) };
    Division::of(&WholeRange::of(key, lowest, highest, count), watermark)
}

/// By the statistics of the server, which may be wrong by a half
/// (<https://dev.mysql.com/doc/refman/8.4/en/information-schema-tables-table.html>).
async fn estimated_rows(
    connection: &mut MySqlConnection,
    database: &str,
    table: &str,
) -> Result<u64, SystemError> {
    let failed = |error| system_error("estimating the rows of a table", error);
    let sql = "SELECT CAST(COALESCE(TABLE_ROWS, 0) AS UNSIGNED) FROM information_schema.TABLES \
               WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?";
    let row = sqlx::query(sql).bind(database).bind(table).fetch_one(connection).await.map_err(failed)?;
    row.try_get(0).map_err(failed)
}

/// A watermark at the newest row: what has the same cursor value comes again.
async fn newest(
    connection: &mut MySqlConnection,
    table: &Table,
    fields: &[Field],
    cursor: &str,
) -> Result<Option<Watermark>, SystemError> {
    let failed = |error| system_error("reading the newest row", error);
    let is_total = table.unique.iter().any(|unique| unique.is_total);
    let order = ordered(fields, Some(table), cursor, is_total)?;
    let (column, name) = (quoted(cursor), &table.name);
    let sql =
        format!("SELECT {column} FROM {name} WHERE {column} IS NOT NULL ORDER BY {} DESC LIMIT 1", order.sql);
    let row = sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch_optional(connection).await;
    let Some(row) = row.map_err(failed)? else { return Ok(None) };
    let Some(bytes) = bytes_of(&row, 0).map_err(failed)? else { return Ok(None) };
    let value = fields[order.index].kind.key(bytes, order.as_bytes);
    Ok(Some(Watermark { columns: vec![cursor.to_owned()], values: vec![value] }))
}
