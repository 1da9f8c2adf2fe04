//! The seam to whoever knows tokens: a bearer token goes in, an identity comes out. No token format, no roles.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Once};
use std::time::{Duration, SystemTime};

use async_graphql::Request;
use async_trait::async_trait;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use chrono::{DateTime, Utc};
use ipnet::IpNet;

use super::RequestId;
use super::server::PeerAddress;

/// Characters of a `User-Agent` that are kept; browsers stay under 300.
const USER_AGENT_LENGTH_MAX: usize = 300;

/// Longest `Accept-Language` that is looked at, in bytes; browsers send under 100.
pub(super) const ACCEPT_LANGUAGE_BYTES_MAX: usize = 500;

/// Bits of an IPv6 address that name a network: one caller has the other 64 to themselves (RFC 4291, section 2.5.4).
const IPV6_NETWORK_BITS: u32 = 64;

/// Header in which each proxy adds the address that it was asked from.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Finds out who a bearer token stands for.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// The identity behind `bearer`; without a token an anonymous one, because signing in needs no token.
    /// Called for each mutation over HTTP, and on a WebSocket or event stream at its start and again every minute.
    ///
    /// # Errors
    /// [`AuthenticationError`] when there is a token and it is not good, or nobody can tell.
    async fn authenticate(
        &self,
        bearer: Option<&str>,
        origin: &RequestOrigin,
    ) -> Result<Identity, AuthenticationError>;

    /// The same as of a moment ago, for what only reads; and whether it is from then. Called once per HTTP request.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate).
    async fn authenticate_recent(
        &self,
        bearer: Option<&str>,
        origin: &RequestOrigin,
    ) -> Result<(Identity, bool), AuthenticationError> {
        Ok((self.authenticate(bearer, origin).await?, false))
    }
}

/// Who sends a request, as far as the transport must know it.
#[derive(Clone)]
pub struct Identity {
    /// Puts what resolvers read (the actor) into each of the identity's requests.
    pub attach: Arc<dyn Fn(Request) -> Request + Send + Sync>,
    /// When the token ends; a WebSocket is closed then. `None`: does not end by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether `__schema` and `__type` are answered.
    pub may_introspect: bool,
    /// For the log, e.g. `user:0198…`; never a secret and never personal data. The same for all tokens of a person.
    pub subject: String,
    /// Nobody signed in.
    pub is_anonymous: bool,
}

impl Identity {
    /// How long the identity is still good; zero when it has ended, `None` when it has no end.
    pub(super) fn remaining(&self) -> Option<Duration> {
        self.expires_at
            .map(|at| SystemTime::from(at).duration_since(SystemTime::now()).unwrap_or(Duration::ZERO))
    }

    /// Whose budget and places a request takes: the subject's, and of nobody signed in the network's.
    pub(super) fn caller(&self, origin: &RequestOrigin) -> String {
        if self.is_anonymous { origin.network() } else { self.subject.clone() }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Identity")
            .field("subject", &self.subject)
            .field("expires_at", &self.expires_at)
            .field("may_introspect", &self.may_introspect)
            .finish_non_exhaustive()
    }
}

/// Why a token gives no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// Malformed, unknown, revoked, or of a disabled user.
    #[error("the access token is not valid")]
    Invalid,
    /// Was good and has ended.
    #[error("the access token has expired")]
    Expired,
    /// Cannot be told now, e.g. the database does not answer.
    #[error("signing in is not possible at the moment")]
    Unavailable,
}

/// Where a request comes from. Also put into each GraphQL request's data.
#[derive(Clone, Debug)]
pub struct RequestOrigin {
    /// The id that the answer's `x-request-id` carries and the log knows.
    pub request_id: String,
    /// The other end of the TCP connection: the proxy, where there is one. `None` only without [`super::serve`].
    pub peer: Option<SocketAddr>,
    /// Who asks: the peer, or the one for whom trusted proxies ask. `None` only without a peer.
    pub client: Option<IpAddr>,
    /// `User-Agent`, shortened to 300 characters.
    pub user_agent: Option<String>,
    /// The trace that it belongs to, of `traceparent`: 32 hex digits.
    pub trace_id: Option<String>,
    /// `Accept-Language`, or what `connection_init` of a WebSocket says in its place; up to 500 bytes.
    pub accept_language: Option<String>,
}

impl RequestOrigin {
    /// Only proxies in these networks are believed whom they ask for.
    pub(super) fn of(parts: &Parts, trusted_proxies: &[IpNet]) -> Self {
        let peer = parts.extensions.get::<PeerAddress>().map(|peer| peer.0);
        Self {
            request_id: parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
            peer,
            client: peer.map(|peer| client_of(peer.ip(), &parts.headers, trusted_proxies)),
            user_agent: parts
                .headers
                .get(header::USER_AGENT)
                .and_then(|value| value.to_str().ok())
                .map(|value| value.chars().take(USER_AGENT_LENGTH_MAX).collect()),
            trace_id: parts.headers.get("traceparent").and_then(|value| trace_id(value.to_str().ok()?)),
            accept_language: parts
                .headers
                .get(header::ACCEPT_LANGUAGE)
                .and_then(|value| value.to_str().ok())
                .filter(|value| value.len() <= ACCEPT_LANGUAGE_BYTES_MAX)
                .map(str::to_owned),
        }
    }

    /// Where a caller who has not signed in is told apart from others: an IPv4 address, or an IPv6 network.
    pub(crate) fn network(&self) -> String {
        match self.client.map(|address| address.to_canonical()) {
            None => "network:unknown".to_owned(),
            Some(IpAddr::V4(address)) => format!("network:{address}"),
            Some(IpAddr::V6(address)) => {
                let network = address.to_bits() >> IPV6_NETWORK_BITS << IPV6_NETWORK_BITS;
                format!("network:{}", Ipv6Addr::from_bits(network))
            }
        }
    }
}

/// The first address, seen from here, that is no trusted proxy's. What stands before it in the header is the word of
/// a stranger.
fn client_of(peer: IpAddr, headers: &HeaderMap, trusted_proxies: &[IpNet]) -> IpAddr {
    static DOUBTED: Once = Once::new();
    let is_trusted = |address: IpAddr| trusted_proxies.iter().any(|network| network.contains(&address));
    let mut client = peer.to_canonical();
    if !is_trusted(client) {
        if headers.contains_key(FORWARDED_FOR) {
            DOUBTED.call_once(|| {
                tracing::warn!(
                    peer = %client,
                    "X-Forwarded-For came from a peer that is not in TRESTLE_TRUSTED_PROXIES; all its callers count as one"
                );
            });
        }
        return client;
    }
    let values: Vec<&[u8]> = headers.get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
    for part in values.iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b',')) {
        let Some(address) = address_of(part) else { break };
        client = address.to_canonical();
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// One entry of the header; some proxies add the port.
fn address_of(part: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(part).ok()?.trim();
    text.parse().or_else(|_no_port| text.parse::<SocketAddr>().map(|address| address.ip())).ok()
}

/// The token of an `Authorization` header.
///
/// # Errors
/// [`AuthenticationError::Invalid`] when the header is there and is not `Bearer <token>`.
pub(crate) fn bearer_of_headers(headers: &HeaderMap) -> Result<Option<String>, AuthenticationError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(AuthenticationError::Invalid);
    }
    let value = value.to_str().map_err(|_| AuthenticationError::Invalid)?;
    bearer_of_value(value).map(Some).ok_or(AuthenticationError::Invalid)
}

/// The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110, section 11.1).
pub(super) fn bearer_of_value(value: &str) -> Option<String> {
    let (scheme, token) = value.trim().split_once(' ')?;
    let token = token.trim();
    let well_formed = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("bearer") && well_formed).then(|| token.to_owned())
}

/// The trace id of a `traceparent` (<https://www.w3.org/TR/trace-context/#traceparent-header>); `None` where it is not valid.
fn trace_id(traceparent: &str) -> Option<String> {
    let mut parts = traceparent.trim().split('-');
    let (version, trace_id, parent_id) = (parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length: usize| {
        text.len() == length
            && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let is_some = |text: &str| text.bytes().any(|byte| byte != b'0');
    let is_valid = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace_id, 32)
        && is_some(trace_id)
        && is_hex(parent_id, 16)
        && is_some(parent_id);
    is_valid.then(|| trace_id.to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use axum::http::{HeaderMap, HeaderValue};
    use ipnet::IpNet;

    use super::{FORWARDED_FOR, RequestOrigin, bearer_of_value, client_of};

    #[test]
    fn a_trace_is_taken_from_a_valid_traceparent_alone() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        let of = |text: String| super::trace_id(&text);
        assert_eq!(of(format!("00-{id}-b7ad6b7169203331-01")).as_deref(), Some(id));
        assert_eq!(of(format!("01-{id}-b7ad6b7169203331-01-more")).as_deref(), Some(id));
        for wrong in [
            String::new(),
            id.to_owned(),
            format!("ff-{id}-b7ad6b7169203331-01"),
            format!("00-{}-b7ad6b7169203331-01", id.to_uppercase()),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-{id}-{}-01", "0".repeat(16)),
            format!("00-{id}"),
        ] {
            assert_eq!(of(wrong.clone()), None, "{wrong}");
        }
    }

    #[test]
    fn callers_who_have_not_signed_in_are_told_apart_by_network() {
        let network = |client: Option<&str>| {
            let client = client.map(|text| text.parse().expect("an address"));
            RequestOrigin {
                request_id: String::new(),
                peer: None,
                client,
                user_agent: None,
                accept_language: None,
                trace_id: None,
            }
            .network()
        };
        assert_eq!(network(Some("192.0.2.7")), "network:192.0.2.7");
        assert_eq!(network(Some("::ffff:192.0.2.7")), "network:192.0.2.7");
        assert_eq!(network(Some("2001:db8:1:2:3:4:5:6")), "network:2001:db8:1:2::");
        assert_eq!(network(Some("2001:db8:1:2:ffff::")), "network:2001:db8:1:2::");
        assert_ne!(network(Some("2001:db8:1:3::1")), network(Some("2001:db8:1:2::1")));
        assert_eq!(network(None), "network:unknown");
    }

    #[test]
    fn only_trusted_proxies_are_believed_whom_they_ask_for() {
        let trusted: Vec<IpNet> =
            ["10.0.0.0/8", "2001:db8::/32"].map(|text| text.parse().expect("a network")).into();
        let client = |peer: &str, forwarded: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append(FORWARDED_FOR, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
            }
            let peer: IpAddr = peer.parse().expect("an address");
            client_of(peer, &headers, &trusted).to_string()
        };
        assert_eq!(client("192.0.2.1", &[]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["198.51.100.9"]), "192.0.2.1", "a stranger says what they like");
        assert_eq!(client("10.0.0.1", &["198.51.100.9"]), "198.51.100.9");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.9"]), "198.51.100.9");
        assert_eq!(client("10.0.0.1", &["203.0.113.5, 198.51.100.9, 10.0.0.2"]), "198.51.100.9");
        assert_eq!(
            client("10.0.0.1", &["203.0.113.5", "198.51.100.9"]),
            "198.51.100.9",
            "the last line is the nearest"
        );
        assert_eq!(client("2001:db8::1", &["198.51.100.9:4711"]), "198.51.100.9");
        assert_eq!(client("10.0.0.1", &["[2a00::7]:4711"]), "2a00::7");
        assert_eq!(client("10.0.0.1", &["203.0.113.5, unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(
            client("10.0.0.1", &["ünknown, 198.51.100.9"]),
            "198.51.100.9",
            "what a stranger wrote first hides nobody"
        );
        assert_eq!(client("10.0.0.1", &["10.0.0.3"]), "10.0.0.3");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn only_bearer_with_one_token_is_taken() {
        assert_eq!(bearer_of_value("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(bearer_of_value("bearer  abc ").as_deref(), Some("abc"));
        for refused in ["", "Bearer", "Bearer ", "Basic abc", "abc", "Bearer a b"] {
            assert_eq!(bearer_of_value(refused), None, "{refused}");
        }
    }
}
