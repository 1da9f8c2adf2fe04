//! Systems whose access is had by OAuth 2.0, at a real authorization server that takes a refresh token once: one renewal
//! for all workers, what becomes of one that is interrupted, and connecting a system that has lost its access.

mod connect;
mod renewal;

use serde_json::{Value, json};

use crate::harness::authorization_server::{AuthorizationServer, Page, RECORDS};
use crate::harness::trestle::Trestle;
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, changed_stream, into_table, text};

/// Runs that begin at once, of as many integrations.
const INTEGRATIONS: usize = 6;

const SYSTEM: &str = "query($id: ID!) { system(id: $id) {
    status statusMessage authorization { grant status connectedAt expiresAt scopes }
} }";

/// A tenant with a system whose access is had at a server.
struct Place<'a> {
    scene: Scene,
    server: &'a AuthorizationServer,
    trestle: &'a Trestle,
    system: String,
}

impl<'a> Place<'a> {
    /// Whose access nobody has given yet.
    async fn new(trestle: &'a Trestle, server: &'a AuthorizationServer) -> Self {
        Self::with(trestle, server, server.config(json!({})), server.credentials()).await
    }

    async fn with(
        trestle: &'a Trestle,
        server: &'a AuthorizationServer,
        config: Value,
        credentials: Value,
    ) -> Self {
        let scene = Scene::of(trestle).await;
        let system = scene.fixture.system(&scene.tenant, "http", config, credentials).await;
        Self { scene, server, trestle, system }
    }

    /// To which somebody has given access.
    async fn connected(trestle: &'a Trestle, server: &'a AuthorizationServer) -> Self {
        let place = Self::new(trestle, server).await;
        place.connect().await;
        place
    }

    async fn link(&self, changes: Value) -> String {
        let mut input = json!({"systemId": self.system});
        for (name, value) in changes.as_object().unwrap() {
            input[name] = value.clone();
        }
        let made = self.scene.admin().mutate("createConnectLink", input, "url expiresAt").await;
        text(&made["url"])
    }

    async fn connect(&self) -> Page {
        let link = self.link(json!({})).await;
        let page = self.server.connect(self.trestle, &link, "ada").await;
        assert!(page.status.is_success(), "{page:?}");
        page
    }

    async fn system(&self) -> Value {
        self.scene.admin().query(SYSTEM, json!({"id": self.system})).await["system"].clone()
    }

    /// From the system to a table of its own.
    async fn reading(&self, table: &str) -> String {
        let sqlite = self.scene.sqlite_system(&format!("{table}.db")).await;
        let stream = changed_stream(json!({"path": "orders"}), into_table(table), json!({}));
        let id = self.scene.integration(&self.system, &sqlite, stream).await;
        let policy = json!({"attempts": 100, "firstWaitSeconds": 1, "longestWaitSeconds": 1});
        let input = json!({"integrationId": id, "retryPolicy": policy});
        self.scene.admin().mutate("updateIntegration", input, "integration { id }").await;
        id
    }

    /// Begins a run of each of several integrations at once, and waits for their ends.
    async fn run_many(&self) -> Vec<Value> {
        let mut integrations = Vec::new();
        for number in 0..INTEGRATIONS {
            integrations.push(self.reading(&format!("t{number}")).await);
        }
        let runs = integrations.iter().map(|integration| self.scene.run(integration));
        futures::future::join_all(runs).await
    }

    /// Waits until the run that an integration's failed run is retried by has brought everything.
    async fn retried(&self, integration: &str) {
        until("what failed is retried and arrives", SOON, async || {
            let runs = self.scene.runs_of(integration).await;
            let is_done = (&runs[0]["trigger"], &runs[0]["status"]) == (&json!("RETRY"), &json!("SUCCEEDED"));
            if is_done { Ok(()) } else { Err(runs) }
        })
        .await;
    }

    async fn arrived(&self, table: &str) -> usize {
        let sql = format!("SELECT id FROM {table}");
        self.scene.sqlite_rows(&format!("{table}.db"), &sql).await.len()
    }
}

fn all_arrived(runs: &[Value]) {
    for run in runs {
        assert_eq!(
            (&run["status"], &run["counts"]["read"]),
            (&json!("SUCCEEDED"), &json!(RECORDS)),
            "{run:#}"
        );
    }
}
