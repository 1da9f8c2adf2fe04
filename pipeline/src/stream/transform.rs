//! The second stage: keys, mapping, rules and payload hashes, on a thread of its own. Deliberately
//! absent: anything that waits.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use connector::{Cursor, Item, Progress, Record, RecordKey, Write};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use super::reader::{ReadItems, ReadPage};
use super::{Duplicates, Feed, milliseconds, panicked};
use crate::budget::PageRoom;
use crate::failure::UnusableKey;
use crate::kpi::Measures;
use crate::shape::ShapeWatch;
use crate::{Kpis, Mapped, Mapping, PayloadHash, RecordFailure, Rules, Shape};

/// A record that can be written.
pub(super) struct Ready {
    pub(super) write: Write,
    /// As it was read, where that is not what is written.
    pub(super) source: Option<Record>,
    pub(super) payload_hash: PayloadHash,
    /// Size of what is hashed.
    pub(super) payload_bytes: u64,
    pub(super) key_hash: u64,
    pub(super) retried: Option<Uuid>,
    /// See [`StoredRecord::unless_written_by`](super::StoredRecord).
    pub(super) unless_written_by: Option<Uuid>,
    /// Among the records of its page that were measured; 0 where none are.
    pub(super) place: usize,
}

impl Ready {
    /// Key, record as it was read, and record as it was mapped where there is a mapping.
    pub(super) fn into_parts(self) -> (RecordKey, Record, Option<Record>) {
        match self.source {
            Some(source) => (self.write.key, source, Some(self.write.record)),
            None => (self.write.key, self.write.record, None),
        }
    }
}

/// A page whose records are ready, failed or skipped. No key stands twice in `ready`.
pub(super) struct MappedPage {
    pub(super) number: u64,
    pub(super) checkpoint: Option<Cursor>,
    pub(super) size_bytes: u64,
    pub(super) read_ms: u64,
    pub(super) map_ms: u64,
    pub(super) read: u64,
    pub(super) ready: Vec<Ready>,
    pub(super) failures: Vec<RecordFailure>,
    pub(super) skipped: u64,
    pub(super) skipped_retries: Vec<Uuid>,
    /// Records that passed mapping and rules, and in how many of them each of the fields that are watched is null.
    pub(super) passed: u64,
    pub(super) nulls: Vec<u64>,
    /// What was measured of `ready`, by the place of each; `None` where nothing is.
    pub(super) measures: Option<Measures>,
    /// Of its first records, where they look other than all before them.
    pub(super) shape: Option<Shape>,
    /// Until all of it is accounted.
    pub(super) room: PageRoom,
}

pub(super) struct Transform {
    pub(super) mapping: Option<Arc<Mapping>>,
    pub(super) rules: Option<Arc<Rules>>,
    /// The field whose mark says that a record is gone, for one that comes back has none.
    pub(super) unmarked: Option<String>,
    pub(super) key_fields: Vec<String>,
    pub(super) duplicates: Duplicates,
    pub(super) shape: Option<ShapeWatch>,
    /// Fields of mapped records of which it is counted how often they are null.
    pub(super) null_fields: Vec<String>,
    pub(super) kpis: Option<Arc<Kpis>>,
    pub(super) progress: Progress,
    /// Set when nobody wants the rest of the page.
    pub(super) unwanted: CancellationToken,
}

enum Outcome {
    Ready(Ready),
    Failed(RecordFailure),
    Skipped,
}

impl Transform {
    /// Works from this page until the last one, or until nobody wants more. Blocks its thread.
    pub(super) fn run(
        self,
        first: ReadPage,
        mut from: mpsc::Receiver<Feed<ReadPage>>,
        to: mpsc::Sender<Feed<MappedPage>>,
    ) {
        let mut buffer = Vec::new();
        let mut next = Some(Feed::Page(first));
        while let Some(message) = next {
            let message = match message {
                Feed::Page(page) => match catch_unwind(AssertUnwindSafe(|| self.page(page, &mut buffer))) {
                    Ok(Some(page)) => Feed::Page(page),
                    Ok(None) => return,
                    Err(panic) => Feed::Stop(panicked("mapping", panic.as_ref())),
                },
                Feed::End { watermark } => Feed::End { watermark },
                Feed::Stop(stop) => Feed::Stop(stop),
            };
            let last = !matches!(message, Feed::Page(_));
            if to.blocking_send(message).is_err() || last {
                return;
            }
            next = from.blocking_recv();
        }
    }

    /// `None` when nobody wants the page any more.
    fn page(&self, page: ReadPage, buffer: &mut Vec<u8>) -> Option<MappedPage> {
        let started = Instant::now();
        let _waiting = self.progress.wait();
        let ReadPage { number, items, checkpoint, size_bytes, read_ms, room } = page;
        let count = match &items {
            ReadItems::Source(items) => items.len(),
            ReadItems::Stored(records) => records.len(),
        };
        let mut mapped = MappedPage {
            number,
            checkpoint,
            size_bytes,
            read_ms,
            map_ms: 0,
            read: count as u64,
            ready: Vec::with_capacity(count),
            failures: Vec::new(),
            skipped: 0,
            skipped_retries: Vec::new(),
            passed: 0,
            nulls: Vec::new(),
            measures: None,
            shape: self.shape.as_ref().and_then(|watch| items.look_at(watch)),
            room,
        };
        match items {
            ReadItems::Source(items) => {
                for item in items {
                    if self.unwanted.is_cancelled() {
                        return None;
                    }
                    match item {
                        Item::Record(record) => mapped.take(self.record(record, None, buffer), None),
                        Item::Malformed(malformed) => {
                            mapped.failures.push(RecordFailure::malformed(malformed))
                        }
                    }
                }
            }
            ReadItems::Stored(records) => {
                for stored in records {
                    if self.unwanted.is_cancelled() {
                        return None;
                    }
                    let retried = Some(stored.failure);
                    let unless_written_by = stored.unless_written_by;
                    let outcome = match self.record(stored.record, retried, buffer) {
                        Outcome::Ready(ready) => Outcome::Ready(Ready { unless_written_by, ..ready }),
                        other => other,
                    };
                    mapped.take(outcome, retried);
                }
            }
        }
        mapped.passed = mapped.ready.len() as u64;
        mapped.nulls = self.null_fields.iter().map(|field| mapped.nulls_of(field)).collect();
        self.settle_duplicates(&mut mapped);
        if let Some(kpis) = &self.kpis {
            mapped.measure(kpis);
        }
        mapped.map_ms = milliseconds(started);
        Some(mapped)
    }

    fn record(&self, record: Record, retried: Option<Uuid>, buffer: &mut Vec<u8>) -> Outcome {
        self.progress.heard();
        let Some(key) = RecordKey::of(&record, &self.key_fields) else {
            return failed(RecordFailure::missing_key(record, &self.key_fields), retried);
        };
        if let Some(why) = UnusableKey::of(&key) {
            return failed(RecordFailure::unusable_key(why, record, &self.key_fields), retried);
        }
        let (source, mapped) = match &self.mapping {
            None => (None, record),
            Some(mapping) => match mapping.apply_here(&record) {
                Ok(Mapped::Record(mapped)) => (Some(record), mapped),
                Ok(Mapped::Skip) => return Outcome::Skipped,
                Err(error) => {
                    return failed(RecordFailure::mapping_failed(key, record, error.detail), retried);
                }
            },
        };
        let mapped = match &self.rules {
            None => mapped,
            Some(rules) => {
                let value = Value::from(mapped);
                let field_errors = rules.check(&value);
                let Value::Object(mapped) = value else { unreachable!("made of a record above") };
                let mapped = Record::from(mapped);
                if !field_errors.is_empty() {
                    let (record, mapped) = match source {
                        Some(source) => (source, Some(mapped)),
                        None => (mapped, None),
                    };
                    let failure = RecordFailure::schema_violation(key, record, field_errors);
                    return failed(RecordFailure { mapped, ..failure }, retried);
                }
                mapped
            }
        };
        let mut mapped = mapped;
        if let Some(field) = &self.unmarked {
            mapped.insert(field.clone(), Value::Null);
        }
        let payload_hash = PayloadHash::with_buffer(&mapped, buffer);
        let payload_bytes = buffer.len() as u64;
        let key_hash = xxh3_64(key.canonical().as_bytes());
        let write = Write { key, record: mapped, known: false, revision: 0 };
        Outcome::Ready(Ready {
            write,
            source,
            payload_hash,
            payload_bytes,
            key_hash,
            retried,
            unless_written_by: None,
            place: 0,
        })
    }

    /// Only records that could be written compete for a key: where the first one failed the rules, the
    /// second one is written, so that nothing is lost.
    fn settle_duplicates(&self, page: &mut MappedPage) {
        // 64-bit hashes tell nearly every page that it has none, without a look at the keys.
        let mut hashes: Vec<u64> = page.ready.iter().map(|ready| ready.key_hash).collect();
        hashes.sort_unstable();
        if hashes.windows(2).all(|pair| pair[0] != pair[1]) {
            return;
        }
        let mut kept: Vec<Ready> = Vec::with_capacity(page.ready.len());
        let mut places: HashMap<RecordKey, usize> = HashMap::with_capacity(page.ready.len());
        for ready in page.ready.drain(..) {
            let Some(&place) = places.get(&ready.write.key) else {
                places.insert(ready.write.key.clone(), kept.len());
                kept.push(ready);
                continue;
            };
            match self.duplicates {
                Duplicates::Refused { .. } => {
                    let (key, record, mapped) = ready.into_parts();
                    let failure = RecordFailure::duplicate_key(key, &self.key_fields, record);
                    page.failures.push(RecordFailure { mapped, ..failure });
                }
                // The reader begins a new page where a retried key comes again, so this is a source.
                Duplicates::LatestWins | Duplicates::Accepted => {
                    let older = std::mem::replace(&mut kept[place], ready);
                    page.skipped += 1;
                    page.skipped_retries.extend(older.retried);
                }
            }
        }
        page.ready = kept;
    }
}

impl ReadItems {
    fn look_at(&self, watch: &ShapeWatch) -> Option<Shape> {
        match self {
            Self::Source(items) => watch.look(items.iter().filter_map(|item| match item {
                Item::Record(record) => Some(record),
                Item::Malformed(_) => None,
            })),
            Self::Stored(_) => None,
        }
    }
}

impl MappedPage {
    fn nulls_of(&self, field: &str) -> u64 {
        let is_null = |ready: &&Ready| ready.write.record.get(field).is_none_or(Value::is_null);
        self.ready.iter().filter(is_null).count() as u64
    }

    fn measure(&mut self, kpis: &Kpis) {
        for (place, ready) in self.ready.iter_mut().enumerate() {
            ready.place = place;
        }
        self.measures = Some(kpis.measure(self.ready.iter_mut().map(|ready| &mut ready.write.record)));
    }

    fn take(&mut self, outcome: Outcome, retried: Option<Uuid>) {
        match outcome {
            Outcome::Ready(ready) => self.ready.push(ready),
            Outcome::Failed(failure) => self.failures.push(failure),
            Outcome::Skipped => {
                self.skipped += 1;
                self.skipped_retries.extend(retried);
            }
        }
    }
}

fn failed(failure: RecordFailure, retried: Option<Uuid>) -> Outcome {
    Outcome::Failed(RecordFailure { retried, ..failure })
}
