//! The two ways in which an outside system says no: to everything, or to one record.

use std::time::Duration;

use crate::exchange::Captured;

/// The whole system, or the end of a stream, can't be used now.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct SystemError {
    /// What kind of no it is; the error catalogue has words for each.
    pub kind: SystemErrorKind,
    /// For engineers: the whole chain, with host names, without secrets and record values.
    pub detail: String,
    /// In words a customer can use, without host names and upstream text, where there is more to say
    /// than the kind does: `the file is a Word document, not CSV`.
    pub hint: Option<String>,
    /// Status of the outside reply, for HTTP.
    pub http_status: Option<u16>,
    /// How long the other side asks us to wait.
    pub retry_after: Option<Duration>,
    /// The request and its reply, for HTTP.
    pub exchange: Option<Captured>,
}

/// Why a system can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SystemErrorKind {
    /// Credentials are missing, wrong or not enough.
    Unauthorized,
    /// The table, path, object or database is not there.
    NotFound,
    /// What it answers or holds is not what the options describe.
    Malformed,
    /// It asks us to slow down. Transient.
    RateLimited,
    /// It can't be reached, or answers 5xx. Transient.
    Unavailable,
    /// It took longer than the limit. Transient.
    Timeout,
    /// The address is one that connectors may not reach (private, loopback, link-local).
    Forbidden,
    /// The options don't fit the system: a column that is not there, a key without unique index.
    Misconfigured,
    /// A fault of ours.
    Internal,
}

impl SystemErrorKind {
    /// True when waiting and trying again can help.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable | Self::Timeout)
    }

    /// The part after the dot of the failure code: `unavailable` in `source.unavailable`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not_found",
            Self::Malformed => "malformed",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Forbidden => "forbidden",
            Self::Misconfigured => "misconfigured",
            Self::Internal => "internal",
        }
    }
}

impl SystemError {
    /// An error of a kind with its detail, and nothing more to say.
    pub fn new(kind: SystemErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), hint: None, http_status: None, retry_after: None, exchange: None }
    }

    /// Adds what a customer can use.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The destination refused one record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct RecordError {
    /// Refused, or in conflict with what is there.
    pub kind: RecordErrorKind,
    /// Which fields, in our words, where the destination says so.
    pub field_errors: Vec<FieldError>,
    /// Status of the outside reply, for HTTP.
    pub http_status: Option<u16>,
    /// For engineers: what the destination said, cut to 2 KiB.
    pub detail: String,
    /// The request and its reply, for HTTP; of the first refusals alone.
    pub exchange: Option<Captured>,
}

/// Why a destination refuses a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordErrorKind {
    /// `destination.rejected`: the record as it is can't be taken.
    Rejected,
    /// `destination.conflict`: it was changed on the other side.
    Conflict,
    /// `destination.unavailable` for this record alone: 5xx for it after patient retries, while others pass.
    Unavailable,
    /// `destination.timeout` for this record alone.
    Timeout,
    /// `destination.rate_limited` for this record alone, after patient retries.
    RateLimited,
}

impl RecordErrorKind {
    /// The part after the dot of the failure code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
        }
    }
}

/// One rule that one field broke.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FieldError {
    /// JSON Pointer into the record, e.g. `/amount`; empty for the record as a whole.
    pub path: String,
    /// The rule, e.g. `required`, `type`, `maxLength`, `not_null`, `unique`.
    pub rule: String,
    /// In words a customer can use, without the value.
    pub message: String,
}
