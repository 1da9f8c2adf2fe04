//! The API as its callers see it: GraphQL on the domain, and the transport with a schema made for the purpose.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails where its expectation does")]

mod graphql;
mod http;
