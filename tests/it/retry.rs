//! Failures come home: retried as they are, retried after a mend or an edit, skipped, or overtaken by a later run; and
//! nobody's double click does anything twice. Deliberately absent: how a failure comes to be (`failure`).

use futures::future::join_all;
use serde_json::{Value, json};

use crate::harness::fixture::stream;
use crate::harness::outside::{Fault, Outside, Rule};
use crate::harness::trestle::Trestle;
use crate::scene::{Scene, changed_stream, ended, into_table, outcome, sqlite_execute, text};

const RETRY: &str = "retry { id status total resolved failed remaining }";

/// Six records to an outside system that refuses those of `refused`, run once.
async fn refused_by(outside: &Outside, refused: &[&str]) -> (Scene, String, Value) {
    refused_in(Scene::shared().await, outside, refused).await
}

async fn refused_in(scene: Scene, outside: &Outside, refused: &[&str]) -> (Scene, String, Value) {
    scene.files.write_csv(
        "in.csv",
        &["id", "n"],
        (1..=6).map(|number: u8| vec![format!("PO-{number}"), number.to_string()]),
    );
    for key in refused {
        outside.inject(Rule::new(Fault::rejected("no")).on_key(key));
    }
    let (files, http) = (scene.file_system().await, scene.http_system(outside).await);
    let moves = stream(json!({"path": "in.csv"}), outside.destination_options());
    let integration = scene.integration(&files, &http, moves).await;
    let run = scene.run(&integration).await;
    let counts = json!({"read": 6, "created": 6 - refused.len(), "failed": refused.len()});
    assert_eq!(outcome(&run), ended("PARTIAL", counts), "{run:#}");
    (scene, integration, run)
}

/// Status of each failure of a run, by reference.
async fn statuses(scene: &Scene, run: &Value) -> Vec<String> {
    let failures = scene.failures(run).await;
    failures
        .iter()
        .map(|failure| format!("{} {}", text(&failure["businessReference"]), text(&failure["status"])))
        .collect()
}

#[tokio::test]
async fn a_mended_mapping_and_a_retry_of_the_run_bring_its_failures_home() {
    let scene = Scene::shared().await;
    scene.files.write("in.csv", "id,amount\n1,1.5\n2,two\n3,3\n4,vier\n");
    let mapping = ".amount = to_float!(.amount)";
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    let moves = |mapping: &str| {
        changed_stream(json!({"path": "in.csv"}), into_table("records"), json!({"mapping": mapping}))
    };
    let integration = scene.integration(&files, &sqlite, moves(mapping)).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 4, "created": 2, "failed": 2})), "{run:#}");
    assert_eq!(statuses(&scene, &run).await, ["2 OPEN", "4 OPEN"]);

    // The source is gone: what failed is retried from what was kept of it.
    std::fs::remove_file(scene.files.path("in.csv")).unwrap();
    let again = json!({"runId": run["id"], "scope": "FAILED_RECORDS"});
    let started = scene.admin().mutate("retryRun", again.clone(), "run { id trigger retryOf { id } }").await;
    assert_eq!((&started["run"]["trigger"], &started["run"]["retryOf"]["id"]), (&json!("RETRY"), &run["id"]));
    let retried = scene.fixture.finished_run(&text(&started["run"]["id"])).await;
    assert_eq!(
        outcome(&retried),
        ended("PARTIAL", json!({"read": 2, "failed": 2})),
        "not mended: {retried:#}"
    );
    assert_eq!(statuses(&scene, &run).await, ["2 OPEN", "4 OPEN"]);
    let failure = scene.failures(&run).await[0].clone();
    assert_eq!(failure["attempts"], 2, "{failure:#}");

    scene.update_stream(&integration, moves(".amount = to_float(.amount) ?? -1.0")).await;
    let started = scene.admin().mutate("retryRun", again.clone(), "run { id }").await;
    let retried = scene.fixture.finished_run(&text(&started["run"]["id"])).await;
    assert_eq!(outcome(&retried), ended("SUCCEEDED", json!({"read": 2, "created": 2})), "{retried:#}");
    assert_eq!(statuses(&scene, &run).await, ["2 RESOLVED", "4 RESOLVED"]);
    assert_eq!(scene.status(&text(&run["id"])).await, "RECOVERED");
    let rows = scene.sqlite_rows("out.db", "SELECT id || ' ' || amount FROM records ORDER BY id").await;
    assert_eq!(rows, ["1 1.5", "2 -1.0", "3 3.0", "4 -1.0"]);
    let types = scene.event_types(&text(&run["id"])).await;
    assert_eq!(types.last().unwrap(), "run.recovered");

    let errors = scene.admin().refused("retryRun", again).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("CONFLICT", "runId"), "{errors:?}");
}

#[tokio::test]
async fn failures_are_retried_by_id_and_by_filter() {
    let outside = Outside::start();
    let (scene, integration, run) = refused_by(&outside, &["PO-2", "PO-4", "PO-5"]).await;
    let member = scene.person("TENANT_MEMBER").await;
    let failures = scene.failures(&run).await;
    outside.heal_key("PO-4");
    outside.heal_key("PO-5");

    let plan = "query($filter: FailureFilter!) { retryPlan(filter: $filter) { total retryable notRetryable alreadyWritten } }";
    let of_run = json!({"filter": {"runId": run["id"]}});
    let planned = member.query(plan, of_run.clone()).await["retryPlan"].clone();
    assert_eq!(planned, json!({"total": 3, "retryable": 3, "notRetryable": 0, "alreadyWritten": 0}));

    let started = member.mutate("retryFailures", json!({"failureIds": [failures[1]["id"]]}), RETRY).await;
    assert_eq!(started["retry"]["total"], 1);
    let done = scene.finished_retry(&started["retry"]).await;
    assert_eq!(
        (&done["status"], &done["total"], &done["resolved"], &done["failed"], &done["remaining"]),
        (&json!("COMPLETED"), &json!(1), &json!(1), &json!(0), &json!(0)),
        "{done:#}"
    );
    assert_eq!(statuses(&scene, &run).await, ["PO-2 OPEN", "PO-4 RESOLVED", "PO-5 OPEN"]);
    assert_eq!(scene.status(&text(&run["id"])).await, "PARTIAL");

    let started = member.mutate("retryFailures", of_run.clone(), RETRY).await;
    let done = scene.finished_retry(&started["retry"]).await;
    assert_eq!(
        (&done["total"], &done["resolved"], &done["failed"], &done["remaining"]),
        (&json!(2), &json!(1), &json!(1), &json!(0)),
        "PO-2 is refused still: {done:#}"
    );
    assert_eq!(done["runs"]["edges"][0]["node"]["retryOf"]["id"], run["id"]);
    assert_eq!(statuses(&scene, &run).await, ["PO-2 OPEN", "PO-4 RESOLVED", "PO-5 RESOLVED"]);

    outside.heal();
    let by_code = json!({"filter": {"integrationId": integration, "code": ["destination.rejected"]}});
    let started = member.mutate("retryFailures", by_code.clone(), RETRY).await;
    let done = scene.finished_retry(&started["retry"]).await;
    assert_eq!((&done["total"], &done["resolved"]), (&json!(1), &json!(1)), "{done:#}");
    assert_eq!(scene.status(&text(&run["id"])).await, "RECOVERED");
    assert_eq!(outside.records().len(), 6);
    assert!(outside.records().keys().all(|key| outside.effects(key) == 1));

    // Nothing is left, and what is not open is not retried.
    let errors = member.refused("retryFailures", by_code).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("CONFLICT", "filter"), "{errors:?}");
    let errors = member.refused("retryFailures", json!({"failureIds": [failures[0]["id"]]})).await;
    assert_eq!(
        (errors[0].code.as_str(), errors[0].field.as_str()),
        ("CONFLICT", "failureIds.0"),
        "{errors:?}"
    );
}

#[tokio::test]
async fn an_edited_record_is_checked_mapped_and_written() {
    let scene = Scene::shared().await;
    scene
        .files
        .write_jsonl("in.jsonl", [json!({"id": "1", "amount": "ten"}), json!({"id": "2", "amount": "20"})]);
    let changes = json!({"mapping": ".amount = to_float!(.amount)", "recordSchema": {"properties": {"amount": {"minimum": 1}}}});
    let integration = scene.file_to_sqlite("in.jsonl", changes).await;
    let run = scene.run(&integration).await;
    let failure = scene.failures(&run).await[0].clone();
    let admin = scene.person("TENANT_ADMIN").await;

    for (record, code, field) in [
        (json!("text"), "INVALID", "record"),
        (json!([1]), "INVALID", "record"),
        (json!({"amount": "10"}), "REQUIRED", "record.id"),
        (json!({"id": null, "amount": "10"}), "REQUIRED", "record.id"),
    ] {
        let errors =
            admin.refused("editAndRetryFailure", json!({"failureId": failure["id"], "record": record})).await;
        assert_eq!(
            (errors[0].code.as_str(), errors[0].field.as_str()),
            (code, field),
            "{record}: {errors:?}"
        );
    }
    let now = scene.failure(&admin, &failure["id"]).await;
    assert_eq!((&now["status"], &now["record"]), (&json!("OPEN"), &json!({"id": "1", "amount": "ten"})));

    // An edit that does not help is refused, by the rules and by the mapping, and changes nothing.
    for (amount, field, message) in [
        ("0.5", "record.amount", "must be at least 1"),
        ("ten", "record", "can't be converted: the mapping does not cover what is in it"),
    ] {
        let input = json!({"failureId": failure["id"], "record": {"id": "1", "amount": amount}});
        let errors = admin.refused("editAndRetryFailure", input).await;
        let said = (errors[0].code.as_str(), errors[0].field.as_str(), errors[0].message.as_str());
        assert_eq!((said, errors.len()), (("INVALID", field, message), 1), "{amount}");
    }
    let now = scene.failure(&admin, &failure["id"]).await;
    assert_eq!((&now["status"], &now["attempts"]), (&json!("OPEN"), &json!(1)));
    assert_eq!(now["record"], json!({"id": "1", "amount": "ten"}));

    let edit = async |amount: &str| {
        let input = json!({"failureId": failure["id"], "record": {"id": "1", "amount": amount}});
        let started = admin.mutate("editAndRetryFailure", input, RETRY).await;
        scene.finished_retry(&started["retry"]).await
    };
    let done = edit("10").await;
    assert_eq!((&done["resolved"], &done["failed"]), (&json!(1), &json!(0)), "{done:#}");
    let now = scene.failure(&admin, &failure["id"]).await;
    assert_eq!((&now["status"], &now["run"]["status"]), (&json!("RESOLVED"), &json!("RECOVERED")), "{now:#}");
    let rows = scene.sqlite_rows("out.db", "SELECT id || ' ' || amount FROM records ORDER BY id").await;
    assert_eq!(rows, ["1 10.0", "2 20.0"]);

    // Staff may not put words into a customer's records.
    let input = json!({"failureId": failure["id"], "record": {"id": "1"}});
    let response = scene.admin().try_mutate("editAndRetryFailure", &input, RETRY).await;
    assert_eq!(response.codes(), ["FORBIDDEN"], "{response:#?}");
}

#[tokio::test]
async fn what_is_malformed_can_be_edited_but_not_retried_as_it_is() {
    let scene = Scene::shared().await;
    scene.files.write("in.csv", "id,n\n1,one\n2\n");
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    let run = scene.run(&integration).await;
    let failure = scene.failures(&run).await[0].clone();
    let admin = scene.person("TENANT_ADMIN").await;
    let plan =
        "query($filter: FailureFilter!) { retryPlan(filter: $filter) { total retryable notRetryable } }";
    let planned = admin.query(plan, json!({"filter": {"runId": run["id"]}})).await["retryPlan"].clone();
    assert_eq!(planned, json!({"total": 1, "retryable": 0, "notRetryable": 1}));
    let errors = admin.refused("retryFailures", json!({"failureIds": [failure["id"]]})).await;
    assert_eq!(errors[0].code, "CONFLICT", "{errors:?}");

    let input = json!({"failureId": failure["id"], "record": {"id": "2", "n": "two"}});
    let started = admin.mutate("editAndRetryFailure", input, RETRY).await;
    scene.finished_retry(&started["retry"]).await;
    assert_eq!(scene.failure(&admin, &failure["id"]).await["status"], "RESOLVED");
    assert_eq!(scene.sqlite_rows("out.db", "SELECT n FROM records ORDER BY id").await, ["one", "two"]);
    assert_eq!(scene.status(&text(&run["id"])).await, "RECOVERED");
}

#[tokio::test]
async fn an_edit_that_changes_the_key_is_superseded_by_what_brings_that_key_home() {
    let scene = Scene::shared().await;
    let table = "CREATE TABLE records (id TEXT PRIMARY KEY, n TEXT CHECK (n <> 'bad'))";
    sqlite_execute(&scene.files.path("out.db"), table).await;
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    let moves = changed_stream(json!({"path": "in.csv"}), json!({"table": "records"}), json!({}));
    let integration = scene.integration(&files, &sqlite, moves).await;
    let write =
        |row: [&str; 2]| scene.files.write_csv("in.csv", &["id", "n"], [row.map(str::to_owned).to_vec()]);
    write(["1", "bad"]);
    let run = scene.run(&integration).await;
    let failure = scene.failures(&run).await[0]["id"].clone();
    // What the destination will say is not known to who edits.
    let input = json!({"failureId": failure, "record": {"id": "2", "n": "bad"}});
    let editor = scene.person("TENANT_ADMIN").await;
    let started = editor.mutate("editAndRetryFailure", input, RETRY).await;
    let done = scene.finished_retry(&started["retry"]).await;
    assert_eq!((&done["resolved"], &done["failed"]), (&json!(0), &json!(1)), "{done:#}");
    let status = async || scene.failure(scene.admin(), &failure).await["status"].clone();
    write(["1", "good"]);
    scene.run(&integration).await;
    assert_eq!(status().await, "OPEN", "it is of another record now");
    write(["2", "good"]);
    scene.run(&integration).await;
    assert_eq!(status().await, "SUPERSEDED");
}

#[tokio::test]
async fn skipped_failures_are_dealt_with() {
    let outside = Outside::start();
    let (scene, _, run) = refused_by(&outside, &["PO-1", "PO-6"]).await;
    let failures = scene.failures(&run).await;
    let one = json!({"failureIds": [failures[0]["id"]]});
    let errors = scene.admin().refused("skipFailures", one.clone()).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("REQUIRED", "reason"), "staff say why");
    assert_eq!(statuses(&scene, &run).await, ["PO-1 OPEN", "PO-6 OPEN"]);

    let member = scene.person("TENANT_MEMBER").await;
    let skipped = member.mutate("skipFailures", one, "skipped").await;
    assert_eq!(skipped["skipped"], 1);
    assert_eq!(statuses(&scene, &run).await, ["PO-1 SKIPPED", "PO-6 OPEN"]);
    assert_eq!(scene.status(&text(&run["id"])).await, "PARTIAL");
    let rest = json!({"filter": {"runId": run["id"]}, "reason": "test orders"});
    let skipped = scene.admin().mutate("skipFailures", rest.clone(), "skipped").await;
    assert_eq!(skipped["skipped"], 1);
    assert_eq!(statuses(&scene, &run).await, ["PO-1 SKIPPED", "PO-6 SKIPPED"]);
    assert_eq!(scene.status(&text(&run["id"])).await, "RECOVERED");
    assert_eq!(scene.admin().mutate("skipFailures", rest, "skipped").await["skipped"], 0);
    assert_eq!(outside.records().len(), 4);
}

#[tokio::test]
async fn a_canceled_retry_gives_its_failures_back() {
    let outside = Outside::start();
    let (scene, integration, run) = refused_by(&outside, &["PO-1", "PO-2"]).await;
    outside.heal();
    scene
        .admin()
        .mutate("pauseIntegration", json!({"integrationId": integration}), "integration { id }")
        .await;
    let of_run = json!({"filter": {"runId": run["id"]}});
    let started = scene.admin().mutate("retryFailures", of_run.clone(), RETRY).await;
    assert_eq!((&started["retry"]["status"], &started["retry"]["remaining"]), (&json!("QUEUED"), &json!(2)));
    assert_eq!(statuses(&scene, &run).await, ["PO-1 RETRYING", "PO-2 RETRYING"]);
    let errors = scene.admin().refused("retryFailures", of_run.clone()).await;
    assert_eq!(errors[0].code, "CONFLICT", "they are under way: {errors:?}");

    let input = json!({"retryId": started["retry"]["id"]});
    let canceled = scene.admin().mutate("cancelRetry", input.clone(), RETRY).await;
    assert_eq!(canceled["retry"]["status"], "CANCELED", "{canceled:#}");
    assert_eq!(statuses(&scene, &run).await, ["PO-1 OPEN", "PO-2 OPEN"]);
    let errors = scene.admin().refused("cancelRetry", input).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("CONFLICT", "retryId"), "{errors:?}");

    scene
        .admin()
        .mutate("resumeIntegration", json!({"integrationId": integration}), "integration { id }")
        .await;
    let started = scene.admin().mutate("retryFailures", of_run, RETRY).await;
    scene.finished_retry(&started["retry"]).await;
    assert_eq!(statuses(&scene, &run).await, ["PO-1 RESOLVED", "PO-2 RESOLVED"]);
    let runs: Vec<_> = scene.runs_of(&integration).await.iter().map(|run| text(&run["status"])).collect();
    assert_eq!(runs, ["SUCCEEDED", "CANCELED", "RECOVERED"], "the canceled run did not run");
}

#[tokio::test]
async fn a_later_run_with_a_newer_version_supersedes() {
    let outside = Outside::start();
    let (scene, integration, run) = refused_by(&outside, &["PO-3", "PO-5"]).await;
    outside.heal_key("PO-3");
    let next = scene.run(&integration).await;
    let counts = json!({"read": 6, "created": 1, "unchanged": 4, "failed": 1});
    assert_eq!(outcome(&next), ended("PARTIAL", counts), "{next:#}");
    assert_eq!(statuses(&scene, &run).await, ["PO-3 SUPERSEDED", "PO-5 OPEN"]);
    assert_eq!(statuses(&scene, &next).await, ["PO-5 OPEN"]);
    outside.heal();
    let last = scene.run(&integration).await;
    let counts = json!({"read": 6, "created": 1, "unchanged": 5});
    assert_eq!(outcome(&last), ended("SUCCEEDED", counts), "{last:#}");
    for run in [&run, &next] {
        assert_eq!(scene.status(&text(&run["id"])).await, "RECOVERED");
    }
}

/// Two runs in which PO-3 was refused, with `3` and then with `30`, and the failure of each; nothing is refused any more.
async fn refused_twice(outside: &Outside) -> (Scene, [Value; 2], [String; 2]) {
    let (scene, integration, first) = refused_by(outside, &["PO-3"]).await;
    scene.files.write_csv(
        "in.csv",
        &["id", "n"],
        (1..=6_u8).map(|n| vec![format!("PO-{n}"), if n == 3 { "30".to_owned() } else { n.to_string() }]),
    );
    let second = scene.run(&integration).await;
    let counts = json!({"read": 6, "unchanged": 5, "failed": 1});
    assert_eq!(outcome(&second), ended("PARTIAL", counts), "{second:#}");
    outside.heal();
    let failures =
        [text(&scene.failures(&first).await[0]["id"]), text(&scene.failures(&second).await[0]["id"])];
    (scene, [first, second], failures)
}

async fn retry_one(scene: &Scene, failure: &str) {
    let started = scene.admin().mutate("retryFailures", json!({"failureIds": [failure]}), RETRY).await;
    let done = scene.finished_retry(&started["retry"]).await;
    assert_eq!(done["resolved"], 1, "{done:#}");
}

#[tokio::test]
async fn a_retry_of_an_older_failure_does_not_end_a_newer_one() {
    let outside = Outside::start();
    let (scene, runs, [older, newer]) = refused_twice(&outside).await;
    retry_one(&scene, &older).await;
    assert_eq!(outside.records()["PO-3"]["n"], "3");
    assert_eq!(statuses(&scene, &runs[0]).await, ["PO-3 RESOLVED"]);
    assert_eq!(statuses(&scene, &runs[1]).await, ["PO-3 OPEN"], "what is newer is not there yet");
    assert_eq!(scene.status(&text(&runs[1]["id"])).await, "PARTIAL");
    // Nor is it taken for the older of both.
    let plan = "query($run: ID!) { retryPlan(filter: {runId: $run}) { total wouldOverwriteNewer unknown } }";
    let plan = scene.admin().query(plan, json!({"run": runs[1]["id"]})).await;
    assert_eq!(plan["retryPlan"], json!({"total": 1, "wouldOverwriteNewer": 0, "unknown": 1}));
    retry_one(&scene, &newer).await;
    assert_eq!(outside.records()["PO-3"]["n"], "30");
    for run in &runs {
        assert_eq!(scene.status(&text(&run["id"])).await, "RECOVERED");
    }

    let outside = Outside::start();
    let (scene, runs, [_, newer]) = refused_twice(&outside).await;
    retry_one(&scene, &newer).await;
    assert_eq!(statuses(&scene, &runs[0]).await, ["PO-3 SUPERSEDED"], "the older would undo it");
    assert_eq!(outside.records()["PO-3"]["n"], "30");
}

#[tokio::test]
async fn everything_of_a_run_can_be_run_again() {
    let outside = Outside::start();
    let (scene, _, run) = refused_by(&outside, &["PO-3"]).await;
    outside.heal();
    let input = json!({"runId": run["id"], "scope": "ALL_RECORDS"});
    let started = scene.admin().mutate("retryRun", input, "run { id retryOf { id } }").await;
    assert_eq!(started["run"]["retryOf"]["id"], run["id"]);
    let again = scene.fixture.finished_run(&text(&started["run"]["id"])).await;
    let counts = json!({"read": 6, "created": 1, "unchanged": 5});
    assert_eq!(outcome(&again), ended("SUCCEEDED", counts), "{again:#}");
    assert_eq!(scene.status(&text(&run["id"])).await, "RECOVERED");
    assert_eq!(outside.records().len(), 6);
}

#[tokio::test]
async fn a_run_that_could_not_go_on_is_retried_when_its_destination_is_back() {
    let scene = Scene::shared().await;
    scene.files.write("in.csv", "id\n1\n2\n");
    let database = scene.files.path("shop.db");
    sqlite_execute(&database, "CREATE TABLE other (id TEXT PRIMARY KEY)").await;
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("shop.db").await);
    let moves = stream(json!({"path": "in.csv"}), json!({"table": "orders"}));
    for by_run in [true, false] {
        let integration = scene.integration(&files, &sqlite, moves.clone()).await;
        sqlite_execute(&database, "DROP TABLE IF EXISTS orders").await;
        let run = scene.run(&integration).await;
        assert_eq!(
            (&run["status"], &run["failure"]["code"]),
            (&json!("FAILED"), &json!("destination.not_found"))
        );
        sqlite_execute(&database, "CREATE TABLE orders (id TEXT PRIMARY KEY)").await;
        if by_run {
            let input = json!({"runId": run["id"], "scope": "FAILED_RECORDS"});
            let started = scene.admin().mutate("retryRun", input, "run { id }").await;
            let again = scene.fixture.finished_run(&text(&started["run"]["id"])).await;
            assert_eq!(outcome(&again), ended("SUCCEEDED", json!({"read": 2, "created": 2})), "{again:#}");
        } else {
            let input = json!({"filter": {"runId": run["id"]}});
            let started = scene.admin().mutate("retryFailures", input, RETRY).await;
            let done = scene.finished_retry(&started["retry"]).await;
            assert_eq!((&done["status"], &done["resolved"]), (&json!("COMPLETED"), &json!(1)), "{done:#}");
        }
        assert_eq!(statuses(&scene, &run).await, [" RESOLVED"]);
        assert_eq!(scene.status(&text(&run["id"])).await, "RECOVERED");
        assert_eq!(scene.sqlite_rows("shop.db", "SELECT id FROM orders ORDER BY id").await, ["1", "2"]);
    }
}

#[tokio::test]
async fn twenty_clicks_at_once_do_one_thing() {
    twenty_clicks(Scene::shared().await).await;
}

#[tokio::test]
async fn twenty_clicks_at_once_do_one_thing_on_postgresql() {
    let trestle = Trestle::split(1).await;
    twenty_clicks(Scene::of(&trestle).await).await;
}

async fn twenty_clicks(scene: Scene) {
    let outside = Outside::start();
    let (scene, integration, run) = refused_in(scene, &outside, &["PO-3"]).await;
    let member = scene.person("TENANT_MEMBER").await;
    let clicks = async |mutation: &str, input: Value, object: &str| {
        let selection = format!("{object} {{ id }}");
        let answers = join_all((0..20).map(|_| member.mutate(mutation, input.clone(), &selection))).await;
        let mut ids: Vec<_> = answers.iter().map(|answer| text(&answer[object]["id"])).collect();
        ids.dedup();
        assert_eq!(ids.len(), 1, "{mutation} did {} things", ids.len());
        ids.remove(0)
    };
    let started =
        clicks("startRun", json!({"integrationId": integration, "idempotencyKey": "start"}), "run").await;
    scene.fixture.finished_run(&started).await;
    assert_eq!(scene.runs_of(&integration).await.len(), 2);

    let several = [
        scene.fixture.sandbox(&scene.tenant, json!({}), json!({})).await,
        scene.fixture.sandbox(&scene.tenant, json!({}), json!({})).await,
    ];
    let input = json!({"integrationIds": several, "idempotencyKey": "several"});
    let clicks_of_several =
        (0..20).map(|_| member.mutate("startRuns", input.clone(), "runs { id integration { id } }"));
    let answers = join_all(clicks_of_several).await;
    assert!(answers.iter().all(|answer| answer == &answers[0]), "startRuns did several things: {answers:#?}");
    for (run, integration) in answers[0]["runs"].as_array().unwrap().iter().zip(&several) {
        assert_eq!(&text(&run["integration"]["id"]), integration);
        scene.fixture.finished_run(&text(&run["id"])).await;
        assert_eq!(scene.runs_of(integration).await.len(), 1);
    }

    outside.heal();
    let failures = scene.failures(&run).await;
    let input = json!({"failureIds": [failures[0]["id"]], "idempotencyKey": "retry"});
    let retry = clicks("retryFailures", input.clone(), "retry").await;
    let done = scene.finished_retry(&json!({"id": retry})).await;
    assert_eq!((&done["total"], &done["resolved"]), (&json!(1), &json!(1)), "{done:#}");
    assert_eq!(scene.runs_of(&integration).await.len(), 3);
    let again = member.mutate("retryFailures", input, RETRY).await;
    assert_eq!((&again["retry"]["id"], &again["retry"]["status"]), (&json!(retry), &json!("COMPLETED")));

    let all = json!({"runId": run["id"], "scope": "ALL_RECORDS", "idempotencyKey": "again"});
    let third = clicks("retryRun", all, "run").await;
    scene.fixture.finished_run(&third).await;

    // The same key for something else is a mistake; another person's key is another key.
    for (mutation, input) in [
        ("retryRun", json!({"runId": run["id"], "scope": "ALL_RECORDS", "idempotencyKey": "start"})),
        ("retryRun", json!({"runId": run["id"], "scope": "FAILED_RECORDS", "idempotencyKey": "again"})),
    ] {
        let errors = member.refused(mutation, input).await;
        assert_eq!(
            (errors[0].code.as_str(), errors[0].field.as_str()),
            ("CONFLICT", "idempotencyKey"),
            "{errors:?}"
        );
    }
    let runs = scene.runs_of(&integration).await.len();
    let input = json!({"integrationId": integration, "idempotencyKey": "start"});
    let other = scene.admin().mutate("startRun", input, "run { id }").await;
    assert_ne!(other["run"]["id"], json!(started));
    assert_eq!(scene.runs_of(&integration).await.len(), runs + 1);
}

#[tokio::test]
async fn several_people_who_retry_the_same_failures_at_once_retry_each_once() {
    let outside = Outside::start();
    let keys = ["PO-1", "PO-2", "PO-3", "PO-4"];
    let (scene, _, run) = refused_by(&outside, &keys).await;
    outside.heal();
    let before = outside.requests().len();
    let input = json!({"filter": {"runId": run["id"]}});
    let people =
        [scene.person("TENANT_MEMBER").await, scene.person("TENANT_ADMIN").await, scene.admin().clone()];
    let answers =
        join_all((0..12).map(|click| people[click % 3].try_mutate("retryFailures", &input, RETRY))).await;
    let mut total = 0;
    for answer in answers {
        let payload = answer.data("retryFailures")["retryFailures"].clone();
        if payload["retry"].is_null() {
            assert_eq!(payload["userErrors"][0]["code"], "CONFLICT", "{payload:#}");
        } else {
            total += scene.finished_retry(&payload["retry"]).await["resolved"].as_i64().unwrap();
        }
    }
    assert_eq!((total, outside.requests().len() - before), (4, 4));
    assert_eq!(scene.status(&text(&run["id"])).await, "RECOVERED");
}

#[tokio::test]
async fn thousands_of_failures_come_home_together() {
    thousands_of_failures(Scene::shared().await).await;
}

#[tokio::test]
async fn thousands_of_failures_come_home_together_on_postgresql() {
    let trestle = Trestle::split(1).await;
    thousands_of_failures(Scene::of(&trestle).await).await;
}

async fn thousands_of_failures(scene: Scene) {
    let rows = (1..=6_000).map(|number: u32| vec![format!("O-{number:05}"), format!("{number},5")]);
    scene.files.write_csv("in.csv", &["id", "amount"], rows);
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    let moves = |mapping: &str| {
        let changes = json!({"mapping": mapping, "quality": {"maxFailedPercent": null}});
        changed_stream(json!({"path": "in.csv"}), into_table("records"), changes)
    };
    let integration = scene.integration(&files, &sqlite, moves(".amount = to_float!(.amount)")).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 6_000, "failed": 6_000})), "{run:#}");
    let input = json!({"filter": {"runId": run["id"]}});
    let started = scene.admin().mutate("retryFailures", input.clone(), RETRY).await;
    let done = scene.finished_retry(&started["retry"]).await;
    assert_eq!((&done["total"], &done["failed"]), (&json!(6_000), &json!(6_000)), "not mended: {done:#}");

    let mended = r#".amount = to_float!(replace(string!(.amount), ",", "."))"#;
    scene.update_stream(&integration, moves(mended)).await;
    let started = scene.admin().mutate("retryFailures", input, RETRY).await;
    let done = scene.finished_retry(&started["retry"]).await;
    assert_eq!((&done["total"], &done["resolved"]), (&json!(6_000), &json!(6_000)), "{done:#}");
    assert_eq!(scene.status(&text(&run["id"])).await, "RECOVERED");
    let rows = scene.sqlite_rows("out.db", "SELECT count(*) || ' ' || sum(amount) FROM records").await;
    assert_eq!(rows, ["6000 18006000.0"]);
}

#[tokio::test]
async fn a_second_record_gets_a_key_of_its_own_by_an_edit() {
    let scene = Scene::shared().await;
    scene.files.write("in.csv", "id,n\n1,first\n1,second\n");
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 2, "created": 1, "failed": 1})), "{run:#}");
    let failure = scene.failures(&run).await[0].clone();
    let input = json!({"failureId": failure["id"], "record": {"id": "2", "n": "second"}});
    let started = scene.person("TENANT_MEMBER").await.mutate("editAndRetryFailure", input, RETRY).await;
    let done = scene.finished_retry(&started["retry"]).await;
    assert_eq!(done["resolved"], 1, "{done:#}");
    let rows = scene.sqlite_rows("out.db", "SELECT id || n FROM records ORDER BY id").await;
    assert_eq!(rows, ["1first", "2second"]);
}

#[tokio::test]
async fn failures_of_a_stream_that_is_gone_stay_open() {
    let outside = Outside::start();
    let (scene, integration, run) = refused_by(&outside, &["PO-1"]).await;
    outside.heal();
    let renamed =
        changed_stream(json!({"path": "in.csv"}), outside.destination_options(), json!({"name": "others"}));
    scene.update_stream(&integration, renamed).await;
    let input = json!({"filter": {"runId": run["id"]}});
    let started = scene.admin().mutate("retryFailures", input, RETRY).await;
    let done = scene.finished_retry(&started["retry"]).await;
    assert_eq!(
        (&done["status"], &done["resolved"], &done["failed"], &done["remaining"]),
        (&json!("COMPLETED"), &json!(0), &json!(1), &json!(0)),
        "{done:#}"
    );
    assert_eq!(statuses(&scene, &run).await, ["PO-1 OPEN"]);
}

#[tokio::test]
async fn what_is_being_retried_is_neither_skipped_nor_edited() {
    let outside = Outside::start();
    let (scene, integration, run) = refused_by(&outside, &["PO-1"]).await;
    outside.heal();
    let pause = json!({"integrationId": integration});
    scene.admin().mutate("pauseIntegration", pause.clone(), "integration { id }").await;
    let ids = json!([scene.failures(&run).await[0]["id"]]);
    scene.admin().mutate("retryFailures", json!({"failureIds": ids}), RETRY).await;
    let member = scene.person("TENANT_MEMBER").await;
    for (mutation, input) in [
        ("skipFailures", json!({"failureIds": ids})),
        ("retryFailures", json!({"failureIds": ids})),
        ("editAndRetryFailure", json!({"failureId": ids[0], "record": {"id": "PO-1"}})),
    ] {
        let errors = member.refused(mutation, input).await;
        assert_eq!(errors[0].code, "CONFLICT", "{mutation}: {errors:?}");
    }
    let seen = scene.failure(&member, &ids[0]).await;
    assert_eq!(
        (&seen["viewerCanRetry"], &seen["viewerCanSkip"], &seen["viewerCanEdit"], &seen["suggestedAction"]),
        (&json!(false), &json!(false), &json!(false), &json!("A retry is under way."))
    );
    // Archived in the meantime: the retry ends, and what it had is open.
    scene.admin().mutate("archiveIntegration", pause, "integration { id }").await;
    assert_eq!(statuses(&scene, &run).await, ["PO-1 OPEN"]);
}
