//! The connectors that systems can be made of, as callers see them. Deliberately absent: opening anything.

use connector::Description;

use crate::actor::Actor;
use crate::error::Result;
use crate::permission::Permission;

/// Every connector, ordered by name.
///
/// # Errors
/// Denied without `systems:read`.
pub fn list(actor: &Actor) -> Result<Vec<&Description>> {
    actor.require(Permission::SystemRead)?;
    Ok(actor.app().connectors().all().map(|connector| connector.description()).collect())
}

/// One connector by its name; `None` when there is no such.
///
/// # Errors
/// Denied without `systems:read`.
pub fn get<'a>(actor: &'a Actor, name: &str) -> Result<Option<&'a Description>> {
    Ok(list(actor)?.into_iter().find(|description| description.name == name))
}
