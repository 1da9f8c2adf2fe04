//! The settings: flags, environment, a TOML file, defaults, in this order. A wrong one stops the start with one
//! line that names it.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use api::Introspection;
use api::http::{DocumentOptions, TrustedDocuments, WebSocketOptions};
use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use connector::{AwsOptions, SecretStores, VaultAuth, VaultOptions};
use domain::mail::{LinkTemplate, MailLinks};
use domain::system::References;
use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use ipnet::IpNet;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use worker::mail::Mailer;

/// What is logged when nobody says: libraries speak only when something is wrong.
pub const DEFAULT_LOG: &str = "info,sea_orm_migration=warn,apalis_core=warn,sqlx=warn";

/// Where in a store each tenant's secrets are when nobody says.
const DEFAULT_PREFIX: &str = "trestle/{tenant}/";
/// Secret keys at once: the present one, and those that older data still needs.
const SECRET_KEYS_MAX: usize = 8;
/// Points of 10 µs each that a caller may ask for in a minute: 3 seconds of a core, 5 % of it for good. The page of a
/// portal costs some hundreds, the largest query 20,000, signing in 5,000.
const BUDGET_PER_MINUTE: usize = 300_000;
/// More would be no budget: a minute of 16 cores.
const BUDGET_PER_MINUTE_MAX: usize = 100_000_000;

/// Every setting as it is written. Flags are `--bind`, the environment `TRESTLE_BIND`, a file `bind = "…"`.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Directory of embedded data: the database, files, generated keys [default: ./trestle-data]
    #[arg(long, env = "TRESTLE_DATA_DIR", value_name = "DIR", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    data_dir: Option<String>,
    /// `postgres://…` or `sqlite://…` [default: SQLite in the data directory]
    #[arg(long, env = "TRESTLE_DATABASE_URL", value_name = "URL", hide_env_values = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    database_url: Option<String>,
    /// `redis://…`; needed when api and worker are separate processes [default: none, the queue is in the process]
    #[arg(long, env = "TRESTLE_REDIS_URL", value_name = "URL", hide_env_values = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    redis_url: Option<String>,
    /// Address of the API; port 0 picks a free one and prints it [default: 127.0.0.1:8080]
    #[arg(long, env = "TRESTLE_BIND", value_name = "HOST:PORT", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    bind: Option<String>,
    /// Root of the tenants' directories [default: {data dir}/files]
    #[arg(long, env = "TRESTLE_FILES_DIR", value_name = "DIR", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    files_dir: Option<String>,
    /// Wraps the keys that encrypt credentials and records: 32 bytes in base64; several with commas, the first wraps, all open [default: generated in the data directory when embedded; required with PostgreSQL]
    #[arg(long, env = "TRESTLE_SECRET_KEY", value_name = "BASE64", hide_env_values = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_key: Option<String>,
    /// Signs access tokens: Ed25519 private keys, PKCS#8 PEM, one after the other; the first signs, all verify [default: keys in the database, changed by `trestle admin rotate-keys`]
    #[arg(long, env = "TRESTLE_JWT_KEY", value_name = "PEM", hide_env_values = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt_key: Option<String>,
    /// How long a new key of `trestle admin rotate-keys` is published before it signs, in seconds; the same for all processes [default: 60]
    #[arg(long, env = "TRESTLE_KEY_OVERLAP_SECONDS", value_name = "SECONDS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    key_overlap_seconds: Option<Number>,
    /// HashiCorp Vault, for credentials that are references: https://vault.example:8200 [default: none]
    #[arg(long, env = "TRESTLE_VAULT_ADDRESS", value_name = "URL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    vault_address: Option<String>,
    /// Signs in to Vault, unless AppRole does
    #[arg(long, env = "TRESTLE_VAULT_TOKEN", value_name = "TOKEN", hide_env_values = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    vault_token: Option<String>,
    /// Signs in to Vault with AppRole, together with --vault-secret-id
    #[arg(long, env = "TRESTLE_VAULT_ROLE_ID", value_name = "ID", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    vault_role_id: Option<String>,
    /// See --vault-role-id
    #[arg(long, env = "TRESTLE_VAULT_SECRET_ID", value_name = "ID", hide_env_values = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    vault_secret_id: Option<String>,
    /// Where Vault's KV engine (version 2) is [default: secret]
    #[arg(long, env = "TRESTLE_VAULT_MOUNT", value_name = "PATH", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    vault_mount: Option<String>,
    /// Where in it each tenant's secrets are [default: trestle/{tenant}/]
    #[arg(long, env = "TRESTLE_VAULT_PREFIX", value_name = "PATH", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    vault_prefix: Option<String>,
    /// AWS Secrets Manager, for credentials that are references: its region [default: none]
    #[arg(long, env = "TRESTLE_AWS_REGION", value_name = "REGION", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_region: Option<String>,
    /// Signs in to AWS, together with --aws-secret-access-key
    #[arg(long, env = "TRESTLE_AWS_ACCESS_KEY_ID", value_name = "ID", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_access_key_id: Option<String>,
    /// See --aws-access-key-id
    #[arg(
        long,
        env = "TRESTLE_AWS_SECRET_ACCESS_KEY",
        value_name = "KEY",
        hide_env_values = true,
        global = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_secret_access_key: Option<String>,
    /// Of a temporary access key [default: none]
    #[arg(
        long,
        env = "TRESTLE_AWS_SESSION_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true,
        global = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_session_token: Option<String>,
    /// Another address than the region's own [default: none]
    #[arg(long, env = "TRESTLE_AWS_ENDPOINT", value_name = "URL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_endpoint: Option<String>,
    /// Where in it each tenant's secrets are [default: trestle/{tenant}/]
    #[arg(long, env = "TRESTLE_AWS_PREFIX", value_name = "PATH", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_prefix: Option<String>,
    /// How long a secret of Vault or AWS is kept, in seconds [default: 30]
    #[arg(long, env = "TRESTLE_SECRET_CACHE_SECONDS", value_name = "SECONDS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_cache_seconds: Option<Number>,
    /// Mail address of the first platform administrator, made if absent
    #[arg(long, env = "TRESTLE_ADMIN_EMAIL", value_name = "EMAIL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_email: Option<String>,
    /// Password of the first platform administrator [default: when embedded, one is made and printed once]
    #[arg(
        long,
        env = "TRESTLE_ADMIN_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true,
        global = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_password: Option<String>,
    /// The mail server: smtp://user:password@host:587 (STARTTLS), smtps://… (TLS), or smtp://…?tls=none (plain text) [default: none, no mail is sent]
    #[arg(long, env = "TRESTLE_SMTP_URL", value_name = "URL", hide_env_values = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    smtp_url: Option<String>,
    /// The sender of mails: `Trestle <trestle@example.com>`; needed with a mail server
    #[arg(long, env = "TRESTLE_MAIL_FROM", value_name = "SENDER", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    mail_from: Option<String>,
    /// Where people reach the API from outside, for the links of mails: https://trestle.example
    #[arg(long, env = "TRESTLE_PUBLIC_URL", value_name = "URL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    public_url: Option<String>,
    /// The page where an invitation is accepted, with {token} in it [default: GraphiQL at the public URL]
    #[arg(long, env = "TRESTLE_INVITATION_URL", value_name = "URL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation_url: Option<String>,
    /// The page where a new password is chosen, with {token} in it [default: GraphiQL at the public URL]
    #[arg(long, env = "TRESTLE_PASSWORD_RESET_URL", value_name = "URL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    password_reset_url: Option<String>,
    /// The page where a new mail address is confirmed, with {token} in it [default: GraphiQL at the public URL]
    #[arg(long, env = "TRESTLE_EMAIL_CONFIRMATION_URL", value_name = "URL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    email_confirmation_url: Option<String>,
    /// `true`: staff without a second factor may do nothing but set one up [default: false]
    #[arg(long, env = "TRESTLE_REQUIRE_STAFF_TOTP", value_name = "BOOLEAN", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    require_staff_totp: Option<Flag>,
    /// Networks that connectors may reach although private, loopback or link-local: 10.1.0.0/16,127.0.0.1 [default: none]
    #[arg(long, env = "TRESTLE_EGRESS_ALLOW", value_name = "CIDR,…", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    egress_allow: Option<String>,
    /// Runs at once in a worker process [default: cores × 4]
    #[arg(long, env = "TRESTLE_WORKERS", value_name = "NUMBER", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<Number>,
    /// Runs of one tenant at once [default: 4]
    #[arg(long, env = "TRESTLE_TENANT_CONCURRENCY", value_name = "NUMBER", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_concurrency: Option<Number>,
    /// A run whose worker says nothing for so long is taken over, in seconds [default: 30]
    #[arg(long, env = "TRESTLE_LEASE_SECONDS", value_name = "SECONDS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_seconds: Option<Number>,
    /// Time for running work to finish or be handed back after SIGTERM, in seconds [default: 25]
    #[arg(long, env = "TRESTLE_SHUTDOWN_SECONDS", value_name = "SECONDS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    shutdown_seconds: Option<Number>,
    /// First wait before a run whose system stayed down is tried again, in seconds; it doubles [default: 15]
    #[arg(long, env = "TRESTLE_RETRY_SECONDS", value_name = "SECONDS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_seconds: Option<Number>,
    /// Origins whose pages may call the API from a browser: https://portal.example [default: its own]
    #[arg(long, env = "TRESTLE_ALLOWED_ORIGINS", value_name = "ORIGIN,…", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_origins: Option<String>,
    /// Networks of the proxies whose X-Forwarded-For says who asks: 10.1.0.0/16,127.0.0.1 [default: none]
    #[arg(long, env = "TRESTLE_TRUSTED_PROXIES", value_name = "CIDR,…", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted_proxies: Option<String>,
    /// What each caller may ask for in a minute, in points of some 10 µs of a core; 0 for no end [default: 300000]
    #[arg(long, env = "TRESTLE_BUDGET_PER_MINUTE", value_name = "POINTS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_per_minute: Option<Number>,
    /// WebSocket connections of one caller at once, in each process [default: 20]
    #[arg(long, env = "TRESTLE_WEBSOCKETS_PER_CALLER", value_name = "NUMBER", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    websockets_per_caller: Option<Number>,
    /// Who may read the schema by introspection: `everyone`, `signed-in`, `staff` or `off` [default: everyone]
    #[arg(long, env = "TRESTLE_INTROSPECTION", value_name = "WHO", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection: Option<String>,
    /// GraphiQL for browsers: `on` or `off` [default: on; off when only trusted documents are answered]
    #[arg(long, env = "TRESTLE_GRAPHIQL", value_name = "SWITCH", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    graphiql: Option<String>,
    /// Manifest of documents that requests may name by id, JSON like {"<id>": "<document>"} [default: none]
    #[arg(long, env = "TRESTLE_TRUSTED_DOCUMENTS", value_name = "FILE", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted_documents: Option<String>,
    /// Which operations are answered: `any`, or only `trusted` ones of the manifest [default: any]
    #[arg(long, env = "TRESTLE_OPERATIONS", value_name = "WHICH", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<String>,
    /// What is logged, as of tracing's EnvFilter: `debug`, `worker=debug,info` [default: info; of libraries warn; in the demo error]
    #[arg(long, env = "TRESTLE_LOG", value_name = "FILTER", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
    /// `text` or `json`, one object a line [default: text]
    #[arg(long, env = "TRESTLE_LOG_FORMAT", value_name = "FORMAT", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_format: Option<String>,
}

/// A number as it is written: a TOML file may say `4` or `"4"`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// `4`
    Integer(i64),
    /// `"4"`
    Text(String),
}

impl std::str::FromStr for Number {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::Text(text.to_owned()))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(formatter, "{number}"),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

/// A yes or no as it is written: a TOML file may say `true` or `"true"`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Flag {
    /// `true`
    Boolean(bool),
    /// `"true"`
    Text(String),
}

impl std::str::FromStr for Flag {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::Text(text.to_owned()))
    }
}

/// The settings as the program uses them.
#[derive(Clone)]
pub struct Settings {
    /// Embedded data.
    pub data_dir: PathBuf,
    /// With its scheme.
    pub database_url: String,
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
    /// The way to the mail server, and where mails lead; `None`: no mail is sent.
    pub mail: Option<(Mailer, MailLinks)>,
    /// Staff without a second factor may do nothing but set one up.
    pub staff_need_second_factor: bool,
    /// Exceptions of the egress guard.
    pub egress_allow: Vec<IpNet>,
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
    /// Which documents are answered.
    pub documents: DocumentOptions,
    /// Filter of the log.
    pub log: String,
    /// One JSON object a line.
    pub log_json: bool,
}

/// Stores of credentials that are references.
#[derive(Clone, Default)]
pub struct Stores {
    /// HashiCorp Vault.
    pub vault: Option<VaultOptions>,
    /// Where in it each tenant's secrets are.
    pub vault_prefix: String,
    /// AWS Secrets Manager.
    pub aws: Option<AwsOptions>,
    /// Where in it each tenant's secrets are.
    pub aws_prefix: String,
    /// How long a secret is kept.
    pub keep: Duration,
}

impl Stores {
    /// The parts of the program.
    ///
    /// # Errors
    /// When the machine has no certificate store, or a place does not name the tenant.
    pub fn open(self) -> anyhow::Result<References> {
        let stores = SecretStores::new(self.vault, self.aws, self.keep)?;
        Ok(References::new(stores, &self.vault_prefix, &self.aws_prefix)?)
    }

    fn of(written: &Written) -> Result<Self, WrongSetting> {
        let prefix = |name: &str, text: &Option<String>| {
            let prefix = filled(text.clone()).unwrap_or_else(|| DEFAULT_PREFIX.to_owned());
            let problem = References::new(SecretStores::default(), &prefix, &prefix).err();
            problem.map_or(Ok(prefix), |problem| Err(wrong(name, problem.to_string())))
        };
        Ok(Self {
            vault: vault(written)?,
            vault_prefix: prefix("TRESTLE_VAULT_PREFIX", &written.vault_prefix)?,
            aws: aws(written)?,
            aws_prefix: prefix("TRESTLE_AWS_PREFIX", &written.aws_prefix)?,
            keep: integer("TRESTLE_SECRET_CACHE_SECONDS", written.secret_cache_seconds.clone(), 30, 0..=300)
                .map(|seconds| Duration::from_secs(seconds as u64))?,
        })
    }
}

fn vault(written: &Written) -> Result<Option<VaultOptions>, WrongSetting> {
    let Some(address) = filled(written.vault_address.clone()) else { return Ok(None) };
    let address = store_url("TRESTLE_VAULT_ADDRESS", &address)?;
    let mount = filled(written.vault_mount.clone()).unwrap_or_else(|| "secret".to_owned());
    let [token, role_id, secret_id] =
        [&written.vault_token, &written.vault_role_id, &written.vault_secret_id]
            .map(|text| filled(text.clone()));
    let auth = match (token, role_id, secret_id) {
        (Some(token), None, None) => VaultAuth::Token(token.into()),
        (None, Some(role_id), Some(secret_id)) => VaultAuth::AppRole { role_id, secret_id: secret_id.into() },
        _ => {
            let problem = "needs TRESTLE_VAULT_TOKEN, or TRESTLE_VAULT_ROLE_ID with TRESTLE_VAULT_SECRET_ID";
            return Err(wrong("TRESTLE_VAULT_ADDRESS", problem));
        }
    };
    Ok(Some(VaultOptions { address, mount: mount.trim_matches('/').to_owned(), auth }))
}

fn aws(written: &Written) -> Result<Option<AwsOptions>, WrongSetting> {
    let Some(region) = filled(written.aws_region.clone()) else { return Ok(None) };
    if !region.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-') {
        return Err(wrong("TRESTLE_AWS_REGION", format!("`{region}` is not a region like eu-central-1")));
    }
    let endpoint = filled(written.aws_endpoint.clone());
    let endpoint = endpoint.map(|url| store_url("TRESTLE_AWS_ENDPOINT", &url)).transpose()?;
    let keys = (filled(written.aws_access_key_id.clone()), filled(written.aws_secret_access_key.clone()));
    let (Some(access_key_id), Some(secret_access_key)) = keys else {
        let problem = "needs TRESTLE_AWS_ACCESS_KEY_ID and TRESTLE_AWS_SECRET_ACCESS_KEY";
        return Err(wrong("TRESTLE_AWS_REGION", problem));
    };
    Ok(Some(AwsOptions {
        region,
        endpoint,
        access_key_id,
        secret_access_key: secret_access_key.into(),
        session_token: filled(written.aws_session_token.clone()).map(Into::into),
    }))
}

/// The address of a store.
fn store_url(name: &str, text: &str) -> Result<Url, WrongSetting> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    url.ok_or_else(|| wrong(name, "is not an address like https://store.example:8200"))
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
        let stores = Stores::of(&written)?;
        let data_dir = PathBuf::from(filled(written.data_dir).unwrap_or_else(|| "./trestle-data".to_owned()));
        let (database_url, embedded) = match filled(written.database_url) {
            None => (format!("sqlite://{}?mode=rwc", data_dir.join("trestle.db").display()), true),
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => (url, false),
            Some(url) if url.starts_with("sqlite:") => (url, true),
            Some(_) => {
                return Err(wrong("TRESTLE_DATABASE_URL", "must begin with postgres:// or sqlite://"));
            }
        };
        let redis_url = filled(written.redis_url);
        if redis_url.as_ref().is_some_and(|url| !url.starts_with("redis://")) {
            return Err(wrong(
                "TRESTLE_REDIS_URL",
                "must begin with redis://; TLS to Redis is not supported yet",
            ));
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
        let mail = mail(
            filled(written.smtp_url),
            filled(written.mail_from),
            filled(written.public_url),
            [
                filled(written.invitation_url),
                filled(written.password_reset_url),
                filled(written.email_confirmation_url),
            ],
        )?;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let log = filled(written.log).unwrap_or_else(|| DEFAULT_LOG.to_owned());
        if let Err(error) = log.parse::<tracing_subscriber::EnvFilter>() {
            return Err(wrong("TRESTLE_LOG", error.to_string()));
        }
        let log_json = match filled(written.log_format).as_deref() {
            None | Some("text") => false,
            Some("json") => true,
            Some(other) => {
                return Err(wrong("TRESTLE_LOG_FORMAT", format!("`{other}` is neither `text` nor `json`")));
            }
        };
        let documents = documents(filled(written.trusted_documents), filled(written.operations))?;
        let budget_per_minute = integer(
            "TRESTLE_BUDGET_PER_MINUTE",
            written.budget_per_minute,
            BUDGET_PER_MINUTE,
            0..=BUDGET_PER_MINUTE_MAX,
        )?;
        let graphiql = match filled(written.graphiql).as_deref() {
            None => !documents.only_trusted,
            Some("off") => false,
            Some("on") if documents.only_trusted => {
                let problem =
                    "can't be on with TRESTLE_OPERATIONS=trusted: what people write is no trusted document";
                return Err(wrong("TRESTLE_GRAPHIQL", problem));
            }
            Some("on") => true,
            Some(other) => {
                return Err(wrong("TRESTLE_GRAPHIQL", format!("`{other}` is neither `on` nor `off`")));
            }
        };
        let seconds = |name, number, default, range| {
            integer(name, number, default, range).map(|seconds| Duration::from_secs(seconds as u64))
        };
        Ok(Self {
            files_dir: filled(written.files_dir).map_or_else(|| data_dir.join("files"), PathBuf::from),
            data_dir,
            database_url,
            embedded,
            redis_url,
            bind,
            secret_keys,
            jwt_key,
            stores,
            key_overlap: seconds("TRESTLE_KEY_OVERLAP_SECONDS", written.key_overlap_seconds, 60, 1..=86_400)?,
            admin_email: filled(written.admin_email),
            admin_password: filled(written.admin_password),
            mail,
            staff_need_second_factor: flag("TRESTLE_REQUIRE_STAFF_TOTP", written.require_staff_totp)?,
            egress_allow: networks("TRESTLE_EGRESS_ALLOW", filled(written.egress_allow))?,
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
            documents,
            log,
            log_json,
        })
    }
}

/// The mail server and where mails lead. Everything that is written is checked, also without a mail server.
fn mail(
    url: Option<String>,
    from: Option<String>,
    public_url: Option<String>,
    pages: [Option<String>; 3],
) -> Result<Option<(Mailer, MailLinks)>, WrongSetting> {
    let names = ["TRESTLE_INVITATION_URL", "TRESTLE_PASSWORD_RESET_URL", "TRESTLE_EMAIL_CONFIRMATION_URL"];
    let operations = ["acceptInvitation", "resetPassword", "confirmEmail"];
    let from = match from {
        Some(text) => Some(Mailer::sender(&text).map_err(|_invalid| {
            wrong("TRESTLE_MAIL_FROM", "is not a sender like Trestle <trestle@example.com>")
        })?),
        None => None,
    };
    let public_url = match public_url.map(|url| url.trim_end_matches('/').to_owned()) {
        Some(url)
            if LinkTemplate::parse(&format!("{url}/{{token}}")).is_err() || url.contains(['?', '#']) =>
        {
            return Err(wrong("TRESTLE_PUBLIC_URL", "is not a URL like https://trestle.example"));
        }
        url => url,
    };
    let mut links = Vec::with_capacity(names.len());
    for ((name, operation), page) in names.into_iter().zip(operations).zip(pages) {
        // Behind a #, which browsers keep to themselves, so that no log of a server or proxy has the token.
        let default = public_url.as_ref().map(|url| format!("{url}/graphql#{operation}={{token}}"));
        let link = page.or(default).map(|link| LinkTemplate::parse(&link));
        links.push(link.transpose().map_err(|error| wrong(name, error.to_string()))?);
    }
    let Some(url) = url else { return Ok(None) };
    let Some(from) = from else {
        return Err(wrong("TRESTLE_MAIL_FROM", "is missing: a mail server is set"));
    };
    let mailer = Mailer::new(&url, from).map_err(|error| wrong("TRESTLE_SMTP_URL", error.to_string()))?;
    let [Some(invitation), Some(password_reset), Some(email_confirmation)] = links.as_slice() else {
        let problem = "is missing: a mail server is set, and its mails need links that lead here";
        return Err(wrong("TRESTLE_PUBLIC_URL", problem));
    };
    let links = MailLinks {
        invitation: invitation.clone(),
        password_reset: password_reset.clone(),
        email_confirmation: email_confirmation.clone(),
    };
    Ok(Some((mailer, links)))
}

fn flag(name: &str, written: Option<Flag>) -> Result<bool, WrongSetting> {
    match written {
        None => Ok(false),
        Some(Flag::Boolean(flag)) => Ok(flag),
        Some(Flag::Text(text)) => match text.trim() {
            "" | "false" => Ok(false),
            "true" => Ok(true),
            other => Err(wrong(name, format!("`{other}` is neither `true` nor `false`"))),
        },
    }
}

/// An empty value counts as none, as shells and compose files leave it.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn integer(
    name: &str,
    number: Option<Number>,
    default: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<usize, WrongSetting> {
    let Some(number) = number else { return Ok(default) };
    let text = number.to_string();
    if text.trim().is_empty() {
        return Ok(default);
    }
    match text.trim().parse::<usize>() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => {
            let problem = format!("`{text}` is not a whole number from {} to {}", range.start(), range.end());
            Err(wrong(name, problem))
        }
    }
}

fn introspection(text: Option<String>) -> Result<Introspection, WrongSetting> {
    match text.as_deref() {
        None | Some("everyone") => Ok(Introspection::Everyone),
        Some("signed-in") => Ok(Introspection::SignedIn),
        Some("staff") => Ok(Introspection::Staff),
        Some("off") => Ok(Introspection::Off),
        Some(other) => {
            let problem = format!("`{other}` is none of `everyone`, `signed-in`, `staff` and `off`");
            Err(wrong("TRESTLE_INTROSPECTION", problem))
        }
    }
}

/// The manifest that `path` names, and whether its documents alone are answered.
fn documents(path: Option<String>, operations: Option<String>) -> Result<DocumentOptions, WrongSetting> {
    const NAME: &str = "TRESTLE_TRUSTED_DOCUMENTS";
    let only_trusted = match operations.as_deref() {
        None | Some("any") => false,
        Some("trusted") => true,
        Some(other) => {
            return Err(wrong("TRESTLE_OPERATIONS", format!("`{other}` is neither `any` nor `trusted`")));
        }
    };
    let trusted = match path {
        None if only_trusted => {
            return Err(wrong(
                NAME,
                "is required with TRESTLE_OPERATIONS=trusted: the file with the documents",
            ));
        }
        None => TrustedDocuments::default(),
        Some(path) => {
            let json = std::fs::read_to_string(&path)
                .map_err(|error| wrong(NAME, format!("{path} can't be read: {error}")))?;
            TrustedDocuments::from_manifest(&json).map_err(|error| wrong(NAME, format!("{path} {error}")))?
        }
    };
    if only_trusted && trusted.is_empty() {
        return Err(wrong(NAME, "holds no document, so nothing would be answered"));
    }
    Ok(DocumentOptions { trusted, only_trusted })
}

/// Secret keys in base64, with commas or line ends between them: one at least.
///
/// # Errors
/// What is wrong with them, for people.
pub fn secret_keys(text: &str) -> Result<Vec<[u8; 32]>, String> {
    let parts = text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
    let mut keys: Vec<[u8; 32]> = Vec::new();
    for part in parts {
        let bytes = STANDARD.decode(part).map_err(|_invalid| "is not base64".to_owned())?;
        let length = bytes.len();
        let key =
            bytes.try_into().map_err(|_length| format!("has {length} bytes; it must have 32, in base64"))?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    match keys.len() {
        0 => Err("has no key".to_owned()),
        count if count > SECRET_KEYS_MAX => {
            Err(format!("has {count} keys; at most {SECRET_KEYS_MAX} can be used at once"))
        }
        _ => Ok(keys),
    }
}

fn networks(name: &str, text: Option<String>) -> Result<Vec<IpNet>, WrongSetting> {
    let text = text.unwrap_or_default();
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let network = part.parse::<IpNet>().ok();
            network
                .or_else(|| part.parse::<std::net::IpAddr>().ok().map(IpNet::from))
                .ok_or_else(|| wrong(name, format!("`{part}` is not a network like 10.1.0.0/16")))
        })
        .collect()
}

fn origins(text: Option<String>) -> Result<Vec<HeaderValue>, WrongSetting> {
    let text = text.unwrap_or_default();
    text.split(',')
        .map(|part| part.trim().trim_end_matches('/'))
        .filter(|part| !part.is_empty())
        .map(|part| {
            let host = part.strip_prefix("https://").or_else(|| part.strip_prefix("http://"));
            let is_origin = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ']));
            match HeaderValue::from_str(part) {
                Ok(origin) if is_origin => Ok(origin),
                _ => Err(wrong(
                    "TRESTLE_ALLOWED_ORIGINS",
                    format!("`{part}` is not an origin like https://portal.example"),
                )),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::{Flag, Number, SECRET_KEYS_MAX, Settings, Written, secret_keys};

    fn problem(written: Written) -> String {
        Settings::read(&written, None).err().map(|wrong| wrong.to_string()).unwrap_or_default()
    }

    #[test]
    fn defaults_are_embedded() {
        let settings = Settings::read(&Written::default(), None).expect("defaults work");
        assert_eq!(settings.database_url, "sqlite://./trestle-data/trestle.db?mode=rwc");
        assert_eq!(settings.bind.to_string(), "127.0.0.1:8080");
        assert!(settings.embedded && settings.egress_allow.is_empty());
        assert_eq!(
            (settings.tenant_concurrency, settings.lease.as_secs(), settings.shutdown.as_secs()),
            (4, 30, 25)
        );
        assert_eq!(settings.key_overlap.as_secs(), 60);
    }

    #[test]
    fn secret_keys_stand_in_their_order_and_twice_is_once() {
        let [one, two] = [[1; 32], [2; 32]].map(|key| STANDARD.encode(key));
        let read = |text: String| secret_keys(&text).expect("they are keys");
        assert_eq!(read(one.clone()), [[1; 32]]);
        assert_eq!(read(format!(" {two}, {one},{two} ,")), [[2; 32], [1; 32]]);
        assert_eq!(read(format!("{two}\n{one}\n")), [[2; 32], [1; 32]], "as in a file");
        let many = (0..=SECRET_KEYS_MAX as u8).map(|byte| STANDARD.encode([byte; 32])).collect::<Vec<_>>();
        assert_eq!(
            secret_keys(&many.join(",")).expect_err("too many"),
            "has 9 keys; at most 8 can be used at once"
        );
    }

    #[test]
    fn a_wrong_setting_is_one_line_that_names_it() {
        let some = |text: &str| Some(text.to_owned());
        let bind = Written { bind: some("nowhere"), ..Default::default() };
        assert_eq!(problem(bind), "TRESTLE_BIND: `nowhere` is not an address and port like 127.0.0.1:8080");
        let workers = Written { workers: Some(Number::Text("many".into())), ..Default::default() };
        assert_eq!(problem(workers), "TRESTLE_WORKERS: `many` is not a whole number from 1 to 1000");
        let unset = Written { workers: Some(Number::Text(" ".into())), ..Default::default() };
        assert_eq!(problem(unset), "", "an empty number counts as none, as an empty text does");
        let egress = Written { egress_allow: some("10.0.0.0/8, home"), ..Default::default() };
        assert_eq!(problem(egress), "TRESTLE_EGRESS_ALLOW: `home` is not a network like 10.1.0.0/16");
        let proxies = Written { trusted_proxies: some("proxy"), ..Default::default() };
        assert_eq!(problem(proxies), "TRESTLE_TRUSTED_PROXIES: `proxy` is not a network like 10.1.0.0/16");
        let operations = Written { operations: some("trusted"), ..Default::default() };
        assert!(problem(operations).starts_with("TRESTLE_TRUSTED_DOCUMENTS: is required"));
        let documents = Written { trusted_documents: some("/nowhere.json"), ..Default::default() };
        assert!(problem(documents).starts_with("TRESTLE_TRUSTED_DOCUMENTS: /nowhere.json can't be read"));
        let key = Written { secret_key: some("c2hvcnQ="), ..Default::default() };
        assert_eq!(problem(key), "TRESTLE_SECRET_KEY: has 5 bytes; it must have 32, in base64");
        let keys =
            Written { secret_key: some(&format!("{},c2hvcnQ=", "A".repeat(43) + "=")), ..Default::default() };
        assert_eq!(problem(keys), "TRESTLE_SECRET_KEY: has 5 bytes; it must have 32, in base64");
        let none = Written { secret_key: some(" , "), ..Default::default() };
        assert_eq!(problem(none), "TRESTLE_SECRET_KEY: has no key");
        let vault = Written { vault_address: some("https://vault.example"), ..Default::default() };
        assert_eq!(
            problem(vault),
            "TRESTLE_VAULT_ADDRESS: needs TRESTLE_VAULT_TOKEN, or TRESTLE_VAULT_ROLE_ID with TRESTLE_VAULT_SECRET_ID"
        );
        let vault = Written { vault_address: some("vault.example:8200"), ..Default::default() };
        assert!(problem(vault).starts_with("TRESTLE_VAULT_ADDRESS: is not an address"));
        let prefix = Written { vault_prefix: some("trestle/"), ..Default::default() };
        assert!(problem(prefix).starts_with("TRESTLE_VAULT_PREFIX: must contain `{tenant}` once"));
        let aws = Written { aws_region: some("eu-central-1"), ..Default::default() };
        assert_eq!(
            problem(aws),
            "TRESTLE_AWS_REGION: needs TRESTLE_AWS_ACCESS_KEY_ID and TRESTLE_AWS_SECRET_ACCESS_KEY"
        );
        let postgres = Written { database_url: some("postgres://localhost/trestle"), ..Default::default() };
        assert!(problem(postgres).starts_with("TRESTLE_SECRET_KEY: is required with PostgreSQL"));
        let smtp =
            Written { smtp_url: some("http://mail.example"), mail_from: some("a@b.c"), ..Default::default() };
        assert!(problem(smtp).starts_with("TRESTLE_SMTP_URL: must begin with smtp://"));
        let sender = Written { smtp_url: some("smtp://mail.example"), ..Default::default() };
        assert_eq!(problem(sender), "TRESTLE_MAIL_FROM: is missing: a mail server is set");
        let public = Written {
            smtp_url: some("smtp://mail.example"),
            mail_from: some("Trestle <a@b.c>"),
            ..Default::default()
        };
        assert!(problem(public).starts_with("TRESTLE_PUBLIC_URL: is missing"));
        let page = Written { invitation_url: some("https://portal.example/"), ..Default::default() };
        assert!(problem(page).starts_with("TRESTLE_INVITATION_URL: must be one http:// or https:// URL"));
        let totp = Written { require_staff_totp: Some(Flag::Text("yes".into())), ..Default::default() };
        assert_eq!(problem(totp), "TRESTLE_REQUIRE_STAFF_TOTP: `yes` is neither `true` nor `false`");
        let mysql = Written { database_url: some("mysql://localhost"), ..Default::default() };
        assert_eq!(problem(mysql), "TRESTLE_DATABASE_URL: must begin with postgres:// or sqlite://");
    }
}
