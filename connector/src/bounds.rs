//! Which part of a stream a run reads, by the values of its cursor field: past a watermark, a little before it, from a value
//! on, or within a range. Deliberately absent: what databases do better with their own columns.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta};
use serde_json::{Number, Value};

use crate::cursor::{compare_cursor_values, is_after_watermark, is_comparable};
use crate::{OpenSource, SystemError, SystemErrorKind};

/// A range of a stream, in values of its cursor field.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CursorRange {
    /// Records before this are left out.
    pub from: Value,
    /// This, and what comes after it, is left out; `None` reads to the end.
    pub until: Option<Value>,
}

/// What belongs to a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bounds {
    /// Everything.
    All,
    /// What is newer than this.
    After(Value),
    /// This and what is newer.
    From(Value),
    /// What is in this range, and nothing that can't be compared with its ends.
    Within(CursorRange),
}

impl Bounds {
    /// Of an INCREMENTAL run whose watermark holds the cursor value `since`.
    ///
    /// # Errors
    /// `Misconfigured` when there is an overlap, and nothing that it could be taken from.
    pub(crate) fn of(open: &OpenSource, since: Option<Value>) -> Result<Self, SystemError> {
        Ok(match (&open.only, since, &open.from) {
            (Some(range), _, _) => Self::Within(range.clone()),
            (None, Some(since), _) => match open.overlap {
                None => Self::After(since),
                Some(overlap) => Self::From(before(&since, overlap).ok_or_else(no_overlap)?),
            },
            (None, None, Some(from)) => Self::From(from.clone()),
            (None, None, None) => Self::All,
        })
    }

    /// True when a record whose cursor field holds `value` belongs to the run. One without a value, or with one of another
    /// kind, can't be known to be old: leaving it out would lose it in silence. Of no range it is a part.
    pub(crate) fn take(&self, value: &Value) -> bool {
        match self {
            Self::All => true,
            Self::After(since) => is_after_watermark(value, since),
            Self::From(from) => {
                !is_comparable(value, from) || compare_cursor_values(value, from) != Ordering::Less
            }
            Self::Within(CursorRange { from, until }) => {
                is_comparable(value, from)
                    && compare_cursor_values(value, from) != Ordering::Less
                    && until.as_ref().is_none_or(|until| {
                        is_comparable(value, until) && compare_cursor_values(value, until) == Ordering::Less
                    })
            }
        }
    }

    /// The value to ask a system for that gives what is newer: many leave out what is at it. `None` asks for everything.
    pub(crate) fn asked(&self) -> Option<Value> {
        match self {
            Self::All => None,
            Self::After(value) => Some(value.clone()),
            // A text that is no time has nothing before it that could be told.
            Self::From(value) | Self::Within(CursorRange { from: value, .. }) => before(value, 1),
        }
    }
}

/// An overlap can be taken from times and numbers only.
pub(crate) fn no_overlap() -> SystemError {
    let hint = "the stream has an overlap, and the values of its cursor field are neither times nor numbers";
    SystemError::new(SystemErrorKind::Misconfigured, hint).with_hint(hint)
}

/// The cursor value that lies so many seconds (of a time) or so much (of a number) before this one, in the form of this one;
/// `None` where it is neither.
pub(crate) fn before(value: &Value, overlap: u64) -> Option<Value> {
    match value {
        Value::Number(number) => number_before(number, overlap).map(Value::Number),
        Value::String(text) => text_before(text.trim(), overlap).map(Value::String),
        _ => None,
    }
}

fn number_before(number: &Number, overlap: u64) -> Option<Number> {
    if let Some(whole) = number.as_i128() {
        let lower = whole.checked_sub(i128::from(overlap))?;
        let number =
            i64::try_from(lower).map(Number::from).or_else(|_| u64::try_from(lower).map(Number::from));
        // Below the smallest whole number that a record can hold there is nothing.
        return Some(number.unwrap_or_else(|_| Number::from(i64::MIN)));
    }
    #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 a float has no single steps either")]
    Number::from_f64(number.as_f64()? - overlap as f64)
}

fn text_before(text: &str, overlap: u64) -> Option<String> {
    let seconds = TimeDelta::try_seconds(i64::try_from(overlap).ok()?)?;
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        let precision = if text.contains('.') { SecondsFormat::AutoSi } else { SecondsFormat::Secs };
        return Some(
            time.checked_sub_signed(seconds)?.to_rfc3339_opts(precision, text.ends_with(['Z', 'z'])),
        );
    }
    for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return Some(time.checked_sub_signed(seconds)?.format(format).to_string());
        }
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        // Days are compared as text: one that has begun counts.
        let time = date.and_hms_opt(0, 0, 0)?.checked_sub_signed(seconds)?;
        return Some(time.format("%Y-%m-%d").to_string());
    }
    if let Ok(whole) = text.parse::<i128>() {
        let lower = whole.checked_sub(i128::from(overlap))?;
        // Databases compare texts as texts: one that is filled up with zeros stays so.
        let width = if text.starts_with('0') { text.len() } else { 0 };
        return Some(format!("{lower:0width$}"));
    }
    #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 a float has no single steps either")]
    let lower = text.parse::<f64>().ok().filter(|real| real.is_finite())? - overlap as f64;
    Some(lower.to_string())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::{Bounds, CursorRange, before};
    use crate::testing::open_source;

    #[test]
    fn an_overlap_keeps_the_form_of_the_value() {
        for (value, overlap, expected) in [
            (json!(100), 30, json!(70)),
            (json!(10), 30, json!(-20)),
            (json!(1.5), 1, json!(0.5)),
            (json!("100"), 30, json!("70")),
            (json!("0100"), 30, json!("0070")),
            (json!("0"), 1, json!("-1")),
            (json!("2026-03-01T00:00:10Z"), 70, json!("2026-02-28T23:59:00Z")),
            (json!("2026-03-01T00:00:10.250+02:00"), 10, json!("2026-03-01T00:00:00.250+02:00")),
            (json!("2026-03-01 00:00:10"), 3600, json!("2026-02-28 23:00:10")),
            (json!("2026-03-01T00:00:10.5"), 1, json!("2026-03-01T00:00:09.500")),
            (json!("2026-03-01"), 3600, json!("2026-02-28")),
            (json!(i64::MIN), 1, json!(i64::MIN)),
        ] {
            assert_eq!(before(&value, overlap), Some(expected), "{value} - {overlap}");
        }
        for value in [json!("n/a"), json!(null), json!(true), json!([1]), json!("inf")] {
            assert_eq!(before(&value, 1), None, "{value}");
        }
    }

    #[test]
    fn what_is_at_the_first_value_is_asked_for_too() {
        let range = CursorRange { from: json!("2026-01-01T00:00:00Z"), until: None };
        assert_eq!(Bounds::Within(range).asked(), Some(json!("2025-12-31T23:59:59Z")));
        assert_eq!(Bounds::From(json!(7)).asked(), Some(json!(6)));
        assert_eq!(Bounds::From(json!("a")).asked(), None);
        assert_eq!((Bounds::After(json!(7)).asked(), Bounds::All.asked()), (Some(json!(7)), None));
    }

    #[test]
    fn each_kind_of_run_takes_its_part() {
        let values = [json!(1), json!(2), json!(3), Value::Null, json!("n/a")];
        let taken = |bounds: &Bounds| -> Vec<Value> {
            values.iter().filter(|value| bounds.take(value)).cloned().collect()
        };
        let mut open = open_source(json!({}), &["id"], 1);
        assert_eq!(taken(&Bounds::of(&open, None).unwrap()).len(), 5);
        let after = Bounds::of(&open, Some(json!(2))).unwrap();
        assert_eq!(taken(&after), [json!(3), Value::Null, json!("n/a")]);
        open.overlap = Some(1);
        let overlapping = Bounds::of(&open, Some(json!(3))).unwrap();
        assert_eq!(taken(&overlapping), [json!(2), json!(3), Value::Null, json!("n/a")]);
        assert!(Bounds::of(&open, Some(json!("n/a"))).is_err());
        assert_eq!(Bounds::of(&open, None).unwrap(), Bounds::All, "there is nothing to overlap with");
        open.from = Some(json!(2));
        let from = Bounds::of(&open, None).unwrap();
        assert_eq!(taken(&from), [json!(2), json!(3), Value::Null, json!("n/a")]);
        open.only = Some(CursorRange { from: json!(1), until: Some(json!(3)) });
        assert_eq!(taken(&Bounds::of(&open, None).unwrap()), [json!(1), json!(2)]);
        open.only = Some(CursorRange { from: json!(2), until: None });
        assert_eq!(taken(&Bounds::of(&open, None).unwrap()), [json!(2), json!(3)]);
    }
}
