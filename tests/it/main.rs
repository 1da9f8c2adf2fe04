//! The one integration test binary: behaviour through the public API, with real processes. One module a noun or
//! concern; what they stand on is in `harness`. Deliberately absent: tests of functions, which are beside them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(
    clippy::disallowed_methods,
    reason = "the tests are outside of the fences: they look at what is stored"
)]

mod access;
mod action;
mod asked_again;
mod audit;
mod backfill;
mod bad_input;
mod bucket;
mod caller_limits;
mod chaos;
mod circuit;
mod clues;
mod connectors;
mod contact;
mod deletions;
mod deploy;
mod dispatch;
mod escalation;
mod event_stream;
mod export;
mod extras;
mod failure;
mod failure_group;
mod fault;
mod foresight;
#[allow(dead_code, reason = "a toolbox: what one test needs today another may need tomorrow")]
mod harness;
mod health;
mod hold;
mod hostile;
mod http;
mod in_doubt;
mod inbox;
mod incident;
mod isolation;
mod key;
mod kill_switch;
mod kpi;
mod lifecycle;
mod notice;
mod oauth;
mod otel;
mod paging;
mod partition;
mod peer;
mod people;
mod plans;
mod portal;
mod portal_key;
mod preview;
mod quarantine;
mod rate_limit;
mod receipts;
mod recipe;
mod reconciliation;
mod redis;
mod reference;
mod replica;
mod retention;
mod retry;
mod reveal;
mod rolling_restart;
mod runbook;
mod scene;
mod schedule;
mod schema;
mod sdl;
mod secret;
mod sign_in;
mod singer;
mod single_sign_on;
mod slices;
mod source_schema;
mod stalled;
mod stream_cursor;
mod strewn;
mod subscription;
mod support;
mod sync;
mod synthetic;
mod tenant_cap;
mod upload;
mod view;
mod webhook;
mod words;
