//! Signed tokens: short-lived access tokens of users, and portal tokens. Only Ed25519 (`EdDSA`), only our own
//! keys, by the injected clock. Where the keys come from is not here: from the settings, or from the database
//! (see [`signing_key`](crate::signing_key)).
//!
//! A token says who asks, never what they may do: role, tenant and scopes are read from the row at each
//! request, so that a change of them holds at once. API keys and refresh tokens are no signed tokens; see
//! [`api_key`](crate::api_key) and [`session`](crate::session).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

/// How long an access token is good: short, because clients keep it in memory and refresh it.
pub const ACCESS_TOKEN_MINUTES: i64 = 15;
/// Keys at once: the one that signs, those that still verify, those that will sign. Services that check our
/// tokens themselves hold all of them.
pub const KEYS_MAX: usize = 5;
/// Seconds by which the clocks of two processes of ours may differ.
const LEEWAY_SECONDS: i64 = 5;
/// Longest token that is looked at, in bytes; ours have about 450.
pub(crate) const TOKEN_BYTES_MAX: usize = 4_096;
/// `iss`.
const ISSUER: &str = "trestle";
/// `aud`.
pub(crate) const AUDIENCE: &str = "trestle-api";
/// Last line of a private key in PEM.
const PEM_END: &str = "-----END PRIVATE KEY-----";
/// DER of an Ed25519 private key up to its 32 bytes: PKCS#8 version 1 of RFC 8410, section 7.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// What a token is good for. It stands in the header's `typ`, so that one kind never passes for another
/// (RFC 8725, section 3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A user's access token.
    Access,
    /// A portal session's token.
    Portal,
    /// A view: somebody of the staff sees what a tenant's people see.
    View,
}

impl TokenKind {
    fn typ(self) -> &'static str {
        match self {
            // RFC 9068.
            Self::Access => "at+jwt",
            Self::Portal => "portal+jwt",
            Self::View => "view+jwt",
        }
    }

    fn parse(typ: Option<&str>) -> Option<Self> {
        [Self::Access, Self::Portal, Self::View].into_iter().find(|kind| Some(kind.typ()) == typ)
    }
}

/// A private key is not what it must be.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// It is none of ours.
    #[error(
        "the signing key must be an Ed25519 private key in PEM (PKCS#8, as `openssl genpkey -algorithm ed25519` writes it)"
    )]
    NotEd25519(#[source] Option<jsonwebtoken::errors::Error>),
    /// There are more than [`KEYS_MAX`].
    #[error("there are {0} signing keys; at most {KEYS_MAX} Ed25519 keys can be used at once")]
    TooMany(usize),
}

/// A token could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The keys of the database were not read yet.
    #[error("there is no key to sign with")]
    NoKey,
    /// The key could not be used.
    #[error("signing a token")]
    Failed(#[from] jsonwebtoken::errors::Error),
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not ours, not whole, or not for us.
    #[error("the token is not valid")]
    Invalid,
    /// It names a key that this process does not have, or no longer has.
    #[error("the token's key is not known")]
    UnknownKey,
    /// It was ours, and its time is over.
    #[error("the token has expired")]
    Expired,
}

/// What a good token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it is good for.
    pub kind: TokenKind,
    /// The user's session, or the portal session.
    pub session_id: Uuid,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// Of a view alone: what is seen.
    pub view: Option<ViewClaim>,
}

/// Whose view it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewClaim {
    /// Of this tenant.
    #[serde(with = "uuid::serde::simple")]
    pub tenant: Uuid,
    /// As somebody of this role.
    pub role: ViewRole,
}

/// Roles of a tenant's people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ViewRole {
    /// They manage everything of their tenant.
    TenantAdmin,
    /// They work with it.
    TenantMember,
    /// They look.
    TenantViewer,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    #[serde(with = "uuid::serde::simple")]
    sid: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    view: Option<ViewClaim>,
}

/// One Ed25519 key, and when it is used.
#[derive(Clone)]
pub(crate) struct Key {
    /// Thumbprint of the public key (RFC 7638).
    pub(crate) id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    /// The public key, base64url.
    public_key: String,
    /// From when on it signs, until a later key does; `None`: it only verifies.
    signs_from: Option<DateTime<Utc>>,
    /// After it its tokens are refused; `None`: it does not retire.
    retires_at: Option<DateTime<Utc>>,
}

impl Key {
    /// With one private key in PEM.
    ///
    /// # Errors
    /// When it is not an Ed25519 key in PKCS#8.
    pub(crate) fn from_pem(
        pem: &str,
        signs_from: Option<DateTime<Utc>>,
        retires_at: Option<DateTime<Utc>>,
    ) -> Result<Self, SigningKeyError> {
        let wrong = |source| SigningKeyError::NotEd25519(Some(source));
        let encoding = EncodingKey::from_ed_pem(pem.trim().as_bytes()).map_err(wrong)?;
        let jwk = Jwk::from_encoding_key(&encoding, Algorithm::EdDSA).map_err(wrong)?;
        let AlgorithmParameters::OctetKeyPair(parameters) = &jwk.algorithm else {
            return Err(SigningKeyError::NotEd25519(None));
        };
        let public_key = parameters.x.clone();
        let decoding = DecodingKey::from_ed_components(&public_key).map_err(wrong)?;
        let id = jwk.thumbprint(ThumbprintHash::SHA256).map_err(wrong)?;
        Ok(Self { id, encoding, decoding, public_key, signs_from, retires_at })
    }

    fn is_retired(&self, now: DateTime<Utc>) -> bool {
        self.retires_at.is_some_and(|retires_at| retires_at <= now)
    }
}

/// Signs and checks tokens. One key signs; several may verify, so that one key can follow another.
#[derive(Clone)]
pub struct TokenSigner {
    keys: Vec<Key>,
    validation: Validation,
}

impl TokenSigner {
    /// With private keys in PEM, one after the other: the first signs, all of them verify, and none retires.
    ///
    /// # Errors
    /// When one is not an Ed25519 key in PKCS#8, there is none, or there are more than [`KEYS_MAX`].
    pub fn from_pem(pems: &str) -> Result<Self, SigningKeyError> {
        let blocks: Vec<&str> =
            pems.split_inclusive(PEM_END).map(str::trim).filter(|block| !block.is_empty()).collect();
        if blocks.is_empty() {
            return Err(SigningKeyError::NotEd25519(None));
        }
        if blocks.len() > KEYS_MAX {
            return Err(SigningKeyError::TooMany(blocks.len()));
        }
        let mut keys: Vec<Key> = Vec::with_capacity(blocks.len());
        for pem in blocks {
            let signs_from = keys.is_empty().then_some(DateTime::<Utc>::MIN_UTC);
            let key = Key::from_pem(pem, signs_from, None)?;
            if keys.iter().all(|other| other.id != key.id) {
                keys.push(key);
            }
        }
        Ok(Self::of(keys))
    }

    /// With these keys, each in its time.
    pub(crate) fn of(keys: Vec<Key>) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // By the injected clock, in `verify`.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self { keys, validation }
    }

    /// A new random private key, in PEM.
    pub fn generate_pem() -> String {
        let seed: [u8; 32] = rand::random();
        let der = [PKCS8_PREFIX.as_slice(), &seed].concat();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n{PEM_END}\n", STANDARD.encode(der))
    }

    /// The public keys as a JSON Web Key Set (RFC 7517), for services that check our tokens themselves: those
    /// that verify, and those that will sign.
    pub fn jwks(&self, now: DateTime<Utc>) -> serde_json::Value {
        let keys = self.keys.iter().filter(|key| !key.is_retired(now)).map(|key| {
            json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "use": "sig",
                "alg": "EdDSA",
                "kid": key.id,
                "x": key.public_key,
            })
        });
        json!({ "keys": keys.collect::<Vec<_>>() })
    }

    /// The key that signs now: the last one whose time has come. If by this process's clock that is none, the
    /// first one: it signs on the process that made it.
    fn signing_key(&self, now: DateTime<Utc>) -> Option<&Key> {
        let begun = self.keys.iter().filter(|key| key.signs_from.is_some_and(|from| from <= now));
        begun.max_by_key(|key| key.signs_from).or_else(|| {
            let signing = self.keys.iter().filter(|key| key.signs_from.is_some());
            signing.min_by_key(|key| key.signs_from)
        })
    }

    /// Signs a token for a session.
    ///
    /// # Errors
    /// Without keys. Never with a key that [`from_pem`](Self::from_pem) took; passed on for the log.
    pub(crate) fn sign(
        &self,
        kind: TokenKind,
        subject: String,
        session_id: Uuid,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<SecretString, SigningError> {
        self.sign_claims(kind, subject, session_id, None, now, expires_at)
    }

    /// Signs a token for a view in a session of the staff.
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    pub(crate) fn sign_view(
        &self,
        subject: String,
        session_id: Uuid,
        view: ViewClaim,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<SecretString, SigningError> {
        self.sign_claims(TokenKind::View, subject, session_id, Some(view), now, expires_at)
    }

    fn sign_claims(
        &self,
        kind: TokenKind,
        subject: String,
        session_id: Uuid,
        view: Option<ViewClaim>,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<SecretString, SigningError> {
        let key = self.signing_key(now).ok_or(SigningError::NoKey)?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(kind.typ().to_owned());
        header.kid = Some(key.id.clone());
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: subject,
            sid: session_id,
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: expires_at.timestamp(),
            view,
        };
        Ok(jsonwebtoken::encode(&header, &claims, &key.encoding)?.into())
    }

    /// Checks a token: signature, key, issuer, audience, kind and time.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Verified, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_reason| TokenError::Invalid)?;
        // A critical extension that is not understood must be refused (RFC 7515, section 4.1.11).
        if header.alg != Algorithm::EdDSA || header.crit.is_some() {
            return Err(TokenError::Invalid);
        }
        let kind = TokenKind::parse(header.typ.as_deref()).ok_or(TokenError::Invalid)?;
        let key_id = header.kid.as_deref().ok_or(TokenError::Invalid)?;
        let key = self
            .keys
            .iter()
            .find(|key| key.id == key_id && !key.is_retired(now))
            .ok_or(TokenError::UnknownKey)?;
        let decoded = jsonwebtoken::decode::<Claims>(token, &key.decoding, &self.validation)
            .map_err(|_reason| TokenError::Invalid)?;
        let time = |seconds| DateTime::<Utc>::from_timestamp_secs(seconds).ok_or(TokenError::Invalid);
        let (from, expires_at) = (time(decoded.claims.nbf)?, time(decoded.claims.exp)?);
        let leeway = Duration::seconds(LEEWAY_SECONDS);
        if from > now + leeway {
            return Err(TokenError::Invalid);
        }
        if now >= expires_at + leeway {
            return Err(TokenError::Expired);
        }
        if (kind == TokenKind::View) != decoded.claims.view.is_some() {
            return Err(TokenError::Invalid);
        }
        Ok(Verified { kind, session_id: decoded.claims.sid, expires_at, view: decoded.claims.view })
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.keys.iter().map(|key| key.id.as_str()).collect();
        formatter.debug_struct("TokenSigner").field("key_ids", &ids).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{KEYS_MAX, Key, SigningKeyError, TokenError, TokenKind, TokenSigner};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use chrono::{DateTime, Duration, Utc};
    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use secrecy::ExposeSecret;
    use serde_json::{Value, json};
    use uuid::Uuid;

    // RFC 8037, appendix A: its private key, public key and thumbprint.
    const RFC_SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    const RFC_PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const RFC_THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).expect("a time")
    }

    fn signer() -> TokenSigner {
        TokenSigner::from_pem(&TokenSigner::generate_pem()).expect("a generated key works")
    }

    fn good_claims() -> Value {
        let now = now().timestamp();
        json!({
            "iss": "trestle", "aud": "trestle-api", "sub": "user_1", "sid": Uuid::nil().simple().to_string(),
            "iat": now, "nbf": now, "exp": now + 60,
        })
    }

    fn forge(signer: &TokenSigner, header: impl FnOnce(&mut Header), claims: &Value) -> String {
        let mut base = Header::new(Algorithm::EdDSA);
        base.kid = Some(signer.keys[0].id.clone());
        base.typ = Some("at+jwt".to_owned());
        header(&mut base);
        jsonwebtoken::encode(&base, claims, &signer.keys[0].encoding).expect("signing works")
    }

    #[test]
    fn key_id_is_the_thumbprint_of_the_rfc() {
        let seed = URL_SAFE_NO_PAD.decode(RFC_SEED).expect("base64");
        let der = [super::PKCS8_PREFIX.as_slice(), &seed].concat();
        let der = super::STANDARD.encode(der);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----");
        let jwks = TokenSigner::from_pem(&pem).expect("the key of the RFC works").jwks(now());
        assert_eq!(jwks["keys"][0]["x"], RFC_PUBLIC);
        assert_eq!(jwks["keys"][0]["kid"], RFC_THUMBPRINT);
        assert!(!jwks.to_string().contains("\"d\""));
    }

    #[test]
    fn tokens_come_back_until_they_expire() {
        let signer = signer();
        let id = Uuid::from_u128(9);
        for kind in [TokenKind::Access, TokenKind::Portal] {
            let token = signer
                .sign(kind, "user_1".to_owned(), id, now(), now() + Duration::minutes(15))
                .expect("signing works");
            let token = token.expose_secret();
            let verified = signer.verify(token, now()).expect("fresh");
            assert_eq!((verified.kind, verified.session_id), (kind, id));
            assert_eq!(verified.expires_at, now() + Duration::minutes(15));
            assert!(signer.verify(token, now() + Duration::seconds(15 * 60 + 4)).is_ok());
            assert_eq!(
                signer.verify(token, now() + Duration::seconds(15 * 60 + 5)),
                Err(TokenError::Expired)
            );
            assert_eq!(signer.verify(token, now() - Duration::seconds(6)), Err(TokenError::Invalid));
            assert!(signer.verify(token, now() - Duration::seconds(5)).is_ok());
        }
    }

    #[test]
    fn forged_tokens_are_refused() {
        let signer = signer();
        assert!(signer.verify(&forge(&signer, |_header| {}, &good_claims()), now()).is_ok());
        let refused = |token: &str, what: &str| {
            assert_eq!(signer.verify(token, now()), Err(TokenError::Invalid), "{what}");
        };
        // Another key, with and without claiming to be ours.
        let mut other = super::tests::signer();
        let of_another = forge(&other, |_header| {}, &good_claims());
        assert_eq!(signer.verify(&of_another, now()), Err(TokenError::UnknownKey));
        other.keys[0].id = signer.keys[0].id.clone();
        refused(&forge(&other, |_header| {}, &good_claims()), "another key under our id");
        // Another algorithm: none, and HMAC with the public key as its secret.
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        for alg in ["none", "None", "NONE", ""] {
            let header = encode(json!({"alg": alg, "typ": "at+jwt", "kid": signer.keys[0].id}));
            refused(&format!("{header}.{}.", encode(good_claims())), "no signature");
        }
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(signer.keys[0].id.clone());
        header.typ = Some("at+jwt".to_owned());
        let public = URL_SAFE_NO_PAD.decode(&signer.keys[0].public_key).expect("base64");
        for secret in [public.as_slice(), signer.keys[0].public_key.as_bytes()] {
            let token = jsonwebtoken::encode(&header, &good_claims(), &EncodingKey::from_secret(secret));
            refused(&token.expect("signing works"), "HMAC by the public key");
        }
        // Header and claims that are not ours.
        refused(&forge(&signer, |header| header.kid = None, &good_claims()), "no key id");
        refused(&forge(&signer, |header| header.typ = Some("JWT".to_owned()), &good_claims()), "no kind");
        refused(
            &forge(&signer, |header| header.crit = Some(vec!["b64".to_owned()]), &good_claims()),
            "critical",
        );
        for (claim, value) in [
            ("iss", json!("other")),
            ("iss", json!(["trestle"])),
            ("aud", json!("other")),
            ("aud", json!(["trestle-api", "other"])),
            ("sid", json!("nonsense")),
            ("exp", json!("soon")),
            ("exp", json!(i64::MAX)),
            ("nbf", json!(now().timestamp() + 60)),
        ] {
            let mut claims = good_claims();
            claims[claim] = value;
            refused(&forge(&signer, |_header| {}, &claims), claim);
        }
        for claim in ["iss", "aud", "sub", "sid", "iat", "nbf", "exp"] {
            let mut claims = good_claims();
            claims.as_object_mut().expect("an object").shift_remove(claim);
            refused(&forge(&signer, |_header| {}, &claims), claim);
        }
        // Changed after signing, and no token at all.
        let token = forge(&signer, |_header| {}, &good_claims());
        let (head, signature) = token.rsplit_once('.').expect("three parts");
        let (header, _claims) = head.split_once('.').expect("three parts");
        let mut claims = good_claims();
        claims["sub"] = json!("user_2");
        refused(&format!("{header}.{}.{signature}", encode(claims)), "changed claims");
        for garbage in ["", ".", "..", "a.b.c", "äöü", head, &"A".repeat(10_000)] {
            refused(garbage, garbage);
        }
    }

    fn token_of(signer: &TokenSigner, at: DateTime<Utc>) -> String {
        let token =
            signer.sign(TokenKind::Access, "user_1".to_owned(), Uuid::nil(), at, at + Duration::minutes(15));
        token.expect("signing works").expose_secret().to_owned()
    }

    fn key_id(token: &str) -> String {
        jsonwebtoken::decode_header(token).expect("a header").kid.expect("a key id")
    }

    #[test]
    fn of_several_keys_the_first_signs_and_all_verify() {
        let (old, new) = (TokenSigner::generate_pem(), TokenSigner::generate_pem());
        let of = |pems: &str| TokenSigner::from_pem(pems).expect("keys");
        let both = of(&format!("\n{new}\n  {old}\n{new}"));
        let ids = |signer: &TokenSigner| signer.keys.iter().map(|key| key.id.clone()).collect::<Vec<_>>();
        assert_eq!(
            ids(&both),
            [ids(&of(&new)), ids(&of(&old))].concat(),
            "a key that stands twice counts once"
        );
        assert_eq!(both.jwks(now())["keys"].as_array().expect("keys").len(), 2);
        let token = token_of(&both, now());
        assert_eq!(key_id(&token), ids(&of(&new))[0]);
        assert!(of(&new).verify(&token, now()).is_ok());
        assert_eq!(of(&old).verify(&token, now()), Err(TokenError::UnknownKey));
        assert!(both.verify(&token_of(&of(&old), now()), now()).is_ok());

        let many = |count: usize| TokenSigner::from_pem(&TokenSigner::generate_pem().repeat(count));
        assert!(many(KEYS_MAX).is_ok());
        assert!(matches!(many(KEYS_MAX + 1), Err(SigningKeyError::TooMany(count)) if count == KEYS_MAX + 1));
    }

    #[test]
    fn each_key_signs_and_verifies_in_its_time() {
        let at = |seconds: i64| now() + Duration::seconds(seconds);
        let key = |signs_from: i64, retires_at: Option<i64>| {
            Key::from_pem(&TokenSigner::generate_pem(), Some(at(signs_from)), retires_at.map(at))
                .expect("a key")
        };
        let signer = TokenSigner::of(vec![key(0, Some(100)), key(60, None)]);
        let ids = [signer.keys[0].id.as_str(), signer.keys[1].id.as_str()];
        for (second, signing) in [(-1, 0), (0, 0), (59, 0), (60, 1), (200, 1)] {
            assert_eq!(key_id(&token_of(&signer, at(second))), ids[signing], "at {second}");
        }
        let old = token_of(&signer, at(59));
        assert!(signer.verify(&old, at(99)).is_ok());
        assert_eq!(signer.verify(&old, at(100)), Err(TokenError::UnknownKey));
        let published = |second: i64| signer.jwks(at(second))["keys"].as_array().expect("keys").len();
        assert_eq!((published(0), published(99), published(100)), (2, 2, 1));
    }

    #[test]
    fn other_keys_are_refused_with_words() {
        for pem in ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"] {
            let error = TokenSigner::from_pem(pem).expect_err("not a key");
            assert!(error.to_string().contains("Ed25519"), "{error}");
        }
        assert_ne!(TokenSigner::generate_pem(), TokenSigner::generate_pem());
        let pem = TokenSigner::generate_pem();
        let printed = format!("{:?}", TokenSigner::from_pem(&pem).expect("a key"));
        assert!(printed.starts_with("TokenSigner { key_ids"), "{printed}");
    }
}
