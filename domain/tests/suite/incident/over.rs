//! What is seen as the end of an incident, and what goes on then.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use connector::SystemErrorKind;
use domain::background::{RunEnd, RunLease};
use domain::{integration, run};
use entity::incident::{IncidentFault, IncidentStatus};
use pipeline::{Ledger, Side, StreamStop};
use serde_json::json;
use uuid::Uuid;

use super::{Fixture, LEFT_ALONE, MINUTE, NOW_SECONDS, OPEN, call_fails, stop};

const HELD: &str = "SELECT count(*) FROM integration WHERE status = 'HELD'";
const QUEUED: &str = "SELECT count(*) FROM job WHERE status = 'QUEUED'";
const RECOVERED: &str = "SELECT count(*) FROM incident_system WHERE recovered_at IS NOT NULL";

#[tokio::test]
async fn what_waited_goes_on_in_steps_over_all_tenants_and_what_fails_meanwhile_takes_it_back() {
    let it = Fixture::new().await;
    let mut integrations = Vec::new();
    for _ in 0..4 {
        integrations.push(it.customer("http", json!({"baseUrl": "https://api.example.com"}), 10).await);
    }
    // Forty runs were under way, and all of them wait: the circuits of their systems are open.
    let mut leases = Vec::new();
    for integration in integrations.iter().flatten() {
        leases.push(it.begun(integration).await);
    }
    for lease in &leases {
        let wait = Duration::from_secs(600);
        assert!(lease.give_back("orders", &stop(SystemErrorKind::Unavailable), wait).await.unwrap());
    }
    it.looks().await;
    let status = async || it.status().await;
    assert_eq!(status().await, IncidentStatus::Investigating);
    let waiting = "SELECT CAST(strftime('%s', available_at) AS integer) FROM job WHERE status = 'QUEUED'";
    assert_eq!(it.numbers(waiting).await.len(), 40);
    assert!(it.numbers(waiting).await.iter().all(|at| *at > NOW_SECONDS), "nothing is due");

    // One of them gets through.
    it.passes(10 * MINUTE);
    it.looks().await;
    assert_eq!(status().await, IncidentStatus::Investigating, "nobody has seen it answer");
    let probe = it.claimed(|_any| true).await;
    it.passes(1);
    assert!(probe.finish(RunEnd::Completed { last: None }).await.unwrap());
    it.looks().await;
    assert_eq!(status().await, IncidentStatus::Monitoring);
    let now = it.seconds.load(Ordering::SeqCst);
    let mut steps: BTreeMap<i64, usize> = BTreeMap::new();
    for at in it.numbers(waiting).await {
        *steps.entry(at - now).or_default() += 1;
    }
    assert_eq!(steps.into_iter().collect::<Vec<_>>(), [(0, 1), (2, 2), (4, 4), (6, 8), (8, 16), (10, 8)]);
    it.looks().await;
    assert_eq!(it.numbers(waiting).await.len(), 39, "nothing is lost, and nothing is there twice");

    // Another tenant gets through, and the first fails again: that is its own, until a second one does.
    it.passes(7);
    let of = |index: usize| {
        let ids: Vec<Uuid> = integrations[index].iter().map(|integration| integration.id).collect();
        move |lease: &RunLease| ids.contains(&lease.integration_id())
    };
    let wait = Duration::from_secs(600);
    let completes = async |index: usize| {
        assert!(it.claimed(of(index)).await.finish(RunEnd::Completed { last: None }).await.unwrap());
    };
    let gives_back = async |index: usize| {
        let lease = it.claimed(of(index)).await;
        assert!(lease.give_back("orders", &stop(SystemErrorKind::Unavailable), wait).await.unwrap());
    };
    completes(1).await;
    gives_back(0).await;
    it.looks().await;
    assert_eq!(status().await, IncidentStatus::Monitoring, "one tenant alone takes nothing back");
    it.passes(3);
    completes(3).await;
    gives_back(2).await;
    it.looks().await;
    it.looks().await;
    assert_eq!(status().await, IncidentStatus::Investigating);
    it.passes(MINUTE);
    it.looks().await;
    assert_eq!(status().await, IncidentStatus::Monitoring, "most answer, and none has failed for a while");

    // What went on in vain waits before it goes on again.
    let last = async || it.numbers(waiting).await.into_iter().max().unwrap();
    let now = it.seconds.load(Ordering::SeqCst);
    assert!(last().await > now + 400, "it has the times that it had");
    it.passes(9);
    it.looks().await;
    assert!(last().await > now + 400);
    it.passes(1);
    it.looks().await;
    assert!(last().await <= now + 10 + 10, "it goes on in steps");

    // They are seen no more: a long time without a failure ends it, too.
    it.passes(14 * MINUTE - 20);
    it.looks().await;
    assert_eq!(status().await, IncidentStatus::Monitoring);
    it.passes(MINUTE);
    it.looks().await;
    let over = it.incidents().await.remove(0);
    assert_eq!((over.status, over.resolved_at.is_some()), (IncidentStatus::Resolved, true));
    it.looks().await;
    assert_eq!(it.number("SELECT count(*) FROM incident WHERE over_at IS NULL").await, 0);
    assert_eq!(it.numbers(waiting).await.len(), 37);
    assert_eq!(it.number("SELECT count(*) FROM system_fault").await, 0, "it makes no other one");
}

#[tokio::test]
async fn what_an_outage_held_is_let_go_to_try_the_system_and_is_not_held_for_it_again() {
    let mut it = Fixture::new().await;
    it.hold_after = 1;
    it.three_down("https://api.example.com").await;
    let held_by_health = "SELECT count(*) FROM integration_health WHERE status = 'HELD'";
    assert_eq!((it.number(HELD).await, it.number(held_by_health).await), (3, 3));

    it.passes(15 * MINUTE);
    it.looks().await;
    assert_eq!((it.number(HELD).await, it.number(held_by_health).await), (2, 2), "one tries the system");
    let first = it.claimed(|_any| true).await;
    let stopped = RunEnd::Stopped { stream: "orders".to_owned(), stop: stop(SystemErrorKind::Unavailable) };
    assert!(first.finish(stopped).await.unwrap());
    assert_eq!(it.number(HELD).await, 2, "what an outage ends is not counted");

    it.passes(15 * MINUTE);
    it.looks().await;
    assert_eq!(it.number(HELD).await, 1, "the next time another one tries it");
    let second = it.claimed(|_any| true).await;
    assert_ne!(second.integration_id(), first.integration_id());
    it.passes(1);
    assert!(second.finish(RunEnd::Completed { last: None }).await.unwrap());
    it.looks().await;
    assert_eq!(it.status().await, IncidentStatus::Monitoring);
    assert_eq!((it.number(HELD).await, it.number(held_by_health).await), (0, 0));
    assert_eq!(it.number(QUEUED).await, 2, "the runs that it ended are retried");
    assert_eq!(it.number("SELECT count(*) FROM integration WHERE failed_run_count > 0").await, 0);
}

#[tokio::test]
async fn hosts_that_hang_are_found_at_once_and_who_is_stopped_or_silent_is_no_proof_that_they_answer() {
    let it = Fixture::new().await;
    let mut leases = Vec::new();
    for _ in 0..3 {
        let lease = it.begun(&it.at("https://api.example.com").await).await;
        call_fails(&lease, SystemErrorKind::Timeout, 1).await;
        leases.push(lease);
    }
    it.looks().await;
    assert_eq!(it.found().await, [("api.example.com".to_owned(), IncidentFault::Unavailable, 3)]);

    // One is canceled, one handed back, and one says nothing for minutes.
    run::cancel(&it.operator, leases[0].run_id()).await.unwrap();
    let canceled = RunEnd::Stopped { stream: "orders".to_owned(), stop: StreamStop::Canceled };
    assert!(leases[0].finish(canceled).await.unwrap());
    assert!(leases[1].hand_back().await.unwrap());
    it.passes(5 * MINUTE);
    it.looks().await;
    assert_eq!((it.status().await, it.number(RECOVERED).await), (IncidentStatus::Investigating, 0));

    // That one's call answers; and the one that was handed back goes on to its end.
    leases[2].answers_again(Side::Source).await.unwrap();
    it.looks().await;
    assert_eq!((it.status().await, it.number(RECOVERED).await), (IncidentStatus::Monitoring, 1));
    let again = it.claimed(|lease| lease.run_id() == leases[1].run_id()).await;
    assert!(again.finish(RunEnd::Completed { last: None }).await.unwrap());
    it.looks().await;
    assert_eq!(it.number(RECOVERED).await, 2);
}

#[tokio::test]
async fn who_joins_while_it_is_watched_is_waited_for_and_told_that_it_is_over_then() {
    let it = Fixture::new().await;
    let integrations = it.three_down("https://api.example.com").await;
    it.passes(LEFT_ALONE);
    for integration in &integrations {
        it.succeeds(integration).await;
    }
    it.looks().await;
    assert_eq!((it.status().await, it.number(RECOVERED).await), (IncidentStatus::Monitoring, 3));

    it.passes(MINUTE);
    let late = it.at("https://api.example.com").await;
    it.fails(&late, SystemErrorKind::Unavailable).await;
    it.looks().await;
    let opened = "SELECT count(*) FROM occasion WHERE kind = 'INCIDENT_OPENED'";
    let resolved = "SELECT count(*) FROM occasion WHERE kind = 'INCIDENT_RESOLVED'";
    assert_eq!(it.status().await, IncidentStatus::Monitoring);
    assert_eq!((it.number(opened).await, it.number(resolved).await), (5, 0));
    assert_eq!(it.number(OPEN).await, 0, "what goes on meanwhile is not left alone");
    it.succeeds(&late).await;
    it.looks().await;
    it.passes(MINUTE - 1);
    it.looks().await;
    assert_eq!(it.status().await, IncidentStatus::Monitoring);
    it.passes(1);
    it.looks().await;
    assert_eq!(it.status().await, IncidentStatus::Resolved);
    assert_eq!((it.number(opened).await, it.number(resolved).await), (5, 5));
    let said = "SELECT count(*) FROM occasion WHERE kind = 'INCIDENT_RESOLVED' AND tenant_id IS NULL \
                AND json_extract(detail, '$.staffTitle') = 'Over: api.example.com does not answer'";
    assert_eq!(it.number(said).await, 1, "what is over does not read as if it began");
}

#[tokio::test]
async fn what_waits_for_something_else_keeps_its_time_and_what_is_archived_is_not_retried() {
    let it = Fixture::new().await;
    let mut integrations = Vec::new();
    for _ in 0..3 {
        integrations.push(it.customer("http", json!({"baseUrl": "https://api.example.com"}), 2).await);
    }
    let wait = Duration::from_secs(1_800);
    let limited = it.begun(&integrations[0][1]).await;
    assert!(limited.give_back("orders", &stop(SystemErrorKind::RateLimited), wait).await.unwrap());
    for of_tenant in &integrations {
        it.fails(&of_tenant[0], SystemErrorKind::Unavailable).await;
    }
    it.looks().await;
    assert_eq!(it.status().await, IncidentStatus::Investigating);
    integration::archive(&it.operator, integrations[2][0].id).await.unwrap();
    it.passes(LEFT_ALONE);
    it.succeeds(&integrations[1][1]).await;
    it.looks().await;
    assert_eq!(it.status().await, IncidentStatus::Monitoring);
    let of_limit = "SELECT CAST(strftime('%s', available_at) AS integer) FROM job \
                    WHERE wait_code = 'source.rate_limited'";
    assert_eq!(it.numbers(of_limit).await, [NOW_SECONDS + 1_800]);
    let retries = "SELECT total FROM retry ORDER BY id";
    assert_eq!(it.numbers(retries).await, [1, 1], "of the two that are not archived");
    assert_eq!(it.number(QUEUED).await, 3);
}
