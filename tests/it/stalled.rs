//! Runs that make no progress: a system that accepts the connection and never answers, with a connector that would wait
//! for longer than the integration allows. The run ends as a failure that says who was silent, and its slot is free.

use serde_json::{Value, json};

use crate::harness::fixture::stream;
use crate::harness::outside::{Fault, Outside, Pagination, Rule};
use crate::harness::trestle::Trestle;
use crate::scene::{SLOW_PAGE, Scene, ended, impatient, into_table, only, outcome, text};

/// Far longer than a test waits.
const CONNECTOR_TIMEOUT_MS: u32 = 120_000;
const POLICY: &str =
    "integration { retryPolicy { attempts firstWaitSeconds longestWaitSeconds progressTimeoutSeconds } }";

/// A system whose connector does not give up in the time of a test.
async fn patient_system(scene: &Scene, outside: &Outside) -> String {
    let mut config = outside.config();
    config["timeoutMs"] = json!(CONNECTOR_TIMEOUT_MS);
    scene.fixture.system(&scene.tenant, "http", config, Value::Null).await
}

/// Lets the runs of an integration wait for no longer than the least that can be allowed.
async fn allow_little(scene: &Scene, integration: &str, attempts: u32) {
    let policy = json!({
        "attempts": attempts, "firstWaitSeconds": 1, "longestWaitSeconds": 1, "progressTimeoutSeconds": 10,
    });
    let input = json!({"integrationId": integration, "retryPolicy": policy});
    let changed = scene.admin().mutate("updateIntegration", input, POLICY).await;
    assert_eq!(changed["integration"]["retryPolicy"], policy);
}

/// One failure of the whole run: the code, who was waited for, and for how long.
async fn assert_stalled(scene: &Scene, run: &Value, code: &str, waited: &str) -> Value {
    assert_eq!(run["status"], "FAILED", "{run:#}");
    let failures = scene.failures(run).await;
    assert_eq!(
        only(&failures, &["code", "status", "retryable"]),
        json!([{
            "code": code, "status": "OPEN", "retryable": "YES",
        }])
    );
    let detail = text(&failures[0]["technicalDetail"]);
    assert!(detail.contains(&format!("{waited} has been waited for since 20")), "{detail}");
    assert!(detail.contains("at most 10 s are allowed"), "{detail}");
    failures[0].clone()
}

async fn a_destination_that_never_answers(trestle: &Trestle) {
    let scene = Scene::of(trestle).await;
    let outside = Outside::start();
    outside.inject(Rule::new(Fault::Hang));
    scene.files.write("in.csv", "id\na\nb\n");
    let (files, http) = (scene.file_system().await, patient_system(&scene, &outside).await);
    let records = stream(json!({"path": "in.csv"}), outside.destination_options());
    let hanging = scene.integration(&files, &http, records).await;
    allow_little(&scene, &hanging, 2).await;
    let other = scene.file_to_sqlite("in.csv", json!({})).await;

    let run = scene.fixture.start_run(&hanging).await;
    scene.run_until("it has the only slot", &run, |run| run["status"] == "RUNNING").await;
    let waits = scene.fixture.start_run(&other).await;
    let failed = scene.fixture.finished_run(&run).await;
    assert_eq!(outcome(&failed), ended("FAILED", json!({})));
    let failure = assert_stalled(&scene, &failed, "destination.stalled", "the destination").await;
    assert_eq!(
        only(std::slice::from_ref(&failure), &["category", "stage", "responsibleParty"]),
        json!([{
            "category": "APPLICATION", "stage": "LOAD", "responsibleParty": "THIRD_PARTY",
        }])
    );
    let again = scene.event(&run, "retry.scheduled").await;
    assert_eq!(
        only(&[again["attributes"].clone()], &["code", "attempt"]),
        json!([{
            "code": "destination.stalled", "attempt": 1,
        }])
    );
    let went_on = scene.fixture.finished_run(&waits).await;
    assert_eq!(outcome(&went_on), ended("SUCCEEDED", json!({"read": 2, "created": 2})));

    // Both attempts sent both records; what is retried by hand arrives, once.
    outside.heal();
    let input = json!({"failureIds": [failure["id"]]});
    let retry = scene.admin().mutate("retryFailures", input, "retry { id }").await["retry"].clone();
    assert_eq!(scene.finished_retry(&retry).await["status"], "COMPLETED");
    assert_eq!(outside.records().into_keys().collect::<Vec<_>>(), ["a", "b"]);
    scene.run_until("nothing is left to do", &run, |run| run["status"] == "RECOVERED").await;
}

#[tokio::test]
async fn a_destination_that_never_answers_ends_the_run_and_frees_its_slot() {
    let embedded = impatient().setting("TRESTLE_WORKERS", 1).embedded().await;
    a_destination_that_never_answers(&embedded).await;
}

#[tokio::test]
async fn a_destination_that_never_answers_ends_the_run_of_a_worker_process() {
    let split = impatient().setting("TRESTLE_WORKERS", 1).split(1).await;
    a_destination_that_never_answers(&split).await;
}

#[tokio::test]
async fn a_source_that_falls_silent_ends_the_run_after_what_it_brought_and_it_goes_on_from_there() {
    let scene = Scene::shared().await;
    let outside = Outside::with_records(2 * SLOW_PAGE);
    // The first page comes, and no other.
    outside.inject(Rule::new(Fault::Hang).after(1));
    let source = patient_system(&scene, &outside).await;
    let sqlite = scene.sqlite_system("out.db").await;
    let records = stream(outside.source_options(Pagination::Page), into_table("records"));
    let integration = scene.integration(&source, &sqlite, records).await;
    allow_little(&scene, &integration, 1).await;

    let failed = scene.run(&integration).await;
    let arrived = json!({"read": SLOW_PAGE, "created": SLOW_PAGE});
    assert_eq!(outcome(&failed), ended("FAILED", arrived));
    let failure = assert_stalled(&scene, &failed, "source.stalled", "the source").await;
    assert_eq!(failure["stage"], "EXTRACT");
    let tried_again = scene.event(&text(&failed["id"]), "retry.scheduled").await;
    assert_eq!(
        tried_again["attributes"]["attempt"], 1,
        "a page is progress, so that attempt was not the last one"
    );

    outside.heal();
    let input = json!({"failureIds": [failure["id"]]});
    let retry = scene.admin().mutate("retryFailures", input, "retry { id }").await["retry"].clone();
    assert_eq!(scene.finished_retry(&retry).await["status"], "COMPLETED");
    let rows = scene.sqlite_rows("out.db", "SELECT CAST(count(*) AS text) FROM records").await;
    assert_eq!(rows, [(2 * SLOW_PAGE).to_string()]);
}

#[tokio::test]
async fn how_long_a_silence_may_be_has_a_default_and_bounds() {
    let scene = Scene::shared().await;
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    let update = async |policy: Value| {
        let input = json!({"integrationId": integration, "retryPolicy": policy});
        scene.admin().try_mutate("updateIntegration", &input, POLICY).await.body["data"]["updateIntegration"]
            .clone()
    };
    let others = json!({"attempts": 4, "firstWaitSeconds": 1, "longestWaitSeconds": 1});
    for policy in [Value::Null, others.clone()] {
        let changed = update(policy).await;
        assert_eq!(changed["integration"]["retryPolicy"]["progressTimeoutSeconds"], 1_800);
    }
    for wrong in [-1, 0, 9, 86_401] {
        let mut policy = others.clone();
        policy["progressTimeoutSeconds"] = json!(wrong);
        let refused = update(policy).await;
        let field = json!(["retryPolicy", "progressTimeoutSeconds"]);
        assert_eq!(
            only(refused["userErrors"].as_array().unwrap(), &["code", "field"]),
            json!([{
                "code": "INVALID", "field": field,
            }])
        );
    }
    for right in [10, 86_400] {
        let mut policy = others.clone();
        policy["progressTimeoutSeconds"] = json!(right);
        assert_eq!(update(policy).await["integration"]["retryPolicy"]["progressTimeoutSeconds"], right);
    }
}
