//! When somebody that is waited for was last heard of. The engine says when it begins and ends to wait for a call, a
//! connector whose call takes many requests says when one of them was answered; whoever runs the stream looks on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How a call that is waited for gets on. Clones are of one call.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<Option<Instant>>>);

/// A call is waited for until this is dropped.
#[must_use = "the call is waited for as long as this lives"]
#[derive(Debug)]
pub struct Waiting<'a>(&'a Progress);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

impl Progress {
    /// Somebody is waited for from now on, in one call at a time.
    pub fn wait(&self) -> Waiting<'_> {
        *self.lock() = Some(Instant::now());
        Waiting(self)
    }

    /// Something came back, and there is more to come.
    pub fn heard(&self) {
        self.not_before(Instant::now());
    }

    /// The next request goes out after this wait, for a turn or because the other side asked for it: nobody is silent
    /// meanwhile.
    pub fn rests(&self, wait: Duration) {
        if let Some(at) = Instant::now().checked_add(wait) {
            self.not_before(at);
        }
    }

    /// Since when the call that is waited for is silent; `None` while none is.
    pub fn silent_since(&self) -> Option<Instant> {
        *self.lock()
    }

    fn not_before(&self, at: Instant) {
        if let Some(since) = self.lock().as_mut() {
            *since = at.max(*since);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Progress;

    #[test]
    fn silence_is_counted_while_somebody_is_waited_for_from_what_was_heard_last() {
        let progress = Progress::default();
        progress.heard();
        progress.rests(Duration::from_secs(60));
        assert_eq!(progress.silent_since(), None);
        let begin = Instant::now();
        let waiting = progress.wait();
        let waited = progress.silent_since().expect("somebody is waited for");
        assert!((begin..=Instant::now()).contains(&waited));
        progress.heard();
        let heard = progress.silent_since().expect("somebody is waited for");
        assert!((waited..=Instant::now()).contains(&heard));
        // Requests that wait for their turns at the same time are one wait, to the last of the turns.
        let asked = Instant::now();
        for seconds in [60, 90, 30] {
            progress.rests(Duration::from_secs(seconds));
        }
        progress.heard();
        let rested = progress.silent_since().expect("somebody is waited for") - asked;
        assert!((90..92).contains(&rested.as_secs()), "{rested:?}");
        progress.rests(Duration::MAX);
        assert_eq!(progress.silent_since(), Some(asked + rested));
        drop(waiting);
        assert_eq!(progress.silent_since(), None);
    }
}
