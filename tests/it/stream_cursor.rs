//! Where INCREMENTAL runs begin: after the last one, a little before for what came late, or where a person says.

use serde_json::{Value, json};

use crate::harness::outside::{Outside, Pagination};
use crate::harness::postgres::Database;
use crate::scene::{
    Scene, changed_stream, ended, into_table, outcome, postgres_execute, postgres_rows, sqlite_execute, text,
};

fn counted(status: &str, read: u64, created: u64, unchanged: u64) -> Value {
    ended(status, json!({"read": read, "created": created, "unchanged": unchanged}))
}

/// The cursor of the integration's only stream.
async fn cursor(scene: &Scene, integration: &str) -> Value {
    let query = "query($id: ID!) { integration(id: $id) { streams { cursor { value at run { id } } } } }";
    let found = scene.admin().query(query, json!({"id": integration})).await;
    found["integration"]["streams"][0]["cursor"].clone()
}

async fn reset(scene: &Scene, integration: &str, to: Value) {
    let input = json!({"integrationId": integration, "stream": "records", "to": to, "reason": "lost a day"});
    scene.admin().mutate("resetCursor", input, "integration { id }").await;
}

#[tokio::test]
async fn what_came_late_arrives_within_the_overlap_and_the_rest_is_written_once() {
    let (scene, from, to) = (Scene::shared().await, Database::create().await, Database::create().await);
    let rows = "CREATE TABLE records (id int PRIMARY KEY, at timestamptz NOT NULL);
        INSERT INTO records SELECT n, timestamptz '2026-01-01Z' + n * interval '1 hour' FROM generate_series(1, 10) AS n";
    postgres_execute(&from, rows).await;
    let (source, destination) = (scene.postgres_system(&from).await, scene.postgres_system(&to).await);
    let moves = |changes: Value| {
        let mut stream = changed_stream(json!({"table": "records"}), into_table("records"), changes);
        (stream["mode"], stream["cursorField"]) = (json!("INCREMENTAL"), json!("at"));
        stream
    };
    let integration = scene.integration(&source, &destination, moves(json!({"overlap": 7_200}))).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), counted("SUCCEEDED", 10, 10, 0), "{run:#}");
    let reached = cursor(&scene, &integration).await;
    assert_eq!((&reached["value"], &reached["run"]["id"]), (&json!("2026-01-01 10:00:00+00"), &run["id"]));

    // One is late by an hour and a half, one by more than the overlap.
    let late = "INSERT INTO records VALUES (11, '2026-01-01 08:30Z'), (12, '2026-01-01 07:30Z')";
    postgres_execute(&from, late).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), counted("SUCCEEDED", 4, 1, 3), "8:00, 8:30, 9:00 and 10:00: {run:#}");
    let same = cursor(&scene, &integration).await;
    assert_eq!(same["value"], reached["value"], "it does not go back");
    postgres_execute(&from, "DELETE FROM records WHERE id = 10").await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), counted("SUCCEEDED", 3, 0, 3), "{run:#}");
    assert_eq!(cursor(&scene, &integration).await["value"], reached["value"]);

    scene.update_stream(&integration, moves(json!({}))).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), counted("SUCCEEDED", 0, 0, 0), "without overlap: {run:#}");
    assert_eq!(postgres_rows(&to, "SELECT count(*)::text FROM records").await, ["11"]);
}

#[tokio::test]
async fn an_overlap_holds_for_files_and_apis_too_and_is_checked() {
    let scene = Scene::shared().await;
    let changes = json!({"mode": "INCREMENTAL", "cursorField": "n", "overlap": 2});
    scene.files.write_csv("in.csv", &["id", "n"], (1..=5).map(|n: u8| vec![n.to_string(), n.to_string()]));
    let integration = scene.file_to_sqlite("in.csv", changes.clone()).await;
    assert_eq!(outcome(&scene.run(&integration).await), counted("SUCCEEDED", 5, 5, 0));
    assert_eq!(outcome(&scene.run(&integration).await), counted("SUCCEEDED", 3, 0, 3), "3, 4 and 5");
    assert_eq!(cursor(&scene, &integration).await["value"], "5");

    // A record a second, and the API leaves out what is at the time that it is asked for.
    let outside = Outside::with_records(5);
    let (http, sqlite) = (scene.http_system(&outside).await, scene.sqlite_system("api.db").await);
    let changes = json!({"mode": "INCREMENTAL", "cursorField": "updatedAt", "overlap": 2});
    let moves = changed_stream(outside.source_options(Pagination::None), into_table("records"), changes);
    let integration = scene.integration(&http, &sqlite, moves).await;
    assert_eq!(outcome(&scene.run(&integration).await), counted("SUCCEEDED", 5, 5, 0));
    assert_eq!(outcome(&scene.run(&integration).await), counted("SUCCEEDED", 3, 0, 3));

    for (changes, field) in [
        (json!({"overlap": 2}), "streams.0.overlap"),
        (json!({"mode": "INCREMENTAL", "cursorField": "n", "overlap": 0}), "streams.0.overlap"),
    ] {
        let stream = changed_stream(json!({"path": "in.csv"}), into_table("records"), changes);
        let input = json!({"integrationId": integration, "streams": [stream]});
        let errors = scene.admin().refused("updateIntegration", input).await;
        assert!(errors.iter().any(|error| error.field == field && error.code == "INVALID"), "{errors:?}");
    }
}

#[tokio::test]
async fn a_reset_begins_at_a_value_or_anew_and_writes_nothing_twice() {
    let scene = Scene::shared().await;
    let table = "CREATE TABLE records (id INTEGER PRIMARY KEY, at TEXT);
        INSERT INTO records VALUES (1, '2026-01-01'), (2, '2026-01-02'), (3, '2026-01-03'), (4, '2026-01-04')";
    sqlite_execute(&scene.files.path("in.db"), table).await;
    let (source, sqlite) = (scene.sqlite_system("in.db").await, scene.sqlite_system("out.db").await);
    let changes = json!({"mode": "INCREMENTAL", "cursorField": "at"});
    let moves = changed_stream(json!({"table": "records"}), into_table("records"), changes);
    let integration = scene.integration(&source, &sqlite, moves).await;

    // Also before it ever ran.
    reset(&scene, &integration, json!("2026-01-02")).await;
    let set = cursor(&scene, &integration).await;
    assert_eq!((&set["value"], &set["run"]), (&json!("2026-01-02"), &Value::Null));
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), counted("SUCCEEDED", 3, 3, 0), "{run:#}");
    assert_eq!(cursor(&scene, &integration).await["value"], "2026-01-04");

    reset(&scene, &integration, json!("2026-01-03")).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), counted("SUCCEEDED", 2, 0, 2), "{run:#}");
    reset(&scene, &integration, Value::Null).await;
    assert_eq!(cursor(&scene, &integration).await, Value::Null);
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), counted("SUCCEEDED", 4, 1, 3), "{run:#}");
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), counted("SUCCEEDED", 0, 0, 0), "it is where it was: {run:#}");

    let good = json!({"integrationId": integration, "stream": "records", "to": "2026-01-01", "reason": "x"});
    for (field, value, code) in [
        ("stream", json!("other"), "NOT_FOUND"),
        ("to", json!([1]), "INVALID"),
        ("to", json!(""), "REQUIRED"),
        ("to", json!("x".repeat(501)), "TOO_LONG"),
        ("reason", json!(" "), "REQUIRED"),
        ("integrationId", json!("integration_00000000000000000000000000000000"), "NOT_FOUND"),
    ] {
        let mut input = good.clone();
        input[field] = value;
        let errors = scene.admin().refused("resetCursor", input).await;
        assert_eq!((errors[0].field.as_str(), errors[0].code.as_str()), (field, code), "{errors:?}");
    }
    let full = scene.file_to_sqlite("in.csv", json!({})).await;
    let input = json!({"integrationId": full, "stream": "records", "reason": "x"});
    assert_eq!(scene.admin().refused("resetCursor", input).await[0].code, "INVALID");
}

#[tokio::test]
async fn a_reset_is_refused_while_a_run_has_begun_and_is_in_the_audit_log() {
    let (scene, outside) = (Scene::shared().await, Outside::with_records(500));
    let (source, options) = scene.slow_source(&outside).await;
    let sqlite = scene.sqlite_system("out.db").await;
    let changes = json!({"mode": "INCREMENTAL", "cursorField": "updatedAt"});
    let integration =
        scene.integration(&source, &sqlite, changed_stream(options, into_table("records"), changes)).await;
    let run = scene.fixture.start_run(&integration).await;
    scene.run_until("a page is done", &run, |run| run["counts"]["read"].as_u64() > Some(0)).await;
    let input = json!({"integrationId": integration, "stream": "records", "reason": "in a hurry"});
    let errors = scene.admin().refused("resetCursor", input.clone()).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("CONFLICT", "integrationId"));
    let ended = scene.fixture.finished_run(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED");
    assert_ne!(cursor(&scene, &integration).await, Value::Null);
    scene.admin().mutate("resetCursor", input, "integration { id }").await;
    assert_eq!(cursor(&scene, &integration).await, Value::Null);

    let query = "query($tenant: ID!) { auditEntries(first: 20, filter: {tenantId: $tenant, operation: [\"resetCursor\"]}) {
        edges { node { objectId outcome detail } } } }";
    let entries = scene.admin().query(query, json!({"tenant": scene.tenant.id})).await;
    let edges = entries["auditEntries"]["edges"].as_array().unwrap();
    let done: Vec<&Value> =
        edges.iter().map(|edge| &edge["node"]).filter(|node| node["outcome"] == "SUCCEEDED").collect();
    assert_eq!(done.len(), 1, "{edges:#?}");
    assert_eq!(text(&done[0]["detail"]), "records to the beginning: in a hurry");
}

#[tokio::test]
async fn a_retry_begins_where_a_person_said_since() {
    let scene = Scene::shared().await;
    let table = "CREATE TABLE records (id INTEGER PRIMARY KEY, at TEXT);
        INSERT INTO records VALUES (1, '2026-01-01'), (2, '2026-01-02'), (3, '2026-01-03')";
    sqlite_execute(&scene.files.path("in.db"), table).await;
    let (source, sqlite) = (scene.sqlite_system("in.db").await, scene.sqlite_system("out.db").await);
    let changes = json!({"mode": "INCREMENTAL", "cursorField": "at"});
    for (to, read) in [(json!("2026-01-02"), 3), (Value::Null, 4)] {
        sqlite_execute(&scene.files.path("out.db"), "DROP TABLE IF EXISTS elsewhere").await;
        sqlite_execute(&scene.files.path("out.db"), "CREATE TABLE elsewhere (id TEXT PRIMARY KEY, at TEXT)")
            .await;
        let moves =
            changed_stream(json!({"table": "records"}), json!({"table": "elsewhere"}), changes.clone());
        let integration = scene.integration(&source, &sqlite, moves).await;
        assert_eq!(outcome(&scene.run(&integration).await), counted("SUCCEEDED", 3, 3, 0));

        sqlite_execute(&scene.files.path("out.db"), "DROP TABLE elsewhere").await;
        sqlite_execute(&scene.files.path("in.db"), "INSERT INTO records VALUES (4, '2026-01-04')").await;
        let failed = scene.run(&integration).await;
        assert_eq!(failed["status"], "FAILED", "{failed:#}");
        sqlite_execute(&scene.files.path("out.db"), "CREATE TABLE elsewhere (id TEXT PRIMARY KEY, at TEXT)")
            .await;
        reset(&scene, &integration, to.clone()).await;
        let input = json!({"runId": failed["id"], "scope": "ALL_RECORDS"});
        let started = scene.admin().mutate("retryRun", input, "run { id }").await;
        let run = scene.fixture.finished_run(&text(&started["run"]["id"])).await;
        assert_eq!(outcome(&run), counted("SUCCEEDED", read, read, 0), "{to}: {run:#}");
        assert_eq!(cursor(&scene, &integration).await["value"], "2026-01-04");
        sqlite_execute(&scene.files.path("in.db"), "DELETE FROM records WHERE id = 4").await;
    }
}
