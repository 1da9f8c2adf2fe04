//! Live updates: told that something changed, a subscription reads it again with its caller's rights, so what a
//! listener gets is what a query would answer. Changes of one object in quick succession arrive as one. Who was away is told
//! first what changed meanwhile. See ADR 64.

mod listener;

use async_graphql::Context;
use chrono::{DateTime, Utc};
use domain::Permission;
use domain::change::{ChangeKind, Interest};
use domain::failure::Failure;
use domain::failure_group::FailureGroup;
use domain::integration::Integration;
use domain::retry::Retry;
use domain::run::Run;
use futures::stream::{self, BoxStream, StreamExt};
use uuid::Uuid;

use self::listener::Listener;
use super::call::record_denied_subscription;
use super::caller::{caller, loaders};
use super::error::{ResolverError, Result};
use super::loader::Row;
use crate::http::ErrorCode;

/// What a subscription listens to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    /// This object only.
    pub(super) id: Option<Uuid>,
    /// Objects of this integration only.
    pub(super) integration_id: Option<Uuid>,
    /// What has changed since then comes first.
    pub(super) since: Option<DateTime<Utc>>,
}

impl Watch {
    fn interest(&self, kind: ChangeKind) -> Interest {
        Interest { kind, id: self.id, integration_id: self.integration_id }
    }
}

/// Rows whose changes are told.
pub(super) trait Live: Row {
    /// What changes of it are called.
    const KIND: ChangeKind;
    /// What reading it needs.
    const PERMISSION: Permission;
    /// Its name in words.
    const NAME: &'static str;

    /// The id of the row.
    fn id(&self) -> Uuid;

    /// Of which integration it is.
    fn integration_id(&self) -> Option<Uuid>;
}

impl Live for Run {
    const KIND: ChangeKind = ChangeKind::Run;
    const PERMISSION: Permission = Permission::RunRead;
    const NAME: &'static str = "run";

    fn id(&self) -> Uuid {
        self.id
    }

    fn integration_id(&self) -> Option<Uuid> {
        Some(self.integration_id)
    }
}

impl Live for Failure {
    const KIND: ChangeKind = ChangeKind::Failure;
    const PERMISSION: Permission = Permission::FailureRead;
    const NAME: &'static str = "failure";

    fn id(&self) -> Uuid {
        self.id
    }

    fn integration_id(&self) -> Option<Uuid> {
        Some(self.integration_id)
    }
}

impl Live for FailureGroup {
    const KIND: ChangeKind = ChangeKind::FailureGroup;
    const PERMISSION: Permission = Permission::FailureRead;
    const NAME: &'static str = "group of failures";

    fn id(&self) -> Uuid {
        self.id
    }

    fn integration_id(&self) -> Option<Uuid> {
        Some(self.integration_id)
    }
}

/// Nobody asks what they missed of it: a subscription names its retry, whose state comes first.
impl Live for Retry {
    const KIND: ChangeKind = ChangeKind::Retry;
    const PERMISSION: Permission = Permission::FailureRead;
    const NAME: &'static str = "retry";

    fn id(&self) -> Uuid {
        self.id
    }

    fn integration_id(&self) -> Option<Uuid> {
        None
    }
}

/// Starts listening. With an id, the object as it is now comes first; with a time, what has changed since.
///
/// # Errors
/// Denied; `NOT_FOUND` when an id names nothing that the caller may see.
pub(super) async fn watch<T: Live, O: Send + 'static>(
    ctx: &Context<'_>,
    watch: Watch,
    object: impl Fn(T) -> O + Send + 'static,
) -> Result<BoxStream<'static, Result<O>>> {
    let caller = caller(ctx)?.clone();
    if let Err(error) = caller.actor().require(T::PERMISSION) {
        record_denied_subscription(ctx, &error).await;
        return Err(error.into());
    }
    if let Some(id) = watch.integration_id {
        loaders(ctx)?.row::<Integration>(id).await?.ok_or_else(|| not_found("integration"))?;
    }
    let asked = loaders(ctx)?.asked();
    let mut listener = Listener::<T>::start(caller, watch, asked).await?;
    if let Some(id) = watch.id {
        let row = loaders(ctx)?.row::<T>(id).await?.ok_or_else(|| not_found(T::NAME))?;
        if watch.integration_id.is_some_and(|id| row.integration_id() != Some(id)) {
            return Err(not_found(T::NAME));
        }
        listener.begin_with(row);
    }
    let rows = stream::unfold(listener, |mut listener| async move {
        let row = listener.next().await?;
        Some((row, listener))
    });
    Ok(rows.map(move |row| row.map(&object)).boxed())
}

fn not_found(what: &str) -> ResolverError {
    ResolverError::new(ErrorCode::NotFound, format!("There is no {what} with this id."))
}
