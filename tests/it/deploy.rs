//! What `deploy/` has for those who watch Trestle: alerts pass Prometheus' own checks and tests, and neither they nor the
//! dashboard name a metric that the program does not have.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::process::find_program;
use crate::harness::trestle::Trestle;
use crate::harness::wait::{SOON, until};
use crate::scene::Scene;

const RULES: &str = "prometheus/trestle.rules.yml";
const TESTS: &str = "prometheus/trestle.test.yml";
const DASHBOARD: &str = "grafana/trestle.json";
/// What our metrics begin with.
const PREFIXES: [&str; 3] = ["trestle_", "db_client_", "process_"];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Words that look like metrics or labels of ours, without the suffixes of a histogram's series.
fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    let ours = words.filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)));
    let plain = |word: &str| {
        let suffix = ["_bucket", "_sum", "_count"].into_iter().find_map(|suffix| word.strip_suffix(suffix));
        match suffix {
            Some(histogram) if histogram.ends_with("_seconds") => histogram.to_owned(),
            _ => word.to_owned(),
        }
    };
    ours.map(plain).collect()
}

/// Names of metrics and labels in Prometheus' text.
fn known(metrics: &str) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for line in metrics.lines() {
        if let Some(name) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split(' ').next()) {
            known.insert(name.to_owned());
        } else if let Some((_, rest)) = line.split_once('{') {
            let labels = rest.split('}').next().unwrap_or_default().split(',');
            known.extend(labels.filter_map(|label| Some(label.split_once('=')?.0.to_owned())));
        }
    }
    known
}

fn promtool() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this program");
    let target = test.ancestors().nth(3).expect("target/debug/deps/it-…");
    let directory = target.join("tools/prometheus/usr/bin");
    find_program("promtool", &[directory]).unwrap_or_else(|| {
        panic!("promtool is missing: `make test` installs it, or scripts/install-test-servers")
    })
}

#[test]
fn the_alerts_pass_prometheus_own_checks_and_tests() {
    for (what, file) in [("check", RULES), ("test", TESTS)] {
        let output = Command::new(promtool()).args([what, "rules"]).arg(path(file)).output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.contains("SUCCESS"), "{said}");
    }
}

#[tokio::test]
async fn what_alerts_and_dashboard_name_is_what_the_program_tells() {
    // Partitions are PostgreSQL's.
    let trestle = Trestle::split(1).await;
    let scene = Scene::of(&trestle).await;
    let integration = scene.fixture.sandbox(&scene.tenant, json!({"records": 1}), json!({})).await;
    assert_eq!(scene.run(&integration).await["status"], "SUCCEEDED");
    let dashboard: Value = serde_json::from_str(&text(DASHBOARD)).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default());
    let mut queries: String =
        targets.map(|target| format!("{}\n", target["expr"].as_str().unwrap())).collect();
    queries.push_str(dashboard["templating"]["list"][1]["query"]["query"].as_str().expect("of processes"));
    let mut named = words(&text(RULES));
    assert!(named.len() > 15, "{named:?}");
    named.extend(words(&queries));
    named.extend(words(&text(TESTS)));
    // The last claim is known a little later.
    until("everything that they name", SOON, async || {
        let (_, metrics) = trestle.client().get("/metrics").await;
        let known = known(&metrics);
        let missing: Vec<&String> = named.iter().filter(|name| !known.contains(*name)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) }
    })
    .await;
}
