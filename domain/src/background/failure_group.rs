//! Which group a failure is of, how many there are, and what follows from it. Groups are made before the transaction that
//! stores their first failures: two workers that make the same one wait for nothing but each other. They are counted behind
//! the row of the run, so that the pages of other slices wait for them as for that; only systems and health come later.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use entity::failure::{self, FailureStatus, Impact};
use entity::failure_group::{self, FailureGroupStatus};
use entity::health_rollup::HealthPeriod;
use entity::occasion::OccasionKind;
use entity::{failure_group_hour, integration};
use pipeline::{LedgerError, RecordFailure};
use sea_orm::sea_query::{
    Alias, CaseStatement, Condition, Expr, ExprTrait, LockType, OnConflict, Query, UnionType,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::Background;
use super::lease::{RunLease, storage};
use super::record_failure::stage;
use crate::catalogue;
use crate::error::{Doing, Error, Result};
use crate::failure_group::activity::{Change, NewActivity, record};
use crate::failure_group::cause::Cause;
use crate::failure_group::state::{BUSIEST_OF_DAYS, after_failures, after_rise, after_time, hour_limit};
use crate::failure_group::{HOURS_KEPT_DAYS, add_hours, begun, changed};
use crate::health::rollup::begin;
use crate::id::new_id;
use crate::impact::{self, Stakes};
use crate::occasion::{self, NewOccasion};
use crate::ownership_rule::{Subject, decide};
use crate::scope::{TxScope, all_set};

/// Groups that a stream may have for one code. What comes then goes into one group of all other reasons: a system that
/// says something else for each record must not make a group of each.
const GROUPS_MAX: usize = 50;
/// Records that a notice about a group names.
const TOLD_REFERENCES_MAX: usize = 5;
/// Groups that one sweep looks at.
const SWEPT_MAX: u64 = 500;
/// Groups that an occasion names beside its own.
const TOLD_MERGED_MAX: u64 = 500;
/// Hours that one statement deletes: it keeps the transaction short.
const PURGED_MAX: u64 = 10_000;
/// Statements of one purge.
const PURGES_MAX: u64 = 20;

/// The groups of an integration that this process knows, by stream, code and fingerprint.
#[derive(Debug, Default)]
pub(super) struct KnownGroups(Mutex<HashMap<(String, String), HashMap<String, Uuid>>>);

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

/// How often each group occurs in what one transaction stores.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<Uuid, Seen>);

/// What is stored of one group.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Failures that are new.
    count: i64,
    /// Failures that were there and have failed again.
    again: i64,
    /// The first of all; `None` where they are told otherwise.
    first_id: Option<Uuid>,
    /// References of the first of them.
    references: Vec<String>,
    /// The highest of all.
    impact: Option<Impact>,
    /// The values of those that are new, and what is at stake anew with those that failed again.
    value: Option<i64>,
    /// Failures that are over, by when they failed.
    over: BTreeMap<DateTime<Utc>, i64>,
    /// The values that are not at stake any more.
    value_over: Option<i64>,
}

impl Seen {
    fn name(&mut self, row: &failure::Model) {
        self.first_id.get_or_insert(row.id);
        self.impact = std::cmp::max(self.impact, Some(row.impact));
        if self.references.len() < TOLD_REFERENCES_MAX {
            self.references.extend(row.business_reference.clone());
        }
    }

    /// With what was seen of a group that was merged into this one.
    fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.again += other.again;
        self.first_id = self.first_id.or(other.first_id);
        self.references.extend(other.references.iter().cloned());
        self.references.truncate(TOLD_REFERENCES_MAX);
        self.impact = std::cmp::max(self.impact, other.impact);
        self.value = impact::sum(self.value, other.value);
        for (at, count) in &other.over {
            *self.over.entry(*at).or_default() += count;
        }
        self.value_over = impact::sum(self.value_over, other.value_over);
    }

    /// Nothing failed: some is over.
    fn is_over(&self) -> bool {
        self.count == 0 && self.again == 0
    }

    /// What depends on a group with these, and without what is over.
    fn stakes(&self, group: &failure_group::Model, now: DateTime<Utc>) -> Stakes {
        let impact = self.impact.unwrap_or(group.impact);
        let new = Stakes::new(impact, self.count, self.value, now);
        if group.failure_count == 0 {
            return new;
        }
        let before = Stakes::of(group).without(&self.over, self.value_over, now);
        let after = match self.count {
            0 => Stakes { value: impact::sum(before.value, self.value), ..before },
            _ => before.join(new),
        };
        // One that was over begins anew.
        let impact =
            if goes_on(group) || self.count == 0 { std::cmp::max(impact, group.impact) } else { impact };
        Stakes { impact, ..after }
    }

    /// The impact of a group before these, where it goes on and they matter more.
    fn rises(&self, group: &failure_group::Model) -> Option<Impact> {
        (goes_on(group) && self.impact > Some(group.impact)).then_some(group.impact)
    }
}

/// It has failures, and is not over.
fn goes_on(group: &failure_group::Model) -> bool {
    group.failure_count > 0 && group.status != FailureGroupStatus::Resolved
}

impl Tally {
    /// A failure of a record that is new.
    pub(super) fn add(&mut self, group_id: Uuid, row: &failure::Model) {
        let seen = self.0.entry(group_id).or_default();
        seen.count += 1;
        seen.name(row);
        seen.value = impact::sum(seen.value, row.value_at_stake);
    }

    /// A failure of a run as a whole, which is told of as such.
    pub(super) fn add_whole(&mut self, group_id: Uuid, impact: Impact) {
        let seen = self.0.entry(group_id).or_default();
        seen.count += 1;
        seen.impact = std::cmp::max(seen.impact, Some(impact));
    }

    /// A failure that was there and has failed again.
    pub(super) fn see(&mut self, group_id: Uuid, row: &failure::Model) {
        let seen = self.0.entry(group_id).or_default();
        seen.again += 1;
        seen.name(row);
    }

    /// With a failure that was there something else is at stake now.
    pub(super) fn revalue(&mut self, group_id: Uuid, before: Option<i64>, now: Option<i64>) {
        let seen = self.0.entry(group_id).or_default();
        seen.value = impact::sum(seen.value, now);
        seen.value_over = impact::sum(seen.value_over, before);
    }

    /// A failure that is over, or in another group now.
    pub(crate) fn leave(&mut self, group_id: Option<Uuid>, failed_at: DateTime<Utc>, value: Option<i64>) {
        let Some(group_id) = group_id else { return };
        let seen = self.0.entry(group_id).or_default();
        *seen.over.entry(failed_at).or_default() += 1;
        seen.value_over = impact::sum(seen.value_over, value);
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
    pub(super) async fn groups_of(
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
    pub(super) async fn groups_in(
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
pub(super) async fn find_or_make(
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
async fn insert(
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

/// The beginning of the hour.
fn hour_of(time: DateTime<Utc>) -> DateTime<Utc> {
    begin(HealthPeriod::Hour, time)
}

/// Groups of the tenant, locked until the transaction ends, and in the order of their ids: of those who change several at
/// once one waits for the other, and never in a circle.
pub(crate) async fn lock(tx: &TxScope, which: Condition) -> Result<BTreeMap<Uuid, failure_group::Model>> {
    let rows = tx
        .find::<failure_group::Entity>()
        .filter(which)
        .order_by_asc(failure_group::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(tx.connection())
        .await
        .doing("locking groups of failures")?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// These groups, and what they were merged into.
fn with_targets(tx: &TxScope, ids: impl Iterator<Item = Uuid> + Clone) -> Condition {
    use failure_group::Column;
    let of_these = |column: Column| {
        Query::select()
            .column(column)
            .from(failure_group::Entity)
            .and_where(Column::TenantId.eq(tx.tenant_id()))
            .and_where(Column::Id.is_in(ids.clone()))
            .and_where(Expr::col(column).is_not_null())
            .to_owned()
    };
    let both = of_these(Column::Id).union(UnionType::Distinct, of_these(Column::MergedIntoId)).to_owned();
    Condition::all().add(Column::Id.in_subquery(both))
}

/// Counts failures in their groups, and says what follows. Comes after all that a transaction does but systems and health.
pub(super) async fn count(tx: &mut TxScope, run_id: Uuid, tally: Tally) -> Result<()> {
    if tally.0.is_empty() {
        return Ok(());
    }
    let now = tx.app().clock().now();
    let which = with_targets(tx, tally.0.keys().copied());
    let locked = lock(tx, which).await?;
    // A group that was merged into another counts in both. That one was not merged any further: while this one is locked,
    // nobody can do that.
    let mut counted = tally.0.clone();
    for (id, seen) in &tally.0 {
        if let Some(into) = locked.get(id).and_then(|group| group.merged_into_id) {
            counted.entry(into).or_default().join(seen);
        }
    }
    let mut hours = Vec::with_capacity(counted.len());
    for (id, seen) in counted {
        let Some(before) = locked.get(&id) else { continue };
        let (stakes, rises) = (seen.stakes(before, now), seen.rises(before));
        if seen.is_over() {
            lessen(tx, before, stakes).await?;
            continue;
        }
        let Some(group) = add(tx, id, run_id, seen.count, stakes, now).await? else { continue };
        if seen.count > 0 {
            hours.push(failure_group_hour::Model {
                tenant_id: tx.tenant_id(),
                group_id: id,
                hour_at: hour_of(now),
                failure_count: seen.count,
            });
        }
        if group.merged_into_id.is_none() {
            tx.tell_after_commit(changed(&group));
            settle(tx, group, run_id, seen, rises, now).await?;
        }
    }
    add_hours(tx, hours).await
}

/// Takes failures that are over from what is at stake in their groups. Comes where [`count`] does, after runs.
pub(crate) async fn leave(tx: &mut TxScope, tally: Tally) -> Result<()> {
    // No run has failed anything of it.
    count(tx, Uuid::nil(), tally).await
}

/// Stores what is still at stake in a group.
async fn lessen(tx: &mut TxScope, group: &failure_group::Model, stakes: Stakes) -> Result<()> {
    use failure_group::Column;
    tx.update::<failure_group::Entity>()
        .col_expr(Column::Urgency, Expr::value(stakes.urgency()))
        .col_expr(Column::ValueAtStake, Expr::value(stakes.value))
        .filter(Column::Id.eq(group.id))
        .exec(tx.connection())
        .await
        .doing("storing what is still at stake")?;
    tx.tell_after_commit(changed(group));
    Ok(())
}

/// Adds to a group; `None` when it is not there.
async fn add(
    tx: &TxScope,
    id: Uuid,
    run_id: Uuid,
    count: i64,
    stakes: Stakes,
    now: DateTime<Utc>,
) -> Result<Option<failure_group::Model>> {
    use failure_group::Column;
    let hour = hour_of(now);
    let in_hour = CaseStatement::new()
        .case(Expr::col(Column::HourAt).eq(hour), Expr::col(Column::HourCount).add(count))
        .finally(Expr::value(count));
    let in_runs = CaseStatement::new()
        .case(Expr::col(Column::LastRunId).eq(run_id), Expr::col(Column::RunCount))
        .finally(Expr::col(Column::RunCount).add(1));
    let mut update = tx
        .update::<failure_group::Entity>()
        .col_expr(Column::LastSeenAt, Expr::value(now))
        .col_expr(Column::Impact, Expr::value(stakes.impact))
        .col_expr(Column::Urgency, Expr::value(stakes.urgency()))
        .col_expr(Column::ValueAtStake, Expr::value(stakes.value))
        .filter(Column::Id.eq(id));
    if count > 0 {
        update = update
            .col_expr(Column::FailureCount, Expr::col(Column::FailureCount).add(count))
            .col_expr(Column::RunCount, in_runs.into())
            .col_expr(Column::LastRunId, Expr::value(Some(run_id)))
            .col_expr(Column::HourCount, in_hour.into())
            .col_expr(Column::HourAt, Expr::value(hour));
    }
    let rows = update.exec_with_returning(tx.connection()).await.doing("counting failures in a group")?;
    Ok(rows.into_iter().next())
}

/// What follows from what was counted.
async fn settle(
    tx: &mut TxScope,
    mut group: failure_group::Model,
    run_id: Uuid,
    seen: Seen,
    rises: Option<Impact>,
    now: DateTime<Utc>,
) -> Result<()> {
    let count = seen.count;
    let is_first = count > 0 && group.failure_count == count;
    if is_first {
        // It may have been made some time before, by a page that was not stored.
        tx.update::<failure_group::Entity>()
            .col_expr(failure_group::Column::FirstSeenAt, Expr::value(now))
            .col_expr(failure_group::Column::StatusAt, Expr::value(now))
            .filter(failure_group::Column::Id.eq(group.id))
            .exec(tx.connection())
            .await
            .doing("storing when a group of failures began")?;
        record(tx, &group, NewActivity::by_itself(Change::Status { from: None, to: group.status })).await?;
        return tell(tx, OccasionKind::GroupNew, &group, run_id, seen, None).await;
    }
    if count > 0 && group.hour_count == count {
        group.hour_limit = limit_for(tx, &group).await?;
        tx.update::<failure_group::Entity>()
            .col_expr(failure_group::Column::HourLimit, Expr::value(group.hour_limit))
            .filter(failure_group::Column::Id.eq(group.id))
            .exec(tx.connection())
            .await
            .doing("storing how many failures are usual")?;
    }
    let risen = rises.and_then(|_| after_rise(&group));
    if let Some(to) = risen.or_else(|| after_failures(&group, now)) {
        if to != group.status {
            enter(tx, &group, to, now).await?;
        }
        match to {
            FailureGroupStatus::Regressed => {
                tell(tx, OccasionKind::GroupRegressed, &group, run_id, seen, None).await?;
            }
            FailureGroupStatus::Escalating => {
                tell(tx, OccasionKind::GroupEscalating, &group, run_id, seen, rises).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// What somebody may have to be told of. Failures of runs as a whole are told of as such, and not once more.
async fn tell(
    tx: &TxScope,
    kind: OccasionKind,
    group: &failure_group::Model,
    run_id: Uuid,
    seen: Seen,
    rises: Option<Impact>,
) -> Result<()> {
    if seen.first_id.is_none() {
        return Ok(());
    }
    let told = NewOccasion::new(kind)
        .integration(group.integration_id)
        .run(run_id)
        .group(group.id)
        .failure(seen.first_id)
        .code(Some(group.code.clone()))
        .detail("responsibleParty", serde_json::to_value(group.responsible_party).unwrap_or_default())
        .detail("impact", serde_json::to_value(group.impact).unwrap_or_default())
        .detail("count", seen.count + seen.again)
        .detail("references", seen.references);
    let told = match rises {
        Some(before) => told.detail("impactBefore", serde_json::to_value(before).unwrap_or_default()),
        None => told,
    };
    occasion::record(tx, told).await
}

/// How many failures the hour that begins may have. A group that began in it has nothing to compare it with.
async fn limit_for(tx: &TxScope, group: &failure_group::Model) -> Result<i64> {
    use failure_group_hour::Column;
    if group.first_seen_at >= group.hour_at {
        return Ok(0);
    }
    let busiest: Option<i64> = tx
        .find::<failure_group_hour::Entity>()
        .select_only()
        .column_as(Column::FailureCount.max(), "busiest")
        .filter(Column::GroupId.eq(group.id))
        .filter(Column::HourAt.lt(group.hour_at))
        .filter(Column::HourAt.gte(group.hour_at - Duration::days(BUSIEST_OF_DAYS)))
        .into_tuple::<Option<i64>>()
        .one(tx.connection())
        .await
        .doing("reading the busiest hour of a group")?
        .flatten();
    Ok(hour_limit(busiest.unwrap_or_default()))
}

/// Gives a group another status, by itself.
async fn enter(
    tx: &mut TxScope,
    group: &failure_group::Model,
    to: FailureGroupStatus,
    now: DateTime<Utc>,
) -> Result<()> {
    use failure_group::Column;
    let resolved_at = (to == FailureGroupStatus::Resolved).then_some(now);
    tx.update::<failure_group::Entity>()
        .col_expr(Column::Status, Expr::value(to))
        .col_expr(Column::StatusAt, Expr::value(now))
        .col_expr(Column::ResolvedAt, Expr::value(resolved_at))
        .col_expr(Column::SnoozedUntil, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::SnoozedUntilCount, Expr::value(None::<i64>))
        .col_expr(Column::SnoozedUntilHourCount, Expr::value(None::<i64>))
        .filter(Column::Id.eq(group.id))
        .exec(tx.connection())
        .await
        .doing("storing the status of a group of failures")?;
    if to == FailureGroupStatus::Resolved {
        let told = resolved(tx, group).await?;
        occasion::record(tx, told).await?;
    }
    record(tx, group, NewActivity::by_itself(Change::Status { from: Some(group.status), to })).await
}

/// That a group is over, for whoever was told that it began, or one that was merged into it.
pub(crate) async fn resolved(tx: &TxScope, group: &failure_group::Model) -> Result<NewOccasion> {
    let merged: Vec<Uuid> = tx
        .find::<failure_group::Entity>()
        .select_only()
        .column(failure_group::Column::Id)
        .filter(failure_group::Column::MergedIntoId.eq(group.id))
        .order_by_asc(failure_group::Column::Id)
        .limit(TOLD_MERGED_MAX)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading what was merged into a group")?;
    let told = NewOccasion::new(OccasionKind::GroupResolved)
        .integration(group.integration_id)
        .group(group.id)
        .code(Some(group.code.clone()))
        .detail("count", group.failure_count);
    if merged.is_empty() {
        return Ok(told);
    }
    Ok(told.detail("groups", merged.iter().map(Uuid::to_string).collect::<Vec<_>>()))
}

/// Ends the groups of a system's refusals: it is connected again, and what waited is retried.
pub(super) async fn resolve_refusals(
    tx: &mut TxScope,
    refusals: [(&str, integration::Column, &str); 2],
    system_id: Uuid,
) -> Result<()> {
    use failure_group::Column;
    let now = tx.app().clock().now();
    let mut of_system = Condition::any();
    for (code, side, _component) in refusals {
        let of_side = Query::select()
            .column(integration::Column::Id)
            .from(integration::Entity)
            .and_where(integration::Column::TenantId.eq(tx.tenant_id()))
            .and_where(Expr::col(side).eq(system_id))
            .to_owned();
        of_system = of_system.add(Column::Code.eq(code).and(Column::IntegrationId.in_subquery(of_side)));
    }
    let groups = tx
        .find::<failure_group::Entity>()
        .filter(of_system)
        .filter(Column::FailureCount.gt(0))
        .filter(Column::MergedIntoId.is_null())
        .filter(Column::Status.is_not_in([FailureGroupStatus::Resolved, FailureGroupStatus::Ignored]))
        .order_by_asc(Column::Id)
        .limit(SWEPT_MAX)
        .lock(LockType::NoKeyUpdate)
        .all(tx.connection())
        .await
        .doing("reading groups of a system's refusals")?;
    for group in groups {
        enter(tx, &group, FailureGroupStatus::Resolved, now).await?;
    }
    Ok(())
}

impl Background {
    /// Looks at some of the groups that are not over, those behind `after` by their ids: what is over and quiet is
    /// resolved, snoozes end. Answers with how many changed, and with where the next call goes on.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used; what was done stands.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub async fn sweep_groups(&self, after: Uuid) -> Result<(u64, Uuid)> {
        use failure_group::Column;
        let now = self.app().clock().now();
        let groups = failure_group::Entity::find()
            .filter(Column::Id.gt(after))
            .filter(Column::Status.is_not_in([FailureGroupStatus::Resolved, FailureGroupStatus::Ignored]))
            .filter(Column::FailureCount.gt(0))
            .filter(Column::MergedIntoId.is_null())
            .order_by_asc(Column::Id)
            .limit(SWEPT_MAX)
            .all(self.app().across_tenants().writer())
            .await
            .doing("reading groups of failures")?;
        let is_full = groups.len() as u64 == SWEPT_MAX;
        let next = groups.last().filter(|_| is_full).map_or(Uuid::nil(), |group| group.id);
        let quiet = Duration::from_std(self.app().group_quiet()).unwrap_or(Duration::MAX);
        // What somebody has just decided stands for as long, too.
        let is_quiet = |group: &&failure_group::Model| {
            now.signed_duration_since(Ord::max(group.last_seen_at, group.status_at)) >= quiet
        };
        let quiet: Vec<&failure_group::Model> = groups.iter().filter(is_quiet).collect();
        let over = over(self.app().across_tenants().writer(), &quiet).await?;
        let mut changed = 0;
        for group in &groups {
            let Some(to) = after_time(group, over.contains(&group.id), now) else { continue };
            let mut tx = TxScope::begin(self.app(), group.tenant_id).await?;
            // The row is locked by this, and then seen as it is now.
            let same = tx
                .update::<failure_group::Entity>()
                .col_expr(Column::StatusAt, Expr::value(now))
                .filter(Column::Id.eq(group.id))
                .filter(Column::Status.eq(group.status))
                .filter(Column::LastSeenAt.eq(group.last_seen_at))
                .filter(Column::StatusAt.eq(group.status_at))
                .exec(tx.connection())
                .await
                .doing("locking a group of failures")?;
            let is_still_so = to != FailureGroupStatus::Resolved
                || !self::over(tx.connection(), &[group]).await?.is_empty();
            if same.rows_affected == 0 || !is_still_so {
                continue;
            }
            enter(&mut tx, group, to, now).await?;
            tx.commit().await?;
            changed += 1;
        }
        Ok((changed, next))
    }

    /// Deletes hours of groups that are too old to be asked for, some at a time. Answers with how many.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub(super) async fn purge_group_hours(&self) -> Result<u64> {
        use failure_group_hour::Column;
        let before = self.app().clock().now() - Duration::days(HOURS_KEPT_DAYS);
        let some = Query::select()
            .columns([Column::TenantId, Column::GroupId, Column::HourAt])
            .from(failure_group_hour::Entity)
            .and_where(Column::HourAt.lt(before))
            .limit(PURGED_MAX)
            .to_owned();
        let mut purged = 0;
        for _ in 0..PURGES_MAX {
            let row = [Column::TenantId, Column::GroupId, Column::HourAt].map(Expr::col);
            let deleted = failure_group_hour::Entity::delete_many()
                .filter(Expr::tuple(row).in_subquery(some.clone()))
                .exec(self.app().across_tenants().writer())
                .await
                .doing("deleting old hours of groups")?;
            purged += deleted.rows_affected;
            if deleted.rows_affected < PURGED_MAX {
                break;
            }
        }
        Ok(purged)
    }
}

/// Those of which no failure is open, of what was merged into them neither.
#[expect(clippy::disallowed_methods, reason = "rows by their ids, for a named cross-tenant function")]
async fn over(connection: &impl ConnectionTrait, groups: &[&failure_group::Model]) -> Result<Vec<Uuid>> {
    use failure_group::Column;
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let member = Alias::new("member");
    let open = Query::select()
        .expr(Expr::val(1))
        .from(failure::Entity)
        .join_as(
            sea_orm::sea_query::JoinType::InnerJoin,
            failure_group::Entity,
            member.clone(),
            Expr::col((member.clone(), Column::TenantId))
                .equals((failure::Entity, failure::Column::TenantId))
                .and(
                    Expr::col((member.clone(), Column::Id))
                        .equals((failure::Entity, failure::Column::GroupId)),
                ),
        )
        .and_where(
            Expr::col((failure::Entity, failure::Column::Status)).is_in(
                [FailureStatus::Open, FailureStatus::Retrying]
                    .map(|status| sea_orm::ActiveEnum::to_value(&status)),
            ),
        )
        .and_where(
            Expr::col((member.clone(), Column::TenantId)).equals((failure_group::Entity, Column::TenantId)),
        )
        .and_where(
            Expr::col((member.clone(), Column::Id))
                .equals((failure_group::Entity, Column::Id))
                .or(Expr::col((member, Column::MergedIntoId)).equals((failure_group::Entity, Column::Id))),
        )
        .to_owned();
    failure_group::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(groups.iter().map(|group| group.id)))
        .filter(Expr::exists(open).not())
        .into_tuple()
        .all(connection)
        .await
        .doing("looking which groups of failures are over")
}
