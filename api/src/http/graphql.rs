//! `/graphql` over HTTP, as <https://graphql.github.io/graphql-over-http/draft/> has it. Deliberately absent: batches,
//! multipart uploads.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_graphql::Executor;
use async_graphql::parser::types::OperationType;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use futures::StreamExt;

use super::HttpState;
use super::authentication::{AuthenticationError, Identity, RequestOrigin, bearer_of_headers};
use super::error::{ErrorBody, ErrorCode, Extensions, Refusal, json};
use super::execution::{self, Prepared};
use super::limits::BODY_BYTES_MAX;
use super::metrics::Outcome;
use super::negotiation::{MediaType, is_json, negotiate, wants_html};
use super::parameters::Parameters;
use super::{graphiql, websocket};

/// Longest time for a body to arrive once its headers have: 256 KiB on a line of 200 kbit/s.
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes that are read of a body which is too large, before its sender is left alone.
const DISCARDED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The methods of this path, for `Allow`.
const ALLOWED_METHODS: &str = "GET, POST, OPTIONS";

/// Seconds after which a caller may try again when nobody can tell who it is.
const RETRY_AFTER_SECONDS: &str = "5";

/// Every request to `/graphql`.
pub(super) async fn handle<E: Executor>(
    State(state): State<Arc<HttpState<E>>>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    if parts.method == Method::GET && websocket::is_upgrade(&parts.headers) {
        return websocket::upgrade(state, parts).await;
    }
    if parts.method == Method::OPTIONS {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        return with_header(response, header::ALLOW, ALLOWED_METHODS);
    }
    let is_get = parts.method == Method::GET;
    let media_type = negotiate(&parts.headers);
    let exchange = Exchange { media_type: media_type.unwrap_or(MediaType::Json) };
    if !is_get && parts.method != Method::POST {
        discard(&parts.headers, body).await;
        let message = "Send queries and mutations with POST, or queries with GET.";
        let response = exchange.refuse(StatusCode::METHOD_NOT_ALLOWED, bad_request(message));
        return with_header(response, header::ALLOW, ALLOWED_METHODS);
    }
    if is_get && state.options.graphiql.is_some() && !names_document(&parts) && wants_html(&parts.headers) {
        return graphiql::page();
    }
    if media_type.is_none() {
        discard(&parts.headers, body).await;
        let message =
            "Answers are application/graphql-response+json or application/json: name one in \"Accept\".";
        return exchange.refuse(StatusCode::NOT_ACCEPTABLE, bad_request(message));
    }
    let parameters =
        if is_get { parameters_of_url(&parts) } else { parameters_of_body(&parts.headers, body).await };
    let parameters = match parameters {
        Ok(parameters) => parameters,
        Err((status, refusal)) => return exchange.refuse(status, refusal),
    };
    let origin = RequestOrigin::of(&parts, &state.options.trusted_proxies);
    let presented = match Presented::of(&state, &parts.headers, &origin).await {
        Ok(presented) => presented,
        Err(error) => return exchange.unauthenticated(error),
    };
    exchange.answer(&state, parameters, &presented, &origin, is_get).await
}

/// What a request has presented, and who that is.
struct Presented {
    bearer: Option<String>,
    identity: Identity,
    /// That is as of a moment ago, which is good for reading.
    is_recent: bool,
}

impl Presented {
    async fn of<E: Executor>(
        state: &HttpState<E>,
        headers: &HeaderMap,
        origin: &RequestOrigin,
    ) -> Result<Self, AuthenticationError> {
        let bearer = bearer_of_headers(headers)?;
        let (identity, is_recent) =
            state.options.authenticator.authenticate_recent(bearer.as_deref(), origin).await?;
        Ok(Self { bearer, identity, is_recent })
    }

    /// The same request by whoever that is now.
    async fn renew<E: Executor>(
        &self,
        state: &HttpState<E>,
        prepared: Prepared,
        origin: &RequestOrigin,
    ) -> Result<Prepared, AuthenticationError> {
        if !self.is_recent {
            return Ok(prepared);
        }
        let identity = state.options.authenticator.authenticate(self.bearer.as_deref(), origin).await?;
        Ok(prepared.by(&identity))
    }
}

/// What is settled about an answer before its content is.
struct Exchange {
    media_type: MediaType,
}

impl Exchange {
    async fn answer<E: Executor>(
        &self,
        state: &HttpState<E>,
        parameters: Parameters,
        presented: &Presented,
        origin: &RequestOrigin,
        is_get: bool,
    ) -> Response {
        let identity = &presented.identity;
        let mut prepared = match execution::admit(state, parameters, identity, origin).await {
            Ok(prepared) => prepared,
            Err(refusal) => {
                let outcome = Outcome::of_refusal(refusal.code);
                state.metrics.record(OperationType::Query, outcome, Duration::ZERO);
                tracing::info!(
                    request.id = %origin.request_id,
                    subject = %identity.subject,
                    code = refusal.code.as_str(),
                    "graphql request refused"
                );
                // With application/json, 200 stands for every well-formed request that was not put off.
                let status = match (self.media_type, refusal.code) {
                    (_, ErrorCode::RateLimited) => StatusCode::TOO_MANY_REQUESTS,
                    (MediaType::Json, code) if code != ErrorCode::BadRequest => StatusCode::OK,
                    (_, code) => code.status(),
                };
                return self.refuse(status, refusal);
            }
        };
        let is_query = prepared.operation_type == OperationType::Query;
        match prepared.operation_type {
            OperationType::Mutation if is_get => {
                let refusal = bad_request("Mutations need POST: GET must not change anything.");
                let response = self.refuse(StatusCode::METHOD_NOT_ALLOWED, refusal);
                return with_header(response, header::ALLOW, "POST");
            }
            OperationType::Subscription => {
                let message =
                    "Subscriptions need a WebSocket (subprotocol graphql-transport-ws) at this path.";
                return self.refuse(StatusCode::BAD_REQUEST, bad_request(message));
            }
            OperationType::Mutation => {
                prepared = match presented.renew(state, prepared, origin).await {
                    Ok(prepared) => prepared,
                    Err(error) => return self.unauthenticated(error),
                };
            }
            OperationType::Query => {}
        }
        let answer = execution::execute(state, prepared).await;
        if is_query && answer.is_unavailable() {
            // Of a query without data no more is known than of one that was put off, and who asks again loses nothing.
            let response = json(StatusCode::SERVICE_UNAVAILABLE, self.media_type.content_type(), &answer);
            return with_header(response, header::RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        let status = match self.media_type {
            MediaType::GraphqlResponse if !answer.executed && answer.is_forbidden() => StatusCode::FORBIDDEN,
            MediaType::GraphqlResponse if !answer.executed => StatusCode::BAD_REQUEST,
            MediaType::GraphqlResponse | MediaType::Json => StatusCode::OK,
        };
        json(status, self.media_type.content_type(), &answer)
    }

    fn refuse(&self, status: StatusCode, refusal: Refusal) -> Response {
        let retry_after = refusal.retry_after_seconds();
        let extensions = refusal.cost.as_ref().map(|cost| Extensions { cost: cost.value(SystemTime::now()) });
        let body = ErrorBody { errors: &[refusal.into_error()], extensions };
        let mut response = json(status, self.media_type.content_type(), &body);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn unauthenticated(&self, error: AuthenticationError) -> Response {
        match error {
            AuthenticationError::Invalid => {
                let message = "The access token is not valid. Send \"Authorization: Bearer <token>\".";
                let response =
                    self.refuse(StatusCode::UNAUTHORIZED, Refusal::new(ErrorCode::Unauthenticated, message));
                with_header(response, header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")
            }
            AuthenticationError::Expired => {
                let message = "The access token has expired.";
                let response =
                    self.refuse(StatusCode::UNAUTHORIZED, Refusal::new(ErrorCode::Unauthenticated, message));
                let challenge =
                    "Bearer error=\"invalid_token\", error_description=\"The access token expired\"";
                with_header(response, header::WWW_AUTHENTICATE, challenge)
            }
            AuthenticationError::Unavailable => {
                let message = "Your access token can't be checked at the moment. Please try again.";
                let response = self
                    .refuse(StatusCode::SERVICE_UNAVAILABLE, Refusal::new(ErrorCode::Unavailable, message));
                with_header(response, header::RETRY_AFTER, RETRY_AFTER_SECONDS)
            }
        }
    }
}

fn parameters_of_url(parts: &Parts) -> Result<Parameters, (StatusCode, Refusal)> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map_err(|_| (StatusCode::BAD_REQUEST, bad_request("The query string is not valid.")))?;
    Parameters::from_url(pairs).map_err(|refusal| (StatusCode::BAD_REQUEST, refusal))
}

/// A browser's address bar holds a query only when a person put it there, and then JSON is what they want.
fn names_document(parts: &Parts) -> bool {
    const NAMES: [&str; 3] = ["query", "documentId", "extensions"];
    let names = |query: &str| {
        query.split('&').any(|pair| pair.split('=').next().is_some_and(|name| NAMES.contains(&name)))
    };
    parts.uri.query().is_some_and(names)
}

async fn parameters_of_body(headers: &HeaderMap, body: Body) -> Result<Parameters, (StatusCode, Refusal)> {
    if !is_json(headers) {
        discard(headers, body).await;
        let message = "Send the request as \"Content-Type: application/json\" in UTF-8.";
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, bad_request(message)));
    }
    let is_plain = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(header::CONTENT_ENCODING).iter().all(is_plain) {
        discard(headers, body).await;
        let message = "Send the request as it is, without \"Content-Encoding\".";
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, bad_request(message)));
    }
    let bytes = read(headers, body).await?;
    Parameters::from_body(&bytes).map_err(|refusal| (StatusCode::BAD_REQUEST, refusal))
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, (StatusCode, Refusal)> {
    let too_large = || {
        let message = format!("The body is larger than {BODY_BYTES_MAX} bytes.");
        let refusal = Refusal::limit("bodyBytes", BODY_BYTES_MAX as u64, message);
        (StatusCode::PAYLOAD_TOO_LARGE, refusal)
    };
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    // Nobody sends what they asked about first.
    let asks_first = headers.contains_key(header::EXPECT);
    let limit = if asks_first { BODY_BYTES_MAX } else { DISCARDED_BYTES_MAX };
    if announced.is_some_and(|bytes| bytes > limit as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_READ_TIMEOUT, collect(body)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(too_large()),
        Ok(Err(_)) => Err((StatusCode::BAD_REQUEST, bad_request("The body could not be read."))),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, bad_request("The body did not arrive in time."))),
    }
}

/// Reads a body that nobody wants, within the same bounds: whoever still sends does not read, and would see a broken
/// connection in place of the refusal.
async fn discard(headers: &HeaderMap, body: Body) {
    if let Err((status, _)) = read(headers, body).await {
        tracing::debug!(status = status.as_u16(), "a body that nobody wants did not come to its end");
    }
}

/// The body; `None` when it is too large. Then what comes is thrown away for a while: a client that still sends does
/// not read, and would see a broken connection in place of the answer.
async fn collect(body: Body) -> Result<Option<Bytes>, axum::Error> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut count = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        count += chunk.len();
        if count <= BODY_BYTES_MAX {
            bytes.extend_from_slice(&chunk);
        } else if count > DISCARDED_BYTES_MAX {
            break;
        } else {
            bytes = Vec::new();
        }
    }
    Ok((count <= BODY_BYTES_MAX).then(|| bytes.into()))
}

fn bad_request(message: &str) -> Refusal {
    Refusal::new(ErrorCode::BadRequest, message)
}

fn with_header(mut response: Response, name: header::HeaderName, value: &'static str) -> Response {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}
