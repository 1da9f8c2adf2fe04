//! BullMQ on the same Redis: what a team would otherwise run its jobs with. It is durable as far as Redis is, and knows no
//! tenants; what it does is not what a run is, so that only its speed is compared.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::servers::Redis;

/// Jobs a second.
#[derive(Clone, Copy)]
pub struct Rates {
    /// Put into the queue in bulk.
    pub enqueue: f64,
    /// Drained by one worker process.
    pub drain: f64,
}

/// BullMQ, installed beside this package.
pub struct BullMq {
    directory: PathBuf,
}

impl BullMq {
    /// Installs it; `None` where there is no Node.js.
    pub fn install() -> anyhow::Result<Option<Self>> {
        let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("bullmq");
        if Command::new("node").arg("--version").output().is_err() {
            return Ok(None);
        }
        if !directory.join("node_modules").is_dir() {
            let installed = Command::new("npm")
                .args(["ci", "--silent"])
                .current_dir(&directory)
                .output()
                .context("npm")?;
            ensure!(installed.status.success(), "npm ci: {}", String::from_utf8_lossy(&installed.stderr));
        }
        Ok(Some(Self { directory }))
    }

    /// Measures it once.
    pub fn measure(&self, redis: &Redis, jobs: u32, concurrency: u32) -> anyhow::Result<Rates> {
        let arguments = [redis.port().to_string(), jobs.to_string(), concurrency.to_string()];
        let drained =
            Command::new("node").arg("drain.mjs").args(arguments).current_dir(&self.directory).output()?;
        ensure!(drained.status.success(), "BullMQ: {}", String::from_utf8_lossy(&drained.stderr));
        let rates: Value = serde_json::from_slice(&drained.stdout).context("reading BullMQ's answer")?;
        let rate = |name: &str| rates[name].as_f64().with_context(|| format!("BullMQ says no {name}"));
        Ok(Rates { enqueue: rate("enqueue")?, drain: rate("drain")? })
    }
}
