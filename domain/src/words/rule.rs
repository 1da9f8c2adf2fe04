//! What a broken rule asks of a field, in other languages than the one in which it was stored. Where the rule alone does
//! not tell the words, as with a destination's own, they stay as they were stored.

use entity::failure::FieldError;

use super::{Argument, Language, Locale, shipped_english};

/// What is asked for by a type, as people read it, and its name in a JSON Schema.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
const FORMATS: [&str; 13] = [
    "email",
    "date-time",
    "date",
    "time",
    "duration",
    "uri",
    "uri-reference",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
    "regex",
    "json-pointer",
];

impl Language {
    /// A field error with its message in this language.
    pub(crate) fn field_error(&self, error: FieldError) -> FieldError {
        if self.locale() == Locale::English {
            return error;
        }
        match self.rule(&error.rule, &error.message) {
            Some(message) => FieldError { message, ..error },
            None => error,
        }
    }

    /// The stored message in this language, if it says just what the rule does.
    fn rule(&self, rule: &str, stored: &str) -> Option<String> {
        let english = shipped_english();
        let is_it = |id: &str, arguments: Vec<Argument<'_>>| {
            (english.tell(id, arguments.clone()) == stored).then(|| self.tell(id, arguments))
        };
        let id = format!("rule-{rule}");
        match rule {
            "required" | "additionalProperties" | "uniqueItems" => is_it(&id, Vec::new()),
            "type" => TYPES.iter().find_map(|name| is_it(&id, vec![("expected", (*name).into())])),
            "format" => FORMATS.iter().find_map(|name| is_it(&id, vec![("expected", (*name).into())])),
            "minLength" | "maxLength" | "minItems" | "maxItems" => {
                let count: u64 = stored.split(' ').find_map(|word| word.parse().ok())?;
                is_it(&id, vec![("count", count.into())])
            }
            "enum" => {
                let list = stored.split_once(": ")?.1;
                if let Some((shown, more)) = list.rsplit_once(" and ")
                    && let Some(count) =
                        more.strip_suffix(" more").and_then(|count| count.parse::<u64>().ok())
                {
                    let arguments = vec![("limit", shown.into()), ("count", count.into())];
                    if let Some(said) = is_it("rule-enum-more", arguments) {
                        return Some(said);
                    }
                }
                is_it(&id, vec![("limit", list.into())])
            }
            "pattern" | "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf"
            | "const" => {
                // What the rule says stands at the end of the English words.
                let ahead = english.tell(&id, [("limit", "".into())]);
                let limit = stored.strip_prefix(ahead.as_str())?;
                is_it(&id, vec![("limit", limit.into())])
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::failure::FieldError;

    use crate::words::{Locale, shipped};

    #[test]
    fn what_the_rule_tells_is_said_in_german_and_the_rest_as_it_was_stored() {
        for (rule, stored, german) in [
            ("required", "is required", "ist erforderlich"),
            ("type", "must be a number", "muss eine Zahl sein"),
            ("format", "must be a date, like 2026-01-31", "muss ein Datum wie 2026-01-31 sein"),
            ("minimum", "must be at least 0", "muss mindestens 0 sein"),
            ("exclusiveMaximum", "must be less than 12.5", "muss kleiner als 12.5 sein"),
            ("maxLength", "must be at most 1 character long", "darf höchstens ein Zeichen lang sein"),
            ("maxLength", "must be at most 1200 characters long", "darf höchstens 1200 Zeichen lang sein"),
            ("minItems", "must have at least 2 items", "muss mindestens 2 Einträge haben"),
            ("enum", r#"must be one of: "A", "B""#, r#"muss einer dieser Werte sein: "A", "B""#),
            (
                "enum",
                r#"must be one of: "A", "B" and 3 more"#,
                r#"muss einer dieser Werte sein: "A", "B" und 3 weitere"#,
            ),
            ("pattern", "must match the pattern ^[A-Z]{ 2 }$", "muss dem Muster ^[A-Z]{ 2 }$ entsprechen"),
            ("foreign_key", "refers to something that is not there", "refers to something that is not there"),
            ("type", "must be a number or text", "must be a number or text"),
            ("required", "must not be null here", "must not be null here"),
        ] {
            let error =
                FieldError { path: "/a".to_owned(), rule: rule.to_owned(), message: stored.to_owned() };
            assert_eq!(shipped(Locale::English).field_error(error.clone()).message, stored);
            assert_eq!(shipped(Locale::German).field_error(error).message, german, "{rule}");
        }
    }
}
