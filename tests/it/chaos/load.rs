//! The load: tenants with integrations, of which runs are started one after the other, and what else people do
//! meanwhile. It keeps a book of all that was answered.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};
use uuid::Uuid;

use super::caller::{Caller, uuid};
use super::outside::Outside;
use super::record;
use crate::harness::fixture::{Fixture, Tenant, stream};
use crate::harness::postgres::Database;
use crate::harness::random::Random;
use crate::scene::text;

/// Runs of each integration, one after the other.
pub(super) const ROUNDS: usize = 10;
/// Callers at once.
const CALLERS: usize = 6;
/// Records of a page of the HTTP sources, so that a run has several.
const PAGE_SIZE: usize = 100;
/// How long a caller waits for a run to end, before it looks again.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the sandbox takes for its one page, in milliseconds.
const SANDBOX_PAGE_MS: u64 = 400;

/// How much there is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) integrations: usize,
    pub(super) tenants: usize,
    pub(super) records: usize,
}

impl Size {
    fn integrations_per_tenant(self) -> usize {
        self.integrations.div_ceil(self.tenants)
    }

    pub(super) fn runs(self) -> usize {
        self.integrations * ROUNDS
    }
}

/// An integration of the load.
pub(super) struct Moved {
    /// Its global id.
    pub(super) id: String,
    /// Its id in the database.
    pub(super) uuid: Uuid,
    /// The tenant's slug and a number; the name of its place at the destination.
    pub(super) owner: String,
    /// It reads the outside system; else the sandbox.
    pub(super) is_read_outside: bool,
    /// It writes to the outside system; else to a table.
    pub(super) is_written_outside: bool,
}

/// What was answered, and so must hold.
#[derive(Default)]
pub(super) struct Book {
    /// Each run that was started, with the place of its integration.
    pub(super) runs: HashMap<Uuid, usize>,
    /// Runs of which a cancel was answered.
    pub(super) canceled: HashSet<Uuid>,
    /// The names that were given to each integration; the rounds of one may overtake each other.
    pub(super) names: HashMap<usize, Vec<String>>,
    /// The names of systems that were made.
    pub(super) systems: Vec<String>,
    /// The last run that was started of each integration.
    pub(super) last: HashMap<usize, Uuid>,
    /// How often the records of each integration had changed before its last run was started.
    pub(super) generations: HashMap<usize, usize>,
    /// What was answered otherwise than it must be.
    pub(super) wrongs: Vec<String>,
}

/// The tenants and what they have.
pub(super) struct Load {
    size: Size,
    pub(super) tenants: Vec<Tenant>,
    pub(super) moved: Vec<Moved>,
    book: Mutex<Book>,
    started: AtomicUsize,
}

impl Load {
    /// Makes tenants, systems and integrations: each fourth reads and writes in another way.
    pub(super) async fn build(
        size: Size,
        fixture: &Fixture,
        outside: &Outside,
        warehouse: &Database,
    ) -> Self {
        prepare(warehouse).await;
        let (mut tenants, mut moved) = (Vec::new(), Vec::new());
        for number in 0..size.tenants {
            let slug = format!("t{number:02}");
            let tenant = fixture.tenant(&slug).await;
            let config = json!({"baseUrl": outside.url(&slug), "timeoutMs": 1_000});
            let http = fixture.system(&tenant, "http", config, Value::Null).await;
            let sandbox = fixture.system(&tenant, "sandbox", json!({"seed": number + 1}), Value::Null).await;
            let (config, credentials) = access(warehouse);
            let postgres = fixture.system(&tenant, "postgres", config, credentials).await;
            let first = number * size.integrations_per_tenant();
            for place in first..(first + size.integrations_per_tenant()).min(size.integrations) {
                let owner = format!("{slug}_i{place:03}");
                let (is_read_outside, is_written_outside) = (place % 2 == 0, place % 4 < 2);
                let (source, mut options) = if is_read_outside {
                    let pages =
                        json!({"kind": "page", "param": "page", "sizeParam": "size", "size": PAGE_SIZE});
                    let path = format!("/source/{owner}");
                    (&http, json!({"path": path, "recordsPath": "/data", "pagination": pages}))
                } else {
                    (&sandbox, json!({"records": size.records, "delayMs": SANDBOX_PAGE_MS}))
                };
                if !is_read_outside {
                    options["invalidEvery"] = json!(record::SANDBOX_INVALID_EVERY);
                }
                let (destination, target) = if is_written_outside {
                    (&http, json!({"path": format!("/records/{owner}")}))
                } else {
                    make_table(warehouse, &owner).await;
                    (&postgres, json!({"table": owner}))
                };
                let mut moves = stream(options, target);
                moves["mapping"] = json!(format!(".owner = \"{owner}\""));
                moves["recordSchema"] = json!({"properties": {"email": {"pattern": "@"}}});
                let id = fixture.integration(&tenant, source, destination, vec![moves]).await;
                let uuid = uuid(&json!({"id": id}));
                moved.push(Moved { id, uuid, owner, is_read_outside, is_written_outside });
            }
            tenants.push(tenant);
        }
        Self { size, tenants, moved, book: Mutex::default(), started: AtomicUsize::new(0) }
    }

    /// Runs whose start was answered.
    pub(super) fn started(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }

    /// What was answered so far.
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts [`ROUNDS`] runs of each integration, never more than `ahead` that have not ended; `finished` says how
    /// many have.
    pub(super) async fn feed(
        &self,
        caller: &Caller,
        outside: &Outside,
        ahead: usize,
        finished: &AtomicUsize,
        random: &mut Random,
    ) {
        let mut turns = Vec::new();
        for round in 0..ROUNDS {
            let mut places: Vec<usize> = (0..self.moved.len()).collect();
            for at in (1..places.len()).rev() {
                places.swap(at, random.below(at + 1));
            }
            turns.extend(places.into_iter().map(|place| (round, place)));
        }
        let (turns, next) = (&turns, &AtomicUsize::new(0));
        let seeds: Vec<u64> = (0..CALLERS).map(|_| random.next()).collect();
        let tasks = seeds.into_iter().map(async |seed| {
            let mut random = Random::new(seed);
            while let Some((round, place)) = turns.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                while self.started() > finished.load(Ordering::Relaxed) + ahead {
                    tokio::time::sleep(PAUSE).await;
                }
                let run = self.start(caller, outside, round, place).await;
                self.meddle(caller, round, place, &run, &mut random).await;
            }
        });
        join_all(tasks).await;
    }

    /// Starts a run; its global id.
    async fn start(&self, caller: &Caller, outside: &Outside, round: usize, place: usize) -> String {
        let moved = &self.moved[place];
        let generation = outside.change(&moved.owner);
        let run = self.start_by_key(caller, round, place).await;
        let uuid = uuid(&run);
        let mut book = self.book();
        if book.runs.insert(uuid, place).is_some() {
            book.wrongs.push(format!("two keys were answered with the run {uuid}"));
        }
        // Rounds of one integration may overtake each other here, not in what is the last generation.
        let known = book.generations.entry(place).or_default();
        if generation >= *known {
            *known = generation;
            book.last.insert(place, uuid);
        }
        drop(book);
        self.started.fetch_add(1, Ordering::Relaxed);
        text(&run["id"])
    }

    async fn start_by_key(&self, caller: &Caller, round: usize, place: usize) -> Value {
        let moved = &self.moved[place];
        let input = json!({"integrationId": moved.id, "idempotencyKey": format!("{}-{round}", moved.owner)});
        let answer = caller.mutate("startRun", input, "run { id }").await;
        answer.payload.unwrap_or_else(|codes| panic!("startRun was refused: {codes:?}"))["run"].clone()
    }

    /// What else people do, now and then.
    async fn meddle(&self, caller: &Caller, round: usize, place: usize, run: &str, random: &mut Random) {
        let moved = &self.moved[place];
        let wrong = |text: String| self.book().wrongs.push(text);
        // The last round shall bring everything home, or the one before where that has overtaken it.
        if random.percent(3) && round + 2 < ROUNDS {
            let answer = caller.mutate("cancelRun", json!({"runId": run}), "run { id status }").await;
            match answer.payload {
                Ok(payload) => drop(self.book().canceled.insert(uuid(&payload["run"]))),
                // Over already, or canceled by the attempt before.
                Err(codes) if codes == ["\"CONFLICT\""] => {}
                Err(codes) => wrong(format!("cancelRun: {codes:?}")),
            }
        }
        if random.percent(4) && round + 1 < ROUNDS {
            let name = format!("{} after {round}", moved.owner);
            let input = json!({"integrationId": moved.id, "name": name});
            match caller.mutate("updateIntegration", input, "integration { name }").await.payload {
                Ok(_) => self.book().names.entry(place).or_default().push(name),
                Err(codes) => wrong(format!("updateIntegration: {codes:?}")),
            }
        }
        if random.percent(3) {
            for mutation in ["pauseIntegration", "resumeIntegration"] {
                let input = json!({"integrationId": moved.id});
                let answer = caller.mutate(mutation, input, "integration { status }").await;
                match answer.payload {
                    Ok(_) => {}
                    // Done by the attempt before, or by another caller.
                    Err(codes) if codes == ["\"CONFLICT\""] => {}
                    Err(codes) => wrong(format!("{mutation}: {codes:?}")),
                }
            }
        }
        if random.percent(3) {
            let name = format!("made after {} {round}", moved.owner);
            let tenant = &self.tenants[place / self.size.integrations_per_tenant()];
            let input = json!({"tenantId": tenant.id, "name": name, "connector": "sandbox", "config": {}});
            let answer = caller.mutate("createSystem", input, "system { id }").await;
            match answer.payload {
                Err(codes) if !answer.is_repeated => wrong(format!("createSystem: {codes:?}")),
                // When it is repeated and the name is taken, the attempt before did it.
                _ => self.book().systems.push(name),
            }
        }
        if random.percent(4) {
            let again = text(&self.start_by_key(caller, round, place).await["id"]);
            if again != run {
                wrong(format!("the key of {run} was answered with {again}"));
            }
        }
    }
}

/// Counts each effect of a write, so that one that comes twice is seen.
async fn prepare(warehouse: &Database) {
    let mut connection = warehouse.connect().await;
    for sql in [
        "CREATE TABLE effect (owner text, id text, content text)",
        "CREATE FUNCTION count_effect() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN INSERT INTO effect VALUES (TG_TABLE_NAME, NEW.id, md5(NEW::text)); RETURN NEW; END $$",
    ] {
        connection.execute(sql).await.expect("a database of ours");
    }
}

async fn make_table(warehouse: &Database, owner: &str) {
    let sql = format!(
        "CREATE TABLE {owner} (id text PRIMARY KEY, owner text, version int, email text,
           note varchar({}), amount numeric, currency text, \"updatedAt\" text);
         CREATE TRIGGER effects AFTER INSERT OR UPDATE ON {owner} FOR EACH ROW EXECUTE FUNCTION count_effect()",
        record::NOTE_LENGTH_MAX
    );
    let mut connection = warehouse.connect().await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("a database of ours");
}

/// Config and credentials of a `postgres` system.
fn access(database: &Database) -> (Value, Value) {
    let url = reqwest::Url::parse(database.url()).expect("it was connected to");
    let config = json!({
        "host": url.host_str(), "port": url.port().unwrap_or(5432), "database": &url.path()[1..],
    });
    (config, json!({"user": url.username()}))
}
