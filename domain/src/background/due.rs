//! Which jobs are due, fair among tenants, for the queue that is the job table itself. Raw SQL: a loose index
//! scan visits the tenants that have work, and takes a few jobs of each, however long one tenant's backlog is.

use entity::tenant;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement, Value,
};
use serde_json::json;
use uuid::Uuid;

use super::Background;
use crate::dispatch::{JobHint, Priority, TenantCap};
use crate::error::{Doing, Error, Result};

/// Tenants with a number of runs at once of their own, at most: above it the others have that of the setting, and a warning
/// tells.
const TENANT_CAPS_MAX: u64 = 10_000;

impl Background {
    /// How many runs at once tenants may have, where they have a number of their own; by tenant.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be read.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub async fn tenant_caps(&self) -> Result<Vec<TenantCap>> {
        let rows: Vec<(Uuid, Option<i32>)> = tenant::Entity::find()
            .select_only()
            .column(tenant::Column::Id)
            .column(tenant::Column::RunConcurrency)
            .filter(tenant::Column::RunConcurrency.is_not_null())
            .order_by_asc(tenant::Column::Id)
            .limit(TENANT_CAPS_MAX)
            .into_tuple()
            .all(self.app().across_tenants().writer())
            .await
            .doing("reading how many runs tenants may have at once")?;
        if rows.len() as u64 == TENANT_CAPS_MAX {
            tracing::warn!(most = TENANT_CAPS_MAX, "more tenants have a runConcurrency than are heeded");
        }
        let cap = |(tenant_id, runs): (Uuid, Option<i32>)| {
            Some(TenantCap { tenant_id, cap: u32::try_from(runs?).ok()? })
        };
        Ok(rows.into_iter().filter_map(cap).collect())
    }

    /// Queued jobs whose time has come: the first of each tenant before the second of any, those of one tenant
    /// by priority, then age.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be read.
    pub async fn due_jobs(
        &self,
        limit: usize,
        limit_per_tenant: usize,
        excluded_jobs: &[Uuid],
        excluded_tenants: &[Uuid],
    ) -> Result<Vec<JobHint>> {
        let connection = self.app().across_tenants().writer();
        let backend = connection.get_database_backend();
        let excluded = |ids: &[Uuid]| match backend {
            DatabaseBackend::Postgres => json!(ids).to_string(),
            _ => json!(ids.iter().map(|id| id.simple().to_string().to_uppercase()).collect::<Vec<_>>())
                .to_string(),
        };
        let (left_out_jobs, left_out_tenants) = match backend {
            DatabaseBackend::Postgres => (
                "j.id <> ALL (ARRAY(SELECT json_array_elements_text($3::text::json)::uuid))",
                "t.tenant_id <> ALL (ARRAY(SELECT json_array_elements_text($4::text::json)::uuid))",
            ),
            _ => (
                "hex(j.id) NOT IN (SELECT value FROM json_each($3))",
                "hex(t.tenant_id) NOT IN (SELECT value FROM json_each($4))",
            ),
        };
        // The first few of a tenant. SQLite has no LATERAL, but a table function may look at what stands before it.
        let first = |columns: &str| {
            format!(
                "SELECT {columns} FROM job j WHERE j.status = 'QUEUED' AND j.tenant_id = t.tenant_id \
                   AND j.available_at <= $1 AND {left_out_jobs} \
                 ORDER BY j.begun DESC, j.priority DESC, j.available_at LIMIT $2"
            )
        };
        let first = match backend {
            DatabaseBackend::Postgres => format!("CROSS JOIN LATERAL ({}) d", first("j.*")),
            _ => format!(
                "JOIN json_each((SELECT json_group_array(hex(q.id)) FROM ({}) q)) e JOIN job d ON d.id = unhex(e.value)",
                first("j.id")
            ),
        };
        let sql = format!(
            "WITH RECURSIVE t (tenant_id) AS ( \
               SELECT (SELECT tenant_id FROM job WHERE status = 'QUEUED' ORDER BY tenant_id LIMIT 1) \
               UNION ALL \
               SELECT (SELECT n.tenant_id FROM job n WHERE n.status = 'QUEUED' AND n.tenant_id > t.tenant_id \
                       ORDER BY n.tenant_id LIMIT 1) \
               FROM t WHERE t.tenant_id IS NOT NULL), \
             due AS ( \
               SELECT d.id, d.tenant_id, \
                 CAST(CASE WHEN d.begun THEN 3 ELSE d.priority END AS smallint) AS priority, \
                 row_number() OVER (PARTITION BY d.tenant_id \
                   ORDER BY d.begun DESC, d.priority DESC, d.available_at, d.id) AS turn \
               FROM t {first} \
               WHERE t.tenant_id IS NOT NULL AND {left_out_tenants}) \
             SELECT id, tenant_id, priority FROM due ORDER BY turn, priority DESC, id LIMIT $5"
        );
        let per_tenant = i64::try_from(limit_per_tenant).unwrap_or(i64::MAX);
        let values: [Value; 5] = [
            self.app().clock().now().into(),
            per_tenant.into(),
            excluded(excluded_jobs).into(),
            excluded(excluded_tenants).into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ];
        let rows = connection
            .query_all_raw(Statement::from_sql_and_values(backend, sql, values))
            .await
            .doing("reading due jobs")?;
        rows.into_iter()
            .map(|row| {
                let read = |source| Error::internal("reading due jobs", source);
                Ok(JobHint {
                    job_id: row.try_get_by_index(0).map_err(read)?,
                    tenant_id: row.try_get_by_index(1).map_err(read)?,
                    priority: Priority::from_i16(row.try_get_by_index(2).map_err(read)?),
                })
            })
            .collect()
    }
}
