//! gzip and zstd, one after the other as `cat a.gz b.gz` makes them. A gzip file is made of members and a zstd file of
//! frames, each packed by itself, and where one begins reading can go on without what stands before it. Deliberately
//! absent: archives that hold several files (zip, tar).

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};

use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::Deserialize;

use super::content::{Content, Mark, Raw, broken};

/// Unpacked bytes that can be gone back to without unpacking again: more than a record that turns out to be none.
const HISTORY_BYTES: usize = 3 * 1024 * 1024;
/// Unpacked at once, in bytes.
const CHUNK_BYTES: usize = 128 * 1024;
/// Read at once of what is packed, in bytes.
const PACKED_BLOCK_BYTES: usize = 128 * 1024;
/// Bytes that a small file may unpack to, whatever its size.
const FREE_BYTES: u64 = 64 * 1024 * 1024;
/// How many times its size a file may unpack to. Text packs 3 to 30 times; gzip can't do more than 1,032 times
/// (<https://zlib.net/zlib_tech.html>), zstd can, and either only with what says nothing.
const RATIO_MAX: u64 = 500;
/// How often a file may be unpacked again from before what is remembered. Only records that are broken together with
/// lines of more than a megabyte need it.
const REWINDS_MAX: u32 = 64;
/// Marks that are kept of the last members.
const MARKS_MAX: usize = 256;
/// Largest window of zstd, as a power of two: 32 MiB. `zstd` needs 8 MiB up to level 19.
const ZSTD_WINDOW_LOG_MAX: u32 = 25;
/// As `zstd` does without being told otherwise.
const ZSTD_LEVEL: i32 = 3;

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// By the file's extension: `.gz` is gzip, `.zst` is zstd.
    pub(super) fn of_path(path: &str) -> Self {
        let path = path.to_ascii_lowercase();
        if path.ends_with(".gz") {
            Self::Gzip
        } else if path.ends_with(".zst") {
            Self::Zstd
        } else {
            Self::None
        }
    }

    /// The bytes of a file that is packed so.
    pub(super) fn unpack(self, raw: Raw) -> Box<dyn Content> {
        match self {
            Self::None => Box::new(raw),
            Self::Gzip | Self::Zstd => Box::new(Unpacked::new(self, raw)),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::None => "file",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn begins(self, head: &[u8]) -> bool {
        match self {
            Self::None => true,
            Self::Gzip => head.starts_with(b"\x1F\x8B"),
            // A frame, or one that holds nothing (RFC 8878, 3.1.2).
            Self::Zstd => {
                head.starts_with(b"\x28\xB5\x2F\xFD")
                    || (head.len() >= 4 && head[0] & 0xF0 == 0x50 && head[1..4] == *b"\x2A\x4D\x18")
            }
        }
    }
}

/// The packed bytes, and how many of them were taken.
struct Packed {
    reader: BufReader<Raw>,
    taken: u64,
}

impl Packed {
    fn go_to(&mut self, offset: u64) -> io::Result<()> {
        self.reader.seek(SeekFrom::Start(offset))?;
        self.taken = offset;
        Ok(())
    }
}

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.taken += count as u64;
        Ok(count)
    }
}

impl BufRead for Packed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.taken += count as u64;
        self.reader.consume(count);
    }
}

/// What is being unpacked.
enum Stage {
    /// Nothing: a member begins here, or the file ends.
    Between(Box<Packed>),
    Gzip(Box<GzDecoder<Packed>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Packed>>),
    /// An error made it unusable, and this is what it said.
    Broken(String),
}

/// The bytes of a packed file.
struct Unpacked {
    compression: Compression,
    stage: Stage,
    /// The last bytes that were unpacked.
    window: Vec<u8>,
    /// Unpacked bytes before the window.
    window_start: u64,
    /// Where reading goes on, in the window.
    at: usize,
    /// Where members begin, in order; the beginning of the file is one.
    marks: Vec<Mark>,
    rewinds: u32,
}

impl Unpacked {
    fn new(compression: Compression, raw: Raw) -> Self {
        let reader = BufReader::with_capacity(PACKED_BLOCK_BYTES, raw);
        Self {
            compression,
            stage: Stage::Between(Box::new(Packed { reader, taken: 0 })),
            window: Vec::new(),
            window_start: 0,
            at: 0,
            marks: vec![Mark { packed: 0, unpacked: 0 }],
            rewinds: 0,
        }
    }

    fn position(&self) -> u64 {
        self.window_start + self.at as u64
    }

    fn unpacked(&self) -> u64 {
        self.window_start + self.window.len() as u64
    }

    /// Unpacks some more into the window; false at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        if self.window.len() > 2 * HISTORY_BYTES {
            let surplus = self.at.min(self.window.len() - HISTORY_BYTES);
            self.window.drain(..surplus);
            self.window_start += surplus as u64;
            self.at -= surplus;
        }
        loop {
            let filled = self.window.len();
            self.window.resize(filled + CHUNK_BYTES, 0);
            let read = match &mut self.stage {
                Stage::Between(_) => Ok(0),
                Stage::Gzip(decoder) => decoder.read(&mut self.window[filled..]),
                Stage::Zstd(decoder) => decoder.read(&mut self.window[filled..]),
                Stage::Broken(hint) => Err(broken(hint.clone())),
            };
            self.window.truncate(filled + *read.as_ref().unwrap_or(&0));
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.explain(error)),
                Ok(0) => {
                    if !self.next_member()? {
                        return Ok(false);
                    }
                }
                Ok(_) => {
                    self.check_ratio()?;
                    return Ok(true);
                }
            }
        }
    }

    /// Begins the next member; false when there is none.
    fn next_member(&mut self) -> io::Result<bool> {
        let mut packed = self.packed()?;
        let begin = packed.taken;
        let mut head = Vec::with_capacity(4);
        (&mut packed).take(4).read_to_end(&mut head)?;
        if begin > 0 && (head.is_empty() || self.is_padding(&head, &mut packed)?) {
            self.stage = Stage::Between(Box::new(packed));
            return Ok(false);
        }
        let title = self.compression.title();
        if head.is_empty() {
            return Err(self.give_up(format!("the file is empty, and no {title} archive")));
        }
        if !self.compression.begins(&head) {
            return Err(self.give_up(if begin == 0 {
                format!("the file is no {title} archive")
            } else {
                format!("something that is no {title} archive follows after byte {begin}")
            }));
        }
        packed.go_to(begin)?;
        let mark = Mark { packed: begin, unpacked: self.unpacked() };
        if self.marks.last().is_none_or(|last| last.packed < begin) {
            if self.marks.len() >= MARKS_MAX {
                // The first is the beginning of the file, which stays.
                self.marks.remove(1);
            }
            self.marks.push(mark);
        }
        self.stage = match self.compression {
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?.single_frame();
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Stage::Zstd(Box::new(decoder))
            }
            Compression::Gzip | Compression::None => Stage::Gzip(Box::new(GzDecoder::new(packed))),
        };
        Ok(true)
    }

    /// Takes the packed bytes out of the stage, which the caller replaces.
    fn packed(&mut self) -> io::Result<Packed> {
        let stage = Stage::Broken("reading the archive was given up".to_owned());
        match std::mem::replace(&mut self.stage, stage) {
            Stage::Between(packed) => Ok(*packed),
            Stage::Gzip(decoder) => Ok(decoder.into_inner()),
            Stage::Zstd(decoder) => Ok(decoder.finish()),
            Stage::Broken(hint) => {
                self.stage = Stage::Broken(hint.clone());
                Err(broken(hint))
            }
        }
    }

    /// Nothing more comes.
    fn give_up(&mut self, hint: String) -> io::Error {
        self.stage = Stage::Broken(hint.clone());
        broken(hint)
    }

    /// True when only zeros follow, with which tapes and some programs fill up a gzip file.
    fn is_padding(&self, head: &[u8], packed: &mut Packed) -> io::Result<bool> {
        if self.compression != Compression::Gzip || head.iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
        loop {
            let rest = packed.fill_buf()?;
            let length = rest.len();
            if length == 0 {
                return Ok(true);
            }
            if rest.iter().any(|&byte| byte != 0) {
                return Ok(false);
            }
            packed.consume(length);
        }
    }

    fn taken(&self) -> u64 {
        match &self.stage {
            Stage::Between(packed) => packed.taken,
            Stage::Gzip(decoder) => decoder.get_ref().taken,
            Stage::Zstd(decoder) => decoder.get_ref().taken,
            Stage::Broken(_) => 0,
        }
    }

    fn check_ratio(&mut self) -> io::Result<()> {
        if self.unpacked() <= FREE_BYTES.saturating_add(self.taken().saturating_mul(RATIO_MAX)) {
            return Ok(());
        }
        let title = self.compression.title();
        Err(self.give_up(format!(
            "the {title} archive holds more than {RATIO_MAX} times its size, which no file of records does"
        )))
    }

    /// Errors of the file itself go on as they are; the others are about what it holds.
    fn explain(&mut self, error: io::Error) -> io::Error {
        if error.get_ref().is_some_and(|inner| inner.is::<crate::SystemError>()) {
            return error;
        }
        let (title, taken) = (self.compression.title(), self.taken());
        let text = error.to_string();
        self.give_up(if error.kind() == io::ErrorKind::UnexpectedEof {
            format!("the {title} archive ends too early, at byte {taken}")
        } else if text.contains("too much memory") {
            format!(
                "the zstd archive needs a window of more than {} MiB",
                (1_u64 << ZSTD_WINDOW_LOG_MAX) >> 20
            )
        } else {
            format!("the {title} archive is damaged near byte {taken}")
        })
    }

    /// Begins again at a mark.
    fn go_to(&mut self, mark: Mark) -> io::Result<()> {
        let mut packed = self.packed()?;
        packed.go_to(mark.packed)?;
        self.stage = Stage::Between(Box::new(packed));
        self.window.clear();
        self.window_start = mark.unpacked;
        self.at = 0;
        Ok(())
    }

    fn last_mark(&self, offset: u64) -> Mark {
        let marks = self.marks.iter().rev();
        marks.copied().find(|mark| mark.unpacked <= offset).unwrap_or(Mark { packed: 0, unpacked: 0 })
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.window.len() && !self.fill()? {
            return Ok(0);
        }
        let count = buffer.len().min(self.window.len() - self.at);
        buffer[..count].copy_from_slice(&self.window[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

impl Seek for Unpacked {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(delta) => self.position().checked_add_signed(delta),
            SeekFrom::End(_) => None,
        };
        let target = target.ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?;
        if target < self.window_start {
            self.rewinds += 1;
            if self.rewinds > REWINDS_MAX {
                return Err(broken(
                    "too many records of the file run over lines that are too long".to_owned(),
                ));
            }
            self.go_to(self.last_mark(target))?;
        } else {
            let mark = self.last_mark(target);
            if mark.unpacked > self.unpacked() {
                self.go_to(mark)?;
            }
        }
        while self.unpacked() < target {
            self.at = self.window.len();
            if !self.fill()? {
                break;
            }
        }
        let inside = target.saturating_sub(self.window_start).min(self.window.len() as u64);
        self.at = usize::try_from(inside).unwrap_or(self.window.len());
        Ok(self.position())
    }
}

impl Content for Unpacked {
    fn mark_before(&self, offset: u64) -> Option<Mark> {
        Some(self.last_mark(offset))
    }

    fn remember(&mut self, mark: Mark) {
        if self.marks.last().is_none_or(|last| last.packed < mark.packed && last.unpacked <= mark.unpacked) {
            self.marks.push(mark);
        }
    }
}

/// Packs what is written.
pub(super) enum Packer<W: Write> {
    /// As it is.
    None(W),
    /// RFC 1952, one member.
    Gzip(GzEncoder<W>),
    /// RFC 8878, one frame.
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Packer<W> {
    pub(super) fn new(compression: Compression, target: W) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::None(target),
            Compression::Gzip => Self::Gzip(GzEncoder::new(target, flate2::Compression::default())),
            Compression::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(target, ZSTD_LEVEL)?),
        })
    }

    /// Writes the end, and gives back what was written to.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::None(target) => Ok(target),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }

    /// What is written to.
    pub(super) fn target(&self) -> &W {
        match self {
            Self::None(target) => target,
            Self::Gzip(encoder) => encoder.get_ref(),
            Self::Zstd(encoder) => encoder.get_ref(),
        }
    }
}

impl<W: Write> Write for Packer<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::None(target) => target.write(buffer),
            Self::Gzip(encoder) => encoder.write(buffer),
            Self::Zstd(encoder) => encoder.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::None(target) => target.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}
