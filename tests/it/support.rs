//! Support from a cold start: a destination rejects one record of a hundred for two reasons, while a vendor is down for three
//! tenants. Whoever has to learns of it within seconds and once, each role does its part through the API, and in the end
//! all counts balance and the audit log tells the story. Deliberately absent: each step by itself, which is beside its noun.

mod company;
mod question;

use serde_json::{Value, json};

use self::company::{CHEAP, Company, DEAR, ORDERS, orders};
use self::question::{
    arrived, assert_soon, brought_home, ends, hand_over, inbox, is_over, nothing_is_left_to_do, open, retry,
    standing, stored, story,
};
use crate::harness::client::Client;
use crate::harness::outside::Outside;
use crate::harness::postgres::Database;
use crate::harness::smtp::{Mode, Smtp};
use crate::harness::trestle::Trestle;
use crate::harness::wait::{SOON, until};
use crate::incident::{down, incidents, seconds_between, setup, status_is};
use crate::scene::{Scene, ended, nodes, only, outcome, postgres_execute, postgres_rows, text};

/// What the vendor has for each of its customers.
const VENDOR_RECORDS: usize = 20;
/// Who of the operator it was, as its customers read it.
const STAFF: &str = "the operator's support team";

const ASKED: &str = "What is wrong with these?";
const ANSWERED: &str = "The amounts are above the limit of your table: correct them, or raise it.";
const INSIDE: &str = "The source has a longer form of zip codes; cut them in the mapping. Grace knows it.";

const IS_DOWN: &str = "A service that your integrations use does not answer";
const IS_BACK: &str = "A service that your integrations use is back";
const NEW_REASON: &str = "records fail for a new reason";
const NO_REASON: &str = "a reason of failures is dealt with";

const GROUPS: &str = "{ failureGroups(first: 20, orderBy: {field: URGENCY}) { edges { node {
    id code fieldPath rule impact valueAtStake failureCount runCount status responsibleParty firstSeenAt } } } }";

/// Who is there, and what runs.
struct Town {
    smtp: Smtp,
    shop: Company,
    /// Of the vendor.
    customers: [Company; 3],
    member: Client,
    support: Client,
    engineer: Client,
    /// Of the shop.
    database: Database,
    vendor: Outside,
    /// Moves the orders of the shop.
    integration: String,
    run: String,
    /// The runs of the customers.
    waiting: Vec<String>,
    trestle: Trestle,
}

/// What is found to be wrong.
struct Trouble {
    dear: Value,
    cheap: Value,
    incident: Value,
}

/// What was done about it, with the ids that the audit log names.
struct Deeds {
    failure: Value,
    edit: Value,
    retry: Value,
}

impl Town {
    /// A cold start: the destination has its rules, the vendor is down, and all runs begin.
    async fn in_trouble() -> Self {
        let smtp = Smtp::start(Mode::Plain).await;
        let trestle = smtp.setup(setup().setting("TRESTLE_GROUP_QUIET_SECONDS", 1)).split(2).await;
        let (shop, database) = (Company::of(&trestle).await, Database::create().await);
        let customers =
            [Company::of(&trestle).await, Company::of(&trestle).await, Company::of(&trestle).await];
        let member = shop.scene.person("TENANT_MEMBER").await;
        let (support, engineer) = (shop.scene.person("SUPPORT").await, shop.scene.person("ENGINEER").await);
        let vendor = Outside::with_records(VENDOR_RECORDS);
        vendor.inject(down());
        let integration = shop.sends_orders(&database).await;
        let run = shop.scene.fixture.start_run(&integration).await;
        let mut waiting = Vec::new();
        for customer in &customers {
            let reads = customer.reads(&vendor).await;
            waiting.push(customer.scene.fixture.start_run(&reads).await);
        }
        Self {
            smtp,
            shop,
            customers,
            member,
            support,
            engineer,
            database,
            vendor,
            integration,
            run,
            waiting,
            trestle,
        }
    }

    fn scene(&self) -> &Scene {
        &self.shop.scene
    }

    fn staff(&self) -> &Client {
        self.shop.scene.admin()
    }

    async fn inboxes(&self) -> [String; 3] {
        [inbox(&self.member).await, inbox(&self.support).await, inbox(&self.engineer).await]
    }

    /// Two groups, the more harmful first although it is the smaller one, and one incident; all known in time.
    async fn is_found(&self) -> Trouble {
        let rejected = self.scene().fixture.finished_run(&self.run).await;
        assert_eq!(outcome(&rejected), ended("PARTIAL", partial()), "{rejected:#}");
        assert_eq!(stored(&self.database).await, "99000 0");
        let groups = nodes(&self.staff().query(GROUPS, Value::Null).await["failureGroups"]);
        let group = |field: &str, impact: &str, value: &str, count: usize| {
            json!({
                "code": "destination.rejected", "fieldPath": field, "rule": "check", "impact": impact,
                "valueAtStake": value, "failureCount": count, "runCount": 1, "status": "NEW",
                "responsibleParty": "CUSTOMER",
            })
        };
        let mut brief = groups.clone();
        for group in brief.iter_mut().filter_map(Value::as_object_mut) {
            group.retain(|name, _| name != "id" && name != "firstSeenAt");
        }
        assert_eq!(
            brief,
            [group("/amount", "CRITICAL", "800000", DEAR), group("/zip", "LOW", "4800", CHEAP)]
        );
        let first = "{ failures(last: 1) { edges { node { failedAt } } } }";
        let first = nodes(&self.shop.admin.query(first, Value::Null).await["failures"]).remove(0);
        let begun: Vec<Value> = groups.iter().map(|group| group["firstSeenAt"].clone()).collect();
        assert_soon(&first["failedAt"], &begun);
        let told = arrived(&self.shop.admin, json!({"occasionKinds": ["GROUP_NEW"]}), 4).await;
        assert_soon(&first["failedAt"], &told);
        let incident = self.is_one_incident().await;
        Trouble { dear: groups[0]["id"].clone(), cheap: groups[1]["id"].clone(), incident }
    }

    /// The id of the incident that was found in time.
    async fn is_one_incident(&self) -> Value {
        let found = until("there is an incident of three tenants", SOON, async || {
            let now = incidents(self.staff(), json!({})).await;
            if now.iter().any(|incident| incident["tenantCount"] == 3) { Ok(now) } else { Err(now) }
        })
        .await;
        assert_eq!(
            only(&found, &["fault", "status", "systemCount"]),
            json!([{"fault": "UNAVAILABLE", "status": "INVESTIGATING", "systemCount": 3}])
        );
        let incident = &found[0];
        let hit = nodes(&incident["affected"]);
        let mut hit: Vec<&Value> = hit.iter().map(|hit| &hit["firstSeenAt"]).collect();
        hit.sort_by(|one, other| seconds_between(other, one).total_cmp(&0.0));
        let third = hit.last().expect("three are hit");
        assert_soon(third, &[incident["detectedAt"].clone()]);
        for customer in &self.customers {
            let told = arrived(&customer.admin, json!({"occasionKinds": ["INCIDENT_OPENED"]}), 2).await;
            assert_soon(third, &told);
        }
        incident["id"].clone()
    }

    /// Each was told once by its webhook and once by mail, and only of what is its own.
    async fn is_told(&self, trouble: &Trouble) {
        let Trouble { dear, cheap, incident } = trouble;
        let opened = "failure_group.opened";
        let run = json!(self.run);
        let expected = [(opened, dear), (opened, cheap), ("run.partially_failed", &run)];
        assert_eq!(self.shop.told(3).await, events(&expected));
        assert_eq!(self.shop.mailed(&self.smtp, 2).await, [NEW_REASON, NEW_REASON]);
        self.shop.verify(0, &self.customers[0]);
        assert_eq!(incidents(&self.shop.admin, json!({})).await, Vec::<Value>::new());
        for customer in &self.customers {
            assert_eq!(customer.told(1).await, events(&[("incident.opened", incident)]));
            assert_eq!(customer.mailed(&self.smtp, 1).await, [IS_DOWN]);
            customer.verify(0, &self.shop);
            let seen = incidents(&customer.admin, json!({})).await;
            assert_eq!(
                only(&seen, &["id", "title", "host", "tenantCount"]),
                json!([{"id": incident, "title": IS_DOWN, "host": null, "tenantCount": null}])
            );
        }
    }

    /// The customer asks; support answers one, and hands the other over.
    async fn is_handed_over(&self, trouble: &Trouble) {
        let Trouble { dear, cheap, .. } = trouble;
        assert_eq!(self.inboxes().await, ["/amount /zip", "", ""]);
        for group in [cheap, dear] {
            hand_over(&self.member, group, "SUPPORT", ASKED).await;
        }
        assert_eq!(self.inboxes().await, ["", "/amount /zip", ""]);
        hand_over(&self.support, dear, "CUSTOMER", ANSWERED).await;
        hand_over(&self.support, cheap, "ENGINEERING", INSIDE).await;
        assert_eq!(self.inboxes().await, ["/amount", "", "/zip"]);

        let entry = |who: &str, to: &str, note: &str| -> Value {
            json!({"kind": "HAND_OVER", "actorName": who, "toParty": to, "note": note})
        };
        let asked = entry("TENANT_MEMBER", "SUPPORT", ASKED);
        let began = json!({"kind": "STATUS", "actorName": null, "toParty": null, "note": null});
        // The customer reads no more than that it is with the operator.
        assert_eq!(
            standing(&self.member, cheap).await,
            json!(["SUPPORT", "Nothing is needed from you: it is with us.", null, [asked, began]])
        );
        let inside = standing(&self.engineer, cheap).await;
        let handed = entry("SUPPORT", "ENGINEERING", INSIDE);
        assert_eq!(json!([inside[0], inside[3]]), json!(["ENGINEERING", [handed, asked, began]]));
        let back = standing(&self.member, dear).await;
        let answered = entry(STAFF, "CUSTOMER", ANSWERED);
        assert_eq!(json!([back[0], back[3]]), json!(["CUSTOMER", [answered, asked, began]]));
    }

    /// The customer corrects one record, raises the limit of its table, and retries the others.
    async fn customer_mends(&self, trouble: &Trouble) -> Deeds {
        let query =
            "query($id: ID!) { failures(filter: {groupId: $id}, first: 1) { edges { node { id record } } } }";
        let found = self.member.query(query, json!({"id": trouble.dear})).await;
        let failure = nodes(&found["failures"]).remove(0);
        let mut record = failure["record"].clone();
        record["amount"] = json!(2_000);
        let input = json!({"failureId": failure["id"], "record": record});
        let edit = self.member.mutate("editAndRetryFailure", input, "retry { id }").await["retry"].clone();
        brought_home(self.scene(), &edit, 1).await;
        let corrected = postgres_rows(&self.database, "SELECT id FROM orders WHERE amount = 2000").await;
        assert_eq!(json!(corrected), json!([record["id"]]));
        postgres_execute(&self.database, "ALTER TABLE orders DROP CONSTRAINT affordable").await;
        let others = retry(&self.member, &trouble.dear).await;
        brought_home(self.scene(), &others, DEAR - 1).await;
        assert_eq!(stored(&self.database).await, "99040 40");
        Deeds { failure: failure["id"].clone(), edit: edit["id"].clone(), retry: others["id"].clone() }
    }

    /// What waited goes on, and who was told that something began is told that it is over.
    async fn vendor_returns(&self, trouble: &Trouble) {
        let Trouble { dear, cheap, incident } = trouble;
        for (customer, run) in self.customers.iter().zip(&self.waiting) {
            let status = customer.scene.status(run).await;
            assert!(matches!(status.as_str(), "QUEUED" | "RUNNING"), "{status}");
        }
        self.vendor.heal();
        for (customer, run) in self.customers.iter().zip(&self.waiting) {
            let done = customer.scene.fixture.finished_run(run).await;
            assert_eq!(outcome(&done), brought(VENDOR_RECORDS), "{done:#}");
            let count = "SELECT CAST(count(*) AS text) FROM records";
            assert_eq!(customer.scene.sqlite_rows("out.db", count).await, [VENDOR_RECORDS.to_string()]);
        }
        status_is(self.staff(), incident, "RESOLVED").await;
        is_over(&self.member, dear).await;
        let (opened, run) = ("failure_group.opened", json!(self.run));
        let expected = [
            (opened, dear),
            (opened, cheap),
            ("run.partially_failed", &run),
            ("failure_group.resolved", dear),
        ];
        assert_eq!(self.shop.told(4).await, events(&expected));
        assert_eq!(self.shop.mailed(&self.smtp, 3).await, [NO_REASON, NEW_REASON, NEW_REASON]);
        for customer in &self.customers {
            let both = [("incident.opened", incident), ("incident.resolved", incident)];
            assert_eq!(customer.told(2).await, events(&both));
            assert_eq!(customer.mailed(&self.smtp, 2).await, [IS_DOWN, IS_BACK]);
            customer.verify(1, &self.shop);
        }
    }

    /// All counts balance: what is open is what engineers have.
    async fn balances(&self, trouble: &Trouble) {
        assert_eq!(
            ends(self.scene(), &self.integration).await,
            [brought(DEAR - 1), brought(1), ended("PARTIAL", partial())]
        );
        let of_engineers = json!({"groupId": trouble.cheap, "responsibleParty": ["ENGINEERING"]});
        let of_shop = json!({"integrationId": self.integration});
        assert_eq!(
            json!([open(&self.engineer, of_engineers).await, open(&self.member, of_shop).await]),
            json!([CHEAP, CHEAP])
        );
        assert_eq!(self.inboxes().await, ["", "", "/zip"]);
        nothing_is_left_to_do(&self.trestle).await;
    }

    /// Engineers mend the mapping, and nothing is left. The id of their retry.
    async fn engineers_mend(&self, trouble: &Trouble) -> Value {
        let Trouble { dear, cheap, .. } = trouble;
        let mut mended = orders();
        mended["mapping"] = json!(".zip = slice!(.zip, 0, 5)");
        let input = json!({"integrationId": self.integration, "streams": [mended]});
        self.engineer.mutate("updateIntegration", input, "integration { id }").await;
        let rest = retry(&self.engineer, cheap).await;
        brought_home(self.scene(), &rest, CHEAP).await;
        is_over(&self.engineer, cheap).await;
        let has_recovered = |now: &Value| now["status"] == "RECOVERED";
        self.scene().run_until("the run has recovered", &self.run, has_recovered).await;
        assert_eq!(stored(&self.database).await, "100000 1000");
        assert_eq!(
            ends(self.scene(), &self.integration).await,
            [brought(CHEAP), brought(DEAR - 1), brought(1), ended("RECOVERED", partial())]
        );
        assert_eq!(self.inboxes().await, ["", "", ""]);
        let (opened, over) = ("failure_group.opened", "failure_group.resolved");
        let run = json!(self.run);
        let (began, recovered) = (("run.partially_failed", &run), ("run.recovered", &run));
        let expected = [(opened, dear), (opened, cheap), began, (over, dear), (over, cheap), recovered];
        assert_eq!(self.shop.told(6).await, events(&expected));
        assert_eq!(self.shop.mailed(&self.smtp, 4).await, [NO_REASON, NO_REASON, NEW_REASON, NEW_REASON]);
        self.shop.verify(3, &self.customers[0]);
        rest["id"].clone()
    }

    /// Neither more groups nor more incidents, and of the one the operator was told once.
    async fn is_all(&self) {
        for kind in ["INCIDENT_OPENED", "INCIDENT_RESOLVED"] {
            arrived(self.staff(), json!({"isOperators": true, "occasionKinds": [kind]}), 1).await;
        }
        nothing_is_left_to_do(&self.trestle).await;
        let groups = nodes(&self.staff().query(GROUPS, Value::Null).await["failureGroups"]);
        assert_eq!((groups.len(), incidents(self.staff(), json!({})).await.len()), (2, 1));
        for customer in &self.customers {
            assert_eq!(customer.told(2).await.len(), 2);
        }
    }

    /// The audit log tells it, to the customer without names of staff and what they wrote among themselves.
    async fn is_in_the_audit_log(&self, trouble: &Trouble, deeds: &Deeds, last: &Value) {
        let Trouble { dear, cheap, .. } = trouble;
        let told = |support: Value, engineer: Value| {
            let customer = json!(["TENANT_MEMBER", "TENANT_MEMBER"]);
            let asked = format!("from the customer to the operator: {ASKED}");
            let answered = format!("from the operator to the customer: {ANSWERED}");
            json!([
                [customer, "handOverFailureGroup", cheap, asked],
                [customer, "handOverFailureGroup", dear, asked],
                [support, "handOverFailureGroup", dear, answered],
                [support, "handOverFailureGroup", cheap, null],
                [customer, "editAndRetryFailure", deeds.edit, deeds.failure],
                [customer, "retryFailures", deeds.retry, format!("{} failures", DEAR - 1)],
                [engineer, "retryFailures", last, format!("{CHEAP} failures")],
            ])
        };
        let hidden = json!([STAFF, null]);
        let tenant = &self.scene().tenant.id;
        assert_eq!(story(&self.shop.admin, tenant).await, told(hidden.clone(), hidden));
        assert_eq!(
            story(self.staff(), tenant).await,
            told(json!(["SUPPORT", "SUPPORT"]), json!(["ENGINEER", "ENGINEER"]))
        );
        let verified = self.trestle.run_once(&["admin", "verify-audit"]);
        let said = [verified.stdout, verified.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(verified.status.success() && said[0].contains("are as they were written"), "{said:?}");
    }
}

/// What became of the orders at first.
fn partial() -> Value {
    json!({"read": ORDERS, "created": ORDERS - DEAR - CHEAP, "failed": DEAR + CHEAP})
}

/// The outcome of a run that brought so many records.
fn brought(count: usize) -> Value {
    ended("SUCCEEDED", json!({"read": count, "created": count}))
}

/// As [`Company::told`] gives it.
fn events(told: &[(&str, &Value)]) -> Vec<(String, String)> {
    let mut events: Vec<_> = told.iter().map(|(event, about)| ((*event).to_owned(), text(about))).collect();
    events.sort();
    events
}

#[tokio::test]
async fn two_reasons_and_an_outage_reach_whoever_acts_once_and_are_over_with_two_workers() {
    let town = Town::in_trouble().await;
    let trouble = town.is_found().await;
    town.is_told(&trouble).await;
    town.is_handed_over(&trouble).await;
    let deeds = town.customer_mends(&trouble).await;
    town.vendor_returns(&trouble).await;
    town.balances(&trouble).await;
    let last = town.engineers_mend(&trouble).await;
    town.is_all().await;
    town.is_in_the_audit_log(&trouble, &deeds, &last).await;
}
