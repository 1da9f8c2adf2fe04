//! The instruments as Prometheus text, version 0.0.4, under the names that OpenTelemetry gives them there
//! (<https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>): `_` in place of dots, then the
//! unit, then `_total` where something is counted.

use std::fmt::Write;

use crate::instrument::{Definition, Meaning};
use crate::instruments::{Family, Instruments};

impl Instruments {
    /// What stands there now, as Prometheus text.
    pub fn prometheus(&self) -> String {
        self.look();
        let mut text = String::with_capacity(16 * 1024);
        for family in self.families() {
            // Writing to a `String` does not fail.
            write_family(&mut text, &family).unwrap_or_default();
        }
        text
    }

    /// Every name that [`prometheus`](Self::prometheus) may write, histograms without the suffixes of their series.
    pub fn names(&self) -> Vec<String> {
        self.families().iter().map(name).collect()
    }
}

fn name(family: &Family<'_>) -> String {
    match family {
        Family::Counter(counter) => named(&counter.definition, true),
        Family::Gauge(gauge) => named(&gauge.definition, gauge.meaning == Meaning::Total),
        Family::Histogram(histogram) => named(&histogram.definition, false),
    }
}

fn named(definition: &Definition, is_total: bool) -> String {
    let mut name = definition.name.replace('.', "_");
    match definition.unit {
        "s" => name.push_str("_seconds"),
        "By" => name.push_str("_bytes"),
        // What is counted is no unit of Prometheus'.
        _ => {}
    }
    if is_total {
        name.push_str("_total");
    }
    name
}

/// Labels in braces, `more` at the end; nothing where there are none.
fn braced(definition: &Definition, cell: usize, more: Option<(&str, &str)>) -> String {
    let labels = definition.labels_of(cell);
    let labels = labels.iter().map(|(name, value)| (*name, *value)).chain(more);
    let labels: Vec<String> =
        labels.map(|(name, value)| format!("{}=\"{value}\"", name.replace('.', "_"))).collect();
    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) }
}

fn write_family(text: &mut String, family: &Family<'_>) -> std::fmt::Result {
    let name = name(family);
    let head = |text: &mut String, definition: &Definition, kind: &str| {
        writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", definition.help)
    };
    match family {
        Family::Counter(counter) => {
            head(text, &counter.definition, "counter")?;
            for (cell, value) in counter.values() {
                writeln!(text, "{name}{} {value}", braced(&counter.definition, cell, None))?;
            }
        }
        Family::Gauge(gauge) => {
            let values: Vec<(usize, f64)> = gauge.values().collect();
            if values.is_empty() {
                return Ok(());
            }
            let kind = if gauge.meaning == Meaning::Total { "counter" } else { "gauge" };
            head(text, &gauge.definition, kind)?;
            for (cell, value) in values {
                writeln!(text, "{name}{} {value}", braced(&gauge.definition, cell, None))?;
            }
        }
        Family::Histogram(histogram) => {
            head(text, &histogram.definition, "histogram")?;
            for (cell, distributed) in histogram.values() {
                let mut count = 0;
                let bounds = histogram.bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
                for (bound, bucket) in bounds.zip(&distributed.buckets) {
                    count += bucket;
                    let labels = braced(&histogram.definition, cell, Some(("le", &bound)));
                    writeln!(text, "{name}_bucket{labels} {count}")?;
                }
                let labels = braced(&histogram.definition, cell, None);
                writeln!(text, "{name}_sum{labels} {}\n{name}_count{labels} {count}", distributed.sum)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::Instruments;

    #[test]
    fn names_and_units_follow_opentelemetrys_rules() {
        let instruments = Instruments::of_process();
        instruments.graphql_operations.add(&["query", "succeeded"], 1);
        instruments.graphql_duration.record(&["query"], Duration::from_millis(7));
        instruments.graphql_duration.record(&["mutation"], Duration::from_secs(60));
        instruments.connection_wait.record(&["scoped"], Duration::ZERO);
        instruments.websocket_connections.add(&[], 1.0);
        instruments.before_reading(|instruments| instruments.dispatch_oldest_due_run_age.set(&[], 1.5));
        let text = instruments.prometheus();
        for line in [
            "# TYPE trestle_graphql_operations_total counter",
            "trestle_graphql_operations_total{type=\"query\",outcome=\"succeeded\"} 1",
            "trestle_graphql_operations_total{type=\"mutation\",outcome=\"failed\"} 0",
            "# TYPE trestle_graphql_duration_seconds histogram",
            "trestle_graphql_duration_seconds_bucket{type=\"query\",le=\"0.005\"} 0",
            "trestle_graphql_duration_seconds_bucket{type=\"query\",le=\"0.01\"} 1",
            "trestle_graphql_duration_seconds_bucket{type=\"mutation\",le=\"10\"} 0",
            "trestle_graphql_duration_seconds_bucket{type=\"mutation\",le=\"+Inf\"} 1",
            "trestle_graphql_duration_seconds_sum{type=\"mutation\"} 60",
            "trestle_graphql_duration_seconds_count{type=\"query\"} 1",
            "db_client_connection_wait_time_seconds_bucket{db_client_connection_pool_name=\"scoped\",le=\"0\"} 1",
            "trestle_websocket_connections 1",
            "trestle_dispatch_oldest_due_run_age_seconds 1.5",
            "trestle_leases_lost_total 0",
            "# TYPE process_memory_usage_bytes gauge",
            "# TYPE process_cpu_time_seconds_total counter",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} in\n{text}");
        }
        assert!(!text.contains("trestle_dispatch_last_claim_age_seconds"), "what is not known is not there");
        let names = instruments.names();
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let name = line.split(' ').next().expect("a name");
            assert!(names.iter().any(|known| known == name), "{name}");
        }
    }
}
