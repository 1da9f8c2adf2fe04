//! Which keys a source has brought, exactly and in bounded memory: hashes, of which a file without a name takes what memory
//! does not. Deliberately absent: the keys themselves; 64 bits of a hash take one of ten million keys for another one in
//! two million million times.

use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom, Write};
use std::ops::Range;

/// Hashes in memory, at most: 16 MB.
const MEMORY_MAX: usize = 2_000_000;
/// Hashes of the file that are looked through at once, at most, as long as a part of it has fewer: 32 MB.
const LOADED_MAX: u64 = 4_000_000;
/// Parts by the first bits of the hashes: of a thousand million keys, one fits into what is looked through at once.
const PARTS: usize = 256;
const HASH_BYTES: usize = size_of::<u64>();

/// Hashes of keys.
#[derive(Debug)]
pub(crate) struct KeySet {
    /// Those in memory, by their part.
    parts: Vec<Vec<u64>>,
    in_memory: usize,
    in_memory_max: usize,
    file: Option<Spilled>,
}

/// Those in the file.
#[derive(Debug)]
struct Spilled {
    file: File,
    /// Where hashes of each part are, and how many.
    chunks: Vec<Vec<(u64, usize)>>,
    end: u64,
}

/// Some parts, to be asked.
#[derive(Debug)]
pub(crate) struct LoadedKeys {
    parts: Range<usize>,
    /// In their order.
    hashes: Vec<u64>,
}

impl Default for KeySet {
    fn default() -> Self {
        Self::with_memory(MEMORY_MAX)
    }
}

impl KeySet {
    fn with_memory(in_memory_max: usize) -> Self {
        Self { parts: vec![Vec::new(); PARTS], in_memory: 0, in_memory_max, file: None }
    }

    /// Remembers a key.
    pub(crate) fn insert(&mut self, hash: u64) {
        self.parts[part(hash)].push(hash);
        self.in_memory += 1;
    }

    /// True when [`spill`](Self::spill) is due.
    pub(crate) fn is_full(&self) -> bool {
        self.in_memory >= self.in_memory_max
    }

    /// Puts what is in memory into the file. Blocks.
    ///
    /// # Errors
    /// The directory for temporary files can't be written, or has no room.
    pub(crate) fn spill(&mut self) -> Result<()> {
        let spilled = match &mut self.file {
            Some(spilled) => spilled,
            none => {
                none.insert(Spilled { file: tempfile::tempfile()?, chunks: vec![Vec::new(); PARTS], end: 0 })
            }
        };
        let mut bytes = Vec::new();
        for (hashes, chunks) in self.parts.iter_mut().zip(&mut spilled.chunks) {
            hashes.sort_unstable();
            hashes.dedup();
            if hashes.is_empty() {
                continue;
            }
            bytes.clear();
            bytes.extend(hashes.iter().flat_map(|hash| hash.to_le_bytes()));
            spilled.file.write_all(&bytes)?;
            chunks.push((spilled.end, hashes.len()));
            spilled.end += bytes.len() as u64;
            hashes.clear();
        }
        self.in_memory = 0;
        Ok(())
    }

    /// All parts, as many together as may be looked through at once.
    pub(crate) fn groups(&self) -> Vec<Range<usize>> {
        let size = |part: usize| {
            let chunks = self.file.iter().flat_map(|spilled| &spilled.chunks[part]);
            (self.parts[part].len() + chunks.map(|(_at, count)| count).sum::<usize>()) as u64
        };
        let mut groups = Vec::new();
        let (mut from, mut sum) = (0, 0);
        for part in 0..PARTS {
            let size = size(part);
            if sum + size > LOADED_MAX && from < part {
                groups.push(from..part);
                (from, sum) = (part, 0);
            }
            sum += size;
        }
        groups.push(from..PARTS);
        groups
    }

    /// One of the [`groups`](Self::groups). Blocks.
    ///
    /// # Errors
    /// The file can't be read.
    pub(crate) fn load(&mut self, parts: Range<usize>) -> Result<LoadedKeys> {
        let mut hashes: Vec<u64> = self.parts[parts.clone()].concat();
        if let Some(Spilled { file, chunks, .. }) = &mut self.file {
            let mut bytes = Vec::new();
            for (at, count) in chunks[parts.clone()].iter().flatten() {
                bytes.resize(count * HASH_BYTES, 0);
                file.seek(SeekFrom::Start(*at))?;
                file.read_exact(&mut bytes)?;
                let (whole, _rest) = bytes.as_chunks::<HASH_BYTES>();
                hashes.extend(whole.iter().map(|bytes| u64::from_le_bytes(*bytes)));
            }
        }
        hashes.sort_unstable();
        Ok(LoadedKeys { parts, hashes })
    }
}

impl LoadedKeys {
    /// Whether the key is of these parts.
    pub(crate) fn covers(&self, hash: u64) -> bool {
        self.parts.contains(&part(hash))
    }

    /// Whether it is, and was never remembered.
    pub(crate) fn lacks(&self, hash: u64) -> bool {
        self.covers(hash) && self.hashes.binary_search(&hash).is_err()
    }
}

fn part(hash: u64) -> usize {
    (hash >> (u64::BITS - PARTS.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use xxhash_rust::xxh3::xxh3_64;

    use super::{KeySet, PARTS};

    fn hash(number: u32) -> u64 {
        xxh3_64(&number.to_le_bytes())
    }

    #[test]
    fn what_was_remembered_is_known_from_memory_and_from_the_file() {
        for in_memory_max in [1_000_000, 1_000] {
            let mut keys = KeySet::with_memory(in_memory_max);
            // Twice, as of a source that repeats itself.
            for number in (0..5_000).chain(0..5_000) {
                keys.insert(hash(number));
                if keys.is_full() {
                    keys.spill().unwrap();
                }
            }
            assert_eq!(keys.file.is_some(), in_memory_max == 1_000);
            assert_eq!(keys.groups(), vec![0..PARTS]);
            // Each is asked of the group that it belongs to, whatever the groups are.
            for bounds in [&[0, PARTS][..], &[0, 3, 100, PARTS]] {
                let mut lacking = 0;
                for group in bounds.windows(2).map(|ends| ends[0]..ends[1]) {
                    let loaded = keys.load(group).unwrap();
                    assert!((0..5_000).all(|number| !loaded.lacks(hash(number))));
                    lacking += (5_000..9_000).filter(|number| loaded.lacks(hash(*number))).count();
                }
                assert_eq!(lacking, 4_000);
            }
        }
    }

    #[test]
    fn many_are_looked_through_in_groups() {
        let mut keys = KeySet::default();
        for part in 0..PARTS as u64 {
            let first = part << 56;
            keys.parts[part as usize] = (first..first + 20_000).collect();
        }
        // 5.12 million, of which 4 million are 200 parts.
        assert_eq!(keys.groups(), vec![0..200, 200..PARTS]);
    }
}
