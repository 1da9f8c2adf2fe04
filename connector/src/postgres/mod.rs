//! PostgreSQL: streams tables and queries in key order, and upserts in batches where a bad row fails alone.
//! Deliberately absent: deletes, logical replication, and statements that change more than the
//! stream's own table.

mod batch;
mod cell;
mod comparison;
mod connection;
mod decode;
mod destination;
mod division;
mod lookup;
mod refusal;
mod source;
mod table;

use async_trait::async_trait;
use serde_json::{Value, json};
use sqlx::Row;

use self::destination::PostgresDestination;
use self::source::PostgresSource;
use crate::division::option_schema;
use crate::options::key_fields;
use crate::{
    Connector, Cursor, Description, Destination, Division, Egress, Example, Failure, Guide, OpenDestination,
    OpenSource, Removal, Source, SystemAccess, SystemError,
};

/// The `postgres` connector.
pub struct PostgresConnector {
    egress: Egress,
    description: Description,
}

impl PostgresConnector {
    /// A connector that reaches what `egress` permits.
    pub fn new(egress: Egress) -> Self {
        Self { egress, description: description() }
    }
}

#[async_trait]
impl Connector for PostgresConnector {
    fn description(&self) -> &Description {
        &self.description
    }

    async fn test(&self, access: &SystemAccess) -> Result<String, SystemError> {
        let (mut connection, config) =
            connection::connect(&self.egress, access, connection::Use::Test).await?;
        let sql = "SELECT current_setting('server_version'), current_database()::text, to_regnamespace($1) IS NOT NULL";
        let row = sqlx::query(sql)
            .bind(connection::quoted(&config.schema))
            .fetch_one(&mut connection)
            .await
            .map_err(|error| connection::system_error("asking for the version", error))?;
        let read = |error| connection::system_error("reading the version", error);
        let version: String = row.try_get(0).map_err(read)?;
        let database: String = row.try_get(1).map_err(read)?;
        if !row.try_get::<bool, _>(2).map_err(read)? {
            let detail = format!("schema {:?} is not in database {database:?}", config.schema);
            return Err(SystemError::new(crate::SystemErrorKind::NotFound, detail)
                .with_hint(format!("the database has no schema `{}`", config.schema)));
        }
        let number = version.split_whitespace().next().unwrap_or_default();
        Ok(format!("Connected to PostgreSQL {number}, database `{database}`, schema `{}`.", config.schema))
    }

    fn cursor_value(&self, watermark: &Cursor) -> Option<Value> {
        source::cursor_value(watermark)
    }

    async fn open_source(&self, open: OpenSource) -> Result<Box<dyn Source>, SystemError> {
        Ok(Box::new(PostgresSource::open(&self.egress, open).await?))
    }

    fn takes_parts(&self, _options: &Value, _may_repeat_keys: bool) -> bool {
        true
    }

    fn may_be_divided(&self, options: &Value) -> bool {
        crate::division::may_be_divided(options)
    }

    async fn divide(&self, open: &OpenSource) -> Result<Option<Division>, SystemError> {
        division::divide(&self.egress, open).await
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

    async fn open_destination(&self, open: OpenDestination) -> Result<Box<dyn Destination>, SystemError> {
        Ok(Box::new(PostgresDestination::open(&self.egress, open).await?))
    }
}

fn description() -> Description {
    let table = json!({
        "type": "string", "minLength": 1, "maxLength": 200,
        "description": "Its name, or `schema.table`; case matters.",
    });
    Description {
        name: "postgres",
        title: "PostgreSQL",
        description: "Reads tables and queries of a PostgreSQL database (12 or newer), and upserts into its tables.",
        config_schema: json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["host", "database"],
            "properties": {
                "host": {"type": "string", "minLength": 1, "maxLength": 255, "description": "Name or address."},
                "port": {
                    "type": "integer", "minimum": 1, "maximum": 65535, "default": 5432,
                    "description": "Where the server listens.",
                },
                "database": {"type": "string", "minLength": 1, "maxLength": 63, "description": "Its name; case matters."},
                "schema": {
                    "type": "string", "minLength": 1, "maxLength": 63, "default": "public",
                    "description": "Of tables that are named without one.",
                },
                "sslMode": {
                    "enum": ["disable", "prefer", "require", "verify-ca", "verify-full"], "default": "prefer",
                    "description": "As in libpq. `verify-full` also checks that the certificate is the host's.",
                },
                "sslRootCert": {
                    "type": "string", "minLength": 1, "maxLength": 20_000,
                    "description": "Certificates in PEM that `verify-ca` and `verify-full` trust beside the public ones.",
                },
            },
        }),
        credentials_schema: json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["user"],
            "properties": {
                "user": {"type": "string", "minLength": 1, "description": "Signs in; its rights decide what can be read and written."},
                "password": {"type": "string", "description": "Not needed where the server trusts the address."},
            },
        }),
        credentials_go_to: &["host", "port", "sslMode", "sslRootCert"],
        can_be_paced: false,
        source_schema: Some(json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "table": table,
                "query": {
                    "type": "string", "minLength": 1, "maxLength": 100_000,
                    "description": "One SELECT. It runs read-only.",
                },
                "slices": option_schema(),
            },
            "oneOf": [{"required": ["table"]}, {"required": ["query"]}],
        })),
        destination_schema: Some(json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["table"],
            "properties": {
                "table": table,
                "createTable": {
                    "type": "boolean", "default": false,
                    "description": "Creates the table, and columns for new fields, from the records.",
                },
                "keyFields": {
                    "type": "array", "minItems": 1, "maxItems": 32, "uniqueItems": true,
                    "items": {"type": "string", "minLength": 1},
                    "description": "Columns of the unique index that identifies a record. The stream's key fields when absent.",
                },
            },
        })),
        guide: guide(),
    }
}

fn guide() -> Guide {
    Guide {
        example: Example {
            config: json!({"host": "db.example.com", "database": "shop", "sslMode": "verify-full"}),
            credentials: json!({"user": "trestle", "password": "…"}),
            source: Some(json!({"table": "orders"})),
            destination: Some(json!({"table": "sales.orders", "createTable": true})),
        },
        notes: &[
            "A stream is read by one statement in the order of its keys; rows with a null in a key come first.",
            "`numeric` and integers are exact: what no JSON number holds is text. Times are RFC 3339, `bytea` is base64.",
            "A large table is divided into ranges of its keys, by a sample, and read by several workers at once.",
            "Batches are upserted by a unique index on exactly the key fields; a bad row fails alone.",
            "The name of a host is resolved once and checked; `verify-full` checks the certificate by that name.",
        ],
        limits: &[
            "10 s to connect and sign in",
            "10 min without a byte while reading; 5 min for a batch",
            "names of 63 bytes, as in PostgreSQL",
        ],
        failures: &[
            Failure {
                code: "unauthorized",
                when: "user or password is wrong, or a right (GRANT) is missing",
            },
            Failure { code: "not_found", when: "database, schema or table is not there" },
            Failure {
                code: "misconfigured",
                when: "a column or the unique index is missing, the query is not one SELECT, TLS can't be had as asked",
            },
            Failure { code: "forbidden", when: "the host is at an address that integrations may not reach" },
            Failure {
                code: "unavailable",
                when: "it can't be reached, restarts, has no connection left, or a lock or deadlock is in the way",
            },
            Failure { code: "timeout", when: "connecting, a page or a batch takes longer than the limits" },
            Failure { code: "malformed", when: "the query fails on a value of the data" },
            Failure {
                code: "source.malformed",
                when: "one row has a value that can't be read, such as text that is not UTF-8; the others arrive",
            },
            Failure {
                code: "destination.rejected",
                when: "one record breaks a type or a constraint; the fields are named",
            },
        ],
    }
}
