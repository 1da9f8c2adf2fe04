//! One stream from end to end: a reader task, a mapping thread and a writer, with bounded channels
//! between them. Deliberately absent: more than one stream; whoever runs several awaits several.

mod checks;
mod comparer;
mod delivery;
mod question;
mod reader;
mod removal;
mod transform;
mod writer;

#[cfg(test)]
mod tests;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use connector::{
    Connector, Cursor, OpenDestination, OpenSource, Removal, SyncMode, SystemError, SystemErrorKind,
};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use telemetry::trace;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::mapping::STACK_BYTES;
use crate::retry::Patience;
use crate::shape::ShapeWatch;
use crate::{
    Breach, Comparison, ComparisonLedger, Counts, Gate, GateCounts, Kpis, Ledger, LedgerError, Mapping,
    PageBudget, RetryPolicy, Rules, Shape, Side, Stop, StreamProgress, Waited,
};

pub use checks::{Checks, Reference, TableReference, Unique};
pub use comparer::Moved;
pub use delivery::Repeats;
pub use reader::StoredRecord;

/// Pages that wait between two stages: enough that a slow page does not stop the stage before it.
const PAGES_WAITING_MAX: usize = 1;

/// Pages in memory at once, at most: one in the hands of each of the three stages, what waits between
/// them, and one that is being accounted, of which only receipts and failures are left.
#[cfg(test)]
const PAGES_IN_MEMORY_MAX: u64 = 4 + 2 * PAGES_WAITING_MAX as u64;

/// What happens to the records of a stream between its ends.
#[derive(Debug, Clone)]
pub struct StreamPlan {
    /// `None` copies records as they are.
    pub mapping: Option<Arc<Mapping>>,
    /// `None` lets every record pass.
    pub rules: Option<Arc<Rules>>,
    /// True when no receipts exist for this stream: none are looked up then, other than those that the
    /// run itself makes.
    pub fresh: bool,
    /// What is known of the source's records; `None` where nobody wants to hear of a change.
    pub shape: Option<Shape>,
    /// FULL, and a retry of such records: what becomes of records at the destination that are gone from the source; `None`
    /// leaves them as they are.
    pub removal: Option<Removal>,
    /// What records are checked for against others.
    pub checks: Checks,
    /// Judges pages before they are written; `None` in a retry of records, which somebody asked for.
    pub gate: Option<Gate>,
    /// What is measured of records that are delivered; `None` where that is nothing.
    pub kpis: Option<Arc<Kpis>>,
    /// Where records may be measured that are found to be there.
    pub repeats: Repeats,
    /// Which pages are read ahead from, with all other streams that have the same one.
    pub pages: PageBudget,
    /// How patient to be with the two systems.
    pub retry: RetryPolicy,
    /// Shows whoever runs the stream what it waits for.
    pub progress: StreamProgress,
}

/// The end of a stream that went through.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamReport {
    /// Of the pages that were accounted since this call began; balanced.
    pub counts: Counts,
    /// Where the next INCREMENTAL run begins; `None` in FULL mode and in a retry.
    pub watermark: Option<Cursor>,
    /// What the quality gate has counted in all attempts, where it found at the end that the stream is not what it
    /// usually is.
    pub breach: Option<(Breach, GateCounts)>,
}

/// Why a stream could not go on. Pages that were accounted stand, and it can be resumed after them.
#[derive(Debug, thiserror::Error)]
pub enum StreamStop {
    /// It was asked to stop.
    #[error("the stream was canceled")]
    Canceled,
    /// The source has changed, and the integration is held for it.
    #[error("the stream is held")]
    Held,
    /// The quality gate closed for its last page, which is accounted.
    #[error("the stream is in quarantine")]
    Quarantined,
    /// The source can't be used.
    #[error("the source failed after {attempts} attempts")]
    Source {
        /// What it said last.
        #[source]
        error: SystemError,
        /// Attempts in a row.
        attempts: u32,
    },
    /// The destination can't be used.
    #[error("the destination failed after {attempts} attempts")]
    Destination {
        /// What it said last.
        #[source]
        error: SystemError,
        /// Attempts in a row.
        attempts: u32,
    },
    /// Results can't be kept.
    #[error("the ledger failed")]
    Ledger(#[source] LedgerError),
    /// Nothing came back for longer than whoever runs the stream allows; told by them, who canceled it.
    #[error("no progress: {detail}")]
    Stalled {
        /// What was waited for.
        waited: Waited,
        /// For engineers: since when.
        detail: String,
    },
    /// A fault of ours: a panic, or a connector that breaks its contract.
    #[error("internal fault: {detail}")]
    Internal {
        /// For engineers.
        detail: String,
    },
}

impl StreamStop {
    fn internal(detail: impl Into<String>) -> Self {
        Self::Internal { detail: detail.into() }
    }

    fn side(side: Side, error: SystemError, attempts: u32) -> Self {
        match side {
            Side::Source => Self::Source { error, attempts },
            Side::Destination => Self::Destination { error, attempts },
        }
    }

    /// Code of the error catalogue, e.g. `source.unauthorized` or `platform.storage`; `None` for
    /// `Canceled`, `Held` and `Quarantined`, which are no failures.
    pub fn code(&self) -> Option<String> {
        match self {
            Self::Canceled | Self::Held | Self::Quarantined => None,
            Self::Source { error, .. } | Self::Destination { error, .. }
                if error.kind == SystemErrorKind::Internal =>
            {
                Some("platform.internal".to_owned())
            }
            Self::Source { error, .. } => Some(format!("source.{}", error.kind.code())),
            Self::Destination { error, .. } => Some(format!("destination.{}", error.kind.code())),
            Self::Ledger(LedgerError::LostLease) => Some("platform.worker_lost".to_owned()),
            Self::Ledger(_) => Some("platform.storage".to_owned()),
            Self::Stalled { waited, .. } => {
                Some(format!("{}.stalled", waited.side().map_or("platform", Side::code)))
            }
            Self::Internal { .. } => Some("platform.internal".to_owned()),
        }
    }
}

impl From<LedgerError> for StreamStop {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Canceled => Self::Canceled,
            LedgerError::Held => Self::Held,
            other => Self::Ledger(other),
        }
    }
}

/// What one stage hands to the next.
enum Feed<T> {
    Page(T),
    End { watermark: Option<Cursor> },
    Stop(StreamStop),
}

/// Moves a stream's records from its source to its destination, from `open_source.resume` on.
///
/// Each page is mapped, validated, written and accounted, in the source's order; a page is accounted while
/// the next one is written. Transient errors are
/// waited out as `plan.retry` says. Dropping the future stops it as `stop.now` does.
///
/// # Errors
/// [`StreamStop`] when it can't go on. What was accounted stands; what was written and not accounted
/// is written again when the stream is resumed, with the same effect as once.
pub async fn run_stream(
    plan: StreamPlan,
    source_connector: Arc<dyn Connector>,
    mut open_source: OpenSource,
    destination_connector: Arc<dyn Connector>,
    open_destination: OpenDestination,
    ledger: &dyn Ledger,
    stop: &Stop,
) -> Result<StreamReport, StreamStop> {
    open_source.access.progress = plan.progress.source.clone();
    let duplicates = match open_source.stream.mode {
        SyncMode::Incremental => Duplicates::LatestWins,
        SyncMode::Full if source_connector.repeats_records() => Duplicates::LatestWins,
        SyncMode::Full => Duplicates::Refused { resumed: open_source.resume.is_some() },
    };
    let input = reader::SourceInput::new(source_connector, open_source, plan.retry);
    run(
        plan,
        reader::Input::Source(Box::new(input)),
        duplicates,
        destination_connector,
        open_destination,
        ledger,
        stop,
    )
    .await
}

/// Runs stored records (those of failures that are retried) through the same path, in their order.
///
/// Receipts, failures and skips of its pages say by `retried` which failure they answer. Two records
/// with one key are both written, the later one last.
///
/// # Errors
/// As [`run_stream`]. An error of `records` is one of the ledger.
pub async fn run_records(
    plan: StreamPlan,
    records: BoxStream<'static, Result<StoredRecord, LedgerError>>,
    page_records_max: usize,
    destination_connector: Arc<dyn Connector>,
    open_destination: OpenDestination,
    ledger: &dyn Ledger,
    stop: &Stop,
) -> Result<StreamReport, StreamStop> {
    let key_fields = open_destination.stream.key_fields.clone();
    let input = reader::Input::Stored(reader::StoredInput::new(records, page_records_max, key_fields));
    run(plan, input, Duplicates::Accepted, destination_connector, open_destination, ledger, stop).await
}

/// The end of a stream whose parts were all read, each by [`run_stream`]: judges it as a whole, removes what is gone, and
/// makes durable what is at the destination. Reads nothing.
///
/// # Errors
/// As [`run_stream`].
pub async fn conclude_stream(
    plan: StreamPlan,
    destination_connector: Arc<dyn Connector>,
    open_destination: OpenDestination,
    ledger: &dyn Ledger,
    stop: &Stop,
) -> Result<StreamReport, StreamStop> {
    let key_fields = open_destination.stream.key_fields.clone();
    let input =
        reader::Input::Stored(reader::StoredInput::new(futures::stream::empty().boxed(), 1, key_fields));
    let duplicates = Duplicates::Refused { resumed: true };
    run(plan, input, duplicates, destination_connector, open_destination, ledger, stop).await
}

/// What a second record with the same key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duplicates {
    /// FULL: a mistake in the source. When the run was resumed, nothing is known of the keys before.
    Refused { resumed: bool },
    /// INCREMENTAL, and sources that may repeat themselves: a newer version, as records change while they are read.
    LatestWins,
    /// A retry: someone asked for each of them.
    Accepted,
}

/// Compares what a stream's source holds with what is at its destination, record by record, and changes nothing. The
/// source is read from the beginning, mapped and checked as by [`run_stream`]; where a record differs, `moved` and the
/// ledger's receipts tell whether it was to be there already. In the end the receipts of records that the source does not
/// have any more are looked for at the destination.
///
/// Nothing is accounted: a comparison that is interrupted begins anew. Memory is bounded, whatever the stream's size.
///
/// # Errors
/// As [`run_stream`].
#[expect(clippy::too_many_arguments, reason = "both ends, and both of what is known of them")]
pub async fn compare_stream<L: Ledger + ComparisonLedger>(
    plan: StreamPlan,
    source_connector: Arc<dyn Connector>,
    mut open_source: OpenSource,
    destination_connector: Arc<dyn Connector>,
    mut open_destination: OpenDestination,
    moved: Moved,
    ledger: &L,
    stop: &Stop,
) -> Result<Comparison, StreamStop> {
    open_source.access.progress = plan.progress.source.clone();
    open_destination.access.progress = plan.progress.destination.clone();
    let duplicates = match open_source.stream.mode {
        SyncMode::Incremental => Duplicates::LatestWins,
        SyncMode::Full => Duplicates::Refused { resumed: false },
    };
    let input = reader::SourceInput::new(source_connector, open_source, plan.retry);
    let key_fields = open_destination.stream.key_fields.clone();
    let stream = open_destination.stream.name.clone();
    let patience = Patience::new(plan.retry);
    let end = writer::DestinationEnd::new(destination_connector, open_destination, patience, ledger, stop);
    let mut comparer = comparer::Comparer::new(end, moved, duplicates, ledger);
    if !comparer.can_compare().await? {
        return Ok(Comparison::Impossible);
    }
    let input = reader::Input::Source(Box::new(input));
    let stages = Stages { plan, null_fields: Vec::new(), input, duplicates, key_fields };
    stages.run(&stream, ledger, |pages| comparer.run(pages)).await
}

async fn run(
    mut plan: StreamPlan,
    input: reader::Input,
    duplicates: Duplicates,
    destination_connector: Arc<dyn Connector>,
    mut open_destination: OpenDestination,
    ledger: &dyn Ledger,
    stop: &Stop,
) -> Result<StreamReport, StreamStop> {
    let stream = open_destination.stream.name.clone();
    let key_fields = open_destination.stream.key_fields.clone();
    open_destination.access.progress = plan.progress.destination.clone();
    // What a part of a source does not bring is no sign of anything; a retry removes what somebody asked for.
    let is_whole = open_destination.stream.mode == SyncMode::Full && !input.is_part();
    let may_remove = is_whole || duplicates == Duplicates::Accepted;
    let removal = plan.removal.clone().filter(|_| may_remove);
    let gate = plan.gate.take();
    let null_fields = gate.as_ref().map(Gate::null_fields).unwrap_or_default();
    let writer = writer::Writer::new(
        destination_connector,
        open_destination,
        key_fields.clone(),
        duplicates,
        plan.fresh,
        std::mem::take(&mut plan.checks),
        gate,
        removal,
        plan.repeats,
        Patience::new(plan.retry),
        plan.progress.storing.clone(),
        ledger,
        stop,
    );
    let stages = Stages { plan, null_fields, input, duplicates, key_fields };
    stages.run(&stream, ledger, |pages| writer.run(pages)).await
}

/// Reading and mapping, which the last stage takes pages from.
struct Stages {
    plan: StreamPlan,
    /// Whose nulls are counted.
    null_fields: Vec<String>,
    input: reader::Input,
    duplicates: Duplicates,
    key_fields: Vec<String>,
}

impl Stages {
    async fn run<T, F>(
        self,
        stream: &str,
        ledger: &dyn Ledger,
        last: impl FnOnce(mpsc::Receiver<Feed<transform::MappedPage>>) -> F,
    ) -> Result<T, StreamStop>
    where
        F: Future<Output = Result<T, StreamStop>>,
    {
        let Self { plan, null_fields, input, duplicates, key_fields } = self;
        let (read_sender, mut read_receiver) = mpsc::channel(PAGES_WAITING_MAX);
        let (mapped_sender, mapped_receiver) = mpsc::channel(PAGES_WAITING_MAX);
        let (notice_sender, notice_receiver) = mpsc::channel(1);

        // Ends the mapping thread inside its page when this future ends or is dropped.
        let unwanted = CancellationToken::new();
        let until_the_end = unwanted.clone().drop_guard();
        let transform = transform::Transform {
            mapping: plan.mapping,
            rules: plan.rules,
            unmarked: match plan.removal {
                Some(Removal::Mark { field, .. }) => Some(field),
                Some(Removal::Delete) | None => None,
            },
            key_fields,
            duplicates,
            shape: plan.shape.map(ShapeWatch::new),
            null_fields,
            kpis: plan.kpis,
            progress: plan.progress.mapping,
            unwanted,
        };
        let (ended_sender, ended) = oneshot::channel::<()>();
        // A stream without news needs no thread.
        let map = async move {
            let last = match read_receiver.recv().await {
                Some(Feed::Page(first)) => {
                    let span = tracing::Span::current();
                    let map = move || {
                        span.in_scope(|| transform.run(first, read_receiver, mapped_sender));
                        drop(ended_sender);
                    };
                    let thread = std::thread::Builder::new().name("pipeline-map".to_owned());
                    return match thread.stack_size(STACK_BYTES).spawn(map) {
                        Ok(_detached) => Ok(()),
                        Err(error) => Err(StreamStop::internal(format!("no thread for mapping: {error}"))),
                    };
                }
                Some(Feed::End { watermark }) => Feed::End { watermark },
                Some(Feed::Stop(stop)) => Feed::Stop(stop),
                None => return Ok(()),
            };
            // An error means that nobody wants it any more.
            mapped_sender.send(last).await.unwrap_or_default();
            Ok(())
        };

        // Aborts the reader when this future is dropped.
        let mut readers = JoinSet::new();
        let share = plan.pages.share();
        let read = reader::read(input, share, read_sender, notice_sender).in_current_span();
        readers.spawn(trace::carried(read));

        let write = AssertUnwindSafe(last(mapped_receiver)).catch_unwind();
        let write = async { write.await.unwrap_or_else(|panic| Err(panicked("writing", panic.as_ref()))) };
        let tell = tell(notice_receiver, ledger, stream);
        let result = tokio::try_join!(write, tell, map).map(|(report, (), ())| report);

        readers.shutdown().await;
        drop(until_the_end);
        // An error means that the sender is gone, which is what this waits for.
        ended.await.unwrap_or_default();
        result
    }
}

/// Passes on what the reader has to say; the ledger is borrowed and the reader's task is not.
async fn tell(
    mut notices: mpsc::Receiver<reader::Notice>,
    ledger: &dyn Ledger,
    stream: &str,
) -> Result<(), StreamStop> {
    while let Some(notice) = notices.recv().await {
        match notice {
            reader::Notice::Retry(notice) => ledger.retrying(stream, &notice).await?,
            reader::Notice::Answers => ledger.answers_again(Side::Source).await?,
        }
    }
    Ok(())
}

fn panicked(doing: &str, panic: &(dyn Any + Send)) -> StreamStop {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    StreamStop::internal(format!("panic while {doing}: {message}"))
}

fn milliseconds(since: std::time::Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
