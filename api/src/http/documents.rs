//! Documents that a request names in place of sending them: those that the operator trusts, from a manifest, and those
//! that clients registered themselves (automatic persisted queries). Where only trusted documents are answered, nothing
//! else is even parsed. Not here: whether a document is within the limits (`limits.rs`), which is asked each time.
//!
//! Anybody may use a registered document who knows its hash, and only callers who are signed in register: the hash says
//! what the text is, so a document can't be put under another's name.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Variables;
use lru::LruCache;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::error::{ErrorCode, Refusal};
use super::limits::{self, Prices};
use super::shared::SharedStore;

/// Bytes of a document that is registered. Larger ones are answered, and sent again each time.
pub(super) const REGISTERED_BYTES_MAX: usize = 16 * 1024;
/// Registered documents in memory, 16 MiB at most; the least recently used go first. An application has a few hundred.
const REGISTERED_MAX: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");
/// Trusted documents of a manifest; applications of hundreds of people have some thousands.
const TRUSTED_MAX: usize = 20_000;
/// Before a hash in a `documentId`
/// (<https://github.com/graphql/graphql-over-http/blob/main/spec/Appendix%20A%20--%20Persisted%20Documents.md>).
const HASH_PREFIX: &str = "sha256:";
/// What clients know by this text that they must send the document with its hash.
const NOT_FOUND_MESSAGE: &str = "PersistedQueryNotFound";

/// What a request says about its document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DocumentRequest {
    /// The document itself.
    Text(String),
    /// `documentId`.
    Id(String),
    /// `extensions.persistedQuery`, with the document when it is to be registered.
    Hash {
        /// Of the document.
        hash: DocumentHash,
        /// The document.
        text: Option<String>,
    },
}

/// The SHA-256 of a document, in hexadecimal digits, lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct DocumentHash(String);

impl DocumentHash {
    /// 64 hexadecimal digits of either case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| Self(text.to_ascii_lowercase()))
    }

    fn of(text: &str) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digest = Sha256::digest(text.as_bytes());
        let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        Self(digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect())
    }
}

/// Documents that the operator trusts, by their ids.
#[derive(Clone, Default)]
pub struct TrustedDocuments {
    by_id: Arc<HashMap<String, Arc<str>>>,
    by_hash: Arc<HashMap<DocumentHash, Arc<str>>>,
}

impl fmt::Debug for TrustedDocuments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TrustedDocuments").field("count", &self.by_id.len()).finish_non_exhaustive()
    }
}

/// A manifest of trusted documents that can't be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ManifestError {
    /// Neither of the two formats.
    #[error(
        "is not a manifest: it must be JSON like {{\"<id>\": \"<document>\"}}, or Apollo's \
         {{\"format\": \"apollo-persisted-query-manifest\", \"version\": 1, \"operations\": [{{\"id\", \"body\"}}]}}"
    )]
    Format,
    /// More documents than there may be.
    #[error("has {0} documents; at most {TRUSTED_MAX} are taken")]
    TooMany(usize),
    /// A document that would never be answered.
    #[error("the document `{id}` can't be used: {problem}")]
    Document {
        /// Its id.
        id: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl TrustedDocuments {
    /// Reads a manifest: an object of documents by id, as `graphql-codegen` and Relay write it, or Apollo's.
    ///
    /// # Errors
    /// The text is no manifest, or a document is not GraphQL or beyond the limits.
    pub fn from_manifest(json: &str) -> Result<Self, ManifestError> {
        let Ok(Value::Object(manifest)) = serde_json::from_str(json) else {
            return Err(ManifestError::Format);
        };
        let documents: Option<Vec<(String, String)>> = if let Some(operations) = manifest.get("operations") {
            let is_apollo = manifest.get("format").and_then(Value::as_str)
                == Some("apollo-persisted-query-manifest")
                && manifest.get("version") == Some(&Value::from(1));
            let operations = operations.as_array().filter(|_| is_apollo);
            let entry = |operation: &Value| {
                let text = |name: &str| operation.get(name)?.as_str().map(str::to_owned);
                Some((text("id")?, text("body")?))
            };
            operations.and_then(|operations| operations.iter().map(entry).collect())
        } else {
            let entry = |(id, text): (String, Value)| match text {
                Value::String(text) => Some((id, text)),
                _ => None,
            };
            manifest.into_iter().map(entry).collect()
        };
        let documents = documents.ok_or(ManifestError::Format)?;
        if documents.len() > TRUSTED_MAX {
            return Err(ManifestError::TooMany(documents.len()));
        }
        let (mut by_id, mut by_hash) = (HashMap::new(), HashMap::new());
        for (id, text) in documents {
            if let Err(refusal) = limits::check(&text, None, &Variables::default(), Prices::default()) {
                return Err(ManifestError::Document { id, problem: refusal.message });
            }
            let text: Arc<str> = text.into();
            by_hash.insert(DocumentHash::of(&text), Arc::clone(&text));
            by_id.insert(id, text);
        }
        Ok(Self { by_id: Arc::new(by_id), by_hash: Arc::new(by_hash) })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// By the id of the manifest, or the document's own hash.
    fn get(&self, id: &str) -> Option<&Arc<str>> {
        let by_hash = || self.by_hash.get(&DocumentHash::parse(id.strip_prefix(HASH_PREFIX).unwrap_or(id))?);
        self.by_id.get(id).or_else(by_hash)
    }
}

/// Which documents are answered.
#[derive(Clone, Debug, Default)]
pub struct DocumentOptions {
    /// Documents that requests may name by their ids.
    pub trusted: TrustedDocuments,
    /// Answer these alone.
    pub only_trusted: bool,
}

impl DocumentOptions {
    /// Whether a document is answered that is not named by an id.
    pub(crate) fn answers(&self, text: &str) -> bool {
        !self.only_trusted || self.trusted.by_hash.contains_key(&DocumentHash::of(text))
    }
}

/// The documents that are known.
pub(super) struct Documents {
    options: DocumentOptions,
    registered: Mutex<LruCache<DocumentHash, Arc<str>>>,
    shared: Option<Arc<SharedStore>>,
}

/// A request's document.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) text: String,
    /// Register it under this hash once it is known to be within the limits.
    pub(super) register_as: Option<DocumentHash>,
}

impl Documents {
    pub(super) fn new(options: DocumentOptions, shared: Option<Arc<SharedStore>>) -> Self {
        Self { options, registered: Mutex::new(LruCache::new(REGISTERED_MAX)), shared }
    }

    /// The document that a request means.
    ///
    /// # Errors
    /// `PERSISTED_QUERY_NOT_FOUND`, `OPERATION_NOT_TRUSTED`, or `BAD_REQUEST` when hash and document do not fit.
    pub(super) async fn find(&self, request: DocumentRequest) -> Result<Found, Refusal> {
        if self.options.only_trusted {
            let trusted = match &request {
                DocumentRequest::Id(id) => self.options.trusted.get(id),
                DocumentRequest::Hash { hash, text } => {
                    let is_it = |trusted: &&Arc<str>| text.as_ref().is_none_or(|text| **text == ***trusted);
                    self.options.trusted.get(&hash.0).filter(is_it)
                }
                // Clients that can't send ids may send what is trusted.
                DocumentRequest::Text(text) => self.options.trusted.by_hash.get(&DocumentHash::of(text)),
            };
            return trusted.map(known).ok_or_else(|| {
                let message =
                    "This server answers trusted documents only: send the id of one as \"documentId\".";
                Refusal::new(ErrorCode::OperationNotTrusted, message)
            });
        }
        match request {
            DocumentRequest::Text(text) => Ok(Found { text, register_as: None }),
            DocumentRequest::Id(id) => {
                if let Some(text) = self.options.trusted.get(&id) {
                    return Ok(known(text));
                }
                let hash = id.strip_prefix(HASH_PREFIX).and_then(DocumentHash::parse);
                match hash {
                    Some(hash) => self.registered(&hash).await.ok_or_else(not_found),
                    None => Err(not_found()),
                }
            }
            DocumentRequest::Hash { hash, text: None } => match self.options.trusted.get(&hash.0) {
                Some(text) => Ok(known(text)),
                None => self.registered(&hash).await.ok_or_else(not_found),
            },
            DocumentRequest::Hash { hash, text: Some(text) } => {
                if DocumentHash::of(&text) != hash {
                    let message = "The \"sha256Hash\" is not that of the document in \"query\".";
                    return Err(Refusal::new(ErrorCode::BadRequest, message));
                }
                Ok(Found { text, register_as: Some(hash) })
            }
        }
    }

    async fn registered(&self, hash: &DocumentHash) -> Option<Found> {
        if let Some(text) = self.in_memory().get(hash) {
            return Some(known(text));
        }
        let text: Arc<str> = self.shared.as_ref()?.document(&hash.0).await?.into();
        // Others write to Redis, too.
        if DocumentHash::of(&text) != *hash {
            tracing::warn!("a document in Redis is not what its hash says; it is not used");
            return None;
        }
        self.in_memory().put(hash.clone(), Arc::clone(&text));
        Some(known(&text))
    }

    /// Keeps a document that is within the limits, unless it is large.
    pub(super) async fn register(&self, hash: DocumentHash, text: &str) {
        if text.len() > REGISTERED_BYTES_MAX || self.in_memory().get(&hash).is_some() {
            return;
        }
        if let Some(shared) = &self.shared {
            shared.register(&hash.0, text).await;
        }
        self.in_memory().put(hash, text.into());
    }

    fn in_memory(&self) -> std::sync::MutexGuard<'_, LruCache<DocumentHash, Arc<str>>> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn known(text: &Arc<str>) -> Found {
    Found { text: text.as_ref().to_owned(), register_as: None }
}

fn not_found() -> Refusal {
    Refusal::new(ErrorCode::PersistedQueryNotFound, NOT_FOUND_MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::{DocumentHash, DocumentOptions, DocumentRequest, Documents, ManifestError, TrustedDocuments};
    use crate::http::error::ErrorCode;

    #[test]
    fn a_hash_is_that_of_the_text() {
        let hash = DocumentHash::of("{__typename}");
        assert_eq!(hash.0, "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38");
        assert_eq!(DocumentHash::parse(&hash.0.to_uppercase()), Some(hash));
        assert!(DocumentHash::parse("ecf4").is_none() && DocumentHash::parse(&"é".repeat(32)).is_none());
    }

    #[test]
    fn manifests_of_both_formats_are_read_and_others_are_explained() {
        let simple =
            TrustedDocuments::from_manifest(r#"{"1": "{ a }", "2": "query Q { b }"}"#).expect("a manifest");
        assert_eq!(simple.len(), 2);
        let apollo = r#"{"format": "apollo-persisted-query-manifest", "version": 1,
            "operations": [{"id": "x", "name": "Q", "type": "query", "body": "query Q { b }"}]}"#;
        let apollo = TrustedDocuments::from_manifest(apollo).expect("a manifest");
        assert_eq!(apollo.get("x").map(AsRef::as_ref), Some("query Q { b }"));
        for wrong in ["", "[]", "{\"a\": 1}", "{\"operations\": []}", "{\"operations\": \"{ a }\"}"] {
            assert_eq!(TrustedDocuments::from_manifest(wrong).err(), Some(ManifestError::Format), "{wrong}");
        }
        let broken = TrustedDocuments::from_manifest(r#"{"good": "{ a }", "bad": "{ a"}"#)
            .err()
            .map(|it| it.to_string());
        assert!(
            broken.is_some_and(|words| words.starts_with("the document `bad` can't be used: Syntax error"))
        );
    }

    #[tokio::test]
    async fn registered_documents_are_bounded_and_found_by_hash() {
        let documents = Documents::new(DocumentOptions::default(), None);
        let find =
            |hash: &DocumentHash| documents.find(DocumentRequest::Hash { hash: hash.clone(), text: None });
        let first = DocumentHash::of("{ a }");
        assert_eq!(find(&first).await.expect_err("unknown").code, ErrorCode::PersistedQueryNotFound);
        documents.register(first.clone(), "{ a }").await;
        assert_eq!(find(&first).await.expect("known").text, "{ a }");
        let by_id = DocumentRequest::Id(format!("sha256:{}", first.0));
        assert_eq!(documents.find(by_id).await.expect("known").text, "{ a }");
        let large = format!("{{ a }} # {}", "x".repeat(super::REGISTERED_BYTES_MAX));
        documents.register(DocumentHash::of(&large), &large).await;
        assert!(find(&DocumentHash::of(&large)).await.is_err(), "too large to keep");
        for number in 0..super::REGISTERED_MAX.get() {
            let text = format!("{{ a{number} }}");
            documents.register(DocumentHash::of(&text), &text).await;
        }
        assert!(find(&first).await.is_err(), "the oldest went");
        let other = DocumentRequest::Hash { hash: first, text: Some("{ b }".to_owned()) };
        assert_eq!(documents.find(other).await.expect_err("another's hash").code, ErrorCode::BadRequest);
    }

    #[tokio::test]
    async fn where_only_trusted_documents_are_answered_nothing_else_is() {
        let trusted = TrustedDocuments::from_manifest(r#"{"1": "{ a }"}"#).expect("a manifest");
        let documents = Documents::new(DocumentOptions { trusted, only_trusted: true }, None);
        let text = |text: &str| DocumentRequest::Text(text.to_owned());
        assert_eq!(documents.find(DocumentRequest::Id("1".to_owned())).await.expect("trusted").text, "{ a }");
        assert_eq!(documents.find(text("{ a }")).await.expect("the same text").text, "{ a }");
        let hash = DocumentHash::of("{ b }");
        for refused in [
            text("{ b }"),
            text("{ a } "),
            DocumentRequest::Id("2".to_owned()),
            DocumentRequest::Hash { hash: hash.clone(), text: None },
            DocumentRequest::Hash { hash, text: Some("{ b }".to_owned()) },
        ] {
            assert_eq!(
                documents.find(refused).await.expect_err("not trusted").code,
                ErrorCode::OperationNotTrusted
            );
        }
        let hash = DocumentHash::of("{ a }");
        let with = |text: &str| DocumentRequest::Hash { hash: hash.clone(), text: Some(text.to_owned()) };
        assert_eq!(documents.find(with("{ a }")).await.expect("trusted").text, "{ a }");
        assert!(documents.find(with("{ b }")).await.is_err(), "another text under a trusted hash");
    }
}
