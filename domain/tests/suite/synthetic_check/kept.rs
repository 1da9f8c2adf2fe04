//! What keeps a check from being carried out, and what is set or asked for while a record is on its way.

use std::time::Duration;

use domain::synthetic_check::{self, Stage};
use domain::{integration, tenant};
use serde_json::json;

use super::{Fixture, SECOND};

#[tokio::test]
async fn what_is_asked_for_or_set_while_a_record_is_on_its_way_stands() {
    let it = Fixture::new().await;
    let integration = it.checked(json!({})).await;
    let on_its_way = it.due().await;
    it.passes(SECOND);
    synthetic_check::run(&it.operator, integration).await.unwrap();
    on_its_way[0].carry_out().await.unwrap();
    assert_eq!(it.carry_out().await, 1, "what was asked for meanwhile");
    assert_eq!(it.askers(integration).await, ["the schedule", it.operator.name()]);
    assert_eq!(it.carry_out().await, 0, "once");

    it.passes(60 * SECOND);
    let on_its_way = it.due().await;
    it.passes(SECOND);
    it.set(integration, None).await;
    on_its_way[0].carry_out().await.unwrap();
    let now = it.check(integration).await.unwrap();
    assert_eq!((now.next_at, now.lease_token, now.leftover), (None, None, None), "on demand by now");
    assert_eq!(it.results(integration).await.len(), 2, "nothing is said of what was set before");
    it.passes(60 * SECOND);
    assert_eq!(it.carry_out().await, 0);
}

#[tokio::test]
async fn who_has_asked_is_answered_by_what_is_set_then() {
    let it = Fixture::new().await;
    let integration = it.checked(json!({})).await;
    it.set(integration, None).await;
    assert_eq!(it.carry_out().await, 0, "nobody has asked");
    synthetic_check::run(&it.operator, integration).await.unwrap();
    it.passes(SECOND);
    it.set(integration, None).await;
    let on_its_way = it.due().await;
    assert_eq!(on_its_way.len(), 1);
    it.passes(SECOND);
    it.set(integration, None).await;
    on_its_way[0].carry_out().await.unwrap();
    assert_eq!(it.askers(integration).await, [""; 0]);
    assert_eq!(it.carry_out().await, 1);
    assert_eq!(it.askers(integration).await, [it.operator.name()]);
    assert_eq!((it.carry_out().await, it.check(integration).await.unwrap().asked_by), (0, None));
}

#[tokio::test]
async fn a_worker_that_was_frozen_for_longer_than_its_lease_writes_nothing() {
    let it = Fixture::leasing(Duration::ZERO).await;
    let integration = it.checked_at_database().await;
    let frozen = it.due().await;
    assert!(!frozen[0].has_lease());
    frozen[0].carry_out().await.unwrap();
    assert_eq!(it.outside("SELECT id FROM orders").await, [""; 0]);
    assert_eq!(it.results(integration).await.len(), 0);
    assert!(frozen[0].renew().await.unwrap(), "nobody has taken it");
}

#[tokio::test]
async fn a_destination_that_is_left_alone_is_sent_nothing() {
    let it = Fixture::new().await;
    let integration = it.checked(json!({})).await;
    let open = "UPDATE system SET circuit_state = 'OPEN', circuit_until = '2026-09-22T00:00:00+00:00'";
    it.texts(open).await;
    assert_eq!(it.carry_out().await, 1);
    assert_eq!(it.ends(integration).await, [Some((Stage::Write, "destination.unavailable".to_owned()))]);
    let (now, result) = (it.check(integration).await.unwrap(), it.results(integration).await.remove(0));
    assert_eq!((now.leftover, result.is_removed), (None, true));
}

#[tokio::test]
async fn a_tenant_that_is_suspended_sends_nothing_until_it_goes_on() {
    let it = Fixture::new().await;
    let integration = it.checked(json!({})).await;
    tenant::suspend(&it.operator, it.tenant_id, "a test").await.unwrap();
    assert_eq!(it.carry_out().await, 0);
    it.passes(60 * SECOND);
    assert_eq!(it.carry_out().await, 0);
    tenant::resume(&it.operator, it.tenant_id).await.unwrap();
    it.passes(60 * SECOND);
    assert_eq!((it.carry_out().await, it.ends(integration).await), (1, vec![None]));
}

#[tokio::test]
async fn an_integration_that_is_archived_has_no_check_any_more() {
    let it = Fixture::new().await;
    let integration = it.checked(json!({})).await;
    assert_eq!(it.carry_out().await, 1);
    integration::archive(&it.operator, integration).await.unwrap();
    assert_eq!((it.rows().await, it.results(integration).await.len()), (0, 0));
    assert_eq!(it.told().await, [""; 0], "it did not fail");
    let again = synthetic_check::run(&it.operator, integration).await.unwrap_err();
    let domain::Error::Rejected(problems) = &again else { unreachable!("{again}") };
    assert_eq!(problems[0].code.name(), "CONFLICT");
}
