//! REST APIs: reads lists page by page, writes one request a record.
//! Deliberately absent: signing schemes of single vendors, and retries of reads, which the engine does.

mod client;
mod destination;
pub(crate) mod document;
mod refusal;
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
    Connector, Cursor, Description, Destination, Egress, OpenDestination, OpenSource, Source, SystemAccess,
    SystemError,
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
            "properties": {
                "baseUrl": {
                    "type": "string", "maxLength": 2000, "pattern": "^[hH][tT][tT][pP][sS]?://",
                    "description": "Where the API lives, e.g. `https://api.example.com/v2`.",
                },
                "headers": {
                    "type": "object", "maxProperties": 50,
                    "additionalProperties": {"type": "string", "maxLength": 8000},
                    "description": "Sent with each request. Not for secrets: those belong into the credentials.",
                },
                "auth": {
                    "enum": ["none", "bearer", "basic", "header"], "default": "none",
                    "description": "How the credentials are sent.",
                },
                "rateLimitPerSecond": {
                    "type": "number", "exclusiveMinimum": 0, "maximum": 10_000,
                    "description": "Requests a second, at most. Unlimited when absent.",
                },
                "timeoutMs": {
                    "type": "integer", "minimum": 1, "maximum": client::TIMEOUT_MS_MAX, "default": 30_000,
                    "description": "How long a request with its reply may take, in milliseconds.",
                },
            },
        }),
        credentials_schema: json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "token": {"type": "string", "minLength": 1, "description": "For `bearer`."},
                "username": {"type": "string", "description": "For `basic`."},
                "password": {"type": "string", "description": "For `basic`."},
                "headerName": {"type": "string", "minLength": 1, "description": "For `header`, e.g. `X-Api-Key`."},
                "headerValue": {"type": "string", "minLength": 1, "description": "For `header`."},
            },
        }),
        credentials_go_to: &["baseUrl"],
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
                                "kind": {"const": "page"}, "param": name("Parameter of the page number; `page`."),
                                "sizeParam": name("Parameter of the page size."), "size": size,
                                "start": {"type": "integer", "minimum": 0, "default": 1, "description": "Number of the first page."},
                            },
                            "dependentRequired": {"sizeParam": ["size"]},
                        },
                        {
                            "type": "object", "additionalProperties": false,
                            "required": ["kind", "param", "sizeParam", "size"],
                            "properties": {
                                "kind": {"const": "offset"}, "param": name("Parameter of the offset."),
                                "sizeParam": name("Parameter of the page size."), "size": size,
                            },
                        },
                        {
                            "type": "object", "additionalProperties": false, "required": ["kind", "param", "nextPath"],
                            "properties": {
                                "kind": {"const": "cursor"}, "param": name("Parameter of the cursor."),
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
            },
        })),
        destination_schema: Some(json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["path"],
            "properties": {
                "path": path,
                "method": {"enum": ["POST", "PUT", "PATCH"], "default": "POST"},
                "keyInPath": {
                    "type": "boolean", "default": false,
                    "description": "Appends the record's key to the path, e.g. `orders/PO-10042`.",
                },
                "idempotencyHeader": {
                    "type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", "default": "Idempotency-Key",
                    "description": "Header with a key that stays the same when the same record is sent again.",
                },
            },
        })),
    }
}
