//! Data stewards are told by mail when their integration is held for what its records are: a quality gate closed, they have
//! other fields, or too many are gone. That needs no policy, for it is theirs to decide. When it is over, they are told as
//! well. Who gets the same by a policy gets no second mail.

use std::collections::{BTreeSet, HashMap};

use entity::contact;
use entity::integration_contact::{self, ContactRole};
use entity::notice::{self, NoticeItemList, NoticeKind};
use entity::notice_channel::{self, NoticeChannelStatus};
use entity::occasion::{self, OccasionKind};
use entity::string_list::StringList;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::super::transaction::BatchTx;
use super::Step;
use crate::contact::door as contacts;
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::notice::words::item;
use crate::notice::{deliveries_of, door, standard};
use crate::permission::Audience;

/// Whom a notice says that it went to, in place of the name of a channel.
const TO: &str = "Data steward";
/// Earlier notices that are looked at for whether a steward knows of a hold: of what ends in one step.
const TOLD_MAX: u64 = 1_000;

/// Whether an integration is held for its records: what failed has a failure.
fn is_for_records(occasion: &occasion::Model) -> bool {
    occasion.kind == OccasionKind::Held && occasion.failure_id.is_none()
}

/// Mail addresses of the stewards who are to be told of some of these occasions, by integration.
pub(super) async fn stewards(tx: &BatchTx, occasions: &[occasion::Model]) -> Result<HashMap<Uuid, String>> {
    let doing = "reading data stewards";
    let held = occasions.iter().filter(|occasion| is_for_records(occasion));
    let mut integrations: BTreeSet<Uuid> = held.filter_map(|occasion| occasion.integration_id).collect();
    let over: Vec<&occasion::Model> =
        occasions.iter().filter(|occasion| occasion.kind == OccasionKind::Resumed).collect();
    integrations.extend(who_know(tx, &over).await?);
    if integrations.is_empty() {
        return Ok(HashMap::new());
    }
    let named = contacts::find::<integration_contact::Entity>()
        .filter(tx.one_of(integration_contact::Column::IntegrationId, integrations))
        .filter(integration_contact::Column::Role.eq(ContactRole::DataSteward))
        .all(tx.connection())
        .await
        .doing(doing)?;
    let people = contacts::find::<contact::Entity>()
        .filter(tx.one_of(contact::Column::Id, named.iter().map(|row| row.contact_id)))
        // The operator's people have their own notices.
        .filter(contact::Column::TenantId.is_not_null())
        .filter(contact::Column::Email.is_not_null())
        .all(tx.connection())
        .await
        .doing(doing)?;
    let addresses: HashMap<Uuid, String> =
        people.into_iter().filter_map(|row| Some((row.id, row.email?))).collect();
    let of =
        |row: integration_contact::Model| Some((row.integration_id, addresses.get(&row.contact_id)?.clone()));
    Ok(named.into_iter().filter_map(of).collect())
}

/// Integrations of whose hold their steward was told last, and not yet that it is over.
async fn who_know(tx: &BatchTx, over: &[&occasion::Model]) -> Result<Vec<Uuid>> {
    if over.is_empty() {
        return Ok(Vec::new());
    }
    let tenants = over.iter().filter_map(|occasion| occasion.tenant_id);
    let integrations = over.iter().filter_map(|occasion| occasion.integration_id);
    let told: Vec<(Option<Uuid>, Option<OccasionKind>)> = door::find::<notice::Entity>()
        .select_only()
        .column(notice::Column::IntegrationId)
        .column(notice::Column::OccasionKind)
        .filter(tx.one_of(notice::Column::TenantId, tenants))
        .filter(tx.one_of(notice::Column::IntegrationId, integrations))
        .filter(notice::Column::PolicyId.is_null())
        .filter(notice::Column::ChannelName.eq(TO))
        .order_by_desc(notice::Column::Id)
        .limit(TOLD_MAX)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading what data stewards were told")?;
    let mut latest: HashMap<Uuid, bool> = HashMap::new();
    for (integration, kind) in told {
        if let Some(integration) = integration {
            latest.entry(integration).or_insert(kind == Some(OccasionKind::Held));
        }
    }
    Ok(latest.into_iter().filter(|(_, is_held)| *is_held).map(|(integration, _)| integration).collect())
}

impl Step<'_> {
    /// Tells the steward of an occasion's integration, unless one of the deliveries from `first` on goes there anyhow.
    pub(super) fn tell_steward(&mut self, occasion: &occasion::Model, first: usize) {
        let is_over = occasion.kind == OccasionKind::Resumed;
        if !is_for_records(occasion) && !is_over {
            return;
        }
        let steward = occasion.integration_id.and_then(|id| self.stewards.get(&id));
        let (Some(tenant_id), Some(address)) = (occasion.tenant_id, steward.cloned()) else { return };
        let told = &self.deliveries[first.min(self.deliveries.len())..];
        if told.iter().any(|delivery| delivery.recipient.as_ref() == Some(&address)) {
            return;
        }
        // Mail goes the way of the channel that everybody has, where that is not switched off.
        let channel = self.owners.channel(standard::channel_id(Some(tenant_id)));
        let Some(channel) = channel.filter(|channel| channel.status == NoticeChannelStatus::Active) else {
            return;
        };
        let addresses = StringList(vec![address]);
        let to_them = notice_channel::Model { addresses, to_admins: false, ..channel.clone() };
        let link = self.background.app().people().notice_link.as_ref();
        let told = item(occasion, &self.around, &self.language(), Audience::Customer, link);
        let row = notice::Model {
            id: new_id(),
            tenant_id: Some(tenant_id),
            policy_id: None,
            policy_name: None,
            channel_id: to_them.id,
            channel_name: TO.to_owned(),
            kind: NoticeKind::Single,
            occasion_kind: Some(occasion.kind),
            integration_id: occasion.integration_id,
            items: NoticeItemList(vec![told]),
            item_count: 1,
            waits_for: None,
            due_at: None,
            sent_at: Some(self.now),
            created_at: self.now,
        };
        let sends_mail = self.background.app().people().mail.is_some();
        self.deliveries.extend(deliveries_of(&row, &to_them, &[], sends_mail, self.now));
        self.sent.push(row);
    }
}
