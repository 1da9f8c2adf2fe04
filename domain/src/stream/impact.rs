//! What the impact of a stream may say. Deliberately absent: how records are judged by it (`crate::impact`).

use pipeline::Rules;

use super::{FIELD_CHARS_MAX, ImpactRule, StreamImpact};
use crate::error::{Problem, ProblemCode};
use crate::json;

/// Most rules of a stream: each record that fails is held against them.
pub const IMPACT_RULES_MAX: usize = 10;
/// Largest schema of a rule, in bytes of JSON: it names a few fields.
pub const IMPACT_SCHEMA_BYTES_MAX: usize = 16 * 1024;
/// Longest label of a rule, in characters: it stands beside a failure.
pub const IMPACT_LABEL_CHARS_MAX: usize = 100;

/// One spelling for what is left out.
pub(super) fn normal(impact: StreamImpact) -> StreamImpact {
    let rule = |rule: ImpactRule| ImpactRule {
        label: rule.label.map(|label| label.trim().to_owned()).filter(|label| !label.is_empty()),
        ..rule
    };
    StreamImpact {
        base: impact.base,
        value_field: impact.value_field.filter(|field| !field.is_empty()),
        rules: impact.rules.into_iter().map(rule).collect(),
    }
}

/// Everything that is wrong with it, below `path`.
pub(super) fn problems(impact: &StreamImpact, path: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let at = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned());
        path.iter().cloned().chain(names).collect::<Vec<String>>()
    };
    if let Some(field) = &impact.value_field {
        if field.chars().count() > FIELD_CHARS_MAX {
            let message = format!("has more than {FIELD_CHARS_MAX} characters");
            problems.push(Problem::new(ProblemCode::TooLong, at(&["valueField"]), message));
        } else if !field.starts_with('/') || field.contains('\0') {
            let message = "must be a JSON Pointer into the record, like `/total` or `/order/amount`";
            problems.push(Problem::invalid(at(&["valueField"]), message));
        }
    }
    if impact.rules.len() > IMPACT_RULES_MAX {
        let message = format!("has {} entries; at most {IMPACT_RULES_MAX} are allowed", impact.rules.len());
        problems.push(Problem::new(ProblemCode::LimitReached, at(&["rules"]), message));
        return problems;
    }
    for (place, rule) in impact.rules.iter().enumerate() {
        let place = place.to_string();
        let when = at(&["rules", &place, "when"]);
        let found = json::problems(&when, &rule.when, IMPACT_SCHEMA_BYTES_MAX);
        if !found.is_empty() {
            problems.extend(found);
        } else if let Err(found) = Rules::compile(&rule.when) {
            problems.push(super::by_pointer(when, found));
        }
        let Some(label) = &rule.label else { continue };
        let path = at(&["rules", &place, "label"]);
        if label.chars().count() > IMPACT_LABEL_CHARS_MAX {
            let message = format!("has more than {IMPACT_LABEL_CHARS_MAX} characters");
            problems.push(Problem::new(ProblemCode::TooLong, path, message));
        } else if label.chars().any(char::is_control) {
            problems.push(Problem::invalid(path, "must be one line without control characters"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{IMPACT_LABEL_CHARS_MAX, IMPACT_RULES_MAX, ImpactRule, StreamImpact, normal, problems};

    fn found(impact: &StreamImpact) -> Vec<(&'static str, String)> {
        let path = ["streams".to_owned(), "0".to_owned(), "impact".to_owned()];
        problems(impact, &path).iter().map(|one| (one.code.name(), one.path[3..].join("."))).collect()
    }

    fn rule(label: &str) -> ImpactRule {
        let when = json!({"required": ["total"]});
        ImpactRule { when, impact: Default::default(), label: Some(label.to_owned()) }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_its_place() {
        let of = |field: &str, rules| StreamImpact {
            value_field: Some(field.to_owned()),
            rules,
            ..StreamImpact::default()
        };
        let fine = found(&of("/total", vec![rule("large")]));
        assert!(fine.is_empty(), "{fine:?}");
        let much = json!({"properties": {"total": {"minimum": "much"}}});
        let bad = ImpactRule { when: much, ..rule("two\nlines") };
        let long = rule(&"x".repeat(IMPACT_LABEL_CHARS_MAX + 1));
        let wrong = of("total", vec![bad, long]);
        assert_eq!(
            found(&wrong),
            [
                ("INVALID", "valueField".to_owned()),
                ("INVALID", "rules.0.when.properties.total.minimum".to_owned()),
                ("INVALID", "rules.0.label".to_owned()),
                ("TOO_LONG", "rules.1.label".to_owned()),
            ]
        );
        let many = StreamImpact { rules: vec![rule(""); IMPACT_RULES_MAX + 1], ..Default::default() };
        assert_eq!(found(&many), [("LIMIT_REACHED", "rules".to_owned())]);
        assert_eq!(normal(StreamImpact { rules: vec![rule(" ")], ..many }).rules[0].label, None);
    }
}
