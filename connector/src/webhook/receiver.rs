//! Requests that a system sends to us: whether they are from it, which id they have and what happened. Deliberately absent:
//! where they are kept, and who asks how often.

use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::verification::Verification;
use super::{Credentials, selection};
use crate::http::document::point;
use crate::{SystemError, SystemErrorKind};

/// Body of a request, in bytes, where the config does not say: Standard Webhooks advises senders to stay below 20 kB,
/// GitHub sends up to 25 MB, most below 1 MB.
const BODY_BYTES_DEFAULT: usize = 1024 * 1024;
/// Most that a config may allow, in bytes: it is held in memory while it is verified.
pub(super) const BODY_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Seconds in which what comes is one run, where the config does not say.
const COALESCE_SECONDS_DEFAULT: u32 = 1;
/// Most that a config may say.
pub(super) const COALESCE_SECONDS_MAX: u32 = 300;
/// Longest id that is kept as it is, in bytes; a longer one is known by its hash.
const EVENT_ID_BYTES_MAX: usize = 200;
/// Longest type that is one, in bytes.
const EVENT_TYPE_BYTES_MAX: usize = 200;

/// `receive` of a config.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Receive {
    pub(super) verification: Verification,
    id_header: Option<String>,
    id_pointer: Option<String>,
    type_header: Option<String>,
    type_pointer: Option<String>,
    body_bytes_max: Option<usize>,
    coalesce_seconds: Option<u32>,
}

/// How requests of one system are verified and read.
#[derive(Clone, Debug)]
pub struct Receiver(Receive);

/// What is known of a request that is from the system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// The same when it is sent again. At most 200 bytes.
    pub event_id: Option<String>,
    /// What happened, in the sender's words. At most 200 bytes.
    pub event_type: Option<String>,
}

/// Why a request is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For programs: `signature_wrong`.
    pub code: &'static str,
    /// For the sender's developers: what is wrong and what to do, without any secret.
    pub message: String,
    /// It is our side that is not ready: sending it again later can help.
    pub is_ours: bool,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), is_ours: false }
    }

    fn not_ready(message: impl Into<String>) -> Self {
        Self { code: "not_ready", message: message.into(), is_ours: true }
    }
}

impl Receiver {
    pub(super) fn new(receive: Receive) -> Self {
        Self(receive)
    }

    /// Largest body of a request, in bytes.
    pub fn body_bytes_max(&self) -> usize {
        self.0.body_bytes_max.unwrap_or(BODY_BYTES_DEFAULT).min(BODY_BYTES_MAX)
    }

    /// For how long what comes is left together for one run.
    pub fn coalesce(&self) -> std::time::Duration {
        let seconds = self.0.coalesce_seconds.unwrap_or(COALESCE_SECONDS_DEFAULT).min(COALESCE_SECONDS_MAX);
        std::time::Duration::from_secs(seconds.into())
    }

    /// Whether a stream with these `source` options takes events of a type.
    pub fn selects(&self, options: &serde_json::Value, event_type: Option<&str>) -> bool {
        selection::selects(options, event_type)
    }

    /// Whether a request is from the system, by the secrets in its credentials (JSON text). `body` is as it was sent, and
    /// `now` the time at which it came.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn verify(
        &self,
        credentials: &SecretString,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Arrival, Refusal> {
        let credentials = Credentials::parse(credentials)
            .map_err(|_words| Refusal::not_ready("This endpoint can't verify signatures at the moment."))?;
        let secrets: Vec<&str> = credentials.secrets.iter().map(ExposeSecret::expose_secret).collect();
        if secrets.is_empty() {
            let message = "No secret is stored for this endpoint yet. Store it in Trestle, then send again.";
            return Err(Refusal::not_ready(message));
        }
        let request = Request { headers, body, now };
        self.0.verification.verify(&request, &secrets, self.id_header())?;
        Ok(self.read(&request))
    }

    /// That the secrets are such as the verification needs.
    ///
    /// # Errors
    /// `Unauthorized` without any, `Misconfigured` when one is not.
    pub(super) fn check(&self, credentials: &Credentials) -> Result<(), SystemError> {
        if credentials.secrets.is_empty() {
            return Err(SystemError::new(SystemErrorKind::Unauthorized, "there is no secret to verify with")
                .with_hint("the credentials have no secrets"));
        }
        if self.0.verification.signs_id() && self.id_header().is_none() {
            let message = "the signed content has `{id}`, and no header has it";
            return Err(SystemError::new(SystemErrorKind::Misconfigured, message)
                .with_hint("`content` has `{id}`: say by `idHeader` where it is"));
        }
        let is_usable = |secret: &SecretString| self.0.verification.can_use(secret.expose_secret());
        if !credentials.secrets.iter().all(is_usable) {
            return Err(SystemError::new(SystemErrorKind::Misconfigured, "a secret is not base64")
                .with_hint("a secret must be base64, as in `whsec_…`"));
        }
        Ok(())
    }

    fn read(&self, request: &Request<'_>) -> Arrival {
        let Receive { id_pointer, type_header, type_pointer, .. } = &self.0;
        let by_pointer = |pointer: Option<&String>| text_at(request.body, pointer?);
        let by_header = |name: Option<&str>| request.header(name?).map(str::to_owned);
        let event_id = by_pointer(id_pointer.as_ref()).or_else(|| by_header(self.id_header()));
        let type_header = type_header.as_deref().or(self.0.verification.type_header());
        let type_pointer = type_pointer.as_deref().or(self.0.verification.type_pointer()).map(str::to_owned);
        let event_type = by_header(type_header).or_else(|| by_pointer(type_pointer.as_ref()));
        Arrival {
            event_id: event_id.filter(|id| !id.is_empty()).map(known_id),
            event_type: event_type.filter(|name| {
                (1..=EVENT_TYPE_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
            }),
        }
    }

    fn id_header(&self) -> Option<&str> {
        match (&self.0.id_header, &self.0.id_pointer) {
            (Some(name), _) => Some(name),
            (None, Some(_pointer)) => None,
            (None, None) => self.0.verification.id_header(),
        }
    }
}

/// A request as it came.
pub(super) struct Request<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) now: DateTime<Utc>,
}

impl<'a> Request<'a> {
    /// The value of a header; `None` when it is not there, or not text.
    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// That a time in seconds (or milliseconds) since 1970 is not further from now than so many seconds.
    pub(super) fn check_time(&self, text: &str, tolerance: u32) -> Result<(), Refusal> {
        /// Seconds of the year 5138; nobody's clock is there, so it is milliseconds.
        const SECONDS_MAX: i64 = 100_000_000_000;
        let number: i64 = text.parse().map_err(|_not_a_number| {
            Refusal::new("timestamp_missing", "The timestamp is not a number of seconds since 1970.")
        })?;
        let seconds =
            if number.unsigned_abs() >= SECONDS_MAX.unsigned_abs() { number / 1000 } else { number };
        let sent = DateTime::from_timestamp(seconds, 0);
        let is_near =
            sent.is_some_and(|sent| (self.now - sent).abs() <= TimeDelta::seconds(tolerance.into()));
        if is_near {
            return Ok(());
        }
        let message = format!(
            "The timestamp is more than {tolerance} s from the time here, {}. Send the time at which the request is \
             made, and check the sender's clock.",
            self.now.timestamp()
        );
        Err(Refusal::new("timestamp_stale", message))
    }
}

/// A text or number at a place of a JSON body.
fn text_at(body: &[u8], pointer: &str) -> Option<String> {
    let root: &RawValue = serde_json::from_slice(body).ok()?;
    match serde_json::from_str(point(root, pointer)?.get()).ok()? {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What no database would keep as it is, is known by its hash.
fn known_id(id: String) -> String {
    if id.len() <= EVENT_ID_BYTES_MAX && !id.chars().any(char::is_control) {
        return id;
    }
    let hash = Sha256::digest(id.as_bytes());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
