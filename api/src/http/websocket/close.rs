//! How a connection ends: why, and a farewell that is waited for a little.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use tokio::time::timeout;

use super::super::authentication::AuthenticationError;
use super::code;

/// Longest wait for the peer to confirm a close.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Bytes of a close reason (RFC 6455, section 5.5: 125 with the code).
const CLOSE_REASON_BYTES_MAX: usize = 123;

/// Why a connection ends.
#[derive(Debug)]
pub(super) enum End {
    /// With a close frame.
    Close(Close),
    /// The peer is gone.
    Gone(&'static str),
}

#[derive(Debug)]
pub(super) struct Close {
    pub(super) code: u16,
    pub(super) reason: String,
}

impl End {
    pub(super) fn close(code: u16, reason: impl Into<String>) -> Self {
        Self::Close(Close { code, reason: reason.into() })
    }
}

pub(super) fn no_longer_good(error: AuthenticationError) -> End {
    let reason = match error {
        AuthenticationError::Expired => "The access token has expired",
        AuthenticationError::Invalid | AuthenticationError::Unavailable => {
            "The access token is no longer valid"
        }
    };
    End::close(code::FORBIDDEN, reason)
}

/// Trying again with the same kind of value cannot help, so the code is the final one.
pub(super) fn malformed_token() -> End {
    End::close(code::UNAUTHORIZED, "Authorization must be \"Bearer <token>\"")
}

/// Says why, and waits a little for the peer to confirm: without that, what it has not read yet may be lost.
pub(super) async fn close(socket: &mut WebSocket, end: &Close, limit: Duration) {
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
