//! From a failure to what may explain it: the request and its reply, events and logs of the run and beside it, what the run
//! cost, its trace; each for its audience, and nothing secret or classified in any of it. Deliberately absent: who may ask
//! for what (`access`), and whose it is (`isolation`).

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::outside::{Fault, Outside, Pagination, Rule};
use crate::harness::trestle::Trestle;
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, changed_stream, impatient, nodes, text};

/// The token that the vendor gave, and repeats in what it answers.
const TOKEN: &str = "vendor-token-0xC0FFEE";
/// What the schema classifies as personal, and as secret.
const PERSONAL: &str = "ada.lovelace@example.org";
const SECRET: &str = "DE89370400440532013000";

const EXCHANGE: &str = "exchange { at method url status durationMs requestHeaders { name value } requestBody
    requestBytes responseHeaders { name value } responseBody responseBytes redactions { field reason } }";
const LINES: &str = "at level component message attributes";
const METRICS: &str =
    "workedMs sourceWaitMs destinationWaitMs mappingMs storingMs throttledMs recordsPerSecond
    pageCount readBytes writtenBytes retryCount attemptCount takenOverCount peakMemoryBytes updatedAt";

/// Everything about a failure, as somebody may read it.
async fn asked(viewer: &Client, failure: &str) -> Value {
    let query = format!(
        "query($id: ID!) {{ failure(id: $id) {{
            id summary technicalDetail businessReference httpStatus redactions {{ field }} {EXCHANGE}
            clues {{
                trigger {{ kind triggeredBy queuedAt retryOf {{ id }} event {{ eventId }} }}
                events {{ type message attributes audience }}
                logs {{ {LINES} }} nearbyLogs {{ {LINES} }} metrics {{ {METRICS} }}
                traceId traceUrl redactions {{ field }}
            }}
            run {{ id traceId }}
        }} }}"
    );
    viewer.query(&query, json!({"id": failure})).await["failure"].clone()
}

async fn logs(viewer: &Client, run: &str, filter: Value) -> Vec<Value> {
    let query = format!(
        "query($id: ID!, $filter: LogFilter) {{ run(id: $id) {{
            logs(first: 100, filter: $filter) {{ edges {{ node {{ {LINES} }} }} }} }} }}"
    );
    nodes(&viewer.query(&query, json!({"id": run, "filter": filter})).await["run"]["logs"])
}

/// Waits until the end of a run is in its log.
async fn told(viewer: &Client, run: &str) -> Vec<Value> {
    until("the end of the run is in its log", SOON, async || {
        let lines = logs(viewer, run, json!({})).await;
        let is_over = lines.iter().any(|line| line["message"] == "the run went through");
        if is_over { Ok(lines) } else { Err(lines) }
    })
    .await
}

/// The id of a run's failure.
async fn only_failure(scene: &Scene, run: &Value) -> String {
    let failures = scene.failures(run).await;
    assert_eq!(failures.len(), 1, "{failures:#?}");
    text(&failures[0]["id"])
}

fn fields(redactions: &Value) -> Vec<String> {
    redactions.as_array().expect("a list").iter().map(|redaction| text(&redaction["field"])).collect()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| text(value).parse().unwrap_or_else(|_| panic!("no number: {value}")))
}

/// The files below a directory that hold a text.
fn files_with(directory: &Path, what: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the directory is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            found.extend(files_with(&path, what));
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes.windows(what.len()).any(|window| window == what.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

/// A tenant whose records go to a vendor that refuses one of three, and says more about it than it should.
async fn refusing(trestle: &Trestle, outside: &Outside) -> (Scene, String) {
    let scene = Scene::of(trestle).await;
    outside.require_bearer(TOKEN);
    outside.serve_records(vec![
        json!({"id": "R-1", "email": PERSONAL, "iban": SECRET, "amount": 5}),
        json!({"id": "R-2", "email": "charles@example.org", "iban": "GB33BUKB20201555555555", "amount": 6}),
        json!({"id": "R-3", "email": null, "iban": null, "amount": 7}),
    ]);
    outside.inject(
        Rule::new(Fault::Status(
            422,
            json!({
                "errors": [{"field": "email", "message": format!("{PERSONAL} is taken")}],
                "record": {"id": "R-1", "email": PERSONAL, "IBAN": SECRET},
                "trace": format!("Authorization: Bearer {TOKEN}; iban {SECRET}"), "note": "quillon",
            }),
        ))
        .on_key("R-1")
        .on_writes(),
    );
    let mut config = outside.config();
    config["auth"] = json!("bearer");
    config["headers"] = json!({"x-vendor-key": "key-of-the-config"});
    let system = scene.fixture.system(&scene.tenant, "http", config, json!({"token": TOKEN})).await;
    let schema = json!({
        "type": "object",
        "properties": {
            "email": {"type": ["string", "null"], "x-classification": "personal"},
            "iban": {"type": ["string", "null"], "x-classification": "secret"},
        },
    });
    let source = outside.source_options(Pagination::Page);
    let moves = changed_stream(source, outside.destination_options(), json!({"recordSchema": schema}));
    let integration = scene.integration(&system, &system, moves).await;
    (scene, integration)
}

#[tokio::test]
async fn a_refused_record_is_explained_to_engineers_and_nothing_secret_is_kept_or_told() {
    let outside = Outside::start();
    let setup = impatient().setting("TRESTLE_TRACE_URL", "https://traces.example/trace/{traceId}?org=1");
    let trestle = setup.embedded().await;
    let (scene, integration) = refusing(&trestle, &outside).await;
    let engineer = scene.person("ENGINEER").await;
    let run = scene.run(&integration).await;
    assert_eq!(run["status"], "PARTIAL", "{run:#}");
    let failure = only_failure(&scene, &run).await;
    let run = text(&run["id"]);
    let lines = told(&engineer, &run).await;

    // What was sent, and what came back; the bodies when the record is revealed.
    let closed = asked(&engineer, &failure).await;
    let exchange = &closed["exchange"];
    assert_eq!((&exchange["method"], &exchange["status"]), (&json!("POST"), &json!(422)), "{closed:#}");
    assert_eq!(exchange["url"], json!(format!("{}/records", outside.url())));
    let header = |headers: &Value, name: &str| {
        let headers = headers.as_array().expect("a list").clone();
        headers.into_iter().find(|header| header["name"] == name).map(|header| header["value"].clone())
    };
    assert_eq!(header(&exchange["requestHeaders"], "content-type"), Some(json!("application/json")));
    assert!(header(&exchange["requestHeaders"], "idempotency-key").is_some(), "{exchange:#}");
    assert_eq!(header(&exchange["responseHeaders"], "content-type"), Some(json!("application/json")));
    assert_eq!((&exchange["requestBody"], &exchange["responseBody"]), (&Value::Null, &Value::Null));
    assert_eq!(fields(&exchange["redactions"]), ["requestBody", "responseBody"]);
    assert!(number(&exchange["requestBytes"]) > 50 && number(&exchange["responseBytes"]) > 100);
    let allow = json!({"tenantId": scene.tenant.id, "allowed": true});
    let administrator = scene.person("TENANT_ADMIN").await;
    administrator.mutate("setSupportAccess", allow, "tenant { id }").await;
    let reveal = json!({"failureId": failure, "reason": "case 4711"});
    engineer.mutate("revealRecord", reveal, "reveal { reason }").await;
    let open = asked(&engineer, &failure).await;
    let sent: Value = serde_json::from_str(&text(&open["exchange"]["requestBody"])).expect("JSON");
    assert_eq!(sent, json!({"id": "R-1", "email": "[personal]", "iban": "[secret]", "amount": 5}));
    let answered = text(&open["exchange"]["responseBody"]);
    let answered: Value =
        serde_json::from_str(&answered).unwrap_or_else(|error| panic!("{error}: {answered}"));
    assert_eq!(answered["record"], json!({"id": "R-1", "email": "[personal]", "IBAN": "[secret]"}));
    assert_eq!(answered["errors"], json!([{"field": "email", "message": "[classified] is taken"}]));
    assert_eq!(answered["note"], "quillon");
    assert_eq!(fields(&open["exchange"]["redactions"]), Vec::<String>::new());

    // What started the run, what happened in it, what it cost, and its trace.
    let clues = &open["clues"];
    assert_eq!(clues["trigger"]["kind"], "MANUAL", "{clues:#}");
    let types: Vec<String> =
        clues["events"].as_array().expect("a list").iter().map(|event| text(&event["type"])).collect();
    for wanted in ["run.queued", "run.started", "record.rejected", "run.finished"] {
        assert!(types.iter().any(|one| one == wanted), "{wanted} in {types:?}");
    }
    assert_eq!(clues["logs"], json!(lines), "all of a short run is around its failure");
    let trace_id = text(&open["run"]["traceId"]);
    assert!(trace_id.len() == 32 && trace_id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{trace_id}");
    assert_eq!(clues["traceId"], json!(trace_id));
    assert_eq!(clues["traceUrl"], json!(format!("https://traces.example/trace/{trace_id}?org=1")));
    assert!(lines.iter().all(|line| line["attributes"]["trace.id"] == *trace_id), "{lines:#?}");
    let metrics = &clues["metrics"];
    for (field, wanted) in [("attemptCount", 1), ("takenOverCount", 0), ("retryCount", 0)] {
        assert_eq!(number(&metrics[field]), wanted, "{field}: {metrics:#}");
    }
    for field in ["workedMs", "pageCount", "readBytes", "writtenBytes", "peakMemoryBytes"] {
        assert!(number(&metrics[field]) > 0, "{field}: {metrics:#}");
    }
    assert!(metrics["recordsPerSecond"].as_f64().is_some_and(|rate| rate > 0.0), "{metrics:#}");

    // Each other audience has what is theirs, and is told what is not.
    let support = asked(&scene.person("SUPPORT").await, &failure).await;
    assert!(support["exchange"].is_null() && fields(&support["redactions"]).contains(&"exchange".to_owned()));
    assert_eq!(number(&support["clues"]["metrics"]["workedMs"]), number(&metrics["workedMs"]));
    assert!(support["clues"]["metrics"]["peakMemoryBytes"].is_null());
    let hidden = ["logs", "nearbyLogs", "traceId", "traceUrl"];
    assert_eq!(fields(&support["clues"]["redactions"]), hidden);
    let customer = asked(&administrator, &failure).await;
    assert!(customer["exchange"].is_null() && customer["clues"]["metrics"].is_null(), "{customer:#}");
    assert_eq!(fields(&customer["clues"]["redactions"]), [&hidden[..], &["metrics"]].concat());
    assert!(hidden.iter().all(|field| customer["clues"][field].is_null()), "{customer:#}");
    assert!(!customer["clues"]["events"].as_array().expect("a list").is_empty());

    // Nothing of what must not be told is told, logged or stored.
    let everything = format!("{open} {closed} {support} {customer} {lines:?} {}", trestle.log());
    assert!(!everything.contains("key-of-the-config"), "a header of the config was told");
    for hidden in [TOKEN, PERSONAL, SECRET, "charles@", "GB33"] {
        assert!(!everything.contains(hidden), "{hidden} was told");
        assert_eq!(files_with(&trestle.data_dir(), hidden), Vec::<String>::new(), "{hidden}");
    }
}

#[tokio::test]
async fn logs_are_searched_and_what_happens_beside_a_run_is_near_it() {
    let outside = Outside::start();
    let trestle = impatient().embedded().await;
    let (scene, integration) = refusing(&trestle, &outside).await;
    let engineer = scene.person("ENGINEER").await;
    let first = scene.run(&integration).await;
    let failure = only_failure(&scene, &first).await;
    let run = text(&first["id"]);
    let lines = told(&engineer, &run).await;
    let found = async |filter: Value| logs(&engineer, &run, filter).await.len();
    assert_eq!(found(json!({"search": "RUN WENT"})).await, 1);
    assert_eq!(found(json!({"search": "run%went"})).await, 0, "wildcards mean themselves");
    assert_eq!(found(json!({"level": "ERROR"})).await, 0);
    assert!(found(json!({"level": "INFO", "component": "worker"})).await > 0);
    assert_eq!(found(json!({"component": "work"})).await, 0, "a part is named whole");
    let at = lines.last().expect("one")["at"].clone();
    let (from, to) = (found(json!({"from": at})).await, found(json!({"to": at})).await);
    assert!(from > 0 && from + to == lines.len(), "{from} and {to} of {lines:#?}");
    let too_long = json!({"id": run, "filter": {"search": "x".repeat(201)}});
    let query =
        "query($id: ID!, $filter: LogFilter) { run(id: $id) { logs(filter: $filter) { edges { cursor } } } }";
    assert_eq!(engineer.try_query(query, too_long).await.codes(), ["BAD_USER_INPUT"]);
    let window = "query($id: ID!) { failure(id: $id) { clues(windowSeconds: 601) { traceId } } }";
    assert_eq!(engineer.try_query(window, json!({"id": failure})).await.codes(), ["BAD_USER_INPUT"]);

    // Another run of the same system is near; one that uses neither of its systems is not.
    let other = text(&scene.run(&integration).await["id"]);
    told(&engineer, &other).await;
    let sandbox = scene.fixture.sandbox(&scene.tenant, json!({"records": 1}), json!({})).await;
    let apart = text(&scene.run(&sandbox).await["id"]);
    told(&engineer, &apart).await;
    let traces = async |run: &str| {
        let query = "query($id: ID!) { run(id: $id) { traceId } }";
        engineer.query(query, json!({"id": run})).await["run"]["traceId"].clone()
    };
    let near = asked(&engineer, &failure).await["clues"]["nearbyLogs"].clone();
    let of: Vec<Value> =
        near.as_array().expect("a list").iter().map(|line| line["attributes"]["trace.id"].clone()).collect();
    assert!(of.contains(&traces(&other).await), "{near:#}");
    assert!(!of.contains(&traces(&apart).await) && !of.contains(&traces(&run).await), "{near:#}");
}

#[tokio::test]
async fn many_refusals_keep_some_exchanges_and_a_run_that_cannot_go_on_keeps_its_own() {
    let outside = Outside::with_records(130);
    let scene = Scene::shared().await;
    let engineer = scene.person("ENGINEER").await;
    let system = scene.http_system(&outside).await;
    // The last one has a reason of its own.
    outside.inject(Rule::new(Fault::Status(409, json!({"note": "taken"}))).on_key("R-00130").on_writes());
    outside.inject(Rule::new(Fault::Status(422, json!({"note": "no"}))).on_writes());
    let source = outside.source_options(Pagination::Page);
    let moves = changed_stream(source, outside.destination_options(), json!({}));
    let integration = scene.integration(&system, &system, moves).await;
    let run = scene.run(&integration).await;
    assert_eq!(run["counts"]["failed"], 130, "{run:#}");
    let mut kept: BTreeMap<i64, usize> = BTreeMap::new();
    let mut after = Value::Null;
    loop {
        let query = "query($id: ID!, $after: String) { run(id: $id) { failures(first: 100, after: $after) {
            edges { node { httpStatus exchange { status } } } pageInfo { endCursor hasNextPage } } } }";
        let page = engineer.query(query, json!({"id": run["id"], "after": after})).await;
        let page = &page["run"]["failures"];
        for failure in nodes(page) {
            if failure["exchange"].is_object() {
                assert_eq!(failure["exchange"]["status"], failure["httpStatus"], "{failure:#}");
                *kept.entry(number(&failure["httpStatus"])).or_default() += 1;
            }
        }
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(kept, BTreeMap::from([(409, 1), (422, 5)]), "enough to see each reason, and no more");

    outside.heal();
    outside.require_bearer(TOKEN);
    let failed = scene.run(&integration).await;
    assert_eq!(failed["status"], "FAILED", "{failed:#}");
    let query = format!("query($id: ID!) {{ run(id: $id) {{ failure {{ id record {EXCHANGE} }} }} }}");
    let failure = engineer.query(&query, json!({"id": failed["id"]})).await["run"]["failure"].clone();
    assert_eq!(
        (&failure["exchange"]["method"], &failure["exchange"]["status"]),
        (&json!("GET"), &json!(401))
    );
    let url = text(&failure["exchange"]["url"]);
    assert!(url.starts_with(&outside.url()), "{url}");
    // There is no record, and its bodies are opened all the same.
    let allow = json!({"tenantId": scene.tenant.id, "allowed": true});
    scene.person("TENANT_ADMIN").await.mutate("setSupportAccess", allow, "tenant { id }").await;
    let reveal = json!({"failureId": failure["id"], "reason": "case 4711"});
    engineer.mutate("revealRecord", reveal, "reveal { reason }").await;
    let open = engineer.query(&query, json!({"id": failed["id"]})).await["run"]["failure"].clone();
    assert_eq!((&open["record"], &open["exchange"]["responseBody"]), (&Value::Null, &json!("")), "{open:#}");
}

#[tokio::test]
async fn a_run_belongs_to_the_trace_of_the_request_that_asked_for_it() {
    let scene = Scene::shared().await;
    let integration = scene.fixture.sandbox(&scene.tenant, json!({"records": 1}), json!({})).await;
    let trace_id = "0af7651916cd43dd8448eb211c80319c";
    let query = "mutation($input: StartRunInput!) { startRun(input: $input) { run { traceId } } }";
    let body = json!({"query": query, "variables": {"input": {"integrationId": integration}}});
    let admin = scene.admin();
    let request = crate::harness::client::http()
        .post(format!("{}/graphql", admin.url().trim_end_matches("/graphql")))
        .bearer_auth(admin.token().expect("signed in"))
        .header("traceparent", format!("00-{trace_id}-b7ad6b7169203331-01"))
        .json(&body);
    let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer["data"]["startRun"]["run"]["traceId"], trace_id, "{answer:#}");
}
