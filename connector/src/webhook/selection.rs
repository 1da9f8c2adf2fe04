//! Which events a stream takes, by its `source` options, and the records in one.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::http::document::{RAW_BYTES_MAX, elements, item, point};
use crate::{Arrived, Item, Malformed};

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

    /// Puts records of an event into `page`, in their order, at most `room` of those behind the first `skip`; what can't be
    /// read as such is one of its own. False when it has more.
    pub(super) fn items(&self, event: &Arrived, skip: usize, room: usize, page: &mut Vec<Item>) -> bool {
        if !self.takes(event.event_type.as_deref()) {
            return true;
        }
        let found = std::str::from_utf8(&event.body).map_err(|_not_utf8| "it is not text");
        let found = found.and_then(|text| {
            let text = text.trim_start_matches('\u{feff}').trim();
            let root: &RawValue = serde_json::from_str(text)
                .map_err(|_error| if text.is_empty() { "it is empty, not JSON" } else { "it is not JSON" })?;
            point(root, &self.record_pointer).ok_or("it has nothing at `recordPointer`")
        });
        let name = match &event.event_id {
            Some(id) => format!("event {id}"),
            None => format!("event number {}", event.sequence),
        };
        let found = match found {
            Ok(found) => found,
            Err(reason) => {
                let raw = &event.body[..event.body.len().min(RAW_BYTES_MAX)];
                let raw = Some(String::from_utf8_lossy(raw).into_owned());
                page.push(Item::Malformed(Malformed { position: name, reason: reason.to_owned(), raw }));
                return true;
            }
        };
        let Some(list) = elements(found) else {
            page.push(self.item(event, name, found.get()));
            return true;
        };
        let here = list.iter().enumerate().skip(skip).take(room);
        page.extend(
            here.map(|(index, element)| {
                self.item(event, format!("{name}, item {}", index + 1), element.get())
            }),
        );
        list.len() <= skip.saturating_add(room)
    }

    fn item(&self, event: &Arrived, position: String, text: &str) -> Item {
        let mut item = item(text, position);
        if let (Item::Record(record), Some(field)) = (&mut item, &self.event_field) {
            let about = json!({
                "id": event.event_id, "type": event.event_type,
                "receivedAt": event.received_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            });
            record.insert(field.clone(), about);
        }
        item
    }
}
