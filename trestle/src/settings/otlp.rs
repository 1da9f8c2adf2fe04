//! Where telemetry is sent, by the variables of OpenTelemetry's standard
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>). What is wrong stops the start, where
//! the standard would go on without: whoever sets a variable wants it to count.

use std::time::Duration;

use telemetry::{OtlpOptions, Protocol, Sampling, Signals};
use uuid::Uuid;

use super::value::{filled, flag, integer};
use super::{Written, WrongSetting, wrong};

/// As the standard has it, in milliseconds.
const METRIC_INTERVAL_MS: usize = 60_000;
const SERVICE_NAME: &str = "trestle";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";

/// Where telemetry is sent; everything that is written is checked, also while nothing is sent.
pub(super) fn otlp(written: &Written) -> Result<Option<OtlpOptions>, WrongSetting> {
    let of_signals = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &written.otlp_traces_endpoint),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &written.otlp_metrics_endpoint),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", &written.otlp_logs_endpoint),
    ];
    for (name, endpoint) in of_signals {
        if filled(endpoint.clone()).is_some() {
            return Err(wrong(name, format!("is not taken: everything goes to the collector of {ENDPOINT}")));
        }
    }
    let (sampling, follows_parent) = sampling(written)?;
    let protocol = match filled(written.otlp_protocol.clone()).as_deref() {
        None | Some("http/protobuf") => Protocol::Http,
        Some("grpc") => Protocol::Grpc,
        Some(other) => {
            let problem = format!("`{other}` is neither `http/protobuf` nor `grpc`");
            return Err(wrong("OTEL_EXPORTER_OTLP_PROTOCOL", problem));
        }
    };
    let signals = Signals {
        traces: is_sent("OTEL_TRACES_EXPORTER", &written.otel_traces_exporter)?,
        metrics: is_sent("OTEL_METRICS_EXPORTER", &written.otel_metrics_exporter)?,
        logs: is_sent("OTEL_LOGS_EXPORTER", &written.otel_logs_exporter)?,
    };
    let headers = pairs("OTEL_EXPORTER_OTLP_HEADERS", &written.otlp_headers)?;
    let mut resource = vec![("service.name".to_owned(), SERVICE_NAME.to_owned())];
    resource.extend(pairs("OTEL_RESOURCE_ATTRIBUTES", &written.otel_resource_attributes)?);
    // The variable of its own goes before the list, as the standard has it.
    resource.extend(filled(written.otel_service_name.clone()).map(|name| ("service.name".to_owned(), name)));
    let interval = integer(
        "OTEL_METRIC_EXPORT_INTERVAL",
        written.otel_metric_export_interval.clone(),
        METRIC_INTERVAL_MS,
        100..=86_400_000,
    )?;
    let is_disabled = flag("OTEL_SDK_DISABLED", written.otel_sdk_disabled.clone())?;
    let told_hosts = hosts(written.trace_hosts.as_deref().unwrap_or_default())?;
    let Some(endpoint) = filled(written.otlp_endpoint.clone()) else { return Ok(None) };
    let endpoint = endpoint.trim().trim_end_matches('/').to_owned();
    let host = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"));
    if !host.is_some_and(|host| !host.is_empty() && !host.contains(['@', '?', '#', ' '])) {
        let problem =
            "is not an address like http://localhost:4318; keys belong in OTEL_EXPORTER_OTLP_HEADERS";
        return Err(wrong(ENDPOINT, problem));
    }
    Ok((!is_disabled).then_some(OtlpOptions {
        endpoint,
        protocol,
        headers,
        signals,
        resource,
        sampling,
        follows_parent,
        metric_interval: Duration::from_millis(interval as u64),
        told_hosts,
    }))
}

/// The same of this process, which says which one it is.
pub fn of_process(otlp: &OtlpOptions, role: &str) -> OtlpOptions {
    let own = [
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", Uuid::now_v7().to_string()),
        ("process.pid", std::process::id().to_string()),
        ("trestle.role", role.to_owned()),
    ];
    // What the operator says counts.
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
    OtlpOptions { resource: own.chain(otlp.resource.iter().cloned()).collect(), ..otlp.clone() }
}

fn is_sent(name: &str, written: &Option<String>) -> Result<bool, WrongSetting> {
    match filled(written.clone()).as_deref() {
        None | Some("otlp") => Ok(true),
        Some("none") => Ok(false),
        Some(other) => Err(wrong(name, format!("`{other}` is neither `otlp` nor `none`"))),
    }
}

fn sampling(written: &Written) -> Result<(Sampling, bool), WrongSetting> {
    let share = match filled(written.otel_traces_sampler_arg.clone()) {
        None => 1.0,
        Some(text) => match text.trim().parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => share,
            _ => return Err(wrong(SAMPLER_ARG, format!("`{text}` is not a number from 0 to 1"))),
        },
    };
    let sampler = filled(written.otel_traces_sampler.clone());
    let sampler = sampler.as_deref().unwrap_or("parentbased_always_on");
    let (name, follows_parent) = match sampler.strip_prefix("parentbased_") {
        Some(name) => (name, true),
        None => (sampler, false),
    };
    let sampling = match name {
        "always_on" => Sampling::All,
        "always_off" => Sampling::None,
        "traceidratio" => Sampling::Share(share),
        _ => {
            let problem = format!(
                "`{sampler}` is none of `always_on`, `always_off` and `traceidratio`, with or without `parentbased_`"
            );
            return Err(wrong("OTEL_TRACES_SAMPLER", problem));
        }
    };
    Ok((sampling, follows_parent))
}

/// `name=value,name=value`, values percent-encoded as in W3C Baggage. A wrong one is not repeated: it may be a secret.
fn pairs(name: &str, written: &Option<String>) -> Result<Vec<(String, String)>, WrongSetting> {
    let text = written.as_deref().unwrap_or_default();
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let pair =
                part.split_once('=').map(|(name, value)| (name.trim().to_owned(), decoded(value.trim())));
            match pair {
                Some((name, Some(value))) if !name.is_empty() => Ok((name, value)),
                _ => Err(wrong(name, "is not like name=value,name=value with percent-encoded values")),
            }
        })
        .collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hosts(text: &str) -> Result<Vec<String>, WrongSetting> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let is_host = |text: &str| {
                let of_name = |byte: u8| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')
                };
                !text.is_empty() && text.bytes().all(of_name)
            };
            if part == "*" || is_host(part.strip_prefix('.').unwrap_or(part)) {
                return Ok(part.to_ascii_lowercase());
            }
            let problem = format!("`{part}` is not a host like erp.example, .example or *");
            Err(wrong("TRESTLE_TRACE_HOSTS", problem))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use telemetry::{Protocol, Sampling};

    use super::super::{Settings, Written};
    use super::{decoded, of_process, otlp};

    fn written(endpoint: &str) -> Written {
        Written { otlp_endpoint: Some(endpoint.to_owned()), ..Written::default() }
    }

    fn problem(written: Written) -> String {
        Settings::read(&written, None).err().map(|wrong| wrong.to_string()).unwrap_or_default()
    }

    #[test]
    fn nothing_is_sent_until_a_collector_is_named_and_then_as_the_standard_has_it() {
        assert!(otlp(&Written::default()).expect("fine").is_none());
        let options = otlp(&written("http://localhost:4318/")).expect("fine").expect("it is named");
        assert_eq!((options.endpoint.as_str(), options.protocol), ("http://localhost:4318", Protocol::Http));
        assert_eq!((options.sampling, options.follows_parent), (Sampling::All, true));
        assert_eq!(options.metric_interval.as_secs(), 60);
        assert!(options.signals.traces && options.signals.metrics && options.signals.logs);
        assert!(options.told_hosts.is_empty() && options.headers.is_empty());
        let some = |text: &str| Some(text.to_owned());
        let options = otlp(&Written {
            otlp_protocol: some("grpc"),
            otlp_headers: some("api-key=a%2Cb, other = x"),
            otel_service_name: some("mine"),
            otel_resource_attributes: some("service.name=theirs,deployment.environment.name=test"),
            otel_traces_sampler: some("traceidratio"),
            otel_traces_sampler_arg: some("0.25"),
            otel_logs_exporter: some("none"),
            trace_hosts: some("ERP.example, .internal"),
            ..written("https://collector.example")
        });
        let options = options.expect("fine").expect("it is named");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(options.headers, [pair("api-key", "a,b"), pair("other", "x")]);
        assert_eq!((options.sampling, options.follows_parent), (Sampling::Share(0.25), false));
        assert_eq!(options.told_hosts, ["erp.example", ".internal"]);
        assert!(!options.signals.logs);
        let resource = of_process(&options, "api").resource;
        assert_eq!(resource.last(), Some(&pair("service.name", "mine")), "the last one counts");
        assert!(resource.contains(&pair("trestle.role", "api")));
        let disabled = Written {
            otel_sdk_disabled: Some(super::super::value::Flag::Boolean(true)),
            ..written("http://localhost:4318")
        };
        assert!(otlp(&disabled).expect("fine").is_none());
    }

    #[test]
    fn a_wrong_variable_is_named_and_no_secret_is_repeated() {
        let some = |text: &str| Some(text.to_owned());
        let none = Written::default;
        assert!(
            problem(written("collector:4317")).starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: is not an address")
        );
        assert!(problem(written("http://me:secret@c")).starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: is not"));
        assert_eq!(
            problem(Written { otlp_protocol: some("http/json"), ..none() }),
            "OTEL_EXPORTER_OTLP_PROTOCOL: `http/json` is neither `http/protobuf` nor `grpc`"
        );
        let endpoint = || some("http://localhost:4318/v1/traces");
        for (name, written) in [
            ("TRACES", Written { otlp_traces_endpoint: endpoint(), ..none() }),
            ("METRICS", Written { otlp_metrics_endpoint: endpoint(), ..none() }),
            ("LOGS", Written { otlp_logs_endpoint: endpoint(), ..none() }),
        ] {
            let expected = format!(
                "OTEL_EXPORTER_OTLP_{name}_ENDPOINT: is not taken: everything goes to the collector of \
                 OTEL_EXPORTER_OTLP_ENDPOINT"
            );
            assert_eq!(problem(written), expected);
        }
        let headers = problem(Written { otlp_headers: some("s3cr3t"), ..none() });
        assert!(
            headers.starts_with("OTEL_EXPORTER_OTLP_HEADERS: is not like") && !headers.contains("s3cr3t")
        );
        assert_eq!(
            problem(Written { otel_traces_sampler_arg: some("2"), ..none() }),
            "OTEL_TRACES_SAMPLER_ARG: `2` is not a number from 0 to 1"
        );
        assert!(
            problem(Written { otel_traces_sampler: some("xray"), ..none() })
                .starts_with("OTEL_TRACES_SAMPLER: ")
        );
        assert_eq!(
            problem(Written { otel_metrics_exporter: some("prometheus"), ..none() }),
            "OTEL_METRICS_EXPORTER: `prometheus` is neither `otlp` nor `none`"
        );
        assert_eq!(
            problem(Written { trace_hosts: some("https://erp.example"), ..none() }),
            "TRESTLE_TRACE_HOSTS: `https://erp.example` is not a host like erp.example, .example or *"
        );
        assert_eq!(
            problem(Written { metrics_bind: some("9464"), ..none() }),
            "TRESTLE_METRICS_BIND: `9464` is not an address and port like 127.0.0.1:9464"
        );
        assert_eq!((decoded("a%20b"), decoded("%+1"), decoded("%2")), (Some("a b".to_owned()), None, None));
    }
}
