//! What a config says of OAuth 2.0 (RFC 6749), for connectors whose `auth` may be `oauth2`, and where they get access
//! tokens. Deliberately absent: how tokens are asked for and kept, which who opens the connector does.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{SystemError, options};

/// Parameters that are the protocol's own, and can't be set by a config.
const PARAMETERS_RESERVED: [&str; 17] = [
    "audience",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "grant_type",
    "password",
    "redirect_uri",
    "refresh_token",
    "request_uri",
    "response_type",
    "scope",
    "state",
];
/// `https`, or `http` on this machine: RFC 6749, section 3.1.2.1, wants TLS for everything else.
const URL_PATTERN: &str = r"^(https://|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?(/|$))";

/// Gives out the access tokens of one system. Everybody who uses the system has the same ones.
#[async_trait]
pub trait AccessTokens: Debug + Send + Sync {
    /// One that is good now, as far as is known. May ask an authorization server, and wait for who is asking already.
    ///
    /// # Errors
    /// `Unauthorized` when somebody must connect the system (again) or correct its credentials; what is wrong with the
    /// authorization server.
    async fn access_token(&self) -> Result<SecretString, SystemError>;

    /// Another one than this, which the system has refused.
    ///
    /// # Errors
    /// As [`access_token`](Self::access_token).
    async fn refused(&self, token: &SecretString) -> Result<SecretString, SystemError>;
}

/// Who gives access, and how to ask for tokens.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct OAuth2 {
    /// Who gives access.
    pub grant: Grant,
    /// Where people give it; set with AUTHORIZATION_CODE.
    pub authorization_url: Option<String>,
    /// Who the authorization server says it is when somebody comes back from it (RFC 9207), if that is to be checked; of
    /// AUTHORIZATION_CODE alone.
    pub issuer: Option<String>,
    /// Where tokens are.
    pub token_url: String,
    /// Where the authorization server is told of access that is not wanted any more (RFC 7009).
    pub revocation_url: Option<String>,
    /// What access is asked for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// For which API, where one authorization server serves several.
    pub audience: Option<String>,
    /// Further parameters: of the page where people give access, or of the request for a token without people.
    #[serde(default)]
    pub extra_parameters: BTreeMap<String, String>,
    /// How the client proves who it is.
    #[serde(default)]
    pub client_authentication: ClientAuthentication,
}

/// Who gives access.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// A person, on a page of the authorization server (RFC 6749, section 4.1).
    AuthorizationCode,
    /// Nobody: the client has it (RFC 6749, section 4.4).
    ClientCredentials,
}

/// How the client proves who it is (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// By HTTP Basic.
    #[default]
    Basic,
    /// In the body.
    Post,
}

impl OAuth2 {
    /// What a config says of it; `None` where `auth` is something else.
    ///
    /// # Errors
    /// `Misconfigured` when it does not have the shape of [`schema`].
    pub(crate) fn of(config: &Value) -> Result<Option<Self>, SystemError> {
        match config.get("auth").and_then(Value::as_str) {
            Some("oauth2") => options::decode("oauth2", &config["oauth2"]).map(Some),
            _ => Ok(None),
        }
    }
}

/// Of `oauth2` in a config.
pub(crate) fn schema() -> Value {
    let url = |description: &str| json!({"type": "string", "maxLength": 2000, "pattern": URL_PATTERN, "description": description});
    let shared = json!({
        "tokenUrl": url("Where tokens are asked for: https, or http on this machine."),
        "revocationUrl": url(
            "Where tokens are revoked (RFC 7009) once the system is deleted, or is to be connected with other settings; \
             tried once. They are only forgotten here when this is absent.",
        ),
        "scopes": {
            "type": "array", "maxItems": 100, "uniqueItems": true,
            "items": {"type": "string", "minLength": 1, "maxLength": 500, "pattern": r"^[\x21\x23-\x5B\x5D-\x7E]+$"},
            "description": "What access is asked for.",
        },
        "audience": {
            "type": "string", "minLength": 1, "maxLength": 2000,
            "description": "For which API, where the authorization server wants to know it.",
        },
        "extraParameters": {
            "type": "object", "maxProperties": 20,
            "propertyNames": {"minLength": 1, "maxLength": 100, "not": {"enum": PARAMETERS_RESERVED}},
            "additionalProperties": {"type": "string", "maxLength": 2000},
            "description": "Further parameters, e.g. `{\"access_type\": \"offline\"}`: of the page where people give access; \
                of the request for a token with `client_credentials`. Not for secrets.",
        },
        "clientAuthentication": {
            "enum": ["basic", "post"], "default": "basic",
            "description": "How `clientId` and `clientSecret` are sent: by HTTP Basic, or in the body.",
        },
    });
    let form = |grant: &str, description: &str, mut own: Value, required: &[&str]| {
        own["grant"] = json!({"const": grant, "description": description});
        for (name, property) in shared.as_object().into_iter().flatten() {
            own[name] = property.clone();
        }
        json!({"type": "object", "additionalProperties": false, "required": required, "properties": own})
    };
    json!({
        "description": "Where access tokens come from, for `oauth2`.",
        "oneOf": [
            form(
                "authorization_code",
                "A person gives access, by a connect link.",
                json!({
                    "authorizationUrl": url("The page where people give access."),
                    "issuer": url(
                        "Who the authorization server says it is, where it sends `iss` to who comes back from it (RFC 9207): \
                         nobody who comes back with another one, or with none, connects the system.",
                    ),
                }),
                &["grant", "authorizationUrl", "tokenUrl"],
            ),
            form(
                "client_credentials", "The client has access itself.", json!({}), &["grant", "tokenUrl"],
            ),
        ],
    })
}

/// Of `if` in a config's schema: what needs `oauth2`.
pub(crate) fn is_chosen() -> Value {
    json!({"required": ["auth"], "properties": {"auth": {"const": "oauth2"}}})
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ClientAuthentication, Grant, OAuth2, schema};
    use crate::problems;

    #[test]
    fn a_config_that_the_schema_lets_pass_is_read() {
        let config = json!({"auth": "oauth2", "oauth2": {
            "grant": "authorization_code", "authorizationUrl": "https://login.example/authorize",
            "issuer": "https://login.example", "tokenUrl": "https://login.example/token",
            "scopes": ["orders:read", "offline_access"], "extraParameters": {"access_type": "offline"}, "clientAuthentication": "post",
        }});
        assert_eq!(problems(&schema(), &config["oauth2"]), []);
        let oauth2 = OAuth2::of(&config).expect("it is one").expect("it is oauth2");
        assert_eq!(oauth2.grant, Grant::AuthorizationCode);
        assert_eq!(oauth2.client_authentication, ClientAuthentication::Post);
        assert_eq!(OAuth2::of(&json!({"auth": "bearer"})).expect("it is something else"), None);
    }

    #[test]
    fn what_would_send_secrets_in_the_clear_or_replace_the_protocols_own_is_refused() {
        let good = || json!({"grant": "client_credentials", "tokenUrl": "https://login.example/token"});
        assert_eq!(problems(&schema(), &good()), []);
        let with = |name: &str, value: Value| {
            let mut config = good();
            config[name] = value;
            config
        };
        for wrong in [
            with("tokenUrl", json!("http://login.example/token")),
            with("tokenUrl", json!("http://localhost.example/token")),
            with("tokenUrl", json!("http://127.0.0.1@login.example/")),
            with("authorizationUrl", json!("https://login.example/authorize")),
            with("issuer", json!("https://login.example")),
            with("grant", json!("password")),
            with("grant", json!("authorization_code")),
            with("scopes", json!(["two words"])),
            with("extraParameters", json!({"client_id": "another"})),
            with("extraParameters", json!({"state": "mine"})),
            with("clientSecret", json!("not here")),
        ] {
            assert_ne!(problems(&schema(), &wrong), [], "{wrong}");
        }
        assert_eq!(problems(&schema(), &with("tokenUrl", json!("http://127.0.0.1:9/token"))), []);
    }
}
