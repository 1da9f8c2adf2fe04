//! The public API of Trestle: GraphQL over HTTP and WebSocket.
//! Transport, protocol and limits are in `http`; deliberately absent are SQL, permissions and every business rule.

pub mod http;
