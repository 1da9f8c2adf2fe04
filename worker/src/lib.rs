//! apalis workers: claim, run, schedule, sweep. A job is an async function that runs without apalis too. Not here: HTTP,
//! GraphQL, and every query (`domain`).

mod connection;

pub mod live;
pub mod queue;
