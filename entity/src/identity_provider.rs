//! An OpenID Connect provider at which staff, or the people of a tenant, sign in.

use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::string_list::StringList;
use crate::user::Role;

/// A row of `identity_provider`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_provider")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant whose people sign in there; `None` for the operator's staff.
    pub tenant_id: Option<Uuid>,
    /// Name for people.
    pub name: String,
    /// Its issuer URL, under which it is discovered.
    pub issuer: String,
    /// Our id there.
    pub client_id: String,
    /// Our secret there, encrypted for this row; `None` for a public client.
    pub sealed_client_secret: Option<Vec<u8>>,
    /// Pages to which it may send people back.
    #[sea_orm(column_type = "JsonBinary")]
    pub redirect_uris: StringList,
    /// The claim that the role is derived from: a name, or a JSON Pointer; `None`: roles are not derived.
    pub role_claim: Option<String>,
    /// Which value of the claim gives which role; the first that is there counts.
    #[sea_orm(column_type = "JsonBinary")]
    pub role_mapping: RoleMapping,
    /// The role of whoever has no such value; `None`: they don't come in.
    pub default_role: Option<Role>,
    /// Whether whoever is not known is made a user.
    pub creates_users: bool,
    /// Whether its mail addresses are taken as verified, though it does not say so.
    pub trusts_email: bool,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it was last changed.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

/// Which value of a claim gives which role, in the order in which they are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct RoleMapping(pub Vec<MappedRole>);

/// A value of a claim, and the role that it gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedRole {
    /// For example the name of a group.
    pub value: String,
    /// What it gives.
    pub role: Role,
}
