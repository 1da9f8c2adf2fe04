//! A public key with which a portal's server signs tokens for its end users by itself.

use sea_orm::entity::prelude::*;

use crate::string_list::StringList;

/// A row of `portal_key`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "portal_key")]
pub struct Model {
    /// UUIDv7; `iss` of the tokens is made of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant whose administrator made it; `None` for keys of staff.
    pub tenant_id: Option<Uuid>,
    /// Name for people.
    pub name: String,
    /// The one algorithm of its tokens.
    pub algorithm: PortalKeyAlgorithm,
    /// The public key, a JWK.
    #[sea_orm(column_type = "JsonBinary")]
    pub public_key: Json,
    /// Of the public key (RFC 7638).
    pub thumbprint: String,
    /// Permission names that a token may have.
    pub scopes: StringList,
    /// Whether tokens may be for any tenant; otherwise for those of `portal_key_tenant`.
    pub all_tenants: bool,
    /// Principal that made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// After it its tokens are refused.
    pub expires_at: Option<DateTimeUtc>,
    /// Since when its tokens are refused.
    pub revoked_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// How a portal's server signs (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum PortalKeyAlgorithm {
    /// Ed25519.
    #[sea_orm(string_value = "EDDSA")]
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    #[sea_orm(string_value = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[sea_orm(string_value = "RS256")]
    Rs256,
}
