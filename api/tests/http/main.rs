//! The transport as its clients meet it: a real listener, real sockets, and a schema made for the purpose.
//! What resolvers of the product answer is tested elsewhere.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails where its expectation does")]

mod budget;
mod documents;
mod event_stream;
mod graphql_over_http;
mod limits;
mod listener;
mod null_propagation;
mod portal;
mod server;
mod toy;
mod websocket;
