//! What a team would otherwise move the rows with: sling, dlt and a Singer target, from PyPI, each as one process that ends.
//! None answers for single records, and with a bad one they stop or leave out what they do not say.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::json;

use super::{Round, Way, orders, program};
use crate::process::{find_program, measured};
use crate::report::mebibytes;
use crate::servers::Postgres;

/// The versions that are measured. Newer wrappers of sling download their program at the first start.
const PACKAGES: [&str; 6] = [
    "sling==1.4.10",
    "sling-linux-amd64==1.4.10",
    "dlt[postgres]==1.31.0",
    "pyarrow==26.0.1",
    "sqlalchemy==2.0.44",
    "meltanolabs-target-postgres==0.8.1",
];
/// What rows in Python are measured with: each takes fifty microseconds and more.
const PYTHON_SHARE: u32 = 10;

/// The peers, installed.
pub struct Peers {
    environment: PathBuf,
}

impl Peers {
    /// Installs them; `None` where there is no Python, or no build for this machine.
    pub fn install(environment: &Path) -> anyhow::Result<Option<Self>> {
        let environment = std::path::absolute(environment)?;
        let pip = environment.join("bin").join("pip");
        if find_program("python3", &[]).is_none() || !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return Ok(None);
        }
        if !pip.is_file() {
            run(Command::new("python3").arg("-m").arg("venv").arg(&environment))?;
            run(Command::new(&pip).args(["install", "--quiet"]).args(PACKAGES))?;
        }
        Ok(Some(Self { environment }))
    }

    /// Measures one of them once.
    pub async fn measure(
        &self,
        postgres: &Postgres,
        file: &Path,
        way: Way,
        rows: u32,
    ) -> anyhow::Result<Round> {
        orders::empty_table(postgres, "").await?;
        let target = format!("{}?sslmode=disable", postgres.url("target"));
        let origin = format!("{}?sslmode=disable", postgres.url("origin"));
        let scratch = tempfile::Builder::new().prefix("trestle-bench-").tempdir()?;
        let (mut command, table, moved) = match way {
            Way::Sling { from_table } => {
                let mut command = Command::new(self.sling()?);
                command.env("TARGET", &target).env("ORIGIN", &origin).env("SLING_HOME_DIR", scratch.path());
                command.args(["run", "--tgt-conn", "TARGET", "--tgt-object", "public.loaded"]);
                command.args(["--primary-key", "id"]);
                if from_table {
                    orders::full_table(postgres, file, rows).await?;
                    command.args(["--src-conn", "ORIGIN", "--src-stream", "public.orders"]);
                    command.args(["--mode", "incremental", "--update-key", "updated_at"]);
                } else {
                    let stream = format!("file://{}", file.display());
                    command.args(["--src-stream", &stream, "--mode", "full-refresh"]);
                }
                (command, "public.loaded", rows)
            }
            Way::DltMerge => {
                orders::full_table(postgres, file, rows).await?;
                (self.dlt("merge", &origin, &target, rows), "loaded.orders", rows)
            }
            Way::Singer => {
                let rows = rows / PYTHON_SHARE;
                (self.singer(postgres, file, scratch.path(), rows)?, "loaded.orders", rows)
            }
            _ => {
                let rows = rows / PYTHON_SHARE;
                let file = file.display().to_string();
                (self.dlt("rows", &file, &target, rows), "loaded.orders", rows)
            }
        };
        command.current_dir(scratch.path());
        let cpu = postgres.cpu();
        let started = Instant::now();
        let ended = measured(&mut command).context("starting a peer")?;
        let seconds = started.elapsed().as_secs_f64();
        ensure!(ended.succeeded, "{command:?}: {}", ended.output);
        let postgres_cpu_seconds = program::since(cpu, postgres.cpu());
        let count = postgres.count("target", table).await?;
        ensure!(count == u64::from(moved), "{count} rows of {moved} arrived: {}", ended.output);
        Ok(Round {
            seconds,
            rows: moved,
            // Of a pipe that of its shell would be told.
            memory_peak: ended.memory_peak_bytes.filter(|_| !matches!(way, Way::Singer)).map(mebibytes),
            cpu_seconds: ended.cpu.map(|cpu| cpu.as_secs_f64()),
            postgres_cpu_seconds,
        })
    }

    /// The program itself; its wrapper for Python takes a tenth of a second more.
    fn sling(&self) -> anyhow::Result<PathBuf> {
        let library = self.environment.join("lib");
        for python in std::fs::read_dir(&library).context("looking for sling")? {
            let program = python?.path().join("site-packages/sling_linux_amd64/bin/sling-linux-amd64");
            if program.is_file() {
                return Ok(program);
            }
        }
        anyhow::bail!("sling is not in {}", library.display())
    }

    /// The pipe begins in a few lines of Python, and not in a tap, so it is as fast as its target.
    fn singer(&self, postgres: &Postgres, file: &Path, scratch: &Path, rows: u32) -> anyhow::Result<Command> {
        let config = scratch.join("target.json");
        let settings = json!({
            "host": "127.0.0.1", "port": postgres.port(), "user": postgres.user(), "password": "none",
            "database": "target", "default_target_schema": "loaded", "use_copy": true,
        });
        std::fs::write(&config, settings.to_string()).context("writing the target's config")?;
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers").join("orders_to_singer.py");
        let mut command = Command::new("sh");
        command.args(["-c", "\"$1\" \"$2\" \"$3\" \"$4\" | \"$5\" --config \"$6\"", "sh"]);
        command.arg(self.environment.join("bin/python")).arg(script).arg(file).arg(rows.to_string());
        command.arg(self.environment.join("bin/target-postgres")).arg(config);
        Ok(command)
    }

    fn dlt(&self, how: &str, from: &str, to: &str, rows: u32) -> Command {
        let mut command = Command::new(self.environment.join("bin").join("python"));
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers").join("load_with_dlt.py");
        // It wants a password, which the server does not ask for.
        let [from, to] = [from, to].map(|url| url.replacen('@', ":none@", 1));
        command.arg(script).args([how, &from, &to, &rows.to_string()]);
        command.env("RUNTIME__DLTHUB_TELEMETRY", "false");
        command
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
