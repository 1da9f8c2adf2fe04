//! How an API is reached: credentials, redirects, addresses, and how often.

use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::{access, connector, error, lists, numbers, read, reply, serve, source, try_read};
use crate::call::Tell;
use crate::egress::Redirects;
use crate::http::client::Client;
use crate::{Connector as _, Egress, HttpConnector, SystemErrorKind};

/// Who is asked without anything secret may redirect to a host that is not to know of traces.
#[tokio::test]
async fn where_redirects_lead_anywhere_no_single_host_is_told_of_the_trace() {
    let tell = |mut config: Value, redirects| {
        config["baseUrl"] = json!("http://127.0.0.1:9");
        let egress = Egress::new(vec!["127.0.0.0/8".parse().unwrap()]);
        Client::open(&egress, &access(config, &json!({"token": "t"})), redirects).unwrap().tell
    };
    assert_eq!(tell(json!({}), Redirects::SameOrigin), Tell::Anybody);
    assert_eq!(tell(json!({"auth": "bearer"}), Redirects::SameOrigin), Tell::Host);
    assert_eq!(tell(json!({"headers": {"X-Extra": "x"}}), Redirects::SameOrigin), Tell::Host);
    assert_eq!(tell(json!({}), Redirects::None), Tell::Host);
    assert_eq!(tell(json!({"headers": {"TraceParent": "00"}}), Redirects::None), Tell::Nobody);
}

#[tokio::test]
async fn credentials_are_sent_and_go_nowhere_else() {
    async fn show(headers: HeaderMap) -> Response {
        let sent = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        reply(json!([{"id": [sent("authorization"), sent("x-key"), sent("x-extra")]}]))
    }
    let other = serve(Router::new().route("/", get(show))).await;
    let target = other.clone();
    let router = Router::new()
        .route("/", get(show))
        .route("/away", get(move || async move { axum::response::Redirect::temporary(&target) }))
        .route("/here", get(|| async { axum::response::Redirect::permanent("/") }))
        .route("/loop", get(|| async { axum::response::Redirect::temporary("/loop") }))
        .route(
            "/metadata",
            get(|| async { axum::response::Redirect::temporary("http://169.254.169.254/latest/") }),
        )
        .route("/file", get(|| async { axum::response::Redirect::temporary("file:///etc/passwd") }));
    let base = serve(router).await;
    let open = |path: &str, config: Value, credentials: Value| {
        let mut open = source(&base, json!({"path": path}));
        open.access = access(config, &credentials);
        open.access.config["baseUrl"] = json!(base);
        open
    };
    let sent =
        async |config: Value, credentials: Value| read(open("", config, credentials).clone()).await.ids;
    assert_eq!(sent(json!({}), json!({"token": "unused"})).await, [json!([null, null, null])]);
    assert_eq!(
        sent(json!({"auth": "bearer", "headers": {"X-Extra": "e"}}), json!({"token": "t"})).await,
        [json!(["Bearer t", null, "e"])]
    );
    assert_eq!(
        sent(json!({"auth": "basic"}), json!({"username": "u", "password": "p:w"})).await,
        [json!(["Basic dTpwOnc=", null, null])]
    );
    assert_eq!(
        sent(json!({"auth": "header"}), json!({"headerName": "X-Key", "headerValue": "k"})).await,
        [json!([null, "k", null])]
    );
    for auth in ["bearer", "basic", "header"] {
        let error = error(open("", json!({"auth": auth}), json!({}))).await;
        assert_eq!(error.kind, SystemErrorKind::Unauthorized, "{auth}");
    }

    let bearer = json!({"auth": "bearer"});
    let token = json!({"token": "t"});
    assert_eq!(read(open("here", bearer.clone(), token.clone())).await.ids.len(), 1);
    assert_eq!(read(open("away", json!({}), json!({}))).await.ids.len(), 1);
    for (path, config, kind) in [
        ("away", bearer.clone(), SystemErrorKind::Misconfigured),
        ("away", json!({"headers": {"X-Key": "k"}}), SystemErrorKind::Misconfigured),
        ("loop", bearer.clone(), SystemErrorKind::Misconfigured),
        ("metadata", bearer, SystemErrorKind::Forbidden),
        ("metadata", json!({}), SystemErrorKind::Forbidden),
    ] {
        let error = error(open(path, config.clone(), token.clone())).await;
        assert_eq!(error.kind, kind, "{path} {config}: {error}");
        assert!(error.hint.is_some());
    }
    // Whatever the client library does with other schemes, nothing is read.
    assert!(try_read(open("file", json!({}), json!({}))).await.is_err());
}

#[tokio::test]
async fn addresses_and_paths_are_guarded() {
    let base = serve(lists()).await;
    let guarded = HttpConnector::new(Egress::default());
    for base in [base.as_str(), "http://localhost:9/", "http://[::127.0.0.1]:9", "http://2130706433"] {
        let open = source(base, json!({"path": "page"}));
        let opened = guarded.open_source(open.clone()).await;
        let error = match opened {
            Err(error) => error,
            Ok(mut source) => source.next_page().await.unwrap_err(),
        };
        assert_eq!(error.kind, SystemErrorKind::Forbidden, "{base}: {error}");
        assert_eq!(guarded.test(&open.access).await.unwrap_err().kind, SystemErrorKind::Forbidden);
    }
    for path in ["../x", "a/../../b", "%2e%2e/x", "a/%2E./b", "a\\..\\b", "./a", "a%2f..", "a#b"] {
        assert_eq!(
            error(source(&base, json!({"path": path}))).await.kind,
            SystemErrorKind::Misconfigured,
            "{path}"
        );
    }
    // What looks like another host is a path.
    for path in ["//example.com/x", "http://example.com/", "@example.com"] {
        assert_eq!(
            error(source(&base, json!({"path": path}))).await.kind,
            SystemErrorKind::NotFound,
            "{path}"
        );
    }
    for bad in ["ftp://x", "http://u:p@127.0.0.1/", "nonsense", "http://127.0.0.1/?a=b"] {
        assert_eq!(
            error(source(bad, json!({"path": ""}))).await.kind,
            SystemErrorKind::Misconfigured,
            "{bad}"
        );
    }
    assert_eq!(read(source(&base, json!({"path": "page?size=3&page=2"}))).await.ids, numbers(11..=13));
}

#[tokio::test]
async fn test_answers_with_a_sentence() {
    let router = Router::new()
        .route("/gone", get(|| async { StatusCode::NOT_FOUND }))
        .route("/down", get(|| async { StatusCode::BAD_GATEWAY }))
        .route("/no", get(|| async { StatusCode::FORBIDDEN }));
    let base = serve(router).await;
    let test = async |path: &str| {
        connector().test(&access(json!({"baseUrl": format!("{base}{path}")}), &json!({}))).await
    };
    assert_eq!(test("/gone").await.unwrap(), "Connected to the API (HTTP 404).");
    assert_eq!(test("/down").await.unwrap_err().kind, SystemErrorKind::Unavailable);
    assert_eq!(test("/no").await.unwrap_err().kind, SystemErrorKind::Unauthorized);
}

#[tokio::test]
async fn the_rate_limit_spaces_requests() {
    let base = serve(lists()).await;
    let mut open = source(&base, json!({"path": "page", "pagination": {"kind": "page"}}));
    open.access.config["rateLimitPerSecond"] = json!(50);
    let started = Instant::now();
    assert_eq!(read(open).await.ids.len(), 25);
    // Four requests (the last is empty), 20 ms apart.
    assert!(started.elapsed() >= Duration::from_millis(60), "{:?}", started.elapsed());
}
