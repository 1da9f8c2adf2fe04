//! Tables that are partitioned by month on PostgreSQL, as processes make and drop their partitions. Deliberately absent: what
//! a partition holds and when it is over, which the tests of `migration` try with times of their own.

use sqlx::{AssertSqlSafe, Executor, PgConnection};

use crate::harness::postgres::Database;
use crate::harness::redis::Redis;
use crate::harness::trestle::{Stores, Trestle};
use crate::harness::wait::{SOON, until};

/// Processes that start at once.
const AT_ONCE: usize = 3;
/// Two whole months, at the least.
const TWO_MONTHS_SECONDS: f64 = 59.0 * 86_400.0;

/// Names of the partitions of a table, in the order of their ranges.
async fn partitions(connection: &mut PgConnection, table: &str) -> Vec<String> {
    let sql = format!(
        "SELECT c.relname::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid \
         WHERE i.inhparent = '{table}'::regclass ORDER BY c.relname LIKE '%until%' DESC, c.relname"
    );
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(connection).await.unwrap()
}

async fn migrated() -> Trestle {
    let trestle =
        Trestle::stopped(Stores { database: Database::create().await, redis: Redis::create().await });
    let output = trestle.run_once(&["migrate"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    trestle
}

#[tokio::test]
async fn several_processes_that_start_at_once_make_what_is_missing_once() {
    let trestle = migrated().await;
    let mut owner = trestle.stores().database.connect().await;
    let (events, lines) =
        (partitions(&mut owner, "run_event").await, partitions(&mut owner, "log_line").await);
    // All up to the month after the next begins, and that one.
    assert_eq!((events.len(), lines.len()), (2, 2), "{events:?} {lines:?}");
    assert!(events[0].starts_with("run_event_until_"), "{events:?}");
    assert_eq!(events[1], events[0].replace("_until", ""), "the one begins where the other ends");
    for name in [&events[1], &lines[1]] {
        owner.execute(AssertSqlSafe(format!("DROP TABLE {name}"))).await.unwrap();
    }
    let done: Vec<_> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(|| trestle.run_once(&["migrate"]))).collect();
        started.into_iter().map(|thread| thread.join().expect("it says why it panics")).collect()
    });
    for output in &done {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(partitions(&mut owner, "run_event").await, events);
    assert_eq!(partitions(&mut owner, "log_line").await, lines);
}

#[tokio::test]
async fn a_worker_makes_what_is_missing_and_drops_old_log_lines_and_the_api_tells_of_it() {
    let mut trestle = migrated().await;
    trestle.start().await;
    let mut owner = trestle.stores().database.connect().await;
    let events = partitions(&mut owner, "run_event").await;
    let lines = partitions(&mut owner, "log_line").await;
    // Everything before 2020, what is kept, and what somebody else keeps.
    let first_of_2020 = "016f5e66-e800-0000-0000-000000000000";
    let first_of_2021 = "0176bb3e-7000-0000-0000-000000000000";
    let end = format!(
        "SELECT substring(pg_get_expr(relpartbound, oid) FROM 'TO (.*)$') FROM pg_class WHERE relname = '{}'",
        lines[0]
    );
    let end: String = sqlx::query_scalar(AssertSqlSafe(end)).fetch_one(&mut owner).await.unwrap();
    let sql = format!(
        "DROP TABLE {}; DROP TABLE {}; \
         CREATE TABLE log_line_until_2020_01 PARTITION OF log_line FOR VALUES FROM (MINVALUE) TO ('{first_of_2020}'); \
         CREATE TABLE log_line_of_others PARTITION OF log_line FOR VALUES FROM ('{first_of_2020}') TO ('{first_of_2021}'); \
         CREATE TABLE log_line_kept PARTITION OF log_line FOR VALUES FROM ('{first_of_2021}') TO {end}",
        events[1], lines[0]
    );
    owner.execute(AssertSqlSafe(sql)).await.unwrap();

    trestle.add_worker();
    until("the worker has made one and dropped one", SOON, async || {
        let now = (partitions(&mut owner, "run_event").await, partitions(&mut owner, "log_line").await);
        let kept = ["log_line_kept".to_owned(), "log_line_of_others".to_owned(), lines[1].clone()];
        let mut found = now.1.clone();
        found.sort();
        let mut expected = kept.to_vec();
        expected.sort();
        if now.0 == events && found == expected { Ok(()) } else { Err(now) }
    })
    .await;
    until("the API tells how long there are partitions", SOON, async || {
        let (_, metrics) = trestle.client().get("/metrics").await;
        let ahead: Option<f64> = metrics
            .lines()
            .find_map(|line| line.strip_prefix("trestle_partitions_ahead_seconds "))
            .and_then(|value| value.parse().ok());
        if ahead.is_some_and(|ahead| ahead > TWO_MONTHS_SECONDS) { Ok(()) } else { Err(ahead) }
    })
    .await;
    until("what is dropped is logged", SOON, async || {
        let log = trestle.log();
        if log.contains("log_line_until_2020_01") { Ok(()) } else { Err(log) }
    })
    .await;
}
