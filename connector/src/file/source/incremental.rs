//! What of the files is new. A file that a run has read is left out by the next as long as it does not change; of one
//! that changed or was not there before all records are new, whatever they hold: files come late, out of order and bit
//! by bit. Of a single file those are new whose cursor field is past the watermark.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use xxhash_rust::xxh3::Xxh3;

use super::super::store::Listed;
use crate::bounds::Bounds;
use crate::cursor::is_storable;
use crate::{Cursor, OpenSource, SystemError, compare_cursor_values};

/// What is new, and what of it was seen.
pub(super) struct Incremental {
    field: String,
    bounds: Bounds,
    /// The run reads from a value on, or a range: what a file's records hold decides, whether it is new or not.
    by_value: bool,
    /// Several files: those that were read before, with their fingerprints.
    read: Option<BTreeMap<String, String>>,
    watermark: Value,
    /// Several files: the first ones of the list, of which it is not known whether this run has read them.
    doubtful: usize,
}

impl Incremental {
    /// `open.since` is what [`cursor`](Self::cursor) gave after the last run.
    ///
    /// # Errors
    /// `Misconfigured` when there is an overlap, and nothing that it could be taken from.
    pub(super) fn new(field: String, open: &OpenSource, many: bool) -> Result<Self, SystemError> {
        let since = open.since.as_ref();
        let value = since.and_then(cursor_value).unwrap_or(Value::Null);
        let bounds = Bounds::of(open, Some(value.clone()).filter(|value| !value.is_null()))?;
        let by_value = open.only.is_some() || (since.is_none() && open.from.is_some());
        let read = many.then(|| {
            let files = since.and_then(|since| since.get("files")).and_then(Value::as_object);
            let files = files.into_iter().flatten();
            files.filter_map(|(path, print)| Some((path.clone(), print.as_str()?.to_owned()))).collect()
        });
        Ok(Self { field, bounds, by_value, read, watermark: value, doubtful: 0 })
    }

    /// The cursor field.
    pub(super) fn field(&self) -> &str {
        &self.field
    }

    /// The greatest value so far.
    pub(super) fn watermark(&self) -> &Value {
        &self.watermark
    }

    /// Goes on after a checkpoint, with the files up to the one that is read; true when all of that one is new.
    ///
    /// When others are listed than before, it is not known which of them the run has read. The next run reads them
    /// again then, which is harmless; to leave one out would not be.
    pub(super) fn resume(&mut self, watermark: Value, listed: Option<&str>, before: &[Listed]) -> bool {
        self.watermark = watermark;
        if listed != Some(digest(before).as_str()) {
            self.doubtful = before.len();
        }
        self.read.is_some() && before.last().and_then(|file| self.is_new(file)).unwrap_or(true)
    }

    /// Of the files up to the one that is read, for a checkpoint. In doubt it is what no list is, so that it stays in doubt.
    pub(super) fn listed(&self, before: &[Listed]) -> String {
        if self.doubtful > 0 { String::new() } else { digest(before) }
    }

    /// True when all of a file's records are new; `None` when none is.
    pub(super) fn is_new(&self, file: &Listed) -> Option<bool> {
        if self.by_value {
            return Some(false);
        }
        match self.read.as_ref().and_then(|read| read.get(&file.path)) {
            None => Some(true),
            // It may have been there in part only when it was read, while others went far beyond it.
            Some(print) => (*print != file.fingerprint).then_some(true),
        }
    }

    /// True when a record with this value is new in a file that was there before; moves the watermark.
    pub(super) fn takes(&mut self, value: &Value) -> bool {
        if value.is_null() {
            return self.bounds.take(value);
        }
        if is_storable(value)
            && (self.watermark.is_null()
                || compare_cursor_values(value, &self.watermark) == Ordering::Greater)
        {
            self.watermark = value.clone();
        }
        self.bounds.take(value)
    }

    /// Where the next run begins, when all of the list was read.
    pub(super) fn cursor(&self, list: &[Listed]) -> Option<Cursor> {
        let Some(read) = &self.read else {
            return (!self.watermark.is_null()).then(|| json!({"value": self.watermark}));
        };
        let files: serde_json::Map<String, Value> = list
            .iter()
            .enumerate()
            .filter_map(|(index, file)| {
                let print = if index < self.doubtful { read.get(&file.path)? } else { &file.fingerprint };
                Some((file.path.clone(), Value::String(print.clone())))
            })
            .collect();
        (!self.watermark.is_null() || !files.is_empty() || !read.is_empty())
            .then(|| json!({"value": self.watermark, "files": files}))
    }
}

/// The value that a watermark of files stands at.
pub(in crate::file) fn cursor_value(watermark: &Cursor) -> Option<Value> {
    watermark.get("value").cloned()
}

/// What is listed, in short.
fn digest(list: &[Listed]) -> String {
    let mut hash = Xxh3::new();
    for Listed { path, fingerprint, .. } in list {
        hash.update(path.as_bytes());
        hash.update(b"\0");
        hash.update(fingerprint.as_bytes());
        hash.update(b"\0");
    }
    format!("{}-{:016x}", list.len(), hash.digest())
}
