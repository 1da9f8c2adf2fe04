//! Sends records to an API, several in flight, each as often as it takes, and tells a record that is refused from an API
//! that is down. Deliberately absent: what a request looks like, and what its answer means.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use reqwest::RequestBuilder;

use super::client::{Client, Reply, retry_after};
use super::refusal;
use crate::{Record, RecordError, RecordErrorKind, SystemError, SystemErrorKind};

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

/// One API that takes records.
pub(crate) struct Sender {
    pub(crate) client: Client,
    /// Records in a row for which every attempt failed, over the batches.
    exhausted_in_a_row: AtomicUsize,
}

/// The answer for one record, or, when it is the API's fault, what that says of the API.
pub(crate) enum Sent<T> {
    Answered(T),
    Exhausted(SystemError),
}

impl Sender {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, exhausted_in_a_row: AtomicUsize::new(0) }
    }

    /// Sends a request about these records until it is answered, or as often as it may be sent.
    ///
    /// # Errors
    /// An answer that says that no request of this kind will do.
    pub(crate) async fn insist(
        &self,
        about: &[&Record],
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Sent<Reply>, SystemError> {
        let mut attempt = 1;
        loop {
            let error = match self.client.send_about(about, request(), REPLY_BYTES_MAX).await {
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
            self.client.retries();
            attempt += 1;
        }
    }

    /// Several at once, answered in their order.
    ///
    /// # Errors
    /// When no record is at fault, but the API is down.
    pub(crate) async fn all<T>(
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
                        exchange: self.client.keep(|| error.exchange.clone()),
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

    /// What an API says of one record.
    pub(crate) fn refused(&self, record: &Record, reply: &Reply) -> RecordError {
        let conflict = reply.status == 409;
        RecordError {
            kind: if conflict { RecordErrorKind::Conflict } else { RecordErrorKind::Rejected },
            field_errors: if conflict { Vec::new() } else { refusal::field_errors(&reply.body, record) },
            http_status: Some(reply.status.as_u16()),
            detail: self.client.excerpt(reply),
            exchange: self.client.keep(|| reply.capture()),
        }
    }
}

/// Exponential with full jitter: a random part of 200 ms, 400 ms, … 5 s.
fn backoff(attempt: u32) -> Duration {
    let ceiling = BACKOFF_BASE.saturating_mul(1 << (attempt - 1).min(16)).min(BACKOFF_MAX);
    // The low bits of a version 7 UUID are random.
    let random = uuid::Uuid::now_v7().as_u128() as u32;
    ceiling.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
