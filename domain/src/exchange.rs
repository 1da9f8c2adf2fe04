//! Requests to outside systems with their replies, of failures that they led to, for engineers. URL, headers and sizes are
//! theirs to see; the bodies may hold what a customer's record holds, and are opened like it, by a reveal of the failure's
//! record. What a worker keeps stands in `background/exchange.rs`, and what is left out of it in the connector.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use entity::exchange::{self, Model};
use sea_orm::sea_query::Order;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::actor::Actor;
use crate::app::App;
use crate::error::{Doing, Result};
use crate::permission::Permission;
use crate::reveal;
use crate::words::Language;

pub use connector::{Content, Header};

/// How long they are kept, in days: as long as one looks into a failure, and no longer than a customer's data must be.
pub const KEPT_DAYS: i64 = 30;
/// Rows that one transaction deletes, each with up to 20 KiB: writers wait for it on SQLite.
const PURGED_ROWS_MAX: u64 = 500;
/// Transactions of one purge; the next one goes on.
const PURGES_MAX: u32 = 100;

/// A request with its reply, as one viewer may read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// `POST`.
    pub method: String,
    /// Of the reply; `None` where none came.
    pub status: Option<i32>,
    /// To the end of the reply, or to where it was given up, in milliseconds.
    pub duration_ms: i64,
    /// Without userinfo, and without the values of its query.
    pub url: String,
    /// Of the request; the value of one that may hold a secret is `[hidden]`.
    pub request_headers: Vec<Header>,
    /// At most 8 KiB; `None` while the failure's record is not revealed to the viewer.
    pub request_body: Option<String>,
    /// How long it was, in bytes.
    pub request_bytes: i64,
    /// Of the reply.
    pub response_headers: Vec<Header>,
    /// At most 8 KiB; `None` where no reply came, and while the failure's record is not revealed.
    pub response_body: Option<String>,
    /// How long it was, in bytes; `None` where none came.
    pub response_bytes: Option<i64>,
    /// Fields that are null only because this viewer may not see them: name and reason.
    pub redactions: Vec<(&'static str, String)>,
}

/// A failure and the exchange that it came of.
pub type OfFailure = (Uuid, Uuid);

/// The exchanges of failures; none for those that are gone.
///
/// # Errors
/// Denied without `internals:read`.
pub async fn by_failures(actor: &Actor, of: &[OfFailure]) -> Result<HashMap<OfFailure, Exchange>> {
    let scope = actor.authorize(Permission::InternalsRead)?;
    let ids: HashSet<Uuid> = of.iter().map(|(_, exchange_id)| *exchange_id).collect();
    let rows = scope.find::<exchange::Entity>().of_ids(exchange::Column::Id, ids).all().await?;
    let rows: HashMap<Uuid, Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    let revealed = reveal::open_to(actor).await?;
    let language = actor.language();
    let mut views = HashMap::with_capacity(of.len());
    for (failure_id, exchange_id) in of {
        if let Some(row) = rows.get(exchange_id) {
            let view = view(actor.app(), &language, row, revealed.contains(failure_id))?;
            views.insert((*failure_id, *exchange_id), view);
        }
    }
    Ok(views)
}

fn view(app: &App, language: &Language, row: &Model, is_revealed: bool) -> Result<Exchange> {
    let text = app.unseal(row.tenant_id, row.id, &row.sealed_content)?;
    let content: Content = serde_json::from_slice(&text).doing("reading a stored exchange")?;
    let has_reply = row.status.is_some();
    let mut redactions = Vec::new();
    if !is_revealed {
        let why = language.say("redaction-exchange-body");
        redactions.push(("requestBody", why.clone()));
        if has_reply {
            redactions.push(("responseBody", why));
        }
    }
    Ok(Exchange {
        at: row.at,
        method: row.method.clone(),
        status: row.status,
        duration_ms: row.duration_ms,
        url: content.url,
        request_headers: content.request_headers,
        request_body: is_revealed.then_some(content.request_body),
        request_bytes: row.request_bytes,
        response_headers: content.response_headers,
        response_body: (is_revealed && has_reply).then_some(content.response_body),
        response_bytes: row.response_bytes,
        redactions,
    })
}

/// Deletes those that are kept long enough, whosever they are. Answers with how many.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
pub(crate) async fn purge(app: &App) -> Result<u64> {
    let before = app.clock().now() - Duration::days(KEPT_DAYS);
    let connection = app.across_tenants().writer();
    let mut purged = 0;
    for _ in 0..PURGES_MAX {
        let ids: Vec<Uuid> = exchange::Entity::find()
            .select_only()
            .column(exchange::Column::Id)
            .filter(exchange::Column::At.lt(before))
            .order_by(exchange::Column::At, Order::Asc)
            .limit(PURGED_ROWS_MAX)
            .into_tuple()
            .all(connection)
            .await
            .doing("looking for old exchanges")?;
        let is_last = (ids.len() as u64) < PURGED_ROWS_MAX;
        let deleted = exchange::Entity::delete_many()
            .filter(exchange::Column::Id.is_in(ids))
            .exec(connection)
            .await
            .doing("deleting old exchanges")?;
        purged += deleted.rows_affected;
        if is_last {
            break;
        }
    }
    Ok(purged)
}
