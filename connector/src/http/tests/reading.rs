//! What is read, what is not a record, and what statuses mean.

use std::time::Duration;

use axum::Router;
use axum::extract::{Query, Request};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use serde_json::{Value, json};

use super::{Parameters, error, number, read, reply, serve, source, stream};
use crate::{CursorRange, SystemErrorKind};

#[tokio::test]
async fn incremental_runs_send_the_watermark_and_drop_what_is_old() {
    let router = Router::new().route(
        "/",
        get(|Query(query): Parameters| async move {
            assert_eq!(query.get("fields").map(String::as_str), Some("a b"));
            let all = [("3", Some(9)), ("1", Some(10)), ("4", None), ("2", Some(8))];
            let since = number(&query, "after", 0);
            // Gives what is at the watermark once more, as many APIs do.
            let given = all.iter().filter(|(_, at)| at.is_none_or(|at| at >= since));
            reply(json!(given.map(|(id, at)| json!({"id": id, "at": at})).collect::<Vec<_>>()))
        }),
    );
    let base = serve(router).await;
    let mut open = source(&base, json!({"path": "", "cursorParam": "after", "query": {"fields": "a b"}}));
    open.stream = stream(Some("at"));
    let first = read(open.clone()).await;
    assert_eq!((first.ids.len(), &first.watermark), (4, &Some(json!(10))));
    open.since = Some(json!(9));
    let next = read(open.clone()).await;
    assert_eq!((next.ids, next.watermark), (vec![json!("1"), json!("4")], Some(json!(10))));
    open.since = Some(json!(100));
    assert_eq!(read(open.clone()).await.watermark, Some(json!(100)));

    open.since = Some(json!(10));
    open.overlap = Some(1);
    let overlapping = read(open.clone()).await;
    assert_eq!(
        (overlapping.ids, overlapping.watermark),
        (["3", "1", "4"].map(Value::from).to_vec(), Some(json!(10)))
    );
    (open.since, open.overlap) = (None, None);
    open.from = Some(json!(10));
    assert_eq!(read(open.clone()).await.ids, ["1", "4"].map(Value::from));
    open.only = Some(CursorRange { from: json!(9), until: Some(json!(10)) });
    assert_eq!(read(open).await.ids, ["3"].map(Value::from));
}

#[tokio::test]
async fn what_is_not_a_record_fails_alone_and_what_is_not_a_list_fails_with_a_hint() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    let mixed = format!(
        r#"{{"items": [{{"id": 1}}, 5, {{"id": 12345678901234567890123}}, {{"id": "x", "deep": {deep}}}, null, {{"id": 18446744073709551615}}]}}"#
    );
    let huge = format!("[{{\"id\": \"{}\"}}]", "x".repeat(33 * 1024 * 1024));
    let text = |body: String| {
        get(move || {
            let body = body.clone();
            async move { body }
        })
    };
    let router = Router::new()
        .route("/mixed", text(mixed))
        .route("/huge", text(huge))
        .route("/html", text("<!DOCTYPE html><title>Sign in</title>".to_owned()))
        .route("/cut", text("[{\"id\": 1}, {\"id\"".to_owned()))
        .route("/empty", text(String::new()))
        .route("/latin", get(|| async { vec![0x22, 0xff, 0x22] }))
        .route("/bom", text("\u{feff}[{\"id\": 1}]".to_owned()))
        .route("/none", get(|| async { StatusCode::NO_CONTENT }));
    let base = serve(router).await;
    let mixed = read(source(&base, json!({"path": "mixed", "recordsPath": "/items"}))).await;
    assert_eq!(mixed.ids, [json!(1), json!(u64::MAX)]);
    assert_eq!(
        mixed.malformed,
        [
            "page 1, item 2: it is not an object",
            "page 1, item 3: a whole number has more digits than 64 bits hold; send it as text",
            "page 1, item 4: it is nested more than 128 levels deep",
            "page 1, item 5: it is not an object",
        ]
    );
    assert_eq!(read(source(&base, json!({"path": "bom"}))).await.ids, [json!(1)]);
    assert_eq!(read(source(&base, json!({"path": "none"}))).await.ids.len(), 0);
    for (options, hint) in [
        (json!({"path": "html"}), "a web page"),
        (json!({"path": "cut"}), "not JSON"),
        (json!({"path": "empty"}), "empty"),
        (json!({"path": "latin"}), "not text"),
        (json!({"path": "huge"}), "larger than 32 MiB"),
        (json!({"path": "mixed"}), "recordsPath must say where"),
        (json!({"path": "mixed", "recordsPath": "/data"}), "nothing at recordsPath `/data`"),
        (json!({"path": "mixed", "recordsPath": "/items/0"}), "is not a list"),
    ] {
        let error = error(source(&base, options.clone())).await;
        assert_eq!(error.kind, SystemErrorKind::Malformed, "{options}");
        assert!(error.hint.as_ref().unwrap().contains(hint), "{options}: {:?}", error.hint);
    }
}

#[tokio::test]
async fn statuses_mean_what_they_say() {
    let router = Router::new().route(
        "/{status}",
        any(|request: Request| async move {
            let status: u16 = request.uri().path()[1..].parse().unwrap();
            let mut response = (StatusCode::from_u16(status).unwrap(), "token=abc and more").into_response();
            let headers = response.headers_mut();
            match status {
                429 => {
                    headers.insert(header::RETRY_AFTER, "7".parse().unwrap());
                }
                503 => {
                    headers.insert(header::DATE, "Wed, 21 Oct 2015 07:28:00 GMT".parse().unwrap());
                    headers.insert(header::RETRY_AFTER, "Wed, 21 Oct 2015 07:29:30 GMT".parse().unwrap());
                }
                502 => {
                    headers.insert(header::RETRY_AFTER, "x".parse().unwrap());
                }
                _ => {}
            }
            response
        }),
    );
    let base = serve(router).await;
    for (status, kind, wait) in [
        (401, SystemErrorKind::Unauthorized, None),
        (403, SystemErrorKind::Unauthorized, None),
        (404, SystemErrorKind::NotFound, None),
        (410, SystemErrorKind::NotFound, None),
        (400, SystemErrorKind::Misconfigured, None),
        (422, SystemErrorKind::Misconfigured, None),
        (408, SystemErrorKind::Timeout, None),
        (429, SystemErrorKind::RateLimited, Some(7)),
        (500, SystemErrorKind::Unavailable, None),
        (502, SystemErrorKind::Unavailable, None),
        (503, SystemErrorKind::Unavailable, Some(90)),
    ] {
        let error = error(source(&base, json!({"path": status.to_string()}))).await;
        assert_eq!((error.kind, error.http_status), (kind, Some(status)), "{error}");
        assert_eq!(error.retry_after, wait.map(Duration::from_secs), "{status}");
        assert!(!error.detail.contains("abc"), "{error}");
    }
    let mut slow = source(&base, json!({"path": "200"}));
    slow.access.config["baseUrl"] = json!(
        serve(Router::new().fallback(any(|| async {
            std::future::pending::<()>().await;
        })))
        .await
    );
    slow.access.config["timeoutMs"] = json!(50);
    assert_eq!(error(slow).await.kind, SystemErrorKind::Timeout);
    let closed = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    assert_eq!(
        error(source(&format!("http://{closed}"), json!({"path": ""}))).await.kind,
        SystemErrorKind::Unavailable
    );
}
