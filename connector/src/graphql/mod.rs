//! GraphQL APIs: reads a list by a query, page by page in the way of Relay connections.
//! Deliberately absent: writing, which is a mutation of its own for each API; subscriptions; introspection.

mod document;
mod fault;
mod source;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use self::source::GraphqlSource;
use crate::egress::Redirects;
use crate::http::client::{self, Client, Reply, Settings};
use crate::http::document::{Document, malformed};
use crate::{
    Connector, Cursor, Description, Destination, Egress, Example, Failure, Guide, OAuth2, OpenDestination,
    OpenSource, Source, SystemAccess, SystemError, SystemErrorKind, oauth2, options,
};

/// The `graphql` connector.
pub struct GraphqlConnector {
    egress: Egress,
    description: Description,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    url: String,
    #[serde(flatten)]
    settings: Settings,
}

impl GraphqlConnector {
    /// A connector that reaches what `egress` permits.
    pub fn new(egress: Egress) -> Self {
        Self { egress, description: description() }
    }
}

#[async_trait]
impl Connector for GraphqlConnector {
    fn description(&self) -> &Description {
        &self.description
    }

    fn oauth2(&self, config: &Value) -> Result<Option<OAuth2>, SystemError> {
        OAuth2::of(config)
    }

    async fn test(&self, access: &SystemAccess) -> Result<String, SystemError> {
        let client = connect(&self.egress, access)?;
        let reply = ask(&client, &json!({"query": "{ __typename }"}), client::PROBE_BYTES_MAX).await?;
        fault::check(&client, &reply)?;
        let document = Document::parse(&reply)?;
        if document.at("/data/__typename").is_none() {
            let hint = "what is at the address does not answer as a GraphQL API does";
            return Err(malformed(&reply, "the reply has no `__typename`".to_owned(), hint));
        }
        Ok("Connected to the GraphQL API.".to_owned())
    }

    fn cursor_value(&self, watermark: &Cursor) -> Option<Value> {
        Some(watermark.clone())
    }

    async fn open_source(&self, open: OpenSource) -> Result<Box<dyn Source>, SystemError> {
        Ok(Box::new(GraphqlSource::open(&self.egress, open)?))
    }

    async fn open_destination(&self, _open: OpenDestination) -> Result<Box<dyn Destination>, SystemError> {
        Err(SystemError::new(SystemErrorKind::Misconfigured, "graphql has no destination")
            .with_hint("a GraphQL API can only be read from"))
    }
}

/// A redirected POST would arrive as a GET, so none is followed.
fn connect(egress: &Egress, access: &SystemAccess) -> Result<Client, SystemError> {
    let config: Config = options::decode("config", &access.config)?;
    Client::at(egress, access, &config.url, config.settings, Redirects::None)
}

/// Sends a request as GraphQL over HTTP has it (<https://graphql.github.io/graphql-over-http/draft/>).
async fn ask(client: &Client, request: &Value, bytes_max: usize) -> Result<Reply, SystemError> {
    let request = client
        .request(reqwest::Method::POST, client.base().clone())
        .header(reqwest::header::CONTENT_TYPE, "application/json")
        .header(reqwest::header::ACCEPT, "application/graphql-response+json, application/json;q=0.9")
        .body(request.to_string());
    let reply = client.send(request, bytes_max).await?;
    if reply.is_cut {
        let detail = format!("the reply is longer than {bytes_max} bytes");
        let hint = "a page of the reply is larger than 32 MiB; ask for smaller pages";
        return Err(malformed(&reply, detail, hint));
    }
    Ok(reply)
}

fn description() -> Description {
    let variable = |description: &str, default: Option<&str>| {
        let mut schema = json!({
            "type": "string", "pattern": "^[_A-Za-z][_0-9A-Za-z]*$", "maxLength": 100, "description": description,
        });
        if let Some(default) = default {
            schema["default"] = json!(default);
        }
        schema
    };
    Description {
        name: "graphql",
        title: "GraphQL API",
        description: "Reads lists of a GraphQL API, page by page where they are Relay connections.",
        config_schema: json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["url"],
            "if": oauth2::is_chosen(),
            "then": {"required": ["oauth2"]},
            "properties": {
                "url": {
                    "type": "string", "maxLength": 2000, "pattern": "^[hH][tT][tT][pP][sS]?://",
                    "description": "The endpoint, e.g. `https://api.example.com/graphql`.",
                },
                "headers": client::headers_schema(),
                "auth": client::auth_schema(),
                "oauth2": oauth2::schema(),
                "rateLimitPerSecond": client::rate_limit_schema(),
                "timeoutMs": client::timeout_schema(),
            },
        }),
        credentials_schema: client::credentials_schema(),
        credentials_go_to: &["url", "oauth2"],
        can_be_paced: true,
        source_schema: Some(json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["query", "recordsPath"],
            "properties": {
                "query": {
                    "type": "string", "minLength": 1, "maxLength": document::CHARS_MAX,
                    "description": "A document with one query operation, and fragments if it has them.",
                },
                "variables": {
                    "type": "object", "maxProperties": 100,
                    "description": "Of each request, by name without `$`.",
                },
                "recordsPath": {
                    "type": "string", "pattern": "^/", "maxLength": 1000,
                    "description": "JSON Pointer in the reply to the list of records, e.g. `/data/orders/nodes`. Of a list that ends in `/edges` each edge's `node` is the record.",
                },
                "cursorVariable": variable("INCREMENTAL: the variable that takes the value to begin after; null at first.", None),
                "pagination": {
                    "description": "How the API cuts its lists. One request when absent.",
                    "oneOf": [
                        {
                            "type": "object", "additionalProperties": false, "required": ["kind"],
                            "properties": {
                                "kind": {"const": "relay", "description": "Connections with `pageInfo { hasNextPage endCursor }` (https://relay.dev/graphql/connections.htm)."},
                                "pageInfoPath": {
                                    "type": "string", "pattern": "^/", "maxLength": 1000,
                                    "description": "JSON Pointer to the `pageInfo`; beside the list when absent.",
                                },
                                "cursorVariable": variable("The variable that takes the cursor.", Some("after")),
                                "sizeVariable": variable("The variable that takes the page size.", None),
                                "size": {"type": "integer", "minimum": 1, "maximum": 100_000, "description": "Records a page."},
                            },
                            "dependentRequired": {"sizeVariable": ["size"], "size": ["sizeVariable"]},
                        },
                        {
                            "type": "object", "additionalProperties": false, "required": ["kind"],
                            "properties": {"kind": {"const": "none", "description": "Everything comes by one request."}},
                        },
                    ],
                },
            },
        })),
        destination_schema: None,
        guide: guide(),
    }
}

fn guide() -> Guide {
    Guide {
        example: Example {
            config: json!({"url": "https://shop.example.com/graphql", "auth": "header"}),
            credentials: json!({"headerName": "X-Access-Token", "headerValue": "…"}),
            source: Some(json!({
                "query": "query Orders($after: String, $first: Int!, $since: DateTime) {\n  orders(after: $after, first: $first, updatedAfter: $since) {\n    nodes { id number updatedAt }\n    pageInfo { hasNextPage endCursor }\n  }\n}",
                "recordsPath": "/data/orders/nodes",
                "cursorVariable": "since",
                "pagination": {"kind": "relay", "sizeVariable": "first", "size": 100},
            })),
            ..Example::default()
        },
        notes: &[
            "**`errors` are errors**, also beside data and with status 200: a page that has any is not taken, not even in part, and what was stored before it stays. A null in the place of a record is one failure, and the others arrive.",
            "The code of an error (`extensions.code`, or `type` as GitHub has it) decides what it means; one without a known code is `source.malformed` when it is about a field, and `source.misconfigured` when it is about the request.",
            "`Retry-After` is honoured, and so is Shopify's `extensions.cost.throttleStatus`: the wait is until the query's cost is restored.",
            "`hasNextPage` without an `endCursor`, or with one that came before, ends the run instead of going round for ever.",
            "With `oauth2` a person connects the system by a connect link, or the client gets tokens itself. They are renewed ahead of their end, and once when the API answers 401; all workers share one.",
            "Only queries are sent; the document is checked before, with the variables that it declares.",
            "In INCREMENTAL what is not newer than the last run's value is left out, also when the API sends it again.",
        ],
        limits: &[
            "32 MiB for a reply",
            "100,000 characters and 64 levels for the document",
            "`Retry-After` and restored costs up to 5 min",
        ],
        failures: &[
            Failure {
                code: "unauthorized",
                when: "401 or 403, a code like `UNAUTHENTICATED`, `FORBIDDEN`, `ACCESS_DENIED`, the credentials lack what `auth` needs, or nobody has connected the system (again)",
            },
            Failure { code: "not_found", when: "404 or 410 for the endpoint, or the code `NOT_FOUND`" },
            Failure {
                code: "misconfigured",
                when: "the document is not one query, a variable is not declared, the API refuses the query, it costs more than the API allows, a redirect, a certificate that is not valid",
            },
            Failure { code: "forbidden", when: "the URL is at an address that integrations may not reach" },
            Failure { code: "rate_limited", when: "429, or a code like `THROTTLED`, `RATE_LIMITED`" },
            Failure {
                code: "unavailable",
                when: "5xx, no connection, or a code like `INTERNAL_SERVER_ERROR`, `SERVICE_UNAVAILABLE`",
            },
            Failure {
                code: "timeout",
                when: "408, a code like `TIMEOUT`, or no whole reply within `timeoutMs`",
            },
            Failure {
                code: "malformed",
                when: "the reply is not JSON, has no list at `recordsPath` or no `pageInfo`, its pages go in a circle, or has errors without a known code; or one element is not an object, and the others arrive",
            },
        ],
    }
}
