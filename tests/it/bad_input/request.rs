//! Requests that are no GraphQL, do not fit the schema, or ask for too much.

use std::time::Duration;

use reqwest::header::ALLOW;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Place, code, message, post};
use crate::harness::client::http;

/// Far more than an answer to a refusal takes, on a machine that does other things too.
const REFUSAL_LIMIT: Duration = Duration::from_secs(20);

/// Documents that would cost more than they may, each with the limit that says so.
fn bombs() -> Vec<(&'static str, String)> {
    let doubling: String = (0..25)
        .map(|level| format!("fragment f{level} on Query {{ ...f{} ...f{} }}\n", level + 1, level + 1))
        .collect();
    let deep = (0..20)
        .fold("id".to_owned(), |inner, _| format!("tenant {{ runs {{ edges {{ node {{ {inner} }} }} }} }}"));
    let wide: String = (0..2_000).map(|_| " __typename").collect();
    vec![
        ("selections", format!("{{ ...f0 }} {doubling} fragment f25 on Query {{ __typename }}")),
        ("selections", format!("{{ {wide} }}")),
        ("aliases", format!("{{ {} }}", (0..200).map(|n| format!("a{n}: __typename ")).collect::<String>())),
        ("documentNesting", format!("{{ runs {{ edges {{ node {{ {deep} }} }} }} }}")),
        ("documentNesting", format!("{{ a(x: {}1{}) }}", "[".repeat(5_000), "]".repeat(5_000))),
        ("documentTokens", "{ ".to_owned() + &"a ".repeat(20_000) + "}"),
        ("documentBytes", format!("{{ a }} # {}", "x".repeat(100_000))),
        ("directives", format!("{{ __typename {} }}", "@skip(if: false) ".repeat(60))),
        (
            "cost",
            "{ tenants(first: 100) { edges { node { runs(first: 100) { edges { node { failures(first: 100) { edges {
                node { id } } } } } } } } } }"
                .to_owned(),
        ),
        ("operations", (0..60).map(|n| format!("query q{n} {{ __typename }} ")).collect()),
    ]
}

#[tokio::test]
async fn queries_that_explode_are_refused_before_they_do() {
    let place = Place::new().await;
    for (limit, document) in bombs() {
        let answer = place.admin().try_query(&document, Value::Null);
        // Others are served meanwhile.
        let other = place.trestle.client();
        let meanwhile = async { other.get("/healthz").await.0 };
        let (answer, alive) =
            tokio::time::timeout(REFUSAL_LIMIT, async { tokio::join!(answer, meanwhile) }).await.unwrap();
        assert_eq!(alive, StatusCode::OK);
        assert_eq!(answer.codes(), ["LIMIT_EXCEEDED"], "{limit}: {:#}", answer.body);
        assert_eq!(answer.errors()[0]["extensions"]["limit"], limit, "{:#}", answer.body);
        assert!(answer.errors()[0]["extensions"]["maximum"].is_u64(), "{:#}", answer.body);
        assert!(answer.body.get("data").is_none(), "{limit}");
    }
    let cycle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
    let answer = place.admin().try_query(cycle, Value::Null).await;
    assert_eq!(answer.codes().len(), 1, "{:#}", answer.body);
    assert!(message(&answer.body).contains("contains itself"), "{:#}", answer.body);
}

#[tokio::test]
async fn bodies_that_are_no_requests_are_refused_by_what_they_are() {
    let place = Place::new().await;
    let json_type = "application/json";
    let good = r#"{"query": "{ __typename }"}"#;
    for (content_type, body, status, words) in [
        (json_type, "", 400, "no body"),
        (json_type, "{", 400, "not complete JSON"),
        (json_type, "{ viewer { role } }", 400, "not valid JSON"),
        (json_type, "[{\"query\": \"{ __typename }\"}]", 400, "Batches are not supported"),
        (json_type, "\"{ __typename }\"", 400, "must be a JSON object"),
        (json_type, "{}", 400, "\"query\" is missing"),
        (json_type, r#"{"query": ["{ a }"]}"#, 400, "\"query\" must be a string"),
        (json_type, r#"{"query": "{ a }", "variables": []}"#, 400, "\"variables\" must be an object"),
        (json_type, r#"{"query": "{ __typename }", "operationName": "x"}"#, 400, "no operation named \"x\""),
        (json_type, "{\"query\": \"subscription { runChanged { id } }\"}", 400, "WebSocket"),
        ("application/x-www-form-urlencoded", "query=%7B__typename%7D", 415, "application/json"),
        ("multipart/form-data; boundary=x", "--x--", 415, "application/json"),
        ("text/plain", good, 415, "application/json"),
        ("application/json; charset=utf-16", good, 415, "application/json"),
        ("application/graphql", "{ __typename }", 415, "application/json"),
    ] {
        let (found, answer) = post(&place, content_type, body).await;
        assert_eq!(found.as_u16(), status, "{content_type} {body}: {answer:#}");
        assert!(message(&answer).contains(words), "{content_type} {body}: {answer:#}");
        assert_eq!(code(&answer), "BAD_REQUEST", "{answer:#}");
        assert!(answer.get("data").is_none());
    }
    let huge = format!(r#"{{"query": "{{ __typename }} #{}"}}"#, "x".repeat(10 * 1024 * 1024));
    let (status, answer) = post(&place, json_type, huge).await;
    assert_eq!((status.as_u16(), code(&answer)), (413, "LIMIT_EXCEEDED"), "{answer:#}");
    let endless = futures::stream::iter((0..200).map(|_| Ok::<_, std::io::Error>(vec![b' '; 10_000])));
    let (status, answer) = post(&place, json_type, reqwest::Body::wrap_stream(endless)).await;
    assert_eq!((status.as_u16(), code(&answer)), (413, "LIMIT_EXCEEDED"), "without a length: {answer:#}");
    assert_eq!(post(&place, "application/json; charset=UTF-8", good).await.0, StatusCode::OK);
}

#[tokio::test]
async fn get_asks_and_changes_nothing_and_other_methods_are_refused() {
    let place = Place::new().await;
    let url = format!("{}/graphql", place.trestle.url());
    let get = async |query: &str| {
        let request = http().get(&url).query(&[("query", query)]).bearer_auth(place.admin().token().unwrap());
        let response = request.header("accept", "application/json").send().await.unwrap();
        let (status, allow) = (response.status(), response.headers().get(ALLOW).cloned());
        (status, allow, response.json::<Value>().await.unwrap())
    };
    assert_eq!(get("{ viewer { role } }").await.2["data"]["viewer"]["role"], "PLATFORM_ADMIN");
    let slug = format!("got-{}", Uuid::now_v7().simple());
    let mutation = format!(
        "mutation {{ createTenant(input: {{slug: \"{slug}\", name: \"x\"}}) {{ tenant {{ id }} }} }}"
    );
    let (status, allow, body) = get(&mutation).await;
    assert_eq!((status, code(&body)), (StatusCode::METHOD_NOT_ALLOWED, "BAD_REQUEST"));
    assert_eq!(allow.unwrap(), "POST");
    let data = place
        .admin()
        .query("query($slug: String) { tenant(slug: $slug) { id } }", json!({"slug": slug}))
        .await;
    assert_eq!(data["tenant"], Value::Null, "nothing was made");
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let response =
            http().request(method.clone(), &url).json(&json!({"query": "{ __typename }"})).send().await;
        let response = response.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(response.headers()[ALLOW], "GET, POST, OPTIONS", "{method}");
    }
}

#[tokio::test]
async fn documents_and_variables_that_do_not_fit_the_schema_say_where() {
    let place = Place::new().await;
    let start = "mutation($input: StartRunInput!) { startRun(input: $input) { run { id } } }";
    for (query, variables, wanted, words) in [
        ("{ viewer { role ", json!({}), "GRAPHQL_PARSE_FAILED", "line 1"),
        ("{ viewer { colour } }", json!({}), "GRAPHQL_VALIDATION_FAILED", "colour"),
        ("{ nothing }", json!({}), "GRAPHQL_VALIDATION_FAILED", "nothing"),
        (
            "{ run(id: \"x\") { id } run: run(id: \"y\") { id } }",
            json!({}),
            "GRAPHQL_VALIDATION_FAILED",
            "conflict",
        ),
        (
            "{ runs(filter: {status: [BROKEN]}) { edges { cursor } } }",
            json!({}),
            "GRAPHQL_VALIDATION_FAILED",
            "status",
        ),
        (
            "{ runs(filter: {colour: 1}) { edges { cursor } } }",
            json!({}),
            "GRAPHQL_VALIDATION_FAILED",
            "colour",
        ),
        ("{ viewer { role @unknown } }", json!({}), "GRAPHQL_VALIDATION_FAILED", "unknown"),
        (start, json!({}), "BAD_USER_INPUT", "$input"),
        (start, json!({"input": null}), "BAD_USER_INPUT", "$input"),
        (start, json!({"input": {}}), "", "integrationId"),
        (start, json!({"input": {"integrationId": {"a": 1}}}), "", "integrationId"),
        (start, json!({"input": {"integrationId": "x", "colour": 1}}), "", "colour"),
        (start, json!({"input": "x"}), "", "input"),
    ] {
        let response = place.admin().try_query(query, variables.clone()).await;
        assert_eq!(response.status, StatusCode::OK, "application/json answers well-formed requests with 200");
        let codes = response.codes();
        assert!(
            codes.iter().any(|code| code == wanted)
                || (wanted.is_empty()
                    && codes.iter().all(|code| {
                        ["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&code.as_str())
                    })),
            "{query} {variables}: {:#}",
            response.body
        );
        assert!(!codes.is_empty(), "{query} {variables}");
        assert!(message(&response.body).contains(words), "{query} {variables}: {:#}", response.body);
        assert!(response.body.get("data").is_none_or(Value::is_null), "{:#}", response.body);
    }
    for (variables, words) in [
        (json!({"at": "yesterday"}), "DateTime"),
        (json!({"at": 5}), "DateTime"),
        (json!({"at": "2026-13-45T99:00:00Z"}), "DateTime"),
    ] {
        let query = "query($at: DateTime) { runs(filter: {queuedAt: {gte: $at}}) { edges { cursor } } }";
        let response = place.admin().try_query(query, variables.clone()).await;
        assert!(!response.errors().is_empty(), "{variables}: {:#}", response.body);
        assert!(!response.codes().contains(&"INTERNAL".to_owned()), "{variables}: {:#}", response.body);
        assert!(response.body.to_string().contains(words), "{variables}: {:#}", response.body);
    }
}
