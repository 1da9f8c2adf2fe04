//! The dead man's switch: runs are due, could go, and no worker claims any. `GET /readyz`, `GET /metrics` and the log tell,
//! and are silent about what rightly waits.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::interval;

use crate::harness::client::Client;
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::Scene;

/// The shortest that can be set, in seconds.
const TIMEOUT: u64 = 5;
/// After which it would have been told.
const LONG_ENOUGH: Duration = Duration::from_secs(2 * TIMEOUT);
const BEGAN: &str = "runs are not dispatched";
const ENDED: &str = "runs are dispatched again";

fn setup() -> Setup {
    Setup::new().setting("TRESTLE_DISPATCH_TIMEOUT_SECONDS", TIMEOUT)
}

async fn readiness(client: &Client) -> (StatusCode, Value) {
    let (status, body) = client.get("/readyz").await;
    (status, serde_json::from_str(&body).unwrap())
}

/// Asks until readiness is as wanted, and gives it.
async fn until_ready(client: &Client, wanted: &str) -> (StatusCode, Value) {
    until(&format!("it says that it is {wanted}"), SOON, async || {
        let told = readiness(client).await;
        if told.1["status"] == wanted { Ok(told) } else { Err(told) }
    })
    .await
}

async fn metric(client: &Client, name: &str) -> Option<f64> {
    let (_, text) = client.get("/metrics").await;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

/// It stays ready although something is due.
async fn assert_stays_ready(client: &Client) {
    let begin = Instant::now();
    let mut tick = interval(Duration::from_millis(200));
    while begin.elapsed() < LONG_ENOUGH {
        tick.tick().await;
        let (status, body) = readiness(client).await;
        assert_eq!((status, &body["checks"]["dispatch"]), (StatusCode::OK, &json!("ok")), "{body:#}");
    }
}

fn told(trestle: &Trestle, words: &str) -> usize {
    trestle.log().lines().filter(|line| line.contains(words)).count()
}

#[tokio::test]
async fn an_api_without_workers_says_so_keeps_serving_and_is_silent_when_one_comes() {
    let mut trestle = setup().split(0).await;
    let scene = Scene::of(&trestle).await;
    let client = trestle.client();
    assert_stays_ready(&client).await;
    assert_eq!(metric(&client, "trestle_dispatch_stalled").await, Some(0.0));
    assert_eq!(metric(&client, "trestle_workers").await, Some(0.0));
    assert_eq!(metric(&client, "trestle_dispatch_last_claim_age_seconds").await, None);

    let integration = scene.fixture.sandbox(&scene.tenant, json!({"records": 1}), json!({})).await;
    let run = scene.fixture.start_run(&integration).await;
    let (status, body) = until_ready(&client, "degraded").await;
    assert_eq!(status, StatusCode::OK, "it can still be sent requests");
    assert_eq!(body["checks"], json!({"database": "ok", "queue": "ok", "dispatch": "stalled"}));
    let reason = body["reason"].as_str().unwrap();
    assert!(reason.starts_with("no worker has claimed a run, although one has been due for "), "{reason}");
    assert!(
        reason.ends_with("no worker is running: start `trestle worker`, or find out what ended them"),
        "{reason}"
    );
    assert_eq!(metric(&client, "trestle_dispatch_stalled").await, Some(1.0));
    let age = metric(&client, "trestle_dispatch_oldest_due_run_age_seconds").await.unwrap();
    assert!(age >= TIMEOUT as f64, "{age}");

    let worker = trestle.add_worker();
    assert_eq!(scene.fixture.finished_run(&run).await["status"], "SUCCEEDED");
    let (status, body) = until_ready(&client, "ready").await;
    assert_eq!(
        (status, &body["checks"]["dispatch"], &body["reason"]),
        (StatusCode::OK, &json!("ok"), &Value::Null)
    );
    assert_eq!(metric(&client, "trestle_dispatch_stalled").await, Some(0.0));
    assert_eq!(metric(&client, "trestle_workers").await, Some(1.0));
    // The worker says a little later that it claimed.
    let age = until("the last claim is known", SOON, async || {
        metric(&client, "trestle_dispatch_last_claim_age_seconds").await.ok_or(())
    })
    .await;
    assert!(age < SOON.as_secs_f64(), "{age}");
    assert_eq!((told(&trestle, BEGAN), told(&trestle, ENDED)), (1, 1), "once each");

    // One that is there and does nothing is as bad as none.
    trestle.worker(worker).signal("STOP");
    scene.fixture.start_run(&integration).await;
    let (_, body) = until_ready(&client, "degraded").await;
    assert!(body["reason"].as_str().unwrap().starts_with("no worker has claimed a run for "), "{body:#}");
    trestle.worker(worker).signal("CONT");
    until_ready(&client, "ready").await;
}

#[tokio::test]
async fn what_a_kill_switch_keeps_is_not_due() {
    let trestle = setup().split(0).await;
    let scene = Scene::of(&trestle).await;
    let integration = scene.fixture.sandbox(&scene.tenant, json!({"records": 1}), json!({})).await;
    let input = json!({
        "scope": "CONNECTOR", "connector": "sandbox", "reason": "Maintenance", "messageForCustomers": "Maintenance",
    });
    let engaged = scene.admin().mutate("engageKillSwitch", input, "killSwitch { id }").await;
    scene.fixture.start_run(&integration).await;
    assert_stays_ready(&trestle.client()).await;
    let release = json!({"killSwitchId": engaged["killSwitch"]["id"]});
    scene.admin().mutate("releaseKillSwitch", release, "killSwitch { id }").await;
    until_ready(&trestle.client(), "degraded").await;
}

/// Runs that wait because others of their tenant or integration run, or because every slot is taken.
async fn what_waits_for_its_turn_is_not_stalled(trestle: &Trestle) {
    let scene = Scene::of(trestle).await;
    // Pages of a second each, for longer than anybody looks here.
    let slow = json!({"records": 500_000, "delayMs": 1_000});
    let mut runs = Vec::new();
    for _ in 0..3 {
        let integration = scene.fixture.sandbox(&scene.tenant, slow.clone(), json!({})).await;
        runs.push(scene.fixture.start_run(&integration).await);
        runs.push(scene.fixture.start_run(&integration).await);
    }
    scene.run_until("one runs", &runs[0], |run| run["status"] == "RUNNING").await;
    assert_stays_ready(&trestle.client()).await;
    assert_eq!(scene.status(&runs[2]).await, "QUEUED");
    for run in runs {
        scene.admin().mutate("cancelRun", json!({"runId": run}), "run { id }").await;
    }
    assert_eq!(told(trestle, BEGAN), 0);
}

#[tokio::test]
async fn what_waits_for_a_run_of_its_tenant_is_not_stalled() {
    let at_its_cap = setup().setting("TRESTLE_TENANT_CONCURRENCY", 1);
    what_waits_for_its_turn_is_not_stalled(&at_its_cap.split(1).await).await;
}

#[tokio::test]
async fn what_waits_for_a_free_slot_is_not_stalled() {
    let full = setup().setting("TRESTLE_WORKERS", 1);
    what_waits_for_its_turn_is_not_stalled(&full.embedded().await).await;
}
