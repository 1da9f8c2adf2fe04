//! An attempt at a run, watched from beside it: told to stop when what it waits for is silent for too long, and let go of
//! when it does not stop. Deliberately absent: what is written about it then.

use std::panic::resume_unwind;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use pipeline::{StreamProgress, StreamStop, Waited};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::{Interrupt, Interruption};

/// How long an attempt may take to stop: giving up a call takes no time, storing the page that is under way a moment.
/// After that it is aborted. It can write nothing any more then: its lease goes to another claim, or ends with the run.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at what is waited for; a short limit is looked at more often.
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(5);

/// That an attempt makes no progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stall {
    waited: Waited,
    since: Instant,
    limit: Duration,
}

impl Stall {
    /// As the end of the stream that was under way.
    pub(super) fn stop(self, now: DateTime<Utc>) -> StreamStop {
        let Self { waited, since, limit } = self;
        let silence = since.elapsed();
        let since = (now - silence).to_rfc3339_opts(SecondsFormat::Millis, true);
        let detail = format!(
            "{waited} has been waited for since {since}, for {} s; at most {} s are allowed",
            silence.as_secs(),
            limit.as_secs()
        );
        StreamStop::Stalled { waited, detail }
    }
}

/// Waits for the end of an attempt; `None` when it did not stop although it was told to, and was aborted.
///
/// # Panics
/// When the attempt did.
pub(super) async fn watched<T: 'static>(
    mut attempt: AbortOnDropHandle<T>,
    progress: &StreamProgress,
    limit: Duration,
    interrupt: &Interrupt,
) -> Option<T> {
    let ended = tokio::select! {
        ended = &mut attempt => Some(ended),
        stall = stalled(progress, limit) => {
            interrupt.set(Interruption::Stalled(stall));
            None
        }
        () = interrupt.stop.now.cancelled() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => match timeout(STOP_PATIENCE, &mut attempt).await {
            Ok(ended) => ended,
            Err(_elapsed) => {
                tracing::warn!("the run did not stop although it was told to; its task is aborted");
                return None;
            }
        },
    };
    match ended.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(end) => Some(end),
        Err(Ok(panic)) => resume_unwind(panic),
        // Only the end of the runtime cancels it.
        Err(Err(_canceled)) => None,
    }
}

/// Comes back when something that is waited for has been silent for longer than `limit`.
async fn stalled(progress: &StreamProgress, limit: Duration) -> Stall {
    let every = (limit / 10).clamp(Duration::from_millis(10), LOOK_INTERVAL_MAX);
    loop {
        sleep(every).await;
        if let Some((waited, since)) = progress.silent()
            && since.elapsed() >= limit
        {
            return Stall { waited, since, limit };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use chrono::DateTime;
    use domain::background::RunEnd;
    use pipeline::{StreamProgress, StreamStop, Waited};
    use tokio_util::task::{AbortOnDropHandle, TaskTracker};

    use super::super::{Interrupt, Interruption};
    use super::{Stall, stalled, watched};

    const LIMIT: Duration = Duration::from_millis(100);

    fn attempt(work: impl Future<Output = RunEnd> + Send + 'static) -> AbortOnDropHandle<RunEnd> {
        AbortOnDropHandle::new(TaskTracker::new().spawn(work))
    }

    #[tokio::test]
    async fn an_attempt_that_is_silent_is_told_to_stop_and_says_for_what_it_waited() {
        let (progress, interrupt) = (StreamProgress::default(), Interrupt::default());
        let _waiting = progress.destination.wait();
        let cancel = interrupt.stop.now.clone();
        let stops = attempt(async move {
            cancel.cancelled().await;
            RunEnd::Stopped { stream: "orders".to_owned(), stop: StreamStop::Canceled }
        });
        let end = watched(stops, &progress, LIMIT, &interrupt).await;
        assert!(matches!(end, Some(RunEnd::Stopped { stop: StreamStop::Canceled, .. })), "{end:?}");
        let Some(Interruption::Stalled(stall)) = interrupt.reason() else { unreachable!("it stalled") };
        let now = DateTime::from_timestamp_millis(1_000_000).expect("a time");
        let stop = stall.stop(now);
        assert_eq!(stop.code().as_deref(), Some("destination.stalled"));
        let words = stop.to_string();
        assert!(words.contains("the destination has been waited for since 1970-01-01T00:16:39."), "{words}");
    }

    #[tokio::test]
    async fn an_attempt_goes_on_as_long_as_something_comes_back() {
        let (progress, interrupt) = (StreamProgress::default(), Interrupt::default());
        let heard = progress.clone();
        let slow = attempt(async move {
            let _waiting = heard.source.wait();
            for _ in 0..20 {
                tokio::time::sleep(LIMIT / 5).await;
                heard.source.heard();
            }
            RunEnd::Completed { last: None }
        });
        let end = watched(slow, &progress, LIMIT * 5, &interrupt).await;
        assert!(matches!(end, Some(RunEnd::Completed { .. })), "{end:?}");
        assert_eq!(interrupt.reason(), None);
    }

    #[tokio::test]
    async fn an_attempt_that_does_not_stop_is_aborted_whyever_it_was_to_stop() {
        let (progress, interrupt) = (StreamProgress::default(), Interrupt::default());
        let (alive, gone) = tokio::sync::oneshot::channel::<()>();
        let deaf = attempt(async move {
            let _alive = alive;
            pending().await
        });
        interrupt.set(Interruption::Cancel);
        assert!(watched(deaf, &progress, LIMIT, &interrupt).await.is_none());
        gone.await.expect_err("its task is dropped");
    }

    #[tokio::test]
    async fn nothing_that_is_waited_for_is_no_silence() {
        let progress = StreamProgress::default();
        tokio::time::timeout(LIMIT * 3, stalled(&progress, LIMIT)).await.expect_err("nothing is waited for");
        let _waiting = progress.mapping.wait();
        let Stall { waited, .. } = stalled(&progress, LIMIT).await;
        assert_eq!(waited, Waited::Mapping);
    }
}
