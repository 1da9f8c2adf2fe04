//! Requests to outside systems with their replies, of failures that they led to.

use async_graphql::SimpleObject;
use domain::exchange;

use super::failure::Redaction;
use super::scalar::{BigInt, DateTime};

/// A header of a request or a reply.
#[derive(Clone, Debug, SimpleObject)]
pub struct ExchangeHeader {
    /// In lower case, e.g. `content-type`.
    name: String,
    /// At most 500 bytes. `[hidden]` for every header that is not known to be harmless.
    value: String,
}

/// A request to an outside system with its reply. Secrets are left out, and fields that the stream's `recordSchema`
/// classifies by `x-classification` are masked.
#[derive(Clone, Debug, SimpleObject)]
pub struct Exchange {
    /// When the request was sent.
    at: DateTime,
    /// E.g. `POST`.
    method: String,
    /// Where to; of its query the names, and of the values no more than page numbers.
    url: String,
    /// Status of the reply; null where none came.
    status: Option<i32>,
    /// From the request to the end of the reply, or to where it was given up, in milliseconds.
    duration_ms: BigInt,
    /// Headers of the request, those that were set for it.
    request_headers: Vec<ExchangeHeader>,
    /// Body of the request, at most 8 KiB of it. Null until `revealRecord` opens the failure's record to the viewer.
    request_body: Option<String>,
    /// How long the request's body was, in bytes.
    request_bytes: BigInt,
    /// Headers of the reply.
    response_headers: Vec<ExchangeHeader>,
    /// Body of the reply, at most 8 KiB of it. Null where no reply came, and until `revealRecord` opens the failure's record
    /// to the viewer.
    response_body: Option<String>,
    /// How long the reply's body was as far as it was read, in bytes; null where none came.
    response_bytes: Option<BigInt>,
    /// Fields of this object that are null only because this viewer may not see them, and why.
    redactions: Vec<Redaction>,
}

impl From<exchange::Exchange> for Exchange {
    fn from(exchange: exchange::Exchange) -> Self {
        Self {
            at: exchange.at.into(),
            method: exchange.method,
            url: exchange.url,
            status: exchange.status,
            duration_ms: exchange.duration_ms.into(),
            request_headers: headers(exchange.request_headers),
            request_body: exchange.request_body,
            request_bytes: exchange.request_bytes.into(),
            response_headers: headers(exchange.response_headers),
            response_body: exchange.response_body,
            response_bytes: exchange.response_bytes.map(Into::into),
            redactions: Redaction::all(&exchange.redactions),
        }
    }
}

fn headers(headers: Vec<exchange::Header>) -> Vec<ExchangeHeader> {
    headers.into_iter().map(|header| ExchangeHeader { name: header.name, value: header.value }).collect()
}
