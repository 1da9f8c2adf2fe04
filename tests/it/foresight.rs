//! What a retry would do, told before anything is done, and retries of only what is wanted. Deliberately absent: what a retry
//! does (`retry`).

use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::outside::{Fault, Outside, Rule};
use crate::scene::{Scene, changed_stream, ended, into_table, outcome, text};

const PLAN: &str = "query($filter: FailureFilter!) { retryPlan(filter: $filter) {
    total retryable notRetryable wouldCreate wouldUpdate alreadyWritten wouldOverwriteNewer wouldBeLeftOut cannotSucceed
    unknown unpredicted
    failures(first: 100) { failureId businessReference prediction reason fieldErrors { path rule } }
} }";

async fn plan(viewer: &Client, filter: &Value) -> Value {
    viewer.query(PLAN, json!({"filter": filter})).await["retryPlan"].clone()
}

/// `reference PREDICTION` of each, in order.
fn predictions(plan: &Value) -> Vec<String> {
    let failures = plan["failures"].as_array().unwrap();
    let named = |failure: &Value| {
        let reference = failure["businessReference"].as_str().unwrap_or("-");
        format!("{reference} {}", text(&failure["prediction"]))
    };
    let mut all: Vec<String> = failures.iter().map(named).collect();
    all.sort();
    all
}

/// The counts of a plan that are not 0.
fn counts(plan: &Value) -> Value {
    let numbers = plan.as_object().unwrap().iter().filter(|(_, value)| value.as_u64().is_some_and(|n| n > 0));
    numbers.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[tokio::test]
async fn each_failure_is_predicted_by_what_is_there_and_only_what_is_wanted_is_retried() {
    let outside = Outside::start();
    let scene = Scene::shared().await;
    outside.inject(Rule::new(Fault::rejected("no")).on_key("5"));
    let lines = [
        json!({"id": "1", "n": 1}).to_string(),
        json!({"id": "1", "n": 1}).to_string(),
        json!({"id": "2", "n": 1}).to_string(),
        json!({"id": "2", "n": 2}).to_string(),
        json!({"id": "3", "n": -3, "note": "top secret"}).to_string(),
        json!({"n": 4}).to_string(),
        json!({"id": "5", "n": 5}).to_string(),
        json!({"id": "6", "n": -6}).to_string(),
        "{\"id\": \"7\", broken".to_owned(),
    ];
    scene.files.write("in.jsonl", lines.join("\n"));
    let (files, http) = (scene.file_system().await, scene.http_system(&outside).await);
    let moves =
        |changes: Value| changed_stream(json!({"path": "in.jsonl"}), outside.destination_options(), changes);
    let rules = json!({"properties": {"n": {"minimum": 0}}});
    let integration = scene.integration(&files, &http, moves(json!({"recordSchema": rules}))).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 9, "created": 2, "failed": 7})), "{run:#}");

    let of_run = json!({"runId": run["id"]});
    let viewer = scene.person("TENANT_VIEWER").await;
    let before = plan(&viewer, &of_run).await;
    assert_eq!(
        predictions(&before),
        [
            "- CANNOT_SUCCEED",
            "- CANNOT_SUCCEED",
            "1 ALREADY_WRITTEN",
            "2 WOULD_UPDATE",
            "3 CANNOT_SUCCEED",
            "5 UNKNOWN",
            "6 CANNOT_SUCCEED",
        ],
        "{before:#}"
    );
    let expected = json!({
        "total": 7, "retryable": 6, "notRetryable": 1, "alreadyWritten": 1, "wouldUpdate": 1, "cannotSucceed": 4, "unknown": 1,
    });
    assert_eq!(counts(&before), expected);
    let third =
        before["failures"].as_array().unwrap().iter().find(|one| one["businessReference"] == "3").unwrap();
    assert_eq!(third["fieldErrors"], json!([{"path": "/n", "rule": "minimum"}]), "{third:#}");
    assert_eq!(third["reason"], "It does not meet the rules for this data.");
    assert!(!before.to_string().contains("secret"), "a plan has no values of records: {before:#}");

    // The integration is changed: what it is now counts, and nothing of the failures has changed.
    scene.update_stream(&integration, moves(json!({"mapping": "if .id == \"6\" { abort }"}))).await;
    let after = plan(&viewer, &of_run).await;
    let expected = json!({
        "total": 7, "retryable": 6, "notRetryable": 1, "alreadyWritten": 1, "wouldUpdate": 1, "wouldCreate": 1,
        "wouldBeLeftOut": 1, "cannotSucceed": 2, "unknown": 1,
    });
    assert_eq!(counts(&after), expected, "{after:#}");

    let some = "query($filter: FailureFilter!) { retryPlan(filter: $filter) {
        failures(prediction: [CANNOT_SUCCEED, UNKNOWN], first: 1) { prediction } } }";
    let some = viewer.query(some, json!({"filter": of_run})).await["retryPlan"]["failures"].clone();
    assert_eq!(some, json!([{"prediction": "CANNOT_SUCCEED"}, {"prediction": "UNKNOWN"}]));

    let member = scene.person("TENANT_MEMBER").await;
    let retry = |only: Value| json!({"filter": of_run, "only": only});
    let errors = member.refused("retryFailures", retry(json!([]))).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("REQUIRED", "only"), "{errors:?}");
    let errors = member.refused("retryFailures", retry(json!(["WOULD_OVERWRITE_NEWER"]))).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("CONFLICT", "filter"), "{errors:?}");
    let wanted = retry(json!(["WOULD_CREATE", "WOULD_BE_LEFT_OUT", "ALREADY_WRITTEN"]));
    let started = member.mutate("retryFailures", wanted, "retry { id total }").await;
    assert_eq!(started["retry"]["total"], 3);
    let done = scene.finished_retry(&started["retry"]).await;
    assert_eq!((&done["resolved"], &done["failed"]), (&json!(3), &json!(0)), "{done:#}");
    let retried = scene.fixture.run(&text(&done["runs"]["edges"][0]["node"]["id"])).await;
    let counts = json!({"read": 3, "created": 1, "unchanged": 1, "skipped": 1});
    assert_eq!(outcome(&retried), ended("SUCCEEDED", counts), "as was predicted: {retried:#}");
    assert_eq!(outside.effects("1"), 1, "what was written already is not written again");
    let left = plan(&viewer, &of_run).await;
    assert_eq!(
        predictions(&left),
        ["- CANNOT_SUCCEED", "- CANNOT_SUCCEED", "2 WOULD_UPDATE", "5 UNKNOWN"],
        "{left:#}"
    );
}

#[tokio::test]
async fn what_would_put_the_older_over_the_newer_is_told() {
    let outside = Outside::start();
    let scene = Scene::shared().await;
    outside.set_key_field("number");
    scene.files.write_jsonl("in.jsonl", [json!({"number": "7", "n": 1})]);
    let (files, http) = (scene.file_system().await, scene.http_system(&outside).await);
    let moves = |key: &str| {
        let changes = json!({"keyFields": [key]});
        changed_stream(json!({"path": "in.jsonl"}), outside.destination_options(), changes)
    };
    let integration = scene.integration(&files, &http, moves("id")).await;
    let run = scene.run(&integration).await;
    let failure = scene.failures(&run).await[0].clone();
    assert_eq!(failure["code"], "record.missing_key");

    // The stream gets another key, by which a later run brings another record home.
    let admin = scene.person("TENANT_ADMIN").await;
    scene.update_stream(&integration, moves("number")).await;
    scene.files.write_jsonl("in.jsonl", [json!({"number": "7", "n": 2})]);
    let later = scene.run(&integration).await;
    assert_eq!(outcome(&later), ended("SUCCEEDED", json!({"read": 1, "created": 1})), "{later:#}");

    let of_run = json!({"runId": run["id"]});
    let planned = plan(&admin, &of_run).await;
    assert_eq!(
        counts(&planned),
        json!({"total": 1, "retryable": 1, "wouldOverwriteNewer": 1}),
        "{planned:#}"
    );
    let safe = json!({"filter": of_run, "only": ["WOULD_CREATE", "WOULD_UPDATE"]});
    assert_eq!(admin.refused("retryFailures", safe).await[0].code, "CONFLICT");
    assert_eq!(outside.records()["7"]["n"], 2);
    assert_eq!(scene.failure(&admin, &failure["id"]).await["status"], "OPEN");
}

#[tokio::test]
async fn what_a_run_brings_home_before_a_retry_has_its_turn_is_not_retried() {
    let (scene, outside) = (Scene::shared().await, Outside::start());
    let mut records: Vec<Value> = (1..=300)
        .map(|number| json!({"id": format!("R-{number:03}"), "amount": number.to_string()}))
        .collect();
    outside.serve_records(records.clone());
    let (source, options) = scene.slow_source(&outside).await;
    let sqlite = scene.sqlite_system("out.db").await;
    let moves = |changes: Value| changed_stream(options.clone(), into_table("records"), changes);
    let rules = json!({"properties": {"amount": {"not": {"const": "250"}}}});
    let integration = scene.integration(&source, &sqlite, moves(json!({"recordSchema": rules}))).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 300, "created": 299, "failed": 1})), "{run:#}");
    let failure = scene.failures(&run).await[0].clone();

    // A run is under way that brings the record as the source has it by now; the retry of the older one waits for it.
    records[249]["amount"] = json!("new");
    outside.serve_records(records);
    scene.update_stream(&integration, moves(json!({}))).await;
    let later = scene.fixture.start_run(&integration).await;
    scene.run_until("a page is done", &later, |run| run["counts"]["read"].as_u64() > Some(0)).await;
    let ids = json!({"failureIds": [failure["id"]]});
    let started = scene.admin().mutate("retryFailures", ids, "retry { id total }").await;
    assert_eq!(scene.fixture.finished_run(&later).await["counts"]["created"], 1);
    let done = scene.finished_retry(&started["retry"]).await;
    let expected = (&json!("COMPLETED"), &json!(1), &json!(0));
    assert_eq!((&done["status"], &done["resolved"], &done["failed"]), expected, "{done:#}");
    assert_eq!(scene.failure(scene.admin(), &failure["id"]).await["status"], "SUPERSEDED");
    assert_eq!(scene.status(&text(&run["id"])).await, "RECOVERED");
    let rows = scene.sqlite_rows("out.db", "SELECT amount FROM records WHERE id = 'R-250'").await;
    assert_eq!(rows, ["new"], "the older is not put over it");
}

#[tokio::test]
async fn more_failures_than_can_be_predicted_are_counted() {
    let scene = Scene::shared().await;
    let rows = (0..10_050).map(|n: u32| vec![n.to_string(), "bad".to_owned()]);
    scene.files.write_csv("in.csv", &["id", "n"], rows);
    let rules = json!({"properties": {"n": {"pattern": "^[0-9]+$"}}});
    let changes = json!({
        "recordSchema": rules, "mapping": ".n = downcase!(.n)", "quality": {"maxFailedPercent": null},
    });
    let integration = scene.file_to_sqlite("in.csv", changes).await;
    let run = scene.run(&integration).await;
    assert_eq!(run["counts"]["failed"], 10_050);
    let of_run = json!({"runId": run["id"]});
    let planned = plan(scene.admin(), &of_run).await;
    let count = |name: &str| planned[name].as_u64().unwrap();
    assert_eq!((count("total"), count("retryable")), (10_050, 10_050));
    assert!(count("unpredicted") >= 50, "{}", count("unpredicted"));
    assert_eq!(count("cannotSucceed") + count("unpredicted"), 10_050);
    assert_eq!(planned["failures"].as_array().unwrap().len(), 100);
    let errors =
        scene.admin().refused("retryFailures", json!({"filter": of_run, "only": ["WOULD_CREATE"]})).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("LIMIT_REACHED", "only"), "{errors:?}");
}

#[tokio::test]
async fn a_failure_of_a_whole_run_is_counted_and_not_predicted() {
    let scene = Scene::shared().await;
    let integration = scene.file_to_sqlite("missing.csv", json!({})).await;
    let run = scene.run(&integration).await;
    assert_eq!(run["status"], "FAILED");
    let planned = plan(scene.admin(), &json!({"runId": run["id"]})).await;
    assert_eq!(counts(&planned), json!({"total": 1, "retryable": 1, "unknown": 1}), "{planned:#}");
}
