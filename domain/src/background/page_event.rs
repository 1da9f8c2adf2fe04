//! What the timeline of a run tells of a page. Deliberately absent: storing it, which accounting does (`account`).

use entity::run_event::Audience;
use entity::run_slice;
use pipeline::{AccountedPage, RECORD_QUARANTINED, RecordFailure, Stage};
use serde_json::json;

use super::failed::clean;
use crate::run_event::NewEvent;
use crate::words;

/// Rejected records of a page that get an event each; the others share one.
const REJECTED_EVENTS_MAX: usize = 20;

/// What of a page is told in the run's timeline; of a slice's with the slice.
pub(super) fn page_events(page: &AccountedPage, slice: Option<&run_slice::Model>) -> Vec<NewEvent> {
    let counts = page.counts;
    let written = counts.created + counts.updated + counts.unchanged;
    let mut events = Vec::with_capacity(3 + page.failures.len().min(REJECTED_EVENTS_MAX + 1));
    events.push(
        NewEvent::new("source.page_read", "source", format!("{} records read.", counts.read))
            .audience(Audience::Support)
            .attributes(json!({
                "stream": page.stream, "page": page.page_number, "records": counts.read,
                "bytes": page.size_bytes, "durationMs": page.read_ms,
            })),
    );
    let (kept, rejected): (Vec<_>, Vec<_>) =
        page.failures.iter().partition(|failed| failed.code == RECORD_QUARANTINED);
    events.extend(rejected_events(&page.stream, rejected));
    if !kept.is_empty() {
        let message = format!("{} records are kept in quarantine and not written.", kept.len());
        let event = NewEvent::new("batch.quarantined", "quality", message);
        events.push(
            event.attributes(
                json!({ "stream": page.stream, "page": page.page_number, "records": kept.len() }),
            ),
        );
    }
    events.push(
        NewEvent::new("batch.written", "destination", format!("{written} records are at the destination."))
            .audience(Audience::Support)
            .attributes(json!({
                "stream": page.stream, "page": page.page_number, "created": counts.created,
                "updated": counts.updated, "unchanged": counts.unchanged, "durationMs": page.write_ms,
            })),
    );
    if page.checkpoint.is_some() {
        events.push(
            NewEvent::new("checkpoint.saved", "worker", format!("Page {} is done.", page.page_number))
                .audience(Audience::Engineer)
                .attributes(json!({ "stream": page.stream, "page": page.page_number })),
        );
    }
    match slice {
        Some(slice) => {
            events.into_iter().map(|event| event.attribute("slice", json!(slice.ordinal))).collect()
        }
        None => events,
    }
}

/// The records of it that did not arrive: so many one by one, and the others together.
pub(super) fn rejected_events<'a>(
    stream: &str,
    rejected: impl IntoIterator<Item = &'a RecordFailure>,
) -> Vec<NewEvent> {
    let mut rejected = rejected.into_iter();
    let mut events = Vec::new();
    for failed in rejected.by_ref().take(REJECTED_EVENTS_MAX) {
        let component = match failed.stage {
            Stage::Extract => "source",
            Stage::Map => "mapping",
            Stage::Validate => "quality",
            Stage::Load => "destination",
            Stage::Platform => "worker",
        };
        let reference = failed.key.as_ref().map(|key| clean(key.reference(), 500));
        let subject = match (&reference, &failed.position) {
            (Some(reference), _) => format!("Record {reference}"),
            (None, Some(position)) => format!("The record at {}", clean(position, 200)),
            (None, None) => "A record".to_owned(),
        };
        let message = words::shipped_english().happened(&failed.code, &subject);
        events.push(
            NewEvent::new("record.rejected", component, message)
                .reference(reference)
                .attributes(json!({ "stream": stream, "code": failed.code })),
        );
    }
    let more = rejected.count();
    if more > 0 {
        events.push(
            NewEvent::new(
                "record.rejected",
                "worker",
                format!("{more} more records of this page did not arrive."),
            )
            .attributes(json!({ "stream": stream, "records": more })),
        );
    }
    events
}
