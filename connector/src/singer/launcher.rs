//! The launcher: a process between the worker and a tap, of which one is started for each run. It keeps the tap and
//! everything that the tap starts to their limits, ends them when the worker lets go of its standard input, for whatever
//! reason, and removes the directory of the run with the secrets in it.
//!
//! A worker that is killed can end nothing any more, and what it started would read on and keep the config for ever. The
//! launcher is nobody's thread, so that it can wait; it adopts orphans, so that a process that leaves its group is found; and
//! it is a program of its own, so that limits can be set without unsafe code between fork and exec.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitOptions, getpid, getppid, kill_process, kill_process_group,
    set_child_subreaper, set_parent_process_death_signal, setrlimit, wait,
};

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

use super::outcome::Outcome;
use super::run_directory;

/// How often it looks whether the tap has ended.
const POLL: Duration = Duration::from_millis(20);
/// How often it adds up what the tap's processes take.
const MEASURE_INTERVAL: Duration = Duration::from_millis(250);
/// How long a tap may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(2);
/// How long it is tried to end what does not end.
const KILL_LIMIT: Duration = Duration::from_secs(10);
/// Processes of a tap at once. Taps of a database driver or a browser start a few.
const PROCESSES_MAX: usize = 128;
/// Largest file that a tap may write, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Linux tells resident memory in pages; of 4 KiB where programs of x86 run, and of as much or more elsewhere.
const PAGE_BYTES: u64 = 4096;
/// As shells have it for what can't be started.
const EXIT_NOT_STARTED: u8 = 127;

/// The worker's side of the arguments: behind the launcher's own name.
pub(super) fn arguments(memory_bytes: u64, directory: &Path, program: &Path) -> [OsString; 5] {
    ["tap".into(), "supervise".into(), memory_bytes.to_string().into(), directory.into(), program.into()]
}

/// Ends what a launcher that was killed has left, as far as it has stayed in its group.
pub(super) fn kill_group(launcher: u32) {
    if let Some(group) = i32::try_from(launcher).ok().and_then(Pid::from_raw) {
        // That there is nothing left is no error.
        kill_process_group(group, Signal::KILL).unwrap_or_default();
    }
}

/// See [`launch_tap`](super::launch_tap).
pub(super) fn launch(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != OsStr::new("tap") {
        return None;
    }
    let part = arguments.next()?;
    let number = |text: OsString| text.to_str()?.parse::<u64>().ok();
    let memory_bytes = number(arguments.next()?)?;
    match part.to_str()? {
        "supervise" => {
            let directory = PathBuf::from(arguments.next()?);
            Some(supervise(memory_bytes, &directory, arguments.collect()))
        }
        "start" => {
            let parent = number(arguments.next()?)?;
            Some(start(memory_bytes, parent, arguments.next()?, arguments))
        }
        _ => None,
    }
}

/// Takes the tap's place in its process: limits itself, and becomes the tap.
fn start(
    memory_bytes: u64,
    parent: u64,
    program: OsString,
    arguments: impl Iterator<Item = OsString>,
) -> ExitCode {
    let mut tap = Command::new(program);
    tap.args(arguments);
    let limit = |bytes| Rlimit { current: Some(bytes), maximum: Some(bytes) };
    let limited = set_parent_process_death_signal(Some(Signal::KILL))
        .and_then(|()| setrlimit(Resource::Core, limit(0)))
        .and_then(|()| setrlimit(Resource::Fsize, limit(FILE_BYTES_MAX)))
        .and_then(|()| rustix::thread::set_no_new_privs(true))
        .and_then(|()| setrlimit(Resource::As, limit(memory_bytes)));
    // A launcher that ended before this could not be told apart from one that lives.
    let is_orphan =
        getppid().is_none_or(|pid| u64::from(pid.as_raw_nonzero().get().unsigned_abs()) != parent);
    let error = match limited {
        Ok(()) if !is_orphan => tap.exec(),
        Ok(()) => io::Error::other("its launcher is gone"),
        Err(error) => error.into(),
    };
    complain(&format!("the tap can't be started: {error}"));
    ExitCode::from(EXIT_NOT_STARTED)
}

fn supervise(memory_bytes: u64, directory: &Path, command: Vec<OsString>) -> ExitCode {
    let begun = prepare(directory).and_then(|held| Ok((held, spawn(memory_bytes, directory, command)?)));
    let outcome = match begun {
        Ok((_held, tap)) => {
            let (sender, unwanted) = mpsc::channel();
            std::thread::spawn(move || {
                // What it reads says nothing; that there is no more of it says that the worker has let go.
                io::copy(&mut io::stdin().lock(), &mut io::sink()).unwrap_or_default();
                drop(sender);
            });
            let outcome = Family { tap, memory_bytes, ended: None }.watch(&unwanted);
            tell(outcome);
            // The worker reads the config back before it lets go.
            while unwanted.recv().is_ok() {}
            outcome
        }
        Err(problem) => {
            complain(&format!("the tap can't be supervised: {problem}"));
            tell(Outcome::NotStarted);
            Outcome::NotStarted
        }
    };
    if let Err(error) = run_directory::remove(directory) {
        complain(&format!("{} can't be removed: {error}", directory.display()));
    }
    match outcome {
        Outcome::Exited(0) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// What it holds for as long as it lives.
struct Held {
    _lock: File,
    _signals: [Signals; 3],
    _runtime: Runtime,
}

/// Locks the directory, adopts orphans, and is deaf for what is sent to all processes of a service or a terminal: it ends when
/// the worker does, and not before.
fn prepare(directory: &Path) -> io::Result<Held> {
    let lock = File::open(directory)?;
    lock.lock_shared()?;
    set_child_subreaper(Some(getpid()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let signals = {
        let _context = runtime.enter();
        [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?]
    };
    Ok(Held { _lock: lock, _signals: signals, _runtime: runtime })
}

/// Starts the tap, in the launcher's group, and the only one that holds this process's standard output from then on.
fn spawn(memory_bytes: u64, directory: &Path, command: Vec<OsString>) -> io::Result<Pid> {
    let parent = getpid().as_raw_nonzero().get().to_string();
    let child = Command::new("/proc/self/exe")
        .args(["tap", "start", &memory_bytes.to_string(), &parent])
        .args(command)
        .current_dir(run_directory::work(directory))
        .stdin(Stdio::null())
        .spawn()?;
    rustix::stdio::dup2_stdout(nowhere()?)?;
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("it has no id"))
}

/// Says how it ended, as the last word on standard error.
fn tell(outcome: Outcome) {
    complain(&format!("\n{}", outcome.line()));
    if let Ok(nowhere) = nowhere() {
        rustix::stdio::dup2_stderr(nowhere).unwrap_or_default();
    }
}

fn nowhere() -> io::Result<File> {
    OpenOptions::new().write(true).open("/dev/null")
}

/// Nobody may listen any more, which changes nothing.
fn complain(text: &str) {
    io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap_or_default();
}

/// A tap, and all that comes of it.
struct Family {
    tap: Pid,
    memory_bytes: u64,
    ended: Option<Outcome>,
}

impl Family {
    /// Waits for the tap's end, or brings it about; nothing of it lives afterwards.
    fn watch(mut self, unwanted: &Receiver<()>) -> Outcome {
        let mut measured = Instant::now();
        let outcome = loop {
            self.reap();
            if let Some(outcome) = self.ended {
                break outcome;
            }
            if measured.elapsed() >= MEASURE_INTERVAL {
                measured = Instant::now();
                let (processes, bytes) = self.size();
                // Many small ones are a lot of memory too, since what they share counts for each.
                if processes > PROCESSES_MAX {
                    break Outcome::TooManyProcesses;
                }
                if bytes > self.memory_bytes {
                    break Outcome::TooMuchMemory;
                }
            }
            if unwanted.recv_timeout(POLL) == Err(RecvTimeoutError::Disconnected) {
                self.ask_to_end();
                break Outcome::Stopped;
            }
        };
        self.kill_all();
        outcome
    }

    fn ask_to_end(&mut self) {
        // This process is of the group too, and deaf to it.
        kill_process_group(getpid(), Signal::TERM).unwrap_or_default();
        let asked = Instant::now();
        while asked.elapsed() < GRACE && self.ended.is_none() {
            std::thread::sleep(POLL);
            self.reap();
        }
    }

    /// Again and again, as one that dies may have just started another.
    fn kill_all(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < KILL_LIMIT {
            for pid in descendants().into_iter().map(|(pid, _bytes)| pid) {
                if let Some(pid) = Pid::from_raw(pid) {
                    kill_process(pid, Signal::KILL).unwrap_or_default();
                }
            }
            if !self.reap() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Takes note of who has ended; false when there are no children left.
    fn reap(&mut self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.tap => {
                    self.ended = Some(match (status.exit_status(), status.terminating_signal()) {
                        (Some(code), _) => Outcome::Exited(code),
                        (None, signal) => Outcome::Signaled(signal.unwrap_or_default()),
                    });
                }
                Ok(Some((_adopted, _status))) => {}
                Err(rustix::io::Errno::INTR) => {}
                Ok(None) => return true,
                Err(_no_child) => return false,
            }
        }
    }

    /// How many processes there are, and their resident memory in bytes.
    fn size(&self) -> (usize, u64) {
        let all = descendants();
        (all.len(), all.iter().map(|(_pid, bytes)| bytes).sum())
    }
}

/// All processes that come of this one, with their resident memory in bytes.
fn descendants() -> Vec<(i32, u64)> {
    let mut children: HashMap<i32, Vec<(i32, u64)>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // One that has ended meanwhile is not there any more.
        let Ok(stat) = fs::read(entry.path().join("stat")) else { continue };
        if let Some((parent, bytes)) = parse_stat(&stat) {
            children.entry(parent).or_default().push((pid, bytes));
        }
    }
    let mut found = Vec::new();
    let mut parents = vec![getpid().as_raw_nonzero().get()];
    while let Some(parent) = parents.pop() {
        let of_parent = children.remove(&parent).unwrap_or_default();
        parents.extend(of_parent.iter().map(|(pid, _bytes)| *pid));
        found.extend(of_parent);
    }
    found
}

/// Parent and resident memory of a process, from its `stat` (proc_pid_stat(5)). The name in brackets may hold anything.
fn parse_stat(stat: &[u8]) -> Option<(i32, u64)> {
    let behind_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let fields: Vec<&str> = std::str::from_utf8(&stat[behind_name..]).ok()?.split_whitespace().collect();
    let pages: u64 = fields.get(21)?.parse().ok()?;
    Some((fields.get(1)?.parse().ok()?, pages * PAGE_BYTES))
}

#[cfg(test)]
mod tests {
    use super::{launch, parse_stat};

    #[test]
    fn parents_and_memory_are_read_behind_any_name() {
        let tail = "S 7 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 5000 25 18446744073709551615";
        assert_eq!(parse_stat(format!("12 (a) S 9 (b)) {tail}").as_bytes()), Some((7, 25 * 4096)));
        assert_eq!(parse_stat(b"12 (a"), None);
    }

    #[test]
    fn other_arguments_are_not_its_own() {
        for arguments in [
            vec![],
            vec!["trestle"],
            vec!["trestle", "tap"],
            vec!["trestle", "worker", "supervise", "1", "/", "x"],
        ] {
            assert!(launch(arguments.into_iter().map(Into::into)).is_none());
        }
    }
}
