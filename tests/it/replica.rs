//! A hot standby answers queries: only what may be as it was a moment ago, never what the caller wrote and it does not have;
//! and nobody notices when it goes. Deliberately absent: positions and times by themselves, which are beside their code.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::fixture::{Fixture, Tenant};
use crate::harness::postgres::{Database, PostgresServer};
use crate::harness::redis::Redis;
use crate::harness::trestle::{Setup, Stores, Trestle};
use crate::harness::wait::{SOON, until};

const READ_URL: &str = "TRESTLE_DATABASE_READ_URL";
/// Queries that are asked for at least while the standby ends.
const QUERIES: usize = 50;

/// A primary with a standby, and an API beside them.
struct Pair {
    standby: PostgresServer,
    trestle: Trestle,
    fixture: Fixture,
    tenant: Tenant,
    /// Somebody of the tenant who writes nothing.
    viewer: Client,
    // Ends last.
    _primary: PostgresServer,
}

impl Pair {
    async fn start() -> Self {
        let primary = PostgresServer::start().await;
        let standby = primary.standby().await;
        Self::on(primary, standby).await
    }

    /// `standby` may have been stopped.
    async fn on(primary: PostgresServer, standby: PostgresServer) -> Self {
        let stores = Stores { database: primary.database().await, redis: Redis::create().await };
        let read_url = standby.url_of(&stores.database);
        let trestle = Setup::new().setting(READ_URL, read_url).split_on(stores, 0).await;
        let fixture = Fixture::of(&trestle).await;
        let tenant = fixture.tenant("shop").await;
        let viewer = fixture.user("TENANT_VIEWER", Some(&tenant)).await;
        Self { standby, trestle, fixture, tenant, viewer, _primary: primary }
    }

    /// Names the tenant, and gives the name that the payload has.
    async fn rename(&self, name: &str) -> Value {
        let input = json!({"tenantId": self.tenant.id, "name": name});
        self.fixture.admin().mutate("updateTenant", input, "tenant { name }").await["tenant"]["name"].clone()
    }

    /// The tenant's name, as this caller reads it.
    async fn name(&self, caller: &Client) -> Value {
        let query = "query($id: ID!) { tenant(id: $id) { name } }";
        caller.query(query, json!({"id": self.tenant.id})).await["tenant"]["name"].clone()
    }

    /// Waits until the replica answers this caller.
    async fn is_used(&self, caller: &Client) {
        until("the replica answers", SOON, async || {
            let before = outcomes(caller).await;
            self.name(caller).await;
            let gained = gained(caller, &before).await;
            if gained == [("replica".to_owned(), 1)] { Ok(()) } else { Err(gained) }
        })
        .await;
    }

    /// Waits until it says of the replica what is expected, and is ready all the same.
    async fn says(&self, expected: &str) {
        until("it says how the replica is", SOON, async || {
            let (status, body) = self.viewer.get("/readyz").await;
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!((status, &body["status"]), (StatusCode::OK, &json!("ready")), "{body}");
            if body["checks"]["replica"] == expected { Ok(()) } else { Err(body) }
        })
        .await;
    }
}

/// Queries of the process that this client asks, by what came of them.
async fn outcomes(client: &Client) -> BTreeMap<String, u64> {
    let (_, metrics) = client.get("/metrics").await;
    let lines =
        metrics.lines().filter_map(|line| line.strip_prefix("trestle_replica_queries_total{outcome=\""));
    let outcome = |line: &str| {
        let (outcome, count) = line.split_once("\"} ").unwrap();
        (outcome.to_owned(), count.parse().unwrap())
    };
    lines.map(outcome).collect()
}

/// What has been counted since.
async fn gained(client: &Client, before: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let now = outcomes(client).await.into_iter();
    now.map(|(outcome, count)| (outcome.clone(), count - before[&outcome]))
        .filter(|(_, more)| *more > 0)
        .collect()
}

fn counted(outcomes: &[(&str, u64)]) -> Vec<(String, u64)> {
    outcomes.iter().map(|(outcome, count)| ((*outcome).to_owned(), *count)).collect()
}

#[tokio::test]
async fn who_wrote_reads_it_at_once_while_others_read_what_the_replica_has() {
    let pair = Pair::start().await;
    let (writer, viewer) = (pair.fixture.admin(), &pair.viewer);
    assert_eq!(pair.rename("Before").await, "Before");
    for reader in [viewer, writer] {
        pair.is_used(reader).await;
        assert_eq!(pair.name(reader).await, "Before");
    }
    pair.says("ok").await;
    pair.standby.pause_replay().await;
    let before = outcomes(viewer).await;
    assert_eq!(pair.rename("After").await, "After", "what a payload holds is the primary's");
    assert_eq!([pair.name(writer).await, pair.name(viewer).await], ["After", "Before"]);
    assert_eq!(gained(viewer, &before).await, counted(&[("own_write", 1), ("replica", 1)]));
    // In time it may not be asked by anybody any more.
    until("it is too far behind", SOON, async || match pair.name(viewer).await {
        name if name == "After" => Ok(()),
        name => Err(name),
    })
    .await;
    pair.says("behind").await;
    pair.standby.resume_replay().await;
    for reader in [viewer, writer] {
        pair.is_used(reader).await;
        assert_eq!(pair.name(reader).await, "After");
    }
}

#[tokio::test]
async fn who_wrote_reads_it_from_another_process() {
    let pair = Pair::start().await;
    let (_process, other) = pair.trestle.another_server().await;
    let writer = other.with_token(pair.fixture.admin().token().unwrap());
    let viewer = other.with_token(pair.viewer.token().unwrap());
    assert_eq!(pair.rename("Before").await, "Before");
    for reader in [&viewer, &writer] {
        pair.is_used(reader).await;
    }
    pair.standby.pause_replay().await;
    let before = outcomes(&other).await;
    assert_eq!(pair.rename("After").await, "After");
    assert_eq!([pair.name(&writer).await, pair.name(&viewer).await], ["After", "Before"]);
    assert_eq!(gained(&other, &before).await, counted(&[("own_write", 1), ("replica", 1)]));
}

#[tokio::test]
async fn nobody_notices_that_the_replica_ends_and_it_is_used_again_when_it_is_back() {
    let mut pair = Pair::start().await;
    assert_eq!(pair.rename("Always").await, "Always");
    pair.is_used(&pair.viewer).await;
    let mut standby = pair.standby;
    let stop = tokio::task::spawn_blocking(move || {
        standby.stop_immediate();
        standby
    });
    let query =
        "query($id: ID!) { tenant(id: $id) { name integrations(first: 5) { edges { node { id } } } } }";
    let mut asked = 0;
    while asked < QUERIES || !stop.is_finished() {
        let data = pair.viewer.query(query, json!({"id": pair.tenant.id})).await;
        assert_eq!(data["tenant"]["name"], "Always");
        asked += 1;
    }
    pair.standby = stop.await.unwrap();
    pair.says("unreachable").await;
    let before = outcomes(&pair.viewer).await;
    assert_eq!(pair.name(&pair.viewer).await, "Always");
    assert_eq!(gained(&pair.viewer, &before).await, counted(&[("away", 1)]));
    pair.standby.start_again().await;
    pair.is_used(&pair.viewer).await;
    pair.says("ok").await;
    let log = pair.trestle.log();
    assert_eq!(log.matches("the replica does not answer").count(), 1, "{log}");
    assert_eq!(log.matches("the replica answers queries").count(), 2, "{log}");
}

#[tokio::test]
async fn a_replica_that_is_away_at_the_start_is_used_when_it_comes() {
    let primary = PostgresServer::start().await;
    let mut standby = primary.standby().await;
    standby.stop_immediate();
    let mut pair = Pair::on(primary, standby).await;
    pair.says("unreachable").await;
    assert_eq!(pair.rename("Early").await, "Early");
    assert_eq!(pair.name(&pair.viewer).await, "Early");
    pair.standby.start_again().await;
    pair.is_used(&pair.viewer).await;
    assert_eq!(pair.name(&pair.viewer).await, "Early");
}

#[tokio::test]
async fn what_is_no_replica_is_not_used_as_one() {
    let stores = Stores { database: Database::create().await, redis: Redis::create().await };
    let (same, other) =
        (format!("{}?application_name=reader", stores.database.url()), Database::create().await);
    let mut trestle = Trestle::stopped(stores);
    trestle.change_setting(READ_URL, other.url());
    let refused = trestle.run_once(&["api"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    let problem = "TRESTLE_DATABASE_READ_URL: it holds another database than TRESTLE_DATABASE_URL";
    assert!(said.contains(problem), "{said}");
    // The primary once more is no standby, and does no harm.
    trestle.change_setting(READ_URL, same);
    trestle.start().await;
    let fixture = Fixture::of(&trestle).await;
    let before = outcomes(fixture.admin()).await;
    fixture.tenant("shop").await;
    let data = fixture.admin().query("{ tenants(first: 5) { edges { node { slug } } } }", Value::Null).await;
    assert_eq!(data["tenants"]["edges"], json!([{"node": {"slug": "shop"}}]));
    assert_eq!(gained(fixture.admin(), &before).await, counted(&[("away", 1)]));
    until("it is said", SOON, async || match trestle.log() {
        log if log.contains("names no standby that replays the primary's log") => Ok(()),
        log => Err(log),
    })
    .await;
}
