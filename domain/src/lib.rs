//! What the product is and allows: authorization, tenant scope, rules, and every query.
//!
//! The path of everything is `token → Actor → authorize(Permission) → Scope → rows`. Deliberately absent:
//! GraphQL, the HTTP server, Redis.

pub mod actor;
pub mod api_key;
pub mod app;
pub mod audit;
pub mod authentication;
pub mod backfill;
pub mod background;
pub mod bootstrap;
pub mod catalogue;
pub mod change;
mod checksum;
pub mod cipher;
pub mod clock;
pub mod connect_link;
pub mod connector;
pub mod data_key;
pub mod database;
pub mod dispatch;
pub mod error;
pub mod failure;
pub mod id;
pub mod idempotency;
mod identity;
pub mod identity_provider;
mod insert;
pub mod integration;
pub mod invitation;
pub mod job;
mod json;
pub mod kill_switch;
pub mod mail;
mod one_time_token;
pub mod outage;
pub mod page;
pub mod password;
pub mod permission;
pub mod portal_key;
pub mod portal_session;
pub mod quarantine;
pub mod rate_limit;
pub mod reconciliation;
pub mod retry;
pub mod reveal;
pub mod run;
pub mod run_event;
pub mod schedule;
pub mod scope;
mod search;
pub mod second_factor;
pub mod session;
mod sign_in_attempt;
pub mod signing_key;
pub mod single_sign_on;
pub mod stream;
pub mod stream_cursor;
pub mod stream_schema;
pub mod system;
pub mod system_grant;
pub mod tenant;
pub mod token;
pub mod user;
mod user_token;
mod validation;
pub mod viewer;
pub mod webhook_endpoint;
pub mod webhook_event;

pub use actor::{Actor, Principal, Tenants};
pub use app::{App, AppOptions, OutsideOptions, PeopleOptions};
pub use error::{Error, Problem, ProblemCode, Result};
pub use permission::{Audience, Permission};
pub use scope::{Scope, TxScope};

pub use entity::user::Role;
