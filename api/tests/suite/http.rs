//! The transport as its clients meet it: a real listener, real sockets, and a schema made for the purpose.
//! What resolvers of the product answer is tested elsewhere.

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
