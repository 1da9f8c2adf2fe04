//! A tenant's own number of runs at once: it counts in place of the setting, for what is queued already too, and only
//! platform administrators set it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::interval;

use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, only};

const SELECTION: &str = "tenant { runConcurrency }";
/// Long enough for one more run to begin, if it might.
const A_WHILE: Duration = Duration::from_secs(3);

fn setup() -> Setup {
    Setup::new().setting("TRESTLE_TENANT_CONCURRENCY", 2).setting("TRESTLE_WORKERS", 20)
}

async fn running(scene: &Scene) -> usize {
    let query = "query($id: ID!) { tenant(id: $id) { runs(first: 100, filter: {status: [RUNNING]}) { edges { node { id } } } } }";
    let tenant = scene.admin().query(query, json!({"id": scene.tenant.id})).await;
    tenant["tenant"]["runs"]["edges"].as_array().unwrap().len()
}

/// So many run, and then no more do for a while.
async fn assert_running(scene: &Scene, wanted: usize) {
    until(&format!("{wanted} runs at once"), SOON, async || {
        let now = running(scene).await;
        if now == wanted { Ok(()) } else { Err(now) }
    })
    .await;
    let begin = Instant::now();
    let mut tick = interval(Duration::from_millis(200));
    while begin.elapsed() < A_WHILE {
        tick.tick().await;
        assert_eq!(running(scene).await, wanted);
    }
}

async fn set(scene: &Scene, runs: Value) {
    let input = json!({"tenantId": scene.tenant.id, "runConcurrency": runs});
    let changed = scene.admin().mutate("updateTenant", input, SELECTION).await;
    assert_eq!(changed["tenant"]["runConcurrency"], runs);
}

/// Starts so many runs that go on for as long as a test.
async fn start(scene: &Scene, count: usize) -> Vec<String> {
    let slow = json!({"records": 5_000_000, "delayMs": 1_000});
    let mut runs = Vec::with_capacity(count);
    for _ in 0..count {
        let integration = scene.fixture.sandbox(&scene.tenant, slow.clone(), json!({})).await;
        runs.push(scene.fixture.start_run(&integration).await);
    }
    runs
}

async fn cancel(scene: &Scene, run: &str) {
    scene.admin().mutate("cancelRun", json!({"runId": run}), "run { id }").await;
    assert_eq!(scene.fixture.finished_run(run).await["status"], "CANCELED");
}

async fn a_tenants_own_number_counts(trestle: &Trestle) {
    let scene = Scene::of(trestle).await;
    set(&scene, json!(1)).await;
    let runs = start(&scene, 6).await;
    assert_running(&scene, 1).await;
    set(&scene, json!(4)).await;
    assert_running(&scene, 4).await;
    // Lowered: those that run go on, and nothing begins in the place of one that ends.
    set(&scene, json!(3)).await;
    assert_running(&scene, 4).await;
    cancel(&scene, &runs[0]).await;
    assert_running(&scene, 3).await;
    // Taken away: the setting's.
    set(&scene, Value::Null).await;
    cancel(&scene, &runs[1]).await;
    assert_running(&scene, 2).await;
    cancel(&scene, &runs[2]).await;
    assert_running(&scene, 2).await;
}

#[tokio::test]
async fn a_tenants_own_number_counts_over_redis() {
    a_tenants_own_number_counts(&setup().split(1).await).await;
}

#[tokio::test]
async fn a_tenants_own_number_counts_in_one_process() {
    a_tenants_own_number_counts(&setup().embedded().await).await;
}

#[tokio::test]
async fn a_tenants_own_number_outlives_a_redis_that_forgets_everything() {
    let trestle = setup().split(1).await;
    let scene = Scene::of(&trestle).await;
    let input = json!({"slug": "with-its-own", "name": "Own", "runConcurrency": 3});
    let made = scene.admin().mutate("createTenant", input, SELECTION).await;
    assert_eq!(made["tenant"]["runConcurrency"], 3);
    set(&scene, json!(1)).await;
    let runs = start(&scene, 3).await;
    assert_running(&scene, 1).await;
    trestle.stores().redis.flush().await;
    // What runs is known again when its lease is extended, and the rest when the sweeper has pushed it.
    cancel(&scene, &runs[0]).await;
    assert_running(&scene, 1).await;
}

#[tokio::test]
async fn the_number_has_bounds_and_is_for_platform_administrators_to_set() {
    let scene = Scene::shared().await;
    let tenant = json!(scene.tenant.id);
    for wrong in [-1, 0, 1_001] {
        for (name, input) in [
            ("createTenant", json!({"slug": "wrong", "name": "Wrong", "runConcurrency": wrong})),
            ("updateTenant", json!({"tenantId": tenant, "runConcurrency": wrong})),
        ] {
            let refused = scene.admin().try_mutate(name, &input, SELECTION).await.body["data"][name].clone();
            let errors = refused["userErrors"].as_array().unwrap();
            assert_eq!(
                only(errors, &["code", "field"]),
                json!([{"code": "INVALID", "field": ["runConcurrency"]}])
            );
        }
    }
    set(&scene, json!(1_000)).await;
    let query = "query($id: ID!) { tenant(id: $id) { runConcurrency } }";
    for role in ["ENGINEER", "SUPPORT", "TENANT_ADMIN"] {
        let person = scene.person(role).await;
        let input = json!({"tenantId": tenant, "runConcurrency": 5});
        let refused = person.try_mutate("updateTenant", &input, SELECTION).await;
        assert_eq!(refused.codes(), ["FORBIDDEN"], "{role}");
        let seen = person.query(query, json!({"id": tenant})).await;
        assert_eq!(seen["tenant"]["runConcurrency"], 1_000, "{role}");
    }
}
