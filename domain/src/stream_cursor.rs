//! Where the next INCREMENTAL runs of streams begin: read, and set by a person. What runs do with it stands in `background`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use connector::Cursor;
use entity::integration::{self, IntegrationStatus, SyncMode};
use entity::job::{self, JobStatus};
use entity::{stream_cursor, system};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::actor::Actor;
use crate::app::App;
use crate::backfill::source_of;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::Kind;
use crate::integration::{Integration, REASON_CHARS_MAX};
use crate::permission::Permission;
use crate::scope::{TxScope, all_set};
use crate::validation::Problems;
use crate::{stream, webhook_endpoint};

/// Longest value of a cursor field that a person may give, in bytes.
const VALUE_BYTES_MAX: usize = 500;

/// Where the next INCREMENTAL run of a stream begins.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamCursor {
    /// Value of the cursor field; `None` where the connector can't say.
    pub value: Option<Value>,
    /// Since when it is there.
    pub at: DateTime<Utc>,
    /// The run that reached it; `None` where a person set it.
    pub run_id: Option<Uuid>,
}

/// Where a run is to begin.
pub(crate) enum Beginning {
    /// After this, in the terms of the source's connector.
    Since(Cursor),
    /// At this value of the cursor field.
    From(Value),
}

impl Beginning {
    /// Of what is stored.
    pub(crate) fn of(watermark: Cursor) -> Self {
        match watermark {
            Value::Object(fields) if is_from(&fields) => {
                Self::From(fields.into_iter().next().map(|(_from, value)| value).unwrap_or_default())
            }
            watermark => Self::Since(watermark),
        }
    }

    /// True when a person set what is stored.
    pub(crate) fn is_set(watermark: &Cursor) -> bool {
        watermark.as_object().is_some_and(is_from)
    }

    fn value(&self, app: &App, connector: &str) -> Option<Value> {
        match self {
            Self::From(value) => Some(value.clone()),
            Self::Since(watermark) => app.connectors().get(connector)?.cursor_value(watermark),
        }
    }
}

/// No connector's watermark has this field alone.
fn is_from(fields: &serde_json::Map<String, Value>) -> bool {
    fields.len() == 1 && fields.contains_key("from")
}

/// The cursors of the streams of these integrations that the caller may see, where there are any.
///
/// # Errors
/// Denied without `runs:read`.
pub async fn by_integrations(
    actor: &Actor,
    integrations: &[Uuid],
) -> Result<HashMap<(Uuid, String), StreamCursor>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let of_these = stream_cursor::Column::IntegrationId.is_in(integrations.iter().copied());
    let rows = scope.find::<stream_cursor::Entity>().filter(of_these).all().await?;
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let of_these = integration::Column::Id.is_in(integrations.iter().copied());
    let sources: HashMap<Uuid, Uuid> = scope
        .find::<integration::Entity>()
        .filter(of_these)
        .all()
        .await?
        .into_iter()
        .map(|row| (row.id, row.source_id))
        .collect();
    let systems = scope.find::<system::Entity>().filter(system::Column::Id.is_in(sources.values().copied()));
    let connectors: HashMap<Uuid, String> =
        systems.all().await?.into_iter().map(|row| (row.id, row.connector)).collect();
    let app = scope.app();
    Ok(rows
        .into_iter()
        .map(|row| {
            let connector = sources.get(&row.integration_id).and_then(|source| connectors.get(source));
            let value = connector.and_then(|name| Beginning::of(row.watermark).value(app, name));
            let cursor = StreamCursor { value, at: row.updated_at, run_id: row.run_id };
            ((row.integration_id, row.stream), cursor)
        })
        .collect())
}

/// Sets where the next INCREMENTAL run of a stream begins: at a value of its cursor field, itself included, or at the
/// beginning. Receipts stay: what is there already is written again by no one.
///
/// # Errors
/// Denied without `integrations:write`. Rejected: `NOT_FOUND` integrationId, stream; `INVALID` stream when it is not
/// INCREMENTAL, or a value that can be none of a cursor field; a bad reason; `CONFLICT` when the integration is archived, or
/// a run of it has begun.
pub async fn reset(
    actor: &Actor,
    integration_id: Uuid,
    stream: &str,
    to: Option<&Value>,
    reason: &str,
) -> Result<Integration> {
    let scope = actor.authorize(Permission::IntegrationWrite)?;
    let row = scope
        .find::<integration::Entity>()
        .of_id(integration::Column::Id, integration_id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("integrationId", "integration"))?;
    let mut problems = Problems::default();
    if row.status == IntegrationStatus::Archived {
        problems.add(
            ProblemCode::Conflict,
            "integrationId",
            "this integration is archived; it starts no runs",
        );
    }
    match row.streams.0.iter().find(|known| known.name == stream) {
        None => problems.push(no_stream()),
        Some(known) if known.mode != SyncMode::Incremental => {
            let message = "is not read INCREMENTAL: every run reads all of it";
            problems.add(ProblemCode::Invalid, "stream", message);
        }
        Some(_) => {}
    }
    if let Some(to) = to {
        check_value("to", to, &mut problems);
        let source = source_of(&scope, &row).await?;
        if !scope.app().connectors().can_begin_anywhere(&source) {
            let message = "is not possible: this source knows its own places only; reset it to the beginning";
            problems.add(ProblemCode::Invalid, "to", message);
        } else if stream::keeps_position(scope.app(), &source) {
            webhook_endpoint::check_beginning(&scope, row.source_id, to, &mut problems).await?;
        }
    }
    let reason = problems.text("reason", reason, REASON_CHARS_MAX);
    problems.check()?;
    let tx = TxScope::begin(scope.app(), row.tenant_id).await?;
    if has_begun(&tx, integration_id).await? {
        let message = "a run has begun; let it end or cancel it before the cursor is reset";
        return Err(Error::conflict("integrationId", message));
    }
    match to {
        None => {
            tx.delete::<stream_cursor::Entity>()
                .filter(stream_cursor::Column::IntegrationId.eq(integration_id))
                .filter(stream_cursor::Column::Stream.eq(stream))
                .exec(tx.connection())
                .await
                .doing("deleting a watermark")?;
        }
        Some(to) => {
            let now = tx.app().clock().now();
            let cursor = stream_cursor::Model {
                tenant_id: row.tenant_id,
                integration_id,
                stream: stream.to_owned(),
                watermark: json!({ "from": to }),
                run_id: None,
                updated_at: now,
            };
            store(&tx, cursor).await?;
        }
    }
    let whereto = if to.is_some() { "to a value" } else { "to the beginning" };
    tx.about(Kind::Integration, integration_id)
        .detail(format!("{stream} {whereto}: {reason}"))
        .commit()
        .await?;
    Ok(row)
}

pub(crate) fn no_stream() -> Problem {
    Problem::new(ProblemCode::NotFound, ["stream"], "the integration has no stream of this name")
}

/// Whether this can be a value of a cursor field.
pub(crate) fn check_value(field: &str, value: &Value, problems: &mut Problems) {
    match value {
        Value::Number(_) => {}
        Value::String(text) if text.trim().is_empty() => {
            problems.add(ProblemCode::Required, field, "must not be empty");
        }
        Value::String(text) if text.len() > VALUE_BYTES_MAX => {
            let message = format!("has {} bytes; at most {VALUE_BYTES_MAX} are allowed", text.len());
            problems.add(ProblemCode::TooLong, field, message);
        }
        Value::String(text) if text.contains('\0') => {
            problems.add(ProblemCode::Invalid, field, "must not contain the NUL character");
        }
        Value::String(_) => {}
        _ => problems.add(
            ProblemCode::Invalid,
            field,
            "must be a text or a number, as the cursor field holds it",
        ),
    }
}

/// Whether a run of the integration has begun and not ended: it has read where it begins, and stores where it ended. Nobody
/// begins one until the transaction ends.
async fn has_begun(tx: &TxScope, integration_id: Uuid) -> Result<bool> {
    // Claims lock the jobs that they take. New ones refer to the integration, whose row no one can refer to meanwhile; those
    // that came before that are locked too, by the second look.
    lock_jobs(tx, integration_id).await?;
    tx.find::<integration::Entity>()
        .filter(integration::Column::Id.eq(integration_id))
        .lock_exclusive()
        .one(tx.connection())
        .await
        .doing("locking an integration")?;
    lock_jobs(tx, integration_id).await?;
    let begun = tx
        .find::<job::Entity>()
        .filter(job::Column::IntegrationId.eq(integration_id))
        .filter(job::Column::Begun.eq(true))
        .filter(job::Column::Status.ne(JobStatus::Done))
        .limit(1)
        .one(tx.connection())
        .await
        .doing("looking for a run that has begun")?;
    Ok(begun.is_some())
}

async fn lock_jobs(tx: &TxScope, integration_id: Uuid) -> Result<()> {
    tx.update::<job::Entity>()
        .col_expr(job::Column::PushAt, Expr::col(job::Column::PushAt))
        .filter(job::Column::IntegrationId.eq(integration_id))
        .filter(job::Column::Status.ne(JobStatus::Done))
        .exec(tx.connection())
        .await
        .doing("locking the jobs of an integration")?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "an upsert of a row of the tenant")]
async fn store(tx: &TxScope, cursor: stream_cursor::Model) -> Result<()> {
    use stream_cursor::Column;
    stream_cursor::Entity::insert(all_set::<stream_cursor::Entity>(cursor))
        .on_conflict(
            OnConflict::columns([Column::TenantId, Column::IntegrationId, Column::Stream])
                .update_columns([Column::Watermark, Column::RunId, Column::UpdatedAt])
                .to_owned(),
        )
        .exec_without_returning(tx.connection())
        .await
        .doing("storing a watermark")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Beginning;

    #[test]
    fn what_a_person_set_is_told_from_what_a_connector_reached() {
        assert!(matches!(Beginning::of(json!({"from": 7})), Beginning::From(value) if value == 7));
        for watermark in [
            json!({"value": "7"}),
            json!({"cursor": 7, "key": [1]}),
            json!({"columns": ["from"], "values": ["7"]}),
            json!("from"),
            json!(7),
        ] {
            assert!(
                matches!(Beginning::of(watermark.clone()), Beginning::Since(since) if since == watermark)
            );
        }
    }
}
