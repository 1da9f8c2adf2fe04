//! A collector that takes all that it is sent, over HTTP and gRPC, as a process of its own: it counts, and keeps nothing.

use std::future::ready;
use std::ops::RangeInclusive;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http_body_util::{BodyExt, Full};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::otlp;
use crate::process::Process;

/// How long it may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Longer than it may take to tell its counts.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// Larger than any request.
const BODY_BYTES_MAX: usize = 64 << 20;

/// What arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests of all signals.
    pub requests: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Spans.
    pub spans: u64,
    /// Points of metrics.
    pub points: u64,
    /// Lines of the log.
    pub lines: u64,
    /// Requests that are none of OTLP.
    pub unreadable: u64,
}

impl Counts {
    /// What came after `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            bytes: self.bytes - before.bytes,
            spans: self.spans - before.spans,
            points: self.points - before.points,
            lines: self.lines - before.lines,
            unreadable: self.unreadable - before.unreadable,
        }
    }
}

/// The process, stopped when dropped.
pub struct Collector {
    // Dropped before the directory of its log.
    process: Process,
    _scratch: TempDir,
    url: String,
    http: reqwest::Client,
}

impl Collector {
    /// This program once more, as the collector.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn start() -> anyhow::Result<Self> {
        // An error means that it was done before.
        rustls::crypto::ring::default_provider().install_default().unwrap_or_default();
        let http = reqwest::Client::builder().no_proxy().timeout(REQUEST_LIMIT).build()?;
        let scratch = tempfile::Builder::new().prefix("trestle-bench-").tempdir()?;
        let mut command = Command::new(std::env::current_exe().context("finding this program")?);
        command.arg("collector");
        let log = scratch.path().join("collector.log");
        let mut process = Process::start("the collector", &mut command, &log, "TERM")?;
        let url = process.line("listening on ", START_LIMIT)?;
        Ok(Self { process, _scratch: scratch, url, http })
    }

    /// Where it is, for HTTP and gRPC.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What arrived since its start.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn counts(&self) -> anyhow::Result<Counts> {
        let answer = self.http.get(format!("{}/counts", self.url)).send().await?.error_for_status()?;
        answer.json().await.context("what the collector counted")
    }

    /// Time of the processor that it took.
    pub fn cpu(&self) -> Option<Duration> {
        self.process.cpu()
    }
}

/// What was taken so far.
#[derive(Default)]
struct Taken {
    requests: AtomicU64,
    bytes: AtomicU64,
    spans: AtomicU64,
    points: AtomicU64,
    lines: AtomicU64,
    unreadable: AtomicU64,
}

/// One of traces, metrics and logs.
struct Signal {
    /// Over HTTP.
    path: &'static str,
    /// Over gRPC.
    method: &'static str,
    /// Where in a request is what is counted.
    counted: &'static [RangeInclusive<u64>],
    count: fn(&Taken) -> &AtomicU64,
}

static SIGNALS: [Signal; 3] = [
    Signal {
        path: "/v1/traces",
        method: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        counted: otlp::SPANS,
        count: |taken| &taken.spans,
    },
    Signal {
        path: "/v1/metrics",
        method: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        counted: otlp::POINTS,
        count: |taken| &taken.points,
    },
    Signal {
        path: "/v1/logs",
        method: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        // As deep as spans, by the same numbers.
        counted: otlp::SPANS,
        count: |taken| &taken.lines,
    },
];

/// Serves until it is ended.
///
/// # Errors
/// When it can't listen.
#[expect(clippy::print_stdout, reason = "whoever started it waits for the address")]
pub async fn serve() -> anyhow::Result<()> {
    let mut router = Router::new().route("/counts", get(counts));
    for signal in &SIGNALS {
        let over_http = move |State(taken): State<Arc<Taken>>, body: Bytes| async move {
            match taken.take(signal, &body, Some(&body)) {
                // An empty message: all is taken.
                true => ([(CONTENT_TYPE, "application/x-protobuf")], Body::empty()).into_response(),
                false => StatusCode::BAD_REQUEST.into_response(),
            }
        };
        let over_grpc = move |State(taken): State<Arc<Taken>>, body: Bytes| async move {
            match taken.take(signal, &body, otlp::message(&body)) {
                true => accepted(),
                false => StatusCode::BAD_REQUEST.into_response(),
            }
        };
        router = router.route(signal.path, post(over_http)).route(signal.method, post(over_grpc));
    }
    let router = router.layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).with_state(Arc::new(Taken::default()));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("listening")?;
    println!("listening on http://{}", listener.local_addr()?);
    // HTTP/2 too: hyper-util has it for reqwest.
    axum::serve(listener, router).await.context("serving")
}

impl Taken {
    /// Counts a request whose message this is; false where there is none.
    fn take(&self, signal: &Signal, body: &[u8], message: Option<&[u8]>) -> bool {
        let counted = message.and_then(|message| otlp::count(message, signal.counted));
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
        match counted {
            Some(counted) => (signal.count)(self).fetch_add(counted, Ordering::Relaxed),
            None => self.unreadable.fetch_add(1, Ordering::Relaxed),
        };
        counted.is_some()
    }
}

/// That of gRPC which says that all is taken: an empty message, and a status in the trailers.
fn accepted() -> Response {
    let trailers =
        HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    let message = Full::new(Bytes::from_static(&[0; 5])).with_trailers(ready(Some(Ok(trailers))));
    ([(CONTENT_TYPE, "application/grpc")], Body::new(message)).into_response()
}

async fn counts(State(taken): State<Arc<Taken>>) -> Json<Counts> {
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    Json(Counts {
        requests: of(&taken.requests),
        bytes: of(&taken.bytes),
        spans: of(&taken.spans),
        points: of(&taken.points),
        lines: of(&taken.lines),
        unreadable: of(&taken.unreadable),
    })
}
