//! The protocol graphql-sse in distinct connections mode: which answers are streams, what is in them, and how they end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use api::http::{HttpOptions, ServerOptions, WebSocketOptions};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::server::Server;
use super::toy::ToySchema;

/// Longest wait for anything that must happen.
const SOON: Duration = Duration::from_secs(10);
const EVENT_STREAM: &str = "text/event-stream";

/// What a server sends on a stream.
#[derive(Debug, PartialEq)]
enum Sent {
    Next(Value),
    Complete,
    /// A comment; that of keep-alives is empty.
    Comment(String),
}

struct Events {
    response: Response,
    text: String,
}

impl Events {
    async fn open(server: &Server, token: &str, query: &str) -> Self {
        let response = ask(server, token, EVENT_STREAM, query).await;
        assert_eq!(response.status(), StatusCode::OK);
        Self::of(response)
    }

    fn of(response: Response) -> Self {
        let headers = response.headers();
        assert_eq!(headers["content-type"], "text/event-stream; charset=utf-8");
        assert_eq!(headers["x-accel-buffering"], "no");
        assert_eq!(headers["cache-control"], "no-store");
        Self { response, text: String::new() }
    }

    /// `None` at the end of the stream.
    async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let sent = read(event);
                self.text = rest.to_owned();
                return Some(sent);
            }
            let chunk = timeout(SOON, self.response.chunk()).await.unwrap().unwrap();
            let Some(chunk) = chunk else {
                assert_eq!(self.text, "", "half an event");
                return None;
            };
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next that is no keep-alive.
    async fn said(&mut self) -> Option<Sent> {
        loop {
            match self.next().await {
                Some(Sent::Comment(comment)) if comment.is_empty() => {}
                said => return said,
            }
        }
    }
}

fn read(event: &str) -> Sent {
    if let Some(comment) = event.strip_prefix(':') {
        return Sent::Comment(comment.trim().to_owned());
    }
    match event.strip_prefix("event: next\ndata: ") {
        Some(data) => Sent::Next(serde_json::from_str(data).unwrap()),
        None => {
            assert_eq!(event, "event: complete\ndata: ");
            Sent::Complete
        }
    }
}

async fn ask(server: &Server, token: &str, accept: &str, query: &str) -> Response {
    let mut request =
        server.client.post(server.url("/graphql")).header("accept", accept).json(&json!({ "query": query }));
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap()
}

async fn start(change: impl FnOnce(&mut HttpOptions<ToySchema>)) -> Server {
    Server::start_with(change, ServerOptions::default()).await
}

async fn start_with(websocket: WebSocketOptions) -> Server {
    start(|options| options.websocket = websocket).await
}

/// Waits until the metrics say so.
async fn until_metrics(server: &Server, line: &str) {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let metrics = server.client.get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
        if metrics.lines().any(|written| written == line) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "not {line} in\n{metrics}");
    }
}

#[tokio::test]
async fn a_subscription_is_streamed_to_its_end() {
    let server = Server::start().await;
    let mut events = Events::open(&server, "", "subscription { count(to: 2) }").await;
    for number in [1, 2] {
        assert_eq!(events.said().await, Some(Sent::Next(json!({ "data": { "count": number } }))));
    }
    assert_eq!(events.said().await, Some(Sent::Complete));
    assert_eq!(events.said().await, None);

    let address = server.url("/graphql?query=subscription%20%7B%20count(to%3A%201)%20%7D");
    let response = server.client.get(address).header("accept", EVENT_STREAM).send().await.unwrap();
    let mut events = Events::of(response);
    assert_eq!(events.said().await, Some(Sent::Next(json!({ "data": { "count": 1 } }))));
    assert_eq!(events.said().await, Some(Sent::Complete));
}

#[tokio::test]
async fn a_subscription_whose_token_is_no_longer_good_ends_and_is_not_complete() {
    let server = Server::start().await;
    let mut events = Events::open(&server, "good", "subscription { signedOut }").await;
    assert_eq!(events.said().await, Some(Sent::Next(json!({ "data": { "signedOut": 1 } }))));
    let reason = "the access token is no longer valid".to_owned();
    assert_eq!(events.said().await, Some(Sent::Comment(reason)));
    assert_eq!(events.said().await, None);

    // Who has none is told that it takes one.
    let mut events = Events::open(&server, "", "subscription { signedOut }").await;
    assert_eq!(events.said().await, Some(Sent::Next(json!({ "data": { "signedOut": 1 } }))));
    let Some(Sent::Next(refused)) = events.said().await else { panic!("no refusal") };
    assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{refused:#}");
    assert_eq!(events.said().await, Some(Sent::Complete));
}

#[tokio::test]
async fn queries_and_mutations_are_one_result() {
    let server = Server::start().await;
    for (query, data) in
        [("{ whoami }", json!({ "whoami": "ada" })), ("mutation { increment }", json!({ "increment": 1 }))]
    {
        let mut events = Events::open(&server, "good", query).await;
        assert_eq!(events.next().await, Some(Sent::Next(json!({ "data": data }))));
        assert_eq!(events.next().await, Some(Sent::Complete));
        assert_eq!(events.next().await, None);
    }
    let address = server.url("/graphql?query=mutation%20%7B%20increment%20%7D");
    let response = server.client.get(address).header("accept", EVENT_STREAM).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "POST");
    let mut events = Events::open(&server, "", "mutation { increment }").await;
    assert_eq!(events.next().await, Some(Sent::Next(json!({ "data": { "increment": 2 } }))), "not by GET");
}

#[tokio::test]
async fn who_takes_both_gets_a_stream_for_subscriptions_only() {
    let server = Server::start().await;
    let both = "application/graphql-response+json, application/json, text/event-stream";
    let query = ask(&server, "", both, "{ hello }").await;
    assert_eq!(query.headers()["content-type"], "application/graphql-response+json; charset=utf-8");
    let mut events = Events::of(ask(&server, "", both, "subscription { count(to: 1) }").await);
    assert_eq!(events.said().await, Some(Sent::Next(json!({ "data": { "count": 1 } }))));
    let refused = ask(&server, "", "application/json, */*", "subscription { count(to: 1) }").await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let message = refused.text().await.unwrap();
    assert!(message.contains("graphql-transport-ws") && message.contains("text/event-stream"), "{message}");
}

#[tokio::test]
async fn what_is_wrong_with_an_operation_is_told_in_the_stream_and_who_asks_by_the_status() {
    let server = Server::start().await;
    for (query, code) in [
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { denied }", "FORBIDDEN"),
    ] {
        let mut events = Events::open(&server, "good", query).await;
        let Some(Sent::Next(answer)) = events.said().await else { unreachable!("{query}") };
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{query}: {answer}");
        assert_eq!(events.said().await, Some(Sent::Complete), "{query}");
    }
    let mut events = Events::open(&server, "", "subscription { explode }").await;
    assert_eq!(events.said().await, Some(Sent::Next(json!({ "data": { "explode": 1 } }))));
    let Some(Sent::Next(answer)) = events.said().await else { unreachable!() };
    assert_eq!(answer["errors"][0]["extensions"]["code"], "INTERNAL");
    assert_eq!(events.said().await, Some(Sent::Complete));

    for (token, status) in [
        ("wrong", StatusCode::UNAUTHORIZED),
        ("expired", StatusCode::UNAUTHORIZED),
        ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let refused = ask(&server, token, EVENT_STREAM, "subscription { count(to: 1) }").await;
        assert_eq!(refused.status(), status, "{token}");
        assert_eq!(refused.headers()["content-type"], "application/json; charset=utf-8");
    }
    let body = server.client.post(server.url("/graphql")).header("accept", EVENT_STREAM).body("{ hello }");
    assert_eq!(body.send().await.unwrap().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn who_was_known_a_moment_ago_is_believed_for_reading_and_not_for_listening() {
    let server = Server::start().await;
    let mut events = Events::open(&server, "withdrawn", "{ whoami }").await;
    assert_eq!(events.next().await, Some(Sent::Next(json!({ "data": { "whoami": "ada" } }))));
    for query in ["subscription { count(to: 1) }", "mutation { increment }"] {
        let refused = ask(&server, "withdrawn", EVENT_STREAM, query).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{query}");
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_token_and_has_no_complete_then() {
    let first = Some(Sent::Next(json!({ "data": { "quiet": 1 } })));
    let server = Server::start().await;
    let mut short = Events::open(&server, "short", "subscription { quiet }").await;
    assert_eq!(short.said().await, first);
    assert_eq!(short.said().await, Some(Sent::Comment("the access token has expired".to_owned())));
    assert_eq!(short.said().await, None);

    let websocket =
        WebSocketOptions { reauthentication_interval: Duration::from_millis(50), ..Default::default() };
    let server = start_with(websocket).await;
    let mut revoked = Events::open(&server, "revocable", "subscription { quiet }").await;
    assert_eq!(revoked.said().await, first);
    server.authenticator.is_revoked.store(true, Ordering::SeqCst);
    assert_eq!(revoked.said().await, Some(Sent::Comment("the access token is no longer valid".to_owned())));
    assert_eq!(revoked.said().await, None);
}

#[tokio::test]
async fn a_shutdown_ends_streams() {
    let mut server = Server::start().await;
    let mut events = Events::open(&server, "", "subscription { quiet }").await;
    assert_eq!(events.said().await, Some(Sent::Next(json!({ "data": { "quiet": 1 } }))));
    server.connections.shutdown().cancel();
    assert_eq!(events.said().await, Some(Sent::Comment("the server is shutting down".to_owned())));
    assert_eq!(events.said().await, None);
    timeout(SOON, server.tasks.join_next()).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn silent_streams_are_kept_alive_and_forgotten_when_the_client_is_gone() {
    let websocket = WebSocketOptions { keep_alive_interval: Duration::from_millis(20), ..Default::default() };
    let server = start_with(websocket).await;
    let mut events = Events::open(&server, "", "subscription { quiet }").await;
    let (mut comments, mut results) = (0, 0);
    while comments < 4 {
        match events.next().await.unwrap() {
            Sent::Comment(comment) => {
                assert_eq!(comment, "");
                comments += 1;
            }
            Sent::Next(_) => results += 1,
            Sent::Complete => unreachable!("it is quiet, not over"),
        }
    }
    assert_eq!(results, 1);
    until_metrics(&server, "trestle_event_streams 1").await;
    drop(events);
    until_metrics(&server, "trestle_event_streams 0").await;
    until_metrics(&server, "trestle_graphql_subscriptions 0").await;
}

#[tokio::test]
async fn a_caller_has_so_many_streams() {
    let websocket = WebSocketOptions { connections_per_caller_max: 1, ..Default::default() };
    let server = start_with(websocket).await;
    let mut first = Events::open(&server, "good", "subscription { quiet }").await;
    assert_eq!(first.said().await, Some(Sent::Next(json!({ "data": { "quiet": 1 } }))));
    let second = ask(&server, "good", EVENT_STREAM, "subscription { quiet }").await;
    assert_eq!(second.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(second.headers()["retry-after"], "5");
    let refused: Value = second.json().await.unwrap();
    assert_eq!(refused["errors"][0]["extensions"]["code"], "RATE_LIMITED", "{refused}");
    let query = ask(&server, "good", EVENT_STREAM, "{ hello }").await;
    assert_eq!(query.status(), StatusCode::OK, "of the others any number");
    drop(first);
    until_metrics(&server, "trestle_event_streams 0").await;
    Events::open(&server, "good", "subscription { quiet }").await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let websocket = WebSocketOptions { send_timeout: Duration::from_millis(100), ..Default::default() };
    let server = start_with(websocket).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let body = json!({ "query": "subscription { flood(bytes: 100000) }" }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    // Not read until the server gave up.
    let mut first = [0; 12];
    timeout(SOON, socket.read_exact(&mut first)).await.unwrap().unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    until_metrics(&server, "trestle_event_streams 0").await;
    until_metrics(&server, "trestle_graphql_subscriptions 0").await;
    // What was on its way, and then the end: by a reset where that overtakes it.
    let mut rest = Vec::new();
    match timeout(SOON, socket.read_to_end(&mut rest)).await.unwrap() {
        Ok(_) => assert!(!rest.ends_with(b"0\r\n\r\n"), "it is no proper end"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
}
