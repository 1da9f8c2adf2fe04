//! Real PostgreSQL for the tests: one server for all of them, started by the first that asks, with a database each;
//! or a server of a test's own, to stop and start at will. `TEST_DATABASE_URL` names a server to use in place of the
//! common one. The databases belong to a role that is no superuser, so that row-level security holds for it.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::process::{Process, find_program, free_port};
use super::wait::{SOON, until};
use super::watchdog;

/// How long a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Starts that are tried, should another program take the free port first.
const START_ATTEMPTS: usize = 5;
/// Oldest version that Trestle supports.
const VERSION_MIN: u32 = 15;
/// Who owns the databases.
const OWNER: &str = "trestle";
const SUPERUSER: &str = "postgres";

static COMMON: OnceCell<PostgresServer> = OnceCell::const_new();

/// A server in a temporary directory, reachable on 127.0.0.1 without a password.
pub struct PostgresServer {
    directory: PathBuf,
    port: u16,
    process: Option<Process>,
}

impl PostgresServer {
    /// Makes and starts one that is the caller's alone. It stops when dropped.
    pub async fn start() -> Self {
        let directory = watchdog::directory("postgres");
        let cluster = directory.clone();
        tokio::task::spawn_blocking(move || initialise(&cluster))
            .await
            .expect("initialise says why it panics");
        let server = Self::launched(directory).await;
        let mut superuser = connect(&server.superuser_url()).await;
        superuser
            .execute(AssertSqlSafe(format!("CREATE ROLE {OWNER} LOGIN CREATEDB CREATEROLE")))
            .await
            .expect("the superuser may create a role");
        server
    }

    /// Makes and starts a hot standby of this server: a copy that follows. It stops when dropped.
    pub async fn standby(&self) -> Self {
        let (directory, port) = (watchdog::directory("standby"), self.port);
        let cluster = directory.clone();
        tokio::task::spawn_blocking(move || copy(port, &cluster)).await.expect("copy says why it panics");
        Self::launched(directory).await
    }

    /// One with the data of this directory, on a free port.
    async fn launched(directory: PathBuf) -> Self {
        let mut server = Self { directory, port: 0, process: None };
        let mut attempt = 1;
        loop {
            server.port = free_port();
            match server.launch().await {
                Ok(()) => return server,
                Err(log) => assert!(attempt < START_ATTEMPTS, "PostgreSQL does not start; its log:\n{log}"),
            }
            attempt += 1;
        }
    }

    /// Where a standby has the same database.
    pub fn url_of(&self, database: &Database) -> String {
        let mut url = reqwest::Url::parse(database.url()).expect("it was connected to");
        url.set_port(Some(self.port)).expect("it has a host");
        url.to_string()
    }

    /// Has a standby replay nothing from now on; it goes on answering.
    pub async fn pause_replay(&self) {
        let mut superuser = connect(&self.superuser_url()).await;
        superuser.execute("SELECT pg_wal_replay_pause()").await.expect("it is a standby");
        until("it replays nothing", SOON, async || {
            let state = "SELECT pg_get_wal_replay_pause_state()";
            let state: String = sqlx::query_scalar(state).fetch_one(&mut superuser).await.expect("a state");
            if state == "paused" { Ok(()) } else { Err(state) }
        })
        .await;
    }

    /// Has it go on.
    pub async fn resume_replay(&self) {
        let mut superuser = connect(&self.superuser_url()).await;
        superuser.execute("SELECT pg_wal_replay_resume()").await.expect("it is a standby");
    }

    /// Where the superuser of this server connects.
    pub fn superuser_url(&self) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/postgres", self.port)
    }

    /// What it logs.
    pub fn log(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    /// An empty database on this server.
    pub async fn database(&self) -> Database {
        self.database_of(OWNER).await
    }

    /// The same, owned by another role that may create databases.
    pub async fn database_of(&self, owner: &str) -> Database {
        Database::create_on(&format!("postgres://{owner}@127.0.0.1:{}/postgres", self.port)).await
    }

    /// Ends it as a crash of the database does: nothing is flushed, open connections break, recovery at the next start.
    pub fn stop_immediate(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop_by("QUIT");
        }
    }

    /// Starts it again with its data, on the same port.
    pub async fn start_again(&mut self) {
        self.stop_immediate();
        if let Err(log) = self.launch().await {
            panic!("PostgreSQL does not start again; its log:\n{log}");
        }
    }

    /// Starts the server and waits until it answers; its log when it ends instead.
    async fn launch(&mut self) -> Result<(), String> {
        let mut command = Command::new(program("postgres"));
        command.arg("-D").arg(self.directory.join("data")).arg("-k").arg(&self.directory).args([
            "-p",
            &self.port.to_string(),
            "-h",
            "127.0.0.1",
            // Test data need not survive the machine; it does survive the server, because every commit
            // reaches the operating system. So `synchronous_commit` stays on.
            "-c",
            "fsync=off",
            "-c",
            "full_page_writes=off",
            "-c",
            "max_connections=300",
            "-c",
            "shared_buffers=64MB",
            "-c",
            "jit=off",
            "-c",
            "logging_collector=off",
        ]);
        run_as_owner(&mut command, &self.directory);
        let process = Process::start("postgres", &mut command, &self.log(), "QUIT");
        let process = self.process.insert(process);
        // By its socket: at the port another program might answer, should it have been quicker.
        let socket = self.directory.display();
        let url = format!("postgres://{SUPERUSER}@localhost:{}/postgres?host={socket}", self.port);
        let deadline = Instant::now() + START_LIMIT;
        loop {
            if process.exit_status().is_some() {
                return Err(process.log_tail());
            }
            match PgConnection::connect(&url).await {
                Ok(connection) => {
                    connection.close().await.expect("just opened");
                    return Ok(());
                }
                Err(error) => {
                    assert!(
                        Instant::now() < deadline,
                        "PostgreSQL does not answer: {error}; its log:\n{}",
                        process.log_tail()
                    );
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop_immediate();
        // What is left is removed with the directory of all tests at the end.
        std::fs::remove_dir_all(&self.directory).unwrap_or_default();
    }
}

/// A database of one test, dropped with its connections when this is dropped.
pub struct Database {
    server_url: String,
    name: String,
    url: String,
}

impl Database {
    /// An empty database on the server of all tests.
    pub async fn create() -> Self {
        match std::env::var("TEST_DATABASE_URL") {
            Ok(url) if !url.is_empty() => Self::create_on(&url).await,
            _ => COMMON.get_or_init(PostgresServer::start).await.database().await,
        }
    }

    /// Where the program under test connects.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection for looking at what is stored, whosever it is.
    pub async fn connect(&self) -> PgConnection {
        let mut connection = connect(&self.url).await;
        connection.execute("SET trestle.tenants = '*'").await.expect("anybody may set it");
        connection
    }

    async fn create_on(server_url: &str) -> Self {
        let name = format!("trestle_{}", Uuid::now_v7().simple());
        let mut server = connect(server_url).await;
        server.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap_or_else(|error| {
            panic!("creating a database for a test (TEST_DATABASE_URL may do so?): {error}")
        });
        let mut url = reqwest::Url::parse(server_url).expect("it was connected to");
        url.set_path(&name);
        Self { server_url: server_url.to_owned(), name, url: url.to_string() }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server_url, name) = (self.server_url.clone(), self.name.clone());
        // A runtime of its own: the test's may be gone already. A server that a test stopped is no error here.
        let cleanup = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut server = PgConnection::connect(&server_url).await?;
                // Roles are the cluster's: what the program made for this database is left behind otherwise.
                let roles = "SELECT rolname::text FROM pg_roles, pg_database \
                     WHERE datname = $1 AND starts_with(rolname, format('trestle_program_%s_', pg_database.oid))";
                let roles: Vec<String> =
                    sqlx::query_scalar(roles).bind(&name).fetch_all(&mut server).await?;
                server.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))).await?;
                for role in roles {
                    server.execute(AssertSqlSafe(format!("DROP ROLE IF EXISTS {role}"))).await?;
                }
                anyhow::Ok(())
            })
        });
        drop(cleanup.join());
    }
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url)
        .await
        .unwrap_or_else(|error| panic!("connecting to PostgreSQL for a test: {error}"))
}

fn initialise(directory: &Path) {
    if let Some((uid, gid)) = unprivileged(directory) {
        chown(directory, Some(uid), Some(gid)).expect("root may give a directory away");
    }
    let mut command = Command::new(program("initdb"));
    command.arg("-D").arg(directory.join("data")).args([
        "-U",
        SUPERUSER,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]);
    run_as_owner(&mut command, directory);
    let output = command.output().unwrap_or_else(|error| panic!("starting initdb: {error}"));
    assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
}

/// Copies the server on this port.
fn copy(port: u16, directory: &Path) {
    if let Some((uid, gid)) = unprivileged(directory) {
        chown(directory, Some(uid), Some(gid)).expect("root may give a directory away");
    }
    let mut command = Command::new(program("pg_basebackup"));
    command.arg("-D").arg(directory.join("data")).args(["-U", SUPERUSER, "-h", "127.0.0.1"]);
    command.args(["-p", &port.to_string(), "-R", "-X", "stream", "-c", "fast", "--no-sync"]);
    run_as_owner(&mut command, directory);
    let output = command.output().unwrap_or_else(|error| panic!("starting pg_basebackup: {error}"));
    assert!(output.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&output.stderr));
}

/// PostgreSQL refuses to run as root: then it runs as the user who owns its directory.
fn run_as_owner(command: &mut Command, directory: &Path) {
    let owner = std::fs::metadata(directory).expect("made above");
    command.current_dir(directory);
    if unprivileged(directory).is_some() {
        command.uid(owner.uid()).gid(owner.gid());
    }
}

/// The user and group to run PostgreSQL as, when we are root: `postgres`, or `nobody` where there is none.
fn unprivileged(directory: &Path) -> Option<(u32, u32)> {
    let parent = directory.parent().expect("the directory of all tests");
    let we = std::fs::metadata(parent).expect("made by us").uid();
    if we != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("every system has users");
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(str::parse::<u32>);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    Some(
        ids("postgres")
            .or_else(|| ids("nobody"))
            .expect("a user `postgres` or `nobody`, for root to run PostgreSQL as"),
    )
}

/// The path of one of PostgreSQL's programs; Debian and Red Hat keep them off `PATH`, by version.
pub fn program(name: &str) -> PathBuf {
    let mut directories = Vec::new();
    for version in (VERSION_MIN..VERSION_MIN + 20).rev() {
        directories.push(PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
        directories.push(PathBuf::from(format!("/usr/pgsql-{version}/bin")));
        directories.push(PathBuf::from(format!("/opt/homebrew/opt/postgresql@{version}/bin")));
    }
    find_program(name, &directories).unwrap_or_else(|| {
        panic!(
            "`{name}` is not installed: the tests need PostgreSQL {VERSION_MIN} or newer. `make test` installs it \
             (package `postgresql`), or set TEST_DATABASE_URL to a server where databases may be created."
        )
    })
}
