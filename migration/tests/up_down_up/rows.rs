//! One row of each table for one tenant, with a value in every column.

use chrono::{DateTime, TimeZone, Utc};
use entity::string_list::StringList;
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
use serde_json::json;
use uuid::Uuid;

/// Ids of one tenant's rows: no two tenants share one.
#[derive(Clone, Copy)]
pub struct Rows {
    tenant: u8,
}

impl Rows {
    pub fn of(tenant: u8) -> Self {
        Self { tenant }
    }

    pub fn id(self, table: u8) -> Uuid {
        Uuid::from_bytes([self.tenant, table, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0xff])
    }

    /// The same for tables that are partitioned by the time in their ids: of the seventies.
    fn early_id(self, table: u8) -> Uuid {
        Uuid::from_bytes([0, table, 0, 0, 0, self.tenant, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0xff])
    }

    pub fn tenant_id(self) -> Uuid {
        self.id(0)
    }

    fn name(self, what: &str) -> String {
        format!("{what} {}", self.tenant)
    }

    pub fn tenant(self) -> tenant::Model {
        tenant::Model {
            id: self.tenant_id(),
            slug: self.name("slug"),
            name: self.name("Größe & Söhne"),
            external_id: Some(self.name("external")),
            status: tenant::TenantStatus::Suspended,
            status_reason: Some("unpaid".to_owned()),
            created_at: time(0),
            updated_at: time(1),
            support_access: true,
            run_concurrency: Some(7),
            support_access_until: Some(time(2)),
        }
    }

    pub fn user(self) -> user::Model {
        user::Model {
            id: self.id(1),
            tenant_id: Some(self.tenant_id()),
            email: self.name("person@example.com"),
            name: "Person".to_owned(),
            role: user::Role::TenantAdmin,
            password_hash: "$argon2id$".to_owned(),
            created_at: time(0),
            updated_at: time(1),
            disabled_at: Some(time(2)),
            second_factor_at: Some(time(3)),
        }
    }

    pub fn mail(self) -> mail::Model {
        mail::Model {
            id: self.id(15),
            kind: mail::MailKind::PasswordReset,
            subject_id: Some(self.id(16)),
            status: mail::MailStatus::GivenUp,
            sealed_letter: Some(vec![0, 1, 0xff]),
            attempt_count: i64::from(i32::MAX) + 1,
            available_at: time(1),
            expires_at: time(2),
            created_at: time(0),
            finished_at: Some(time(3)),
            last_error: Some("refused".to_owned()),
        }
    }

    pub fn invitation(self) -> invitation::Model {
        invitation::Model {
            id: self.id(16),
            tenant_id: Some(self.tenant_id()),
            email: "somebody@example.com".to_owned(),
            name: "Somebody".to_owned(),
            role: user::Role::TenantViewer,
            invited_by: "user:1".to_owned(),
            secret_hash: vec![4; 32],
            created_at: time(0),
            expires_at: time(1),
            accepted_at: Some(time(2)),
            revoked_at: Some(time(3)),
            user_id: Some(self.id(1)),
        }
    }

    pub fn user_token(self) -> user_token::Model {
        user_token::Model {
            id: self.id(17),
            user_id: self.id(1),
            purpose: user_token::TokenPurpose::EmailConfirmation,
            email: Some("new@example.com".to_owned()),
            secret_hash: vec![5; 32],
            created_at: time(0),
            expires_at: time(1),
            used_at: Some(time(2)),
        }
    }

    pub fn second_factor(self) -> second_factor::Model {
        second_factor::Model {
            user_id: self.id(1),
            sealed_secret: vec![0, 2, 0xff],
            created_at: time(0),
            confirmed_at: Some(time(1)),
            last_step: Some(i64::from(i32::MAX) + 1),
        }
    }

    pub fn recovery_code(self) -> recovery_code::Model {
        recovery_code::Model {
            user_id: self.id(1),
            code_hash: vec![6; 32],
            created_at: time(0),
            used_at: Some(time(1)),
        }
    }

    pub fn session(self) -> session::Model {
        session::Model {
            id: self.id(2),
            user_id: self.id(1),
            created_at: time(0),
            expires_at: time(1),
            ended_at: Some(time(2)),
            end_reason: Some("signed_out".to_owned()),
            last_used_at: Some(time(1)),
            address: Some("192.0.2.7".to_owned()),
            user_agent: Some("curl/8.5.0".to_owned()),
            identity_provider_id: Some(self.id(30)),
        }
    }

    pub fn sign_in_attempt(self) -> sign_in_attempt::Model {
        sign_in_attempt::Model {
            kind: sign_in_attempt::AttemptKind::Account,
            key_hash: vec![self.tenant; 32],
            failed_count: 5,
            first_failed_at: time(0),
            locked_until: Some(time(1)),
        }
    }

    pub fn refresh_token(self) -> refresh_token::Model {
        refresh_token::Model {
            id: self.id(3),
            session_id: self.id(2),
            secret_hash: vec![0, self.tenant, 0xff],
            created_at: time(0),
            used_at: Some(time(1)),
        }
    }

    pub fn audit_chain(self) -> audit_chain::Model {
        audit_chain::Model {
            id: self.tenant_id(),
            tenant_id: Some(self.tenant_id()),
            last_number: 1,
            last_mac: vec![4; 32],
            sealed_key: vec![5; 73],
            created_at: time(0),
        }
    }

    pub fn audit_entry(self) -> audit_entry::Model {
        audit_entry::Model {
            id: self.id(19),
            chain_id: self.tenant_id(),
            number: 1,
            tenant_id: Some(self.tenant_id()),
            at: time(1),
            principal: "operator".to_owned(),
            role: Some(user::Role::PlatformAdmin),
            name: "the operator".to_owned(),
            address: Some("192.0.2.7".to_owned()),
            user_agent: Some("a browser".to_owned()),
            request_id: Some("0198".to_owned()),
            operation: "createTenant".to_owned(),
            object: Some("tenant_1".to_owned()),
            outcome: audit_entry::AuditOutcome::Succeeded,
            detail: Some("acme".to_owned()),
            mac: vec![4; 32],
        }
    }

    pub fn reveal(self) -> reveal::Model {
        reveal::Model {
            id: self.id(20),
            tenant_id: self.tenant_id(),
            failure_id: self.id(10),
            user_id: self.id(1),
            user_name: "Ada".to_owned(),
            reason: "case 4711".to_owned(),
            created_at: time(0),
            expires_at: time(1),
        }
    }

    pub fn identity_provider(self) -> identity_provider::Model {
        identity_provider::Model {
            id: self.id(30),
            tenant_id: Some(self.tenant_id()),
            name: "Acme login".to_owned(),
            issuer: "https://login.example".to_owned(),
            client_id: "trestle".to_owned(),
            sealed_client_secret: Some(vec![6; 60]),
            redirect_uris: StringList(vec!["https://portal.example/".to_owned()]),
            role_claim: Some("groups".to_owned()),
            role_mapping: identity_provider::RoleMapping(vec![identity_provider::MappedRole {
                value: "admins".to_owned(),
                role: user::Role::TenantAdmin,
            }]),
            default_role: Some(user::Role::TenantViewer),
            creates_users: true,
            trusts_email: false,
            created_at: time(0),
            updated_at: time(1),
        }
    }

    pub fn external_identity(self) -> external_identity::Model {
        external_identity::Model {
            provider_id: self.id(30),
            subject: "ada".to_owned(),
            user_id: self.id(1),
            created_at: time(0),
        }
    }

    pub fn sign_on_attempt(self) -> sign_on_attempt::Model {
        sign_on_attempt::Model {
            id: self.id(31),
            provider_id: self.id(30),
            state_hash: vec![1; 32],
            secret_hash: vec![2; 32],
            redirect_uri: "https://portal.example/".to_owned(),
            created_at: time(0),
            expires_at: time(1),
        }
    }

    pub fn signing_key(self) -> signing_key::Model {
        signing_key::Model {
            id: self.id(14),
            kid: self.name("thumbprint"),
            sealed_key: vec![0, 1, 0xff],
            created_at: time(0),
            signs_from: time(1),
            retires_at: Some(time(2)),
        }
    }

    pub fn worker(self) -> worker::Model {
        worker::Model {
            id: self.id(32),
            name: "host-1:4711".to_owned(),
            slots: 8,
            busy: 3,
            started_at: time(0),
            seen_at: time(2),
            claimed_at: Some(time(1)),
        }
    }

    pub fn data_key(self) -> data_key::Model {
        data_key::Model {
            id: self.id(15),
            secret_key_id: "0123456789abcdef".to_owned(),
            wrapped_key: vec![0, 1, 0xff],
            created_at: time(0),
            seals_from: time(1),
            emptied_at: Some(time(2)),
        }
    }

    pub fn api_key(self) -> api_key::Model {
        api_key::Model {
            id: self.id(4),
            tenant_id: Some(self.tenant_id()),
            name: "Key".to_owned(),
            prefix: self.name("trestle_"),
            secret_hash: vec![1; 32],
            role: user::Role::Partner,
            scopes: StringList(vec!["runs:read".to_owned(), "failures:retry".to_owned()]),
            created_by: "user:1".to_owned(),
            created_at: time(0),
            expires_at: Some(time(1)),
            last_used_at: Some(time(2)),
            revoked_at: Some(time(3)),
        }
    }

    pub fn api_key_tenant(self) -> api_key_tenant::Model {
        api_key_tenant::Model { api_key_id: self.id(4), tenant_id: self.tenant_id() }
    }

    pub fn portal_key(self) -> portal_key::Model {
        portal_key::Model {
            id: self.id(16),
            tenant_id: Some(self.tenant_id()),
            name: "Portal".to_owned(),
            algorithm: portal_key::PortalKeyAlgorithm::Es256,
            public_key: json!({ "kty": "EC", "crv": "P-256", "x": "…", "y": "…" }),
            thumbprint: "thumbprint".to_owned(),
            scopes: StringList(vec!["runs:read".to_owned()]),
            all_tenants: true,
            created_by: "user:1".to_owned(),
            created_at: time(0),
            expires_at: Some(time(1)),
            revoked_at: Some(time(2)),
        }
    }

    pub fn portal_key_tenant(self) -> portal_key_tenant::Model {
        portal_key_tenant::Model { portal_key_id: self.id(16), tenant_id: self.tenant_id() }
    }

    pub fn portal_cutoff(self) -> portal_cutoff::Model {
        portal_cutoff::Model {
            tenant_id: self.tenant_id(),
            end_user: "end user".to_owned(),
            ended_at: time(0),
        }
    }

    pub fn portal_session(self) -> portal_session::Model {
        portal_session::Model {
            id: self.id(5),
            tenant_id: self.tenant_id(),
            end_user: "end user".to_owned(),
            scopes: StringList(Vec::new()),
            created_by: "api_key:1".to_owned(),
            created_at: time(0),
            expires_at: time(1),
            ended_at: Some(time(2)),
        }
    }

    pub fn idempotency_key(self) -> idempotency_key::Model {
        idempotency_key::Model {
            principal: self.name("user"),
            key: "key".to_owned(),
            operation: "startRun".to_owned(),
            request_hash: vec![2; 32],
            object_id: self.id(8),
            created_at: time(0),
        }
    }

    pub fn system(self) -> system::Model {
        system::Model {
            id: self.id(6),
            tenant_id: self.tenant_id(),
            name: "Shop".to_owned(),
            connector: "postgres".to_owned(),
            config: json!({ "table": "orders", "batch": 100, "nested": { "list": [1, 2.5, null, true] } }),
            credentials: Some(vec![0, 1, 2]),
            status: system::SystemStatus::ReauthRequired,
            status_message: Some("Sign in again.".to_owned()),
            last_tested_at: Some(time(1)),
            rate_limit_per_minute: Some(120),
            rate_limit_burst: Some(5),
            circuit_state: system::CircuitState::HalfOpen,
            circuit_failure_count: 5,
            circuit_opening_count: 2,
            circuit_since: Some(time(2)),
            circuit_until: Some(time(3)),
            circuit_slot_at: Some(time(4)),
            circuit_probe_job_id: Some(self.id(12)),
            created_at: time(0),
            updated_at: time(2),
        }
    }

    pub fn integration(self) -> integration::Model {
        integration::Model {
            id: self.id(7),
            tenant_id: self.tenant_id(),
            name: "Orders".to_owned(),
            description: Some("Moves orders.".to_owned()),
            status: integration::IntegrationStatus::Active,
            status_reason: Some("reason".to_owned()),
            source_id: self.id(6),
            destination_id: self.id(6),
            streams: integration::StreamList(vec![integration::Stream {
                name: "orders".to_owned(),
                mode: integration::SyncMode::Incremental,
                key_fields: vec!["id".to_owned()],
                cursor_field: Some("updated_at".to_owned()),
                source: json!({ "path": "orders.csv" }),
                destination: json!({ "table": "orders" }),
                mapping: Some(".total = to_float!(.total)".to_owned()),
                record_schema: Some(json!({ "type": "object" })),
                overlap: Some(3_600),
                on_schema_change: integration::OnSchemaChange::Hold,
                deletions: None,
                quality: integration::Quality {
                    max_failed_percent: Some(2.5),
                    min_records: 20,
                    unique: vec![vec!["email".to_owned()]],
                    ..integration::Quality::default()
                },
                impact: integration::StreamImpact {
                    base: failure::Impact::High,
                    value_field: Some("/total".to_owned()),
                    rules: vec![integration::ImpactRule {
                        when: json!({ "properties": { "total": { "minimum": 1_000_000 } } }),
                        impact: failure::Impact::Critical,
                        label: Some("order over 1 M".to_owned()),
                    }],
                },
            }]),
            schedule_cron: Some("0 * * * *".to_owned()),
            schedule_time_zone: Some("Europe/Berlin".to_owned()),
            next_run_at: Some(time(1)),
            retry_attempts: Some(7),
            retry_wait_seconds: Some(20),
            retry_wait_seconds_max: Some(300),
            progress_timeout_seconds: Some(90),
            hold_after: 3,
            reconcile: integration::ReconcilePolicy::AfterRun,
            kpis: Some(integration::KpiList(vec![integration::Kpi {
                id: self.id(63),
                key: "revenue".to_owned(),
                name: "Revenue".to_owned(),
                unit: "EUR".to_owned(),
                stream: "orders".to_owned(),
                measure: integration::KpiMeasure::Sum { field: "/total".to_owned() },
                target: Some(integration::KpiTarget {
                    bound: integration::KpiBound::AtLeast,
                    value: 10.5,
                    per: health_rollup::HealthPeriod::Day,
                }),
                measured_from: time(1),
            }])),
            failed_run_count: 2,
            held_at: Some(time(3)),
            hold_failure_id: Some(self.id(10)),
            created_at: time(0),
            updated_at: time(2),
        }
    }

    pub fn retry(self) -> retry::Model {
        retry::Model {
            id: self.id(9),
            tenant_id: self.tenant_id(),
            status: retry::RetryStatus::Running,
            requested_by: "user:1".to_owned(),
            total: i64::from(i32::MAX) + 1,
            resolved: 1,
            failed: 2,
            created_at: time(0),
            finished_at: Some(time(1)),
        }
    }

    pub fn run(self) -> run::Model {
        run::Model {
            id: self.id(8),
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            status: run::RunStatus::Partial,
            trigger: run::RunTrigger::Retry,
            triggered_by: "Person".to_owned(),
            scope: run::RunScope::FailedRecords,
            // Its own: the first run of a tenant has no other.
            retry_of_id: Some(self.id(8)),
            retry_id: Some(self.id(9)),
            backfill_id: Some(self.id(41)),
            reconciliation_id: Some(self.id(42)),
            queued_at: time(0),
            started_at: Some(time(1)),
            finished_at: Some(time(2)),
            read_count: i64::from(i32::MAX) + 1,
            created_count: 1,
            updated_count: 2,
            unchanged_count: 3,
            skipped_count: 4,
            failed_count: 5,
            deleted_count: 6,
            failure_id: Some(self.id(10)),
            trace_id: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
        }
    }

    pub fn log_line(self) -> log_line::Model {
        log_line::Model {
            id: self.early_id(51),
            tenant_id: self.tenant_id(),
            run_id: Some(self.id(8)),
            integration_id: Some(self.id(7)),
            system_id: Some(self.id(6)),
            at: time(0),
            level: log_line::LogLevel::Warn,
            component: "pipeline::stream::writer".to_owned(),
            message: "writing is retried".to_owned(),
            attributes: json!({"attempt": 2}),
        }
    }

    pub fn retention(self) -> retention::Model {
        retention::Model {
            tenant_id: self.tenant_id(),
            kind: retention::RetentionKind::Records,
            days: Some(3_650),
            next_at: time(0),
            round_at: time(1),
            position_at: Some(time(2)),
            position_id: Some(self.id(10)),
            told_until: Some(time(3)),
        }
    }

    pub fn exchange(self) -> exchange::Model {
        exchange::Model {
            id: self.id(50),
            tenant_id: self.tenant_id(),
            run_id: self.id(8),
            at: time(0),
            method: "POST".to_owned(),
            status: Some(422),
            duration_ms: i64::from(i32::MAX) + 1,
            request_bytes: 1,
            response_bytes: Some(2),
            sealed_content: vec![0, 255],
        }
    }

    pub fn failure(self) -> failure::Model {
        failure::Model {
            id: self.id(10),
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            run_id: self.id(8),
            stream: Some("orders".to_owned()),
            business_reference: Some("Order 4711".to_owned()),
            record_key: Some("4711".to_owned()),
            position: Some("line 4711".to_owned()),
            status: failure::FailureStatus::Retrying,
            category: failure::FailureCategory::UnsupportedData,
            stage: failure::FailureStage::Validate,
            code: "record.schema_violation".to_owned(),
            responsible_party: failure::ResponsibleParty::ThirdParty,
            retryable: failure::Retryable::Unknown,
            hint: Some("hint".to_owned()),
            field_errors: failure::FieldErrorList(vec![failure::FieldError {
                path: "/total".to_owned(),
                rule: "type".to_owned(),
                message: "must be a number".to_owned(),
            }]),
            attempts: 3,
            failed_at: time(0),
            last_attempt_at: time(1),
            next_attempt_at: Some(time(2)),
            resolved_at: Some(time(3)),
            resolved_by_run_id: Some(self.id(8)),
            http_status: Some(422),
            technical_detail: Some("detail".to_owned()),
            record: Some(vec![0, 255]),
            edited_record: Some(vec![1, 254]),
            retry_id: Some(self.id(9)),
            retry_run_id: Some(self.id(8)),
            skip_reason: Some("reason".to_owned()),
            skipped_by: Some("user:1".to_owned()),
            quarantine_id: Some(self.id(42)),
            group_id: Some(self.id(48)),
            exchange_id: Some(self.id(50)),
            impact: failure::Impact::Critical,
            impact_reason: Some("order over 1 M".to_owned()),
            value_at_stake: Some(i64::MAX),
            record_removed_at: Some(time(4)),
        }
    }

    pub fn failure_group(self) -> failure_group::Model {
        failure_group::Model {
            id: self.id(48),
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            stream: "orders".to_owned(),
            code: "record.schema_violation".to_owned(),
            fingerprint: "0123456789abcdef".to_owned(),
            category: failure::FailureCategory::UnsupportedData,
            stage: failure::FailureStage::Validate,
            field_path: Some("/total".to_owned()),
            rule: Some("type".to_owned()),
            reason: Some("reason".to_owned()),
            status: failure_group::FailureGroupStatus::Snoozed,
            responsible_party: failure::ResponsibleParty::ThirdParty,
            first_seen_at: time(0),
            last_seen_at: time(1),
            failure_count: i64::MAX,
            run_count: 2,
            last_run_id: Some(self.id(8)),
            hour_at: time(2),
            hour_count: 3,
            hour_limit: 4,
            snoozed_until: Some(time(3)),
            snoozed_until_count: Some(5),
            snoozed_until_hour_count: Some(6),
            status_at: time(4),
            resolved_at: Some(time(5)),
            merged_into_id: Some(self.id(48)),
            impact: failure::Impact::High,
            urgency: i64::MIN,
            value_at_stake: Some(i64::MAX),
            assignee_id: Some(self.id(69)),
        }
    }

    pub fn failure_group_activity(self) -> failure_group_activity::Model {
        failure_group_activity::Model {
            id: self.id(50),
            tenant_id: self.tenant_id(),
            group_id: self.id(48),
            at: time(0),
            kind: failure_group_activity::FailureGroupActivityKind::HandOver,
            audience: run_event::Audience::Support,
            actor_name: Some("Person".to_owned()),
            is_by_staff: true,
            from_status: Some(failure_group::FailureGroupStatus::New),
            to_status: Some(failure_group::FailureGroupStatus::Ongoing),
            from_party: Some(failure::ResponsibleParty::Support),
            to_party: Some(failure::ResponsibleParty::Customer),
            note: Some("note".to_owned()),
            assignee_name: Some("Ada".to_owned()),
            rule_name: Some("Orders".to_owned()),
        }
    }

    pub fn failure_group_hour(self) -> failure_group_hour::Model {
        failure_group_hour::Model {
            tenant_id: self.tenant_id(),
            group_id: self.id(48),
            hour_at: time(0),
            failure_count: 1,
        }
    }

    pub fn escalation_policy(self) -> escalation_policy::Model {
        let step = escalation_policy::EscalationStep {
            after_seconds: i64::from(i32::MAX) + 1,
            party: failure::ResponsibleParty::Engineering,
            repeat_count: 2,
        };
        escalation_policy::Model {
            id: self.id(80),
            tenant_id: Some(self.tenant_id()),
            position: i64::from(i32::MAX) + 1,
            name: "Standard".to_owned(),
            is_enabled: true,
            is_default: true,
            selectors: escalation_policy::EscalationSelectors {
                tenant_ids: vec![self.tenant_id()],
                codes: vec!["destination.*".to_owned()],
                categories: vec![failure::FailureCategory::UserAction],
            },
            steps: escalation_policy::EscalationStepList(vec![step]),
            respond_within_seconds: Some(i64::from(i32::MAX) + 2),
            resolve_within_seconds: Some(i64::from(i32::MAX) + 3),
            warn_percent: 80,
            version: 3,
            created_at: time(0),
            updated_at: time(1),
        }
    }

    pub fn escalation(self) -> escalation::Model {
        escalation::Model {
            group_id: self.id(48),
            tenant_id: self.tenant_id(),
            episode: 2,
            started_at: time(0),
            chosen_at: Some(time(1)),
            policy_id: Some(self.id(80)),
            policy_name: Some("Standard".to_owned()),
            steps: self.escalation_policy().steps,
            step_index: 1,
            repeat_index: 2,
            told_count: 3,
            step_at: Some(time(2)),
            next_at: Some(time(3)),
            waits_since: Some(time(4)),
            answered_at: Some(time(5)),
            answered_by: Some(sla_clock::SlaEnd::Commented),
            acknowledged_at: Some(time(6)),
            stopped_at: Some(time(7)),
        }
    }

    pub fn sla_clock(self) -> sla_clock::Model {
        sla_clock::Model {
            id: self.id(81),
            tenant_id: self.tenant_id(),
            group_id: self.id(48),
            episode: 2,
            kind: sla_clock::SlaKind::Resolution,
            started_at: time(0),
            target_ms: i64::from(i32::MAX) + 1,
            warn_ms: i64::from(i32::MAX) + 2,
            spent_ms: i64::from(i32::MAX) + 3,
            running_since: Some(time(1)),
            due_at: Some(time(2)),
            warned_at: Some(time(3)),
            outcome: Some(sla_clock::SlaOutcome::Breached),
            ended_at: Some(time(4)),
            ended_by: Some(sla_clock::SlaEnd::HandedOver),
        }
    }

    pub fn run_event(self) -> run_event::Model {
        run_event::Model {
            id: self.early_id(11),
            tenant_id: self.tenant_id(),
            run_id: self.id(8),
            at: time(0),
            r#type: "run.started".to_owned(),
            audience: run_event::Audience::Engineer,
            component: "worker".to_owned(),
            business_reference: Some("Order 4711".to_owned()),
            message: "The run started.".to_owned(),
            attributes: json!({ "attempt": 1 }),
        }
    }

    pub fn run_metric(self) -> run_metric::Model {
        run_metric::Model {
            tenant_id: self.tenant_id(),
            run_id: self.id(8),
            worked_ms: i64::from(i32::MAX) + 1,
            source_wait_ms: 1,
            destination_wait_ms: 2,
            mapping_ms: 3,
            storing_ms: 4,
            throttled_ms: 5,
            page_count: 6,
            read_bytes: 7,
            written_bytes: 8,
            retry_count: 9,
            resumed_count: 10,
            taken_over_count: 11,
            peak_memory_bytes: Some(12),
            updated_at: time(0),
        }
    }

    pub fn run_stream(self) -> run_stream::Model {
        run_stream::Model {
            tenant_id: self.tenant_id(),
            run_id: self.id(8),
            stream: "orders".to_owned(),
            since: Some(json!("2025-12-31T00:00:00Z")),
            checkpoint: Some(json!({ "offset": 12 })),
            watermark: Some(json!("2026-01-01T00:00:00Z")),
            deletions_held_at: Some(time(2)),
            gate: Some(json!({ "read": 12 })),
            page_count: i64::from(i32::MAX) + 1,
            finished_at: Some(time(0)),
            updated_at: time(1),
        }
    }

    pub fn run_slice(self) -> run_slice::Model {
        run_slice::Model {
            id: self.id(46),
            tenant_id: self.tenant_id(),
            run_id: self.id(8),
            stream: "orders".to_owned(),
            ordinal: 3,
            part: json!({ "from": "12" }),
            fresh: true,
            status: run_slice::SliceStatus::Failed,
            checkpoint: Some(json!({ "offset": 12 })),
            gate: Some(json!({ "read": 12 })),
            page_count: 2,
            read_count: i64::from(i32::MAX) + 1,
            created_count: 1,
            updated_count: 2,
            unchanged_count: 3,
            skipped_count: 4,
            failed_count: 5,
            failure: Some(json!({ "code": "source.not_found" })),
            created_at: time(0),
            started_at: Some(time(1)),
            finished_at: Some(time(2)),
        }
    }

    pub fn stream_cursor(self) -> stream_cursor::Model {
        stream_cursor::Model {
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            stream: "orders".to_owned(),
            watermark: json!("2026-01-01T00:00:00Z"),
            run_id: Some(self.id(8)),
            updated_at: time(0),
        }
    }

    pub fn stream_schema(self) -> stream_schema::Model {
        stream_schema::Model {
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            stream: "orders".to_owned(),
            fields: json!({"id": {"types": ["text"], "always": true}}),
            learned_by_run_id: self.id(8),
            last_change: Some(json!({"added": ["id"]})),
            changed_by_run_id: Some(self.id(8)),
            changed_at: Some(time(1)),
            updated_at: time(2),
        }
    }

    pub fn health_rollup(self) -> health_rollup::Model {
        health_rollup::Model {
            integration_id: self.id(7),
            period: health_rollup::HealthPeriod::Day,
            begins_at: time(0),
            duration_class: i16::from(self.tenant),
            tenant_id: self.tenant_id(),
            succeeded_count: 1,
            partial_count: 2,
            failed_count: 3,
            canceled_count: 4,
            duration_ms: i64::from(i32::MAX) + 1,
            read_count: i64::from(i32::MAX) + 2,
            created_count: 5,
            updated_count: 6,
            unchanged_count: 7,
            skipped_count: 8,
            failed_record_count: 9,
        }
    }

    pub fn health_target(self) -> health_target::Model {
        health_target::Model {
            id: self.id(61),
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            freshness_seconds: Some(i64::from(i32::MAX) + 1),
            run_success_percent: Some(99.5),
            latency_p95_ms: Some(i64::from(i32::MAX) + 2),
            set_by: "Ada".to_owned(),
            is_by_staff: true,
            set_at: time(0),
        }
    }

    pub fn health_alert(self) -> health_alert::Model {
        health_alert::Model {
            id: self.id(62),
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            kind: health_alert::AlertKind::Freshness,
            observed: 2.5,
            expected: 1.5,
            opened_at: time(0),
            closed_at: Some(time(1)),
        }
    }

    pub fn synthetic_check(self) -> synthetic_check::Model {
        let leftover = synthetic_check::Leftover {
            system_id: self.id(6),
            stream: "orders".to_owned(),
            key_fields: vec!["id".to_owned()],
            options: json!({"table": "orders"}),
            key: "trestle-test-0".to_owned(),
            mark: "trestle-test-0".to_owned(),
            destination_key: Some("0".to_owned()),
            at: time(3),
        };
        let doubtful = synthetic_check::Doubtful { leftover: leftover.clone(), removed_at: time(4) };
        synthetic_check::Model {
            id: self.id(85),
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            stream: "orders".to_owned(),
            record: json!({"id": "{synthetic}"}),
            schedule_cron: None,
            schedule_time_zone: None,
            every_seconds: Some(i64::from(i32::MAX) + 1),
            removes: true,
            next_at: Some(time(0)),
            asked_by: Some("Ada".to_owned()),
            clear_at: Some(time(7)),
            lease_token: Some(self.id(86)),
            lease_until: Some(time(1)),
            failing_since: Some(time(2)),
            leftover: Some(leftover),
            doubtful: synthetic_check::DoubtfulList(vec![doubtful]),
            set_by: "Ada".to_owned(),
            updated_at: time(5),
            removed_at: Some(time(6)),
        }
    }

    pub fn change(self) -> change::Model {
        change::Model {
            kind: change::ChangeKind::FailureGroup,
            id: self.id(88),
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            object_count: 1,
            objects: self.id(9).into_bytes().to_vec(),
        }
    }

    pub fn synthetic_result(self) -> synthetic_result::Model {
        let stage = synthetic_result::SyntheticStage::ReadBack;
        synthetic_result::Model {
            id: self.id(87),
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            stream: "orders".to_owned(),
            status: synthetic_result::SyntheticStatus::Failed,
            stage: Some(stage),
            code: Some("synthetic.missing".to_owned()),
            mark: "trestle-test-0".to_owned(),
            is_verified: true,
            is_removed: true,
            durations: synthetic_result::StageDurationList(vec![synthetic_result::StageDuration {
                stage,
                ms: i64::from(i32::MAX) + 1,
            }]),
            triggered_by: "Ada".to_owned(),
            started_at: time(0),
            finished_at: time(1),
        }
    }

    pub fn integration_health(self) -> integration_health::Model {
        integration_health::Model {
            integration_id: self.id(7),
            tenant_id: self.tenant_id(),
            status: integration_health::HealthStatus::Stale,
            severity: i64::from(i32::MAX) + 1,
            since: time(0),
            last_run_id: Some(self.id(8)),
            newest_success_at: Some(time(1)),
            watched_from: time(2),
            is_late: true,
            target_id: Some(self.id(61)),
            check_at: time(3),
        }
    }

    pub fn kpi_rollup(self) -> kpi_rollup::Model {
        kpi_rollup::Model {
            kpi_id: self.id(63),
            period: health_rollup::HealthPeriod::Day,
            begins_at: time(0),
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            value_count: i64::from(i32::MAX) + 1,
            skipped_count: i64::from(i32::MAX) + 2,
            sum_thousands: -1 - i64::from(i32::MAX),
            sum_millionths: 999_999_999,
            least: Some(i64::MIN + 1),
            most: Some(i64::MAX),
        }
    }

    pub fn quarantine(self) -> quarantine::Model {
        quarantine::Model {
            id: self.id(42),
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            run_id: self.id(8),
            stream: "orders".to_owned(),
            status: quarantine::QuarantineStatus::Released,
            rule: quarantine::QuarantineRule::NullRate,
            field: Some("total".to_owned()),
            measured: 12.5,
            allowed: 5.0,
            reason: "reason".to_owned(),
            record_count: i64::from(i32::MAX) + 1,
            judged_count: 1,
            failed_count: 2,
            created_at: time(0),
            decided_at: Some(time(1)),
            decided_by: Some("Ada".to_owned()),
            note: Some("note".to_owned()),
            retry_id: Some(self.id(9)),
        }
    }

    pub fn backfill(self) -> backfill::Model {
        backfill::Model {
            id: self.id(41),
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            stream: "orders".to_owned(),
            range_from: json!("2026-01-01T00:00:00Z"),
            range_until: Some(json!("2026-02-01T00:00:00Z")),
            cursor_field: Some("updatedAt".to_owned()),
            requested_by: "Ada".to_owned(),
            created_at: time(0),
        }
    }

    pub fn system_grant(self) -> system_grant::Model {
        system_grant::Model {
            id: self.id(42),
            tenant_id: self.tenant_id(),
            system_id: self.id(6),
            client_hash: vec![4; 32],
            status: system_grant::GrantStatus::Ended,
            end_reason: Some(system_grant::GrantEnd::Refused),
            sealed_tokens: Some(vec![5; 60]),
            scopes: Some(StringList(vec!["orders:read".to_owned()])),
            version: 3,
            connected_at: time(0),
            renewed_at: Some(time(1)),
            renew_at: Some(time(2)),
            expires_at: Some(time(3)),
            lease_token: Some(self.id(43)),
            lease_until: Some(time(4)),
        }
    }

    pub fn webhook_endpoint(self) -> webhook_endpoint::Model {
        webhook_endpoint::Model {
            id: self.id(45),
            tenant_id: self.tenant_id(),
            system_id: self.id(6),
            address: format!("{:032x}", self.id(45).as_u128()),
            previous_address: Some(format!("{:032x}", self.id(46).as_u128())),
            previous_until: Some(time(1)),
            last_sequence: i64::from(i32::MAX) + 1,
            received_bytes: i64::from(i32::MAX) + 2,
            purged_sequence: 3,
            purged_bytes: 4,
            last_received_at: Some(time(2)),
            refused_count: 5,
            last_refused_at: Some(time(3)),
            last_refusal: Some("The signature is wrong.".to_owned()),
            created_at: time(0),
        }
    }

    pub fn webhook_event(self) -> webhook_event::Model {
        webhook_event::Model {
            id: self.id(47),
            tenant_id: self.tenant_id(),
            system_id: self.id(6),
            sequence: i64::from(i32::MAX) + 1,
            event_id: Some("msg_1".to_owned()),
            event_type: Some("order.paid".to_owned()),
            received_at: time(0),
            sealed_body: vec![7; 60],
            size_bytes: 2,
            end_bytes: i64::from(i32::MAX) + 3,
        }
    }

    pub fn export(self) -> export::Model {
        export::Model {
            id: self.id(88),
            tenant_id: self.tenant_id(),
            field: "failures".to_owned(),
            query: "{ failures { edges { node { id } } } }".to_owned(),
            variables: Some(json!({ "code": "record.invalid" })),
            status: export::ExportStatus::Running,
            principal: format!("user:{}", self.id(1).simple()),
            created_by: "Ada".to_owned(),
            locale: "de".to_owned(),
            row_count: i64::from(i32::MAX) + 1,
            byte_count: i64::from(i32::MAX) + 2,
            packed_byte_count: i64::from(i32::MAX) + 3,
            checksum: i64::from(u32::MAX),
            chunk_count: 3,
            cursor: Some("aWQ".to_owned()),
            attempt: 2,
            available_at: time(0),
            lease_token: Some(self.id(90)),
            lease_until: Some(time(1)),
            failure_code: None,
            failure_message: Some("none".to_owned()),
            secret_hash: vec![6; 32],
            sealed_secret: vec![7; 90],
            created_at: time(2),
            started_at: Some(time(3)),
            finished_at: Some(time(4)),
            expires_at: Some(time(5)),
            purged_at: Some(time(6)),
        }
    }

    pub fn export_chunk(self) -> export_chunk::Model {
        export_chunk::Model {
            id: self.id(89),
            tenant_id: self.tenant_id(),
            export_id: self.id(88),
            number: 1,
            byte_count: 2,
            sealed_content: vec![8; 90],
        }
    }

    pub fn connect_link(self) -> connect_link::Model {
        connect_link::Model {
            id: self.id(44),
            tenant_id: self.tenant_id(),
            system_id: self.id(6),
            secret_hash: vec![6; 32],
            return_url: Some("https://portal.example/connected".to_owned()),
            created_by: "Ada".to_owned(),
            created_at: time(0),
            expires_at: time(1),
            used_at: Some(time(2)),
        }
    }

    pub fn reconciliation(self) -> reconciliation::Model {
        reconciliation::Model {
            id: self.id(42),
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            streams: Some(StringList(vec!["orders".to_owned()])),
            after_run_id: Some(self.id(8)),
            requested_by: "Ada".to_owned(),
            outcome: Some(reconciliation::ReconciliationOutcome::Drifted),
            retry_id: Some(self.id(9)),
            created_at: time(0),
        }
    }

    pub fn reconciliation_stream(self) -> reconciliation_stream::Model {
        reconciliation_stream::Model {
            tenant_id: self.tenant_id(),
            reconciliation_id: self.id(42),
            stream: "orders".to_owned(),
            outcome: reconciliation::ReconciliationOutcome::Unknown,
            reason: Some("it can't be read".to_owned()),
            read_count: i64::from(i32::MAX) + 1,
            left_out_count: 1,
            refused_count: 2,
            source_count: 3,
            destination_count: 4,
            matched_count: 5,
            missing_count: 6,
            different_count: 7,
            failing_count: 8,
            not_moved_count: 9,
            extra_count: Some(i64::from(i32::MAX) + 2),
            other_count: Some(0),
            source_keys: "0af7651916cd43dd8448eb211c80319c".to_owned(),
            destination_keys: "1af7651916cd43dd8448eb211c80319c".to_owned(),
            source_records: "2af7651916cd43dd8448eb211c80319c".to_owned(),
            destination_records: "3af7651916cd43dd8448eb211c80319c".to_owned(),
            finished_at: time(3),
        }
    }

    pub fn reconciliation_difference(self) -> reconciliation_difference::Model {
        reconciliation_difference::Model {
            id: self.id(43),
            tenant_id: self.tenant_id(),
            reconciliation_id: self.id(42),
            stream: "orders".to_owned(),
            record_key: "PO-1".to_owned(),
            business_reference: "PO-1".to_owned(),
            kind: reconciliation_difference::DifferenceKind::Missing,
            failure_id: Some(self.id(10)),
        }
    }

    /// Of the key `4711`, created by the run, with a hash of threes.
    fn receipts(self) -> Vec<u8> {
        let mut entries = vec![1, 0, 4];
        entries.extend_from_slice(b"4711");
        entries.extend_from_slice(&[0, 0]);
        entries.extend_from_slice(self.id(8).as_bytes());
        entries.extend_from_slice(&[3; 16]);
        entries
    }

    pub fn receipt_block(self) -> receipt_block::Model {
        receipt_block::Model {
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            stream: "orders".to_owned(),
            first_key: String::new(),
            entry_count: 1,
            entries: self.receipts(),
        }
    }

    pub fn receipt_segment(self) -> receipt_segment::Model {
        receipt_segment::Model {
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            stream: "lines".to_owned(),
            bound: String::new(),
            number: 0,
            entries: self.receipts(),
        }
    }

    pub fn occasion(self) -> occasion::Model {
        occasion::Model {
            id: self.id(60),
            tenant_id: Some(self.tenant_id()),
            kind: occasion::OccasionKind::RunFailed,
            integration_id: Some(self.id(7)),
            run_id: Some(self.id(8)),
            group_id: Some(self.id(61)),
            failure_id: Some(self.id(10)),
            incident_id: Some(self.id(62)),
            system_id: Some(self.id(6)),
            code: Some("source.timeout".to_owned()),
            at: time(0),
            detail: json!({"failed": 3}),
            noticed_at: Some(time(1)),
        }
    }

    pub fn notice_channel(self) -> notice_channel::Model {
        notice_channel::Model {
            id: self.id(63),
            tenant_id: Some(self.tenant_id()),
            name: "channel".to_owned(),
            kind: notice_channel::NoticeChannelKind::Webhook,
            status: notice_channel::NoticeChannelStatus::Disabled,
            status_reason: Some("reason".to_owned()),
            url: Some("https://receiver.example/".to_owned()),
            sealed_secret: Some(vec![1, 2]),
            previous_secret_until: Some(time(1)),
            addresses: StringList(vec!["ada@example.com".to_owned()]),
            to_admins: true,
            is_default: true,
            failing_since: Some(time(2)),
            created_at: time(0),
            updated_at: time(3),
        }
    }

    pub fn notice_policy(self) -> notice_policy::Model {
        notice_policy::Model {
            id: self.id(64),
            tenant_id: Some(self.tenant_id()),
            name: "policy".to_owned(),
            is_enabled: true,
            is_default: true,
            selectors: notice_policy::NoticeSelectors {
                kinds: vec![occasion::OccasionKind::Held],
                integration_ids: vec![self.id(7)],
                ..Default::default()
            },
            channel_ids: notice_policy::UuidList(vec![self.id(63)]),
            delivery: notice_policy::NoticeTiming::Daily,
            digest_hour: Some(8),
            time_zone: "Europe/Berlin".to_owned(),
            quiet_from: Some("22:00".to_owned()),
            quiet_until: Some("06:00".to_owned()),
            quiet_override: notice_policy::OccasionKindList(vec![occasion::OccasionKind::Held]),
            hourly_max: Some(10),
            window_from: Some(time(1)),
            window_count: 2,
            created_at: time(0),
            updated_at: time(3),
        }
    }

    pub fn notice(self) -> notice::Model {
        notice::Model {
            id: self.id(65),
            tenant_id: Some(self.tenant_id()),
            policy_id: Some(self.id(64)),
            policy_name: Some("policy".to_owned()),
            channel_id: self.id(63),
            channel_name: "channel".to_owned(),
            kind: notice::NoticeKind::Digest,
            occasion_kind: Some(occasion::OccasionKind::Held),
            integration_id: Some(self.id(7)),
            items: notice::NoticeItemList(Vec::new()),
            item_count: i64::from(i32::MAX) + 1,
            waits_for: Some(notice::NoticeWait::Cap),
            due_at: Some(time(1)),
            sent_at: Some(time(2)),
            created_at: time(0),
        }
    }

    pub fn notice_delivery(self) -> notice_delivery::Model {
        notice_delivery::Model {
            id: self.id(66),
            tenant_id: Some(self.tenant_id()),
            notice_id: self.id(65),
            channel_id: self.id(63),
            recipient: Some("ada@example.com".to_owned()),
            status: notice_delivery::NoticeDeliveryStatus::Queued,
            attempt_count: 3,
            replayed_after: 1,
            available_at: time(1),
            created_at: time(0),
            finished_at: Some(time(2)),
            http_status: Some(500),
            last_error: Some("error".to_owned()),
        }
    }

    pub fn notice_attempt(self) -> notice_attempt::Model {
        notice_attempt::Model {
            id: self.id(67),
            tenant_id: Some(self.tenant_id()),
            delivery_id: self.id(66),
            at: time(1),
            outcome: notice_attempt::NoticeAttemptOutcome::Failed,
            duration_ms: 12,
            http_status: Some(500),
            response: Some("no".to_owned()),
            error: Some("error".to_owned()),
        }
    }

    pub fn notice_subject(self) -> notice_subject::Model {
        notice_subject::Model {
            id: self.id(68),
            tenant_id: Some(self.tenant_id()),
            policy_id: self.id(64),
            channel_id: self.id(63),
            subject: format!("run:{}", self.id(8)),
            created_at: time(0),
        }
    }

    pub fn incident(self) -> incident::Model {
        incident::Model {
            id: self.id(70),
            host: Some(self.name("api.example.com")),
            connector: Some("http".to_owned()),
            fault: incident::IncidentFault::Unavailable,
            status: incident::IncidentStatus::Resolved,
            severity: incident::IncidentSeverity::Critical,
            title: "api.example.com does not answer".to_owned(),
            public_message: Some("We look into it.".to_owned()),
            commander: Some("Ada".to_owned()),
            started_at: time(0),
            detected_at: time(1),
            status_at: time(2),
            resolved_at: Some(time(3)),
            over_at: Some(time(4)),
            system_count: 1,
            tenant_count: 2,
            probe_at: Some(time(5)),
            probe_count: 3,
            drained_from: Some(time(6)),
            drained_count: 4,
            drain_round: 5,
            postmortem: Some("# Why".to_owned()),
            causes: StringList(vec!["A certificate ended.".to_owned()]),
            follow_ups: incident::FollowUpList(vec![incident::FollowUp {
                text: "Watch certificates.".to_owned(),
                owner: Some("Grace".to_owned()),
                due_at: Some(time(7)),
                is_done: true,
            }]),
            postmortem_at: Some(time(8)),
            postmortem_by: Some("Ada".to_owned()),
            created_by: Some("Grace".to_owned()),
        }
    }

    pub fn incident_system(self) -> incident_system::Model {
        incident_system::Model {
            id: self.id(71),
            tenant_id: self.tenant_id(),
            incident_id: self.id(70),
            system_id: self.id(6),
            first_seen_at: time(0),
            last_failed_at: Some(time(1)),
            recovered_at: Some(time(2)),
            taken_up_at: Some(time(3)),
            resolved_at: Some(time(4)),
        }
    }

    pub fn incident_entry(self) -> incident_entry::Model {
        incident_entry::Model {
            id: self.id(72),
            incident_id: self.id(70),
            at: time(0),
            kind: incident_entry::IncidentEntryKind::Status,
            status: Some(incident::IncidentStatus::Identified),
            text: Some("A certificate ended.".to_owned()),
            actor_name: Some("Ada".to_owned()),
            is_public: true,
        }
    }

    pub fn system_fault(self) -> system_fault::Model {
        system_fault::Model {
            system_id: self.id(6),
            fault: incident::IncidentFault::Unavailable,
            tenant_id: self.tenant_id(),
            host: "api.example.com".to_owned(),
            connector: "http".to_owned(),
            first_seen_at: time(0),
            last_seen_at: time(1),
            tried_by_job_id: Some(self.id(12)),
        }
    }

    pub fn kill_switch(self) -> kill_switch::Model {
        kill_switch::Model {
            id: self.id(40),
            tenant_id: Some(self.tenant_id()),
            scope: kill_switch::KillSwitchScope::Integration,
            connector: None,
            integration_id: Some(self.id(7)),
            reason: "incident 4711".to_owned(),
            message_for_customers: "We look into it.".to_owned(),
            on_release: kill_switch::OnRelease::RunLatest,
            created_by: "Ada".to_owned(),
            is_by_staff: true,
            created_at: time(0),
            expires_at: Some(time(1)),
            released_at: Some(time(2)),
            released_by: Some("Grace".to_owned()),
            drain_after: Some(time(3)),
            drained_at: Some(time(4)),
        }
    }

    pub fn contact(self) -> contact::Model {
        contact::Model {
            id: self.id(69),
            tenant_id: Some(self.tenant_id()),
            kind: contact::ContactKind::Team,
            name: "Orders".to_owned(),
            email: Some("orders@example.com".to_owned()),
            phone: Some("+49 30 123456".to_owned()),
            url: Some("https://chat.example.com/orders".to_owned()),
            user_id: Some(self.id(1)),
            note: Some("Until six.".to_owned()),
            version: 2,
            created_at: time(0),
            updated_at: time(1),
        }
    }

    pub fn integration_contact(self) -> integration_contact::Model {
        integration_contact::Model {
            id: self.id(70),
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            role: integration_contact::ContactRole::DataSteward,
            contact_id: self.id(69),
        }
    }

    pub fn ownership_rule(self) -> ownership_rule::Model {
        ownership_rule::Model {
            id: self.id(71),
            tenant_id: Some(self.tenant_id()),
            position: 7,
            name: "Orders".to_owned(),
            selectors: ownership_rule::RuleSelectors {
                codes: vec!["destination.*".to_owned()],
                connectors: vec!["postgres".to_owned()],
                streams: vec!["orders".to_owned()],
                tenant_ids: vec![self.tenant_id()],
            },
            responsible_party: None,
            contact_id: Some(self.id(69)),
            version: 2,
            created_at: time(0),
            updated_at: time(1),
        }
    }

    pub fn runbook(self) -> runbook::Model {
        runbook::Model {
            id: self.id(47),
            tenant_id: Some(self.tenant_id()),
            code: Some("destination.rejected".to_owned()),
            connector: Some("postgres".to_owned()),
            integration_id: Some(self.id(7)),
            title: "Orders are refused".to_owned(),
            body: "# First\n\nLook.".to_owned(),
            version: 2,
            review_interval_days: Some(90),
            review_due_at: Some(time(3)),
            last_reviewed_at: Some(time(2)),
            last_reviewed_by: Some("Grace".to_owned()),
            created_at: time(0),
            updated_at: time(1),
            updated_by: "Grace".to_owned(),
        }
    }

    pub fn runbook_version(self) -> runbook_version::Model {
        runbook_version::Model {
            id: self.id(48),
            tenant_id: Some(self.tenant_id()),
            runbook_id: self.id(47),
            version: 1,
            title: "Orders".to_owned(),
            body: "Look.".to_owned(),
            written_at: time(0),
            written_by: "Ada".to_owned(),
        }
    }

    pub fn word_override(self) -> word_override::Model {
        word_override::Model {
            id: self.id(49),
            message: format!("destination-rejected-{}", self.id(49).simple()),
            locale: "de".to_owned(),
            text: "Rufen Sie uns an.".to_owned(),
            set_at: time(0),
            set_by: "Ada".to_owned(),
        }
    }

    pub fn job(self) -> job::Model {
        job::Model {
            id: self.id(12),
            tenant_id: self.tenant_id(),
            integration_id: self.id(7),
            kind: job::JobKind::Run,
            subject_id: self.id(8),
            slice_id: Some(self.id(46)),
            status: job::JobStatus::Running,
            priority: 2,
            attempt: 1,
            max_attempts: 5,
            available_at: time(0),
            wait_code: Some("source.unavailable".to_owned()),
            lease_until: Some(time(1)),
            lease_token: Some(self.id(13)),
            worker: Some("worker-1".to_owned()),
            begun: true,
            cancel_requested: true,
            kill_switch_id: Some(self.id(40)),
            push_at: time(2),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
            last_error: Some("lost".to_owned()),
            created_at: time(0),
            finished_at: Some(time(3)),
        }
    }
}

/// Times to the millisecond, which both databases keep.
fn time(milliseconds: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(1_800_000_000_000 + milliseconds).single().expect("UTC has no gaps")
}
