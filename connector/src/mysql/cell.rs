//! One value on its way into one column: what certainly does not fit is refused here, with the field's name, so that one
//! bad value rarely costs the others of its batch a second try. Deliberately absent: what only the server knows
//! (constraints, triggers, character sets).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::Value;
use sqlx::MySql;
use sqlx::mysql::MySqlArguments;
use sqlx::query::Query;

use super::table::Column;
use super::value::Key;

/// A value in the form in which it is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Int(i64),
    Unsigned(u64),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(Vec<u8>),
}

/// Why a value can't go into its column: a rule and words.
pub(super) type Refusal = (&'static str, String);

/// 2^53: whole floats up to here are exact.
const FLOAT_WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

impl<'a> Cell<'a> {
    /// `value` for `column`.
    ///
    /// # Errors
    /// When it certainly can't be stored there as it is.
    pub(super) fn of(value: &'a Value, column: &Column) -> Result<Self, Refusal> {
        let wrong = |words: &str| Err(("type", words.to_owned()));
        let unsigned = column.full_type.contains("unsigned");
        match value {
            Value::Null if column.not_null && !column.counts_itself => {
                return Err(("not_null", "a value is required".to_owned()));
            }
            Value::Null => return Ok(Self::Null),
            _ if column.is_json => return Ok(Self::Text(json(value))),
            _ => {}
        }
        match column.data_type.as_str() {
            "tinyint" => whole(value, 8, unsigned),
            "smallint" => whole(value, 16, unsigned),
            "mediumint" => whole(value, 24, unsigned),
            "int" => whole(value, 32, unsigned),
            "bigint" => whole(value, 64, unsigned),
            "bit" => whole(value, 64, true),
            "float" | "double" => match number(value) {
                Some(number) if column.data_type == "double" || number.abs() <= f64::from(f32::MAX) => {
                    Ok(Self::Float(number))
                }
                Some(_) => Err(("range", "the value is out of range".to_owned())),
                None => wrong("must be a number"),
            },
            "decimal" => match value {
                Value::Number(_) => Ok(Self::Text(text(value))),
                Value::String(digits) if is_decimal(digits) => Ok(Self::Text(text(value))),
                _ => wrong("must be a number"),
            },
            "date" => match value.as_str().and_then(date) {
                Some(date) => Ok(Self::Text(Cow::Owned(date))),
                None => wrong("must be a date"),
            },
            "datetime" | "timestamp" => match value.as_str().and_then(date_time) {
                Some(time) => Ok(Self::Text(Cow::Owned(time))),
                None => wrong("must be a date and time"),
            },
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
                match value.as_str().and_then(|text| STANDARD.decode(text).ok()) {
                    Some(bytes) => Ok(Self::Bytes(bytes)),
                    None => wrong("binary data must be base64 text"),
                }
            }
            "set" => match value {
                Value::Array(items) => {
                    Ok(Self::Text(Cow::Owned(items.iter().map(text).collect::<Vec<_>>().join(","))))
                }
                other => Ok(Self::Text(text(other))),
            },
            _ => {
                let text = text(value);
                match column.chars_max {
                    // Spaces at the end beyond the length are cut, by the SQL standard.
                    Some(max) if text.len() > max && text.trim_end_matches(' ').chars().count() > max => {
                        Err(("maxLength", format!("must have at most {max} characters")))
                    }
                    _ => Ok(Self::Text(text)),
                }
            }
        }
    }

    /// Adds it to a statement's parameters.
    pub(super) fn bind<'q>(
        &self,
        query: Query<'q, MySql, MySqlArguments>,
    ) -> Query<'q, MySql, MySqlArguments> {
        match self {
            Self::Null => query.bind(None::<&str>),
            Self::Int(number) => query.bind(*number),
            Self::Unsigned(number) => query.bind(*number),
            Self::Float(number) => query.bind(*number),
            Self::Text(text) => query.bind(text.clone().into_owned()),
            Self::Bytes(bytes) => query.bind(bytes.clone()),
        }
    }

    /// Size in a statement, in bytes, about.
    pub(super) fn size_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len() + 9,
            Self::Bytes(bytes) => bytes.len() + 9,
            _ => 9,
        }
    }

    /// True when a stored value is surely this one. False says nothing: a collation may take them for one.
    pub(super) fn is(&self, stored: &Key) -> bool {
        match (self, stored) {
            (Self::Int(number), Key::Number(digits)) => digits.parse() == Ok(*number),
            (Self::Unsigned(number), Key::Number(digits)) => digits.parse() == Ok(*number),
            (Self::Text(sent), Key::Number(digits)) => *sent == digits.as_str(),
            (Self::Text(sent), Key::Text(text) | Key::Date(text) | Key::DateTime(text) | Key::Time(text)) => {
                *sent == text.as_str()
            }
            (Self::Bytes(sent), Key::Bytes(bytes)) => sent == bytes,
            _ => false,
        }
    }
}

fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        other => Cow::Owned(other.to_string()),
    }
}

/// Text that looks like a JSON object or list and is one is stored as such: files know only text.
/// Any other text is a JSON string.
fn json(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text)
            if text.starts_with(['{', '['])
                && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() =>
        {
            Cow::Borrowed(text)
        }
        other => Cow::Owned(other.to_string()),
    }
}

/// A whole number of so many bits. The server would round a fraction in silence, even in strict mode.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
fn whole<'a>(value: &Value, bits: u32, unsigned: bool) -> Result<Cell<'a>, Refusal> {
    let number: Option<i128> = match value {
        Value::Bool(flag) => Some(i128::from(*flag)),
        Value::Number(number) => number.as_i128().or_else(|| {
            let number = number.as_f64()?;
            (number.fract() == 0.0 && number.abs() <= FLOAT_WHOLE_MAX).then_some(number as i128)
        }),
        Value::String(text) => match text.as_str() {
            "true" => Some(1),
            "false" => Some(0),
            digits => digits.parse().ok(),
        },
        _ => None,
    };
    let Some(number) = number else { return Err(("type", "must be a whole number".to_owned())) };
    let (min, max) =
        if unsigned { (0, (1 << bits) - 1) } else { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) };
    if !(min..=max).contains(&number) {
        return Err(("range", "the value is out of range".to_owned()));
    }
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(signed), _) => Ok(Cell::Int(signed)),
        (_, Ok(unsigned)) => Ok(Cell::Unsigned(unsigned)),
        _ => Err(("range", "the value is out of range".to_owned())),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse::<f64>().ok().filter(|number| number.is_finite()),
        _ => None,
    }
}

fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, "0"), |parts| parts);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.parse::<i16>().is_ok_and(|exponent| exponent.abs() <= 300)
}

/// A time in UTC as the server writes it: `2026-01-31 23:59:59.5`. Without a zone it is taken as it is.
fn date_time(text: &str) -> Option<String> {
    let time = match DateTime::parse_from_rfc3339(text) {
        Ok(time) => time.with_timezone(&Utc).naive_utc(),
        Err(_) => {
            let plain = text.replacen(['T', 't'], " ", 1);
            NaiveDateTime::parse_from_str(&plain, "%Y-%m-%d %H:%M:%S%.f")
                .or_else(|_| NaiveDateTime::parse_from_str(&plain, "%Y-%m-%d %H:%M"))
                .or_else(|_| NaiveDate::parse_from_str(&plain, "%Y-%m-%d").map(|date| date.into()))
                .ok()?
        }
    };
    // Six digits is what the server holds.
    let shown = time.format("%Y-%m-%d %H:%M:%S%.6f").to_string();
    Some(shown.trim_end_matches('0').trim_end_matches('.').to_owned()).map(|shown| {
        // The seconds may have ended in a zero.
        if shown.len() < 19 { time.format("%Y-%m-%d %H:%M:%S").to_string() } else { shown }
    })
}

fn date(text: &str) -> Option<String> {
    match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(date) => Some(date.format("%Y-%m-%d").to_string()),
        Err(_) => date_time(text).map(|time| time[..10].to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Cell, Column, Refusal};

    fn sent(full_type: &str, value: Value) -> Result<Cell<'static>, Refusal> {
        let data_type = full_type.split(['(', ' ']).next().unwrap_or_default().to_owned();
        let chars_max =
            full_type.strip_prefix("varchar(").and_then(|rest| rest.strip_suffix(')')?.parse().ok());
        let column = Column {
            name: "c".to_owned(),
            is_json: data_type == "json",
            data_type,
            full_type: full_type.to_owned(),
            not_null: true,
            writable: true,
            counts_itself: false,
            chars_max,
        };
        let value: &'static Value = Box::leak(Box::new(value));
        Cell::of(value, &column)
    }

    fn text(text: &str) -> Result<Cell<'static>, Refusal> {
        Ok(Cell::Text(text.to_owned().into()))
    }

    fn rule(result: Result<Cell<'static>, Refusal>) -> Option<&'static str> {
        result.err().map(|(rule, _)| rule)
    }

    #[test]
    fn values_take_the_form_of_their_column() {
        assert_eq!(sent("int", json!("7")), Ok(Cell::Int(7)));
        assert_eq!(sent("int", json!(7.0)), Ok(Cell::Int(7)));
        assert_eq!(sent("tinyint(1)", json!(true)), Ok(Cell::Int(1)));
        assert_eq!(sent("bigint unsigned", json!(u64::MAX)), Ok(Cell::Unsigned(u64::MAX)));
        assert_eq!(sent("decimal(10,2)", json!(12.5)), text("12.5"));
        assert_eq!(sent("varchar(3)", json!("äöü")), text("äöü"));
        assert_eq!(sent("varchar(3)", json!("abc  ")), text("abc  "));
        assert_eq!(sent("json", json!("{\"a\":1}")), text("{\"a\":1}"));
        assert_eq!(sent("json", json!("plain")), text("\"plain\""));
        assert_eq!(sent("set('a','b')", json!(["a", "b"])), text("a,b"));
        assert_eq!(sent("blob", json!("AP8Q")), Ok(Cell::Bytes(vec![0, 0xff, 0x10])));
        assert_eq!(sent("double", json!("1.5")), Ok(Cell::Float(1.5)));
    }

    #[test]
    fn what_would_be_bent_is_refused() {
        for (full_type, value, expected) in [
            ("int", json!(7.5), "type"),
            ("int", json!(""), "type"),
            ("int", json!(3_000_000_000_i64), "range"),
            ("int unsigned", json!(-1), "range"),
            ("tinyint(4)", json!(128), "range"),
            ("float", json!(1e39), "range"),
            ("decimal(10,2)", json!("12,5"), "type"),
            ("varchar(3)", json!("abcd"), "maxLength"),
            ("datetime", json!("31.01.2026"), "type"),
            ("datetime", json!(5), "type"),
            ("date", json!("0000-00-00"), "type"),
            ("blob", json!("*"), "type"),
            ("int", json!(null), "not_null"),
        ] {
            assert_eq!(rule(sent(full_type, value.clone())), Some(expected), "{value} for {full_type}");
        }
    }

    #[test]
    fn times_go_in_utc() {
        for (given, stored) in [
            ("2026-01-31T23:59:50Z", "2026-01-31 23:59:50"),
            ("2026-01-31T23:59:59.5+02:00", "2026-01-31 21:59:59.5"),
            ("2026-01-31 23:59:59.120000", "2026-01-31 23:59:59.12"),
            ("2026-01-31T10:00", "2026-01-31 10:00:00"),
            ("2026-01-31", "2026-01-31 00:00:00"),
        ] {
            assert_eq!(sent("datetime(6)", json!(given)), text(stored));
        }
        assert_eq!(sent("date", json!("2026-01-31T23:30:00-02:00")), text("2026-02-01"));
    }
}
