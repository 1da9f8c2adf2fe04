//! An exporter as the SDK's threads use it: within the program's runtime, whose timers and sockets it needs, with what came
//! of each batch counted, and with one line in the log where there would be one a batch.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::future::poll_fn;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::runtime::Handle;

/// A collector that stays away is complained of so often.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(3_600);

/// When the collector was complained of, whichever signal it did not take.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    last: Mutex<Option<Instant>>,
    has_given_up: AtomicBool,
}

impl Complaints {
    /// Nothing is sent any more, and nobody complains of it: the process ends, and its runtime before it.
    pub(super) fn give_up(&self) {
        self.has_given_up.store(true, Ordering::Release);
    }

    fn has_given_up(&self) -> bool {
        self.has_given_up.load(Ordering::Acquire)
    }

    fn is_due(&self) -> bool {
        if self.has_given_up() {
            return false;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|at| at.elapsed() >= COMPLAINT_INTERVAL);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

/// An exporter of one signal.
#[derive(Debug)]
pub(super) struct Told<E> {
    inner: E,
    signal: &'static str,
    runtime: Handle,
    complaints: Arc<Complaints>,
}

impl<E> Told<E> {
    pub(super) fn new(
        inner: E,
        signal: &'static str,
        runtime: &Handle,
        complaints: &Arc<Complaints>,
    ) -> Self {
        Self { inner, signal, runtime: runtime.clone(), complaints: complaints.clone() }
    }

    async fn tell(&self, export: impl Future<Output = OTelSdkResult> + Send) -> OTelSdkResult {
        let mut export = pin!(export);
        let result = poll_fn(|task| {
            // Its timers would panic in a runtime that ends.
            if self.complaints.has_given_up() {
                return Poll::Ready(Err(OTelSdkError::AlreadyShutdown));
            }
            let _entered = self.runtime.enter();
            export.as_mut().poll(task)
        })
        .await;
        let outcome = if result.is_ok() { "succeeded" } else { "failed" };
        crate::instruments().exports.add(&[self.signal, outcome], 1);
        if let Err(error) = &result
            && self.complaints.is_due()
        {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                reason = self.signal,
                "telemetry can't be sent to the collector; it is dropped until that can be reached, and the program goes on"
            );
        }
        result
    }
}

impl<E: SpanExporter> SpanExporter for Told<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.tell(self.inner.export(batch)).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<E: LogExporter> LogExporter for Told<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.tell(self.inner.export(batch)).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Told<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.tell(self.inner.export(metrics)).await
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.inner.temporality()
    }
}
