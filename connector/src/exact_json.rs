//! JSON text to values without silent loss: whole numbers that no 64-bit integer holds are refused
//! instead of becoming rounded floats. Decimals of JSON are read as floats, as its senders expect; those
//! of databases stay exact.

use std::borrow::Cow;

use serde_json::{Number, Value};

/// Decimal digits that a double holds whatever they are (DBL_DIG).
const FLOAT_DIGITS: usize = 15;

/// Parses JSON text. The depth is limited to 128 by serde_json.
///
/// # Errors
/// Says in words what is wrong, without values.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        if error.is_syntax() && error.to_string().contains("recursion") {
            "it is nested more than 128 levels deep".to_owned()
        } else if error.to_string().contains("number out of range") {
            "a number is too large".to_owned()
        } else {
            format!("it is not valid JSON (column {})", error.column())
        }
    })?;
    if has_oversized_integer(text) {
        return Err("a whole number has more digits than 64 bits hold; send it as text".to_owned());
    }
    Ok(value)
}

/// True when valid JSON text has an integer literal outside of -2^63 ..= 2^64-1.
pub(crate) fn has_oversized_integer(text: &str) -> bool {
    // 2^63 has 19 digits; anything shorter fits.
    const DIGITS_SAFE: usize = 18;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let start = at;
                while at < bytes.len() && matches!(bytes[at], b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
                {
                    at += 1;
                }
                let number = &text[start..at];
                if number.len() > DIGITS_SAFE
                    && !number.contains(['.', 'e', 'E'])
                    && number.parse::<i64>().is_err()
                    && number.parse::<u64>().is_err()
                {
                    return true;
                }
            }
            _ => at += 1,
        }
    }
    false
}

/// The same JSON text with each number as text that a float or a 64-bit integer would change: for senders that write
/// decimals of databases as JSON numbers. Numbers with an exponent were floats before.
pub(crate) fn keep_numbers(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let (mut kept, mut copied, mut at) = (String::new(), 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let start = at;
                while at < bytes.len() && matches!(bytes[at], b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
                {
                    at += 1;
                }
                let number = &text[start..at];
                if number.len() > FLOAT_DIGITS
                    && !number.contains(['e', 'E'])
                    && decimal(Cow::Borrowed(number)).is_string()
                {
                    kept.push_str(&text[copied..start]);
                    kept.push('"');
                    kept.push_str(number);
                    kept.push('"');
                    copied = at;
                }
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    kept.push_str(&text[copied..]);
    Cow::Owned(kept)
}

/// A decimal of a database: a JSON number where that keeps the value, else text.
pub(crate) fn decimal(text: Cow<'_, str>) -> Value {
    if !text.contains('.') {
        if let Ok(number) = text.parse::<i64>() {
            return Value::from(number);
        }
        return match text.parse::<u64>() {
            Ok(number) => Value::from(number),
            Err(_) => Value::String(text.into_owned()),
        };
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && (digits <= FLOAT_DIGITS || reads_back(number, &text)) => {
            Number::from_f64(number).map_or_else(|| Value::String(text.into_owned()), Value::Number)
        }
        _ => Value::String(text.into_owned()),
    }
}

fn reads_back(number: f64, text: &str) -> bool {
    let plain = text.trim_end_matches('0').trim_end_matches('.');
    let shown = number.to_string();
    shown == plain || (plain == "-0" && number == 0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{keep_numbers, parse};

    #[test]
    fn whole_numbers_are_exact_or_refused() {
        assert_eq!(parse(r#"{"a": 9223372036854775807}"#), Ok(json!({"a": i64::MAX})));
        assert_eq!(parse(r#"[-9223372036854775808, 18446744073709551615]"#), Ok(json!([i64::MIN, u64::MAX])));
        assert!(parse(r#"{"a": 18446744073709551616}"#).is_err());
        assert!(parse(r#"{"a": -9223372036854775809}"#).is_err());
        assert!(parse(r#"{"a": [{"b": 123456789012345678901234567890}]}"#).is_err());
        assert_eq!(parse(r#""123456789012345678901234567890""#), Ok(json!("123456789012345678901234567890")));
        assert_eq!(
            parse(r#"{"\"123456789012345678901234567890": 1}"#),
            Ok(json!({"\"123456789012345678901234567890": 1}))
        );
        assert_eq!(parse("1.5e3"), Ok(json!(1500.0)));
    }

    #[test]
    fn numbers_that_would_change_are_kept_as_text() {
        for same in [
            r#"{"a": 1.5, "b": [-0.30000000000000004, 18446744073709551615, -9223372036854775808], "c": 1e-300}"#,
            r#"{"a": "0.1234567890123456789", "b\"12345678901234567890123": 0.123456789012345}"#,
            r#"{"a": 1234567890123456.0, "b": 1.000000000000000000}"#,
            "",
        ] {
            assert_eq!(keep_numbers(same), same);
        }
        assert_eq!(
            keep_numbers(
                r#"{"a": 0.1234567890123456789, "b": [12345678901234567890123, -1.5], "c": {"d":-12345678901234567.25}}"#
            ),
            r#"{"a": "0.1234567890123456789", "b": ["12345678901234567890123", -1.5], "c": {"d":"-12345678901234567.25"}}"#
        );
    }

    #[test]
    fn refusals_say_why() {
        assert_eq!(
            parse(&("[".repeat(200) + &"]".repeat(200))),
            Err("it is nested more than 128 levels deep".into())
        );
        assert_eq!(parse("1e999"), Err("a number is too large".into()));
        assert_eq!(parse("{\"a\": }"), Err("it is not valid JSON (column 7)".into()));
    }
}
