//! The http connector against a real server on this machine. Deliberately absent: TLS, which is the
//! client library's.

#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{
    Action, Connector, Cursor, CursorRange, Egress, HttpConnector, Item, OpenDestination, OpenSource, Record,
    RecordErrorKind, RecordKey, Source, StreamSpec, SyncMode, SystemAccess, SystemError, SystemErrorKind,
    Write, WriteOutcome,
};

mod clues;
mod pagination;

type Parameters = Query<HashMap<String, String>>;

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn connector() -> HttpConnector {
    HttpConnector::new(Egress::new(vec!["127.0.0.0/8".parse().unwrap()]))
}

fn access(config: Value, credentials: &Value) -> SystemAccess {
    SystemAccess {
        config,
        credentials: SecretString::from(credentials.to_string()),
        files_dir: std::path::PathBuf::new(),
        tokens: None,
        pace: Default::default(),
        progress: Default::default(),
        credential_store: Default::default(),
        inbox: None,
    }
}

fn stream(cursor: Option<&str>) -> StreamSpec {
    StreamSpec {
        name: "orders".to_owned(),
        key_fields: vec!["id".to_owned()],
        cursor_field: cursor.map(str::to_owned),
        mode: if cursor.is_some() { SyncMode::Incremental } else { SyncMode::Full },
        classified: Default::default(),
    }
}

fn source(base: &str, options: Value) -> OpenSource {
    OpenSource {
        access: access(json!({"baseUrl": base}), &json!({})),
        stream: stream(None),
        options,
        since: None,
        overlap: None,
        from: None,
        only: None,
        part: None,
        resume: None,
        page_records_max: 100,
    }
}

struct Read {
    ids: Vec<Value>,
    malformed: Vec<String>,
    pages: Vec<usize>,
    checkpoints: Vec<Cursor>,
    watermark: Option<Cursor>,
}

async fn try_read(open: OpenSource) -> Result<Read, SystemError> {
    let mut source: Box<dyn Source> = connector().open_source(open).await?;
    let mut read =
        Read { ids: vec![], malformed: vec![], pages: vec![], checkpoints: vec![], watermark: None };
    while let Some(page) = source.next_page().await? {
        read.pages.push(page.items.len());
        read.checkpoints.push(page.checkpoint);
        for item in page.items {
            match item {
                Item::Record(record) => read.ids.push(record["id"].clone()),
                Item::Malformed(malformed) => {
                    assert!(malformed.raw.is_some());
                    read.malformed.push(format!("{}: {}", malformed.position, malformed.reason));
                }
            }
        }
    }
    read.watermark = source.watermark();
    Ok(read)
}

async fn read(open: OpenSource) -> Read {
    try_read(open).await.unwrap()
}

async fn error(open: OpenSource) -> SystemError {
    match try_read(open).await {
        Err(error) => error,
        Ok(read) => panic!("read {:?}", read.ids),
    }
}

fn numbers(range: std::ops::RangeInclusive<u64>) -> Vec<Value> {
    range.map(Value::from).collect()
}

fn records(range: std::ops::Range<u64>) -> Vec<Value> {
    range.map(|id| json!({"id": id})).collect()
}

fn number(query: &HashMap<String, String>, name: &str, default: u64) -> u64 {
    query.get(name).map_or(default, |value| value.parse().unwrap())
}

fn reply(body: Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// 25 records in every kind of pagination; at most 10 a page, whatever is asked for.
fn lists() -> Router {
    const TOTAL: u64 = 25;
    let cut =
        |from: u64, size: u64| records((from + 1).min(TOTAL + 1)..(from + size.min(10) + 1).min(TOTAL + 1));
    Router::new()
        .route(
            "/page",
            get(move |Query(query): Parameters| async move {
                let page = number(&query, "page", 1);
                reply(json!(cut((page - 1) * 10, number(&query, "size", 10))))
            }),
        )
        .route(
            "/django",
            get(move |Query(query): Parameters| async move {
                let page = number(&query, "p", 0);
                if page > 2 {
                    return (StatusCode::NOT_FOUND, "Invalid page.").into_response();
                }
                reply(json!({"results": cut(page * 10, 10)}))
            }),
        )
        .route(
            "/offset",
            get(move |Query(query): Parameters| async move {
                reply(json!({"data": {"items": cut(number(&query, "skip", 0), number(&query, "take", 10))}}))
            }),
        )
        .route(
            "/cursor",
            get(move |Query(query): Parameters| async move {
                let from = number(&query, "after", 0);
                // An empty page in between is not the end.
                let items =
                    if from == 10 { vec![] } else { cut(if from > 10 { from - 10 } else { from }, 10) };
                let next = if from >= 30 { Value::Null } else { json!(from + 10) };
                reply(json!({"items": items, "paging": {"next": next}}))
            }),
        )
        .route(
            "/link",
            get(move |Query(query): Parameters| async move {
                let from = number(&query, "from", 0);
                let mut response = reply(json!(cut(from, 10)));
                if from < 20 {
                    let link = format!("</link?from=0>; rel=\"first\", <?from={}>; rel=\"next\"", from + 10);
                    response.headers_mut().insert(header::LINK, link.parse().unwrap());
                }
                response
            }),
        )
        .route("/whole", get(move || async move { reply(json!({"a/b": {"~": cut(0, 10)}})) }))
        .route("/ignores", get(move || async move { reply(json!(cut(0, 5))) }))
}

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
