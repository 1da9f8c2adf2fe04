//! A schema that shows what the transport does with every kind of result, and tokens to reach it with.
//! It knows nothing of the product.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::http::{
    AuthenticationError, Authenticator, Dependency, Dispatch, ErrorCode, Identity, Readiness, RequestOrigin,
    coded_error,
};
use async_graphql::{Context, InputObject, Object, Result, Schema, SimpleObject, Subscription};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt, future, stream};

pub type ToySchema = Schema<Query, Mutation, Ticks>;

pub fn schema() -> ToySchema {
    Schema::build(Query, Mutation::default(), Ticks).finish()
}

/// The same without suggestions.
pub fn terse_schema() -> ToySchema {
    Schema::build(Query, Mutation::default(), Ticks).disable_suggestions().finish()
}

struct Subject(String);

pub struct Query;

#[derive(SimpleObject)]
pub struct PageInfo {
    has_next_page: bool,
}

#[derive(SimpleObject)]
pub struct Edge {
    node: Thing,
}

pub struct Things;

#[Object]
impl Things {
    async fn edges(&self) -> Vec<Edge> {
        vec![Edge { node: Thing }]
    }

    async fn page_info(&self) -> PageInfo {
        PageInfo { has_next_page: false }
    }
}

pub struct Thing;

#[Object]
impl Thing {
    async fn id(&self) -> i32 {
        1
    }

    async fn child(&self) -> Thing {
        Thing
    }

    /// Nullable and failing: null and an error.
    async fn flaky(&self) -> Option<Result<String>> {
        Some(Err(coded_error(ErrorCode::Forbidden, "not for you")))
    }

    /// Not nullable and failing: the parent is null.
    async fn strict(&self) -> Result<String> {
        Err(coded_error(ErrorCode::Internal, "It broke."))
    }

    async fn things(
        &self,
        #[graphql(name = "first")] _first: Option<i32>,
        #[graphql(name = "last")] _last: Option<i32>,
    ) -> Things {
        Things
    }
}

#[Object]
impl Query {
    async fn hello(&self) -> &'static str {
        "world"
    }

    async fn echo(&self, text: Option<String>) -> Option<String> {
        text
    }

    async fn square(&self, number: i32) -> i32 {
        number * number
    }

    async fn at(&self, time: DateTime<Utc>) -> DateTime<Utc> {
        time
    }

    async fn whoami(&self, ctx: &Context<'_>) -> String {
        ctx.data_opt::<Subject>().map_or_else(|| "anonymous".to_owned(), |subject| subject.0.clone())
    }

    async fn request_id(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(ctx.data::<RequestOrigin>()?.request_id.clone())
    }

    async fn thing(&self) -> Thing {
        Thing
    }

    async fn nullable_thing(&self) -> Option<Thing> {
        Some(Thing)
    }

    async fn things(
        &self,
        #[graphql(name = "first")] _first: Option<i32>,
        #[graphql(name = "last")] _last: Option<i32>,
    ) -> Things {
        Things
    }

    /// An error nobody gave a code: its text must not get out.
    async fn leaky(&self) -> Option<Result<String>> {
        Some(Err(io::Error::other("password=hunter2").into()))
    }

    async fn explode(&self, #[graphql(default = true)] now: bool) -> Option<String> {
        assert!(!now, "boom");
        None
    }

    async fn never(&self) -> Option<String> {
        future::pending().await
    }
}

#[derive(Default)]
pub struct Mutation {
    counter: AtomicI32,
}

#[derive(InputObject)]
pub struct SignInInput {
    email: String,
    password: String,
}

#[derive(SimpleObject)]
pub struct UserError {
    message: String,
}

#[derive(SimpleObject)]
pub struct SignInPayload {
    access_token: Option<String>,
    user_errors: Vec<UserError>,
}

#[Object]
impl Mutation {
    async fn increment(&self) -> i32 {
        self.counter.fetch_add(1, Ordering::SeqCst) + 1
    }

    async fn sign_in(&self, input: SignInInput) -> SignInPayload {
        if input.password == format!("{}!", input.email) {
            return SignInPayload { access_token: Some("good".to_owned()), user_errors: Vec::new() };
        }
        let message = "Email or password is wrong.".to_owned();
        SignInPayload { access_token: None, user_errors: vec![UserError { message }] }
    }
}

pub struct Ticks;

#[Subscription]
impl Ticks {
    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        stream::iter(1..=to)
    }

    /// One event, and then silence.
    async fn quiet(&self) -> impl Stream<Item = i32> {
        stream::iter([1]).chain(stream::pending())
    }

    /// Events without end, each of `bytes` bytes.
    async fn flood(&self, bytes: usize) -> impl Stream<Item = String> {
        stream::repeat("x".repeat(bytes))
    }

    async fn explode(&self) -> impl Stream<Item = i32> {
        stream::iter([1, 2]).inspect(|number| assert!(*number != 2, "boom"))
    }

    /// One event, and then the caller's token is no longer good.
    async fn signed_out(&self) -> impl Stream<Item = Result<i32>> {
        stream::iter([Ok(1), Err(coded_error(ErrorCode::Unauthenticated, "no longer good"))])
    }

    async fn denied(&self) -> Result<stream::Pending<i32>> {
        Err(coded_error(ErrorCode::Forbidden, "not for you"))
    }
}

/// Tokens: `good`, `expired`, `unavailable`, `short` (ends in a moment), `revocable`.
#[derive(Default)]
pub struct ToyAuthenticator {
    pub is_revoked: AtomicBool,
}

#[async_trait]
impl Authenticator for ToyAuthenticator {
    async fn authenticate(
        &self,
        bearer: Option<&str>,
        _origin: &RequestOrigin,
    ) -> std::result::Result<Identity, AuthenticationError> {
        let identity = |subject: &str| {
            let subject = subject.to_owned();
            let attached = subject.clone();
            Identity {
                attach: Arc::new(move |request| request.data(Subject(attached.clone()))),
                expires_at: None,
                may_introspect: false,
                is_anonymous: subject == "anonymous",
                subject,
            }
        };
        match bearer {
            None => Ok(identity("anonymous")),
            Some("good") => Ok(Identity { may_introspect: true, ..identity("ada") }),
            Some("short") => {
                let expires_at = std::time::SystemTime::now() + Duration::from_millis(150);
                Ok(Identity { expires_at: Some(expires_at.into()), ..identity("brief") })
            }
            Some("revocable") if !self.is_revoked.load(Ordering::SeqCst) => Ok(identity("guest")),
            Some("expired") => Err(AuthenticationError::Expired),
            Some("unavailable") => Err(AuthenticationError::Unavailable),
            Some(_) => Err(AuthenticationError::Invalid),
        }
    }

    async fn authenticate_recent(
        &self,
        bearer: Option<&str>,
        origin: &RequestOrigin,
    ) -> std::result::Result<(Identity, bool), AuthenticationError> {
        match bearer {
            // Ada's, until a moment ago.
            Some("withdrawn") => Ok((self.authenticate(Some("good"), origin).await?, true)),
            _ => Ok((self.authenticate(bearer, origin).await?, false)),
        }
    }
}

/// Ready as long as the flag is set; dispatch is as it was said last.
pub struct ToyReadiness(pub AtomicBool, pub Mutex<Dispatch>);

#[async_trait]
impl Readiness for ToyReadiness {
    async fn check(&self) -> Vec<Dependency> {
        let error = (!self.0.load(Ordering::SeqCst)).then(|| "connection to 10.0.0.7 refused".to_owned());
        vec![Dependency { name: "database", error }, Dependency { name: "queue", error: None }]
    }

    fn dispatch(&self) -> Dispatch {
        self.1.lock().unwrap().clone()
    }
}
