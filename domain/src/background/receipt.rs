//! The write ledger: what is known of each record that was written. Receipts of neighbouring keys are packed into the
//! row of a block (`receipt/block.rs`), which covers the keys from its `first_key` to that of the next; the first block
//! of a stream begins with the empty text, so that every key has one. A page is read, merged and written back in one
//! statement each, whatever its size. Where its keys are strewn over the stream, it is kept as it came, and merged later
//! with many others (`receipt/segment.rs`). Raw SQL: the builders know neither database's way to unfold one parameter into
//! rows.

mod block;
mod lease;
mod segment;
#[cfg(test)]
mod tests;

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use connector::Action;
use pipeline::{InDoubt, NewReceipt, Receipt};
use sea_orm::{ConnectionTrait, DatabaseBackend, Statement, Value};
use serde_json::json;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64_with_seed;

pub(super) use self::block::Entry;
use self::block::Size;
pub(super) use self::segment::Segments;
use crate::error::{Doing, Error, Result};

/// Blocks that are read for a range of keys, at most. A range that has more is read key by key.
const RANGE_BLOCKS_MAX: usize = 4;
/// Keys of a range, at most.
const STRIDE_MAX: usize = 64;
/// Where fewer keys of a page fall into a block, they are strewn over the stream's.
const STREWN_KEYS: usize = 4;
/// Keys that are taken for a page.
const PAGE_KEYS_MIN: usize = 200;

/// The receipts of one stream.
#[derive(Clone, Copy)]
pub(crate) struct Stream<'a> {
    pub(crate) tenant_id: Uuid,
    pub(crate) integration_id: Uuid,
    pub(crate) name: &'a str,
}

/// How many neighbouring keys are asked for as one range. Where the keys of a page are neighbours in the stream as well,
/// as when a source is read in the order of its keys, that saves nearly all searches in the index; where they are spread,
/// each is searched for.
#[derive(Debug)]
pub(crate) struct Stride(AtomicUsize);

impl Default for Stride {
    fn default() -> Self {
        Self(AtomicUsize::new(1))
    }
}

impl Stride {
    /// For so many keys. A few are no page, but those of one that need a second look: they lie anywhere.
    fn of(&self, keys: usize) -> usize {
        if keys < PAGE_KEYS_MIN { 1 } else { self.0.load(Ordering::Relaxed) }
    }

    /// Half of what fell into a block lately.
    fn learn(&self, keys: usize, blocks: usize) {
        if keys >= PAGE_KEYS_MIN {
            self.0.store((keys / (2 * blocks.max(1))).clamp(1, STRIDE_MAX), Ordering::Relaxed);
        }
    }
}

/// Blocks by their first key.
type Blocks = BTreeMap<String, Vec<Entry>>;

/// Keeps others who ask for it from the receipts of a stream, until the transaction ends. SQLite has one writer at a time.
pub(super) async fn lock<C: ConnectionTrait>(connection: &C, stream: Stream<'_>) -> Result<()> {
    let backend = connection.get_database_backend();
    if backend != DatabaseBackend::Postgres {
        return Ok(());
    }
    // Streams whose hashes are the same wait for each other, and that is all.
    let seed = u64::from_le_bytes(stream.integration_id.into_bytes()[8..].try_into().unwrap_or_default());
    let lock = xxh3_64_with_seed(stream.name.as_bytes(), seed).cast_signed();
    let statement =
        Statement::from_sql_and_values(backend, "SELECT pg_advisory_xact_lock($1)", [lock.into()]);
    connection.execute_raw(statement).await.doing("locking the receipts of a stream")?;
    Ok(())
}

/// The receipts of these keys; `strewn` are those of them that may be in segments.
pub(crate) async fn lookup<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    run_id: Uuid,
    keys: &[&str],
    strewn: &[&str],
    stride: &Stride,
) -> Result<HashMap<String, Receipt>> {
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    // Before the blocks: what is merged meanwhile is found in one of both.
    let newer = segment::newer(connection, stream, strewn).await?;
    let blocks = covering(connection, stream, &sorted, stride).await?;
    let mut found = HashMap::with_capacity(sorted.len());
    let mut asked = sorted.iter().peekable();
    // Blocks and keys are both in order.
    for entry in blocks.into_values().flatten() {
        while asked.next_if(|key| **key < entry.key.as_str()).is_some() {}
        if asked.next_if(|key| **key == entry.key.as_str()).is_some() {
            let known = receipt(&entry, run_id);
            found.insert(entry.key, known);
        }
    }
    let newer = strewn.iter().filter_map(|key| newer.get(*key));
    found.extend(newer.map(|entry| (entry.key.clone(), receipt(entry, run_id))));
    Ok(found)
}

fn receipt(entry: &Entry, run_id: Uuid) -> Receipt {
    Receipt {
        payload_hash: entry.payload_hash,
        run: entry.run,
        written_in_this_run: entry.run == run_id,
        in_doubt: entry.in_doubt,
    }
}

/// Stores of receipts what is about to be written over what they say. That a receipt is gone meanwhile is no error: its
/// record is then written whatever it is.
pub(super) async fn put_in_doubt<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    writes: &[(&str, InDoubt)],
    stride: &Stride,
) -> Result<()> {
    let doubts: BTreeMap<&str, InDoubt> = writes.iter().copied().collect();
    let keys: Vec<&str> = doubts.keys().copied().collect();
    let mut blocks = covering(connection, stream, &keys, stride).await?;
    blocks.retain(|_first_key, entries| {
        let mut is_changed = false;
        for entry in entries {
            if let Some(in_doubt) = doubts.get(entry.key.as_str()) {
                entry.in_doubt = Some(*in_doubt);
                is_changed = true;
            }
        }
        is_changed
    });
    write(connection, stream, blocks, Size::OF_NEIGHBOURS).await
}

/// Stores a page's receipts: new ones, and newer ones over older ones. Of two of a key the later one stands. No foreign
/// key stands behind them, so the integration is looked up here.
///
/// Where others of the run store `beside`, answers with the keys that one of them has stored already, which have receipts
/// in doubt from then on: which of both wrote last can't be told.
///
/// # Errors
/// Storage; or the tenant has no such integration, and nothing is stored.
pub(super) async fn store<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    run_id: Uuid,
    receipts: &[NewReceipt],
    segments: &Segments,
    stride: &Stride,
    beside: bool,
) -> Result<Vec<String>> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    let latest: BTreeMap<&str, &NewReceipt> =
        receipts.iter().map(|receipt| (receipt.key.canonical(), receipt)).collect();
    let entries: Vec<Entry> = latest
        .into_iter()
        .map(|(key, receipt)| Entry {
            key: key.to_owned(),
            destination_key: receipt.destination_key.clone(),
            payload_hash: receipt.payload_hash,
            action: receipt.action,
            run: run_id,
            in_doubt: None,
        })
        .collect();
    if let Some(page) = segments.cut(stream.name, &entries) {
        segment::append(connection, stream, page).await?;
        for bound in segments.full(stream.name) {
            settle(connection, stream, Some(&bound), segments, stride).await?;
        }
        return Ok(Vec::new());
    }
    let bounds = segments.bounds_of(stream.name, &entries);
    let Merged { size, again } = merge(connection, stream, entries, stride, beside.then_some(run_id)).await?;
    if size == Size::OF_STREWN {
        segments.begin(stream.name, bounds);
    }
    Ok(again)
}

/// Merges the segments of one range into blocks: of this bound, or of the first one. False when there was none.
pub(super) async fn settle<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    bound: Option<&str>,
    segments: &Segments,
    stride: &Stride,
) -> Result<bool> {
    let settled = segment::settle(connection, stream, bound, stride).await?;
    if let Some(bound) = &settled {
        segments.merged(stream.name, bound);
    }
    Ok(settled.is_some())
}

/// What came of entries that were put into blocks.
struct Merged {
    /// How large it made those.
    size: Size,
    /// Keys that the same run had stored before.
    again: Vec<String>,
}

/// Puts entries, which are in the order of their keys, into blocks. `beside` is their run, where others of it store too.
async fn merge<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    entries: Vec<Entry>,
    stride: &Stride,
    beside: Option<Uuid>,
) -> Result<Merged> {
    let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    let mut blocks = covering(connection, stream, &keys, stride).await?;
    let is_strewn = keys.len() >= PAGE_KEYS_MIN && keys.len() < STREWN_KEYS * blocks.len();
    let size = if is_strewn { Size::OF_STREWN } else { Size::OF_NEIGHBOURS };
    // Of a stream without receipts. Any other key is behind a block that was read.
    blocks.entry(String::new()).or_default();
    let firsts: Vec<String> = blocks.keys().skip(1).cloned().collect();
    let mut newer = entries.into_iter().peekable();
    let (mut changed, mut again) = (Blocks::new(), Vec::new());
    for ((first_key, entries), next_block) in
        blocks.into_iter().zip(firsts.iter().map(Some).chain(std::iter::once(None)))
    {
        let is_here = |entry: &Entry| next_block.is_none_or(|first| entry.key < *first);
        let mut here = Vec::new();
        while let Some(entry) = newer.next_if(is_here) {
            here.push(entry);
        }
        // A range may lead over blocks that none of the keys is in.
        if !here.is_empty() {
            changed.insert(first_key, merged(entries, here, beside, &mut again));
        }
    }
    write(connection, stream, changed, size).await?;
    Ok(Merged { size, again })
}

/// Forgets receipts, as far as they are there.
pub(super) async fn remove<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    keys: &[&str],
    stride: &Stride,
) -> Result<()> {
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    let mut blocks = covering(connection, stream, &sorted, stride).await?;
    blocks.retain(|_first_key, entries| {
        let before = entries.len();
        entries.retain(|entry| sorted.binary_search(&entry.key.as_str()).is_err());
        entries.len() < before
    });
    write(connection, stream, blocks, Size::OF_NEIGHBOURS).await
}

/// Blocks of one step of a walk.
const WALKED_BLOCKS: u64 = 64;

/// Receipts of some blocks, and where the next ones are.
pub(super) struct Walk {
    pub(super) entries: Vec<Entry>,
    /// `None` at the end.
    pub(super) next: Option<String>,
}

/// All receipts of a stream, in the order of their keys, some blocks at a time: from the beginning, or where
/// [`Walk::next`] says. What is written meanwhile may come once more.
pub(super) async fn walk<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    after: Option<&str>,
) -> Result<Walk> {
    let doing = "reading all write receipts";
    let backend = connection.get_database_backend();
    let collate = if backend == DatabaseBackend::Postgres { " COLLATE \"C\"" } else { "" };
    let mut values: Vec<Value> =
        vec![stream.tenant_id.into(), stream.integration_id.into(), stream.name.into()];
    let from = match after {
        Some(after) => {
            values.push(after.into());
            format!(" AND first_key > $4{collate}")
        }
        None => String::new(),
    };
    let sql = format!(
        "SELECT first_key, entries FROM receipt_block WHERE tenant_id = $1 AND integration_id = $2 \
         AND stream = $3{from} ORDER BY first_key LIMIT {WALKED_BLOCKS}"
    );
    let rows =
        connection.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await.doing(doing)?;
    let mut walk = Walk { entries: Vec::new(), next: None };
    let is_last = (rows.len() as u64) < WALKED_BLOCKS;
    for row in rows {
        let bytes: Vec<u8> = row.try_get_by_index(1).doing(doing)?;
        walk.entries.extend(block::decode(&bytes).doing(doing)?);
        walk.next = Some(row.try_get_by_index(0).doing(doing)?);
    }
    if is_last {
        walk.next = None;
    }
    Ok(walk)
}

/// Both in the order of their keys.
fn merged(old: Vec<Entry>, new: Vec<Entry>, beside: Option<Uuid>, again: &mut Vec<String>) -> Vec<Entry> {
    let mut merged = Vec::with_capacity(old.len() + new.len());
    let mut old = old.into_iter().peekable();
    for new in new {
        while let Some(entry) = old.next_if(|entry| entry.key < new.key) {
            merged.push(entry);
        }
        let before = old.next_if(|entry| entry.key == new.key);
        let either = before.as_ref().filter(|before| Some(before.run) == beside).map(|before| {
            again.push(new.key.clone());
            receipt(before, before.run).next(new.payload_hash)
        });
        let entry = over(new, before);
        merged.push(Entry { in_doubt: either.or(entry.in_doubt), ..entry });
    }
    merged.extend(old);
    merged
}

/// A newer receipt in place of an older one of its key: what is confirmed keeps the destination's key.
fn over(mut new: Entry, before: Option<Entry>) -> Entry {
    if new.destination_key.is_none() && new.action == Action::Unchanged {
        new.destination_key = before.and_then(|entry| entry.destination_key);
    }
    new
}

/// The blocks in which these keys, which are sorted, are or would be; and some between them.
async fn covering<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    keys: &[&str],
    stride: &Stride,
) -> Result<Blocks> {
    let ranges: Vec<&[&str]> = keys.chunks(stride.of(keys.len())).collect();
    let mut blocks = Blocks::new();
    let counts = read(connection, stream, &ranges, &mut blocks).await?;
    let unsure: Vec<&[&str]> = ranges
        .into_iter()
        .zip(counts)
        .filter(|(range, count)| range.len() > 1 && *count >= RANGE_BLOCKS_MAX)
        .flat_map(|(range, _count)| range.chunks(1))
        .collect();
    read(connection, stream, &unsure, &mut blocks).await?;
    stride.learn(keys.len(), blocks.len());
    Ok(blocks)
}

/// Reads the blocks from that of the first key of a range to that of the last, and tells how many were read for each.
async fn read<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    ranges: &[&[&str]],
    blocks: &mut Blocks,
) -> Result<Vec<usize>> {
    let doing = "reading write receipts";
    let mut counts = vec![0; ranges.len()];
    if ranges.is_empty() {
        return Ok(counts);
    }
    let backend = connection.get_database_backend();
    let bounds = ranges.iter().filter_map(|range| range.first().zip(range.last()));
    let mut values: Vec<Value> =
        vec![stream.tenant_id.into(), stream.integration_id.into(), stream.name.into()];
    let sql = match backend {
        DatabaseBackend::Postgres => {
            let (from, to): (Vec<&str>, Vec<&str>) = bounds.unzip();
            values.extend([array(from.into_iter()).into(), array(to.into_iter()).into()]);
            // LIMIT makes it searches in the index, whatever the statistics of a table that has just begun to grow say.
            format!(
                "SELECT q.n, r.first_key, r.entries \
                 FROM unnest($4::text::text[], $5::text::text[]) WITH ORDINALITY AS q(low, high, n) \
                 CROSS JOIN LATERAL (SELECT b.first_key FROM receipt_block AS b WHERE b.tenant_id = $1 \
                   AND b.integration_id = $2 AND b.stream = $3 AND b.first_key <= q.low COLLATE \"C\" \
                   ORDER BY b.first_key DESC LIMIT 1) AS f \
                 CROSS JOIN LATERAL (SELECT b.first_key, b.entries FROM receipt_block AS b WHERE b.tenant_id = $1 \
                   AND b.integration_id = $2 AND b.stream = $3 AND b.first_key >= f.first_key \
                   AND b.first_key <= q.high COLLATE \"C\" ORDER BY b.first_key LIMIT {RANGE_BLOCKS_MAX}) AS r"
            )
        }
        _ => {
            values.push(json!(bounds.collect::<Vec<_>>()).to_string().into());
            format!(
                "SELECT q.key + 1, r.first_key, r.entries FROM json_each($4) AS q CROSS JOIN receipt_block AS r \
                 WHERE r.rowid IN (SELECT b.rowid FROM receipt_block AS b WHERE b.tenant_id = $1 \
                   AND b.integration_id = $2 AND b.stream = $3 AND b.first_key >= \
                     (SELECT f.first_key FROM receipt_block AS f WHERE f.tenant_id = $1 AND f.integration_id = $2 \
                      AND f.stream = $3 AND f.first_key <= q.value ->> 0 ORDER BY f.first_key DESC LIMIT 1) \
                   AND b.first_key <= q.value ->> 1 ORDER BY b.first_key LIMIT {RANGE_BLOCKS_MAX})"
            )
        }
    };
    let rows =
        connection.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await.doing(doing)?;
    for row in rows {
        let place: i64 = row.try_get_by_index(0).doing(doing)?;
        let first_key: String = row.try_get_by_index(1).doing(doing)?;
        let bytes: Vec<u8> = row.try_get_by_index(2).doing(doing)?;
        if let Some(count) = usize::try_from(place - 1).ok().and_then(|place| counts.get_mut(place)) {
            *count += 1;
        }
        if let Slot::Vacant(new) = blocks.entry(first_key) {
            new.insert(block::decode(&bytes).doing(doing)?);
        }
    }
    Ok(counts)
}

/// A row of a block: its first key, and how many receipts it has, where its bytes begin among those of all and how many
/// they are.
#[derive(serde::Serialize)]
struct Row(String, [usize; 3]);

/// Writes blocks, and cuts those that have become too large.
async fn write<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    blocks: Blocks,
    size: Size,
) -> Result<()> {
    let doing = "storing write receipts";
    let mut rows: Vec<Row> = Vec::with_capacity(blocks.len());
    let mut bytes = Vec::new();
    for (first_key, entries) in blocks {
        let mut first_key = Some(first_key);
        let mut place = 0;
        for (count, block) in block::encode(&entries, size) {
            let key = first_key.take().unwrap_or_else(|| entries[place].key.clone());
            // Places in texts and bytes begin with 1 in SQL.
            rows.push(Row(key, [count, bytes.len() + 1, block.len()]));
            bytes.extend_from_slice(&block);
            place += count;
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let backend = connection.get_database_backend();
    let count = rows.len() as u64;
    let mut values: Vec<Value> =
        vec![stream.tenant_id.into(), stream.integration_id.into(), stream.name.into(), bytes.into()];
    let from = match backend {
        DatabaseBackend::Postgres => {
            values.push(array(rows.iter().map(|row| row.0.as_str())).into());
            for column in 0..3 {
                let numbers: Vec<String> = rows.iter().map(|row| row.1[column].to_string()).collect();
                values.push(format!("{{{}}}", numbers.join(",")).into());
            }
            "b.key, b.count, substr($4, b.start, b.length) FROM integration AS i, \
             unnest($5::text::text[], $6::text::int4[], $7::text::int4[], $8::text::int4[]) \
             AS b(key, count, start, length)"
        }
        _ => {
            values.push(json!(rows).to_string().into());
            "b.value ->> 0, b.value ->> '$[1][0]', substr($4, b.value ->> '$[1][1]', b.value ->> '$[1][2]') \
             FROM integration AS i, json_each($5) AS b"
        }
    };
    let sql = format!(
        "INSERT INTO receipt_block (tenant_id, integration_id, stream, first_key, entry_count, entries) \
         SELECT i.tenant_id, i.id, $3, {from} WHERE i.tenant_id = $1 AND i.id = $2 \
         ON CONFLICT (tenant_id, integration_id, stream, first_key) \
         DO UPDATE SET entry_count = excluded.entry_count, entries = excluded.entries"
    );
    let stored =
        connection.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.doing(doing)?;
    if stored.rows_affected() == count {
        Ok(())
    } else {
        Err(Error::internal(doing, "the tenant has no such integration"))
    }
}

/// What there is of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Receipts.
    pub(super) any: bool,
    /// And some in segments, because a run was interrupted.
    pub(super) segments: bool,
}

/// Whether any receipt of each of these streams exists, in their order.
pub(super) async fn known<C: ConnectionTrait>(connection: &C, streams: &[Stream<'_>]) -> Result<Vec<Known>> {
    let backend = connection.get_database_backend();
    let sql = match backend {
        // LIMIT makes it one search in each index for each stream.
        DatabaseBackend::Postgres => {
            "SELECT v.place, w.here IS NOT NULL, s.here IS NOT NULL FROM json_to_recordset($1::text::json) \
               AS v(place int8, tenant uuid, integration uuid, stream text) \
             LEFT JOIN LATERAL (SELECT 1 AS here FROM receipt_block AS r WHERE r.tenant_id = v.tenant \
               AND r.integration_id = v.integration AND r.stream = v.stream LIMIT 1) AS w ON true \
             LEFT JOIN LATERAL (SELECT 1 AS here FROM receipt_segment AS r WHERE r.tenant_id = v.tenant \
               AND r.integration_id = v.integration AND r.stream = v.stream LIMIT 1) AS s ON true"
        }
        _ => {
            "SELECT v.value ->> 'place', EXISTS (SELECT 1 FROM receipt_block AS r \
               WHERE r.tenant_id = unhex(v.value ->> 'tenant') \
               AND r.integration_id = unhex(v.value ->> 'integration') AND r.stream = v.value ->> 'stream'), \
             EXISTS (SELECT 1 FROM receipt_segment AS r WHERE r.tenant_id = unhex(v.value ->> 'tenant') \
               AND r.integration_id = unhex(v.value ->> 'integration') AND r.stream = v.value ->> 'stream') \
             FROM json_each($1) AS v"
        }
    };
    let rows: Vec<serde_json::Value> = streams
        .iter()
        .enumerate()
        .map(|(place, stream)| {
            let id = |id: Uuid| id.simple().to_string();
            json!({
                "place": place, "tenant": id(stream.tenant_id), "integration": id(stream.integration_id),
                "stream": stream.name,
            })
        })
        .collect();
    let statement = Statement::from_sql_and_values(backend, sql, [json!(rows).to_string().into()]);
    let doing = "looking for write receipts";
    let mut known = vec![Known::default(); streams.len()];
    for row in connection.query_all_raw(statement).await.doing(doing)? {
        let place: i64 = row.try_get_by_index(0).doing(doing)?;
        if let Some(known) = usize::try_from(place).ok().and_then(|place| known.get_mut(place)) {
            known.segments = row.try_get_by_index(2).doing(doing)?;
            known.any = known.segments || row.try_get_by_index(1).doing(doing)?;
        }
    }
    Ok(known)
}

/// Texts as PostgreSQL reads an array.
fn array<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    // https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    let mut literal = String::from("{");
    for text in texts {
        if literal.len() > 1 {
            literal.push(',');
        }
        literal.push('"');
        let mut rest = text;
        while let Some(at) = rest.find(['"', '\\']) {
            literal.push_str(&rest[..at]);
            literal.push('\\');
            literal.push_str(&rest[at..=at]);
            rest = &rest[at + 1..];
        }
        literal.push_str(rest);
        literal.push('"');
    }
    literal.push('}');
    literal
}
