//! Webhooks: what a system sends to us by itself is a source, and each record can be sent on as a signed event.
//! Deliberately absent: where what came is kept, and the HTTP server that takes it.

mod destination;
mod receiver;
mod selection;
mod signature;
mod source;
#[cfg(test)]
mod tests;
mod verification;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

pub use self::receiver::{Arrival, Receiver, Refusal};
pub use self::signature::{key as webhook_key, sign as sign_webhook};

use self::destination::{SendConfig, WebhookDestination};
use self::receiver::{BODY_BYTES_MAX, COALESCE_SECONDS_MAX, Receive};
use self::source::InboxSource;
use self::verification::TOLERANCE_SECONDS;
use crate::http::client;
use crate::{
    Connector, Cursor, Description, Destination, Egress, Example, Failure, Guide, OpenDestination,
    OpenSource, Removal, Source, SystemAccess, SystemError, SystemErrorKind, options,
};

/// Secrets at once: the one of now, and the one before or after it.
const SECRETS_MAX: usize = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    receive: Option<Receive>,
    send: Option<SendConfig>,
}

/// What is secret of a system.
struct Credentials {
    secrets: Vec<SecretString>,
    /// JSON text of what else requests are sent with.
    of_requests: SecretString,
}

impl Credentials {
    fn parse(credentials: &SecretString) -> Result<Self, SystemError> {
        let unknown = || {
            SystemError::new(
                SystemErrorKind::Misconfigured,
                "the credentials are not what the connector takes",
            )
        };
        let value: Value = serde_json::from_str(credentials.expose_secret()).map_err(|_secret| unknown())?;
        let Value::Object(mut fields) = value else { return Err(unknown()) };
        let secrets = match fields.remove("secrets") {
            Some(secrets) => serde_json::from_value(secrets).map_err(|_secret| unknown())?,
            None => Vec::new(),
        };
        Ok(Self { secrets, of_requests: Value::Object(fields).to_string().into() })
    }
}

/// The `webhook` connector.
pub struct WebhookConnector {
    egress: Egress,
    description: Description,
}

impl WebhookConnector {
    /// A connector that sends to what `egress` permits.
    pub fn new(egress: Egress) -> Self {
        Self { egress, description: description() }
    }
}

#[async_trait]
impl Connector for WebhookConnector {
    fn description(&self) -> &Description {
        &self.description
    }

    fn receiver(&self, config: &Value) -> Result<Option<Receiver>, SystemError> {
        Ok(options::decode::<Config>("config", config)?.receive.map(Receiver::new))
    }

    async fn test(&self, access: &SystemAccess) -> Result<String, SystemError> {
        let config: Config = options::decode("config", &access.config)?;
        let credentials = Credentials::parse(&access.credentials)?;
        if let Some(send) = config.send {
            return destination::test(&self.egress, access, send, credentials).await;
        }
        let receiver = config.receive.map(Receiver::new).ok_or_else(no_direction)?;
        receiver.check(&credentials)?;
        Ok("Ready: what is sent to the system's webhook URL is taken.".to_owned())
    }

    fn cursor_value(&self, watermark: &Cursor) -> Option<Value> {
        source::position(watermark).map(Value::from)
    }

    fn can_remove(&self, options: &Value, removal: &Removal) -> bool {
        *removal == Removal::Delete && options.get("removedType").is_some_and(Value::is_string)
    }

    /// The same record comes with each event about it.
    fn repeats_records(&self) -> bool {
        true
    }

    fn keeps_position(&self) -> bool {
        true
    }

    async fn open_source(&self, open: OpenSource) -> Result<Box<dyn Source>, SystemError> {
        Ok(Box::new(InboxSource::open(open).await?))
    }

    async fn open_destination(&self, open: OpenDestination) -> Result<Box<dyn Destination>, SystemError> {
        let config: Config = options::decode("config", &open.access.config)?;
        let send = config.send.ok_or_else(|| {
            SystemError::new(SystemErrorKind::Misconfigured, "the system sends nothing")
                .with_hint("the system receives and does not send; its config has no `send`")
        })?;
        let credentials = Credentials::parse(&open.access.credentials)?;
        Ok(Box::new(WebhookDestination::open(&self.egress, open, send, credentials)?))
    }
}

fn no_direction() -> SystemError {
    SystemError::new(SystemErrorKind::Misconfigured, "the config has neither `receive` nor `send`")
}

fn header(description: &str) -> Value {
    json!({
        "type": "string", "maxLength": 200, "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        "description": description,
    })
}

fn pointer(description: &str) -> Value {
    json!({"type": "string", "maxLength": 500, "pattern": "^/", "description": description})
}

fn verification_schema() -> Value {
    let kind = |name: &str, description: &str| json!({"const": name, "description": description});
    let tolerance = json!({
        "type": "integer", "minimum": 10, "maximum": 86_400, "default": TOLERANCE_SECONDS,
        "description": "How far the signed time may be from now, in seconds.",
    });
    let prefix = json!({
        "type": "string", "maxLength": 100, "default": "",
        "description": "What stands in front of it in the header, e.g. `sha256=` or `Bearer `.",
    });
    let form = |required: Value, properties: Value| json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties});
    let mut hmac = form(
        json!(["kind", "header"]),
        json!({
            "kind": kind("hmac", "A keyed hash in a header; the secret is its key, as it stands."),
            "header": header("Where the hash is."),
            "algorithm": {"enum": ["sha256", "sha512", "sha1"], "default": "sha256", "description": "Of the hash."},
            "encoding": {"enum": ["hex", "base64"], "default": "hex", "description": "How its bytes are written."},
            "prefix": prefix,
            "content": {
                "type": "string", "maxLength": 200, "default": "{body}",
                "pattern": "^([^{}]|\\{(body|timestamp|id)\\})*\\{body\\}([^{}]|\\{(body|timestamp|id)\\})*$",
                "description": "What is signed, e.g. `{timestamp}.{body}`: `{timestamp}` is from `timestampHeader`, `{id}` from `idHeader`.",
            },
            "timestampHeader": header("Where the time is at which it was sent, in seconds since 1970. It must be signed."),
            "toleranceSeconds": tolerance,
        }),
    );
    hmac["allOf"] = json!([
        {"if": {"required": ["timestampHeader"]},
         "then": {"required": ["content"], "properties": {"content": {"pattern": "\\{timestamp\\}"}}}},
        {"if": {"required": ["content"], "properties": {"content": {"pattern": "\\{timestamp\\}"}}},
         "then": {"required": ["timestampHeader"]}},
    ]);
    json!({
        "description": "How the sender proves that it is the sender.",
        "oneOf": [
            form(json!(["kind"]), json!({
                "kind": kind("standardWebhooks", "[Standard Webhooks](https://www.standardwebhooks.com), and Svix before it; secrets are base64, as in `whsec_…`."),
                "toleranceSeconds": tolerance,
            })),
            form(json!(["kind"]), json!({"kind": kind("github", "GitHub: `X-Hub-Signature-256`.")})),
            form(json!(["kind"]), json!({"kind": kind("shopify", "Shopify: `X-Shopify-Hmac-Sha256`.")})),
            form(json!(["kind"]), json!({
                "kind": kind("stripe", "Stripe: `Stripe-Signature`; the secret is all of `whsec_…`."),
                "toleranceSeconds": tolerance,
            })),
            hmac,
            form(json!(["kind", "header"]), json!({
                "kind": kind("token", "The secret itself in a header: less than a signature, where a sender can do no more."),
                "header": header("Where it is, e.g. `Authorization`."),
                "prefix": prefix,
            })),
        ],
    })
}

fn receive_schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["verification"],
        "dependentSchemas": {"idHeader": {"properties": {"idPointer": false}}},
        "description": "Takes what the system sends to the webhook URL.",
        "properties": {
            "verification": verification_schema(),
            "idHeader": header("Where the sender's id of an event is; what comes again with the same is not taken again. By the kind of sender when absent."),
            "idPointer": pointer("The same as a JSON Pointer into the body."),
            "typeHeader": header("Where it is said what happened. By the kind of sender when absent."),
            "typePointer": pointer("The same as a JSON Pointer into the body."),
            "bodyBytesMax": {
                "type": "integer", "minimum": 1024, "maximum": BODY_BYTES_MAX, "default": 1_048_576,
                "description": "Largest body, in bytes.",
            },
            "coalesceSeconds": {
                "type": "integer", "minimum": 0, "maximum": COALESCE_SECONDS_MAX, "default": 1,
                "description": "What comes within so many seconds is read by one run.",
            },
        },
    })
}

fn send_schema() -> Value {
    let mut auth = client::auth_schema();
    auth["enum"] = json!(["none", "bearer", "basic", "header"]);
    auth["description"] = json!("How credentials beside the signature are sent.");
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["url"],
        "description": "Sends each record as a signed event ([Standard Webhooks](https://www.standardwebhooks.com)).",
        "properties": {
            "url": {
                "type": "string", "maxLength": 2000, "pattern": "^[hH][tT][tT][pP][sS]?://",
                "description": "Where to, e.g. `https://partner.example/hooks/orders`.",
            },
            "headers": client::headers_schema(),
            "auth": auth,
            "rateLimitPerSecond": client::rate_limit_schema(),
            "timeoutMs": client::timeout_schema(),
        },
    })
}

fn credentials_schema() -> Value {
    let mut schema = client::credentials_schema();
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.retain(|name, _option| !matches!(name.as_str(), "clientId" | "clientSecret"));
        properties.insert(
            "secrets".to_owned(),
            json!({
                "type": "array", "minItems": 1, "maxItems": SECRETS_MAX,
                "items": {"type": "string", "minLength": 8, "maxLength": 1000},
                "description": "One, or two while it is changed: each of them is taken, and what is sent is signed by both.",
            }),
        );
    }
    schema
}

fn description() -> Description {
    let event_type = "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$";
    Description {
        name: "webhook",
        title: "Webhook",
        description: "Reads what a system sends by itself, and sends records on as signed events.",
        config_schema: json!({
            "type": "object",
            "additionalProperties": false,
            "oneOf": [{"required": ["receive"]}, {"required": ["send"]}],
            "properties": {"receive": receive_schema(), "send": send_schema()},
        }),
        credentials_schema: credentials_schema(),
        credentials_go_to: &["send"],
        can_be_paced: true,
        source_schema: Some(json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "eventTypes": {
                    "type": "array", "minItems": 1, "maxItems": 100, "uniqueItems": true,
                    "items": {"type": "string", "minLength": 1, "maxLength": 200},
                    "description": "Only events of these types; `order.*` is all that begin so. All when absent.",
                },
                "recordPointer": {
                    "type": "string", "maxLength": 500, "pattern": "^(/.*)?$", "default": "",
                    "description": "JSON Pointer to the record in the body, or to a list of records; empty when it is the body.",
                },
                "eventField": {
                    "type": "string", "minLength": 1, "maxLength": 200,
                    "description": "A field that each record gets, with `id`, `type` and `receivedAt` of its event.",
                },
            },
        })),
        destination_schema: Some(json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "type": {
                    "type": "string", "maxLength": 200, "pattern": event_type, "default": "record.upserted",
                    "description": "Of the event that carries a record.",
                },
                "removedType": {
                    "type": "string", "maxLength": 200, "pattern": event_type,
                    "description": "Of the event that says that a record is gone from the source; its `data` has the key fields, a single one as a text. None is sent when absent.",
                },
            },
        })),
        guide: guide(),
    }
}

fn guide() -> Guide {
    Guide {
        example: Example {
            config: json!({"receive": {"verification": {"kind": "standardWebhooks"}}}),
            credentials: json!({"secrets": ["whsec_MfKQ9r8G…"]}),
            source: Some(json!({"eventTypes": ["order.*"], "recordPointer": "/data"})),
            destination: Some(json!({"type": "order.changed", "removedType": "order.removed"})),
        },
        notes: &[
            "A system receives or sends, by its config. One that receives has a URL, `{ system { webhook { url } } }`; whoever has it can send nothing without a secret.",
            "What was answered with 2xx is stored, and a run that reads it is queued with it. A sender that hears 429 or 5xx should send again; 401 says what is wrong with a signature.",
            "What comes again with the same id is answered in the same way, and not taken again, for 3 days; so long events are kept also when they are read. Until they are read they are kept in any case.",
            "Streams are INCREMENTAL, without a cursor field. A new integration begins with what is kept; a cursor can be set to the number of an event, or to a time.",
            "A run reads what was there when it began. What comes meanwhile is the next one's; several records of one key in a run are one, the latest.",
            "A body that is not JSON, or has nothing at `recordPointer`, is a failure of its own.",
            "What is sent has `webhook-id`, `webhook-timestamp` and `webhook-signature`, and `{type, timestamp, data}` as its body. The id is the same when the same record is sent again; with `removedType`, where what was removed may come again, within one run only for a record that never arrived.",
            "2xx has arrived. 408, 425, 429 and 5xx are tried again, `Retry-After` honoured; 401, 403, 404, 410 and redirects stop the run; another 4xx is a failure of that record. `testSystem` sends an event of type `trestle.test`.",
        ],
        limits: &[
            "1 MiB for a body that comes, 5 MiB if the config says so",
            "100,000 events or 1 GiB that wait to be read; then 429, until there is room",
            "200 requests a second at one URL and process, and 64 at once",
            "8 requests at once are sent, 5 attempts for a record; `Retry-After` up to 30 s",
        ],
        failures: &[
            Failure { code: "unauthorized", when: "401 or 403, or the credentials have no secrets" },
            Failure { code: "destination.not_found", when: "404, or 410: the receiver wants no more" },
            Failure {
                code: "misconfigured",
                when: "the config has the other direction, a secret is not base64, a redirect, or a certificate that is not valid",
            },
            Failure { code: "forbidden", when: "the URL is at an address that integrations may not reach" },
            Failure { code: "rate_limited", when: "429" },
            Failure { code: "unavailable", when: "5xx, or no connection" },
            Failure { code: "timeout", when: "408, or no whole reply within `timeoutMs`" },
            Failure {
                code: "source.malformed",
                when: "an event has no record that can be read, and the others arrive",
            },
            Failure {
                code: "destination.rejected",
                when: "another 4xx for one record; fields that the reply names are named",
            },
            Failure { code: "destination.conflict", when: "409 for one record" },
        ],
    }
}
