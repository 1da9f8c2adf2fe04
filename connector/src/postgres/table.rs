//! The table a stream writes to: its columns, types, keys and constraints, read from the catalogue.
//! Deliberately absent: changing columns that are there. Missing ones are added when the stream says so.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::connection::{self, misconfigured, quoted, system_error};
use crate::{Record, SystemError, SystemErrorKind};

/// Bytes of an identifier; PostgreSQL cuts longer ones in silence (NAMEDATALEN).
pub(super) const NAME_BYTES_MAX: usize = 63;

/// How values of a column are checked and sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Bool,
    Int {
        min: i64,
        max: i64,
    },
    Float {
        single: bool,
    },
    Numeric,
    Text {
        chars_max: Option<usize>,
    },
    Json {
        binary: bool,
    },
    Timestamp,
    Date,
    Uuid,
    Bytea,
    Array,
    /// Enums, addresses, intervals …: text that the server reads.
    Other,
}

pub(super) struct TableColumn {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
    /// To cast to without modifiers: a cast to `varchar(3)` would cut in silence.
    pub(super) type_name: String,
    /// With modifiers, as the column stores it.
    pub(super) type_full: String,
    pub(super) not_null: bool,
    pub(super) has_default: bool,
    /// False for generated columns.
    pub(super) writable: bool,
    /// GENERATED ALWAYS AS IDENTITY.
    pub(super) identity_always: bool,
}

/// What a table is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Upserts by its key.
    Write,
    /// Values of some of its columns; a view has them too.
    LookUp,
}

/// A table with a unique index on the key fields, where it is written.
pub(super) struct Table {
    /// Quoted, with its schema.
    pub(super) name: String,
    pub(super) columns: Vec<TableColumn>,
    by_name: HashMap<String, usize>,
    /// Indexes of the key columns.
    pub(super) keys: Vec<usize>,
    /// Constraints and unique indexes, by name.
    pub(super) constraints: HashMap<String, Constraint>,
    /// True when rows may come by COPY: nothing of the table's own can leave some out in silence.
    pub(super) takes_copy: bool,
    /// True when the user may make temporary tables here.
    pub(super) takes_staging: bool,
    /// `xmax` can't be read from rows inserted through a partitioned table.
    pub(super) partitioned: bool,
}

/// What a table's definition says about a constraint.
pub(super) struct Constraint {
    pub(super) columns: Vec<String>,
    pub(super) screen: Option<Screen>,
}

/// How to find all rows that break a constraint in one statement.
pub(super) enum Screen {
    /// A condition on the columns by their names.
    Check(String),
    /// The columns of another table that must hold the values.
    Reference { table: String, columns: Vec<String> },
}

impl Table {
    /// Reads the table from the catalogue. `None` when it is not there.
    ///
    /// # Errors
    /// `Misconfigured` when it has no usable unique index on exactly the key fields.
    pub(super) async fn load(
        connection: &mut PgConnection,
        schema: &str,
        table: &str,
        key_fields: &[String],
        for_what: Use,
    ) -> Result<Option<Self>, SystemError> {
        let failed = |error| system_error("reading the table's definition", error);
        let name = format!("{}.{}", quoted(schema), quoted(table));
        // Triggers that run before a row (bit 2 of tgtype) can leave it out; rules and row security
        // do not go with COPY.
        let sql = "SELECT c.oid::int8, c.relkind::text, c.relkind = 'r' AND NOT c.relhasrules \
                   AND NOT c.relrowsecurity AND NOT EXISTS (SELECT 1 FROM pg_trigger t \
                   WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgtype::int & 2 <> 0), \
                   has_database_privilege(current_database(), 'TEMP') \
                   FROM pg_class c WHERE c.oid = to_regclass($1)";
        let Some(row) =
            sqlx::query(sql).bind(&name).fetch_optional(&mut *connection).await.map_err(failed)?
        else {
            return Ok(None);
        };
        let oid: i64 = row.try_get(0).map_err(failed)?;
        let kind: String = row.try_get(1).map_err(failed)?;
        let takes_copy: bool = row.try_get(2).map_err(failed)?;
        let takes_staging: bool = row.try_get(3).map_err(failed)?;
        if for_what == Use::Write && !matches!(kind.as_str(), "r" | "p") {
            return Err(misconfigured(format!("{name} has relkind {kind}"))
                .with_hint(format!("`{table}` is not a table (a view, perhaps)")));
        }
        let sql = "SELECT a.attname::text, b.oid::int8, format_type(a.atttypid, -1), \
                   format_type(a.atttypid, a.atttypmod), a.atttypmod, a.attnotnull, a.atthasdef, \
                   a.attidentity::text, a.attgenerated::text, b.typcategory::text \
                   FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
                   JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END \
                   WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
        let rows = sqlx::query(sql).bind(oid).fetch_all(&mut *connection).await.map_err(failed)?;
        let mut columns = rows
            .iter()
            .map(table_column)
            .collect::<Result<Vec<TableColumn>, sqlx::Error>>()
            .map_err(failed)?;
        if for_what == Use::LookUp {
            // What the table computes itself can be looked for as well.
            columns.iter_mut().for_each(|column| column.writable = true);
        }
        let by_name: HashMap<String, usize> =
            columns.iter().enumerate().map(|(index, column)| (column.name.clone(), index)).collect();

        let mut keys = Vec::with_capacity(key_fields.len());
        for field in key_fields {
            keys.push(*by_name.get(field).ok_or_else(|| {
                let why = match for_what {
                    Use::Write => "is a key field",
                    Use::LookUp => "a reference names",
                };
                misconfigured(format!("{name} has no column {field:?}"))
                    .with_hint(format!("the table `{table}` has no column `{field}`, which {why}"))
            })?);
        }
        // Only plain, complete, immediate unique indexes can decide ON CONFLICT.
        let sql = "SELECT c.relname::text, ARRAY(SELECT a.attname::text \
                   FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) AS k(number) \
                   JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number), \
                   i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL \
                   FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
                   WHERE i.indrelid = $1::int8::oid AND i.indisunique";
        let rows = sqlx::query(sql).bind(oid).fetch_all(&mut *connection).await.map_err(failed)?;
        let mut constraints = HashMap::new();
        let mut has_key = false;
        for row in rows {
            let columns: Vec<String> = row.try_get(1).map_err(failed)?;
            let usable: bool = row.try_get(2).map_err(failed)?;
            has_key |= usable
                && columns.len() == key_fields.len()
                && key_fields.iter().all(|field| columns.contains(field));
            constraints.insert(row.try_get(0).map_err(failed)?, Constraint { columns, screen: None });
        }
        if for_what == Use::Write && !has_key {
            let fields = key_fields.join("`, `");
            return Err(misconfigured(format!("{name} has no unique index on {key_fields:?}")).with_hint(
                format!(
                    "the table has no primary key or unique index on exactly `{fields}`, which updates need"
                ),
            ));
        }
        // A table that refers to itself can't be asked: a batch may bring both ends. Row security would
        // hide rows that the constraint sees.
        let sql = "SELECT c.conname::text, ARRAY(SELECT a.attname::text \
                   FROM unnest(c.conkey) WITH ORDINALITY AS k(number, place) \
                   JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number ORDER BY k.place), \
                   CASE WHEN c.contype = 'c' THEN pg_get_expr(c.conbin, c.conrelid) END, \
                   CASE WHEN c.contype = 'f' AND c.confrelid <> c.conrelid AND NOT r.relrowsecurity \
                   THEN c.confrelid::regclass::text END, ARRAY(SELECT a.attname::text \
                   FROM unnest(c.confkey) WITH ORDINALITY AS k(number, place) \
                   JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number ORDER BY k.place) \
                   FROM pg_constraint c LEFT JOIN pg_class r ON r.oid = c.confrelid \
                   WHERE c.conrelid = $1::int8::oid";
        let rows = sqlx::query(sql).bind(oid).fetch_all(&mut *connection).await.map_err(failed)?;
        for row in rows {
            let check: Option<String> = row.try_get(2).map_err(failed)?;
            let reference: Option<String> = row.try_get(3).map_err(failed)?;
            let referred: Vec<String> = row.try_get(4).map_err(failed)?;
            let screen = match (check, reference) {
                (Some(condition), _) => Some(Screen::Check(condition)),
                (None, Some(table)) => Some(Screen::Reference { table, columns: referred }),
                (None, None) => None,
            };
            let constraint = Constraint { columns: row.try_get(1).map_err(failed)?, screen };
            constraints.insert(row.try_get(0).map_err(failed)?, constraint);
        }
        let partitioned = kind == "p";
        Ok(Some(Self { name, columns, by_name, keys, constraints, takes_copy, takes_staging, partitioned }))
    }

    pub(super) fn index_of(&self, field: &str) -> Option<usize> {
        self.by_name.get(field).copied()
    }
}

fn table_column(row: &PgRow) -> Result<TableColumn, sqlx::Error> {
    let modifier: i32 = row.try_get(4)?;
    let identity: String = row.try_get(7)?;
    let generated: String = row.try_get(8)?;
    let category: String = row.try_get(9)?;
    // The modifier of varchar and char is the length plus a header of 4 bytes.
    let chars_max = usize::try_from(modifier - 4).ok();
    let kind = match row.try_get::<i64, _>(1)? {
        16 => ColumnKind::Bool,
        21 => ColumnKind::Int { min: i64::from(i16::MIN), max: i64::from(i16::MAX) },
        23 => ColumnKind::Int { min: i64::from(i32::MIN), max: i64::from(i32::MAX) },
        20 => ColumnKind::Int { min: i64::MIN, max: i64::MAX },
        700 => ColumnKind::Float { single: true },
        701 => ColumnKind::Float { single: false },
        1700 => ColumnKind::Numeric,
        1042 | 1043 => ColumnKind::Text { chars_max },
        25 | 19 => ColumnKind::Text { chars_max: None },
        114 => ColumnKind::Json { binary: false },
        3802 => ColumnKind::Json { binary: true },
        1114 | 1184 => ColumnKind::Timestamp,
        1082 => ColumnKind::Date,
        2950 => ColumnKind::Uuid,
        17 => ColumnKind::Bytea,
        _ if category == "A" => ColumnKind::Array,
        _ if category == "S" => ColumnKind::Text { chars_max: None },
        _ => ColumnKind::Other,
    };
    Ok(TableColumn {
        name: row.try_get(0)?,
        kind,
        type_name: row.try_get(2)?,
        type_full: row.try_get(3)?,
        not_null: row.try_get(5)?,
        has_default: row.try_get::<bool, _>(6)? || !identity.is_empty(),
        writable: generated.is_empty(),
        identity_always: identity == "a",
    })
}

/// Creates the table for these records, or the columns that it lacks for them.
///
/// # Errors
/// What the server says; `Misconfigured` when no record has the keys.
pub(super) async fn create(
    connection: &mut PgConnection,
    schema: &str,
    table: &str,
    key_fields: &[String],
    records: &[&Record],
    existing: Option<&Table>,
) -> Result<(), SystemError> {
    let name = format!("{}.{}", quoted(schema), quoted(table));
    let mut fields: Vec<(&str, Option<&'static str>)> = Vec::new();
    let mut at: HashMap<&str, usize> = HashMap::new();
    for record in records {
        for (field, value) in *record {
            if existing.is_some_and(|table| table.index_of(field).is_some()) || !is_column_name(field) {
                continue;
            }
            let index = *at.entry(field).or_insert_with(|| {
                fields.push((field, None));
                fields.len() - 1
            });
            fields[index].1 = widened(fields[index].1, value);
        }
    }
    let column =
        |(field, kind): &(&str, Option<&str>)| format!("{} {}", quoted(field), kind.unwrap_or("text"));
    let sql = if existing.is_some() {
        let added = fields.iter().map(|field| format!("ADD COLUMN IF NOT EXISTS {}", column(field)));
        format!("ALTER TABLE {name} {}", added.collect::<Vec<_>>().join(", "))
    } else {
        let columns = fields.iter().map(column).collect::<Vec<_>>().join(", ");
        let keys = key_fields.iter().map(|field| quoted(field)).collect::<Vec<_>>().join(", ");
        format!("CREATE TABLE IF NOT EXISTS {name} ({columns}, PRIMARY KEY ({keys}))")
    };
    if fields.is_empty() {
        return Ok(());
    }
    tracing::info!(connector = "postgres", columns = fields.len(), "creating columns in the destination");
    match connection::execute(connection, sql).await {
        Ok(()) => Ok(()),
        // Two runs created it at once: what counts is that it is there.
        Err(error)
            if connection::database_error(&error).is_some_and(|e| matches!(e.code(), "42P07" | "23505")) =>
        {
            Ok(())
        }
        Err(error) => Err(system_error("creating the table", error)),
    }
}

/// True for a field that can be a column of its own name.
pub(super) fn is_column_name(field: &str) -> bool {
    !field.is_empty() && field.len() <= NAME_BYTES_MAX && !field.contains('\0')
}

/// The column type that holds what came before and `value`.
fn widened(before: Option<&'static str>, value: &Value) -> Option<&'static str> {
    let now = match value {
        Value::Null => return before,
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "bigint",
        Value::Number(number) if number.is_u64() => "numeric",
        Value::Number(_) => "double precision",
        Value::Array(_) | Value::Object(_) => "jsonb",
        Value::String(_) => "text",
    };
    match (before, now) {
        (None, now) => Some(now),
        (Some(before), now) if before == now => Some(now),
        (Some("bigint" | "double precision"), "bigint" | "double precision") => Some("double precision"),
        (Some("bigint" | "numeric"), "bigint" | "numeric") => Some("numeric"),
        (Some("jsonb"), _) | (_, "jsonb") => Some("jsonb"),
        _ => Some("text"),
    }
}

/// The error for a table that is not there and may not be created.
pub(super) fn not_found(schema: &str, table: &str) -> SystemError {
    SystemError::new(SystemErrorKind::NotFound, format!("{}.{} is not there", quoted(schema), quoted(table)))
        .with_hint(format!("the table `{table}` does not exist in schema `{schema}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::widened;

    #[test]
    fn column_types_widen_until_they_hold_every_value() {
        let inferred = |values: &[serde_json::Value]| values.iter().fold(None, widened);
        assert_eq!(inferred(&[json!(null), json!(1), json!(2)]), Some("bigint"));
        assert_eq!(inferred(&[json!(1), json!(2.5)]), Some("double precision"));
        assert_eq!(inferred(&[json!(1), json!(u64::MAX)]), Some("numeric"));
        assert_eq!(inferred(&[json!(true), json!(null)]), Some("boolean"));
        assert_eq!(inferred(&[json!(true), json!(1)]), Some("text"));
        assert_eq!(inferred(&[json!("a"), json!(1)]), Some("text"));
        assert_eq!(inferred(&[json!({}), json!("a")]), Some("jsonb"));
        assert_eq!(inferred(&[json!(null)]), None);
    }
}
