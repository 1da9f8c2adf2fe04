//! The end of a comparison: records that were moved, that the source does not have any more and the destination still has.
//! Their receipts are walked, and nothing is kept of those that the source has brought but a hash. Deliberately absent: what
//! is done with them.

use std::collections::HashSet;
use std::ops::Range;

use connector::{Gone, RecordKey};
use futures::TryStreamExt;
use tokio::task::spawn_blocking;
use xxhash_rust::xxh3::xxh3_64;

use super::super::StreamStop;
use super::super::transform::MappedPage;
use super::super::writer::canceled_or;
use super::Comparer;
use crate::comparison::{DIFFERENCES_MAX, OnlyThere, Untold, WrittenKey};
use crate::key_set::{KeySet, LoadedKeys};

/// Records of which the destination is asked at once.
const ASKED_RECORDS: usize = 1_000;

/// What a search through all receipts found.
#[derive(Default)]
struct Found {
    extra: u64,
    kept: Vec<Gone>,
    /// Some records have another key at the destination than at the source.
    has_names: bool,
}

impl Comparer<'_> {
    /// Remembers the keys of a page.
    pub(super) async fn remember(&mut self, page: &MappedPage) -> Result<(), StreamStop> {
        let Ok(brought) = &mut self.brought else { return Ok(()) };
        for ready in &page.ready {
            brought.insert(ready.key_hash);
        }
        for failed in &page.failures {
            match &failed.key {
                Some(key) => brought.insert(hash(key.canonical())),
                None => {
                    self.brought = Err(Untold::Unreadable);
                    return Ok(());
                }
            }
        }
        if brought.is_full() {
            let mut keys = std::mem::take(brought);
            let spilled = blocking(move || keys.spill().map(|()| keys)).await?;
            self.brought = spilled.map_err(no_room);
        }
        Ok(())
    }

    /// Looks for what only the destination has, when all of the source was read.
    pub(super) async fn only_there(&mut self) -> Result<OnlyThere, StreamStop> {
        let mut brought = match std::mem::replace(&mut self.brought, Ok(KeySet::default())) {
            Ok(brought) => brought,
            Err(untold) => return Ok(OnlyThere::Untold(untold)),
        };
        if self.end.holds(&[]).await?.is_none() {
            return Ok(OnlyThere::Untold(Untold::Unasked));
        }
        let found = self.search_all(&mut brought).await?;
        let Found { extra, kept, .. } = match found {
            Ok(found) => found,
            Err(error) => return Ok(OnlyThere::Untold(no_room(error))),
        };
        let known = self.compared.counts.destination + extra;
        let others = self.end.row_count().await?.map(|rows| rows.saturating_sub(known));
        Ok(OnlyThere::Told { extra, kept, others })
    }

    async fn search_all(&mut self, brought: &mut KeySet) -> Result<std::io::Result<Found>, StreamStop> {
        let found = match self.search(brought, &HashSet::new()).await? {
            Ok(found) if found.extra > 0 && found.has_names => found,
            found => return Ok(found),
        };
        // Where two records have become one at the destination, it stays as long as the source has one of them.
        match self.shared(brought).await? {
            Ok(shared) if shared.is_empty() => Ok(Ok(found)),
            Ok(shared) => self.search(brought, &shared).await,
            Err(error) => Ok(Err(error)),
        }
    }

    /// `shared` are hashes of what names records at the destination that the source has, whatever else is named so.
    async fn search(
        &mut self,
        brought: &mut KeySet,
        shared: &HashSet<u64>,
    ) -> Result<std::io::Result<Found>, StreamStop> {
        let mut found = Found::default();
        let stream = self.end.open.stream.name.clone();
        let key_count = self.end.open.stream.key_fields.len();
        let (known, stop) = (self.known, self.end.stop);
        for group in brought.groups() {
            let loaded = match load(brought, group).await? {
                Ok(loaded) => loaded,
                Err(error) => return Ok(Err(error)),
            };
            let mut pages = known.written(&stream);
            let mut candidates = Vec::new();
            loop {
                let page = canceled_or(&stop.after_page, async { Ok(pages.try_next().await?) }).await?;
                let is_last = page.is_none();
                for written in page.into_iter().flatten() {
                    found.has_names |= written.destination_key.is_some();
                    if loaded.lacks(hash(&written.canonical)) && !shared.contains(&name(&written)) {
                        candidates.push(gone(written, key_count)?);
                    }
                }
                while candidates.len() >= ASKED_RECORDS || (is_last && !candidates.is_empty()) {
                    let rest = candidates.split_off(candidates.len().min(ASKED_RECORDS));
                    let asked = std::mem::replace(&mut candidates, rest);
                    self.ask(asked, &mut found).await?;
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(Ok(found))
    }

    /// Which of these the destination still has.
    async fn ask(&mut self, candidates: Vec<Gone>, found: &mut Found) -> Result<(), StreamStop> {
        let held = match self.end.holds(&candidates).await? {
            Some(held) if held.len() == candidates.len() => held,
            answer => {
                return Err(StreamStop::internal(format!(
                    "the destination answered for {:?} records of {} that are gone",
                    answer.map(|held| held.len()),
                    candidates.len()
                )));
            }
        };
        for (candidate, _is_held) in candidates.into_iter().zip(held).filter(|(_, is_held)| *is_held) {
            found.extra += 1;
            if self.compared.differences.len() + found.kept.len() < DIFFERENCES_MAX {
                found.kept.push(candidate);
            }
        }
        Ok(())
    }

    /// Hashes of what names records at the destination, of which the source has one and has another one not; eight bytes
    /// for each that it has not.
    async fn shared(&mut self, brought: &mut KeySet) -> Result<std::io::Result<HashSet<u64>>, StreamStop> {
        let mut gone = HashSet::new();
        let looked = self.each_written(brought, |written, lacks| {
            if lacks {
                gone.insert(name(written));
            }
        });
        if let Err(error) = looked.await? {
            return Ok(Err(error));
        }
        let mut shared = HashSet::new();
        let looked = self.each_written(brought, |written, lacks| {
            let name = name(written);
            if !lacks && gone.contains(&name) {
                shared.insert(name);
            }
        });
        Ok(looked.await?.map(|()| shared))
    }

    /// Shows every record that was written, and whether the source lacks it.
    async fn each_written(
        &mut self,
        brought: &mut KeySet,
        mut see: impl FnMut(&WrittenKey, bool) + Send,
    ) -> Result<std::io::Result<()>, StreamStop> {
        let stream = self.end.open.stream.name.clone();
        let (known, stop) = (self.known, self.end.stop);
        for group in brought.groups() {
            let loaded = match load(brought, group).await? {
                Ok(loaded) => loaded,
                Err(error) => return Ok(Err(error)),
            };
            let mut pages = known.written(&stream);
            while let Some(page) =
                canceled_or(&stop.after_page, async { Ok(pages.try_next().await?) }).await?
            {
                for written in page {
                    let hash = hash(&written.canonical);
                    if loaded.covers(hash) {
                        see(&written, loaded.lacks(hash));
                    }
                }
            }
        }
        Ok(Ok(()))
    }
}

fn hash(canonical: &str) -> u64 {
    xxh3_64(canonical.as_bytes())
}

/// A hash of what names a record at the destination.
fn name(written: &WrittenKey) -> u64 {
    hash(written.destination_key.as_deref().unwrap_or(&written.canonical))
}

fn gone(written: WrittenKey, key_count: usize) -> Result<Gone, StreamStop> {
    let WrittenKey { canonical, destination_key } = written;
    let key = RecordKey::stored(&canonical, key_count)
        .ok_or_else(|| StreamStop::internal("a receipt is of other key fields than the stream's"))?;
    Ok(Gone { key, destination_key })
}

fn no_room(error: std::io::Error) -> Untold {
    tracing::warn!(error = &error as &dyn std::error::Error, "the keys of a source can't be kept in a file");
    Untold::NoRoom
}

async fn load(brought: &mut KeySet, group: Range<usize>) -> Result<std::io::Result<LoadedKeys>, StreamStop> {
    let mut keys = std::mem::take(brought);
    let (keys, loaded) = blocking(move || {
        let loaded = keys.load(group);
        (keys, loaded)
    })
    .await?;
    *brought = keys;
    Ok(loaded)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StreamStop> {
    let done = spawn_blocking(work).await;
    done.map_err(|error| StreamStop::internal(format!("keeping the keys of a source: {error}")))
}
