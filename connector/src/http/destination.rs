//! Writes records to an API, one request each, several in flight.
//! Deliberately absent: comparing with what is there (few APIs can tell); the engine's receipts do.

use async_trait::async_trait;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_128;

use super::client::{Client, Reply, misconfigured, query_keys};
use super::sender::{Sender, Sent};
use crate::egress::Redirects;
use crate::{
    Action, Destination, Egress, Gone, OpenDestination, Record, RecordError, RecordErrorKind, RecordKey,
    Removal, SystemError, SystemErrorKind, Write, WriteOutcome, options,
};

/// Longest id that a reply may give a record, in bytes; real ones are a tenth of it.
const DESTINATION_KEY_BYTES_MAX: usize = 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    path: String,
    #[serde(default)]
    method: WriteMethod,
    #[serde(default)]
    key_in_path: bool,
    #[serde(default = "default_idempotency_header")]
    idempotency_header: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "UPPERCASE")]
enum WriteMethod {
    #[default]
    Post,
    Put,
    Patch,
}

fn default_idempotency_header() -> String {
    "Idempotency-Key".to_owned()
}

/// An API that takes records.
pub(super) struct HttpDestination {
    sender: Sender,
    url: Url,
    method: Method,
    key_in_path: bool,
    key_fields: Vec<String>,
    idempotency_header: HeaderName,
    stream_name: String,
    run: uuid::Uuid,
}

impl HttpDestination {
    pub(super) fn open(egress: &Egress, open: OpenDestination) -> Result<Self, SystemError> {
        let client = Client::open(egress, &open.access, Redirects::None)?.classified(&open.stream.classified);
        let options: Options = options::decode("destination options", &open.options)?;
        let idempotency_header = HeaderName::try_from(options.idempotency_header.as_str()).map_err(|_| {
            misconfigured("idempotencyHeader").with_hint("idempotencyHeader is not a header name")
        })?;
        let url = client.join(&options.path)?;
        let client = client.hiding(query_keys(&url, &Map::new()));
        let method = match options.method {
            WriteMethod::Post => Method::POST,
            WriteMethod::Put => Method::PUT,
            WriteMethod::Patch => Method::PATCH,
        };
        Ok(Self {
            sender: Sender::new(client),
            url,
            method,
            key_in_path: options.key_in_path,
            key_fields: open.stream.key_fields,
            idempotency_header,
            stream_name: open.stream.name,
            run: open.run,
        })
    }

    async fn send(&self, write: &Write) -> Result<Sent<WriteOutcome>, SystemError> {
        let Some(url) = self.record_url(&write.key) else {
            return Ok(Sent::Answered(WriteOutcome::Failed(no_path())));
        };
        let body = serde_json::to_vec(&write.record).map_err(|error| {
            SystemError::new(SystemErrorKind::Internal, format!("a record as JSON: {error}"))
        })?;
        let idempotency_key = self.idempotency_key(write, &body)?;
        let request = || {
            self.sender
                .client
                .request(self.method.clone(), url.clone())
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .header(reqwest::header::ACCEPT, "application/json")
                .header(self.idempotency_header.clone(), idempotency_key.clone())
                .body(body.clone())
        };
        let key = self.key_record(&write.key);
        let reply = match self.sender.insist(&[&write.record, &key], request).await? {
            Sent::Answered(reply) => reply,
            Sent::Exhausted(error) => return Ok(Sent::Exhausted(error)),
        };
        match reply.status.as_u16() {
            200..=299 => Ok(Sent::Answered(arrived(write, &reply))),
            404 | 410 if !self.key_in_path => Err(self.sender.client.status_error(&reply)),
            _ => Ok(Sent::Answered(WriteOutcome::Failed(self.sender.refused(&write.record, &reply)))),
        }
    }

    async fn send_removal(&self, gone: &Gone) -> Result<Sent<Result<(), RecordError>>, SystemError> {
        // The address is that of all records.
        if !self.key_in_path {
            return Ok(Sent::Answered(Err(rejected(
                "without `keyInPath` no record has an address of its own",
            ))));
        }
        let Some(url) = self.record_url(&gone.key) else { return Ok(Sent::Answered(Err(no_path()))) };
        let request = || self.sender.client.request(Method::DELETE, url.clone());
        let reply = match self.sender.insist(&[&self.key_record(&gone.key)], request).await? {
            Sent::Answered(reply) => reply,
            Sent::Exhausted(error) => return Ok(Sent::Exhausted(error)),
        };
        Ok(Sent::Answered(match reply.status.as_u16() {
            200..=299 | 404 | 410 => Ok(()),
            _ => Err(self.sender.refused(&Record::default(), &reply)),
        }))
    }

    /// What a key says of its record.
    fn key_record(&self, key: &RecordKey) -> Record {
        self.key_fields.iter().cloned().zip(key.values()).collect()
    }

    /// `None` when the key can't be a path segment: URLs drop `.` and `..`.
    fn record_url(&self, key: &RecordKey) -> Option<Url> {
        let mut url = self.url.clone();
        if self.key_in_path {
            let key = key.canonical();
            if matches!(key, "" | "." | "..") {
                return None;
            }
            url.path_segments_mut().ok()?.pop_if_empty().push(key);
        }
        Some(url)
    }

    /// The same for each attempt at one write, another when a value changed, or changed and changed back.
    fn idempotency_key(&self, write: &Write, body: &[u8]) -> Result<HeaderValue, SystemError> {
        let mut input =
            Vec::with_capacity(self.stream_name.len() + write.key.canonical().len() + body.len() + 2);
        input.extend_from_slice(self.stream_name.as_bytes());
        input.push(0);
        input.extend_from_slice(write.key.canonical().as_bytes());
        input.push(0);
        input.extend_from_slice(body);
        match write.revision {
            // What was removed leaves no receipt: there again, it must not look like what the API was sent before.
            0 if self.key_in_path => input.extend_from_slice(self.run.as_bytes()),
            0 => {}
            revision => input.extend_from_slice(&revision.to_le_bytes()),
        }
        HeaderValue::try_from(format!("{:032x}", xxh3_128(&input)))
            .map_err(|error| SystemError::new(SystemErrorKind::Internal, format!("idempotency key: {error}")))
    }
}

#[async_trait]
impl Destination for HttpDestination {
    async fn write(&mut self, batch: &[Write]) -> Result<Vec<WriteOutcome>, SystemError> {
        let this: &Self = self;
        this.sender.all(batch.iter().map(|write| this.send(write)).collect(), WriteOutcome::Failed).await
    }

    async fn remove(
        &mut self,
        gone: &[Gone],
        _removal: &Removal,
    ) -> Result<Vec<Result<(), RecordError>>, SystemError> {
        let this: &Self = self;
        this.sender.all(gone.iter().map(|gone| this.send_removal(gone)).collect(), Err).await
    }

    async fn finish(&mut self) -> Result<(), SystemError> {
        Ok(())
    }

    fn detects_unchanged(&self) -> bool {
        false
    }
}

fn no_path() -> RecordError {
    rejected("the key can't stand in a URL's path")
}

fn rejected(detail: &str) -> RecordError {
    RecordError {
        kind: RecordErrorKind::Rejected,
        field_errors: Vec::new(),
        http_status: None,
        detail: detail.to_owned(),
        exchange: None,
    }
}

fn arrived(write: &Write, reply: &Reply) -> WriteOutcome {
    let created = reply.status == 201 || !write.known;
    let destination_key = if reply.is_cut {
        None
    } else {
        serde_json::from_slice::<Value>(&reply.body).ok().and_then(|body| match body.get("id") {
            Some(Value::String(id)) => Some(id.clone()),
            Some(Value::Number(id)) => Some(id.to_string()),
            _ => None,
        })
    };
    // What nobody could store or look for is no id.
    let destination_key =
        destination_key.filter(|id| id.len() <= DESTINATION_KEY_BYTES_MAX && !id.contains('\0'));
    WriteOutcome::Written { action: if created { Action::Created } else { Action::Updated }, destination_key }
}
