//! A record and the key that identifies it, in the forms every layer agrees on.

use serde_json::Value;

/// A record: a JSON object, its fields in the order in which the source gave them.
pub type Record = serde_json::Map<String, Value>;

/// Identity of a record within its stream, taken from the stream's key fields.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey {
    canonical: String,
    /// Where that is another text.
    reference: Option<String>,
}

impl RecordKey {
    /// The key of `record`; `None` when a key field is absent or null.
    pub fn of(record: &Record, key_fields: &[String]) -> Option<Self> {
        let mut values = Vec::with_capacity(key_fields.len());
        for field in key_fields {
            match record.get(field) {
                None | Some(Value::Null) => return None,
                Some(value) => values.push(value),
            }
        }
        if let [single] = values[..] {
            return Some(Self { canonical: plain(single), reference: None });
        }
        let reference = values.iter().map(|value| plain(value)).collect::<Vec<_>>().join(" / ");
        let canonical = Value::Array(values.into_iter().cloned().collect()).to_string();
        Some(Self { canonical, reference: Some(reference) })
    }

    /// The form that is compared and stored: the plain value of a single field, a JSON array of several.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The form that people read, e.g. `PO-10042` or `DE / 4711`.
    pub fn reference(&self) -> &str {
        self.reference.as_deref().unwrap_or(&self.canonical)
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
