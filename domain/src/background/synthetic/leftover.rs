//! What test records may leave at a destination, and how it is removed. Deliberately absent: records on their way.

use chrono::Duration;
use connector::{Classified, Gone, OpenDestination, RecordKey, StreamSpec, SyncMode};
use entity::integration::Stream;
use entity::synthetic_check::{Doubtful, Leftover};
use entity::synthetic_result::SyntheticStage;
use entity::system;
use pipeline::{Trial, TrialError};
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::Value;
use uuid::Uuid;

use super::super::claim::end;
use super::ClaimedCheck;
use super::way::{UNAVAILABLE, Way, patience, rests};
use crate::error::{Doing, Error, Result};
use crate::id::new_id;
use crate::scope::TxScope;

/// After how long what is left is given up, in days: it has a mark by which people find it.
const LEFT_DAYS_MAX: i64 = 7;
/// After how long what may arrive late is removed once more, in minutes: no request is under way for longer.
pub(super) const DOUBT_MINUTES: i64 = 5;
/// Records of a check that may arrive late. One more drops the oldest: where each write is in doubt, so many are known.
const DOUBTFUL_MAX: usize = 10;
/// The code of a record that is there still.
const LEFT_BEHIND: &str = "synthetic.left_behind";

impl ClaimedCheck {
    /// Removes what earlier records have left. False when one may still be there, and when another worker has the check.
    pub(super) async fn clear_up(&self, way: &mut Way) -> Result<bool> {
        way.doubtful.clone_from(&self.check.doubtful.0);
        if let Some(leftover) = &self.check.leftover {
            way.mark.clone_from(&leftover.mark);
            if !self.clear_leftover(leftover, way).await? {
                return Ok(false);
            }
        }
        self.clear_doubtful(way).await
    }

    async fn clear_leftover(&self, leftover: &Leftover, way: &mut Way) -> Result<bool> {
        let system = self.system(leftover.system_id).await?;
        let key = key_of(leftover);
        let (Some(system), Some(key), false) = (system, key, self.is_too_old(leftover)) else {
            tracing::warn!(key = leftover.key, "a test record that may be at a destination is given up");
            way.fails(SyntheticStage::Remove, LEFT_BEHIND, "it could not be removed, and is given up");
            self.keep(None, &way.doubtful).await?;
            return Ok(false);
        };
        if rests(&system, self.started_at) {
            way.fails(SyntheticStage::Remove, UNAVAILABLE, "the destination is left alone for a while");
            return Ok(false);
        }
        match way.timed(SyntheticStage::Remove, self.remove(leftover, &system, key)).await {
            // Who left it was interrupted, or does not know whether it was written.
            Ok(()) => self.forget(leftover.clone(), true, way).await,
            Err(error) if error.is_nowhere => self.keep(None, &way.doubtful).await,
            Err(error) => {
                way.fails(SyntheticStage::Remove, error.code, &error.detail);
                Ok(false)
            }
        }
    }

    /// Removes what was removed a while ago, in case that it has arrived since. What can't be removed is tried again as
    /// much later, and keeps no other record from being sent.
    async fn clear_doubtful(&self, way: &mut Way) -> Result<bool> {
        let late = self.started_at - Duration::minutes(DOUBT_MINUTES);
        let all = std::mem::take(&mut way.doubtful);
        let (due, rest): (Vec<Doubtful>, Vec<Doubtful>) =
            all.into_iter().partition(|one| one.removed_at <= late);
        if due.is_empty() {
            way.doubtful = rest;
            return Ok(true);
        }
        let mut kept = Vec::new();
        for one in due {
            let system = self.system(one.leftover.system_id).await?;
            let (Some(system), Some(key)) = (system, key_of(&one.leftover)) else { continue };
            let is_gone = !rests(&system, self.started_at) && {
                let removed = self.remove(&one.leftover, &system, key);
                match way.timed(SyntheticStage::Remove, removed).await {
                    Ok(()) => true,
                    Err(error) => error.is_nowhere,
                }
            };
            if !is_gone && !self.is_too_old(&one.leftover) {
                kept.push(Doubtful { removed_at: self.started_at, ..one });
            }
        }
        way.doubtful = rest.into_iter().chain(kept).collect();
        self.keep(None, &way.doubtful).await
    }

    /// Forgets a record that was removed; one that may arrive late all the same is removed once more later. False when another
    /// worker has the check.
    pub(super) async fn forget(&self, leftover: Leftover, is_in_doubt: bool, way: &mut Way) -> Result<bool> {
        if is_in_doubt {
            way.doubtful.push(Doubtful { leftover, removed_at: self.app.clock().now() });
            let dropped = way.doubtful.len().saturating_sub(DOUBTFUL_MAX);
            way.doubtful.drain(..dropped);
        }
        self.keep(None, &way.doubtful).await
    }

    /// What a record may leave.
    pub(super) fn leftover(&self, stream: &Stream, gone: &Gone, mark: &str) -> Leftover {
        Leftover {
            system_id: self.destination.id,
            stream: stream.name.clone(),
            key_fields: stream.key_fields.clone(),
            options: stream.destination.clone(),
            key: gone.key.canonical().to_owned(),
            mark: mark.to_owned(),
            destination_key: gone.destination_key.clone(),
            at: self.started_at,
        }
    }

    fn is_too_old(&self, leftover: &Leftover) -> bool {
        leftover.at <= self.started_at - Duration::days(LEFT_DAYS_MAX)
    }

    async fn remove(
        &self,
        leftover: &Leftover,
        system: &system::Model,
        key: RecordKey,
    ) -> std::result::Result<(), TrialError> {
        let spec = StreamSpec {
            name: leftover.stream.clone(),
            key_fields: leftover.key_fields.clone(),
            cursor_field: None,
            mode: SyncMode::Full,
            classified: Classified::default(),
        };
        let gone = Gone { key, destination_key: leftover.destination_key.clone() };
        let trial = self.trial(system, spec, leftover.options.clone()).await?;
        take_back(&trial, &gone).await
    }

    /// A destination that is tried with one record.
    pub(super) async fn trial(
        &self,
        system: &system::Model,
        stream: StreamSpec,
        options: Value,
    ) -> std::result::Result<Trial, TrialError> {
        let unknown = |error: Error| TrialError {
            code: "platform.internal".to_owned(),
            detail: error.to_string(),
            is_in_doubt: false,
            is_nowhere: false,
        };
        let end = end(&self.app, &self.tenant_slug, system.clone()).map_err(unknown)?;
        let open = OpenDestination {
            access: end.access().await?,
            stream,
            options,
            run: new_id(),
            integration: self.integration.id,
            resumed: false,
        };
        Ok(Trial::new(end.connector, open, patience()))
    }

    async fn system(&self, id: Uuid) -> Result<Option<system::Model>> {
        if id == self.destination.id {
            return Ok(Some(self.destination.clone()));
        }
        let tx = TxScope::begin(&self.app, self.check.tenant_id).await?;
        tx.find::<system::Entity>()
            .filter(system::Column::Id.eq(id))
            .one(tx.connection())
            .await
            .doing("reading where a test record may be")
    }
}

/// Removes a record and asks whether it is gone.
pub(super) async fn take_back(trial: &Trial, gone: &Gone) -> std::result::Result<(), TrialError> {
    trial.remove(gone).await?;
    if trial.holds(gone).await? != Some(true) {
        return Ok(());
    }
    Err(TrialError {
        code: LEFT_BEHIND.to_owned(),
        detail: "the destination says that it was removed, and has it".to_owned(),
        is_in_doubt: true,
        is_nowhere: false,
    })
}

fn key_of(leftover: &Leftover) -> Option<RecordKey> {
    RecordKey::stored(&leftover.key, leftover.key_fields.len())
}
