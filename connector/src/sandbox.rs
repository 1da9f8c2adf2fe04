//! A deterministic source and destination for trying things out and for tests: the same options give the
//! same records and the same faults, always. Deliberately absent: any outside system, and any memory of
//! what was written; only counts of write calls are kept, for as long as a run lasts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::options::decode;
use crate::{
    Action, Connector, Cursor, Description, Destination, Example, Failure, FieldError, Gone, Guide, Item,
    OpenDestination, OpenSource, Page, Record, RecordError, RecordErrorKind, Removal, Source, SyncMode,
    SystemAccess, SystemError, SystemErrorKind, Write, WriteOutcome,
};

/// Of the first record, 2026-01-01T00:00:00Z in Unix seconds; each next one is a second newer.
const FIRST_UPDATED_AT_SECONDS: i64 = 1_767_225_600;
/// Runs whose write calls are counted at once; beyond it the counts begin anew. 16 bytes and 8 a run.
const COUNTED_RUNS_MAX: usize = 10_000;
/// How long a rate-limited call asks to wait. Short, so that a try-out does not take minutes.
const RETRY_AFTER: Duration = Duration::from_millis(50);
/// Rough JSON size of one record, in bytes.
const RECORD_BYTES: u64 = 130;
const CURRENCIES: [&str; 4] = ["EUR", "USD", "GBP", "CHF"];

/// The `sandbox` connector.
pub(crate) struct SandboxConnector {
    description: Description,
    calls: Arc<WriteCalls>,
}

/// Write calls so far, by run: what `unavailableFirst` and `rateLimitEvery` count.
#[derive(Default)]
struct WriteCalls(Mutex<HashMap<Uuid, u64>>);

impl WriteCalls {
    /// The number of this call in its run, from 1.
    fn next(&self, run: Uuid) -> u64 {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() >= COUNTED_RUNS_MAX && !calls.contains_key(&run) {
            calls.clear();
        }
        let count = calls.entry(run).or_insert(0);
        *count += 1;
        *count
    }

    fn forget(&self, run: Uuid) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { seed: 1 }
    }
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SourceOptions {
    records: u64,
    invalid_every: u64,
    duplicate_every: u64,
    fail_after: u64,
    delay_ms: u64,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self { records: 1000, invalid_every: 0, duplicate_every: 0, fail_after: 0, delay_ms: 0 }
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DestinationOptions {
    reject_every: u64,
    unavailable_first: u64,
    rate_limit_every: u64,
    delay_ms: u64,
}

impl SandboxConnector {
    pub(crate) fn new() -> Self {
        let count = |title: &str, description: &str, default: u64, maximum: u64| {
            json!({
                "type": "integer", "title": title, "description": description,
                "default": default, "minimum": 0, "maximum": maximum,
            })
        };
        let every = |title: &str, description: &str| count(title, description, 0, 1_000_000_000);
        let delay =
            |what: &str| count("Delay", &format!("Milliseconds to wait before each {what}."), 0, 60_000);
        let object = |properties: Value| {
            json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object", "properties": properties, "additionalProperties": false,
            })
        };
        Self {
            calls: Arc::default(),
            description: Description {
                name: "sandbox",
                title: "Sandbox",
                description: "Makes up records, and takes records without keeping them. The same options give \
                              the same records and the same faults each time.",
                config_schema: object(json!({
                    "seed": count("Seed", "Another seed gives other amounts and currencies.", 1, u64::from(u32::MAX)),
                })),
                credentials_schema: object(json!({})),
                credentials_go_to: &[],
                can_be_paced: false,
                source_schema: Some(object(json!({
                    "records": count("Records", "How many records there are.", 1000, 100_000_000),
                    "invalidEvery": every(
                        "Invalid every",
                        "Every n-th record has an email that is none (`not-an-email`) and a negative amount. 0: never.",
                    ),
                    "duplicateEvery": every(
                        "Duplicate every",
                        "Every n-th record has the id of the one before it. 0: never.",
                    ),
                    "failAfter": every(
                        "Fail after",
                        "After so many records the source is unavailable, until the option is changed. 0: never.",
                    ),
                    "delayMs": delay("page"),
                }))),
                destination_schema: Some(object(json!({
                    "rejectEvery": every(
                        "Reject every",
                        "Refuses records whose key's number can be divided by this, e.g. `SBX-000020` for 10. 0: none.",
                    ),
                    "unavailableFirst": every(
                        "Unavailable first",
                        "The first so many write calls of a run find the destination unavailable. 0: none.",
                    ),
                    "rateLimitEvery": every(
                        "Rate limit every",
                        "Every n-th write call of a run is asked to slow down. 0: none; 1: all, so nothing arrives.",
                    ),
                    "delayMs": delay("write call"),
                }))),
                guide: guide(),
            },
        }
    }
}

fn guide() -> Guide {
    Guide {
        example: Example {
            config: json!({"seed": 7}),
            source: Some(json!({"records": 500, "invalidEvery": 50})),
            destination: Some(json!({"rejectEvery": 100})),
            ..Example::default()
        },
        notes: &[
            "Records have `id`, `email`, `amount`, `currency` and `updatedAt`, which alone can be the cursor field.",
            "Nothing that is written is kept.",
        ],
        limits: &["100,000,000 records"],
        failures: &[
            Failure { code: "source.unavailable", when: "`failAfter` is reached" },
            Failure { code: "source.misconfigured", when: "the cursor field is not `updatedAt`" },
            Failure { code: "destination.unavailable", when: "`unavailableFirst` says so" },
            Failure { code: "destination.rate_limited", when: "`rateLimitEvery` says so" },
            Failure { code: "destination.rejected", when: "`rejectEvery` says so" },
        ],
    }
}

#[async_trait]
impl Connector for SandboxConnector {
    fn description(&self) -> &Description {
        &self.description
    }

    async fn test(&self, access: &SystemAccess) -> Result<String, SystemError> {
        let config: Config = decode("config", &access.config)?;
        Ok(format!("The sandbox is ready, with seed {}.", config.seed))
    }

    fn cursor_value(&self, watermark: &Cursor) -> Option<Value> {
        watermark.get("value").cloned()
    }

    async fn open_source(&self, open: OpenSource) -> Result<Box<dyn Source>, SystemError> {
        let config: Config = decode("config", &open.access.config)?;
        let options: SourceOptions = decode("source options", &open.options)?;
        let incremental = open.stream.mode == SyncMode::Incremental;
        if incremental && open.stream.cursor_field.as_deref() != Some("updatedAt") {
            return Err(SystemError::new(
                SystemErrorKind::Misconfigured,
                "the cursor field is not updatedAt",
            )
            .with_hint("the sandbox reads incrementally by `updatedAt` only"));
        }
        let since = if incremental { open.since.as_ref().and_then(|since| since.get("value")) } else { None };
        let since = since.and_then(Value::as_str).and_then(number_at);
        let first = match (&open.only, since, &open.from) {
            (Some(range), _, _) => first_at(&range.from)?,
            (None, Some(since), _) => match open.overlap {
                None => since + 1,
                // One record a second.
                Some(overlap) => since.saturating_sub(overlap).max(1),
            },
            (None, None, Some(from)) => first_at(from)?,
            (None, None, None) => 1,
        };
        let until = open.only.as_ref().and_then(|range| range.until.as_ref()).map(first_at).transpose()?;
        let resumed = open.resume.as_ref().and_then(|resume| resume.get("next")).and_then(Value::as_u64);
        Ok(Box::new(SandboxSource {
            seed: config.seed,
            options,
            incremental,
            next: resumed.unwrap_or(first),
            since,
            until: until.unwrap_or(u64::MAX),
            page_records_max: u64::try_from(open.page_records_max.max(1)).unwrap_or(u64::MAX),
        }))
    }

    fn can_remove(&self, _options: &Value, _removal: &Removal) -> bool {
        true
    }

    fn takes_parts(&self, _options: &Value, may_repeat_keys: bool) -> bool {
        !may_repeat_keys
    }

    async fn open_destination(&self, open: OpenDestination) -> Result<Box<dyn Destination>, SystemError> {
        Ok(Box::new(SandboxDestination {
            options: decode("destination options", &open.options)?,
            run: open.run,
            calls: Arc::clone(&self.calls),
        }))
    }
}

struct SandboxSource {
    seed: u64,
    options: SourceOptions,
    incremental: bool,
    /// Number of the next record, from 1.
    next: u64,
    /// Number of the last record of the run before.
    since: Option<u64>,
    /// Number of the first record that does not belong to the run.
    until: u64,
    page_records_max: u64,
}

impl SandboxSource {
    /// The n-th record, by the seed and nothing else.
    fn record(&self, number: u64) -> Record {
        let hit = |every: u64| every != 0 && number.is_multiple_of(every);
        let id = if hit(self.options.duplicate_every) && number > 1 { number - 1 } else { number };
        let hash = xxh3_64_with_seed(&number.to_le_bytes(), self.seed);
        let invalid = hit(self.options.invalid_every);
        let cents = u32::try_from(hash % 1_000_000).unwrap_or(0) + 1;
        let amount = f64::from(cents) / 100.0;
        let currency = usize::try_from((hash >> 32) % 4).unwrap_or(0);
        let mut record = Record::new();
        record.insert("id".to_owned(), Value::String(format!("SBX-{id:06}")));
        record.insert(
            "email".to_owned(),
            Value::String(if invalid {
                "not-an-email".to_owned()
            } else {
                format!("customer{id}@example.com")
            }),
        );
        record.insert("amount".to_owned(), json!(if invalid { -amount } else { amount }));
        record.insert("currency".to_owned(), json!(CURRENCIES[currency]));
        record.insert("updatedAt".to_owned(), Value::String(updated_at(number)));
        record
    }
}

#[async_trait]
impl Source for SandboxSource {
    async fn next_page(&mut self) -> Result<Option<Page>, SystemError> {
        let fails_at = if self.options.fail_after == 0 { u64::MAX } else { self.options.fail_after + 1 };
        if self.next > self.options.records || self.next >= self.until {
            return Ok(None);
        }
        if self.options.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.options.delay_ms)).await;
        }
        if self.next >= fails_at {
            return Err(SystemError::new(
                SystemErrorKind::Unavailable,
                format!("failAfter is {}: no record after it can be read", self.options.fail_after),
            ));
        }
        let end = self
            .next
            .saturating_add(self.page_records_max)
            .min(self.options.records + 1)
            .min(fails_at)
            .min(self.until);
        let items: Vec<Item> = (self.next..end).map(|number| Item::Record(self.record(number))).collect();
        let size_bytes = (end - self.next) * RECORD_BYTES;
        self.next = end;
        Ok(Some(Page { items, checkpoint: json!({"next": end}), size_bytes }))
    }

    fn watermark(&self) -> Option<Cursor> {
        if !self.incremental {
            return None;
        }
        let last = (self.next - 1).max(self.since.unwrap_or(0));
        (last > 0).then(|| json!({"value": updated_at(last)}))
    }
}

/// `updatedAt` of the n-th record.
fn updated_at(number: u64) -> String {
    let seconds = TimeDelta::seconds(i64::try_from(number - 1).unwrap_or(i64::MAX / 1_000_000));
    (DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(FIRST_UPDATED_AT_SECONDS) + seconds)
        .to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The number of the last record that is not newer than this `updatedAt`.
fn number_at(updated_at: &str) -> Option<u64> {
    let time = DateTime::parse_from_rfc3339(updated_at).ok()?;
    u64::try_from(time.timestamp() - FIRST_UPDATED_AT_SECONDS + 1).ok()
}

/// The number of the first record whose `updatedAt` is not before this time.
fn first_at(value: &Value) -> Result<u64, SystemError> {
    let hint = "the sandbox's cursor is a time like `2026-01-01T00:00:00Z`";
    let time = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let time = time.ok_or_else(|| SystemError::new(SystemErrorKind::Misconfigured, hint).with_hint(hint))?;
    let seconds = time.timestamp() + i64::from(time.timestamp_subsec_nanos() > 0) - FIRST_UPDATED_AT_SECONDS;
    Ok(u64::try_from(seconds).map_or(1, |seconds| seconds + 1))
}

struct SandboxDestination {
    options: DestinationOptions,
    run: Uuid,
    calls: Arc<WriteCalls>,
}

impl SandboxDestination {
    /// Waits as the options say, and fails as they say.
    async fn call(&self) -> Result<(), SystemError> {
        let call = self.calls.next(self.run);
        if self.options.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.options.delay_ms)).await;
        }
        if call <= self.options.unavailable_first {
            return Err(SystemError::new(
                SystemErrorKind::Unavailable,
                format!("call {call} of the first {} that fail", self.options.unavailable_first),
            ));
        }
        if self.options.rate_limit_every != 0 && call.is_multiple_of(self.options.rate_limit_every) {
            return Err(SystemError {
                retry_after: Some(RETRY_AFTER),
                ..SystemError::new(SystemErrorKind::RateLimited, format!("call {call} is rate limited"))
            });
        }
        Ok(())
    }

    /// Why a record with this key is refused.
    fn refusal(&self, canonical_key: &str) -> Option<RecordError> {
        self.rejects(canonical_key).then(|| RecordError {
            kind: RecordErrorKind::Rejected,
            field_errors: vec![FieldError {
                path: String::new(),
                rule: "sandbox".to_owned(),
                message: "the sandbox refuses this record".to_owned(),
            }],
            http_status: None,
            detail: format!("rejectEvery is {}", self.options.reject_every),
            exchange: None,
        })
    }

    fn rejects(&self, canonical_key: &str) -> bool {
        self.options.reject_every != 0 && key_number(canonical_key).is_multiple_of(self.options.reject_every)
    }
}

/// The number at the end of a key; a stable hash of it when it ends in none.
fn key_number(canonical_key: &str) -> u64 {
    let digits = canonical_key.len() - canonical_key.trim_end_matches(|end: char| end.is_ascii_digit()).len();
    canonical_key[canonical_key.len() - digits..]
        .parse()
        .unwrap_or_else(|_| xxh3_64_with_seed(canonical_key.as_bytes(), 0))
}

#[async_trait]
impl Destination for SandboxDestination {
    async fn write(&mut self, batch: &[Write]) -> Result<Vec<WriteOutcome>, SystemError> {
        self.call().await?;
        let outcome = |write: &Write| match self.refusal(write.key.canonical()) {
            Some(error) => WriteOutcome::Failed(error),
            None => {
                let action = if write.known { Action::Updated } else { Action::Created };
                WriteOutcome::Written { action, destination_key: None }
            }
        };
        Ok(batch.iter().map(outcome).collect())
    }

    async fn remove(
        &mut self,
        gone: &[Gone],
        _removal: &Removal,
    ) -> Result<Vec<Result<(), RecordError>>, SystemError> {
        self.call().await?;
        Ok(gone.iter().map(|gone| self.refusal(gone.key.canonical()).map_or(Ok(()), Err)).collect())
    }

    async fn finish(&mut self) -> Result<(), SystemError> {
        self.calls.forget(self.run);
        Ok(())
    }

    fn detects_unchanged(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::SandboxConnector;
    use crate::testing::{self, items_of, open_destination, open_source, read_all, records_of, write_of};
    use crate::{Action, Connector, CursorRange, RecordErrorKind, SyncMode, SystemErrorKind, WriteOutcome};

    #[tokio::test]
    async fn the_same_options_give_the_same_records() {
        let connector = SandboxConnector::new();
        let options = json!({"records": 25, "invalidEvery": 10, "duplicateEvery": 7});
        let open = open_source(options, &["id"], 10);
        let first = records_of(&read_all(&connector, open.clone()).await.unwrap().0);
        let second = records_of(&read_all(&connector, open).await.unwrap().0);
        assert_eq!(first, second);
        assert_eq!(first.len(), 25);
        assert_eq!(first[0]["id"], "SBX-000001");
        assert_eq!(first[0]["email"], "customer1@example.com");
        assert_eq!(first[0]["updatedAt"], "2026-01-01T00:00:00Z");
        assert_eq!(first[6]["id"], "SBX-000006", "the seventh repeats the sixth");
        assert_eq!(first[9]["email"], "not-an-email");
        assert!(first[9]["amount"].as_f64().unwrap() < 0.0);
        assert_eq!(first.iter().filter(|record| record["email"] == "not-an-email").count(), 2);
    }

    #[tokio::test]
    async fn reading_resumes_after_every_page() {
        let open = open_source(json!({"records": 23, "duplicateEvery": 5}), &["id"], 4);
        testing::resumes_everywhere(&SandboxConnector::new(), open).await;
    }

    #[tokio::test]
    async fn it_fails_after_so_many_records_and_again_when_resumed() {
        let connector = SandboxConnector::new();
        let mut open = open_source(json!({"records": 30, "failAfter": 15}), &["id"], 10);
        let mut source = connector.open_source(open.clone()).await.unwrap();
        assert_eq!(source.next_page().await.unwrap().unwrap().items.len(), 10);
        let page = source.next_page().await.unwrap().unwrap();
        assert_eq!(page.items.len(), 5);
        assert_eq!(source.next_page().await.unwrap_err().kind, SystemErrorKind::Unavailable);
        open.resume = Some(page.checkpoint);
        let mut source = connector.open_source(open.clone()).await.unwrap();
        assert_eq!(source.next_page().await.unwrap_err().kind, SystemErrorKind::Unavailable);
        open.options = json!({"records": 30});
        assert_eq!(items_of(&connector, open).await.len(), 15);
    }

    #[tokio::test]
    async fn incremental_reads_only_what_is_newer() {
        let connector = SandboxConnector::new();
        let mut open = open_source(json!({"records": 10}), &["id"], 4);
        open.stream.mode = SyncMode::Incremental;
        open.stream.cursor_field = Some("updatedAt".to_owned());
        let (items, watermark) = read_all(&connector, open.clone()).await.unwrap();
        assert_eq!(items.len(), 10);
        assert_eq!(watermark, Some(json!({"value": "2026-01-01T00:00:09Z"})));
        open.since = watermark.clone();
        let (items, again) = read_all(&connector, open.clone()).await.unwrap();
        assert_eq!((items.len(), again), (0, watermark));
        open.options = json!({"records": 12});
        let (items, _) = read_all(&connector, open).await.unwrap();
        let ids: Vec<Value> = records_of(&items).iter().map(|record| record["id"].clone()).collect();
        assert_eq!(ids, ["SBX-000011", "SBX-000012"]);
    }

    #[tokio::test]
    async fn a_run_begins_before_the_watermark_at_a_value_or_reads_a_range() {
        let connector = SandboxConnector::new();
        let mut open = open_source(json!({"records": 10}), &["id"], 4);
        open.stream.mode = SyncMode::Incremental;
        open.stream.cursor_field = Some("updatedAt".to_owned());
        open.overlap = Some(2);
        open.since = Some(json!({"value": "2026-01-01T00:00:07Z"}));
        let (items, watermark) = read_all(&connector, open.clone()).await.unwrap();
        assert_eq!((items.len(), watermark), (5, Some(json!({"value": "2026-01-01T00:00:09Z"}))));
        testing::resumes_everywhere(&connector, open.clone()).await;
        open.options = json!({"records": 7});
        let (items, watermark) = read_all(&connector, open.clone()).await.unwrap();
        assert_eq!((items.len(), &watermark), (2, &open.since), "it does not go back");

        open.options = json!({"records": 10});
        (open.since, open.overlap) = (None, None);
        open.from = Some(json!("2026-01-01T00:00:06.5Z"));
        assert_eq!(items_of(&connector, open.clone()).await.len(), 3);
        let range = |from: &str, until: &str| CursorRange { from: json!(from), until: Some(json!(until)) };
        open.only = Some(range("2025-12-31T00:00:00Z", "2026-01-01T00:00:03Z"));
        assert_eq!(items_of(&connector, open.clone()).await.len(), 3);
        open.only = Some(CursorRange { from: json!("2026-01-01T00:00:08Z"), until: None });
        assert_eq!(items_of(&connector, open.clone()).await.len(), 2);
        open.only = Some(CursorRange { from: json!(5), until: None });
        assert_eq!(connector.open_source(open).await.err().unwrap().kind, SystemErrorKind::Misconfigured);
    }

    #[tokio::test]
    async fn the_destination_rejects_by_key_and_answers_by_what_is_known() {
        let connector = SandboxConnector::new();
        let open = open_destination(json!({"rejectEvery": 2}), &["id"]);
        let mut destination = connector.open_destination(open).await.unwrap();
        let mut batch: Vec<_> =
            (1..=3).map(|number| write_of(json!({"id": format!("SBX-{number:06}")}), &["id"])).collect();
        batch[2].known = true;
        let outcomes = destination.write(&batch).await.unwrap();
        assert!(matches!(outcomes[0], WriteOutcome::Written { action: Action::Created, .. }));
        assert!(
            matches!(&outcomes[1], WriteOutcome::Failed(error) if error.kind == RecordErrorKind::Rejected)
        );
        assert!(matches!(outcomes[2], WriteOutcome::Written { action: Action::Updated, .. }));
    }

    #[tokio::test]
    async fn calls_are_counted_by_run_across_reopening() {
        let connector = SandboxConnector::new();
        let open = open_destination(json!({"unavailableFirst": 2, "rateLimitEvery": 4}), &["id"]);
        let batch = [write_of(json!({"id": "a"}), &["id"])];
        let mut kinds = Vec::new();
        let mut destination = connector.open_destination(open.clone()).await.unwrap();
        for _ in 0..5 {
            match destination.write(&batch).await {
                Ok(_) => kinds.push(None),
                Err(error) => {
                    kinds.push(Some(error.kind));
                    destination = connector.open_destination(open.clone()).await.unwrap();
                }
            }
        }
        let unavailable = Some(SystemErrorKind::Unavailable);
        assert_eq!(kinds, [unavailable, unavailable, None, Some(SystemErrorKind::RateLimited), None]);
        destination.finish().await.unwrap();
        let mut destination = connector.open_destination(open).await.unwrap();
        assert_eq!(destination.write(&batch).await.unwrap_err().kind, SystemErrorKind::Unavailable);
    }
}
