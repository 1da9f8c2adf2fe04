//! The program as it is operated: its API in a process of its own, on PostgreSQL and Redis, with data and with a portal
//! session of each tenant. No worker runs, so that nothing else changes what is read.

use std::time::Duration;

use anyhow::Context;
use futures::{StreamExt, TryStreamExt};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::data::{self, Size};
use super::question::{Tenant, global_id};
use super::token;
use crate::Bench;
use crate::report::{mebibytes, progress};
use crate::servers::{Postgres, Redis};
use crate::trestle::{Directory, Settings, Stores, Trestle};

/// Sessions that are made at once.
const SESSIONS_AT_ONCE: usize = 8;
/// How long they last, in seconds: a day.
const SESSION_SECONDS: u32 = 86_400;
/// What their tokens may do.
const SCOPES: [&str; 4] = ["integrations:read", "runs:read", "runs:start", "failures:read"];

/// The program with its data.
pub struct Program {
    /// Its name for people and of its database.
    pub database: String,
    /// The tenants, in the order of their ids.
    pub tenants: Vec<Tenant>,
    trestle: Trestle,
    redis: Redis,
}

impl Program {
    /// Starts it on a database of this name, which is made anew.
    pub async fn start(
        bench: &Bench,
        postgres: &Postgres,
        database: &str,
        size: Size,
    ) -> anyhow::Result<Self> {
        postgres.create_database(database).await?;
        let redis = Redis::start()?;
        let (own, url) = (postgres.url(database), redis.url());
        let stores = Stores::Apart { database: &own, redis: &url };
        let (filled, _) = Directory::create(bench)?.start_server(stores)?;
        data::fill(postgres, database, &filled.admin().await?, size).await?;
        // Anew, so that it never held anything of what was made.
        let (trestle, _) = filled.stop().start_server(stores)?;
        let tenants = tenants(&trestle, &own).await?;
        Ok(Self { database: database.to_owned(), tenants, trestle, redis })
    }

    /// Stops its process.
    pub fn pause(&mut self) {
        self.trestle.pause();
    }

    /// Starts its process on its data once more, with these settings. Sessions stay as good as they are; its address is
    /// another one.
    pub fn resume(&mut self, postgres: &Postgres, settings: Settings) -> anyhow::Result<()> {
        let (own, url) = (postgres.url(&self.database), self.redis.url());
        self.trestle.resume(Stores::Apart { database: &own, redis: &url }, settings)
    }

    /// Where its API is.
    pub fn api(&self) -> String {
        self.trestle.api()
    }

    /// Time of the processor that its process took.
    pub fn cpu(&self) -> Option<Duration> {
        self.trestle.server().cpu()
    }

    /// That of its Redis.
    pub fn redis_cpu(&self) -> Option<Duration> {
        self.redis.cpu()
    }

    /// Most memory that it had, in MiB.
    pub fn memory_peak(&self) -> Option<f64> {
        self.trestle.server().memory_peak_bytes().map(mebibytes)
    }
}

/// The tenants that were made, each with a portal session and a token for the others.
async fn tenants(trestle: &Trestle, database: &str) -> anyhow::Result<Vec<Tenant>> {
    let mut connection = PgConnection::connect(database).await?;
    let ids: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM tenant WHERE slug LIKE 'portal-%' ORDER BY id")
        .fetch_all(&mut connection)
        .await?;
    connection.close().await?;
    progress(&format!("making {} portal sessions", ids.len()));
    let admin = trestle.admin().await?;
    let sessions = futures::stream::iter(ids).map(|id| {
        let admin = admin.clone();
        async move {
            let input = json!({
                "tenantId": global_id("tenant", id), "endUser": "Ada", "scopes": SCOPES, "ttlSeconds": SESSION_SECONDS,
            });
            let payload = admin.mutate("createPortalSession", input, "token").await?;
            let token = payload["token"].as_str().context("the token of a portal session")?.to_owned();
            anyhow::Ok(Tenant { id, token, signed: token::sign(id)? })
        }
    });
    sessions.buffered(SESSIONS_AT_ONCE).try_collect().await
}
