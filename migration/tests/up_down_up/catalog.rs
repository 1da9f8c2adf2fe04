//! What tables and columns a database has, by its own account.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::{ColumnType, Iden};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, Iterable, Statement,
};

/// Whether a column may be null, and its type where the database has types.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    nullable: bool,
    data_type: Option<&'static str>,
}

/// Names of its tables, partitions left out.
pub async fn tables(db: &DatabaseConnection) -> BTreeSet<String> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table'",
        _ => {
            "SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace \
             AND relkind IN ('r', 'p') AND NOT relispartition"
        }
    };
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    rows.expect("the catalog can be read")
        .iter()
        .map(|row| row.try_get("", "name").expect("a name"))
        .collect()
}

/// Its columns must be those of the entity: no more, no less, as nullable, of the same type.
pub async fn assert_columns<E: EntityTrait>(db: &DatabaseConnection) {
    let table = E::default().table_name().to_owned();
    let typed = db.get_database_backend() == DbBackend::Postgres;
    let expected: BTreeMap<String, Column> = E::Column::iter()
        .map(|column| {
            let definition = column.def();
            let data_type = typed.then(|| postgres_type(definition.get_column_type()));
            (column.unquoted().to_owned(), Column { nullable: definition.is_null(), data_type })
        })
        .collect();
    assert_eq!(columns(db, &table).await, expected, "columns of {table}");
}

async fn columns(db: &DatabaseConnection, table: &str) -> BTreeMap<String, Column> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Sqlite => {
            "SELECT name, \"notnull\" = 0 AS nullable, lower(type) AS data_type FROM pragma_table_info($1)"
        }
        _ => {
            "SELECT column_name::text AS name, is_nullable = 'YES' AS nullable, data_type::text AS data_type \
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1"
        }
    };
    let rows = db.query_all_raw(Statement::from_sql_and_values(backend, sql, [table.into()])).await;
    rows.expect("the catalog can be read")
        .iter()
        .map(|row| {
            let data_type: String = row.try_get("", "data_type").expect("a type");
            let column = Column {
                nullable: row.try_get("", "nullable").expect("a boolean"),
                data_type: (backend == DbBackend::Postgres).then(|| known_type(&data_type)),
            };
            (row.try_get("", "name").expect("a name"), column)
        })
        .collect()
}

/// The types that the schema is made of.
const TYPES: [&str; 10] = [
    "bigint",
    "boolean",
    "bytea",
    "double precision",
    "integer",
    "jsonb",
    "smallint",
    "text",
    "timestamp with time zone",
    "uuid",
];

fn known_type(name: &str) -> &'static str {
    TYPES.into_iter().find(|known| *known == name).unwrap_or_else(|| panic!("{name} is no type of ours"))
}

/// What a column of an entity is on PostgreSQL.
fn postgres_type(column_type: &ColumnType) -> &'static str {
    match column_type {
        ColumnType::BigInteger => "bigint",
        ColumnType::Boolean => "boolean",
        ColumnType::Blob | ColumnType::VarBinary(_) => "bytea",
        ColumnType::Double => "double precision",
        ColumnType::Integer => "integer",
        ColumnType::Json | ColumnType::JsonBinary => "jsonb",
        ColumnType::SmallInteger => "smallint",
        ColumnType::String(_) | ColumnType::Text => "text",
        ColumnType::TimestampWithTimeZone => "timestamp with time zone",
        ColumnType::Uuid => "uuid",
        other => panic!("{other:?} is no type of ours"),
    }
}
