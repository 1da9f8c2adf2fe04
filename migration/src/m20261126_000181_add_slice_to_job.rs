//! Lets a run have a job for each slice of a stream beside its own, which is `DIVIDED` while they are under way. Programs
//! before this one do not know such jobs, and leave them alone.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{boolean, integer, small_integer, text, text_null, uuid, uuid_null};
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};
use sea_orm_migration::sea_query::{
    ConditionalStatement, Expr, ExprTrait, Index, IndexCreateStatement, IndexOrder, Table,
    TableCreateStatement,
};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{
    create_indexes, index, not_negative, one_of, tenant_reference, unique, unique_in_tenant,
};

const COLUMNS: &str = "id, tenant_id, integration_id, kind, subject_id, status, priority, attempt, max_attempts, \
                       available_at, wait_code, lease_until, lease_token, worker, begun, cancel_requested, \
                       kill_switch_id, push_at, traceparent, last_error, created_at, finished_at";
/// Longer ago than anything, as the column's default was before.
const EPOCH: &str = "1970-01-01T00:00:00+00:00";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            let sql = "ALTER TABLE job DROP CONSTRAINT uq_job_subject_id, DROP CONSTRAINT ck_job_kind, \
                         DROP CONSTRAINT ck_job_status, ADD COLUMN slice_id uuid, \
                         ADD CONSTRAINT ck_job_kind CHECK (kind IN ('RUN', 'SLICE')), \
                         ADD CONSTRAINT ck_job_status CHECK \
                           (status IN ('QUEUED', 'WAITING', 'HELD', 'RUNNING', 'DONE', 'DIVIDED')), \
                         ADD CONSTRAINT fk_job_slice_id FOREIGN KEY (tenant_id, slice_id) \
                           REFERENCES run_slice (tenant_id, id)";
            manager.get_connection().execute_unprepared(sql).await?;
        } else {
            make_again(manager, with_slices()).await?;
        }
        create_indexes(manager, of_slices()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        // Their runs read what is divided from its beginning, and lose nothing.
        connection.execute_unprepared("DELETE FROM job WHERE slice_id IS NOT NULL").await?;
        connection.execute_unprepared("UPDATE job SET status = 'QUEUED' WHERE status = 'DIVIDED'").await?;
        for name in ["uq_job_subject_id", "uq_job_slice_id", "ix_job_subject_id"] {
            manager.drop_index(Index::drop().name(name).table("job").to_owned()).await?;
        }
        if manager.get_database_backend() != DatabaseBackend::Postgres {
            return make_again(manager, without_slices()).await;
        }
        let sql = "ALTER TABLE job DROP CONSTRAINT fk_job_slice_id, \
                     DROP CONSTRAINT ck_job_kind, DROP CONSTRAINT ck_job_status, DROP COLUMN slice_id, \
                     ADD CONSTRAINT uq_job_subject_id UNIQUE (subject_id), \
                     ADD CONSTRAINT ck_job_kind CHECK (kind IN ('RUN')), \
                     ADD CONSTRAINT ck_job_status CHECK \
                       (status IN ('QUEUED', 'WAITING', 'HELD', 'RUNNING', 'DONE'))";
        connection.execute_unprepared(sql).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn of_slices() -> [IndexCreateStatement; 3] {
    let is_slice = || Expr::col("slice_id").is_not_null();
    [
        index("job", &["subject_id"])
            .name("uq_job_subject_id")
            .unique()
            .and_where(Expr::col("slice_id").is_null())
            .take(),
        index("job", &["slice_id"]).name("uq_job_slice_id").unique().and_where(is_slice()).take(),
        index("job", &["subject_id"]).and_where(is_slice()).take(),
    ]
}

fn columns(job: &mut TableCreateStatement) -> &mut TableCreateStatement {
    job.table("job")
        .col(id())
        .col(tenant_id())
        .col(uuid("integration_id"))
        .col(text("kind"))
        .col(uuid("subject_id"))
        .col(text("status"))
        .col(small_integer("priority"))
        .col(integer("attempt"))
        .col(integer("max_attempts"))
        .col(time("available_at"))
        .col(time_null("lease_until"))
        .col(uuid_null("lease_token"))
        .col(text_null("worker"))
        .col(boolean("cancel_requested"))
        .col(text_null("traceparent"))
        .col(text_null("last_error"))
        .col(time("created_at"))
        .col(time_null("finished_at"))
        .col(boolean("begun").default(false))
        .col(uuid_null("kill_switch_id"))
        .col(text_null("wait_code"))
        .col(time("push_at").default(EPOCH))
        .index(&mut unique_in_tenant("job"))
        .foreign_key(&mut tenant_reference("job", "integration_id", "integration"))
        .foreign_key(&mut tenant_reference("job", "subject_id", "run"))
        .check(not_negative("job", ["attempt", "max_attempts"]))
}

fn with_slices() -> TableCreateStatement {
    columns(&mut Table::create())
        .col(uuid_null("slice_id"))
        .foreign_key(&mut tenant_reference("job", "slice_id", "run_slice"))
        .check(one_of("job", "kind", &["RUN", "SLICE"]))
        .check(one_of("job", "status", &["QUEUED", "WAITING", "HELD", "RUNNING", "DONE", "DIVIDED"]))
        .to_owned()
}

fn without_slices() -> TableCreateStatement {
    columns(&mut Table::create())
        .index(&mut unique("job", &["subject_id"]))
        .check(one_of("job", "kind", &["RUN"]))
        .check(one_of("job", "status", &["QUEUED", "WAITING", "HELD", "RUNNING", "DONE"]))
        .to_owned()
}

/// SQLite changes no constraint of a table that is there: <https://www.sqlite.org/lang_altertable.html#otheralter>. No
/// table refers to this one.
async fn make_again(manager: &SchemaManager<'_>, job: TableCreateStatement) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    connection.execute_unprepared("ALTER TABLE job RENAME TO job_before").await?;
    manager.create_table(job).await?;
    let copy = format!("INSERT INTO job ({COLUMNS}) SELECT {COLUMNS} FROM job_before");
    connection.execute_unprepared(&copy).await?;
    connection.execute_unprepared("DROP TABLE job_before").await?;
    let is = |status: &str| Expr::col("status").eq(status);
    let turn = Index::create()
        .name("ix_job_turn")
        .table("job")
        .col("tenant_id")
        .col(("begun", IndexOrder::Desc))
        .col(("priority", IndexOrder::Desc))
        .col("available_at")
        .and_where(is("QUEUED"))
        .to_owned();
    let begun = index("job", &["integration_id"])
        .name("uq_job_begun")
        .unique()
        .and_where(Expr::col("begun").and(Expr::col("status").ne("DONE")))
        .take();
    let put_aside = is("HELD").and(Expr::col("kill_switch_id").is_not_null());
    create_indexes(
        manager,
        [
            index("job", &["lease_until"]).and_where(is("RUNNING")).take(),
            index("job", &["integration_id"]).and_where(is("WAITING").or(is("HELD"))).take(),
            index("job", &["tenant_id"]).and_where(is("HELD")).take(),
            begun,
            index("job", &["kill_switch_id", "id"]).and_where(put_aside).take(),
            turn,
            index("job", &["push_at", "id"]).and_where(is("QUEUED")).take(),
            index("job", &["integration_id"]).name("ix_job_queued").and_where(is("QUEUED")).take(),
        ],
    )
    .await
}
