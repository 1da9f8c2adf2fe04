//! A running server for one test, and the requests that tests send it.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use api::http::{Connections, Dispatch, HttpOptions, ServerOptions, router, serve};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::toy::{self, ToyAuthenticator, ToyReadiness, ToySchema};

pub const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

pub struct Server {
    pub address: SocketAddr,
    pub client: Client,
    pub authenticator: Arc<ToyAuthenticator>,
    pub readiness: Arc<ToyReadiness>,
    pub connections: Connections,
    /// The running server; it is gone with this value.
    pub tasks: JoinSet<()>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(|_| {}, ServerOptions::default()).await
    }

    pub async fn start_with(
        change: impl FnOnce(&mut HttpOptions<ToySchema>),
        server_options: ServerOptions,
    ) -> Self {
        // Fails when another test of this process was first, and then there is one already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let authenticator = Arc::new(ToyAuthenticator::default());
        let readiness = Arc::new(ToyReadiness(AtomicBool::new(true), Mutex::new(Dispatch::Unwatched)));
        let mut options = HttpOptions::new(
            toy::schema(),
            Arc::clone(&authenticator) as Arc<_>,
            Arc::clone(&readiness) as Arc<_>,
        );
        change(&mut options);
        let connections = options.connections.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, router(options), connections.clone(), server_options));
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { address, client, authenticator, readiness, connections, tasks }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A POST with a JSON body.
    pub fn post(&self, body: &Value) -> RequestBuilder {
        self.post_text(body.to_string())
    }

    pub fn post_text(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.client.post(self.url("/graphql")).header(CONTENT_TYPE, "application/json").body(body)
    }

    /// A query, answered with meaningful statuses.
    pub async fn query(&self, query: &str) -> Answer {
        answer(self.post(&serde_json::json!({ "query": query })).header(ACCEPT, GRAPHQL_RESPONSE)).await
    }

    pub async fn query_as(&self, token: &str, query: &str) -> Answer {
        let request = self.post(&serde_json::json!({ "query": query })).header(ACCEPT, GRAPHQL_RESPONSE);
        answer(request.header(AUTHORIZATION, format!("Bearer {token}"))).await
    }
}

pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, headers, body }
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
    }

    pub fn message(&self) -> &str {
        self.body["errors"][0]["message"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
