//! Trestle, the one program: API server and worker in one process or in several, migrations, administration, a
//! demonstration.

mod admin;
mod connectors;
mod demo;
mod keys;
mod logging;
mod portal;
mod program;
mod serve;
mod settings;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::serve::Roles;
use crate::settings::{Settings, Written, WrongSetting};

/// A page's records are made on one thread and dropped on another, which glibc's allocator is slow at: a sync with a
/// mapping takes half as much of the processor with this one, and no more memory (bench/README.md).
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Exit code for wrong settings and arguments, as of sysexits' EX_USAGE family in most tools.
const EXIT_USAGE: u8 = 2;

/// Integrations that a customer can be supported with.
///
/// Without a command it serves the API and runs a worker in one process, on an embedded database, with nothing to
/// install. Every setting is a flag, a variable of the environment, or a line of the file named by --config.
#[derive(Parser)]
#[command(name = "trestle", version, about, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// A TOML file with settings: `bind = "0.0.0.0:8080"`
    #[arg(long, value_name = "FILE", env = "TRESTLE_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Settings")]
    settings: Written,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API only; workers are other processes, on the same PostgreSQL and Redis
    Api,
    /// Run a worker only
    Worker,
    /// Bring the database's schema up to date, and end
    Migrate,
    /// Print the GraphQL schema, and end
    Schema,
    /// Print what each connector takes and does, in Markdown, and end
    Connectors {
        /// Write a page a connector into this directory instead
        #[arg(long, value_name = "DIRECTORY")]
        directory: Option<PathBuf>,
    },
    /// Administrate from the command line
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Try everything out: tenants, users, integrations with failures, in one process and a directory that is
    /// removed at the end
    Demo,
}

fn main() -> ExitCode {
    // Before all else, so that the launcher of a tap reads no settings of ours and stays small.
    if let Some(code) = connector::launch_tap(std::env::args_os()) {
        return code;
    }
    let arguments = Arguments::parse();
    match &arguments.command {
        Some(Command::Schema) => return report(serve::print_schema()),
        Some(Command::Connectors { directory }) => {
            return report(connectors::describe(directory.as_deref()));
        }
        _ => {}
    }
    let settings = match Settings::read(&arguments.settings, arguments.config.as_deref()) {
        // In the demonstration things go wrong on purpose, and people read what it prints.
        Ok(settings) if matches!(arguments.command, Some(Command::Demo)) => {
            settings.with_default_log("error")
        }
        Ok(settings) => settings,
        Err(problem) => return usage(&problem),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(Err(error.into())),
    };
    let role = match &arguments.command {
        None | Some(Command::Demo) => Some("all"),
        Some(Command::Api) => Some("api"),
        Some(Command::Worker) => Some("worker"),
        Some(_) => None,
    };
    let exporters = match settings.otlp.as_ref().zip(role) {
        Some((otlp, role)) => match telemetry::start(&settings::of_process(otlp, role), runtime.handle()) {
            Ok(exporters) => Some(exporters),
            Err(error) => {
                return report(Err(anyhow::Error::new(error).context("OTEL_EXPORTER_OTLP_ENDPOINT")));
            }
        },
        None => None,
    };
    logging::start(&settings, exporters.as_ref().and_then(telemetry::Exporters::logger));
    let outcome = runtime.block_on(async {
        match arguments.command {
            None => serve::run(settings, Roles::Both).await,
            Some(Command::Api) => serve::run(settings, Roles::Api).await,
            Some(Command::Worker) => serve::run(settings, Roles::Worker).await,
            Some(Command::Migrate) => serve::migrate(settings).await,
            Some(Command::Admin(command)) => admin::run(settings, command).await,
            Some(Command::Demo) => demo::run(settings).await,
            Some(Command::Schema | Command::Connectors { .. }) => Ok(()),
        }
    });
    // While there is a runtime to send it with.
    if let Some(exporters) = exporters {
        exporters.shutdown();
    }
    // What still blocks a thread (a file on a dead network drive) must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    report(outcome)
}

#[expect(clippy::print_stderr, reason = "the one line that says why the start stopped")]
fn usage(problem: &WrongSetting) -> ExitCode {
    eprintln!("trestle: {problem}");
    ExitCode::from(EXIT_USAGE)
}

#[expect(clippy::print_stderr, reason = "the one line that says why the program ended")]
fn report(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if let Some(problem) = error.downcast_ref::<WrongSetting>() {
                return usage(problem);
            }
            eprintln!("trestle: {error:#}");
            ExitCode::FAILURE
        }
    }
}
