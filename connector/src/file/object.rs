//! An object of a bucket, read in blocks by a thread that may block, always of the same version.
//! Deliberately absent: how a bucket is asked (`bucket`).

use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::bucket::{Bucket, Version};
use crate::{SystemError, SystemErrorKind};

/// Asked for at once, in bytes. One block is read while the next one is on its way, so a file takes two in memory.
const BLOCK_BYTES: u64 = 4 * 1024 * 1024;

/// One version of an object, which threads that block can ask for.
#[derive(Clone)]
pub(super) struct Remote {
    bucket: Arc<Bucket>,
    key: Path,
    size: u64,
    version: Version,
    runtime: Handle,
    /// Ends waiting when nobody needs the answer any more.
    stop: CancellationToken,
}

impl Remote {
    /// Must be called from inside the runtime.
    pub(super) fn new(
        bucket: Arc<Bucket>,
        key: Path,
        size: u64,
        version: Version,
        stop: CancellationToken,
    ) -> Self {
        Self { bucket, key, size, version, runtime: Handle::current(), stop }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of the object. Blocks.
    pub(super) fn range(&self, range: Range<u64>) -> Result<Bytes, SystemError> {
        wait(&self.runtime, &self.stop, self.fetch(range))
    }

    fn fetch(&self, range: Range<u64>) -> impl Future<Output = Result<Bytes, SystemError>> + Send + use<> {
        let (bucket, key, version) = (self.bucket.clone(), self.key.clone(), self.version.clone());
        async move { bucket.range(&key, &version, range).await }
    }
}

/// Waits on a thread that may block, until nobody needs the answer any more.
pub(super) fn wait<T>(
    runtime: &Handle,
    stop: &CancellationToken,
    answer: impl Future<Output = Result<T, SystemError>>,
) -> Result<T, SystemError> {
    runtime.block_on(async {
        tokio::select! {
            biased;
            () = stop.cancelled() => {
                Err(SystemError::new(SystemErrorKind::Internal, "the stream was closed while it waited for the store"))
            }
            answer = answer => answer,
        }
    })
}

/// The bytes of an object, in order or from any place.
pub(super) struct RemoteObject {
    remote: Remote,
    position: u64,
    /// Where the block begins, and its bytes.
    block: (u64, Bytes),
    /// The block after it, while it is on its way.
    ahead: Option<(u64, JoinSet<Result<Bytes, SystemError>>)>,
}

impl RemoteObject {
    pub(super) fn new(remote: Remote) -> Self {
        Self { remote, position: 0, block: (0, Bytes::new()), ahead: None }
    }

    fn load(&mut self) -> Result<(), SystemError> {
        let start = self.position;
        let bytes = match self.ahead.take() {
            Some((at, mut task)) if at == start => wait(&self.remote.runtime, &self.remote.stop, async {
                match task.join_next().await {
                    Some(Ok(bytes)) => bytes,
                    _ => Err(SystemError::new(SystemErrorKind::Internal, "reading ahead was given up")),
                }
            })?,
            _ => self.remote.range(start..self.remote.size.min(start + BLOCK_BYTES))?,
        };
        let next = start + bytes.len() as u64;
        // Only who reads on is read ahead for.
        let reads_on = start == 0 || start == self.block.0 + self.block.1.len() as u64;
        if reads_on && next < self.remote.size {
            let mut task = JoinSet::new();
            let range = next..self.remote.size.min(next + BLOCK_BYTES);
            task.spawn_on(self.remote.fetch(range), &self.remote.runtime);
            self.ahead = Some((next, task));
        }
        self.block = (start, bytes);
        Ok(())
    }
}

impl Read for RemoteObject {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.remote.size || buffer.is_empty() {
            return Ok(0);
        }
        let end = self.block.0 + self.block.1.len() as u64;
        if !(self.block.0..end).contains(&self.position) {
            self.load().map_err(io::Error::other)?;
        }
        let inside = usize::try_from(self.position - self.block.0).map_err(io::Error::other)?;
        let rest = &self.block.1[inside..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for RemoteObject {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
            SeekFrom::End(delta) => self.remote.size.checked_add_signed(delta),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
