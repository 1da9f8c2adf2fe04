//! A REST system that misbehaves as real ones do: it lists products page by page and is unavailable now and then,
//! takes orders, asks to slow down, and refuses a few.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Products that it lists.
const PRODUCTS: u64 = 240;
/// Products of a page when the caller names no number.
const PAGE_PRODUCTS: u64 = 50;
/// Every so many requests one is answered 503.
const UNAVAILABLE_EVERY: u64 = 9;
/// Every so many requests one is answered 429.
const RATE_LIMITED_EVERY: u64 = 25;
/// Orders above this amount are refused.
const AMOUNT_MAX: f64 = 7_700.0;

/// A warehouse that is ready to be served.
pub struct Warehouse {
    /// `http://127.0.0.1:…`
    pub address: String,
    /// Serves until it is dropped.
    pub serve: Pin<Box<dyn Future<Output = ()> + Send>>,
}

#[derive(Default)]
struct Shelves {
    requests: AtomicU64,
    orders: Mutex<HashMap<String, Value>>,
}

/// Opens a port for it.
///
/// # Errors
/// When there is no free port.
pub async fn start() -> anyhow::Result<Warehouse> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("opening a port for the demonstration")?;
    let address = format!("http://{}", listener.local_addr()?);
    let router = Router::new()
        .route("/", get(async || Json(json!({ "service": "warehouse" }))))
        .route("/products", get(products))
        .route("/orders", post(take_order))
        .with_state(Arc::new(Shelves::default()));
    let serve = Box::pin(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the demonstration's REST system ended"
            );
        }
    });
    Ok(Warehouse { address, serve })
}

/// What happens to a request whatever it asks for.
fn mood(shelves: &Shelves) -> Option<Response> {
    let request = shelves.requests.fetch_add(1, Ordering::Relaxed) + 1;
    if request.is_multiple_of(RATE_LIMITED_EVERY) {
        return Some((StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")]).into_response());
    }
    request.is_multiple_of(UNAVAILABLE_EVERY).then(|| StatusCode::SERVICE_UNAVAILABLE.into_response())
}

async fn products(
    State(shelves): State<Arc<Shelves>>,
    Query(query): Query<HashMap<String, u64>>,
) -> Response {
    if let Some(response) = mood(&shelves) {
        return response;
    }
    let page = query.get("page").copied().unwrap_or(1).max(1);
    let size = query.get("size").copied().unwrap_or(PAGE_PRODUCTS).clamp(1, 200);
    let first = (page - 1).saturating_mul(size);
    let items: Vec<Value> = (first..PRODUCTS.min(first.saturating_add(size)))
        .map(|number| {
            json!({
                "sku": format!("SKU-{number:04}"),
                "title": format!("Product {number}"),
                "stock": number * 7 % 120,
                "price": f64::from(u32::try_from(number * 37 % 900).unwrap_or(0)) + 0.5,
            })
        })
        .collect();
    Json(json!({ "items": items })).into_response()
}

async fn take_order(
    State(shelves): State<Arc<Shelves>>,
    headers: HeaderMap,
    Json(order): Json<Value>,
) -> Response {
    if let Some(response) = mood(&shelves) {
        return response;
    }
    if order["amount"].as_f64().is_some_and(|amount| amount > AMOUNT_MAX) {
        let errors =
            json!({ "errors": [{ "field": "amount", "message": "over the limit of this account" }] });
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(errors)).into_response();
    }
    let key =
        headers.get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let mut orders = shelves.orders.lock().unwrap_or_else(PoisonError::into_inner);
    let number = orders.len() + 1;
    let taken = orders.entry(key).or_insert_with(|| json!({ "id": number, "order": order }));
    (StatusCode::CREATED, Json(json!({ "id": taken["id"] }))).into_response()
}
