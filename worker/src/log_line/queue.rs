//! Lines that wait to be stored, as many as there is room for, and how many of each run there may be in a minute. One of a
//! process, as its log is. Deliberately absent: anything that could make whoever logs wait.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::log_line::{Level, NewLogLine};
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use uuid::Uuid;

/// Lines that wait, at most: some ten megabytes, and minutes of a process that does what it should.
const WAITING_MAX: usize = 10_000;
/// Lines of one run in a minute, or of a tenant's without a run: more than anybody reads, and a storm is no more.
const LINES_A_WINDOW_MAX: u32 = 600;
const WINDOW: Duration = Duration::from_secs(60);

/// The process's.
pub(super) static QUEUE: LazyLock<Queue> = LazyLock::new(Queue::default);

/// What waits.
#[derive(Default)]
pub(super) struct Queue {
    /// Who stores lines; without any none is kept.
    takers: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Line>,
    windows: HashMap<Uuid, Window>,
    /// When they began, the oldest first, also those that others have taken the place of.
    begun: VecDeque<(Instant, Uuid)>,
    dropped: u64,
}

/// What one run has logged lately.
struct Window {
    began: Instant,
    count: u32,
    dropped: u64,
    /// Whose that were dropped.
    last: Subject,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) tenant_id: Uuid,
    pub(super) run_id: Option<Uuid>,
    pub(super) integration_id: Option<Uuid>,
    pub(super) system_id: Option<Uuid>,
}

/// One line, as it was logged.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) subject: Subject,
    pub(super) at: Instant,
    pub(super) level: Level,
    pub(super) component: &'static str,
    pub(super) message: String,
    pub(super) attributes: Map<String, Value>,
}

impl Line {
    /// As it is stored, by the time that all processes have in common.
    pub(super) fn stored_at(self, now: DateTime<Utc>, is_now: Instant) -> NewLogLine {
        let age = TimeDelta::from_std(is_now.saturating_duration_since(self.at)).unwrap_or_default();
        NewLogLine {
            tenant_id: self.subject.tenant_id,
            run_id: self.subject.run_id,
            integration_id: self.subject.integration_id,
            system_id: self.subject.system_id,
            at: now - age,
            level: self.level,
            component: self.component.to_owned(),
            message: self.message,
            attributes: self.attributes,
        }
    }
}

/// Lines are kept while this lives.
pub(super) struct Taking<'a>(&'a Queue);

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        self.0.takers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Queue {
    /// Somebody stores lines from now on.
    pub(super) fn taken(&self) -> Taking<'_> {
        self.takers.fetch_add(1, Ordering::Relaxed);
        Taking(self)
    }

    pub(super) fn is_taken(&self) -> bool {
        self.takers.load(Ordering::Relaxed) > 0
    }

    /// Keeps a line, if there is room for it.
    pub(super) fn push(&self, line: Line) {
        self.lock().push(line);
    }

    /// The next lines, in their order.
    pub(super) fn take(&self, lines_max: usize) -> Vec<Line> {
        self.lock().take(Instant::now(), lines_max)
    }

    /// How many were dropped since this was asked.
    pub(super) fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.lock().dropped)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, line: Line) {
        let subject = line.subject;
        let key = subject.run_id.unwrap_or(subject.tenant_id);
        if self.windows.get(&key).is_none_or(|window| window.is_over(line.at)) {
            self.begun.push_back((line.at, key));
            if let Some(over) = self.windows.insert(key, Window::begin(line.at, subject)) {
                self.tell(over, line.at);
            }
        }
        let has_room = self.waiting.len() < WAITING_MAX;
        let Some(window) = self.windows.get_mut(&key) else { return };
        if has_room && window.count < LINES_A_WINDOW_MAX {
            window.count += 1;
            self.waiting.push_back(line);
        } else {
            window.dropped += 1;
            window.last = subject;
            self.dropped += 1;
        }
    }

    fn take(&mut self, now: Instant, lines_max: usize) -> Vec<Line> {
        while let Some((began, key)) = self.begun.front().copied()
            && is_over(began, now)
        {
            self.begun.pop_front();
            // One that has taken its place may go on.
            if self.windows.get(&key).is_some_and(|window| window.is_over(now))
                && let Some(window) = self.windows.remove(&key)
            {
                self.tell(window, now);
            }
        }
        let count = self.waiting.len().min(lines_max);
        self.waiting.drain(..count).collect()
    }

    /// Says of a minute that is over how much of it is missing. That line always has room.
    fn tell(&mut self, window: Window, at: Instant) {
        if window.dropped == 0 {
            return;
        }
        let dropped = window.dropped;
        let message =
            format!("{dropped} lines were not kept: more were logged in a minute than there is room for");
        let mut attributes = Map::new();
        attributes.insert("dropped".to_owned(), json!(dropped));
        let (level, component) = (Level::Warn, module_path!());
        self.waiting.push_back(Line { subject: window.last, at, level, component, message, attributes });
    }
}

impl Window {
    fn begin(at: Instant, subject: Subject) -> Self {
        Self { began: at, count: 0, dropped: 0, last: subject }
    }

    fn is_over(&self, now: Instant) -> bool {
        is_over(self.began, now)
    }
}

fn is_over(began: Instant, now: Instant) -> bool {
    now.saturating_duration_since(began) >= WINDOW
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::log_line::Level;
    use serde_json::{Map, json};
    use tokio::time::Instant;
    use uuid::Uuid;

    use super::{LINES_A_WINDOW_MAX, Line, State, Subject, WAITING_MAX};

    fn line(run: u128, at: Instant, message: &str) -> Line {
        let run_id = Some(Uuid::from_u128(run));
        let subject =
            Subject { tenant_id: Uuid::from_u128(1), run_id, integration_id: None, system_id: None };
        let attributes = Map::new();
        Line { subject, at, level: Level::Info, component: "worker", message: message.to_owned(), attributes }
    }

    #[test]
    fn a_storm_of_one_run_is_capped_and_says_what_is_missing_and_others_go_on() {
        let (start, mut state) = (Instant::now(), State::default());
        for _ in 0..LINES_A_WINDOW_MAX + 50 {
            state.push(line(7, start, "again"));
        }
        state.push(line(8, start, "another run"));
        let kept = state.take(start, usize::MAX);
        assert_eq!(kept.len(), LINES_A_WINDOW_MAX as usize + 1);
        assert_eq!((state.dropped, kept.last().map(|line| line.message.as_str())), (50, Some("another run")));
        assert!(state.take(start + Duration::from_secs(59), usize::MAX).is_empty());
        let told = state.take(start + Duration::from_secs(60), usize::MAX);
        let [told] = &told[..] else { unreachable!("one line: {told:?}") };
        assert_eq!((told.subject.run_id, told.level), (Some(Uuid::from_u128(7)), Level::Warn));
        assert_eq!(told.attributes["dropped"], json!(50));
        assert!(state.windows.is_empty() && state.begun.is_empty(), "what ended leaves nothing behind");
        state.push(line(7, start + Duration::from_secs(61), "goes on"));
        assert_eq!(state.take(start, usize::MAX).len(), 1);
    }

    #[test]
    fn the_next_minute_begins_by_saying_what_is_missing_of_the_last() {
        let (start, mut state) = (Instant::now(), State::default());
        for _ in 0..=LINES_A_WINDOW_MAX {
            state.push(line(7, start, "again"));
        }
        state.push(line(7, start + Duration::from_secs(60), "goes on"));
        let kept = state.take(start, usize::MAX);
        let last: Vec<&str> = kept.iter().rev().take(2).map(|line| line.message.as_str()).collect();
        assert_eq!(last[0], "goes on");
        assert!(last[1].starts_with("1 lines were not kept"), "{}", last[1]);
    }

    #[test]
    fn nobody_who_logs_waits_for_room() {
        let (start, mut state) = (Instant::now(), State::default());
        for run in 0..WAITING_MAX as u128 + 5 {
            state.push(line(run, start, "one of many"));
        }
        assert_eq!((state.waiting.len(), state.dropped), (WAITING_MAX, 5));
        assert_eq!(state.take(start, 300).len(), 300);
    }
}
