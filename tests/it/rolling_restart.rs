//! A deployment under load: every worker is told to end and is replaced, one after the other and twice around, while
//! hundreds of runs are under way. Nobody notices: no run waits for a lease to end, no record is lost or doubled.
//! Deliberately absent: workers that are killed (`fault`), and faults all at once (`chaos`).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::harness::fixture::stream;
use crate::harness::outside::{Fault, Outside, Rule};
use crate::harness::postgres::Database;
use crate::harness::redis;
use crate::harness::trestle::{Setup, Trestle};
use crate::scene::{Scene, postgres_execute, postgres_rows};

const TENANTS: usize = 4;
/// Of each tenant; the first writes to an API, the others to tables.
const INTEGRATIONS: usize = 5;
/// Runs of each integration. Before each the records change.
const ROUNDS: usize = 10;
/// Of the source, which every run reads as a whole.
const RECORDS: usize = 2_000;
const PAGE_SIZE: usize = 250;
/// A run of eight pages takes longer than a worker that ends lets it finish.
const PAGE_DELAY: Duration = Duration::from_millis(150);
/// Of the records one in so many changes before a round.
const CHANGED_EVERY: usize = 10;

const WORKERS: usize = 3;
const TIMES_AROUND: usize = 2;
/// Runs at once in a worker.
const CONCURRENCY: usize = 5;
/// Half of it is how long a run may go on.
const SHUTDOWN: Duration = Duration::from_secs(2);
/// Longer than the test takes: a run that waits for its end is not there at the end.
const LEASE_SECONDS: u32 = 300;
/// A run that was handed back waits for a free place; a hint that was lost would take 15 s.
const RESUMED_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const END_LIMIT: Duration = Duration::from_secs(120);

/// The record at a place, when the records changed so often. It never changes back.
fn version(place: usize, generation: usize) -> usize {
    (generation + place % CHANGED_EVERY) / CHANGED_EVERY
}

fn records(generation: usize) -> Vec<Value> {
    let record = |place| json!({"id": format!("R-{place:05}"), "version": version(place, generation)});
    (0..RECORDS).map(record).collect()
}

/// What is written and where.
struct Load {
    scenes: Vec<Scene>,
    source: Outside,
    api: Outside,
    warehouse: Database,
    /// By tenant: the ids of its integrations.
    integrations: Vec<Vec<String>>,
    /// The names of those that write to the API, and of those that write to tables.
    to_api: Vec<String>,
    to_tables: Vec<String>,
}

impl Load {
    async fn build(trestle: &Trestle) -> Self {
        let (source, api) = (Outside::start(), Outside::start());
        source.serve_records(records(0));
        source.inject(Rule::new(Fault::Slow(PAGE_DELAY)));
        let warehouse = Database::create().await;
        for sql in [
            "CREATE TABLE effect (owner text, id text, content text)",
            "CREATE FUNCTION count_effect() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO effect VALUES (TG_TABLE_NAME, NEW.id, NEW::text); RETURN NEW; END $$",
        ] {
            postgres_execute(&warehouse, sql).await;
        }
        let mut load = Self {
            scenes: Vec::new(),
            source,
            api,
            warehouse,
            integrations: Vec::new(),
            to_api: Vec::new(),
            to_tables: Vec::new(),
        };
        for number in 0..TENANTS {
            load.add_tenant(Scene::of(trestle).await, number).await;
        }
        load
    }

    async fn add_tenant(&mut self, scene: Scene, number: usize) {
        let (reads, writes) = (scene.http_system(&self.source).await, scene.http_system(&self.api).await);
        let tables = scene.postgres_system(&self.warehouse).await;
        let pages = json!({"kind": "page", "param": "page", "sizeParam": "size", "size": PAGE_SIZE});
        let options = json!({"path": "/source/page", "recordsPath": "/data", "pagination": pages});
        let mut ids = Vec::new();
        for place in 0..INTEGRATIONS {
            let name = format!("t{number}_i{place}");
            let (destination, target) = if place == 0 {
                (&writes, self.api.destination_options())
            } else {
                make_table(&self.warehouse, &name).await;
                (&tables, json!({"table": name}))
            };
            let mut moves = stream(options.clone(), target);
            if place == 0 {
                // One API for all of them.
                moves["mapping"] = json!(format!(".id = \"{name} \" + string!(.id)"));
                self.to_api.push(name);
            } else {
                self.to_tables.push(name);
            }
            ids.push(scene.integration(&reads, destination, moves).await);
        }
        self.integrations.push(ids);
        self.scenes.push(scene);
    }

    /// The records change, and every integration starts a run.
    async fn start_round(&self, round: usize) {
        self.source.serve_records(records(round));
        for (scene, ids) in self.scenes.iter().zip(&self.integrations) {
            scene.admin().mutate("startRuns", json!({"integrationIds": ids}), "runs { id }").await;
        }
    }

    /// Every record of every integration is at its destination as it was last, and each of its versions came once.
    async fn assert_arrived_once(&self) {
        let last = ROUNDS - 1;
        let expected: BTreeMap<String, usize> =
            (0..RECORDS).map(|place| (format!("R-{place:05}"), version(place, last))).collect();
        let stored = self.api.records();
        assert_eq!(stored.len(), self.to_api.len() * RECORDS);
        for name in &self.to_api {
            for (id, version) in &expected {
                let record = &stored[&format!("{name} {id}")];
                assert_eq!(record["version"], json!(version), "{name} {id}");
            }
        }
        assert_eq!(self.api.doubled(), Vec::<String>::new(), "several effects of one idempotency key");
        for name in &self.to_tables {
            let rows = postgres_rows(
                &self.warehouse,
                &format!("SELECT id || ' ' || version FROM {name} ORDER BY id"),
            )
            .await;
            let expected: Vec<String> =
                expected.iter().map(|(id, version)| format!("{id} {version}")).collect();
            assert!(
                rows == expected,
                "{name} has {} rows, of which not all are as they should be",
                rows.len()
            );
        }
        let twice = "SELECT concat_ws(' ', owner, content, count(*)) FROM effect GROUP BY owner, content HAVING count(*) > 1";
        assert_eq!(
            postgres_rows(&self.warehouse, twice).await,
            Vec::<String>::new(),
            "several effects of one version"
        );
    }
}

async fn make_table(warehouse: &Database, name: &str) {
    let sql = format!(
        "CREATE TABLE {name} (id text PRIMARY KEY, version int);
         CREATE TRIGGER effects AFTER INSERT OR UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION count_effect()"
    );
    let mut connection = warehouse.connect().await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
}

/// How many runs have ended.
async fn ended(database: &Database) -> usize {
    let sql = "SELECT count(*)::text FROM run WHERE status NOT IN ('QUEUED', 'RUNNING')";
    postgres_rows(database, sql).await[0].parse().unwrap()
}

/// What the rows of runs, jobs and events say.
async fn assert_nobody_noticed(database: &Database) {
    let rows = async |sql: &str| postgres_rows(database, sql).await;
    let outcomes = "SELECT concat_ws(' ', status, read_count, created_count + updated_count + unchanged_count, \
          skipped_count, failed_count) || ' x ' || count(*) FROM run \
        GROUP BY status, read_count, created_count + updated_count + unchanged_count, skipped_count, failed_count";
    let runs = TENANTS * INTEGRATIONS * ROUNDS;
    assert_eq!(rows(outcomes).await, [format!("SUCCEEDED {RECORDS} {RECORDS} 0 0 x {runs}")]);
    assert_eq!(
        rows("SELECT status || ' ' || count(*) FROM job GROUP BY status").await,
        [format!("DONE {runs}")]
    );
    let forbidden = "SELECT concat_ws(' ', run_id, type) FROM run_event WHERE type IN ('run.taken_over', 'retry.scheduled')";
    assert_eq!(
        rows(forbidden).await,
        Vec::<String>::new(),
        "no lease ran out, and nothing had to be tried again"
    );
    let once = "SELECT concat_ws(' ', run_id, type, count(*)) FROM run_event WHERE type IN ('run.started', 'run.finished') \
        GROUP BY run_id, type HAVING count(*) <> 1";
    assert_eq!(rows(once).await, Vec::<String>::new());
}

/// How often a run was handed back, and how long the slowest of them waited, in seconds.
async fn handed_back(database: &Database) -> (usize, f64) {
    let sql = "SELECT concat_ws(' ', count(*), coalesce(max(extract(epoch FROM resumed.at - back.at)), 0)) \
        FROM run_event back CROSS JOIN LATERAL (SELECT min(at) AS at FROM run_event r WHERE r.run_id = back.run_id \
          AND r.type = 'run.resumed' AND r.at >= back.at) resumed WHERE back.type = 'run.handed_back'";
    let row = postgres_rows(database, sql).await.remove(0);
    let (count, slowest) = row.split_once(' ').unwrap();
    (count.parse().unwrap(), slowest.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "figures, for whoever asks for them")]
async fn a_rolling_restart_of_all_workers_loses_and_doubles_nothing() {
    let mut trestle = Setup::new()
        .lease_seconds(LEASE_SECONDS)
        .setting("TRESTLE_SHUTDOWN_SECONDS", SHUTDOWN.as_secs())
        .setting("TRESTLE_WORKERS", CONCURRENCY)
        .setting("TRESTLE_TENANT_CONCURRENCY", WORKERS * CONCURRENCY)
        .split(WORKERS)
        .await;
    let load = Load::build(&trestle).await;
    let (runs, of_a_round) = (TENANTS * INTEGRATIONS * ROUNDS, TENANTS * INTEGRATIONS);
    let (begin, mut round, mut restarts, mut slowest_exit) = (Instant::now(), 0, 0, Duration::ZERO);
    loop {
        let ended = ended(&trestle.stores().database).await;
        // There is always something to do.
        while round < ROUNDS && ended + 2 * of_a_round >= round * of_a_round {
            load.start_round(round).await;
            round += 1;
        }
        if restarts < TIMES_AROUND * WORKERS && ended >= runs * (restarts + 1) / (TIMES_AROUND * WORKERS + 2)
        {
            let worker = restarts % WORKERS;
            let (status, took) = trestle.replace_worker(worker).await;
            assert_eq!(status.code(), Some(0), "{status}; its log:\n{}", trestle.worker(worker).log_tail());
            assert!(took < SHUTDOWN, "it took {took:?}; its log:\n{}", trestle.worker(worker).log_tail());
            (restarts, slowest_exit) = (restarts + 1, slowest_exit.max(took));
        }
        if ended == runs {
            break;
        }
        assert!(begin.elapsed() < END_LIMIT, "{ended} of {runs} runs ended after {restarts} restarts");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let took = begin.elapsed();
    assert_eq!(restarts, TIMES_AROUND * WORKERS);

    let database = &trestle.stores().database;
    assert_nobody_noticed(database).await;
    let (count, slowest) = handed_back(database).await;
    println!(
        "{runs} runs in {took:.1?}, {count} handed back, resumed after {slowest:.1} s at most, exits {slowest_exit:.1?}"
    );
    assert!(count > 0, "no run was under way when a worker was told to end");
    assert!(slowest < RESUMED_WITHIN.as_secs_f64(), "a run waited {slowest} s");
    load.assert_arrived_once().await;
    redis::queue_emptied(&trestle.stores().redis.url()).await;
}
