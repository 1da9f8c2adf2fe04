//! What a connector's adapter gives the checks: a real system, in the state that a check needs.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use connector::{OpenDestination, OpenSource, Record, RecordKey, StreamSpec, SyncMode, SystemAccess, Write};
use serde_json::{Value, json};

/// What applies to a connector, or why it does not.
pub type Applies<T> = Result<T, &'static str>;

/// Which end of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Source,
    Destination,
}

impl End {
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
        }
    }
}

/// Everything that opening an end takes.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Open {
    Source(OpenSource),
    Destination(OpenDestination),
}

/// What is wrong with a system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It does not know these credentials.
    Credentials,
    /// It wants to be asked less often.
    TooMany,
    /// It is there, and breaks: 5xx, no connections left, a lock.
    Broken,
    /// Nobody listens.
    Refused,
    /// It takes the connection and says nothing.
    Silent,
}

/// An end that fails for as long as the guard lives.
pub struct Failing {
    pub open: Open,
    pub guard: Option<Box<dyn Any + Send>>,
}

impl Failing {
    pub fn of(open: Open) -> Self {
        Self { open, guard: None }
    }
}

/// Keeps a system from answering.
#[async_trait]
pub trait Hold: Send {
    /// From now on it takes what is asked, and does not finish it.
    async fn engage(&mut self);
    /// Comes back when it is in the middle of something.
    async fn stuck(&mut self);
    /// It works again.
    async fn release(&mut self);
}

/// An end with a system that can be held.
pub struct Hanging {
    pub open: Open,
    pub hold: Box<dyn Hold>,
    /// The whole source comes by one statement, so it is held before that begins.
    pub hangs_while_opening: bool,
}

/// For what can't be held from outside: the future is dropped after it was polled once.
pub struct OncePolled;

#[async_trait]
impl Hold for OncePolled {
    async fn engage(&mut self) {}

    async fn stuck(&mut self) {}

    async fn release(&mut self) {}
}

/// Sets real systems up for one connector. Sources have records keyed by `id`.
#[async_trait]
pub trait Adapter: Send + Sync {
    /// Access that works.
    async fn access(&self) -> SystemAccess;

    /// The records 1 to `count`, in pages of [`page_size`].
    async fn source(&self, count: usize) -> Applies<OpenSource>;

    /// A source in which one piece is no record, and the ids of those that are.
    async fn malformed_among(&self) -> Applies<(OpenSource, Vec<u64>)>;

    /// A source that is something else altogether.
    async fn malformed(&self) -> Applies<OpenSource>;

    /// Nothing is in it yet.
    async fn destination(&self) -> Applies<OpenDestination>;

    /// The ids that are stored there, in order.
    async fn stored(&self, open: &OpenDestination) -> Applies<Vec<u64>>;

    /// A destination that lets records go; [`destination`](Self::destination) where that is the same.
    async fn removable(&self) -> Applies<OpenDestination> {
        self.destination().await
    }

    /// A record that the destination refuses.
    fn bad_record(&self) -> Applies<Value>;

    async fn failing(&self, fault: Fault, end: End) -> Applies<Failing>;

    /// How long [`Fault::TooMany`] asks to wait.
    fn retry_after(&self) -> Applies<Duration>;

    /// The records 1 to 23, or an empty destination.
    async fn hanging(&self, end: End) -> Applies<Hanging>;

    /// How many connections or files ends have open, by what the system or the machine says.
    async fn open_count(&self) -> Applies<usize>;
}

/// Records a page.
pub fn page_size() -> usize {
    5
}

/// A record by its number.
pub fn order(id: u64) -> Value {
    json!({"id": id, "name": format!("order {id}")})
}

/// The number in a record's id: the sandbox writes it as `SBX-000001`.
pub fn id_of(record: &Record) -> u64 {
    match &record["id"] {
        Value::String(text) => text.trim_start_matches("SBX-").parse().unwrap(),
        id => id.as_u64().unwrap(),
    }
}

/// A record without its key, which a mapping may lose, has the key of its place.
pub fn write_of(place: usize, record: &Value) -> Write {
    let record: Record = record.as_object().unwrap().clone().into();
    let placed = [("id".to_owned(), json!(format!("place {place}")))].into_iter().collect();
    let keys = ["id".to_owned()];
    let key = RecordKey::of(&record, &keys).or_else(|| RecordKey::of(&placed, &keys)).unwrap();
    Write { key, record, known: false, revision: 0 }
}

pub fn access(config: Value, credentials: Value, files_dir: &Path) -> SystemAccess {
    SystemAccess {
        config,
        credentials: credentials.to_string().into(),
        files_dir: files_dir.to_owned(),
        tokens: None,
        pace: Default::default(),
        progress: Default::default(),
        credential_store: Default::default(),
        inbox: None,
    }
}

pub fn open_source(access: SystemAccess, options: Value) -> OpenSource {
    OpenSource {
        access,
        stream: stream(),
        options,
        since: None,
        overlap: None,
        from: None,
        only: None,
        part: None,
        resume: None,
        page_records_max: page_size(),
    }
}

pub fn open_destination(access: SystemAccess, options: Value) -> OpenDestination {
    OpenDestination {
        access,
        stream: stream(),
        options,
        run: uuid::Uuid::now_v7(),
        integration: uuid::Uuid::nil(),
        resumed: false,
    }
}

fn stream() -> StreamSpec {
    StreamSpec {
        name: "orders".to_owned(),
        key_fields: vec!["id".to_owned()],
        cursor_field: None,
        mode: SyncMode::Full,
        classified: Default::default(),
    }
}

/// Files below a directory that this process has open.
pub fn open_files(directory: &Path) -> usize {
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let links = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok());
    links.filter(|target: &PathBuf| target.starts_with(&directory)).count()
}

/// A port at which nobody listens.
pub fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A port at which connections are taken; each is kept in silence, or closed at once.
pub async fn useless_port(silent: bool) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            if silent {
                kept.push(socket);
            }
        }
    });
    port
}
