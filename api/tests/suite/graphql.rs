//! The schema as its callers meet it: who may do what, pages, loaders, refusals and live updates.
//! Executed in the process, on SQLite and without workers; transport and the work of runs are tested elsewhere.

mod access;
mod asked;
mod live;
mod loaders;
mod mutations;
mod pages;
mod router;
mod world;
