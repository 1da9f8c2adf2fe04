//! Row-level security of PostgreSQL behind the program: as whom it works, whoever signs in, and what a forgotten filter
//! would show. Deliberately absent: each table by itself, which the tests of `migration` walk through.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

use crate::harness::client::Client;
use crate::harness::fixture::{Fixture, Tenant};
use crate::harness::postgres::{Database, PostgresServer, program};
use crate::harness::redis::Redis;
use crate::harness::trestle::{Setup, Stores, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::nodes;

/// Databases that are migrated at once, by two processes each.
const MIGRATED_AT_ONCE: usize = 3;
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// Of these tests alone: roles are a cluster's.
static SERVER: OnceCell<PostgresServer> = OnceCell::const_new();

async fn server() -> &'static PostgresServer {
    SERVER.get_or_init(PostgresServer::start).await
}

async fn superuser() -> PgConnection {
    PgConnection::connect(&server().await.superuser_url()).await.unwrap()
}

/// A database of a role that signs in with these attributes.
async fn database_of(role: &str, attributes: &str) -> Database {
    let create = format!("CREATE ROLE {role} LOGIN CREATEDB {attributes}");
    superuser().await.execute(AssertSqlSafe(create)).await.unwrap();
    server().await.database_of(role).await
}

async fn start(database: Database) -> Trestle {
    Setup::new().split_on(Stores { database, redis: Redis::create().await }, 1).await
}

/// Two tenants whose every part works: a run moves records in each, and each person sees their own.
async fn works(trestle: &Trestle) -> [Tenant; 2] {
    let fixture = Fixture::of(trestle).await;
    let tenants = [fixture.tenant("one").await, fixture.tenant("other").await];
    for tenant in &tenants {
        let integration = fixture.sandbox(tenant, json!({"records": 20}), json!({"rejectEvery": 5})).await;
        let run = fixture.start_run(&integration).await;
        assert_eq!(fixture.finished_run(&run).await["status"], "PARTIAL");
        let person = fixture.user("TENANT_ADMIN", Some(tenant)).await;
        let seen = runs(&person).await;
        assert_eq!(seen.len(), 1, "{seen:#?}");
        assert_eq!((&seen[0]["id"], &seen[0]["tenant"]["id"]), (&json!(run), &json!(tenant.id)));
    }
    assert_eq!(runs(fixture.admin()).await.len(), 2);
    tenants
}

async fn runs(client: &Client) -> Vec<Value> {
    nodes(&client.query("{ runs { edges { node { id tenant { id } } } } }", Value::Null).await["runs"])
}

/// The program's role of a database, if it is there.
async fn program_role(database: &Database) -> Option<String> {
    let sql = "SELECT r.rolname::text FROM pg_roles AS r, pg_database AS d WHERE d.datname = current_database() \
               AND r.rolname = format('trestle_program_%s_%s', d.oid, 'public'::regnamespace::oid)";
    sqlx::query_scalar(sql).fetch_optional(&mut database.connect().await).await.unwrap()
}

/// That the program works as this role and no other: what is taken from it, it has not.
async fn works_as(trestle: &Trestle, role: &str) {
    let database = &trestle.stores().database;
    let admin = trestle.admin().await;
    let list = "{ integrations { edges { node { id } } } }";
    let mut owner = database.connect().await;
    let revoke = format!("REVOKE SELECT ON integration FROM {role}");
    // A process that starts a moment later gives it once more.
    until("what is taken from the role is not there", SOON, async || {
        owner.execute(AssertSqlSafe(revoke.clone())).await.unwrap();
        let codes = admin.try_query(list, Value::Null).await.codes();
        if codes == ["INTERNAL"] { Ok(()) } else { Err(codes) }
    })
    .await;
    owner.execute(AssertSqlSafe(format!("GRANT SELECT ON integration TO {role}"))).await.unwrap();
    assert_eq!(nodes(&admin.query(list, Value::Null).await["integrations"]).len(), 2);
}

/// That a connection without the setting sees no row, and with it those of the tenant alone.
async fn sees_what_it_names(mut connection: PgConnection, tenants: &[Tenant; 2]) {
    let tables = ["tenant", "system", "integration", "run", "failure", "run_event", "job", "receipt_block"];
    let count = async |connection: &mut PgConnection, table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await.unwrap()
    };
    for table in tables {
        connection.execute("RESET trestle.tenants").await.unwrap();
        assert_eq!(count(&mut connection, table).await, 0, "{table} without a tenant");
        let mut seen = Vec::new();
        for names in [tenants[0].uuid(), tenants[1].uuid(), "*".to_owned()] {
            connection.execute(AssertSqlSafe(format!("SET trestle.tenants = '{names}'"))).await.unwrap();
            seen.push(count(&mut connection, table).await);
        }
        assert!(seen[0] > 0 && seen[1] > 0 && seen[0] + seen[1] == seen[2], "{table}: {seen:?}");
    }
    connection
        .execute(AssertSqlSafe(format!("SET trestle.tenants = '{}'", tenants[0].uuid())))
        .await
        .unwrap();
    let foreign = "INSERT INTO portal_session (id, tenant_id, end_user, scopes, created_by, created_at, expires_at) \
                   VALUES (gen_random_uuid(), $1::text::uuid, 'x', '[]', 'x', now(), now())";
    let refused = sqlx::query(foreign).bind(tenants[1].uuid()).execute(&mut connection).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), INSUFFICIENT_PRIVILEGE, "{refused}");
    sqlx::query(foreign).bind(tenants[0].uuid()).execute(&mut connection).await.unwrap();
}

#[tokio::test]
async fn an_owner_signs_in_and_the_program_works_as_a_role_that_owns_nothing() {
    let trestle = start(database_of("maker", "CREATEROLE").await).await;
    let tenants = works(&trestle).await;
    let database = &trestle.stores().database;
    let role = program_role(database).await.expect("migrating made it");
    works_as(&trestle, &role).await;
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    connection.execute(AssertSqlSafe(format!("SET ROLE {role}"))).await.unwrap();
    sees_what_it_names(connection, &tenants).await;
    assert!(!trestle.log().contains("row-level security"), "nothing to warn of");

    // Nobody signs in as it, and nobody else takes it on.
    let attributes = "SELECT NOT (rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb) FROM pg_roles WHERE rolname = $1";
    let harmless: bool =
        sqlx::query_scalar(attributes).bind(&role).fetch_one(&mut superuser().await).await.unwrap();
    assert!(harmless);
    let other = database_of("stranger", "").await;
    let refused = other.connect().await.execute(AssertSqlSafe(format!("SET ROLE {role}"))).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), INSUFFICIENT_PRIVILEGE, "{refused}");
}

#[tokio::test]
async fn a_superuser_signs_in_and_row_level_security_holds_all_the_same() {
    let trestle = start(database_of("root", "SUPERUSER").await).await;
    let tenants = works(&trestle).await;
    let database = &trestle.stores().database;
    let role = program_role(database).await.expect("migrating made it");
    works_as(&trestle, &role).await;
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    connection.execute(AssertSqlSafe(format!("SET ROLE {role}"))).await.unwrap();
    sees_what_it_names(connection, &tenants).await;
}

#[tokio::test]
async fn an_owner_who_may_make_no_role_is_warned_and_bound_until_somebody_makes_it() {
    let mut trestle = start(database_of("plain", "").await).await;
    let tenants = works(&trestle).await;
    assert_eq!(program_role(&trestle.stores().database).await, None);
    sees_what_it_names(PgConnection::connect(trestle.stores().database.url()).await.unwrap(), &tenants).await;

    let log = trestle.log();
    let warnings: Vec<_> =
        log.lines().filter(|line| line.contains("the program works as the owner")).collect();
    assert!(!warnings.is_empty(), "{log}");
    let (_, sql) = warnings[0].split_once("run: ").expect("it says what to do");
    let sql = sql.split_inclusive(';').take(2).collect::<String>().replace("\\\"", "\"");
    superuser().await.execute(AssertSqlSafe(sql)).await.unwrap();
    trestle.terminate().await;
    trestle.start().await;
    let role = program_role(&trestle.stores().database).await.expect("it was made by hand");
    works_as(&trestle, &role).await;
    assert_eq!(
        trestle.log().matches("the program works as the owner").count(),
        warnings.len(),
        "no more warnings"
    );
}

#[tokio::test]
async fn who_is_not_bound_and_may_make_no_role_is_told_what_to_do_and_nothing_starts() {
    let database = database_of("passer", "BYPASSRLS").await;
    let stores = Stores { database, redis: Redis::create().await };
    let trestle = Trestle::stopped(stores);
    let refused = trestle.run_once(&["migrate"]);
    let words =
        String::from_utf8_lossy(&refused.stderr).into_owned() + &String::from_utf8_lossy(&refused.stdout);
    assert!(!refused.status.success(), "{words}");
    assert!(
        words.contains("does not bind who signs in") && words.contains("CREATE ROLE trestle_program_"),
        "{words}"
    );
}

#[tokio::test]
async fn several_databases_and_processes_are_migrated_at_once() {
    let maker = database_of("maker_of_many", "CREATEROLE").await;
    drop(maker);
    let mut programs = Vec::new();
    for _ in 0..MIGRATED_AT_ONCE {
        let database = server().await.database_of("maker_of_many").await;
        programs.push(Trestle::stopped(Stores { database, redis: Redis::create().await }));
    }
    let done: Vec<_> = std::thread::scope(|scope| {
        let started: Vec<_> = programs
            .iter()
            .chain(&programs)
            .map(|program| scope.spawn(|| program.run_once(&["migrate"])))
            .collect();
        started.into_iter().map(|thread| thread.join().expect("it says why it panics")).collect()
    });
    for output in &done {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let mut roles = Vec::new();
    for program in &programs {
        roles.push(program_role(&program.stores().database).await.expect("each has one"));
    }
    roles.dedup();
    assert_eq!(roles.len(), MIGRATED_AT_ONCE, "of its own: {roles:?}");
    // A second time there is nothing to do, and nothing of the catalogue is touched.
    let rows = "SELECT string_agg(xmin::text, ',' ORDER BY oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    let mut connection = programs[0].stores().database.connect().await;
    let before: String = sqlx::query_scalar(rows).fetch_one(&mut connection).await.unwrap();
    assert!(programs[0].run_once(&["migrate"]).status.success());
    let after: String = sqlx::query_scalar(rows).fetch_one(&mut connection).await.unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn the_owner_takes_a_whole_backup_with_the_setting_and_none_without() {
    let trestle = start(database_of("keeper", "").await).await;
    let tenants = works(&trestle).await;
    let url = trestle.stores().database.url();
    let dump = |arguments: &[&str], options: &str| {
        let mut command = std::process::Command::new(program("pg_dump"));
        command.args(arguments).args(["--data-only", "--table=tenant", url]).env("PGOPTIONS", options);
        command.output().unwrap_or_else(|error| panic!("starting pg_dump: {error}"))
    };
    let whole = dump(&["--enable-row-security"], "-c trestle.tenants=*");
    let rows = String::from_utf8_lossy(&whole.stdout).into_owned();
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
    assert!(tenants.iter().all(|tenant| rows.contains(&tenant.uuid())), "{rows}");
    // Not an empty one that looks like a backup.
    assert!(!dump(&[], "").status.success());
}
