//! The catalog: which streams a tap has, and which one it is to read
//! (<https://github.com/singer-io/getting-started/blob/master/docs/DISCOVERY_MODE.md>).

use serde_json::{Value, json};

use super::NAMED_MAX;
use crate::{SystemError, SystemErrorKind};

/// What a tap said in its discovery.
pub(super) struct Catalog(Value);

/// How the stream is to be read.
pub(super) struct Wish<'a> {
    pub(super) stream: &'a str,
    /// `FULL_TABLE`, `INCREMENTAL` or `LOG_BASED`.
    pub(super) method: &'a str,
    /// The field whose value grows.
    pub(super) key: Option<&'a str>,
}

impl Catalog {
    /// # Errors
    /// `Malformed` when it is no catalog.
    pub(super) fn parse(text: &[u8]) -> Result<Self, SystemError> {
        let catalog: Option<Value> = serde_json::from_slice(text).ok();
        match catalog {
            Some(catalog) if catalog.get("streams").is_some_and(Value::is_array) => Ok(Self(catalog)),
            _ => {
                let detail = format!("discovery gave {} bytes that are no catalog", text.len());
                Err(SystemError::new(SystemErrorKind::Malformed, detail)
                    .with_hint("the tap did not list its streams when it was asked to"))
            }
        }
    }

    /// The streams by the names that a wish takes.
    pub(super) fn names(&self) -> Vec<String> {
        self.streams().iter().filter_map(|entry| names(entry).next().map(str::to_owned)).collect()
    }

    fn streams(&self) -> &[Value] {
        self.0.get("streams").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// The same with one stream selected, whole, and the others not; and all names of that stream.
    ///
    /// # Errors
    /// `NotFound` when there is no such stream, `Misconfigured` when it has no such field to go by.
    pub(super) fn select(mut self, wish: &Wish<'_>) -> Result<(Value, Vec<String>), SystemError> {
        let is_wished = |entry: &Value| names(entry).any(|name| name == wish.stream);
        let Some(wished) = self.streams().iter().position(is_wished) else {
            return Err(self.no_stream(wish));
        };
        let entry = &self.streams()[wished];
        let known: Vec<String> = names(entry).map(str::to_owned).collect();
        if let (Some(key), Some(fields)) =
            (wish.key, entry.pointer("/schema/properties").and_then(Value::as_object))
            && !fields.contains_key(key)
        {
            let detail = format!("the stream {} has no field {key}", wish.stream);
            return Err(SystemError::new(SystemErrorKind::Misconfigured, detail)
                .with_hint("the tap's stream has no field of the name of `cursorField`"));
        }
        let streams = self.0.get_mut("streams").and_then(Value::as_array_mut);
        for (place, entry) in streams.into_iter().flatten().enumerate() {
            mark(entry, (place == wished).then_some(wish));
        }
        Ok((self.0, known))
    }

    fn no_stream(&self, wish: &Wish<'_>) -> SystemError {
        let mut named = self.names();
        let more = named.len().saturating_sub(NAMED_MAX);
        named.truncate(NAMED_MAX);
        let has = match (named.is_empty(), more) {
            (true, _) => "it has none".to_owned(),
            (false, 0) => format!("it has {}", named.join(", ")),
            (false, more) => format!("it has {} and {more} more", named.join(", ")),
        };
        let detail = format!("the tap has no stream {}", wish.stream);
        SystemError::new(SystemErrorKind::NotFound, detail)
            .with_hint(format!("the tap has no stream `{}`; {has}", wish.stream))
    }
}

/// The id is unique; the name is what stands in messages.
fn names(entry: &Value) -> impl Iterator<Item = &str> {
    ["tap_stream_id", "stream", "stream_name"].into_iter().filter_map(|key| entry.get(key)?.as_str())
}

/// Says in the metadata of a stream, and where older taps look, whether and how it is read.
fn mark(entry: &mut Value, wish: Option<&Wish<'_>>) {
    let Some(fields) = entry.as_object_mut() else { return };
    let is_selected = wish.is_some();
    if let Some(schema) = fields.get_mut("schema").and_then(Value::as_object_mut) {
        schema.insert("selected".to_owned(), json!(is_selected));
    }
    if let Some(wish) = wish {
        fields.insert("replication_method".to_owned(), json!(wish.method));
        if let Some(key) = wish.key {
            fields.insert("replication_key".to_owned(), json!(key));
        }
    }
    let metadata = fields.entry("metadata").or_insert_with(|| json!([]));
    let Some(metadata) = metadata.as_array_mut() else { return };
    if !metadata.iter().any(is_of_stream) {
        metadata.push(json!({"breadcrumb": [], "metadata": {}}));
    }
    for part in metadata {
        let is_of_stream = is_of_stream(part);
        let Some(said) = part.get_mut("metadata").and_then(Value::as_object_mut) else { continue };
        if !is_of_stream {
            let can_be = said.get("inclusion").and_then(Value::as_str) != Some("unsupported");
            said.insert("selected".to_owned(), json!(is_selected && can_be));
            continue;
        }
        said.insert("selected".to_owned(), json!(is_selected));
        if let Some(wish) = wish {
            said.insert("replication-method".to_owned(), json!(wish.method));
            if let Some(key) = wish.key {
                said.insert("replication-key".to_owned(), json!(key));
            }
        }
    }
}

fn is_of_stream(part: &Value) -> bool {
    part.get("breadcrumb").and_then(Value::as_array).is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::{Catalog, Wish};
    use crate::SystemErrorKind;

    fn catalog() -> Catalog {
        let text = json!({"streams": [
            {
                "tap_stream_id": "public-orders", "stream": "orders",
                "schema": {"properties": {"id": {}, "at": {}, "odd": {}}},
                "metadata": [
                    {"breadcrumb": [], "metadata": {"table-key-properties": ["id"], "selected": false}},
                    {"breadcrumb": ["properties", "id"], "metadata": {"inclusion": "automatic"}},
                    {"breadcrumb": ["properties", "at"], "metadata": {"inclusion": "available"}},
                    {"breadcrumb": ["properties", "odd"], "metadata": {"inclusion": "unsupported"}},
                ],
            },
            {"tap_stream_id": "people", "schema": {"selected": true}},
        ]});
        Catalog::parse(text.to_string().as_bytes()).unwrap()
    }

    fn wish(stream: &str) -> Wish<'_> {
        Wish { stream, method: "INCREMENTAL", key: Some("at") }
    }

    #[test]
    fn one_stream_is_selected_whole_and_the_others_are_not() {
        assert_eq!(catalog().names(), ["public-orders", "people"]);
        for name in ["orders", "public-orders"] {
            let (selected, names) = catalog().select(&wish(name)).unwrap();
            assert_eq!(names, ["public-orders", "orders"]);
            let of = |place: usize| {
                selected.pointer(&format!("/streams/0/metadata/{place}/metadata/selected")).cloned()
            };
            assert_eq!(
                [of(0), of(1), of(2), of(3)],
                [true, true, true, false].map(|is| Some(Value::from(is)))
            );
            let stream = &selected["streams"][0]["metadata"][0]["metadata"];
            assert_eq!(
                (&stream["replication-method"], &stream["replication-key"]),
                (&json!("INCREMENTAL"), &json!("at"))
            );
            let other = &selected["streams"][1];
            assert_eq!(other["schema"]["selected"], json!(false));
            assert_eq!(other["metadata"], json!([{"breadcrumb": [], "metadata": {"selected": false}}]));
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = catalog().select(&wish("sales")).unwrap_err();
        assert_eq!(error.kind, SystemErrorKind::NotFound);
        assert_eq!(error.hint.unwrap(), "the tap has no stream `sales`; it has public-orders, people");
        let no_key = Wish { key: Some("updated"), ..wish("orders") };
        assert_eq!(catalog().select(&no_key).unwrap_err().kind, SystemErrorKind::Misconfigured);
        for text in ["", "[]", "{}", "{\"streams\": {}}", "usage: tap"] {
            assert_eq!(
                Catalog::parse(text.as_bytes()).err().unwrap().kind,
                SystemErrorKind::Malformed,
                "{text}"
            );
        }
    }
}
