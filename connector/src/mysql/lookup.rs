//! What a table holds, beside how records stand in it: rows, and values of other tables' columns. Deliberately absent:
//! writing, and the statement that looks (`comparison`).

use sqlx::{AssertSqlSafe, Row};

use super::comparison;
use super::connection::{self, Opened, misconfigured, system_error};
use super::table::{self, Table};
use crate::{Place, SystemError, counting};

/// The rows of a table; `None` when counting them takes too long, and the connection is to be given up.
pub(super) async fn row_count(opened: &mut Opened, table: &Table) -> Result<Option<u64>, SystemError> {
    let query = sqlx::query(AssertSqlSafe(format!("SELECT CAST(count(*) AS SIGNED) FROM {}", table.name)));
    let failed = |error| system_error("counting rows", error);
    let row =
        counting::in_time(async { query.fetch_one(&mut opened.connection).await.map_err(failed) }).await?;
    let count = row.map(|row| row.try_get::<i64, _>(0).map_err(failed)).transpose()?;
    Ok(count.map(i64::unsigned_abs))
}

/// The table of a place, whose columns are all there.
///
/// # Errors
/// `Misconfigured` also where the user may not make temporary tables, which looking takes.
pub(super) async fn table_of(opened: &mut Opened, place: &Place) -> Result<Table, SystemError> {
    let (database, name) = connection::table_name(&opened.config, &place.table)?;
    let loaded = Table::load(&mut opened.connection, opened.is_mariadb, &database, &name).await?;
    let mut table = loaded.ok_or_else(|| table::not_found(&database, &name))?;
    for column in &place.columns {
        if table.index_of(column).is_none() {
            return Err(misconfigured(format!("{} has no column {column:?}", table.name))
                .with_hint(format!("the table `{name}` has no column `{column}`, which a reference names")));
        }
    }
    if !comparison::is_possible(&mut opened.connection).await? {
        let hint = "values are looked up by a temporary table, which this user may not make \
                    (CREATE TEMPORARY TABLES)";
        return Err(misconfigured("no right to make temporary tables").with_hint(hint));
    }
    // What the server computes itself can be looked for as well.
    table.columns.iter_mut().for_each(|column| column.writable = true);
    Ok(table)
}
