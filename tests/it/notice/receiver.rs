//! Somebody who takes notices, and answers as a test wants.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;

use crate::harness::wait::{SOON, until};

/// What a request is answered with.
#[derive(Clone, Copy)]
pub enum Answer {
    /// This, at once.
    Status(u16),
    /// 204, after so long.
    Slow(Duration),
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Taken {
    headers: HeaderMap,
    /// Its body, as it came.
    pub raw: String,
}

impl Taken {
    /// A header that every request has.
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("text")
    }

    /// Its body.
    pub fn body(&self) -> Value {
        serde_json::from_str(&self.raw).expect("JSON")
    }
}

/// Somebody who takes notices.
#[derive(Clone)]
pub struct Receiver {
    url: String,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    taken: Vec<Taken>,
    /// Of the next requests; 204 when there is nothing.
    answers: VecDeque<Answer>,
    always: Option<Answer>,
}

impl Receiver {
    /// Starts one.
    pub async fn start() -> Self {
        let inner = Arc::new(Mutex::new(Inner::default()));
        let router = Router::new().route("/hook", post(take)).with_state(inner.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inner }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers one of the next requests so.
    pub fn answer(&self, answer: Answer) {
        self.lock().answers.push_back(answer);
    }

    /// Answers every request so.
    pub fn answer_always(&self, answer: Answer) {
        self.lock().always = Some(answer);
    }

    /// What came, the oldest first.
    pub fn taken(&self) -> Vec<Taken> {
        self.lock().taken.clone()
    }

    /// Waits until so many came.
    pub async fn taken_until(&self, count: usize) -> Vec<Taken> {
        self.taken_within(count, SOON).await
    }

    /// The same with another limit.
    pub async fn taken_within(&self, count: usize, limit: Duration) -> Vec<Taken> {
        until(&format!("{count} requests"), limit, async || {
            let taken = self.taken();
            if taken.len() >= count { Ok(taken) } else { Err(taken) }
        })
        .await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take(State(inner): State<Arc<Mutex<Inner>>>, headers: HeaderMap, raw: String) -> StatusCode {
    let answer = {
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.taken.push(Taken { headers, raw });
        inner.answers.pop_front().or(inner.always)
    };
    match answer {
        None => StatusCode::NO_CONTENT,
        Some(Answer::Status(status)) => StatusCode::from_u16(status).expect("a status"),
        Some(Answer::Slow(time)) => {
            tokio::time::sleep(time).await;
            StatusCode::NO_CONTENT
        }
    }
}
