//! The client by which `object_store` asks: addresses are checked, what is refused is remembered in the store's own
//! words, and uploads are completed on a condition, which `object_store` has for whole objects only.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};

use crate::{Egress, Progress, SystemError, SystemErrorKind};

/// Read of a refusal, in bytes; S3's have a few hundred.
const REFUSAL_BYTES_MAX: usize = 16 * 1024;

/// Why the store said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// S3's code, e.g. `NoSuchBucket` (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
    pub(super) code: Option<String>,
    pub(super) retry_after: Option<Duration>,
}

/// The client, and what it remembers.
#[derive(Debug)]
pub(super) struct Guarded {
    client: reqwest::Client,
    egress: Egress,
    progress: Progress,
    refusal: Mutex<Option<Refusal>>,
    condition: Mutex<Option<(HeaderName, HeaderValue)>>,
}

/// Gives `object_store` the client.
#[derive(Debug)]
pub(super) struct GuardedConnector(pub(super) Arc<Guarded>);

#[derive(Debug)]
struct Service(Arc<Guarded>);

impl Guarded {
    pub(super) fn new(client: reqwest::Client, egress: Egress, progress: Progress) -> Self {
        Self { client, egress, progress, refusal: Mutex::new(None), condition: Mutex::new(None) }
    }

    /// What the store said no with, the last time.
    pub(super) fn last_refusal(&self) -> Option<Refusal> {
        lock(&self.refusal).clone()
    }

    /// True when the store does not know conditions.
    pub(super) fn is_not_implemented(&self) -> bool {
        lock(&self.refusal).as_ref().is_some_and(|refusal| {
            refusal.status == StatusCode::NOT_IMPLEMENTED || refusal.code.as_deref() == Some("NotImplemented")
        })
    }

    /// True when a condition did not hold.
    pub(super) fn condition_failed(&self) -> bool {
        lock(&self.refusal)
            .as_ref()
            .is_some_and(|refusal| refusal.code.as_deref() == Some("PreconditionFailed"))
    }

    /// The header that uploads are completed with from now on.
    pub(super) fn completing_if(&self, header: Option<(&'static str, &str)>) -> Result<(), SystemError> {
        let header = match header {
            None => None,
            Some((name, value)) => {
                let value = HeaderValue::from_str(value).map_err(|error| {
                    SystemError::new(SystemErrorKind::Malformed, format!("the ETag of the object: {error}"))
                })?;
                Some((HeaderName::from_static(name), value))
            }
        };
        *lock(&self.condition) = header;
        Ok(())
    }

    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let url = Url::parse(&request.uri().to_string())
            .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        self.egress.check_url(&url).map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        let completes = request.method() == Method::POST
            && request.uri().query().is_some_and(|query| query.contains("uploadId="));
        if completes && let Some((name, value)) = lock(&self.condition).clone() {
            // Signed is only what S3 wants signed, and this is not of it.
            request.headers_mut().insert(name, value);
        }
        *lock(&self.refusal) = None;
        let response = HttpService::call(&self.client, request).await?;
        self.progress.heard();
        if response.status().is_success() {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let mut text = Vec::new();
        let mut chunks = body.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            text.extend_from_slice(&chunk?);
            if text.len() > REFUSAL_BYTES_MAX {
                break;
            }
        }
        let retry_after = parts.headers.get("retry-after").and_then(|value| value.to_str().ok());
        *lock(&self.refusal) = Some(Refusal {
            status: parts.status,
            code: code_of(&text),
            retry_after: retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs),
        });
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::from(Bytes::from(text))))
    }
}

impl HttpConnector for GuardedConnector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Service(self.0.clone())))
    }
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.0.call(request).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The text between `<Code>` and `</Code>`, when it is a name.
fn code_of(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    (code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric())).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::code_of;

    #[test]
    fn codes_are_names() {
        let body =
            b"<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Slow down.</Message></Error>";
        assert_eq!(code_of(body), Some("SlowDown".to_owned()));
        for body in [&b""[..], b"<Code>", b"<Code>a b</Code>", b"<html>"] {
            assert_eq!(code_of(body), None);
        }
    }
}
