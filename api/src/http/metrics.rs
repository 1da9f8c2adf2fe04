//! What the transport counts, by operation type and outcome, and never by name. Which instruments there are, and how they are
//! written, is `telemetry`'s.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use telemetry::{Gauge, Instruments};

use super::error::ErrorCode;

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

    /// As the instruments have it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::RateLimited => "rate_limited",
        }
    }
}

/// Counts something as open until it is dropped.
pub(super) struct Open<'a>(&'a Gauge);

impl<'a> Open<'a> {
    fn one_of(gauge: &'a Gauge) -> Self {
        gauge.add(&[], 1.0);
        Self(gauge)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.add(&[], -1.0);
    }
}

/// How the transport counts with the instruments.
pub(super) struct Metrics(Arc<Instruments>);

impl Metrics {
    pub(super) fn new(instruments: Arc<Instruments>) -> Self {
        Self(instruments)
    }

    pub(super) fn record(&self, operation_type: OperationType, outcome: Outcome, duration: Duration) {
        let name = type_name(operation_type);
        self.0.graphql_operations.add(&[name, outcome.name()], 1);
        // One lasts as long as somebody listens, which says nothing about the server.
        if operation_type != OperationType::Subscription {
            self.0.graphql_duration.record(&[name], duration);
        }
    }

    pub(super) fn open_websocket(&self) -> Open<'_> {
        Open::one_of(&self.0.websocket_connections)
    }

    pub(super) fn open_event_stream(&self) -> Open<'_> {
        Open::one_of(&self.0.event_streams)
    }

    pub(super) fn open_subscription(&self) -> Open<'_> {
        Open::one_of(&self.0.graphql_subscriptions)
    }

    /// Everything that the instruments hold, as Prometheus text.
    pub(super) fn text(&self) -> String {
        self.0.prometheus()
    }
}

/// `query`, `mutation` or `subscription`.
pub(super) fn type_name(operation_type: OperationType) -> &'static str {
    match operation_type {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use async_graphql::parser::types::OperationType;
    use telemetry::Instruments;

    use super::{Metrics, Outcome};

    #[test]
    fn what_is_recorded_is_written() {
        let metrics = Metrics::new(Arc::new(Instruments::default()));
        metrics.record(OperationType::Query, Outcome::Succeeded, Duration::from_millis(7));
        metrics.record(OperationType::Mutation, Outcome::Failed, Duration::from_secs(60));
        metrics.record(OperationType::Subscription, Outcome::RateLimited, Duration::from_secs(60));
        let open = metrics.open_websocket();
        let text = metrics.text();
        for line in [
            "trestle_graphql_operations_total{type=\"query\",outcome=\"succeeded\"} 1",
            "trestle_graphql_operations_total{type=\"mutation\",outcome=\"failed\"} 1",
            "trestle_graphql_operations_total{type=\"subscription\",outcome=\"rate_limited\"} 1",
            "trestle_graphql_duration_seconds_bucket{type=\"query\",le=\"0.005\"} 0",
            "trestle_graphql_duration_seconds_bucket{type=\"query\",le=\"0.01\"} 1",
            "trestle_graphql_duration_seconds_bucket{type=\"mutation\",le=\"10\"} 0",
            "trestle_graphql_duration_seconds_bucket{type=\"mutation\",le=\"+Inf\"} 1",
            "trestle_graphql_duration_seconds_sum{type=\"mutation\"} 60",
            "trestle_graphql_duration_seconds_count{type=\"query\"} 1",
            "trestle_websocket_connections 1",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} in\n{text}");
        }
        drop(open);
        assert!(metrics.text().contains("trestle_websocket_connections 0\n"));
    }
}
