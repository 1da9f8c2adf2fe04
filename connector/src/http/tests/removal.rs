//! What is asked of an API when records are gone from the source.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::delete;
use serde_json::json;

use super::{access, connector, serve, stream};
use crate::{Connector as _, Gone, OpenDestination, RecordKey, Removal};

#[tokio::test]
async fn what_has_no_address_of_its_own_is_not_deleted() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let deleted = move || async move {
        counted.fetch_add(1, Ordering::SeqCst);
        StatusCode::NO_CONTENT
    };
    let base = serve(Router::new().fallback(delete(deleted))).await;
    let refusal = "without `keyInPath` no record has an address of its own".to_owned();
    for (options, expected, requests) in [
        (json!({"path": "orders"}), Err(refusal), 0),
        (json!({"path": "orders", "keyInPath": true}), Ok(()), 1),
    ] {
        let open = OpenDestination {
            access: access(json!({"baseUrl": base}), &json!({})),
            stream: stream(None),
            options,
            run: uuid::Uuid::nil(),
            integration: uuid::Uuid::nil(),
            resumed: false,
        };
        let mut destination = connector().open_destination(open).await.unwrap();
        let gone = Gone { key: RecordKey::of_text("a".to_owned()), destination_key: None };
        let outcome = destination.remove(&[gone], &Removal::Delete).await.unwrap().remove(0);
        assert_eq!(outcome.map_err(|refused| refused.detail), expected);
        assert_eq!(asked.load(Ordering::SeqCst), requests);
    }
}
