//! Where files of exports are had: `GET /exports/{token}`, as JSON Lines, in gzip for who takes that. It is read from the
//! database piece by piece as the other end takes it, so neither the file nor a slow reader takes memory.
//!
//! Deliberately absent: what makes a link good (`domain::export::download`).

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::App;
use domain::export::PATH;
use domain::export::download::{self, Download};
use domain::id::{GlobalId, Kind};
use domain::session::Origin;
use futures::stream;

use crate::http::{Occupancy, Place, RequestOrigin, encoding_quality};
use crate::refusal::{later, refused};

/// <https://jsonlines.org>
const JSON_LINES: &str = "application/jsonl";
/// Downloads of one network at once, in this process.
const AT_ONCE_OF_NETWORK_MAX: usize = 16;
/// Downloads of one file at once, in this process: some tools read a file in several parts.
const AT_ONCE_OF_FILE_MAX: usize = 4;
/// Seconds after which it is worth asking again for what could not be given for now.
const RETRY_AFTER_SECONDS: u64 = 5;

struct Files {
    app: Arc<App>,
    by_network: Occupancy,
    by_file: Occupancy,
}

/// A download under way.
struct Reading {
    download: Download,
    next: u32,
    _places: [Place; 2],
}

/// The address that links lead to.
pub(crate) fn files(app: &Arc<App>) -> Router {
    let state = Files { app: app.clone(), by_network: Occupancy::default(), by_file: Occupancy::default() };
    // `get` answers HEAD, too.
    Router::new().route(&format!("{PATH}/{{token}}"), get(file)).with_state(Arc::new(state))
}

async fn file(
    State(files): State<Arc<Files>>,
    Path(token): Path<String>,
    origin: Extension<RequestOrigin>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let is_packed = encoding_quality(&headers, "gzip") > 0;
    files.answer(&token, &origin, &method, is_packed).await.unwrap_or_else(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            request.id = origin.request_id,
            "a file of an export could not be given out"
        );
        let message = "The file can't be read now. Try again later.";
        later(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message, RETRY_AFTER_SECONDS)
    })
}

impl Files {
    async fn answer(
        &self,
        token: &str,
        origin: &RequestOrigin,
        method: &Method,
        is_packed: bool,
    ) -> domain::Result<Response> {
        let Some(of_network) = self.by_network.enter(&origin.network(), AT_ONCE_OF_NETWORK_MAX) else {
            return Ok(busy());
        };
        let Some(download) = download::find(&self.app, token, is_packed).await? else {
            let message = "This link is not good, or not any more. Ask for the export again.";
            return Ok(refused(StatusCode::NOT_FOUND, "not_found", message));
        };
        let id = GlobalId::new(Kind::Export, download.id()).to_string();
        let head = head(&download, &id, is_packed);
        if *method == Method::HEAD {
            return Ok((head, Body::empty()).into_response());
        }
        let Some(of_file) = self.by_file.enter(&id, AT_ONCE_OF_FILE_MAX) else { return Ok(busy()) };
        let asked = Origin { address: origin.client, user_agent: origin.user_agent.clone() };
        download.record(asked, Some(origin.request_id.clone())).await?;
        let reading = Reading { download, next: 0, _places: [of_network, of_file] };
        Ok((head, Body::from_stream(stream::try_unfold(reading, Reading::part))).into_response())
    }
}

impl Reading {
    async fn part(mut self) -> domain::Result<Option<(Vec<u8>, Self)>> {
        if self.next >= self.download.part_count() {
            return Ok(None);
        }
        // The other end sees that the file is not whole: its length was announced.
        let part = self.download.part(self.next).await.inspect_err(|error| {
            let export_id = self.download.id();
            let error = error as &dyn std::error::Error;
            tracing::warn!(export.id = %export_id, error, "a download was cut off");
        })?;
        self.next += 1;
        Ok(Some((part, self)))
    }
}

fn head(download: &Download, id: &str, is_packed: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON_LINES));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(download.byte_count()));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let name = format!("attachment; filename=\"{}-{id}.jsonl\"", download.field());
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    headers
}

fn busy() -> Response {
    let message = "Too many files are had at once from here. Ask for this one again later.";
    later(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message, RETRY_AFTER_SECONDS)
}
