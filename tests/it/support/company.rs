//! A tenant that is told of what fails by webhook and mail, and what it moves: orders of which one of a hundred is rejected,
//! or records of a vendor. Deliberately absent: who acts on it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::fixture::{PASSWORD, stream};
use crate::harness::outside::{Outside, Pagination};
use crate::harness::postgres::Database;
use crate::harness::smtp::Smtp;
use crate::harness::trestle::Trestle;
use crate::notice::receiver::Receiver;
use crate::notice::verified_elsewhere;
use crate::scene::{Scene, changed_stream, into_table, postgres_execute, text};

/// How many orders there are.
pub const ORDERS: usize = 100_000;
/// Of which the amount is too high: few.
pub const DEAR: usize = 40;
/// Of which the zip code is too long: many.
pub const CHEAP: usize = 960;

/// A tenant, who administers it, and where it is told of what fails.
pub struct Company {
    /// The tenant.
    pub scene: Scene,
    /// Who administers it.
    pub admin: Client,
    email: String,
    receiver: Receiver,
    /// What its webhooks are signed with.
    secret: String,
}

impl Company {
    /// A new one, with a channel of its own besides the one that everybody has.
    pub async fn of(trestle: &Trestle) -> Self {
        let scene = Scene::of(trestle).await;
        let email = format!("{}@example.com", scene.tenant.slug);
        let person = json!({
            "email": email, "name": "Ada", "role": "TENANT_ADMIN", "tenantId": scene.tenant.id,
            "password": PASSWORD,
        });
        scene.admin().mutate("createUser", person, "user { id }").await;
        let admin = trestle.client().sign_in(&email, PASSWORD).await;
        let receiver = Receiver::start().await;
        let channel = json!({"name": "hook", "kind": "WEBHOOK", "url": receiver.url()});
        let made = admin.mutate("createNoticeChannel", channel, "noticeChannel { id } secret").await;
        // That something is over is told to whoever was told of it.
        let kinds =
            json!(["GROUP_NEW", "GROUP_REGRESSED", "RUN_PARTIAL", "RUN_FAILED", "HELD", "INCIDENT_OPENED"]);
        let channels = json!([made["noticeChannel"]["id"]]);
        let policy = json!({"name": "failures", "channelIds": channels, "selectors": {"kinds": kinds}});
        admin.mutate("createNoticePolicy", policy, "noticePolicy { id }").await;
        Self { scene, admin, email, receiver, secret: text(&made["secret"]) }
    }

    /// An integration of [`orders`] into a table with two rules.
    pub async fn sends_orders(&self, database: &Database) -> String {
        let table = "CREATE TABLE orders (id text PRIMARY KEY,
            amount numeric CONSTRAINT affordable CHECK (amount < 10000),
            zip text CONSTRAINT short CHECK (char_length(zip) = 5))";
        postgres_execute(database, table).await;
        self.scene.files.write_jsonl("orders.jsonl", (0..ORDERS).map(order));
        let (files, table) = (self.scene.file_system().await, self.scene.postgres_system(database).await);
        self.scene.integration(&files, &table, orders()).await
    }

    /// An integration from the vendor, which waits as long as it must.
    pub async fn reads(&self, vendor: &Outside) -> String {
        let source = self.scene.http_system(vendor).await;
        let destination = self.scene.sqlite_system("out.db").await;
        let moves = stream(vendor.source_options(Pagination::Page), into_table("records"));
        let integration = self.scene.integration(&source, &destination, moves).await;
        let patient = json!({"attempts": 100, "firstWaitSeconds": 1, "longestWaitSeconds": 2});
        let input = json!({"integrationId": integration, "retryPolicy": patient});
        self.scene.admin().mutate("updateIntegration", input, "integration { id }").await;
        integration
    }

    /// What its webhook was told, and about what, once so many requests came; sorted.
    pub async fn told(&self, count: usize) -> Vec<(String, String)> {
        let mut told = Vec::new();
        for taken in self.receiver.taken_until(count).await {
            let body = taken.body();
            assert_eq!(body["data"]["tenant"]["id"], json!(self.scene.tenant.id), "{body:#}");
            let about = ["groupId", "incidentId", "runId"].map(|name| text(&body["data"][name]));
            let about = about.into_iter().find(|id| !id.is_empty());
            told.push((text(&body["type"]), about.unwrap_or_else(|| panic!("about nothing: {body:#}"))));
        }
        told.sort();
        told
    }

    /// Subjects of the mails to whoever administers it, once so many came, without names of integrations; sorted.
    pub async fn mailed(&self, smtp: &Smtp, count: usize) -> Vec<String> {
        let mails = smtp.mails_to(&self.email, count).await;
        let subjects = mails.iter().map(|mail| mail.header("Subject").expect("each mail has one"));
        let mut subjects: Vec<String> =
            subjects.map(|subject| subject.rsplit(": ").next().unwrap_or_default().to_owned()).collect();
        subjects.sort();
        subjects
    }

    /// The requests behind the first `known` ones are of this tenant by what somebody else's library says, and no two of
    /// all have one id.
    pub fn verify(&self, known: usize, other: &Self) {
        let taken = self.receiver.taken();
        let ids: BTreeSet<&str> = taken.iter().map(|taken| taken.header("webhook-id")).collect();
        assert_eq!(ids.len(), taken.len(), "{ids:?}");
        assert!(taken.len() > known, "nothing came since");
        for taken in &taken[known..] {
            let said = verified_elsewhere(taken, &self.secret);
            assert!(said.starts_with("verified "), "{said}: {}", taken.raw);
            let said = verified_elsewhere(taken, &other.secret);
            assert!(said.starts_with("refused "), "{said}: {}", taken.raw);
        }
    }
}

/// One of a hundred breaks a rule of the table.
fn order(number: usize) -> Value {
    let (amount, zip) = match number {
        number if number % (ORDERS / DEAR) == 7 => (20_000, "10115"),
        number if number % 100 == 7 => (5, "10115-0007"),
        _ => (5, "10115"),
    };
    json!({"id": format!("PO-{number:05}"), "amount": amount, "zip": zip})
}

/// The stream of orders: much depends on large ones.
pub fn orders() -> Value {
    let large =
        json!({"properties": {"amount": {"type": "number", "minimum": 10_000}}, "required": ["amount"]});
    let rule = json!({"when": large, "impact": "CRITICAL", "label": "large order"});
    let impact = json!({"base": "LOW", "valueField": "/amount", "rules": [rule]});
    let changes = json!({"name": "orders", "impact": impact});
    changed_stream(json!({"path": "orders.jsonl"}), json!({"table": "orders"}), changes)
}
