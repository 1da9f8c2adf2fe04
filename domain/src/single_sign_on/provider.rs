//! OpenID Connect with one provider: discovery, the way there and the way back. Deliberately absent: who somebody is
//! here.
//!
//! Nothing of a provider is kept: each sign-in reads its configuration and keys anew, so that a key that it changed is
//! known at once. People sign in once in hours.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use connector::SystemError;
use entity::identity_provider;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
    CoreTokenType,
};
use openidconnect::url::Url;
use openidconnect::{
    AdditionalClaims, AuthType, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    IdTokenFields, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    StandardErrorResponse, StandardTokenResponse, TokenResponse,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::error::Error;

/// How long one request to a provider may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest reply of a provider: configurations and key sets have some kilobytes.
const REPLY_BYTES_MAX: usize = 1024 * 1024;
/// What is asked for: who it is (OpenID Connect Core 1.0, section 5.4).
const SCOPES: [&str; 2] = ["email", "profile"];

/// What a provider says of somebody besides the standard claims.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct OtherClaims {
    #[serde(flatten)]
    all: Map<String, Value>,
}

impl AdditionalClaims for OtherClaims {}

type Fields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type OidcClient = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why a provider did not say who somebody is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    /// It could not be asked.
    #[error("reaching {url}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Why it was not answered.
        #[source]
        source: SystemError,
    },
    /// It answered with something else.
    #[error("{doing}")]
    Protocol {
        /// What was being done.
        doing: &'static str,
        /// What was wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A fault of ours.
    #[error(transparent)]
    Ours(#[from] Error),
}

impl ProviderError {
    fn protocol(doing: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Protocol { doing, source: source.into() }
    }

    /// For whoever configures it: what to look at, without what the other side said.
    pub(crate) fn hint(&self) -> String {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<SystemError>() {
                return error.hint.clone().unwrap_or_else(|| "it can't be reached".to_owned());
            }
            cause = error.source();
        }
        "its configuration at /.well-known/openid-configuration is not one, or names another issuer"
            .to_owned()
    }
}

type Result<T> = std::result::Result<T, ProviderError>;

/// A URL, if it is one.
pub(crate) fn parse_url(text: &str) -> Option<Url> {
    Url::parse(text).ok()
}

/// What a provider says of itself.
pub(crate) async fn discover(app: &App, issuer: &str) -> Result<CoreProviderMetadata> {
    let issuer = IssuerUrl::new(issuer.to_owned())
        .map_err(|error| ProviderError::protocol("reading the issuer of a provider", error))?;
    let http = http(app);
    CoreProviderMetadata::discover_async(issuer, &http)
        .await
        .map_err(|error| ProviderError::protocol("discovering a provider", error))
}

/// Where to send somebody, so that they come back to `redirect_uri` with `state`.
pub(super) async fn authorization_url(
    app: &App,
    row: &identity_provider::Model,
    redirect_uri: &str,
    state: &SecretString,
    secret: &SecretString,
) -> Result<Url> {
    let client = client(app, row, redirect_uri).await?;
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier(secret));
    let (state, nonce) = (CsrfToken::new(state.expose_secret().to_owned()), nonce(secret));
    let mut request =
        client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce);
    for scope in SCOPES {
        request = request.add_scope(Scope::new(scope.to_owned()));
    }
    let (url, _state, _nonce) = request.set_pkce_challenge(challenge).url();
    Ok(url)
}

/// Whom a provider signed in.
pub(super) struct Person {
    /// Its own, lasting name for them.
    pub(super) subject: String,
    /// Their mail address, as it is written there.
    pub(super) email: Option<String>,
    /// Whether it says that the address is theirs.
    pub(super) is_email_verified: bool,
    /// Their name for people.
    pub(super) name: Option<String>,
    claims: Map<String, Value>,
}

impl Person {
    /// The texts of a claim, which is named, or pointed to by a JSON Pointer (RFC 6901): one, or a list.
    pub(super) fn texts(&self, claim: &str) -> Vec<&str> {
        let value = match claim.strip_prefix('/') {
            None => self.claims.get(claim),
            Some(pointer) => {
                let (first, rest) = pointer.split_once('/').unwrap_or((pointer, ""));
                let first = first.replace("~1", "/").replace("~0", "~");
                let rest = if rest.is_empty() { String::new() } else { format!("/{rest}") };
                self.claims.get(&first).and_then(|value| value.pointer(&rest))
            }
        };
        match value {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

/// Exchanges the code that somebody came back with, and checks what the provider says of them: signature, issuer,
/// audience, time and nonce (OpenID Connect Core 1.0, section 3.1.3.7).
pub(super) async fn person(
    app: &App,
    row: &identity_provider::Model,
    redirect_uri: &str,
    code: &SecretString,
    secret: &SecretString,
) -> Result<Person> {
    let client = client(app, row, redirect_uri).await?;
    let http = http(app);
    let token = client
        .exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()))
        .map_err(|error| ProviderError::protocol("looking for the token endpoint of a provider", error))?
        .set_pkce_verifier(verifier(secret))
        .request_async(&http)
        .await
        .map_err(|error| ProviderError::protocol("exchanging a code at a provider", error))?;
    let id_token = token
        .id_token()
        .ok_or_else(|| ProviderError::protocol("reading who signed in", "there is no id token"))?;
    let now: DateTime<Utc> = app.clock().now();
    let verifier = client.id_token_verifier().set_time_fn(move || now);
    let claims = id_token
        .claims(&verifier, &nonce(secret))
        .map_err(|error| ProviderError::protocol("checking who signed in", error))?;
    let name =
        claims.name().and_then(|names| names.get(None).or_else(|| names.iter().map(|(_, name)| name).next()));
    Ok(Person {
        subject: claims.subject().as_str().to_owned(),
        email: claims.email().map(|email| email.as_str().to_owned()),
        is_email_verified: claims.email_verified().unwrap_or(false),
        name: name.map(|name| name.as_str().to_owned()),
        claims: claims.additional_claims().all.clone(),
    })
}

async fn client(app: &App, row: &identity_provider::Model, redirect_uri: &str) -> Result<OidcClient> {
    let metadata = discover(app, &row.issuer).await?;
    let secret = match &row.sealed_client_secret {
        None => None,
        Some(sealed) => {
            let secret = app.unseal(row.tenant_id.unwrap_or_default(), row.id, sealed)?;
            let secret = String::from_utf8(secret)
                .map_err(|error| Error::internal("reading a client secret", error.utf8_error()))?;
            Some(ClientSecret::new(secret))
        }
    };
    // Basic is the default (OpenID Connect Discovery 1.0, section 3).
    let in_body = metadata.token_endpoint_auth_methods_supported().is_some_and(|methods| {
        !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
            && methods.contains(&CoreClientAuthMethod::ClientSecretPost)
    });
    let redirect = RedirectUrl::new(redirect_uri.to_owned())
        .map_err(|error| ProviderError::protocol("reading a redirect URI", error))?;
    let client = OidcClient::from_provider_metadata(metadata, ClientId::new(row.client_id.clone()), secret)
        .set_redirect_uri(redirect)
        .set_auth_type(if in_body { AuthType::RequestBody } else { AuthType::BasicAuth });
    Ok(client)
}

/// The PKCE verifier and the nonce of an attempt come from the secret that its browser keeps: nothing of them is stored,
/// and a code that leaks is worth nothing without that browser.
fn verifier(secret: &SecretString) -> PkceCodeVerifier {
    PkceCodeVerifier::new(derived(b"pkce", secret))
}

fn nonce(secret: &SecretString) -> Nonce {
    Nonce::new(derived(b"nonce", secret))
}

fn derived(purpose: &[u8], secret: &SecretString) -> String {
    let mut hash = Sha256::new();
    hash.update(purpose);
    hash.update(secret.expose_secret());
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

/// Asks through the guard of outside calls: whoever configures a provider must not reach our own network by it.
fn http(app: &App) -> impl Fn(HttpRequest) -> Reply + use<> {
    let egress = app.people().egress.clone();
    move |request| {
        let egress = egress.clone();
        Box::pin(async move {
            let url = request.uri().to_string();
            let reply = egress.fetch(request, TIMEOUT, REPLY_BYTES_MAX).await;
            reply.map_err(|source| ProviderError::Unreachable { url, source })
        })
    }
}

type Reply = std::pin::Pin<Box<dyn Future<Output = std::result::Result<HttpResponse, ProviderError>> + Send>>;
