//! What failures of one cause have in common, and its fingerprint. Never values of records: ten thousand records that are
//! rejected for one reason are one group.

use connector::{FieldError, Record};
use entity::failure::FailureStage;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

/// Longest outside reason that is kept, in characters.
const REASON_CHARS_MAX: usize = 200;
/// Of a longer text only this much is looked at, in characters: reasons stand at its beginning.
const TEXT_CHARS_MAX: usize = 400;
/// Values of a record that are looked for in a reason.
const VALUES_MAX: usize = 64;
/// Shorter values are parts of words more often than not, in bytes.
const VALUE_BYTES_MIN: usize = 3;
/// Longest path and rule, in characters, as of a failure's field errors.
const PATH_CHARS_MAX: usize = 500;
const RULE_CHARS_MAX: usize = 100;

/// Codes under which one integration can fail for several reasons that only the text tells apart. Of all others the code
/// says it, and the texts name hosts and times.
const TOLD_BY_TEXT: [&str; 7] = [
    "destination.rejected",
    "destination.conflict",
    "destination.removal_refused",
    "destination.malformed",
    "record.mapping_failed",
    "source.malformed",
    "platform.internal",
];

/// Why something failed, as far as it is not of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// Of the error catalogue.
    pub(crate) code: String,
    /// Where in the pipeline.
    pub(crate) stage: FailureStage,
    /// The first field that broke a rule, with `*` for places in lists.
    pub(crate) field_path: Option<String>,
    /// The rule that it broke.
    pub(crate) rule: Option<String>,
    /// What the outside system said, without what is of one record.
    pub(crate) reason: Option<String>,
}

impl Cause {
    /// Of a failure: `detail` is the text for engineers, `records` what it was about, as read and as mapped.
    pub(crate) fn of(
        code: &str,
        stage: FailureStage,
        field_errors: &[FieldError],
        http_status: Option<u16>,
        detail: &str,
        records: [Option<&Record>; 2],
    ) -> Self {
        // Of several broken rules the first by its path: which others a record also breaks is of the record.
        let first = field_errors.iter().min_by(|a, b| (&a.path, &a.rule).cmp(&(&b.path, &b.rule)));
        let reason = (first.is_none() && TOLD_BY_TEXT.contains(&code)).then(|| {
            let text = reason(detail, records);
            match http_status {
                Some(status) => format!("HTTP {status}: {text}"),
                None => text,
            }
        });
        Self {
            code: code.to_owned(),
            stage,
            field_path: first.map(|error| general_path(&error.path)),
            rule: first.map(|error| error.rule.chars().take(RULE_CHARS_MAX).collect()),
            reason: reason.filter(|reason| !reason.is_empty()),
        }
    }

    /// What is left when an integration fails for too many reasons to tell apart.
    pub(crate) fn coarse(&self) -> Self {
        Self { field_path: None, rule: None, reason: None, ..self.clone() }
    }

    /// Equal for equal causes of one stream and code: 32 hexadecimal digits.
    pub(crate) fn fingerprint(&self) -> String {
        let part = |part: &Option<String>| part.as_deref().unwrap_or_default().replace('\u{1f}', " ");
        let text = format!(
            "{:?}\u{1f}{}\u{1f}{}\u{1f}{}",
            self.stage,
            part(&self.field_path),
            part(&self.rule),
            part(&self.reason)
        );
        format!("{:032x}", xxh3_128(text.as_bytes()))
    }
}

/// A JSON Pointer in which places in lists are `*`, and digits of names `#`.
fn general_path(path: &str) -> String {
    let general = |segment: &str| {
        if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            "*".to_owned()
        } else {
            segment.chars().map(|char| if char.is_ascii_digit() { '#' } else { char }).collect()
        }
    };
    let path: Vec<String> = path.split('/').map(general).collect();
    path.join("/").chars().take(PATH_CHARS_MAX).collect()
}

/// A text without what is of one record: its values, and every word with a digit or an `@`.
fn reason(detail: &str, records: [Option<&Record>; 2]) -> String {
    let mut text: String =
        detail.chars().take(TEXT_CHARS_MAX).map(|char| if char.is_control() { ' ' } else { char }).collect();
    for value in values(records) {
        text = without(&text, &value);
    }
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = general_word(word);
        // Lists of values are as long as the record has them.
        if words.last() != Some(&word) || word != "#" {
            words.push(word);
        }
    }
    words.join(" ").chars().take(REASON_CHARS_MAX).collect()
}

/// A word in which every part with a digit is `#`, and every part with an `@` is `…`.
fn general_word(word: &str) -> String {
    let is_part = |char: char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | '@' | '+');
    let mut general = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|char| is_part(char) != is_part(first)).unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        match part {
            _ if !is_part(first) => general.push_str(part),
            _ if part.contains('@') => general.push('…'),
            _ if part.bytes().any(|byte| byte.is_ascii_digit()) => general.push('#'),
            _ => general.push_str(part),
        }
        rest = behind;
    }
    general
}

/// The values of records as a message may repeat them, the longest first.
fn values(records: [Option<&Record>; 2]) -> Vec<String> {
    let mut found = Vec::new();
    for (_name, value) in records.into_iter().flatten().flat_map(Record::iter) {
        collect(value, &mut found);
    }
    found.sort_unstable_by_key(|value| std::cmp::Reverse(value.len()));
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    if found.len() >= VALUES_MAX {
        return;
    }
    match value {
        Value::String(text) if text.len() >= VALUE_BYTES_MIN => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Value::Object(values) => values.values().for_each(|value| collect(value, found)),
        // Numbers go with all other words that have digits.
        _ => {}
    }
}

/// A text with `…` in place of a value, where that is not a part of a word.
fn without(text: &str, value: &str) -> String {
    let mut left = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(value) {
        let (before, behind) = (&rest[..at], &rest[at + value.len()..]);
        let is_inside = before.chars().next_back().is_some_and(char::is_alphanumeric)
            || behind.chars().next().is_some_and(char::is_alphanumeric);
        left.push_str(before);
        left.push_str(if is_inside { value } else { "…" });
        rest = behind;
    }
    left.push_str(rest);
    left
}

#[cfg(test)]
mod tests {
    use connector::{FieldError, Record};
    use entity::failure::FailureStage;
    use serde_json::{Value, json};

    use super::Cause;

    fn record(value: Value) -> Record {
        match value {
            Value::Object(fields) => Record::from(fields),
            _ => Record::default(),
        }
    }

    fn rejected(detail: &str, value: Value) -> Cause {
        Cause::of("destination.rejected", FailureStage::Load, &[], None, detail, [Some(&record(value)), None])
    }

    fn broken(errors: &[(&str, &str)]) -> Cause {
        let errors: Vec<FieldError> = errors
            .iter()
            .map(|(path, rule)| FieldError {
                path: (*path).to_owned(),
                rule: (*rule).to_owned(),
                message: "is wrong".to_owned(),
            })
            .collect();
        Cause::of("record.schema_violation", FailureStage::Validate, &errors, None, "2 rules", [None, None])
    }

    #[test]
    fn what_is_of_one_record_makes_no_difference() {
        let one = rejected(
            "Key (email)=(ada@example.com) of `Ada Lovelace`, order PO-1: limit exceeded at 2026-11-26T10:00:00Z",
            json!({ "name": "Ada Lovelace", "email": "ada@example.com" }),
        );
        let other = rejected(
            "Key (email)=(bob@example.org) of `Bob`, order PO-20044: limit exceeded at 2026-11-27T11:22:33Z",
            json!({ "name": "Bob", "email": "bob@example.org" }),
        );
        assert_eq!(one.reason.as_deref(), Some("Key (email)=(…) of `…`, order #: limit exceeded at #:#:#"));
        assert_eq!(one.fingerprint(), other.fingerprint());
        assert_eq!(one.fingerprint().len(), 32);
    }

    #[test]
    fn another_reason_is_another_group() {
        let full = rejected("the account is full", json!({}));
        let closed = rejected("the account is closed", json!({}));
        assert_ne!(full.fingerprint(), closed.fingerprint());
        let unavailable = |detail| {
            Cause::of("destination.unavailable", FailureStage::Load, &[], Some(503), detail, [None, None])
                .fingerprint()
        };
        assert_eq!(unavailable("db-1.example refused"), unavailable("timed out"));
    }

    #[test]
    fn a_value_inside_of_a_word_stays() {
        let cause = rejected("not allowed: all", json!({ "a": "all", "b": "low" }));
        assert_eq!(cause.reason.as_deref(), Some("not allowed: …"));
    }

    #[test]
    fn the_first_field_and_rule_tell_groups_apart() {
        let one = broken(&[("/lines/3/amount", "minimum"), ("/zip", "pattern")]);
        assert_eq!(one.field_path.as_deref(), Some("/lines/*/amount"));
        assert_eq!(one.fingerprint(), broken(&[("/lines/17/amount", "minimum")]).fingerprint());
        assert_ne!(one.fingerprint(), broken(&[("/lines/3/amount", "type")]).fingerprint());
        assert_ne!(one.fingerprint(), broken(&[("/zip", "pattern")]).fingerprint());
        assert_eq!(one.coarse().field_path, None);
    }
}
