//! Writes records to an API, one request each, several in flight.
//! Deliberately absent: comparing with what is there (few APIs can tell); the engine's receipts do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Url};
use serde::Deserialize;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

use super::client::{Client, Reply, misconfigured, retry_after};
use super::refusal;
use crate::egress::Redirects;
use crate::{
    Action, Destination, Egress, Gone, OpenDestination, Record, RecordError, RecordErrorKind, RecordKey,
    Removal, SystemError, SystemErrorKind, Write, WriteOutcome, options,
};

/// Requests at once: enough to hide a round trip of 100 ms, few enough for any API.
const IN_FLIGHT_MAX: usize = 8;
/// Requests for one record, the first included.
const ATTEMPTS_MAX: u32 = 5;
/// Longest wait before the second attempt; doubles with each one.
const BACKOFF_BASE: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// What `Retry-After` may make one record wait.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
/// Records that fail one after the other, none arriving between them, before the API counts as down:
/// three full rounds in flight.
const EXHAUSTED_IN_A_ROW_MAX: usize = 3 * IN_FLIGHT_MAX;
/// Of a reply, in bytes: ids and refusals are short.
const REPLY_BYTES_MAX: usize = 1024 * 1024;
/// Longest id that a reply may give a record, in bytes; real ones are a tenth of it.
const DESTINATION_KEY_BYTES_MAX: usize = 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    path: String,
    #[serde(default)]
    method: WriteMethod,
    #[serde(default)]
    key_in_path: bool,
    #[serde(default = "default_idempotency_header")]
    idempotency_header: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "UPPERCASE")]
enum WriteMethod {
    #[default]
    Post,
    Put,
    Patch,
}

fn default_idempotency_header() -> String {
    "Idempotency-Key".to_owned()
}

/// An API that takes records.
pub(super) struct HttpDestination {
    client: Client,
    url: Url,
    method: Method,
    key_in_path: bool,
    idempotency_header: HeaderName,
    stream_name: String,
    /// Records in a row for which every attempt failed, over the batches.
    exhausted_in_a_row: AtomicUsize,
}

/// The answer for one record, or, when it is the API's fault, what that says of the API.
enum Sent<T> {
    Answered(T),
    Exhausted(SystemError),
}

impl HttpDestination {
    pub(super) fn open(egress: &Egress, open: OpenDestination) -> Result<Self, SystemError> {
        let client = Client::open(egress, &open.access, Redirects::None)?;
        let options: Options = options::decode("destination options", &open.options)?;
        let idempotency_header = HeaderName::try_from(options.idempotency_header.as_str()).map_err(|_| {
            misconfigured("idempotencyHeader").with_hint("idempotencyHeader is not a header name")
        })?;
        let url = client.join(&options.path)?;
        let method = match options.method {
            WriteMethod::Post => Method::POST,
            WriteMethod::Put => Method::PUT,
            WriteMethod::Patch => Method::PATCH,
        };
        Ok(Self {
            client,
            url,
            method,
            key_in_path: options.key_in_path,
            idempotency_header,
            stream_name: open.stream.name,
            exhausted_in_a_row: AtomicUsize::new(0),
        })
    }

    async fn send(&self, write: &Write) -> Result<Sent<WriteOutcome>, SystemError> {
        let Some(url) = self.record_url(&write.key) else {
            return Ok(Sent::Answered(WriteOutcome::Failed(no_path())));
        };
        let body = serde_json::to_vec(&write.record).map_err(|error| {
            SystemError::new(SystemErrorKind::Internal, format!("a record as JSON: {error}"))
        })?;
        let idempotency_key = self.idempotency_key(write, &body)?;
        let request = || {
            self.client
                .request(self.method.clone(), url.clone())
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .header(reqwest::header::ACCEPT, "application/json")
                .header(self.idempotency_header.clone(), idempotency_key.clone())
                .body(body.clone())
        };
        let reply = match self.insist(request).await? {
            Sent::Answered(reply) => reply,
            Sent::Exhausted(error) => return Ok(Sent::Exhausted(error)),
        };
        match reply.status.as_u16() {
            200..=299 => Ok(Sent::Answered(arrived(write, &reply))),
            404 | 410 if !self.key_in_path => Err(self.client.status_error(&reply)),
            _ => Ok(Sent::Answered(WriteOutcome::Failed(self.refused(&write.record, &reply)))),
        }
    }

    async fn send_removal(&self, gone: &Gone) -> Result<Sent<Result<(), RecordError>>, SystemError> {
        let Some(url) = self.record_url(&gone.key) else { return Ok(Sent::Answered(Err(no_path()))) };
        let reply = match self.insist(|| self.client.request(Method::DELETE, url.clone())).await? {
            Sent::Answered(reply) => reply,
            Sent::Exhausted(error) => return Ok(Sent::Exhausted(error)),
        };
        Ok(Sent::Answered(match reply.status.as_u16() {
            200..=299 | 404 | 410 => Ok(()),
            _ => Err(self.refused(&Record::default(), &reply)),
        }))
    }

    /// Sends a request until it is answered, or as often as it may be sent.
    ///
    /// # Errors
    /// An answer that says that no request of this kind will do.
    async fn insist(&self, request: impl Fn() -> RequestBuilder) -> Result<Sent<Reply>, SystemError> {
        let mut attempt = 1;
        loop {
            let error = match self.client.send(request(), REPLY_BYTES_MAX).await {
                Ok(reply) => match reply.status.as_u16() {
                    429 | 408 | 425 | 500..=599 => {
                        let mut error = self.client.status_error(&reply);
                        error.retry_after =
                            retry_after(&reply.headers, RETRY_AFTER_MAX).or(error.retry_after);
                        if error.kind == SystemErrorKind::Misconfigured {
                            error.kind = SystemErrorKind::Unavailable;
                        }
                        error
                    }
                    401 | 403 | 300..=399 => return Err(self.client.status_error(&reply)),
                    _ => return Ok(Sent::Answered(reply)),
                },
                Err(error) if error.kind.is_transient() => error,
                Err(error) => return Err(error),
            };
            if attempt == ATTEMPTS_MAX {
                return Ok(Sent::Exhausted(error));
            }
            let wait = error.retry_after.unwrap_or_else(|| backoff(attempt));
            tracing::debug!(
                attempt,
                wait_ms = wait.as_millis() as u64,
                "the API could not take a record; retrying"
            );
            self.client.rest(wait).await;
            attempt += 1;
        }
    }

    /// Several at once, answered in their order.
    ///
    /// # Errors
    /// When no record is at fault, but the API is down.
    async fn all<T>(
        &self,
        sends: Vec<impl Future<Output = Result<Sent<T>, SystemError>> + Send>,
        failed: impl Fn(RecordError) -> T,
    ) -> Result<Vec<T>, SystemError> {
        let mut outcomes = Vec::with_capacity(sends.len());
        let mut last_exhausted = None;
        let mut answered = 0_usize;
        let mut sent = stream::iter(sends).buffered(IN_FLIGHT_MAX);
        while let Some(result) = sent.next().await {
            match result? {
                Sent::Answered(outcome) => {
                    answered += 1;
                    self.exhausted_in_a_row.store(0, Ordering::Relaxed);
                    outcomes.push(outcome);
                }
                Sent::Exhausted(error) => {
                    let in_a_row = self.exhausted_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
                    // No reply at all, or nothing arrives any more: the API is down, not the record bad.
                    if (answered == 0
                        && error.http_status.is_none()
                        && error.kind == SystemErrorKind::Unavailable)
                        || in_a_row >= EXHAUSTED_IN_A_ROW_MAX
                    {
                        self.exhausted_in_a_row.store(0, Ordering::Relaxed);
                        return Err(error);
                    }
                    outcomes.push(failed(RecordError {
                        kind: match error.kind {
                            SystemErrorKind::RateLimited => RecordErrorKind::RateLimited,
                            SystemErrorKind::Timeout => RecordErrorKind::Timeout,
                            _ => RecordErrorKind::Unavailable,
                        },
                        field_errors: Vec::new(),
                        http_status: error.http_status,
                        detail: error.detail.clone(),
                    }));
                    last_exhausted = Some(error);
                }
            }
        }
        match last_exhausted {
            Some(error) if answered == 0 => Err(error),
            _ => Ok(outcomes),
        }
    }

    /// `None` when the key can't be a path segment: URLs drop `.` and `..`.
    fn record_url(&self, key: &RecordKey) -> Option<Url> {
        let mut url = self.url.clone();
        if self.key_in_path {
            let key = key.canonical();
            if matches!(key, "" | "." | "..") {
                return None;
            }
            url.path_segments_mut().ok()?.pop_if_empty().push(key);
        }
        Some(url)
    }

    /// The same for each attempt at one write, another when a value changed, or changed and changed back.
    fn idempotency_key(&self, write: &Write, body: &[u8]) -> Result<HeaderValue, SystemError> {
        let mut input =
            Vec::with_capacity(self.stream_name.len() + write.key.canonical().len() + body.len() + 2);
        input.extend_from_slice(self.stream_name.as_bytes());
        input.push(0);
        input.extend_from_slice(write.key.canonical().as_bytes());
        input.push(0);
        input.extend_from_slice(body);
        if write.revision != 0 {
            input.extend_from_slice(&write.revision.to_le_bytes());
        }
        HeaderValue::try_from(format!("{:032x}", xxh3_128(&input)))
            .map_err(|error| SystemError::new(SystemErrorKind::Internal, format!("idempotency key: {error}")))
    }

    fn refused(&self, record: &Record, reply: &Reply) -> RecordError {
        let conflict = reply.status == 409;
        RecordError {
            kind: if conflict { RecordErrorKind::Conflict } else { RecordErrorKind::Rejected },
            field_errors: if conflict { Vec::new() } else { refusal::field_errors(&reply.body, record) },
            http_status: Some(reply.status.as_u16()),
            detail: self.client.excerpt(reply),
        }
    }
}

#[async_trait]
impl Destination for HttpDestination {
    async fn write(&mut self, batch: &[Write]) -> Result<Vec<WriteOutcome>, SystemError> {
        let this: &Self = self;
        this.all(batch.iter().map(|write| this.send(write)).collect(), WriteOutcome::Failed).await
    }

    async fn remove(
        &mut self,
        gone: &[Gone],
        _removal: &Removal,
    ) -> Result<Vec<Result<(), RecordError>>, SystemError> {
        let this: &Self = self;
        this.all(gone.iter().map(|gone| this.send_removal(gone)).collect(), Err).await
    }

    async fn finish(&mut self) -> Result<(), SystemError> {
        Ok(())
    }

    fn detects_unchanged(&self) -> bool {
        false
    }
}

fn no_path() -> RecordError {
    RecordError {
        kind: RecordErrorKind::Rejected,
        field_errors: Vec::new(),
        http_status: None,
        detail: "the key can't stand in a URL's path".to_owned(),
    }
}

fn arrived(write: &Write, reply: &Reply) -> WriteOutcome {
    let created = reply.status == 201 || !write.known;
    let destination_key = if reply.is_cut {
        None
    } else {
        serde_json::from_slice::<Value>(&reply.body).ok().and_then(|body| match body.get("id") {
            Some(Value::String(id)) => Some(id.clone()),
            Some(Value::Number(id)) => Some(id.to_string()),
            _ => None,
        })
    };
    // What nobody could store or look for is no id.
    let destination_key =
        destination_key.filter(|id| id.len() <= DESTINATION_KEY_BYTES_MAX && !id.contains('\0'));
    WriteOutcome::Written { action: if created { Action::Created } else { Action::Updated }, destination_key }
}

/// Exponential with full jitter: a random part of 200 ms, 400 ms, … 5 s.
fn backoff(attempt: u32) -> Duration {
    let ceiling = BACKOFF_BASE.saturating_mul(1 << (attempt - 1).min(16)).min(BACKOFF_MAX);
    // The low bits of a version 7 UUID are random.
    let random = uuid::Uuid::now_v7().as_u128() as u32;
    ceiling.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
