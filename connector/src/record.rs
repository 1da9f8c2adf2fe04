//! A record and the key that identifies it, in the forms every layer agrees on.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A JSON object, its fields in the order in which the source gave them.
type Map = serde_json::Map<String, Value>;

/// A record: a JSON object, its fields in the order in which the source gave them.
///
/// Where a source knows the names beforehand, as of a table's columns, all its records share them: that halves what a
/// record costs on its way through.
#[derive(Clone, Debug)]
pub struct Record(Fields);

#[derive(Clone, Debug)]
enum Fields {
    Own(Map),
    Shared { names: Arc<FieldNames>, values: Vec<Value> },
}

/// The names of fields that many records have, in their order.
#[derive(Debug)]
pub struct FieldNames {
    names: Box<[String]>,
    /// Places of the names in the order of their bytes.
    sorted: Box<[usize]>,
}

impl FieldNames {
    /// Of these names; `None` where one stands twice.
    pub fn new(names: impl IntoIterator<Item = String>) -> Option<Arc<Self>> {
        let names: Box<[String]> = names.into_iter().collect();
        let mut sorted: Box<[usize]> = (0..names.len()).collect();
        sorted.sort_unstable_by(|one, other| names[*one].cmp(&names[*other]));
        let are_unique = sorted.windows(2).all(|pair| names[pair[0]] != names[pair[1]]);
        are_unique.then(|| Arc::new(Self { names, sorted }))
    }

    /// In their order.
    pub fn as_slice(&self) -> &[String] {
        &self.names
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    fn place(&self, name: &str) -> Option<usize> {
        // A few names are found sooner by looking at each.
        if self.names.len() <= 12 {
            return self.names.iter().position(|known| known == name);
        }
        let found = self.sorted.binary_search_by(|place| self.names[*place].as_str().cmp(name)).ok()?;
        Some(self.sorted[found])
    }
}

impl Default for Record {
    fn default() -> Self {
        Self(Fields::Own(Map::new()))
    }
}

impl Record {
    /// Without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Without fields, with room for so many.
    pub fn with_capacity(fields: usize) -> Self {
        Self(Fields::Own(Map::with_capacity(fields)))
    }

    /// A value for each of these names, in their order; what is missing at the end is null.
    pub fn of(names: &Arc<FieldNames>, mut values: Vec<Value>) -> Self {
        values.resize(names.len(), Value::Null);
        Self(Fields::Shared { names: names.clone(), values })
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match &self.0 {
            Fields::Own(map) => map.get(name),
            Fields::Shared { names, values } => values.get(names.place(name)?),
        }
    }

    /// True when there is such a field.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Adds a field, or gives it another value; the value before.
    pub fn insert(&mut self, name: String, value: Value) -> Option<Value> {
        if let Fields::Shared { names, values } = &mut self.0
            && let Some(place) = names.place(&name)
        {
            return Some(std::mem::replace(&mut values[place], value));
        }
        self.own().insert(name, value)
    }

    /// Takes a field out; the order of the others stays.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        if !self.contains_key(name) {
            return None;
        }
        self.own().shift_remove(name)
    }

    /// Fields in their order.
    pub fn iter(&self) -> RecordFields<'_> {
        RecordFields(match &self.0 {
            Fields::Own(map) => Iter::Own(map.iter()),
            Fields::Shared { names, values } => Iter::Shared(names.names.iter().zip(values)),
        })
    }

    /// Their names in their order.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.iter().map(|(name, _value)| name)
    }

    /// Their values in their order.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.iter().map(|(_name, value)| value)
    }

    /// Fields in the order of the bytes of their names.
    pub fn sorted(&self) -> impl Iterator<Item = (&String, &Value)> {
        let (own, shared) = match &self.0 {
            Fields::Own(map) => {
                let mut fields: Vec<(&String, &Value)> = map.iter().collect();
                fields.sort_unstable_by_key(|(name, _value)| *name);
                (Some(fields), None)
            }
            Fields::Shared { names, values } => {
                (None, Some(names.sorted.iter().map(|place| (&names.names[*place], &values[*place]))))
            }
        };
        own.into_iter().flatten().chain(shared.into_iter().flatten())
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Fields::Own(map) => map.len(),
            Fields::Shared { values, .. } => values.len(),
        }
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values, where the record shares these very names.
    pub fn values_of(&self, expected: &Arc<FieldNames>) -> Option<&[Value]> {
        match &self.0 {
            Fields::Shared { names, values } if Arc::ptr_eq(names, expected) => Some(values),
            _ => None,
        }
    }

    /// The names that it shares with other records.
    pub fn shared_names(&self) -> Option<&Arc<FieldNames>> {
        match &self.0 {
            Fields::Own(_) => None,
            Fields::Shared { names, .. } => Some(names),
        }
    }

    fn own(&mut self) -> &mut Map {
        if let Fields::Shared { names, values } = &mut self.0 {
            let fields = names.names.iter().cloned().zip(std::mem::take(values));
            self.0 = Fields::Own(fields.collect());
        }
        match &mut self.0 {
            Fields::Own(map) => map,
            Fields::Shared { .. } => unreachable!("made its own above"),
        }
    }
}

/// The same fields, in whatever order.
impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl From<Map> for Record {
    fn from(map: Map) -> Self {
        Self(Fields::Own(map))
    }
}

impl From<Record> for Map {
    fn from(mut record: Record) -> Self {
        std::mem::take(record.own())
    }
}

impl From<Record> for Value {
    fn from(record: Record) -> Self {
        Value::Object(record.into())
    }
}

impl FromIterator<(String, Value)> for Record {
    fn from_iter<T: IntoIterator<Item = (String, Value)>>(fields: T) -> Self {
        Self(Fields::Own(fields.into_iter().collect()))
    }
}

impl IntoIterator for Record {
    type Item = (String, Value);
    type IntoIter = serde_json::map::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        Map::from(self).into_iter()
    }
}

/// Fields of a record in their order.
pub struct RecordFields<'a>(Iter<'a>);

enum Iter<'a> {
    Own(serde_json::map::Iter<'a>),
    Shared(std::iter::Zip<std::slice::Iter<'a, String>, std::slice::Iter<'a, Value>>),
}

impl<'a> Iterator for RecordFields<'a> {
    type Item = (&'a String, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Iter::Own(fields) => fields.next(),
            Iter::Shared(fields) => fields.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Iter::Own(fields) => fields.size_hint(),
            Iter::Shared(fields) => fields.size_hint(),
        }
    }
}

impl<'a> IntoIterator for &'a Record {
    type Item = (&'a String, &'a Value);
    type IntoIter = RecordFields<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl std::ops::Index<&str> for Record {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        const NULL: &Value = &Value::Null;
        self.get(name).unwrap_or(NULL)
    }
}

/// As JSON.
impl std::fmt::Display for Record {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&serde_json::to_string(self).map_err(|_| std::fmt::Error)?)
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self::from)
    }
}

/// Identity of a record within its stream, taken from the stream's key fields.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey {
    canonical: String,
    /// Where that is another text.
    reference: Option<String>,
}

impl RecordKey {
    /// The key of `record`; `None` when a key field is absent or null.
    pub fn of(record: &Record, key_fields: &[String]) -> Option<Self> {
        let mut values = Vec::with_capacity(key_fields.len());
        for field in key_fields {
            match record.get(field) {
                None | Some(Value::Null) => return None,
                Some(value) => values.push(value),
            }
        }
        if let [single] = values[..] {
            return Some(Self { canonical: plain(single), reference: None });
        }
        let reference = values.iter().map(|value| plain(value)).collect::<Vec<_>>().join(" / ");
        let canonical = Value::Array(values.into_iter().cloned().collect()).to_string();
        Some(Self { canonical, reference: Some(reference) })
    }

    /// A key that was stored by its canonical form; `None` when that is none of so many fields.
    pub fn stored(canonical: &str, field_count: usize) -> Option<Self> {
        if field_count == 1 {
            return Some(Self { canonical: canonical.to_owned(), reference: None });
        }
        let values: Vec<Value> = serde_json::from_str(canonical).ok()?;
        let reference = values.iter().map(plain).collect::<Vec<_>>().join(" / ");
        (values.len() == field_count)
            .then(|| Self { canonical: canonical.to_owned(), reference: Some(reference) })
    }

    /// The values of its fields. Of a single field it is known only what it looks like as a text.
    pub fn values(&self) -> Vec<Value> {
        match self.reference {
            None => vec![Value::String(self.canonical.clone())],
            Some(_) => serde_json::from_str(&self.canonical).unwrap_or_default(),
        }
    }

    /// The canonical key that `record` has by these fields, where that is another one.
    pub(crate) fn elsewhere(&self, record: &Record, key_fields: &[String]) -> Option<String> {
        if let [field] = key_fields
            && let Some(Value::String(text)) = record.get(field)
        {
            return (self.reference.is_some() || *text != self.canonical).then(|| text.clone());
        }
        let key = Self::of(record, key_fields)?;
        (key != *self).then_some(key.canonical)
    }

    /// A key of one text, of what is no record's fields.
    pub fn of_text(text: String) -> Self {
        Self { canonical: text, reference: None }
    }

    /// The form that is compared and stored: the plain value of a single field, a JSON array of several.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The form that people read, e.g. `PO-10042` or `DE / 4711`.
    pub fn reference(&self) -> &str {
        self.reference.as_deref().unwrap_or(&self.canonical)
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{FieldNames, Record, RecordKey};

    fn fields(record: &Record) -> Vec<(&str, &Value)> {
        record.iter().map(|(name, value)| (name.as_str(), value)).collect()
    }

    #[test]
    fn a_record_is_the_same_whether_it_shares_its_names_or_not() {
        let many: Vec<String> = (0..30).map(|number| format!("f{}", number * 7 % 30)).collect();
        for names in [vec!["z".to_owned(), "a".to_owned(), "m".to_owned()], many] {
            let shared_names = FieldNames::new(names.clone()).expect("none stands twice");
            let values: Vec<Value> = (0..names.len()).map(|number| json!([number])).collect();
            let own: Record = names.iter().cloned().zip(values.clone()).collect();
            let shared = Record::of(&shared_names, values);
            assert_eq!(own, shared);
            assert_eq!(fields(&own), fields(&shared));
            assert_eq!(own.to_string(), shared.to_string());
            assert!(own.sorted().eq(shared.sorted()));
            assert!(own.sorted().map(|(name, _value)| name).is_sorted());
            for name in names.iter().map(String::as_str).chain(["none", ""]) {
                assert_eq!(own.get(name), shared.get(name), "{name}");
            }
            assert_eq!(Value::from(own.clone()), Value::from(shared.clone()));
            assert_eq!(own.len(), names.len());

            // What is changed no longer shares; the others do.
            for record in [own, shared.clone()] {
                let mut changed = record;
                assert_eq!(changed.insert(names[1].clone(), json!(null)), Some(json!([1])));
                assert_eq!(changed.insert("new".to_owned(), json!(1)), None);
                assert_eq!(changed.remove(&names[0]), Some(json!([0])));
                assert_eq!(changed.remove("none"), None);
                assert_eq!(fields(&changed)[0], (names[1].as_str(), &json!(null)));
                assert_eq!(fields(&changed).last(), Some(&("new", &json!(1))));
                assert_ne!(changed, shared);
            }
            assert_eq!(shared[names[0].as_str()], json!([0]));
        }
    }

    #[test]
    fn a_key_comes_back_from_its_stored_form() {
        let record: Record =
            [("a".to_owned(), json!("DE")), ("b".to_owned(), json!(4711))].into_iter().collect();
        let fields = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (names, values) in [
            (fields(&["a"]), vec![json!("DE")]),
            (fields(&["b"]), vec![json!("4711")]),
            (fields(&["a", "b"]), vec![json!("DE"), json!(4711)]),
        ] {
            let key = RecordKey::of(&record, &names).expect("the fields are there");
            assert_eq!(RecordKey::stored(key.canonical(), names.len()), Some(key.clone()));
            assert_eq!(key.values(), values);
            assert_eq!(key.elsewhere(&record, &names), None);
        }
        assert_eq!(RecordKey::stored("DE", 2), None);
        assert_eq!(RecordKey::stored("[1]", 2), None);
        let key = RecordKey::of(&record, &fields(&["a"])).expect("the field is there");
        assert_eq!(key.elsewhere(&record, &fields(&["b"])).as_deref(), Some("4711"));
        assert_eq!(key.elsewhere(&record, &fields(&["b", "a"])).as_deref(), Some("[4711,\"DE\"]"));
    }

    #[test]
    fn names_that_stand_twice_are_not_shared_and_missing_values_are_null() {
        assert!(FieldNames::new(["a".to_owned(), "b".to_owned(), "a".to_owned()]).is_none());
        let names = FieldNames::new(["a".to_owned(), "b".to_owned()]).expect("none stands twice");
        assert_eq!(Record::of(&names, vec![json!(1)]).to_string(), r#"{"a":1,"b":null}"#);
        let read: Record = serde_json::from_str(r#"{"b":1,"a":{"c":2}}"#).expect("an object");
        assert_eq!(read.to_string(), r#"{"b":1,"a":{"c":2}}"#);
        assert_eq!(read["none"], Value::Null);
    }
}
