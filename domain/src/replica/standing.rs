//! Where a replica stands, by what both servers say again and again. Pure: it is told the time, and asks nobody.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::writes::Need;

/// A place in the write-ahead log: in the upper half its timeline, in the lower one bytes from the log's beginning. What is
/// further along on one timeline tells nothing of another, which a server that became the primary begins.
pub(crate) type Position = u128;

/// A replica that may lack what was committed so long ago is not asked.
pub(crate) const LAG_MAX: Duration = Duration::from_secs(10);
/// Places of the primary that are remembered until the replica comes to them: more than [`LAG_MAX`] of them.
const SAMPLES_MAX: usize = 256;

/// The place that PostgreSQL tells by two numbers; `None` when they are none of its.
pub(crate) fn position_of(timeline: i64, bytes: i64) -> Option<Position> {
    let half = |number: i64| u64::try_from(number).ok().map(Position::from);
    Some((half(timeline)? << u64::BITS) | half(bytes)?)
}

/// The timeline that a place is on.
pub(crate) fn timeline_of(position: Position) -> Position {
    position >> u64::BITS
}

/// Whether who has come so far has all that is before the other place.
fn reaches(place: Position, other: Position) -> bool {
    place >= other && timeline_of(place) == timeline_of(other)
}

/// Why a replica is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It does not answer, or is no replica of this primary.
    Away,
    /// It may lack what is older than [`LAG_MAX`], or than this process.
    Behind,
    /// It lacks what the caller wrote, or was told.
    OwnWrite,
}

/// Where the primary was, and when it was asked: all that was committed before is below.
#[derive(Clone, Copy, Debug)]
struct Sample {
    position: Position,
    asked: Instant,
}

/// Where both servers are.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// Where the primary was when this process began: what it needs of the schema is below.
    floor: Option<Position>,
    /// Oldest first, with growing positions.
    samples: VecDeque<Sample>,
    /// How far the replica was when it answered last.
    replayed: Option<Position>,
    /// Whether it answered when it was asked last.
    is_there: bool,
    /// All that was committed before this has been replayed.
    complete_to: Option<Instant>,
    /// The primary was only here when the replica was beyond: that has what the primary lost.
    astray_from: Option<Position>,
}

impl Standing {
    /// The primary was there when it was asked then.
    pub(crate) fn primary_at(&mut self, position: Position, asked: Instant) {
        if self.samples.back().is_some_and(|last| !reaches(position, last.position)) {
            // Another server has become the primary, or it was put back: without the last that there was.
            self.samples.clear();
            self.complete_to = None;
            self.floor = Some(position);
        }
        self.floor.get_or_insert(position);
        if self.replayed.is_some_and(|replayed| reaches(replayed, position + 1)) {
            // A standby is sent nothing that its primary does not have, and this one was asked before.
            self.complete_to = None;
            self.astray_from = Some(position);
        }
        match self.samples.back_mut() {
            Some(last) if last.position == position => last.asked = asked,
            _ => self.samples.push_back(Sample { position, asked }),
        }
        if self.samples.len() > SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.settle();
    }

    /// The replica has replayed so much.
    pub(crate) fn replica_at(&mut self, position: Position) {
        if self.replayed.is_some_and(|last| last > position) {
            // It was made anew.
            self.complete_to = None;
        }
        self.astray_from = self.astray_from.filter(|from| reaches(position, *from + 1));
        self.replayed = Some(position);
        self.is_there = true;
        self.settle();
    }

    /// The replica did not answer, or must not be asked.
    pub(crate) fn replica_away(&mut self) {
        self.is_there = false;
    }

    /// Finds the newest place of the primary that the replica has come to.
    fn settle(&mut self) {
        if self.astray_from.is_some() {
            return;
        }
        let reached = self.samples.iter().take_while(|sample| self.has(sample.position)).count();
        // The newest one stays: while nothing is written the primary is there again and again.
        for _ in 1..reached {
            self.samples.pop_front();
        }
        if let Some(sample) = self.samples.front().filter(|_newest| reached > 0) {
            self.complete_to = self.complete_to.max(Some(sample.asked));
        }
    }

    /// How long ago what the replica may lack was committed, at the most; `None` when that can't be said.
    pub(crate) fn lag(&self, now: Instant) -> Option<Duration> {
        self.complete_to.map(|complete_to| now.saturating_duration_since(complete_to))
    }

    /// Whether anybody may read it.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn is_fit(&self, now: Instant) -> Result<(), Unfit> {
        if !self.is_there {
            return Err(Unfit::Away);
        }
        let has_schema = self.floor.is_some_and(|floor| self.has(floor));
        let is_near = self.lag(now).is_some_and(|lag| lag <= LAG_MAX);
        if has_schema && is_near { Ok(()) } else { Err(Unfit::Behind) }
    }

    /// Whether somebody may read it who needs this.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn is_fit_for(&self, need: Need, now: Instant) -> Result<(), Unfit> {
        self.is_fit(now)?;
        let has_place = need.position.is_none_or(|position| self.has(position));
        let is_complete = need.until.is_none_or(|until| self.complete_to >= Some(until));
        if has_place && is_complete { Ok(()) } else { Err(Unfit::OwnWrite) }
    }

    fn has(&self, position: Position) -> bool {
        self.replayed.is_some_and(|replayed| reaches(replayed, position))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::writes::Need;
    use super::{LAG_MAX, Position, SAMPLES_MAX, Standing, Unfit, position_of, timeline_of};

    const TICK: Duration = Duration::from_millis(100);

    #[test]
    fn a_replica_is_fit_when_both_answered_and_it_has_come_to_where_the_primary_was() {
        let (mut standing, now) = (Standing::default(), Instant::now());
        assert_eq!(standing.is_fit(now), Err(Unfit::Away));
        standing.replica_at(90);
        assert_eq!(standing.is_fit(now), Err(Unfit::Behind), "nobody knows what it lacks");
        standing.primary_at(100, now);
        assert_eq!(standing.is_fit(now), Err(Unfit::Behind), "the schema may be newer");
        standing.replica_at(100);
        assert_eq!((standing.is_fit(now), standing.lag(now)), (Ok(()), Some(Duration::ZERO)));
        standing.replica_away();
        assert_eq!(standing.is_fit(now), Err(Unfit::Away));
        standing.replica_at(100);
        assert_eq!(standing.is_fit(now + LAG_MAX), Ok(()));
        assert_eq!(
            standing.is_fit(now + LAG_MAX + TICK),
            Err(Unfit::Behind),
            "the primary was not heard of since"
        );
    }

    #[test]
    fn what_it_lacks_is_as_old_as_the_first_place_that_it_has_not_come_to() {
        let (mut standing, start) = (Standing::default(), Instant::now());
        for tick in 0..5_u32 {
            standing.primary_at(100 + Position::from(tick), start + TICK * tick);
        }
        let now = start + TICK * 5;
        standing.replica_at(102);
        assert_eq!(standing.lag(now), Some(TICK * 3));
        standing.replica_at(103);
        assert_eq!(standing.lag(now), Some(TICK * 2));
        standing.replica_at(1_000);
        assert_eq!(standing.lag(now), Some(TICK));
        standing.primary_at(1_000, now);
        assert_eq!(standing.lag(now), Some(Duration::ZERO), "it had that already");
    }

    #[test]
    fn while_nothing_is_written_it_lacks_nothing() {
        let (mut standing, start) = (Standing::default(), Instant::now());
        standing.primary_at(100, start);
        standing.replica_at(100);
        for tick in 1..1_000_u32 {
            standing.primary_at(100, start + TICK * tick);
            assert_eq!(standing.lag(start + TICK * tick), Some(Duration::ZERO));
        }
        assert_eq!(standing.samples.len(), 1);
    }

    #[test]
    fn own_writes_keep_it_away_until_they_are_replayed() {
        let (mut standing, now) = (Standing::default(), Instant::now());
        standing.primary_at(100, now);
        standing.replica_at(100);
        let before = |position| Need { position: Some(position), until: None };
        assert_eq!(standing.is_fit_for(Need::default(), now), Ok(()));
        assert_eq!(standing.is_fit_for(before(100), now), Ok(()));
        assert_eq!(standing.is_fit_for(before(101), now), Err(Unfit::OwnWrite));
        assert_eq!(standing.is_fit_for(before(Position::MAX), now), Err(Unfit::OwnWrite));
        standing.replica_at(101);
        assert_eq!(standing.is_fit_for(before(101), now), Ok(()));
    }

    #[test]
    fn who_was_told_something_reads_it_when_all_before_is_replayed() {
        let (mut standing, start) = (Standing::default(), Instant::now());
        standing.primary_at(100, start);
        standing.replica_at(100);
        let told = Need { position: None, until: Some(start + TICK) };
        let now = start + TICK * 2;
        assert_eq!(standing.is_fit_for(told, now), Err(Unfit::OwnWrite), "nobody knows where it was written");
        standing.primary_at(110, now);
        assert_eq!(standing.is_fit_for(told, now), Err(Unfit::OwnWrite));
        standing.replica_at(110);
        assert_eq!(standing.is_fit_for(told, now), Ok(()));
    }

    #[test]
    fn a_replica_that_stands_still_falls_behind_and_memory_stays_bounded() {
        let (mut standing, start) = (Standing::default(), Instant::now());
        standing.primary_at(1, start);
        standing.replica_at(1);
        let ticks = 10 * SAMPLES_MAX as u32;
        for tick in 1..=ticks {
            standing.primary_at(1 + Position::from(tick), start + TICK * tick);
            standing.replica_at(1);
        }
        let now = start + TICK * ticks;
        assert_eq!((standing.samples.len(), standing.lag(now)), (SAMPLES_MAX, Some(TICK * ticks)));
        assert_eq!(standing.is_fit(now), Err(Unfit::Behind));
        standing.replica_at(1 + Position::from(ticks));
        assert_eq!(standing.is_fit(now), Ok(()));
    }

    #[test]
    fn servers_that_go_back_are_believed_nothing_from_before() {
        let (mut standing, now) = (Standing::default(), Instant::now());
        standing.primary_at(100, now);
        standing.replica_at(200);
        assert_eq!(standing.is_fit(now), Ok(()));
        standing.replica_at(99);
        assert_eq!(standing.is_fit(now), Err(Unfit::Behind), "it was made anew, from an older copy");
        standing.primary_at(50, now);
        assert_eq!(standing.is_fit(now), Err(Unfit::Behind), "it has what the primary lost");
        for tick in 1..10_u32 {
            standing.primary_at(50 + 10 * Position::from(tick), now + TICK * tick);
            standing.replica_at(99);
            assert_eq!(
                standing.is_fit(now + TICK * tick),
                Err(Unfit::Behind),
                "also when the primary has passed it"
            );
        }
        standing.replica_at(50);
        let now = now + TICK * 10;
        standing.primary_at(150, now);
        standing.replica_at(150);
        assert_eq!(standing.is_fit(now), Ok(()), "it was made anew, from what the primary has");
    }

    #[test]
    fn places_are_told_by_timeline_and_bytes() {
        let position = position_of(3, 7).expect("a place");
        assert_eq!((position, timeline_of(position)), ((3_u128 << 64) + 7, 3));
        assert_eq!([position_of(-1, 7), position_of(3, -1)], [None, None]);
    }

    #[test]
    fn what_is_further_along_on_another_timeline_lacks_what_is_on_this() {
        let on = |timeline, bytes| position_of(timeline, bytes).expect("a place");
        let before = |timeline, bytes| Need { position: Some(on(timeline, bytes)), until: None };
        let (mut standing, now) = (Standing::default(), Instant::now());
        standing.primary_at(on(1, 100), now);
        standing.replica_at(on(1, 120));
        assert_eq!(standing.is_fit(now), Ok(()));
        assert_eq!(
            standing.is_fit_for(before(2, 110), now),
            Err(Unfit::OwnWrite),
            "a new primary wrote that"
        );
        standing.primary_at(on(2, 110), now);
        assert_eq!(standing.is_fit(now), Err(Unfit::Behind), "a standby that had less is the primary now");
        standing.replica_at(on(1, 130));
        assert_eq!(standing.is_fit(now), Err(Unfit::Behind));
        standing.replica_at(on(2, 115));
        assert_eq!(standing.is_fit(now), Ok(()), "it has followed");
        assert_eq!(standing.is_fit_for(before(2, 115), now), Ok(()));
        for need in [before(1, 90), before(2, 116), before(3, 10)] {
            assert_eq!(standing.is_fit_for(need, now), Err(Unfit::OwnWrite), "{need:?}");
        }
        standing.primary_at(on(1, 140), now);
        assert_eq!(standing.is_fit(now), Err(Unfit::Behind), "the address leads to the old primary again");
    }
}
