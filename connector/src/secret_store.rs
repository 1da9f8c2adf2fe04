//! Stores of the operator that keep credentials, so that we need not: HashiCorp Vault and AWS Secrets Manager. A secret
//! is fetched when it is used, and kept for seconds. The stores are the operator's own, so the guard that holds
//! connectors to public addresses is not asked. Deliberately absent: which tenant may use which name.

mod aws;
mod signature;
mod vault;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use self::aws::Aws;
use self::vault::Vault;
use crate::{Egress, SystemError, SystemErrorKind};

pub use self::aws::AwsOptions;
pub use self::vault::{VaultAuth, VaultOptions};

/// Time that a store may take: a run, or a person who tests, waits for it.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer of a store, in bytes; AWS keeps 64 KiB a secret, Vault 1 MiB.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Secrets that are kept at once; more are fetched again.
const KEPT_MAX: usize = 1_000;

/// Which store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreKind {
    /// HashiCorp Vault, or what speaks its protocol: the KV engine, version 2.
    Vault,
    /// AWS Secrets Manager.
    Aws,
}

/// The stores of an installation.
#[derive(Default)]
pub struct SecretStores {
    vault: Option<Vault>,
    aws: Option<Aws>,
    keep: Duration,
    kept: Mutex<HashMap<(StoreKind, String), (Instant, SecretString)>>,
}

impl SecretStores {
    /// With these; each fetched secret is kept for `keep`.
    ///
    /// # Errors
    /// `Internal` when the machine has no certificate store.
    pub fn new(
        vault: Option<VaultOptions>,
        aws: Option<AwsOptions>,
        keep: Duration,
    ) -> Result<Self, SystemError> {
        Ok(Self {
            vault: vault.map(|options| client().map(|http| Vault::new(options, http))).transpose()?,
            aws: aws.map(|options| client().map(|http| Aws::new(options, http))).transpose()?,
            keep,
            kept: Mutex::default(),
        })
    }

    /// Whether there is such a store.
    pub fn has(&self, kind: StoreKind) -> bool {
        match kind {
            StoreKind::Vault => self.vault.is_some(),
            StoreKind::Aws => self.aws.is_some(),
        }
    }

    /// A secret, which must be a JSON object, as text.
    ///
    /// # Errors
    /// `Misconfigured` when there is no such secret or it is no object, `Unavailable`, `Timeout` and `RateLimited` of
    /// the store, `Internal` when the store does not let us in. Nothing of the secret is in it.
    pub async fn fetch(&self, kind: StoreKind, name: &str) -> Result<SecretString, SystemError> {
        let key = (kind, name.to_owned());
        if let Some(kept) = self.kept(&key) {
            return Ok(kept);
        }
        let secret = match (kind, &self.vault, &self.aws) {
            (StoreKind::Vault, Some(vault), _) => vault.fetch(name).await?,
            (StoreKind::Aws, _, Some(aws)) => aws.fetch(name).await?,
            _ => {
                let detail = format!("there is no store {kind:?}");
                return Err(SystemError::new(SystemErrorKind::Misconfigured, detail)
                    .with_hint("its credentials are in a secret store that is not connected any more"));
            }
        };
        if !matches!(serde_json::from_str(secret.expose_secret()), Ok(Value::Object(_))) {
            return Err(SystemError::new(SystemErrorKind::Misconfigured, "the secret is not a JSON object")
                .with_hint("the secret in the secret store is not a JSON object"));
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.retain(|_key, (at, _secret)| at.elapsed() < self.keep);
        }
        if kept.len() < KEPT_MAX && !self.keep.is_zero() {
            kept.insert(key, (Instant::now(), secret.clone()));
        }
        Ok(secret)
    }

    fn kept(&self, key: &(StoreKind, String)) -> Option<SecretString> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get(key) {
            Some((at, secret)) if at.elapsed() < self.keep => Some(secret.clone()),
            Some(_old) => {
                kept.remove(key);
                None
            }
            None => None,
        }
    }
}

/// An answer of a store, whole.
struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Sends, and reads the answer within its limits.
async fn ask(store: &str, request: reqwest::RequestBuilder) -> Result<Answer, SystemError> {
    let failed = |error: reqwest::Error| {
        let kind = if error.is_timeout() { SystemErrorKind::Timeout } else { SystemErrorKind::Unavailable };
        let detail = format!("asking {store}: {}", crate::egress::chain(&error.without_url()));
        SystemError::new(kind, detail).with_hint("the secret store that has its credentials does not answer")
    };
    let mut response = request.send().await.map_err(failed)?;
    let mut answer = Answer { status: response.status().as_u16(), body: Vec::new() };
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if answer.body.len() + chunk.len() > ANSWER_BYTES_MAX {
            let detail = format!("{store} answered with more than {ANSWER_BYTES_MAX} bytes");
            return Err(SystemError::new(SystemErrorKind::Unavailable, detail));
        }
        answer.body.extend_from_slice(&chunk);
    }
    Ok(answer)
}

/// What a store says that is not a secret. `detail` is the store's own code, never its text.
fn refused(store: &str, status: u16, code: &str) -> SystemError {
    let kind = match status {
        429 => SystemErrorKind::RateLimited,
        500..=599 => SystemErrorKind::Unavailable,
        _ => SystemErrorKind::Internal,
    };
    SystemError::new(kind, format!("{store} answered with HTTP {status} {code}"))
        .with_hint("the secret store that has its credentials does not give them")
}

fn no_such_secret(store: &str) -> SystemError {
    SystemError::new(SystemErrorKind::Misconfigured, format!("{store} has no such secret"))
        .with_hint("the secret store has no secret of this name")
}

fn client() -> Result<reqwest::Client, SystemError> {
    let everywhere: [IpNet; 2] =
        ["0.0.0.0/0", "::/0"].map(|network| network.parse().expect("these are networks"));
    Egress::new(everywhere.to_vec()).http_client(TIMEOUT)
}

#[cfg(test)]
mod tests;
