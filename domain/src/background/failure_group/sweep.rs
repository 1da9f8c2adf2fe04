//! What only time brings to groups of failures: what is over and quiet is resolved, snoozes end, old hours go.

use chrono::{DateTime, Duration, Utc};
use entity::failure::{self, FailureStatus};
use entity::failure_group::{self, FailureGroupStatus};
use entity::failure_group_hour;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, Query};
use sea_orm::{ActiveEnum, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::super::Background;
use super::{SWEPT_MAX, enter};
use crate::error::{Doing, Result};
use crate::failure_group::HOURS_KEPT_DAYS;
use crate::failure_group::state::after_time;
use crate::scope::TxScope;

/// Hours that one statement deletes: it keeps the transaction short.
const PURGED_MAX: u64 = 10_000;
/// Statements of one purge.
const PURGES_MAX: u64 = 20;

impl Background {
    /// Looks at some of the groups that are not over, those behind `after` by their ids: what is over and quiet is
    /// resolved, snoozes end. One that can't be swept is logged, and keeps no other one from it. Answers with how many changed,
    /// and with where the next call goes on.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used; what was done stands.
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
            match self.sweep_group(group, to, now).await {
                Ok(has_changed) => changed += u64::from(has_changed),
                Err(error) if error.outage().is_some() => return Err(error),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        tenant.id = %group.tenant_id,
                        group.id = %group.id,
                        error,
                        "a group of failures can't be swept"
                    );
                }
            }
        }
        Ok((changed, next))
    }

    /// Whether it is in this status now; not where somebody else has changed it meanwhile.
    async fn sweep_group(
        &self,
        group: &failure_group::Model,
        to: FailureGroupStatus,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        use failure_group::Column;
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
        let is_still_so =
            to != FailureGroupStatus::Resolved || !over(tx.connection(), &[group]).await?.is_empty();
        if same.rows_affected == 0 || !is_still_so {
            return Ok(false);
        }
        enter(&mut tx, group, to, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Deletes hours of groups that are too old to be asked for, some at a time. Answers with how many.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub(in crate::background) async fn purge_group_hours(&self) -> Result<u64> {
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
            JoinType::InnerJoin,
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
            Expr::col((failure::Entity, failure::Column::Status))
                .is_in([FailureStatus::Open, FailureStatus::Retrying].map(|status| status.to_value())),
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
