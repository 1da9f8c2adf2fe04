//! A database of its own for each test, with people of every kind in it, and the requests they send.

use std::sync::Arc;
use std::time::Duration;

use api::Exporter;
use api::graphql::{Caller, Schema, schema};
use api::http::DocumentOptions;
use async_graphql::{Request, Variables};
use async_trait::async_trait;
use connector::{Egress, RecordKey, Registry};
use domain::api_key::{self, CreateApiKey};
use domain::background::{Background, Claim, RunEnd};
use domain::change::Changes;
use domain::clock::Clock;
use domain::dispatch::{Dispatch, DispatchError, JobHint};
use domain::id::{GlobalId, Kind};
use domain::integration::{self, NewIntegration, Stream, SyncMode};
use domain::page::PageArguments;
use domain::portal_session::{self, CreatePortalSession};
use domain::session::{self, Origin, SignIn};
use domain::system::{self, NewSystem};
use domain::tenant::{self, CreateTenant, Tenant};
use domain::token::TokenSigner;
use domain::user::{self, CreateUser};
use domain::{Actor, App, AppOptions, Permission, Role, permission, run};
use pipeline::{AccountedPage, Counts, Ledger, RECORD_SCHEMA_VIOLATION, RecordFailure, Stage};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{Mutex, mpsc};
use uuid::Uuid;

/// Longest wait for what must come; far above what it takes, and a bound.
pub const PATIENCE: Duration = Duration::from_secs(20);
pub const PASSWORD: &str = "correct horse battery staple 7";

/// Keeps what was pushed, where a queue would hand it to a worker.
struct Recorder(mpsc::UnboundedSender<JobHint>);

#[async_trait]
impl Dispatch for Recorder {
    async fn push(&self, hints: &[JobHint]) -> Result<(), DispatchError> {
        for hint in hints {
            self.0.send(*hint).map_err(|gone| DispatchError(Box::new(gone)))?;
        }
        Ok(())
    }

    async fn ping(&self) -> Result<(), DispatchError> {
        Ok(())
    }
}

pub struct World {
    pub app: Arc<App>,
    pub schema: Schema,
    pub operator: Actor,
    exporter: Arc<Exporter>,
    hints: Mutex<mpsc::UnboundedReceiver<JobHint>>,
    directory: tempfile::TempDir,
}

/// A tenant with an integration from one sandbox to another.
pub struct Customer {
    pub tenant: Tenant,
    pub source_id: Uuid,
    pub integration_id: Uuid,
}

/// Somebody with a token.
pub struct Person {
    pub token: String,
    pub actor: Actor,
}

impl World {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (sender, hints) = mpsc::unbounded_channel();
        let app = App::open(AppOptions {
            database_url: format!("sqlite://{}/trestle.db?mode=rwc", directory.path().display()),
            files_dir: directory.path().join("files"),
            secret_keys: vec![[7; 32]],
            token_signer: Some(TokenSigner::from_pem(&TokenSigner::generate_pem()).unwrap()),
            connectors: Registry::standard(Egress::new(Vec::new())),
            references: domain::system::References::default(),
            dispatch: Arc::new(Recorder(sender)),
            changes: Changes::in_process(),
            clock: Clock::system(),
            tenant_concurrency: 4,
            lease: Duration::from_secs(60),
            people: Default::default(),
            outside: Default::default(),
        })
        .await
        .unwrap();
        app.migrate().await.unwrap();
        domain::data_key::load(&app).await.unwrap();
        let operator = Actor::operator(app.clone());
        let exporter = Arc::new(Exporter::new(app.clone(), DocumentOptions::default(), None));
        Self { app, schema: schema(), operator, exporter, hints: Mutex::new(hints), directory }
    }

    /// A request as the transport makes it, with the token that the actor came by.
    pub fn request(&self, person: Option<&Person>, query: &str, variables: Value) -> Request {
        let request = Request::new(query).variables(Variables::from_json(variables));
        let (bearer, actor) = match person {
            Some(person) => (Some(person.token.clone().into()), person.actor.clone()),
            None => (None, Actor::anonymous(self.app.clone())),
        };
        Caller::new(self.app.clone(), bearer, actor).attach(request.data(self.exporter.clone()))
    }

    /// The whole answer.
    pub async fn execute(&self, person: Option<&Person>, query: &str, variables: Value) -> Value {
        let response = self.schema.execute(self.request(person, query, variables)).await;
        serde_json::to_value(response).unwrap()
    }

    /// The data of an answer without errors.
    #[track_caller]
    pub fn data(
        &self,
        person: &Person,
        query: &str,
        variables: Value,
    ) -> impl Future<Output = Value> + use<> {
        let location = std::panic::Location::caller();
        let (schema, request) = (self.schema.clone(), self.request(Some(person), query, variables));
        async move {
            let response = schema.execute(request).await;
            assert!(response.errors.is_empty(), "{location}: {:?}", response.errors);
            response.data.into_json().unwrap()
        }
    }

    pub async fn customer(&self, slug: &str) -> Customer {
        let input = CreateTenant {
            slug: slug.to_owned(),
            name: slug.to_uppercase(),
            external_id: None,
            run_concurrency: None,
        };
        let tenant = tenant::create(&self.operator, input).await.unwrap();
        let source_id = self.system(tenant.id, "Shop").await;
        let destination_id = self.system(tenant.id, "Ledger").await;
        let new = NewIntegration {
            tenant_id: Some(tenant.id),
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
        let integration_id = integration::create(&self.operator, new).await.unwrap().id;
        Customer { tenant, source_id, integration_id }
    }

    async fn system(&self, tenant_id: Uuid, name: &str) -> Uuid {
        let new = NewSystem {
            tenant_id: Some(tenant_id),
            name: name.to_owned(),
            connector: "sandbox".to_owned(),
            config: json!({}),
            credentials: None,
            rate_limit: None,
        };
        system::create(&self.operator, new).await.unwrap().id
    }

    /// Somebody of this role: staff, one of the tenant's people, a key or a portal session with every scope that the
    /// role can have.
    pub async fn person(&self, role: Role, tenant: &Tenant) -> Person {
        let scopes = Permission::ALL
            .into_iter()
            .filter(|permission| permission.of(role) == permission::Grant::Scope)
            .map(|permission| permission.name().to_owned())
            .collect::<Vec<_>>();
        let token = match role {
            Role::Partner => {
                let input = CreateApiKey {
                    name: "Partner".to_owned(),
                    role: None,
                    scopes,
                    tenant_ids: vec![tenant.id],
                    expires_at: None,
                };
                api_key::create(&self.operator, input).await.unwrap().secret
            }
            Role::Portal => {
                let end_user = "Ada".to_owned();
                let input = CreatePortalSession { tenant_id: tenant.id, end_user, scopes, ttl_seconds: None };
                portal_session::create(&self.operator, input).await.unwrap().token
            }
            _ => {
                let email = format!("{role:?}.{}@example.com", tenant.slug).to_lowercase();
                let input = CreateUser {
                    email: email.clone(),
                    name: format!("{role:?}"),
                    role,
                    tenant_id: (!permission::is_staff(role)).then_some(tenant.id),
                    password: PASSWORD.into(),
                };
                user::create(&self.operator, input).await.unwrap();
                let input = SignIn { email, password: PASSWORD.into(), code: None };
                session::sign_in(&self.app, input, &Origin::default()).await.unwrap().access_token
            }
        };
        let token = token.expose_secret().to_owned();
        let actor = self.app.authenticate(Some(&token)).await.unwrap();
        Person { token, actor }
    }

    /// A run that read so many records, all of which broke a rule.
    pub async fn failed_run(&self, customer: &Customer, records: u64) -> Uuid {
        let run = run::start(&self.operator, customer.integration_id, None).await.unwrap();
        let background = Background::new(self.app.clone());
        let hint = tokio::time::timeout(PATIENCE, async { self.hints.lock().await.recv().await });
        let hint = hint.await.unwrap().unwrap();
        let Claim::Claimed(claimed) = background.claim(hint, "test").await.unwrap() else {
            unreachable!("the run is due");
        };
        let failures = (0..records).map(|number| {
            let reference = format!("{}-{number:03}", customer.tenant.slug);
            let record: connector::Record =
                json!({ "id": reference, "amount": "secret" }).as_object().unwrap().clone().into();
            RecordFailure {
                stage: Stage::Validate,
                code: RECORD_SCHEMA_VIOLATION.to_owned(),
                key: RecordKey::of(&record, &["id".to_owned()]),
                position: None,
                field_errors: vec![connector::FieldError {
                    path: "/amount".to_owned(),
                    rule: "type".to_owned(),
                    message: "must be a number".to_owned(),
                }],
                http_status: Some(422),
                detail: "chain of causes".to_owned(),
                record: Some(record),
                mapped: None,
                raw: None,
                attempts: 1,
                retried: None,
                exchange: None,
            }
        });
        let page = AccountedPage {
            stream: "orders".to_owned(),
            page_number: 1,
            checkpoint: None,
            counts: Counts { read: records, failed: records, ..Counts::default() },
            receipts: Vec::new(),
            failures: failures.collect(),
            refuses_duplicates: true,
            is_sent: true,
            skipped: Vec::new(),
            values: Vec::new(),
            measured: None,
            gate: None,
            breach: None,
            written_bytes: 0,
            size_bytes: 0,
            read_ms: 0,
            map_ms: 0,
            write_ms: 0,
        };
        claimed.lease.account(page).await.unwrap();
        assert!(claimed.lease.finish(RunEnd::Completed { last: None }).await.unwrap());
        run.id
    }

    /// Changes rows as no caller could.
    pub async fn sql(&self, statement: &'static str) {
        let url = format!("sqlite://{}/trestle.db", self.directory.path().display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Ids of the failures of a run, newest first.
    pub async fn failures_of(&self, run_id: Uuid) -> Vec<Uuid> {
        let filter = domain::failure::FailureFilter { run_id: Some(run_id), ..Default::default() };
        let page = PageArguments { first: Some(100), ..PageArguments::default() };
        let list = domain::failure::FailureList {
            filter,
            direction: domain::page::Direction::Descending,
            ..Default::default()
        };
        let rows = domain::failure::list(&self.operator, &list, &page);
        rows.await.unwrap().edges.into_iter().map(|edge| edge.node.id).collect()
    }
}

pub fn id(kind: Kind, uuid: Uuid) -> String {
    GlobalId::new(kind, uuid).to_string()
}

/// `extensions.code` of each error of an answer.
pub fn codes(answer: &Value) -> Vec<&str> {
    let errors = answer["errors"].as_array().map_or(&[][..], Vec::as_slice);
    errors.iter().map(|error| error["extensions"]["code"].as_str().unwrap_or_default()).collect()
}
