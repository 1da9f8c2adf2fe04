//! The http connector against a real server on this machine. Deliberately absent: TLS, which is the
//! client library's.

#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

use std::collections::HashMap;

use axum::Router;
use axum::extract::Query;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{
    Connector, Cursor, Egress, HttpConnector, Item, OpenSource, Source, StreamSpec, SyncMode, SystemAccess,
    SystemError,
};

mod clues;
mod connection;
mod pagination;
mod reading;
mod removal;
mod writing;

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
