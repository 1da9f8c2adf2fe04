//! `trestle demo`: everything at once, to look at and to try, in one process and a directory that is removed at the
//! end. What it shows is real: files, databases, an HTTP system that misbehaves, runs by the real worker.

mod orders;
mod queries;
mod tenants;
mod warehouse;

use std::time::Duration;

use anyhow::{Context, bail};
use domain::Actor;
use domain::run::{RunFilter, RunStatus};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use worker::{Worker, WorkerOptions};

use crate::portal;
use crate::program::Program;
use crate::serve::{Roles, run_program, say};
use crate::settings::Settings;

/// Longest wait for the demonstration's own runs; they take a few seconds.
const RUNS_PATIENCE: Duration = Duration::from_secs(120);

/// Makes the demonstration and serves it until it is stopped.
///
/// # Errors
/// What stops the start.
pub async fn run(mut settings: Settings) -> anyhow::Result<()> {
    let directory = tempfile::Builder::new()
        .prefix("trestle-demo-")
        .tempdir()
        .context("making a directory for the demonstration")?;
    settings.use_directory(directory.path());
    let warehouse = warehouse::start().await?;
    // The demonstration's own outside system is on this machine.
    settings.egress_allow.extend(["127.0.0.0/8".parse::<ipnet::IpNet>()?]);
    let tracker = TaskTracker::new();
    let _warehouse = AbortOnDropHandle::new(tracker.spawn(warehouse.serve));

    let program = Program::open(settings, false).await?;
    program.prepare().await?;
    say("Making two tenants, users of every role, integrations and their first runs …");
    let people = tenants::make(&program, &warehouse.address).await?;
    finish_first_runs(&program).await?;

    let graphiql = queries::graphiql(&people);
    let has_portal = program.settings.portal && portal::is_built_in();
    run_program(program, Roles::Both, graphiql, |address| {
        say(&people.introduction(address, has_portal));
    })
    .await?;
    directory.close().context("removing the directory of the demonstration")
}

/// Lets a worker do the runs that were started, so that there is something to look at.
async fn finish_first_runs(program: &Program) -> anyhow::Result<()> {
    let mut changes = program.app.changes().subscribe();
    let worker = Worker::start(
        program.app.clone(),
        WorkerOptions {
            queue: program.queue.clone(),
            name: "demo".to_owned(),
            concurrency: program.settings.workers,
            shutdown: program.settings.shutdown,
            mailer: None,
        },
    );
    let actor = Actor::operator(program.app.clone());
    let wait = async {
        while unfinished(&actor).await? > 0 {
            // A change, or a message that some were missed: both mean to look again.
            if let Err(tokio::sync::broadcast::error::RecvError::Closed) = changes.recv().await {
                bail!("nobody tells about runs any more");
            }
        }
        Ok(())
    };
    tokio::time::timeout(RUNS_PATIENCE, wait).await.context("the first runs take too long")??;
    worker.stop().await.context("stopping the first worker")
}

async fn unfinished(actor: &Actor) -> anyhow::Result<usize> {
    let filter =
        RunFilter { status: Some(vec![RunStatus::Queued, RunStatus::Running]), ..RunFilter::default() };
    let page =
        domain::run::list(actor, &domain::run::RunList { filter, ..Default::default() }, &Default::default())
            .await?;
    Ok(page.edges.len())
}
