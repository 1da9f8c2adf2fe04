//! Inserting rows in bulk.

use sea_orm::sea_query::value::sea_value_to_json_value;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseBackend, DatabaseTransaction, EntityTrait, IdenStatic,
    IntoActiveModel, Iterable, QueryResult, QueryTrait, Statement, Value,
};
use serde_json::{Map, Value as Json, json};

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
        connection.execute_raw(statement).await.doing(doing)?;
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
        connection.execute_raw(statement).await.doing(doing)?;
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
        rows.extend(connection.query_all_raw(statement).await.doing(doing)?);
    }
    Ok(rows)
}

#[expect(clippy::disallowed_methods, reason = "callers check the tenant")]
fn statements<E>(connection: &DatabaseTransaction, models: Vec<E::Model>, suffix: &str) -> Vec<Statement>
where
    E: TenantOwned,
    E::Model: IntoActiveModel<E::ActiveModel> + Sync,
{
    // SQLite takes 32,766 parameters a statement.
    let rows_max = (30_000 / E::Column::iter().count()).max(1);
    let mut models = models.into_iter().map(all_set::<E>).peekable();
    let mut statements = Vec::new();
    while models.peek().is_some() {
        let chunk = models.by_ref().take(rows_max);
        let mut statement = match connection.get_database_backend() {
            DatabaseBackend::Postgres => insert_json::<E>(chunk),
            backend => E::insert_many(chunk).build(backend),
        };
        if !suffix.is_empty() {
            statement.sql = format!("{} {suffix}", statement.sql);
        }
        statements.push(statement);
    }
    statements
}

/// <https://www.postgresql.org/docs/current/functions-json.html>: `jsonb_populate_recordset` reads each field as the
/// type of its column reads text.
fn insert_json<E: EntityTrait>(rows: impl Iterator<Item = E::ActiveModel>) -> Statement {
    let names: Vec<String> = E::Column::iter().map(|column| column.as_str().to_owned()).collect();
    let row = |row: E::ActiveModel| {
        let values = E::Column::iter().zip(&names).map(|(column, name)| {
            (name.clone(), row.get(column).into_value().as_ref().map_or(Json::Null, json_of))
        });
        Json::Object(values.collect::<Map<_, _>>())
    };
    let rows = Json::Array(rows.map(row).collect());
    let columns = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let entity = E::default();
    let table = entity.table_name();
    let sql = format!(
        "INSERT INTO \"{table}\" ({columns}) \
         SELECT {columns} FROM jsonb_populate_recordset(NULL::\"{table}\", $1)"
    );
    Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, [rows.into()])
}

fn json_of(value: &Value) -> Json {
    match value {
        Value::ChronoDateTimeUtc(time) => json!(time),
        Value::Bytes(Some(bytes)) => {
            // https://www.postgresql.org/docs/current/datatype-binary.html
            let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
            let mut hex = String::with_capacity(2 + 2 * bytes.len());
            hex.push_str("\\x");
            hex.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
            Json::String(hex)
        }
        other => sea_value_to_json_value(other),
    }
}
