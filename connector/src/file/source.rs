//! Files read in pages, one after the other, with checkpoints that notice when a file is not the same any more.
//! Deliberately absent: formats, which `records` knows, and where files are (`store`).

mod incremental;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::incremental::Incremental;
pub(super) use self::incremental::cursor_value;
use super::blocking;
use super::content::of_file;
use super::division::Group;
use super::object::wait;
use super::pattern::Pattern;
use super::reader::malformed;
use super::records::{Files, RecordPlace, Records};
use super::store::{Identity, Listed, Opened, Readable, Store, not_there};
use crate::{Cursor, Item, OpenSource, Page, Source, SyncMode, SystemError, SystemErrorKind};

/// Read for one page, in bytes, at most; one record more may come on top. 4 MiB keeps the records of a
/// page, decoded, within a few tens of megabytes.
const PAGE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Files that are read page by page.
pub(super) struct FileSource {
    /// `None` while a page is read on another thread, and for good when that failed.
    reading: Option<Reading>,
    /// Ends what waits for a store when the source is dropped.
    _stop: DropGuard,
}

/// What is read, by the options.
pub(super) struct Selection {
    /// A path, or a pattern of paths.
    pub(super) path: String,
    pub(super) files: Files,
    /// Whether it is no error when there is no file.
    pub(super) allow_empty: bool,
}

struct Reading {
    store: Store,
    runtime: Handle,
    stop: CancellationToken,
    files: Files,
    /// Whether there may be several files: then their names stand in positions.
    many: bool,
    list: Vec<Listed>,
    /// The file of the list that is read, or comes next.
    at: usize,
    current: Option<Current>,
    incremental: Option<Incremental>,
    page_records_max: usize,
    /// What reading ended with, after the page that holds what came before.
    ended: Option<SystemError>,
}

struct Current {
    readable: Readable,
    records: Records,
    identity: Identity,
    /// Incremental: all of its records are new.
    is_new: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checkpoint {
    /// Of the file, where there may be several.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    path: Option<String>,
    #[serde(flatten)]
    place: RecordPlace,
    #[serde(flatten)]
    identity: Identity,
    /// Incremental, several files: what was listed up to this file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    listed: Option<String>,
    #[serde(skip_serializing_if = "Value::is_null", default)]
    watermark: Value,
}

impl FileSource {
    /// Opens files at the beginning of the first or at the checkpoint.
    pub(super) async fn open(
        store: Store,
        selection: Selection,
        open: OpenSource,
    ) -> Result<Self, SystemError> {
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let Selection { path, files, allow_empty } = selection;
        let pattern = Pattern::of(&path)?;
        let many = pattern.is_some();
        let list = match (open.part.clone(), pattern) {
            (Some(part), _) => Group::files(part)?,
            (None, Some(pattern)) => store.list(pattern).await?,
            // Opening it finds out.
            (None, None) => vec![Listed::unseen(path.clone())],
        };
        if list.is_empty() && !allow_empty {
            return Err(SystemError::new(SystemErrorKind::NotFound, format!("no file matches {path}"))
                .with_hint(format!("there is no file that matches `{path}`")));
        }
        let incremental = match open.stream.mode {
            SyncMode::Full => None,
            SyncMode::Incremental => {
                let field = open.stream.cursor_field.clone().ok_or_else(|| {
                    SystemError::new(SystemErrorKind::Misconfigured, "INCREMENTAL without a cursor field")
                })?;
                Some(Incremental::new(field, &open, many)?)
            }
        };
        let mut reading = Reading {
            store,
            runtime: Handle::current(),
            stop,
            files,
            many,
            list,
            at: 0,
            current: None,
            incremental,
            page_records_max: open.page_records_max.max(1),
            ended: None,
        };
        let checkpoint =
            open.resume.map(serde_json::from_value::<Checkpoint>).transpose().map_err(|error| {
                SystemError::new(SystemErrorKind::Internal, format!("reading the checkpoint: {error}"))
            })?;
        let reading = blocking(move || {
            match checkpoint {
                Some(checkpoint) => reading.resume(checkpoint)?,
                // At once, so that what is wrong with it is said when the stream is opened.
                None => reading.begin(allow_empty)?,
            }
            Ok(reading)
        })
        .await?;
        Ok(Self { reading: Some(reading), _stop: guard })
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
        self.reading = Some(reading);
        Ok(page)
    }

    fn watermark(&self) -> Option<Cursor> {
        self.reading.as_ref().and_then(Reading::watermark)
    }
}

impl Reading {
    fn begin(&mut self, allow_empty: bool) -> Result<(), SystemError> {
        match self.next_file() {
            Err(error) if allow_empty && !self.many && error.kind == SystemErrorKind::NotFound => {
                self.list.clear();
                Ok(())
            }
            begun => begun.map(drop),
        }
    }

    fn resume(&mut self, checkpoint: Checkpoint) -> Result<(), SystemError> {
        let path = match checkpoint.path {
            Some(path) => path,
            None => self.list.first().map(|listed| listed.path.clone()).unwrap_or_default(),
        };
        self.at = self.list.partition_point(|listed| listed.path < path);
        if self.list.get(self.at).is_none_or(|listed| listed.path != path) {
            return Err(malformed(format!("the file `{path}` was removed while it was read")));
        }
        let is_new = match &mut self.incremental {
            None => false,
            Some(incremental) => {
                let before = &self.list[..=self.at];
                incremental.resume(checkpoint.watermark, checkpoint.listed.as_deref(), before)
            }
        };
        self.open_file(&path, is_new, |current| {
            current.readable.is_still(&current.identity, &checkpoint.identity)?;
            current.records.resume(&checkpoint.place)
        })
    }

    /// Opens the next file that has something to read; false when there is none.
    fn next_file(&mut self) -> Result<bool, SystemError> {
        if self.current.take().is_some() {
            self.at += 1;
        }
        while let Some(listed) = self.list.get(self.at).cloned() {
            let is_new = match &self.incremental {
                Some(incremental) if self.many => match incremental.is_new(&listed) {
                    None => {
                        self.at += 1;
                        continue;
                    }
                    Some(is_new) => is_new,
                },
                _ => false,
            };
            self.open_file(&listed.path, is_new, |_| Ok(()))?;
            return Ok(true);
        }
        Ok(false)
    }

    fn open_file(
        &mut self,
        path: &str,
        is_new: bool,
        ready: impl FnOnce(&mut Current) -> Result<(), SystemError>,
    ) -> Result<(), SystemError> {
        let opened = wait(&self.runtime, &self.stop, self.store.open(path, &self.stop))?;
        let opened = opened.ok_or_else(|| not_there(path));
        let named = |error| if self.many { of_file(error, path) } else { error };
        let current = opened.and_then(|Opened { file, identity }| {
            let records = Records::open(&file, path, &self.files)?;
            let mut current = Current { readable: file, records, identity, is_new };
            ready(&mut current)?;
            Ok(current)
        });
        self.current = Some(current.map_err(named)?);
        Ok(())
    }

    fn page(&mut self) -> Result<Option<Page>, SystemError> {
        if let Some(error) = self.ended.take() {
            return Err(error);
        }
        let mut items = Vec::with_capacity(self.page_records_max.min(4096));
        let mut size_bytes = 0;
        let mut moved = false;
        while let Some(current) = &mut self.current {
            current.readable.check(&current.identity)?;
            let start = current.records.size_bytes();
            let place = current.records.place();
            let ended = read_into(
                &mut items,
                self.page_records_max,
                PAGE_BYTES_MAX.saturating_sub(size_bytes),
                current,
                self.incremental.as_mut(),
                self.many.then(|| self.list[self.at].path.as_str()),
            );
            size_bytes += current.records.size_bytes().saturating_sub(start);
            moved |= current.records.place() != place;
            match ended {
                Err(error) => {
                    let error = if self.many { of_file(error, &self.list[self.at].path) } else { error };
                    if items.is_empty() {
                        return Err(error);
                    }
                    self.ended = Some(error);
                    break;
                }
                Ok(false) => break,
                Ok(true) => {
                    // The checkpoint is in the file that is open, so the last one stays open.
                    if self.at + 1 >= self.list.len() {
                        break;
                    }
                    let last = (self.at, self.current.take());
                    self.at += 1;
                    match self.next_file() {
                        Ok(true) => moved = true,
                        Ok(false) => {
                            (self.at, self.current) = last;
                            break;
                        }
                        Err(error) => {
                            (self.at, self.current) = last;
                            self.ended = Some(error);
                            break;
                        }
                    }
                }
            }
        }
        if !moved && items.is_empty() {
            return self.ended.take().map_or(Ok(None), Err);
        }
        let checkpoint = self.checkpoint()?;
        Ok(Some(Page { items, checkpoint, size_bytes }))
    }

    fn checkpoint(&self) -> Result<Cursor, SystemError> {
        let internal = |detail: String| SystemError::new(SystemErrorKind::Internal, detail);
        let current = self.current.as_ref().ok_or_else(|| internal("a page of no file".to_owned()))?;
        let watermark = self.incremental.as_ref().map_or(Value::Null, |mode| mode.watermark().clone());
        let checkpoint = Checkpoint {
            path: self.many.then(|| self.list[self.at].path.clone()),
            place: current.records.place(),
            identity: current.identity.clone(),
            listed: self
                .incremental
                .as_ref()
                .filter(|_| self.many)
                .map(|incremental| incremental.listed(&self.list[..=self.at])),
            watermark,
        };
        serde_json::to_value(checkpoint).map_err(|error| internal(format!("writing the checkpoint: {error}")))
    }

    fn watermark(&self) -> Option<Cursor> {
        self.incremental.as_ref().and_then(|incremental| incremental.cursor(&self.list))
    }
}

/// Reads records of the open file; true at its end, false when the page is full.
fn read_into(
    items: &mut Vec<Item>,
    records_max: usize,
    bytes_max: u64,
    current: &mut Current,
    mut incremental: Option<&mut Incremental>,
    path: Option<&str>,
) -> Result<bool, SystemError> {
    let start = current.records.size_bytes();
    while items.len() < records_max && current.records.size_bytes().saturating_sub(start) < bytes_max {
        match current.records.next()? {
            None => return Ok(true),
            Some(Item::Record(record)) => {
                let taken = incremental.as_mut().is_none_or(|incremental| {
                    let value = record.get(incremental.field()).unwrap_or(&Value::Null);
                    incremental.takes(value) || current.is_new
                });
                if taken {
                    items.push(Item::Record(record));
                }
            }
            Some(Item::Malformed(mut bad)) => {
                if let Some(path) = path {
                    bad.position = format!("{path}, {}", bad.position);
                }
                items.push(Item::Malformed(bad));
            }
        }
    }
    Ok(false)
}
