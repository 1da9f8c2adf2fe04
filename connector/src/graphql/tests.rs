//! The graphql connector against a real GraphQL server on this machine. Deliberately absent: what every connector must
//! do, which `tests/contract` checks.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_graphql::types::connection::{Connection, Edge, query};
use async_graphql::{
    Context, EmptySubscription, Error, ErrorExtensions, Object, Request, Result, Schema, SimpleObject,
};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

use super::GraphqlConnector;
use crate::testing::{items_of, malformed_of, open_source, read_all, records_of, resumes_everywhere};
use crate::{Connector, Cursor, CursorRange, Egress, OpenSource, SyncMode, SystemError, SystemErrorKind};

const LIST: &str = "query ($after: String, $first: Int!, $since: String, $fail: String) {
  orders(after: $after, first: $first, since: $since, fail: $fail) {
    edges { cursor node { id total updatedAt } } nodes { id } pageInfo { hasNextPage endCursor }
  }
}";

/// What the server does besides answering.
#[derive(Clone, Default)]
struct World {
    /// Variables of each request.
    asked: Arc<Mutex<Vec<Value>>>,
    /// Served in place of the server's own answer.
    instead: Arc<Mutex<Option<(u16, Value)>>>,
    wrote: Arc<Mutex<u32>>,
}

#[derive(SimpleObject, Clone)]
struct Order {
    id: u32,
    total: f64,
    updated_at: String,
}

struct Query;

#[Object]
impl Query {
    async fn orders(
        &self,
        after: Option<String>,
        first: i32,
        since: Option<String>,
        fail: Option<String>,
    ) -> Result<Connection<u32, Order>> {
        let since = since.unwrap_or_default();
        query(after, None, Some(first), None, |after: Option<u32>, _, first: Option<usize>, _| async move {
            let orders: Vec<Order> = (1..=11)
                .map(|id| Order {
                    id,
                    total: 0.1 * f64::from(id),
                    updated_at: format!("2026-01-{id:02}T00:00:00Z"),
                })
                .filter(|order| order.updated_at > since)
                .collect();
            let rest: Vec<Order> =
                orders.into_iter().filter(|order| after.is_none_or(|after| order.id > after)).collect();
            let size = first.unwrap_or(0);
            if let (Some(code), true) = (&fail, after.is_some()) {
                return Err(Error::new("token s3cr3t-value is not enough").extend_with(|_, extensions| {
                    if code != "none" {
                        extensions.set("code", code.as_str());
                    }
                }));
            }
            let mut connection = Connection::new(after.is_some(), rest.len() > size);
            connection.edges.extend(rest.into_iter().take(size).map(|order| Edge::new(order.id, order)));
            Ok::<_, Error>(connection)
        })
        .await
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn delete_all(&self, context: &Context<'_>) -> Result<bool> {
        *context.data::<World>()?.wrote.lock().unwrap() += 1;
        Ok(true)
    }
}

type Orders = Schema<Query, Mutation, EmptySubscription>;

async fn answer(
    State((schema, world)): State<(Orders, World)>,
    headers: HeaderMap,
    body: String,
) -> Response {
    assert!(headers[header::ACCEPT].to_str().unwrap().starts_with("application/graphql-response+json"));
    let request: Request = serde_json::from_str(&body).unwrap();
    let sent: Value = serde_json::from_str(&body).unwrap();
    world.asked.lock().unwrap().push(sent["variables"].clone());
    if let Some((status, body)) = world.instead.lock().unwrap().clone() {
        let retry_after = [(header::RETRY_AFTER, if status == 200 { "x" } else { "7" })];
        return (StatusCode::from_u16(status).unwrap(), retry_after, body.to_string()).into_response();
    }
    serde_json::to_string(&schema.execute(request).await).unwrap().into_response()
}

async fn serve() -> (World, String) {
    let world = World::default();
    let schema = Schema::build(Query, Mutation, EmptySubscription).data(world.clone()).finish();
    let router = Router::new().route("/graphql", post(answer)).with_state((schema, world.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (world, format!("http://{address}/graphql"))
}

fn connector() -> GraphqlConnector {
    GraphqlConnector::new(Egress::new(vec!["127.0.0.0/8".parse().unwrap()]))
}

fn source(url: &str, options: Value) -> OpenSource {
    let mut open = open_source(options, &["id"], 3);
    open.access.config = json!({"url": url, "auth": "bearer"});
    open.access.credentials = json!({"token": "s3cr3t-value"}).to_string().into();
    open
}

fn pages(path: &str) -> Value {
    let pagination = json!({"kind": "relay", "sizeVariable": "first", "size": 4});
    json!({"query": LIST, "recordsPath": path, "pagination": pagination})
}

async fn error(open: OpenSource) -> SystemError {
    let error = read_all(&connector(), open).await.unwrap_err();
    assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
    error
}

fn ids(items: &[crate::Item]) -> Vec<Value> {
    records_of(items).iter().map(|record| record["id"].clone()).collect()
}

fn numbers(range: std::ops::RangeInclusive<u32>) -> Vec<Value> {
    range.map(Value::from).collect()
}

#[tokio::test]
async fn connections_are_read_page_by_page_by_edges_and_by_nodes() {
    let (world, url) = serve().await;
    for path in ["/data/orders/edges", "/data/orders/nodes"] {
        world.asked.lock().unwrap().clear();
        assert_eq!(ids(&items_of(&connector(), source(&url, pages(path))).await), numbers(1..=11));
        let after: Vec<Value> =
            world.asked.lock().unwrap().iter().map(|asked| asked["after"].clone()).collect();
        assert_eq!(after, [json!(null), json!("4"), json!("8")]);
        resumes_everywhere(&connector(), source(&url, pages(path))).await;
    }
    let record = &records_of(&items_of(&connector(), source(&url, pages("/data/orders/edges"))).await)[2];
    assert_eq!(
        Value::from(record.clone()),
        json!({"id": 3, "total": 0.300_000_000_000_000_04, "updatedAt": "2026-01-03T00:00:00Z"})
    );

    let mut named = pages("/data/orders/nodes");
    named["pagination"]["pageInfoPath"] = json!("/data/orders/pageInfo");
    assert_eq!(ids(&items_of(&connector(), source(&url, named)).await).len(), 11);
    for pagination in [json!(null), json!({"kind": "none"})] {
        let mut once = pages("/data/orders/nodes");
        once["variables"] = json!({"first": 5});
        once["pagination"] = pagination;
        assert_eq!(ids(&items_of(&connector(), source(&url, once)).await), numbers(1..=5));
    }
}

#[tokio::test]
async fn incremental_asks_for_what_is_newer() {
    let (world, url) = serve().await;
    let mut options = pages("/data/orders/edges");
    options["cursorVariable"] = json!("since");
    let mut open = source(&url, options);
    open.stream.mode = SyncMode::Incremental;
    open.stream.cursor_field = Some("updatedAt".to_owned());
    open.since = Some(json!("2026-01-09T00:00:00Z"));
    let (items, watermark): (_, Option<Cursor>) = read_all(&connector(), open.clone()).await.unwrap();
    assert_eq!(ids(&items), numbers(10..=11));
    assert_eq!(watermark, Some(json!("2026-01-11T00:00:00Z")));
    assert_eq!(world.asked.lock().unwrap()[0]["since"], json!("2026-01-09T00:00:00Z"));
    open.since = watermark.clone();
    let (items, again) = read_all(&connector(), open.clone()).await.unwrap();
    assert_eq!((items.len(), again), (0, watermark.clone()));
    // A little before it, from a value on, and a range; the API leaves out what is at the value that it is asked for.
    open.since = Some(json!("2026-01-10T00:00:00Z"));
    open.overlap = Some(2 * 86_400);
    resumes_everywhere(&connector(), open.clone()).await;
    let (items, overlapping) = read_all(&connector(), open.clone()).await.unwrap();
    assert_eq!((ids(&items), overlapping), (numbers(8..=11), watermark));
    open.since = Some(json!("2026-01-13T00:00:00Z"));
    open.overlap = Some(3 * 86_400);
    let (items, ahead) = read_all(&connector(), open.clone()).await.unwrap();
    assert_eq!((ids(&items), ahead), (numbers(10..=11), open.since), "it never goes back");
    (open.since, open.overlap, open.from) = (None, None, Some(json!("2026-01-09T00:00:00Z")));
    assert_eq!(ids(&items_of(&connector(), open.clone()).await), numbers(9..=11));
    let until = Some(json!("2026-01-05T00:00:00Z"));
    open.only = Some(CursorRange { from: json!("2026-01-03T00:00:00Z"), until });
    resumes_everywhere(&connector(), open.clone()).await;
    assert_eq!(ids(&items_of(&connector(), open.clone()).await), numbers(3..=4));
    (open.from, open.only) = (None, None);
    // An API that gives everything all the same.
    open.options = pages("/data/orders/edges");
    open.since = Some(json!("2026-01-09T00:00:00Z"));
    resumes_everywhere(&connector(), open.clone()).await;
    assert_eq!(ids(&items_of(&connector(), open).await), numbers(10..=11));
}

#[tokio::test]
async fn errors_in_a_reply_of_200_are_errors_and_no_part_of_the_page_is_taken() {
    let (_, url) = serve().await;
    for (code, kind) in [
        ("UNAUTHENTICATED", SystemErrorKind::Unauthorized),
        ("FORBIDDEN", SystemErrorKind::Unauthorized),
        ("THROTTLED", SystemErrorKind::RateLimited),
        ("rate_limited", SystemErrorKind::RateLimited),
        ("MAX_COST_EXCEEDED", SystemErrorKind::Misconfigured),
        ("NOT_FOUND", SystemErrorKind::NotFound),
        ("INTERNAL_SERVER_ERROR", SystemErrorKind::Unavailable),
        ("TIMEOUT", SystemErrorKind::Timeout),
        ("SOMETHING_ELSE", SystemErrorKind::Malformed),
        ("none", SystemErrorKind::Malformed),
    ] {
        let mut options = pages("/data/orders/edges");
        options["variables"] = json!({"fail": code});
        let connector = connector();
        let mut source = connector.open_source(source(&url, options)).await.unwrap();
        // The first reply has no error; the second one has nothing but one.
        let mut arrived = 0;
        let error = loop {
            match source.next_page().await {
                Ok(page) => arrived += page.unwrap().items.len(),
                Err(error) => break error,
            }
        };
        assert_eq!((error.kind, arrived, error.http_status), (kind, 4, Some(200)), "{code}: {error:?}");
        assert!(error.detail.contains("[hidden]") && !error.detail.contains("s3cr3t"), "{error:?}");
        assert!(!error.hint.unwrap_or_default().contains("token"));
    }
    // Beside data that looks whole.
    let (world, url) = serve().await;
    let page = json!({"data": {"orders": {"nodes": [{"id": 1}], "pageInfo": {"hasNextPage": false}}},
        "errors": [{"message": "no total", "path": ["orders", "nodes", 0, "total"]}]});
    *world.instead.lock().unwrap() = Some((200, page));
    let error = error(source(&url, pages("/data/orders/nodes"))).await;
    assert_eq!(error.kind, SystemErrorKind::Malformed);
    assert!(error.hint.unwrap().contains("errors in place of parts"));
}

#[tokio::test]
async fn a_refused_query_and_statuses_say_what_is_wrong() {
    let (world, url) = serve().await;
    let mut unknown = pages("/data/orders/nodes");
    unknown["query"] =
        json!("query ($after: String, $first: Int) { invoices(after: $after, first: $first) { id } }");
    let refused = error(source(&url, unknown)).await;
    assert_eq!(refused.kind, SystemErrorKind::Misconfigured);
    assert!(refused.hint.unwrap().contains("refuses the query"));

    let cost = json!({"cost": {"requestedQueryCost": 102, "throttleStatus": {"currentlyAvailable": 2, "restoreRate": 50}}});
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (status, body, kind, wait) in [
        (
            200,
            json!({"errors": [{"extensions": {"code": "THROTTLED"}}], "extensions": cost}),
            SystemErrorKind::RateLimited,
            seconds(2),
        ),
        (
            200,
            json!({"data": null, "errors": [{"type": "RATE_LIMITED"}]}),
            SystemErrorKind::RateLimited,
            None,
        ),
        (429, json!({"errors": [{"message": "slow down"}]}), SystemErrorKind::RateLimited, seconds(7)),
        (429, json!("slow down"), SystemErrorKind::RateLimited, seconds(7)),
        (503, json!({"errors": [{"message": "later"}]}), SystemErrorKind::Unavailable, seconds(7)),
        (401, json!({"errors": "no list"}), SystemErrorKind::Unauthorized, None),
        (400, json!({"errors": [{"message": "no such field"}]}), SystemErrorKind::Misconfigured, None),
        (
            400,
            json!({"errors": [{"extensions": {"code": "UNAUTHENTICATED"}}]}),
            SystemErrorKind::Unauthorized,
            None,
        ),
        (404, json!({}), SystemErrorKind::NotFound, None),
        (302, json!({}), SystemErrorKind::Misconfigured, None),
        (200, json!("a page to sign in"), SystemErrorKind::Malformed, None),
        (200, json!({"data": null}), SystemErrorKind::Malformed, None),
        // Whatever form errors have, nothing beside them is taken.
        (200, with_errors(json!("it failed")), SystemErrorKind::Malformed, None),
        (200, with_errors(json!(["it failed"])), SystemErrorKind::Malformed, None),
        (200, with_errors(json!([null])), SystemErrorKind::Malformed, None),
        (200, with_errors(json!({"message": "it failed"})), SystemErrorKind::Malformed, None),
        (200, with_errors(json!([{"path": ["orders", 0]}])), SystemErrorKind::Malformed, None),
    ] {
        *world.instead.lock().unwrap() = Some((status, body.clone()));
        let error = error(source(&url, pages("/data/orders/nodes"))).await;
        assert_eq!((error.kind, error.retry_after), (kind, wait), "{status} {body}: {error:?}");
    }
    *world.instead.lock().unwrap() = Some((200, json!({"errors": [{"extensions": {"code": "FORBIDDEN"}}]})));
    let tested = connector().test(&source(&url, json!({})).access).await.unwrap_err();
    assert_eq!(tested.kind, SystemErrorKind::Unauthorized);
    for no_api in [json!("<html>"), json!({"status": "ok"}), json!({"data": null})] {
        *world.instead.lock().unwrap() = Some((200, no_api.clone()));
        let tested = connector().test(&source(&url, json!({})).access).await.unwrap_err();
        assert_eq!(tested.kind, SystemErrorKind::Malformed, "{no_api}");
    }
}

/// A whole page, and errors beside it.
fn with_errors(errors: Value) -> Value {
    let info = json!({"hasNextPage": false, "endCursor": null});
    json!({"errors": errors, "data": {"orders": {"nodes": [{"id": 1}], "pageInfo": info}}})
}

#[tokio::test]
async fn pages_that_do_not_end_and_pieces_that_are_no_records_are_told() {
    let (world, url) = serve().await;
    let set = |nodes: Value, info: Value| {
        *world.instead.lock().unwrap() =
            Some((200, json!({"data": {"orders": {"nodes": nodes, "pageInfo": info}}})));
    };
    for (info, hint) in [
        (json!({"hasNextPage": true, "endCursor": null}), "not where they begin"),
        (json!({"hasNextPage": true}), "not where they begin"),
        (json!({"hasNextPage": true, "endCursor": "a"}), "leads back"),
        (json!({"endCursor": "a"}), "has no `pageInfo"),
        (json!(null), "has no `pageInfo"),
    ] {
        set(json!([]), info.clone());
        let error = error(source(&url, pages("/data/orders/nodes"))).await;
        assert_eq!(error.kind, SystemErrorKind::Malformed, "{info}");
        assert!(error.hint.as_deref().unwrap().contains(hint), "{error:?}");
    }
    set(json!([{"id": 1}, null, [2], {"id": 123_456_789_012_u64}]), json!({"hasNextPage": false}));
    let items = items_of(&connector(), source(&url, pages("/data/orders/nodes"))).await;
    assert_eq!(ids(&items), [json!(1), json!(123_456_789_012_u64)]);
    assert_eq!(
        malformed_of(&items),
        [("page 1, item 2", "it is not an object"), ("page 1, item 3", "it is not an object")]
    );
}

#[tokio::test]
async fn only_a_query_with_its_variables_is_sent() {
    let (world, url) = serve().await;
    let with = |query: &str| {
        let mut options = pages("/data/orders/nodes");
        options["query"] = json!(query);
        source(&url, options)
    };
    for query in
        ["mutation ($after: String, $first: Int) { deleteAll }", "{ orders(first: 1) { nodes { id } } }", "{"]
    {
        let error = error(with(query)).await;
        assert_eq!(error.kind, SystemErrorKind::Misconfigured, "{query}");
        assert!(error.hint.is_some());
    }
    assert!(world.asked.lock().unwrap().is_empty(), "nothing was sent");
    assert_eq!(*world.wrote.lock().unwrap(), 0);
    let found = connector().test(&with(LIST).access).await.unwrap();
    assert_eq!(found, "Connected to the GraphQL API.");
}
