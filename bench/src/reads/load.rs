//! A load generator: so many connections, each asks, reads the whole answer, and asks again. It shares the cores with
//! what it measures, so that it does as little as it can: requests are bytes made before, answers are looked at by status
//! and length, and read as JSON one in so many.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Longer than any answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Of so many answers one is compared in full.
const COMPARED_EACH: usize = 64;
/// So many are asked for and compared before anything is measured.
const PROVED: usize = 16;
/// An answer that is shorter than this share of the shortest of those is wrong.
const LENGTH_SHARE: f64 = 0.8;

/// Says whether the answer to the request of this number is right.
pub type Compare = Arc<dyn Fn(usize, &Value) -> anyhow::Result<()> + Send + Sync>;

/// Who is asked, and what.
#[derive(Clone)]
pub struct Target {
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    compare: Compare,
}

/// What came of it.
pub struct Load {
    /// Answers, all of them right.
    pub answers: usize,
    /// How long they took together.
    pub seconds: f64,
    /// How long each took, in milliseconds.
    pub milliseconds: Vec<f64>,
    /// Those that were asked for before.
    proved: usize,
}

impl Load {
    /// Every answer, those before it was measured included.
    pub fn all(&self) -> usize {
        self.answers + self.proved
    }
}

impl Target {
    /// POST requests of JSON to `http://127.0.0.1:PORT/PATH`, each with its bearer token.
    ///
    /// # Errors
    /// When the address can't be read, or there is no request.
    pub fn new(
        url: &str,
        requests: impl IntoIterator<Item = (String, Value)>,
        compare: Compare,
    ) -> anyhow::Result<Self> {
        let rest = url.strip_prefix("http://").with_context(|| format!("the address {url}"))?;
        let (host, path) = rest.split_once('/').with_context(|| format!("the path of {url}"))?;
        let address = host.parse().with_context(|| format!("the address {url}"))?;
        let request = |(token, body): (String, Value)| {
            let body = body.to_string();
            format!(
                "POST /{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
                 accept: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        };
        let requests: Vec<Vec<u8>> = requests.into_iter().map(request).collect();
        ensure!(!requests.is_empty(), "there is nothing to ask {url}");
        Ok(Self { address, requests: Arc::new(requests), compare })
    }

    /// Asks at random over so many connections for so long, in a thread of its own.
    ///
    /// # Errors
    /// When an answer is wrong, or does not come.
    pub async fn load(&self, connections: usize, duration: Duration) -> anyhow::Result<Load> {
        let target = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(target.load_here(connections, duration))
        });
        done.await?
    }

    async fn load_here(self, connections: usize, duration: Duration) -> anyhow::Result<Load> {
        let (least, proved) = self.prove().await?;
        let mut open = Vec::with_capacity(connections);
        for _ in 0..connections {
            open.push(Connection::open(self.address).await?);
        }
        let begun = Instant::now();
        let deadline = begun + duration;
        let mut tasks = JoinSet::new();
        for (seed, connection) in open.into_iter().enumerate() {
            tasks.spawn(self.clone().ask_until(deadline, connection, seed as u64, least));
        }
        let mut milliseconds = Vec::new();
        while let Some(task) = tasks.join_next().await {
            milliseconds.append(&mut task??);
        }
        let seconds = begun.elapsed().as_secs_f64();
        Ok(Load { answers: milliseconds.len(), seconds, milliseconds, proved })
    }

    /// Asks for a few and compares them; the length that each answer has at least, and how many they were.
    async fn prove(&self) -> anyhow::Result<(usize, usize)> {
        let mut connection = Connection::open(self.address).await?;
        let (mut shortest, mut proved) = (usize::MAX, 0);
        let step = (self.requests.len() / PROVED).max(1);
        for (number, request) in self.requests.iter().enumerate().step_by(step) {
            let body = connection.ask(request).await?;
            shortest = shortest.min(body.len());
            self.compare(number, body)?;
            proved += 1;
        }
        Ok(((shortest as f64 * LENGTH_SHARE) as usize, proved))
    }

    async fn ask_until(
        self,
        deadline: Instant,
        mut connection: Connection,
        seed: u64,
        least: usize,
    ) -> anyhow::Result<Vec<f64>> {
        let mut milliseconds = Vec::new();
        let mut random = Random::new(seed);
        loop {
            let number = random.below(self.requests.len());
            let asked = Instant::now();
            if asked >= deadline {
                return Ok(milliseconds);
            }
            let body = connection.ask(&self.requests[number]).await?;
            milliseconds.push(asked.elapsed().as_secs_f64() * 1_000.0);
            ensure!(body.len() >= least, "a short answer: {}", String::from_utf8_lossy(body));
            if milliseconds.len() % COMPARED_EACH == 0 {
                self.compare(number, body)?;
            }
        }
    }

    fn compare(&self, number: usize, body: &[u8]) -> anyhow::Result<()> {
        let answer: Value = serde_json::from_slice(body).context("reading an answer")?;
        let compared = if answer["errors"].is_null() {
            (self.compare)(number, &answer)
        } else {
            Err(anyhow::anyhow!("there are errors"))
        };
        compared.with_context(|| format!("{answer:#}"))
    }
}

/// Xorshift: which request comes next (<https://www.jstatsoft.org/article/view/v008i14>).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// One HTTP/1.1 connection that is kept.
struct Connection {
    stream: TcpStream,
    /// What was read of the answer.
    buffer: Vec<u8>,
    /// Of an answer in chunks: them, joined.
    joined: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 * 1024), joined: Vec::new() })
    }

    /// Sends a request and gives the body of the answer, whose status is 200.
    async fn ask(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        tokio::time::timeout(ANSWER_LIMIT, self.ask_unlimited(request)).await.context("there is no answer")?
    }

    async fn ask_unlimited(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        self.stream.write_all(request).await.context("asking")?;
        self.buffer.clear();
        let head = loop {
            self.read().await?;
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
        };
        let is_ok = self.buffer.starts_with(b"HTTP/1.1 200 ");
        let length = header(&self.buffer[..head], "content-length");
        let length = length.map(str::parse::<usize>).transpose().context("the length of an answer")?;
        let body = if let Some(length) = length {
            while self.buffer.len() < head + length {
                self.read().await?;
            }
            &self.buffer[head..head + length]
        } else {
            self.join_chunks(head).await?;
            &self.joined
        };
        ensure!(is_ok, "{} {}", String::from_utf8_lossy(&self.buffer[..head]), String::from_utf8_lossy(body));
        Ok(body)
    }

    /// Reads the chunks of a body (RFC 9112, section 7.1) that begins at `place`.
    async fn join_chunks(&mut self, mut place: usize) -> anyhow::Result<()> {
        self.joined.clear();
        loop {
            let line = loop {
                if let Some(end) = find(&self.buffer[place..], b"\r\n") {
                    break end;
                }
                self.read().await?;
            };
            let size = std::str::from_utf8(&self.buffer[place..place + line])?;
            let size = usize::from_str_radix(size.trim(), 16).context("the size of a chunk")?;
            let begin = place + line + 2;
            place = begin + size + 2;
            while self.buffer.len() < place {
                self.read().await?;
            }
            if size == 0 {
                return Ok(());
            }
            self.joined.extend_from_slice(&self.buffer[begin..begin + size]);
        }
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        let count = self.stream.read_buf(&mut self.buffer).await.context("reading an answer")?;
        ensure!(count > 0, "the server closed the connection");
        Ok(())
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// A header's value.
fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let lines = std::str::from_utf8(head).ok()?.split("\r\n").skip(1);
    lines
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}
