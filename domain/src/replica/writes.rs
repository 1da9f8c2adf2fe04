//! Who wrote what last, as long as a replica may lack it. In bounded memory: when there are too many who wrote, what is
//! forgotten of one counts for all. Pure.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;

use super::standing::Position;

/// A replica that lacks what is so old is not asked at all, by a wide margin ([`LAG_MAX`](super::standing::LAG_MAX)).
pub(crate) const KEPT: Duration = Duration::from_secs(60);
/// Writers that are remembered, about 150 bytes each.
const WRITERS_MAX: NonZeroUsize = NonZeroUsize::new(50_000).expect("not zero");

#[derive(Clone, Copy, Debug)]
struct Write {
    position: Position,
    at: Instant,
}

impl Write {
    fn is_kept(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < KEPT
    }
}

/// The last writes of callers.
#[derive(Debug)]
pub(crate) struct Writes {
    writers: LruCache<String, Write>,
    /// The furthest of those that there was no room for.
    of_anybody: Option<Write>,
}

impl Default for Writes {
    fn default() -> Self {
        Self::of(WRITERS_MAX)
    }
}

impl Writes {
    fn of(writers_max: NonZeroUsize) -> Self {
        Self { writers: LruCache::new(writers_max), of_anybody: None }
    }

    /// Somebody wrote, and it ends before this place; the last of all places where nobody knows. That counts until they
    /// have written nothing for a while.
    pub(crate) fn put(&mut self, writer: &str, position: Position, now: Instant) {
        let before = self.last_of(writer, now);
        let write = Write { position: before.unwrap_or_default().max(position), at: now };
        let Some((name, forgotten)) = self.writers.push(writer.to_owned(), write) else { return };
        // What was there of the same one comes back, too.
        if name != writer && forgotten.is_kept(now) {
            let known = self.of_anybody.filter(|known| known.is_kept(now));
            let position = known.map_or(forgotten.position, |known| known.position.max(forgotten.position));
            self.of_anybody = Some(Write { position, at: now });
        }
    }

    /// Before which place somebody's last write ends; `None` when that is long ago.
    pub(crate) fn last_of(&self, writer: &str, now: Instant) -> Option<Position> {
        let own = self.writers.peek(writer).copied();
        [own, self.of_anybody]
            .into_iter()
            .flatten()
            .filter(|write| write.is_kept(now))
            .map(|write| write.position)
            .max()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::{Duration, Instant};

    use super::{KEPT, Writes};

    #[test]
    fn the_furthest_write_of_each_is_kept_for_a_while() {
        let (mut writes, now) = (Writes::default(), Instant::now());
        writes.put("ada", 10, now);
        writes.put("bob", 30, now);
        writes.put("ada", 20, now);
        writes.put("ada", 15, now);
        let last = |writer, at| writes.last_of(writer, at);
        assert_eq!([last("ada", now), last("bob", now), last("eve", now)], [Some(20), Some(30), None]);
        let soon = now + KEPT - Duration::from_millis(1);
        assert_eq!([last("ada", soon), last("ada", now + KEPT)], [Some(20), None]);
    }

    #[test]
    fn what_is_unknown_counts_until_nothing_was_written_for_a_while() {
        let (mut writes, now) = (Writes::default(), Instant::now());
        writes.put("ada", u64::MAX, now);
        writes.put("ada", 10, now + Duration::from_secs(1));
        assert_eq!(writes.last_of("ada", now + Duration::from_secs(1)), Some(u64::MAX));
        writes.put("ada", 20, now + KEPT * 2);
        assert_eq!(writes.last_of("ada", now + KEPT * 2), Some(20));
    }

    #[test]
    fn what_there_is_no_room_for_counts_for_everybody() {
        let (mut writes, now) = (Writes::of(NonZeroUsize::new(2).expect("not zero")), Instant::now());
        for (writer, position) in [("ada", 50), ("bob", 20), ("eve", 30)] {
            writes.put(writer, position, now);
        }
        let last = |writer| writes.last_of(writer, now);
        assert_eq!([last("ada"), last("bob"), last("zoe")], [Some(50), Some(50), Some(50)]);
        assert_eq!(writes.last_of("zoe", now + KEPT), None);
    }
}
