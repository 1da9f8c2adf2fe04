//! What must hold when the storm is over; each question answers with all that is wrong, so that one run tells all.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};
use uuid::Uuid;

use super::caller::Caller;
use super::load::{Book, Load, Size};
use super::outside::Outside;
use crate::harness::postgres::Database;
use crate::harness::redis;

/// How long everything may take to end once nothing interferes any more: leases, sweeps, waits between attempts.
const END_LIMIT: Duration = Duration::from_secs(300);
/// How long an incident may take to retry what it has ended; a person does it after that.
const RETRY_LIMIT: Duration = Duration::from_secs(60);
/// Of each kind of wrong so many are told in full.
const TOLD_MAX: usize = 5;
/// Why a good record may have failed meanwhile: it can be tried again.
pub(super) const TRANSIENT: [&str; 8] = [
    "destination.rate_limited",
    "destination.unavailable",
    "destination.timeout",
    "source.rate_limited",
    "source.unavailable",
    "source.timeout",
    "platform.worker_lost",
    "platform.storage",
];
/// Everything that is to be queried once.
const ROW: &str = "concat_ws(' ', id, status, read_count, created_count, updated_count, unchanged_count, skipped_count, failed_count)";

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
        // What an outage has ended is retried by the incident that it is, as long as that goes on.
        let retried = "SELECT f.id::text FROM failure f WHERE f.status = 'OPEN' AND f.record_key IS NULL AND f.code LIKE 'source.%' \
             AND EXISTS (SELECT FROM incident WHERE over_at IS NULL)";
        loop {
            let mut left = self.texts(sql).await;
            if left.is_empty() && begin.elapsed() < RETRY_LIMIT {
                left = self.texts(retried).await;
            }
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
        redis::queue_emptied(redis_url).await;
        wrongs
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
             ('run.taken_over', 'run.resumed', 'run.handed_back', 'run.held', 'retry.scheduled', \
              'system.circuit_opened', 'system.circuit_closed') GROUP BY type ORDER BY 1";
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
                "is a kill switch that is engaged",
                "SELECT concat_ws(' ', id, scope, tenant_id) FROM kill_switch WHERE released_at IS NULL".to_owned(),
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
                 UNION ALL SELECT w.stream FROM receipt_block w JOIN integration i ON i.id = w.integration_id \
                   WHERE i.tenant_id <> w.tenant_id".to_owned(),
            ),
        ];
        for (what, sql) in questions {
            wrongs.extend(told(what, self.texts(&sql).await));
        }
        wrongs
    }

    async fn texts(&self, sql: &str) -> Vec<String> {
        texts(&mut self.database.connect().await, sql).await
    }
}

async fn texts(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    let rows = connection.fetch_all(AssertSqlSafe(sql.to_owned())).await;
    rows.unwrap_or_else(|error| panic!("{sql}: {error}")).iter().map(|row| row.get(0)).collect()
}

/// The first of many in full, and how many there are.
pub(super) fn told(what: &str, found: Vec<String>) -> Vec<String> {
    if found.is_empty() {
        return found;
    }
    let count = found.len();
    let first: Vec<String> = found.into_iter().take(TOLD_MAX).collect();
    vec![format!("{count} × {what}:\n    {}", first.join("\n    "))]
}
