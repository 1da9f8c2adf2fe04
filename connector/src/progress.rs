//! When somebody that is waited for was last heard of, and how long they were waited for in all. The engine says when it
//! begins and ends to wait for a call, a connector whose call takes many requests says when one of them was answered;
//! whoever runs the stream looks on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How a call that is waited for gets on. Clones are of one call.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Of the call that is waited for, if one is.
    silent_since: Option<Instant>,
    began: Option<Instant>,
    /// Of calls that are over.
    waited: Duration,
    /// No request goes out before.
    rests_until: Option<Instant>,
    rested: Duration,
    retry_count: u64,
}

/// What waiting has cost until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Time in which a call was waited for.
    pub waited: Duration,
    /// Of it: time in which a request was held back, for its turn, because the other side asked for it, or between two
    /// attempts at one record.
    pub rested: Duration,
    /// Requests that were sent again, by connectors that do so themselves.
    pub retry_count: u64,
}

/// A call is waited for until this is dropped.
#[must_use = "the call is waited for as long as this lives"]
#[derive(Debug)]
pub struct Waiting<'a>(&'a Progress);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().end(Instant::now());
    }
}

impl Progress {
    /// Somebody is waited for from now on, in one call at a time.
    pub fn wait(&self) -> Waiting<'_> {
        self.lock().begin(Instant::now());
        Waiting(self)
    }

    /// Something came back, and there is more to come.
    pub fn heard(&self) {
        self.lock().not_before(Instant::now());
    }

    /// The next request goes out after this wait, for a turn or because the other side asked for it: nobody is silent
    /// meanwhile.
    pub fn rests(&self, wait: Duration) {
        self.lock().rest(Instant::now(), wait);
    }

    /// A request is sent again.
    pub fn retries(&self) {
        self.lock().retry_count += 1;
    }

    /// Since when the call that is waited for is silent; `None` while none is.
    pub fn silent_since(&self) -> Option<Instant> {
        self.lock().silent_since
    }

    /// What waiting has cost until now, with the call that is under way.
    pub fn spent(&self) -> Spent {
        self.lock().spent(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin(&mut self, now: Instant) {
        self.silent_since = Some(now);
        self.began = Some(now);
    }

    fn end(&mut self, now: Instant) {
        self.silent_since = None;
        if let Some(began) = self.began.take() {
            self.waited += now.duration_since(began);
        }
        if let Some(until) = self.rests_until.take() {
            // Given up before its turn.
            self.rested = self.rested.saturating_sub(until.saturating_duration_since(now));
        }
    }

    fn not_before(&mut self, at: Instant) {
        if let Some(since) = self.silent_since.as_mut() {
            *since = at.max(*since);
        }
    }

    fn rest(&mut self, now: Instant, wait: Duration) {
        let Some(at) = now.checked_add(wait) else { return };
        self.not_before(at);
        // Requests that rest at the same time are one rest.
        let since = self.rests_until.map_or(now, |until| until.max(now));
        if self.began.is_some() && at > since {
            self.rested += at.duration_since(since);
            self.rests_until = Some(at);
        }
    }

    fn spent(&self, now: Instant) -> Spent {
        let under_way = self.began.map_or(Duration::ZERO, |began| now.duration_since(began));
        let to_come = self.rests_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        Spent {
            waited: self.waited + under_way,
            rested: self.rested.saturating_sub(to_come),
            retry_count: self.retry_count,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Progress, Spent, State};

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

    #[test]
    fn what_was_waited_for_adds_up_and_rests_are_a_part_of_it_counted_once() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let at = |seconds: u32| start + seconds * second;
        let mut state = State::default();
        state.rest(at(0), second);
        assert_eq!(state.spent(at(0)), Spent::default(), "nobody is waited for");
        state.begin(at(0));
        for seconds in [2, 4, 3] {
            state.rest(at(0), seconds * second);
        }
        assert_eq!(state.spent(at(1)), Spent { waited: second, rested: second, retry_count: 0 });
        state.retry_count += 1;
        state.rest(at(6), 60 * second);
        state.end(at(8));
        let spent = Spent { waited: 8 * second, rested: 6 * second, retry_count: 1 };
        assert_eq!(state.spent(at(17)), spent, "4 s for turns, and 2 s of a rest that was given up");
        state.begin(at(17));
        assert_eq!(state.spent(at(18)), Spent { waited: 9 * second, ..spent });
    }
}
