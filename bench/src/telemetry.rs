//! What OpenTelemetry costs: the same work with nothing sent, and with traces, metrics and the log sent to a collector, in
//! alternating rounds on the same servers. The work is the portal query of `reads`, of 100 tenants over 16 connections;
//! runs that move nothing, of `dispatch`, 200 at once; and rows from a CSV file into PostgreSQL, of `sync`.
//!
//! Each time the program is started anew and stopped in order, so that all of its last telemetry is in what arrived. `off`
//! is without a setting of OpenTelemetry, and measured twice in each round: `off, again` says by how much two of the same
//! differ. `every trace` is what an operator gets who names a collector and no more, `a tenth` has a sampler besides, and
//! there metrics and the log are whole. A sync is one trace, so that a tenth of it is not measured. Metrics are sent every 5
//! seconds, twelve times as often as by default, so that some are sent while it is measured. The order changes from round
//! to round, and each is compared with the `off` of its own round: "× off" is the median of these ratios, beside the
//! least and the most. Below 0.95 telemetry takes more than 5 % of the throughput.
//!
//! The collector is a process of its own, by default over HTTP as is the program's default, with `--grpc` over gRPC. It reads
//! of a request how long its parts are, counts spans, points and lines, and keeps nothing, but it is on the same
//! cores, where it and the connections to it take away from what is measured, as they would not from elsewhere: its
//! processor time is told beside the program's. The measurement fails when anything arrives with telemetry off, when with
//! it on one of the signals does not arrive, and when something can't be read.
//!
//! What there is no room for is dropped by the program (docs/telemetry.md), and what is dropped costs little. Therefore it is
//! told how many spans arrived for each answer, run and row, beside those of portal queries that are asked one after the
//! other with pauses, of which none is dropped.

mod collector;
mod otlp;
mod work;

use anyhow::ensure;
use clap::Args;

use self::collector::{Collector, Counts};
use self::work::{Done, KINDS, Work};
use crate::Bench;
use crate::report::{median, number, progress, table, thousands};
use crate::servers::Postgres;
use crate::trestle::Settings;

pub use self::collector::serve as serve_collector;

/// Rounds, unless others are asked for: what is looked for is small.
const ROUNDS: u32 = 5;
/// How often metrics are sent, in milliseconds.
const METRIC_INTERVAL_MS: u32 = 5_000;

/// What is measured.
#[derive(Args)]
pub struct Options {
    /// Only the work whose name contains this: `portal query`, `runs`, `rows`
    #[arg(long, default_value = "")]
    only: String,
    /// OTLP over gRPC instead of HTTP
    #[arg(long)]
    grpc: bool,
    /// Runs that the portal query is asked of, twenty at least of each of 100 tenants
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(2_000..=100_000_000))]
    portal_runs: u32,
    /// How long the portal query is asked in a round
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Connections over which it is asked
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    connections: u32,
    /// Runs of a round that move nothing
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(10..))]
    runs: u32,
    /// How many of them at once
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    concurrency: u32,
    /// Rows of a sync
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u32).range(1..))]
    rows: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            only: String::new(),
            grpc: false,
            portal_runs: 100_000,
            seconds: 10,
            connections: 16,
            runs: 20_000,
            concurrency: 200,
            rows: 300_000,
        }
    }
}

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Nothing,
    NothingAgain,
    EveryTrace,
    TenthOfTraces,
}

impl Sent {
    const ALL: [Self; 4] = [Self::Nothing, Self::NothingAgain, Self::EveryTrace, Self::TenthOfTraces];

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "off",
            Self::NothingAgain => "off, again",
            Self::EveryTrace => "every trace",
            Self::TenthOfTraces => "a tenth of the traces",
        }
    }

    fn is_any(self) -> bool {
        matches!(self, Self::EveryTrace | Self::TenthOfTraces)
    }

    /// The program's settings for it.
    fn settings(self, collector: &Collector, options: &Options) -> Settings {
        if !self.is_any() {
            return Settings::new();
        }
        let protocol = if options.grpc { "grpc" } else { "http/protobuf" };
        let mut settings = vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url().to_owned()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned()),
            ("OTEL_METRIC_EXPORT_INTERVAL", METRIC_INTERVAL_MS.to_string()),
        ];
        if self == Self::TenthOfTraces {
            settings.push(("OTEL_TRACES_SAMPLER", "parentbased_traceidratio".to_owned()));
            settings.push(("OTEL_TRACES_SAMPLER_ARG", "0.1".to_owned()));
        }
        settings
    }
}

/// What everybody works with.
struct Bed<'a> {
    bench: &'a Bench,
    postgres: &'a Postgres,
    collector: &'a Collector,
    options: &'a Options,
}

/// One time: what was done, and what arrived of it.
struct Round {
    done: Done,
    arrived: Counts,
}

/// Some work with something sent of it, in every round.
struct Case {
    sent: Sent,
    rounds: Vec<Round>,
}

/// Measures each kind of work in alternating rounds.
///
/// # Errors
/// When something can't be started, work goes wrong, or other telemetry arrives than is sent.
pub async fn measure(bench: &Bench, options: &Options) -> anyhow::Result<()> {
    let rounds = bench.rounds_asked.unwrap_or(ROUNDS);
    let kinds: Vec<_> = KINDS.into_iter().filter(|kind| kind.name().contains(&options.only)).collect();
    ensure!(!kinds.is_empty(), "no work has a name with `{}`", options.only);
    let postgres = Postgres::start().await?;
    let collector = Collector::start()?;
    let bed = Bed { bench, postgres: &postgres, collector: &collector, options };
    let (mut speed, mut arrived) = (vec![speed_header()], vec![arrived_header()]);
    for kind in kinds {
        let mut work = Work::prepare(&bed, kind).await?;
        if let Some(alone) = work.alone(&bed).await? {
            arrived.push(arrived_line(&format!("{}, every trace, one by one", kind.name()), &[alone]));
        }
        let all = Sent::ALL.into_iter().filter(|sent| *sent != Sent::TenthOfTraces || kind.has_many_traces());
        let mut cases: Vec<Case> = all.map(|sent| Case { sent, rounds: Vec::new() }).collect();
        for number in 1..=rounds {
            for case in &mut cases {
                let round = once(&bed, &mut work, case.sent).await?;
                let rate = thousands(round.done.rate);
                progress(&format!("round {number}, {}, {}: {rate}/s", kind.name(), case.sent.name()));
                case.rounds.push(round);
            }
            // Nobody always comes first; each keeps its rounds.
            cases.rotate_left(1);
        }
        cases.sort_by_key(|case| Sent::ALL.iter().position(|sent| *sent == case.sent));
        for case in &cases {
            let name = format!("{}, {}", kind.name(), case.sent.name());
            speed.push(speed_line(&name, case, &cases[0]));
            if case.sent.is_any() {
                arrived.push(arrived_line(&name, &case.rounds));
            }
        }
    }
    let protocol = if options.grpc { "gRPC" } else { "HTTP" };
    table(&format!("Telemetry over {protocol}, off and on (medians of {rounds})"), &speed);
    table(
        &format!("What arrived over {protocol}, each: of an answer, a run, a row (medians of {rounds})"),
        &arrived,
    );
    Ok(())
}

/// Does the work once, and looks at what arrived when all of it was sent.
async fn once(bed: &Bed<'_>, work: &mut Work, sent: Sent) -> anyhow::Result<Round> {
    // Nobody pays for what the one before left behind.
    bed.postgres.execute("postgres", "CHECKPOINT").await?;
    let before = bed.collector.counts().await?;
    let done = work.once(bed, sent.settings(bed.collector, bed.options)).await?;
    let arrived = bed.collector.counts().await?.since(before);
    if sent.is_any() {
        let has_all = arrived.spans > 0 && arrived.points > 0 && arrived.lines > 0;
        ensure!(has_all, "of traces, metrics and log something did not arrive: {arrived:?}");
        ensure!(arrived.unreadable == 0, "something that arrived can't be read: {arrived:?}");
    } else {
        ensure!(arrived == Counts::default(), "nothing is to be sent, and this arrived: {arrived:?}");
    }
    Ok(Round { done, arrived })
}

fn speed_header() -> Vec<String> {
    let columns = [
        "what",
        "per second",
        "× off",
        "least",
        "most",
        "p99 ms",
        "program CPU µs",
        "× off",
        "PostgreSQL CPU µs",
        "collector CPU µs",
    ];
    columns.map(str::to_owned).to_vec()
}

fn speed_line(name: &str, case: &Case, off: &Case) -> Vec<String> {
    let of_rounds =
        |value: fn(&Done) -> Option<f64>| median(case.rounds.iter().map(|round| value(&round.done)));
    // How it is to the same round with nothing sent.
    let ratios = |value: fn(&Done) -> Option<f64>| -> Vec<f64> {
        let pairs = case.rounds.iter().zip(&off.rounds);
        pairs.filter_map(|(on, off)| Some(value(&on.done)? / value(&off.done)?)).collect()
    };
    let (rates, cpus) = (ratios(|done| Some(done.rate)), ratios(|done| done.program_cpu));
    let middle = |ratios: &[f64]| median(ratios.iter().copied().map(Some));
    vec![
        name.to_owned(),
        of_rounds(|done| Some(done.rate)).map_or_else(|| "–".to_owned(), thousands),
        number(middle(&rates), 3),
        number(rates.iter().copied().reduce(f64::min), 3),
        number(rates.iter().copied().reduce(f64::max), 3),
        number(of_rounds(|done| done.p99), 2),
        small(of_rounds(|done| done.program_cpu)),
        number(middle(&cpus), 3),
        small(of_rounds(|done| done.postgres_cpu)),
        small(of_rounds(|done| done.collector_cpu)),
    ]
}

fn arrived_header() -> Vec<String> {
    ["what", "spans each", "log lines each", "bytes each", "metric points", "requests"]
        .map(str::to_owned)
        .to_vec()
}

fn arrived_line(name: &str, rounds: &[Round]) -> Vec<String> {
    let all = |value: fn(&Counts) -> u64| {
        median(rounds.iter().map(|round| Some(value(&round.arrived) as f64)))
            .map_or_else(|| "–".to_owned(), thousands)
    };
    let each = |value: fn(&Counts) -> u64| {
        small(median(rounds.iter().map(|round| Some(value(&round.arrived) as f64 / round.done.all))))
    };
    vec![
        name.to_owned(),
        each(|counts| counts.spans),
        each(|counts| counts.lines),
        each(|counts| counts.bytes),
        all(|counts| counts.points),
        all(|counts| counts.requests),
    ]
}

/// Three digits or more of what may be thousands or a thousandth.
fn small(value: Option<f64>) -> String {
    let places = match value {
        Some(value) if value >= 100.0 => 0,
        Some(value) if value >= 10.0 => 1,
        Some(value) if value >= 1.0 => 2,
        _ => 4,
    };
    number(value, places)
}
