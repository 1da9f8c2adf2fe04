//! What becomes of occasions: each is held against the policies of its tenant and of the operator, and told at once or
//! gathered for later; who was told that something failed is told that it is over. One process does it at a time, any,
//! without a leader: who finds another at it comes again. Each step is one transaction, so that a crash repeats nothing and
//! leaves nothing out.
//!
//! Deliberately absent: words (`notice`), sending (`delivery`).

mod delivery;
mod gathering;
mod owner;
mod steward;

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::notice::{self, NoticeKind};
use entity::notice_channel::NoticeChannelStatus;
use entity::occasion::{self, OccasionKind};
use entity::system::SystemStatus;
use entity::{
    failure, integration, notice_channel, notice_delivery, notice_policy, notice_subject, system, tenant,
};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, Iterable, QueryFilter, QueryOrder,
    QuerySelect, Statement,
};
use uuid::Uuid;

use super::Background;
use super::transaction::BatchTx;
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::notice::subject::{begun, ended, system_of};
use crate::notice::timing::{self, When, when};
use crate::notice::words::{Surroundings, item, systems_besides};
use crate::notice::{door, standard};
use crate::notice_policy::selects;
use crate::occasion::NewOccasion;
use crate::permission::Audience;
use crate::words::{Language, Locale};

pub use delivery::slots::{DeliverySlot, DeliverySlots, UnderWay};
pub use delivery::{Answer, Delivery, DeliveryOutcome, NOTICE_LEASE_SECONDS, OutgoingNotice};

use gathering::Gathering;
use owner::Owners;

/// Occasions of one step: a second of work, and a few megabytes.
const OCCASIONS_MAX: u64 = 200;
/// Deliveries after which a step takes no further occasion: what it holds in memory, and how long it keeps channels from being
/// changed.
const DELIVERIES_MAX: usize = 5_000;
/// Gathered notices that one step sends.
const DUE_MAX: u64 = 100;
/// Systems that are looked at whether their sign-in is in order again, in one step.
const SYSTEMS_MAX: u64 = 500;
/// Integrations of a system that a notice may name.
const USERS_MAX: u64 = 1_000;
/// Tenants that get what everybody has in one step.
const TENANTS_MAX: u64 = 500;
/// The lock of who makes notices.
const LOCK: i64 = 5_406_231_877;

impl Background {
    /// Makes notices of the next occasions. Answers with how many it took; 0 also when another process is at it.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used; then nothing was done.
    pub async fn notice_occasions(&self) -> Result<u64> {
        if !self.is_anything_waiting().await? {
            return Ok(0);
        }
        let tx = BatchTx::begin(self.app()).await?;
        if !is_mine(&tx).await? {
            return Ok(0);
        }
        let occasions = door::find::<occasion::Entity>()
            .filter(occasion::Column::NoticedAt.is_null())
            .order_by_asc(occasion::Column::Id)
            .limit(OCCASIONS_MAX)
            .all(tx.connection())
            .await
            .doing("reading occasions")?;
        if occasions.is_empty() {
            return Ok(0);
        }
        let now = tx.now();
        let mut step = Step::begin(self, &tx, &occasions, now).await?;
        let mut noticed = Vec::with_capacity(occasions.len());
        for occasion in &occasions {
            step.notice(occasion);
            noticed.push(occasion.id);
            if step.deliveries.len() >= DELIVERIES_MAX {
                break;
            }
        }
        let count = noticed.len() as u64;
        step.store().await?;
        door::update::<occasion::Entity>()
            .col_expr(occasion::Column::NoticedAt, Expr::value(Some(now)))
            .filter(tx.one_of(occasion::Column::Id, noticed))
            .exec(tx.connection())
            .await
            .doing("storing that occasions were noticed")?;
        tx.commit().await?;
        Ok(count)
    }

    /// Sends what was gathered and is due. Answers with how many notices.
    ///
    /// # Errors
    /// As [`notice_occasions`](Self::notice_occasions).
    pub async fn send_due_notices(&self) -> Result<u64> {
        let now = self.app().clock().now();
        let due = || {
            door::find::<notice::Entity>()
                .filter(notice::Column::SentAt.is_null())
                .filter(notice::Column::DueAt.lte(now))
                .order_by_asc(notice::Column::DueAt)
        };
        let first = due().one(self.app().across_tenants().writer()).await.doing("looking for due notices")?;
        if first.is_none() {
            return Ok(0);
        }
        let tx = BatchTx::begin(self.app()).await?;
        if !is_mine(&tx).await? {
            return Ok(0);
        }
        let rows = due().limit(DUE_MAX).all(tx.connection()).await.doing("reading due notices")?;
        let owners = Owners::read(self, &tx, rows.iter().map(|row| row.tenant_id)).await?;
        let mut deliveries = Vec::new();
        let mut counted: BTreeMap<Uuid, notice_policy::Model> = BTreeMap::new();
        for row in &rows {
            deliveries.extend(owners.deliveries(row, now));
            if let Some(policy) = row.policy_id.and_then(|id| owners.policy(id)) {
                // One of several channels of a policy counts for all.
                counted.entry(policy.id).or_insert_with(|| {
                    let mut policy = policy.clone();
                    timing::count(&mut policy, now);
                    policy
                });
            }
        }
        for policy in counted.values() {
            store_window(&tx, policy).await?;
        }
        door::update::<notice::Entity>()
            .col_expr(notice::Column::SentAt, Expr::value(Some(now)))
            .filter(tx.one_of(notice::Column::Id, rows.iter().map(|row| row.id)))
            .exec(tx.connection())
            .await
            .doing("sending notices")?;
        tx.insert_many::<notice_delivery::Entity>(deliveries, "storing deliveries").await?;
        tx.commit().await?;
        Ok(rows.len() as u64)
    }

    /// Looks whether systems whose sign-in somebody was told about are in order again: what a run finds healthy that has
    /// not failed before writes no occasion. Gives tenants what everybody has that have it not.
    ///
    /// # Errors
    /// As [`notice_occasions`](Self::notice_occasions).
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub async fn look_after_notices(&self) -> Result<()> {
        let tx = BatchTx::begin(self.app()).await?;
        if !is_mine(&tx).await? {
            return Ok(());
        }
        let now = tx.now();
        let told: Vec<String> = door::find::<notice_subject::Entity>()
            .select_only()
            .column(notice_subject::Column::Subject)
            .distinct()
            .filter(notice_subject::Column::Subject.starts_with(crate::notice::subject::SIGN_IN))
            .limit(SYSTEMS_MAX)
            .into_tuple()
            .all(tx.connection())
            .await
            .doing("reading what is not over")?;
        let mut ids: HashSet<Uuid> = told.iter().filter_map(|subject| system_of(subject)).collect();
        // Of some it is written already, and about to be noticed.
        let written: Vec<Option<Uuid>> = door::find::<occasion::Entity>()
            .select_only()
            .column(occasion::Column::SystemId)
            .filter(occasion::Column::NoticedAt.is_null())
            .filter(occasion::Column::Kind.eq(OccasionKind::Reauthorized))
            .filter(tx.one_of(occasion::Column::SystemId, ids.iter().copied()))
            .into_tuple()
            .all(tx.connection())
            .await
            .doing("reading what is over and not told yet")?;
        for id in written.into_iter().flatten() {
            ids.remove(&id);
        }
        let healthy: Vec<(Uuid, Uuid)> = system::Entity::find()
            .select_only()
            .columns([system::Column::Id, system::Column::TenantId])
            .filter(tx.one_of(system::Column::Id, ids))
            .filter(system::Column::Status.eq(SystemStatus::Healthy))
            .into_tuple()
            .all(tx.connection())
            .await
            .doing("reading systems that are in order")?;
        let over: Vec<occasion::Model> = healthy
            .into_iter()
            .map(|(id, tenant_id)| {
                NewOccasion::new(OccasionKind::Reauthorized).system(id).row(Some(tenant_id), now)
            })
            .collect();
        tx.insert_many::<occasion::Entity>(over, "storing occasions").await?;
        let with_policy = sea_orm::sea_query::Query::select()
            .column(notice_policy::Column::TenantId)
            .from(notice_policy::Entity)
            .and_where(notice_policy::Column::IsDefault.eq(true))
            .and_where(notice_policy::Column::TenantId.is_not_null())
            .to_owned();
        let without: Vec<Uuid> = tenant::Entity::find()
            .select_only()
            .column(tenant::Column::Id)
            .filter(tenant::Column::Id.not_in_subquery(with_policy))
            .limit(TENANTS_MAX)
            .into_tuple()
            .all(tx.connection())
            .await
            .doing("reading tenants without a policy")?;
        for id in without.into_iter().map(Some).chain([None]) {
            standard::ensure(tx.connection(), id, now).await?;
        }
        tx.commit().await
    }

    async fn is_anything_waiting(&self) -> Result<bool> {
        let first: Option<Uuid> = door::find::<occasion::Entity>()
            .select_only()
            .column(occasion::Column::Id)
            .filter(occasion::Column::NoticedAt.is_null())
            .order_by_asc(occasion::Column::Id)
            .limit(1)
            .into_tuple()
            .one(self.app().across_tenants().writer())
            .await
            .doing("looking for occasions")?;
        Ok(first.is_some())
    }
}

/// Whether this process makes notices now: until the end of the transaction no other does. SQLite has one writer anyhow.
async fn is_mine(tx: &BatchTx) -> Result<bool> {
    let connection = tx.connection();
    if connection.get_database_backend() != DatabaseBackend::Postgres {
        return Ok(true);
    }
    let sql = format!("SELECT pg_try_advisory_xact_lock({LOCK})");
    let doing = "taking a turn at notices";
    let row = connection.query_one_raw(Statement::from_string(DatabaseBackend::Postgres, sql)).await;
    match row.doing(doing)? {
        Some(row) => row.try_get_by_index(0).doing(doing),
        None => Ok(false),
    }
}

/// Writes how many notices a policy has sent.
async fn store_window(tx: &BatchTx, policy: &notice_policy::Model) -> Result<()> {
    door::update::<notice_policy::Entity>()
        .col_expr(notice_policy::Column::WindowFrom, Expr::value(policy.window_from))
        .col_expr(notice_policy::Column::WindowCount, Expr::value(policy.window_count))
        .filter(notice_policy::Column::Id.eq(policy.id))
        .exec(tx.connection())
        .await
        .doing("counting notices")?;
    Ok(())
}

/// One step: what was read for it, and what is to be written.
struct Step<'a> {
    tx: &'a BatchTx,
    now: DateTime<Utc>,
    background: &'a Background,
    owners: Owners,
    around: Surroundings,
    /// Mail addresses by integration.
    stewards: HashMap<Uuid, String>,
    /// What is not over, by subject.
    subjects: HashMap<String, Vec<notice_subject::Model>>,
    begun: Vec<notice_subject::Model>,
    over: Vec<Uuid>,
    gathering: Gathering,
    sent: Vec<notice::Model>,
    deliveries: Vec<notice_delivery::Model>,
    /// In the order in which they are stored.
    counted: BTreeMap<Uuid, notice_policy::Model>,
}

impl<'a> Step<'a> {
    async fn begin(
        background: &'a Background,
        tx: &'a BatchTx,
        occasions: &[occasion::Model],
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let owners: Vec<Option<Uuid>> =
            occasions.iter().map(|occasion| occasion.tenant_id).chain([None]).collect();
        let owners = Owners::read(background, tx, owners.into_iter()).await?;
        let around = surroundings(tx, occasions).await?;
        let stewards = steward::stewards(tx, occasions).await?;
        let subjects: Vec<String> = occasions
            .iter()
            .flat_map(|occasion| ended(occasion).into_iter().chain(begun(occasion)))
            .collect();
        let subjects = open_subjects(tx, subjects).await?;
        let gathering = Gathering::read(tx, owners.policy_ids()).await?;
        Ok(Self {
            tx,
            now,
            background,
            owners,
            around,
            stewards,
            subjects,
            begun: Vec::new(),
            over: Vec::new(),
            gathering,
            sent: Vec::new(),
            deliveries: Vec::new(),
            counted: BTreeMap::new(),
        })
    }

    fn notice(&mut self, occasion: &occasion::Model) {
        let first = self.deliveries.len();
        // The owner's own channels know already; others, like the operator's, are asked by their policies.
        let warned = match occasion.kind {
            OccasionKind::ChannelDisabled => self.warn(occasion),
            _ => Vec::new(),
        };
        // Who was told of what is over now, by policy.
        let mut told: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for subject in ended(occasion) {
            for row in self.subjects.remove(&subject).unwrap_or_default() {
                // What was begun in this step is not stored yet.
                match self.begun.iter().position(|begun| begun.id == row.id) {
                    Some(place) => drop(self.begun.swap_remove(place)),
                    None => self.over.push(row.id),
                }
                let channels = told.entry(row.policy_id).or_default();
                if !channels.contains(&row.channel_id) {
                    channels.push(row.channel_id);
                }
            }
        }
        for policy in self.owners.policies_for(occasion.tenant_id) {
            let mut channels = told.remove(&policy).unwrap_or_default();
            let Some(row) = self.policy(policy) else { continue };
            // An incident is told to the operator once, however many it hits; but where it asks for some tenants, of those.
            let is_anothers = occasion.incident_id.is_some() && row.tenant_id != occasion.tenant_id;
            if is_anothers && row.selectors.tenant_ids.is_empty() {
                continue;
            }
            let failure = occasion.failure_id.and_then(|id| self.around.failures.get(&id));
            if selects(row, occasion, failure) {
                for id in &row.channel_ids.0 {
                    if !channels.contains(id) && !warned.contains(id) {
                        channels.push(*id);
                    }
                }
            }
            if !channels.is_empty() {
                self.tell(policy, &channels, occasion);
            }
        }
        self.tell_steward(occasion, first);
    }

    /// The policy with what this step has counted.
    fn policy(&self, id: Uuid) -> Option<&notice_policy::Model> {
        self.counted.get(&id).or_else(|| self.owners.policy(id))
    }

    /// Notices are in English, in the operator's words where there are any.
    fn language(&self) -> Language {
        self.background.app().words().current(Locale::English)
    }

    /// Tells channels of a policy, now or later.
    fn tell(&mut self, policy_id: Uuid, channels: &[Uuid], occasion: &occasion::Model) {
        let Some(policy) = self.policy(policy_id).cloned() else { return };
        let audience = audience(policy.tenant_id);
        let link = self.background.app().people().notice_link.as_ref();
        let told = item(occasion, &self.around, &self.language(), audience, link);
        let when = when(&policy, occasion.kind, self.now);
        let mut is_sent = false;
        for channel_id in channels {
            let Some(channel) = self.owners.channel(*channel_id).cloned() else { continue };
            match when {
                When::Now => {
                    is_sent = true;
                    self.send(Some(&policy), &channel, occasion, told.clone());
                }
                When::At(at, why) => self.gathering.add(&policy, &channel, told.clone(), at, why, self.now),
            }
            if let Some(subject) = begun(occasion) {
                self.remember(&policy, &channel, subject);
            }
        }
        if is_sent {
            let mut policy = policy;
            timing::count(&mut policy, self.now);
            self.counted.insert(policy.id, policy);
        }
    }

    /// A notice of one occasion that goes out now.
    fn send(
        &mut self,
        policy: Option<&notice_policy::Model>,
        channel: &notice_channel::Model,
        occasion: &occasion::Model,
        told: notice::NoticeItem,
    ) {
        let row = notice::Model {
            id: new_id(),
            tenant_id: channel.tenant_id,
            policy_id: policy.map(|policy| policy.id),
            policy_name: policy.map(|policy| policy.name.clone()),
            channel_id: channel.id,
            channel_name: channel.name.clone(),
            kind: NoticeKind::Single,
            occasion_kind: Some(occasion.kind),
            integration_id: occasion.integration_id,
            items: notice::NoticeItemList(vec![told]),
            item_count: 1,
            waits_for: None,
            due_at: None,
            sent_at: Some(self.now),
            created_at: self.now,
        };
        self.deliveries.extend(self.owners.deliveries(&row, self.now));
        self.sent.push(row);
    }

    /// That somebody is to be told when it is over; of two notices of the same the first one counts.
    fn remember(&mut self, policy: &notice_policy::Model, channel: &notice_channel::Model, subject: String) {
        let known = self.subjects.entry(subject.clone()).or_default();
        if known.iter().any(|row| row.policy_id == policy.id && row.channel_id == channel.id) {
            return;
        }
        let row = notice_subject::Model {
            id: new_id(),
            tenant_id: policy.tenant_id,
            policy_id: policy.id,
            channel_id: channel.id,
            subject,
            created_at: self.now,
        };
        known.push(row.clone());
        self.begun.push(row);
    }

    /// That a channel does not work is told at once by every other one of its owner, whatever policies say. Answers with
    /// all of them, the broken one too.
    fn warn(&mut self, occasion: &occasion::Model) -> Vec<Uuid> {
        let broken = occasion.detail.get("channelId").and_then(|id| id.as_str()?.parse::<Uuid>().ok());
        let link = self.background.app().people().notice_link.as_ref();
        let told = item(occasion, &self.around, &self.language(), audience(occasion.tenant_id), link);
        let others: Vec<notice_channel::Model> = self
            .owners
            .channels_of(occasion.tenant_id)
            .filter(|channel| Some(channel.id) != broken && channel.status == NoticeChannelStatus::Active)
            .cloned()
            .collect();
        let warned = others.iter().map(|channel| channel.id).chain(broken).collect();
        for channel in others {
            self.send(None, &channel, occasion, told.clone());
        }
        warned
    }

    /// Channels are locked already; then policies, notices, what was told: in the order of whoever changes a policy.
    async fn store(self) -> Result<()> {
        let Self { tx, begun, over, gathering, sent, deliveries, counted, .. } = self;
        for policy in counted.values() {
            store_window(tx, policy).await?;
        }
        gathering.store(tx).await?;
        tx.insert_many::<notice::Entity>(sent, "storing notices").await?;
        tx.insert_many::<notice_delivery::Entity>(deliveries, "storing deliveries").await?;
        if !over.is_empty() {
            door::delete::<notice_subject::Entity>()
                .filter(tx.one_of(notice_subject::Column::Id, over))
                .exec(tx.connection())
                .await
                .doing("forgetting what is over")?;
        }
        tx.insert_many::<notice_subject::Entity>(begun, "storing what was told").await
    }
}

/// Who is told: a tenant's people, or the operator's.
fn audience(owner: Option<Uuid>) -> Audience {
    owner.map_or(Audience::Support, |_tenant| Audience::Customer)
}

async fn open_subjects(
    tx: &BatchTx,
    subjects: Vec<String>,
) -> Result<HashMap<String, Vec<notice_subject::Model>>> {
    let mut open: HashMap<String, Vec<notice_subject::Model>> = HashMap::new();
    for part in subjects.chunks(10_000) {
        let rows = door::find::<notice_subject::Entity>()
            .filter(notice_subject::Column::Subject.is_in(part.iter().cloned()))
            .all(tx.connection())
            .await
            .doing("reading what was told")?;
        for row in rows {
            open.entry(row.subject.clone()).or_default().push(row);
        }
    }
    Ok(open)
}

#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn surroundings(tx: &BatchTx, occasions: &[occasion::Model]) -> Result<Surroundings> {
    let doing = "reading what occasions are about";
    let ids = |of: fn(&occasion::Model) -> Option<Uuid>| {
        let mut ids: Vec<Uuid> = occasions.iter().filter_map(of).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let tenants: Vec<(Uuid, String)> = tenant::Entity::find()
        .select_only()
        .columns([tenant::Column::Id, tenant::Column::Name])
        .filter(tx.one_of(tenant::Column::Id, ids(|occasion| occasion.tenant_id)))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing(doing)?;
    let integrations: Vec<(Uuid, String)> = integration::Entity::find()
        .select_only()
        .columns([integration::Column::Id, integration::Column::Name])
        .filter(tx.one_of(integration::Column::Id, ids(|occasion| occasion.integration_id)))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing(doing)?;
    use failure::Column;
    let is_long =
        |column: &Column| matches!(column, Column::Record | Column::EditedRecord | Column::TechnicalDetail);
    // Of a record words only say that there is one.
    let failures = failure::Entity::find()
        .select_only()
        .columns(Column::iter().filter(|column| !is_long(column)))
        .column_as(Expr::cust("substr(record, 1, 1)"), "record")
        .column_as(Expr::cust("substr(edited_record, 1, 1)"), "edited_record")
        .column_as(Expr::cust("substr(technical_detail, 1, 1)"), "technical_detail")
        .filter(tx.one_of(Column::Id, ids(|occasion| occasion.failure_id)))
        .all(tx.connection())
        .await
        .doing(doing)?;
    let mut system_ids = ids(|occasion| occasion.system_id);
    system_ids.extend(occasions.iter().flat_map(systems_besides));
    let mut around = Surroundings {
        tenants: tenants.into_iter().collect(),
        integrations: integrations.into_iter().collect(),
        failures: failures.into_iter().map(|row| (row.id, row)).collect(),
        ..Surroundings::default()
    };
    if system_ids.is_empty() {
        return Ok(around);
    }
    let systems: Vec<(Uuid, String)> = system::Entity::find()
        .select_only()
        .columns([system::Column::Id, system::Column::Name])
        .filter(tx.one_of(system::Column::Id, system_ids.iter().copied()))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing(doing)?;
    around.systems = systems.into_iter().collect();
    let source = tx.one_of(integration::Column::SourceId, system_ids.iter().copied());
    let destination = tx.one_of(integration::Column::DestinationId, system_ids.iter().copied());
    let users: Vec<(String, Uuid, Uuid)> = integration::Entity::find()
        .select_only()
        .column(integration::Column::Name)
        .column(integration::Column::SourceId)
        .column(integration::Column::DestinationId)
        .filter(sea_orm::Condition::any().add(source).add(destination))
        .filter(integration::Column::Status.ne(integration::IntegrationStatus::Archived))
        .order_by_asc(integration::Column::Id)
        .limit(USERS_MAX)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing(doing)?;
    for (name, source, destination) in users {
        let mut ends = vec![source, destination];
        ends.dedup();
        for end in ends {
            around.users_of.entry(end).or_default().push(name.clone());
        }
    }
    Ok(around)
}
