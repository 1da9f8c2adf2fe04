//! What a connector that can be written to implements.

use async_trait::async_trait;

use crate::{Record, RecordError, RecordKey, SystemError};

/// One record to upsert.
#[derive(Debug, Clone)]
pub struct Write {
    /// Identity of the source record; the idempotency key of destinations that take one.
    pub key: RecordKey,
    /// The mapped and validated record.
    pub record: Record,
    /// True when a receipt says that this key was written before. Destinations that can't tell
    /// created from updated by themselves answer by it.
    pub known: bool,
    /// What the last receipt of this key says, or what was attempted since, in a number; 0 when there is none. The same
    /// for each attempt at this write, and another one when the record comes back later to values that it had: part of
    /// what makes an idempotency key, because an API that remembers keys would take the second time for the first.
    pub revision: u64,
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The key was not there.
    Created,
    /// The key was there with other values.
    Updated,
    /// The key was there with the same values; nothing was changed.
    Unchanged,
}

/// What happened to one record of a batch.
#[derive(Debug)]
pub enum WriteOutcome {
    /// It is there.
    Written {
        /// What the write did.
        action: Action,
        /// The destination's own id for it, where that is not the key.
        destination_key: Option<String>,
    },
    /// It is not there, as far as is known, and the others of its batch are not affected.
    Failed(RecordError),
}

/// How a record stands at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// What is there is what a write of the record would leave: in the destination's own types, and in the fields that the
    /// record has.
    Same,
    /// Something else is there under its key.
    Different,
    /// Nothing is there under its key, or the destination could not hold the record at all.
    Missing,
}

/// An open destination.
#[async_trait]
pub trait Destination: Send {
    /// Upserts a batch by key and answers for each record, in the batch's order and of its length.
    ///
    /// No key stands twice in a batch. The same batch may come again after an error or a crash: the
    /// effect must be the same as once. An error means that nothing is known about the batch.
    async fn write(&mut self, batch: &[Write]) -> Result<Vec<WriteOutcome>, SystemError>;

    /// Makes durable and visible what was written so far; called once, at the end of the stream.
    async fn finish(&mut self) -> Result<(), SystemError>;

    /// True when [`write`](Self::write) compares with what is there and answers `Unchanged` itself.
    /// Otherwise the engine skips records whose last written payload was the same.
    fn detects_unchanged(&self) -> bool;

    /// How each record of a batch stands, in the batch's order and of its length, and changes nothing; `None` where a
    /// destination can't be asked, which it also says of an empty batch.
    ///
    /// A destination that is only compared with is finished too.
    async fn compare(&mut self, _batch: &[Write]) -> Result<Option<Vec<Standing>>, SystemError> {
        Ok(None)
    }
}
