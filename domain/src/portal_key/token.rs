//! Tokens that a portal's server signs: what they must say, and how long they may be good. Deliberately absent: whether
//! the key is still good, and whether the token was ended; rows say that at each request.

use chrono::{DateTime, Duration, Utc};
use entity::portal_key::{self, PortalKeyAlgorithm};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::id::{GlobalId, Kind};
use crate::portal_session::END_USER_CHARS_MAX;
use crate::token::{AUDIENCE, TOKEN_BYTES_MAX, TokenError};

/// Longest life of a token, in seconds: its server signs the next one.
pub const LIFE_SECONDS_MAX: i64 = 3_600;
/// Seconds by which the clocks of a portal's server and ours may differ.
pub(crate) const LEEWAY_SECONDS: i64 = 30;
/// Longest `jti`, in characters.
pub(crate) const TOKEN_ID_CHARS_MAX: usize = 200;
/// Scopes that a token may name; more than there are permissions.
const SCOPES_MAX: usize = 100;

/// What a good token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedPortal {
    pub(crate) tenant: NamedTenant,
    pub(crate) end_user: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) token_id: String,
    pub(crate) issued_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// How a token names its tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NamedTenant {
    Id(Uuid),
    Slug(String),
    ExternalId(String),
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    tenant: Option<String>,
    tenant_external_id: Option<String>,
    scopes: Vec<String>,
    jti: String,
    iat: i64,
    nbf: Option<i64>,
    exp: i64,
}

#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

/// How `jsonwebtoken` calls an algorithm.
pub(crate) fn algorithm(of: PortalKeyAlgorithm) -> Algorithm {
    match of {
        PortalKeyAlgorithm::EdDsa => Algorithm::EdDSA,
        PortalKeyAlgorithm::Es256 => Algorithm::ES256,
        PortalKeyAlgorithm::Rs256 => Algorithm::RS256,
    }
}

/// The portal key that a token says it is of; nothing of it is checked. `None` for tokens of other kinds.
pub(crate) fn key_named(token: &str) -> Option<Uuid> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let claims: Issuer = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
    let id: GlobalId = claims.iss.parse().ok()?;
    (id.kind == Kind::PortalKey).then_some(id.uuid)
}

/// Checks a token by the key that it names: the key's own algorithm and no other, signature, issuer, audience, time,
/// and that its scopes are among the key's.
///
/// # Errors
/// Why it is refused. Of a token that is really of this key, the log says more.
pub(crate) fn verify(
    key: &portal_key::Model,
    token: &str,
    now: DateTime<Utc>,
) -> Result<SignedPortal, TokenError> {
    let header = jsonwebtoken::decode_header(token).map_err(|_reason| TokenError::Invalid)?;
    let algorithm = algorithm(key.algorithm);
    // A critical extension that is not understood must be refused (RFC 7515, section 4.1.11). An access token of ours
    // has a type of its own; so must these, or none (RFC 8725, section 3.11).
    let is_of_this_kind = header
        .typ
        .as_deref()
        .is_none_or(|typ| ["JWT", "portal+jwt"].iter().any(|own| own.eq_ignore_ascii_case(typ)));
    if header.alg != algorithm || header.crit.is_some() || !is_of_this_kind {
        return Err(TokenError::Invalid);
    }
    let jwk: Jwk = serde_json::from_value(key.public_key.clone()).map_err(|_reason| TokenError::Invalid)?;
    let decoding = DecodingKey::from_jwk(&jwk).map_err(|_reason| TokenError::Invalid)?;
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[GlobalId::new(Kind::PortalKey, key.id).to_string()]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    // By the injected clock, below.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let refused = |reason: &str| {
        tracing::info!(portal_key.id = %key.id, reason, "a signed portal token is refused");
        TokenError::Invalid
    };
    let claims = match jsonwebtoken::decode::<Claims>(token, &decoding, &validation) {
        Ok(decoded) => decoded.claims,
        // Only a token whose signature is right gets into the log with its reason: anybody can send others.
        Err(error) => {
            return Err(match error.kind() {
                jsonwebtoken::errors::ErrorKind::Json(_) => refused("its claims are not what they must be"),
                jsonwebtoken::errors::ErrorKind::InvalidAudience => refused("its aud is another one"),
                jsonwebtoken::errors::ErrorKind::MissingRequiredClaim(_) => refused("a claim is missing"),
                _ => TokenError::Invalid,
            });
        }
    };
    read(key, claims, now).map_err(|reason| match reason {
        Refusal::Expired => TokenError::Expired,
        Refusal::Because(reason) => refused(reason),
    })
}

enum Refusal {
    Expired,
    Because(&'static str),
}

fn read(key: &portal_key::Model, claims: Claims, now: DateTime<Utc>) -> Result<SignedPortal, Refusal> {
    let because = |reason| Err(Refusal::Because(reason));
    let time = |seconds| {
        DateTime::<Utc>::from_timestamp_secs(seconds).ok_or(Refusal::Because("a time can't be read"))
    };
    let (issued_at, expires_at) = (time(claims.iat)?, time(claims.exp)?);
    let leeway = Duration::seconds(LEEWAY_SECONDS);
    if issued_at > now + leeway || claims.nbf.map(time).transpose()?.is_some_and(|from| from > now + leeway) {
        return because("it is of the future");
    }
    if expires_at - issued_at > Duration::seconds(LIFE_SECONDS_MAX) {
        return because("it is good for more than an hour");
    }
    if now >= expires_at {
        return Err(Refusal::Expired);
    }
    let is_line = |text: &str, chars_max: usize| {
        (1..=chars_max).contains(&text.chars().count())
            && text.trim() == text
            && !text.chars().any(char::is_control)
    };
    if !is_line(&claims.sub, END_USER_CHARS_MAX) {
        return because("its sub is not one line of 1 to 200 characters");
    }
    if !is_line(&claims.jti, TOKEN_ID_CHARS_MAX) {
        return because("its jti is not one line of 1 to 200 characters");
    }
    let mut scopes = claims.scopes;
    if scopes.is_empty() || scopes.len() > SCOPES_MAX {
        return because("it has no scopes, or too many");
    }
    if scopes.iter().any(|scope| !key.scopes.0.contains(scope)) {
        return because("it has a scope that its key does not have");
    }
    scopes.sort_unstable();
    scopes.dedup();
    let tenant = match (claims.tenant, claims.tenant_external_id) {
        (Some(tenant), None) => match tenant.parse::<GlobalId>() {
            Ok(id) if id.kind == Kind::Tenant => NamedTenant::Id(id.uuid),
            _ => NamedTenant::Slug(tenant),
        },
        (None, Some(external_id)) => NamedTenant::ExternalId(external_id),
        _ => return because("it must name its tenant once, as tenant or as tenant_external_id"),
    };
    if matches!(&tenant, NamedTenant::Slug(name) | NamedTenant::ExternalId(name) if name.contains('\0')) {
        return because("its tenant can't be read");
    }
    Ok(SignedPortal { tenant, end_user: claims.sub, scopes, token_id: claims.jti, issued_at, expires_at })
}

/// The session that a token has: the same for each use of it, and another one for each key and tenant, so that nobody
/// ends or takes the session of another one's token.
pub(crate) fn session_id(key_id: Uuid, tenant_id: Uuid, token_id: &str) -> Uuid {
    let hash = Sha256::new()
        .chain_update(b"portal session")
        .chain_update(key_id.as_bytes())
        .chain_update(tenant_id.as_bytes())
        .chain_update(token_id)
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    // Behind all ids that tell a time: who looks for what was made lately begins with those, and reads on.
    if bytes[0] < 4 {
        bytes[0] |= 0x80;
    }
    Builder::from_custom_bytes(bytes).into_uuid()
}
