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
/// Before values are taken out of it, this much: one that stands across the end would not be found, and is longer than
/// [`TEXT_CHARS_MAX`] seldom enough.
const SEARCHED_CHARS_MAX: usize = 2_000;
/// Values of a record that are taken out of a text.
const VALUES_MAX: usize = 64;
/// Values of a record that are looked for: records have as many fields as they like.
const VALUES_SEARCHED_MAX: usize = 5_000;
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

    /// Whether the code alone says it.
    pub(crate) fn is_coarse(&self) -> bool {
        self.field_path.is_none() && self.rule.is_none() && self.reason.is_none()
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
    let mut text = on_one_line(detail, SEARCHED_CHARS_MAX);
    for value in values(&text, records) {
        text = without(&text, &value);
    }
    let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
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

fn on_one_line(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// The values of records that a text repeats, the longest first.
fn values(text: &str, records: [Option<&Record>; 2]) -> Vec<String> {
    let mut search = Search { text, searched: 0, found: Vec::new() };
    for (_name, value) in records.into_iter().flatten().flat_map(Record::iter) {
        search.look_for(value);
    }
    search.found.sort_unstable_by_key(|value| std::cmp::Reverse(value.len()));
    search.found
}

/// A search for the values of records in a text.
struct Search<'a> {
    text: &'a str,
    searched: usize,
    found: Vec<String>,
}

impl Search<'_> {
    fn look_for(&mut self, value: &Value) {
        if self.searched >= VALUES_SEARCHED_MAX || self.found.len() >= VALUES_MAX {
            return;
        }
        match value {
            Value::String(value) if (VALUE_BYTES_MIN..=self.text.len()).contains(&value.len()) => {
                self.searched += 1;
                let value = on_one_line(value, SEARCHED_CHARS_MAX);
                if self.text.contains(&value) && !self.found.contains(&value) {
                    self.found.push(value);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.look_for(value)),
            Value::Object(values) => values.values().for_each(|value| self.look_for(value)),
            // Numbers go with all other words that have digits.
            _ => {}
        }
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
    fn a_value_is_found_among_many_and_at_the_end_of_what_is_kept() {
        let record = |value: &str| {
            let mut fields: serde_json::Map<String, Value> =
                (0..500).map(|number| (format!("a{number:03}"), json!(format!("other {number}")))).collect();
            fields.insert("z".to_owned(), json!(value));
            Value::Object(fields)
        };
        let long = |tail: &str| "the quick brown fox\nends here ".repeat(4) + tail;
        for (one, other) in [("Ada Lovelace", "Grace\nHopper"), ("Ada", long("and there").as_str())] {
            let group = |name: &str| rejected(&format!("`{name}` is not a customer"), record(name));
            assert_eq!(group(one).reason.as_deref(), Some("`…` is not a customer"));
            assert_eq!(group(one).fingerprint(), group(other).fingerprint());
        }
        // Cut at 400 characters before it was taken out, the longer one would leave its beginning.
        let longest = long("x").repeat(4);
        let group = |name: &str| rejected(&format!("not a customer: {name}"), record(name));
        assert_eq!(group(&longest).reason.as_deref(), Some("not a customer: …"));
        assert_eq!(group(&longest).fingerprint(), group("Ada Lovelace").fingerprint());
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
        assert!(one.coarse().is_coarse() && !one.is_coarse());
    }
}
