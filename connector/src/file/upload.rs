//! A file on its way into a bucket: nothing is seen of it until it is complete, and it takes its place in one step.
//! Everything here but [`give_up`] blocks.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use object_store::multipart::PartId;
use object_store::path::Path;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::bucket::{Bucket, Condition};
use super::object::wait;
use crate::{SystemError, SystemErrorKind};

/// Size of a part, in bytes; what is smaller altogether goes in one request. Parts must have 5 MiB at least, all the
/// same size on some stores, and there may be 10,000 (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>):
/// that makes 156 GiB.
const PART_BYTES: usize = 16 * 1024 * 1024;
/// Parts of an upload.
const PARTS_MAX: usize = 10_000;

/// An object that is being written.
pub(super) struct Upload {
    bucket: Arc<Bucket>,
    key: Path,
    run: Uuid,
    condition: Condition,
    buffer: Vec<u8>,
    /// The upload's id in the store, once there is more than one part.
    id: Option<String>,
    parts: Vec<PartId>,
    runtime: Handle,
    stop: CancellationToken,
}

impl Upload {
    /// Must be called from inside the runtime.
    pub(super) fn new(
        bucket: Arc<Bucket>,
        key: Path,
        run: Uuid,
        condition: Condition,
        stop: CancellationToken,
    ) -> Self {
        let (buffer, parts, runtime) = (Vec::new(), Vec::new(), Handle::current());
        Self { bucket, key, run, condition, buffer, id: None, parts, runtime, stop }
    }

    /// By what the store knows it, once it does.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Puts it in its place. False when something else is there than the condition says.
    pub(super) fn finish(mut self) -> Result<bool, SystemError> {
        if self.id.is_none() {
            let bytes = Bytes::from(std::mem::take(&mut self.buffer));
            let put = self.bucket.put(&self.key, bytes, &self.condition, self.run);
            return wait(&self.runtime, &self.stop, put);
        }
        if !self.buffer.is_empty() {
            self.send()?;
        }
        let Some(id) = self.id.clone() else { return Ok(false) };
        // It took a while, and not every store knows conditions on what is completed.
        if !wait(&self.runtime, &self.stop, self.bucket.holds(&self.key, &self.condition))? {
            return Ok(false);
        }
        let parts = std::mem::take(&mut self.parts);
        let complete = self.bucket.complete(&self.key, &id, parts, &self.condition);
        let completed = wait(&self.runtime, &self.stop, complete)?;
        if completed {
            self.id = None;
        }
        Ok(completed)
    }

    fn send(&mut self) -> Result<(), SystemError> {
        if self.parts.len() == PARTS_MAX {
            let detail = format!("the file has more than {PARTS_MAX} parts of {PART_BYTES} bytes");
            return Err(SystemError::new(SystemErrorKind::Misconfigured, detail)
                .with_hint("the file is larger than the 156 GiB that can be written"));
        }
        if self.id.is_none() {
            let begin = self.bucket.begin(&self.key, self.run);
            self.id = Some(wait(&self.runtime, &self.stop, begin)?);
        }
        if let Some(id) = &self.id {
            let bytes = Bytes::from(std::mem::take(&mut self.buffer));
            let part = self.bucket.part(&self.key, id, self.parts.len(), bytes);
            self.parts.push(wait(&self.runtime, &self.stop, part)?);
        }
        Ok(())
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == PART_BYTES {
            self.send().map_err(io::Error::other)?;
        }
        let count = bytes.len().min(PART_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            let (bucket, key) = (self.bucket.clone(), self.key.clone());
            self.runtime.spawn(async move {
                if let Err(error) = give_up(&bucket, &key, &id).await {
                    tracing::warn!(error = %error, "an upload that is not needed could not be given up");
                }
            });
        }
    }
}

/// Removes what was uploaded of an object that is not complete.
pub(super) async fn give_up(bucket: &Bucket, key: &Path, id: &str) -> Result<(), SystemError> {
    bucket.abort(key, &id.to_owned()).await
}
