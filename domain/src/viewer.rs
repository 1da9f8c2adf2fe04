//! Who is asking, told to themselves.

use chrono::{DateTime, Utc};
use entity::user::Role;
use uuid::Uuid;

use crate::actor::{Actor, Principal};
use crate::error::{Error, Result};
use crate::permission::{Audience, Permission};
use crate::words::Locale;

/// What a caller may know of itself. Its tenant and user are read by [`tenant::get`](crate::tenant::get) and
/// [`user::get`](crate::user::get).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// Its role.
    pub role: Role,
    /// The layer of information it reads.
    pub audience: Audience,
    /// The one tenant of a tenant-side viewer; `None` for staff and for partners with several.
    pub tenant_id: Option<Uuid>,
    /// The user; `None` for keys and portal sessions.
    pub user_id: Option<Uuid>,
    /// The language it reads.
    pub locale: Locale,
    /// What it may do now, in the order of the table: while its tenant is suspended, nothing that writes.
    pub permissions: Vec<Permission>,
    /// Whether signing in asks this person for a code; `None` for keys and portal sessions.
    pub second_factor: Option<bool>,
    /// Whether they may do nothing before they set up a second factor.
    pub second_factor_required: bool,
    /// When its token ends; `None` for a key without an end.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The caller.
///
/// # Errors
/// [`Error::Unauthenticated`] for nobody.
pub fn get(actor: &Actor) -> Result<Viewer> {
    let role = actor.role().ok_or(Error::Unauthenticated)?;
    Ok(Viewer {
        role,
        audience: actor.audience(),
        tenant_id: actor.tenant_id(),
        user_id: match actor.principal() {
            Principal::User { id, .. } => Some(*id),
            _ => None,
        },
        locale: actor.locale(),
        permissions: Permission::ALL.into_iter().filter(|permission| actor.may(*permission)).collect(),
        second_factor: actor.second_factor(),
        second_factor_required: actor.needs_second_factor(),
        expires_at: actor.expires_at(),
    })
}
