//! PostgreSQL and Redis of their own for a measurement, in a temporary directory on free ports. PostgreSQL is as
//! durable as in production: fsync, full_page_writes and synchronous_commit are on.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;

use crate::process::{Process, find_program, free_port};

/// How long a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Oldest version that Trestle supports.
const VERSION_MIN: u32 = 15;
/// Of a small production server, for everybody who is measured alike.
const SETTINGS: [&str; 4] = ["shared_buffers=256MB", "max_wal_size=4GB", "jit=off", "max_connections=100"];
const SUPERUSER: &str = "postgres";

/// A PostgreSQL server, stopped when dropped.
pub struct Postgres {
    // Dropped before its directory.
    process: Process,
    directory: TempDir,
    port: u16,
}

impl Postgres {
    /// Makes and starts one.
    pub async fn start() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("trestle-bench-").tempdir()?;
        let owner = give_away(directory.path())?;
        let mut initdb = Command::new(program("initdb")?);
        initdb.arg("-D").arg(directory.path().join("data")).args([
            "-U",
            SUPERUSER,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
        ]);
        run_as(&mut initdb, owner, directory.path());
        let made = initdb.output().context("starting initdb")?;
        ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

        let port = free_port()?;
        let mut server = Command::new(program("postgres")?);
        server.arg("-D").arg(directory.path().join("data")).arg("-k").arg(directory.path());
        server.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        for setting in SETTINGS {
            server.args(["-c", setting]);
        }
        run_as(&mut server, owner, directory.path());
        // SIGINT: fast shutdown (https://www.postgresql.org/docs/current/server-shutdown.html).
        let mut process =
            Process::start("postgres", &mut server, &directory.path().join("server.log"), "INT")?;
        let url = format!("postgres://{SUPERUSER}@127.0.0.1:{port}/postgres");
        let deadline = Instant::now() + START_LIMIT;
        while let Err(error) = PgConnection::connect(&url).await {
            if !process.runs() || Instant::now() > deadline {
                bail!("PostgreSQL does not start: {error}\n{}", process.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { process, directory, port })
    }

    /// Time of the processor that the server took so far; `None` where the system does not say.
    pub fn cpu(&self) -> Option<Duration> {
        self.process.cpu_with_children()
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The user of every measurement, who needs no password.
    pub fn user(&self) -> &'static str {
        SUPERUSER
    }

    /// Where a database of it is.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes a database anew, empty.
    pub async fn create_database(&self, name: &str) -> anyhow::Result<()> {
        self.execute("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        self.execute("postgres", &format!("CREATE DATABASE {name}")).await
    }

    /// Runs a statement.
    pub async fn execute(&self, database: &str, sql: &str) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.url(database)).await?;
        connection.execute(AssertSqlSafe(sql.to_owned())).await.with_context(|| sql.to_owned())?;
        connection.close().await?;
        Ok(())
    }

    /// One number that a statement answers with.
    pub async fn number(&self, database: &str, sql: &str) -> anyhow::Result<f64> {
        let mut connection = PgConnection::connect(&self.url(database)).await?;
        let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await;
        connection.close().await?;
        number.with_context(|| sql.to_owned())
    }

    /// Counts the rows of a table.
    pub async fn count(&self, database: &str, table: &str) -> anyhow::Result<u64> {
        let mut connection = PgConnection::connect(&self.url(database)).await?;
        let sql = format!("SELECT count(*) FROM {table}");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(u64::try_from(count)?)
    }

    /// `psql` with these statements, one after the other, as a process of its own.
    pub fn psql(&self, database: &str, statements: &[String]) -> anyhow::Result<Command> {
        let mut command = Command::new(program("psql")?);
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        command.args(["-U", SUPERUSER, "-d", database]).current_dir(self.directory.path());
        for statement in statements {
            command.args(["-c", statement]);
        }
        Ok(command)
    }

    /// The same for a shell, with one statement that has no quotes.
    pub fn psql_line(&self, database: &str, statement: &str) -> anyhow::Result<String> {
        let psql = program("psql")?;
        let port = self.port;
        Ok(format!(
            "{} -X -q -h 127.0.0.1 -p {port} -U {SUPERUSER} -d {database} -c \"{statement}\"",
            psql.display()
        ))
    }
}

/// A Redis server without persistence, stopped when dropped.
pub struct Redis {
    // Dropped before its directory.
    process: Process,
    _directory: TempDir,
    port: u16,
}

impl Redis {
    /// Starts one.
    pub fn start() -> anyhow::Result<Self> {
        let path = find_program("redis-server", &[])
            .context("`redis-server` is not installed: this measurement needs Redis on PATH")?;
        let directory = tempfile::Builder::new().prefix("trestle-bench-").tempdir()?;
        let port = free_port()?;
        let mut command = Command::new(path);
        command.current_dir(directory.path());
        command.args([
            "--bind",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        let log = directory.path().join("server.log");
        let mut process = Process::start("redis-server", &mut command, &log, "TERM")?;
        let deadline = Instant::now() + START_LIMIT;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if !process.runs() || Instant::now() > deadline {
                bail!("redis-server does not start\n{}", process.log_tail());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Self { process, _directory: directory, port })
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Time of the processor that it took so far; `None` where the system does not say.
    pub fn cpu(&self) -> Option<Duration> {
        self.process.cpu()
    }

    /// Bytes that its data take, with what serves them, and how many keys there are.
    pub fn memory_and_keys(&self) -> anyhow::Result<(i64, i64)> {
        let mut connection = redis::Client::open(self.url())?.get_connection()?;
        let memory: redis::InfoDict = redis::cmd("INFO").arg("memory").query(&mut connection)?;
        let bytes = memory.get("used_memory").context("Redis does not say what memory it uses")?;
        Ok((bytes, redis::cmd("DBSIZE").query(&mut connection)?))
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }
}

/// The path of one of PostgreSQL's programs; Debian and Red Hat keep them off `PATH`, by version.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let mut directories = Vec::new();
    for version in (VERSION_MIN..VERSION_MIN + 20).rev() {
        directories.push(PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
        directories.push(PathBuf::from(format!("/usr/pgsql-{version}/bin")));
        directories.push(PathBuf::from(format!("/opt/homebrew/opt/postgresql@{version}/bin")));
    }
    find_program(name, &directories).with_context(|| {
        format!("`{name}` is not installed: this measurement needs PostgreSQL {VERSION_MIN} or newer")
    })
}

/// PostgreSQL refuses to run as root: then the directory belongs to a user who may, and their ids are answered.
fn give_away(directory: &Path) -> anyhow::Result<Option<(u32, u32)>> {
    if std::fs::metadata(directory)?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").context("reading the users of this machine")?;
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(str::parse::<u32>);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    let owner = ids("postgres")
        .or_else(|| ids("nobody"))
        .context("there is neither a user `postgres` nor `nobody`, and PostgreSQL does not run as root")?;
    chown(directory, Some(owner.0), Some(owner.1)).context("giving a directory to PostgreSQL's user")?;
    Ok(Some(owner))
}

fn run_as(command: &mut Command, owner: Option<(u32, u32)>, directory: &Path) {
    command.current_dir(directory);
    if let Some((uid, gid)) = owner {
        command.uid(uid).gid(gid);
    }
}
