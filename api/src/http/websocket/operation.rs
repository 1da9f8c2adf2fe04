//! One operation on a WebSocket, from its start to its last message. Whether it may start is the connection's business.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::Executor;
use async_graphql::parser::types::OperationType;
use futures::{FutureExt, StreamExt};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::Instrument;

use super::super::HttpState;
use super::super::execution::{self, Answer, Prepared};
use super::super::metrics::Outcome;
use super::connection::Event;

/// Where an operation's results go.
pub(super) struct Output {
    pub(super) id: Arc<str>,
    pub(super) serial: u64,
    pub(super) sender: mpsc::Sender<Event>,
}

impl Output {
    /// Waits while the queue is full. `false` when the connection has ended.
    async fn send(&self, text: String, is_last: bool) -> bool {
        let event = Event::Message { id: Arc::clone(&self.id), serial: self.serial, text, is_last };
        self.sender.send(event).await.is_ok()
    }

    async fn next(&self, answer: &Answer) -> bool {
        self.send(message_text("next", &self.id, answer), false).await
    }

    async fn error(&self, answer: &Answer) -> bool {
        self.send(message_text("error", &self.id, &answer.response.errors), true).await
    }

    async fn complete(&self) -> bool {
        self.send(json!({ "id": &*self.id, "type": "complete" }).to_string(), true).await
    }
}

/// One operation, to its end: `next`* and then `complete`, or `error`.
pub(super) async fn run_operation<E: Executor>(state: Arc<HttpState<E>>, prepared: Prepared, output: Output) {
    let span = prepared.span.clone();
    if prepared.operation_type == OperationType::Subscription {
        run_subscription(&state, prepared, &output).instrument(span).await;
        return;
    }
    let answer = execution::execute(&state, prepared).await;
    if !answer.executed {
        output.error(&answer).await;
    } else if output.next(&answer).await {
        output.complete().await;
    }
}

async fn run_subscription<E: Executor>(state: &HttpState<E>, prepared: Prepared, output: &Output) {
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
                    output.error(&answer).await;
                    break Outcome::Refused;
                }
                events += 1;
                if !output.next(&answer).await {
                    break Outcome::Succeeded;
                }
            }
            Ok(None) => {
                output.complete().await;
                break Outcome::Succeeded;
            }
            Err(panic) => {
                output.error(&Answer::of_panic(panic.as_ref(), &context)).await;
                break Outcome::Failed;
            }
        }
    };
    drop(open);
    state.metrics.record(OperationType::Subscription, outcome, started.elapsed());
    tracing::info!(duration_ms = started.elapsed().as_millis() as u64, events, "graphql subscription ended");
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
