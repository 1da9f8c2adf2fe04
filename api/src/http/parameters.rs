//! The parameters of a GraphQL request, from a JSON body, a URL or a WebSocket message. Not their execution.

use async_graphql::Variables;
use serde_json::{Map, Value};

use super::documents::{DocumentHash, DocumentRequest};
use super::error::{ErrorCode, Refusal};
use super::limits::VARIABLES_DEPTH_MAX;
use super::strict_json::{Strict, key_twice};

/// Characters of a `documentId`: a hash with its prefix has 71, and tools that number documents have fewer.
const DOCUMENT_ID_LENGTH_MAX: usize = 200;

/// One GraphQL request as it was sent.
#[derive(Debug)]
pub(super) struct Parameters {
    pub(super) document: DocumentRequest,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Variables,
}

impl Parameters {
    /// From a request's body.
    ///
    /// # Errors
    /// A [`Refusal`] that says what is wrong with the body.
    pub(super) fn from_body(body: &[u8]) -> Result<Self, Refusal> {
        if body.is_empty() {
            return Err(bad_request(
                "The request has no body. Send JSON like {\"query\": \"{ viewer { role } }\"}.",
            ));
        }
        let value = serde_json::from_slice(body).map_err(|error| invalid_json("The body", &error))?;
        let Strict(value) = value;
        match value {
            Value::Object(map) => Self::from_map(map),
            Value::Array(_) => Err(bad_request("Batches are not supported: send one request at a time.")),
            _ => Err(bad_request("The body must be a JSON object with the key \"query\".")),
        }
    }

    /// From the query string of a `GET`.
    ///
    /// # Errors
    /// A [`Refusal`] that says which parameter is wrong.
    pub(super) fn from_url(pairs: Vec<(String, String)>) -> Result<Self, Refusal> {
        let mut map = Map::new();
        for (name, text) in pairs {
            let value = match name.as_str() {
                "variables" | "extensions" if text.is_empty() => Value::Null,
                "variables" | "extensions" => {
                    let value = serde_json::from_str(&text);
                    let Strict(value) =
                        value.map_err(|error| invalid_json(&format!("The parameter \"{name}\""), &error))?;
                    value
                }
                _ => Value::String(text),
            };
            if map.insert(name.clone(), value).is_some() {
                return Err(bad_request(format!("The parameter \"{}\" is given twice.", excerpt(&name))));
            }
        }
        Self::from_map(map)
    }

    /// From a JSON object.
    ///
    /// # Errors
    /// A [`Refusal`] that names the key that is missing, unknown or of the wrong type.
    pub(super) fn from_map(map: Map<String, Value>) -> Result<Self, Refusal> {
        let mut query = None;
        let mut document_id = None;
        let mut hash = None;
        let mut operation_name = None;
        let mut variables = Variables::default();
        for (key, value) in map {
            match (key.as_str(), value) {
                ("query", Value::String(text)) => query = Some(text),
                ("query", Value::Null) => {}
                ("query", _) => return Err(wrong_type("query", "a string")),
                ("documentId", Value::Null) => {}
                ("documentId", Value::String(id)) if !id.is_empty() && id.len() <= DOCUMENT_ID_LENGTH_MAX => {
                    document_id = Some(id);
                }
                ("documentId", _) => {
                    let expected = format!("a string of 1 to {DOCUMENT_ID_LENGTH_MAX} bytes");
                    return Err(wrong_type("documentId", &expected));
                }
                ("operationName", Value::Null) => {}
                // Some clients send the empty string where they mean "none".
                ("operationName", Value::String(name)) => {
                    operation_name = Some(name).filter(|name| !name.is_empty());
                }
                ("operationName", _) => return Err(wrong_type("operationName", "a string")),
                ("variables", Value::Null) => {}
                ("variables", value @ Value::Object(_)) => {
                    check_depth(&value)?;
                    variables = Variables::from_json(value);
                }
                ("variables", _) => return Err(wrong_type("variables", "an object")),
                ("extensions", Value::Null) => {}
                // Extensions that are not understood may be sent.
                ("extensions", Value::Object(mut extensions)) => {
                    hash = extensions.remove("persistedQuery").map(persisted_query).transpose()?;
                }
                ("extensions", _) => return Err(wrong_type("extensions", "an object")),
                (key, _) => {
                    return Err(bad_request(format!(
                        "The key \"{}\" is not known. A request has \"query\" or \"documentId\", \"operationName\", \
                         \"variables\" and \"extensions\".",
                        excerpt(key)
                    )));
                }
            }
        }
        let query = query.filter(|query| !query.trim().is_empty());
        let document = match (query, document_id, hash) {
            (Some(text), None, None) => DocumentRequest::Text(text),
            (text, None, Some(hash)) => DocumentRequest::Hash { hash, text },
            (None, Some(id), None) => DocumentRequest::Id(id),
            (None, None, None) => {
                return Err(bad_request("The key \"query\" is missing: it holds the GraphQL document."));
            }
            (_, Some(_), _) => {
                return Err(bad_request(
                    "A request with \"documentId\" has neither \"query\" nor \"persistedQuery\".",
                ));
            }
        };
        Ok(Self { document, operation_name, variables })
    }
}

/// The hash of `extensions.persistedQuery`, `{ "version": 1, "sha256Hash": "…" }`
/// (<https://www.apollographql.com/docs/apollo-server/performance/apq>).
fn persisted_query(value: Value) -> Result<DocumentHash, Refusal> {
    let version = value.get("version").and_then(Value::as_u64);
    if version != Some(1) {
        return Err(bad_request("Of \"persistedQuery\" only version 1 is known."));
    }
    value.get("sha256Hash").and_then(Value::as_str).and_then(DocumentHash::parse).ok_or_else(|| {
        bad_request(
            "The \"sha256Hash\" of \"persistedQuery\" must be the document's SHA-256, 64 hexadecimal digits.",
        )
    })
}

fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::BadRequest, message)
}

fn wrong_type(key: &str, expected: &str) -> Refusal {
    bad_request(format!("The key \"{key}\" must be {expected}."))
}

/// What is wrong with JSON, in words, with its place.
fn invalid_json(subject: &str, error: &serde_json::Error) -> Refusal {
    let (line, column) = (error.line(), error.column());
    bad_request(match error.classify() {
        serde_json::error::Category::Data if key_twice(error).is_some() => {
            let key = key_twice(error).unwrap_or_default();
            format!("{subject} has the key \"{}\" twice in one object.", excerpt(&key))
        }
        serde_json::error::Category::Eof => {
            format!("{subject} is not complete JSON: it ends at line {line}, column {column}.")
        }
        _ if error.to_string().starts_with("recursion limit exceeded") => {
            format!("{subject} is JSON that is nested too deep at line {line}, column {column}.")
        }
        _ => format!("{subject} is not valid JSON: see line {line}, column {column}."),
    })
}

/// The start of a text from outside, for a message.
fn excerpt(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(40).collect()
}

/// serde_json refuses more than 127 levels before this, so the recursion is bounded.
fn check_depth(value: &Value) -> Result<(), Refusal> {
    fn depth(value: &Value) -> u64 {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
            Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }
    let depth = depth(value);
    if depth > VARIABLES_DEPTH_MAX {
        return Err(Refusal::limit(
            "variablesDepth",
            VARIABLES_DEPTH_MAX,
            format!(
                "The variables are nested {depth} levels deep; at most {VARIABLES_DEPTH_MAX} are allowed."
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{DocumentRequest, Parameters};

    #[test]
    fn a_full_request_is_read() {
        let body = br#"{"query":"query A{a}","operationName":"A","variables":{"n":1},"extensions":{"x":1}}"#;
        let parameters = Parameters::from_body(body).unwrap();
        assert_eq!(parameters.document, DocumentRequest::Text("query A{a}".to_owned()));
        assert_eq!(parameters.operation_name.as_deref(), Some("A"));
        assert_eq!(parameters.variables.len(), 1);
    }

    #[test]
    fn every_fault_is_named_in_words() {
        for (body, part) in [
            ("", "no body"),
            ("{\"query\":", "not complete JSON"),
            ("query { a }", "not valid JSON"),
            ("[]", "Batches are not supported"),
            ("[{\"query\":\"{a}\"}]", "Batches are not supported"),
            ("1", "must be a JSON object"),
            ("{}", "\"query\" is missing"),
            ("{\"query\":\" \"}", "\"query\" is missing"),
            ("{\"query\":1}", "\"query\" must be a string"),
            ("{\"query\":\"{a}\",\"operationName\":[]}", "\"operationName\" must be a string"),
            ("{\"query\":\"{a}\",\"variables\":[]}", "\"variables\" must be an object"),
            ("{\"query\":\"{a}\",\"variables\":\"{}\"}", "\"variables\" must be an object"),
            ("{\"query\":\"{a}\",\"extensions\":7}", "\"extensions\" must be an object"),
            ("{\"query\":\"{a}\",\"mutation\":\"x\"}", "\"mutation\" is not known"),
            ("{\"query\":\"{a}\",\"query\":\"{b}\"}", "the key \"query\" twice"),
            ("{\"query\":\"{a}\",\"variables\":{\"v\":[{\"x\":1,\"x\":2}]}}", "the key \"x\" twice"),
            ("{\"query\":\"{a}\",\"documentId\":\"x\"}", "has neither \"query\" nor"),
            ("{\"documentId\":\"\"}", "\"documentId\" must be a string of 1 to 200 bytes"),
            ("{\"extensions\":{\"persistedQuery\":1}}", "only version 1"),
            ("{\"extensions\":{\"persistedQuery\":{\"version\":2}}}", "only version 1"),
            (
                "{\"extensions\":{\"persistedQuery\":{\"version\":1,\"sha256Hash\":\"ab\"}}}",
                "64 hexadecimal digits",
            ),
        ] {
            let refusal = Parameters::from_body(body.as_bytes()).unwrap_err();
            assert!(refusal.message.contains(part), "{body}: {}", refusal.message);
        }
        let bomb =
            format!("{{\"query\":\"{{a}}\",\"variables\":{{\"v\":{}{}}}}}", "[".repeat(100), "]".repeat(100));
        assert!(Parameters::from_body(bomb.as_bytes()).unwrap_err().message.contains("101 levels"));
        let bomb = format!("{{\"query\":\"{{a}}\",\"variables\":{{\"v\":{}", "[".repeat(200_000));
        assert!(Parameters::from_body(bomb.as_bytes()).unwrap_err().message.contains("nested too deep"));
        assert!(Parameters::from_body(&[b'{', b'"', 0xff, b'"']).is_err());
    }
}
