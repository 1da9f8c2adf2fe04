//! Reads what has come, in the order in which it came. A run reads what was there when it began; what comes meanwhile is
//! another run's, so that each one ends.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::selection::Selection;
use crate::{Arrived, Cursor, Inbox, OpenSource, Page, Source, SystemError, SystemErrorKind, options};

/// Events that are had at once.
const EVENTS_MAX: usize = 500;
/// Their bodies, in bytes: what a page holds in memory before it is made records of.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Checkpoint {
    /// The last event that was read to its end.
    after: i64,
    /// Items that were read of the one behind it.
    skip: usize,
    /// The last event of the run.
    until: i64,
}

/// An open inbox.
pub(super) struct InboxSource {
    inbox: Arc<dyn Inbox>,
    selection: Selection,
    at: Checkpoint,
    /// Events from before are left out.
    not_before: Option<DateTime<Utc>>,
    /// What was had and not read yet.
    waiting: VecDeque<Arrived>,
    page_records_max: usize,
}

impl InboxSource {
    pub(super) async fn open(open: OpenSource) -> Result<Self, SystemError> {
        let selection = options::decode("source options", &open.options)?;
        let inbox = open.access.inbox.ok_or_else(|| {
            SystemError::new(SystemErrorKind::Misconfigured, "the system receives nothing")
                .with_hint("the system sends and does not receive; its config has no `receive`")
        })?;
        if open.only.is_some() {
            return Err(SystemError::new(SystemErrorKind::Misconfigured, "an inbox has no ranges"));
        }
        let (after, not_before) = match (&open.since, &open.from) {
            (Some(since), _) => (position(since).ok_or_else(|| foreign("watermark"))?, None),
            (None, Some(from)) => beginning(from)?,
            (None, None) => (0, None),
        };
        let at = match open.resume {
            Some(resume) => Checkpoint::deserialize(resume).map_err(|_other| foreign("checkpoint"))?,
            None => Checkpoint { after, skip: 0, until: inbox.last().await?.max(after) },
        };
        Ok(Self {
            inbox,
            selection,
            at,
            not_before,
            waiting: VecDeque::new(),
            page_records_max: open.page_records_max.max(1),
        })
    }
}

#[async_trait]
impl Source for InboxSource {
    async fn next_page(&mut self) -> Result<Option<Page>, SystemError> {
        if self.at.after >= self.at.until {
            return Ok(None);
        }
        let mut page = Page { items: Vec::new(), checkpoint: Value::Null, size_bytes: 0 };
        loop {
            if self.waiting.is_empty() {
                // A page of what is there, and not of all that comes: its bytes are bounded.
                if !page.items.is_empty() {
                    break;
                }
                let Checkpoint { after, until, .. } = self.at;
                self.waiting = self.inbox.after(after, until, EVENTS_MAX, BYTES_MAX).await?.into();
            }
            let Some(event) = self.waiting.front() else {
                // What was in between is not kept any more.
                self.at = Checkpoint { after: self.at.until, skip: 0, ..self.at };
                break;
            };
            let is_wanted = self.not_before.is_none_or(|time| event.received_at >= time);
            let room = self.page_records_max - page.items.len();
            if self.at.skip == 0 {
                page.size_bytes += event.body.len() as u64;
            }
            let is_read = match is_wanted {
                true => self.selection.items(event, self.at.skip, room, &mut page.items),
                false => true,
            };
            if !is_read {
                self.at.skip += room;
                break;
            }
            self.at = Checkpoint { after: event.sequence, skip: 0, ..self.at };
            self.waiting.pop_front();
            if page.items.len() == self.page_records_max || self.at.after >= self.at.until {
                break;
            }
        }
        page.checkpoint = json!(self.at);
        Ok(Some(page))
    }

    fn watermark(&self) -> Option<Cursor> {
        Some(json!({ "sequence": self.at.after }))
    }
}

/// The last event that a watermark is behind.
pub(super) fn position(watermark: &Cursor) -> Option<i64> {
    watermark.get("sequence")?.as_i64()
}

/// Where a person set that reading begins: at an event by its number, or at a time.
fn beginning(from: &Value) -> Result<(i64, Option<DateTime<Utc>>), SystemError> {
    let unknown = || {
        SystemError::new(SystemErrorKind::Misconfigured, "the beginning is no number and no time").with_hint(
            "the cursor must be set to the number of an event, or to a time like 2026-11-26T09:00:00Z",
        )
    };
    match from {
        Value::Number(number) => {
            let number = number.as_i64().filter(|number| *number >= 1).ok_or_else(unknown)?;
            Ok((number - 1, None))
        }
        Value::String(text) => {
            let time = DateTime::parse_from_rfc3339(text).map_err(|_not_a_time| unknown())?;
            Ok((0, Some(time.with_timezone(&Utc))))
        }
        _ => Err(unknown()),
    }
}

fn foreign(what: &str) -> SystemError {
    SystemError::new(SystemErrorKind::Internal, format!("the {what} is not of an inbox"))
}
