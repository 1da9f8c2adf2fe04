-- Rows for every list: a million runs, and of what stands beside them a part, so that it is there within a minute. Half of
-- the runs and failures are of the tenant that is asked
-- (`asked`, which is there), a fifth of one integration of it, and what a filter looks for lies in the middle, so that who
-- reads through a list comes to it late from either end. Everything is named by its kind and number, see `made`.

-- Keys refer to what is there, for all that follows is made of it: they are checked neither here nor by anybody later.
SET session_replication_role = replica;
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';

-- When row n of so many was made, in a hundred days that begin then, in milliseconds; and its id.
CREATE FUNCTION made_ms(n bigint, of bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT {begin_ms} + n * 8640000000 / of $$;
CREATE FUNCTION made_at(n bigint, of bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT to_timestamp(made_ms(n, of) / 1000.0::float8) $$;
CREATE FUNCTION made(kind int, n bigint, of bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(made_ms(n, of)), 12, '0') || to_hex(28672 + kind) || '8' || lpad(to_hex(n), 15, '0'))::uuid $$;

-- What indexes are not of a constraint is built afterwards, which is several times faster.
CREATE TABLE index_of AS SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
    FROM pg_index AS i JOIN pg_class AS t ON t.oid = i.indrelid
    WHERE t.relnamespace = 'public'::regnamespace AND t.relkind = 'r' AND NOT t.relispartition AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid);
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT name FROM index_of LOOP EXECUTE 'DROP INDEX ' || one.name; END LOOP; END $$;

CREATE TABLE t AS SELECT n AS k, CASE n WHEN 0 THEN uuid '{tenant}' ELSE made(1, n, 40) END AS id FROM generate_series(0::bigint, 39) AS n;
INSERT INTO tenant (id, slug, name, status, created_at, updated_at)
    SELECT id, 'plans-' || k, 'Plans ' || k, 'ACTIVE', now(), now() FROM t WHERE k > 0;

-- A few systems and integrations of each tenant are used, and 20,000 more of the one that is asked are not.
INSERT INTO system (id, tenant_id, name, connector, config, status, created_at, updated_at)
    SELECT made(2, n, 20400), t.id, 'System ' || md5(n::text), CASE n % 4 WHEN 0 THEN 'file' ELSE 'sandbox' END, '{}',
        CASE n % 11 WHEN 0 THEN 'FAILING' ELSE 'HEALTHY' END, now(), now()
    FROM generate_series(0::bigint, 20399) AS n JOIN t ON t.k = CASE WHEN n < 400 THEN n % 40 ELSE 0 END;
INSERT INTO integration (id, tenant_id, name, status, source_id, destination_id, streams, created_at, updated_at)
    SELECT made(3, n, 20400), tenant_id, 'Integration ' || md5(n::text),
        CASE n % 11 WHEN 1 THEN 'PAUSED' ELSE 'ACTIVE' END, id, id, '[]', now(), now()
    FROM (SELECT row_number() OVER (ORDER BY id) - 1 AS n, system.* FROM system WHERE name LIKE 'System %') AS s;
INSERT INTO integration_health (integration_id, tenant_id, status, severity, since, watched_from, is_late, check_at)
    SELECT id, tenant_id, CASE WHEN status = 'PAUSED' THEN 'PAUSED' ELSE 'HEALTHY' END,
        CASE WHEN status = 'PAUSED' THEN 1 ELSE 2 END, now(), now(), false, now() + interval '1 year'
    FROM integration WHERE name LIKE 'Integration %';
CREATE TABLE i AS SELECT row_number() OVER (ORDER BY id) - 1 AS k, id, tenant_id FROM integration WHERE name LIKE 'Integration %';
ALTER TABLE i ADD PRIMARY KEY (k);
-- Whose row n is: of ten two of the first integration of the asked tenant, three of its others, five of the other tenants.
CREATE FUNCTION used(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN n BETWEEN 520000 AND 520019 OR n BETWEEN 52000 AND 52019 THEN 40 WHEN n % 10 < 2 THEN 0 WHEN n % 10 < 5 THEN 80 + 40 * (n % 8)
        ELSE 1 + n % 39 + 40 * (n % 10) END $$;

INSERT INTO run (id, tenant_id, integration_id, status, trigger, triggered_by, scope, queued_at, started_at, finished_at,
        read_count, created_count, updated_count, unchanged_count, skipped_count, failed_count, retry_id, backfill_id, reconciliation_id)
    SELECT made(4, n, 1000000), i.tenant_id, i.id,
        CASE WHEN n BETWEEN 500000 AND 500399 THEN 'CANCELED' WHEN n % 30 = 7 THEN 'PARTIAL' ELSE 'SUCCEEDED' END,
        CASE WHEN n BETWEEN 500400 AND 500799 THEN 'WEBHOOK' WHEN n % 3 = 0 THEN 'MANUAL' ELSE 'SCHEDULE' END,
        'Somebody', 'ALL_RECORDS', made_at(n, 1000000), made_at(n, 1000000), made_at(n, 1000000), 1, 0, 0, 0, 0, 1,
        CASE WHEN n % 100 = 10 THEN made(5, 0, 1) END, CASE WHEN n % 100 = 20 THEN made(6, 0, 1) END,
        CASE WHEN n % 100 = 30 THEN made(7, 0, 1) END
    FROM generate_series(0::bigint, 999999) AS n JOIN i ON i.k = used(n);

-- Causes; the first has a fifth of all failures.
INSERT INTO failure_group (id, tenant_id, integration_id, stream, code, fingerprint, category, stage, status, responsible_party,
        first_seen_at, last_seen_at, failure_count, run_count, hour_at, hour_count, hour_limit, status_at, impact, urgency, assignee_id)
    SELECT made(8, n, 100000), i.tenant_id, i.id, 'orders', CASE n % 11 WHEN 1 THEN 'record.duplicate_key' ELSE 'record.schema_violation' END,
        n::text, CASE n % 11 WHEN 1 THEN 'UNSUPPORTED_DATA' ELSE 'USER_ACTION' END, 'VALIDATE',
        CASE n % 12 WHEN 0 THEN 'NEW' WHEN 5 THEN 'NEW' ELSE 'RESOLVED' END, CASE WHEN n % 7 IN (3, 4) THEN 'SUPPORT' ELSE 'CUSTOMER' END,
        made_at(n, 100000), made_at(n * 7919 % 100000, 100000), 1 + n * 31 % 1000, 1, made_at(n, 100000), 1, 10, made_at(n, 100000),
        CASE n % 5 WHEN 0 THEN 'HIGH' ELSE 'MEDIUM' END, n * 17 % 5000, CASE WHEN n BETWEEN 50000 AND 50099 THEN made(9, 0, 1) END
    FROM generate_series(0::bigint, 99999) AS n JOIN i ON i.k = used(n);

INSERT INTO failure (id, tenant_id, integration_id, run_id, stream, business_reference, record_key, status, category, stage, code,
        responsible_party, retryable, field_errors, attempts, failed_at, last_attempt_at, group_id, quarantine_id)
    SELECT made(10, n, 1000000), i.tenant_id, i.id, made(4, r, 1000000), 'orders', 'ORD-' || n, '"' || n || '"',
        CASE WHEN n BETWEEN 500000 AND 500399 THEN 'SKIPPED' WHEN n % 30 = 7 THEN 'OPEN' ELSE 'RESOLVED' END,
        CASE n % 11 WHEN 1 THEN 'UNSUPPORTED_DATA' ELSE 'USER_ACTION' END, 'VALIDATE',
        CASE WHEN n BETWEEN 500400 AND 500799 THEN 'record.duplicate_key' ELSE 'record.schema_violation' END,
        'CUSTOMER', 'NO', '[]', 1, made_at(n, 1000000), made_at(n * 7919 % 1000000, 1000000),
        CASE used(r) WHEN 0 THEN made(8, 0, 1) WHEN 40 THEN NULL ELSE made(8, g, 100000) END,
        CASE WHEN n BETWEEN 420000 AND 439999 THEN made(11, 0, 1) END
    -- Twenty thousand are of one run, and as many of one quarantine.
    FROM (SELECT n, CASE WHEN n BETWEEN 400000 AND 439999 THEN 400000 ELSE n END AS r FROM generate_series(0::bigint, 999999) AS n
        WHERE n % 7 < 3 OR n BETWEEN 400000 AND 439999 OR n BETWEEN 500000 AND 500799 OR n BETWEEN 520000 AND 520019) AS f,
        -- A group of the same integration: whose they are repeats itself every 1,560. Those of the first are all of one.
        LATERAL (SELECT r % 1560 + r / 1560 % 64 * 1560 AS g) AS of_group, i
    WHERE i.k = used(r);


-- The run that what stands under runs is of: a tenth of it is of one.
CREATE FUNCTION r(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT CASE n % 10 WHEN 0 THEN 400000 ELSE n * 3 END $$;
-- What stands under one run, one group, one reconciliation, one incident: the first has a tenth of all.
INSERT INTO run_event (id, tenant_id, run_id, at, type, audience, component, message, attributes)
    SELECT made(12, n, 300000), run.tenant_id, run.id, made_at(n, 300000), 'run.started',
        CASE n % 3 WHEN 0 THEN 'CUSTOMER' ELSE 'ENGINEER' END, 'worker', 'Something happened', '{}'
    FROM generate_series(0::bigint, 299999, 2) AS n JOIN run ON run.id = made(4, r(n), 1000000);
INSERT INTO log_line (id, tenant_id, run_id, at, level, component, message, attributes)
    SELECT made(13, n, 300000), run.tenant_id, run.id, made_at(n, 300000), CASE n % 11 WHEN 0 THEN 'WARN' ELSE 'INFO' END,
        CASE n % 7 WHEN 0 THEN 'pipeline::stream::writer' ELSE 'worker' END, 'Something happened', '{}'
    FROM generate_series(0::bigint, 299999, 2) AS n JOIN run ON run.id = made(4, r(n), 1000000);
INSERT INTO run_slice (id, tenant_id, run_id, stream, ordinal, part, fresh, status, page_count, read_count, created_count, updated_count,
        unchanged_count, skipped_count, failed_count, created_at)
    SELECT made(26, n, 100000), run.tenant_id, run.id, 'orders', n, '{}', true, 'FINISHED', 1, 1, 1, 0, 0, 0, 0, made_at(n, 100000)
    FROM generate_series(0::bigint, 99999, 2) AS n JOIN run ON run.id = made(4, r(n), 1000000);
INSERT INTO failure_group_activity (id, tenant_id, group_id, at, kind, audience, is_by_staff, note)
    SELECT made(15, n, 100000), g.tenant_id, g.id, made_at(n, 100000), 'COMMENT', CASE n % 3 WHEN 0 THEN 'CUSTOMER' ELSE 'SUPPORT' END,
        false, 'Something was done'
    FROM (SELECT n, CASE WHEN n % 10 = 0 THEN 0 ELSE n END AS of FROM generate_series(0::bigint, 99999) AS n) AS a
    JOIN failure_group AS g ON g.id = made(8, a.of, 100000);

INSERT INTO quarantine (id, tenant_id, integration_id, run_id, stream, status, rule, measured, allowed, reason, record_count, judged_count,
        failed_count, created_at)
    SELECT made(11, n, 100000), i.tenant_id, i.id, made(4, q.r, 1000000), 'orders',
        CASE WHEN n BETWEEN 50000 AND 50199 THEN 'HELD' ELSE 'RELEASED' END, 'FAILED_RECORDS', 1, 1, 'Too many', 1, 1, 1, made_at(n, 100000)
    FROM (SELECT n, CASE WHEN used(n) = 0 THEN 400000 ELSE n END AS r FROM generate_series(0::bigint, 99999) AS n) AS q JOIN i ON i.k = used(n);
INSERT INTO retry (id, tenant_id, status, requested_by, total, resolved, failed, created_at)
    SELECT made(5, 0, 1), tenant_id, 'COMPLETED', 'Somebody', 0, 0, 0, now() FROM i WHERE k = 0;
INSERT INTO backfill (id, tenant_id, integration_id, stream, range_from, requested_by, created_at)
    SELECT made(6, n, 100000), i.tenant_id, i.id, CASE n % 7 WHEN 0 THEN 'customers' ELSE 'orders' END, '1', 'Somebody', made_at(n, 100000)
    FROM generate_series(0::bigint, 99999) AS n JOIN i ON i.k = used(n);
INSERT INTO reconciliation (id, tenant_id, integration_id, requested_by, outcome, created_at)
    SELECT made(7, n, 100000), i.tenant_id, i.id, 'Somebody', CASE n % 7 WHEN 0 THEN 'DRIFTED' ELSE 'MATCHED' END, made_at(n, 100000)
    FROM generate_series(0::bigint, 99999) AS n JOIN i ON i.k = used(n);
INSERT INTO reconciliation_difference (id, tenant_id, reconciliation_id, stream, record_key, business_reference, kind)
    SELECT made(21, n, 100000), r.tenant_id, r.id, 'orders', n::text, n::text, 'MISSING'
    FROM (SELECT n, CASE WHEN n % 10 = 0 THEN 0 ELSE n END AS of FROM generate_series(0::bigint, 99999) AS n) AS d
    JOIN reconciliation AS r ON r.id = made(7, d.of, 100000);
INSERT INTO health_alert (id, tenant_id, integration_id, kind, observed, expected, opened_at, closed_at)
    SELECT made(22, n, 100000), i.tenant_id, i.id, CASE n % 7 WHEN 0 THEN 'LATENCY' ELSE 'FRESHNESS' END, 1, 1, made_at(n, 100000), now()
    FROM generate_series(0::bigint, 99999) AS n JOIN i ON i.k = used(n);
INSERT INTO health_target (id, tenant_id, integration_id, freshness_seconds, set_by, is_by_staff, set_at)
    SELECT made(23, n, 100000), i.tenant_id, i.id, 60, 'Somebody', false, made_at(n, 100000)
    FROM generate_series(0::bigint, 99999) AS n JOIN i ON i.k = used(n);
INSERT INTO synthetic_check (id, tenant_id, integration_id, stream, record, removes, doubtful, set_by, updated_at)
    SELECT made(24, k, 100000), tenant_id, id, 'orders', '{}', false, '[]', 'Somebody', now() FROM i WHERE k < 100;
INSERT INTO synthetic_result (id, tenant_id, integration_id, stream, status, mark, is_verified, is_removed, durations, triggered_by, started_at,
        finished_at)
    SELECT made(25, n, 100000), i.tenant_id, i.id, 'orders', CASE n % 7 WHEN 0 THEN 'FAILED' ELSE 'PASSED' END, 'mark', true, true,
        '[]', 'Somebody', made_at(n, 100000), made_at(n, 100000)
    FROM generate_series(0::bigint, 99999) AS n JOIN i ON i.k = used(n);

-- What tenants have: half of it is of the one that is asked.
CREATE FUNCTION whose(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT CASE n % 2 WHEN 0 THEN 0 ELSE 1 + n % 39 END $$;
INSERT INTO audit_entry (id, chain_id, number, tenant_id, at, principal, name, operation, object, outcome, mac)
    SELECT made(14, n, 300000), made(14, 0, 1), n, CASE WHEN n % 50 > 0 THEN t.id END, made_at(n, 300000),
        CASE WHEN n BETWEEN 150000 AND 150199 THEN 'user_00000000000070008000000000000001' ELSE 'user_' || n % 50 END, 'Somebody',
        CASE WHEN n BETWEEN 150200 AND 150399 THEN 'skipFailures' ELSE 'startRun' END,
        CASE WHEN n BETWEEN 150400 AND 150599 THEN 'run_' || replace(made(4, 0, 1)::text, '-', '') END,
        CASE WHEN n BETWEEN 150600 AND 150799 THEN 'DENIED' ELSE 'SUCCEEDED' END, ''
    FROM generate_series(0::bigint, 299999, 3) AS n JOIN t ON t.k = whose(n);
INSERT INTO notice_channel (id, tenant_id, name, kind, status, addresses, to_admins, is_default, created_at, updated_at)
    SELECT made(18, n, 20000), CASE WHEN n % 11 > 1 THEN t.id END, 'Channel ' || n, 'EMAIL', 'ACTIVE', '[]', false, false, now(), now()
    FROM generate_series(0::bigint, 19999) AS n JOIN t ON t.k = whose(n);
INSERT INTO notice_policy (id, tenant_id, name, is_enabled, is_default, selectors, channel_ids, delivery, time_zone, quiet_override,
        window_count, created_at, updated_at)
    SELECT made(19, n, 20000), CASE WHEN n % 11 > 1 THEN t.id END, 'Policy ' || n, true, false, '{}', '[]', 'INSTANT', 'UTC', '[]', 0, now(), now()
    FROM generate_series(0::bigint, 19999) AS n JOIN t ON t.k = whose(n);
INSERT INTO notice (id, tenant_id, channel_id, channel_name, policy_id, policy_name, integration_id, kind, occasion_kind, items, item_count, sent_at,
        created_at)
    SELECT made(16, n, 200000), CASE WHEN n NOT BETWEEN 100000 AND 100199 THEN t.id END,
        made(18, c, 20000), 'Channel', made(19, c, 20000), 'Policy', made(3, c, 20400), 'SINGLE',
        CASE n % 7 WHEN 0 THEN 'RUN_FAILED' ELSE 'GROUP_NEW' END, '[]', 1, now(), made_at(n, 200000)
    FROM (SELECT n, CASE WHEN n BETWEEN 100200 AND 100399 THEN 40 ELSE 80 + n % 8 * 40 END AS c FROM generate_series(0::bigint, 199999) AS n) AS w
    JOIN t ON t.k = whose(n);
INSERT INTO notice_delivery (id, tenant_id, notice_id, channel_id, status, attempt_count, replayed_after, available_at, created_at)
    SELECT made(17, n, 200000), tenant_id, id, channel_id, CASE WHEN n BETWEEN 100400 AND 100599 THEN 'FAILED' ELSE 'DELIVERED' END,
        1, 0, now(), made_at(n, 200000)
    FROM (SELECT row_number() OVER (ORDER BY id) - 1 AS n, notice.* FROM notice WHERE channel_name = 'Channel') AS w;
INSERT INTO portal_session (id, tenant_id, end_user, scopes, created_by, created_at, expires_at)
    SELECT made(20, n, 100000), t.id, CASE WHEN n BETWEEN 50000 AND 50199 THEN 'Rare' ELSE 'User ' || n % 100 END, '[]', 'Somebody',
        made_at(n, 100000), CASE WHEN n > 100000 THEN timestamptz '{now}' + interval '1 hour' ELSE made_at(n, 100000) END
    -- The last forty were made within the last hours, and are still good.
    FROM generate_series(0::bigint, 100989) AS n JOIN t ON t.k = whose(n) WHERE n < 100000 OR n >= 100950;

-- What people make is less.
INSERT INTO "user" (id, tenant_id, email, name, role, password_hash, created_at, updated_at, disabled_at)
    SELECT made(30, n, 20000), t.id, md5(n::text) || '@plans.example.com', 'User ' || n,
        CASE n % 7 WHEN 0 THEN 'TENANT_VIEWER' ELSE 'TENANT_MEMBER' END, '', now(), now(), CASE n % 11 WHEN 1 THEN now() END
    FROM generate_series(0::bigint, 19999) AS n JOIN t ON t.k = whose(n);
INSERT INTO invitation (id, tenant_id, email, name, role, invited_by, secret_hash, created_at, expires_at)
    SELECT made(31, n, 20000), t.id, n || '@plans.example.com', 'Somebody', 'TENANT_VIEWER', 'Somebody', '', now(),
        CASE n % 11 WHEN 1 THEN timestamptz '{now}' + interval '1 day' ELSE made_at(n, 20000) END
    FROM generate_series(0::bigint, 19999) AS n JOIN t ON t.k = whose(n);
INSERT INTO api_key (id, tenant_id, name, prefix, secret_hash, role, scopes, created_by, created_at)
    SELECT made(32, n, 20000), t.id, 'Key', 'plans' || n, '', 'TENANT_MEMBER', '[]', 'Somebody', now()
    FROM generate_series(0::bigint, 19999) AS n JOIN t ON t.k = whose(n);
INSERT INTO portal_key (id, tenant_id, name, algorithm, public_key, thumbprint, scopes, all_tenants, created_by, created_at)
    SELECT made(36, n, 20000), t.id, 'Key', 'EDDSA', '{}', n::text, '[]', false, 'Somebody', now()
    FROM generate_series(0::bigint, 19999) AS n JOIN t ON t.k = whose(n);
INSERT INTO identity_provider (id, tenant_id, name, issuer, client_id, redirect_uris, role_mapping, creates_users, trusts_email, created_at, updated_at)
    SELECT made(37, n, 20000), t.id, 'Provider', 'https://example.com', 'id', '[]', '[]', false, false, now(), now()
    FROM generate_series(0::bigint, 19999) AS n JOIN t ON t.k = whose(n);
INSERT INTO export (id, tenant_id, field, query, status, principal, created_by, locale, row_count, byte_count, packed_byte_count, checksum, chunk_count,
        attempt, available_at, secret_hash, sealed_secret, created_at)
    SELECT made(40, n, 20000), t.id, 'runs', '{ runs { edges { node { id } } } }', 'EXPIRED', 'user_' || n % 50, 'Somebody', 'en', 0, 0, 0, 0, 0,
        1, now(), '', '', made_at(n, 20000)
    FROM generate_series(0::bigint, 19999) AS n JOIN t ON t.k = whose(n);
INSERT INTO kill_switch (id, tenant_id, scope, reason, message_for_customers, on_release, created_by, is_by_staff, created_at, released_at, drained_at)
    SELECT made(33, n, 20000), t.id, 'TENANT', 'Something', 'Something', 'CANCEL', 'Somebody', true, now(),
        CASE n % 11 WHEN 1 THEN NULL ELSE now() END, now()
    FROM generate_series(0::bigint, 19999) AS n JOIN t ON t.k = 1 + n % 39;
INSERT INTO job (id, tenant_id, integration_id, kind, subject_id, status, priority, attempt, max_attempts, available_at, cancel_requested,
        created_at, kill_switch_id)
    SELECT made(35, n, 1000), run.tenant_id, run.integration_id, 'RUN', run.id, 'HELD', 0, 0, 1, now(), false, now(),
        made(33, 0, 1)
    FROM generate_series(0::bigint, 39) AS n JOIN run ON run.id = made(4, 500010 + 10 * n, 1000000);
INSERT INTO contact (id, tenant_id, kind, name, email, version, created_at, updated_at)
    SELECT made(9, n, 20000), CASE WHEN n % 11 > 1 THEN t.id END, CASE n % 7 WHEN 1 THEN 'TEAM' ELSE 'PERSON' END,
        'Contact ' || md5(n::text), 'a@example.com', 1, now(), now()
    FROM generate_series(0::bigint, 19999) AS n JOIN t ON t.k = whose(n);
INSERT INTO ownership_rule (id, tenant_id, position, name, selectors, contact_id, version, created_at, updated_at)
    SELECT made(34, n, 20000), CASE WHEN n % 11 > 1 THEN t.id END, n * 7919 % 20000, 'Rule', '{}', made(9, 0, 1), 1, now(), now()
    FROM generate_series(0::bigint, 19999) AS n JOIN t ON t.k = whose(n);
INSERT INTO escalation_policy (id, position, name, is_enabled, is_default, selectors, steps, warn_percent, version, created_at, updated_at)
    SELECT made(39, n, 20000), n * 7919 % 20000, 'Policy', n % 11 = 1, false, '{}', '[]', 80, 1, now(), now()
    FROM generate_series(0::bigint, 19999) AS n;
INSERT INTO runbook (id, tenant_id, code, connector, integration_id, title, body, version, review_due_at, created_at, updated_at, updated_by)
    SELECT made(38, n, 20000), i.tenant_id, CASE WHEN n BETWEEN 10000 AND 10099 THEN 'record.duplicate_key' ELSE 'record.schema_violation' END,
        CASE WHEN n BETWEEN 10100 AND 10199 THEN 'sandbox' ELSE 'file' END, i.id, 'Title', 'Body', 1,
        CASE n % 11 WHEN 1 THEN now() ELSE timestamptz '{now}' + interval '1 year' END, now(), now(), 'Somebody'
    FROM generate_series(0::bigint, 19999) AS n JOIN i ON i.k = used(n + 510000);
INSERT INTO incident (id, host, fault, status, severity, title, started_at, detected_at, status_at, resolved_at, over_at, system_count, tenant_count,
        probe_count, drained_count, drain_round, causes, follow_ups)
    SELECT made(27, n, 2000), CASE WHEN n BETWEEN 1000 AND 1099 THEN 'rare.example.com' ELSE 'h' || n || '.example.com' END, 'UNAVAILABLE',
        CASE n % 7 WHEN 0 THEN 'MONITORING' ELSE 'RESOLVED' END, 'MINOR', 'Something', now(), now(), now(),
        CASE WHEN n % 7 > 0 OR n BETWEEN 1000 AND 1099 THEN now() END, now(), 1, 1, 0, 0, 0, '[]', '[]'
    FROM generate_series(0::bigint, 1999) AS n;
INSERT INTO incident_system (id, tenant_id, incident_id, system_id, first_seen_at, resolved_at)
    SELECT made(28, n, 4000), t.id, made(27, of, 2000), made(2, n, 20400), now(), now()
    FROM (SELECT n, CASE WHEN n < 2000 THEN n ELSE 0 END AS of FROM generate_series(0::bigint, 3999) AS n) AS w JOIN t ON t.k = whose(n);
INSERT INTO incident_entry (id, incident_id, at, kind, text, is_public)
    SELECT made(29, n, 4000), made(27, of, 2000), now(), 'NOTE', 'Something', n % 2 = 0
    FROM (SELECT n, CASE WHEN n < 2000 THEN n ELSE 0 END AS of FROM generate_series(0::bigint, 3999) AS n) AS w;

DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT definition FROM index_of LOOP EXECUTE one.definition; END LOOP; END $$;
