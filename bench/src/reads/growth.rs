//! Whether it is as fast with many runs as with few: the same tenants and integrations, first with few runs and then with
//! many, and in each the first page of the portal query and one far behind.

use std::sync::Arc;

use anyhow::{Context, ensure};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::Options;
use super::case::{Case, Server};
use super::data::Size;
use super::load::Target;
use super::program::Program;
use super::question::{PORTAL, PORTAL_PAGE, Tenant, newest, shows};
use crate::Bench;
use crate::client::Client;
use crate::report::{progress, table, thousands};
use crate::servers::Postgres;

/// Few, so that each has pages enough, with the fewest runs too.
const TENANTS: u32 = 100;
/// Tenants of whom a page far behind is looked for.
const DEEP_TENANTS: usize = 20;
/// The page that is far behind, where there are so many.
const PAGE: usize = 500;
/// Runs of a page.
const PAGE_RUNS: usize = 20;
/// Runs of the pages on the way there; a hundred is as many as a page may have.
const WAY_RUNS: usize = 100;
const WAY: &str =
    "query($first: Int, $after: String) { runs(first: $first, after: $after) { pageInfo { endCursor } } }";

/// Measures the program with so many runs each, in alternating rounds.
///
/// # Errors
/// When something can't be started, or an answer is wrong.
pub async fn measure(bench: &Bench, options: &Options) -> anyhow::Result<()> {
    let postgres = Postgres::start().await?;
    let mut programs = Vec::new();
    for &runs in &options.growth {
        let tenants = TENANTS.min(options.tenants);
        let of_a_hundred = u64::from(options.failures) * 100 / u64::from(options.runs);
        let size = Size {
            tenants,
            integrations: (tenants * (options.integrations / options.tenants)).max(tenants),
            runs,
            failures: u32::try_from(u64::from(runs) * of_a_hundred / 100)?,
            has_health: false,
        };
        let program = Program::start(bench, &postgres, &format!("trestle_{runs}"), size).await?;
        programs.push((runs, program));
    }
    let mut cases = Vec::new();
    for (runs, program) in &programs {
        let (server, tenants) = (Server::Program(program), &program.tenants);
        let runs = thousands(f64::from(*runs));
        let mut connection = PgConnection::connect(&postgres.url(&program.database)).await?;
        let first = newest(&mut connection, tenants, 0).await?;
        let requests = tenants.iter().map(|tenant| (tenant.token.clone(), json!({"query": PORTAL})));
        let first = Target::new(&program.api(), requests, shows(Arc::new(first)))?;
        let (page, deep) = deep(&mut connection, program).await?;
        connection.close().await?;
        for &connections in &options.connections {
            cases.push(Case::new(&format!("{runs} runs, first page"), server, &first, connections));
            cases.push(Case::new(&format!("{runs} runs, page {page}"), server, &deep, connections));
        }
    }
    for _ in 0..bench.rounds {
        for case in cases.iter_mut().filter(|case| case.name.contains(&options.only)) {
            case.measure(&postgres, options.duration()).await?;
        }
    }
    let mut lines = vec![Case::header("× fewest runs, first page")];
    for case in &cases {
        // The first of as many connections.
        let first = cases.iter().find(|first| first.connections() == case.connections());
        lines.extend(case.line(first.and_then(Case::rate)));
    }
    let heading = format!(
        "The portal query of {} tenants by how many runs there are (medians of {})",
        TENANTS.min(options.tenants),
        bench.rounds
    );
    table(&heading, &lines);
    Ok(())
}

/// The page that is farthest behind, up to [`PAGE`], of some tenants; and which one it is.
async fn deep(connection: &mut PgConnection, program: &Program) -> anyhow::Result<(usize, Target)> {
    let tenants: Vec<Tenant> = program.tenants.iter().take(DEEP_TENANTS).cloned().collect();
    let least: i64 = sqlx::query_scalar(
        "SELECT least(min(runs), $1) FROM (SELECT count(*) AS runs FROM run GROUP BY tenant_id) AS tenant",
    )
    .bind(i64::try_from(PAGE * PAGE_RUNS)?)
    .fetch_one(&mut *connection)
    .await?;
    let page = usize::try_from(least)? / PAGE_RUNS;
    ensure!(page > 0, "a tenant has fewer runs than a page");
    let skipped = (page - 1) * PAGE_RUNS;
    progress(&format!("{}: walking to page {page}", program.database));
    let mut requests = Vec::new();
    for tenant in &tenants {
        let client = Client::with_token(&program.api(), &tenant.token)?;
        let (mut after, mut left) = (None, skipped);
        while left > 0 {
            let first = left.min(WAY_RUNS);
            let data = client.query(WAY, json!({"first": first, "after": after})).await?;
            let cursor = data["runs"]["pageInfo"]["endCursor"].as_str().context("a page without a cursor")?;
            after = Some(cursor.to_owned());
            left -= first;
        }
        let body = json!({"query": PORTAL_PAGE, "variables": {"after": after}});
        requests.push((tenant.token.clone(), body));
    }
    let expected = newest(connection, &tenants, i64::try_from(skipped)?).await?;
    Ok((page, Target::new(&program.api(), requests, shows(Arc::new(expected)))?))
}
