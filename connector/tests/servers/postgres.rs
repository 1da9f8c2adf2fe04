//! PostgreSQL in a temporary directory, from the installed binaries, for the tests of a program.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A server in a temporary directory; stopped when the last test lets go of it.
pub struct Server {
    dir: tempfile::TempDir,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
}

impl Server {
    /// The one of this program.
    pub fn shared() -> Arc<Self> {
        static SERVER: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start());
        *shared = Arc::downgrade(&server);
        server
    }

    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(dir.path()));
        }
        let data = dir.path().join("data");
        run(server_command(
            "initdb",
            &["-D", path(&data), "-U", "postgres", "-A", "scram-sha-256", "--pwfile"],
        )
        .arg(password_file(dir.path())));
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off",
            path(dir.path())
        );
        let log = dir.path().join("log");
        run(&mut server_command(
            "pg_ctl",
            &["-D", path(&data), "-l", path(&log), "-w", "-o", &options, "start"],
        ));
        Self { dir, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.dir.path().join("data");
        run(&mut server_command("pg_ctl", &["-D", path(&data), "-m", "immediate", "stop"]));
    }
}

/// Of the user `postgres`.
pub const PASSWORD: &str = "it's secret";

fn password_file(dir: &Path) -> PathBuf {
    let file = dir.join("password");
    std::fs::write(&file, PASSWORD).unwrap();
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(&file));
    }
    file
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn is_root() -> bool {
    String::from_utf8(Command::new("id").arg("-u").output().unwrap().stdout).unwrap().trim() == "0"
}

/// The server refuses to run as root.
fn server_command(program: &str, arguments: &[&str]) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", program]);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).current_dir("/");
    command
}

fn run(command: &mut Command) {
    // pg_ctl's server keeps the pipes open, so its output is not collected.
    let status = command.stdout(Stdio::null()).stderr(Stdio::inherit()).status();
    match status {
        Ok(status) if status.success() => {}
        other => {
            panic!("{command:?} failed ({other:?}); these tests need initdb, pg_ctl and postgres on the PATH")
        }
    }
}
