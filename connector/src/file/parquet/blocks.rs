//! The bytes of a Parquet file as its reader asks for them: a few here, a few there. Blocks are kept for a while, so
//! that a bucket is not asked for each header, and what a page would take in memory is looked at before it is read.

use std::io::{self, BufReader, Read};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use lru::LruCache;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use super::super::content::broken;
use super::super::object::Remote;
use super::page::{ColumnOf, PageHeader};
use crate::SystemError;
use crate::directory::io_failure;

/// Read at once, in bytes.
const BLOCK_BYTES: u64 = 512 * 1024;
/// Blocks that are kept: 32 MiB.
const BLOCKS_MAX: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not 0");
/// Read of what is decoded byte by byte.
const HEADER_BYTES: usize = 256;
/// Longest header of a page. Statistics are cut by writers, to 4 KiB at most.
const PAGE_HEADER_BYTES_MAX: u64 = 64 * 1024;
/// What the pages that are read at the same time, one and a dictionary of each column, may take together.
const PAGES_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Where the bytes are.
pub(super) enum Place {
    Local(std::fs::File),
    Remote(Remote),
}

/// A Parquet file. Clones are the same file.
#[derive(Clone)]
pub(super) struct Blocks(Arc<Inner>);

struct Inner {
    place: Place,
    size: u64,
    kept: Mutex<LruCache<u64, Bytes>>,
    /// Of the row group that is read: where each column is, and what its dictionary and its page take.
    columns: Mutex<Vec<Column>>,
}

struct Column {
    range: Range<u64>,
    of: ColumnOf,
    dictionary_bytes: u64,
    page_bytes: u64,
}

impl Blocks {
    pub(super) fn new(place: Place) -> std::result::Result<Self, SystemError> {
        let size = match &place {
            Place::Local(file) => {
                file.metadata().map_err(|error| io_failure("looking at the file", &error))?.len()
            }
            Place::Remote(remote) => remote.size(),
        };
        let (kept, columns) = (Mutex::new(LruCache::new(BLOCKS_MAX)), Mutex::new(Vec::new()));
        Ok(Self(Arc::new(Inner { place, size, kept, columns })))
    }

    pub(super) fn size(&self) -> u64 {
        self.0.size
    }

    /// The columns of the row group that is read from now on.
    pub(super) fn expect(&self, columns: impl Iterator<Item = (Range<u64>, ColumnOf)>) {
        let columns = columns.map(|(range, of)| Column { range, of, dictionary_bytes: 0, page_bytes: 0 });
        *lock(&self.0.columns) = columns.collect();
    }

    /// Bytes of the file.
    pub(super) fn bytes(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|&end| end <= self.0.size);
        let Some(end) = end else {
            return Err(broken("the file ends before what it says that it holds".to_owned()));
        };
        if start == end {
            return Ok(Bytes::new());
        }
        let first = start / BLOCK_BYTES;
        let last = (end - 1) / BLOCK_BYTES;
        if first == last {
            let block = self.block(first)?;
            return Ok(slice(&block, first * BLOCK_BYTES, start..end));
        }
        if last - first >= 4 {
            return self.0.place.read(start..end);
        }
        let mut bytes = BytesMut::with_capacity(length);
        for number in first..=last {
            let block = self.block(number)?;
            let begin = number * BLOCK_BYTES;
            let part = start.max(begin)..end.min(begin + block.len() as u64);
            bytes.extend_from_slice(&slice(&block, begin, part));
        }
        Ok(bytes.freeze())
    }

    fn block(&self, number: u64) -> io::Result<Bytes> {
        if let Some(block) = lock(&self.0.kept).get(&number) {
            return Ok(block.clone());
        }
        let start = number * BLOCK_BYTES;
        let block = self.0.place.read(start..self.0.size.min(start + BLOCK_BYTES))?;
        lock(&self.0.kept).put(number, block.clone());
        Ok(block)
    }

    /// Looks at a page that begins here.
    fn check_page(&self, start: u64) -> io::Result<()> {
        let mut columns = lock(&self.0.columns);
        let Some(column) = columns.iter_mut().find(|column| column.range.contains(&start)) else {
            return Ok(());
        };
        let length = (self.0.size - start).min(PAGE_HEADER_BYTES_MAX);
        let head = self.bytes(start, usize::try_from(length).unwrap_or(0))?;
        let Some(header) = PageHeader::of(&head) else {
            return Err(broken("the Parquet file has a page whose header can't be read".to_owned()));
        };
        let refused = |reason: String| broken(format!("the Parquet file can't be read: {reason}"));
        header.check(&column.of).map_err(refused)?;
        if header.is_to_be_unpacked() {
            let packed = usize::try_from(header.packed).unwrap_or(usize::MAX);
            let packed = self.bytes(start + header.length as u64, packed)?;
            header.check_lengths(&packed, &column.of).map_err(refused)?;
        }
        if header.is_dictionary {
            column.dictionary_bytes = header.unpacked;
        } else {
            column.page_bytes = header.unpacked;
        }
        let together: u64 = columns.iter().map(|column| column.dictionary_bytes + column.page_bytes).sum();
        if together > PAGES_BYTES_MAX {
            return Err(refused(format!(
                "a page of each of its columns together need more memory than {} MiB",
                PAGES_BYTES_MAX >> 20
            )));
        }
        Ok(())
    }
}

impl Place {
    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        match self {
            Self::Remote(remote) => remote.range(range).map_err(io::Error::other),
            Self::Local(file) => {
                let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
                let mut bytes = BytesMut::zeroed(length);
                file.read_exact_at(&mut bytes, range.start).map_err(|error| {
                    if error.kind() == io::ErrorKind::UnexpectedEof {
                        broken("the file was replaced while it was read".to_owned())
                    } else {
                        io::Error::other(io_failure("reading the file", &error))
                    }
                })?;
                Ok(bytes.freeze())
            }
        }
    }
}

impl Length for Blocks {
    fn len(&self) -> u64 {
        self.0.size
    }
}

impl ChunkReader for Blocks {
    type T = BufReader<Cursor>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        self.check_page(start).map_err(external)?;
        Ok(BufReader::with_capacity(HEADER_BYTES, Cursor { blocks: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.bytes(start, length).map_err(external)?;
        // Kept as long as its page is read: a part of a block would keep the whole of it, and each column has one.
        Ok(if bytes.is_unique() { bytes } else { Bytes::copy_from_slice(&bytes) })
    }
}

/// Reads on from a place.
pub(super) struct Cursor {
    blocks: Blocks,
    at: u64,
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.blocks.size().saturating_sub(self.at)).unwrap_or(usize::MAX);
        let count = rest.min(buffer.len());
        if count == 0 {
            return Ok(0);
        }
        buffer[..count].copy_from_slice(&self.blocks.bytes(self.at, count)?);
        self.at += count as u64;
        Ok(count)
    }
}

fn external(error: io::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn slice(block: &Bytes, begin: u64, part: Range<u64>) -> Bytes {
    let inside = |offset: u64| usize::try_from(offset - begin).map_or(block.len(), |at| at.min(block.len()));
    block.slice(inside(part.start)..inside(part.end))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::Write as _;

    use parquet::file::reader::ChunkReader as _;

    use super::{BLOCK_BYTES, Blocks, Place};

    #[test]
    fn what_a_page_keeps_is_its_own_bytes_and_no_block() {
        let content: Vec<u8> = (0..3 * BLOCK_BYTES + 5).map(|at| (at % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        let blocks = Blocks::new(Place::Local(file)).unwrap();
        let block = usize::try_from(BLOCK_BYTES).unwrap();
        for (start, length) in [(0, 1), (7, 1_000), (block - 3, 10), (2 * block, block + 5), (5, 0)] {
            let bytes = blocks.get_bytes(start as u64, length).unwrap();
            assert_eq!(bytes, content[start..start + length]);
            assert!(length == 0 || bytes.is_unique(), "{length} bytes at {start} keep a block");
        }
        assert!(!blocks.bytes(7, 1_000).unwrap().is_unique(), "the block itself is kept for the next one");
    }
}
