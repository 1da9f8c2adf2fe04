//! A source whose records have other fields than before: told once, and held for where a stream wants that.

use serde_json::{Value, json};

use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, changed_stream, ended, into_table, outcome, text};

async fn schema(scene: &Scene, integration: &str) -> Value {
    let query = "query($id: ID!) { integration(id: $id) { status statusReason hold { reason failure { id } } streams { schema {
        fields { name types always } lastChange { at run { id } added removed changed { field from to } } } } } }";
    scene.admin().query(query, json!({"id": integration})).await["integration"].clone()
}

async fn told(scene: &Scene, run: &Value) -> Vec<Value> {
    let mut events = scene.events(scene.admin(), &text(&run["id"])).await;
    events.retain(|event| event["type"] == "source.schema_changed");
    events
}

#[tokio::test]
async fn a_change_is_told_once_on_the_run_and_on_the_stream() {
    let scene = Scene::shared().await;
    let first = [
        json!({"id": 1, "name": "a", "note": null, "tag": "x"}),
        json!({"id": 2, "name": "b", "note": null}),
    ];
    scene.files.write_jsonl("in.jsonl", first);
    let integration = scene.file_to_sqlite("in.jsonl", json!({"mapping": ". = {\"id\": .id}"})).await;
    let run = scene.run(&integration).await;
    assert_eq!(told(&scene, &run).await, [] as [Value; 0], "the first run learns");
    let known = schema(&scene, &integration).await["streams"][0]["schema"].clone();
    let expected = json!([
        {"name": "id", "types": ["NUMBER"], "always": true},
        {"name": "name", "types": ["STRING"], "always": true},
        {"name": "note", "types": [], "always": true},
        {"name": "tag", "types": ["STRING"], "always": false},
    ]);
    assert_eq!((&known["fields"], &known["lastChange"]), (&expected, &Value::Null));

    scene.files.write_jsonl("in.jsonl", [json!({"id": 1, "name": "a", "note": "n"})]);
    let run = scene.run(&integration).await;
    assert_eq!(
        told(&scene, &run).await,
        [] as [Value; 0],
        "an optional field and one that was null are no news"
    );

    scene.files.write_jsonl("in.jsonl", [json!({"id": "1", "title": "a", "note": "n"})]);
    let changed = scene.run(&integration).await;
    assert_eq!(changed["status"], "SUCCEEDED", "it goes on");
    let events = told(&scene, &changed).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(
        events[0]["message"],
        "The source of `records` has other fields: added `title`; removed `name`; of another type `id` (from number to string)."
    );
    assert_eq!((&events[0]["audience"], &events[0]["component"]), (&json!("CUSTOMER"), &json!("source")));
    assert_eq!(
        events[0]["attributes"]["changed"],
        json!([{"field": "id", "from": ["number"], "to": ["string"]}])
    );
    let last = schema(&scene, &integration).await["streams"][0]["schema"]["lastChange"].clone();
    assert_eq!((&last["run"]["id"], &last["added"]), (&changed["id"], &json!(["title"])));
    assert_eq!((&last["removed"], &last["changed"][0]["to"]), (&json!(["name"]), &json!(["STRING"])));
    let run = scene.run(&integration).await;
    assert_eq!(told(&scene, &run).await, [] as [Value; 0], "it is told once");
}

#[tokio::test]
async fn where_a_stream_wants_it_nothing_of_a_changed_page_is_written_before_a_person_has_looked() {
    let scene = Scene::shared().await;
    scene.files.write_csv("in.csv", &["id", "name"], [vec!["1".to_owned(), "a".to_owned()]]);
    let integration = scene.file_to_sqlite("in.csv", json!({"onSchemaChange": "HOLD"})).await;
    assert_eq!(outcome(&scene.run(&integration).await), ended("SUCCEEDED", json!({"read": 1, "created": 1})));

    let rows = (1..=3).map(|n: u8| vec![n.to_string(), "b".to_owned(), "new".to_owned()]);
    scene.files.write_csv("in.csv", &["id", "name", "extra"], rows);
    let run = scene.fixture.start_run(&integration).await;
    let query = "query($id: ID!) { run(id: $id) { status wait { reason } counts { read } } }";
    until("the run is held", SOON, async || {
        let now = scene.admin().query(query, json!({"id": run})).await["run"].clone();
        if now["wait"]["reason"] == "HELD" { Ok(now) } else { Err(now) }
    })
    .await;
    let held = schema(&scene, &integration).await;
    assert_eq!((&held["status"], &held["hold"]["failure"]), (&json!("HELD"), &Value::Null), "{held:#}");
    assert!(text(&held["hold"]["reason"]).contains("added `extra`"), "{held:#}");
    let rows = scene.sqlite_rows("out.db", "SELECT group_concat(id || name) FROM records").await;
    assert_eq!(rows, ["1a"], "nothing of the page is written");
    let types = scene.event_types(&run).await;
    assert!(
        types.contains(&"source.schema_changed".to_owned()) && types.contains(&"integration.held".to_owned())
    );

    // Who lets it go on accepts the change: the run goes on, and the next one has nothing to tell.
    let mapped = changed_stream(
        json!({"path": "in.csv"}),
        into_table("records"),
        json!({"onSchemaChange": "HOLD", "mapping": "del(.extra)"}),
    );
    scene.update_stream(&integration, mapped).await;
    scene
        .admin()
        .mutate("resumeIntegration", json!({"integrationId": integration}), "integration { id }")
        .await;
    let done = scene.fixture.finished_run(&run).await;
    let counts = json!({"read": 3, "created": 2, "updated": 1});
    assert_eq!(outcome(&done), ended("SUCCEEDED", counts), "{done:#}");
    let again = scene.run(&integration).await;
    assert_eq!(outcome(&again), ended("SUCCEEDED", json!({"read": 3, "unchanged": 3})), "{again:#}");
}

#[tokio::test]
async fn a_held_run_whose_stream_is_moved_reads_the_new_place_from_its_beginning() {
    let scene = Scene::shared().await;
    let changes = json!({"onSchemaChange": "HOLD", "mode": "INCREMENTAL", "cursorField": "n"});
    let rows = |numbers: std::ops::RangeInclusive<u8>| numbers.map(|n| vec![n.to_string(), n.to_string()]);
    scene.files.write_csv("in.csv", &["id", "n"], rows(1..=3));
    let integration = scene.file_to_sqlite("in.csv", changes.clone()).await;
    assert_eq!(outcome(&scene.run(&integration).await), ended("SUCCEEDED", json!({"read": 3, "created": 3})));
    scene.files.write_csv(
        "in.csv",
        &["id", "n", "extra"],
        [vec!["9".to_owned(), "9".to_owned(), "new".to_owned()]],
    );
    let run = scene.fixture.start_run(&integration).await;
    until("the run is held", SOON, async || {
        let now = schema(&scene, &integration).await;
        if now["status"] == "HELD" { Ok(()) } else { Err(now) }
    })
    .await;

    // All of it is older than what the run had reached at the old place.
    scene.files.write_csv("other.csv", &["id", "n"], rows(1..=2));
    let moved = changed_stream(json!({"path": "other.csv"}), into_table("records"), changes);
    scene.update_stream(&integration, moved).await;
    scene
        .admin()
        .mutate("resumeIntegration", json!({"integrationId": integration}), "integration { id }")
        .await;
    let done = scene.fixture.finished_run(&run).await;
    assert_eq!(outcome(&done), ended("SUCCEEDED", json!({"read": 2, "unchanged": 2})), "{done:#}");
}
