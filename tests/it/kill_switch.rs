//! Kill switches: nothing starts that one reaches, what runs stops within seconds, what arrives is kept and told why, and
//! a release does with it what was said.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::fixture::stream;
use crate::harness::outside::{Fault, Outside, Rule};
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::{SLOW_PAGE, Scene, changed_stream, ended, into_table, nodes, outcome, text};

const SWITCH: &str =
    "killSwitch { id scope target reason messageForCustomers onRelease createdBy createdAt expiresAt
    releasedAt }";
const RUN: &str =
    "query($id: ID!) { run(id: $id) { status nextAttemptAt wait { reason code message } counts { read } } }";
const SAYS: &str = "We look into slow answers of the shop.";

async fn engage(client: &Client, target: Value, changes: Value) -> Value {
    let mut input = json!({"reason": "incident 4711", "messageForCustomers": SAYS});
    for (name, value) in target.as_object().unwrap().iter().chain(changes.as_object().unwrap()) {
        input[name] = value.clone();
    }
    client.mutate("engageKillSwitch", input, SWITCH).await["killSwitch"].clone()
}

async fn release(client: &Client, switch: &Value) -> Value {
    let input = json!({"killSwitchId": switch["id"]});
    client.mutate("releaseKillSwitch", input, SWITCH).await["killSwitch"].clone()
}

/// Waits until a run is kept for a kill switch.
async fn kept(scene: &Scene, run: &str) -> Value {
    until("the run is kept", SOON, async || {
        let now = scene.admin().query(RUN, json!({"id": run})).await["run"].clone();
        if now["wait"]["reason"] == "KILL_SWITCH" { Ok(now) } else { Err(now) }
    })
    .await
}

/// An integration that takes a while for some pages.
async fn slow(scene: &Scene, outside: &Outside) -> String {
    let (source, options) = scene.slow_source(outside).await;
    let sqlite = scene.sqlite_system("out.db").await;
    scene.integration(&source, &sqlite, changed_stream(options, into_table("records"), json!({}))).await
}

/// A running run stops and goes on from its last page, whoever of several workers has it.
async fn what_runs_stops_and_goes_on(trestle: &Trestle) {
    let scene = Scene::of(trestle).await;
    let outside = Outside::with_records(20 * SLOW_PAGE);
    let integration = slow(&scene, &outside).await;
    let run = scene.fixture.start_run(&integration).await;
    scene.run_until("a page is done", &run, |run| run["counts"]["read"].as_u64() > Some(0)).await;
    let switch = engage(scene.admin(), json!({"scope": "CONNECTOR", "connector": "http"}), json!({})).await;
    let stopped = kept(&scene, &run).await;
    let read = stopped["counts"]["read"].as_u64().unwrap();
    assert_eq!((&stopped["status"], read % SLOW_PAGE as u64), (&json!("RUNNING"), 0), "{stopped:#}");
    assert!(read < (20 * SLOW_PAGE) as u64);
    assert_eq!(stopped["wait"], json!({"reason": "KILL_SWITCH", "code": null, "message": SAYS}));
    let later = scene.fixture.start_run(&integration).await;
    kept(&scene, &later).await;
    // Of another connector: nothing keeps it.
    let other = scene.fixture.sandbox(&scene.tenant, json!({}), json!({})).await;
    assert_eq!(scene.run(&other).await["status"], "SUCCEEDED");
    let query = "query($id: ID) { runs(filter: {killSwitchId: $id}) { edges { node { id } } } }";
    let viewer = scene.person("TENANT_VIEWER").await;
    for client in [scene.admin(), &viewer] {
        let kept = client.query(query, json!({"id": switch["id"]})).await;
        let kept: Vec<String> = nodes(&kept["runs"]).iter().map(|node| text(&node["id"])).collect();
        assert_eq!(kept, [&later, &run].map(Clone::clone));
    }
    assert_eq!(kept(&scene, &run).await["counts"]["read"], read);

    release(scene.admin(), &switch).await;
    let all = 20 * SLOW_PAGE;
    let done = scene.fixture.finished_run(&run).await;
    assert_eq!(outcome(&done), ended("SUCCEEDED", json!({"read": all, "created": all})));
    let types = scene.event_types(&run).await;
    let of = |kind: &str| types.iter().filter(|found| *found == kind).count();
    assert_eq!((of("run.held"), of("run.resumed"), of("run.started")), (1, 1, 1), "{types:?}");
    let done = scene.fixture.finished_run(&later).await;
    assert_eq!(outcome(&done), ended("SUCCEEDED", json!({"read": all, "unchanged": all})));
}

/// Who engages it wants that nothing more is sent, and not that a page of thousands of requests ends first.
#[tokio::test]
async fn what_is_in_the_middle_of_a_page_is_not_waited_for() {
    let scene = Scene::shared().await;
    let outside = Outside::start();
    outside.inject(Rule::new(Fault::Hang));
    scene.files.write("in.csv", "id\na\nb\n");
    let mut config = outside.config();
    config["timeoutMs"] = json!(120_000);
    let files = scene.file_system().await;
    let http = scene.fixture.system(&scene.tenant, "http", config, Value::Null).await;
    let records = stream(json!({"path": "in.csv"}), outside.destination_options());
    let integration = scene.integration(&files, &http, records).await;
    let run = scene.fixture.start_run(&integration).await;
    until(
        "its page is being sent",
        SOON,
        async || if outside.requests().is_empty() { Err(()) } else { Ok(()) },
    )
    .await;
    let switch =
        engage(scene.admin(), json!({"scope": "INTEGRATION", "integrationId": integration}), json!({})).await;
    kept(&scene, &run).await;
    outside.heal();
    release(scene.admin(), &switch).await;
    let done = scene.fixture.finished_run(&run).await;
    assert_eq!(outcome(&done), ended("SUCCEEDED", json!({"read": 2, "created": 2})));
}

#[tokio::test]
async fn what_runs_stops_and_goes_on_from_its_last_page_when_all_is_in_one_process() {
    what_runs_stops_and_goes_on(&Trestle::embedded().await).await;
}

#[tokio::test]
async fn what_runs_stops_and_goes_on_from_its_last_page_with_two_workers() {
    what_runs_stops_and_goes_on(&Trestle::split(2).await).await;
}

#[tokio::test]
async fn of_what_waited_all_runs_or_the_latest_or_none() {
    let scene = Scene::shared().await;
    let expected = [
        ("RUN_ALL", ["SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]),
        ("RUN_LATEST", ["CANCELED", "CANCELED", "SUCCEEDED"]),
        ("CANCEL", ["CANCELED", "CANCELED", "CANCELED"]),
    ];
    for (on_release, statuses) in expected {
        let integration = scene.fixture.sandbox(&scene.tenant, json!({}), json!({})).await;
        let target = json!({"scope": "INTEGRATION", "integrationId": integration});
        let switch = engage(scene.admin(), target, json!({"onRelease": on_release})).await;
        let mut runs = Vec::new();
        for _ in 0..3 {
            runs.push(scene.fixture.start_run(&integration).await);
        }
        for run in &runs {
            let now = kept(&scene, run).await;
            assert_eq!((&now["status"], &now["nextAttemptAt"]), (&json!("QUEUED"), &Value::Null));
            let held = scene.event(run, "run.held").await;
            assert_eq!(
                (&held["audience"], &held["message"]),
                (&json!("CUSTOMER"), &json!(format!("The run is kept: {SAYS}")))
            );
        }
        let released = release(scene.admin(), &switch).await;
        assert_ne!(released["releasedAt"], Value::Null);
        assert_eq!(release(scene.admin(), &switch).await["releasedAt"], released["releasedAt"]);
        for (run, status) in runs.iter().zip(statuses) {
            let ended = scene.fixture.finished_run(run).await;
            assert_eq!(ended["status"], status, "{on_release}");
            let events = scene.events(scene.admin(), run).await;
            let reason = events.iter().find(|event| event["type"] == "run.cancel_requested");
            assert_eq!(reason.is_some(), status == "CANCELED", "{on_release}: {events:#?}");
        }
    }
}

#[tokio::test]
async fn one_that_expires_releases_itself() {
    let scene = Scene::shared().await;
    let integration = scene.fixture.sandbox(&scene.tenant, json!({}), json!({})).await;
    let soon = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now() + Duration::from_secs(4));
    let target = json!({"scope": "TENANT", "tenantId": scene.tenant.id});
    let switch = engage(scene.admin(), target, json!({"expiresAt": soon})).await;
    let run = scene.fixture.start_run(&integration).await;
    kept(&scene, &run).await;
    assert_eq!(scene.fixture.finished_run(&run).await["status"], "SUCCEEDED");
    let filter = json!({"tenantId": scene.tenant.id, "engaged": false});
    let query = "query($filter: KillSwitchFilter) { killSwitches(filter: $filter) { edges { node { id releasedAt } } } }";
    let released = nodes(&scene.admin().query(query, json!({"filter": filter})).await["killSwitches"]);
    assert_eq!(released.len(), 1);
    assert_eq!(released[0]["id"], switch["id"]);
    assert_ne!(released[0]["releasedAt"], Value::Null);
}

#[tokio::test]
async fn a_tenants_administrator_stops_what_is_theirs_and_reads_the_operators_words() {
    let scene = Scene::shared().await;
    let theirs = scene.person("TENANT_ADMIN").await;
    let integration = scene.fixture.sandbox(&scene.tenant, json!({}), json!({})).await;
    let target = json!({"scope": "INTEGRATION", "integrationId": integration});
    for (input, code, field) in [
        (json!({"scope": "PLATFORM"}), "FORBIDDEN", "scope"),
        (json!({"scope": "CONNECTOR", "connector": "http"}), "FORBIDDEN", "scope"),
        (json!({"scope": "INTEGRATION"}), "REQUIRED", "integrationId"),
        (json!({"scope": "TENANT", "integrationId": integration}), "INVALID", "integrationId"),
        (
            json!({"scope": "TENANT", "tenantId": "tenant_00000000000070008000000000000000"}),
            "NOT_FOUND",
            "tenantId",
        ),
        (
            json!({"scope": "INTEGRATION", "integrationId": integration, "expiresAt": "2020-01-01T00:00:00Z"}),
            "INVALID",
            "expiresAt",
        ),
    ] {
        let mut input = input;
        input["reason"] = json!("why");
        input["messageForCustomers"] = json!("why");
        let refused = theirs.try_mutate("engageKillSwitch", &input, SWITCH).await;
        let answer = &refused.body["data"]["engageKillSwitch"];
        assert_eq!(answer["killSwitch"], Value::Null);
        let found = answer["userErrors"].as_array().unwrap();
        assert!(
            found.iter().any(|error| error["code"] == code && error["field"] == json!([field])),
            "{input}: {found:?}"
        );
    }
    let own = engage(&theirs, target.clone(), json!({})).await;
    assert_eq!((&own["createdBy"], &own["reason"]), (&json!("TENANT_ADMIN"), &json!("incident 4711")));
    release(&theirs, &own).await;

    let operators = engage(scene.admin(), target, json!({})).await;
    assert_eq!(operators["reason"], "incident 4711");
    let run = scene.fixture.start_run(&integration).await;
    kept(&scene, &run).await;
    let wait = theirs.query(RUN, json!({"id": run})).await["run"]["wait"].clone();
    assert_eq!(wait["message"], SAYS);
    let query = "{ killSwitches(filter: {engaged: true}) { edges { node { id reason createdBy messageForCustomers } } } }";
    let seen = nodes(&theirs.query(query, Value::Null).await["killSwitches"]);
    assert_eq!(
        json!(seen),
        json!([{
            "id": operators["id"], "reason": null, "createdBy": "the operator's support team",
            "messageForCustomers": SAYS,
        }])
    );
    let refused =
        theirs.try_mutate("releaseKillSwitch", &json!({"killSwitchId": operators["id"]}), SWITCH).await;
    let errors = &refused.body["data"]["releaseKillSwitch"]["userErrors"];
    assert_eq!((&errors[0]["code"], &errors[0]["field"]), (&json!("FORBIDDEN"), &json!(["killSwitchId"])));
    assert_eq!(kept(&scene, &run).await["status"], "QUEUED");
    release(scene.admin(), &operators).await;
    assert_eq!(scene.fixture.finished_run(&run).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn what_waits_for_a_switch_outlives_a_crash_and_the_platforms_switch_stops_every_tenant() {
    let mut trestle = Setup::new().lease_seconds(3).embedded().await;
    let scenes = [Scene::of(&trestle).await, Scene::of(&trestle).await];
    let switch = engage(scenes[0].admin(), json!({"scope": "PLATFORM"}), json!({})).await;
    assert_eq!(switch["target"], Value::Null);
    let mut runs = Vec::new();
    for scene in &scenes {
        let integration = scene.fixture.sandbox(&scene.tenant, json!({}), json!({})).await;
        let run = scene.fixture.start_run(&integration).await;
        kept(scene, &run).await;
        runs.push(run);
    }
    trestle.kill9();
    trestle.start().await;
    for (scene, run) in scenes.iter().zip(&runs) {
        assert_eq!(kept(scene, run).await["status"], "QUEUED");
    }
    let tenants = scenes[0].person("TENANT_ADMIN").await;
    let seen = tenants.query("{ killSwitches { edges { node { id } } } }", Value::Null).await;
    assert_eq!(nodes(&seen["killSwitches"]), Vec::<Value>::new());
    release(scenes[0].admin(), &switch).await;
    for (scene, run) in scenes.iter().zip(&runs) {
        let done = scene.fixture.finished_run(run).await;
        assert_eq!(text(&done["status"]), "SUCCEEDED");
    }
}
