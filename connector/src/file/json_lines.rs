//! JSON Lines: one object a line. Deliberately absent: JSON documents that span lines.

use std::io;

use serde_json::Value;

use super::lines::{LINE_BYTES_MAX, Line, LineReader, without_line_end};
use crate::Record;
use crate::exact_json::has_oversized_integer;

/// What came next.
#[derive(Debug)]
pub(super) enum Parsed {
    /// A record.
    Record(Record),
    /// No record: why. Reading goes on after it.
    Bad(String),
    /// The end of the file.
    End,
}

/// Reads records; keeps its buffer between them.
#[derive(Default)]
pub(super) struct JsonLinesParser {
    line: Vec<u8>,
    line_number: u64,
}

impl JsonLinesParser {
    /// The beginning of the text of the last record, good or bad.
    pub(super) fn raw(&self) -> &[u8] {
        without_line_end(&self.line)
    }

    /// The line of the last record, from 1.
    pub(super) fn line_number(&self) -> u64 {
        self.line_number
    }

    /// Reads the next record. Blank lines are passed over.
    pub(super) fn read(&mut self, lines: &mut LineReader) -> io::Result<Parsed> {
        loop {
            let at_start = lines.place().offset == 0;
            self.line_number = lines.place().line + 1;
            match lines.read(&mut self.line)? {
                Line::End => return Ok(Parsed::End),
                Line::TooLong => {
                    return Ok(Parsed::Bad(format!("the line is longer than {LINE_BYTES_MAX} bytes")));
                }
                Line::Read => {}
            }
            if at_start && self.line.starts_with(b"\xEF\xBB\xBF") {
                self.line.drain(..3);
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(parse(without_line_end(&self.line)));
            }
        }
    }
}

fn parse(line: &[u8]) -> Parsed {
    if line.contains(&0) {
        return Parsed::Bad("contains a NUL byte".to_owned());
    }
    let Ok(text) = std::str::from_utf8(line) else {
        return Parsed::Bad("is not valid UTF-8".to_owned());
    };
    let record = match serde_json::from_str(text) {
        Ok(Value::Object(record)) => Record::from(record),
        Ok(_) => return Parsed::Bad("not a JSON object".to_owned()),
        Err(error) if error.is_eof() => {
            return Parsed::Bad("not a JSON object: the line ends too early".to_owned());
        }
        Err(error) => return Parsed::Bad(format!("not valid JSON at column {}", error.column())),
    };
    // Looked for by text first: few lines hold either, and walking every value costs more.
    if text.contains("\\u0000") && record.values().any(|value| holds(value, &is_nul_text)) {
        return Parsed::Bad("contains a NUL byte".to_owned());
    }
    if record.values().any(|value| holds(value, &is_huge)) && has_oversized_integer(text) {
        return Parsed::Bad("a whole number is larger than 2^63".to_owned());
    }
    Parsed::Record(record)
}

fn holds(value: &Value, test: &dyn Fn(&Value) -> bool) -> bool {
    match value {
        Value::Array(values) => values.iter().any(|value| holds(value, test)),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds(value, test)),
        other => test(other),
    }
}

fn is_nul_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains('\0'))
}

/// True for floats so large that they may have been whole numbers that lost their last digits.
fn is_huge(value: &Value) -> bool {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    matches!(value, Value::Number(number) if number.is_f64())
        && value.as_f64().is_some_and(|number| number.abs() >= TWO_TO_63)
}

#[cfg(test)]
mod tests {
    use super::{Parsed, parse};

    fn reason(line: &str) -> Option<String> {
        match parse(line.as_bytes()) {
            Parsed::Bad(reason) => Some(reason),
            _ => None,
        }
    }

    #[test]
    fn whole_numbers_are_exact_or_refused() {
        let exact = r#"{"a": 9223372036854775807, "b": 18446744073709551615, "c": -9223372036854775808}"#;
        match parse(exact.as_bytes()) {
            Parsed::Record(record) => {
                assert_eq!(record["a"].as_i64(), Some(i64::MAX));
                assert_eq!(record["b"].as_u64(), Some(u64::MAX));
                assert_eq!(record["c"].as_i64(), Some(i64::MIN));
            }
            other => unreachable!("{other:?}"),
        }
        let huge = Some("a whole number is larger than 2^63".to_owned());
        assert_eq!(reason(r#"{"a": 18446744073709551616}"#), huge);
        assert_eq!(reason(r#"{"a": {"b": [1, -9223372036854775809]}}"#), huge);
        assert_eq!(reason(r#"{"a": 1e300, "b": "18446744073709551616", "c": 92233720368547758080.5}"#), None);
        assert_eq!(reason(r#"{"a\"18446744073709551616": 1e20}"#), None);
    }

    #[test]
    fn what_is_no_object_says_why() {
        assert_eq!(reason("[1]").as_deref(), Some("not a JSON object"));
        assert_eq!(reason("null").as_deref(), Some("not a JSON object"));
        assert_eq!(reason("{\"a\": 1").as_deref(), Some("not a JSON object: the line ends too early"));
        assert_eq!(reason("{\"a\": x}").as_deref(), Some("not valid JSON at column 7"));
        assert_eq!(reason("{\"a\": \"b\\u0000c\"}").as_deref(), Some("contains a NUL byte"));
        assert_eq!(reason("{\"a\": \"b\\\\u0000c\"}"), None);
    }
}
