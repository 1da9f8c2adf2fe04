//! One question to one server over so many connections, asked in every round, and what it came to.

use std::time::Duration;

use anyhow::Context;

use super::load::Target;
use super::peers::Peer;
use super::program::Program;
use crate::process::Process;
use crate::report::{mebibytes, median, number, percentile, progress, thousands};
use crate::servers::Postgres;

/// A server is warm after this share of the time for which it is measured.
const WARM_UP: f64 = 0.3;

/// Who answers.
#[derive(Clone, Copy)]
pub enum Server<'a> {
    /// The program.
    Program(&'a Program),
    /// What was written by hand.
    Handler(&'a Process),
    /// What a team would use otherwise.
    Peer(&'a Peer),
}

impl Server<'_> {
    fn cpu(&self) -> Option<Duration> {
        match self {
            Self::Program(program) => program.cpu(),
            Self::Handler(handler) => handler.cpu(),
            Self::Peer(peer) => peer.process().cpu_with_children(),
        }
    }

    fn redis_cpu(&self) -> Option<Duration> {
        match self {
            Self::Program(program) => program.redis_cpu(),
            _ => None,
        }
    }

    fn memory_peak(&self) -> Option<f64> {
        match self {
            Self::Program(program) => program.memory_peak(),
            Self::Handler(handler) => handler.memory_peak_bytes().map(mebibytes),
            Self::Peer(peer) => peer.process().memory_peak_bytes_with_children().map(mebibytes),
        }
    }
}

/// A question, asked in every round.
pub struct Case<'a> {
    /// What it is called.
    pub name: String,
    server: Server<'a>,
    target: Target,
    connections: usize,
    rounds: Vec<Round>,
}

/// What one time came to; times of the processor are in µs for each answer.
struct Round {
    rate: f64,
    p50: f64,
    p99: f64,
    server_cpu: Option<f64>,
    redis_cpu: Option<f64>,
    postgres_cpu: Option<f64>,
    memory_peak: Option<f64>,
}

impl<'a> Case<'a> {
    /// Over so many connections.
    pub fn new(name: &str, server: Server<'a>, target: &Target, connections: usize) -> Self {
        let name = Self::named(name, connections);
        Self { name, server, target: target.clone(), connections, rounds: Vec::new() }
    }

    /// What a case over so many connections is called.
    pub fn named(name: &str, connections: usize) -> String {
        format!("{name}, {connections} connections")
    }

    /// Measures it once more; how many answers there were, those before it was warm included.
    pub async fn measure(&mut self, postgres: &Postgres, duration: Duration) -> anyhow::Result<usize> {
        let warm = self.target.load(self.connections, duration.mul_f64(WARM_UP)).await;
        let warm = warm.with_context(|| self.name.clone())?;
        let before = (self.server.cpu(), self.server.redis_cpu(), postgres.cpu());
        let load = self.target.load(self.connections, duration).await.with_context(|| self.name.clone())?;
        let each = |before: Option<Duration>, after: Option<Duration>| {
            Some(after?.saturating_sub(before?).as_secs_f64() * 1e6 / load.answers as f64)
        };
        let round = Round {
            rate: load.answers as f64 / load.seconds,
            p50: percentile(&load.milliseconds, 50.0),
            p99: percentile(&load.milliseconds, 99.0),
            server_cpu: each(before.0, self.server.cpu()),
            redis_cpu: each(before.1, self.server.redis_cpu()),
            postgres_cpu: each(before.2, postgres.cpu()),
            memory_peak: self.server.memory_peak(),
        };
        progress(&format!("{}: {}/s", self.name, thousands(round.rate)));
        let answers = warm.all() + load.all();
        self.rounds.push(round);
        Ok(answers)
    }

    /// Answers a second, the median; `None` before it was measured.
    pub fn rate(&self) -> Option<f64> {
        median(self.rounds.iter().map(|round| Some(round.rate)))
    }

    /// The header of [`line`](Self::line).
    pub fn header(of: &str) -> Vec<String> {
        let columns = [
            "what",
            "answers/s",
            "p50 ms",
            "p99 ms",
            "server CPU µs",
            "Redis CPU µs",
            "PostgreSQL CPU µs",
            "peak MiB",
            of,
        ];
        columns.map(str::to_owned).to_vec()
    }

    /// The medians of its rounds, and how its rate is to this one; `None` before it was measured.
    pub fn line(&self, of: Option<f64>) -> Option<Vec<String>> {
        let rate = self.rate()?;
        let of_rounds = |value: fn(&Round) -> Option<f64>| median(self.rounds.iter().map(value));
        Some(vec![
            self.name.clone(),
            thousands(rate),
            number(of_rounds(|round| Some(round.p50)), 2),
            number(of_rounds(|round| Some(round.p99)), 2),
            number(of_rounds(|round| round.server_cpu), 0),
            number(of_rounds(|round| round.redis_cpu), 0),
            number(of_rounds(|round| round.postgres_cpu), 0),
            number(of_rounds(|round| round.memory_peak), 0),
            number(of.map(|of| rate / of), 2),
        ])
    }

    /// Over how many connections it is asked.
    pub fn connections(&self) -> usize {
        self.connections
    }
}
