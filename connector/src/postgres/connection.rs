//! Connecting to a tenant's database, and what its errors mean for the whole system.
//! Deliberately absent: pools. An open end of a stream has one connection, for as long as it is open.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use crate::relay::Relay;
use crate::{Egress, SystemAccess, SystemError, SystemErrorKind, egress, options};

/// TCP, TLS and sign-in together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Statements of a connection test, in milliseconds.
const TEST_STATEMENT_TIMEOUT_MS: u32 = 10_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Config {
    pub(super) host: String,
    #[serde(default = "default_port")]
    pub(super) port: u16,
    pub(super) database: String,
    #[serde(default = "default_schema")]
    pub(super) schema: String,
    #[serde(default)]
    ssl_mode: SslMode,
    ssl_root_cert: Option<String>,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum SslMode {
    Disable,
    #[default]
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    user: String,
    password: Option<SecretString>,
}

fn default_port() -> u16 {
    5432
}

fn default_schema() -> String {
    "public".to_owned()
}

/// What a connection is for; decides its session settings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Test,
    Read,
    Write,
}

/// A connection to an address that the guard permits.
///
/// It goes to the address that was checked, not to the name. `verify-full` needs the name, for the certificate: there
/// a [`Relay`] leads to the address.
pub(super) async fn connect(
    egress: &Egress,
    access: &SystemAccess,
    purpose: Use,
) -> Result<(PgConnection, Config), SystemError> {
    let config: Config = options::decode("config", &access.config)?;
    let credentials: Credentials = serde_json::from_str(access.credentials.expose_secret())
        .map_err(|_| misconfigured("the credentials are not what the postgres connector takes"))?;
    let addresses = egress.resolve(&config.host, config.port).await?;
    // Set whatever the environment of this process (PGPASSWORD …) says: it belongs to the operator.
    let mut settings = PgConnectOptions::new_without_pgpass()
        .port(config.port)
        .username(&credentials.user)
        .password(credentials.password.as_ref().map_or("", |password| password.expose_secret()))
        .database(&config.database)
        .ssl_mode(match config.ssl_mode {
            SslMode::Disable => PgSslMode::Disable,
            SslMode::Prefer => PgSslMode::Prefer,
            SslMode::Require => PgSslMode::Require,
            SslMode::VerifyCa => PgSslMode::VerifyCa,
            SslMode::VerifyFull => PgSslMode::VerifyFull,
        })
        .application_name("trestle")
        // Floats in the shortest form that reads back as the same.
        .extra_float_digits(3)
        .disable_statement_logging();
    if let Some(certificates) = &config.ssl_root_cert {
        settings = settings.ssl_root_cert_from_pem(certificates.clone().into_bytes());
    }
    let mut last_error = None;
    for address in addresses {
        let opening = async {
            if config.ssl_mode != SslMode::VerifyFull {
                return open(settings.clone().host(&address.ip().to_string()), purpose).await;
            }
            let relay = Relay::open(address, &format!(".s.PGSQL.{}", config.port)).await?;
            let settings = settings.clone().host(&config.host).socket(relay.directory());
            let connection = open(settings, purpose).await?;
            relay.keep();
            Ok(connection)
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, opening).await {
            Ok(Ok(connection)) => return Ok((connection, config)),
            Ok(Err(error)) => {
                let error = system_error(&format!("connecting to {}:{}", config.host, config.port), error);
                if error.kind != SystemErrorKind::Unavailable {
                    return Err(error);
                }
                last_error = Some(error);
            }
            Err(_) => {
                let detail = format!("connecting to {}:{} took longer than 10 s", config.host, config.port);
                last_error = Some(SystemError::new(SystemErrorKind::Timeout, detail));
            }
        }
    }
    Err(last_error.unwrap_or_else(|| SystemError::new(SystemErrorKind::Internal, "no address to connect to")))
}

async fn open(settings: PgConnectOptions, purpose: Use) -> Result<PgConnection, sqlx::Error> {
    let mut connection = settings.connect().await?;
    let common = "SET standard_conforming_strings = on; SET bytea_output = hex; SET IntervalStyle = postgres; \
                  SET client_min_messages = warning;";
    let sql = match purpose {
        Use::Read => format!("{common} SET default_transaction_read_only = on;"),
        Use::Test => format!(
            "{common} SET default_transaction_read_only = on; SET statement_timeout = {TEST_STATEMENT_TIMEOUT_MS};"
        ),
        Use::Write => common.to_owned(),
    };
    execute(&mut connection, sql).await?;
    Ok(connection)
}

/// Runs statements that have no parameters and give no rows, in one round trip.
pub(super) async fn execute(connection: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
}

/// An identifier, quoted.
pub(super) fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// A text literal (standard_conforming_strings is on).
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `table` or `schema.table`, as options name it.
pub(super) fn table_name(config: &Config, named: &str) -> Result<(String, String), SystemError> {
    let (schema, table) = named.split_once('.').unwrap_or((config.schema.as_str(), named));
    if schema.is_empty() || table.is_empty() || named.contains('\0') {
        return Err(misconfigured(format!("{named:?} is not a table name"))
            .with_hint("the table's name must be `table` or `schema.table`"));
    }
    Ok((schema.to_owned(), table.to_owned()))
}

pub(super) fn misconfigured(detail: impl Into<String>) -> SystemError {
    SystemError::new(SystemErrorKind::Misconfigured, detail)
}

/// The server's own error inside of sqlx's.
pub(super) fn database_error(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
}

/// What an error says about the whole system. `doing` is a clause for engineers: `reading the table`.
pub(super) fn system_error(doing: &str, error: sqlx::Error) -> SystemError {
    let Some(server) = database_error(&error) else {
        let detail = format!("{doing}: {}", egress::chain(&error));
        return match error {
            sqlx::Error::Tls(_) => {
                let hint = if detail.contains("does not support TLS") {
                    "the server does not offer TLS; sslMode asks for it"
                } else {
                    "the server's certificate is not valid for this host"
                };
                misconfigured(detail).with_hint(hint)
            }
            sqlx::Error::Configuration(_) => misconfigured(detail),
            // The handshake says so as an error of the connection.
            sqlx::Error::Io(_) if detail.contains("peer certificate") => {
                misconfigured(detail).with_hint("the server's certificate is not valid for this host")
            }
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => {
                SystemError::new(SystemErrorKind::Unavailable, detail)
            }
            _ => SystemError::new(SystemErrorKind::Internal, detail),
        };
    };
    let code = server.code();
    let (kind, hint) = meaning(code);
    let mut described = SystemError::new(kind, format!("{doing}: {code} {}", message(server)));
    described.hint = hint;
    described
}

/// The message without values: class 22 (data exceptions) quotes what it could not read.
pub(super) fn message(error: &PgDatabaseError) -> String {
    let message = error.message();
    if !error.code().starts_with("22") {
        return message.to_owned();
    }
    let parts = message.split('"').enumerate();
    parts.map(|(index, part)| if index % 2 == 1 { "\"…\"" } else { part }).collect()
}

/// By SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn meaning(code: &str) -> (SystemErrorKind, Option<String>) {
    let hinted = |kind, hint: &str| (kind, Some(hint.to_owned()));
    match code {
        "42501" => {
            hinted(SystemErrorKind::Unauthorized, "the database user may not do this; a GRANT is missing")
        }
        "3D000" => hinted(SystemErrorKind::NotFound, "the database does not exist"),
        "3F000" => hinted(SystemErrorKind::NotFound, "the schema does not exist"),
        "42P01" => hinted(SystemErrorKind::NotFound, "the table does not exist"),
        "42703" => hinted(SystemErrorKind::Misconfigured, "a column is not there"),
        "42P10" => {
            hinted(SystemErrorKind::Misconfigured, "the table has no unique index on exactly the key fields")
        }
        "42601" => hinted(SystemErrorKind::Misconfigured, "the query is not one valid SELECT"),
        "25006" => {
            hinted(SystemErrorKind::Misconfigured, "the statement changes data where only reading is allowed")
        }
        "57014" => (SystemErrorKind::Timeout, None),
        _ => match code.get(..2) {
            Some("28") => (SystemErrorKind::Unauthorized, None),
            // Connection, transaction conflicts, resources, locks, operator, system: pass by themselves.
            Some("08" | "40" | "53" | "55" | "57" | "58" | "XX") => (SystemErrorKind::Unavailable, None),
            Some("21" | "22") => hinted(SystemErrorKind::Malformed, "the query fails on a value of the data"),
            _ => (
                SystemErrorKind::Misconfigured,
                Some(format!("PostgreSQL refuses the statement (SQLSTATE {code})")),
            ),
        },
    }
}
