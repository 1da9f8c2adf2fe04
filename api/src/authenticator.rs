//! Between the transport, which knows bearer tokens, and the domain, which knows actors.

use std::sync::Arc;

use async_trait::async_trait;
use domain::App;
use domain::authentication::AuthenticationError as Refusal;
use secrecy::SecretString;

use crate::graphql::Caller;
use crate::http::{AuthenticationError, Authenticator, Dependency, Identity, Readiness, RequestOrigin};

/// Authenticates by the domain. Everybody may introspect: the schema is public documentation, and GraphiQL needs it
/// before anybody signs in.
pub(crate) struct AppAuthenticator(pub(crate) Arc<App>);

#[async_trait]
impl Authenticator for AppAuthenticator {
    async fn authenticate(
        &self,
        bearer: Option<&str>,
        _origin: &RequestOrigin,
    ) -> Result<Identity, AuthenticationError> {
        let actor = self.0.authenticate(bearer).await.map_err(|refusal| match refusal {
            Refusal::Invalid => AuthenticationError::Invalid,
            Refusal::Expired => AuthenticationError::Expired,
            Refusal::Unavailable(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a token could not be checked");
                AuthenticationError::Unavailable
            }
        })?;
        let (app, bearer) = (self.0.clone(), bearer.map(SecretString::from));
        let (expires_at, subject) = (actor.expires_at(), actor.principal().to_string());
        let attach = move |request| Caller::new(app.clone(), bearer.clone(), actor.clone()).attach(request);
        Ok(Identity { attach: Arc::new(attach), expires_at, may_introspect: true, subject })
    }
}

/// Ready when the database and the queue answer.
pub(crate) struct AppReadiness(pub(crate) Arc<App>);

#[async_trait]
impl Readiness for AppReadiness {
    async fn check(&self) -> Vec<Dependency> {
        let (database, queue) = tokio::join!(self.0.database_ready(), self.0.queue_ready());
        let dependency = |name, outcome: domain::Result<()>| Dependency {
            name,
            error: outcome.err().map(|error| chain(&error)),
        };
        vec![dependency("database", database), dependency("queue", queue)]
    }
}

/// An error with everything behind it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
