//! Ranges of streams that are read once more, beside the ordinary runs.

use serde_json::{Value, json};

use crate::harness::outside::{Outside, Pagination};
use crate::harness::postgres::Database;
use crate::harness::wait::{SOON, until};
use crate::scene::{
    Scene, changed_stream, ended, impatient, into_table, nodes, outcome, postgres_execute, postgres_rows,
    text,
};

const BACKFILL: &str = "id stream from to status requestedBy finishedAt
    counts { read created updated unchanged skipped failed unaccounted }
    runs { edges { node { id status trigger backfill { id } } } }";

async fn start(scene: &Scene, integration: &str, from: Value, to: Value) -> Value {
    let input = json!({"integrationId": integration, "stream": "records", "from": from, "to": to});
    let selection = format!("backfill {{ {BACKFILL} }}");
    scene.admin().mutate("startBackfill", input, &selection).await["backfill"].clone()
}

async fn now(scene: &Scene, backfill: &Value) -> Value {
    let query = format!("query($id: ID!) {{ backfill(id: $id) {{ {BACKFILL} }} }}");
    scene.admin().query(&query, json!({"id": backfill["id"]})).await["backfill"].clone()
}

async fn finished(scene: &Scene, backfill: &Value) -> Value {
    until("the backfill ends", SOON, async || {
        let now = now(scene, backfill).await;
        if now["finishedAt"].is_null() { Err(now) } else { Ok(now) }
    })
    .await
}

async fn cursor(scene: &Scene, integration: &str) -> Value {
    let query = "query($id: ID!) { integration(id: $id) { streams { cursor { value run { id } } } } }";
    let found = scene.admin().query(query, json!({"id": integration})).await;
    found["integration"]["streams"][0]["cursor"].clone()
}

#[tokio::test]
async fn a_range_is_read_once_more_and_the_cursor_stays() {
    let (scene, from, to) = (Scene::shared().await, Database::create().await, Database::create().await);
    let rows = "CREATE TABLE records (id int PRIMARY KEY, v int, at timestamptz);
        INSERT INTO records SELECT n, 0, timestamptz '2026-01-01Z' + n * interval '1 day' FROM generate_series(1, 20) AS n;
        INSERT INTO records VALUES (0, 0, NULL)";
    postgres_execute(&from, rows).await;
    let (source, destination) = (scene.postgres_system(&from).await, scene.postgres_system(&to).await);
    let changes = json!({"mode": "INCREMENTAL", "cursorField": "at"});
    let moves = changed_stream(json!({"table": "records"}), into_table("records"), changes);
    let integration = scene.integration(&source, &destination, moves).await;
    let first = scene.run(&integration).await;
    assert_eq!(outcome(&first), ended("SUCCEEDED", json!({"read": 21, "created": 21})), "{first:#}");
    let reached = cursor(&scene, &integration).await;

    // Somebody mended what no cursor shows.
    postgres_execute(&from, "UPDATE records SET v = 1 WHERE id BETWEEN 3 AND 12").await;
    let asked =
        start(&scene, &integration, json!("2026-01-06T00:00:00Z"), json!("2026-01-11T00:00:00Z")).await;
    assert_eq!((&asked["stream"], &asked["to"]), (&json!("records"), &json!("2026-01-11T00:00:00Z")));
    let done = finished(&scene, &asked).await;
    assert_eq!(outcome(&done), ended("SUCCEEDED", json!({"read": 5, "updated": 5})), "{done:#}");
    let runs = nodes(&done["runs"]);
    assert_eq!(
        (runs.len(), &runs[0]["trigger"], &runs[0]["backfill"]["id"]),
        (1, &json!("BACKFILL"), &asked["id"])
    );
    assert_eq!(cursor(&scene, &integration).await, reached, "the next run begins where it would have");
    let sums = "SELECT concat_ws('|', min(id), max(id), count(*)) FROM records WHERE v = 1";
    assert_eq!(postgres_rows(&to, sums).await, ["5|9|5"]);

    // Retried as a whole it reads its range, and not what an ordinary run reads.
    postgres_execute(&from, "UPDATE records SET v = 2 WHERE id = 5").await;
    let again = json!({"runId": runs[0]["id"], "scope": "ALL_RECORDS"});
    let started = scene.admin().mutate("retryRun", again, "run { id backfill { id } }").await;
    assert_eq!(started["run"]["backfill"]["id"], asked["id"]);
    let retried = scene.fixture.finished_run(&text(&started["run"]["id"])).await;
    assert_eq!(outcome(&retried), ended("SUCCEEDED", json!({"read": 5, "updated": 1, "unchanged": 4})));
    assert_eq!(cursor(&scene, &integration).await, reached);

    let open_end = start(&scene, &integration, json!("2026-01-20T00:00:00Z"), Value::Null).await;
    let done = finished(&scene, &open_end).await;
    assert_eq!(outcome(&done), ended("SUCCEEDED", json!({"read": 2, "unchanged": 2})), "{done:#}");
    let list = "query($id: ID!) { integration(id: $id) { backfills(first: 5) { edges { node { id } } } } }";
    let listed = scene.admin().query(list, json!({"id": integration})).await;
    let listed: Vec<Value> =
        nodes(&listed["integration"]["backfills"]).iter().map(|one| one["id"].clone()).collect();
    assert_eq!(listed, [open_end["id"].clone(), asked["id"].clone()]);
}

#[tokio::test]
async fn a_backfill_of_a_full_stream_needs_a_cursor_field_and_bad_ranges_are_refused() {
    let scene = Scene::shared().await;
    let rows = (1..=9).map(|n: u8| vec![n.to_string(), n.to_string()]);
    scene.files.write_csv("in.csv", &["id", "n"], rows);
    let integration = scene.file_to_sqlite("in.csv", json!({"cursorField": "n"})).await;
    let asked = start(&scene, &integration, json!(3), json!("6")).await;
    let done = finished(&scene, &asked).await;
    assert_eq!(outcome(&done), ended("SUCCEEDED", json!({"read": 3, "created": 3})), "{done:#}");
    assert_eq!(cursor(&scene, &integration).await, Value::Null);

    let good = json!({"integrationId": integration, "stream": "records", "from": 1, "to": 2});
    for (field, value, code) in [
        ("stream", json!("other"), "NOT_FOUND"),
        ("from", json!(true), "INVALID"),
        ("from", json!({}), "INVALID"),
        ("to", json!(1), "INVALID"),
        ("to", json!("2026-01-01T00:00:00Z"), "INVALID"),
    ] {
        let mut input = good.clone();
        input[field] = value;
        let errors = scene.admin().refused("startBackfill", input).await;
        assert_eq!((errors[0].field.as_str(), errors[0].code.as_str()), (field, code), "{errors:?}");
    }
    let plain = scene.file_to_sqlite("in.csv", json!({})).await;
    let mut input = good.clone();
    input["integrationId"] = json!(plain);
    let errors = scene.admin().refused("startBackfill", input).await;
    assert_eq!((errors[0].field.as_str(), errors[0].code.as_str()), ("stream", "INVALID"));

    // The same key answers with the first one.
    let mut keyed = good;
    keyed["idempotencyKey"] = json!("once");
    let first = scene.admin().mutate("startBackfill", keyed.clone(), "backfill { id }").await;
    let second = scene.admin().mutate("startBackfill", keyed, "backfill { id }").await;
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_range_of_a_stream_that_is_gone_or_has_another_cursor_field_is_not_read_again() {
    let scene = Scene::shared().await;
    let rows = (1..=9).map(|n: u8| vec![n.to_string(), n.to_string(), n.to_string()]);
    scene.files.write_csv("in.csv", &["id", "n", "m"], rows);
    let moves = |changes: Value| changed_stream(json!({"path": "in.csv"}), into_table("records"), changes);
    let integration = scene.file_to_sqlite("in.csv", json!({"cursorField": "n"})).await;
    let asked = start(&scene, &integration, json!(3), json!(6)).await;
    let done = finished(&scene, &asked).await;
    let again = json!({"runId": nodes(&done["runs"])[0]["id"], "scope": "ALL_RECORDS"});
    let runs = scene.runs_of(&integration).await;
    for (stream, words) in [
        (moves(json!({"cursorField": "m"})), "another cursor field"),
        (moves(json!({})), "another cursor field"),
        (moves(json!({"name": "other", "cursorField": "n"})), "is gone"),
    ] {
        scene.update_stream(&integration, stream).await;
        let errors = scene.admin().refused("retryRun", again.clone()).await;
        assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("CONFLICT", "runId"), "{errors:?}");
        assert!(errors[0].message.contains(words), "{errors:?}");
    }
    assert_eq!(scene.runs_of(&integration).await, runs, "nothing was started");
    scene.update_stream(&integration, moves(json!({"cursorField": "n"}))).await;
    let started = scene.admin().mutate("retryRun", again, "run { id }").await;
    let retried = scene.fixture.finished_run(&text(&started["run"]["id"])).await;
    assert_eq!(retried["counts"]["read"], 3, "{retried:#}");
}

/// A slow source of 500 records, and an integration that reads it by its cursor.
async fn slow(scene: &Scene, outside: &Outside) -> String {
    let (source, options) = scene.slow_source(outside).await;
    let sqlite = scene.sqlite_system("out.db").await;
    let changes = json!({"mode": "INCREMENTAL", "cursorField": "updatedAt"});
    scene.integration(&source, &sqlite, changed_stream(options, into_table("records"), changes)).await
}

#[tokio::test]
async fn a_backfill_lets_other_runs_go_first_and_goes_on_from_where_it_was() {
    let (scene, outside) = (Scene::shared().await, Outside::with_records(2_000));
    let integration = slow(&scene, &outside).await;
    let asked = start(&scene, &integration, json!("2000-01-01T00:00:00Z"), Value::Null).await;
    let run = text(&nodes(&asked["runs"])[0]["id"]);
    scene.run_until("a page is done", &run, |run| run["counts"]["read"].as_u64() > Some(0)).await;
    let other = scene.fixture.start_run(&integration).await;
    let ended_first = scene.fixture.finished_run(&other).await;
    assert_eq!(ended_first["counts"]["read"], 2_000, "{ended_first:#}");
    let meanwhile = now(&scene, &asked).await;
    assert_eq!(meanwhile["finishedAt"], Value::Null, "it waited: {meanwhile:#}");
    let done = finished(&scene, &asked).await;
    let counts = &done["counts"];
    assert_eq!((&done["status"], &counts["read"]), (&json!("SUCCEEDED"), &json!(2_000)), "{done:#}");
    assert_eq!((&counts["failed"], &counts["unaccounted"]), (&json!(0), &json!(0)));
    let events = scene.event_types(&run).await;
    assert!(events.contains(&"run.handed_back".to_owned()), "{events:?}");
    let rows = scene.sqlite_rows("out.db", "SELECT count(*) || '' FROM records").await;
    assert_eq!(rows, ["2000"]);
}

#[tokio::test]
async fn a_backfill_goes_on_after_a_crash_and_its_cursor_stays() {
    let outside = Outside::with_records(1_000);
    let mut trestle = impatient().lease_seconds(2).split(1).await;
    let scene = Scene::of(&trestle).await;
    let integration = slow(&scene, &outside).await;
    let asked = start(&scene, &integration, json!("2000-01-01T00:00:00Z"), Value::Null).await;
    let run = text(&nodes(&asked["runs"])[0]["id"]);
    scene.run_until("a page is done", &run, |run| run["counts"]["read"].as_u64() > Some(0)).await;
    trestle.add_worker();
    trestle.worker(0).kill9();
    let done = finished(&scene, &asked).await;
    let count = |name: &str| done["counts"][name].as_u64().unwrap();
    assert_eq!((&done["status"], count("read")), (&json!("SUCCEEDED"), 1_000), "{done:#}");
    assert_eq!((count("created") + count("unchanged"), count("failed"), count("unaccounted")), (1_000, 0, 0));
    assert!(scene.event_types(&run).await.contains(&"run.taken_over".to_owned()));
    assert_eq!(cursor(&scene, &integration).await, Value::Null, "no ordinary run has ended");
}

#[tokio::test]
async fn a_backfill_is_canceled_and_keeps_its_stream_where_it_is() {
    let (scene, outside) = (Scene::shared().await, Outside::with_records(2_000));
    let integration = slow(&scene, &outside).await;
    let asked = start(&scene, &integration, json!("2000-01-01T00:00:00Z"), Value::Null).await;
    let run = text(&nodes(&asked["runs"])[0]["id"]);
    scene.run_until("a page is done", &run, |run| run["counts"]["read"].as_u64() > Some(0)).await;
    let options = outside.source_options(Pagination::Page);
    let elsewhere = changed_stream(options, into_table("records"), json!({"cursorField": "id"}));
    let input = json!({"integrationId": integration, "streams": [elsewhere]});
    assert_eq!(scene.admin().refused("updateIntegration", input).await[0].code, "CONFLICT");

    let cancel = json!({"backfillId": asked["id"]});
    scene.admin().mutate("cancelBackfill", cancel.clone(), "backfill { id }").await;
    let done = finished(&scene, &asked).await;
    assert_eq!(done["status"], "CANCELED", "{done:#}");
    assert!(done["counts"]["read"].as_u64() < Some(2_000), "{done:#}");
    let errors = scene.admin().refused("cancelBackfill", cancel).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("CONFLICT", "backfillId"));
}

#[tokio::test]
async fn a_backfill_settles_no_failure_of_a_run_that_read_something_else() {
    let scene = Scene::shared().await;
    let changes = json!({"mode": "INCREMENTAL", "cursorField": "n"});
    let integration = scene.file_to_sqlite("in.csv", changes).await;
    let failed = scene.run(&integration).await;
    assert_eq!(failed["status"], "FAILED", "there is no file yet");
    let gone = start(&scene, &integration, json!(1), json!(2)).await;
    let gone = finished(&scene, &gone).await;
    assert_eq!(gone["status"], "FAILED");

    scene.files.write_csv("in.csv", &["id", "n"], (1..=9).map(|n: u8| vec![n.to_string(), n.to_string()]));
    let asked = start(&scene, &integration, json!(8), json!(9)).await;
    assert_eq!(finished(&scene, &asked).await["status"], "SUCCEEDED");
    assert_eq!(scene.status(&text(&failed["id"])).await, "FAILED", "its records are not there yet");
    assert_eq!(now(&scene, &gone).await["status"], "FAILED");
    let run = scene.run(&integration).await;
    assert_eq!(
        outcome(&run),
        ended("SUCCEEDED", json!({"read": 9, "created": 8, "unchanged": 1})),
        "{run:#}"
    );
    assert_eq!(scene.status(&text(&failed["id"])).await, "RECOVERED");
    assert_eq!(now(&scene, &gone).await["status"], "FAILED", "the range was not read again by it");

    // A retry of the failure reads the range.
    let of_it = json!({"filter": {"runId": nodes(&gone["runs"])[0]["id"]}});
    let started = scene.admin().mutate("retryFailures", of_it, "retry { id }").await;
    let done = scene.finished_retry(&started["retry"]).await;
    assert_eq!((&done["resolved"], &done["failed"]), (&json!(1), &json!(0)), "{done:#}");
    let again = now(&scene, &gone).await;
    assert_eq!(outcome(&again), ended("SUCCEEDED", json!({"read": 1, "unchanged": 1})), "{again:#}");
}
