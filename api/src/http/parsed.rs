//! Documents as they are parsed, for those who ask the same again: portals send few documents, all day. What they may ask for
//! is measured each time (`limits.rs`), because that depends on variables.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::parser::types::ExecutableDocument;
use lru::LruCache;

use super::error::Refusal;
use super::limits;

/// Bytes of a document that is kept: larger ones are few, and made for one caller.
const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Bytes of all texts that are kept. Parsed they take some ten times as much; the least recently asked go first.
const TEXTS_BYTES_MAX: usize = 512 * 1024;

/// Parses, and remembers.
pub(super) struct ParsedDocuments {
    kept: Mutex<Kept>,
}

struct Kept {
    documents: LruCache<String, Arc<ExecutableDocument>>,
    bytes: usize,
}

impl Default for ParsedDocuments {
    fn default() -> Self {
        Self { kept: Mutex::new(Kept { documents: LruCache::unbounded(), bytes: 0 }) }
    }
}

impl ParsedDocuments {
    /// What a document says.
    ///
    /// # Errors
    /// As [`limits::parse`].
    pub(super) fn parse(&self, query: &str) -> Result<ExecutableDocument, Refusal> {
        let known = self.kept().documents.get(query).cloned();
        if let Some(document) = known {
            return Ok((*document).clone());
        }
        let document = limits::parse(query)?;
        if query.len() <= TEXT_BYTES_MAX {
            let kept = Arc::new(document.clone());
            self.kept().keep(query.to_owned(), kept);
        }
        Ok(document)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep(&mut self, text: String, document: Arc<ExecutableDocument>) {
        self.bytes += text.len();
        if let Some((before, _)) = self.documents.push(text, document) {
            self.bytes -= before.len();
        }
        while self.bytes > TEXTS_BYTES_MAX
            && let Some((oldest, _)) = self.documents.pop_lru()
        {
            self.bytes -= oldest.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ParsedDocuments, TEXT_BYTES_MAX, TEXTS_BYTES_MAX};

    fn known(documents: &ParsedDocuments, query: &str) -> bool {
        documents.kept().documents.contains(query)
    }

    #[test]
    fn what_is_kept_is_what_was_parsed_and_has_a_limit() {
        let documents = ParsedDocuments::default();
        let query = |number: usize| format!("{{ a{number}: viewer {{ {} }} }}", "role ".repeat(1_000));
        let first = documents.parse(&query(0)).expect("it is one");
        assert!(known(&documents, &query(0)));
        let again = documents.parse(&query(0)).expect("it is one");
        assert_eq!(format!("{first:?}"), format!("{again:?}"));
        assert_eq!(documents.kept().bytes, query(0).len(), "it is kept once");

        let count = TEXTS_BYTES_MAX / query(0).len() + 10;
        for number in 1..count {
            // Who is asked for stays.
            documents.parse(&query(0)).expect("it is one");
            documents.parse(&query(number)).expect("it is one");
        }
        let kept: usize = documents.kept().documents.iter().map(|(text, _)| text.len()).sum();
        assert_eq!(documents.kept().bytes, kept);
        assert!(kept <= TEXTS_BYTES_MAX);
        assert!(known(&documents, &query(0)) && known(&documents, &query(count - 1)));
        assert!(!known(&documents, &query(1)), "the first to be forgotten is who was asked for longest ago");
    }

    #[test]
    fn what_is_wrong_or_large_is_not_kept() {
        let documents = ParsedDocuments::default();
        assert!(documents.parse("{ a").is_err());
        assert!(documents.parse("{ a").is_err());
        let large = format!("{{ a }} #{}", "x".repeat(TEXT_BYTES_MAX));
        assert!(documents.parse(&large).is_ok());
        assert_eq!(documents.kept().documents.len(), 0);
    }
}
