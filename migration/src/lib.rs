//! Schema of the database: one change a file, in time order, up and down, on PostgreSQL 15+ and SQLite 3.35+.
//!
//! A merged migration is never edited; the next one changes what it made. Each is one transaction on both
//! databases. A tenant's row refers to others by `(tenant_id, id)`, so the database itself refuses a reference
//! across tenants. A table refers to `tenant` only where no other such reference leads there already.
//!
//! Deliberately absent: other crates of ours (what was true when a migration was written stays written in it).

use sea_orm_migration::MigrationTrait;

pub use sea_orm_migration::MigratorTrait;

mod columns;
mod constraints;
mod isolation;
mod m20261122_000001_create_tenant;
mod m20261122_000002_create_user;
mod m20261122_000003_create_session;
mod m20261122_000004_create_refresh_token;
mod m20261122_000005_create_api_key;
mod m20261122_000006_create_api_key_tenant;
mod m20261122_000007_create_portal_session;
mod m20261122_000008_create_idempotency_key;
mod m20261122_000009_create_system;
mod m20261122_000010_create_integration;
mod m20261122_000011_create_retry;
mod m20261122_000012_create_run;
mod m20261122_000013_create_failure;
mod m20261122_000014_create_run_event;
mod m20261122_000015_create_run_stream;
mod m20261122_000016_create_stream_cursor;
mod m20261122_000017_create_write_receipt;
mod m20261122_000018_create_job;
mod m20261122_000019_leave_room_in_write_receipt;
mod m20261122_000020_create_sign_in_attempt;
mod m20261122_000021_add_last_use_to_session;
mod m20261122_000022_create_signing_key;
mod m20261125_000023_create_audit_chain;
mod m20261125_000024_create_audit_entry;
mod m20261125_000025_add_support_access_to_tenant;
mod m20261125_000026_create_reveal;
mod m20261125_000040_create_mail;
mod m20261125_000041_create_invitation;
mod m20261125_000042_create_user_token;
mod m20261125_000043_create_second_factor;
mod m20261125_000044_create_recovery_code;
mod m20261125_000045_add_second_factor_to_user;
mod m20261125_000055_create_data_key;
mod m20261125_000056_create_portal_key;
mod m20261125_000070_create_identity_provider;
mod m20261125_000071_create_external_identity;
mod m20261125_000072_create_sign_on_attempt;
mod m20261125_000073_add_identity_provider_to_session;
mod m20261125_000090_isolate_tenants;
mod m20261125_000091_add_begun_to_job;
mod m20261125_000100_add_hold_to_integration;
mod m20261125_000101_create_kill_switch;
mod m20261125_000102_add_kill_switch_to_job;
mod m20261125_000103_add_wait_code_to_job;
mod m20261125_000104_add_retry_policy_to_integration;
mod m20261125_000105_add_circuit_to_system;
mod m20261125_000106_add_rate_limit_to_system;
mod m20261125_000120_add_turn_index_to_job;
mod m20261125_000121_add_progress_timeout_to_integration;
mod m20261125_000122_create_worker;
mod m20261125_000123_add_run_concurrency_to_tenant;
mod m20261125_000131_add_doubt_to_write_receipt;
mod m20261125_000132_add_push_at_to_job;
mod m20261126_000133_pack_receipts;
mod m20261126_000150_create_backfill;
mod m20261126_000151_add_backfill_to_run;
mod m20261126_000152_create_stream_schema;
mod m20261126_000153_let_people_set_stream_cursor;
mod m20261126_000154_add_deletions_to_run;
mod m20261126_000160_create_quarantine;
mod m20261126_000161_add_quarantine_to_failure;
mod m20261126_000162_add_gate_to_run_stream;
mod m20261126_000165_create_system_grant;
mod m20261126_000166_create_connect_link;
mod m20261126_000175_create_reconciliation;
mod m20261126_000176_add_reconciliation_to_run;
mod m20261126_000177_add_reconcile_to_integration;
mod m20261126_000180_create_run_slice;
mod m20261126_000181_add_slice_to_job;
mod m20261126_000182_add_watermark_to_run_stream;
mod m20261126_000185_create_webhook_endpoint;
mod m20261126_000186_create_webhook_event;
mod m20261126_000190_add_extra_to_reconciliation_stream;
mod m20261126_000191_let_differences_be_extra;
mod m20261126_000192_add_cursor_field_to_backfill;
mod m20261126_000195_create_receipt_segment;
mod m20261126_000200_create_failure_group;
mod m20261126_000201_create_failure_group_hour;
mod m20261126_000202_create_failure_group_activity;
mod m20261126_000203_add_group_to_failure;
mod m20261126_000204_group_failures;
mod m20261126_000205_index_failures_by_group;
mod m20261126_000210_create_health_rollup;
mod m20261126_000211_create_health_target;
mod m20261126_000212_create_health_alert;
mod m20261126_000213_create_integration_health;
mod m20261126_000214_fill_health_rollup;
mod m20261126_000220_create_occasion;
mod m20261126_000221_create_notice_channel;
mod m20261126_000222_create_notice_policy;
mod m20261126_000223_create_notice;
mod m20261126_000224_create_notice_delivery;
mod m20261126_000225_create_notice_attempt;
mod m20261126_000226_create_notice_subject;
mod m20261126_000240_create_runbook;
mod m20261126_000241_create_runbook_version;
mod m20261126_000242_create_word_override;
mod m20261126_000250_create_run_metric;
mod m20261126_000251_create_exchange;
mod m20261126_000252_add_exchange_to_failure;
mod m20261126_000253_create_log_line;
mod m20261126_000260_create_contact;
mod m20261126_000261_create_integration_contact;
mod m20261126_000262_create_ownership_rule;
mod m20261126_000263_add_assignee_to_failure_group;
mod m20261126_000265_create_incident;
mod m20261126_000266_create_incident_entry;
mod m20261126_000267_create_system_fault;
mod m20261126_000270_add_impact_to_failure;
mod m20261126_000271_add_urgency_to_failure_group;
mod m20261126_000272_fill_urgency;
mod m20261126_000273_index_failure_groups_by_urgency;
mod m20261126_000275_create_escalation_policy;
mod m20261126_000276_create_escalation;
mod m20261126_000277_create_sla_clock;
mod m20261126_000280_add_kpis_to_integration;
mod m20261126_000281_create_kpi_rollup;
mod m20261126_000285_create_synthetic_check;
mod m20261126_000286_create_synthetic_result;
mod m20261127_000290_create_change;
mod m20261127_000300_create_export;
mod m20261127_000301_create_export_chunk;
mod m20261127_000320_index_lists;
mod m20261127_000330_tell_who_may_do_what;
mod m20261127_000345_partition_run_event;
mod m20261127_000346_partition_log_line;
mod m20261127_000350_create_retention;
mod m20261127_000351_add_record_removal_to_failure;
mod m20261127_000352_index_failures_by_end;
mod m20261127_000353_index_what_refers_to_runs;
mod m20261127_000354_tell_of_records_that_expire;
pub mod partition;
mod partitioning;
pub mod program_role;

/// Every migration. `up`, `down` and `status` are those of [`MigratorTrait`].
#[derive(Clone, Copy, Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_create_tenant::Migration),
            Box::new(m20261122_000002_create_user::Migration),
            Box::new(m20261122_000003_create_session::Migration),
            Box::new(m20261122_000004_create_refresh_token::Migration),
            Box::new(m20261122_000005_create_api_key::Migration),
            Box::new(m20261122_000006_create_api_key_tenant::Migration),
            Box::new(m20261122_000007_create_portal_session::Migration),
            Box::new(m20261122_000008_create_idempotency_key::Migration),
            Box::new(m20261122_000009_create_system::Migration),
            Box::new(m20261122_000010_create_integration::Migration),
            Box::new(m20261122_000011_create_retry::Migration),
            Box::new(m20261122_000012_create_run::Migration),
            Box::new(m20261122_000013_create_failure::Migration),
            Box::new(m20261122_000014_create_run_event::Migration),
            Box::new(m20261122_000015_create_run_stream::Migration),
            Box::new(m20261122_000016_create_stream_cursor::Migration),
            Box::new(m20261122_000017_create_write_receipt::Migration),
            Box::new(m20261122_000018_create_job::Migration),
            Box::new(m20261122_000019_leave_room_in_write_receipt::Migration),
            Box::new(m20261122_000020_create_sign_in_attempt::Migration),
            Box::new(m20261122_000021_add_last_use_to_session::Migration),
            Box::new(m20261122_000022_create_signing_key::Migration),
            Box::new(m20261125_000023_create_audit_chain::Migration),
            Box::new(m20261125_000024_create_audit_entry::Migration),
            Box::new(m20261125_000025_add_support_access_to_tenant::Migration),
            Box::new(m20261125_000026_create_reveal::Migration),
            Box::new(m20261125_000040_create_mail::Migration),
            Box::new(m20261125_000041_create_invitation::Migration),
            Box::new(m20261125_000042_create_user_token::Migration),
            Box::new(m20261125_000043_create_second_factor::Migration),
            Box::new(m20261125_000044_create_recovery_code::Migration),
            Box::new(m20261125_000045_add_second_factor_to_user::Migration),
            Box::new(m20261125_000055_create_data_key::Migration),
            Box::new(m20261125_000056_create_portal_key::Migration),
            Box::new(m20261125_000070_create_identity_provider::Migration),
            Box::new(m20261125_000071_create_external_identity::Migration),
            Box::new(m20261125_000072_create_sign_on_attempt::Migration),
            Box::new(m20261125_000073_add_identity_provider_to_session::Migration),
            Box::new(m20261125_000090_isolate_tenants::Migration),
            Box::new(m20261125_000091_add_begun_to_job::Migration),
            Box::new(m20261125_000100_add_hold_to_integration::Migration),
            Box::new(m20261125_000101_create_kill_switch::Migration),
            Box::new(m20261125_000102_add_kill_switch_to_job::Migration),
            Box::new(m20261125_000103_add_wait_code_to_job::Migration),
            Box::new(m20261125_000104_add_retry_policy_to_integration::Migration),
            Box::new(m20261125_000105_add_circuit_to_system::Migration),
            Box::new(m20261125_000106_add_rate_limit_to_system::Migration),
            Box::new(m20261125_000120_add_turn_index_to_job::Migration),
            Box::new(m20261125_000121_add_progress_timeout_to_integration::Migration),
            Box::new(m20261125_000122_create_worker::Migration),
            Box::new(m20261125_000123_add_run_concurrency_to_tenant::Migration),
            Box::new(m20261125_000131_add_doubt_to_write_receipt::Migration),
            Box::new(m20261125_000132_add_push_at_to_job::Migration),
            Box::new(m20261126_000133_pack_receipts::Migration),
            Box::new(m20261126_000150_create_backfill::Migration),
            Box::new(m20261126_000151_add_backfill_to_run::Migration),
            Box::new(m20261126_000152_create_stream_schema::Migration),
            Box::new(m20261126_000153_let_people_set_stream_cursor::Migration),
            Box::new(m20261126_000154_add_deletions_to_run::Migration),
            Box::new(m20261126_000160_create_quarantine::Migration),
            Box::new(m20261126_000161_add_quarantine_to_failure::Migration),
            Box::new(m20261126_000162_add_gate_to_run_stream::Migration),
            Box::new(m20261126_000165_create_system_grant::Migration),
            Box::new(m20261126_000166_create_connect_link::Migration),
            Box::new(m20261126_000175_create_reconciliation::Migration),
            Box::new(m20261126_000176_add_reconciliation_to_run::Migration),
            Box::new(m20261126_000177_add_reconcile_to_integration::Migration),
            Box::new(m20261126_000180_create_run_slice::Migration),
            Box::new(m20261126_000181_add_slice_to_job::Migration),
            Box::new(m20261126_000182_add_watermark_to_run_stream::Migration),
            Box::new(m20261126_000185_create_webhook_endpoint::Migration),
            Box::new(m20261126_000186_create_webhook_event::Migration),
            Box::new(m20261126_000190_add_extra_to_reconciliation_stream::Migration),
            Box::new(m20261126_000191_let_differences_be_extra::Migration),
            Box::new(m20261126_000192_add_cursor_field_to_backfill::Migration),
            Box::new(m20261126_000195_create_receipt_segment::Migration),
            Box::new(m20261126_000200_create_failure_group::Migration),
            Box::new(m20261126_000201_create_failure_group_hour::Migration),
            Box::new(m20261126_000202_create_failure_group_activity::Migration),
            Box::new(m20261126_000203_add_group_to_failure::Migration),
            Box::new(m20261126_000204_group_failures::Migration),
            Box::new(m20261126_000205_index_failures_by_group::Migration),
            Box::new(m20261126_000210_create_health_rollup::Migration),
            Box::new(m20261126_000211_create_health_target::Migration),
            Box::new(m20261126_000212_create_health_alert::Migration),
            Box::new(m20261126_000213_create_integration_health::Migration),
            Box::new(m20261126_000214_fill_health_rollup::Migration),
            Box::new(m20261126_000220_create_occasion::Migration),
            Box::new(m20261126_000221_create_notice_channel::Migration),
            Box::new(m20261126_000222_create_notice_policy::Migration),
            Box::new(m20261126_000223_create_notice::Migration),
            Box::new(m20261126_000224_create_notice_delivery::Migration),
            Box::new(m20261126_000225_create_notice_attempt::Migration),
            Box::new(m20261126_000226_create_notice_subject::Migration),
            Box::new(m20261126_000240_create_runbook::Migration),
            Box::new(m20261126_000241_create_runbook_version::Migration),
            Box::new(m20261126_000242_create_word_override::Migration),
            Box::new(m20261126_000250_create_run_metric::Migration),
            Box::new(m20261126_000251_create_exchange::Migration),
            Box::new(m20261126_000252_add_exchange_to_failure::Migration),
            Box::new(m20261126_000253_create_log_line::Migration),
            Box::new(m20261126_000260_create_contact::Migration),
            Box::new(m20261126_000261_create_integration_contact::Migration),
            Box::new(m20261126_000262_create_ownership_rule::Migration),
            Box::new(m20261126_000263_add_assignee_to_failure_group::Migration),
            Box::new(m20261126_000265_create_incident::Migration),
            Box::new(m20261126_000266_create_incident_entry::Migration),
            Box::new(m20261126_000267_create_system_fault::Migration),
            Box::new(m20261126_000270_add_impact_to_failure::Migration),
            Box::new(m20261126_000271_add_urgency_to_failure_group::Migration),
            Box::new(m20261126_000272_fill_urgency::Migration),
            Box::new(m20261126_000273_index_failure_groups_by_urgency::Migration),
            Box::new(m20261126_000275_create_escalation_policy::Migration),
            Box::new(m20261126_000276_create_escalation::Migration),
            Box::new(m20261126_000277_create_sla_clock::Migration),
            Box::new(m20261126_000280_add_kpis_to_integration::Migration),
            Box::new(m20261126_000281_create_kpi_rollup::Migration),
            Box::new(m20261126_000285_create_synthetic_check::Migration),
            Box::new(m20261126_000286_create_synthetic_result::Migration),
            Box::new(m20261127_000290_create_change::Migration),
            Box::new(m20261127_000300_create_export::Migration),
            Box::new(m20261127_000301_create_export_chunk::Migration),
            Box::new(m20261127_000320_index_lists::Migration),
            Box::new(m20261127_000330_tell_who_may_do_what::Migration),
            Box::new(m20261127_000345_partition_run_event::Migration),
            Box::new(m20261127_000346_partition_log_line::Migration),
            Box::new(m20261127_000350_create_retention::Migration),
            Box::new(m20261127_000351_add_record_removal_to_failure::Migration),
            Box::new(m20261127_000352_index_failures_by_end::Migration),
            Box::new(m20261127_000353_index_what_refers_to_runs::Migration),
            Box::new(m20261127_000354_tell_of_records_that_expire::Migration),
        ]
    }
}
