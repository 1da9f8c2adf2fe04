//! What a team would otherwise put before its tables, from npm: each as two processes behind one port, over a copy of
//! the tables.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::token::SECRET;
use crate::process::Process;
use crate::servers::Postgres;

/// How long one may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Processes of each: as many as the machine of the report has cores.
const PROCESSES: &str = "2";

/// How they are several processes, which they have in common.
const PROCESSES_FILE: &str = "processes.mjs";

/// Which one.
pub struct Kind {
    /// What it is called.
    pub name: &'static str,
    /// Of its files, here and where it is installed.
    directory: &'static str,
    /// What makes its client when it is installed: a program of its own and what that is told.
    generate: &'static [&'static str],
    /// The portal query in its schema.
    query: &'static str,
}

/// All of them.
pub const PEERS: [Kind; 2] = [
    Kind {
        name: "PostGraphile, two processes",
        directory: "postgraphile",
        generate: &[],
        query: "{ runs: allRuns(first: 20, orderBy: PRIMARY_KEY_DESC) { nodes { id: rowId status startedAt finishedAt \
            readCount createdCount updatedCount unchangedCount skippedCount failedCount \
            integration: integrationByIntegrationId { id: rowId name } \
            failures: failuresByRunId(first: 5, orderBy: PRIMARY_KEY_DESC) { nodes { id: rowId category summary } } } } }",
    },
    Kind {
        name: "GraphQL Yoga and Prisma, two processes",
        directory: "yoga",
        generate: &["node_modules/.bin/prisma", "generate", "--schema", "schema.prisma"],
        query: "{ runs(first: 20) { id status startedAt finishedAt \
            counts { read created updated unchanged skipped failed } integration { id name } \
            failures(first: 5) { id category summary } } }",
    },
];

/// One that runs.
pub struct Peer {
    process: Process,
    url: String,
    kind: &'static Kind,
}

impl Peer {
    /// Installs and starts it on a database that has the copy; `None` where there is no Node.js.
    ///
    /// # Errors
    /// When it can't be installed, or does not listen.
    pub fn start(
        kind: &'static Kind,
        tools: &Path,
        postgres: &Postgres,
        database: &str,
        scratch: &Path,
    ) -> anyhow::Result<Option<Self>> {
        if Command::new("node").arg("--version").output().is_err() {
            return Ok(None);
        }
        let directory = std::path::absolute(tools)?.join(kind.directory);
        kind.install(&directory).with_context(|| format!("installing {}", kind.name))?;
        let mut command = Command::new("node");
        command.arg("server.mjs").args([&postgres.url(database), SECRET, PROCESSES]).current_dir(&directory);
        command.env("NODE_ENV", "production").env("GRAPHILE_ENV", "production");
        let log = scratch.join(format!("{}.log", kind.directory));
        let mut process = Process::start(kind.name, &mut command, &log, "TERM")?;
        let url = process.line("listening on ", START_LIMIT)?;
        Ok(Some(Self { process, url, kind }))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.kind.name
    }

    /// The process that started the others.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The portal query in its schema.
    pub fn query(&self) -> &'static str {
        self.kind.query
    }
}

impl Kind {
    /// Copies its files, and gets what they need unless it is there.
    fn install(&self, directory: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(directory)?;
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers").join(self.directory);
        let locked = directory.join("package-lock.json");
        let wanted = std::fs::read(source.join("package-lock.json"))?;
        let is_there = std::fs::read(&locked).is_ok_and(|installed| installed == wanted)
            && directory.join("node_modules").is_dir();
        for file in std::fs::read_dir(&source)? {
            let file = file?;
            std::fs::copy(file.path(), directory.join(file.file_name()))?;
        }
        std::fs::copy(source.with_file_name(PROCESSES_FILE), directory.join(PROCESSES_FILE))?;
        if is_there {
            return Ok(());
        }
        // What a lock says stands in it only when all of it was got.
        let installed =
            run(Command::new("npm").args(["ci", "--silent"]).current_dir(directory)).and_then(|()| {
                let Some((program, arguments)) = self.generate.split_first() else { return Ok(()) };
                let mut command = Command::new(directory.join(program));
                command.args(arguments).current_dir(directory).env("CHECKPOINT_DISABLE", "1");
                // Prisma would get a program for migrations, of which there are none; any file stands for it.
                run(command.env("PRISMA_SCHEMA_ENGINE_BINARY", directory.join("server.mjs")))
            });
        if installed.is_err() {
            std::fs::remove_file(locked)?;
        }
        installed
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
