//! Connecting to a tenant's database, and what its errors mean for the whole system.
//! Deliberately absent: pools. An open end of a stream has one connection, for as long as it is open.

use std::collections::HashMap;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, MySqlConnection, Row};

use crate::relay::Relay;
use crate::{Egress, SystemAccess, SystemError, SystemErrorKind, egress, options};

/// TCP, TLS and sign-in together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Name of a relay's socket; nobody else sees it.
const SOCKET: &str = "mysql.sock";
/// Longest statement that reads, in seconds: a server does not notice that nobody waits any more.
const STATEMENT_SECONDS_MAX: u32 = 300;
/// Of a connection test, in seconds.
const TEST_STATEMENT_SECONDS_MAX: u32 = 10;
/// `max_allowed_packet` of a server that does not say it: the least that servers come with.
const PACKET_BYTES_DEFAULT: usize = 4 * 1024 * 1024;
/// For sessions that write: values that do not fit are refused, a key 0 is a key, backslashes are characters.
const WRITE_MODE: &str = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
                          NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO,NO_BACKSLASH_ESCAPES";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Config {
    pub(super) host: String,
    #[serde(default = "default_port")]
    pub(super) port: u16,
    pub(super) database: String,
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
    3306
}

/// What a connection is for; decides its session settings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Test,
    Read,
    Write,
}

/// A connection, and what the server said of itself.
pub(super) struct Opened {
    pub(super) connection: MySqlConnection,
    pub(super) config: Config,
    /// E.g. `8.4.5` or `10.11.14-MariaDB-0+deb12u2`.
    pub(super) version: String,
    pub(super) is_mariadb: bool,
    /// Largest statement that the server takes, in bytes.
    pub(super) packet_bytes_max: usize,
}

/// A connection to an address that the guard permits.
///
/// It goes to the address that was checked, not to the name. `verify-full` needs the name, for the certificate: there
/// a [`Relay`] leads to the address.
pub(super) async fn connect(
    egress: &Egress,
    access: &SystemAccess,
    purpose: Use,
) -> Result<Opened, SystemError> {
    let config: Config = options::decode("config", &access.config)?;
    let credentials: Credentials = serde_json::from_str(access.credentials.expose_secret())
        .map_err(|_| misconfigured("the credentials are not what the mysql connector takes"))?;
    let addresses = egress.resolve(&config.host, config.port).await?;
    let mut settings = MySqlConnectOptions::new()
        .port(config.port)
        .username(&credentials.user)
        .password(credentials.password.as_ref().map_or("", |password| password.expose_secret()))
        .database(&config.database)
        .ssl_mode(match config.ssl_mode {
            SslMode::Disable => MySqlSslMode::Disabled,
            SslMode::Prefer => MySqlSslMode::Preferred,
            SslMode::Require => MySqlSslMode::Required,
            SslMode::VerifyCa => MySqlSslMode::VerifyCa,
            SslMode::VerifyFull => MySqlSslMode::VerifyIdentity,
        })
        // A query of a tenant means what it means in their own tools.
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .disable_statement_logging();
    if let Some(certificates) = &config.ssl_root_cert {
        settings = settings.ssl_ca_from_pem(certificates.clone().into_bytes());
    }
    let mut last_error = None;
    for address in addresses {
        let opening = async {
            if config.ssl_mode != SslMode::VerifyFull {
                return open(settings.clone().host(&address.ip().to_string()), purpose).await;
            }
            let relay = Relay::open(address, SOCKET).await?;
            let settings = settings.clone().host(&config.host).socket(relay.directory().join(SOCKET));
            let opened = open(settings, purpose).await?;
            relay.keep();
            Ok(opened)
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, opening).await {
            Ok(Ok((connection, version, packet_bytes_max))) => {
                let is_mariadb = version.contains("MariaDB");
                return Ok(Opened { connection, config, version, is_mariadb, packet_bytes_max });
            }
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

async fn open(
    settings: MySqlConnectOptions,
    purpose: Use,
) -> Result<(MySqlConnection, String, usize), sqlx::Error> {
    let mut connection = settings.connect().await?;
    // What a server does not have is not among them, as `binlog_format` may not for ever.
    let sql =
        "SHOW VARIABLES WHERE Variable_name IN ('version', 'max_allowed_packet', 'log_bin', 'binlog_format')";
    let mut variables = HashMap::new();
    for row in sqlx::query(sql).fetch_all(&mut connection).await? {
        variables.insert(row.try_get::<String, _>(0)?, row.try_get::<String, _>(1)?);
    }
    let version = variables.remove("version").unwrap_or_default();
    let packet_bytes_max = variables.get("max_allowed_packet").and_then(|bytes| bytes.parse().ok());
    let is = |name: &str, value: &str| variables.get(name).is_some_and(|found| found == value);
    let logs_statements = is("log_bin", "ON") && is("binlog_format", "STATEMENT");
    let limit = |seconds: u32| {
        if version.contains("MariaDB") {
            format!("SET max_statement_time = {seconds}")
        } else {
            format!("SET max_execution_time = {}", seconds * 1000)
        }
    };
    let seconds = if purpose == Use::Test { TEST_STATEMENT_SECONDS_MAX } else { STATEMENT_SECONDS_MAX };
    let statements = match purpose {
        // A date with zeros must be allowed in a comparison: reading goes on behind it.
        Use::Read | Use::Test => vec![
            "SET SESSION TRANSACTION READ ONLY".to_owned(),
            "SET sql_mode = REPLACE(REPLACE(REPLACE(@@sql_mode, 'NO_ZERO_IN_DATE', ''), 'NO_ZERO_DATE', ''), 'TRADITIONAL', '')"
                .to_owned(),
            limit(seconds),
        ],
        // Without gaps being locked two writers of new keys are in each other's way less. A log of statements can't
        // tell what they did then, and the server refuses.
        Use::Write if logs_statements => vec![format!("SET sql_mode = '{WRITE_MODE}'")],
        Use::Write => vec![
            format!("SET sql_mode = '{WRITE_MODE}'"),
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned(),
        ],
    };
    for sql in statements {
        execute(&mut connection, sql).await?;
    }
    Ok((connection, version, packet_bytes_max.unwrap_or(PACKET_BYTES_DEFAULT)))
}

/// Runs a statement that has no parameters and gives no rows.
pub(super) async fn execute(connection: &mut MySqlConnection, sql: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
}

/// An identifier, quoted.
pub(super) fn quoted(identifier: &str) -> String {
    format!("`{}`", identifier.replace('`', "``"))
}

/// `table` or `database.table`, as options name it.
pub(super) fn table_name(config: &Config, named: &str) -> Result<(String, String), SystemError> {
    let (database, table) = named.split_once('.').unwrap_or((config.database.as_str(), named));
    if database.is_empty() || table.is_empty() || named.contains('\0') {
        return Err(misconfigured(format!("{named:?} is not a table name"))
            .with_hint("the table's name must be `table` or `database.table`"));
    }
    Ok((database.to_owned(), table.to_owned()))
}

pub(super) fn misconfigured(detail: impl Into<String>) -> SystemError {
    SystemError::new(SystemErrorKind::Misconfigured, detail)
}

/// The server's own error inside of sqlx's.
pub(super) fn database_error(error: &sqlx::Error) -> Option<&MySqlDatabaseError> {
    error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>())
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
            sqlx::Error::Configuration(_) if detail.contains("RSA auth") => {
                misconfigured(detail).with_hint("the server wants the password, which is sent over TLS only; set sslMode to `require` or more")
            }
            sqlx::Error::Configuration(_) => misconfigured(detail),
            sqlx::Error::Protocol(_) if detail.contains("authentication plugin") => {
                let hint = "the database user signs in by a method that is not supported; \
                            mysql_native_password and caching_sha2_password are";
                misconfigured(detail).with_hint(hint)
            }
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
    let (kind, hint) = match server.number() {
        // Of connections at once, which passes when another one ends.
        1226 if server.message().contains("max_user_connections") => (SystemErrorKind::Unavailable, None),
        number => meaning(number),
    };
    let mut described = SystemError::new(kind, format!("{doing}: {} {}", server.number(), message(server)));
    described.hint = hint;
    described
}

/// The message without values: what stands in quotes may be one.
pub(super) fn message(error: &MySqlDatabaseError) -> String {
    /// Whose quotes hold values, and no names that an engineer needs.
    const WITH_VALUES: [u16; 13] =
        [1062, 1292, 1366, 1411, 1525, 1526, 1557, 1586, 1690, 1761, 1762, 3140, 3156];
    let message = error.message();
    if !WITH_VALUES.contains(&error.number()) {
        return message.to_owned();
    }
    // `Incorrect integer value: 'x' for column 'a' at row 1`: what comes first is the value, and it may hold quotes.
    let Some(start) = message.find('\'') else { return message.to_owned() };
    let tail = [" for column ", " for key ", " at row "].iter().find_map(|words| message.rfind(words));
    let tail = tail.filter(|tail| *tail > start).map_or("", |tail| &message[tail..]);
    format!("{}'…'{tail}", &message[..start])
}

/// By error number: <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>,
/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>.
fn meaning(number: u16) -> (SystemErrorKind, Option<String>) {
    let hinted = |kind, hint: &str| (kind, Some(hint.to_owned()));
    match number {
        1045 | 1130 | 1698 | 1820 | 1862 | 3118 | 3955 | 4151 => (SystemErrorKind::Unauthorized, None),
        1044 | 1142 | 1143 | 1227 | 1370 | 1410 => {
            hinted(SystemErrorKind::Unauthorized, "the database user may not do this; a GRANT is missing")
        }
        1049 => hinted(SystemErrorKind::NotFound, "the database does not exist"),
        1051 | 1109 | 1146 => hinted(SystemErrorKind::NotFound, "the table does not exist"),
        1054 => hinted(SystemErrorKind::Misconfigured, "a column is not there"),
        1060 => hinted(SystemErrorKind::Misconfigured, "two columns of the query have the same name"),
        1064 => hinted(SystemErrorKind::Misconfigured, "the query is not one valid SELECT"),
        1290 | 1792 | 1836 => {
            hinted(SystemErrorKind::Misconfigured, "the statement changes data where only reading is allowed")
        }
        1226 => hinted(SystemErrorKind::RateLimited, "the database user has reached a limit of the server"),
        1317 | 1969 | 3024 => (SystemErrorKind::Timeout, None),
        // Connections, shutdown, network, locks, deadlocks, disks, restarts: pass by themselves.
        1021
        | 1040
        | 1041
        | 1053
        | 1077..=1081
        | 1114
        | 1129
        | 1152
        | 1156..=1161
        | 1180
        | 1184
        | 1203
        | 1205
        | 1206
        | 1213
        | 1412
        | 1614
        | 1615
        | 1637
        | 1927
        | 2006
        | 2013
        | 3101
        | 3572 => (SystemErrorKind::Unavailable, None),
        1242 | 1264 | 1292 | 1365 | 1366 | 1411 | 1690 | 3140 | 3141 | 3143 => {
            hinted(SystemErrorKind::Malformed, "the query fails on a value of the data")
        }
        _ => (
            SystemErrorKind::Misconfigured,
            Some(format!("the database refuses the statement (error {number})")),
        ),
    }
}
