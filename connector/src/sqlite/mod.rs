//! The `sqlite` connector: tables and queries of a SQLite database in the tenant's own directory.
//! Deliberately absent: any change of the database's own settings (its journal mode stays as it is).

mod destination;
mod division;
mod failure;
mod lookup;
mod query;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod upsert;
mod value;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

pub(crate) use self::failure::system_error;

use self::destination::SqliteDestination;
use self::source::SqliteSource;
use crate::directory::{components, existing_file, writable_file};
use crate::division::option_schema;
use crate::options::{decode, key_fields};
use crate::{
    Connector, Cursor, Description, Destination, Division, Example, Failure, Guide, OpenDestination,
    OpenSource, Removal, Source, SystemAccess, SystemError, SystemErrorKind,
};

/// How long to wait for another program's lock before saying `unavailable`, which is tried again later.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest query, in bytes. What is longer is a view that was not made.
const QUERY_BYTES_MAX: usize = 64 * 1024;

/// The `sqlite` connector.
pub(crate) struct SqliteConnector {
    description: Description,
}

#[derive(Deserialize)]
struct Config {
    path: String,
}

/// What is read: exactly one of both.
#[derive(Deserialize)]
struct SourceOptions {
    table: Option<String>,
    query: Option<String>,
    slices: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DestinationOptions {
    table: String,
    #[serde(default)]
    create_table: bool,
    #[serde(default)]
    key_fields: Vec<String>,
}

impl SqliteConnector {
    pub(crate) fn new() -> Self {
        let object = |mut schema: Value| {
            schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
            schema["type"] = json!("object");
            schema["additionalProperties"] = json!(false);
            schema
        };
        let table = |description: &str| {
            json!({
                "type": "string", "title": "Table", "description": description, "default": "",
                "minLength": 1, "maxLength": 256,
            })
        };
        Self {
            description: Description {
                name: "sqlite",
                title: "SQLite",
                description: "Tables and queries of a SQLite database file in your own directory.",
                config_schema: object(json!({
                    "properties": {
                        "path": {
                            "type": "string", "title": "Path", "default": "", "minLength": 1, "maxLength": 1024,
                            "description": "The database file, inside your directory, e.g. `shop.db`.",
                        },
                    },
                    "required": ["path"],
                })),
                credentials_schema: object(json!({"properties": {}})),
                credentials_go_to: &[],
                can_be_paced: false,
                source_schema: Some(object(json!({
                    "properties": {
                        "table": table("The table or view to read. Either this or a query."),
                        "slices": option_schema(),
                        "query": {
                            "type": "string", "title": "Query", "default": "", "minLength": 1,
                            "maxLength": QUERY_BYTES_MAX,
                            "description": "A single SELECT whose columns hold the stream's key fields. Either this or a table.",
                        },
                    },
                    "oneOf": [{"required": ["table"]}, {"required": ["query"]}],
                }))),
                destination_schema: Some(object(json!({
                    "properties": {
                        "table": table("The table to write. It needs a unique index on the key fields."),
                        "createTable": {
                            "type": "boolean", "title": "Create table", "default": false,
                            "description": "Makes the database and the table when they are not there, and adds columns for new fields.",
                        },
                        "keyFields": {
                            "type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 32,
                            "title": "Key fields", "default": [],
                            "description": "Fields of the written record that identify it, when the mapping renames the stream's key fields.",
                        },
                    },
                    "required": ["table"],
                }))),
                guide: guide(),
            },
        }
    }
}

fn guide() -> Guide {
    Guide {
        example: Example {
            config: json!({"path": "shop.db"}),
            source: Some(json!({"query": "SELECT number, email FROM orders WHERE email IS NOT NULL"})),
            destination: Some(json!({"table": "orders", "createTable": true})),
            ..Example::default()
        },
        notes: &[
            "Read in pages by key, without a transaction between them: others can write meanwhile.",
            "BLOB is base64. Booleans are stored as 0 and 1, lists and objects as JSON text.",
            "A large table whose first key field is a whole number is divided into ranges of it, and read by several workers at once.",
            "Batches are upserted by a unique index on the key fields; a bad row fails alone.",
        ],
        limits: &[
            "64 KiB for a query, which is one SELECT without parameters",
            "5 s for another program's lock; 5 min for a page",
            "1,000 columns in a table that is made or extended",
            "UTF-8 databases only",
        ],
        failures: &[
            Failure { code: "not_found", when: "the file or the table is not there" },
            Failure {
                code: "forbidden",
                when: "the path leaves the directory: `..`, absolute, or by a link",
            },
            Failure {
                code: "misconfigured",
                when: "a column or the unique index is missing, the query is not one SELECT, the database can't be written",
            },
            Failure { code: "malformed", when: "the file is not a SQLite database, or damaged" },
            Failure {
                code: "source.malformed",
                when: "one row has text that is not UTF-8; the others arrive",
            },
            Failure { code: "unavailable", when: "another program locks it, or the disk is full" },
            Failure { code: "timeout", when: "a page takes longer than the limit" },
            Failure {
                code: "destination.rejected",
                when: "one record breaks a type or a constraint; the fields are named",
            },
        ],
    }
}

#[async_trait]
impl Connector for SqliteConnector {
    fn description(&self) -> &Description {
        &self.description
    }

    async fn test(&self, access: &SystemAccess) -> Result<String, SystemError> {
        let config: Config = decode("config", &access.config)?;
        let path = resolve(access.files_dir.clone(), config.path, existing_file).await?;
        let mut connection = connect(&path, Access::Read).await?;
        let tables = table::names(&mut connection).await?.len();
        connection.close().await.map_err(|error| system_error("closing the database", &error))?;
        Ok(match tables {
            1 => "A SQLite database with 1 table or view.".to_owned(),
            _ => format!("A SQLite database with {tables} tables and views."),
        })
    }

    fn cursor_value(&self, watermark: &Cursor) -> Option<Value> {
        source::cursor_value(watermark)
    }

    async fn open_source(&self, open: OpenSource) -> Result<Box<dyn Source>, SystemError> {
        let config: Config = decode("config", &open.access.config)?;
        let options: SourceOptions = decode("source options", &open.options)?;
        let path = resolve(open.access.files_dir.clone(), config.path, existing_file).await?;
        let connection = connect(&path, Access::Read).await?;
        Ok(Box::new(SqliteSource::open(connection, options.table, options.query, open).await?))
    }

    fn takes_parts(&self, _options: &Value, _may_repeat_keys: bool) -> bool {
        true
    }

    fn may_be_divided(&self, options: &Value) -> bool {
        crate::division::may_be_divided(options)
    }

    async fn divide(&self, open: &OpenSource) -> Result<Option<Division>, SystemError> {
        let config: Config = decode("config", &open.access.config)?;
        let options: SourceOptions = decode("source options", &open.options)?;
        let (Some(table), false) = (&options.table, options.slices == Some(1) || open.from.is_some()) else {
            return Ok(None);
        };
        let path = resolve(open.access.files_dir.clone(), config.path, existing_file).await?;
        let connection = connect(&path, Access::Read).await?;
        division::divide(connection, table, options.slices, open).await
    }

    fn key_fields(&self, options: &Value, of_source: &[String]) -> Option<Vec<String>> {
        Some(key_fields(options, of_source))
    }

    fn can_remove(&self, _options: &Value, _removal: &Removal) -> bool {
        true
    }

    fn can_find(&self) -> bool {
        true
    }

    fn own_files(&self) -> Option<fn(&Value) -> Vec<String>> {
        Some(own_files)
    }

    async fn open_destination(&self, open: OpenDestination) -> Result<Box<dyn Destination>, SystemError> {
        let config: Config = decode("config", &open.access.config)?;
        let options: DestinationOptions = decode("destination options", &open.options)?;
        let (find, access): (Resolve, _) = if options.create_table {
            (writable_file, Access::Create)
        } else {
            (existing_file, Access::Write)
        };
        let path = resolve(open.access.files_dir.clone(), config.path, find).await?;
        let connection = connect(&path, access).await?;
        let key_fields =
            if options.key_fields.is_empty() { open.stream.key_fields } else { options.key_fields };
        let destination =
            SqliteDestination::open(connection, options.table, options.create_table, key_fields).await?;
        Ok(Box::new(destination))
    }
}

/// The database, and what SQLite keeps beside it (<https://sqlite.org/tempfiles.html>).
fn own_files(config: &Value) -> Vec<String> {
    let path = config.get("path").and_then(Value::as_str).and_then(|path| components(path).ok());
    let Some(path) = path.map(|names| names.join("/")) else { return Vec::new() };
    ["", "-journal", "-wal", "-shm"].iter().map(|suffix| format!("{path}{suffix}")).collect()
}

type Resolve = fn(&Path, &str) -> Result<PathBuf, SystemError>;

async fn resolve(root: PathBuf, path: String, find: Resolve) -> Result<PathBuf, SystemError> {
    tokio::task::spawn_blocking(move || find(&root, &path)).await.unwrap_or_else(|error| {
        Err(SystemError::new(SystemErrorKind::Internal, format!("resolving the database's path: {error}")))
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    Create,
}

async fn connect(path: &Path, access: Access) -> Result<SqliteConnection, SystemError> {
    let failure = |error: sqlx::Error| system_error("opening the database", &error);
    // The file is the tenant's: what its schema says is not trusted (https://sqlite.org/security.html).
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(access == Access::Read)
        .create_if_missing(access == Access::Create)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON");
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(failure)?;
    // Reads the file for the first time, so what is no database shows here.
    let encoding: String =
        sqlx::query_scalar("PRAGMA encoding").fetch_one(&mut connection).await.map_err(failure)?;
    let _: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut connection)
        .await
        .map_err(failure)?;
    if encoding != "UTF-8" {
        return Err(SystemError::new(SystemErrorKind::Misconfigured, format!("its encoding is {encoding}"))
            .with_hint(format!("the database holds text in {encoding}; only UTF-8 can be used")));
    }
    Ok(connection)
}
