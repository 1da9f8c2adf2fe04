//! The quality gate: a page with too much that is wrong is kept, its integration held, and a person decides.

use serde_json::{Value, json};

use crate::harness::outside::Outside;
use crate::harness::postgres::Database;
use crate::harness::trestle::Trestle;
use crate::harness::wait::{SOON, until};
use crate::reconciliation::reconcile;
use crate::scene::{
    Scene, changed_stream, ended, impatient, into_table, nodes, only, outcome, postgres_execute,
    sqlite_execute, text,
};

/// Records of a page, as workers read them.
const PAGE: usize = 5_000;
const QUARANTINE: &str =
    "id status stream rule field measured allowed reason recordCount judgedCount failedCount
    decidedAt decidedBy note run { id } integration { id status hold { reason } schedule { nextRunAt } }
    retry { id status total resolved failed remaining }";

/// A stream of which a record is bad whose `n` is no number.
fn strict(changes: Value) -> Value {
    let mut all = json!({"recordSchema": {"properties": {"n": {"pattern": "^[0-9]+$"}}}});
    for (name, value) in changes.as_object().expect("changes are an object") {
        all[name] = value.clone();
    }
    all
}

/// So many records, of which the ones at these places are bad.
fn write(scene: &Scene, count: usize, is_bad: impl Fn(usize) -> bool) {
    let row = |place: usize| {
        vec![format!("r{place:06}"), if is_bad(place) { "bad".to_owned() } else { place.to_string() }]
    };
    scene.files.write_csv("in.csv", &["id", "n"], (0..count).map(row));
}

async fn quarantines(scene: &Scene, integration: &str) -> Vec<Value> {
    let query = format!(
        "query($id: ID!) {{ integration(id: $id) {{ quarantines(first: 50) {{ edges {{ node {{ {QUARANTINE} }} }} }} }} }}"
    );
    nodes(&scene.admin().query(&query, json!({"id": integration})).await["integration"]["quarantines"])
}

/// Waits until an integration has a quarantine that nobody decided about.
async fn held(scene: &Scene, integration: &str) -> Value {
    until("a page is in quarantine", SOON, async || {
        let now = quarantines(scene, integration).await;
        now.iter().find(|one| one["status"] == "HELD").cloned().ok_or(now)
    })
    .await
}

async fn release(scene: &Scene, quarantine: &Value) -> Value {
    let input = json!({"quarantineId": quarantine["id"], "note": "looks right"});
    let selection = format!("quarantine {{ {QUARANTINE} }}");
    scene.admin().mutate("releaseQuarantine", input, &selection).await["quarantine"].clone()
}

async fn discard(scene: &Scene, quarantine: &Value) -> Value {
    let input = json!({"quarantineId": quarantine["id"], "note": "a broken export"});
    let selection = format!("quarantine {{ {QUARANTINE} }}");
    scene.admin().mutate("discardQuarantine", input, &selection).await["quarantine"].clone()
}

async fn rows(scene: &Scene) -> String {
    scene.sqlite_rows("out.db", "SELECT count(*) || '' FROM records").await.remove(0)
}

/// How many of a quarantine's failures have each code and status.
async fn failures(scene: &Scene, quarantine: &Value) -> Value {
    let query = "query($id: ID!, $code: [String!], $after: String) { quarantine(id: $id) {
        failures(first: 100, after: $after, filter: {code: $code}) { pageInfo { hasNextPage endCursor }
            edges { node { status } } } } }";
    let mut counts = json!({});
    for code in ["record.quarantined", "record.schema_violation"] {
        let mut after = Value::Null;
        loop {
            let variables = json!({"id": quarantine["id"], "code": [code], "after": after});
            let page = scene.admin().query(query, variables).await["quarantine"]["failures"].clone();
            for failure in nodes(&page) {
                let name = format!("{code} {}", text(&failure["status"]));
                counts[&name] = json!(counts[&name].as_u64().unwrap_or_default() + 1);
            }
            if page["pageInfo"]["hasNextPage"] != true {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
    }
    counts
}

#[tokio::test]
async fn a_page_past_the_threshold_is_kept_and_one_at_it_is_written() {
    let scene = Scene::shared().await;
    let integration = scene.file_to_sqlite("in.csv", strict(json!({}))).await;
    let schedule = json!({"integrationId": integration, "schedule": {"cron": "0 3 1 1 *"}});
    scene.admin().mutate("updateIntegration", schedule, "integration { id }").await;
    write(&scene, 100, |place| place < 5);
    let at_it = scene.run(&integration).await;
    assert_eq!(outcome(&at_it), ended("PARTIAL", json!({"read": 100, "created": 95, "failed": 5})));
    write(&scene, 99, |_| true);
    let too_few = scene.run(&integration).await;
    assert_eq!(outcome(&too_few), ended("PARTIAL", json!({"read": 99, "failed": 99})));
    assert_eq!(quarantines(&scene, &integration).await, [] as [Value; 0]);

    write(&scene, 200, |place| place % 10 == 0);
    let run = scene.fixture.start_run(&integration).await;
    let found = held(&scene, &integration).await;
    let reason = "20 of 200 records of `records` failed their checks, which is more than 5 %.";
    assert_eq!(
        only(
            std::slice::from_ref(&found),
            &["stream", "rule", "field", "measured", "allowed", "reason", "run"]
        ),
        json!([{
            "stream": "records", "rule": "FAILED_RECORDS", "field": null, "measured": 10.0, "allowed": 5.0,
            "reason": reason, "run": {"id": run},
        }])
    );
    let counts = json!({"read": 200, "failed": 200});
    let now = scene.fixture.run(&run).await;
    assert_eq!(outcome(&now), ended("RUNNING", counts), "{now:#}");
    assert_eq!(
        (&found["recordCount"], &found["judgedCount"], &found["failedCount"]),
        (&json!(180), &json!(200), &json!(20))
    );
    assert_eq!(rows(&scene).await, "95", "nothing more is written");
    let kept = failures(&scene, &found).await;
    assert_eq!(kept, json!({"record.quarantined OPEN": 180, "record.schema_violation OPEN": 20}));
    let wait =
        "query($id: ID!) { run(id: $id) { wait { reason message } quarantines { edges { node { id } } } } }";
    let waits = scene.admin().query(wait, json!({"id": run})).await["run"].clone();
    assert_eq!(waits["wait"]["reason"], "HELD");
    assert_eq!(nodes(&waits["quarantines"])[0]["id"], found["id"]);
    let reason = format!("{reason} Release or discard the quarantine.");
    assert_eq!(
        found["integration"],
        json!({"id": integration, "status": "HELD", "hold": {"reason": reason}, "schedule": {"nextRunAt": null}})
    );
    let types = scene.event_types(&run).await;
    for kind in ["quality.checked", "batch.quarantined", "integration.held"] {
        assert_eq!(types.iter().filter(|one| *one == kind).count(), 1, "{kind}: {types:?}");
    }

    // Nobody goes round the decision, and what comes meanwhile is kept.
    let errors = scene.admin().refused("resumeIntegration", json!({"integrationId": integration})).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("CONFLICT", "integrationId"));
    assert!(errors[0].message.contains(&text(&found["id"])), "{errors:?}");
    let later = scene.fixture.start_run(&integration).await;
    assert_eq!(scene.status(&later).await, "QUEUED");
}

#[tokio::test]
async fn a_gate_that_is_off_keeps_nothing_and_its_limits_can_be_set() {
    let scene = Scene::shared().await;
    let integration =
        scene.file_to_sqlite("in.csv", strict(json!({"quality": {"maxFailedPercent": null}}))).await;
    write(&scene, 300, |place| place > 0);
    let all = scene.run(&integration).await;
    assert_eq!(outcome(&all), ended("PARTIAL", json!({"read": 300, "created": 1, "failed": 299})));

    let limits =
        |quality: Value| changed_stream(json!({"path": "in.csv"}), into_table("records"), strict(quality));
    let read =
        "query($id: ID!) { integration(id: $id) { streams { quality { maxFailedPercent minRecords } } } }";
    for (quality, wanted) in [
        (json!({}), json!({"maxFailedPercent": 5.0, "minRecords": 100})),
        (json!({"quality": {}}), json!({"maxFailedPercent": 5.0, "minRecords": 100})),
        (json!({"quality": null}), json!({"maxFailedPercent": 5.0, "minRecords": 100})),
        (
            json!({"quality": {"maxFailedPercent": null}}),
            json!({"maxFailedPercent": null, "minRecords": 100}),
        ),
        (
            json!({"quality": {"maxFailedPercent": 0, "minRecords": 2}}),
            json!({"maxFailedPercent": 0.0, "minRecords": 2}),
        ),
    ] {
        scene.update_stream(&integration, limits(quality)).await;
        let now = scene.admin().query(read, json!({"id": integration})).await;
        assert_eq!(now["integration"]["streams"][0]["quality"], wanted);
    }
    write(&scene, 2, |place| place == 1);
    scene.fixture.start_run(&integration).await;
    assert_eq!(held(&scene, &integration).await["measured"], 50.0);
    for (quality, field) in [
        (json!({"maxFailedPercent": -1}), "maxFailedPercent"),
        (json!({"maxFailedPercent": 100.5}), "maxFailedPercent"),
        (json!({"minRecords": 0}), "minRecords"),
        (json!({"minRecords": 1_000_000_001_u64}), "minRecords"),
    ] {
        let input = json!({"integrationId": integration, "streams": [limits(json!({"quality": quality}))]});
        let errors = scene.admin().refused("updateIntegration", input).await;
        let place = format!("streams.0.quality.{field}");
        assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("INVALID", place.as_str()));
    }
}

/// Three pages, the second of which closes the gate: 600 of its records are bad, which is 6 % of 10,000.
async fn second_page_is_bad(scene: &Scene, changes: Value) -> (String, String, Value) {
    let integration = scene.file_to_sqlite("in.csv", strict(changes)).await;
    write(scene, 2 * PAGE + 2_000, |place| (PAGE..PAGE + 600).contains(&place));
    let run = scene.fixture.start_run(&integration).await;
    let found = held(scene, &integration).await;
    assert_eq!((&found["recordCount"], &found["measured"]), (&json!(PAGE - 600), &json!(6.0)), "{found:#}");
    let now = scene.fixture.run(&run).await;
    let counts = json!({"read": 2 * PAGE, "created": PAGE, "failed": PAGE});
    assert_eq!(outcome(&now), ended("RUNNING", counts), "{now:#}");
    assert_eq!(rows(scene).await, PAGE.to_string());
    (integration, run, found)
}

#[tokio::test]
async fn a_release_brings_exactly_the_kept_records_home_and_the_run_goes_on_behind_them() {
    let scene = Scene::shared().await;
    let (integration, run, found) = second_page_is_bad(&scene, json!({})).await;
    let released = release(&scene, &found).await;
    assert_eq!(
        only(std::slice::from_ref(&released), &["status", "note"]),
        json!([{"status": "RELEASED", "note": "looks right"}])
    );
    assert_ne!((&released["decidedAt"], &released["decidedBy"]), (&Value::Null, &Value::Null));
    assert_eq!(released["integration"]["status"], "ACTIVE");
    assert_eq!(released["retry"]["total"], PAGE - 600);
    let retry = scene.finished_retry(&released["retry"]).await;
    assert_eq!((&retry["resolved"], &retry["failed"]), (&json!(PAGE - 600), &json!(0)), "{retry:#}");
    let done = scene.fixture.finished_run(&run).await;
    let counts = json!({"read": 2 * PAGE + 2_000, "created": PAGE + 2_000, "failed": PAGE});
    assert_eq!(outcome(&done), ended("PARTIAL", counts), "{done:#}");
    assert_eq!(rows(&scene).await, (2 * PAGE + 2_000 - 600).to_string());
    let kept = failures(&scene, &found).await;
    assert_eq!(kept, json!({"record.quarantined RESOLVED": PAGE - 600, "record.schema_violation OPEN": 600}));
    assert_eq!(quarantines(&scene, &integration).await.len(), 1, "the gate stayed open");
    // The retry went first: what it wrote is older than what the run read behind it.
    let query = "query($retried: ID!, $rest: ID!) { retried: run(id: $retried) { finishedAt }
        rest: run(id: $rest) { events(last: 50) { edges { node { type at } } } } }";
    let variables = json!({"retried": retry["runs"]["edges"][0]["node"]["id"], "rest": run});
    let times = scene.admin().query(query, variables).await;
    let resumed = nodes(&times["rest"]["events"]).into_iter().rfind(|event| event["type"] == "run.resumed");
    let resumed = text(&resumed.expect("it went on")["at"]);
    assert!(resumed >= text(&times["retried"]["finishedAt"]), "{times:#}");

    for mutation in ["releaseQuarantine", "discardQuarantine"] {
        let input = json!({"quarantineId": found["id"], "note": "again"});
        let errors = scene.admin().refused(mutation, input).await;
        assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("CONFLICT", "quarantineId"));
    }
    let audited = "query($id: ID!) { auditEntries(first: 100, filter: {tenantId: $id, operation: [\"releaseQuarantine\"]}) {
        edges { node { outcome objectId detail } } } }";
    let entries = nodes(&scene.admin().query(audited, json!({"id": scene.tenant.id})).await["auditEntries"]);
    let done: Vec<&Value> = entries.iter().filter(|entry| entry["outcome"] == "SUCCEEDED").collect();
    assert_eq!(done.len(), 1, "{entries:#?}");
}

#[tokio::test]
async fn a_discard_leaves_the_page_out_and_the_run_goes_on_behind_it() {
    let scene = Scene::shared().await;
    let (integration, run, found) = second_page_is_bad(&scene, json!({})).await;
    let errors =
        scene.admin().refused("discardQuarantine", json!({"quarantineId": found["id"], "note": "  "})).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("REQUIRED", "note"));
    // What somebody wants to retry meanwhile waits, and is left out as well.
    let some = json!({"filter": {"quarantineId": found["id"], "businessReference": {"contains": "r0059"}}});
    let retry = scene.admin().mutate("retryFailures", some, "retry { id total }").await["retry"].clone();
    assert_eq!(retry["total"], 100);
    let discarded = discard(&scene, &found).await;
    assert_eq!(
        only(std::slice::from_ref(&discarded), &["status", "note", "retry"]),
        json!([{"status": "DISCARDED", "note": "a broken export", "retry": null}])
    );
    let done = scene.fixture.finished_run(&run).await;
    let counts = json!({"read": 2 * PAGE + 2_000, "created": PAGE + 2_000, "failed": PAGE});
    // Every failure of it is dealt with.
    assert_eq!(outcome(&done), ended("RECOVERED", counts), "{done:#}");
    let retry = scene.finished_retry(&retry).await;
    assert_eq!((&retry["status"], &retry["remaining"]), (&json!("COMPLETED"), &json!(0)), "{retry:#}");
    assert_eq!(rows(&scene).await, (PAGE + 2_000).to_string());
    let kept = failures(&scene, &found).await;
    let expected = json!({"record.quarantined SKIPPED": PAGE - 600, "record.schema_violation SKIPPED": 600});
    assert_eq!(kept, expected);
    assert_eq!(quarantines(&scene, &integration).await.len(), 1);
}

#[tokio::test]
async fn an_incremental_stream_goes_on_behind_what_was_decided() {
    let scene = Scene::shared().await;
    let changes = json!({"mode": "INCREMENTAL", "cursorField": "id"});
    let (integration, run, found) = second_page_is_bad(&scene, changes).await;
    release(&scene, &found).await;
    let done = scene.fixture.finished_run(&run).await;
    assert_eq!(done["status"], "PARTIAL", "{done:#}");
    let next = scene.run(&integration).await;
    assert_eq!(
        outcome(&next),
        ended("SUCCEEDED", json!({})),
        "what was decided is not asked again: {next:#}"
    );
}

#[tokio::test]
async fn of_two_decisions_at_once_one_is_done() {
    let scene = Scene::shared().await;
    let integration = scene.file_to_sqlite("in.csv", strict(json!({}))).await;
    write(&scene, 100, |place| place < 10);
    let run = scene.fixture.start_run(&integration).await;
    let found = held(&scene, &integration).await;
    let decide = async |mutation: &str| {
        let input = json!({"quarantineId": found["id"], "note": "at once"});
        let answer = scene.admin().try_mutate(mutation, &input, "quarantine { status }").await;
        answer.body["data"][mutation].clone()
    };
    let (released, discarded, again) =
        tokio::join!(decide("releaseQuarantine"), decide("discardQuarantine"), decide("releaseQuarantine"));
    let answers = [released, discarded, again];
    let done: Vec<&Value> = answers.iter().filter(|answer| !answer["quarantine"].is_null()).collect();
    assert_eq!(done.len(), 1, "{answers:#?}");
    let codes: Vec<&Value> = answers.iter().filter_map(|answer| answer["userErrors"].get(0)).collect();
    assert!(codes.len() == 2 && codes.iter().all(|error| error["code"] == "CONFLICT"), "{answers:#?}");
    scene.fixture.finished_run(&run).await;
    let fate = if done[0]["quarantine"]["status"] == "RELEASED" { "RESOLVED" } else { "SKIPPED" };
    let expected = format!("record.quarantined {fate}");
    until("what was decided is done", SOON, async || {
        let now = failures(&scene, &found).await;
        if now[&expected] == 90 { Ok(()) } else { Err(now) }
    })
    .await;
}

#[tokio::test]
async fn a_run_that_is_put_aside_can_be_canceled_and_what_it_kept_still_be_released() {
    let scene = Scene::shared().await;
    let (integration, run, found) = second_page_is_bad(&scene, json!({})).await;
    scene.admin().mutate("cancelRun", json!({"runId": run}), "run { id }").await;
    assert_eq!(scene.status(&run).await, "CANCELED");
    assert_eq!(held(&scene, &integration).await["integration"]["status"], "HELD", "somebody must decide");
    let released = release(&scene, &found).await;
    let retry = scene.finished_retry(&released["retry"]).await;
    assert_eq!(retry["resolved"], PAGE - 600, "{retry:#}");
    assert_eq!(rows(&scene).await, (2 * PAGE - 600).to_string(), "the rest was not asked for any more");
}

#[tokio::test]
async fn an_integration_that_is_paused_meanwhile_stays_so_and_is_not_resumed_past_a_quarantine() {
    let scene = Scene::shared().await;
    let (integration, run, found) = second_page_is_bad(&scene, json!({})).await;
    let of_it = json!({"integrationId": integration});
    scene.admin().mutate("pauseIntegration", of_it.clone(), "integration { id }").await;
    assert_eq!(scene.admin().refused("resumeIntegration", of_it.clone()).await[0].code, "CONFLICT");
    let released = release(&scene, &found).await;
    assert_eq!(released["integration"]["status"], "PAUSED");
    assert_eq!(released["retry"]["status"], "QUEUED");
    scene.admin().mutate("resumeIntegration", of_it.clone(), "integration { id }").await;
    let retry = scene.finished_retry(&released["retry"]).await;
    assert_eq!(retry["resolved"], PAGE - 600, "{retry:#}");
    let done = scene.fixture.finished_run(&run).await;
    assert_eq!(done["counts"]["created"], PAGE + 2_000, "{done:#}");

    scene.fixture.start_run(&integration).await;
    let again = held(&scene, &integration).await;
    scene.admin().mutate("archiveIntegration", of_it, "integration { id }").await;
    let errors = scene.admin().refused("releaseQuarantine", json!({"quarantineId": again["id"]})).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("CONFLICT", "quarantineId"));
    assert_eq!(discard(&scene, &again).await["status"], "DISCARDED");
}

#[tokio::test]
async fn people_decide_by_their_rights_and_nobody_else_sees_it() {
    let scene = Scene::shared().await;
    let integration = scene.file_to_sqlite("in.csv", strict(json!({}))).await;
    write(&scene, 100, |place| place < 10);
    let run = scene.fixture.start_run(&integration).await;
    let found = held(&scene, &integration).await;
    let decide = json!({"quarantineId": found["id"], "note": "mine"});
    let one = "query($id: ID!) { quarantine(id: $id) { id } quarantines { edges { node { id } } } }";

    let elsewhere = scene.fixture.tenant(&format!("{}-b", scene.tenant.slug)).await;
    let stranger = scene.fixture.user("TENANT_ADMIN", Some(&elsewhere)).await;
    let seen = stranger.query(one, json!({"id": found["id"]})).await;
    assert_eq!(seen, json!({"quarantine": null, "quarantines": {"edges": []}}));
    for mutation in ["releaseQuarantine", "discardQuarantine"] {
        let errors = stranger.refused(mutation, decide.clone()).await;
        assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("NOT_FOUND", "quarantineId"));
    }
    let viewer = scene.person("TENANT_VIEWER").await;
    let seen = viewer.query(one, json!({"id": found["id"]})).await;
    assert_eq!(seen["quarantine"]["id"], found["id"]);
    let answer = viewer.try_mutate("releaseQuarantine", &decide, "quarantine { id }").await;
    assert_eq!(answer.codes(), ["FORBIDDEN"]);
    assert_eq!(held(&scene, &integration).await["id"], found["id"], "nothing is decided");

    let member = scene.person("TENANT_MEMBER").await;
    let done = member.mutate("releaseQuarantine", decide, "quarantine { status decidedBy }").await;
    assert_eq!(done["quarantine"]["status"], "RELEASED");
    scene.fixture.finished_run(&run).await;
}

#[tokio::test]
async fn a_run_that_goes_on_after_a_crash_counts_on() {
    let outside = Outside::start();
    let record = |n: usize| {
        // Two share a value with one that was read before the crashes.
        let email = if n == 305 || n == 905 { n % 300 } else { n };
        json!({"id": format!("r{n:06}"), "n": if n.is_multiple_of(10) { "bad" } else { "1" }, "email": email})
    };
    let records = (0..1_000).map(record);
    outside.serve_records(records.collect());
    let mut trestle: Trestle = impatient().lease_seconds(2).split(1).await;
    let scene = Scene::of(&trestle).await;
    let (source, options) = scene.slow_source(&outside).await;
    let sqlite = scene.sqlite_system("out.db").await;
    // A page has 100 records: the fifth closes the gate, and no attempt reads so many by itself.
    let changes = strict(json!({"quality": {"minRecords": 500, "unique": [["email"]]}}));
    let integration =
        scene.integration(&source, &sqlite, changed_stream(options, into_table("records"), changes)).await;
    let run = scene.fixture.start_run(&integration).await;
    for pages in [1, 3] {
        scene
            .run_until("a page is done", &run, |run| run["counts"]["read"].as_u64() >= Some(pages * 100))
            .await;
        trestle.worker(0).kill9();
        trestle.restart_worker(0, &[]).await;
    }
    let found = held(&scene, &integration).await;
    assert_eq!((&found["judgedCount"], &found["failedCount"]), (&json!(500), &json!(51)), "{found:#}");
    assert_eq!(found["recordCount"], 90);
    // A worker that dies now changes nothing: the run was put aside with its page.
    trestle.worker(0).kill9();
    trestle.restart_worker(0, &[]).await;
    release(&scene, &found).await;
    let done = scene.fixture.finished_run(&run).await;
    assert_eq!(
        (&done["counts"]["read"], &done["counts"]["unaccounted"]),
        (&json!(1_000), &json!(0)),
        "{done:#}"
    );
    let written = done["counts"]["created"].as_u64().unwrap() + done["counts"]["unchanged"].as_u64().unwrap();
    assert_eq!((written, &done["counts"]["failed"]), (808, &json!(192)), "{done:#}");
    assert_eq!(rows(&scene).await, "898");
}

fn gate(quality: Value) -> Value {
    json!({ "quality": quality })
}

#[tokio::test]
async fn a_volume_that_is_not_the_usual_one_holds_the_integration() {
    let scene = Scene::shared().await;
    let limits = gate(json!({"volume": {"minPercent": 50, "maxPercent": 200}}));
    let integration = scene.file_to_sqlite("in.csv", limits).await;
    // Before there are enough runs any number will do.
    for count in [300, 1, 200, 100] {
        write(&scene, count, |_| false);
        assert_eq!(scene.run(&integration).await["status"], "SUCCEEDED");
    }
    // What compares both ends moves nothing, and is no usual run.
    for _ in 0..2 {
        reconcile(&scene, &integration).await;
    }
    // The median of 300, 1, 200 and 100 is 150.
    write(&scene, 301, |_| false);
    let run = scene.fixture.start_run(&integration).await;
    let found = held(&scene, &integration).await;
    assert_eq!(
        (&found["rule"], &found["allowed"], &found["recordCount"]),
        (&json!("VOLUME_HIGH"), &json!(200.0), &json!(301))
    );
    let reason = "`records` has 200.67 % of the records that it usually has, which is more than 200 %.";
    assert_eq!(found["reason"], reason);
    assert_eq!(rows(&scene).await, "300");
    release(&scene, &found).await;
    assert_eq!(scene.fixture.finished_run(&run).await["counts"]["failed"], 301);
    until("what was kept is there", SOON, async || {
        let now = rows(&scene).await;
        if now == "301" { Ok(()) } else { Err(now) }
    })
    .await;

    // Of the last five, 300, 1, 200, 100 and 301, the median is 200. Too little is known at the end only: all is written.
    write(&scene, 99, |_| false);
    let low = scene.run(&integration).await;
    assert_eq!(outcome(&low), ended("SUCCEEDED", json!({"read": 99, "unchanged": 99})), "{low:#}");
    let found = held(&scene, &integration).await;
    let reason = "`records` has 49.5 % of the records that it usually has, which is less than 50 %. What there was is written.";
    assert_eq!(
        (&found["rule"], &found["reason"], &found["recordCount"]),
        (&json!("VOLUME_LOW"), &json!(reason), &json!(0))
    );
    assert_eq!((&found["run"]["id"], &found["integration"]["status"]), (&low["id"], &json!("HELD")));
    let next = scene.fixture.start_run(&integration).await;
    assert_eq!(scene.status(&next).await, "QUEUED");
    let released = release(&scene, &found).await;
    assert_eq!((&released["retry"], &released["integration"]["status"]), (&Value::Null, &json!("ACTIVE")));
    scene.fixture.finished_run(&next).await;
}

#[tokio::test]
async fn a_field_that_is_empty_more_often_than_usual_holds_the_integration() {
    let scene = Scene::shared().await;
    let limits = json!({"minRecords": 10, "nullRates": [
        {"field": "email", "maxIncrease": 10}, {"field": "phone", "maxPercent": 60},
    ]});
    let integration = scene.file_to_sqlite("in.jsonl", gate(limits)).await;
    let fill = |emails: usize, phones: usize| {
        let record = move |place: usize| {
            let mut record = json!({"id": format!("r{place}")});
            record["email"] = if place < emails { json!("a@example.com") } else { Value::Null };
            if place < phones {
                record["phone"] = json!("1");
            }
            record
        };
        scene.files.write_jsonl("in.jsonl", (0..100).map(record));
    };
    for emails in [80, 100, 90] {
        fill(emails, 40);
        assert_eq!(scene.run(&integration).await["status"], "SUCCEEDED");
    }
    // It is usually empty in 10 %: 20 % are allowed.
    fill(80, 40);
    assert_eq!(scene.run(&integration).await["status"], "SUCCEEDED");
    fill(74, 40);
    let run = scene.fixture.start_run(&integration).await;
    let found = held(&scene, &integration).await;
    assert_eq!((&found["rule"], &found["field"]), (&json!("NULL_RATE"), &json!("email")), "{found:#}");
    // The median of 20, 0, 10 and 20 is 15.
    assert_eq!((&found["measured"], &found["allowed"]), (&json!(26.0), &json!(25.0)));
    let reason = "`email` is empty in 26 % of the records of `records`, which is more than 25 %.";
    assert_eq!(found["reason"], reason);
    discard(&scene, &found).await;
    scene.fixture.finished_run(&run).await;

    fill(100, 39);
    scene.fixture.start_run(&integration).await;
    let found = held(&scene, &integration).await;
    assert_eq!(
        (&found["field"], &found["measured"], &found["allowed"]),
        (&json!("phone"), &json!(61.0), &json!(60.0))
    );
}

/// Codes and field errors of a run's failures, by their references.
async fn causes(scene: &Scene, run: &Value) -> Vec<Value> {
    only(&scene.failures(run).await, &["businessReference", "code", "fieldErrors"])
        .as_array()
        .unwrap()
        .clone()
}

#[tokio::test]
async fn of_two_records_that_share_a_value_the_second_one_is_a_failure_and_the_same_record_is_not() {
    let scene = Scene::shared().await;
    let changes = json!({
        "mode": "INCREMENTAL", "cursorField": "n",
        "quality": {"maxFailedPercent": null, "unique": [["email"], ["first", "last"]]},
    });
    let integration = scene.file_to_sqlite("in.jsonl", changes).await;
    // More than a page, so that some are asked about in another one than they were seen in.
    let record = |place: usize| json!({"id": format!("r{place:06}"), "n": place, "email": format!("e{place}"), "first": "a", "last": place});
    let mut records: Vec<Value> = (0..PAGE + 100).map(record).collect();
    records[7]["email"] = json!("e3");
    records[PAGE + 50]["email"] = json!("e4");
    records[PAGE + 60]["last"] = json!(5);
    (records[20]["email"], records[PAGE + 20]["email"]) = (Value::Null, Value::Null);
    // A newer version of the same record has its own value again.
    records[PAGE + 70] = json!({"id": "r000009", "n": PAGE + 70, "email": "e9", "first": "a", "last": 9});
    scene.files.write_jsonl("in.jsonl", records.clone());
    let run = scene.run(&integration).await;
    let counts = json!({"read": PAGE + 100, "created": PAGE + 96, "unchanged": 0, "updated": 1, "failed": 3});
    assert_eq!(outcome(&run), ended("PARTIAL", counts), "{run:#}");
    let wrong = |fields: &[&str]| -> Vec<Value> {
        let message = "must be unique: another record of this run has the same value";
        fields
            .iter()
            .map(|field| json!({"path": format!("/{field}"), "rule": "unique", "message": message}))
            .collect()
    };
    let cause = |place: usize, fields: &[&str]| json!({"businessReference": format!("r{place:06}"), "code": "record.duplicate_value", "fieldErrors": wrong(fields)});
    assert_eq!(
        causes(&scene, &run).await,
        [cause(7, &["email"]), cause(PAGE + 50, &["email"]), cause(PAGE + 60, &["first", "last"])]
    );

    // Another run knows nothing of it: only within one it must be unique.
    let mut next = record(PAGE + 200);
    next["email"] = json!("e4");
    scene.files.write_jsonl("in.jsonl", records.into_iter().chain([next]));
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 1, "created": 1})), "{run:#}");
}

#[tokio::test]
async fn a_reference_must_be_the_key_of_a_record_that_has_arrived() {
    let scene = Scene::shared().await;
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    let stream = |name: &str, quality: Value| {
        let changes = json!({"name": name, "quality": quality, "mapping": "del(.noise)"});
        changed_stream(json!({"path": format!("{name}.jsonl")}), into_table(name), changes)
    };
    let streams = json!([
        stream("customers", json!({})),
        stream("orders", json!({"references": [{"fields": ["customer"], "stream": "customers"}]})),
    ]);
    let input = json!({
        "tenantId": scene.tenant.id, "name": "Shop", "sourceId": files, "destinationId": sqlite, "streams": streams,
    });
    let made = scene.admin().mutate("createIntegration", input, "integration { id }").await;
    let integration = text(&made["integration"]["id"]);
    scene.files.write_jsonl("customers.jsonl", [json!({"id": 1}), json!({"id": "c2"})]);
    let orders = [
        json!({"id": "a", "customer": 1}),
        json!({"id": "b", "customer": "c2"}),
        json!({"id": "c", "customer": null}),
    ];
    let lost = [json!({"id": "d", "customer": "c3"}), json!({"id": "e", "customer": "c9"})];
    scene.files.write_jsonl("orders.jsonl", orders.into_iter().chain(lost));
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 7, "created": 5, "failed": 2})), "{run:#}");
    let wrong = [json!({
        "path": "/customer", "rule": "reference", "message": "refers to nothing that is known of `customers`",
    })];
    let cause = |reference: &str| json!({"businessReference": reference, "code": "record.missing_reference", "fieldErrors": wrong});
    assert_eq!(causes(&scene, &run).await, [cause("d"), cause("e")]);

    // It is looked for again by a retry, once it is there.
    let failures = scene.failures(&run).await;
    scene.files.write_jsonl("customers.jsonl", [json!({"id": "c3"})]);
    let retry = json!({"failureIds": [failures[0]["id"], failures[1]["id"]]});
    let early = scene.admin().mutate("retryFailures", retry.clone(), "retry { id }").await;
    let early = scene.finished_retry(&early["retry"]).await;
    assert_eq!((&early["resolved"], &early["failed"]), (&json!(0), &json!(2)), "{early:#}");
    scene.files.write_jsonl("orders.jsonl", [] as [Value; 0]);
    assert_eq!(scene.run(&integration).await["counts"]["created"], 1);
    let late = scene.admin().mutate("retryFailures", retry, "retry { id }").await;
    let late = scene.finished_retry(&late["retry"]).await;
    assert_eq!((&late["resolved"], &late["failed"]), (&json!(1), &json!(1)), "{late:#}");
}

/// Streams of orders whose country must be in a table of the destination.
fn with_countries(columns: &str) -> Value {
    json!({"quality": {
        "maxFailedPercent": null,
        "tableReferences": [{"fields": ["country"], "table": "countries", "columns": [columns]}],
    }})
}

#[tokio::test]
async fn a_reference_to_a_table_is_judged_by_the_destination_page_by_page() {
    let scene = Scene::shared().await;
    let database = Database::create().await;
    let countries =
        "CREATE TABLE countries (number int, code varchar(2)); INSERT INTO countries VALUES (49, 'de')";
    postgres_execute(&database, countries).await;
    let (files, postgres) = (scene.file_system().await, scene.postgres_system(&database).await);
    let moves =
        changed_stream(json!({"path": "orders.jsonl"}), into_table("orders"), with_countries("number"));
    let integration = scene.integration(&files, &postgres, moves).await;
    // More than a page: what was found is remembered, what was not is not.
    let order = |place: usize, country: Value| json!({"id": format!("r{place:06}"), "country": country});
    let orders = (0..PAGE + 10).map(|place| match place {
        3 => order(place, json!("x")),
        4 => order(place, Value::Null),
        5 => order(place, json!(1)),
        place if place == PAGE + 5 => order(place, json!(1)),
        place if place % 2 == 0 => order(place, json!("49")),
        place => order(place, json!(49)),
    });
    scene.files.write_jsonl("orders.jsonl", orders);
    let run = scene.run(&integration).await;
    let counts = json!({"read": PAGE + 10, "created": PAGE + 7, "failed": 3});
    assert_eq!(outcome(&run), ended("PARTIAL", counts), "{run:#}");
    let wrong = [
        json!({"path": "/country", "rule": "reference", "message": "refers to nothing that is in `countries`"}),
    ];
    let cause = |place: usize| json!({"businessReference": format!("r{place:06}"), "code": "record.missing_reference", "fieldErrors": wrong});
    assert_eq!(causes(&scene, &run).await, [cause(3), cause(5), cause(PAGE + 5)]);

    // A retry asks again, and finds what somebody has put there meanwhile.
    postgres_execute(&database, "INSERT INTO countries VALUES (1, 'us')").await;
    let of_run = json!({"filter": {"runId": run["id"]}});
    let started = scene.admin().mutate("retryFailures", of_run, "retry { id }").await;
    let done = scene.finished_retry(&started["retry"]).await;
    assert_eq!((&done["resolved"], &done["failed"]), (&json!(2), &json!(1)), "{done:#}");

    // A table that is not there is no fault of the records.
    postgres_execute(&database, "DROP TABLE countries").await;
    let failed = scene.run(&integration).await;
    assert_eq!(failed["status"], "FAILED", "{failed:#}");
    let failures = scene.failures(&failed).await;
    assert_eq!(failures[0]["code"], "destination.not_found", "{failures:#?}");
}

#[tokio::test]
async fn a_reference_to_a_table_of_sqlite_and_one_where_nothing_can_be_looked_up() {
    let scene = Scene::shared().await;
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    sqlite_execute(
        &scene.files.path("out.db"),
        "CREATE TABLE countries (code TEXT PRIMARY KEY); INSERT INTO countries VALUES ('de')",
    )
    .await;
    let source = json!({"path": "orders.jsonl"});
    let moves = changed_stream(source.clone(), into_table("orders"), with_countries("code"));
    let integration = scene.integration(&files, &sqlite, moves).await;
    let orders = [json!({"id": 1, "country": "de"}), json!({"id": 2, "country": "fr"}), json!({"id": 3})];
    scene.files.write_jsonl("orders.jsonl", orders);
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 3, "created": 2, "failed": 1})), "{run:#}");
    let causes = causes(&scene, &run).await;
    assert_eq!((&causes[0]["businessReference"], causes.len()), (&json!("2"), 1), "{causes:#?}");

    let to_file = changed_stream(source, json!({"path": "out.csv"}), with_countries("code"));
    let input = json!({
        "tenantId": scene.tenant.id, "name": "Files", "sourceId": files, "destinationId": files, "streams": [to_file],
    });
    let errors = scene.admin().refused("createIntegration", input).await;
    let place = "streams.0.quality.tableReferences.0.table";
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str(), errors.len()), ("INVALID", place, 1));
    assert!(errors[0].message.contains("can't be looked up at this destination"), "{errors:?}");
}

#[tokio::test]
async fn what_can_be_no_quality_is_refused_at_its_place() {
    let scene = Scene::shared().await;
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    let rate = |changes: Value| json!({"nullRates": [changes]});
    let reference =
        |fields: Value, stream: &str| json!({"references": [{"fields": fields, "stream": stream}]});
    let in_table = |fields: Value, table: &str, columns: Value| json!({"tableReferences": [{"fields": fields, "table": table, "columns": columns}]});
    for (quality, code, place) in [
        (json!({"unique": [[]]}), "REQUIRED", "unique.0"),
        (json!({"unique": [["a", "a"]]}), "INVALID", "unique.0"),
        (json!({"unique": [["a"], [""]]}), "INVALID", "unique.1"),
        (json!({"unique": [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]}), "LIMIT_REACHED", "unique"),
        (reference(json!(["a"]), "other"), "INVALID", "references.0.stream"),
        (reference(json!(["a"]), "records"), "INVALID", "references.0.stream"),
        (reference(json!(["a", "b"]), "second"), "INVALID", "references.0.fields"),
        (reference(json!([]), "second"), "REQUIRED", "references.0.fields"),
        (in_table(json!([]), "t", json!(["a"])), "REQUIRED", "tableReferences.0.fields"),
        (in_table(json!(["a"]), " ", json!(["a"])), "INVALID", "tableReferences.0.table"),
        (in_table(json!(["a"]), "t", json!(["a", "b"])), "INVALID", "tableReferences.0.columns"),
        (in_table(json!(["a"]), "t", json!([""])), "INVALID", "tableReferences.0.columns"),
        (rate(json!({"field": "a"})), "REQUIRED", "nullRates.0"),
        (rate(json!({"field": "", "maxPercent": 1})), "INVALID", "nullRates.0.field"),
        (rate(json!({"field": "a", "maxPercent": 101})), "INVALID", "nullRates.0.maxPercent"),
        (rate(json!({"field": "a", "maxIncrease": -1})), "INVALID", "nullRates.0.maxIncrease"),
        (json!({"volume": {"minPercent": -1}}), "INVALID", "volume.minPercent"),
        (json!({"volume": {"minPercent": 90, "maxPercent": 80}}), "INVALID", "volume.maxPercent"),
    ] {
        let second =
            changed_stream(json!({"path": "in.csv"}), into_table("second"), json!({"name": "second"}));
        let first = changed_stream(json!({"path": "in.csv"}), into_table("records"), gate(quality));
        let input = json!({"integrationId": integration, "streams": [first, second]});
        let errors = scene.admin().refused("updateIntegration", input).await;
        let found: Vec<(&str, &str)> =
            errors.iter().map(|error| (error.code.as_str(), error.field.as_str())).collect();
        assert_eq!(found, [(code, format!("streams.0.quality.{place}").as_str())], "{errors:?}");
    }
}
