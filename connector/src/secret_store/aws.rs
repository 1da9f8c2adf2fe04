//! AWS Secrets Manager over HTTP: one operation of it, `GetSecretValue`
//! (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>, read 2026). Deliberately
//! absent: AWS' SDK, which is a hundred crates for this one request; so roles of machines are not found by themselves.

use chrono::Utc;
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::signature::{Signing, sign};
use super::{ask, no_such_secret, refused};
use crate::{SystemError, SystemErrorKind};

/// How it is called in errors.
const NAME: &str = "AWS Secrets Manager";
const TARGET: &str = "secretsmanager.GetSecretValue";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// Where the store is, and how we sign in.
#[derive(Clone)]
pub struct AwsOptions {
    /// E.g. `eu-central-1`.
    pub region: String,
    /// Another address than the region's own.
    pub endpoint: Option<Url>,
    /// Of an access key.
    pub access_key_id: String,
    /// Of the same.
    pub secret_access_key: SecretString,
    /// Of a temporary access key.
    pub session_token: Option<SecretString>,
}

pub(super) struct Aws {
    options: AwsOptions,
    http: reqwest::Client,
}

impl Aws {
    pub(super) fn new(options: AwsOptions, http: reqwest::Client) -> Self {
        Self { options, http }
    }

    /// The current version of a secret.
    #[expect(
        clippy::disallowed_methods,
        reason = "a signature has the true time, whatever a test's clock says"
    )]
    pub(super) async fn fetch(&self, name: &str) -> Result<SecretString, SystemError> {
        let options = &self.options;
        let url = match &options.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => format!("https://secretsmanager.{}.amazonaws.com/", options.region)
                .parse()
                .map_err(|_invalid| SystemError::new(SystemErrorKind::Internal, "the AWS region is none"))?,
        };
        let body = json!({ "SecretId": name }).to_string();
        let mut headers = vec![
            ("content-type", CONTENT_TYPE.to_owned()),
            ("host", host(&url)),
            ("x-amz-target", TARGET.to_owned()),
        ];
        if let Some(token) = &options.session_token {
            headers.push(("x-amz-security-token", token.expose_secret().to_owned()));
        }
        let signing = Signing {
            access_key_id: &options.access_key_id,
            secret_access_key: options.secret_access_key.expose_secret(),
            region: &options.region,
            service: "secretsmanager",
            at: Utc::now(),
        };
        let signed = sign(&signing, "POST", url.path(), &mut headers, body.as_bytes());
        let mut request = self.http.post(url).body(body);
        headers.push(("authorization", signed));
        // The client sets the host by itself, to the same.
        for (name, value) in headers.into_iter().filter(|(name, _value)| *name != "host") {
            let mut value = HeaderValue::from_str(&value).map_err(|_invalid| {
                SystemError::new(SystemErrorKind::Internal, "an AWS setting can't be sent in a header")
            })?;
            value.set_sensitive(matches!(name, "authorization" | "x-amz-security-token"));
            request = request.header(name, value);
        }
        let answer = ask(NAME, request).await?;
        let json = answer.json().unwrap_or_default();
        if answer.status == 200 {
            return match json["SecretString"].as_str() {
                Some(text) => Ok(SecretString::from(text.to_owned())),
                None => Err(SystemError::new(SystemErrorKind::Misconfigured, "the secret is binary")
                    .with_hint("the secret in the secret store is not text")),
            };
        }
        // `com.amazonaws.secretsmanager#ResourceNotFoundException`, or without what is before the hash.
        let code = json["__type"].as_str().unwrap_or_default();
        let code = code.rsplit('#').next().unwrap_or_default();
        let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(60).collect();
        Err(match code.as_str() {
            // The second one: it is about to be deleted.
            "ResourceNotFoundException" | "InvalidRequestException" => no_such_secret(NAME),
            "ThrottlingException" => refused(NAME, 429, &code),
            _ => refused(NAME, answer.status, &code),
        })
    }
}

fn host(url: &Url) -> String {
    match (url.host_str().unwrap_or_default(), url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    }
}
