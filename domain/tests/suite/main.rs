//! What crosses the domain's boundaries, through its public functions alone. One program for all of it: each program of
//! tests is linked with everything that the domain stands on, a quarter of a gigabyte.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod export;
mod harness;
mod health;
mod identity;
mod incident;
mod integration;
mod log_line;
mod notice;
mod retention;
mod runbook;
mod synthetic_check;
mod webhook;
