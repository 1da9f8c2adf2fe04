//! Every list of the schema, with each of its filters and orders, is read through an index, however many rows there are:
//! a real PostgreSQL with a million runs says how it answers what the program asks, and how many rows it looks at. A list
//! or filter that is new in the schema is asked too, or has no sample here and fails the test.
//! Deliberately absent: how long anything takes (`bench`), and SQLite.

mod judge;
mod question;
mod sample;

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::harness::client::Client;
use crate::harness::fixture::Fixture;
use crate::harness::postgres::PostgresServer;
use crate::harness::redis::Redis;
use crate::harness::trestle::{Setup, Stores};
use crate::scene::text;
use crate::sdl::Sdl;

use judge::Plans;
use question::{List, PAGE_ROWS, lists};
use sample::Samples;

/// What a caller of several tenants may ask.
const SCOPES: [&str; 8] = [
    "tenants:read",
    "systems:read",
    "integrations:read",
    "runs:read",
    "failures:read",
    "notices:read",
    "incidents:read",
    "portal_sessions:create",
];
/// How PostgreSQL tells of each statement how it was answered. Counting costs little, timing much.
const EXPLAINED: [(&str, &str); 6] = [
    ("session_preload_libraries", "auto_explain"),
    ("auto_explain.log_min_duration", "0"),
    ("auto_explain.log_analyze", "on"),
    ("auto_explain.log_timing", "off"),
    ("auto_explain.log_buffers", "on"),
    ("auto_explain.log_format", "json"),
];

/// Somebody who asks.
struct Caller {
    label: &'static str,
    client: Client,
    /// The tenant of a filter: of staff a small one, whose rows are rare among all.
    tenant: String,
}

/// Where a page begins or ends.
#[derive(Clone, Copy)]
enum Place {
    /// Behind the last object of the first page.
    NearBegin,
    /// Ahead of the first object of the last page.
    NearEnd,
}

#[tokio::test]
async fn every_list_is_read_through_an_index_with_a_million_rows() {
    let server = PostgresServer::start().await;
    let stores = Stores { database: server.database().await, redis: Redis::create().await };
    let mut url = reqwest::Url::parse(&server.superuser_url()).unwrap();
    let database = reqwest::Url::parse(stores.database.url()).unwrap().path().to_owned();
    url.set_path(&database);
    // No workers, which would purge what is old.
    let mut trestle = Setup::new().split_on(stores, 0).await;
    let fixture = Fixture::of(&trestle).await;
    let tenant = fixture.tenant("asked").await;
    let person = json!({
        "email": "own@example.com", "name": "Own", "role": "TENANT_ADMIN", "tenantId": tenant.id,
        "password": crate::harness::fixture::PASSWORD,
    });
    fixture.admin().mutate("createUser", person, "user { id }").await;

    let samples = Samples::new(chrono::Utc::now(), tenant.id.clone());
    let mut superuser = PgConnection::connect(url.as_str()).await.unwrap();
    let fill = samples.fill(&tenant.uuid());
    superuser.execute(AssertSqlSafe(fill)).await.expect("the rows are as the schema wants them");
    // As it is where nothing was just loaded: PostgreSQL knows which pages everybody sees.
    superuser.execute("VACUUM (ANALYZE)").await.unwrap();
    for (name, value) in EXPLAINED {
        let name_of_database = database.trim_start_matches('/');
        let sql = format!("ALTER DATABASE {name_of_database} SET {name} = '{value}'");
        superuser.execute(AssertSqlSafe(sql)).await.expect("auto_explain comes with PostgreSQL (contrib)");
    }
    let mut plans = Plans::of(&mut superuser, server.log()).await;
    // Its connections are new, and explained.
    trestle.restart_server().await;

    let admin = trestle.admin().await;
    let partner =
        json!({"name": "Partner", "scopes": SCOPES, "tenantIds": [tenant.id, samples.small_tenant()]});
    let secret = text(&admin.mutate("createApiKey", partner, "secret").await["secret"]);
    let own = trestle.client().sign_in("own@example.com", crate::harness::fixture::PASSWORD).await;
    let callers = [
        Caller { label: "staff", client: admin, tenant: samples.small_tenant() },
        Caller { label: "tenant", client: own, tenant: tenant.id.clone() },
        Caller { label: "partner", client: trestle.client().with_token(&secret), tenant: tenant.id },
    ];
    let schema = Sdl::parse(include_str!("../../schema.graphql"));
    let mut faults = Vec::new();
    for list in lists(&schema, &samples) {
        for variant in &list.variants {
            for caller in &callers {
                // What stands under something has one tenant, whoever asks.
                if caller.label == "partner" && !list.is_of_root() {
                    continue;
                }
                ask(caller, &list, variant, &samples, &mut plans, &mut faults).await;
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} lists are not read as they should be:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// The first and the last page, and a page far from where the database could begin to read: one that follows what the
/// last page begins with, and one that precedes what the first ends with.
async fn ask(
    caller: &Caller,
    list: &List,
    variant: &str,
    samples: &Samples,
    plans: &mut Plans,
    faults: &mut Vec<String>,
) {
    let variant = variant.replace(sample::TENANT, &format!("\"{}\"", caller.tenant));
    let (mut near_begin, mut near_end) = (None, None);
    for (way, place) in
        [("first", None), ("last", None), ("first", Some(Place::NearEnd)), ("last", Some(Place::NearBegin))]
    {
        let mut arguments = format!("{way}: {PAGE_ROWS}");
        if let Some(place) = place {
            let (name, cursor) = match place {
                Place::NearEnd => ("after", &near_end),
                Place::NearBegin => ("before", &near_begin),
            };
            // There is none in a list without objects.
            let Some(cursor) = cursor else { continue };
            arguments = format!("{arguments}, {name}: \"{cursor}\"");
        }
        if !variant.is_empty() {
            arguments = format!("{variant}, {arguments}");
        }
        let about = format!("{} as {}: {arguments}", list.name(), caller.label);
        plans.forget();
        let response = caller.client.try_query(&list.document(samples, &arguments), json!({})).await;
        if response.codes().iter().any(|code| code == "FORBIDDEN") {
            assert_ne!(caller.label, "staff", "{about}: {}", response.text());
            return;
        }
        let page = question::page(response.data(&about));
        match (way, place) {
            ("first", None) => near_begin = page.end.clone(),
            ("last", None) => near_end = page.start.clone(),
            _ => {}
        }
        let is_empty = page.start.is_none() && place.is_none();
        // Nothing is proved by a filter that finds nothing.
        if is_empty && caller.label == "staff" && list.is_of_root() {
            faults.push(format!("{about}: there is nothing"));
        }
        let faulty = plans.faults(list.parents(samples));
        faults.extend(faulty.into_iter().map(|fault| format!("{about}: {fault}")));
    }
}
