//! The whole API as one router over the domain: tokens, readiness and keys reach where they belong.

use api::{ApiOptions, router};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use domain::Role;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::world::World;

async fn send(world: &World, request: Request<Body>) -> (u16, Value) {
    let response = router(&world.app, ApiOptions::default()).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

fn query(token: Option<&str>, query: &str) -> Request<Body> {
    let request = Request::post("/graphql").header("content-type", "application/json");
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    request.body(Body::from(json!({ "query": query }).to_string())).unwrap()
}

#[tokio::test]
async fn a_token_becomes_the_actor_of_the_request() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    let partner = world.person(Role::Partner, &customer.tenant).await;
    let (status, body) =
        send(&world, query(Some(&partner.token), "{ viewer { role tenant { slug } } }")).await;
    let viewer = json!({ "viewer": { "role": "PARTNER", "tenant": { "slug": "acme" } } });
    assert_eq!((status, &body), (200, &json!({ "data": viewer })));
    let (_, body) = send(&world, query(None, "{ viewer { role } }")).await;
    assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{body}");
    let (_, body) = send(&world, query(Some("trk_nonsense"), "{ viewer { role } }")).await;
    assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{body}");
    let (_, body) = send(&world, query(None, "{ __schema { queryType { name } } }")).await;
    assert_eq!(body["data"]["__schema"]["queryType"]["name"], "Query");
}

#[tokio::test]
async fn it_is_ready_while_the_database_answers_and_shows_its_keys() {
    let world = World::new().await;
    let (status, body) = send(&world, Request::get("/readyz").body(Body::empty()).unwrap()).await;
    assert_eq!((status, &body["status"]), (200, &json!("ready")));
    let (_, body) = send(&world, Request::get("/.well-known/jwks.json").body(Body::empty()).unwrap()).await;
    assert_eq!(body, world.app.jwks());
    world.app.close().await.unwrap();
    let (status, _) = send(&world, Request::get("/readyz").body(Body::empty()).unwrap()).await;
    assert_eq!(status, 503);
}
