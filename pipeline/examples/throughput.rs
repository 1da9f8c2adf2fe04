//! How long the engine takes for a record, with systems and a ledger that take next to no time:
//! `cargo run --release -p pipeline --example throughput [records]`. Deliberately absent: a threshold;
//! it depends on the machine.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use connector::{
    Action, Connector, Cursor, Description, Destination, Gone, Item, OpenDestination, OpenSource, Page,
    Record, Source, StreamSpec, SyncMode, SystemAccess, SystemError, Write, WriteOutcome,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use pipeline::{
    AccountedPage, Gate, GateCounts, GateRules, InDoubt, Ledger, LedgerError, Mapping, PageBudget, Receipt,
    RemovedPage, Repeats, RetryNotice, RetryPolicy, Rules, Shape, Side, Stop, StreamPlan, run_stream,
};
use serde_json::json;

const PAGE_RECORDS: usize = 500;

struct Memory {
    description: Description,
    records: usize,
}

struct MemorySource {
    at: usize,
    records: usize,
}

struct MemoryDestination;

struct NoLedger;

fn record(number: usize) -> Record {
    let value = json!({
        "id": format!("R-{number}"), "email": "Ada.Lovelace@Example.COM", "amount": "12.50", "currency": "EUR",
        "updatedAt": "2026-01-31T12:00:00Z", "internal_note": "nobody should see this", "quantity": number,
    });
    value.as_object().cloned().unwrap_or_default().into()
}

#[async_trait]
impl Connector for Memory {
    fn description(&self) -> &Description {
        &self.description
    }

    async fn test(&self, _access: &SystemAccess) -> Result<String, SystemError> {
        Ok("in memory".to_owned())
    }

    async fn open_source(&self, _open: OpenSource) -> Result<Box<dyn Source>, SystemError> {
        Ok(Box::new(MemorySource { at: 0, records: self.records }))
    }

    async fn open_destination(&self, _open: OpenDestination) -> Result<Box<dyn Destination>, SystemError> {
        Ok(Box::new(MemoryDestination))
    }
}

#[async_trait]
impl Source for MemorySource {
    async fn next_page(&mut self) -> Result<Option<Page>, SystemError> {
        if self.at >= self.records {
            return Ok(None);
        }
        let items = (self.at..self.at + PAGE_RECORDS).map(|number| Item::Record(record(number))).collect();
        self.at += PAGE_RECORDS;
        Ok(Some(Page { items, checkpoint: json!(self.at), size_bytes: 0 }))
    }

    fn watermark(&self) -> Option<Cursor> {
        None
    }
}

#[async_trait]
impl Destination for MemoryDestination {
    async fn write(&mut self, batch: &[Write]) -> Result<Vec<WriteOutcome>, SystemError> {
        let written = || WriteOutcome::Written { action: Action::Created, destination_key: None };
        Ok(batch.iter().map(|_| written()).collect())
    }

    async fn finish(&mut self) -> Result<(), SystemError> {
        Ok(())
    }

    fn detects_unchanged(&self) -> bool {
        true
    }
}

#[async_trait]
impl Ledger for NoLedger {
    async fn receipts(&self, _stream: &str, _keys: &[&str]) -> Result<HashMap<String, Receipt>, LedgerError> {
        Ok(HashMap::new())
    }

    async fn sending(&self, _stream: &str, _writes: &[(&str, InDoubt)]) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn account(&self, _page: AccountedPage) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn reshaped(&self, _stream: &str, _seen: &Shape) -> Result<(), LedgerError> {
        Ok(())
    }

    fn gone<'a>(&'a self, _stream: &'a str) -> BoxStream<'a, Result<Vec<Gone>, LedgerError>> {
        futures::stream::empty().boxed()
    }

    async fn account_removed(&self, _page: RemovedPage) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn retrying(&self, _stream: &str, _notice: &RetryNotice) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn answers_again(&self, _side: Side) -> Result<(), LedgerError> {
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let records = match std::env::args().nth(1) {
        Some(count) => count.parse::<usize>()?.next_multiple_of(PAGE_RECORDS),
        None => 500_000,
    };
    let mapping = Arc::new(Mapping::compile(
        ".email = downcase(string!(.email))\n.amount = to_float!(.amount)\n.total = .amount * int!(.quantity)\n\
         .label = string!(.id) + \" \" + string!(.currency)\ndel(.internal_note)",
    )?);
    let rules = Arc::new(Rules::compile(&json!({
        "type": "object",
        "required": ["id", "email"],
        "properties": {
            "email": {"type": "string", "format": "email"}, "amount": {"type": "number", "minimum": 0},
            "currency": {"enum": ["EUR", "USD", "GBP"]}, "id": {"type": "string", "maxLength": 40},
            "updatedAt": {"format": "date-time"},
        },
    }))?);
    let numbers = Arc::new(Rules::compile(&json!({"properties": {"quantity": {"type": "integer"}}}))?);

    let mut out = std::io::stdout();
    let started = Instant::now();
    let fields = (0..records).map(|number| record(number).len()).sum::<usize>();
    report(&mut out, &format!("making the records alone ({fields} fields)"), records, started)?;

    for (name, mapping, rules) in [
        ("engine, no mapping, no rules", None, None),
        ("engine, one rule", None, Some(numbers)),
        ("engine, five-line mapping", Some(mapping.clone()), None),
        ("engine, five-line mapping and six rules", Some(mapping), Some(rules)),
    ] {
        let description = Description {
            name: "memory",
            title: "Memory",
            description: "In memory.",
            config_schema: json!({}),
            credentials_schema: json!({}),
            credentials_go_to: &[],
            can_be_paced: false,
            source_schema: None,
            destination_schema: None,
            guide: Default::default(),
        };
        let memory: Arc<dyn Connector> = Arc::new(Memory { description, records });
        let access = SystemAccess {
            config: json!({}),
            credentials: String::from("{}").into(),
            files_dir: "unused".into(),
            tokens: None,
            pace: Default::default(),
            progress: Default::default(),
            credential_store: Default::default(),
            inbox: None,
        };
        let stream = StreamSpec {
            name: "orders".to_owned(),
            key_fields: vec!["id".to_owned()],
            cursor_field: None,
            mode: SyncMode::Full,
            classified: Default::default(),
        };
        let open_source = OpenSource {
            access: access.clone(),
            stream: stream.clone(),
            options: json!({}),
            since: None,
            overlap: None,
            from: None,
            only: None,
            part: None,
            resume: None,
            page_records_max: PAGE_RECORDS,
        };
        let open_destination = OpenDestination {
            access,
            stream,
            options: json!({}),
            run: uuid::Uuid::nil(),
            integration: uuid::Uuid::nil(),
            resumed: false,
        };
        let (retry, progress) = (RetryPolicy::default(), Default::default());
        // As by default.
        let limits = GateRules { failed_percent_max: Some(5.0), records_min: 100, ..GateRules::default() };
        let gate = Gate::new(limits, GateCounts::default());
        let shape = Some(Default::default());
        let plan = StreamPlan {
            mapping,
            rules,
            fresh: true,
            shape,
            removal: None,
            checks: Default::default(),
            gate: Some(gate),
            kpis: None,
            repeats: Repeats::Nowhere,
            pages: PageBudget::new(u64::MAX),
            retry,
            progress,
        };
        let stop = Stop::default();
        let started = Instant::now();
        let done =
            run_stream(plan, memory.clone(), open_source, memory, open_destination, &NoLedger, &stop).await?;
        report(&mut out, name, records, started)?;
        if done.counts.created != records as u64 {
            return Err(format!("unexpected counts: {:?}", done.counts).into());
        }
    }
    Ok(())
}

fn report(
    out: &mut impl std::io::Write,
    name: &str,
    records: usize,
    started: Instant,
) -> std::io::Result<()> {
    let elapsed = started.elapsed();
    let each = elapsed.as_secs_f64() * 1e6 / records as f64;
    writeln!(out, "{name}: {records} records in {:.2} s, {each:.2} µs each", elapsed.as_secs_f64())
}
