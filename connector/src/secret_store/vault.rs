//! HashiCorp Vault over HTTP: the KV engine, version 2, and sign-in by token or AppRole
//! (<https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2>, `…/auth/approle`, read 2026).

use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{Answer, ask, no_such_secret, refused};
use crate::{SystemError, SystemErrorKind};

/// A token of AppRole is renewed when so much of its life is over.
const RENEWED_AFTER: f64 = 0.8;
/// How it is called in errors.
const NAME: &str = "Vault";

/// Where Vault is, and how we sign in.
#[derive(Clone)]
pub struct VaultOptions {
    /// `https://vault.example:8200`.
    pub address: Url,
    /// Where the KV engine is mounted, e.g. `secret`.
    pub mount: String,
    /// How we sign in.
    pub auth: VaultAuth,
}

/// How we sign in.
#[derive(Clone)]
pub enum VaultAuth {
    /// A token that somebody else renews.
    Token(SecretString),
    /// A role, by which we get tokens as we need them.
    AppRole {
        /// `role_id`.
        role_id: String,
        /// `secret_id`.
        secret_id: SecretString,
    },
}

pub(super) struct Vault {
    options: VaultOptions,
    http: reqwest::Client,
    /// The token of AppRole, and until when it is used.
    token: Mutex<Option<(SecretString, Instant)>>,
}

impl Vault {
    pub(super) fn new(options: VaultOptions, http: reqwest::Client) -> Self {
        Self { options, http, token: Mutex::default() }
    }

    /// The newest version of a secret.
    pub(super) async fn fetch(&self, path: &str) -> Result<SecretString, SystemError> {
        let mut answer = self.read(path, &self.token(false).await?).await?;
        if answer.status == 403 && matches!(self.options.auth, VaultAuth::AppRole { .. }) {
            // The token may have been revoked before its time.
            answer = self.read(path, &self.token(true).await?).await?;
        }
        match answer.status {
            200 => {
                let data = answer.json().and_then(|mut json| json.pointer_mut("/data/data").map(Value::take));
                match data {
                    Some(data @ Value::Object(_)) => Ok(SecretString::from(data.to_string())),
                    _ => Err(SystemError::new(
                        SystemErrorKind::Internal,
                        "Vault's answer has no data.data; the mount must be the KV engine, version 2",
                    )),
                }
            }
            404 => Err(no_such_secret(NAME)),
            status => Err(refused(NAME, status, "when a secret was read")),
        }
    }

    async fn read(&self, path: &str, token: &SecretString) -> Result<Answer, SystemError> {
        let url = self.url(self.options.mount.split('/').chain(["data"]).chain(path.split('/')))?;
        ask(NAME, self.http.get(url).header("X-Vault-Token", header(token)?)).await
    }

    /// The token to ask with; `anew`, one of AppRole is not taken from before.
    async fn token(&self, anew: bool) -> Result<SecretString, SystemError> {
        let (role_id, secret_id) = match &self.options.auth {
            VaultAuth::Token(token) => return Ok(token.clone()),
            VaultAuth::AppRole { role_id, secret_id } => (role_id, secret_id),
        };
        // Held while asking, so that one sign-in is enough for all who wait.
        let mut kept = self.token.lock().await;
        if let Some((token, until)) = kept.as_ref()
            && !anew
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let body = json!({ "role_id": role_id, "secret_id": secret_id.expose_secret() });
        let url = self.url(["auth", "approle", "login"])?;
        let answer = ask(NAME, self.http.post(url).json(&body)).await?;
        if answer.status != 200 {
            return Err(refused(NAME, answer.status, "when AppRole signed in"));
        }
        let json = answer.json().unwrap_or_default();
        let (Some(token), Some(seconds)) =
            (json["auth"]["client_token"].as_str(), json["auth"]["lease_duration"].as_u64())
        else {
            return Err(SystemError::new(
                SystemErrorKind::Internal,
                "Vault's answer to AppRole has no token",
            ));
        };
        let token = SecretString::from(token.to_owned());
        let until = Instant::now() + Duration::from_secs(seconds.min(86_400)).mul_f64(RENEWED_AFTER);
        *kept = Some((token.clone(), until));
        Ok(token)
    }

    fn url<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Result<Url, SystemError> {
        let mut url = self.options.address.clone();
        let fault = |()| SystemError::new(SystemErrorKind::Internal, "Vault's address can't have a path");
        url.path_segments_mut().map_err(fault)?.pop_if_empty().push("v1").extend(segments);
        Ok(url)
    }
}

fn header(token: &SecretString) -> Result<HeaderValue, SystemError> {
    let mut value = HeaderValue::from_str(token.expose_secret()).map_err(|_invalid| {
        SystemError::new(SystemErrorKind::Internal, "Vault's token can't be sent in a header")
    })?;
    value.set_sensitive(true);
    Ok(value)
}
