//! The listener: time-outs, refusal of ambiguous requests, and a shutdown that lets requests finish. HTTP/1.1 only;
//! TLS and HTTP/2 are the business of the proxy in front.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, StatusCode, Version, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::ServiceExt;

use super::error::{ErrorCode, plain};
use super::framing::{Ambiguity, Watched};
use super::websocket::is_upgrade;

/// Pause after a failed accept: it fails when the process has no file descriptors left, until some are closed.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Bytes of a connection's read buffer, and so of a request's head. Browsers send up to 16 KiB of headers.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Bounds of the listener.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Longest time for a request's head to arrive, and for a connection to be idle between requests. Default 30 s.
    pub header_read_timeout: Duration,
    /// How long a shutdown waits for requests and WebSockets before it cuts them off. Default 20 s, less than the 25 s
    /// a process has by default until it must have ended.
    pub drain_timeout: Duration,
    /// Connections at once; further ones wait to be accepted. Default 10,000, within common file descriptor limits.
    pub connections_max: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            header_read_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(20),
            connections_max: 10_000,
        }
    }
}

/// What is open, and whether it should close. Clones share the same state; one goes into the router's options, one to
/// [`serve`], one to whoever handles signals.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    shutdown: CancellationToken,
    open: TaskTracker,
}

impl Connections {
    /// Connections that close when `shutdown` is cancelled.
    pub fn closing_on(shutdown: CancellationToken) -> Self {
        Self { shutdown, open: TaskTracker::new() }
    }

    /// Cancelled when the server is to stop: cancel it to start the shutdown.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Whether the shutdown has begun.
    pub fn is_shutting_down(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    pub(super) fn open(&self) -> TaskTrackerToken {
        self.open.token()
    }

    /// Work that a shutdown waits for.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.open.spawn(work);
    }
}

/// The other end of a request's TCP connection, in its extensions.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddress(pub SocketAddr);

/// Cancelled, it cuts the connection of a request off, in its extensions: who does not read an answer that never ends would
/// keep it for good.
#[derive(Clone)]
struct Cut(CancellationToken);

/// What cuts the connection of a request off; nothing without [`serve`].
pub(super) fn cut_of(parts: &Parts) -> CancellationToken {
    parts.extensions.get::<Cut>().map(|cut| cut.0.clone()).unwrap_or_default()
}

/// Serves until the shutdown of `connections` begins and everything open has ended or the drain time is over.
pub async fn serve(listener: TcpListener, router: Router, connections: Connections, options: ServerOptions) {
    let permits = Arc::new(Semaphore::new(options.connections_max));
    let cut = CancellationToken::new();
    while let Some((stream, peer, permit)) = accept(&listener, &permits, &connections.shutdown).await {
        let connection = Connection {
            router: router.clone(),
            peer,
            shutdown: connections.shutdown.clone(),
            header_read_timeout: options.header_read_timeout,
        };
        let cut = cut.clone();
        connections.open.spawn(async move {
            // Dropping the connection is what cuts it off.
            cut.run_until_cancelled(connection.serve(stream)).await;
            drop(permit);
        });
    }
    drop(listener);
    connections.open.close();
    tracing::info!(open = connections.open.len(), "no longer listening; waiting for what is open");
    if tokio::time::timeout(options.drain_timeout, connections.open.wait()).await.is_err() {
        tracing::warn!(open = connections.open.len(), "cutting off what is still open");
        cut.cancel();
    }
}

/// The next connection; `None` when the shutdown has begun.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let next = async {
        let permit = Arc::clone(permits).acquire_owned().await.expect("the semaphore is never closed");
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => return (stream, peer, permit),
                Err(error) => {
                    tracing::warn!(error = %error, "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                }
            }
        }
    };
    shutdown.run_until_cancelled(next).await
}

struct Connection {
    router: Router,
    peer: SocketAddr,
    shutdown: CancellationToken,
    header_read_timeout: Duration,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(error = %error, "TCP_NODELAY was refused");
        }
        let ambiguity = Ambiguity::default();
        let stream = Watched::new(stream, ambiguity.clone());
        let Self { router, peer, shutdown, header_read_timeout } = self;
        let cut = Cut(CancellationToken::new());
        let cut_off = cut.0.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            let (router, ambiguity) = (router.clone(), ambiguity.clone());
            request.extensions_mut().insert(cut.clone());
            async move { Ok::<_, Infallible>(answer(router, request, peer, &ambiguity).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_read_timeout)
            .max_buf_size(READ_BUFFER_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        tokio::pin!(connection);
        let served = async {
            tokio::select! {
                result = connection.as_mut() => result,
                () = shutdown.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        };
        // Dropping the connection is what cuts it off.
        let Some(result) = cut_off.run_until_cancelled(served).await else { return };
        if let Err(error) = result {
            // The peer went away, was too slow, or did not speak HTTP.
            tracing::debug!(error = %error, peer = %peer, "connection ended early");
        }
    }
}

async fn answer(
    router: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
    ambiguity: &Ambiguity,
) -> Response {
    if ambiguity.is_found() {
        return refuse("A request must not have both Content-Length and Transfer-Encoding.");
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host) => {}
        (None, None) if request.version() < Version::HTTP_11 => {}
        _ => return refuse("A request needs exactly one valid Host header."),
    }
    // The watch over the connection's bytes ends with such a request, so the connection must, too.
    let is_last = request.headers().contains_key(header::TRANSFER_ENCODING) || is_upgrade(request.headers());
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(PeerAddress(peer));
    let mut response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if is_last && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn is_host(host: &HeaderValue) -> bool {
    host.to_str().is_ok_and(|host| host.parse::<axum::http::uri::Authority>().is_ok())
}

fn refuse(message: &str) -> Response {
    let mut response = plain(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, message);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
