//! Which events a stream takes, by its `source` options, and the records in one.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::http::document::{elements, point};
use crate::{Arrived, Item, Malformed, exact_json};

/// Raw text kept of something that is not a record, in bytes.
const RAW_BYTES_MAX: usize = 2 * 1024;

/// `source` of a stream.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Selection {
    event_types: Option<Vec<String>>,
    #[serde(default)]
    record_pointer: String,
    event_field: Option<String>,
}

/// Whether a stream with these options takes events of a type. What can't be read takes all.
pub(super) fn selects(options: &Value, event_type: Option<&str>) -> bool {
    Selection::deserialize(options).unwrap_or_default().takes(event_type)
}

impl Selection {
    fn takes(&self, event_type: Option<&str>) -> bool {
        let Some(patterns) = &self.event_types else { return true };
        let Some(event_type) = event_type else { return false };
        patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => event_type.starts_with(start),
            None => pattern == event_type,
        })
    }

    /// The records of an event, in their order; what can't be read as such is one of its own.
    pub(super) fn items(&self, event: &Arrived) -> Vec<Item> {
        if !self.takes(event.event_type.as_deref()) {
            return Vec::new();
        }
        let whole = |reason: &str| vec![self.malformed(event, None, reason.to_owned(), &event.body)];
        let Ok(text) = std::str::from_utf8(&event.body) else { return whole("it is not text") };
        let text = text.trim_start_matches('\u{feff}').trim();
        let Ok(root) = serde_json::from_str::<&RawValue>(text) else {
            return whole(if text.is_empty() { "it is empty, not JSON" } else { "it is not JSON" });
        };
        let Some(found) = point(root, &self.record_pointer) else {
            return whole("it has nothing at `recordPointer`");
        };
        match elements(found) {
            Some(list) => {
                let items = list.into_iter().enumerate();
                items.map(|(index, element)| self.item(event, Some(index), element.get())).collect()
            }
            None => vec![self.item(event, None, found.get())],
        }
    }

    fn item(&self, event: &Arrived, index: Option<usize>, text: &str) -> Item {
        let reason = match exact_json::parse(text) {
            Ok(Value::Object(mut record)) => {
                if let Some(field) = &self.event_field {
                    let about = json!({
                        "id": event.event_id, "type": event.event_type,
                        "receivedAt": event.received_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
                    });
                    record.insert(field.clone(), about);
                }
                return Item::Record(record.into());
            }
            Ok(_) => "it is not an object".to_owned(),
            Err(reason) => reason,
        };
        self.malformed(event, index, reason, text.as_bytes())
    }

    fn malformed(&self, event: &Arrived, index: Option<usize>, reason: String, raw: &[u8]) -> Item {
        let name = match &event.event_id {
            Some(id) => format!("event {id}"),
            None => format!("event number {}", event.sequence),
        };
        let item = index.map(|index| format!(", item {}", index + 1)).unwrap_or_default();
        let raw = String::from_utf8_lossy(&raw[..raw.len().min(RAW_BYTES_MAX)]).into_owned();
        Item::Malformed(Malformed { position: format!("{name}{item}"), reason, raw: Some(raw) })
    }
}
