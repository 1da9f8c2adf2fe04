//! The schema as its callers meet it: who may do what, pages, loaders, refusals and live updates.
//! Executed in the process, on SQLite and without workers; transport and the work of runs are tested elsewhere.

#![expect(clippy::unwrap_used, reason = "a test fails where its expectation does")]

mod access;
mod live;
mod loaders;
mod mutations;
mod pages;
mod router;
mod world;
