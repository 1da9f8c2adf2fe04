-- A tenant that has very much: {integrations} integrations, each with a run, a cause and its share of {failures} failures, which are
-- open. Everything is named by its kind and number, and was made in the hours before: by one clock, so in one transaction.

BEGIN;
-- Keys refer to what is there, for all that follows is made of it.
SET LOCAL session_replication_role = replica;
CREATE FUNCTION pg_temp.made_at(n bigint, of bigint) RETURNS timestamptz LANGUAGE sql STABLE AS
    $$ SELECT date_trunc('milliseconds', now() - (of - n) * interval '6 hours' / of) $$;
CREATE FUNCTION pg_temp.made(kind int, n bigint, of bigint) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM pg_temp.made_at(n, of)) * 1000)::bigint), 12, '0')
        || to_hex(28672 + kind) || '8' || lpad(to_hex(n), 15, '0'))::uuid $$;

INSERT INTO system (id, tenant_id, name, connector, config, status, created_at, updated_at)
    SELECT pg_temp.made(1, n, 2), '{tenant}', CASE n WHEN 0 THEN 'Shop' ELSE 'Warehouse' END, 'sandbox', '{}', 'HEALTHY', now(), now()
    FROM generate_series(0::bigint, 1) AS n;

INSERT INTO integration (id, tenant_id, name, status, source_id, destination_id, streams, created_at, updated_at)
    SELECT pg_temp.made(2, n, {integrations}), '{tenant}', 'Integration ' || lpad((n + 1)::text, 4, '0'),
        CASE n % 50 WHEN 7 THEN 'PAUSED' ELSE 'ACTIVE' END, pg_temp.made(1, 0, 2), pg_temp.made(1, 1, 2),
        '[{"name": "orders", "mode": "FULL", "key_fields": ["id"], "source": {}, "destination": {}, "on_schema_change": "CONTINUE",
            "impact": {"base": "MEDIUM", "rules": []}, "quality": {"unique": [], "volume": null, "null_rates": [], "references": [],
            "min_records": 100, "table_references": [], "max_failed_percent": 5.0}}]', now(), now()
    FROM generate_series(0::bigint, {integrations} - 1) AS n;

INSERT INTO run (id, tenant_id, integration_id, status, trigger, triggered_by, scope, queued_at, started_at, finished_at,
        read_count, created_count, updated_count, unchanged_count, skipped_count, failed_count)
    SELECT pg_temp.made(3, n, {integrations}), '{tenant}', pg_temp.made(2, n, {integrations}), 'PARTIAL', 'SCHEDULE', 'Schedule',
        'ALL_RECORDS', pg_temp.made_at(n, {integrations}), pg_temp.made_at(n, {integrations}), pg_temp.made_at(n, {integrations}),
        1000, 1000 - {failures} / {integrations}, 0, 0, 0, {failures} / {integrations}
    FROM generate_series(0::bigint, {integrations} - 1) AS n;

INSERT INTO integration_health (integration_id, tenant_id, status, severity, since, last_run_id, newest_success_at, watched_from, is_late,
        check_at)
    SELECT id, tenant_id, CASE status WHEN 'PAUSED' THEN 'PAUSED' ELSE 'ACTION_REQUIRED' END, CASE status WHEN 'PAUSED' THEN 5 ELSE 70 END,
        now(), pg_temp.made(3, row_number() OVER (ORDER BY name) - 1, {integrations}), now(), now(), false, now() + interval '1 year'
    FROM integration WHERE tenant_id = '{tenant}';

INSERT INTO failure_group (id, tenant_id, integration_id, stream, code, fingerprint, category, stage, field_path, rule, status,
        responsible_party, first_seen_at, last_seen_at, failure_count, run_count, last_run_id, hour_at, hour_count, hour_limit, status_at,
        impact, urgency)
    SELECT pg_temp.made(4, n, {integrations}), '{tenant}', pg_temp.made(2, n, {integrations}), 'orders', 'record.schema_violation',
        md5(n::text), 'UNSUPPORTED_DATA', 'VALIDATE', '/amount', 'minimum', 'NEW', 'CUSTOMER', pg_temp.made_at(n, {integrations}),
        pg_temp.made_at(n, {integrations}), {failures} / {integrations}, 1, pg_temp.made(3, n, {integrations}),
        date_trunc('hour', now()), {failures} / {integrations}, 0, pg_temp.made_at(n, {integrations}),
        CASE n % 5 WHEN 0 THEN 'HIGH' ELSE 'MEDIUM' END, 1 + n % 1000
    FROM generate_series(0::bigint, {integrations} - 1) AS n;

INSERT INTO failure (id, tenant_id, integration_id, run_id, stream, business_reference, record_key, status, category, stage, code,
        responsible_party, retryable, field_errors, attempts, failed_at, last_attempt_at, group_id)
    SELECT pg_temp.made(5, n, {failures}), '{tenant}', pg_temp.made(2, i, {integrations}), pg_temp.made(3, i, {integrations}), 'orders',
        'PO-' || lpad(n::text, 6, '0'), '"PO-' || lpad(n::text, 6, '0') || '"', 'OPEN', 'UNSUPPORTED_DATA', 'VALIDATE',
        'record.schema_violation', 'CUSTOMER', 'NO', '[{"path": "/amount", "rule": "minimum", "message": "It must not be below 0."}]', 1,
        pg_temp.made_at(n, {failures}), pg_temp.made_at(n, {failures}), pg_temp.made(4, i, {integrations})
    FROM (SELECT n, n % {integrations} AS i FROM generate_series(0::bigint, {failures} - 1) AS n) AS numbered;

COMMIT;
ANALYZE;
