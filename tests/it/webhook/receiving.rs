//! What is taken arrives: once, in few runs, also what comes while nothing may run.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Place, answer, data, new_id, order, triggers};
use crate::harness::trestle::Setup;
use crate::scene::text;

/// Events of a burst.
const BURST: usize = 1_000;

#[tokio::test]
async fn events_are_stored_and_read_by_a_run_that_they_start() {
    let place = Place::shared().await;
    let integration =
        place.reading("paid", json!({"recordPointer": "/data", "eventTypes": ["order.*"]})).await;
    let other = place.reading("users", json!({"recordPointer": "/data", "eventTypes": ["user.made"]})).await;
    let list = json!({"type": "order.list", "data": [{"id": "2"}, {"id": "3"}]}).to_string();
    for (id, body) in [("a", order("1")), ("b", list)] {
        let response = answer(place.address.event(id, &body)).await;
        assert_eq!((response.status, &response.body), (StatusCode::ACCEPTED, &json!({"status": "stored"})));
    }
    assert_eq!(place.arrive("paid", 3).await, ["1", "2", "3"]);
    let runs = place.ended_runs(&integration).await;
    assert!(
        triggers(&runs).iter().all(|run| *run == ("WEBHOOK".to_owned(), "SUCCEEDED".to_owned())),
        "{runs:#?}"
    );
    assert_eq!(place.scene.runs_of(&other).await, [] as [Value; 0], "nothing came that it reads");
    let webhook = place.webhook().await;
    assert_eq!(webhook["receivedCount"], 2);
    assert_eq!(webhook["waitingCount"], 2, "the other integration has not read on");
    let made = json!({"type": "user.made", "data": {"id": "u"}}).to_string();
    assert_eq!(answer(place.address.event("c", &made)).await.status, StatusCode::ACCEPTED);
    assert_eq!(place.arrive("users", 1).await, ["u"]);
    place.ended_runs(&other).await;
    let cursor = "query($id: ID!) { integration(id: $id) { streams { cursor { value } } } }";
    let at = place.scene.admin().query(cursor, json!({"id": other})).await;
    assert_eq!(at["integration"]["streams"][0]["cursor"]["value"], 3);
}

#[tokio::test]
async fn the_same_event_is_taken_once_by_whichever_process() {
    let trestle = Setup::new().split(1).await;
    let place = Place::of(&trestle, json!({})).await;
    place.reading("t", data()).await;
    let (_process, client) = trestle.another_server().await;
    let mut elsewhere = place.address.clone();
    elsewhere.url = format!("{}{}", client.url(), text(&place.webhook().await["path"]));
    let ids: Vec<String> = (0..20).flat_map(|_| ["twice".to_owned(), "again".to_owned()]).collect();
    let (here, there) = futures::join!(place.address.send_all(ids.clone()), elsewhere.send_all(ids));
    let statuses: Vec<StatusCode> = here.into_iter().chain(there).collect();
    let new = statuses.iter().filter(|status| **status == StatusCode::ACCEPTED).count();
    let known = statuses.iter().filter(|status| **status == StatusCode::OK).count();
    assert_eq!((new, known), (2, 78), "{statuses:?}");
    assert_eq!(place.arrive("t", 2).await, ["again", "twice"]);
    assert_eq!(place.webhook().await["receivedCount"], 2);
}

async fn a_burst(place: &Place) {
    let integration = place.reading("t", data()).await;
    let ids: BTreeSet<String> = (0..BURST).map(|number| format!("{number:04}")).collect();
    let statuses = place.address.send_all(ids.iter().cloned().collect()).await;
    assert!(statuses.iter().all(|status| *status == StatusCode::ACCEPTED), "{statuses:?}");
    let arrived: BTreeSet<String> = place.arrive("t", BURST).await.into_iter().collect();
    assert_eq!(arrived, ids);
    let runs = place.ended_runs(&integration).await;
    assert!(runs.len() <= 12, "{} runs", runs.len());
    let webhook = place.webhook().await;
    assert_eq!((&webhook["receivedCount"], &webhook["waitingCount"]), (&json!(BURST), &json!(0)));
    assert_eq!(webhook["waitingBytes"], 0);
}

#[tokio::test]
async fn a_burst_is_few_runs_embedded() {
    let trestle = Setup::new().embedded().await;
    a_burst(&Place::of(&trestle, json!({"coalesceSeconds": 1})).await).await;
}

#[tokio::test]
async fn a_burst_is_few_runs_split() {
    let trestle = Setup::new().split(2).await;
    a_burst(&Place::of(&trestle, json!({"coalesceSeconds": 1})).await).await;
}

#[tokio::test]
async fn what_is_no_record_is_a_failure_of_its_own() {
    let place = Place::shared().await;
    let integration = place.reading("t", data()).await;
    place
        .scene
        .admin()
        .mutate("pauseIntegration", json!({"integrationId": integration}), "integration { id }")
        .await;
    for (id, body) in
        [("a", order("1")), ("b", "{\"data\": ".to_owned()), ("c", "{}".to_owned()), ("d", order("2"))]
    {
        assert_eq!(answer(place.address.event(id, &body)).await.status, StatusCode::ACCEPTED, "{body}");
    }
    place
        .scene
        .admin()
        .mutate("resumeIntegration", json!({"integrationId": integration}), "integration { id }")
        .await;
    assert_eq!(place.arrive("t", 2).await, ["1", "2"]);
    let runs = place.ended_runs(&integration).await;
    assert_eq!(triggers(&runs), [("WEBHOOK".to_owned(), "PARTIAL".to_owned())]);
    let failures = place.scene.failures(&runs[0]).await;
    let codes: Vec<_> = failures.iter().map(|failure| text(&failure["code"])).collect();
    assert_eq!(codes, ["source.malformed", "source.malformed"]);
    let events = place.scene.events(place.scene.admin(), &text(&runs[0]["id"])).await;
    let told: Vec<_> = events
        .iter()
        .filter(|event| event["type"] == "record.rejected")
        .map(|event| text(&event["message"]).split(' ').take(5).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(told, ["The record at event b", "The record at event c"]);
}

#[tokio::test]
async fn what_comes_while_nothing_may_run_is_kept() {
    let place = Place::shared().await;
    let integration = place.reading("t", data()).await;
    let admin = place.scene.admin();
    let of_tenant = json!({"tenantId": place.scene.tenant.id});
    admin.mutate("pauseIntegration", json!({"integrationId": integration}), "integration { id }").await;
    assert_eq!(place.address.send("1").await, StatusCode::ACCEPTED);
    let suspend = json!({"tenantId": place.scene.tenant.id, "reason": "a test"});
    admin.mutate("suspendTenant", suspend, "tenant { id }").await;
    assert_eq!(place.address.send("2").await, StatusCode::ACCEPTED);
    let runs = place.scene.runs_of(&integration).await;
    assert_eq!(triggers(&runs), [("WEBHOOK".to_owned(), "QUEUED".to_owned())], "one run for both");
    assert_eq!(place.webhook().await["waitingCount"], 2);
    admin.mutate("resumeTenant", of_tenant, "tenant { id }").await;
    admin.mutate("resumeIntegration", json!({"integrationId": integration}), "integration { id }").await;
    assert_eq!(place.arrive("t", 2).await, ["1", "2"]);
}

#[tokio::test]
async fn a_new_integration_begins_with_what_is_kept_and_a_cursor_can_be_set_back() {
    let place = Place::shared().await;
    for id in ["1", "2", "3"] {
        assert_eq!(place.address.send(id).await, StatusCode::ACCEPTED);
    }
    assert_eq!(place.webhook().await["waitingCount"], 3, "nobody reads it");
    let integration = place.reading("t", data()).await;
    let run = place.scene.run(&integration).await;
    assert_eq!((&run["status"], &run["counts"]["read"]), (&json!("SUCCEEDED"), &json!(3)));
    let run = place.scene.run(&integration).await;
    assert_eq!(run["counts"]["read"], 0, "each is read once");
    for (to, expected) in [(json!(2), 2), (json!("2020-01-01T00:00:00Z"), 3), (Value::Null, 3)] {
        let input =
            json!({"integrationId": integration, "stream": "records", "to": to, "reason": "once more"});
        place.scene.admin().mutate("resetCursor", input, "integration { id }").await;
        let run = place.scene.run(&integration).await;
        assert_eq!(run["counts"]["read"], expected, "{run:#}");
    }
}

#[tokio::test]
async fn a_stream_of_an_inbox_is_incremental_without_a_cursor_field() {
    let place = Place::shared().await;
    let sqlite = place.scene.sqlite_system("t.db").await;
    for (changes, field) in [
        (json!({"mode": "FULL"}), "streams.0.mode"),
        (json!({"mode": "INCREMENTAL", "cursorField": "at"}), "streams.0.cursorField"),
        (json!({"mode": "INCREMENTAL", "overlap": 5}), "streams.0.overlap"),
        (json!({"mode": "INCREMENTAL", "source": {"path": "/x"}}), "streams.0.source.path"),
        (json!({"mode": "INCREMENTAL", "deletions": {"action": "DELETE"}}), "streams.0.deletions"),
    ] {
        let stream = crate::scene::changed_stream(data(), crate::scene::into_table("t"), changes);
        let input = json!({
            "tenantId": place.scene.tenant.id, "name": new_id(), "sourceId": place.system,
            "destinationId": sqlite, "streams": [stream],
        });
        let errors = place.scene.admin().refused("createIntegration", input).await;
        assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), [field]);
    }
}
