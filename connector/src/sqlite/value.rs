//! SQLite's five kinds of values, to and from JSON, and as parts of a cursor without loss.

use std::cmp::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use sqlx::{Decode, Row, TypeInfo, ValueRef};

use crate::cursor::compare_mixed;
use crate::keyset::Place;

/// A value as SQLite stores it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stored {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    /// TEXT that is not UTF-8, which SQLite lets programs store.
    BrokenText(Vec<u8>),
    Blob(Vec<u8>),
}

/// Why a JSON value can't be stored: it is a whole number beyond 2^63.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

impl Stored {
    /// The value of a column of a row.
    pub(super) fn of_column(row: &SqliteRow, index: usize) -> Result<Self, sqlx::Error> {
        let value = row.try_get_raw(index)?;
        if value.is_null() {
            return Ok(Self::Null);
        }
        let kind = value.type_info().name().to_owned();
        let decoded = match kind.as_str() {
            "INTEGER" => <i64 as Decode<Sqlite>>::decode(value).map(Self::Integer),
            "REAL" => <f64 as Decode<Sqlite>>::decode(value).map(Self::Real),
            "TEXT" => {
                <Vec<u8> as Decode<Sqlite>>::decode(value).map(|bytes| match String::from_utf8(bytes) {
                    Ok(text) => Self::Text(text),
                    Err(error) => Self::BrokenText(error.into_bytes()),
                })
            }
            _ => <Vec<u8> as Decode<Sqlite>>::decode(value).map(Self::Blob),
        };
        decoded.map_err(|source| sqlx::Error::ColumnDecode { index: index.to_string(), source })
    }

    /// As a field of a record: BLOB as base64, infinite numbers as null; `None` for text that is broken.
    pub(super) fn into_json(self) -> Option<Value> {
        Some(match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::from(number),
            Self::Real(number) => Value::from(number),
            Self::Text(text) => Value::String(text),
            Self::BrokenText(_) => return None,
            Self::Blob(bytes) => Value::String(STANDARD.encode(bytes)),
        })
    }

    /// From a field of a record: booleans as 0 and 1, arrays and objects as JSON text.
    pub(super) fn of_json(value: &Value) -> Result<Self, TooLarge> {
        Ok(match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Integer(i64::from(*flag)),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Self::Integer(whole),
                (None, Some(_)) if number.is_u64() => return Err(TooLarge),
                (None, Some(real)) => Self::Real(real),
                (None, None) => return Err(TooLarge),
            },
            Value::String(text) => Self::Text(text.clone()),
            nested @ (Value::Array(_) | Value::Object(_)) => Self::Text(nested.to_string()),
        })
    }

    /// As a part of a cursor. Floats are text, because JSON has no infinity and stores may round.
    pub(super) fn to_cursor(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::from(*number),
            Self::Real(number) => json!({"real": format!("{number:?}")}),
            // PostgreSQL stores no NUL in JSON.
            Self::Text(text) if text.contains('\0') => json!({"text": STANDARD.encode(text)}),
            Self::Text(text) => Value::String(text.clone()),
            Self::BrokenText(bytes) => json!({"text": STANDARD.encode(bytes)}),
            Self::Blob(bytes) => json!({"blob": STANDARD.encode(bytes)}),
        }
    }

    /// What [`to_cursor`](Self::to_cursor) gave; `None` for anything else.
    pub(super) fn of_cursor(value: &Value) -> Option<Self> {
        let bytes = |name: &str| value.get(name)?.as_str().and_then(|text| STANDARD.decode(text).ok());
        match value {
            Value::Null => Some(Self::Null),
            Value::Number(number) => number.as_i64().map(Self::Integer),
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Object(_) => bytes("blob")
                .map(Self::Blob)
                .or_else(|| {
                    let text = String::from_utf8(bytes("text")?);
                    Some(text.map_or_else(|broken| Self::BrokenText(broken.into_bytes()), Self::Text))
                })
                .or_else(|| value.get("real")?.as_str()?.parse().ok().map(Self::Real)),
            Value::Bool(_) | Value::Array(_) => None,
        }
    }

    /// True when SQLite sorts both to the same place: 2 and 2.0 are different values, and equal.
    pub(super) fn stands_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Integer(whole), Self::Real(real)) | (Self::Real(real), Self::Integer(whole)) => {
                // The cast saturates far beyond i64, where nothing can be equal.
                #[expect(clippy::cast_possible_truncation, reason = "there is no fraction to lose")]
                let exact = *real as i128;
                real.fract() == 0.0 && exact == i128::from(*whole)
            }
            _ => self == other,
        }
    }

    /// How SQLite sorts both, by the BINARY collation: <https://www.sqlite.org/datatype3.html#sort_order>.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => left.cmp(right),
            (Self::Integer(whole), Self::Real(real)) => compare_mixed(i128::from(*whole), *real),
            (Self::Real(real), Self::Integer(whole)) => compare_mixed(i128::from(*whole), *real).reverse(),
            (Self::Real(left), Self::Real(right)) => left.partial_cmp(right).unwrap_or(Ordering::Equal),
            _ => self.class().cmp(&other.class()).then_with(|| self.bytes().cmp(other.bytes())),
        }
    }

    fn class(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Integer(_) | Self::Real(_) => 1,
            Self::Text(_) | Self::BrokenText(_) => 2,
            Self::Blob(_) => 3,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Null | Self::Integer(_) | Self::Real(_) => &[],
            Self::Text(text) => text.as_bytes(),
            Self::BrokenText(bytes) | Self::Blob(bytes) => bytes,
        }
    }

    /// Size in bytes, about.
    pub(super) fn size_bytes(&self) -> usize {
        match self {
            Self::Null => 1,
            Self::Integer(_) | Self::Real(_) => 8,
            Self::Text(text) => text.len(),
            Self::BrokenText(bytes) | Self::Blob(bytes) => bytes.len(),
        }
    }

    /// The SQL that stands for it as a parameter.
    pub(super) fn parameter(&self) -> &'static str {
        if matches!(self, Self::BrokenText(_)) { "CAST(? AS TEXT)" } else { "?" }
    }

    /// A column type that keeps such values as they are; none for null, which tells nothing.
    pub(super) fn column_type(&self) -> Option<&'static str> {
        match self {
            Self::Null => None,
            Self::Integer(_) => Some("INTEGER"),
            Self::Real(_) => Some("REAL"),
            Self::Text(_) | Self::BrokenText(_) => Some("TEXT"),
            Self::Blob(_) => Some("BLOB"),
        }
    }
}

impl Place for Stored {
    fn is_null(&self) -> bool {
        *self == Self::Null
    }

    fn sql(&self) -> String {
        self.parameter().to_owned()
    }
}

/// A statement with its parameters.
pub(super) type Statement<'a> = Query<'a, Sqlite, SqliteArguments>;

/// Binds values in order, for [`Stored::parameter`].
pub(super) fn bind<'a>(statement: Statement<'a>, values: &[Stored]) -> Statement<'a> {
    values.iter().fold(statement, |statement, value| match value {
        Stored::Null => statement.bind(None::<i64>),
        Stored::Integer(number) => statement.bind(*number),
        Stored::Real(number) => statement.bind(*number),
        Stored::Text(text) => statement.bind(text.clone()),
        Stored::BrokenText(bytes) | Stored::Blob(bytes) => statement.bind(bytes.clone()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Stored, TooLarge};

    #[test]
    fn cursors_keep_every_value_exactly() {
        for value in [
            Stored::Null,
            Stored::Integer(i64::MAX),
            Stored::Integer(i64::MIN),
            Stored::Real(0.1 + 0.2),
            Stored::Real(f64::INFINITY),
            Stored::Real(2.0),
            Stored::Text("{\"blob\": 1}".to_owned()),
            Stored::BrokenText(vec![0xFF, 0x00]),
            Stored::Text("a\0b".to_owned()),
            Stored::Blob(vec![0, 1, 255]),
        ] {
            let text = value.to_cursor().to_string();
            let back = serde_json::from_str(&text).ok().as_ref().and_then(Stored::of_cursor);
            assert_eq!(back, Some(value));
        }
    }

    #[test]
    fn json_becomes_what_sqlite_stores() {
        assert_eq!(Stored::of_json(&json!(true)), Ok(Stored::Integer(1)));
        assert_eq!(Stored::of_json(&json!({"a": [1]})), Ok(Stored::Text("{\"a\":[1]}".to_owned())));
        assert_eq!(Stored::of_json(&json!(u64::MAX)), Err(TooLarge));
        assert_eq!(Stored::of_json(&json!(1.5)), Ok(Stored::Real(1.5)));
        assert_eq!(Stored::Real(f64::NAN).into_json(), Some(json!(null)));
        assert_eq!(Stored::Blob(b"hi".to_vec()).into_json(), Some(json!("aGk=")));
    }
}
