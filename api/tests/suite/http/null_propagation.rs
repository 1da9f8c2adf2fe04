//! What a failing field does to its surroundings. Versions 7.1 and 7.2 of async-graphql left it out of `data`.

use serde_json::json;

use super::server::Server;

#[tokio::test]
async fn a_failing_nullable_field_is_null_and_its_siblings_stay() {
    let server = Server::start().await;
    let answer = server.query("{ thing { id flaky } }").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["data"], json!({ "thing": { "id": 1, "flaky": null } }));
    assert_eq!(answer.body["errors"][0]["path"], json!(["thing", "flaky"]));
    assert_eq!(answer.code(), "FORBIDDEN");
}

#[tokio::test]
async fn a_failing_non_null_field_nulls_its_nearest_nullable_parent() {
    let server = Server::start().await;
    let answer = server.query("{ hello nullableThing { id strict } }").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["data"], json!({ "hello": "world", "nullableThing": null }));
    assert_eq!(answer.body["errors"][0]["path"], json!(["nullableThing", "strict"]));
    let answer = server.query("{ hello nullableThing { child { child { strict } } } }").await;
    assert_eq!(answer.body["data"], json!({ "hello": "world", "nullableThing": null }));
}

#[tokio::test]
async fn without_a_nullable_parent_data_is_null() {
    let server = Server::start().await;
    let answer = server.query("{ hello thing { strict } }").await;
    assert_eq!(answer.status, 200, "it was executed");
    assert!(answer.body.as_object().unwrap().contains_key("data"));
    assert_eq!(answer.body["data"], json!(null));
    assert_eq!(answer.code(), "INTERNAL");
}
