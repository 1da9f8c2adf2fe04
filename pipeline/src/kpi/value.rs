//! Numbers and times of records, as whole millionths: read once, exact from there on.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use serde_json::Value;

/// Parts of one: values are kept in millionths.
pub const PARTS: i64 = 1_000_000;
/// Largest magnitude of a value, in whole units; what is beyond is none. Sums of an hour of such values stay in the columns
/// that keep them.
pub const VALUE_MAX: i64 = 1_000_000_000_000;

/// The same in millionths.
const MAGNITUDE_MAX: u128 = VALUE_MAX as u128 * PARTS as u128;
/// Below it the product of a double and a million is off by less than a quarter, so that rounding finds the whole number.
const EXACT_FLOAT_MAX: f64 = 1e9;
/// Longest text that is looked at, in bytes: no number or time that anybody writes is longer.
const TEXT_BYTES_MAX: usize = 64;

/// The value, where it is none beyond [`VALUE_MAX`].
pub(super) fn bounded(parts: i128) -> Option<i64> {
    i64::try_from(parts).ok().filter(|_parts| parts.unsigned_abs() <= MAGNITUDE_MAX)
}

/// A JSON number, or a text that is one, in millionths; rounded half away from zero behind the sixth decimal.
pub(super) fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => {
            if let Some(whole) = number.as_i64() {
                return bounded(i128::from(whole) * i128::from(PARTS));
            }
            match number.as_f64() {
                Some(float) if float.abs() < EXACT_FLOAT_MAX => Some((float * PARTS as f64).round() as i64),
                _ => decimal(&number.to_string()),
            }
        }
        Value::String(text) => decimal(text.trim()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Digits with an optional sign, decimal point and exponent. No thousands separators: which of `,` and `.` is one depends on
/// who wrote it.
fn decimal(text: &str) -> Option<i64> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i16>().ok()?),
        None => (text, 0),
    };
    let (is_negative, digits) = match digits.as_bytes().first()? {
        b'-' => (true, &digits[1..]),
        b'+' => (false, &digits[1..]),
        _ => (false, digits),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // How many digits are still to come until the last millionth.
    let mut left = i64::try_from(whole.len()).ok()? + i64::from(exponent) + 6;
    let (mut parts, mut rounds_up) = (0_i128, false);
    for digit in whole.bytes().chain(fraction.bytes()) {
        if !digit.is_ascii_digit() {
            return None;
        }
        if left > 0 {
            parts = parts * 10 + i128::from(digit - b'0');
            if parts.unsigned_abs() > MAGNITUDE_MAX {
                return None;
            }
        } else if left == 0 {
            rounds_up = digit >= b'5';
        }
        left -= 1;
    }
    while left > 0 && parts > 0 {
        parts *= 10;
        if parts.unsigned_abs() > MAGNITUDE_MAX {
            return None;
        }
        left -= 1;
    }
    parts += i128::from(rounds_up);
    bounded(if is_negative { -parts } else { parts })
}

/// A time in millionths of a second since 1970. A number is none: whether it counts seconds or milliseconds nobody says.
pub(super) fn instant(value: &Value) -> Option<i64> {
    let text = value.as_str()?.trim();
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let time = DateTime::parse_from_rfc3339(text)
        .map(|time| time.naive_utc())
        .or_else(|_no_offset| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f"))
        .or_else(|_no_t| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
        .or_else(|_time| NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN)))
        .ok()?;
    Some(time.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{VALUE_MAX, instant, number};

    #[test]
    fn numbers_are_read_to_the_millionth() {
        for (value, parts) in [
            (json!(0), 0),
            (json!(-3), -3_000_000),
            (json!(0.1), 100_000),
            (json!(0.30000000000000004), 300_000),
            (json!(-1234567.89), -1_234_567_890_000),
            (json!(999999999.999999), 999_999_999_999_999),
            (json!(123456789012.25), 123_456_789_012_250_000),
            (json!(0.0000005), 1),
            (json!(1e3), 1_000_000_000),
            (json!("19.99"), 19_990_000),
            (json!(" +7 "), 7_000_000),
            (json!("-.5"), -500_000),
            (json!("5."), 5_000_000),
            (json!("1.5e3"), 1_500_000_000),
            (json!("12E-7"), 1),
            (json!("0.0000004999"), 0),
            (json!("-0.0000005"), -1),
            (json!("000000000000000000001.25"), 1_250_000),
            (json!("0e30000"), 0),
            (json!(VALUE_MAX), VALUE_MAX * 1_000_000),
            (json!("-1000000000000.000000"), -VALUE_MAX * 1_000_000),
        ] {
            assert_eq!(number(&value), Some(parts), "{value}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for value in [
            json!(VALUE_MAX + 1),
            json!("1000000000000.000001"),
            json!(1e13),
            json!(u64::MAX),
            json!("1e30000"),
            json!("1e99999"),
            json!("1,50"),
            json!("1.2.3"),
            json!("EUR 5"),
            json!("NaN"),
            json!("0x10"),
            json!("--1"),
            json!("-"),
            json!("."),
            json!("e5"),
            json!(""),
            json!("1".repeat(65)),
            json!("٣"),
            json!(true),
            json!([1]),
            json!({"n": 1}),
            Value::Null,
        ] {
            assert_eq!(number(&value), None, "{value}");
        }
    }

    #[test]
    fn times_are_in_utc_unless_they_say_otherwise() {
        const NOON: i64 = 1_795_694_400_000_000;
        for (text, parts) in [
            ("2026-11-26T12:00:00Z", NOON),
            ("2026-11-26T14:00:00.000001+02:00", NOON + 1),
            ("2026-11-26T12:00:00.25", NOON + 250_000),
            ("2026-11-26 12:00:00", NOON),
            ("2026-11-26", NOON - 43_200_000_000),
        ] {
            assert_eq!(instant(&json!(text)), Some(parts), "{text}");
        }
        for value in [json!("12:00"), json!("2026-13-01"), json!(1_795_694_400), json!(""), json!(null)] {
            assert_eq!(instant(&value), None, "{value}");
        }
    }
}
