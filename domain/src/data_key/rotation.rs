//! Changing the keys while everything runs. Another secret key wraps the data keys: a few rows. Another data key takes
//! over what the ones before it sealed: row by row, in small transactions. How far it came is told by the values
//! themselves, which name their key, so that it can be interrupted at any moment and goes on when it is run again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::data_key;
use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, QueryFilter};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::sealed::COLUMNS;
use super::{DATA_KEYS_MAX, DataKeyError, all, begin_alone, insert, open, reread};
use crate::app::App;
use crate::audit::{self, Entry};
use crate::cipher::DataKey;
use crate::error::Doing;
use crate::id::new_id;
use crate::identity;

/// How long a key that seals nothing is kept: a process may have stood still with a value that it sealed and not
/// stored.
const KEEP_HOURS: i64 = 24;
/// Times that everything is gone through: the first takes nearly all, the second what was locked meanwhile.
const PASSES_MAX: u32 = 10;
/// Time between two of them.
const PASS_PAUSE: Duration = Duration::from_secs(1);
/// Unreadable values that are named.
const UNREADABLE_NAMED_MAX: usize = 20;

/// What to change.
#[derive(Clone, Copy, Debug)]
pub struct Rotate {
    /// Whether a new data key takes over. If a former one has not yet taken over everything, that one goes on.
    pub new_data_key: bool,
    /// Within it every process reads a new data key, which seals after it.
    pub overlap: Duration,
}

/// What is being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many data keys are wrapped by another secret key now.
    Wrapped(usize),
    /// A new data key seals from then on.
    Waiting(DateTime<Utc>),
    /// So many values of a column are sealed by the data key now.
    Resealed {
        /// `table.column`.
        column: String,
        /// In all.
        count: u64,
    },
}

/// A value that no key opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// `table.column`.
    pub column: String,
    /// Of its row.
    pub id: Uuid,
}

/// What was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// The secret key that wraps all data keys.
    pub secret_key_id: String,
    /// Data keys that another secret key wrapped before.
    pub wrapped_count: usize,
    /// Values that another key sealed before.
    pub resealed_count: u64,
    /// Data keys that sealed nothing for a day, and were removed.
    pub removed_count: u64,
    /// Values that no key opens.
    pub unreadable_count: u64,
    /// The first of them.
    pub unreadable: Vec<Unreadable>,
    /// Whether it was told to stop before it was done.
    pub is_interrupted: bool,
}

/// Wraps the data keys by the first secret key, and has the newest data key take over everything. Safe beside
/// processes that run, and beside itself.
///
/// # Errors
/// [`DataKeyError::OtherSecretKey`], [`DataKeyError::TooMany`], [`DataKeyError::StillInUse`]; when the database can't
/// be used. What was done stands.
pub async fn rotate(
    app: &App,
    input: Rotate,
    stop: &CancellationToken,
    tell: &mut (dyn FnMut(Progress) + Send),
) -> Result<Rotated, DataKeyError> {
    let mut rotated = Rotated {
        secret_key_id: app.cipher().key_ids().next().unwrap_or_default().to_owned(),
        ..Rotated::default()
    };
    let mut newest = wrap(app, input, &mut rotated).await?;
    reread(app).await?;
    if rotated.wrapped_count > 0 {
        tell(Progress::Wrapped(rotated.wrapped_count));
    }
    rotated.is_interrupted = !wait_until(app, newest.seals_from, stop, tell).await;
    let mut pass = 1;
    while !rotated.is_interrupted {
        let unreadable = go_through(app, &newest, stop, tell, &mut rotated).await?;
        if rotated.is_interrupted {
            break;
        }
        let mut left = 0;
        for column in COLUMNS {
            left += column.others(app, &newest).await?;
        }
        rotated.unreadable_count = unreadable;
        if left <= unreadable {
            break;
        }
        if pass == PASSES_MAX {
            return Err(DataKeyError::StillInUse(left - unreadable));
        }
        pass += 1;
        tokio::select! {
            () = stop.cancelled() => rotated.is_interrupted = true,
            () = tokio::time::sleep(PASS_PAUSE) => {}
        }
        // Somebody else may have finished this change and begun the next one.
        if let Some(row) = all(app.across_tenants().writer()).await?.last().filter(|row| row.id != newest.id)
        {
            newest = open(app, row)?;
        }
    }
    if !rotated.is_interrupted && rotated.unreadable_count == 0 {
        rotated.removed_count = clear_away(app, &newest).await?;
    }
    tracing::info!(
        secret_key.id = rotated.secret_key_id,
        wrapped = rotated.wrapped_count,
        resealed = rotated.resealed_count,
        unreadable = rotated.unreadable_count,
        interrupted = rotated.is_interrupted,
        "secrets were rotated"
    );
    Ok(rotated)
}

/// Wraps all data keys by the first secret key, makes a new one if asked, and gives the newest.
async fn wrap(app: &App, input: Rotate, rotated: &mut Rotated) -> Result<DataKey, DataKeyError> {
    let overlap = TimeDelta::from_std(input.overlap).doing("reading how long keys overlap")?;
    let tx = begin_alone(app).await?;
    let rows = all(&tx).await?;
    let mut newest = None;
    for row in &rows {
        let key = open(app, row)?;
        if row.secret_key_id != rotated.secret_key_id {
            let (secret_key_id, wrapped_key) = app.cipher().wrap(&key).doing("wrapping a data key")?;
            identity::update::<data_key::Entity>()
                .col_expr(data_key::Column::SecretKeyId, Expr::value(secret_key_id))
                .col_expr(data_key::Column::WrappedKey, Expr::value(wrapped_key))
                .filter(data_key::Column::Id.eq(row.id))
                .exec(&tx)
                .await
                .doing("storing a wrapped data key")?;
            rotated.wrapped_count += 1;
        }
        newest = Some(key);
    }
    let is_under_way = rows.iter().rev().skip(1).any(|row| row.emptied_at.is_none());
    let newest = match newest {
        Some(newest) if !input.new_data_key || is_under_way => newest,
        _ if rows.len() >= DATA_KEYS_MAX => return Err(DataKeyError::TooMany),
        _ => {
            let key = DataKey::generate(new_id(), app.clock().now() + overlap);
            insert(app, &tx, &key).await?;
            key
        }
    };
    let detail = format!("wrapped by {}, newest {}", rotated.secret_key_id, newest.id.simple());
    audit::commit(tx, Entry::of(None, None).detail(Some(detail)), "committing the data keys").await?;
    Ok(newest)
}

/// False when it was told to stop.
async fn wait_until(
    app: &App,
    time: DateTime<Utc>,
    stop: &CancellationToken,
    tell: &mut (dyn FnMut(Progress) + Send),
) -> bool {
    if time > app.clock().now() {
        tell(Progress::Waiting(time));
    }
    while let Ok(wait) = (time - app.clock().now()).to_std() {
        if wait.is_zero() {
            break;
        }
        tokio::select! {
            () = stop.cancelled() => return false,
            // The clock is the application's, not the timer's.
            () = tokio::time::sleep(wait.min(PASS_PAUSE)) => {}
        }
    }
    !stop.is_cancelled()
}

/// Has `key` take over what it finds, once through everything. Gives how many values are unreadable.
async fn go_through(
    app: &App,
    key: &DataKey,
    stop: &CancellationToken,
    tell: &mut (dyn FnMut(Progress) + Send),
    rotated: &mut Rotated,
) -> Result<u64, DataKeyError> {
    let mut unreadable = 0;
    rotated.unreadable.clear();
    for column in COLUMNS {
        let (mut after, mut count) = (None, 0);
        let name = || format!("{}.{}", column.table, column.column);
        loop {
            if stop.is_cancelled() {
                rotated.is_interrupted = true;
                return Ok(unreadable);
            }
            let batch = column.reseal(app, key, after).await?;
            unreadable += batch.unreadable.len() as u64;
            let room = UNREADABLE_NAMED_MAX.saturating_sub(rotated.unreadable.len());
            let named = batch.unreadable.iter().take(room).map(|&id| Unreadable { column: name(), id });
            rotated.unreadable.extend(named);
            count += batch.resealed;
            rotated.resealed_count += batch.resealed;
            let Some(last) = batch.last else { break };
            after = Some(last);
            if batch.resealed > 0 {
                tell(Progress::Resealed { column: name(), count });
            }
        }
    }
    Ok(unreadable)
}

/// Keys that sealed before this one.
fn before(newest: &DataKey) -> SimpleExpr {
    data_key::Column::SealsFrom.lte(newest.seals_from).and(data_key::Column::Id.ne(newest.id))
}

/// Notes that keys before `newest` seal nothing any more, and removes those of which that was noted a day ago.
async fn clear_away(app: &App, newest: &DataKey) -> Result<u64, DataKeyError> {
    let now = app.clock().now();
    let tx = begin_alone(app).await?;
    let removed = identity::delete::<data_key::Entity>()
        .filter(before(newest))
        .filter(data_key::Column::EmptiedAt.lte(now - TimeDelta::hours(KEEP_HOURS)))
        .exec(&tx)
        .await
        .doing("removing data keys")?;
    identity::update::<data_key::Entity>()
        .col_expr(data_key::Column::EmptiedAt, Expr::value(Some(now)))
        .filter(before(newest).and(data_key::Column::EmptiedAt.is_null()))
        .exec(&tx)
        .await
        .doing("noting that a data key seals nothing")?;
    tx.commit().await.doing("committing the data keys")?;
    reread(app).await?;
    Ok(removed.rows_affected)
}
