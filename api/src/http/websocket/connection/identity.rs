//! Who a connection is: said once at its begin, asked again for each operation, and from time to time in between.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Executor;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::super::close::{End, malformed_token, no_longer_good};
use super::super::code;
use super::super::message::{language_of, token_of};
use super::{Connection, Event};
use crate::http::authentication::{AuthenticationError, Identity};

/// Longest wait for the answer of whoever knows tokens.
const AUTHENTICATION_TIMEOUT: Duration = Duration::from_secs(10);

impl<E: Executor> Connection<E> {
    pub(super) async fn initialise(&mut self, payload: Option<Map<String, Value>>) -> Result<(), End> {
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

    /// Who asks now: each operation is a request of its own, so who was disabled a moment ago is refused. `None` when
    /// nobody can tell.
    pub(super) async fn identity_now(&mut self) -> Result<Option<Identity>, End> {
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

    /// Asks again whether the token is good, beside the connection's work.
    pub(super) fn reauthenticate(&mut self) {
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
}
