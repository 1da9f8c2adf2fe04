//! Inserting rows in bulk.

use std::cell::Cell;

use sea_orm::sea_query::value::sea_value_to_json_value;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr, EntityTrait, IdenStatic,
    IntoActiveModel, Iterable, QueryResult, QueryTrait, Statement, Value,
};
use serde::{Serialize, Serializer};

use crate::error::{Doing, Result};
use crate::scope::{TenantOwned, all_set};

/// Inserts rows in statements of bounded size; that they may be inserted is the caller's to know.
///
/// On PostgreSQL all rows are one parameter: a statement whose text does not say how many they are is prepared once, and
/// thousands of rows are no thousands of expressions to plan.
pub(crate) async fn insert_rows<E>(
    connection: &DatabaseTransaction,
    models: Vec<E::Model>,
    doing: &'static str,
) -> Result<()>
where
    E: TenantOwned,
    E::Model: IntoActiveModel<E::ActiveModel> + Sync,
{
    for statement in statements::<E>(connection, models, "") {
        connection.execute_raw(statement.doing(doing)?).await.doing(doing)?;
    }
    Ok(())
}

/// The same with what becomes of rows that are there already: `on_conflict` is SQL that both databases take.
pub(crate) async fn upsert_rows<E>(
    connection: &DatabaseTransaction,
    models: Vec<E::Model>,
    on_conflict: &str,
    doing: &'static str,
) -> Result<()>
where
    E: TenantOwned,
    E::Model: IntoActiveModel<E::ActiveModel> + Sync,
{
    for statement in statements::<E>(connection, models, on_conflict) {
        connection.execute_raw(statement.doing(doing)?).await.doing(doing)?;
    }
    Ok(())
}

/// The same, and answers with what `on_conflict` returns.
pub(crate) async fn upsert_returning<E>(
    connection: &DatabaseTransaction,
    models: Vec<E::Model>,
    on_conflict: &str,
    doing: &'static str,
) -> Result<Vec<QueryResult>>
where
    E: TenantOwned,
    E::Model: IntoActiveModel<E::ActiveModel> + Sync,
{
    let mut rows = Vec::new();
    for statement in statements::<E>(connection, models, on_conflict) {
        rows.extend(connection.query_all_raw(statement.doing(doing)?).await.doing(doing)?);
    }
    Ok(rows)
}

/// One at a time: what a statement has is let go of before the next is made.
#[expect(clippy::disallowed_methods, reason = "callers check the tenant")]
fn statements<E>(
    connection: &DatabaseTransaction,
    models: Vec<E::Model>,
    suffix: &str,
) -> impl Iterator<Item = Result<Statement, DbErr>>
where
    E: TenantOwned,
    E::Model: IntoActiveModel<E::ActiveModel> + Sync,
{
    // SQLite takes 32,766 parameters a statement.
    let rows_max = (30_000 / E::Column::iter().count()).max(1);
    let backend = connection.get_database_backend();
    let mut models = models.into_iter();
    std::iter::from_fn(move || {
        if models.len() == 0 {
            return None;
        }
        let chunk = models.by_ref().take(rows_max).map(all_set::<E>);
        let mut statement = match backend {
            DatabaseBackend::Postgres => match insert_json::<E>(chunk) {
                Ok(statement) => statement,
                Err(error) => return Some(Err(DbErr::Json(error.to_string()))),
            },
            backend => E::insert_many(chunk).build(backend),
        };
        if !suffix.is_empty() {
            statement.sql = format!("{} {suffix}", statement.sql);
        }
        Some(Ok(statement))
    })
}

/// <https://www.postgresql.org/docs/current/functions-json.html>: `json_populate_recordset` reads each field as the type of
/// its column reads text, and a field that is not there as null. For 700 failures it takes half of what `jsonb` takes,
/// which is made anew from the text first.
fn insert_json<E: EntityTrait>(rows: impl Iterator<Item = E::ActiveModel>) -> serde_json::Result<Statement> {
    let fields = |mut row: E::ActiveModel| {
        let fields = E::Column::iter().filter_map(|column| {
            let value = row.take(column).into_value()?;
            (value != value.as_null()).then(|| (column.as_str(), Field(value)))
        });
        Row(fields.collect())
    };
    let rows = serde_json::to_string(&Rows(Cell::new(Some(rows.map(fields)))))?;
    let columns: Vec<String> = E::Column::iter().map(|column| format!("\"{}\"", column.as_str())).collect();
    let columns = columns.join(", ");
    let entity = E::default();
    let table = entity.table_name();
    let sql = format!(
        "INSERT INTO \"{table}\" ({columns}) \
         SELECT {columns} FROM json_populate_recordset(NULL::\"{table}\", $1::json)"
    );
    Ok(Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, [rows.into()]))
}

/// Written one by one, and once.
struct Rows<I>(Cell<Option<I>>);

impl<I: Iterator<Item = Row>> Serialize for Rows<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.take().into_iter().flatten())
    }
}

struct Row(Vec<(&'static str, Field)>);

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, field)| (name, field)))
    }
}

struct Field(Value);

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Value::String(text) => text.serialize(serializer),
            Value::Json(json) => json.serialize(serializer),
            Value::ChronoDateTimeUtc(time) => time.serialize(serializer),
            Value::Bytes(Some(bytes)) => serializer.serialize_str(&hex(bytes)),
            other => sea_value_to_json_value(other).serialize(serializer),
        }
    }
}

/// <https://www.postgresql.org/docs/current/datatype-binary.html>
fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let mut hex = String::with_capacity(2 + 2 * bytes.len());
    hex.push_str("\\x");
    hex.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    hex
}
