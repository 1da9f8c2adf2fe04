//! A GraphQL client as a caller would write one, with the checks that nearly every test makes. Deliberately absent:
//! types generated from the schema. A test reads the JSON that a caller gets.

use std::sync::Once;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::subscription::Subscription;

/// Longer than any answer may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// Shorter than the server keeps a silent connection: one that it closes just then would break a request.
const IDLE_LIMIT: Duration = Duration::from_secs(10);

static TLS: Once = Once::new();

/// An HTTP client that neither follows redirects nor uses a proxy.
pub fn http() -> reqwest::Client {
    TLS.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().expect("nobody else installs one");
    });
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(REQUEST_LIMIT)
        .pool_idle_timeout(IDLE_LIMIT)
        .build()
        .expect("valid settings")
}

/// One caller of one server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// What came back, whatever it is.
#[derive(Debug)]
pub struct Response {
    /// HTTP status.
    pub status: StatusCode,
    /// The whole body; null when it is not JSON.
    pub body: Value,
}

/// One entry of `userErrors`: code, input path joined with dots, message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserError {
    /// For example `INVALID`.
    pub code: String,
    /// For example `streams.0.keyFields`; empty when the error is of the input as a whole.
    pub field: String,
    /// For people.
    pub message: String,
}

impl Response {
    /// The top-level errors.
    pub fn errors(&self) -> &[Value] {
        self.body["errors"].as_array().map_or(&[], Vec::as_slice)
    }

    /// `extensions.code` of each top-level error.
    pub fn codes(&self) -> Vec<String> {
        self.errors().iter().map(|error| text(&error["extensions"]["code"])).collect()
    }

    /// The whole body as text but for what is left of the budget, which differs between answers that are the same.
    pub fn text(&self) -> String {
        let mut body = self.body.clone();
        if let Some(body) = body.as_object_mut() {
            body.remove("extensions");
        }
        body.to_string()
    }

    /// The data of a response without errors.
    pub fn data(self, operation: &str) -> Value {
        assert!(
            self.status.is_success() && self.errors().is_empty(),
            "expected data, got {} {:#}\nof {operation}",
            self.status,
            self.body
        );
        self.body["data"].clone()
    }
}

impl Client {
    /// A caller who has not signed in, of the server at `url` (`http://HOST:PORT`).
    pub fn anonymous(url: &str) -> Self {
        Self { http: http(), url: url.trim_end_matches('/').to_owned(), token: None }
    }

    /// The same server with an access token, an API key or a portal token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same server as somebody who signs in.
    pub async fn sign_in(&self, email: &str, password: &str) -> Self {
        let payload = self
            .mutate(
                "signIn",
                json!({"email": email, "password": password}),
                "accessToken refreshToken expiresAt",
            )
            .await;
        self.with_token(payload["accessToken"].as_str().expect("a payload without user errors has a token"))
    }

    /// The token that is sent, if any.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Where the server is: `http://HOST:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends an operation, and gives what comes back, errors or not.
    pub async fn try_query(&self, query: &str, variables: Value) -> Response {
        self.try_send(query, variables)
            .await
            .unwrap_or_else(|error| panic!("calling {}: {error:?}", self.url))
    }

    /// Sends an operation; an error when the server cannot be reached or breaks off.
    pub async fn try_send(&self, query: &str, variables: Value) -> Result<Response, reqwest::Error> {
        let mut request = self
            .http
            .post(format!("{}/graphql", self.url))
            .json(&json!({"query": query, "variables": variables}));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        let status = response.status();
        let bytes = response.bytes().await?;
        Ok(Response { status, body: serde_json::from_slice(&bytes).unwrap_or_default() })
    }

    /// Sends an operation and gives its data; panics on any top-level error.
    pub async fn query(&self, query: &str, variables: Value) -> Value {
        self.try_query(query, variables).await.data(query)
    }

    /// Calls the mutation `name` with `input` and gives its payload, of which `selection` is taken; panics on any
    /// error, `userErrors` too.
    pub async fn mutate(&self, name: &str, input: Value, selection: &str) -> Value {
        let payload = self.payload(name, &input, selection).await;
        assert!(user_errors(&payload).is_empty(), "{name} refused {input:#}: {:#}", payload["userErrors"]);
        payload
    }

    /// Calls the mutation `name` with `input` and gives its `userErrors`, of which there must be some.
    pub async fn refused(&self, name: &str, input: Value) -> Vec<UserError> {
        let payload = self.payload(name, &input, "").await;
        let errors = user_errors(&payload);
        assert!(!errors.is_empty(), "{name} accepted {input:#}");
        errors
    }

    /// Calls the mutation `name` with `input` and gives whatever comes back.
    pub async fn try_mutate(&self, name: &str, input: &Value, selection: &str) -> Response {
        self.try_query(&mutation(name, selection), json!({"input": input})).await
    }

    /// Starts a subscription; see [`Subscription::start`].
    pub async fn subscribe(&self, query: &str, variables: Value) -> Subscription {
        Subscription::start(&self.url, self.token(), query, variables).await
    }

    /// `GET`s a path of the server, without a token.
    pub async fn get(&self, path: &str) -> (StatusCode, String) {
        let response = self.http.get(format!("{}{path}", self.url)).send().await;
        let response = response.unwrap_or_else(|error| panic!("GET {path}: {error:?}"));
        (response.status(), response.text().await.unwrap_or_else(|error| panic!("GET {path}: {error:?}")))
    }

    async fn payload(&self, name: &str, input: &Value, selection: &str) -> Value {
        self.try_mutate(name, input, selection).await.data(&format!("{name} {input:#}"))[name].clone()
    }
}

/// The text of a mutation; its input type is its name in PascalCase and `Input`.
pub fn mutation(name: &str, selection: &str) -> String {
    let (first, rest) = name.split_at(1);
    let input = format!("{}{rest}Input", first.to_uppercase());
    format!(
        "mutation($input: {input}!) {{ {name}(input: $input) {{ {selection} userErrors {{ code field message }} }} }}"
    )
}

fn user_errors(payload: &Value) -> Vec<UserError> {
    let errors = payload["userErrors"].as_array().map_or(&[][..], Vec::as_slice);
    errors
        .iter()
        .map(|error| UserError {
            code: text(&error["code"]),
            field: error["field"]
                .as_array()
                .map(|path| path.iter().map(text).collect::<Vec<_>>().join("."))
                .unwrap_or_default(),
            message: text(&error["message"]),
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
