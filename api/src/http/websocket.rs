//! GraphQL over WebSocket: the server's side of the protocol `graphql-transport-ws`
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>) and its close codes.
//! Deliberately absent: the older protocol `graphql-ws`, compression, HTTP/2.

mod operation;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Executor;
use async_graphql::parser::types::OperationType;
use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tracing::Instrument;

use self::operation::{Output, message_text, run_operation};
use super::HttpState;
use super::authentication::{
    ACCEPT_LANGUAGE_BYTES_MAX, AuthenticationError, Identity, RequestOrigin, bearer_of_headers,
    bearer_of_value,
};
use super::error::{ErrorCode, Refusal, plain};
use super::execution;
use super::limits::DOCUMENT_BYTES_MAX;
use super::metrics::Outcome;
use super::occupancy::Place;
use super::parameters::Parameters;
use super::strict_json::Strict;

/// The only subprotocol that is spoken.
pub(super) const SUBPROTOCOL: &str = "graphql-transport-ws";

/// Bytes of one message from a client: the same as a document over HTTP.
const MESSAGE_BYTES_MAX: usize = DOCUMENT_BYTES_MAX;
/// Bytes at which the WebSocket layer gives up on a message. More than above, so that being a little too large is
/// answered with a proper close code.
const FRAME_BYTES_MAX: usize = 4 * MESSAGE_BYTES_MAX;
/// Operations that run at once on one connection; a large dashboard has about 20.
const OPERATIONS_MAX: usize = 100;
/// Connections of all callers in one process: half of what the listener accepts, so that requests get through.
const CONNECTIONS_MAX: usize = 5_000;
/// Connections from one network on which nobody has said yet who they are; they do within milliseconds, and within
/// [`WebSocketOptions::initialisation_timeout`] at the latest.
const UNINITIALISED_MAX: usize = 100;
/// Operations in a row that are put off; who goes on regardless is sent away.
const RATE_LIMITED_MAX: u32 = 100;
/// How long who finds no place for a connection is asked to wait.
const CONNECTION_RETRY_SECONDS: u64 = 5;
/// Characters of an operation's id; clients use UUIDs or counters.
const OPERATION_ID_LENGTH_MAX: usize = 128;
/// Results of all operations that wait to be sent. When it is full, operations wait.
const QUEUE_LENGTH: usize = 64;
/// Longest wait for the answer of whoever knows tokens.
const AUTHENTICATION_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for the peer to confirm a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Bytes of a close reason (RFC 6455, section 5.5: 125 with the code).
const CLOSE_REASON_BYTES_MAX: usize = 123;
/// Timers further away than this are set anew when it has passed; keeps `Instant` arithmetic in range.
const TIMER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Close codes: RFC 6455 and the protocol's own.
mod code {
    pub(super) const GOING_AWAY: u16 = 1001;
    pub(super) const PROTOCOL_ERROR: u16 = 1002;
    pub(super) const TOO_BIG: u16 = 1009;
    pub(super) const TRY_AGAIN_LATER: u16 = 1013;
    pub(super) const BAD_MESSAGE: u16 = 4400;
    /// Clients do not try again.
    pub(super) const UNAUTHORIZED: u16 = 4401;
    /// Clients try again, with a fresh token.
    pub(super) const FORBIDDEN: u16 = 4403;
    pub(super) const SUBPROTOCOL: u16 = 4406;
    pub(super) const INITIALISATION_TIMEOUT: u16 = 4408;
    pub(super) const DUPLICATE_OPERATION: u16 = 4409;
    pub(super) const DUPLICATE_INITIALISATION: u16 = 4429;
    /// Too many connections, or requests; the same code, at which clients do not try again by themselves.
    pub(super) const TOO_MANY: u16 = 4429;
}

/// Timing and number of WebSocket connections.
#[derive(Clone, Debug)]
pub struct WebSocketOptions {
    /// Longest wait for `connection_init`. Default 10 s: mobile networks take seconds for a first round trip.
    pub initialisation_timeout: Duration,
    /// Time between pings; a peer that has said nothing since the last one is given up. Default 20 s: proxies close
    /// connections that are silent for 30 to 60 s.
    pub keep_alive_interval: Duration,
    /// Longest time one message may take to leave; a slower client is dropped. Default 10 s.
    pub send_timeout: Duration,
    /// How often a token is checked again, so that a revoked one ends its connections. Default 60 s.
    pub reauthentication_interval: Duration,
    /// Connections of one caller (a person, an API key, a portal session; of who has not signed in, a network) in this
    /// process. Default 20: a tab of a browser has one.
    pub connections_per_caller_max: usize,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        Self {
            initialisation_timeout: Duration::from_secs(10),
            keep_alive_interval: Duration::from_secs(20),
            send_timeout: Duration::from_secs(10),
            reauthentication_interval: Duration::from_secs(60),
            connections_per_caller_max: 20,
        }
    }
}

/// Whether a request asks for a WebSocket.
pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::UPGRADE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}

/// Answers the handshake and leaves the connection to a task of its own.
pub(super) async fn upgrade<E: Executor>(state: Arc<HttpState<E>>, mut parts: Parts) -> Response {
    if !is_origin_allowed(&parts.headers, &state.options.allowed_origins) {
        let message = "Pages of this origin may not connect: it is not among the allowed origins.";
        return plain(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message);
    }
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            let status = rejection.into_response().status();
            return plain(status, ErrorCode::BadRequest, "This is not a valid WebSocket handshake.");
        }
    };
    let origin = RequestOrigin::of(&parts, &state.options.trusted_proxies);
    let places = (
        state.sockets.enter(EVERYBODY, CONNECTIONS_MAX),
        state.handshakes.enter(&origin.network(), UNINITIALISED_MAX),
    );
    let (everybody, handshake) = match places {
        (Some(everybody), Some(handshake)) => (everybody, handshake),
        (None, _) => {
            let message = "There are too many WebSockets at the moment. Please try again.";
            return later(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, message);
        }
        (_, None) => {
            let message = "Too many WebSockets of your network wait for their \"connection_init\".";
            return later(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimited, message);
        }
    };
    let upgrade =
        upgrade.protocols([SUBPROTOCOL]).max_message_size(FRAME_BYTES_MAX).max_frame_size(FRAME_BYTES_MAX);
    let speaks_protocol = upgrade.selected_protocol().is_some();
    let header_token = bearer_of_headers(&parts.headers);
    // Counted from here on, so that a shutdown waits for it.
    let open = state.options.connections.open();
    upgrade.on_upgrade(move |mut socket| async move {
        let span = tracing::info_span!("websocket", request.id = %origin.request_id);
        async {
            if speaks_protocol {
                Connection::new(state, socket, origin, header_token, handshake).run().await;
            } else {
                let reason = format!("Subprotocol not acceptable: use {SUBPROTOCOL}");
                close(&mut socket, &Close { code: code::SUBPROTOCOL, reason }, CLOSE_TIMEOUT).await;
            }
        }
        .instrument(span)
        .await;
        drop((open, everybody));
    })
}

/// The name under which all connections are counted.
const EVERYBODY: &str = "everybody";

/// A refused handshake that is worth another try.
fn later(status: StatusCode, code: ErrorCode, message: &str) -> Response {
    let mut response = plain(status, code, message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(CONNECTION_RETRY_SECONDS));
    response
}

/// Browsers send `Origin` and do not ask before they open a WebSocket, so the server must look.
fn is_origin_allowed(headers: &HeaderMap, allowed: &[HeaderValue]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    if allowed.contains(origin) {
        return true;
    }
    let host_of_origin =
        origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    matches!((host_of_origin, host), (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(host))
}

/// Why a connection ends.
#[derive(Debug)]
enum End {
    /// With a close frame.
    Close(Close),
    /// The peer is gone, or too slow for a farewell.
    Gone(&'static str),
}

#[derive(Debug)]
struct Close {
    code: u16,
    reason: String,
}

impl End {
    fn close(code: u16, reason: impl Into<String>) -> Self {
        Self::Close(Close { code, reason: reason.into() })
    }
}

/// From an operation's task, or from a renewed authentication, to the connection.
enum Event {
    Message { id: Arc<str>, serial: u64, text: String, is_last: bool },
    Reauthenticated(Result<Identity, AuthenticationError>),
}

struct Running {
    /// Tells operations apart that used the same id one after the other.
    serial: u64,
    task: AbortHandle,
}

/// One WebSocket connection.
struct Connection<E> {
    state: Arc<HttpState<E>>,
    socket: WebSocket,
    origin: RequestOrigin,
    header_token: Result<Option<String>, AuthenticationError>,
    token: Option<String>,
    /// Set once `connection_init` is accepted.
    identity: Option<Identity>,
    /// Among those that have not said yet who they are, and then among the caller's.
    place: Place,
    /// Operations in a row that were put off.
    rate_limited: u32,
    is_init_received: bool,
    is_reauthenticating: bool,
    operations: HashMap<Arc<str>, Running>,
    /// Aborts what still runs when the connection is dropped.
    tasks: JoinSet<()>,
    serial: u64,
    sender: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
}

impl<E: Executor> Connection<E> {
    fn new(
        state: Arc<HttpState<E>>,
        socket: WebSocket,
        origin: RequestOrigin,
        header_token: Result<Option<String>, AuthenticationError>,
        place: Place,
    ) -> Self {
        let (sender, events) = mpsc::channel(QUEUE_LENGTH);
        Self {
            state,
            socket,
            origin,
            header_token,
            token: None,
            identity: None,
            place,
            rate_limited: 0,
            is_init_received: false,
            is_reauthenticating: false,
            operations: HashMap::new(),
            tasks: JoinSet::new(),
            serial: 0,
            sender,
            events,
        }
    }

    async fn run(mut self) {
        let state = Arc::clone(&self.state);
        let open = state.metrics.open_websocket();
        tracing::debug!("websocket opened");
        let end = self.serve().await;
        self.tasks.abort_all();
        match end {
            End::Close(end) => {
                tracing::info!(code = end.code, reason = %end.reason, "websocket closed by the server");
                close(&mut self.socket, &end, CLOSE_TIMEOUT).await;
            }
            End::Gone(reason) => tracing::debug!(reason, "websocket gone"),
        }
        drop(open);
    }

    /// Works until the connection ends, and says why.
    async fn serve(&mut self) -> End {
        let options = self.state.options.websocket.clone();
        let shutdown = self.state.options.connections.shutdown().clone();
        let start = Instant::now();
        let init_deadline = start + options.initialisation_timeout;
        let mut keep_alive = interval_at(start + options.keep_alive_interval, options.keep_alive_interval);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reauthentication =
            interval_at(start + options.reauthentication_interval, options.reauthentication_interval);
        reauthentication.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_heard = true;
        loop {
            let remaining = self.identity.as_ref().and_then(Identity::remaining);
            let is_initialised = self.identity.is_some();
            let step = tokio::select! {
                received = self.socket.recv() => {
                    is_heard = true;
                    match received {
                        Some(Ok(message)) => self.receive(message).await,
                        Some(Err(error)) => {
                            tracing::debug!(error = %error, "websocket failed");
                            Err(End::close(code::PROTOCOL_ERROR, "Not a valid WebSocket message, or far too large"))
                        }
                        None => Err(End::Gone("closed by the peer")),
                    }
                }
                Some(event) = self.events.recv() => self.deliver(event).await,
                () = sleep_until(init_deadline), if !is_initialised => {
                    Err(End::close(code::INITIALISATION_TIMEOUT, "Connection initialisation timeout"))
                }
                () = tokio::time::sleep(remaining.unwrap_or(TIMER_MAX).min(TIMER_MAX)), if remaining.is_some() => {
                    match self.identity.as_ref().and_then(Identity::remaining) {
                        Some(Duration::ZERO) => Err(End::close(code::FORBIDDEN, "The access token has expired")),
                        _ => Ok(()),
                    }
                }
                _ = keep_alive.tick() => {
                    if is_heard {
                        is_heard = false;
                        self.send(Message::Ping(axum::body::Bytes::new())).await
                    } else {
                        Err(End::Gone("the peer does not answer pings"))
                    }
                }
                _ = reauthentication.tick(), if is_initialised => {
                    self.reauthenticate();
                    Ok(())
                }
                () = shutdown.cancelled() => Err(End::close(code::GOING_AWAY, "The server is shutting down")),
            };
            if let Err(end) = step {
                return end;
            }
            // Forget tasks that have ended, or the set grows with every operation.
            while self.tasks.try_join_next().is_some() {}
        }
    }

    async fn receive(&mut self, message: Message) -> Result<(), End> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(End::close(code::BAD_MESSAGE, "Messages must be text")),
            // Pings are answered by the WebSocket layer, and so is a close, before it ends the stream.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return Ok(()),
        };
        if text.len() > MESSAGE_BYTES_MAX {
            return Err(End::close(
                code::TOO_BIG,
                format!("Messages must not exceed {MESSAGE_BYTES_MAX} bytes"),
            ));
        }
        let Ok(Strict(Value::Object(mut message))) = serde_json::from_str(&text) else {
            return Err(End::close(code::BAD_MESSAGE, "Messages must be JSON objects with each key once"));
        };
        match message.remove("type") {
            Some(Value::String(kind)) => match kind.as_str() {
                "connection_init" => self.initialise(payload(&mut message, "connection_init")?).await,
                "ping" => {
                    let payload = payload(&mut message, "ping")?;
                    let mut pong = json!({ "type": "pong" });
                    if let Some(payload) = payload {
                        pong["payload"] = Value::Object(payload);
                    }
                    self.send_text(pong.to_string()).await
                }
                "pong" => payload(&mut message, "pong").map(drop),
                "subscribe" => {
                    let id = operation_id(&mut message)?;
                    let Some(payload) = payload(&mut message, "subscribe")? else {
                        return Err(End::close(code::BAD_MESSAGE, "A subscribe message needs a \"payload\""));
                    };
                    self.subscribe(id, payload).await
                }
                "complete" => {
                    let id = operation_id(&mut message)?;
                    if let Some(running) = self.operations.remove(&id) {
                        running.task.abort();
                    }
                    Ok(())
                }
                _ => Err(End::close(code::BAD_MESSAGE, "The message's \"type\" is not known")),
            },
            _ => Err(End::close(code::BAD_MESSAGE, "Messages need a \"type\"")),
        }
    }

    async fn initialise(&mut self, payload: Option<Map<String, Value>>) -> Result<(), End> {
        if self.is_init_received {
            return Err(End::close(code::DUPLICATE_INITIALISATION, "Too many initialisation requests"));
        }
        self.is_init_received = true;
        self.token = match token_of(payload.as_ref()) {
            Some(token) => Some(token?),
            None => self.header_token.clone().map_err(|_| malformed_token())?,
        };
        if let Some(language) = language_of(payload.as_ref()) {
            self.origin.accept_language = Some(language);
        }
        let authenticator = Arc::clone(&self.state.options.authenticator);
        let authentication = authenticator.authenticate(self.token.as_deref(), &self.origin);
        let identity = timeout(AUTHENTICATION_TIMEOUT, authentication)
            .await
            .unwrap_or(Err(AuthenticationError::Unavailable))
            .map_err(|error| match error {
                AuthenticationError::Invalid => End::close(code::FORBIDDEN, "The access token is not valid"),
                AuthenticationError::Expired => End::close(code::FORBIDDEN, "The access token has expired"),
                AuthenticationError::Unavailable => {
                    End::close(code::TRY_AGAIN_LATER, "The access token can't be checked at the moment")
                }
            })?;
        let maximum = self.state.options.websocket.connections_per_caller_max;
        let Some(place) = self.state.sockets.enter(&identity.caller(&self.origin), maximum) else {
            let reason = format!("Too many connections: each caller may have {maximum}");
            return Err(End::close(code::TOO_MANY, reason));
        };
        self.place = place;
        tracing::debug!(subject = %identity.subject, "websocket initialised");
        self.identity = Some(identity);
        self.send_text(json!({ "type": "connection_ack" }).to_string()).await
    }

    async fn subscribe(&mut self, id: Arc<str>, payload: Map<String, Value>) -> Result<(), End> {
        if self.identity.is_none() {
            return Err(End::close(code::UNAUTHORIZED, "Unauthorized"));
        }
        if self.operations.contains_key(&id) {
            return Err(End::close(code::DUPLICATE_OPERATION, format!("Subscriber for {id} already exists")));
        }
        let parameters = Parameters::from_map(payload)
            .map_err(|refusal| End::close(code::BAD_MESSAGE, refusal.message))?;
        let prepared = if self.operations.len() >= OPERATIONS_MAX {
            let message = format!("At most {OPERATIONS_MAX} operations may run at once on a connection.");
            Err(Refusal::limit("operations", OPERATIONS_MAX as u64, message))
        } else {
            match self.identity_now().await? {
                Some(identity) => execution::admit(&self.state, parameters, &identity, &self.origin).await,
                None => {
                    let message = "Your access token can't be checked at the moment. Please try again.";
                    Err(Refusal::new(ErrorCode::Unavailable, message))
                }
            }
        };
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refusal) => {
                let outcome = Outcome::of_refusal(refusal.code);
                self.state.metrics.record(OperationType::Subscription, outcome, Duration::ZERO);
                if refusal.code == ErrorCode::RateLimited {
                    self.rate_limited += 1;
                    if self.rate_limited > RATE_LIMITED_MAX {
                        return Err(End::close(code::TOO_MANY, "Too many requests"));
                    }
                }
                let error = refusal.into_error_with_cost();
                return self.send_text(message_text("error", &id, &[error])).await;
            }
        };
        self.rate_limited = 0;
        self.serial += 1;
        let output = Output { id: Arc::clone(&id), serial: self.serial, sender: self.sender.clone() };
        let task = self.tasks.spawn(run_operation(Arc::clone(&self.state), prepared, output));
        self.operations.insert(id, Running { serial: self.serial, task });
        Ok(())
    }

    /// Who asks now: each operation is a request of its own, so who was disabled a moment ago is refused. `None` when
    /// nobody can tell.
    async fn identity_now(&mut self) -> Result<Option<Identity>, End> {
        if self.token.is_some() {
            let authenticator = Arc::clone(&self.state.options.authenticator);
            let authentication = authenticator.authenticate(self.token.as_deref(), &self.origin);
            let result = timeout(AUTHENTICATION_TIMEOUT, authentication).await;
            match result.unwrap_or(Err(AuthenticationError::Unavailable)) {
                Ok(identity) => self.identity = Some(identity),
                Err(AuthenticationError::Unavailable) => return Ok(None),
                Err(error) => return Err(no_longer_good(error)),
            }
        }
        Ok(self.identity.clone())
    }

    async fn deliver(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Message { id, serial, text, is_last } => {
                // What was on its way when the client completed the operation is not sent any more.
                if self.operations.get(&id).is_none_or(|running| running.serial != serial) {
                    return Ok(());
                }
                if is_last {
                    self.operations.remove(&id);
                }
                self.send_text(text).await
            }
            Event::Reauthenticated(result) => {
                self.is_reauthenticating = false;
                match result {
                    Ok(identity) => self.identity = Some(identity),
                    // Nobody can tell now; the token was good a minute ago.
                    Err(AuthenticationError::Unavailable) => {}
                    Err(error) => return Err(no_longer_good(error)),
                }
                Ok(())
            }
        }
    }

    /// Asks again whether the token is good, beside the connection's work.
    fn reauthenticate(&mut self) {
        let Some(token) = self.token.clone().filter(|_| !self.is_reauthenticating) else { return };
        self.is_reauthenticating = true;
        let authenticator = Arc::clone(&self.state.options.authenticator);
        let origin = self.origin.clone();
        let sender = self.sender.clone();
        self.tasks.spawn(async move {
            let result = timeout(AUTHENTICATION_TIMEOUT, authenticator.authenticate(Some(&token), &origin))
                .await
                .unwrap_or(Err(AuthenticationError::Unavailable));
            // The receiver is gone when the connection is, and then nobody needs to know.
            sender.send(Event::Reauthenticated(result)).await.ok();
        });
    }

    async fn send_text(&mut self, text: String) -> Result<(), End> {
        self.send(Message::text(text)).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(self.state.options.websocket.send_timeout, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone("closed by the peer")),
            Err(_) => Err(End::Gone("the peer reads too slowly")),
        }
    }
}

/// The optional `payload` of a message, which must be an object.
fn payload(message: &mut Map<String, Value>, kind: &str) -> Result<Option<Map<String, Value>>, End> {
    match message.remove("payload") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(_) => Err(End::close(code::BAD_MESSAGE, format!("The \"payload\" of {kind} must be an object"))),
    }
}

fn operation_id(message: &mut Map<String, Value>) -> Result<Arc<str>, End> {
    match message.remove("id") {
        Some(Value::String(id)) if !id.is_empty() && id.len() <= OPERATION_ID_LENGTH_MAX => Ok(id.into()),
        _ => {
            let reason =
                format!("Messages of operations need an \"id\" of 1 to {OPERATION_ID_LENGTH_MAX} characters");
            Err(End::close(code::BAD_MESSAGE, reason))
        }
    }
}

/// The token in the payload of `connection_init`; `None` when there is none.
fn token_of(payload: Option<&Map<String, Value>>) -> Option<Result<String, End>> {
    let (_, value) = payload?.iter().find(|(key, _)| key.eq_ignore_ascii_case("authorization"))?;
    match value {
        Value::Null => None,
        Value::String(value) if value.is_empty() => None,
        Value::String(value) => Some(bearer_of_value(value).ok_or_else(malformed_token)),
        _ => Some(Err(malformed_token())),
    }
}

/// What browsers can't say in a handshake of theirs; `None` when it is not said here.
fn language_of(payload: Option<&Map<String, Value>>) -> Option<String> {
    let (_, value) = payload?.iter().find(|(key, _)| key.eq_ignore_ascii_case("accept-language"))?;
    value.as_str().filter(|value| value.len() <= ACCEPT_LANGUAGE_BYTES_MAX).map(str::to_owned)
}

fn no_longer_good(error: AuthenticationError) -> End {
    let reason = match error {
        AuthenticationError::Expired => "The access token has expired",
        AuthenticationError::Invalid | AuthenticationError::Unavailable => {
            "The access token is no longer valid"
        }
    };
    End::close(code::FORBIDDEN, reason)
}

/// Trying again with the same kind of value cannot help, so the code is the final one.
fn malformed_token() -> End {
    End::close(code::UNAUTHORIZED, "Authorization must be \"Bearer <token>\"")
}

/// Says why, and waits a little for the peer to confirm: without that, what it has not read yet may be lost.
async fn close(socket: &mut WebSocket, end: &Close, limit: Duration) {
    let mut length = end.reason.len().min(CLOSE_REASON_BYTES_MAX);
    while !end.reason.is_char_boundary(length) {
        length -= 1;
    }
    let frame = CloseFrame { code: end.code, reason: Utf8Bytes::from(&end.reason[..length]) };
    let farewell = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    if timeout(limit, farewell).await.is_err() {
        tracing::debug!("the peer did not confirm the close");
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::is_origin_allowed;

    #[test]
    fn pages_of_other_origins_are_refused() {
        let allowed = [HeaderValue::from_static("https://portal.example.com")];
        let is_allowed = |origin: &'static str| {
            let headers = HeaderMap::from_iter([
                (header::HOST, HeaderValue::from_static("api.example.com:8443")),
                (header::ORIGIN, HeaderValue::from_static(origin)),
            ]);
            is_origin_allowed(&headers, &allowed)
        };
        assert!(is_allowed("https://portal.example.com"));
        assert!(is_allowed("https://api.example.com:8443"));
        for refused in
            ["https://evil.example", "https://api.example.com", "http://portal.example.com", "null", ""]
        {
            assert!(!is_allowed(refused), "{refused}");
        }
        assert!(is_origin_allowed(&HeaderMap::new(), &[]), "programs send no origin");
    }
}
