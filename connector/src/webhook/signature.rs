//! Signatures over what is sent: keyed hashes of a few kinds, compared in constant time. The scheme of both directions is
//! that of Standard Webhooks. Deliberately absent: asymmetric signatures, which hardly anybody sends.

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

/// Base64 of senders who leave the padding away, and of those who don't.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// What secrets begin with that are base64
/// (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#symmetric>).
const SECRET_PREFIX: &str = "whsec_";
/// What a signature of the scheme begins with.
const VERSION: &str = "v1";

/// Which hash a signature is made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Algorithm {
    Sha1,
    #[default]
    Sha256,
    Sha512,
}

/// How the bytes of a signature are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encoding {
    #[default]
    Hex,
    Base64,
}

impl Encoding {
    pub(super) fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Base64 => LENIENT.decode(text).ok(),
            Self::Hex => {
                let pairs = text.as_bytes().chunks(2);
                pairs
                    .map(|pair| match pair {
                        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
                        _ => None,
                    })
                    .collect()
            }
        }
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Whether `signature` is that of the parts, one after the other.
pub(super) fn verifies(algorithm: Algorithm, key: &[u8], parts: &[&[u8]], signature: &[u8]) -> bool {
    fn by<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]], signature: &[u8]) -> bool {
        let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
        parts.iter().for_each(|part| mac.update(part));
        mac.verify_slice(signature).is_ok()
    }
    match algorithm {
        Algorithm::Sha1 => by::<Hmac<Sha1>>(key, parts, signature),
        Algorithm::Sha256 => by::<Hmac<Sha256>>(key, parts, signature),
        Algorithm::Sha512 => by::<Hmac<Sha512>>(key, parts, signature),
    }
}

/// Whether two secrets are the same. Their hashes are compared, so that the time tells nothing of how far they agree, nor
/// of their lengths.
pub(super) fn is_same(secret: &[u8], given: &[u8]) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").expect("HMAC takes keys of any length");
    mac.update(given);
    verifies(Algorithm::Sha256, b"secret", &[secret], &mac.finalize().into_bytes())
}

/// The key that a Standard Webhooks secret is; `None` when it is not base64, or of nothing.
pub fn key(secret: &str) -> Option<Vec<u8>> {
    let encoded = secret.strip_prefix(SECRET_PREFIX).unwrap_or(secret);
    LENIENT.decode(encoded).ok().filter(|key| !key.is_empty())
}

/// `webhook-signature` by each of these keys, with spaces between them.
pub fn sign(keys: &[Vec<u8>], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signatures = keys.iter().map(|key| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("{VERSION},{}", STANDARD.encode(mac.finalize().into_bytes()))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

/// The signatures in a `webhook-signature` that are of the kind that [`sign`] makes.
pub(super) fn signatures(header: &str) -> impl Iterator<Item = Vec<u8>> {
    header.split(' ').filter_map(|entry| {
        let (version, signature) = entry.split_once(',')?;
        if version == VERSION { Encoding::Base64.decode(signature) } else { None }
    })
}
