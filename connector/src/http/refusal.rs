//! What an API says when it refuses a record: which fields, in our words; and its own text for
//! engineers, cut and without secrets. Deliberately absent: any upstream text in a customer's words.

use serde_json::{Map, Value};

use crate::exchange::Blanks;
use crate::{FieldError, Record};

/// Bytes of upstream text kept for engineers.
const EXCERPT_BYTES_MAX: usize = 2 * 1024;
/// Fields named in one refusal, at most; more do not help anybody.
const FIELD_ERRORS_MAX: usize = 50;
/// Characters of a field name that is believed to be one.
const FIELD_NAME_CHARS_MAX: usize = 100;
/// Names whose values never reach a log or a person.
const SECRET_NAMES: [&str; 9] =
    ["password", "passwd", "secret", "token", "authorization", "api_key", "apikey", "api-key", "private_key"];

/// The fields a refusal names, in the shapes that are common: RFC 9457 `errors` with pointers, JSON:API
/// `source.pointer`, `{errors: [{field, message}]}`, `{errors: {field: […]}}`, FastAPI's
/// `{detail: [{loc}]}`, and `{field: ["…"]}`.
pub(crate) fn field_errors(body: &[u8], record: &Record) -> Vec<FieldError> {
    let Ok(Value::Object(reply)) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    let mut fields = Vec::new();
    for list in [reply.get("errors"), reply.get("detail"), reply.get("details"), reply.get("invalid-params")]
    {
        match list {
            Some(Value::Array(items)) => {
                fields.extend(items.iter().filter_map(|item| named(item.as_object()?)))
            }
            Some(Value::Object(by_field)) => fields.extend(by_field.keys().cloned()),
            _ => {}
        }
    }
    if fields.is_empty() {
        let lists = reply.iter().filter(|(field, value)| {
            record.contains_key(field)
                && value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
        });
        fields.extend(lists.map(|(field, _)| field.clone()));
    }
    let mut errors: Vec<FieldError> = Vec::new();
    for path in fields.iter().filter_map(|field| pointer(field, record)) {
        if errors.len() < FIELD_ERRORS_MAX && !errors.iter().any(|error| error.path == path) {
            let message = "the other system refused this field".to_owned();
            errors.push(FieldError { path, rule: "refused".to_owned(), message });
        }
    }
    errors
}

/// Upstream text for engineers.
pub(crate) fn excerpt(text: &[u8], blanks: &Blanks<'_>) -> String {
    // Cut late, so that a secret on the edge is blanked whole.
    let window = &text[..text.len().min(EXCERPT_BYTES_MAX * 4)];
    let mut text = blank_named(&blanks.blank(&String::from_utf8_lossy(window)));
    if text.len() > EXCERPT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(EXCERPT_BYTES_MAX));
        text.push('…');
    }
    text
}

/// The field that one element of a list of errors names.
fn named(item: &Map<String, Value>) -> Option<String> {
    if let Some(pointer) = item.get("pointer").and_then(Value::as_str) {
        return Some(pointer.to_owned());
    }
    if let Some(source) = item.get("source").and_then(Value::as_object) {
        let named = source.get("pointer").or_else(|| source.get("parameter"))?;
        return named.as_str().map(str::to_owned);
    }
    if let Some(Value::Array(location)) = item.get("loc") {
        let parts = location.iter().map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned));
        return Some(parts.filter(|part| part != "body").collect::<Vec<_>>().join("/"));
    }
    ["field", "path", "property", "param", "name", "attribute"]
        .iter()
        .find_map(|name| item.get(*name).and_then(Value::as_str))
        .map(str::to_owned)
}

/// A JSON Pointer into the record, when the name is one of its fields or at least looks like a name:
/// anything else may be a value, and values are not shown.
fn pointer(named: &str, record: &Record) -> Option<String> {
    let mut bare = named.trim_start_matches('#').trim_start_matches("$.").trim_start_matches('/');
    for prefix in ["data/attributes/", "body/"] {
        bare = bare.strip_prefix(prefix).unwrap_or(bare);
    }
    if record.contains_key(bare) {
        return Some(format!("/{}", bare.replace('~', "~0").replace('/', "~1")));
    }
    let slashed = bare.replace("].", "/").replace(['.', '['], "/").replace(']', "");
    let is_name = !slashed.is_empty()
        && slashed.chars().count() <= FIELD_NAME_CHARS_MAX
        && slashed.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && slashed.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/'));
    is_name.then(|| format!("/{slashed}"))
}

/// Blanks what follows a telling name: `"password": "…"`, `token=…`, `Authorization: …`. Takes a time that grows with the
/// text and no faster, whatever is in it.
pub fn blank_named(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(mut end) = telling_name(text, at) {
        out.push_str(&text[at..end]);
        let rest = &text[end..];
        let separator = rest.len() - rest.trim_start_matches(['"', '\'', '\\', ' ', ':', '=', '>']).len();
        if rest[..separator].contains([':', '=', '>']) {
            out.push_str(&rest[..separator]);
            end += separator;
            let value = &text[end..];
            let quoted = rest[..separator].trim_end_matches('\\').ends_with(['"', '\'']);
            let stop: &[char] =
                if quoted { &['"', '\''] } else { &['"', '\'', ',', '&', '}', '\n', '<', ';'] };
            let length = value.find(stop).unwrap_or(value.len());
            if length > 0 {
                out.push_str("[hidden]");
            }
            end += length;
        }
        at = end;
    }
    out.push_str(&text[at..]);
    out
}

/// Whether it is a name whose values are not to be shown, or has one in it.
pub(crate) fn is_telling(name: &str) -> bool {
    telling_name(name, 0).is_some()
}

/// Where the first telling name at or behind a place ends.
fn telling_name(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    (from..bytes.len()).find_map(|start| {
        let here = |name: &&str| {
            bytes
                .get(start..start + name.len())
                .is_some_and(|part| part.eq_ignore_ascii_case(name.as_bytes()))
        };
        SECRET_NAMES.iter().find(|name| here(name)).map(|name| start + name.len())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{EXCERPT_BYTES_MAX, blank_named, excerpt, field_errors};
    use crate::Record;
    use crate::exchange::Blanks;

    fn record() -> Record {
        let mut record = Record::new();
        record.insert("email".to_owned(), json!("a@b"));
        record.insert("first name".to_owned(), json!("Ada"));
        record
    }

    #[test]
    fn fields_are_found_in_every_common_shape() {
        let shapes = [
            json!({"type": "about:blank", "errors": [{"detail": "bad: a@b", "pointer": "#/email"}]}),
            json!({"errors": [{"source": {"pointer": "/data/attributes/email"}, "detail": "bad"}]}),
            json!({"errors": [{"field": "email", "message": "a@b is not an address"}]}),
            json!({"errors": {"email": ["is invalid"]}}),
            json!({"detail": [{"loc": ["body", "email"], "msg": "bad", "type": "value_error"}]}),
            json!({"email": ["Enter a valid address."]}),
            json!({"invalid-params": [{"name": "email", "reason": "bad"}]}),
        ];
        for shape in shapes {
            let errors = field_errors(shape.to_string().as_bytes(), &record());
            assert_eq!(errors.len(), 1, "{shape}");
            assert_eq!((errors[0].path.as_str(), errors[0].rule.as_str()), ("/email", "refused"), "{shape}");
            assert_eq!(errors[0].message, "the other system refused this field");
        }
        let errors =
            field_errors(br#"{"errors": [{"field": "items[0].price"}, {"field": "first name"}]}"#, &record());
        assert_eq!(
            errors.iter().map(|e| e.path.as_str()).collect::<Vec<_>>(),
            ["/items/0/price", "/first name"]
        );
    }

    #[test]
    fn what_may_be_a_value_is_not_a_field() {
        for shape in [
            r#"{"errors": [{"field": "a@b is taken"}]}"#,
            r#"{"other": ["x"]}"#,
            "[]",
            "<html>",
            r#"{"errors": 1}"#,
        ] {
            assert!(field_errors(shape.as_bytes(), &record()).is_empty(), "{shape}");
        }
    }

    #[test]
    fn secrets_are_blanked_and_length_is_bounded() {
        let blanks = Blanks::of([("s3cr3t-value", "[hidden]")]);
        let text = r#"{"sent": "Bearer s3cr3t-value", "password": "hunter2", "apiKey": "abc", "ok": 1} token=xyz&a=b Authorization: Basic Zm9v"#;
        let shown = excerpt(text.as_bytes(), &blanks);
        for hidden in ["s3cr3t", "hunter2", "abc", "xyz", "Zm9v"] {
            assert!(!shown.contains(hidden), "{hidden} in {shown}");
        }
        assert!(shown.contains(r#""ok": 1"#) && shown.contains("&a=b"), "{shown}");
        let long = "é".repeat(5000);
        assert!(excerpt(long.as_bytes(), &Blanks::default()).len() <= EXCERPT_BYTES_MAX + '…'.len_utf8());
    }

    #[test]
    fn a_text_of_telling_names_is_gone_through_once() {
        // Each of these would be looked for to the end of the text again: some 10^11 steps.
        let text = "é secret ".repeat(100_000);
        assert_eq!(blank_named(&text), text);
        let text = "Token=a&TOKEN=b&".repeat(50_000);
        assert_eq!(blank_named(&text), "Token=[hidden]&TOKEN=[hidden]&".repeat(50_000));
    }
}
