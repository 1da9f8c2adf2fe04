//! Creates `audit_entry`: who did or tried what. The database refuses to change or delete what stands there.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, blob, text, text_null, uuid, uuid_null};
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time};
use crate::constraints::{create_indexes, index, one_of, reference, unique};

const OUTCOMES: [&str; 5] = ["SUCCEEDED", "UNCHANGED", "REJECTED", "DENIED", "FAILED"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("audit_entry")
                    .col(id())
                    .col(uuid("chain_id"))
                    .col(big_integer("number"))
                    .col(uuid_null("tenant_id"))
                    .col(time("at"))
                    .col(text("principal"))
                    .col(text_null("role"))
                    .col(text("name"))
                    .col(text_null("address"))
                    .col(text_null("user_agent"))
                    .col(text_null("request_id"))
                    .col(text("operation"))
                    .col(text_null("object"))
                    .col(text("outcome"))
                    .col(text_null("detail"))
                    .col(blob("mac"))
                    .index(&mut unique("audit_entry", &["chain_id", "number"]))
                    .foreign_key(&mut reference("audit_entry", "chain_id", "audit_chain"))
                    .foreign_key(&mut reference("audit_entry", "tenant_id", "tenant"))
                    .check(one_of("audit_entry", "outcome", &OUTCOMES))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [index("audit_entry", &["tenant_id", "id"]), index("audit_entry", &["object", "id"])],
        )
        .await?;
        let connection = manager.get_connection();
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            connection
                .execute_unprepared(
                    "CREATE FUNCTION audit_entry_stays() RETURNS trigger LANGUAGE plpgsql AS \
                     $$ BEGIN RAISE EXCEPTION 'entries of the audit log are not changed'; END $$; \
                     CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry \
                     FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_stays()",
                )
                .await?;
        } else {
            for event in ["UPDATE", "DELETE"] {
                let name = event.to_lowercase();
                connection
                    .execute_unprepared(&format!(
                        "CREATE TRIGGER audit_entry_stays_{name} BEFORE {event} ON audit_entry \
                         BEGIN SELECT RAISE(ABORT, 'entries of the audit log are not changed'); END"
                    ))
                    .await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("audit_entry").to_owned()).await?;
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            manager.get_connection().execute_unprepared("DROP FUNCTION audit_entry_stays()").await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
