//! What the transport counts, as Prometheus text. Labels are bounded: operation type and outcome, never a name.

use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use async_graphql::parser::types::OperationType;

use super::error::ErrorCode;

/// Upper bounds of the duration histogram, in milliseconds; the last bucket is unbounded.
const BUCKETS_MS: [u64; 11] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

const OPERATION_TYPES: [&str; 3] = ["query", "mutation", "subscription"];
const OUTCOMES: [&str; 5] = ["succeeded", "partial", "failed", "refused", "rate_limited"];

/// How a GraphQL request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// No errors.
    Succeeded,
    /// Errors and data.
    Partial,
    /// Errors and `data: null`.
    Failed,
    /// Not executed.
    Refused,
    /// Not executed now, because the caller asks for too much.
    RateLimited,
}

impl Outcome {
    pub(super) fn of_refusal(code: ErrorCode) -> Self {
        if code == ErrorCode::RateLimited { Self::RateLimited } else { Self::Refused }
    }
}

/// All counters of one router.
#[derive(Default)]
pub(super) struct Metrics {
    operations: [[AtomicU64; OUTCOMES.len()]; OPERATION_TYPES.len()],
    buckets: [AtomicU64; BUCKETS_MS.len() + 1],
    duration_micros: AtomicU64,
    websockets: AtomicI64,
    event_streams: AtomicI64,
    subscriptions: AtomicI64,
}

/// Counts something as open until it is dropped.
pub(super) struct Open<'a>(&'a AtomicI64);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    pub(super) fn record(&self, operation_type: OperationType, outcome: Outcome, duration: Duration) {
        let by_outcome = match operation_type {
            OperationType::Query => &self.operations[0],
            OperationType::Mutation => &self.operations[1],
            OperationType::Subscription => &self.operations[2],
        };
        let counter = match outcome {
            Outcome::Succeeded => &by_outcome[0],
            Outcome::Partial => &by_outcome[1],
            Outcome::Failed => &by_outcome[2],
            Outcome::Refused => &by_outcome[3],
            Outcome::RateLimited => &by_outcome[4],
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if operation_type == OperationType::Subscription {
            return; // lasts as long as somebody listens, which says nothing about the server
        }
        let millis = duration.as_millis();
        let bucket =
            BUCKETS_MS.iter().position(|&bound| millis < u128::from(bound)).unwrap_or(BUCKETS_MS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.duration_micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn open_websocket(&self) -> Open<'_> {
        self.websockets.fetch_add(1, Ordering::Relaxed);
        Open(&self.websockets)
    }

    pub(super) fn open_event_stream(&self) -> Open<'_> {
        self.event_streams.fetch_add(1, Ordering::Relaxed);
        Open(&self.event_streams)
    }

    pub(super) fn open_subscription(&self) -> Open<'_> {
        self.subscriptions.fetch_add(1, Ordering::Relaxed);
        Open(&self.subscriptions)
    }

    /// Appends all counters. Writing to a `String` does not fail, so the results of `writeln!` carry nothing.
    pub(super) fn write(&self, text: &mut String) {
        self.try_write(text).expect("writing to a String does not fail");
    }

    fn try_write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "# HELP trestle_graphql_operations_total GraphQL requests by operation type and outcome."
        )?;
        writeln!(text, "# TYPE trestle_graphql_operations_total counter")?;
        for (operation_type, by_outcome) in OPERATION_TYPES.iter().zip(&self.operations) {
            for (outcome, counter) in OUTCOMES.iter().zip(by_outcome) {
                let value = counter.load(Ordering::Relaxed);
                writeln!(
                    text,
                    "trestle_graphql_operations_total{{type=\"{operation_type}\",outcome=\"{outcome}\"}} {value}"
                )?;
            }
        }
        let name = "trestle_graphql_duration_seconds";
        writeln!(text, "# HELP {name} Time to answer queries and mutations.")?;
        writeln!(text, "# TYPE {name} histogram")?;
        let mut count = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            count += bucket.load(Ordering::Relaxed);
            match BUCKETS_MS.get(index) {
                Some(millis) => {
                    let seconds = Duration::from_millis(*millis).as_secs_f64();
                    writeln!(text, "{name}_bucket{{le=\"{seconds}\"}} {count}")?;
                }
                None => writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}")?,
            }
        }
        let sum = Duration::from_micros(self.duration_micros.load(Ordering::Relaxed)).as_secs_f64();
        writeln!(text, "{name}_sum {sum}\n{name}_count {count}")?;
        for (name, help, gauge) in [
            ("trestle_websocket_connections", "Open WebSocket connections.", &self.websockets),
            ("trestle_event_streams", "Open event streams of subscriptions.", &self.event_streams),
            ("trestle_graphql_subscriptions", "Running subscriptions.", &self.subscriptions),
        ] {
            let value = gauge.load(Ordering::Relaxed);
            writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_graphql::parser::types::OperationType;

    use super::{Metrics, Outcome};

    #[test]
    fn what_is_recorded_is_written() {
        let metrics = Metrics::default();
        metrics.record(OperationType::Query, Outcome::Succeeded, Duration::from_millis(7));
        metrics.record(OperationType::Mutation, Outcome::Failed, Duration::from_secs(60));
        let open = metrics.open_websocket();
        let mut text = String::new();
        metrics.write(&mut text);
        for line in [
            "trestle_graphql_operations_total{type=\"query\",outcome=\"succeeded\"} 1",
            "trestle_graphql_operations_total{type=\"mutation\",outcome=\"failed\"} 1",
            "trestle_graphql_duration_seconds_bucket{le=\"0.005\"} 0",
            "trestle_graphql_duration_seconds_bucket{le=\"0.01\"} 1",
            "trestle_graphql_duration_seconds_bucket{le=\"10\"} 1",
            "trestle_graphql_duration_seconds_bucket{le=\"+Inf\"} 2",
            "trestle_graphql_duration_seconds_sum 60.007",
            "trestle_graphql_duration_seconds_count 2",
            "trestle_websocket_connections 1",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} in\n{text}");
        }
        drop(open);
        let mut text = String::new();
        metrics.write(&mut text);
        assert!(text.contains("trestle_websocket_connections 0"));
    }
}
