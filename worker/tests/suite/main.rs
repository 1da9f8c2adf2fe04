//! The worker on real queues: Redis, in-process and database.

mod deaf;
mod harness;
mod live;
mod redis_queue;
mod runs;
