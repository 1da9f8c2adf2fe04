//! Live updates over server-sent events, as a portal without WebSockets gets them: by the client of graphql-sse, and by plain
//! HTTP. What is told, and to whom, is that of WebSockets (`subscription`); of the protocol the rest is tested in `api`.

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::harness::client::Client;
use crate::harness::fixture::stream;
use crate::harness::process::Process;
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::watchdog;
use crate::peer::node;
use crate::scene::Scene;

/// Longer than an event takes to arrive.
const EVENT_LIMIT: Duration = Duration::from_secs(60);

static SHARED: OnceCell<Trestle> = OnceCell::const_new();

async fn program() -> &'static Trestle {
    SHARED.get_or_init(|| Setup::new().embedded()).await
}

async fn half_failing(scene: &Scene) -> String {
    let system = scene.fixture.system(&scene.tenant, "sandbox", json!({}), Value::Null).await;
    let moves = stream(json!({"records": 4}), json!({"rejectEvery": 2}));
    scene.integration(&system, &system, moves).await
}

/// A time before all that happens next.
fn now() -> String {
    chrono::Utc::now().to_rfc3339()
}

async fn ask(client: &Client, query: &str) -> Response {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = http
        .post(format!("{}/graphql", client.url()))
        .header("accept", "text/event-stream")
        .json(&json!({"query": query}));
    if let Some(token) = client.token() {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap()
}

/// The next result of a stream; `None` when it is complete or over.
async fn next(response: &mut Response, text: &mut String) -> Option<Value> {
    loop {
        while let Some((event, rest)) = text.split_once("\n\n") {
            let (event, rest) = (event.to_owned(), rest.to_owned());
            *text = rest;
            if let Some(data) = event.strip_prefix("event: next\ndata: ") {
                return Some(serde_json::from_str(data).unwrap());
            }
            if event.starts_with("event: complete") {
                return None;
            }
            assert!(event.starts_with(':'), "{event}");
        }
        let chunk = tokio::time::timeout(EVENT_LIMIT, response.chunk()).await.expect("something comes");
        text.push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
    }
}

#[tokio::test]
async fn the_client_of_graphql_sse_follows_a_run_and_knows_when_to_try_again() {
    let trestle = program().await;
    let scene = Scene::of(trestle).await;
    let integration = half_failing(&scene).await;
    let url = format!("{}/graphql", trestle.url());
    let client = |token: &str, query: &str| {
        let mut command = node("graphql_sse_client", "graphql-sse", "client.mjs");
        command.args([url.as_str(), query]).env("TOKEN", token);
        command
    };
    // What happens before it listens is told, too.
    let since = now();
    let runs = format!(
        "subscription {{ runChanged(integrationId: \"{integration}\", since: \"{since}\") {{ status }} }}"
    );
    let log = watchdog::directory("graphql-sse").join("log");
    let token = scene.admin().token().unwrap();
    let mut listener = Process::start("client", &mut client(token, &runs), &log, "KILL");
    listener.line("connected", EVENT_LIMIT).await;
    scene.fixture.start_run(&integration).await;
    let rest = listener.line(r#"{"data":{"runChanged":{"status":"PARTIAL"#, EVENT_LIMIT).await;
    assert_eq!(rest, "\"}}}");

    let printed =
        |token: &str, query: &str| String::from_utf8(client(token, query).output().unwrap().stdout).unwrap();
    assert_eq!(
        printed(token, "{ __typename }"),
        "connected\n{\"data\":{\"__typename\":\"Query\"}}\ncomplete\n"
    );
    // A token that is no longer good: the next one may be.
    assert_eq!(printed("wrong", "{ __typename }"), "again\nagain\nerror 401\n");
    let invalid = printed(token, "subscription { nothing }");
    assert!(invalid.starts_with("connected\n{\"errors\":[{\"message\":"), "{invalid}");
    assert!(invalid.contains("GRAPHQL_VALIDATION_FAILED") && invalid.ends_with("\ncomplete\n"), "{invalid}");
}

#[tokio::test]
async fn a_failure_is_told_with_the_rights_of_the_listener() {
    let scene = Scene::of(program().await).await;
    let integration = half_failing(&scene).await;
    let viewer = scene.person("TENANT_VIEWER").await;
    let query = format!(
        "subscription {{ failureChanged(integrationId: \"{integration}\", since: \"{}\") {{ status httpStatus }} }}",
        now()
    );
    let mut response = ask(&viewer, &query).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut text = String::new();
    scene.run(&integration).await;
    let told = next(&mut response, &mut text).await.unwrap();
    assert_eq!(told["data"]["failureChanged"], json!({"status": "OPEN", "httpStatus": null}), "{told:#}");
    assert!(told["extensions"]["since"].is_string(), "{told:#}");

    // Nobody who has not signed in hears anything, and what others have is not there.
    for (client, code) in [
        (program().await.client(), "UNAUTHENTICATED"),
        (Scene::of(program().await).await.person("TENANT_VIEWER").await, "NOT_FOUND"),
    ] {
        let mut response = ask(&client, &query).await;
        let told = next(&mut response, &mut String::new()).await.unwrap();
        assert_eq!(told["errors"][0]["extensions"]["code"], code, "{told:#}");
    }
}
