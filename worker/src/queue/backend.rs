//! The apalis backend: decides when claiming is worth a round trip. Its timer and its bell stay registered whatever
//! else happens, so neither a push nor a freed slot waits for the next tick.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::persistence::{Persisted, State};
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::context::WorkerContext;
use domain::dispatch::JobHint;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tower::layer::util::Identity;

use super::claims::Claims;
use super::store::HintStore;

/// How often the store is asked although nothing rang: expired leases, due times, rings lost with a connection.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often apalis reports that the worker is alive; nothing is stored.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30);

/// Feeds one apalis worker.
pub(super) struct Consumer<S: HintStore> {
    persisted: Persisted<Claims<S>>,
    claims: Claims<S>,
    timer: Interval,
    /// Claiming may bring something.
    due: bool,
}

impl<S: HintStore> Consumer<S> {
    /// A consumer of these claims.
    pub(super) fn new(claims: Claims<S>) -> Self {
        let mut timer = interval(POLL_INTERVAL);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { persisted: Persisted::new(claims.clone()), claims, timer, due: true }
    }

    fn note_calls(&mut self, cx: &mut Context<'_>) {
        while self.claims.wake().poll_rung(cx) {
            self.due = true;
        }
        while self.timer.poll_tick(cx).is_ready() {
            self.due = true;
        }
    }
}

impl<S: HintStore> Backend for Consumer<S> {
    type Task = Task<JobHint>;
    type Error = Infallible;

    fn poll_ready(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), Infallible>> {
        self.persisted.poll_ready(cx, worker, HEARTBEAT_INTERVAL)
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Task<JobHint>, Infallible>>> {
        loop {
            self.note_calls(cx);
            if matches!(self.persisted.state(), State::Ready) {
                if !self.due || self.claims.free_slots() == 0 {
                    return Poll::Pending;
                }
                self.due = false;
            }
            match self.persisted.poll_next(cx, worker) {
                // Nothing was claimed; somebody may have rung since it was asked.
                Poll::Pending if matches!(self.persisted.state(), State::Ready) => {}
                answer => return answer,
            }
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), Infallible>> {
        self.persisted.poll_close(cx, worker)
    }
}

impl<S: HintStore> BackendConfig for Consumer<S> {
    type Args = JobHint;
    type Id = TaskId;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _worker: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
