//! A real PostgreSQL for one test, in a temporary directory, reached by its socket alone: no port to collide
//! on.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Seconds within which a server must answer or stop.
const WAIT_LIMIT_SECONDS: &str = "60";

/// A server that stops when dropped.
pub struct PostgresServer {
    directory: TempDir,
}

impl PostgresServer {
    /// Makes an empty cluster and starts it. `initdb` and `pg_ctl` must be on `PATH`.
    pub fn start() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        if let Some((uid, gid)) = unprivileged(directory.path()) {
            chown(directory.path(), Some(uid), Some(gid)).expect("root may give a directory away");
        }
        let server = Self { directory };
        let path = server.directory.path();
        run(program(path, "initdb").arg("-D").arg(server.data()).args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]));
        run(program(path, "pg_ctl")
            .args(["start", "--wait", "--timeout", WAIT_LIMIT_SECONDS, "-D"])
            .arg(server.data())
            .arg("--log")
            .arg(path.join("server.log"))
            .arg("-o")
            .arg(format!("-c listen_addresses='' -c fsync=off -k '{}'", path.display())));
        server
    }

    /// Where to connect.
    pub fn url(&self) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", self.directory.path().display())
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // A test that fails has a cause to tell, perhaps that the server never started.
        if std::thread::panicking() && !self.data().join("postmaster.pid").exists() {
            return;
        }
        run(program(self.directory.path(), "pg_ctl")
            .args(["stop", "--mode=immediate", "--wait", "--timeout", WAIT_LIMIT_SECONDS, "-D"])
            .arg(self.data()));
    }
}

/// One of PostgreSQL's programs. It refuses to run as root: then it runs as `postgres`.
fn program(directory: &Path, name: &str) -> Command {
    let mut command = Command::new(name);
    command.current_dir(directory);
    if let Some((uid, gid)) = unprivileged(directory) {
        command.uid(uid).gid(gid);
    }
    command
}

/// Runs it to its end. Output goes nowhere: the server inherits it and would keep a pipe open.
fn run(command: &mut Command) {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap_or_else(|error| {
        panic!(
            "{} of PostgreSQL 15 or newer must be installed and on PATH for this test: {error}",
            command.get_program().display()
        )
    });
    assert!(status.success(), "{command:?}: {status}");
}

/// User and group of `postgres` when we are root.
fn unprivileged(directory: &Path) -> Option<(u32, u32)> {
    // `/proc/self` belongs to whoever this process runs as; where there is none, the directory it made does.
    let owner = std::fs::metadata("/proc/self").or_else(|_| std::fs::metadata(directory));
    if owner.expect("made above").uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("every system has users");
    let line = users
        .lines()
        .find(|line| line.starts_with("postgres:"))
        .expect("a user `postgres`, for root to run PostgreSQL as");
    let mut ids =
        line.split(':').skip(2).map(|field| field.parse().expect("user and group of `postgres` are numbers"));
    Some((ids.next().expect("a user id"), ids.next().expect("a group id")))
}
