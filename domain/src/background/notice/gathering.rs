//! Notices that gather what is told together: one of a policy and channel at a time. However many occasions come, a row
//! names some and counts the others.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::notice::{self, NoticeItem, NoticeItemList, NoticeKind, NoticeWait};
use entity::{notice_channel, notice_policy};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use super::super::transaction::BatchTx;
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::notice::door;

/// Occasions that a gathered notice names: more than anybody reads, some 50 KB.
const NAMED_MAX: usize = 50;

pub(super) struct Gathering {
    /// By policy and channel.
    rows: HashMap<(Uuid, Uuid), Gathered>,
}

struct Gathered {
    row: notice::Model,
    is_new: bool,
    is_changed: bool,
    /// It goes out earlier than it was to.
    is_earlier: bool,
}

impl Gathering {
    /// What these policies gather.
    pub(super) async fn read(tx: &BatchTx, policies: Vec<Uuid>) -> Result<Self> {
        let rows = door::find::<notice::Entity>()
            .filter(notice::Column::SentAt.is_null())
            .filter(tx.one_of(notice::Column::PolicyId, policies))
            .all(tx.connection())
            .await
            .doing("reading what is gathered")?;
        let rows = rows.into_iter().filter_map(|row| {
            let key = (row.policy_id?, row.channel_id);
            Some((key, Gathered { row, is_new: false, is_changed: false, is_earlier: false }))
        });
        Ok(Self { rows: rows.collect() })
    }

    /// Adds one, to be told by then; where something is gathered already, with that, when the first of both is due.
    pub(super) fn add(
        &mut self,
        policy: &notice_policy::Model,
        channel: &notice_channel::Model,
        item: NoticeItem,
        at: DateTime<Utc>,
        why: NoticeWait,
        now: DateTime<Utc>,
    ) {
        let gathered = self.rows.entry((policy.id, channel.id)).or_insert_with(|| Gathered {
            row: notice::Model {
                id: new_id(),
                tenant_id: policy.tenant_id,
                policy_id: Some(policy.id),
                policy_name: Some(policy.name.clone()),
                channel_id: channel.id,
                channel_name: channel.name.clone(),
                kind: NoticeKind::Digest,
                occasion_kind: None,
                integration_id: item.integration_id,
                items: NoticeItemList::default(),
                item_count: 0,
                waits_for: Some(why),
                due_at: Some(at),
                sent_at: None,
                created_at: now,
            },
            is_new: true,
            is_changed: false,
            is_earlier: false,
        });
        gathered.is_changed = true;
        let row = &mut gathered.row;
        if row.due_at.is_none_or(|due_at| at < due_at) {
            (row.due_at, row.waits_for) = (Some(at), Some(why));
            gathered.is_earlier = true;
        }
        row.integration_id = row.integration_id.filter(|id| Some(*id) == item.integration_id);
        row.item_count += 1;
        if row.items.0.len() < NAMED_MAX {
            row.items.0.push(item);
        }
    }

    pub(super) async fn store(self, tx: &BatchTx) -> Result<()> {
        let (new, known): (Vec<_>, Vec<_>) = self
            .rows
            .into_values()
            .filter(|gathered| gathered.is_changed)
            .partition(|gathered| gathered.is_new);
        let new = new.into_iter().map(|gathered| gathered.row).collect();
        tx.insert_many::<notice::Entity>(new, "storing what is gathered").await?;
        for Gathered { row, is_earlier, .. } in known {
            let mut update = door::update::<notice::Entity>()
                .col_expr(notice::Column::Items, Expr::value(row.items))
                .col_expr(notice::Column::ItemCount, Expr::value(row.item_count))
                .col_expr(notice::Column::IntegrationId, Expr::value(row.integration_id));
            if is_earlier {
                update = update
                    .col_expr(notice::Column::DueAt, Expr::value(row.due_at))
                    .col_expr(notice::Column::WaitsFor, Expr::value(row.waits_for));
            }
            update
                .filter(notice::Column::Id.eq(row.id))
                .exec(tx.connection())
                .await
                .doing("storing what is gathered")?;
        }
        Ok(())
    }
}
