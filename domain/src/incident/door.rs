//! Writing the rows of incidents, which are the operator's. For its staff's mutations, which have checked who asks, and for
//! background work; whoever reads goes through a scope.

use entity::{incident, incident_entry};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait, Select, UpdateMany};

use crate::error::{Doing, Result};
use crate::scope::all_set;

/// Starts a query of incidents.
#[expect(clippy::disallowed_methods, reason = "rows of the operator, for staff and background work")]
pub(crate) fn find() -> Select<incident::Entity> {
    incident::Entity::find()
}

/// Starts an update of incidents.
#[expect(clippy::disallowed_methods, reason = "rows of the operator, for staff and background work")]
pub(crate) fn update() -> UpdateMany<incident::Entity> {
    incident::Entity::update_many()
}

/// Inserts an incident.
#[expect(clippy::disallowed_methods, reason = "rows of the operator, for staff and background work")]
pub(crate) async fn insert(connection: &impl ConnectionTrait, row: incident::Model) -> Result<()> {
    incident::Entity::insert(all_set::<incident::Entity>(row))
        .exec_without_returning(connection)
        .await
        .doing("storing an incident")?;
    Ok(())
}

/// Inserts an incident unless one of the same host and fault is under way. Whether it did.
#[expect(clippy::disallowed_methods, reason = "rows of the operator, for staff and background work")]
pub(crate) async fn insert_unless_open(
    connection: &impl ConnectionTrait,
    row: incident::Model,
) -> Result<bool> {
    let nothing = OnConflict::new().do_nothing().to_owned();
    let id = row.id;
    incident::Entity::insert(all_set::<incident::Entity>(row))
        .on_conflict(nothing)
        .exec_without_returning(connection)
        .await
        .doing("storing an incident")?;
    let made = incident::Entity::find_by_id(id).one(connection).await.doing("reading an incident")?;
    Ok(made.is_some())
}

/// Inserts an entry of a timeline.
#[expect(clippy::disallowed_methods, reason = "rows of the operator, for staff and background work")]
pub(crate) async fn insert_entry(
    connection: &impl ConnectionTrait,
    row: incident_entry::Model,
) -> Result<()> {
    incident_entry::Entity::insert(all_set::<incident_entry::Entity>(row))
        .exec_without_returning(connection)
        .await
        .doing("storing an entry of an incident")?;
    Ok(())
}
