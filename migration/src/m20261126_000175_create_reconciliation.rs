//! Creates `reconciliation`, `reconciliation_stream` and `reconciliation_difference`: both ends of an integration's streams,
//! compared.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, json_binary_null, text, text_null, uuid, uuid_null};
use sea_orm_migration::sea_query::{Table, TableCreateStatement};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time};
use crate::constraints::{
    create_indexes, index, not_negative, one_of, primary_key, tenant_reference, unique_in_tenant,
};
use crate::isolation::isolate;

const OUTCOMES: [&str; 3] = ["MATCHED", "DRIFTED", "UNKNOWN"];
const COUNTS: [&str; 10] = [
    "read_count",
    "left_out_count",
    "refused_count",
    "source_count",
    "destination_count",
    "matched_count",
    "missing_count",
    "different_count",
    "failing_count",
    "not_moved_count",
];
const CHECKSUMS: [&str; 4] = ["source_keys", "destination_keys", "source_records", "destination_records"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [reconciliation(), stream(), difference()] {
            manager.create_table(table).await?;
        }
        create_indexes(
            manager,
            [
                index("reconciliation", &["tenant_id", "integration_id", "id"]),
                index("reconciliation", &["tenant_id", "after_run_id"]),
                index("reconciliation_difference", &["tenant_id", "reconciliation_id", "id"]),
            ],
        )
        .await?;
        for table in ["reconciliation", "reconciliation_stream", "reconciliation_difference"] {
            isolate(manager, table, "tenant_id").await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["reconciliation_difference", "reconciliation_stream", "reconciliation"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn reconciliation() -> TableCreateStatement {
    Table::create()
        .table("reconciliation")
        .col(id())
        .col(tenant_id())
        .col(uuid("integration_id"))
        .col(json_binary_null("streams"))
        .col(uuid_null("after_run_id"))
        .col(text("requested_by"))
        .col(text_null("outcome"))
        .col(uuid_null("retry_id"))
        .col(time("created_at"))
        .index(&mut unique_in_tenant("reconciliation"))
        .foreign_key(&mut tenant_reference("reconciliation", "integration_id", "integration"))
        .foreign_key(&mut tenant_reference("reconciliation", "after_run_id", "run"))
        .foreign_key(&mut tenant_reference("reconciliation", "retry_id", "retry"))
        .check(one_of("reconciliation", "outcome", &OUTCOMES))
        .to_owned()
}

fn stream() -> TableCreateStatement {
    let mut table = Table::create()
        .table("reconciliation_stream")
        .col(tenant_id())
        .col(uuid("reconciliation_id"))
        .col(text("stream"))
        .col(text("outcome"))
        .col(text_null("reason"))
        .to_owned();
    for column in COUNTS {
        table.col(big_integer(column));
    }
    for column in CHECKSUMS {
        table.col(text(column));
    }
    table
        .col(time("finished_at"))
        .primary_key(&mut primary_key(&["tenant_id", "reconciliation_id", "stream"]))
        .foreign_key(&mut tenant_reference("reconciliation_stream", "reconciliation_id", "reconciliation"))
        .check(one_of("reconciliation_stream", "outcome", &OUTCOMES))
        .check(not_negative("reconciliation_stream", COUNTS))
        .to_owned()
}

fn difference() -> TableCreateStatement {
    let table = "reconciliation_difference";
    Table::create()
        .table(table)
        .col(id())
        .col(tenant_id())
        .col(uuid("reconciliation_id"))
        .col(text("stream"))
        .col(text("record_key"))
        .col(text("business_reference"))
        .col(text("kind"))
        .col(uuid_null("failure_id"))
        .foreign_key(&mut tenant_reference(table, "reconciliation_id", "reconciliation"))
        .foreign_key(&mut tenant_reference(table, "failure_id", "failure"))
        .check(one_of(table, "kind", &["MISSING", "DIFFERENT"]))
        .to_owned()
}
