//! What must hold when the storm is over; each question answers with all that is wrong, so that one run tells all.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};
use uuid::Uuid;

use super::caller::Caller;
use super::load::{Book, Load, Moved, Size};
use super::outside::Outside;
use super::record::{self, Fate};
use crate::harness::postgres::Database;
use crate::harness::redis;
use crate::harness::wait::{SOON, until};

/// How long everything may take to end once nothing interferes any more: leases, sweeps, waits between attempts.
const END_LIMIT: Duration = Duration::from_secs(300);
/// Of each kind of wrong so many are told in full.
const TOLD_MAX: usize = 5;
/// Why a good record may have failed meanwhile: it can be tried again.
const TRANSIENT: [&str; 8] = [
    "destination.rate_limited",
    "destination.unavailable",
    "destination.timeout",
    "source.rate_limited",
    "source.unavailable",
    "source.timeout",
    "platform.worker_lost",
    "platform.storage",
];
const OF_BAD_RECORDS: [&str; 3] = ["record.schema_violation", "record.duplicate_key", "destination.rejected"];
/// Everything that is to be queried once.
const ROW: &str = "concat_ws(' ', id, status, read_count, created_count, updated_count, unchanged_count, skipped_count, failed_count)";

/// A destination's records: key to owner, version and note.
type Stored = BTreeMap<String, (String, usize, String)>;

/// Who looks.
pub(super) struct Verdict<'a> {
    pub(super) size: Size,
    pub(super) load: &'a Load,
    pub(super) outside: &'a Outside,
    pub(super) database: &'a Database,
    pub(super) warehouse: &'a Database,
}

impl Verdict<'_> {
    /// Waits until all runs ended; which did not.
    pub(super) async fn all_end(&self) -> Vec<String> {
        let begin = Instant::now();
        let sql = "SELECT concat_ws(' ', r.id, r.status, j.status, j.attempt, j.available_at, j.lease_until, j.last_error) \
             FROM run r LEFT JOIN job j ON j.subject_id = r.id WHERE r.status IN ('QUEUED', 'RUNNING')";
        loop {
            let left = self.texts(sql).await;
            if left.is_empty() {
                return left;
            }
            if begin.elapsed() > END_LIMIT {
                return told(&format!("has not ended after {END_LIMIT:?}"), left);
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// What holds at any time at which no run is under way.
    pub(super) async fn at_rest(&self, redis_url: &str) -> Vec<String> {
        let mut wrongs = self.mutations_took_effect().await;
        wrongs.extend(self.rows_balance().await);
        wrongs.extend(told("at the outside system", self.outside.wrongs()));
        let twice = "SELECT concat_ws(' ', owner, id, count(*)) FROM effect GROUP BY owner, id, content HAVING count(*) > 1";
        let mut warehouse = self.warehouse.connect().await;
        wrongs.extend(told("had an effect more than once", texts(&mut warehouse, twice).await));
        wrongs.extend(self.queue_is_empty(redis_url).await);
        wrongs
    }

    /// That each record of the last generation arrived, or that a failure says why not; `all` when what can be mended
    /// was.
    pub(super) async fn records_arrived(&self, all: bool) -> Vec<String> {
        let (last, generations) = {
            let book = self.load.book();
            (book.last.clone(), book.generations.clone())
        };
        let mut database = self.database.connect().await;
        let mut warehouse = self.warehouse.connect().await;
        let mut wrongs = Vec::new();
        for (place, moved) in self.load.moved.iter().enumerate() {
            let stored = self.stored(moved, &mut warehouse).await;
            let receipts: BTreeSet<String> =
                sqlx::query_scalar("SELECT source_key FROM write_receipt WHERE integration_id = $1")
                    .bind(moved.uuid)
                    .fetch_all(&mut database)
                    .await
                    .expect("a query")
                    .into_iter()
                    .collect();
            let failures = sqlx::query(
                "SELECT coalesce(record_key, ''), code FROM failure WHERE integration_id = $1 AND status = 'OPEN'",
            )
            .bind(moved.uuid)
            .fetch_all(&mut database)
            .await
            .expect("a query");
            let failed: BTreeSet<(String, String)> =
                failures.iter().map(|row| (row.get(0), row.get(1))).collect();
            let status: String = sqlx::query_scalar("SELECT status FROM run WHERE id = $1")
                .bind(last[&place])
                .fetch_one(&mut database)
                .await
                .expect("the last run is there");
            let seen = Seen { stored, receipts, failed };
            // A run that could not go on has one failure for all that it did not read.
            let went_through = !matches!(status.as_str(), "FAILED" | "CANCELED");
            if !went_through && (all || seen.failed.iter().all(|(key, _)| !key.is_empty())) {
                wrongs.push(format!("{}: its last run is {status}, and no failure says why", moved.owner));
            }
            let generation = if went_through { generations[&place] } else { usize::MAX };
            let found = self.judge(moved, &seen, generation, all);
            wrongs.extend(found.into_iter().map(|wrong| format!("{}: {wrong}", moved.owner)));
        }
        told("of the records", wrongs)
    }

    /// Retries all that a system or we were at fault for, as a person would, until it is over.
    pub(super) async fn retry_what_can_be(&self, caller: &Caller) -> Vec<String> {
        let mut wrongs = Vec::new();
        for tenant in &self.load.tenants {
            let filter = json!({"tenantId": tenant.id, "status": ["OPEN"], "code": TRANSIENT});
            let input = json!({"filter": filter, "idempotencyKey": format!("retry-{}", tenant.slug)});
            let answer = caller.mutate("retryFailures", input, "retry { id total }").await;
            // Refused when there are none.
            if let Err(codes) = answer.payload
                && codes != ["\"NOT_FOUND\""]
                && codes != ["\"CONFLICT\""]
                && codes != ["\"INVALID\""]
            {
                wrongs.push(format!("retryFailures of {}: {codes:?}", tenant.slug));
            }
        }
        wrongs.extend(self.all_end().await);
        let sql = "SELECT concat_ws(' ', id, status) FROM retry WHERE status IN ('QUEUED', 'RUNNING')";
        wrongs.extend(told("is a retry that does not end", self.texts(sql).await));
        let sql = "SELECT concat_ws(' ', id, code, record_key) FROM failure WHERE status = 'RETRYING'";
        wrongs.extend(told("is being retried for ever", self.texts(sql).await));
        wrongs
    }

    /// For people: runs by status, and records.
    pub(super) async fn summary(&self) -> String {
        let runs =
            self.texts("SELECT concat_ws(' ', status, count(*)) FROM run GROUP BY status ORDER BY 1").await;
        let counts = "SELECT concat('records read ', sum(read_count), ', created ', sum(created_count), ', updated ', \
             sum(updated_count), ', unchanged ', sum(unchanged_count), ', skipped ', sum(skipped_count), ', failed ', \
             sum(failed_count)) FROM run";
        let failures =
            "SELECT concat_ws(' ', code, status, count(*)) FROM failure GROUP BY code, status ORDER BY 1";
        let events = "SELECT concat_ws(' ', type, count(*)) FROM run_event WHERE type IN \
             ('run.taken_over', 'run.resumed', 'run.handed_back', 'retry.scheduled') GROUP BY type ORDER BY 1";
        let resumed = "SELECT 'longest from taken over to resumed: ' || coalesce(max(resumed.at - lost.at)::text, 'none') \
             FROM run_event lost CROSS JOIN LATERAL (SELECT min(at) AS at FROM run_event r WHERE r.run_id = lost.run_id \
               AND r.type = 'run.resumed' AND r.at >= lost.at) resumed WHERE lost.type = 'run.taken_over'";
        format!(
            "runs: {}\n{}\nfailures: {}\nevents: {}\n{}",
            runs.join(", "),
            self.texts(counts).await.join(""),
            self.texts(failures).await.join(", "),
            self.texts(events).await.join(", "),
            self.texts(resumed).await.join(""),
        )
    }

    async fn mutations_took_effect(&self) -> Vec<String> {
        let (runs, mut wrongs, names, systems) = {
            let book = self.load.book();
            let Book { runs, names, systems, wrongs, .. } = &*book;
            (runs.clone(), wrongs.clone(), names.clone(), systems.clone())
        };
        let mut connection = self.database.connect().await;
        let rows = sqlx::query("SELECT id, integration_id FROM run WHERE trigger = 'MANUAL'")
            .fetch_all(&mut connection)
            .await
            .expect("a query");
        let there: HashMap<Uuid, Uuid> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        for (run, place) in &runs {
            if there.get(run) != Some(&self.load.moved[*place].uuid) {
                wrongs.push(format!("the run {run} was answered, and is not there"));
            }
        }
        if there.len() != runs.len() {
            wrongs.push(format!("{} runs were started, and {} are there", runs.len(), there.len()));
        }
        for (place, names) in names {
            let moved = &self.load.moved[place];
            let name: String = sqlx::query_scalar("SELECT name FROM integration WHERE id = $1")
                .bind(moved.uuid)
                .fetch_one(&mut connection)
                .await
                .expect("a query");
            if !names.contains(&name) {
                wrongs.push(format!("{} was given another name, and is called {name}", moved.owner));
            }
        }
        for name in systems {
            let count: i64 = sqlx::query_scalar("SELECT count(*) FROM system WHERE name = $1")
                .bind(&name)
                .fetch_one(&mut connection)
                .await
                .expect("a query");
            if count != 1 {
                wrongs.push(format!("the system {name:?} was made, and is there {count} times"));
            }
        }
        let paused = "SELECT concat_ws(' ', id, status) FROM integration WHERE status <> 'ACTIVE'";
        wrongs.extend(told("was resumed", texts(&mut connection, paused).await));
        told("of what was answered", wrongs)
    }

    async fn rows_balance(&self) -> Vec<String> {
        let mut wrongs = Vec::new();
        let questions = [
            ("is not final", format!("SELECT {ROW} FROM run WHERE status IN ('QUEUED', 'RUNNING') OR finished_at IS NULL")),
            (
                "does not balance",
                format!(
                    "SELECT {ROW} FROM run WHERE read_count <> \
                       created_count + updated_count + unchanged_count + skipped_count + failed_count"
                ),
            ),
            (
                "counts other failures than there are",
                format!(
                    "SELECT {ROW} FROM run WHERE scope = 'ALL_RECORDS' AND failed_count <> \
                       (SELECT count(*) FROM failure f WHERE f.run_id = run.id AND f.stream IS NOT NULL \
                          AND (f.record_key IS NOT NULL OR f.position IS NOT NULL OR f.record IS NOT NULL))"
                ),
            ),
            (
                "read more records than there are",
                format!("SELECT {ROW} FROM run WHERE scope = 'ALL_RECORDS' AND read_count > {}", self.size.records),
            ),
            (
                "went through, and did not read all records",
                format!(
                    "SELECT {ROW} FROM run WHERE scope = 'ALL_RECORDS' AND read_count <> {} AND \
                       EXISTS (SELECT FROM run_event e WHERE e.run_id = run.id AND e.type = 'run.finished' \
                                 AND e.attributes ->> 'status' IN ('SUCCEEDED', 'PARTIAL'))",
                    self.size.records
                ),
            ),
            (
                "succeeded with failures",
                format!("SELECT {ROW} FROM run WHERE status = 'SUCCEEDED' AND failed_count > 0"),
            ),
            (
                "failed without a failure",
                format!("SELECT {ROW} FROM run WHERE status = 'FAILED' AND failure_id IS NULL"),
            ),
            (
                "did not end once",
                format!(
                    "SELECT {ROW} FROM run WHERE (SELECT count(*) FROM run_event e WHERE e.run_id = run.id \
                       AND e.type = 'run.finished') <> 1"
                ),
            ),
            (
                "is a job that is not done",
                "SELECT concat_ws(' ', id, subject_id, status, attempt) FROM job WHERE status <> 'DONE'".to_owned(),
            ),
            (
                "is a run without a job of its own",
                "SELECT id::text FROM run WHERE (SELECT count(*) FROM job WHERE subject_id = run.id) <> 1".to_owned(),
            ),
            (
                "is of one tenant and names another's",
                "SELECT r.id::text FROM run r JOIN integration i ON i.id = r.integration_id \
                   WHERE i.tenant_id <> r.tenant_id \
                 UNION ALL SELECT f.id::text FROM failure f JOIN run r ON r.id = f.run_id WHERE f.tenant_id <> r.tenant_id \
                 UNION ALL SELECT w.source_key FROM write_receipt w JOIN integration i ON i.id = w.integration_id \
                   WHERE i.tenant_id <> w.tenant_id".to_owned(),
            ),
        ];
        for (what, sql) in questions {
            wrongs.extend(told(what, self.texts(&sql).await));
        }
        wrongs
    }

    async fn queue_is_empty(&self, url: &str) -> Vec<String> {
        until("the queue in Redis is empty", SOON, async || {
            let mut connection = redis::connect(url).await;
            let keys: Vec<String> = ::redis::cmd("KEYS")
                .arg("{trestle:sync:0}:*")
                .query_async(&mut connection)
                .await
                .expect("a server of ours");
            let left: Vec<String> = keys.into_iter().filter(|key| !key.ends_with(":turn")).collect();
            if left.is_empty() { Ok(Vec::new()) } else { Err(left) }
        })
        .await
    }

    async fn stored(&self, moved: &Moved, warehouse: &mut PgConnection) -> Stored {
        if moved.is_written_outside {
            let stored = self.outside.stored(&moved.owner).into_iter();
            return stored
                .map(|(key, record)| {
                    let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
                    let version = record["version"].as_u64().unwrap_or_default();
                    (key, (text("owner"), usize::try_from(version).expect("small"), text("note")))
                })
                .collect();
        }
        let sql = format!("SELECT id, owner, coalesce(version, 0), coalesce(note, '') FROM {}", moved.owner);
        let rows = warehouse.fetch_all(AssertSqlSafe(sql)).await.expect("a query");
        rows.iter()
            .map(|row| {
                let version = usize::try_from(row.get::<i32, _>(2)).expect("not negative");
                (row.get(0), (row.get(1), version, row.get(3)))
            })
            .collect()
    }

    /// What is wrong with the records of one integration; `generation` is `usize::MAX` when no run brought the last one.
    fn judge(&self, moved: &Moved, seen: &Seen, generation: usize, all: bool) -> Vec<String> {
        let mut wrongs = Vec::new();
        let keys: BTreeSet<String> = seen.stored.keys().cloned().collect();
        // An answer may be lost for good: then the record is there, and a failure says that nobody knows.
        let unsure = |key: &String| !all && seen.transient(key);
        let without = keys.difference(&seen.receipts).filter(|key| !unsure(key));
        wrongs.extend(without.map(|key| format!("{key} is there and has no receipt")));
        wrongs.extend(
            seen.receipts.difference(&keys).map(|key| format!("{key} has a receipt and is not there")),
        );
        for (key, (owner, _, _)) in seen.stored.iter().filter(|(_, (owner, _, _))| *owner != moved.owner) {
            wrongs.push(format!("{key} is of {owner}"));
        }
        for (key, code) in &seen.failed {
            let is_known = OF_BAD_RECORDS.contains(&code.as_str()) || TRANSIENT.contains(&code.as_str());
            if !is_known || (all && TRANSIENT.contains(&code.as_str())) {
                wrongs.push(format!("{key:?} has failed with {code}"));
            }
        }
        let mut expected = BTreeSet::new();
        let knows = generation != usize::MAX;
        let mut arrives = |key: String, version: usize, wrongs: &mut Vec<String>| {
            match seen.stored.get(&key) {
                _ if !knows || unsure(&key) => {}
                None => wrongs.push(format!("{key} is not there and has not failed")),
                Some((_, stored, note)) if *stored != version || note == "second" => {
                    wrongs.push(format!("{key} is there as {stored} ({note}), not {version}"));
                }
                Some(_) => {}
            }
            expected.insert(key);
        };
        if moved.is_read_outside {
            for place in 0..self.size.records {
                let key = record::key(place);
                let version = record::version(place, if knows { generation } else { 0 });
                let code = match record::fate(place) {
                    Fate::Good => {
                        arrives(key, version, &mut wrongs);
                        continue;
                    }
                    Fate::Invalid => "record.schema_violation",
                    Fate::Refused => "destination.rejected",
                    Fate::Duplicate => "record.duplicate_key",
                };
                let is_told = seen.failed.contains(&(key.clone(), code.to_owned())) || unsure(&key);
                if knows && !is_told {
                    wrongs.push(format!("{key} is bad, and no failure says so ({code})"));
                }
            }
        } else {
            for number in 1..=self.size.records {
                if let Some(key) = record::sandbox_key(number) {
                    arrives(key, 0, &mut wrongs);
                }
            }
        }
        wrongs.extend(keys.difference(&expected).map(|key| format!("{key} is there and should not be")));
        wrongs
    }

    async fn texts(&self, sql: &str) -> Vec<String> {
        texts(&mut self.database.connect().await, sql).await
    }
}

/// What is seen of one integration.
struct Seen {
    stored: Stored,
    receipts: BTreeSet<String>,
    /// Open failures: key (empty for a run as a whole) and code.
    failed: BTreeSet<(String, String)>,
}

impl Seen {
    fn transient(&self, key: &str) -> bool {
        TRANSIENT.iter().any(|code| self.failed.contains(&(key.to_owned(), (*code).to_owned())))
    }
}

async fn texts(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    let rows = connection.fetch_all(AssertSqlSafe(sql.to_owned())).await;
    rows.unwrap_or_else(|error| panic!("{sql}: {error}")).iter().map(|row| row.get(0)).collect()
}

/// The first of many in full, and how many there are.
fn told(what: &str, found: Vec<String>) -> Vec<String> {
    if found.is_empty() {
        return found;
    }
    let count = found.len();
    let first: Vec<String> = found.into_iter().take(TOLD_MAX).collect();
    vec![format!("{count} × {what}:\n    {}", first.join("\n    "))]
}
