//! Receipts of neighbouring keys, packed into the bytes of one row. Deliberately absent: where the rows are.
//!
//! A byte of version, then the receipts in the order of their keys, each as: bytes that its key shares with the one
//! before, length of the rest and the rest; flags; number of its run among those of the block, which follows where it
//! is a new one (16 bytes); payload hash (16); length of the destination's key and the key; what is in doubt (24).
//! Numbers are LEB128.

use connector::Action;
use pipeline::{InDoubt, PayloadHash};
use uuid::Uuid;

/// PostgreSQL keeps rows of up to some 2,000 bytes in the table itself (TOAST_TUPLE_THRESHOLD,
/// <https://www.postgresql.org/docs/current/storage-toast.html>); a few hundred are for the other columns.
const BLOCK_BYTES_MAX: usize = 1_700;

/// How large blocks become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// In bytes, at most, but for one with a single receipt.
    max: usize,
    /// What blocks are cut to that would be larger, so that they take more before they are cut again.
    cut: usize,
}

impl Size {
    /// Some fifty receipts: where the keys of a page are neighbours, each block is written once or twice.
    pub(super) const OF_NEIGHBOURS: Self = Self { max: BLOCK_BYTES_MAX, cut: 1_250 };
    /// Some ten: where the keys of a page are strewn, all receipts of a block are read and written again for one.
    pub(super) const OF_STREWN: Self = Self { max: 400, cut: 300 };
}

const VERSION: u8 = 1;
const HASH_BYTES: usize = 16;
/// Bits of the flags; the lower two are the action.
const ACTION: u8 = 0b11;
const HAS_DESTINATION_KEY: u8 = 0b100;
const IS_IN_DOUBT: u8 = 0b1000;

/// What is known of one key.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::background) struct Entry {
    /// As it is compared.
    pub(in crate::background) key: String,
    /// The destination's own id, where that is not the key.
    pub(in crate::background) destination_key: Option<String>,
    /// Of what was last written.
    pub(in crate::background) payload_hash: PayloadHash,
    /// What that write did.
    pub(in crate::background) action: Action,
    /// The run that made or confirmed it.
    pub(in crate::background) run: Uuid,
    /// What was about to be written over it, and may be there by now.
    pub(in crate::background) in_doubt: Option<InDoubt>,
}

/// Bytes that are no block.
#[derive(Debug, thiserror::Error)]
#[error("a block of receipts can't be read: {0}")]
pub(super) struct Unreadable(&'static str);

/// Receipts, in the order of their keys, as blocks of about the same size: their bytes, and how many are in each.
pub(super) fn encode(entries: &[Entry], size: Size) -> Vec<(usize, Vec<u8>)> {
    if entries.is_empty() {
        return vec![(0, vec![VERSION])];
    }
    let mut whole = Encoder::default();
    for entry in entries {
        whole.push(entry);
    }
    if whole.bytes.len() <= size.max || entries.len() < 2 {
        return vec![(entries.len(), whole.bytes)];
    }
    let parts = whole.bytes.len().div_ceil(size.cut);
    let part_bytes = whole.bytes.len().div_ceil(parts);
    let mut blocks = Vec::with_capacity(parts + 1);
    let mut part = Encoder::default();
    for entry in entries {
        if part.bytes.len() >= part_bytes {
            blocks.push((part.count, std::mem::take(&mut part).bytes));
        }
        part.push(entry);
    }
    blocks.push((part.count, part.bytes));
    blocks
}

#[derive(Default)]
struct Encoder<'a> {
    bytes: Vec<u8>,
    runs: Vec<Uuid>,
    last_key: &'a str,
    count: usize,
}

impl<'a> Encoder<'a> {
    fn push(&mut self, entry: &'a Entry) {
        if self.bytes.is_empty() {
            self.bytes.push(VERSION);
        }
        let key = entry.key.as_bytes();
        let shared = self.last_key.bytes().zip(key).take_while(|(last, next)| last == *next).count();
        self.number(shared);
        self.text(&key[shared..]);
        let mut flags = match entry.action {
            Action::Created => 0,
            Action::Updated => 1,
            Action::Unchanged => 2,
        };
        if entry.destination_key.is_some() {
            flags |= HAS_DESTINATION_KEY;
        }
        if entry.in_doubt.is_some() {
            flags |= IS_IN_DOUBT;
        }
        self.bytes.push(flags);
        match self.runs.iter().rposition(|run| *run == entry.run) {
            Some(place) => self.number(place),
            None => {
                self.number(self.runs.len());
                self.bytes.extend_from_slice(entry.run.as_bytes());
                self.runs.push(entry.run);
            }
        }
        self.bytes.extend_from_slice(&entry.payload_hash.to_bytes());
        if let Some(key) = &entry.destination_key {
            self.text(key.as_bytes());
        }
        if let Some(in_doubt) = entry.in_doubt {
            self.bytes.extend_from_slice(&in_doubt.payload_hash.to_bytes());
            self.bytes.extend_from_slice(&in_doubt.revision.to_be_bytes());
        }
        self.last_key = &entry.key;
        self.count += 1;
    }

    fn number(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn text(&mut self, text: &[u8]) {
        self.number(text.len());
        self.bytes.extend_from_slice(text);
    }
}

/// The receipts of a block.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Entry>, Unreadable> {
    let mut rest = Decoder(bytes);
    if rest.byte()? != VERSION {
        return Err(Unreadable("its version is unknown"));
    }
    let mut entries = Vec::with_capacity(bytes.len() / 24);
    let mut runs: Vec<Uuid> = Vec::new();
    let mut key: Vec<u8> = Vec::new();
    while !rest.0.is_empty() {
        let shared = rest.number()?;
        if shared > key.len() {
            return Err(Unreadable("a key shares more than there is"));
        }
        key.truncate(shared);
        key.extend_from_slice(rest.text()?);
        let flags = rest.byte()?;
        let action = match flags & ACTION {
            0 => Action::Created,
            1 => Action::Updated,
            2 => Action::Unchanged,
            _ => return Err(Unreadable("an action is unknown")),
        };
        let place = rest.number()?;
        if place == runs.len() {
            runs.push(Uuid::from_bytes(rest.array()?));
        }
        let run = *runs.get(place).ok_or(Unreadable("a run is missing"))?;
        let payload_hash = PayloadHash::from_bytes(rest.array::<HASH_BYTES>()?);
        let destination_key =
            if flags & HAS_DESTINATION_KEY != 0 { Some(utf8(rest.text()?.to_vec())?) } else { None };
        let in_doubt = if flags & IS_IN_DOUBT != 0 {
            let payload_hash = PayloadHash::from_bytes(rest.array::<HASH_BYTES>()?);
            Some(InDoubt { payload_hash, revision: u64::from_be_bytes(rest.array()?) })
        } else {
            None
        };
        entries.push(Entry { key: utf8(key.clone())?, destination_key, payload_hash, action, run, in_doubt });
    }
    Ok(entries)
}

struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Unreadable("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Unreadable> {
        Ok(self.take(1)?[0])
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], Unreadable> {
        self.take(LENGTH)?.try_into().map_err(|_| Unreadable("it ends too early"))
    }

    fn number(&mut self) -> Result<usize, Unreadable> {
        let mut number = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Unreadable("a number is too long"))
    }

    fn text(&mut self) -> Result<&'a [u8], Unreadable> {
        let length = self.number()?;
        self.take(length)
    }
}

fn utf8(bytes: Vec<u8>) -> Result<String, Unreadable> {
    String::from_utf8(bytes).map_err(|_| Unreadable("a key is no UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64) -> Entry {
        let hash = |seed: u64| PayloadHash::from_bytes((u128::from(seed) << 64 | 7).to_be_bytes());
        Entry {
            key: format!("ORD-{number:06}-ä{}", number % 3),
            destination_key: number.is_multiple_of(5).then(|| format!("d\"{number}")),
            payload_hash: hash(number),
            action: [Action::Created, Action::Updated, Action::Unchanged][(number % 3) as usize],
            run: Uuid::from_u128(u128::from(number % 7)),
            in_doubt: number
                .is_multiple_of(4)
                .then(|| InDoubt { payload_hash: hash(number + 1), revision: u64::MAX - number }),
        }
    }

    #[test]
    fn what_goes_in_comes_out_in_blocks_that_fit_into_a_row() {
        for count in [0, 1, 2, 60, 5_000] {
            let entries: Vec<Entry> = (0..count).map(entry).collect();
            let blocks = encode(&entries, Size::OF_NEIGHBOURS);
            assert_eq!(blocks.iter().map(|(count, _)| count).sum::<usize>(), entries.len());
            assert!(blocks.iter().all(|(_, bytes)| bytes.len() <= BLOCK_BYTES_MAX));
            let read: Vec<Entry> =
                blocks.iter().flat_map(|(_, bytes)| decode(bytes).expect("it was encoded")).collect();
            assert_eq!(read, entries);
        }
    }

    #[test]
    fn one_long_key_is_a_block_of_its_own() {
        let long = |first: char| Entry { key: format!("{first}{}", "x".repeat(4_000)), ..entry(1) };
        let blocks = encode(&[long('a'), long('b')], Size::OF_STREWN);
        assert_eq!(blocks.iter().map(|(count, _)| *count).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn bytes_that_are_cut_or_changed_are_refused_or_read_and_never_panic() {
        let bytes = encode(&(0..20).map(entry).collect::<Vec<_>>(), Size::OF_NEIGHBOURS).remove(0).1;
        for end in 0..bytes.len() {
            if let Ok(entries) = decode(&bytes[..end]) {
                assert!(entries.len() < 20, "cut at {end}");
            }
        }
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0xff;
            if let Ok(entries) = decode(&changed) {
                assert!(entries.len() <= bytes.len());
            }
        }
        assert!(decode(&[9]).is_err(), "another version");
    }
}
