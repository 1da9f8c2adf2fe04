//! Reads a list by a query, page by page. Deliberately absent: retries (the engine opens the source again at the last
//! checkpoint).

use std::collections::{HashSet, VecDeque};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::{ask, connect, document as query_document, fault};
use crate::bounds::Bounds;
use crate::cursor::{compare_cursor_values, is_storable};
use crate::http::client::{Client, PAGE_BYTES_MAX, Reply};
use crate::http::document::{self, Document, malformed, point};
use crate::{
    Cursor, Egress, Item, OpenSource, Page, Source, SyncMode, SystemError, SystemErrorKind, options,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    query: String,
    #[serde(default)]
    variables: Map<String, Value>,
    records_path: String,
    cursor_variable: Option<String>,
    pagination: Option<Pagination>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Pagination {
    Relay {
        page_info_path: Option<String>,
        #[serde(default = "after")]
        cursor_variable: String,
        size_variable: Option<String>,
        size: Option<u64>,
    },
    None {},
}

fn after() -> String {
    "after".to_owned()
}

/// `pageInfo` of a connection. Both are there when the query asks for them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    #[serde(default)]
    end_cursor: Option<String>,
}

/// Which request comes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum At {
    First,
    After(String),
    End,
}

/// Where reading goes on. Stored as the page's checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    at: At,
    /// Number of the reply that comes next, from 1, for people.
    number: u64,
    /// Elements of that reply which were given already: a reply can be longer than a page.
    #[serde(default)]
    skip: usize,
    /// The greatest cursor value so far.
    #[serde(default)]
    watermark: Option<Value>,
}

/// An open list.
pub(super) struct GraphqlSource {
    client: Client,
    options: Options,
    cursor_field: Option<String>,
    since: Option<Value>,
    bounds: Bounds,
    page_records_max: usize,
    next: Position,
    /// The reply in hand, less what was given, and the position that reads it again.
    pending: VecDeque<(usize, Item)>,
    pending_from: Position,
    pending_bytes: u64,
    /// Cursors that were asked for, to notice an API that leads in a circle.
    seen: HashSet<u64>,
}

impl GraphqlSource {
    pub(super) fn open(egress: &Egress, open: OpenSource) -> Result<Self, SystemError> {
        let client = connect(egress, &open.access)?.classified(&open.stream.classified);
        let options: Options = options::decode("source options", &open.options)?;
        query_document::check(&options.query, &options.own_variables())?;
        let incremental = open.stream.mode == SyncMode::Incremental;
        let first = Position { at: At::First, number: 1, skip: 0, watermark: None };
        let next: Position = match open.resume.clone() {
            None => first,
            Some(checkpoint) => serde_json::from_value(checkpoint).map_err(|error| {
                SystemError::new(SystemErrorKind::Internal, format!("the checkpoint can't be read: {error}"))
            })?,
        };
        let mut seen = HashSet::new();
        if let At::After(cursor) = &next.at {
            seen.insert(xxh3_64(cursor.as_bytes()));
        }
        let since = open.since.clone().filter(|_| incremental);
        let bounds = if incremental { Bounds::of(&open, since.clone())? } else { Bounds::All };
        Ok(Self {
            client,
            options,
            cursor_field: open.stream.cursor_field.filter(|_| incremental),
            since,
            bounds,
            page_records_max: open.page_records_max.max(1),
            pending: VecDeque::new(),
            pending_from: next.clone(),
            pending_bytes: 0,
            next,
            seen,
        })
    }

    /// Asks for the next reply and puts its records into `pending`.
    async fn fetch(&mut self) -> Result<(), SystemError> {
        let position = self.next.clone();
        let request = json!({"query": self.options.query, "variables": self.variables(&position.at)});
        let reply = ask(&self.client, &request, PAGE_BYTES_MAX).await?;
        fault::check(&self.client, &reply)?;
        let document = Document::parse(&reply)?;
        let path = &self.options.records_path;
        let elements = document.at(path).and_then(document::elements).ok_or_else(|| {
            let hint = format!("the reply has no list at recordsPath `{path}`");
            malformed(&reply, format!("{path:?} is not an array in the reply"), hint)
        })?;
        let is_edges = path.ends_with("/edges");
        let at = self.following(&reply, &document)?;
        let mut pending = VecDeque::with_capacity(elements.len());
        let mut watermark = position.watermark.clone();
        for (index, element) in elements.into_iter().enumerate() {
            let record = if is_edges { point(element, "/node").unwrap_or(element) } else { element };
            let item = document::item(record.get(), document::position(position.number, index));
            if let Item::Record(record) = &item {
                let value = self.cursor_field.as_ref().and_then(|field| record.get(field));
                if self.cursor_field.is_some() && !self.bounds.take(value.unwrap_or(&Value::Null)) {
                    continue;
                }
                if let Some(value) = value.filter(|value| is_storable(value))
                    && self.since.as_ref().is_none_or(|since| compare_cursor_values(value, since).is_gt())
                    && watermark.as_ref().is_none_or(|max| compare_cursor_values(value, max).is_gt())
                {
                    watermark = Some(value.clone());
                }
            }
            if index >= position.skip {
                pending.push_back((index, item));
            }
        }
        self.pending = pending;
        self.pending_bytes = reply.body.len() as u64;
        self.next = Position { at, number: position.number + 1, skip: 0, watermark: watermark.clone() };
        self.pending_from = Position { watermark, ..position };
        Ok(())
    }

    /// The request after this reply.
    fn following(&mut self, reply: &Reply, document: &Document<'_>) -> Result<At, SystemError> {
        let Some(path) = self.options.page_info_path() else { return Ok(At::End) };
        let info = document
            .at(&path)
            .map(RawValue::get)
            .and_then(|text| serde_json::from_str::<PageInfo>(text).ok());
        let Some(info) = info else {
            let hint = format!(
                "the reply has no `pageInfo {{ hasNextPage endCursor }}` at `{path}`; the query must ask for it"
            );
            return Err(malformed(reply, format!("{path:?} is not a pageInfo"), hint));
        };
        if !info.has_next_page {
            return Ok(At::End);
        }
        let Some(cursor) = info.end_cursor.filter(|cursor| !cursor.is_empty() && !cursor.contains('\0'))
        else {
            let detail = "hasNextPage is true, and endCursor is not there".to_owned();
            let hint = "the API says that there are more pages, and not where they begin (`endCursor`)";
            return Err(malformed(reply, detail, hint));
        };
        if self.seen.insert(xxh3_64(cursor.as_bytes())) {
            return Ok(At::After(cursor));
        }
        let hint = "the API leads back to a page that was read already; check that the query uses its cursor variable";
        Err(malformed(reply, "the pagination goes in a circle".to_owned(), hint))
    }

    fn variables(&self, at: &At) -> Map<String, Value> {
        let mut variables = self.options.variables.clone();
        if let Some(name) = &self.options.cursor_variable {
            variables.insert(name.clone(), self.bounds.asked().unwrap_or(Value::Null));
        }
        if let Some(Pagination::Relay { cursor_variable, size_variable, size, .. }) = &self.options.pagination
        {
            if let (Some(name), Some(size)) = (size_variable, size) {
                variables.insert(name.clone(), Value::from(*size));
            }
            let cursor = if let At::After(cursor) = at { Value::from(cursor.as_str()) } else { Value::Null };
            variables.insert(cursor_variable.clone(), cursor);
        }
        variables
    }

    fn take_page(&mut self) -> Result<Page, SystemError> {
        let taken = self.pending.len().min(self.page_records_max);
        let rest = self.pending.split_off(taken);
        let items = std::mem::replace(&mut self.pending, rest);
        let position = match self.pending.front() {
            Some((index, _)) => Position { skip: *index, ..self.pending_from.clone() },
            None => self.next.clone(),
        };
        let checkpoint: Cursor = serde_json::to_value(position).map_err(|error| {
            SystemError::new(SystemErrorKind::Internal, format!("storing the checkpoint: {error}"))
        })?;
        let size_bytes = std::mem::take(&mut self.pending_bytes);
        Ok(Page { items: items.into_iter().map(|(_, item)| item).collect(), checkpoint, size_bytes })
    }
}

impl Options {
    /// The variables that we set, which the query must declare.
    fn own_variables(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.cursor_variable.as_deref().into_iter().collect();
        if let Some(Pagination::Relay { cursor_variable, size_variable, .. }) = &self.pagination {
            names.push(cursor_variable);
            names.extend(size_variable.as_deref());
        }
        names
    }

    /// Beside the list when it is not named; `None` when there are no pages.
    fn page_info_path(&self) -> Option<String> {
        match &self.pagination {
            None | Some(Pagination::None {}) => None,
            Some(Pagination::Relay { page_info_path: Some(path), .. }) => Some(path.clone()),
            Some(Pagination::Relay { .. }) => {
                let list = self.records_path.rfind('/').unwrap_or(0);
                Some(format!("{}/pageInfo", &self.records_path[..list]))
            }
        }
    }
}

#[async_trait]
impl Source for GraphqlSource {
    async fn next_page(&mut self) -> Result<Option<Page>, SystemError> {
        // A reply can be empty, or hold nothing new, between others.
        while self.pending.is_empty() {
            if self.next.at == At::End {
                return Ok(None);
            }
            self.fetch().await?;
        }
        self.take_page().map(Some)
    }

    fn watermark(&self) -> Option<Cursor> {
        self.cursor_field.as_ref()?;
        self.next.watermark.clone().or_else(|| self.since.clone())
    }
}
