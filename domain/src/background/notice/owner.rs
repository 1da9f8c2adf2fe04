//! Whose policies and channels a step needs: those of its tenants, and the operator's.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::{notice, notice_channel, notice_delivery, notice_policy};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::super::Background;
use super::super::transaction::BatchTx;
use crate::error::{Doing, Result};
use crate::notice::{admins, deliveries_of, door, standard};

/// Policies and channels by owner; `None` is the operator.
pub(super) struct Owners {
    policies: HashMap<Uuid, notice_policy::Model>,
    channels: HashMap<Uuid, notice_channel::Model>,
    admins: HashMap<Option<Uuid>, Vec<String>>,
    sends_mail: bool,
}

impl Owners {
    /// Those of these owners, with what everybody has made where it is missing.
    pub(super) async fn read(
        background: &Background,
        tx: &BatchTx,
        owners: impl Iterator<Item = Option<Uuid>>,
    ) -> Result<Self> {
        let owners: BTreeSet<Option<Uuid>> = owners.collect();
        let mut policies = policies(tx, &owners).await?;
        let missing: Vec<Option<Uuid>> = owners
            .iter()
            .copied()
            .filter(|owner| !policies.contains_key(&standard::policy_id(*owner)))
            .collect();
        for owner in &missing {
            standard::ensure(tx.connection(), *owner, tx.now()).await?;
        }
        if !missing.is_empty() {
            policies = self::policies(tx, &owners).await?;
        }
        let channels = channels(tx, &owners).await?;
        let mut admins_of = HashMap::new();
        let to_admins =
            |owner| channels.values().any(|channel| channel.tenant_id == owner && channel.to_admins);
        for owner in owners.iter().copied().filter(|owner| to_admins(*owner)) {
            admins_of.insert(owner, admins(tx.connection(), owner).await?);
        }
        let sends_mail = background.app().people().mail.is_some();
        Ok(Self { policies, channels, admins: admins_of, sends_mail })
    }

    pub(super) fn policy(&self, id: Uuid) -> Option<&notice_policy::Model> {
        self.policies.get(&id)
    }

    pub(super) fn policy_ids(&self) -> Vec<Uuid> {
        self.policies.keys().copied().collect()
    }

    pub(super) fn channel(&self, id: Uuid) -> Option<&notice_channel::Model> {
        self.channels.get(&id)
    }

    pub(super) fn channels_of(&self, owner: Option<Uuid>) -> impl Iterator<Item = &notice_channel::Model> {
        self.channels.values().filter(move |channel| channel.tenant_id == owner)
    }

    /// Policies that look at what a tenant, or the operator alone, has to be told: its own, and the operator's.
    pub(super) fn policies_for(&self, tenant_id: Option<Uuid>) -> Vec<Uuid> {
        let mut ids: Vec<Uuid> = self
            .policies
            .values()
            .filter(|policy| policy.tenant_id.is_none() || policy.tenant_id == tenant_id)
            .map(|policy| policy.id)
            .collect();
        ids.sort_unstable();
        ids
    }

    /// A notice on its way to each receiver of its channel; to nobody when that was deleted meanwhile.
    pub(super) fn deliveries(
        &self,
        notice: &notice::Model,
        now: DateTime<Utc>,
    ) -> Vec<notice_delivery::Model> {
        let Some(channel) = self.channels.get(&notice.channel_id) else { return Vec::new() };
        let admins = self.admins.get(&notice.tenant_id).map_or(&[][..], Vec::as_slice);
        deliveries_of(notice, channel, admins, self.sends_mail, now)
    }
}

/// That a column names one of these owners.
fn one_of<C: ColumnTrait>(tx: &BatchTx, column: C, owners: &BTreeSet<Option<Uuid>>) -> Condition {
    let mut each = Condition::any().add(tx.one_of(column, owners.iter().copied().flatten()));
    if owners.contains(&None) {
        each = each.add(column.is_null());
    }
    each
}

async fn policies(
    tx: &BatchTx,
    owners: &BTreeSet<Option<Uuid>>,
) -> Result<HashMap<Uuid, notice_policy::Model>> {
    let rows = door::find::<notice_policy::Entity>()
        .filter(one_of(tx, notice_policy::Column::TenantId, owners))
        .order_by_asc(notice_policy::Column::Id)
        .all(tx.connection())
        .await
        .doing("reading policies")?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// Until the end of the transaction they are as they are read: what is queued for an active one is not left over when it is
/// disabled meanwhile, and what is put aside for a disabled one not when it is activated.
async fn channels(
    tx: &BatchTx,
    owners: &BTreeSet<Option<Uuid>>,
) -> Result<HashMap<Uuid, notice_channel::Model>> {
    let rows = door::find::<notice_channel::Entity>()
        .filter(one_of(tx, notice_channel::Column::TenantId, owners))
        .order_by_asc(notice_channel::Column::Id)
        .lock(LockType::Share)
        .all(tx.connection())
        .await
        .doing("reading channels")?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}
