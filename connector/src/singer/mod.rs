//! Singer taps: programs of others that write records to their standard output
//! (<https://github.com/singer-io/getting-started/blob/master/docs/SPEC.md>). The operator names those that may be run, and
//! each run of one is kept in by limits and leaves nothing behind.
//! Deliberately absent: installing taps, targets, and a wall between a tap and what the worker's user may read.

mod catalog;
mod config;
mod description;
mod fault;
#[cfg(target_os = "linux")]
mod launcher;
mod lines;
mod message;
mod outcome;
mod process;
mod redaction;
mod run_directory;
mod source;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use self::config::Selection;
use self::process::Tap;
use self::source::TapSource;
use crate::{
    Connector, Description, Destination, OpenDestination, OpenSource, Source, SystemAccess, SystemError,
    SystemErrorKind,
};

/// Which taps may be run, and how.
#[derive(Clone, Debug)]
pub struct SingerOptions {
    /// Executables by the names that tenants use; none: no tap is run.
    pub taps: BTreeMap<String, PathBuf>,
    /// Where each run of a tap has a directory of its own; made when a tap is run.
    pub directory: PathBuf,
    /// A program that calls [`launch_tap`] with its arguments before all else.
    pub launcher: PathBuf,
    /// What a tap may take.
    pub limits: TapLimits,
}

/// What a tap may take; it is ended when it takes more.
#[derive(Clone, Debug)]
pub struct TapLimits {
    /// Memory of all its processes together, and address space of each, in bytes.
    pub memory_bytes: u64,
    /// How long it may run before it is started again at its last STATE.
    pub time: Duration,
    /// How long it may take to list its streams.
    pub discovery_time: Duration,
    /// Longest line that it may write, in bytes.
    pub line_bytes: usize,
    /// All that it may write in one run of ours, in bytes.
    pub output_bytes: u64,
}

/// Streams that are named, of what a tap has.
const NAMED_MAX: usize = 20;
/// Address space, in bytes: Python maps some 200 MiB before it does anything, and pandas as much again.
const MEMORY_BYTES: u64 = 1024 * 1024 * 1024;
/// The first read of a large account by an API with a rate limit takes hours.
const TIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Taps ask large databases and APIs for each of their tables.
const DISCOVERY_TIME: Duration = Duration::from_secs(5 * 60);
/// In bytes. A record with an attached document has some megabytes; as JSON it is parsed whole.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// In bytes: a hundred million records of a kilobyte.
const OUTPUT_BYTES_MAX: u64 = 100 * 1024 * 1024 * 1024;

impl Default for TapLimits {
    fn default() -> Self {
        Self {
            memory_bytes: MEMORY_BYTES,
            time: TIME,
            discovery_time: DISCOVERY_TIME,
            line_bytes: LINE_BYTES_MAX,
            output_bytes: OUTPUT_BYTES_MAX,
        }
    }
}

impl SingerOptions {
    /// These taps, launched by this program itself.
    pub fn new(taps: BTreeMap<String, PathBuf>, directory: PathBuf) -> Self {
        // Names the program that runs, also when its file was replaced meanwhile.
        let launcher = PathBuf::from("/proc/self/exe");
        Self { taps, directory, launcher, limits: TapLimits::default() }
    }

    /// No tap may be run.
    pub fn none() -> Self {
        Self::new(BTreeMap::new(), PathBuf::new())
    }
}

/// Does the launcher's part when these are its arguments, the program's own name first: starts a tap, keeps it to its limits,
/// and sees that nothing of it is left. `None` for all other arguments.
#[cfg(target_os = "linux")]
pub fn launch_tap(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    launcher::launch(arguments)
}

/// As on Linux, where taps can be run; here they can't.
#[cfg(not(target_os = "linux"))]
pub fn launch_tap(_arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    None
}

/// The `singer` connector.
pub(crate) struct SingerConnector {
    options: Arc<SingerOptions>,
    description: Description,
}

impl SingerConnector {
    /// A connector that runs these taps and no others.
    pub(crate) fn new(options: SingerOptions) -> Self {
        let names: Vec<&str> = options.taps.keys().map(String::as_str).collect();
        Self { description: description::description(&names), options: Arc::new(options) }
    }
}

#[async_trait]
impl Connector for SingerConnector {
    fn description(&self) -> &Description {
        &self.description
    }

    async fn test(&self, access: &SystemAccess) -> Result<String, SystemError> {
        let mut tap = Tap::of(&self.options, access)?;
        if tap.selection == Selection::None {
            return Ok("The tap may be run; it can't list its streams, so nothing was tried.".to_owned());
        }
        let mut names = tap.discover().await?.names();
        let count = names.len();
        names.truncate(NAMED_MAX);
        let named = names.join(", ");
        Ok(match (count, count - names.len()) {
            (0, _) => "The tap runs, and has no streams.".to_owned(),
            (1, _) => format!("The tap runs, and has one stream: {named}."),
            (_, 0) => format!("The tap runs, and has {count} streams: {named}."),
            (_, more) => format!("The tap runs, and has {count} streams: {named}, and {more} more."),
        })
    }

    fn repeats_records(&self) -> bool {
        true
    }

    fn can_begin_anywhere(&self) -> bool {
        false
    }

    async fn open_source(&self, open: OpenSource) -> Result<Box<dyn Source>, SystemError> {
        let tap = Tap::of(&self.options, &open.access)?;
        Ok(Box::new(TapSource::open(tap, open).await?))
    }

    async fn open_destination(&self, _open: OpenDestination) -> Result<Box<dyn Destination>, SystemError> {
        Err(SystemError::new(SystemErrorKind::Misconfigured, "singer has no destination")
            .with_hint("a tap can only be read from"))
    }
}
