//! The migrations against real databases: up, down and up again; the schema is that of the entities; and what
//! the schema promises to refuse is refused. Everything runs on SQLite and on a PostgreSQL that the test starts.

#![expect(clippy::disallowed_methods, reason = "tests of the schema itself, beneath every scope")]
#![expect(clippy::panic, reason = "tests")]

mod catalog;
mod groups;
mod health;
mod isolation;
mod partitions;
mod postgres;
mod receipts;
mod rows;

use std::collections::BTreeSet;
use std::fmt::Debug;

use entity::{
    api_key, api_key_tenant, audit_chain, audit_entry, backfill, change, connect_link, contact, data_key,
    escalation, escalation_policy, exchange, export, export_chunk, external_identity, failure, failure_group,
    failure_group_activity, failure_group_hour, health_alert, health_rollup, health_target, idempotency_key,
    identity_provider, incident, incident_entry, incident_system, integration, integration_contact,
    integration_health, invitation, job, kill_switch, kpi_rollup, log_line, mail, notice, notice_attempt,
    notice_channel, notice_delivery, notice_policy, notice_subject, occasion, ownership_rule, portal_cutoff,
    portal_key, portal_key_tenant, portal_session, quarantine, receipt_block, receipt_segment,
    reconciliation, reconciliation_difference, reconciliation_stream, recovery_code, refresh_token,
    retention, retry, reveal, run, run_event, run_metric, run_slice, run_stream, runbook, runbook_version,
    second_factor, session, sign_in_attempt, sign_on_attempt, signing_key, sla_clock, stream_cursor,
    stream_schema, synthetic_check, synthetic_result, system, system_fault, system_grant, tenant, user,
    user_token, webhook_endpoint, webhook_event, word_override, worker,
};
use migration::Migrator;
use migration::partition::{self, PartitionedTable};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ActiveEnum, ActiveModelTrait, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend,
    DbErr, EntityTrait, IntoActiveModel, Iterable, SqlErr, Statement, TransactionTrait, Value,
};
use sea_orm_migration::MigratorTrait;
use tempfile::TempDir;

use catalog::{assert_columns, tables};
use postgres::PostgresServer;
use rows::Rows;

const TABLES: [&str; 86] = [
    "api_key",
    "api_key_tenant",
    "audit_chain",
    "audit_entry",
    "backfill",
    "change",
    "connect_link",
    "contact",
    "data_key",
    "escalation",
    "escalation_policy",
    "exchange",
    "export",
    "export_chunk",
    "external_identity",
    "failure",
    "failure_group",
    "failure_group_activity",
    "failure_group_hour",
    "health_alert",
    "health_rollup",
    "health_target",
    "idempotency_key",
    "identity_provider",
    "incident",
    "incident_entry",
    "incident_system",
    "integration",
    "integration_contact",
    "integration_health",
    "invitation",
    "job",
    "kill_switch",
    "kpi_rollup",
    "log_line",
    "mail",
    "notice",
    "notice_attempt",
    "notice_channel",
    "notice_delivery",
    "notice_policy",
    "notice_subject",
    "occasion",
    "ownership_rule",
    "portal_cutoff",
    "portal_key",
    "portal_key_tenant",
    "portal_session",
    "quarantine",
    "receipt_block",
    "receipt_segment",
    "reconciliation",
    "reconciliation_difference",
    "reconciliation_stream",
    "recovery_code",
    "refresh_token",
    "retention",
    "retry",
    "reveal",
    "run",
    "run_event",
    "run_metric",
    "run_slice",
    "run_stream",
    "runbook",
    "runbook_version",
    "second_factor",
    "session",
    "sign_in_attempt",
    "sign_on_attempt",
    "signing_key",
    "sla_clock",
    "stream_cursor",
    "stream_schema",
    "synthetic_check",
    "synthetic_result",
    "system",
    "system_fault",
    "system_grant",
    "tenant",
    "user",
    "user_token",
    "webhook_endpoint",
    "webhook_event",
    "word_override",
    "worker",
];

#[tokio::test]
async fn sqlite() {
    let directory = TempDir::new().expect("a temporary directory");
    let url = format!("sqlite://{}?mode=rwc", directory.path().join("trestle.db").display());
    prove(&url).await;
}

#[tokio::test]
async fn postgresql() {
    let server = PostgresServer::start();
    prove(&server.url()).await;
}

/// Everything below, in one database after the other: a server takes longer to start than all of it.
async fn prove(url: &str) {
    let mut options = ConnectOptions::new(url);
    // What a statement gives changes with the tables: one that was prepared before would be read wrongly.
    options.map_sqlx_postgres_opts(|options| options.statement_cache_capacity(0));
    let db = Database::connect(options).await.expect("the database answers");
    up_down_up(&db).await;
    receipts::survive_packing(&db).await;
    groups::are_made(&db).await;
    health::is_filled(&db).await;
    columns_are_the_entities(&db).await;

    let (one, other) = (Rows::of(1), Rows::of(2));
    for rows in [one, other] {
        insert_and_read_back(&db, rows).await;
    }
    partitions::keep_what_was_there(&db, [one, other]).await;
    if db.get_database_backend() == DbBackend::Postgres {
        isolation::row_level_security_holds(&db, url, one, other).await;
        isolation::references_name_the_tenant(&db).await;
    }
    enums_take_their_values_and_no_other(&db).await;
    references_across_tenants_are_refused(&db, one, other).await;
    uniques_are_unique(&db, one).await;
    checks_hold(&db, one).await;
    queue_queries_use_their_indexes(&db).await;
    if db.get_database_backend() == DbBackend::Postgres {
        partitions::come_and_go(&db, one).await;
    }

    Migrator::down(&db, None).await.expect("down with rows in every table");
    assert_eq!(tables(&db).await, BTreeSet::from(["seaql_migrations".to_owned()]));
    db.close().await.expect("the connection closes");
}

async fn up_down_up(db: &DatabaseConnection) {
    let all: BTreeSet<String> = TABLES.into_iter().chain(["seaql_migrations"]).map(str::to_owned).collect();
    Migrator::up(db, None).await.expect("up");
    assert_eq!(tables(db).await, all);
    // One by one, so that none leans on another's `down`.
    for _ in Migrator::migrations() {
        Migrator::down(db, Some(1)).await.expect("down");
    }
    assert_eq!(tables(db).await, BTreeSet::from(["seaql_migrations".to_owned()]));
    Migrator::up(db, None).await.expect("up again");
    assert_eq!(tables(db).await, all);
    Migrator::up(db, None).await.expect("up with nothing to do");
}

async fn columns_are_the_entities(db: &DatabaseConnection) {
    assert_columns::<api_key::Entity>(db).await;
    assert_columns::<api_key_tenant::Entity>(db).await;
    assert_columns::<audit_chain::Entity>(db).await;
    assert_columns::<audit_entry::Entity>(db).await;
    assert_columns::<backfill::Entity>(db).await;
    assert_columns::<connect_link::Entity>(db).await;
    assert_columns::<change::Entity>(db).await;
    assert_columns::<contact::Entity>(db).await;
    assert_columns::<integration_contact::Entity>(db).await;
    assert_columns::<ownership_rule::Entity>(db).await;
    assert_columns::<data_key::Entity>(db).await;
    assert_columns::<failure::Entity>(db).await;
    assert_columns::<failure_group::Entity>(db).await;
    assert_columns::<failure_group_activity::Entity>(db).await;
    assert_columns::<failure_group_hour::Entity>(db).await;
    assert_columns::<health_alert::Entity>(db).await;
    assert_columns::<health_rollup::Entity>(db).await;
    assert_columns::<health_target::Entity>(db).await;
    assert_columns::<integration_health::Entity>(db).await;
    assert_columns::<synthetic_check::Entity>(db).await;
    assert_columns::<synthetic_result::Entity>(db).await;
    assert_columns::<sign_on_attempt::Entity>(db).await;
    assert_columns::<identity_provider::Entity>(db).await;
    assert_columns::<escalation::Entity>(db).await;
    assert_columns::<escalation_policy::Entity>(db).await;
    assert_columns::<sla_clock::Entity>(db).await;
    assert_columns::<exchange::Entity>(db).await;
    assert_columns::<export::Entity>(db).await;
    assert_columns::<export_chunk::Entity>(db).await;
    assert_columns::<external_identity::Entity>(db).await;
    assert_columns::<idempotency_key::Entity>(db).await;
    assert_columns::<incident::Entity>(db).await;
    assert_columns::<incident_entry::Entity>(db).await;
    assert_columns::<incident_system::Entity>(db).await;
    assert_columns::<integration::Entity>(db).await;
    assert_columns::<invitation::Entity>(db).await;
    assert_columns::<job::Entity>(db).await;
    assert_columns::<kill_switch::Entity>(db).await;
    assert_columns::<kpi_rollup::Entity>(db).await;
    assert_columns::<log_line::Entity>(db).await;
    assert_columns::<mail::Entity>(db).await;
    assert_columns::<notice::Entity>(db).await;
    assert_columns::<notice_attempt::Entity>(db).await;
    assert_columns::<notice_channel::Entity>(db).await;
    assert_columns::<notice_delivery::Entity>(db).await;
    assert_columns::<notice_policy::Entity>(db).await;
    assert_columns::<notice_subject::Entity>(db).await;
    assert_columns::<occasion::Entity>(db).await;
    assert_columns::<portal_cutoff::Entity>(db).await;
    assert_columns::<portal_key::Entity>(db).await;
    assert_columns::<portal_key_tenant::Entity>(db).await;
    assert_columns::<portal_session::Entity>(db).await;
    assert_columns::<quarantine::Entity>(db).await;
    assert_columns::<receipt_block::Entity>(db).await;
    assert_columns::<receipt_segment::Entity>(db).await;
    assert_columns::<reconciliation::Entity>(db).await;
    assert_columns::<reconciliation_difference::Entity>(db).await;
    assert_columns::<reconciliation_stream::Entity>(db).await;
    assert_columns::<recovery_code::Entity>(db).await;
    assert_columns::<refresh_token::Entity>(db).await;
    assert_columns::<retention::Entity>(db).await;
    assert_columns::<retry::Entity>(db).await;
    assert_columns::<reveal::Entity>(db).await;
    assert_columns::<run::Entity>(db).await;
    assert_columns::<run_event::Entity>(db).await;
    assert_columns::<run_metric::Entity>(db).await;
    assert_columns::<run_slice::Entity>(db).await;
    assert_columns::<run_stream::Entity>(db).await;
    assert_columns::<runbook::Entity>(db).await;
    assert_columns::<runbook_version::Entity>(db).await;
    assert_columns::<second_factor::Entity>(db).await;
    assert_columns::<session::Entity>(db).await;
    assert_columns::<sign_in_attempt::Entity>(db).await;
    assert_columns::<signing_key::Entity>(db).await;
    assert_columns::<stream_cursor::Entity>(db).await;
    assert_columns::<stream_schema::Entity>(db).await;
    assert_columns::<system::Entity>(db).await;
    assert_columns::<system_fault::Entity>(db).await;
    assert_columns::<system_grant::Entity>(db).await;
    assert_columns::<tenant::Entity>(db).await;
    assert_columns::<user::Entity>(db).await;
    assert_columns::<user_token::Entity>(db).await;
    assert_columns::<webhook_endpoint::Entity>(db).await;
    assert_columns::<webhook_event::Entity>(db).await;
    assert_columns::<word_override::Entity>(db).await;
    assert_columns::<worker::Entity>(db).await;
}

async fn insert_and_read_back(db: &DatabaseConnection, rows: Rows) {
    round_trip::<tenant::Entity>(db, rows.tenant()).await;
    round_trip::<user::Entity>(db, rows.user()).await;
    round_trip::<invitation::Entity>(db, rows.invitation()).await;
    round_trip::<log_line::Entity>(db, rows.log_line()).await;
    round_trip::<mail::Entity>(db, rows.mail()).await;
    round_trip::<user_token::Entity>(db, rows.user_token()).await;
    round_trip::<second_factor::Entity>(db, rows.second_factor()).await;
    round_trip::<recovery_code::Entity>(db, rows.recovery_code()).await;
    round_trip::<identity_provider::Entity>(db, rows.identity_provider()).await;
    round_trip::<external_identity::Entity>(db, rows.external_identity()).await;
    round_trip::<sign_on_attempt::Entity>(db, rows.sign_on_attempt()).await;
    round_trip::<session::Entity>(db, rows.session()).await;
    round_trip::<sign_in_attempt::Entity>(db, rows.sign_in_attempt()).await;
    round_trip::<refresh_token::Entity>(db, rows.refresh_token()).await;
    round_trip::<data_key::Entity>(db, rows.data_key()).await;
    round_trip::<portal_key::Entity>(db, rows.portal_key()).await;
    round_trip::<portal_key_tenant::Entity>(db, rows.portal_key_tenant()).await;
    round_trip::<portal_cutoff::Entity>(db, rows.portal_cutoff()).await;
    round_trip::<signing_key::Entity>(db, rows.signing_key()).await;
    round_trip::<worker::Entity>(db, rows.worker()).await;
    round_trip::<api_key::Entity>(db, rows.api_key()).await;
    round_trip::<api_key_tenant::Entity>(db, rows.api_key_tenant()).await;
    round_trip::<audit_chain::Entity>(db, rows.audit_chain()).await;
    round_trip::<audit_entry::Entity>(db, rows.audit_entry()).await;
    round_trip::<portal_session::Entity>(db, rows.portal_session()).await;
    round_trip::<idempotency_key::Entity>(db, rows.idempotency_key()).await;
    round_trip::<system::Entity>(db, rows.system()).await;
    round_trip::<system_fault::Entity>(db, rows.system_fault()).await;
    round_trip::<incident::Entity>(db, rows.incident()).await;
    round_trip::<incident_system::Entity>(db, rows.incident_system()).await;
    round_trip::<incident_entry::Entity>(db, rows.incident_entry()).await;
    round_trip::<system_grant::Entity>(db, rows.system_grant()).await;
    round_trip::<connect_link::Entity>(db, rows.connect_link()).await;
    round_trip::<webhook_endpoint::Entity>(db, rows.webhook_endpoint()).await;
    round_trip::<webhook_event::Entity>(db, rows.webhook_event()).await;
    round_trip::<integration::Entity>(db, rows.integration()).await;
    round_trip::<retention::Entity>(db, rows.retention()).await;
    round_trip::<retry::Entity>(db, rows.retry()).await;
    round_trip::<backfill::Entity>(db, rows.backfill()).await;
    round_trip::<run::Entity>(db, rows.run()).await;
    round_trip::<quarantine::Entity>(db, rows.quarantine()).await;
    round_trip::<failure_group::Entity>(db, rows.failure_group()).await;
    round_trip::<failure_group_activity::Entity>(db, rows.failure_group_activity()).await;
    round_trip::<failure_group_hour::Entity>(db, rows.failure_group_hour()).await;
    round_trip::<escalation_policy::Entity>(db, rows.escalation_policy()).await;
    round_trip::<escalation::Entity>(db, rows.escalation()).await;
    round_trip::<sla_clock::Entity>(db, rows.sla_clock()).await;
    round_trip::<exchange::Entity>(db, rows.exchange()).await;
    round_trip::<export::Entity>(db, rows.export()).await;
    round_trip::<export_chunk::Entity>(db, rows.export_chunk()).await;
    round_trip::<failure::Entity>(db, rows.failure()).await;
    round_trip::<health_rollup::Entity>(db, rows.health_rollup()).await;
    round_trip::<health_target::Entity>(db, rows.health_target()).await;
    round_trip::<health_alert::Entity>(db, rows.health_alert()).await;
    round_trip::<integration_health::Entity>(db, rows.integration_health()).await;
    round_trip::<kpi_rollup::Entity>(db, rows.kpi_rollup()).await;
    round_trip::<synthetic_check::Entity>(db, rows.synthetic_check()).await;
    round_trip::<synthetic_result::Entity>(db, rows.synthetic_result()).await;
    round_trip::<change::Entity>(db, rows.change()).await;
    round_trip::<reconciliation::Entity>(db, rows.reconciliation()).await;
    round_trip::<reconciliation_stream::Entity>(db, rows.reconciliation_stream()).await;
    round_trip::<reconciliation_difference::Entity>(db, rows.reconciliation_difference()).await;
    round_trip::<reveal::Entity>(db, rows.reveal()).await;
    round_trip::<run_event::Entity>(db, rows.run_event()).await;
    round_trip::<run_metric::Entity>(db, rows.run_metric()).await;
    round_trip::<run_slice::Entity>(db, rows.run_slice()).await;
    round_trip::<run_stream::Entity>(db, rows.run_stream()).await;
    round_trip::<stream_cursor::Entity>(db, rows.stream_cursor()).await;
    round_trip::<stream_schema::Entity>(db, rows.stream_schema()).await;
    round_trip::<receipt_block::Entity>(db, rows.receipt_block()).await;
    round_trip::<receipt_segment::Entity>(db, rows.receipt_segment()).await;
    round_trip::<kill_switch::Entity>(db, rows.kill_switch()).await;
    round_trip::<occasion::Entity>(db, rows.occasion()).await;
    round_trip::<notice_channel::Entity>(db, rows.notice_channel()).await;
    round_trip::<notice_policy::Entity>(db, rows.notice_policy()).await;
    round_trip::<contact::Entity>(db, rows.contact()).await;
    round_trip::<integration_contact::Entity>(db, rows.integration_contact()).await;
    round_trip::<ownership_rule::Entity>(db, rows.ownership_rule()).await;
    round_trip::<notice::Entity>(db, rows.notice()).await;
    round_trip::<notice_delivery::Entity>(db, rows.notice_delivery()).await;
    round_trip::<notice_attempt::Entity>(db, rows.notice_attempt()).await;
    round_trip::<notice_subject::Entity>(db, rows.notice_subject()).await;
    round_trip::<job::Entity>(db, rows.job()).await;
    round_trip::<runbook::Entity>(db, rows.runbook()).await;
    round_trip::<runbook_version::Entity>(db, rows.runbook_version()).await;
    round_trip::<word_override::Entity>(db, rows.word_override()).await;
}

/// A row with a value in every column comes back as it was.
async fn round_trip<E>(db: &DatabaseConnection, row: E::Model)
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel> + PartialEq + Debug,
{
    insert::<E>(db, row.clone()).await.unwrap_or_else(|error| panic!("inserting {row:?}: {error}"));
    let stored = E::find().all(db).await.unwrap_or_else(|error| panic!("reading {row:?}: {error}"));
    assert!(stored.contains(&row), "{row:#?} is not in {stored:#?}");
}

async fn insert<E>(db: &DatabaseConnection, row: E::Model) -> Result<(), DbErr>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    E::insert(row.into_active_model().reset_all()).exec_without_returning(db).await.map(|_| ())
}

async fn enums_take_their_values_and_no_other(db: &DatabaseConnection) {
    assert_enum::<tenant::TenantStatus>(db, "tenant", "status").await;
    assert_enum::<system::SystemStatus>(db, "system", "status").await;
    assert_enum::<system::CircuitState>(db, "system", "circuit_state").await;
    assert_enum::<system_grant::GrantStatus>(db, "system_grant", "status").await;
    assert_enum::<system_grant::GrantEnd>(db, "system_grant", "end_reason").await;
    assert_enum::<integration::IntegrationStatus>(db, "integration", "status").await;
    assert_enum::<retention::RetentionKind>(db, "retention", "kind").await;
    assert_enum::<retry::RetryStatus>(db, "retry", "status").await;
    assert_enum::<run::RunStatus>(db, "run", "status").await;
    assert_enum::<run::RunTrigger>(db, "run", "trigger").await;
    assert_enum::<run::RunScope>(db, "run", "scope").await;
    assert_enum::<failure::FailureStatus>(db, "failure", "status").await;
    assert_enum::<failure::FailureCategory>(db, "failure", "category").await;
    assert_enum::<failure::FailureStage>(db, "failure", "stage").await;
    assert_enum::<failure::ResponsibleParty>(db, "failure", "responsible_party").await;
    assert_enum::<failure::Retryable>(db, "failure", "retryable").await;
    assert_enum::<change::ChangeKind>(db, "change", "kind").await;
    assert_enum::<health_rollup::HealthPeriod>(db, "health_rollup", "period").await;
    assert_enum::<health_rollup::HealthPeriod>(db, "kpi_rollup", "period").await;
    assert_enum::<health_alert::AlertKind>(db, "health_alert", "kind").await;
    assert_enum::<integration_health::HealthStatus>(db, "integration_health", "status").await;
    assert_enum::<synthetic_result::SyntheticStatus>(db, "synthetic_result", "status").await;
    assert_enum::<synthetic_result::SyntheticStage>(db, "synthetic_result", "stage").await;
    assert_enum::<run_event::Audience>(db, "run_event", "audience").await;
    assert_enum::<integration::ReconcilePolicy>(db, "integration", "reconcile").await;
    assert_enum::<reconciliation::ReconciliationOutcome>(db, "reconciliation", "outcome").await;
    assert_enum::<reconciliation::ReconciliationOutcome>(db, "reconciliation_stream", "outcome").await;
    assert_enum::<reconciliation_difference::DifferenceKind>(db, "reconciliation_difference", "kind").await;
    assert_enum::<run_slice::SliceStatus>(db, "run_slice", "status").await;
    assert_enum::<job::JobKind>(db, "job", "kind").await;
    assert_enum::<job::JobStatus>(db, "job", "status").await;
    assert_enum::<kill_switch::OnRelease>(db, "kill_switch", "on_release").await;
    assert_enum::<failure::FailureCategory>(db, "failure_group", "category").await;
    assert_enum::<failure::FailureStage>(db, "failure_group", "stage").await;
    assert_enum::<failure::ResponsibleParty>(db, "failure_group", "responsible_party").await;
    assert_enum::<failure_group::FailureGroupStatus>(db, "failure_group", "status").await;
    let activity = "failure_group_activity";
    assert_enum::<failure_group_activity::FailureGroupActivityKind>(db, activity, "kind").await;
    assert_enum::<run_event::Audience>(db, activity, "audience").await;
    for column in ["from_status", "to_status"] {
        assert_enum::<failure_group::FailureGroupStatus>(db, activity, column).await;
    }
    for column in ["from_party", "to_party"] {
        assert_enum::<failure::ResponsibleParty>(db, activity, column).await;
    }
    assert_enum::<sla_clock::SlaKind>(db, "sla_clock", "kind").await;
    assert_enum::<sla_clock::SlaOutcome>(db, "sla_clock", "outcome").await;
    assert_enum::<sla_clock::SlaEnd>(db, "sla_clock", "ended_by").await;
    assert_enum::<sla_clock::SlaEnd>(db, "escalation", "answered_by").await;
    assert_enum::<contact::ContactKind>(db, "contact", "kind").await;
    assert_enum::<incident::IncidentFault>(db, "incident", "fault").await;
    assert_enum::<incident::IncidentStatus>(db, "incident", "status").await;
    assert_enum::<incident::IncidentSeverity>(db, "incident", "severity").await;
    assert_enum::<incident_entry::IncidentEntryKind>(db, "incident_entry", "kind").await;
    assert_enum::<incident::IncidentStatus>(db, "incident_entry", "status").await;
    assert_enum::<incident::IncidentFault>(db, "system_fault", "fault").await;
    assert_enum::<log_line::LogLevel>(db, "log_line", "level").await;
    assert_enum::<export::ExportFailureCode>(db, "export", "failure_code").await;
    assert_enum::<export::ExportStatus>(db, "export", "status").await;
    assert_enum::<occasion::OccasionKind>(db, "occasion", "kind").await;
    assert_enum::<notice_channel::NoticeChannelStatus>(db, "notice_channel", "status").await;
    assert_enum::<notice_policy::NoticeTiming>(db, "notice_policy", "delivery").await;
    assert_enum::<notice::NoticeKind>(db, "notice", "kind").await;
    assert_enum::<notice::NoticeWait>(db, "notice", "waits_for").await;
    assert_enum::<notice_delivery::NoticeDeliveryStatus>(db, "notice_delivery", "status").await;
    assert_enum::<notice_attempt::NoticeAttemptOutcome>(db, "notice_attempt", "outcome").await;
    assert_enum::<user::Role>(db, "api_key", "role").await;
    assert_enum::<mail::MailKind>(db, "mail", "kind").await;
    assert_enum::<mail::MailStatus>(db, "mail", "status").await;
    assert_enum::<user_token::TokenPurpose>(db, "user_token", "purpose").await;
    assert_refused(set(db, "user", "role", "NOPE").await, "ck_user_role");
    assert_refused(set(db, "invitation", "role", "NOPE").await, "ck_invitation_role");
}

async fn assert_enum<A>(db: &DatabaseConnection, table: &'static str, column: &'static str)
where
    A: ActiveEnum<Value = String> + Iterable,
{
    for value in A::iter() {
        let name = value.to_value();
        set(db, table, column, name.as_str())
            .await
            .unwrap_or_else(|error| panic!("{table}.{column} = {name}: {error}"));
    }
    assert_refused(set(db, table, column, "NOPE").await, &format!("ck_{table}_{column}"));
}

async fn references_across_tenants_are_refused(db: &DatabaseConnection, one: Rows, other: Rows) {
    let references = [
        ("integration", "source_id", 6),
        ("integration", "destination_id", 6),
        ("run", "integration_id", 7),
        ("run", "retry_of_id", 8),
        ("run", "retry_id", 9),
        ("failure", "integration_id", 7),
        ("failure", "run_id", 8),
        ("failure", "resolved_by_run_id", 8),
        ("failure", "retry_id", 9),
        ("failure", "retry_run_id", 8),
        ("failure_group", "integration_id", 7),
        ("failure_group", "merged_into_id", 48),
        ("failure_group_activity", "group_id", 48),
        ("failure_group_hour", "group_id", 48),
        ("exchange", "run_id", 8),
        ("run_event", "run_id", 8),
        ("run_metric", "run_id", 8),
        ("run_slice", "run_id", 8),
        ("run_stream", "run_id", 8),
        ("stream_cursor", "integration_id", 7),
        ("stream_cursor", "run_id", 8),
        ("stream_schema", "integration_id", 7),
        ("stream_schema", "learned_by_run_id", 8),
        ("stream_schema", "changed_by_run_id", 8),
        ("backfill", "integration_id", 7),
        ("quarantine", "integration_id", 7),
        ("quarantine", "run_id", 8),
        ("quarantine", "retry_id", 9),
        ("reconciliation", "integration_id", 7),
        ("reconciliation", "after_run_id", 8),
        ("reconciliation", "retry_id", 9),
        ("reconciliation_stream", "reconciliation_id", 42),
        ("reconciliation_difference", "reconciliation_id", 42),
        ("reconciliation_difference", "failure_id", 10),
        ("job", "integration_id", 7),
        ("reveal", "failure_id", 10),
        ("health_rollup", "integration_id", 7),
        ("health_target", "integration_id", 7),
        ("health_alert", "integration_id", 7),
        ("integration_health", "last_run_id", 8),
        ("integration_health", "target_id", 61),
        ("kpi_rollup", "integration_id", 7),
        ("synthetic_result", "integration_id", 7),
        ("kill_switch", "integration_id", 7),
        ("runbook", "integration_id", 7),
        ("contact", "user_id", 1),
        ("integration_contact", "integration_id", 7),
        ("ownership_rule", "contact_id", 69),
        ("occasion", "integration_id", 7),
        ("occasion", "run_id", 8),
        ("occasion", "failure_id", 10),
        ("notice_delivery", "notice_id", 65),
        ("notice_attempt", "delivery_id", 66),
        ("system_grant", "system_id", 6),
        ("connect_link", "system_id", 6),
        ("export_chunk", "export_id", 88),
        ("webhook_endpoint", "system_id", 6),
        ("webhook_event", "system_id", 6),
    ];
    for (table, column, target) in references {
        let result = set_in_tenant(db, one, table, column, other.id(target)).await;
        assert_foreign_key(result, &format!("{table}.{column}"));
        let result = set_in_tenant(db, one, table, column, one.id(target)).await;
        result.unwrap_or_else(|error| panic!("{table}.{column} within the tenant: {error}"));
    }
    // Two jobs may not have one run, and a group has one escalation with its clocks, so the other tenant's must be free to
    // tell the two refusals apart.
    delete(db, "job", other).await.expect("a job may be deleted");
    for table in ["escalation", "sla_clock"] {
        delete(db, table, other).await.expect("an escalation may be deleted");
        let result = set_in_tenant(db, one, table, "group_id", other.id(48)).await;
        assert_foreign_key(result, &format!("{table}.group_id"));
    }
    assert_foreign_key(set_in_tenant(db, one, "job", "subject_id", other.id(8)).await, "job.subject_id");

    for table in ["tenant", "system", "integration", "run", "retry"] {
        assert_foreign_key(delete(db, table, one).await, &format!("deleting a {table} that is referred to"));
    }
    let tokens = refresh_token::Entity::find().all(db).await.expect("reads").len();
    session::Entity::delete_by_id(one.id(2)).exec(db).await.expect("a session may be deleted");
    assert_eq!(refresh_token::Entity::find().all(db).await.expect("reads").len(), tokens - 1);
}

async fn uniques_are_unique(db: &DatabaseConnection, rows: Rows) {
    let fresh = Rows::of(3);
    let same_slug = tenant::Model { id: fresh.id(0), external_id: None, ..rows.tenant() };
    assert_unique(insert::<tenant::Entity>(db, same_slug).await, "tenant.slug");
    let same_external = tenant::Model { id: fresh.id(0), slug: "free".to_owned(), ..rows.tenant() };
    assert_unique(insert::<tenant::Entity>(db, same_external).await, "tenant.external_id");
    let same_email = user::Model { id: fresh.id(1), ..rows.user() };
    assert_unique(insert::<user::Entity>(db, same_email).await, "user.email");
    let same_prefix = api_key::Model { id: fresh.id(4), ..rows.api_key() };
    assert_unique(insert::<api_key::Entity>(db, same_prefix).await, "api_key.prefix");
    let same_number = audit_entry::Model { id: fresh.id(20), ..rows.audit_entry() };
    assert_unique(
        insert::<audit_entry::Entity>(db, same_number).await,
        "audit_entry.chain_id, audit_entry.number",
    );
    let same_kid = signing_key::Model { id: fresh.id(14), ..rows.signing_key() };
    assert_unique(insert::<signing_key::Entity>(db, same_kid).await, "signing_key.kid");
    let same_name = system::Model { id: fresh.id(6), ..rows.system() };
    assert_unique(insert::<system::Entity>(db, same_name).await, "system (tenant_id, name)");
    let same_version = runbook_version::Model { id: fresh.id(48), ..rows.runbook_version() };
    assert_unique(insert::<runbook_version::Entity>(db, same_version).await, "two texts of a version");
    let same_clock = sla_clock::Model { id: fresh.id(82), ..rows.sla_clock() };
    assert_unique(insert::<sla_clock::Entity>(db, same_clock).await, "two clocks of a kind");
    let same_role = integration_contact::Model { id: fresh.id(70), ..rows.integration_contact() };
    assert_unique(insert::<integration_contact::Entity>(db, same_role).await, "a role for two");
    let same_outage = incident::Model { id: fresh.id(70), resolved_at: None, ..rows.incident() };
    insert::<incident::Entity>(db, same_outage.clone()).await.expect("the other one is resolved");
    let same_outage = incident::Model { id: fresh.id(71), ..same_outage };
    assert_unique(insert::<incident::Entity>(db, same_outage).await, "an outage that is an incident already");
    let same_message = word_override::Model { id: fresh.id(49), ..rows.word_override() };
    assert_unique(insert::<word_override::Entity>(db, same_message).await, "a message overridden twice");
    let second = system_grant::Model { id: fresh.id(42), ..rows.system_grant() };
    assert_unique(insert::<system_grant::Entity>(db, second).await, "two grants of a system");
    set(db, "export", "status", "RUNNING").await.expect("one of each tenant");
    let second = export::Model { id: fresh.id(88), ..rows.export() };
    assert_unique(insert::<export::Entity>(db, second).await, "two exports of a tenant at once");
    let second = export_chunk::Model { id: fresh.id(89), ..rows.export_chunk() };
    assert_unique(insert::<export_chunk::Entity>(db, second).await, "two pieces in one place");

    let second_run = run::Model { id: fresh.id(8), retry_of_id: None, ..rows.run() };
    insert::<run::Entity>(db, second_run).await.expect("an integration may run twice");
    set(db, "job", "status", "RUNNING").await.expect("a job may run");
    let second_job = job::Model { id: fresh.id(12), subject_id: fresh.id(8), slice_id: None, ..rows.job() };
    assert_unique(insert::<job::Entity>(db, second_job.clone()).await, "two running jobs of an integration");
    set(db, "job", "status", "QUEUED").await.expect("a job may be given back");
    assert_unique(insert::<job::Entity>(db, second_job.clone()).await, "two runs that have begun");
    let waiting = job::Model { status: job::JobStatus::Waiting, begun: false, ..second_job };
    insert::<job::Entity>(db, waiting.clone()).await.expect("one may wait while the other is under way");
    let same_subject = job::Model { id: fresh.id(13), ..waiting };
    assert_unique(insert::<job::Entity>(db, same_subject).await, "job.subject_id");

    set(db, "integration", "status", "ACTIVE").await.expect("an integration may be active");
    let namesake = integration::Model { id: fresh.id(7), ..rows.integration() };
    assert_unique(insert::<integration::Entity>(db, namesake.clone()).await, "two integrations of one name");
    set(db, "integration", "status", "ARCHIVED").await.expect("an integration may be archived");
    insert::<integration::Entity>(db, namesake).await.expect("an archived integration's name is free");
}

async fn checks_hold(db: &DatabaseConnection, rows: Rows) {
    for column in
        ["read_count", "created_count", "updated_count", "unchanged_count", "skipped_count", "failed_count"]
    {
        assert_refused(set(db, "run", column, -1_i64).await, "ck_run_not_negative");
    }
    for column in ["total", "resolved", "failed"] {
        assert_refused(set(db, "retry", column, -1_i64).await, "ck_retry_not_negative");
    }
    for column in ["attempt", "max_attempts"] {
        assert_refused(set(db, "job", column, -1).await, "ck_job_not_negative");
    }
    assert_refused(set(db, "failure", "attempts", -1).await, "ck_failure_not_negative");
    let changed = set(db, "audit_entry", "detail", "another").await;
    let refusal = changed.expect_err("an entry stays as it is").to_string();
    assert!(refusal.contains("entries of the audit log are not changed"), "{refusal}");
    let attempts = set(db, "sign_in_attempt", "failed_count", -1_i64).await;
    assert_refused(attempts, "ck_sign_in_attempt_not_negative");
    let kind = set(db, "sign_in_attempt", "kind", "NOPE").await;
    assert_refused(kind, "ck_sign_in_attempt_kind");
    assert_refused(set(db, "run_metric", "worked_ms", -1_i64).await, "ck_run_metric_not_negative");
    assert_refused(set(db, "run_stream", "page_count", -1_i64).await, "ck_run_stream_not_negative");
    assert_refused(set(db, "run_slice", "read_count", -1_i64).await, "ck_run_slice_not_negative");
    assert_refused(set(db, "health_rollup", "failed_count", -1).await, "ck_health_rollup_not_negative");
    assert_refused(set(db, "escalation", "told_count", -1).await, "ck_escalation_not_negative");
    assert_refused(set(db, "escalation_policy", "version", 0).await, "ck_escalation_policy_version");
    let percent = set(db, "escalation_policy", "warn_percent", 101).await;
    assert_refused(percent, "ck_escalation_policy_warn_percent");
    assert_refused(set(db, "sla_clock", "spent_ms", -1_i64).await, "ck_sla_clock_not_negative");
    assert_refused(set(db, "kpi_rollup", "value_count", -1_i64).await, "ck_kpi_rollup_not_negative");
    assert_refused(set(db, "mail", "attempt_count", -1_i64).await, "ck_mail_not_negative");
    assert_refused(set(db, "export", "byte_count", -1_i64).await, "ck_export_not_negative");
    assert_refused(set(db, "export_chunk", "number", -1).await, "ck_export_chunk_not_negative");
    // Each scope has its target and no other.
    for scope in ["PLATFORM", "CONNECTOR", "TENANT"] {
        assert_refused(set(db, "kill_switch", "scope", scope).await, "ck_kill_switch_target");
    }
    assert_refused(set(db, "kill_switch", "scope", "NOPE").await, "ck_kill_switch_scope");
    set(db, "kill_switch", "scope", "INTEGRATION").await.expect("it names an integration");
    assert_refused(set(db, "runbook", "version", 0).await, "ck_runbook_version");
    assert_refused(set(db, "runbook", "integration_id", None::<uuid::Uuid>).await, "ck_runbook_tenant_id");
    let about_nothing = runbook::Model {
        id: Rows::of(3).id(47),
        tenant_id: None,
        code: None,
        connector: None,
        integration_id: None,
        ..rows.runbook()
    };
    assert_refused(insert::<runbook::Entity>(db, about_nothing).await, "ck_runbook_target");
    let schedule = set(db, "synthetic_check", "schedule_time_zone", "UTC").await;
    assert_refused(schedule, "ck_synthetic_check_schedule");
    assert_refused(set(db, "integration_contact", "role", "NOPE").await, "ck_integration_contact_role");
    let unreachable =
        contact::Model { id: Rows::of(3).id(69), email: None, phone: None, url: None, ..rows.contact() };
    assert_refused(insert::<contact::Entity>(db, unreachable).await, "ck_contact_way");
    let idle = ownership_rule::Model { id: Rows::of(3).id(71), contact_id: None, ..rows.ownership_rule() };
    assert_refused(insert::<ownership_rule::Entity>(db, idle).await, "ck_ownership_rule_result");
    let party = set(db, "ownership_rule", "responsible_party", "SUPPORT").await;
    assert_refused(party, "ck_ownership_rule_party_of_operator");
    let party = set(db, "ownership_rule", "responsible_party", "NOPE").await;
    assert!(party.is_err(), "no party has this name");
    assert_refused(set(db, "ownership_rule", "position", -1_i64).await, "ck_ownership_rule_not_negative");
    for column in ["schedule_cron", "schedule_time_zone"] {
        assert_refused(set(db, "integration", column, None::<String>).await, "ck_integration_schedule");
    }

    let staff = user::Model {
        id: Rows::of(3).id(1),
        email: "staff@example.com".to_owned(),
        tenant_id: None,
        role: user::Role::Support,
        ..rows.user()
    };
    insert::<user::Entity>(db, staff.clone()).await.expect("staff belong to no tenant");
    for role in [user::Role::PlatformAdmin, user::Role::Engineer, user::Role::Support] {
        let of_tenant = user::Model {
            id: Rows::of(4).id(1),
            email: "other@example.com".to_owned(),
            tenant_id: Some(rows.tenant_id()),
            role,
            ..staff.clone()
        };
        assert_refused(insert::<user::Entity>(db, of_tenant).await, "ck_user_tenant_id");
        let invited = invitation::Model { id: Rows::of(4).id(16), role, ..rows.invitation() };
        assert_refused(insert::<invitation::Entity>(db, invited).await, "ck_invitation_tenant_id");
    }
    for role in [user::Role::TenantAdmin, user::Role::TenantMember, user::Role::TenantViewer] {
        let of_none = user::Model {
            id: Rows::of(4).id(1),
            email: "other@example.com".to_owned(),
            role,
            ..staff.clone()
        };
        assert_refused(insert::<user::Entity>(db, of_none).await, "ck_user_tenant_id");
        let invited =
            invitation::Model { id: Rows::of(4).id(16), tenant_id: None, role, ..rows.invitation() };
        assert_refused(insert::<invitation::Entity>(db, invited).await, "ck_invitation_tenant_id");
    }
}

/// 2,000 lines like one that is there, of other runs and tenants, for PostgreSQL, and what it knows of them.
const OTHERS_LINES: &str = "\
INSERT INTO log_line SELECT line.* FROM (SELECT * FROM log_line LIMIT 1) AS one, generate_series(1, 2000) AS n, \
jsonb_populate_record(NULL::log_line, to_jsonb(one) || jsonb_build_object(\
    'id', '00000000-0000-7000-8000-' || lpad(n::text, 12, '0'), \
    'run_id', '00000000-0000-7000-9000-' || lpad(n::text, 12, '0'), \
    'tenant_id', '00000000-0000-7000-a000-' || lpad((n % 100)::text, 12, '0'))) AS line; \
ANALYZE log_line";

/// Queries of claims, sweeps and batches find their partial indexes though SeaORM binds the values.
async fn queue_queries_use_their_indexes(db: &DatabaseConnection) {
    let backend = db.get_database_backend();
    let tx = db.begin().await.expect("a transaction");
    if backend == DbBackend::Postgres {
        // So few rows fit on a page that reading all of them is cheaper; the question is what it can use.
        tx.execute_unprepared("SET LOCAL enable_seqscan = off").await.expect("a setting");
        // Lines of others, or an index of all lines is as good as one of the tenant's.
        tx.execute_unprepared(OTHERS_LINES).await.expect("they have a partition");
    }
    let (tenant_id, any_id) = (Value::from(Rows::of(1).tenant_id()), Value::from(Rows::of(1).id(7)));
    let run_id = Value::from(Rows::of(1).id(8));
    let at = Value::from(chrono::DateTime::<chrono::Utc>::UNIX_EPOCH);
    let later = Value::from(chrono::DateTime::<chrono::Utc>::UNIX_EPOCH + chrono::TimeDelta::days(50_000));
    let of_run_metric = match backend {
        DbBackend::Sqlite => "sqlite_autoindex_run_metric_1 (run_id=?)",
        _ => "run_metric_pkey",
    };
    let [lines_of_run, lines_of_tenant, old_lines] = index_names_of_log_line(db).await;
    let plans = [
        ("SELECT * FROM run_metric WHERE run_id = $1", vec![run_id.clone()], of_run_metric),
        (
            "SELECT * FROM log_line WHERE run_id = $1 ORDER BY id LIMIT 100",
            vec![run_id.clone()],
            lines_of_run.as_str(),
        ),
        (
            "SELECT * FROM log_line WHERE tenant_id = $1 AND at >= $2 AND at < $3 ORDER BY at, id LIMIT 100",
            vec![tenant_id.clone(), at.clone(), later],
            lines_of_tenant.as_str(),
        ),
        ("SELECT id FROM log_line WHERE at < $1 ORDER BY at LIMIT 500", vec![at.clone()], old_lines.as_str()),
        (
            "SELECT id FROM failure WHERE tenant_id = $1 AND resolved_at < $2 AND (resolved_at, id) > ($2, $3) \
             ORDER BY resolved_at, id LIMIT 500",
            vec![tenant_id.clone(), at.clone(), any_id.clone()],
            "ix_failure_tenant_id_resolved_at_id",
        ),
        (
            "SELECT 1 FROM failure WHERE tenant_id = $1 AND resolved_by_run_id = $2",
            vec![tenant_id.clone(), run_id.clone()],
            "ix_failure_resolved_by_run_id",
        ),
        (
            "SELECT 1 FROM occasion WHERE tenant_id = $1 AND run_id = $2",
            vec![tenant_id.clone(), run_id.clone()],
            "ix_occasion_run_id",
        ),
        (
            "SELECT * FROM retention WHERE kind = $1 AND next_at <= $2 ORDER BY next_at LIMIT 20",
            vec![Value::from("RUNS"), at.clone()],
            "ix_retention_kind_next_at",
        ),
        (
            "SELECT count(*) FROM exchange WHERE tenant_id = $1 AND run_id = $2",
            vec![tenant_id.clone(), run_id.clone()],
            "ix_exchange_tenant_id_run_id_id",
        ),
        ("SELECT id FROM exchange WHERE at < $1 ORDER BY at LIMIT 500", vec![at.clone()], "ix_exchange_at"),
        (
            "SELECT * FROM failure_group WHERE failure_count > 0 AND merged_into_id IS NULL \
             AND assignee_id IN ($1) ORDER BY last_seen_at DESC, id DESC LIMIT 21",
            vec![any_id.clone()],
            "ix_failure_group_assignee_id_last_seen_at_id",
        ),
        (
            "SELECT * FROM job WHERE status = $1 AND tenant_id = $2 \
             ORDER BY begun DESC, priority DESC, available_at LIMIT 1",
            vec![Value::from("QUEUED"), tenant_id.clone()],
            "ix_job_turn",
        ),
        (
            "SELECT * FROM job WHERE status = $1 AND push_at <= $2 ORDER BY push_at, id LIMIT 500",
            vec![Value::from("QUEUED"), Value::from(chrono::DateTime::<chrono::Utc>::UNIX_EPOCH)],
            "ix_job_push_at_id",
        ),
        (
            "SELECT * FROM job WHERE status = $1 AND lease_until < $2",
            vec![Value::from("RUNNING"), Value::from(chrono::DateTime::<chrono::Utc>::UNIX_EPOCH)],
            "ix_job_lease_until",
        ),
        (
            "SELECT * FROM job WHERE integration_id = $1 AND status = $2",
            vec![any_id.clone(), Value::from("WAITING")],
            "ix_job_integration_id",
        ),
        (
            "SELECT id FROM job WHERE integration_id = $1 AND status = 'QUEUED'",
            vec![any_id.clone()],
            "ix_job_queued",
        ),
        (
            "SELECT id FROM job WHERE integration_id IN ($1) AND begun AND status <> 'DONE'",
            vec![any_id.clone()],
            "uq_job_begun",
        ),
        (
            "SELECT * FROM job WHERE tenant_id = $1 AND status = $2",
            vec![tenant_id.clone(), Value::from("HELD")],
            "ix_job_tenant_id",
        ),
        (
            "SELECT * FROM job WHERE kill_switch_id = $1 AND status = $2 ORDER BY id LIMIT 50",
            vec![any_id.clone(), Value::from("HELD")],
            "ix_job_kill_switch_id_id",
        ),
        ("SELECT * FROM kill_switch WHERE drained_at IS NULL", Vec::new(), "ix_kill_switch_open"),
        ("SELECT id FROM incident WHERE over_at IS NULL LIMIT 1", Vec::new(), "ix_incident_under_way"),
        (
            "SELECT system_id FROM system_fault WHERE last_seen_at >= $1",
            vec![Value::from(chrono::DateTime::<chrono::Utc>::UNIX_EPOCH)],
            "ix_system_fault_last_seen_at",
        ),
        (
            "SELECT * FROM integration WHERE status = $1 AND next_run_at <= $2",
            vec![Value::from("ACTIVE"), Value::from(chrono::DateTime::<chrono::Utc>::UNIX_EPOCH)],
            "ix_integration_next_run_at",
        ),
        (
            "SELECT * FROM failure_group WHERE tenant_id = $1 AND responsible_party = $2 \
             AND status NOT IN ('RESOLVED', 'IGNORED', 'SNOOZED') ORDER BY urgency DESC, id DESC LIMIT 21",
            vec![tenant_id.clone(), Value::from("CUSTOMER")],
            "ix_failure_group_tenant_id_responsible_party_urgency_id",
        ),
        (
            "SELECT * FROM failure_group WHERE responsible_party = $1 \
             AND status NOT IN ('RESOLVED', 'IGNORED', 'SNOOZED') ORDER BY urgency DESC, id DESC LIMIT 21",
            vec![Value::from("ENGINEERING")],
            "ix_failure_group_responsible_party_urgency_id",
        ),
        (
            "SELECT * FROM failure WHERE tenant_id = $1 AND integration_id = $2 AND stream = $3 \
             AND record_key IN ($4, $5) AND status IN ($6, $7)",
            vec![
                tenant_id,
                any_id,
                Value::from("orders"),
                Value::from("1"),
                Value::from("2"),
                Value::from("OPEN"),
                Value::from("RETRYING"),
            ],
            "ix_failure_tenant_id_integration_id_stream_record_key",
        ),
    ];
    for (sql, values, index) in plans {
        let plan = plan_of(&tx, sql, values).await;
        assert!(plan.iter().any(|line| line.contains(index)), "{sql} uses {index}: {plan:#?}");
    }
    if backend == DbBackend::Postgres {
        // And so is sorting them. SQLite sorts the groups of two parties, however many there are.
        tx.execute_unprepared("SET LOCAL enable_sort = off").await.expect("a setting");
        let (sql, index) = (
            "SELECT * FROM failure_group WHERE responsible_party IN ($1, $2) \
             AND status NOT IN ('RESOLVED', 'IGNORED', 'SNOOZED') ORDER BY urgency DESC, id DESC LIMIT 21",
            "ix_failure_group_waiting_urgency_id",
        );
        let plan = plan_of(&tx, sql, vec![Value::from("SUPPORT"), Value::from("THIRD_PARTY")]).await;
        assert!(plan.iter().any(|line| line.contains(index)), "{sql} uses {index}: {plan:#?}");
    }
    tx.rollback().await.expect("it ends");
}

/// How the database would answer a query.
async fn plan_of(db: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Vec<String> {
    let backend = db.get_database_backend();
    let (explain, column) = match backend {
        DbBackend::Sqlite => ("EXPLAIN QUERY PLAN", "detail"),
        _ => ("EXPLAIN", "QUERY PLAN"),
    };
    let statement = Statement::from_sql_and_values(backend, format!("{explain} {sql}"), values);
    let rows = db.query_all_raw(statement).await.expect("a plan");
    rows.iter().map(|row| row.try_get("", column).expect("text")).collect()
}

/// A plan names those of the partition.
async fn index_names_of_log_line(db: &DatabaseConnection) -> [String; 3] {
    let table = match db.get_database_backend() {
        DbBackend::Postgres => {
            let partitions = partition::list(db, PartitionedTable::LogLine).await.expect("reads");
            partitions.first().expect("what was there is one").name.clone()
        }
        _ => "log_line".to_owned(),
    };
    ["run_id_id", "tenant_id_at", "at"].map(|columns| format!("ix_{table}_{columns}"))
}

/// Sets a column of every row.
async fn set(
    db: &DatabaseConnection,
    table: &'static str,
    column: &'static str,
    value: impl Into<Value>,
) -> Result<(), DbErr> {
    db.execute(Query::update().table(table).value(column, value.into())).await.map(|_| ())
}

async fn set_in_tenant(
    db: &DatabaseConnection,
    rows: Rows,
    table: &'static str,
    column: &'static str,
    value: impl Into<Value>,
) -> Result<(), DbErr> {
    let mine = Expr::col("tenant_id").eq(rows.tenant_id());
    db.execute(Query::update().table(table).value(column, value.into()).and_where(mine)).await.map(|_| ())
}

/// Deletes the tenant's row of a table; of `tenant`, the tenant.
async fn delete(db: &DatabaseConnection, table: &'static str, rows: Rows) -> Result<(), DbErr> {
    let key = if table == "tenant" { "id" } else { "tenant_id" };
    let mine = Expr::col(key).eq(rows.tenant_id());
    db.execute(Query::delete().from_table(table).and_where(mine)).await.map(|_| ())
}

fn assert_refused(result: Result<(), DbErr>, constraint: &str) {
    let error = result.expect_err(constraint).to_string();
    assert!(error.contains(constraint), "{constraint} refuses it: {error}");
}

fn assert_foreign_key(result: Result<(), DbErr>, what: &str) {
    let error = result.expect_err(what);
    assert!(
        matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))),
        "{what} is refused by a foreign key: {error}"
    );
}

fn assert_unique(result: Result<(), DbErr>, what: &str) {
    let error = result.expect_err(what);
    assert!(
        matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))),
        "{what} is refused by a unique constraint: {error}"
    );
}
