//! A file read in pages, with checkpoints that notice when the file is not the same any more.
//! Deliberately absent: formats, which `reader` knows.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::blocking;
use super::lines::Place;
use super::reader::{Expected, RecordReader, malformed};
use crate::bounds::Bounds;
use crate::cursor::compare_cursor_values;
use crate::directory::io_failure;
use crate::{Cursor, Item, OpenSource, Page, Source, SyncMode, SystemError, SystemErrorKind};

/// Read for one page, in bytes, at most; one record more may come on top. 4 MiB keeps the records of a
/// page, decoded, within a few tens of megabytes.
const PAGE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// First bytes of a file that must not change while a run reads it.
const IDENTITY_HEAD_BYTES: u64 = 4096;

/// A file that is read page by page.
pub(super) struct FileSource {
    /// `None` while a page is read on another thread, and for good when that failed.
    reading: Option<Reading>,
    watermark: Option<Cursor>,
}

struct Reading {
    reader: RecordReader,
    identity: Identity,
    incremental: Option<Incremental>,
    page_records_max: usize,
}

/// By what a file is recognised that only grew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    size: u64,
    head_bytes: u64,
    head_hash: String,
}

struct Incremental {
    field: String,
    bounds: Bounds,
    watermark: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checkpoint {
    offset: u64,
    line: u64,
    #[serde(flatten)]
    identity: Identity,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    columns: Option<usize>,
    #[serde(skip_serializing_if = "Value::is_null", default)]
    watermark: Value,
}

impl FileSource {
    /// Opens a file at its beginning or at the checkpoint. Blocks.
    pub(super) fn open(path: &Path, expected: &Expected, open: OpenSource) -> Result<Self, SystemError> {
        let mut reader = RecordReader::open(path, expected)?;
        let failure = |error: io::Error| io_failure("looking at the file", &error);
        let identity = Identity::of(path, IDENTITY_HEAD_BYTES).map_err(failure)?;
        let mut incremental = match open.stream.mode {
            SyncMode::Full => None,
            SyncMode::Incremental => {
                let field = open.stream.cursor_field.clone().ok_or_else(|| {
                    SystemError::new(SystemErrorKind::Misconfigured, "INCREMENTAL without a cursor field")
                })?;
                let since = open.since.as_ref().and_then(cursor_value).filter(|since| !since.is_null());
                let bounds = Bounds::of(&open, since.clone())?;
                Some(Incremental { field, watermark: since.unwrap_or(Value::Null), bounds })
            }
        };
        if let Some(resume) = open.resume {
            let checkpoint: Checkpoint = serde_json::from_value(resume).map_err(|error| {
                SystemError::new(SystemErrorKind::Internal, format!("reading the checkpoint: {error}"))
            })?;
            let before = &checkpoint.identity;
            let same_head =
                Identity::of(path, before.head_bytes).map_err(failure)?.head_hash == before.head_hash;
            if identity.size < before.size || !same_head {
                return Err(replaced());
            }
            reader.resume(Place { offset: checkpoint.offset, line: checkpoint.line }, checkpoint.columns)?;
            if let Some(incremental) = &mut incremental {
                incremental.watermark = checkpoint.watermark;
            }
        }
        let watermark = incremental.as_ref().and_then(Incremental::cursor);
        let page_records_max = open.page_records_max.max(1);
        Ok(Self { reading: Some(Reading { reader, identity, incremental, page_records_max }), watermark })
    }
}

#[async_trait]
impl Source for FileSource {
    async fn next_page(&mut self) -> Result<Option<Page>, SystemError> {
        let mut reading = self.reading.take().ok_or_else(|| {
            SystemError::new(SystemErrorKind::Internal, "the file is read after an error or a cancelled read")
        })?;
        let (page, reading) = blocking(move || {
            let page = reading.page()?;
            Ok((page, reading))
        })
        .await?;
        self.watermark = reading.incremental.as_ref().and_then(Incremental::cursor);
        self.reading = Some(reading);
        Ok(page)
    }

    fn watermark(&self) -> Option<Cursor> {
        self.watermark.clone()
    }
}

impl Reading {
    fn page(&mut self) -> Result<Option<Page>, SystemError> {
        let size =
            self.reader.file().metadata().map_err(|error| io_failure("looking at the file", &error))?;
        if size.len() < self.identity.size {
            return Err(replaced());
        }
        let start = self.reader.place().offset;
        let mut items = Vec::with_capacity(self.page_records_max.min(4096));
        while items.len() < self.page_records_max && self.reader.place().offset - start < PAGE_BYTES_MAX {
            match self.reader.next()? {
                None => break,
                Some(Item::Record(record)) => {
                    let taken = self.incremental.as_mut().is_none_or(|incremental| {
                        let value = record.get(&incremental.field).unwrap_or(&Value::Null);
                        incremental.takes(value)
                    });
                    if taken {
                        items.push(Item::Record(record));
                    }
                }
                Some(bad) => items.push(bad),
            }
        }
        let Place { offset, line } = self.reader.place();
        if offset == start {
            return Ok(None);
        }
        let checkpoint = Checkpoint {
            offset,
            line,
            identity: self.identity.clone(),
            columns: self.reader.columns().map(<[String]>::len),
            watermark: self.incremental.as_ref().map_or(Value::Null, |mode| mode.watermark.clone()),
        };
        let checkpoint = serde_json::to_value(checkpoint).map_err(|error| {
            SystemError::new(SystemErrorKind::Internal, format!("writing the checkpoint: {error}"))
        })?;
        Ok(Some(Page { items, checkpoint, size_bytes: offset - start }))
    }
}

impl Incremental {
    /// True when a record with this value belongs to the run; moves the watermark.
    fn takes(&mut self, value: &Value) -> bool {
        if value.is_null() {
            return self.bounds.take(value);
        }
        if self.watermark.is_null() || compare_cursor_values(value, &self.watermark) == Ordering::Greater {
            self.watermark = value.clone();
        }
        self.bounds.take(value)
    }

    fn cursor(&self) -> Option<Cursor> {
        (!self.watermark.is_null()).then(|| json!({"value": self.watermark}))
    }
}

/// The value that a watermark of files stands at.
pub(super) fn cursor_value(watermark: &Cursor) -> Option<Value> {
    watermark.get("value").cloned()
}

impl Identity {
    fn of(path: &Path, head_bytes: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut head = Vec::new();
        file.take(head_bytes).read_to_end(&mut head)?;
        Ok(Self { size, head_bytes: head.len() as u64, head_hash: format!("{:016x}", xxh3_64(&head)) })
    }
}

fn replaced() -> SystemError {
    malformed("the file was replaced while it was read".to_owned())
}
