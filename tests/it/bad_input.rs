//! Whatever comes in, the answer says what is wrong and where, with the right status, and nothing is half done: no
//! INTERNAL, no 500, no panic. Deliberately absent: what a caller may not do although it is well-formed (`access`).

mod request;
mod token;
mod value;

use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::harness::client::{Client, UserError, http};
use crate::harness::fixture::{Fixture, Tenant};
use crate::harness::trestle::{Setup, Trestle, jwt_key};

static SHARED: OnceCell<Trestle> = OnceCell::const_new();

/// A tenant of the program that the tests of this file share.
struct Place {
    trestle: &'static Trestle,
    fixture: Fixture,
    tenant: Tenant,
}

impl Place {
    async fn new() -> Self {
        // With a key that tests can sign with too.
        let start = || Setup::new().setting("TRESTLE_JWT_KEY", jwt_key()).embedded();
        let trestle = SHARED.get_or_init(start).await;
        let fixture = Fixture::of(trestle).await;
        let tenant = fixture.tenant(&format!("t-{}", Uuid::now_v7().simple())).await;
        Self { trestle, fixture, tenant }
    }

    fn admin(&self) -> &Client {
        self.fixture.admin()
    }

    /// Everything that the tenant has.
    async fn holdings(&self) -> Value {
        let query = "query($id: ID!) { tenant(id: $id) { name externalId status
            systems(first: 100) { edges { node { id name config status } } }
            integrations(first: 100) { edges { node { id name status streams { name source } schedule { cron } } } }
            runs(first: 100) { edges { node { id status } } } } }";
        self.admin().query(query, json!({"id": self.tenant.id})).await
    }

    async fn sandbox(&self) -> String {
        self.fixture.system(&self.tenant, "sandbox", json!({}), Value::Null).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let log = self.trestle.log();
        let bad = log.lines().filter(|line| line.contains("panicked") || line.contains(" ERROR "));
        let bad: Vec<_> = bad.collect();
        assert!(std::thread::panicking() || bad.is_empty(), "the program complains:\n{}", bad.join("\n"));
    }
}

/// `code field` of each error, in order.
pub(crate) fn places(errors: &[UserError]) -> Vec<String> {
    errors.iter().map(|error| format!("{} {}", error.code, error.field)).collect()
}

/// A body as it is, to `/graphql`.
async fn post(place: &Place, content_type: &str, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
    let request = http().post(format!("{}/graphql", place.trestle.url())).header(CONTENT_TYPE, content_type);
    let response = request.body(body).send().await.unwrap();
    let status = response.status();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
}

fn code(body: &Value) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

fn message(body: &Value) -> &str {
    body["errors"][0]["message"].as_str().unwrap_or_default()
}
