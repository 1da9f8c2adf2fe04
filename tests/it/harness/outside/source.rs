//! The reading side of the outside system: the same records behind every kind of pagination.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Records a page when the caller does not say.
const PAGE_SIZE: usize = 100;

/// A way to page through the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pagination {
    /// All records in one answer, a bare array.
    None,
    /// `?page=N&size=M`, records in `data`.
    Page,
    /// `?offset=N&limit=M`, a bare array.
    Offset,
    /// `?after=TOKEN`, records in `data`, the next token in `meta.next`.
    Cursor,
    /// `Link: <…>; rel="next"` (RFC 8288), a bare array.
    Link,
}

impl Pagination {
    /// The `source` options of a stream of the `http` connector. All take `?since=` as their cursor, which
    /// leaves out what was not updated after it.
    pub(super) fn options(self) -> Value {
        match self {
            Self::None => json!({"path": "/source/all", "cursorParam": "since"}),
            Self::Page => json!({
                "path": "/source/page", "recordsPath": "/data", "cursorParam": "since",
                "pagination": {"kind": "page", "param": "page", "sizeParam": "size", "size": PAGE_SIZE},
            }),
            Self::Offset => json!({
                "path": "/source/offset", "cursorParam": "since",
                "pagination": {"kind": "offset", "param": "offset", "sizeParam": "limit", "size": PAGE_SIZE},
            }),
            Self::Cursor => json!({
                "path": "/source/cursor", "recordsPath": "/data", "cursorParam": "since",
                "pagination": {"kind": "cursor", "param": "after", "nextPath": "/meta/next"},
            }),
            Self::Link => {
                json!({"path": "/source/link", "cursorParam": "since", "pagination": {"kind": "link"}})
            }
        }
    }
}

/// Records `R-00001` … with rising `updatedAt`, always the same.
pub(super) fn generate(count: usize) -> Vec<Value> {
    let start = chrono::DateTime::from_timestamp(1_767_225_600, 0).expect("2026-01-01");
    (1..=count)
        .map(|number| {
            let updated_at =
                start + chrono::TimeDelta::seconds(i64::try_from(number).expect("a small number"));
            json!({
                "id": format!("R-{number:05}"),
                "email": format!("Person{number}@Example.COM"),
                "amount": format!("{}.{:02}", number % 1000, number % 100),
                "updatedAt": updated_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            })
        })
        .collect()
}

/// Answers `target`, path and query below the source's path.
pub(super) fn read(records: &[Value], target: &str) -> Response {
    let url =
        reqwest::Url::parse("http://outside/").and_then(|base| base.join(target)).expect("a target of HTTP");
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let since = query.get("since").filter(|since| !since.is_empty());
    let records: Vec<&Value> = records
        .iter()
        .filter(|record| {
            since.is_none_or(|since| record["updatedAt"].as_str().is_some_and(|at| at > since.as_str()))
        })
        .collect();
    let number =
        |name: &str, default: usize| query.get(name).map_or(Ok(default), |value| value.parse::<usize>());
    let numbers =
        (number("page", 1), number("size", PAGE_SIZE), number("offset", 0), number("limit", PAGE_SIZE));
    let (Ok(page), Ok(size), Ok(offset), Ok(limit)) = numbers else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let slice =
        |start: usize, count: usize| records.iter().skip(start).take(count).copied().collect::<Vec<_>>();
    match url.path() {
        "/all" => Json(records).into_response(),
        "/page" => {
            Json(json!({"data": slice(page.saturating_sub(1).saturating_mul(size), size)})).into_response()
        }
        "/offset" => Json(slice(offset, limit)).into_response(),
        "/cursor" => {
            let start =
                match query.get("after").map(|token| token.strip_prefix("token-").map(str::parse::<usize>)) {
                    None => 0,
                    Some(Some(Ok(start))) => start,
                    Some(_) => return StatusCode::BAD_REQUEST.into_response(),
                };
            let end = start.saturating_add(PAGE_SIZE);
            let next = (end < records.len()).then(|| format!("token-{end}"));
            Json(json!({"data": slice(start, PAGE_SIZE), "meta": {"next": next}})).into_response()
        }
        "/link" => {
            let body = Json(slice(page.saturating_sub(1).saturating_mul(PAGE_SIZE), PAGE_SIZE));
            if page.saturating_mul(PAGE_SIZE) >= records.len() {
                return body.into_response();
            }
            let mut next = format!("/source/link?page={}", page + 1);
            if let Some(since) = since {
                next.push_str(&format!("&since={since}"));
            }
            ([(header::LINK, format!("<{next}>; rel=\"next\""))], body).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
