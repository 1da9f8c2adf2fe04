//! Both ends of integrations, compared; what is found, and what brings it home.

use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::outside::{Outside, Pagination};
use crate::harness::postgres::Database;
use crate::harness::wait::{SOON, until};
use crate::scene::{
    Scene, changed_stream, ended, impatient, into_table, nodes, only, outcome, postgres_execute,
    postgres_rows, sqlite_execute, text,
};

pub const RECONCILIATION: &str = "id status requestedBy createdAt finishedAt afterRun { id }
    run { id status trigger counts { read created updated unchanged skipped failed unaccounted } }
    streams { name outcome reason finishedAt
        counts { read leftOut refused source destination matched missing different failing notMoved extra others }
        checksums { sourceKeys destinationKeys sourceRecords destinationRecords } }
    differences(first: 100) { edges { node { stream key businessReference kind failure { id status code } } } }
    repairedBy { id status total }";

/// Asks for a comparison and waits for its end.
pub async fn reconcile(scene: &Scene, integration: &str) -> Value {
    let input = json!({"integrationId": integration});
    let started = scene.admin().mutate("reconcileIntegration", input, "reconciliation { id }").await;
    finished(scene, &started["reconciliation"]).await
}

async fn now(viewer: &Client, reconciliation: &Value) -> Value {
    let query = format!("query($id: ID!) {{ reconciliation(id: $id) {{ {RECONCILIATION} }} }}");
    viewer.query(&query, json!({"id": reconciliation["id"]})).await["reconciliation"].clone()
}

pub async fn finished(scene: &Scene, reconciliation: &Value) -> Value {
    until("the reconciliation ends", SOON, async || {
        let now = now(scene.admin(), reconciliation).await;
        if matches!(now["status"].as_str(), Some("PENDING" | "RUNNING")) { Err(now) } else { Ok(now) }
    })
    .await
}

/// Counts of the only stream, but for those that are 0 or not known.
pub fn counts(reconciliation: &Value) -> Value {
    let [stream] = &reconciliation["streams"].as_array().unwrap()[..] else {
        panic!("one stream: {reconciliation:#}")
    };
    let counts = stream["counts"].as_object().unwrap();
    counts
        .iter()
        .filter(|(_, count)| **count != json!(0) && !count.is_null())
        .map(|(name, count)| (name.clone(), count.clone()))
        .collect()
}

/// Key and kind of each difference, by key.
pub fn found(reconciliation: &Value) -> Vec<(String, String)> {
    let differences = nodes(&reconciliation["differences"]);
    let mut found: Vec<_> = differences.iter().map(|one| (text(&one["key"]), text(&one["kind"]))).collect();
    found.sort();
    found
}

/// What [`found`] gives.
fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, kind)| ((*key).to_owned(), (*kind).to_owned())).collect()
}

/// That both ends hold so many records, and the same; rows of others are no drift.
pub fn assert_matched(reconciliation: &Value, records: u64) {
    assert_eq!(reconciliation["status"], "MATCHED", "{reconciliation:#}");
    let all = json!({"read": records, "source": records, "destination": records, "matched": records});
    let mut ours = counts(reconciliation);
    ours.as_object_mut().unwrap().remove("others");
    assert_eq!(ours, all, "{reconciliation:#}");
    assert_eq!(found(reconciliation), []);
    let sums = &reconciliation["streams"][0]["checksums"];
    assert_eq!(
        (&sums["sourceKeys"], &sums["sourceRecords"]),
        (&sums["destinationKeys"], &sums["destinationRecords"])
    );
    assert_eq!(text(&sums["sourceKeys"]).len(), 32);
    let run = ended("SUCCEEDED", json!({"read": records, "unchanged": records}));
    assert_eq!(outcome(&reconciliation["run"]), run, "{reconciliation:#}");
}

/// Brings home what was found, and waits until that is done.
pub async fn repair(scene: &Scene, reconciliation: &Value) -> Value {
    let input = json!({"reconciliationId": reconciliation["id"]});
    let selection = "reconciliation { id repairedBy { id } } retry { id total }";
    let repaired = scene.admin().mutate("repairReconciliation", input, selection).await;
    assert_eq!(repaired["reconciliation"]["repairedBy"]["id"], repaired["retry"]["id"]);
    scene.finished_retry(&repaired["retry"]).await
}

/// Records whose values change their form on the way: all of them text in a file.
const HEADER: [&str; 8] = ["id", "price", "at", "day", "flag", "note", "extra", "count"];

fn row(number: usize) -> Vec<String> {
    vec![
        format!("PO-{number:03}"),
        format!("{number}.50"),
        format!("2026-01-02T03:04:{:02}.5+01:00", number % 60),
        "2026-02-03".to_owned(),
        if number.is_multiple_of(2) { "true" } else { "false" }.to_owned(),
        if number == 3 { String::new() } else { format!("it's “{number}” \\ ä") },
        format!("{{\"b\": [{number}, 1.0], \"a\": null}}"),
        number.to_string(),
    ]
}

#[tokio::test]
async fn postgresql_judges_in_its_own_types_and_what_somebody_changed_is_found_and_brought_home() {
    let (scene, database) = (Scene::shared().await, Database::create().await);
    postgres_execute(
        &database,
        "CREATE TABLE orders (id varchar(10) PRIMARY KEY, price numeric(10,1), at timestamptz, day date, flag bool, \
         note text, extra jsonb, count int, by_us text DEFAULT 'us')",
    )
    .await;
    scene.files.write_csv("in.csv", &HEADER, (1..=30).map(row));
    let (files, postgres) = (scene.file_system().await, scene.postgres_system(&database).await);
    let moves = changed_stream(json!({"path": "in.csv"}), json!({"table": "orders"}), json!({}));
    let integration = scene.integration(&files, &postgres, moves).await;
    let first = scene.run(&integration).await;
    assert_eq!(outcome(&first), ended("SUCCEEDED", json!({"read": 30, "created": 30})), "{first:#}");
    let matched = reconcile(&scene, &integration).await;
    assert_matched(&matched, 30);
    let run = text(&matched["run"]["id"]);
    let events = scene.events(scene.admin(), &run).await;
    let done = events.iter().find(|event| event["type"] == "reconciliation.done").expect("it is told");
    assert_eq!((&done["audience"], &done["attributes"]["matched"]), (&json!("CUSTOMER"), &json!(30)));

    // What somebody does there: a row is gone, two are changed, one of them in a column of theirs, and one is new.
    postgres_execute(
        &database,
        "DELETE FROM orders WHERE id = 'PO-001'; UPDATE orders SET price = price + 1 WHERE id = 'PO-002'; \
         UPDATE orders SET by_us = 'them' WHERE id = 'PO-004'; UPDATE orders SET extra = '{}' WHERE id = 'PO-005'; \
         INSERT INTO orders (id) VALUES ('theirs')",
    )
    .await;
    let drifted = reconcile(&scene, &integration).await;
    assert_eq!(drifted["status"], "DRIFTED", "{drifted:#}");
    let wanted = [("PO-001", "MISSING"), ("PO-002", "DIFFERENT"), ("PO-005", "DIFFERENT")];
    assert_eq!(found(&drifted), pairs(&wanted));
    let sums = json!({"read": 30, "source": 30, "destination": 29, "matched": 27, "missing": 1, "different": 2, "others": 1});
    assert_eq!(counts(&drifted), sums);
    let run = ended("PARTIAL", json!({"read": 30, "unchanged": 27, "failed": 3}));
    assert_eq!(outcome(&drifted["run"]), run);
    let failures = scene.failures(&drifted["run"]).await;
    let fields = ["businessReference", "code", "status", "stage", "retryable"];
    assert_eq!(
        only(&failures[..2], &fields),
        json!([
            {"businessReference": "PO-001", "code": "reconciliation.missing", "status": "OPEN", "stage": "LOAD", "retryable": "YES"},
            {"businessReference": "PO-002", "code": "reconciliation.different", "status": "OPEN", "stage": "LOAD", "retryable": "YES"},
        ])
    );
    let query = "query($run: ID!) { retryPlan(filter: {runId: $run}) { total wouldCreate wouldUpdate alreadyWritten unknown } }";
    let plan = scene.admin().query(query, json!({"run": drifted["run"]["id"]})).await;
    assert_eq!(
        plan["retryPlan"],
        json!({"total": 3, "wouldCreate": 1, "wouldUpdate": 2, "alreadyWritten": 0, "unknown": 0})
    );

    // Looked at once more, it is the later one that tells.
    let again = reconcile(&scene, &integration).await;
    assert_eq!(found(&again), pairs(&wanted));
    assert_eq!(scene.status(&text(&drifted["run"]["id"])).await, "RECOVERED");
    let earlier = now(scene.admin(), &drifted).await;
    assert_eq!(nodes(&earlier["differences"])[0]["failure"]["status"], "SUPERSEDED", "{earlier:#}");
    let input = json!({"reconciliationId": drifted["id"]});
    assert_eq!(scene.admin().refused("repairReconciliation", input).await[0].code, "CONFLICT");

    let repaired = repair(&scene, &again).await;
    assert_eq!(
        only(std::slice::from_ref(&repaired), &["status", "total", "resolved", "failed"]),
        json!([{"status": "COMPLETED", "total": 3, "resolved": 3, "failed": 0}])
    );
    let written = nodes(&repaired["runs"])[0].clone();
    let written = scene.fixture.run(&text(&written["id"])).await;
    assert_eq!(outcome(&written), ended("SUCCEEDED", json!({"read": 3, "created": 1, "updated": 2})));
    assert_eq!(scene.status(&text(&again["run"]["id"])).await, "RECOVERED");
    let done = now(scene.admin(), &again).await;
    assert_eq!((&done["status"], &done["repairedBy"]["id"]), (&json!("DRIFTED"), &repaired["id"]));
    assert_matched(&reconcile(&scene, &integration).await, 30);
    let theirs =
        "SELECT id || coalesce(by_us, '') FROM orders WHERE by_us = 'them' OR id = 'theirs' ORDER BY 1";
    assert_eq!(postgres_rows(&database, theirs).await, ["PO-004them", "theirsus"]);
    let again = scene.run(&integration).await;
    assert_eq!(outcome(&again), ended("SUCCEEDED", json!({"read": 30, "unchanged": 30})), "{again:#}");
}

#[tokio::test]
async fn sqlite_and_files_of_every_format_are_compared_and_repaired() {
    let scene = Scene::shared().await;
    scene.files.write_csv("in.csv", &HEADER, (1..=30).map(row));
    let mapping = json!({"mapping": ".price = to_float!(.price)\n.count = to_int!(.count)\n.extra = parse_json!(.extra)"});
    let flat = json!({"mapping": ".price = to_float!(.price)\n.count = to_int!(.count)"});
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    for (destination, options, changes) in [
        (&sqlite, into_table("orders"), &mapping),
        (&files, json!({"path": "out.jsonl"}), &mapping),
        (&files, json!({"path": "out.csv"}), &flat),
        (&files, json!({"path": "out.parquet"}), &flat),
    ] {
        let moves = changed_stream(json!({"path": "in.csv"}), options.clone(), changes.clone());
        let integration = scene.integration(&files, destination, moves).await;
        let first = scene.run(&integration).await;
        assert_eq!(outcome(&first), ended("SUCCEEDED", json!({"read": 30, "created": 30})), "{first:#}");
        assert_matched(&reconcile(&scene, &integration).await, 30);
        match options["path"].as_str() {
            None => {
                let sql = "DELETE FROM orders WHERE id = 'PO-007'; UPDATE orders SET note = 'x' WHERE id = 'PO-008'";
                sqlite_execute(&scene.files.path("out.db"), sql).await;
            }
            Some("out.parquet") => continue,
            Some(path) => {
                let lines = scene.files.read(path);
                let kept = lines.lines().filter(|line| !line.contains("PO-007"));
                let changed =
                    kept.map(
                        |line| {
                            if line.contains("PO-008") { line.replace("ä", "x") } else { line.to_owned() }
                        },
                    );
                scene.files.write(path, changed.collect::<Vec<_>>().join("\n") + "\n");
            }
        }
        let drifted = reconcile(&scene, &integration).await;
        assert_eq!(found(&drifted), pairs(&[("PO-007", "MISSING"), ("PO-008", "DIFFERENT")]), "{drifted:#}");
        let repaired = repair(&scene, &drifted).await;
        assert_eq!((&repaired["resolved"], &repaired["failed"]), (&json!(2), &json!(0)), "{options}");
        assert_matched(&reconcile(&scene, &integration).await, 30);
    }
}

#[tokio::test]
async fn what_failures_tell_what_is_left_out_and_what_no_run_has_moved_is_no_drift() {
    let scene = Scene::shared().await;
    let rows = |changed: &str| {
        (1..=9)
            .map(|n: u8| vec![n.to_string(), if n == 9 { changed.to_owned() } else { n.to_string() }])
            .collect::<Vec<_>>()
    };
    scene.files.write_csv("in.csv", &["id", "v"], rows("9"));
    let changes = json!({
        "mapping": "if .id == \"1\" { abort }", "recordSchema": {"properties": {"id": {"not": {"const": "2"}}}},
    });
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    sqlite_execute(
        &scene.files.path("out.db"),
        "CREATE TABLE records (id TEXT PRIMARY KEY, v TEXT CHECK (v <> '3'))",
    )
    .await;
    let moves = changed_stream(json!({"path": "in.csv"}), json!({"table": "records"}), changes);
    let integration = scene.integration(&files, &sqlite, moves).await;
    let first = scene.run(&integration).await;
    assert_eq!(
        outcome(&first),
        ended("PARTIAL", json!({"read": 9, "created": 6, "skipped": 1, "failed": 2})),
        "{first:#}"
    );
    scene.files.write_csv("in.csv", &["id", "v"], rows("changed"));
    let compared = reconcile(&scene, &integration).await;
    assert_eq!(compared["status"], "MATCHED", "{compared:#}");
    let sums = json!({
        "read": 9, "leftOut": 1, "refused": 1, "source": 7, "destination": 6, "matched": 5, "failing": 1, "notMoved": 1,
    });
    assert_eq!(counts(&compared), sums, "{compared:#}");
    assert_eq!(
        outcome(&compared["run"]),
        ended("SUCCEEDED", json!({"read": 9, "unchanged": 5, "skipped": 4}))
    );
    assert_eq!(scene.failures(&first).await.iter().filter(|one| one["status"] == "OPEN").count(), 2);
}

#[tokio::test]
async fn an_incremental_stream_is_compared_up_to_where_runs_have_come() {
    let (scene, from, to) = (Scene::shared().await, Database::create().await, Database::create().await);
    let rows = "CREATE TABLE records (id int PRIMARY KEY, v int, at timestamptz);
        INSERT INTO records SELECT n, 0, timestamptz '2026-01-01Z' + n * interval '1 day' FROM generate_series(1, 20) AS n";
    postgres_execute(&from, rows).await;
    let (source, destination) = (scene.postgres_system(&from).await, scene.postgres_system(&to).await);
    let changes = json!({"mode": "INCREMENTAL", "cursorField": "at"});
    let moves = changed_stream(json!({"table": "records"}), into_table("records"), changes);
    let integration = scene.integration(&source, &destination, moves).await;
    scene.run(&integration).await;
    // One comes late, one is changed without a trace, and one is new.
    postgres_execute(
        &from,
        "INSERT INTO records VALUES (30, 1, '2026-01-03Z'), (31, 1, '2026-03-01Z'); UPDATE records SET v = 7 WHERE id = 5",
    )
    .await;
    let drifted = reconcile(&scene, &integration).await;
    assert_eq!(found(&drifted), pairs(&[("30", "MISSING"), ("5", "DIFFERENT")]), "{drifted:#}");
    let sums = json!({
        "read": 22, "source": 22, "destination": 20, "matched": 19, "missing": 1, "different": 1, "notMoved": 1,
    });
    assert_eq!(counts(&drifted), sums, "{drifted:#}");
    let repaired = repair(&scene, &drifted).await;
    assert_eq!((&repaired["resolved"], &repaired["failed"]), (&json!(2), &json!(0)), "{repaired:#}");
    let next = scene.run(&integration).await;
    assert_eq!(
        outcome(&next),
        ended("SUCCEEDED", json!({"read": 1, "created": 1})),
        "the cursor stayed: {next:#}"
    );
    assert_matched(&reconcile(&scene, &integration).await, 22);
}

#[tokio::test]
async fn a_newer_version_that_comes_later_in_a_stream_takes_an_older_one_back() {
    let scene = Scene::shared().await;
    // More than a page, so that both versions are looked at by themselves.
    let line = |n: u32, v: u32, id: u32| json!({"id": id.to_string(), "v": v, "n": n});
    let old = (0..3_000).map(|n| line(n, 1, n));
    let new = (3_000..6_000).map(|n| line(n, 2, n - 3_000));
    scene.files.write_jsonl("in.jsonl", old.chain(new));
    let changes = json!({"mode": "INCREMENTAL", "cursorField": "n"});
    let integration = scene.file_to_sqlite("in.jsonl", changes).await;
    scene.run(&integration).await;
    let matched = reconcile(&scene, &integration).await;
    assert_eq!(matched["status"], "MATCHED", "{matched:#}");
    let sums =
        json!({"read": 6_000, "leftOut": 3_000, "source": 3_000, "destination": 3_000, "matched": 3_000});
    assert_eq!(counts(&matched), sums);
    let checksums = &matched["streams"][0]["checksums"];
    assert_eq!(checksums["sourceRecords"], checksums["destinationRecords"]);
}

#[tokio::test]
async fn a_destination_that_cannot_be_asked_is_unknown() {
    let (scene, outside) = (Scene::shared().await, Outside::with_records(20));
    let http = scene.http_system(&outside).await;
    let moves =
        changed_stream(outside.source_options(Pagination::Page), outside.destination_options(), json!({}));
    let integration = scene.integration(&http, &http, moves).await;
    scene.run(&integration).await;
    let unknown = reconcile(&scene, &integration).await;
    assert_eq!(unknown["status"], "UNKNOWN", "{unknown:#}");
    assert_eq!(unknown["streams"][0]["reason"], "One of its ends can't be asked what it holds.");
    assert_eq!(counts(&unknown), json!({}));
    let input = json!({"reconciliationId": unknown["id"]});
    let errors = scene.admin().refused("repairReconciliation", input).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("CONFLICT", "reconciliationId"));
}

#[tokio::test]
async fn more_than_a_thousand_are_counted_and_their_run_recovers_with_none_of_them_left() {
    let scene = Scene::shared().await;
    scene.files.write_csv("in.csv", &["id"], (0..2_500).map(|n| vec![format!("{n:05}")]));
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    scene.run(&integration).await;
    sqlite_execute(&scene.files.path("out.db"), "DELETE FROM records").await;
    let drifted = reconcile(&scene, &integration).await;
    assert_eq!(counts(&drifted), json!({"read": 2_500, "source": 2_500, "missing": 2_500}), "{drifted:#}");
    let repaired = repair(&scene, &drifted).await;
    assert_eq!((&repaired["total"], &repaired["resolved"]), (&json!(1_000), &json!(1_000)));
    assert_eq!(scene.status(&text(&drifted["run"]["id"])).await, "PARTIAL", "1,500 are missing still");
    let second = reconcile(&scene, &integration).await;
    assert_eq!(counts(&second)["missing"], 1_500);
    // An ordinary run brings home what is left.
    let run = scene.run(&integration).await;
    assert_eq!(
        outcome(&run),
        ended("SUCCEEDED", json!({"read": 2_500, "created": 1_500, "unchanged": 1_000}))
    );
    assert_matched(&reconcile(&scene, &integration).await, 2_500);
}

#[tokio::test]
async fn after_each_run_where_the_integration_wants_it() {
    let scene = Scene::shared().await;
    scene.files.write_csv("in.csv", &["id"], (1..=9).map(|n: u8| vec![n.to_string()]));
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    let policy = json!({"integrationId": integration, "reconcile": "AFTER_RUN"});
    let changed = scene.admin().mutate("updateIntegration", policy, "integration { reconcile }").await;
    assert_eq!(changed["integration"]["reconcile"], "AFTER_RUN");
    let run = text(&scene.run(&integration).await["id"]);
    let query = format!("query($id: ID!) {{ run(id: $id) {{ reconciliation {{ {RECONCILIATION} }} }} }}");
    let of_run = scene.admin().query(&query, json!({"id": run})).await["run"]["reconciliation"].clone();
    let matched = finished(&scene, &of_run).await;
    assert_matched(&matched, 9);
    assert_eq!((&matched["afterRun"]["id"], &matched["run"]["trigger"]), (&json!(run), &json!("SYNTHETIC")));
    let own = scene.admin().query(&query, json!({"id": matched["run"]["id"]})).await;
    assert_eq!(own["run"]["reconciliation"]["id"], matched["id"]);
    let latest = "query($id: ID!) { integration(id: $id) { latestReconciliation { id }
        none: reconciliations(filter: {outcome: [DRIFTED, UNKNOWN]}) { edges { node { id } } }
        reconciliations(first: 5, filter: {outcome: MATCHED}, orderBy: {direction: ASC}) { edges { node { id } } } runs { edges { node { id } } } } }";
    let latest = scene.admin().query(latest, json!({"id": integration})).await["integration"].clone();
    assert_eq!(latest["latestReconciliation"]["id"], matched["id"]);
    assert_eq!((nodes(&latest["reconciliations"]).len(), nodes(&latest["none"]).len()), (1, 0));
    assert_eq!(nodes(&latest["runs"]).len(), 2, "a reconciliation is followed by none");
    let viewer = scene.person("TENANT_VIEWER").await;
    assert_eq!(now(&viewer, &matched).await["status"], "MATCHED");
}

#[tokio::test]
async fn streams_are_named_once_and_the_same_key_answers_with_the_first() {
    let scene = Scene::shared().await;
    scene.files.write_csv("in.csv", &["id"], [vec!["1".to_owned()]]);
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    scene.run(&integration).await;
    let asked = |streams: Value| json!({"integrationId": integration, "streams": streams});
    for (streams, wanted) in [
        (json!([]), vec![("REQUIRED", "streams")]),
        (json!(["records", "x", "records"]), vec![("NOT_FOUND", "streams.1"), ("INVALID", "streams.2")]),
    ] {
        let errors = scene.admin().refused("reconcileIntegration", asked(streams)).await;
        let errors: Vec<_> = errors.iter().map(|error| (error.code.as_str(), error.field.as_str())).collect();
        assert_eq!(errors, wanted);
    }
    let mut keyed = asked(json!(["records"]));
    keyed["idempotencyKey"] = json!(format!("once for {integration}"));
    let first = scene.admin().mutate("reconcileIntegration", keyed.clone(), "reconciliation { id }").await;
    let second = scene.admin().mutate("reconcileIntegration", keyed, "reconciliation { id }").await;
    assert_eq!(first, second);
    assert_matched(&finished(&scene, &first["reconciliation"]).await, 1);
    let archive = json!({"integrationId": integration});
    scene.admin().mutate("archiveIntegration", archive.clone(), "integration { id }").await;
    assert_eq!(scene.admin().refused("reconcileIntegration", archive).await[0].code, "CONFLICT");
}

/// A slow source, and a reconciliation of it that has begun.
async fn begun(scene: &Scene, outside: &Outside) -> (String, Value) {
    let (source, options) = scene.slow_source(outside).await;
    let sqlite = scene.sqlite_system("out.db").await;
    let moves = changed_stream(options, into_table("records"), json!({}));
    let integration = scene.integration(&source, &sqlite, moves).await;
    let run = scene.run(&integration).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let input = json!({"integrationId": integration});
    let started =
        scene.admin().mutate("reconcileIntegration", input, "reconciliation { id run { id } }").await;
    let reconciliation = started["reconciliation"].clone();
    scene
        .run_until("it has begun", &text(&reconciliation["run"]["id"]), |run| run["status"] == "RUNNING")
        .await;
    (integration, reconciliation)
}

#[tokio::test]
async fn it_is_canceled_like_any_run() {
    let (scene, outside) = (Scene::shared().await, Outside::with_records(1_000));
    let (integration, reconciliation) = begun(&scene, &outside).await;
    let cancel = json!({"runId": reconciliation["run"]["id"]});
    scene.admin().mutate("cancelRun", cancel, "run { id }").await;
    let canceled = finished(&scene, &reconciliation).await;
    assert_eq!((&canceled["status"], &canceled["streams"]), (&json!("CANCELED"), &json!([])), "{canceled:#}");
    assert_eq!(scene.fixture.failures(&text(&canceled["run"]["id"])).await.len(), 0);
    assert_eq!(scene.runs_of(&integration).await.len(), 2);
}

#[tokio::test]
async fn it_begins_anew_after_a_crash() {
    let outside = Outside::with_records(1_000);
    let mut trestle = impatient().lease_seconds(2).split(1).await;
    let scene = Scene::of(&trestle).await;
    let (_integration, reconciliation) = begun(&scene, &outside).await;
    trestle.add_worker();
    trestle.worker(0).kill9();
    let matched = finished(&scene, &reconciliation).await;
    assert_matched(&matched, 1_000);
    assert!(scene.event_types(&text(&matched["run"]["id"])).await.contains(&"run.taken_over".to_owned()));
}

#[tokio::test]
async fn one_that_could_not_go_on_is_retried_and_says_nothing_of_what_was_moved() {
    let scene = Scene::shared().await;
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    let moved = scene.run(&integration).await;
    assert_eq!(moved["status"], "FAILED", "there is no file yet");
    let failed = reconcile(&scene, &integration).await;
    assert_eq!((&failed["status"], &failed["streams"]), (&json!("FAILED"), &json!([])), "{failed:#}");
    scene.files.write_csv("in.csv", &["id"], (1..=3).map(|n: u8| vec![n.to_string()]));
    let run = scene.run(&integration).await;
    assert_eq!(run["status"], "SUCCEEDED");
    assert_eq!(scene.status(&text(&moved["id"])).await, "RECOVERED");
    assert_eq!(now(scene.admin(), &failed).await["status"], "FAILED", "nothing was compared");
    let of_it = json!({"filter": {"runId": failed["run"]["id"]}});
    let started = scene.admin().mutate("retryFailures", of_it, "retry { id }").await;
    let done = scene.finished_retry(&started["retry"]).await;
    assert_eq!((&done["resolved"], &done["failed"]), (&json!(1), &json!(0)), "{done:#}");
    assert_matched(&now(scene.admin(), &failed).await, 3);
}
