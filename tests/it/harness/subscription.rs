//! GraphQL over WebSocket, protocol `graphql-transport-ws`, from the client's side: a socket that sends and shows
//! anything, for tests of the protocol, and a subscription on top of it.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than an answer to a message of ours may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
const PROTOCOL: &str = "graphql-transport-ws";

/// What the server sent.
#[derive(Debug, PartialEq)]
pub enum Incoming {
    /// A protocol message.
    Message(Value),
    /// The end, with the close code, or `None` when the connection broke without one.
    Closed(Option<(u16, String)>),
}

/// An open socket on which nothing has been said yet.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// Connects to the server at `url` (`http://HOST:PORT`).
    pub async fn connect(url: &str) -> Self {
        Self::connect_from(url, None)
            .await
            .unwrap_or_else(|error| panic!("opening a WebSocket at {url}: {error}"))
    }

    /// Connects as a page of `origin` does; an error when the server refuses.
    pub async fn connect_from(url: &str, origin: Option<&str>) -> Result<Self, Error> {
        let address = url.strip_prefix("http://").expect("the tests speak plain HTTP");
        let mut request = format!("ws://{address}/graphql").into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(PROTOCOL));
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", HeaderValue::from_str(origin)?);
        }
        let (stream, _) = connect_async(request).await?;
        Ok(Self { stream })
    }

    /// Sends a message.
    pub async fn send(&mut self, message: Value) {
        self.send_text(&message.to_string()).await;
    }

    /// Sends anything.
    pub async fn send_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap_or_else(|error| panic!("sending {text}: {error}"));
    }

    /// The next message, or the end; WebSocket's own pings are passed over. `None` when nothing comes within `limit`.
    pub async fn receive_within(&mut self, limit: Duration) -> Option<Incoming> {
        tokio::time::timeout(limit, self.next()).await.ok()
    }

    /// The next message, or the end; panics when nothing comes.
    pub async fn receive(&mut self) -> Incoming {
        self.receive_within(ANSWER_LIMIT).await.unwrap_or_else(|| panic!("nothing within {ANSWER_LIMIT:?}"))
    }

    async fn next(&mut self) -> Incoming {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Incoming::Message(serde_json::from_str(&text).expect("the server sends JSON"));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Incoming::Closed(
                        frame.map(|frame| (frame.code.into(), frame.reason.to_string())),
                    );
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("the protocol has only text messages, not {other:?}"),
                Some(Err(_)) | None => return Incoming::Closed(None),
            }
        }
    }
}

/// One running subscription on a socket of its own.
pub struct Subscription {
    socket: Socket,
}

impl Subscription {
    /// Connects, says who is asking, and subscribes.
    pub async fn start(url: &str, token: Option<&str>, query: &str, variables: Value) -> Self {
        let mut socket = Socket::connect(url).await;
        let payload =
            token.map_or_else(|| json!({}), |token| json!({"Authorization": format!("Bearer {token}")}));
        socket.send(json!({"type": "connection_init", "payload": payload})).await;
        match socket.receive().await {
            Incoming::Message(message) if message["type"] == "connection_ack" => {}
            other => panic!("expected connection_ack, got {other:?}"),
        }
        let payload = json!({"query": query, "variables": variables});
        socket.send(json!({"id": "1", "type": "subscribe", "payload": payload})).await;
        Self { socket }
    }

    /// The data of the next event; `None` when nothing comes within `limit`. Panics on an error or the end.
    pub async fn next_within(&mut self, limit: Duration) -> Option<Value> {
        loop {
            let message = match self.socket.receive_within(limit).await? {
                Incoming::Message(message) => message,
                Incoming::Closed(reason) => panic!("the server ended the subscription: {reason:?}"),
            };
            match message["type"].as_str() {
                Some("next") => {
                    let payload = &message["payload"];
                    assert!(payload["errors"].is_null(), "an event with errors: {payload:#}");
                    return Some(payload["data"].clone());
                }
                Some("ping") => self.socket.send(json!({"type": "pong"})).await,
                Some("pong") => {}
                _ => panic!("expected an event, got {message:#}"),
            }
        }
    }

    /// The data of the next event; panics when none comes.
    pub async fn next(&mut self) -> Value {
        self.next_within(ANSWER_LIMIT).await.unwrap_or_else(|| panic!("no event within {ANSWER_LIMIT:?}"))
    }

    /// The first event for which `wanted` is true.
    pub async fn find(&mut self, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let search = async {
            loop {
                let event = self.next().await;
                if wanted(&event) {
                    return event;
                }
            }
        };
        tokio::time::timeout(limit, search).await.unwrap_or_else(|_| panic!("no such event within {limit:?}"))
    }
}
