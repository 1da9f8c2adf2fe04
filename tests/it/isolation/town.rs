//! Some tenants by chance, each with some of everything and a mark of its own in every text; callers of every role; and
//! what is whose, by the database's own account.

use std::collections::{HashMap, HashSet};
use std::sync::RwLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row};
use uuid::Uuid;

use crate::harness::client::Client;
use crate::harness::fixture::Fixture;
use crate::harness::random::Random;
use crate::harness::trestle::{ADMIN_EMAIL, ADMIN_PASSWORD, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::{changed_stream, into_table, nodes, text};
use crate::sdl::{Field, Sdl};

const PASSWORD: &str = "a password of eight words is hard to guess";
/// What an id begins with, and the statement that says whose it is. Tables without a tenant of their own ask others.
const OWNERS: [(&str, &str); 30] = [
    ("tenant", "SELECT id, id FROM tenant"),
    ("user", "SELECT id, tenant_id FROM \"user\""),
    ("key", "SELECT id, tenant_id FROM api_key"),
    ("portal", "SELECT id, tenant_id FROM portal_session"),
    ("system", "SELECT id, tenant_id FROM system"),
    ("integration", "SELECT id, tenant_id FROM integration"),
    ("run", "SELECT id, tenant_id FROM run"),
    ("event", "SELECT id, tenant_id FROM run_event"),
    ("failure", "SELECT id, tenant_id FROM failure"),
    ("group", "SELECT id, tenant_id FROM failure_group"),
    ("retry", "SELECT id, tenant_id FROM retry"),
    ("backfill", "SELECT id, tenant_id FROM backfill"),
    ("export", "SELECT id, tenant_id FROM export"),
    ("quarantine", "SELECT id, tenant_id FROM quarantine"),
    ("reconciliation", "SELECT id, tenant_id FROM reconciliation"),
    ("synthetic", "SELECT id, tenant_id FROM synthetic_result"),
    ("incident", "SELECT incident_id, tenant_id FROM incident_system"),
    ("killswitch", "SELECT id, tenant_id FROM kill_switch"),
    ("notice", "SELECT id, tenant_id FROM notice"),
    ("channel", "SELECT id, tenant_id FROM notice_channel"),
    ("policy", "SELECT id, tenant_id FROM notice_policy"),
    ("delivery", "SELECT id, tenant_id FROM notice_delivery"),
    ("healthalert", "SELECT id, tenant_id FROM health_alert"),
    ("healthtarget", "SELECT id, tenant_id FROM health_target"),
    ("escalation", "SELECT id, tenant_id FROM escalation_policy"),
    ("contact", "SELECT id, tenant_id FROM contact"),
    ("rule", "SELECT id, tenant_id FROM ownership_rule"),
    ("audit", "SELECT id, tenant_id FROM audit_entry"),
    ("invitation", "SELECT id, tenant_id FROM invitation"),
    ("session", "SELECT s.id, u.tenant_id FROM session AS s JOIN \"user\" AS u ON u.id = s.user_id"),
];
/// Keys of the operator and the tenants that they may touch, whose audit logs name them.
const KEYS: &str = "SELECT api_key_id, tenant_id FROM api_key_tenant";
/// Lists of the root and the orders in which cursors are taken from them.
const LISTS: [(&str, &str, &[&str]); 19] = [
    ("TenantConnection", "tenants", &["CREATED_AT", "NAME"]),
    ("UserConnection", "users", &["CREATED_AT", "EMAIL"]),
    ("ApiKeyConnection", "apiKeys", &["CREATED_AT"]),
    ("PortalSessionConnection", "portalSessions", &["CREATED_AT"]),
    ("SystemConnection", "systems", &["CREATED_AT", "NAME"]),
    ("IntegrationConnection", "integrations", &["CREATED_AT", "NAME", "HEALTH"]),
    ("InvitationConnection", "invitations", &["CREATED_AT"]),
    ("IncidentConnection", "incidents", &["DETECTED_AT"]),
    ("ExportConnection", "exports", &["CREATED_AT"]),
    ("KillSwitchConnection", "killSwitches", &["CREATED_AT"]),
    ("NoticeConnection", "notices", &["CREATED_AT"]),
    ("NoticeChannelConnection", "noticeChannels", &["CREATED_AT"]),
    ("NoticePolicyConnection", "noticePolicies", &["CREATED_AT"]),
    ("NoticeDeliveryConnection", "noticeDeliveries", &["CREATED_AT"]),
    ("ContactConnection", "contacts", &["CREATED_AT", "NAME"]),
    ("OwnershipRuleConnection", "ownershipRules", &["POSITION"]),
    ("AuditEntryConnection", "auditEntries", &["AT"]),
    ("FailureGroupConnection", "failureGroups", &["LAST_SEEN_AT", "FAILURE_COUNT", "URGENCY"]),
    ("FailureConnection", "failures", &["FAILED_AT", "LAST_ATTEMPT_AT"]),
];
/// How long the records of a tenant may take.
const FILL_LIMIT: Duration = Duration::from_secs(120);

/// A tenant.
pub struct House {
    pub id: String,
    pub uuid: Uuid,
    /// Stands in every text of it, its slug included, and nowhere else.
    pub mark: String,
    /// What new runs are made of.
    pub integrations: Vec<String>,
    /// Place of its administrator among the callers.
    admin: usize,
}

/// Somebody of one tenant or more.
pub struct Caller {
    pub label: String,
    pub role: &'static str,
    client: RwLock<Client>,
    /// Of who signs in, again and again: their tokens are good for minutes.
    sign_in: Option<(String, &'static str)>,
    /// Those that it may see.
    pub tenants: Vec<Uuid>,
    pub permissions: Vec<String>,
}

/// A place in a list.
pub struct Cursor {
    pub text: String,
    /// As in `orderBy`; empty for lists without one.
    pub order: &'static str,
    pub owner: Option<Uuid>,
}

/// All of it.
pub struct Town {
    pub trestle: Trestle,
    pub schema: Sdl,
    pub houses: Vec<House>,
    pub callers: Vec<Caller>,
    /// Staff, who may see everything, and whose questions run between those of the others.
    pub staff: Caller,
    /// Who makes things happen.
    pub admin: Caller,
    /// Whose each row is; nobody's rows are the operator's.
    pub owners: HashMap<Uuid, Option<Uuid>>,
    /// Keys and the tenants that they may touch.
    pub keys: HashSet<(Uuid, Uuid)>,
    /// Ids by what they begin with.
    pub ids: HashMap<String, Vec<(String, Option<Uuid>)>>,
    /// Places by the type of their list.
    pub cursors: HashMap<String, Vec<Cursor>>,
}

impl Town {
    /// Builds it by chance.
    pub async fn build(trestle: Trestle, random: &mut Random) -> Self {
        let schema = Sdl::parse(include_str!("../../../schema.graphql"));
        let fixture = Fixture::of(&trestle).await;
        let plans: Vec<_> = (0..4 + random.below(3))
            .map(|_| (format!("zq{:012x}", random.next() >> 16), Random::new(random.next())))
            .collect();
        let built = plans.into_iter().map(|(mark, random)| house(&trestle, &fixture, &schema, mark, random));
        let (mut houses, mut callers) = (Vec::new(), Vec::new());
        for (mut house, people) in join_all(built).await {
            house.admin = callers.len();
            houses.push(house);
            callers.extend(people);
        }
        // An outage of each of them alone.
        for house in &houses {
            let query = "query($id: ID!) { tenant(id: $id) { systems(first: 2) { edges { node { id } } } } }";
            let systems = fixture.admin().query(query, json!({"id": house.id})).await;
            let systems: Vec<String> =
                nodes(&systems["tenant"]["systems"]).iter().map(|system| text(&system["id"])).collect();
            let input = json!({
                "title": format!("{} is hit", house.mark), "systemIds": systems,
                "publicMessage": format!("{} is told why", house.mark),
            });
            fixture.admin().mutate("createIncident", input, "incident { id }").await;
        }
        // A partner of two of them, and one who may do nothing.
        let pair = [&houses[0], &houses[1]];
        let ids: Vec<&str> = pair.iter().map(|house| house.id.as_str()).collect();
        for (label, scopes) in [("of two", scopes(&schema, "PARTNER")), ("of two without scopes", Vec::new())]
        {
            let input = json!({"name": format!("Partner {label}"), "scopes": scopes, "tenantIds": ids});
            let secret = text(&fixture.admin().mutate("createApiKey", input, "secret").await["secret"]);
            let tenants = pair.iter().map(|house| house.uuid).collect();
            callers.push(
                Caller::new(label.to_owned(), "PARTNER", trestle.client().with_token(&secret), None, tenants)
                    .await,
            );
        }
        let suspended = houses.last().expect("there are some");
        let reason = json!({"tenantId": suspended.id, "reason": format!("{} did not pay", suspended.mark)});
        fixture.admin().mutate("suspendTenant", reason, "tenant { id }").await;
        let staff =
            json!({"email": "staff@example.com", "name": "Staff", "role": "SUPPORT", "password": PASSWORD});
        fixture.admin().mutate("createUser", staff, "user { id }").await;
        let person = async |role: &'static str, email: &str, password: &'static str| {
            let client = trestle.client().sign_in(email, password).await;
            Caller::new(role.to_owned(), role, client, Some((email.to_owned(), password)), Vec::new()).await
        };
        let staff = person("SUPPORT", "staff@example.com", PASSWORD).await;
        let admin = person("PLATFORM_ADMIN", ADMIN_EMAIL, ADMIN_PASSWORD).await;
        let mut town = Self {
            trestle,
            schema,
            houses,
            callers,
            staff,
            admin,
            owners: HashMap::new(),
            keys: HashSet::new(),
            ids: HashMap::new(),
            cursors: HashMap::new(),
        };
        town.look().await;
        town.take_cursors(fixture.admin()).await;
        town
    }

    /// Reads whose everything is by now.
    pub async fn look(&mut self) {
        for (prefix, sql) in OWNERS {
            let rows = owners(&self.trestle, sql).await;
            let ids = rows.iter().map(|(id, owner)| (format!("{prefix}_{}", id.simple()), *owner)).collect();
            self.ids.insert(prefix.to_owned(), ids);
            self.owners.extend(rows);
        }
        let keys = owners(&self.trestle, KEYS).await;
        self.keys.extend(keys.into_iter().filter_map(|(key, tenant)| Some((key, tenant?))));
    }

    /// Makes something happen in every house.
    pub async fn stir(&self, random: &mut Random) {
        let admin = self.admin.client();
        for house in &self.houses {
            let Some(integration) = random.pick(&house.integrations) else { continue };
            admin.mutate("startRun", json!({"integrationId": integration}), "run { id }").await;
            if random.percent(30) {
                // Nothing to retry, or a tenant that is suspended, is no matter.
                let input = json!({"filter": {"tenantId": house.id, "status": ["OPEN"]}});
                let retried = self.callers[house.admin]
                    .client()
                    .try_mutate("retryFailures", &input, "retry { id }")
                    .await;
                assert!(retried.status.is_success(), "{retried:?}");
            }
        }
    }

    /// Signs everybody in anew who signs in.
    pub async fn sign_in_again(&self) {
        for caller in self.callers.iter().chain([&self.staff, &self.admin]) {
            if let Some((email, password)) = &caller.sign_in {
                let client = caller.client().sign_in(email, password).await;
                *caller.client.write().unwrap() = client;
            }
        }
    }

    async fn take_cursors(&mut self, admin: &Client) {
        for (connection, list, orders) in LISTS {
            for order in orders {
                let query = format!(
                    "{{ l: {list}(first: 100, orderBy: {{field: {order}}}) {{ edges {{ cursor }} }} }}"
                );
                let found = admin.query(&query, Value::Null).await;
                self.keep_cursors(connection, order, &found["l"]);
            }
        }
        let events = "events(first: 10) { edges { cursor } }";
        let query = format!(
            "{{ runs(first: 50, orderBy: {{field: QUEUED_AT}}) {{ edges {{ cursor node {{ {events} }} }} }} }}"
        );
        let found = admin.query(&query, Value::Null).await["runs"].clone();
        self.keep_cursors("RunConnection", "QUEUED_AT", &found);
        for run in nodes(&found) {
            self.keep_cursors("RunEventConnection", "", &run["events"]);
        }
    }

    fn keep_cursors(&mut self, connection: &str, order: &'static str, found: &Value) {
        for edge in found["edges"].as_array().expect("a connection has edges") {
            let cursor = text(&edge["cursor"]);
            let decoded =
                String::from_utf8(URL_SAFE_NO_PAD.decode(&cursor).expect("base64")).expect("a text");
            let id = decoded.lines().nth(1).and_then(|id| Uuid::parse_str(id).ok()).expect("the id of a row");
            let owner = self.owners.get(&id).copied().flatten();
            self.cursors.entry(connection.to_owned()).or_default().push(Cursor {
                text: cursor,
                order,
                owner,
            });
        }
    }
}

impl Caller {
    async fn new(
        label: String,
        role: &'static str,
        client: Client,
        sign_in: Option<(String, &'static str)>,
        tenants: Vec<Uuid>,
    ) -> Self {
        let viewer = client.query("{ viewer { permissions } }", Value::Null).await;
        let permissions =
            viewer["viewer"]["permissions"].as_array().expect("a list").iter().map(text).collect();
        Self { label, role, client: RwLock::new(client), sign_in, tenants, permissions }
    }

    /// With its token of now.
    pub fn client(&self) -> Client {
        self.client.read().unwrap().clone()
    }

    /// Whether it may see what is of this tenant, or of nobody.
    pub fn sees(&self, owner: Option<Uuid>) -> bool {
        owner.is_some_and(|owner| self.tenants.contains(&owner))
    }

    /// Whether the description of a field says that it may ask for it.
    pub fn may(&self, field: &Field) -> bool {
        match field.description.split_once("Needs `").and_then(|(_, needs)| needs.split_once('`')) {
            Some((permission, _)) => self.permissions.iter().any(|own| own == permission),
            None if field.description.contains("not for API keys") => self.role.starts_with("TENANT_"),
            None => true,
        }
    }
}

/// Ids and whose they are.
async fn owners(trestle: &Trestle, sql: &str) -> Vec<(Uuid, Option<Uuid>)> {
    let sql = AssertSqlSafe(sql.to_owned());
    if trestle.is_split() {
        let mut connection = trestle.stores().database.connect().await;
        let rows = connection.fetch_all(sql).await.unwrap();
        return rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    }
    let options = SqliteConnectOptions::new().filename(trestle.data_dir().join("trestle.db"));
    let mut connection = options.connect().await.unwrap();
    let rows = connection.fetch_all(sql).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// The scopes that the schema's descriptions name for a role.
fn scopes(schema: &Sdl, role: &str) -> Vec<String> {
    let mut scopes: Vec<String> = schema
        .0
        .values()
        .flat_map(|of| of.fields.values())
        .filter_map(|field| {
            let (_, needs) = field.description.split_once("Needs `")?;
            let (permission, roles) = needs.split_once('`')?;
            let (_, with_scope) = roles.split_once("with that scope ")?;
            with_scope.contains(role).then(|| permission.to_owned())
        })
        .collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

/// A tenant with systems, integrations, runs, failures and a retry, and its callers.
async fn house(
    trestle: &Trestle,
    fixture: &Fixture,
    schema: &Sdl,
    mark: String,
    mut random: Random,
) -> (House, Vec<Caller>) {
    let input =
        json!({"slug": mark, "name": format!("The {mark} company"), "externalId": format!("{mark}-outside")});
    let id = text(&fixture.admin().mutate("createTenant", input, "tenant { id }").await["tenant"]["id"]);
    let uuid = Uuid::parse_str(id.trim_start_matches("tenant_")).expect("an id");
    let mut callers = Vec::new();
    for role in ["TENANT_ADMIN", "TENANT_MEMBER", "TENANT_VIEWER"] {
        let email = format!("{}@{mark}.example.com", role.to_lowercase());
        let input = json!({
            "email": email, "name": format!("{mark} {role}"), "role": role, "password": PASSWORD, "tenantId": id,
        });
        fixture.admin().mutate("createUser", input, "user { id }").await;
        let client = trestle.client().sign_in(&email, PASSWORD).await;
        let sign_in = Some((email, PASSWORD));
        callers.push(Caller::new(format!("{role} of {mark}"), role, client, sign_in, vec![uuid]).await);
    }
    let admin = callers[0].client();
    let guest = json!({
        "email": format!("guest@{mark}.example.com"), "name": format!("Guest of {mark}"), "role": "TENANT_VIEWER",
        "tenantId": id,
    });
    admin.mutate("inviteUser", guest, "invitation { id }").await;
    let mut some = scopes(schema, "PARTNER");
    some.retain(|_| random.percent(50));
    for (what, scopes) in [("all", scopes(schema, "PARTNER")), ("some", some)] {
        let input = json!({"name": format!("{mark} key with {what} scopes"), "scopes": scopes});
        let secret = text(&admin.mutate("createApiKey", input, "secret").await["secret"]);
        let client = trestle.client().with_token(&secret);
        let label = format!("PARTNER of {mark} with {what} scopes");
        callers.push(Caller::new(label, "PARTNER", client, None, vec![uuid]).await);
    }
    let scopes = scopes(schema, "PORTAL");
    let input = json!({"tenantId": id, "endUser": format!("{mark} end user"), "scopes": scopes, "ttlSeconds": 86_400});
    let token = text(&admin.mutate("createPortalSession", input, "token").await["token"]);
    let client = trestle.client().with_token(&token);
    callers.push(Caller::new(format!("PORTAL of {mark}"), "PORTAL", client, None, vec![uuid]).await);
    let integrations = fill(trestle, fixture, &admin, &id, &mark, &mut random).await;
    (House { id, uuid, mark, integrations, admin: 0 }, callers)
}

/// Things that moved, failed, are retried, were skipped, are paused.
async fn fill(
    trestle: &Trestle,
    fixture: &Fixture,
    admin: &Client,
    id: &str,
    mark: &str,
    random: &mut Random,
) -> Vec<String> {
    let system = async |name: &str, connector: &str, config: Value| {
        let input = json!({"tenantId": id, "name": format!("{name} of {mark}"), "connector": connector, "config": config});
        text(&admin.mutate("createSystem", input, "system { id }").await["system"]["id"])
    };
    let files = system("Files", "file", json!({})).await;
    let shop = system("Shop", "sqlite", json!({"path": format!("{mark}.db")})).await;
    let mut integrations = Vec::new();
    for number in 0..2 + random.below(2) {
        let path = format!("{mark}/{number}.csv");
        let rows = (0..6 + random.below(10)).map(|row| {
            let total = if row > 1 && random.percent(50) { format!("{row}") } else { format!("bad {mark}") };
            vec![format!("{mark}-{row}"), total]
        });
        trestle.files(mark).write_csv(&path, &["id", "total"], rows.collect::<Vec<_>>());
        let rules = json!({
            "name": format!("{mark}_{number}"), "cursorField": "id", "recordSchema": {"properties": {"total": {"pattern": "^[0-9]+$"}}},
        });
        let moves = changed_stream(json!({"path": path}), into_table(&format!("orders_{number}")), rules);
        let input = json!({
            "tenantId": id, "name": format!("Orders {number} of {mark}"), "description": format!("What {mark} sells"),
            "sourceId": files, "destinationId": shop, "streams": [moves],
            "schedule": {"cron": "0 3 1 1 *", "timeZone": "Europe/Berlin"},
        });
        integrations.push(text(
            &admin.mutate("createIntegration", input, "integration { id }").await["integration"]["id"],
        ));
    }
    let nothing =
        changed_stream(json!({"path": format!("{mark}/nothing.csv")}), into_table("nothing"), json!({}));
    let input = json!({
        "tenantId": id, "name": format!("Nothing of {mark}"), "sourceId": files, "destinationId": shop, "streams": [nothing],
    });
    let broken =
        text(&admin.mutate("createIntegration", input, "integration { id }").await["integration"]["id"]);
    // Whoever answers for it gets its failures.
    let contact = json!({
        "kind": "TEAM", "name": format!("Stewards of {mark}"), "email": format!("stewards@{mark}.example.com"),
    });
    let contact = text(&admin.mutate("createContact", contact, "contact { id }").await["contact"]["id"]);
    let roles = json!({"integrationId": integrations[0], "dataStewardId": contact});
    admin.mutate("setIntegrationContacts", roles, "integration { id }").await;
    let rule = json!({
        "name": format!("Rule of {mark}"), "contactId": contact, "selectors": {"streams": [format!("{mark}_1")]},
    });
    admin.mutate("createOwnershipRule", rule, "ownershipRule { id }").await;
    let mut failures = Vec::new();
    for integration in integrations.iter().chain([&broken]) {
        let run = text(
            &admin.mutate("startRun", json!({"integrationId": integration}), "run { id }").await["run"]["id"],
        );
        fixture.finished_run(&run).await;
        if *integration != broken {
            failures.extend(fixture.failures(&run).await.iter().map(|failure| text(&failure["id"])));
        }
    }
    let quality = json!({"quality": {"maxFailedPercent": 0, "minRecords": 1}, "recordSchema": {"required": ["nothing"]}});
    let kept = changed_stream(json!({"path": format!("{mark}/0.csv")}), into_table("kept"), quality);
    let input = json!({
        "tenantId": id, "name": format!("Kept of {mark}"), "sourceId": files, "destinationId": shop, "streams": [kept],
    });
    let kept =
        text(&admin.mutate("createIntegration", input, "integration { id }").await["integration"]["id"]);
    admin.mutate("startRun", json!({"integrationId": kept}), "run { id }").await;
    let query = "query($id: ID!) { integration(id: $id) { quarantines { edges { node { id } } } } }";
    until("a page is in quarantine", SOON, async || {
        let now = admin.query(query, json!({"id": kept})).await;
        if nodes(&now["integration"]["quarantines"]).is_empty() { Err(now) } else { Ok(()) }
    })
    .await;
    let targets = json!({"integrationId": integrations[0], "runSuccessPercent": 90});
    admin.mutate("setHealthTargets", targets, "integration { id }").await;
    let backfill = json!({
        "integrationId": integrations[0], "stream": format!("{mark}_0"), "from": format!("{mark}-0"), "to": format!("{mark}-3"),
    });
    admin.mutate("startBackfill", backfill, "backfill { id }").await;
    let export = json!({"query": "{ integrations { edges { node { id name } } } }"});
    admin.mutate("createExport", export, "export { id }").await;
    let reconcile = json!({"integrationId": integrations[1]});
    admin.mutate("reconcileIntegration", reconcile, "reconciliation { id }").await;
    let stop = json!({
        "scope": "INTEGRATION", "integrationId": broken, "reason": format!("{mark} looks into it"),
        "messageForCustomers": format!("{mark} is told why"),
    });
    admin.mutate("engageKillSwitch", stop, "killSwitch { id }").await;
    let pause = json!({"integrationId": broken, "reason": format!("{mark} asked for it")});
    admin.mutate("pauseIntegration", pause, "integration { id }").await;
    // Those of the one that is paused would wait for ever.
    assert!(failures.len() > 1, "{mark} has failures");
    let skip = json!({"failureIds": [failures[0]], "reason": format!("{mark} does without")});
    admin.mutate("skipFailures", skip, "skipped").await;
    let retry = json!({"failureIds": failures[1..failures.len().min(4)]});
    let retry = text(&admin.mutate("retryFailures", retry, "retry { id }").await["retry"]["id"]);
    until("the retry ends", FILL_LIMIT, async || {
        let found = admin.query("query($id: ID!) { retry(id: $id) { status } }", json!({"id": retry})).await;
        match found["retry"]["status"].as_str() {
            Some("QUEUED" | "RUNNING") => Err(found),
            _ => Ok(()),
        }
    })
    .await;
    integrations
}
