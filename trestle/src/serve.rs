//! Serving: the API, a worker, or both in one process, from the first line to a clean end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use api::http::{
    BudgetOptions, Connections, GraphiqlOptions, PortalOptions, ServerOptions, SharedStore, WebSocketOptions,
    metrics_router, serve,
};
use api::{ApiOptions, DispatchWatch, Exporter, router};
use domain::{App, bootstrap, data_key, ownership_rule, signing_key, words};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use worker::{Worker, WorkerOptions};

use crate::admin::readable;
use crate::portal;
use crate::program::Program;
use crate::settings::{Settings, wrong};

/// Characters of a password that is made here: 24 of 62 letters and digits are 142 bits.
const PASSWORD_CHARACTERS: usize = 24;
/// Mail address of the administrator that an embedded Trestle makes for itself.
const ADMIN_EMAIL: &str = "admin@trestle.localhost";
/// How long live updates may take to leave at the end.
const BRIDGE_PATIENCE: Duration = Duration::from_secs(1);
/// How often the keys are read while a new one is published and not used yet: some reads may fail.
const KEY_READS_IN_OVERLAP: u32 = 4;
/// Longest time between two such reads, after which a key that was dropped is refused; each is one small query.
const KEY_READ_INTERVAL_MAX: Duration = Duration::from_secs(5);

/// How long nobody listens to changes of who may do what after the connection was lost.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// What this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    /// API and worker.
    Both,
    /// The API only.
    Api,
    /// A worker only.
    Worker,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// What stops the start, or ends the process before it is told to.
pub async fn run(settings: Settings, roles: Roles) -> anyhow::Result<()> {
    if roles != Roles::Both {
        check_split(&settings, roles)?;
    }
    let program = Program::open(settings, true).await?;
    program.prepare().await?;
    run_program(program, roles, GraphiqlOptions::default(), |_address| {}).await
}

/// Serves an open program; `ready` hears the address of the API.
///
/// # Errors
/// As [`run`].
pub async fn run_program(
    mut program: Program,
    roles: Roles,
    graphiql: GraphiqlOptions,
    ready: impl FnOnce(&str),
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();
    let bridge = bridge(&mut program, &tasks);
    if roles != Roles::Worker {
        if let Err(problem) = program.app.check_replica().await {
            return Err(wrong("TRESTLE_DATABASE_READ_URL", problem.to_string()).into());
        }
        tasks.spawn(watch_replica(program.app.clone(), shutdown.clone()));
        ensure_admin(&program).await?;
    }
    words::reread(&program.app).await.context("reading the overridden words")?;
    ownership_rule::reread(&program.app).await.context("reading the rules of ownership")?;
    tasks.spawn(reread(program.app.clone(), program.settings.key_overlap, shutdown.clone()));
    tell_pools(&program.app);
    let metrics = match program.settings.metrics_bind {
        Some(bind) => Some(start_metrics(bind, &shutdown, &tasks).await?),
        None => None,
    };
    let server = match roles {
        Roles::Worker => None,
        Roles::Both | Roles::Api => {
            Some(start_api(&program, roles, graphiql, &shutdown, &tasks, ready).await?)
        }
    };
    let mut worker = match roles {
        Roles::Api => None,
        Roles::Both | Roles::Worker => Some(start_worker(&program)),
    };
    if roles == Roles::Worker {
        say("worker started");
    }
    let ended = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        ended = worker_ended(&mut worker) => ended,
    };
    tracing::info!("shutting down");
    shutdown.cancel();
    let stopped = match worker {
        Some(worker) if ended.is_ok() => worker.stop().await.context("stopping the worker"),
        _ => Ok(()),
    };
    if let Some(server) = server
        && let Err(error) = server.await
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "the API server did not end well");
    }
    drop(metrics);
    if let Some((bridge, task)) = bridge {
        bridge.cancel();
        if tokio::time::timeout(BRIDGE_PATIENCE, task).await.is_err() {
            tracing::debug!("live updates did not leave in time");
        }
    }
    program.close().await?;
    ended.and(stopped)
}

/// Brings the schema up to date, and ends.
///
/// # Errors
/// When a migration fails.
pub async fn migrate(settings: Settings) -> anyhow::Result<()> {
    let program = Program::open(settings, false).await?;
    let pending = program.app.pending_migrations().await?;
    program.migrate().await?;
    match pending.len() {
        0 => say("the schema is up to date"),
        count => say(&format!("applied {count} migrations")),
    }
    program.close().await
}

/// Prints the SDL.
///
/// # Errors
/// None; the signature is that of the other commands.
pub fn print_schema() -> anyhow::Result<()> {
    say(api::graphql::sdl().trim_end());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what a caller of the program waits for")]
pub fn say(text: &str) {
    println!("{text}");
}

fn check_split(settings: &Settings, roles: Roles) -> anyhow::Result<()> {
    let command = if roles == Roles::Api { "api" } else { "worker" };
    if settings.redis_url.is_none() {
        let problem =
            format!("is required by `trestle {command}`: it is the way from the API to the workers");
        return Err(wrong("TRESTLE_REDIS_URL", problem).into());
    }
    if settings.embedded {
        let problem = format!(
            "must be PostgreSQL for `trestle {command}`: SQLite serves one process; run `trestle` for both in one"
        );
        return Err(wrong("TRESTLE_DATABASE_URL", problem).into());
    }
    Ok(())
}

type Bridge = (CancellationToken, AbortOnDropHandle<()>);

fn bridge(program: &mut Program, tasks: &TaskTracker) -> Option<Bridge> {
    let url = program.settings.redis_url.clone()?;
    let outbound = program.outbound.take()?;
    let changes = program.app.changes().clone();
    let stop = CancellationToken::new();
    let task = tasks.spawn({
        let stop = stop.clone();
        async move {
            if let Err(error) = worker::live::bridge(&url, changes, outbound, stop).await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "live updates stay in this process"
                );
            }
        }
    });
    Some((stop, AbortOnDropHandle::new(task)))
}

/// Reads the keys again and again after those of the start, so that this process has a new one before it signs or seals;
/// and the time, and the operator's words and rules of ownership.
async fn reread(app: Arc<App>, overlap: Duration, shutdown: CancellationToken) {
    let every = (overlap / KEY_READS_IN_OVERLAP).min(KEY_READ_INTERVAL_MAX);
    let mut tick = interval_at(Instant::now() + every, every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let next = async {
            tick.tick().await;
            (
                app.follow_database_clock().await,
                data_key::reread(&app).await,
                signing_key::reread(&app).await,
                words::reread(&app).await,
                ownership_rule::reread(&app).await,
            )
        };
        let (clock, sealing, signing, words, rules) = tokio::select! {
            () = shutdown.cancelled() => return,
            read = next => read,
        };
        if let Err(error) = clock {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the database could not be asked for the time; the clock goes on as it was set before"
            );
        }
        if let Err(error) = sealing {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the data keys could not be read again; those read before stay in use"
            );
        }
        if let Err(error) = signing {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the signing keys could not be read again; those read before stay in use"
            );
        }
        if let Err(error) = words {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the overridden words could not be read again; those read before stay in use"
            );
        }
        if let Err(error) = rules {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the rules of ownership could not be read again; those read before stay in use"
            );
        }
    }
}

/// Uses the replica, where there is one, while it is fit for that.
async fn watch_replica(app: Arc<App>, shutdown: CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = app.watch_replica() => {}
    }
}

/// Listens to changes of who may do what, so that this process may remember who stands behind a token.
async fn listen_to_identities(app: Arc<App>, shutdown: CancellationToken) {
    let mut is_away = false;
    loop {
        let listened = tokio::select! {
            () = shutdown.cancelled() => return,
            listened = app.listen_to_identities() => listened,
        };
        match listened {
            Ok(()) if app.is_embedded() => return,
            Ok(()) => is_away = false,
            Err(error) if !is_away => {
                is_away = true;
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "changes of who may do what are not heard of; until they are, each request looks"
                );
            }
            Err(_still_away) => {}
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(LISTEN_AGAIN) => {}
        }
    }
}

async fn start_api(
    program: &Program,
    roles: Roles,
    graphiql: GraphiqlOptions,
    shutdown: &CancellationToken,
    tasks: &TaskTracker,
    ready: impl FnOnce(&str),
) -> anyhow::Result<AbortOnDropHandle<()>> {
    let bind = program.settings.bind;
    let listener =
        TcpListener::bind(bind).await.with_context(|| format!("TRESTLE_BIND: listening on {bind}"))?;
    let address = listener.local_addr().context("reading the address of the API")?;
    let connections = Connections::closing_on(shutdown.clone());
    let settings = &program.settings;
    let shared =
        settings.redis_url.as_deref().map(SharedStore::redis).transpose().context("TRESTLE_REDIS_URL")?;
    let dispatch =
        Arc::new(DispatchWatch::new(program.app.clone(), settings.dispatch_timeout, roles == Roles::Both));
    tasks.spawn(dispatch.clone().run(shutdown.clone()));
    tasks.spawn(listen_to_identities(program.app.clone(), shutdown.clone()));
    let exporter =
        Arc::new(Exporter::new(program.app.clone(), settings.documents.clone(), settings.trace_url.clone()));
    if settings.portal && !portal::is_built_in() {
        tracing::info!(
            "built without the portal, so browsers get GraphiQL: `make run` builds it where Node.js is 20.19 or newer"
        );
    }
    let portal = PortalOptions { files: portal::FILES, demo_sign_ins: graphiql.sign_ins.clone() };
    let options = ApiOptions {
        allowed_origins: settings.allowed_origins.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        portal: settings.portal.then_some(portal),
        graphiql: settings.graphiql.then_some(graphiql),
        introspection: settings.introspection,
        documents: settings.documents.clone(),
        budget: settings.budget_per_minute.map(|points_per_minute| BudgetOptions { points_per_minute }),
        shared: shared.map(Arc::new),
        websocket: WebSocketOptions {
            connections_per_caller_max: settings.websockets_per_caller,
            ..WebSocketOptions::default()
        },
        dispatch: Some(dispatch),
        exporter: Some(exporter.clone()),
        upload_bytes_max: settings.upload_bytes_max,
        connections: connections.clone(),
        trace_url: settings.trace_url.clone(),
        ..ApiOptions::default()
    };
    let patience = ServerOptions::default().drain_timeout.min(program.settings.shutdown);
    let server_options = ServerOptions { drain_timeout: patience, ..ServerOptions::default() };
    let router = router(&program.app, options);
    let exporting = exporter.run(shutdown.clone(), patience);
    let serving = serve(listener, router, connections, server_options);
    let server = tasks.spawn(async move {
        tokio::join!(serving, exporting);
    });
    let address = format!("http://{address}");
    say(&format!("listening on {address}"));
    ready(&address);
    Ok(AbortOnDropHandle::new(server))
}

/// Has the instruments know how connections to the database are used, as long as there are any, and how far the replica
/// is.
fn tell_pools(app: &Arc<App>) {
    let app = Arc::downgrade(app);
    telemetry::instruments().before_reading(move |instruments| {
        for pool in app.upgrade().iter().flat_map(|app| app.pools()) {
            instruments.connection_count.set(&[pool.name, "used"], f64::from(pool.used));
            instruments.connection_count.set(&[pool.name, "idle"], f64::from(pool.idle));
            instruments.connection_max.set(&[pool.name], f64::from(pool.max));
        }
        if let Some(lag) = app.upgrade().and_then(|app| app.replica_lag()) {
            instruments.replica_lag.set(&[], lag.as_secs_f64());
        }
    });
}

/// Serves the instruments at an address of their own, until the end of the process.
async fn start_metrics(
    bind: SocketAddr,
    shutdown: &CancellationToken,
    tasks: &TaskTracker,
) -> anyhow::Result<AbortOnDropHandle<()>> {
    let listener = TcpListener::bind(bind)
        .await
        .with_context(|| format!("TRESTLE_METRICS_BIND: listening on {bind}"))?;
    let address = listener.local_addr().context("reading the address of the metrics")?;
    let router = metrics_router(telemetry::instruments().clone());
    let connections = Connections::closing_on(shutdown.clone());
    let server = tasks.spawn(serve(listener, router, connections, ServerOptions::default()));
    say(&format!("metrics at http://{address}/metrics"));
    Ok(AbortOnDropHandle::new(server))
}

fn start_worker(program: &Program) -> Worker {
    if let Some((mailer, _links)) = &program.settings.mail
        && !mailer.is_encrypted()
    {
        tracing::warn!("mails go to the mail server in plain text, as TRESTLE_SMTP_URL says");
    }
    let name = format!("{}:{}", hostname(), std::process::id());
    Worker::start(
        program.app.clone(),
        WorkerOptions {
            queue: program.queue.clone(),
            name,
            concurrency: program.settings.workers,
            shutdown: program.settings.shutdown,
            mailer: program.settings.mail.as_ref().map(|(mailer, _links)| mailer.clone()),
        },
    )
}

/// Waits for a worker that ends by itself; for ever when there is none.
async fn worker_ended(worker: &mut Option<Worker>) -> anyhow::Result<()> {
    match worker {
        None => std::future::pending().await,
        Some(worker) => {
            worker.ended().await.context("the worker ended by itself")?;
            bail!("the worker ended by itself")
        }
    }
}

fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_else(|_not_linux| "worker".to_owned())
}

/// Makes the first administrator, of the settings or, when embedded and nobody is there, with a password that is
/// printed once.
async fn ensure_admin(program: &Program) -> anyhow::Result<()> {
    let settings = &program.settings;
    match (&settings.admin_email, &settings.admin_password) {
        (Some(email), Some(password)) => {
            let password = SecretString::from(password.clone());
            let made = bootstrap::ensure_admin(&program.app, email, password).await;
            if made.map_err(readable).context("TRESTLE_ADMIN_EMAIL, TRESTLE_ADMIN_PASSWORD")? {
                tracing::info!("made the first platform administrator");
            }
        }
        (None, Some(_)) => return Err(wrong("TRESTLE_ADMIN_EMAIL", "is missing: a password is set").into()),
        (email, None) if settings.embedded => {
            if bootstrap::any_user(&program.app).await? {
                return Ok(());
            }
            let email = email.as_deref().unwrap_or(ADMIN_EMAIL);
            let password = random_password();
            bootstrap::ensure_admin(&program.app, email, SecretString::from(password.clone()))
                .await
                .map_err(readable)?;
            say(&format!("first start: sign in as {email} with the password {password} (shown once)"));
        }
        (Some(_), None) => {
            return Err(wrong("TRESTLE_ADMIN_PASSWORD", "is missing: a mail address is set").into());
        }
        (None, None) => {
            if !bootstrap::any_user(&program.app).await? {
                tracing::warn!(
                    "nobody can sign in yet: set TRESTLE_ADMIN_EMAIL and TRESTLE_ADMIN_PASSWORD, or run `trestle admin create-user`"
                );
            }
        }
    }
    Ok(())
}

/// Letters and digits, each as likely as the others.
pub fn random_password() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    (0..PASSWORD_CHARACTERS).map(|_| char::from(LETTERS[rand::random_range(0..LETTERS.len())])).collect()
}
