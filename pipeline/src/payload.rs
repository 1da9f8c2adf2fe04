//! The fingerprint of a record's contents: tells whether it changed since it was last written.
//! Deliberately absent: security; it is no signature.

use std::fmt;

use connector::Record;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

/// 128-bit XXH3 over a record's fields, whatever their order. Stored in receipts: changing how it is
/// computed makes every record look changed once.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PayloadHash(u128);

impl PayloadHash {
    /// The hash of a record.
    pub fn of(record: &Record) -> Self {
        Self::with_buffer(record, &mut Vec::new())
    }

    /// The hash of a record; `buffer` is overwritten, and saves an allocation per record.
    pub(crate) fn with_buffer(record: &Record, buffer: &mut Vec<u8>) -> Self {
        buffer.clear();
        write_object(record.len(), record.sorted(), buffer);
        Self(xxh3_128(buffer))
    }

    /// The hash of a text, which is none of a record.
    pub(crate) fn of_text(text: &str) -> Self {
        Self(xxh3_128(text.as_bytes()))
    }

    /// From what [`to_bytes`](Self::to_bytes) gave.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// 16 bytes, big-endian.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for PayloadHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl fmt::Debug for PayloadHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Each value begins with a tag and each text with its length, so that no two records look alike.
fn write_value(value: &Value, buffer: &mut Vec<u8>) {
    match value {
        Value::Null => buffer.push(b'n'),
        Value::Bool(false) => buffer.push(b'f'),
        Value::Bool(true) => buffer.push(b't'),
        Value::Number(number) => {
            if let Some(integer) = number.as_i64() {
                buffer.push(b'i');
                buffer.extend_from_slice(&integer.to_le_bytes());
            } else if let Some(integer) = number.as_u64() {
                buffer.push(b'u');
                buffer.extend_from_slice(&integer.to_le_bytes());
            } else {
                buffer.push(b'd');
                write_text(&number.to_string(), buffer);
            }
        }
        Value::String(text) => {
            buffer.push(b's');
            write_text(text, buffer);
        }
        Value::Array(items) => {
            buffer.push(b'a');
            buffer.extend_from_slice(&(items.len() as u64).to_le_bytes());
            for item in items {
                write_value(item, buffer);
            }
        }
        Value::Object(fields) => {
            let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            write_object(sorted.len(), sorted.into_iter(), buffer);
        }
    }
}

/// Fields in the order of their names.
fn write_object<'a>(
    count: usize,
    fields: impl Iterator<Item = (&'a String, &'a Value)>,
    buffer: &mut Vec<u8>,
) {
    buffer.push(b'o');
    buffer.extend_from_slice(&(count as u64).to_le_bytes());
    for (name, value) in fields {
        write_text(name, buffer);
        write_value(value, buffer);
    }
}

fn write_text(text: &str, buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(&(text.len() as u64).to_le_bytes());
    buffer.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::PayloadHash;

    fn hash(value: Value) -> PayloadHash {
        PayloadHash::of(&value.as_object().unwrap().clone().into())
    }

    #[test]
    fn the_order_of_fields_does_not_count_and_everything_else_does() {
        let one = hash(json!({"a": 1, "b": {"c": [1, 2], "d": null}}));
        assert_eq!(one, hash(json!({"b": {"d": null, "c": [1, 2]}, "a": 1})));
        for other in [
            json!({"a": 2, "b": {"c": [1, 2], "d": null}}),
            json!({"a": 1, "b": {"c": [2, 1], "d": null}}),
            json!({"a": 1, "b": {"c": [1, 2]}}),
            json!({"a": "1", "b": {"c": [1, 2], "d": null}}),
            json!({"a": true, "b": {"c": [1, 2], "d": null}}),
        ] {
            assert_ne!(one, hash(other));
        }
        assert_ne!(hash(json!({"a": "bc"})), hash(json!({"ab": "c"})));
    }

    #[test]
    fn the_hash_is_stable_across_versions() {
        let hash = hash(
            json!({"id": "A-1", "amount": 12.5, "count": 3, "big": u64::MAX, "tags": ["x", null, true]}),
        );
        assert_eq!(hash.to_string().len(), 32);
        assert_eq!(PayloadHash::from_bytes(hash.to_bytes()), hash);
        assert_eq!(hash.to_string(), "ea6425157b945a0d1f0a785fdb0ad552");
    }
}
