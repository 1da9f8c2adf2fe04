//! Rows of contacts and of what names them, which are a tenant's or the operator's, who has no tenant and so no scope for one
//! row. Callers name the owner whom they have checked, or are background work. On PostgreSQL the transaction of a tenant
//! sees no other's rows through it.

use entity::{contact, failure_group, integration_contact, ownership_rule};
use sea_orm::{ConnectionTrait, DeleteMany, EntityTrait, IntoActiveModel, Select, UpdateMany};

use crate::error::{Doing, Result};
use crate::scope::all_set;

/// An entity of contacts, or one that names some.
pub(crate) trait ContactRow: EntityTrait {}

impl ContactRow for contact::Entity {}
impl ContactRow for failure_group::Entity {}
impl ContactRow for integration_contact::Entity {}
impl ContactRow for ownership_rule::Entity {}

/// Starts a query.
#[expect(clippy::disallowed_methods, reason = "rows of a tenant or of the operator")]
pub(crate) fn find<E: ContactRow>() -> Select<E> {
    E::find()
}

/// Starts an update.
#[expect(clippy::disallowed_methods, reason = "rows of a tenant or of the operator")]
pub(crate) fn update<E: ContactRow>() -> UpdateMany<E> {
    E::update_many()
}

/// Starts a deletion.
#[expect(clippy::disallowed_methods, reason = "rows of a tenant or of the operator")]
pub(crate) fn delete<E: ContactRow>() -> DeleteMany<E> {
    E::delete_many()
}

/// Inserts a row.
#[expect(clippy::disallowed_methods, reason = "rows of a tenant or of the operator")]
pub(crate) async fn insert<E>(
    connection: &impl ConnectionTrait,
    row: E::Model,
    doing: &'static str,
) -> Result<()>
where
    E: ContactRow,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    E::insert(all_set::<E>(row)).exec_without_returning(connection).await.doing(doing)?;
    Ok(())
}
