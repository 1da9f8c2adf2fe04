//! Physical lines of a file, in blocks, with a bound on their length. Deliberately absent: any format.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::content::{Content, Mark};

/// Longest line, in bytes, that is read into memory. A record of a megabyte is not a record any more but
/// a file that misses its line ends; what is longer is reported and skipped.
pub(super) const LINE_BYTES_MAX: usize = 1024 * 1024;
/// Read from the disk at once, in bytes. Larger ones are not faster.
const BLOCK_BYTES: usize = 256 * 1024;
/// Kept of a line that is too long, in bytes, to show where it stands.
const KEPT_OF_LONG_LINE_BYTES: usize = 4096;

/// What came next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, in the buffer with its line end, if it has one.
    Read,
    /// A line longer than [`LINE_BYTES_MAX`], which was skipped; its beginning is in the buffer.
    TooLong,
    /// The end of the file.
    End,
}

/// Where a line begins: enough to go back to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// In bytes, from the beginning of the file.
    pub(super) offset: u64,
    /// Lines before it.
    pub(super) line: u64,
}

/// Reads a file line by line.
pub(super) struct LineReader {
    reader: BufReader<Box<dyn Content>>,
    place: Place,
}

impl LineReader {
    /// Begins at the beginning of a file, wherever the file stands.
    pub(super) fn new(mut content: Box<dyn Content>) -> io::Result<Self> {
        content.rewind()?;
        let reader = BufReader::with_capacity(BLOCK_BYTES, content);
        Ok(Self { reader, place: Place { offset: 0, line: 0 } })
    }

    /// Where the next line begins.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// From where on what is packed has to be unpacked to come to the next line.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.reader.get_ref().mark_before(self.place.offset)
    }

    /// Tells a mark that an earlier reading found.
    pub(super) fn remember(&mut self, mark: Mark) {
        self.reader.get_mut().remember(mark);
    }

    /// Goes to where a line begins.
    pub(super) fn seek(&mut self, place: Place) -> io::Result<()> {
        // Stays in the buffer when the place is in it, unlike `seek`.
        match (i64::try_from(place.offset), i64::try_from(self.place.offset)) {
            (Ok(to), Ok(from)) => self.reader.seek_relative(to - from)?,
            _ => {
                self.reader.seek(SeekFrom::Start(place.offset))?;
            }
        }
        self.place = place;
        Ok(())
    }

    /// Reads the next line into `buffer`, which is cleared before.
    pub(super) fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<Line> {
        buffer.clear();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let count = (&mut self.reader).take(limit).read_until(b'\n', buffer)?;
        if count == 0 {
            return Ok(Line::End);
        }
        self.place.offset += count as u64;
        self.place.line += 1;
        if count <= LINE_BYTES_MAX || buffer.ends_with(b"\n") {
            return Ok(Line::Read);
        }
        self.place.offset += self.reader.skip_until(b'\n')? as u64;
        buffer.truncate(KEPT_OF_LONG_LINE_BYTES);
        buffer.shrink_to(BLOCK_BYTES);
        Ok(Line::TooLong)
    }
}

/// A line without its line end.
pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
