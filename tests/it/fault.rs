//! Faults while records move: an outside system that goes away, a worker that is killed, Redis that forgets, PostgreSQL
//! that stops. What must hold each time: the run ends, every record is there once, and its counts balance; and who reads
//! goes on reading.
//! Deliberately absent: what a single record does wrong (`failure`).

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::Executor;

use crate::harness::client::Response;
#[cfg(target_os = "linux")]
use crate::harness::clock;
use crate::harness::fixture::{Fixture, stream};
use crate::harness::outside::{Fault, Outside, Rule};
use crate::harness::postgres::{Database, PostgresServer};
use crate::harness::redis::{Redis, RedisServer};
use crate::harness::trestle::{Setup, Stores, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::{
    SLOW_PAGE, Scene, impatient, into_table, outcome, postgres_execute, postgres_rows, sqlite_rows, text,
};

/// A run that was interrupted goes on within a lease, a sweep, and the waits between attempts.
const RECOVERY_LIMIT: Duration = Duration::from_secs(120);

/// Short leases and short waits, so that recovery takes seconds.
fn hasty() -> Setup {
    impatient().lease_seconds(2)
}

/// A PostgreSQL table that counts each effect of a write in `effect`.
async fn counted_table() -> Database {
    let database = Database::create().await;
    for sql in [
        "CREATE TABLE records (id text PRIMARY KEY, email text, amount numeric, \"updatedAt\" text)",
        "CREATE TABLE effect (id text)",
        "CREATE FUNCTION count_effect() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN INSERT INTO effect VALUES (NEW.id); RETURN NEW; END $$",
        "CREATE TRIGGER effects AFTER INSERT OR UPDATE ON records FOR EACH ROW EXECUTE FUNCTION count_effect()",
    ] {
        postgres_execute(&database, sql).await;
    }
    database
}

/// Rows, different rows with an effect, and effects.
async fn rows_and_effects(database: &Database) -> Vec<String> {
    let sql =
        "SELECT concat_ws(' ', (SELECT count(*) FROM records), count(DISTINCT id), count(*)) FROM effect";
    postgres_rows(database, sql).await
}

/// An integration from a slow source to that table.
async fn slow_integration(scene: &Scene, outside: &Outside, database: &Database) -> String {
    let (source, options) = scene.slow_source(outside).await;
    let postgres = scene.postgres_system(database).await;
    scene.integration(&source, &postgres, stream(options, json!({"table": "records"}))).await
}

/// Waits until some of the run is done, and some is not.
async fn in_the_middle(scene: &Scene, run: &str) {
    let now = scene
        .run_until("a page is done", run, |run| run["counts"]["read"].as_i64().unwrap_or_default() > 0)
        .await;
    assert_eq!(now["status"], "RUNNING", "it was over too early: {now:#}");
}

/// Waits for the end of a run through whatever errors the API gives meanwhile.
async fn finished(scene: &Scene, run: &str) -> Value {
    let query = "query($id: ID!) { run(id: $id) { id status
        counts { read created updated unchanged skipped failed unaccounted } failure { code technicalDetail } } }";
    until("the run ends", RECOVERY_LIMIT, async || {
        let response =
            scene.admin().try_send(query, json!({"id": run})).await.map_err(|error| error.to_string())?;
        let now = response.body["data"]["run"].clone();
        match now["status"].as_str() {
            Some("QUEUED" | "RUNNING") | None => Err(response.body.to_string()),
            Some(_) => Ok(now),
        }
    })
    .await
}

/// All records arrived. A page that was written and not accounted is written again, and its records count as unchanged:
/// the one that was being accounted, and the one after it, for each interruption.
fn assert_all_arrived(run: &Value, records: usize, interruptions: usize) {
    let count = |name: &str| run["counts"][name].as_u64().unwrap() as usize;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    assert_eq!(count("read"), records, "{run:#}");
    assert_eq!(count("created") + count("unchanged"), records, "{run:#}");
    assert!(count("unchanged") <= interruptions * 2 * SLOW_PAGE, "too much was repeated: {run:#}");
    assert_eq!((count("failed"), count("unaccounted"), count("skipped")), (0, 0, 0), "{run:#}");
}

fn position(types: &[String], kind: &str) -> usize {
    types.iter().position(|one| one == kind).unwrap_or_else(|| panic!("no {kind} in {types:?}"))
}

#[tokio::test]
async fn a_destination_that_goes_away_and_comes_back_has_every_record_once() {
    let (trestle, mut outside) = (hasty().split(2).await, Outside::start());
    let scene = Scene::of(&trestle).await;
    let sandbox = scene.fixture.system(&scene.tenant, "sandbox", json!({}), Value::Null).await;
    let http = scene.http_system(&outside).await;
    let moves = stream(json!({"records": 1_500}), outside.destination_options());
    let integration = scene.integration(&sandbox, &http, moves).await;
    let run = scene.fixture.start_run(&integration).await;
    until("the first records are there", SOON, async || {
        let count = outside.records().len();
        if count > 200 { Ok(()) } else { Err(count) }
    })
    .await;
    outside.go_away();
    let event = scene.event(&run, "retry.scheduled").await;
    assert_eq!(
        (&event["audience"], &event["attributes"]["code"]),
        (&json!("CUSTOMER"), &json!("destination.unavailable")),
        "{event:#}"
    );
    assert_eq!(scene.status(&run).await, "RUNNING");
    assert!(outside.records().len() < 1_500, "it was over too early");

    outside.come_back();
    let run = finished(&scene, &run).await;
    assert_all_arrived(&run, 1_500, 1);
    let records = outside.records();
    assert_eq!(records.len(), 1_500);
    assert!(records.keys().all(|key| outside.effects(key) == 1), "a record had several effects");
}

#[tokio::test]
async fn a_system_that_stays_down_is_one_failure_of_the_run_after_patient_attempts() {
    let (scene, mut outside) = (Scene::shared().await, Outside::with_records(5));
    let (source, sqlite) = (scene.http_system(&outside).await, scene.sqlite_system("out.db").await);
    let moves = stream(json!({"path": "/source/all"}), into_table("records"));
    let integration = scene.integration(&source, &sqlite, moves).await;
    outside.go_away();
    let run = finished(&scene, &scene.fixture.start_run(&integration).await).await;
    assert_eq!((&run["status"], &run["counts"]["read"]), (&json!("FAILED"), &json!(0)), "{run:#}");
    let failures = scene.failures(&run).await;
    assert_eq!(failures.len(), 1, "{failures:#?}");
    let failure = &failures[0];
    assert_eq!(
        (&failure["code"], &failure["category"], &failure["responsibleParty"], &failure["retryable"]),
        (&json!("source.unavailable"), &json!("APPLICATION"), &json!("THIRD_PARTY"), &json!("YES"))
    );
    assert_eq!(failure["summary"], "The run could not read: the source system is down or can't be reached.");
    assert!(failure["attempts"].as_i64().unwrap() > 1, "{failure:#}");
    let types = scene.event_types(&text(&run["id"])).await;
    assert!(types.iter().filter(|kind| *kind == "retry.scheduled").count() > 3, "{types:?}");

    outside.come_back();
    let input = json!({"filter": {"runId": run["id"]}});
    let started = scene.admin().mutate("retryFailures", input, "retry { id }").await;
    let done = scene.finished_retry(&started["retry"]).await;
    assert_eq!((&done["status"], &done["resolved"]), (&json!("COMPLETED"), &json!(1)), "{done:#}");
    assert_eq!(scene.status(&text(&run["id"])).await, "RECOVERED");
    assert_eq!(scene.sqlite_rows("out.db", "SELECT count(*) || '' FROM records").await, ["5"]);
}

#[tokio::test]
async fn a_killed_worker_loses_nothing_however_often() {
    let (database, outside) = (counted_table().await, Outside::with_records(5_000));
    let mut trestle = hasty().split(1).await;
    let scene = Scene::of(&trestle).await;
    let integration = slow_integration(&scene, &outside, &database).await;
    let run = scene.fixture.start_run(&integration).await;
    // More crashes than attempts that a run has: while it makes progress it may go on.
    let mut read = 0;
    for crash in 0..5 {
        let now = scene
            .run_until("the run makes progress", &run, |run| {
                run["counts"]["read"].as_i64().unwrap_or_default() > read
            })
            .await;
        assert_eq!(now["status"], "RUNNING", "it was over too early, after {crash} crashes: {now:#}");
        read = now["counts"]["read"].as_i64().unwrap();
        let next = trestle.add_worker();
        trestle.worker(next - 1).kill9();
    }
    let run = finished(&scene, &run).await;
    assert_all_arrived(&run, 5_000, 5);
    assert_eq!(rows_and_effects(&database).await, ["5000 5000 5000"]);
    let types = scene.event_types(&text(&run["id"])).await;
    assert!(types.iter().filter(|kind| *kind == "run.taken_over").count() >= 5, "{types:?}");
    assert!(position(&types, "run.taken_over") < position(&types, "run.resumed"), "{types:?}");
    assert_eq!(types.last().unwrap(), "run.finished");
}

#[tokio::test]
async fn a_worker_that_is_told_to_end_hands_its_run_back_and_exits_with_0() {
    let (database, outside) = (counted_table().await, Outside::with_records(2_500));
    let mut trestle = hasty().setting("TRESTLE_SHUTDOWN_SECONDS", 2).split(1).await;
    let scene = Scene::of(&trestle).await;
    let integration = slow_integration(&scene, &outside, &database).await;
    let run = scene.fixture.start_run(&integration).await;
    in_the_middle(&scene, &run).await;
    trestle.add_worker();
    trestle.worker(0).signal("TERM");
    let status = trestle.worker(0).exit(SOON).await;
    assert_eq!(status.code(), Some(0), "{status}; its log:\n{}", trestle.worker(0).log_tail());
    let run = finished(&scene, &run).await;
    assert_all_arrived(&run, 2_500, 1);
    assert_eq!(rows_and_effects(&database).await, ["2500 2500 2500"]);
    let types = scene.event_types(&text(&run["id"])).await;
    assert!(position(&types, "run.handed_back") < position(&types, "run.resumed"), "{types:?}");

    let statuses = trestle.terminate().await;
    assert!(statuses.iter().all(|status| status.code() == Some(0)), "{statuses:?}");
}

#[tokio::test]
async fn redis_may_forget_everything_and_be_away() {
    let stores = Stores { database: Database::create().await, redis: Redis::Own(RedisServer::start().await) };
    let mut trestle = hasty().split_on(stores, 0).await;
    let scene = Scene::of(&trestle).await;
    let mut runs = Vec::new();
    let start = async |scene: &Scene| {
        let sandbox = scene.fixture.sandbox(&scene.tenant, json!({"records": 20}), json!({})).await;
        scene.fixture.start_run(&sandbox).await
    };
    // Queued in Redis, and then forgotten by it.
    for _ in 0..3 {
        runs.push(start(&scene).await);
    }
    trestle.stores().redis.flush().await;
    // Asked for while Redis is away: answered all the same, because the row is what counts.
    let Redis::Own(redis) = &mut trestle.stores_mut().redis else { unreachable!("made above") };
    redis.stop_immediate();
    for _ in 0..2 {
        runs.push(start(&scene).await);
    }
    let (status, body) = scene.admin().get("/readyz").await;
    assert_eq!(status, 503, "Redis is away: {body}");
    let Redis::Own(redis) = &mut trestle.stores_mut().redis else { unreachable!("made above") };
    redis.start_again().await;
    trestle.add_worker();
    for run in &runs {
        let run = finished(&scene, run).await;
        assert_eq!((&run["status"], &run["counts"]["created"]), (&json!("SUCCEEDED"), &json!(20)), "{run:#}");
    }
    until("the api is ready again", SOON, async || {
        let (status, body) = scene.admin().get("/readyz").await;
        if status == 200 { Ok(()) } else { Err(body) }
    })
    .await;
    // And while the worker waits for work.
    let Redis::Own(redis) = &mut trestle.stores_mut().redis else { unreachable!("made above") };
    redis.start_again().await;
    let run = start(&scene).await;
    let run = finished(&scene, &run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    for run in runs {
        let types = scene.event_types(&run).await;
        assert_eq!(types.iter().filter(|kind| *kind == "run.started").count(), 1, "once: {types:?}");
    }
}

#[tokio::test]
async fn postgresql_may_stop_in_the_middle() {
    let (target, outside) = (counted_table().await, Outside::with_records(2_500));
    let mut server = PostgresServer::start().await;
    let stores = Stores { database: server.database().await, redis: Redis::create().await };
    let trestle = hasty().split_on(stores, 2).await;
    let scene = Scene::of(&trestle).await;
    let integration = slow_integration(&scene, &outside, &target).await;
    let run = scene.fixture.start_run(&integration).await;
    in_the_middle(&scene, &run).await;
    server.stop_immediate();
    until("the api says that it is not ready", SOON, async || {
        let (status, body) = scene.admin().get("/readyz").await;
        if status == 503 { Ok(()) } else { Err(body) }
    })
    .await;
    let response = scene.admin().try_query("{ runs(first: 1) { edges { node { id } } } }", json!({})).await;
    assert_eq!(
        (response.status.as_u16(), response.codes()),
        (503, vec!["UNAVAILABLE".to_owned()]),
        "{response:#?}"
    );
    server.start_again().await;
    let run = finished(&scene, &run).await;
    assert_all_arrived(&run, 2_500, 2);
    assert_eq!(rows_and_effects(&target).await, ["2500 2500 2500"]);
    assert_eq!(scene.event_types(&text(&run["id"])).await.last().unwrap(), "run.finished");
}

#[tokio::test]
async fn an_embedded_program_that_is_killed_goes_on_where_it_was() {
    let mut trestle: Trestle = hasty().embedded().await;
    let scene = Scene::of(&trestle).await;
    let outside = Outside::with_records(2_000);
    let (source, options) = scene.slow_source(&outside).await;
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    let to_table = scene.integration(&source, &sqlite, stream(options.clone(), into_table("records"))).await;
    let to_file = scene.integration(&source, &files, stream(options, json!({"path": "out.jsonl"}))).await;
    let runs = [scene.fixture.start_run(&to_table).await, scene.fixture.start_run(&to_file).await];
    for run in &runs {
        in_the_middle(&scene, run).await;
    }
    trestle.kill9();
    trestle.start().await;
    for run in &runs {
        let run = finished(&scene, run).await;
        assert_all_arrived(&run, 2_000, 1);
        let types = scene.event_types(&text(&run["id"])).await;
        assert!(position(&types, "run.taken_over") < position(&types, "run.resumed"), "{types:?}");
    }
    let sql = "SELECT count(*) || ' ' || count(DISTINCT id) FROM records";
    assert_eq!(sqlite_rows(&scene.files.path("out.db"), sql).await, ["2000 2000"]);
    let written = scene.files.read_jsonl("out.jsonl");
    let ids: std::collections::BTreeSet<_> = written.iter().map(|record| text(&record["id"])).collect();
    assert_eq!((written.len(), ids.len()), (2_000, 2_000));
}

#[tokio::test]
async fn a_source_that_answers_late_is_waited_for_and_told_of() {
    let (scene, outside) = (Scene::shared().await, Outside::with_records(30));
    outside.inject(Rule::new(Fault::Hang).times(1));
    outside.inject(Rule::new(Fault::RateLimited { retry_after_seconds: 1 }).times(1));
    outside.inject(Rule::new(Fault::Status(502, json!({}))).times(1));
    let (source, sqlite) = (scene.http_system(&outside).await, scene.sqlite_system("out.db").await);
    let moves = stream(json!({"path": "/source/all"}), into_table("records"));
    let integration = scene.integration(&source, &sqlite, moves).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run)["status"], "SUCCEEDED", "{run:#}");
    assert_eq!((&run["counts"]["read"], &run["counts"]["created"]), (&json!(30), &json!(30)));
    let codes: Vec<_> = scene
        .events(scene.admin(), &text(&run["id"]))
        .await
        .iter()
        .filter(|event| event["type"] == "retry.scheduled")
        .map(|event| text(&event["attributes"]["code"]))
        .collect();
    assert_eq!(codes, ["source.timeout", "source.rate_limited", "source.unavailable"]);
}

#[tokio::test]
async fn a_worker_that_wakes_up_after_its_run_was_taken_over_changes_nothing() {
    a_worker_freezes_and_wakes_up(async |trestle| trestle.worker(0).signal("STOP")).await;
}

/// It has locked the row of its job, and whoever wants to take the job over waits for that.
#[tokio::test]
async fn a_worker_that_freezes_inside_of_a_transaction_holds_nobody_up() {
    a_worker_freezes_and_wakes_up(freeze_inside_of_a_transaction).await;
}

async fn a_worker_freezes_and_wakes_up(freeze: impl AsyncFnOnce(&mut Trestle)) {
    let (database, outside) = (counted_table().await, Outside::with_records(2_500));
    let mut trestle = hasty().split(1).await;
    let scene = Scene::of(&trestle).await;
    let integration = slow_integration(&scene, &outside, &database).await;
    let run = scene.fixture.start_run(&integration).await;
    in_the_middle(&scene, &run).await;
    freeze(&mut trestle).await;
    trestle.add_worker();
    scene.event(&run, "run.resumed").await;
    trestle.worker(0).signal("CONT");
    let run = finished(&scene, &run).await;
    assert_all_arrived(&run, 2_500, 1);
    assert_eq!(rows_and_effects(&database).await, ["2500 2500 2500"]);
    let types = scene.event_types(&text(&run["id"])).await;
    assert_eq!(types.iter().filter(|kind| *kind == "run.finished").count(), 1, "{types:?}");
    // It is a worker like any other again.
    let statuses = trestle.terminate().await;
    assert!(statuses.iter().all(|status| status.code() == Some(0)), "{statuses:?}");
}

/// Stops the first worker while it accounts a page: it waits for a table that is locked here, until it is stopped.
async fn freeze_inside_of_a_transaction(trestle: &mut Trestle) {
    let mut lock = trestle.stores().database.connect().await;
    lock.execute("BEGIN; LOCK TABLE receipt_block IN EXCLUSIVE MODE").await.unwrap();
    let waiting = "SELECT 'waits' FROM pg_locks WHERE relation = 'receipt_block'::regclass AND NOT granted";
    until("a page is being accounted", SOON, async || {
        let rows = postgres_rows(&trestle.stores().database, waiting).await;
        if rows.is_empty() { Err(rows) } else { Ok(()) }
    })
    .await;
    trestle.worker(0).signal("STOP");
    lock.execute("ROLLBACK").await.unwrap();
}

/// A claim that has read that an integration is paused puts its job aside after the integration was resumed.
#[tokio::test]
async fn a_job_that_is_put_aside_while_its_integration_is_resumed_goes_on() {
    let trestle = hasty().split(1).await;
    let scene = Scene::of(&trestle).await;
    let integration = scene.fixture.sandbox(&scene.tenant, json!({"records": 20}), json!({})).await;
    let of_it = json!({"integrationId": integration});
    scene.admin().mutate("pauseIntegration", of_it.clone(), "integration { id }").await;
    let run = scene.fixture.start_run(&integration).await;
    // Where claims of all workers look after they have read their integrations.
    let database = &trestle.stores().database;
    let mut lock = database.connect().await;
    lock.execute("BEGIN; LOCK TABLE kill_switch IN ACCESS EXCLUSIVE MODE").await.unwrap();
    // So a run comes that is handed back because of the pause.
    postgres_execute(database, "UPDATE job SET status = 'QUEUED', push_at = now() WHERE status = 'HELD'")
        .await;
    until("a claim has the job", SOON, async || {
        let free = "SELECT id::text FROM job WHERE status = 'QUEUED' FOR UPDATE SKIP LOCKED";
        let rows = postgres_rows(database, free).await;
        if rows.is_empty() { Ok(()) } else { Err(rows) }
    })
    .await;
    scene.admin().mutate("resumeIntegration", of_it, "integration { id }").await;
    lock.execute("ROLLBACK").await.unwrap();
    let run = finished(&scene, &run).await;
    assert_eq!((&run["status"], &run["counts"]["created"]), (&json!("SUCCEEDED"), &json!(20)), "{run:#}");
}

#[tokio::test]
async fn a_redis_that_answers_nothing_delays_no_caller() {
    let stores = Stores { database: Database::create().await, redis: Redis::Own(RedisServer::start().await) };
    let mut trestle = hasty().split_on(stores, 1).await;
    let scene = Scene::of(&trestle).await;
    let sandbox = scene.fixture.sandbox(&scene.tenant, json!({"records": 20}), json!({})).await;
    let Redis::Own(redis) = &mut trestle.stores_mut().redis else { unreachable!("made above") };
    redis.pause();
    let before = std::time::Instant::now();
    let run = scene.fixture.start_run(&sandbox).await;
    let took = before.elapsed();
    assert!(took < Duration::from_secs(5), "the caller waited {took:?}");
    assert_eq!(scene.status(&run).await, "QUEUED");
    let Redis::Own(redis) = &mut trestle.stores_mut().redis else { unreachable!("made above") };
    redis.resume();
    let run = finished(&scene, &run).await;
    assert_eq!((&run["status"], &run["counts"]["created"]), (&json!("SUCCEEDED"), &json!(20)), "{run:#}");
}

/// A lease is a time at which another process looks.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn workers_whose_clocks_are_off_take_nothing_from_each_other() {
    let (database, outside) = (counted_table().await, Outside::with_records(1_000));
    let setup = hasty().setting("TRESTLE_WORKERS", 2).setting("TRESTLE_TENANT_CONCURRENCY", 10);
    let mut trestle = setup.split(3).await;
    for (worker, seconds) in [(0, 300), (1, -300)] {
        let (name, value) = clock::off_by(seconds);
        trestle.restart_worker(worker, &[(&name, &value)]).await;
    }
    let scene = Scene::of(&trestle).await;
    // As many as the three can have at once, so that each has some.
    let mut runs = Vec::new();
    for _ in 0..6 {
        let integration = slow_integration(&scene, &outside, &database).await;
        runs.push(scene.fixture.start_run(&integration).await);
    }
    for run in runs {
        let ended = finished(&scene, &run).await;
        assert_eq!((&ended["status"], &ended["counts"]["read"]), (&json!("SUCCEEDED"), &json!(1_000)));
        let types = scene.event_types(&run).await;
        assert_eq!((types[0].as_str(), types[1].as_str()), ("run.queued", "run.started"), "{types:?}");
        assert_eq!(types.last().unwrap(), "run.finished", "{types:?}");
        assert!(!types.iter().any(|kind| kind == "run.taken_over"), "{types:?}");
    }
    let workers = "SELECT count(DISTINCT worker)::text FROM job";
    assert_eq!(postgres_rows(&trestle.stores().database, workers).await, ["3"]);
}

#[tokio::test]
async fn more_lists_than_connections_are_read_and_those_that_postgres_ended_are_replaced() {
    let trestle = Trestle::split(0).await;
    let database = &trestle.stores().database;
    let fixture = Fixture::of(&trestle).await;
    let tenant = fixture.tenant("shop").await;
    let integration = fixture.sandbox(&tenant, json!({}), json!({})).await;
    let run = fixture.start_run(&integration).await;
    let viewer = fixture.user("TENANT_VIEWER", Some(&tenant)).await;
    let read = async || {
        let asked =
            (0..40).map(|_| viewer.try_query("{ runs(first: 5) { edges { node { id } } } }", Value::Null));
        join_all(asked).await
    };
    let is_read = |answer: &Response| {
        answer.errors().is_empty() && answer.body["data"]["runs"]["edges"][0]["node"]["id"] == json!(run)
    };
    assert!(read().await.iter().all(is_read), "40 at once, over fewer connections");

    let end = "SELECT count(pg_terminate_backend(pid))::text FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let ended: usize = postgres_rows(database, end).await[0].parse().expect("a number");
    assert!(ended > 1, "{ended} connections");
    // One that was ended fails whoever is given it, and nobody else.
    let mut failed = 0;
    until("lists are read again", SOON, async || {
        let answers = read().await;
        let unread: Vec<_> = answers.iter().filter(|answer| !is_read(answer)).collect();
        failed += unread.len();
        if unread.is_empty() {
            Ok(())
        } else {
            Err(unread.iter().map(|answer| answer.codes()).collect::<Vec<_>>())
        }
    })
    .await;
    assert!(failed <= ended, "{failed} lists failed, over {ended} connections");
}
