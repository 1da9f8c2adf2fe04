//! One operation on a WebSocket: `next`* and then `complete`, or `error`. Whether it may start is the connection's business.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;

use super::super::authentication::AuthenticationError;
use super::super::operation::{Audience, Told};
use super::connection::Event;

/// Where an operation's results go.
pub(super) struct Output {
    pub(super) id: Arc<str>,
    pub(super) serial: u64,
    /// Whether the connection is that of a token.
    pub(super) has_token: bool,
    pub(super) sender: mpsc::Sender<Event>,
}

impl Audience for Output {
    /// Waits while the queue is full. `false` when the connection has ended.
    async fn tell(&self, told: Told<'_>) -> bool {
        let (text, is_last) = match told {
            Told::Unauthenticated(_) if self.has_token => {
                // Ends the connection, so that the client comes again with a new token; at `complete` it would not.
                let no_longer = Event::Reauthenticated(Err(AuthenticationError::Invalid));
                drop(self.sender.send(no_longer).await);
                return false;
            }
            Told::Next(answer) | Told::Unauthenticated(answer) => {
                (message_text("next", &self.id, answer), false)
            }
            Told::Refused(answer) => (message_text("error", &self.id, &answer.response.errors), true),
            Told::Complete => (json!({ "id": &*self.id, "type": "complete" }).to_string(), true),
        };
        let event = Event::Message { id: Arc::clone(&self.id), serial: self.serial, text, is_last };
        self.sender.send(event).await.is_ok()
    }
}

/// A message with an operation's id and a payload.
pub(super) fn message_text(kind: &str, id: &str, payload: &(impl Serialize + ?Sized)) -> String {
    #[derive(Serialize)]
    struct Envelope<'a, T: ?Sized> {
        id: &'a str,
        r#type: &'a str,
        payload: &'a T,
    }
    serde_json::to_string(&Envelope { id, r#type: kind, payload }).unwrap_or_else(|error| {
        tracing::error!(error = %error, "an answer could not be written as JSON");
        let errors = [{
            json!({ "message": "Something went wrong on our side.", "extensions": { "code": "INTERNAL" } })
        }];
        json!({ "id": id, "type": "error", "payload": errors }).to_string()
    })
}
