//! The role of PostgreSQL under which the program works: it owns nothing, may not sign in, and row-level security binds
//! it, whoever signs in. Each schema of each database has its own, so that installations in one cluster share none.
//!
//! It is made at every start and not by a migration: a dump that is restored in another cluster has the policies, and
//! not the role. Deliberately absent: default privileges. What the program may do with a table is said here, table by
//! table, so that one that is only ever added to can be so from its first moment.

use sea_orm_migration::DbErr;
use sea_orm_migration::sea_orm::{
    ConnectionTrait, DbBackend, QueryResult, RuntimeErr, Statement, TransactionSession, TransactionTrait,
};

/// One row about the role of this schema, for whoever is connected: `name`, `is_there`, `may_use` (the role can be taken
/// on and is bound), `is_bound` (whoever signed in is bound by row-level security themselves), `may_create`, `login`.
pub const ABOUT: &str = "SELECT p.name, r.oid IS NOT NULL AS is_there, \
     coalesce(pg_has_role(session_user, r.oid, 'MEMBER') \
       AND NOT r.rolsuper AND NOT r.rolbypassrls AND NOT r.rolcanlogin, false) AS may_use, \
     NOT l.rolsuper AND NOT l.rolbypassrls AS is_bound, \
     l.rolsuper OR l.rolcreaterole AS may_create, l.rolname::text AS login \
     FROM (SELECT format('trestle_program_%s_%s', d.oid, n.oid) AS name FROM pg_database AS d, pg_namespace AS n \
       WHERE d.datname = current_database() AND n.nspname = current_schema()) AS p \
     JOIN pg_roles AS l ON l.rolname = session_user \
     LEFT JOIN pg_roles AS r ON r.rolname = p.name";

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const INSUFFICIENT_PRIVILEGE: &str = "42501";
/// All that can be done with the rows of a table.
const ROWS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

/// What [`prepare`] found or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramRole {
    /// It is there, and the program may take it on.
    Ready,
    /// It is not, and whoever signed in may not make it.
    Missing {
        /// Whether row-level security binds who signed in, so that it holds all the same.
        is_bound: bool,
        /// What an administrator of the cluster runs.
        sql: String,
    },
}

/// What the program may do with the rows of a table.
fn privileges(table: &str, is_partition: bool) -> &'static [&'static str] {
    match table {
        // Its rows are reached by the table that it is of, whose privileges count then.
        _ if is_partition => &[],
        // Only whoever migrates looks at it.
        "seaql_migrations" => &[],
        // It is added to. A trigger refuses the rest too, which the owner of the table could drop.
        "audit_entry" => &["SELECT", "INSERT"],
        // A history: what was decided, and what was expected when.
        "failure_group_activity" | "health_target" => &["SELECT", "INSERT"],
        _ => &ROWS,
    }
}

/// Makes the role where it is missing, and gives it what it needs of the tables that there are. For PostgreSQL, signed in
/// as the owner of the tables, one call at a time in a database.
///
/// # Errors
/// When the database can't be used, or the owner may not give privileges.
pub async fn prepare<C: TransactionTrait>(connection: &C) -> Result<ProgramRole, DbErr> {
    let tx = connection.begin().await?;
    let about = About::read(&tx).await?;
    let name = about.name.clone();
    let mut may_use = about.may_use;
    if !may_use && about.may_create && make(&tx, &about).await? {
        may_use = About::read(&tx).await?.may_use;
    }
    if about.is_there || may_use {
        grant(&tx, &name).await?;
    }
    tx.commit().await?;
    if may_use {
        return Ok(ProgramRole::Ready);
    }
    let create = if about.is_there { "ALTER" } else { "CREATE" };
    let sql = format!(
        "{create} ROLE {name} NOLOGIN NOSUPERUSER NOBYPASSRLS; GRANT {name} TO {};",
        quoted(&about.login)
    );
    Ok(ProgramRole::Missing { is_bound: about.is_bound, sql })
}

struct About {
    name: String,
    is_there: bool,
    may_use: bool,
    is_bound: bool,
    may_create: bool,
    login: String,
}

impl About {
    async fn read(connection: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let row = connection
            .query_one_raw(Statement::from_string(DbBackend::Postgres, ABOUT))
            .await?
            .ok_or_else(|| DbErr::Custom("there is no schema to work in: check `search_path`".to_owned()))?;
        Ok(Self {
            name: row.try_get("", "name")?,
            is_there: row.try_get("", "is_there")?,
            may_use: row.try_get("", "may_use")?,
            is_bound: row.try_get("", "is_bound")?,
            may_create: row.try_get("", "may_create")?,
            login: row.try_get("", "login")?,
        })
    }
}

/// False when the cluster refuses: a role of this name may be somebody else's to give.
async fn make<C: TransactionTrait>(tx: &C, about: &About) -> Result<bool, DbErr> {
    let name = &about.name;
    let create = if about.is_there { String::new() } else { format!("CREATE ROLE {name} NOLOGIN; ") };
    let savepoint = tx.begin().await?;
    let sql = format!("{create}GRANT {name} TO {}", quoted(&about.login));
    match savepoint.execute_unprepared(&sql).await {
        Ok(_) => savepoint.commit().await.map(|()| true),
        Err(error) if has_code(&error, INSUFFICIENT_PRIVILEGE) => savepoint.rollback().await.map(|()| false),
        Err(error) => Err(error),
    }
}

/// Whether the database refused with this code.
pub(crate) fn has_code(error: &DbErr, code: &str) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    error.as_database_error().and_then(|error| error.code()).is_some_and(|told| told == code)
}

/// Changes only what is not so: a grant locks rows of the catalogue and makes every connection plan anew.
async fn grant(tx: &impl ConnectionTrait, name: &str) -> Result<(), DbErr> {
    let sql = format!(
        "SELECT quote_ident(current_schema()) AS schema, has_schema_privilege('{name}', current_schema(), 'USAGE') AS may"
    );
    let schema = one(tx, sql).await?;
    if !schema.try_get::<bool>("", "may")? {
        let schema: String = schema.try_get("", "schema")?;
        tx.execute_unprepared(&format!("GRANT USAGE ON SCHEMA {schema} TO {name}")).await?;
    }
    let has =
        ROWS.map(|privilege| format!("has_table_privilege('{name}', c.oid, '{privilege}') AS {privilege}"));
    // Each of its tables: those of others in the same schema are none of the program's business.
    let sql = format!(
        "SELECT c.relname::text AS name, quote_ident(c.relname) AS quoted, c.relispartition AS is_partition, {} \
         FROM pg_class AS c \
         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') \
         AND c.relowner = (SELECT m.relowner FROM pg_class AS m WHERE m.oid = to_regclass('seaql_migrations')) \
         ORDER BY c.relname",
        has.join(", ")
    );
    for table in tx.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await? {
        let (name_of_table, quoted): (String, String) =
            (table.try_get("", "name")?, table.try_get("", "quoted")?);
        let wanted = privileges(&name_of_table, table.try_get("", "is_partition")?);
        let (mut missing, mut surplus) = (Vec::new(), Vec::new());
        for privilege in ROWS {
            let has: bool = table.try_get("", &privilege.to_ascii_lowercase())?;
            match (has, wanted.contains(&privilege)) {
                (false, true) => missing.push(privilege),
                (true, false) => surplus.push(privilege),
                _ => {}
            }
        }
        if !surplus.is_empty() {
            tx.execute_unprepared(&format!("REVOKE {} ON {quoted} FROM {name}", surplus.join(", "))).await?;
        }
        if !missing.is_empty() {
            tx.execute_unprepared(&format!("GRANT {} ON {quoted} TO {name}", missing.join(", "))).await?;
        }
    }
    Ok(())
}

async fn one(connection: &impl ConnectionTrait, sql: String) -> Result<QueryResult, DbErr> {
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    row.ok_or_else(|| DbErr::Custom("the catalogue answers nothing".to_owned()))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
