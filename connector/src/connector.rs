//! The interface of a connector: how it describes itself, and how its two ends are opened.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::Value;

use crate::{
    AccessTokens, Classified, CredentialStore, Cursor, CursorRange, Destination, Division, Inbox,
    IncomingFile, OAuth2, Pace, Part, Progress, Receiver, Removal, Source, SystemError,
};

/// What a connector says about itself. One description validates input, documents the field and can
/// render a form. Schemas are JSON Schema draft 2020-12 with `additionalProperties: false`.
#[derive(Debug, Clone)]
pub struct Description {
    /// Stable name, e.g. `postgres`.
    pub name: &'static str,
    /// Name for people, e.g. `PostgreSQL`.
    pub title: &'static str,
    /// One or two sentences.
    pub description: &'static str,
    /// Of a system's `config`.
    pub config_schema: Value,
    /// Of a system's `credentials`.
    pub credentials_schema: Value,
    /// Properties of `config` that say to whom credentials are sent. Who changes one of them gives the credentials
    /// again: whoever may change a system could have them sent to a place of their own otherwise.
    pub credentials_go_to: &'static [&'static str],
    /// Whether it asks by single requests, which a rate limit can count.
    pub can_be_paced: bool,
    /// Of a stream's `source` options; `None` when it can't be read from.
    pub source_schema: Option<Value>,
    /// Of a stream's `destination` options; `None` when it can't be written to.
    pub destination_schema: Option<Value>,
    /// What people should know beyond the schemas.
    pub guide: Guide,
}

/// The part of a connector's page in `docs/connectors` that its schemas can't say.
#[derive(Debug, Clone, Default)]
pub struct Guide {
    /// An example that the schemas let pass.
    pub example: Example,
    /// One sentence each, in Markdown: how it reads, how it writes, what becomes of odd values.
    pub notes: &'static [&'static str],
    /// One clause each: what is refused or cut, and at which size, with its unit.
    pub limits: &'static [&'static str],
    /// Every failure that it can give.
    pub failures: &'static [Failure],
}

/// An example of everything that is given to a connector.
#[derive(Debug, Clone, Default)]
pub struct Example {
    /// A system's `config`.
    pub config: Value,
    /// A system's `credentials`; null when there are none.
    pub credentials: Value,
    /// A stream's `source` options.
    pub source: Option<Value>,
    /// A stream's `destination` options.
    pub destination: Option<Value>,
}

/// A code of the failure catalogue, and when a connector gives it.
#[derive(Debug, Clone, Copy)]
pub struct Failure {
    /// Whole (`destination.conflict`), or the part after the dot for whichever end the connector has.
    pub code: &'static str,
    /// A clause: `the password is wrong`.
    pub when: &'static str,
}

/// A tenant's access to one outside system. The JSON was validated by the description's schemas.
#[derive(Clone, Debug)]
pub struct SystemAccess {
    /// Not secret.
    pub config: Value,
    /// JSON text of the credentials; `{}` when there are none.
    pub credentials: SecretString,
    /// The tenant's own directory; the only one that connectors may touch. May not exist yet.
    pub files_dir: PathBuf,
    /// Gives out access tokens; set where [`Connector::oauth2`] has something to say of the config.
    pub tokens: Option<Arc<dyn AccessTokens>>,
    /// When it may be asked.
    pub pace: Pace,
    /// Told of what comes back, by a connector whose calls take many requests.
    pub progress: Progress,
    /// Where credentials go that the system has renewed.
    pub credential_store: CredentialStore,
    /// What the system has sent; set where [`Connector::receiver`] has something to say of the config.
    pub inbox: Option<Arc<dyn Inbox>>,
}

/// How a stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SyncMode {
    /// Everything, each time.
    Full,
    /// What grew past the cursor of the last run.
    Incremental,
}

/// What both ends need to know of a stream.
#[derive(Debug, Clone)]
pub struct StreamSpec {
    /// Unique in its integration.
    pub name: String,
    /// Fields of the source record that identify it; at least one.
    pub key_fields: Vec<String>,
    /// The field whose value grows; set in INCREMENTAL mode.
    pub cursor_field: Option<String>,
    /// FULL or INCREMENTAL.
    pub mode: SyncMode,
    /// Which fields of its records are never shown to staff.
    pub classified: Classified,
}

/// Everything that opening a source takes.
#[derive(Clone, Debug)]
pub struct OpenSource {
    /// The system to read from.
    pub access: SystemAccess,
    /// The stream to read.
    pub stream: StreamSpec,
    /// The stream's `source` options.
    pub options: Value,
    /// INCREMENTAL: the watermark of the last run that finished; `None` reads from the beginning.
    pub since: Option<Cursor>,
    /// INCREMENTAL with `since`: how far before it reading begins, in seconds where the cursor is a time, and as a number
    /// where it is one. The watermark never goes back.
    pub overlap: Option<u64>,
    /// INCREMENTAL without `since`: the cursor value where reading begins, itself included.
    pub from: Option<Value>,
    /// INCREMENTAL without `since`: only what is in this range, and nothing that has no cursor value.
    pub only: Option<CursorRange>,
    /// Only this part of the source; the others are read beside it. FULL, or INCREMENTAL without `since`, `from` and
    /// `only`; such a source has no watermark.
    pub part: Option<Part>,
    /// The checkpoint of the last page of this run that was accounted; `None` at its start.
    pub resume: Option<Cursor>,
    /// Records a page, at most.
    pub page_records_max: usize,
}

/// Everything that opening a destination takes.
#[derive(Clone, Debug)]
pub struct OpenDestination {
    /// The system to write to.
    pub access: SystemAccess,
    /// The stream to write.
    pub stream: StreamSpec,
    /// The stream's `destination` options.
    pub options: Value,
    /// Names what belongs to this run (staging files and tables), the same after a crash.
    pub run: uuid::Uuid,
    /// Whose run it is: two integrations may send the same record to one receiver.
    pub integration: uuid::Uuid,
    /// True when records of this stream were written by this run before, and accounted: what was kept of them must be
    /// there.
    pub resumed: bool,
}

/// A file that somebody puts where sources read.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// Where, as [`file_path`](crate::file_path) spells it.
    pub path: String,
    /// Only if nothing is there.
    pub only_new: bool,
    /// Files of the tenant's directory that other systems work on ([`Connector::own_files`]): they stay as they are.
    pub kept: HashSet<String>,
}

/// Code that talks to one kind of outside system.
#[async_trait]
pub trait Connector: Send + Sync {
    /// What it is and takes.
    fn description(&self) -> &Description;

    /// Where access tokens come from, of a config that says so; `None` where it needs none.
    ///
    /// # Errors
    /// `Misconfigured` when the config does not have the shape of its schema.
    fn oauth2(&self, _config: &Value) -> Result<Option<OAuth2>, SystemError> {
        Ok(None)
    }

    /// How requests of the system to us are verified and read, of a config that says so; `None` where it sends none.
    ///
    /// # Errors
    /// `Misconfigured` when the config does not have the shape of its schema.
    fn receiver(&self, _config: &Value) -> Result<Option<Receiver>, SystemError> {
        Ok(None)
    }

    /// Connects for real, and answers with one sentence that says what was found.
    async fn test(&self, access: &SystemAccess) -> Result<String, SystemError>;

    /// The value of the cursor field that a watermark of this connector stands at; `None` where it has none.
    fn cursor_value(&self, _watermark: &Cursor) -> Option<Value> {
        None
    }

    /// Whether a destination with these options can delete or mark records that are gone from the source.
    fn can_remove(&self, _options: &Value, _removal: &Removal) -> bool {
        false
    }

    /// The fields of a written record by which a destination with these options knows it, where the source knows it by
    /// `of_source`; `None` where it takes the key of the source.
    fn key_fields(&self, _options: &Value, _of_source: &[String]) -> Option<Vec<String>> {
        None
    }

    /// Whether a single record is written beside all others, and costs no more than itself: so that a test record can be
    /// sent at any time, also while a run goes on.
    fn takes_single_records(&self, _options: &Value) -> bool {
        true
    }

    /// Whether several may write to a destination with these options at once, each other records of one run. Where two of
    /// them may bring one key, the destination must compare what is there with what is written: nobody knows which of both
    /// was last, and the next run is to put it right.
    fn takes_parts(&self, _options: &Value, _may_repeat_keys: bool) -> bool {
        false
    }

    /// Whether two parts of a source may bring one key.
    fn parts_may_repeat_keys(&self) -> bool {
        false
    }

    /// Whether [`divide`](Self::divide) may find parts of a source with these options: others need not be reached for it.
    fn may_be_divided(&self, _options: &Value) -> bool {
        false
    }

    /// Divides a source that is large enough into parts, so that several workers read it at once; `None` where that is
    /// not worth it, or can't be. Cheap beside reading it. All records of one key are in one part, but for
    /// [`parts_may_repeat_keys`](Self::parts_may_repeat_keys).
    ///
    /// # Errors
    /// As [`open_source`](Self::open_source).
    async fn divide(&self, _open: &OpenSource) -> Result<Option<Division>, SystemError> {
        Ok(None)
    }

    /// Whether its sources can begin at a value of the cursor field, at one before where they were, and keep to a range; not
    /// where only they understand their places.
    fn can_begin_anywhere(&self) -> bool {
        true
    }

    /// Whether values can be looked up at other places of its destinations.
    fn can_find(&self) -> bool {
        false
    }

    /// Whether its sources may give a record again in the same run. Then the later one counts, where a second record of one
    /// key is a mistake of the source otherwise.
    fn repeats_records(&self) -> bool {
        false
    }

    /// Whether its sources know by themselves where the run before ended, so that INCREMENTAL needs no cursor field and FULL
    /// is not possible: what was read is not there for ever.
    fn keeps_position(&self) -> bool {
        false
    }

    /// How to tell which files of the tenant's directory a system with a config works on, so that nobody puts others in
    /// their place; `None` where it works on none.
    fn own_files(&self) -> Option<fn(&Value) -> Vec<String>> {
        None
    }

    /// Begins a file that is put where its sources read; `None` where they read no files.
    ///
    /// # Errors
    /// `Forbidden` and `Misconfigured` when the path is not one for a file; those of the store.
    async fn begin_file(
        &self,
        _access: &SystemAccess,
        _file: NewFile,
    ) -> Result<Option<IncomingFile>, SystemError> {
        Ok(None)
    }

    /// Whether a source with these options reads the file of this path, as [`file_path`](crate::file_path) spells it.
    fn reads_file(&self, _options: &Value, _path: &str) -> bool {
        false
    }

    /// Opens a stream to read. Connectors without a source answer `Misconfigured`.
    async fn open_source(&self, open: OpenSource) -> Result<Box<dyn Source>, SystemError>;

    /// Opens a stream to write. Connectors without a destination answer `Misconfigured`.
    async fn open_destination(&self, open: OpenDestination) -> Result<Box<dyn Destination>, SystemError>;
}
