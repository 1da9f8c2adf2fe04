//! Records that are gone from the source: deleted or marked at the destination, and never by mistake.

use serde_json::{Value, json};

use crate::harness::postgres::Database;
use crate::harness::wait::{SOON, until};
use crate::scene::{
    Scene, changed_stream, ended, nodes, outcome, postgres_execute, postgres_rows, sqlite_execute, text,
};

fn delete() -> Value {
    json!({"deletions": {"action": "DELETE"}})
}

fn records(ids: impl IntoIterator<Item = u64>) -> Vec<Value> {
    ids.into_iter().map(|id| json!({"id": id, "name": format!("n{id}")})).collect()
}

async fn deleted(scene: &Scene, run: &Value) -> Value {
    let query = "query($id: ID!) { run(id: $id) { counts { deleted } } }";
    scene.admin().query(query, json!({"id": run["id"]})).await["run"]["counts"]["deleted"].clone()
}

async fn ids(scene: &Scene) -> String {
    scene
        .sqlite_rows(
            "out.db",
            "SELECT coalesce(group_concat(id), '') FROM (SELECT id FROM records ORDER BY id)",
        )
        .await[0]
        .clone()
}

#[tokio::test]
async fn what_is_gone_is_deleted_and_what_only_failed_or_was_never_ours_is_not() {
    let scene = Scene::shared().await;
    scene.files.write_jsonl("in.jsonl", records(1..=12));
    let changes = json!({
        "deletions": {"action": "DELETE"}, "recordSchema": {"properties": {"name": {"maxLength": 5}}},
    });
    let integration = scene.file_to_sqlite("in.jsonl", changes).await;
    assert_eq!(
        outcome(&scene.run(&integration).await),
        ended("SUCCEEDED", json!({"read": 12, "created": 12}))
    );
    sqlite_execute(&scene.files.path("out.db"), "INSERT INTO records (id, name) VALUES (100, 'of others')")
        .await;

    // 2 breaks a rule, and stays with its old values; 3 and 4 are gone.
    let mut left = records([1, 2].into_iter().chain(5..=12));
    left[1]["name"] = json!("too long");
    scene.files.write_jsonl("in.jsonl", left.clone());
    let run = scene.run(&integration).await;
    let counts = json!({"read": 10, "unchanged": 9, "failed": 1});
    assert_eq!(outcome(&run), ended("PARTIAL", counts));
    assert_eq!(deleted(&scene, &run).await, 2);
    assert_eq!(ids(&scene).await, "1,2,5,6,7,8,9,10,11,12,100");
    assert!(scene.event_types(&text(&run["id"])).await.contains(&"batch.removed".to_owned()));

    // 2 is gone as well now: its failure is over, for nothing of it is to be brought home any more.
    left.remove(1);
    scene.files.write_jsonl("in.jsonl", left);
    let run = scene.run(&integration).await;
    assert_eq!(
        (outcome(&run), deleted(&scene, &run).await),
        (ended("SUCCEEDED", json!({"read": 9, "unchanged": 9})), json!(1))
    );
    assert_eq!(ids(&scene).await, "1,5,6,7,8,9,10,11,12,100");
    let failures =
        "query($id: ID!) { failures(first: 5, filter: {integrationId: $id}) { edges { node { status } } } }";
    let failures =
        scene.admin().query(failures, json!({"id": integration})).await["failures"]["edges"].clone();
    assert_eq!(failures, json!([{"node": {"status": "SUPERSEDED"}}]));

    // And what comes again is there again.
    scene.files.write_jsonl("in.jsonl", records([1, 3].into_iter().chain(5..=12)));
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 10, "created": 1, "unchanged": 9})));
}

#[tokio::test]
async fn nothing_is_deleted_while_a_record_that_cannot_be_read_may_be_any_of_them() {
    let scene = Scene::shared().await;
    scene.files.write_jsonl("in.jsonl", records(1..=3));
    let integration = scene.file_to_sqlite("in.jsonl", delete()).await;
    scene.run(&integration).await;
    scene.files.write("in.jsonl", "{\"id\": 1, \"name\": \"n1\"}\n{\"id\": 2, \"na");
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 2, "unchanged": 1, "failed": 1})));
    assert_eq!((deleted(&scene, &run).await, ids(&scene).await.as_str()), (json!(0), "1,2,3"));
    assert!(scene.event_types(&text(&run["id"])).await.contains(&"deletions.postponed".to_owned()));
}

#[tokio::test]
async fn a_source_that_lost_much_is_looked_at_by_a_person_first() {
    let scene = Scene::shared().await;
    scene.files.write_jsonl("in.jsonl", records(1..=30));
    let changes = json!({"deletions": {"action": "MARK", "markField": "goneAt", "maxPercent": 40}});
    let integration = scene.file_to_sqlite("in.jsonl", changes).await;
    scene.run(&integration).await;
    // 10 are a third; one more would be asked for at 40 % of 25.
    scene.files.write_jsonl("in.jsonl", records(1..=20));
    let run = scene.run(&integration).await;
    assert_eq!((&run["status"], deleted(&scene, &run).await), (&json!("SUCCEEDED"), json!(10)));
    let marked = "SELECT count(*) || ' ' || min(id) || ' ' || min(length(goneAt)) FROM records WHERE goneAt IS NOT NULL";
    assert_eq!(scene.sqlite_rows("out.db", marked).await, ["10 21 24"]);

    scene.files.write_jsonl("in.jsonl", records([1, 21]));
    let run = scene.fixture.start_run(&integration).await;
    let query = "query($id: ID!) { integration(id: $id) { status statusReason } }";
    let held = until("the integration is held", SOON, async || {
        let now = scene.admin().query(query, json!({"id": integration})).await["integration"].clone();
        if now["status"] == "HELD" { Ok(now) } else { Err(now) }
    })
    .await;
    let reason = text(&held["statusReason"]);
    assert!(
        reason.contains("19 of the 21 records of records are gone") && reason.contains("marks"),
        "{reason}"
    );
    assert_eq!(
        scene.sqlite_rows("out.db", marked).await,
        ["9 22 24"],
        "21 is there again, and nothing else has changed"
    );
    scene
        .admin()
        .mutate("resumeIntegration", json!({"integrationId": integration}), "integration { id }")
        .await;
    let done = scene.fixture.finished_run(&run).await;
    assert_eq!((&done["status"], deleted(&scene, &done).await), (&json!("SUCCEEDED"), json!(19)), "{done:#}");
    assert_eq!(scene.sqlite_rows("out.db", marked).await, ["28 2 24"]);
}

/// What a page in quarantine holds has come again, whatever somebody decides about it.
#[tokio::test]
async fn what_is_in_quarantine_is_not_gone() {
    let scene = Scene::shared().await;
    scene.files.write_jsonl("in.jsonl", records(1..=12));
    let changes = json!({
        "deletions": {"action": "DELETE"}, "recordSchema": {"properties": {"name": {"maxLength": 5}}},
        "quality": {"maxFailedPercent": 10, "minRecords": 5},
    });
    let integration = scene.file_to_sqlite("in.jsonl", changes).await;
    scene.run(&integration).await;
    // 12 is gone, and four of the others are not as they should be.
    let mut left = records(1..=11);
    for record in &mut left[..4] {
        record["name"] = json!("too long");
    }
    scene.files.write_jsonl("in.jsonl", left);
    let run = scene.fixture.start_run(&integration).await;
    let query = "query($id: ID!) { integration(id: $id) { quarantines { edges { node { id } } } } }";
    let quarantine = until("a page is in quarantine", SOON, async || {
        let now = scene.admin().query(query, json!({"id": integration})).await;
        nodes(&now["integration"]["quarantines"]).first().map(|one| text(&one["id"])).ok_or(now)
    })
    .await;
    assert_eq!(ids(&scene).await, "1,2,3,4,5,6,7,8,9,10,11,12");
    let input = json!({"quarantineId": quarantine, "note": "a broken export"});
    scene.admin().mutate("discardQuarantine", input, "quarantine { id }").await;
    let run = scene.fixture.finished_run(&run).await;
    assert_eq!(deleted(&scene, &run).await, 1, "{run:#}");
    assert_eq!(ids(&scene).await, "1,2,3,4,5,6,7,8,9,10,11");
}

#[tokio::test]
async fn records_go_by_the_keys_that_they_have_at_the_destination() {
    let scene = Scene::shared().await;
    let database = Database::create().await;
    postgres_execute(
        &database,
        "CREATE TABLE orders (number bigint PRIMARY KEY, name text); \
         CREATE TABLE line (id int PRIMARY KEY, number bigint REFERENCES orders)",
    )
    .await;
    // Of 7 and 107 the mapping makes one record.
    scene.files.write_jsonl("in.jsonl", records([1, 2, 3, 7, 107]));
    let stream = changed_stream(
        json!({"path": "in.jsonl"}),
        json!({"table": "orders", "keyFields": ["number"]}),
        json!({"mapping": ". = {\"number\": mod(int!(.id), 100) + 9007199254740990, \"name\": .name}",
               "deletions": {"action": "DELETE", "maxPercent": 100}}),
    );
    let (source, destination) = (scene.file_system().await, scene.postgres_system(&database).await);
    let integration = scene.integration(&source, &destination, stream).await;
    let run = scene.run(&integration).await;
    assert_eq!(run["counts"]["failed"], 0, "{run:#}");
    postgres_execute(&database, "INSERT INTO line VALUES (1, 9007199254740992)").await;

    scene.files.write_jsonl("in.jsonl", records([3, 107]));
    let run = scene.run(&integration).await;
    assert_eq!((&run["status"], deleted(&scene, &run).await), (&json!("PARTIAL"), json!(1)), "{run:#}");
    assert_eq!(
        (&run["counts"]["read"], &run["counts"]["failed"], &run["counts"]["unaccounted"]),
        (&json!(3), &json!(1), &json!(0))
    );
    let rows = "SELECT string_agg((number - 9007199254740990)::text, ',' ORDER BY number) FROM orders";
    assert_eq!(postgres_rows(&database, rows).await, ["2,3,7"], "another record has become 7 as well");
    let failures = scene.failures(&run).await;
    let failure = scene.failure(scene.admin(), &failures[0]["id"]).await;
    assert_eq!(
        (&failure["code"], &failure["businessReference"]),
        (&json!("destination.removal_refused"), &json!("2"))
    );
    assert_eq!(failure["retryable"], "NO");

    // The next run tries again by itself, and ends the failure.
    postgres_execute(&database, "DELETE FROM line").await;
    let run = scene.run(&integration).await;
    assert_eq!((&run["status"], deleted(&scene, &run).await), (&json!("SUCCEEDED"), json!(1)), "{run:#}");
    assert_eq!(postgres_rows(&database, rows).await, ["3,7"]);
    assert_eq!(scene.failure(scene.admin(), &failures[0]["id"]).await["status"], "SUPERSEDED");
}
