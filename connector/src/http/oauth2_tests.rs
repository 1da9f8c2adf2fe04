//! The http connector with access tokens, against a real server on this machine. Deliberately absent: where tokens come
//! from, which is whoever's who opens the connector.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::{
    AccessTokens, Connector, Egress, HttpConnector, OpenDestination, Record, RecordKey, StreamSpec, SyncMode,
    SystemAccess, SystemError, SystemErrorKind, Write,
};

/// `token-0` first, and another one each time that one is refused.
#[derive(Debug, Default)]
struct Numbered {
    number: AtomicUsize,
    refused: Mutex<Vec<String>>,
}

impl Numbered {
    fn token(&self) -> SecretString {
        format!("token-{}", self.number.load(Ordering::SeqCst)).into()
    }
}

#[async_trait]
impl AccessTokens for Numbered {
    async fn access_token(&self) -> Result<SecretString, SystemError> {
        Ok(self.token())
    }

    async fn refused(&self, token: &SecretString) -> Result<SecretString, SystemError> {
        self.refused.lock().unwrap().push(token.expose_secret().to_owned());
        if token.expose_secret() == self.token().expose_secret() {
            self.number.fetch_add(1, Ordering::SeqCst);
        }
        Ok(self.token())
    }
}

/// Takes one token only, and tells what it was sent.
async fn serve(good: &'static str) -> (String, Arc<Mutex<Vec<(String, String)>>>) {
    let seen: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let taken = seen.clone();
    let answer = async move |headers: HeaderMap, body: Bytes| -> Response {
        let text = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let sent = text("authorization");
        taken
            .lock()
            .unwrap()
            .push((sent.clone(), format!("{} {}", text("idempotency-key"), String::from_utf8_lossy(&body))));
        match sent == format!("Bearer {good}") {
            true => (StatusCode::CREATED, "{}").into_response(),
            false => (StatusCode::UNAUTHORIZED, format!("{sent} is not good")).into_response(),
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(any(answer))).await });
    (url, seen)
}

fn connector() -> HttpConnector {
    HttpConnector::new(Egress::new(vec!["127.0.0.0/8".parse().unwrap()]))
}

fn access(url: &str, tokens: &Arc<Numbered>) -> SystemAccess {
    let oauth2 = json!({"grant": "client_credentials", "tokenUrl": "https://login.example/token"});
    let credentials = json!({"clientId": "trestle", "clientSecret": "a client's secret"});
    SystemAccess {
        config: json!({"baseUrl": url, "auth": "oauth2", "oauth2": oauth2}),
        credentials: credentials.to_string().into(),
        files_dir: std::path::PathBuf::new(),
        tokens: Some(tokens.clone()),
        pace: Default::default(),
        credential_store: Default::default(),
        inbox: None,
        progress: Default::default(),
    }
}

async fn write(access: SystemAccess, ids: &[u64]) -> Result<usize, SystemError> {
    let stream = StreamSpec {
        name: "orders".to_owned(),
        key_fields: vec!["id".to_owned()],
        cursor_field: None,
        mode: SyncMode::Full,
        classified: Default::default(),
    };
    let open = OpenDestination {
        access,
        stream,
        options: json!({"path": "orders"}),
        run: uuid::Uuid::nil(),
        integration: uuid::Uuid::nil(),
        resumed: false,
    };
    let writes: Vec<Write> = ids.iter().map(|id| record(*id)).collect();
    let mut destination = connector().open_destination(open).await?;
    Ok(destination.write(&writes).await?.len())
}

fn record(id: u64) -> Write {
    let record = Record::from_iter([("id".to_owned(), Value::from(id))]);
    let key = RecordKey::of(&record, &["id".to_owned()]).unwrap();
    Write { key, record, known: false, revision: 0 }
}

#[tokio::test]
async fn what_is_refused_for_its_token_is_sent_once_more_with_another_one() {
    let (url, seen) = serve("token-1").await;
    let tokens = Arc::new(Numbered::default());
    assert_eq!(write(access(&url, &tokens), &[1]).await.unwrap(), 1);
    let requests = seen.lock().unwrap().clone();
    let sent: Vec<&str> = requests.iter().map(|(token, _)| token.as_str()).collect();
    assert_eq!(sent, ["Bearer token-0", "Bearer token-1"]);
    assert_eq!(requests[0].1, requests[1].1, "the same record under the same key");
    assert_eq!(*tokens.refused.lock().unwrap(), ["token-0"]);
    assert!(connector().test(&access(&url, &tokens)).await.is_ok());
}

#[tokio::test]
async fn what_is_refused_twice_is_refused_and_no_token_is_told() {
    let (url, seen) = serve("another").await;
    let tokens = Arc::new(Numbered::default());
    let error = write(access(&url, &tokens), &[1]).await.unwrap_err();
    assert_eq!((error.kind, error.http_status), (SystemErrorKind::Unauthorized, Some(401)));
    assert!(error.detail.contains("[hidden] is not good"), "{}", error.detail);
    assert!(!format!("{error:?}").contains("token-"), "{error:?}");
    assert_eq!(seen.lock().unwrap().len(), 2);
    assert!(!format!("{:?}", access(&url, &tokens)).contains("a client's secret"));
}
