//! What is an incident, since when, and what is none.

use connector::{SystemError, SystemErrorKind};
use domain::background::RunEnd;
use domain::incident::{self, NewIncident};
use entity::incident::{IncidentFault, IncidentSeverity};
use pipeline::StreamStop;
use serde_json::json;

use super::{Fixture, LEFT_ALONE, MINUTE, NOW_SECONDS, call_fails};

#[tokio::test]
async fn what_is_near_in_time_and_place_is_one_incident_and_later_tenants_join_it() {
    use IncidentFault::Unavailable;
    let it = Fixture::new().await;
    let first = it.at("https://api.example.com/v1").await;
    let second = it.at("https://API.example.com/v2").await;
    let third = it.at("https://api.example.com:443").await;
    it.fails(&first, SystemErrorKind::Unavailable).await;
    it.fails(&second, SystemErrorKind::Timeout).await;
    it.looks().await;
    it.passes(11 * MINUTE);
    it.fails(&third, SystemErrorKind::Unavailable).await;
    it.looks().await;
    it.fails(&first, SystemErrorKind::Unavailable).await;
    it.looks().await;
    assert!(it.found().await.is_empty(), "never three of them within ten minutes");
    it.passes(9 * MINUTE);
    it.fails(&second, SystemErrorKind::Unavailable).await;
    it.looks().await;
    it.looks().await;
    let host = || "api.example.com".to_owned();
    assert_eq!(it.found().await, [(host(), Unavailable, 3)]);

    // What is refused, has no host, is elsewhere, or is of two is none; nor is that each has reached a limit of its own.
    for _ in 0..3 {
        it.fails(&it.at("https://login.example.com").await, SystemErrorKind::Unauthorized).await;
        let sandbox = it.customer("sandbox", json!({}), 1).await.remove(0);
        it.fails(&sandbox, SystemErrorKind::Unavailable).await;
    }
    for _ in 0..2 {
        it.fails(&it.at("https://other.example.com").await, SystemErrorKind::Unavailable).await;
    }
    it.passes(LEFT_ALONE);
    for integration in [&first, &second, &third] {
        it.fails(integration, SystemErrorKind::RateLimited).await;
    }
    it.fails(&it.at("https://api.example.com").await, SystemErrorKind::Unavailable).await;
    it.looks().await;
    assert_eq!(it.found().await, [(host(), Unavailable, 4)]);
    assert_eq!(it.number("SELECT count(*) FROM occasion WHERE kind = 'INCIDENT_OPENED'").await, 4 + 1);
}

#[tokio::test]
async fn calls_that_fail_are_a_hiccup_at_first_and_what_a_request_may_have_caused_counts_for_minutes() {
    let it = Fixture::new().await;
    for _ in 0..3 {
        let lease = it.begun(&it.at("https://two.example.com").await).await;
        call_fails(&lease, SystemErrorKind::Unavailable, 2).await;
    }
    it.looks().await;
    assert!(it.found().await.is_empty());

    let mut error = SystemError::new(SystemErrorKind::Unavailable, "no");
    error.http_status = Some(500);
    for _ in 0..3 {
        it.passes(2 * MINUTE);
        let lease = it.begun(&it.at("https://api.example.com").await).await;
        let stop = StreamStop::Source { error: error.clone(), attempts: 6 };
        assert!(lease.finish(RunEnd::Stopped { stream: "orders".to_owned(), stop }).await.unwrap());
    }
    it.looks().await;
    assert!(it.found().await.is_empty(), "never three within three minutes");
    for _ in 0..2 {
        it.fails(&it.at("https://api.example.com").await, SystemErrorKind::Unavailable).await;
    }
    it.looks().await;
    assert_eq!(it.found().await, [("api.example.com".to_owned(), IncidentFault::Unavailable, 4)]);
}

#[tokio::test]
async fn it_began_when_many_were_hit_and_not_when_the_most_troubled_of_them_was() {
    let it = Fixture::new().await;
    let chronic = it.at("https://api.example.com").await;
    it.fails(&chronic, SystemErrorKind::Unavailable).await;
    it.passes(50 * MINUTE);
    it.fails(&chronic, SystemErrorKind::Unavailable).await;
    for _ in 0..2 {
        it.fails(&it.at("https://api.example.com").await, SystemErrorKind::Unavailable).await;
    }
    it.looks().await;
    let now = NOW_SECONDS + 50 * MINUTE;
    let incident = it.incidents().await.remove(0);
    assert_eq!(incident.detected_at.timestamp(), now);
    assert_eq!(incident.started_at.timestamp(), now - 10 * MINUTE);
}

#[tokio::test]
async fn one_that_somebody_makes_knows_what_was_found_and_takes_in_what_is_never_found_by_itself() {
    let it = Fixture::new().await;
    let first = it.at("https://api.example.com").await;
    it.fails(&first, SystemErrorKind::RateLimited).await;
    it.passes(MINUTE);
    let new = NewIncident {
        title: "The vendor counts wrongly".to_owned(),
        host: Some("api.example.com".to_owned()),
        system_ids: Vec::new(),
        fault: IncidentFault::RateLimited,
        severity: IncidentSeverity::Minor,
        public_message: None,
        commander: None,
    };
    let made = incident::create(&it.operator, new).await.unwrap();
    let (started, detected) = (made.started_at.timestamp(), made.detected_at.timestamp());
    assert_eq!((started, detected), (NOW_SECONDS, NOW_SECONDS + MINUTE));
    let second = it.at("https://api.example.com").await;
    it.fails(&second, SystemErrorKind::RateLimited).await;
    it.looks().await;
    let failed = "SELECT count(*) FROM incident_system WHERE last_failed_at IS NOT NULL";
    assert_eq!((it.number(failed).await, it.found().await[0].2), (2, 2));
}
