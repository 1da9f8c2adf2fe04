//! Which fields the records of a source have, seen in a few of each page. Deliberately absent: what is nested inside a field,
//! and what a change leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use connector::Record;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Records of a page that are looked at: the first ones, which cost nothing beside the thousands that follow.
const SAMPLE_RECORDS: usize = 20;
/// Fields of a stream that are watched, at most; what a source has beyond is not.
const FIELDS_MAX: usize = 1_000;
/// Longest name of a field that is watched, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// What a field can hold. Null is none of these: it says nothing about a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// `true` and `false`.
    Boolean,
    /// Whole or not.
    Number,
    /// Text, and what travels as text, like times.
    String,
    /// A list.
    Array,
    /// Fields within a field.
    Object,
}

impl FieldType {
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => return None,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        })
    }
}

/// Its name in JSON Schema, e.g. `string`.
impl fmt::Display for FieldType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        })
    }
}

/// What is known of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldShape {
    /// What it held; empty while it was only ever null.
    pub types: BTreeSet<FieldType>,
    /// Every record that was looked at has it, null or not.
    pub always: bool,
}

/// The fields of a stream's records, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shape(pub BTreeMap<String, FieldShape>);

/// A field that holds something else than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedField {
    /// Its name.
    pub field: String,
    /// What it held.
    pub from: BTreeSet<FieldType>,
    /// What it holds besides.
    pub to: BTreeSet<FieldType>,
}

/// What is different in a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShapeChange {
    /// Fields that were not there.
    pub added: Vec<String>,
    /// Fields that every record had, and none has any more.
    pub removed: Vec<String>,
    /// Fields of another type.
    pub changed: Vec<ChangedField>,
}

impl ShapeChange {
    /// Nothing is different.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

impl Shape {
    /// Of the first of these records; empty when there are none.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut fields: BTreeMap<String, (BTreeSet<FieldType>, usize)> = BTreeMap::new();
        let mut count = 0;
        for record in records.into_iter().take(SAMPLE_RECORDS) {
            count += 1;
            for (name, value) in record.iter().take(FIELDS_MAX) {
                if !fields.contains_key(name) {
                    // PostgreSQL stores no NUL in JSON.
                    if fields.len() >= FIELDS_MAX || name.len() > NAME_BYTES_MAX || name.contains('\0') {
                        continue;
                    }
                    fields.insert(name.clone(), Default::default());
                }
                if let Some((types, seen)) = fields.get_mut(name) {
                    types.extend(FieldType::of(value));
                    *seen += 1;
                }
            }
        }
        let shape = |(types, seen)| FieldShape { types, always: seen == count };
        Self(fields.into_iter().map(|(name, seen)| (name, shape(seen))).collect())
    }

    /// Learns from a sample. `None` when it has nothing new; else what is different, which may be nothing that counts: that
    /// a field is not in every record, or what it holds that was only ever null.
    pub fn learn(&mut self, seen: &Self) -> Option<ShapeChange> {
        if seen.0.is_empty() {
            return None;
        }
        let mut change = ShapeChange::default();
        let mut is_new = false;
        for (name, field) in &seen.0 {
            let Some(known) = self.0.get_mut(name) else {
                if self.0.len() < FIELDS_MAX {
                    self.0.insert(name.clone(), field.clone());
                    change.added.push(name.clone());
                    is_new = true;
                }
                continue;
            };
            let other: BTreeSet<FieldType> = field.types.difference(&known.types).copied().collect();
            if !other.is_empty() {
                let from = known.types.clone();
                known.types.extend(&other);
                is_new = true;
                if !from.is_empty() {
                    change.changed.push(ChangedField { field: name.clone(), from, to: other });
                }
            }
            if known.always && !field.always {
                known.always = false;
                is_new = true;
            }
        }
        // One that only some records have may be absent from any sample.
        let gone: Vec<String> = self
            .0
            .iter()
            .filter(|(name, known)| known.always && !seen.0.contains_key(*name))
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            // Not forgotten: that it comes back is no news, or one that comes and goes would be told each time.
            if let Some(known) = self.0.get_mut(&name) {
                known.always = false;
            }
            change.removed.push(name);
            is_new = true;
        }
        is_new.then_some(change)
    }
}

/// Looks at pages, and tells what is new against all before them.
#[derive(Debug, Default)]
pub(crate) struct ShapeWatch(Mutex<Shape>);

impl ShapeWatch {
    pub(crate) fn new(known: Shape) -> Self {
        Self(Mutex::new(known))
    }

    /// The shape of a page's first records, if it has something new.
    pub(crate) fn look<'a>(&self, records: impl IntoIterator<Item = &'a Record>) -> Option<Shape> {
        let seen = Shape::of(records);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.learn(&seen).map(|_change| seen)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use connector::Record;
    use serde_json::{Value, json};

    use super::{FIELDS_MAX, Shape, ShapeChange, ShapeWatch};

    fn records(records: Value) -> Vec<Record> {
        records.as_array().unwrap().iter().map(|record| record.as_object().unwrap().clone().into()).collect()
    }

    fn shape(of: Value) -> Shape {
        Shape::of(&records(of))
    }

    #[test]
    fn fields_have_types_and_may_be_absent() {
        let found = shape(json!([{"a": 1, "b": null, "c": [1]}, {"a": "x", "b": null}]));
        let expected = json!({
            "a": {"types": ["number", "string"], "always": true},
            "b": {"types": [], "always": true},
            "c": {"types": ["array"], "always": false},
        });
        assert_eq!(serde_json::to_value(&found).unwrap(), expected);
        assert_eq!(serde_json::from_value::<Shape>(expected).unwrap(), found);
    }

    #[test]
    fn a_change_is_told_once() {
        let mut known = shape(
            json!([{"id": 1, "name": "a", "note": null, "tag": "x"}, {"id": 2, "name": "b", "note": null}]),
        );
        assert_eq!(known.learn(&shape(json!([{"id": 3, "name": "c", "note": null}]))), None);
        assert_eq!(known.learn(&shape(json!([]))), None, "an empty page says nothing");

        let quiet = known.learn(&shape(json!([{"id": 3, "name": null, "note": "n"}])));
        assert_eq!(quiet, Some(ShapeChange::default()), "what was null only is known now");
        let sparse =
            known.learn(&shape(json!([{"id": 3, "name": "c", "note": "n"}, {"id": 4, "name": "d"}])));
        assert_eq!(sparse, Some(ShapeChange::default()));
        assert_eq!(known.learn(&shape(json!([{"id": 5, "name": "e"}]))), None, "it need not be there");

        let next = shape(json!([{"id": "6", "title": "f"}]));
        let change = serde_json::to_value(known.learn(&next).unwrap()).unwrap();
        let expected = json!({
            "added": ["title"],
            "removed": ["name"],
            "changed": [{"field": "id", "from": ["number"], "to": ["string"]}],
        });
        assert_eq!(change, expected);
        assert_eq!(known.learn(&next), None);
        assert_eq!(known.learn(&shape(json!([{"id": 7, "title": "g"}]))), None, "it may be either by now");
        for again in [json!([{"id": 7, "title": "g", "name": "back"}]), json!([{"id": 7, "title": "g"}])] {
            assert_eq!(known.learn(&shape(again)), None, "one that comes and goes is told once");
        }
    }

    #[test]
    fn what_is_watched_has_an_end() {
        let wide = |from: usize, count: usize| -> Record {
            (from..from + count).map(|number| (format!("f{number}"), json!(1))).collect()
        };
        let mut known = Shape::of(&[wide(0, 2 * FIELDS_MAX)]);
        assert_eq!(known.0.len(), FIELDS_MAX);
        let other = Shape::of(&[wide(0, FIELDS_MAX), wide(5_000, 10)]);
        assert_eq!(
            known.learn(&other),
            Some(ShapeChange::default()),
            "the first are not in every record any more"
        );
        assert_eq!(known.0.len(), FIELDS_MAX);
        assert_eq!(Shape::of(&records(json!([{"a\u{0}b": 1}]))), Shape::default());
    }

    #[test]
    fn a_watch_tells_of_a_page_that_differs_from_all_before_it() {
        let watch = ShapeWatch::new(shape(json!([{"id": 1}])));
        assert_eq!(watch.look(&records(json!([{"id": 2}]))), None);
        let wider = shape(json!([{"id": 3, "n": 1}]));
        assert_eq!(watch.look(&records(json!([{"id": 3, "n": 1}]))), Some(wider));
        assert_eq!(watch.look(&records(json!([{"id": 4, "n": 2}]))), None);
    }
}
