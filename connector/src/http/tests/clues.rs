//! What is told of a request and its reply when it fails: as much as came, and nothing that is secret or classified.

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::any;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{access, connector, error, serve, source, stream};
use crate::{Classified, Connector as _, Gone, OpenDestination, RecordKey, Removal, SystemErrorKind};

#[tokio::test]
async fn a_reply_that_breaks_off_is_told_as_far_as_it_came() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let answer = tokio::spawn(async move {
        let (mut connection, _peer) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(connection.read(&mut request).await.unwrap() > 0);
        let part =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n[{\"id\":";
        connection.write_all(part.as_bytes()).await.unwrap();
    });
    let error = error(source(&base, json!({"path": ""}))).await;
    answer.await.unwrap();
    assert_eq!((error.kind, error.http_status), (SystemErrorKind::Unavailable, None), "{error}");
    let exchange = error.exchange.unwrap();
    let shown = exchange.shown();
    assert_eq!((shown.status, shown.response_bytes), (Some(200), Some(7)));
    assert_eq!(shown.content.response_body, "[{\"id\":");
}

#[tokio::test]
async fn keys_of_a_query_and_what_stands_behind_a_scheme_are_blanked() {
    let refused = || async {
        let said = json!({"said": "Token s3cr3t77, s3cr3t77, abcd1234, 20260101, name"});
        (StatusCode::BAD_REQUEST, axum::Json(said)).into_response()
    };
    let base = serve(Router::new().fallback(any(refused))).await;
    let query = json!({"api_key": "abcd1234", "fields": "name"});
    let mut open = source(&base, json!({"path": "orders?sign=20260101", "query": query}));
    let config = json!({"baseUrl": base, "headers": {"x-vendor": "Token s3cr3t77"}});
    open.access = access(config, &json!({}));
    let error = error(open).await;
    assert!(error.detail.ends_with(r#"{"said":"[hidden], [hidden], [hidden], [hidden], name"}"#), "{error}");
    let exchange = error.exchange.unwrap();
    let url = &exchange.shown().content.url;
    assert!(url.starts_with(&format!("{base}/orders?")) && !url.contains("2026"), "{url}");
}

#[tokio::test]
async fn a_classified_key_in_a_path_is_repeated_nowhere() {
    let refused = || async {
        let said = json!({"note": "ADA@example.org is in use", "email": "other@example.org"});
        (StatusCode::UNPROCESSABLE_ENTITY, axum::Json(said)).into_response()
    };
    let base = serve(Router::new().fallback(any(refused))).await;
    let schema = json!({"properties": {
        "id": {"$ref": "#/$defs/address"}, "email": {"type": "string", "allOf": [{"$ref": "#/$defs/address"}]},
    }, "$defs": {"address": {"x-classification": "personal"}}});
    let mut stream = stream(None);
    stream.classified = Classified::of(&schema);
    let open = OpenDestination {
        access: access(json!({"baseUrl": base}), &json!({})),
        stream,
        options: json!({"path": "people", "keyInPath": true}),
        run: uuid::Uuid::nil(),
        integration: uuid::Uuid::nil(),
        resumed: false,
    };
    let mut destination = connector().open_destination(open).await.unwrap();
    let gone = Gone { key: RecordKey::of_text("ada@example.org".to_owned()), destination_key: None };
    let outcomes = destination.remove(&[gone], &Removal::Delete).await.unwrap();
    let refused = outcomes[0].as_ref().unwrap_err();
    assert_eq!(refused.detail, r#"{"note":"[classified] is in use","email":"[personal]"}"#);
    let exchange = refused.exchange.clone().unwrap();
    let content = &exchange.shown().content;
    assert_eq!(content.url, format!("{base}/people/[classified]"));
    assert_eq!(content.response_body, refused.detail);
}
