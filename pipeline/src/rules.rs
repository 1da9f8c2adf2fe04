//! Record rules: JSON Schema, compiled once and checked for each record. Deliberately absent: anything
//! fetched while compiling or checking, and the values of records in what is said about them.

mod words;

use connector::FieldError;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, ReferencingError, ValidationError, Validator};
use serde_json::Value;

/// Size of a schema, in bytes of JSON.
pub const SCHEMA_BYTES_MAX: usize = 256 * 1024;

/// Broken rules that are told of one record; an array of thousands of wrong items says nothing more.
pub const FIELD_ERRORS_MAX: usize = 100;

/// Steps that a pattern with look-around may go back for one value: under a millisecond. Patterns
/// without don't go back at all.
const PATTERN_STEPS_MAX: usize = 50_000;

/// Why a schema can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct RulesProblem {
    /// JSON Pointer into the schema; empty for the schema as a whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// A compiled schema.
#[derive(Debug)]
pub struct Rules {
    validator: Validator,
}

impl Rules {
    /// Compiles a JSON Schema (draft 2020-12, unless its `$schema` names another). Formats are checked;
    /// formats that the standard does not know are not.
    ///
    /// # Errors
    /// When it is no valid schema, is too large, or refers to one that is not part of itself: a `$ref`
    /// never makes us fetch anything.
    pub fn compile(schema: &Value) -> Result<Self, RulesProblem> {
        if !schema.is_object() && !schema.is_boolean() {
            return Err(problem("", "a schema is a JSON object"));
        }
        if schema.to_string().len() > SCHEMA_BYTES_MAX {
            return Err(problem("", format!("the schema is larger than {} KiB", SCHEMA_BYTES_MAX / 1024)));
        }
        let mut options = jsonschema::options();
        if schema.get("$schema").is_none() {
            options = options.with_draft(Draft::Draft202012);
        }
        options
            .offline()
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(PATTERN_STEPS_MAX))
            .build(schema)
            .map(|validator| Self { validator })
            .map_err(|error| explain(schema, &error))
    }

    /// Whether a record (`Value::Object`) breaks none.
    pub fn holds(&self, record: &Value) -> bool {
        self.validator.is_valid(record)
    }

    /// Every rule that a record (`Value::Object`) breaks, up to [`FIELD_ERRORS_MAX`]; none when it is fine.
    pub fn check(&self, record: &Value) -> Vec<FieldError> {
        // Most records are fine, and saying only that takes a fraction of the time.
        if self.holds(record) {
            return Vec::new();
        }
        let mut errors = Vec::new();
        for error in self.validator.iter_errors(record) {
            words::field_errors(&error, &mut errors);
            if errors.len() >= FIELD_ERRORS_MAX {
                errors.truncate(FIELD_ERRORS_MAX);
                break;
            }
        }
        errors
    }
}

fn problem(path: impl Into<String>, message: impl Into<String>) -> RulesProblem {
    RulesProblem { path: path.into(), message: message.into() }
}

fn explain(schema: &Value, error: &ValidationError<'_>) -> RulesProblem {
    let ValidationErrorKind::Referencing(reference) = error.kind() else {
        return problem(error.instance_path().as_str(), error.to_string());
    };
    let path = outside_reference(schema, "").unwrap_or_else(|| error.schema_path().as_str().to_owned());
    match reference {
        ReferencingError::Unretrievable { uri, .. } => problem(
            path,
            format!(
                "refers to {uri}, which is not part of this schema; only references inside it (`#/$defs/…`) are allowed"
            ),
        ),
        other => problem(path, other.to_string()),
    }
}

/// Where the first `$ref` is that leads outside.
fn outside_reference(schema: &Value, path: &str) -> Option<String> {
    match schema {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let here = format!("{path}/{}", words::escaped(name));
            match value {
                Value::String(target) if matches!(name.as_str(), "$ref" | "$dynamicRef") => {
                    (!target.starts_with('#')).then_some(here)
                }
                _ if matches!(name.as_str(), "const" | "enum" | "default" | "examples") => None,
                _ => outside_reference(value, &here),
            }
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| outside_reference(item, &format!("{path}/{index}"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::{FIELD_ERRORS_MAX, Rules};

    fn broken(schema: Value, record: Value) -> Vec<(String, String, String)> {
        let errors = Rules::compile(&schema).unwrap().check(&record);
        errors.into_iter().map(|error| (error.path, error.rule, error.message)).collect()
    }

    fn said(schema: Value, value: Value) -> (String, String) {
        let broken = broken(json!({"properties": {"f": schema}}), json!({"f": value}));
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert_eq!(broken[0].0, "/f");
        (broken[0].1.clone(), broken[0].2.clone())
    }

    #[test]
    fn all_broken_rules_are_told_with_paths_and_without_values() {
        let schema = json!({
            "type": "object",
            "required": ["id", "email", "a/b"],
            "additionalProperties": false,
            "properties": {
                "id": {"type": "string"}, "email": {"type": "string", "format": "email"}, "a/b": {},
                "amount": {"type": "number", "minimum": 0}, "currency": {"enum": ["EUR", "USD"]},
                "lines": {"type": "array", "items": {"type": "object", "required": ["sku"]}},
            },
        });
        let record = json!({
            "email": "secret-value", "amount": -4711, "currency": "secret", "extra": 1, "other": 2, "lines": [{}, {"sku": 1}],
        });
        let mut broken = broken(schema, record);
        broken.sort();
        let rules: Vec<(&str, &str)> =
            broken.iter().map(|(path, rule, _)| (path.as_str(), rule.as_str())).collect();
        assert_eq!(
            rules,
            [
                ("/amount", "minimum"),
                ("/a~1b", "required"),
                ("/currency", "enum"),
                ("/email", "format"),
                ("/extra", "additionalProperties"),
                ("/id", "required"),
                ("/lines/0/sku", "required"),
                ("/other", "additionalProperties"),
            ]
        );
        assert!(
            broken.iter().all(|(_, _, message)| !message.contains("secret") && !message.contains("4711"))
        );
    }

    #[test]
    fn a_record_that_is_fine_breaks_nothing() {
        let schema = json!({"properties": {"at": {"format": "date-time"}, "id": {"format": "uuid"}}});
        let record = json!({"at": "2026-01-02T03:04:05Z", "id": "0197f7a2-1f6b-7c3e-8d53-6a1de2b1a001"});
        assert_eq!(broken(schema, record), []);
    }

    #[test]
    fn each_rule_has_words_of_its_own() {
        let cases = [
            (json!({"type": "number"}), json!("x"), "type", "must be a number"),
            (json!({"type": ["string", "null"]}), json!(1), "type", "must be empty (null) or text"),
            (json!({"format": "email"}), json!("x"), "format", "must be an e-mail address"),
            (
                json!({"format": "date-time"}),
                json!("x"),
                "format",
                "must be a date and time, like 2026-01-31T12:00:00Z",
            ),
            (json!({"pattern": "^[A-Z]{3}$"}), json!("x"), "pattern", "must match the pattern ^[A-Z]{3}$"),
            (json!({"minimum": 1}), json!(0), "minimum", "must be at least 1"),
            (json!({"maximum": 1}), json!(2), "maximum", "must be at most 1"),
            (json!({"exclusiveMinimum": 1}), json!(1), "exclusiveMinimum", "must be more than 1"),
            (json!({"exclusiveMaximum": 1}), json!(1), "exclusiveMaximum", "must be less than 1"),
            (json!({"enum": ["a", 1, null]}), json!(2), "enum", "must be one of: \"a\", 1, null"),
            (json!({"const": "a"}), json!("b"), "const", "must be \"a\""),
            (json!({"minLength": 1}), json!(""), "minLength", "must be at least 1 character long"),
            (json!({"maxLength": 2}), json!("abc"), "maxLength", "must be at most 2 characters long"),
            (json!({"minItems": 2}), json!([]), "minItems", "must have at least 2 items"),
            (json!({"maxItems": 1}), json!([1, 2]), "maxItems", "must have at most 1 item"),
            (json!({"uniqueItems": true}), json!([1, 1]), "uniqueItems", "must not have the same item twice"),
            (json!({"multipleOf": 0.5}), json!(0.7), "multipleOf", "must be a multiple of 0.5"),
            (json!({"minProperties": 1}), json!({}), "minProperties", "must have at least 1 field"),
            (
                json!({"contains": {"type": "string"}}),
                json!([1]),
                "contains",
                "must have an item of the kind that is asked for",
            ),
            (json!({"not": {"type": "string"}}), json!("x"), "not", "has a form that is not allowed"),
            (json!(false), json!("x"), "falseSchema", "is not allowed"),
            (
                json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
                json!(1),
                "anyOf",
                "has none of the allowed forms",
            ),
            (
                json!({"oneOf": [{"type": "number"}, {"minimum": 0}]}),
                json!(1),
                "oneOf",
                "has more than one of the forms of which exactly one is allowed",
            ),
        ];
        for (schema, value, rule, message) in cases {
            assert_eq!(said(schema, value), (rule.to_owned(), message.to_owned()));
        }
    }

    #[test]
    fn a_thousand_wrong_items_are_told_up_to_the_limit() {
        let schema = json!({"properties": {"f": {"items": {"type": "string"}}}});
        assert_eq!(broken(schema, json!({"f": vec![1; 1000]})).len(), FIELD_ERRORS_MAX);
    }

    #[test]
    fn references_inside_work_and_outside_are_refused() {
        let inside =
            json!({"$defs": {"id": {"type": "string"}}, "properties": {"id": {"$ref": "#/$defs/id"}}});
        assert_eq!(broken(inside, json!({"id": 1}))[0].1, "type");
        for target in
            ["https://example.com/s.json", "http://169.254.169.254/x", "file:///etc/passwd", "other.json"]
        {
            let schema = json!({"properties": {"a": {"$ref": target}}});
            let problem = Rules::compile(&schema).unwrap_err();
            assert_eq!(problem.path, "/properties/a/$ref");
            assert!(problem.message.contains("not part of this schema"), "{problem}");
        }
        let missing = Rules::compile(&json!({"properties": {"a": {"$ref": "#/$defs/none"}}})).unwrap_err();
        assert!(!missing.message.is_empty());
    }

    #[test]
    fn invalid_schemas_are_refused_with_a_path() {
        let problem = Rules::compile(&json!({"properties": {"a": {"type": "text"}}})).unwrap_err();
        assert_eq!(problem.path, "/properties/a/type");
        assert!(Rules::compile(&json!("x")).is_err());
        assert!(Rules::compile(&json!({"properties": {"a": {"pattern": "("}}})).is_err());
        assert!(Rules::compile(&json!({"$comment": "x".repeat(300_000)})).is_err());
    }

    #[test]
    fn a_pattern_that_backtracks_without_end_is_stopped() {
        let schema = json!({"properties": {"f": {"pattern": "^(?=(a+)+$)(a+)+$"}}});
        let errors = broken(schema, json!({"f": format!("{}b", "a".repeat(64))}));
        assert_eq!(errors[0].1, "pattern");
    }
}
