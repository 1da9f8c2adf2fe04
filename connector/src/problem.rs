//! What is wrong with config, credentials or options, in words for people, all at once.
//! Deliberately absent: any value of the input, because credentials pass through here.

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

/// One rule that the input broke, at the place where a form would show it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Keys and array positions from the root, e.g. `["pagination", "param"]`; empty for the whole.
    /// An unknown key is reported at its own path, a missing one at the path where it is missing.
    pub path: Vec<String>,
    /// One clause for people, without values of the input: `is required`.
    pub message: String,
}

/// Everything that is wrong with `value` by `schema` (draft 2020-12), ordered by path.
///
/// Compiles the schema on each call; the [`Registry`](crate::Registry) keeps compiled ones. A schema that
/// does not compile gives one problem that says so.
pub fn problems(schema: &Value, value: &Value) -> Vec<Problem> {
    match jsonschema::draft202012::new(schema) {
        Ok(validator) => problems_by(&validator, schema, value),
        Err(error) => vec![Problem {
            path: Vec::new(),
            message: format!("can't be checked, its schema is not valid: {}", error.masked()),
        }],
    }
}

/// As [`problems`], by a schema that was compiled already.
pub(crate) fn problems_by(validator: &Validator, schema: &Value, value: &Value) -> Vec<Problem> {
    let mut found = Vec::new();
    for error in validator.iter_errors(value) {
        describe(&error, schema, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn describe(error: &ValidationError<'_>, schema: &Value, found: &mut Vec<Problem>) {
    let path: Vec<String> = error
        .instance_path()
        .segments()
        .map(|segment| match segment {
            LocationSegment::Property(name) => name.into_owned(),
            LocationSegment::Index(index) => index.to_string(),
        })
        .collect();
    let mut at = |name: Option<&str>, message: String| {
        let mut path = path.clone();
        path.extend(name.map(str::to_owned));
        found.push(Problem { path, message });
    };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            for name in unexpected {
                at(Some(name), "is not known here".to_owned());
            }
        }
        ValidationErrorKind::Required { property } => at(property.as_str(), "is required".to_owned()),
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            let alternatives = only_missing(context);
            if !alternatives.is_empty() {
                at(None, format!("one of {} is needed", alternatives.join(", ")));
            } else if let Some(branch) = intended_branch(context) {
                for inner in branch {
                    describe(inner, schema, found);
                }
            } else {
                at(None, "has none of the forms that are allowed here".to_owned());
            }
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            let alternatives = alternatives(schema.pointer(error.schema_path().as_str()));
            at(
                None,
                if alternatives.is_empty() {
                    "has several of the forms of which only one is allowed".to_owned()
                } else {
                    format!("only one of {} may be given", alternatives.join(", "))
                },
            );
        }
        kind => at(None, message(kind, error)),
    }
}

fn message(kind: &ValidationErrorKind, error: &ValidationError<'_>) -> String {
    match kind {
        ValidationErrorKind::Type { .. } => {
            // "value is not of type …", with the value masked.
            let masked = error.masked().to_string();
            masked.strip_prefix("value ").unwrap_or(&masked).to_owned()
        }
        ValidationErrorKind::Enum { options } => {
            let options: Vec<String> =
                options.as_array().into_iter().flatten().map(ToString::to_string).collect();
            if options.is_empty() {
                return "can't be given: this installation allows none".to_owned();
            }
            format!("must be one of {}", options.join(", "))
        }
        ValidationErrorKind::Constant { expected_value } => format!("must be {expected_value}"),
        ValidationErrorKind::Minimum { limit } => format!("must be at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("must be at most {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        ValidationErrorKind::MinLength { limit: 1 } => "must not be empty".to_owned(),
        ValidationErrorKind::MinLength { limit } => format!("must have at least {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("must have at most {limit} characters"),
        ValidationErrorKind::MinItems { limit: 1 } => "must have at least one entry".to_owned(),
        ValidationErrorKind::MinItems { limit } => format!("must have at least {limit} entries"),
        ValidationErrorKind::MaxItems { limit } => format!("must have at most {limit} entries"),
        ValidationErrorKind::MaxProperties { limit } => format!("must have at most {limit} keys"),
        ValidationErrorKind::UniqueItems => "must not have the same entry twice".to_owned(),
        ValidationErrorKind::Pattern { pattern } => format!("must match the pattern {pattern}"),
        ValidationErrorKind::Format { format } => format!("must be a valid {format}"),
        ValidationErrorKind::FalseSchema => "is not allowed here".to_owned(),
        ValidationErrorKind::Not { .. } => "has a form that is not allowed here".to_owned(),
        other => format!("breaks the rule `{}`", other.keyword()),
    }
}

/// The keys of which one is needed, when all that each alternative lacks is a key.
fn only_missing(context: &[Vec<ValidationError<'static>>]) -> Vec<String> {
    let mut names = Vec::new();
    for branch in context {
        for error in branch {
            match error.kind() {
                ValidationErrorKind::Required { property: Value::String(name) } => {
                    names.push(format!("`{name}`"));
                }
                _ => return Vec::new(),
            }
        }
    }
    names
}

/// The alternative whose discriminator (a constant or an enum) fits, when there is just one.
fn intended_branch<'a>(
    context: &'a [Vec<ValidationError<'static>>],
) -> Option<&'a [ValidationError<'static>]> {
    let mut fitting = context.iter().filter(|branch| {
        !branch.iter().any(|error| {
            matches!(
                error.kind(),
                ValidationErrorKind::Constant { .. }
                    | ValidationErrorKind::Enum { .. }
                    | ValidationErrorKind::Type { .. }
            )
        })
    });
    match (fitting.next(), fitting.next()) {
        (Some(branch), None) => Some(branch),
        _ => None,
    }
}

fn alternatives(one_of: Option<&Value>) -> Vec<String> {
    let branches = one_of.and_then(Value::as_array).into_iter().flatten();
    let required = branches.filter_map(|branch| branch.get("required").and_then(Value::as_array)).flatten();
    required.filter_map(Value::as_str).map(|name| format!("`{name}`")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Problem, problems};

    fn problem(path: &[&str], message: &str) -> Problem {
        Problem { path: path.iter().map(|&name| name.to_owned()).collect(), message: message.to_owned() }
    }

    #[test]
    fn all_problems_come_at_once_each_at_its_own_path() {
        let schema = json!({
            "type": "object",
            "properties": {
                "path": {"type": "string", "minLength": 1},
                "format": {"enum": ["csv", "jsonl"]},
                "page": {"type": "object", "properties": {"size": {"type": "integer", "minimum": 1}},
                         "required": ["param"], "additionalProperties": false},
            },
            "required": ["host", "path"],
            "additionalProperties": false,
        });
        let value = json!({"path": "", "format": "xml", "page": {"size": 0, "sise": 1}, "pat": 1});
        assert_eq!(
            problems(&schema, &value),
            [
                problem(&["format"], "must be one of \"csv\", \"jsonl\""),
                problem(&["host"], "is required"),
                problem(&["page", "param"], "is required"),
                problem(&["page", "sise"], "is not known here"),
                problem(&["page", "size"], "must be at least 1"),
                problem(&["pat"], "is not known here"),
                problem(&["path"], "must not be empty"),
            ]
        );
    }

    #[test]
    fn exactly_one_of_two_keys() {
        let schema = json!({"type": "object", "oneOf": [{"required": ["table"]}, {"required": ["query"]}]});
        assert_eq!(problems(&schema, &json!({})), [problem(&[], "one of `table`, `query` is needed")]);
        assert_eq!(
            problems(&schema, &json!({"table": "a", "query": "b"})),
            [problem(&[], "only one of `table`, `query` may be given")]
        );
        assert_eq!(problems(&schema, &json!({"table": "a"})), []);
    }

    #[test]
    fn the_alternative_that_was_meant_is_the_one_that_is_explained() {
        let schema = json!({"oneOf": [
            {"type": "object", "properties": {"kind": {"const": "page"}, "param": {}}, "required": ["kind", "param"]},
            {"type": "object", "properties": {"kind": {"const": "link"}}, "required": ["kind"]},
        ]});
        assert_eq!(problems(&schema, &json!({"kind": "page"})), [problem(&["param"], "is required")]);
        assert_eq!(
            problems(&schema, &json!({"kind": "other"})),
            [problem(&[], "has none of the forms that are allowed here")]
        );
    }

    #[test]
    fn values_never_stand_in_messages() {
        let schema = json!({
            "type": "object",
            "properties": {"password": {"type": "string", "maxLength": 3, "pattern": "^x"}, "token": {"type": "string"}},
        });
        let found = problems(&schema, &json!({"password": "hunter2", "token": 8_675_309}));
        assert_eq!(
            found,
            [
                problem(&["password"], "must have at most 3 characters"),
                problem(&["password"], "must match the pattern ^x"),
                problem(&["token"], "is not of type \"string\""),
            ]
        );
    }
}
