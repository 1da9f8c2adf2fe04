//! Storing what came, all that came to one system at the same time in one transaction, with the runs that will read it:
//! nothing is answered as stored that nobody would read. The endpoint's row is locked meanwhile, so that no event is seen
//! before one with a lower place.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use connector::{Arrival, Receiver};
use entity::{integration, stream_cursor, system, webhook_endpoint, webhook_event};
use futures::future::join_all;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::{Taken, WAITING_BYTES_MAX, WAITING_EVENTS_MAX, settled, trigger};
use crate::app::App;
use crate::error::{Doing, Error, Result};
use crate::id::new_id;
use crate::scope::TxScope;

/// Steps of an inbox, in events and in bytes: with each, whoever reads it reads on, also past what it wants nothing of.
/// Otherwise nothing that it has not read could ever go, and the inbox would be full.
const STEP_EVENTS: i64 = WAITING_EVENTS_MAX / 10;
const STEP_BYTES: i64 = WAITING_BYTES_MAX / 10;
/// Bodies that one transaction stores, in bytes: they are in memory several times meanwhile.
const TOGETHER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// An event whose signature is good.
#[derive(Clone)]
pub(super) struct Delivery {
    pub(super) tenant_id: Uuid,
    pub(super) system_id: Uuid,
    pub(super) system_name: String,
    pub(super) receiver: Receiver,
    pub(super) arrival: Arrival,
    pub(super) body: Vec<u8>,
}

/// Takes deliveries of whichever systems, and answers in their order.
pub(super) async fn all(app: &Arc<App>, deliveries: Vec<Delivery>) -> Vec<Result<Taken>> {
    let mut groups: HashMap<Uuid, Vec<usize>> = HashMap::new();
    for (place, delivery) in deliveries.iter().enumerate() {
        groups.entry(delivery.system_id).or_default().push(place);
    }
    let taken = groups.into_values().map(async |places| {
        let group: Vec<&Delivery> = places.iter().map(|place| &deliveries[*place]).collect();
        let mut taken = Vec::with_capacity(group.len());
        for group in of_bounded_size(&group) {
            taken.extend(of_one_system(app, group).await);
        }
        places.into_iter().zip(taken).collect::<Vec<_>>()
    });
    let mut answers: Vec<(usize, Result<Taken>)> = join_all(taken).await.into_iter().flatten().collect();
    answers.sort_by_key(|(place, _taken)| *place);
    answers.into_iter().map(|(_place, taken)| taken).collect()
}

/// Cuts deliveries where their bodies become too much for one transaction.
fn of_bounded_size<'a, 'b>(deliveries: &'a [&'b Delivery]) -> impl Iterator<Item = &'a [&'b Delivery]> {
    let mut bytes = 0;
    deliveries.chunk_by(move |before, next| {
        bytes += before.body.len();
        let fits = bytes + next.body.len() <= TOGETHER_BYTES_MAX;
        if !fits {
            bytes = 0;
        }
        fits
    })
}

/// Takes deliveries of one system together; or else each alone, so that none fails for another.
async fn of_one_system(app: &Arc<App>, deliveries: &[&Delivery]) -> Vec<Result<Taken>> {
    match together(app, deliveries).await {
        Ok(taken) => taken.into_iter().map(Ok).collect(),
        Err(error) if deliveries.len() == 1 => vec![Err(error)],
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                events = deliveries.len(),
                "events could not be stored together; each is tried alone"
            );
            let mut alone = Vec::with_capacity(deliveries.len());
            for delivery in deliveries {
                let taken = together(app, &[delivery]).await;
                alone.push(taken.map(|taken| taken.first().copied().unwrap_or(Taken::Gone)));
            }
            alone
        }
    }
}

/// Takes deliveries of one system in one transaction.
async fn together(app: &Arc<App>, deliveries: &[&Delivery]) -> Result<Vec<Taken>> {
    let Some(first) = deliveries.first() else { return Ok(Vec::new()) };
    let mut tx = TxScope::begin(app, first.tenant_id).await?;
    let Some(mut endpoint) = locked(&tx, first.system_id).await? else {
        return Ok(vec![Taken::Gone; deliveries.len()]);
    };
    let step =
        |row: &webhook_endpoint::Model| (row.last_sequence / STEP_EVENTS, row.received_bytes / STEP_BYTES);
    let before = step(&endpoint);
    let now = app.clock().now();
    let mut known = known_ids(&tx, first.system_id, deliveries).await?;
    let mut room: Option<(i64, i64)> = None;
    let (mut rows, mut taken) = (Vec::new(), Vec::with_capacity(deliveries.len()));
    for delivery in deliveries {
        if let Some(id) = &delivery.arrival.event_id
            && known.contains(id)
        {
            taken.push(Taken::Known);
            continue;
        }
        let size_bytes = i64::try_from(delivery.body.len()).unwrap_or(i64::MAX);
        let is_full = |(sequence, bytes): (i64, i64)| {
            endpoint.last_sequence - sequence >= WAITING_EVENTS_MAX
                || endpoint.received_bytes + size_bytes - bytes > WAITING_BYTES_MAX
        };
        // Most of the time there is room even for all that is kept; what of it is read is looked up only if not.
        if is_full(room.unwrap_or((endpoint.purged_sequence, endpoint.purged_bytes))) {
            let read = match room {
                Some(read) => read,
                None => read_until(&tx, &endpoint).await?,
            };
            room = Some(read);
            if is_full(read) {
                taken.push(Taken::Full);
                continue;
            }
        }
        endpoint.last_sequence += 1;
        endpoint.received_bytes += size_bytes;
        let id = new_id();
        rows.push(webhook_event::Model {
            id,
            tenant_id: delivery.tenant_id,
            system_id: delivery.system_id,
            sequence: endpoint.last_sequence,
            event_id: delivery.arrival.event_id.clone(),
            event_type: delivery.arrival.event_type.clone(),
            received_at: now,
            sealed_body: app.seal(delivery.tenant_id, id, &delivery.body)?,
            size_bytes,
            end_bytes: endpoint.received_bytes,
        });
        known.extend(delivery.arrival.event_id.clone());
        taken.push(Taken::Stored);
    }
    if rows.is_empty() {
        return Ok(taken);
    }
    let types: HashSet<Option<String>> = rows.iter().map(|row| row.event_type.clone()).collect();
    tx.insert_many::<webhook_event::Entity>(rows, "storing events").await?;
    tx.update::<webhook_endpoint::Entity>()
        .col_expr(webhook_endpoint::Column::LastSequence, Expr::value(endpoint.last_sequence))
        .col_expr(webhook_endpoint::Column::ReceivedBytes, Expr::value(endpoint.received_bytes))
        .col_expr(webhook_endpoint::Column::LastReceivedAt, Expr::value(Some(now)))
        .filter(webhook_endpoint::Column::Id.eq(endpoint.id))
        .exec(tx.connection())
        .await
        .doing("storing that events came")?;
    let is_step = step(&endpoint) != before;
    trigger::runs(&mut tx, first, (!is_step).then_some(&types)).await?;
    tx.commit().await?;
    Ok(taken)
}

async fn locked(tx: &TxScope, system_id: Uuid) -> Result<Option<webhook_endpoint::Model>> {
    tx.find::<webhook_endpoint::Entity>()
        .filter(webhook_endpoint::Column::SystemId.eq(system_id))
        .lock_exclusive()
        .one(tx.connection())
        .await
        .doing("locking a webhook endpoint")
}

/// Those of the ids that were taken before.
async fn known_ids(tx: &TxScope, system_id: Uuid, deliveries: &[&Delivery]) -> Result<HashSet<String>> {
    let ids: Vec<String> =
        deliveries.iter().filter_map(|delivery| delivery.arrival.event_id.clone()).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let known: Vec<Option<String>> = tx
        .find::<webhook_event::Entity>()
        .select_only()
        .column(webhook_event::Column::EventId)
        .filter(webhook_event::Column::SystemId.eq(system_id))
        .filter(webhook_event::Column::EventId.is_in(ids))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("looking for events by their ids")?;
    Ok(known.into_iter().flatten().collect())
}

/// Up to which place everything is read, and the bytes until there.
async fn read_until(tx: &TxScope, endpoint: &webhook_endpoint::Model) -> Result<(i64, i64)> {
    let sequence = settled_in(tx, endpoint.system_id).await?.min(endpoint.last_sequence);
    if sequence <= endpoint.purged_sequence {
        return Ok((endpoint.purged_sequence, endpoint.purged_bytes));
    }
    Ok((sequence, end_bytes(tx, endpoint.system_id, sequence).await?))
}

/// Bodies of all events that came up to one that is kept, in bytes.
pub(super) async fn end_bytes(tx: &TxScope, system_id: Uuid, sequence: i64) -> Result<i64> {
    let doing = "reading the size of events";
    let found: Option<i64> = tx
        .find::<webhook_event::Entity>()
        .select_only()
        .column(webhook_event::Column::EndBytes)
        .filter(webhook_event::Column::SystemId.eq(system_id))
        .filter(webhook_event::Column::Sequence.eq(sequence))
        .into_tuple()
        .one(tx.connection())
        .await
        .doing(doing)?;
    found.ok_or_else(|| Error::internal(doing, format!("event {sequence} is not there")))
}

/// The place up to which every integration of a system has read.
pub(super) async fn settled_in(tx: &TxScope, system_id: Uuid) -> Result<i64> {
    let doing = "reading how far the integrations of a system are";
    let system = tx
        .find::<system::Entity>()
        .filter(system::Column::Id.eq(system_id))
        .one(tx.connection())
        .await
        .doing(doing)?;
    let Some(system) = system else { return Ok(0) };
    let integrations = tx
        .find::<integration::Entity>()
        .filter(integration::Column::SourceId.eq(system_id))
        .all(tx.connection())
        .await
        .doing(doing)?;
    let cursors = tx
        .find::<stream_cursor::Entity>()
        .filter(stream_cursor::Column::IntegrationId.is_in(integrations.iter().map(|row| row.id)))
        .all(tx.connection())
        .await
        .doing(doing)?;
    Ok(settled(tx.app(), &system, &integrations, &cursors))
}
