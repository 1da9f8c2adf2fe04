//! SeaORM entities: one table a file, its enums beside it.
//!
//! Deliberately absent: GraphQL, HTTP, permissions, queries.

#![expect(clippy::disallowed_methods, reason = "what SeaORM's macros generate calls them; nothing here does")]

pub mod api_key;
pub mod api_key_tenant;
pub mod audit_chain;
pub mod audit_entry;
pub mod backfill;
pub mod connect_link;
pub mod data_key;
pub mod external_identity;
pub mod failure;
pub mod idempotency_key;
pub mod identity_provider;
pub mod integration;
pub mod invitation;
pub mod job;
pub mod kill_switch;
pub mod mail;
pub mod notice;
pub mod notice_attempt;
pub mod notice_channel;
pub mod notice_delivery;
pub mod notice_policy;
pub mod notice_subject;
pub mod occasion;
pub mod portal_cutoff;
pub mod portal_key;
pub mod portal_key_tenant;
pub mod portal_session;
pub mod quarantine;
pub mod receipt_block;
pub mod receipt_segment;
pub mod reconciliation;
pub mod reconciliation_difference;
pub mod reconciliation_stream;
pub mod recovery_code;
pub mod refresh_token;
pub mod retry;
pub mod reveal;
pub mod run;
pub mod run_event;
pub mod run_slice;
pub mod run_stream;
pub mod second_factor;
pub mod session;
pub mod sign_in_attempt;
pub mod sign_on_attempt;
pub mod signing_key;
pub mod stream_cursor;
pub mod stream_schema;
pub mod string_list;
pub mod system;
pub mod system_grant;
pub mod tenant;
pub mod user;
pub mod user_token;
pub mod webhook_endpoint;
pub mod webhook_event;
pub mod worker;
