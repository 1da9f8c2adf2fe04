//! Large tables that several workers read at once, in slices: every row is there once and the counts balance, whoever is
//! killed, canceled, stopped or held meanwhile.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::harness::postgres::Database;
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::{
    Scene, changed_stream, ended, impatient, into_table, nodes, outcome, postgres_execute, postgres_rows,
    sqlite_execute, text,
};

/// Rows of the table; each slice has three pages of 5,000 or fewer.
const ROWS: usize = 60_000;
const SLICES: usize = 4;
/// How long the destination takes for each batch.
const BATCH: Duration = Duration::from_millis(400);
const SLICE: &str =
    "stream ordinal status counts { read created updated unchanged skipped failed unaccounted }
    pageCount worker startedAt finishedAt";

/// One slice at a time in a worker, so that several have to share them.
fn one_each() -> Setup {
    impatient().lease_seconds(2).setting("TRESTLE_WORKERS", 1)
}

/// A source with so many rows, and a destination that takes its time for each batch.
async fn databases(rows: usize, batch: Duration) -> (Database, Database) {
    let (source, destination) = (Database::create().await, Database::create().await);
    let fill = format!(
        "CREATE TABLE records (id bigint PRIMARY KEY, name text NOT NULL, at bigint NOT NULL);
         INSERT INTO records SELECT n, 'n' || n, n FROM generate_series(1, {rows}) AS n; ANALYZE records"
    );
    let slow = format!(
        "CREATE TABLE records (id bigint PRIMARY KEY, name text, at bigint);
         CREATE FUNCTION takes_time() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_sleep({}); RETURN NULL; END $$;
         CREATE TRIGGER slow AFTER INSERT OR UPDATE ON records FOR EACH STATEMENT EXECUTE FUNCTION takes_time()",
        batch.as_secs_f64()
    );
    for (database, statements) in [(&source, fill), (&destination, slow)] {
        for sql in statements.split(";\n") {
            postgres_execute(database, sql).await;
        }
    }
    (source, destination)
}

async fn integration(
    scene: &Scene,
    source: &Database,
    destination: &Database,
    slices: usize,
    changes: Value,
) -> String {
    let (from, to) = (scene.postgres_system(source).await, scene.postgres_system(destination).await);
    let options = json!({"table": "records", "slices": slices});
    scene.integration(&from, &to, changed_stream(options, json!({"table": "records"}), changes)).await
}

async fn slices_of(scene: &Scene, run: &str) -> Vec<Value> {
    let query = format!(
        "query($id: ID!) {{ run(id: $id) {{ slices(first: 100) {{ edges {{ node {{ {SLICE} }} }} }} }} }}"
    );
    nodes(&scene.admin().query(&query, json!({"id": run})).await["run"]["slices"])
}

async fn count(database: &Database) -> String {
    postgres_rows(database, "SELECT count(*) || ' ' || count(DISTINCT id) FROM records").await.remove(0)
}

/// Waits until the slices of the run are under way and some pages are done.
async fn in_the_middle(scene: &Scene, run: &str) -> Value {
    let now = scene.run_until("a page is done", run, |run| run["counts"]["read"].as_u64() > Some(0)).await;
    assert_eq!(now["status"], "RUNNING", "it was over too early: {now:#}");
    now
}

/// Stops an integration by a kill switch, and gives its id.
async fn engage(scene: &Scene, integration: &str, on_release: &str) -> Value {
    let input = json!({
        "scope": "INTEGRATION", "integrationId": integration, "reason": "incident",
        "messageForCustomers": "We look into it.", "onRelease": on_release,
    });
    scene.admin().mutate("engageKillSwitch", input, "killSwitch { id }").await["killSwitch"]["id"].clone()
}

/// Waits until a run waits for this reason, and gives it.
async fn kept(scene: &Scene, run: &str, reason: &str) -> Value {
    let query = "query($id: ID!) { run(id: $id) { status wait { reason } counts { read } } }";
    until("the run is kept", SOON, async || {
        let now = scene.admin().query(query, json!({"id": run})).await["run"].clone();
        if now["wait"]["reason"] == reason { Ok(now) } else { Err(now) }
    })
    .await
}

/// The slices have the run's counts together.
fn assert_sum(run: &Value, slices: &[Value]) {
    for name in ["read", "created", "updated", "unchanged", "skipped", "failed", "unaccounted"] {
        let sum: i64 = slices.iter().map(|slice| slice["counts"][name].as_i64().expect("a number")).sum();
        assert_eq!(json!(sum), run["counts"][name], "{name}: {slices:#?}");
    }
}

fn statuses(slices: &[Value]) -> Vec<String> {
    slices.iter().map(|slice| text(&slice["status"])).collect()
}

#[tokio::test]
async fn two_workers_read_a_table_at_the_same_time() {
    let (rows, shares) = (36_000, 2);
    let (source, destination) = databases(rows, BATCH).await;
    let trestle = one_each().split(2).await;
    let scene = Scene::of(&trestle).await;
    let whole = integration(&scene, &source, &destination, 1, json!({})).await;
    let run = scene.run(&whole).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": rows, "created": rows})));
    assert_eq!(slices_of(&scene, &text(&run["id"])).await.len(), 0);

    postgres_execute(&destination, "TRUNCATE records").await;
    let divided = integration(&scene, &source, &destination, shares, json!({})).await;
    let run = scene.run(&divided).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": rows, "created": rows})));
    assert_eq!(count(&destination).await, format!("{rows} {rows}"));
    let id = text(&run["id"]);
    let slices = slices_of(&scene, &id).await;
    assert_sum(&run, &slices);
    assert_eq!(statuses(&slices), ["FINISHED"; 2]);
    assert_eq!(slices.iter().map(|slice| slice["ordinal"].clone()).collect::<Vec<_>>(), [1, 2]);
    // By a sample of all pages they are of one size.
    let half = |slice: &Value| slice["counts"]["read"].as_u64().expect("a number").abs_diff(18_000) < 2_000;
    assert!(slices.iter().all(half), "{slices:#?}");
    let workers: HashSet<String> = slices.iter().map(|slice| text(&slice["worker"])).collect();
    assert_eq!(workers.len(), 2, "{slices:#?}");
    let types = scene.event_types(&id).await;
    let times = |kind: &str| types.iter().filter(|one| *one == kind).count();
    assert_eq!(
        ["run.started", "stream.divided", "slice.started", "slice.finished", "run.resumed", "run.finished"]
            .map(times),
        [1, 1, shares, shares, 1, 1],
        "{types:?}"
    );
    let at = |slice: &Value, name: &str| text(&slice[name]).parse::<DateTime<Utc>>().expect("a time");
    for (one, other) in [(0, 1), (1, 0)] {
        assert!(at(&slices[one], "startedAt") < at(&slices[other], "finishedAt"), "{slices:#?}");
    }

    // Nothing of it is written again, whoever reads it.
    let again = scene.run(&divided).await;
    assert_eq!(outcome(&again), ended("SUCCEEDED", json!({"read": rows, "unchanged": rows})));
}

#[tokio::test]
async fn a_worker_that_is_killed_in_a_slice_loses_nothing() {
    let (source, destination) = databases(ROWS, BATCH).await;
    let mut trestle = one_each().split(2).await;
    let scene = Scene::of(&trestle).await;
    let integration = integration(&scene, &source, &destination, SLICES, json!({})).await;
    let run = scene.fixture.start_run(&integration).await;
    in_the_middle(&scene, &run).await;
    trestle.worker(0).kill9();
    let run = scene.fixture.finished_run(&run).await;
    let slices = slices_of(&scene, &text(&run["id"])).await;
    assert_sum(&run, &slices);
    assert_eq!((&run["status"], &run["counts"]["read"]), (&json!("SUCCEEDED"), &json!(ROWS)), "{run:#}");
    assert_eq!(run["counts"]["failed"], 0);
    assert_eq!(count(&destination).await, format!("{ROWS} {ROWS}"));
    let types = scene.event_types(&text(&run["id"])).await;
    assert!(types.contains(&"slice.taken_over".to_owned()), "{types:?}");
    assert_eq!(types.iter().filter(|kind| *kind == "run.finished").count(), 1, "{types:?}");
}

#[tokio::test]
async fn a_canceled_run_ends_once_and_none_of_its_slices_goes_on() {
    let (source, destination) = databases(ROWS, BATCH).await;
    let trestle = one_each().split(2).await;
    let scene = Scene::of(&trestle).await;
    let integration = integration(&scene, &source, &destination, SLICES, json!({})).await;
    let run = scene.fixture.start_run(&integration).await;
    in_the_middle(&scene, &run).await;
    // Another one waits for it as for any.
    let next = scene.fixture.start_run(&integration).await;
    assert_eq!(scene.status(&next).await, "QUEUED");
    scene.admin().mutate("cancelRun", json!({"runId": run}), "run { id }").await;
    let run = scene.fixture.finished_run(&run).await;
    assert_eq!(run["status"], "CANCELED", "{run:#}");
    let slices = slices_of(&scene, &text(&run["id"])).await;
    assert_sum(&run, &slices);
    assert!(statuses(&slices).contains(&"STOPPED".to_owned()), "{slices:#?}");
    assert!(!statuses(&slices).iter().any(|status| status == "QUEUED" || status == "RUNNING"), "{slices:#?}");
    let types = scene.event_types(&text(&run["id"])).await;
    assert_eq!(types.iter().filter(|kind| *kind == "run.finished").count(), 1, "{types:?}");
    let next = scene.fixture.finished_run(&next).await;
    assert_eq!((&next["status"], &next["counts"]["read"]), (&json!("SUCCEEDED"), &json!(ROWS)), "{next:#}");
    assert_eq!(count(&destination).await, format!("{ROWS} {ROWS}"));
}

#[tokio::test]
async fn a_slice_that_cannot_go_on_ends_the_run_with_one_failure_which_a_retry_settles() {
    let (source, destination) = databases(ROWS, BATCH).await;
    let trestle = one_each().split(2).await;
    let scene = Scene::of(&trestle).await;
    let integration = integration(&scene, &source, &destination, SLICES, json!({})).await;
    let run = scene.fixture.start_run(&integration).await;
    in_the_middle(&scene, &run).await;
    postgres_execute(&destination, "ALTER TABLE records RENAME TO elsewhere").await;
    let run = scene.fixture.finished_run(&run).await;
    assert_eq!(run["status"], "FAILED", "{run:#}");
    let failures = scene.failures(&run).await;
    assert_eq!(failures.len(), 1, "{failures:#?}");
    assert_eq!(failures[0]["code"], "destination.not_found");
    let id = text(&run["id"]);
    let slices = slices_of(&scene, &id).await;
    assert_sum(&run, &slices);
    assert!(statuses(&slices).contains(&"FAILED".to_owned()), "{slices:#?}");
    assert!(!statuses(&slices).iter().any(|status| status == "QUEUED" || status == "RUNNING"), "{slices:#?}");

    postgres_execute(&destination, "ALTER TABLE elsewhere RENAME TO records").await;
    let input = json!({"runId": id, "scope": "FAILED_RECORDS"});
    let retry = scene.admin().mutate("retryRun", input, "run { id }").await;
    let retry = scene.fixture.finished_run(&text(&retry["run"]["id"])).await;
    assert_eq!(
        (&retry["status"], &retry["counts"]["read"]),
        (&json!("SUCCEEDED"), &json!(ROWS)),
        "{retry:#}"
    );
    assert_eq!(scene.status(&id).await, "RECOVERED");
    assert_eq!(count(&destination).await, format!("{ROWS} {ROWS}"));
}

#[tokio::test]
async fn a_pause_and_a_kill_switch_keep_slices_and_a_release_lets_all_of_them_go_on() {
    let (source, destination) = databases(ROWS, BATCH).await;
    let trestle = one_each().split(2).await;
    let scene = Scene::of(&trestle).await;
    let integration = integration(&scene, &source, &destination, SLICES, json!({})).await;
    let run = scene.fixture.start_run(&integration).await;
    in_the_middle(&scene, &run).await;
    let switch = engage(&scene, &integration, "RUN_ALL").await;
    let kept_run = kept(&scene, &run, "KILL_SWITCH").await;
    assert!(kept_run["counts"]["read"].as_u64() < Some(ROWS as u64), "it was over too early: {kept_run:#}");
    let pause = json!({"integrationId": integration});
    scene.admin().mutate("pauseIntegration", pause.clone(), "integration { id }").await;
    scene.admin().mutate("releaseKillSwitch", json!({"killSwitchId": switch}), "killSwitch { id }").await;
    kept(&scene, &run, "PAUSED").await;
    // What is read at another place would not be what was divided.
    let moved = changed_stream(json!({"table": "others"}), json!({"table": "records"}), json!({}));
    let input = json!({"integrationId": integration, "streams": [moved]});
    let refused = scene.admin().try_mutate("updateIntegration", &input, "integration { id }").await;
    assert_eq!(
        refused.body["data"]["updateIntegration"]["userErrors"][0]["code"], "CONFLICT",
        "{:#}",
        refused.body
    );
    scene.admin().mutate("resumeIntegration", pause, "integration { id }").await;
    let run = scene.fixture.finished_run(&run).await;
    assert_eq!((&run["status"], &run["counts"]["read"]), (&json!("SUCCEEDED"), &json!(ROWS)), "{run:#}");
    assert_sum(&run, &slices_of(&scene, &text(&run["id"])).await);
    assert_eq!(count(&destination).await, format!("{ROWS} {ROWS}"));
}

/// Its slices have read the old place, and nothing would read the new one.
#[tokio::test]
async fn a_stream_does_not_move_between_the_end_of_its_slices_and_that_of_its_run() {
    let (source, destination) = databases(20_000, BATCH).await;
    let trestle = one_each().split(2).await;
    let scene = Scene::of(&trestle).await;
    let integration = integration(&scene, &source, &destination, 2, json!({})).await;
    let run = scene.fixture.start_run(&integration).await;
    until("both are under way", SOON, async || {
        let slices = slices_of(&scene, &run).await;
        if statuses(&slices) == ["RUNNING"; 2] { Ok(()) } else { Err(slices) }
    })
    .await;
    let pause = json!({"integrationId": integration});
    scene.admin().mutate("pauseIntegration", pause.clone(), "integration { id }").await;
    until("they have ended", SOON, async || {
        let slices = slices_of(&scene, &run).await;
        if statuses(&slices) == ["FINISHED"; 2] { Ok(()) } else { Err(slices) }
    })
    .await;
    // The last slice gives the job back to the run, and a claim finds that it is paused.
    assert_eq!(kept(&scene, &run, "PAUSED").await["status"], "RUNNING");
    let moved = changed_stream(json!({"table": "others"}), json!({"table": "records"}), json!({}));
    let input = json!({"integrationId": integration, "streams": [moved]});
    let errors = scene.admin().refused("updateIntegration", input.clone()).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("CONFLICT", "integrationId"));
    scene.admin().mutate("resumeIntegration", pause, "integration { id }").await;
    let run = scene.fixture.finished_run(&run).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 20_000, "created": 20_000})));
    scene.admin().mutate("updateIntegration", input, "integration { id }").await;
}

#[tokio::test]
async fn a_kill_switch_that_keeps_the_latest_run_keeps_the_one_that_was_asked_for_last() {
    let (source, destination) = databases(ROWS, BATCH).await;
    let trestle = one_each().split(2).await;
    let scene = Scene::of(&trestle).await;
    let integration = integration(&scene, &source, &destination, SLICES, json!({})).await;
    let divided = scene.fixture.start_run(&integration).await;
    // Asked for before the other one's slices have jobs, or after: the same holds.
    let latest = scene.fixture.start_run(&integration).await;
    in_the_middle(&scene, &divided).await;
    let switch = engage(&scene, &integration, "RUN_LATEST").await;
    for run in [&divided, &latest] {
        kept(&scene, run, "KILL_SWITCH").await;
    }
    scene.admin().mutate("releaseKillSwitch", json!({"killSwitchId": switch}), "killSwitch { id }").await;
    let (divided, latest) =
        (scene.fixture.finished_run(&divided).await, scene.fixture.finished_run(&latest).await);
    assert_eq!((&divided["status"], &latest["status"]), (&json!("CANCELED"), &json!("SUCCEEDED")));
    assert_sum(&divided, &slices_of(&scene, &text(&divided["id"])).await);
    assert_eq!(count(&destination).await, format!("{ROWS} {ROWS}"));
}

#[tokio::test]
async fn what_is_gone_is_found_over_all_slices_and_what_failed_is_brought_home() {
    let (source, destination) = databases(20_000, BATCH).await;
    let trestle = one_each().split(2).await;
    let scene = Scene::of(&trestle).await;
    let changes = json!({
        "deletions": {"action": "DELETE"},
        "recordSchema": {"properties": {"name": {"pattern": "^n"}}},
    });
    let integration = integration(&scene, &source, &destination, SLICES, changes).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 20_000, "created": 20_000})));

    // Of each slice some are gone, and some break a rule, which stay.
    postgres_execute(&source, "DELETE FROM records WHERE id % 1000 = 7").await;
    postgres_execute(&source, "UPDATE records SET name = 'bad' WHERE id % 2000 = 8").await;
    let run = scene.run(&integration).await;
    let counts = json!({"read": 19_980, "unchanged": 19_970, "failed": 10});
    assert_eq!(outcome(&run), ended("PARTIAL", counts));
    assert_sum(&run, &slices_of(&scene, &text(&run["id"])).await);
    let deleted = "query($id: ID!) { run(id: $id) { counts { deleted } } }";
    let deleted = scene.admin().query(deleted, json!({"id": run["id"]})).await;
    assert_eq!(deleted["run"]["counts"]["deleted"], 20);
    assert_eq!(count(&destination).await, "19980 19980");

    // A retry of records reads no source, and is not divided.
    let mended = json!({
        "name": "records", "mode": "FULL", "keyFields": ["id"], "deletions": {"action": "DELETE"},
        "source": {"table": "records", "slices": SLICES}, "destination": {"table": "records"},
    });
    scene.update_stream(&integration, mended).await;
    let input = json!({"filter": {"runId": run["id"]}});
    let retry = scene.admin().mutate("retryFailures", input, "retry { id }").await;
    let done = scene.finished_retry(&retry["retry"]).await;
    assert_eq!((&done["status"], &done["resolved"]), (&json!("COMPLETED"), &json!(10)), "{done:#}");
    assert_eq!(scene.status(&text(&run["id"])).await, "RECOVERED");
}

#[tokio::test]
async fn the_first_incremental_run_loses_nothing_that_is_written_meanwhile() {
    let (source, destination) = databases(ROWS, BATCH).await;
    let trestle = one_each().split(2).await;
    let scene = Scene::of(&trestle).await;
    let changes = json!({"mode": "INCREMENTAL", "cursorField": "at"});
    let integration = integration(&scene, &source, &destination, SLICES, changes).await;
    let run = scene.fixture.start_run(&integration).await;
    in_the_middle(&scene, &run).await;
    // New rows among keys that were read already, beyond them all, and changes of both.
    for sql in [
        "INSERT INTO records SELECT -n, 'new', 100000 + n FROM generate_series(1, 50) AS n",
        "INSERT INTO records SELECT 100000 + n, 'new', 200000 + n FROM generate_series(1, 50) AS n",
        "UPDATE records SET name = 'changed', at = 300000 + id WHERE id % 600 = 0 AND id > 0 AND id <= 60000",
    ] {
        postgres_execute(&source, sql).await;
    }
    let first = scene.fixture.finished_run(&run).await;
    assert_eq!(first["status"], "SUCCEEDED", "{first:#}");
    assert_sum(&first, &slices_of(&scene, &text(&first["id"])).await);
    let second = scene.run(&integration).await;
    assert_eq!(second["status"], "SUCCEEDED", "{second:#}");
    // It is past its beginning, and read by one.
    assert_eq!(slices_of(&scene, &text(&second["id"])).await.len(), 0);
    let read = second["counts"]["read"].as_u64().expect("a number");
    assert!((200..1_000).contains(&read), "only what is newer: {second:#}");
    let all = "SELECT count(*) || ' ' || sum(hashtext(id || name || at)::bigint) FROM records";
    assert_eq!(postgres_rows(&destination, all).await, postgres_rows(&source, all).await);
    assert_eq!(scene.run(&integration).await["counts"]["read"].as_u64().map(|read| read < 10), Some(true));
}

#[tokio::test]
async fn keys_of_any_type_are_divided_and_what_has_none_is_a_failure_once() {
    let (source, destination) = (Database::create().await, Database::create().await);
    for sql in [
        "CREATE TABLE records (shop text, no int, note text)",
        "INSERT INTO records SELECT 'shop-' || n % 7, n, 'o''\"\\' || n FROM generate_series(1, 9000) AS n",
        "INSERT INTO records SELECT NULL, n, 'without' FROM generate_series(1, 5) AS n",
        "ANALYZE records",
    ] {
        postgres_execute(&source, sql).await;
    }
    let scene = Scene::shared().await;
    let (from, to) = (scene.postgres_system(&source).await, scene.postgres_system(&destination).await);
    let options = json!({"table": "records", "slices": 8});
    let changes = json!({"keyFields": ["shop", "no"]});
    let integration =
        scene.integration(&from, &to, changed_stream(options, into_table("records"), changes)).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 9_005, "created": 9_000, "failed": 5})));
    let slices = slices_of(&scene, &text(&run["id"])).await;
    assert_sum(&run, &slices);
    assert_eq!(slices.len(), 8);
    let codes: HashSet<String> =
        scene.failures(&run).await.iter().map(|failure| text(&failure["code"])).collect();
    assert_eq!(codes, HashSet::from(["record.missing_key".to_owned()]));
    let all = "SELECT count(*) || ' ' || sum(hashtext(shop || no || note)::bigint) FROM records WHERE shop IS NOT NULL";
    assert_eq!(postgres_rows(&destination, all).await, postgres_rows(&source, all).await);
}

#[tokio::test]
async fn a_small_table_and_checks_over_all_records_are_read_by_one() {
    let (source, destination) = databases(3_000, BATCH).await;
    let scene = Scene::shared().await;
    let unique = json!({"quality": {"unique": [["name"]]}});
    let checked = integration(&scene, &source, &destination, SLICES, unique).await;
    let run = scene.run(&checked).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 3_000, "created": 3_000})));
    assert_eq!(slices_of(&scene, &text(&run["id"])).await.len(), 0);
    let (from, to) = (scene.postgres_system(&source).await, scene.postgres_system(&destination).await);
    let plain = changed_stream(json!({"table": "records"}), json!({"table": "records"}), json!({}));
    let small = scene.integration(&from, &to, plain).await;
    let run = scene.run(&small).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 3_000, "unchanged": 3_000})));
    assert_eq!(slices_of(&scene, &text(&run["id"])).await.len(), 0);
}

#[tokio::test]
async fn a_gate_that_closes_in_a_slice_stops_all_of_them_until_a_person_has_decided() {
    let (source, destination) = databases(ROWS, BATCH).await;
    postgres_execute(&source, "UPDATE records SET name = 'bad' WHERE id <= 5000 AND id % 5 = 0").await;
    let trestle = one_each().split(2).await;
    let scene = Scene::of(&trestle).await;
    let changes = json!({
        "recordSchema": {"properties": {"name": {"pattern": "^n"}}},
        "quality": {"maxFailedPercent": 5, "minRecords": 100},
    });
    let integration = integration(&scene, &source, &destination, SLICES, changes).await;
    let run = scene.fixture.start_run(&integration).await;
    let query = "query($id: ID!) { integration(id: $id) { status quarantines(first: 5) { edges { node { id status recordCount } } } } }";
    let quarantine = until("a page is in quarantine", SOON, async || {
        let now = scene.admin().query(query, json!({"id": integration})).await["integration"].clone();
        nodes(&now["quarantines"]).first().cloned().ok_or(now)
    })
    .await;
    let waits = "query($id: ID!) { run(id: $id) { status wait { reason } } }";
    until("the run waits for the decision", SOON, async || {
        let now = scene.admin().query(waits, json!({"id": run})).await["run"].clone();
        if now["wait"]["reason"] == "HELD" { Ok(()) } else { Err(now) }
    })
    .await;
    let input = json!({"quarantineId": quarantine["id"], "note": "looks right"});
    scene.admin().mutate("releaseQuarantine", input, "quarantine { id }").await;
    let run = scene.fixture.finished_run(&run).await;
    assert_eq!((&run["status"], &run["counts"]["read"]), (&json!("PARTIAL"), &json!(ROWS)), "{run:#}");
    assert_sum(&run, &slices_of(&scene, &text(&run["id"])).await);
    let good = ROWS - 1_000;
    until("what was kept is written too", SOON, async || {
        let now = count(&destination).await;
        if now == format!("{good} {good}") { Ok(()) } else { Err(now) }
    })
    .await;
}

/// The same in one process, where slices run beside each other.
async fn from_sqlite_to_sqlite(trestle: &Trestle) {
    let scene = Scene::of(trestle).await;
    let fill = "CREATE TABLE records (id integer PRIMARY KEY, name text, at integer);
        WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)
        INSERT INTO records SELECT n * 3 - 7, 'n' || n, n FROM n";
    sqlite_execute(&scene.files.path("in.db"), fill).await;
    let (from, to) = (scene.sqlite_system("in.db").await, scene.sqlite_system("out.db").await);
    for (mode, table) in [("FULL", "full"), ("INCREMENTAL", "incremental")] {
        let changes = json!({"mode": mode, "cursorField": "at"});
        let options = json!({"table": "records", "slices": 3});
        let moves = changed_stream(options, into_table(table), changes);
        let integration = scene.integration(&from, &to, moves).await;
        let run = scene.run(&integration).await;
        assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 20_000, "created": 20_000})));
        let slices = slices_of(&scene, &text(&run["id"])).await;
        assert_sum(&run, &slices);
        assert_eq!(statuses(&slices), ["FINISHED"; 3]);
        let sum = format!(
            "SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || sum(id) || ' ' || sum(at) FROM {table}"
        );
        let of_source =
            "SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || sum(id) || ' ' || sum(at) FROM records";
        assert_eq!(scene.sqlite_rows("out.db", &sum).await, scene.sqlite_rows("in.db", of_source).await);
        let again = scene.run(&integration).await;
        let read = if mode == "FULL" { 20_000 } else { 1 };
        assert_eq!(outcome(&again), ended("SUCCEEDED", json!({"read": read, "unchanged": read})));
    }
}

#[tokio::test]
async fn one_process_reads_slices_as_well() {
    from_sqlite_to_sqlite(&impatient().embedded().await).await;
}

/// No slice sees what another one writes at the same time.
#[tokio::test]
async fn files_are_read_in_slices_and_a_key_that_two_of_them_bring_is_a_failure_until_one_is_gone() {
    let (_source, destination) = databases(1, Duration::ZERO).await;
    let trestle = one_each().split(2).await;
    let scene = Scene::of(&trestle).await;
    let row = |id: u32, name: &str| vec![id.to_string(), format!("{name}{id}"), "7".to_owned()];
    for file in 0..4_u32 {
        let own = (file * 1_000 + 1..=file * 1_000 + 1_000).map(|id| row(id, "n"));
        let others = (1..=10).filter(|_id| file == 3).map(|id| row(id, "other "));
        scene.files.write_csv(&format!("in/{file}.csv"), &["id", "name", "at"], own.chain(others));
    }
    let (from, to) = (scene.file_system().await, scene.postgres_system(&destination).await);
    let options = json!({"path": "in/*.csv", "slices": SLICES});
    let stream = changed_stream(options, json!({"table": "records"}), json!({}));
    let integration = scene.integration(&from, &to, stream).await;

    let first = scene.run(&integration).await;
    let counts = &first["counts"];
    assert_eq!(
        (&first["status"], &counts["read"], &counts["failed"]),
        (&json!("PARTIAL"), &json!(4_010), &json!(10))
    );
    assert_eq!(counts["unaccounted"], 0);
    let slices = slices_of(&scene, &text(&first["id"])).await;
    assert_sum(&first, &slices);
    let read: Vec<&Value> = slices.iter().map(|slice| &slice["counts"]["read"]).collect();
    assert_eq!(read, [&json!(1_000), &json!(1_000), &json!(1_000), &json!(1_010)]);
    let failures = scene.failures(&first).await;
    assert_eq!(failures.len(), 10);
    for failure in &failures {
        assert_eq!(failure["code"], "record.duplicate_across_slices", "{failure:#}");
        assert!(text(&failure["businessReference"]).parse::<u32>().expect("a number") <= 10);
    }

    // Still there, and told again, whoever sees whom.
    let second = scene.run(&integration).await;
    assert_eq!(
        (&second["status"], &second["counts"]["failed"]),
        (&json!("PARTIAL"), &json!(10)),
        "{second:#}"
    );
    // Whichever was written last, what the source has now is what arrives.
    scene.files.write_csv("in/3.csv", &["id", "name", "at"], (3_001..=4_000).map(|id| row(id, "n")));
    let third = scene.run(&integration).await;
    assert_eq!(
        (&third["status"], &third["counts"]["read"]),
        (&json!("SUCCEEDED"), &json!(4_000)),
        "{third:#}"
    );
    let wrong = "SELECT concat_ws(' ', id, name) FROM records WHERE name <> 'n' || id";
    assert_eq!(postgres_rows(&destination, wrong).await, Vec::<String>::new());
    assert_eq!(count(&destination).await, "4000 4000");
    for run in [&first, &second] {
        assert_eq!(scene.status(&text(&run["id"])).await, "RECOVERED");
    }
}
