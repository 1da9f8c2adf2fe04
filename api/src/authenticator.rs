//! Between the transport, which knows bearer tokens, and the domain, which knows actors.

use std::sync::Arc;

use async_graphql::Request;
use async_trait::async_trait;
use domain::authentication::AuthenticationError as Refusal;
use domain::replica::ReplicaState;
use domain::{Actor, App, Locale, Principal};
use secrecy::SecretString;

use crate::dispatch::DispatchWatch;
use crate::export::Exporter;
use crate::graphql::Caller;
use crate::http::{
    AuthenticationError, Authenticator, Dependency, Dispatch, Identity, Readiness, RequestOrigin,
};

/// Who may read the schema by introspection. Who may not is not told its names by the validator either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Introspection {
    /// Everybody: the schema is public documentation, and GraphiQL needs it before anybody signs in.
    #[default]
    Everyone,
    /// Whoever has signed in, API keys and portal sessions included.
    SignedIn,
    /// The operator's staff.
    Staff,
    /// Nobody.
    Off,
}

impl Introspection {
    fn is_for(self, actor: &Actor) -> bool {
        match self {
            Self::Everyone => true,
            Self::SignedIn => *actor.principal() != Principal::Anonymous,
            Self::Staff => actor.is_staff(),
            Self::Off => false,
        }
    }
}

/// Authenticates by the domain.
pub(crate) struct AppAuthenticator {
    pub(crate) app: Arc<App>,
    pub(crate) introspection: Introspection,
    pub(crate) exporter: Arc<Exporter>,
}

#[async_trait]
impl Authenticator for AppAuthenticator {
    async fn authenticate(
        &self,
        bearer: Option<&str>,
        origin: &RequestOrigin,
    ) -> Result<Identity, AuthenticationError> {
        let actor = self.app.authenticate(bearer).await.map_err(refused)?;
        Ok(self.identity(bearer, actor, origin))
    }

    async fn authenticate_recent(
        &self,
        bearer: Option<&str>,
        origin: &RequestOrigin,
    ) -> Result<(Identity, bool), AuthenticationError> {
        let (actor, is_recent) = self.app.authenticate_recent(bearer).await.map_err(refused)?;
        Ok((self.identity(bearer, actor, origin), is_recent))
    }
}

impl AppAuthenticator {
    fn identity(&self, bearer: Option<&str>, actor: Actor, origin: &RequestOrigin) -> Identity {
        let (app, bearer) = (self.app.clone(), bearer.map(SecretString::from));
        let (expires_at, subject) = (actor.expires_at(), actor.principal().to_string());
        let is_anonymous = *actor.principal() == Principal::Anonymous;
        let may_introspect = self.introspection.is_for(&actor);
        let locale = origin.accept_language.as_deref().map_or(Locale::English, Locale::accepted);
        let exporter = self.exporter.clone();
        let attach = move |request: Request| {
            let request = request.data(exporter.clone());
            Caller::new(app.clone(), bearer.clone(), actor.clone()).reading(locale).attach(request)
        };
        Identity { attach: Arc::new(attach), expires_at, may_introspect, subject, is_anonymous }
    }
}

/// Why a token is refused, as the transport knows it; that it could not be checked is logged.
pub(crate) fn refused(refusal: Refusal) -> AuthenticationError {
    match refusal {
        Refusal::Invalid => AuthenticationError::Invalid,
        Refusal::Expired => AuthenticationError::Expired,
        Refusal::Unavailable(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a token could not be checked");
            AuthenticationError::Unavailable
        }
    }
}

/// Ready when the database and the queue answer.
pub(crate) struct AppReadiness {
    pub(crate) app: Arc<App>,
    pub(crate) dispatch: Option<Arc<DispatchWatch>>,
}

#[async_trait]
impl Readiness for AppReadiness {
    async fn check(&self) -> Vec<Dependency> {
        let (database, queue) = tokio::join!(self.app.database_ready(), self.app.queue_ready());
        let dependency = |name, outcome: domain::Result<()>| Dependency {
            name,
            error: outcome.err().map(|error| chain(&error)),
        };
        vec![dependency("database", database), dependency("queue", queue)]
    }

    fn replica(&self) -> Option<&'static str> {
        self.app.replica_state().map(|state| match state {
            ReplicaState::Used => "ok",
            ReplicaState::Behind => "behind",
            ReplicaState::Away => "unreachable",
        })
    }

    fn dispatch(&self) -> Dispatch {
        match &self.dispatch {
            None => Dispatch::Unwatched,
            Some(watch) => watch.stall().map_or(Dispatch::Works, Dispatch::Stalled),
        }
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
