//! REST APIs: reads lists page by page, writes one request a record.
//! Deliberately absent: signing schemes of single vendors, and retries of reads, which the engine does.

pub(crate) mod client;
mod destination;
pub(crate) mod document;
#[cfg(test)]
mod oauth2_tests;
pub(crate) mod refusal;
pub(crate) mod sender;
mod source;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use serde_json::{Value, json};

use self::client::Client;
use self::destination::HttpDestination;
use self::source::HttpSource;
use crate::egress::Redirects;
use crate::{
    Connector, Cursor, Description, Destination, Division, Egress, Example, Failure, Guide, OAuth2,
    OpenDestination, OpenSource, Removal, Source, SystemAccess, SystemError, division, oauth2,
};

/// The `http` connector.
pub struct HttpConnector {
    egress: Egress,
    description: Description,
}

impl HttpConnector {
    /// A connector that reaches what `egress` permits.
    pub fn new(egress: Egress) -> Self {
        Self { egress, description: description() }
    }
}

#[async_trait]
impl Connector for HttpConnector {
    fn description(&self) -> &Description {
        &self.description
    }

    fn oauth2(&self, config: &Value) -> Result<Option<OAuth2>, SystemError> {
        OAuth2::of(config)
    }

    async fn test(&self, access: &SystemAccess) -> Result<String, SystemError> {
        let client = Client::open(&self.egress, access, Redirects::SameOrigin)?;
        let reply = client.send(client.get(client.base().clone()), client::PROBE_BYTES_MAX).await?;
        if matches!(reply.status.as_u16(), 401 | 403 | 429 | 500..=599) {
            return Err(client.status_error(&reply));
        }
        Ok(format!("Connected to the API (HTTP {}).", reply.status.as_u16()))
    }

    fn cursor_value(&self, watermark: &Cursor) -> Option<Value> {
        Some(watermark.clone())
    }

    async fn open_source(&self, open: OpenSource) -> Result<Box<dyn Source>, SystemError> {
        Ok(Box::new(HttpSource::open(&self.egress, open)?))
    }

    fn may_be_divided(&self, options: &Value) -> bool {
        options.get("slices").and_then(Value::as_u64).is_some_and(|slices| slices > 1)
    }

    async fn divide(&self, open: &OpenSource) -> Result<Option<Division>, SystemError> {
        HttpSource::divide(&self.egress, open).await
    }

    /// `DELETE` at the address of the record.
    fn can_remove(&self, options: &Value, removal: &Removal) -> bool {
        *removal == Removal::Delete && options.get("keyInPath") == Some(&Value::Bool(true))
    }

    fn takes_parts(&self, _options: &Value, may_repeat_keys: bool) -> bool {
        !may_repeat_keys
    }

    fn parts_may_repeat_keys(&self) -> bool {
        true
    }

    async fn open_destination(&self, open: OpenDestination) -> Result<Box<dyn Destination>, SystemError> {
        Ok(Box::new(HttpDestination::open(&self.egress, open)?))
    }
}

fn description() -> Description {
    let name = |description: &str| json!({"type": "string", "minLength": 1, "maxLength": 200, "description": description});
    let size = json!({"type": "integer", "minimum": 1, "maximum": 100_000, "description": "Records a page."});
    let path = json!({
        "type": "string", "maxLength": 2000,
        "description": "Below the base URL, e.g. `orders`. Must not leave it.",
    });
    Description {
        name: "http",
        title: "REST API",
        description: "Reads and writes JSON records through a REST API.",
        config_schema: json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["baseUrl"],
            "if": oauth2::is_chosen(),
            "then": {"required": ["oauth2"]},
            "properties": {
                "baseUrl": {
                    "type": "string", "maxLength": 2000, "pattern": "^[hH][tT][tT][pP][sS]?://",
                    "description": "Where the API lives, e.g. `https://api.example.com/v2`.",
                },
                "headers": client::headers_schema(),
                "auth": client::auth_schema(),
                "oauth2": oauth2::schema(),
                "rateLimitPerSecond": client::rate_limit_schema(),
                "timeoutMs": client::timeout_schema(),
            },
        }),
        credentials_schema: client::credentials_schema(),
        credentials_go_to: &["baseUrl", "oauth2"],
        can_be_paced: true,
        source_schema: Some(json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["path"],
            "properties": {
                "path": path,
                "recordsPath": {
                    "type": "string", "pattern": "^(/.*)?$", "default": "",
                    "description": "JSON Pointer to the list of records in the reply; empty when the reply is the list.",
                },
                "query": {
                    "type": "object",
                    "additionalProperties": {"type": ["string", "number", "boolean"]},
                    "description": "Parameters of each request.",
                },
                "cursorParam": name("INCREMENTAL: the parameter that takes the value to begin after."),
                "pagination": {
                    "description": "How the API cuts its lists. One request when absent.",
                    "oneOf": [
                        {
                            "type": "object", "additionalProperties": false, "required": ["kind"],
                            "properties": {
                                "kind": {"const": "page", "description": "Pages have numbers."},
                                "param": name("Parameter of the page number; `page`."),
                                "sizeParam": name("Parameter of the page size."), "size": size,
                                "start": {"type": "integer", "minimum": 0, "default": 1, "description": "Number of the first page."},
                                "pagesPath": {
                                    "type": "string", "pattern": "^/",
                                    "description": "JSON Pointer to how many pages there are, in each reply. With it the last page is known, and pages can be read in slices.",
                                },
                            },
                            "dependentRequired": {"sizeParam": ["size"]},
                        },
                        {
                            "type": "object", "additionalProperties": false,
                            "required": ["kind", "param", "sizeParam", "size"],
                            "properties": {
                                "kind": {"const": "offset", "description": "Pages begin after so many records."},
                                "param": name("Parameter of the offset."),
                                "sizeParam": name("Parameter of the page size."), "size": size,
                            },
                        },
                        {
                            "type": "object", "additionalProperties": false, "required": ["kind", "param", "nextPath"],
                            "properties": {
                                "kind": {"const": "cursor", "description": "Each reply says where the next begins."},
                                "param": name("Parameter of the cursor."),
                                "nextPath": {
                                    "type": "string", "pattern": "^/",
                                    "description": "JSON Pointer to the next cursor in the reply.",
                                },
                            },
                        },
                        {
                            "type": "object", "additionalProperties": false, "required": ["kind"],
                            "properties": {"kind": {"const": "link", "description": "The `next` link of RFC 8288."}},
                        },
                    ],
                },
                "slices": division::asked_schema(
                    "Into how many parts pages are divided that several workers read at once, in FULL mode with `pagesPath`.",
                ),
            },
        })),
        destination_schema: Some(json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["path"],
            "properties": {
                "path": path,
                "method": {"enum": ["POST", "PUT", "PATCH"], "default": "POST", "description": "Of the request that carries a record."},
                "keyInPath": {
                    "type": "boolean", "default": false,
                    "description": "Appends the record's key to the path, e.g. `orders/PO-10042`.",
                },
                "idempotencyHeader": {
                    "type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", "default": "Idempotency-Key",
                    "description": "Header with a key that stays the same when the same record is sent again; with `keyInPath`, where what was removed may come again, within one run only for a record that never arrived.",
                },
            },
        })),
        guide: guide(),
    }
}

fn guide() -> Guide {
    Guide {
        example: Example {
            config: json!({"baseUrl": "https://api.example.com/v2", "auth": "bearer", "rateLimitPerSecond": 5}),
            credentials: json!({"token": "…"}),
            source: Some(json!({
                "path": "orders", "recordsPath": "/data", "cursorParam": "updated_since",
                "pagination": {"kind": "cursor", "param": "cursor", "nextPath": "/meta/next"},
            })),
            destination: Some(json!({"path": "orders", "method": "PUT", "keyInPath": true})),
        },
        notes: &[
            "A list is read page by page. A page that comes again, or a link back, ends the run instead of going round for ever.",
            "One request a record is written, eight at once, each with a key that is the same when it is sent again.",
            "2xx has arrived. 408, 425, 429 and 5xx are tried again, `Retry-After` honoured; 401, 403 and redirects stop the run.",
            "What an API says goes to engineers only, without secrets.",
            "With `oauth2` a person connects the system by a connect link, or the client gets tokens itself. They are renewed ahead of their end, and once when the API answers 401; all workers share one.",
        ],
        limits: &[
            "32 MiB for a reply that is read",
            "1 MiB for the reply to a record, and 1,024 bytes for the id in it",
            "5 attempts for a record; `Retry-After` up to 30 s for a record, 5 min for a run",
            "5 redirects, on the same origin",
        ],
        failures: &[
            Failure {
                code: "unauthorized",
                when: "401 or 403, the credentials lack what `auth` needs, or nobody has connected the system (again)",
            },
            Failure { code: "not_found", when: "404 or 410 for the path" },
            Failure {
                code: "misconfigured",
                when: "another 4xx, a redirect to another address, a certificate that is not valid",
            },
            Failure { code: "forbidden", when: "the URL is at an address that integrations may not reach" },
            Failure { code: "rate_limited", when: "429" },
            Failure { code: "unavailable", when: "5xx, or no connection" },
            Failure { code: "timeout", when: "408, or no whole reply within `timeoutMs`" },
            Failure {
                code: "source.malformed",
                when: "the reply is not JSON, has no list at `recordsPath`, or its pages go in a circle; or one element is not an object, and the others arrive",
            },
            Failure {
                code: "destination.rejected",
                when: "another 4xx for one record; fields that the reply names are named",
            },
            Failure { code: "destination.conflict", when: "409 for one record" },
        ],
    }
}
