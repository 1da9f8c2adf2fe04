//! A program that is measured or needed: its output, its end, and what the system says about it. Deliberately absent:
//! what the program is.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// How long a program may take to end after a signal.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// How often the end of a program is looked for.
const EXIT_POLL: Duration = Duration::from_millis(5);
/// Lines of a log that a failure shows.
const LOG_TAIL_LINES: usize = 40;
/// Clock ticks of a second in `/proc/PID/stat`: USER_HZ, 100 on every Linux (proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// A running program, stopped when dropped.
pub struct Process {
    name: &'static str,
    child: Child,
    lines: Receiver<String>,
    log: PathBuf,
    stop_signal: &'static str,
}

impl Process {
    /// Starts a program whose output goes to `log`; `stop_signal` ends it at once and in order.
    pub fn start(
        name: &'static str,
        command: &mut Command,
        log: &Path,
        stop_signal: &'static str,
    ) -> anyhow::Result<Self> {
        let errors = File::options().create(true).append(true).open(log).context("opening a log")?;
        let mut copy = errors.try_clone().context("opening a log")?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        let output = child.stdout.take().context("its output is piped")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                writeln!(copy, "{line}").unwrap_or_default();
                // Nobody waits for lines any more; the log still gets them.
                sender.send(line).unwrap_or_default();
            }
        });
        Ok(Self { name, child, lines, log: log.to_owned(), stop_signal })
    }

    /// Waits for a line of its output that starts with `prefix`, and gives the rest of that line. Blocks.
    pub fn line(&mut self, prefix: &str, limit: Duration) -> anyhow::Result<String> {
        let deadline = Instant::now() + limit;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(rest) = line.trim().strip_prefix(prefix) {
                        return Ok(rest.trim().to_owned());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{} did not print `{prefix}` within {limit:?}\n{}", self.name, self.log_tail())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("{} ended before it printed `{prefix}`\n{}", self.name, self.log_tail())
                }
            }
        }
    }

    /// True while it runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Most memory that it had resident so far, in bytes; `None` where the system does not say.
    pub fn memory_peak_bytes(&self) -> Option<u64> {
        self.status("VmHWM:")
    }

    /// The same of it and the processes that it started, together; `None` where one of them ends meanwhile.
    pub fn memory_peak_bytes_with_children(&self) -> Option<u64> {
        let children: Option<u64> = self.children().map(|(id, _stat)| status(id, "VmHWM:")).sum();
        Some(self.memory_peak_bytes()? + children?)
    }

    /// Memory that it has resident now, in bytes; `None` where the system does not say.
    pub fn memory_bytes(&self) -> Option<u64> {
        self.status("VmRSS:")
    }

    /// Time of the processor that it took so far, its own and the system's for it.
    pub fn cpu(&self) -> Option<Duration> {
        Some(Stat::read(&self.child.id().to_string())?.used)
    }

    /// The same with the processes that it started, those that ended included.
    pub fn cpu_with_children(&self) -> Option<Duration> {
        let own = Stat::read(&self.child.id().to_string())?;
        let children: Duration = self.children().map(|(_id, stat)| stat.used).sum();
        Some(own.used + own.used_by_ended_children + children)
    }

    /// The processes that it started and that run.
    fn children(&self) -> impl Iterator<Item = (u32, Stat)> {
        let parent = self.child.id();
        let processes = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
        let stats = processes.filter_map(|entry| {
            let name = entry.file_name();
            let id = name.to_str()?;
            Some((id.parse().ok()?, Stat::read(id)?))
        });
        stats.filter(move |(_id, stat)| stat.parent == parent)
    }

    /// The end of what it printed.
    pub fn log_tail(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }

    /// Stops it and waits until it has ended.
    pub fn stop(&mut self) {
        if !self.runs() {
            return;
        }
        let id = self.child.id().to_string();
        Command::new("kill").args(["-s", self.stop_signal, &id]).status().map(drop).unwrap_or_default();
        let deadline = Instant::now() + STOP_LIMIT;
        while self.runs() && Instant::now() < deadline {
            std::thread::sleep(EXIT_POLL);
        }
        // That it has ended by now is what is wanted.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }

    fn status(&self, name: &str) -> Option<u64> {
        status(self.child.id(), name)
    }
}

/// A size that `/proc/PID/status` says, in bytes.
fn status(process: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A program that ended by itself.
pub struct Ended {
    /// It said that all went well.
    pub succeeded: bool,
    /// What it printed last.
    pub output: String,
    /// Most memory that it had resident, in bytes; `None` where the system does not say.
    pub memory_peak_bytes: Option<u64>,
    /// Time of the processor that it took with the processes that it started.
    pub cpu: Option<Duration>,
}

/// Runs a program to its end. Blocks.
pub fn measured(command: &mut Command) -> anyhow::Result<Ended> {
    let log = tempfile::NamedTempFile::new().context("making a log")?;
    let output = || log.reopen().context("opening a log");
    let before = Stat::read("self").map(|stat| stat.used_by_ended_children);
    let child = command.stdin(Stdio::null()).stdout(output()?).stderr(output()?).spawn()?;
    let stop_signal = "KILL";
    let mut process =
        Process { name: "a program", child, lines: channel().1, log: log.path().to_owned(), stop_signal };
    let mut memory_peak_bytes = None;
    while process.runs() {
        memory_peak_bytes = process.memory_peak_bytes().max(memory_peak_bytes);
        std::thread::sleep(EXIT_POLL);
    }
    let succeeded = process.child.wait()?.success();
    let after = Stat::read("self").map(|stat| stat.used_by_ended_children);
    let cpu = after.zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok(Ended { succeeded, output: process.log_tail(), memory_peak_bytes, cpu })
}

/// What `/proc/PID/stat` says (proc(5)).
struct Stat {
    parent: u32,
    used: Duration,
    used_by_ended_children: Duration,
}

impl Stat {
    fn read(process: &str) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name, in parentheses, may hold spaces. After it: state, parent; utime, stime, cutime and cstime come 12th.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let ticks = |place: usize| fields.get(place)?.parse::<u32>().ok();
        let time = |ticks: u32| Duration::from_secs_f64(f64::from(ticks) / TICKS_PER_SECOND);
        Some(Self {
            parent: ticks(1)?,
            used: time(ticks(11)? + ticks(12)?),
            used_by_ended_children: time(ticks(13)? + ticks(14)?),
        })
    }
}

/// A port of 127.0.0.1 that was free a moment ago.
pub fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("finding a free port")?;
    Ok(listener.local_addr().context("finding a free port")?.port())
}

/// The path of a program on `PATH` or in one of `more` directories.
#[expect(clippy::disallowed_methods, reason = "PATH is no setting of the program")]
pub fn find_program(name: &str, more: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(more.iter().cloned())
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}
