//! GraphQL over server-sent events: the server's side of graphql-sse in distinct connections mode
//! (<https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>): one operation, one answer of `event: next`* and
//! `event: complete`. A stream that the server ends before that, because the token has ended or it shuts down, has no
//! `complete`, so that clients come again. Deliberately absent: the single connection mode, whose reservations would have to
//! be known to every process.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Executor;
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures::stream;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::HttpState;
use super::authentication::{AuthenticationError, Identity, RequestOrigin};
use super::error::{ErrorCode, Refusal};
use super::execution::{Answer, Prepared};
use super::occupancy::Place;
use super::operation::{Audience, Told, run_operation};

/// Results that wait to be sent. When it is full, the operation waits.
const QUEUE_LENGTH: usize = 8;
/// Longest wait for the answer of whoever knows tokens.
const AUTHENTICATION_TIMEOUT: Duration = Duration::from_secs(10);
/// How long who finds no place for a stream is asked to wait.
const PLACE_RETRY: Duration = Duration::from_secs(5);
/// Tells nginx to pass each event on at once
/// (<https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering>).
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// A line that clients pass over, so that nobody on the way takes the stream for dead.
const KEEP_ALIVE: &[u8] = b":\n\n";

/// Who listens to a stream, and by which token.
pub(super) struct Listener {
    pub(super) identity: Identity,
    pub(super) token: Option<String>,
    pub(super) origin: RequestOrigin,
    /// Cuts the connection off.
    pub(super) cut: CancellationToken,
}

/// What a query or mutation comes to, or a refusal: `next` and `complete` at once.
pub(super) fn at_once(answer: &impl Serialize) -> Response {
    let mut text = next(answer);
    text.extend_from_slice(&complete());
    response(Body::from(text))
}

/// Opens the stream of a subscription, which counts among its caller's connections like a WebSocket.
///
/// # Errors
/// `RATE_LIMITED` when the caller has as many as they may, `UNAVAILABLE` when all together do.
pub(super) fn subscribe<E: Executor>(
    state: &Arc<HttpState<E>>,
    prepared: Prepared,
    listener: Listener,
) -> Result<Response, Refusal> {
    let places = places(state, &listener)?;
    let (sender, receiver) = mpsc::channel(QUEUE_LENGTH);
    let span = tracing::info_span!("event_stream", request.id = %listener.origin.request_id);
    let stream = EventStream { state: Arc::clone(state), listener, sender, _places: places };
    state.options.connections.spawn(stream.run(prepared).instrument(span));
    let events = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|bytes: Bytes| (Ok::<_, Infallible>(bytes), receiver))
    });
    Ok(response(Body::from_stream(events)))
}

fn places<E: Executor>(state: &HttpState<E>, listener: &Listener) -> Result<(Place, Place), Refusal> {
    let everybody = state.enter_connection().ok_or_else(|| {
        let message = "There are too many subscriptions at the moment. Please try again.";
        Refusal { retry_in: Some(PLACE_RETRY), ..Refusal::new(ErrorCode::Unavailable, message) }
    })?;
    let maximum = state.options.websocket.connections_per_caller_max;
    let caller = listener.identity.caller(&listener.origin);
    let own = state.sockets.enter(&caller, maximum).ok_or_else(|| {
        let message = format!("Too many connections: each caller may have {maximum} for subscriptions.");
        Refusal::wait(PLACE_RETRY, message)
    })?;
    Ok((everybody, own))
}

/// One subscription whose events are streamed.
struct EventStream<E> {
    state: Arc<HttpState<E>>,
    listener: Listener,
    sender: mpsc::Sender<Bytes>,
    _places: (Place, Place),
}

impl<E: Executor> EventStream<E> {
    async fn run(self, prepared: Prepared) {
        let open = self.state.metrics.open_event_stream();
        let operation = run_operation(&self.state, prepared, &self);
        let end = tokio::select! {
            () = operation => None,
            () = self.sender.closed() => None,
            () = self.keep_alive() => None,
            reason = self.until_no_longer_good() => Some(reason),
            () = self.state.options.connections.shutdown().cancelled() => Some("the server is shutting down"),
        };
        if let Some(reason) = end {
            tracing::info!(reason, "event stream ended by the server");
            self.send(Bytes::from(format!(": {reason}\n\n"))).await;
        }
        drop(open);
    }

    /// Ends when nobody reads.
    async fn keep_alive(&self) {
        let period = self.state.options.websocket.keep_alive_interval;
        let mut ticks = interval_at(Instant::now() + period, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // At once, so that the client knows that it is subscribed.
        while self.send(Bytes::from_static(KEEP_ALIVE)).await {
            ticks.tick().await;
        }
    }

    /// Ends with the token, or when it is no longer good, and says why.
    async fn until_no_longer_good(&self) -> &'static str {
        let period = self.state.options.websocket.reauthentication_interval;
        let mut identity = self.listener.identity.clone();
        loop {
            let remaining = identity.remaining();
            sleep(remaining.unwrap_or(period).min(period)).await;
            if identity.remaining() == Some(Duration::ZERO) {
                return "the access token has expired";
            }
            let Some(token) = &self.listener.token else { continue };
            let authenticator = &self.state.options.authenticator;
            let authentication = authenticator.authenticate(Some(token), &self.listener.origin);
            match timeout(AUTHENTICATION_TIMEOUT, authentication).await {
                Ok(Ok(renewed)) => identity = renewed,
                Ok(Err(AuthenticationError::Expired)) => return "the access token has expired",
                Ok(Err(AuthenticationError::Invalid)) => return "the access token is no longer valid",
                // Nobody can tell now; the token was good a minute ago.
                Ok(Err(AuthenticationError::Unavailable)) | Err(_) => {}
            }
        }
    }

    /// Waits while the client reads, but not for long; who reads too slowly is cut off. `false` when nobody reads any more.
    async fn send(&self, bytes: Bytes) -> bool {
        match timeout(self.state.options.websocket.send_timeout, self.sender.send(bytes)).await {
            Ok(sent) => sent.is_ok(),
            Err(_) => {
                tracing::info!("event stream cut off: the client reads too slowly");
                self.listener.cut.cancel();
                false
            }
        }
    }
}

impl<E: Executor> Audience for EventStream<E> {
    async fn tell(&self, told: Told<'_>) -> bool {
        let bytes = match told {
            Told::Unauthenticated(_) if self.listener.token.is_some() => {
                self.send(Bytes::from_static(b": the access token is no longer valid\n\n")).await;
                return false;
            }
            Told::Next(answer) | Told::Unauthenticated(answer) => next(answer),
            Told::Refused(answer) => {
                let mut text = next::<Answer>(answer);
                text.extend_from_slice(&complete());
                text
            }
            Told::Complete => complete(),
        };
        self.send(Bytes::from(bytes)).await
    }
}

/// JSON has no line breaks, so it is one line of data.
fn next<T: Serialize>(answer: &T) -> Vec<u8> {
    let mut text = b"event: next\ndata: ".to_vec();
    let begin = text.len();
    if let Err(error) = serde_json::to_writer(&mut text, answer) {
        tracing::error!(error = %error, "an answer could not be written as JSON");
        text.truncate(begin);
        text.extend_from_slice(
            br#"{"errors":[{"message":"Something went wrong on our side.","extensions":{"code":"INTERNAL"}}]}"#,
        );
    }
    text.extend_from_slice(b"\n\n");
    text
}

/// With data, or the browser's `EventSource` does not tell of it.
fn complete() -> Vec<u8> {
    b"event: complete\ndata: \n\n".to_vec()
}

fn response(body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}
