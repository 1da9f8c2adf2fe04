//! Executes one claimed run: its streams one after the other, with a heart beating beside them. An async function that
//! needs no queue. Not here: what is written and when a run counts as done (`domain`), and how records move
//! (`pipeline`).

mod attempt;
mod comparison;
mod division;
mod heartbeat;
mod plan;
mod telling;

use std::error::Error;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use connector::{OpenDestination, OpenSource, Progress, StreamSpec, SyncMode, SystemAccess, SystemError};
use domain::background::{
    Background, Batches, Claim, ClaimedRun, ClaimedStream, CompletedRun, End, FinishedStream, Reading,
    RunEnd, RunLease,
};
use domain::dispatch::JobHint;
use domain::stream;
use entity::integration::Stream;
use entity::run::RunScope;
use pipeline::{LedgerError, PageBudget, Stop, StreamPlan, StreamProgress, StreamReport, StreamStop};
use telemetry::trace::{self, Kind};
use tokio::time::Instant;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::Instrument;

use self::attempt::{Stall, watched};
use self::heartbeat::heartbeat;
use self::telling::{claimed, outcome, tell};
use crate::memory::Memory;
use crate::report::Activity;

/// Records a page: enough that a checkpoint costs little beside them, few enough that losing one does.
const PAGE_RECORDS_MAX: usize = 5_000;
/// The same for a run beside at least two others of its process: while one waits for its systems, others do not.
const PAGE_RECORDS_BESIDE: usize = 2_500;
/// How many runs of a process have large pages.
const LARGE_PAGES_RUNS: usize = 2;
/// What all runs of a process read ahead together, in bytes before they are decoded, which makes some six times as much of
/// them. Enough for one run to keep all stages busy with pages of usual records; where many run at once, they keep each
/// other's destinations busy.
const READ_AHEAD_BYTES: u64 = 2 * 1024 * 1024;
/// What every run of this worker shares.
pub(crate) struct Runner {
    background: Background,
    batches: Batches,
    /// Told when the process is about to end: runs give their jobs back.
    hand_back: Stop,
    activity: Activity,
    tasks: TaskTracker,
    pages: PageBudget,
    memory: Arc<Memory>,
    /// One more for each run that is under way.
    under_way: Arc<()>,
}

/// Why a run was interrupted from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interruption {
    /// Somebody asked for it.
    Cancel,
    /// Another worker has it.
    Lost,
    /// This process ends, or another slice stops this one.
    HandBack,
    /// A kill switch is engaged that reaches it.
    KillSwitch,
    /// Another run of its integration goes first.
    Yield,
    /// What it waits for is silent for too long.
    Stalled(Stall),
}

/// The one way in which a run is interrupted: the first reason counts.
#[derive(Clone, Default)]
struct Interrupt {
    reason: Arc<OnceLock<Interruption>>,
    stop: Stop,
}

impl Interrupt {
    /// When the process ends there is time for the page that is being written; all else stops at once.
    fn set(&self, reason: Interruption) {
        self.reason.get_or_init(|| reason);
        match reason {
            Interruption::HandBack | Interruption::Yield => self.stop.after_page.cancel(),
            Interruption::Cancel
            | Interruption::Lost
            | Interruption::KillSwitch
            | Interruption::Stalled(_) => self.stop.now.cancel(),
        }
    }

    fn reason(&self) -> Option<Interruption> {
        self.reason.get().copied()
    }
}

/// What is to be written about a run that is over here.
#[derive(Debug)]
enum Ending {
    Finish(RunEnd),
    TryAgain {
        stream: String,
        stop: StreamStop,
        wait: Duration,
    },
    HandBack,
    Yield,
    /// Jobs of its slices go on in its place.
    Divided,
    /// It was put aside with its last page, until somebody decides about that.
    Aside,
    /// Another worker decides.
    Leave,
}

impl Runner {
    /// Runs are handed back when `hand_back` says so. `worker` is shown to engineers at the job.
    pub(crate) fn new(background: Background, worker: &str, hand_back: Stop, activity: Activity) -> Self {
        let batches = Batches::new(&background, worker);
        let pages = PageBudget::new(READ_AHEAD_BYTES);
        Self {
            background,
            batches,
            hand_back,
            activity,
            tasks: TaskTracker::new(),
            pages,
            memory: Arc::default(),
            under_way: Arc::default(),
        }
    }

    /// Claims the job of a hint and executes it to its end. Whatever happens is in the row afterwards, or its lease
    /// ends and another worker goes on.
    pub(crate) async fn handle(&self, hint: JobHint) {
        let _busy = self.activity.begin();
        let claim = self.batches.claim(hint).await;
        telemetry::instruments().claims.add(&[claimed(&claim)], 1);
        if let Ok(Claim::Claimed(_) | Claim::Waiting) = &claim {
            self.activity.claimed(self.background.app().clock().now());
        }
        let run = match claim {
            Ok(Claim::Claimed(run)) => *run,
            Ok(Claim::Stale) => {
                tracing::debug!("the hint is stale, there is nothing to do");
                return;
            }
            Ok(Claim::Waiting) => {
                tracing::debug!("another run of the integration is under way, the job waits for it");
                return;
            }
            Err(error) => {
                let error = &error as &dyn Error;
                tracing::warn!(error, "a job could not be claimed; the sweeper brings it again");
                return;
            }
        };
        let span = tracing::info_span!(
            "run",
            tenant.id = %run.lease.tenant_id(),
            run.id = %run.lease.run_id(),
            trace.id = run.lease.trace_id(),
            integration.id = %run.lease.integration_id(),
            attempt = run.attempt,
        );
        let trace = trace::root(Kind::Consumer, "process runs", run.lease.traceparent());
        tell(&trace, &run);
        trace.within(self.execute(run).instrument(span)).await;
    }

    async fn execute(&self, run: ClaimedRun) {
        let started = Instant::now();
        let ClaimedRun { lease, scope, compares, source, destination, streams, .. } = run;
        let lease = Arc::new(lease);
        let look_at_memory = || {
            if let Some(bytes) = self.memory.resident_bytes() {
                lease.saw_memory(bytes);
            }
        };
        look_at_memory();
        let interrupt = Interrupt::default();
        // A task of its own: the lease must not depend on how long a connector keeps this one busy.
        let heart = AbortOnDropHandle::new(
            self.tasks.spawn(
                heartbeat(
                    lease.clone(),
                    self.background.app().lease(),
                    interrupt.clone(),
                    self.hand_back.clone(),
                    self.memory.clone(),
                )
                .in_current_span(),
            ),
        );
        let under_way = self.under_way.clone();
        // One is the runner's own.
        let has_large_pages = Arc::strong_count(&under_way) - 1 <= LARGE_PAGES_RUNS;
        let route = Arc::new(Route {
            scope,
            compares,
            source,
            destination,
            lease: lease.clone(),
            progress: lease.progress().clone(),
            pages: self.pages.clone(),
            page_records_max: if has_large_pages { PAGE_RECORDS_MAX } else { PAGE_RECORDS_BESIDE },
            _under_way: under_way,
            stream: Mutex::default(),
            stop: interrupt.stop.clone(),
        });
        // A task of its own: a connector that blocks it must not keep the slot for ever.
        let attempt = AbortOnDropHandle::new(self.tasks.spawn({
            let route = route.clone();
            trace::carried(async move { route.run_all(streams).await }.in_current_span())
        }));
        let end =
            watched(attempt, &route.progress, lease.retry_policy().progress_timeout(), &interrupt).await;
        drop(heart);
        look_at_memory();
        let ending = match end {
            Some(Attempt::Divided) => Ending::Divided,
            Some(Attempt::Ended(end)) => self.ending(Some(end), &route, &interrupt),
            None => self.ending(None, &route, &interrupt),
        };
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.write_ending(lease, ending, duration_ms).await;
    }

    /// What is to be written about an attempt that ended so.
    fn ending(&self, end: Option<RunEnd>, route: &Route, interrupt: &Interrupt) -> Ending {
        let lease = &route.lease;
        let end = self.explained(end, route, interrupt.reason());
        let ending = ending(end, interrupt.reason(), lease.may_try_again(), |retry_after| {
            lease.retry_policy().wait(lease.attempt(), retry_after, random())
        });
        match ending {
            // Its run has its turn, and holds no worker with it.
            Ending::Aside if lease.is_slice() => Ending::HandBack,
            ending => ending,
        }
    }

    /// How the attempt ended, where it was stopped for its silence or did not stop by itself.
    fn explained(&self, end: Option<RunEnd>, route: &Route, interruption: Option<Interruption>) -> RunEnd {
        let end =
            end.unwrap_or_else(|| RunEnd::Stopped { stream: route.stream(), stop: StreamStop::Canceled });
        match (end, interruption) {
            (RunEnd::Stopped { stream, stop: StreamStop::Canceled }, Some(Interruption::Stalled(stall))) => {
                let stop = stall.stop(self.background.app().clock().now());
                tracing::warn!(stream, error = &stop as &dyn Error, "the run is stopped");
                RunEnd::Stopped { stream, stop }
            }
            (end, _) => end,
        }
    }

    async fn write_ending(&self, lease: Arc<RunLease>, ending: Ending, duration_ms: u64) {
        let begun = Duration::from_millis(duration_ms);
        let leaves = matches!(ending, Ending::Leave);
        let outcome = outcome(&ending);
        let (what, written) = match ending {
            Ending::Finish(end) if lease.is_slice() => ("the slice ended", lease.finish(end).await),
            Ending::Finish(RunEnd::Completed { last }) => {
                ("the run went through", self.batches.complete(CompletedRun { lease, last }).await)
            }
            Ending::Finish(end) => ("the run ended early", lease.finish(end).await),
            Ending::TryAgain { stream, stop, wait } => {
                ("the run waits to be tried again", lease.give_back(&stream, &stop, wait).await)
            }
            Ending::HandBack => ("the run was handed back", lease.hand_back().await),
            Ending::Yield => ("the run lets another one go first", lease.yield_turn().await),
            Ending::Aside => ("the run is put aside: its quality gate closed", Ok(true)),
            Ending::Divided => ("the run is divided, and its slices go on", Ok(true)),
            Ending::Leave => ("the run is another worker's now", Ok(true)),
        };
        let instruments = telemetry::instruments();
        let is_lost = leaves || matches!(written, Ok(false));
        if is_lost {
            instruments.leases_lost.add(&[], 1);
        }
        instruments.attempt_duration.record(&[if is_lost { "lost" } else { outcome }], begun);
        match written {
            Ok(true) => tracing::info!(duration_ms, "{what}"),
            Ok(false) => {
                tracing::info!(
                    duration_ms,
                    "the lease was lost to another worker, which goes on with the run"
                )
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn Error,
                duration_ms,
                "the end of a run could not be stored; it goes on from its checkpoint when the lease ends"
            ),
        }
    }
}

/// How the streams of a run were left.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one of a run at a time, moved a few times")]
enum Attempt {
    Ended(RunEnd),
    /// One of them is read in slices: their jobs go on.
    Divided,
}

/// How one stream was left.
#[expect(clippy::large_enum_variant, reason = "one of a run at a time, moved a few times")]
enum Step {
    Finished(FinishedStream),
    Divided,
}

/// Where the records of a run go from and to.
struct Route {
    scope: RunScope,
    /// Nothing is moved: both ends are compared.
    compares: bool,
    source: End,
    destination: End,
    lease: Arc<RunLease>,
    /// What is waited for.
    progress: StreamProgress,
    /// What pages are read ahead from.
    pages: PageBudget,
    page_records_max: usize,
    _under_way: Arc<()>,
    /// The stream that is under way.
    stream: Mutex<String>,
    stop: Stop,
}

impl Route {
    async fn run_all(&self, streams: Vec<ClaimedStream>) -> Attempt {
        let mut last: Option<FinishedStream> = None;
        for stream in streams {
            let name = stream.stream.name.clone();
            self.stream.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&name);
            let span = tracing::info_span!("stream", stream = name);
            let trace = trace::child(Kind::Internal, "stream");
            if trace.is_recorded() {
                trace.set("trestle.stream", name.clone());
            }
            let run = async {
                if let Some(finished) = last.take() {
                    let _waiting = self.progress.storing.wait();
                    self.lease.finish_stream(&finished).await?;
                }
                self.run_one(stream).await
            };
            match trace.within(run.instrument(span)).await {
                Ok(Step::Finished(finished)) => last = Some(finished),
                Ok(Step::Divided) => return Attempt::Divided,
                Err(stop) => return Attempt::Ended(RunEnd::Stopped { stream: name, stop }),
            }
        }
        // Stored with the end of the run.
        Attempt::Ended(RunEnd::Completed { last })
    }

    fn stream(&self) -> String {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn run_one(&self, claimed: ClaimedStream) -> Result<Step, StreamStop> {
        {
            let _waiting = self.progress.storing.wait();
            self.lease.open_receipts(&claimed.stream.name, claimed.are_receipts_unmerged).await?;
        }
        if self.compares {
            return self.compare_one(claimed).await.map(Step::Finished);
        }
        if claimed.reading == Reading::Divisible && self.divide(&claimed).await? {
            return Ok(Step::Divided);
        }
        // What somebody asked to retry passes any gate.
        let judges = self.scope == RunScope::AllRecords;
        let plan = self.plan(&claimed, judges).await?;
        let (stream, is_backfill) = (claimed.stream.name.clone(), claimed.only.is_some());
        let of_slices = match &claimed.reading {
            Reading::Done { watermark } => watermark.clone(),
            Reading::Divisible | Reading::Whole | Reading::Part(_) => None,
        };
        let report = self.run_pipeline(plan, claimed).await?;
        {
            let _waiting = self.progress.storing.wait();
            self.lease.settle_receipts(&stream).await?;
        }
        // A backfill says nothing about where the next ordinary run begins.
        let watermark = report.watermark.filter(|_| !is_backfill).or(of_slices);
        Ok(Step::Finished(FinishedStream { stream, watermark, breach: report.breach }))
    }

    async fn run_pipeline(
        &self,
        plan: StreamPlan,
        claimed: ClaimedStream,
    ) -> Result<StreamReport, StreamStop> {
        let spec = spec(&claimed);
        let failed = |error| StreamStop::Destination { error, attempts: 1 };
        let open_destination = OpenDestination {
            access: access(&self.destination, &self.progress.destination).await.map_err(failed)?,
            stream: spec.clone(),
            options: claimed.stream.destination.clone(),
            run: self.lease.run_id(),
            integration: self.lease.integration_id(),
            // Of failures that are retried it is not known; each of them is an answer of its own.
            resumed: claimed.resume.is_some(),
        };
        let destination = self.destination.connector.clone();
        let ledger = self.lease.as_ref();
        match self.scope {
            RunScope::AllRecords if matches!(claimed.reading, Reading::Done { .. }) => {
                pipeline::conclude_stream(plan, destination, open_destination, ledger, &self.stop).await
            }
            RunScope::AllRecords => {
                let failed = |error| StreamStop::Source { error, attempts: 1 };
                let open_source = self.open_source(claimed).await.map_err(failed)?;
                pipeline::run_stream(
                    plan,
                    self.source.connector.clone(),
                    open_source,
                    destination,
                    open_destination,
                    ledger,
                    &self.stop,
                )
                .await
            }
            RunScope::FailedRecords => {
                let records = self.lease.stored_records(&spec.name);
                pipeline::run_records(
                    plan,
                    records,
                    self.page_records_max,
                    destination,
                    open_destination,
                    ledger,
                    &self.stop,
                )
                .await
            }
        }
    }

    async fn open_source(&self, claimed: ClaimedStream) -> Result<OpenSource, SystemError> {
        let stream = spec(&claimed);
        let ClaimedStream {
            stream: Stream { source, overlap, .. }, since, from, only, resume, reading, ..
        } = claimed;
        let part = match reading {
            Reading::Part(part) => Some(part),
            Reading::Divisible | Reading::Whole | Reading::Done { .. } => None,
        };
        Ok(OpenSource {
            access: access(&self.source, &self.progress.source).await?,
            stream,
            options: source,
            since,
            overlap: overlap.and_then(|overlap| u64::try_from(overlap).ok()),
            from,
            only,
            part,
            resume,
            page_records_max: self.page_records_max,
        })
    }
}

/// What both ends need to know of a stream. A range is read by its cursor.
fn spec(claimed: &ClaimedStream) -> StreamSpec {
    let spec = stream::spec(&claimed.stream);
    match claimed.only {
        Some(_) => StreamSpec { mode: SyncMode::Incremental, ..spec },
        None => spec,
    }
}

/// Config and credentials, which may have to be fetched.
async fn access(end: &End, progress: &Progress) -> Result<SystemAccess, SystemError> {
    let _waiting = progress.wait();
    end.access().await
}

/// `wait` gives the wait before another attempt, by what the other side asked for.
fn ending(
    end: RunEnd,
    interruption: Option<Interruption>,
    may_try_again: bool,
    wait: impl FnOnce(Option<Duration>) -> Duration,
) -> Ending {
    let (stream, stop) = match end {
        RunEnd::Completed { last } => return Ending::Finish(RunEnd::Completed { last }),
        RunEnd::Stopped { stream, stop } => (stream, stop),
    };
    match (&stop, interruption) {
        // Its job is no longer this worker's, which the heartbeat may have found out before.
        (StreamStop::Quarantined, _) => Ending::Aside,
        (StreamStop::Ledger(LedgerError::LostLease), _) | (_, Some(Interruption::Lost)) => Ending::Leave,
        (StreamStop::Canceled, Some(Interruption::HandBack | Interruption::KillSwitch)) => Ending::HandBack,
        (StreamStop::Canceled, Some(Interruption::Yield)) => Ending::Yield,
        // Its job is held by the next claim, until somebody lets the integration go on.
        (StreamStop::Held, _) => Ending::HandBack,
        _ => match transient(&stop) {
            Some(retry_after) if may_try_again => Ending::TryAgain { stream, stop, wait: wait(retry_after) },
            _ => Ending::Finish(RunEnd::Stopped { stream, stop }),
        },
    }
}

/// Whether trying again later can help, and after what wait the other side asked to.
fn transient(stop: &StreamStop) -> Option<Option<Duration>> {
    match stop {
        StreamStop::Source { error, .. } | StreamStop::Destination { error, .. } => {
            error.kind.is_transient().then_some(error.retry_after)
        }
        StreamStop::Ledger(LedgerError::Storage(_)) | StreamStop::Stalled { .. } => Some(None),
        StreamStop::Ledger(_)
        | StreamStop::Canceled
        | StreamStop::Held
        | StreamStop::Quarantined
        | StreamStop::Internal { .. } => None,
    }
}

/// The standard library seeds each hasher anew; jitter needs no better randomness.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use connector::{SystemError, SystemErrorKind};
    use domain::background::RunEnd;
    use pipeline::{LedgerError, StreamStop, Waited};

    use super::{Ending, Interruption, ending};

    fn at_once(_retry_after: Option<Duration>) -> Duration {
        Duration::ZERO
    }

    fn stopped(stop: StreamStop) -> RunEnd {
        RunEnd::Stopped { stream: "orders".to_owned(), stop }
    }

    fn source(kind: SystemErrorKind) -> RunEnd {
        stopped(StreamStop::Source { error: SystemError::new(kind, "no"), attempts: 6 })
    }

    #[test]
    fn a_run_that_went_through_is_finished_whatever_was_asked_meanwhile() {
        for interruption in [None, Some(Interruption::Cancel), Some(Interruption::HandBack)] {
            let ending = ending(RunEnd::Completed { last: None }, interruption, true, at_once);
            assert!(matches!(ending, Ending::Finish(RunEnd::Completed { .. })), "{ending:?}");
        }
    }

    #[test]
    fn what_a_canceled_stream_means_depends_on_who_stopped_it() {
        let canceled = |interruption| ending(stopped(StreamStop::Canceled), interruption, true, at_once);
        for interruption in [Interruption::HandBack, Interruption::KillSwitch] {
            assert!(matches!(canceled(Some(interruption)), Ending::HandBack));
        }
        assert!(matches!(canceled(Some(Interruption::Lost)), Ending::Leave));
        assert!(matches!(canceled(Some(Interruption::Cancel)), Ending::Finish(RunEnd::Stopped { .. })));
        assert!(matches!(canceled(None), Ending::Finish(RunEnd::Stopped { .. })));
    }

    #[test]
    fn transient_stops_are_tried_again_while_attempts_last_and_others_are_not() {
        let down = || source(SystemErrorKind::Unavailable);
        assert!(matches!(ending(down(), None, true, at_once), Ending::TryAgain { .. }));
        assert!(matches!(ending(down(), None, false, at_once), Ending::Finish(RunEnd::Stopped { .. })));
        let hung = || stopped(StreamStop::Stalled { waited: Waited::Source, detail: "silent".to_owned() });
        assert!(matches!(ending(hung(), None, true, at_once), Ending::TryAgain { .. }));
        assert!(matches!(ending(hung(), None, false, at_once), Ending::Finish(RunEnd::Stopped { .. })));
        let refused = source(SystemErrorKind::Unauthorized);
        assert!(matches!(ending(refused, None, true, at_once), Ending::Finish(RunEnd::Stopped { .. })));
        let storage = stopped(StreamStop::Ledger(LedgerError::Storage("full".into())));
        assert!(matches!(ending(storage, None, true, at_once), Ending::TryAgain { .. }));
        for interruption in [None, Some(Interruption::Lost), Some(Interruption::Cancel)] {
            let aside = ending(stopped(StreamStop::Quarantined), interruption, true, at_once);
            assert!(matches!(aside, Ending::Aside), "{aside:?}");
        }
        let lost = stopped(StreamStop::Ledger(LedgerError::LostLease));
        assert!(matches!(ending(lost, None, true, at_once), Ending::Leave));
    }
}
