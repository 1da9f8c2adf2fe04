//! A real OAuth 2.0 authorization server, `oidc-provider` in Node.js, with an API that takes its access tokens, and a
//! browser that gives access there. Refresh tokens are good once: one that comes twice ends all that was given with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::header::{CONTENT_SECURITY_POLICY, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{StatusCode, Url};
use serde_json::{Value, json};

use super::client::http;
use super::process::{Process, free_port};
use super::trestle::{Setup, Trestle};
use super::watchdog;
use crate::peer::node;

/// How long Node.js may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Redirects from the server's page back to Trestle: there are four.
const REDIRECTS_MAX: usize = 10;
/// Where browsers find Trestle, which is at another address: the test is their proxy.
pub const PUBLIC_URL: &str = "https://trestle.example";
/// What the server and Trestle know of each other.
pub const CLIENT_SECRET: &str = "a client's secret & a % sign";
/// Records of the API.
pub const RECORDS: usize = 20;

/// A server on a port of its own; ends when dropped.
pub struct AuthorizationServer {
    port: u16,
    directory: PathBuf,
    world: Mutex<Value>,
    _process: Process,
}

/// What somebody sees who follows links.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    pub text: String,
    /// Where they are sent to.
    pub location: Option<Url>,
    pub policy: String,
}

impl Page {
    /// Where its one link leads, which says what it does.
    pub fn link(&self) -> Url {
        let (_, rest) = self.text.split_once("<a href=\"").unwrap_or_else(|| panic!("no link: {self:?}"));
        let (href, _) = rest.split_once('"').expect("it ends");
        href.replace("&#38;", "&").parse().unwrap_or_else(|error| panic!("{href}: {error}"))
    }
}

/// Somebody's browser, with its cookies for Trestle.
#[derive(Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

/// Settings with which people find Trestle.
pub fn public(setup: Setup) -> Setup {
    setup
        .setting("TRESTLE_PUBLIC_URL", PUBLIC_URL)
        .setting("TRESTLE_ALLOWED_ORIGINS", "https://portal.example")
}

impl Browser {
    /// Opens a page of Trestle by its public address.
    pub async fn open(&mut self, trestle: &Trestle, url: &str) -> Page {
        let path = url.strip_prefix(PUBLIC_URL).unwrap_or_else(|| panic!("{url} is not Trestle's"));
        let jar: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = http().get(format!("{}{path}", trestle.url())).header(COOKIE, jar.join("; "));
        let response = request.send().await.expect("Trestle answers");
        let headers = response.headers().clone();
        for cookie in headers.get_all(SET_COOKIE) {
            let text = cookie.to_str().expect("ASCII");
            for wanted in ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"] {
                assert!(text.split("; ").any(|part| part == wanted), "{text}");
            }
            let (name, value) = text.split(';').next().unwrap_or_default().split_once('=').expect("a cookie");
            assert!(name.starts_with("__Host-"), "{name}");
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Page {
            status: response.status(),
            location: header(LOCATION).map(|location| location.parse().expect("a URL")),
            policy: header(CONTENT_SECURITY_POLICY).unwrap_or_default().to_owned(),
            text: response.text().await.expect("the whole page"),
        }
    }
}

impl AuthorizationServer {
    /// Starts one whose access tokens live for an hour.
    pub async fn start() -> Self {
        let client = |id: &str, method: &str| {
            json!({
                "client_id": id, "client_secret": CLIENT_SECRET, "token_endpoint_auth_method": method,
                "redirect_uris": [format!("{PUBLIC_URL}/oauth/callback")], "response_types": ["code"],
                "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            })
        };
        let mut public = client("public", "none");
        public.as_object_mut().expect("an object").remove("client_secret");
        public["grant_types"] = json!(["authorization_code", "refresh_token"]);
        let clients = json!([
            client("trestle", "client_secret_basic"),
            client("in the body", "client_secret_post"),
            public
        ]);
        let world = json!({"clients": clients, "ttl": 3600, "fault": null});
        let (port, directory) = (free_port(), watchdog::directory("authorization-server"));
        let file = directory.join("world.json");
        std::fs::write(&file, world.to_string()).expect("a file of ours");
        let mut command = node("oidc_provider", "oidc-provider", "authorization_server.mjs");
        command.arg(port.to_string()).arg(file);
        let mut process =
            Process::start("authorization server", &mut command, &directory.join("server.log"), "KILL");
        process.line("listening on ", START_LIMIT).await;
        Self { port, directory, world: Mutex::new(world), _process: process }
    }

    /// Its issuer, too.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Of an `http` system of its API, to which a person gives access, with these changes to `oauth2`.
    pub fn config(&self, changes: Value) -> Value {
        let mut oauth2 = json!({
            "grant": "authorization_code", "authorizationUrl": format!("{}/auth", self.url()),
            "tokenUrl": format!("{}/token", self.url()), "scopes": ["orders:read"],
        });
        for (name, value) in changes.as_object().expect("an object") {
            oauth2[name] = value.clone();
        }
        json!({"baseUrl": format!("{}/api/v1", self.url()), "auth": "oauth2", "oauth2": oauth2, "timeoutMs": 20_000})
    }

    /// The same, whose client has access by itself.
    pub fn own_config(&self, changes: Value) -> Value {
        let mut config = self.config(changes);
        config["oauth2"]["grant"] = json!("client_credentials");
        config["oauth2"].as_object_mut().expect("an object").remove("authorizationUrl");
        config
    }

    /// What a system has that asks as this client.
    pub fn credentials(&self) -> Value {
        json!({"clientId": "trestle", "clientSecret": CLIENT_SECRET})
    }

    /// From now on access tokens live for so many seconds.
    pub fn tokens_live(&self, seconds: u32) {
        self.change("ttl", json!(seconds));
    }

    /// What becomes of requests for tokens from now on: a status; `wait`, for as long as it says so; `lose answer`.
    pub fn fault(&self, fault: Value) {
        self.change("fault", fault);
    }

    fn change(&self, name: &str, value: Value) {
        let mut world = self.world.lock().expect("no test panics here");
        world[name] = value;
        // In one step: the server reads it at any moment.
        let (next, file) = (self.directory.join("next.json"), self.directory.join("world.json"));
        std::fs::write(&next, world.to_string()).expect("a file of ours");
        std::fs::rename(next, file).expect("a file of ours");
    }

    /// Somebody withdraws all that they gave.
    pub async fn withdraw(&self) {
        self.admin("withdraw").await;
    }

    /// All access tokens end now, and can be renewed.
    pub async fn end_tokens(&self) {
        self.admin("end_tokens").await;
    }

    /// How many requests for tokens of a kind it has answered with this status.
    pub async fn answered(&self, grant: &str, status: u16) -> usize {
        let asked = self.admin("asked").await["asked"].clone();
        let requests = asked.as_array().expect("a list");
        requests.iter().filter(|one| one["grant"] == grant && one["status"] == status).count()
    }

    /// How many requests for tokens came in.
    pub async fn asked(&self) -> usize {
        self.admin("asked").await["asked"].as_array().expect("a list").len()
    }

    /// All tokens and codes so far.
    pub async fn secrets(&self) -> Vec<String> {
        let all = self.admin("asked").await["secrets"].clone();
        serde_json::from_value(all).expect("a list of texts")
    }

    /// How many records its API has taken.
    pub async fn taken(&self) -> usize {
        self.admin("asked").await["taken"].as_u64().expect("a number") as usize
    }

    async fn admin(&self, what: &str) -> Value {
        let response = http().get(format!("{}/admin/{what}", self.url())).send().await;
        response.expect("the server answers").json().await.expect("JSON")
    }

    /// Gives access on the server's page, or says no as `nobody`; the address that the browser is sent back to.
    pub async fn give_access(&self, page: Url, account: &str) -> Url {
        let (mut url, mut cookies) = (page, BTreeMap::<String, String>::new());
        for _redirect in 0..REDIRECTS_MAX {
            let jar: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let request = http().get(url.clone()).header("x-account", account).header(COOKIE, jar.join("; "));
            let response = request.send().await.expect("the server answers");
            for cookie in response.headers().get_all(SET_COOKIE) {
                let pair = cookie.to_str().expect("ASCII").split(';').next().unwrap_or_default();
                let (name, value) = pair.split_once('=').expect("a cookie");
                cookies.insert(name.to_owned(), value.to_owned());
            }
            let status = response.status();
            let Some(location) = response.headers().get(LOCATION) else {
                panic!("{url}: {status} {}", response.text().await.unwrap_or_default());
            };
            url = url.join(location.to_str().expect("ASCII")).expect("a URL");
            if url.as_str().starts_with(PUBLIC_URL) {
                return url;
            }
        }
        panic!("too many redirects, the last one to {url}");
    }

    /// Opens a link, gives access as this account, and comes back.
    pub async fn connect(&self, trestle: &Trestle, link: &str, account: &str) -> Page {
        let mut browser = Browser::default();
        let page = browser.open(trestle, link).await;
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        let back = self.give_access(page.link(), account).await;
        browser.open(trestle, back.as_str()).await
    }
}
