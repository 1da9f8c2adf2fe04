//! The program under measurement: all in one process, or `trestle api` and `trestle worker` apart.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::Bench;
use crate::client::Client;
use crate::process::Process;

/// How long the program may take until it listens, migrations included.
const START_LIMIT: Duration = Duration::from_secs(60);
const ADMIN_EMAIL: &str = "admin@example.com";
const ADMIN_PASSWORD: &str = "correct horse battery staple";
/// DER of a PKCS #8 Ed25519 key up to its 32 secret bytes (RFC 8410, section 7).
const ED25519_PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Where it keeps its own rows.
#[derive(Clone, Copy)]
pub enum Stores<'a> {
    /// SQLite in its directory.
    Embedded,
    /// A PostgreSQL database, all in one process.
    Postgres(&'a str),
    /// A PostgreSQL database and Redis, with API and worker apart.
    Apart { database: &'a str, redis: &'a str },
}

/// A running Trestle, stopped when dropped.
pub struct Trestle {
    // Dropped before the directory.
    server: Process,
    worker: Option<Process>,
    more_workers: Vec<Process>,
    directory: Directory,
    url: String,
}

/// The data of a Trestle, which outlives it.
pub struct Directory {
    directory: TempDir,
    program: PathBuf,
    settings: Settings,
}

/// Variables of the environment that each of the program's processes gets besides, with their values.
pub type Settings = Vec<(&'static str, String)>;

impl Directory {
    /// Makes an empty one.
    pub fn create(bench: &Bench) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("trestle-bench-").tempdir()?;
        Ok(Self { directory, program: bench.program.clone(), settings: Settings::new() })
    }

    /// The same, with these settings for all that is started on it.
    pub fn with_settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// Starts the program on it, and gives how long it took until it listened.
    pub fn start(self, stores: Stores<'_>) -> anyhow::Result<(Trestle, Duration)> {
        let (mut trestle, took) = self.start_server(stores)?;
        if matches!(stores, Stores::Apart { .. }) {
            trestle.start_worker(stores, &[])?;
        }
        Ok((trestle, took))
    }

    /// The same; where API and worker are apart, without a worker.
    pub fn start_server(self, stores: Stores<'_>) -> anyhow::Result<(Trestle, Duration)> {
        let (server, url, took) = self.serve(stores)?;
        Ok((Trestle { server, worker: None, more_workers: Vec::new(), directory: self, url }, took))
    }

    /// The process that listens, where it does, and how long it took until then.
    fn serve(&self, stores: Stores<'_>) -> anyhow::Result<(Process, String, Duration)> {
        if !matches!(stores, Stores::Embedded) {
            let migrated = self.command(stores, "migrate").output()?;
            ensure!(
                migrated.status.success(),
                "trestle migrate: {}",
                String::from_utf8_lossy(&migrated.stderr)
            );
        }
        let apart = matches!(stores, Stores::Apart { .. });
        let started = Instant::now();
        let mut command = self.command(stores, if apart { "api" } else { "" });
        let mut server = Process::start("trestle", &mut command, &self.path().join("server.log"), "TERM")?;
        let url = server.line("listening on ", START_LIMIT)?;
        let took = started.elapsed();
        Ok((server, url.trim_end_matches('/').to_owned(), took))
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn command(&self, stores: Stores<'_>, subcommand: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .args(Some(subcommand).filter(|name| !name.is_empty()))
            .current_dir(self.path())
            .env("TRESTLE_DATA_DIR", self.path().join("data"))
            .env("TRESTLE_BIND", "127.0.0.1:0")
            .env("TRESTLE_ADMIN_EMAIL", ADMIN_EMAIL)
            .env("TRESTLE_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .env("TRESTLE_EGRESS_ALLOW", "127.0.0.0/8")
            // One caller asks as much as the machine can answer.
            .env("TRESTLE_BUDGET_PER_MINUTE", "100000000")
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        let (database, redis) = match stores {
            Stores::Embedded => return command,
            Stores::Postgres(database) => (database, None),
            Stores::Apart { database, redis } => (database, Some(redis)),
        };
        command
            .env("TRESTLE_DATABASE_URL", database)
            .env("TRESTLE_SECRET_KEY", STANDARD.encode([7; 32]))
            .env("TRESTLE_JWT_KEY", jwt_key());
        if let Some(redis) = redis {
            command.env("TRESTLE_REDIS_URL", redis);
        }
        command
    }
}

impl Trestle {
    /// The process that listens.
    pub fn server(&self) -> &Process {
        &self.server
    }

    /// Starts a worker, with these settings, where API and worker are apart.
    pub fn start_worker(&mut self, stores: Stores<'_>, settings: &[(&str, &str)]) -> anyhow::Result<()> {
        let log = self.directory.path().join("worker.log");
        let mut command = self.directory.command(stores, "worker");
        command.envs(settings.iter().copied());
        self.worker = Some(Process::start("trestle worker", &mut command, &log, "TERM")?);
        Ok(())
    }

    /// Starts one more worker, which runs until the end.
    pub fn add_worker(&mut self, stores: Stores<'_>, settings: &[(&str, &str)]) -> anyhow::Result<()> {
        let log = self.directory.path().join(format!("worker-{}.log", self.more_workers.len() + 1));
        let mut command = self.directory.command(stores, "worker");
        command.envs(settings.iter().copied());
        self.more_workers.push(Process::start("trestle worker", &mut command, &log, "TERM")?);
        Ok(())
    }

    /// The worker, where API and worker are apart and it was started.
    pub fn worker(&self) -> Option<&Process> {
        self.worker.as_ref()
    }

    /// Stops the worker; the API goes on.
    pub fn stop_worker(&mut self) {
        self.worker = None;
    }

    /// Stops all of it, each process in order; [`resume`](Self::resume) starts it again.
    pub fn pause(&mut self) {
        self.stop_worker();
        self.more_workers.clear();
        self.server.stop();
    }

    /// Starts it on its data once more, without a worker where API and worker are apart, with these settings in place of
    /// those before.
    pub fn resume(&mut self, stores: Stores<'_>, settings: Settings) -> anyhow::Result<()> {
        self.directory.settings = settings;
        (self.server, self.url, _) = self.directory.serve(stores)?;
        Ok(())
    }

    /// Where its API is.
    pub fn api(&self) -> String {
        format!("{}/graphql", self.url)
    }

    /// The directory of a tenant's files.
    pub fn files(&self, slug: &str) -> PathBuf {
        self.directory.path().join("data").join("files").join(slug)
    }

    /// The first administrator.
    pub async fn admin(&self) -> anyhow::Result<Client> {
        Client::sign_in(&self.url, ADMIN_EMAIL, ADMIN_PASSWORD).await
    }

    /// Stops it and keeps its data.
    pub fn stop(mut self) -> Directory {
        self.server.stop();
        self.directory
    }
}

/// A key for access tokens.
fn jwt_key() -> String {
    let mut der = ED25519_PKCS8_PREFIX.to_vec();
    der.extend_from_slice(&[9; 32]);
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der))
}
