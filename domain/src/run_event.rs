//! What happened in a run, in the standard taxonomy. Each viewer reads the events of their audience.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::run;
use entity::run_event::{self, Audience};
use sea_orm::ColumnTrait;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::Result;
use crate::id::new_id;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::{Keyset, Parent, TxScope};

pub use entity::run_event::Model as RunEvent;

/// Longest message, in characters; what is longer is cut.
const MESSAGE_CHARACTERS_MAX: usize = 500;

/// An event about to be stored.
#[derive(Clone, Debug)]
pub(crate) struct NewEvent {
    kind: &'static str,
    audience: Audience,
    component: &'static str,
    business_reference: Option<String>,
    message: String,
    attributes: Value,
}

impl NewEvent {
    /// For customers; `kind` is of the taxonomy.
    pub(crate) fn new(kind: &'static str, component: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        let message = match message.char_indices().nth(MESSAGE_CHARACTERS_MAX) {
            Some((end, _)) => format!("{}…", &message[..end]),
            None => message,
        };
        Self {
            kind,
            audience: Audience::Customer,
            component,
            business_reference: None,
            message,
            attributes: json!({}),
        }
    }

    /// For another audience.
    pub(crate) fn audience(mut self, audience: Audience) -> Self {
        self.audience = audience;
        self
    }

    /// About one record.
    pub(crate) fn reference(mut self, reference: Option<String>) -> Self {
        self.business_reference = reference;
        self
    }

    /// With details, an object.
    pub(crate) fn attributes(mut self, attributes: Value) -> Self {
        self.attributes = attributes;
        self
    }

    /// With one more detail.
    pub(crate) fn attribute(mut self, name: &str, value: Value) -> Self {
        self.attributes[name] = value;
        self
    }

    /// As it is stored.
    pub(crate) fn row(self, tenant_id: Uuid, run_id: Uuid, at: DateTime<Utc>) -> RunEvent {
        RunEvent {
            id: new_id(),
            tenant_id,
            run_id,
            at,
            r#type: self.kind.to_owned(),
            audience: self.audience,
            component: self.component.to_owned(),
            business_reference: self.business_reference,
            message: self.message,
            attributes: self.attributes,
        }
    }
}

/// Stores events of a run, in their order.
pub(crate) async fn record(tx: &TxScope, run_id: Uuid, events: Vec<NewEvent>) -> Result<()> {
    let at = tx.app().clock().now();
    let rows = events.into_iter().map(|event| event.row(tx.tenant_id(), run_id, at)).collect();
    tx.insert_many::<run_event::Entity>(rows, "storing run events").await
}

const OLDEST_FIRST: Keyset<run_event::Entity> =
    Keyset { name: "event", column: None, id: run_event::Column::Id, direction: Direction::Ascending };

/// Events of a run that the caller's audience may read, oldest first.
///
/// # Errors
/// Denied without `runs:read`; [`Error::Argument`](crate::Error::Argument) for a bad page.
pub async fn list(actor: &Actor, run_id: Uuid, page: &PageArguments) -> Result<Page<RunEvent>> {
    let scope = actor.authorize(Permission::RunRead)?;
    scope
        .find::<run_event::Entity>()
        .filter(run_event::Column::RunId.eq(run_id))
        .filter(run_event::Column::Audience.is_in(readable(actor.audience())))
        .page(&OLDEST_FIRST, &page.check(OLDEST_FIRST.name)?)
        .await
}

/// A page of events for each of several runs, in one statement.
///
/// # Errors
/// As [`list`].
pub async fn pages_by_run(
    actor: &Actor,
    runs: &[Uuid],
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<RunEvent>>> {
    let scope = actor.authorize(Permission::RunRead)?;
    scope
        .find::<run_event::Entity>()
        .filter(run_event::Column::Audience.is_in(readable(actor.audience())))
        .planned_once()
        .pages_by_parent(
            Parent::of::<run::Entity>(run_event::Column::RunId),
            runs,
            &OLDEST_FIRST,
            &page.check(OLDEST_FIRST.name)?,
        )
        .await
}

/// The same, of a span of time.
///
/// # Errors
/// As [`list`].
pub async fn pages_between(
    actor: &Actor,
    runs: &[Uuid],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<RunEvent>>> {
    let scope = actor.authorize(Permission::RunRead)?;
    scope
        .find::<run_event::Entity>()
        .filter(run_event::Column::Audience.is_in(readable(actor.audience())))
        .filter(run_event::Column::At.gte(from))
        .filter(run_event::Column::At.lt(to))
        .planned_once()
        .pages_by_parent(
            Parent::of::<run::Entity>(run_event::Column::RunId),
            runs,
            &OLDEST_FIRST,
            &page.check(OLDEST_FIRST.name)?,
        )
        .await
}

/// One event, if the caller's audience may read it.
///
/// # Errors
/// Denied without `runs:read`.
pub async fn get(actor: &Actor, id: Uuid) -> Result<Option<RunEvent>> {
    let scope = actor.authorize(Permission::RunRead)?;
    scope
        .find::<run_event::Entity>()
        .of_id(run_event::Column::Id, id)
        .filter(run_event::Column::Audience.is_in(readable(actor.audience())))
        .one()
        .await
}

/// Each audience reads its own layer and the ones before it.
pub(crate) fn readable(audience: Audience) -> Vec<Audience> {
    [Audience::Customer, Audience::Support, Audience::Engineer]
        .into_iter()
        .filter(|layer| *layer <= audience)
        .collect()
}
