//! Sends each record as a signed event of Standard Webhooks, one request each. The id of a message is the same whenever the
//! same record is sent again, also after a crash, so that its receiver can leave out what it has.
//! Deliberately absent: comparing with what is there, which nobody can ask a receiver.

use std::time::SystemTime;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::{Credentials, signature};
use crate::egress::Redirects;
use crate::http::client::{Client, PROBE_BYTES_MAX, Reply, Settings};
use crate::http::sender::{Sender, Sent};
use crate::{
    Action, Classified, Destination, Egress, Gone, OpenDestination, Record, RecordError, RecordKey, Removal,
    SystemAccess, SystemError, SystemErrorKind, Write, WriteOutcome, options,
};

/// The event that a test of a system sends.
const TEST_TYPE: &str = "trestle.test";

/// `send` of a config.
#[derive(Deserialize)]
pub(super) struct SendConfig {
    url: String,
    #[serde(flatten)]
    settings: Settings,
}

/// `destination` of a stream.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    #[serde(rename = "type", default = "default_type")]
    event_type: String,
    removed_type: Option<String>,
}

fn default_type() -> String {
    "record.upserted".to_owned()
}

/// Whoever takes the events.
pub(super) struct WebhookDestination {
    receiver: EventSender,
    options: Options,
    stream_name: String,
    key_fields: Vec<String>,
    run: uuid::Uuid,
    integration: uuid::Uuid,
}

struct EventSender {
    sender: Sender,
    keys: Vec<Vec<u8>>,
}

/// One message, the same however often it is sent.
struct Message {
    id: String,
    body: Vec<u8>,
}

impl EventSender {
    fn open(
        egress: &Egress,
        access: &SystemAccess,
        send: SendConfig,
        credentials: Credentials,
        classified: &Classified,
    ) -> Result<Self, SystemError> {
        let keys: Option<Vec<_>> =
            credentials.secrets.iter().map(|secret| signature::key(secret.expose_secret())).collect();
        let keys = keys.ok_or_else(|| {
            SystemError::new(SystemErrorKind::Misconfigured, "a secret is not base64")
                .with_hint("a secret must be base64, as in `whsec_…`")
        })?;
        if keys.is_empty() {
            return Err(SystemError::new(SystemErrorKind::Unauthorized, "there is no secret to sign with")
                .with_hint("the credentials have no secrets"));
        }
        let access = SystemAccess { credentials: credentials.of_requests, ..access.clone() };
        let client = Client::at(egress, &access, &send.url, send.settings, Redirects::None)?;
        // With and without the mark that it is one.
        let secrets = credentials.secrets.iter().map(|secret| secret.expose_secret());
        let bare = secrets.clone().filter_map(|secret| secret.strip_prefix("whsec_"));
        let client = client.classified(classified).hiding(secrets.chain(bare).map(str::to_owned));
        Ok(Self { sender: Sender::new(client), keys })
    }

    /// Sends a message about a record until it is answered.
    async fn send(&self, message: &Message, record: &Record) -> Result<Sent<Reply>, SystemError> {
        self.sender.insist(&[record], || self.request(message)).await
    }

    /// One attempt, signed for its own time.
    fn request(&self, message: &Message) -> RequestBuilder {
        let client = &self.sender.client;
        let timestamp = now().timestamp();
        let signature = signature::sign(&self.keys, &message.id, timestamp, &message.body);
        client
            .request(Method::POST, client.base().clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "*/*")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(message.body.clone())
    }
}

impl Message {
    /// As Standard Webhooks advises: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#payload-structure>.
    fn new(id: String, event_type: &str, data: Value) -> Result<Self, SystemError> {
        let body = json!({"type": event_type, "timestamp": now().to_rfc3339_opts(SecondsFormat::Secs, true), "data": data});
        let body = serde_json::to_vec(&body).map_err(not_json)?;
        Ok(Self { id, body })
    }
}

/// The time, by the clock of this machine: receivers compare it with theirs.
fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

impl WebhookDestination {
    pub(super) fn open(
        egress: &Egress,
        open: OpenDestination,
        send: SendConfig,
        credentials: Credentials,
    ) -> Result<Self, SystemError> {
        Ok(Self {
            receiver: EventSender::open(egress, &open.access, send, credentials, &open.stream.classified)?,
            options: options::decode("destination options", &open.options)?,
            stream_name: open.stream.name,
            key_fields: open.stream.key_fields,
            run: open.run,
            integration: open.integration,
        })
    }

    async fn send(&self, write: &Write) -> Result<Sent<WriteOutcome>, SystemError> {
        let event_type = &self.options.event_type;
        let data = serde_json::to_value(&write.record).map_err(not_json)?;
        let record = data.to_string();
        let revision = write.revision.to_le_bytes();
        // What was removed leaves no receipt: there again, it must not look like a message that the receiver knows.
        let run: &[u8] = match &self.options.removed_type {
            Some(_removes) if !write.known => self.run.as_bytes(),
            _ => &[],
        };
        let id = self.id(event_type, &write.key, &[record.as_bytes(), &revision, run]);
        let message = Message::new(id, event_type, data)?;
        Ok(match self.deliver(&message, &write.record).await? {
            Sent::Answered(Ok(())) => {
                let action = if write.known { Action::Updated } else { Action::Created };
                Sent::Answered(WriteOutcome::Written { action, destination_key: Some(message.id) })
            }
            Sent::Answered(Err(error)) => Sent::Answered(WriteOutcome::Failed(error)),
            Sent::Exhausted(error) => Sent::Exhausted(error),
        })
    }

    /// A removal follows the message that was sent last of its record: removed, there again and removed again are two.
    async fn send_removal(
        &self,
        gone: &Gone,
        event_type: &str,
    ) -> Result<Sent<Result<(), RecordError>>, SystemError> {
        let last = match &gone.destination_key {
            Some(message) => message.as_bytes(),
            None => self.run.as_bytes(),
        };
        let id = self.id(event_type, &gone.key, &[last]);
        let data: Record = self.key_fields.iter().cloned().zip(gone.key.values()).collect();
        let message = Message::new(id, event_type, serde_json::to_value(&data).map_err(not_json)?)?;
        self.deliver(&message, &data).await
    }

    async fn deliver(
        &self,
        message: &Message,
        record: &Record,
    ) -> Result<Sent<Result<(), RecordError>>, SystemError> {
        let reply = match self.receiver.send(message, record).await? {
            Sent::Answered(reply) => reply,
            Sent::Exhausted(error) => return Ok(Sent::Exhausted(error)),
        };
        match reply.status.as_u16() {
            200..=299 => Ok(Sent::Answered(Ok(()))),
            404 | 410 => Err(gone_away(&self.receiver.sender.client, &reply)),
            _ => Ok(Sent::Answered(Err(self.receiver.sender.refused(record, &reply)))),
        }
    }

    fn id(&self, event_type: &str, key: &RecordKey, parts: &[&[u8]]) -> String {
        let mut input = self.integration.as_bytes().to_vec();
        for part in [self.stream_name.as_bytes(), event_type.as_bytes(), key.canonical().as_bytes()] {
            input.extend_from_slice(part);
            input.push(0);
        }
        parts.iter().for_each(|part| input.extend_from_slice(part));
        format!("msg_{:032x}", xxh3_128(&input))
    }
}

#[async_trait]
impl Destination for WebhookDestination {
    async fn write(&mut self, batch: &[Write]) -> Result<Vec<WriteOutcome>, SystemError> {
        let this: &Self = self;
        let sends = batch.iter().map(|write| this.send(write)).collect();
        this.receiver.sender.all(sends, WriteOutcome::Failed).await
    }

    async fn remove(
        &mut self,
        gone: &[Gone],
        _removal: &Removal,
    ) -> Result<Vec<Result<(), RecordError>>, SystemError> {
        let this: &Self = self;
        let Some(event_type) = &this.options.removed_type else {
            return Err(SystemError::new(SystemErrorKind::Misconfigured, "there is no removedType")
                .with_hint("the stream's destination has no `removedType`"));
        };
        let sends = gone.iter().map(|gone| this.send_removal(gone, event_type)).collect();
        this.receiver.sender.all(sends, Err).await
    }

    async fn finish(&mut self) -> Result<(), SystemError> {
        Ok(())
    }

    fn detects_unchanged(&self) -> bool {
        false
    }
}

/// Sends an event without data, as a person asked for it, and says what the receiver answered.
pub(super) async fn test(
    egress: &Egress,
    access: &SystemAccess,
    send: SendConfig,
    credentials: Credentials,
) -> Result<String, SystemError> {
    let receiver = EventSender::open(egress, access, send, credentials, &Classified::default())?;
    let message = Message::new(format!("msg_{}", uuid::Uuid::now_v7().simple()), TEST_TYPE, json!({}))?;
    let client = &receiver.sender.client;
    let reply = client.send(receiver.request(&message), PROBE_BYTES_MAX).await?;
    match reply.status.as_u16() {
        404 | 410 => Err(gone_away(client, &reply)),
        401 | 403 | 429 | 300..=399 | 500..=599 => Err(client.status_error(&reply)),
        status => Ok(format!("The receiver answered to an event of type {TEST_TYPE} (HTTP {status}).")),
    }
}

/// 404 and 410: nobody is there any more who would take another event
/// (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#operational-considerations>).
fn gone_away(client: &Client, reply: &Reply) -> SystemError {
    let error = client.status_error(reply);
    if reply.status == StatusCode::GONE {
        return error.with_hint("the receiver answered that it wants no more events (HTTP 410 Gone)");
    }
    error.with_hint("nobody takes events at this address (HTTP 404)")
}

fn not_json(error: serde_json::Error) -> SystemError {
    SystemError::new(SystemErrorKind::Internal, format!("a record as JSON: {error}"))
}
