//! A real OpenID Connect provider, `oidc-provider` in Node.js, whose people a test chooses, and a browser that signs in
//! there. Deliberately absent: the portal; a test is that itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use serde_json::{Value, json};

use super::client::{Client, http};
use super::process::{Process, free_port};
use super::watchdog;
use crate::peer::node;

/// How long Node.js may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Redirects from the provider's page to the portal: there are four.
const REDIRECTS_MAX: usize = 10;
/// Where people come back to.
pub const PORTAL: &str = "https://portal.example/signed-in";
/// What the provider and Trestle know of each other.
const CLIENT_SECRET: &str = "a secret & a % sign";

/// A provider on a port of its own, the same after a restart.
pub struct Oidc {
    port: u16,
    directory: PathBuf,
    world: Value,
    process: Option<Process>,
}

impl Oidc {
    /// Starts one without people.
    pub async fn start() -> Self {
        let clients = json!([
            {"client_id": "trestle", "client_secret": CLIENT_SECRET, "redirect_uris": [PORTAL]},
            {
                "client_id": "in the body", "client_secret": CLIENT_SECRET, "redirect_uris": [PORTAL],
                "token_endpoint_auth_method": "client_secret_post",
            },
            {"client_id": "public", "token_endpoint_auth_method": "none", "redirect_uris": [PORTAL]},
        ]);
        let mut oidc = Self {
            port: free_port(),
            directory: watchdog::directory("oidc"),
            world: json!({"clients": clients, "accounts": {}}),
            process: None,
        };
        oidc.start_again().await;
        oidc
    }

    /// Starts it again after [`kill9`](Self::kill9), on the same port, with new keys.
    pub async fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        self.write();
        let mut command = node("oidc_provider", "oidc-provider", "server.mjs");
        command.arg(self.port.to_string()).arg(self.directory.join("world.json"));
        let mut process = Process::start("oidc", &mut command, &self.directory.join("oidc.log"), "KILL");
        process.line("listening on ", START_LIMIT).await;
        self.process = Some(process);
    }

    /// Ends it as a crash does.
    pub fn kill9(&mut self) {
        self.process.take().expect("it runs").kill9();
    }

    /// Under which it is discovered.
    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Somebody who can sign in there, and what it says of them.
    pub fn person(&mut self, subject: &str, claims: Value) {
        self.world["accounts"][subject] = claims;
        self.write();
    }

    /// From now on its id tokens say something that is not so; `None`: they are right again.
    pub fn tamper(&mut self, lie: Option<&str>) {
        self.world["tamper"] = json!(lie);
        self.write();
    }

    fn write(&self) {
        std::fs::write(self.directory.join("world.json"), self.world.to_string()).expect("a file of ours");
    }

    /// Makes it an identity provider of Trestle, with these changes to the input; its id.
    pub async fn register(&self, administrator: &Client, changes: Value) -> String {
        let payload = administrator
            .mutate("createIdentityProvider", self.input(changes), "identityProvider { id }")
            .await;
        payload["identityProvider"]["id"].as_str().expect("an id").to_owned()
    }

    /// The input that makes it an identity provider.
    pub fn input(&self, changes: Value) -> Value {
        let mut input = json!({
            "name": "Acme login", "issuer": self.issuer(), "clientId": "trestle", "clientSecret": CLIENT_SECRET,
            "redirectUris": [PORTAL],
        });
        for (name, value) in changes.as_object().expect("an object") {
            input[name] = value.clone();
        }
        input
    }

    /// Begins to sign in: the provider's page, and what the browser keeps.
    pub async fn leave(&self, client: &Client, provider: &str) -> (Url, Value) {
        let input = json!({"identityProviderId": provider, "redirectUri": PORTAL});
        let started = client.mutate("startSingleSignOn", input, "authorizationUrl secret expiresAt").await;
        let url = started["authorizationUrl"].as_str().expect("a URL");
        (url.parse().expect("a URL"), started["secret"].clone())
    }

    /// Signs in at the provider's page; the query that its browser brings back to the portal.
    pub async fn visit(&self, page: Url, subject: &str) -> BTreeMap<String, String> {
        let (mut url, mut cookies) = (page, BTreeMap::<String, String>::new());
        for _redirect in 0..REDIRECTS_MAX {
            let jar: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let request = http().get(url.clone()).header("x-account", subject).header(COOKIE, jar.join("; "));
            let response = request.send().await.expect("the provider answers");
            for cookie in response.headers().get_all(SET_COOKIE) {
                let pair = cookie.to_str().expect("ASCII").split(';').next().unwrap_or_default();
                let (name, value) = pair.split_once('=').expect("a cookie");
                cookies.insert(name.to_owned(), value.to_owned());
            }
            let status = response.status();
            let Some(location) = response.headers().get(LOCATION) else {
                panic!("{url}: {status} {}", response.text().await.unwrap_or_default());
            };
            let location = location.to_str().expect("ASCII");
            url = url.join(location).expect("a URL");
            if location.starts_with(PORTAL) {
                return url.query_pairs().into_owned().collect();
            }
        }
        panic!("too many redirects, the last one to {url}");
    }

    /// Leaves, signs in, and comes back: the input of `finishSingleSignOn`.
    pub async fn come_back(&self, client: &Client, provider: &str, subject: &str) -> Value {
        let (page, secret) = self.leave(client, provider).await;
        let back = self.visit(page, subject).await;
        json!({"state": back["state"], "code": back["code"], "secret": secret})
    }
}
