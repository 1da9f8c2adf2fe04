//! Rate limits of systems: however many runs and workers ask one, it gets no more requests than it allows, and who comes
//! first is served first.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};

use crate::harness::outside::{Outside, Pagination};
use crate::harness::postgres::Database;
use crate::harness::redis::{Redis, RedisServer};
use crate::harness::trestle::{Setup, Stores, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::{SLOW_PAGE, Scene, changed_stream, ended, impatient, into_table, outcome, postgres_rows};

/// 8 a second.
const PER_MINUTE: u64 = 480;
const BURST: u64 = 4;
const PAGES: usize = 8;
const INTEGRATIONS: usize = 6;
/// Requests come in later than they are sent, each by another time; so many may slip into a window of time.
const SLIPPED: u64 = 1;

/// A system with a limit.
async fn limited(scene: &Scene, outside: &Outside, per_minute: u64, burst: u64) -> String {
    let system = scene.http_system(outside).await;
    let limit = json!({"requestsPerMinute": per_minute, "burst": burst});
    let input = json!({"systemId": system, "rateLimit": limit});
    let stored =
        scene.admin().mutate("updateSystem", input, "system { rateLimit { requestsPerMinute burst } }");
    assert_eq!(stored.await["system"]["rateLimit"], limit);
    system
}

async fn reading(scene: &Scene, system: &str, outside: &Outside, table: &str) -> String {
    let sqlite = scene.sqlite_system(&format!("{table}.db")).await;
    let stream = changed_stream(outside.source_options(Pagination::Page), into_table(table), json!({}));
    scene.integration(system, &sqlite, stream).await
}

/// No window of any length has more requests than the burst and what the rate gives for it.
fn assert_within(times: &[Instant], per_minute: u64, burst: u64) {
    for (first, begin) in times.iter().enumerate() {
        for (last, end) in times.iter().enumerate().skip(first) {
            let allowed = burst + ((*end - *begin).as_millis() as u64 * per_minute) / 60_000 + SLIPPED;
            let found = (last - first + 1) as u64;
            assert!(found <= allowed, "{found} requests in {:?}, {allowed} are allowed", *end - *begin);
        }
    }
}

async fn all_runs_together_stay_within_the_limit(trestle: &Trestle) {
    let scene = Scene::of(trestle).await;
    let outside = Outside::with_records(PAGES * SLOW_PAGE);
    let system = limited(&scene, &outside, PER_MINUTE, BURST).await;
    let mut runs = Vec::new();
    for number in 0..INTEGRATIONS {
        let integration = reading(&scene, &system, &outside, &format!("t{number}")).await;
        runs.push(scene.fixture.start_run(&integration).await);
    }
    let records = PAGES * SLOW_PAGE;
    for run in join_all(runs.iter().map(|run| scene.fixture.finished_run(run))).await {
        assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": records, "created": records})));
    }
    let times: Vec<Instant> = outside.requests().iter().map(|request| request.at).collect();
    assert!(times.len() >= INTEGRATIONS * PAGES, "{}", times.len());
    assert_within(&times, PER_MINUTE, BURST);
    // And it is used: nobody waits longer than it asks for, but for what processes take to begin.
    let took = times[times.len() - 1] - times[0];
    let least = Duration::from_millis(60_000 * (times.len() as u64 - BURST) / PER_MINUTE);
    assert!(
        took < least + Duration::from_secs(10),
        "{took:?} for {} requests, {least:?} would do",
        times.len()
    );
}

#[tokio::test]
async fn two_workers_together_stay_within_the_limit() {
    // Four runs of a tenant are under way at once, so neither worker has room for all.
    let trestle = Setup::new().setting("TRESTLE_WORKERS", 2).split(2).await;
    all_runs_together_stay_within_the_limit(&trestle).await;
    let sql = "SELECT count(DISTINCT worker)::text FROM job";
    assert_eq!(postgres_rows(&trestle.stores().database, sql).await, ["2"], "both had a part in it");
}

#[tokio::test]
async fn one_process_stays_within_the_limit() {
    all_runs_together_stay_within_the_limit(&Trestle::embedded().await).await;
}

#[tokio::test]
async fn who_waits_for_a_turn_is_canceled_within_two_seconds() {
    let scene = Scene::shared().await;
    let outside = Outside::with_records(3 * SLOW_PAGE);
    let system = limited(&scene, &outside, 1, 1).await;
    let integration = reading(&scene, &system, &outside, "t").await;
    let run = scene.fixture.start_run(&integration).await;
    until("the first request came", SOON, async || match outside.requests().len() {
        0 => Err(()),
        _ => Ok(()),
    })
    .await;
    let asked = Instant::now();
    scene.admin().mutate("cancelRun", json!({"runId": run}), "run { id }").await;
    let canceled = scene.fixture.finished_run(&run).await;
    let took = asked.elapsed();
    assert_eq!(canceled["status"], "CANCELED");
    // `until` looks again after a while.
    assert!(took < Duration::from_millis(2_500), "{took:?}");
}

#[tokio::test]
async fn without_redis_a_worker_goes_on_with_a_share() {
    let stores = Stores { database: Database::create().await, redis: Redis::Own(RedisServer::start().await) };
    let mut trestle = impatient().split_on(stores, 1).await;
    let scene = Scene::of(&trestle).await;
    let outside = Outside::with_records(30 * SLOW_PAGE);
    let system = limited(&scene, &outside, PER_MINUTE, BURST).await;
    let integration = reading(&scene, &system, &outside, "t").await;
    let run = scene.fixture.start_run(&integration).await;
    until("some requests came", SOON, async || match outside.requests().len() {
        0..=8 => Err(()),
        _ => Ok(()),
    })
    .await;
    let Redis::Own(server) = &mut trestle.stores_mut().redis else { panic!("it has its own") };
    server.stop_immediate();
    let records = 30 * SLOW_PAGE;
    let done = scene.fixture.finished_run(&run).await;
    assert_eq!(outcome(&done), ended("SUCCEEDED", json!({"read": records, "created": records})));
    let times: Vec<Instant> = outside.requests().iter().map(|request| request.at).collect();
    // The bucket of the worker itself is full when it begins to use it.
    assert_within(&times, PER_MINUTE, BURST + 1);
    let last = times[times.len() - 1] - times[times.len() - 9];
    assert!(last > Duration::from_secs(3), "eight at a fourth of the rate take four seconds: {last:?}");
}

#[tokio::test]
async fn a_limit_is_checked_and_can_be_taken_away() {
    let scene = Scene::shared().await;
    let outside = Outside::start();
    let system = limited(&scene, &outside, 60, 1).await;
    let files = scene.file_system().await;
    let fields = "system { rateLimit { requestsPerMinute burst } }";
    for (id, limit, path) in [
        (&system, json!({"requestsPerMinute": 0}), json!(["rateLimit", "requestsPerMinute"])),
        (&system, json!({"requestsPerMinute": 600_001}), json!(["rateLimit", "requestsPerMinute"])),
        (&system, json!({"requestsPerMinute": 1, "burst": 0}), json!(["rateLimit", "burst"])),
        (&system, json!({"requestsPerMinute": 1, "burst": 1_001}), json!(["rateLimit", "burst"])),
        (&files, json!({"requestsPerMinute": 1}), json!(["rateLimit"])),
    ] {
        let input = json!({"systemId": id, "rateLimit": limit});
        let refused = scene.admin().try_mutate("updateSystem", &input, fields).await;
        let errors = &refused.body["data"]["updateSystem"]["userErrors"];
        assert_eq!((&errors[0]["code"], &errors[0]["field"]), (&json!("INVALID"), &path), "{limit}");
    }
    let none = json!({"systemId": system, "rateLimit": null});
    let taken = scene.admin().mutate("updateSystem", none, fields).await;
    assert_eq!(taken["system"]["rateLimit"], Value::Null);
    let new = json!({
        "tenantId": scene.tenant.id, "name": "Limited", "connector": "http", "config": outside.config(),
        "rateLimit": {"requestsPerMinute": 7},
    });
    let made = scene.admin().mutate("createSystem", new, fields).await;
    assert_eq!(made["system"]["rateLimit"], json!({"requestsPerMinute": 7, "burst": 1}));
}
