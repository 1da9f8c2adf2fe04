//! apalis workers: claim, run, schedule, sweep. A job is an async function that runs without apalis too. Not here: HTTP,
//! GraphQL, and every query (`domain`).

mod escalation;
mod health;
mod incident;
mod kill_switch;
mod notice;
mod outage;
mod refill;
mod report;
mod run;
mod schedule;
mod sweep;
mod synthetic;
mod worker;

pub mod live;
mod log_line;
pub mod mail;
mod memory;
pub mod queue;
pub mod rate_limit;

pub use log_line::{LogLayer, log_layer};
pub use worker::{Worker, WorkerError, WorkerOptions};

/// The client's default of 500 ms breaks under load that Redis survives.
const PATIENCE: redis_client::Patience =
    redis_client::Patience { response: std::time::Duration::from_secs(5), attempts: 2 };
