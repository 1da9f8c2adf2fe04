//! The settings as they are written: flags, environment and file have the same names. What they mean is `settings`'.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::value::{Flag, Number};

/// Every setting as it is written. Flags are `--bind`, the environment `TRESTLE_BIND`, a file `bind = "…"`.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Directory of embedded data: the database, files, generated keys [default: ./trestle-data]
    #[arg(long, env = "TRESTLE_DATA_DIR", value_name = "DIR", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data_dir: Option<String>,
    /// `postgres://…` or `sqlite://…` [default: SQLite in the data directory]
    #[arg(long, env = "TRESTLE_DATABASE_URL", value_name = "URL", hide_env_values = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) database_url: Option<String>,
    /// A hot standby of the PostgreSQL server, with the same database: `postgres://…`; answers queries of the API [default: none, the database answers them]
    #[arg(
        long,
        env = "TRESTLE_DATABASE_READ_URL",
        value_name = "URL",
        hide_env_values = true,
        global = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) database_read_url: Option<String>,
    /// `redis://…`, `redis-sentinel://…` or `redis-cluster://…`, with TLS `rediss…`; needed when api and worker are separate
    /// processes [default: none, the queue is in the process]
    #[arg(long, env = "TRESTLE_REDIS_URL", value_name = "URL", hide_env_values = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redis_url: Option<String>,
    /// Address of the API; port 0 picks a free one and prints it [default: 127.0.0.1:8080]
    #[arg(long, env = "TRESTLE_BIND", value_name = "HOST:PORT", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bind: Option<String>,
    /// Root of the tenants' directories [default: {data dir}/files]
    #[arg(long, env = "TRESTLE_FILES_DIR", value_name = "DIR", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) files_dir: Option<String>,
    /// Wraps the keys that encrypt credentials and records: 32 bytes in base64; several with commas, the first wraps, all open [default: generated in the data directory when embedded; required with PostgreSQL]
    #[arg(long, env = "TRESTLE_SECRET_KEY", value_name = "BASE64", hide_env_values = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret_key: Option<String>,
    /// Signs access tokens: Ed25519 private keys, PKCS#8 PEM, one after the other; the first signs, all verify [default: keys in the database, changed by `trestle admin rotate-keys`]
    #[arg(long, env = "TRESTLE_JWT_KEY", value_name = "PEM", hide_env_values = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jwt_key: Option<String>,
    /// How long a new key of `trestle admin rotate-keys` is published before it signs, in seconds; the same for all processes [default: 60]
    #[arg(long, env = "TRESTLE_KEY_OVERLAP_SECONDS", value_name = "SECONDS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_overlap_seconds: Option<Number>,
    /// HashiCorp Vault, for credentials that are references: https://vault.example:8200 [default: none]
    #[arg(long, env = "TRESTLE_VAULT_ADDRESS", value_name = "URL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vault_address: Option<String>,
    /// Signs in to Vault, unless AppRole does
    #[arg(long, env = "TRESTLE_VAULT_TOKEN", value_name = "TOKEN", hide_env_values = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vault_token: Option<String>,
    /// Signs in to Vault with AppRole, together with --vault-secret-id
    #[arg(long, env = "TRESTLE_VAULT_ROLE_ID", value_name = "ID", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vault_role_id: Option<String>,
    /// See --vault-role-id
    #[arg(long, env = "TRESTLE_VAULT_SECRET_ID", value_name = "ID", hide_env_values = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vault_secret_id: Option<String>,
    /// Where Vault's KV engine (version 2) is [default: secret]
    #[arg(long, env = "TRESTLE_VAULT_MOUNT", value_name = "PATH", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vault_mount: Option<String>,
    /// Where in it each tenant's secrets are [default: trestle/{tenant}/]
    #[arg(long, env = "TRESTLE_VAULT_PREFIX", value_name = "PATH", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vault_prefix: Option<String>,
    /// AWS Secrets Manager, for credentials that are references: its region [default: none]
    #[arg(long, env = "TRESTLE_AWS_REGION", value_name = "REGION", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aws_region: Option<String>,
    /// Signs in to AWS, together with --aws-secret-access-key
    #[arg(long, env = "TRESTLE_AWS_ACCESS_KEY_ID", value_name = "ID", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aws_access_key_id: Option<String>,
    /// See --aws-access-key-id
    #[arg(
        long,
        env = "TRESTLE_AWS_SECRET_ACCESS_KEY",
        value_name = "KEY",
        hide_env_values = true,
        global = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aws_secret_access_key: Option<String>,
    /// Of a temporary access key [default: none]
    #[arg(
        long,
        env = "TRESTLE_AWS_SESSION_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true,
        global = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aws_session_token: Option<String>,
    /// Another address than the region's own [default: none]
    #[arg(long, env = "TRESTLE_AWS_ENDPOINT", value_name = "URL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aws_endpoint: Option<String>,
    /// Where in it each tenant's secrets are [default: trestle/{tenant}/]
    #[arg(long, env = "TRESTLE_AWS_PREFIX", value_name = "PATH", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aws_prefix: Option<String>,
    /// How long a secret of Vault or AWS is kept, in seconds [default: 30]
    #[arg(long, env = "TRESTLE_SECRET_CACHE_SECONDS", value_name = "SECONDS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret_cache_seconds: Option<Number>,
    /// Mail address of the first platform administrator, made if absent
    #[arg(long, env = "TRESTLE_ADMIN_EMAIL", value_name = "EMAIL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) admin_email: Option<String>,
    /// Password of the first platform administrator [default: when embedded, one is made and printed once]
    #[arg(
        long,
        env = "TRESTLE_ADMIN_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true,
        global = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) admin_password: Option<String>,
    /// The mail server: smtp://user:password@host:587 (STARTTLS), smtps://… (TLS), or smtp://…?tls=none (plain text) [default: none, no mail is sent]
    #[arg(long, env = "TRESTLE_SMTP_URL", value_name = "URL", hide_env_values = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) smtp_url: Option<String>,
    /// The sender of mails: `Trestle <trestle@example.com>`; needed with a mail server
    #[arg(long, env = "TRESTLE_MAIL_FROM", value_name = "SENDER", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mail_from: Option<String>,
    /// Where people reach the API and the portal from outside, for the links of mails, connect links and files of exports: https://trestle.example
    #[arg(long, env = "TRESTLE_PUBLIC_URL", value_name = "URL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) public_url: Option<String>,
    /// The page where an invitation is accepted, with {token} in it [default: the portal at the public URL, or GraphiQL]
    #[arg(long, env = "TRESTLE_INVITATION_URL", value_name = "URL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) invitation_url: Option<String>,
    /// The page where a new password is chosen, with {token} in it [default: the portal at the public URL, or GraphiQL]
    #[arg(long, env = "TRESTLE_PASSWORD_RESET_URL", value_name = "URL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password_reset_url: Option<String>,
    /// The page where a new mail address is confirmed, with {token} in it [default: the portal at the public URL, or GraphiQL]
    #[arg(long, env = "TRESTLE_EMAIL_CONFIRMATION_URL", value_name = "URL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email_confirmation_url: Option<String>,
    /// The page where notices lead, with {id} of what they are about in it [default: the portal at the public URL, or GraphiQL]
    #[arg(long, env = "TRESTLE_NOTICE_URL", value_name = "URL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) notice_url: Option<String>,
    /// `true`: staff without a second factor may do nothing but set one up [default: false]
    #[arg(long, env = "TRESTLE_REQUIRE_STAFF_TOTP", value_name = "BOOLEAN", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) require_staff_totp: Option<Flag>,
    /// Networks that connectors may reach although private, loopback or link-local: 10.1.0.0/16,127.0.0.1 [default: none]
    #[arg(long, env = "TRESTLE_EGRESS_ALLOW", value_name = "CIDR,…", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) egress_allow: Option<String>,
    /// Singer taps that systems may use, by name: tap-shop=/opt/taps/bin/tap-shop,…; the same for all processes [default: none]
    #[arg(long, env = "TRESTLE_SINGER_TAPS", value_name = "NAME=PATH,…", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) singer_taps: Option<String>,
    /// Memory of a tap with all its processes, in MiB; one that takes more is ended [default: 1024]
    #[arg(long, env = "TRESTLE_SINGER_MEMORY_MIB", value_name = "MIB", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) singer_memory_mib: Option<Number>,
    /// Runs at once in a worker process [default: cores × 4]
    #[arg(long, env = "TRESTLE_WORKERS", value_name = "NUMBER", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) workers: Option<Number>,
    /// Runs of one tenant at once [default: 4]
    #[arg(long, env = "TRESTLE_TENANT_CONCURRENCY", value_name = "NUMBER", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tenant_concurrency: Option<Number>,
    /// A run whose worker says nothing for so long is taken over, in seconds [default: 30]
    #[arg(long, env = "TRESTLE_LEASE_SECONDS", value_name = "SECONDS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lease_seconds: Option<Number>,
    /// Time for running work to finish or be handed back after SIGTERM, in seconds [default: 25]
    #[arg(long, env = "TRESTLE_SHUTDOWN_SECONDS", value_name = "SECONDS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shutdown_seconds: Option<Number>,
    /// First wait before a run whose system stayed down is tried again, in seconds; it doubles [default: 15]
    #[arg(long, env = "TRESTLE_RETRY_SECONDS", value_name = "SECONDS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_seconds: Option<Number>,
    /// A group of failures is resolved by itself when none of them is open and none has come for so long, in seconds [default: 60]
    #[arg(long, env = "TRESTLE_GROUP_QUIET_SECONDS", value_name = "SECONDS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group_quiet_seconds: Option<Number>,
    /// So many tenants in trouble with one outside system are an incident, 2 to 1,000 [default: 3]
    #[arg(long, env = "TRESTLE_INCIDENT_TENANTS", value_name = "NUMBER", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) incident_tenants: Option<Number>,
    /// Within so many minutes of each other, 1 to 1,440 [default: 10]
    #[arg(long, env = "TRESTLE_INCIDENT_MINUTES", value_name = "MINUTES", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) incident_minutes: Option<Number>,
    /// An incident is over when its system answers again and nothing has failed there for so long, in seconds [default: 60]
    #[arg(long, env = "TRESTLE_INCIDENT_QUIET_SECONDS", value_name = "SECONDS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) incident_quiet_seconds: Option<Number>,
    /// When no worker claims a run for so long while one is due, /readyz and /metrics say so, in seconds [default: 60]
    #[arg(long, env = "TRESTLE_DISPATCH_TIMEOUT_SECONDS", value_name = "SECONDS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dispatch_timeout_seconds: Option<Number>,
    /// Largest file of an export, in MiB of lines, before it is packed; 1 to 65,536 [default: 1024]
    #[arg(long, env = "TRESTLE_EXPORT_MIB", value_name = "MIB", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) export_mib: Option<Number>,
    /// How long a file of an export can be had once it is complete, in minutes; 1 to 10,080 [default: 1440]
    #[arg(long, env = "TRESTLE_EXPORT_MINUTES", value_name = "MINUTES", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) export_minutes: Option<Number>,
    /// Largest file that is put where an integration reads it, in MiB; 1 to 65,536 [default: 1024]
    #[arg(long, env = "TRESTLE_UPLOAD_MIB", value_name = "MIB", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) upload_mib: Option<Number>,
    /// How many days runs are kept that have ended, where a tenant has no number of its own, to 3,650; 0: for ever [default: 0]
    #[arg(long, env = "TRESTLE_RETENTION_RUN_DAYS", value_name = "DAYS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retention_run_days: Option<Number>,
    /// How many days failures are kept once they are dealt with, likewise [default: 0]
    #[arg(long, env = "TRESTLE_RETENTION_FAILURE_DAYS", value_name = "DAYS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retention_failure_days: Option<Number>,
    /// How many days their records are kept, likewise; the failures stay [default: 0]
    #[arg(long, env = "TRESTLE_RETENTION_RECORD_DAYS", value_name = "DAYS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retention_record_days: Option<Number>,
    /// How many days lines of the log about tenants are kept, likewise [default: 14]
    #[arg(long, env = "TRESTLE_RETENTION_LOG_DAYS", value_name = "DAYS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retention_log_days: Option<Number>,
    /// Origins whose pages may call the API from a browser: https://portal.example [default: its own]
    #[arg(long, env = "TRESTLE_ALLOWED_ORIGINS", value_name = "ORIGIN,…", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allowed_origins: Option<String>,
    /// Networks of the proxies whose X-Forwarded-For says who asks: 10.1.0.0/16,127.0.0.1 [default: none]
    #[arg(long, env = "TRESTLE_TRUSTED_PROXIES", value_name = "CIDR,…", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trusted_proxies: Option<String>,
    /// What each caller may ask for in a minute, in points of some 10 µs of a core; 0 for no end [default: 300000]
    #[arg(long, env = "TRESTLE_BUDGET_PER_MINUTE", value_name = "POINTS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) budget_per_minute: Option<Number>,
    /// WebSocket connections of one caller at once, in each process [default: 20]
    #[arg(long, env = "TRESTLE_WEBSOCKETS_PER_CALLER", value_name = "NUMBER", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) websockets_per_caller: Option<Number>,
    /// Who may read the schema by introspection: `everyone`, `signed-in`, `staff` or `off` [default: everyone]
    #[arg(long, env = "TRESTLE_INTROSPECTION", value_name = "WHO", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) introspection: Option<String>,
    /// GraphiQL for browsers: `on` or `off` [default: on; off when only trusted documents are answered]
    #[arg(long, env = "TRESTLE_GRAPHIQL", value_name = "SWITCH", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) graphiql: Option<String>,
    /// The portal for browsers: `on` or `off` [default: on]
    #[arg(long, env = "TRESTLE_PORTAL", value_name = "SWITCH", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) portal: Option<String>,
    /// Manifest of documents that requests may name by id, JSON like {"<id>": "<document>"} [default: none]
    #[arg(long, env = "TRESTLE_TRUSTED_DOCUMENTS", value_name = "FILE", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trusted_documents: Option<String>,
    /// Which operations are answered: `any`, or only `trusted` ones of the manifest [default: any]
    #[arg(long, env = "TRESTLE_OPERATIONS", value_name = "WHICH", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operations: Option<String>,
    /// What is logged, as of tracing's EnvFilter: `debug`, `worker=debug,info` [default: info; of libraries warn; in the demo error]
    #[arg(long, env = "TRESTLE_LOG", value_name = "FILTER", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<String>,
    /// Where engineers see a trace, with {traceId} in it: https://traces.example/trace/{traceId} [default: none]
    #[arg(long, env = "TRESTLE_TRACE_URL", value_name = "URL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trace_url: Option<String>,
    /// What workers keep of the log for engineers to see with a failure: `off`, `warn`, `info` or `debug` [default: info]
    #[arg(long, env = "TRESTLE_KEPT_LOG", value_name = "LEVEL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kept_log: Option<String>,
    /// `text` or `json`, one object a line [default: text]
    #[arg(long, env = "TRESTLE_LOG_FORMAT", value_name = "FORMAT", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_format: Option<String>,
    /// Collector that traces, metrics and logs are sent to by OTLP: http://localhost:4318 [default: none, nothing is sent]
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otlp_endpoint: Option<String>,
    /// Refused: there is one collector
    #[arg(long, env = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", value_name = "URL", hide = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otlp_traces_endpoint: Option<String>,
    /// Refused: there is one collector
    #[arg(long, env = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", value_name = "URL", hide = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otlp_metrics_endpoint: Option<String>,
    /// Refused: there is one collector
    #[arg(long, env = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", value_name = "URL", hide = true, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otlp_logs_endpoint: Option<String>,
    /// How the collector is spoken to: `http/protobuf` or `grpc` [default: http/protobuf]
    #[arg(long, env = "OTEL_EXPORTER_OTLP_PROTOCOL", value_name = "PROTOCOL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otlp_protocol: Option<String>,
    /// Headers for the collector, values percent-encoded: `api-key=…` [default: none]
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_HEADERS",
        value_name = "NAME=VALUE,…",
        hide_env_values = true,
        global = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otlp_headers: Option<String>,
    /// `true`: nothing is sent, whatever else is set [default: false]
    #[arg(long, env = "OTEL_SDK_DISABLED", value_name = "true|false", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otel_sdk_disabled: Option<Flag>,
    /// Whether traces are sent: `otlp` or `none` [default: otlp]
    #[arg(long, env = "OTEL_TRACES_EXPORTER", value_name = "WHICH", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otel_traces_exporter: Option<String>,
    /// Whether metrics are sent: `otlp` or `none`; GET /metrics has them in any case [default: otlp]
    #[arg(long, env = "OTEL_METRICS_EXPORTER", value_name = "WHICH", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otel_metrics_exporter: Option<String>,
    /// Whether the log is sent: `otlp` or `none`; it is printed in any case [default: otlp]
    #[arg(long, env = "OTEL_LOGS_EXPORTER", value_name = "WHICH", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otel_logs_exporter: Option<String>,
    /// Name of this installation in telemetry [default: trestle]
    #[arg(long, env = "OTEL_SERVICE_NAME", value_name = "NAME", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otel_service_name: Option<String>,
    /// What else telemetry says of where it comes from: `deployment.environment.name=production` [default: none]
    #[arg(long, env = "OTEL_RESOURCE_ATTRIBUTES", value_name = "NAME=VALUE,…", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otel_resource_attributes: Option<String>,
    /// Which traces are recorded: `always_on`, `always_off`, `traceidratio`, or `parentbased_…`, which follow callers [default: parentbased_always_on]
    #[arg(long, env = "OTEL_TRACES_SAMPLER", value_name = "SAMPLER", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otel_traces_sampler: Option<String>,
    /// Share of traces for `traceidratio` and `parentbased_traceidratio`, 0 to 1 [default: 1]
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", value_name = "SHARE", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otel_traces_sampler_arg: Option<String>,
    /// How often metrics are sent [default: 60000]
    #[arg(long, env = "OTEL_METRIC_EXPORT_INTERVAL", value_name = "MILLISECONDS", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otel_metric_export_interval: Option<Number>,
    /// Outside hosts that are told which trace a request belongs to, by `traceparent`: erp.example, .example for all below it, or * [default: none]
    #[arg(long, env = "TRESTLE_TRACE_HOSTS", value_name = "HOST,…", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trace_hosts: Option<String>,
    /// Address of GET /metrics alone, for workers, which serve no API [default: none]
    #[arg(long, env = "TRESTLE_METRICS_BIND", value_name = "HOST:PORT", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) metrics_bind: Option<String>,
}
