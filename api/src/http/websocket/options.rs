//! What is set of WebSocket connections, and of event streams: their timing, and how many a caller may have.

use std::time::Duration;

/// Timing and number of WebSocket connections, and of event streams.
#[derive(Clone, Debug)]
pub struct WebSocketOptions {
    /// Longest wait for `connection_init`. Default 10 s: mobile networks take seconds for a first round trip.
    pub initialisation_timeout: Duration,
    /// Time between pings; a peer that has said nothing since the last one is given up. Default 20 s: proxies close
    /// connections that are silent for 30 to 60 s.
    pub keep_alive_interval: Duration,
    /// Longest time one message may take to leave; a slower client is dropped: a WebSocket with the code 1013, an event
    /// stream by an end of its connection. Default 10 s.
    pub send_timeout: Duration,
    /// How often a token is checked again, so that a revoked one ends its connections. Default 60 s.
    pub reauthentication_interval: Duration,
    /// WebSockets and event streams of one caller (a person, an API key, a portal session; of who has not signed in, a network) in this
    /// process. Default 20: a tab of a browser has one.
    pub connections_per_caller_max: usize,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        Self {
            initialisation_timeout: Duration::from_secs(10),
            keep_alive_interval: Duration::from_secs(20),
            send_timeout: Duration::from_secs(10),
            reauthentication_interval: Duration::from_secs(60),
            connections_per_caller_max: 20,
        }
    }
}
