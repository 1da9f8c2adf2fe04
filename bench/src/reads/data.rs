//! What is read: tenants with integrations, runs and failures, as many as one likes, written by a few statements into
//! the program's own tables as if they had come one by one over ninety days.
//!
//! Every row is a function of its number, so that ids need not be looked up. A run in so many has failures, one to eleven.

use anyhow::Context;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::client::Client;
use crate::report::{progress, thousands};
use crate::servers::Postgres;

/// Failures that a run has which has any, on average.
const FAILURES_OF_RUN: u64 = 6;
/// The tables that are large, whose plain indexes are made when they are full.
const LARGE: &str =
    "'run', 'failure', 'failure_group', 'failure_group_hour', 'health_rollup', 'integration_health'";

/// How much there is.
#[derive(Clone, Copy)]
pub struct Size {
    /// Tenants.
    pub tenants: u32,
    /// Integrations of all of them together.
    pub integrations: u32,
    /// Runs of all of them together.
    pub runs: u32,
    /// Failures, about.
    pub failures: u32,
    /// Whether the runs are rolled up by hour and day too.
    pub has_health: bool,
}

/// Fills the program's database, which has been migrated. `admin` makes what is copied.
///
/// # Errors
/// When the database refuses a statement: the tables are not what they were.
pub async fn fill(postgres: &Postgres, database: &str, admin: &Client, size: Size) -> anyhow::Result<()> {
    // What the program itself would write into an integration, whatever that is by now.
    let tenant = admin.tenant("template").await?;
    let system = admin.system(&tenant, "sandbox", serde_json::json!({}), None).await?;
    let stream = serde_json::json!({
        "name": "orders", "mode": "FULL", "keyFields": ["id"], "source": {"records": 0}, "destination": {},
    });
    admin.integration(&tenant, &system, &system, stream).await?;

    let mut connection = PgConnection::connect(&postgres.url(database)).await?;
    let mut steps = vec![
        ("preparing", prepare(size)),
        ("tenants", TENANTS.to_owned()),
        ("systems", SYSTEMS.to_owned()),
        ("integrations", INTEGRATIONS.to_owned()),
        ("runs", RUNS.to_owned()),
        ("failures", FAILURES.to_owned()),
        ("groups of failures", GROUPS.to_owned()),
    ];
    if size.has_health {
        steps.push(("health", super::health::ROLLUPS.to_owned()));
    }
    steps.push(("indexes", INDEXES.to_owned()));
    if size.has_health {
        steps.push(("health of integrations", super::health::STATUSES.to_owned()));
    }
    progress(&format!("making {} runs", thousands(f64::from(size.runs))));
    for (what, sql) in steps {
        connection.execute(AssertSqlSafe(sql)).await.with_context(|| format!("making {what}"))?;
    }
    connection.close().await?;
    postgres.execute(database, "VACUUM ANALYZE").await?;
    postgres.execute(database, "CHECKPOINT").await
}

/// Numbers and functions for the other statements, in one connection. Constraints hold by construction, and checking
/// them row by row would take minutes.
fn prepare(size: Size) -> String {
    let of_tenant = (size.integrations / size.tenants).max(1);
    let failing = (FAILURES_OF_RUN * u64::from(size.runs) / u64::from(size.failures.max(1))).max(1);
    format!(
        "SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '512MB';
CREATE TEMP TABLE size AS SELECT {tenants}::bigint AS tenants, {of_tenant}::bigint AS of_tenant, {runs}::bigint AS runs,
  {failing}::bigint AS failing, now() - interval '90 days' AS begin,
  (interval '90 days' - interval '10 minutes') / {runs} AS step;
CREATE FUNCTION pg_temp.id(at timestamptz, kind text, n bigint) RETURNS uuid STABLE LANGUAGE sql AS $$
  SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0')
    || '8' || substr(md5(kind || n), 1, 15))::uuid $$;
CREATE FUNCTION pg_temp.tenant(begin timestamptz, n bigint) RETURNS uuid STABLE LANGUAGE sql AS $$
  SELECT pg_temp.id(begin - interval '3 days' + n * interval '1 ms', 'tenant', n) $$;
CREATE FUNCTION pg_temp.system(begin timestamptz, n bigint) RETURNS uuid STABLE LANGUAGE sql AS $$
  SELECT pg_temp.id(begin - interval '2 days' + n * interval '1 ms', 'system', n) $$;
CREATE FUNCTION pg_temp.integration(begin timestamptz, n bigint) RETURNS uuid STABLE LANGUAGE sql AS $$
  SELECT pg_temp.id(begin - interval '1 day' + n * interval '1 ms', 'integration', n) $$;
CREATE FUNCTION pg_temp.failure_group(begin timestamptz, n bigint) RETURNS uuid STABLE LANGUAGE sql AS $$
  SELECT pg_temp.id(begin + n * interval '1 ms', 'group', n) $$;
CREATE TEMP TABLE plain_index AS
  SELECT i.indexrelid::regclass::text AS name, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') AS definition
  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
  WHERE c.relnamespace = 'public'::regnamespace AND c.relname IN ({LARGE}) AND NOT i.indisunique
    AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = i.indexrelid);
DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT * FROM plain_index LOOP EXECUTE 'DROP INDEX ' || one.name; END LOOP; END $$;
",
        tenants = size.tenants,
        runs = size.runs,
    )
}

const TENANTS: &str = "\
INSERT INTO tenant (id, slug, name, status, created_at, updated_at)
SELECT pg_temp.tenant(begin, n), 'portal-' || n, 'Portal ' || n, 'ACTIVE', begin, begin
FROM size, generate_series(0, tenants - 1) AS n";

const SYSTEMS: &str = "\
INSERT INTO system (id, tenant_id, name, connector, config, status, created_at, updated_at)
SELECT pg_temp.system(begin, n), pg_temp.tenant(begin, n / 2), (ARRAY['Shop', 'Books'])[1 + n % 2], template.connector,
  template.config, 'HEALTHY', begin, begin
FROM size, (SELECT * FROM system LIMIT 1) AS template, generate_series(0, tenants * 2 - 1) AS n";

const INTEGRATIONS: &str = "\
INSERT INTO integration (id, tenant_id, name, status, source_id, destination_id, streams, created_at, updated_at)
SELECT pg_temp.integration(begin, n), pg_temp.tenant(begin, n / of_tenant), 'Orders ' || n % of_tenant, 'ACTIVE',
  pg_temp.system(begin, n / of_tenant * 2), pg_temp.system(begin, n / of_tenant * 2 + 1), template.streams, begin, begin
FROM size, (SELECT * FROM integration LIMIT 1) AS template, generate_series(0, tenants * of_tenant - 1) AS n";

/// In the order of time, tenants taking turns; a tenant's integrations take turns too, a little out of step with what
/// fails. The old failures have been dealt with.
const RUNS: &str = "\
INSERT INTO run (id, tenant_id, integration_id, status, trigger, triggered_by, scope, queued_at, started_at, finished_at,
  read_count, created_count, updated_count, unchanged_count, skipped_count, failed_count, trace_id)
SELECT pg_temp.id(at, 'run', n), pg_temp.tenant(begin, t), pg_temp.integration(begin, t * of_tenant + place),
  CASE WHEN failed = 0 THEN 'SUCCEEDED' WHEN n < runs * 7 / 10 THEN 'RECOVERED' ELSE 'PARTIAL' END,
  'SCHEDULE', 'the schedule', 'ALL_RECORDS', at, at + interval '30 ms', at + interval '1 s' * (1 + n % 97 * 0.25),
  100 + n % 900, n % 40, n % 30, 100 + n % 900 - n % 40 - n % 30 - failed, 0, failed, md5('trace' || n)
FROM (SELECT *, begin + n * step AS at, (turn + turn / of_tenant) % of_tenant AS place,
    CASE WHEN turn % failing = t % failing THEN 1 + (turn / failing + t) % 11 ELSE 0 END AS failed
  FROM (SELECT *, n % tenants AS t, n / tenants AS turn FROM size, generate_series(0, runs - 1) AS n) AS numbered) AS run";

const FAILURES: &str = "\
INSERT INTO failure (id, tenant_id, integration_id, run_id, stream, business_reference, record_key, status, category,
  stage, code, responsible_party, retryable, field_errors, attempts, failed_at, last_attempt_at, resolved_at, record,
  group_id)
SELECT pg_temp.id(run.queued_at + f * interval '10 ms', 'failure' || f, n), run.tenant_id, run.integration_id, run.id,
  'orders', 'PO-' || n || '-' || f, '[\"PO-' || n || '-' || f || '\"]',
  CASE run.status WHEN 'PARTIAL' THEN 'OPEN' ELSE 'RESOLVED' END, cause.category, cause.stage, cause.code, cause.party,
  'UNKNOWN', cause.field_errors::jsonb, 1, run.finished_at, run.finished_at,
  CASE run.status WHEN 'RECOVERED' THEN run.finished_at + interval '1 hour' END,
  decode(repeat(md5(n || '-' || f), 4), 'hex'), pg_temp.failure_group(begin, (t * of_tenant + place) * 4 + cause.c)
FROM (SELECT size.*, run.*, n, n % tenants AS t, (n / tenants + n / tenants / of_tenant) % of_tenant AS place
    FROM size CROSS JOIN generate_series(0, runs - 1) AS n
      CROSS JOIN LATERAL (SELECT * FROM run WHERE run.id = pg_temp.id(begin + n * step, 'run', n)) AS run
    WHERE n / tenants % failing = n % tenants % failing) AS run
  CROSS JOIN LATERAL generate_series(1, run.failed_count) AS f
  JOIN (VALUES
    (0, 'record.schema_violation', 'UNSUPPORTED_DATA', 'VALIDATE', 'CUSTOMER',
     '[{\"path\": \"/amount\", \"rule\": \"minimum\", \"message\": \"must be at least 0\"}]'),
    (1, 'record.duplicate_key', 'USER_ACTION', 'VALIDATE', 'CUSTOMER', '[]'),
    (2, 'destination.rejected', 'UNSUPPORTED_DATA', 'LOAD', 'CUSTOMER', '[]'),
    (3, 'record.mapping_failed', 'INTEGRATION_DESIGN', 'MAP', 'ENGINEERING', '[]')
  ) AS cause (c, code, category, stage, party, field_errors) ON cause.c = (n + f) % 4
ORDER BY n, f";

/// The urgency is a logarithm: of how many there are, with days (see the program's own account of it).
const GROUPS: &str = "\
INSERT INTO failure_group (id, tenant_id, integration_id, stream, code, fingerprint, category, stage, field_path, rule,
  status, responsible_party, first_seen_at, last_seen_at, failure_count, run_count, last_run_id, hour_at, hour_count,
  hour_limit, status_at, resolved_at, urgency)
SELECT group_id, tenant_id, integration_id, 'orders', code, md5(code), min(category), min(stage),
  min(field_errors->0->>'path'), min(field_errors->0->>'rule'),
  CASE WHEN bool_or(status = 'OPEN') THEN 'ONGOING' ELSE 'RESOLVED' END, min(responsible_party), min(failed_at),
  max(failed_at), count(*), count(DISTINCT run_id), max(run_id::text)::uuid, date_trunc('hour', max(failed_at)), 1, 100,
  max(failed_at), CASE WHEN bool_or(status = 'OPEN') THEN NULL ELSE max(resolved_at) END,
  10000000 + 1000000 * (extract(epoch FROM max(failed_at)) / 86400 + log(2, count(*)))::bigint
FROM failure GROUP BY group_id, tenant_id, integration_id, code;
INSERT INTO failure_group_hour (tenant_id, group_id, hour_at, failure_count)
SELECT tenant_id, group_id, date_trunc('hour', failed_at), count(*) FROM failure GROUP BY 1, 2, 3";

const INDEXES: &str = "\
DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT * FROM plain_index LOOP EXECUTE one.definition; END LOOP; END $$;
ANALYZE";
