//! What test records are told by: a text or a number that no real record has, in their key. Deliberately absent: where the
//! record goes.

use chrono::{DateTime, SecondsFormat, Utc};
use connector::Record;
use serde_json::Value;
use uuid::Uuid;

/// Stands for the mark as a text, anywhere in a text: `trestle-test-` and twelve hex digits.
pub const TEXT_PLACE: &str = "{synthetic}";
/// Stands for the mark as a number, in place of a text: a whole number below zero, down to −2,147,483,647.
pub const NUMBER_PLACE: &str = "{syntheticNumber}";
/// Stands for the time, anywhere in a text: RFC 3339, in UTC.
pub const TIME_PLACE: &str = "{now}";
/// How marks begin.
const START: &str = "trestle-test-";
/// Digits of a mark that differ.
const DIGITS: usize = 12;
/// The largest number that an integer column of any database takes.
const NUMBER_MAX: u64 = i32::MAX as u64;

/// The mark of one test record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    text: String,
    number: i64,
}

impl Mark {
    /// Made of the end of an id, which is random.
    pub(crate) fn of(id: Uuid) -> Self {
        let digits = id.simple().to_string().split_off(32 - DIGITS);
        let random = u64::from_str_radix(&digits, 16).unwrap_or_default();
        let number = i64::try_from(random % NUMBER_MAX).unwrap_or_default();
        Self { text: format!("{START}{digits}"), number: -1 - number }
    }

    /// As a text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The record of a check with this mark in its places; empty where it is no object, which is not stored.
    pub(crate) fn fill(&self, record: &Value, now: DateTime<Utc>) -> Record {
        let now = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        match self.filled(record, &now) {
            Value::Object(record) => record.into(),
            _ => Record::new(),
        }
    }

    /// As deep as what is stored may be.
    fn filled(&self, value: &Value, now: &str) -> Value {
        match value {
            Value::String(text) if text == NUMBER_PLACE => self.number.into(),
            Value::String(text) => text.replace(TEXT_PLACE, &self.text).replace(TIME_PLACE, now).into(),
            Value::Array(items) => items.iter().map(|item| self.filled(item, now)).collect(),
            Value::Object(fields) => {
                let filled = |(name, value): (&String, &Value)| (name.clone(), self.filled(value, now));
                Value::Object(fields.iter().map(filled).collect())
            }
            other => other.clone(),
        }
    }

    /// Whether one of these fields still has it, in whichever case.
    pub(crate) fn is_in(&self, record: &Record, fields: &[String]) -> bool {
        fields.iter().filter_map(|field| record.get(field)).any(|value| match value {
            Value::String(text) => {
                text.to_lowercase().contains(&self.text) || text.trim() == self.number.to_string()
            }
            Value::Number(number) => number.as_f64() == Some(self.number as f64),
            _ => false,
        })
    }
}

/// Whether a value has a place for a mark.
pub(crate) fn has_place(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text == NUMBER_PLACE || text.contains(TEXT_PLACE))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use connector::Record;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::{Mark, has_place};

    fn record(value: Value) -> Record {
        match value {
            Value::Object(record) => record.into(),
            other => unreachable!("{other}"),
        }
    }

    #[test]
    fn marks_stand_in_their_places_and_nowhere_else() {
        let mark = Mark::of(Uuid::from_u128(0xabc));
        assert_eq!((mark.text(), mark.number), ("trestle-test-000000000abc", -2_749));
        let given = json!({
            "id": "PO-{synthetic}", "number": "{syntheticNumber}", "text": "no {syntheticNumber}",
            "lines": [{"of": "{synthetic}"}], "at": "{now}", "amount": 2.5, "none": null,
        });
        let filled = Value::from(mark.fill(&given, DateTime::UNIX_EPOCH));
        let expected = json!({
            "id": "PO-trestle-test-000000000abc", "number": -2_749, "text": "no {syntheticNumber}",
            "lines": [{"of": "trestle-test-000000000abc"}], "at": "1970-01-01T00:00:00.000Z", "amount": 2.5,
            "none": null,
        });
        assert_eq!(filled, expected);
        for (value, expected) in [
            (json!("a {synthetic}"), true),
            (json!("{syntheticNumber}"), true),
            (json!("a {syntheticNumber}"), false),
            (json!("synthetic"), false),
            (json!(["{synthetic}"]), false),
        ] {
            assert_eq!(has_place(&value), expected, "{value}");
        }
    }

    #[test]
    fn numbers_fit_every_database_and_are_below_zero() {
        for id in [Uuid::nil(), Uuid::max(), Uuid::from_u128(0x7fff_fffe), Uuid::from_u128(0x7fff_ffff)] {
            let number = Mark::of(id).number;
            assert!((i64::from(-i32::MAX)..0).contains(&number), "{number}");
        }
        assert_eq!(Mark::of(Uuid::from_u128(0x7fff_fffe)).number, i64::from(-i32::MAX));
    }

    #[test]
    fn a_mark_is_found_in_the_key_alone_and_in_any_form() {
        let mark = Mark::of(Uuid::from_u128(0xabc));
        let key = ["id".to_owned(), "part".to_owned()];
        for (value, expected) in [
            (json!({"id": "x-TRESTLE-TEST-000000000ABC"}), true),
            (json!({"id": 1, "part": -2_749.0}), true),
            (json!({"id": "-2749"}), true),
            (json!({"id": 2_749, "note": "trestle-test-000000000abc"}), false),
            (json!({"id": "trestle-test-"}), false),
            (json!({}), false),
        ] {
            assert_eq!(mark.is_in(&record(value.clone()), &key), expected, "{value}");
        }
    }
}
