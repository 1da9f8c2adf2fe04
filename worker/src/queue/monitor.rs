//! Runs one apalis worker over the queue until the process is told to stop. Outcomes, retries, time-outs and cancels
//! are the handler's; here a handler only ends, with or without a panic.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::{Monitor, WorkerBuilder};
use domain::dispatch::JobHint;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;
use uuid::Uuid;

use super::Queue;
use super::backend::Consumer;
use super::claims::Claims;
use super::redis::RedisStore;
use super::store::HintStore;
use super::table::{JobSource, TableStore};

/// How a worker runs.
#[derive(Clone, Debug)]
pub struct MonitorOptions {
    /// Hints handled at once, at least 1 (`TRESTLE_WORKERS`).
    pub concurrency: usize,
    /// How long handlers may go on after the signal to stop (`TRESTLE_SHUTDOWN_SECONDS`); then they are aborted.
    pub shutdown: Duration,
}

/// Why consuming ended.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The worker ended although nobody asked it to; the process must not go on as if it worked.
    #[error("the queue's worker ended before it was told to")]
    Ended,
    /// apalis reported an error.
    #[error("running the queue's worker")]
    Monitor(#[source] apalis_core::monitor::MonitorError),
}

/// Handles hints until `shutdown` is cancelled: then claims nothing more, gives back what was not started, and waits
/// for running handlers until the deadline. A panic in a handler is logged and ends that handler alone.
///
/// `source` is the job table; a queue in Redis asks it only for tenants' own caps. At most one call for each [`Queue`].
///
/// # Errors
/// The worker ended before `shutdown`.
pub async fn consume<H, F>(
    queue: &Queue,
    source: Arc<dyn JobSource>,
    options: MonitorOptions,
    shutdown: CancellationToken,
    handler: H,
) -> Result<(), MonitorError>
where
    H: Fn(JobHint) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    match queue {
        Queue::Redis(queue) => {
            let lease = queue.options().lease;
            let store = RedisStore::new(queue.clone(), source);
            consume_store(store, lease, options, shutdown, handler).await
        }
        Queue::Table(queue) => {
            let lease = queue.options().lease;
            let store = TableStore::new(queue.clone(), source);
            consume_store(store, lease, options, shutdown, handler).await
        }
    }
}

async fn consume_store<S, H, F>(
    store: S,
    lease: Duration,
    options: MonitorOptions,
    shutdown: CancellationToken,
    handler: H,
) -> Result<(), MonitorError>
where
    S: HintStore,
    H: Fn(JobHint) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let handler = Arc::new(handler);
    let claims = Claims::new(store.clone(), options.concurrency);
    let tracker = claims.tracker().clone();
    let _listener = AbortOnDropHandle::new(tracker.spawn(async move { store.listen().await }));
    let _keeper = AbortOnDropHandle::new(tracker.spawn(claims.clone().keep(lease)));
    let _stopper = AbortOnDropHandle::new(tracker.spawn({
        let (claims, shutdown) = (claims.clone(), shutdown.clone());
        async move {
            shutdown.cancelled().await;
            claims.stop().await;
        }
    }));

    // Unique for each process, and with the count of restarts for each life of the worker.
    let name = Uuid::now_v7().simple().to_string();
    let monitor = Monitor::new()
        .should_restart({
            let shutdown = shutdown.clone();
            move |worker, error| {
                tracing::error!(
                    worker = worker.name(),
                    error = error as &dyn Error,
                    "the queue's worker failed"
                );
                !shutdown.is_cancelled()
            }
        })
        .with_terminator(sleep_from_first_poll(options.shutdown))
        .register({
            let claims = claims.clone();
            move |restarts| {
                let (claims_of_worker, handler) = (claims.clone(), handler.clone());
                WorkerBuilder::new(format!("{name}-{restarts}").as_str())
                    .backend(Consumer::new(claims.clone()))
                    .build(move |hint: JobHint| handle(claims_of_worker.clone(), handler.clone(), hint))
            }
        });
    let signal = {
        let shutdown = shutdown.clone();
        async move {
            shutdown.cancelled().await;
            Ok(())
        }
    };
    let outcome = monitor.run_with_signal(signal).await;
    claims.close().await;
    outcome.map_err(MonitorError::Monitor)?;
    // apalis answers Ok also when every worker is dead.
    if shutdown.is_cancelled() { Ok(()) } else { Err(MonitorError::Ended) }
}

/// The deadline counts from the signal, not from the start of the process.
async fn sleep_from_first_poll(duration: Duration) {
    sleep(duration).await;
}

/// Runs one handler in a task of its own, so that handlers use all cores and a panic stays in it.
async fn handle<S, H, F>(claims: Claims<S>, handler: Arc<H>, hint: JobHint)
where
    S: HintStore,
    H: Fn(JobHint) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let Some(running) = claims.start(hint) else {
        return;
    };
    let span = tracing::info_span!("job", job.id = %hint.job_id, tenant.id = %hint.tenant_id);
    let task = claims.tracker().spawn(async move { handler(hint).await }.instrument(span.clone()));
    if let Err(error) = AbortOnDropHandle::new(task).await {
        span.in_scope(|| {
            tracing::error!(
                error = &error as &dyn Error,
                "the handler of a job panicked; its row's lease decides what becomes of it"
            );
        });
    }
    drop(running);
}
