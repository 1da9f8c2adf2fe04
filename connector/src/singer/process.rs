//! A tap that runs: its lines, what it complains of, its end. Deliberately absent: what lines mean.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep_until, timeout};

use super::catalog::Catalog;
use super::config::{Selection, TapConfig};
use super::lines::{Lines, Next};
use super::outcome::Outcome;
use super::redaction::Redaction;
use super::run_directory::{self, RunDirectory};
use super::{SingerOptions, fault};
use crate::{Progress, SystemAccess, SystemError, SystemErrorKind};

/// Largest catalog, in bytes: a large CRM with a thousand objects has some 20 MiB.
const CATALOG_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Longest line of what a tap complains of, in bytes; the rest of it is a line of its own.
const COMPLAINT_BYTES_MAX: usize = 2 * 1024;
/// Of what a tap complains of, in lines: so many are logged of each run of it.
const LOGGED_LINES_MAX: usize = 200;
/// So many of the last ones say why it ended.
const TAIL_LINES: usize = 20;
/// How long the launcher may take to remove the directory and to end.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// A tap of a system.
pub(super) struct Tap {
    pub(super) selection: Selection,
    pub(super) config: TapConfig,
    name: String,
    program: PathBuf,
    options: Arc<SingerOptions>,
    progress: Progress,
}

impl Tap {
    /// The tap that a system names.
    ///
    /// # Errors
    /// `Misconfigured` when it is none of those that may be run.
    pub(super) fn of(options: &Arc<SingerOptions>, access: &SystemAccess) -> Result<Self, SystemError> {
        let (system, config) = TapConfig::of(access)?;
        let Some(program) = options.taps.get(&system.tap) else {
            let (detail, hint) = if options.taps.is_empty() {
                ("no tap is allowed", "the operator of this installation has not allowed taps")
            } else {
                ("the tap is not allowed", "the operator of this installation has not allowed this tap")
            };
            return Err(SystemError::new(SystemErrorKind::Misconfigured, detail).with_hint(hint));
        };
        Ok(Self {
            selection: system.selection,
            config,
            name: system.tap,
            program: program.clone(),
            options: options.clone(),
            progress: access.progress.clone(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn options(&self) -> &SingerOptions {
        &self.options
    }

    /// Asks it for its streams.
    ///
    /// # Errors
    /// When it can't be started, fails, or gives no catalog.
    pub(super) async fn discover(&mut self) -> Result<Catalog, SystemError> {
        let mut running = self.start(Vec::new(), &["--discover"], self.options.limits.discovery_time).await?;
        match running.all().await {
            Ok(text) => {
                running.end(self).await?;
                Catalog::parse(&text)
            }
            Err(error) => {
                let kept = running.take_back(self).await;
                note_lost(self.name(), kept);
                Err(error)
            }
        }
    }

    /// Starts it with these files, each behind its flag, for so long at most.
    ///
    /// # Errors
    /// When it can't be started.
    pub(super) async fn start(
        &self,
        files: Vec<(&'static str, String)>,
        flags: &[&str],
        limit: Duration,
    ) -> Result<Running, SystemError> {
        let root = self.options.directory.clone();
        let config = self.config.text();
        let made = tokio::task::spawn_blocking(move || {
            let directory = RunDirectory::create(&root, config.expose_secret())?;
            let mut arguments = vec!["--config".into(), directory.config_path().into_os_string()];
            for (flag, text) in files {
                let path = directory.write(&format!("{flag}.json"), &text)?;
                arguments.extend([format!("--{flag}").into(), path.into_os_string()]);
            }
            Ok::<_, io::Error>((directory, arguments))
        });
        let failure = |what: &str, error: &dyn std::error::Error| {
            SystemError::new(SystemErrorKind::Internal, format!("{what}: {error}"))
        };
        let (directory, arguments) = made
            .await
            .map_err(|error| failure("making a directory for a tap", &error))?
            .map_err(|error| failure("making a directory for a tap", &error))?;
        let mut child = match self.command(&directory).args(arguments).args(flags).spawn() {
            Ok(child) => child,
            Err(error) => {
                let path = directory.path().to_owned();
                let removed = tokio::task::spawn_blocking(move || run_directory::remove(&path)).await;
                if !matches!(removed, Ok(Ok(()))) {
                    tracing::warn!("the directory of a tap that was not started can't be removed");
                }
                return Err(failure("starting the launcher of a tap", &error));
            }
        };
        let (Some(input), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(SystemError::new(SystemErrorKind::Internal, "a tap was started without its pipes"));
        };
        Ok(Running {
            launcher: child.id(),
            child,
            input,
            stdout: Lines::new(stdout, self.options.limits.line_bytes),
            stderr: Lines::new(stderr, COMPLAINT_BYTES_MAX),
            complaints: Complaints::new(&self.name, self.config.redaction()),
            outcome: None,
            directory: Some(directory),
            until: Instant::now() + limit,
            limit,
            stderr_ended: false,
            progress: self.progress.clone(),
        })
    }

    /// The launcher, in an environment without anything of ours.
    fn command(&self, directory: &RunDirectory) -> Command {
        let work = run_directory::work(directory.path());
        let mut command = Command::new(&self.options.launcher);
        command
            .args(launcher_arguments(&self.options, directory, &self.program))
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", &work)
            .env("TMPDIR", &work)
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            // Taps are installed by others, and are not to be written to.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        command
    }
}

#[cfg(target_os = "linux")]
fn launcher_arguments(
    options: &SingerOptions,
    directory: &RunDirectory,
    program: &std::path::Path,
) -> impl IntoIterator<Item = std::ffi::OsString> {
    super::launcher::arguments(options.limits.memory_bytes, directory.path(), program)
}

/// There is no launcher that could take any.
#[cfg(not(target_os = "linux"))]
fn launcher_arguments(
    _options: &SingerOptions,
    _directory: &RunDirectory,
    _program: &std::path::Path,
) -> impl IntoIterator<Item = std::ffi::OsString> {
    std::iter::empty()
}

/// A tap that was started. Its launcher ends it when this is dropped.
pub(super) struct Running {
    child: Child,
    /// Its id, while it lives for all that is known.
    launcher: Option<u32>,
    /// While this is open, the launcher lets the tap run and leaves the directory in place.
    input: ChildStdin,
    stdout: Lines<ChildStdout>,
    stderr: Lines<ChildStderr>,
    complaints: Complaints,
    outcome: Option<Outcome>,
    directory: Option<RunDirectory>,
    until: Instant,
    limit: Duration,
    stderr_ended: bool,
    progress: Progress,
}

impl Running {
    /// Reads the next line; false at the end of its output. May be given up and called again.
    ///
    /// # Errors
    /// `Malformed` for a line that is too long, `Timeout` when it has run for too long.
    pub(super) async fn next(&mut self) -> Result<bool, SystemError> {
        loop {
            tokio::select! {
                biased;
                next = self.stdout.next() => {
                    self.progress.heard();
                    return match next.map_err(|error| pipe_failure(&error))? {
                        Next::Line => Ok(true),
                        Next::End => Ok(false),
                        Next::TooLong => Err(too_long(self.stdout.line().len())),
                    };
                }
                next = self.stderr.next(), if !self.stderr_ended => {
                    let next = next.map_err(|error| pipe_failure(&error))?;
                    self.complained(next);
                }
                _ended = self.child.wait(), if self.launcher.is_some() => self.lost_launcher(),
                () = sleep_until(self.until) => return Err(self.took_too_long()),
            }
        }
    }

    /// All lines of a catalog.
    async fn all(&mut self) -> Result<Vec<u8>, SystemError> {
        let mut text = Vec::new();
        while self.next().await? {
            if text.len() + self.line().len() > CATALOG_BYTES_MAX {
                let detail = format!("its catalog has more than {CATALOG_BYTES_MAX} bytes");
                return Err(SystemError::new(SystemErrorKind::Malformed, detail)
                    .with_hint("the tap lists more streams and fields than can be read"));
            }
            text.extend_from_slice(self.line());
            text.push(b'\n');
        }
        Ok(text)
    }

    /// What [`next`](Self::next) read.
    pub(super) fn line(&self) -> &[u8] {
        self.stdout.line()
    }

    /// All that it wrote so far, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.stdout.bytes()
    }

    /// Keeps what it has changed in its config, if it has.
    ///
    /// # Errors
    /// When that can't be stored.
    pub(super) async fn take_back(&mut self, tap: &mut Tap) -> Result<(), SystemError> {
        let Some(mut directory) = self.directory.take() else { return Ok(()) };
        let read = tokio::task::spawn_blocking(move || {
            let rewritten = directory.rewritten_config();
            (directory, rewritten)
        });
        let (directory, rewritten) = read.await.map_err(|error| {
            SystemError::new(SystemErrorKind::Internal, format!("reading the config of a tap: {error}"))
        })?;
        self.directory = Some(directory);
        let Some(text) = rewritten else { return Ok(()) };
        let kept = tap.config.take_back(&text).await;
        self.complaints.redaction.and(tap.config.redaction());
        kept
    }

    /// Waits for its end, after the end of its output, and keeps its config.
    ///
    /// # Errors
    /// When it failed, or its config can't be stored.
    pub(super) async fn end(mut self, tap: &mut Tap) -> Result<(), SystemError> {
        while !self.stderr_ended {
            tokio::select! {
                biased;
                next = self.stderr.next() => {
                    let next = next.map_err(|error| pipe_failure(&error))?;
                    self.complained(next);
                }
                _ended = self.child.wait(), if self.launcher.is_some() => self.lost_launcher(),
                () = sleep_until(self.until) => return Err(self.took_too_long()),
            }
        }
        // Also of one that failed: what it has renewed counts, and what it had before may not any more.
        let kept = self.take_back(tap).await;
        let Self { mut child, input, complaints, outcome, .. } = self;
        drop(input);
        if timeout(CLOSE_LIMIT, child.wait()).await.is_err() {
            tracing::warn!(tap = tap.name(), "the launcher of a tap takes long to clear up");
        }
        match outcome {
            Some(Outcome::Exited(0)) => kept,
            outcome => {
                note_lost(tap.name(), kept);
                Err(fault::of(outcome, &complaints.tail))
            }
        }
    }

    /// It ends after we let go of it, and not before, unless somebody kills it.
    fn lost_launcher(&mut self) {
        #[cfg(target_os = "linux")]
        if let Some(launcher) = self.launcher {
            super::launcher::kill_group(launcher);
        }
        self.launcher = None;
    }

    fn complained(&mut self, next: Next) {
        self.progress.heard();
        if next == Next::End {
            self.stderr_ended = true;
        } else if let Some(outcome) = Outcome::parse(self.stderr.line()) {
            self.outcome = Some(outcome);
        } else {
            self.complaints.add(self.stderr.line());
        }
    }

    fn took_too_long(&self) -> SystemError {
        let seconds = self.limit.as_secs_f32();
        let said = fault::said(&self.complaints.tail);
        let detail = format!("it was ended after {seconds} s; the last that it said:\n{said}");
        SystemError::new(SystemErrorKind::Timeout, detail)
            .with_hint("the tap did not end within the time that it may take")
    }
}

/// What a tap writes to its standard error, for engineers.
struct Complaints {
    tap: String,
    redaction: Redaction,
    count: usize,
    tail: VecDeque<String>,
}

impl Complaints {
    fn new(tap: &str, redaction: Redaction) -> Self {
        Self { tap: tap.to_owned(), redaction, count: 0, tail: VecDeque::new() }
    }

    fn add(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = self.redaction.apply(text.trim_end());
        let text: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
        if text.is_empty() {
            return;
        }
        self.count += 1;
        if self.count <= LOGGED_LINES_MAX {
            tracing::info!(tap = self.tap, line = text, "a tap says");
        } else if self.count == LOGGED_LINES_MAX + 1 {
            tracing::info!(tap = self.tap, "a tap says more than is logged");
        }
        // Where in its code is in the log; why is told at the left.
        if text.starts_with(char::is_whitespace) {
            return;
        }
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(text);
    }
}

/// Of a tap that fails for another reason, which goes first.
pub(super) fn note_lost(tap: &str, kept: Result<(), SystemError>) {
    if let Err(error) = kept {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, tap, "what a tap has changed in its credentials could not be stored");
    }
}

fn pipe_failure(error: &io::Error) -> SystemError {
    SystemError::new(SystemErrorKind::Internal, format!("reading what a tap writes: {error}"))
}

fn too_long(bytes: usize) -> SystemError {
    SystemError::new(SystemErrorKind::Malformed, format!("a line is longer than {bytes} bytes"))
        .with_hint("the tap wrote a line that is longer than it may be")
}
