//! What is asked, and what the right answers are by the rows themselves.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::load::{Compare, Target};

/// The standard portal query, of the program.
pub const PORTAL: &str = "{ runs(first: 20) { edges { node { id status startedAt finishedAt \
    counts { read created updated unchanged skipped failed } integration { id name } \
    failures(first: 5) { edges { node { id category summary } } } } } } }";
/// A page of it, behind a cursor.
pub const PORTAL_PAGE: &str = "query($after: String) { runs(first: 20, after: $after) { edges { node { id status startedAt \
    finishedAt counts { read created updated unchanged skipped failed } integration { id name } \
    failures(first: 5) { edges { node { id category summary } } } } } } }";
const FAILURE: &str = "query($id: ID!) { failure(id: $id) { id status category stage code responsibleParty retryable summary \
    suggestedAction fieldErrors { path rule message } businessReference attempts failedAt integration { id name } \
    run { id status } viewerCanRetry } }";
const INBOX: &str = "{ inbox(first: 20) { edges { node { id status code category impact summary failureCount firstSeenAt \
    lastSeenAt integration { id name } } } pageInfo { hasNextPage endCursor } } }";
const OVERVIEW: &str = "query($id: ID!) { tenant(id: $id) { health(windowHours: 2160) { status \
    integrations { status integrations } metrics { runs { succeeded partial failed canceled } records { read failed } \
    runSuccessPercent recordSuccessPercent latencyP50Ms latencyP95Ms } } } }";
const SERIES: &str = "query($id: ID!, $from: DateTime) { tenant(id: $id) { health { series(by: DAY, from: $from) { from \
    runs { succeeded partial failed canceled } records { read failed } runSuccessPercent latencyP50Ms latencyP95Ms } } } }";
const START_RUN: &str = "mutation($id: ID!) { startRun(input: {integrationId: $id}) { run { id status } \
    userErrors { code message } } }";
/// Failures that are asked for by id.
const FAILURES_ASKED: i64 = 5_000;
/// Days that a series has.
const SERIES_DAYS: i32 = 89;
/// Of its runs, those that are in a window of whole days at least.
const IN_WINDOW: f64 = 0.9;

/// A tenant, and what its callers have.
#[derive(Clone)]
pub struct Tenant {
    /// Its row.
    pub id: Uuid,
    /// A portal session of the program.
    pub token: String,
    /// A token of the others.
    pub signed: String,
}

/// One run of an answer: its id, and how many failures stand with it.
pub type Shown = (Uuid, usize);

/// The id as the program writes it.
pub fn global_id(kind: &str, id: Uuid) -> String {
    format!("{kind}_{}", id.simple())
}

/// The newest runs of every tenant, from the one of this place on, with as many failures as are asked for.
pub async fn newest(
    connection: &mut PgConnection,
    tenants: &[Tenant],
    skipped: i64,
) -> anyhow::Result<Vec<Vec<Shown>>> {
    let ids: Vec<Uuid> = tenants.iter().map(|tenant| tenant.id).collect();
    let rows: Vec<(Uuid, Uuid, i64)> = sqlx::query_as(
        "SELECT t.id, r.id, r.failed_count FROM unnest($1::uuid[]) AS t (id) CROSS JOIN LATERAL (SELECT * FROM run \
         WHERE run.tenant_id = t.id ORDER BY run.id DESC OFFSET $2 LIMIT 20) AS r ORDER BY t.id, r.id DESC",
    )
    .bind(ids)
    .bind(skipped)
    .fetch_all(connection)
    .await?;
    let mut of: HashMap<Uuid, Vec<Shown>> = HashMap::new();
    for (tenant, run, failed) in rows {
        of.entry(tenant).or_default().push((run, usize::try_from(failed.min(5))?));
    }
    let runs = tenants.iter().map(|tenant| of.remove(&tenant.id).context("a tenant without runs"));
    runs.collect()
}

/// Compares answers to a portal query, of whatever server.
pub fn shows(expected: Arc<Vec<Vec<Shown>>>) -> Compare {
    Arc::new(move |number, answer| {
        let runs = if answer["data"].is_null() { &answer["runs"] } else { &answer["data"]["runs"] };
        let mut shown = Vec::new();
        for run in nodes(runs) {
            for name in ["status", "startedAt", "finishedAt"] {
                ensure!(run[name].is_string(), "a run without {name}");
            }
            ensure!(text(&run["integration"]["name"]).starts_with("Orders "), "a run without integration");
            let failures = nodes(&run["failures"]);
            let is_whole =
                |failure: &&Value| failure["category"].is_string() && failure["summary"].is_string();
            ensure!(failures.iter().all(is_whole), "a failure without words");
            shown.push((uuid(&run["id"])?, failures.len()));
        }
        ensure!(shown == expected[number], "other runs than {:?}", expected[number]);
        Ok(())
    })
}

/// A failure by its id, of tenants at random.
pub async fn failure(connection: &mut PgConnection, url: &str, tenants: &[Tenant]) -> anyhow::Result<Target> {
    let rows: Vec<(Uuid, Uuid)> =
        sqlx::query_as("SELECT id, tenant_id FROM failure ORDER BY md5(id::text) LIMIT $1")
            .bind(FAILURES_ASKED)
            .fetch_all(connection)
            .await?;
    let ids: Vec<Uuid> = rows.iter().map(|(id, _tenant)| *id).collect();
    let requests = of_tenants(tenants, &rows, FAILURE, "failure")?;
    let compare: Compare = Arc::new(move |number, answer| {
        let failure = &answer["data"]["failure"];
        ensure!(uuid(&failure["id"])? == ids[number], "another failure than {}", ids[number]);
        ensure!(text(&failure["integration"]["name"]).starts_with("Orders "), "no integration");
        Ok(())
    });
    Target::new(url, requests, compare)
}

/// The first page of each tenant's inbox.
pub async fn inbox(connection: &mut PgConnection, url: &str, tenants: &[Tenant]) -> anyhow::Result<Target> {
    let waiting = counts(
        connection,
        tenants,
        "SELECT tenant_id, least(count(*), 20) FROM failure_group WHERE status = 'ONGOING' AND responsible_party = 'CUSTOMER' \
         GROUP BY 1",
    )
    .await?;
    let requests = tenants.iter().map(|tenant| (tenant.token.clone(), json!({"query": INBOX})));
    let compare: Compare = Arc::new(move |number, answer| {
        let groups = nodes(&answer["data"]["inbox"]).len();
        ensure!(groups == waiting[number], "not the {} groups that wait", waiting[number]);
        Ok(())
    });
    Target::new(url, requests, compare)
}

/// How a tenant's integrations are, and what became of their runs in 90 days.
pub async fn overview(
    connection: &mut PgConnection,
    url: &str,
    tenants: &[Tenant],
) -> anyhow::Result<Target> {
    let runs = counts(connection, tenants, "SELECT tenant_id, count(*) FROM run GROUP BY 1").await?;
    let compare: Compare = Arc::new(move |number, answer| {
        let health = &answer["data"]["tenant"]["health"];
        let of = |name: &str| count(&health["metrics"]["runs"][name]);
        let (shown, all) = (of("succeeded")? + of("partial")?, runs[number]);
        ensure!(shown <= all && shown as f64 >= all as f64 * IN_WINDOW, "not the {all} runs of the tenant");
        Ok(())
    });
    let requests = tenants.iter().map(|tenant| {
        let body = json!({"query": OVERVIEW, "variables": {"id": global_id("tenant", tenant.id)}});
        (tenant.token.clone(), body)
    });
    Target::new(url, requests, compare)
}

/// What became of a tenant's runs on each of 90 days.
pub async fn series(connection: &mut PgConnection, url: &str, tenants: &[Tenant]) -> anyhow::Result<Target> {
    let from: DateTime<Utc> = sqlx::query_scalar("SELECT now() - make_interval(days => $1)")
        .bind(SERIES_DAYS)
        .fetch_one(&mut *connection)
        .await?;
    let sql = format!(
        "SELECT tenant_id, count(DISTINCT begins_at) FROM health_rollup WHERE period = 'DAY' \
         AND begins_at >= '{}' GROUP BY 1",
        from.format("%Y-%m-%d 00:00:00Z")
    );
    let days = counts(connection, tenants, &sql).await?;
    let compare: Compare = Arc::new(move |number, answer| {
        let shown = nodes(&answer["data"]["tenant"]["health"]["series"]).len();
        ensure!(shown == days[number], "not the {} days with runs", days[number]);
        Ok(())
    });
    let requests = tenants.iter().map(|tenant| {
        let variables = json!({"id": global_id("tenant", tenant.id), "from": from.to_rfc3339()});
        (tenant.token.clone(), json!({"query": SERIES, "variables": variables}))
    });
    Target::new(url, requests, compare)
}

/// The start of a run, of integrations at random.
pub async fn start_run(
    connection: &mut PgConnection,
    url: &str,
    tenants: &[Tenant],
) -> anyhow::Result<Target> {
    let ids: Vec<Uuid> = tenants.iter().map(|tenant| tenant.id).collect();
    let rows: Vec<(Uuid, Uuid)> =
        sqlx::query_as("SELECT id, tenant_id FROM integration WHERE tenant_id = ANY($1) ORDER BY id")
            .bind(ids)
            .fetch_all(connection)
            .await?;
    let requests = of_tenants(tenants, &rows, START_RUN, "integration")?;
    let compare: Compare = Arc::new(|_number, answer| {
        let payload = &answer["data"]["startRun"];
        ensure!(payload["userErrors"] == json!([]) && payload["run"]["id"].is_string(), "no run was started");
        Ok(())
    });
    Target::new(url, requests, compare)
}

/// What is asked about each of these rows, which are named with their tenants, by a caller of its tenant.
fn of_tenants(
    tenants: &[Tenant],
    rows: &[(Uuid, Uuid)],
    query: &str,
    kind: &str,
) -> anyhow::Result<Vec<(String, Value)>> {
    let tokens: HashMap<Uuid, &String> = tenants.iter().map(|tenant| (tenant.id, &tenant.token)).collect();
    let request = |(id, tenant): &(Uuid, Uuid)| {
        let token = tokens.get(tenant).with_context(|| format!("nobody asks for {kind} {id}"))?;
        Ok(((*token).clone(), json!({"query": query, "variables": {"id": global_id(kind, *id)}})))
    };
    rows.iter().map(request).collect()
}

/// A number of each tenant that a statement counts, 0 where it says none.
async fn counts(connection: &mut PgConnection, tenants: &[Tenant], sql: &str) -> anyhow::Result<Vec<usize>> {
    let rows: Vec<(Uuid, i64)> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(connection).await?;
    let of: HashMap<Uuid, i64> = rows.into_iter().collect();
    let counts = tenants.iter().map(|tenant| of.get(&tenant.id).copied().unwrap_or_default());
    counts.map(|count| Ok(usize::try_from(count)?)).collect()
}

/// The objects of a list, however it is written: edges, nodes, or themselves.
fn nodes(list: &Value) -> Vec<&Value> {
    if let Some(edges) = list["edges"].as_array() {
        return edges.iter().map(|edge| &edge["node"]).collect();
    }
    list["nodes"].as_array().or_else(|| list.as_array()).into_iter().flatten().collect()
}

/// A number, which large ones are as text.
fn count(value: &Value) -> anyhow::Result<usize> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    Ok(usize::try_from(number.with_context(|| format!("{value} is no number"))?)?)
}

/// The row of an id, however it is written.
fn uuid(value: &Value) -> anyhow::Result<Uuid> {
    let id = text(value);
    let id = id.rsplit_once('_').map_or(id, |(_kind, id)| id);
    id.parse().with_context(|| format!("the id {value}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
