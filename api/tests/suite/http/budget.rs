//! What callers may ask for: the cost told with each answer, and what happens when a budget is empty or too much is
//! asked at once.

use std::time::Duration;

use api::http::{BudgetOptions, ServerOptions, WebSocketOptions};
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::server::{Answer, GRAPHQL_RESPONSE, Server, answer};
use super::websocket::Socket;

const EXPENSIVE: u64 = 5_000;

async fn start(points_per_minute: u64) -> Server {
    Server::start_with(
        |options| {
            options.budget = Some(BudgetOptions { points_per_minute });
            options.field_costs = &[("increment", EXPENSIVE)];
            options.list_sizes = &[("nullableThing", 7), ("things", 9)];
        },
        ServerOptions::default(),
    )
    .await
}

fn cost(answer: &Answer) -> &Value {
    &answer.body["extensions"]["cost"]
}

#[tokio::test]
async fn each_answer_tells_what_it_cost_and_what_is_left() {
    let server = start(1_000_000).await;
    let first = server.query("{ hello thing { id child { id } } }").await;
    assert_eq!(first.body["data"]["hello"], "world");
    assert_eq!((&cost(&first)["requested"], &cost(&first)["limit"]), (&json!(5), &json!(1_000_000)));
    assert!(cost(&first)["remaining"].as_u64().unwrap() >= 999_990, "{}", first.body);
    assert!(cost(&first)["resetAt"].as_str().unwrap().ends_with('Z'), "{}", first.body);
    let page = server.query("{ things(first: 50) { edges { node { id } } } }").await;
    assert_eq!(cost(&page)["requested"], 151, "{}", page.body);
    let list = server.query("{ nullableThing { id child { id } } }").await;
    assert_eq!(cost(&list)["requested"], 1 + 7 * 3, "{}", list.body);
    let mutation = server.query("mutation { increment }").await;
    assert_eq!(cost(&mutation)["requested"], EXPENSIVE, "{}", mutation.body);
    // Refusals cost, too: reading them takes its time.
    for query in ["{ hello", &"{ a ".repeat(500), "{ hello } fragment A on Query { ...A }"] {
        let refused = server.query(query).await;
        assert_eq!(cost(&refused)["requested"], 100, "{}", refused.body);
    }
    let invalid = server.query("{ nothing }").await;
    assert_eq!((invalid.code(), &cost(&invalid)["requested"]), ("GRAPHQL_VALIDATION_FAILED", &json!(1)));
    let failing = server.query("{ explode }").await;
    assert_eq!((failing.code(), &cost(&failing)["requested"]), ("INTERNAL", &json!(1)));
}

#[tokio::test]
async fn an_empty_budget_is_answered_with_429_and_nothing_is_done() {
    // Three mutations, and half a point comes back in a millisecond.
    let server = start(3 * EXPENSIVE).await;
    for number in 1..=3 {
        let done = server.query("mutation { increment }").await;
        assert_eq!((done.status.as_u16(), &done.body["data"]["increment"]), (200, &json!(number)));
    }
    for accept in [GRAPHQL_RESPONSE, "application/json"] {
        let request = server.post(&json!({ "query": "mutation { increment }" })).header("accept", accept);
        let refused = answer(request).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (429, "RATE_LIMITED"), "{accept}");
        assert!(refused.body.get("data").is_none(), "{}", refused.body);
        let seconds: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=21).contains(&seconds), "{seconds}");
        assert_eq!(refused.body["errors"][0]["extensions"]["retryAfterSeconds"], seconds);
        assert!(cost(&refused)["remaining"].as_u64().unwrap() < EXPENSIVE, "{}", refused.body);
    }
    let others = server.query_as("good", "mutation { increment }").await;
    assert_eq!(others.body["data"]["increment"], 4, "another caller, and what was refused changed nothing");
    let socket_refused = async {
        let mut socket = Socket::ready(&server, json!({})).await;
        socket.subscribe("a", "mutation { increment }").await;
        socket.receive().await
    };
    let refused = socket_refused.await;
    let error = &refused["payload"][0]["extensions"];
    assert_eq!((&refused["type"], &error["code"]), (&json!("error"), &json!("RATE_LIMITED")), "{refused}");
    assert!(
        error["cost"]["limit"] == json!(3 * EXPENSIVE) && error["retryAfterSeconds"].is_u64(),
        "{refused}"
    );
    let metrics = server.client.get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(
        metrics.contains("trestle_graphql_operations_total{type=\"query\",outcome=\"rate_limited\"} 2\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn who_goes_on_knocking_is_not_read_any_more() {
    let server = start(300).await;
    let broken = format!("{{ hello {}", "( ".repeat(30));
    let mut codes = Vec::new();
    for _ in 0..10 {
        let refused = server.query(&broken).await;
        codes.push(refused.code().to_owned());
    }
    assert_eq!(codes[..3], ["GRAPHQL_PARSE_FAILED"; 3]);
    assert_eq!(codes[3..], ["RATE_LIMITED"; 7], "three refusals are paid for");
    assert_eq!(server.query_as("good", "{ hello }").await.status, 200);
    // A socket that goes on is closed.
    let mut socket = Socket::ready(&server, json!({})).await;
    for id in 0..=100 {
        socket.subscribe(&id.to_string(), &broken).await;
    }
    for _ in 0..100 {
        assert_eq!(socket.receive().await["type"], "error");
    }
    assert_eq!(socket.close_code().await, 4429);
}

#[tokio::test]
async fn a_budget_fills_again() {
    // 100 points a second.
    let server = start(6_000).await;
    let page = "{ things(first: 100) { edges { node { id } } } }";
    let mut refused = None;
    for _ in 0..1_000 {
        let now = server.query(page).await;
        if now.code() == "RATE_LIMITED" {
            refused = Some(now);
            break;
        }
        assert_eq!(cost(&now)["requested"], 301, "{}", now.body);
    }
    let refused = refused.expect("a budget ends");
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=4).contains(&seconds), "{seconds}");
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let granted = server.query(page).await;
    assert_eq!(granted.status, 200, "as told: {}", granted.body);
}

#[tokio::test]
async fn operations_at_once_are_bounded_for_each_caller() {
    let server = std::sync::Arc::new(Server::start().await);
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let request = server.post(&json!({ "query": "{ never }" })).header(AUTHORIZATION, "Bearer good");
        waiting.spawn(request.send());
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let refused = loop {
        let now = server.query_as("good", "{ hello }").await;
        if now.status == 429 {
            break now;
        }
        assert!(tokio::time::Instant::now() < deadline, "never refused");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!((refused.code(), refused.header("retry-after")), ("RATE_LIMITED", "1"));
    assert_eq!(server.query("{ hello }").await.status, 200, "others are served");
    // Whoever hangs up gives the place back.
    waiting.abort_all();
    while waiting.join_next().await.is_some() {}
    while server.query_as("good", "{ hello }").await.status != 200 {
        assert!(tokio::time::Instant::now() < deadline, "never given back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn websockets_are_bounded_for_each_caller() {
    let server = Server::start_with(
        |options| {
            options.websocket = WebSocketOptions { connections_per_caller_max: 2, ..Default::default() };
        },
        ServerOptions::default(),
    )
    .await;
    let good = || json!({ "authorization": "Bearer good" });
    let (first, _second) = (Socket::ready(&server, good()).await, Socket::ready(&server, good()).await);
    let mut third = Socket::open(&server).await;
    third.send(json!({ "type": "connection_init", "payload": good() })).await;
    assert_eq!(third.close_code().await, 4429);
    let _other = Socket::ready(&server, json!({})).await;
    drop(first);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let mut again = Socket::open(&server).await;
        again.send(json!({ "type": "connection_init", "payload": good() })).await;
        if again.receive_or_close().await.is_ok() {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "the place was not given back");
    }
}

#[tokio::test]
async fn sockets_that_say_nothing_are_bounded_for_each_network() {
    let server = Server::start().await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(Socket::open(&server).await);
    }
    let protocol = [("sec-websocket-protocol", "graphql-transport-ws")];
    let refused = Socket::open_with(&server, &protocol).await;
    let Err(tokio_tungstenite::tungstenite::Error::Http(response)) = refused else { panic!("not refused") };
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (429, &"5".parse().unwrap())
    );
    assert_eq!(server.query("{ hello }").await.status, 200, "requests are served");
    // Who says who they are makes room.
    silent[0].send(json!({ "type": "connection_init" })).await;
    assert_eq!(silent[0].receive().await["type"], "connection_ack");
    Socket::open_with(&server, &protocol).await.unwrap();
}
