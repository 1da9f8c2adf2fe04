//! Rows of notices, which are a tenant's or the operator's, who has no tenant and so no scope for one row. Callers name
//! the owner whom they have checked, or are background work. Private to the modules of notices; on PostgreSQL the
//! transaction of a tenant sees no other's rows through it.

use entity::{
    notice, notice_attempt, notice_channel, notice_delivery, notice_policy, notice_subject, occasion,
};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DeleteMany, EntityTrait, IntoActiveModel, Select, UpdateMany};

use crate::error::{Doing, Result};
use crate::scope::all_set;

/// An entity of notices.
pub(crate) trait NoticeRow: EntityTrait {}

impl NoticeRow for notice::Entity {}
impl NoticeRow for notice_attempt::Entity {}
impl NoticeRow for notice_channel::Entity {}
impl NoticeRow for notice_delivery::Entity {}
impl NoticeRow for notice_policy::Entity {}
impl NoticeRow for notice_subject::Entity {}
impl NoticeRow for occasion::Entity {}

/// Starts a query.
#[expect(clippy::disallowed_methods, reason = "rows of a tenant or of the operator")]
pub(crate) fn find<E: NoticeRow>() -> Select<E> {
    E::find()
}

/// Starts an update.
#[expect(clippy::disallowed_methods, reason = "rows of a tenant or of the operator")]
pub(crate) fn update<E: NoticeRow>() -> UpdateMany<E> {
    E::update_many()
}

/// Starts a deletion.
#[expect(clippy::disallowed_methods, reason = "rows of a tenant or of the operator")]
pub(crate) fn delete<E: NoticeRow>() -> DeleteMany<E> {
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
    E: NoticeRow,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    E::insert(all_set::<E>(row)).exec_without_returning(connection).await.doing(doing)?;
    Ok(())
}

/// Inserts a row unless one with its key is there.
#[expect(clippy::disallowed_methods, reason = "rows of a tenant or of the operator")]
pub(crate) async fn insert_if_absent<E>(
    connection: &impl ConnectionTrait,
    row: E::Model,
    doing: &'static str,
) -> Result<()>
where
    E: NoticeRow,
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
