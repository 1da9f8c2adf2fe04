//! Tokens of the others: tenant and role, signed with a secret that the server has (HS256), which is the cheapest to
//! check.

use anyhow::Context;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `aud`.
pub const AUDIENCE: &str = "portal";
/// The one role, which PostgreSQL has too where row-level security decides.
pub const ROLE: &str = "portal";
/// The secret, of a measurement that nobody else can reach.
pub const SECRET: &str = "a secret of thirty-two characters";
/// How long they are good: longer than any measurement.
const SECONDS: u64 = 86_400;

/// What a token says.
#[derive(Serialize, Deserialize)]
pub struct Claims {
    /// Whose rows are read.
    pub tenant_id: Uuid,
    /// What may be done with them.
    pub role: String,
    aud: String,
    exp: u64,
}

/// A token of a tenant.
///
/// # Errors
/// When it can't be signed.
pub fn sign(tenant_id: Uuid) -> anyhow::Result<String> {
    let claims = Claims {
        tenant_id,
        role: ROLE.to_owned(),
        aud: AUDIENCE.to_owned(),
        exp: jsonwebtoken::get_current_timestamp() + SECONDS,
    };
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).context("signing a token")
}
