//! What portals ask all day: a tenant's newest runs with their integrations and failures, by a signed token, beside the
//! same rows from a handler that is written by hand and from what a team would otherwise put there; a failure, the inbox,
//! health; and runs that are started. All on one PostgreSQL, by one load generator, in alternating rounds.

mod case;
mod copy;
pub mod data;
mod growth;
mod handler;
mod health;
pub mod load;
mod peers;
pub mod program;
pub mod question;
mod token;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use self::case::{Case, Server};
use self::data::Size;
use self::load::Target;
use self::peers::{Kind, PEERS, Peer};
use self::program::Program;
use self::question::{PORTAL, newest, shows};
use crate::Bench;
use crate::process::Process;
use crate::report::{progress, table, thousands};
use crate::servers::Postgres;

pub use self::handler::{Options as HandlerOptions, serve as serve_handler};

/// How long the handler may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Connections over which runs are started.
const STARTING: usize = 64;
/// Connections over which one thing is read.
const READING: usize = 16;

/// What is read, and how.
#[derive(Args)]
pub struct Options {
    /// Tenants
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tenants: u32,
    /// Integrations of all tenants together
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    integrations: u32,
    /// Runs of all tenants together, twenty at least of each
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(20..=100_000_000))]
    runs: u32,
    /// Failures of all tenants together, about
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    failures: u32,
    /// How long each is measured in a round
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Connections over which the portal query is asked
    #[arg(long, value_delimiter = ',', default_values_t = CONNECTIONS)]
    connections: Vec<usize>,
    /// Only the cases whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Instead, the program alone with so many runs each, of a hundred tenants
    #[arg(long, value_delimiter = ',', value_name = "RUNS")]
    growth: Vec<u32>,
    /// Where the peers are or are to be installed
    #[arg(long, value_name = "DIRECTORY", default_value = "target/tools")]
    peers: PathBuf,
}

const CONNECTIONS: [usize; 2] = [16, 64];

impl Default for Options {
    fn default() -> Self {
        Self {
            tenants: 1_000,
            integrations: 10_000,
            runs: 1_000_000,
            failures: 300_000,
            seconds: 10,
            connections: CONNECTIONS.to_vec(),
            only: String::new(),
            growth: Vec::new(),
            peers: PathBuf::from("target/tools"),
        }
    }
}

impl Options {
    fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }
}

/// Measures every case in alternating rounds.
///
/// # Errors
/// When something can't be started, or an answer is wrong.
pub async fn measure(bench: &Bench, options: &Options) -> anyhow::Result<()> {
    ensure!(options.runs / options.tenants >= 20, "a tenant has fewer runs than a page");
    ensure!(options.integrations >= options.tenants, "a tenant has no integration");
    if !options.growth.is_empty() {
        return growth::measure(bench, options).await;
    }
    let postgres = Postgres::start().await?;
    let size = Size {
        tenants: options.tenants,
        integrations: options.integrations,
        runs: options.runs,
        failures: options.failures,
        has_health: true,
    };
    let program = Program::start(bench, &postgres, "trestle", size).await?;
    let scratch = tempfile::Builder::new().prefix("trestle-bench-").tempdir()?;
    let handler = start_handler(&postgres, &program, scratch.path())?;
    let peers = start_peers(options, &postgres, &program, scratch.path()).await?;
    let mut connection = PgConnection::connect(&postgres.url(&program.database)).await?;
    let mut portal = portal_cases(&mut connection, options, &program, &handler, &peers).await?;
    let mut single = single_cases(&mut connection, &program).await?;
    for number in 1..=bench.rounds {
        progress(&format!("round {number}"));
        for case in portal.iter_mut().chain(&mut single).filter(|case| options.wants(&case.name)) {
            case.measure(&postgres, options.duration()).await?;
        }
    }
    let target = question::start_run(&mut connection, &program.api(), &program.tenants).await?;
    connection.close().await?;
    // At the end: from now on the newest runs are others.
    let mut start = [Case::new("startRun", Server::Program(&program), &target, STARTING)];
    for case in start.iter_mut().filter(|case| options.wants(&case.name)) {
        for _ in 0..bench.rounds {
            let before = postgres.count(&program.database, "run").await?;
            let answers = case.measure(&postgres, options.duration()).await?;
            let stored = postgres.count(&program.database, "run").await? - before;
            ensure!(stored == answers as u64, "{answers} runs were answered for, and {stored} are stored");
        }
    }
    print(options, &program, bench.rounds, [&portal, &single, &start]);
    Ok(())
}

/// This program once more, as the handler.
fn start_handler(postgres: &Postgres, program: &Program, scratch: &Path) -> anyhow::Result<HandlerProcess> {
    let mut command = Command::new(std::env::current_exe().context("finding this program")?);
    command.args(["handler", "--database", &postgres.url(&program.database), "--secret", token::SECRET]);
    let mut process = Process::start("the handler", &mut command, &scratch.join("handler.log"), "TERM")?;
    let url = process.line("listening on ", START_LIMIT)?;
    Ok(HandlerProcess { process, url: format!("{url}/portal") })
}

/// The peers that are wanted, over a copy of the tables.
async fn start_peers(
    options: &Options,
    postgres: &Postgres,
    program: &Program,
    scratch: &Path,
) -> anyhow::Result<Vec<Peer>> {
    let is_wanted = |kind: &&Kind| {
        let mut names = options.connections.iter().map(|count| Case::named(&portal_name(kind.name), *count));
        names.any(|name| options.wants(&name))
    };
    let wanted: Vec<&Kind> = PEERS.iter().filter(is_wanted).collect();
    if !wanted.is_empty() {
        progress("copying the tables for the peers");
        copy::make(postgres, &program.database).await?;
    }
    let mut peers = Vec::new();
    for kind in wanted {
        match Peer::start(kind, &options.peers, postgres, &program.database, scratch)? {
            Some(peer) => peers.push(peer),
            None => progress(&format!("{} is left out: there is no Node.js", kind.name)),
        }
    }
    Ok(peers)
}

fn portal_name(server: &str) -> String {
    format!("portal query, {server}")
}

/// The handler, and where it is.
struct HandlerProcess {
    process: Process,
    url: String,
}

/// The portal query, of everybody over the same connections one after the other.
async fn portal_cases<'a>(
    connection: &mut PgConnection,
    options: &Options,
    program: &'a Program,
    handler: &'a HandlerProcess,
    peers: &'a [Peer],
) -> anyhow::Result<Vec<Case<'a>>> {
    let tenants = &program.tenants;
    let compare = shows(Arc::new(newest(connection, tenants, 0).await?));
    let target = |url: &str, is_ours: bool, query: &str| {
        let requests = tenants.iter().map(|tenant| {
            let token = if is_ours { &tenant.token } else { &tenant.signed };
            (token.clone(), json!({"query": query}))
        });
        Target::new(url, requests, compare.clone())
    };
    let mut asked = vec![
        ("trestle", Server::Program(program), target(&program.api(), true, PORTAL)?),
        (
            "axum by hand, three statements",
            Server::Handler(&handler.process),
            target(&handler.url, false, "")?,
        ),
    ];
    for peer in peers {
        asked.push((peer.name(), Server::Peer(peer), target(peer.url(), false, peer.query())?));
    }
    let mut cases = Vec::new();
    for &connections in &options.connections {
        for (name, server, target) in &asked {
            cases.push(Case::new(&portal_name(name), *server, target, connections));
        }
    }
    Ok(cases)
}

/// What is asked of the program alone.
async fn single_cases<'a>(
    connection: &mut PgConnection,
    program: &'a Program,
) -> anyhow::Result<Vec<Case<'a>>> {
    let (url, tenants, server) = (program.api(), &program.tenants, Server::Program(program));
    let case = |name: &str, target: Target| Case::new(name, server, &target, READING);
    Ok(vec![
        case("a failure by id", question::failure(connection, &url, tenants).await?),
        case("a page of the inbox", question::inbox(connection, &url, tenants).await?),
        case("health of a tenant, 90 days", question::overview(connection, &url, tenants).await?),
        case("health of a tenant, each of 90 days", question::series(connection, &url, tenants).await?),
    ])
}

fn print(options: &Options, program: &Program, rounds: u32, [portal, single, start]: [&[Case<'_>]; 3]) {
    let data = format!(
        "{} tenants, {} integrations, {} runs (medians of {rounds})",
        thousands(program.tenants.len() as f64),
        thousands(f64::from(options.integrations)),
        thousands(f64::from(options.runs)),
    );
    let mut lines = vec![Case::header("× by hand")];
    for case in portal {
        let by_hand = portal
            .iter()
            .find(|by_hand| by_hand.connections() == case.connections() && by_hand.name.contains("by hand"));
        lines.extend(case.line(by_hand.and_then(Case::rate)));
    }
    print_table(&format!("The portal query: {data}"), lines);
    for (heading, cases) in [("One thing at a time", single), ("Runs that are started, each stored", start)] {
        let mut lines = vec![Case::header("")];
        lines.extend(cases.iter().filter_map(|case| case.line(None)));
        // Nothing to compare with.
        lines.iter_mut().for_each(|line| line.truncate(line.len() - 1));
        print_table(&format!("{heading}: {data}"), lines);
    }
}

/// Prints a table that has more than its header.
fn print_table(heading: &str, lines: Vec<Vec<String>>) {
    if lines.len() > 1 {
        table(heading, &lines);
    }
}
