//! What callers must see of what they wrote, and of what they were told, as long as a replica may lack it. In bounded
//! memory: when there are too many callers, what is forgotten of one counts for all. Pure.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;

use super::standing::Position;

/// A replica that lacks what is so old is not asked at all, by a wide margin ([`LAG_MAX`](super::standing::LAG_MAX)).
pub(crate) const KEPT: Duration = Duration::from_secs(60);
/// Callers that are remembered, about 200 bytes each.
const CALLERS_MAX: NonZeroUsize = NonZeroUsize::new(50_000).expect("not zero");

/// What a replica must have for somebody to read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Need {
    /// The log before this place.
    pub(crate) position: Option<Position>,
    /// What was committed before.
    pub(crate) until: Option<Instant>,
}

impl Need {
    /// Both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { position: self.position.max(other.position), until: self.until.max(other.until) }
    }
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    need: Need,
    /// When it was noted last.
    at: Instant,
}

/// What callers need.
#[derive(Debug)]
pub(crate) struct Writes {
    callers: LruCache<String, Kept>,
    /// Of those that there was no room for.
    of_anybody: Option<Kept>,
}

impl Default for Writes {
    fn default() -> Self {
        Self::of(CALLERS_MAX)
    }
}

impl Writes {
    fn of(callers_max: NonZeroUsize) -> Self {
        Self { callers: LruCache::new(callers_max), of_anybody: None }
    }

    /// Somebody wrote, and it ends before this place; the last of all places where nobody knows. That counts until they
    /// have written nothing, and have been told nothing, for a while.
    pub(crate) fn wrote(&mut self, caller: &str, position: Position, now: Instant) {
        self.put(caller, Need { position: Some(position), until: None }, now);
    }

    /// Somebody was told what was committed before `until`.
    pub(crate) fn was_told(&mut self, caller: &str, until: Instant, now: Instant) {
        self.put(caller, Need { position: None, until: Some(until) }, now);
    }

    fn put(&mut self, caller: &str, need: Need, now: Instant) {
        let own = self.callers.peek(caller).and_then(|kept| lasting(*kept, now));
        let kept = Kept { need: own.unwrap_or_default().and(need), at: now };
        let Some((name, forgotten)) = self.callers.push(caller.to_owned(), kept) else { return };
        // What was there of the same one comes back, too.
        if name != caller
            && let Some(forgotten) = lasting(forgotten, now)
        {
            let known = self.of_anybody.and_then(|kept| lasting(kept, now)).unwrap_or_default();
            self.of_anybody = Some(Kept { need: known.and(forgotten), at: now });
        }
    }

    /// What somebody needs now.
    pub(crate) fn need_of(&self, caller: &str, now: Instant) -> Need {
        let own = self.callers.peek(caller).copied();
        let needs = [own, self.of_anybody].into_iter().flatten().filter_map(|kept| lasting(kept, now));
        needs.fold(Need::default(), Need::and)
    }
}

fn lasting(kept: Kept, now: Instant) -> Option<Need> {
    (now.saturating_duration_since(kept.at) < KEPT).then_some(kept.need)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::{Duration, Instant};

    use super::{KEPT, Need, Position, Writes};

    #[test]
    fn the_furthest_write_of_each_is_kept_for_a_while() {
        let (mut writes, now) = (Writes::default(), Instant::now());
        writes.wrote("ada", 10, now);
        writes.wrote("bob", 30, now);
        writes.wrote("ada", 20, now);
        writes.wrote("ada", 15, now);
        let last = |caller, at| writes.need_of(caller, at).position;
        assert_eq!([last("ada", now), last("bob", now), last("eve", now)], [Some(20), Some(30), None]);
        let soon = now + KEPT - Duration::from_millis(1);
        assert_eq!([last("ada", soon), last("ada", now + KEPT)], [Some(20), None]);
    }

    #[test]
    fn what_somebody_was_told_is_needed_beside_what_they_wrote() {
        let (mut writes, now) = (Writes::default(), Instant::now());
        let later = now + Duration::from_secs(1);
        writes.was_told("ada", now, now);
        writes.wrote("ada", 10, now);
        assert_eq!(writes.need_of("ada", now), Need { position: Some(10), until: Some(now) });
        writes.was_told("ada", later, now);
        assert_eq!(writes.need_of("ada", now), Need { position: Some(10), until: Some(later) });
        assert_eq!(writes.need_of("bob", later), Need::default());
    }

    #[test]
    fn what_is_unknown_counts_until_nothing_was_written_for_a_while() {
        let (mut writes, now) = (Writes::default(), Instant::now());
        writes.wrote("ada", Position::MAX, now);
        writes.wrote("ada", 10, now + Duration::from_secs(1));
        assert_eq!(writes.need_of("ada", now + Duration::from_secs(1)).position, Some(Position::MAX));
        writes.wrote("ada", 20, now + KEPT * 2);
        assert_eq!(writes.need_of("ada", now + KEPT * 2).position, Some(20));
    }

    #[test]
    fn what_there_is_no_room_for_counts_for_everybody() {
        let (mut writes, now) = (Writes::of(NonZeroUsize::new(2).expect("not zero")), Instant::now());
        for (caller, position) in [("ada", 50), ("bob", 20), ("eve", 30)] {
            writes.wrote(caller, position, now);
        }
        let last = |caller| writes.need_of(caller, now).position;
        assert_eq!([last("ada"), last("bob"), last("zoe")], [Some(50), Some(50), Some(50)]);
        assert_eq!(writes.need_of("zoe", now + KEPT), Need::default());
    }
}
