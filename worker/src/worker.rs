//! A worker: everything that makes queued runs happen in this process. Its parts end together; that one of them ends
//! by itself is an error for the process, which would otherwise look alive and do nothing.

use std::sync::Arc;
use std::time::Duration;

use domain::App;
use domain::background::Background;
use pipeline::Stop;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::mail::Mailer;
use crate::queue::{MonitorError, MonitorOptions, Queue, consume};
use crate::report::Activity;
use crate::run::Runner;
use crate::{
    escalation, health, incident, kill_switch, log_line, mail, notice, refill, report, schedule, sweep,
    synthetic,
};

/// How long the last log lines may take to be stored.
const LINES_PATIENCE: Duration = Duration::from_secs(2);

/// How a worker runs.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Where hints come from; the same queue that the [`App`] dispatches to.
    pub queue: Queue,
    /// Shown to engineers at the jobs it has, e.g. `host-1:4711`.
    pub name: String,
    /// Runs at once, at least 1 (`TRESTLE_WORKERS`).
    pub concurrency: usize,
    /// How long a stop may take (`TRESTLE_SHUTDOWN_SECONDS`). For the first half runs may finish; then they stop after
    /// their page, at three quarters in the middle of it, and are handed back.
    pub shutdown: Duration,
    /// The way to the mail server; `None` where no mail is sent (`TRESTLE_SMTP_URL`).
    pub mailer: Option<Mailer>,
}

/// Why a worker ended.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The consumer of the queue.
    #[error("consuming the queue")]
    Queue(#[source] MonitorError),
    /// A part ended although nobody asked it to.
    #[error("the worker's {part} ended before it was told to")]
    Ended {
        /// Which.
        part: &'static str,
    },
    /// A part panicked.
    #[error("a part of the worker panicked")]
    Panicked(#[source] JoinError),
}

/// A running worker. Dropping it is like a crash: runs go on elsewhere when their leases end.
#[must_use = "dropping a worker kills it"]
#[derive(Debug)]
pub struct Worker {
    shutdown: CancellationToken,
    supervisor: AbortOnDropHandle<Result<(), WorkerError>>,
}

impl Worker {
    /// Starts claiming, sweeping and ticking schedules. Needs a tokio runtime.
    pub fn start(app: Arc<App>, options: WorkerOptions) -> Self {
        let shutdown = CancellationToken::new();
        let supervise = supervise(Background::new(app), options, shutdown.clone());
        let supervisor = AbortOnDropHandle::new(TaskTracker::new().spawn(supervise));
        Self { shutdown, supervisor }
    }

    /// Waits for its end, which is an error before [`Worker::stop`]: the process should end too. Can be dropped and
    /// called again.
    ///
    /// # Errors
    /// A part of it ended or panicked.
    pub async fn ended(&mut self) -> Result<(), WorkerError> {
        (&mut self.supervisor).await.map_err(WorkerError::Panicked)?
    }

    /// Takes no more work, and finishes or hands back what runs, within [`WorkerOptions::shutdown`].
    ///
    /// # Errors
    /// As [`Worker::ended`].
    pub async fn stop(mut self) -> Result<(), WorkerError> {
        self.shutdown.cancel();
        self.ended().await
    }
}

async fn supervise(
    background: Background,
    options: WorkerOptions,
    shutdown: CancellationToken,
) -> Result<(), WorkerError> {
    let WorkerOptions { queue, name, concurrency, shutdown: patience, mailer } = options;
    let hand_back = Stop::default();
    let activity = Activity::default();
    let runner = Arc::new(Runner::new(background.clone(), &name, hand_back.clone(), activity.clone()));
    let refilled = queue.clone();
    let mut parts = JoinSet::new();
    parts.spawn({
        let (background, shutdown) = (background.clone(), shutdown.clone());
        async move {
            report::run(background, name, concurrency, activity, shutdown).await;
            ("reporter", Ok(()))
        }
    });
    parts.spawn({
        let (queue, shutdown, source) = (queue.clone(), shutdown.clone(), Arc::new(background.clone()));
        let options = MonitorOptions { concurrency, shutdown: patience };
        async move {
            let consumed = consume(&queue, source, options, shutdown, move |hint| {
                let runner = runner.clone();
                async move { runner.handle(hint).await }
            });
            ("queue consumer", consumed.await.map_err(WorkerError::Queue))
        }
    });
    parts.spawn({
        let (background, shutdown) = (background.clone(), shutdown.clone());
        async move {
            sweep::run(background, queue, shutdown).await;
            ("sweeper", Ok(()))
        }
    });
    parts.spawn({
        let (background, queue, shutdown) = (background.clone(), refilled, shutdown.clone());
        async move {
            refill::run(background, queue, shutdown).await;
            ("refiller", Ok(()))
        }
    });
    parts.spawn({
        let (background, mailer, shutdown) = (background.clone(), mailer.clone(), shutdown.clone());
        async move {
            notice::run(background, mailer, shutdown).await;
            ("notices", Ok(()))
        }
    });
    parts.spawn({
        let (background, shutdown) = (background.clone(), shutdown.clone());
        async move {
            mail::run(background, mailer, shutdown).await;
            ("mailer", Ok(()))
        }
    });
    parts.spawn({
        let (background, shutdown) = (background.clone(), shutdown.clone());
        async move {
            kill_switch::run(background, shutdown).await;
            ("kill switches", Ok(()))
        }
    });
    parts.spawn({
        let (background, shutdown) = (background.clone(), shutdown.clone());
        async move {
            health::run(background, shutdown).await;
            ("health", Ok(()))
        }
    });
    parts.spawn({
        let (background, shutdown) = (background.clone(), shutdown.clone());
        async move {
            escalation::run(background, shutdown).await;
            ("escalation", Ok(()))
        }
    });
    parts.spawn({
        let (background, shutdown) = (background.clone(), shutdown.clone());
        async move {
            incident::run(background, shutdown).await;
            ("incidents", Ok(()))
        }
    });
    parts.spawn({
        let (background, shutdown) = (background.clone(), shutdown.clone());
        async move {
            schedule::run(background, shutdown).await;
            ("scheduler", Ok(()))
        }
    });
    parts.spawn({
        let (background, shutdown) = (background.clone(), shutdown.clone());
        async move {
            synthetic::run(background, shutdown).await;
            ("synthetic checks", Ok(()))
        }
    });
    let _handing_back = AbortOnDropHandle::new(TaskTracker::new().spawn({
        let shutdown = shutdown.clone();
        async move {
            shutdown.cancelled().await;
            sleep(patience / 2).await;
            hand_back.after_page.cancel();
            sleep(patience / 4).await;
            hand_back.now.cancel();
        }
    }));

    // Until after the last run is over, so that what is logged about its end is kept.
    let is_over = CancellationToken::new();
    let lines = log_line::run(background.clone(), is_over.clone());
    let lines = AbortOnDropHandle::new(TaskTracker::new().spawn(lines));
    let mut outcome = Ok(());
    while let Some(part) = parts.join_next().await {
        let ended = match part {
            Ok((_, Err(error))) => Err(error),
            Ok((_, Ok(()))) if shutdown.is_cancelled() => Ok(()),
            Ok((part, Ok(()))) => Err(WorkerError::Ended { part }),
            Err(error) => Err(WorkerError::Panicked(error)),
        };
        if ended.is_err() && outcome.is_ok() {
            outcome = ended;
        }
        // The others end too.
        shutdown.cancel();
    }
    is_over.cancel();
    if timeout(LINES_PATIENCE, lines).await.is_err() {
        tracing::warn!("the last log lines about tenants were not kept: the database took too long");
    }
    outcome
}
