//! The API over a database of this process, with two tenants that must not see each other.

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use api::{ApiOptions, router};
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request};
use connector::{Egress, Registry};
use domain::api_key::{self, CreateApiKey};
use domain::change::Changes;
use domain::clock::Clock;
use domain::dispatch::{Dispatch, DispatchError, JobHint};
use domain::integration::{self, NewIntegration, Stream, SyncMode};
use domain::permission::Grant;
use domain::portal_session::{self, CreatePortalSession};
use domain::session::{self, Origin, SignIn};
use domain::system::{self, NewSystem};
use domain::tenant::{self, CreateTenant};
use domain::token::TokenSigner;
use domain::user::{self, CreateUser};
use domain::{Actor, App, AppOptions, Permission, Role, run};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;
use uuid::Uuid;

/// Made once in a process.
pub static TOWN: LazyLock<Town> = LazyLock::new(Town::build);

const PASSWORD: &str = "correct horse battery staple 7";

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub enum Caller {
    /// An API key of the first tenant that may read everything and do nothing.
    Reader,
    /// Nobody in particular.
    Anonymous,
}

/// Two tenants and those who ask.
pub struct Town {
    runtime: Runtime,
    router: Router,
    /// A session's, an API key's and a portal session's.
    tokens: [String; 3],
    /// Ids of all that is the second tenant's, as answers would write them.
    foreign: Vec<String>,
    _directory: TempDir,
}

/// What came back.
pub struct Answer {
    status: u16,
    text: String,
    request: Vec<u8>,
}

/// No worker runs here.
struct Nobody;

#[async_trait]
impl Dispatch for Nobody {
    async fn push(&self, _hints: &[JobHint]) -> Result<(), DispatchError> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), DispatchError> {
        Ok(())
    }
}

impl Town {
    fn build() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let directory = tempfile::tempdir().expect("a directory");
        let (app, tokens, foreign) = runtime.block_on(populate(directory.path()));
        let options = ApiOptions { graphiql: None, ..ApiOptions::default() };
        let router = runtime.block_on(async { router(&app, options) });
        Self { router, runtime, tokens, foreign, _directory: directory }
    }

    /// Good tokens, one of each kind.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// `POST /graphql` with this body.
    pub fn ask(&self, caller: Caller, body: Vec<u8>) -> Answer {
        let request = Request::post("/graphql").header("content-type", "application/json");
        let request = match caller {
            Caller::Reader => request.header("authorization", format!("Bearer {}", self.tokens[1])),
            Caller::Anonymous => request,
        };
        self.send(request.body(Body::from(body.clone())).expect("a request"), body)
    }

    /// Asks who the caller is, with this `Authorization` header.
    pub fn sign_in_with(&self, header: &[u8]) -> Answer {
        // What is no header never comes this far.
        let Ok(value) = HeaderValue::from_bytes(header) else {
            return Answer { status: 400, text: "{}".to_owned(), request: Vec::new() };
        };
        let body = json!({ "query": "{ viewer { role } }" }).to_string();
        let request = Request::post("/graphql").header("content-type", "application/json");
        let request = request.header("authorization", value);
        self.send(request.body(Body::from(body)).expect("a request"), Vec::new())
    }

    fn send(&self, request: Request<Body>, sent: Vec<u8>) -> Answer {
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.expect("an answer");
            let status = response.status().as_u16();
            let body = to_bytes(response.into_body(), 16 << 20).await.expect("a body");
            let text = String::from_utf8(body.to_vec()).expect("answers are UTF-8");
            Answer { status, text, request: sent }
        })
    }
}

impl Answer {
    /// It is an answer or a refusal in GraphQL's form, no fault of ours, and has nothing of the other tenant.
    pub fn check(&self) {
        let value: Value = serde_json::from_str(&self.text).expect("answers are JSON");
        assert!(self.status < 500, "{}: {}", self.status, self.text);
        assert!(value.get("data").is_some() || value.get("errors").is_some(), "{}", self.text);
        assert!(!self.text.contains("\"INTERNAL\""), "{}", self.text);
        let request = String::from_utf8_lossy(&self.request);
        for id in &TOWN.foreign {
            assert!(
                !self.text.contains(id.as_str()) || request.contains(id.as_str()),
                "foreign: {}",
                self.text
            );
        }
    }

    /// Nobody was signed in.
    pub fn refused(&self) {
        assert!(self.status < 500, "{}: {}", self.status, self.text);
        assert!(!self.text.contains("\"role\":"), "let in: {}", self.text);
    }

    /// Somebody was.
    pub fn accepted(&self) {
        assert!(self.text.contains("\"role\":"), "not let in: {}", self.text);
    }
}

async fn populate(directory: &Path) -> (Arc<App>, [String; 3], Vec<String>) {
    let app = App::open(AppOptions {
        database_url: format!("sqlite://{}/trestle.db?mode=rwc", directory.display()),
        files_dir: directory.join("files"),
        secret_keys: vec![[7; 32]],
        token_signer: Some(TokenSigner::from_pem(&TokenSigner::generate_pem()).expect("a key")),
        connectors: Registry::standard(Egress::new(Vec::new())),
        references: Default::default(),
        dispatch: Arc::new(Nobody),
        changes: Changes::in_process(),
        clock: Clock::system(),
        tenant_concurrency: 4,
        lease: Duration::from_secs(60),
        people: Default::default(),
        outside: Default::default(),
    })
    .await
    .expect("a database");
    app.migrate().await.expect("tables");
    domain::data_key::load(&app).await.expect("a data key");
    let operator = Actor::operator(app.clone());
    let own = customer(&operator, "acme").await[0];
    let foreign = customer(&operator, "globex").await;
    let input = CreateUser {
        email: "ada@example.com".to_owned(),
        name: "Ada".to_owned(),
        role: Role::TenantAdmin,
        tenant_id: Some(own),
        password: PASSWORD.into(),
    };
    user::create(&operator, input).await.expect("a user");
    let input = SignIn { email: "ada@example.com".to_owned(), password: PASSWORD.into(), code: None };
    let session = session::sign_in(&app, input, &Origin::default()).await.expect("a session");
    let input = CreateApiKey {
        name: "Partner".to_owned(),
        role: None,
        scopes: scopes(Role::Partner).filter(|name| name.ends_with(":read")).collect(),
        tenant_ids: vec![own],
        expires_at: None,
    };
    let key = api_key::create(&operator, input).await.expect("a key");
    let input = CreatePortalSession {
        tenant_id: own,
        end_user: "Ada".to_owned(),
        scopes: scopes(Role::Portal).collect(),
        ttl_seconds: None,
    };
    let portal = portal_session::create(&operator, input).await.expect("a portal session");
    let tokens = [session.access_token, key.secret, portal.token];
    let tokens = tokens.map(|token| token.expose_secret().to_owned());
    (app, tokens, foreign.into_iter().map(|id| id.simple().to_string()).collect())
}

/// Names of the permissions that a role has by scope.
fn scopes(role: Role) -> impl Iterator<Item = String> {
    let granted = Permission::ALL.into_iter().filter(move |permission| permission.of(role) == Grant::Scope);
    granted.map(|permission| permission.name().to_owned())
}

/// A tenant with two systems, an integration and a run: their ids, the tenant's first.
async fn customer(operator: &Actor, slug: &str) -> [Uuid; 5] {
    let input = CreateTenant { slug: slug.to_owned(), name: slug.to_uppercase(), external_id: None, run_concurrency: None };
    let tenant = tenant::create(operator, input).await.expect("a tenant").id;
    let mut systems = [tenant; 2];
    for (system, name) in systems.iter_mut().zip(["Shop", "Ledger"]) {
        let new = NewSystem {
            tenant_id: Some(tenant),
            name: name.to_owned(),
            connector: "sandbox".to_owned(),
            config: json!({}),
            credentials: None,
            rate_limit: None,
        };
        *system = system::create(operator, new).await.expect("a system").id;
    }
    let [source_id, destination_id] = systems;
    let new = NewIntegration {
        tenant_id: Some(tenant),
        name: "Orders".to_owned(),
        description: None,
        source_id,
        destination_id,
        streams: vec![Stream {
            name: "orders".to_owned(),
            mode: SyncMode::Full,
            key_fields: vec!["id".to_owned()],
            cursor_field: None,
            source: json!({ "records": 10 }),
            destination: json!({}),
            mapping: None,
            record_schema: None,
            overlap: None,
            on_schema_change: Default::default(),
            deletions: None,
            quality: Default::default(),
            impact: Default::default(),
        }],
        schedule: None,
        retry_policy: None,
        hold_after: None,
        reconcile: None,
    };
    let integration = integration::create(operator, new).await.expect("an integration").id;
    let run = run::start(operator, integration, None).await.expect("a run").id;
    [tenant, source_id, destination_id, integration, run]
}
