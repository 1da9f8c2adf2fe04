//! What filters look for, and under what lists stand, of the rows of `fill.sql`. What an index finds is rare, and lies in
//! the middle of its list; the rest is common, because it is found by reading on: a condition that nothing finds would
//! have all rows read. Text within names and messages is so, too.

use chrono::{DateTime, TimeDelta, Utc};

use Sample::{Id, Is, Tenant, Time};

/// Stands for a tenant in what is asked; each caller asks for another.
pub const TENANT: &str = "@TENANT";
/// Of how long the rows are, in days; `fill.sql` has it, too.
const SPAN_DAYS: i64 = 100;

/// A value of a filter.
enum Sample {
    /// As it is written.
    Is(&'static str),
    /// What the id begins with, and of which kind, the which of how many it is.
    Id(&'static str, u32, i64, i64),
    /// When that of a million was made.
    Time(i64),
    /// The caller's tenant; of staff a small one.
    Tenant,
}

/// By the field of a filter, or by its name in all filters.
const SAMPLES: &[(&str, Sample)] = &[
    ("tenantId", Tenant),
    ("integrationId", Id("integration", 3, 40, 20_400)),
    ("runId", Id("run", 4, 500_001, 1_000_000)),
    ("quarantineId", Id("quarantine", 11, 0, 1)),
    ("groupId", Id("group", 8, 0, 1)),
    ("killSwitchId", Id("killswitch", 33, 0, 1)),
    ("channelId", Id("channel", 18, 40, 20_000)),
    ("policyId", Id("policy", 19, 40, 20_000)),
    ("assigneeId", Id("contact", 9, 0, 1)),
    ("isOperators", Is("true")),
    ("search", Is("\"e\"")),
    ("StringFilter.eq", Is("\"ORD-510000\"")),
    ("StringFilter.in", Is("[\"ORD-510000\", \"ORD-510100\"]")),
    ("StringFilter.contains", Is("\"9\"")),
    ("DateTimeFilter.gte", Time(500_000)),
    ("DateTimeFilter.lt", Time(500_000)),
    ("AuditEntryFilter.actorId", Is("\"user_00000000000070008000000000000001\"")),
    ("AuditEntryFilter.objectId", Id("run", 4, 0, 1)),
    ("AuditEntryFilter.operation", Is("[\"skipFailures\"]")),
    ("AuditEntryFilter.outcome", Is("[DENIED]")),
    ("BackfillFilter.stream", Is("\"customers\"")),
    ("ContactFilter.kind", Is("TEAM")),
    ("EscalationPolicyFilter.isEnabled", Is("true")),
    ("FailureFilter.status", Is("[SKIPPED]")),
    ("FailureFilter.category", Is("[UNSUPPORTED_DATA]")),
    ("FailureFilter.responsibleParty", Is("[CUSTOMER]")),
    ("FailureFilter.code", Is("[\"record.duplicate_key\"]")),
    ("FailureGroupFilter.status", Is("[NEW]")),
    ("FailureGroupFilter.category", Is("[USER_ACTION]")),
    ("FailureGroupFilter.responsibleParty", Is("[SUPPORT]")),
    ("FailureGroupFilter.code", Is("[\"record.schema_violation\"]")),
    ("FailureGroupFilter.assignedToMe", Is("false")),
    ("HealthAlertFilter.kind", Is("[LATENCY]")),
    ("HealthAlertFilter.open", Is("false")),
    ("InboxFilter.minImpact", Is("HIGH")),
    ("IncidentFilter.status", Is("[MONITORING]")),
    ("IncidentFilter.open", Is("true")),
    ("IncidentFilter.host", Is("\"rare.example.com\"")),
    ("IntegrationFilter.status", Is("[PAUSED]")),
    ("IntegrationFilter.health", Is("[PAUSED]")),
    ("InvitationFilter.status", Is("[PENDING]")),
    ("KillSwitchFilter.engaged", Is("true")),
    ("LogFilter.from", Time(500_000)),
    ("LogFilter.to", Time(500_000)),
    ("LogFilter.level", Is("WARN")),
    ("LogFilter.component", Is("\"pipeline\"")),
    ("NoticeDeliveryFilter.status", Is("[FAILED]")),
    ("NoticeFilter.occasionKinds", Is("[RUN_FAILED]")),
    ("PortalSessionFilter.endUser", Is("\"Rare\"")),
    ("PortalSessionFilter.active", Is("true")),
    ("QuarantineFilter.status", Is("[HELD]")),
    ("ReconciliationFilter.outcome", Is("[DRIFTED]")),
    ("RunFilter.status", Is("[CANCELED]")),
    ("RunFilter.trigger", Is("[WEBHOOK]")),
    ("RunbookFilter.code", Is("\"record.duplicate_key\"")),
    ("RunbookFilter.connector", Is("\"sandbox\"")),
    ("RunbookFilter.isReviewOverdue", Is("true")),
    ("RunbookFilter.isBuiltIn", Is("false")),
    ("SyntheticResultFilter.status", Is("[FAILED]")),
    ("SystemFilter.status", Is("[FAILING]")),
    ("SystemFilter.connector", Is("\"file\"")),
    ("TenantFilter.status", Is("[ACTIVE]")),
    ("UserFilter.role", Is("[TENANT_VIEWER]")),
    ("UserFilter.disabled", Is("true")),
];

/// Objects under which lists stand: one that has much, and one that has little.
const PARENTS: &[(&str, &[Sample])] = &[
    ("Backfill", &[Id("backfill", 6, 0, 1), Id("backfill", 6, 5, 100_000)]),
    ("FailureGroup", &[Id("group", 8, 0, 1), Id("group", 8, 2, 100_000)]),
    ("Incident", &[Id("incident", 27, 0, 1), Id("incident", 27, 2, 2_000)]),
    ("Integration", &[Id("integration", 3, 0, 1), Id("integration", 3, 40, 20_400)]),
    ("Quarantine", &[Id("quarantine", 11, 0, 1), Id("quarantine", 11, 12, 100_000)]),
    ("Reconciliation", &[Id("reconciliation", 7, 0, 1)]),
    ("Retry", &[Id("retry", 5, 0, 1)]),
    ("Run", &[Id("run", 4, 400_000, 1_000_000), Id("run", 4, 500_002, 1_000_000)]),
    ("Tenant", &[Tenant]),
];

/// The rows, by when the first was made.
pub struct Samples {
    begin: DateTime<Utc>,
    now: DateTime<Utc>,
    tenant: String,
}

impl Samples {
    /// Rows until the day before `now`, half of them of this tenant.
    pub fn new(now: DateTime<Utc>, tenant: String) -> Self {
        Self { begin: now - TimeDelta::days(SPAN_DAYS + 1), now, tenant }
    }

    /// The statements that make them.
    pub fn fill(&self, tenant_uuid: &str) -> String {
        include_str!("fill.sql")
            .replace("{begin_ms}", &self.begin.timestamp_millis().to_string())
            .replace("{now}", &self.now.to_rfc3339())
            .replace("{tenant}", tenant_uuid)
    }

    /// A tenant that has one row in eighty.
    pub fn small_tenant(&self) -> String {
        self.write(&Id("tenant", 1, 1, 40))
    }

    /// A value of the filter's field, as the document has it.
    pub fn of(&self, filter: &str, field: &str) -> String {
        let name = format!("{filter}.{field}");
        let sample = SAMPLES.iter().find(|(of, _)| *of == name || *of == field);
        let Some((_, sample)) = sample else {
            panic!("the filter {name} is new here: say what it looks for, and whether an index finds it")
        };
        match sample {
            Is(text) => (*text).to_owned(),
            Tenant => TENANT.to_owned(),
            other => format!("\"{}\"", self.write(other)),
        }
    }

    /// The ids of objects of this type.
    pub fn parents(&self, of: &str) -> Vec<String> {
        let parents = PARENTS.iter().find(|(parent, _)| *parent == of);
        let Some((_, parents)) = parents else { panic!("lists of {of} are new here: name some of them") };
        parents.iter().map(|parent| self.write(parent)).collect()
    }

    fn write(&self, sample: &Sample) -> String {
        let millis = |n: i64, of: i64| {
            self.begin.timestamp_millis() + n * TimeDelta::days(SPAN_DAYS).num_milliseconds() / of
        };
        match sample {
            Is(text) => (*text).to_owned(),
            Tenant => self.tenant.clone(),
            // As `made` of `fill.sql`.
            Id(prefix, kind, n, of) => {
                format!("{prefix}_{:012x}{:x}8{n:015x}", millis(*n, *of), 0x7000 + kind)
            }
            Time(n) => {
                let time =
                    DateTime::from_timestamp_millis(millis(*n, 1_000_000)).expect("a time of our days");
                time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
            }
        }
    }
}
