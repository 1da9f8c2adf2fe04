//! The limit: what a careful person writes by hand for the portal query alone, with three prepared statements over the
//! same tables. No GraphQL, no row-level security, no accounting; one token is good until it ends.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chrono::{DateTime, Utc};
use clap::Args;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Serialize;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::token::{AUDIENCE, Claims, ROLE};

/// As many connections as the program has for tenants.
const CONNECTIONS: u32 = 20;

const RUNS: &str = "SELECT id, integration_id, status, started_at, finished_at, read_count, created_count, updated_count, \
    unchanged_count, skipped_count, failed_count FROM run WHERE tenant_id = $1 ORDER BY id DESC LIMIT 20";
const INTEGRATIONS: &str = "SELECT id, name FROM integration WHERE tenant_id = $1 AND id = ANY($2)";
const FAILURES: &str = "SELECT f.run_id, f.id, f.category, f.code, f.business_reference FROM unnest($2::uuid[]) AS r (id) \
    CROSS JOIN LATERAL (SELECT * FROM failure WHERE tenant_id = $1 AND run_id = r.id ORDER BY id DESC LIMIT 5) AS f";

/// Where the rows are, and how tokens are signed.
#[derive(Args)]
pub struct Options {
    /// The program's database
    #[arg(long)]
    database: String,
    /// The secret of the tokens
    #[arg(long)]
    secret: String,
}

struct Shared {
    pool: PgPool,
    key: DecodingKey,
    validation: Validation,
}

/// Serves until it is ended.
///
/// # Errors
/// When it can't listen or connect.
#[expect(clippy::print_stdout, reason = "whoever started it waits for the address")]
pub async fn serve(options: &Options) -> anyhow::Result<()> {
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .test_before_acquire(false)
        .connect(&options.database)
        .await
        .context("connecting")?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[AUDIENCE]);
    let key = DecodingKey::from_secret(options.secret.as_bytes());
    let shared = Arc::new(Shared { pool, key, validation });
    let router = Router::new().route("/portal", post(portal)).with_state(shared);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("listening")?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await.context("serving")
}

async fn portal(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let claims = token.and_then(|token| {
        jsonwebtoken::decode::<Claims>(token, &shared.key, &shared.validation).ok().map(|token| token.claims)
    });
    let Some(claims) = claims.filter(|claims| claims.role == ROLE) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    match newest_runs(&shared.pool, claims.tenant_id).await {
        Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
    }
}

type Time = Option<DateTime<Utc>>;
/// As [`RUNS`] selects them.
type RunRow = (Uuid, Uuid, String, Time, Time, i64, i64, i64, i64, i64, i64);
/// As [`FAILURES`] selects them.
type FailureRow = (Uuid, Uuid, String, String, Option<String>);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    id: Uuid,
    status: &'a str,
    started_at: Time,
    finished_at: Time,
    counts: Counts,
    integration: Integration<'a>,
    failures: Vec<Failure<'a>>,
}

#[derive(Serialize)]
struct Counts {
    read: i64,
    created: i64,
    updated: i64,
    unchanged: i64,
    skipped: i64,
    failed: i64,
}

#[derive(Serialize)]
struct Integration<'a> {
    id: Uuid,
    name: &'a str,
}

#[derive(Serialize)]
struct Failure<'a> {
    id: Uuid,
    category: &'a str,
    summary: String,
}

#[derive(Serialize)]
struct Answer<'a> {
    runs: Vec<Run<'a>>,
}

async fn newest_runs(pool: &PgPool, tenant_id: Uuid) -> anyhow::Result<Vec<u8>> {
    let mut connection = pool.acquire().await?;
    let runs: Vec<RunRow> = sqlx::query_as(RUNS).bind(tenant_id).fetch_all(&mut *connection).await?;
    let mut ids: Vec<Uuid> = runs.iter().map(|run| run.1).collect();
    ids.sort_unstable();
    ids.dedup();
    let integrations: Vec<(Uuid, String)> =
        sqlx::query_as(INTEGRATIONS).bind(tenant_id).bind(ids).fetch_all(&mut *connection).await?;
    let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
    let failures: Vec<FailureRow> =
        sqlx::query_as(FAILURES).bind(tenant_id).bind(ids).fetch_all(&mut *connection).await?;
    drop(connection);

    let names: HashMap<Uuid, &str> = integrations.iter().map(|(id, name)| (*id, name.as_str())).collect();
    let mut failures_of: HashMap<Uuid, Vec<Failure<'_>>> = HashMap::new();
    for (run_id, id, category, code, reference) in &failures {
        let summary = summary(code, reference.as_deref());
        failures_of.entry(*run_id).or_default().push(Failure { id: *id, category, summary });
    }
    let mut shown = Vec::with_capacity(runs.len());
    for row in &runs {
        let (
            id,
            integration_id,
            status,
            started_at,
            finished_at,
            read,
            created,
            updated,
            unchanged,
            skipped,
            failed,
        ) = row;
        let name = names.get(integration_id).copied().context("a run without integration")?;
        shown.push(Run {
            id: *id,
            status,
            started_at: *started_at,
            finished_at: *finished_at,
            counts: Counts {
                read: *read,
                created: *created,
                updated: *updated,
                unchanged: *unchanged,
                skipped: *skipped,
                failed: *failed,
            },
            integration: Integration { id: *integration_id, name },
            // Most have none.
            failures: failures_of.remove(id).unwrap_or_default(),
        });
    }
    Ok(serde_json::to_vec(&Answer { runs: shown })?)
}

/// What happened, in words.
fn summary(code: &str, reference: Option<&str>) -> String {
    let reference = reference.unwrap_or("without a key");
    match code {
        "record.schema_violation" => format!("Record {reference} does not meet the rules for this data."),
        "record.duplicate_key" => format!("Record {reference} is there more than once."),
        "destination.rejected" => format!("The destination does not take record {reference}."),
        _ => format!("Record {reference} could not be converted."),
    }
}
