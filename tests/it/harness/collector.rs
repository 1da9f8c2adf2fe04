//! A real OTLP receiver (`tests/it/collector/server.py`, on packages that `scripts/install-test-servers` installs): it takes
//! traces, metrics and logs by gRPC and HTTP, and what it took is read here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::process::Process;
use super::trestle::Setup;
use super::wait::{SOON, until};
use super::watchdog;

/// How long it may take until it answers: Python reads many files first.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How soon telemetry is sent in tests, in milliseconds.
const SOON_MS: &str = "100";
/// A header that the collector is to get, which nobody else may.
pub const KEY: &str = "collector-s3cr3t";

/// How it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// Protobuf over HTTP.
    Http,
}

/// A collector that is the caller's alone; ends when dropped.
pub struct Collector {
    ports: (String, String),
    process: Process,
}

/// A request as it took it.
#[derive(Clone, Debug)]
pub struct Taken {
    /// `grpc` or `http`.
    pub protocol: String,
    /// `traces`, `metrics` or `logs`.
    pub signal: String,
    /// By lower-case name.
    pub headers: Value,
    /// As protobuf's JSON has it; ids in base64.
    pub request: Value,
}

/// A span as it came, with whose it is.
#[derive(Clone, Debug)]
pub struct Span {
    /// Its name.
    pub name: String,
    /// `SPAN_KIND_SERVER`, …
    pub kind: String,
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub id: String,
    /// Of its parent; empty for a root.
    pub parent_id: String,
    /// Its attributes, by name.
    pub attributes: Value,
    /// The resource's.
    pub resource: Value,
}

impl Collector {
    /// Starts one.
    pub async fn start() -> Self {
        let directory = watchdog::directory("collector");
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("it/collector/server.py");
        let mut command = Command::new(python());
        command.current_dir(&directory).arg("-B").arg(script).args(["0", "0"]);
        let mut process = Process::start("collector", &mut command, &directory.join("server.log"), "KILL");
        let ports = process.line("listening on ", START_LIMIT).await;
        let (grpc, http) = ports.split_once(' ').expect("two ports");
        Self { ports: (grpc.to_owned(), http.to_owned()), process }
    }

    /// A Trestle that sends everything here, soon.
    pub fn setup(&self, setup: Setup, protocol: Protocol) -> Setup {
        let (port, name) = match protocol {
            Protocol::Grpc => (&self.ports.0, "grpc"),
            Protocol::Http => (&self.ports.1, "http/protobuf"),
        };
        setup
            .setting("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{port}"))
            .setting("OTEL_EXPORTER_OTLP_PROTOCOL", name)
            .setting("OTEL_EXPORTER_OTLP_HEADERS", format!("x-key={KEY}"))
            .setting("OTEL_SERVICE_NAME", "trestle-under-test")
            .setting("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=a%20test,service.name=no")
            .setting("OTEL_METRIC_EXPORT_INTERVAL", SOON_MS)
            .setting("OTEL_BSP_SCHEDULE_DELAY", SOON_MS)
            .setting("OTEL_BLRP_SCHEDULE_DELAY", SOON_MS)
    }

    /// All that it took, the oldest first.
    pub fn taken(&self) -> Vec<Taken> {
        let log = self.process.log();
        // The last line may not be written to its end yet.
        log.lines().filter_map(|line| line.strip_prefix("took ")).map_while(parsed).collect()
    }

    /// Everything that came, as text, without the headers that it came with.
    pub fn text(&self) -> String {
        self.taken().iter().map(|taken| taken.request.to_string()).collect()
    }

    /// The spans that came.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for (resource, _, item) in self.items("traces", "resourceSpans", "scopeSpans", "spans") {
            let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            spans.push(Span {
                name: text("name"),
                kind: text("kind"),
                trace_id: hex(&text("traceId")),
                id: hex(&text("spanId")),
                parent_id: hex(&text("parentSpanId")),
                attributes: attributes(&item["attributes"]),
                resource,
            });
        }
        spans
    }

    /// Waits for a span that fits, and gives it.
    pub async fn span(&self, what: &str, fits: impl Fn(&Span) -> bool) -> Span {
        until(&format!("the span of {what}"), SOON, async || {
            let spans = self.spans();
            let found = spans.iter().find(|span| fits(span)).cloned();
            found.ok_or_else(|| spans.into_iter().map(|span| span.name).collect::<Vec<_>>())
        })
        .await
    }

    /// Metrics of one name, each with its resource.
    pub fn metrics(&self, name: &str) -> Vec<(Value, Value)> {
        let items = self.items("metrics", "resourceMetrics", "scopeMetrics", "metrics").into_iter();
        items
            .filter(|(_, _, item)| item["name"] == name)
            .map(|(resource, _, item)| (resource, item))
            .collect()
    }

    /// Lines of the log that came, with body and attributes, each with its resource.
    pub fn logs(&self) -> Vec<(Value, Value)> {
        let items = self.items("logs", "resourceLogs", "scopeLogs", "logRecords").into_iter();
        items.map(|(resource, _, item)| (resource, item)).collect()
    }

    fn items(&self, signal: &str, resources: &str, scopes: &str, items: &str) -> Vec<(Value, Value, Value)> {
        let mut found = Vec::new();
        for taken in self.taken().iter().filter(|taken| taken.signal == signal) {
            for of_resource in list(&taken.request[resources]) {
                let resource = attributes(&of_resource["resource"]["attributes"]);
                for of_scope in list(&of_resource[scopes]) {
                    let scope = &of_scope["scope"];
                    let of = |item: &Value| (resource.clone(), scope.clone(), item.clone());
                    found.extend(list(&of_scope[items]).iter().map(of));
                }
            }
        }
        found
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Attributes as an object of plain values.
pub fn attributes(value: &Value) -> Value {
    let pairs = list(value).iter().map(|pair| {
        let name = pair["key"].as_str().expect("a name").to_owned();
        let value = pair["value"].as_object().and_then(|value| value.values().next());
        (name, value.cloned().unwrap_or_default())
    });
    Value::Object(pairs.collect())
}

/// Bytes that are in base64.
pub fn hex(base64: &str) -> String {
    let bytes = STANDARD.decode(base64).expect("base64");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parsed(line: &str) -> Option<Taken> {
    let (protocol, rest) = line.split_once(' ')?;
    let (signal, rest) = rest.split_once(' ')?;
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    let (headers, request) = (values.next()?.ok()?, values.next()?.ok()?);
    Some(Taken { protocol: protocol.to_owned(), signal: signal.to_owned(), headers, request })
}

fn python() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this program");
    let target = test.ancestors().nth(3).map(Path::to_owned).expect("target/debug/deps/it-…");
    let program = target.join("tools/collector/bin/python");
    assert!(
        program.is_file(),
        "{} is missing: `make test` installs it, or scripts/install-test-servers alone",
        program.display()
    );
    program
}
