//! What is not taken: nothing is stored, its sender reads why, and the tenant sees it.

use chrono::Utc;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Place, answer, data, new_id, order};
use crate::harness::trestle::Setup;
use crate::harness::wait::{SOON, until};
use crate::scene::{postgres_execute, text};

/// The code of a refusal.
async fn refused(request: reqwest::RequestBuilder) -> (StatusCode, String) {
    let response = answer(request).await;
    assert!(!text(&response.body["error"]["message"]).is_empty(), "{:#}", response.body);
    (response.status, text(&response.body["error"]["code"]))
}

fn code(status: StatusCode, code: &str) -> (StatusCode, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn what_is_not_from_the_sender_is_refused_and_counted() {
    let place = Place::shared().await;
    let integration = place.reading("t", data()).await;
    let other = Place::shared().await;
    let (address, body) = (&place.address, order("1"));
    let wrong = code(StatusCode::UNAUTHORIZED, "signature_wrong");
    assert_eq!(refused(address.event("a", &body).body(order("2"))).await, wrong);
    let another_id = [("webhook-id".parse().unwrap(), "b".parse().unwrap())].into_iter().collect();
    assert_eq!(refused(address.event("a", &body).headers(another_id)).await, wrong);
    let mut stranger = address.clone();
    stranger.secret = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0".to_owned();
    assert_eq!(refused(stranger.event("a", &body)).await, wrong);
    let stale = code(StatusCode::UNAUTHORIZED, "timestamp_stale");
    for seconds in [-400, 400] {
        let timestamp = Utc::now().timestamp() + seconds;
        assert_eq!(refused(address.event_at("a", &body, timestamp)).await, stale, "{seconds}");
    }
    let unsigned = address.http.post(&address.url).body(body.clone());
    assert_eq!(refused(unsigned).await, code(StatusCode::UNAUTHORIZED, "signature_missing"));
    let large = "x".repeat(1024 * 1024 + 1);
    assert_eq!(
        refused(address.event("a", &large)).await,
        code(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large")
    );
    let just = json!({"data": {"id": "large", "text": "x".repeat(1024 * 1024 - 100)}}).to_string();
    assert!(just.len() <= 1024 * 1024);
    // A good one at the address of somebody else.
    let mut astray = address.clone();
    astray.url.clone_from(&other.address.url);
    astray.secret = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0".to_owned();
    assert_eq!(refused(astray.event("a", &body)).await, wrong);
    until("what was refused is counted", SOON, async || {
        let webhook = place.webhook().await;
        if webhook["refusedCount"] == 7 { Ok(()) } else { Err(webhook) }
    })
    .await;
    let webhook = place.webhook().await;
    assert_eq!(webhook["receivedCount"], 0);
    assert!(text(&webhook["lastRefusal"]).contains("1048576 bytes"), "{webhook:#}");
    assert_eq!(place.scene.runs_of(&integration).await, [] as [Value; 0]);
    assert_eq!(
        answer(address.event("a", &just)).await.status,
        StatusCode::ACCEPTED,
        "the largest that is taken"
    );
}

#[tokio::test]
async fn an_address_that_nobody_has_says_nothing() {
    let place = Place::shared().await;
    let mut address = place.address.clone();
    let real = address.url.clone();
    let (front, _address) = real.rsplit_once('/').unwrap();
    let mut answers = Vec::new();
    for unknown in ["0".repeat(32), "f".repeat(32), "x".to_owned(), "A".repeat(500), "%00".to_owned()] {
        address.url = format!("{front}/{unknown}");
        let response = answer(address.event("a", &order("1"))).await;
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{unknown}");
        answers.push(response.body.to_string());
    }
    assert!(answers.iter().all(|body| *body == answers[0]), "{answers:?}");
    let get = address.http.get(&real).send().await.unwrap();
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn another_url_and_another_secret_take_over() {
    let place = Place::shared().await;
    place.reading("t", data()).await;
    let admin = place.scene.admin();
    let rotate = |hours: i32| json!({"systemId": place.system, "overlapHours": hours});
    admin.mutate("rotateWebhookUrl", rotate(24), "system { webhook { previousUrlUntil } }").await;
    let mut new = place.address.clone();
    new.url = format!("{}{}", admin.url(), text(&place.webhook().await["path"]));
    assert_ne!(new.url, place.address.url);
    assert_eq!(place.address.send("old").await, StatusCode::ACCEPTED, "for a day");
    assert_eq!(new.send("new").await, StatusCode::ACCEPTED);
    admin.mutate("rotateWebhookUrl", rotate(0), "system { id }").await;
    for gone in [&place.address, &new] {
        assert_eq!(gone.send("gone").await, StatusCode::NOT_FOUND);
    }
    new.url = format!("{}{}", admin.url(), text(&place.webhook().await["path"]));
    let next = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";
    let mut signed = new.clone();
    signed.secret = next.to_owned();
    assert_eq!(signed.send("early").await, StatusCode::UNAUTHORIZED);
    for (secrets, old_is_good) in [(json!([next, super::SECRET]), true), (json!([next]), false)] {
        let input = json!({"systemId": place.system, "credentials": {"secrets": secrets}});
        admin.mutate("updateSystem", input, "system { id }").await;
        assert_eq!(signed.send(&new_id()).await, StatusCode::ACCEPTED);
        let expected = if old_is_good { StatusCode::ACCEPTED } else { StatusCode::UNAUTHORIZED };
        assert_eq!(new.send(&new_id()).await, expected);
    }
    let input = json!({"systemId": place.system, "credentials": null});
    admin.mutate("updateSystem", input, "system { id }").await;
    assert_eq!(
        refused(signed.event("x", &order("x"))).await,
        code(StatusCode::SERVICE_UNAVAILABLE, "not_ready")
    );
    assert_eq!(place.arrive("t", 5).await.len(), 5);
}

#[tokio::test]
async fn a_url_is_shown_to_those_who_may_change_the_system() {
    let place = Place::shared().await;
    let query = super::WEBHOOK;
    for (role, may) in [("TENANT_ADMIN", true), ("TENANT_VIEWER", false), ("SUPPORT", false)] {
        let viewer = place.scene.person(role).await;
        let webhook = viewer.query(query, json!({"id": place.system})).await["system"]["webhook"].clone();
        assert_eq!((webhook["path"].is_string(), &webhook["receivedCount"]), (may, &json!(0)), "{role}");
    }
    let http = place.scene.fixture.system(&place.scene.tenant, "sandbox", json!({}), Value::Null).await;
    assert_eq!(super::webhook(&place.scene, &http).await, Value::Null);
    let errors = place.scene.admin().refused("rotateWebhookUrl", json!({"systemId": http})).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("CONFLICT", "systemId"));
    let hours = json!({"systemId": place.system, "overlapHours": 169});
    let errors = place.scene.admin().refused("rotateWebhookUrl", hours).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("INVALID", "overlapHours"));
}

#[tokio::test]
async fn a_full_inbox_takes_nothing_until_it_is_read() {
    let trestle = Setup::new().split(1).await;
    let place = Place::of(&trestle, json!({})).await;
    let integration = place.reading("t", data()).await;
    let admin = place.scene.admin();
    admin.mutate("pauseIntegration", json!({"integrationId": integration}), "integration { id }").await;
    assert_eq!(place.address.send("1").await, StatusCode::ACCEPTED);
    // As if so many had come before it.
    let database = &trestle.stores().database;
    for sql in
        ["UPDATE webhook_event SET sequence = 100000", "UPDATE webhook_endpoint SET last_sequence = 100000"]
    {
        postgres_execute(database, sql).await;
    }
    let full = place.address.event("2", &order("2")).send().await.unwrap();
    assert_eq!(full.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(full.headers()["retry-after"], "60");
    until("that it is full is seen", SOON, async || {
        let webhook = place.webhook().await;
        if text(&webhook["lastRefusal"]).starts_with("Too much waits") { Ok(()) } else { Err(webhook) }
    })
    .await;
    assert_eq!(place.address.send("1").await, StatusCode::OK, "what is stored already is stored");
    admin.mutate("resumeIntegration", json!({"integrationId": integration}), "integration { id }").await;
    place.arrive("t", 1).await;
    until("there is room again", SOON, async || match place.address.send("2").await {
        StatusCode::ACCEPTED => Ok(()),
        other => Err(other),
    })
    .await;
    assert_eq!(place.arrive("t", 2).await, ["1", "2"]);
}
