//! A run that could not go on: one failure for the whole, with its cause.

use connector::{Captured, SystemError, SystemErrorKind};
use entity::failure::{self, FailureStage, FailureStatus, FieldErrorList, Impact};
use entity::integration::{self, StreamList};
use entity::occasion::OccasionKind;
use entity::run::{self, RunStatus};
use entity::system::{self, SystemStatus};
use pipeline::{LedgerError, StreamStop, Waited};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::aftermath::Aftermath;
use super::exchange;
use super::failure_group::{self, Tally};
use crate::error::{Doing, Result};
use crate::failure_group::cause::Cause;
use crate::id::new_id;
use crate::occasion::{self, NewOccasion};
use crate::run_event::{self, NewEvent};
use crate::scope::TxScope;
use crate::{catalogue, job};

/// Longest technical detail, in characters.
const DETAIL_CHARACTERS_MAX: usize = 4_000;

/// Why a run could not go on. That of a slice waits in its row until no other slice can write any more.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WholeFailure {
    code: String,
    stage: FailureStage,
    stream: Option<String>,
    hint: Option<String>,
    http_status: Option<u16>,
    detail: String,
    attempts: u32,
    /// The end that refused its credentials.
    unauthorized: Option<pipeline::Side>,
    /// What was asked and answered, until it is kept.
    #[serde(skip)]
    exchange: Option<Captured>,
    /// Where that is kept.
    #[serde(default)]
    exchange_id: Option<Uuid>,
}

impl WholeFailure {
    /// Workers died on it too often.
    pub(super) fn worker_lost(attempts: i32) -> Self {
        Self {
            code: "platform.worker_lost".to_owned(),
            stage: FailureStage::Platform,
            stream: None,
            hint: None,
            http_status: None,
            detail: format!("the leases of {attempts} workers ended without a word"),
            attempts: u32::try_from(attempts).unwrap_or(1),
            unauthorized: None,
            exchange: None,
            exchange_id: None,
        }
    }

    /// Keeps what was asked and answered, if anything was.
    pub(super) async fn keep_exchange(&mut self, tx: &TxScope, run_id: Uuid) -> Result<()> {
        if let Some(captured) = self.exchange.take() {
            let kept = exchange::keep(tx, run_id, [&captured]).await?;
            self.exchange_id = kept.get(&captured.identity()).copied();
        }
        Ok(())
    }

    /// A stream stopped; `None` when it was canceled.
    pub(super) fn of(stream: &str, stop: &StreamStop) -> Option<Self> {
        let code = stop.code()?;
        let mut whole = Self {
            code,
            stage: FailureStage::Platform,
            stream: Some(stream.to_owned()),
            hint: None,
            http_status: None,
            detail: chain(stop),
            attempts: 1,
            unauthorized: None,
            exchange: None,
            exchange_id: None,
        };
        match stop {
            StreamStop::Canceled
            | StreamStop::Held
            | StreamStop::Quarantined
            | StreamStop::Internal { .. } => {}
            StreamStop::Ledger(
                LedgerError::LostLease | LedgerError::Canceled | LedgerError::Held | LedgerError::Storage(_),
            ) => {}
            StreamStop::Stalled { waited, .. } => {
                whole.stage = match waited {
                    Waited::Source => FailureStage::Extract,
                    Waited::Destination => FailureStage::Load,
                    Waited::Mapping => FailureStage::Map,
                    Waited::Storing => FailureStage::Platform,
                };
            }
            StreamStop::Source { error, attempts } => {
                whole.stage = FailureStage::Extract;
                whole.system(error, *attempts, pipeline::Side::Source);
            }
            StreamStop::Destination { error, attempts } => {
                whole.stage = FailureStage::Load;
                whole.system(error, *attempts, pipeline::Side::Destination);
            }
        }
        Some(whole)
    }

    fn system(&mut self, error: &SystemError, attempts: u32, side: pipeline::Side) {
        self.hint = error.hint.clone();
        self.http_status = error.http_status;
        self.attempts = attempts;
        self.exchange = error.exchange.clone();
        self.unauthorized = (error.kind == SystemErrorKind::Unauthorized).then_some(side);
    }
}

/// Text that both databases can store: PostgreSQL takes no NUL.
pub(super) fn clean(text: &str, characters_max: usize) -> String {
    text.chars()
        .take(characters_max)
        .map(|character| if character == '\0' { '\u{fffd}' } else { character })
        .collect()
}

/// The error and its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Writes that a run failed as a whole. Its job is ended by the caller.
pub(super) async fn end_failed(
    tx: &mut TxScope,
    run: &run::Model,
    mut whole: WholeFailure,
) -> Result<Aftermath> {
    whole.keep_exchange(tx, run.id).await?;
    let now = tx.app().clock().now();
    let entry = catalogue::entry(&whole.code);
    let records = [None, None];
    let cause = Cause::of(&whole.code, whole.stage, &[], whole.http_status, &whole.detail, records);
    let stream = whole.stream.as_deref().unwrap_or_default();
    let (group_id, _known) = failure_group::find_or_make(tx, run.integration_id, stream, &cause).await?;
    let impact = impact_of(tx, run.integration_id, whole.stream.as_deref()).await?;
    let id = new_id();
    let made_at = tx.app().clock().made_at(id);
    let row = failure::Model {
        id,
        tenant_id: run.tenant_id,
        integration_id: run.integration_id,
        run_id: run.id,
        stream: whole.stream,
        business_reference: None,
        record_key: None,
        position: None,
        status: FailureStatus::Open,
        category: entry.category,
        stage: whole.stage,
        code: whole.code,
        responsible_party: entry.responsible_party,
        retryable: entry.retryable,
        hint: whole.hint.map(|hint| clean(&hint, 500)),
        field_errors: FieldErrorList::default(),
        attempts: i32::try_from(whole.attempts).unwrap_or(i32::MAX),
        failed_at: made_at,
        last_attempt_at: made_at,
        next_attempt_at: None,
        resolved_at: None,
        resolved_by_run_id: None,
        http_status: whole.http_status.map(i32::from),
        technical_detail: Some(clean(&whole.detail, DETAIL_CHARACTERS_MAX)),
        record: None,
        edited_record: None,
        retry_id: None,
        retry_run_id: None,
        skip_reason: None,
        skipped_by: None,
        quarantine_id: None,
        group_id: Some(group_id),
        exchange_id: whole.exchange_id,
        impact,
        impact_reason: None,
        value_at_stake: None,
        record_removed_at: None,
    };
    let row = tx.insert::<failure::Entity>(row, "storing why a run failed").await?;
    tx.update::<run::Entity>()
        .col_expr(run::Column::Status, Expr::value(RunStatus::Failed))
        .col_expr(run::Column::FinishedAt, Expr::value(Some(now)))
        .col_expr(run::Column::FailureId, Expr::value(Some(row.id)))
        .filter(run::Column::Id.eq(run.id))
        .exec(tx.connection())
        .await
        .doing("storing that a run failed")?;
    // What this run was to bring home is open again, tried once more.
    tx.update::<failure::Entity>()
        .col_expr(failure::Column::Attempts, Expr::col(failure::Column::Attempts).add(1))
        .col_expr(failure::Column::LastAttemptAt, Expr::value(now))
        .filter(failure::Column::RetryRunId.eq(run.id))
        .filter(failure::Column::Status.eq(FailureStatus::Retrying))
        .exec(tx.connection())
        .await
        .doing("counting an attempt")?;
    crate::retry::let_go(tx, run).await?;
    let refused = match whole.unauthorized {
        Some(side) => refused_by(tx, run, side, row.hint.as_deref()).await?,
        None => None,
    };
    let event = NewEvent::new("run.finished", "worker", "The run could not go on.")
        .attributes(json!({ "status": RunStatus::Failed, "code": row.code }));
    run_event::record(tx, run.id, vec![event]).await?;
    let told = NewOccasion::new(OccasionKind::RunFailed)
        .integration(run.integration_id)
        .run(run.id)
        .failure(Some(row.id))
        .code(Some(row.code.clone()))
        .detail("hint", row.hint.clone());
    occasion::record(tx, told).await?;
    crate::integration::count_failed_run(tx, run, &row).await?;
    job::release_next(tx, run.integration_id).await?;
    tx.tell_after_commit(crate::failure::changed(run.tenant_id, row.id, run.integration_id));
    tx.tell_after_commit(crate::run::changed(run));
    let mut tally = Tally::default();
    tally.add_whole(group_id, row.impact);
    failure_group::count(tx, run.id, tally).await?;
    let mut aftermath = Aftermath::default();
    aftermath.run_ended(run.id);
    // Systems behind groups, as everywhere.
    if let Some((system_id, message)) = refused {
        crate::system::mark(tx, system_id, SystemStatus::ReauthRequired, Some(clean(&message, 500))).await?;
        aftermath.systems_changed([system_id]);
    }
    Ok(aftermath)
}

/// How much depends on a run of an integration that could not go on, at a stream or as a whole.
async fn impact_of(tx: &TxScope, integration_id: Uuid, stream: Option<&str>) -> Result<Impact> {
    let streams: Option<StreamList> = tx
        .find::<integration::Entity>()
        .select_only()
        .column(integration::Column::Streams)
        .filter(integration::Column::Id.eq(integration_id))
        .into_tuple()
        .one(tx.connection())
        .await
        .doing("reading how much depends on an integration")?;
    Ok(streams.map_or_else(Impact::default, |streams| crate::impact::of_streams(&streams.0, stream)))
}

/// The system that refuses its sign-in, and what is to be said of it; the run is told.
async fn refused_by(
    tx: &TxScope,
    run: &run::Model,
    side: pipeline::Side,
    hint: Option<&str>,
) -> Result<Option<(Uuid, String)>> {
    let integration = tx
        .find::<entity::integration::Entity>()
        .filter(entity::integration::Column::Id.eq(run.integration_id))
        .one(tx.connection())
        .await
        .doing("reading the integration of a run")?;
    let Some(integration) = integration else { return Ok(None) };
    let (system_id, component) = match side {
        pipeline::Side::Source => (integration.source_id, "source"),
        pipeline::Side::Destination => (integration.destination_id, "destination"),
    };
    let system = tx
        .find::<system::Entity>()
        .filter(system::Column::Id.eq(system_id))
        .one(tx.connection())
        .await
        .doing("reading the system of a run")?;
    let Some(system) = system else { return Ok(None) };
    let renewal = crate::system::renewal_words(tx.app(), &system);
    let message = match hint {
        Some(hint) => format!("The system refuses its sign-in: {}. {renewal}", hint.trim_end_matches('.')),
        None => format!("The system refuses its sign-in. {renewal}"),
    };
    let event = NewEvent::new("system.reauth_required", component, message.clone());
    run_event::record(tx, run.id, vec![event]).await?;
    Ok(Some((system_id, message)))
}
