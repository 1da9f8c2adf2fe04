//! Slices of a run: parts of a stream that several workers read at once.

use async_graphql::{Context, Enum, Object};
use domain::run_slice;

use super::caller::actor;
use super::error::Result;
use super::run::RunCounts;
use super::scalar::{BigInt, DateTime};
use super::viewer::Audience;

/// Where a slice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::run_slice::SliceState")]
pub enum RunSliceStatus {
    /// It waits for a worker, or for what its run waits for.
    Queued,
    /// A worker has it.
    Running,
    /// It was read to its end.
    Finished,
    /// It could not go on, and the run ends for it; `Run.failure` says why.
    Failed,
    /// The run was canceled, or ended for another slice.
    Stopped,
}

/// A part of a stream of a run that a worker reads while others read other parts.
#[derive(Clone)]
pub struct RunSlice(pub(super) run_slice::RunSlice);

/// A part of a stream of a run that a worker reads while others read other parts.
#[Object]
impl RunSlice {
    /// Name of the stream.
    fn stream(&self) -> &str {
        &self.0.stream
    }

    /// Its place among those of the stream, from 1.
    fn ordinal(&self) -> i32 {
        self.0.ordinal
    }

    /// Where it is.
    fn status(&self) -> RunSliceStatus {
        self.0.state.into()
    }

    /// What became of its records, those of the pages that are done. They are a part of the run's.
    fn counts(&self) -> RunCounts {
        self.0.counts.into()
    }

    /// Pages that are done.
    fn page_count(&self) -> BigInt {
        self.0.page_count.into()
    }

    /// The worker that has or had it. Audience ENGINEER; null for others.
    async fn worker(&self, ctx: &Context<'_>) -> Option<Result<String>> {
        let worker = self.0.worker.clone()?;
        match actor(ctx) {
            Ok(actor) => (Audience::from(actor.audience()) == Audience::Engineer).then_some(Ok(worker)),
            Err(error) => Some(Err(error)),
        }
    }

    /// When a worker first took it; null while it waits.
    fn started_at(&self) -> Option<DateTime> {
        self.0.started_at.map(Into::into)
    }

    /// When its outcome was written; null before that.
    fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(Into::into)
    }
}
