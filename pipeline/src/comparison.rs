//! What a comparison of both ends of a stream found. Deliberately absent: whether that is good or bad news.

use std::collections::HashSet;
use std::fmt;

use async_trait::async_trait;
use connector::{Gone, Record, RecordKey};
use futures::stream::BoxStream;
use xxhash_rust::xxh3::xxh3_128;

use crate::{InDoubt, LedgerError, PayloadHash};

/// Differences of a stream that are kept with their record; more are only counted.
pub const DIFFERENCES_MAX: usize = 1_000;

/// What came of comparing a stream.
#[derive(Debug)]
pub enum Comparison {
    /// Its destination can't be asked what it holds.
    Impossible,
    /// Every record of the source was looked for.
    Done(Box<Compared>),
}

/// Both ends of a stream, compared.
#[derive(Debug, Default)]
pub struct Compared {
    /// Of records.
    pub counts: ComparisonCounts,
    /// Of the keys of the source's records.
    pub source_keys: Checksum,
    /// Of those keys that are at the destination.
    pub destination_keys: Checksum,
    /// Of the source's records, as they are mapped.
    pub source_records: Checksum,
    /// Of those records that are at the destination as they are.
    pub destination_records: Checksum,
    /// What was to be there and is not, in the order in which it was found; at most [`DIFFERENCES_MAX`].
    pub differences: Vec<Difference>,
    /// What only the destination has.
    pub only_there: OnlyThere,
}

/// What the destination has and the source has not.
#[derive(Debug)]
pub enum OnlyThere {
    /// That can't be told.
    Untold(Untold),
    /// Every receipt was looked at.
    Told {
        /// Records that were moved, that the source does not have any more and the destination still has.
        extra: u64,
        /// Some of these: so many that they are [`DIFFERENCES_MAX`] with the other differences.
        kept: Vec<Gone>,
        /// Rows of the destination that are none of all these, and somebody else's; `None` where it does not count.
        others: Option<u64>,
    },
}

/// Why it can't be told what only the destination has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untold {
    /// The destination can't be asked by the key alone.
    Unasked,
    /// Items of the source can't be read or have no key: each may be any of the records that seem to be gone.
    Unreadable,
    /// The source has more keys than memory takes, and this machine no room for a file of them.
    NoRoom,
}

impl Default for OnlyThere {
    fn default() -> Self {
        Self::Untold(Untold::Unasked)
    }
}

/// Counts of a comparison. They balance: `source = matched + missing + different + failing + not_moved`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ComparisonCounts {
    /// Items that the source gave.
    pub read: u64,
    /// Records that the mapping left out, and older versions of a record that came again.
    pub left_out: u64,
    /// Items that are no record that could be written: malformed, without key, or against the rules.
    pub refused: u64,
    /// Records that could be at the destination.
    pub source: u64,
    /// Those of which the key is there, whatever it holds.
    pub destination: u64,
    /// Those that are there as they are.
    pub matched: u64,
    /// Those that were moved, and are not there.
    pub missing: u64,
    /// Those that were moved, and are something else there.
    pub different: u64,
    /// Those that are not there as they are, which a failure that is not over tells.
    pub failing: u64,
    /// Those that are not there as they are, and that no run has moved so far.
    pub not_moved: u64,
}

/// How a record that was moved differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DifferenceKind {
    /// Nothing is there under its key.
    Missing,
    /// Something else is there under its key.
    Different,
}

/// A record that was to be at the destination, and is not there as it is.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Which record.
    pub key: RecordKey,
    /// How it differs.
    pub kind: DifferenceKind,
    /// As it was read.
    pub record: Record,
    /// As it was mapped, where there is a mapping.
    pub mapped: Option<Record>,
    /// What its receipt, if there is one, is to be put in doubt with.
    pub in_doubt: Option<InDoubt>,
}

/// A sum of 128-bit hashes, which is the same in whatever order they come.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Checksum(u128);

impl Checksum {
    pub(crate) fn add(&mut self, hash: u128) {
        self.0 = self.0.wrapping_add(hash);
    }

    pub(crate) fn take(&mut self, hash: u128) {
        self.0 = self.0.wrapping_sub(hash);
    }

    pub(crate) fn of_key(key: &RecordKey) -> u128 {
        xxh3_128(key.canonical().as_bytes())
    }

    /// A record counts with its key: two that exchange their contents are not the same.
    pub(crate) fn of_record(key: &RecordKey, payload_hash: PayloadHash) -> u128 {
        let mut bytes = payload_hash.to_bytes().to_vec();
        bytes.extend_from_slice(key.canonical().as_bytes());
        xxh3_128(&bytes)
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A record that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenKey {
    /// Its key ([`RecordKey::canonical`]).
    pub canonical: String,
    /// The destination's own, where that is another one.
    pub destination_key: Option<String>,
}

/// What a comparison asks of the place where results are kept. Implemented by the caller of the engine.
#[async_trait]
pub trait ComparisonLedger: Send + Sync {
    /// Those of these keys ([`RecordKey::canonical`]), at most a page of them, that have a failure which is not over and
    /// tells why the record is not there; one that an earlier comparison made tells nothing.
    async fn failing(&self, stream: &str, keys: &[&str]) -> Result<HashSet<String>, LedgerError>;

    /// Every record of the stream that was written and, as far as is known, not removed; in pages.
    fn written<'a>(&'a self, stream: &'a str) -> BoxStream<'a, Result<Vec<WrittenKey>, LedgerError>>;
}

#[cfg(test)]
mod tests {
    use super::Checksum;

    #[test]
    fn a_checksum_is_of_what_was_added_in_any_order() {
        let (mut one, mut other) = (Checksum::default(), Checksum::default());
        for hash in [1, u128::MAX, 7] {
            one.add(hash);
        }
        for hash in [7, 9, 1, u128::MAX] {
            other.add(hash);
        }
        assert_ne!(one, other);
        other.take(9);
        assert_eq!(one, other);
        assert_eq!(one.to_string(), "00000000000000000000000000000007");
    }
}
