//! A place of a destination where values are looked up, beside the one that a stream writes to. Deliberately absent: how
//! each connector looks.

use serde_json::Value;

use crate::{Record, RecordKey, Write};

/// Columns of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// As the connector's options name it.
    pub table: String,
    /// Their names; at least one.
    pub columns: Vec<String>,
}

impl Place {
    /// Values as records that have nothing else, which go through the same cells as what is written.
    pub(crate) fn writes(&self, values: &[Vec<Value>]) -> Vec<Write> {
        let write = |values: &Vec<Value>| {
            let record: Record = self.columns.iter().cloned().zip(values.iter().cloned()).collect();
            Write { key: RecordKey::of_text(String::new()), record, known: false, revision: 0 }
        };
        values.iter().map(write).collect()
    }
}
