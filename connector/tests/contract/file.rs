//! Files in a directory of a tenant.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use connector::{OpenDestination, OpenSource, SystemAccess};
use serde_json::{Value, json};

use crate::adapter::{
    Adapter, Applies, End, Failing, Fault, Hanging, OncePolled, Open, access, open_destination, open_files,
    open_source, order,
};

pub struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, text: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

#[async_trait]
impl Adapter for Files {
    async fn access(&self) -> SystemAccess {
        access(json!({}), json!({}), self.dir.path())
    }

    async fn source(&self, count: usize) -> Applies<OpenSource> {
        let lines: String = (1..=count as u64).map(|id| format!("{id},order {id}\n")).collect();
        let name = format!("orders-{count}.csv");
        self.file(&name, format!("id,name\n{lines}").as_bytes());
        Ok(open_source(self.access().await, json!({"path": name})))
    }

    async fn malformed_among(&self) -> Applies<(OpenSource, Vec<u64>)> {
        self.file("broken.jsonl", format!("{}\n{{\"id\": 2,\n{}\n", order(1), order(3)).as_bytes());
        Ok((open_source(self.access().await, json!({"path": "broken.jsonl"})), vec![1, 3]))
    }

    async fn malformed(&self) -> Applies<OpenSource> {
        self.file("archive.csv", b"PK\x03\x04\x14\0\0\0\x08\0 not a table");
        Ok(open_source(self.access().await, json!({"path": "archive.csv"})))
    }

    async fn destination(&self) -> Applies<OpenDestination> {
        Ok(open_destination(self.access().await, json!({"path": "out/orders.jsonl"})))
    }

    async fn stored(&self, _open: &OpenDestination) -> Applies<Vec<u64>> {
        let text = fs::read_to_string(self.dir.path().join("out/orders.jsonl")).unwrap_or_default();
        let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap();
        let mut ids: Vec<u64> = text.lines().map(id).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    fn bad_record(&self) -> Applies<Value> {
        Ok(json!({"name": "without a key"}))
    }

    async fn failing(&self, fault: Fault, _end: End) -> Applies<Failing> {
        Err(match fault {
            Fault::Credentials => "files of the tenant's own directory need no credentials",
            Fault::TooMany => "a disk asks nobody to slow down",
            Fault::Broken => "a disk that is full is made in tests/it/chaos/full_disk.rs",
            Fault::Refused | Fault::Silent => "it uses no network",
        })
    }

    fn retry_after(&self) -> Applies<Duration> {
        Err("a disk asks nobody to slow down")
    }

    async fn hanging(&self, end: End) -> Applies<Hanging> {
        let open = match end {
            End::Source => Open::Source(self.source(23).await?),
            End::Destination => Open::Destination(self.destination().await?),
        };
        Ok(Hanging { open, hold: Box::new(OncePolled), hangs_while_opening: false })
    }

    async fn open_count(&self) -> Applies<usize> {
        Ok(open_files(self.dir.path()))
    }
}
