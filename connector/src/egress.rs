//! The guard between connectors and the network: which addresses an integration may reach.
//!
//! Names are resolved here, and connections go to the very addresses that were checked, so a name
//! that answers differently the second time gains nothing. Deliberately absent: ports, TLS policy and
//! lists of host names.

mod address;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Once};
use std::time::Duration;

use async_trait::async_trait;
use ipnet::IpNet;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::redirect::{Attempt, Policy};
use telemetry::trace::Span;

use self::address::{is_public, unwrapped};
use crate::{SystemError, SystemErrorKind, call};

/// How long a name may take to resolve: the usual resolver asks twice, a few seconds apart.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a TCP and TLS handshake may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Redirects followed for one request; browsers follow 20, APIs rarely need two.
const REDIRECTS_MAX: usize = 5;
/// What a customer reads when an address is refused.
const FORBIDDEN_HINT: &str = "this address is not allowed for integrations; the operator can allow it";

/// Which addresses connectors may reach: public ones, and the networks the operator allows.
#[derive(Debug, Clone)]
pub struct Egress {
    allow: Arc<[IpNet]>,
    names: Arc<dyn Names>,
}

/// From names to addresses.
#[async_trait]
pub trait Names: fmt::Debug + Send + Sync {
    /// The addresses of a name, each with this port.
    ///
    /// # Errors
    /// When there are none, or nobody could be asked.
    async fn addresses(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The machine's own resolver.
#[derive(Debug)]
struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn addresses(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name, port)).await?.collect())
    }
}

impl Default for Egress {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

/// Which redirects an HTTP client follows by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redirects {
    /// None: a redirected POST would arrive as a GET, and count as written.
    None,
    /// Those that stay on the same scheme, host and port: headers may carry credentials.
    SameOrigin,
    /// Those to any allowed address: the request carries nothing secret.
    AnyOrigin,
}

impl Egress {
    /// A guard that refuses everything but public addresses and the networks of `allow`.
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self::with_names(allow, Arc::new(SystemNames))
    }

    /// The same, with a way of its own from names to addresses.
    pub fn with_names(allow: Vec<IpNet>, names: Arc<dyn Names>) -> Self {
        Self { allow: allow.into(), names }
    }

    /// True when connectors may reach `address`. Addresses that embed an IPv4 address (mapped,
    /// compatible, translated, NAT64, 6to4) are judged by it.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = unwrapped(address);
        self.allow.iter().any(|network| network.contains(&address)) || is_public(address)
    }

    /// The addresses of a host that may be reached, at least one. `host` is a name or an address,
    /// IPv6 with or without brackets.
    ///
    /// # Errors
    /// `Forbidden` when it has addresses and none is allowed, `Misconfigured` when the name does not
    /// exist, `Unavailable` or `Timeout` when the name service does not answer (limit 5 s).
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, SystemError> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if bare.is_empty() || bare.chars().any(|c| c == '/' || c == '\0' || c.is_whitespace()) {
            return Err(SystemError::new(
                SystemErrorKind::Misconfigured,
                format!("{host:?} is not a host name"),
            )
            .with_hint("the host name is not valid"));
        }
        let found: Vec<SocketAddr> = match bare.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => match tokio::time::timeout(RESOLVE_TIMEOUT, self.names.addresses(bare, port)).await {
                Err(_) => {
                    let detail = format!("resolving {bare} took longer than {RESOLVE_TIMEOUT:?}");
                    return Err(SystemError::new(SystemErrorKind::Timeout, detail));
                }
                Ok(Err(error)) => return Err(resolve_error(bare, &error)),
                Ok(Ok(addresses)) => addresses,
            },
        };
        if found.is_empty() {
            return Err(no_such_host(bare, "it has no address"));
        }
        let allowed: Vec<SocketAddr> = found.iter().copied().filter(|a| self.permits(a.ip())).collect();
        if allowed.is_empty() {
            let addresses = found.iter().map(|a| a.ip().to_string()).collect::<Vec<_>>().join(", ");
            return Err(forbidden(format!("{bare} is at {addresses}, which connectors may not reach")));
        }
        Ok(allowed)
    }

    /// Refuses URLs that are not plain http or https, that carry credentials, or whose host is an
    /// address that is not allowed. Clients do not ask the resolver for hosts that are addresses, so
    /// this comes before each request.
    ///
    /// # Errors
    /// `Misconfigured` or `Forbidden`.
    pub fn check_url(&self, url: &Url) -> Result<(), SystemError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SystemError::new(
                SystemErrorKind::Misconfigured,
                format!("scheme {:?} is not http or https", url.scheme()),
            )
            .with_hint("the address must begin with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SystemError::new(
                SystemErrorKind::Misconfigured,
                "the URL carries a user name or password",
            )
            .with_hint("user name and password belong into the credentials, not into the address"));
        }
        match url.host_str() {
            None | Some("") => Err(SystemError::new(SystemErrorKind::Misconfigured, "the URL has no host")
                .with_hint("the address has no host name")),
            Some(host) => match literal(host) {
                Some(address) if !self.permits(address) => {
                    Err(forbidden(format!("{address} is an address that connectors may not reach")))
                }
                _ => Ok(()),
            },
        }
    }

    /// An HTTP client that resolves names through this guard, ignores proxies of the environment and
    /// follows up to 5 redirects on the same origin. `timeout` covers a request with its whole reply.
    /// Callers pass each URL to [`check_url`](Self::check_url) first.
    ///
    /// # Errors
    /// `Internal` when the machine has no certificate store.
    pub fn http_client(&self, timeout: Duration) -> Result<reqwest::Client, SystemError> {
        self.client(timeout, Redirects::SameOrigin, HeaderMap::new())
    }

    /// One request to somebody who is no system of a tenant, and its whole reply, of at most `bytes_max`.
    ///
    /// # Errors
    /// As [`check_url`](Self::check_url); `Unavailable`, `Timeout`; `Malformed` for a longer reply.
    pub async fn fetch(
        &self,
        request: ::http::Request<Vec<u8>>,
        timeout: Duration,
        bytes_max: usize,
    ) -> Result<::http::Response<Vec<u8>>, SystemError> {
        let mut request = reqwest::Request::try_from(request).map_err(|error| failed(&error))?;
        self.check_url(request.url())?;
        let client = self.client(timeout, Redirects::SameOrigin, HeaderMap::new())?;
        let call = call::begin(&mut request, call::Tell::Host);
        let mut reply = answer(&call, client.execute(request)).await?;
        let mut body = Vec::new();
        while let Some(chunk) = reply.chunk().await.map_err(|error| failed(&error))? {
            if body.len() + chunk.len() > bytes_max {
                let detail = format!("the reply has more than {bytes_max} bytes");
                return Err(SystemError::new(SystemErrorKind::Malformed, detail));
            }
            body.extend_from_slice(&chunk);
        }
        let mut whole = ::http::Response::new(body);
        *whole.status_mut() = reply.status();
        *whole.headers_mut() = reply.headers().clone();
        Ok(whole)
    }

    /// A client for [`send`](Self::send), which keeps connections open.
    ///
    /// # Errors
    /// `Internal` when the machine has no certificate store.
    pub fn sender(&self, timeout: Duration) -> Result<reqwest::Client, SystemError> {
        self.client(timeout, Redirects::None, HeaderMap::new())
    }

    /// One request by a [`sender`](Self::sender) to somebody who is no system of a tenant. It follows no redirect, and reads
    /// of the reply the first `bytes_max` bytes.
    ///
    /// # Errors
    /// As [`check_url`](Self::check_url); `Unavailable`, `Timeout`.
    pub async fn send(
        &self,
        sender: &reqwest::Client,
        request: ::http::Request<Vec<u8>>,
        bytes_max: usize,
    ) -> Result<::http::Response<Vec<u8>>, SystemError> {
        let mut request = reqwest::Request::try_from(request).map_err(|error| failed(&error))?;
        self.check_url(request.url())?;
        let call = call::begin(&mut request, call::Tell::Host);
        let mut reply = answer(&call, sender.execute(request)).await?;
        let mut body = Vec::new();
        while body.len() < bytes_max
            // A reply that breaks off has been given all the same.
            && let Ok(Some(chunk)) = reply.chunk().await
        {
            body.extend_from_slice(&chunk[..chunk.len().min(bytes_max - body.len())]);
        }
        let mut whole = ::http::Response::new(body);
        *whole.status_mut() = reply.status();
        *whole.headers_mut() = reply.headers().clone();
        Ok(whole)
    }

    /// [`http_client`](Self::http_client) with other redirects, and headers for each request.
    pub(crate) fn client(
        &self,
        timeout: Duration,
        redirects: Redirects,
        headers: HeaderMap,
    ) -> Result<reqwest::Client, SystemError> {
        install_crypto_provider();
        let guard = self.clone();
        let policy = match redirects {
            Redirects::None => Policy::none(),
            kept => Policy::custom(move |attempt| match guard.check_redirect(&attempt, kept) {
                Ok(()) => attempt.follow(),
                Err(error) => attempt.error(error),
            }),
        };
        reqwest::Client::builder()
            .dns_resolver(Arc::new(GuardedResolver { egress: self.clone() }))
            .redirect(policy)
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            .default_headers(headers)
            .user_agent(concat!("trestle/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                SystemError::new(
                    SystemErrorKind::Internal,
                    format!("building the HTTP client: {}", chain(&error)),
                )
            })
    }

    fn check_redirect(&self, attempt: &Attempt<'_>, redirects: Redirects) -> Result<(), SystemError> {
        if attempt.previous().len() > REDIRECTS_MAX {
            let detail = format!("more than {REDIRECTS_MAX} redirects");
            return Err(SystemError::new(SystemErrorKind::Misconfigured, detail)
                .with_hint("the address redirects in circles"));
        }
        self.check_url(attempt.url())?;
        let same_origin =
            attempt.previous().last().is_some_and(|last| last.origin() == attempt.url().origin());
        if redirects == Redirects::SameOrigin && !same_origin {
            let origin = attempt.url().origin().ascii_serialization();
            return Err(SystemError::new(SystemErrorKind::Misconfigured, format!("redirected to {origin}")).with_hint(
                "the address redirects to another one, where credentials are not sent; enter the final address",
            ));
        }
        Ok(())
    }
}

/// The guard's own refusal, when that is why a request failed: clients wrap it several times.
pub(crate) fn refusal(error: &reqwest::Error) -> Option<SystemError> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(refusal) = current.downcast_ref::<SystemError>() {
            return Some(refusal.clone());
        }
        cause = current.source();
    }
    None
}

/// The reply to a request, or that there is none, in the span of the call.
async fn answer(
    call: &Span,
    reply: impl Future<Output = reqwest::Result<reqwest::Response>>,
) -> Result<reqwest::Response, SystemError> {
    match call.within(reply).await {
        Ok(reply) => {
            call::answered(call, reply.status());
            Ok(reply)
        }
        Err(error) => {
            call.fail("no_answer");
            Err(failed(&error))
        }
    }
}

/// Why a request failed: the guard's own refusal, or the transport's.
fn failed(error: &reqwest::Error) -> SystemError {
    let kind = if error.is_timeout() { SystemErrorKind::Timeout } else { SystemErrorKind::Unavailable };
    refusal(error).unwrap_or_else(|| SystemError::new(kind, chain(error)))
}

/// An error with all its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        let next = current.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = current.source();
    }
    text
}

struct GuardedResolver {
    egress: Egress,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let egress = self.egress.clone();
        Box::pin(async move {
            // Port 0: the client puts the URL's port in.
            let addresses = egress.resolve(name.as_str(), 0).await?;
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

/// Makes ring the process's TLS provider, unless someone chose one before.
fn install_crypto_provider() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!("a TLS provider was installed before; it is kept");
        }
    });
}

fn literal(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host).parse().ok()
}

fn forbidden(detail: String) -> SystemError {
    SystemError::new(SystemErrorKind::Forbidden, detail).with_hint(FORBIDDEN_HINT)
}

fn no_such_host(host: &str, reason: &str) -> SystemError {
    SystemError::new(SystemErrorKind::Misconfigured, format!("resolving {host}: {reason}"))
        .with_hint("the host name does not exist")
}

/// The standard library gives getaddrinfo's answer as text only (rust-lang/rust#108277), so the text of
/// `EAI_NONAME` and `EAI_NODATA` decides between a wrong name and a name service that is down.
fn resolve_error(host: &str, error: &io::Error) -> SystemError {
    let text = error.to_string();
    let unknown = ["not known", "No address associated", "nodename nor servname", "No such host"];
    if unknown.iter().any(|phrase| text.contains(phrase)) || error.kind() == io::ErrorKind::InvalidInput {
        no_such_host(host, &text)
    } else {
        SystemError::new(SystemErrorKind::Unavailable, format!("resolving {host}: {text}"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::net::IpAddr;

    use reqwest::Url;

    use super::Egress;
    use crate::SystemErrorKind;

    fn allowing(networks: &[&str]) -> Egress {
        Egress::new(networks.iter().map(|network| network.parse().unwrap()).collect())
    }

    #[test]
    fn refuses_everything_that_is_not_public() {
        let refused = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "3fff::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "100::1",
            "64:ff9b:1::1",
            "5f00::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "::10.1.2.3",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2002:a9fe:a9fe::1",
        ];
        let egress = Egress::default();
        for text in refused {
            assert!(!egress.permits(text.parse::<IpAddr>().unwrap()), "{text} must be refused");
        }
    }

    #[test]
    fn permits_public_addresses() {
        let permitted = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ];
        let egress = Egress::default();
        for text in permitted {
            assert!(egress.permits(text.parse::<IpAddr>().unwrap()), "{text} must be permitted");
        }
    }

    #[test]
    fn allowed_networks_open_the_address_in_each_of_its_forms_and_nothing_else() {
        let egress = allowing(&["127.0.0.0/8", "fd12::/16"]);
        for text in ["127.0.0.1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "fd12::1"] {
            assert!(egress.permits(text.parse::<IpAddr>().unwrap()), "{text} must be permitted");
        }
        for text in ["10.0.0.1", "::1", "fd13::1", "169.254.169.254"] {
            assert!(!egress.permits(text.parse::<IpAddr>().unwrap()), "{text} must be refused");
        }
        // Allowing a translation prefix does not open what lies behind it.
        assert!(!allowing(&["64:ff9b::/96"]).permits("64:ff9b::7f00:1".parse::<IpAddr>().unwrap()));
    }

    #[test]
    fn urls_are_judged_in_their_normalised_form() {
        let egress = Egress::default();
        let refused = [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://0/",
            "http://[::1]/",
            "http://[::127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://①②⑦.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "http://[fe80::1]/",
            "http://0.0.0.0/",
            "http://:@127.0.0.1/",
            "http://[::]/",
            "http://127.0.0.1./",
            "http://0x7f.1/",
            "http://017700000001/",
            "http://127.0.0.0x1/",
            "http://%31%32%37.0.0.1/",
            "http://127。0。0。1/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:0:7f00:1]/",
            "http://[64:ff9b::127.0.0.1]/",
            "http://[2002:7f00:1::]/",
            "http://127.0.0.1\\@example.com/",
            "http://127.0.0.1#@example.com/",
            "http://127.0.0.1?@example.com/",
            "http:127.0.0.1/",
            "http:/\\127.0.0.1/",
            "http://127.0.0.1\t/",
        ];
        for text in refused {
            let error = egress.check_url(&Url::parse(text).unwrap()).unwrap_err();
            assert_eq!(error.kind, SystemErrorKind::Forbidden, "{text}");
            assert!(error.hint.unwrap().contains("the operator can allow it"));
        }
        for text in [
            "ftp://example.com/",
            "file:///etc/passwd",
            "http://user:pass@example.com/",
            "http://u@example.com",
            "http://example.com@127.0.0.1/",
            "http://example.com:80@127.0.0.1/",
            "gopher://127.0.0.1/",
        ] {
            let error = egress.check_url(&Url::parse(text).unwrap()).unwrap_err();
            assert_eq!(error.kind, SystemErrorKind::Misconfigured, "{text}");
        }
        for text in ["http://8.8.8.8/", "https://example.com/a?b=c", "http://[2606:4700::1111]:8080/"] {
            egress.check_url(&Url::parse(text).unwrap()).unwrap();
        }
    }

    #[tokio::test]
    async fn resolving_gives_only_what_may_be_reached() {
        for host in ["127.0.0.1", "localhost", "[::1]", "::1", "[::127.0.0.1]", "0x7f.1", "2130706433"] {
            let error = Egress::default().resolve(host, 80).await.unwrap_err();
            assert_eq!(error.kind, SystemErrorKind::Forbidden, "{host}: {error}");
        }
        for host in [
            "0.0.0.0",
            "0",
            "::",
            "[::]",
            "127.1",
            "127.0.0.1.",
            "0177.0.0.1",
            "017700000001",
            "0x7f000001",
            "localhost.",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fe80::1%1",
            "127.0.0.1:80",
            "a@127.0.0.1",
            "[127.0.0.1]",
        ] {
            // Some resolvers take such a form for an address, others for no name.
            let error = Egress::default().resolve(host, 80).await.unwrap_err();
            let refused =
                [SystemErrorKind::Forbidden, SystemErrorKind::Misconfigured, SystemErrorKind::Unavailable];
            assert!(refused.contains(&error.kind), "{host}: {error}");
        }
        for host in ["", "/var/run/postgresql", "a b", "a\0b"] {
            let error = Egress::default().resolve(host, 80).await.unwrap_err();
            assert_eq!(error.kind, SystemErrorKind::Misconfigured, "{host}");
        }
        let loopback = allowing(&["127.0.0.0/8"]);
        assert_eq!(loopback.resolve("127.0.0.1", 5432).await.unwrap(), ["127.0.0.1:5432".parse().unwrap()]);
        // Of a name with several addresses only the allowed ones are used.
        assert!(
            loopback
                .resolve("localhost", 80)
                .await
                .unwrap()
                .iter()
                .all(|a| a.ip().is_loopback() && a.is_ipv4())
        );
        assert_eq!(Egress::default().resolve("8.8.8.8", 53).await.unwrap(), ["8.8.8.8:53".parse().unwrap()]);
    }
}
