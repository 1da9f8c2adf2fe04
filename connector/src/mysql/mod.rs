//! MySQL and MariaDB: reads tables and queries page by page, and upserts in batches where a bad row fails alone.
//! Deliberately absent: deletes, the binary log, and statements that change more than the stream's own table.

mod batch;
mod cell;
mod comparison;
mod connection;
mod destination;
mod division;
mod lookup;
mod refusal;
mod source;
mod table;
mod upsert;
mod value;

use async_trait::async_trait;
use serde_json::{Value, json};

use self::destination::MysqlDestination;
use self::source::MysqlSource;
use crate::division::option_schema;
use crate::options::key_fields;
use crate::{
    Connector, Cursor, Description, Destination, Division, Egress, Example, Failure, Guide, OpenDestination,
    OpenSource, Removal, Source, SystemAccess, SystemError,
};

/// The `mysql` connector.
pub struct MysqlConnector {
    egress: Egress,
    description: Description,
}

impl MysqlConnector {
    /// A connector that reaches what `egress` permits.
    pub fn new(egress: Egress) -> Self {
        Self { egress, description: description() }
    }
}

#[async_trait]
impl Connector for MysqlConnector {
    fn description(&self) -> &Description {
        &self.description
    }

    async fn test(&self, access: &SystemAccess) -> Result<String, SystemError> {
        let opened = connection::connect(&self.egress, access, connection::Use::Test).await?;
        let number = opened.version.split('-').next().unwrap_or_default();
        let product = if opened.is_mariadb { "MariaDB" } else { "MySQL" };
        Ok(format!("Connected to {product} {number}, database `{}`.", opened.config.database))
    }

    fn cursor_value(&self, watermark: &Cursor) -> Option<Value> {
        source::cursor_value(watermark)
    }

    async fn open_source(&self, open: OpenSource) -> Result<Box<dyn Source>, SystemError> {
        Ok(Box::new(MysqlSource::open(&self.egress, open).await?))
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
        Ok(Box::new(MysqlDestination::open(&self.egress, open).await?))
    }
}

fn description() -> Description {
    let table = json!({
        "type": "string", "minLength": 1, "maxLength": 200,
        "description": "Its name, or `database.table`.",
    });
    Description {
        name: "mysql",
        title: "MySQL and MariaDB",
        description: "Reads tables and queries of a MySQL (8.0 or newer) or MariaDB (10.5 or newer) database, and upserts into its tables.",
        config_schema: json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["host", "database"],
            "properties": {
                "host": {"type": "string", "minLength": 1, "maxLength": 255, "description": "Name or address."},
                "port": {
                    "type": "integer", "minimum": 1, "maximum": 65535, "default": 3306,
                    "description": "Where the server listens.",
                },
                "database": {"type": "string", "minLength": 1, "maxLength": 64, "description": "Its name."},
                "sslMode": {
                    "enum": ["disable", "prefer", "require", "verify-ca", "verify-full"], "default": "prefer",
                    "description": "`prefer` uses TLS where the server offers it, `require` insists, `verify-ca` also checks who signed the certificate, `verify-full` also that it is the host's.",
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
                "user": {
                    "type": "string", "minLength": 1,
                    "description": "Signs in by `mysql_native_password` or `caching_sha2_password`; its rights decide what can be read and written.",
                },
                "password": {"type": "string", "description": "Of this user."},
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
                    "description": "One SELECT without parameters. It runs read-only, once a page.",
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
                    "type": "array", "minItems": 1, "maxItems": 16, "uniqueItems": true,
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
            destination: Some(json!({"table": "warehouse.orders", "createTable": true})),
        },
        notes: &[
            "Read in pages by key, each a statement of its own: others can write meanwhile. Tables go by their primary key or a unique index; a query is sorted anew for each page, unless an index on its key serves.",
            "`DECIMAL` and integers are exact: what no JSON number holds is text. `TINYINT(1)` and `BIT` are numbers, `BLOB`, `BINARY` and geometry base64, `ENUM`, `SET` and `TIME` text. Of MariaDB, whose `JSON` is text with a check, columns of a table are JSON, columns of a query text.",
            "`DATETIME` and `TIMESTAMP` are RFC 3339 in UTC; a `DATETIME`, which has no zone, is taken to be in UTC. `0000-00-00` and other dates with a zero make their row malformed.",
            "A large table whose first key field is a whole number with an index is divided into ranges of it, and read by several workers at once.",
            "Written in strict mode, whatever the server's default: a value that does not fit is refused, not bent. Batches are upserted by a unique index on exactly the key fields; a bad row fails alone. A value that another row has in another unique index is refused as well, and that row stays as it is.",
            "Times with a zone are stored in UTC. A table that is made compares its text keys byte by byte.",
            "`caching_sha2_password` (the default of MySQL 8) needs TLS when the server does not remember the user; without TLS the password is never sent readable. Under `prefer` and `require` TLS does not prove who the server is: use `verify-full` over networks that are not yours. `ed25519`, `sha256_password` without TLS, PAM and LDAP are not supported.",
            "The name of a host is resolved once and checked; `verify-full` checks the certificate by that name.",
        ],
        limits: &[
            "10 s to connect and sign in",
            "5 min for a page, and for a batch with the locks that it waits for",
            "8 MiB a page, beside single larger rows",
            "a record within half of the server's `max_allowed_packet`",
        ],
        failures: &[
            Failure {
                code: "unauthorized",
                when: "user or password is wrong, or a right (GRANT) is missing",
            },
            Failure { code: "not_found", when: "database or table is not there" },
            Failure {
                code: "misconfigured",
                when: "a column or the unique index is missing, the query is not one SELECT, the server is read-only, the way of signing in is not supported, TLS can't be had as asked",
            },
            Failure { code: "forbidden", when: "the host is at an address that integrations may not reach" },
            Failure {
                code: "rate_limited",
                when: "the user has reached a limit of the server (`MAX_QUERIES_PER_HOUR` and the like); it does not say for how long",
            },
            Failure {
                code: "unavailable",
                when: "it can't be reached, shuts down, has no connection left, or a lock or deadlock is in the way",
            },
            Failure { code: "timeout", when: "connecting, a page or a batch takes longer than the limits" },
            Failure { code: "malformed", when: "the query fails on a value of the data" },
            Failure {
                code: "source.malformed",
                when: "one row has a date with zeros, or text that is not UTF-8; the others arrive",
            },
            Failure {
                code: "destination.rejected",
                when: "one record breaks a type or a constraint; the fields are named",
            },
        ],
    }
}
