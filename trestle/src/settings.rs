//! The settings: flags, environment, a TOML file, defaults, in this order. A wrong one stops the start with one
//! line that names it.

mod graphql;
mod key;
mod mail;
mod otlp;
mod singer;
mod store;
#[cfg(test)]
mod tests;
mod value;
mod written;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use api::Introspection;
use api::http::{DocumentOptions, WebSocketOptions};
use axum::http::HeaderValue;
use domain::export::ExportOptions;
use domain::incident::IncidentOptions;
use domain::mail::{LinkTemplate, MailLinks};
use domain::retention::{LOG_LINE_DAYS, RetentionOptions};
use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use ipnet::IpNet;
use telemetry::OtlpOptions;
use tracing_subscriber::filter::LevelFilter;
use worker::mail::Mailer;

use self::graphql::{documents, graphiql, introspection};
use self::mail::{mail, notice_link, public_url};
use self::otlp::otlp;
use self::singer::Taps;
use self::store::{Stores, read_url};
use self::value::{days, filled, flag, integer, networks, origins, switch};
use crate::portal::is_built_in;

pub use self::key::secret_keys;
pub use self::otlp::of_process;
pub use self::written::Written;

/// What is logged when nobody says: libraries speak only when something is wrong.
pub const DEFAULT_LOG: &str = "info,sea_orm_migration=warn,apalis_core=warn,sqlx=warn";

/// Points of 10 µs each that a caller may ask for in a minute: 3 seconds of a core, 5 % of it for good. The page of a
/// portal costs some hundreds, the largest query 20,000, signing in 5,000.
const BUDGET_PER_MINUTE: usize = 300_000;
/// More would be no budget: a minute of 16 cores.
const BUDGET_PER_MINUTE_MAX: usize = 100_000_000;

/// The settings as the program uses them.
#[derive(Clone)]
pub struct Settings {
    /// Embedded data.
    pub data_dir: PathBuf,
    /// With its scheme.
    pub database_url: String,
    /// A standby of PostgreSQL's that answers queries.
    pub database_read_url: Option<String>,
    /// Whether the database is the embedded one.
    pub embedded: bool,
    /// The queue of several processes.
    pub redis_url: Option<String>,
    /// Address of the API.
    pub bind: SocketAddr,
    /// Root of the tenants' directories.
    pub files_dir: PathBuf,
    /// `None`: generated or read from the data directory. Otherwise at least one.
    pub secret_keys: Option<Vec<[u8; 32]>>,
    /// `None`: the keys of the database.
    pub jwt_key: Option<String>,
    /// Stores of credentials that are references.
    pub stores: Stores,
    /// How long a new key is published before it is used.
    pub key_overlap: Duration,
    /// Mail address and password of the first administrator.
    pub admin_email: Option<String>,
    /// See `admin_email`.
    pub admin_password: Option<String>,
    /// Where people reach the API from outside.
    pub public_url: Option<String>,
    /// The way to the mail server, and where mails lead; `None`: no mail is sent.
    pub mail: Option<(Mailer, MailLinks)>,
    /// Where notices lead, each for the id of what it is about.
    pub notice_link: Option<LinkTemplate>,
    /// Staff without a second factor may do nothing but set one up.
    pub staff_need_second_factor: bool,
    /// Exceptions of the egress guard.
    pub egress_allow: Vec<IpNet>,
    /// Singer taps that may be run.
    pub taps: Taps,
    /// Runs at once.
    pub workers: usize,
    /// Runs of one tenant at once.
    pub tenant_concurrency: u32,
    /// Length of a lease.
    pub lease: Duration,
    /// Time to shut down in.
    pub shutdown: Duration,
    /// First wait before a run whose system stayed down is tried again.
    pub retry_wait: Duration,
    /// How long nothing of a group of failures may come before it is over.
    pub group_quiet: Duration,
    /// When several tenants' trouble with an outside system is one incident, and when that is over.
    pub incidents: IncidentOptions,
    /// How large files of exports may be, and how long they are kept.
    pub exports: ExportOptions,
    /// Largest file that is put where an integration reads it, in bytes.
    pub upload_bytes_max: u64,
    /// For how long history is kept of tenants that have no numbers of their own.
    pub retention: RetentionOptions,
    /// How long nothing may be claimed while a run is due.
    pub dispatch_timeout: Duration,
    /// Origins of browsers' pages.
    pub allowed_origins: Vec<HeaderValue>,
    /// Proxies that are believed whom they ask for.
    pub trusted_proxies: Vec<IpNet>,
    /// Points that each caller may ask for in a minute; `None`: no end.
    pub budget_per_minute: Option<u64>,
    /// WebSocket connections of one caller.
    pub websockets_per_caller: usize,
    /// Who may read the schema.
    pub introspection: Introspection,
    /// Whether browsers get GraphiQL.
    pub graphiql: bool,
    /// Whether browsers get the portal, if it is built in.
    pub portal: bool,
    /// Which documents are answered.
    pub documents: DocumentOptions,
    /// Filter of the log.
    pub log: String,
    /// One JSON object a line.
    pub log_json: bool,
    /// What of the log about tenants is kept.
    pub kept_log: LevelFilter,
    /// Where a trace is seen, with `{traceId}` in it.
    pub trace_url: Option<String>,
    /// Where telemetry is sent; `None`: nowhere.
    pub otlp: Option<OtlpOptions>,
    /// Address of the metrics alone.
    pub metrics_bind: Option<SocketAddr>,
}

/// One setting can't be used.
#[derive(Debug, PartialEq, Eq)]
pub struct WrongSetting {
    name: String,
    problem: String,
}

impl fmt::Display for WrongSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.name, self.problem)
    }
}

impl std::error::Error for WrongSetting {}

/// A setting that can't be used.
pub fn wrong(name: &str, problem: impl Into<String>) -> WrongSetting {
    WrongSetting { name: name.to_owned(), problem: problem.into() }
}

impl Settings {
    /// Reads what was written, over the file, over the defaults.
    ///
    /// # Errors
    /// The first setting that can't be used.
    pub fn read(written: &Written, file: Option<&Path>) -> Result<Self, WrongSetting> {
        let mut figment = Figment::new();
        if let Some(path) = file {
            if !path.is_file() {
                return Err(wrong("--config", format!("there is no file {}", path.display())));
            }
            figment = figment.merge(Toml::file_exact(path));
        }
        let written: Written = figment.merge(Serialized::defaults(written)).extract().map_err(|error| {
            let name = if error.path.is_empty() { "--config".to_owned() } else { error.path.join(".") };
            wrong(&name, error.kind.to_string())
        })?;
        Self::of(written)
    }

    /// Logs by this filter unless another one was set.
    pub fn with_default_log(mut self, filter: &str) -> Self {
        if self.log == DEFAULT_LOG {
            self.log = filter.to_owned();
        }
        self
    }

    /// Points everything that is kept to one directory, whatever was set.
    pub fn use_directory(&mut self, directory: &Path) {
        self.data_dir = directory.to_owned();
        self.files_dir = directory.join("files");
        self.database_url = format!("sqlite://{}?mode=rwc", directory.join("trestle.db").display());
        self.database_read_url = None;
        self.embedded = true;
        self.redis_url = None;
        self.secret_keys = None;
        self.jwt_key = None;
        self.stores = Stores { vault: None, aws: None, ..self.stores.clone() };
        self.admin_email = None;
        self.admin_password = None;
        self.mail = None;
        self.staff_need_second_factor = false;
    }

    fn of(written: Written) -> Result<Self, WrongSetting> {
        let (stores, otlp) = (Stores::of(&written)?, otlp(&written)?);
        let data_dir = PathBuf::from(filled(written.data_dir).unwrap_or_else(|| "./trestle-data".to_owned()));
        let (database_url, embedded) = match filled(written.database_url) {
            None => (format!("sqlite://{}?mode=rwc", data_dir.join("trestle.db").display()), true),
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => (url, false),
            Some(url) if url.starts_with("sqlite:") => (url, true),
            Some(_) => {
                return Err(wrong("TRESTLE_DATABASE_URL", "must begin with postgres:// or sqlite://"));
            }
        };
        let database_read_url = read_url(filled(written.database_read_url), &database_url, embedded)?;
        let redis_url = filled(written.redis_url);
        if let Some(url) = &redis_url {
            redis_client::check(url).map_err(|error| wrong("TRESTLE_REDIS_URL", error.to_string()))?;
        }
        let bind = filled(written.bind).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let bind = bind.parse().map_err(|_invalid| {
            wrong("TRESTLE_BIND", format!("`{bind}` is not an address and port like 127.0.0.1:8080"))
        })?;
        let secret_keys = match filled(written.secret_key) {
            Some(text) => Some(secret_keys(&text).map_err(|problem| wrong("TRESTLE_SECRET_KEY", problem))?),
            None => None,
        };
        let jwt_key = filled(written.jwt_key);
        if !embedded && secret_keys.is_none() {
            let problem =
                "is required with PostgreSQL: 32 random bytes in base64, e.g. of `openssl rand -base64 32`";
            return Err(wrong("TRESTLE_SECRET_KEY", problem));
        }
        if let Some(pems) = &jwt_key
            && let Err(error) = domain::token::TokenSigner::from_pem(pems)
        {
            return Err(wrong("TRESTLE_JWT_KEY", error.to_string()));
        }
        let public_url = public_url(filled(written.public_url))?;
        let portal = switch("TRESTLE_PORTAL", filled(written.portal).as_deref())?.unwrap_or(true);
        let has_portal = portal && is_built_in();
        let mail = mail(
            filled(written.smtp_url),
            filled(written.mail_from),
            public_url.as_deref(),
            has_portal,
            [
                filled(written.invitation_url),
                filled(written.password_reset_url),
                filled(written.email_confirmation_url),
            ],
        )?;
        let notice_link = notice_link(filled(written.notice_url), public_url.as_deref(), has_portal)?;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let log = filled(written.log).unwrap_or_else(|| DEFAULT_LOG.to_owned());
        if let Err(error) = log.parse::<tracing_subscriber::EnvFilter>() {
            return Err(wrong("TRESTLE_LOG", error.to_string()));
        }
        let trace_url = filled(written.trace_url);
        if let Some(template) = &trace_url {
            let is_address = template.starts_with("https://") || template.starts_with("http://");
            if !is_address || !template.contains("{traceId}") {
                let problem = "must be an http or https address with `{traceId}` in it";
                return Err(wrong("TRESTLE_TRACE_URL", problem));
            }
        }
        let kept_log = match filled(written.kept_log).as_deref() {
            None | Some("info") => LevelFilter::INFO,
            Some("off") => LevelFilter::OFF,
            Some("warn") => LevelFilter::WARN,
            Some("debug") => LevelFilter::DEBUG,
            Some(other) => {
                let problem = format!("`{other}` is none of `off`, `warn`, `info` and `debug`");
                return Err(wrong("TRESTLE_KEPT_LOG", problem));
            }
        };
        let log_json = match filled(written.log_format).as_deref() {
            None | Some("text") => false,
            Some("json") => true,
            Some(other) => {
                return Err(wrong("TRESTLE_LOG_FORMAT", format!("`{other}` is neither `text` nor `json`")));
            }
        };
        let metrics_bind = match filled(written.metrics_bind) {
            Some(bind) => Some(bind.parse().map_err(|_invalid| {
                let problem = format!("`{bind}` is not an address and port like 127.0.0.1:9464");
                wrong("TRESTLE_METRICS_BIND", problem)
            })?),
            None => None,
        };
        let documents = documents(filled(written.trusted_documents), filled(written.operations))?;
        let budget_per_minute = integer(
            "TRESTLE_BUDGET_PER_MINUTE",
            written.budget_per_minute,
            BUDGET_PER_MINUTE,
            0..=BUDGET_PER_MINUTE_MAX,
        )?;
        let graphiql = graphiql(filled(written.graphiql), &documents)?;
        let seconds = |name, number, default, range| {
            integer(name, number, default, range).map(|seconds| Duration::from_secs(seconds as u64))
        };
        let minutes = |name, number, default, range| {
            integer(name, number, default, range).map(|minutes| Duration::from_secs(60 * minutes as u64))
        };
        Ok(Self {
            files_dir: filled(written.files_dir).map_or_else(|| data_dir.join("files"), PathBuf::from),
            data_dir,
            database_url,
            database_read_url,
            embedded,
            redis_url,
            bind,
            secret_keys,
            jwt_key,
            stores,
            key_overlap: seconds("TRESTLE_KEY_OVERLAP_SECONDS", written.key_overlap_seconds, 60, 1..=86_400)?,
            admin_email: filled(written.admin_email),
            admin_password: filled(written.admin_password),
            public_url,
            mail,
            notice_link,
            staff_need_second_factor: flag("TRESTLE_REQUIRE_STAFF_TOTP", written.require_staff_totp)?,
            egress_allow: networks("TRESTLE_EGRESS_ALLOW", filled(written.egress_allow))?,
            taps: Taps::of(written.singer_taps, written.singer_memory_mib)?,
            workers: integer("TRESTLE_WORKERS", written.workers, cores * 4, 1..=1_000)?,
            tenant_concurrency: integer(
                "TRESTLE_TENANT_CONCURRENCY",
                written.tenant_concurrency,
                4,
                1..=1_000,
            )? as u32,
            lease: seconds("TRESTLE_LEASE_SECONDS", written.lease_seconds, 30, 1..=3_600)?,
            shutdown: seconds("TRESTLE_SHUTDOWN_SECONDS", written.shutdown_seconds, 25, 0..=3_600)?,
            retry_wait: seconds("TRESTLE_RETRY_SECONDS", written.retry_seconds, 15, 1..=3_600)?,
            group_quiet: seconds(
                "TRESTLE_GROUP_QUIET_SECONDS",
                written.group_quiet_seconds,
                60,
                1..=604_800,
            )?,
            incidents: IncidentOptions {
                tenants: integer("TRESTLE_INCIDENT_TENANTS", written.incident_tenants, 3, 2..=1_000)?,
                window: minutes("TRESTLE_INCIDENT_MINUTES", written.incident_minutes, 10, 1..=1_440)?,
                quiet: seconds(
                    "TRESTLE_INCIDENT_QUIET_SECONDS",
                    written.incident_quiet_seconds,
                    60,
                    1..=86_400,
                )?,
            },
            exports: ExportOptions {
                bytes_max: integer("TRESTLE_EXPORT_MIB", written.export_mib, 1_024, 1..=65_536)? as u64
                    * 1024
                    * 1024,
                kept: minutes("TRESTLE_EXPORT_MINUTES", written.export_minutes, 1_440, 1..=10_080)?,
            },
            upload_bytes_max: integer("TRESTLE_UPLOAD_MIB", written.upload_mib, 1_024, 1..=65_536)? as u64
                * 1024
                * 1024,
            retention: RetentionOptions {
                run_days: days("TRESTLE_RETENTION_RUN_DAYS", written.retention_run_days, 0)?,
                failure_days: days("TRESTLE_RETENTION_FAILURE_DAYS", written.retention_failure_days, 0)?,
                record_days: days("TRESTLE_RETENTION_RECORD_DAYS", written.retention_record_days, 0)?,
                log_line_days: days("TRESTLE_RETENTION_LOG_DAYS", written.retention_log_days, LOG_LINE_DAYS)?,
            },
            dispatch_timeout: seconds(
                "TRESTLE_DISPATCH_TIMEOUT_SECONDS",
                written.dispatch_timeout_seconds,
                60,
                5..=86_400,
            )?,
            allowed_origins: origins(filled(written.allowed_origins))?,
            trusted_proxies: networks("TRESTLE_TRUSTED_PROXIES", filled(written.trusted_proxies))?,
            budget_per_minute: (budget_per_minute > 0).then_some(budget_per_minute as u64),
            websockets_per_caller: integer(
                "TRESTLE_WEBSOCKETS_PER_CALLER",
                written.websockets_per_caller,
                WebSocketOptions::default().connections_per_caller_max,
                1..=5_000,
            )?,
            introspection: introspection(filled(written.introspection))?,
            graphiql,
            portal,
            documents,
            log,
            log_json,
            kept_log,
            trace_url,
            otlp,
            metrics_bind,
        })
    }
}
