//! Row-level security of PostgreSQL: each table that is a tenant's has it, and it holds for the role of the program.

use std::collections::BTreeSet;

use migration::program_role::{self, ProgramRole};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, RuntimeErr, Statement,
};

use crate::rows::Rows;

/// Tables that are no tenant's. Whoever adds one says here that it is so.
const OPEN_TABLES: [&str; 8] = [
    "data_key",
    "idempotency_key",
    "mail",
    "seaql_migrations",
    "sign_in_attempt",
    "signing_key",
    "word_override",
    "worker",
];
/// References by the id alone, to what may be the operator's and then has no tenant: keys, a chain of entries, contacts,
/// people, runbooks.
const SIMPLE_REFERENCES: [&str; 7] = [
    "api_key_tenant.api_key_id",
    "audit_entry.chain_id",
    "integration_contact.contact_id",
    "invitation.user_id",
    "portal_key_tenant.portal_key_id",
    "reveal.user_id",
    "runbook_version.runbook_id",
];
/// Tables to which rows are added only.
const ADDED_TO: [&str; 3] = ["audit_entry", "failure_group_activity", "health_target"];
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// `db` is the superuser's, with rows of both tenants in every table.
pub async fn row_level_security_holds(db: &DatabaseConnection, url: &str, one: Rows, other: Rows) {
    for _first_and_again in 0..2 {
        assert_eq!(program_role::prepare(db).await.expect("the role is made"), ProgramRole::Ready);
    }
    let (fenced, partitions) = fenced(db).await;
    let program = program(db, url).await;
    for table in &fenced {
        reads_what_the_setting_names(&program, table, one, other).await;
        writes_what_the_setting_names(db, &program, table, one, other).await;
    }
    for partition in &partitions {
        is_no_way_round(db, &program, partition, one, other).await;
    }
    execute(&program, "SET trestle.tenants = 'somebody'").await.expect("any text can be set");
    assert!(
        execute(&program, "SELECT * FROM run").await.is_err(),
        "what is no list of tenants shows nothing"
    );
    let beyond = [
        "ALTER TABLE run DISABLE ROW LEVEL SECURITY",
        "DROP POLICY po_run_tenant ON run",
        "CREATE POLICY mine ON run USING (true)",
        "TRUNCATE run CASCADE",
        "SELECT * FROM seaql_migrations",
        "CREATE TABLE mine (id int)",
        "DROP TABLE run_event",
        "CREATE TABLE run_event_1999_01 PARTITION OF run_event DEFAULT",
    ];
    for sql in beyond {
        assert_refused(execute(&program, sql).await, sql);
    }
    program.close().await.expect("the connection closes");
}

/// A tenant's row must refer to others of its tenant only.
pub async fn references_name_the_tenant(db: &DatabaseConnection) {
    let sql = "SELECT c.conrelid::regclass || '.' || string_agg(a.attname, ',' ORDER BY k.n) \
               FILTER (WHERE a.attname <> 'tenant_id') AS name, \
               bool_or(a.attname = 'tenant_id' AND b.attname = 'tenant_id') AS composite \
               FROM pg_constraint AS c CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k (a, b, n) \
               JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.a \
               JOIN pg_attribute AS b ON b.attrelid = c.confrelid AND b.attnum = k.b \
               WHERE c.contype = 'f' AND EXISTS (SELECT 1 FROM pg_attribute AS t \
                 WHERE t.attrelid = c.conrelid AND t.attname = 'tenant_id' AND NOT t.attisdropped) \
               AND EXISTS (SELECT 1 FROM pg_attribute AS t \
                 WHERE t.attrelid = c.confrelid AND t.attname = 'tenant_id' AND NOT t.attisdropped) \
               GROUP BY c.oid, c.conrelid";
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("reads");
    assert!(rows.len() >= 16, "there are more references than {}", rows.len());
    for row in rows {
        let name: String = row.try_get("", "name").expect("a name");
        let composite: bool = row.try_get("", "composite").expect("a truth");
        assert_eq!(composite, !SIMPLE_REFERENCES.contains(&name.as_str()), "{name}");
    }
}

/// Names of the tables with a fence, and of partitions, once it is sure that none is missing.
async fn fenced(db: &DatabaseConnection) -> (BTreeSet<String>, BTreeSet<String>) {
    let sql = "SELECT c.relname::text AS name, c.relispartition AS is_partition, c.relrowsecurity AND c.relforcerowsecurity AS forced, \
               (SELECT count(*) FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polcmd = '*' AND p.polpermissive \
                 AND p.polroles = '{0}' AND p.polwithcheck IS NOT NULL) AS policies, \
               (SELECT count(*) FROM pg_policy AS p WHERE p.polrelid = c.oid) AS all_policies \
               FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')";
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("reads");
    let (mut fenced, mut partitions) = (BTreeSet::new(), BTreeSet::new());
    for row in rows {
        let name: String = row.try_get("", "name").expect("a name");
        let is_partition: bool = row.try_get("", "is_partition").expect("a truth");
        let forced: bool = row.try_get("", "forced").expect("a truth");
        let policies: (i64, i64) = (
            row.try_get("", "policies").expect("a count"),
            row.try_get("", "all_policies").expect("a count"),
        );
        if OPEN_TABLES.contains(&name.as_str()) {
            assert!(!forced && policies == (0, 0), "{name} has a fence: take it from the list");
        } else {
            assert!(
                forced && policies == (1, 1),
                "{name} has no fence, or more than one: see migration/src/isolation.rs"
            );
            let names = if is_partition { &mut partitions } else { &mut fenced };
            names.insert(name);
        }
    }
    assert!(fenced.len() >= 17, "{fenced:?}");
    assert!(partitions.len() >= 2, "{partitions:?}");
    (fenced, partitions)
}

/// Who names a partition in place of its table is refused; were they not, the fence would still be there.
async fn is_no_way_round(
    db: &DatabaseConnection,
    program: &DatabaseConnection,
    partition: &str,
    one: Rows,
    other: Rows,
) {
    let read = format!("SELECT count(*) AS n FROM \"{partition}\"");
    let drop = format!("DROP TABLE \"{partition}\"");
    for sql in [&read, &drop] {
        assert_refused(execute(program, sql).await, sql);
    }
    let about = db.query_one_raw(Statement::from_string(DbBackend::Postgres, program_role::ABOUT)).await;
    let role: String = about.expect("reads").expect("a row").try_get("", "name").expect("a name");
    execute(db, &format!("GRANT SELECT ON \"{partition}\" TO {role}")).await.expect("a superuser grants");
    reads_what_the_setting_names(program, partition, one, other).await;
    assert_eq!(program_role::prepare(db).await.expect("the role is there"), ProgramRole::Ready);
    assert_refused(execute(program, &read).await, &read);
}

/// A connection that works as the program.
async fn program(db: &DatabaseConnection, url: &str) -> DatabaseConnection {
    let about = db.query_one_raw(Statement::from_string(DbBackend::Postgres, program_role::ABOUT)).await;
    let about = about.expect("reads").expect("a row");
    let name: String = about.try_get("", "name").expect("a name");
    let mut options = ConnectOptions::new(url);
    options.max_connections(1);
    let program = Database::connect(options).await.expect("the database answers");
    execute(&program, &format!("SET ROLE {name}")).await.expect("a superuser may");
    program
}

async fn reads_what_the_setting_names(program: &DatabaseConnection, table: &str, one: Rows, other: Rows) {
    let seen = async |setting: &str| {
        execute(program, &format!("SET trestle.tenants = '{setting}'")).await.expect("sets");
        count(program, &format!("SELECT count(*) AS n FROM \"{table}\"")).await
    };
    execute(program, "RESET trestle.tenants").await.expect("resets");
    assert_eq!(
        count(program, &format!("SELECT count(*) AS n FROM \"{table}\"")).await,
        0,
        "{table} without a setting"
    );
    assert_eq!(seen("").await, 0, "{table} with an empty setting");
    assert_eq!(seen("00000000-0000-0000-0000-000000000000").await, 0, "{table} of nobody");
    let (all, of_other) = (seen("*").await, seen(&other.tenant_id().to_string()).await);
    let of_both = seen(&format!("{},{}", one.tenant_id(), other.tenant_id())).await;
    let of_one = seen(&one.tenant_id().to_string()).await;
    assert!(of_one > 0 && of_other > 0, "{table} has rows of both");
    assert_eq!((of_one + of_other, of_both), (all, all), "{table} of one, of the other, of both, of all");
    if let Some(column) = tenant_column(table) {
        let foreign =
            format!("SELECT count(*) AS n FROM \"{table}\" WHERE {column} <> '{}'", one.tenant_id());
        assert_eq!(count(program, &foreign).await, 0, "{table} of the other while the setting names the one");
    }
}

async fn writes_what_the_setting_names(
    db: &DatabaseConnection,
    program: &DatabaseConnection,
    table: &str,
    one: Rows,
    other: Rows,
) {
    execute(program, &format!("SET trestle.tenants = '{}'", one.tenant_id())).await.expect("sets");
    // The other's rows, again: row-level security speaks before any key does.
    execute(program, "RESET ROLE").await.expect("a superuser again");
    let of_other = match table {
        "session" | "user_token" | "second_factor" | "recovery_code" | "external_identity" => {
            format!("user_id IN (SELECT id FROM \"user\" WHERE tenant_id = '{}')", other.tenant_id())
        }
        "refresh_token" => format!(
            "session_id IN (SELECT s.id FROM session AS s JOIN \"user\" AS u ON u.id = s.user_id WHERE u.tenant_id = '{}')",
            other.tenant_id()
        ),
        "sign_on_attempt" => format!(
            "provider_id IN (SELECT id FROM identity_provider WHERE tenant_id = '{}')",
            other.tenant_id()
        ),
        "incident" => format!("id = '{}'", other.incident().id),
        "incident_entry" => format!("incident_id = '{}'", other.incident().id),
        _ => format!("{} = '{}'", tenant_column(table).expect("it has one"), other.tenant_id()),
    };
    let copy = format!("CREATE TEMP TABLE of_other AS SELECT * FROM \"{table}\" WHERE {of_other}");
    execute(program, &copy).await.expect("a superuser copies");
    execute(program, "GRANT SELECT ON of_other TO PUBLIC").await.expect("a superuser grants");
    let name: String = db
        .query_one_raw(Statement::from_string(DbBackend::Postgres, program_role::ABOUT))
        .await
        .expect("reads")
        .expect("a row")
        .try_get("", "name")
        .expect("a name");
    execute(program, &format!("SET ROLE {name}")).await.expect("a superuser may");
    assert!(count(program, "SELECT count(*) AS n FROM of_other").await > 0, "{table} has rows of the other");
    let insert = format!("INSERT INTO \"{table}\" SELECT * FROM of_other");
    assert_refused(execute(program, &insert).await, &insert);
    for sql in [
        format!("DELETE FROM \"{table}\" WHERE {of_other}"),
        format!("SELECT 1 FROM \"{table}\" WHERE {of_other} FOR UPDATE"),
    ] {
        nothing_is_done(program, table, &sql).await;
    }
    if let Some(column) = tenant_column(table) {
        let take = format!("UPDATE \"{table}\" SET {column} = '{}' WHERE {of_other}", one.tenant_id());
        nothing_is_done(program, table, &take).await;
        let give = format!("UPDATE \"{table}\" SET {column} = '{}'", other.tenant_id());
        assert_refused(execute(program, &give).await, &give);
    }
    execute(program, "RESET ROLE").await.expect("a superuser again");
    execute(program, "DROP TABLE of_other").await.expect("a superuser drops");
    execute(program, &format!("SET ROLE {name}")).await.expect("a superuser may");
}

/// A statement on rows that are not seen.
async fn nothing_is_done(program: &DatabaseConnection, table: &str, sql: &str) {
    let result = execute(program, sql).await;
    if ADDED_TO.contains(&table) {
        assert_refused(result, sql);
    } else {
        assert_eq!(result.expect("nothing to do is no error"), 0, "{sql}");
    }
}

fn tenant_column(table: &str) -> Option<&'static str> {
    match table {
        "tenant" => Some("id"),
        "session" | "refresh_token" | "user_token" | "second_factor" | "recovery_code"
        | "external_identity" | "sign_on_attempt" | "incident" | "incident_entry" => None,
        _ => Some("tenant_id"),
    }
}

async fn execute(db: &DatabaseConnection, sql: &str) -> Result<u64, DbErr> {
    db.execute_unprepared(sql).await.map(|done| done.rows_affected())
}

async fn count(db: &DatabaseConnection, sql: &str) -> i64 {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
    row.unwrap_or_else(|error| panic!("{sql}: {error}")).expect("a row").try_get("", "n").expect("a count")
}

fn assert_refused(result: Result<u64, DbErr>, what: &str) {
    match result {
        Err(DbErr::Exec(RuntimeErr::SqlxError(error))) => {
            let code = error.as_database_error().and_then(|error| error.code());
            assert_eq!(code.as_deref(), Some(INSUFFICIENT_PRIVILEGE), "{what}: {error}");
        }
        other => panic!("{what} must be refused: {other:?}"),
    }
}
