//! What becomes of records that are written: one by one, again, and when the whole API refuses.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Value, json};

use super::{access, connector, serve, stream};
use crate::{
    Action, Connector as _, OpenDestination, Record, RecordErrorKind, RecordKey, SystemError,
    SystemErrorKind, Write, WriteOutcome,
};

/// Method, path, idempotency key and body.
type Sent = (Method, String, String, Value);

#[derive(Clone, Default)]
struct Seen {
    requests: Arc<Mutex<Vec<Sent>>>,
    in_flight: Arc<AtomicUsize>,
    in_flight_max: Arc<AtomicUsize>,
}

/// Does with a record what its field `do` says, the first `times` times.
async fn take(State(seen): State<Seen>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let now = seen.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
    seen.in_flight_max.fetch_max(now, Ordering::SeqCst);
    let body: Value = serde_json::from_slice(&axum::body::to_bytes(body, 1 << 20).await.unwrap()).unwrap();
    let key = parts.headers.get("idempotency-key").map_or("", |key| key.to_str().unwrap()).to_owned();
    tokio::task::yield_now().await;
    let attempts = {
        let mut requests = seen.requests.lock().unwrap();
        requests.push((parts.method, parts.uri.path().to_owned(), key, body.clone()));
        requests.iter().filter(|request| request.3 == body).count() as u64
    };
    seen.in_flight.fetch_sub(1, Ordering::SeqCst);
    let status =
        body["do"].as_u64().filter(|_| attempts <= body["times"].as_u64().unwrap_or(u64::MAX)).unwrap_or(200);
    let mut response = match status {
        201 => (StatusCode::CREATED, json!({"id": 4711}).to_string()).into_response(),
        422 => (
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({"errors": {"email": ["bad: a@b"]}, "token": "zzz"}).to_string(),
        )
            .into_response(),
        other => StatusCode::from_u16(other as u16).unwrap().into_response(),
    };
    if status == 429 {
        response.headers_mut().insert(header::RETRY_AFTER, "0".parse().unwrap());
    }
    response
}

fn writes(records: &[Value]) -> Vec<Write> {
    let write = |value: &Value| {
        let mut record: Record = value.as_object().unwrap().clone().into();
        let revision = record.remove("revision").map_or(0, |revision| revision.as_u64().unwrap());
        let key = RecordKey::of(&record, &["id".to_owned()]).unwrap();
        Write { key, known: record.contains_key("known"), revision, record }
    };
    records.iter().map(write).collect()
}

async fn write(base: &str, options: Value, records: &[Value]) -> Result<Vec<WriteOutcome>, SystemError> {
    write_in(uuid::Uuid::nil(), base, options, records).await
}

async fn write_in(
    run: uuid::Uuid,
    base: &str,
    options: Value,
    records: &[Value],
) -> Result<Vec<WriteOutcome>, SystemError> {
    let open = OpenDestination {
        access: access(json!({"baseUrl": base}), &json!({})),
        stream: stream(None),
        options,
        run,
        integration: uuid::Uuid::nil(),
        resumed: false,
    };
    let mut destination = connector().open_destination(open).await?;
    assert!(!destination.detects_unchanged());
    let outcomes = destination.write(&writes(records)).await?;
    destination.finish().await?;
    Ok(outcomes)
}

async fn api() -> (String, Seen) {
    let seen = Seen::default();
    (serve(Router::new().fallback(any(take)).with_state(seen.clone())).await, seen)
}

#[tokio::test]
async fn what_was_removed_and_is_there_again_is_no_repetition_and_a_retry_is_one() {
    let (base, seen) = api().await;
    let (one, other) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    let record = [json!({"id": 1})];
    // Only where the key is in the path can something be removed.
    for (options, is_same) in
        [(json!({"path": "orders", "keyInPath": true}), false), (json!({"path": "orders"}), true)]
    {
        seen.requests.lock().unwrap().clear();
        for run in [one, one, other] {
            write_in(run, &base, options.clone(), &record).await.unwrap();
        }
        let keys: Vec<String> =
            seen.requests.lock().unwrap().iter().map(|request| request.2.clone()).collect();
        assert_eq!(keys[0], keys[1], "within a run it is a repetition");
        assert_eq!(keys[0] == keys[2], is_same, "{options}");
    }
    // What is known is told apart by its revision alone.
    seen.requests.lock().unwrap().clear();
    let known = [json!({"id": 1, "known": true, "revision": 7})];
    for run in [one, other] {
        write_in(run, &base, json!({"path": "orders", "keyInPath": true}), &known).await.unwrap();
    }
    let requests = seen.requests.lock().unwrap();
    assert_eq!(requests[0].2, requests[1].2);
}

#[tokio::test]
async fn each_record_has_its_own_outcome() {
    let (base, seen) = api().await;
    let batch = [
        json!({"id": 1, "do": 201}),
        json!({"id": 2, "known": true}),
        json!({"id": 3, "do": 204}),
        json!({"id": 4, "do": 422, "email": "a@b"}),
        json!({"id": 5, "do": 409}),
        json!({"id": 6, "do": 503, "times": 2}),
        json!({"id": 7, "do": 429, "times": 1}),
        json!({"id": 8, "do": 429}),
        json!({"id": 9, "do": 200}),
        json!({"id": 10, "do": 400}),
    ];
    let outcomes = write(&base, json!({"path": "orders"}), &batch).await.unwrap();
    let shown: Vec<String> = outcomes
        .iter()
        .map(|outcome| match outcome {
            WriteOutcome::Written { action, destination_key } => format!("{action:?} {destination_key:?}"),
            WriteOutcome::Failed(error) => {
                let fields: Vec<&str> = error.field_errors.iter().map(|field| field.path.as_str()).collect();
                format!("{:?} {:?} {fields:?}", error.kind, error.http_status)
            }
        })
        .collect();
    assert_eq!(
        shown,
        [
            "Created Some(\"4711\")",
            "Updated None",
            "Created None",
            "Rejected Some(422) [\"/email\"]",
            "Conflict Some(409) []",
            "Created None",
            "Created None",
            "RateLimited Some(429) []",
            "Created None",
            "Rejected Some(400) []",
        ]
    );
    let WriteOutcome::Failed(refused) = &outcomes[3] else { panic!("refused") };
    assert_eq!(refused.kind, RecordErrorKind::Rejected);
    assert!(!refused.detail.contains("zzz") && refused.detail.contains("bad: a@b"), "{}", refused.detail);
    assert!(!refused.field_errors[0].message.contains("a@b"));
    let requests = seen.requests.lock().unwrap();
    let attempts = |id: u64| requests.iter().filter(|request| request.3["id"] == id).count();
    assert_eq!((attempts(1), attempts(6), attempts(7), attempts(8)), (1, 3, 2, 5));
    assert!(requests.iter().all(|(method, path, ..)| method == Method::POST && path == "/orders"));
}

#[tokio::test]
async fn idempotency_keys_follow_the_record_and_several_requests_are_in_flight() {
    let (base, seen) = api().await;
    let batch: Vec<Value> = (0..200).map(|id| json!({"id": id, "v": 1})).collect();
    let outcomes = write(&base, json!({"path": "orders"}), &batch).await.unwrap();
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, WriteOutcome::Written { action: Action::Created, .. }))
    );
    let most = seen.in_flight_max.load(Ordering::SeqCst);
    assert!((2..=8).contains(&most), "{most} in flight");
    write(&base, json!({"path": "orders"}), &[json!({"id": 7, "v": 1}), json!({"id": 8, "v": 2})])
        .await
        .unwrap();
    // Once more what it was before it was something else.
    for revision in [5, 5, 6] {
        let again = json!({"id": 9, "v": 1, "revision": revision});
        write(&base, json!({"path": "orders"}), &[again]).await.unwrap();
    }
    let requests = seen.requests.lock().unwrap();
    let keys = |id: u64| requests.iter().filter(|r| r.3["id"] == id).map(|r| r.2.clone()).collect::<Vec<_>>();
    assert_eq!(keys(7)[0], keys(7)[1]);
    assert_ne!(keys(8)[0], keys(8)[1]);
    assert_ne!(keys(7)[0], keys(8)[0]);
    let [first, second, second_again, third] = &keys(9)[..] else { unreachable!("there were four requests") };
    assert_eq!(second, second_again);
    assert!(first != second && second != third && first != third);
}

#[tokio::test]
async fn keys_in_paths_are_encoded() {
    let (base, seen) = api().await;
    let options =
        json!({"path": "a/orders/", "method": "PUT", "keyInPath": true, "idempotencyHeader": "X-Once"});
    let batch = [json!({"id": "a/b ?#é%"}), json!({"id": ".."}), json!({"id": "x", "do": 404})];
    let outcomes = write(&base, options, &batch).await.unwrap();
    assert!(matches!(outcomes[0], WriteOutcome::Written { .. }));
    for place in [1, 2] {
        let WriteOutcome::Failed(refused) = &outcomes[place] else { panic!("refused") };
        assert_eq!(refused.kind, RecordErrorKind::Rejected);
    }
    let requests = seen.requests.lock().unwrap();
    let paths: Vec<&str> = requests.iter().map(|request| request.1.as_str()).collect();
    assert!(paths.contains(&"/a/orders/a%2Fb%20%3F%23%C3%A9%25"), "{paths:?}");
    assert!(requests.iter().all(|request| request.0 == Method::PUT && request.2.is_empty()));
}

#[tokio::test]
async fn what_concerns_the_whole_api_stops_the_batch() {
    let (base, seen) = api().await;
    for (status, kind) in [
        (401, SystemErrorKind::Unauthorized),
        (403, SystemErrorKind::Unauthorized),
        (404, SystemErrorKind::NotFound),
        (307, SystemErrorKind::Misconfigured),
    ] {
        let error = write(&base, json!({"path": "x"}), &[json!({"id": 1}), json!({"id": 2, "do": status})])
            .await
            .unwrap_err();
        assert_eq!((error.kind, error.http_status), (kind, Some(status)));
    }
    // Every record of the batch fails although each is tried again: the API is down.
    let down: Vec<Value> = (0..3).map(|id| json!({"id": id, "do": 429})).collect();
    let error = write(&base, json!({"path": "x"}), &down).await.unwrap_err();
    assert_eq!((error.kind, error.http_status), (SystemErrorKind::RateLimited, Some(429)));
    // It goes down in the middle: the rest is not tried one by one.
    seen.requests.lock().unwrap().clear();
    let mut batch = vec![json!({"id": 0})];
    batch.extend((1..1000).map(|id| json!({"id": id, "do": 429})));
    assert_eq!(
        write(&base, json!({"path": "x"}), &batch).await.unwrap_err().kind,
        SystemErrorKind::RateLimited
    );
    assert!(seen.requests.lock().unwrap().len() < 300);
}

#[tokio::test]
async fn an_api_that_is_not_there_is_unavailable() {
    let closed = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    let batch: Vec<Value> = (0..100).map(|id| json!({"id": id})).collect();
    let error = write(&format!("http://{closed}"), json!({"path": "x"}), &batch).await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Unavailable, "{error}");
}
