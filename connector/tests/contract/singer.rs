//! A tap that reads numbered orders, by the launcher as it is in the product.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connector::{OpenDestination, OpenSource, SingerOptions, SystemAccess};
use serde_json::{Value, json};

use crate::adapter::{
    Adapter, Applies, End, Failing, Fault, Hanging, Hold, Open, access, closed_port, open_source,
    useless_port,
};
use crate::recording::SECRET;

const ONLY_READ: &str = "it can't be written to";

/// Where taps of one check run.
#[derive(Clone)]
pub struct Taps(Arc<tempfile::TempDir>);

impl Taps {
    pub fn new() -> Self {
        Self(Arc::new(tempfile::tempdir().unwrap()))
    }

    pub fn options(&self) -> SingerOptions {
        let tap = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/taps/tap_orders.py");
        let options = SingerOptions::new([("tap-orders".to_owned(), tap)].into(), self.runs());
        SingerOptions { launcher: launcher(), ..options }
    }

    fn runs(&self) -> PathBuf {
        self.0.path().join("runs")
    }

    fn open(&self, token: &str, config: Value) -> OpenSource {
        let config = json!({"tap": "tap-orders", "config": config});
        let access = access(config, json!({"config": {"token": token}}), self.0.path());
        open_source(access, json!({"stream": "orders"}))
    }
}

/// Built with the tests, as examples are.
pub fn launcher() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("examples/tap_launcher")
}

struct Gate {
    gate: PathBuf,
    stuck: PathBuf,
}

#[async_trait]
impl Hold for Gate {
    async fn engage(&mut self) {}

    async fn stuck(&mut self) {
        while !self.stuck.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn release(&mut self) {
        std::fs::write(&self.gate, "").unwrap();
    }
}

#[async_trait]
impl Adapter for Taps {
    async fn access(&self) -> SystemAccess {
        self.open(SECRET, json!({"orders": 1})).access
    }

    async fn source(&self, count: usize) -> Applies<OpenSource> {
        Ok(self.open(SECRET, json!({"orders": count})))
    }

    async fn malformed_among(&self) -> Applies<(OpenSource, Vec<u64>)> {
        Ok((self.open(SECRET, json!({"orders": 3, "odd": 2})), vec![1, 3]))
    }

    async fn malformed(&self) -> Applies<OpenSource> {
        Ok(self.open(SECRET, json!({"orders": 3, "fault": "words"})))
    }

    async fn destination(&self) -> Applies<OpenDestination> {
        Err(ONLY_READ)
    }

    async fn stored(&self, _open: &OpenDestination) -> Applies<Vec<u64>> {
        Err(ONLY_READ)
    }

    fn bad_record(&self) -> Applies<Value> {
        Err(ONLY_READ)
    }

    async fn failing(&self, fault: Fault, end: End) -> Applies<Failing> {
        if end == End::Destination {
            return Err(ONLY_READ);
        }
        let open = match fault {
            Fault::Credentials => self.open(&format!("{SECRET} wrong"), json!({"orders": 1})),
            Fault::TooMany => self.open(SECRET, json!({"orders": 1, "fault": "too many"})),
            Fault::Broken => self.open(SECRET, json!({"orders": 1, "fault": "broken"})),
            Fault::Refused => self.open(SECRET, json!({"orders": 1, "port": closed_port()})),
            Fault::Silent => self.open(SECRET, json!({"orders": 1, "port": useless_port(true).await})),
        };
        Ok(Failing::of(Open::Source(open)))
    }

    fn retry_after(&self) -> Applies<Duration> {
        Err("taps do not say for how long")
    }

    async fn hanging(&self, end: End) -> Applies<Hanging> {
        if end == End::Destination {
            return Err(ONLY_READ);
        }
        let (gate, stuck) = (self.0.path().join("gate"), self.0.path().join("stuck"));
        let open = self.open(SECRET, json!({"orders": 23, "stop_at": 9, "gate": gate, "stuck": stuck}));
        Ok(Hanging {
            open: Open::Source(open),
            hold: Box::new(Gate { gate, stuck }),
            hangs_while_opening: false,
        })
    }

    /// Each run has a directory for as long as anything of it lives.
    async fn open_count(&self) -> Applies<usize> {
        Ok(std::fs::read_dir(self.runs()).map_or(0, Iterator::count))
    }
}
