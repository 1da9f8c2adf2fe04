//! OAuth 2.0 (RFC 6749) with the authorization server of one system: where people give access, and how tokens are had.
//! Deliberately absent: where tokens are kept, and when others are needed.

use std::pin::Pin;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector::{ClientAuthentication, SystemError, SystemErrorKind, retry_after};
use oauth2::basic::BasicClient;
use oauth2::http::{StatusCode, header};
use oauth2::url::Url;
use oauth2::url::form_urlencoded::{self, Serializer};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::client::Client;
use crate::app::App;

/// How long one request for a token may take: shorter than the lease of who asks.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest reply, in bytes: tokens have some kilobytes.
const REPLY_BYTES_MAX: usize = 256 * 1024;
/// What `Retry-After` may make a run wait.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
/// Characters of a server's own words that are kept for engineers.
const WORDS_CHARS_MAX: usize = 300;

/// What a server gave.
pub(crate) struct Tokens {
    pub(super) access: SecretString,
    pub(super) refresh: Option<SecretString>,
    /// `None` when it does not say: as asked for.
    pub(super) scopes: Option<Vec<String>>,
    /// `None` when it does not say.
    pub(super) lifetime: Option<Duration>,
}

/// Why a server gave none.
pub(crate) enum NoTokens {
    /// What was given to it, a code or a refresh token, is not good any more.
    Ended(SystemError),
    /// Anything else, which says nothing about that.
    Failed(SystemError),
}

impl NoTokens {
    /// Whether nobody knows if the server counts what it was given as used.
    pub(super) fn is_in_doubt(&self) -> bool {
        let Self::Failed(error) = self else { return false };
        matches!(
            error.kind,
            SystemErrorKind::Timeout | SystemErrorKind::Unavailable | SystemErrorKind::Malformed
        )
    }
}

type Answer = Result<Tokens, NoTokens>;
type TokenClient = BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The page where somebody gives access, who comes back to `redirect_uri` with `state`.
pub(crate) fn authorization_url(
    client: &Client,
    redirect_uri: &str,
    state: &SecretString,
    verifier: &SecretString,
) -> Result<Url, SystemError> {
    let page = client.settings.authorization_url.clone().unwrap_or_default();
    let page = AuthUrl::new(page).map_err(|error| not_a_url("authorizationUrl", &error))?;
    let redirect =
        RedirectUrl::new(redirect_uri.to_owned()).map_err(|error| not_a_url("the redirect URI", &error))?;
    let state = CsrfToken::new(state.expose_secret().to_owned());
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&pkce(verifier));
    let client_of_page =
        BasicClient::new(ClientId::new(client.id.clone())).set_auth_uri(page).set_redirect_uri(redirect);
    let mut request =
        client_of_page.authorize_url(move || state).set_pkce_challenge(challenge).add_scopes(scopes(client));
    for (name, value) in extra(client) {
        request = request.add_extra_param(name, value);
    }
    Ok(request.url().0)
}

/// Tokens for the code that somebody came back with.
pub(crate) async fn exchange_code(
    app: &App,
    client: &Client,
    redirect_uri: &str,
    code: &SecretString,
    verifier: &SecretString,
) -> Answer {
    let redirect = RedirectUrl::new(redirect_uri.to_owned());
    let redirect = redirect.map_err(|error| NoTokens::Failed(not_a_url("the redirect URI", &error)))?;
    let answer = token_client(client)?
        .set_redirect_uri(redirect)
        .exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()))
        .set_pkce_verifier(pkce(verifier))
        .request_async(&http(app))
        .await;
    read(client, answer, &[code])
}

/// Other tokens for a refresh token, which the server may count as used then.
pub(super) async fn refresh(app: &App, client: &Client, token: &SecretString) -> Answer {
    let answer = token_client(client)?
        .exchange_refresh_token(&RefreshToken::new(token.expose_secret().to_owned()))
        .request_async(&http(app))
        .await;
    read(client, answer, &[token])
}

/// Tokens of the client's own.
pub(super) async fn client_credentials(app: &App, client: &Client) -> Answer {
    let token_client = token_client(client)?;
    let mut request = token_client.exchange_client_credentials().add_scopes(scopes(client));
    for (name, value) in extra(client) {
        request = request.add_extra_param(name, value);
    }
    let answer = request.request_async(&http(app)).await;
    read(client, answer, &[])
}

/// Tells the server that a token is not wanted any more (RFC 7009). That it does not know it is no error there.
pub(super) async fn revoke(app: &App, client: &Client, token: &SecretString) -> Result<(), SystemError> {
    let request = revocation(client, token)?;
    let reply = app.people().egress.fetch(request, TIMEOUT, REPLY_BYTES_MAX).await?;
    let status = reply.status();
    if status.is_success() {
        return Ok(());
    }
    let detail = format!("HTTP {} from the revocation URL", status.as_u16());
    Err(SystemError {
        http_status: Some(status.as_u16()),
        ..SystemError::new(SystemErrorKind::Misconfigured, detail)
    })
}

fn revocation(client: &Client, token: &SecretString) -> Result<oauth2::http::Request<Vec<u8>>, SystemError> {
    let url = client.settings.revocation_url.clone().unwrap_or_default();
    let url = Url::parse(&url).map_err(|error| not_a_url("revocationUrl", &error))?;
    let mut form = Serializer::new(String::new());
    form.append_pair("token", token.expose_secret());
    let mut request = oauth2::http::Request::post(url.as_str())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json");
    match (&client.secret, client.settings.client_authentication) {
        (Some(secret), ClientAuthentication::Basic) => {
            // Both encoded first (RFC 6749, section 2.3.1).
            let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let both = format!("{}:{}", encoded(&client.id), encoded(secret.expose_secret()));
            request = request.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(both)));
        }
        (secret, _) => {
            form.append_pair("client_id", &client.id);
            if let Some(secret) = secret {
                form.append_pair("client_secret", secret.expose_secret());
            }
        }
    }
    request.body(form.finish().into_bytes()).map_err(|_error| {
        SystemError::new(SystemErrorKind::Internal, "the request to revoke a token can't be made")
    })
}

fn pkce(verifier: &SecretString) -> PkceCodeVerifier {
    PkceCodeVerifier::new(verifier.expose_secret().to_owned())
}

fn scopes(client: &Client) -> impl Iterator<Item = Scope> {
    client.settings.scopes.iter().cloned().map(Scope::new)
}

/// `audience`, and what else the config names.
fn extra(client: &Client) -> impl Iterator<Item = (&str, &str)> {
    let audience = client.settings.audience.iter().map(|audience| ("audience", audience.as_str()));
    audience
        .chain(client.settings.extra_parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

fn token_client(client: &Client) -> Result<TokenClient, NoTokens> {
    let url = TokenUrl::new(client.settings.token_url.clone());
    let url = url.map_err(|error| NoTokens::Failed(not_a_url("tokenUrl", &error)))?;
    let mut of_tokens = BasicClient::new(ClientId::new(client.id.clone())).set_token_uri(url).set_auth_type(
        match client.settings.client_authentication {
            ClientAuthentication::Basic => AuthType::BasicAuth,
            ClientAuthentication::Post => AuthType::RequestBody,
        },
    );
    if let Some(secret) = &client.secret {
        of_tokens = of_tokens.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
    }
    Ok(of_tokens)
}

fn not_a_url(what: &str, error: &oauth2::url::ParseError) -> SystemError {
    SystemError::new(SystemErrorKind::Misconfigured, format!("{what}: {error}"))
        .with_hint(format!("{what} is not a valid address"))
}

type TokenReply = oauth2::basic::BasicTokenResponse;
type TokenError = RequestTokenError<SystemError, oauth2::basic::BasicErrorResponse>;

/// What an answer means. `given` is never shown.
fn read(client: &Client, answer: Result<TokenReply, TokenError>, given: &[&SecretString]) -> Answer {
    let secret = |token: &str| SecretString::from(token.to_owned());
    match answer {
        Ok(reply) => Ok(Tokens {
            access: secret(reply.access_token().secret()),
            refresh: reply.refresh_token().map(|token| secret(token.secret())),
            scopes: reply.scopes().map(|scopes| scopes.iter().map(|scope| scope.to_string()).collect()),
            lifetime: reply.expires_in(),
        }),
        Err(RequestTokenError::Request(error)) => Err(NoTokens::Failed(error)),
        Err(RequestTokenError::ServerResponse(reply)) => {
            let code = reply.error().to_string();
            let hidden = given.iter().copied().chain(&client.secret);
            let words = words(reply.error_description().map(String::as_str).unwrap_or_default(), hidden);
            Err(refusal(&code, &words))
        }
        // What such a reply holds may be a token.
        Err(RequestTokenError::Parse(error, _body)) => Err(malformed(&error.path().to_string())),
        Err(RequestTokenError::Other(what)) => Err(malformed(&what)),
    }
}

/// Somebody came back with an error in place of a code (RFC 6749, section 4.1.2.1).
pub(crate) fn sent_back(code: &str) -> SystemError {
    match refusal(if is_code(code) { code } else { "unknown" }, "") {
        NoTokens::Ended(error) | NoTokens::Failed(error) => error,
    }
}

/// Somebody came back from another server than the one that the config names.
pub(crate) fn of_another_server() -> SystemError {
    let detail = "`iss` of the query is not the issuer of the config, or is not there";
    SystemError::new(SystemErrorKind::Malformed, detail)
        .with_hint("the answer does not come from the authorization server of this system")
}

fn is_code(text: &str) -> bool {
    text.len() <= 60 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn malformed(what: &str) -> NoTokens {
    let detail = format!("the reply for a token can't be read: {what}");
    NoTokens::Failed(
        SystemError::new(SystemErrorKind::Malformed, detail)
            .with_hint("what is at the token URL does not answer as an OAuth 2.0 server does"),
    )
}

/// What the code of an error says (RFC 6749, section 5.2, and what servers add to it).
fn refusal(code: &str, words: &str) -> NoTokens {
    let error = |kind, hint: &str| {
        SystemError::new(kind, format!("the authorization server refuses: {code} {words}")).with_hint(hint)
    };
    NoTokens::Failed(match code {
        "invalid_grant" | "bad_refresh_token" | "bad_verification_code" => {
            let hint = "it does not give access with what was given to us any more";
            return NoTokens::Ended(error(SystemErrorKind::Unauthorized, hint));
        }
        "invalid_client" | "unauthorized_client" | "incorrect_client_credentials" | "access_denied" => error(
            SystemErrorKind::Unauthorized,
            "its authorization server does not accept the client: check `clientId` and `clientSecret`",
        ),
        "server_error" | "temporarily_unavailable" => {
            error(SystemErrorKind::Unavailable, "its authorization server is down")
        }
        "slow_down" => error(SystemErrorKind::RateLimited, "its authorization server asks us to slow down"),
        "invalid_scope" => {
            error(SystemErrorKind::Misconfigured, "its authorization server does not give these `scopes`")
        }
        "invalid_target" => {
            error(SystemErrorKind::Misconfigured, "its authorization server does not know this `audience`")
        }
        _ => error(
            SystemErrorKind::Misconfigured,
            "its authorization server refuses the request for a token; check the settings of `oauth2`",
        ),
    })
}

/// A server's own words for engineers: short, without what was sent to it.
fn words<'a>(text: &str, hidden: impl Iterator<Item = &'a SecretString>) -> String {
    let mut text = text.to_owned();
    for secret in hidden.map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "[hidden]");
    }
    text.chars().filter(|char| !char.is_control()).take(WORDS_CHARS_MAX).collect()
}

type Reply = Pin<Box<dyn Future<Output = Result<HttpResponse, SystemError>> + Send>>;

/// Asks through the guard of outside calls: whoever configures a system must not reach our own network by it.
fn http(app: &App) -> impl Fn(HttpRequest) -> Reply + use<> {
    let egress = app.people().egress.clone();
    move |request| {
        let egress = egress.clone();
        Box::pin(async move { usual(&egress.fetch(request, TIMEOUT, REPLY_BYTES_MAX).await?) })
    }
}

/// A reply as RFC 6749 has it: servers write it in several ways.
fn usual(reply: &HttpResponse) -> Result<HttpResponse, SystemError> {
    let status = reply.status().as_u16();
    let error = |kind, hint: String| SystemError {
        http_status: Some(status),
        ..SystemError::new(kind, format!("HTTP {status} from the token URL")).with_hint(hint)
    };
    match status {
        408 => {
            return Err(error(SystemErrorKind::Timeout, "its authorization server is too slow".to_owned()));
        }
        429 => {
            let hint = "its authorization server asks us to slow down".to_owned();
            return Err(SystemError {
                retry_after: retry_after(reply.headers(), RETRY_AFTER_MAX),
                ..error(SystemErrorKind::RateLimited, hint)
            });
        }
        500..=599 => {
            return Err(SystemError {
                retry_after: retry_after(reply.headers(), RETRY_AFTER_MAX),
                ..error(SystemErrorKind::Unavailable, "its authorization server is down".to_owned())
            });
        }
        _ => {}
    }
    let body: Value = serde_json::from_slice(reply.body()).unwrap_or_default();
    if reply.status().is_success() && body.get("access_token").is_some_and(Value::is_string) {
        return Ok(json_reply(StatusCode::OK, &usual_tokens(body)));
    }
    // Some answer so with 200.
    if let Some(code) = body.get("error").and_then(Value::as_str) {
        let description = body.get("error_description").and_then(Value::as_str).unwrap_or_default();
        let code = if is_code(code) { code } else { "unknown" };
        let body = json!({"error": code, "error_description": description});
        return Ok(json_reply(StatusCode::BAD_REQUEST, &body));
    }
    Err(match status {
        200..=299 => error(
            SystemErrorKind::Malformed,
            "what is at the token URL does not answer as an OAuth 2.0 server does".to_owned(),
        ),
        401 => error(
            SystemErrorKind::Unauthorized,
            "its authorization server does not accept the client: check `clientId` and `clientSecret`"
                .to_owned(),
        ),
        _ => error(
            SystemErrorKind::Misconfigured,
            format!("the token URL answers with HTTP {status}; check the settings of `oauth2`"),
        ),
    })
}

/// Numbers may come as text, scopes as a list, and the type of the token not at all.
fn usual_tokens(mut body: Value) -> Value {
    let seconds = match body.get("expires_in") {
        Some(Value::String(text)) => text.trim().parse::<f64>().ok(),
        Some(number) => number.as_f64(),
        None => None,
    };
    // One that has ended already, or of which nothing can be read, is one of which nothing is known.
    body["expires_in"] = seconds.filter(|seconds| *seconds >= 1.0).map(|seconds| seconds as u64).into();
    if body.get("token_type").is_none_or(|kind| !kind.is_string()) {
        body["token_type"] = json!("bearer");
    }
    let scopes = match body.get("scope") {
        Some(Value::String(text)) => Some(text.split([' ', ',']).filter(|scope| !scope.is_empty()).collect()),
        Some(Value::Array(list)) => Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>()),
        _ => None,
    };
    let scopes = scopes.map(|scopes| scopes.join(" "));
    body["scope"] = scopes.into();
    if body.get("refresh_token").is_some_and(|token| token.as_str().is_none_or(str::is_empty)) {
        body["refresh_token"] = Value::Null;
    }
    body
}

fn json_reply(status: StatusCode, body: &Value) -> HttpResponse {
    let mut reply = HttpResponse::new(body.to_string().into_bytes());
    *reply.status_mut() = status;
    reply
}

#[cfg(test)]
mod tests {
    use connector::SystemErrorKind;
    use oauth2::HttpResponse;
    use oauth2::http::StatusCode;
    use secrecy::SecretString;
    use serde_json::{Value, json};

    use super::{NoTokens, refusal, usual, words};

    fn reply(status: u16, body: &str) -> Result<(StatusCode, Value), SystemErrorKind> {
        let mut reply = HttpResponse::new(body.as_bytes().to_vec());
        *reply.status_mut() = StatusCode::from_u16(status).expect("a status");
        let usual = usual(&reply).map_err(|error| error.kind)?;
        Ok((usual.status(), serde_json::from_slice(usual.body()).expect("JSON")))
    }

    #[test]
    fn replies_are_read_in_each_of_the_ways_in_which_servers_write_them() {
        let (status, body) =
            reply(201, r#"{"access_token": "a", "expires_in": "3600", "scope": ["x", "y"]}"#)
                .expect("tokens");
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            body,
            json!({"access_token": "a", "expires_in": 3600, "scope": "x y", "token_type": "bearer"})
        );
        let (_status, body) =
            reply(200, r#"{"access_token": "a", "token_type": "Bearer", "expires_in": 0, "scope": "x,y"}"#)
                .expect("tokens");
        assert_eq!((&body["expires_in"], &body["scope"]), (&Value::Null, &json!("x y")));
        let (status, body) = reply(200, r#"{"error": "bad_refresh_token"}"#).expect("an error");
        assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("bad_refresh_token")));
        for (status, body, kind) in [
            (503, r#"{"error": "invalid_grant"}"#, SystemErrorKind::Unavailable),
            (429, "", SystemErrorKind::RateLimited),
            (408, "", SystemErrorKind::Timeout),
            (401, "<html>", SystemErrorKind::Unauthorized),
            (404, "", SystemErrorKind::Misconfigured),
            (302, "", SystemErrorKind::Misconfigured),
            (200, "access_token=a", SystemErrorKind::Malformed),
            (200, r#"{"access_token": null}"#, SystemErrorKind::Malformed),
        ] {
            assert_eq!(reply(status, body), Err(kind), "{status} {body}");
        }
    }

    #[test]
    fn only_what_ends_access_ends_it() {
        for code in ["invalid_grant", "bad_refresh_token"] {
            assert!(matches!(refusal(code, ""), NoTokens::Ended(_)), "{code}");
        }
        for (code, kind) in [
            ("invalid_client", SystemErrorKind::Unauthorized),
            ("temporarily_unavailable", SystemErrorKind::Unavailable),
            ("slow_down", SystemErrorKind::RateLimited),
            ("invalid_scope", SystemErrorKind::Misconfigured),
            ("something_new", SystemErrorKind::Misconfigured),
        ] {
            let NoTokens::Failed(error) = refusal(code, "") else { unreachable!("{code} ends access") };
            assert_eq!(error.kind, kind, "{code}");
        }
    }

    #[test]
    fn what_was_sent_is_not_among_a_servers_words() {
        let secret = SecretString::from("s3cr3t");
        assert_eq!(words("token s3cr3t\nis bad", [&secret].into_iter()), "token [hidden]is bad");
    }
}
