//! One program with one tenant that has one of everything, another tenant, and a caller of each kind. What the
//! database holds can be compared, so that "refused" means that nothing changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row, SqliteConnection};
use totp_rs::{Builder, Secret};
use uuid::Uuid;

use super::operations::Fresh;
use super::rules::{Home, Kind, kinds};
use crate::harness::client::Client;
use crate::harness::fixture::{Fixture, Tenant, stream};
use crate::harness::oidc::Oidc;
use crate::harness::outside::{Fault, Outside, Pagination, Rule};
use crate::harness::smtp::{Mode, Smtp};
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::{into_table, nodes, sqlite_execute, text};

/// Password of everybody here.
pub const PASSWORD: &str = "nine plain words are a very good password";
/// What those have later who change it.
pub const NEW_PASSWORD: &str = "ten plain words are an even better password";
/// Records of the run that is PARTIAL.
const RECORDS: usize = 90;
/// Records of that run that the outside system takes.
const TAKEN: u64 = 4;
/// Columns that change by looking, or by and by.
const NOT_COMPARED: [&str; 5] = ["last_used_at", "drain_after", "drained_at", "check_at", "over_at"];

/// Ids of the things that operations are tried on.
#[derive(Clone, Debug, Default)]
pub struct Target {
    pub tenant: String,
    pub slug: String,
    pub user: String,
    pub email: String,
    pub staff_user: String,
    pub api_key: String,
    pub portal_key: String,
    pub portal_session: String,
    pub system: String,
    /// One that a person gives access to.
    pub connectable: String,
    /// One that receives events.
    pub receiving: String,
    pub integration: String,
    pub run: String,
    /// A run that failed as a whole.
    pub failed_run: String,
    /// The integration of that run, which is held for it.
    pub held_integration: String,
    /// A run whose stream was read in slices.
    pub divided_run: String,
    /// An integration that reads incrementally, and whose source has changed.
    pub incremental: String,
    /// An integration whose synthetic check has passed, and that is paused.
    pub proven: String,
    pub backfill: String,
    pub quarantine: String,
    /// A group of failures that are with the tenant.
    pub group: String,
    /// Another one of its integration.
    pub other_group: String,
    /// A failure whose group has a reason.
    pub told_failure: String,
    /// One that found something.
    pub reconciliation: String,
    pub kill_switch: String,
    /// One that hits a system of the tenant.
    pub incident: String,
    /// One whose file is complete, of none of those who ask.
    pub export: String,
    /// The operator's, with an earlier version.
    pub runbook: String,
    /// What the tenant was told of the run that failed.
    pub notice: String,
    pub notice_delivery: String,
    pub notice_channel: String,
    pub notice_webhook: String,
    pub notice_policy: String,
    /// A policy of escalation, which the groups of failures have.
    pub escalation_policy: String,
    /// A contact of the tenant, which has the group of failures.
    pub contact: String,
    /// A rule of ownership of the tenant.
    pub ownership_rule: String,
    pub event: String,
    pub support_event: String,
    pub engineer_event: String,
    pub failure: String,
    pub open_failures: usize,
    pub retry: String,
    pub refresh_token: String,
    /// The session of a person who asks.
    pub session: String,
    pub invitation: String,
    /// Of a mail.
    pub token: String,
    pub identity_provider: String,
    pub issuer: String,
    /// Of a second factor.
    pub code: String,
}

impl Target {
    /// A text that no other call gives.
    pub fn unique(&self) -> String {
        Uuid::now_v7().simple().to_string()
    }

    /// Ids of the same kinds that name nothing.
    pub fn unknown(&self) -> Self {
        let other = |id: &str| {
            let kind = id.split('_').next().unwrap_or_default();
            format!("{kind}_{}", Uuid::now_v7().simple())
        };
        Self {
            tenant: other(&self.tenant),
            slug: "no-such-slug".to_owned(),
            user: other(&self.user),
            email: "nobody@example.com".to_owned(),
            staff_user: other(&self.staff_user),
            api_key: other(&self.api_key),
            portal_key: other(&self.portal_key),
            portal_session: other(&self.portal_session),
            system: other(&self.system),
            connectable: other(&self.connectable),
            receiving: other(&self.receiving),
            integration: other(&self.integration),
            run: other(&self.run),
            failed_run: other(&self.failed_run),
            divided_run: other(&self.divided_run),
            held_integration: other(&self.held_integration),
            incremental: other(&self.incremental),
            proven: other(&self.proven),
            backfill: other(&self.backfill),
            quarantine: other(&self.quarantine),
            group: other(&self.group),
            other_group: other(&self.other_group),
            told_failure: other(&self.told_failure),
            reconciliation: other(&self.reconciliation),
            kill_switch: other(&self.kill_switch),
            incident: other(&self.incident),
            export: other(&self.export),
            runbook: self.runbook.clone(),
            notice: other(&self.notice),
            notice_delivery: other(&self.notice_delivery),
            notice_channel: other(&self.notice_channel),
            notice_webhook: other(&self.notice_webhook),
            notice_policy: other(&self.notice_policy),
            escalation_policy: self.escalation_policy.clone(),
            contact: other(&self.contact),
            ownership_rule: other(&self.ownership_rule),
            event: other(&self.event),
            support_event: other(&self.support_event),
            engineer_event: other(&self.engineer_event),
            failure: other(&self.failure),
            open_failures: self.open_failures,
            retry: other(&self.retry),
            refresh_token: self.refresh_token.clone(),
            session: other("session"),
            invitation: other(&self.invitation),
            token: self.token.clone(),
            identity_provider: other(&self.identity_provider),
            issuer: self.issuer.clone(),
            code: self.code.clone(),
        }
    }
}

/// A public key that nobody else has, and that nobody can sign for.
pub fn public_key() -> String {
    let [start, end] = [Uuid::now_v7(), Uuid::now_v7()];
    let x = URL_SAFE_NO_PAD.encode([start.into_bytes(), end.into_bytes()].concat());
    json!({"kty": "OKP", "crv": "Ed25519", "x": x}).to_string()
}

/// Somebody who calls.
pub struct Caller {
    /// What is expected of it.
    pub kind: Kind,
    /// With its token.
    pub client: Client,
    /// Of those who sign in.
    email: Option<String>,
}

/// Everything that the matrix needs.
pub struct World {
    pub trestle: Trestle,
    pub fixture: Fixture,
    pub callers: Vec<Caller>,
    pub target: Target,
    tenant: Tenant,
    /// The id of the other tenant.
    other: String,
    tenant_admin: Client,
    /// Open failures of which each is tried once.
    failures: Vec<String>,
    /// Groups of which each is merged once.
    groups: Vec<String>,
    database: SqliteConnection,
    /// Each table and the statement that reads it.
    tables: Vec<(String, String)>,
    /// The last entry of the audit log that was looked at.
    audited: i64,
    _outside: Outside,
    smtp: Smtp,
    oidc: Oidc,
}

impl World {
    /// Makes it.
    pub async fn build() -> Self {
        let smtp = Smtp::start(Mode::Plain).await;
        let setup = smtp
            .setup(Setup::new())
            // Groups of failures are not resolved by themselves while they are looked at.
            .setting("TRESTLE_GROUP_QUIET_SECONDS", "604800")
            .setting("TRESTLE_PUBLIC_URL", "https://trestle.example")
            .setting("TRESTLE_TRACE_URL", "https://traces.example/{traceId}");
        let trestle = setup.embedded().await;
        let fixture = Fixture::of(&trestle).await;
        let (tenant, other) = (fixture.tenant("quillon").await, fixture.tenant("elsewhere").await);
        let mut callers = Vec::new();
        for kind in kinds() {
            callers.push(caller(&trestle, &fixture, &tenant, &other, kind).await);
        }
        let tenant_admin =
            callers.iter().find(|caller| caller.kind.label == "t-admin").expect("a kind").client.clone();
        let outside = Outside::with_records(RECORDS);
        let reason = json!({"error": "quillon does not take this", "errors": [{"field": "email", "message": "is odd"}]});
        outside.inject(Rule::new(Fault::Status(422, reason)).on_writes().after(TAKEN));
        let (database, tables) = open(&trestle).await;
        let mut world = Self {
            target: Target { tenant: tenant.id.clone(), slug: tenant.slug.clone(), ..Target::default() },
            trestle,
            fixture,
            callers,
            tenant,
            other: other.id,
            tenant_admin,
            failures: Vec::new(),
            groups: Vec::new(),
            database,
            tables,
            audited: 0,
            _outside: outside,
            smtp,
            oidc: Oidc::start().await,
        };
        world.fill().await;
        world
    }

    async fn fill(&mut self) {
        self.oidc.person("somebody", json!({"email": "somebody@example.com", "email_verified": true}));
        self.target.issuer = self.oidc.issuer();
        self.target.identity_provider = self.identity_provider().await;
        self.target.escalation_policy = self.escalation_policy().await;
        let outside = &self._outside;
        let system = self.fixture.system(&self.tenant, "http", outside.config(), Value::Null).await;
        let mut moves = stream(outside.source_options(Pagination::Page), outside.destination_options());
        moves["mapping"] = json!(".email = downcase!(.email)");
        moves["recordSchema"] = json!({"type": "object"});
        let integration = self.fixture.integration(&self.tenant, &system, &system, vec![moves]).await;
        let run = self.fixture.start_run(&integration).await;
        let finished = self.fixture.finished_run(&run).await;
        assert_eq!(finished["status"], "PARTIAL", "{finished:#}");
        let failures = self.fixture.failures(&run).await;
        assert_eq!(json!(failures.len()), finished["counts"]["failed"], "{finished:#}");
        assert!(failures.iter().all(|failure| failure["httpStatus"] == 422), "{failures:#?}");
        self.failures = failures.iter().map(|failure| text(&failure["id"])).collect();

        let files = self.fixture.system(&self.tenant, "file", json!({}), Value::Null).await;
        let mut from_nothing = stream(json!({"path": "nothing.csv"}), json!({"path": "out.csv"}));
        from_nothing["deletions"] = json!({"action": "MARK", "markField": "goneAt"});
        let broken = self.fixture.integration(&self.tenant, &files, &files, vec![from_nothing]).await;
        let hold = json!({"integrationId": broken, "holdAfter": 1});
        self.fixture.admin().mutate("updateIntegration", hold, "integration { id }").await;
        let failed_run = self.fixture.start_run(&broken).await;
        let failed = self.fixture.finished_run(&failed_run).await;
        assert_eq!(failed["status"], "FAILED", "{failed:#}");

        let divided_run = self.divided_run().await;
        let incremental = self.incremental(&files).await;
        self.target.proven = self.proven().await;
        self.target.quarantine = self.quarantine().await;
        self.groups = self.groups().await;
        self.target.group = self.groups.pop().expect("a group");
        self.target.other_group = self.groups.pop().expect("another group");
        self.target.told_failure = self.told_failure().await;
        self.answer().await;

        // From here on nothing runs by itself: what is started waits, so that the database holds still.
        let schedule = json!({
            "integrationId": integration, "description": "Of quillon",
            "schedule": {"cron": "0 3 1 1 *", "timeZone": "Europe/Berlin"},
        });
        self.fixture.admin().mutate("updateIntegration", schedule, "integration { id }").await;
        let pause = json!({"integrationId": integration, "reason": "quillon asked for it"});
        self.fixture.admin().mutate("pauseIntegration", pause, "integration { id }").await;
        let events = self.fixture.admin().query(
            "query($id: ID!) { run(id: $id) { events(first: 100) { edges { node { id audience } } } } }",
            json!({"id": run}),
        );
        let events = nodes(&events.await["run"]["events"]);
        let event = |audience: &str| {
            let found = events.iter().find(|event| event["audience"] == audience);
            found
                .map(|event| text(&event["id"]))
                .unwrap_or_else(|| panic!("no event for {audience}: {events:#?}"))
        };
        self.target.event = event("CUSTOMER");
        self.target.support_event = event("SUPPORT");
        self.target.engineer_event = event("ENGINEER");
        self.target.system = system;
        self.target.connectable = self.connectable().await;
        self.target.receiving = self.receiving().await;
        self.target.integration = integration;
        self.target.run = run;
        self.target.failed_run = failed_run;
        self.target.divided_run = divided_run;
        self.target.held_integration = broken;
        self.target.failure = self.failures.pop().expect("there are many");
        let allow = json!({"tenantId": self.tenant.id, "allowed": true, "until": "2100-01-01T00:00:00Z"});
        self.tenant_admin.mutate("setSupportAccess", allow, "tenant { id }").await;
        let open = json!({"failureId": self.target.failure, "reason": "quillon asked for it"});
        self.fixture.admin().mutate("revealRecord", open, "reveal { reason }").await;
        self.target.api_key = self.api_key().await;
        self.target.portal_key = self.portal_key().await;
        self.target.portal_session = self.portal_session().await;
        self.target.retry = self.retry().await;
        self.target.incremental = incremental;
        self.target.backfill = self.backfill().await;
        self.target.reconciliation = self.reconciliation().await;
        self.target.kill_switch = self.kill_switch().await;
        self.target.runbook = self.runbook().await;
        self.target.incident = self.incident().await;
        self.target.export = self.export().await;
        self.notices().await;
        (self.target.user, self.target.email) = self.person("TENANT_VIEWER", Some(&self.tenant.id)).await;
        (self.target.staff_user, _) = self.person("SUPPORT", None).await;
        self.contacts().await;
        self.target.open_failures = self.failures.len() + 1;
        (self.target.invitation, _) = self.invitation().await;
        self.mails_have_gone().await;
    }

    /// Nobody asks it for anything.
    async fn connectable(&self) -> String {
        let config = json!({
            "baseUrl": "https://api.example", "auth": "oauth2",
            "oauth2": {
                "grant": "authorization_code", "authorizationUrl": "https://login.example/authorize",
                "tokenUrl": "https://login.example/token",
            },
        });
        self.fixture.system(&self.tenant, "http", config, json!({"clientId": "quillon"})).await
    }

    /// Nobody sends it anything.
    async fn receiving(&self) -> String {
        let config = json!({"receive": {"verification": {"kind": "standardWebhooks"}}});
        self.fixture.system(&self.tenant, "webhook", config, Value::Null).await
    }

    /// The target for a mutation that is expected to be done.
    pub async fn fresh(&mut self, fresh: Fresh) -> Target {
        let mut target = self.target.clone();
        match fresh {
            Fresh::Nothing | Fresh::Session => {}
            Fresh::Tenant => {
                let tenant = self.fixture.tenant(&format!("fresh-{}", target.unique())).await;
                let suspend = json!({"tenantId": tenant.id, "reason": "to be resumed"});
                self.fixture.admin().mutate("suspendTenant", suspend, "tenant { id }").await;
                target.tenant = tenant.id;
            }
            Fresh::User => {
                (target.user, target.email) = self.person("TENANT_VIEWER", Some(&self.tenant.id)).await
            }
            Fresh::DisabledUser => {
                (target.user, target.email) = self.person("TENANT_VIEWER", Some(&self.tenant.id)).await;
                let disable = json!({"userId": target.user});
                self.fixture.admin().mutate("disableUser", disable, "user { id }").await;
            }
            Fresh::StaffUser => (target.staff_user, _) = self.person("SUPPORT", None).await,
            Fresh::ApiKey => target.api_key = self.api_key().await,
            Fresh::PortalKey => target.portal_key = self.portal_key().await,
            Fresh::PortalSession => target.portal_session = self.portal_session().await,
            Fresh::System => {
                target.system = self.fixture.system(&self.tenant, "sandbox", json!({}), Value::Null).await
            }
            Fresh::Connectable => target.connectable = self.connectable().await,
            Fresh::Integration => {
                target.integration = self.fixture.sandbox(&self.tenant, json!({}), json!({})).await;
            }
            Fresh::PausedIntegration => {
                target.integration = self.fixture.sandbox(&self.tenant, json!({}), json!({})).await;
                let pause = json!({"integrationId": target.integration});
                self.fixture.admin().mutate("pauseIntegration", pause, "integration { id }").await;
            }
            Fresh::Run => target.run = self.fixture.start_run(&target.integration).await,
            Fresh::Failure => target.failure = self.failures.pop().expect("as many as are tried"),
            Fresh::SyntheticCheck => target.proven = self.with_synthetic_check(Value::Null).await,
            Fresh::KillSwitch => target.kill_switch = self.kill_switch().await,
            Fresh::Incident => target.incident = self.incident().await,
            Fresh::Export => target.export = self.export().await,
            Fresh::ExportRoom => self.exports_have_ended().await,
            Fresh::Runbook => target.runbook = self.runbook().await,
            Fresh::NoticeChannel => target.notice_channel = self.notice_channel("EMAIL").await,
            Fresh::NoticePolicy => target.notice_policy = self.notice_policy().await,
            Fresh::EscalationPolicy => target.escalation_policy = self.escalation_policy().await,
            Fresh::Contact => target.contact = self.contact().await,
            Fresh::Assignable => {
                self.let_group_be("ONGOING").await;
                target.contact = self.contact().await;
            }
            Fresh::OwnershipRule => target.ownership_rule = self.ownership_rule(&target.contact).await,
            Fresh::Retry => target.retry = self.retry().await,
            Fresh::Backfill => target.backfill = self.backfill().await,
            Fresh::Quarantine => target.quarantine = self.quarantine().await,
            Fresh::FailureGroup => self.let_group_be("ONGOING").await,
            Fresh::DecidedGroup => self.let_group_be("ACKNOWLEDGED").await,
            Fresh::MergeableGroup => {
                self.let_group_be("ONGOING").await;
                target.other_group = self.groups.pop().expect("as many as are merged");
            }
            Fresh::Reconciliation => target.reconciliation = self.reconciliation().await,
            Fresh::IdentityProvider => target.identity_provider = self.identity_provider().await,
            Fresh::Returned => {
                let (client, provider) = (self.trestle.client(), &self.target.identity_provider);
                target.token = self.oidc.come_back(&client, provider, "somebody").await.to_string();
            }
            Fresh::Invitation => {
                let email;
                (target.invitation, email) = self.invitation().await;
                target.token = self.smtp.mails_to(&email, 1).await.remove(0).token();
            }
            Fresh::PasswordReset => {
                (target.user, target.email) = self.person("TENANT_VIEWER", Some(&self.tenant.id)).await;
                let input = json!({"email": target.email});
                self.fixture.admin().mutate("requestPasswordReset", input, "").await;
                target.token = self.smtp.mails_to(&target.email, 1).await.remove(0).token();
            }
            Fresh::EmailConfirmation => {
                (target.user, target.email) = self.person("TENANT_VIEWER", Some(&self.tenant.id)).await;
                let new = format!("{}@example.com", target.unique());
                let client = self.trestle.client().sign_in(&target.email, PASSWORD).await;
                client.mutate("changeEmail", json!({"email": new, "password": PASSWORD}), "").await;
                target.token = self.smtp.mails_to(&new, 1).await.remove(0).token();
            }
            Fresh::SecondFactor => {
                (target.user, target.email) = self.person("TENANT_VIEWER", Some(&self.tenant.id)).await;
                let client = self.trestle.client().sign_in(&target.email, PASSWORD).await;
                second_factor(&client).await;
            }
            // Made with the caller who has them; see `newcomer`.
            Fresh::Enrolling | Fresh::Enrolled => {}
            Fresh::Refresh => {
                let input = json!({"email": target.email, "password": PASSWORD});
                let payload = self.trestle.client().mutate("signIn", input, "refreshToken").await;
                target.refresh_token = text(&payload["refreshToken"]);
            }
        }
        target
    }

    /// The caller again, in a session of its own where it has one.
    pub async fn second_session(&self, caller: &Caller) -> Client {
        match (&caller.email, caller.kind.role) {
            (Some(email), _) => self.trestle.client().sign_in(email, PASSWORD).await,
            (None, "PORTAL") => portal(&self.fixture, &self.tenant.id, &caller.kind.scopes).await,
            (None, _) => caller.client.clone(),
        }
    }

    /// Somebody who is like the caller, with a second factor or on the way to one, and a code of it.
    pub async fn newcomer(&self, caller: &Caller, fresh: Fresh) -> (Client, String) {
        let tenant = (caller.kind.home == Home::Same).then_some(self.tenant.id.as_str());
        let tenant = if caller.kind.home == Home::Other { Some(self.other.as_str()) } else { tenant };
        let (_, email) = self.person(caller.kind.role, tenant).await;
        let client = self.trestle.client().sign_in(&email, PASSWORD).await;
        let code = if fresh == Fresh::Enrolled {
            second_factor(&client).await
        } else {
            begun_second_factor(&client).await
        };
        (client, code)
    }

    /// Waits until no mail waits: sending one changes rows.
    pub async fn mails_have_gone(&mut self) {
        let waiting = "SELECT count(*) FROM mail WHERE status = 'QUEUED'";
        until("all mails have gone", SOON, async || {
            let count: i64 = self.database.fetch_one(waiting).await.unwrap().get(0);
            if count == 0 { Ok(()) } else { Err(count) }
        })
        .await;
    }

    /// Makes the rows of a subscription's objects change.
    pub async fn touch(&mut self) {
        let failure = self.failures.pop().expect("as many as are tried");
        let input = json!({"failureIds": [failure], "reason": "to be told"});
        let query = "query($id: ID!) { failure(id: $id) { group { id } } }";
        let group =
            self.fixture.admin().query(query, json!({"id": failure})).await["failure"]["group"].clone();
        self.fixture.admin().mutate("skipFailures", input, "skipped").await;
        let said = json!({"groupId": group["id"], "text": "to be told"});
        self.fixture.admin().mutate("commentFailureGroup", said, "failureGroup { id }").await;
        self.pause_for_a_moment().await;
        self.fixture.start_run(&self.target.integration).await;
    }

    /// Until that is how the integration is.
    async fn pause_for_a_moment(&self) {
        let (admin, integration) = (self.fixture.admin(), json!({"integrationId": self.target.integration}));
        admin.mutate("pauseIntegration", integration.clone(), "integration { id }").await;
        let query = "query($id: ID!) { integration(id: $id) { health { status } } }";
        until("the integration is paused", SOON, async || {
            let now = admin.query(query, json!({"id": self.target.integration})).await;
            if now["integration"]["health"]["status"] == "PAUSED" { Ok(()) } else { Err(now) }
        })
        .await;
        admin.mutate("resumeIntegration", integration, "integration { id }").await;
    }

    /// The entries that the audit log got since this was asked last.
    pub async fn audited(&mut self) -> Vec<Audited> {
        let sql = format!(
            "SELECT rowid, operation, outcome, COALESCE(object, ''), principal FROM audit_entry
             WHERE rowid > {} ORDER BY rowid",
            self.audited
        );
        let rows = self.database.fetch_all(AssertSqlSafe(sql)).await.unwrap();
        self.audited = rows.last().map_or(self.audited, |row| row.get(0));
        let entry = |row: &SqliteRow| Audited {
            operation: row.get(1),
            outcome: row.get(2),
            object: row.get(3),
            principal: row.get(4),
        };
        rows.iter().map(entry).collect()
    }

    /// Everything that the database holds but for the audit log: the rows of each table as text.
    pub async fn stored(&mut self) -> BTreeMap<String, Vec<String>> {
        self.mails_have_gone().await;
        self.notices_have_gone().await;
        let mut tables = BTreeMap::new();
        for (table, rows) in &self.tables {
            let rows = self.database.fetch_all(AssertSqlSafe(rows.clone())).await.unwrap();
            tables.insert(table.clone(), rows.iter().map(|row| row.get(0)).collect());
        }
        tables
    }

    /// An invitation to the tenant, and whom it is to.
    async fn invitation(&self) -> (String, String) {
        let email = format!("{}@example.com", Uuid::now_v7().simple());
        let input = json!({"email": email, "name": "Of quillon", "role": "TENANT_VIEWER"});
        let payload = self.tenant_admin.mutate("inviteUser", input, "invitation { id }").await;
        (text(&payload["invitation"]["id"]), email)
    }

    async fn identity_provider(&self) -> String {
        let changes = json!({
            "createsUsers": true, "roleClaim": "groups", "defaultRole": "TENANT_VIEWER",
            "roleMapping": [{"value": "quillon", "role": "TENANT_MEMBER"}],
        });
        self.oidc.register(&self.tenant_admin, changes).await
    }

    /// One that has run, whose source has changed since, and that is paused.
    async fn incremental(&self, files: &str) -> String {
        let mut moves = stream(json!({"path": "grows.jsonl"}), json!({"path": "grown.jsonl"}));
        (moves["mode"], moves["cursorField"]) = (json!("INCREMENTAL"), json!("n"));
        let integration = self.fixture.integration(&self.tenant, files, files, vec![moves]).await;
        let kpis = json!([{
            "key": "volume", "name": "Volume of quillon", "unit": "pieces", "stream": "records", "kind": "SUM",
            "field": "/n", "target": {"atLeast": 5, "per": "DAY"},
        }]);
        let input = json!({"integrationId": integration, "kpis": kpis});
        self.fixture.admin().mutate("setKpis", input, "integration { id }").await;
        for record in
            [json!({"id": "1", "n": 1, "of": 2}), json!({"id": "2", "n": 2, "of": "quillon", "more": true})]
        {
            self.trestle.files(&self.tenant.slug).write_jsonl("grows.jsonl", [record]);
            let run = self.fixture.start_run(&integration).await;
            let finished = self.fixture.finished_run(&run).await;
            assert_eq!(finished["status"], "SUCCEEDED", "{finished:#}");
        }
        // It misses a target, as long as it runs.
        let target = json!({"integrationId": integration, "freshnessSeconds": 1});
        self.fixture.admin().mutate("setHealthTargets", target, "integration { id }").await;
        until("an alert is open", SOON, async || {
            let query = "query($id: ID!) { integration(id: $id) { healthAlerts { edges { node { id } } } } }";
            let now = self.fixture.admin().query(query, json!({"id": integration})).await;
            if nodes(&now["integration"]["healthAlerts"]).is_empty() { Err(now) } else { Ok(()) }
        })
        .await;
        let pause = json!({"integrationId": integration, "reason": "quillon asked for it"});
        self.fixture.admin().mutate("pauseIntegration", pause, "integration { id }").await;
        // Nothing of it is expected any more; that holds still.
        until("its alert is closed", SOON, async || {
            let query = "query($id: ID!) { integration(id: $id) { healthAlerts(filter: {open: true}) { edges { node { id } } } } }";
            let now = self.fixture.admin().query(query, json!({"id": integration})).await;
            if nodes(&now["integration"]["healthAlerts"]).is_empty() { Ok(()) } else { Err(now) }
        })
        .await;
        integration
    }

    /// One that nobody has decided about, of an integration that is paused besides.
    /// An integration with a test record, of which nothing runs.
    async fn with_synthetic_check(&self, schedule: Value) -> String {
        let integration = self.fixture.sandbox(&self.tenant, json!({}), json!({})).await;
        let check = json!({
            "integrationId": integration, "stream": "records", "record": {"id": "{synthetic}", "of": "quillon"},
            "schedule": schedule,
        });
        self.fixture.admin().mutate("setSyntheticCheck", check, "integration { id }").await;
        integration
    }

    /// One whose first test record has gone its way, and that is paused.
    async fn proven(&self) -> String {
        let yearly = json!({"cron": "0 3 1 1 *", "timeZone": "Europe/Berlin"});
        let integration = self.with_synthetic_check(yearly).await;
        until("its test record has gone its way", SOON, async || {
            let query = "query($id: ID!) { integration(id: $id) { syntheticCheck { isUnderWay lastResult { status } } } }";
            let now = self.fixture.admin().query(query, json!({"id": integration})).await;
            let check = &now["integration"]["syntheticCheck"];
            if check["lastResult"]["status"] == "PASSED" && check["isUnderWay"] == false { Ok(()) } else { Err(now) }
        })
        .await;
        let pause = json!({"integrationId": integration, "reason": "quillon asked for it"});
        self.fixture.admin().mutate("pauseIntegration", pause, "integration { id }").await;
        integration
    }

    async fn quarantine(&self) -> String {
        let files = self.fixture.system(&self.tenant, "file", json!({}), Value::Null).await;
        let config = json!({"path": format!("{}.db", self.target.unique())});
        let sqlite = self.fixture.system(&self.tenant, "sqlite", config, Value::Null).await;
        let mut others = stream(json!({"path": "others.jsonl"}), into_table("known"));
        others["name"] = json!("others");
        let mut moves = stream(json!({"path": "quality.jsonl"}), into_table("checked"));
        moves["quality"] = json!({
            "maxFailedPercent": 0, "minRecords": 1, "unique": [["email"]],
            "references": [{"fields": ["of"], "stream": "others"}],
            "tableReferences": [{"fields": ["of"], "table": "known", "columns": ["id"]}],
            "nullRates": [{"field": "email", "maxPercent": 50, "maxIncrease": 5}], "volume": {"minPercent": 50},
        });
        moves["impact"] = json!({
            "valueField": "/total",
            "rules": [{"when": {"required": ["total"]}, "impact": "HIGH", "label": "has a total"}],
        });
        let directory = self.trestle.files(&self.tenant.slug);
        directory.write_jsonl("others.jsonl", [json!({"id": "quillon"})]);
        directory.write_jsonl("quality.jsonl", [json!({"id": "1", "of": "quillon"}), json!({})]);
        let integration = self.fixture.integration(&self.tenant, &files, &sqlite, vec![others, moves]).await;
        self.fixture.start_run(&integration).await;
        let query = "query($id: ID!) { integration(id: $id) { quarantines { edges { node { id } } } } }";
        let quarantine = until("a page is in quarantine", SOON, async || {
            let now = self.fixture.admin().query(query, json!({"id": integration})).await;
            nodes(&now["integration"]["quarantines"]).first().map(|one| text(&one["id"])).ok_or(now)
        })
        .await;
        let pause = json!({"integrationId": integration, "reason": "quillon asked for it"});
        self.fixture.admin().mutate("pauseIntegration", pause, "integration { id }").await;
        quarantine
    }

    /// Many groups of one integration: of each record another field is wrong.
    async fn groups(&self) -> Vec<String> {
        let files = self.fixture.system(&self.tenant, "file", json!({}), Value::Null).await;
        let letter = |number: u8| char::from(b'a' + number);
        let fields: Vec<String> =
            (0..40).map(|number| format!("of_{}{}", letter(number / 26), letter(number % 26))).collect();
        let record =
            |(number, field): (usize, &String)| json!({"id": number.to_string(), (field.as_str()): "x"});
        let records = fields.iter().enumerate().map(record);
        self.trestle.files(&self.tenant.slug).write_jsonl("groups.jsonl", records);
        let numbers: serde_json::Map<String, Value> =
            fields.iter().map(|field| (field.clone(), json!({"type": "number"}))).collect();
        let mut checked = stream(json!({"path": "groups.jsonl"}), json!({"path": "checked.jsonl"}));
        checked["recordSchema"] = json!({"properties": numbers});
        let integration = self.fixture.integration(&self.tenant, &files, &files, vec![checked]).await;
        let run = self.fixture.start_run(&integration).await;
        self.fixture.finished_run(&run).await;
        let query = "query($id: ID!) { integration(id: $id) { failureGroups(first: 100) { edges { node { id } } } } }";
        let groups = self.fixture.admin().query(query, json!({"id": integration})).await;
        let groups = nodes(&groups["integration"]["failureGroups"]);
        assert_eq!(groups.len(), fields.len(), "{groups:#?}");
        groups.iter().map(|group| text(&group["id"])).collect()
    }

    /// Of a mapping, which says why.
    async fn told_failure(&self) -> String {
        let files = self.fixture.system(&self.tenant, "file", json!({}), Value::Null).await;
        self.trestle.files(&self.tenant.slug).write_jsonl("told.jsonl", [json!({"id": "1"})]);
        let mut moves = stream(json!({"path": "told.jsonl"}), json!({"path": "mapped.jsonl"}));
        moves["mapping"] = json!(".email = downcase!(.email)");
        let integration = self.fixture.integration(&self.tenant, &files, &files, vec![moves]).await;
        let run = self.fixture.start_run(&integration).await;
        self.fixture.finished_run(&run).await;
        let failures = self.fixture.failures(&run).await;
        assert_eq!(failures.len(), 1, "{failures:#?}");
        assert_eq!(failures[0]["code"], "record.mapping_failed", "{failures:#?}");
        text(&failures[0]["id"])
    }

    /// Gives the group a status, and to the tenant.
    async fn let_group_be(&self, status: &str) {
        let id = &self.target.group;
        let query = "query($id: ID!) { failureGroup(id: $id) { status responsibleParty } }";
        let now = self.fixture.admin().query(query, json!({"id": id})).await;
        let is_decided = |status: &Value| {
            ["ACKNOWLEDGED", "SNOOZED", "RESOLVED", "IGNORED"].contains(&text(status).as_str())
        };
        if is_decided(&now["failureGroup"]["status"]) {
            self.fixture
                .admin()
                .mutate("reopenFailureGroup", json!({"groupId": id}), "failureGroup { id }")
                .await;
        }
        if now["failureGroup"]["responsibleParty"] != "CUSTOMER" {
            let back = json!({"groupId": id, "to": "CUSTOMER", "note": "quillon has it"});
            self.fixture.admin().mutate("handOverFailureGroup", back, "failureGroup { id }").await;
        }
        if status == "ACKNOWLEDGED" {
            let input = json!({"groupId": id});
            self.fixture.admin().mutate("acknowledgeFailureGroup", input, "failureGroup { id }").await;
        }
    }

    async fn backfill(&self) -> String {
        let input = json!({"integrationId": self.target.incremental, "stream": "records", "from": 1});
        text(&self.fixture.admin().mutate("startBackfill", input, "backfill { id }").await["backfill"]["id"])
    }

    async fn divided_run(&self) -> String {
        let path = format!("{}.db", self.target.unique());
        let sqlite = self.fixture.system(&self.tenant, "sqlite", json!({"path": path}), Value::Null).await;
        let fill = "CREATE TABLE rows (id integer PRIMARY KEY); INSERT INTO rows VALUES (1), (2), (3)";
        sqlite_execute(&self.trestle.files(&self.tenant.slug).path(&path), fill).await;
        let moves = stream(json!({"table": "rows", "slices": 2}), into_table("copies"));
        let integration = self.fixture.integration(&self.tenant, &sqlite, &sqlite, vec![moves]).await;
        let run = self.fixture.start_run(&integration).await;
        let finished = self.fixture.finished_run(&run).await;
        assert_eq!(finished["status"], "SUCCEEDED", "{finished:#}");
        run
    }

    /// One that found a record missing, of an integration that is paused since.
    async fn reconciliation(&self) -> String {
        let admin = self.fixture.admin();
        let files = self.fixture.system(&self.tenant, "file", json!({}), Value::Null).await;
        let path = format!("{}.db", self.target.unique());
        let config = json!({"path": path});
        let sqlite = self.fixture.system(&self.tenant, "sqlite", config, Value::Null).await;
        let directory = self.trestle.files(&self.tenant.slug);
        directory.write_csv("kept.csv", &["id"], [1, 2].map(|number| vec![format!("quillon-{number}")]));
        let moves = stream(json!({"path": "kept.csv"}), into_table("records"));
        let integration = self.fixture.integration(&self.tenant, &files, &sqlite, vec![moves]).await;
        let run = self.fixture.start_run(&integration).await;
        let finished = self.fixture.finished_run(&run).await;
        assert_eq!(finished["status"], "SUCCEEDED", "{finished:#}");
        let delete = "DELETE FROM records WHERE id = 'quillon-2'";
        sqlite_execute(&directory.path(&path), delete).await;
        let input = json!({"integrationId": integration});
        let started = admin.mutate("reconcileIntegration", input, "reconciliation { id run { id } }").await;
        let reconciliation = &started["reconciliation"];
        let finished = self.fixture.finished_run(&text(&reconciliation["run"]["id"])).await;
        assert_eq!(finished["counts"]["failed"], 1, "{finished:#}");
        let pause = json!({"integrationId": integration, "reason": "quillon asked for it"});
        admin.mutate("pauseIntegration", pause, "integration { id }").await;
        text(&reconciliation["id"])
    }

    /// One that somebody made, and has looked back at.
    async fn incident(&self) -> String {
        let input = json!({
            "title": "Of quillon", "host": format!("{}.example.com", Uuid::now_v7().simple()),
            "systemIds": [self.target.system], "commander": "Ada", "publicMessage": "We look into it.",
        });
        let made = self.fixture.admin().mutate("createIncident", input, "incident { id }").await;
        let id = text(&made["incident"]["id"]);
        let input = json!({
            "incidentId": id, "body": "# Why", "causes": ["A certificate ended."],
            "followUps": [{"text": "Watch it.", "owner": "Ada", "dueAt": "2100-01-01T00:00:00Z"}],
        });
        self.fixture.admin().mutate("writePostmortem", input, "incident { id }").await;
        id
    }

    /// One that was changed once.
    async fn runbook(&self) -> String {
        let input = json!({"code": "source.timeout", "title": "Of quillon", "body": "Wait."});
        let made = self.fixture.admin().mutate("createRunbook", input, "runbook { id }").await;
        let id = text(&made["runbook"]["id"]);
        let input = json!({"runbookId": id, "version": 1, "title": "Of quillon, later"});
        self.fixture.admin().mutate("updateRunbook", input, "runbook { id }").await;
        id
    }

    /// One that a tenant's administrator engaged, so that they may release it.
    async fn kill_switch(&self) -> String {
        let integration = self.fixture.sandbox(&self.tenant, json!({}), json!({})).await;
        let input = json!({
            "scope": "INTEGRATION", "integrationId": integration, "reason": "Of quillon",
            "messageForCustomers": "Of quillon",
        });
        let payload = self.tenant_admin.mutate("engageKillSwitch", input, "killSwitch { id }").await;
        text(&payload["killSwitch"]["id"])
    }

    /// One of somebody who asks for nothing else.
    async fn export(&self) -> String {
        let somebody = self.fixture.user("TENANT_ADMIN", Some(&self.tenant)).await;
        let query = "query($last: Int) { integrations { edges { node { id runs(last: $last) { edges { node { id } } } } } } }";
        let input = json!({"query": query, "variables": {"last": 1}, "tenantId": self.tenant.id});
        let payload = somebody.mutate("createExport", input, "export { id }").await;
        self.exports_have_ended().await;
        text(&payload["export"]["id"])
    }

    /// Of a tenant only so many wait or are carried out.
    async fn exports_have_ended(&self) {
        let query = "query($filter: ExportFilter) { exports(first: 100, filter: $filter) { edges { node { status } } } }";
        let filter = json!({"filter": {"tenantId": self.tenant.id}});
        until("the tenant's exports end", SOON, async || {
            let statuses = nodes(&self.fixture.admin().query(query, filter.clone()).await["exports"]);
            match statuses.iter().any(|it| it["status"] == "QUEUED" || it["status"] == "RUNNING") {
                true => Err(statuses),
                false => Ok(()),
            }
        })
        .await;
    }

    /// What was told by itself of the run that failed, and a channel and a policy of the tenant's own.
    async fn notices(&mut self) {
        let query = "query($filter: NoticeFilter) { notices(filter: $filter) { edges { node {
            id deliveries { id } } } } }";
        let filter = json!({"filter": {"tenantId": self.tenant.id, "occasionKinds": ["RUN_FAILED"]}});
        let told = until("the tenant is told", SOON, async || {
            let told = self.fixture.admin().query(query, filter.clone()).await;
            let notices = nodes(&told["notices"]);
            notices.first().cloned().ok_or(told)
        });
        let told = told.await;
        self.target.notice = text(&told["id"]);
        self.target.notice_delivery = text(&told["deliveries"][0]["id"]);
        self.tell_nothing_more().await;
        self.target.notice_channel = self.notice_channel("EMAIL").await;
        self.target.notice_webhook = self.notice_channel("WEBHOOK").await;
        self.target.notice_policy = self.notice_policy().await;
    }

    /// Switches off what everybody has: what is compared would wait for each mail.
    async fn tell_nothing_more(&self) {
        let query = "{ noticePolicies(first: 100) { edges { node { id tenantId isDefault } } } }";
        let policies = until("each owner has its policy", SOON, async || {
            let found = self.fixture.admin().query(query, Value::Null).await;
            let mut policies = nodes(&found["noticePolicies"]);
            policies.retain(|policy| policy["isDefault"] == true);
            let has = |tenant: Value| policies.iter().any(|policy| policy["tenantId"] == tenant);
            let have_all = has(Value::Null) && has(json!(self.tenant.id)) && has(json!(self.other));
            if have_all { Ok(policies) } else { Err(found) }
        })
        .await;
        for policy in policies {
            let input = json!({"policyId": policy["id"], "isEnabled": false});
            self.fixture.admin().mutate("updateNoticePolicy", input, "noticePolicy { id }").await;
        }
    }

    async fn notice_channel(&self, kind: &str) -> String {
        let mut input = json!({"name": "Of quillon", "kind": kind});
        match kind {
            "EMAIL" => input["addresses"] = json!(["quillon@example.com"]),
            _ => input["url"] = json!("https://receiver.example/quillon"),
        }
        let made = self.tenant_admin.mutate("createNoticeChannel", input, "noticeChannel { id }").await;
        text(&made["noticeChannel"]["id"])
    }

    async fn notice_policy(&self) -> String {
        let input = json!({
            "name": "Of quillon", "channelIds": [self.notice_channel("EMAIL").await], "isEnabled": false,
            "quietHours": {"from": "22:00", "until": "06:00"},
        });
        let made = self.tenant_admin.mutate("createNoticePolicy", input, "noticePolicy { id }").await;
        text(&made["noticePolicy"]["id"])
    }

    /// Somebody who is everything for the integration and has the group, and a rule that is about nothing that fails here.
    async fn contacts(&mut self) {
        let contact = self.contact().await;
        self.target.ownership_rule = self.ownership_rule(&contact).await;
        let roles = json!({
            "integrationId": self.target.integration, "integrationOwnerId": contact, "dataStewardId": contact,
            "businessSponsorId": contact,
        });
        self.tenant_admin.mutate("setIntegrationContacts", roles, "integration { id }").await;
        let assign = json!({"groupId": self.target.group, "contactId": contact});
        self.fixture.admin().mutate("assignFailureGroup", assign, "failureGroup { id }").await;
        self.target.contact = contact;
    }

    async fn contact(&self) -> String {
        let input = json!({
            "kind": "PERSON", "name": "Of quillon", "email": "quillon@example.com", "phone": "+49 30 4711",
            "url": "https://chat.example.com/quillon", "userId": self.target.user, "note": "Of quillon",
        });
        let made = self.tenant_admin.mutate("createContact", input, "contact { id }").await;
        text(&made["contact"]["id"])
    }

    async fn ownership_rule(&self, contact: &str) -> String {
        let input = json!({
            "name": "Of quillon", "contactId": contact,
            "selectors": {"codes": ["platform.*"], "connectors": ["postgres"], "streams": ["quillon"]},
        });
        let made = self.tenant_admin.mutate("createOwnershipRule", input, "ownershipRule { id }").await;
        text(&made["ownershipRule"]["id"])
    }

    /// One in which nothing happens while it is looked at.
    async fn escalation_policy(&self) -> String {
        let input = json!({
            "name": "Of quillon", "steps": [{"afterSeconds": 7_000_000, "party": "SUPPORT"}],
            "respondWithinSeconds": 7_000_000, "resolveWithinSeconds": 7_000_000,
        });
        let made =
            self.fixture.admin().mutate("createEscalationPolicy", input, "escalationPolicy { id }").await;
        text(&made["escalationPolicy"]["id"])
    }

    /// Somebody answers the group of failures, of which that was promised.
    async fn answer(&self) {
        let id = &self.target.group;
        let query = "query($id: ID!) { failureGroup(id: $id) { sla { kind } } }";
        until("something is promised", SOON, async || {
            let found = self.fixture.admin().query(query, json!({"id": id})).await;
            if found["failureGroup"]["sla"] == json!([]) { Err(found) } else { Ok(()) }
        })
        .await;
        let said = json!({"groupId": id, "text": "quillon is told", "audience": "CUSTOMER"});
        self.fixture.admin().mutate("commentFailureGroup", said, "failureGroup { id }").await;
    }

    /// Nobody is still to be told of anything, and each group of failures has its policy.
    async fn notices_have_gone(&mut self) {
        let sql = "SELECT (SELECT count(*) FROM occasion WHERE noticed_at IS NULL)
            + (SELECT count(*) FROM notice_delivery WHERE status = 'QUEUED')
            + (SELECT count(*) FROM escalation WHERE chosen_at IS NULL AND stopped_at IS NULL)";
        until("notices have gone", SOON, async || {
            let waiting: i64 = self.database.fetch_one(sql).await.unwrap().get(0);
            if waiting == 0 { Ok(()) } else { Err(waiting) }
        })
        .await;
    }

    /// Nothing is expected of a tenant that is suspended, which is seen a moment later.
    pub async fn alerts_are_closed(&self) {
        let query = "query($id: ID!) { tenant(id: $id) { integrations(first: 100) { edges { node {
            healthAlerts(filter: {open: true}) { edges { node { id } } } } } } } }";
        until("the tenant's alerts are closed", SOON, async || {
            let now = self.fixture.admin().query(query, json!({"id": self.target.tenant})).await;
            let integrations = nodes(&now["tenant"]["integrations"]);
            let is_open = |one: &Value| !nodes(&one["healthAlerts"]).is_empty();
            if integrations.iter().any(is_open) { Err(now) } else { Ok(()) }
        })
        .await;
    }

    async fn api_key(&self) -> String {
        let input = json!({"name": "Of quillon", "scopes": ["runs:read"], "tenantIds": [self.tenant.id]});
        text(&self.tenant_admin.mutate("createApiKey", input, "apiKey { id }").await["apiKey"]["id"])
    }

    async fn portal_key(&self) -> String {
        let input = json!({"name": "Of quillon", "publicKey": public_key(), "scopes": ["runs:read"]});
        text(&self.tenant_admin.mutate("createPortalKey", input, "portalKey { id }").await["portalKey"]["id"])
    }

    async fn portal_session(&self) -> String {
        let input = json!({"tenantId": self.tenant.id, "endUser": "Of quillon", "scopes": ["runs:read"]});
        let payload = self.tenant_admin.mutate("createPortalSession", input, "portalSession { id }").await;
        text(&payload["portalSession"]["id"])
    }

    async fn retry(&mut self) -> String {
        let failure = self.failures.pop().expect("as many as are tried");
        let input = json!({"failureIds": [failure]});
        text(&self.fixture.admin().mutate("retryFailures", input, "retry { id }").await["retry"]["id"])
    }

    async fn person(&self, role: &str, tenant: Option<&str>) -> (String, String) {
        person(&self.fixture, role, tenant).await
    }
}

/// Begins to set up a second factor; a code that turns it on.
async fn begun_second_factor(client: &Client) -> String {
    let begun = client.mutate("enrollSecondFactor", json!({"password": PASSWORD}), "secret").await;
    let secret = Secret::try_from_base32(text(&begun["secret"])).expect("base 32");
    let app = Builder::new().with_secret(secret).build().expect("a secret");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    app.generate(now).to_string()
}

/// Turns a second factor on; one of its recovery codes.
async fn second_factor(client: &Client) -> String {
    let code = begun_second_factor(client).await;
    let on = client.mutate("confirmSecondFactor", json!({"code": code}), "recoveryCodes").await;
    text(&on["recoveryCodes"][0])
}

/// The session that a person asks in.
pub async fn own_session(client: &Client) -> String {
    let data = client.query("{ viewer { sessions { edges { node { id isCurrent } } } } }", Value::Null).await;
    let sessions = nodes(&data["viewer"]["sessions"]);
    let current = sessions.iter().find(|session| session["isCurrent"] == true);
    text(&current.expect("one of them asks")["id"])
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Audited {
    pub operation: String,
    pub outcome: String,
    pub object: String,
    pub principal: String,
}

/// What differs between two states of the database.
pub fn difference(
    before: &BTreeMap<String, Vec<String>>,
    after: &BTreeMap<String, Vec<String>>,
) -> Vec<String> {
    let rows = |tables: &BTreeMap<String, Vec<String>>| -> BTreeSet<String> {
        tables
            .iter()
            .flat_map(|(table, rows)| rows.iter().map(move |row| format!("{table}: {row}")))
            .collect()
    };
    if before == after {
        return Vec::new();
    }
    let (before, after) = (rows(before), rows(after));
    let gone = before.difference(&after).map(|row| format!("- {row}"));
    gone.chain(after.difference(&before).map(|row| format!("+ {row}"))).collect()
}

/// The program's own database, and for each table a statement that reads it as text.
async fn open(trestle: &Trestle) -> (SqliteConnection, Vec<(String, String)>) {
    let path = trestle.data_dir().join("trestle.db");
    let mut connection = SqliteConnectOptions::new()
        .filename(&path)
        .connect()
        .await
        .unwrap_or_else(|error| panic!("opening {}: {error}", path.display()));
    let mut tables = Vec::new();
    let names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    for row in connection.fetch_all(names).await.unwrap() {
        let table: String = row.get(0);
        // What a worker says of itself every other second is no caller's doing, nor what it logs.
        if table.starts_with("audit_") || table == "worker" || table == "log_line" {
            continue;
        }
        if table == "retention" {
            // The rest of it is how far sweeps are, and of tenants that say nothing, too.
            let said = "SELECT quote(tenant_id) || ' ' || kind || ' ' || days FROM retention WHERE days IS NOT NULL ORDER BY 1";
            tables.push((table, said.to_owned()));
            continue;
        }
        let columns = format!("SELECT name FROM pragma_table_info('{table}')");
        let columns = connection.fetch_all(AssertSqlSafe(columns)).await.unwrap();
        let columns: Vec<String> = columns
            .iter()
            .map(|row| row.get::<String, _>(0))
            .filter(|column| !NOT_COMPARED.contains(&column.as_str()))
            .map(|column| format!("'{column}=' || quote(\"{column}\")"))
            .collect();
        let rows = format!("SELECT {} FROM \"{table}\" ORDER BY 1", columns.join(" || ' ' || "));
        tables.push((table, rows));
    }
    (connection, tables)
}

async fn caller(trestle: &Trestle, fixture: &Fixture, tenant: &Tenant, other: &Tenant, kind: Kind) -> Caller {
    let tenant = match kind.home {
        Home::Same => Some(&tenant.id),
        Home::Other => Some(&other.id),
        Home::Operator | Home::Nowhere => None,
    };
    let mut email = None;
    let client = match (kind.role, tenant) {
        ("", _) => trestle.client(),
        ("PARTNER", Some(tenant)) => {
            let input = json!({"name": kind.label, "scopes": kind.scopes, "tenantIds": [tenant]});
            let payload = fixture.admin().mutate("createApiKey", input, "secret").await;
            trestle.client().with_token(&text(&payload["secret"]))
        }
        ("PORTAL", Some(tenant)) => portal(fixture, tenant, &kind.scopes).await,
        (role, tenant) => {
            let (_, address) = person(fixture, role, tenant.map(String::as_str)).await;
            let client = trestle.client().sign_in(&address, PASSWORD).await;
            email = Some(address);
            client
        }
    };
    Caller { kind, client, email }
}

async fn person(fixture: &Fixture, role: &str, tenant: Option<&str>) -> (String, String) {
    let email = format!("{}@example.com", Uuid::now_v7().simple());
    let input =
        json!({"email": email, "name": "Somebody", "role": role, "tenantId": tenant, "password": PASSWORD});
    let payload = fixture.admin().mutate("createUser", input, "user { id }").await;
    (text(&payload["user"]["id"]), email)
}

async fn portal(fixture: &Fixture, tenant: &str, scopes: &[&str]) -> Client {
    let input = json!({"tenantId": tenant, "endUser": "portal user", "scopes": scopes});
    let payload = fixture.admin().mutate("createPortalSession", input, "token").await;
    fixture.admin().with_token(&text(&payload["token"]))
}
