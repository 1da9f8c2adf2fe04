//! Reads a stream of a tap, in pages that end where the tap says that it could go on. Deliberately absent: going on inside of
//! what lies between two STATEs; a tap that is started again gives all of it once more.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::catalog::Wish;
use super::config::Selection;
use super::message::Message;
use super::process::{Running, Tap, note_lost};
use crate::{
    Cursor, Item, Malformed, OpenSource, Page, Source, SyncMode, SystemError, SystemErrorKind, options,
};

/// Size of a page, in bytes of lines; one more line may come on top. As of the other sources.
const PAGE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How long a page that has something waits for more: what has come is to arrive, and to be gone on behind.
const PAGE_WAIT: Duration = Duration::from_secs(10);
/// How often a config that a tap may have rewritten is looked at, while nothing else comes: what it has renewed is lost when the
/// run is stopped before that.
const CONFIG_INTERVAL: Duration = Duration::from_secs(2);
/// How long a full page waits for the STATE that taps write behind what they have written.
const STATE_WAIT: Duration = Duration::from_millis(500);
/// Other streams that are named.
const OTHERS_MAX: usize = 20;
/// Kept of a line that is no record, in bytes.
const RAW_BYTES_MAX: usize = 2 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    stream: String,
    replication_method: Option<String>,
}

/// Where reading goes on. Stored as the page's checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    /// What the tap said last before the end of the page, or was given.
    state: Option<Value>,
    /// All that taps of this run have written so far, in bytes.
    output_bytes: u64,
}

/// An open stream of a tap.
pub(super) struct TapSource {
    tap: Tap,
    /// `None` after its end.
    running: Option<Running>,
    /// All names that messages may call it by.
    names: Vec<String>,
    page_records_max: usize,
    is_incremental: bool,
    position: Position,
    /// Written by taps of this run before this one.
    output_bytes_before: u64,
    /// A record that belongs to the next page.
    held: Option<(Item, u64)>,
    /// Lines so far, for people.
    lines: u64,
    /// It has said that records of the stream come, or did so before.
    is_announced: bool,
    /// Other streams that it speaks of, and how many of their records were left out.
    others: Vec<String>,
    left_out: u64,
    /// What it ended with, behind its last page.
    error: Option<SystemError>,
}

impl TapSource {
    /// Finds the stream in the tap's catalog, and starts the tap.
    pub(super) async fn open(mut tap: Tap, open: OpenSource) -> Result<Self, SystemError> {
        let options: Options = options::decode("source options", &open.options)?;
        check_bounds(&open)?;
        let is_incremental = open.stream.mode == SyncMode::Incremental;
        let since = open.since.filter(|_| is_incremental).map(state_of).transpose()?.flatten();
        let position: Position = match open.resume {
            None => Position { state: since, output_bytes: 0 },
            Some(checkpoint) => serde_json::from_value(checkpoint).map_err(unreadable)?,
        };
        let method = options.replication_method.as_deref();
        let method = method.unwrap_or(if is_incremental { "INCREMENTAL" } else { "FULL_TABLE" });
        let key = open.stream.cursor_field.as_deref().filter(|_| method == "INCREMENTAL");
        let wish = Wish { stream: &options.stream, method, key };
        let mut files = Vec::new();
        let names = match tap.selection {
            Selection::None => vec![options.stream.clone()],
            Selection::Catalog | Selection::Properties => {
                let (catalog, names) = tap.discover().await?.select(&wish)?;
                let flag = if tap.selection == Selection::Catalog { "catalog" } else { "properties" };
                files.push((flag, catalog.to_string()));
                names
            }
        };
        // One that was read before may have nothing to say.
        let is_announced = position.state.is_some();
        if let Some(state) = &position.state {
            files.push(("state", state.to_string()));
        }
        let running = tap.start(files, &[], tap.options().limits.time).await?;
        Ok(Self {
            tap,
            running: Some(running),
            names,
            page_records_max: open.page_records_max.max(1),
            is_incremental,
            output_bytes_before: position.output_bytes,
            position,
            held: None,
            lines: 0,
            is_announced,
            others: Vec::new(),
            left_out: 0,
            error: None,
        })
    }

    /// The next record or thing in its place, with its size; STATEs on the way are noted, and end it when `stops_at_state`.
    /// May be given up and called again.
    async fn item(&mut self, stops_at_state: bool) -> Result<Step, SystemError> {
        loop {
            let Some(running) = &mut self.running else { return Ok(Step::End) };
            if !running.next().await? {
                return Ok(Step::End);
            }
            self.lines += 1;
            self.position.output_bytes = self.output_bytes_before + running.bytes();
            if self.position.output_bytes > self.tap.options().limits.output_bytes {
                let detail =
                    format!("it has written more than {} bytes", self.tap.options().limits.output_bytes);
                return Err(SystemError::new(SystemErrorKind::Malformed, detail)
                    .with_hint("the tap does not stop writing"));
            }
            let line = running.line();
            let size_bytes = line.len() as u64;
            match Message::parse(line) {
                Ok(Message::Record { stream, record }) if self.names.contains(&stream) => {
                    self.is_announced = true;
                    return Ok(Step::Item(Item::Record(record), size_bytes));
                }
                Ok(Message::Record { stream, .. }) => {
                    self.left_out += 1;
                    self.note_other(stream);
                }
                Ok(Message::Schema { stream }) if self.names.contains(&stream) => self.is_announced = true,
                Ok(Message::Schema { stream }) => self.note_other(stream),
                Ok(Message::NoRecord(reason)) => {
                    let raw = String::from_utf8_lossy(&line[..line.len().min(RAW_BYTES_MAX)]).into_owned();
                    let position = format!("line {} of the tap's output", self.lines);
                    let item = Item::Malformed(Malformed { position, reason, raw: Some(raw) });
                    return Ok(Step::Item(item, size_bytes));
                }
                Ok(Message::State(state)) => {
                    self.position.state = Some(state);
                    if stops_at_state {
                        return Ok(Step::State);
                    }
                }
                Ok(Message::Other) => {}
                Err(reason) => return Err(not_singer(self.lines, &reason)),
            }
        }
    }

    fn note_other(&mut self, stream: String) {
        if !self.others.contains(&stream) && self.others.len() < OTHERS_MAX {
            self.others.push(stream);
        }
    }

    /// A tap may be ended at any time, and what it has renewed by then may be the only thing that still counts.
    async fn keep_config(&mut self) -> Result<(), SystemError> {
        match &mut self.running {
            Some(running) => running.take_back(&mut self.tap).await,
            None => Ok(()),
        }
    }

    /// Waits for the tap's end, behind its output.
    async fn end(&mut self) -> Result<(), SystemError> {
        let Some(running) = self.running.take() else { return Ok(()) };
        running.end(&mut self.tap).await?;
        if self.left_out > 0 {
            tracing::warn!(
                tap = self.tap.name(),
                records = self.left_out,
                streams = self.others.join(", "),
                "a tap gave records of streams that it was not asked for; they were left out"
            );
        }
        if self.is_announced {
            return Ok(());
        }
        let has = if self.others.is_empty() { "none".to_owned() } else { self.others.join(", ") };
        let detail = format!("it ended well without a word of the stream; it spoke of {has}");
        let hint = format!("the tap gave nothing of the stream; it spoke of: {has}");
        Err(SystemError::new(SystemErrorKind::Misconfigured, detail).with_hint(hint))
    }
}

/// What came next.
enum Step {
    Item(Item, u64),
    State,
    End,
}

#[async_trait]
impl Source for TapSource {
    async fn next_page(&mut self) -> Result<Option<Page>, SystemError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let mut items = Vec::new();
        let mut size_bytes = 0;
        let mut until: Option<Instant> = None;
        if let Some((item, size)) = self.held.take() {
            items.push(item);
            size_bytes += size;
            until = Some(Instant::now() + PAGE_WAIT);
        }
        loop {
            let is_full = items.len() >= self.page_records_max || size_bytes >= PAGE_BYTES_MAX;
            // Half a page that can be gone on behind is better than a whole one that can't.
            let may_stop = items.len() * 2 >= self.page_records_max || size_bytes * 2 >= PAGE_BYTES_MAX;
            let next = match (is_full, until) {
                (true, _) => timeout_at(Instant::now() + STATE_WAIT, self.item(true)).await,
                (false, Some(until)) => timeout_at(until, self.item(may_stop)).await,
                (false, None) => timeout_at(Instant::now() + CONFIG_INTERVAL, self.item(false)).await,
            };
            if next.is_err() && items.is_empty() {
                self.keep_config().await?;
                continue;
            }
            match next {
                Ok(Ok(Step::Item(item, size))) if is_full => {
                    self.held = Some((item, size));
                    break;
                }
                Ok(Ok(Step::Item(item, size))) => {
                    items.push(item);
                    size_bytes += size;
                    until = until.or_else(|| Some(Instant::now() + PAGE_WAIT));
                }
                Ok(Ok(Step::State)) | Err(_) => break,
                Ok(Ok(Step::End)) => {
                    let ended = self.end().await;
                    if items.is_empty() {
                        ended?;
                        return Ok(None);
                    }
                    self.error = ended.err();
                    break;
                }
                // What came before it is whole.
                Ok(Err(error)) if !items.is_empty() => {
                    self.error = Some(error);
                    break;
                }
                Ok(Err(error)) => {
                    let kept = self.keep_config().await;
                    note_lost(self.tap.name(), kept);
                    return Err(error);
                }
            }
        }
        self.keep_config().await?;
        Ok(Some(Page { items, checkpoint: json!(self.position), size_bytes }))
    }

    fn watermark(&self) -> Option<Cursor> {
        if !self.is_incremental {
            return None;
        }
        self.position.state.as_ref().map(|state| json!({ "state": state }))
    }
}

/// Taps know their own places, and no others.
fn check_bounds(open: &OpenSource) -> Result<(), SystemError> {
    let hint = if open.only.is_some() {
        "a tap can't read a range; backfills are not possible with it"
    } else if open.from.is_some() {
        "a tap can't begin at a value; reset the cursor to the beginning"
    } else if open.overlap.is_some() {
        "a tap can't begin before where it was; take the stream's `overlap` away"
    } else {
        return Ok(());
    };
    Err(SystemError::new(SystemErrorKind::Misconfigured, hint).with_hint(hint))
}

fn state_of(watermark: Cursor) -> Result<Option<Value>, SystemError> {
    #[derive(Deserialize)]
    struct Watermark {
        state: Option<Value>,
    }
    serde_json::from_value(watermark).map(|watermark: Watermark| watermark.state).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> SystemError {
    SystemError::new(SystemErrorKind::Internal, format!("the checkpoint can't be read: {error}"))
}

fn not_singer(line: u64, reason: &str) -> SystemError {
    SystemError::new(SystemErrorKind::Malformed, format!("line {line} of its output: {reason}"))
        .with_hint(format!("line {line} of the tap's output is no message of Singer: {reason}"))
}
