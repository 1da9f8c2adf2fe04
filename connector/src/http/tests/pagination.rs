//! Lists in pages: each kind of pagination, to the end, once, from anywhere, and in slices.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::Query;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};

use super::{Parameters, connector, error, lists, number, numbers, read, records, reply, serve, source};
use crate::{Connector as _, OpenSource, SyncMode, SystemErrorKind};

#[tokio::test]
async fn every_pagination_reads_everything_and_resumes_anywhere() {
    let base = serve(Router::new().nest("/api", lists())).await + "/api/";
    let paginations = [
        json!({"path": "page", "pagination": {"kind": "page"}}),
        json!({"path": "/page", "pagination": {"kind": "page", "sizeParam": "size", "size": 10}}),
        // The API gives 10 though 50 are asked for: a short first page is not the end.
        json!({"path": "page", "pagination": {"kind": "page", "sizeParam": "size", "size": 50}}),
        json!({"path": "django", "recordsPath": "/results", "pagination": {"kind": "page", "param": "p", "start": 0}}),
        json!({"path": "offset", "recordsPath": "/data/items",
            "pagination": {"kind": "offset", "param": "skip", "sizeParam": "take", "size": 10}}),
        json!({"path": "offset", "recordsPath": "/data/items",
            "pagination": {"kind": "offset", "param": "skip", "sizeParam": "take", "size": 40}}),
        json!({"path": "cursor", "recordsPath": "/items",
            "pagination": {"kind": "cursor", "param": "after", "nextPath": "/paging/next"}}),
        json!({"path": "link", "pagination": {"kind": "link"}}),
    ];
    for options in paginations {
        for page_records_max in [100, 4] {
            let mut open = source(&base, options.clone());
            open.page_records_max = page_records_max;
            let whole = read(open.clone()).await;
            assert_eq!(whole.ids, numbers(1..=25), "{options}");
            assert!(whole.pages.iter().all(|page| *page <= page_records_max), "{options}");
            assert_eq!(whole.watermark, None);
            for (page, checkpoint) in whole.checkpoints.iter().enumerate() {
                open.resume = Some(checkpoint.clone());
                let given: usize = whole.pages[..=page].iter().sum();
                assert_eq!(read(open.clone()).await.ids, whole.ids[given..], "{options} after page {page}");
            }
        }
    }
    assert_eq!(
        read(source(&base, json!({"path": "whole", "recordsPath": "/a~1b/~0"}))).await.ids,
        numbers(1..=10)
    );
    let ignores = json!({"path": "ignores", "pagination": {"kind": "page", "size": 10}});
    assert_eq!(read(source(&base, ignores)).await.ids, numbers(1..=5));
}

#[tokio::test]
async fn pages_whose_number_the_api_tells_are_read_in_slices_each_once() {
    let (total, missing) = (Arc::new(AtomicU64::new(25)), Arc::new(AtomicU64::new(0)));
    let (told, gone) = (Arc::clone(&total), Arc::clone(&missing));
    // Page 3 shows nothing, and pages are shorter than asked for.
    let list = get(move |Query(query): Parameters| async move {
        let (page, total) = (number(&query, "page", 1), told.load(Ordering::Relaxed));
        if page == gone.load(Ordering::Relaxed) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let first = (page - 1) * 4 + 1;
        let shown =
            if page == 3 { Vec::new() } else { records(first.min(total + 1)..(first + 4).min(total + 1)) };
        reply(
            json!({"data": shown, "meta": {"pages": total.div_ceil(4).to_string(), "records": total * 100}}),
        )
    });
    let base = serve(Router::new().route("/list", list)).await;
    let pages = |path: &str| json!({"kind": "page", "sizeParam": "size", "size": 50, "pagesPath": path});
    let options =
        json!({"path": "list", "recordsPath": "/data", "pagination": pages("/meta/pages"), "slices": 3});
    let open = source(&base, options.clone());
    let connector = connector();
    assert!(connector.may_be_divided(&open.options));
    let whole: Vec<Value> = numbers(1..=8).into_iter().chain(numbers(13..=25)).collect();
    assert_eq!(read(open.clone()).await.ids, whole);
    let division = connector.divide(&open).await.unwrap().expect("it has seven pages");
    let bounds: Vec<_> = division.parts.iter().map(|part| (&part["fromPage"], &part["untilPage"])).collect();
    assert_eq!(bounds, [(&json!(1), &json!(3)), (&json!(3), &json!(5)), (&json!(5), &Value::Null)]);
    // What comes later is on the last pages.
    total.store(34, Ordering::Relaxed);
    let mut ids = Vec::new();
    for part in &division.parts {
        let part = OpenSource { part: Some(part.clone()), page_records_max: 3, ..open.clone() };
        let read_whole = read(part.clone()).await;
        for (page, checkpoint) in read_whole.checkpoints.iter().enumerate() {
            let given: usize = read_whole.pages[..=page].iter().sum();
            let rest = read(OpenSource { resume: Some(checkpoint.clone()), ..part.clone() }).await;
            assert_eq!(rest.ids, read_whole.ids[given..]);
        }
        ids.extend(read_whole.ids);
    }
    assert_eq!(ids, [whole, numbers(26..=34)].concat());

    // What is not there in between is not the end, nor is another pagination the same part.
    missing.store(5, Ordering::Relaxed);
    let last = OpenSource { part: division.parts.last().cloned(), ..open.clone() };
    for part in [last.clone(), open.clone()] {
        assert_eq!(error(part).await.kind, SystemErrorKind::NotFound);
    }
    total.store(16, Ordering::Relaxed);
    assert!(read(last.clone()).await.ids.is_empty(), "the list is shorter by now");
    let mut other = last;
    other.options["pagination"]["size"] = json!(25);
    assert_eq!(error(other).await.kind, SystemErrorKind::Misconfigured);
    missing.store(0, Ordering::Relaxed);
    let records = json!({"path": "list", "recordsPath": "/data", "pagination": pages("/meta/records")});
    let hint = error(source(&base, records)).await.hint.unwrap();
    assert!(hint.contains("check that pagesPath is the number of pages"), "{hint}");

    let mut incremental = open.clone();
    incremental.stream.mode = SyncMode::Incremental;
    assert_eq!(connector.divide(&incremental).await.unwrap(), None);
    let unknown = json!({"path": "list", "recordsPath": "/data", "pagination": pages("/pages"), "slices": 3});
    let error = connector.divide(&source(&base, unknown)).await.unwrap_err();
    assert_eq!(
        error.hint.as_deref(),
        Some("what the reply has at pagesPath `/pages` is not a number of pages")
    );
}

#[tokio::test]
async fn paginations_that_go_in_circles_are_noticed() {
    let router = Router::new()
        .route("/same", get(|| async { reply(json!(records(1..3))) }))
        .route("/cursor", get(|Query(query): Parameters| async move {
            let next = if query.get("c").map(String::as_str) == Some("b") { "a" } else { "b" };
            reply(json!({"items": [{"id": query.get("c")}], "next": if query.contains_key("c") { next } else { "a" }}))
        }))
        .route("/link", get(|Query(query): Parameters| async move {
            let from = number(&query, "n", 0);
            let mut response = reply(json!([{"id": from}]));
            response.headers_mut().insert(header::LINK, format!("</link?n={}>; rel=next", (from + 1) % 3).parse().unwrap());
            response
        }))
        .route("/away", get(|| async {
            let mut response = reply(json!([{"id": 1}]));
            response.headers_mut().insert(header::LINK, "<http://127.0.0.1:1/>; rel=next".parse().unwrap());
            response
        }))
        .route("/odd", get(|| async { reply(json!({"items": [{"id": 1}], "next": {"a": 1}})) }));
    let base = serve(router).await;
    let cursor = json!({"kind": "cursor", "param": "c", "nextPath": "/next"});
    for options in [
        json!({"path": "same", "pagination": {"kind": "page"}}),
        json!({"path": "same", "pagination": {"kind": "offset", "param": "o", "sizeParam": "s", "size": 2}}),
        json!({"path": "cursor", "recordsPath": "/items", "pagination": cursor}),
        json!({"path": "link", "pagination": {"kind": "link"}}),
        json!({"path": "away", "pagination": {"kind": "link"}}),
        json!({"path": "odd", "recordsPath": "/items", "pagination": cursor}),
    ] {
        let error = error(source(&base, options.clone())).await;
        assert_eq!(error.kind, SystemErrorKind::Malformed, "{options}: {error}");
        assert!(error.hint.is_some());
    }
}
