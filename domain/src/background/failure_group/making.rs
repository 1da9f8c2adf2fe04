//! Which group a failure is of, and how one is made that is not there. Groups are made before the transaction that stores
//! their first failures: two workers that make the same one wait for nothing but each other.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use entity::failure::Impact;
use entity::failure_group::{self, FailureGroupStatus};
use pipeline::{LedgerError, RecordFailure};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::super::lease::{RunLease, storage};
use super::super::record_failure::stage;
use super::hour_of;
use crate::catalogue;
use crate::error::{Doing, Error, Result};
use crate::failure_group::begun;
use crate::failure_group::cause::Cause;
use crate::id::new_id;
use crate::ownership_rule::{Subject, decide};
use crate::scope::{TxScope, all_set};

/// Groups that a stream may have for one code. What comes then goes into one group of all other reasons: a system that
/// says something else for each record must not make a group of each.
pub(super) const GROUPS_MAX: usize = 50;

/// The groups of an integration that this process knows, by stream, code and fingerprint.
#[derive(Debug, Default)]
pub(in crate::background) struct KnownGroups(Mutex<HashMap<(String, String), HashMap<String, Uuid>>>);

impl KnownGroups {
    fn get(&self, stream: &str, cause: &Cause, fingerprint: &str) -> Option<Uuid> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let groups = known.get(&(stream.to_owned(), cause.code.clone()))?;
        let other = || groups.get("").filter(|_| groups.len() >= GROUPS_MAX || cause.is_coarse());
        groups.get(fingerprint).or_else(other).copied()
    }

    fn put(&self, stream: &str, code: &str, groups: HashMap<String, Uuid>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((stream.to_owned(), code.to_owned()), groups);
    }
}

/// The cause of a failed record.
fn cause_of(failed: &RecordFailure) -> Cause {
    Cause::of(
        &failed.code,
        stage(failed.stage),
        &failed.field_errors,
        failed.http_status,
        &failed.detail,
        [failed.record.as_ref(), failed.mapped.as_ref()],
    )
}

impl RunLease {
    /// The group of each failure, outside of any transaction.
    pub(in crate::background) async fn groups_of(
        &self,
        stream: &str,
        failures: &[RecordFailure],
    ) -> std::result::Result<Vec<Uuid>, LedgerError> {
        let mut groups = Vec::with_capacity(failures.len());
        for failed in failures {
            let cause = cause_of(failed);
            let fingerprint = cause.fingerprint();
            let id = match self.groups.get(stream, &cause, &fingerprint) {
                Some(id) => id,
                None => {
                    let tx = TxScope::begin(&self.app, self.run.tenant_id).await.map_err(storage)?;
                    let id = self.group_in(&tx, stream, cause).await.map_err(storage)?;
                    tx.commit().await.map_err(storage)?;
                    id
                }
            };
            groups.push(id);
        }
        Ok(groups)
    }

    /// As [`groups_of`](Self::groups_of), in a transaction that no other slice of the run waits for.
    pub(in crate::background) async fn groups_in(
        &self,
        tx: &TxScope,
        stream: &str,
        failures: &[RecordFailure],
    ) -> Result<Vec<Uuid>> {
        let mut groups = Vec::with_capacity(failures.len());
        for failed in failures {
            let cause = cause_of(failed);
            groups.push(match self.groups.get(stream, &cause, &cause.fingerprint()) {
                Some(id) => id,
                None => self.group_in(tx, stream, cause).await?,
            });
        }
        Ok(groups)
    }

    async fn group_in(&self, tx: &TxScope, stream: &str, cause: Cause) -> Result<Uuid> {
        let (id, known) = find_or_make(tx, self.run.integration_id, stream, &cause).await?;
        self.groups.put(stream, &cause.code, known);
        Ok(id)
    }
}

/// The group of one cause, and all of its stream and code.
pub(in crate::background) async fn find_or_make(
    tx: &TxScope,
    integration_id: Uuid,
    stream: &str,
    cause: &Cause,
) -> Result<(Uuid, HashMap<String, Uuid>)> {
    let mut known = groups_with(tx, integration_id, stream, &cause.code).await?;
    let mut fingerprint = cause.fingerprint();
    // What is not told apart any further goes where the failures are that never were.
    let other = || known.get("").filter(|_| cause.is_coarse());
    if let Some(id) = known.get(&fingerprint).or_else(other) {
        return Ok((*id, known));
    }
    let mut cause = cause.clone();
    if known.len() >= GROUPS_MAX {
        (cause, fingerprint) = (cause.coarse(), String::new());
        if let Some(id) = known.get("") {
            return Ok((*id, known));
        }
    }
    insert(tx, integration_id, stream, cause.clone(), fingerprint.clone()).await?;
    // Another worker may have made it meanwhile.
    known = groups_with(tx, integration_id, stream, &cause.code).await?;
    let id = known.get(&fingerprint).copied();
    let id = id.ok_or_else(|| Error::internal("making a group of failures", "it is not there"))?;
    Ok((id, known))
}

async fn groups_with(
    tx: &TxScope,
    integration_id: Uuid,
    stream: &str,
    code: &str,
) -> Result<HashMap<String, Uuid>> {
    let rows: Vec<(String, Uuid)> = tx
        .find::<failure_group::Entity>()
        .select_only()
        .column(failure_group::Column::Fingerprint)
        .column(failure_group::Column::Id)
        .filter(failure_group::Column::IntegrationId.eq(integration_id))
        .filter(failure_group::Column::Stream.eq(stream))
        .filter(failure_group::Column::Code.eq(code))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading groups of failures")?;
    Ok(rows.into_iter().collect())
}

#[expect(clippy::disallowed_methods, reason = "a row of the tenant, unless it is there")]
pub(super) async fn insert(
    tx: &TxScope,
    integration_id: Uuid,
    stream: &str,
    cause: Cause,
    fingerprint: String,
) -> Result<()> {
    use failure_group::Column;
    let now = tx.app().clock().now();
    let entry = catalogue::entry(&cause.code);
    let owned = decide(tx, &Subject { integration_id, stream, code: &cause.code }, None).await?;
    let row = failure_group::Model {
        id: new_id(),
        tenant_id: tx.tenant_id(),
        integration_id,
        stream: stream.to_owned(),
        code: cause.code,
        fingerprint,
        category: entry.category,
        stage: cause.stage,
        field_path: cause.field_path,
        rule: cause.rule,
        reason: cause.reason,
        status: FailureGroupStatus::New,
        responsible_party: owned.party,
        first_seen_at: now,
        last_seen_at: now,
        failure_count: 0,
        run_count: 0,
        last_run_id: None,
        hour_at: hour_of(now),
        hour_count: 0,
        hour_limit: 0,
        snoozed_until: None,
        snoozed_until_count: None,
        snoozed_until_hour_count: None,
        status_at: now,
        resolved_at: None,
        merged_into_id: None,
        impact: Impact::default(),
        urgency: 0,
        value_at_stake: None,
        assignee_id: owned.assignee.as_ref().map(|assignee| assignee.id),
    };
    let there = [Column::TenantId, Column::IntegrationId, Column::Stream, Column::Code, Column::Fingerprint];
    let made = failure_group::Entity::insert(all_set::<failure_group::Entity>(row.clone()))
        .on_conflict(OnConflict::columns(there).do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await
        .doing("making a group of failures")?;
    if made == 0 {
        return Ok(());
    }
    begun(tx, &row, entry.responsible_party, owned).await
}
