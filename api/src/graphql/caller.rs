//! Who asks, in the data of each request, and the way from a resolver to them. No permission is decided here.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_graphql::{Context, DataContext, Request};
use chrono::{DateTime, Utc};
use domain::authentication::AuthenticationError;
use domain::session::Origin;
use domain::{Actor, App, LastWrite, Locale};
use secrecy::{ExposeSecret, SecretString};

use super::error::{ResolverError, Result};
use super::loader::Loaders;
use crate::http::{ErrorCode, RequestOrigin};

/// Who sends one request. Signing in, signing out and renewing change who that is for the rest of the request.
pub struct Caller {
    app: Arc<App>,
    bearer: Option<SecretString>,
    actor: RwLock<Actor>,
    locale: Locale,
    /// Until when the request's subscriptions have told of everything.
    live: Arc<Mutex<Vec<DateTime<Utc>>>>,
}

/// The entry of one subscription in its caller.
pub(super) struct LivePlace {
    live: Arc<Mutex<Vec<DateTime<Utc>>>>,
    number: usize,
}

impl LivePlace {
    /// Everything that changed before this was told, when what is sent now is.
    pub(super) fn told_until(&self, at: DateTime<Utc>) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = live.get_mut(self.number) {
            *until = at;
        }
    }
}

impl Caller {
    /// The actor behind a bearer token, or nobody, who reads English.
    pub fn new(app: Arc<App>, bearer: Option<SecretString>, actor: Actor) -> Self {
        Self { app, bearer, actor: RwLock::new(actor), locale: Locale::default(), live: Arc::default() }
    }

    /// The same, who reads this language, whoever they become.
    pub fn reading(self, locale: Locale) -> Self {
        Self { locale, ..self }
    }

    /// The same caller, for another request that asks the same.
    pub(super) fn again(&self) -> Self {
        let (app, bearer) = (self.app.clone(), self.bearer.clone());
        Self::new(app, bearer, self.actor()).reading(self.locale)
    }

    /// Gives a request its caller, and loaders of its own.
    pub fn attach(self, request: Request) -> Request {
        let caller = Arc::new(self);
        request.data(Loaders::new(caller.clone())).data(caller)
    }

    /// The process-wide parts.
    pub(super) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Who it is now.
    pub(super) fn actor(&self) -> Actor {
        // An actor is replaced as a whole, so one behind a poisoned lock is whole, too.
        let actor = self.actor.read().unwrap_or_else(PoisonError::into_inner).clone();
        actor.reading(self.locale)
    }

    /// A place for a subscription that tells what changed from this time on.
    pub(super) fn live_place(&self, from: DateTime<Utc>) -> LivePlace {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.push(from);
        LivePlace { live: Arc::clone(&self.live), number: live.len() - 1 }
    }

    /// The time up to which every subscription of the request has told of everything; `None` without any.
    pub(super) fn told_until(&self) -> Option<DateTime<Utc>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).iter().min().copied()
    }

    /// From now on the request reads the replica, if it may.
    pub(super) fn read_replica(&self, last_write: LastWrite) {
        self.become_actor(self.actor().reading_replica(last_write));
    }

    /// From now on the request is this actor's.
    pub(super) fn become_actor(&self, actor: Actor) {
        *self.actor.write().unwrap_or_else(PoisonError::into_inner) = actor;
    }

    /// Looks again who stands behind the token, for what lasts longer than a request.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` when the token is no longer good, `UNAVAILABLE` when nobody can tell.
    pub(super) async fn renew(&self) -> Result<()> {
        let bearer = self.bearer.as_ref().map(ExposeSecret::expose_secret);
        match self.app.authenticate(bearer).await {
            Ok(actor) => {
                self.become_actor(actor);
                Ok(())
            }
            Err(AuthenticationError::Unavailable(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a caller could not be authenticated again"
                );
                Err(ResolverError::new(
                    ErrorCode::Unavailable,
                    "Your access token can't be checked at the moment.",
                ))
            }
            Err(AuthenticationError::Invalid | AuthenticationError::Expired) => {
                Err(ResolverError::new(ErrorCode::Unauthenticated, "The access token is no longer valid."))
            }
        }
    }
}

/// The caller of a resolver's request.
///
/// # Errors
/// `INTERNAL` when the request was not given one.
pub(super) fn caller<'a>(ctx: &Context<'a>) -> Result<&'a Arc<Caller>> {
    ctx.data::<Arc<Caller>>()
        .map_err(|_missing| domain::Error::internal("finding the caller", "the request has none").into())
}

/// Who asks.
///
/// # Errors
/// As [`caller`].
pub(super) fn actor(ctx: &Context<'_>) -> Result<Actor> {
    caller(ctx).map(|caller| caller.actor())
}

/// Where a request comes from, as far as that is known.
pub(super) fn origin<'a>(ctx: &impl DataContext<'a>) -> Origin {
    ctx.data_opt::<RequestOrigin>().map_or_else(Origin::default, |origin| Origin {
        address: origin.client,
        user_agent: origin.user_agent.clone(),
    })
}

/// The loaders of a resolver's request.
///
/// # Errors
/// As [`caller`].
pub(super) fn loaders<'a>(ctx: &Context<'a>) -> Result<&'a Loaders> {
    let loaders = ctx
        .data::<Loaders>()
        .map_err(|_missing| domain::Error::internal("finding the loaders", "the request has none"))?;
    loaders.ask(ctx);
    Ok(loaders)
}
