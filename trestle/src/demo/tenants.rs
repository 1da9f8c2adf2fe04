//! Tenants, people, systems and integrations of the demonstration, made through the same domain calls that the API
//! makes.

use std::fmt::Write;

use anyhow::Context;
use domain::api_key::CreateApiKey;
use domain::integration::{NewIntegration, Stream, SyncMode};
use domain::portal_session::CreatePortalSession;
use domain::system::NewSystem;
use domain::tenant::CreateTenant;
use domain::user::CreateUser;
use domain::{Actor, Role};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use super::orders;
use crate::admin::readable;
use crate::program::Program;
use crate::serve::random_password;

/// Scopes of the demonstration's API key and portal session.
const PORTAL_SCOPES: [&str; 4] = ["runs:read", "runs:start", "failures:read", "failures:retry"];

/// Who can sign in, and with what.
pub struct People {
    /// What each role is called, its mail address and password.
    pub users: Vec<Person>,
    api_key: String,
    portal_token: String,
}

/// One user.
pub struct Person {
    /// For people: `Tenant admin of Northwind`.
    pub title: String,
    /// To sign in with.
    pub email: String,
    /// To sign in with.
    pub password: String,
}

impl People {
    /// What a person at the terminal reads first.
    pub fn introduction(&self, address: &str, has_portal: bool) -> String {
        let mut text = String::from("\n");
        // Writing to a string can't fail.
        let mut line = |line: String| writeln!(text, "{line}").unwrap_or_default();
        if has_portal {
            line(format!("Open {address} in a browser: the portal, where a click signs you in."));
            line(format!("GraphiQL is at {address}/graphql, with queries in its tabs.\n"));
        } else {
            line(format!("Open {address}/graphql in a browser: GraphiQL, with queries in its tabs.\n"));
        }
        line("Sign in as:".to_owned());
        for person in &self.users {
            line(format!("  {:<32} {:<28} {}", person.title, person.email, person.password));
        }
        line(format!("\nA partner's API key (Northwind and Contoso):\n  {}", self.api_key));
        line(format!("\nA portal session of an end user of Northwind (24 h):\n  {}", self.portal_token));
        line(format!(
            "\nTo see: {} purchase orders were read from a CSV file and {} did not arrive; the warehouse's REST API \
             fails now and then\nand refuses a few orders. Look at them as different people, edit one, retry. \
             Ctrl+C ends it and removes everything.",
            orders::ORDERS,
            orders::BAD_ORDERS.len()
        ));
        text
    }
}

/// Makes everything and starts the first runs.
///
/// # Errors
/// What could not be made.
pub async fn make(program: &Program, warehouse: &str) -> anyhow::Result<People> {
    let operator = Actor::operator(program.app.clone());
    let mut users = Vec::new();
    for (title, email, role) in [
        ("Platform administrator", "admin@operator.example", Role::PlatformAdmin),
        ("Engineer", "engineer@operator.example", Role::Engineer),
        ("Support", "support@operator.example", Role::Support),
    ] {
        users.push(user(&operator, title, email, role, None).await?);
    }
    let mut tenants = Vec::new();
    for (slug, name) in [("northwind", "Northwind Traders"), ("contoso", "Contoso")] {
        let input = CreateTenant {
            slug: slug.to_owned(),
            name: name.to_owned(),
            external_id: None,
            run_concurrency: None,
        };
        let tenant = domain::tenant::create(&operator, input).await.map_err(readable)?;
        let short = name.split(' ').next().unwrap_or(name);
        for (title, person, role) in [
            ("Tenant admin", "admin", Role::TenantAdmin),
            ("Tenant member", "member", Role::TenantMember),
            ("Tenant viewer", "viewer", Role::TenantViewer),
        ] {
            let email = format!("{person}@{slug}.example");
            users.push(user(&operator, &format!("{title} of {short}"), &email, role, Some(tenant.id)).await?);
        }
        orders::write(&program.app.tenant_files_dir(slug).join("in/purchase-orders.csv"))?;
        for integration in integrations(&operator, tenant.id, warehouse).await? {
            domain::run::start(&operator, integration, None).await.map_err(readable)?;
        }
        tenants.push(tenant.id);
    }
    let key = CreateApiKey {
        name: "Partner portal".to_owned(),
        role: None,
        scopes: PORTAL_SCOPES
            .iter()
            .chain(&["records:read", "portal_sessions:create"])
            .map(ToString::to_string)
            .collect(),
        tenant_ids: tenants.clone(),
        expires_at: None,
    };
    let key = domain::api_key::create(&operator, key).await.map_err(readable)?;
    let portal = CreatePortalSession {
        tenant_id: *tenants.first().context("the demonstration has tenants")?,
        end_user: "Jane at Northwind".to_owned(),
        scopes: PORTAL_SCOPES.iter().map(ToString::to_string).collect(),
        ttl_seconds: Some(24 * 60 * 60),
    };
    let portal = domain::portal_session::create(&operator, portal).await.map_err(readable)?;
    Ok(People {
        users,
        api_key: key.secret.expose_secret().to_owned(),
        portal_token: portal.token.expose_secret().to_owned(),
    })
}

async fn user(
    operator: &Actor,
    title: &str,
    email: &str,
    role: Role,
    tenant_id: Option<Uuid>,
) -> anyhow::Result<Person> {
    let password = random_password();
    let input = CreateUser {
        email: email.to_owned(),
        name: title.to_owned(),
        role,
        tenant_id,
        password: SecretString::from(password.clone()),
    };
    domain::user::create(operator, input).await.map_err(readable)?;
    Ok(Person { title: title.to_owned(), email: email.to_owned(), password })
}

async fn system(
    operator: &Actor,
    tenant_id: Uuid,
    name: &str,
    connector: &str,
    config: Value,
) -> anyhow::Result<Uuid> {
    let new = NewSystem {
        tenant_id: Some(tenant_id),
        name: name.to_owned(),
        connector: connector.to_owned(),
        config,
        credentials: None,
        rate_limit: None,
    };
    let system = domain::system::create(operator, new).await.map_err(readable)?;
    Ok(system.id)
}

/// The same three integrations for each tenant: they never meet.
async fn integrations(operator: &Actor, tenant_id: Uuid, warehouse: &str) -> anyhow::Result<Vec<Uuid>> {
    let files = system(operator, tenant_id, "Order files", "file", json!({})).await?;
    let shop = system(operator, tenant_id, "Shop database", "sqlite", json!({ "path": "shop.db" })).await?;
    let api = system(operator, tenant_id, "Warehouse API", "http", json!({ "baseUrl": warehouse })).await?;
    let mut made = Vec::new();
    for (name, description, source_id, destination_id, stream) in [
        (
            "Purchase orders",
            "Orders from the nightly CSV file into the shop's database.",
            files,
            shop,
            Stream {
                mapping: Some(orders::MAPPING.to_owned()),
                record_schema: Some(orders::rules()),
                ..stream(
                    "purchase_orders",
                    "number",
                    json!({ "path": "in/purchase-orders.csv" }),
                    table("orders"),
                )
            },
        ),
        (
            "Products",
            "Products from the warehouse's REST API, which is down now and then, into the shop's database.",
            api,
            shop,
            stream(
                "products",
                "sku",
                json!({
                    "path": "/products",
                    "recordsPath": "/items",
                    "pagination": { "kind": "page", "param": "page", "sizeParam": "size", "size": 50 },
                }),
                table("products"),
            ),
        ),
        (
            "Orders to the warehouse",
            "The first hundred orders to the warehouse's REST API, which refuses those that are too large.",
            files,
            api,
            Stream {
                mapping: Some(
                    ".amount = to_float!(.amount)\nif !match(string!(.number), r'^PO-000') { abort }"
                        .to_owned(),
                ),
                ..stream(
                    "orders",
                    "number",
                    json!({ "path": "in/purchase-orders.csv" }),
                    json!({ "path": "/orders" }),
                )
            },
        ),
    ] {
        let new = NewIntegration {
            tenant_id: Some(tenant_id),
            name: name.to_owned(),
            description: Some(description.to_owned()),
            source_id,
            destination_id,
            streams: vec![stream],
            schedule: None,
            retry_policy: None,
            hold_after: None,
            reconcile: None,
        };
        let integration = domain::integration::create(operator, new).await.map_err(readable)?;
        made.push(integration.id);
    }
    Ok(made)
}

fn table(name: &str) -> Value {
    json!({ "table": name, "createTable": true })
}

fn stream(name: &str, key: &str, source: Value, destination: Value) -> Stream {
    Stream {
        name: name.to_owned(),
        mode: SyncMode::Full,
        key_fields: vec![key.to_owned()],
        cursor_field: None,
        source,
        destination,
        mapping: None,
        record_schema: None,
        overlap: None,
        on_schema_change: Default::default(),
        deletions: None,
        quality: Default::default(),
        impact: Default::default(),
    }
}
