//! An API of a web server in this process, over real connections, that misbehaves when told to. What it serves is up to
//! the adapter.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures::stream;
use tokio::sync::watch;

use crate::adapter::Hold;
use crate::recording::SECRET;

/// What `Retry-After` says.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How it behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    #[default]
    Works,
    TooMany,
    Broken,
    /// Takes requests, and never answers.
    Silent,
    /// Answers with half of a reply, and no more.
    Half,
}

/// A server and how it behaves.
#[derive(Clone, Default)]
pub struct Outside(Arc<Inner>);

#[derive(Default)]
struct Inner {
    mode: Mutex<Mode>,
    /// Requests whose replies are not over.
    open: AtomicUsize,
    stuck: watch::Sender<bool>,
}

impl Outside {
    /// Serves a router behind the misbehaviour; answers with its address.
    pub async fn serve(&self, router: Router) -> String {
        let router = router.layer(middleware::from_fn_with_state(self.clone(), misbehave));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    pub fn set(&self, mode: Mode) {
        *self.0.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    pub fn open_count(&self) -> usize {
        self.0.open.load(Ordering::SeqCst)
    }

    fn mode(&self) -> Mode {
        *self.0.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is under way.
struct Underway(Outside);

impl Underway {
    fn new(outside: &Outside) -> Self {
        outside.0.open.fetch_add(1, Ordering::SeqCst);
        Self(outside.clone())
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn misbehave(State(outside): State<Outside>, request: Request, next: Next) -> Response {
    let underway = Underway::new(&outside);
    // It answers with what it was sent, as some APIs do that want to help.
    let sent = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("nothing");
    let told = format!("{{\"error\": \"you sent {sent}\"}}");
    if !sent.ends_with(SECRET) {
        return (StatusCode::UNAUTHORIZED, told).into_response();
    }
    match outside.mode() {
        Mode::Works => next.run(request).await,
        Mode::TooMany => {
            let wait = RETRY_AFTER.as_secs().to_string();
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, wait)], told).into_response()
        }
        Mode::Broken => (StatusCode::BAD_GATEWAY, told).into_response(),
        Mode::Silent => std::future::pending().await,
        Mode::Half => {
            // A request that writes has done so by now.
            let whole = axum::body::to_bytes(next.run(request).await.into_body(), usize::MAX).await.unwrap();
            let half = whole.slice(..whole.len() / 2);
            let body = stream::unfold((Some(half), underway), move |(half, underway)| {
                let outside = outside.clone();
                async move {
                    match half {
                        Some(half) => Some((Ok::<Bytes, std::io::Error>(half), (None, underway))),
                        None => {
                            outside.0.stuck.send_replace(true);
                            std::future::pending().await
                        }
                    }
                }
            });
            Body::from_stream(body).into_response()
        }
    }
}

/// Holds a server.
pub struct HalfWay(pub Outside);

#[async_trait]
impl Hold for HalfWay {
    async fn engage(&mut self) {
        self.0.set(Mode::Half);
    }

    async fn stuck(&mut self) {
        self.0.0.stuck.subscribe().wait_for(|stuck| *stuck).await.unwrap();
    }

    async fn release(&mut self) {
        self.0.set(Mode::Works);
    }
}
