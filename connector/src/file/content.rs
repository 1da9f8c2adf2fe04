//! The bytes of a file, wherever it is and however it is packed, from any place in them.
//! Deliberately absent: lines, records, and where files are looked for (`store`).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};

use super::object::RemoteObject;
use super::reader::malformed;
use crate::directory::io_failure;
use crate::{SystemError, SystemErrorKind};

/// A place from which on a packed file can be unpacked without what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Bytes of the packed file before it.
    pub(super) packed: u64,
    /// Bytes before it, unpacked.
    pub(super) unpacked: u64,
}

/// Bytes that are read on, with steps back and forth.
pub(super) trait Content: Read + Seek + Send {
    /// The last mark at or before a place of the bytes that were read; `None` when any place can be gone to.
    fn mark_before(&self, _offset: u64) -> Option<Mark> {
        None
    }

    /// Tells a mark that an earlier reading found.
    fn remember(&mut self, _mark: Mark) {}
}

/// A file as it lies there. Its errors carry a [`SystemError`], so that they are told from those of what unpacks it.
pub(super) enum Raw {
    /// On the local disk.
    Local(File),
    /// In a bucket.
    Remote(RemoteObject),
}

impl Read for Raw {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Local(file) => loop {
                match file.read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(io::Error::other(io_failure("reading the file", &error))),
                    Ok(count) => return Ok(count),
                }
            },
            Self::Remote(object) => object.read(buffer),
        }
    }
}

impl Seek for Raw {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Local(file) => file
                .seek(to)
                .map_err(|error| io::Error::other(io_failure("going to a place in the file", &error))),
            Self::Remote(object) => object.seek(to),
        }
    }
}

impl Content for Raw {}

/// What reading bytes failed with.
pub(super) fn failure(what: &str, error: &io::Error) -> SystemError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<SystemError>()) {
        Some(inner) => inner.clone(),
        None => io_failure(what, error),
    }
}

/// The bytes are not what they should be; for callers that can only say so as an [`io::Error`].
pub(super) fn broken(hint: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, malformed(hint))
}

/// The same error with where it is: `in/orders.csv: the file is a PDF document, not CSV`.
pub(super) fn of_file(mut error: SystemError, path: &str) -> SystemError {
    error.detail = format!("{path}: {}", error.detail);
    error.hint = error.hint.map(|hint| format!("{path}: {hint}"));
    error
}

/// The same error with how far reading came, when it is about what the file holds.
pub(super) fn after_line(mut error: SystemError, line: u64) -> SystemError {
    if error.kind == SystemErrorKind::Malformed
        && let Some(hint) = &mut error.hint
    {
        hint.push_str(&format!(" (after line {line})"));
    }
    error
}
