//! What a broken rule means to the people whose record it is. Deliberately absent: the value; what the
//! schema says (limits, options, patterns) may be told.

use connector::FieldError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

/// Options of an `enum` that are listed.
const OPTIONS_MAX: usize = 12;

/// Length of a pattern or constant that is shown, in characters.
const SHOWN_CHARS_MAX: usize = 120;

/// Adds what an error says about fields; some name several.
pub(super) fn field_errors(error: &ValidationError<'_>, errors: &mut Vec<FieldError>) {
    let path = error.instance_path().as_str();
    let rule = error.kind().keyword();
    let mut add = |path: String, message: String| {
        errors.push(FieldError { path, rule: rule.to_owned(), message });
    };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            add(child(path, property.as_str().unwrap_or_default()), "is required".to_owned());
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            for name in unexpected {
                add(child(path, name), "is not an expected field".to_owned());
            }
        }
        kind => add(path.to_owned(), message(kind)),
    }
}

/// A name as a step of a JSON Pointer (RFC 6901).
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn child(path: &str, name: &str) -> String {
    format!("{path}/{}", escaped(name))
}

fn message(kind: &ValidationErrorKind) -> String {
    match kind {
        ValidationErrorKind::Type { kind } => format!("must be {}", types(kind)),
        ValidationErrorKind::Format { format } => format!("must be {}", format_words(format)),
        ValidationErrorKind::Pattern { pattern } => format!("must match the pattern {}", shown(pattern)),
        ValidationErrorKind::BacktrackLimitExceeded { .. }
        | ValidationErrorKind::RegexEngineFailure { .. } => {
            "can't be compared with the pattern: it takes too long".to_owned()
        }
        ValidationErrorKind::Minimum { limit } => format!("must be at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("must be at most {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        ValidationErrorKind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        ValidationErrorKind::Enum { options } => match options.as_array() {
            Some(options) => format!("must be one of: {}", listed(options)),
            None => "must be one of the allowed values".to_owned(),
        },
        ValidationErrorKind::Constant { expected_value } => {
            format!("must be {}", shown(&expected_value.to_string()))
        }
        ValidationErrorKind::MinLength { limit } => {
            format!("must be at least {} long", many(*limit, "character"))
        }
        ValidationErrorKind::MaxLength { limit } => {
            format!("must be at most {} long", many(*limit, "character"))
        }
        ValidationErrorKind::MinItems { limit } => format!("must have at least {}", many(*limit, "item")),
        ValidationErrorKind::MaxItems { limit } => format!("must have at most {}", many(*limit, "item")),
        ValidationErrorKind::AdditionalItems { limit } => {
            format!("must have at most {}", many(*limit as u64, "item"))
        }
        ValidationErrorKind::MinProperties { limit } => {
            format!("must have at least {}", many(*limit, "field"))
        }
        ValidationErrorKind::MaxProperties { limit } => {
            format!("must have at most {}", many(*limit, "field"))
        }
        ValidationErrorKind::UniqueItems => "must not have the same item twice".to_owned(),
        ValidationErrorKind::UnevaluatedItems { .. } => "has items that are not expected".to_owned(),
        ValidationErrorKind::Contains => "must have an item of the kind that is asked for".to_owned(),
        ValidationErrorKind::PropertyNames { .. } => "has a field whose name is not allowed".to_owned(),
        ValidationErrorKind::Not { .. } => "has a form that is not allowed".to_owned(),
        ValidationErrorKind::FalseSchema => "is not allowed".to_owned(),
        ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => {
            "has none of the allowed forms".to_owned()
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            "has more than one of the forms of which exactly one is allowed".to_owned()
        }
        ValidationErrorKind::ContentEncoding { content_encoding } => {
            format!("must be encoded as {content_encoding}")
        }
        ValidationErrorKind::ContentMediaType { content_media_type } => {
            format!("must be of the media type {content_media_type}")
        }
        other => format!("breaks the rule {}", other.keyword()),
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(single) => type_words(*single).to_owned(),
        TypeKind::Multiple(several) => several.iter().map(type_words).collect::<Vec<_>>().join(" or "),
    }
}

fn type_words(json_type: JsonType) -> &'static str {
    match json_type {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "empty (null)",
        JsonType::Number => "a number",
        JsonType::Object => "an object with fields",
        JsonType::String => "text",
    }
}

fn format_words(format: &str) -> String {
    match format {
        "email" | "idn-email" => "an e-mail address".to_owned(),
        "date-time" => "a date and time, like 2026-01-31T12:00:00Z".to_owned(),
        "date" => "a date, like 2026-01-31".to_owned(),
        "time" => "a time with its offset, like 12:00:00Z".to_owned(),
        "duration" => "a duration, like P3D or PT2H".to_owned(),
        "uri" | "iri" => "an absolute URL".to_owned(),
        "uri-reference" | "iri-reference" => "a URL".to_owned(),
        "hostname" | "idn-hostname" => "a host name".to_owned(),
        "ipv4" => "an IPv4 address".to_owned(),
        "ipv6" => "an IPv6 address".to_owned(),
        "uuid" => "a UUID".to_owned(),
        "regex" => "a regular expression".to_owned(),
        "json-pointer" => "a JSON Pointer".to_owned(),
        other => format!("of the format {other}"),
    }
}

fn listed(options: &[Value]) -> String {
    let mut list = options
        .iter()
        .take(OPTIONS_MAX)
        .map(|option| shown(&option.to_string()))
        .collect::<Vec<_>>()
        .join(", ");
    if options.len() > OPTIONS_MAX {
        list.push_str(&format!(" and {} more", options.len() - OPTIONS_MAX));
    }
    list
}

fn many(limit: u64, noun: &str) -> String {
    if limit == 1 { format!("1 {noun}") } else { format!("{limit} {noun}s") }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
