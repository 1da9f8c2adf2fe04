//! Webhook endpoints: where a system sends its events to. Each system that receives has one; its address says whose a
//! request is and is no secret, because nothing is taken that is not signed.
//!
//! Deliberately absent: the events ([`webhook_event`](crate::webhook_event)), and the server that takes them (`api`).

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{integration, stream_cursor, system, webhook_endpoint, webhook_event};
use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::Value;
use uuid::Uuid;

use crate::actor::Actor;
use crate::app::App;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::{Kind, new_id};
use crate::permission::Permission;
use crate::scope::{Scope, TxScope};
use crate::system::System;
use crate::validation::Problems;
use crate::webhook_event::settled;

/// For how long the address before stays good at most, in hours: a week.
pub const OVERLAP_HOURS_MAX: i32 = 7 * 24;
/// For how long when nobody says: a day.
pub const OVERLAP_HOURS_DEFAULT: i32 = 24;
/// Path of the addresses, below the public URL.
pub const PATH: &str = "/webhooks";

/// A webhook endpoint as callers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookEndpoint {
    /// Path of its URL; `None` for who may not change the system.
    pub path: Option<String>,
    /// Its URL; `None` also where the installation does not say where it is reached.
    pub url: Option<String>,
    /// Until when the URL before is good, too; `None` when it is not any more.
    pub previous_until: Option<DateTime<Utc>>,
    /// Events that came.
    pub received: i64,
    /// When the last of them came.
    pub last_received_at: Option<DateTime<Utc>>,
    /// Events that an integration has still to read, or all that are kept where none reads them.
    pub waiting: i64,
    /// Their bodies, in bytes.
    pub waiting_bytes: i64,
    /// Requests that were not taken.
    pub refused: i64,
    /// When the last of them came.
    pub last_refused_at: Option<DateTime<Utc>>,
    /// Why it was not taken, in words.
    pub last_refusal: Option<String>,
}

/// The endpoints of these systems that the caller may see, of those that receive.
///
/// # Errors
/// Denied without `systems:read`.
pub async fn by_systems(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, WebhookEndpoint>> {
    let scope = actor.authorize(Permission::SystemRead)?;
    let these = || ids.iter().copied();
    let endpoints =
        scope.find::<webhook_endpoint::Entity>().filter(webhook_endpoint::Column::SystemId.is_in(these()));
    let endpoints = endpoints.all().await?;
    if endpoints.is_empty() {
        return Ok(HashMap::new());
    }
    let systems = scope.find::<system::Entity>().filter(system::Column::Id.is_in(these())).all().await?;
    let integrations = scope
        .find::<integration::Entity>()
        .filter(integration::Column::SourceId.is_in(these()))
        .all()
        .await?;
    let cursors = scope
        .find::<stream_cursor::Entity>()
        .filter(stream_cursor::Column::IntegrationId.is_in(integrations.iter().map(|row| row.id)))
        .all()
        .await?;
    let may_change = actor.may(Permission::SystemWrite);
    let read: Vec<(webhook_endpoint::Model, i64)> = endpoints
        .into_iter()
        .filter_map(|row| {
            let system = systems.iter().find(|system| system.id == row.system_id)?;
            let read = settled(scope.app(), system, &integrations, &cursors);
            let read = read.clamp(row.purged_sequence, row.last_sequence);
            receives(scope.app(), system).then_some((row, read))
        })
        .collect();
    let ends = end_bytes(&scope, &read).await?;
    let mut seen = HashMap::with_capacity(read.len());
    for (row, read) in read {
        let read_bytes = match ends.get(&row.system_id) {
            Some(bytes) => *bytes,
            None if read >= row.last_sequence => row.received_bytes,
            None => row.purged_bytes,
        };
        let waiting_bytes = row.received_bytes - read_bytes;
        let public_url = scope.app().connect().public_url.as_ref();
        let path = may_change.then(|| format!("{PATH}/{}", row.address));
        seen.insert(
            row.system_id,
            WebhookEndpoint {
                url: path.as_ref().zip(public_url).map(|(path, url)| format!("{url}{path}")),
                path,
                previous_until: row.previous_until.filter(|until| *until > scope.app().clock().now()),
                received: row.last_sequence,
                last_received_at: row.last_received_at,
                waiting: row.last_sequence - read,
                waiting_bytes,
                refused: row.refused_count,
                last_refused_at: row.last_refused_at,
                last_refusal: row.last_refusal,
            },
        );
    }
    Ok(seen)
}

/// Gives a system another address. The one before stays good for so many hours: senders are told one after the other.
///
/// # Errors
/// Denied without `systems:write`. Rejected: `NOT_FOUND` systemId; `CONFLICT` when it does not receive; `INVALID`
/// overlapHours.
pub async fn rotate(actor: &Actor, system_id: Uuid, overlap_hours: i32) -> Result<System> {
    let scope = actor.authorize(Permission::SystemWrite)?;
    let not_found = || Error::not_found("systemId", "system");
    let row = scope.find::<system::Entity>().of_id(system::Column::Id, system_id).one().await?;
    let row = row.ok_or_else(not_found)?;
    if !(0..=OVERLAP_HOURS_MAX).contains(&overlap_hours) {
        let message = format!("must be 0 to {OVERLAP_HOURS_MAX}");
        return Err(Error::rejected(Problem::invalid(["overlapHours"], message)));
    }
    if !receives(scope.app(), &row) {
        let message = "has no webhook URL: its config does not say that it receives";
        return Err(Error::conflict("systemId", message));
    }
    let tx = scope.begin(row.tenant_id).await?.ok_or_else(not_found)?;
    let until = tx.app().clock().now() + TimeDelta::hours(overlap_hours.into());
    let (before, until) = match overlap_hours {
        0 => (Expr::value(None::<String>), None),
        _ => (Expr::col(webhook_endpoint::Column::Address), Some(until)),
    };
    tx.update::<webhook_endpoint::Entity>()
        .col_expr(webhook_endpoint::Column::PreviousAddress, before)
        .col_expr(webhook_endpoint::Column::PreviousUntil, Expr::value(until))
        .col_expr(webhook_endpoint::Column::Address, Expr::value(new_address()))
        .filter(webhook_endpoint::Column::SystemId.eq(system_id))
        .exec(tx.connection())
        .await
        .doing("storing another address")?;
    let detail = format!("the one before is good for {overlap_hours} hours");
    tx.about(Kind::System, system_id).detail(detail).commit().await?;
    Ok(row.into())
}

/// Gives a system an address that receives and has none yet.
pub(crate) async fn ensure(tx: &TxScope, system: &system::Model) -> Result<()> {
    if !receives(tx.app(), system) || of_system(tx, system.id).await?.is_some() {
        return Ok(());
    }
    let row = webhook_endpoint::Model {
        id: new_id(),
        tenant_id: system.tenant_id,
        system_id: system.id,
        address: new_address(),
        previous_address: None,
        previous_until: None,
        last_sequence: 0,
        received_bytes: 0,
        purged_sequence: 0,
        purged_bytes: 0,
        last_received_at: None,
        refused_count: 0,
        last_refused_at: None,
        last_refusal: None,
        created_at: tx.app().clock().now(),
    };
    tx.insert::<webhook_endpoint::Entity>(row, "storing a webhook endpoint").await?;
    Ok(())
}

/// That a stream of a system may begin here: at an event that has come, or the next one, or at a time. Behind them it would
/// leave out what comes.
pub(crate) async fn check_beginning(
    scope: &Scope,
    system_id: Uuid,
    to: &Value,
    problems: &mut Problems,
) -> Result<()> {
    let endpoint = scope
        .find::<webhook_endpoint::Entity>()
        .filter(webhook_endpoint::Column::SystemId.eq(system_id))
        .one()
        .await?;
    let next = endpoint.map_or(0, |endpoint| endpoint.last_sequence) + 1;
    let is_good = match to {
        Value::Number(number) => number.as_i64().is_some_and(|number| (1..=next).contains(&number)),
        Value::String(text) => DateTime::parse_from_rfc3339(text).is_ok(),
        _ => false,
    };
    if !is_good {
        let message = format!(
            "must be the number of an event, from 1 to {next}, which is the next one; or a time like \
             2026-11-26T09:00:00Z"
        );
        problems.add(ProblemCode::Invalid, "to", message);
    }
    Ok(())
}

/// Deletes a system's endpoint with all that came there, because the system is deleted.
pub(crate) async fn forget(tx: &TxScope, system_id: Uuid) -> Result<()> {
    let doing = "deleting a webhook endpoint";
    // Before its events: who stores one or deletes some has its row, and is waited for.
    tx.delete::<webhook_endpoint::Entity>()
        .filter(webhook_endpoint::Column::SystemId.eq(system_id))
        .exec(tx.connection())
        .await
        .doing(doing)?;
    tx.delete::<webhook_event::Entity>()
        .filter(webhook_event::Column::SystemId.eq(system_id))
        .exec(tx.connection())
        .await
        .doing(doing)?;
    Ok(())
}

/// The endpoint of a system, if it has one.
pub(crate) async fn of_system(tx: &TxScope, system_id: Uuid) -> Result<Option<webhook_endpoint::Model>> {
    tx.find::<webhook_endpoint::Entity>()
        .filter(webhook_endpoint::Column::SystemId.eq(system_id))
        .one(tx.connection())
        .await
        .doing("reading a webhook endpoint")
}

fn receives(app: &App, system: &system::Model) -> bool {
    let connector = app.connectors().get(&system.connector);
    // A config that is not of its schema receives nothing.
    connector.is_some_and(|connector| matches!(connector.receiver(&system.config), Ok(Some(_))))
}

/// Bodies of all that came up to these places, in bytes, by system; of those whose event is in the middle of what is kept.
async fn end_bytes(scope: &Scope, read: &[(webhook_endpoint::Model, i64)]) -> Result<HashMap<Uuid, i64>> {
    let in_between =
        read.iter().filter(|(row, read)| *read > row.purged_sequence && *read < row.last_sequence);
    let places = in_between.fold(Condition::any(), |places, (row, read)| {
        let here = webhook_event::Column::SystemId.eq(row.system_id);
        places.add(here.and(webhook_event::Column::Sequence.eq(*read)))
    });
    if places.is_empty() {
        return Ok(HashMap::new());
    }
    let columns = [webhook_event::Column::SystemId, webhook_event::Column::EndBytes];
    let rows: Vec<(Uuid, i64)> = scope.find::<webhook_event::Entity>().filter(places).tuples(columns).await?;
    Ok(rows.into_iter().collect())
}

/// 128 random bits: nobody finds one by trying.
fn new_address() -> String {
    format!("{:032x}", rand::random::<u128>())
}
