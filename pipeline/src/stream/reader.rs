//! The first stage: pages from a source, or from stored records. Deliberately absent: a look into the
//! records, other than the key that tells where a page of stored ones ends.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use connector::{Connector, Cursor, Item, OpenSource, Page, Record, RecordKey, Source, SystemError};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Feed, StreamStop, milliseconds, panicked};
use crate::budget::{PageRoom, PageShare};
use crate::retry::Patience;
use crate::{LedgerError, RetryNotice, RetryPolicy, Side};

/// The record of a failure that is retried.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRecord {
    /// The failure.
    pub failure: Uuid,
    /// A run: if it has written another record of this key, that one stands. Of what its gate kept back, which another
    /// slice may have brought as well.
    pub unless_written_by: Option<Uuid>,
    /// As it was read, or as it was edited since.
    pub record: Record,
    /// Rough size, in bytes of JSON.
    pub size_bytes: u64,
}

/// Stored records of a page, in bytes; one more may come on top. As of the sources.
const STORED_PAGE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What a page holds.
pub(super) enum ReadItems {
    /// From a source.
    Source(Vec<Item>),
    /// Of failures that are retried.
    Stored(Vec<StoredRecord>),
}

/// A page as it was read.
pub(super) struct ReadPage {
    pub(super) number: u64,
    pub(super) items: ReadItems,
    pub(super) checkpoint: Option<Cursor>,
    pub(super) size_bytes: u64,
    pub(super) read_ms: u64,
    /// Until all of it is accounted.
    pub(super) room: PageRoom,
}

pub(super) enum Input {
    Source(Box<SourceInput>),
    Stored(StoredInput),
}

impl Input {
    /// Whether others read the rest of the source.
    pub(super) fn is_part(&self) -> bool {
        matches!(self, Self::Source(source) if source.open.part.is_some())
    }
}

/// What a source is heard to do besides giving pages.
pub(super) enum Notice {
    /// It failed, and is asked again.
    Retry(RetryNotice),
    /// It answers again.
    Answers,
}

/// Reads until the end, or until nobody wants more.
pub(super) async fn read(
    mut input: Input,
    share: PageShare,
    feed: mpsc::Sender<Feed<ReadPage>>,
    notices: mpsc::Sender<Notice>,
) {
    let (mut number, mut size_bytes) = (0, 0);
    loop {
        number += 1;
        // Pages are about as large as the one before.
        let started = Instant::now();
        let next = AssertUnwindSafe(async {
            match &mut input {
                Input::Source(source) => source.next(number, &share, size_bytes, &notices).await,
                Input::Stored(stored) => stored.next(number, share.room(size_bytes).await).await,
            }
        });
        let message = match next.catch_unwind().await {
            Ok(Ok(Feed::Page(page))) => {
                size_bytes = page.size_bytes;
                Feed::Page(ReadPage { read_ms: milliseconds(started), ..page })
            }
            Ok(Ok(last)) => last,
            Ok(Err(stop)) => Feed::Stop(stop),
            Err(panic) => Feed::Stop(panicked("reading", panic.as_ref())),
        };
        let last = !matches!(message, Feed::Page(_));
        if feed.send(message).await.is_err() || last {
            return;
        }
    }
}

/// A source that is opened again after a transient error, where reading was.
pub(super) struct SourceInput {
    connector: Arc<dyn Connector>,
    open: OpenSource,
    source: Option<Box<dyn Source>>,
    patience: Patience,
}

impl SourceInput {
    pub(super) fn new(connector: Arc<dyn Connector>, open: OpenSource, policy: RetryPolicy) -> Self {
        Self { connector, open, source: None, patience: Patience::new(policy) }
    }

    async fn next(
        &mut self,
        number: u64,
        share: &PageShare,
        size_bytes: u64,
        notices: &mpsc::Sender<Notice>,
    ) -> Result<Feed<ReadPage>, StreamStop> {
        loop {
            // Given back while it waits to be tried again.
            let room = share.room(size_bytes).await;
            let error = match self.attempt().await {
                Ok(Some(page)) => {
                    self.answered(notices).await?;
                    // From here on reading continues after this page, whatever happens to it later:
                    // it is in memory, and a crash resumes at the last page that was accounted.
                    self.open.resume = Some(page.checkpoint.clone());
                    return Ok(Feed::Page(ReadPage {
                        number,
                        items: ReadItems::Source(page.items),
                        checkpoint: Some(page.checkpoint),
                        size_bytes: page.size_bytes,
                        read_ms: 0,
                        room,
                    }));
                }
                Ok(None) => {
                    self.answered(notices).await?;
                    let watermark = self.source.as_ref().and_then(|source| source.watermark());
                    return Ok(Feed::End { watermark });
                }
                Err(error) => error,
            };
            drop(room);
            self.source = None;
            let Some(wait) = self.patience.wait_after(&error) else {
                return Err(StreamStop::side(Side::Source, error, self.patience.attempts()));
            };
            let attempt = self.patience.attempts();
            tracing::warn!(
                attempt,
                wait_ms = wait.as_millis(),
                error.kind = error.kind.code(),
                "reading is retried"
            );
            // When nobody listens any more the stream is ending, and this task with it.
            let notice = Notice::Retry(RetryNotice { side: Side::Source, error, attempt, wait });
            if notices.send(notice).await.is_err() {
                return Err(StreamStop::Canceled);
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn answered(&mut self, notices: &mpsc::Sender<Notice>) -> Result<(), StreamStop> {
        if self.patience.attempts() == 0 {
            return Ok(());
        }
        self.patience.reset();
        notices.send(Notice::Answers).await.map_err(|_nobody_listens| StreamStop::Canceled)
    }

    async fn attempt(&mut self) -> Result<Option<Page>, SystemError> {
        let progress = self.open.access.progress.clone();
        let _waiting = progress.wait();
        let source = match &mut self.source {
            Some(source) => source,
            closed => closed.insert(self.connector.open_source(self.open.clone()).await?),
        };
        source.next_page().await
    }
}

/// Stored records, cut into pages in which no key stands twice.
pub(super) struct StoredInput {
    records: BoxStream<'static, Result<StoredRecord, LedgerError>>,
    page_records_max: usize,
    key_fields: Vec<String>,
    /// Belongs to the next page, as its key stands in this one.
    held: Option<StoredRecord>,
    ended: bool,
}

impl StoredInput {
    pub(super) fn new(
        records: BoxStream<'static, Result<StoredRecord, LedgerError>>,
        page_records_max: usize,
        key_fields: Vec<String>,
    ) -> Self {
        Self { records, page_records_max: page_records_max.max(1), key_fields, held: None, ended: false }
    }

    async fn next(&mut self, number: u64, room: PageRoom) -> Result<Feed<ReadPage>, StreamStop> {
        let mut items = Vec::new();
        let mut keys = HashSet::new();
        let mut size_bytes = 0;
        while items.len() < self.page_records_max && size_bytes < STORED_PAGE_BYTES_MAX {
            let stored = match self.held.take() {
                Some(stored) => stored,
                None if self.ended => break,
                None => match self.records.next().await {
                    Some(stored) => stored?,
                    None => {
                        self.ended = true;
                        break;
                    }
                },
            };
            if let Some(key) = RecordKey::of(&stored.record, &self.key_fields)
                && !keys.insert(key)
            {
                self.held = Some(stored);
                break;
            }
            size_bytes += stored.size_bytes;
            items.push(stored);
        }
        if items.is_empty() {
            return Ok(Feed::End { watermark: None });
        }
        Ok(Feed::Page(ReadPage {
            number,
            items: ReadItems::Stored(items),
            checkpoint: None,
            size_bytes,
            read_ms: 0,
            room,
        }))
    }
}
