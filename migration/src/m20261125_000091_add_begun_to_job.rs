//! Adds to `job` whether its run has begun, and an index that lets one run of an integration be under way, also while no
//! worker has it. Jobs that run while this is migrated have not begun by it until they are claimed again; the index on
//! running jobs, which stays for the program before, keeps them alone until then.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::boolean;
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Index, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::constraints::{create_indexes, index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = boolean("begun").default(false).take();
        manager.alter_table(Table::alter().table("job").add_column(column).to_owned()).await?;
        let one_under_way = index("job", &["integration_id"])
            .name("uq_job_begun")
            .unique()
            .and_where(Expr::col("begun").and(Expr::col("status").ne("DONE")))
            .take();
        create_indexes(manager, [one_under_way]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("uq_job_begun").table("job").to_owned()).await?;
        manager.alter_table(Table::alter().table("job").drop_column("begun").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
