//! The ways in which senders prove who they are. Those of well-known ones have a name; of others a config says how a keyed
//! hash is written. All compare in constant time, and over the bytes as they came.

use serde::Deserialize;

use super::receiver::{Refusal, Request};
use super::signature::{self, Algorithm, Encoding};

/// Seconds that a signed time may be away, where the config does not say: what the libraries of Standard Webhooks and
/// Stripe allow.
pub(super) const TOLERANCE_SECONDS: u32 = 300;

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";
/// What the same headers begin with at senders that are older than the standard
/// (<https://docs.svix.com/receiving/verifying-payloads/how-manual>).
const OLDER: [(&str, &str); 3] =
    [(ID, "svix-id"), (TIMESTAMP, "svix-timestamp"), (SIGNATURE, "svix-signature")];
/// `t=1492774577,v1=5257a8…` (<https://docs.stripe.com/webhooks#verify-manually>).
const STRIPE_SIGNATURE: &str = "stripe-signature";

/// How requests of a sender are verified.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Verification {
    /// <https://www.standardwebhooks.com>
    #[serde(rename_all = "camelCase")]
    StandardWebhooks { tolerance_seconds: Option<u32> },
    /// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
    Github {},
    /// <https://shopify.dev/docs/apps/build/webhooks/subscribe/https>
    Shopify {},
    #[serde(rename_all = "camelCase")]
    Stripe { tolerance_seconds: Option<u32> },
    /// Of whoever else.
    Hmac(Keyed),
    /// The secret itself, in a header.
    Token {
        header: String,
        #[serde(default)]
        prefix: String,
    },
}

/// A keyed hash in a header.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Keyed {
    header: String,
    #[serde(default)]
    algorithm: Algorithm,
    #[serde(default)]
    encoding: Encoding,
    #[serde(default)]
    prefix: String,
    content: Option<String>,
    timestamp_header: Option<String>,
    tolerance_seconds: Option<u32>,
}

impl Verification {
    /// # Errors
    /// Why the request is not from the sender. `id_header` is where its id is, if it is in one.
    pub(super) fn verify(
        &self,
        request: &Request<'_>,
        secrets: &[&str],
        id_header: Option<&str>,
    ) -> Result<(), Refusal> {
        match self {
            Self::StandardWebhooks { tolerance_seconds } => {
                standard(request, secrets, tolerance_seconds.unwrap_or(TOLERANCE_SECONDS))
            }
            Self::Github {} => {
                keyed(request, secrets, &plain("x-hub-signature-256", Encoding::Hex, "sha256="), None)
            }
            Self::Shopify {} => {
                keyed(request, secrets, &plain("x-shopify-hmac-sha256", Encoding::Base64, ""), None)
            }
            Self::Stripe { tolerance_seconds } => {
                stripe(request, secrets, tolerance_seconds.unwrap_or(TOLERANCE_SECONDS))
            }
            Self::Hmac(settings) => keyed(request, secrets, settings, id_header),
            Self::Token { header, prefix } => token(request, secrets, header, prefix),
        }
    }

    /// Whether a secret can be one of this kind.
    pub(super) fn can_use(&self, secret: &str) -> bool {
        !matches!(self, Self::StandardWebhooks { .. }) || signature::key(secret).is_some()
    }

    /// Where the sender puts its id for an event.
    pub(super) fn id_header(&self) -> Option<&'static str> {
        match self {
            Self::StandardWebhooks { .. } => Some(ID),
            Self::Github {} => Some("x-github-delivery"),
            Self::Shopify {} => Some("x-shopify-webhook-id"),
            _ => None,
        }
    }

    /// Whether what is signed has the id from a header in it that the config names.
    pub(super) fn signs_id(&self) -> bool {
        let Self::Hmac(settings) = self else { return false };
        settings.content.as_deref().is_some_and(|content| content.contains("{id}"))
    }

    /// Where the sender says what happened.
    pub(super) fn type_header(&self) -> Option<&'static str> {
        match self {
            Self::Github {} => Some("x-github-event"),
            Self::Shopify {} => Some("x-shopify-topic"),
            _ => None,
        }
    }

    /// The same in the body.
    pub(super) fn type_pointer(&self) -> Option<&'static str> {
        matches!(self, Self::StandardWebhooks { .. } | Self::Stripe { .. }).then_some("/type")
    }
}

fn plain(header: &str, encoding: Encoding, prefix: &str) -> Keyed {
    Keyed {
        header: header.to_owned(),
        algorithm: Algorithm::Sha256,
        encoding,
        prefix: prefix.to_owned(),
        content: None,
        timestamp_header: None,
        tolerance_seconds: None,
    }
}

fn standard(request: &Request<'_>, secrets: &[&str], tolerance: u32) -> Result<(), Refusal> {
    let header = |name: &'static str| {
        let older = OLDER.iter().find(|(newer, _older)| *newer == name).map(|(_newer, older)| *older);
        request.header(name).or_else(|| request.header(older?)).ok_or_else(|| missing(name))
    };
    let (id, timestamp, signatures) = (header(ID)?, header(TIMESTAMP)?, header(SIGNATURE)?);
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", request.body];
    let given: Vec<Vec<u8>> = signature::signatures(signatures).collect();
    check(secrets, &given, |secret, given| {
        signature::key(secret).is_some_and(|key| signature::verifies(Algorithm::Sha256, &key, &parts, given))
    })?;
    request.check_time(timestamp, tolerance)
}

fn stripe(request: &Request<'_>, secrets: &[&str], tolerance: u32) -> Result<(), Refusal> {
    let header = request.header(STRIPE_SIGNATURE).ok_or_else(|| missing(STRIPE_SIGNATURE))?;
    let values = |name: &str| {
        let pairs = header.split(',').filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(key, _value)| *key == name).map(|(_key, value)| value).collect::<Vec<_>>()
    };
    let timestamp = *values("t").first().ok_or_else(|| missing(STRIPE_SIGNATURE))?;
    let given: Vec<Vec<u8>> =
        values("v1").into_iter().filter_map(|text| Encoding::Hex.decode(text)).collect();
    let parts: [&[u8]; 3] = [timestamp.as_bytes(), b".", request.body];
    check(secrets, &given, |secret, given| {
        signature::verifies(Algorithm::Sha256, secret.as_bytes(), &parts, given)
    })?;
    request.check_time(timestamp, tolerance)
}

fn keyed(
    request: &Request<'_>,
    secrets: &[&str],
    settings: &Keyed,
    id_header: Option<&str>,
) -> Result<(), Refusal> {
    let text = request.header(&settings.header).ok_or_else(|| missing(&settings.header))?;
    let timestamp = match &settings.timestamp_header {
        Some(name) => Some(request.header(name).ok_or_else(|| missing(name))?),
        None => None,
    };
    let id = match id_header {
        Some(name) => request.header(name),
        None => None,
    };
    let content = settings.content.as_deref().unwrap_or("{body}");
    let Some(parts) = signed(content, timestamp, id, request.body) else {
        return Err(missing(id_header.unwrap_or("id")));
    };
    let given: Vec<Vec<u8>> = text
        .strip_prefix(&settings.prefix)
        .and_then(|text| settings.encoding.decode(text))
        .into_iter()
        .collect();
    check(secrets, &given, |secret, given| {
        signature::verifies(settings.algorithm, secret.as_bytes(), &parts, given)
    })?;
    match timestamp {
        Some(timestamp) => {
            request.check_time(timestamp, settings.tolerance_seconds.unwrap_or(TOLERANCE_SECONDS))
        }
        None => Ok(()),
    }
}

/// What is signed, by a template; `None` when something that it names is not there.
fn signed<'a>(
    template: &'a str,
    timestamp: Option<&'a str>,
    id: Option<&'a str>,
    body: &'a [u8],
) -> Option<Vec<&'a [u8]>> {
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        parts.push(before.as_bytes());
        parts.push(match name {
            "body" => body,
            "timestamp" => timestamp?.as_bytes(),
            "id" => id?.as_bytes(),
            _ => return None,
        });
        rest = after;
    }
    parts.push(rest.as_bytes());
    Some(parts)
}

fn token(request: &Request<'_>, secrets: &[&str], header: &str, prefix: &str) -> Result<(), Refusal> {
    let text = request.header(header).ok_or_else(|| missing(header))?;
    let given: Vec<Vec<u8>> =
        text.strip_prefix(prefix).map(|token| token.as_bytes().to_vec()).into_iter().collect();
    check(secrets, &given, |secret, given| signature::is_same(secret.as_bytes(), given))
}

/// Whether one of the signatures is by one of the secrets: while a secret is changed there are two of each.
fn check(secrets: &[&str], given: &[Vec<u8>], is_by: impl Fn(&str, &[u8]) -> bool) -> Result<(), Refusal> {
    if secrets.iter().any(|secret| given.iter().any(|given| is_by(secret, given))) {
        return Ok(());
    }
    let message = "The signature is not by a secret of this endpoint. Sign the body byte for byte as it is sent, with the \
                   secret that is stored in Trestle.";
    Err(Refusal::new("signature_wrong", message))
}

fn missing(header: &str) -> Refusal {
    let message = format!(
        "The header \"{header}\" is missing or can't be read. This endpoint takes signed requests only."
    );
    Refusal::new("signature_missing", message)
}
