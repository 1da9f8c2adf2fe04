//! How an integration is, through the API and a real program: its status follows its runs and failures, runs are counted
//! once also when their worker is killed, and nobody reads of others' integrations. Deliberately absent: what only a clock
//! that is moved shows, which is tested in `domain`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::fixture::stream;
use crate::harness::outside::Outside;
use crate::harness::trestle::Trestle;
use crate::harness::wait::{SOON, until};
use crate::scene::{SLOW_PAGE, Scene, impatient, into_table, nodes, text};

const HEALTH: &str = "query($id: ID!) { integration(id: $id) { health {
    status reasons { code } lastRun { id } freshness { newestSuccessAt ageSeconds lateAt isLate }
    metrics { from to runs { succeeded partial failed canceled } records { read created unchanged failed }
        runSuccessPercent recordSuccessPercent latencyP50Ms latencyP95Ms latencyMeanMs recordsPerSecond }
    series(by: HOUR) { runs { succeeded partial failed canceled } }
} } }";

async fn health(scene: &Scene, integration: &str) -> Value {
    scene.admin().query(HEALTH, json!({"id": integration})).await["integration"]["health"].clone()
}

async fn status_and_reasons(scene: &Scene, integration: &str) -> (String, Vec<String>) {
    let health = health(scene, integration).await;
    let reasons = health["reasons"].as_array().unwrap().iter().map(|reason| text(&reason["code"])).collect();
    (text(&health["status"]), reasons)
}

fn is(status: &str, reasons: &[&str]) -> (String, Vec<String>) {
    (status.to_owned(), reasons.iter().map(|reason| (*reason).to_owned()).collect())
}

/// The same on each database.
async fn follows_runs_and_failures(scene: &Scene) {
    let sandbox =
        scene.fixture.sandbox(&scene.tenant, json!({"records": 10}), json!({"rejectEvery": 5})).await;
    assert_eq!(status_and_reasons(scene, &sandbox).await, is("UNKNOWN", &["NOT_RUN_YET"]));
    let run = scene.run(&sandbox).await;
    assert_eq!(run["status"], "PARTIAL", "{run:#}");
    let now = health(scene, &sandbox).await;
    assert_eq!(now["status"], "ACTION_REQUIRED", "{now:#}");
    assert_eq!(now["reasons"], json!([{"code": "OPEN_FAILURES"}, {"code": "LAST_RUN_PARTIAL"}]));
    assert_eq!(now["lastRun"]["id"], run["id"]);
    assert_eq!(now["freshness"]["isLate"], false);
    assert!(now["freshness"]["newestSuccessAt"].is_string(), "most of its records arrived: {now:#}");
    let counts = &run["counts"];
    let expected = json!({
        "read": 10, "created": counts["created"], "unchanged": 0, "failed": counts["failed"],
    });
    assert_eq!(now["metrics"]["records"], expected);
    let runs = json!({"succeeded": 0, "partial": 1, "failed": 0, "canceled": 0});
    assert_eq!(now["metrics"]["runs"], runs);
    assert_eq!(now["series"], json!([{"runs": runs}]));
    assert_eq!(now["metrics"]["runSuccessPercent"], 0.0);
    let failed = counts["failed"].as_f64().unwrap();
    assert_eq!(now["metrics"]["recordSuccessPercent"], json!(100.0 - failed * 10.0));
    assert!(now["metrics"]["latencyP95Ms"].as_f64() > Some(0.0), "{now:#}");

    let failures = scene.failures(&run).await;
    let ids: Vec<&Value> = failures.iter().map(|failure| &failure["id"]).collect();
    let input = json!({"failureIds": ids, "reason": "a test"});
    scene.admin().mutate("skipFailures", input, "skipped").await;
    assert_eq!(status_and_reasons(scene, &sandbox).await, is("HEALTHY", &[]), "its run has recovered");

    scene.admin().mutate("pauseIntegration", json!({"integrationId": sandbox}), "integration { id }").await;
    assert_eq!(status_and_reasons(scene, &sandbox).await, is("PAUSED", &["PAUSED"]));
    scene.admin().mutate("resumeIntegration", json!({"integrationId": sandbox}), "integration { id }").await;
    assert_eq!(status_and_reasons(scene, &sandbox).await, is("HEALTHY", &[]));

    let target = json!({"integrationId": sandbox, "freshnessSeconds": 1});
    let set = "integration { healthTargets { freshnessSeconds runSuccessPercent latencyP95Ms } }";
    let payload = scene.admin().mutate("setHealthTargets", target, set).await;
    let targets = json!({"freshnessSeconds": 1, "runSuccessPercent": null, "latencyP95Ms": null});
    assert_eq!(payload["integration"]["healthTargets"], targets);
    until("it is late", SOON, async || {
        let now = status_and_reasons(scene, &sandbox).await;
        if now == is("STALE", &["LATE"]) { Ok(()) } else { Err(now) }
    })
    .await;
    let query = "query($id: ID!) { integration(id: $id) {
        healthAlerts(filter: { open: true }) { edges { node { kind observed expected openedAt closedAt } } }
        healthTargetChanges { edges { node { setBy setAt targets { freshnessSeconds } } } } } }";
    let lists = scene.admin().query(query, json!({"id": sandbox})).await["integration"].clone();
    let alerts = nodes(&lists["healthAlerts"]);
    assert_eq!(
        (alerts.len(), &alerts[0]["kind"], &alerts[0]["expected"]),
        (1, &json!("FRESHNESS"), &json!(1.0))
    );
    let changes = nodes(&lists["healthTargetChanges"]);
    assert_eq!((changes.len(), &changes[0]["targets"]["freshnessSeconds"]), (1, &json!(1)));
    let viewer = scene.person("TENANT_VIEWER").await;
    let seen =
        nodes(&viewer.query(query, json!({"id": sandbox})).await["integration"]["healthTargetChanges"]);
    assert_eq!(seen[0]["setBy"], "the operator's support team", "a tenant reads no name of the staff");

    let board = "query($tenant: ID!, $health: [HealthStatus!]) {
        tenant(id: $tenant) { health(windowHours: 1) { status integrations { status integrations }
            metrics { runs { partial } } series(by: DAY) { runs { partial } } } }
        integrations(filter: { tenantId: $tenant, health: $health }, orderBy: { field: HEALTH }) { edges { node { id } } } }";
    let asked = json!({"tenant": scene.tenant.id, "health": ["STALE", "FAILING"]});
    let board = scene.admin().query(board, asked).await;
    assert_eq!(
        board["tenant"]["health"],
        json!({
            "status": "STALE", "integrations": [{"status": "STALE", "integrations": 1}],
            "metrics": {"runs": {"partial": 1}}, "series": [{"runs": {"partial": 1}}],
        })
    );
    assert_eq!(nodes(&board["integrations"]), [json!({"id": sandbox})]);

    let platform = "{ platformHealth { status metrics { runs { partial } } } }";
    let all = scene.admin().query(platform, json!({})).await;
    assert!(all["platformHealth"]["metrics"]["runs"]["partial"].as_i64() >= Some(1), "{all:#}");
    for (arguments, what) in [("windowHours: 0", "windowHours"), ("windowHours: 2161", "windowHours")] {
        let query =
            format!("query($id: ID!) {{ integration(id: $id) {{ health({arguments}) {{ status }} }} }}");
        let response = scene.admin().try_send(&query, json!({"id": sandbox})).await.unwrap();
        let message = text(&response.body["errors"][0]["message"]);
        assert!(message.contains(what), "{:#}", response.body);
    }
}

#[tokio::test]
async fn the_status_follows_runs_and_failures_on_sqlite() {
    follows_runs_and_failures(&Scene::of(&impatient().embedded().await).await).await;
}

#[tokio::test]
async fn the_status_follows_runs_and_failures_on_postgresql() {
    follows_runs_and_failures(&Scene::of(&impatient().split(2).await).await).await;
}

#[tokio::test]
async fn a_run_whose_worker_is_killed_is_counted_once() {
    let (mut trestle, outside): (Trestle, Outside) =
        (impatient().lease_seconds(2).split(1).await, Outside::with_records(20 * SLOW_PAGE));
    let scene = Scene::of(&trestle).await;
    let (source, options) = scene.slow_source(&outside).await;
    let sqlite = scene.sqlite_system("out.db").await;
    let integration = scene.integration(&source, &sqlite, stream(options, into_table("records"))).await;
    let run = scene.fixture.start_run(&integration).await;
    scene
        .run_until("a page is done", &run, |run| run["counts"]["read"].as_i64().unwrap_or_default() > 0)
        .await;
    let running = health(&scene, &integration).await;
    assert_eq!(running["status"], "RUNNING", "{running:#}");
    assert_eq!(running["metrics"]["runs"]["succeeded"], 0);
    trestle.worker(0).kill9();
    trestle.add_worker();
    let ended = until("the run ends", Duration::from_secs(120), async || {
        let now = scene.fixture.run(&run).await;
        if now["status"] == "SUCCEEDED" { Ok(now) } else { Err(now) }
    })
    .await;
    let health = health(&scene, &integration).await;
    assert_eq!(health["status"], "HEALTHY", "{health:#}");
    assert_eq!(health["metrics"]["runs"], json!({"succeeded": 1, "partial": 0, "failed": 0, "canceled": 0}));
    assert_eq!(health["metrics"]["records"]["read"], ended["counts"]["read"]);
}
