//! GraphQL over WebSocket: the server's side of the protocol `graphql-transport-ws`
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>) and its close codes.
//! Deliberately absent: the older protocol `graphql-ws`, compression, HTTP/2.

mod close;
mod code;
mod connection;
mod message;
mod operation;
mod options;

use std::sync::Arc;

use async_graphql::Executor;
use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use self::close::{CLOSE_TIMEOUT, Close, close};
use self::connection::Connection;
use super::HttpState;
use super::authentication::{RequestOrigin, bearer_of_headers};
use super::error::{ErrorCode, plain};
use super::limits::DOCUMENT_BYTES_MAX;

pub use self::options::WebSocketOptions;

/// The only subprotocol that is spoken.
pub(super) const SUBPROTOCOL: &str = "graphql-transport-ws";

/// Bytes of one message from a client: the same as a document over HTTP.
const MESSAGE_BYTES_MAX: usize = DOCUMENT_BYTES_MAX;
/// Bytes at which the WebSocket layer gives up on a message. More than above, so that being a little too large is
/// answered with a proper close code.
const FRAME_BYTES_MAX: usize = 4 * MESSAGE_BYTES_MAX;
/// Bytes that are read at once of a connection, which has this buffer for as long as it is open; messages are some hundred
/// bytes, and longer ones take more while they come.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Connections from one network on which nobody has said yet who they are; they do within milliseconds, and within
/// [`WebSocketOptions::initialisation_timeout`] at the latest.
const UNINITIALISED_MAX: usize = 100;
/// How long who finds no place for a connection is asked to wait.
const CONNECTION_RETRY_SECONDS: u64 = 5;

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
    let places = (state.enter_connection(), state.handshakes.enter(&origin.network(), UNINITIALISED_MAX));
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
    // Each message is written at once, and waited for, so that nothing gathers.
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0);
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
