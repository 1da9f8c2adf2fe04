//! Rows that stand before or above tenants: they say who a caller is, so no scope can filter them yet.
//! Private to the modules of authentication; everything else goes through a [`Scope`](crate::Scope).

use entity::{
    api_key, api_key_tenant, connect_link, data_key, export, external_identity, identity_provider,
    invitation, mail, portal_cutoff, portal_key, portal_key_tenant, portal_session, recovery_code,
    refresh_token, second_factor, session, sign_in_attempt, sign_on_attempt, signing_key, user, user_token,
    webhook_endpoint, word_override,
};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DbErr, DeleteMany, EntityTrait, IntoActiveModel, Select, SqlErr, UpdateMany};

use crate::audit;
use crate::error::{Doing, Error, Result};
use crate::scope::all_set;

/// An entity that authentication reads and writes without a tenant.
pub(crate) trait IdentityRow: EntityTrait {
    /// Whether it says who a bearer is, and what they may do: that is remembered for a moment.
    const IS_REMEMBERED: bool = false;
}

impl IdentityRow for api_key::Entity {
    const IS_REMEMBERED: bool = true;
}
impl IdentityRow for api_key_tenant::Entity {
    const IS_REMEMBERED: bool = true;
}
impl IdentityRow for connect_link::Entity {}
impl IdentityRow for export::Entity {}
impl IdentityRow for external_identity::Entity {}
impl IdentityRow for identity_provider::Entity {}
impl IdentityRow for sign_on_attempt::Entity {}
impl IdentityRow for invitation::Entity {}
impl IdentityRow for mail::Entity {}
impl IdentityRow for data_key::Entity {}
impl IdentityRow for portal_cutoff::Entity {
    const IS_REMEMBERED: bool = true;
}
impl IdentityRow for portal_key::Entity {
    const IS_REMEMBERED: bool = true;
}
impl IdentityRow for portal_key_tenant::Entity {
    const IS_REMEMBERED: bool = true;
}
impl IdentityRow for portal_session::Entity {
    const IS_REMEMBERED: bool = true;
}
impl IdentityRow for recovery_code::Entity {}
impl IdentityRow for refresh_token::Entity {}
impl IdentityRow for second_factor::Entity {}
impl IdentityRow for session::Entity {
    const IS_REMEMBERED: bool = true;
}
impl IdentityRow for sign_in_attempt::Entity {}
impl IdentityRow for signing_key::Entity {}
impl IdentityRow for user::Entity {
    const IS_REMEMBERED: bool = true;
}
impl IdentityRow for user_token::Entity {}
impl IdentityRow for webhook_endpoint::Entity {}
impl IdentityRow for word_override::Entity {}

/// Where it is remembered, the call under way makes that be forgotten.
fn told<E: IdentityRow>() {
    if E::IS_REMEMBERED {
        audit::changes_identities();
    }
}

/// Starts a query.
#[expect(clippy::disallowed_methods, reason = "rows that stand before or above tenants")]
pub(crate) fn find<E: IdentityRow>() -> Select<E> {
    E::find()
}

/// Starts an update.
#[expect(clippy::disallowed_methods, reason = "rows that stand before or above tenants")]
pub(crate) fn update<E: IdentityRow>() -> UpdateMany<E> {
    told::<E>();
    E::update_many()
}

/// Starts a deletion.
#[expect(clippy::disallowed_methods, reason = "rows that stand before or above tenants")]
pub(crate) fn delete<E: IdentityRow>() -> DeleteMany<E> {
    told::<E>();
    E::delete_many()
}

/// Inserts a row.
#[expect(clippy::disallowed_methods, reason = "rows that stand before or above tenants")]
pub(crate) async fn insert<E>(
    connection: &impl ConnectionTrait,
    row: E::Model,
    doing: &'static str,
) -> Result<()>
where
    E: IdentityRow,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    E::insert(all_set::<E>(row)).exec_without_returning(connection).await.doing(doing)?;
    Ok(())
}

/// Inserts a row unless one with its key is there.
#[expect(clippy::disallowed_methods, reason = "rows that stand before or above tenants")]
pub(crate) async fn insert_if_absent<E>(
    connection: &impl ConnectionTrait,
    row: E::Model,
    doing: &'static str,
) -> Result<()>
where
    E: IdentityRow,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    let nothing = OnConflict::new().do_nothing().to_owned();
    E::insert(all_set::<E>(row))
        .on_conflict(nothing)
        .exec_without_returning(connection)
        .await
        .doing(doing)?;
    Ok(())
}

/// The database's words when an error says that a value must be unique and is there already; they name the
/// index (PostgreSQL) or the column (SQLite).
pub(crate) fn unique_violation(error: &Error) -> Option<String> {
    let Error::Internal { source, .. } = error else { return None };
    match source.downcast_ref::<DbErr>()?.sql_err()? {
        SqlErr::UniqueConstraintViolation(message) => Some(message),
        _ => None,
    }
}
