//! Makes each mutation a call of the audit log, so that none needs to know of it and none can be forgotten; does none of them
//! in a view; and enters what a viewer asked for elsewhere and may not read. What an entry says, and where it stands, is the domain's. Tells with
//! each event of a subscription from when a listener goes on who comes back. Each field of a root is a span.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo,
};
use async_graphql::{DataContext, Error, PathSegment, Response, ServerError, ServerResult, Value};
use async_trait::async_trait;
use chrono::SecondsFormat;
use domain::audit::{self, Call};
use telemetry::trace::{self, Kind, Span};

use super::caller::{Caller, origin};
use super::error::ResolverError;
use crate::http::{ErrorCode, RequestOrigin, code_of};

/// The root type of mutations.
const MUTATION: &str = "Mutation";
/// What each event of a subscription says among its `extensions`: the argument `since` of whoever comes back after it.
const SINCE: &str = "since";
/// The root type of queries.
const QUERY: &str = "Query";
/// Places that are named of what was denied in one request: enough to see what was tried.
const PLACES_MAX: usize = 5;

/// Switches it on.
pub(super) struct Calls;

impl ExtensionFactory for Calls {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(RequestCalls::default())
    }
}

/// Switches on the spans of calls alone, where there is no mutation and nothing is entered.
pub(super) struct Spans;

impl ExtensionFactory for Spans {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for Spans {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        spanned(ctx, info, next).await
    }
}

/// A field of the root in its span; any other as it is.
async fn spanned(
    ctx: &ExtensionContext<'_>,
    info: ResolveInfo<'_>,
    next: NextResolve<'_>,
) -> ServerResult<Option<Value>> {
    if info.parent_type != QUERY {
        return next.run(ctx, info).await;
    }
    let span = span(&info);
    span.within(next.run(ctx, info)).await
}

/// One request's.
#[derive(Default)]
struct RequestCalls {
    /// Whether it is a mutation, whose own fields are calls already.
    mutates: AtomicBool,
    /// Whether what was denied is entered: a subscription comes by with each event.
    is_entered: AtomicBool,
}

#[async_trait]
impl Extension for RequestCalls {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        if info.parent_type != MUTATION {
            return spanned(ctx, info, next).await;
        }
        let span = span(&info);
        self.mutates.store(true, Ordering::Relaxed);
        let Some(call) = call(ctx, info.name) else { return next.run(ctx, info).await };
        let acts = ctx.data_opt::<Arc<Caller>>().map_or(Ok(()), |caller| caller.actor().acts());
        let done = async {
            match acts {
                Ok(()) => next.run(ctx, info).await,
                Err(error) => {
                    let mut error =
                        Error::from(ResolverError::from(error)).into_server_error(info.field.name.pos);
                    error.path.push(PathSegment::Field(info.alias.unwrap_or(info.name).to_owned()));
                    Err(error)
                }
            }
        };
        span.within(audit::record(call, done)).await
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let mut response = next.run(ctx, operation_name).await;
        if let Some((caller, until)) =
            ctx.data_opt::<Arc<Caller>>().and_then(|caller| Some((caller, caller.told_until()?)))
        {
            caller.actor().note_told();
            let until = until.to_rfc3339_opts(SecondsFormat::Millis, true);
            response.extensions.insert(SINCE.to_owned(), Value::String(until));
        }
        let is_own = |error: &ServerError| self.mutates.load(Ordering::Relaxed) && error.path.len() < 2;
        let denied = response
            .errors
            .iter()
            .filter(|error| code_of(error) == Some(ErrorCode::Forbidden.as_str()) && !is_own(error));
        let places: Vec<String> = denied.take(PLACES_MAX).map(place).collect();
        if !places.is_empty()
            && !self.is_entered.swap(true, Ordering::Relaxed)
            && let Some(call) = call(ctx, "query")
        {
            audit::record_denied(call, places.join("; ")).await;
        }
        response
    }
}

/// Enters that the viewer may not listen to something.
pub(super) async fn record_denied_subscription<'a>(ctx: &impl DataContext<'a>, error: &domain::Error) {
    if let domain::Error::Forbidden { message, .. } = error
        && let Some(call) = call(ctx, "subscription")
    {
        audit::record_denied(call, message.clone()).await;
    }
}

/// `None` for a request without a caller, whose fields fail for that.
fn call<'a>(ctx: &impl DataContext<'a>, operation: &str) -> Option<Call> {
    let caller = ctx.data_opt::<Arc<Caller>>()?;
    let request_id = ctx.data_opt::<RequestOrigin>().map(|request| request.request_id.clone());
    let trace_id = ctx.data_opt::<RequestOrigin>().and_then(|request| request.trace_id.clone());
    Some(Call::new(caller.actor(), operation, origin(ctx), request_id).traced(trace_id))
}

/// The span of a call of the domain: each field of a root is one.
fn span(info: &ResolveInfo<'_>) -> Span {
    let span = trace::child(Kind::Internal, "call");
    if span.is_recorded() {
        span.rename(format!("{}.{}", info.parent_type, info.name));
    }
    span
}

/// Where in the answer something was denied, and for want of what.
fn place(error: &ServerError) -> String {
    let path: Vec<&str> = error
        .path
        .iter()
        .filter_map(|segment| match segment {
            PathSegment::Field(name) => Some(name.as_str()),
            PathSegment::Index(_) => None,
        })
        .collect();
    let permission = error.extensions.as_ref().and_then(|extensions| extensions.get("permission"));
    match permission {
        Some(Value::String(permission)) => format!("{} {permission}", path.join(".")),
        _ => path.join("."),
    }
}
