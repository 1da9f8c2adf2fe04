//! What a connector that can be written to implements.

use async_trait::async_trait;

use serde_json::Value;

use crate::{FieldError, Place, Record, RecordError, RecordKey, SystemError, SystemErrorKind};

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
        /// The destination's own id for it, where that is not the key: what names it there when it is to be removed.
        destination_key: Option<String>,
    },
    /// It is not there, as far as is known, and the others of its batch are not affected.
    Failed(RecordError),
}

/// What becomes of a record that is gone from the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// It goes from the destination too.
    Delete,
    /// It stays, with a mark.
    Mark {
        /// The field that has the mark.
        field: String,
        /// When it was found to be gone: RFC 3339, in UTC.
        at: String,
    },
}

impl Removal {
    /// What names the records at a destination that takes them by these fields, with the mark where there is to be one.
    ///
    /// # Errors
    /// `Internal` when a receipt is of other fields.
    pub(crate) fn writes(&self, gone: &[Gone], key_fields: &[String]) -> Result<Vec<Write>, SystemError> {
        let write = |gone: &Gone| {
            let mut record = gone.record(key_fields).ok_or_else(|| {
                let detail = format!("the receipt of {} is not by {key_fields:?}", gone.key.reference());
                SystemError::new(SystemErrorKind::Internal, detail)
            })?;
            if let Self::Mark { field, at } = self {
                record.insert(field.clone(), Value::String(at.clone()));
            }
            Ok(Write { key: gone.key.clone(), record, known: true, revision: 0 })
        };
        gone.iter().map(write).collect()
    }
}

/// The answer for a record that others refer to, and that can't be removed for it.
pub(crate) fn still_referred_to(refused: RecordError) -> RecordError {
    let message = "other records at the destination refer to it";
    let field_error =
        FieldError { path: String::new(), rule: "foreign_key".to_owned(), message: message.to_owned() };
    RecordError { field_errors: vec![field_error], ..refused }
}

/// A record that was written before, and is gone from the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Identity of the source record.
    pub key: RecordKey,
    /// What the destination answered when it was written.
    pub destination_key: Option<String>,
}

impl Gone {
    /// The values of the key's fields at a destination that takes records by them, in the fields' order.
    pub(crate) fn values(&self, field_count: usize) -> Option<Vec<Value>> {
        match &self.destination_key {
            Some(key) => RecordKey::stored(key, field_count).map(|key| key.values()),
            None => Some(self.key.values()).filter(|values| values.len() == field_count),
        }
    }

    /// The same as a record that has nothing else.
    pub(crate) fn record(&self, key_fields: &[String]) -> Option<Record> {
        Some(key_fields.iter().cloned().zip(self.values(key_fields.len())?).collect())
    }
}

/// Says of outcomes by which keys the destination knows the records, where these are not the source's.
pub(crate) fn name_by(key_fields: &[String], batch: &[Write], outcomes: &mut [WriteOutcome]) {
    for (write, outcome) in batch.iter().zip(outcomes) {
        if let WriteOutcome::Written { destination_key, .. } = outcome {
            *destination_key = write.key.elsewhere(&write.record, key_fields);
        }
    }
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

    /// Deletes or marks records that are gone from the source, and answers for each, in their order; that one is not there
    /// is no error. The same may come again after an error or a crash, as with [`write`](Self::write).
    ///
    /// # Errors
    /// `Misconfigured` by a connector that can't: see [`Connector::can_remove`](crate::Connector::can_remove).
    async fn remove(
        &mut self,
        gone: &[Gone],
        removal: &Removal,
    ) -> Result<Vec<Result<(), RecordError>>, SystemError> {
        Err(SystemError::new(
            SystemErrorKind::Misconfigured,
            format!("{} records are gone, and the connector can't do this: {removal:?}", gone.len()),
        )
        .with_hint("the destination can't delete or mark records that are gone from the source"))
    }

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

    /// Whether each of these records, which were written before, is still there, in their order; `None` where a destination
    /// can't be asked by the key alone, which it also says of none.
    async fn holds(&mut self, _gone: &[Gone]) -> Result<Option<Vec<bool>>, SystemError> {
        Ok(None)
    }

    /// How many rows are there, of whomever; `None` where that is not known, or takes too long. Nothing but
    /// [`finish`](Self::finish) comes after it.
    async fn row_count(&mut self) -> Result<Option<u64>, SystemError> {
        Ok(None)
    }

    /// Which of these values are at another place of the destination, in their order; each is of the place's columns, and
    /// none is null.
    ///
    /// # Errors
    /// `Misconfigured` when there is no such place, and by a connector that can't: see
    /// [`Connector::can_find`](crate::Connector::can_find).
    async fn find(&mut self, place: &Place, _values: &[Vec<Value>]) -> Result<Vec<bool>, SystemError> {
        let detail = format!("values are to be looked up in {:?}, and the connector can't", place.table);
        Err(SystemError::new(SystemErrorKind::Misconfigured, detail)
            .with_hint("values can't be looked up at this destination"))
    }
}

/// Of records that were asked for by their key alone, which are there.
pub(crate) fn are_there(standings: Option<Vec<Standing>>) -> Option<Vec<bool>> {
    let is_there = |standing| standing != Standing::Missing;
    standings.map(|standings| standings.into_iter().map(is_there).collect())
}
