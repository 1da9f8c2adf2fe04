//! Circuit breakers of systems and the patience of integrations: a system that is down is left alone, by all workers,
//! one run tries it, and the others follow when it is there again. Nothing is lost by it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row};
use tokio::time::{interval, timeout};

use crate::harness::outside::{Fault, Outside, Pagination, Rule};
use crate::harness::trestle::Trestle;
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, changed_stream, ended, impatient, into_table, only, outcome, text};

const RECORDS: usize = 20;
/// More than the failures in a row that open a circuit, of which each integration makes one at a time.
const INTEGRATIONS: usize = 7;
const CIRCUIT: &str =
    "query($id: ID!) { system(id: $id) { status statusMessage circuit { state since until failures } } }";
const RUN: &str =
    "query($id: ID!) { run(id: $id) { status nextAttemptAt wait { reason code message } startedAt } }";

async fn system(scene: &Scene, id: &str) -> Value {
    scene.admin().query(CIRCUIT, json!({"id": id})).await["system"].clone()
}

async fn run(scene: &Scene, id: &str) -> Value {
    scene.admin().query(RUN, json!({"id": id})).await["run"].clone()
}

/// What the program's own database says.
async fn number(trestle: &Trestle, sql: &str) -> i64 {
    let sql = AssertSqlSafe(sql.to_owned());
    if trestle.is_split() {
        return trestle.stores().database.connect().await.fetch_one(sql).await.unwrap().get(0);
    }
    let options = SqliteConnectOptions::new().filename(trestle.data_dir().join("trestle.db"));
    options.connect().await.unwrap().fetch_one(sql).await.unwrap().get(0)
}

/// An integration from the system that waits as long as it must.
async fn patient(scene: &Scene, source: &str, outside: &Outside, table: &str) -> String {
    let sqlite = scene.sqlite_system(&format!("{table}.db")).await;
    let stream = changed_stream(outside.source_options(Pagination::Page), into_table(table), json!({}));
    let id = scene.integration(source, &sqlite, stream).await;
    let policy = json!({"attempts": 100, "firstWaitSeconds": 1, "longestWaitSeconds": 2});
    let input = json!({"integrationId": id, "retryPolicy": policy});
    scene.admin().mutate("updateIntegration", input, "integration { id }").await;
    id
}

async fn a_system_that_is_down_is_left_alone(trestle: &Trestle) {
    let scene = Scene::of(trestle).await;
    let outside = Outside::with_records(RECORDS);
    outside.inject(Rule::new(Fault::Status(503, json!({"error": "down"}))));
    let source = scene.http_system(&outside).await;
    assert_eq!(system(&scene, &source).await["circuit"]["state"], "CLOSED");
    let mut runs = Vec::new();
    for number in 0..INTEGRATIONS {
        let integration = patient(&scene, &source, &outside, &format!("t{number}")).await;
        runs.push(scene.fixture.start_run(&integration).await);
    }
    let open = until("the circuit opens", SOON, async || {
        let now = system(&scene, &source).await;
        if now["circuit"]["state"] == "OPEN" { Ok(now) } else { Err(now) }
    })
    .await;
    assert_eq!(open["status"], "FAILING");
    assert!(open["circuit"]["failures"].as_i64() >= Some(5), "{open:#}");
    assert_ne!(open["circuit"]["until"], Value::Null);

    // While it is down there is one probe at a time, and the times between them grow.
    let mut running_max = 0;
    let mut openings = BTreeSet::new();
    let sql = "SELECT count(*) FROM job WHERE status = 'RUNNING'";
    let mut tick = interval(Duration::from_millis(50));
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(60) && openings.len() < 3 {
        tick.tick().await;
        let before = system(&scene, &source).await["circuit"].clone();
        let running = number(trestle, sql).await;
        let after = system(&scene, &source).await["circuit"].clone();
        // When the first probe begins, runs that were begun before it opened may still be about to give up.
        if before == after && after["state"] == "HALF_OPEN" && openings.len() > 1 {
            running_max = running_max.max(running);
        }
        if after["state"] == "OPEN" {
            openings.insert(text(&after["since"]));
        }
    }
    assert!(openings.len() >= 3, "it opens again after each probe: {openings:?}");
    assert_eq!(running_max, 1, "one probe at a time");
    let late = patient(&scene, &source, &outside, "late").await;
    let late = scene.fixture.start_run(&late).await;
    let waiting = until("the run waits for the system", SOON, async || {
        let now = run(&scene, &late).await;
        if now["wait"]["reason"] == "SYSTEM" { Ok(now) } else { Err(now) }
    })
    .await;
    assert_eq!((&waiting["status"], &waiting["startedAt"]), (&json!("QUEUED"), &Value::Null));
    assert_ne!(waiting["nextAttemptAt"], Value::Null);
    let told = scene.event(&late, "system.circuit_opened").await;
    assert_eq!(told["audience"], "CUSTOMER");

    outside.heal();
    runs.push(late);
    for ended_run in join_all(runs.iter().map(|run| scene.fixture.finished_run(run))).await {
        assert_eq!(outcome(&ended_run), ended("SUCCEEDED", json!({"read": RECORDS, "created": RECORDS})));
    }
    let closed = system(&scene, &source).await;
    assert_eq!(closed["status"], "HEALTHY");
    assert_eq!(
        only(&[closed["circuit"].clone()], &["state", "until", "failures"]),
        json!([{"state": "CLOSED", "until": null, "failures": 0}])
    );
    assert_eq!(number(trestle, "SELECT count(*) FROM job WHERE status <> 'DONE'").await, 0);
}

#[tokio::test]
async fn a_system_that_is_down_is_left_alone_by_two_workers() {
    a_system_that_is_down_is_left_alone(&impatient().split(2).await).await;
}

#[tokio::test]
async fn a_system_that_is_down_is_left_alone_when_all_is_in_one_process() {
    a_system_that_is_down_is_left_alone(&impatient().embedded().await).await;
}

#[tokio::test]
async fn a_person_who_finds_a_system_there_again_closes_its_circuit() {
    // A minute: nobody would wait for it.
    let trestle = impatient().setting("TRESTLE_RETRY_SECONDS", 600).embedded().await;
    let scene = Scene::of(&trestle).await;
    let outside = Outside::with_records(RECORDS);
    outside.inject(Rule::new(Fault::Status(503, json!({"error": "down"}))));
    let source = scene.http_system(&outside).await;
    let mut runs = Vec::new();
    for number in 0..INTEGRATIONS {
        let integration = patient(&scene, &source, &outside, &format!("t{number}")).await;
        runs.push(scene.fixture.start_run(&integration).await);
    }
    until("the circuit opens", SOON, async || {
        let now = system(&scene, &source).await;
        if now["circuit"]["state"] == "OPEN" { Ok(()) } else { Err(now) }
    })
    .await;
    outside.heal();
    let tested = "system { status circuit { state failures } }";
    let tested =
        scene.admin().mutate("testSystem", json!({"systemId": source}), tested).await["system"].clone();
    assert_eq!(tested, json!({"status": "HEALTHY", "circuit": {"state": "CLOSED", "failures": 0}}));
    let fresh = patient(&scene, &source, &outside, "fresh").await;
    let done = timeout(SOON, scene.run(&fresh)).await.expect("nothing waits for the circuit any more");
    assert_eq!(done["status"], "SUCCEEDED");
}

#[tokio::test]
async fn an_integration_is_as_patient_as_it_says() {
    let scene = Scene::shared().await;
    let outside = Outside::with_records(RECORDS);
    outside.inject(Rule::new(Fault::Status(503, json!({"error": "down"}))));
    let source = scene.http_system(&outside).await;
    let sqlite = scene.sqlite_system("out.db").await;
    let stream = changed_stream(outside.source_options(Pagination::Page), into_table("t"), json!({}));
    let integration = scene.integration(&source, &sqlite, stream).await;
    let policy = "integration { retryPolicy { attempts firstWaitSeconds longestWaitSeconds } }";
    let set = async |policy_input: Value| {
        let input = json!({"integrationId": integration, "retryPolicy": policy_input});
        scene.admin().mutate("updateIntegration", input, policy).await["integration"]["retryPolicy"].clone()
    };
    let default = json!({"attempts": 4, "firstWaitSeconds": 1, "longestWaitSeconds": 600});
    assert_eq!(set(Value::Null).await, default);
    let once = json!({"attempts": 1, "firstWaitSeconds": 3_600, "longestWaitSeconds": 3_600});
    assert_eq!(set(once.clone()).await, once);
    let failed = scene.run(&integration).await;
    assert_eq!(
        (&failed["status"], &failed["failure"]["code"]),
        (&json!("FAILED"), &json!("source.unavailable"))
    );

    let twice = json!({"attempts": 2, "firstWaitSeconds": 3_600, "longestWaitSeconds": 3_600});
    set(twice).await;
    let id = scene.fixture.start_run(&integration).await;
    let waiting = until("the run waits", SOON, async || {
        let now = run(&scene, &id).await;
        if now["wait"]["reason"] == "RETRY" { Ok(now) } else { Err(now) }
    })
    .await;
    assert_eq!(waiting["wait"]["code"], "source.unavailable");
    assert_eq!(waiting["status"], "RUNNING");
    assert_ne!(waiting["nextAttemptAt"], Value::Null);
    scene.admin().mutate("cancelRun", json!({"runId": id}), "run { id }").await;
    let canceled = run(&scene, &id).await;
    assert_eq!(
        (&canceled["status"], &canceled["wait"], &canceled["nextAttemptAt"]),
        (&json!("CANCELED"), &Value::Null, &Value::Null)
    );

    for (wrong, field) in [
        (json!({"attempts": 0, "firstWaitSeconds": 1, "longestWaitSeconds": 1}), "attempts"),
        (json!({"attempts": 101, "firstWaitSeconds": 1, "longestWaitSeconds": 1}), "attempts"),
        (json!({"attempts": 1, "firstWaitSeconds": 0, "longestWaitSeconds": 1}), "firstWaitSeconds"),
        (json!({"attempts": 1, "firstWaitSeconds": 5, "longestWaitSeconds": 4}), "longestWaitSeconds"),
    ] {
        let input = json!({"integrationId": integration, "retryPolicy": wrong});
        let refused = scene.admin().try_mutate("updateIntegration", &input, policy).await;
        let errors = &refused.body["data"]["updateIntegration"]["userErrors"];
        assert_eq!(
            (&errors[0]["code"], &errors[0]["field"]),
            (&json!("INVALID"), &json!(["retryPolicy", field]))
        );
    }
}

#[tokio::test]
async fn a_run_that_had_nothing_to_write_says_nothing_of_its_destination() {
    let scene = Scene::shared().await;
    let (outside, destination) = (Outside::with_records(RECORDS), Outside::start());
    let (source, api) = (scene.http_system(&outside).await, scene.http_system(&destination).await);
    let mut integrations = Vec::new();
    for _ in 0..2 {
        let moves = changed_stream(
            outside.source_options(Pagination::Page),
            destination.destination_options(),
            json!({}),
        );
        let integration = scene.integration(&source, &api, moves).await;
        let policy = json!({"attempts": 1, "firstWaitSeconds": 1, "longestWaitSeconds": 1});
        let input = json!({"integrationId": integration, "retryPolicy": policy});
        scene.admin().mutate("updateIntegration", input, "integration { id }").await;
        integrations.push(integration);
    }
    let created = json!({"read": RECORDS, "created": RECORDS});
    assert_eq!(outcome(&scene.run(&integrations[0]).await), ended("SUCCEEDED", created.clone()));
    destination.inject(Rule::new(Fault::Status(503, json!({"error": "down"}))));
    assert_eq!(scene.run(&integrations[1]).await["status"], "FAILED");
    assert_eq!(system(&scene, &api).await["circuit"]["failures"], 1);

    let unchanged = json!({"read": RECORDS, "unchanged": RECORDS});
    assert_eq!(outcome(&scene.run(&integrations[0]).await), ended("SUCCEEDED", unchanged));
    assert_eq!(system(&scene, &api).await["circuit"]["failures"], 1, "nobody has asked it");
    assert_eq!(system(&scene, &source).await["circuit"]["failures"], 0);

    destination.heal();
    assert_eq!(outcome(&scene.run(&integrations[1]).await), ended("SUCCEEDED", created));
    assert_eq!(system(&scene, &api).await["circuit"]["failures"], 0);
}
