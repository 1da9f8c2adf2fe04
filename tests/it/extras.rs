//! Records that only the destination has: a reconciliation finds them, and a repair removes them where their stream says so.

use serde_json::{Value, json};

use crate::harness::outside::Outside;
use crate::harness::postgres::Database;
use crate::harness::wait::{SOON, until};
use crate::reconciliation::{assert_matched, counts, finished, found, reconcile, repair};
use crate::scene::{
    Scene, changed_stream, ended, impatient, into_table, nodes, only, outcome, postgres_execute,
    postgres_rows, sqlite_execute, text,
};

/// Keys that only the destination has, as [`found`] gives them.
fn extra(keys: &[&str]) -> Vec<(String, String)> {
    keys.iter().map(|key| ((*key).to_owned(), "EXTRA".to_owned())).collect()
}

/// So many records of a table of PostgreSQL, moved by an INCREMENTAL stream with these changes.
async fn moved(scene: &Scene, count: u32, changes: Value) -> (String, Database, Database) {
    let (from, to) = (Database::create().await, Database::create().await);
    let rows = format!(
        "CREATE TABLE records (id int PRIMARY KEY, v int, at timestamptz);
         INSERT INTO records SELECT n, 0, timestamptz '2026-01-01Z' + n * interval '1 day' FROM generate_series(1, {count}) AS n"
    );
    postgres_execute(&from, &rows).await;
    let (source, destination) = (scene.postgres_system(&from).await, scene.postgres_system(&to).await);
    let mut all = json!({"mode": "INCREMENTAL", "cursorField": "at"});
    for (name, value) in changes.as_object().expect("changes are an object") {
        all[name] = value.clone();
    }
    let moves = changed_stream(json!({"table": "records"}), into_table("records"), all);
    let integration = scene.integration(&source, &destination, moves).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": count, "created": count})));
    (integration, from, to)
}

async fn deleted(scene: &Scene, run: &Value) -> Value {
    let query = "query($id: ID!) { run(id: $id) { counts { deleted } } }";
    scene.admin().query(query, json!({"id": run["id"]})).await["run"]["counts"]["deleted"].clone()
}

#[tokio::test]
async fn what_was_deleted_at_the_source_of_an_incremental_stream_is_found_and_a_repair_deletes_just_that() {
    let scene = Scene::shared().await;
    let (integration, from, to) = moved(&scene, 20, json!({"deletions": {"action": "DELETE"}})).await;
    // Two are deleted, of which one is gone at the destination as well, and somebody else has a row there.
    postgres_execute(&from, "DELETE FROM records WHERE id IN (3, 4)").await;
    postgres_execute(&to, "DELETE FROM records WHERE id = 4; INSERT INTO records (id, v) VALUES (900, 1)")
        .await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({})), "an incremental run does not see it");
    let drifted = reconcile(&scene, &integration).await;
    assert_eq!(drifted["status"], "DRIFTED", "{drifted:#}");
    assert_eq!(found(&drifted), extra(&["3"]));
    let sums = json!({"read": 18, "source": 18, "destination": 18, "matched": 18, "extra": 1, "others": 1});
    assert_eq!(counts(&drifted), sums, "{drifted:#}");
    assert_eq!(drifted["streams"][0]["reason"], Value::Null);
    let run = ended("PARTIAL", json!({"read": 19, "unchanged": 18, "failed": 1}));
    assert_eq!(outcome(&drifted["run"]), run, "{drifted:#}");
    let done = scene.event(&text(&drifted["run"]["id"]), "reconciliation.done").await;
    assert_eq!(done["attributes"]["extra"], 1);
    let failures = scene.failures(&drifted["run"]).await;
    assert_eq!(
        only(&failures, &["businessReference", "code", "status", "retryable"]),
        json!([{"businessReference": "3", "code": "reconciliation.extra", "status": "OPEN", "retryable": "YES"}])
    );
    let query = "query($run: ID!) { retryPlan(filter: {runId: $run}) { total retryable wouldBeRemoved
        failures { prediction } } }";
    let plan = scene.admin().query(query, json!({"run": drifted["run"]["id"]})).await["retryPlan"].clone();
    assert_eq!(
        plan,
        json!({"total": 1, "retryable": 1, "wouldBeRemoved": 1, "failures": [{"prediction": "WOULD_BE_REMOVED"}]})
    );

    let repaired = repair(&scene, &drifted).await;
    assert_eq!(
        only(std::slice::from_ref(&repaired), &["status", "total", "resolved", "failed"]),
        json!([{"status": "COMPLETED", "total": 1, "resolved": 1, "failed": 0}])
    );
    let written = nodes(&repaired["runs"])[0].clone();
    let written = scene.fixture.run(&text(&written["id"])).await;
    assert_eq!(
        (outcome(&written), deleted(&scene, &written).await),
        (ended("SUCCEEDED", json!({})), json!(1))
    );
    let left = "SELECT count(*) || ' ' || count(*) FILTER (WHERE id = 3) FROM records";
    assert_eq!(postgres_rows(&to, left).await, ["19 0"]);
    assert_eq!(scene.status(&text(&drifted["run"]["id"])).await, "RECOVERED");
    assert_matched(&reconcile(&scene, &integration).await, 18);
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({})), "the cursor stayed: {run:#}");
}

#[tokio::test]
async fn without_deletions_they_are_told_and_left_and_with_them_marked() {
    let scene = Scene::shared().await;
    let records = |ids: std::ops::RangeInclusive<u32>| ids.map(|id| json!({"id": id, "v": "x"}));
    scene.files.write_jsonl("in.jsonl", records(1..=12));
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    let moves = |changes: Value| changed_stream(json!({"path": "in.jsonl"}), into_table("records"), changes);
    let integration = scene.integration(&files, &sqlite, moves(json!({}))).await;
    scene.run(&integration).await;
    scene.files.write_jsonl("in.jsonl", records(1..=9));
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 9, "unchanged": 9})));
    let drifted = reconcile(&scene, &integration).await;
    assert_eq!(drifted["status"], "DRIFTED", "{drifted:#}");
    assert_eq!(found(&drifted), extra(&["10", "11", "12"]));
    let sums = json!({"read": 9, "source": 9, "destination": 9, "matched": 9, "extra": 3});
    assert_eq!(counts(&drifted), sums);
    let reason = text(&drifted["streams"][0]["reason"]);
    assert!(
        reason.starts_with("3 records are only at the destination") && reason.contains("`deletions`"),
        "{reason}"
    );
    // Nothing of it can be repaired, so nothing has failed.
    assert_eq!(outcome(&drifted["run"]), ended("SUCCEEDED", json!({"read": 9, "unchanged": 9})));
    assert!(nodes(&drifted["differences"]).iter().all(|one| one["failure"].is_null()), "{drifted:#}");
    let errors =
        scene.admin().refused("repairReconciliation", json!({"reconciliationId": drifted["id"]})).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("CONFLICT", "reconciliationId"));
    assert!(errors[0].message.contains("only at the destination"), "{errors:?}");
    let count = "SELECT count(*) || '' FROM records";
    assert_eq!(scene.sqlite_rows("out.db", count).await, ["12"]);

    let mark = json!({"deletions": {"action": "MARK", "markField": "goneAt", "maxPercent": 50}});
    scene.update_stream(&integration, moves(mark)).await;
    // The mark's column comes with the first record that is written with it.
    scene.files.write_jsonl("in.jsonl", records(1..=9).chain([json!({"id": 13, "v": "x"})]));
    sqlite_execute(&scene.files.path("out.db"), "ALTER TABLE records ADD COLUMN goneAt TEXT").await;
    let again = reconcile(&scene, &integration).await;
    assert_eq!(found(&again), extra(&["10", "11", "12"]), "{again:#}");
    let repaired = repair(&scene, &again).await;
    assert_eq!((&repaired["total"], &repaired["resolved"]), (&json!(3), &json!(3)), "{repaired:#}");
    let marked = "SELECT group_concat(id) FROM (SELECT id FROM records WHERE goneAt IS NOT NULL ORDER BY id)";
    assert_eq!(scene.sqlite_rows("out.db", marked).await, ["10,11,12"]);
    scene.run(&integration).await;
    let matched = reconcile(&scene, &integration).await;
    assert_matched(&matched, 10);
    assert_eq!(counts(&matched)["others"], 3, "what is marked is ours no more");
}

#[tokio::test]
async fn a_repair_of_much_is_looked_at_by_a_person_first() {
    let scene = Scene::shared().await;
    let (integration, from, to) =
        moved(&scene, 30, json!({"deletions": {"action": "DELETE", "maxPercent": 20}})).await;
    postgres_execute(&from, "DELETE FROM records WHERE id > 15").await;
    let drifted = reconcile(&scene, &integration).await;
    assert_eq!(counts(&drifted)["extra"], 15, "{drifted:#}");
    let input = json!({"reconciliationId": drifted["id"]});
    let started = scene.admin().mutate("repairReconciliation", input, "retry { id total }").await;
    let query = "query($id: ID!) { integration(id: $id) { status statusReason } }";
    let held = until("the integration is held", SOON, async || {
        let now = scene.admin().query(query, json!({"id": integration})).await["integration"].clone();
        if now["status"] == "HELD" { Ok(now) } else { Err(now) }
    })
    .await;
    let reason = text(&held["statusReason"]);
    assert!(
        reason.contains("15 of the 30 records of records are gone") && reason.contains("deletes"),
        "{reason}"
    );
    let count = "SELECT count(*) || '' FROM records";
    assert_eq!(postgres_rows(&to, count).await, ["30"], "nothing was removed");
    scene
        .admin()
        .mutate("resumeIntegration", json!({"integrationId": integration}), "integration { id }")
        .await;
    let repaired = scene.finished_retry(&started["retry"]).await;
    assert_eq!((&repaired["total"], &repaired["resolved"]), (&json!(15), &json!(15)), "{repaired:#}");
    assert_eq!(postgres_rows(&to, count).await, ["15"]);
}

#[tokio::test]
async fn what_comes_again_is_not_removed_and_what_the_destination_keeps_is_a_failure() {
    let scene = Scene::shared().await;
    let (integration, from, to) = moved(&scene, 20, json!({"deletions": {"action": "DELETE"}})).await;
    postgres_execute(&from, "DELETE FROM records WHERE id IN (3, 4)").await;
    let child = "CREATE TABLE child (record int REFERENCES records (id)); INSERT INTO child VALUES (4)";
    postgres_execute(&to, child).await;
    let drifted = reconcile(&scene, &integration).await;
    assert_eq!(found(&drifted), extra(&["3", "4"]), "{drifted:#}");
    postgres_execute(&from, "INSERT INTO records VALUES (3, 9, '2027-01-01Z')").await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 1, "updated": 1})));
    let failures = scene.failures(&drifted["run"]).await;
    assert_eq!(
        only(&failures, &["businessReference", "status"]),
        json!([{"businessReference": "3", "status": "SUPERSEDED"}, {"businessReference": "4", "status": "OPEN"}])
    );
    let repaired = repair(&scene, &drifted).await;
    assert_eq!(
        only(std::slice::from_ref(&repaired), &["status", "total", "resolved", "failed"]),
        json!([{"status": "COMPLETED", "total": 1, "resolved": 0, "failed": 1}])
    );
    let failures = scene.failures(&drifted["run"]).await;
    assert_eq!(
        only(&failures[1..], &["businessReference", "code", "status"]),
        json!([{"businessReference": "4", "code": "destination.removal_refused", "status": "OPEN"}])
    );
    assert_eq!(postgres_rows(&to, "SELECT count(*) || '' FROM records").await, ["20"]);
    let run = nodes(&repaired["runs"])[0].clone();
    let run = scene.fixture.run(&text(&run["id"])).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 1, "failed": 1})), "{run:#}");
}

/// A record that is only at the destination, comes again and is refused by a rule: it is not gone, whatever is repaired or
/// retried first.
#[tokio::test]
async fn what_comes_again_and_fails_is_not_gone() {
    for repairs_first in [true, false] {
        let scene = Scene::shared().await;
        let rule = |most: u32| json!({"properties": {"v": {"maximum": most}}});
        let deletions = json!({"action": "DELETE"});
        let changes = json!({"deletions": deletions, "recordSchema": rule(5)});
        let (integration, from, to) = moved(&scene, 20, changes).await;
        postgres_execute(&from, "DELETE FROM records WHERE id = 3").await;
        let drifted = reconcile(&scene, &integration).await;
        assert_eq!(found(&drifted), extra(&["3"]), "{drifted:#}");
        postgres_execute(&from, "INSERT INTO records VALUES (3, 9, '2027-01-01Z')").await;
        let run = scene.run(&integration).await;
        assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 1, "failed": 1})));
        let failures = scene.failures(&drifted["run"]).await;
        assert_eq!(only(&failures, &["status"]), json!([{"status": "SUPERSEDED"}]), "it has come");
        if repairs_first {
            let input = json!({"reconciliationId": drifted["id"]});
            let errors = scene.admin().refused("repairReconciliation", input).await;
            assert_eq!(errors[0].code, "CONFLICT", "{errors:?}");
        }
        let mended = json!({
            "mode": "INCREMENTAL", "cursorField": "at", "deletions": deletions, "recordSchema": rule(9),
        });
        scene
            .update_stream(
                &integration,
                changed_stream(json!({"table": "records"}), into_table("records"), mended),
            )
            .await;
        let input = json!({"filter": {"integrationId": integration}});
        let retry = scene.admin().mutate("retryFailures", input, "retry { id }").await;
        let done = scene.finished_retry(&retry["retry"]).await;
        assert_eq!((&done["total"], &done["resolved"]), (&json!(1), &json!(1)), "{done:#}");
        let there = "SELECT count(*) || ' ' || count(*) FILTER (WHERE id = 3 AND v = 9) FROM records";
        assert_eq!(postgres_rows(&to, there).await, ["20 1"]);
    }
}

#[tokio::test]
async fn files_are_looked_at_as_well_and_a_source_that_cannot_be_read_whole_tells_nothing() {
    let scene = Scene::shared().await;
    scene.files.write_csv("in.csv", &["id"], (1..=5).map(|n: u8| vec![n.to_string()]));
    let files = scene.file_system().await;
    let changes = json!({"deletions": {"action": "DELETE", "maxPercent": 100}});
    let moves = changed_stream(json!({"path": "in.csv"}), json!({"path": "out.csv"}), changes);
    let integration = scene.integration(&files, &files, moves).await;
    scene.run(&integration).await;
    scene.files.write("out.csv", scene.files.read("out.csv") + "9\n");
    scene.files.write_csv("in.csv", &["id"], (1..=3).map(|n: u8| vec![n.to_string()]));
    let drifted = reconcile(&scene, &integration).await;
    assert_eq!(found(&drifted), extra(&["4", "5"]), "{drifted:#}");
    assert_eq!(counts(&drifted)["others"], 1);
    let repaired = repair(&scene, &drifted).await;
    assert_eq!((&repaired["total"], &repaired["resolved"]), (&json!(2), &json!(2)), "{repaired:#}");
    assert_eq!(scene.files.read("out.csv"), "id\n1\n2\n3\n9\n");

    scene.files.write("in.csv", "id\n1\n\"2\n");
    let unsure = reconcile(&scene, &integration).await;
    assert_eq!(unsure["streams"][0]["counts"]["extra"], Value::Null, "{unsure:#}");
    let reason = text(&unsure["streams"][0]["reason"]);
    assert!(reason.contains("can't be told: some records of the source can't be read"), "{reason}");
    assert_eq!(unsure["status"], "MATCHED", "{unsure:#}");
}

#[tokio::test]
async fn they_are_not_told_twice_after_a_crash() {
    let outside = Outside::start();
    let records = |count: u32| (1..=count).map(|n| json!({"id": format!("R-{n:05}")})).collect::<Vec<_>>();
    outside.serve_records(records(1_000));
    let mut trestle = impatient().lease_seconds(2).split(1).await;
    let scene = Scene::of(&trestle).await;
    let (source, options) = scene.slow_source(&outside).await;
    let sqlite = scene.sqlite_system("out.db").await;
    let changes = json!({"deletions": {"action": "DELETE", "maxPercent": 100}});
    let integration =
        scene.integration(&source, &sqlite, changed_stream(options, into_table("records"), changes)).await;
    assert_eq!(scene.run(&integration).await["status"], "SUCCEEDED");
    outside.serve_records(records(990));
    let input = json!({"integrationId": integration});
    let started =
        scene.admin().mutate("reconcileIntegration", input, "reconciliation { id run { id } }").await;
    let reconciliation = started["reconciliation"].clone();
    let run = text(&reconciliation["run"]["id"]);
    scene.run_until("it has begun", &run, |run| run["status"] == "RUNNING").await;
    trestle.add_worker();
    trestle.worker(0).kill9();
    let drifted = finished(&scene, &reconciliation).await;
    assert!(scene.event_types(&run).await.contains(&"run.taken_over".to_owned()));
    assert_eq!(found(&drifted).len(), 10, "{drifted:#}");
    let sums = json!({"read": 990, "source": 990, "destination": 990, "matched": 990, "extra": 10});
    assert_eq!(counts(&drifted), sums);
    assert_eq!(
        outcome(&drifted["run"]),
        ended("PARTIAL", json!({"read": 1_000, "unchanged": 990, "failed": 10}))
    );
    assert_eq!(scene.fixture.failures(&run).await.len(), 10);
}
