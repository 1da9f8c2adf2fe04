//! How the values of a cursor field are ordered, so that every connector agrees on what is newer.
//! Deliberately absent: the ordering of databases, which compare their own columns themselves.

use std::cmp::Ordering;

use chrono::DateTime;
use serde_json::Value;

/// Orders two values of a cursor field.
///
/// Numbers, and texts that are numbers (CSV knows only text), compare numerically; RFC 3339 times as
/// instants, whatever their zone; everything else as text, byte by byte. Between kinds the order is
/// other text, then numbers, then times, so that a stray `n/a` never becomes the watermark of a column
/// of times. The order is total.
///
/// ```
/// use std::cmp::Ordering;
/// use connector::compare_cursor_values;
/// use serde_json::json;
///
/// assert_eq!(compare_cursor_values(&json!("9"), &json!("10")), Ordering::Less);
/// assert_eq!(
///     compare_cursor_values(&json!("2026-01-01T01:00:00+01:00"), &json!("2026-01-01T00:00:00Z")),
///     Ordering::Equal,
/// );
/// ```
pub fn compare_cursor_values(left: &Value, right: &Value) -> Ordering {
    let (left, right) = (CursorValue::of(left), CursorValue::of(right));
    left.compare(&right)
}

/// True when a record whose cursor field holds `value` belongs to an INCREMENTAL run that begins at
/// `watermark`: it is newer, or it can't be compared (null, or of another kind), where reading it again
/// is harmless and leaving it out would lose it in silence.
pub fn is_after_watermark(value: &Value, watermark: &Value) -> bool {
    if value.is_null() || watermark.is_null() {
        return true;
    }
    let (value, watermark) = (CursorValue::of(value), CursorValue::of(watermark));
    value.rank() != watermark.rank() || value.compare(&watermark) == Ordering::Greater
}

/// Whether a value can be where the next run begins. A text with a NUL character could be neither stored nor sent.
pub(crate) fn is_storable(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.contains('\0'),
        _ => true,
    }
}

/// True when both are of a kind, so that one of them is known to be newer, or neither.
pub fn is_comparable(left: &Value, right: &Value) -> bool {
    !left.is_null() && !right.is_null() && CursorValue::of(left).rank() == CursorValue::of(right).rank()
}

enum CursorValue {
    Text(String),
    Whole(i128),
    Real(f64),
    Time(DateTime<chrono::FixedOffset>),
}

impl CursorValue {
    fn of(value: &Value) -> Self {
        match value {
            Value::Number(number) => {
                if let Some(whole) = number.as_i128() {
                    Self::Whole(whole)
                } else {
                    number.as_f64().map_or_else(|| Self::Text(number.to_string()), Self::real)
                }
            }
            Value::String(text) => Self::of_text(text),
            other => Self::Text(other.to_string()),
        }
    }

    fn of_text(text: &str) -> Self {
        let trimmed = text.trim();
        // `inf`, `nan` and `infinity` are words here, though Rust parses them as floats.
        if trimmed.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.')) {
            if let Ok(whole) = trimmed.parse::<i128>() {
                return Self::Whole(whole);
            }
            if let Some(real) = trimmed.parse::<f64>().ok().filter(|real| real.is_finite()) {
                return Self::real(real);
            }
            if let Ok(time) = DateTime::parse_from_rfc3339(trimmed) {
                return Self::Time(time);
            }
        }
        Self::Text(text.to_owned())
    }

    /// Zero has one sign: the whole one has none.
    fn real(real: f64) -> Self {
        Self::Real(if real == 0.0 { 0.0 } else { real })
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Text(_) => 0,
            Self::Whole(_) | Self::Real(_) => 1,
            Self::Time(_) => 2,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => left.cmp(right),
            (Self::Real(left), Self::Real(right)) => left.total_cmp(right),
            (Self::Whole(left), Self::Real(right)) => compare_mixed(*left, *right),
            (Self::Real(left), Self::Whole(right)) => compare_mixed(*right, *left).reverse(),
            (Self::Time(left), Self::Time(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (left, right) => left.rank().cmp(&right.rank()),
        }
    }
}

/// Exact where converting the whole number to a float would round it (beyond 2^53).
#[expect(clippy::cast_possible_truncation, reason = "the fraction is compared apart; the cast saturates")]
pub(crate) fn compare_mixed(whole: i128, real: f64) -> Ordering {
    let floor = real.floor();
    whole.cmp(&(floor as i128)).then_with(|| if real > floor { Ordering::Less } else { Ordering::Equal })
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use serde_json::{Value, json};

    use super::{compare_cursor_values, is_after_watermark};

    #[test]
    fn numbers_compare_numerically_whether_text_or_not() {
        for (small, large) in [
            (json!(9), json!(10)),
            (json!("9"), json!("10")),
            (json!("9.5"), json!(10)),
            (json!(9_007_199_254_740_992_i64), json!(9_007_199_254_740_993_i64)),
            (json!(2), json!(2.5)),
            (json!(-3), json!(-2.5)),
            (json!(i64::MAX), json!(u64::MAX)),
        ] {
            assert_eq!(compare_cursor_values(&small, &large), Ordering::Less, "{small} < {large}");
            assert_eq!(compare_cursor_values(&large, &small), Ordering::Greater, "{large} > {small}");
        }
        assert_eq!(compare_cursor_values(&json!(2), &json!(2.0)), Ordering::Equal);
    }

    #[test]
    fn times_compare_as_instants_and_other_text_as_text() {
        let earlier = json!("2026-03-01T12:00:00+02:00");
        let later = json!("2026-03-01T10:30:00Z");
        assert_eq!(compare_cursor_values(&earlier, &later), Ordering::Less);
        assert_eq!(compare_cursor_values(&json!("2026-03-01"), &json!("2026-03-02")), Ordering::Less);
        assert_eq!(compare_cursor_values(&json!("n/a"), &later), Ordering::Less);
    }

    #[test]
    fn the_order_is_total() {
        let values: Vec<Value> = vec![
            json!("1a"),
            json!("2"),
            json!("10"),
            json!(10.5),
            json!("2026-01-01T00:00:00Z"),
            json!(true),
            json!(0),
            json!(-0.0),
            json!(".0"),
        ];
        for a in &values {
            for b in &values {
                assert_eq!(compare_cursor_values(a, b), compare_cursor_values(b, a).reverse(), "{a} {b}");
                for c in &values {
                    if compare_cursor_values(a, b).is_le() && compare_cursor_values(b, c).is_le() {
                        assert!(compare_cursor_values(a, c).is_le(), "{a} {b} {c}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_compared_is_read_again() {
        let watermark = json!("2026-01-01T00:00:00Z");
        assert!(!is_after_watermark(&json!("2026-01-01T00:00:00Z"), &watermark));
        assert!(!is_after_watermark(&json!("2025-12-31T23:59:59Z"), &watermark));
        assert!(is_after_watermark(&json!("2026-01-01T00:00:01Z"), &watermark));
        assert!(is_after_watermark(&json!("n/a"), &watermark));
        assert!(is_after_watermark(&Value::Null, &watermark));
    }
}
