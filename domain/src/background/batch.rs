//! Calls that come while an earlier batch is under way are answered together, by one transaction. A call that comes
//! alone waits for nobody, so a batch costs no latency and is as large as the load makes it.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::Background;
use super::claim::Claim;
use super::completed::CompletedRun;
use crate::dispatch::JobHint;
use crate::error::{Error, Result};

/// Calls of one batch, at most: it keeps a transaction, and the locks of its rows, short.
const BATCH_MAX: usize = 100;
/// What becomes of a batch that fails, in the log: one of it is to blame, and the others go on.
pub(super) const ALONE: &str = "each is tried alone";

/// Claims and ends runs for one worker, those that come at the same time together.
pub struct Batches {
    claims: Batcher<JobHint, Claim>,
    ends: Batcher<CompletedRun, bool>,
}

impl Batches {
    /// For a worker by its name. Needs a tokio runtime.
    pub fn new(background: &Background, worker: &str) -> Self {
        let claim = {
            let (background, worker) = (background.clone(), worker.to_owned());
            move |hints: Vec<JobHint>| {
                let (background, worker) = (background.clone(), worker.clone());
                async move { background.claim_all(&hints, &worker).await }
            }
        };
        let end = {
            let background = background.clone();
            move |runs: Vec<CompletedRun>| {
                let background = background.clone();
                async move { background.complete_all(runs).await }
            }
        };
        let tasks = background.app().tasks().clone();
        let hand_back = move |claim: Claim| {
            let Claim::Claimed(run) = claim else { return };
            tasks.spawn(async move {
                if let Err(error) = run.lease.hand_back().await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "a run was claimed for nobody; it goes on when its lease ends");
                }
            });
        };
        Self {
            claims: Batcher::new("claiming a job", claim, hand_back),
            ends: Batcher::new("ending a run", end, |_is_ended| {}),
        }
    }

    /// As [`Background::claim`].
    ///
    /// # Errors
    /// As [`Background::claim`].
    pub async fn claim(&self, hint: JobHint) -> Result<Claim> {
        self.claims.call(hint).await
    }

    /// Ends a run that went through. False when the lease was lost, and nothing was written.
    ///
    /// # Errors
    /// As [`RunLease::finish`](super::RunLease::finish).
    pub async fn complete(&self, run: CompletedRun) -> Result<bool> {
        self.ends.call(run).await
    }
}

/// Makes batches of calls, one after the other.
pub(crate) struct Batcher<I, O> {
    calls: mpsc::UnboundedSender<Call<I, O>>,
    doing: &'static str,
    _task: Arc<AbortOnDropHandle<()>>,
}

struct Call<I, O> {
    input: I,
    answer: oneshot::Sender<Result<O>>,
}

impl<I: Send + 'static, O: Send + 'static> Batcher<I, O> {
    /// `work` answers the inputs of a batch in their order. What it answers to a caller who is gone is given to
    /// `unclaimed`.
    pub(crate) fn new<W, F>(doing: &'static str, work: W, unclaimed: impl Fn(O) + Send + 'static) -> Self
    where
        W: Fn(Vec<I>) -> F + Send + 'static,
        F: Future<Output = Vec<Result<O>>> + Send + 'static,
    {
        // Bounded by who calls: each waits for its answer.
        let (calls, mut queue) = mpsc::unbounded_channel::<Call<I, O>>();
        let tasks = TaskTracker::new();
        let batches = tasks.clone();
        let task = tasks.spawn(async move {
            let mut batch = Vec::with_capacity(BATCH_MAX);
            while queue.recv_many(&mut batch, BATCH_MAX).await > 0 {
                let (inputs, answers): (Vec<_>, Vec<_>) =
                    batch.drain(..).map(|call| (call.input, call.answer)).unzip();
                // In a task of its own: a panic ends this batch and not those after it. Its callers hear of it by their
                // answers, which are dropped.
                let Ok(outputs) = AbortOnDropHandle::new(batches.spawn(work(inputs))).await else { continue };
                for (output, answer) in outputs.into_iter().zip(answers) {
                    if let Err(Ok(output)) = answer.send(output) {
                        unclaimed(output);
                    }
                }
            }
        });
        Self { calls, doing, _task: Arc::new(AbortOnDropHandle::new(task)) }
    }

    /// Joins the next batch.
    ///
    /// # Errors
    /// Those of the batch; [`Error::Internal`] when it panicked.
    pub(crate) async fn call(&self, input: I) -> Result<O> {
        let (answer, answered) = oneshot::channel();
        let gone = || Error::internal(self.doing, "the batch ended early");
        self.calls.send(Call { input, answer }).map_err(|_closed| gone())?;
        answered.await.map_err(|_dropped| gone())?
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use futures::future::join_all;

    use super::{BATCH_MAX, Batcher};

    #[tokio::test]
    async fn what_comes_during_a_batch_is_the_next_one_and_each_gets_its_own_answer() {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let seen = sizes.clone();
        let work = move |inputs: Vec<usize>| {
            seen.lock().unwrap().push(inputs.len());
            async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                inputs.into_iter().map(|input| Ok(input * 2)).collect()
            }
        };
        let batcher = Batcher::new("doubling", work, |_output| {});
        assert_eq!(batcher.call(4).await.unwrap(), 8);
        let answers = join_all((0..250).map(|input| batcher.call(input))).await;
        let doubled: Vec<usize> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(doubled, (0..250).map(|input| input * 2).collect::<Vec<_>>());
        let sizes = sizes.lock().unwrap();
        assert_eq!((sizes[0], sizes.iter().sum::<usize>()), (1, 251));
        assert!(sizes.iter().all(|size| *size <= BATCH_MAX) && sizes.len() <= 5, "{sizes:?}");
    }

    #[tokio::test]
    async fn a_panic_ends_its_batch_alone_and_answers_of_the_gone_are_not_lost() {
        let work = |inputs: Vec<usize>| async move {
            assert!(!inputs.contains(&13), "unlucky");
            tokio::time::sleep(Duration::from_millis(20)).await;
            inputs.into_iter().map(Ok).collect()
        };
        let (sender, mut unclaimed) = tokio::sync::mpsc::unbounded_channel();
        let batcher = Batcher::new("counting", work, move |output| sender.send(output).unwrap());
        assert!(batcher.call(13).await.unwrap_err().to_string().contains("counting"));
        assert!(tokio::time::timeout(Duration::from_millis(5), batcher.call(7)).await.is_err());
        assert_eq!(unclaimed.recv().await, Some(7));
        assert_eq!(batcher.call(1).await.unwrap(), 1);
    }
}
