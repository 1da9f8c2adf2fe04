//! A copy of the tables for those who know nothing of ours: the columns that the portal query needs and no others, which
//! is less to read than the program's own rows, with an index for each way in, and row-level security by the tenant of
//! the token.

use crate::servers::Postgres;

/// Makes it, in a schema of its own beside the tables.
///
/// # Errors
/// When the database refuses.
pub async fn make(postgres: &Postgres, database: &str) -> anyhow::Result<()> {
    postgres.execute(database, COPY).await?;
    for table in ["integration", "run", "failure"] {
        postgres.execute(database, &format!("VACUUM ANALYZE portal.{table}")).await?;
    }
    Ok(())
}

const COPY: &str = "\
CREATE ROLE portal NOLOGIN;
CREATE SCHEMA portal;
CREATE TABLE portal.integration AS SELECT id, tenant_id, name FROM integration ORDER BY id;
CREATE TABLE portal.run AS SELECT id, tenant_id, integration_id, status, started_at, finished_at, read_count, created_count,
  updated_count, unchanged_count, skipped_count, failed_count FROM run ORDER BY id;
CREATE TABLE portal.failure AS SELECT id, tenant_id, run_id, category, CASE code
    WHEN 'record.schema_violation' THEN 'Record ' || business_reference || ' does not meet the rules for this data.'
    WHEN 'record.duplicate_key' THEN 'Record ' || business_reference || ' is there more than once.'
    WHEN 'destination.rejected' THEN 'The destination does not take record ' || business_reference || '.'
    ELSE 'Record ' || business_reference || ' could not be converted.' END AS summary
  FROM failure ORDER BY id;
ALTER TABLE portal.integration ADD PRIMARY KEY (id), ALTER tenant_id SET NOT NULL, ALTER name SET NOT NULL;
ALTER TABLE portal.run ADD PRIMARY KEY (id), ALTER tenant_id SET NOT NULL, ALTER status SET NOT NULL,
  ALTER integration_id SET NOT NULL, ALTER read_count SET NOT NULL, ALTER created_count SET NOT NULL,
  ALTER updated_count SET NOT NULL, ALTER unchanged_count SET NOT NULL, ALTER skipped_count SET NOT NULL,
  ALTER failed_count SET NOT NULL, ADD FOREIGN KEY (integration_id) REFERENCES portal.integration (id);
ALTER TABLE portal.failure ADD PRIMARY KEY (id), ALTER tenant_id SET NOT NULL, ALTER run_id SET NOT NULL,
  ALTER category SET NOT NULL, ALTER summary SET NOT NULL, ADD FOREIGN KEY (run_id) REFERENCES portal.run (id);
CREATE INDEX ON portal.integration (tenant_id, id);
CREATE INDEX ON portal.run (tenant_id, id);
CREATE INDEX ON portal.run (integration_id, id);
CREATE INDEX ON portal.failure (run_id, id);
CREATE INDEX ON portal.failure (tenant_id, run_id, id);
ALTER TABLE portal.integration ENABLE ROW LEVEL SECURITY;
ALTER TABLE portal.run ENABLE ROW LEVEL SECURITY;
ALTER TABLE portal.failure ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON portal.integration FOR SELECT TO portal
  USING (tenant_id = (SELECT current_setting('jwt.claims.tenant_id', true)::uuid));
CREATE POLICY of_tenant ON portal.run FOR SELECT TO portal
  USING (tenant_id = (SELECT current_setting('jwt.claims.tenant_id', true)::uuid));
CREATE POLICY of_tenant ON portal.failure FOR SELECT TO portal
  USING (tenant_id = (SELECT current_setting('jwt.claims.tenant_id', true)::uuid));
GRANT USAGE ON SCHEMA portal TO portal;
GRANT SELECT ON ALL TABLES IN SCHEMA portal TO portal";
