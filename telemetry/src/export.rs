//! Where telemetry goes: over OTLP to a collector, by gRPC or HTTP, as the operator says. What waits is bounded, the rest is
//! dropped; a collector that is away is warned of and costs nothing else. Deliberately absent: the environment, of which
//! `trestle` reads the standard's variables; the exporters' own bounds (`OTEL_BSP_…`, `OTEL_BLRP_…`) are the SDK's.

mod client;
mod log;
mod metric;
mod told;

use std::collections::HashMap;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::logs::LoggerProvider;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::tonic_types::transport::ClientTlsConfig;
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig,
    WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::runtime::Handle;

pub use self::log::{Log, Logger, Severity};

use self::client::Client;
use self::told::{Complaints, Told};
use crate::trace::{self, Tracing};

/// The name of the instrumentation, in each signal.
const SCOPE: &str = "trestle";
/// How long the last spans, metrics and lines may take to be sent, all together: what stops the process gives it some
/// seconds more than its work to end.
const LAST_PATIENCE: Duration = Duration::from_secs(3);
/// The SDK's, of each signal. Its reader of metrics has five seconds of its own, whatever it is told.
const SDK_PATIENCE: Duration = Duration::from_secs(5);

/// How OTLP is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// Protobuf over HTTP, which is the standard's default.
    #[default]
    Http,
}

/// Which traces that begin here are recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    /// All.
    All,
    /// None.
    None,
    /// This share of them, from 0 to 1.
    Share(f64),
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signals {
    /// Spans.
    pub traces: bool,
    /// Instruments.
    pub metrics: bool,
    /// Lines of the log.
    pub logs: bool,
}

/// Where telemetry goes, and what of it.
#[derive(Clone)]
pub struct OtlpOptions {
    /// Address of the collector, without a slash at its end: `http://localhost:4318`.
    pub endpoint: String,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// Sent with each request; their values may be secrets.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub signals: Signals,
    /// Of whom it is, as in OpenTelemetry's resource attributes; `service.name` among them.
    pub resource: Vec<(String, String)>,
    /// Which traces are recorded.
    pub sampling: Sampling,
    /// A trace that came from elsewhere is recorded when it is there, and not otherwise. While this is false, callers begin
    /// a trace of ours, with a link to theirs.
    pub follows_parent: bool,
    /// How often instruments are read.
    pub metric_interval: Duration,
    /// Hosts of outside systems that are told which trace a request belongs to.
    pub told_hosts: Vec<String>,
}

/// Exporting can't begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The exporter says why.
    #[error("telemetry can't be sent to the collector")]
    Exporter(#[source] ExporterBuildError),
    /// The HTTP client says why.
    #[error("there is no HTTP client for telemetry")]
    Client(#[source] reqwest::Error),
    /// A header that HTTP does not have.
    #[error("a header for the collector is not one of HTTP")]
    Header,
}

/// What sends telemetry, until the process ends.
pub struct Exporters {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    logs: Option<SdkLoggerProvider>,
    complaints: Arc<Complaints>,
}

/// Sends what waits of one signal, and ends it.
type Ending = Box<dyn FnOnce() -> OTelSdkResult + Send>;

/// Begins to send telemetry, once in a process. Needs a runtime that outlives it.
///
/// # Errors
/// When the options don't fit together. That the collector is away is no error.
pub fn start(options: &OtlpOptions, runtime: &Handle) -> Result<Exporters, StartError> {
    // Channels of gRPC are made in a runtime.
    let _entered = runtime.enter();
    let attributes = options.resource.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    let resource = Resource::builder().with_attributes(attributes.collect::<Vec<_>>()).build();
    let complaints = Arc::new(Complaints::default());
    let way = Way::of(options)?;
    let traces = match options.signals.traces {
        false => None,
        true => {
            let exporter = Told::new(way.spans()?, "traces", runtime, &complaints);
            let provider = SdkTracerProvider::builder()
                .with_batch_exporter(exporter)
                .with_sampler(sampler(options))
                .with_resource(resource.clone())
                .build();
            let told_hosts = options.told_hosts.clone();
            let follows_parent = options.follows_parent;
            trace::switch_on(Tracing { tracer: provider.tracer(SCOPE), told_hosts, follows_parent });
            Some(provider)
        }
    };
    let metrics = match options.signals.metrics {
        false => None,
        true => {
            let exporter = Told::new(way.metrics()?, "metrics", runtime, &complaints);
            let reader = PeriodicReader::builder(exporter).with_interval(options.metric_interval).build();
            let provider =
                SdkMeterProvider::builder().with_reader(reader).with_resource(resource.clone()).build();
            metric::tell(crate::instruments(), &provider.meter(SCOPE));
            Some(provider)
        }
    };
    let logs = match options.signals.logs {
        false => None,
        true => {
            let exporter = Told::new(way.logs()?, "logs", runtime, &complaints);
            let provider =
                SdkLoggerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
            Some(provider)
        }
    };
    Ok(Exporters { traces, metrics, logs, complaints })
}

impl Exporters {
    /// Where lines of the log go; `None` where they are not sent.
    pub fn logger(&self) -> Option<Logger> {
        Some(Logger::new(self.logs.as_ref()?.logger(SCOPE)))
    }

    /// Sends what waits, and ends. Blocks for three seconds at most; the runtime must still be there. What the collector has
    /// not taken by then is let go.
    pub fn shutdown(self) {
        let Self { traces, metrics, logs, complaints } = self;
        let endings: [Option<Ending>; 3] = [
            traces.map(|traces| -> Ending { Box::new(move || traces.shutdown_with_timeout(SDK_PATIENCE)) }),
            metrics
                .map(|metrics| -> Ending { Box::new(move || metrics.shutdown_with_timeout(SDK_PATIENCE)) }),
            logs.map(|logs| -> Ending { Box::new(move || logs.shutdown_with_timeout(SDK_PATIENCE)) }),
        ];
        let (end, ends) = mpsc::channel();
        let mut missing = 0;
        for ending in endings.into_iter().flatten() {
            missing += 1;
            let end = end.clone();
            // Nobody listens any more to one that comes too late.
            let work = move || end.send(ending()).unwrap_or_default();
            if let Err(error) = thread::Builder::new().name("telemetry-end".to_owned()).spawn(work) {
                tracing::debug!(error = &error as &dyn std::error::Error, "the last telemetry is not sent");
            }
        }
        drop(end);
        let deadline = Instant::now() + LAST_PATIENCE;
        while missing > 0
            && let Ok(ended) = ends.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            missing -= 1;
            if let Err(error) = ended {
                tracing::debug!(error = &error as &dyn std::error::Error, "the last telemetry was not sent");
            }
        }
        if missing > 0 {
            complaints.give_up();
            tracing::warn!("the collector did not take the last telemetry in time; it is dropped");
        }
    }
}

fn sampler(options: &OtlpOptions) -> Sampler {
    let sampler = match options.sampling {
        Sampling::All => Sampler::AlwaysOn,
        Sampling::None => Sampler::AlwaysOff,
        Sampling::Share(share) => Sampler::TraceIdRatioBased(share),
    };
    if options.follows_parent { Sampler::ParentBased(Box::new(sampler)) } else { sampler }
}

/// How a collector is reached.
enum Way<'a> {
    Grpc { endpoint: &'a str, metadata: MetadataMap, tls: Option<ClientTlsConfig> },
    Http { endpoint: &'a str, headers: HashMap<String, String>, client: Client },
}

impl<'a> Way<'a> {
    fn of(options: &'a OtlpOptions) -> Result<Self, StartError> {
        let endpoint = &options.endpoint;
        let mut headers = http::HeaderMap::new();
        for (name, value) in &options.headers {
            let name = http::HeaderName::try_from(name.as_str()).map_err(|_invalid| StartError::Header)?;
            let value = http::HeaderValue::try_from(value.as_str()).map_err(|_invalid| StartError::Header)?;
            headers.append(name, value);
        }
        // TLS is rustls with ring, unless somebody was here before.
        rustls::crypto::ring::default_provider().install_default().unwrap_or_default();
        match options.protocol {
            Protocol::Grpc => Ok(Self::Grpc {
                endpoint,
                metadata: MetadataMap::from_headers(headers),
                tls: endpoint.starts_with("https://").then(|| ClientTlsConfig::new().with_native_roots()),
            }),
            Protocol::Http => Ok(Self::Http {
                endpoint,
                headers: options.headers.iter().cloned().collect(),
                client: Client::new().map_err(StartError::Client)?,
            }),
        }
    }

    fn spans(&self) -> Result<SpanExporter, StartError> {
        let built = match self {
            Self::Grpc { endpoint, metadata, tls } => {
                let builder = SpanExporter::builder()
                    .with_tonic()
                    .with_endpoint(*endpoint)
                    .with_metadata(metadata.clone());
                match tls {
                    Some(tls) => builder.with_tls_config(tls.clone()).build(),
                    None => builder.build(),
                }
            }
            Self::Http { endpoint, headers, client } => SpanExporter::builder()
                .with_http()
                .with_http_client(client.clone())
                .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
                .with_endpoint(format!("{endpoint}/v1/traces"))
                .with_headers(headers.clone())
                .build(),
        };
        built.map_err(StartError::Exporter)
    }

    fn metrics(&self) -> Result<MetricExporter, StartError> {
        let built = match self {
            Self::Grpc { endpoint, metadata, tls } => {
                let builder = MetricExporter::builder()
                    .with_tonic()
                    .with_endpoint(*endpoint)
                    .with_metadata(metadata.clone());
                match tls {
                    Some(tls) => builder.with_tls_config(tls.clone()).build(),
                    None => builder.build(),
                }
            }
            Self::Http { endpoint, headers, client } => MetricExporter::builder()
                .with_http()
                .with_http_client(client.clone())
                .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
                .with_endpoint(format!("{endpoint}/v1/metrics"))
                .with_headers(headers.clone())
                .build(),
        };
        built.map_err(StartError::Exporter)
    }

    fn logs(&self) -> Result<LogExporter, StartError> {
        let built = match self {
            Self::Grpc { endpoint, metadata, tls } => {
                let builder = LogExporter::builder()
                    .with_tonic()
                    .with_endpoint(*endpoint)
                    .with_metadata(metadata.clone());
                match tls {
                    Some(tls) => builder.with_tls_config(tls.clone()).build(),
                    None => builder.build(),
                }
            }
            Self::Http { endpoint, headers, client } => LogExporter::builder()
                .with_http()
                .with_http_client(client.clone())
                .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
                .with_endpoint(format!("{endpoint}/v1/logs"))
                .with_headers(headers.clone())
                .build(),
        };
        built.map_err(StartError::Exporter)
    }
}
