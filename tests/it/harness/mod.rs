//! What the tests stand on: real servers, the real program, a real client, and an outside system that misbehaves on
//! request. Deliberately absent: mocks of our own crates, and a way to skip a test because something is missing.

pub mod authorization_server;
pub mod client;
#[cfg(target_os = "linux")]
pub mod clock;
pub mod collector;
pub mod files;
pub mod fixture;
pub mod moto;
pub mod oidc;
pub mod outside;
pub mod postgres;
pub mod process;
pub mod random;
pub mod redis;
pub mod redis_set;
pub mod smtp;
pub mod subscription;
pub mod taps;
pub mod trestle;
pub mod wait;
pub mod watchdog;

mod self_test;
