//! What subscriptions cost: the memory of a process on which thousands are open, and how long a change takes to all who
//! listen to it. Deliberately absent: a network; both ends are on this machine.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::Bench;
use crate::client::Client;
use crate::report::{self, mebibytes, median, number, percentile, progress, table};
use crate::trestle::{Directory, Stores, Trestle};

/// Connections of one caller, each with a subscription: as many as the program allows by default.
const CONNECTIONS_PER_CALLER: u32 = 20;
/// Connections that are opened at once.
const OPENED_AT_ONCE: usize = 50;
/// Longer than a connection takes to open, or a change to arrive.
const LIMIT: Duration = Duration::from_secs(60);
/// What happens right after so many connections is no idling.
const SETTLING: Duration = Duration::from_secs(3);
/// How often a run that is waited for is looked at.
const POLL: Duration = Duration::from_millis(20);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How many there are.
#[derive(Args)]
pub struct Options {
    /// Subscriptions, each on a connection of its own; at most 5,000, which is what a process takes
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    subscriptions: u32,
    /// Changes that are told, one after the other, each to the listeners of one tenant
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    changes: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { subscriptions: 5_000, changes: 200 }
    }
}

/// A tenant whose runs are listened to.
struct Place {
    integration: String,
    key: String,
    listeners: u32,
}

/// What a listener heard.
struct Heard {
    place: usize,
    listener: usize,
    run: String,
    at: Instant,
}

/// What a round found.
#[derive(Default)]
struct Round {
    /// Bytes, before anybody listens and while all do.
    before: Option<u64>,
    open: Option<u64>,
    peak: Option<u64>,
    /// Milliseconds from the answer of `startRun` until the first and the last listener heard of the run.
    first: Vec<f64>,
    last: Vec<f64>,
}

/// Measures the program all in one process on SQLite.
///
/// # Errors
/// When it can't be started, a connection is refused, or a change does not arrive.
pub async fn measure(bench: &Bench, options: &Options) -> anyhow::Result<()> {
    let mut rounds = Vec::new();
    for number in 1..=bench.rounds {
        progress(&format!("{} subscriptions, round {number} of {}", options.subscriptions, bench.rounds));
        rounds.push(round(bench, options).await?);
    }
    let memory = |of: fn(&Round) -> Option<u64>| median(rounds.iter().map(|round| of(round).map(mebibytes)));
    let each = memory(|round| Some(round.open?.saturating_sub(round.before?)))
        .map(|bytes| bytes * 1024.0 / f64::from(options.subscriptions));
    let times = |of: fn(&Round) -> &Vec<f64>, percent: f64| {
        median(rounds.iter().map(|round| Some(percentile(of(round), percent))))
    };
    let line = |what: &str, value: Option<f64>, places, unit: &str| {
        vec![what.to_owned(), format!("{} {unit}", number(value, places))]
    };
    let lines = [
        vec!["what".to_owned(), "value".to_owned()],
        line("memory before anybody listens", memory(|round| round.before), 0, "MiB"),
        line("memory while all listen", memory(|round| round.open), 0, "MiB"),
        line("memory at most", memory(|round| round.peak), 0, "MiB"),
        line("more for each subscription", each, 1, "KiB"),
        line("a change to its first listener, p50", times(|round| &round.first, 50.0), 1, "ms"),
        line("a change to all its listeners, p50", times(|round| &round.last, 50.0), 1, "ms"),
        line("a change to all its listeners, p99", times(|round| &round.last, 99.0), 1, "ms"),
    ];
    let heading = format!(
        "{} open subscriptions of {} tenants, one process on SQLite; {} changes, each told to {} listeners",
        options.subscriptions,
        options.subscriptions.div_ceil(CONNECTIONS_PER_CALLER),
        options.changes,
        CONNECTIONS_PER_CALLER.min(options.subscriptions),
    );
    table(&heading, &lines);
    Ok(())
}

async fn round(bench: &Bench, options: &Options) -> anyhow::Result<Round> {
    let (program, _) = Directory::create(bench)?.start(Stores::Embedded)?;
    let admin = program.admin().await?;
    let places = places(&admin, options.subscriptions).await?;
    tokio::time::sleep(SETTLING).await;
    let mut round = Round { before: program.server().memory_bytes(), ..Round::default() };
    let (sender, mut heard) = mpsc::unbounded_channel();
    let mut readers = open_all(&program, &places, &sender).await?;
    drop(sender);
    tokio::time::sleep(SETTLING).await;
    round.open = program.server().memory_bytes();
    for number in 0..options.changes {
        let place = number as usize % places.len();
        let told = tokio::time::timeout(LIMIT, change(&admin, &places, place, &mut heard));
        let (first, last) = told.await.context("a change does not arrive")??;
        round.first.push(report::milliseconds(first));
        round.last.push(report::milliseconds(last));
    }
    round.peak = program.server().memory_peak_bytes();
    // Nobody was sent away meanwhile.
    if let Some(ended) = readers.try_join_next() {
        ended??;
        bail!("a subscription ended by itself");
    }
    Ok(round)
}

async fn places(admin: &Client, subscriptions: u32) -> anyhow::Result<Vec<Place>> {
    let stream = json!({
        "name": "records", "mode": "FULL", "keyFields": ["id"], "source": {"records": 1}, "destination": {},
    });
    let mut places = Vec::new();
    let mut left = subscriptions;
    while left > 0 {
        let tenant = admin.tenant(&format!("bench-{}", places.len())).await?;
        let system = admin.system(&tenant, "sandbox", json!({}), None).await?;
        let integration = admin.integration(&tenant, &system, &system, stream.clone()).await?;
        let input = json!({"name": "bench", "scopes": ["runs:read"], "tenantIds": [tenant]});
        let key = admin.mutate("createApiKey", input, "secret").await?["secret"].clone();
        let key = key.as_str().context("a new key has a secret")?.to_owned();
        let listeners = left.min(CONNECTIONS_PER_CALLER);
        places.push(Place { integration, key, listeners });
        left -= listeners;
    }
    Ok(places)
}

/// Opens a connection for each subscription, and a task that reads it.
async fn open_all(
    program: &Trestle,
    places: &[Place],
    sender: &mpsc::UnboundedSender<Heard>,
) -> anyhow::Result<JoinSet<anyhow::Result<()>>> {
    let url: Arc<str> = program.api().replacen("http", "ws", 1).into();
    let wanted = places
        .iter()
        .enumerate()
        .flat_map(|(number, place)| (0..place.listeners).map(move |_| (number, place.key.clone())));
    let mut opened = futures::stream::iter(wanted)
        .map(|(place, key)| {
            let url = Arc::clone(&url);
            async move { anyhow::Ok((place, open(&url, &key).await?)) }
        })
        .buffer_unordered(OPENED_AT_ONCE);
    let mut readers = JoinSet::new();
    while let Some(connection) = opened.next().await {
        let (place, socket) = connection.context("opening a subscription")?;
        readers.spawn(read(place, readers.len(), socket, sender.clone()));
    }
    Ok(readers)
}

/// A connection on which a subscription was accepted, and a query after it answered.
async fn open(url: &str, key: &str) -> anyhow::Result<Socket> {
    let mut request = url.into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
    let (mut socket, _) = tokio::time::timeout(LIMIT, connect_async(request)).await??;
    let init = json!({"type": "connection_init", "payload": {"Authorization": format!("Bearer {key}")}});
    send(&mut socket, &init).await?;
    let answer = receive(&mut socket).await?;
    ensure!(answer["type"] == "connection_ack", "expected connection_ack, got {answer}");
    let listen = json!({"query": "subscription { runChanged { id status } }"});
    send(&mut socket, &json!({"id": "1", "type": "subscribe", "payload": listen})).await?;
    let after = json!({"query": "{ __typename }"});
    send(&mut socket, &json!({"id": "2", "type": "subscribe", "payload": after})).await?;
    loop {
        let answer = receive(&mut socket).await?;
        ensure!(answer["type"] != "error", "refused: {answer}");
        if answer["type"] == "complete" {
            return Ok(socket);
        }
    }
}

async fn send(socket: &mut Socket, message: &Value) -> anyhow::Result<()> {
    Ok(socket.send(Message::text(message.to_string())).await?)
}

/// The next message of the protocol.
async fn receive(socket: &mut Socket) -> anyhow::Result<Value> {
    loop {
        match tokio::time::timeout(LIMIT, socket.next()).await?.context("the connection ended")?? {
            Message::Text(text) => return Ok(serde_json::from_str(&text)?),
            Message::Close(frame) => bail!("the server closed: {frame:?}"),
            _ => {}
        }
    }
}

/// Tells what it hears until the connection ends.
async fn read(
    place: usize,
    listener: usize,
    mut socket: Socket,
    sender: mpsc::UnboundedSender<Heard>,
) -> anyhow::Result<()> {
    while let Some(message) = socket.next().await {
        match message? {
            Message::Text(text) => {
                let at = Instant::now();
                let told: Value = serde_json::from_str(&text)?;
                let run = &told["payload"]["data"]["runChanged"]["id"];
                let run = run.as_str().with_context(|| format!("no event: {told}"))?.to_owned();
                if sender.send(Heard { place, listener, run, at }).is_err() {
                    return Ok(());
                }
            }
            Message::Close(frame) => bail!("the server closed: {frame:?}"),
            _ => {}
        }
    }
    bail!("the connection ended")
}

/// Starts a run, and gives how long after the answer its tenant's first and last listener heard of it.
async fn change(
    admin: &Client,
    places: &[Place],
    number: usize,
    heard: &mut mpsc::UnboundedReceiver<Heard>,
) -> anyhow::Result<(Duration, Duration)> {
    let place = places.get(number).context("there is such a place")?;
    let run = admin.start_run(&place.integration).await?;
    let answered = Instant::now();
    let (mut times, mut listeners): (Vec<Duration>, HashSet<usize>) = Default::default();
    while times.len() < place.listeners as usize {
        let told = heard.recv().await.context("nobody listens any more")?;
        ensure!(told.place == number || told.run != run, "a run of another tenant is told");
        // Each hears of it several times: the first counts.
        if told.run == run && listeners.insert(told.listener) {
            times.push(told.at.saturating_duration_since(answered));
        }
    }
    admin.succeeded(&run, POLL).await?;
    times.sort();
    let (first, last) = (times.first().copied(), times.last().copied());
    first.zip(last).context("somebody listens")
}
