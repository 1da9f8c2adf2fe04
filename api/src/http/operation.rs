//! One operation, from its start to its last result, the same for WebSockets and event streams: what comes of it is told to
//! whoever listens, in their own format. Whether it may start was decided before.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use async_graphql::Executor;
use async_graphql::parser::types::OperationType;
use futures::{FutureExt, StreamExt};
use tokio::time::Instant;
use tracing::Instrument;

use super::HttpState;
use super::execution::{self, Answer, Prepared};
use super::metrics::Outcome;

/// What an operation says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told<'a> {
    /// A result, or an event; more may follow.
    Next(&'a Answer),
    /// A result that the caller's token is no longer good for; where there is none, nothing but a result.
    Unauthenticated(&'a Answer),
    /// It was not executed; the last.
    Refused(&'a Answer),
    /// There is nothing more; the last.
    Complete,
}

/// Where an operation's results go.
pub(super) trait Audience: Sync {
    /// Waits while there is no room. `false` when nobody listens any more.
    fn tell(&self, told: Told<'_>) -> impl Future<Output = bool> + Send;
}

/// One operation, to its end.
pub(super) async fn run_operation<E: Executor>(
    state: &HttpState<E>,
    prepared: Prepared,
    audience: &impl Audience,
) {
    let span = prepared.span.clone();
    if prepared.operation_type == OperationType::Subscription {
        run_subscription(state, prepared, audience).instrument(span).await;
        return;
    }
    // On the heap, or a subscription would take the room of an execution for as long as it lasts.
    let answer = Box::pin(execution::execute(state, prepared)).await;
    if !answer.executed {
        audience.tell(Told::Refused(&answer)).await;
    } else if audience.tell(Told::Next(&answer)).await {
        audience.tell(Told::Complete).await;
    }
}

async fn run_subscription<E: Executor>(state: &HttpState<E>, prepared: Prepared, audience: &impl Audience) {
    let open = state.metrics.open_subscription();
    let started = Instant::now();
    let mut context = prepared.context;
    let mut events = 0_u64;
    let mut stream = state.options.executor(prepared.may_suggest).execute_stream(prepared.request, None);
    let outcome = loop {
        match AssertUnwindSafe(stream.next()).catch_unwind().await {
            Ok(Some(response)) => {
                let answer = Answer::of(response, &context);
                context = context.without_cost();
                if !answer.executed {
                    audience.tell(Told::Refused(&answer)).await;
                    break Outcome::Refused;
                }
                events += 1;
                let told = if answer.is_unauthenticated() {
                    Told::Unauthenticated(&answer)
                } else {
                    Told::Next(&answer)
                };
                if !audience.tell(told).await {
                    break Outcome::Succeeded;
                }
            }
            Ok(None) => {
                audience.tell(Told::Complete).await;
                break Outcome::Succeeded;
            }
            Err(panic) => {
                audience.tell(Told::Refused(&Answer::of_panic(panic.as_ref(), &context))).await;
                break Outcome::Failed;
            }
        }
    };
    drop(open);
    state.metrics.record(OperationType::Subscription, outcome, started.elapsed());
    tracing::info!(duration_ms = started.elapsed().as_millis() as u64, events, "graphql subscription ended");
}
