//! Redis as it is run in production: behind a password and TLS, as a Cluster, and as a master that Sentinels name. What
//! goes wrong with one plain server is in `fault`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::harness::fixture::Fixture;
use crate::harness::postgres::Database;
use crate::harness::redis::Redis;
use crate::harness::redis_set::RedisSet;
use crate::harness::trestle::{Setup, Stores, Trestle};

/// Runs of a test: enough to come to every node and script.
const RUNS: usize = 12;

async fn on(set: RedisSet, setup: Setup) -> Trestle {
    let stores = Stores { database: Database::create().await, redis: Redis::Set(set) };
    setup.split_on(stores, 2).await
}

/// Runs go through, and those who watch hear of it from the other processes.
async fn works(trestle: &Trestle, slug: &str) {
    let fixture = Fixture::of(trestle).await;
    let tenant = fixture.tenant(slug).await;
    let mut integrations = Vec::new();
    for _ in 0..RUNS {
        integrations.push(fixture.sandbox(&tenant, json!({"records": 20}), json!({})).await);
    }
    let input = json!({"integrationIds": integrations});
    let started = fixture.admin().mutate("startRuns", input, "runs { id }").await;
    let runs = started["runs"].as_array().unwrap();
    assert_eq!(runs.len(), RUNS);
    for run in runs {
        let run = fixture.finished_run(run["id"].as_str().unwrap()).await;
        assert_eq!((&run["status"], &run["counts"]["created"]), (&json!("SUCCEEDED"), &json!(20)), "{run:#}");
    }
    // What goes in batches does so on PostgreSQL too, and is no batch of failures that are made good one by one.
    assert!(!trestle.log().contains("tried alone"), "{}", trestle.log());
}

#[tokio::test]
async fn a_server_behind_tls_and_a_password_serves() {
    let set = RedisSet::tls().await;
    let authority = set.authority().display().to_string();
    let trestle = on(set, Setup::new().setting("SSL_CERT_FILE", authority)).await;
    works(&trestle, "tls").await;
    assert!(!trestle.log().contains("cannot be used"), "{}", trestle.log());
}

#[tokio::test]
async fn a_certificate_of_nobody_we_trust_is_refused() {
    let trestle = on(RedisSet::tls().await, Setup::new()).await;
    let fixture = Fixture::of(&trestle).await;
    let tenant = fixture.tenant("untrusted").await;
    let integration = fixture.sandbox(&tenant, json!({"records": 1}), json!({})).await;
    // The run is stored all the same; no worker hears of it yet.
    fixture.start_run(&integration).await;
    let (status, body) = trestle.client().get("/readyz").await;
    assert_eq!(status, 503, "{body}");
}

#[tokio::test]
async fn a_cluster_of_three_nodes_serves() {
    let trestle = on(RedisSet::cluster().await, Setup::new()).await;
    works(&trestle, "cluster").await;
    assert!(
        !trestle.log().contains("CROSSSLOT") && !trestle.log().contains("cannot be used"),
        "{}",
        trestle.log()
    );
}

#[tokio::test]
async fn when_the_master_is_gone_the_one_that_sentinels_name_serves() {
    let mut trestle = on(RedisSet::sentinel().await, Setup::new()).await;
    works(&trestle, "before").await;
    trestle.stores_mut().redis.set().kill(0);
    works(&trestle, "after").await;
}

/// The job table is the queue, also on PostgreSQL.
#[tokio::test]
async fn one_process_on_postgresql_needs_no_redis() {
    let database = Database::create().await;
    let setup = Setup::new()
        .setting("TRESTLE_DATABASE_URL", database.url())
        .setting("TRESTLE_SECRET_KEY", STANDARD.encode([7; 32]));
    let trestle = setup.embedded().await;
    works(&trestle, "alone").await;
}
