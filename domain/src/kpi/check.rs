//! What KPIs of an integration may be. All problems of an input are told at once, each at its path.

use std::collections::HashSet;

use connector::Classified;
use entity::integration::{Kpi, KpiBound, KpiMeasure, KpiTarget, Stream};
use pipeline::{Pointer, Rules};
use serde_json::Value;

use super::KpiKind;
use super::set::{NewKpi, NewKpiTarget};
use crate::error::{Error, Problem, ProblemCode, Result};
use crate::json;
use crate::validation::Problems;

/// Most KPIs of an integration: each is computed of every record.
pub const KPIS_MAX: usize = 10;
/// Longest key, in characters.
pub const KEY_CHARS_MAX: usize = 40;
/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Longest unit, in characters.
pub const UNIT_CHARS_MAX: usize = 16;
/// Longest JSON Pointer, in characters.
pub const POINTER_CHARS_MAX: usize = 200;
/// Size of a rule, in bytes of JSON: ten of them stand in the row of an integration, which every claim reads.
pub const RULE_BYTES_MAX: usize = 8 * 1024;
/// Largest magnitude of a target.
const TARGET_MAX: f64 = 1e15;
/// Keywords of a JSON Schema about fields that it does not name, which may be classified ones.
const OF_UNNAMED: [&str; 4] =
    ["patternProperties", "propertyNames", "additionalProperties", "unevaluatedProperties"];
/// The one unit of a share.
const PERCENT: &str = "%";
/// Units of a delay, each with its seconds.
pub(super) const TIME_UNITS: [(&str, i128); 4] = [("s", 1), ("min", 60), ("h", 3_600), ("d", 86_400)];

/// A KPI that may be stored.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) stream: String,
    pub(super) measure: KpiMeasure,
    pub(super) target: Option<KpiTarget>,
}

/// The KPIs as they may be stored.
///
/// # Errors
/// Rejected, all at once: everything that is wrong with them, each problem at its path below `kpis`.
pub(super) fn check(kpis: Vec<NewKpi>, streams: &[Stream]) -> Result<Vec<Checked>> {
    if kpis.len() > KPIS_MAX {
        let message = format!("has {} entries; at most {KPIS_MAX} are allowed", kpis.len());
        return Err(Error::rejected(Problem::new(ProblemCode::LimitReached, ["kpis"], message)));
    }
    let mut problems = Problems::default();
    let mut keys = HashSet::new();
    let mut checked = Vec::with_capacity(kpis.len());
    for (index, kpi) in kpis.into_iter().enumerate() {
        let mut at = At { index: index.to_string(), problems: &mut problems };
        let key = at.key(&kpi.key);
        if !keys.insert(key.clone()) {
            at.invalid("key", "is the key of another one before it");
        }
        let name = at.line("name", &kpi.name, NAME_CHARS_MAX);
        let unit = at.unit(kpi.kind, &kpi.unit);
        let stream = streams.iter().find(|stream| stream.name == kpi.stream);
        if stream.is_none() {
            at.add(ProblemCode::NotFound, "stream", "is no stream of this integration");
        }
        let target = kpi.target.and_then(|target| at.target(target));
        if let Some(measure) = at.measure(kpi.kind, kpi.field, kpi.rule, kpi.from_field, kpi.to_field) {
            for name in stream.map(|stream| classified(&measure, stream)).unwrap_or_default() {
                let message = match name {
                    "rule" => "asks for a field that the record schema of the stream classifies",
                    _field => "is classified by the record schema of the stream: its values are not told",
                };
                at.invalid(name, message);
            }
            checked.push(Checked { key, name, unit, stream: kpi.stream, measure, target });
        }
    }
    problems.check()?;
    Ok(checked)
}

/// Which parts of a measure, by their names in the input, tell of fields that the record schema of a stream classifies.
fn classified(measure: &KpiMeasure, stream: &Stream) -> Vec<&'static str> {
    let Some(schema) = &stream.record_schema else { return Vec::new() };
    let classified = Classified::of(schema);
    let leads = |pointer: &String| {
        let mut names = pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~"));
        names.any(|name| classified.has(&name))
    };
    let parts = match measure {
        KpiMeasure::Count => Vec::new(),
        KpiMeasure::Sum { field } => vec![("field", leads(field))],
        KpiMeasure::Share { rule } => vec![("rule", !classified.is_empty() && asks_for(rule, &classified))],
        KpiMeasure::Delay { from, to } => {
            vec![("fromField", leads(from)), ("toField", to.as_ref().is_some_and(leads))]
        }
    };
    parts.into_iter().filter(|(_name, is_classified)| *is_classified).map(|(name, _)| name).collect()
}

/// Whether a JSON Schema asks for a field that is classified: whether it is there, or what it is.
fn asks_for(rule: &Value, classified: &Classified) -> bool {
    let is_named = |name: &Value| name.as_str().is_some_and(|name| classified.has(name));
    match rule {
        Value::Object(members) => members.iter().any(|(keyword, value)| {
            let is_asked = match keyword.as_str() {
                "required" => value.as_array().into_iter().flatten().any(is_named),
                "properties" | "dependentRequired" | "dependentSchemas" | "dependencies" => {
                    value.as_object().into_iter().flatten().any(|(name, of)| {
                        classified.has(name) || of.as_array().into_iter().flatten().any(is_named)
                    })
                }
                "const" | "enum" => has_member(value, classified),
                keyword => OF_UNNAMED.contains(&keyword),
            };
            is_asked || asks_for(value, classified)
        }),
        Value::Array(rules) => rules.iter().any(|rule| asks_for(rule, classified)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether a value has a field that is classified.
fn has_member(value: &Value, classified: &Classified) -> bool {
    match value {
        Value::Object(members) => {
            members.iter().any(|(name, value)| classified.has(name) || has_member(value, classified))
        }
        Value::Array(values) => values.iter().any(|value| has_member(value, classified)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether a KPI may be measured of a stream's records, and told: a field may have been classified since it was set.
pub(crate) fn may_be_told(kpi: &Kpi, stream: &Stream) -> bool {
    classified(&kpi.measure, stream).is_empty()
}

/// Notes what is wrong with one of the KPIs.
struct At<'a> {
    index: String,
    problems: &'a mut Problems,
}

impl At<'_> {
    fn path(&self, field: &str) -> Vec<String> {
        vec!["kpis".to_owned(), self.index.clone(), field.to_owned()]
    }

    fn add(&mut self, code: ProblemCode, field: &str, message: impl Into<String>) {
        let path = self.path(field);
        self.problems.push(Problem::new(code, path, message));
    }

    fn invalid(&mut self, field: &str, message: impl Into<String>) {
        self.add(ProblemCode::Invalid, field, message);
    }

    fn key(&mut self, key: &str) -> String {
        let key = self.line("key", key, KEY_CHARS_MAX);
        let starts = key.starts_with(|char: char| char.is_ascii_lowercase());
        let goes_on = key.chars().all(|char| matches!(char, 'a'..='z' | '0'..='9' | '_'));
        if !(key.is_empty() || starts && goes_on) {
            self.invalid("key", "must be of lower-case letters, digits and `_`, a letter first");
        }
        key
    }

    /// One line of text, trimmed and not empty.
    fn line(&mut self, field: &str, text: &str, chars_max: usize) -> String {
        let text = text.trim();
        let chars = text.chars().count();
        if chars == 0 {
            self.add(ProblemCode::Required, field, "must not be empty");
        } else if chars > chars_max {
            let message = format!("has {chars} characters; at most {chars_max} are allowed");
            self.add(ProblemCode::TooLong, field, message);
        } else if text.chars().any(char::is_control) {
            self.invalid(field, "must be one line without control characters");
        }
        text.to_owned()
    }

    fn unit(&mut self, kind: KpiKind, unit: &str) -> String {
        let unit = self.line("unit", unit, UNIT_CHARS_MAX);
        match kind {
            KpiKind::Share if unit != PERCENT => self.invalid("unit", "of a share must be `%`"),
            KpiKind::Delay if !TIME_UNITS.iter().any(|(name, _seconds)| *name == unit) => {
                self.invalid("unit", "of a delay must be `s`, `min`, `h` or `d`");
            }
            KpiKind::Count | KpiKind::Sum | KpiKind::Share | KpiKind::Delay => {}
        }
        unit
    }

    fn target(&mut self, target: NewKpiTarget) -> Option<KpiTarget> {
        let (bound, value) = match (target.at_least, target.at_most) {
            (Some(value), None) => (KpiBound::AtLeast, value),
            (None, Some(value)) => (KpiBound::AtMost, value),
            (None, None) | (Some(_), Some(_)) => {
                self.add(ProblemCode::Required, "target", "needs either `atLeast` or `atMost`");
                return None;
            }
        };
        if value.is_nan() || value.abs() > TARGET_MAX {
            self.invalid("target", format!("is {value}; it must be from {} to {TARGET_MAX}", -TARGET_MAX));
        }
        Some(KpiTarget { bound, value, per: target.per })
    }

    fn measure(
        &mut self,
        kind: KpiKind,
        field: Option<String>,
        rule: Option<Value>,
        from: Option<String>,
        to: Option<String>,
    ) -> Option<KpiMeasure> {
        let wanted: &[&str] = match kind {
            KpiKind::Count => &[],
            KpiKind::Sum => &["field"],
            KpiKind::Share => &["rule"],
            KpiKind::Delay => &["fromField", "toField"],
        };
        let rule = rule.filter(|rule| !rule.is_null());
        for (name, is_there) in [
            ("field", field.is_some()),
            ("rule", rule.is_some()),
            ("fromField", from.is_some()),
            ("toField", to.is_some()),
        ] {
            if is_there && !wanted.contains(&name) {
                self.invalid(name, "is nothing that a KPI of this kind has");
            }
        }
        match kind {
            KpiKind::Count => Some(KpiMeasure::Count),
            KpiKind::Sum => Some(KpiMeasure::Sum { field: self.pointer("field", field)? }),
            KpiKind::Share => Some(KpiMeasure::Share { rule: self.rule(rule)? }),
            KpiKind::Delay => {
                let from = self.pointer("fromField", from);
                let to = match to {
                    Some(to) => Some(self.pointer("toField", Some(to))?),
                    None => None,
                };
                Some(KpiMeasure::Delay { from: from?, to })
            }
        }
    }

    fn pointer(&mut self, name: &str, pointer: Option<String>) -> Option<String> {
        let Some(pointer) = pointer.filter(|pointer| !pointer.is_empty()) else {
            self.add(ProblemCode::Required, name, "must be a JSON Pointer, like `/total`");
            return None;
        };
        let chars = pointer.chars().count();
        if chars > POINTER_CHARS_MAX {
            let message = format!("has {chars} characters; at most {POINTER_CHARS_MAX} are allowed");
            self.add(ProblemCode::TooLong, name, message);
        } else if pointer.chars().any(char::is_control) {
            self.invalid(name, "must not have control characters");
        } else if let Err(message) = Pointer::parse(&pointer) {
            self.invalid(name, message);
        }
        Some(pointer)
    }

    fn rule(&mut self, rule: Option<Value>) -> Option<Value> {
        let Some(rule) = rule else {
            self.add(ProblemCode::Required, "rule", "must be a JSON Schema");
            return None;
        };
        let path = self.path("rule");
        let found = json::problems(&path, &rule, RULE_BYTES_MAX);
        if !found.is_empty() {
            found.into_iter().for_each(|problem| self.problems.push(problem));
        } else if let Err(found) = Rules::compile(&rule) {
            let pointer =
                found.path.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~"));
            let path = path.into_iter().chain(pointer);
            self.problems.push(Problem::invalid(path, found.message));
        }
        Some(rule)
    }
}
