//! The HTTP client that OTLP goes through: the same as everything else here uses, so that there is one stack of TLS. The
//! collector is the operator's, who may have it anywhere: no guard stands before it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use opentelemetry_http::{HttpClient, HttpError};
use reqwest::redirect::Policy;

/// How long a batch may take, as the standard has it.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Of an answer, which says at most what was refused of a batch, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The client; clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Client(reqwest::Client);

impl Client {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        // A redirected POST would arrive as a GET, and headers hold keys.
        Ok(Self(reqwest::Client::builder().timeout(TIMEOUT).redirect(Policy::none()).build()?))
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let mut answer = self.0.execute(request).await.map_err(reqwest::Error::without_url)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
            let room = ANSWER_BYTES_MAX - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                break;
            }
        }
        let mut response = http::Response::new(body.freeze());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}
