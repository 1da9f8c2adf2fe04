//! Where people put files that integrations read: `PUT /files/{id of the system}/{path}`, with the file as the body, as it
//! is. It goes on its way as it comes, so a large file takes no memory. A second one replaces the first, unless
//! `If-None-Match: *` says otherwise.
//!
//! Deliberately absent: who may, where a file goes, and what is known of it (`domain::upload`).

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use axum::{Json, Router};
use domain::audit::Call;
use domain::authentication::AuthenticationError as Refusal;
use domain::id::{GlobalId, Kind};
use domain::outage::Outage;
use domain::session::Origin;
use domain::upload::{self, NewUpload, PATH, Received, Uploaded};
use domain::{Actor, App, Permission, Principal, ProblemCode};
use futures::{StreamExt, stream};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use crate::allowance::Allowance;
use crate::authenticator;
use crate::http::{AuthenticationError, Occupancy, Place, RequestOrigin, bearer_of_headers};
use crate::refusal::{later, refused};

/// How long nothing may come of a body: lines of phones are away for seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a body may take altogether: 10 GiB on a line of 4 Mbit/s. Whoever sends has a place meanwhile.
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(6 * 60 * 60);
/// Bytes that are read of a body that nobody wants, before its sender is left alone.
const DISCARDED_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// How long they are waited for.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);
/// Files of one caller at once, in this process: as many as a browser sends at once to one host.
const AT_ONCE_OF_CALLER_MAX: usize = 6;
/// Files of all callers at once, in this process: on its way to a bucket each has up to 32 MiB in memory.
const AT_ONCE_MAX: usize = 32;
/// The name under which they are counted all together.
const EVERYBODY: &str = "everybody";
/// Files of a caller in a second, in the long run: each leaves an entry in the audit log.
const PER_SECOND: f64 = 2.0;
/// Files of a caller in a moment, after a pause: a folder that is dropped into a page.
const BURST: f64 = 200.0;
/// Pieces of a body that wait to be taken, each of up to 64 KiB.
const PIECES_AHEAD: usize = 16;
/// Seconds after which it is worth sending again what could not be taken for now.
const RETRY_AFTER_SECONDS: u64 = 5;
const BEARER: &str = "Bearer";
const INVALID_TOKEN: &str = "Bearer error=\"invalid_token\"";

struct Files {
    app: Arc<App>,
    bytes_max: u64,
    allowance: Allowance<String>,
    by_caller: Occupancy,
    together: Occupancy,
}

/// What comes of a body.
enum Piece {
    Chunk(Bytes),
    Broken(Broken),
    /// That was all.
    End,
}

/// Why a file did not come whole.
enum Broken {
    TooLarge,
    TooSlow,
    Incomplete,
    /// Whoever sends may not any more.
    Ended,
    Unavailable,
}

/// A file on its way, for whoever takes it. Where its sender goes, no end comes: a body that is merely dropped would look like
/// one that is whole.
struct Coming {
    pieces: mpsc::Receiver<Piece>,
    /// Says that the body is wanted, which nobody may have sent yet.
    want: Option<oneshot::Sender<()>>,
    _places: [Place; 2],
}

/// A file on its way, where it comes from.
struct Sending {
    body: BodyDataStream,
    bearer: Option<String>,
    /// Its size, by its own word.
    announced: Option<u64>,
    /// Nobody sends what they asked about first.
    asks_first: bool,
}

/// The address that files are put to, each of so many bytes at most.
pub(crate) fn files(app: &Arc<App>, bytes_max: u64) -> Router {
    let state = Files {
        app: app.clone(),
        bytes_max,
        allowance: Allowance::new(PER_SECOND, BURST),
        by_caller: Occupancy::default(),
        together: Occupancy::default(),
    };
    Router::new().route(&format!("{PATH}/{{system}}/{{*path}}"), put(receive)).with_state(Arc::new(state))
}

async fn receive(
    State(files): State<Arc<Files>>,
    path: Result<Path<(String, String)>, PathRejection>,
    origin: Extension<RequestOrigin>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let mut sending = Sending::of(&headers, body);
    match path {
        Ok(Path(place)) => files.receive(place, &origin, &headers, sending).await,
        Err(_not_text) => {
            sending.discard(files.bytes_max).await;
            refused(StatusCode::BAD_REQUEST, "invalid", "The path is not UTF-8.")
        }
    }
}

impl Files {
    async fn receive(
        &self,
        (system, path): (String, String),
        origin: &RequestOrigin,
        headers: &HeaderMap,
        mut sending: Sending,
    ) -> Response {
        let (actor, places) = match self.admit(origin, headers, &mut sending).await {
            Ok(admitted) => admitted,
            Err(response) => {
                sending.discard(self.bytes_max).await;
                return *response;
            }
        };
        let new = NewUpload {
            system_id: GlobalId::parse_as(Kind::System, &system).unwrap_or(Uuid::nil()),
            path,
            only_new: headers.get_all(header::IF_NONE_MATCH).iter().any(|tag| tag == "*"),
        };
        let from = Origin { address: origin.client, user_agent: origin.user_agent.clone() };
        let call = Call::new(actor.clone(), "uploadFile", from, Some(origin.request_id.clone()))
            .traced(origin.trace_id.clone());
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        let (want, wanted) = oneshot::channel();
        let coming = Coming { pieces, want: Some(want), _places: places };
        let body = stream::try_unfold(coming, Coming::next);
        let (received, ()) =
            tokio::join!(upload::receive(actor, new, body, call), self.send(sending, wanted, sender));
        match received {
            Ok(received) => self.answer(received),
            Err(error) => failed(&error, origin),
        }
    }

    /// Who puts a file, and their places; or why it is not even looked at.
    async fn admit(
        &self,
        origin: &RequestOrigin,
        headers: &HeaderMap,
        sending: &mut Sending,
    ) -> Result<(Actor, [Place; 2]), Box<Response>> {
        if let Some(message) = unwanted(headers) {
            return Err(Box::new(refused(StatusCode::BAD_REQUEST, "invalid", message)));
        }
        sending.bearer = bearer_of_headers(headers).map_err(|error| Box::new(unauthenticated(error)))?;
        let actor = self.app.authenticate(sending.bearer.as_deref()).await;
        let actor = actor.map_err(|refusal| Box::new(unauthenticated(authenticator::refused(refusal))))?;
        let caller = caller(&actor, origin);
        if let Err(wait) = self.allowance.take(caller.clone()) {
            let message = "Files come too fast. Send this one again later.";
            let seconds = wait.as_secs().max(1);
            return Err(Box::new(later(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message, seconds)));
        }
        let own = self.by_caller.enter(&caller, AT_ONCE_OF_CALLER_MAX);
        let places = own.and_then(|own| Some([own, self.together.enter(EVERYBODY, AT_ONCE_MAX)?]));
        match places {
            Some(places) => Ok((actor, places)),
            None => {
                let message = "Too many files are on their way. Send this one again later.";
                let status = StatusCode::TOO_MANY_REQUESTS;
                Err(Box::new(later(status, "rate_limited", message, RETRY_AFTER_SECONDS)))
            }
        }
    }

    /// Sends a body on once it is wanted, as it comes; what nobody wants is thrown away.
    async fn send(&self, mut sending: Sending, wanted: oneshot::Receiver<()>, sender: mpsc::Sender<Piece>) {
        if wanted.await.is_err() || !self.send_all(&mut sending, sender).await {
            sending.discard(self.bytes_max).await;
        }
    }

    /// False while there is more of the body, which nobody wants.
    async fn send_all(&self, sending: &mut Sending, sender: mpsc::Sender<Piece>) -> bool {
        let end = Instant::now() + BODY_READ_TIMEOUT;
        let mut free_bytes = self.bytes_max;
        let is_too_large = sending.announced.is_some_and(|bytes| bytes > self.bytes_max);
        loop {
            let piece = if is_too_large {
                Piece::Broken(Broken::TooLarge)
            } else {
                // Who is read from is told to send.
                sending.asks_first = false;
                let until = end.min(Instant::now() + IDLE_TIMEOUT);
                let next = tokio::select! {
                    () = sender.closed() => return false,
                    next = timeout_at(until, sending.body.next()) => next,
                };
                match next {
                    Ok(Some(Ok(chunk))) => match free_bytes.checked_sub(chunk.len() as u64) {
                        Some(left) => {
                            free_bytes = left;
                            Piece::Chunk(chunk)
                        }
                        None => Piece::Broken(Broken::TooLarge),
                    },
                    Ok(Some(Err(_broken))) => Piece::Broken(Broken::Incomplete),
                    Ok(None) => self.end(sending.bearer.as_deref()).await,
                    Err(_elapsed) => Piece::Broken(Broken::TooSlow),
                }
            };
            let is_last = !matches!(piece, Piece::Chunk(_));
            let is_over = is_last && !matches!(piece, Piece::Broken(Broken::TooLarge));
            if sender.send(piece).await.is_err() || is_last {
                return is_over;
            }
        }
    }

    /// Whether who sent may do so still: a large file takes a while, in which they may be shut out. A token may end.
    async fn end(&self, bearer: Option<&str>) -> Piece {
        match self.app.authenticate(bearer).await {
            Ok(now) if now.may(Permission::FileUpload) => Piece::End,
            Err(Refusal::Expired) => Piece::End,
            Ok(_) | Err(Refusal::Invalid) => Piece::Broken(Broken::Ended),
            Err(Refusal::Unavailable(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a token could not be checked");
                Piece::Broken(Broken::Unavailable)
            }
        }
    }

    fn answer(&self, received: Received<Broken>) -> Response {
        match received {
            Received::Stored(Uploaded { path, byte_count, is_new, readers }) => {
                let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
                let readers: Vec<String> =
                    readers.into_iter().map(|id| GlobalId::new(Kind::Integration, id).to_string()).collect();
                let body = json!({"path": path, "size": byte_count, "integrations": readers});
                (status, Json(body)).into_response()
            }
            Received::Occupied => {
                let message = "There is a file at this path already, and only a new one was wanted.";
                refused(StatusCode::PRECONDITION_FAILED, "occupied", message)
            }
            Received::Refused { reason, is_transient: true } => {
                let message = sentence(&reason);
                later(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &message, RETRY_AFTER_SECONDS)
            }
            Received::Refused { reason, is_transient: false } => {
                refused(StatusCode::CONFLICT, "refused", &sentence(&reason))
            }
            Received::Interrupted(Broken::TooLarge) => {
                let message = format!("The file has more than {} bytes, which is the limit.", self.bytes_max);
                refused(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", &message)
            }
            Received::Interrupted(Broken::TooSlow) => {
                let message = "The file did not come in time. Send it again.";
                refused(StatusCode::REQUEST_TIMEOUT, "body_incomplete", message)
            }
            Received::Interrupted(Broken::Incomplete) => {
                let message = "The file did not come whole. Send it again.";
                refused(StatusCode::BAD_REQUEST, "body_incomplete", message)
            }
            Received::Interrupted(Broken::Ended) => unauthenticated(AuthenticationError::Invalid),
            Received::Interrupted(Broken::Unavailable) => unauthenticated(AuthenticationError::Unavailable),
        }
    }
}

impl Coming {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Broken> {
        if let Some(want) = self.want.take() {
            // Where nobody hears it, nothing comes either.
            want.send(()).unwrap_or_default();
        }
        match self.pieces.recv().await {
            Some(Piece::Chunk(chunk)) => Ok(Some((chunk, self))),
            Some(Piece::End) => Ok(None),
            Some(Piece::Broken(broken)) => Err(broken),
            None => Err(Broken::Incomplete),
        }
    }
}

impl Sending {
    fn of(headers: &HeaderMap, body: Body) -> Self {
        let announced = headers.get(header::CONTENT_LENGTH);
        Self {
            body: body.into_data_stream(),
            bearer: None,
            announced: announced.and_then(|bytes| bytes.to_str().ok()?.parse().ok()),
            asks_first: headers.contains_key(header::EXPECT),
        }
    }

    /// Reads what nobody wants, within bounds: whoever still sends does not read, and would see a broken connection in place
    /// of the refusal.
    async fn discard(&mut self, bytes_max: u64) {
        if self.asks_first || self.announced.is_some_and(|bytes| bytes > bytes_max + DISCARDED_BYTES_MAX) {
            return;
        }
        let all = async {
            let mut count = 0;
            while let Some(Ok(chunk)) = self.body.next().await {
                count += chunk.len() as u64;
                if count > DISCARDED_BYTES_MAX {
                    break;
                }
            }
        };
        if timeout(DISCARD_TIMEOUT, all).await.is_err() {
            tracing::debug!("a body that nobody wants did not come to its end");
        }
    }
}

/// Who a file is counted for.
fn caller(actor: &Actor, origin: &RequestOrigin) -> String {
    match actor.principal() {
        Principal::Anonymous => origin.network(),
        principal => principal.to_string(),
    }
}

/// What of a request would make its body another thing than a file, in words.
fn unwanted(headers: &HeaderMap) -> Option<&'static str> {
    let is_plain = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(header::CONTENT_ENCODING).iter().all(is_plain) {
        return Some(
            "Send the file as it is, without \"Content-Encoding\": a packed one has a name that says so.",
        );
    }
    headers.contains_key(header::CONTENT_RANGE).then_some("Send the whole file: it has no \"Content-Range\".")
}

fn failed(error: &domain::Error, origin: &RequestOrigin) -> Response {
    match error {
        domain::Error::Unauthenticated => {
            let message = "Sign in first: this needs an access token or an API key.";
            challenged(refused(StatusCode::UNAUTHORIZED, "unauthenticated", message), BEARER)
        }
        domain::Error::Forbidden { message, .. } => {
            refused(StatusCode::FORBIDDEN, "forbidden", &sentence(message))
        }
        domain::Error::Rejected(problems) => {
            let code = problems.first().map(|problem| problem.code);
            match code {
                Some(ProblemCode::NotFound) => {
                    let message = "There is no such system, or it is not for you to know.";
                    refused(StatusCode::NOT_FOUND, "not_found", message)
                }
                Some(ProblemCode::Conflict) => {
                    refused(StatusCode::CONFLICT, "conflict", &sentence(&error.to_string()))
                }
                _ => refused(StatusCode::BAD_REQUEST, "invalid", &sentence(&error.to_string())),
            }
        }
        domain::Error::Argument { .. } => {
            refused(StatusCode::BAD_REQUEST, "invalid", &sentence(&error.to_string()))
        }
        domain::Error::Internal { .. } => {
            let outage = error.outage();
            let chain = error as &dyn std::error::Error;
            match outage {
                Some(Outage::NoSpace | Outage::Away) => {
                    tracing::warn!(
                        error = chain,
                        request.id = origin.request_id,
                        "a file was put without the database"
                    );
                    let message = "The database can't be used now: whether the file is there is not known. Send it again.";
                    later(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message, RETRY_AFTER_SECONDS)
                }
                None => {
                    tracing::error!(error = chain, request.id = origin.request_id, "a file could not be put");
                    let message = "Something went wrong on our side. Please try again; if it stays, report the request id.";
                    refused(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
                }
            }
        }
    }
}

fn unauthenticated(error: AuthenticationError) -> Response {
    match error {
        AuthenticationError::Invalid => {
            let message = "The access token is not valid. Send \"Authorization: Bearer <token>\".";
            challenged(refused(StatusCode::UNAUTHORIZED, "unauthenticated", message), INVALID_TOKEN)
        }
        AuthenticationError::Expired => {
            let message = "The access token has expired.";
            challenged(refused(StatusCode::UNAUTHORIZED, "unauthenticated", message), INVALID_TOKEN)
        }
        AuthenticationError::Unavailable => {
            let message = "Your access token can't be checked at the moment. Please try again.";
            later(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message, RETRY_AFTER_SECONDS)
        }
    }
}

fn challenged(mut response: Response, challenge: &'static str) -> Response {
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}

/// A clause as a sentence.
fn sentence(clause: &str) -> String {
    let mut chars = clause.trim_end_matches('.').chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", chars.as_str())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{sentence, unwanted};

    #[test]
    fn clauses_become_sentences() {
        assert_eq!(sentence("the path must name a file"), "The path must name a file.");
        assert_eq!(sentence("`in` is a directory."), "`in` is a directory.");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn a_body_is_the_file_itself() {
        let with = |name, value| HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        assert!(unwanted(&with(header::CONTENT_ENCODING, "gzip")).is_some());
        assert!(unwanted(&with(header::CONTENT_RANGE, "bytes 0-9/20")).is_some());
        assert!(unwanted(&with(header::CONTENT_ENCODING, "identity")).is_none());
        assert!(unwanted(&HeaderMap::new()).is_none());
    }
}
