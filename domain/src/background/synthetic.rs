//! Test records on their way through integrations: which is due, the way itself, and what is stored of it. No run, so that
//! nothing of one is touched: no counts, receipts, cursors or failures. What may be left at a destination is stored before it
//! is written, and removed first by whoever comes next. Deliberately absent: when (`worker`), and how one record is written
//! and read back (`pipeline`).

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use connector::{
    Classified, Gone, OpenDestination, Record, RecordKey, Standing, StreamSpec, SyncMode, Write,
};
use entity::integration::{self, IntegrationStatus, Stream};
use entity::kill_switch::{self, KillSwitchScope};
use entity::occasion::OccasionKind;
use entity::synthetic_check::{self, Leftover};
use entity::synthetic_result::{self, StageDuration, StageDurationList, SyntheticStage, SyntheticStatus};
use entity::system::{self, CircuitState};
use entity::tenant::{self, TenantStatus};
use pipeline::{NotReady, RECORD_SCHEMA_VIOLATION, RetryPolicy, Trial, TrialError};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use tokio::time::timeout;
use uuid::Uuid;

use super::Background;
use super::candidate::engaged;
use super::claim::{end, lease_duration};
use crate::app::App;
use crate::error::{Doing, Error, Result};
use crate::health::status::refresh_in;
use crate::id::new_id;
use crate::occasion::{self, NewOccasion};
use crate::retry::rehearsal::compile;
use crate::scope::TxScope;
use crate::synthetic_check as checks;

/// Longest time that one stage may take, with all its attempts.
const STAGE_TIMEOUT: Duration = Duration::from_secs(60);
/// Attempts of a stage at a destination that is down or busy: a check is to tell of it, not to wait until it is over.
const ATTEMPTS_MAX: u32 = 3;
/// When a check is looked at again that something keeps from being carried out, in seconds.
const KEPT_SECONDS: i64 = 60;
/// When the removal of what a removed check has left is tried again, in seconds.
const LEFT_SECONDS: i64 = 3_600;
/// After how long what is left is given up, in days: it has a mark by which people find it.
const LEFT_DAYS_MAX: i64 = 7;
/// Checks of one tenant at once, of a worker: its slow destination keeps no other tenant's waiting.
const OF_TENANT_MAX: usize = 2;
/// Due checks that are looked at for each that there is room for.
const LOOKED_AT: u64 = 8;
/// The code of a record that the mapping leaves out.
const LEFT_OUT: &str = "synthetic.left_out";
/// The code of a record that would not be told from a real one.
const UNMARKED: &str = "synthetic.unmarked";
/// The code of a record that was taken and is not there.
const MISSING: &str = "synthetic.missing";
/// The code of a record that is something else there.
const DIFFERENT: &str = "synthetic.different";
/// The code of a record that is there still.
const LEFT_BEHIND: &str = "synthetic.left_behind";
/// The code of a destination that is left alone.
const UNAVAILABLE: &str = "destination.unavailable";

/// A check that this worker carries out, until its lease ends.
pub struct ClaimedCheck {
    app: Arc<App>,
    check: synthetic_check::Model,
    token: Uuid,
    integration: integration::Model,
    tenant_slug: String,
    destination: system::Model,
    triggered_by: String,
    started_at: DateTime<Utc>,
}

/// How far a record came.
#[derive(Default)]
struct Way {
    failed: Option<(SyntheticStage, String)>,
    mark: String,
    is_verified: bool,
    is_removed: bool,
    durations: Vec<StageDuration>,
}

impl Way {
    /// The first that fails says why.
    fn fails(&mut self, stage: SyntheticStage, code: impl Into<String>, detail: &str) {
        let code = code.into();
        tracing::warn!(?stage, code, detail, "a test record did not go the whole way");
        self.failed.get_or_insert((stage, code));
    }

    async fn timed<T>(
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

    fn took(&mut self, stage: SyntheticStage, begun: Instant) {
        let ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.durations.push(StageDuration { stage, ms });
    }
}

impl Background {
    /// Checks that are due, claimed for this worker: up to `room`, and few of one tenant, of which so many are under way.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub async fn next_synthetic_checks(
        &self,
        room: usize,
        under_way: &HashMap<Uuid, usize>,
    ) -> Result<Vec<ClaimedCheck>> {
        let now = self.app().clock().now();
        let mut busy = under_way.clone();
        let full = busy.iter().filter(|(_tenant, count)| **count >= OF_TENANT_MAX).map(|(tenant, _)| *tenant);
        let is_free =
            synthetic_check::Column::LeaseUntil.is_null().or(synthetic_check::Column::LeaseUntil.lt(now));
        // What is paused or held waits as it is. What a removed check has left goes all the same.
        let active = Query::select()
            .column(integration::Column::Id)
            .from(integration::Entity)
            .and_where(integration::Column::Status.eq(IntegrationStatus::Active))
            .to_owned();
        let is_wanted = synthetic_check::Column::RemovedAt
            .is_not_null()
            .or(synthetic_check::Column::IntegrationId.in_subquery(active));
        let due = synthetic_check::Entity::find()
            .filter(synthetic_check::Column::NextAt.lte(now))
            .filter(is_free)
            .filter(is_wanted)
            .filter(synthetic_check::Column::TenantId.is_not_in(full))
            .order_by_asc(synthetic_check::Column::NextAt)
            .limit(room as u64 * LOOKED_AT)
            .all(self.app().across_tenants().writer())
            .await
            .doing("reading synthetic checks that are due")?;
        let mut claimed = Vec::new();
        for row in due {
            let (id, tenant_id) = (row.id, row.tenant_id);
            if claimed.len() >= room {
                break;
            }
            if busy.get(&tenant_id).is_some_and(|count| *count >= OF_TENANT_MAX) {
                continue;
            }
            match self.claim_check(row, now).await {
                Ok(Some(check)) => {
                    *busy.entry(tenant_id).or_default() += 1;
                    claimed.push(check);
                }
                Ok(None) => {}
                Err(error) if error.outage().is_some() => return Err(error),
                // One that can't be read keeps no other one waiting.
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(tenant.id = %tenant_id, check.id = %id, error, "a synthetic check can't be claimed");
                }
            }
        }
        Ok(claimed)
    }

    async fn claim_check(
        &self,
        row: synthetic_check::Model,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedCheck>> {
        use synthetic_check::Column;
        let doing = "reading what a synthetic check needs";
        let gone = || Error::internal(doing, "a row is not there");
        let tenants = Some(HashSet::from([row.tenant_id]));
        let switches = engaged(self.app().across_tenants().writer(), now, tenants).await?;
        let tx = TxScope::begin(self.app(), row.tenant_id).await?;
        let tenant = tx.find::<tenant::Entity>().one(tx.connection()).await.doing(doing)?.ok_or_else(gone)?;
        let integration = tx
            .find::<integration::Entity>()
            .filter(integration::Column::Id.eq(row.integration_id))
            .one(tx.connection())
            .await
            .doing(doing)?
            .ok_or_else(gone)?;
        let systems = tx
            .find::<system::Entity>()
            .filter(system::Column::Id.is_in([integration.source_id, integration.destination_id]))
            .all(tx.connection())
            .await
            .doing(doing)?;
        let destination = systems.iter().find(|system| system.id == integration.destination_id);
        let destination = destination.ok_or_else(gone)?.clone();
        // What is left behind is removed also where nothing is sent any more.
        let is_wanted = row.removed_at.is_some() || integration.status == IntegrationStatus::Active;
        let is_stopped = switches.iter().any(|switch| is_reached_by(switch, &integration, &systems));
        let free = Column::LeaseUntil.is_null().or(Column::LeaseUntil.lt(now));
        let claim = tx
            .update::<synthetic_check::Entity>()
            .filter(Column::Id.eq(row.id))
            .filter(Column::NextAt.lte(now))
            .filter(free);
        if !is_wanted {
            return Ok(None);
        }
        if tenant.status != TenantStatus::Active || is_stopped {
            let later = now + chrono::Duration::seconds(KEPT_SECONDS);
            claim
                .col_expr(Column::NextAt, Expr::value(Some(later)))
                .exec(tx.connection())
                .await
                .doing("putting a synthetic check off")?;
            tx.commit().await?;
            return Ok(None);
        }
        let token = new_id();
        let until = now + lease_duration(self.app().lease());
        let claimed = claim
            .col_expr(Column::LeaseToken, Expr::value(Some(token)))
            .col_expr(Column::LeaseUntil, Expr::value(Some(until)))
            .col_expr(Column::AskedBy, Expr::value(None::<String>))
            .exec(tx.connection())
            .await
            .doing("claiming a synthetic check")?;
        if claimed.rows_affected == 0 {
            return Ok(None);
        }
        // As it is now: another worker may have had it since it was read.
        let check = tx
            .find::<synthetic_check::Entity>()
            .filter(Column::Id.eq(row.id))
            .one(tx.connection())
            .await
            .doing(doing)?
            .ok_or_else(gone)?;
        tx.commit().await?;
        Ok(Some(ClaimedCheck {
            app: self.app().clone(),
            check,
            token,
            integration,
            tenant_slug: tenant.slug,
            destination,
            triggered_by: row.asked_by.unwrap_or_else(|| "the schedule".to_owned()),
            started_at: now,
        }))
    }
}

impl ClaimedCheck {
    /// The row.
    pub fn id(&self) -> Uuid {
        self.check.id
    }

    /// Whose it is.
    pub fn tenant_id(&self) -> Uuid {
        self.check.tenant_id
    }

    /// The integration that it proves.
    pub fn integration_id(&self) -> Uuid {
        self.check.integration_id
    }

    /// Keeps the lease. False when another worker has it.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used.
    pub async fn renew(&self) -> Result<bool> {
        let until = self.app.clock().now() + lease_duration(self.app.lease());
        let tx = TxScope::begin(&self.app, self.check.tenant_id).await?;
        let renewed = tx
            .update::<synthetic_check::Entity>()
            .col_expr(synthetic_check::Column::LeaseUntil, Expr::value(Some(until)))
            .filter(synthetic_check::Column::Id.eq(self.check.id))
            .filter(synthetic_check::Column::LeaseToken.eq(self.token))
            .exec(tx.connection())
            .await
            .doing("renewing the lease of a synthetic check")?;
        tx.commit().await?;
        Ok(renewed.rows_affected > 0)
    }

    /// Removes what was left behind, sends the record its way, and stores what came of it. When it is interrupted, whoever
    /// claims the check next removes what it has left.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used; the check is claimed again when its lease ends.
    pub async fn carry_out(&self) -> Result<()> {
        let mut way = Way { mark: self.left_mark(), ..Way::default() };
        let is_left = match &self.check.leftover {
            Some(leftover) => !self.clear_up(leftover, &mut way).await?,
            None => false,
        };
        if self.check.removed_at.is_none() && !is_left {
            way = Way { durations: way.durations, ..Way::default() };
            if !self.go(&mut way).await? {
                // Another worker has it.
                return Ok(());
            }
        }
        self.store(way).await
    }

    fn left_mark(&self) -> String {
        self.check.leftover.as_ref().map(|leftover| leftover.key.clone()).unwrap_or_default()
    }

    /// Removes what an earlier record has left. False when it may still be there.
    async fn clear_up(&self, leftover: &Leftover, way: &mut Way) -> Result<bool> {
        let too_old = self.started_at - chrono::Duration::days(LEFT_DAYS_MAX);
        let system = self.system(leftover.system_id).await?;
        let key = RecordKey::stored(&leftover.key, leftover.key_fields.len());
        let (Some(system), Some(key), true) = (system, key, leftover.at > too_old) else {
            tracing::warn!(key = leftover.key, "a test record that may be at a destination is given up");
            return self.keep(None).await;
        };
        if rests(&system, self.started_at) {
            way.fails(SyntheticStage::Remove, UNAVAILABLE, "the destination is left alone for a while");
            return Ok(false);
        }
        let spec = StreamSpec {
            name: leftover.stream.clone(),
            key_fields: leftover.key_fields.clone(),
            cursor_field: None,
            mode: SyncMode::Full,
            classified: Classified::default(),
        };
        let gone = Gone { key, destination_key: leftover.destination_key.clone() };
        let removed = async {
            let trial = self.trial(&system, spec, leftover.options.clone()).await?;
            take_back(&trial, &gone).await
        };
        match way.timed(SyntheticStage::Remove, removed).await {
            Ok(()) => self.keep(None).await,
            Err(error) if error.is_nowhere => self.keep(None).await,
            Err(error) => {
                way.fails(SyntheticStage::Remove, error.code, &error.detail);
                Ok(false)
            }
        }
    }

    /// The way of one record. False when another worker has the check.
    async fn go(&self, way: &mut Way) -> Result<bool> {
        let mark = checks::mark_of(&self.check);
        way.mark = mark.text().to_owned();
        // Until something is sent, nothing is there.
        way.is_removed = true;
        let streams = &self.integration.streams.0;
        let Some(stream) = streams.iter().find(|stream| stream.name == self.check.stream) else {
            way.fails(SyntheticStage::Map, "destination.misconfigured", "the integration has no such stream");
            return Ok(true);
        };
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
        let spec = StreamSpec {
            name: stream.name.clone(),
            key_fields: stream.key_fields.clone(),
            cursor_field: stream.cursor_field.clone(),
            mode: match stream.mode {
                entity::integration::SyncMode::Full => SyncMode::Full,
                entity::integration::SyncMode::Incremental => SyncMode::Incremental,
            },
            classified: stream.record_schema.as_ref().map(Classified::of).unwrap_or_default(),
        };
        let trial = match self.trial(&self.destination, spec, stream.destination.clone()).await {
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
        // Stored before it is sent: whoever comes next knows what may be there.
        if self.check.removes && !self.keep(Some(self.leftover(stream, &gone))).await? {
            return Ok(false);
        }
        way.is_removed = false;
        match way.timed(SyntheticStage::Write, trial.write(write)).await {
            Ok(destination_key) => {
                if destination_key.is_some() && destination_key != gone.destination_key {
                    gone.destination_key = destination_key;
                    if self.check.removes && !self.keep(Some(self.leftover(stream, &gone))).await? {
                        return Ok(false);
                    }
                }
                match way.timed(SyntheticStage::ReadBack, trial.read_back(write)).await {
                    Ok(Some(Standing::Same)) => way.is_verified = true,
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
                way.is_removed = !error.is_in_doubt;
                way.fails(SyntheticStage::Write, error.code, &error.detail);
            }
        }
        if !self.check.removes {
            return Ok(true);
        }
        if !way.is_removed {
            match way.timed(SyntheticStage::Remove, take_back(trial, &gone)).await {
                Ok(()) => way.is_removed = true,
                Err(error) => way.fails(SyntheticStage::Remove, error.code, &error.detail),
            }
        }
        if way.is_removed { self.keep(None).await } else { Ok(true) }
    }

    fn leftover(&self, stream: &Stream, gone: &Gone) -> Leftover {
        Leftover {
            system_id: self.destination.id,
            stream: stream.name.clone(),
            key_fields: stream.key_fields.clone(),
            options: stream.destination.clone(),
            key: gone.key.canonical().to_owned(),
            destination_key: gone.destination_key.clone(),
            at: self.started_at,
        }
    }

    /// The fields by which the destination knows a record; `None` where it takes the key of the source.
    fn key_fields_there(&self, stream: &Stream) -> Option<Vec<String>> {
        let connector = self.app.connectors().get(&self.destination.connector)?;
        let schema = connector.description().destination_schema.as_ref()?;
        schema.get("properties")?.get("keyFields")?;
        let own = stream.destination.get("keyFields").and_then(Value::as_array);
        let own: Vec<String> =
            own.into_iter().flatten().filter_map(|field| Some(field.as_str()?.to_owned())).collect();
        Some(if own.is_empty() { stream.key_fields.clone() } else { own })
    }

    async fn trial(
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
        let policy = RetryPolicy { attempts_max: ATTEMPTS_MAX, ..RetryPolicy::default() };
        Ok(Trial::new(end.connector, open, policy))
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

    /// Stores what may be at a destination. False when another worker has the check.
    async fn keep(&self, leftover: Option<Leftover>) -> Result<bool> {
        let tx = TxScope::begin(&self.app, self.check.tenant_id).await?;
        let kept = tx
            .update::<synthetic_check::Entity>()
            .col_expr(synthetic_check::Column::Leftover, Expr::value(leftover))
            .filter(synthetic_check::Column::Id.eq(self.check.id))
            .filter(synthetic_check::Column::LeaseToken.eq(self.token))
            .exec(tx.connection())
            .await
            .doing("storing what a synthetic check may leave behind")?;
        tx.commit().await?;
        Ok(kept.rows_affected > 0)
    }

    /// Stores what came of it, gives the check back until it is due again, and tells where that has changed.
    async fn store(&self, way: Way) -> Result<()> {
        use synthetic_check::Column;
        let tx = TxScope::begin(&self.app, self.check.tenant_id).await?;
        let now = self.app.clock().now();
        let row = tx
            .find::<synthetic_check::Entity>()
            .filter(Column::Id.eq(self.check.id))
            .filter(Column::LeaseToken.eq(self.token))
            .lock_exclusive()
            .one(tx.connection())
            .await
            .doing("reading a synthetic check")?;
        // Another worker has it.
        let Some(row) = row else { return Ok(()) };
        if row.removed_at.is_some() && row.leftover.is_none() {
            checks::delete(&tx, row.id).await?;
            return tx.commit().await;
        }
        let next = match (row.removed_at, &row.asked_by) {
            (Some(_), _) => Some(now + chrono::Duration::seconds(LEFT_SECONDS)),
            // Somebody has asked for one more meanwhile.
            (None, Some(_)) => Some(now),
            (None, None) => checks::next_after(&row, now),
        };
        let status = if way.failed.is_some() { SyntheticStatus::Failed } else { SyntheticStatus::Passed };
        let failing_since = match status {
            _ if row.removed_at.is_some() => None,
            SyntheticStatus::Passed => None,
            SyntheticStatus::Failed => row.failing_since.or(Some(now)),
        };
        tx.update::<synthetic_check::Entity>()
            .col_expr(Column::NextAt, Expr::value(next))
            .col_expr(Column::LeaseToken, Expr::value(None::<Uuid>))
            .col_expr(Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(Column::FailingSince, Expr::value(failing_since))
            .filter(Column::Id.eq(row.id))
            .exec(tx.connection())
            .await
            .doing("giving a synthetic check back")?;
        if row.removed_at.is_some() {
            return tx.commit().await;
        }
        let (stage, code) = way.failed.unzip();
        let result = synthetic_result::Model {
            id: new_id(),
            tenant_id: row.tenant_id,
            integration_id: row.integration_id,
            stream: self.check.stream.clone(),
            status,
            stage,
            code: code.clone(),
            mark: way.mark,
            is_verified: way.is_verified,
            is_removed: way.is_removed,
            durations: StageDurationList(way.durations),
            triggered_by: self.triggered_by.clone(),
            started_at: self.started_at,
            finished_at: now,
        };
        tx.insert::<synthetic_result::Entity>(result, "storing what came of a synthetic check").await?;
        checks::trim(&tx, row.integration_id).await?;
        if failing_since.is_some() != row.failing_since.is_some() {
            let kind = match status {
                SyntheticStatus::Failed => OccasionKind::SyntheticFailed,
                SyntheticStatus::Passed => OccasionKind::SyntheticPassed,
            };
            let told = NewOccasion::new(kind).integration(row.integration_id).code(code);
            occasion::record(&tx, told).await?;
            refresh_in(&tx, [row.integration_id]).await?;
        }
        tx.commit().await
    }
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

/// Removes a record and asks whether it is gone.
async fn take_back(trial: &Trial, gone: &Gone) -> std::result::Result<(), TrialError> {
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

/// Whether runs leave a system alone; when the time is over, a test record may go there like any.
fn rests(system: &system::Model, now: DateTime<Utc>) -> bool {
    system.circuit_state == CircuitState::Open && system.circuit_until.is_some_and(|until| until > now)
}

fn is_reached_by(
    switch: &kill_switch::Model,
    integration: &integration::Model,
    systems: &[system::Model],
) -> bool {
    match switch.scope {
        KillSwitchScope::Platform => true,
        KillSwitchScope::Connector => {
            systems.iter().any(|system| switch.connector.as_deref() == Some(system.connector.as_str()))
        }
        KillSwitchScope::Tenant => switch.tenant_id == Some(integration.tenant_id),
        KillSwitchScope::Integration => switch.integration_id == Some(integration.id),
    }
}
