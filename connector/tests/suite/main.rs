//! What is special to one connector, and the guarded HTTP client, against real servers.
//! Deliberately absent: what every connector must do (`contract`, a program of its own because it records all logs).

#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod bucket;
mod egress;
mod mysql;
#[path = "../servers/mysql.rs"]
mod mysql_server;
mod postgres;
#[path = "../servers/postgres.rs"]
mod postgres_server;
#[cfg(target_os = "linux")]
mod singer;
