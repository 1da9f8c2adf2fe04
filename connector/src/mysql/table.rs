//! What the catalogue says about a table, and making one from records. Deliberately absent: changing columns that are
//! there. Missing ones are added when the stream says so.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, MySqlConnection, Row};

use super::connection::{Opened, database_error, misconfigured, quoted, system_error};
use crate::{Record, SystemError, SystemErrorKind};

/// Characters of an identifier (<https://dev.mysql.com/doc/refman/8.4/en/identifier-length.html>).
const NAME_CHARS_MAX: usize = 64;
/// Bytes of an index of InnoDB; a character of utf8mb4 has up to 4
/// (<https://dev.mysql.com/doc/refman/8.4/en/innodb-limits.html>).
const INDEX_BYTES_MAX: usize = 3072;
/// Characters of a text key of a table that we make, at most.
const KEY_CHARS_MAX: usize = 255;

/// A column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    /// E.g. `varchar`, in lower case.
    pub(super) data_type: String,
    /// With everything, e.g. `decimal(10,2) unsigned`.
    pub(super) full_type: String,
    pub(super) not_null: bool,
    /// False for columns that the server computes.
    pub(super) writable: bool,
    pub(super) counts_itself: bool,
    /// Of `char` and `varchar`.
    pub(super) chars_max: Option<usize>,
    /// JSON, also where that is text with a check (MariaDB).
    pub(super) is_json: bool,
}

impl Column {
    /// True where comparing goes by another order than sorting, or by none that keeps values apart.
    pub(super) fn sorts_oddly(&self) -> bool {
        self.is_json || matches!(self.data_type.as_str(), "enum" | "set")
    }
}

/// A unique index.
#[derive(Debug, Clone)]
pub(super) struct Unique {
    pub(super) name: String,
    /// Those that it names; an expression names none.
    pub(super) columns: Vec<String>,
    /// It is on whole columns. One on parts of them or on expressions does not decide what is the same record.
    pub(super) is_whole: bool,
    /// It is, and no column of it can be null, so every row is in it once.
    pub(super) is_total: bool,
}

/// A table or view.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Quoted, with its database.
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// The primary key first.
    pub(super) unique: Vec<Unique>,
    pub(super) is_view: bool,
}

impl Table {
    /// Reads it from the catalogue; `None` when it is not there.
    pub(super) async fn load(
        connection: &mut MySqlConnection,
        is_mariadb: bool,
        database: &str,
        table: &str,
    ) -> Result<Option<Self>, SystemError> {
        let failed = |error| system_error("reading the table's definition", error);
        // The catalogue's types differ by server and version, so each is asked for by a cast.
        let sql = "SELECT CAST(TABLE_NAME AS CHAR), TABLE_TYPE LIKE '%VIEW%' FROM information_schema.TABLES \
                   WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?";
        let listed = sqlx::query(sql).bind(database).bind(table).fetch_optional(&mut *connection).await;
        let Some(listed) = listed.map_err(failed)? else { return Ok(None) };
        let name: String = listed.try_get(0).map_err(failed)?;
        let is_view = listed.try_get::<i64, _>(1).map_err(failed)? == 1;
        let sql = "SELECT CAST(COLUMN_NAME AS CHAR), CAST(LOWER(DATA_TYPE) AS CHAR), CAST(COLUMN_TYPE AS CHAR), \
                   IS_NULLABLE = 'NO', EXTRA LIKE '%GENERATED%', EXTRA LIKE '%auto_increment%', \
                   CAST(CHARACTER_MAXIMUM_LENGTH AS SIGNED) FROM information_schema.COLUMNS \
                   WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND EXTRA NOT LIKE '%INVISIBLE%' ORDER BY ORDINAL_POSITION";
        let rows = sqlx::query(sql).bind(database).bind(&name).fetch_all(&mut *connection).await;
        let mut columns = rows
            .map_err(failed)?
            .iter()
            .map(column)
            .collect::<Result<Vec<Column>, sqlx::Error>>()
            .map_err(failed)?;
        if is_mariadb {
            let sql = "SELECT CAST(CHECK_CLAUSE AS CHAR) FROM information_schema.CHECK_CONSTRAINTS \
                       WHERE CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ?";
            let checks = sqlx::query(sql).bind(database).bind(&name).fetch_all(&mut *connection).await;
            for check in checks.map_err(failed)? {
                let clause: String = check.try_get(0).map_err(failed)?;
                for column in &mut columns {
                    column.is_json |= clause == format!("json_valid({})", quoted(&column.name));
                }
            }
        }
        let sql = "SELECT CAST(INDEX_NAME AS CHAR), CAST(COLUMN_NAME AS CHAR), SUB_PART IS NOT NULL, \
                   NULLABLE = 'YES' FROM information_schema.STATISTICS \
                   WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND NON_UNIQUE = 0 ORDER BY INDEX_NAME, SEQ_IN_INDEX";
        let rows = sqlx::query(sql).bind(database).bind(&name).fetch_all(&mut *connection).await;
        let mut indexes: BTreeMap<(bool, String), Unique> = BTreeMap::new();
        for row in rows.map_err(failed)? {
            let index: String = row.try_get(0).map_err(failed)?;
            let column: Option<String> = row.try_get(1).map_err(failed)?;
            let is_part = row.try_get::<i64, _>(2).map_err(failed)? == 1;
            let is_nullable = row.try_get::<i64, _>(3).map_err(failed)? == 1;
            let unique = indexes.entry((index != "PRIMARY", index.clone())).or_insert_with(|| Unique {
                name: index,
                columns: Vec::new(),
                is_whole: true,
                is_total: true,
            });
            unique.is_whole &= column.is_some() && !is_part;
            unique.is_total &= unique.is_whole && !is_nullable;
            unique.columns.extend(column);
        }
        let unique = indexes.into_values().collect();
        Ok(Some(Self { name: format!("{}.{}", quoted(database), quoted(&name)), columns, unique, is_view }))
    }

    /// Where the column of a field is. The server does not tell upper from lower case.
    pub(super) fn index_of(&self, field: &str) -> Option<usize> {
        let same = |column: &Column| column.name.to_lowercase() == field.to_lowercase();
        self.columns
            .iter()
            .position(|column| column.name == field)
            .or_else(|| self.columns.iter().position(same))
    }
}

fn column(row: &MySqlRow) -> Result<Column, sqlx::Error> {
    let flag = |index| row.try_get::<Option<i64>, _>(index).map(|flag| flag == Some(1));
    let data_type: String = row.try_get(1)?;
    let chars_max: Option<i64> = row.try_get(6)?;
    let is_short = matches!(data_type.as_str(), "char" | "varchar");
    Ok(Column {
        name: row.try_get(0)?,
        full_type: row.try_get(2)?,
        not_null: flag(3)?,
        writable: !flag(4)?,
        counts_itself: flag(5)?,
        chars_max: chars_max.filter(|_| is_short).and_then(|max| usize::try_from(max).ok()),
        is_json: data_type == "json",
        data_type,
    })
}

/// Makes the table, or its missing columns, for the fields of records.
pub(super) async fn create(
    opened: &mut Opened,
    (database, table): (&str, &str),
    key_fields: &[String],
    records: &[&Record],
    existing: Option<&Table>,
) -> Result<(), SystemError> {
    let mut fields: Vec<(&str, Option<&'static str>)> = Vec::new();
    for (field, value) in records.iter().copied().flatten() {
        if existing.is_some_and(|table| table.index_of(field).is_some()) || !is_column_name(field) {
            continue;
        }
        let index = fields.iter().position(|(name, _)| name.to_lowercase() == field.to_lowercase());
        let index = index.unwrap_or_else(|| {
            fields.push((field, None));
            fields.len() - 1
        });
        fields[index].1 = widened(fields[index].1, value);
    }
    if fields.is_empty() {
        return Ok(());
    }
    let text_keys =
        fields.iter().filter(|(field, kind)| is_key(key_fields, field) && kind.is_none_or(is_text));
    let key_chars = (INDEX_BYTES_MAX / 4 / text_keys.count().max(1)).min(KEY_CHARS_MAX);
    // Byte by byte, spaces at the end included: two keys of the source are two here.
    let collation = if opened.is_mariadb { "utf8mb4_nopad_bin" } else { "utf8mb4_0900_bin" };
    let definition = |(field, kind): &(&str, Option<&'static str>)| match kind.unwrap_or("longtext") {
        kind if is_key(key_fields, field) && is_text(kind) => {
            format!(
                "{} varchar({key_chars}) CHARACTER SET utf8mb4 COLLATE {collation} NOT NULL",
                quoted(field)
            )
        }
        kind if is_key(key_fields, field) => format!("{} {kind} NOT NULL", quoted(field)),
        kind => format!("{} {kind} NULL", quoted(field)),
    };
    let name = format!("{}.{}", quoted(database), quoted(table));
    let statements: Vec<String> = match existing {
        Some(table) => {
            let added = |field| format!("ALTER TABLE {} ADD COLUMN {}", table.name, definition(field));
            fields.iter().map(added).collect()
        }
        None => {
            let columns = fields.iter().map(definition).collect::<Vec<_>>().join(", ");
            let keys = key_fields.iter().map(|field| quoted(field)).collect::<Vec<_>>().join(", ");
            vec![format!(
                "CREATE TABLE IF NOT EXISTS {name} ({columns}, PRIMARY KEY ({keys})) CHARACTER SET utf8mb4"
            )]
        }
    };
    tracing::info!(connector = "mysql", columns = fields.len(), "creating columns in the destination");
    for statement in statements {
        match sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut opened.connection).await {
            Ok(_) => {}
            // Two runs made it at once: what counts is that it is there.
            Err(error) if database_error(&error).is_some_and(|e| matches!(e.number(), 1050 | 1060)) => {}
            Err(error) => return Err(system_error("creating the table", error)),
        }
    }
    Ok(())
}

fn is_key(key_fields: &[String], field: &str) -> bool {
    key_fields.iter().any(|key| key.to_lowercase() == field.to_lowercase())
}

fn is_text(kind: &str) -> bool {
    matches!(kind, "longtext" | "json")
}

/// True for a field that can be a column of its own name.
pub(super) fn is_column_name(field: &str) -> bool {
    !field.is_empty()
        && field.chars().count() <= NAME_CHARS_MAX
        && !field.ends_with(' ')
        && field.chars().all(|c| c != '\0' && u32::from(c) <= 0xffff)
}

/// The column type that holds what came before and `value`.
fn widened(before: Option<&'static str>, value: &Value) -> Option<&'static str> {
    let now = match value {
        Value::Null => return before,
        Value::Bool(_) => "tinyint(1)",
        Value::Number(number) if number.is_i64() => "bigint",
        Value::Number(number) if number.is_u64() => "decimal(20,0)",
        Value::Number(_) => "double",
        Value::Array(_) | Value::Object(_) => "json",
        Value::String(_) => "longtext",
    };
    match (before, now) {
        (None, now) => Some(now),
        (Some(before), now) if before == now => Some(now),
        (Some("bigint" | "double"), "bigint" | "double") => Some("double"),
        (Some("bigint" | "decimal(20,0)"), "bigint" | "decimal(20,0)") => Some("decimal(20,0)"),
        (Some("json"), _) | (_, "json") => Some("json"),
        _ => Some("longtext"),
    }
}

/// The error for a table that is not there and may not be created.
pub(super) fn not_found(database: &str, table: &str) -> SystemError {
    let name = format!("{}.{}", quoted(database), quoted(table));
    SystemError::new(SystemErrorKind::NotFound, format!("{name} is not there"))
        .with_hint(format!("the table `{table}` does not exist in database `{database}`"))
}

/// The error for a view that is to be written.
pub(super) fn not_a_table(table: &Table) -> SystemError {
    misconfigured(format!("{} is a view", table.name)).with_hint("a view can't be written; name its table")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{is_column_name, widened};

    #[test]
    fn column_types_widen_until_they_hold_every_value() {
        let inferred = |values: &[serde_json::Value]| values.iter().fold(None, widened);
        assert_eq!(inferred(&[json!(null), json!(1), json!(2)]), Some("bigint"));
        assert_eq!(inferred(&[json!(1), json!(2.5)]), Some("double"));
        assert_eq!(inferred(&[json!(1), json!(u64::MAX)]), Some("decimal(20,0)"));
        assert_eq!(inferred(&[json!(true), json!(null)]), Some("tinyint(1)"));
        assert_eq!(inferred(&[json!(true), json!("a")]), Some("longtext"));
        assert_eq!(inferred(&[json!({}), json!("a")]), Some("json"));
        assert_eq!(inferred(&[json!(null)]), None);
    }

    #[test]
    fn names_are_those_that_the_server_takes() {
        assert!(is_column_name("order number") && is_column_name("größe"));
        let long = "a".repeat(65);
        for name in ["", "a ", "a\0", "😀", long.as_str()] {
            assert!(!is_column_name(name), "{name:?}");
        }
    }
}
