//! The stores of credentials that are references: where they are, and how to sign in there; and the standby of the database.

use std::time::Duration;

use connector::{AwsOptions, SecretStores, VaultAuth, VaultOptions};
use domain::system::References;
use reqwest::Url;

use super::value::{filled, integer};
use super::written::Written;
use super::{WrongSetting, wrong};

/// Where in a store each tenant's secrets are when nobody says.
const DEFAULT_PREFIX: &str = "trestle/{tenant}/";

/// Stores of credentials that are references.
#[derive(Clone, Default)]
pub struct Stores {
    /// HashiCorp Vault.
    pub vault: Option<VaultOptions>,
    /// Where in it each tenant's secrets are.
    pub vault_prefix: String,
    /// AWS Secrets Manager.
    pub aws: Option<AwsOptions>,
    /// Where in it each tenant's secrets are.
    pub aws_prefix: String,
    /// How long a secret is kept.
    pub keep: Duration,
}

impl Stores {
    /// The parts of the program.
    ///
    /// # Errors
    /// When the machine has no certificate store, or a place does not name the tenant.
    pub fn open(self) -> anyhow::Result<References> {
        let stores = SecretStores::new(self.vault, self.aws, self.keep)?;
        Ok(References::new(stores, &self.vault_prefix, &self.aws_prefix)?)
    }

    pub(super) fn of(written: &Written) -> Result<Self, WrongSetting> {
        let prefix = |name: &str, text: &Option<String>| {
            let prefix = filled(text.clone()).unwrap_or_else(|| DEFAULT_PREFIX.to_owned());
            let problem = References::new(SecretStores::default(), &prefix, &prefix).err();
            problem.map_or(Ok(prefix), |problem| Err(wrong(name, problem.to_string())))
        };
        Ok(Self {
            vault: vault(written)?,
            vault_prefix: prefix("TRESTLE_VAULT_PREFIX", &written.vault_prefix)?,
            aws: aws(written)?,
            aws_prefix: prefix("TRESTLE_AWS_PREFIX", &written.aws_prefix)?,
            keep: integer("TRESTLE_SECRET_CACHE_SECONDS", written.secret_cache_seconds.clone(), 30, 0..=300)
                .map(|seconds| Duration::from_secs(seconds as u64))?,
        })
    }
}

fn vault(written: &Written) -> Result<Option<VaultOptions>, WrongSetting> {
    let Some(address) = filled(written.vault_address.clone()) else { return Ok(None) };
    let address = store_url("TRESTLE_VAULT_ADDRESS", &address)?;
    let mount = filled(written.vault_mount.clone()).unwrap_or_else(|| "secret".to_owned());
    let [token, role_id, secret_id] =
        [&written.vault_token, &written.vault_role_id, &written.vault_secret_id]
            .map(|text| filled(text.clone()));
    let auth = match (token, role_id, secret_id) {
        (Some(token), None, None) => VaultAuth::Token(token.into()),
        (None, Some(role_id), Some(secret_id)) => VaultAuth::AppRole { role_id, secret_id: secret_id.into() },
        _ => {
            let problem = "needs TRESTLE_VAULT_TOKEN, or TRESTLE_VAULT_ROLE_ID with TRESTLE_VAULT_SECRET_ID";
            return Err(wrong("TRESTLE_VAULT_ADDRESS", problem));
        }
    };
    Ok(Some(VaultOptions { address, mount: mount.trim_matches('/').to_owned(), auth }))
}

fn aws(written: &Written) -> Result<Option<AwsOptions>, WrongSetting> {
    let Some(region) = filled(written.aws_region.clone()) else { return Ok(None) };
    if !region.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-') {
        return Err(wrong("TRESTLE_AWS_REGION", format!("`{region}` is not a region like eu-central-1")));
    }
    let endpoint = filled(written.aws_endpoint.clone());
    let endpoint = endpoint.map(|url| store_url("TRESTLE_AWS_ENDPOINT", &url)).transpose()?;
    let keys = (filled(written.aws_access_key_id.clone()), filled(written.aws_secret_access_key.clone()));
    let (Some(access_key_id), Some(secret_access_key)) = keys else {
        let problem = "needs TRESTLE_AWS_ACCESS_KEY_ID and TRESTLE_AWS_SECRET_ACCESS_KEY";
        return Err(wrong("TRESTLE_AWS_REGION", problem));
    };
    Ok(Some(AwsOptions {
        region,
        endpoint,
        access_key_id,
        secret_access_key: secret_access_key.into(),
        session_token: filled(written.aws_session_token.clone()).map(Into::into),
    }))
}

/// Where a standby of this database is. Whether it is one is known when it answers.
pub(super) fn read_url(
    url: Option<String>,
    database_url: &str,
    embedded: bool,
) -> Result<Option<String>, WrongSetting> {
    let Some(url) = url else { return Ok(None) };
    let problem = if embedded {
        "needs PostgreSQL at TRESTLE_DATABASE_URL: SQLite has no replicas"
    } else if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        "must begin with postgres://"
    } else if url == database_url {
        "is TRESTLE_DATABASE_URL itself: it must be another server, a hot standby of that one"
    } else {
        return Ok(Some(url));
    };
    Err(wrong("TRESTLE_DATABASE_READ_URL", problem))
}

/// The address of a store.
fn store_url(name: &str, text: &str) -> Result<Url, WrongSetting> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    url.ok_or_else(|| wrong(name, "is not an address like https://store.example:8200"))
}
