//! One line of a tap's output. Deliberately absent: files of records (BATCH), and deleting what a new version of a table does
//! not have (ACTIVATE_VERSION).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Record, exact_json};

/// Largest STATE, in bytes: it is stored with each page.
const STATE_BYTES_MAX: usize = 1024 * 1024;

/// What a line says.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    /// A record of a stream.
    Record { stream: String, record: Record },
    /// What stands in the place of a record, and why it is none.
    NoRecord(String),
    /// Records of this stream come.
    Schema { stream: String },
    /// All before this is read: where to go on.
    State(Value),
    /// Nothing that matters here.
    Other,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

impl Message {
    /// Of a line; `Err` says in words what is wrong with the whole output.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(Self::Other);
        }
        if !line.starts_with(b"{") {
            return Err("it is not JSON".to_owned());
        }
        // What can't be read may have been a record: it is counted, and shown to somebody.
        let Ok(text) = std::str::from_utf8(line) else {
            return Ok(Self::NoRecord("it is not UTF-8".to_owned()));
        };
        let envelope: Envelope<'_> = match serde_json::from_str(text) {
            Ok(envelope) => envelope,
            Err(error) if error.is_data() => {
                return Err(format!("it is not a message of Singer (column {})", error.column()));
            }
            Err(error) => {
                return Ok(Self::NoRecord(format!("it is not valid JSON (column {})", error.column())));
            }
        };
        let stream = envelope.stream.map(Cow::into_owned).unwrap_or_default();
        match envelope.kind.as_ref() {
            "RECORD" => Ok(record(stream, envelope.record)),
            "SCHEMA" => Ok(Self::Schema { stream }),
            "STATE" => state(envelope.value).map(Self::State),
            "ACTIVATE_VERSION" => Ok(Self::Other),
            "BATCH" => {
                Err("it is a BATCH, which names files of records; turn batches off in the tap's config"
                    .to_owned())
            }
            other => Err(format!(
                "its type {} is not known",
                Value::from(other.chars().take(50).collect::<String>())
            )),
        }
    }
}

fn record(stream: String, raw: Option<&RawValue>) -> Message {
    let Some(raw) = raw else { return Message::NoRecord("its `record` is missing".to_owned()) };
    match exact_json::parse(&exact_json::keep_numbers(raw.get())) {
        Ok(Value::Object(record)) => Message::Record { stream, record: record.into() },
        Ok(_) => Message::NoRecord("its `record` is not an object".to_owned()),
        Err(reason) => Message::NoRecord(reason),
    }
}

fn state(raw: Option<&RawValue>) -> Result<Value, String> {
    let text = raw.map(RawValue::get).unwrap_or_default();
    if text.len() > STATE_BYTES_MAX {
        return Err(format!("its STATE is longer than {STATE_BYTES_MAX} bytes"));
    }
    let value = exact_json::parse(text).map_err(|reason| format!("its STATE can't be kept: {reason}"))?;
    if !value.is_object() {
        return Err("its STATE is not an object".to_owned());
    }
    if has_nul(&value) {
        return Err("its STATE has a NUL character".to_owned());
    }
    Ok(value)
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Message;

    fn parse(line: &str) -> Result<Message, String> {
        Message::parse(line.as_bytes())
    }

    #[test]
    fn each_message_is_what_it_says() {
        let Ok(Message::Record { stream, record }) = parse(
            r#"{"type": "RECORD", "stream": "orders", "record": {"id": 18446744073709551615, "a": "ü"}, "time_extracted": "x"}"#,
        ) else {
            unreachable!("a record")
        };
        assert_eq!(
            (stream.as_str(), record["id"].as_u64(), &record["a"]),
            ("orders", Some(u64::MAX), &json!("ü"))
        );
        assert_eq!(
            parse(r#"{"type": "SCHEMA", "stream": "orders", "schema": {}, "key_properties": ["id"]}"#),
            Ok(Message::Schema { stream: "orders".to_owned() })
        );
        let state = json!({"bookmarks": {"orders": {"at": "2026-01-01"}}});
        assert_eq!(parse(&json!({"type": "STATE", "value": state}).to_string()), Ok(Message::State(state)));
        let exact = r#"{"type": "RECORD", "stream": "orders", "record": {"id": 18446744073709551616, "a": 0.10000000000000000001}}"#;
        let Ok(Message::Record { record, .. }) = parse(exact) else { unreachable!("a record") };
        assert_eq!(
            (&record["id"], &record["a"]),
            (&json!("18446744073709551616"), &json!("0.10000000000000000001"))
        );
        for other in ["", "   ", r#"{"type": "ACTIVATE_VERSION", "stream": "orders", "version": 1}"#] {
            assert_eq!(parse(other), Ok(Message::Other), "{other}");
        }
    }

    #[test]
    fn what_may_have_been_a_record_is_one_failure() {
        for (line, reason) in [
            (r#"{"type": "RECORD", "stream": "orders"}"#, "its `record` is missing"),
            (r#"{"type": "RECORD", "stream": "orders", "record": [1]}"#, "its `record` is not an object"),
            (
                r#"{"type": "RECORD", "stream": "orders", "record": {"id": NaN}}"#,
                "it is not valid JSON (column 57)",
            ),
            (r#"{"type": "RECORD", "stream": "ord"#, "it is not valid JSON (column 33)"),
        ] {
            assert_eq!(parse(line), Ok(Message::NoRecord(reason.to_owned())), "{line}");
        }
        assert_eq!(Message::parse(b"{\"a\": \"\xff\"}"), Ok(Message::NoRecord("it is not UTF-8".to_owned())));
    }

    #[test]
    fn what_is_something_else_ends_the_reading() {
        let huge = format!(r#"{{"type": "STATE", "value": {{"a": "{}"}}}}"#, "x".repeat(1024 * 1024));
        for line in [
            "INFO starting",
            "[1]",
            r#"{"a": 1}"#,
            r#"{"type": 1}"#,
            r#"{"type": "BATCH", "stream": "orders", "manifest": []}"#,
            r#"{"type": "NEW"}"#,
            r#"{"type": "STATE"}"#,
            r#"{"type": "STATE", "value": [1]}"#,
            r#"{"type": "STATE", "value": {"a": {"b": ["\u0000"]}}}"#,
            r#"{"type": "STATE", "value": {"a": 18446744073709551616}}"#,
            huge.as_str(),
        ] {
            assert!(parse(line).is_err(), "{}", &line[..line.len().min(80)]);
        }
    }
}
