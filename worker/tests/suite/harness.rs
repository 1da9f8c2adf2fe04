//! A real `redis-server` for each test, on a port of its own.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

/// Bound of every wait; nothing here takes longer than a few seconds on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A `redis-server` in a directory of its own; stopped when dropped.
pub struct Redis {
    process: Child,
    port: u16,
    directory: TempDir,
}

impl Redis {
    /// Starts one; fails when it is not installed.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port can be found")
            .port();
        let process = Self::spawn(port, &directory);
        Self { process, port, directory }
    }

    fn spawn(port: u16, directory: &TempDir) -> Child {
        let mut process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string()])
            .current_dir(directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-server must be installed and on PATH for this test");
        let output = process.stdout.take().expect("stdout is piped");
        let (ready, is_ready) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if line.contains("Ready to accept connections") && ready.send(()).is_err() {
                    return;
                }
            }
        });
        is_ready.recv_timeout(PATIENCE).expect("redis-server says that it is ready");
        process
    }

    /// `kill -9`, with all it held.
    pub fn kill(&mut self) {
        self.process.kill().expect("redis-server can be killed");
        self.process.wait().expect("redis-server can be waited for");
    }

    /// A new, empty one on the same port.
    pub fn revive(&mut self) {
        self.process = Self::spawn(self.port, &self.directory);
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            self.process.wait().expect("redis-server can be waited for");
        }
    }
}
