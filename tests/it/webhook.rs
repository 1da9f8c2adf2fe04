//! Webhooks: events that a system sends, over real HTTP to real processes, and records that are sent on. What is signed, is
//! signed by the library of the specification, and what we sign it verifies.

mod faults;
mod receiving;
mod refusing;
mod sending;

use std::sync::Arc;

use chrono::Utc;
use reqwest::StatusCode;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::harness::client::{Response, http};
use crate::harness::trestle::Trestle;
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, changed_stream, into_table, text};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const WEBHOOK: &str = "query($id: ID!) { system(id: $id) { webhook {
    url path previousUrlUntil receivedCount lastReceivedAt waitingCount waitingBytes refusedCount lastRefusedAt lastRefusal
} } }";
/// Events under way at once: fewer than an endpoint takes.
const IN_FLIGHT: usize = 40;

/// A system that receives, of one tenant.
struct Place {
    scene: Scene,
    system: String,
    address: Address,
}

/// Where it is sent to, and by which secret.
#[derive(Clone)]
struct Address {
    http: reqwest::Client,
    url: String,
    secret: String,
}

impl Place {
    async fn of(trestle: &Trestle, receive: Value) -> Self {
        Self::in_scene(Scene::of(trestle).await, receive).await
    }

    async fn shared() -> Self {
        Self::in_scene(Scene::shared().await, json!({})).await
    }

    async fn in_scene(scene: Scene, receive: Value) -> Self {
        let mut config =
            json!({"receive": {"verification": {"kind": "standardWebhooks"}, "coalesceSeconds": 0}});
        for (name, value) in receive.as_object().unwrap() {
            config["receive"][name] = value.clone();
        }
        let credentials = json!({"secrets": [SECRET]});
        let system = scene.fixture.system(&scene.tenant, "webhook", config, credentials).await;
        let path = text(&webhook(&scene, &system).await["path"]);
        let url = format!("{}{path}", scene.admin().url());
        let address = Address { http: http(), url, secret: SECRET.to_owned() };
        Self { scene, system, address }
    }

    async fn webhook(&self) -> Value {
        webhook(&self.scene, &self.system).await
    }

    /// From the inbox to a table of its own.
    async fn reading(&self, table: &str, source: Value) -> String {
        let sqlite = self.scene.sqlite_system(&format!("{table}.db")).await;
        let stream = changed_stream(source, into_table(table), json!({"mode": "INCREMENTAL"}));
        self.scene.integration(&self.system, &sqlite, stream).await
    }

    /// The ids that have arrived, in order.
    async fn arrived(&self, table: &str) -> Vec<String> {
        let path = self.scene.files.path(&format!("{table}.db"));
        if !path.exists() {
            return Vec::new();
        }
        let exists = format!("SELECT name FROM sqlite_master WHERE name = '{table}'");
        if crate::scene::sqlite_rows(&path, &exists).await.is_empty() {
            return Vec::new();
        }
        crate::scene::sqlite_rows(&path, &format!("SELECT id FROM {table} ORDER BY id")).await
    }

    /// Waits until so many are there, and gives their ids.
    async fn arrive(&self, table: &str, count: usize) -> Vec<String> {
        until(&format!("{count} records arrive"), SOON * 2, async || {
            let ids = self.arrived(table).await;
            if ids.len() == count { Ok(ids) } else { Err(ids.len()) }
        })
        .await
    }

    /// Runs of an integration, once all have ended, newest first.
    async fn ended_runs(&self, integration: &str) -> Vec<Value> {
        until("its runs end", SOON, async || {
            let runs = self.scene.runs_of(integration).await;
            let is_over = |run: &Value| !matches!(run["status"].as_str(), Some("QUEUED" | "RUNNING"));
            if runs.iter().all(is_over) { Ok(runs) } else { Err(runs) }
        })
        .await
    }
}

async fn webhook(scene: &Scene, system: &str) -> Value {
    scene.admin().query(WEBHOOK, json!({"id": system})).await["system"]["webhook"].clone()
}

impl Address {
    /// An event as its sender signs it.
    fn event(&self, id: &str, body: &str) -> reqwest::RequestBuilder {
        self.event_at(id, body, Utc::now().timestamp())
    }

    fn event_at(&self, id: &str, body: &str, timestamp: i64) -> reqwest::RequestBuilder {
        let signature = Webhook::new(&self.secret).unwrap().sign(id, timestamp, body.as_bytes()).unwrap();
        self.http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body.to_owned())
    }

    /// Sends a record.
    async fn send(&self, id: &str) -> StatusCode {
        answer(self.event(id, &order(id))).await.status
    }

    /// Sends records, many at once; each with the id of its event.
    async fn send_all(&self, ids: Vec<String>) -> Vec<StatusCode> {
        let (places, mut sends) = (Arc::new(Semaphore::new(IN_FLIGHT)), JoinSet::new());
        for id in ids {
            let (address, places) = (self.clone(), Arc::clone(&places));
            sends.spawn(async move {
                let _place = places.acquire().await.unwrap();
                address.send(&id).await
            });
        }
        sends.join_all().await
    }
}

fn order(id: &str) -> String {
    json!({"type": "order.paid", "data": {"id": id, "amount": 1}}).to_string()
}

async fn answer(request: reqwest::RequestBuilder) -> Response {
    let response = request.send().await.unwrap();
    let status = response.status();
    Response { status, body: response.json().await.unwrap_or(Value::Null) }
}

fn new_id() -> String {
    format!("msg_{}", Uuid::now_v7().simple())
}

/// Source options of most streams here.
fn data() -> Value {
    json!({"recordPointer": "/data"})
}

/// Runs of these, by their trigger and status.
fn triggers(runs: &[Value]) -> Vec<(String, String)> {
    runs.iter().map(|run| (text(&run["trigger"]), text(&run["status"]))).collect()
}
