//! One program that a test started: its log, its signals, its end. Deliberately absent: what the program is.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::watchdog;

/// Lines of a log that a failure shows.
const LOG_TAIL_LINES: usize = 200;
/// How long a program may take to end after a signal that ends it at once.
const KILL_LIMIT: Duration = Duration::from_secs(10);
/// How often the end of a program is looked for.
const EXIT_POLL: Duration = Duration::from_millis(5);

/// A running program, killed with its group when dropped.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    lines: mpsc::UnboundedReceiver<String>,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` in a process group of its own; what it prints is appended to `log`. `stop_signal` is what the
    /// watchdog sends should this binary end first.
    pub fn start(name: &str, command: &mut Command, log: &Path, stop_signal: &str) -> Self {
        let program = command.get_program().to_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(append(log))
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("starting {}: {error}", program.display()));
        watchdog::watch(child.id(), stop_signal);
        let output = child.stdout.take().expect("piped above");
        let (sender, lines) = mpsc::unbounded_channel();
        let mut copy = append(log);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                writeln!(copy, "{line}").expect("the log is a file of ours");
                // Nobody waits for a line any more once the receiver is gone; the log still gets it.
                sender.send(line).unwrap_or_default();
            }
        });
        Self { name: name.to_owned(), child, log: log.to_owned(), lines, status: None }
    }

    /// What the test calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id, which is its group's id too.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on its standard output that starts with `prefix`, and gives the rest of that line.
    pub async fn line(&mut self, prefix: &str, limit: Duration) -> String {
        let lines = &mut self.lines;
        let search = async {
            while let Some(line) = lines.recv().await {
                if let Some(rest) = line.trim().strip_prefix(prefix) {
                    return Some(rest.trim().to_owned());
                }
            }
            None
        };
        match tokio::time::timeout(limit, search).await {
            Ok(Some(rest)) => rest,
            Ok(None) => {
                panic!("{} ended before it printed `{prefix}`; its log:\n{}", self.name, self.log_tail())
            }
            Err(_) => panic!(
                "{} did not print `{prefix}` within {limit:?}; its log:\n{}",
                self.name,
                self.log_tail()
            ),
        }
    }

    /// Sends a signal by its name: `TERM`, `KILL`, `STOP`, `CONT`, `INT`, `QUIT`.
    pub fn signal(&mut self, signal: &str) {
        if self.exit_status().is_none() {
            send(signal, &self.id().to_string());
        }
    }

    /// How it ended; `None` while it runs.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("a child of ours");
            if self.status.is_some() {
                watchdog::forget(self.id());
            }
        }
        self.status
    }

    /// Waits for its end.
    pub async fn exit(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.exit_status() {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "{} runs on after {limit:?}; its log:\n{}",
                self.name,
                self.log_tail()
            );
            tokio::time::sleep(EXIT_POLL).await;
        }
    }

    /// Ends it as a crash does: SIGKILL, nothing is finished.
    pub fn kill9(&mut self) {
        self.stop_by("KILL");
    }

    /// Sends `signal` and waits for the end; after ten seconds its whole group is killed.
    pub fn stop_by(&mut self, signal: &str) {
        if self.exit_status().is_some() {
            return;
        }
        let group = format!("-{}", self.id());
        send(signal, if signal == "KILL" { &group } else { &group[1..] });
        // A stopped process keeps any other signal for later.
        send("CONT", &group);
        let deadline = Instant::now() + KILL_LIMIT;
        while self.exit_status().is_none() {
            if Instant::now() >= deadline {
                send("KILL", &group);
                self.status = Some(self.child.wait().expect("a child of ours"));
                watchdog::forget(self.id());
                return;
            }
            std::thread::sleep(EXIT_POLL);
        }
    }

    /// Everything it printed, and those before it with the same log.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// The path of a program on `PATH` or in one of `more` directories.
pub fn find_program(name: &str, more: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(more.iter().cloned())
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}

/// A port of 127.0.0.1 that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .unwrap_or_else(|error| panic!("finding a free port: {error}"))
        .port()
}

fn append(log: &Path) -> File {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .unwrap_or_else(|error| panic!("opening {}: {error}", log.display()))
}

/// Signals a process, or with a minus its group. That it has just ended by itself is no error.
fn send(signal: &str, target: &str) {
    Command::new("sh")
        .args(["-c", "kill -s \"$1\" -- \"$2\"", "kill", signal, target])
        .stderr(Stdio::null())
        .status()
        .unwrap_or_else(|error| panic!("starting sh: {error}"));
}
