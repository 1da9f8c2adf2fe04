//! What a database says about its tables. Deliberately absent: their rows.

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::failure::system_error;
use crate::{SystemError, SystemErrorKind};

/// Names of tables in a hint, at most.
const TABLES_SHOWN_MAX: usize = 20;
/// Names of columns in a hint, at most.
const COLUMNS_SHOWN_MAX: usize = 30;

/// A table or view.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// As the database spells it.
    pub(super) name: String,
    /// In their order; generated ones are not among them.
    pub(super) columns: Vec<String>,
    /// True when each row has a number of its own, which orders rows of equal keys.
    pub(super) has_rowid: bool,
    /// The columns of each unique index, the primary key's among them.
    pub(super) unique: Vec<Vec<String>>,
}

impl Table {
    /// A table by its name, in any case; `None` when it is not there.
    pub(super) async fn find(
        connection: &mut SqliteConnection,
        name: &str,
    ) -> Result<Option<Self>, SystemError> {
        let failure = |error: sqlx::Error| system_error("reading the database's schema", &error);
        let listed = sqlx::query(
            "SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main' AND name = ? COLLATE NOCASE",
        )
        .bind(name.to_owned())
        .fetch_optional(&mut *connection)
        .await
        .map_err(failure)?;
        let Some(listed) = listed else { return Ok(None) };
        let name: String = listed.try_get(0).map_err(failure)?;
        let kind: String = listed.try_get(1).map_err(failure)?;
        let without_rowid: i64 = listed.try_get(2).map_err(failure)?;
        let rows = sqlx::query("SELECT name, pk FROM pragma_table_info(?) ORDER BY cid")
            .bind(name.clone())
            .fetch_all(&mut *connection)
            .await
            .map_err(failure)?;
        let mut columns: Vec<String> = Vec::with_capacity(rows.len());
        let mut primary = Vec::new();
        for row in rows {
            let column: String = row.try_get(0).map_err(failure)?;
            if row.try_get::<i64, _>(1).map_err(failure)? > 0 {
                primary.push(column.clone());
            }
            columns.push(column);
        }
        let mut unique = if primary.is_empty() { Vec::new() } else { vec![primary] };
        let indexes: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM pragma_index_list(?) WHERE \"unique\" = 1 AND partial = 0 ORDER BY seq",
        )
        .bind(name.clone())
        .fetch_all(&mut *connection)
        .await
        .map_err(failure)?;
        for index in indexes {
            // An index on an expression has no column name there.
            let columns: Vec<Option<String>> =
                sqlx::query_scalar("SELECT name FROM pragma_index_info(?) ORDER BY seqno")
                    .bind(index)
                    .fetch_all(&mut *connection)
                    .await
                    .map_err(failure)?;
            unique.extend(columns.into_iter().collect::<Option<Vec<String>>>());
        }
        let has_rowid = kind == "table"
            && without_rowid == 0
            && !columns.iter().any(|column| column.eq_ignore_ascii_case("_rowid_"));
        Ok(Some(Self { name, columns, has_rowid, unique }))
    }

    /// The column that a field of this name is stored in. SQLite does not tell upper from lower case.
    pub(super) fn column(&self, field: &str) -> Option<&str> {
        self.columns.iter().map(String::as_str).find(|column| column.eq_ignore_ascii_case(field))
    }

    /// True when some unique index is on just these columns.
    pub(super) fn is_unique(&self, columns: &[String]) -> bool {
        self.unique.iter().any(|unique| {
            unique.len() == columns.len()
                && columns.iter().all(|column| unique.iter().any(|other| other.eq_ignore_ascii_case(column)))
        })
    }
}

/// Tables and views, by name; SQLite's own are left out.
pub(super) async fn names(connection: &mut SqliteConnection) -> Result<Vec<String>, SystemError> {
    sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         ORDER BY name",
    )
    .fetch_all(connection)
    .await
    .map_err(|error| system_error("listing the tables", &error))
}

/// That a table is not there, and which are.
pub(super) async fn not_found(
    connection: &mut SqliteConnection,
    name: &str,
) -> Result<SystemError, SystemError> {
    let tables = names(connection).await?;
    let hint = if tables.is_empty() {
        format!("there is no table `{name}`; the database has no tables")
    } else {
        format!("there is no table `{name}`; the database has {}", listed(&tables, TABLES_SHOWN_MAX))
    };
    Ok(SystemError::new(SystemErrorKind::NotFound, hint.clone()).with_hint(hint))
}

/// That columns are missing, and which are there.
pub(super) fn missing_columns(columns: &[String], needed: &[String]) -> Option<SystemError> {
    let missing: Vec<String> =
        needed.iter().filter(|name| !columns.iter().any(|column| column == *name)).cloned().collect();
    if missing.is_empty() {
        return None;
    }
    let hint = format!(
        "there is no column {}; the columns are {}",
        listed(&missing, COLUMNS_SHOWN_MAX),
        listed(columns, COLUMNS_SHOWN_MAX)
    );
    Some(SystemError::new(SystemErrorKind::Misconfigured, hint.clone()).with_hint(hint))
}

fn listed(names: &[String], shown_max: usize) -> String {
    let shown: Vec<String> = names.iter().take(shown_max).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(shown_max);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// A name as an SQL identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
