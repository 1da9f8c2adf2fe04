//! Lists by keyset: whichever way a caller walks, whatever comes in meanwhile, each object comes once; and a list in
//! a list costs one statement, not one an object. Deliberately absent: arguments that are refused (`bad_input`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt;
use futures::future::join_all;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};

use crate::harness::client::Client;
use crate::harness::fixture::stream;
use crate::harness::postgres::Database;
use crate::harness::redis::Redis;
use crate::harness::trestle::{Setup, Stores};
use crate::scene::{Scene, text};

/// Runs that are listed.
const RUNS: usize = 250;
/// Fewer than one caller may have running at once.
const STARTS_AT_ONCE: usize = 50;
/// Every so many of them is canceled.
const CANCEL_EVERY: usize = 5;

/// Objects of a list whose nested lists are counted.
const OBJECTS: usize = 40;
/// Statements that a nested field may cost, however many objects there are.
const TURNS_MAX: u64 = 12;

/// A way through a list.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// `first` and `after`.
    Forward,
    /// `last` and `before`.
    Backward,
}

/// All ids of a list, walked in pages of this size; what `page` points to is the connection.
async fn walk(
    client: &Client,
    query: &str,
    variables: &Value,
    page: &str,
    way: Way,
    size: usize,
) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let mut variables = variables.clone();
        match way {
            Way::Forward => (variables["first"], variables["after"]) = (json!(size), cursor.clone()),
            Way::Backward => (variables["last"], variables["before"]) = (json!(size), cursor.clone()),
        }
        let data = client.query(query, variables).await;
        let connection = data.pointer(page).unwrap_or_else(|| panic!("no {page}: {data:#}"));
        let (edges, info) = (connection["edges"].as_array().unwrap(), &connection["pageInfo"]);
        assert!(edges.len() <= size);
        assert_eq!(info["startCursor"], edges.first().map_or(Value::Null, |edge| edge["cursor"].clone()));
        assert_eq!(info["endCursor"], edges.last().map_or(Value::Null, |edge| edge["cursor"].clone()));
        let found = edges.iter().map(|edge| text(&edge["node"]["id"]));
        let has_more = match way {
            Way::Forward => {
                ids.extend(found);
                assert_eq!(info["hasPreviousPage"], !cursor.is_null(), "{info}");
                cursor = info["endCursor"].clone();
                &info["hasNextPage"]
            }
            Way::Backward => {
                ids.extend(found.rev());
                assert_eq!(info["hasNextPage"], !cursor.is_null(), "{info}");
                cursor = info["startCursor"].clone();
                &info["hasPreviousPage"]
            }
        };
        if has_more != true {
            if matches!(way, Way::Backward) {
                ids.reverse();
            }
            return ids;
        }
        assert_eq!(edges.len(), size, "only the last page is short");
    }
}

const RUNS_QUERY: &str =
    "query($filter: RunFilter, $order: RunOrder, $first: Int, $after: String, $last: Int, $before: String) {
    runs(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    } }";
const NESTED_QUERY: &str =
    "query($id: ID!, $filter: RunFilter, $first: Int, $after: String, $last: Int, $before: String) {
    integration(id: $id) { runs(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    } } }";

/// An integration that is paused and so many runs that wait, oldest first.
async fn waiting_runs(scene: &Scene, count: usize) -> (String, Vec<String>) {
    let integration = scene.fixture.sandbox(&scene.tenant, json!({"records": 1}), json!({})).await;
    let pause = json!({"integrationId": integration});
    scene.admin().mutate("pauseIntegration", pause, "integration { id }").await;
    let starts = futures::stream::iter((0..count).map(|_| scene.fixture.start_run(&integration)));
    let mut runs: Vec<String> = starts.buffered(STARTS_AT_ONCE).collect().await;
    // Ids are ordered by time.
    runs.sort();
    (integration, runs)
}

#[tokio::test]
async fn every_way_through_a_list_gives_each_run_once() {
    let scene = Scene::shared().await;
    let (integration, runs) = waiting_runs(&scene, RUNS).await;
    let canceled: Vec<String> = runs.iter().step_by(CANCEL_EVERY).cloned().collect();
    join_all(canceled.iter().map(async |run| {
        scene.admin().mutate("cancelRun", json!({"runId": run}), "run { id }").await;
    }))
    .await;
    let others: Vec<String> = runs.iter().filter(|run| !canceled.contains(run)).cloned().collect();
    let filter = |status: Value| json!({"integrationId": integration, "status": status});
    let viewer = scene.person("TENANT_VIEWER").await;
    for (filter, expected) in [
        (filter(Value::Null), &runs),
        (filter(json!(["CANCELED"])), &canceled),
        (filter(json!(["QUEUED", "RUNNING"])), &others),
    ] {
        for (direction, size) in [("ASC", 100), ("DESC", 33), ("DESC", 50), ("ASC", 7)] {
            let mut expected = expected.clone();
            if direction == "DESC" {
                expected.reverse();
            }
            for way in [Way::Forward, Way::Backward] {
                let variables =
                    json!({"filter": filter, "order": {"field": "QUEUED_AT", "direction": direction}});
                let found = walk(&viewer, RUNS_QUERY, &variables, "/runs", way, size).await;
                assert_eq!(found, expected, "{way:?} {direction} {size} {filter}");
            }
        }
        let newest_first: Vec<String> = expected.iter().rev().cloned().collect();
        for way in [Way::Forward, Way::Backward] {
            let variables = json!({"id": integration, "filter": {"status": filter["status"]}});
            let found = walk(&viewer, NESTED_QUERY, &variables, "/integration/runs", way, 60).await;
            assert_eq!(found, newest_first, "nested, {way:?}");
        }
    }
    // Without any argument: the newest twenty.
    let data = viewer.query("{ runs { edges { node { id } } } }", Value::Null).await;
    let found: Vec<String> =
        data["runs"]["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["id"])).collect();
    assert_eq!(found, runs.iter().rev().take(20).cloned().collect::<Vec<_>>());
    // Between two cursors.
    let ends = json!({"first": 100, "filter": filter(Value::Null)});
    let page = viewer.query(RUNS_QUERY, ends).await;
    let cursor = |index: usize| page["runs"]["edges"][index]["cursor"].clone();
    let between =
        json!({"first": 100, "after": cursor(10), "before": cursor(20), "filter": filter(Value::Null)});
    let found = viewer.query(RUNS_QUERY, between).await;
    assert_eq!(
        found["runs"]["edges"].as_array().unwrap(),
        &page["runs"]["edges"].as_array().unwrap()[11..20]
    );
    // By time, from one of them to before another.
    let at =
        viewer.query("query($id: ID!) { run(id: $id) { queuedAt } }", json!({"id": runs[100]})).await["run"]
            ["queuedAt"]
            .clone();
    let since = json!({"integrationId": integration, "queuedAt": {"gte": at}});
    let before = json!({"integrationId": integration, "queuedAt": {"lt": at}});
    let since = walk(&viewer, RUNS_QUERY, &json!({"filter": since}), "/runs", Way::Forward, 100).await;
    let before = walk(&viewer, RUNS_QUERY, &json!({"filter": before}), "/runs", Way::Forward, 100).await;
    assert_eq!(since.len() + before.len(), RUNS, "each is on one side");
    assert!(since.contains(&runs[100]) && !before.contains(&runs[100]));
}

#[tokio::test]
async fn what_comes_in_while_somebody_walks_moves_nothing() {
    let scene = Scene::shared().await;
    let (integration, runs) = waiting_runs(&scene, 30).await;
    let newest_first: Vec<String> = runs.iter().rev().cloned().collect();
    let page = async |after: &Value| {
        let variables = json!({"filter": {"integrationId": integration}, "first": 10, "after": after});
        let data = scene.admin().query(RUNS_QUERY, variables).await["runs"].clone();
        let ids: Vec<String> =
            data["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["id"])).collect();
        (ids, data["pageInfo"]["endCursor"].clone())
    };
    let mut found = Vec::new();
    let mut after = Value::Null;
    for _ in 0..3 {
        let (ids, end) = page(&after).await;
        found.extend(ids);
        after = end;
        scene.fixture.start_run(&integration).await;
        // What a cursor stands at may change, too.
        let last = json!({"runId": found.last().unwrap()});
        scene.admin().mutate("cancelRun", last, "run { id }").await;
    }
    assert_eq!(found, newest_first);
    assert_eq!(page(&after).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn lists_in_another_order_break_ties_by_id() {
    let scene = Scene::shared().await;
    let system = scene.fixture.system(&scene.tenant, "sandbox", json!({}), Value::Null).await;
    let moves = stream(json!({"records": 40}), json!({"rejectEvery": 1}));
    let integration = scene.integration(&system, &system, moves).await;
    let run = scene.run(&integration).await;
    let query = "query($filter: FailureFilter, $order: FailureOrder, $first: Int, $after: String, $last: Int, $before: String) {
        failures(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
            edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        } }";
    let all = json!({"filter": {"runId": run["id"]}});
    let mut ids = walk(scene.admin(), query, &all, "/failures", Way::Forward, 100).await;
    assert_eq!(ids.len(), 40);
    ids.sort();
    for (field, direction) in [("FAILED_AT", "ASC"), ("LAST_ATTEMPT_AT", "ASC"), ("LAST_ATTEMPT_AT", "DESC")]
    {
        let variables =
            json!({"filter": {"runId": run["id"]}, "order": {"field": field, "direction": direction}});
        // A batch fails at one moment, so nearly all have the same time.
        let forward = walk(scene.admin(), query, &variables, "/failures", Way::Forward, 7).await;
        let backward = walk(scene.admin(), query, &variables, "/failures", Way::Backward, 9).await;
        assert_eq!(forward, backward, "{field} {direction}");
        let mut sorted = forward.clone();
        sorted.sort();
        assert_eq!(sorted, ids, "{field} {direction}");
    }
    let names = ["b", "a", "C", "a b", "ä", "B"];
    for name in names {
        let input = json!({"tenantId": scene.tenant.id, "name": name, "connector": "sandbox"});
        scene.admin().mutate("createSystem", input, "system { id }").await;
    }
    let query = "query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) { tenant(id: $id) {
        systems(orderBy: {field: NAME, direction: ASC}, first: $first, after: $after, last: $last, before: $before) {
            edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        } } }";
    let variables = json!({"id": scene.tenant.id});
    let forward = walk(scene.admin(), query, &variables, "/tenant/systems", Way::Forward, 2).await;
    let backward = walk(scene.admin(), query, &variables, "/tenant/systems", Way::Backward, 3).await;
    assert_eq!((forward.len(), &forward), (names.len() + 1, &backward));
}

/// Stands between the program and PostgreSQL and counts the statements that are executed.
struct Meter {
    address: std::net::SocketAddr,
    executed: Arc<AtomicU64>,
}

impl Meter {
    async fn before(database: &Database) -> Self {
        let url = reqwest::Url::parse(database.url()).unwrap();
        let server = (url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let executed = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&executed);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let ((from_client, mut to_client), (mut from_server, to_server)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(pass(from_client, to_server, Arc::clone(&count)));
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            }
        });
        Self { address, executed }
    }

    fn read(&self) -> u64 {
        self.executed.load(Ordering::SeqCst)
    }
}

/// Passes on what the client says, message by message (PostgreSQL's protocol 3.0, section 55.7).
async fn pass(
    mut client: OwnedReadHalf,
    mut server: tokio::net::tcp::OwnedWriteHalf,
    count: Arc<AtomicU64>,
) -> std::io::Result<()> {
    // Until the startup message, whose first four bytes behind its length are the version, messages have no type.
    loop {
        let length = client.read_u32().await?;
        let mut body = vec![0; length as usize - 4];
        client.read_exact(&mut body).await?;
        server.write_all(&[&length.to_be_bytes()[..], &body].concat()).await?;
        if body[..4] == 196_608_u32.to_be_bytes() {
            break;
        }
    }
    loop {
        let kind = client.read_u8().await?;
        let length = client.read_u32().await?;
        let mut body = vec![0; length as usize - 4];
        client.read_exact(&mut body).await?;
        if matches!(kind, b'E' | b'Q') {
            count.fetch_add(1, Ordering::SeqCst);
        }
        // In one piece: half a message would wait for the other half to be confirmed.
        server.write_all(&[&[kind][..], &length.to_be_bytes(), &body].concat()).await?;
    }
}

// The meter works while the test waits for the program.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_in_a_list_costs_a_statement_and_not_one_an_object() {
    let stores = Stores { database: Database::create().await, redis: Redis::create().await };
    let meter = Meter::before(&stores.database).await;
    let mut url = reqwest::Url::parse(stores.database.url()).unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(meter.address.port())).unwrap();
    // Without workers nothing else asks the database anything.
    let trestle = Setup::new().setting("TRESTLE_DATABASE_URL", url).split_on(stores, 0).await;
    let scene = Scene::of(&trestle).await;
    let system = scene.fixture.system(&scene.tenant, "sandbox", json!({}), Value::Null).await;
    for number in 0..OBJECTS {
        let integration = scene.integration(&system, &system, stream(json!({}), json!({}))).await;
        join_all((0..3).map(|_| scene.fixture.start_run(&integration))).await;
        let tenant = scene.fixture.tenant(&format!("tenant-{number}")).await;
        scene.fixture.system(&tenant, "sandbox", json!({}), Value::Null).await;
    }
    let answer = async |list: &str, field: &str| {
        let before = meter.read();
        let query = format!("{{ {list}(first: 100) {{ edges {{ node {{ {field} }} }} }} }}");
        let data = scene.admin().query(&query, Value::Null).await;
        let count = data[list]["edges"].as_array().unwrap().len();
        assert!(count >= OBJECTS, "{list}: {count}");
        meter.read() - before
    };
    for (list, fields) in [
        (
            "integrations",
            &[
                "tenant { slug }",
                "source { name }",
                "destination { name }",
                "source { tenant { slug } }",
                "runs(first: 3) { edges { node { id } } }",
                "failures(first: 3) { edges { node { id } } }",
                "failureGroups(first: 2) { edges { node { failuresByHour { failureCount } } } }",
                "runs(first: 1) { edges { node { integration { source { name } } } } }",
            ][..],
        ),
        (
            "runs",
            &[
                "tenant { slug }",
                "integration { name }",
                "retryOf { id }",
                "failure { id }",
                "failures(first: 3) { edges { node { id } } }",
                "events(first: 3) { edges { node { type } } }",
            ][..],
        ),
        ("systems", &["tenant { name }", "connector { name }"][..]),
        (
            "tenants",
            &["systems(first: 2) { edges { node { id } } }", "runs(first: 2) { edges { node { id } } }"][..],
        ),
    ] {
        let alone = answer(list, "id").await;
        assert!(alone > 0, "the meter counts");
        for field in fields {
            let count = answer(list, field).await;
            // A loader on a busy machine may take more than one turn.
            assert!(count <= alone + TURNS_MAX, "{list} alone: {alone} statements, with {field}: {count}");
        }
    }
}
