//! The health of what was made: runs rolled up by hour and day, as the program does at the end of each run.

/// What became of the runs, before what failed was dealt with. Classes are eight to each doubling of the milliseconds.
pub const ROLLUPS: &str = "\
INSERT INTO health_rollup (integration_id, period, begins_at, duration_class, tenant_id, succeeded_count, partial_count,
  failed_count, canceled_count, duration_ms, read_count, created_count, updated_count, unchanged_count, skipped_count,
  failed_record_count)
SELECT integration_id, upper(unit), date_trunc(unit, finished_at, 'UTC'), floor(ln(ms) / ln(2) * 8)::smallint, tenant_id,
  count(*) FILTER (WHERE run.failed_count = 0), count(*) FILTER (WHERE run.failed_count > 0), 0, 0, sum(ms)::bigint,
  sum(read_count)::bigint, sum(created_count)::bigint, sum(updated_count)::bigint, sum(unchanged_count)::bigint,
  sum(skipped_count)::bigint, sum(run.failed_count)::bigint
FROM (SELECT *, (extract(epoch FROM finished_at - started_at) * 1000)::float8 AS ms FROM run
    WHERE finished_at IS NOT NULL) AS run
  CROSS JOIN (VALUES ('hour'), ('day')) AS period (unit)
GROUP BY 1, 2, 3, 4, 5";

/// How each integration is now.
pub const STATUSES: &str = "\
INSERT INTO integration_health (integration_id, tenant_id, status, severity, since, last_run_id, newest_success_at,
  watched_from, is_late, check_at)
SELECT i.id, i.tenant_id, CASE WHEN waits THEN 'ACTION_REQUIRED' ELSE 'HEALTHY' END, CASE WHEN waits THEN 70 ELSE 20 END,
  i.created_at, latest.id, latest.finished_at, i.created_at, false, now() + interval '1 day'
FROM size, integration AS i
  CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM failure_group AS g WHERE g.tenant_id = i.tenant_id
    AND g.integration_id = i.id AND g.status = 'ONGOING' AND g.responsible_party = 'CUSTOMER') AS waits) AS waiting
  LEFT JOIN LATERAL (SELECT r.id, r.finished_at FROM run AS r WHERE r.tenant_id = i.tenant_id AND r.integration_id = i.id
    ORDER BY r.id DESC LIMIT 1) AS latest ON true
WHERE i.created_at = size.begin";
