//! Receipts of pages whose keys lie strewn over their stream. Merged page by page, each would have a block read and
//! written anew; so they are kept as they came, cut at the same bounds each time, until a range has so many that they
//! are neighbours.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use connector::Action;
use pipeline::SeenKeys;
use sea_orm::{ConnectionTrait, DatabaseBackend, Statement, Value};
use serde_json::json;
use xxhash_rust::xxh3::xxh3_64;

use super::block::{self, Size};
use super::{Entry, Stream, Stride, array, merge, over};
use crate::error::{Doing, Error, Result};

/// Receipts of the first page that go between two bounds, as many as fill a row.
const RANGE_KEYS: usize = 50;
/// Receipts of a range that are merged into its blocks, ten thousand being some 300 KB.
const RANGE_KEYS_MAX: usize = 10_000;
/// Ranges that one page merges: few, so that none waits for many.
const MERGED_RANGES: usize = 2;
/// Receipts that are merged with one statement.
const MERGED_KEYS: usize = 5_000;

/// What one worker has put into segments.
#[derive(Default)]
pub(in crate::background) struct Segments(Mutex<HashMap<String, Writing>>);

/// How the receipts of a stream are kept.
enum Writing {
    /// In blocks: its keys have not been strewn so far.
    Blocks,
    /// In blocks, whatever its keys are.
    BlocksOnly,
    /// As they come.
    Segments(Ranges),
}

struct Ranges {
    /// First keys of the ranges, in order; the first one is empty.
    bounds: Vec<String>,
    /// Receipts in the segments of each.
    counts: Vec<usize>,
    /// Of the next segment.
    number: i64,
    /// All keys that have come.
    keys: SeenKeys,
}

/// A row of `receipt_segment`: its bound, its number, where its bytes begin among those of all and how many they are.
#[derive(serde::Serialize)]
struct Row(String, i64, [usize; 2]);

/// A page, ready to be stored.
pub(in crate::background) struct Page {
    rows: Vec<Row>,
    bytes: Vec<u8>,
}

impl Segments {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, Writing>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Nothing of this stream is in a segment now.
    pub(in crate::background) fn open(&self, stream: &str) {
        self.with(|streams| streams.insert(stream.to_owned(), Writing::Blocks));
    }

    /// From now on this stream has blocks only. False when it has segments, which are to be merged first.
    pub(in crate::background) fn close(&self, stream: &str) -> bool {
        self.with(|streams| match streams.get_mut(stream) {
            Some(Writing::Segments(_)) => false,
            Some(writing) => {
                *writing = Writing::BlocksOnly;
                true
            }
            None => true,
        })
    }

    /// Whether this worker has put receipts of this stream into segments.
    pub(in crate::background) fn has(&self, stream: &str) -> bool {
        self.with(|streams| matches!(streams.get(stream), Some(Writing::Segments(_))))
    }

    /// Keys that cut a page evenly, whose entries are in the order of their keys; none of a stream that has its way already.
    pub(super) fn bounds_of(&self, stream: &str, entries: &[Entry]) -> Vec<String> {
        let is_open = self.with(|streams| matches!(streams.get(stream), Some(Writing::Blocks)));
        let bounds = entries.iter().step_by(RANGE_KEYS).map(|entry| entry.key.clone());
        if is_open { bounds.collect() } else { Vec::new() }
    }

    /// A page's keys were strewn: what comes next goes into segments, with bounds that cut such a page evenly.
    pub(super) fn begin(&self, stream: &str, mut bounds: Vec<String>) {
        let Some(first) = bounds.first_mut() else { return };
        first.clear();
        self.with(|streams| {
            if let Some(writing @ Writing::Blocks) = streams.get_mut(stream) {
                let counts = vec![0; bounds.len()];
                *writing = Writing::Segments(Ranges { bounds, counts, number: 0, keys: SeenKeys::default() });
            }
        });
    }

    /// Those of these keys that may be in a segment: all, where that is not known.
    pub(in crate::background) fn asked<'a>(&self, stream: &str, keys: &[&'a str]) -> Vec<&'a str> {
        self.with(|streams| match streams.get(stream) {
            None => keys.to_vec(),
            Some(Writing::Blocks | Writing::BlocksOnly) => Vec::new(),
            Some(Writing::Segments(ranges)) => {
                keys.iter().copied().filter(|key| ranges.keys.may_contain(xxh3_64(key.as_bytes()))).collect()
            }
        })
    }

    /// Cuts a page, whose entries are in the order of their keys; `None` where its stream is written in blocks.
    pub(super) fn cut(&self, stream: &str, entries: &[Entry]) -> Option<Page> {
        self.with(|streams| match streams.get_mut(stream) {
            Some(Writing::Segments(ranges)) => Some(ranges.cut(entries)),
            _ => None,
        })
    }

    /// Ranges that have become full, the fullest first.
    pub(super) fn full(&self, stream: &str) -> Vec<String> {
        self.with(|streams| {
            let Some(Writing::Segments(ranges)) = streams.get(stream) else { return Vec::new() };
            let mut full: Vec<(usize, &String)> = ranges
                .counts
                .iter()
                .copied()
                .zip(&ranges.bounds)
                .filter(|(count, _)| *count > RANGE_KEYS_MAX)
                .collect();
            full.sort_unstable_by(|one, other| other.cmp(one));
            full.into_iter().take(MERGED_RANGES).map(|(_, bound)| bound.clone()).collect()
        })
    }

    /// A range was merged.
    pub(super) fn merged(&self, stream: &str, bound: &str) {
        self.with(|streams| {
            if let Some(Writing::Segments(ranges)) = streams.get_mut(stream)
                && let Ok(place) = ranges.bounds.binary_search_by(|known| known.as_str().cmp(bound))
            {
                ranges.counts[place] = 0;
            }
        });
    }
}

impl Ranges {
    fn cut(&mut self, entries: &[Entry]) -> Page {
        let mut page = Page { rows: Vec::with_capacity(self.bounds.len()), bytes: Vec::new() };
        let mut rest = entries;
        for place in 0..self.bounds.len() {
            let count = match self.bounds.get(place + 1) {
                Some(next) => rest.partition_point(|entry| entry.key < *next),
                None => rest.len(),
            };
            let (here, behind) = rest.split_at(count);
            rest = behind;
            if here.is_empty() {
                continue;
            }
            for (_count, bytes) in block::encode(here, Size::OF_NEIGHBOURS) {
                // Places in bytes begin with 1 in SQL.
                let row = Row(self.bounds[place].clone(), self.number, [page.bytes.len() + 1, bytes.len()]);
                page.rows.push(row);
                page.bytes.extend_from_slice(&bytes);
                self.number += 1;
            }
            self.counts[place] += count;
        }
        for entry in entries {
            self.keys.insert(xxh3_64(entry.key.as_bytes()));
        }
        page
    }
}

/// Stores a page as it came.
pub(super) async fn append<C: ConnectionTrait>(connection: &C, stream: Stream<'_>, page: Page) -> Result<()> {
    let doing = "storing write receipts as they come";
    let Page { rows, bytes } = page;
    let backend = connection.get_database_backend();
    let count = rows.len() as u64;
    let mut values: Vec<Value> =
        vec![stream.tenant_id.into(), stream.integration_id.into(), stream.name.into(), bytes.into()];
    let from = match backend {
        DatabaseBackend::Postgres => {
            values.push(array(rows.iter().map(|row| row.0.as_str())).into());
            values.push(numbers(rows.iter().map(|row| row.1)).into());
            for column in 0..2 {
                values.push(numbers(rows.iter().map(|row| row.2[column])).into());
            }
            "b.bound, b.number, substr($4, b.start, b.length) FROM integration AS i, \
             unnest($5::text::text[], $6::text::int8[], $7::text::int4[], $8::text::int4[]) \
             AS b(bound, number, start, length)"
        }
        _ => {
            values.push(json!(rows).to_string().into());
            "b.value ->> 0, b.value ->> 1, substr($4, b.value ->> '$[2][0]', b.value ->> '$[2][1]') \
             FROM integration AS i, json_each($5) AS b"
        }
    };
    let sql = format!(
        "INSERT INTO receipt_segment (tenant_id, integration_id, stream, bound, number, entries) \
         SELECT i.tenant_id, i.id, $3, {from} WHERE i.tenant_id = $1 AND i.id = $2"
    );
    let stored =
        connection.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.doing(doing)?;
    if stored.rows_affected() == count {
        Ok(())
    } else {
        Err(Error::internal(doing, "the tenant has no such integration"))
    }
}

fn numbers(numbers: impl Iterator<Item = impl ToString>) -> String {
    let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
    format!("{{{}}}", numbers.join(","))
}

/// What segments say of the ranges that these keys are in, by key.
pub(super) async fn newer<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    keys: &[&str],
) -> Result<BTreeMap<String, Entry>> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let backend = connection.get_database_backend();
    let mut values: Vec<Value> =
        vec![stream.tenant_id.into(), stream.integration_id.into(), stream.name.into()];
    let sql = match backend {
        DatabaseBackend::Postgres => {
            values.push(array(keys.iter().copied()).into());
            "WITH r AS (SELECT DISTINCT f.bound FROM unnest($4::text::text[]) AS q(key) CROSS JOIN LATERAL \
               (SELECT s.bound FROM receipt_segment AS s WHERE s.tenant_id = $1 AND s.integration_id = $2 \
                AND s.stream = $3 AND s.bound <= q.key COLLATE \"C\" ORDER BY s.bound DESC LIMIT 1) AS f) \
             SELECT w.entries FROM r CROSS JOIN LATERAL (SELECT s.number, s.entries FROM receipt_segment AS s \
               WHERE s.tenant_id = $1 AND s.integration_id = $2 AND s.stream = $3 AND s.bound = r.bound \
               ORDER BY s.number OFFSET 0) AS w ORDER BY w.number"
        }
        _ => {
            values.push(json!(keys).to_string().into());
            "SELECT s.entries FROM receipt_segment AS s WHERE s.tenant_id = $1 AND s.integration_id = $2 \
             AND s.stream = $3 AND s.bound IN (SELECT (SELECT f.bound FROM receipt_segment AS f \
               WHERE f.tenant_id = $1 AND f.integration_id = $2 AND f.stream = $3 AND f.bound <= q.value \
               ORDER BY f.bound DESC LIMIT 1) FROM json_each($4) AS q) ORDER BY s.number"
        }
    };
    let asked: HashSet<&str> = keys.iter().copied().collect();
    let statement = Statement::from_sql_and_values(backend, sql, values);
    combined(connection, statement, |key| asked.contains(key)).await
}

/// Merges the segments of one range into its blocks: of this bound, or of the first one. Answers with its bound; `None`
/// when there was none.
pub(super) async fn settle<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    bound: Option<&str>,
    stride: &Stride,
) -> Result<Option<String>> {
    let doing = "merging write receipts";
    let backend = connection.get_database_backend();
    let whose =
        || -> Vec<Value> { vec![stream.tenant_id.into(), stream.integration_id.into(), stream.name.into()] };
    let of = "FROM receipt_segment WHERE tenant_id = $1 AND integration_id = $2 AND stream = $3";
    let bound = match bound {
        Some(bound) => bound.to_owned(),
        None => {
            let sql = format!("SELECT bound {of} ORDER BY bound LIMIT 1");
            let first = Statement::from_sql_and_values(backend, sql, whose());
            match connection.query_one_raw(first).await.doing(doing)? {
                Some(row) => row.try_get_by_index(0).doing(doing)?,
                None => return Ok(None),
            }
        }
    };
    let with_bound = || [whose(), vec![bound.as_str().into()]].concat();
    let sql = format!("SELECT entries {of} AND bound = $4 ORDER BY number");
    let statement = Statement::from_sql_and_values(backend, sql, with_bound());
    let newer = combined(connection, statement, |_key| true).await?;
    let mut newer = newer.into_values();
    loop {
        let entries: Vec<Entry> = newer.by_ref().take(MERGED_KEYS).collect();
        if entries.is_empty() {
            break;
        }
        merge(connection, stream, entries, stride, None).await?;
    }
    let delete = format!("DELETE {of} AND bound = $4");
    connection
        .execute_raw(Statement::from_sql_and_values(backend, delete, with_bound()))
        .await
        .doing(doing)?;
    Ok(Some(bound))
}

/// The entries of segments that come in the order of their numbers, by key; those whose keys are wanted.
async fn combined<C: ConnectionTrait>(
    connection: &C,
    segments: Statement,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Entry>> {
    let doing = "reading write receipts as they came";
    let mut newest: BTreeMap<String, Entry> = BTreeMap::new();
    for row in connection.query_all_raw(segments).await.doing(doing)? {
        let bytes: Vec<u8> = row.try_get_by_index(0).doing(doing)?;
        for entry in block::decode(&bytes).doing(doing)?.into_iter().filter(|entry| is_wanted(&entry.key)) {
            let before = newest.remove(&entry.key);
            // What says that it has no name at the destination still does when that is only confirmed.
            let written = before.as_ref().map(|before| before.action).unwrap_or(Action::Unchanged);
            let mut entry = over(entry, before);
            if entry.action == Action::Unchanged {
                entry.action = written;
            }
            newest.insert(entry.key.clone(), entry);
        }
    }
    Ok(newest)
}
