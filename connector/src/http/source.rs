//! Reads a list from an API, page by page, in four kinds of pagination.
//! Deliberately absent: retries (the engine opens the source again at the last checkpoint).

use std::collections::{HashSet, VecDeque};

use async_trait::async_trait;
use reqwest::Url;
use reqwest::header::LINK;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64;

use super::client::{Client, PAGE_BYTES_MAX, Reply, misconfigured, query_keys};
use super::document::{self, Document, malformed};
use crate::bounds::Bounds;
use crate::cursor::{compare_cursor_values, is_storable};
use crate::egress::Redirects;
use crate::{
    Cursor, Division, Egress, Item, OpenSource, Page, Part, Source, SyncMode, SystemError, SystemErrorKind,
    exact_json, options,
};

/// Pages without a record that are passed, where the list says that there are more.
const EMPTY_PAGES_MAX: u32 = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    path: String,
    #[serde(default)]
    records_path: String,
    #[serde(default)]
    query: Map<String, Value>,
    cursor_param: Option<String>,
    pagination: Option<Pagination>,
    #[serde(default = "one")]
    slices: usize,
}

fn one() -> usize {
    1
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Pagination {
    Page {
        #[serde(default = "default_page_param")]
        param: String,
        size_param: Option<String>,
        size: Option<u64>,
        #[serde(default = "default_start")]
        start: u64,
        pages_path: Option<String>,
    },
    Offset {
        param: String,
        size_param: String,
        size: u64,
    },
    Cursor {
        param: String,
        next_path: String,
    },
    Link {},
}

fn default_page_param() -> String {
    "page".to_owned()
}

fn default_start() -> u64 {
    1
}

/// Which request comes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum At {
    First,
    Page(u64),
    Offset(u64),
    Cursor(String),
    Link(String),
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
    /// Records of a full reply, where the API gives fewer than asked for.
    #[serde(default)]
    full: Option<u64>,
    /// The greatest cursor value so far.
    #[serde(default)]
    watermark: Option<Value>,
}

/// Pages by their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PageRange {
    /// The pagination that they are counted by.
    pagination: Value,
    /// The first one.
    from_page: u64,
    /// The one behind the last; `None` goes on to the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    until_page: Option<u64>,
}

impl PageRange {
    /// A stored one.
    ///
    /// # Errors
    /// `Misconfigured` when pages are counted otherwise by now.
    fn read(part: Part, pagination: Option<&Value>) -> Result<Self, SystemError> {
        let range: Self = serde_json::from_value(part).map_err(|error| {
            SystemError::new(SystemErrorKind::Internal, format!("the part of a list can't be read: {error}"))
        })?;
        if pagination == Some(&range.pagination) {
            return Ok(range);
        }
        let detail = "the part was planned with another pagination";
        Err(SystemError::new(SystemErrorKind::Misconfigured, detail)
            .with_hint("the pagination of the stream was changed; cancel the run and start it anew"))
    }

    /// Cuts so many pages into ranges of about as many each, the last of which is open: one that comes later is in it.
    fn cut(pagination: &Value, start: u64, pages: u64, count: usize) -> Vec<Self> {
        let count = (count as u64).clamp(1, pages.max(1));
        let bound = |place: u64| start + pages / count * place + pages % count * place / count;
        let until = |place: u64| (place < count).then(|| bound(place));
        let range = |place| Self {
            pagination: pagination.clone(),
            from_page: bound(place),
            until_page: until(place + 1),
        };
        (0..count).map(range).collect()
    }
}

/// An open list.
pub(super) struct HttpSource {
    client: Client,
    options: Options,
    url: Url,
    cursor_field: Option<String>,
    since: Option<Value>,
    bounds: Bounds,
    /// The pages that are read, where others read the rest.
    part: Option<PageRange>,
    page_records_max: usize,
    next: Position,
    /// The reply in hand, less what was given, and the position that reads it again.
    pending: VecDeque<(usize, Item)>,
    pending_from: Position,
    pending_bytes: u64,
    /// Of the last reply's records, to notice an API that gives the same page for ever.
    last_hash: Option<u64>,
    seen: HashSet<u64>,
    /// True after a first page that was shorter than asked for: either all there is, or the API's own limit.
    probing: bool,
    /// Pages without a record, one after the other.
    empty_pages: u32,
}

impl HttpSource {
    pub(super) fn open(egress: &Egress, open: OpenSource) -> Result<Self, SystemError> {
        let client =
            Client::open(egress, &open.access, Redirects::SameOrigin)?.classified(&open.stream.classified);
        let options: Options = options::decode("source options", &open.options)?;
        if !(options.records_path.is_empty() || options.records_path.starts_with('/')) {
            return Err(misconfigured("recordsPath is not a JSON Pointer")
                .with_hint("recordsPath must be empty or begin with /, e.g. `/data`"));
        }
        let part = match open.part.clone() {
            None => None,
            Some(part) => Some(PageRange::read(part, open.options.get("pagination"))?),
        };
        let url = client.join(&options.path)?;
        let client = client.hiding(query_keys(&url, &options.query));
        let incremental = open.stream.mode == SyncMode::Incremental;
        let at = match (&part, &options.pagination) {
            (Some(part), Some(Pagination::Page { start, .. })) if part.from_page > *start => {
                (At::Page(part.from_page), part.from_page - start + 1)
            }
            _ => (At::First, 1),
        };
        let first = Position { at: at.0, number: at.1, skip: 0, full: None, watermark: None };
        let next = match open.resume.clone() {
            None => first,
            Some(checkpoint) => serde_json::from_value(checkpoint).map_err(|error| {
                SystemError::new(SystemErrorKind::Internal, format!("the checkpoint can't be read: {error}"))
            })?,
        };
        let since = open.since.clone().filter(|_| incremental);
        let bounds = if incremental { Bounds::of(&open, since.clone())? } else { Bounds::All };
        Ok(Self {
            client,
            options,
            url,
            cursor_field: open.stream.cursor_field.filter(|_| incremental),
            since,
            bounds,
            part,
            page_records_max: open.page_records_max.max(1),
            pending: VecDeque::new(),
            pending_from: next.clone(),
            pending_bytes: 0,
            next,
            last_hash: None,
            seen: HashSet::new(),
            probing: false,
            empty_pages: 0,
        })
    }

    /// The parts of a list whose pages have numbers and which says how many there are; `None` where it is not to be
    /// divided.
    pub(super) async fn divide(egress: &Egress, open: &OpenSource) -> Result<Option<Division>, SystemError> {
        // What comes meanwhile, and where the next run begins, is known to one worker.
        if open.stream.mode == SyncMode::Incremental {
            return Ok(None);
        }
        let source = Self::open(egress, open.clone())?;
        let (Some(Pagination::Page { start, pages_path: Some(pages_path), .. }), 2..) =
            (&source.options.pagination, source.options.slices)
        else {
            return Ok(None);
        };
        let reply = source.ask(&At::First).await?;
        if !reply.status.is_success() {
            return Err(source.client.status_error(&reply));
        }
        let pages = page_count(pages_path, &reply, &Document::parse(&reply)?)?;
        let pagination = open.options.get("pagination").unwrap_or(&Value::Null);
        Division::of(&PageRange::cut(pagination, *start, pages, source.options.slices), None::<Cursor>)
    }

    async fn ask(&self, at: &At) -> Result<Reply, SystemError> {
        let url = self.request_url(at)?;
        let reply = self.client.send(self.client.get(url), PAGE_BYTES_MAX).await?;
        if reply.is_cut {
            let detail = format!("the reply is longer than {PAGE_BYTES_MAX} bytes");
            let hint = "a page of the reply is larger than 32 MiB; ask for smaller pages";
            return Err(malformed(&reply, detail, hint));
        }
        Ok(reply)
    }

    /// Asks for the next reply and puts its records into `pending`. False at the end.
    async fn fetch(&mut self) -> Result<bool, SystemError> {
        let position = self.next.clone();
        let reply = self.ask(&position.at).await?;
        // Some APIs answer 404 after their last page (Django REST framework: "Invalid page.").
        let after_last = position.number > 1 && matches!(position.at, At::Page(_)) && reply.status == 404;
        if after_last || reply.status == 204 {
            return match self.is_after_last(&position).await? {
                true => Ok(self.end()),
                false => Err(self.client.status_error(&reply)),
            };
        }
        if !reply.status.is_success() {
            return Err(self.client.status_error(&reply));
        }
        let document = Document::parse(&reply)?;
        let records = document.at(&self.options.records_path).ok_or_else(|| {
            malformed(
                &reply,
                format!("{:?} is not in the reply", self.options.records_path),
                format!("the reply has nothing at recordsPath `{}`", self.options.records_path),
            )
        })?;
        let elements = document::elements(records).ok_or_else(|| {
            let hint = if self.options.records_path.is_empty() {
                "the reply is not a list of records; recordsPath must say where the list is".to_owned()
            } else {
                format!("what the reply has at recordsPath `{}` is not a list", self.options.records_path)
            };
            malformed(&reply, format!("{:?} is not an array", self.options.records_path), hint)
        })?;

        let hash = xxh3_64(records.get().as_bytes());
        let repeated = !elements.is_empty() && self.last_hash == Some(hash);
        if repeated && self.probing {
            // It does not know the page parameter: what came first was everything.
            return Ok(self.end());
        }
        if repeated {
            let detail = format!("reply {} is the same as the one before", position.number);
            return Err(malformed(
                &reply,
                detail,
                "the API gives the same page again and again; check the pagination",
            ));
        }
        self.last_hash = Some(hash);
        let count = elements.len() as u64;
        self.empty_pages = if count == 0 { self.empty_pages + 1 } else { 0 };
        if self.empty_pages > EMPTY_PAGES_MAX {
            let detail = format!("{EMPTY_PAGES_MAX} pages in a row have no record");
            let hint = "page after page of the list is empty; check that pagesPath is the number of pages, and not of records";
            return Err(malformed(&reply, detail, hint));
        }
        let at = self.following(&position, count, &reply, &document)?;

        let mut pending = VecDeque::with_capacity(elements.len());
        let mut watermark = position.watermark.clone();
        for (index, element) in elements.into_iter().enumerate() {
            let item = document::item(element.get(), document::position(position.number, index));
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
        let full = self.next.full;
        self.next = Position { at, number: position.number + 1, skip: 0, full, watermark: watermark.clone() };
        self.pending_from = Position { full, watermark, ..position };
        Ok(count > 0)
    }

    /// Whether a page that is not there is one after the last. Where the list tells how many there are, its first page is
    /// asked: what is missing in between is not the end.
    async fn is_after_last(&self, position: &Position) -> Result<bool, SystemError> {
        let (Some(Pagination::Page { start, pages_path: Some(pages_path), .. }), At::Page(page)) =
            (&self.options.pagination, &position.at)
        else {
            return Ok(true);
        };
        let reply = self.ask(&At::First).await?;
        if !reply.status.is_success() {
            return Err(self.client.status_error(&reply));
        }
        Ok(*page >= start.saturating_add(page_count(pages_path, &reply, &Document::parse(&reply)?)?))
    }

    /// The request after the reply at `position`.
    fn following(
        &mut self,
        position: &Position,
        count: u64,
        reply: &Reply,
        document: &Document<'_>,
    ) -> Result<At, SystemError> {
        let size = match &self.options.pagination {
            Some(Pagination::Page { size, pages_path: None, .. }) => *size,
            Some(Pagination::Offset { size, .. }) => Some(*size),
            _ => None,
        };
        let is_last = count == 0 || self.is_short(position, count, size);
        match &self.options.pagination {
            None => Ok(At::End),
            Some(Pagination::Page { start, pages_path: Some(pages_path), .. }) => {
                let page = if let At::Page(page) = position.at { page } else { *start };
                let until = self.part.as_ref().and_then(|part| part.until_page);
                let end = page_count(pages_path, reply, document)?.saturating_add(*start);
                // An empty one in between is none less: the API may leave out what it does not show.
                let is_last = page + 1 >= until.unwrap_or(u64::MAX).min(end);
                Ok(if is_last { At::End } else { At::Page(page + 1) })
            }
            Some(Pagination::Page { .. } | Pagination::Offset { .. }) if is_last => Ok(At::End),
            Some(Pagination::Page { start, .. }) => Ok(match position.at {
                At::Page(page) => At::Page(page + 1),
                _ => At::Page(start + 1),
            }),
            Some(Pagination::Offset { .. }) => Ok(match position.at {
                At::Offset(offset) => At::Offset(offset + count),
                _ => At::Offset(count),
            }),
            Some(Pagination::Cursor { next_path, .. }) => {
                let text = document.at(next_path).map_or("null", |raw| raw.get());
                let next = match exact_json::parse(text) {
                    Ok(Value::Null | Value::Bool(false)) => return Ok(At::End),
                    Ok(Value::String(next)) if next.is_empty() => return Ok(At::End),
                    Ok(Value::String(next)) if !next.contains('\0') => next,
                    Ok(Value::Number(next)) => next.to_string(),
                    _ => {
                        let detail = format!("{next_path} is neither text nor a number");
                        let hint = format!("what the reply has at nextPath `{next_path}` is not a cursor");
                        return Err(malformed(reply, detail, hint));
                    }
                };
                self.first_time(&next, reply)?;
                Ok(At::Cursor(next))
            }
            Some(Pagination::Link {}) => {
                let Some(target) = next_link(reply) else { return Ok(At::End) };
                let next = reply.url.join(&target).map_err(|error| {
                    malformed(
                        reply,
                        format!("the next link is not a URL: {error}"),
                        "the link to the next page is not valid",
                    )
                })?;
                if next.origin() != self.url.origin() {
                    let detail = format!("the next link leads to {}", next.origin().ascii_serialization());
                    return Err(malformed(
                        reply,
                        detail,
                        "the link to the next page leads to another system",
                    ));
                }
                self.first_time(next.as_str(), reply)?;
                Ok(At::Link(next.into()))
            }
        }
    }

    /// True when a reply with fewer records than asked for is the last one. A short *first* reply is
    /// not believed: many APIs have a limit of their own below what is asked for.
    fn is_short(&mut self, position: &Position, count: u64, size: Option<u64>) -> bool {
        let Some(size) = size else { return false };
        let is_short = count < position.full.unwrap_or(size);
        self.probing = is_short && position.number == 1 && count > 0;
        if self.probing {
            self.next.full = Some(count);
        }
        is_short && !self.probing
    }

    fn first_time(&mut self, next: &str, reply: &Reply) -> Result<(), SystemError> {
        if self.seen.insert(xxh3_64(next.as_bytes())) {
            return Ok(());
        }
        let hint = "the API leads back to a page that was read already; check the pagination";
        Err(malformed(reply, "the pagination goes in a circle".to_owned(), hint))
    }

    fn end(&mut self) -> bool {
        self.next.at = At::End;
        self.pending.clear();
        false
    }

    fn request_url(&self, at: &At) -> Result<Url, SystemError> {
        let mut url = self.url.clone();
        if let At::Link(link) = at {
            let next = Url::parse(link).map_err(|error| {
                SystemError::new(SystemErrorKind::Internal, format!("stored link: {error}"))
            })?;
            if next.origin() != url.origin() {
                return Err(misconfigured("the stored link leads to another origin")
                    .with_hint("the base URL was changed while the run was going on"));
            }
            return Ok(next);
        }
        let mut parameters: Vec<(&str, String)> = Vec::new();
        for (name, value) in &self.options.query {
            parameters.push((name, plain(value)));
        }
        if let (Some(param), Some(asked)) = (&self.options.cursor_param, self.bounds.asked()) {
            parameters.push((param, plain(&asked)));
        }
        match &self.options.pagination {
            Some(Pagination::Page { param, size_param, size, start, .. }) => {
                let page = if let At::Page(page) = at { *page } else { *start };
                parameters.push((param, page.to_string()));
                if let (Some(size_param), Some(size)) = (size_param, size) {
                    parameters.push((size_param, size.to_string()));
                }
            }
            Some(Pagination::Offset { param, size_param, size }) => {
                let offset = if let At::Offset(offset) = at { *offset } else { 0 };
                parameters.push((param, offset.to_string()));
                parameters.push((size_param, size.to_string()));
            }
            Some(Pagination::Cursor { param, .. }) => {
                if let At::Cursor(cursor) = at {
                    parameters.push((param, cursor.clone()));
                }
            }
            Some(Pagination::Link {}) | None => {}
        }
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        Ok(url)
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
        // Of a reply that several pages are cut from, each has its share.
        let size_bytes = self.pending_bytes * taken as u64 / (taken + self.pending.len()).max(1) as u64;
        self.pending_bytes -= size_bytes;
        Ok(Page { items: items.into_iter().map(|(_, item)| item).collect(), checkpoint, size_bytes })
    }
}

#[async_trait]
impl Source for HttpSource {
    async fn next_page(&mut self) -> Result<Option<Page>, SystemError> {
        if self.pending.is_empty() {
            // An empty reply can stand between others, with cursors and links.
            while self.next.at != At::End {
                if self.fetch().await? {
                    return self.take_page().map(Some);
                }
            }
            return Ok(None);
        }
        self.take_page().map(Some)
    }

    fn watermark(&self) -> Option<Cursor> {
        self.cursor_field.as_ref()?;
        self.next.watermark.clone().or_else(|| self.since.clone())
    }
}

/// How many pages there are, as the reply to one of them says.
fn page_count(pointer: &str, reply: &Reply, document: &Document<'_>) -> Result<u64, SystemError> {
    let count = document.at(pointer).and_then(|raw| raw.get().trim_matches('"').parse().ok());
    count.ok_or_else(|| {
        let detail = format!("{pointer} is not a whole number");
        malformed(
            reply,
            detail,
            format!("what the reply has at pagesPath `{pointer}` is not a number of pages"),
        )
    })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The target of the link whose relation is `next` (RFC 8288, 3). Commas and semicolons inside of `<…>`
/// and quotes do not separate.
fn next_link(reply: &Reply) -> Option<String> {
    reply.headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).find_map(next_in)
}

fn next_in(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some(open) = rest.find('<') {
        let close = open + rest[open..].find('>')?;
        let target = &rest[open + 1..close];
        let mut quoted = false;
        let end = rest[close..].find(|c: char| {
            quoted ^= c == '"';
            c == ',' && !quoted
        });
        let end = end.map_or(rest.len(), |end| close + end);
        let is_next = rest[close + 1..end].split(';').filter_map(|parameter| parameter.split_once('=')).any(
            |(name, value)| {
                name.trim().eq_ignore_ascii_case("rel")
                    && value
                        .trim()
                        .trim_matches('"')
                        .split_whitespace()
                        .any(|rel| rel.eq_ignore_ascii_case("next"))
            },
        );
        if is_next {
            return Some(target.to_owned());
        }
        rest = &rest[end..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::next_in;

    #[test]
    fn the_next_link_is_found_as_rfc_8288_writes_it() {
        let found = |header: &str| next_in(header);
        assert_eq!(
            found("</a?x=1,2;3>; rel=\"prev\", </b>; title=\"a, b\"; rel=\"next\"").as_deref(),
            Some("/b")
        );
        assert_eq!(found("<https://x/?p=2>;rel=next").as_deref(), Some("https://x/?p=2"));
        assert_eq!(found("<2>; REL=\"last NEXT\"").as_deref(), Some("2"));
        assert_eq!(found("<1>; rel=prev, <9>; rel=\"last\""), None);
        assert_eq!(found("nonsense"), None);
        assert_eq!(found("<open"), None);
    }
}
