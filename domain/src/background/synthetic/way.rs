//! The way of a test record: mapping and rules, written, read back, compared, removed. Deliberately absent: what is stored of
//! it.

use std::future::Future;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use connector::{Action, Gone, Record, RecordKey, Standing, Write};
use entity::integration::Stream;
use entity::synthetic_check::Doubtful;
use entity::synthetic_result::{StageDuration, SyntheticStage};
use entity::system::{self, CircuitState};
use pipeline::{NotReady, RECORD_SCHEMA_VIOLATION, RetryPolicy, Trial, TrialError};
use tokio::time::timeout;

use super::ClaimedCheck;
use super::leftover::take_back;
use crate::error::{Doing, Result};
use crate::retry::rehearsal::compile;
use crate::stream::spec;
use crate::synthetic_check::{Obstacle, mark_of, obstacle};

/// Longest time that one stage may take, with all its attempts.
const STAGE_TIMEOUT: Duration = Duration::from_secs(60);
/// Attempts of a stage at a destination that is down or busy: a check is to tell of it, not to wait until it is over.
const ATTEMPTS_MAX: u32 = 3;
/// How long a destination may ask to be left alone between two attempts: what it answered is told, not that time was up.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);
/// The code of a check that the integration's options of today don't go with.
const MISCONFIGURED: &str = "destination.misconfigured";
/// The code of a record that the mapping leaves out.
const LEFT_OUT: &str = "synthetic.left_out";
/// The code of a record that would not be told from a real one.
const UNMARKED: &str = "synthetic.unmarked";
/// The code of a record that was taken and is not there.
const MISSING: &str = "synthetic.missing";
/// The code of a record that is something else there.
const DIFFERENT: &str = "synthetic.different";
/// The code of a destination that is left alone.
pub(super) const UNAVAILABLE: &str = "destination.unavailable";

/// How far a record came.
#[derive(Default)]
pub(super) struct Way {
    pub(super) failed: Option<(SyntheticStage, String)>,
    pub(super) mark: String,
    pub(super) is_verified: bool,
    pub(super) is_removed: bool,
    pub(super) durations: Vec<StageDuration>,
    /// What was removed and may arrive late, the oldest first.
    pub(super) doubtful: Vec<Doubtful>,
}

impl Way {
    /// The first that fails says why.
    pub(super) fn fails(&mut self, stage: SyntheticStage, code: impl Into<String>, detail: &str) {
        let code = code.into();
        tracing::warn!(?stage, code, detail, "a test record did not go the whole way");
        self.failed.get_or_insert((stage, code));
    }

    pub(super) async fn timed<T>(
        &mut self,
        stage: SyntheticStage,
        work: impl Future<Output = std::result::Result<T, TrialError>>,
    ) -> std::result::Result<T, TrialError> {
        let begun = Instant::now();
        let result = timeout(STAGE_TIMEOUT, work).await.unwrap_or_else(|_elapsed| {
            Err(TrialError {
                code: "destination.timeout".to_owned(),
                detail: format!("it took longer than {STAGE_TIMEOUT:?}"),
                is_in_doubt: true,
                is_nowhere: false,
            })
        });
        self.took(stage, begun);
        result
    }

    /// Steps of one stage in a row are one.
    fn took(&mut self, stage: SyntheticStage, begun: Instant) {
        let ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        match self.durations.last_mut() {
            Some(last) if last.stage == stage => last.ms = last.ms.saturating_add(ms),
            _ => self.durations.push(StageDuration { stage, ms }),
        }
    }
}

impl ClaimedCheck {
    /// The way of one record. False when another worker has the check.
    pub(super) async fn go(&self, way: &mut Way) -> Result<bool> {
        let mark = mark_of(&self.check);
        way.mark = mark.text().to_owned();
        // Until something is sent, nothing is there.
        way.is_removed = true;
        let streams = &self.integration.streams.0;
        let Some(stream) = streams.iter().find(|stream| stream.name == self.check.stream) else {
            way.fails(SyntheticStage::Map, MISCONFIGURED, "the integration has no such stream");
            return Ok(true);
        };
        let (connector, removes) = (self.destination.connector.as_str(), self.check.removes);
        if let Some(obstacle) = obstacle(&self.app, connector, &stream.destination, removes) {
            let detail = match obstacle {
                Obstacle::NotSingle => "the destination is written whole by runs",
                Obstacle::CantRemove => "the destination can't delete a record with its options of today",
            };
            way.fails(SyntheticStage::Map, MISCONFIGURED, detail);
            return Ok(true);
        }
        let record = mark.fill(&self.check.record, self.started_at);
        let is_marked = mark.is_in(&record, &stream.key_fields);
        let Some((key, mapped)) = prepared(stream, record, way).await? else { return Ok(true) };
        let fields = self.key_fields_there(stream);
        if !is_marked || fields.as_ref().is_some_and(|fields| !mark.is_in(&mapped, fields)) {
            way.fails(SyntheticStage::Map, UNMARKED, "no key field has the mark");
            return Ok(true);
        }
        if rests(&self.destination, self.started_at) {
            way.fails(SyntheticStage::Write, UNAVAILABLE, "the destination is left alone for a while");
            return Ok(true);
        }
        let trial = self.trial(&self.destination, spec(stream), stream.destination.clone());
        let trial = match way.timed(SyntheticStage::Write, trial).await {
            Ok(trial) => trial,
            Err(error) => {
                way.fails(SyntheticStage::Write, error.code, &error.detail);
                return Ok(true);
            }
        };
        let there = fields.and_then(|fields| RecordKey::of(&mapped, &fields));
        let there = there.map(|there| there.canonical().to_owned()).filter(|there| there != key.canonical());
        let revision = u64::try_from(self.started_at.timestamp_millis()).unwrap_or_default();
        let gone = Gone { key: key.clone(), destination_key: there };
        let write = Write { key, record: mapped, known: false, revision };
        self.send(stream, &trial, &write, gone, way).await
    }

    /// Writes a record, reads it back and removes it. False when another worker has the check.
    async fn send(
        &self,
        stream: &Stream,
        trial: &Trial,
        write: &Write,
        mut gone: Gone,
        way: &mut Way,
    ) -> Result<bool> {
        let removes = self.check.removes;
        let leftover = |gone: &Gone, mark: &str| self.leftover(stream, gone, mark);
        // Stored before it is sent: whoever comes next knows what may be there.
        if removes && !self.keep(Some(leftover(&gone, &way.mark)), &way.doubtful).await? {
            return Ok(false);
        }
        // The process was frozen, or the database away: whoever has the check now may have removed this by then.
        if !self.has_lease() {
            return Ok(false);
        }
        way.is_removed = false;
        let mut is_in_doubt = false;
        match way.timed(SyntheticStage::Write, trial.write(write)).await {
            Ok(taken) => {
                let destination_key = taken.destination_key;
                if destination_key.is_some() && destination_key != gone.destination_key {
                    gone.destination_key = destination_key;
                    if removes && !self.keep(Some(leftover(&gone, &way.mark)), &way.doubtful).await? {
                        return Ok(false);
                    }
                }
                match way.timed(SyntheticStage::ReadBack, trial.read_back(write)).await {
                    // Where nothing was changed, that it is there proves nothing.
                    Ok(Some(Standing::Same)) => way.is_verified = taken.action != Action::Unchanged,
                    Ok(Some(Standing::Different)) => {
                        way.fails(SyntheticStage::Compare, DIFFERENT, "the destination's row differs");
                    }
                    Ok(Some(Standing::Missing)) => {
                        way.fails(SyntheticStage::ReadBack, MISSING, "its key is not at the destination");
                    }
                    // It can't be asked: that it answered the write is all there is.
                    Ok(None) => {}
                    Err(error) => way.fails(SyntheticStage::ReadBack, error.code, &error.detail),
                }
            }
            Err(error) => {
                is_in_doubt = error.is_in_doubt;
                way.is_removed = !is_in_doubt;
                way.fails(SyntheticStage::Write, error.code, &error.detail);
            }
        }
        if !removes {
            return Ok(true);
        }
        if !way.is_removed {
            match way.timed(SyntheticStage::Remove, take_back(trial, &gone)).await {
                Ok(()) => way.is_removed = true,
                Err(error) => way.fails(SyntheticStage::Remove, error.code, &error.detail),
            }
        }
        if !way.is_removed {
            return Ok(true);
        }
        let left = leftover(&gone, &way.mark);
        self.forget(left, is_in_doubt, way).await
    }

    /// The fields by which the destination knows a record; `None` where it takes the key of the source.
    fn key_fields_there(&self, stream: &Stream) -> Option<Vec<String>> {
        let connector = self.app.connectors().get(&self.destination.connector)?;
        connector.key_fields(&stream.destination, &stream.key_fields)
    }
}

/// How patient a check is with a destination that is down or busy.
pub(super) fn patience() -> RetryPolicy {
    RetryPolicy { attempts_max: ATTEMPTS_MAX, retry_after_max: RETRY_AFTER_MAX, ..RetryPolicy::default() }
}

/// Whether runs leave a system alone; when the time is over, a test record may go there like any.
pub(super) fn rests(system: &system::Model, now: DateTime<Utc>) -> bool {
    system.circuit_state == CircuitState::Open && system.circuit_until.is_some_and(|until| until > now)
}

/// The record as it would be written; `None` where it would not be.
async fn prepared(stream: &Stream, record: Record, way: &mut Way) -> Result<Option<(RecordKey, Record)>> {
    let begun = Instant::now();
    let rehearsal = match compile(stream).await {
        Ok(rehearsal) => rehearsal,
        // It compiled when the integration was saved.
        Err(error) => {
            way.fails(SyntheticStage::Map, "platform.internal", &format!("{error:?}"));
            return Ok(None);
        }
    };
    let prepare = move || rehearsal.prepare(record);
    let prepared = tokio::task::spawn_blocking(prepare).await.doing("preparing a test record")?;
    way.took(SyntheticStage::Map, begun);
    match prepared {
        Ok(prepared) => return Ok(Some(prepared)),
        Err(NotReady::LeftOut) => way.fails(SyntheticStage::Map, LEFT_OUT, "the mapping leaves it out"),
        Err(NotReady::Refused(failure)) => {
            let stage = match failure.code.as_str() {
                RECORD_SCHEMA_VIOLATION => SyntheticStage::Validate,
                _ => SyntheticStage::Map,
            };
            way.fails(stage, failure.code, &failure.detail);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::{STAGE_TIMEOUT, patience};

    #[test]
    fn a_busy_destination_is_told_before_its_stage_is_over() {
        let policy = patience();
        let longest = (policy.retry_after_max + policy.base) * (policy.attempts_max - 1);
        assert!(longest * 2 < STAGE_TIMEOUT, "{longest:?}");
    }
}
