//! The stores against servers that answer as the real ones do: what stands here as their answers is copied from their
//! documentation, because Vault is no package that a test could start. AWS' is tried against moto's server by the
//! integration tests. Deliberately absent: what the stores do with their own rights.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{AwsOptions, SecretStores, StoreKind, VaultAuth, VaultOptions};
use crate::{SystemError, SystemErrorKind};

const KEEP: Duration = Duration::from_secs(60);

/// What a server was asked, and how it answers.
#[derive(Default)]
struct Store {
    asked: Mutex<Vec<String>>,
    logins: AtomicUsize,
    /// The token of AppRole that is good now.
    good: AtomicUsize,
    lease_seconds: AtomicUsize,
}

impl Store {
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// As Vault answers (API documentation of KV version 2 and AppRole).
async fn vault(State(store): State<Arc<Store>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let token = head.headers.get("x-vault-token").map(|value| value.to_str().unwrap().to_owned());
    store.asked.lock().unwrap().push(format!("{} {path}", head.method));
    if path == "/v1/auth/approle/login" {
        let body = axum::body::to_bytes(body, 1_000).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        if body != json!({"role_id": "role", "secret_id": "secret"}) {
            return (StatusCode::BAD_REQUEST, Json(json!({"errors": ["invalid role or secret ID"]})))
                .into_response();
        }
        let number = store.logins.fetch_add(1, Ordering::SeqCst) + 1;
        store.good.store(number, Ordering::SeqCst);
        return Json(json!({
            "auth": {
                "renewable": true, "lease_duration": store.lease_seconds.load(Ordering::SeqCst), "metadata": null,
                "token_policies": ["default"], "accessor": "fd6c9a00-d2dc-3b11-0be5-af7ae0e1d374",
                "client_token": format!("hvs.{number}"),
            },
            "warnings": null, "wrap_info": null, "data": null, "lease_duration": 0, "renewable": false, "lease_id": "",
        }))
        .into_response();
    }
    let expected = ["hvs.root".to_owned(), format!("hvs.{}", store.good.load(Ordering::SeqCst))];
    if !token.is_some_and(|token| expected.contains(&token)) {
        return (StatusCode::FORBIDDEN, Json(json!({"errors": ["permission denied"]}))).into_response();
    }
    let errors = |status, errors: Value| (status, Json(json!({"errors": errors}))).into_response();
    match path.as_str() {
        "/v1/secret/data/trestle/acme/shop" => Json(json!({
            "request_id": "d0c7f6a4", "lease_id": "", "renewable": false, "lease_duration": 0,
            "data": {
                "data": {"token": "of the shop"},
                "metadata": {"created_time": "2026-03-22T02:24:06Z", "custom_metadata": null, "deletion_time": "",
                             "destroyed": false, "version": 2},
            },
            "wrap_info": null, "warnings": null, "auth": null,
        }))
        .into_response(),
        // As after `vault kv delete`.
        "/v1/secret/data/trestle/acme/deleted" => (
            StatusCode::NOT_FOUND,
            Json(json!({"data": {"data": null, "metadata": {"deletion_time": "2026-03-22T02:36:43Z", "version": 1}}})),
        )
            .into_response(),
        "/v1/secret/data/trestle/acme/sealed" => errors(StatusCode::SERVICE_UNAVAILABLE, json!(["Vault is sealed"])),
        "/v1/secret/data/trestle/acme/busy" => errors(StatusCode::TOO_MANY_REQUESTS, json!([])),
        "/v1/secret/data/trestle/acme/version1" => Json(json!({"data": {"token": "t"}})).into_response(),
        "/v1/secret/data/trestle/acme/endless" => vec![b' '; 2 * 1024 * 1024].into_response(),
        _ => errors(StatusCode::NOT_FOUND, json!([])),
    }
}

async fn vault_at(auth: VaultAuth, keep: Duration) -> (Arc<Store>, SecretStores) {
    let store = Arc::new(Store::default());
    store.lease_seconds.store(3_600, Ordering::SeqCst);
    let address = serve(Router::new().fallback(vault).with_state(store.clone())).await;
    let options = VaultOptions { address: address.parse().unwrap(), mount: "secret".to_owned(), auth };
    (store, SecretStores::new(Some(options), None, keep).unwrap())
}

fn approle(secret_id: &str) -> VaultAuth {
    VaultAuth::AppRole { role_id: "role".to_owned(), secret_id: secret_id.into() }
}

async fn fetch(stores: &SecretStores, name: &str) -> Result<String, SystemError> {
    let secret = stores.fetch(StoreKind::Vault, &format!("trestle/acme/{name}")).await?;
    Ok(secret.expose_secret().to_owned())
}

#[tokio::test]
async fn vault_is_asked_at_use_and_its_answer_kept_for_seconds() {
    let (store, stores) = vault_at(VaultAuth::Token("hvs.root".into()), KEEP).await;
    let read = "GET /v1/secret/data/trestle/acme/shop";
    for _ in 0..3 {
        assert_eq!(fetch(&stores, "shop").await.unwrap(), r#"{"token":"of the shop"}"#);
    }
    assert_eq!(store.asked(), [read]);
    let (store, stores) = vault_at(VaultAuth::Token("hvs.root".into()), Duration::ZERO).await;
    fetch(&stores, "shop").await.unwrap();
    fetch(&stores, "shop").await.unwrap();
    assert_eq!(store.asked(), [read, read]);
}

#[tokio::test]
async fn approle_signs_in_once_and_again_when_its_token_ends() {
    let login = "POST /v1/auth/approle/login";
    let (store, stores) = vault_at(approle("secret"), Duration::ZERO).await;
    let read = "GET /v1/secret/data/trestle/acme/shop";
    let both = futures::future::join(fetch(&stores, "shop"), fetch(&stores, "shop")).await;
    assert!(both.0.is_ok() && both.1.is_ok());
    assert_eq!(store.asked(), [login, read, read], "one sign-in for all who wait");
    // Revoked before its time.
    store.good.store(0, Ordering::SeqCst);
    fetch(&stores, "shop").await.unwrap();
    assert_eq!(store.asked(), [read, login, read]);
    // Its time is over at once.
    store.lease_seconds.store(0, Ordering::SeqCst);
    store.good.store(0, Ordering::SeqCst);
    fetch(&stores, "shop").await.unwrap();
    fetch(&stores, "shop").await.unwrap();
    assert_eq!(store.asked(), [read, login, read, login, read]);

    let (_store, stores) = vault_at(approle("wrong"), KEEP).await;
    let error = fetch(&stores, "shop").await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Internal, "{error}");
    assert!(!format!("{error:?}").contains("wrong"), "{error:?}");
}

#[tokio::test]
async fn what_vault_says_instead_of_a_secret_is_told_in_words() {
    let (store, stores) = vault_at(VaultAuth::Token("hvs.root".into()), KEEP).await;
    for (name, kind) in [
        ("nothing", SystemErrorKind::Misconfigured),
        ("deleted", SystemErrorKind::Misconfigured),
        ("sealed", SystemErrorKind::Unavailable),
        ("busy", SystemErrorKind::RateLimited),
        ("version1", SystemErrorKind::Internal),
        ("endless", SystemErrorKind::Unavailable),
    ] {
        let error = fetch(&stores, name).await.unwrap_err();
        assert_eq!(error.kind, kind, "{name}: {error}");
        store.asked();
        assert!(fetch(&stores, name).await.is_err());
        assert_eq!(store.asked().len(), 1, "what went wrong is not kept");
    }
    let (_store, stores) = vault_at(VaultAuth::Token("hvs.other".into()), KEEP).await;
    let error = fetch(&stores, "shop").await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Internal, "that our own token is refused is our fault: {error}");
    assert!(!format!("{error:?}").contains("hvs."), "{error:?}");

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = VaultOptions {
        address: format!("http://{closed}").parse().unwrap(),
        mount: "secret".to_owned(),
        auth: VaultAuth::Token("hvs.root".into()),
    };
    let gone = SecretStores::new(Some(options), None, KEEP).unwrap();
    assert_eq!(fetch(&gone, "shop").await.unwrap_err().kind, SystemErrorKind::Unavailable);
    let none = SecretStores::default();
    assert_eq!(fetch(&none, "shop").await.unwrap_err().kind, SystemErrorKind::Misconfigured);
}

/// As AWS answers (API reference of Secrets Manager).
async fn aws(State(store): State<Arc<Store>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("x-amz-target"), "secretsmanager.GetSecretValue");
    assert_eq!(header("content-type"), "application/x-amz-json-1.1");
    assert_eq!(header("x-amz-security-token"), "session");
    let authorization = header("authorization");
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"), "{authorization}");
    let names = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, ";
    assert!(
        authorization.contains("/eu-central-1/secretsmanager/aws4_request, ")
            && authorization.contains(names)
    );
    let body: Bytes = axum::body::to_bytes(body, 1_000).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let name = body["SecretId"].as_str().unwrap().to_owned();
    store.asked.lock().unwrap().push(name.clone());
    let error = |status, kind: &str| {
        (status, Json(json!({"__type": kind, "Message": "words of AWS"}))).into_response()
    };
    match name.as_str() {
        "trestle/acme/shop" => Json(json!({
            "ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:trestle/acme/shop-a1b2c3",
            "Name": name, "SecretString": "{\"token\":\"of the shop\"}", "VersionStages": ["AWSCURRENT"],
        }))
        .into_response(),
        "trestle/acme/text" => Json(json!({"Name": name, "SecretString": "just text"})).into_response(),
        "trestle/acme/binary" => Json(json!({"Name": name, "SecretBinary": "AAAA"})).into_response(),
        "trestle/acme/deleted" => error(StatusCode::BAD_REQUEST, "InvalidRequestException"),
        "trestle/acme/denied" => error(StatusCode::BAD_REQUEST, "AccessDeniedException"),
        "trestle/acme/busy" => error(StatusCode::BAD_REQUEST, "ThrottlingException"),
        "trestle/acme/down" => error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceError"),
        _ => error(StatusCode::BAD_REQUEST, "com.amazonaws.secretsmanager#ResourceNotFoundException"),
    }
}

#[tokio::test]
async fn aws_is_asked_with_a_signature_and_its_words_stay_there() {
    let store = Arc::new(Store::default());
    let address = serve(Router::new().fallback(aws).with_state(store.clone())).await;
    let options = AwsOptions {
        region: "eu-central-1".to_owned(),
        endpoint: Some(address.parse().unwrap()),
        access_key_id: "AKID".to_owned(),
        secret_access_key: "very secret".into(),
        session_token: Some("session".into()),
    };
    let stores = SecretStores::new(None, Some(options), KEEP).unwrap();
    let fetch = async |name: &str| stores.fetch(StoreKind::Aws, &format!("trestle/acme/{name}")).await;
    for _ in 0..2 {
        assert_eq!(fetch("shop").await.unwrap().expose_secret(), r#"{"token":"of the shop"}"#);
    }
    assert_eq!(store.asked(), ["trestle/acme/shop"]);
    for (name, kind) in [
        ("nothing", SystemErrorKind::Misconfigured),
        ("text", SystemErrorKind::Misconfigured),
        ("binary", SystemErrorKind::Misconfigured),
        ("deleted", SystemErrorKind::Misconfigured),
        ("denied", SystemErrorKind::Internal),
        ("busy", SystemErrorKind::RateLimited),
        ("down", SystemErrorKind::Unavailable),
    ] {
        let error = fetch(name).await.unwrap_err();
        assert_eq!(error.kind, kind, "{name}: {error}");
        let told = format!("{error:?}");
        assert!(
            !["words of AWS", "just text", "very secret"].iter().any(|text| told.contains(text)),
            "{told}"
        );
    }
}
