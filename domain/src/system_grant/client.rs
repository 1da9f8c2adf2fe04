//! The OAuth 2.0 client by which access to a system is asked for: its config's settings and its credentials.

use connector::{Description, Grant, OAuth2, SystemError, SystemErrorKind};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::app::App;

/// What asks for access.
#[derive(Debug)]
pub(crate) struct Client {
    /// Who gives access, and where tokens are.
    pub(crate) settings: OAuth2,
    pub(super) id: String,
    pub(super) secret: Option<SecretString>,
    /// Names it and the place of the API: what was given to another one is not used.
    pub(crate) hash: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    client_id: Option<String>,
    client_secret: Option<SecretString>,
}

impl Client {
    /// Of a system's config and opened credentials; `None` where the config asks for no OAuth 2.0.
    ///
    /// # Errors
    /// `Unauthorized` when the credentials lack something; `Misconfigured` when config or credentials have not the shape
    /// of their schemas.
    pub(crate) fn of(
        app: &App,
        connector: &str,
        config: &Value,
        credentials: &SecretString,
    ) -> Result<Option<Self>, SystemError> {
        let Some(connector) = app.connectors().get(connector) else { return Ok(None) };
        let Some(settings) = connector.oauth2(config)? else { return Ok(None) };
        let credentials: Credentials =
            serde_json::from_str(credentials.expose_secret()).map_err(|_secret| {
                let detail = "the credentials are not what the connector takes";
                SystemError::new(SystemErrorKind::Misconfigured, detail)
            })?;
        let missing = |what: &str| {
            SystemError::new(SystemErrorKind::Unauthorized, format!("the credentials have no {what}"))
                .with_hint(format!("the credentials have no {what}"))
        };
        let id = credentials.client_id.ok_or_else(|| missing("clientId"))?;
        let secret = credentials.client_secret;
        if settings.grant == Grant::ClientCredentials && secret.is_none() {
            return Err(missing("clientSecret"));
        }
        let hash = hash(connector.description(), config, &id);
        Ok(Some(Self { settings, id, secret, hash }))
    }
}

/// A secret that changes is the same client's, and its server's business: it is not part of this.
fn hash(description: &Description, config: &Value, client_id: &str) -> Vec<u8> {
    let places = description.credentials_go_to.iter().map(|property| json!([property, config.get(property)]));
    let all = json!([description.name, client_id, places.collect::<Vec<_>>()]);
    Sha256::digest(sorted(&all).to_string()).to_vec()
}

/// The same with the keys of objects in order: databases keep their own.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(elements) => elements.iter().map(sorted).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _value)| *name);
            fields.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use connector::{Connector, Egress, HttpConnector};
    use serde_json::{Value, json};

    use super::hash;

    #[test]
    fn a_client_is_known_by_what_it_is_and_not_by_how_that_is_written() {
        let connector = HttpConnector::new(Egress::default());
        let of = |config: Value, id: &str| hash(connector.description(), &config, id);
        let token_url = "https://login.example/token";
        let one = of(
            json!({"baseUrl": "https://a.example", "oauth2": {"tokenUrl": token_url, "scopes": ["x"]}}),
            "1",
        );
        let same = json!({"timeoutMs": 5, "oauth2": {"scopes": ["x"], "tokenUrl": token_url}, "baseUrl": "https://a.example"});
        assert_eq!(of(same.clone(), "1"), one);
        assert_ne!(of(same.clone(), "2"), one);
        for (property, value) in
            [("baseUrl", json!("https://b.example")), ("oauth2", json!({"scopes": ["x"]}))]
        {
            let mut other = same.clone();
            other[property] = value;
            assert_ne!(of(other, "1"), one, "{property}");
        }
    }
}
