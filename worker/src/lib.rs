//! apalis workers: claim, run, schedule, sweep. A job is an async function that runs without apalis too. Not here: HTTP,
//! GraphQL, and every query (`domain`).

mod connection;
mod kill_switch;
mod outage;
mod run;
mod schedule;
mod sweep;
mod worker;

pub mod live;
pub mod mail;
pub mod queue;
pub mod rate_limit;

pub use worker::{Worker, WorkerError, WorkerOptions};
