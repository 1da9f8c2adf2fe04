//! What the program says of itself to a collector: one trace from a request through the queue to outside systems, metrics
//! and the log, by gRPC and by HTTP; and that nobody suffers when the collector is away.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::client::{Client, http};
use crate::harness::collector::{Collector, KEY, Protocol, Span, attributes, hex};
use crate::harness::fixture::stream;
use crate::harness::outside::{Outside, Pagination};
use crate::harness::process::free_port;
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::Scene;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER_SPAN: &str = "b7ad6b7169203331";
/// Records of the outside system.
const RECORDS: usize = 3;
/// A process that ends sends what waits, which a collector that is away must not hold up for longer.
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// The same of one that takes requests and answers none, after three seconds of patience for all signals.
const SILENT_STOP_LIMIT: Duration = Duration::from_secs(10);

/// An integration from one outside system to another.
async fn integration(scene: &Scene, source: &Outside, destination: &Outside) -> String {
    let (from, to) = (scene.http_system(source).await, scene.http_system(destination).await);
    let stream = stream(source.source_options(Pagination::None), destination.destination_options());
    scene.integration(&from, &to, stream).await
}

/// What is answered in the trace of a caller who has it recorded or not.
async fn ask_traced(client: &Client, (trace, flags): (&str, &str), query: &str, variables: Value) -> Value {
    let request = http()
        .post(format!("{}/graphql", client.url().trim_end_matches("/graphql")))
        .bearer_auth(client.token().expect("signed in"))
        .header("traceparent", format!("00-{trace}-{CALLER_SPAN}-{flags}"))
        .json(&json!({"query": query, "variables": variables}));
    request.send().await.expect("an answer").json().await.expect("JSON")
}

/// Starts a run in the trace of a caller.
async fn start_traced(admin: &Client, integration: &str, flags: &str) -> String {
    let query = "mutation Start($input: StartRunInput!) { startRun(input: $input) { run { id traceId } } }";
    let variables = json!({"input": {"integrationId": integration}});
    let answer = ask_traced(admin, (TRACE, flags), query, variables).await;
    let run = &answer["data"]["startRun"]["run"];
    assert_eq!(run["traceId"], TRACE, "{answer:#}");
    run["id"].as_str().expect("an id").to_owned()
}

async fn of_trace(collector: &Collector, name: &str) -> Span {
    collector.span(name, |span| span.name == name && span.trace_id == TRACE).await
}

async fn one_trace_arrives(protocol: Protocol) {
    let collector = Collector::start().await;
    let setup = collector.setup(Setup::new(), protocol).setting("TRESTLE_TRACE_HOSTS", "127.0.0.1");
    let mut trestle = setup.split(1).await;
    let scene = Scene::of(&trestle).await;
    let (source, destination) = (Outside::with_records(RECORDS), Outside::start());
    let integration = integration(&scene, &source, &destination).await;
    let run = start_traced(scene.admin(), &integration, "01").await;
    assert_eq!(scene.fixture.finished_run(&run).await["status"], "SUCCEEDED");

    // The API's process: request, operation, call, statement, and what is left for a worker.
    let request = of_trace(&collector, "POST /graphql").await;
    assert_eq!((request.kind.as_str(), request.parent_id.as_str()), ("SPAN_KIND_SERVER", CALLER_SPAN));
    assert_eq!(request.attributes["http.request.method"], "POST");
    assert_eq!(request.attributes["http.route"], "/graphql");
    assert_eq!(request.attributes["http.response.status_code"], "200");
    let operation = of_trace(&collector, "mutation").await;
    assert_eq!(operation.parent_id, request.id);
    assert_eq!(operation.attributes["graphql.operation.type"], "mutation");
    assert_eq!(operation.attributes["graphql.operation.name"], "Start");
    let call = of_trace(&collector, "Mutation.startRun").await;
    assert_eq!(call.parent_id, operation.id);
    let statement = of_trace(&collector, "INSERT run").await;
    assert_eq!((statement.kind.as_str(), &statement.parent_id), ("SPAN_KIND_CLIENT", &call.id));
    assert_eq!(statement.attributes["db.system.name"], "postgresql");
    let text = statement.attributes["db.query.text"].as_str().expect("a text");
    assert!(text.starts_with("INSERT INTO \"run\"") && text.contains("$1"), "{text}");
    let sent = of_trace(&collector, "send runs").await;
    assert_eq!((sent.kind.as_str(), &sent.parent_id), ("SPAN_KIND_PRODUCER", &call.id));
    assert_eq!(sent.attributes["messaging.operation.type"], "send");

    // The worker's: run, stream, batch, and calls to outside systems.
    let process = of_trace(&collector, "process runs").await;
    assert_eq!((process.kind.as_str(), &process.parent_id), ("SPAN_KIND_CONSUMER", &sent.id));
    assert_eq!(process.attributes["trestle.run.id"], sent.attributes["trestle.run.id"]);
    let streamed = of_trace(&collector, "stream").await;
    assert_eq!(
        (&streamed.parent_id, &streamed.attributes["trestle.stream"]),
        (&process.id, &json!("records"))
    );
    let batch = of_trace(&collector, "batch").await;
    assert_eq!(batch.parent_id, streamed.id);
    assert_eq!(batch.attributes["trestle.batch.created"], RECORDS.to_string());
    let read = of_trace(&collector, "GET").await;
    assert_eq!((read.kind.as_str(), &read.parent_id), ("SPAN_KIND_CLIENT", &streamed.id));
    let written = of_trace(&collector, "POST").await;
    assert_eq!((written.kind.as_str(), &written.parent_id), ("SPAN_KIND_CLIENT", &batch.id));
    assert_eq!(written.attributes["server.address"], "127.0.0.1");
    assert_eq!(written.attributes["http.request.method"], "POST");
    let stored = collector.span("what stores a batch", |span| {
        span.trace_id == TRACE && span.parent_id == batch.id && span.name == "UPDATE run"
    });
    assert_eq!(stored.await.kind, "SPAN_KIND_CLIENT", "what is stored of a batch is a part of it");

    // Whom the operator lets know of traces goes on with the call.
    let told: Vec<String> = destination
        .requests()
        .iter()
        .filter_map(|request| request.headers.get("traceparent").cloned())
        .collect();
    assert!(told.contains(&format!("00-{TRACE}-{}-01", written.id)), "{told:?}");

    // Both processes say who they are.
    for (span, role) in [(&request, "api"), (&process, "worker")] {
        assert_eq!(span.resource["trestle.role"], role);
        assert_eq!(span.resource["service.name"], "trestle-under-test");
        assert_eq!(span.resource["deployment.environment.name"], "a test");
        assert!(span.resource["service.version"].is_string(), "{:#}", span.resource);
    }
    assert_ne!(request.resource["service.instance.id"], process.resource["service.instance.id"]);

    // Metrics of the worker, and the line of the log in the same trace.
    let point = until("the run is counted", SOON, async || succeeded(&collector).ok_or(())).await;
    assert_eq!((&point.0["trestle.role"], &point.1), (&json!("worker"), &json!("1")));
    let line = until("the line of the log", SOON, async || {
        let logs = collector.logs().into_iter();
        let mut found = logs.filter(|(_, line)| line["body"]["stringValue"] == "the run went through");
        found.find(|(_, line)| hex(line["traceId"].as_str().unwrap_or_default()) == TRACE).ok_or(())
    })
    .await;
    let said = attributes(&line.1["attributes"]);
    assert_eq!((line.1["severityText"].as_str(), &line.0["trestle.role"]), (Some("INFO"), &json!("worker")));
    assert_eq!(said["run.id"], process.attributes["trestle.run.id"]);
    assert!(said["tenant.id"].is_string() && said["duration_ms"].is_string(), "{said:#}");

    // By the protocol that was asked for, with the operator's key, and with nothing of anybody.
    let name = if protocol == Protocol::Grpc { "grpc" } else { "http" };
    for taken in collector.taken() {
        assert_eq!((taken.protocol.as_str(), &taken.headers["x-key"]), (name, &json!(KEY)));
    }
    let token = scene.admin().token().expect("signed in").to_owned();
    let everything = collector.text();
    for secret in [KEY, &token, "R-00001", "@example", "PRIVATE KEY"] {
        assert!(!everything.contains(secret), "{secret} was sent");
    }
    assert!(trestle.terminate().await.iter().all(|status| status.success()));
}

/// Resource and number of the runs that succeeded, as they were told last.
fn succeeded(collector: &Collector) -> Option<(Value, Value)> {
    let metrics = collector.metrics("trestle.runs").into_iter().rev();
    let mut points = metrics.flat_map(|(resource, metric)| {
        let points = metric["sum"]["dataPoints"].as_array().cloned().unwrap_or_default();
        points.into_iter().map(move |point| (resource.clone(), point))
    });
    let found = points.find(|(_, point)| {
        attributes(&point["attributes"])["outcome"] == "succeeded" && point["asInt"] == "1"
    });
    found.map(|(resource, point)| (resource, point["asInt"].clone()))
}

#[tokio::test]
async fn one_trace_goes_from_a_request_through_the_queue_to_outside_systems_by_grpc() {
    one_trace_arrives(Protocol::Grpc).await;
}

#[tokio::test]
async fn one_trace_goes_from_a_request_through_the_queue_to_outside_systems_by_http() {
    one_trace_arrives(Protocol::Http).await;
}

/// A query that was valid before goes a short way, and one that meets an error there a long one as well.
#[tokio::test]
async fn whichever_way_a_query_goes_it_is_one_operation_with_its_call_and_statements() {
    const READ: &str = "query Read($status: [RunStatus!]!) { \
                        runs(first: 5, filter: {status: $status}) { edges { node { integration { name } } } } }";
    let collector = Collector::start().await;
    let mut trestle = collector.setup(Setup::new(), Protocol::Http).split(1).await;
    let scene = Scene::of(&trestle).await;
    let integration = scene.fixture.sandbox(&scene.tenant, json!({"records": 1}), json!({})).await;
    assert_eq!(scene.run(&integration).await["status"], "SUCCEEDED");
    let viewer = scene.person("TENANT_VIEWER").await;
    let [first, again, wrong] = [1, 2, 3].map(|number: u128| format!("{number:032x}"));
    for trace in [&first, &again] {
        let answer =
            ask_traced(&viewer, (trace.as_str(), "01"), READ, json!({"status": ["SUCCEEDED"]})).await;
        let edges = answer["data"]["runs"]["edges"].as_array().expect("runs");
        assert!(edges.len() == 1 && edges[0]["node"]["integration"]["name"].is_string(), "{answer:#}");
        let of_trace = |name: &'static str| {
            collector.span(name, move |span: &Span| span.name == name && span.trace_id == *trace)
        };
        let (operation, call) = (of_trace("query").await, of_trace("Query.runs").await);
        assert_eq!(call.parent_id, operation.id);
        for (name, table) in [("SELECT run", "run"), ("SELECT integration", "integration")] {
            let statement = of_trace(name).await;
            assert_eq!((statement.kind.as_str(), &statement.parent_id), ("SPAN_KIND_CLIENT", &call.id));
            let text = statement.attributes["db.query.text"].as_str().expect("a text");
            assert!(text.starts_with(&format!("SELECT \"{table}\".")), "without the fence: {text}");
        }
    }
    let answer = ask_traced(&viewer, (wrong.as_str(), "01"), READ, json!({"status": ["SUCCEDED"]})).await;
    assert!(answer["errors"].is_array(), "{answer:#}");
    assert!(trestle.terminate().await.iter().all(|status| status.success()));
    let spans = collector.spans();
    for trace in [first, again, wrong] {
        // Of what is not valid the long way calls nothing.
        for name in ["query", "Query.runs"] {
            let count = spans.iter().filter(|span| span.name == name && span.trace_id == trace).count();
            assert_eq!(count, 1, "{name} of {trace}");
        }
    }
}

#[tokio::test]
async fn what_is_not_sampled_is_not_sent_and_outside_systems_know_of_no_trace() {
    let collector = Collector::start().await;
    let mut trestle = collector.setup(Setup::new(), Protocol::Http).embedded().await;
    let scene = Scene::of(&trestle).await;
    let (source, destination) = (Outside::with_records(RECORDS), Outside::start());
    let integration = integration(&scene, &source, &destination).await;
    let run = start_traced(scene.admin(), &integration, "00").await;
    assert_eq!(scene.fixture.finished_run(&run).await["status"], "SUCCEEDED");
    // What comes after it is sampled, and was sent when the process has ended.
    scene.admin().query("query Later { __typename }", Value::Null).await;
    assert!(trestle.terminate().await.iter().all(|status| status.success()));
    let spans = collector.spans();
    assert!(spans.iter().any(|span| span.attributes["graphql.operation.name"] == "Later"), "{spans:#?}");
    assert!(spans.iter().all(|span| span.trace_id != TRACE), "{spans:#?}");
    for request in source.requests().iter().chain(&destination.requests()) {
        assert!(!request.headers.contains_key("traceparent"), "{request:?}");
    }
    let logs = collector.logs();
    let is_of_run = |line: &Value| hex(line["traceId"].as_str().unwrap_or_default()) == TRACE;
    assert!(logs.iter().any(|(_, line)| is_of_run(line)), "lines of the log tell the trace all the same");
}

#[tokio::test]
async fn what_waits_is_sent_at_the_end() {
    let collector = Collector::start().await;
    let hour = Duration::from_secs(3_600).as_millis();
    let setup = collector.setup(Setup::new(), Protocol::Grpc);
    let setup = ["OTEL_METRIC_EXPORT_INTERVAL", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY"]
        .into_iter()
        .fold(setup, |setup, name| setup.setting(name, hour));
    let mut trestle = setup.embedded().await;
    trestle.client().query("query Last { __typename }", Value::Null).await;
    assert!(trestle.terminate().await.iter().all(|status| status.success()));
    let spans = collector.spans();
    assert!(spans.iter().any(|span| span.attributes["graphql.operation.name"] == "Last"), "{spans:#?}");
    assert!(!collector.metrics("trestle.graphql.operations").is_empty());
    assert!(collector.logs().iter().any(|(_, line)| line["body"]["stringValue"] == "shutting down"));
}

#[tokio::test]
async fn a_collector_that_is_away_is_warned_of_once_and_costs_nothing_else() {
    let setup = Setup::new()
        .setting("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{}", free_port()))
        .setting("OTEL_METRIC_EXPORT_INTERVAL", "100")
        .setting("OTEL_BSP_SCHEDULE_DELAY", "50")
        .setting("TRESTLE_LOG_FORMAT", "json");
    let mut trestle = setup.embedded().await;
    let scene = Scene::of(&trestle).await;
    let integration = scene.fixture.sandbox(&scene.tenant, json!({"records": 10}), json!({})).await;
    let run = start_traced(scene.admin(), &integration, "01").await;
    assert_eq!(scene.fixture.finished_run(&run).await["status"], "SUCCEEDED");
    let failed = "trestle_telemetry_exports_total{signal=\"metrics\",outcome=\"failed\"}";
    until("several batches were dropped", SOON, async || {
        let (_, text) = trestle.client().get("/metrics").await;
        let line = text.lines().find_map(|line| line.strip_prefix(failed)).map(str::to_owned);
        let count = line.as_deref().and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or_default();
        if count > 2 { Ok(()) } else { Err(line) }
    })
    .await;
    let log = trestle.log();
    let warnings = log.lines().filter(|line| line.contains("telemetry can't be sent to the collector"));
    assert_eq!(warnings.count(), 1, "{log}");
    let line = log.lines().find(|line| line.contains("the run went through")).expect("the line of the run");
    let line: Value = serde_json::from_str(line).expect("one JSON object a line");
    assert_eq!((&line["trace_id"], &line["run"]), (&json!(TRACE), &Value::Null), "{line:#}");
    let span = line["span_id"].as_str().expect("in a span");
    assert!(span.len() == 16 && span.bytes().all(|byte| byte.is_ascii_hexdigit()), "{span}");
    let asked = Instant::now();
    assert!(trestle.terminate().await.iter().all(|status| status.success()));
    assert!(asked.elapsed() < STOP_LIMIT, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_collector_that_never_answers_holds_no_process_that_ends() {
    // The system takes the connections; nobody reads what comes.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let setup = Setup::new()
        .setting("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", silent.local_addr().expect("bound")))
        .setting("OTEL_METRIC_EXPORT_INTERVAL", "100")
        .setting("OTEL_BSP_SCHEDULE_DELAY", "50");
    let mut trestle = setup.embedded().await;
    trestle.client().query("query Last { __typename }", Value::Null).await;
    let asked = Instant::now();
    assert!(trestle.terminate().await.iter().all(|status| status.success()));
    assert!(asked.elapsed() < SILENT_STOP_LIMIT, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_worker_serves_its_metrics_where_it_is_told_to() {
    let mut trestle = Setup::new().setting("TRESTLE_METRICS_BIND", "127.0.0.1:0").split(1).await;
    let address = trestle.worker(0).line("metrics at ", SOON).await;
    let scene = Scene::of(&trestle).await;
    let integration = scene.fixture.sandbox(&scene.tenant, json!({"records": 10}), json!({})).await;
    assert_eq!(scene.run(&integration).await["status"], "SUCCEEDED");
    let lines = [
        "trestle_runs_total{outcome=\"succeeded\"} 1",
        "trestle_records_total{outcome=\"created\"} 10",
        "trestle_claims_total{outcome=\"claimed\"} 1",
        "trestle_leases_lost_total 0",
        "trestle_run_attempt_duration_seconds_count{outcome=\"ended\"} 1",
        "db_client_connection_max{db_client_connection_pool_name=\"scoped\"} 20",
    ];
    // The attempt is counted when its end has been stored, which is when others see it.
    let text = until("everything is counted", SOON, async || {
        let text = metrics(&address).await;
        let missing = lines.iter().find(|line| !text.lines().any(|found| found == **line));
        if missing.is_none() { Ok(text) } else { Err(format!("{missing:?} in\n{text}")) }
    })
    .await;
    assert!(!text.contains("trestle_dispatch_"), "what only an API looks at is not told by a worker");
}

async fn metrics(address: &str) -> String {
    http().get(address).send().await.expect("it answers").text().await.expect("a text")
}

/// Started by nobody's request, a run begins a trace of its own, by which it is found.
#[tokio::test]
async fn a_run_that_nobody_traces_begins_a_trace_and_says_which() {
    let collector = Collector::start().await;
    let trestle: Trestle = collector.setup(Setup::new(), Protocol::Http).embedded().await;
    let scene = Scene::of(&trestle).await;
    let integration = scene.fixture.sandbox(&scene.tenant, json!({"records": 1}), json!({})).await;
    let run = scene.run(&integration).await;
    let query = "query($id: ID!) { run(id: $id) { traceId } }";
    let told = scene.admin().query(query, json!({"id": run["id"]})).await["run"]["traceId"].clone();
    let told = told.as_str().expect("a trace");
    let process = |span: &Span| span.name == "process runs" && span.trace_id == told;
    assert_eq!(collector.span("the run", process).await.resource["trestle.role"], "all");
}
