//! What a team would otherwise put before its tables, from npm.

use std::path::Path;

use crate::process::Process;
use crate::servers::Postgres;

/// Which one.
pub struct Kind {
    /// What it is called.
    pub name: &'static str,
}

/// All of them.
pub const PEERS: [Kind; 0] = [];

/// One that runs.
pub struct Peer {
    process: Process,
    url: String,
    kind: &'static Kind,
}

impl Peer {
    /// Starts it; `None` where there is no Node.js.
    pub async fn start(
        _kind: &'static Kind,
        _directory: &Path,
        _postgres: &Postgres,
        _database: &str,
        _scratch: &Path,
    ) -> anyhow::Result<Option<Self>> {
        Ok(None)
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.kind.name
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The portal query in its schema.
    pub fn query(&self) -> &'static str {
        ""
    }
}
