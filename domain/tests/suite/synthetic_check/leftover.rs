//! What is left at a destination is removed whatever becomes of the integration, and what may arrive late once more.

use domain::integration;
use domain::synthetic_check::{self, Stage};
use serde_json::json;

use super::{DAY, Fixture, SECOND};

const HOUR: i64 = 3_600 * SECOND;
const MINUTE: i64 = 60 * SECOND;

#[tokio::test]
async fn what_is_left_is_removed_while_the_integration_is_paused() {
    let it = Fixture::new().await;
    let integration = it.checked(json!({"rejectEvery": 1})).await;
    assert_eq!(it.carry_out().await, 1);
    integration::pause(&it.operator, integration, None).await.unwrap();
    it.passes(MINUTE);
    assert_eq!(it.carry_out().await, 0, "its next record waits");
    it.passes(HOUR);
    assert_eq!(it.carry_out().await, 1, "and what it has left does not");
    assert!(it.check(integration).await.unwrap().leftover.is_some());
    it.passes(8 * DAY);
    assert_eq!((it.carry_out().await, it.carry_out().await), (1, 0));
    let now = it.check(integration).await.unwrap();
    assert_eq!((now.leftover, now.clear_at, now.next_at.is_some()), (None, None, true));
    assert_eq!(it.results(integration).await.len(), 1, "only of what was sent");
}

#[tokio::test]
async fn what_a_check_on_demand_has_left_is_removed_though_nobody_asks() {
    let it = Fixture::new().await;
    let integration = it.checked(json!({"rejectEvery": 1})).await;
    it.set(integration, None).await;
    synthetic_check::run(&it.operator, integration).await.unwrap();
    assert_eq!(it.carry_out().await, 1);
    it.passes(HOUR);
    assert_eq!((it.carry_out().await, it.results(integration).await.len()), (1, 1));
    // Who sets it anew may have mended what kept it there.
    it.passes(SECOND);
    it.set(integration, None).await;
    assert_eq!((it.carry_out().await, it.results(integration).await.len()), (1, 1));
    assert_eq!(it.check(integration).await.unwrap().next_at, None);
}

#[tokio::test]
async fn what_is_left_is_removed_though_the_integration_is_archived() {
    let it = Fixture::new().await;
    let integration = it.checked(json!({"rejectEvery": 1})).await;
    assert_eq!(it.carry_out().await, 1);
    integration::archive(&it.operator, integration).await.unwrap();
    assert_eq!(it.told().await, ["SYNTHETIC_FAILED", "SYNTHETIC_PASSED"], "it is over");
    assert_eq!((it.check(integration).await, it.results(integration).await.len()), (None, 0));
    assert_eq!((it.carry_out().await, it.rows().await), (1, 1));
    it.passes(8 * DAY);
    assert_eq!((it.carry_out().await, it.rows().await), (1, 0));
    assert_eq!(it.told().await.len(), 2);
}

#[tokio::test]
async fn a_write_in_doubt_that_arrives_late_is_removed_once_more() {
    let it = Fixture::new().await;
    let integration = it.checked_at_database().await;
    it.set(integration, None).await;
    it.outside("CREATE TRIGGER refuse BEFORE INSERT ON orders BEGIN SELECT RAISE(ABORT, 'no'); END").await;
    synthetic_check::run(&it.operator, integration).await.unwrap();
    assert_eq!(it.carry_out().await, 1);
    let result = it.results(integration).await.remove(0);
    assert_eq!((result.stage, result.is_removed), (Some(Stage::Write), true), "as far as is known");
    let now = it.check(integration).await.unwrap();
    assert_eq!((now.leftover, now.doubtful.0.len()), (None, 1));

    let key = &now.doubtful.0[0].leftover.key;
    assert_eq!(*key, result.mark);
    it.outside("DROP TRIGGER refuse").await;
    it.outside(&format!("INSERT INTO orders VALUES ('{key}'), ('PO-1')")).await;
    it.passes(5 * MINUTE - SECOND);
    assert_eq!(it.carry_out().await, 0);
    it.passes(SECOND);
    assert_eq!((it.carry_out().await, it.carry_out().await), (1, 0));
    assert_eq!(it.outside("SELECT id FROM orders").await, ["PO-1"]);
    let now = it.check(integration).await.unwrap();
    assert_eq!((now.doubtful.0.len(), now.clear_at, now.next_at), (0, None, None));
    assert_eq!(it.results(integration).await.len(), 1, "only of what was sent");
}

#[tokio::test]
async fn what_is_certain_is_not_removed_twice() {
    let it = Fixture::new().await;
    let integration = it.checked_at_database().await;
    assert_eq!(it.carry_out().await, 1);
    assert_eq!(it.ends(integration).await, [None]);
    let result = it.results(integration).await.remove(0);
    assert_eq!((result.is_verified, result.is_removed), (true, true));
    let now = it.check(integration).await.unwrap();
    assert_eq!((now.leftover, now.doubtful.0.len(), now.clear_at), (None, 0, None));
    assert_eq!(it.outside("SELECT id FROM orders").await, [""; 0]);
}
