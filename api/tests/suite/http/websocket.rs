//! The protocol graphql-transport-ws, message by message and close code by close code.

use std::sync::atomic::Ordering;
use std::time::Duration;

use api::http::{HttpOptions, ServerOptions, WebSocketOptions};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::server::Server;
use super::toy::ToySchema;

/// Longest wait for anything that must happen.
const SOON: Duration = Duration::from_secs(10);

pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub async fn open(server: &Server) -> Self {
        Self::open_with(server, &[("sec-websocket-protocol", "graphql-transport-ws")]).await.unwrap()
    }

    pub async fn open_with(server: &Server, headers: &[(&'static str, &'static str)]) -> Result<Self, Error> {
        let mut request = format!("ws://{}/graphql", server.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_static(value));
        }
        connect_async(request).await.map(|(socket, _)| Self(socket))
    }

    /// Open and acknowledged.
    pub async fn ready(server: &Server, payload: Value) -> Self {
        let mut socket = Self::open(server).await;
        socket.send(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.receive().await, json!({ "type": "connection_ack" }));
        socket
    }

    pub async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(json!({ "id": id, "type": "subscribe", "payload": { "query": query } })).await;
    }

    pub async fn receive(&mut self) -> Value {
        loop {
            match timeout(SOON, self.0.next()).await.unwrap().unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => unreachable!("{other:?}"),
            }
        }
    }

    /// The next message, or the code with which the server closes.
    pub async fn receive_or_close(&mut self) -> Result<Value, u16> {
        loop {
            match timeout(SOON, self.0.next()).await.unwrap().unwrap().unwrap() {
                Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
                Message::Close(Some(frame)) => return Err(frame.code.into()),
                _ => {}
            }
        }
    }

    /// Reads on until the server closes.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            match timeout(SOON, self.0.next()).await.unwrap() {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                other => unreachable!("{other:?}"),
            }
        }
    }
}

async fn start(change: impl FnOnce(&mut HttpOptions<ToySchema>)) -> Server {
    Server::start_with(change, ServerOptions::default()).await
}

async fn start_with(websocket: WebSocketOptions) -> Server {
    start(|options| options.websocket = websocket).await
}

#[tokio::test]
async fn a_subscription_runs_to_its_end() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server, json!({})).await;
    socket.subscribe("a", "subscription { count(to: 2) }").await;
    for number in [1, 2] {
        let expected = json!({ "id": "a", "type": "next", "payload": { "data": { "count": number } } });
        assert_eq!(socket.receive().await, expected);
    }
    assert_eq!(socket.receive().await, json!({ "id": "a", "type": "complete" }));
    socket.subscribe("a", "subscription { count(to: 1) }").await;
    assert_eq!(socket.receive().await["type"], "next", "an id can be used again");
}

#[tokio::test]
async fn queries_and_mutations_work_too() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server, json!({ "Authorization": "Bearer good" })).await;
    for (query, data) in
        [("{ whoami }", json!({ "whoami": "ada" })), ("mutation { increment }", json!({ "increment": 1 }))]
    {
        socket.subscribe("q", query).await;
        assert_eq!(socket.receive().await, json!({ "id": "q", "type": "next", "payload": { "data": data } }));
        assert_eq!(socket.receive().await, json!({ "id": "q", "type": "complete" }));
    }
    socket.subscribe("q", "{ hello leaky }").await;
    let partial = socket.receive().await;
    assert_eq!((&partial["type"], &partial["payload"]["data"]["hello"]), (&json!("next"), &json!("world")));
    assert_eq!(partial["payload"]["errors"][0]["extensions"]["code"], "INTERNAL");
}

#[tokio::test]
async fn requests_that_are_not_executed_end_with_error() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server, json!({})).await;
    let aliases: String = (0..200).map(|index| format!("a{index}: hello ")).collect();
    for (query, code) in [
        ("subscription { nothing }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        ("{ nothing }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {".to_owned(), "GRAPHQL_PARSE_FAILED"),
        (format!("{{ {aliases} }}"), "LIMIT_EXCEEDED"),
        ("{ __schema { types { name } } }".to_owned(), "FORBIDDEN"),
        ("query A { hello } query B { hello }".to_owned(), "BAD_REQUEST"),
    ] {
        socket.subscribe("e", &query).await;
        let error = socket.receive().await;
        assert_eq!((&error["id"], &error["type"]), (&json!("e"), &json!("error")), "{error}");
        assert_eq!(error["payload"][0]["extensions"]["code"], code);
    }
    socket.subscribe("e", "{ hello }").await;
    assert_eq!(socket.receive().await["type"], "next", "nothing follows an error, and the id is free");
}

#[tokio::test]
async fn failures_of_subscriptions_reach_the_client() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server, json!({})).await;
    socket.subscribe("d", "subscription { denied }").await;
    let denied = socket.receive().await;
    assert!(denied.to_string().contains("FORBIDDEN"), "{denied}");
    while socket.receive().await["type"] != "complete" {}
    socket.subscribe("p", "subscription { explode }").await;
    assert_eq!(socket.receive().await["payload"]["data"]["explode"], 1);
    let error = socket.receive().await;
    assert_eq!(
        (&error["type"], &error["payload"][0]["extensions"]["code"]),
        (&json!("error"), &json!("INTERNAL"))
    );
    assert!(!error.to_string().contains("boom"));
}

#[tokio::test]
async fn the_client_may_complete() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server, json!({})).await;
    socket.subscribe("q", "subscription { quiet }").await;
    assert_eq!(socket.receive().await["type"], "next");
    socket.send(json!({ "id": "q", "type": "complete" })).await;
    socket.send(json!({ "id": "unknown", "type": "complete" })).await;
    socket.send(json!({ "type": "ping", "payload": { "n": 1 } })).await;
    assert_eq!(
        socket.receive().await,
        json!({ "type": "pong", "payload": { "n": 1 } }),
        "complete is not echoed"
    );
    socket.subscribe("q", "subscription { quiet }").await;
    assert_eq!(socket.receive().await["type"], "next", "the id is free at once");
    socket.send(json!({ "type": "pong" })).await;
    socket.send(json!({ "type": "ping" })).await;
    assert_eq!(socket.receive().await, json!({ "type": "pong" }));
}

#[tokio::test]
async fn malformed_messages_close_with_4400() {
    let server = Server::start().await;
    for message in [
        Message::text("nonsense"),
        Message::text("[]"),
        Message::text("{}"),
        Message::text(r#"{"type":1}"#),
        Message::text(r#"{"type":"start"}"#),
        Message::text(r#"{"type":"subscribe","payload":{"query":"{ hello }"}}"#),
        Message::text(r#"{"type":"subscribe","id":"","payload":{"query":"{ hello }"}}"#),
        Message::text(r#"{"type":"subscribe","id":"a"}"#),
        Message::text(r#"{"type":"subscribe","id":"a","payload":{}}"#),
        Message::text(r#"{"type":"subscribe","id":"a","payload":{"query":"{ hello }","variables":[]}}"#),
        Message::text(r#"{"type":"complete"}"#),
        Message::text(r#"{"type":"ping","payload":1}"#),
        Message::text(r#"{"type":"ping","type":"pong"}"#),
        Message::text(
            r#"{"type":"subscribe","id":"a","payload":{"query":"{ hello }","query":"{ whoami }"}}"#,
        ),
        Message::binary(vec![1, 2]),
    ] {
        let mut socket = Socket::ready(&server, json!({})).await;
        socket.0.send(message.clone()).await.unwrap();
        assert_eq!(socket.close_code().await, 4400, "{message}");
    }
    let mut socket = Socket::open(&server).await;
    socket.send(json!({ "type": "connection_init", "payload": "Bearer good" })).await;
    assert_eq!(socket.close_code().await, 4400);
}

#[tokio::test]
async fn the_handshake_has_an_order() {
    let options =
        WebSocketOptions { initialisation_timeout: Duration::from_millis(50), ..Default::default() };
    let server = start_with(options).await;
    assert_eq!(Socket::open(&server).await.close_code().await, 4408, "nothing sent");
    let server = Server::start().await;
    let mut socket = Socket::open(&server).await;
    socket.subscribe("a", "{ hello }").await;
    assert_eq!(socket.close_code().await, 4401, "subscribed before the acknowledgement");
    let mut socket = Socket::ready(&server, json!({})).await;
    socket.send(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.close_code().await, 4429, "initialised twice");
    let mut socket = Socket::ready(&server, json!({})).await;
    socket.subscribe("a", "subscription { quiet }").await;
    assert_eq!(socket.receive().await["type"], "next");
    socket.subscribe("a", "subscription { quiet }").await;
    assert_eq!(socket.close_code().await, 4409, "the same id twice");
}

#[tokio::test]
async fn only_graphql_transport_ws_is_spoken() {
    let server = Server::start().await;
    let mut socket = Socket::open_with(&server, &[]).await.unwrap();
    assert_eq!(socket.close_code().await, 4406);
    let both = [("sec-websocket-protocol", "graphql-ws, graphql-transport-ws")];
    let mut socket = Socket::open_with(&server, &both).await.unwrap();
    socket.send(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.receive().await["type"], "connection_ack");
}

#[tokio::test]
async fn tokens_are_checked_at_the_start_and_later() {
    let server = Server::start().await;
    for (authorization, code) in [
        (json!("Bearer wrong"), 4403),
        (json!("Bearer expired"), 4403),
        (json!("Bearer unavailable"), 1013),
        (json!("Basic YTpi"), 4401),
        (json!(7), 4401),
    ] {
        let mut socket = Socket::open(&server).await;
        socket
            .send(json!({ "type": "connection_init", "payload": { "authorization": authorization } }))
            .await;
        assert_eq!(socket.close_code().await, code, "{authorization}");
    }
    let mut socket = Socket::ready(&server, json!({ "Authorization": "Bearer short" })).await;
    socket.subscribe("a", "subscription { quiet }").await;
    assert_eq!(socket.close_code().await, 4403, "the token has ended");

    let reauthentication_interval = Duration::from_millis(50);
    let server = start_with(WebSocketOptions { reauthentication_interval, ..Default::default() }).await;
    let mut socket = Socket::ready(&server, json!({ "authorization": "Bearer revocable" })).await;
    socket.subscribe("a", "subscription { quiet }").await;
    assert_eq!(socket.receive().await["type"], "next");
    server.authenticator.is_revoked.store(true, Ordering::SeqCst);
    assert_eq!(socket.close_code().await, 4403, "the token was revoked");

    let server = Server::start().await;
    let mut socket = Socket::ready(&server, json!({ "authorization": "Bearer revocable" })).await;
    server.authenticator.is_revoked.store(true, Ordering::SeqCst);
    socket.subscribe("a", "{ whoami }").await;
    assert_eq!(socket.close_code().await, 4403, "each operation asks again, as each request does");

    let headers = [("sec-websocket-protocol", "graphql-transport-ws"), ("authorization", "Bearer good")];
    let mut socket = Socket::open_with(&server, &headers).await.unwrap();
    socket.send(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.receive().await["type"], "connection_ack");
    socket.subscribe("a", "{ whoami }").await;
    assert_eq!(socket.receive().await["payload"]["data"]["whoami"], "ada", "by the upgrade's header");
}

#[tokio::test]
async fn a_subscription_whose_token_is_no_longer_good_ends_the_connection_and_does_not_complete() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server, json!({ "authorization": "Bearer good" })).await;
    socket.subscribe("a", "subscription { signedOut }").await;
    assert_eq!(socket.receive().await["payload"]["data"], json!({ "signedOut": 1 }));
    assert_eq!(socket.close_code().await, 4403, "the client comes again with a new token");

    // Who has none is told that it takes one, and goes on.
    let mut socket = Socket::ready(&server, json!({})).await;
    socket.subscribe("a", "subscription { signedOut }").await;
    assert_eq!(socket.receive().await["payload"]["data"], json!({ "signedOut": 1 }));
    let refused = socket.receive().await;
    assert_eq!(refused["payload"]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{refused:#}");
    assert_eq!(socket.receive().await, json!({ "id": "a", "type": "complete" }));
}

#[tokio::test]
async fn pages_of_other_sites_may_not_connect() {
    let portal = "https://portal.example.com";
    let server = start(|options| options.allowed_origins = vec![portal.parse().unwrap()]).await;
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    let refused = Socket::open_with(&server, &[protocol, ("origin", "https://evil.example")]).await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status() == 403));
    assert!(Socket::open_with(&server, &[protocol, ("origin", portal)]).await.is_ok());
}

#[tokio::test]
async fn messages_and_operations_are_bounded() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server, json!({})).await;
    for index in 0..100 {
        socket.subscribe(&index.to_string(), "subscription { quiet }").await;
        assert_eq!(socket.receive().await["type"], "next");
    }
    socket.subscribe("one too many", "subscription { quiet }").await;
    let error = socket.receive().await;
    assert_eq!(
        (&error["type"], &error["payload"][0]["extensions"]["code"]),
        (&json!("error"), &json!("LIMIT_EXCEEDED"))
    );
    socket.send(json!({ "id": "7", "type": "complete" })).await;
    socket.subscribe("7", "subscription { quiet }").await;
    assert_eq!(socket.receive().await["type"], "next");
    for (bytes, code) in [(70_000, 1009), (400_000, 1002)] {
        let mut socket = Socket::ready(&server, json!({})).await;
        socket.send(json!({ "type": "ping", "payload": { "x": "y".repeat(bytes) } })).await;
        assert_eq!(socket.close_code().await, code, "{bytes} bytes");
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let send_timeout = Duration::from_millis(100);
    let server = start_with(WebSocketOptions { send_timeout, ..Default::default() }).await;
    let mut socket = Socket::ready(&server, json!({})).await;
    socket.subscribe("f", "subscription { flood(bytes: 100000) }").await;
    // Not read until the server gave up: it then has no open WebSocket any more.
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let metrics = server.client.get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
        if metrics.contains("trestle_websocket_connections 0\n") {
            assert!(metrics.contains("trestle_graphql_subscriptions 0\n"), "{metrics}");
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "still open");
    }
}

#[tokio::test]
async fn a_client_that_reads_again_is_told_that_it_was_too_slow() {
    let send_timeout = Duration::from_millis(100);
    let server = start_with(WebSocketOptions { send_timeout, ..Default::default() }).await;
    let mut socket = Socket::ready(&server, json!({})).await;
    socket.subscribe("f", "subscription { flood(bytes: 100000) }").await;
    assert_eq!(socket.receive().await["type"], "next", "it has begun");
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let metrics = server.client.get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
        if metrics.contains("trestle_graphql_subscriptions 0\n") {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "still running");
    }
    assert_eq!(socket.close_code().await, 1013, "it may come again");
}

#[tokio::test]
async fn a_silent_peer_is_given_up_and_a_living_one_is_kept() {
    let keep_alive_interval = Duration::from_millis(100);
    let server = start_with(WebSocketOptions { keep_alive_interval, ..Default::default() }).await;
    let mut living = Socket::ready(&server, json!({})).await;
    for _ in 0..3 {
        // Reading answers the ping.
        let message = timeout(SOON, living.0.next()).await.unwrap().unwrap().unwrap();
        assert!(matches!(message, Message::Ping(_)), "{message:?}");
    }
    living.subscribe("a", "{ hello }").await;
    assert_eq!(living.receive().await["type"], "next");

    let mut dead = TcpStream::connect(server.address).await.unwrap();
    let request = "GET /graphql HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut dead, request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    timeout(SOON, tokio::io::AsyncReadExt::read_to_end(&mut dead, &mut received)).await.unwrap().unwrap();
    assert!(received.starts_with(b"HTTP/1.1 101 "));
}

#[tokio::test]
async fn a_shutdown_closes_with_1001() {
    let mut server = Server::start().await;
    let mut socket = Socket::ready(&server, json!({})).await;
    socket.subscribe("a", "subscription { quiet }").await;
    assert_eq!(socket.receive().await["type"], "next");
    server.connections.shutdown().cancel();
    assert_eq!(socket.close_code().await, 1001);
    drop(socket);
    timeout(SOON, server.tasks.join_next()).await.unwrap().unwrap().unwrap();
}
