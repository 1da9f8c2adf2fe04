//! What tests of the domain stand on: a tenant of an installation on SQLite, and a clock that stands still until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector::{Egress, Registry};
use domain::background::Background;
use domain::change::Changes;
use domain::clock::Clock;
use domain::dispatch::{Dispatch, DispatchError, JobHint};
use domain::tenant::{self, CreateTenant};
use domain::token::TokenSigner;
use domain::{Actor, App, AppOptions};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use uuid::Uuid;

/// 2026-09-21T14:13:20Z, a Monday.
const NOW_MILLIS: i64 = 1_790_000_000_000;

struct NoQueue;

#[async_trait]
impl Dispatch for NoQueue {
    async fn push(&self, _hints: &[JobHint]) -> Result<(), DispatchError> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), DispatchError> {
        Ok(())
    }
}

/// A tenant, and a clock that stands still until it is moved.
pub struct Fixture {
    pub background: Background,
    pub operator: Actor,
    pub tenant_id: Uuid,
    millis: Arc<AtomicI64>,
    directory: tempfile::TempDir,
}

impl Fixture {
    pub async fn new() -> Self {
        Self::leasing(Duration::from_secs(30)).await
    }

    /// One whose workers have so much time.
    pub async fn leasing(lease: Duration) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let millis = Arc::new(AtomicI64::new(NOW_MILLIS));
        let now = millis.clone();
        let app = App::open(AppOptions {
            database_url: format!("sqlite://{}/trestle.db?mode=rwc", directory.path().display()),
            files_dir: directory.path().join("files"),
            secret_keys: vec![[7; 32]],
            token_signer: Some(TokenSigner::from_pem(&TokenSigner::generate_pem()).unwrap()),
            connectors: Registry::standard(Egress::new(Vec::new())),
            references: domain::system::References::default(),
            dispatch: Arc::new(NoQueue),
            changes: Changes::in_process(),
            clock: Clock::from_fn(move || {
                DateTime::<Utc>::from_timestamp_millis(now.load(Ordering::SeqCst)).unwrap()
            }),
            tenant_concurrency: 4,
            lease,
            people: Default::default(),
            outside: Default::default(),
        })
        .await
        .unwrap();
        app.migrate().await.unwrap();
        domain::data_key::load(&app).await.unwrap();
        let operator = Actor::operator(app.clone());
        let (slug, name) = ("acme".to_owned(), "ACME".to_owned());
        let tenant = CreateTenant { slug, name, external_id: None, run_concurrency: None };
        let tenant_id = tenant::create(&operator, tenant).await.unwrap().id;
        Self { background: Background::new(app), operator, tenant_id, millis, directory }
    }

    pub fn passes(&self, millis: i64) {
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }

    /// A file of the installation, e.g. `trestle.db`, which is made where it is not there.
    pub async fn database(&self, path: &str) -> SqliteConnection {
        let path = self.directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        SqliteConnection::connect_with(&options).await.unwrap()
    }
}
