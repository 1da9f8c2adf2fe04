//! One connection, from its first message to its end: which operations run on it, and until when it may go on.

mod identity;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Executor;
use async_graphql::parser::types::OperationType;
use axum::extract::ws::{Message, WebSocket};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::super::HttpState;
use super::super::authentication::{AuthenticationError, Identity, RequestOrigin};
use super::super::error::{ErrorCode, Refusal};
use super::super::execution;
use super::super::metrics::Outcome;
use super::super::occupancy::Place;
use super::super::operation::run_operation;
use super::super::parameters::Parameters;
use super::super::strict_json::Strict;
use super::close::{CLOSE_TIMEOUT, End, close, no_longer_good};
use super::message::{operation_id, payload};
use super::operation::{Output, message_text};
use super::{MESSAGE_BYTES_MAX, code};

/// Operations that run at once on one connection; a large dashboard has about 20.
const OPERATIONS_MAX: usize = 100;
/// Operations in a row that are put off; who goes on regardless is sent away.
const RATE_LIMITED_MAX: u32 = 100;
/// Results of all operations that wait to be sent. When it is full, operations wait.
const QUEUE_LENGTH: usize = 16;
/// Timers further away than this are set anew when it has passed; keeps `Instant` arithmetic in range.
const TIMER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// From an operation's task, or from a renewed authentication, to the connection.
pub(super) enum Event {
    Message { id: Arc<str>, serial: u64, text: String, is_last: bool },
    Reauthenticated(Result<Identity, AuthenticationError>),
}

struct Running {
    /// Tells operations apart that used the same id one after the other.
    serial: u64,
    task: AbortHandle,
}

/// One WebSocket connection.
pub(super) struct Connection<E> {
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
    pub(super) fn new(
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

    pub(super) async fn run(mut self) {
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
                        // On the heap, or each connection would take the room of a request for as long as it lasts.
                        Some(Ok(message)) => Box::pin(self.receive(message)).await,
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
        let output = Output {
            id: Arc::clone(&id),
            serial: self.serial,
            has_token: self.token.is_some(),
            sender: self.sender.clone(),
        };
        let state = Arc::clone(&self.state);
        let task = self.tasks.spawn(async move { run_operation(&state, prepared, &output).await });
        self.operations.insert(id, Running { serial: self.serial, task });
        Ok(())
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

    async fn send_text(&mut self, text: String) -> Result<(), End> {
        self.send(Message::text(text)).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(self.state.options.websocket.send_timeout, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone("closed by the peer")),
            Err(_) => Err(End::close(code::TRY_AGAIN_LATER, "The client reads too slowly")),
        }
    }
}
