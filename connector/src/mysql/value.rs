//! Values as the server's binary protocol gives them
//! (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html>), to JSON and to places in
//! an order. Deliberately absent: chrono for what the server gives, since it has no dates with zeros.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use sqlx::mysql::{MySqlRow, MySqlTypeInfo};
use sqlx::{Decode, MySql, Row, Type, TypeInfo};

use crate::exact_json;
use crate::keyset::Place;

/// How a column's bytes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Unsigned,
    Float,
    Double,
    Decimal,
    Date,
    DateTime,
    Time,
    Bit,
    Json,
    Text,
    Bytes,
}

impl Kind {
    pub(super) fn of(column: &MySqlTypeInfo) -> Self {
        let is_unsigned = <u64 as Type<MySql>>::compatible(column);
        match column.name() {
            "BIT" => Self::Bit,
            "YEAR" => Self::Unsigned,
            name if name.contains("INT") || name == "BOOLEAN" => {
                if is_unsigned {
                    Self::Unsigned
                } else {
                    Self::Int
                }
            }
            "FLOAT" => Self::Float,
            "DOUBLE" => Self::Double,
            "DECIMAL" => Self::Decimal,
            "DATE" => Self::Date,
            "DATETIME" | "TIMESTAMP" => Self::DateTime,
            "TIME" => Self::Time,
            "JSON" => Self::Json,
            "SET" | "ENUM" => Self::Text,
            // Collation and not its name tells text from bytes: `utf8mb4_bin` is text.
            _ if <str as Type<MySql>>::compatible(column) => Self::Text,
            _ => Self::Bytes,
        }
    }

    /// As a field of a record.
    ///
    /// # Errors
    /// Says what is wrong, without the value.
    pub(super) fn json(self, bytes: &[u8]) -> Result<Value, String> {
        Ok(match self {
            Self::Int => Value::from(int(bytes)),
            Self::Unsigned => Value::from(unsigned(bytes)),
            Self::Bit => Value::from(bit(bytes)),
            Self::Float => {
                number(f32_of(bytes).and_then(|single| single.to_string().parse().ok()).unwrap_or(0.0))
            }
            Self::Double => number(f64_of(bytes).unwrap_or(0.0)),
            Self::Decimal => exact_json::decimal(text(bytes)?.into()),
            Self::Date => Value::String(date(bytes, true)?),
            Self::DateTime => Value::String(format!("{}Z", date_time(bytes, true)?.replacen(' ', "T", 1))),
            Self::Time => Value::String(time(bytes)),
            Self::Json => exact_json::parse(text(bytes)?)?,
            Self::Text => Value::String(text(bytes)?.to_owned()),
            Self::Bytes => Value::String(STANDARD.encode(bytes)),
        })
    }

    /// As a place in the order of a column. `as_bytes` is for columns that are ordered byte by byte.
    pub(super) fn key(self, bytes: &[u8], as_bytes: bool) -> Key {
        match self {
            Self::Int => Key::Number(int(bytes).to_string()),
            Self::Unsigned => Key::Number(unsigned(bytes).to_string()),
            Self::Bit => Key::Number(bit(bytes).to_string()),
            // Exactly what the server compares with: a single as the double that it is.
            Self::Float => Key::Number(format!("{:e}", f64::from(f32_of(bytes).unwrap_or(0.0)))),
            Self::Double => Key::Number(format!("{:e}", f64_of(bytes).unwrap_or(0.0))),
            Self::Decimal => Key::Number(String::from_utf8_lossy(bytes).into_owned()),
            Self::Date => Key::Date(date(bytes, false).unwrap_or_default()),
            Self::DateTime => Key::DateTime(date_time(bytes, false).unwrap_or_default()),
            Self::Time => Key::Time(time(bytes)),
            Self::Text | Self::Json if !as_bytes => Key::Text(String::from_utf8_lossy(bytes).into_owned()),
            Self::Text | Self::Json | Self::Bytes => Key::Bytes(bytes.to_owned()),
        }
    }
}

/// A place in the order of a column; kept in checkpoints and watermarks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Key {
    Null,
    /// Digits, as SQL writes numbers.
    Number(String),
    Date(String),
    DateTime(String),
    Time(String),
    #[serde(with = "without_nul")]
    Text(String),
    Bytes(Vec<u8>),
}

/// A text as JSON that PostgreSQL stores, which takes no NUL character: with one, as its bytes.
mod without_nul {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kept {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        if text.contains('\0') { text.as_bytes().serialize(serializer) } else { text.serialize(serializer) }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        match Kept::deserialize(deserializer)? {
            Kept::Text(text) => Ok(text),
            Kept::Bytes(bytes) => String::from_utf8(bytes).map_err(de::Error::custom),
        }
    }
}

impl Kind {
    /// The place of a cursor value that people or another run named; `None` where the column holds no such value.
    pub(super) fn key_of(self, value: &Value, as_bytes: bool) -> Option<Key> {
        let text = match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.trim().to_owned(),
            _ => return None,
        };
        Some(match self {
            Self::Int | Self::Unsigned | Self::Bit | Self::Float | Self::Double | Self::Decimal => {
                text.parse::<f64>().ok().filter(|number| number.is_finite())?;
                Key::Number(text.to_ascii_lowercase())
            }
            Self::Date => Key::Date(NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()?.to_string()),
            Self::DateTime => Key::DateTime(moment(&text)?.format("%Y-%m-%d %H:%M:%S%.6f").to_string()),
            Self::Time => Key::Time(text),
            Self::Text | Self::Json if !as_bytes => Key::Text(text),
            Self::Text | Self::Json => Key::Bytes(text.into_bytes()),
            Self::Bytes => return None,
        })
    }
}

impl Key {
    /// As a record holds it; `None` where that can't be told.
    pub(super) fn value(&self) -> Option<Value> {
        Some(match self {
            Self::Null => return None,
            Self::Number(digits) => serde_json::from_str(digits).ok()?,
            Self::Date(text) | Self::Time(text) | Self::Text(text) => Value::String(text.clone()),
            Self::DateTime(text) => Value::String(format!("{}Z", text.replacen(' ', "T", 1))),
            Self::Bytes(bytes) => Value::String(String::from_utf8(bytes.clone()).ok()?),
        })
    }
}

/// In UTC, which columns without zone are read as.
fn moment(text: &str) -> Option<NaiveDateTime> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.naive_utc());
    }
    let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
    let time = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    time.or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))
}

impl Place for Key {
    fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// A literal that the server compares exactly; text as hexadecimal digits, which no quote can end.
    fn sql(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Number(digits) => only(digits, "+-.e"),
            Self::Date(date) => format!("DATE'{}'", only(date, "-")),
            Self::DateTime(time) => format!("TIMESTAMP'{}'", only(time, "-:. ")),
            Self::Time(time) => format!("TIME'{}'", only(time, "-:.")),
            Self::Text(text) => format!("_utf8mb4 x'{}'", hex(text.as_bytes())),
            Self::Bytes(bytes) => format!("x'{}'", hex(bytes)),
        }
    }
}

/// The digits of a text, and these other characters: what was stored is never more than that.
fn only(text: &str, others: &str) -> String {
    text.chars().filter(|c| c.is_ascii_digit() || others.contains(*c)).collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
        text
    })
}

/// The bytes of a column; `None` for NULL. sqlx takes a date of zeros for NULL too, and its bytes tell.
pub(super) fn bytes_of(row: &MySqlRow, index: usize) -> Result<Option<&[u8]>, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    // The only error that this has is that there is nothing.
    Ok(<&[u8] as Decode<MySql>>::decode(value).ok())
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "text is not UTF-8".to_owned())
}

fn number(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// 1, 2, 4 or 8 bytes, the lowest first.
fn int(bytes: &[u8]) -> i64 {
    let fill = if bytes.last().is_some_and(|high| high & 0x80 != 0) { 0xff } else { 0 };
    let mut all = [fill; 8];
    all[..bytes.len().min(8)].copy_from_slice(&bytes[..bytes.len().min(8)]);
    i64::from_le_bytes(all)
}

fn unsigned(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// The highest byte first.
fn bit(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn f32_of(bytes: &[u8]) -> Option<f32> {
    bytes.try_into().ok().map(f32::from_le_bytes)
}

fn f64_of(bytes: &[u8]) -> Option<f64> {
    bytes.try_into().ok().map(f64::from_le_bytes)
}

/// `2026-01-31`. The first byte is the length; what is not there is zero.
fn date(bytes: &[u8], checked: bool) -> Result<String, String> {
    let at = |index: usize| bytes.get(index).copied().unwrap_or(0);
    let (year, month, day) = (u16::from_le_bytes([at(1), at(2)]), at(3), at(4));
    if checked && (year == 0 || month == 0 || day == 0) {
        return Err("a date has a zero where a year, month or day belongs (0000-00-00)".to_owned());
    }
    Ok(format!("{year:04}-{month:02}-{day:02}"))
}

/// `2026-01-31 23:59:59.5`
fn date_time(bytes: &[u8], checked: bool) -> Result<String, String> {
    let at = |index: usize| bytes.get(index).copied().unwrap_or(0);
    let fraction = u32::from_le_bytes([at(8), at(9), at(10), at(11)]);
    let date = date(bytes, checked)?;
    Ok(format!("{date} {:02}:{:02}:{:02}{}", at(5), at(6), at(7), fraction_text(fraction)))
}

/// `-838:59:59.5`: a span of time as well as one of the day.
fn time(bytes: &[u8]) -> String {
    let at = |index: usize| bytes.get(index).copied().unwrap_or(0);
    let sign = if at(1) == 1 { "-" } else { "" };
    let hours = u32::from_le_bytes([at(2), at(3), at(4), at(5)]).saturating_mul(24) + u32::from(at(6));
    let fraction = u32::from_le_bytes([at(9), at(10), at(11), at(12)]);
    format!("{sign}{hours:02}:{:02}:{:02}{}", at(7), at(8), fraction_text(fraction))
}

fn fraction_text(micros: u32) -> String {
    if micros == 0 { String::new() } else { format!(".{micros:06}").trim_end_matches('0').to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Key, Kind};
    use crate::keyset::Place;

    #[test]
    fn bytes_become_json_exactly() {
        for (kind, bytes, value) in [
            (Kind::Int, &[0xff_u8][..], json!(-1)),
            (Kind::Int, &[0, 0, 0, 0, 0, 0, 0, 0x80], json!(i64::MIN)),
            (Kind::Unsigned, &[0xff; 8], json!(u64::MAX)),
            (Kind::Unsigned, &[0xea, 0x07], json!(2026)),
            (Kind::Bit, &[1, 0], json!(256)),
            (Kind::Float, &0.1_f32.to_le_bytes(), json!(0.1)),
            (Kind::Double, &0.1_f64.to_le_bytes(), json!(0.1)),
            (Kind::Decimal, b"12.50", json!(12.5)),
            (Kind::Decimal, b"12345678901234567890.123456789", json!("12345678901234567890.123456789")),
            (Kind::Date, &[4, 0xea, 0x07, 1, 31], json!("2026-01-31")),
            (Kind::DateTime, &[4, 0xea, 0x07, 1, 31], json!("2026-01-31T00:00:00Z")),
            (Kind::DateTime, &[7, 0xea, 0x07, 1, 31, 23, 59, 58], json!("2026-01-31T23:59:58Z")),
            (
                Kind::DateTime,
                &[11, 0xea, 0x07, 1, 31, 23, 59, 58, 0x20, 0xa1, 0x07, 0],
                json!("2026-01-31T23:59:58.5Z"),
            ),
            (Kind::Time, &[0], json!("00:00:00")),
            (Kind::Time, &[8, 1, 34, 0, 0, 0, 22, 59, 59], json!("-838:59:59")),
            (Kind::Json, b"{\"a\": [1]}", json!({"a": [1]})),
            (Kind::Bytes, &[0, 0xff, 0x10], json!("AP8Q")),
        ] {
            assert_eq!(kind.json(bytes), Ok(value), "{kind:?}");
        }
        for zero in [&[0_u8][..], &[4, 0xea, 0x07, 0, 1], &[4, 0xea, 0x07, 1, 0]] {
            assert!(Kind::Date.json(zero).is_err_and(|reason| reason.contains("0000-00-00")));
            assert!(Kind::DateTime.json(zero).is_err());
        }
        assert_eq!(Kind::Text.json(&[0xff]), Err("text is not UTF-8".to_owned()));
    }

    #[test]
    fn cursor_values_have_places_and_places_have_values() {
        for (kind, value, sql, back) in [
            (Kind::Int, json!(7), "7", json!(7)),
            (Kind::Decimal, json!("12.50"), "12.50", json!(12.5)),
            (Kind::Date, json!("2026-01-31T10:00:00Z"), "DATE'2026-01-31'", json!("2026-01-31")),
            (
                Kind::DateTime,
                json!("2026-01-31T10:00:00.5+02:00"),
                "TIMESTAMP'2026-01-31 08:00:00.500000'",
                json!("2026-01-31T08:00:00.500000Z"),
            ),
            (
                Kind::DateTime,
                json!("2026-01-31"),
                "TIMESTAMP'2026-01-31 00:00:00.000000'",
                json!("2026-01-31T00:00:00.000000Z"),
            ),
            (Kind::Text, json!("a'b"), "_utf8mb4 x'612762'", json!("a'b")),
        ] {
            let key = kind.key_of(&value, false).expect("it has a place");
            assert_eq!((key.sql().as_str(), key.value()), (sql, Some(back)), "{value}");
        }
        for (kind, value) in [
            (Kind::Int, json!("seven")),
            (Kind::Int, json!(null)),
            (Kind::Double, json!("inf")),
            (Kind::Date, json!("2026-02-30")),
            (Kind::DateTime, json!("yesterday")),
            (Kind::Bytes, json!("AA==")),
        ] {
            assert_eq!(kind.key_of(&value, false), None, "{value}");
        }
    }

    #[test]
    fn keys_are_literals_that_nothing_can_leave() {
        for (key, sql) in [
            (Kind::Int.key(&[0xff], false), "-1"),
            (Kind::Double.key(&0.1_f64.to_le_bytes(), false), "1e-1"),
            (Kind::DateTime.key(&[0], false), "TIMESTAMP'0000-00-00 00:00:00'"),
            (Kind::Text.key(b"a'b", false), "_utf8mb4 x'612762'"),
            (Kind::Text.key(b"a", true), "x'61'"),
            (Kind::Text.key(b"a\0b", false), "_utf8mb4 x'610062'"),
            (Key::Number("1); DROP TABLE x".to_owned()), "1"),
            (Key::Time("1' OR '1".to_owned()), "TIME'11'"),
        ] {
            assert_eq!(key.sql(), sql);
            let text = serde_json::to_string(&key).expect("a key as JSON");
            assert!(!text.contains("\\u0000"), "{text}");
            assert_eq!(serde_json::from_str::<Key>(&text).ok(), Some(key));
        }
    }
}
