//! Which fields of a stream's records its record schema classifies. A field is known by its name, since replies repeat it in
//! shapes of their own. Deliberately absent: what is done with such a field.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

/// The keyword of a record schema: `"email": {"type": "string", "x-classification": "personal"}`.
pub const CLASSIFICATION_KEYWORD: &str = "x-classification";
/// Parts of a schema that are looked at, at most: references may lead to the same ones again and again.
const STEPS_MAX: usize = 200_000;

/// Keywords of what is said of the same value, of its elements, or of members that have no name there: of a value that is
/// classified in one of them, the whole is.
const SAME: [&str; 19] = [
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "contentSchema",
    "dependencies",
    "dependentSchemas",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Those of them that have schemas by names.
const BY_NAME: [&str; 3] = ["dependencies", "dependentSchemas", "patternProperties"];
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Which fields of a stream's records are classified: `x-classification` in its record schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classified {
    /// By their names in small letters.
    fields: Arc<BTreeMap<String, Classification>>,
    /// Fields are that the schema does not name, or that nobody can tell: nothing of a record is to be shown.
    is_everything: bool,
}

/// Why a field is not shown to staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Classification {
    /// It is about a person.
    Personal,
    /// Nobody but both systems is to know it.
    Secret,
}

impl Classification {
    pub(super) fn mask(self) -> &'static str {
        match self {
            Self::Personal => "[personal]",
            Self::Secret => "[secret]",
        }
    }
}

impl Classified {
    /// Of a record schema, at whatever depth, also by what a field refers to, of its elements, and in one of several schemas
    /// that it may have. What is neither `personal` nor `secret` counts as secret: a typing error must not show anything.
    pub fn of(schema: &Value) -> Self {
        if !has_keyword(schema) {
            return Self::default();
        }
        let mut reading = Reading { root: schema, steps: 0, fields: BTreeMap::new() };
        reading.fields_of(schema);
        let whole = reading.class_of(schema);
        let is_everything = whole.is_some() || reading.steps >= STEPS_MAX;
        Self { fields: Arc::new(reading.fields), is_everything }
    }

    /// Whether no field is.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && !self.is_everything
    }

    /// Whether the field of this name is.
    pub fn has(&self, name: &str) -> bool {
        self.is_everything || self.get(name).is_some()
    }

    /// Whether a message can't be told from what is classified.
    pub(super) fn is_everything(&self) -> bool {
        self.is_everything
    }

    pub(super) fn get(&self, name: &str) -> Option<Classification> {
        self.fields.get(&name.to_lowercase()).copied()
    }
}

struct Reading<'a> {
    root: &'a Value,
    steps: usize,
    fields: BTreeMap<String, Classification>,
}

impl<'a> Reading<'a> {
    /// Adds what is classified of all that the schema names.
    fn fields_of(&mut self, schema: &'a Value) {
        match schema {
            Value::Object(members) => {
                if let Some(Value::Object(properties)) = members.get("properties") {
                    for (name, property) in properties {
                        if let Some(class) = self.class_of(property) {
                            let known = self.fields.entry(name.to_lowercase()).or_insert(class);
                            *known = class.max(*known);
                        }
                    }
                }
                members.values().for_each(|member| self.fields_of(member));
            }
            Value::Array(items) => items.iter().for_each(|item| self.fields_of(item)),
            _ => {}
        }
    }

    /// What is said of a value itself, or of parts of it that have no name: the strictest of it.
    fn class_of(&mut self, schema: &'a Value) -> Option<Classification> {
        let mut seen: HashSet<*const Value> = HashSet::new();
        let mut waiting = vec![schema];
        let mut class = None;
        while let Some(schema) = waiting.pop() {
            if !seen.insert(schema) {
                continue;
            }
            self.steps += 1;
            if self.steps >= STEPS_MAX {
                return Some(Classification::Secret);
            }
            let members = match schema {
                Value::Object(members) => members,
                // Alternatives, or the schemas of places.
                Value::Array(items) => {
                    waiting.extend(items);
                    continue;
                }
                _ => continue,
            };
            class = class.max(members.get(CLASSIFICATION_KEYWORD).map(|written| match written.as_str() {
                Some("personal") => Classification::Personal,
                _ => Classification::Secret,
            }));
            for (keyword, part) in members {
                let keyword = keyword.as_str();
                match part {
                    Value::Object(parts) if BY_NAME.contains(&keyword) => waiting.extend(parts.values()),
                    Value::String(target) if REFERENCES.contains(&keyword) => match self.referred(target) {
                        Some(referred) => waiting.push(referred),
                        // Nobody can tell what it says.
                        None => class = Some(Classification::Secret),
                    },
                    part if SAME.contains(&keyword) => waiting.push(part),
                    _ => {}
                }
            }
        }
        class
    }

    /// The part of the schema that a reference means; `None` where it is not found.
    fn referred(&mut self, target: &str) -> Option<&'a Value> {
        let (resource, fragment) = target.split_once('#').unwrap_or((target, ""));
        let resource = match resource {
            "" => self.root,
            name => self.find(self.root, &|members| {
                let id = members.get("$id").or_else(|| members.get("id")).and_then(Value::as_str);
                id.is_some_and(|id| id.trim_end_matches('#') == name)
            })?,
        };
        let fragment = percent_decoded(fragment)?;
        if fragment.is_empty() || fragment.starts_with('/') {
            return resource.pointer(&fragment);
        }
        let written = format!("#{fragment}");
        self.find(self.root, &|members| {
            let is = |keyword: &str, name: &str| members.get(keyword).and_then(Value::as_str) == Some(name);
            is("$anchor", &fragment)
                || is("$dynamicAnchor", &fragment)
                || is("$id", &written)
                || is("id", &written)
        })
    }

    fn find(
        &mut self,
        schema: &'a Value,
        is_it: &dyn Fn(&serde_json::Map<String, Value>) -> bool,
    ) -> Option<&'a Value> {
        self.steps += 1;
        if self.steps >= STEPS_MAX {
            return None;
        }
        match schema {
            Value::Object(members) if is_it(members) => Some(schema),
            Value::Object(members) => members.values().find_map(|member| self.find(member, is_it)),
            Value::Array(items) => items.iter().find_map(|item| self.find(item, is_it)),
            _ => None,
        }
    }
}

fn has_keyword(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            members.contains_key(CLASSIFICATION_KEYWORD) || members.values().any(has_keyword)
        }
        Value::Array(items) => items.iter().any(has_keyword),
        _ => false,
    }
}

/// As a fragment of a URI means it; `None` where it means no text.
fn percent_decoded(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        match behind.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok()) {
            Some(digits) => {
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Classification, Classified};

    fn class(schema: &Value, field: &str) -> Option<Classification> {
        Classified::of(schema).get(field)
    }

    #[test]
    fn a_field_is_classified_wherever_its_schema_says_so() {
        let personal = json!({"x-classification": "personal"});
        for property in [
            personal.clone(),
            json!({"type": "array", "items": personal}),
            json!({"type": "array", "prefixItems": [{"type": "string"}, personal]}),
            json!({"items": [personal]}),
            json!({"allOf": [{"type": "string"}, {"anyOf": [{"oneOf": [personal]}]}]}),
            json!({"if": {}, "then": personal}),
            json!({"$ref": "#/$defs/email"}),
            json!({"$ref": "#/%24defs/list"}),
            json!({"$ref": "#mail"}),
            json!({"$ref": "https://schemas.example/mail"}),
            json!({"type": "object", "additionalProperties": personal}),
            json!({"type": "object", "patternProperties": {"^a": personal}}),
        ] {
            let schema = json!({
                "properties": {"person": {"properties": {"Mail": property}}, "city": {"type": "string"}},
                "$defs": {
                    "email": personal,
                    "list": {"items": {"$ref": "#/$defs/email"}},
                    "anchored": {"$anchor": "mail", "allOf": [personal]},
                    "named": {"$id": "https://schemas.example/mail", "not": personal},
                },
            });
            assert_eq!(class(&schema, "mail"), Some(Classification::Personal), "{schema}");
            assert_eq!(class(&schema, "city"), None, "{schema}");
            assert_eq!(class(&schema, "person"), None, "{schema}");
            assert!(!Classified::of(&schema).is_everything(), "{schema}");
        }
    }

    #[test]
    fn the_strictest_holds_and_what_nobody_can_tell_is_secret() {
        let schema = json!({
            "properties": {
                "a": {"x-classification": "personal", "allOf": [{"x-classification": "secret"}]},
                "b": {"$ref": "#/$defs/not-there"},
                "c": {"$ref": "#/$defs/circle"},
                "d": {"x-classification": null},
            },
            "oneOf": [{"properties": {"E": {"x-classification": "personal"}}}],
            "$defs": {
                "circle": {"items": {"$ref": "#/$defs/circle"}},
                "other": {"properties": {"e": {"x-classification": "Secret"}}},
            },
        });
        for (field, wanted) in [
            ("a", Some(Classification::Secret)),
            ("b", Some(Classification::Secret)),
            ("c", None),
            ("d", Some(Classification::Secret)),
            ("e", Some(Classification::Secret)),
        ] {
            assert_eq!(class(&schema, field), wanted, "{field}");
        }
        let unnamed =
            json!({"properties": {"id": {}}, "additionalProperties": {"x-classification": "personal"}});
        let whole = Classified::of(&unnamed);
        assert!(whole.is_everything() && !whole.is_empty());
        assert!(Classified::of(&json!({"properties": {"a": {"$ref": "#/$defs/not-there"}}})).is_empty());
    }
}
