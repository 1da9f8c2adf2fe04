//! URLs of Redis, and what they name.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError};

/// Port of a server that names none.
const SERVER_PORT: u16 = 6379;
/// Port of a Sentinel that names none.
const SENTINEL_PORT: u16 = 26379;

/// A URL that is not one of Redis. It never says the URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It begins otherwise.
    #[error(
        "it must begin with redis://, rediss://, redis-sentinel://, rediss-sentinel://, redis-cluster:// or \
         rediss-cluster://"
    )]
    Scheme,
    /// A part of it is missing or wrong.
    #[error("{0}")]
    Part(&'static str),
    /// The client does not take it.
    #[error("the URL of Redis can't be used")]
    Client(#[from] RedisError),
}

/// What a URL names.
#[derive(Debug)]
pub(crate) enum Address {
    Server(Box<ConnectionInfo>),
    Sentinels(Box<Sentinels>),
    Cluster(Vec<ConnectionInfo>),
}

/// Sentinels, the master that they watch, and who signs in where.
#[derive(Debug)]
pub(crate) struct Sentinels {
    pub(crate) nodes: Vec<ConnectionAddr>,
    pub(crate) master: String,
    pub(crate) has_tls: bool,
    /// User, password and number of the database of the master.
    pub(crate) server: ConnectionInfo,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = url.split_once("://").ok_or(AddressError::Scheme)?;
        let server_scheme = if scheme.starts_with("rediss") { "rediss" } else { "redis" };
        match scheme {
            "redis" | "rediss" => Ok(Self::Server(Box::new(url.into_connection_info()?))),
            "redis-cluster" | "rediss-cluster" => {
                let parts = Parts::of(rest)?;
                let node = |host: &&str| parts.url(server_scheme, host, SERVER_PORT).into_connection_info();
                Ok(Self::Cluster(parts.hosts.iter().map(node).collect::<Result<_, _>>()?))
            }
            "redis-sentinel" | "rediss-sentinel" => Self::sentinels(server_scheme, rest),
            _ => Err(AddressError::Scheme),
        }
    }

    fn sentinels(scheme: &str, rest: &str) -> Result<Self, AddressError> {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let parts = Parts::of(rest)?;
        let (mut master, mut user, mut password) = (None, None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "master" => master = Some(value.to_owned()),
                "sentinelUser" => user = Some(value.to_owned()),
                "sentinelPassword" => password = Some(value.to_owned()),
                _ => {
                    return Err(AddressError::Part(
                        "it may say master, sentinelUser and sentinelPassword, and nothing else",
                    ));
                }
            }
        }
        let master = master.filter(|name| !name.is_empty());
        let master = master.ok_or(AddressError::Part("it must say ?master= and the name of the master"))?;
        let info = |host: &&str| parts.url(scheme, host, SENTINEL_PORT).into_connection_info();
        let nodes = parts.hosts.iter().map(info).collect::<Result<Vec<_>, _>>()?;
        let server = nodes.first().ok_or(NO_HOST)?.clone();
        Ok(Self::Sentinels(Box::new(Sentinels {
            nodes: nodes.iter().map(|node| node.addr().clone()).collect(),
            master,
            has_tls: scheme == "rediss",
            server,
            user,
            password,
        })))
    }
}

const NO_HOST: AddressError = AddressError::Part("it must name a host");

/// Of a URL of several hosts, what comes after `://`.
struct Parts<'a> {
    /// With its `@`, or empty.
    credentials: &'a str,
    hosts: Vec<&'a str>,
    /// With its `/`, or empty.
    database: &'a str,
}

impl<'a> Parts<'a> {
    fn of(rest: &'a str) -> Result<Self, AddressError> {
        let (credentials, rest) = rest.split_at(rest.rfind('@').map_or(0, |at| at + 1));
        let (hosts, database) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let hosts: Vec<&str> = hosts.split(',').collect();
        if hosts.iter().any(|host| host.is_empty()) {
            return Err(NO_HOST);
        }
        Ok(Self { credentials, hosts, database })
    }

    /// The URL of one of the hosts.
    fn url(&self, scheme: &str, host: &str, default_port: u16) -> String {
        // An IPv6 address is in brackets.
        let has_port = host.rfind(':').is_some_and(|colon| !host[colon..].contains(']'));
        let port = if has_port { String::new() } else { format!(":{default_port}") };
        format!("{scheme}://{}{host}{port}{}", self.credentials, self.database)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use redis::{ConnectionAddr, ConnectionInfo};

    use super::Address;

    fn texts<'a>(addresses: impl IntoIterator<Item = &'a ConnectionAddr>) -> Vec<String> {
        addresses.into_iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_form_names_what_it_says() {
        let Address::Server(server) = Address::parse("rediss://ada:pw@cache:7000/3").unwrap() else {
            panic!()
        };
        assert_eq!(texts([server.addr()]), ["cache:7000"]);
        assert!(matches!(server.addr(), ConnectionAddr::TcpTls { insecure: false, .. }));
        let who = |info: &ConnectionInfo| {
            let settings = info.redis_settings();
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            (text(settings.username()), text(settings.password()), settings.db())
        };
        assert_eq!(who(&server), ("ada".into(), "pw".into(), 3));

        let Address::Cluster(nodes) = Address::parse("redis-cluster://:p%40w@a,b:7001,[::1]").unwrap() else {
            panic!()
        };
        assert_eq!(texts(nodes.iter().map(ConnectionInfo::addr)), ["a:6379", "b:7001", "::1:6379"]);
        assert_eq!(who(&nodes[1]), (String::new(), "p@w".into(), 0));

        let url = "redis-sentinel://ada:pw@s1,s2:5000/2?master=main&sentinelPassword=secret";
        let Address::Sentinels(sentinels) = Address::parse(url).unwrap() else { panic!() };
        assert_eq!(texts(&sentinels.nodes), ["s1:26379", "s2:5000"]);
        assert_eq!((sentinels.master.as_str(), sentinels.has_tls), ("main", false));
        assert_eq!(who(&sentinels.server), ("ada".into(), "pw".into(), 2));
        assert_eq!((sentinels.user.as_deref(), sentinels.password.as_deref()), (None, Some("secret")));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_url() {
        for (url, words) in [
            ("http://secret@cache", "must begin with redis://"),
            ("cache:6379", "must begin with redis://"),
            ("redis-cluster://secret@", "must name a host"),
            ("redis-cluster://secret@a,,b", "must name a host"),
            ("redis-sentinel://secret@a", "must say ?master="),
            ("redis-sentinel://secret@a?master=", "must say ?master="),
            ("redis-sentinel://secret@a?master=m&tls=1", "and nothing else"),
            ("redis://secret@a:port", "can't be used"),
        ] {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains("secret"), "{url}: {error}");
        }
    }
}
