//! Records that are sent on: signed as the library of the specification verifies, with an id that stays when a record is
//! sent again, and heeding what the receiver answers.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::SECRET;
use crate::scene::{Scene, changed_stream, sqlite_execute, text};

const NEXT_SECRET: &str = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";

/// Somebody who takes events.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    taken: Vec<Taken>,
    /// What the next requests about a record are answered with; 204 when there is nothing.
    answers: HashMap<String, VecDeque<(u16, Option<u64>)>>,
}

#[derive(Clone)]
struct Taken {
    headers: HeaderMap,
    body: Value,
    raw: Bytes,
    at: Instant,
}

impl Receiver {
    async fn start() -> (Self, String) {
        let receiver = Self::default();
        let router = Router::new().route("/events", post(take)).with_state(receiver.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    fn answer(&self, id: &str, status: u16, retry_after: Option<u64>) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.answers.entry(id.to_owned()).or_default().push_back((status, retry_after));
    }

    fn taken(&self) -> Vec<Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).taken.clone()
    }

    /// Ids of messages by records, in the order in which they came.
    fn messages(&self) -> BTreeMap<String, Vec<String>> {
        let mut messages: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for taken in self.taken() {
            let message = taken.headers["webhook-id"].to_str().unwrap().to_owned();
            messages.entry(text(&taken.body["data"]["id"])).or_default().push(message);
        }
        messages
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, raw: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&raw).unwrap();
    let id = text(&body["data"]["id"]);
    let mut inner = receiver.0.lock().unwrap_or_else(PoisonError::into_inner);
    inner.taken.push(Taken { headers, body, raw, at: Instant::now() });
    let Some((status, retry_after)) = inner.answers.get_mut(&id).and_then(VecDeque::pop_front) else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let status = StatusCode::from_u16(status).unwrap();
    match retry_after {
        Some(seconds) => (status, [("retry-after", seconds.to_string())]).into_response(),
        None => status.into_response(),
    }
}

/// From a table to a receiver.
struct Place {
    scene: Scene,
    receiver: Receiver,
    integration: String,
    system: String,
}

impl Place {
    async fn new(options: Value, changes: Value) -> Self {
        let scene = Scene::shared().await;
        let (receiver, url) = Receiver::start().await;
        let credentials = json!({"secrets": [SECRET, NEXT_SECRET]});
        let config = json!({"send": {"url": url}});
        let system = scene.fixture.system(&scene.tenant, "webhook", config, credentials).await;
        let table = "CREATE TABLE orders (id TEXT PRIMARY KEY, amount INTEGER)";
        sqlite_execute(&scene.files.path("shop.db"), table).await;
        let source = scene.sqlite_system("shop.db").await;
        let stream = changed_stream(json!({"table": "orders"}), options, changes);
        let integration = scene.integration(&source, &system, stream).await;
        Self { scene, receiver, integration, system }
    }

    async fn sql(&self, sql: &str) {
        sqlite_execute(&self.scene.files.path("shop.db"), sql).await;
    }

    async fn run(&self) -> Value {
        self.scene.run(&self.integration).await
    }
}

#[tokio::test]
async fn records_are_sent_signed_and_the_library_of_the_specification_verifies_them() {
    let place = Place::new(json!({"type": "order.changed"}), json!({})).await;
    place.sql("INSERT INTO orders VALUES ('a', 1), ('b', 2), ('ü', 3)").await;
    let run = place.run().await;
    assert_eq!((&run["status"], &run["counts"]["created"]), (&json!("SUCCEEDED"), &json!(3)), "{run:#}");
    let taken = place.receiver.taken();
    assert_eq!(taken.len(), 3);
    for event in &taken {
        for secret in [SECRET, NEXT_SECRET] {
            Webhook::new(secret).unwrap().verify(&event.raw, &event.headers).unwrap();
        }
        Webhook::new("whsec_b3RoZXJvdGhlcm90aGVy").unwrap().verify(&event.raw, &event.headers).unwrap_err();
        assert_eq!(event.body["type"], "order.changed");
        let names: Vec<_> = event.body.as_object().unwrap().keys().cloned().collect();
        assert_eq!(names, ["type", "timestamp", "data"]);
        chrono::DateTime::parse_from_rfc3339(event.body["timestamp"].as_str().unwrap()).unwrap();
    }
    // What did not change is not sent again, and what did is another message.
    place.sql("UPDATE orders SET amount = 10 WHERE id = 'b'").await;
    let run = place.run().await;
    assert_eq!((&run["counts"]["updated"], &run["counts"]["unchanged"]), (&json!(1), &json!(2)), "{run:#}");
    place.sql("UPDATE orders SET amount = 2 WHERE id = 'b'").await;
    place.run().await;
    let messages = place.receiver.messages();
    let mut of_b = messages["b"].clone();
    of_b.dedup();
    assert_eq!(
        (messages["a"].len(), of_b.len()),
        (1, 3),
        "values that were there before are another message, too"
    );
}

#[tokio::test]
async fn what_is_sent_again_has_the_same_id_and_comes_when_the_receiver_wants_it() {
    let place = Place::new(json!({}), json!({})).await;
    place.sql("INSERT INTO orders VALUES ('a', 1), ('b', 2)").await;
    place.receiver.answer("a", 429, Some(2));
    place.receiver.answer("b", 503, None);
    let run = place.run().await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    for (id, messages) in place.receiver.messages() {
        assert_eq!((messages.len(), &messages[0]), (2, &messages[1]), "{id}");
    }
    let of_a: Vec<_> =
        place.receiver.taken().into_iter().filter(|taken| taken.body["data"]["id"] == "a").collect();
    assert!(of_a[1].at - of_a[0].at >= Duration::from_secs(2));
    for event in &of_a {
        Webhook::new(SECRET).unwrap().verify(&event.raw, &event.headers).unwrap();
    }
    assert_ne!(
        of_a[0].headers["webhook-timestamp"], of_a[1].headers["webhook-timestamp"],
        "each has its time"
    );
}

#[tokio::test]
async fn a_record_that_is_refused_is_a_failure_and_its_retry_the_same_message() {
    let place = Place::new(json!({}), json!({})).await;
    place.sql("INSERT INTO orders VALUES ('a', 1), ('b', 2)").await;
    place.receiver.answer("a", 422, None);
    let run = place.run().await;
    assert_eq!((&run["status"], &run["counts"]["failed"]), (&json!("PARTIAL"), &json!(1)), "{run:#}");
    let failures = place.scene.failures(&run).await;
    assert_eq!(
        (&failures[0]["code"], &failures[0]["httpStatus"]),
        (&json!("destination.rejected"), &json!(422))
    );
    let input = json!({"failureIds": [failures[0]["id"]]});
    let retry = place.scene.admin().mutate("retryFailures", input, "retry { id }").await;
    let retry = place.scene.finished_retry(&retry["retry"]).await;
    assert_eq!(retry["resolved"], 1, "{retry:#}");
    let messages = place.receiver.messages();
    assert_eq!((messages["a"].len(), messages["b"].len()), (2, 1));
    assert_eq!(messages["a"][0], messages["a"][1]);
}

#[tokio::test]
async fn a_receiver_that_wants_no_more_stops_the_run() {
    let place = Place::new(json!({}), json!({})).await;
    place.sql("INSERT INTO orders VALUES ('a', 1)").await;
    place.receiver.answer("a", 410, None);
    let run = place.run().await;
    assert_eq!(
        (&run["status"], &run["failure"]["code"]),
        (&json!("FAILED"), &json!("destination.not_found")),
        "{run:#}"
    );
    assert_eq!(place.receiver.taken().len(), 1);
    let run = place.run().await;
    assert_eq!(run["status"], "SUCCEEDED", "it has changed its mind: {run:#}");
}

#[tokio::test]
async fn what_is_gone_is_said_once_each_time() {
    let place = Place::new(
        json!({"removedType": "order.removed"}),
        json!({"deletions": {"action": "DELETE", "maxPercent": 100}}),
    )
    .await;
    for time in 1..=2 {
        place.sql("INSERT INTO orders VALUES ('a', 1), ('b', 2)").await;
        place.run().await;
        place.sql("DELETE FROM orders WHERE id = 'a'").await;
        place.run().await;
        place.sql("DELETE FROM orders").await;
        let taken = place.receiver.taken();
        let removed: Vec<_> = taken.iter().filter(|event| event.body["type"] == "order.removed").collect();
        assert_eq!(removed.iter().filter(|event| event.body["data"] == json!({"id": "a"})).count(), time);
    }
    let mut messages = place.receiver.messages()["a"].clone();
    let count = messages.len();
    messages.sort();
    messages.dedup();
    assert_eq!(messages.len(), count, "removed, there again and removed again are messages of their own");
}

#[tokio::test]
async fn a_test_sends_an_event_and_says_what_was_answered() {
    let place = Place::new(json!({}), json!({})).await;
    let tested = async || {
        let system = place.scene.admin().mutate(
            "testSystem",
            json!({"systemId": place.system}),
            "system { status statusMessage }",
        );
        system.await["system"].clone()
    };
    let system = tested().await;
    assert_eq!(system["status"], "HEALTHY", "{system:#}");
    assert!(text(&system["statusMessage"]).contains("HTTP 204"), "{system:#}");
    assert_eq!(place.receiver.taken()[0].body["type"], "trestle.test");
    for (status, expected) in [(401, "REAUTH_REQUIRED"), (410, "FAILING"), (500, "FAILING")] {
        place.receiver.answer("", status, None);
        assert_eq!(tested().await["status"], expected, "{status}");
    }
}
