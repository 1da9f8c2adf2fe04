//! Sources and destinations: everything that talks to an outside system.
//!
//! A connector gets credentials, options and a cursor, and gives records or an outcome for each
//! record. Deliberately absent: our database, tenants, the queue, retries and counts.

mod bounds;
mod call;
mod connector;
mod counting;
mod credential_store;
mod cursor;
mod destination;
mod directory;
mod division;
mod documentation;
mod egress;
mod error;
mod exact_json;
mod exchange;
mod file;
#[cfg(fuzzing)]
pub mod fuzzing;
mod graphql;
mod http;
mod inbox;
mod keyset;
mod mysql;
mod oauth2;
mod options;
mod pace;
mod place;
mod postgres;
mod problem;
mod progress;
mod record;
mod registry;
mod relay;
mod sandbox;
mod secret_store;
mod singer;
mod source;
mod sqlite;
#[cfg(test)]
mod testing;
mod webhook;

pub use bounds::CursorRange;
pub use connector::{
    Connector, Description, Example, Failure, Guide, NewFile, OpenDestination, OpenSource, StreamSpec,
    SyncMode, SystemAccess,
};
pub use credential_store::CredentialStore;
pub use cursor::{compare_cursor_values, is_after_watermark, is_comparable};
pub use destination::{Action, Destination, Gone, Removal, Standing, Write, WriteOutcome};
pub use directory::file_path;
pub use division::{Division, PARTS_MAX, Part};
pub use documentation::pages;
pub use egress::{Egress, Names};
pub use error::{FieldError, RecordError, RecordErrorKind, SystemError, SystemErrorKind};
pub use exchange::{
    CLASSIFICATION_KEYWORD, Captured, Classification, Classified, Content, Exchange, Header, SHOWN_BYTES_MAX,
};
pub use file::IncomingFile;
pub use graphql::GraphqlConnector;
pub use http::HttpConnector;
pub use http::client::retry_after;
pub use http::refusal::blank_named as without_secrets;
pub use inbox::{Arrived, Inbox};
pub use mysql::MysqlConnector;
pub use oauth2::{AccessTokens, ClientAuthentication, Grant, OAuth2};
pub use pace::Pace;
pub use place::Place;
pub use postgres::PostgresConnector;
pub use problem::{Problem, problems};
pub use progress::{Progress, Spent, Waiting};
pub use record::{FieldNames, Record, RecordFields, RecordKey};
pub use registry::Registry;
pub use secret_store::{AwsOptions, SecretStores, StoreKind, VaultAuth, VaultOptions};
pub use singer::{SingerOptions, TapLimits, launch_tap};
pub use source::{Cursor, Item, Malformed, Page, Source};
pub use webhook::{Arrival, Receiver, Refusal, WebhookConnector, sign_webhook, webhook_key};
