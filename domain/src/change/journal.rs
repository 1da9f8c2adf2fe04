//! What changed while a listener was away: each transaction leaves a row for each kind and integration of which it changed
//! something, with the ids, in one statement that is its last before the commit. It is kept for an hour. Deliberately absent:
//! runs that begin and go on, which is what most transactions are about; they are found by their status. See ADR 64.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use entity::change;
use sea_orm::sea_query::Order;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{Change, ChangeKind};
use crate::actor::Actor;
use crate::app::App;
use crate::audit::{self, Entry};
use crate::clock::common_time;
use crate::database::IDLE_IN_TRANSACTION_MAX;
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::insert::insert_rows;
use crate::permission::Permission;
use crate::run;

/// Objects that a listener is told of when it comes back, the newest: a page of a list.
pub const CATCH_UP_MAX: usize = 100;
/// How long changes are kept, in minutes. Who was away for longer reads everything anew anyway.
pub const KEPT_MINUTES: i64 = 60;
/// So much further back is looked, in seconds: a row is seen only after the time in its id, and who has caught up meanwhile
/// must not miss it. It is made and stored last in its transaction, and PostgreSQL ends one whose process asks for nothing for
/// [`IDLE_IN_TRANSACTION_MAX`], which may be so once before the statement and once after it. The rest is for the statement and
/// the commit, and for times of callers whose clock is not quite right. What is told twice is as it is now.
const OVERLAP_SECONDS: i64 = 2 * IDLE_IN_TRANSACTION_MAX.as_secs() as i64 + 5;
/// Rows that are read for one listener, at most. Of one integration fewer of them may be.
const ROWS_READ_MAX: u64 = 1_000;
/// Rows that one statement of a purge deletes.
const PURGED_ROWS_MAX: u64 = 5_000;
/// Statements of one purge for each kind; the next one goes on.
const PURGES_MAX: u32 = 400;
/// How much longer rows are kept than they are read, in minutes.
const KEPT_LONGER_MINUTES: i64 = 10;

/// What a listener missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Objects that changed, each once, the last one last; at most [`CATCH_UP_MAX`], the newest.
    pub ids: Vec<Uuid>,
    /// There is nothing else.
    pub is_whole: bool,
}

/// What of a kind has changed since a time, in the caller's tenants, and of one integration where one is named. Of retries
/// nothing is kept.
///
/// # Errors
/// Denied without the permission, which is that of reading such objects.
pub async fn since(
    actor: &Actor,
    kind: ChangeKind,
    permission: Permission,
    integration_id: Option<Uuid>,
    since: DateTime<Utc>,
) -> Result<Missed> {
    use change::{Column, Entity};
    let scope = actor.authorize(permission)?;
    let Some(kept) = kept_as(kind) else { return Ok(Missed { ids: Vec::new(), is_whole: true }) };
    let is_kept = since >= now() - Duration::minutes(KEPT_MINUTES);
    let from = first_id(since - Duration::seconds(OVERLAP_SECONDS));
    let rows: Vec<(Uuid, i32, Vec<u8>)> = scope
        .find::<Entity>()
        .filter(Column::Kind.eq(kept))
        .filter(Column::Id.gte(from))
        .order_by(Column::Id, Order::Desc)
        .limit(ROWS_READ_MAX)
        .tuples([Column::IntegrationId, Column::ObjectCount, Column::Objects])
        .await?;
    let mut newest = Newest { is_whole: is_kept && (rows.len() as u64) < ROWS_READ_MAX, ..Newest::default() };
    if kind == ChangeKind::Run {
        for id in run::under_way_since(&scope, integration_id, from, CATCH_UP_MAX as u64 + 1).await? {
            newest.add(id);
        }
    }
    for (of, count, objects) in rows {
        if integration_id.is_none_or(|id| id == of) {
            let ids = unpack(&objects);
            newest.is_whole &= usize::try_from(count) == Ok(ids.len());
            ids.into_iter().rev().for_each(|id| newest.add(id));
        }
    }
    newest.ids.reverse();
    Ok(Missed { ids: newest.ids, is_whole: newest.is_whole })
}

/// The time by which changes are kept: that of ids.
pub fn now() -> DateTime<Utc> {
    common_time()
}

/// Objects, the newest change first.
#[derive(Default)]
struct Newest {
    ids: Vec<Uuid>,
    known: HashSet<Uuid>,
    is_whole: bool,
}

impl Newest {
    fn add(&mut self, id: Uuid) {
        if self.known.contains(&id) {
            return;
        }
        if self.ids.len() >= CATCH_UP_MAX {
            self.is_whole = false;
        } else {
            self.known.insert(id);
            self.ids.push(id);
        }
    }
}

/// The smallest id that a row may have which is made at this time (RFC 9562, section 5.7).
fn first_id(at: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}

/// Enters in the audit log what the call under way does, keeps what was changed, and commits. In this order, because the log
/// may have to wait for others of the tenant.
pub(crate) async fn commit(
    tx: DatabaseTransaction,
    entry: Entry,
    changes: &[Change],
    doing: &'static str,
) -> Result<()> {
    let pending = audit::enter(&tx, entry).await?;
    keep(&tx, changes).await?;
    tx.commit().await.doing(doing)?;
    pending.committed();
    Ok(())
}

/// Keeps what a transaction changed, in the transaction; nothing but its commit may come after.
pub(crate) async fn keep(tx: &DatabaseTransaction, changes: &[Change]) -> Result<()> {
    let rows = rows(changes);
    if rows.is_empty() {
        return Ok(());
    }
    insert_rows::<change::Entity>(tx, rows, "keeping what changed").await
}

fn rows(changes: &[Change]) -> Vec<change::Model> {
    let mut by_place: BTreeMap<_, (Vec<Uuid>, HashSet<Uuid>)> = BTreeMap::new();
    for change in changes {
        if let (Some(kind), Some(integration_id)) = (kept_as(change.kind), change.integration_id) {
            let (ids, known) = by_place.entry((kind, change.tenant_id, integration_id)).or_default();
            if known.insert(change.id) {
                ids.push(change.id);
            }
        }
    }
    let row = |((kind, tenant_id, integration_id), (ids, _)): ((_, Uuid, Uuid), (Vec<Uuid>, _))| {
        let last = &ids[ids.len().saturating_sub(CATCH_UP_MAX)..];
        change::Model {
            kind,
            id: new_id(),
            tenant_id,
            integration_id,
            object_count: i32::try_from(ids.len()).unwrap_or(i32::MAX),
            objects: last.iter().flat_map(|id| *id.as_bytes()).collect(),
        }
    };
    by_place.into_iter().map(row).collect()
}

/// Sixteen bytes each; what is left over can't be.
fn unpack(objects: &[u8]) -> Vec<Uuid> {
    objects.chunks_exact(16).filter_map(|bytes| Uuid::from_slice(bytes).ok()).collect()
}

fn kept_as(kind: ChangeKind) -> Option<change::ChangeKind> {
    match kind {
        ChangeKind::Run => Some(change::ChangeKind::Run),
        ChangeKind::Failure => Some(change::ChangeKind::Failure),
        ChangeKind::FailureGroup => Some(change::ChangeKind::FailureGroup),
        ChangeKind::Health => Some(change::ChangeKind::Health),
        // A subscription names its retry, whose state comes first.
        ChangeKind::Retry => None,
    }
}

/// Deletes what nobody is told any more.
#[expect(clippy::disallowed_methods, reason = "of every tenant, by its age alone")]
pub(crate) async fn purge(app: &App) -> Result<u64> {
    use change::{Column, Entity};
    let before = first_id(now() - Duration::minutes(KEPT_MINUTES + KEPT_LONGER_MINUTES));
    let connection = app.across_tenants().writer();
    let mut purged = 0;
    for kind in [
        change::ChangeKind::Run,
        change::ChangeKind::Failure,
        change::ChangeKind::FailureGroup,
        change::ChangeKind::Health,
    ] {
        for _ in 0..PURGES_MAX {
            let old = Entity::find()
                .select_only()
                .column(Column::Id)
                .filter(Column::Kind.eq(kind))
                .filter(Column::Id.lt(before))
                .order_by(Column::Id, Order::Asc)
                .limit(PURGED_ROWS_MAX);
            let last: Vec<Uuid> =
                old.into_tuple().all(connection).await.doing("looking for changes that are old")?;
            let Some(last_id) = last.last().copied() else { break };
            let deleted = Entity::delete_many()
                .filter(Column::Kind.eq(kind))
                .filter(Column::Id.lte(last_id))
                .exec(connection)
                .await
                .doing("deleting changes that are old")?;
            purged += deleted.rows_affected;
            if (last.len() as u64) < PURGED_ROWS_MAX {
                break;
            }
        }
    }
    Ok(purged)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{CATCH_UP_MAX, Newest, first_id, rows, unpack};
    use crate::change::{Change, ChangeKind};
    use crate::id::new_id;

    fn change(kind: ChangeKind, id: u128, integration: Option<u128>) -> Change {
        let integration_id = integration.map(Uuid::from_u128);
        Change { kind, tenant_id: Uuid::from_u128(1), id: Uuid::from_u128(id), integration_id }
    }

    #[test]
    fn a_transaction_leaves_a_row_for_each_kind_and_integration() {
        let changes = [
            change(ChangeKind::Failure, 10, Some(5)),
            change(ChangeKind::Run, 20, Some(5)),
            change(ChangeKind::Retry, 30, None),
            change(ChangeKind::Failure, 11, Some(5)),
            change(ChangeKind::Failure, 10, Some(5)),
            change(ChangeKind::Failure, 12, Some(6)),
        ];
        let kept: Vec<(entity::change::ChangeKind, u128, i32, Vec<u128>)> = rows(&changes)
            .iter()
            .map(|row| {
                let ids = unpack(&row.objects).iter().map(|id| id.as_u128()).collect();
                (row.kind, row.integration_id.as_u128(), row.object_count, ids)
            })
            .collect();
        let (run, failure) = (entity::change::ChangeKind::Run, entity::change::ChangeKind::Failure);
        assert_eq!(kept, [(run, 5, 1, vec![20]), (failure, 5, 2, vec![10, 11]), (failure, 6, 1, vec![12])]);
    }

    #[test]
    fn of_many_objects_the_last_are_kept_and_how_many_there_were() {
        let count = CATCH_UP_MAX as u128 + 50;
        let changes: Vec<Change> = (0..count).map(|id| change(ChangeKind::Failure, id, Some(5))).collect();
        let kept = rows(&changes);
        assert_eq!((kept.len(), kept[0].object_count), (1, 150));
        let ids = unpack(&kept[0].objects);
        assert_eq!((ids.len(), ids[0].as_u128(), ids[99].as_u128()), (100, 50, 149));
    }

    #[test]
    fn the_newest_are_told_and_that_there_were_more() {
        let mut newest = Newest { is_whole: true, ..Newest::default() };
        (0..CATCH_UP_MAX as u128).for_each(|id| newest.add(Uuid::from_u128(id)));
        newest.add(Uuid::from_u128(0));
        assert!(newest.is_whole, "again the same");
        newest.add(Uuid::from_u128(u128::MAX));
        assert!(!newest.is_whole);
        assert_eq!(newest.ids.len(), CATCH_UP_MAX);
    }

    #[test]
    fn ids_of_a_time_are_behind_its_first() {
        let before = crate::clock::common_time();
        let id = new_id();
        assert!(first_id(before) <= id);
        assert!(id < first_id(before + chrono::Duration::seconds(60)));
    }
}
