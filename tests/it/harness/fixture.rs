//! Things that tests need to exist, made through the public API by whoever may make them. Deliberately absent: rows
//! written behind the program's back.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::client::Client;
use super::trestle::Trestle;
use super::wait::until;

/// Longer than any run of a test takes.
const RUN_LIMIT: Duration = Duration::from_secs(120);
/// Password of every user that is made here.
/// The password of everybody whom a fixture makes.
pub const PASSWORD: &str = "a password of eight words is hard to guess";
/// Everything of a run that a test may want to compare.
const RUN: &str = "id status trigger triggeredBy queuedAt startedAt finishedAt
    counts { read created updated unchanged skipped failed unaccounted }
    failure { code category stage summary responsibleParty retryable }";

/// Makes things as the PLATFORM_ADMIN of one Trestle.
pub struct Fixture {
    admin: Client,
}

/// A tenant that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its global id.
    pub id: String,
    /// Its name in paths.
    pub slug: String,
}

impl Tenant {
    /// Its id in the database.
    pub fn uuid(&self) -> String {
        let digits = self.id.trim_start_matches("tenant_");
        Uuid::parse_str(digits).expect("an id has one").to_string()
    }
}

impl Fixture {
    /// Signs in as the first admin.
    pub async fn of(trestle: &Trestle) -> Self {
        Self { admin: trestle.admin().await }
    }

    /// The PLATFORM_ADMIN.
    pub fn admin(&self) -> &Client {
        &self.admin
    }

    /// Makes a tenant.
    pub async fn tenant(&self, slug: &str) -> Tenant {
        let input = json!({"slug": slug, "name": format!("The {slug} company")});
        let payload = self.admin.mutate("createTenant", input, "tenant { id }").await;
        Tenant { id: id(&payload["tenant"]), slug: slug.to_owned() }
    }

    /// Makes a user with this role, of this tenant or of the staff, and signs in as them.
    pub async fn user(&self, role: &str, tenant: Option<&Tenant>) -> Client {
        let email = format!("{}@example.com", Uuid::now_v7().simple());
        let input = json!({
            "email": email, "name": role, "role": role, "password": PASSWORD,
            "tenantId": tenant.map(|tenant| &tenant.id),
        });
        self.admin.mutate("createUser", input, "user { id }").await;
        self.admin.sign_in(&email, PASSWORD).await
    }

    /// Makes a system and gives its id. `credentials` may be null.
    pub async fn system(
        &self,
        tenant: &Tenant,
        connector: &str,
        config: Value,
        credentials: Value,
    ) -> String {
        let mut input = json!({
            "tenantId": tenant.id, "name": format!("{connector} {}", Uuid::now_v7().simple()),
            "connector": connector, "config": config,
        });
        if !credentials.is_null() {
            input["credentials"] = credentials;
        }
        id(&self.admin.mutate("createSystem", input, "system { id }").await["system"])
    }

    /// Makes an integration of these streams and gives its id; see [`stream`].
    pub async fn integration(
        &self,
        tenant: &Tenant,
        source: &str,
        destination: &str,
        streams: Vec<Value>,
    ) -> String {
        let input = json!({
            "tenantId": tenant.id, "name": format!("integration {}", Uuid::now_v7().simple()),
            "sourceId": source, "destinationId": destination, "streams": streams,
        });
        id(&self.admin.mutate("createIntegration", input, "integration { id }").await["integration"])
    }

    /// Makes an integration within the `sandbox` connector and gives its id: options of the stream's source and
    /// destination as in its description.
    pub async fn sandbox(&self, tenant: &Tenant, source: Value, destination: Value) -> String {
        let system = self.system(tenant, "sandbox", json!({}), Value::Null).await;
        self.integration(tenant, &system, &system, vec![stream(source, destination)]).await
    }

    /// Starts a run and gives its id.
    pub async fn start_run(&self, integration: &str) -> String {
        id(&self.admin.mutate("startRun", json!({"integrationId": integration}), "run { id }").await["run"])
    }

    /// The run as it is now.
    pub async fn run(&self, run: &str) -> Value {
        let query = format!("query($id: ID!) {{ run(id: $id) {{ {RUN} }} }}");
        self.admin.query(&query, json!({"id": run})).await["run"].clone()
    }

    /// Waits until the run has ended, however it ended, and gives it.
    pub async fn finished_run(&self, run: &str) -> Value {
        until("the run ends", RUN_LIMIT, async || {
            let now = self.run(run).await;
            if matches!(now["status"].as_str(), Some("QUEUED" | "RUNNING")) { Err(now) } else { Ok(now) }
        })
        .await
    }

    /// The failures of a run, oldest last, with all that the admin may see.
    pub async fn failures(&self, run: &str) -> Vec<Value> {
        let query = "query($id: ID!) { run(id: $id) { failures(first: 100) { edges { node {
            id stream businessReference status category stage code responsibleParty retryable summary suggestedAction
            fieldErrors { path rule message } attempts httpStatus technicalDetail
        } } } } }";
        let data = self.admin.query(query, json!({"id": run})).await;
        let edges = data["run"]["failures"]["edges"].as_array().expect("a connection has edges");
        edges.iter().map(|edge| edge["node"].clone()).collect()
    }
}

/// A stream called `records`, keyed by `id`, that copies everything at every run. Change what a test is about.
pub fn stream(source: Value, destination: Value) -> Value {
    json!({"name": "records", "mode": "FULL", "keyFields": ["id"], "source": source, "destination": destination})
}

fn id(object: &Value) -> String {
    object["id"].as_str().expect("every object has an id").to_owned()
}
